package openhr

import (
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// A drug element has fields that must be there. Where the source does not say,
// the field gets the value that claims least and a line says so (safety §D.1
// D-7).

func (x *encoder) medication(w *xmlio.Writer, e *record.Entry, n *extra) {
	m := e.Medication
	if m == nil {
		m = &record.MedicationBody{}
	}
	w.Start("medication")
	date(w, "reviewDate", record.FactMedicationReview, m.Review, n)
	date(w, "expiryDate", record.FactMedicationExpiry, m.Expiry, n)
	x.mixture(w, e)
	x.dose(w, m, n)
	x.prescription(w, m, n)
	limited255(w, n, "pharmacyText", "patientText")
	w.Element("drugStatus", x.drugStatus(m, n))
	x.private(w, m, n)
	whole(w, n, "minNextIssueDays", "maxNextIssueDays")
	date(w, "firstIssueDate", record.FactMedicationFirstIssue, m.FirstIssue, n)
	date(w, "mostRecentIssueDate", record.FactMedicationLastIssue, m.LastIssue, n)
	wholeField(w, "numberOfIssues", record.FactMedicationIssued, m.Issued, n)
	x.authorisations(w, e, m, n)
	whole(w, n, "averageCompliance")
	w.Optional("mostRecentIssueMethod", m.IssueMethod.Value)
	flags(w, n)
	x.cancellation(w, e, m, n)
	whole(w, n, "dmdUnitOfMeasure")
	w.End()
	x.started(e, n)
	n.facts(e, record.FactMedicationCancelled, record.FactMedicationCost, record.FactMedicationCourse)
}

func (x *encoder) issue(w *xmlio.Writer, e *record.Entry, n *extra) {
	m := e.Medication
	if m == nil {
		m = &record.MedicationBody{}
	}
	w.Start("medicationIssue")
	if written(m.Course) && native(m.Course) && m.Course.Kind == record.KindMedication {
		w.Element("medication", x.of(m.Course).id)
	} else {
		n.facts(e, record.FactMedicationCourse)
	}
	x.mixture(w, e)
	x.dose(w, m, n)
	compliance := n.take(drugLabel("compliance"), func(s string) bool { return number(s, 100) })
	w.Optional("compliance", compliance)
	x.prescription(w, m, n)
	cost := m.Cost
	if !xmlio.Decimal(cost) {
		n.say(record.FactMedicationCost, cost)
		if cost = "0"; m.Cost == "" {
			n.defaulted("cost 0")
		}
	}
	w.Element("estimatedNHSCost", cost)
	limited255(w, n, "pharmacyStamp")
	method := m.IssueMethod.Value
	if method == "" {
		method = "P"
		n.defaulted("issue method printed")
	}
	w.Element("issueMethod", method)
	limited255(w, n, "pharmacyText", "patientText", "pharmacyMessage", "patientMessage")
	x.private(w, m, n)
	w.Element("cancelled", strconv.FormatBool(m.Cancelled))
	x.cancellation(w, e, m, n)
	flags(w, n)
	whole(w, n, "dmdUnitOfMeasure", "repeatDispensingInterval", "repeatDispensingIssueCount")
	w.Optional("batchNumber", n.take(drugLabel("batchNumber"), nil))
	w.End()
	x.started(e, n)
	n.facts(e, record.FactMedicationStatus, record.FactMedicationFirstIssue, record.FactMedicationLastIssue, record.FactMedicationExpiry,
		record.FactMedicationReview, record.FactMedicationIssued, record.FactMedicationAuthorised, record.FactMedicationAuthorisation)
}

// started says when a course started, unless the date of the entry does.
func (x *encoder) started(e *record.Entry, n *extra) {
	if m := e.Medication; m != nil && m.Start != e.Date.Truncate(m.Start.Precision()) {
		n.facts(e, record.FactMedicationStart)
	}
}

// dose writes dosage and quantity, verbatim.
func (x *encoder) dose(w *xmlio.Writer, m *record.MedicationBody, n *extra) {
	dosage := m.Dosage
	switch {
	case strings.TrimSpace(dosage) == "":
		dosage = notStated
		n.defaulted("dosage \"" + notStated + "\"")
	case !fits(dosage, 255):
		n.say(record.FactMedicationDosage, dosage)
		dosage = "SEE TEXT: longer than this field"
	}
	w.Element("dosage", dosage)
	quantity, unit, wordsToo := m.Quantity, m.Unit, m.QuantityWords
	if !xmlio.Decimal(quantity) {
		n.say(record.FactMedicationQuantity, quantity)
		quantity = ""
	}
	if quantity == "" {
		var rest string
		if quantity, rest = leadingNumber(wordsToo); unit == "" {
			unit = rest
		}
	}
	if quantity == "" {
		quantity = "0"
		n.defaulted("quantity 0")
	}
	if !fits(unit, 60) {
		n.say(record.FactMedicationUnit, unit)
		unit = "SEE TEXT: longer than this field"
	}
	if unit == "" {
		unit = notStated
		n.defaulted("unit \"" + notStated + "\"")
	}
	w.Element("quantity", quantity)
	w.Element("quantityUnit", unit)
	limited(w, "quantityRepresentation", record.FactMedicationQuantityWords, wordsToo, 255, n)
	days := m.DurationDays
	if !number(days, maxInt) {
		n.say(record.FactMedicationDays, days)
		if days = "0"; m.DurationDays == "" {
			n.defaulted("duration 0 days")
		}
	}
	w.Element("durationOfIssue", days)
}

// leadingNumber splits "28 tablet(s)" into its number and the words behind it.
// The text itself is written beside them, whole.
func leadingNumber(s string) (digits, rest string) {
	s = strings.TrimSpace(s)
	digits = s[:len(s)-len(strings.TrimLeft(s, "1234567890."))]
	if !xmlio.Decimal(digits) {
		return "", ""
	}
	return digits, strings.TrimSpace(s[len(digits):])
}

func (x *encoder) prescription(w *xmlio.Writer, m *record.MedicationBody, n *extra) {
	kind := m.Type.Value
	if kind == "" {
		kind = "A"
		n.defaulted("prescription type acute")
	}
	w.Element("prescriptionType", kind)
}

// drugStatus is the status, or where the source has none the one that follows
// from the end it states: a drug without a stated end is shown as current, for
// one that is missed does harm.
func (x *encoder) drugStatus(m *record.MedicationBody, n *extra) string {
	if m.Status.Value != "" {
		return m.Status.Value
	}
	if !m.End.IsZero() && m.End.Within(record.Date{}, record.DateOf(x.id.At)) {
		n.lines = append(n.lines, "Defaulted to status past, from its end: status not stated at source")
		return "C"
	}
	n.lines = append(n.lines, "Status not known, check with source. Defaulted to status active: not stated at source")
	return "A"
}

func (x *encoder) private(w *xmlio.Writer, m *record.MedicationBody, n *extra) {
	private := m.Private.Value
	if private == "" {
		private = "false"
		n.defaulted("not private")
	}
	w.Element("private", private)
}

// limited255 writes the free texts of a prescription that fit.
func limited255(w *xmlio.Writer, n *extra, names ...string) {
	for _, name := range names {
		w.Optional(name, n.take(drugLabel(name), func(s string) bool { return fits(s, 255) }))
	}
}

// whole writes facts that are whole numbers.
func whole(w *xmlio.Writer, n *extra, names ...string) {
	for _, name := range names {
		w.Optional(name, n.take(drugLabel(name), func(s string) bool { return number(s, maxInt) }))
	}
}

func wholeField(w *xmlio.Writer, name string, f record.Field, value string, n *extra) {
	if number(value, maxInt) {
		w.Element(name, value)
	} else {
		n.say(f, value)
	}
}

func flags(w *xmlio.Writer, n *extra) {
	w.Optional("prescribedAsContraceptive", n.take(drugLabel("prescribedAsContraceptive"), isBool))
}

// authorisations writes the acts of authorising; a number alone, as other
// systems state it, becomes one of the course's own date.
func (x *encoder) authorisations(w *xmlio.Writer, e *record.Entry, m *record.MedicationBody, n *extra) {
	all := m.Authorisations
	if len(all) == 0 && m.Authorised != "" {
		all = []record.Authorisation{{Date: e.Date.Truncate(record.PrecisionDay), By: e.Author, Authorised: m.Authorised}}
		n.defaulted("issues authorised on the date and by the author of the entry")
	}
	for _, a := range all {
		if a.Date.Day() == "" || !number(a.Authorised, maxInt) {
			n.say(record.FactMedicationAuthorisation, a.String())
			continue
		}
		by := x.person(a.By)
		if by == "" {
			by = x.namedPerson("not known")
		}
		entered := by
		if name := n.take(authorisationEnteredBy+a.Date.String(), nil); name != "" {
			entered = x.namedPerson(name)
		}
		w.Start("authorisedIssues", "updateMode", "add")
		w.Element("authorisedDate", a.Date.Day())
		w.Element("authorisingUserInRole", by)
		w.Element("enteredByUserInRole", entered)
		w.Element("authorisedIssues", a.Authorised)
		w.End()
	}
	if len(m.Authorisations) > 0 && m.Authorised != authorised(m.Authorisations) {
		n.say(record.FactMedicationAuthorised, m.Authorised)
	}
}

// cancellation writes when and why a drug was stopped.
func (x *encoder) cancellation(w *xmlio.Writer, e *record.Entry, m *record.MedicationBody, n *extra) {
	if m.End.IsZero() && m.EndReason == "" {
		return
	}
	at, ok := moment(m.End)
	if !ok {
		n.say(record.FactMedicationEnd, m.End.Words())
		n.say(record.FactMedicationEndReason, m.EndReason)
		return
	}
	by := n.take(cancelledBy, nil)
	if by == "" {
		by = "not known"
	}
	listed, hasReason := vocCancellation.value(m.EndReason)
	w.Start("cancellation")
	w.Element("id", x.derive("cancellation", x.of(e).id, ""))
	w.Element("cancelledByUserInRole", x.namedPerson(by))
	w.Element("cancellationDateTime", at)
	if !hasReason {
		limited(w, "cancellationText", record.FactMedicationEndReason, m.EndReason, 255, n)
		listed, _ = vocCancellation.value(n.take(cancelReason, func(s string) bool { _, ok := vocCancellation.value(s); return ok }))
	}
	w.Optional("cancellationReason", listed)
	w.End()
}

// mixture points at the mixture a drug is made of; it is described with the
// administrative part.
func (x *encoder) mixture(w *xmlio.Writer, e *record.Entry) {
	if e.Medication == nil || len(e.Medication.Mixture) == 0 {
		return
	}
	x.mixtures = append(x.mixtures, e)
	w.Element("localMixture", x.mixtureID(e))
}

func (x *encoder) mixtureID(e *record.Entry) string { return x.derive("mixture", x.of(e).id, "") }
