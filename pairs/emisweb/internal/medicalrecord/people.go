package medicalrecord

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// ident is IdentType: three ways to name one thing (E §2). References go by
// RefID, or by GUID; DBID is EMIS's own.
type ident struct{ dbid, ref, guid, status string }

func (id ident) stated() bool { return id.dbid != "" || id.ref != "" || id.guid != "" }

// name is the id of an entry: its GUID, else EMIS's number, which is unique
// only among elements of its name.
func (id ident) name(at string) string {
	element, _, _ := strings.Cut(at, " ")
	switch {
	case id.guid != "":
		return id.guid
	case id.dbid != "":
		return element + "/DBID/" + id.dbid
	case id.ref != "":
		return element + "/RefID/" + id.ref
	}
	return ""
}

// read takes in one child of an element that extends IdentType and reports
// whether it was one of IdentType's. OldGUID says nothing about the patient.
func (id *ident) read(d *decoder, name string) bool {
	switch name {
	case "DBID":
		id.dbid = d.value()
	case "RefID", "RefId":
		id.ref = d.value()
	case "GUID":
		id.guid = d.value()
	case "FileStatus":
		id.status = d.value()
	case "OldGUID":
	default:
		return false
	}
	return true
}

// reference reads the current element as a plain IdentType.
func (d *decoder) reference(e *record.Entry) ident {
	var id ident
	for name := range d.fields(e) {
		if !id.read(d, name) {
			d.unknown(e)
		}
	}
	return id
}

// directory finds things by ident.
type directory[T any] struct {
	byGUID, byRef, byDBID map[string]found[T]
}

type found[T any] struct {
	value T
	guid  string
	twice bool
}

func (c *directory[T]) add(id ident, v T) {
	if c.byGUID == nil {
		c.byGUID, c.byRef, c.byDBID = map[string]found[T]{}, map[string]found[T]{}, map[string]found[T]{}
	}
	put := func(m map[string]found[T], key string) {
		if key == "" {
			return
		}
		f, had := m[key]
		if !had {
			f = found[T]{value: v, guid: id.guid}
		}
		f.twice = had
		m[key] = f
	}
	put(c.byGUID, id.guid)
	put(c.byRef, id.ref)
	put(c.byDBID, id.dbid)
}

// find resolves a reference. What two things answer to is not found, and
// neither is a number whose holder has another GUID than the reference.
func (c *directory[T]) find(id ident) (T, bool) {
	var none T
	for _, try := range []struct {
		m   map[string]found[T]
		key string
	}{{c.byGUID, id.guid}, {c.byRef, id.ref}, {c.byDBID, id.dbid}} {
		if try.key == "" {
			continue
		}
		f, ok := try.m[try.key]
		if !ok {
			continue
		}
		if f.twice || id.guid != "" && f.guid != "" && id.guid != f.guid {
			return none, false
		}
		return f.value, true
	}
	return none, false
}

// person resolves the reference the Reader stands on into *to. A person the
// message does not name is not known, and the entry says so.
func (d *decoder) person(e *record.Entry, role string, to **record.Person) {
	id := d.reference(e)
	if !id.stated() {
		return
	}
	d.late = append(d.late, func() {
		if p, ok := d.people.find(id); ok {
			*to = p
		} else if e != nil {
			e.Notes = append(e.Notes, role+": reference "+id.words()+" is not in the message.")
		} else {
			d.register(role, "reference "+id.words()+" is not in the message")
		}
	})
}

func (id ident) words() string {
	switch {
	case id.ref != "":
		return id.ref
	case id.guid != "":
		return id.guid
	}
	return id.dbid
}

// named resolves a reference to a person or a location into words, in the
// place among the texts where it stands.
func (d *decoder) named(e *record.Entry, label string, in where) {
	id := d.reference(e)
	if !id.stated() {
		return
	}
	d.add(e, label, "reference "+id.words())
	if e == nil {
		i := len(d.rec.Patient.Registration) - 1
		d.late = append(d.late, func() {
			if words := d.nameOf(id, in); words != "" {
				d.rec.Patient.Registration[i].Value = words
			}
		})
		return
	}
	i := len(e.Texts) - 1
	d.late = append(d.late, func() {
		if words := d.nameOf(id, in); words != "" && i < len(e.Texts) {
			e.Texts[i].Value = words
		}
	})
}

// where says which directory a reference points into. Numbers are unique only
// within one, so that looking into the wrong one finds somebody else.
type where uint8

const (
	inPeople where = 1 << iota
	inLocations
)

// nameOf gives the name a reference stands for, "" when there is none or both
// directories have one.
func (d *decoder) nameOf(id ident, in where) string {
	var names []string
	if p, ok := d.people.find(id); ok && in&inPeople != 0 && p.Name() != unknownName {
		names = append(names, p.Name())
	}
	if o, ok := d.locations.find(id); ok && in&inLocations != 0 && o.Title() != unknownName {
		names = append(names, o.Title())
	}
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// unknownName is what record calls somebody without a name.
const unknownName = "not known"

// organisation resolves the reference the Reader stands on.
func (d *decoder) organisation(e *record.Entry, role string, to **record.Organisation) {
	id := d.reference(e)
	if !id.stated() {
		return
	}
	d.late = append(d.late, func() {
		if o, ok := d.locations.find(id); ok {
			*to = o
		} else if e != nil {
			e.Notes = append(e.Notes, role+": reference "+id.words()+" is not in the message.")
		}
	})
}

// author reads AuthorType: who typed it in, and when.
func (d *decoder) author(e *record.Entry) {
	for name := range d.fields(e) {
		switch name {
		case "User":
			d.person(e, "Entered by", &e.EnteredBy)
		case "SystemDate":
			e.Recorded = d.stamp(e, "Recorded", d.value())
		default:
			d.unknown(e)
		}
	}
}

// confidential reads a reference to a policy. The mark is the policy's term,
// or its number where the message does not hold it: only the agreement knows
// what either means, and an unknown mark withholds.
func (d *decoder) confidential(to *string) {
	number := d.value()
	if number == "" {
		return
	}
	*to = "policy " + number
	d.late = append(d.late, func() {
		term, ok := d.policies.find(ident{ref: number})
		if !ok {
			term, ok = d.policies.find(ident{dbid: number})
		}
		if ok && term != "" {
			*to = term
		}
	})
}

// member reads one Person of the directory. What it says about staff contracts,
// permissions and addresses is not about the patient (README, Omissions).
func (d *decoder) member() {
	var id ident
	p := &record.Person{}
	identifier := func(kind string) {
		if v := d.value(); v != "" {
			p.Identifiers = append(p.Identifiers, record.Identifier{Type: kind, Value: v})
		}
	}
	for name := range d.fields(nil) {
		if id.read(d, name) {
			continue
		}
		switch name {
		case "Mnemonic":
			p.UserName = d.value()
		case "Title":
			p.Title = d.value()
		case "FirstNames":
			p.Forenames = d.value()
		case "LastName":
			p.Surname = d.value()
		case "Category":
			p.Role = d.category()
		case "NationalCode":
			identifier(nationalCode)
		case "PrescriptionCode":
			identifier(prescriptionCode)
		case "GmcCode":
			identifier(gmcCode)
		case "UKCCCode":
			identifier(ukccCode)
		case "Role":
			d.role(p)
		default:
			if !omittedOfPerson(name) {
				d.unknown(nil)
			}
		}
	}
	p.ID = id.name("Person")
	d.people.add(id, p)
}

// The names of the professional numbers a Person has.
const (
	nationalCode     = "National code"
	prescriptionCode = "Prescription code"
	gmcCode          = "GMC"
	ukccCode         = "UKCC"
)

func omittedOfPerson(name string) bool {
	_, ok := labels["Person"].byElement[name]
	return ok
}

func (d *decoder) category() string {
	var id ident
	var mnemonic, description string
	for name := range d.fields(nil) {
		switch {
		case id.read(d, name):
		case name == "Mnemonic":
			mnemonic = d.value()
		case name == "Description":
			description = d.value()
		default:
			d.unknown(nil)
		}
	}
	if description == "" {
		return mnemonic
	}
	return description
}

func (d *decoder) role(p *record.Person) {
	for name := range d.fields(nil) {
		if name != "Location" {
			continue
		}
		id := d.reference(nil)
		d.late = append(d.late, func() {
			o, ok := d.locations.find(id)
			if !ok && id.stated() {
				o = &record.Organisation{ID: id.name("Location")}
			}
			p.Place = o
		})
	}
}

// location reads one Location of the directory.
func (d *decoder) location() {
	var id ident
	o := &record.Organisation{}
	contact := func(use string) {
		if v := d.value(); v != "" {
			o.Contacts = append(o.Contacts, record.Contact{Use: use, Value: v})
		}
	}
	for name := range d.fields(nil) {
		if id.read(d, name) {
			continue
		}
		switch name {
		case "LocationName":
			o.Name = d.value()
		case "NationalCode":
			o.ODS = d.value()
		case "LocationTypeID":
			kind := d.reference(nil)
			d.late = append(d.late, func() {
				words, ok := d.kinds.find(kind)
				if !ok && kind.stated() {
					words = "type " + kind.words()
				}
				o.Type = words
			})
		case "Address":
			o.Address = d.address(nil)
		case "Telephone1":
			contact("telephone")
		case "Telephone2":
			contact("telephone 2")
		case "Fax":
			contact("fax")
		case "Email":
			contact("email")
		default:
			if _, omitted := labels["Location"].byElement[name]; !omitted {
				d.unknown(nil)
			}
		}
	}
	o.ID = id.name("Location")
	d.locations.add(id, o)
}

func (d *decoder) locationType() {
	var id ident
	var words string
	for name := range d.fields(nil) {
		switch {
		case id.read(d, name):
		case name == "Description":
			words = d.value()
		default:
			d.unknown(nil)
		}
	}
	d.kinds.add(id, words)
}

func (d *decoder) policy() {
	var id ident
	var term string
	for name := range d.fields(nil) {
		switch {
		case id.read(d, name), name == "UserList":
		case name == "Term":
			term = d.value()
		default:
			d.unknown(nil)
		}
	}
	d.policies.add(id, term)
}

func (d *decoder) address(e *record.Entry) record.Address {
	var id ident
	var a record.Address
	for name := range d.fields(e) {
		if id.read(d, name) {
			continue
		}
		switch name {
		case "HouseNameFlat":
			a.House = d.value()
		case "Street":
			a.Street = d.value()
		case "Village":
			a.Village = d.value()
		case "Town":
			a.Town = d.value()
		case "County":
			a.County = d.value()
		case "PostCode":
			a.Postcode = d.value()
		default:
			d.unknown(e)
		}
	}
	a.ID = id.guid
	return a
}
