package vision

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// patientID is Vision's own number of the patient, of which a record of another
// system has none.
func patientID(p *record.Patient) string {
	if len(p.ID) <= 10 && decimal(p.ID) {
		return p.ID
	}
	return "0"
}

func (x *encoder) patient() {
	p := &x.rec.Patient
	a := attributes{}
	a.add("identity", patientID(p))
	if p.Practice != nil {
		a.add("prac_id", p.Practice.ODS)
	}
	a.add("surname", p.Surname)
	first, second := forenames(p)
	a.add("forename1", first)
	a.add("forename2", second)
	a.add("title", p.Title)
	a.add("nhs_no", p.NHS.Digits())
	a.add("newnhsno", p.NHS.Digits())
	if p.Sex.Scheme == schemeSex {
		a.add("sex", p.Sex.Value)
	}
	a.day("dob", p.BirthDate)
	a.day("dod", p.DeathDate)
	if p.Standing == record.Registered {
		a.add("reg_status", registered)
	}
	a.day("accept", p.RegisteredOn)
	if i := mainAddress(p); i >= 0 {
		address := p.Addresses[i]
		a.add("house", record.Join(" ", address.House, address.Number))
		a.add("road", address.Street)
		a.add("locality", address.Village)
		a.add("town", address.Town)
		a.add("county", address.County)
		a.add("postcode", address.Postcode)
	}
	x.w.Empty("patient", a...)
	x.rec.Wrote("patient", nil)
}

// patientLines are what is known of the patient and has no attribute.
func patientLines(p *record.Patient) []string {
	var lines []string
	say := func(label, words string) {
		if words = strings.TrimSpace(words); words != "" {
			lines = append(lines, label+": "+words)
		}
	}
	say("Known as", p.KnownAs)
	say("Birth surname", p.BirthName)
	say("Previous surname", p.Previous)
	for _, d := range []struct {
		label string
		date  record.Date
	}{{"Date of birth", p.BirthDate}, {"Date of death", p.DeathDate}, {"Registered", p.RegisteredOn}} {
		if !d.date.IsZero() && stamp(d.date) == "" {
			say(d.label, d.date.Words())
		}
	}
	if !p.LeftOn.IsZero() {
		say("Registration ended", p.LeftOn.Words())
	}
	if p.Dead && p.DeathDate.IsZero() {
		lines = append(lines, "Recorded as deceased")
	}
	if p.Sex.Scheme != schemeSex {
		say("Sex", record.TermOf(p.Sex))
	}
	if p.Standing != record.Registered || p.Status != registered {
		say("Registration status", p.Status)
	}
	for i, a := range p.Addresses {
		if i != mainAddress(p) {
			say(record.Join(" ", "Address", a.Use), record.Join(" ", a.House, a.Number, a.Street, a.Village, a.Town, a.County, a.Postcode))
		}
	}
	for _, c := range p.Contacts {
		say(record.Join(" ", "Contact", c.Use), c.Value)
	}
	if p.UsualGP != nil {
		say("Usual GP", p.UsualGP.NameAndRole())
	}
	if p.Registered != nil {
		say("Registered GP", p.Registered.NameAndRole())
	}
	if p.Practice != nil {
		say("Practice", p.Practice.Name)
	}
	for _, id := range p.OtherIDs {
		say(record.Join(" ", "Identifier", id.Type), id.Value)
	}
	for _, q := range p.Registration {
		say(q.Name, q.Value)
	}
	say("Confidentiality", p.Confidential)
	return lines
}

// forenames parts the first name from the others where the source does not.
func forenames(p *record.Patient) (first, others string) {
	if p.FirstName != "" {
		return p.FirstName, strings.TrimSpace(strings.TrimPrefix(p.Forenames, p.FirstName))
	}
	first, others, _ = strings.Cut(strings.TrimSpace(p.Forenames), " ")
	return first, strings.TrimSpace(others)
}

// mainAddress is the index of the one address the file has a place for: that at
// home or of no stated use, else the first, -1 for none.
func mainAddress(p *record.Patient) int {
	for i, a := range p.Addresses {
		if a.Use == "" || strings.EqualFold(a.Use, "home") {
			return i
		}
	}
	return min(len(p.Addresses), 1) - 1
}
