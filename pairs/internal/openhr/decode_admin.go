package openhr

import (
	"github.com/linkspan/linkspan/record"
)

// The administrative part is read into these and joined at the end (E §1.2).
type (
	// person is a person element: the patient or a member of staff.
	person struct {
		forenames, surname, title               string
		known, birthSurname, previous           string
		birth                                   record.Date
		sex                                     string
		addresses                               []record.Address
		contacts                                []record.Contact
		maritalStatus, ethnic, religion, nation string
		ambiguous                               []string // where a second value stands of what has one
	}
	user struct {
		person, mnemonic, login string
	}
	role struct {
		name, organisation string
	}
	userRole struct {
		user, role  string
		identifiers []record.Identifier
	}
	// place is an organisation or a location.
	place struct {
		*record.Organisation
		main, parent string
		found        bool
	}
	mixture struct {
		name  string
		parts []record.Ingredient
	}
)

// messageAuthor reads who sent the document: Source says it to the reader.
func (d *decoder) messageAuthor() {
	it := &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "system":
			d.authorSystem()
		case "organisation":
			d.author = d.token(it)
		case "nationalCode", "SDSIdentifier":
			if code := d.token(it); d.nationalCode == "" || name == "nationalCode" && code != "" {
				d.nationalCode = code
			}
		case "displayName":
			d.rec.Source.Organisation = d.token(it)
		default:
			d.unknown(it)
		}
	}
}

func (d *decoder) authorSystem() {
	display, version := "", ""
	for name := range d.r.Children(Namespace) {
		switch name {
		case "systemType":
			d.rec.Source.System = vocSystem.words(d.token(&d.admin))
		case "displayName":
			display = d.token(&d.admin)
		case "version":
			version = d.token(&d.admin)
		default:
			d.unknown(&d.admin)
		}
	}
	if display != "" && display != d.rec.Source.System {
		d.rec.Source.System += ", " + display
	}
	if version != "" {
		d.rec.Source.System += " " + version
	}
}

// contentSpecification reads what the sender left out: anything but a whole
// record makes the clinical sections filtered, whatever stands in them.
func (d *decoder) contentSpecification() {
	filtered := false
	for name := range d.r.Children(Namespace) {
		switch name {
		case "specification":
			filtered = filtered || d.token(&d.admin) != specWhole
		case "effectiveTime":
			filtered = true
			d.period()
		case "dataSet":
			filtered = true
			d.rec.Warn(record.Warning{Code: record.WarnSender, Detail: "Only this data set was sent: " + d.token(&d.admin) + "."})
		default:
			d.unknown(&d.admin)
		}
	}
	if filtered {
		for _, s := range record.Sections() {
			if s != record.Demographics && s != record.Unrecognised {
				d.rec.Declare(s, record.Filtered)
			}
		}
	}
}

// The content specifications (E §1.1).
const (
	specWhole  = "37241000000102"
	specPeriod = "25881000000104"
)

// period reads a dt.TimeRange. A width is kept as words: a date is never
// computed here.
func (d *decoder) period() {
	for range d.r.Children(Namespace) {
		for name := range d.r.Children(Namespace) {
			switch name {
			case "low":
				d.rec.Source.Period.From = d.datePart(&d.admin, "Start of the period")
			case "high":
				d.rec.Source.Period.To = d.datePart(&d.admin, "End of the period")
			case "width":
				d.rec.Warn(record.Warning{Code: record.WarnSender, Detail: "The record was sent for a period of " + d.duration(&d.admin) + "."})
			default:
				d.unknown(&d.admin)
			}
		}
	}
}

// adminDomain reads the directories.
func (d *decoder) adminDomain() {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "person":
			d.personElement()
		case "patient":
			d.patient()
		case "organisation":
			d.organisation()
		case "location":
			d.location()
		case "user":
			d.user()
		case "role":
			d.role()
		case "userInRole":
			d.userInRole()
		case "localMixture":
			d.localMixture()
		case "confidentialityPolicy":
			d.policy()
		case "auditTrail": // deprecated; holds nothing but attributes
		default:
			d.stray()
		}
	}
}

func (d *decoder) personElement() {
	p, id, it := &person{}, "", &d.admin
	for name := range d.r.Children(Namespace) {
		if d.r.Repeated() && name != "" && name != "#text" && name != "address" && name != "contact" {
			p.ambiguous = append(p.ambiguous, d.at()) // the first value stands
			d.unknown(it)
			continue
		}
		switch name {
		case "id":
			id = d.token(it)
		case "birthDate":
			p.birth = it.date("Date of birth", d.leaf(it))
		case "sex":
			p.sex = d.token(it)
		case "forenames":
			p.forenames = d.token(it)
		case "callingName":
			p.known = d.token(it)
		case "surname":
			p.surname = d.token(it)
		case "birthSurname":
			p.birthSurname = d.token(it)
		case "previousSurname":
			p.previous = d.token(it)
		case "title":
			p.title = d.token(it)
		case "address":
			if a := d.address(it, "home"); !d.deletedPart() {
				p.addresses = append(p.addresses, a)
			}
		case "contact":
			if c := d.contact(it); !d.deletedPart() {
				p.contacts = append(p.contacts, c)
			}
		case "maritalStatus":
			p.maritalStatus = d.codeWords(it)
		case "ethnicGroup":
			p.ethnic = d.codeWords(it)
		case "religion":
			p.religion = d.codeWords(it)
		case "nationality":
			p.nation = d.codeWords(it)
		default:
			d.unknown(it)
		}
	}
	known, twice := d.people[id]
	switch {
	case !twice:
		d.people[id] = p
	case known.birth != p.birth || known.sex != p.sex || known.forenames != p.forenames || known.surname != p.surname:
		known.ambiguous = append(known.ambiguous, d.at())
	}
}

// address reads a dt.Address. Real records leave the type out (E §1.2); it is
// then the given one.
func (d *decoder) address(it *item, use string) record.Address {
	a := record.Address{Use: use}
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			a.ID = d.token(it)
		case "addressType":
			a.Use = vocAddress.words(d.token(it))
		case "postCode":
			a.Postcode = d.token(it)
		case "houseNameFlat":
			a.House = d.token(it)
		case "street":
			a.Street = d.token(it)
		case "village":
			a.Village = d.token(it)
		case "town":
			a.Town = d.token(it)
		case "county":
			a.County = d.token(it)
		case "addressKey", "postcodeData": // an index and statistics of the postcode
		default:
			d.unknown(it)
		}
	}
	return a
}

func (d *decoder) contact(it *item) record.Contact {
	var c record.Contact
	for name := range d.r.Children(Namespace) {
		switch name {
		case "contactType":
			c.Use = vocContact.words(d.token(it))
		case "value":
			c.Value = d.token(it)
		case "id":
		default:
			d.unknown(it)
		}
	}
	return c
}

func (d *decoder) user() {
	u, id, it := &user{}, "", &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			id = d.token(it)
		case "userPerson":
			u.person = d.token(it)
		case "mnemonic":
			u.mnemonic = d.token(it)
		case "loginName":
			u.login = d.token(it)
		case "active", "defaultUserInRole", "password": // of the account, not of the record
		default:
			d.unknown(it)
		}
	}
	if _, twice := d.users[id]; !twice {
		d.users[id] = u
	}
}

func (d *decoder) role() {
	ro, id, it := role{}, "", &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			id = d.token(it)
		case "name":
			ro.name = d.token(it)
		case "organisation":
			ro.organisation = d.token(it)
		case "userCategory", "confidentialityPolicy":
		default:
			d.unknown(it)
		}
	}
	if ro.name == notStated {
		ro.name = ""
	}
	for _, have := range d.roles[id] {
		if have == ro {
			return
		}
	}
	d.roles[id] = append(d.roles[id], ro)
}

func (d *decoder) userInRole() {
	u, id, it := &userRole{}, "", &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			id = d.token(it)
		case "user":
			u.user = d.token(it)
		case "role":
			u.role = d.token(it)
		case "userIdentifier":
			if i := d.identifier(it, vocUserID); !d.deletedPart() {
				u.identifiers = append(u.identifiers, i)
			}
		case "contractualRelationship", "contractStart", "contractEnd", "filingConfidentialityPolicy",
			"authoriseScripts", "consulter", "sessionHolder": // of the employment, not of the record
		default:
			d.unknown(it)
		}
	}
	if _, twice := d.userRoles[id]; !twice {
		d.userRoles[id] = u
	}
}

// identifier reads a number with its type.
func (d *decoder) identifier(it *item, types vocabulary) record.Identifier {
	var i record.Identifier
	for name := range d.r.Children(Namespace) {
		switch name {
		case "identifierType":
			i.Type = types.words(d.token(it))
		case "value":
			i.Value = d.token(it)
		default:
			d.unknown(it)
		}
	}
	return i
}

func (d *decoder) organisation() {
	o, it := &place{Organisation: &record.Organisation{}, found: true}, &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			o.ID = d.token(it)
		case "name":
			o.Name = d.token(it)
		case "organisationType":
			o.Type = d.codeWords(it)
		case "nationalPracticeCode":
			o.ODS = d.token(it)
		case "mainLocation":
			o.main = d.token(it)
		case "parentOrganisation":
			o.parent = d.token(it)
		case "speciality", "cdb", "locations", "caseload", "openDate", "closeDate": // of the directory
		default:
			d.unknown(it)
		}
	}
	d.addPlace(o)
}

func (d *decoder) location() {
	l, it := &place{Organisation: &record.Organisation{}, found: true}, &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			l.ID = d.token(it)
		case "name":
			l.Name = d.token(it)
		case "locationType":
			l.Type = d.codeWords(it)
		case "parentLocation":
			l.parent = d.token(it)
		case "address":
			l.Address = d.address(it, "")
		case "contact":
			if c := d.contact(it); !d.deletedPart() {
				l.Contacts = append(l.Contacts, c)
			}
		case "mainContactPerson", "notes", "openDate", "closeDate": // of the directory
		default:
			d.unknown(it)
		}
	}
	d.addPlace(l)
}

// addPlace fills the place that may have been pointed at already. In real
// records an organisation and its location may share an identifier; the first
// keeps its name and takes address and contacts of the second.
func (d *decoder) addPlace(p *place) {
	have := d.places[p.ID]
	switch {
	case have == nil:
		d.places[p.ID] = p
	case !have.found:
		*have.Organisation, have.main, have.parent, have.found = *p.Organisation, p.main, p.parent, true
	default:
		if p.ODS != "" && have.ODS == "" { // the organisation came second
			p.Address, p.Contacts = have.Address, have.Contacts
			*have.Organisation, have.main, have.parent = *p.Organisation, p.main, p.parent
		}
		if have.Address.IsZero() {
			have.Address, have.Contacts = p.Address, p.Contacts
		}
	}
}

func (d *decoder) policy() {
	id, label, it := "", "", &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			id = d.token(it)
		case "name":
			label = d.token(it)
		case "notificationType", "ownerUser", "showHiddenRecordIndicator", "organisation", "restrictToOrganisation", "userCategory":
		default:
			d.unknown(it)
		}
	}
	d.policies[id] = label
}

func (d *decoder) localMixture() {
	m, id, it := &mixture{}, "", &d.admin
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			id = d.token(it)
		case "name":
			m.name = d.token(it)
		case "constituent":
			if part := d.constituent(); !d.deletedPart() {
				m.parts = append(m.parts, part)
			}
		case "organisation", "deleted", "createdTime", "creatingUserInRole", "editedTime", "editedUserInRole":
		default:
			d.unknown(it)
		}
	}
	d.mixtures[id] = m
}

func (d *decoder) constituent() record.Ingredient {
	var part record.Ingredient
	for name := range d.r.Children(Namespace) {
		switch name {
		case "preparation":
			c := d.code(&d.admin)
			part.Text, part.Code = c.display, c.parsed
		case "strength":
			part.Strength = d.token(&d.admin)
		default:
			d.unknown(&d.admin)
		}
	}
	return part
}
