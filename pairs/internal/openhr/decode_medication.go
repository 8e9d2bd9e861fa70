package openhr

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// drugLabel is the label of what medication and medicationIssue say that the
// record has no field for. The encoder reads the labels back.
func drugLabel(name string) string {
	switch name {
	case "pharmacyText":
		return "Pharmacy text"
	case "patientText":
		return "Patient text"
	case "pharmacyMessage":
		return "Pharmacy message"
	case "patientMessage":
		return "Patient message"
	case "pharmacyStamp":
		return "Pharmacy stamp"
	case "minNextIssueDays":
		return "Fewest days to the next issue"
	case "maxNextIssueDays":
		return "Most days to the next issue"
	case "averageCompliance":
		return "Average compliance"
	case "compliance":
		return "Compliance"
	case "prescribedAsContraceptive":
		return "Prescribed as contraceptive"
	case "dmdUnitOfMeasure":
		return "dm+d unit of measure"
	case "repeatDispensingInterval":
		return "Repeat dispensing interval"
	case "repeatDispensingIssueCount":
		return "Repeat dispensing issues"
	case "batchNumber":
		return "Batch number"
	}
	return ""
}

// medication reads a course (medication) or one issue of it (medicationIssue).
func (d *decoder) medication(it *item) {
	m := &record.MedicationBody{}
	it.Medication = m
	for name := range d.r.Children(Namespace) {
		if name == "authorisedIssues" {
			d.authorisation(it, m)
			continue
		}
		if !d.first(it) {
			continue
		}
		if label := drugLabel(name); label != "" {
			d.drugFact(it, name, label)
			continue
		}
		switch name {
		case "medication":
			it.courseID = d.token(it)
		case "reviewDate":
			m.Review = it.date("Review date", d.leaf(it))
		case "expiryDate":
			m.Expiry = it.date("Expiry date", d.leaf(it))
		case "localMixture":
			it.mixtureID = d.token(it)
		case "dosage":
			m.Dosage = d.leaf(it)
		case "quantity":
			d.quantity(it, m)
		case "quantityUnit":
			m.Unit = d.leaf(it)
		case "quantityRepresentation":
			m.QuantityWords = d.leaf(it)
		case "durationOfIssue":
			m.DurationDays = d.token(it)
		case "prescriptionType":
			it.enumerated(&m.Type, schemePrescription, vocPrescription, "Prescription type", d.token(it))
		case "drugStatus":
			it.enumerated(&m.Status, schemeDrugStatus, vocDrugStatus, "Drug status", d.token(it))
		case "private":
			it.enumerated(&m.Private, schemePrivate, vocPrivate, "Private", d.token(it))
		case "firstIssueDate":
			m.FirstIssue = it.date("First issue", d.leaf(it))
		case "mostRecentIssueDate":
			m.LastIssue = it.date("Most recent issue", d.leaf(it))
		case "numberOfIssues":
			m.Issued = d.token(it)
		case "mostRecentIssueMethod", "issueMethod":
			it.enumerated(&m.IssueMethod, schemeIssueMethod, vocIssueMethod, "Issue method", d.token(it))
		case "estimatedNHSCost":
			m.Cost = d.token(it)
		case "cancelled":
			m.Cancelled = d.token(it) == "true"
		case "cancellation":
			d.cancellation(it, m)
		default:
			d.unknown(it)
		}
	}
	m.Authorised = authorised(m.Authorisations)
}

// drugFact keeps a fact without a field of its own. What the real records
// write on every drug to say nothing (E §1.5 (2)) is left out: no compliance
// measured, not prescribed as a contraceptive.
func (d *decoder) drugFact(it *item, name, label string) {
	value := d.leaf(it)
	switch {
	case name == "averageCompliance" && value == "0", name == "prescribedAsContraceptive" && value == "false":
		return
	}
	it.fact(label, value)
}

// quantity reads the number as written; what is no number is kept as words.
func (d *decoder) quantity(it *item, m *record.MedicationBody) {
	m.Quantity = d.token(it)
	if m.Quantity != "" && !xmlio.Decimal(m.Quantity) {
		it.note("Quantity as recorded: " + m.Quantity + " (not a number)")
		m.Quantity = ""
	}
}

func (d *decoder) authorisation(it *item, m *record.MedicationBody) {
	if d.deletedPart() {
		return
	}
	var a record.Authorisation
	entered := ""
	for name := range d.r.Children(Namespace) {
		switch name {
		case "authorisedDate":
			a.Date = it.date("Authorised", d.leaf(it))
		case "authorisingUserInRole":
			a.By = d.person(d.token(it))
		case "enteredByUserInRole":
			entered = d.token(it)
		case "authorisedIssues":
			a.Authorised = d.token(it)
		default:
			d.unknown(it)
		}
	}
	m.Authorisations = append(m.Authorisations, a)
	if entered != "" && (a.By == nil || entered != a.By.ID) {
		d.personFact(it, authorisationEnteredBy+a.Date.String(), entered)
	}
}

const authorisationEnteredBy = "Authorisation entered by, "

// authorised is the number of issues the latest authorisation allows.
func authorised(all []record.Authorisation) string {
	number, latest := "", ""
	for _, a := range all {
		if day := a.Date.Wall(); day >= latest {
			number, latest = a.Authorised, day
		}
	}
	return number
}

// cancellation reads when and why a course or issue was stopped.
func (d *decoder) cancellation(it *item, m *record.MedicationBody) {
	reason := ""
	for name := range d.r.Children(Namespace) {
		switch name {
		case "cancelledByUserInRole":
			d.personFact(it, cancelledBy, d.token(it))
		case "cancellationDateTime":
			m.End = it.moment("Stopped", d.leaf(it))
		case "cancellationText":
			m.EndReason = d.leaf(it)
		case "cancellationReason":
			reason = it.listed(vocCancellation, "Reason for cancellation", d.token(it))
		case "linkedEvent":
			it.linkedID = d.token(it)
		case "id":
		default:
			d.unknown(it)
		}
	}
	switch {
	case m.EndReason == "":
		m.EndReason = reason
	case reason != "":
		it.fact(cancelReason, reason)
	}
}

const (
	cancelledBy  = "Cancelled by"
	cancelReason = "Reason for cancellation"
)

// mix gives a drug the parts of the local mixture it names.
func (d *decoder) mix(it *item) {
	if it.mixtureID == "" || it.Medication == nil {
		return
	}
	m := d.mixtures[it.mixtureID]
	if m == nil {
		it.note("The mixture this entry names is not in the message.")
		return
	}
	it.Medication.Mixture = m.parts
	switch {
	case it.Text == "":
		it.Text = m.name
	case m.name != "" && !strings.EqualFold(m.name, it.Text):
		it.fact("Mixture", m.name)
	}
	for i := range m.parts { // a code of another scheme than drugs is not a drug's
		if c := &m.parts[i].Code; c.Scheme != mapping.EMISDrug && c.Scheme != mapping.SNOMED && c.Scheme != mapping.Multilex {
			*c = mapping.Code{}
		}
	}
}
