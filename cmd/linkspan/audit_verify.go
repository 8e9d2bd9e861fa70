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

// held is what the command has of one instance's log.
type held struct {
	audit.Evidence
	away int // pieces that were not kept beside the log
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
	bad := false
	var names []string
	if c.Data != "" || c.auditServers.NATS == "" {
		if names, err = c.instances(); err != nil {
			return err
		}
		for _, name := range c.known(witnesses) { // known of, and not here
			if !slices.Contains(names, name) && c.auditServers.NATS == "" && (c.Instance == "" || c.Instance == name) {
				fmt.Fprintf(to.out, "%s: NOT HERE: something is kept of its log, and there is no log\n", name)
				bad = true
			}
		}
	}
	for _, name := range names {
		ok, err := c.verify(ctx, to, name, witnesses[name], len(names) == 1, witnesses)
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

// evidence gathers what is kept of a log, beside it and elsewhere.
func (c auditVerify) evidence(name string, witnesses []audit.Receipt) (held, string, error) {
	var h held
	key, from, err := c.verifier(name, c.Key)
	if err != nil {
		return h, from, err
	}
	h.Witnesses, h.away = witnesses, len(witnesses)
	if key == "" {
		return h, from, nil
	}
	if c.Checkpoints != "" {
		e, err := audit.ReadEvidence(c.Checkpoints, name, key)
		if err != nil {
			return h, from, err
		}
		h.add(e)
	}
	for _, file := range c.Checkpoint {
		if text, err := os.ReadFile(file); err != nil || audit.InstanceOf(string(text)) != name {
			if err != nil {
				return h, from, fmt.Errorf("audit: checkpoint: %w", err)
			}
			continue
		}
		e, err := audit.ReadEvidence(file, name, key)
		if err != nil {
			return h, from, err
		}
		h.add(e)
	}
	away := h.away
	own, err := audit.ReadEvidence(c.dir(), name, key)
	if err == nil {
		h.add(own)
	}
	h.away = away
	return h, from, nil
}

func (h *held) add(e audit.Evidence) {
	h.Checkpoints = append(h.Checkpoints, e.Checkpoints...)
	h.Copies = append(h.Copies, e.Copies...)
	h.away += len(e.Checkpoints)
}

// verify proves one log and says what that proves, and what it does not.
func (c auditVerify) verify(ctx context.Context, to streams, name string, own []audit.Receipt, alone bool, all map[string][]audit.Receipt) (bool, error) {
	if alone {
		own = append(own, all[""]...)
	}
	h, from, err := c.evidence(name, own)
	if err != nil {
		fmt.Fprintf(to.out, "%s: CANNOT BE PROVEN: %v\n", name, err)
		return false, nil
	}
	v, err := audit.VerifyAgainst(ctx, c.dir(), name, h.Evidence)
	var damage *audit.Damage
	if errors.As(err, &damage) {
		fmt.Fprintf(to.out, "%s: DAMAGED: %v\n", name, damage)
		fmt.Fprintf(to.out, "  the first bad record is %s; keep the file as it is and call whoever answers for it\n", firstBad(damage))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	fmt.Fprintf(to.out, "%s: whole: records %d to %d, each follows the one before\n", name, v.First, v.Last.Seq)
	switch {
	case h.away > 0:
		fmt.Fprintf(to.out, "  proven up to record %d by %s (key: %s)\n", v.Proven, plural(v.Held, "checkpoint or witness", "checkpoints and witnesses"), from)
	case v.Held > 0:
		fmt.Fprintf(to.out, "  up to record %d by what is kept beside the log only: whoever can write the log can write that too; give --checkpoints, --checkpoint or --witness\n", v.Proven)
	default:
		fmt.Fprintln(to.out, "  nothing is kept of it elsewhere: give --checkpoints, --checkpoint or --witness")
	}
	printWindow(to, v)
	if v.Hashes != "" {
		fmt.Fprintf(to.out, "  note: %s; the log is proven without it, and it is made anew at the next start\n", v.Hashes)
	}
	fmt.Fprintf(to.out, "  the log ends with %d:%s\n", v.Last.Seq, v.Last.TreeHead)
	return true, nil
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
	if n := v.Window(); n > 0 {
		fmt.Fprintf(to.out, "  window: %s, %d to %d, written since %s: no checkpoint or witness reaches them yet, and the chain alone cannot show that their end was not cut off\n",
			plural(int(n), "record", "records"), v.Last.Seq-n+1, v.Last.Seq, utc(v.WindowFrom))
		return
	}
	fmt.Fprintln(to.out, "  window: none")
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

// known are the instances of which anything is kept.
func (c auditVerify) known(witnesses map[string][]audit.Receipt) []string {
	names := slices.Clone(c.Expect)
	for name := range witnesses {
		if name != "" {
			names = append(names, name)
		}
	}
	if c.Checkpoints != "" {
		files, _ := filepath.Glob(filepath.Join(c.Checkpoints, "*.checkpoint")) // the pattern is well-formed
		for _, file := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".checkpoint"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ask has every running instance prove, to this machine, that its log holds
// what witnesses and checkpoints saw.
func (c auditVerify) ask(ctx context.Context, to streams, witnesses map[string][]audit.Receipt) (bool, error) {
	if c.By == "" {
		return false, usageError{errors.New("audit: --nats wants --by: the instances write down who asked")}
	}
	known := c.known(witnesses)
	for _, name := range known {
		h, _, err := c.evidence(name, witnesses[name])
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
		fmt.Fprintf(to.out, "%s: DID NOT ANSWER: %v\n", name, from.Err)
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
		fmt.Fprintf(to.out, "%s: DAMAGED: %v\n", name, err)
		return false
	}
	fmt.Fprintf(to.out, "%s: whole, as the instance says: records %d to %d\n", name, a.Verdict.First, a.Verdict.Last.Seq)
	fmt.Fprintf(to.out, "  proven here by its checkpoint of record %d: it holds what %s saw (key: %s)\n", checkpoint.Size, plural(len(witnesses), "witness", "witnesses"), source)
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
			fmt.Fprintf(to.out, "%s: DAMAGED: %v\n", name, err)
			return errRefused
		}
		fmt.Fprintf(to.out, "%s: whole: records %d to %d of %s, proven by its checkpoint of record %d of %s (key: %s)\n",
			name, head.First, head.Last, head.Instance, checkpoint.Size, utc(checkpoint.Time), from)
	}
	return nil
}
