package openhr

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// patientLinks are the pointers of the patient element.
type patientLinks struct {
	person, usual, registered, policy, practice string
	numbers                                     []string          // distinct NHS numbers as written
	standings                                   []record.Standing // by current registration at the practice
	archived, dead                              bool
}

// patient reads the patient element, which is one entry of the demographics.
func (d *decoder) patient() {
	it := d.begin(record.KindDemographics, pathPatient)
	if it.deleted {
		return
	}
	d.patients++
	p, links := &d.rec.Patient, &d.links
	for name := range d.r.Children(Namespace) {
		if name != "patientIdentifier" && !d.first(it) {
			continue
		}
		switch name {
		case "id":
			p.ID = d.token(it)
		case "patientIdentifier":
			d.patientIdentifier(it)
		case "patientPerson":
			links.person = d.token(it)
		case "registeredGPUserInRole":
			links.registered = d.token(it)
		case "usualGPUserInRole":
			links.usual = d.token(it)
		case "previousGPName":
			d.registered("Previous GP", d.token(it))
		case "dateOfEntryCountry":
			d.registered("Date of entry to the country", it.date("Date of entry to the country", d.leaf(it)).String())
		case "dateOfEntryArea":
			d.registered("Date of entry to the area", it.date("Date of entry to the area", d.leaf(it)).String())
		case "dateOfDeath":
			p.DeathDate = it.date("Date of death", d.leaf(it))
			p.Dead = true
		case "dead":
			p.Dead = d.token(it) == "true" || p.Dead
		case "archived":
			if d.token(it) == "true" {
				d.registered("Archived", "true")
				links.archived = true
			}
		case "confidentialityPolicy":
			links.policy = d.token(it)
		case "caseloadPatient":
			d.caseload(it, "")
		case "caseloadPatientHistory":
			d.caseload(it, "Registration history")
		case "consent":
			d.registered("Consent", d.r.WordsAndAttributes())
		case "PatientCarerDetails":
			d.registered("Carer", d.carer(it))
		case "PatientContact":
			d.registered("Contact", d.carer(it))
		default:
			d.unknown(it)
		}
	}
	d.patientID = p.ID
	d.finish(it)
}

// registered adds one administrative fact in words.
func (d *decoder) registered(label, value string) {
	if value != "" {
		d.rec.Patient.Registration = append(d.rec.Patient.Registration, record.Qualifier{Name: label, Value: value})
	}
}

// patientIdentifier reads one number of the patient. Two NHS numbers that
// differ identify nobody.
func (d *decoder) patientIdentifier(it *item) {
	if d.deletedPart() {
		return
	}
	i := d.identifier(it, vocPatientID)
	p := &d.rec.Patient
	nhs, err := record.ParseNHSNumber(i.Value)
	if i.Type != "NHS" || err != nil {
		p.OtherIDs = append(p.OtherIDs, i)
		return
	}
	for _, have := range d.links.numbers {
		if have == nhs.Digits() {
			return
		}
	}
	d.links.numbers = append(d.links.numbers, nhs.Digits())
	p.NHS = nhs
	if len(d.links.numbers) > 1 {
		p.NHS = record.NHSNumber{}
		d.rec.Fail(record.Demographics, d.at(), "two NHS numbers")
	}
}

// caseload reads one registration. The first current one is the patient's;
// every other, and all of the history, becomes one line.
func (d *decoder) caseload(it *item, line string) {
	if d.deletedPart() {
		return
	}
	var c struct{ status, state, kind, organisation, recorded, ended, number, hcp string }
	var native struct{ status, state, kind string }
	var extra []record.Qualifier
	for name := range d.r.Children(Namespace) {
		switch name {
		case "organisation":
			c.organisation = d.token(it)
		case "dateRecorded":
			c.recorded = d.token(it)
		case "dateEnded":
			c.ended = d.token(it)
		case "patientStatus":
			native.status, native.state = d.patientStatus(it)
			c.status = it.listed(vocPatient, "Registration status", native.status)
			c.state = it.listed(vocRegistered, "Registration", native.state)
		case "patientType":
			native.kind = strings.TrimSpace(d.r.Text())
			c.kind = vocPatientType.words(native.kind)
			for name, value := range d.r.Attrs() {
				switch {
				case name.Local == "originalTerm" && value != "":
					c.kind += " (" + value + ")"
				case name.Local == "dummy" && value == "true":
					native.kind = "DUM"
					extra = append(extra, record.Qualifier{Name: "Test patient", Value: "true"})
				case name.Local == "userDefined" && value == "true":
					extra = append(extra, record.Qualifier{Name: "Locally defined patient type", Value: "true"})
				}
			}
		case "property":
			extra = append(extra, d.property(it)...)
		case "customRegistrationField":
			extra = append(extra, d.customField(it)...)
		case "emisPatientNumber":
			c.number = d.token(it)
		case "preferredHCPUserInRole":
			c.hcp = d.token(it)
		case "id":
		default:
			d.unknown(it)
		}
	}
	recorded := it.date("Date of registration", c.recorded)
	p := &d.rec.Patient
	if stands := standing(native.state, native.status, native.kind, c.ended != ""); line == "" {
		d.links.dead = d.links.dead || stands == record.Deceased
		if d.links.practice == "" || d.links.practice == c.organisation {
			d.links.standings = append(d.links.standings, stands)
			if stands == record.Left && p.LeftOn.IsZero() {
				p.LeftOn = recorded
				if ended, err := parseDate(c.ended); err == nil && !ended.IsZero() {
					p.LeftOn = ended
				}
			}
		}
	}
	if line == "" && d.links.practice == "" && p.Status == "" {
		d.links.practice, p.Status, p.RegisteredOn = c.organisation, c.status, recorded
		d.registered("Registration", c.state)
		d.registered("Patient type", c.kind)
		d.registered("Registration ended", it.date("Registration ended", c.ended).String())
		d.registered("EMIS patient number", c.number)
		p.Registration = append(p.Registration, extra...)
		d.laterRegistered("Preferred clinician", c.hcp, func() string { return d.person(c.hcp).Name() })
		return
	}
	if line == "" {
		line = "Other registration"
	}
	words := []string{recorded.Words()}
	for _, s := range []string{c.status, c.state, c.kind} {
		if s != "" {
			words = append(words, s)
		}
	}
	for _, q := range []record.Qualifier{{Name: "ended", Value: c.ended}, {Name: "patient number", Value: c.number}} {
		if q.Value != "" {
			words = append(words, q.Name+" "+q.Value)
		}
	}
	for _, q := range extra {
		words = append(words, q.Name+" "+q.Value)
	}
	d.laterRegistered(line, c.recorded+c.status+c.organisation, func() string {
		all := words
		if c.organisation != "" {
			all = append(all, "at "+d.place(c.organisation).Title())
		}
		if c.hcp != "" {
			all = append(all, "clinician "+d.person(c.hcp).Name())
		}
		return strings.Join(all, "; ")
	})
}

// laterRegistered keeps the place of a fact whose words are known at the end.
func (d *decoder) laterRegistered(label, present string, words func() string) {
	if present == "" {
		return
	}
	p := &d.rec.Patient
	p.Registration = append(p.Registration, record.Qualifier{Name: label})
	i := len(p.Registration) - 1
	d.later = append(d.later, func() { p.Registration[i].Value = words() })
}

func (d *decoder) patientStatus(it *item) (status, state string) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "status":
			status = d.token(it)
		case "caseloadStatus":
			state = d.token(it)
		default:
			d.unknown(it)
		}
	}
	return status, state
}

// property reads one registration property; "0" says it does not hold.
func (d *decoder) property(it *item) []record.Qualifier {
	var q record.Qualifier
	for name := range d.r.Children(Namespace) {
		switch name {
		case "name":
			q.Name = vocProperty.words(d.token(it))
		case "value":
			q.Value = d.token(it)
		default:
			d.unknown(it)
		}
	}
	if d.deletedPart() || q.Value == "" || q.Value == "0" {
		return nil
	}
	return []record.Qualifier{q}
}

func (d *decoder) customField(it *item) []record.Qualifier {
	label, deleted := "", d.deletedPart()
	var fields []record.Qualifier
	for name := range d.r.Children(Namespace) {
		switch name {
		case "name":
			label = d.token(it)
		case "value":
			fields = append(fields, record.Qualifier{Value: d.leaf(it)})
		case "id", "template":
		default:
			d.unknown(it)
		}
	}
	if deleted {
		return nil
	}
	for i := range fields {
		fields[i].Name = label
	}
	return fields
}

// carer reads a carer or contact of the patient as one line of words. The
// statistics of its postcode are left out.
func (d *decoder) carer(it *item) string {
	if d.deletedPart() {
		return ""
	}
	var words []string
	for name := range d.r.Children(Namespace) {
		value := ""
		switch name {
		case "CarerAddress", "ContactAddress":
			a := d.address(it, "")
			value, name = addressWords(a), "Address"
		case "":
			d.unknown(it)
		default:
			value = d.r.Words()
		}
		if value != "" {
			words = append(words, name+": "+value)
		}
	}
	return strings.Join(words, "; ")
}

// addressWords is an address in one line.
func addressWords(a record.Address) string {
	var parts []string
	for _, s := range []string{a.House, strings.TrimSpace(a.Number + " " + a.Street), a.Village, a.Town, a.County, a.Postcode} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if a.Use != "" {
		parts = append(parts, "("+a.Use+")")
	}
	return strings.Join(parts, ", ")
}

// joinPatient fills the patient from the person it points at. Real records use
// one identifier for both (E §1.2), so the patient's own serves where the
// pointer does not.
func (d *decoder) joinPatient() {
	p, links := &d.rec.Patient, &d.links
	about := d.people[links.person]
	if about == nil {
		about = d.people[p.ID]
	}
	if about == nil {
		d.rec.Fail(record.Demographics, "patient", "the person the patient points at is missing")
		about = &person{}
	}
	for _, at := range about.ambiguous {
		d.rec.Fail(record.Demographics, at, "repeated "+at[strings.IndexByte(at, ' ')+1:])
	}
	p.Title, p.Forenames, p.Surname = about.title, about.forenames, about.surname
	p.KnownAs, p.BirthName, p.Previous, p.BirthDate = about.known, about.birthSurname, about.previous, about.birth
	p.Addresses, p.Contacts = about.addresses, about.contacts
	if words, known := vocSex.word(about.sex); known {
		p.Sex = mapping.Code{Scheme: schemeSex, Value: about.sex, Term: words}
	} else {
		d.registered("Sex as recorded", about.sex)
	}
	d.registered("Marital status", about.maritalStatus)
	d.registered("Ethnic group", about.ethnic)
	d.registered("Religion", about.religion)
	d.registered("Nationality", about.nation)
	p.UsualGP, p.Registered, p.Practice = d.person(links.usual), d.person(links.registered), d.place(links.practice)
	p.Confidential = d.mark(links.policy)
	d.stand()
	if p.Dead {
		d.rec.Warn(record.Warning{Code: record.WarnDeceased, Section: record.Demographics, Detail: p.DeathDate.Words()})
	}
}
