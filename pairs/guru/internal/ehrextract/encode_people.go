package ehrextract

import (
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// agent is the identifier in the directory of a member of staff, who is
// entered there when first asked for; "" for nobody.
func (x *encoder) agent(p *record.Person) string {
	if p == nil {
		return ""
	}
	id, known := x.agents[p]
	if !known {
		id = x.agentID(p)
		x.agents[p] = id
		x.agentOrder = append(x.agentOrder, p)
	}
	return id
}

func (x *encoder) agentID(p *record.Person) string {
	if id, ok := guid(p.ID); ok && !x.used[id] {
		x.used[id] = true
		return id
	}
	return x.derive("agent", p.ID+"|"+strconv.Itoa(len(x.agentOrder)))
}

// agentRef points at a member of staff; the element must be there, so that it
// says itself that nobody is known.
func (x *encoder) agentRef(p *record.Person) {
	w := x.w
	w.Start("agentRef", "classCode", "AGNT")
	if id := x.agent(p); id != "" {
		w.Empty("id", "root", id)
	} else {
		w.Empty("id", "nullFlavor", unknown)
	}
	w.End()
}

// directory writes everybody the compositions point at.
func (x *encoder) directory(w *xmlio.Writer) {
	w.Start("responsibleParty", "typeCode", "RESP")
	w.Start("agentDirectory", "classCode", "AGNT")
	for _, p := range x.agentOrder {
		w.Start("part", "typeCode", "PART")
		w.Start("Agent", "classCode", "AGNT")
		w.Empty("id", "root", x.agents[p])
		if root, value := professional(p); value != "" {
			w.Empty("id", "root", root, "extension", value)
		}
		if p.Role != "" {
			w.Start("code", "nullFlavor", unknown)
			w.Element("originalText", p.Role)
			w.End()
		}
		w.Start("agentPerson", "classCode", "PSN", "determinerCode", "INSTANCE")
		personName(w, p)
		w.End()
		if p.Place != nil {
			represented(w, p.Place)
		}
		closing(w, 2)
	}
	closing(w, 2)
}

// personName writes a name in its parts, or as the source shows it where it
// has no parts.
func personName(w *xmlio.Writer, p *record.Person) {
	w.Start("name", "use", "L")
	if p.Surname == "" {
		w.Text(p.Name())
	} else {
		w.Optional("prefix", p.Title)
		w.Optional("given", p.Forenames)
		w.Element("family", p.Surname)
	}
	w.End()
}

// represented writes the organisation a member of staff works for.
func represented(w *xmlio.Writer, o *record.Organisation) {
	w.Start("representedOrganization", "classCode", "ORG", "determinerCode", "INSTANCE")
	if o.ODS != "" {
		w.Empty("id", "root", oidODS, "extension", o.ODS)
	}
	w.Optional("name", o.Name)
	w.End()
}

// location writes where a composition was made.
func (x *encoder) location(o *record.Organisation) {
	if o == nil || o.Name+o.ODS == "" {
		return
	}
	w := x.w
	w.Start("location", "typeCode", "LOC")
	w.Start("locatedEntity", "classCode", "LOCE")
	w.Start("locatedPlace", "classCode", "PLC", "determinerCode", "INSTANCE")
	w.Element("name", placeName(o))
	closing(w, 3)
}

// placeName is a place in one text: its name, and its ODS code behind it where
// the name does not say it.
func placeName(o *record.Organisation) string {
	title := o.Title()
	if o.ODS != "" && !strings.Contains(title, o.ODS) {
		title += " (" + o.ODS + ")"
	}
	return title
}

// professional is the number of a member of staff in a national register.
func professional(p *record.Person) (root, value string) {
	for _, i := range p.Identifiers {
		if i.Type == "GMP" {
			return "2.16.840.1.113883.2.1.4.2", i.Value
		}
	}
	return "", ""
}
