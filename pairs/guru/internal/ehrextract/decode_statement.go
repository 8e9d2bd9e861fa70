package ehrextract

import (
	"regexp"
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
	outer := d.consultation
	d.consultation = e
	wrapper := false
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			d.identified(e)
		case "code":
			c := d.concept(false)
			wrapper = wrappers[c.code.Value]
			e.Text = c.text()
			if c.code.Scheme == mapping.SNOMED {
				e.Consultation.Type = mapping.Code{Scheme: schemeConsultation, Value: c.code.Value, Term: c.term}
			}
			if c.words != "" && c.words != c.term {
				e.Consultation.TypeText = c.words
			}
			e.Notes = append(e.Notes, c.notes...)
		case "effectiveTime":
			center, low, _ := d.interval(e)
			if e.Date = center; center.IsZero() {
				e.Date = low
			}
		case "availabilityTime":
			at := d.time(e, "Recorded")
			if e.Date.IsZero() {
				e.Date = at
			}
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
			e.Author = d.agentRef()
		case "location":
			e.Place = d.place()
		case "component":
			if e.Author == nil {
				e.Author = e.EnteredBy
			}
			d.components(nil)
		case "confidentialityCode":
			e.Confidential = d.r.Attr("code")
		case "statusCode":
		default:
			d.unrecognised(e)
		}
	}
	if e.Author == nil {
		e.Author = e.EnteredBy
	}
	if wrapper && len(e.Texts)+len(e.Notes) == 0 && e.Consultation.TypeText == "" {
		e.Outcome = record.Duplicate // what is in it says it all
	}
	d.consultation = outer
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

// listed adds an entry to the consultation under the headings that are open.
func (d *decoder) listed(e *record.Entry) {
	c := d.consultation
	if c == nil || d.parent != nil {
		return
	}
	item := record.Item{Entry: e}
	if n := len(d.headings); n > 0 {
		h := d.headings[n-1]
		item.Words = h.words
		if outer := d.headings[:n-1]; len(outer) > 0 { // the topic around a category
			item.Words = join(": ", outer[len(outer)-1].words, h.words)
		}
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
	class := d.r.Attr("classCode")
	allergy, parent, depth := d.allergy, d.parent, len(d.headings)
	var e *record.Entry
	switch class {
	case "BATTERY":
		e = d.entry(record.KindResult, pathBattery)
	case "CLUSTER":
		e = d.entry(record.KindResult, pathCluster)
	}
	for name := range d.r.Children(Namespace) {
		switch name {
		case "code":
			c := d.concept(false)
			switch {
			case e != nil:
				c.take(e)
			case allergyClass(c) != nil:
				d.allergy = allergyClass(c)
			default:
				d.headings = append(d.headings, heading{c.code, c.text()})
			}
		case "id":
			if e != nil {
				d.identified(e)
			}
		case "availabilityTime":
			if e != nil {
				e.Date = d.time(e, "Date")
			}
		case "effectiveTime":
			if e != nil {
				if center, _, _ := d.interval(e); !center.IsZero() {
					e.Date = center
				}
			}
		case "component":
			if e != nil {
				if d.parent != e {
					d.listed(e)
				}
				d.parent = e
			}
			d.components(e)
		case "specimen":
			if e != nil {
				e.Texts = append(e.Texts, record.Text{Label: "Specimen", Value: d.r.Words()})
			}
		case "Participant":
			if e != nil {
				if who := d.agentRef(); who != nil {
					e.Author = who
				}
			}
		case "confidentialityCode":
			if e != nil {
				e.Confidential = d.r.Attr("code")
			}
		case "statusCode":
		default:
			d.unrecognised(e)
		}
	}
	d.allergy, d.parent, d.headings = allergy, parent, d.headings[:depth]
}

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
	for name := range d.r.Children(Namespace) {
		switch name {
		case "code":
			d.concept(false).take(e)
		case "value":
			if d.r.Repeated() {
				d.rec.Fail(record.Investigations, e.At, "repeated value")
				continue
			}
			if d.allergy != nil && d.typeOf() == "CD" {
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
			d.reference(v)
		case "subject":
			family = d.relative(e)
		default:
			d.statement(name, e)
		}
	}
	if v.Number+v.Text+v.Unreadable+v.AbnormalAs != "" || len(v.Ranges) > 0 {
		e.Value, e.Kind = v, record.KindResult
	}
	annotated(e)
	switch {
	case d.allergy != nil:
		e.Kind = record.KindAllergy
		d.reaction(e, substance)
	case family || mapping.ClassOf(e.Text) == mapping.FamilyHistory:
		e.Kind = record.KindFamilyHistory
	case e.Kind == record.KindObservation && immunised.MatchString(texts(e)):
		e.Kind = record.KindImmunisation
		e.Immunisation = &record.Immunisation{}
	}
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
func (d *decoder) statement(name string, e *record.Entry) {
	switch name {
	case "id":
		d.identified(e)
	case "availabilityTime":
		if at := d.time(e, "Date"); e.Date.IsZero() {
			e.Date = at
		}
	case "effectiveTime":
		if center, low, _ := d.interval(e); !center.IsZero() {
			e.Date = center
		} else if !low.IsZero() {
			e.Date = low
		}
	case "pertinentInformation":
		d.annotation(e, "")
	case "Participant":
		if who := d.agentRef(); who != nil {
			e.Author = who
		}
	case "priorityCode":
		if c := d.concept(false); c.text() != "" {
			e.Texts = append(e.Texts, record.Text{Label: "Priority", Value: c.text()})
		}
	case "confidentialityCode":
		e.Confidential = d.r.Attr("code")
	case "specimen":
		e.Texts = append(e.Texts, record.Text{Label: "Specimen", Value: d.r.Words()})
	case "statusCode", "reference", "sequelTo":
	default:
		d.unrecognised(e)
	}
}

// annotation reads the text of a pertinentInformation, whatever it is called.
func (d *decoder) annotation(e *record.Entry, label string) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "text":
			if words := strings.TrimSpace(d.r.Text()); words != "" {
				e.Texts = append(e.Texts, record.Text{Label: label, Value: words})
			}
		case "sequenceNumber", "id", "statusCode", "code":
		default:
			d.annotation(e, label)
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

// reference reads a reference range.
func (d *decoder) reference(v *record.Value) {
	g := record.Range{}
	var walk func()
	walk = func() {
		for name := range d.r.Children(Namespace) {
			switch name {
			case "text":
				g.Words = strings.TrimSpace(d.r.Text())
			case "low":
				g.Low, g.Unit = d.quantity()
			case "high":
				g.High, g.Unit = d.quantity()
			default:
				walk()
			}
		}
	}
	walk()
	if g != (record.Range{}) {
		v.Ranges = append(v.Ranges, g)
	}
}

// endedOn is how SystmOne tells of an allergy that has ended, in words alone (S
// §6.1).
var endedOn = regexp.MustCompile(`Sensitivity to .* ended on (\d{2}) (\w{3}) (\d{4})`)

var months = map[string]string{"Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06", "Jul": "07", "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12"}

// reaction makes an allergy of an observation in a category of allergies.
func (d *decoder) reaction(e *record.Entry, substance coded) {
	a := &record.Allergy{Class: *d.allergy, Substance: substance.code, Details: substance.text()}
	a.Absent = mapping.ClassOf(e.Text) == mapping.Negated
	if class, local := localAllergy(e.Code); local {
		a.Class = class
	}
	e.Allergy = a
	e.Others = append(e.Others, substance.others...)
	e.Notes = append(e.Notes, substance.notes...)
	if substance.malformed {
		e.Malformed = true
	}
	if m := endedOn.FindStringSubmatch(texts(e)); m != nil {
		a.Ended = true
		a.End, _ = record.ParseISO(m[3] + "-" + months[m[2]] + "-" + m[1])
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
	form, local := strings.CutPrefix(c.Value, "ALLERGY-EMIS")
	if c.Scheme != mapping.EMISLocal || !local {
		return 0, false
	}
	switch form, _, _ = strings.Cut(form, "-"); form {
	case "DRUGGROUP":
		return record.AllergyDrugGroup, true
	case "CONSTITUENT":
		return record.AllergyIngredient, true
	case "DRUGNAME", "BOTH":
		return record.AllergyDrug, true
	}
	return 0, false
}

func (d *decoder) narrative() *record.Entry {
	e := d.entry(record.KindNote, pathNarrative)
	for name := range d.r.Children(Namespace) {
		switch name {
		case "text":
			if words := strings.TrimSpace(d.r.Text()); words != "" {
				e.Texts = append(e.Texts, record.Text{Value: words})
			}
		default:
			d.statement(name, e)
		}
	}
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
	for name := range d.r.Children(Namespace) {
		switch name {
		case "code":
			d.concept(false).take(e)
		case "text":
			if words := strings.TrimSpace(d.r.Text()); words != "" {
				e.Texts = append(e.Texts, record.Text{Value: words})
			}
		case "effectiveTime":
			center, low, _ := d.interval(e)
			if e.Date = center; center.IsZero() {
				e.Date = low
			}
		case "availabilityTime":
			at := d.time(e, "Recorded")
			if e.Kind == record.KindDiary || !e.Date.IsZero() {
				e.Recorded = at
			} else {
				e.Date = at
			}
		default:
			d.statement(name, e)
		}
	}
}
