package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkspan/linkspan/bridge/tablesync"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

type tablesActivate struct {
	tablesSettings
	tablesWho
	Keep int `env:"LINKSPAN_TABLE_SETS" default:"5" help:"Sets that stay on disk, the active one included."`
}

type tablesRollback struct {
	tablesSettings
	tablesWho
	Digest string `arg:"" optional:"" help:"Start of the digest of a kept set; default the previous one."`
}

type tablesPush struct {
	tablesSettings
	tablesWho
	natsTLS
	URL      string `name:"nats" env:"LINKSPAN_NATS_URL" required:"" help:"The NATS servers, with JetStream."`
	Economy  string `env:"LINKSPAN_ECONOMY" required:"" help:"Name of the health economy."`
	Replicas int    `default:"1" help:"Servers of the cluster that hold the sets; 3 survive the loss of one."`
	Expect   string `help:"Digest, or its start, of the set believed to be active on the instances; none for none. Another one there refuses the push. Default: whichever is."`
	Digest   string `arg:"" optional:"" help:"Start of the digest of a kept set; default the drafts."`
}

// changedJSON is what became of a change.
type changedJSON struct {
	Digest     string             `json:"digest"`
	Previous   string             `json:"previous,omitempty"`
	Since      time.Time          `json:"since"`
	By         string             `json:"by"`
	Already    bool               `json:"already"` // it was active before, nothing was done
	Tables     []mapset.Entry     `json:"tables"`
	Until      string             `json:"until,omitempty"` // the first day on which other rows are in force
	Warnings   []faultJSON        `json:"warnings"`
	Notices    []string           `json:"notices"`
	Difference *mapset.Difference `json:"difference"`
}

// Run checks the drafts as a whole and makes them the active set. With any fault nothing changes.
func (c tablesActivate) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if err := d.needPair(); err != nil {
		return err
	}
	d.policy.Kept = c.Keep
	done := newProgress(to).during("checking the drafts in " + shownPath(d.Dir))
	report, err := d.folder.Activate(d.policy, c.name(), time.Now())
	done()
	return d.changed("activated", report, err)
}

// Run goes back to a set that was kept, verified as when it was activated.
func (c tablesRollback) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if err := d.needPair(); err != nil {
		return err
	}
	report, err := d.folder.Rollback(d.policy, c.Digest, c.name(), time.Now())
	return d.changed("rolled back", report, err)
}

// changed tells what became of a change of the active set.
func (d *desk) changed(what string, report mapset.Report, err error) error {
	var elsewhere *mapset.MasterError
	switch {
	case errors.As(err, &elsewhere):
		return d.refuse("nothing was changed here", []mapping.Fault{{File: d.Dir, What: "the sets of this folder come from elsewhere",
			Why: "every instance would go its own way", Mend: "use " + elsewhere.Command}})
	case err != nil:
		return err
	case len(report.Faults) > 0:
		return d.refuse("the active set stays as it was", report.Faults)
	}
	warnings, _ := ownWarnings(report.Warnings)
	p := report.Pointer
	result := changedJSON{Digest: p.Digest, Previous: p.Previous, Since: p.Since, By: p.By, Already: report.Already, Tables: report.Manifest.Tables,
		Until: report.Set.Until(), Warnings: warningsJSON(warnings), Notices: append([]string{}, report.Notices...), Difference: &report.Difference}
	return d.print(result, func(out io.Writer) { d.printChanged(out, what, result) })
}

func (d *desk) printChanged(out io.Writer, what string, r changedJSON) {
	own, rows := 0, 0
	for _, e := range r.Tables {
		if !e.Starter() {
			own, rows = own+1, rows+e.Rows
		}
	}
	if r.Already {
		what = "already active, nothing was done"
	}
	head := fmt.Sprintf("%s: set %s, %s with %s", what, short(r.Digest), plural(own, "table", "tables"), plural(rows, "row", "rows"))
	if starter := len(r.Tables) - own; starter > 0 {
		head += fmt.Sprintf(", over %s", plural(starter, "starter table", "starter tables"))
	}
	fmt.Fprintln(out, wrapped("", head+", by "+r.By))
	if r.Previous != "" {
		fmt.Fprintln(out, "previous: "+short(r.Previous)+", to go back: linkspan tables rollback")
	}
	if r.Until != "" {
		fmt.Fprintln(out, "other rows are in force from "+r.Until)
	}
	if len(r.Warnings) > 0 {
		fmt.Fprintln(out, plural(len(r.Warnings), "kind of warning", "kinds of warning")+": linkspan tables check")
	}
	for _, notice := range r.Notices {
		fmt.Fprintln(out, wrapped("", "note: "+notice))
	}
	if !r.Already {
		fmt.Fprintln(out)
		printDifference(out, *r.Difference, 3)
	}
}

// Run keeps the drafts as a set, or takes one that is kept, sends it and moves the pointer all instances follow.
func (c tablesPush) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if err := d.needPair(); err != nil {
		return err
	}
	now := time.Now()
	var loaded mapset.Loaded
	if c.Digest != "" {
		loaded = d.folder.Load(c.Digest, d.policy)
	} else {
		report, err := d.folder.Keep(d.policy, c.name(), now)
		if err != nil {
			return err
		}
		loaded = report.Loaded
	}
	if len(loaded.Faults) > 0 {
		return d.refuse("nothing was sent, the active set stays as it was", loaded.Faults)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	nc, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	place := tablesync.Place{Economy: c.Economy, Pair: d.Pair, Replicas: c.Replicas}
	expected, err := c.expected(ctx, js, place)
	if err != nil {
		return err
	}
	digest := loaded.Manifest.Digest()
	pointer, err := tablesync.Push(ctx, js, place, d.folder, tablesync.Order{Digest: digest, Expected: expected, By: c.name(), At: now})
	var moved *tablesync.MovedError
	if errors.As(err, &moved) {
		fmt.Fprintln(to.err, wrapped("", "refused: "+moved.Error()))
		return errRefused
	}
	if err != nil {
		return err
	}
	result := changedJSON{Digest: pointer.Digest, Previous: pointer.Previous, Since: pointer.At, By: pointer.By, Already: expected == digest,
		Tables: loaded.Manifest.Tables, Until: loaded.Set.Until(), Warnings: warningsJSON(loaded.Warnings), Notices: append([]string{}, loaded.Notices...)}
	return d.print(result, func(out io.Writer) {
		fmt.Fprintln(out, wrapped("", fmt.Sprintf("pushed: set %s is active for every instance of %s, %s, by %s; each checks it before it uses it", short(result.Digest), c.Economy, d.Pair, result.By)))
		if result.Previous != "" {
			fmt.Fprintln(out, wrapped("", "previous: "+short(result.Previous)+", to go back: linkspan tables push "+short(result.Previous)))
		}
	})
}

// connect waits until the servers are there.
func (c tablesPush) connect(ctx context.Context) (*nats.Conn, error) {
	nc, err := c.dial(c.URL, "linkspan tables push")
	if err != nil {
		return nil, err
	}
	wait := time.NewTimer(10 * time.Second)
	defer wait.Stop()
	there := nc.StatusChanged(nats.CONNECTED)
	if nc.IsConnected() {
		return nc, nil
	}
	select {
	case <-there:
		return nc, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-wait.C:
		err = errors.New("push: the NATS servers do not answer")
		if last := nc.LastError(); last != nil {
			err = fmt.Errorf("push: the NATS servers do not answer: %w", last)
		}
	}
	nc.Close()
	return nil, err
}

// expected is the digest the pointer must stand at: the one somebody looked at, or where none was named whatever it is.
func (c tablesPush) expected(ctx context.Context, js jetstream.JetStream, place tablesync.Place) (string, error) {
	now, err := tablesync.Read(ctx, js, place)
	if err != nil && !tablesync.Absent(err) {
		return "", err
	}
	switch {
	case c.Expect == "":
		return now.Digest, nil
	case c.Expect == "none":
		return "", nil
	case now.Digest != "" && len(c.Expect) >= 4 && len(c.Expect) <= len(now.Digest) && now.Digest[:len(c.Expect)] == c.Expect:
		return now.Digest, nil
	}
	return c.Expect, nil
}
