// Package makes what is shipped: the reproducible binary, and the Debian package
// around it with nothing but Go and dpkg-deb.
//
//	go run ./scripts/package build [-os windows] [-arch amd64] FILE
//	go run ./scripts/package deb [FOLDER]
//
// VERSION, COMMIT and SOURCE_DATE_EPOCH may be set; default the version in the
// source, and the commit and its time as git knows them. The same three and the
// same source make the same bytes in any folder on any machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("one of build, deb")
	}
	root, err := top()
	if err != nil {
		return err
	}
	r, err := releaseOf(ctx, root)
	if err != nil {
		return err
	}
	switch args[0] {
	case "build":
		flags := flag.NewFlagSet("build", flag.ContinueOnError)
		goos := flags.String("os", runtime.GOOS, "GOOS")
		goarch := flags.String("arch", runtime.GOARCH, "GOARCH")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if flags.NArg() != 1 {
			return errors.New("build: want the file to write")
		}
		return r.build(ctx, *goos, *goarch, flags.Arg(0))
	case "deb":
		folder := filepath.Join(root, "dist")
		if len(args) > 1 {
			folder = args[1]
		}
		file, err := r.deb(ctx, folder)
		if err == nil {
			fmt.Println(file)
		}
		return err
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// release is what makes one build differ from another.
type release struct {
	root    string
	version string // empty for that of the source
	commit  string
	time    time.Time
}

func releaseOf(ctx context.Context, root string) (release, error) {
	r := release{root: root, version: os.Getenv("VERSION"), commit: os.Getenv("COMMIT"), time: time.Unix(0, 0)}
	if r.commit == "" {
		r.commit = "unknown"
		if said, err := output(ctx, root, nil, "git", "rev-parse", "HEAD"); err == nil {
			r.commit = strings.TrimSpace(said)
			if changes, err := output(ctx, root, nil, "git", "status", "--porcelain", "--untracked-files=no"); err != nil || changes != "" {
				r.commit += "-changed"
			}
		}
	}
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		if said, err := output(ctx, root, nil, "git", "log", "-1", "--format=%ct"); err == nil {
			epoch = strings.TrimSpace(said)
		}
	}
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return release{}, errors.New("SOURCE_DATE_EPOCH: want seconds")
		}
		r.time = time.Unix(seconds, 0)
	}
	return r, nil
}

// build builds the static binary: no cgo, nothing of the folder it was built
// in, and no look at the repository.
func (r release) build(ctx context.Context, goos, goarch, into string) error {
	into, err := filepath.Abs(into)
	if err != nil {
		return err
	}
	link := "-s -w -buildid= -X main.commit=" + r.commit
	if r.version != "" {
		link += " -X main.version=" + r.version
	}
	env := []string{"CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch, "GOFLAGS=-mod=readonly", "GOAMD64=v1"}
	_, err = output(ctx, r.root, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", link, "-o", into, "./cmd/linkspan")
	return err
}

// output is what a command writes to its standard output; what it writes to the
// other stands in the error.
func output(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = dir, append(os.Environ(), env...)
	said, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("%s %s: %w\n%s", name, args[0], err, failed.Stderr)
	}
	return string(said), err
}

// top is the folder of go.mod, from here upwards.
func top() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
}
