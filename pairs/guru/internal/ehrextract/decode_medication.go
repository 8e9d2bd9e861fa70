package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// supply is a part of a MedicationStatement: what was authorised, prescribed,
// dispensed or stopped.
type supply struct {
	id             string
	fulfils        []string // what it is an issue or the end of
	date, from, to record.Date
	status         string
	repeats        string
	repeatsStated  bool
	number, unit   string
	texts          []record.Text
	drug           coded // where the part names one of its own
}

// medication reads a MedicationStatement in both suppliers' moods (S §6.1): what
// authorises is a course, what only prescribes an issue of one, and what only
// stops one says the end of that course.
func (d *decoder) medication() *record.Entry {
	e := d.entry(record.KindMedication, pathMedication)
	e.Medication = &record.MedicationBody{}
	parts := map[string]*supply{}
	var m moment
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "consumable":
			d.consumable(e)
		case "component":
			d.part(e, parts)
		case "pertinentInformation":
			d.dosage(e)
		default:
			d.statement(name, e, &m)
		}
	}
	m.settle(d, e)
	m.until(e)
	d.supplied(e, parts)
	return e
}

// part reads a component of a MedicationStatement, which has each kind once.
func (d *decoder) part(e *record.Entry, parts map[string]*supply) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "ehrSupplyAuthorise", "ehrSupplyPrescribe", "ehrSupplyDispense", "ehrSupplyDiscontinue":
			if parts[name] != nil {
				d.rec.Fail(record.Medication, e.At, "repeated "+name)
				continue
			}
			parts[name] = d.supply(e)
			if id := parts[name].id; id != "" && d.parts[id] == nil {
				d.parts[id] = e
			}
		default:
			d.unrecognised(e)
		}
	}
}

// supplied makes of the parts what the statement is.
func (d *decoder) supplied(e *record.Entry, parts map[string]*supply) {
	m := e.Medication
	authorised, prescribed, stopped := parts["ehrSupplyAuthorise"], parts["ehrSupplyPrescribe"], parts["ehrSupplyDiscontinue"]
	dispensed := parts["ehrSupplyDispense"]
	for _, s := range []*supply{authorised, prescribed, dispensed} {
		if s == nil {
			continue
		}
		if m.Quantity == "" {
			m.Quantity, m.Unit = s.number, s.unit
		}
		e.Texts = append(e.Texts, s.texts...)
		if drug := s.drug.text(); drug != "" && drug != e.Text {
			e.Texts = append(e.Texts, record.Text{Label: "Drug supplied", Value: drug})
		}
	}
	if prescribed == nil && dispensed != nil {
		prescribed, dispensed = dispensed, nil
		e.Notes = append(e.Notes, "Dispensed: "+prescribed.date.Words())
	}
	switch {
	case authorised != nil:
		d.authorised(e, authorised)
		otherwise(e, "Prescribed", prescribed)
	case prescribed != nil:
		e.Kind = record.KindIssue
		d.later = append(d.later, func() {
			for _, id := range prescribed.fulfils {
				if m.Course == nil {
					m.Course = d.supplies[id]
				}
			}
		})
	}
	otherwise(e, "Dispensed", dispensed)
	if stopped != nil {
		d.stopped(e, stopped, authorised == nil && prescribed == nil)
	}
}

// otherwise notes what a further part of the same statement says that its first
// part does not: another day, another quantity.
func otherwise(e *record.Entry, label string, s *supply) {
	if s == nil {
		return
	}
	if !s.date.IsZero() && s.date != e.Date {
		e.Notes = append(e.Notes, label+": "+s.date.Words())
	}
	if m := e.Medication; s.number != "" && (s.number != m.Quantity || s.unit != m.Unit) {
		e.Notes = append(e.Notes, label+" quantity: "+strings.TrimSpace(s.number+" "+s.unit))
	}
}

func (d *decoder) authorised(e *record.Entry, s *supply) {
	m := e.Medication
	switch {
	case s.repeats == "0":
		m.Type = mapping.Code{Scheme: schemeType, Value: typeAcute, Term: "Acute"}
	case wholeNumber(s.repeats) || s.repeatsStated && s.repeats == "":
		m.Type = mapping.Code{Scheme: schemeType, Value: typeRepeat, Term: "Repeat"}
		m.Authorised = s.repeats
	case s.repeatsStated:
		e.Notes = append(e.Notes, "Repeats as recorded: "+s.repeats)
	}
	m.Start, m.Expiry = s.from, s.to
	if !s.date.IsZero() && s.date != e.Date {
		e.Notes = append(e.Notes, "Authorised on: "+s.date.Words())
	}
	if s.status == "ACTIVE" { // COMPLETE is what TPP says of every course, so that it says nothing
		m.Status = mapping.Code{Scheme: schemeDrugStatus, Value: statusActive, Term: "Active"}
	}
	if s.id != "" {
		d.supplies[s.id] = e
	}
	if e.ID != "" {
		d.supplies[e.ID] = e
	}
}

// stopped ends the courses that a discontinuation points at. Where it stands by
// itself, a course of the same drug is there and nothing else is said, the course
// says it all.
func (d *decoder) stopped(e *record.Entry, s *supply, alone bool) {
	if alone { // whatever it ends, it is nothing that goes on
		end(e, s)
	}
	d.later = append(d.later, func() {
		if !alone {
			end(e, s)
		}
		said := alone && len(e.Texts)+len(e.Notes)+len(e.Qualifiers) == 0
		found := false
		for _, id := range s.fulfils {
			course := d.supplies[id]
			if course == nil || course == e {
				continue
			}
			found = true
			end(course, s)
			said = said && (e.Text == course.Text || e.Text == "")
			if course.Confidential == "" { // it now says what the end says
				course.Confidential = e.Confidential
			}
		}
		switch {
		case alone && !found:
			e.Notes = append(e.Notes, "Stopped: which prescription was stopped is not said.")
		case said:
			e.Outcome = record.Duplicate
		}
	})
}

// end says when a course ended and why.
func end(course *record.Entry, s *supply) {
	m := course.Medication
	m.End = s.date
	m.Status = mapping.Code{Scheme: schemeDrugStatus, Value: statusEnded, Term: "Ended"}
	var reasons []string
	for _, t := range s.texts {
		reasons = append(reasons, t.Value)
	}
	m.EndReason = strings.Join(reasons, "; ")
}

// consumable reads the drug.
func (d *decoder) consumable(e *record.Entry) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "code":
			c := d.concept(true)
			if e.Text != "" && c.text() != "" {
				e.Texts = append(e.Texts, record.Text{Label: "Drug", Value: c.text()})
				continue
			}
			c.take(e)
		case "expirationTime":
			if date := d.time(e, "Product expires"); !date.IsZero() {
				e.Notes = append(e.Notes, "Product expires: "+date.Words())
			}
		case "manufacturedProduct", "manufacturedMaterial":
			d.consumable(e)
		case "quantity": // that of the supply again
		default:
			d.unrecognised(e)
		}
	}
}

func (d *decoder) dosage(e *record.Entry) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "pertinentMedicationDosage":
			for part := range d.r.Children(Namespace) {
				if part != "text" {
					d.unrecognised(e)
					continue
				}
				words := d.words()
				if e.Medication.Dosage != "" && words != "" {
					e.Texts = append(e.Texts, record.Text{Label: "Dose", Value: words})
				} else if words != "" {
					e.Medication.Dosage = words
				}
			}
		case "sequenceNumber":
		case "pertinentAnnotation", "pertinentSupplyAnnotation":
			d.annotation(e)
		default:
			d.unrecognised(e)
		}
	}
}

// supply reads the part of a MedicationStatement that the reader stands on. Its
// texts are taken from the entry again: they are the reason of an end.
func (d *decoder) supply(e *record.Entry) *supply {
	s := &supply{}
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "id":
			s.id = strings.ToUpper(strings.TrimSpace(d.r.Attr("root")))
		case "code":
			known := ordinary[strings.TrimSpace(d.r.Attr("code"))]
			c := d.concept(false)
			if words := c.text(); words != "" && !(known && (c.words == "" || c.words == c.term)) { // unless said in words of its own
				s.texts = append(s.texts, record.Text{Label: labelSupply, Value: words})
			}
		case "statusCode":
			s.status = d.r.Attr("code")
		case "availabilityTime":
			s.date = d.time(e, "Supplied")
		case "effectiveTime":
			center, low, high := d.interval(e)
			if s.from = low; low.IsZero() {
				s.from = center
			}
			s.to = high
		case "repeatNumber":
			s.repeats, s.repeatsStated = strings.TrimSpace(d.r.Attr("value")), true
		case "quantity":
			s.number, s.unit = d.quantity()
		case "inFulfillmentOf", "reversalOf":
			s.fulfils = append(s.fulfils, d.refs()...)
		case "predecessor": // it is not named here: it may be withheld
			e.Notes = append(e.Notes, "Follows an earlier prescription.")
		case "performer":
			if who := d.agentRef(); who != nil {
				d.named(e, "Supplied by", who)
			}
		case "consumable":
			d.product(s)
		case "pertinentInformation":
			n := len(e.Texts)
			d.annotation(e)
			s.texts = append(s.texts, e.Texts[n:]...)
			e.Texts = e.Texts[:n]
		default:
			d.unrecognised(e)
		}
	}
	return s
}

// product reads the drug that a part of a statement names.
func (d *decoder) product(s *supply) {
	for name := range d.r.Children(Namespace) {
		if name == "code" {
			s.drug = d.concept(true)
			continue
		}
		d.product(s)
	}
}

// ordinary are the codes of a supply that say nothing beyond what it is: an NHS
// prescription, and a course that was stopped, in both suppliers' spellings (S
// §6.1 "medication moods").
var ordinary = map[string]bool{"394823007": true, "278308006": true, "EMISDRUG_DISCONTINUATION": true}
