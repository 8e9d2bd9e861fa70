package ehrextract

import (
	"github.com/linkspan/linkspan/record"
)

// patientTitle heads the statement of the patient's details, so that nobody
// takes it for something that was recorded in a consultation.
const patientTitle = "Patient details"

// patientLines are what is known of the patient: an extract has a place for
// the NHS number alone (S §6.1).
func patientLines(p *record.Patient) []string {
	n := &extra{}
	n.line("Title", p.Title)
	n.line("Surname", p.Surname)
	n.line("Forenames", p.Forenames)
	n.line("First name", p.FirstName)
	n.line("Known as", p.KnownAs)
	n.line("Birth surname", p.BirthName)
	n.line("Previous surname", p.Previous)
	n.date("Date of birth", p.BirthDate)
	n.line("Sex", record.TermOf(p.Sex))
	n.date("Date of death", p.DeathDate)
	if p.Dead {
		n.lines = append(n.lines, "Recorded as deceased")
	}
	for _, i := range p.OtherIDs {
		n.line(record.Join(" ", "Identifier", i.Type), i.Value)
	}
	for _, a := range p.Addresses {
		n.line(record.Join(", ", "Address", a.Use), addressWords(a))
	}
	for _, c := range p.Contacts {
		n.line(record.Join(", ", "Contact", c.Use), c.Value)
	}
	if p.UsualGP != nil {
		n.line("Usual GP", p.UsualGP.NameAndRole())
	}
	if p.Registered != nil {
		n.line("Registered GP", p.Registered.NameAndRole())
	}
	if p.Practice != nil {
		n.line("Practice", placeName(p.Practice))
	}
	n.line("Registration status", p.Status)
	n.date("Registered", p.RegisteredOn)
	n.date("Registration ended", p.LeftOn)
	for _, q := range p.Registration {
		n.line(q.Name, q.Value)
	}
	n.line("Confidentiality", p.Confidential)
	return n.lines
}

func addressWords(a record.Address) string {
	return record.Join(", ", a.House, record.Join(" ", a.Number, a.Street), a.Village, a.Town, a.County, a.Postcode)
}
