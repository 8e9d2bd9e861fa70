package pairs

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// ErrRequestCode reports a code in a request that no table row carries over.
var ErrRequestCode = errors.New("a code in the request has no table row to the holder's scheme")

// TranslateRequest makes the request for the holder out of the asker's: the
// same patient, sections and period; codes by table or refused; the schemes
// the pair asks this holder for. The asker's ids stay behind.
func (d *Direction) TranslateRequest(q *record.Request) (*record.Request, error) {
	ask := *q
	ask.MessageID, ask.Device, ask.Operation, ask.ConversationID = "", "", "", ""
	ask.CodeScheme, ask.DrugScheme = d.Rules.Ask.Codes, d.Rules.Ask.Drugs
	ask.Codes = nil
	for _, c := range q.Codes {
		res := d.Tables.TranslateAny(c, d.Holder.ClinicalSchemes)
		if res.Answer != mapping.Same && (res.Answer != mapping.Mapped || res.Relation != mapping.Equivalent) {
			return nil, record.Fault(record.ReasonUnmappedRequest, d.Pair+": translate request", ErrRequestCode)
		}
		ask.Codes = append(ask.Codes, res.Code())
	}
	return &ask, nil
}

// narrow leaves out what the request did not ask for, so that a holder that
// can only answer whole releases no more than was asked. Links to what is left
// out go with it, except that a problem linked from an entry that goes out
// goes too (safety §1.4). Allergies are never narrowed by date, code or
// author: an allergy left out by a filter would look like one that is not
// there.
func (t *translation) narrow(ask *record.Request) {
	if ask.Whole && ask.Sections == record.AllSections && !ask.CodedOnly {
		return
	}
	keep := make(map[*record.Entry]bool, len(t.rec.Entries))
	for _, e := range t.rec.Entries {
		keep[e] = t.wanted(e, ask)
	}
	t.keepTrees(keep, ask)
	if ask.Sections.Has(record.Problems) {
		keepProblems(t.rec, keep)
	}
	t.rec.Narrow(func(e *record.Entry) bool { return keep[e] })
	if ask.CodedOnly {
		t.rec.Declare(record.Observations, record.Filtered)
	}
	if ask.Effective.IsZero() && ask.Entered.IsZero() && len(ask.Codes) == 0 && len(ask.Authors) == 0 {
		return
	}
	for _, s := range record.Sections() {
		if s != record.Allergies && s != record.Demographics {
			t.rec.Declare(s, record.Filtered)
		}
	}
}

func (t *translation) wanted(e *record.Entry, ask *record.Request) bool {
	if ask.CodedOnly && e.Kind == record.KindNote {
		return false
	}
	if e.Kind == record.KindAllergy {
		return ask.Sections.Has(record.Allergies)
	}
	return ask.Asks(e) && t.hasCode(e, ask.Codes) && hasAuthor(e, ask.Authors)
}

// keepTrees keeps what is part of an entry that goes out, and what it is part
// of: a blood pressure without its readings, or a reading without its report,
// would say less than was recorded.
func (t *translation) keepTrees(keep map[*record.Entry]bool, ask *record.Request) {
	if len(ask.Codes) == 0 {
		return
	}
	named := make(map[*record.Entry]bool)
	for _, e := range t.rec.Entries {
		if !keep[e] {
			continue
		}
		named[e] = filteredByCode(e)
		for p := e.Parent; p != nil && ask.Asks(p) && !keep[p]; p = p.Parent {
			keep[p] = true
		}
	}
	for _, e := range t.rec.Entries {
		for p := e.Parent; p != nil && !keep[e]; p = p.Parent {
			keep[e] = named[p] && ask.Asks(e) && hasAuthor(e, ask.Authors)
		}
	}
}

// keepProblems keeps the problems linked from entries that go out, and in turn
// those linked from them.
func keepProblems(rec *record.Record, keep map[*record.Entry]bool) {
	var reach []*record.Entry
	for _, e := range rec.Entries {
		if keep[e] && e.Outcome != record.WithheldEntry && e.Outcome != record.Duplicate {
			reach = append(reach, e)
		}
	}
	for len(reach) > 0 {
		e := reach[len(reach)-1]
		reach = reach[:len(reach)-1]
		for _, link := range e.Problems {
			if p := link.Problem; p != nil && !keep[p] {
				keep[p] = true
				reach = append(reach, p)
			}
		}
	}
}

// filteredByCode reports the kinds a code filter applies to; others are asked
// for by section alone.
func filteredByCode(e *record.Entry) bool {
	switch e.Kind {
	case record.KindProblem, record.KindObservation, record.KindResult, record.KindFamilyHistory:
		return true
	}
	return false
}

// hasCode applies a code filter. Several codes of the holder may stand for one
// the asker named, so that an entry is compared in the asker's scheme too, and
// a term code sets no two terms of one concept apart. What cannot be compared
// stays: leaving it out would hide it.
func (t *translation) hasCode(e *record.Entry, codes []mapping.Code) bool {
	if len(codes) == 0 || !filteredByCode(e) || e.Malformed {
		return true
	}
	if e.Code.IsZero() {
		return false
	}
	comparable := false
	for _, c := range codes {
		if c.Scheme == e.Code.Scheme {
			comparable = true
			if c.Value == e.Code.Value {
				return true
			}
		}
	}
	for _, c := range t.q.Codes {
		res := t.Tables.Translate(e.Code, c.Scheme)
		if res.Answer != mapping.Mapped && res.Answer != mapping.Same {
			continue
		}
		comparable = true
		if res.Target.Value == c.Value {
			return true
		}
	}
	return !comparable
}

// hasAuthor keeps entries of the named users, and those whose user name the
// holder does not give: leaving them out would hide them.
func hasAuthor(e *record.Entry, authors []string) bool {
	return len(authors) == 0 || e.Author == nil || e.Author.UserName == "" || slices.Contains(authors, e.Author.UserName)
}

// filterWords names what the request narrowed the record to beside its
// clinical period, for the reader must know what else may be missing.
func filterWords(q *record.Request) string {
	var parts []string
	if p := q.Entered; !p.IsZero() {
		words := "recorded"
		if !p.From.IsZero() {
			words += " from '" + p.From.Words() + "'"
		}
		if !p.To.IsZero() {
			words += " until '" + p.To.Words() + "'"
		}
		parts = append(parts, words)
	}
	if q.CodedOnly {
		parts = append(parts, "coded entries without notes")
	}
	if len(q.Codes) > 0 {
		var codes []string
		for _, c := range q.Codes {
			codes = append(codes, "'"+cmp.Or(c.Term, c.Value)+"'")
		}
		parts = append(parts, "coded as "+strings.Join(codes, " or "))
	}
	if len(q.Authors) > 0 {
		parts = append(parts, "made by '"+strings.Join(q.Authors, "' or '")+"'")
	}
	return strings.Join(parts, ", ")
}
