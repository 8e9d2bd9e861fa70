package medicalrecord

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// item is what an element that extends CodedItemBaseType says until it is all
// read, for its parts come in any order.
type item struct {
	at    place
	start int // of its own entries in the record
	typ   string
	id    ident
	e     *record.Entry

	date, part, clock string
	code, termID      nativeCode
	problem           *record.Entry
}

func (d *decoder) item(at place, typ string) *item {
	it := &item{at: at, start: len(d.rec.Entries), typ: typ}
	it.e = d.begin(at)
	return it
}

// read takes in the child the Reader stands on if IdentType, ItemBaseType or
// CodedItemBaseType has it (E §2).
func (it *item) read(d *decoder, name string) bool {
	e := it.e
	switch name {
	case "AssignedDate":
		it.date = d.value()
	case "DatePart":
		it.part = d.value()
	case "AssignedTime":
		it.clock = d.value()
	case "AuthorID":
		d.person(e, "Author", &e.Author)
	case "OriginalAuthor":
		d.author(e)
	case "DisplayTerm":
		e.Text = d.text()
	case "DescriptiveText":
		d.add(e, "", d.text())
	case "PolicyID", "PolicyId":
		d.confidential(&e.Confidential)
	case "Code":
		it.code = d.code(e)
	case "TermID":
		it.termID = d.code(e)
	case "QualifierList":
		d.each(e, "Qualifier", func() { d.qualifier(e) })
	case "Problem":
		it.problem = d.problem(e, it.at)
	case "ProblemLinkList":
		d.each(e, "Link", func() { d.problemLink(e) })
	case "ReferralLinkList":
		d.each(e, "Link", func() { d.referralLink(e) })
	default:
		return it.id.read(d, name)
	}
	return true
}

// finish settles what needs all parts of the item.
func (it *item) finish(d *decoder) {
	e := it.e
	e.Date = d.date(e, it.date, it.part, it.clock)
	var c coding
	if it.code.stated() {
		c.read(it.code)
	}
	if it.termID.stated() {
		c.read(it.termID)
	}
	c.into(e, it.termID, it.code)
	d.finish(it.at, e, it.id, it.start)
	if it.problem != nil {
		d.problems.add(it.id, it.problem)
		d.heads = append(d.heads, headed{it.problem, e})
	}
}

// date puts AssignedDate, DatePart and AssignedTime together (E §2, Appendix A).
// What they do not give together stays as it was recorded, in a note.
func (d *decoder) date(e *record.Entry, date, part, clock string) record.Date {
	var precision record.Precision
	switch part {
	case "", "0":
		precision = record.PrecisionDay
	case "1":
		precision = record.PrecisionMonth
	case "2":
		precision = record.PrecisionYear
	case "3":
	case "4":
		precision = record.PrecisionSecond
	default:
		e.Notes = append(e.Notes, "Date part as recorded: "+part)
		precision = record.PrecisionSecond
	}
	got := d.stamp(e, "Date", date)
	if part == "3" {
		if date != "" {
			e.Notes = append(e.Notes, "Date as recorded: "+date+" (stated as not known)")
		}
		got = record.Date{}
	}
	if part != "" || clock != "" {
		got = got.Truncate(precision)
	}
	timed, err := got.WithClock(clock)
	if err != nil {
		e.Notes = append(e.Notes, "Time as recorded: "+clock)
		return got
	}
	return timed
}

// stamp reads a date with or without a time: dd/MM/yyyy, MM/yyyy or yyyy, then
// hh:mm or hh:mm:ss; also ISO 8601, which the schema's own dateTimes have.
func (d *decoder) stamp(e *record.Entry, role, s string) record.Date {
	s = strings.TrimSpace(s)
	day, clock, _ := strings.Cut(s, " ")
	date, err := record.ParseDMY(day)
	if err == nil {
		date, err = date.WithClock(clock)
	}
	if err != nil {
		date, err = record.ParseISO(s)
	}
	if err == nil {
		return date
	}
	note := role + " as recorded: " + s + " (not a date)"
	if e == nil {
		d.register(role, s+" (not a date)")
	} else {
		e.Notes = append(e.Notes, note)
	}
	return record.Date{}
}

// slot reads an enumerated value into *to. What the table does not know, or
// record has no value for, is a note.
func (d *decoder) slot(e *record.Entry, slot, name string, to *mapping.Code) {
	native := d.value()
	if native == "" {
		return
	}
	code, words, known := readSlot(slot, native)
	if !known {
		words = native
	}
	if code.IsZero() {
		e.Notes = append(e.Notes, name+" as recorded: "+words)
	}
	*to = code
}

// qualifier reads one Qualifier. Item 24 denies the statement, item 23 doubts
// it; so do an answer "No" and whatever else stands in the group certainty,
// for a reader would take the code without them for the opposite.
func (d *decoder) qualifier(e *record.Entry) {
	var itemCode, group nativeCode
	for name := range d.fields(e) {
		switch name {
		case "QualifierItemID":
			itemCode = d.code(e)
		case "Group":
			group = d.code(e)
		default:
			d.unknown(e)
		}
	}
	known := qualifierOf(itemCode.value, group.value)
	q := record.Qualifier{Name: group.term, Value: itemCode.term}
	if q.Name == "" {
		q.Name = known.name
	}
	if q.Value == "" {
		q.Value = known.value
	}
	if q.Value == "" {
		q.Value = itemCode.value
	}
	if integer(itemCode.value) {
		q.ValueCode = mapping.Code{Scheme: mapping.Scheme(own + known.slot), Value: itemCode.value, Term: q.Value}
	}
	if integer(group.value) && known.group != group.value {
		q.NameCode = mapping.Code{Scheme: own + "qualifier-group", Value: group.value, Term: q.Name}
	}
	switch known.meaning {
	case "negates":
		q.Meaning = record.Negates
	case "doubts":
		q.Meaning = record.Doubts
	}
	e.Qualifiers = append(e.Qualifiers, q)
	for _, n := range []nativeCode{itemCode, group} {
		for _, part := range []string{n.oldCode, n.mapCode, n.mapScheme} {
			if part != "" {
				e.Notes = append(e.Notes, "Source code: qualifier "+part)
			}
		}
		if n.scheme != "" {
			e.Notes = append(e.Notes, "Source code: qualifier scheme "+n.scheme)
		}
	}
}

// certainty is the group of qualifiers that turn a statement round.
const certainty = "8"

// qualifierOf finds what is known of an item, or of its group when the item is
// the user's own.
func qualifierOf(item, group string) qualifierItem {
	for _, q := range qualifiers {
		if item != "" && q.item == item {
			return q
		}
	}
	q := qualifierItem{slot: "qualifier", name: "Qualifier"}
	for _, k := range qualifiers {
		if group != "" && k.group == group {
			q.name, q.group = k.name, group
			break
		}
	}
	if group == certainty {
		q.meaning = "doubts"
	}
	return q
}

// problem reads the Problem child of a coded item into an entry of its own.
func (d *decoder) problem(item *record.Entry, at place) *record.Entry {
	p := &record.Problem{}
	e := d.rec.Add(&record.Entry{Kind: record.KindProblem, At: d.at(), Problem: p, Counted: d.base + problemPath[at] + 1})
	var end, endPart string
	for name := range d.fields(e) {
		switch name {
		case "ProblemStatus":
			d.slot(e, "problem-status", "Problem status", &p.Status)
		case "Significance":
			d.slot(e, "significance", "Significance", &p.Significance)
		case "EndDate":
			end = d.value()
		case "EndDatePart":
			endPart = d.value()
		case "ExpectedDuration":
			p.ExpectedDuration = d.value()
		case "Owner":
			p.Owner = spell("owner", d.value())
		case "ParentProblem":
			id := d.reference(e)
			d.late = append(d.late, func() { d.parent(e, id) })
		default:
			d.other(e, "Problem", name)
		}
	}
	p.End = d.date(e, end, endPart, "")
	return e
}

func (d *decoder) parent(e *record.Entry, id ident) {
	if !id.stated() {
		return
	}
	if p, ok := d.problems.find(id); ok && p != e {
		e.Problem.Parents = append(e.Problem.Parents, record.ParentProblem{Problem: p})
		return
	}
	e.Notes = append(e.Notes, "Part of a problem that is not in this record (reference "+id.words()+").")
}

// link reads one Link: its target and how it links.
func (d *decoder) link(e *record.Entry) (id ident, kind string) {
	for name := range d.fields(e) {
		switch name {
		case "Target":
			id = d.reference(e)
		case "LinkType":
			kind = d.value()
		default:
			d.unknown(e)
		}
	}
	return id, kind
}

func (d *decoder) problemLink(e *record.Entry) {
	id, kind := d.link(e)
	code, words, known := readSlot("problem-link", kind)
	if !known {
		words = kind
	}
	if code.IsZero() && words != "" {
		e.Notes = append(e.Notes, "Problem link as recorded: "+words)
	}
	d.late = append(d.late, func() {
		if p, ok := d.problems.find(id); ok {
			e.Problems = append(e.Problems, record.ProblemLink{Problem: p, Link: code})
		} else if id.stated() {
			e.Notes = append(e.Notes, "Linked to a problem that is not in this record (reference "+id.words()+").")
		}
	})
}

// referralLink names the referral an item is linked to: record has no such
// link, so its words stand for it.
func (d *decoder) referralLink(e *record.Entry) {
	id, kind := d.link(e)
	words := "reference " + id.words()
	how := ""
	if kind != "" {
		how = " (" + spell("problem-link", kind) + ")"
	}
	d.add(e, "Linked referral", words+how)
	i := len(e.Texts) - 1
	d.late = append(d.late, func() {
		if f, ok := d.referrals.find(id); ok && i < len(e.Texts) {
			e.Texts[i].Value = strings.TrimSpace(f.Text+", "+f.Date.Words()) + how
		}
	})
}

// event reads one Event. parent is the battery it stands in, nil for none.
func (d *decoder) event(at place, parent *record.Entry) *record.Entry {
	it := d.item(at, "Event")
	e := it.e
	e.Parent = parent
	var kind string
	var value, text bool
	for name := range d.fields(e) {
		switch name {
		case "NumericValue":
			value = true
			d.numericValue(e)
		case "TextValue":
			text = true
			valueOf(e).Text = d.text()
		case "Abnormal":
			d.abnormal(e)
		case "Episodicity":
			d.slot(e, "episodicity", "Episodicity", &e.Episodicity)
		case "EventType":
			kind = d.value()
		default:
			if !it.read(d, name) {
				d.other(e, "Event", name)
			}
		}
	}
	it.eventKind(d, kind, value, text)
	it.finish(d)
	return e
}

// eventKind settles what an Event is, by the same order as Entries.
func (it *item) eventKind(d *decoder, native string, value, text bool) {
	e := it.e
	variant := len(eventVariants)
	for i, v := range eventVariants {
		if v.child == "EventType" && native == v.value || v.child == "NumericValue" && value || v.child == "TextValue" && text {
			variant = i
			break
		}
	}
	e.Counted = d.base + firstPath[it.at] + 1 + variant + 1
	switch {
	case variant < len(eventVariants):
		e.Kind = eventVariants[variant].kind
	case !it.code.stated() && !it.termID.stated() && (native == "0" || native == ""):
		e.Kind = record.KindNote
	default:
		e.Kind = record.KindObservation
	}
	switch e.Kind {
	case record.KindAllergy: // nothing says to what: treated as a drug (E §1.3)
		e.Allergy = &record.Allergy{}
	case record.KindReferral:
		e.Referral = &record.Referral{}
		d.referrals.add(it.id, e)
	case record.KindDocument:
		e.Document = &record.Document{Title: e.Text}
	case record.KindImmunisation:
		e.Immunisation = &record.Immunisation{NotGiven: denied(e)}
	}
	if _, words, known := readSlot("event-type", native); known {
		d.add(e, "Event type", words)
	} else if native != "" && native != "0" && native != "1" && e.Kind == record.KindObservation {
		e.Notes = append(e.Notes, "Event type as recorded: "+native)
	}
}

func denied(e *record.Entry) bool {
	for _, q := range e.Qualifiers {
		if q.Meaning == record.Negates {
			return true
		}
	}
	return false
}

func valueOf(e *record.Entry) *record.Value {
	if e.Value == nil {
		e.Value = &record.Value{}
	}
	return e.Value
}

// numericValue reads a result and its range. A comparator or number that
// cannot be read makes the value unreadable: it is shown as written.
func (d *decoder) numericValue(e *record.Entry) {
	v := valueOf(e)
	var operator string
	var limits record.Range
	for name := range d.fields(e) {
		switch name {
		case "Operator":
			operator = d.value()
		case "Value":
			v.Number = d.value()
		case "Units":
			v.Unit = d.value()
		case "MinRangeOperator":
			limits.LowOp = d.value()
		case "MaximumRangeOperator":
			limits.HighOp = d.value()
		case "NumericMinimum":
			limits.Low = d.value()
		case "NumericMaximum":
			limits.High = d.value()
		default:
			d.unknown(e)
		}
	}
	if limits != (record.Range{}) {
		v.Ranges = append(v.Ranges, limits)
	}
	code, _, known := readSlot("operator", operator)
	if operator != "" && !known || v.Number != "" && !decimal(v.Number) {
		v.Unreadable = strings.Join(strings.Fields(operator+" "+v.Number+" "+v.Unit), " ")
		v.Number, v.Unit = "", ""
		return
	}
	v.Comparator = code
}

// abnormal reads a flag of 0 or 1.
func (d *decoder) abnormal(e *record.Entry) {
	native := d.value()
	if native == "" {
		return
	}
	code, _, known := readSlot("abnormal", native)
	if !known {
		valueOf(e).AbnormalAs = native
		return
	}
	valueOf(e).Abnormal = code
}

// investigation reads a battery: its head, then its events as parts of it.
func (d *decoder) investigation(at place) *record.Entry {
	it := d.item(at, "Investigation")
	e := it.e
	e.Kind = record.KindResult
	inner := atBatteryEvent
	if at == atConsultedInvestigation {
		inner = atConsultedBatteryEvent
	}
	var parts []*record.Entry
	for name := range d.fields(e) {
		switch name {
		case "EventList":
			d.each(e, "Event", func() { parts = append(parts, d.event(inner, e)) })
		case "Abnormal":
			d.abnormal(e)
		case "QualifierList", "Problem", "ProblemLinkList", "ReferralLinkList", "Sequence", "ExternalConsultant":
			d.unknown(e) // an Investigation is no coded item (E §2)
		default:
			if !it.read(d, name) {
				d.other(e, "Investigation", name)
			}
		}
	}
	it.finish(d)
	d.inherit(e, parts)
	return e
}

// inherit gives the parts of a confidential whole its mark.
func (d *decoder) inherit(whole *record.Entry, parts []*record.Entry) {
	d.late = append(d.late, func() {
		for _, p := range parts {
			if p.Confidential == "" {
				p.Confidential = whole.Confidential
			}
		}
	})
}
