package systmone

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// qualifierPack is the label of Drug@PackID, which Multilex products have.
const qualifierPack = "Pack"

// The labels of free text that has an element of its own (S §1.4).
const (
	labelIssueOf = "RepeatIssue"
	labelInform  = "PatientToBeInformed"
	labelComment = "Comments"
)

// medication reads Medication and RepeatMedication (S §1.4). A Medication with
// RepeatIssue is one issue of a template. Whether a course has ended by today
// is not judged, for there is no clock here: it has ended where a reason says
// so, it is current as a template without end, else nothing is said.
func (d *decoder) medication(path int) *record.Entry {
	e := d.entry(record.KindMedication, path)
	d.attributes(e)
	m := &record.MedicationBody{Type: itemAcute}
	e.Medication = m
	if path == pathRepeat {
		m.Type = itemRepeat
	}
	var end string
	issue := false
	for name := range d.r.Children("") {
		switch name {
		case "MedicationType":
			d.choose(e, "Medication type", schemeMedicationType, medicationTypes, &m.Private)
		case "Drug":
			d.product(e)
		case "Dose":
			d.text(e, &m.Dosage)
		case "Quantity":
			d.text(e, &m.QuantityWords)
		case "StartDate":
			d.date(e, "Start date", &m.Start)
		case "EndDate":
			d.token(e, &end)
		case "EndReason":
			d.text(e, &m.EndReason)
		case "MaxIssues":
			d.token(e, &m.Authorised)
		case "ReviewDate":
			d.date(e, "Review date", &m.Review)
		case "IssueDurationDays":
			d.token(e, &m.DurationDays)
		case "RepeatIssue":
			if path == pathMedication {
				e.Counted = pathMedicationIssue + 1
			}
			issue = true
			d.comment(e, labelIssueOf)
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	d.parseDate(e, "End date", end, &m.End)
	switch {
	case trim(m.EndReason) != "":
		m.Status = drugEnded
	case path == pathRepeat && end == "":
		m.Status = drugCurrent
	}
	if issue && path == pathMedication {
		e.Kind = record.KindIssue
	}
	return e
}

// product reads a Drug. Real messages call the name Name, one schema FullName.
func (d *decoder) product(e *record.Entry) {
	if d.repeated(e) {
		return
	}
	var scheme, id, pack string
	for name, value := range d.r.Attrs() {
		local := name.Local
		if name.Space != "" {
			local = ""
		}
		switch local {
		case "Scheme":
			scheme = value
		case "ProductID":
			id = value
		case "PackID":
			pack = value
		case "Name", "FullName":
			if e.Text == "" {
				e.Text = value
			} else if value != "" {
				e.Texts = append(e.Texts, record.Text{Label: name.Local, Value: value})
			}
		default:
			e.Texts = append(e.Texts, record.Text{Label: "Unrecognised", Value: name.Local + ": " + value})
		}
	}
	d.leaf(e)
	if pack != "" {
		e.Qualifiers = append(e.Qualifiers, record.Qualifier{Name: qualifierPack, Value: pack})
	}
	if id == "" {
		return
	}
	var err error
	if e.Code, err = parseDrug(scheme, id, e.Text); err != nil {
		e.Malformed = true
		e.Notes = append(e.Notes, record.SourceCode(mapping.Code{Scheme: mapping.Scheme(scheme), Value: id, Term: e.Text}))
	}
}

// sensitivity reads a DrugSensitivity: an allergy to a product or to an
// ingredient, or, in old data, to an action group that stands in Details (S
// §1.4). It has ended if it says when, or says that nobody knows when.
func (d *decoder) sensitivity() *record.Entry {
	e := d.entry(record.KindAllergy, pathSensitivity)
	d.attributes(e)
	a := &record.Allergy{}
	e.Allergy = a
	var end string
	unknownEnd := false
	for name := range d.r.Children("") {
		switch name {
		case "Type":
			d.choose(e, "Sensitivity type", schemeSensitivityType, sensitivityTypes, &a.Type)
		case "Ingredient":
			d.ingredient(e)
		case "Drug":
			d.product(e)
		case "FreeText":
			d.comment(e, "")
		case "EndDate":
			d.token(e, &end)
		case "EndedWithUnknownDate":
			d.flag(e, "Ended mark", &unknownEnd)
		case "LinkedProblemUID":
			d.link(e)
		default:
			d.unrecognised(e)
		}
	}
	switch a.Type.Value {
	case "Drug":
		a.Class = record.AllergyDrug
	case "Ingredient":
		a.Class = record.AllergyIngredient
	}
	// An end that cannot be read leaves the allergy active: that is the side on
	// which a wrong guess does no harm.
	a.Ended = unknownEnd || end != "" && d.parseDate(e, "End date", end, &a.End)
	return e
}

// ingredient reads an Ingredient. Its number is no product, so it goes to
// Substance in a scheme of its own and the entry itself is uncoded.
func (d *decoder) ingredient(e *record.Entry) {
	if d.repeated(e) {
		return
	}
	var scheme, id, text string
	for name, value := range d.r.Attrs() {
		local := name.Local
		if name.Space != "" {
			local = ""
		}
		switch local {
		case "Scheme":
			scheme = value
		case "IngredientID":
			id = value
		case "Name":
			text = value
		case "Details":
			e.Allergy.Details = value
		default:
			e.Texts = append(e.Texts, record.Text{Label: "Unrecognised", Value: name.Local + ": " + value})
		}
	}
	d.leaf(e)
	switch {
	case e.Text == "":
		e.Text = text
	case text != "":
		e.Texts = append(e.Texts, record.Text{Label: "Ingredient", Value: text})
	}
	if e.Text == "" {
		e.Text = e.Allergy.Details
	}
	if id == "" {
		return
	}
	s := e.Allergy
	s.Substance.Value, s.Substance.Term = id, text
	switch scheme {
	case "Multilex", "Mulitlex":
		s.Substance.Scheme = schemeIngredientMultilex
	case "Dmd":
		s.Substance.Scheme = schemeIngredientDMD
	}
	if !s.Substance.Valid() || trim(id) != id || len(id) > 18 {
		s.Substance.Value, s.Substance.Term, s.Substance.Scheme = "", "", ""
		e.Malformed = true
		e.Notes = append(e.Notes, record.SourceCode(mapping.Code{Scheme: mapping.Scheme(scheme), Value: id, Term: text}))
	}
}
