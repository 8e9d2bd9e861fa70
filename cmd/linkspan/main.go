// Command linkspan links two clinical systems: the daemon, its demonstration,
// stand-ins for the systems, and the tools for supplier engineers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Run       runCommand       `cmd:"" help:"Run the daemon, configured by LINKSPAN_* variables."`
	Check     checkCommand     `cmd:"" help:"Look at everything a daemon with this configuration needs, and change nothing."`
	Demo      demoCommand      `cmd:"" help:"Run both stand-ins and the bridge here, and one exchange each way."`
	Translate translateCommand `cmd:"" help:"Translate one native message, offline."`
	Standin   standinCommand   `cmd:"" help:"Serve records from native files as one of the clinical systems."`
	Audit     auditCommand     `cmd:"" help:"Prove the audit log, and report from it."`
	Top       topCommand       `cmd:"" help:"Show how the link does, live, from its operations page."`
	Control   controlCommand   `cmd:"" help:"Drain, pause, resume, reload or roll back running instances."`
	Tables    tablesCommand    `cmd:"" help:"Load, check, review, approve, try and undo mapping tables."`
	Enrol     enrolCommand     `cmd:"" help:"Have a system take this machine on, and keep the id it gives."`
	Settings  settingsCommand  `cmd:"" help:"Print a commented file of all settings."`
	Facts     versionCommand   `cmd:"" name:"version" help:"Print what this binary is made of."`
	Man       manCommand       `cmd:"" hidden:"" help:"Print the manual page."`
	Platform  platformCommands `embed:""`

	Version kong.VersionFlag `help:"Print the version."`
}

// streams are where a command writes.
type streams struct{ out, err io.Writer }

// usageError is a mistake on the command line that only the command can see.
type usageError struct{ error }

// errRefused ends a command with exit code 1; the reason is already printed.
var errRefused = errors.New("refused")

func main() {
	os.Exit(linkspan(os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// linkspan runs one command: exit code 0 done, 1 refused or failed, 2 used
// wrongly.
func linkspan(args []string, to streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	exit := -1
	parser, err := kong.New(&commands{}, kong.Name("linkspan"), kong.UsageOnError(),
		kong.Description("A bridge between exactly two clinical systems."),
		kong.Vars{"version": version}, kong.Writers(to.out, to.err), kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(to))
	if err != nil {
		fmt.Fprintln(to.err, "linkspan:", err)
		return 2
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintln(to.err, "linkspan:", err)
		return 2
	}
	err = command.Run()
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errRefused):
		return 1
	}
	fmt.Fprintln(to.err, "linkspan:", err)
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}
