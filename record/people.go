package record

import "strings"

// Person is a member of staff. Entries point at one; two pointers are the same
// person only if they are equal.
type Person struct {
	ID          string // the source's identifier within the message
	UserName    string
	Title       string
	Forenames   string
	Surname     string
	Display     string // the whole name as the source shows it
	Role        string
	Identifiers []Identifier
	Place       *Organisation
}

// Name is what a reader sees: the source's own display, else the parts, else
// "not known" (safety §D.1 D-6).
func (p *Person) Name() string {
	switch {
	case p == nil:
		return "not known"
	case p.Display != "":
		return p.Display
	case p.Surname != "" && p.Forenames != "":
		return p.Surname + ", " + p.Forenames
	case p.Surname != "":
		return p.Surname
	case p.UserName != "":
		return p.UserName
	}
	return "not known"
}

// NameAndRole is the name with the role behind it, unless it says it already.
func (p *Person) NameAndRole() string {
	name := p.Name()
	if p != nil && p.Role != "" && !strings.Contains(name, p.Role) {
		name += " (" + p.Role + ")"
	}
	return name
}

// Identifier is a professional or organisational number with its issuer's
// name, e.g. GMC.
type Identifier struct{ Type, Value string }

// Organisation is a practice, service or place.
type Organisation struct {
	ID       string
	ODS      string
	Name     string
	Type     string
	Address  Address
	Contacts []Contact
	Parent   *Organisation
}

// Title is the name a reader sees.
func (o *Organisation) Title() string {
	switch {
	case o == nil:
		return "not known"
	case o.Name != "":
		return o.Name
	case o.ODS != "":
		return o.ODS
	}
	return "not known"
}

// Address is a postal address in the parts both systems keep.
type Address struct {
	ID       string
	Use      string // home, work, temporary, ...
	House    string // name or flat
	Number   string
	Street   string
	Village  string
	Town     string
	County   string
	Postcode string
}

// IsZero reports an address of which nothing is known.
func (a Address) IsZero() bool {
	a.ID, a.Use = "", ""
	return a == Address{}
}

// Contact is a telephone number or electronic address.
type Contact struct{ Use, Value string }

// Patient is the person the record is about, as its holder knows them.
type Patient struct {
	ID         string
	NHS        NHSNumber
	OtherIDs   []Identifier
	Title      string
	Forenames  string // first and middle names
	FirstName  string // the first alone, where the source tells them apart
	KnownAs    string
	Surname    string
	BirthName  string
	Previous   string
	BirthDate  Date
	DeathDate  Date
	Dead       bool // stated without a date
	Sex        SexCode
	Addresses  []Address
	Contacts   []Contact
	UsualGP    *Person
	Registered *Person
	Practice   *Organisation
	// Registration holds what the source says about registration and the
	// administrative fields only it has, in words.
	Registration []Qualifier
	// Status is the registration in the source's own words: current, left, ...
	Status       string
	RegisteredOn Date
	LeftOn       Date // when the registration ended, where the source says so
	Confidential string
	// Standing is what Status means for who may be shown.
	Standing Standing
	// Sensitive marks a patient whom no other organisation may find (the
	// national S flag), Superseded a number the source says is no longer this
	// patient's (see Former too), Dissent a patient who has said no to sharing.
	Sensitive, Superseded, Dissent bool
}

// Former reports that the source lists n among the numbers that are no longer
// this patient's: whoever asks by it is to move to the current one (safety
// §1.2, GPC-CORE05).
func (p *Patient) Former(n NHSNumber) bool {
	if p == nil || n.IsZero() {
		return false
	}
	for _, id := range p.OtherIDs {
		if old, err := ParseNHSNumber(id.Value); err == nil && old == n && strings.HasPrefix(id.Type, oldNHSNumber) {
			return true
		}
	}
	return false
}

// oldNHSNumber begins the type of an identifier that was the NHS number.
const oldNHSNumber = "Old NHS"
