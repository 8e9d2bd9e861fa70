package medicalrecord

import (
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// registration writes the patient. What has no element is a custom
// registration field, which is what EMIS keeps a practice's own fields in.
func (x *encoder) registration() {
	p := x.rec.Patient
	b := &bag{}
	var custom []record.Qualifier
	set := labels["Registration"]
	for _, q := range p.Registration {
		l, ok := set.byName[q.Name]
		if v := ""; ok && l.form != "id" && !b.has(l.element) {
			if v = nativeValue(l.form, fact{words: q.Value}); v != "" {
				b.fields = append(b.fields, record.Text{Label: l.element, Value: v})
				continue
			}
		}
		if !x.elsewhere(q) {
			custom = append(custom, q)
		}
	}
	for _, id := range p.OtherIDs {
		if l, ok := set.byName[id.Type]; ok && l.form == "id" && !b.has(l.element) {
			b.fields = append(b.fields, record.Text{Label: l.element, Value: id.Value})
		} else {
			custom = append(custom, record.Qualifier{Name: id.Type, Value: id.Value})
		}
	}
	add := func(name, value string) {
		if value != "" {
			custom = append(custom, record.Qualifier{Name: name, Value: value})
		}
	}
	add("Name at birth", p.BirthName)
	if p.BirthDate.Precision() > record.PrecisionDay {
		add("Time of birth", p.BirthDate.Clock())
	}
	if p.FirstName != "" && !strings.HasPrefix(p.Forenames, p.FirstName) {
		add("First name", p.FirstName)
	}
	current, home, others := addressesOf(p.Addresses)
	for _, a := range others {
		add("Address ("+a.Use+")", addressWords(a))
	}
	contacts := x.contacts(p.Contacts, add)
	if p.Practice != nil {
		x.locations.of(p.Practice)
	}

	w := x.w
	w.Start("Registration")
	if p.ID != "" {
		w.Element("GUID", x.guid(p.ID))
	}
	w.Optional("DateOfBirth", p.BirthDate.DMY())
	w.Optional("Sex", writeSlot("sex", p.Sex.Value))
	w.Optional("PreviousNames", p.Previous)
	w.Optional("FamilyName", p.Surname)
	w.Optional("CallingName", p.KnownAs)
	forenames := p.Forenames
	if forenames == "" {
		forenames = p.FirstName
	}
	w.Optional("FirstNames", forenames)
	w.Optional("Title", p.Title)
	w.Optional("NhsNumber", p.NHS.Digits())
	x.address("Address", current)
	w.Optional("HomeTelephone", contacts["home"])
	x.person("RegisteredGpID", p.Registered)
	x.person("UsualGpID", p.UsualGP)
	x.put(b, "WalkingQuarters", "Dispensing", "RuralMileage", "DifficultQuarters", "ResidentialInstitute", "BlockedSpecial",
		"RecordsAt", "HospitalNumbers", "DeductedDate")
	w.Optional("DateOfDeath", stamp(p.DeathDate))
	if p.Dead || !p.DeathDate.IsZero() {
		w.Element("Dead", "1")
	}
	x.put(b, "DateAdded", "OldNhsNumber")
	w.Optional("WorkTelephone", contacts["work"])
	w.Optional("Mobile", contacts["mobile"])
	w.Optional("Email", contacts["email"])
	x.address("HomeAddress", home)
	x.put(b, "HomeGP", "HomeGPCode", "CHINumber", "FootpathMiles", "WaterMiles", "ServiceType", "ServiceNumber")
	x.custom(custom)
	x.put(b, "GRONumber", "UPCINumber", "MaritalStatus", "MedicationReviewDate", "ExemptionExpiry", "ScreenMessage", "ReminderSent",
		"EthnicCode", "PrisonNumber", "PreviousPrisonNumbers", "SocialSecurityNumber")
	if p.Confidential != "" {
		w.Element("PolicyId", strconv.Itoa(x.policies.of(p.Confidential)))
	}
	x.put(b, "Archived", "SCN")
	w.End()
}

// elsewhere reports words that another element of the document holds.
func (x *encoder) elsewhere(q record.Qualifier) bool {
	if l, ok := labels["MiscellaneousData"].byName[q.Name]; ok && nativeValue(l.form, fact{words: q.Value}) != "" {
		return true
	}
	if l, ok := labels["CurrentStatus"].byName[q.Name]; ok && nativeValue(l.form, fact{words: q.Value}) != "" {
		return true
	}
	return q.Name == patientType
}

func (x *encoder) custom(fields []record.Qualifier) {
	if len(fields) == 0 {
		return
	}
	x.w.Start("CustomRegistrationFields")
	for _, q := range fields {
		x.w.Start("CustomRegistrationEntry")
		x.w.Element("FieldName", q.Name)
		x.w.Element("FieldValue", q.Value)
		x.w.End()
	}
	x.w.End()
}

// addressesOf tells the patient's address, and beside a temporary one the home
// address, from the others.
func addressesOf(all []record.Address) (current, home record.Address, others []record.Address) {
	rest := append([]record.Address(nil), all...)
	take := func(use string) record.Address {
		for i, a := range rest {
			if strings.EqualFold(a.Use, use) {
				rest = append(rest[:i], rest[i+1:]...)
				return a
			}
		}
		return record.Address{}
	}
	if current = take("temporary"); !current.IsZero() {
		home = take("home")
		return current, home, rest
	}
	if current = take("home"); current.IsZero() && len(rest) > 0 {
		current, rest = rest[0], rest[1:]
	}
	return current, record.Address{}, rest
}

func addressWords(a record.Address) string {
	return sentence(a.House, strings.TrimSpace(a.Number+" "+a.Street), a.Village, a.Town, a.County, a.Postcode)
}

func (x *encoder) address(element string, a record.Address) {
	if a.IsZero() {
		return
	}
	x.w.Start(element)
	if isGUID(a.ID) {
		x.w.Element("GUID", a.ID)
	}
	x.w.Optional("HouseNameFlat", a.House)
	x.w.Optional("Street", strings.TrimSpace(a.Number+" "+a.Street))
	x.w.Optional("Village", a.Village)
	x.w.Optional("Town", a.Town)
	x.w.Optional("County", a.County)
	x.w.Optional("PostCode", a.Postcode)
	x.w.End()
}

// contacts gives the four the document has an element for; a second of a kind
// and any other kind are custom fields.
func (x *encoder) contacts(all []record.Contact, add func(name, value string)) map[string]string {
	slots := map[string]string{"home": "", "work": "", "mobile": "", "email": ""}
	for _, c := range all {
		use := strings.ToLower(c.Use)
		if have, ok := slots[use]; ok && have == "" {
			slots[use] = c.Value
		} else {
			add("Contact ("+c.Use+")", c.Value)
		}
	}
	return slots
}

// miscellaneous writes the message EMIS shows on its prescribing screen: what
// the source itself warned of about medication.
func (x *encoder) miscellaneous() {
	var lines []string
	for _, w := range x.rec.Warnings {
		if w.Code == record.WarnSender && w.Section == record.Medication {
			lines = append(lines, w.Words())
		}
	}
	week := x.registered("MiscellaneousData")
	if len(lines) == 0 && len(week.fields) == 0 {
		return
	}
	x.w.Start("MiscellaneousData")
	x.w.Optional("MedicationMessage", strings.Join(lines, "\n"))
	x.put(week, "AutomaticWeekNumber")
	x.w.End()
}

// registered sorts the registration words into the fields of another element.
func (x *encoder) registered(typ string) *bag {
	b := &bag{}
	set := labels[typ]
	for _, q := range x.rec.Patient.Registration {
		if l, ok := set.byName[q.Name]; ok && !b.has(l.element) {
			if v := nativeValue(l.form, fact{words: q.Value}); v != "" {
				b.fields = append(b.fields, record.Text{Label: l.element, Value: v})
			}
		}
	}
	return b
}

func (x *encoder) registrationStatus() {
	p := x.rec.Patient
	b := x.registered("CurrentStatus")
	kind := ""
	for _, q := range p.Registration {
		if q.Name == patientType && kind == "" {
			kind = q.Value
		}
	}
	current := p.Status != "" || kind != "" || len(b.fields) > 0
	if !current && p.RegisteredOn.IsZero() {
		return
	}
	x.w.Start("RegistrationStatus")
	if current {
		x.w.Start("CurrentStatus")
		if p.Status != "" {
			x.w.Start("Code")
			x.w.Element("Term", p.Status)
			x.w.End()
		}
		x.put(b, "StatusDate")
		if kind != "" {
			x.w.Start("PatientType")
			x.w.Optional("Value", writeWords("patient-type", kind))
			x.w.Element("Term", kind)
			x.w.End()
		}
		x.put(b, "PracticeRegistered", "HARegistered")
		x.w.End()
	}
	if !p.RegisteredOn.IsZero() {
		x.w.Start("RegistrationHistoryList")
		x.w.Start("RegistrationHistory")
		x.w.Element("DateRegistered", p.RegisteredOn.DMY())
		x.w.End()
		x.w.End()
	}
	x.w.End()
}

// directories writes the people and places referred to, and no others.
func (x *encoder) directories() {
	for _, p := range x.people.list {
		if p.Place != nil {
			x.locations.of(p.Place)
		}
	}
	for _, o := range x.locations.list {
		if o.Type != "" {
			x.kinds.of(o.Type)
		}
	}
	if len(x.people.list) > 0 {
		x.w.Start("PeopleList")
		for i, p := range x.people.list {
			x.member(i+1, p)
		}
		x.w.End()
	}
	if len(x.locations.list) > 0 {
		x.w.Start("LocationList")
		for i, o := range x.locations.list {
			x.place(i+1, o)
		}
		x.w.End()
	}
	if len(x.kinds.list) > 0 {
		x.w.Start("LocationTypeList")
		for i, words := range x.kinds.list {
			x.w.Start("LocationType")
			x.w.Element("RefID", strconv.Itoa(i+1))
			x.w.Element("GUID", x.guid("type of place "+words))
			x.w.Element("Description", words)
			x.w.End()
		}
		x.w.End()
	}
}

func (x *encoder) member(n int, p *record.Person) {
	ids := map[string]string{}
	for _, id := range p.Identifiers {
		if ids[id.Type] == "" {
			ids[id.Type] = id.Value
		}
	}
	surname := p.Surname
	if surname == "" && p.Forenames == "" {
		surname = p.Display
	}
	x.w.Start("Person")
	x.w.Element("RefID", strconv.Itoa(n))
	if p.ID != "" {
		x.w.Element("GUID", x.guid(p.ID))
	}
	x.w.Optional("Mnemonic", p.UserName)
	x.w.Optional("Title", p.Title)
	x.w.Optional("FirstNames", p.Forenames)
	x.w.Optional("LastName", surname)
	if p.Role != "" {
		x.w.Start("Category")
		x.w.Element("Description", p.Role)
		x.w.End()
	}
	x.w.Optional("NationalCode", ids[nationalCode])
	x.w.Optional("PrescriptionCode", ids[prescriptionCode])
	if integer(ids[gmcCode]) {
		x.w.Element("GmcCode", ids[gmcCode])
	}
	x.w.Optional("UKCCCode", ids[ukccCode])
	if p.Place != nil {
		x.w.Start("Role")
		x.location("Location", p.Place)
		x.w.End()
	}
	x.w.End()
}

func (x *encoder) place(n int, o *record.Organisation) {
	contacts := map[string]string{}
	for _, c := range o.Contacts {
		if contacts[c.Use] == "" {
			contacts[c.Use] = c.Value
		}
	}
	x.w.Start("Location")
	x.w.Element("RefID", strconv.Itoa(n))
	if o.ID != "" {
		x.w.Element("GUID", x.guid(o.ID))
	}
	x.w.Optional("LocationName", o.Name)
	x.w.Optional("NationalCode", o.ODS)
	if o.Type != "" {
		x.ref("LocationTypeID", x.kinds.of(o.Type))
	}
	x.address("Address", o.Address)
	x.w.Optional("Telephone1", contacts["telephone"])
	x.w.Optional("Telephone2", contacts["telephone 2"])
	x.w.Optional("Fax", contacts["fax"])
	x.w.Optional("Email", contacts["email"])
	x.w.End()
}

// originating finds or makes the location of the organisation that holds the
// record.
func (x *encoder) originating() *record.Organisation {
	s := x.rec.Source
	if s.Organisation == "" && s.ODS == "" {
		return nil
	}
	for _, o := range x.locations.list {
		if o.Name == s.Organisation && o.ODS == s.ODS {
			return o
		}
	}
	o := &record.Organisation{Name: s.Organisation, ODS: s.ODS}
	x.locations.of(o)
	return o
}

func (x *encoder) originator(from *record.Organisation) {
	x.w.Start("Originator")
	if s := x.rec.Source.System; s != "" {
		x.w.Start("System")
		x.w.Element("Name", s)
		x.w.End()
	}
	x.location("Organisation", from)
	x.w.End()
}

func (x *encoder) policyList() {
	if len(x.policies.list) == 0 {
		return
	}
	x.w.Start("PolicyList")
	for i, term := range x.policies.list {
		x.w.Start("PolicyType")
		x.w.Element("RefId", strconv.Itoa(i+1))
		x.w.Element("Term", term)
		x.w.End()
	}
	x.w.End()
}
