package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// An exported segment is a text file: a header in JSON on the first line, then
// the lines of the log as they are. It proves itself to whoever has the
// instance's verifier key, without the log: the header holds a signed
// checkpoint, what the tree before the first record comes to, and the proof that
// the tree up to the last record is part of the checkpoint's.

const segmentForm = "audit segment 1"

// SegmentHead is the header of an exported segment.
type SegmentHead struct {
	Linkspan   string      `json:"linkspan"` // the form, "audit segment 1"
	Instance   string      `json:"instance"`
	First      uint64      `json:"first"`
	Last       uint64      `json:"last"`
	Previous   string      `json:"previous"` // hash of the record before the first
	Subtrees   []tlog.Hash `json:"subtrees"` // roots of the tree before the first record, highest first
	Proof      []tlog.Hash `json:"proof"`    // from the tree up to the last record to the checkpoint's (RFC 6962 §2.1.2)
	Checkpoint string      `json:"checkpoint"`
}

// ErrNothing is what Export gives where no record lies in the time asked for, or
// none that the checkpoint reaches.
var ErrNothing = errors.New("audit: export: the checkpoint reaches no record of that time")

// Export writes the records of a time, as far as checkpoint c reaches, as one
// segment: all between the first and the last record of the time, whatever the
// clock said in between. A zero from or to is no bound; to is exclusive.
func Export(ctx context.Context, w io.Writer, dir, instance string, from, to time.Time, c Checkpoint) (SegmentHead, error) {
	head := SegmentHead{Linkspan: segmentForm, Instance: instance, Checkpoint: c.Text}
	p, err := openParts(dir, instance)
	if err != nil {
		return head, err
	}
	defer p.close()
	at, err := p.start(instance)
	if err != nil {
		return head, err
	}
	var start, end, offset int64
	previous := at.last
	_, _, err = walk(io.NewSectionReader(p, 0, p.size()), instance, at.last, 0, func(r Receipt, line, body []byte) error {
		_, when := glance(body)
		if (from.IsZero() || !when.Before(from)) && (to.IsZero() || when.Before(to)) && r.Seq <= c.Size {
			if head.First == 0 {
				head.First, head.Previous, head.Subtrees, start = r.Seq, previous.Hash, at.tree.subtrees(), offset
			}
			head.Last, end = r.Seq, offset+int64(len(line))
		}
		at.tree.add(leafHash(line), nil)
		offset += int64(len(line))
		previous = r
		return ctx.Err()
	})
	if err != nil {
		return head, p.located(err)
	}
	if head.First == 0 {
		return head, ErrNothing
	}
	if head.Proof, err = prove(filepath.Join(dir, instance+".hashes"), c.Size, head.Last); err != nil {
		return head, err
	}
	text, err := json.Marshal(head)
	if err != nil {
		return head, fmt.Errorf("audit: export: %w", err)
	}
	if _, err := w.Write(append(text, '\n')); err != nil {
		return head, fmt.Errorf("audit: export: %w", err)
	}
	if _, err := io.Copy(w, io.NewSectionReader(p, start, end-start)); err != nil {
		return head, fmt.Errorf("audit: export: %w", err)
	}
	return head, nil
}

// prove reads the file of hashes, which need not be believed: whoever reads the
// segment checks what comes of it against the checkpoint.
func prove(path string, size, n uint64) ([]tlog.Hash, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audit: export: %w", err)
	}
	defer func() { _ = f.Close() }() // opened for reading only
	proof, err := tlog.ProveTree(int64(size), int64(n), hashes{f})
	if err != nil {
		return nil, fmt.Errorf("audit: export: %w", err)
	}
	return proof, nil
}

// ReadSegment proves an exported segment by the instance's verifier key and
// gives each of its records in order; each may be nil. Nothing of a segment is
// proven until ReadSegment has returned without an error.
func ReadSegment(r io.Reader, key string, each func(Receipt, Entry) error) (SegmentHead, Checkpoint, error) {
	var head SegmentHead
	lines := bufio.NewReaderSize(r, maxLine)
	line, err := lines.ReadSlice('\n')
	if err != nil || json.Unmarshal(line, &head) != nil || head.Linkspan != segmentForm || !instanceName.MatchString(head.Instance) ||
		head.First == 0 || head.Last < head.First || !oneForm(head, line) {
		return head, Checkpoint{}, errors.New("audit: segment: not an exported segment of a form this release reads")
	}
	c, err := ParseCheckpoint(head.Checkpoint, key)
	if err != nil {
		return head, c, err
	}
	if c.Instance != head.Instance || c.Size < head.Last {
		return head, c, errors.New("audit: segment: its checkpoint is not of it")
	}
	t, err := treeOf(head.First-1, head.Subtrees)
	if err != nil {
		return head, c, fmt.Errorf("audit: segment: %w", err)
	}
	before := Receipt{Seq: head.First - 1, Hash: head.Previous}
	if head.First == 1 {
		before = genesis(head.Instance)
	}
	last, torn, err := walk(lines, head.Instance, before, int64(len(line)), func(r Receipt, line, body []byte) error {
		t.add(leafHash(line), nil)
		if each == nil {
			return nil
		}
		var e Entry
		if json.Unmarshal(body, &e) != nil {
			return errors.New("audit: segment: an entry cannot be read")
		}
		return each(r, e)
	})
	switch {
	case err != nil:
		return head, c, err
	case last.Seq != head.Last || len(torn) > 0:
		return head, c, &Damage{Instance: head.Instance, Seq: last.Seq + 1, Offset: -1, Fault: fmt.Sprintf("the segment does not end with record %d, as it says", head.Last)}
	}
	witness := Receipt{Seq: last.Seq, TreeHead: t.head().String()}
	if (Proof{Size: last.Seq, Hashes: head.Proof}).Check(c, witness) != nil {
		return head, c, &Damage{Instance: head.Instance, Seq: head.First, Through: head.Last, Offset: -1, Fault: "not what the checkpoint proves: changed, with all hashes made anew"}
	}
	return head, c, nil
}

// oneForm says whether a header is written as Export writes it: JSON and base64
// have other spellings of the same.
func oneForm(head SegmentHead, line []byte) bool {
	text, err := json.Marshal(head)
	return err == nil && bytes.Equal(append(text, '\n'), line)
}

// SegmentInstance is the instance an exported segment says it is of, for finding
// its key. Nothing is proven by that.
func SegmentInstance(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("audit: segment: %w", err)
	}
	defer func() { _ = f.Close() }() // opened for reading only
	line, err := bufio.NewReaderSize(f, maxLine).ReadSlice('\n')
	var head SegmentHead
	if err != nil || json.Unmarshal(line, &head) != nil || !instanceName.MatchString(head.Instance) {
		return "", errors.New("audit: segment: not an exported segment of a form this release reads")
	}
	return head.Instance, nil
}
