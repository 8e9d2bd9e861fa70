package openhr

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// author writes who holds the record. A system of another maker is "external
// to EMIS"; its name stands beside it.
func (x *encoder) author(w *xmlio.Writer) {
	s := x.rec.Source
	w.Start("author")
	w.Start("system")
	if kind, own := vocSystem.value(s.System); own {
		w.Element("systemType", kind)
	} else {
		w.Element("systemType", "EXT")
		w.Optional("displayName", strings.TrimPrefix(s.System, vocSystem.words("EXT")+", "))
	}
	w.End()
	w.Element("organisation", x.place(x.practice))
	if fits(s.ODS, 20) {
		w.Optional("nationalCode", s.ODS)
	}
	w.Optional("displayName", cut(s.Organisation, 100))
	w.End()
}

// contentSpecification says whether the record is whole. A period asked for is
// one that is known to have left entries out.
func (x *encoder) contentSpecification(w *xmlio.Writer) {
	p := x.rec.Source.Period
	w.Start("contentSpecification")
	switch {
	case p.IsZero():
		w.Element("specification", specWhole)
	case !p.From.IsZero():
		w.Element("specification", specPeriod)
		w.Start("effectiveTime")
		w.Start("baseLow")
		x.datePart(w, "low", p.From)
		if !p.To.IsZero() {
			x.datePart(w, "high", p.To)
		}
		w.End()
		w.End()
	default:
		w.Element("specification", specPeriod)
		w.Start("effectiveTime")
		w.Start("baseHigh")
		x.datePart(w, "high", p.To)
		w.End()
		w.End()
	}
	w.End()
}

// adminDomain writes the patient and everybody and everything the clinical
// part points at.
func (x *encoder) adminDomain(w *xmlio.Writer) {
	p := &x.rec.Patient
	usual, registered := x.person(p.UsualGP), x.person(p.Registered)
	practice, policy := x.place(x.practice), x.policy(p.Confidential)
	for _, m := range x.people { // their places
		x.place(m.Place)
	}
	w.Start("adminDomain")
	x.patientPerson(w)
	for _, m := range x.people {
		x.staffPerson(w, m)
	}
	x.start(w, "patient", nil)
	w.Element("id", x.patient)
	if !p.NHS.IsZero() {
		identifier(w, "patientIdentifier", "NHS", p.NHS.Digits())
	}
	for _, i := range p.OtherIDs {
		if kind, ok := patientIDHolds(i); ok {
			identifier(w, "patientIdentifier", kind, i.Value)
		}
	}
	w.Element("patientPerson", x.patient)
	w.Optional("registeredGPUserInRole", registered)
	w.Optional("usualGPUserInRole", usual)
	w.Optional("dateOfDeath", p.DeathDate.Day())
	if p.Dead {
		w.Element("dead", "true")
	}
	w.Optional("confidentialityPolicy", policy)
	if x.registrationHolds() {
		x.caseload(w, practice)
	}
	w.End()
	x.organisations(w)
	for _, m := range x.people {
		w.Start("user", "updateMode", "add")
		w.Element("id", x.staff[m])
		w.Element("userPerson", x.staff[m])
		for _, i := range m.Identifiers {
			if i.Type == mnemonic && fits(i.Value, 15) {
				w.Element("mnemonic", i.Value)
				break
			}
		}
		if fits(m.UserName, 20) {
			w.Optional("loginName", m.UserName)
		}
		w.End()
	}
	for _, m := range x.people {
		x.role(w, m)
	}
	for _, m := range x.people {
		x.userInRole(w, m)
	}
	for _, e := range x.mixtures {
		x.localMixture(w, e)
	}
	for _, name := range append([]string{unrestricted}, x.policies...) {
		x.policyElement(w, name)
	}
	w.End()
}

// cut shortens the name of a person or place of a directory to what the
// schema allows. An entry's words are never shortened.
func cut(s string, limit int) string {
	if fits(s, limit) {
		return s
	}
	return string([]rune(s)[:limit-3]) + "..."
}

func (x *encoder) patientPerson(w *xmlio.Writer) {
	p := &x.rec.Patient
	w.Start("person", "updateMode", "add")
	w.Element("id", x.patient)
	w.Optional("birthDate", p.BirthDate.Day())
	w.Optional("sex", sexOf(p))
	short := func(name, value string, limit int) {
		if fits(value, limit) {
			w.Optional(name, value)
		}
	}
	short("forenames", p.Forenames, 108)
	short("callingName", p.KnownAs, 35)
	short("surname", p.Surname, 100)
	short("birthSurname", p.BirthName, 100)
	short("previousSurname", p.Previous, 100)
	short("title", p.Title, 50)
	for i, a := range p.Addresses {
		if addressHolds(a) {
			x.address(w, a, "patient address "+strconv.Itoa(i), true)
		}
	}
	for i, c := range p.Contacts {
		if kind, ok := contactHolds(c); ok {
			x.contact(w, kind, c.Value, "patient contact "+strconv.Itoa(i))
		}
	}
	w.End()
}

func sexOf(p *record.Patient) string {
	if p.Sex.Scheme == schemeSex {
		return p.Sex.Value
	}
	return ""
}

// patientLines are what is known of the patient and has no element.
func (x *encoder) patientLines() []string {
	p, n := &x.rec.Patient, &extra{}
	long := func(label, value string, limit int) {
		if !fits(value, limit) {
			n.line(label, value)
		}
	}
	long("Forenames", p.Forenames, 108)
	long("Known as", p.KnownAs, 35)
	long("Surname", p.Surname, 100)
	long("Birth surname", p.BirthName, 100)
	long("Previous surname", p.Previous, 100)
	long("Title", p.Title, 50)
	if p.BirthDate.Day() == "" || p.BirthDate.Clock() != "" {
		n.date("Date of birth", p.BirthDate)
	}
	if p.DeathDate.Day() == "" || p.DeathDate.Clock() != "" {
		n.date("Date of death", p.DeathDate)
	}
	if p.Sex.Scheme != schemeSex {
		n.line("Sex", record.TermOf(p.Sex))
	}
	for _, i := range p.OtherIDs {
		if _, ok := patientIDHolds(i); !ok {
			n.line("Identifier "+i.Type, i.Value)
		}
	}
	for _, a := range p.Addresses {
		if !addressHolds(a) {
			n.line("Address", addressWords(a))
		}
	}
	for _, c := range p.Contacts {
		if _, ok := contactHolds(c); !ok {
			n.line(record.Join(" ", "Contact", c.Use), c.Value)
		}
	}
	if !x.registrationHolds() {
		n.line("Registration status", p.Status)
		n.date("Registered", p.RegisteredOn)
		for _, q := range p.Registration {
			n.line(q.Name, q.Value)
		}
	}
	return n.lines
}

func patientIDHolds(i record.Identifier) (string, bool) {
	kind, known := vocPatientID.value(i.Type)
	return kind, known && i.Value != "" && fits(i.Value, 50)
}

func addressHolds(a record.Address) bool {
	_, known := vocAddress.value(a.Use)
	for _, s := range []string{a.House, streetOf(a), a.Village, a.Town, a.County} {
		known = known && fits(s, 35)
	}
	return known && fits(a.Postcode, 8)
}

func streetOf(a record.Address) string { return record.Join(" ", a.Number, a.Street) }

func contactHolds(c record.Contact) (string, bool) {
	kind, known := vocContact.value(c.Use)
	return kind, known && fits(c.Value, 99)
}

func identifier(w *xmlio.Writer, name, kind, value string) {
	w.Start(name, "updateMode", "add")
	w.Element("identifierType", kind)
	w.Element("value", value)
	w.End()
}

// address writes an address; dated ones of a person carry the attributes of a
// database object, those of a location do not.
func (x *encoder) address(w *xmlio.Writer, a record.Address, source string, object bool) {
	if object {
		w.Start("address", "updateMode", "add")
	} else {
		w.Start("address")
	}
	w.Element("id", x.uid(source, a.ID))
	kind, _ := vocAddress.value(a.Use)
	w.Optional("addressType", kind)
	w.Element("postCode", cut(a.Postcode, 8))
	w.Element("houseNameFlat", cut(a.House, 35))
	w.Element("street", cut(streetOf(a), 35))
	w.Element("village", cut(a.Village, 35))
	w.Element("town", cut(a.Town, 35))
	w.Element("county", cut(a.County, 35))
	w.End()
}

func (x *encoder) contact(w *xmlio.Writer, kind, value, source string) {
	w.Start("contact", "updateMode", "add")
	w.Element("id", x.uid("contact", source))
	w.Element("contactType", kind)
	w.Element("value", cut(value, 99))
	w.End()
}

// registrationHolds reports a registration in this format's own words; one of
// another system is written as lines, for the element's lists cannot say it.
func (x *encoder) registrationHolds() bool {
	p := &x.rec.Patient
	_, known := vocPatient.value(p.Status)
	_, full := moment(p.RegisteredOn)
	return known && full
}

// caseload writes the registration. What has no element of its own goes into
// the fields the format keeps for a site's own.
func (x *encoder) caseload(w *xmlio.Writer, practice string) {
	p := &x.rec.Patient
	recorded, _ := moment(p.RegisteredOn)
	status, _ := vocPatient.value(p.Status)
	state, kind, number1 := "", "", ""
	var fields []record.Qualifier
	for _, q := range p.Registration {
		s, registered := vocRegistered.value(q.Value)
		t, typed := vocPatientType.value(q.Value)
		switch {
		case q.Name == "Registration" && registered && state == "":
			state = s
		case q.Name == "Patient type" && typed && kind == "":
			kind = t
		case q.Name == "EMIS patient number" && number(q.Value, maxInt) && number1 == "":
			number1 = q.Value
		default:
			fields = append(fields, q)
		}
	}
	w.Start("caseloadPatient", "updateMode", "add")
	w.Element("id", x.uid("registration", ""))
	w.Element("organisation", practice)
	w.Element("dateRecorded", recorded)
	w.Start("patientStatus")
	w.Element("status", status)
	w.Optional("caseloadStatus", state)
	w.End()
	w.Element("patientType", cmp.Or(kind, "OTH"))
	for i, q := range fields {
		w.Start("customRegistrationField", "updateMode", "add")
		w.Element("id", x.uid("registration", strconv.Itoa(i)))
		w.Element("name", q.Name)
		w.Element("value", q.Value)
		w.End()
	}
	w.Optional("emisPatientNumber", number1)
	w.End()
}

// person is the identifier of a member of staff, who is then described; ""
// for nobody.
func (x *encoder) person(p *record.Person) string {
	if p == nil {
		return ""
	}
	id := x.staff[p]
	if id == "" {
		id = x.uid("staff", p.ID)
		if p.ID == "" {
			id = x.derive("staff", p.UserName, p.Name())
		}
		for n := 0; x.used["staff "+id]; n++ {
			id = x.derive("staff", id, strconv.Itoa(n))
		}
		x.used["staff "+id] = true
		x.staff[p] = id
		x.people = append(x.people, p)
	}
	return id
}

// namedPerson is person for somebody known by name only: the first of that
// name, else somebody new.
func (x *encoder) namedPerson(name string) string {
	if p := x.named[name]; p != nil {
		return x.person(p)
	}
	for _, p := range x.people {
		if p.Name() == name {
			x.named[name] = p
			return x.person(p)
		}
	}
	x.named[name] = &record.Person{Surname: name}
	return x.person(x.named[name])
}

func (x *encoder) staffPerson(w *xmlio.Writer, p *record.Person) {
	surname, forenames := p.Surname, p.Forenames
	if surname == "" {
		surname, forenames = p.Name(), ""
	}
	w.Start("person", "updateMode", "add")
	w.Element("id", x.staff[p])
	w.Optional("forenames", cut(forenames, 108))
	w.Element("surname", cut(surname, 100))
	w.Optional("title", cut(p.Title, 50))
	w.End()
}

// role writes a role of its own for each member of staff: one role for
// several is how the format comes to contradict itself (E §1.2).
func (x *encoder) role(w *xmlio.Writer, p *record.Person) {
	label := cut(cmp.Or(p.Role, notStated), 150)
	place := x.practice
	if p.Place != nil {
		place = p.Place
	}
	w.Start("role", "updateMode", "add")
	w.Element("id", x.derive("role", x.staff[p], ""))
	w.Element("name", label)
	w.Empty("userCategory", "codeSystem", systemRead2, "displayName", label, "code", "")
	w.Element("organisation", x.place(place))
	w.Element("confidentialityPolicy", x.policyID(unrestricted))
	w.End()
}

// contractUnknown stands where the schema wants the first day of employment,
// which no record holds.
const contractUnknown = "1900-01-01"

func (x *encoder) userInRole(w *xmlio.Writer, p *record.Person) {
	w.Start("userInRole", "updateMode", "add")
	w.Element("id", x.staff[p])
	w.Element("user", x.staff[p])
	w.Element("role", x.derive("role", x.staff[p], ""))
	w.Element("contractualRelationship", "E")
	w.Element("contractStart", contractUnknown)
	w.Element("filingConfidentialityPolicy", x.policyID(unrestricted))
	for _, i := range p.Identifiers {
		if kind, known := vocUserID.value(i.Type); known && fits(i.Value, 15) {
			identifier(w, "userIdentifier", kind, i.Value)
		}
	}
	w.End()
}

// place is the identifier of an organisation, which is then described with
// those above it; "" for none.
func (x *encoder) place(o *record.Organisation) string {
	if o == nil {
		return ""
	}
	id := x.places[o]
	if id == "" {
		id = x.uid("place", o.ID)
		if o.ID == "" {
			id = x.derive("place", o.ODS, o.Name)
		}
		for n := 0; x.used["place "+id]; n++ {
			id = x.derive("place", id, strconv.Itoa(n))
		}
		x.used["place "+id] = true
		x.places[o] = id
		x.placeOrder = append(x.placeOrder, o)
		x.place(o.Parent)
	}
	return id
}

// namedPlace is place for one known by name only.
func (x *encoder) namedPlace(name string) string {
	if name == "" {
		return ""
	}
	if o := x.placeNames[name]; o != nil {
		return x.place(o)
	}
	for _, o := range x.placeOrder {
		if o.Title() == name {
			x.placeNames[name] = o
			return x.place(o)
		}
	}
	x.placeNames[name] = &record.Organisation{Name: name}
	return x.place(x.placeNames[name])
}

// organisations writes every organisation, then a location for each that has
// an address or is where a consultation was.
func (x *encoder) organisations(w *xmlio.Writer) {
	for _, o := range x.placeOrder {
		id, located := x.places[o], hasLocation(o) || x.placeNames[o.Title()] == o
		w.Start("organisation", "updateMode", "add")
		w.Element("id", id)
		w.Optional("name", cut(o.Name, 100))
		if o.Type != "" {
			w.Empty("organisationType", "codeSystem", systemRead2, "displayName", o.Type, "code", "")
		}
		if fits(o.ODS, 20) {
			w.Optional("nationalPracticeCode", o.ODS)
		}
		if located {
			w.Element("mainLocation", x.locationID(o))
			w.Start("locations", "updateMode", "add")
			w.Element("location", x.locationID(o))
			w.End()
		}
		w.Optional("parentOrganisation", x.place(o.Parent))
		w.End()
	}
	for _, o := range x.placeOrder {
		if hasLocation(o) || x.placeNames[o.Title()] == o {
			x.location(w, o)
		}
	}
}

func hasLocation(o *record.Organisation) bool { return !o.Address.IsZero() || len(o.Contacts) > 0 }

// locationID is the organisation's own: real records do the same, and a
// pointer to either finds the name.
func (x *encoder) locationID(o *record.Organisation) string { return x.places[o] }

func (x *encoder) location(w *xmlio.Writer, o *record.Organisation) {
	w.Start("location", "updateMode", "add")
	w.Element("id", x.locationID(o))
	w.Optional("name", cut(o.Name, 100))
	if !o.Address.IsZero() {
		x.address(w, o.Address, "address "+x.places[o], false)
	}
	for i, c := range o.Contacts {
		kind := "W" // a location has work and e-mail contacts only
		if strings.Contains(c.Value, "@") {
			kind = "EM"
		}
		x.contact(w, kind, c.Value, x.places[o]+strconv.Itoa(i))
	}
	w.End()
}

// policy is the identifier of a confidentiality mark; none is none.
func (x *encoder) policy(mark string) string {
	if mark == "" {
		return ""
	}
	for _, have := range x.policies {
		if have == mark {
			return x.policyID(mark)
		}
	}
	x.policies = append(x.policies, mark)
	return x.policyID(mark)
}

func (x *encoder) policyID(mark string) string { return x.derive("policy", mark, "") }

func (x *encoder) policyElement(w *xmlio.Writer, name string) {
	w.Start("confidentialityPolicy", "updateMode", "add")
	w.Element("id", x.policyID(name))
	w.Element("name", name)
	w.Element("notificationType", "NO")
	w.Element("showHiddenRecordIndicator", "false")
	w.Element("organisation", x.place(x.practice))
	w.Element("restrictToOrganisation", "false")
	w.End()
}

func (x *encoder) localMixture(w *xmlio.Writer, e *record.Entry) {
	w.Start("localMixture", "updateMode", "add")
	w.Element("id", x.mixtureID(e))
	if fits(e.Text, 255) {
		w.Optional("name", e.Text)
	}
	for _, part := range e.Medication.Mixture {
		text, strength := part.Text, part.Strength
		if !fits(strength, 20) {
			text, strength = record.Join(" ", text, strength), notStated
		}
		w.Start("constituent", "updateMode", "add")
		dtCode(w, "preparation", part.Code, text)
		w.Element("strength", cmp.Or(strength, notStated))
		w.End()
	}
	w.End()
}
