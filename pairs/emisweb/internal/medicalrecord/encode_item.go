package medicalrecord

import (
	"cmp"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// bag makes the bag of an entry for a type of element: what has a field goes
// into it, everything else becomes lines in the order a reader needs it:
// qualifiers, the clinician's text, what the entry holds beside, notes and at
// last the code it came with (safety §D.1 D-2, D-4, D-7).
func (x *encoder) bag(e *record.Entry, typ string, l factList) *bag {
	b := &bag{lines: make([]string, 0, 8)}
	if e.Outcome == record.FailedEntry {
		b.line("", "An entry at "+e.At+" could not be read.")
	}
	if !exact(e) && e.Episodicity.Value != "" {
		b.line("Episodicity", record.TermOf(e.Episodicity))
	}
	for _, q := range e.Qualifiers {
		if !exact(e) || !qualified(typ) || !ownQualifier(q) {
			b.line(q.Name, q.Value)
		}
	}
	b.sort(typ, l)
	if zone := e.Date.Zone(); zone != "" {
		b.line("Time zone of the date", zone)
	}
	for _, link := range e.Problems {
		if written(link.Problem) && !x.linkable(typ, link.Problem) {
			b.line("Linked problem", link.Problem.Text)
		}
	}
	if e.Place != nil && typ != "Appointment" && typ != "Consultation" && !x.samePlace(e) {
		b.line("Recorded at", e.Place.Title())
	}
	if written(e.Parent) && x.of(e).plan != asChild {
		b.line("Part of", e.Parent.Text)
	}
	for _, n := range e.Notes {
		b.line("", n)
	}
	x.sourceCodes(b, e)
	return b
}

// sourceCodes keeps the code an entry came with, and those beside it, where
// the document does not say them.
func (x *encoder) sourceCodes(b *bag, e *record.Entry) {
	if !e.Code.IsZero() && !e.Code.Is(e.Target) {
		b.line("Source code", record.CodeWords(e.Code))
	}
	_, _, _, rest := beside(e)
	for _, c := range rest {
		b.line("Also coded as", record.CodeWords(c))
	}
}

// beside sorts the sender's other codes into the places a coded element has:
// the term id, which is of the scheme and code of the primary one, the mapped
// code, and the code a result was filed under. They are the sender's own, so
// that they stand only beside the sender's own code.
func beside(e *record.Entry) (term, mapped, filed mapping.Code, rest []mapping.Code) {
	if !exact(e) || e.Target.IsZero() || !e.Target.Is(e.Code) {
		return mapping.Code{}, mapping.Code{}, mapping.Code{}, e.Others
	}
	for _, c := range e.Others {
		_, _, native := nativeOf(c)
		_, _, maps := mapScheme(c)
		switch {
		case term.IsZero() && native && c.Scheme == e.Target.Scheme && c.Value == e.Target.Value:
			term = c
		case mapped.IsZero() && maps:
			mapped = c
		case filed.IsZero() && native && e.Kind == record.KindResult && e.Parent != nil && e.Parent.Parent != nil:
			filed = c
		default:
			rest = append(rest, c)
		}
	}
	return term, mapped, filed, rest
}

// qualified reports an element type that has a QualifierList.
func qualified(typ string) bool {
	switch typ {
	case "Event", "Alert", "Attachment", "Allergy", "Diary", "Referral", "TestRequest":
		return true
	}
	return false
}

// ownQualifier reports a qualifier that this document spells itself.
func ownQualifier(q record.Qualifier) bool {
	return strings.HasPrefix(string(q.ValueCode.Scheme), own) && integer(q.ValueCode.Value)
}

// linkable reports that a link to the problem can be written as one.
func (x *encoder) linkable(typ string, p *record.Entry) bool {
	return exact(p) && (qualified(typ) || typ == asText || typ == "Medication" || typ == "Issue")
}

// samePlace reports that the place of an entry goes without saying.
func (x *encoder) samePlace(e *record.Entry) bool {
	if e.Place == x.rec.Patient.Practice {
		return true
	}
	c := x.of(e).consultation
	return c != nil && c.Place == e.Place
}

// carrier is the entry whose element carries the problem.
func (x *encoder) carrier(p *record.Entry) *record.Entry {
	if x.of(p).plan == asChild {
		return p.Problem.Defines
	}
	return p
}

// item writes IdentType and ItemBaseType.
func (x *encoder) item(e *record.Entry, b *bag) {
	x.ident(e)
	x.dated(e.Date, false)
	x.put(b, "Sequence")
	x.person("AuthorID", e.Author)
	x.author(e)
	x.put(b, "ExternalConsultant")
	x.w.Optional("DisplayTerm", e.Text)
	x.lines("DescriptiveText", b.lines)
	x.put(b, "DataSource")
	x.policy("PolicyID", e)
}

// coded writes CodedItemBaseType.
func (x *encoder) coded(e *record.Entry, b *bag) {
	x.item(e, b)
	x.codes(e)
	if exact(e) {
		x.qualifiers(e)
	}
	x.head(e)
	x.links(e)
}

// codes writes Code and TermID, which is the code again where the sender placed
// no other there, and gives the code a result was filed under.
func (x *encoder) codes(e *record.Entry) (filed mapping.Code) {
	if e.Outcome == record.Unsupported || e.Outcome == record.FailedEntry {
		return mapping.Code{}
	}
	term, mapped, filed, _ := beside(e)
	words := cmp.Or(e.Target.Term, e.Text)
	scheme, value, ok := nativeOf(e.Target)
	if ok {
		writeNative(x.w, "Code", scheme, value, words, mapped)
	}
	switch {
	case !term.IsZero():
		writeCode(x.w, "TermID", term, e.Text, mapping.Code{})
	case ok:
		writeNative(x.w, "TermID", scheme, value, words, mapping.Code{})
	}
	return filed
}

func (x *encoder) qualifiers(e *record.Entry) {
	open := false
	for _, q := range e.Qualifiers {
		if !ownQualifier(q) {
			continue
		}
		if !open {
			x.w.Start("QualifierList")
			open = true
		}
		known := qualifierOf(q.ValueCode.Value, "")
		group, name := q.NameCode.Value, q.Name
		if group == "" {
			if known.group != "-" {
				group = known.group
			}
			for _, k := range qualifiers {
				if group == "" && k.name == q.Name && k.group != "-" {
					group = k.group
				}
			}
		}
		x.w.Start("Qualifier")
		x.w.Start("QualifierItemID")
		x.w.Element("Value", q.ValueCode.Value)
		x.w.Optional("Term", q.Value)
		x.w.End()
		if group != "" || name != "" {
			x.w.Start("Group")
			x.w.Optional("Value", group)
			x.w.Optional("Term", name)
			x.w.End()
		}
		x.w.End()
	}
	if open {
		x.w.End()
	}
}

// head writes the Problem child: of the problem that annotates e, or of e when
// it is a problem that stands by itself.
func (x *encoder) head(e *record.Entry) {
	p := x.of(e).head
	if p == nil && e.Kind == record.KindProblem && exact(e) {
		p = e
	}
	if p == nil {
		return
	}
	b := problemBag(p)
	own := p
	if p == e { // the item is the problem's own element
		own = nil
	}
	x.start("Problem", own)
	x.put(b, "ProblemStatus", "GroupingStatus")
	if end := p.Problem.End; !end.IsZero() {
		x.w.Element("EndDate", stamp(end))
		x.w.Element("EndDatePart", datePart(end))
	}
	x.put(b, "ProblemType", "Significance", "ExpectedDuration")
	if up := parentProblem(p); up != nil {
		x.pointer("ParentProblem", x.carrier(up))
	}
	x.put(b, "Owner")
	x.w.End()
}

// parentProblem is the one problem above another that can be pointed at.
func parentProblem(p *record.Entry) *record.Entry {
	if up := p.Problem.Parents; len(up) > 0 && written(up[0].Problem) && exact(up[0].Problem) {
		return up[0].Problem
	}
	return nil
}

// datePart spells the precision of a date that has no AssignedTime beside it.
func datePart(d record.Date) string {
	switch d.Precision() {
	case record.PrecisionUnknown:
		return "3"
	case record.PrecisionYear:
		return "2"
	case record.PrecisionMonth:
		return "1"
	case record.PrecisionDay:
		return "0"
	}
	return "4"
}

// problemBag sorts what a problem says; its lines go into the text of the item
// that carries it.
func problemBag(p *record.Entry) *bag {
	b := &bag{}
	l := facts(p).without(record.FactProblemEnd)
	if up := parentProblem(p); up != nil && p.Problem.Parents[0].Relation == "" {
		i := slices.IndexFunc(l, func(f fact) bool { return f.other == up })
		l = slices.Delete(l, i, i+1)
	}
	b.sort("Problem", l)
	return b
}

// problemLines are the lines of the problem inside an item, and its notes.
func (x *encoder) problemLines(e *record.Entry) []string {
	p := x.of(e).head
	if p == nil {
		return nil
	}
	lines := problemBag(p).lines
	for _, n := range p.Notes {
		if !slices.Contains(e.Notes, n) {
			lines = append(lines, n)
		}
	}
	return lines
}

func (x *encoder) links(e *record.Entry) {
	open := false
	for _, link := range e.Problems {
		if !written(link.Problem) || !exact(link.Problem) {
			continue
		}
		if !open {
			x.w.Start("ProblemLinkList")
			open = true
		}
		kind := writeSlot("problem-link", link.Link.Value)
		if kind == "" {
			kind = "0"
		}
		x.w.Start("Link")
		x.pointer("Target", x.carrier(link.Problem))
		x.w.Element("LinkType", kind)
		x.w.End()
	}
	if open {
		x.w.End()
	}
}

// asText is the type of an Event that is words: no fact has a field in it.
const asText = ""

// event writes an Event: an entry of one of its kinds, or any entry at all as
// words under the code it was given.
func (x *encoder) event(e *record.Entry) {
	var l factList
	if e.Kind != record.KindProblem || !exact(e) { // else its Problem child holds them
		l = facts(e)
	}
	typ := "Event"
	if !exact(e) {
		typ = asText
	}
	b := x.bag(e, typ, l)
	if e.Kind == record.KindProblem && exact(e) {
		b.lines = append(b.lines, problemBag(e).lines...)
	}
	b.lines = append(b.lines, x.problemLines(e)...)
	n := x.value(e, b)
	x.start("Event", e)
	x.coded(e, b)
	x.put(b, "GroupID")
	if exact(e) {
		x.w.Optional("Episodicity", writeSlot("episodicity", e.Episodicity.Value))
	}
	n.write(x)
	x.put(b, "GMS")
	if b.has("EventType") {
		x.put(b, "EventType")
	} else {
		x.w.Element("EventType", eventType(e))
	}
	x.put(b, "TemplateID", "TemplateInstanceID", "TemplateComponentName", "QualifiedTerm", "QualifiedCode")
	x.w.End()
}

func eventType(e *record.Entry) string {
	switch {
	case e.Target.IsZero() && (!exact(e) || e.Kind == record.KindNote):
		return "0"
	case !exact(e):
		return "1"
	}
	switch e.Kind {
	case record.KindResult:
		return "5"
	case record.KindFamilyHistory:
		return "12"
	case record.KindImmunisation:
		return "13"
	case record.KindNote, record.KindUnrecognised:
		return "0"
	}
	return "1"
}

// result is what an Event says of a value in its own fields.
type result struct {
	number   *record.Value
	limits   record.Range
	text     string
	abnormal string
}

// value sorts a value into the fields of an Event; what they cannot hold as it
// stands becomes lines. An entry that is not coded keeps its value as words,
// for a number under a degrade code would be a number of nothing.
func (x *encoder) value(e *record.Entry, b *bag) result {
	v := e.Value
	if v == nil {
		return result{}
	}
	if !exact(e) {
		b.lines = append(valueLines(v), b.lines...)
		return result{}
	}
	var n result
	rest := record.Value{Unreadable: v.Unreadable, AbnormalAs: v.AbnormalAs, Status: v.Status}
	switch {
	case v.Number == "" || decimal(v.Number):
		if v.Number != "" || v.Unit != "" || !v.Comparator.IsZero() {
			n.number = v
		}
		n.text = v.Text
	case v.Text == "":
		n.text = strings.TrimSpace(strings.Join([]string{v.Comparator.Value, v.Number, v.Unit}, " "))
	default:
		n.text = v.Text
		rest.Comparator, rest.Number, rest.Unit = v.Comparator, v.Number, v.Unit
	}
	for _, r := range v.Ranges {
		if n.limits == (record.Range{}) && numericRange(r) {
			n.limits = r
		} else {
			rest.Ranges = append(rest.Ranges, r)
		}
	}
	n.abnormal = writeSlot("abnormal", v.Abnormal.Value)
	if n.abnormal == "" {
		rest.Abnormal = v.Abnormal
	}
	b.lines = append(b.lines, valueLines(&rest)...)
	return n
}

// numericRange reports a range that NumericValue holds whole.
func numericRange(r record.Range) bool {
	return r.Qualifier == "" && r.Unit == "" && r.Words == "" && r.AppliesTo == "" &&
		(r.Low == "" || decimal(r.Low)) && (r.High == "" || decimal(r.High))
}

func (n result) write(x *encoder) {
	if n.number != nil || n.limits != (record.Range{}) {
		x.w.Start("NumericValue")
		if v := n.number; v != nil {
			x.w.Optional("Operator", writeSlot("operator", v.Comparator.Value))
			x.w.Optional("Value", v.Number)
			x.w.Optional("Units", v.Unit)
		}
		x.w.Optional("MinRangeOperator", n.limits.LowOp)
		x.w.Optional("MaximumRangeOperator", n.limits.HighOp)
		x.w.Optional("NumericMinimum", n.limits.Low)
		x.w.Optional("NumericMaximum", n.limits.High)
		x.w.End()
	}
	x.w.Optional("TextValue", n.text)
	x.w.Optional("Abnormal", n.abnormal)
}

// investigation writes a battery with its events.
func (x *encoder) investigation(e *record.Entry) {
	b := x.bag(e, "Investigation", facts(e))
	n := x.value(e, b)
	if n.number != nil || n.limits != (record.Range{}) || n.text != "" {
		v := *e.Value
		v.Abnormal, v.AbnormalAs, v.Status = mapping.Code{}, "", mapping.Code{}
		b.lines = append(b.lines, valueLines(&v)...)
	}
	x.start("Investigation", e)
	x.ident(e)
	x.w.Optional("DisplayTerm", e.Text)
	x.put(b, "DataSource")
	x.codes(e)
	x.w.Optional("Abnormal", n.abnormal)
	if !b.has("DataType") {
		x.w.Element("DataType", "MAN") // required; everything a GP system files by hand is MAN
	}
	x.put(b, "DataType", "ReportID", "SpecimenID", "SpecimenType", "NumberOfTests", "RepInvNumber", "UserComment")
	x.dated(e.Date, true)
	x.lines("DescriptiveText", b.lines)
	x.author(e)
	x.person("AuthorID", e.Author)
	x.policy("PolicyID", e)
	if parts := x.of(e).parts; len(parts) > 0 {
		x.w.Start("EventList")
		for _, part := range parts {
			x.event(part)
		}
		x.w.End()
	}
	x.w.End()
}
