package ehrextract

import (
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// extra are the lines of what an entry says beyond its elements.
type extra struct {
	lines []string
}

// extra are the lines of the next statement.
func (x *encoder) extra() *extra {
	x.said.lines = x.said.lines[:0]
	return &x.said
}

// line adds a labelled line unless there is nothing to say.
func (n *extra) line(label, value string) {
	switch {
	case value == "":
	case label == "":
		n.lines = append(n.lines, value)
	default:
		n.lines = append(n.lines, label+": "+value)
	}
}

func (n *extra) date(label string, d record.Date) {
	if !d.IsZero() {
		n.line(label, d.Words())
	}
}

// once adds a line that is not there yet.
func (n *extra) once(line string) {
	if line != "" && !slices.Contains(n.lines, line) {
		n.lines = append(n.lines, line)
	}
}

// facts adds the facts of an entry that its elements do not hold.
func (n *extra) facts(e *record.Entry, held func(record.Field) bool) {
	e.EachFact(func(f record.Fact) {
		if !held(f.Field) {
			n.lines = append(n.lines, f.Line())
		}
	})
}

// words is everything an entry says, in lines: its own words first with what
// it is beside them, then its qualifiers, the clinician's text, every fact by
// name, the bridge's notes and the codes it came with (safety §D.1).
func (x *encoder) words(e *record.Entry) []string {
	if e.Outcome == record.FailedEntry {
		return []string{"An entry at " + e.At + " could not be read."}
	}
	first := e.Text
	for _, mark := range []string{meaningMark(e), kindMark(e)} {
		if mark != "" {
			first = strings.TrimSpace(first + " [" + mark + "]")
		}
	}
	if first == "" && e.Kind != record.KindNote {
		first = "[" + e.Kind.String() + "]"
	}
	n := x.extra()
	if first != "" {
		n.lines = append(n.lines, first)
	}
	for _, q := range e.Qualifiers {
		n.line(q.Name, q.Value)
	}
	for _, t := range e.Texts {
		n.line(t.Label, t.Value)
	}
	n.facts(e, func(record.Field) bool { return false })
	x.itemLines(n, e)
	for _, note := range e.Notes {
		n.once(note)
	}
	if native(e) && !e.Target.IsZero() && !e.Target.Is(e.Code) {
		n.line("Code", record.CodeWords(e.Target))
	}
	if !e.Code.IsZero() && (e.Outcome != record.Degraded || !e.Code.Is(e.Target)) {
		n.once(record.SourceCode(e.Code))
	}
	for _, c := range e.Others {
		n.once(record.SourceCode(c))
	}
	return n.lines
}

// itemLines names what stands in a consultation that is written as text.
func (x *encoder) itemLines(n *extra, e *record.Entry) {
	if e.Consultation == nil {
		return
	}
	for _, item := range e.Consultation.Items {
		switch {
		case item.Entry == nil:
			n.line(pageWords(item.Page), headingWords(item))
		case written(item.Entry):
			n.line(record.Join(", ", headingWords(item), pageWords(item.Page)), item.Entry.Name())
		}
	}
}

func headingWords(i record.Item) string {
	if i.Words != "" {
		return i.Words
	}
	return record.TermOf(i.Heading)
}

func pageWords(page string) string {
	if page == "" || page == "0" {
		return ""
	}
	return "Problem page " + page
}

// meaningMark says on the first line that a statement is turned round.
func meaningMark(e *record.Entry) string {
	for _, q := range e.Qualifiers {
		switch q.Meaning {
		case record.Negates:
			return "denied: " + q.Value
		case record.Doubts:
			return "in doubt: " + q.Value
		}
	}
	return ""
}

// kindMark names what an entry is where its words alone could be misread.
func kindMark(e *record.Entry) string {
	switch e.Kind {
	case record.KindProblem:
		if p := e.Problem; p != nil && (p.Status.Value == statusInactive || !p.End.IsZero()) {
			return "past problem"
		}
		return "problem"
	case record.KindMedication:
		return "medication"
	case record.KindIssue:
		return "medication issue"
	case record.KindAllergy:
		return allergyMark(e.Allergy)
	case record.KindImmunisation:
		if i := e.Immunisation; i != nil && i.NotGiven {
			return "immunisation, NOT given"
		}
		return "immunisation"
	case record.KindFamilyHistory:
		return "family history"
	case record.KindDiary:
		return "planned or recall"
	case record.KindReferral:
		return "referral"
	case record.KindDocument:
		return "document"
	case record.KindAlert:
		return "alert"
	case record.KindRequest:
		return "test request"
	}
	return ""
}

func allergyMark(a *record.Allergy) string {
	switch {
	case a == nil:
		return "allergy"
	case a.Absent:
		return ""
	case a.Ended:
		return "past allergy, ended"
	case a.Class == record.AllergyNonDrug:
		return "non-drug allergy"
	case a.Class == record.AllergyUnclear:
		return "allergy"
	}
	return "drug allergy"
}
