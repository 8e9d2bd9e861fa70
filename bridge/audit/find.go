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

// Page is what one file of a log, or all of them, hold of what was looked for.
type Page struct {
	Found []Found
	Files int // there are of the log
	// Foreign counts the records of patients whose numbers this key does not
	// open. Whose they are cannot be told: what was looked for may be among them.
	Foreign int
}

// foreign reports whether the record is of a patient sealed under another key.
func (s *Sealer) foreign(instance string, body []byte) bool {
	_, rest, sealed := bytes.Cut(body, []byte(`,"patient_sealed":"`)) // see glance
	if !sealed {
		return false
	}
	text, _, _ := bytes.Cut(rest, []byte{'"'})
	_, rest, _ = bytes.Cut(body, []byte(`,"exchange":"`))
	exchange, _, _ := bytes.Cut(rest, []byte{'"'})
	if _, err := s.Open(string(text), Context{Instance: instance, Exchange: string(exchange), Field: FieldPatient}); err == nil {
		return false
	}
	var e Entry
	if json.Unmarshal(body, &e) != nil {
		return true
	}
	_, err := s.Patient(&e)
	return err != nil
}

// Find reads one file of a log, counted from 0. It proves each record by the one before
// it in the file; that the files are the whole log is what VerifyAgainst proves.
// With a *Damage what was found before it is given all the same.
func Find(ctx context.Context, dir, instance string, file int, q Query, s *Sealer) (Page, error) {
	all, err := openParts(dir, instance)
	if err != nil {
		return Page{}, err
	}
	defer all.close()
	page := Page{Files: len(all)}
	if file < 0 || file >= len(all) {
		return page, nil
	}
	one := all[file : file+1]
	before := genesis(instance)
	if line, err := lineReader(io.NewSectionReader(one, 0, one.size())).ReadSlice('\n'); err == nil {
		if b, ok := believed(line); ok && b.Seq > 0 {
			before = b
		}
	}
	_, _, err = walk(io.NewSectionReader(one, 0, one.size()), instance, before, 0, func(r Receipt, _, body []byte) error {
		if e, ok := q.wants(body); ok {
			page.Found = append(page.Found, s.found(r.Seq, e))
		} else if q.Ref != "" && s.foreign(instance, body) {
			page.Foreign++
		}
		return ctx.Err()
	})
	return page, one.located(err)
}

// FindAll is Find over every file of a log.
func FindAll(ctx context.Context, dir, instance string, q Query, s *Sealer) (Page, error) {
	all := Page{Files: 1}
	for file := 0; file < all.Files; file++ {
		more, err := Find(ctx, dir, instance, file, q, s)
		all.Found, all.Foreign = append(all.Found, more.Found...), all.Foreign+more.Foreign
		if err != nil {
			return all, err
		}
		all.Files = more.Files
	}
	return all, nil
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
func FindInSegment(r io.Reader, key string, q Query, s *Sealer) (Page, error) {
	page := Page{Files: 1}
	_, _, err := ReadSegment(r, key, func(at Receipt, e Entry) error {
		if f := s.found(at.Seq, e); q.Ref == "" || e.PatientRef == q.Ref {
			page.Found = append(page.Found, f)
		} else if f.Unopened {
			page.Foreign++
		}
		return nil
	})
	if err != nil {
		return Page{}, err
	}
	return page, nil
}
