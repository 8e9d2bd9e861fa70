package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A log is one chain in several files: a closed segment for every month that is
// over, named <instance>.<month>.<first>-<last>.audit, and <instance>.audit,
// which grows.

// segmentName has the instance, the month, the first and the last record.
var segmentName = regexp.MustCompile(`^([A-Za-z0-9_-]{1,64})\.(\d{4}-\d{2})\.(\d{12,})-(\d{12,})\.audit$`)

// Segment is one closed file of a log.
type Segment struct {
	File        string // its name
	Month       string // of its first record, 2006-01
	First, Last uint64
}

func segmentFile(instance, month string, first, last uint64) string {
	return fmt.Sprintf("%s.%s.%012d-%012d.audit", instance, month, first, last)
}

// Segments lists the closed segments of an instance, oldest first.
func Segments(dir, instance string) ([]Segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var segments []Segment
	for _, e := range entries {
		m := segmentName.FindStringSubmatch(e.Name())
		if m == nil || m[1] != instance {
			continue
		}
		first, wrong := strconv.ParseUint(m[3], 10, 64)
		last, bad := strconv.ParseUint(m[4], 10, 64)
		if wrong == nil && bad == nil {
			segments = append(segments, Segment{File: e.Name(), Month: m[2], First: first, Last: last})
		}
	}
	slices.SortFunc(segments, func(a, b Segment) int {
		if a.First < b.First {
			return -1
		}
		return 1
	})
	return segments, nil
}

// part is one open file of a log.
type part struct {
	name string
	file readCloserAt
	size int64
}

// readCloserAt is an open file, to its reader.
type readCloserAt interface {
	io.ReaderAt
	io.Closer
}

// parts are the files of a log one after the other, read as one.
type parts []part

func (p parts) size() int64 {
	var n int64
	for _, one := range p {
		n += one.size
	}
	return n
}

// ReadAt reads over the bounds of files.
func (p parts) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	for _, one := range p {
		if at >= one.size {
			at -= one.size
			continue
		}
		want := min(int64(len(b)-n), one.size-at)
		got, err := one.file.ReadAt(b[n:n+int(want)], at)
		n += got
		if err != nil {
			return n, err
		}
		if n == len(b) {
			return n, nil
		}
		at = 0
	}
	return n, io.EOF
}

func (p parts) close() {
	for _, one := range p {
		_ = one.file.Close() // opened for reading only
	}
}

// add opens a file as the next part.
func (p *parts) add(dir, name string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("audit: read: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("audit: read: %w", err), f.Close())
	}
	*p = append(*p, part{name: name, file: f, size: info.Size()})
	return nil
}

// openParts opens what there is of a log for reading. While it does a month may
// end and the growing file be closed: then it looks again.
func openParts(dir, instance string) (parts, error) {
	path, err := Path(dir, instance)
	if err != nil {
		return nil, err
	}
	for {
		segments, err := Segments(dir, instance)
		if err != nil {
			return nil, err
		}
		var p parts
		for _, s := range segments {
			if err = p.add(dir, s.File); err != nil {
				break
			}
		}
		if err == nil {
			err = p.add(dir, filepath.Base(path))
			if len(segments) > 0 && errors.Is(err, fs.ErrNotExist) {
				err = nil // closed, and the next one not begun
			}
		}
		now, again := Segments(dir, instance)
		if again == nil && slices.Equal(now, segments) {
			if err != nil {
				p.close()
				return nil, err
			}
			return p, nil
		}
		p.close()
		if again != nil {
			return nil, again
		}
	}
}

// place says in which file an offset is, and in which line of it.
func (p parts) place(offset int64) (string, int) {
	for i, one := range p {
		if offset >= one.size && i < len(p)-1 {
			offset -= one.size
			continue
		}
		line := 1
		b := make([]byte, 64<<10)
		r := io.NewSectionReader(one.file, 0, offset)
		for {
			n, err := r.Read(b)
			line += bytes.Count(b[:n], []byte{'\n'})
			if err != nil {
				return one.name, line
			}
		}
	}
	return "", 0
}

// begins gives the first record of a file and its time, 0 where the file has none.
func (p part) begins() (uint64, time.Time) {
	line, err := lineReader(io.NewSectionReader(p.file, 0, p.size)).ReadSlice('\n')
	var first struct {
		Seq   uint64 `json:"seq"`
		Entry struct {
			Time time.Time `json:"time"`
		} `json:"entry"`
	}
	if err != nil || json.Unmarshal(line, &first) != nil {
		return 0, time.Time{}
	}
	return first.Seq, first.Entry.Time
}

// start is where the first record there is goes on from: the beginning, or the
// last record of a segment that was deleted, as a record in what is left says.
func (p parts) start(instance string) (state, error) {
	at := state{last: genesis(instance)}
	line, err := lineReader(io.NewSectionReader(p, 0, p.size())).ReadSlice('\n')
	if err != nil {
		return at, nil // not one record: walk says what it is
	}
	before, ok := believed(line)
	if !ok || before.Seq == 0 {
		return at, nil
	}
	found := false
	var oldest time.Time // record that is left
	_, _, err = walk(io.NewSectionReader(p, 0, p.size()), instance, before, 0, func(r Receipt, _, body []byte) error {
		event, when := glance(body)
		if r.Seq == before.Seq+1 {
			oldest = when
		}
		if event != EventDeleted {
			return nil
		}
		var e Entry
		if json.Unmarshal(body, &e) != nil || e.Deleted == nil || e.Deleted.Last != before.Seq || e.Deleted.Hash != before.Hash {
			return nil
		}
		if e.Time.Before(oldest.AddDate(MinimumAge, 0, 0)) {
			return errTooSoon
		}
		t, wrong := e.Deleted.tree()
		if wrong == nil {
			at, found = state{last: before, tree: t}, true
		}
		return wrong
	})
	if !found {
		d := &Damage{Instance: instance, Seq: 1, Through: before.Seq, Offset: -1, Fault: "missing, and no record says that they were deleted"}
		switch {
		case errors.Is(err, errTooSoon):
			d.Through, d.Fault = 0, fmt.Sprintf("%v (up to record %d)", err, before.Seq) // it is known: no copy of the hashes says it better
		case err != nil:
			d.Fault = "missing, and what is left is damaged too: " + err.Error()
		}
		return at, d
	}
	return at, nil
}

// errTooSoon is of a deletion that DeleteOldest would have refused: its record
// was written by other means. The oldest record that is left says when, and it
// is proven with the rest.
var errTooSoon = fmt.Errorf("missing, and the record that says they were deleted is from before the %d years were over", MinimumAge)

// tree is the tree up to the last record that was deleted.
func (d *Deletion) tree() (tree, error) {
	var roots []tlog.Hash
	for _, text := range d.Subtrees {
		root, err := tlog.ParseHash(text)
		if err != nil {
			return tree{}, errors.New("the subtrees of what was deleted cannot be read")
		}
		roots = append(roots, root)
	}
	return treeOf(d.Last, roots)
}

// glance reads of an entry what it is and when it was written. A log has
// millions of them, and these two stand where Append puts them: nothing in a
// JSON text looks like a name of a field but one, for quotes within are escaped.
func glance(body []byte) (string, time.Time) {
	if rest, ok := bytes.CutPrefix(body, []byte(`{"time":"`)); ok {
		at, rest, _ := bytes.Cut(rest, []byte{'"'})
		_, rest, named := bytes.Cut(rest, []byte(`,"event":"`))
		event, _, ended := bytes.Cut(rest, []byte{'"'})
		when, err := time.Parse(time.RFC3339Nano, string(at))
		if err == nil && named && ended && !bytes.ContainsRune(event, '\\') {
			return string(event), when
		}
	}
	var e struct {
		Event string    `json:"event"`
		Time  time.Time `json:"time"`
	}
	_ = json.Unmarshal(body, &e) // what cannot be read is of no event
	return e.Event, e.Time
}

// located adds to a Damage the file and the line.
func (p parts) located(err error) error {
	var d *Damage
	if errors.As(err, &d) && d.File == "" && d.Offset >= 0 {
		d.File, d.Line = p.place(d.Offset)
	}
	return err
}

// month is the month a record is filed under.
func month(t time.Time) string { return t.UTC().Format("2006-01") }
