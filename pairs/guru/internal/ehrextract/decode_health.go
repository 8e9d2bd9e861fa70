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
	words := ""
	var m moment
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "code":
			c := d.concept(false)
			words = c.text()
			d.problemState(e, c)
		case "component":
			linked = append(linked, d.refs()...)
		case "conditionNamed":
			if ids := d.refs(); len(ids) > 0 {
				named = ids[0]
			}
		default:
			d.statement(name, e, &m)
		}
	}
	// availabilityTime is when it was recorded, which is no onset (safety §1.6,
	// PSA 1.4.6), unless it is the only time there is.
	if p.End = m.high; m.effective {
		e.Recorded, d.recorded[e] = m.available, m.availability
		if e.Date = m.low; m.low.IsZero() {
			e.Date = m.center
		}
	} else {
		e.Date = m.available
	}
	d.later = append(d.later, func() {
		if by := d.byID[named]; by != nil && by != e {
			p.Defines = by
			e.Text, e.Code, e.Others, e.Malformed = by.Text, by.Code, by.Others, by.Malformed
			if e.Malformed {
				e.Notes = append(e.Notes, "Its code could not be read.")
			}
			if e.Confidential == "" {
				e.Confidential = by.Confidential
			}
			turned(e, by)
			if p.Significance.IsZero() {
				d.severity(p, by)
			}
		}
		if p.Defines == nil {
			e.Text = words
			e.Notes = append(e.Notes, "The statement that names this problem is not in the record.")
		}
		for _, id := range linked {
			other := d.byID[id]
			if other == nil { // EMIS links a problem to what was authorised, not to the statement
				other = d.parts[id]
			}
			if other != nil && other != e {
				other.Problems = append(other.Problems, record.ProblemLink{Problem: e, Link: mapping.Code{Scheme: schemeProblemLink, Value: "linked", Term: "Linked"}})
			}
		}
	})
	return e
}

// turned gives a problem what turns round the statement that tells it: it has
// the same code.
func turned(e, by *record.Entry) {
	for _, q := range by.Qualifiers {
		if q.Meaning != record.Refines {
			e.Qualifiers = append(e.Qualifiers, q)
		}
	}
	if by.Kind == record.KindFamilyHistory && mapping.ClassOf(by.Text) != mapping.FamilyHistory {
		e.Qualifiers = append(e.Qualifiers, record.Qualifier{Name: "About", Value: "a relative, not the patient", Meaning: record.Doubts})
	}
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
