package ehrextract

import (
	"errors"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecode = "ehrextract: decode"

// Decode reads the message the reader stands on. Entry.Counted is base + 1 + the
// index of its path in Entries. It neither closes the reader nor reconciles: the
// caller does both, in that order, for only then is the document known to be
// whole.
//
// An error is a *record.Error: the root is another element, there is no patient,
// or there are two. What is wrong with one statement stays with that statement.
func Decode(r *xmlio.Reader, base int) (*record.Record, error) {
	if r.Name() != (xmlio.Name{Space: Namespace, Local: Root}) {
		return nil, fault(r, record.ReasonBadAnswer, "not an "+Root)
	}
	d := &decoder{r: r, base: base, rec: record.New(record.Source{}), byID: map[string]*record.Entry{}, supplies: map[string]*record.Entry{}, parts: map[string]*record.Entry{},
		staff: map[string]*record.Person{}, recorded: map[*record.Entry]bool{}}
	d.message()
	if err := r.Err(); err != nil {
		return nil, record.Fault(record.ReasonBadAnswer, opDecode, err)
	}
	if d.err != nil {
		return nil, d.err
	}
	if d.patients == 0 {
		return nil, fault(r, record.ReasonNoPatient, "no patient")
	}
	d.resolve()
	d.states()
	return d.rec, nil
}

func fault(r *xmlio.Reader, reason record.Reason, what string) error {
	return &record.Error{Reason: reason, Op: opDecode, Position: r.Position().String() + " " + r.Name().Local, Err: errors.New(what)}
}

// decoder is one extract being read.
type decoder struct {
	r    *xmlio.Reader
	rec  *record.Record
	base int
	err  error

	patients int
	byID     map[string]*record.Entry  // statements by identifier
	supplies map[string]*record.Entry  // courses by the identifier of what was authorised
	parts    map[string]*record.Entry  // drugs by the identifier of any part of their statement
	staff    map[string]*record.Person // agents by identifier, made when first mentioned
	later    []func()                  // what points at statements further on
	recorded map[*record.Entry]bool    // entries that say themselves when they were recorded, or that it is not known

	// Of the composition being read.
	consultation *record.Entry
	headings     []heading
	allergy      *record.AllergyClass // inside a category of allergies
	parent       *record.Entry        // inside a battery or cluster
	concealed    string               // the mark of the compound statement just read
}

// heading is a topic or category that is open.
type heading struct {
	code  mapping.Code
	words string
}

// message reads down to the folders. What is on the way says nothing of the
// patient but who it is.
func (d *decoder) message() {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "ControlActEvent", "subject", "EhrExtract", "component":
			d.message()
		case "creationTime":
			d.rec.Source.AsOf, _ = hl7Time(d.r.Attr("value"))
		case "recordTarget":
			d.patient()
		case "ehrFolder":
			d.folder()
		case "id", "versionCode", "interactionId", "processingCode", "processingModeCode", "acceptAckCode", "communicationFunctionRcv",
			"communicationFunctionSnd", "author1", "reason", "statusCode", "availabilityTime", "author", "destination", "inFulfillmentOf", "limitation":
		default:
			d.unrecognised(nil)
		}
	}
}

// patient reads the patient's identifier: there is one patient, and a number of
// another register is not the NHS number.
func (d *decoder) patient() {
	for name := range d.r.Children(Namespace) {
		if name != "patient" {
			continue
		}
		if d.patients++; d.patients > 1 && d.err == nil {
			d.err = fault(d.r, record.ReasonBadAnswer, "a second patient")
		}
		for name := range d.r.Children(Namespace) {
			if name != "id" {
				continue
			}
			value := strings.TrimSpace(d.r.Attr("extension"))
			number, err := record.ParseNHSNumber(value)
			switch {
			case d.r.Attr("root") == oidNHSNumber && err == nil && d.rec.Patient.NHS.IsZero():
				d.rec.Patient.NHS = number
			case d.r.Attr("root") == oidNHSNumber && err == nil && number != d.rec.Patient.NHS:
				d.err = fault(d.r, record.ReasonBadAnswer, "two numbers of a patient")
			case value != "":
				d.rec.Patient.OtherIDs = append(d.rec.Patient.OtherIDs, record.Identifier{Type: "GP2GP patient", Value: value})
			}
		}
	}
}

func (d *decoder) folder() {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "responsibleParty":
			d.directory()
		case "component":
			for part := range d.r.Children(Namespace) {
				switch part {
				case "ehrComposition":
					d.composition()
				case "ehrFolder":
					d.folder()
				default:
					d.unrecognised(nil)
				}
			}
		case "author":
			d.author()
		case "id", "statusCode", "effectiveTime", "availabilityTime":
		default:
			d.unrecognised(nil)
		}
	}
}

// author reads the organisation whose record it is.
func (d *decoder) author() {
	for name := range d.r.Children(Namespace) {
		if name == "id" && d.r.Attr("root") == oidODS {
			d.rec.Source.ODS = d.r.Attr("extension")
			if d.rec.Patient.Practice == nil {
				d.rec.Patient.Practice = &record.Organisation{ODS: d.r.Attr("extension")}
			}
		}
		d.author()
	}
}

// directory reads everybody the statements name.
func (d *decoder) directory() {
	for name := range d.r.Children(Namespace) {
		if name == "Agent" {
			d.agent()
			continue
		}
		d.directory()
	}
}

func (d *decoder) agent() {
	var p record.Person
	id := ""
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			if root, extension := d.r.Attr("root"), d.r.Attr("extension"); extension == "" && id == "" {
				id = strings.ToUpper(root)
			} else if root == "2.16.840.1.113883.2.1.4.2" {
				p.Identifiers = append(p.Identifiers, record.Identifier{Type: "GMP", Value: extension})
			}
		case "code":
			p.Role = d.r.Attr("displayName")
			for part := range d.r.Children(Namespace) {
				if part == "originalText" {
					p.Role = strings.TrimSpace(d.r.Text())
				}
			}
		case "agentPerson":
			for part := range d.r.Children(Namespace) {
				if part == "name" {
					d.name(&p)
				}
			}
		case "agentOrganization", "representedOrganization":
			o := d.organisation()
			if name == "agentOrganization" {
				p.Display = o.Title()
			} else {
				p.Place = o
			}
		}
	}
	p.ID = id
	if id != "" {
		*d.person(id) = p
	}
}

func (d *decoder) name(p *record.Person) {
	p.Display = strings.TrimSpace(d.r.Text())
	var parts []string
	for part := range d.r.Children(Namespace) {
		words := strings.TrimSpace(d.r.Text())
		switch part {
		case "prefix":
			p.Title = words
		case "given":
			p.Forenames = strings.TrimSpace(p.Forenames + " " + words)
		case "family":
			p.Surname = words
		default:
			continue
		}
		parts = append(parts, words)
	}
	if p.Display == "" && len(parts) > 0 {
		p.Display = strings.Join(parts, " ")
	}
}

func (d *decoder) organisation() *record.Organisation {
	o := &record.Organisation{}
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			if d.r.Attr("root") == oidODS {
				o.ODS = d.r.Attr("extension")
			}
		case "name":
			o.Name = strings.TrimSpace(d.r.Text())
		}
	}
	return o
}

// person is an agent by identifier, known already or described further on.
func (d *decoder) person(id string) *record.Person {
	id = strings.ToUpper(strings.TrimSpace(id))
	if d.staff[id] == nil {
		d.staff[id] = &record.Person{ID: id}
	}
	return d.staff[id]
}

// agentRef reads whom a reference names, nil for nobody.
func (d *decoder) agentRef() *record.Person {
	var who *record.Person
	for name := range d.r.Children(Namespace) {
		switch name {
		case "agentRef":
			if p := d.agentRef(); p != nil {
				who = p
			}
		case "id":
			if id := d.r.Attr("root"); id != "" {
				who = d.person(id)
			}
		}
	}
	return who
}

// entry begins an entry that the element the reader stands on is.
func (d *decoder) entry(kind record.Kind, path int) *record.Entry {
	e := &record.Entry{Kind: kind, Counted: d.base + path + 1, At: d.r.Position().String() + " " + d.r.Name().Local, Parent: d.parent}
	d.rec.Add(e)
	d.attributes(e, moods[path])
	return e
}

// moods are the moods in which each statement is what it is called, by its path.
// One of a drug is a course or an issue by what is in it.
var moods = [...]string{pathComposition: "EVN", pathObservation: "EVN", pathNarrative: "EVN", pathMedication: "", pathPlan: "INT",
	pathRequest: "RQO", pathRegistration: "EVN", pathLinkSet: "EVN", pathBattery: "EVN", pathCluster: "EVN"}

// attributes reads those of a statement: two can turn it round, and one nobody
// knows stays as words. A statement in another mood is a goal, an order or a
// plan, and none of them has happened.
func (d *decoder) attributes(e *record.Entry, mood string) {
	for name, value := range d.r.Attrs() {
		switch {
		case name.Space == "" && (name.Local == "classCode" || name.Local == "typeID" || name.Local == "realmCode"), value == "":
		case name.Space == "" && name.Local == "moodCode":
			if mood != "" && value != mood {
				e.Qualifiers = append(e.Qualifiers, record.Qualifier{Name: "Mood", Value: value, Meaning: record.Doubts})
			}
		case name.Space == "" && name.Local == "negationInd":
			if value != "false" {
				e.Qualifiers = append(e.Qualifiers, record.Qualifier{Name: "Negated", Value: value, Meaning: record.Negates})
			}
		case name.Space == "" && name.Local == "type" || name.Space == typeSpace:
		default:
			e.Texts = append(e.Texts, record.Text{Label: unrecognised, Value: name.Local + ": " + value})
		}
	}
}

// again reports an element of which a statement has one and that stands there a
// second time: the first is kept, and the section of the statement has failed,
// for nobody can say which of the two is true (DESIGN.md).
func (d *decoder) again(e *record.Entry, name string) bool {
	if !single[name] || !d.r.Repeated() {
		return false
	}
	d.later = append(d.later, func() { d.rec.Fail(e.Kind.Section(), e.At, "repeated "+name) })
	return true
}

// single are the elements that a statement, or a part of one, has once.
var single = map[string]bool{"code": true, "text": true, "value": true, "effectiveTime": true, "availabilityTime": true, "statusCode": true,
	"priorityCode": true, "uncertaintyCode": true, "interpretationCode": true, "subject": true, "confidentialityCode": true, "repeatNumber": true,
	"quantity": true, "conditionNamed": true, "author": true, "location": true, "center": true, "low": true, "high": true}

// identified files a statement under its identifier.
func (d *decoder) identified(e *record.Entry) {
	id := strings.ToUpper(strings.TrimSpace(d.r.Attr("root")))
	if id == "" || e.ID != "" {
		return
	}
	if d.byID[id] == nil {
		d.byID[id], e.ID = e, id
	}
}

// unrecognised is the label of words in an element or attribute nobody knows.
const unrecognised = "Unrecognised"

// unrecognised keeps the words of what nobody knows: on the entry it stands in,
// or as one.
func (d *decoder) unrecognised(e *record.Entry) {
	words := d.r.WordsAndAttributes()
	if e == nil {
		d.rec.Add(&record.Entry{Kind: record.KindUnrecognised, At: d.r.Position().String() + " " + d.r.Name().Local, Text: words})
		return
	}
	e.Texts = append(e.Texts, record.Text{Label: unrecognised, Value: words})
}

// resolve links what points at statements further on.
func (d *decoder) resolve() {
	for _, f := range d.later {
		f()
	}
	d.rec.Entries = append([]*record.Entry{{Kind: record.KindDemographics, At: Root}}, d.rec.Entries...)
}

// states says what the absence of entries in each section means. The format has
// one kind of statement for findings, immunisations and what is said of
// relatives, and one for referrals and for what was asked for: which of the two
// is told by words alone.
func (d *decoder) states() {
	d.rec.Supply(record.AllSections)
	for _, s := range []record.Section{record.Immunisations, record.FamilyHistory, record.Requests} {
		d.rec.Declare(s, record.Partial)
	}
	for _, s := range []record.Section{record.Documents, record.Alerts} {
		d.rec.Declare(s, record.NotSupported)
	}
}
