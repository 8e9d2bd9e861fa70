package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// MinimumAge is how old the newest record of a segment must be before it may be
// deleted (safety IG-10): eight years.
// So old must the record after it be as well, which proves it.
const MinimumAge = 8

// ErrTooYoung is what deleting a segment before its time is refused with.
var ErrTooYoung = fmt.Errorf("audit: a segment is deleted no sooner than %d years after its last record", MinimumAge)

// DeleteOldest deletes the oldest closed segment, after a record of the deletion
// is durable: who did it, why, and what proves the records that are left. The
// segment is proven before. Nothing else ever deletes a part of a log.
func (l *Log) DeleteOldest(by, why string) (Segment, error) {
	dir := filepath.Dir(l.path)
	segments, err := Segments(dir, l.instance)
	if err != nil {
		return Segment{}, err
	}
	if len(segments) == 0 {
		return Segment{}, errors.New("audit: there is no closed segment")
	}
	oldest := segments[0]
	gone, err := l.deletion(dir, oldest)
	if err != nil {
		return oldest, err
	}
	if _, err := l.Append(Entry{Event: EventDeleted, User: by, ClaimSource: "named on the command line", Cause: why, Deleted: gone}); err != nil {
		return oldest, err
	}
	if err := os.Remove(filepath.Join(dir, oldest.File)); err != nil {
		return oldest, fmt.Errorf("audit: delete: %w", err)
	}
	return oldest, syncDir(dir)
}

// deletion proves a segment, and that it is old enough.
func (l *Log) deletion(dir string, s Segment) (*Deletion, error) {
	p, err := openParts(dir, l.instance)
	if err != nil {
		return nil, err
	}
	defer p.close()
	at, err := p.start(l.instance)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	var youngest time.Time
	file := io.TeeReader(io.NewSectionReader(p[0].file, 0, p[0].size), sum)
	last, torn, err := walk(file, l.instance, at.last, 0, func(_ Receipt, line, body []byte) error {
		at.tree.add(leafHash(line), nil)
		if _, when := glance(body); when.After(youngest) {
			youngest = when
		}
		return nil
	})
	if err != nil {
		return nil, p.located(err)
	}
	if p[0].name != s.File || last.Seq != s.Last || len(torn) > 0 {
		return nil, fmt.Errorf("audit: delete: %s does not end with record %d", s.File, s.Last)
	}
	var after uint64
	if len(p) > 1 { // the record after it proves its age to whoever verifies later
		seq, next := p[1].begins()
		if after = seq; next.After(youngest) {
			youngest = next
		}
	}
	if after == 0 || l.o.Now().Before(youngest.AddDate(MinimumAge, 0, 0)) {
		return nil, ErrTooYoung
	}
	d := &Deletion{First: s.First, Last: s.Last, Month: s.Month, SHA256: hex.EncodeToString(sum.Sum(nil)), Hash: last.Hash}
	for _, root := range at.tree.subtrees() {
		d.Subtrees = append(d.Subtrees, root.String())
	}
	return d, nil
}
