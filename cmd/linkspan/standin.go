package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
)

type standinCommand struct {
	System  string        `arg:"" help:"The system to stand in for, e.g. emisweb."`
	Files   string        `required:"" type:"existingdir" help:"Folder of native record files."`
	Listen  string        `default:"127.0.0.1:0" help:"Address to serve the system's wire on."`
	ODS     []string      `help:"Organisations it answers for; default any."`
	Format  string        `help:"Record format where the system has several: medicalrecord or openhr."`
	Latency time.Duration `help:"Wait before each answer."`
	Silent  bool          `help:"Never answer."`
	Error   string        `help:"Answer every request with this native error."`

	WrongPatient bool `help:"Answer about another patient."`
	NoPatient    bool `help:"Answer without naming the patient."`
	Truncate     bool `help:"Cut every answer short."`
	Malformed    bool `help:"Answer with XML that is not well formed."`
}

// Run serves until interrupted.
func (c standinCommand) Run(ctx context.Context, to streams) error {
	for _, s := range pairs.Systems() {
		if s.Name != c.System {
			continue
		}
		stand, err := standin.New(c.System, os.DirFS(c.Files), standin.Options{Latency: c.Latency, Silent: c.Silent, Error: c.Error,
			WrongPatient: c.WrongPatient, NoPatient: c.NoPatient, Truncate: c.Truncate, Malformed: c.Malformed, Organisations: c.ODS, Format: c.Format})
		if err != nil {
			return err
		}
		listener, err := wire.Listen(ctx, s.Wire, c.Listen, stand.Handle, wire.ListenOptions{})
		if err != nil {
			return err
		}
		fmt.Fprintf(to.out, "%s stand-in on %s\n", s.Title, listener.Addr())
		<-ctx.Done()
		return listener.Shutdown(context.Background())
	}
	return fmt.Errorf("no system %q", c.System)
}
