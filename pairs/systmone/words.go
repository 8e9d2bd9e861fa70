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

// coarse adds a date only where a slot that takes a day could not say all of
// it: nothing is padded, and no time of day is lost.
func (l *lines) coarse(label string, d record.Date) {
	midnight := d.Clock() == "00:00:00" || d.Clock() == "00:00" // how a system that must have a time says it has none
	if d.Precision() != record.PrecisionDay && !midnight {
		l.date(label, d)
	}
}

// dayOf is what a slot for a day may hold, "" for anything coarser.
func dayOf(d record.Date) string { return d.Day() }

// wordsOf are the words of an enumerated value.
func wordsOf(c mapping.Code) string {
	if c.Term != "" {
		return c.Term
	}
	return c.Value
}

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
	facts(&l, e, native)
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
			l = append(l, sourceCodeOf(c))
		}
	}
	if !e.Code.IsZero() && !e.Target.Is(e.Code) {
		l = append(l, sourceCodeOf(e.Code))
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
	if e.EnteredBy != nil && personWords(e.EnteredBy) != personWords(e.Author) {
		l.add("Entered by", personWords(e.EnteredBy))
	}
	if at := ev.in(e.Place); at != ev.doneAt {
		l.add("Recorded at", at)
	}
	l.add("Confidentiality", e.Confidential)
	if p := e.Parent; p != nil && released(p) {
		l.add("Part of", p.Text)
	}
	for _, link := range e.Problems {
		if p := link.Problem; p != nil && released(p) && !x.isProblem(p) {
			l.add("Linked problem", p.Text)
		}
	}
	if !asCode(e) {
		l.add("Episodicity", wordsOf(e.Episodicity))
	}
}

// facts are the lines of the body of an entry.
func facts(l *lines, e *record.Entry, native bool) {
	if e.Value != nil {
		valueLines(l, e.Value, native)
	}
	if e.Problem != nil {
		problemLines(l, e.Problem, native && e.Kind == record.KindProblem)
	}
	if e.Medication != nil {
		medicationLines(l, e.Medication, native)
	}
	if e.Allergy != nil {
		allergyLines(l, e, native)
	}
	if e.Consultation != nil {
		consultationLines(l, e, native)
	}
	if e.Report != nil {
		reportLines(l, e.Report, native)
	}
	if e.Immunisation != nil {
		immunisationLines(l, e, native)
	}
	if e.Diary != nil {
		diaryLines(l, e, native)
	}
	if e.Referral != nil {
		referralLines(l, e.Referral)
	}
	if e.Document != nil {
		documentLines(l, e, native)
	}
}

// plainValue reports a value the Value element can hold.
func plainValue(v *record.Value) bool {
	return v != nil && v.Unreadable == "" && v.Text == "" && number(v.Number)
}

func valueLines(l *lines, v *record.Value, native bool) {
	switch {
	case v.Unreadable != "":
		l.add("Value as recorded", v.Unreadable)
	case native && plainValue(v):
	default:
		sign := comparatorSign[v.Comparator.Value]
		if v.Comparator.Scheme != schemeComparator {
			sign = wordsOf(v.Comparator)
		}
		if v.Number != "" {
			l.add("Value", strings.TrimSpace(sign+" "+v.Number+" "+v.Unit))
			l.add("Result", v.Text)
		} else {
			l.add("Result", strings.TrimSpace(sign+" "+v.Text+" "+v.Unit))
		}
	}
	for _, r := range v.Ranges {
		l.add("Range", rangeWords(r))
	}
	l.add("Abnormal", wordsOf(v.Abnormal))
	l.add("Abnormal because", v.AbnormalAs)
	l.add("Result status", wordsOf(v.Status))
}

func rangeWords(r record.Range) string {
	s := r.Qualifier
	low, high := strings.TrimSpace(r.LowOp+" "+r.Low), strings.TrimSpace(r.HighOp+" "+r.High)
	for _, part := range []string{low, between(low, high), high, r.Unit, r.Words, r.AppliesTo} {
		if part != "" {
			s += " " + part
		}
	}
	return strings.TrimSpace(s)
}

func between(low, high string) string {
	if low != "" && high != "" {
		return "-"
	}
	return ""
}

func problemLines(l *lines, p *record.Problem, native bool) {
	ended := p.Status.Value == problemEnded.Value
	switch {
	case ended && p.End.IsZero():
		*l = append(*l, "Past problem; end date not known")
	case !native:
		l.add("Problem status", wordsOf(p.Status))
		l.date("End date", p.End)
	case p.Status.IsZero() && p.End.IsZero():
		*l = append(*l, "Defaulted status to active: unknown status at source")
	case !ended && !p.Status.IsZero():
		l.date("End date", p.End)
	default:
		l.coarse("End date", p.End)
	}
	if !native {
		l.add("Significance", wordsOf(p.Significance))
	}
	l.add("Expected duration", p.ExpectedDuration)
	l.add("Owner", p.Owner)
	for _, parent := range p.Parents {
		if parent.Problem != nil && released(parent.Problem) {
			l.add("Parent problem", strings.TrimSpace(parent.Problem.Text+" "+parent.Relation))
		}
	}
}

func medicationLines(l *lines, m *record.MedicationBody, native bool) {
	if !native {
		l.add("Medication type", wordsOf(m.Type))
		l.add("Status", wordsOf(m.Status))
		l.add("NHS or private", wordsOf(m.Private))
		l.add("Dose", m.Dosage)
		l.add("Quantity", quantity(m))
		l.add("Duration in days", m.DurationDays)
		l.date("Started", m.Start)
		l.date("Ended", m.End)
		l.add("Reason for ending", m.EndReason)
		l.date("Review", m.Review)
		l.add("Issues authorised", m.Authorised)
	} else {
		l.coarse("Started", m.Start)
		l.coarse("Ended", m.End)
		l.coarse("Review", m.Review)
		if m.Type.Value == itemAcute.Value {
			l.date("Review", m.Review)
			l.add("Issues authorised", m.Authorised)
			l.add("Duration in days", m.DurationDays)
		}
	}
	if m.QuantityWords != "" && m.Quantity != "" && m.QuantityWords != amount(m) {
		l.add("Quantity in units", amount(m))
	}
	l.date("First issue", m.FirstIssue)
	l.date("Last issue", m.LastIssue)
	l.date("Expires", m.Expiry)
	l.add("Issues made", m.Issued)
	for _, a := range m.Authorisations {
		by := ""
		if a.By != nil {
			by = " by " + personWords(a.By)
		}
		l.add("Authorised", strings.TrimSpace(a.Date.Words()+by+" "+prefixed("issues: ", a.Authorised)))
	}
	l.add("Issue method", wordsOf(m.IssueMethod))
	l.add("Cost", m.Cost)
	for _, part := range m.Mixture {
		l.add("Contains", strings.TrimSpace(part.Text+" "+part.Strength))
	}
	if m.Course != nil && released(m.Course) {
		l.add("Issue of", m.Course.Text)
	}
	if m.Cancelled {
		*l = append(*l, "This issue was CANCELLED")
	}
}

// quantity is the quantity as one text, as SystmOne writes it.
func quantity(m *record.MedicationBody) string {
	if m.QuantityWords != "" {
		return m.QuantityWords
	}
	return amount(m)
}

func amount(m *record.MedicationBody) string { return strings.TrimSpace(m.Quantity + " " + m.Unit) }

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func allergyLines(l *lines, e *record.Entry, native bool) {
	a := e.Allergy
	sensitivity := native && asSensitivity(e)
	if !sensitivity {
		l.add("Allergy type", wordsOf(a.Type))
		if !a.Substance.IsZero() && !a.Substance.Is(e.Code) && !a.Substance.Is(e.Target) {
			l.add("Substance", strings.TrimSpace(a.Substance.Term+" ("+string(a.Substance.Scheme)+" "+a.Substance.Value+")"))
		}
	}
	if !sensitivity || !ingredient(e) {
		l.add("Details", a.Details)
	}
	switch {
	case !a.Ended:
		l.date("End date", a.End)
	case sensitivity:
		l.coarse("Ended", a.End)
	case a.End.IsZero():
		*l = append(*l, "Ended: date not known")
	default:
		l.date("Ended", a.End)
	}
	l.add("Excludes", a.Excludes)
}

func consultationLines(l *lines, e *record.Entry, native bool) {
	c := e.Consultation
	if c.TypeText != e.Text && (!native || c.TypeText != c.Type.Value) {
		l.add("Consultation type", c.TypeText)
	}
	if !native {
		l.add("Method", wordsOf(c.Type))
	}
	l.add("Place", c.Place)
	l.add("Duration", c.Duration)
	l.add("Travel", c.Travel)
	l.add("External consulter", c.External)
	if c.Open {
		*l = append(*l, "The source says this consultation is not complete")
	}
}
