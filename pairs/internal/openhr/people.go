package openhr

import (
	"cmp"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// person is the member of staff of a userInRole identifier; nil for none. It
// may be asked before the directories are read, and is filled when they are.
func (d *decoder) person(id string) *record.Person {
	if id == "" {
		return nil
	}
	p := d.staff[id]
	if p == nil {
		p = &record.Person{ID: id}
		d.staff[id] = p
		if d.complete {
			d.fill(p)
		}
	}
	return p
}

// place is the organisation or location of an identifier; nil for none.
func (d *decoder) place(id string) *record.Organisation {
	if id == "" {
		return nil
	}
	p := d.places[id]
	if p == nil {
		p = &place{Organisation: &record.Organisation{ID: id}}
		d.places[id] = p
	}
	return p.Organisation
}

// mark is the confidentiality mark of a policy: its name, which the agreement
// judges. EMIS's own policy "Unrestricted" is no mark (E §6). A policy that
// the document does not describe is a mark nobody knows, and withholds.
func (d *decoder) mark(policy string) string {
	if policy == "" {
		return ""
	}
	name, described := d.policies[policy]
	switch {
	case !described:
		return "confidentiality policy not described"
	case strings.EqualFold(name, unrestricted):
		return ""
	}
	return cmp.Or(name, "confidentiality policy without a name")
}

const unrestricted = "Unrestricted"

// joinStaff fills every member of staff that was pointed at so far.
func (d *decoder) joinStaff() {
	d.complete = true
	for _, p := range d.staff {
		d.fill(p)
	}
}

// fill follows userInRole to user to person, and to role (E §1.2). All three
// usually share an identifier, so where a pointer leads nowhere the same
// identifier is tried.
func (d *decoder) fill(p *record.Person) {
	in := d.userRoles[p.ID]
	if in == nil {
		in = &userRole{}
	}
	u := d.users[cmp.Or(in.user, p.ID)]
	if u == nil {
		u = &user{}
	}
	if about := d.people[cmp.Or(u.person, in.user, p.ID)]; about != nil {
		p.Title, p.Forenames, p.Surname = about.title, about.forenames, about.surname
	}
	p.UserName = cmp.Or(u.login, u.mnemonic)
	p.Identifiers = append(p.Identifiers, in.identifiers...)
	if u.mnemonic != "" && u.mnemonic != p.UserName {
		p.Identifiers = append(p.Identifiers, record.Identifier{Type: mnemonic, Value: u.mnemonic})
	}
	p.Role, p.Place = d.roleOf(in.role)
}

const mnemonic = "Mnemonic"

// roleOf names a role. One identifier often stands for several (E §1.2): then
// all names are given, and no organisation.
func (d *decoder) roleOf(id string) (string, *record.Organisation) {
	var names []string
	organisations := map[string]bool{}
	for _, r := range d.roles[id] {
		organisations[r.organisation] = true
		known := r.name == ""
		for _, n := range names {
			known = known || n == r.name
		}
		if !known {
			names = append(names, r.name)
		}
	}
	label := strings.Join(names, " / ")
	if len(organisations) != 1 {
		return label, nil
	}
	return label, d.place(d.roles[id][0].organisation)
}

// joinPlaces gives organisations the address of their main location, and
// places their parents. A parent may be missing (E §1.2).
func (d *decoder) joinPlaces() {
	for _, p := range d.places {
		if main := d.places[p.main]; main != nil && main != p && p.Address.IsZero() {
			p.Address, p.Contacts = main.Address, main.Contacts
		}
		if up := d.places[p.parent]; up != nil && up != p && up.found && !leadsTo(up.Organisation, p.Organisation) {
			p.Parent = up.Organisation
		}
	}
}

// leadsTo reports that b stands above a, so that no chain of parents ends in
// itself.
func leadsTo(a, b *record.Organisation) bool {
	for ; a != nil; a = a.Parent {
		if a == b {
			return true
		}
	}
	return false
}
