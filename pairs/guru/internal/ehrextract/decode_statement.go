package ehrextract

import (
	"regexp"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// allergyClass says what a category of allergies is of, nil for any other (S
// §6.1).
func allergyClass(c coded) *record.AllergyClass {
	class := record.AllergyDrug
	switch {
	case c.code.Is(drugAllergy):
	case c.code.Is(otherAllergy):
		class = record.AllergyNonDrug
	default:
		return nil
	}
	return &class
}

// observation reads an ObservationStatement.
func (d *decoder) observation() *record.Entry {
	e := d.entry(record.KindObservation, pathObservation)
	v := &record.Value{}
	family := false
	substance := coded{}
	var m moment
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "code":
			d.concept(false).take(e)
		case "value":
			if kind := d.typeOf(); d.allergy != nil && len(kind) == 2 && kind[0] == 'C' && kind != "CS" {
				substance = d.concept(*d.allergy == record.AllergyDrug)
				continue
			}
			d.value(v, e)
		case "interpretationCode":
			c := d.concept(false)
			if v.AbnormalAs = c.text(); v.AbnormalAs == "" {
				v.AbnormalAs = d.r.Attr("code")
			}
		case "referenceRange":
			d.reference(v, e)
		case "subject":
			family = d.relative(e)
		default:
			d.statement(name, e, &m)
		}
	}
	m.settle(d, e)
	if v.Number+v.Text+v.Unreadable+v.AbnormalAs != "" || len(v.Ranges) > 0 {
		e.Value, e.Kind = v, record.KindResult
	}
	if d.allergy != nil {
		e.Kind = record.KindAllergy
		d.reaction(e, substance, m.high)
		return e
	}
	annotated(e)
	switch {
	case family || mapping.ClassOf(e.Text) == mapping.FamilyHistory:
		e.Kind = record.KindFamilyHistory
	case e.Kind == record.KindObservation && immunised.MatchString(texts(e)):
		e.Kind = record.KindImmunisation
		e.Immunisation = &record.Immunisation{NotGiven: record.SaysNoAllergies(e.Text)}
	}
	m.until(e)
	return e
}

// immunised are the lines by which both suppliers' annotations tell of a
// vaccination (S §6.1).
var immunised = regexp.MustCompile(`(?m)^(?:Batch No|Vaccine): `)

func texts(e *record.Entry) string {
	var all []string
	for _, t := range e.Texts {
		all = append(all, t.Value)
	}
	return strings.Join(all, "\n")
}

// statement reads what every statement may have.
func (d *decoder) statement(name string, e *record.Entry, m *moment) {
	if m.read(d, name, e) {
		return
	}
	switch name {
	case "id":
		d.identified(e)
	case "pertinentInformation":
		d.annotation(e)
	case "Participant":
		who := d.agentRef()
		if who != nil && e.Author != nil && who != e.Author {
			d.named(e, "Participant", who)
		} else if who != nil {
			e.Author = who
		}
	case "priorityCode":
		if c := d.concept(false); c.text() != "" {
			e.Texts = append(e.Texts, record.Text{Label: labelPriority, Value: c.text()})
		}
	case "uncertaintyCode":
		d.uncertainty(e)
	case "confidentialityCode":
		e.Confidential = d.mark()
	case "specimen":
		d.specimen(e)
	case "informant":
		d.informant(e)
	case "responsibleParty":
		d.responsible(e)
	case "reference":
		d.document(e)
	case "replacementOf": // what it replaces is not named here: that may be withheld
		e.Notes = append(e.Notes, "Replaces an earlier statement.")
	case "reason":
		e.Notes = append(e.Notes, "The reason for it is another statement.")
	case "statusCode", "sequelTo":
	default:
		d.unrecognised(e)
	}
}

// annotation reads the text of a pertinentInformation, whatever it is called.
func (d *decoder) annotation(e *record.Entry) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "text":
			if words := d.words(); words != "" {
				e.Texts = append(e.Texts, record.Text{Value: words})
			}
		case "pertinentAnnotation", "pertinentSupplyAnnotation":
			d.annotation(e)
		case "sequenceNumber", "id", "statusCode", "code":
		default:
			d.unrecognised(e)
		}
	}
}

// relative reports a subject that is a relative, and keeps who it is.
func (d *decoder) relative(e *record.Entry) bool {
	found := false
	for name := range d.r.Children(Namespace) {
		found = found || name == "personalRelationship"
		for part := range d.r.Children(Namespace) {
			if part != "code" {
				d.unrecognised(e)
			} else if words := d.concept(false).text(); words != "" {
				e.Texts = append(e.Texts, record.Text{Label: labelRelative, Value: words})
			}
		}
	}
	return found
}

// endedOn is how SystmOne tells of an allergy that has ended, in words alone (S
// §6.1).
var endedOn = regexp.MustCompile(`(?s)Sensitivity to .*? ended on (\d{1,2}) (\w{3}) (\d{4})`)

var months = map[string]string{"Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06", "Jul": "07", "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12"}

// reaction makes an allergy of an observation in a category of allergies.
func (d *decoder) reaction(e *record.Entry, substance coded, until record.Date) {
	a := &record.Allergy{Class: *d.allergy, Substance: substance.code, Details: substance.text()}
	a.Absent = substance.code.IsZero() && record.SaysNoAllergies(e.Text)
	for _, c := range []mapping.Code{e.Code, substance.code} {
		if class, local := localAllergy(c); local {
			a.Class = class
		}
	}
	e.Allergy = a
	e.Others = append(e.Others, substance.others...)
	e.Notes = append(e.Notes, substance.notes...)
	if substance.malformed {
		e.Malformed = true
	}
	if !until.IsZero() {
		a.Ended, a.End = true, until
	}
	if m := endedOn.FindStringSubmatch(texts(e)); m != nil {
		day := m[1]
		if len(day) == 1 {
			day = "0" + day
		}
		a.Ended = true
		a.End, _ = record.ParseISO(m[3] + "-" + months[m[2]] + "-" + day) // one that is none stands in the words
	}
	if v := e.Value; v != nil {
		e.Texts = append(e.Texts, record.Text{Label: "Value", Value: strings.TrimSpace(v.Number + " " + v.Unit + " " + v.Text + v.Unreadable)})
		e.Value = nil
	}
}

// localAllergy is what an EMIS code of an allergy says it is to, whatever
// category it was filed in (S §6.0 "12 forms seen"; emis-and-mig.md §4). The
// number in it is one of EMIS's own drug dictionary, and stays where it is.
func localAllergy(c mapping.Code) (record.AllergyClass, bool) {
	if c.Scheme != mapping.EMISLocal {
		return 0, false
	}
	_, form, ok := mapping.ParseEMISAllergy(c.Value)
	switch {
	case !ok || !form.Drug():
		return 0, false
	case form == mapping.AllergyDrugGroup:
		return record.AllergyDrugGroup, true
	case form == mapping.AllergyConstituent:
		return record.AllergyIngredient, true
	}
	return record.AllergyDrug, true
}

func (d *decoder) narrative() *record.Entry {
	e := d.entry(record.KindNote, pathNarrative)
	var m moment
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "text":
			if words := d.words(); words != "" {
				e.Texts = append(e.Texts, record.Text{Value: words})
			}
		default:
			d.statement(name, e, &m)
		}
	}
	m.settle(d, e)
	m.until(e)
	return e
}

// plan reads a PlanStatement: effectiveTime is when it is due, availabilityTime
// when it was recorded.
func (d *decoder) plan() *record.Entry {
	e := d.entry(record.KindDiary, pathPlan)
	e.Diary = &record.DiaryBody{}
	d.intent(e)
	return e
}

// request reads a RequestStatement as a referral. One for a test has the same
// shape; its words say it.
func (d *decoder) request() *record.Entry {
	e := d.entry(record.KindReferral, pathRequest)
	e.Referral = &record.Referral{}
	d.intent(e)
	return e
}

func (d *decoder) registration() *record.Entry {
	e := d.entry(record.KindAdministration, pathRegistration)
	d.intent(e)
	return e
}

func (d *decoder) intent(e *record.Entry) {
	var m moment
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "code":
			d.concept(false).take(e)
		case "text":
			if words := d.words(); words != "" {
				e.Texts = append(e.Texts, record.Text{Value: words})
			}
		default:
			d.statement(name, e, &m)
		}
	}
	if e.Date = m.begin(); e.Kind == record.KindDiary || !e.Date.IsZero() {
		e.Recorded, d.recorded[e] = m.available, m.availability
	} else {
		e.Date = m.available
	}
	m.until(e)
}
