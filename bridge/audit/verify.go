package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Evidence is what of a log was kept where those who can write the log cannot.
type Evidence struct {
	// Checkpoints are believed: ParseCheckpoint has proven them.
	Checkpoints []Checkpoint
	// Beside are checkpoints that lie beside the log, proven by ParseCheckpoint.
	// The log is held against them, but whoever can write it can write them
	// too: Held and Proven do not count them.
	Beside []Checkpoint
	// Witnesses are what answers between the roles brought, or what Append gave:
	// the number of a record and the tree head after it, or its hash.
	Witnesses []Receipt
	// Copies are files of hashes. They are believed as far as a checkpoint or a
	// witness proves them, and then say exactly which record was changed.
	Copies []string
}

// Verdict is what the verification of a log found.
type Verdict struct {
	Instance string `json:"instance"`
	// First is the number of the first record there is, above 1 where closed
	// segments were deleted. Last is the last.
	First uint64  `json:"first"`
	Last  Receipt `json:"last"`
	// Held is how many pieces of evidence hold, and Proven up to which record
	// they reach. What lies after it is the window: the chain alone speaks for
	// it, and whoever can write the file can change it, or drop it with what
	// came after Last.
	Held   int    `json:"held"`
	Proven uint64 `json:"proven"`
	// Beside is up to which record the checkpoints beside the log hold.
	Beside uint64 `json:"beside,omitempty"`
	// Deletions are what the log says was deleted of it.
	Deletions []Deleted `json:"deletions,omitempty"`
	// WindowFrom is the time of the first record of the window, zero where there
	// is no window.
	WindowFrom time.Time `json:"window_from,omitzero"`
	// Until is the time of the last record.
	Until time.Time `json:"until,omitzero"`
	// Events counts the records by event.
	Events map[string]int `json:"events"`
	// Hashes is what is wrong with the file of hashes beside the log, "" where
	// nothing is. The log is proven without it and it is made anew from the log.
	Hashes string `json:"hashes,omitempty"`
}

// Deleted is a closed segment that a record says is gone: who deleted it, when by
// the clock of then, and why.
type Deleted struct {
	First uint64    `json:"first"`
	Last  uint64    `json:"last"`
	At    time.Time `json:"at"`
	By    string    `json:"by"`
	Why   string    `json:"why"`
}

// Window is how many records no evidence reaches.
func (v Verdict) Window() uint64 { return v.Last.Seq - min(v.Proven, v.Last.Seq) }

// piece is one piece of evidence about the log as it was after a record.
type piece struct {
	seq        uint64
	head, hash string // either may be ""
	what       string // "checkpoint" or "witness"
	beside     bool   // whoever can write the log can write it too
}

func (e Evidence) pieces(instance string) []piece {
	var pieces []piece
	for _, c := range e.Checkpoints {
		if c.Instance == instance {
			pieces = append(pieces, piece{seq: c.Size, head: c.Root, what: "checkpoint"})
		}
	}
	for _, c := range e.Beside {
		if c.Instance == instance {
			pieces = append(pieces, piece{seq: c.Size, head: c.Root, what: "checkpoint", beside: true})
		}
	}
	for _, w := range e.Witnesses {
		pieces = append(pieces, piece{seq: w.Seq, head: w.TreeHead, hash: w.Hash, what: "witness"})
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.seq, b.seq) })
	return slices.DeleteFunc(pieces, func(p piece) bool { return p.seq == 0 })
}

// VerifyAgainst proves the whole log of an instance: every record's hash, that
// each follows the one before without a gap, and that the log is the one the
// evidence is of. The first bad record is named by a *Damage, exactly where a
// copy of the hashes is proven by the evidence, otherwise as the range between
// two pieces of evidence. It may run while the log is written.
func VerifyAgainst(ctx context.Context, dir, instance string, e Evidence) (Verdict, error) {
	p, err := openParts(dir, instance)
	if err != nil {
		return Verdict{Instance: instance}, err
	}
	defer p.close()
	return p.against(ctx, dir, instance, e)
}

func (p parts) against(ctx context.Context, dir, instance string, e Evidence) (Verdict, error) {
	pieces := e.pieces(instance)
	verdict, err := p.prove(ctx, dir, instance, pieces)
	var damage *Damage
	if errors.As(err, &damage) {
		if exact := p.firstChanged(damage, pieces, e.Copies); exact != nil {
			err = exact
		}
	}
	return verdict, p.located(err)
}

// prove reads the log from its beginning to the first fault.
func (p parts) prove(ctx context.Context, dir, instance string, pieces []piece) (Verdict, error) {
	v := Verdict{Instance: instance, Events: map[string]int{}}
	at, err := p.start(instance)
	if err != nil {
		return v, err
	}
	v.First = at.last.Seq + 1
	beside := compareHashes(filepath.Join(dir, instance+".hashes"), at.last.Seq)
	defer beside.close()
	var stored []tlog.Hash
	last, torn, err := walk(io.NewSectionReader(p, 0, p.size()), instance, at.last, 0, func(r Receipt, line, body []byte) error {
		stored = at.tree.add(leafHash(line), stored[:0])
		beside.compare(r.Seq, stored)
		v.note(r, body)
		for len(pieces) > 0 && pieces[0].seq <= r.Seq {
			if err := v.hold(pieces[0], r, &at.tree); err != nil {
				return err
			}
			pieces = pieces[1:]
		}
		return ctx.Err()
	})
	v.Last = last
	v.Last.TreeHead = at.tree.head().String()
	if err != nil {
		return v, err
	}
	if v.Hashes = beside.fault; v.Hashes == "" {
		v.Hashes = beside.more(last.Seq)
	}
	if len(pieces) > 0 {
		newest := pieces[len(pieces)-1]
		lost := missing(instance, last.Seq, newest.seq, newest.what)
		if v.Proven < last.Seq {
			lost.Fault += fmt.Sprintf("; nothing proves records %d to %d either", v.Proven+1, last.Seq)
		}
		lost.Offset = p.size() - int64(len(torn))
		return v, lost
	}
	return v, nil
}

// note counts a record.
func (v *Verdict) note(r Receipt, body []byte) {
	event, at := glance(body)
	v.Events[event]++
	if event == EventDeleted {
		var e Entry
		if json.Unmarshal(body, &e) == nil && e.Deleted != nil {
			v.Deletions = append(v.Deletions, Deleted{First: e.Deleted.First, Last: e.Deleted.Last, At: e.Time, By: e.User, Why: e.Cause})
		}
	}
	v.Until = at
	if v.WindowFrom.IsZero() {
		v.WindowFrom = at
	}
}

// hold compares the log after record r with a piece of evidence. One of a record
// that was deleted says nothing.
func (v *Verdict) hold(p piece, r Receipt, t *tree) error {
	if p.seq < r.Seq {
		return nil
	}
	if p.head == "" && p.hash == "" || p.head != "" && p.head != t.head().String() || p.hash != "" && p.hash != r.Hash {
		from := max(v.Proven, v.First-1) + 1
		if p.head == "" {
			from = r.Seq
		}
		return &Damage{Instance: v.Instance, Seq: from, Through: r.Seq, Offset: -1, // of which, only a copy of the hashes can say
			Fault: fmt.Sprintf("not what the %s of record %d proves: the log was written anew", p.what, p.seq)}
	}
	if p.beside {
		v.Beside = p.seq
		return nil
	}
	v.Held++
	v.Proven = p.seq
	v.WindowFrom = time.Time{}
	return nil
}

// firstChanged finds the first line that is not the one it was, where a copy of
// the hashes can be proven. nil says that damage is as exact as it gets.
func (p parts) firstChanged(damage *Damage, pieces []piece, copies []string) *Damage {
	for _, path := range copies {
		n, by := provenLeaves(path, pieces)
		if n == 0 {
			continue
		}
		seq, offset, ok := p.differsFrom(damage.Instance, path, n)
		if !ok || damage.Through == 0 && seq >= damage.Seq {
			return nil // the chain itself names it
		}
		return &Damage{Instance: damage.Instance, Seq: seq, Offset: offset,
			Fault: fmt.Sprintf("changed: the %s of record %d proves another", by.what, by.seq)}
	}
	return nil
}

// provenLeaves is how many leaves of a file of hashes the newest evidence that
// fits it proves.
func provenLeaves(path string, pieces []piece) (uint64, piece) {
	f, err := os.Open(path)
	if err != nil {
		return 0, piece{}
	}
	defer func() { _ = f.Close() }() // opened for reading only
	var t tree
	var n uint64
	var by piece
	leaves := leafReader{bufio.NewReaderSize(f, 64<<10), 0}
	for _, one := range pieces {
		for t.n < one.seq {
			leaf, err := leaves.next()
			if err != nil {
				return n, by
			}
			t.add(leaf, nil)
		}
		if one.head == t.head().String() {
			n, by = one.seq, one
		}
	}
	return n, by
}

// differsFrom compares each line, whatever it says of itself, with the leaf of
// its place, for the first n.
func (p parts) differsFrom(instance, path string, n uint64) (seq uint64, offset int64, found bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, false
	}
	defer func() { _ = f.Close() }() // opened for reading only
	first := uint64(1)
	if at, err := p.start(instance); err == nil {
		first = at.last.Seq + 1
	}
	leaves := leafReader{bufio.NewReaderSize(f, 64<<10), 0}
	lines := lineReader(io.NewSectionReader(p, 0, p.size()))
	for seq = 1; seq <= n; seq++ {
		leaf, err := leaves.next()
		if err != nil {
			return 0, 0, false
		}
		if seq < first {
			continue
		}
		line, err := lines.ReadSlice('\n')
		if leafHash(line) != leaf {
			return seq, offset, true
		}
		if err != nil {
			return 0, 0, false
		}
		offset += int64(len(line))
	}
	return 0, 0, false
}

// leafReader gives the leaves of a file of hashes, which stand before the roots
// of the subtrees that each completes.
type leafReader struct {
	r *bufio.Reader
	n uint64
}

func (l *leafReader) next() (tlog.Hash, error) {
	var leaf tlog.Hash
	if _, err := io.ReadFull(l.r, leaf[:]); err != nil {
		return leaf, err
	}
	l.n++
	_, err := l.r.Discard(bits.TrailingZeros64(l.n) * tlog.HashSize)
	return leaf, err
}

// comparison is of the file of hashes beside the log with what it must hold.
type comparison struct {
	file  *os.File
	r     *bufio.Reader // nil once it has ended
	fault string
}

func compareHashes(path string, skip uint64) *comparison {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &comparison{}
	}
	if err == nil {
		_, err = f.Seek(tlog.StoredHashCount(int64(skip))*tlog.HashSize, io.SeekStart)
	}
	if err != nil {
		return &comparison{file: f, fault: "the file of hashes cannot be read"}
	}
	return &comparison{file: f, r: bufio.NewReaderSize(f, 64<<10)}
}

func (c *comparison) compare(seq uint64, stored []tlog.Hash) {
	if c.r == nil {
		return
	}
	for _, want := range stored {
		var has tlog.Hash
		if _, err := io.ReadFull(c.r, has[:]); err != nil {
			c.r = nil // not written yet
			return
		}
		if !bytes.Equal(has[:], want[:]) {
			c.fault = fmt.Sprintf("the file of hashes differs from the log at record %d", seq)
			c.r = nil
			return
		}
	}
}

// more says that there are hashes of records the log does not have.
func (c *comparison) more(last uint64) string {
	if c.r == nil {
		return ""
	}
	if _, err := c.r.Peek(1); err != nil {
		return ""
	}
	return fmt.Sprintf("the file of hashes knows of records after %d, the last there is", last)
}

func (c *comparison) close() {
	if c.file != nil {
		_ = c.file.Close() // opened for reading only
	}
}

// Verify proves the log as it is on the disk against what this process knows of
// it: the newest checkpoint and the last record it acknowledged. It is for every
// hour; appending goes on meanwhile.
func (l *Log) Verify(ctx context.Context) (Verdict, error) {
	l.disk.Lock()
	known := Evidence{Witnesses: []Receipt{l.durable}}
	if l.signed.Size > 0 {
		known.Checkpoints = []Checkpoint{l.signed}
	}
	l.disk.Unlock()
	dir := filepath.Dir(l.path)
	known.Copies = []string{filepath.Join(dir, l.instance+".hashes")}
	return VerifyAgainst(ctx, dir, l.instance, known)
}
