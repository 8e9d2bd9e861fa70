package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// identity writes who the record is about. Of other identifiers only those
// that are SystmOne's own are written.
func (x *encoder) identity() {
	w, p := x.w, &x.rec.Patient
	w.Start("Identity")
	if !p.NHS.IsZero() {
		w.Element("NHSNumber", p.NHS.Digits())
	}
	for _, name := range []string{idPseudo, idClient, idReporting} {
		for _, id := range p.OtherIDs {
			if id.Type == name {
				w.Element(name, id.Value)
				break
			}
		}
	}
	w.End()
}

// demographics writes the patient block with every element in the order of the
// documents; an empty one is an unknown value (S §1.4).
func (x *encoder) demographics() {
	w, p := x.w, &x.rec.Patient
	first, middle := forenames(p)
	x.start("Demographics", nil)
	w.Element("Title", p.Title)
	w.Element("FirstName", first)
	w.Element("MiddleNames", middle)
	w.Element("Surname", p.Surname)
	w.Optional("KnownAs", p.KnownAs)
	w.Element("DateOfBirth", dayOf(p.BirthDate))
	w.Optional("DateOfDeath", dayOf(p.DeathDate))
	w.Element("Sex", x.sex())
	x.codedField("MaritalStatus")
	x.codedField("Ethnicity")
	x.codedField("MainLanguage")
	w.Element("EnglishSpeaker", x.registration("EnglishSpeaker"))
	if i := mainAddress(p); i >= 0 {
		x.address(p.Addresses[i])
	}
	for _, c := range contactUses {
		w.Element(c.element, x.contact(c.element))
	}
	w.Element("SMSConsent", x.registration("SMSConsent"))
	gp := ""
	if p.UsualGP != nil {
		gp = p.UsualGP.UserName
	}
	w.Element("UsualGPUserName", gp)
	w.Element("CareStartDate", dayOf(p.RegisteredOn))
	w.Element("RegistrationType", x.registration("RegistrationType"))
	w.End()
}

// sex is written only in SystmOne's own values.
func (x *encoder) sex() string {
	if c := x.rec.Patient.Sex; c.Scheme == schemeSex {
		return c.Value
	}
	return ""
}

// forenames parts the first name from the others where the source does.
func forenames(p *record.Patient) (first, middle string) {
	if p.FirstName == "" {
		return p.Forenames, ""
	}
	if rest, ok := strings.CutPrefix(p.Forenames, p.FirstName); ok {
		return p.FirstName, strings.TrimSpace(rest)
	}
	return p.FirstName, ""
}

// mainAddress is the index of the one address the format has a place for: that
// at home or of no stated use, else the first, -1 for none.
func mainAddress(p *record.Patient) int {
	for i, a := range p.Addresses {
		if a.Use == "" || a.Use == "home" {
			return i
		}
	}
	return min(len(p.Addresses), 1) - 1
}

func (x *encoder) address(a record.Address) {
	w := x.w
	w.Start("Address")
	w.Optional("HouseName", a.House)
	w.Optional("HouseNumber", a.Number)
	w.Optional("Road", a.Street)
	w.Optional("Locality", a.Village)
	w.Optional("Town", a.Town)
	w.Optional("County", a.County)
	w.Optional("Postcode", a.Postcode)
	w.End()
}

// contactElement is the element of the i-th contact, "" when it has none or an
// earlier contact has it.
func contactElement(p *record.Patient, i int) string {
	for _, c := range contactUses {
		if c.use != p.Contacts[i].Use {
			continue
		}
		for _, earlier := range p.Contacts[:i] {
			if earlier.Use == c.use {
				return ""
			}
		}
		return c.element
	}
	return ""
}

func (x *encoder) contact(element string) string {
	p := &x.rec.Patient
	for i, c := range p.Contacts {
		if contactElement(p, i) == element {
			return c.Value
		}
	}
	return ""
}

// registrationElement is the element of the i-th administrative field, "" when
// it has none, an earlier one has it, or its value is not one of SystmOne's.
func registrationElement(p *record.Patient, i int) string {
	q := p.Registration[i]
	for _, earlier := range p.Registration[:i] {
		if earlier.Name == q.Name {
			return ""
		}
	}
	native := clinical(q.ValueCode)
	switch {
	case q.Name == labelMarital && native:
		return "MaritalStatus"
	case q.Name == labelEthnic && native:
		return "Ethnicity"
	case q.Name == labelLanguage && native:
		return "MainLanguage"
	case q.Name == labelEnglish && (q.Value == "Yes" || q.Value == "No" || q.Value == "Unknown"):
		return "EnglishSpeaker"
	case q.Name == labelSMS && (q.Value == "Yes" || q.Value == "No"):
		return "SMSConsent"
	case q.Name == labelRegType:
		return "RegistrationType"
	}
	return ""
}

func (x *encoder) registration(element string) string {
	p := &x.rec.Patient
	for i, q := range p.Registration {
		if registrationElement(p, i) == element {
			return q.Value
		}
	}
	return ""
}

func (x *encoder) codedField(element string) {
	p := &x.rec.Patient
	x.w.Start(element)
	for i, q := range p.Registration {
		if registrationElement(p, i) == element {
			x.code(q.ValueCode, q.Value)
		}
	}
	x.w.End()
}

// patientLines are what the patient block of the format has no slot for; they
// stand beside the head of the record.
func patientLines(p *record.Patient) []string {
	var l lines
	if strings.TrimSpace(p.FirstName) != "" && !strings.HasPrefix(p.Forenames, p.FirstName) {
		l.add("Forenames", p.Forenames)
	}
	l.add("Birth name", p.BirthName)
	l.add("Previous name", p.Previous)
	l.coarse("Date of birth", p.BirthDate)
	l.coarse("Date of death", p.DeathDate)
	if p.Dead && p.DeathDate.IsZero() {
		l = append(l, "Date of death: the patient is recorded as deceased; date not known")
	}
	l.coarse("Care start date", p.RegisteredOn)
	l.add("Registration status", p.Status)
	for i, a := range p.Addresses {
		if i != mainAddress(p) || a.Use != "" && a.Use != "home" {
			l.add(strings.TrimSpace("Address "+a.Use), addressWords(a))
		}
	}
	for i, c := range p.Contacts {
		if contactElement(p, i) == "" {
			l.add("Contact "+c.Use, c.Value)
		}
	}
	if gp := p.UsualGP; gp != nil && gp.UserName != gp.Name() {
		l.add("Usual GP", gp.NameAndRole())
	}
	if p.Registered != nil {
		l.add("Registered GP", p.Registered.NameAndRole())
	}
	if p.Practice != nil {
		l.add("Practice", placeWords(p.Practice))
	}
	for _, id := range p.OtherIDs {
		if id.Type != idReporting && id.Type != idPseudo && id.Type != idClient {
			l.add(id.Type, id.Value)
		}
	}
	for i, q := range p.Registration {
		if registrationElement(p, i) == "" {
			l.add(q.Name, q.Value)
		}
	}
	l.add("Confidentiality", p.Confidential)
	return l
}

func addressWords(a record.Address) string {
	var parts []string
	for _, part := range []string{a.House, a.Number, a.Street, a.Village, a.Town, a.County, a.Postcode} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}
