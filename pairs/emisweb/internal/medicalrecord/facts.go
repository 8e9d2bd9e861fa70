package medicalrecord

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// fact is one thing an entry says beside its words and its code, as a reader
// sees it and, where that differs, as the document spells it.
type fact struct{ label, words, native string }

type factList []fact

func (l *factList) text(label, words string) {
	if words != "" {
		*l = append(*l, fact{label: label, words: words})
	}
}

func (l *factList) date(label string, d record.Date) {
	if !d.IsZero() {
		*l = append(*l, fact{label, d.Words(), stamp(d)})
	}
}

func (l *factList) slot(label string, c mapping.Code) {
	if c.IsZero() {
		return
	}
	slot := strings.TrimPrefix(string(c.Scheme), own)
	words := c.Term
	if words == "" {
		words = c.Value
	}
	*l = append(*l, fact{label, words, writeSlot(slot, c.Value)})
}

func (l *factList) code(label string, c mapping.Code) {
	if !c.IsZero() {
		l.text(label, codeWords(c))
	}
}

// codeWords is a code as a line of text shows it.
func codeWords(c mapping.Code) string {
	s := string(c.Scheme) + " " + c.Value + c.TermCode
	if c.Term != "" {
		s += ` "` + c.Term + `"`
	}
	return s
}

// stamp spells a date for a field without a DatePart: dd/MM/yyyy at its
// precision, with the time after a space.
func stamp(d record.Date) string {
	if clock := d.Clock(); clock != "" {
		return d.DMY() + " " + clock
	}
	return d.DMY()
}

// facts is everything an entry says beside its words, code, dates, people,
// qualifiers and links, the clinician's own text first. It is the one place
// that knows what an entry can hold: what an element has no field for becomes
// lines of text from here.
func facts(e *record.Entry) factList {
	var l factList
	for _, t := range e.Texts {
		l.text(t.Label, t.Value)
	}
	if p := e.Problem; p != nil {
		l.problem(p)
	}
	if m := e.Medication; m != nil {
		l.medication(e, m)
	}
	if a := e.Allergy; a != nil {
		l.allergy(a)
	}
	if c := e.Consultation; c != nil {
		l.text("Duration", c.Duration)
		l.text("Travel time", c.Travel)
		l.text("External consultant", c.External)
		if c.Open {
			l.text("State", "not complete")
		}
		if c.TypeText != e.Text {
			l.text("Type of contact", c.TypeText)
		}
		l.text("Place", c.Place)
	}
	if r := e.Report; r != nil {
		l.report(e, r)
	}
	if i := e.Immunisation; i != nil {
		l.immunisation(i)
	}
	if d := e.Diary; d != nil {
		l.text("Type", d.Type)
		l.slot("Complete", d.Status)
		l.text("Duration", d.Duration)
		l.text("Place", d.Place)
		for _, r := range d.Reminders {
			l.text("Reminder", r)
		}
	}
	if r := e.Referral; r != nil {
		l.referral(r)
	}
	if d := e.Document; d != nil {
		l.document(e, d)
	}
	return l
}

func (l *factList) problem(p *record.Problem) {
	l.slot("Status", p.Status)
	l.slot("Significance", p.Significance)
	l.text("Expected duration", p.ExpectedDuration)
	l.text("Owner", p.Owner)
	l.date("Ended", p.End)
	for _, up := range p.Parents {
		if up.Problem != nil {
			l.text("Parent problem", strings.TrimSpace(up.Problem.Text+" "+up.Relation))
		}
	}
}

func (l *factList) medication(e *record.Entry, m *record.MedicationBody) {
	l.text("Dose", m.Dosage)
	l.text("Quantity", m.Quantity)
	l.text("Quantity unit", m.Unit)
	l.text("Quantity in words", m.QuantityWords)
	l.text("Duration in days", m.DurationDays)
	if m.Type == repeatDispensed {
		*l = append(*l, fact{"Type", "Repeat dispensed", "REPEAT"}, fact{service, "Batch repeat", "A"})
	} else {
		l.slot("Type", m.Type)
	}
	l.slot("Status", m.Status)
	if m.Private.Value == private.Value {
		native := "X"
		if m.Type == repeatDispensed {
			native = "" // ServiceType says one thing only
		}
		*l = append(*l, fact{service, "Private", native})
	}
	if m.Start != e.Date {
		l.date("Started", m.Start)
	}
	l.date("Ended", m.End)
	l.text("Reason ended", m.EndReason)
	l.date("First issue", m.FirstIssue)
	l.date("Last issue", m.LastIssue)
	l.date("Expires", m.Expiry)
	l.date("Review", m.Review)
	l.text("Issues made", m.Issued)
	l.text("Issues authorised", m.Authorised)
	l.slot("Issue method", m.IssueMethod)
	l.text("Estimated cost", m.Cost)
	if m.Cancelled {
		l.text("State", "cancelled")
	}
}

// ingredients and authorisations stand apart: an element may have a place for
// them as they are.
func ingredients(m *record.MedicationBody) (l factList) {
	for _, i := range m.Mixture {
		l.text("Ingredient", strings.TrimSpace(i.Text+" "+i.Strength))
		l.code("Source code", i.Code)
	}
	return l
}

func authorisations(m *record.MedicationBody, from int) (l factList) {
	for _, a := range m.Authorisations[min(from, len(m.Authorisations)):] {
		words := sentence(a.Authorised, a.Date.Words())
		if a.By != nil {
			words += ", by " + a.By.Name()
		}
		l.text("Authorised", words)
	}
	return l
}

func (l *factList) allergy(a *record.Allergy) {
	l.slot("Type of allergy", a.Type)
	l.text("Substance", a.Details)
	l.code("Substance code", a.Substance)
	if a.Ended {
		l.text("Ended", a.End.Words())
	}
	l.text("Excludes", a.Excludes)
}

func (l *factList) report(e *record.Entry, r *record.Report) {
	if r.Type != "" {
		*l = append(*l, fact{"Report type", r.Type, writeWords("report-type", r.Type)})
	}
	l.text("Report result", r.Result)
	l.slot("Report status", r.Status)
	l.date("Sampled", r.Collected)
	l.date("Issued", r.Issued)
	if e.Report.Specimen != "" && e.Parent != nil {
		l.date("Received by laboratory", r.Received)
	} else {
		l.date("Received", r.Received)
	}
	l.text("Specimen type", r.Specimen)
	l.text("Provider", r.Provider)
	l.text("Report abnormal", r.Abnormal)
	for _, s := range r.FollowUp {
		l.text("Follow up", s)
	}
	for _, s := range r.Comments {
		l.text("Comment", s)
	}
}

func (l *factList) immunisation(i *record.Immunisation) {
	if i.NotGiven {
		l.text("Immunisation", "NOT GIVEN")
	}
	l.slot("Part", i.Part)
	l.text("Vaccine", i.Name)
	l.text("Contents", i.Contents)
	l.text("Batch", i.Batch)
	l.text("Manufacturer", i.Manufacturer)
	l.text("Site", i.Site)
	l.text("Route", i.Route)
	l.text("Method", i.Method)
	l.text("Expiry", i.Expiry)
	l.text("Dose", i.Dose)
	l.text("Reason", i.Reason)
	l.text("Immunisation notes", i.Notes)
}

func (l *factList) referral(r *record.Referral) {
	l.text("Referred by", r.From)
	l.text("Referred to", r.To)
	l.text("Referred to person", r.ToPerson)
	l.text("Specialty", r.Specialty)
	l.slot("Request", r.Request)
	l.slot("Urgency", r.Urgency)
	l.slot("Mode", r.Mode)
	l.slot("Transport", r.Transport)
	l.slot("Direction", r.Direction)
	l.text("Reason", r.Reason)
	l.text("Reference", r.Reference)
	l.slot("Private", r.Private)
	for _, q := range r.Details {
		l.text(q.Name, q.Value)
	}
	l.date("Ended", r.Ended)
}

func (l *factList) document(e *record.Entry, d *record.Document) {
	if d.Title != e.Text {
		l.text("Title", d.Title)
	} else if d.Title != "" {
		*l = append(*l, fact{"Title", "", d.Title}) // the words lead the entry already
	}
	l.text("File", d.Name)
	l.text("Document type", d.Type)
	l.text("Format", d.MIME)
	l.text("Size", d.Size)
	l.text("Sender", d.Sender)
	l.text("Recipient", d.Recipient)
	l.text("Document direction", d.Direction)
	l.text("Location", d.Locator)
	l.text("Comments", d.Comments)
	if d.Deleted {
		l.text("State", "deleted in the source")
	}
}

// valueLines is a result as text, first its value, then its ranges.
func valueLines(v *record.Value) []string {
	var out []string
	number := strings.TrimSpace(strings.Join([]string{v.Comparator.Value, v.Number, v.Unit}, " "))
	for _, s := range []string{number, v.Text, v.Unreadable} {
		if s != "" {
			out = append(out, "Value: "+s)
		}
	}
	for _, r := range v.Ranges {
		out = append(out, rangeLine(r))
	}
	if !v.Abnormal.IsZero() {
		out = append(out, "Abnormal: "+termOf(v.Abnormal))
	}
	if v.AbnormalAs != "" {
		out = append(out, "Abnormal indicator: "+v.AbnormalAs)
	}
	if !v.Status.IsZero() {
		out = append(out, "Result status: "+termOf(v.Status))
	}
	return out
}

func rangeLine(r record.Range) string {
	bounds := ""
	if r.Low != "" || r.LowOp != "" {
		bounds = "from " + strings.TrimSpace(r.LowOp+" "+r.Low)
	}
	if r.High != "" || r.HighOp != "" {
		bounds = strings.TrimSpace(bounds + " to " + strings.TrimSpace(r.HighOp+" "+r.High))
	}
	if bounds != "" && r.Unit != "" {
		bounds += " " + r.Unit
	}
	return "Range: " + sentence(r.Qualifier, bounds, r.Words, r.AppliesTo)
}

func termOf(c mapping.Code) string {
	if c.Term != "" {
		return c.Term
	}
	return c.Value
}

// bag holds the facts of an entry that have a field of their own in an
// element, by the field's path; the others are lines.
type bag struct {
	fields []record.Text // path and native value
	lines  []string
}

// sort puts facts into the fields of a type of element. A value the schema
// would refuse stays a line, unaltered.
func (b *bag) sort(typ string, l factList) {
	set := labels[typ]
	for _, f := range l {
		if l, ok := set.byName[f.label]; ok && !b.has(l.element) {
			if v := nativeValue(l.form, f); v != "" {
				b.fields = append(b.fields, record.Text{Label: l.element, Value: v})
				continue
			}
		}
		b.line(f.label, f.words)
	}
}

func (b *bag) line(label, words string) {
	switch {
	case words == "":
	case label == "":
		b.lines = append(b.lines, words)
	default:
		b.lines = append(b.lines, label+": "+words)
	}
}

func nativeValue(form string, f fact) string {
	v := f.native
	if v == "" {
		v = f.words
	}
	switch {
	case form == "integer" && !integer(v), form == "float" && !decimal(v), form == "date" && f.native == "":
		return ""
	case form == "datetime":
		if d, err := record.ParseISO(v); err != nil || d.Precision() != record.PrecisionSecond {
			return ""
		}
	case form[0] == '=' && f.native == "":
		return writeWords(form[1:], v)
	case form == "omit" || form == "group" || form == "words":
		return ""
	}
	return v
}

func (b *bag) has(path string) bool {
	for _, f := range b.fields {
		if f.Label == path {
			return true
		}
	}
	return false
}

// text is the lines as one free text.
func (b *bag) text() string { return strings.Join(b.lines, "\n") }
