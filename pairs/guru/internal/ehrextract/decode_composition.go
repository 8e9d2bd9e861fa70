package ehrextract

import (
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// wrappers are the compositions that are no consultation: what was recorded
// outside of one (S §6.1 "composition kinds").
var wrappers = map[string]bool{"37351000000107": true, "196391000000103": true, "196401000000100": true}

// composition reads an ehrComposition: a consultation, or a wrapper around what
// was recorded outside of one, which says nothing of its own.
func (d *decoder) composition() {
	e := d.entry(record.KindConsultation, pathComposition)
	e.Consultation = &record.Consultation{}
	from := len(d.rec.Entries)
	outer := d.consultation
	d.consultation = e
	wrapper, accompanied := false, false
	var m moment
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "id":
			d.identified(e)
		case "code":
			c := d.concept(false)
			wrapper = wrappers[c.code.Value]
			e.Text = c.text()
			if c.code.Scheme == mapping.SNOMED {
				e.Consultation.Type = mapping.Code{Scheme: schemeConsultation, Value: c.code.Value, Term: c.term}
			} else if !c.code.IsZero() {
				e.Notes = append(e.Notes, record.SourceCode(c.code))
			}
			if c.words != "" && c.words != c.term {
				e.Consultation.TypeText = c.words
			}
			e.Notes = append(e.Notes, c.notes...)
		case "effectiveTime", "availabilityTime":
			m.read(d, name, e)
		case "author":
			for part := range d.r.Children(Namespace) {
				switch part {
				case "time":
					e.Recorded = d.time(e, "Recorded")
				case "agentRef":
					e.EnteredBy = d.agentRef()
				}
			}
		case "Participant2":
			who := d.agentRef()
			if who != nil && e.Author != nil && who != e.Author {
				accompanied = true
				d.named(e, "Accompanied by", who)
			} else if who != nil {
				e.Author = who
			}
		case "location":
			e.Place = d.place()
		case "component":
			d.components(nil)
		case "confidentialityCode":
			e.Confidential = d.mark()
		case "replacementOf":
			e.Notes = append(e.Notes, "Replaces an earlier version.")
		case "statusCode":
		default:
			d.unrecognised(e)
		}
	}
	if e.Author == nil {
		e.Author = e.EnteredBy
	}
	if e.Date = m.begin(); e.Date.IsZero() { // which of the times counts: safety §1.6, PSA 1.4.7
		e.Date = m.available
	}
	if !wrapper {
		m.until(e)
	}
	d.inherit(e, from)
	if wrapper && !accompanied && len(e.Texts)+len(e.Notes)+len(e.Qualifiers) == 0 && e.Consultation.TypeText == "" && !headed(e.Consultation) {
		e.Outcome = record.Duplicate // what is in it says it all
	}
	d.consultation = outer
}

// headed reports that something stands under a heading.
func headed(c *record.Consultation) bool {
	return slices.ContainsFunc(c.Items, func(i record.Item) bool { return i.Words != "" || i.Entry == nil })
}

// inherit gives the entries made since from what the composition around them
// says of all of them, whatever order its elements came in.
func (d *decoder) inherit(c *record.Entry, from int) {
	for _, e := range d.rec.Entries[from:] {
		if e.Author == nil {
			e.Author = c.Author
		}
		if e.EnteredBy == nil {
			e.EnteredBy = c.EnteredBy
		}
		if e.Place == nil {
			e.Place = c.Place
		}
		if e.Recorded.IsZero() && !d.recorded[e] {
			e.Recorded = c.Recorded
		}
	}
	d.conceal(c.Confidential, from)
}

// conceal marks the entries made since from that have no mark of their own: what
// stands inside of something confidential is (safety §1.6, PSA 3.0.1).
func (d *decoder) conceal(mark string, from int) {
	for _, e := range d.rec.Entries[from:] {
		if e.Confidential == "" {
			e.Confidential = mark
		}
	}
}

// mark reads a mark of confidentiality. One that does not say which it is is
// still one, which no agreement knows.
func (d *decoder) mark() string {
	for _, name := range []string{"code", "nullFlavor"} {
		if mark := strings.TrimSpace(d.r.Attr(name)); mark != "" {
			return mark
		}
	}
	return "not said"
}

// named adds a note that names somebody, whose name may stand further on.
func (d *decoder) named(e *record.Entry, label string, who *record.Person) {
	d.later = append(d.later, func() { e.Notes = append(e.Notes, label+": "+who.NameAndRole()) })
}

func (d *decoder) place() *record.Organisation {
	o := &record.Organisation{}
	var walk func()
	walk = func() {
		for name := range d.r.Children(Namespace) {
			if name == "name" {
				o.Name = strings.TrimSpace(d.r.Text())
				continue
			}
			walk()
		}
	}
	walk()
	if o.Name == "" {
		return nil
	}
	return o
}

// components reads the statement in a component, of a composition or, with the
// entry it is, of a compound statement.
func (d *decoder) components(owner *record.Entry) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "ObservationStatement":
			d.listed(d.observation())
		case "NarrativeStatement":
			d.listed(d.narrative())
		case "MedicationStatement":
			d.listed(d.medication())
		case "PlanStatement":
			d.listed(d.plan())
		case "RequestStatement":
			d.listed(d.request())
		case "RegistrationStatement":
			d.listed(d.registration())
		case "LinkSet":
			d.listed(d.linkSet())
		case "CompoundStatement":
			d.compound()
		case "EhrEmpty":
		default:
			d.unrecognised(owner)
		}
	}
}

// listed adds an entry to the consultation under the headings that are open; nil
// is a heading with nothing under it.
func (d *decoder) listed(e *record.Entry) {
	c := d.consultation
	if c == nil || d.parent != nil {
		return
	}
	item := record.Item{Entry: e}
	if n := len(d.headings); n > 0 {
		h := d.headings[n-1]
		var words []string
		for _, open := range d.headings { // the topic around a category
			words = append(words, open.words)
		}
		item.Words = record.Join(": ", words...)
		if h.code.Scheme == mapping.SNOMED {
			item.Heading = mapping.Code{Scheme: schemeHeading, Value: h.code.Value, Term: item.Words}
		}
	}
	c.Consultation.Items = append(c.Consultation.Items, item)
}

// compound reads a compound statement by its class: a battery or a cluster is an
// entry with parts; a topic is the heading of a problem, a category that of a
// part of the consultation, or says that what is in it is an allergy.
func (d *decoder) compound() {
	allergy, parent, depth, from := d.allergy, d.parent, len(d.headings), len(d.rec.Entries)
	var e *record.Entry
	switch d.r.Attr("classCode") {
	case "BATTERY":
		e = d.entry(record.KindResult, pathBattery)
	case "CLUSTER":
		e = d.entry(record.KindResult, pathCluster)
	}
	if e != nil {
		d.listed(e)
		d.grouped(e)
	} else {
		d.titled()
	}
	d.conceal(d.concealed, from)
	d.allergy, d.parent, d.headings = allergy, parent, d.headings[:depth]
}

// grouped reads a battery or cluster, whose components are parts of it.
func (d *decoder) grouped(e *record.Entry) {
	d.parent = e
	var m moment
	mark := ""
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "code":
			d.concept(false).take(e)
		case "component":
			d.components(e)
		case "confidentialityCode":
			mark = d.mark()
		default:
			d.statement(name, e, &m)
		}
	}
	m.settle(d, e)
	m.until(e)
	d.concealed = mark
}

// titled reads a topic or category.
func (d *decoder) titled() {
	mark, items, from := "", d.items(), len(d.rec.Entries)
	var available record.Date
	for name := range d.r.Children(Namespace) {
		switch name {
		case "code":
			c := d.concept(false)
			if class := allergyClass(c); class != nil {
				d.allergy = class
			} else {
				d.headings = append(d.headings, heading{c.code, c.text()})
			}
		case "availabilityTime":
			available, _ = hl7Time(d.r.Attr("value"))
		case "component":
			d.components(nil)
		case "confidentialityCode":
			mark = d.mark()
		case "id", "statusCode", "effectiveTime", "Participant", "sequelTo", "priorityCode":
		default:
			d.unrecognised(nil)
		}
	}
	if d.allergy != nil { // the heading of one allergy has a date of it
		for _, e := range d.rec.Entries[from:] {
			if e.Kind == record.KindAllergy && !available.IsZero() && e.Date != available && e.Recorded != available {
				e.Notes = append(e.Notes, "Filed among the allergies: "+available.Words())
			}
		}
	}
	if d.items() == items && len(d.headings) > 0 && d.allergy == nil {
		d.listed(nil)
	}
	d.concealed = mark
}

// items is how many lines the consultation has so far.
func (d *decoder) items() int {
	if d.consultation == nil {
		return 0
	}
	return len(d.consultation.Consultation.Items)
}
