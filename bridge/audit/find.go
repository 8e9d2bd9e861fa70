package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Query says which records are wanted. What is not set does not matter.
type Query struct {
	Ref        string    `json:"ref,omitempty"`         // of the patient, see Sealer.Reference
	BreakGlass bool      `json:"break_glass,omitempty"` // exchanges in which consent was overridden
	From       time.Time `json:"from,omitzero"`
	To         time.Time `json:"to,omitzero"` // exclusive
}

// wants looks at the bytes first: of a long log few records are of one patient.
func (q Query) wants(body []byte) (Entry, bool) {
	var e Entry
	if q.Ref != "" && !bytes.Contains(body, []byte(q.Ref)) || q.BreakGlass && !bytes.Contains(body, []byte(`"break_glass":"`)) && !bytes.Contains(body, []byte(`"`+EventBreakGlass+`"`)) {
		return e, false
	}
	if json.Unmarshal(body, &e) != nil {
		return e, false
	}
	return e, (q.Ref == "" || e.PatientRef == q.Ref) && (!q.BreakGlass || e.BreakGlass != "" || e.Event == EventBreakGlass) &&
		(q.From.IsZero() || !e.Time.Before(q.From)) && (q.To.IsZero() || e.Time.Before(q.To))
}

// Found is a record with what was sealed in it opened, for whoever may read it.
type Found struct {
	Seq    uint64 `json:"seq"`
	Entry  Entry  `json:"entry"`
	Number string `json:"number,omitempty"` // NHS number
	Text   string `json:"text,omitempty"`   // what was written to break the glass
	// Unopened says that something is sealed in the record that this key does
	// not open: another key, or not the record it was sealed in.
	Unopened bool `json:"unopened,omitempty"`
}

func (s *Sealer) found(seq uint64, e Entry) Found {
	f := Found{Seq: seq, Entry: e}
	var wrong [2]error
	f.Number, wrong[0] = s.Patient(&e)
	f.Text, wrong[1] = s.BreakGlass(&e)
	f.Unopened = wrong[0] != nil || wrong[1] != nil
	return f
}

// Find reads one file of a log, counted from 0, and gives the records that are
// wanted and how many files there are. It proves each record by the one before
// it in the file; that the files are the whole log is what VerifyAgainst proves.
// With a *Damage what was found before it is given all the same.
func Find(ctx context.Context, dir, instance string, file int, q Query, s *Sealer) ([]Found, int, error) {
	all, err := openParts(dir, instance)
	if err != nil {
		return nil, 0, err
	}
	defer all.close()
	if file < 0 || file >= len(all) {
		return nil, len(all), nil
	}
	one := all[file : file+1]
	before := genesis(instance)
	if line, err := lineReader(io.NewSectionReader(one, 0, one.size())).ReadSlice('\n'); err == nil {
		if b, ok := believed(line); ok && b.Seq > 0 {
			before = b
		}
	}
	var found []Found
	_, _, err = walk(io.NewSectionReader(one, 0, one.size()), instance, before, 0, func(r Receipt, _, body []byte) error {
		if e, ok := q.wants(body); ok {
			found = append(found, s.found(r.Seq, e))
		}
		return ctx.Err()
	})
	return found, len(all), one.located(err)
}

// FindAll is Find over every file of a log.
func FindAll(ctx context.Context, dir, instance string, q Query, s *Sealer) ([]Found, error) {
	var found []Found
	for file, files := 0, 1; file < files; file++ {
		more, n, err := Find(ctx, dir, instance, file, q, s)
		found = append(found, more...)
		if err != nil {
			return found, err
		}
		files = n
	}
	return found, nil
}

// Sort puts what was found in several logs in the order of time.
func Sort(found []Found) {
	slices.SortStableFunc(found, func(a, b Found) int { return a.Entry.Time.Compare(b.Entry.Time) })
}

// Once leaves of records found twice, in a log and in a segment of it, one, and
// puts them in the order of time.
func Once(found []Found) []Found {
	seen := map[string]bool{}
	found = slices.DeleteFunc(found, func(f Found) bool {
		name := fmt.Sprintf("%s %d %s", f.Entry.Instance, f.Seq, f.Entry.Exchange)
		twice := seen[name]
		seen[name] = true
		return twice
	})
	Sort(found)
	return found
}

// FindInSegment is Find in an exported segment, which must be whole.
func FindInSegment(r io.Reader, key string, q Query, s *Sealer) ([]Found, error) {
	var found []Found
	_, _, err := ReadSegment(r, key, func(at Receipt, e Entry) error {
		if q.Ref == "" || e.PatientRef == q.Ref {
			found = append(found, s.found(at.Seq, e))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
