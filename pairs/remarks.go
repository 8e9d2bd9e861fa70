package pairs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// The sentences that stand with an entry whatever the receiver's format
// (safety §D.2).
const (
	defaultedStatus = "Defaulted status to active : Unknown status at source"
	requestOnly     = "Record of a request; progress not known"
	noContent       = "its content stays in the source system"
)

// remarks says of entries what their own words leave open: that a referral is a request and no more, that a document is
// named and not carried, and that two entries may be one.
func (t *translation) remarks() {
	seen := make(map[twin]bool, len(t.rec.Entries))
	pairs := map[record.Section][]string{}
	var says []byte
	for e := range t.rec.Released {
		if e.Outcome == record.Duplicate || e.Outcome == record.FailedEntry {
			continue
		}
		remark(e)
		says = appendSays(says[:0], e)
		if len(says) == 0 || e.Date.IsZero() {
			continue
		}
		key := twin{e.Date.Unzoned(), e.Parent, string(says)}
		if seen[key] {
			e.Notes = append(e.Notes, "Possible duplicate: the source has another entry of the same words, date and dose.")
			pairs[e.Kind.Section()] = append(pairs[e.Kind.Section()], e.Name())
			continue
		}
		seen[key] = true
	}
	for _, s := range record.Sections() {
		if names := pairs[s]; len(names) > 0 {
			t.rec.Warn(record.Warning{Code: record.WarnDuplicate, Section: s, Count: len(names), Detail: s.Title() + ": " + strings.Join(names, "; ")})
		}
	}
	t.shortened()
}

func remark(e *record.Entry) {
	switch {
	case e.Kind == record.KindReferral:
		e.Notes = append(e.Notes, requestOnly)
	case e.Kind == record.KindDocument:
		e.Notes = append(e.Notes, fmt.Sprintf("Document '%s' (%s) is not available over this link: %s.", title(e), e.Date.Words(), noContent))
	}
}

// defaulted notes a problem that the receiver shows as active because nothing
// says that it is not: a default is never silent (safety §D.1 D-7).
func defaulted(e *record.Entry) {
	p := e.Problem
	if e.Kind == record.KindProblem && p != nil && p.Status.IsZero() && p.End.IsZero() && (e.Outcome == record.Exact || e.Outcome == record.Mapped) {
		e.Notes = append(e.Notes, defaultedStatus)
	}
}

func title(e *record.Entry) string {
	switch d := e.Document; {
	case d == nil:
	case d.Title != "":
		return d.Title
	case d.Name != "":
		return d.Name
	}
	return e.Text
}

// twin is what two entries must share to be taken for one by a reader. They
// are never taken for one here: a dose given twice is as real as one recorded
// twice (safety H-32).
type twin struct {
	date   record.Date
	parent *record.Entry
	says   string
}

// appendSays appends what an entry says to a reader, nothing where it is of a
// kind in which a repetition does not mislead.
func appendSays(b []byte, e *record.Entry) []byte {
	if strings.TrimSpace(e.Text) == "" {
		return b
	}
	var amount [2]string
	switch m, v := e.Medication, e.Value; e.Kind {
	case record.KindMedication, record.KindIssue:
		if m != nil {
			amount = [2]string{m.Quantity, m.Unit}
		}
	case record.KindProblem, record.KindAllergy, record.KindImmunisation:
	case record.KindResult:
		if v == nil || v.Number == "" {
			return b
		}
		amount = [2]string{v.Number, v.Unit}
	default:
		return b
	}
	b = append(b, byte(e.Kind))
	for _, part := range [...]string{string(e.Code.Scheme), e.Code.Value, e.Code.TermCode, amount[0], amount[1]} {
		b = append(append(b, part...), '|')
	}
	b = appendSameWords(b, e.Text)
	if e.Medication != nil {
		b = appendSameWords(append(b, '|'), e.Medication.Dosage)
	}
	return b
}

// shortened marks a statement that the source supplied twice, once cut off: the
// longer one, of the same kind and date, says all of it, and both are shown
// (safety §D.2, of SystmOne).
func (t *translation) shortened() {
	var cut, full []statement
	for e := range t.rec.Released {
		if left := ellipsis(e.Text); left != "" && e.Outcome != record.Duplicate {
			cut = append(cut, statementOf(e, left))
		}
	}
	if len(cut) == 0 {
		return
	}
	for e := range t.rec.Released {
		if e.Text != "" && ellipsis(e.Text) == "" && e.Outcome != record.Duplicate {
			full = append(full, statementOf(e, e.Text))
		}
	}
	slices.SortStableFunc(full, func(a, b statement) int { return strings.Compare(a.key, b.key) })
	full = slices.CompactFunc(full, func(a, b statement) bool { return a.key == b.key })
	for _, short := range cut {
		at, same := slices.BinarySearchFunc(full, short.key, func(s statement, key string) int { return strings.Compare(s.key, key) })
		if same {
			at++ // says no more than the one cut off
		}
		if at < len(full) && strings.HasPrefix(full[at].key, short.key) {
			short.e.Notes = append(short.e.Notes, "The source supplied a shortened copy; in full: "+full[at].e.Name())
		}
	}
}

// statement is an entry under its kind, date and words, in which order one that
// is cut off stands before the one that says all of it.
type statement struct {
	key string
	e   *record.Entry
}

func statementOf(e *record.Entry, words string) statement {
	return statement{e.Kind.String() + "|" + e.Date.Wall() + "|" + sameWords(words), e}
}

// ellipsis is what stands before the mark of a text cut off, "" where it bears
// none or says too little to be told again.
func ellipsis(s string) string {
	s = strings.TrimSpace(s)
	for _, mark := range []string{"…", "..."} {
		if left, ok := strings.CutSuffix(s, mark); ok && len(left) >= 8 {
			return strings.TrimSpace(left)
		}
	}
	return ""
}
