package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/linkspan/linkspan/bridge/audit"
)

type auditExport struct {
	auditPlace
	auditWho
	From   string `help:"First day, as 2026-11-01; default the beginning of the log. Days are of UTC."`
	To     string `help:"Last day; default the end of the log."`
	Output string `short:"o" required:"" help:"The file to write; it must not exist."`
	Key    string `help:"The verifier key, or its file; default the one kept with the checkpoints."`
}

// Run writes a part of a log with what proves it, as far as the newest
// checkpoint reaches.
func (c auditExport) Run(ctx context.Context, to streams) error {
	name, err := c.one()
	if err != nil {
		return err
	}
	from, until, err := days(c.From, c.To)
	if err != nil {
		return err
	}
	newest, err := c.newest(name)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("records of %s from %q to %q, days of UTC, as far as record %d", name, c.From, c.To, newest.Size)
	if c.Why != "" {
		what += "; " + c.Why
	}
	if _, err := c.writeDown(audit.Entry{Event: audit.EventExported, Cause: what}, c.auditWho, nil); err != nil {
		return err
	}
	file, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("audit: export: %w", err)
	}
	head, err := audit.Export(ctx, file, c.dir(), name, from, until, newest)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Output))
	}
	fmt.Fprintf(to.out, "%s: records %d to %d of %s, proven by the checkpoint of record %d of %s\n", c.Output, head.First, head.Last, name, newest.Size, utc(newest.Time))
	return nil
}

// newest is the newest checkpoint of an instance, here or elsewhere.
func (c auditExport) newest(name string) (audit.Checkpoint, error) {
	key, _, err := c.verifier(name, c.Key)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	if key == "" {
		return audit.Checkpoint{}, usageError{errors.New("audit: want --key, the verifier key of the instance")}
	}
	var newest audit.Checkpoint
	for _, dir := range []string{c.dir(), c.Checkpoints} {
		if dir == "" {
			continue
		}
		e, err := audit.ReadEvidence(dir, name, key)
		if err != nil {
			return newest, err
		}
		for _, one := range e.Checkpoints {
			if one.Size > newest.Size {
				newest = one
			}
		}
	}
	if newest.Size == 0 {
		return newest, errors.New("audit: export: there is no checkpoint of this log yet")
	}
	return newest, nil
}

// days reads a first and a last day, both inclusive.
func days(from, to string) (start, end time.Time, err error) {
	if from != "" {
		if start, err = time.Parse(time.DateOnly, from); err != nil {
			return start, end, usageError{errors.New("audit: --from wants a day as 2026-11-23")}
		}
	}
	if to != "" {
		if end, err = time.Parse(time.DateOnly, to); err != nil {
			return start, end, usageError{errors.New("audit: --to wants a day as 2026-11-23")}
		}
		end = end.AddDate(0, 0, 1)
	}
	return start, end, nil
}

type auditDelete struct {
	auditPlace
	By      string `required:"" help:"Your name; it is written into the log before anything is deleted."`
	Why     string `required:"" help:"Why; it is written into the log."`
	Segment string `arg:"" help:"Name of the file, which must be the oldest closed one."`
}

// Run deletes the oldest closed segment, on the record. Nothing else ever does.
func (c auditDelete) Run(_ context.Context, to streams) error {
	name, err := c.one()
	if err != nil {
		return err
	}
	segments, err := audit.Segments(c.dir(), name)
	if err != nil {
		return err
	}
	if len(segments) == 0 || segments[0].File != c.Segment {
		return usageError{errors.New("audit: that is not the oldest closed segment: only the oldest can be deleted")}
	}
	key, err := audit.LoadSigningKey(c.keyFile(name), name)
	if err != nil {
		return err
	}
	log, err := audit.OpenWith(c.dir(), name, audit.OpenOptions{Signer: key, Checkpoints: c.Checkpoints})
	if err != nil {
		return fmt.Errorf("the instance must be stopped for this: %w", err)
	}
	gone, err := log.DeleteOldest(c.By, c.Why)
	if err = errors.Join(err, log.Close()); err != nil {
		return err
	}
	fmt.Fprintf(to.out, "deleted: %s, records %d to %d; the log says so\n", gone.File, gone.First, gone.Last)
	return nil
}
