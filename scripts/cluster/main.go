// Cluster runs the profile of docs/deploy/cluster.md on this machine's loopback
// address, from the files in docs/deploy/cluster: three nodes of the
// nats-server in go.mod, an edge for each side, three replicas of the exchange,
// and stand-ins for the two systems.
//
//	go run ./scripts/cluster [-nodes] [-for 10m] FOLDER
//
// Everything is under FOLDER, which must not be there yet: keys, settings, data,
// logs, and the pid of each process. A process that ends is started again after
// a second, as a unit would do. All of it ends with an interrupt, or after the
// time of -for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	nodesOnly := flags.Bool("nodes", false, "the three nodes and everybody's keys, without roles and stand-ins")
	limit := flags.Duration("for", 10*time.Minute, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("want one folder, which is made")
	}
	root, err := top(ctx)
	if err != nil {
		return err
	}
	folder, err := filepath.Abs(flags.Arg(0))
	if err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	c, err := newCluster(root, folder)
	if err != nil {
		return err
	}
	if err := c.build(ctx, "nats-server", "github.com/nats-io/nats-server/v2"); err != nil {
		return err
	}
	if err := c.prepareNodes(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	servers, instances := &supervisor{folder: folder}, &supervisor{folder: folder}
	defer func() { // the nodes last: a drain needs them
		cancel()
		instances.wait()
		stop()
		servers.wait()
	}()
	for _, node := range nodes {
		servers.start(serving, node, c.node(node))
	}
	if err := c.joined(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "nodes", c.urls())
	if !*nodesOnly {
		if err := c.build(ctx, "linkspan", "./cmd/linkspan"); err != nil {
			return err
		}
		if err := c.prepareRoles(); err != nil {
			return err
		}
		c.startRoles(ctx, instances)
		if err := c.answered(ctx); err != nil {
			return err
		}
		fmt.Fprint(out, c.told())
	}
	fmt.Fprintln(out, "ready")
	<-ctx.Done()
	return nil
}

// top is the folder of go.mod.
func top(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
