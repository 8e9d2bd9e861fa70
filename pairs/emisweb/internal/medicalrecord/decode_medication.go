package medicalrecord

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// repeatDispensed is OpenHR's letter for what this document says with a
// repeat and ServiceType A, batch repeat (E Appendix A, inferred).
var repeatDispensed = mapping.Code{Scheme: own + "prescription-type", Value: "D", Term: "Repeat dispensed"}

var private = mapping.Code{Scheme: own + "private", Value: "true", Term: "Private"}

// medication reads a Medication or an Issue, which extends it (E §2). In the
// consultation an item is always a Medication.
func (d *decoder) medication(at place) *record.Entry {
	start := len(d.rec.Entries)
	e, m := d.begin(at), &record.MedicationBody{}
	e.Kind, e.Medication = record.KindMedication, m
	typ := "Medication"
	if at == atIssue {
		e.Kind, typ = record.KindIssue, "Issue"
	}
	var id ident
	for name := range d.fields(e) {
		switch name {
		case "AuthorisedUserID":
			d.authorised(e)
		case "OriginalAuthor":
			d.author(e)
		case "AssignedDate":
			e.Date = d.stamp(e, "Date", d.value())
		case "DateLastIssue":
			m.LastIssue = d.stamp(e, "Last issue", d.value())
		case "DateRxExpire":
			m.Expiry = d.stamp(e, "Expires", d.value())
		case "RxReviewDate":
			m.Review = d.stamp(e, "Review", d.value())
		case "IssueMethod":
			d.issueMethod(e)
		case "ServiceType":
			d.service(e)
		case "PrescriptionType":
			d.slot(e, "prescription-type", "Type", &m.Type)
		case "Status":
			d.slot(e, "drug-status", "Status", &m.Status)
		case "Dosage":
			m.Dosage = d.text()
		case "Quantity":
			m.Quantity = d.value()
		case "QuantityUnits":
			m.Unit = d.text()
		case "QuantityRepresentation":
			m.QuantityWords = d.text()
		case "Duration":
			m.DurationDays = d.value()
		case "AuthorisedIssue":
			m.Authorised = d.value()
		case "IssueCount":
			m.Issued = d.value()
		case "RxText":
			d.add(e, "", d.text())
		case "Drug":
			d.drug(e)
		case "ProblemLinkList":
			d.each(e, "Link", func() { d.problemLink(e) })
		case "PolicyId", "PolicyID":
			d.confidential(&e.Confidential)
		default:
			if !id.read(d, name) && !(at == atIssue && d.issue(e, name)) {
				d.other(e, typ, name)
			}
		}
	}
	d.batchRepeat(e)
	if at != atIssue {
		m.Start = e.Date
		d.drugs.add(id, e)
	}
	d.finish(at, e, id, start)
	return e
}

// authorised reads who authorised the course. That person is the author of a
// course; of an issue it is whoever issued it.
func (d *decoder) authorised(e *record.Entry) {
	if e.Kind != record.KindIssue {
		d.person(e, "Author", &e.Author)
		return
	}
	e.Medication.Authorisations = []record.Authorisation{{}}
	d.person(e, "Authorised by", &e.Medication.Authorisations[0].By)
}

// issue reads what only an Issue has.
func (d *decoder) issue(e *record.Entry, name string) bool {
	switch name {
	case "IssuerID":
		d.person(e, "Author", &e.Author)
	case "DispenserID":
		d.named(e, "Dispensed by", inPeople)
	case "EstimatedCost":
		e.Medication.Cost = d.value()
	case "MedicationLink":
		d.course(e)
	default:
		return false
	}
	return true
}

// course reads which medication an issue belongs to. Without a GUID it is not
// known: the preparation and the time of entry stay words.
func (d *decoder) course(e *record.Entry) {
	var guid string
	for name := range d.fields(e) {
		switch name {
		case "GUID":
			guid = d.value()
		case "PreparationID":
			d.add(e, "Issued from preparation", d.value())
		case "SystemDate":
			d.add(e, "Issued from medication entered", d.value())
		default:
			d.unknown(e)
		}
	}
	if guid == "" {
		return
	}
	d.late = append(d.late, func() {
		course, ok := d.drugs.find(ident{guid: guid})
		if !ok {
			e.Notes = append(e.Notes, "Issued from a medication that is not in this record (reference "+guid+").")
			return
		}
		e.Medication.Course = course
	})
}

// issueMethod reads how the drug is issued; "private" is no method in record.
func (d *decoder) issueMethod(e *record.Entry) {
	native := d.value()
	code, words, known := readSlot("issue-method", native)
	switch {
	case native == "X":
		e.Medication.Private = private
	case !known && native != "":
		e.Notes = append(e.Notes, "Issue method as recorded: "+native)
	case code.IsZero() && words != "":
		e.Notes = append(e.Notes, "Issue method as recorded: "+words)
	}
	e.Medication.IssueMethod = code
}

const service = "Service"

// service reads ServiceType: X is private, A is kept until the type is known.
func (d *decoder) service(e *record.Entry) {
	switch native := d.value(); native {
	case "X":
		e.Medication.Private = private
	default:
		d.add(e, service, spell("service", native))
	}
}

// batchRepeat makes a repeat under batch dispensing what OpenHR calls it.
func (d *decoder) batchRepeat(e *record.Entry) {
	for i, t := range e.Texts {
		if t.Label != service || t.Value != "A" {
			continue
		}
		if e.Medication.Type.Value == "R" {
			e.Medication.Type = repeatDispensed
			e.Texts = append(e.Texts[:i], e.Texts[i+1:]...)
		} else {
			e.Texts[i].Value = "Batch repeat"
		}
		return
	}
}

// drug reads Drug: a preparation, or a mixture with its ingredients.
func (d *decoder) drug(e *record.Entry) {
	for name := range d.fields(e) {
		switch name {
		case "PreparationID":
			n := d.code(e)
			drug(n).into(e, n)
		case "Mixture":
			d.mixture(e)
		default:
			d.unknown(e)
		}
	}
}

func (d *decoder) mixture(e *record.Entry) {
	for name := range d.r.Children(Namespace) { // Constituents is a list without a list element
		switch name {
		case "LocalMixture":
			if id := d.reference(e); id.stated() {
				d.add(e, "Mixture id", id.words())
			}
		case "MixtureName":
			e.Text = d.text()
		case "Constituents":
			d.constituent(e)
		default:
			d.unknown(e)
		}
	}
}

func (d *decoder) constituent(e *record.Entry) {
	var i record.Ingredient
	for name := range d.fields(e) {
		switch name {
		case "PreparationID":
			n := d.code(e)
			c := drug(n)
			i.Text, i.Code = n.term, c.code
			for _, other := range c.others {
				e.Notes = append(e.Notes, "Source code: "+n.term+" "+string(other.Scheme)+" "+other.Value)
			}
			e.Notes = append(e.Notes, c.notes...)
		case "StrengthQuantity":
			i.Strength = d.text()
		default:
			d.unknown(e)
		}
	}
	e.Medication.Mixture = append(e.Medication.Mixture, i)
}
