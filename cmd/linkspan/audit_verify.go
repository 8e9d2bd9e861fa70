package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
)

type auditVerify struct {
	auditPlace
	auditServers
	Checkpoint []string `help:"File of a checkpoint that was kept elsewhere, e.g. from the operations subject."`
	Witness    []string `help:"SEQ:TREEHEAD, or INSTANCE:SEQ:TREEHEAD, as answers between the roles bring it; or the file an edge keeps its witnesses in."`
	Key        string   `help:"The verifier key, or its file; default the one kept with the checkpoints."`
	Segment    []string `help:"Verify this exported segment instead."`
	By         string   `help:"Your name; required with --nats."`
}

// Run verifies every log that is here and every instance that answers. The exit
// code is 1 where any is damaged, cannot be proven or did not answer.
func (c auditVerify) Run(ctx context.Context, to streams) error {
	if len(c.Segment) > 0 {
		return c.segments(to)
	}
	witnesses, err := c.witnesses()
	if err != nil {
		return err
	}
	expected, err := c.expected(witnesses)
	if err != nil {
		return err
	}
	bad := false
	var names []string
	if c.Data != "" || c.auditServers.NATS == "" {
		if names, err = c.instances(); err != nil {
			return err
		}
		for _, name := range expected { // known of, and not here
			if !slices.Contains(names, name) && c.auditServers.NATS == "" && (c.Instance == "" || c.Instance == name) {
				say(to, name+": NOT HERE: something is kept of its log, and there is no log")
				bad = true
			}
		}
	}
	if len(witnesses[""]) > 0 {
		name, err := c.one() // the witness names no instance
		if err != nil {
			return err
		}
		witnesses[name] = append(witnesses[name], witnesses[""]...)
	}
	for _, name := range names {
		ok, err := c.verify(ctx, to, name, witnesses[name])
		if err != nil {
			return err
		}
		bad = bad || !ok
	}
	if c.auditServers.NATS != "" {
		ok, err := c.ask(ctx, to, witnesses)
		if err != nil {
			return err
		}
		bad = bad || !ok
	}
	if bad {
		return errRefused
	}
	return nil
}

// verify proves one log and says what that proves, and what it does not.
func (c auditVerify) verify(ctx context.Context, to streams, name string, own []audit.Receipt) (bool, error) {
	h, err := c.evidence(name, own, c.Checkpoint, c.Key)
	var usage usageError
	if errors.As(err, &usage) {
		return false, err
	}
	if err != nil {
		say(to, name+": CANNOT BE PROVEN: "+err.Error())
		return false, nil
	}
	v, err := audit.VerifyAgainst(ctx, c.dir(), name, h.Evidence)
	var damage *audit.Damage
	if errors.As(err, &damage) {
		say(to, name+": DAMAGED: "+damage.Error())
		say(to, "  the first bad record is "+firstBad(damage)+"; keep the files as they are and call whoever answers for them")
		return false, nil
	}
	if err != nil {
		return false, err
	}
	say(to, fmt.Sprintf("%s: whole: records %d to %d, each follows the one before", name, v.First, v.Last.Seq))
	switch {
	case h.away > 0:
		say(to, fmt.Sprintf("  proven up to record %d by %s kept elsewhere (key: %s)", v.Proven, plural(v.Held, "checkpoint or witness", "checkpoints and witnesses"), h.key))
	case v.Beside > 0:
		say(to, fmt.Sprintf("  up to record %d by what is kept beside the log only: whoever can write the log can write that too; give --checkpoints, --checkpoint or --witness", v.Beside))
	default:
		say(to, "  nothing is kept of it elsewhere: give --checkpoints, --checkpoint or --witness")
	}
	printWindow(to, v)
	ok := true
	for _, d := range v.Deletions {
		say(to, fmt.Sprintf("  deleted: records %d to %d, on %s, by %s: %s", d.First, d.Last, utc(d.At), printable(d.By), printable(d.Why)))
		if d.At.After(time.Now()) {
			say(to, "  DAMAGED: that deletion is of the future: the clock was set forward to delete before the eight years were over")
			ok = false
		}
	}
	if h.beside != nil {
		say(to, "  DAMAGED: the checkpoint beside the log is not the instance's own: "+h.beside.Error())
		ok = false
	}
	if v.Hashes != "" {
		say(to, "  note: "+v.Hashes+"; the log is proven without it, and it is made anew at the next start")
	}
	say(to, fmt.Sprintf("  the log ends with %d:%s", v.Last.Seq, v.Last.TreeHead))
	return ok, nil
}

// say prints what stands below a verdict for people, and goes on below it where
// it is long. A verdict itself is one line, for those who search for it.
func say(to streams, text string) {
	margin := text[:len(text)-len(strings.TrimLeft(text, " "))]
	if margin == "" {
		fmt.Fprintln(to.out, text)
		return
	}
	fmt.Fprintln(to.out, fold(columns, margin, margin+"  ", text))
}

func firstBad(d *audit.Damage) string {
	switch {
	case d.Through > d.Seq:
		return fmt.Sprintf("one of %d to %d", d.Seq, d.Through)
	case d.Line > 0:
		return fmt.Sprintf("%d, line %d of %s", d.Seq, d.Line, d.File)
	}
	return strconv.FormatUint(d.Seq, 10)
}

// printWindow states what the verification leaves open.
func printWindow(to streams, v audit.Verdict) {
	n := v.Window()
	switch {
	case n == 0:
		say(to, "  window: none")
	case n == 1:
		say(to, fmt.Sprintf("  window: record %d, written %s: nothing kept elsewhere reaches it yet, and whoever can write the log can change it or cut it off", v.Last.Seq, utc(v.WindowFrom)))
	default:
		say(to, fmt.Sprintf("  window: records %d to %d, written since %s: nothing kept elsewhere reaches them yet, and whoever can write the log can change them or cut them off",
			v.Last.Seq-n+1, v.Last.Seq, utc(v.WindowFrom)))
	}
}

// witnesses reads what was given of each instance, "" for the only one.
func (c auditVerify) witnesses() (map[string][]audit.Receipt, error) {
	all := map[string][]audit.Receipt{}
	for _, given := range c.Witness {
		if text, err := os.ReadFile(given); err == nil {
			var kept map[string]struct {
				Instance string
				Seq      uint64
				TreeHead string `json:"tree_head"`
			}
			if err := json.Unmarshal(text, &kept); err != nil {
				return nil, usageError{fmt.Errorf("audit: %s is not a file of witnesses", filepath.Base(given))}
			}
			for _, w := range kept {
				all[w.Instance] = append(all[w.Instance], audit.Receipt{Seq: w.Seq, TreeHead: w.TreeHead})
			}
			continue
		}
		parts := strings.Split(given, ":")
		name := ""
		if len(parts) == 3 {
			name, parts = parts[0], parts[1:]
		}
		seq, err := strconv.ParseUint(parts[0], 10, 62)
		if err != nil || len(parts) != 2 || seq == 0 {
			return nil, usageError{errors.New("audit: --witness wants SEQ:TREEHEAD, INSTANCE:SEQ:TREEHEAD or a file")}
		}
		if name == "" {
			name = c.Instance
		}
		all[name] = append(all[name], audit.Receipt{Seq: seq, TreeHead: parts[1]})
	}
	return all, nil
}

// expected are the instances of which anything is kept or given.
func (c auditVerify) expected(witnesses map[string][]audit.Receipt) ([]string, error) {
	names := append(c.known(), c.Expect...)
	for name := range witnesses {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, file := range c.Checkpoint {
		name, err := checkpointOf(file)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// ask has every running instance prove, to this machine, that its log holds
// what witnesses and checkpoints saw.
func (c auditVerify) ask(ctx context.Context, to streams, witnesses map[string][]audit.Receipt) (bool, error) {
	if c.By == "" {
		return false, usageError{errors.New("audit: --nats wants --by: the instances write down who asked")}
	}
	known, err := c.expected(witnesses)
	if err != nil {
		return false, err
	}
	for _, name := range known {
		h, err := c.evidence(name, witnesses[name], c.Checkpoint, c.Key)
		if err != nil {
			return false, err
		}
		for _, one := range h.Checkpoints {
			witnesses[name] = append(witnesses[name], audit.Receipt{Seq: one.Size, TreeHead: one.Root})
		}
	}
	nc, err := c.connect()
	if err != nil {
		return false, err
	}
	defer nc.Close()
	sizes := map[string][]uint64{}
	for name, seen := range witnesses {
		for _, w := range seen {
			sizes[name] = append(sizes[name], w.Seq)
		}
	}
	answers, err := bridge.AskAudit(ctx, bridge.AuditGather{NATS: nc, Economy: c.Economy, Link: c.link(), KeyFile: c.LinkKey, Expect: known, Wait: c.Wait},
		bridge.AuditQuestion{Kind: bridge.AuditVerify, By: c.By}, sizes)
	if err != nil {
		return false, err
	}
	ok := len(answers) > 0
	if !ok {
		fmt.Fprintln(to.out, "NO INSTANCE ANSWERED")
	}
	for _, from := range answers {
		ok = c.judge(to, from, witnesses[from.Instance]) && ok
	}
	return ok, nil
}

// judge believes of an instance's answer what it proves.
func (c auditVerify) judge(to streams, from bridge.AuditFrom, witnesses []audit.Receipt) bool {
	name, a := from.Instance, from.Answer
	if from.Err != nil {
		say(to, fmt.Sprintf("%s: DID NOT ANSWER: %v", name, from.Err))
		return false
	}
	key, source, err := c.verifier(name, c.Key)
	if err == nil && key == "" {
		key, source = a.Verifier, "said by the instance itself"
	}
	var checkpoint audit.Checkpoint
	if err == nil {
		checkpoint, err = audit.ParseCheckpoint(a.Checkpoint, key)
	}
	if err == nil && checkpoint.Instance != name {
		err = errors.New("the checkpoint is of another instance")
	}
	for _, w := range witnesses {
		if err == nil {
			err = provenBy(a.Proofs, checkpoint, w)
		}
	}
	if err == nil && a.Damage != "" {
		err = errors.New(a.Damage)
	}
	if err != nil {
		say(to, fmt.Sprintf("%s: DAMAGED: %v", name, err))
		return false
	}
	say(to, fmt.Sprintf("%s: whole, as the instance says: records %d to %d", name, a.Verdict.First, a.Verdict.Last.Seq))
	say(to, fmt.Sprintf("  proven here by its checkpoint of record %d: it holds what %s saw (key: %s)", checkpoint.Size, plural(len(witnesses), "witness", "witnesses"), source))
	return true
}

func provenBy(proofs []audit.Proof, c audit.Checkpoint, w audit.Receipt) error {
	for _, p := range proofs {
		if p.Size == w.Seq {
			return p.Check(c, w)
		}
	}
	return fmt.Errorf("the log ends at record %d, and a witness of record %d is kept", c.Size, w.Seq)
}

// segments verifies exported segments, which need no log.
func (c auditVerify) segments(to streams) error {
	for _, name := range c.Segment {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("audit: segment: %w", err)
		}
		defer file.Close()
		instance := c.Instance
		if instance == "" {
			if instance, err = audit.SegmentInstance(name); err != nil {
				return err
			}
		}
		key, from, err := c.verifier(instance, c.Key)
		if err != nil {
			return err
		}
		if key == "" {
			return usageError{errors.New("audit: want --key, the verifier key as linkspan audit key prints it where the log is")}
		}
		head, checkpoint, err := audit.ReadSegment(file, key, nil)
		if err != nil {
			say(to, fmt.Sprintf("%s: DAMAGED: %v", name, err))
			return errRefused
		}
		say(to, fmt.Sprintf("%s: whole: records %d to %d of %s, proven by its checkpoint of record %d of %s (key: %s)",
			name, head.First, head.Last, head.Instance, checkpoint.Size, utc(checkpoint.Time), from))
	}
	return nil
}
