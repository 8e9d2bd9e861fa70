package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// linkSet reads a problem: its state, what it is linked to, and the statement
// that tells it, which may stand further on.
func (d *decoder) linkSet() *record.Entry {
	e := d.entry(record.KindProblem, pathLinkSet)
	p := &record.Problem{}
	e.Problem = p
	named, linked := "", []string(nil)
	words, dated := "", false
	for name := range d.r.Children(Namespace) {
		switch name {
		case "code":
			c := d.concept(false)
			words = c.text()
			d.problemState(e, c)
		case "effectiveTime":
			center, low, high := d.interval(e)
			if e.Date = low; low.IsZero() {
				e.Date = center
			}
			p.End, dated = high, true
		case "availabilityTime": // when it was recorded, which is no onset (safety §1.6, PSA 1.4.6)
			if at := d.time(e, "Recorded"); dated {
				e.Recorded = at
			} else {
				e.Date = at
			}
		case "component":
			linked = append(linked, d.refs()...)
		case "conditionNamed":
			if ids := d.refs(); len(ids) > 0 {
				named = ids[0]
			}
		default:
			d.statement(name, e)
		}
	}
	d.later = append(d.later, func() {
		if by := d.byID[named]; by != nil && by != e {
			p.Defines = by
			e.Text, e.Code, e.Others, e.Malformed = by.Text, by.Code, by.Others, by.Malformed
			if e.Malformed {
				e.Notes = append(e.Notes, "Its code could not be read.")
			}
			if p.Significance.IsZero() {
				d.severity(p, by)
			}
		}
		if e.Text == "" {
			e.Text = words
		}
		for _, id := range linked {
			if other := d.byID[id]; other != nil && other != e {
				other.Problems = append(other.Problems, record.ProblemLink{Problem: e, Link: mapping.Code{Scheme: schemeProblemLink, Value: "linked", Term: "Linked"}})
			}
		}
	})
	return e
}

// problemState reads whether a problem is active, and how much it weighs (S
// §6.1).
func (d *decoder) problemState(e *record.Entry, c coded) {
	p := e.Problem
	switch c.code.Value {
	case activeProblem.Value:
		p.Status = mapping.Code{Scheme: schemeStatus, Value: statusActive, Term: "Active problem"}
	case inactiveProblem.Value:
		p.Status = mapping.Code{Scheme: schemeStatus, Value: statusInactive, Term: "Inactive problem"}
	default:
		if c.text() != "" {
			e.Notes = append(e.Notes, "Problem status as recorded: "+c.text())
		}
	}
	for _, q := range c.qualifiers {
		switch q.NameCode.Value {
		case significantProblem.Value:
			p.Significance = mapping.Code{Scheme: schemeSignificance, Value: significant, Term: "Significant"}
		case minorProblem.Value:
			p.Significance = mapping.Code{Scheme: schemeSignificance, Value: minor, Term: "Minor"}
		default:
			e.Qualifiers = append(e.Qualifiers, q)
		}
	}
	e.Notes = append(e.Notes, c.notes...)
}

// severity reads how much a problem weighs where SystmOne says so, in the words
// of an annotation (S §6.1).
func (d *decoder) severity(p *record.Problem, by *record.Entry) {
	for line := range strings.Lines(texts(by)) {
		switch strings.TrimSpace(line) {
		case "Problem severity: Major":
			p.Significance = mapping.Code{Scheme: schemeSignificance, Value: significant, Term: "Major"}
		case "Problem severity: Minor":
			p.Significance = mapping.Code{Scheme: schemeSignificance, Value: minor, Term: "Minor"}
		}
	}
}

// refs are the identifiers that the references in an element point at.
func (d *decoder) refs() []string {
	var ids []string
	for name := range d.r.Children(Namespace) {
		if name == "id" {
			ids = append(ids, strings.ToUpper(strings.TrimSpace(d.r.Attr("root"))))
			continue
		}
		ids = append(ids, d.refs()...)
	}
	return ids
}

// supply is a part of a MedicationStatement: what was authorised, prescribed or
// stopped.
type supply struct {
	id, fulfils    string
	date, from, to record.Date
	status         string
	repeats        string
	repeatsStated  bool
	number, unit   string
	words          string // of its code
	texts          []record.Text
}

// medication reads a MedicationStatement in both suppliers' moods (S §6.1): what
// authorises is a course, what only prescribes an issue of one, and what only
// stops one says the end of that course.
func (d *decoder) medication() *record.Entry {
	e := d.entry(record.KindMedication, pathMedication)
	m := &record.MedicationBody{}
	e.Medication = m
	var authorised, prescribed, stopped *supply
	for name := range d.r.Children(Namespace) {
		switch name {
		case "consumable":
			d.consumable(e)
		case "component":
			for part := range d.r.Children(Namespace) {
				s := d.supply(e)
				switch part {
				case "ehrSupplyAuthorise":
					authorised = s
				case "ehrSupplyPrescribe":
					prescribed = s
				case "ehrSupplyDiscontinue":
					stopped = s
				default:
					d.unrecognised(e)
				}
			}
		case "pertinentInformation":
			d.dosage(e)
		default:
			d.statement(name, e)
		}
	}
	for _, s := range []*supply{authorised, prescribed} {
		if s == nil {
			continue
		}
		if m.Quantity == "" {
			m.Quantity, m.Unit = s.number, s.unit
		}
		e.Texts = append(e.Texts, s.texts...)
	}
	switch {
	case authorised != nil:
		d.authorised(e, authorised)
	case prescribed != nil:
		e.Kind = record.KindIssue
		d.later = append(d.later, func() { m.Course = d.supplies[prescribed.fulfils] })
	}
	if stopped != nil {
		d.stopped(e, stopped, authorised == nil && prescribed == nil)
	}
	return e
}

func (d *decoder) authorised(e *record.Entry, s *supply) {
	m := e.Medication
	switch {
	case s.repeats == "0":
		m.Type = mapping.Code{Scheme: schemeType, Value: typeAcute, Term: "Acute"}
	case s.repeatsStated:
		m.Type = mapping.Code{Scheme: schemeType, Value: typeRepeat, Term: "Repeat"}
		m.Authorised = s.repeats
	}
	m.Start, m.Expiry = s.from, s.to
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

// stopped ends the course that a discontinuation points at. Where it stands by
// itself and the course is there, the course says it all.
func (d *decoder) stopped(e *record.Entry, s *supply, alone bool) {
	d.later = append(d.later, func() {
		course := d.supplies[s.fulfils]
		if !alone {
			course = e
		}
		said := alone && course != nil && course != e
		if course == nil {
			course = e
			e.Notes = append(e.Notes, "Stopped: which prescription was stopped is not said.")
		}
		m := course.Medication
		m.End = s.date
		m.Status = mapping.Code{Scheme: schemeDrugStatus, Value: statusEnded, Term: "Ended"}
		var reasons []string
		for _, t := range s.texts {
			reasons = append(reasons, t.Value)
		}
		if m.EndReason = strings.Join(reasons, "; "); m.EndReason == "" && s.words != discontinued.Term {
			m.EndReason = s.words
		}
		if said && len(e.Texts)+len(e.Notes) == 0 {
			e.Outcome = record.Duplicate
		}
	})
}

// consumable reads the drug.
func (d *decoder) consumable(e *record.Entry) {
	for name := range d.r.Children(Namespace) {
		if name == "code" {
			c := d.concept(true)
			if e.Text != "" && c.text() != "" {
				e.Texts = append(e.Texts, record.Text{Label: "Drug", Value: c.text()})
				continue
			}
			c.take(e)
			continue
		}
		d.consumable(e)
	}
}

func (d *decoder) dosage(e *record.Entry) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "pertinentMedicationDosage":
			for part := range d.r.Children(Namespace) {
				if part == "text" {
					words := strings.TrimSpace(d.r.Text())
					if e.Medication.Dosage != "" && words != "" {
						e.Texts = append(e.Texts, record.Text{Label: "Dose", Value: words})
					} else {
						e.Medication.Dosage = words
					}
				}
			}
		case "sequenceNumber":
		default:
			d.annotation(e, "")
		}
	}
}

// supply reads the part of a MedicationStatement that the reader stands on.
func (d *decoder) supply(e *record.Entry) *supply {
	s := &supply{}
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			s.id = strings.ToUpper(strings.TrimSpace(d.r.Attr("root")))
		case "code":
			c := d.concept(false)
			if s.words = c.text(); s.words != "" && !ordinary[c.code.Value] {
				s.texts = append(s.texts, record.Text{Label: "Supply", Value: s.words})
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
			if ids := d.refs(); len(ids) > 0 {
				s.fulfils = ids[0]
			}
		case "pertinentInformation":
			n := len(e.Texts)
			d.annotation(e, "")
			s.texts = append(s.texts, e.Texts[n:]...)
			e.Texts = e.Texts[:n]
		default:
			d.unrecognised(e)
		}
	}
	return s
}

// ordinary are the codes of a supply that say nothing beyond what it is: an NHS
// prescription, and a course that was stopped.
var ordinary = map[string]bool{"394823007": true, "278308006": true}
