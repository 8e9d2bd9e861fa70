package openhr

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// words is everything an entry says, in lines: its own words first, then its
// qualifiers, the clinician's text, every fact by name, the bridge's notes and
// the codes it came with (safety §D.1). Dates, people and places of the entry
// itself stand in elements of the event that carries the lines.
func words(e *record.Entry) []string {
	n := &extra{}
	if e.Text != "" {
		n.lines = append(n.lines, e.Text)
	}
	n.lines = append(n.lines, qualifierLines(e.Qualifiers)...)
	for _, t := range e.Texts {
		if t.Label == "" {
			n.lines = append(n.lines, t.Value)
		} else {
			n.line(t.Label, t.Value)
		}
	}
	n.line("Episodicity", term(e.Episodicity))
	n.value(e.Value)
	n.problem(e.Problem)
	n.medication(e.Medication)
	n.allergy(e.Allergy)
	n.consultation(e.Consultation)
	n.report(e.Report)
	n.immunisation(e.Immunisation)
	n.diary(e.Diary)
	n.referral(e.Referral)
	n.document(e.Document)
	n.lines = append(n.lines, e.Notes...)
	if !e.Code.IsZero() {
		n.lines = append(n.lines, sourceCode(e.Code))
	}
	for _, c := range e.Others {
		n.lines = append(n.lines, sourceCode(c))
	}
	return n.lines
}

// sourceCode is the line for a code without a slot (safety §D.1 D-2).
func sourceCode(c mapping.Code) string {
	s := "Source code: " + string(c.Scheme) + " " + c.Value + c.TermCode
	if c.Term != "" {
		s += ` "` + c.Term + `"`
	}
	return s
}

// term is an enumerated value in words.
func term(c mapping.Code) string {
	if c.Term != "" {
		return c.Term
	}
	return c.Value
}

func qualifierLines(all []record.Qualifier) []string {
	var lines []string
	for _, q := range all {
		lines = append(lines, strings.TrimPrefix(q.Name+": "+q.Value, ": "))
	}
	return lines
}

func (n *extra) date(label string, d record.Date) {
	if !d.IsZero() {
		n.line(label, d.Words())
	}
}

// join joins words that are there.
func join(sep string, parts ...string) string {
	var have []string
	for _, p := range parts {
		if p != "" {
			have = append(have, p)
		}
	}
	return strings.Join(have, sep)
}

func (n *extra) value(v *record.Value) {
	if v == nil {
		return
	}
	if v.Number != "" {
		n.line("Value", join(" ", operatorSign(v.Comparator), v.Number, v.Unit))
	}
	n.line("Result", v.Text)
	n.line("Value as recorded", v.Unreadable)
	n.ranges(v.Ranges)
	n.line("Abnormal", join(", ", term(v.Abnormal), v.AbnormalAs))
	n.line("Result status", term(v.Status))
}

// operatorSign is the comparator as a sign; one of another system in words.
func operatorSign(c mapping.Code) string {
	if c.Scheme == schemeOperator {
		return c.Value
	}
	return term(c)
}

func (n *extra) ranges(all []record.Range) {
	for _, g := range all {
		n.line("Range", rangeWords(g))
	}
}

func rangeWords(g record.Range) string {
	bounds := ""
	if g.Low != "" || g.High != "" {
		bounds = join(" ", g.LowOp, g.Low) + " to " + join(" ", g.HighOp, g.High)
	}
	return join(", ", g.Qualifier, join(" ", bounds, g.Unit), g.Words, g.AppliesTo)
}

func (n *extra) problem(p *record.Problem) {
	if p == nil {
		return
	}
	n.line("Problem status", term(p.Status))
	n.line("Significance", term(p.Significance))
	n.date("Ended", p.End)
	n.line("Expected duration", p.ExpectedDuration)
	n.line("Owner", p.Owner)
	for _, up := range p.Parents {
		if written(up.Problem) {
			n.line(join(", ", "Problem above", up.Relation), named(up.Problem))
		}
	}
}

func (n *extra) medication(m *record.MedicationBody) {
	if m == nil {
		return
	}
	n.line("Dose", m.Dosage)
	n.line("Quantity", join(" ", m.Quantity, m.Unit))
	if m.QuantityWords != join(" ", m.Quantity, m.Unit) {
		n.line("Quantity as written", m.QuantityWords)
	}
	n.line("Days", m.DurationDays)
	n.line("Type", term(m.Type))
	n.line("Status", term(m.Status))
	n.line("Private", term(m.Private))
	n.date("Started", m.Start)
	n.date("Ended", m.End)
	n.line("Reason for ending", m.EndReason)
	if m.Cancelled {
		n.line("Cancelled", "yes")
	}
	n.date("First issue", m.FirstIssue)
	n.date("Last issue", m.LastIssue)
	n.date("Expires", m.Expiry)
	n.date("Review", m.Review)
	n.line("Issues made", m.Issued)
	n.line("Issues authorised", m.Authorised)
	for _, a := range m.Authorisations {
		n.line("Authorisation", join(", ", a.Authorised+" issues", a.Date.Words(), a.By.Name()))
	}
	n.line("Issue method", term(m.IssueMethod))
	n.line("Cost", m.Cost)
	for _, part := range m.Mixture {
		n.line("Ingredient", join(" ", part.Text, part.Strength))
	}
	if written(m.Course) {
		n.line("Issue of", named(m.Course))
	}
}

func (n *extra) allergy(a *record.Allergy) {
	if a == nil {
		return
	}
	n.line("Allergy type", term(a.Type))
	if a.Ended {
		n.line("Past allergy, ended", a.End.Words())
	}
	n.line("Recorded against", a.Details)
	n.line("Excludes", a.Excludes)
	if !a.Substance.IsZero() {
		n.lines = append(n.lines, sourceCode(a.Substance))
	}
}

func (n *extra) consultation(c *record.Consultation) {
	if c == nil {
		return
	}
	n.line("Consultation type", term(c.Type))
	if c.TypeText != term(c.Type) {
		n.line("Consultation", c.TypeText)
	}
	n.line("Place", c.Place)
	n.line("Duration", c.Duration)
	n.line("Travel", c.Travel)
	n.line("Consulter outside the practice", c.External)
	if c.Open {
		n.line("Complete", "no")
	}
	for _, item := range c.Items {
		if written(item.Entry) {
			n.line(join(", ", item.Words, pageWords(item.Page)), named(item.Entry))
		}
	}
}

func pageWords(page string) string {
	if page == "" || page == "0" {
		return ""
	}
	return "problem page " + page
}

func (n *extra) report(p *record.Report) {
	if p == nil {
		return
	}
	n.line("Report type", p.Type)
	n.line("Report result", p.Result)
	n.line("Report status", term(p.Status))
	n.line("Abnormal", p.Abnormal)
	n.date("Specimen taken", p.Collected)
	n.date("Report issued", p.Issued)
	n.date("Report received", p.Received)
	n.line("Specimen", p.Specimen)
	n.line("Provider", p.Provider)
	for _, s := range p.Comments {
		n.line("Report comment", s)
	}
	for _, s := range p.FollowUp {
		n.line("Follow-up", s)
	}
}

func (n *extra) immunisation(i *record.Immunisation) {
	if i == nil {
		return
	}
	if i.NotGiven {
		n.line("Given", "NO, not given")
	}
	n.line("Part", term(i.Part))
	n.line("Vaccine", i.Name)
	n.line("Contents", i.Contents)
	n.line("Batch", i.Batch)
	n.line("Manufacturer", i.Manufacturer)
	n.line("Site", i.Site)
	n.line("Route", i.Route)
	n.line("Method", i.Method)
	n.line("Expiry", i.Expiry)
	n.line("Dose", i.Dose)
	n.line("Reason", i.Reason)
	n.line("Notes", i.Notes)
}

func (n *extra) diary(b *record.DiaryBody) {
	if b == nil {
		return
	}
	n.line("Diary type", b.Type)
	n.line("Complete", term(b.Status))
	n.line("Duration", b.Duration)
	n.line("Place", b.Place)
	for _, s := range b.Reminders {
		n.line("Reminder", s)
	}
}

func (n *extra) referral(f *record.Referral) {
	if f == nil {
		return
	}
	n.line("From", f.From)
	n.line("To", join(", ", f.ToPerson, f.To))
	n.line("Specialty", f.Specialty)
	n.line("Request", term(f.Request))
	n.line("Urgency", term(f.Urgency))
	n.line("Mode", term(f.Mode))
	n.line("Transport", term(f.Transport))
	n.line("Direction", term(f.Direction))
	n.line("Reason", f.Reason)
	n.line("Reference", f.Reference)
	n.line("Private", term(f.Private))
	for _, q := range f.Details {
		n.line(q.Name, q.Value)
	}
	n.date("Ended", f.Ended)
}

func (n *extra) document(d *record.Document) {
	if d == nil {
		return
	}
	n.line("Document", join(", ", d.Title, d.Name))
	n.line("Document type", join(", ", d.Type, d.MIME))
	n.line("Size", d.Size)
	n.line("Sender", d.Sender)
	n.line("Recipient", d.Recipient)
	n.line("Direction", d.Direction)
	n.line("Location", d.Locator)
	n.line("Comments", d.Comments)
	if d.Deleted {
		n.line("Deleted", "yes")
	}
}
