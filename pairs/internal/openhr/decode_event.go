package openhr

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// event reads one event, whatever it is. What it is comes from its type, and
// from its body where the two differ (E §1.3).
func (d *decoder) event() {
	it := d.begin(record.KindObservation, pathEvent, "unFiled")
	stated, body, display := "", "", ""
	typed, unfiled := false, d.r.Attr("unFiled") == "true"
	for name := range d.r.Children(Namespace) {
		switch name {
		case "associatedText":
			d.associatedText(it)
			continue
		case "organisation":
			d.recordedAt(it)
			continue
		}
		if !d.first(it) {
			continue
		}
		switch name {
		case "id":
			it.ID = d.token(it)
		case "patient":
			it.patient = d.token(it)
		case "eventType":
			stated, typed = d.token(it), true
		case "effectiveTime":
			it.Date = d.datePart(it, "Date")
		case "availabilityTimeStamp":
			it.Recorded = it.moment("Time of recording", d.leaf(it))
		case "authorisingUserInRole":
			it.authorID = d.token(it)
		case "enteredByUserInRole":
			it.enteredID = d.token(it)
		case "code":
			d.entryCode(it)
		case "displayTerm":
			display = d.leaf(it)
		case "confidentialityPolicy":
			it.policy = d.token(it)
		case "hidden":
			it.hidden = d.token(it) == "true"
		case "template": // identifiers of a form on the originating system
		case "annotations":
			d.annotations(it)
		case "observation", "diary", "referral", "medication", "medicationIssue", "report", "orderHeader", "alert", "allergy":
			if body != "" {
				it.repeated = append(it.repeated, d.at())
				continue
			}
			body = name
			d.body(it, name)
		default:
			d.unknown(it)
		}
	}
	if strings.TrimSpace(display) != "" {
		it.Text = display
	}
	d.classify(it, stated, body)
	if typed {
		it.Counted = d.base + d.typePath(stated) + 1
	}
	if unfiled {
		it.note("Not yet filed in the sending system.")
		d.unfiled = true
	}
	d.finish(it)
}

// typePath is the position of an event type among the entry paths.
func (d *decoder) typePath(stated string) int {
	for i, t := range d.kinds {
		if t.name == stated {
			return i
		}
	}
	return pathEvent
}

// classify settles the kind of an event from its type and body, and gives it
// the part of an entry that kind promises.
func (d *decoder) classify(it *item, stated, body string) {
	kind, known := record.KindObservation, false
	if i := d.typePath(stated); i < eventTypes {
		kind, known = d.kinds[i].kind, true
	}
	byBody := bodyKind(body)
	switch {
	case byBody == record.KindUnrecognised: // an observation or no body fits every type
	case !known || byBody != kind:
		if known {
			it.note("Event type as recorded: " + stated)
		}
		kind = byBody
	}
	if !known && stated != "" {
		it.note("Event type as recorded: " + stated)
	}
	if kind == record.KindObservation {
		switch {
		case it.Value != nil && (it.Value.Number != "" || it.Value.Text != "" || it.Value.Unreadable != "") || len(it.children) > 0:
			kind = record.KindResult
		case !it.coded:
			kind = record.KindNote
		}
	}
	it.Kind = kind
	switch kind {
	case record.KindMedication, record.KindIssue:
		if it.Medication == nil {
			it.Medication = &record.MedicationBody{}
		}
		if kind == record.KindMedication {
			it.Medication.Start = it.Date
		}
	case record.KindAllergy:
		d.allergyClass(it)
	case record.KindImmunisation:
		it.Immunisation = &record.Immunisation{}
		for _, q := range it.Qualifiers {
			it.Immunisation.NotGiven = it.Immunisation.NotGiven || q.Meaning == record.Negates
		}
	case record.KindDiary:
		if it.Diary == nil {
			it.Diary = &record.DiaryBody{}
		}
	case record.KindReferral:
		if it.Referral == nil {
			it.Referral = &record.Referral{}
		}
	case record.KindReport:
		if it.Report == nil {
			it.Report = &record.Report{}
		}
	case record.KindDocument:
		if it.Document == nil {
			it.Document = &record.Document{}
		}
	}
}

// bodyKind is the kind a body stands for, KindUnrecognised when it stands for
// none.
func bodyKind(body string) record.Kind {
	switch body {
	case "medication":
		return record.KindMedication
	case "medicationIssue":
		return record.KindIssue
	case "diary":
		return record.KindDiary
	case "referral":
		return record.KindReferral
	case "report":
		return record.KindReport
	case "orderHeader":
		return record.KindRequest
	case "alert":
		return record.KindAlert
	case "allergy":
		return record.KindAllergy
	}
	return record.KindUnrecognised
}

func (d *decoder) body(it *item, name string) {
	switch name {
	case "observation":
		d.observation(it)
	case "diary":
		d.diary(it)
	case "referral":
		d.referral(it)
	case "medication", "medicationIssue":
		d.medication(it)
	case "report":
		d.report(it)
	case "orderHeader":
		d.orderHeader(it)
	case "alert":
		d.alert(it)
	case "allergy":
		d.allergyBody(it)
	}
}

// entryCode reads the entry's code with its qualifiers and the sender's
// translations, which are evidence and no more (DESIGN.md decision 4).
func (d *decoder) entryCode(it *item) {
	c := d.code(it)
	it.Text = c.display
	it.Code = c.parsed
	it.coded = c.display != "" || c.code != ""
	if c.malformed {
		it.Malformed = true
		it.note("Source code: " + c.raw())
	}
	d.codeParts(it)
}

// codeParts reads the children of a dt.CodeQualified.
func (d *decoder) codeParts(it *item) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "qualifier":
			d.qualifier(it)
		case "translation":
			c := d.code(it)
			switch {
			case !c.parsed.IsZero():
				it.Others = append(it.Others, c.parsed)
			case c.code != "":
				it.note("Source code: " + strings.TrimSpace(c.raw()+` "`+c.display+`"`))
			case c.display != "":
				it.fact("Translation", c.display)
			}
			d.codeParts(it)
		default:
			d.unknown(it)
		}
	}
}

func (d *decoder) qualifier(it *item) {
	var n, v coded
	for name := range d.r.Children(Namespace) {
		switch name {
		case "name":
			n = d.code(it)
			d.empty(it)
		case "value":
			v = d.code(it)
			d.empty(it)
		default:
			d.unknown(it)
		}
	}
	q := record.Qualifier{Name: n.display, Value: v.display, NameCode: n.parsed, ValueCode: v.parsed, Meaning: record.MeaningOf(n.display, v.display, v.code)}
	for _, c := range []coded{n, v} {
		if c.malformed {
			it.note("Source code: " + strings.TrimSpace(c.raw()+` "`+c.display+`"`))
		}
	}
	it.Qualifiers = append(it.Qualifiers, q)
}

func (d *decoder) associatedText(it *item) {
	kind := d.r.Attr("associatedTextType")
	label, known := vocText.word(kind)
	if !known {
		label = "Text of type " + kind
	}
	d.attrs(it, "associatedTextType")
	for name := range d.r.Children(Namespace) {
		if name != "value" {
			d.unknown(it)
			continue
		}
		it.fact(label, d.leaf(it))
	}
}

// recordedAt reads one organisation of an entry; the first is where it was
// recorded.
func (d *decoder) recordedAt(it *item) {
	id := d.token(it)
	if it.Place == nil {
		it.Place = d.place(id)
		return
	}
	d.placeFact(it, "Also recorded at", id)
}

func (d *decoder) annotations(it *item) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "annotation":
			it.fact("Annotation", d.leaf(it))
		case "imageGUID": // a picture that does not cross
		default:
			d.unknown(it)
		}
	}
}

// allergyClass tells what an allergy is to, as far as its own code does.
// Unclear is treated as a drug (safety §D.2).
func (d *decoder) allergyClass(it *item) {
	if it.Allergy == nil {
		it.Allergy = &record.Allergy{}
	}
	a := it.Allergy
	if class, _ := allergySubstance(it.Code.Scheme); class != record.AllergyUnclear && it.Code.Scheme != mapping.EMISDrug {
		a.Substance, it.Code = it.Code, mapping.Code{}
	}
	scheme := it.Code.Scheme
	if !a.Substance.IsZero() {
		scheme = a.Substance.Scheme
	}
	class, kind := allergySubstance(scheme)
	a.Class = class
	if kind != "" {
		a.Type = mapping.Code{Scheme: schemeAllergyType, Value: kind, Term: allergyTypeWords(kind)}
	}
}
