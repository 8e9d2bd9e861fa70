package pairs

import (
	"errors"

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
		if res.Answer != mapping.Mapped && res.Answer != mapping.Same {
			return nil, record.Fault(record.ReasonUnmappedRequest, d.Pair+": translate request", ErrRequestCode)
		}
		ask.Codes = append(ask.Codes, res.Target)
	}
	return &ask, nil
}

// narrow leaves out what the request did not ask for, so that a holder that
// can only answer whole releases no more than was asked. Links to what is left
// out go with it, except that a problem linked from an entry that stays, stays
// too (safety §1.4). Allergies are never narrowed by date, code or author: an
// allergy left out by a filter would look like one that is not there.
func narrow(rec *record.Record, ask *record.Request) {
	if ask.Whole {
		return
	}
	keep := make(map[*record.Entry]bool, len(rec.Entries))
	filters := !ask.Effective.IsZero() || !ask.Entered.IsZero() || len(ask.Codes) > 0 || len(ask.Authors) > 0
	for _, e := range rec.Entries {
		keep[e] = wanted(e, ask)
	}
	for _, e := range rec.Entries {
		if keep[e] {
			for _, link := range e.Problems {
				keep[link.Problem] = ask.Sections.Has(record.Problems)
			}
		}
	}
	rec.Narrow(func(e *record.Entry) bool { return keep[e] })
	if !filters {
		return
	}
	for _, s := range record.Sections() {
		if s != record.Allergies && s != record.Demographics {
			rec.Declare(s, record.Filtered)
		}
	}
}

func wanted(e *record.Entry, ask *record.Request) bool {
	if e.Kind == record.KindAllergy {
		return ask.Sections.Has(record.Allergies)
	}
	return ask.Asks(e) && hasCode(e, ask.Codes) && hasAuthor(e, ask.Authors)
}

// hasCode applies a code filter to the coded clinical kinds; other kinds are
// asked for by section alone.
func hasCode(e *record.Entry, codes []mapping.Code) bool {
	if len(codes) == 0 {
		return true
	}
	switch e.Kind {
	case record.KindProblem, record.KindObservation, record.KindResult, record.KindFamilyHistory:
	default:
		return true
	}
	for _, c := range codes {
		if c.Scheme == e.Code.Scheme && c.Value == e.Code.Value && (c.TermCode == "" || c.TermCode == e.Code.TermCode) {
			return true
		}
	}
	return false
}

// hasAuthor keeps entries of the named users, and those whose user name the
// holder does not give: leaving them out would hide them.
func hasAuthor(e *record.Entry, authors []string) bool {
	if len(authors) == 0 || e.Author == nil || e.Author.UserName == "" {
		return true
	}
	for _, a := range authors {
		if a == e.Author.UserName {
			return true
		}
	}
	return false
}
