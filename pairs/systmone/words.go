package systmone

import (
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// lines are the labelled lines of an entry: "Name: value".
type lines []string

// add appends a line unless there is nothing to say.
func (l *lines) add(label, value string) {
	if value != "" {
		*l = append(*l, label+": "+value)
	}
}

func (l *lines) date(label string, d record.Date) {
	if !d.IsZero() {
		*l = append(*l, label+": "+d.Words())
	}
}

// dayOf is what a slot for a day may hold, "" for anything coarser.
func dayOf(d record.Date) string { return d.Day() }

// text is everything an entry says, its own words first: how a degraded or
// unsupported entry is shown. The kind stands on the first line, so that an
// allergy to a drug never reads as the drug.
func (x *encoder) text(ev *moment, e *record.Entry) []string {
	first := e.Text
	for _, mark := range []string{meaningMark(e), kindMark(e)} {
		if mark != "" {
			first = strings.TrimSpace(first + " [" + mark + "]")
		}
	}
	if first == "" && e.Kind != record.KindNote {
		first = "[" + e.Kind.String() + "]"
	}
	return append([]string{first}, x.lines(ev, e, false)...)
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
		if p := e.Problem; p != nil && p.Status.Value == problemEnded.Value {
			return "past problem"
		}
		return "problem"
	case record.KindMedication:
		return "medication"
	case record.KindIssue:
		return "medication issue"
	case record.KindAllergy:
		a := e.Allergy
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
	case record.KindImmunisation:
		if v := e.Immunisation; v != nil && v.NotGiven {
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

// lines are the facts of an entry as labelled lines: all of them, or, for an
// entry written in its own element, those the element has no slot for. A date
// the Event does not show comes first, then qualifiers, then the clinician's
// own text, then the rest (safety §D.1 D-2, D-4, D-5).
func (x *encoder) lines(ev *moment, e *record.Entry, native bool) []string {
	var l lines
	x.dates(&l, ev, e)
	for _, q := range e.Qualifiers {
		if native && nativeQualifier(e, q) {
			continue
		}
		l.add(q.Name, q.Value)
	}
	for _, t := range e.Texts {
		switch {
		case native && nativeText(e, t):
		case t.Label == "":
			l = append(l, t.Value)
		default:
			l.add(t.Label, t.Value)
		}
	}
	l.facts(e, native)
	x.context(&l, ev, e)
	for _, note := range e.Notes {
		if !slices.Contains(l, note) {
			l = append(l, note)
		}
	}
	if native && !e.Target.IsZero() && !codeSlot(e) {
		l = append(l, "Code: "+string(e.Target.Scheme)+" "+e.Target.Value+" "+e.Target.Term)
	}
	for _, c := range e.Others {
		if !c.Is(e.Target) {
			l = append(l, record.SourceCode(c))
		}
	}
	if !e.Code.IsZero() && !e.Target.Is(e.Code) {
		l = append(l, record.SourceCode(e.Code))
	}
	return l
}

// codeSlot reports an element that has a place for the entry's code.
func codeSlot(e *record.Entry) bool {
	switch e.Kind {
	case record.KindConsultation, record.KindImmunisation, record.KindReport, record.KindDiary, record.KindDocument:
		return false
	}
	return true
}

// nativeQualifier reports a qualifier that has a slot of its own.
func nativeQualifier(e *record.Entry, q record.Qualifier) bool {
	switch e.Kind {
	case record.KindMedication, record.KindIssue:
		return q.Name == qualifierPack && e.Target.Scheme == mapping.Multilex
	case record.KindConsultation:
		return q.Name == qualifierSoftware || q.Name == qualifierReferral && isUID(q.Value)
	}
	return false
}

// nativeText reports a text that has an element of its own.
func nativeText(e *record.Entry, t record.Text) bool {
	switch e.Kind {
	case record.KindIssue:
		return t.Label == labelIssueOf
	case record.KindReport:
		return t.Label == labelInform
	case record.KindDiary:
		return t.Label == labelComment
	}
	return false
}

// dates says what the time of the Event does not.
func (x *encoder) dates(l *lines, ev *moment, e *record.Entry) {
	if e.Kind == record.KindDiary {
		return // RecallDate, or a line of its own
	}
	if !ev.shows(e.Date) || ev.unstated {
		*l = append(*l, "Date: "+e.Date.Words())
	}
}

// context is who, where and when it was recorded, where that differs from what
// the Event says.
func (x *encoder) context(l *lines, ev *moment, e *record.Entry) {
	if !e.Recorded.IsZero() && !ev.shows(e.Recorded) {
		l.date("Recorded", e.Recorded)
	}
	if by := ev.by(e.Author); by != ev.doneBy {
		l.add("Recorded by", by)
	}
	if e.EnteredBy != nil && e.EnteredBy.NameAndRole() != e.Author.NameAndRole() {
		l.add("Entered by", e.EnteredBy.NameAndRole())
	}
	if at := ev.in(e.Place); at != ev.doneAt {
		l.add("Recorded at", at)
	}
	l.add("Confidentiality", e.Confidential)
	if p := e.Parent; p.Shown() {
		l.add("Part of", p.Text)
	}
	for _, link := range e.Problems {
		if p := link.Problem; p.Shown() && !x.isProblem(p) {
			l.add("Linked problem", p.Text)
		}
	}
}
