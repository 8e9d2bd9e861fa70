package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// The administrative fields only SystmOne has, under the labels they have in
// Patient.Registration.
const (
	labelMarital  = "Marital status"
	labelEthnic   = "Ethnicity"
	labelLanguage = "Main language"
	labelEnglish  = "English speaker"
	labelSMS      = "SMS consent"
	labelRegType  = "Registration type"
)

// The types of identifier a response may have beside the NHS number (S §1.2).
const (
	idReporting = "StrategicReportingIdentifier"
	idPseudo    = "PseudoNumber"
	idClient    = "ClientID"
)

// contactUses pairs the one-line contacts with what Contact.Use says.
var contactUses = []struct{ element, use string }{
	{"HomeTelephone", "home"}, {"WorkTelephone", "work"}, {"MobileTelephone", "mobile"},
	{"AlternateTelephone", "alternate"}, {"EmailAddress", "email"},
}

// identity reads who the record is about. Without an NHS number, or with one
// whose check digit is wrong, the number stays zero and the bridge refuses.
func (d *decoder) identity() {
	p := &d.rec.Patient
	for name := range d.r.Children("") {
		switch name {
		case "NHSNumber", "NhsNumber":
			if !p.NHS.IsZero() {
				d.fail(record.ReasonBadAnswer, "more than one NHS number")
			}
			n, err := record.ParseNHSNumber(d.value())
			if err == nil {
				p.NHS = n
			}
		case idPseudo, idClient, idReporting:
			id := d.value()
			if id == "" {
				continue
			}
			p.OtherIDs = append(p.OtherIDs, record.Identifier{Type: name, Value: id})
			if name == idReporting {
				p.ID = id
			}
		default:
			d.unknown()
		}
	}
}

// demographics reads the patient block (S §1.4 "Demographics children"). An
// empty element is an unknown value.
func (d *decoder) demographics() {
	e := d.entry(record.KindDemographics, pathDemographics)
	e.Text = "Patient details"
	d.rec.Supply(record.SectionsOf(record.Demographics))
	if d.r.Repeated() {
		d.rec.Fail(record.Demographics, d.at(), "repeated Demographics")
		d.unrecognised(e)
	} else {
		d.patient(e)
	}
	// What could not be read stands with the patient, where it is shown.
	p := &d.rec.Patient
	for _, note := range e.Notes {
		name, value, _ := strings.Cut(note, ": ")
		p.Registration = append(p.Registration, record.Qualifier{Name: name, Value: value})
	}
	for _, t := range e.Texts {
		p.Registration = append(p.Registration, record.Qualifier{Name: t.Label, Value: t.Value})
	}
	e.Notes, e.Texts = nil, nil
}

func (d *decoder) patient(e *record.Entry) {
	p := &d.rec.Patient
	var middle, sex, gp string
	for name := range d.r.Children("") {
		switch name {
		case "Title":
			d.token(e, &p.Title)
		case "FirstName":
			d.token(e, &p.FirstName)
		case "MiddleNames":
			d.token(e, &middle)
		case "Surname":
			d.token(e, &p.Surname)
		case "KnownAs":
			d.token(e, &p.KnownAs)
		case "DateOfBirth":
			d.date(e, "Date of birth", &p.BirthDate)
		case "DateOfDeath":
			d.death(e)
		case "Sex":
			d.token(e, &sex)
		case "MaritalStatus":
			d.codedField(e, labelMarital)
		case "Ethnicity":
			d.codedField(e, labelEthnic)
		case "MainLanguage":
			d.codedField(e, labelLanguage)
		case "EnglishSpeaker":
			d.registration(e, labelEnglish)
		case "Address":
			d.address(e)
		case "HomeTelephone", "WorkTelephone", "MobileTelephone", "AlternateTelephone", "EmailAddress":
			d.contact(e, name)
		case "SMSConsent":
			d.registration(e, labelSMS)
		case "UsualGPUserName":
			d.token(e, &gp)
		case "CareStartDate":
			d.date(e, "Care start date", &p.RegisteredOn)
		case "RegistrationType":
			d.registrationType(e)
		default:
			d.unrecognised(e)
		}
	}
	d.attributes(e)
	p.Forenames = strings.TrimSpace(p.FirstName + " " + middle)
	if gp != "" {
		p.UsualGP = &record.Person{UserName: gp}
	}
	if sex != "" {
		var ok bool
		if p.Sex, ok = pick(schemeSex, sexes, sex); !ok {
			e.Notes = append(e.Notes, "Sex as recorded: "+sex)
		}
	}
}

// death marks the patient dead even where the date is no date.
func (d *decoder) death(e *record.Entry) {
	var s string
	d.token(e, &s)
	if s == "" {
		return
	}
	p := &d.rec.Patient
	p.Dead = !d.parseDate(e, "Date of death", s, &p.DeathDate)
	p.Standing = record.Deceased
	d.rec.Warn(record.Warning{Code: record.WarnDeceased, Section: record.Demographics, Detail: p.DeathDate.Words()})
}

// permanent is the one RegistrationType that is known, from examples only (S
// §1.5): general medical services, which is to be registered for good.
const permanent = "GMS"

// registrationType says how the patient stands, unless the date of death does.
// Any other type may mean a visitor, or one who has left, and is not guessed.
func (d *decoder) registrationType(e *record.Entry) {
	p := &d.rec.Patient
	before := len(p.Registration)
	d.registration(e, labelRegType)
	if p.Standing == record.StandingUnknown && len(p.Registration) > before && p.Registration[before].Value == permanent {
		p.Standing = record.Registered
	}
}

// registration keeps a field of words under its label.
func (d *decoder) registration(e *record.Entry, label string) {
	var s string
	if d.token(e, &s); s != "" {
		p := &d.rec.Patient
		p.Registration = append(p.Registration, record.Qualifier{Name: label, Value: s})
	}
}

// codedField reads MaritalStatus, Ethnicity and MainLanguage, which hold a Code.
func (d *decoder) codedField(e *record.Entry, label string) {
	if d.repeated(e) {
		return
	}
	d.attributes(e)
	q := record.Qualifier{Name: label}
	for name := range d.r.Children("") {
		switch name {
		case "Code":
			if d.repeated(e) {
				continue
			}
			scheme, code, term := d.codeAttributes(e)
			own := trim(d.r.Text())
			if d.r.Mixed() {
				d.leaf(e)
			}
			if code == "" {
				code = own
			}
			q.Value = term
			var err error
			if q.ValueCode, err = parseCode(scheme, code, term); err != nil && code != "" {
				q.Value = strings.TrimSpace(term + " (" + strings.TrimSpace("source code: "+scheme+" "+code) + ")")
			}
		case "#text":
			q.Value = trim(d.r.Text())
		default:
			d.unrecognised(e)
		}
	}
	if q.Value != "" || !q.ValueCode.IsZero() {
		p := &d.rec.Patient
		p.Registration = append(p.Registration, q)
	}
}

func (d *decoder) address(e *record.Entry) {
	if d.repeated(e) {
		return
	}
	d.attributes(e)
	var a record.Address
	for name := range d.r.Children("") {
		switch name {
		case "HouseName":
			d.token(e, &a.House)
		case "HouseNumber":
			d.token(e, &a.Number)
		case "Road":
			d.token(e, &a.Street)
		case "Locality":
			d.token(e, &a.Village)
		case "Town":
			d.token(e, &a.Town)
		case "County":
			d.token(e, &a.County)
		case "Postcode":
			d.token(e, &a.Postcode)
		default:
			d.unrecognised(e)
		}
	}
	if !a.IsZero() {
		p := &d.rec.Patient
		p.Addresses = append(p.Addresses, a)
	}
}

func (d *decoder) contact(e *record.Entry, name string) {
	var s string
	if d.token(e, &s); s == "" {
		return
	}
	for _, c := range contactUses {
		if c.element == name {
			p := &d.rec.Patient
			p.Contacts = append(p.Contacts, record.Contact{Use: c.use, Value: s})
		}
	}
}

// codeAttributes reads the attributes of a Code.
func (d *decoder) codeAttributes(e *record.Entry) (scheme, code, term string) {
	for name, value := range d.r.Attrs() {
		switch {
		case name.Space != "":
			e.Texts = append(e.Texts, record.Text{Label: "Unrecognised", Value: name.Local + ": " + value})
		case name.Local == "Scheme":
			scheme = value
		case name.Local == "Code":
			code = value
		case name.Local == "Term":
			term = value
		default:
			e.Texts = append(e.Texts, record.Text{Label: "Unrecognised", Value: name.Local + ": " + value})
		}
	}
	return scheme, code, term
}
