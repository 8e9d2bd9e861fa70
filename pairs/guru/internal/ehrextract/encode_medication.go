package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// discontinued is how a course ends (S §6.1).
var discontinued = snomed("278308006", "Medication stopped")

// medication writes a course as what was authorised, and an issue as what was
// prescribed under it; the end of a course is a discontinuation of it.
func (x *encoder) medication(e *record.Entry) {
	w, m := x.w, e.Medication
	if m == nil {
		m = &record.MedicationBody{}
	}
	mood := "INT"
	if e.Kind == record.KindIssue {
		mood = "ORD"
	}
	x.start("MedicationStatement", e, "classCode", "SBADM", "moodCode", mood)
	w.Empty("id", "root", x.of(e).id)
	x.supplyStatus(e, m)
	center(w, record.Date{})
	stamp(w, "availabilityTime", e.Date)
	x.consumable(e)
	texts, lines := x.supplyLines(e, m)
	if e.Kind == record.KindIssue {
		x.prescribe(e, m, texts, lines)
	} else {
		x.authorise(e, m, texts, lines)
		x.discontinue(e, m)
	}
	if m.Dosage != "" {
		w.Start("pertinentInformation", "typeCode", "PERT")
		w.Start("pertinentMedicationDosage", "classCode", "SBADM", "moodCode", "RMD")
		w.Element("text", m.Dosage)
		closing(w, 2)
	}
	x.participant(e)
	w.End()
}

// supplyStatus says whether a course is being taken; an issue is done. A
// status that nobody stated is not made up.
func (x *encoder) supplyStatus(e *record.Entry, m *record.MedicationBody) {
	switch {
	case m.Status.Value == statusActive:
		x.w.Empty("statusCode", "code", "ACTIVE")
	case statusOpen(e, m):
		x.w.Empty("statusCode", "nullFlavor", unknown)
	default:
		complete(x.w)
	}
}

// statusOpen reports a course of which nothing says whether it goes on.
func statusOpen(e *record.Entry, m *record.MedicationBody) bool {
	return e.Kind == record.KindMedication && m.Status.IsZero() && m.End.IsZero() && m.EndReason == ""
}

// consumable writes the drug.
func (x *encoder) consumable(e *record.Entry) {
	w := x.w
	others := translations(e, &extra{})
	w.Start("consumable", "typeCode", "CSM")
	w.Start("manufacturedProduct", "classCode", "MANU")
	w.Start("manufacturedMaterial", "classCode", "MMAT", "determinerCode", "KIND")
	concept(w, "code", e.Target, e.Text, nil, others)
	closing(w, 3)
}

// supplyLines are what an entry says beyond the elements of its supply.
func (x *encoder) supplyLines(e *record.Entry, m *record.MedicationBody) (texts, lines []string) {
	n, texts := x.extra(), x.texts[:0]
	for _, q := range e.Qualifiers {
		n.line(q.Name, q.Value)
	}
	if len(n.lines) > 0 { // qualifiers stand before the clinician's text (D-4)
		texts = append(texts, strings.Join(n.lines, "\n"))
		n.lines = n.lines[:0]
	}
	terms := supplyTerms(e)
	for _, t := range e.Texts {
		if t.Label != labelSupply || t.Value != terms {
			texts = append(texts, record.Join(": ", t.Label, t.Value))
		}
	}
	n.facts(e, func(f record.Field) bool { return x.supplyHolds(e, m, f) })
	for _, note := range e.Notes {
		n.once(note)
	}
	n.lines = x.context(n.lines, e)
	translations(e, n)
	x.texts = texts
	return texts, n.lines
}

// supplyHolds reports a fact that the elements of a supply hold.
func (x *encoder) supplyHolds(e *record.Entry, m *record.MedicationBody, f record.Field) bool {
	course := e.Kind == record.KindMedication
	switch f {
	case record.FactMedicationDosage:
		return true
	case record.FactMedicationQuantity, record.FactMedicationUnit:
		return xmlio.Decimal(m.Quantity)
	case record.FactMedicationType:
		return course
	case record.FactMedicationStatus:
		return course
	case record.FactMedicationStart, record.FactMedicationExpiry:
		return course
	case record.FactMedicationEnd, record.FactMedicationEndReason:
		return course
	case record.FactMedicationAuthorised:
		return course && m.Type.Value == typeRepeat && wholeNumber(m.Authorised)
	case record.FactMedicationCourse:
		return x.fulfils(m)
	}
	return false
}

// fulfils reports an issue whose course is written as one.
func (x *encoder) fulfils(m *record.MedicationBody) bool {
	return written(m.Course) && native(m.Course) && m.Course.Kind == record.KindMedication && len(x.of(m.Course).children) == 0
}

func (x *encoder) supplyQuantity(m *record.MedicationBody) {
	if xmlio.Decimal(m.Quantity) {
		quantity(x.w, "quantity", m.Quantity, m.Unit)
		return
	}
	x.w.Empty("quantity", "nullFlavor", unknown)
}

func (x *encoder) authorise(e *record.Entry, m *record.MedicationBody, texts, lines []string) {
	w := x.w
	w.Start("component", "typeCode", "COMP")
	w.Start("ehrSupplyAuthorise", "classCode", "SPLY", "moodCode", "INT")
	w.Empty("id", "root", x.authoriseID(e))
	x.supplyCode(e)
	x.supplyStatus(e, m)
	interval(w, m.Start, m.Expiry)
	stamp(w, "availabilityTime", e.Date)
	switch {
	case m.Type.Value == typeRepeat && wholeNumber(m.Authorised):
		w.Empty("repeatNumber", "value", m.Authorised)
	case m.Type.Value == typeRepeat:
		w.Empty("repeatNumber", "nullFlavor", unknown)
	case m.Type.Value == typeAcute:
		w.Empty("repeatNumber", "value", "0")
	}
	x.supplyQuantity(m)
	x.supplyAnnotations(texts, lines)
	closing(w, 2)
}

func (x *encoder) prescribe(e *record.Entry, m *record.MedicationBody, texts, lines []string) {
	w := x.w
	w.Start("component", "typeCode", "COMP")
	w.Start("ehrSupplyPrescribe", "classCode", "SPLY", "moodCode", "RQO")
	w.Empty("id", "root", x.derive("prescribe", x.of(e).id))
	x.supplyCode(e)
	complete(w)
	stamp(w, "availabilityTime", e.Date)
	x.supplyQuantity(m)
	if x.fulfils(m) {
		w.Start("inFulfillmentOf", "typeCode", "FLFS")
		x.medicationRef(m.Course)
		w.End()
	}
	x.supplyAnnotations(texts, lines)
	closing(w, 2)
}

// discontinue says when and why a course ended.
func (x *encoder) discontinue(e *record.Entry, m *record.MedicationBody) {
	if m.End.IsZero() && m.EndReason == "" && m.Status.Value != statusEnded {
		return
	}
	w := x.w
	w.Start("component", "typeCode", "COMP")
	w.Start("ehrSupplyDiscontinue", "classCode", "SPLY", "moodCode", "RQO")
	w.Empty("id", "root", x.derive("discontinue", x.of(e).id))
	bareCode(w, "code", discontinued)
	complete(w)
	stamp(w, "availabilityTime", m.End)
	w.Start("reversalOf", "typeCode", "REV")
	x.medicationRef(e)
	w.End()
	if m.EndReason != "" {
		x.supplyAnnotations([]string{m.EndReason}, nil)
	}
	closing(w, 2)
}

// labelSupply is the label of a text that is the code of a supply: under what
// terms it is made.
const labelSupply = "Supply"

// supplyTerms are the terms of a supply in the source's words.
func supplyTerms(e *record.Entry) string {
	if words := labelled(e, labelSupply); words != "" {
		return words
	}
	for _, n := range e.Notes {
		if private, said := strings.CutPrefix(n, "Private: "); said {
			return private
		}
	}
	return ""
}

// supplyCode says under what terms a drug is supplied; where the source says
// nothing, neither does this: an NHS prescription is not assumed.
func (x *encoder) supplyCode(e *record.Entry) {
	concept(x.w, "code", mapping.Code{}, supplyTerms(e), nil, nil)
}

func (x *encoder) medicationRef(course *record.Entry) {
	x.w.Start("priorMedicationRef", "classCode", "SBADM", "moodCode", "INT")
	x.w.Empty("id", "root", x.authoriseID(course))
	x.w.End()
}

func (x *encoder) authoriseID(e *record.Entry) string { return x.derive("authorise", x.of(e).id) }

// supplyAnnotations writes texts, each in an annotation of its own, and behind
// the last what the bridge adds.
func (x *encoder) supplyAnnotations(texts, lines []string) {
	w := x.w
	for _, part := range x.annotationParts(texts, lines, len(texts)) {
		w.Start("pertinentInformation", "typeCode", "PERT")
		w.Start("pertinentSupplyAnnotation", "classCode", "OBS", "moodCode", "EVN")
		w.Lines("text", part)
		closing(w, 2)
	}
}
