package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// uncertainty reads whether a statement was made in doubt. N is that nothing is
// said of that; whatever else it is keeps the statement from being trusted.
func (d *decoder) uncertainty(e *record.Entry) {
	code, words := d.r.Attr("code"), d.concept(false).text()
	if code == "N" || code == "" && words == "" {
		return
	}
	if words == "" {
		words = "stated with uncertainty"
	}
	e.Qualifiers = append(e.Qualifiers, record.Qualifier{Name: "Uncertainty", Value: words, Meaning: record.Doubts})
}

// specimen reads what was taken, when, and under which number.
func (d *decoder) specimen(e *record.Entry) {
	var parts []string
	var walk func()
	walk = func() {
		for name := range d.r.Children(Namespace) {
			switch name {
			case "id":
				if number := d.r.Attr("extension"); number != "" {
					parts = append(parts, "number "+number)
				}
			case "effectiveTime":
				if center, low, _ := d.interval(e); !center.IsZero() || !low.IsZero() {
					m := moment{center: center, low: low}
					parts = append(parts, "taken "+m.begin().Words())
				}
			case "desc":
				parts = append([]string{d.words()}, parts...)
			case "specimenRole", "specimenSpecimenMaterial":
				walk()
			default:
				parts = append(parts, d.r.Words())
			}
		}
	}
	walk()
	if words := record.Join(", ", parts...); words != "" {
		e.Texts = append(e.Texts, record.Text{Label: "Specimen", Value: words})
	}
}

// informant reads who told it: a role, a name, or both.
func (d *decoder) informant(e *record.Entry) {
	var parts []string
	var walk func()
	walk = func() {
		for name := range d.r.Children(Namespace) {
			switch name {
			case "code":
				parts = append(parts, d.concept(false).text())
			case "name":
				var p record.Person
				d.name(&p)
				parts = append(parts, p.Display)
			case "deceasedInd":
				if d.r.Attr("value") == "true" {
					parts = append(parts, "deceased")
				}
			default:
				walk()
			}
		}
	}
	walk()
	if words := record.Join(", ", parts...); words != "" {
		e.Texts = append(e.Texts, record.Text{Label: "Informant", Value: words})
	}
}

// responsible reads who is to act: of a referral that is to whom it went.
func (d *decoder) responsible(e *record.Entry) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "modeCode":
			if words := d.concept(false).text(); words != "" {
				e.Texts = append(e.Texts, record.Text{Label: "Mode", Value: words})
			}
		case "agentRef":
			if who := d.agentRef(); who != nil {
				d.named(e, "Responsible", who)
			}
		}
	}
}

// document reads a reference to a document, whose content stays in the source
// system: that there is one, what it is called and what it is.
func (d *decoder) document(e *record.Entry) {
	var parts []string
	var walk func()
	walk = func() {
		for name := range d.r.Children(Namespace) {
			switch name {
			case "code":
				parts = append(parts, d.concept(false).text())
			case "text":
				parts = append(parts, strings.TrimSpace(d.r.Text()), d.r.Attr("mediaType"))
				for part := range d.r.Children(Namespace) {
					if part == "reference" {
						parts = append(parts, d.r.Attr("value"))
					}
				}
			case "effectiveTime":
				if center, low, _ := d.interval(e); !center.IsZero() || !low.IsZero() {
					m := moment{center: center, low: low}
					parts = append(parts, m.begin().Words())
				}
			case "author":
				if who := d.agentRef(); who != nil {
					d.named(e, "Document by", who)
				}
			case "referredToExternalDocument":
				walk()
			}
		}
	}
	walk()
	words := record.Join(", ", parts...)
	if words == "" {
		words = "one without a name"
	}
	e.Texts = append(e.Texts, record.Text{Label: "Document, not sent over this link", Value: words})
}
