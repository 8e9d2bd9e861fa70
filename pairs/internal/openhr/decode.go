package openhr

import (
	"errors"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecode = "openhr: decode"

// unrecognised labels content nobody knows, kept as words.
const unrecognised = "Unrecognised"

// Decode reads the openHealthRecord the reader stands on. Entry.Counted is
// base + 1 + the index of its path in Entries. It neither closes the reader
// nor reconciles: the caller does both, in that order, for only then is the
// document known to be whole.
//
// An error is a *record.Error: the root is another element, or there is no
// patient, or more than one. What is wrong with one entry stays with that
// entry.
func Decode(r *xmlio.Reader, base int) (*record.Record, error) {
	if r.Name() != (xmlio.Name{Space: Namespace, Local: Root}) {
		return nil, fault(r, record.ReasonBadAnswer, "not an openHealthRecord")
	}
	d := &decoder{
		r: r, base: base, rec: record.New(record.Source{System: vocSystem.words("EMISWEB")}),
		people: map[string]*person{}, users: map[string]*user{}, roles: map[string][]role{}, userRoles: map[string]*userRole{},
		staff: map[string]*record.Person{}, places: map[string]*place{}, policies: map[string]string{}, mixtures: map[string]*mixture{},
		byID: map[string]*item{}, kinds: eventKinds(), admin: item{Entry: &record.Entry{}},
	}
	d.document()
	if err := r.Err(); err != nil {
		return nil, record.Fault(record.ReasonBadAnswer, opDecode, err)
	}
	switch {
	case d.patients == 0:
		return nil, fault(r, record.ReasonNoPatient, "no patient")
	case d.patients > 1:
		return nil, fault(r, record.ReasonBadAnswer, "more than one patient")
	}
	d.resolve()
	return d.rec, nil
}

func fault(r *xmlio.Reader, reason record.Reason, what string) error {
	return &record.Error{Reason: reason, Op: opDecode, Position: r.Position().String() + " " + r.Name().Local, Err: errors.New(what)}
}

// decoder is one document being read. Everything the document points at by
// identifier is made at first mention and filled when it is met, so that the
// order of the document does not matter.
type decoder struct {
	r    *xmlio.Reader
	rec  *record.Record
	base int

	people    map[string]*person
	users     map[string]*user
	roles     map[string][]role // one id may name several (E §1.2)
	userRoles map[string]*userRole
	staff     map[string]*record.Person // by userInRole
	places    map[string]*place         // organisations and locations
	policies  map[string]string
	mixtures  map[string]*mixture

	patients     int
	created      record.Date // when the message was made
	unfiled      bool        // it holds entries nobody has reviewed
	complete     bool        // the directories are read
	patientID    string
	links        patientLinks
	admin        item // what is unrecognised in the administrative part
	author       string
	nationalCode string

	kinds [eventTypes]eventType
	items []*item
	byID  map[string]*item
	later []func() // what can be said only when all is read, in source order
}

// item is an entry being read, with what must wait for its end.
type item struct {
	*record.Entry
	patient  string
	policy   string
	deleted  bool
	hidden   bool
	coded    bool     // it has a code, if only in words
	repeated []string // positions of repeated single-valued elements

	// Identifiers of what the entry points at.
	authorID, enteredID string
	placeID             string
	children            []string // entries that are part of this one
	parentID            string
	courseID            string
	linkedID            string
	orderID             string
	mixtureID           string
	documentID          string
	activities          []string
	documentEvents      []string
	components          []string // by consultation item
	links               []problemLink
	parents             []problemParent
	defines             string // the event that defines this problem
	produced            record.Date
}

// document reads the root.
func (d *decoder) document() {
	health := false
	for name := range d.r.Children(Namespace) {
		if d.r.Repeated() {
			d.rec.Fail(record.Demographics, d.at(), "repeated "+d.r.Name().Local)
			continue
		}
		switch name {
		case "author":
			d.messageAuthor()
		case "contentSpecification":
			d.contentSpecification()
		case "adminDomain":
			d.adminDomain()
		case "healthDomain":
			health = true
			d.healthDomain()
		case "creationTime":
			d.created = d.admin.date("Time of the message", d.leaf(&d.admin))
			d.rec.Source.AsOf = d.created
		case "id", "requestMessage": // of the message, not of the record
		default:
			d.stray()
		}
	}
	d.rec.Supply(record.SectionsOf(record.Demographics, record.Unrecognised))
	if health {
		d.rec.Supply(record.AllSections)
	}
}

// healthDomain reads the entries.
func (d *decoder) healthDomain() {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "encounter":
			d.encounter()
		case "event":
			d.event()
		case "problem":
			d.problem()
		case "document":
			d.documentEntry()
		case "task":
			d.task()
		case "prescription":
			d.prescription()
		default:
			d.stray()
		}
	}
}

// stray keeps an element nobody knows as an entry of its own.
func (d *decoder) stray() {
	e := d.rec.Add(&record.Entry{Kind: record.KindUnrecognised, At: d.at()})
	local := d.r.Name().Local
	e.Text = d.r.WordsAndAttributes()
	if local != "#text" {
		e.Text = strings.TrimSuffix(local+": "+e.Text, ": ")
	}
}

// begin starts an entry of a path. The entry's place in the record is fixed
// here, so entries stand in source order.
func (d *decoder) begin(kind record.Kind, path int, attributes ...string) *item {
	it := &item{Entry: d.rec.Add(&record.Entry{Kind: kind, Counted: d.base + path + 1, At: d.at()})}
	it.updateMode(d, attributes)
	d.items = append(d.items, it)
	return it
}

// finish settles what is known once the entry is read to its end.
func (d *decoder) finish(it *item) {
	for _, at := range it.repeated {
		d.rec.Fail(it.Kind.Section(), at, "repeated "+at[strings.IndexByte(at, ' ')+1:])
	}
	if it.ID == "" {
		return
	}
	if _, twice := d.byID[it.ID]; twice {
		it.Notes = append(it.Notes, "Another entry of the source has the same identifier.")
		it.ID = ""
		return
	}
	d.byID[it.ID] = it
}

// at names the current element and where it begins.
func (d *decoder) at() string { return d.r.Position().String() + " " + d.r.Name().Local }

// updateMode reads the attributes every database object has. A deleted object
// is no part of the record (E §1.1); who deleted it and when is not carried.
// known are the other attributes of the entry, which its own function reads.
func (it *item) updateMode(d *decoder, known []string) {
	for name, value := range d.r.Attrs() {
		switch name.Local {
		case "updateMode":
			it.deleted = value == "delete"
		case "auditDeleteDate", "auditDeleteUserInRole", "auditDeleteInfo":
		default:
			if !slices.Contains(known, name.Local) {
				it.attribute(name, value)
			}
		}
	}
}

// xsi is the namespace of attributes about the schema, which say nothing.
const xsi = "http://www.w3.org/2001/XMLSchema-instance"

// attribute keeps an attribute nobody knows.
func (it *item) attribute(name xmlio.Name, value string) {
	if name.Space != xsi {
		it.fact(unrecognised, name.Local+": "+value)
	}
}

// deletedPart reports that the current element is marked deleted: a link, an
// address, a reminder that no longer stands.
func (d *decoder) deletedPart() bool { return d.r.Attr("updateMode") == "delete" }

// first reports that the current element is the first of its name, or one that
// may stand more than once; a second of those that may not fails the section,
// and the first value is kept.
func (d *decoder) first(it *item) bool {
	if !d.r.Repeated() || !strings.Contains(single, " "+d.r.Name().Local+" ") || d.r.Name().Space != Namespace {
		return true
	}
	it.repeated = append(it.repeated, d.at())
	return false
}

// single are the elements of entries that may stand once (fields-openhr).
const single = " id patient eventType effectiveTime availabilityTimeStamp authorisingUserInRole enteredByUserInRole code displayTerm" +
	" confidentialityPolicy hidden template annotations observation diary referral medication medicationIssue report orderHeader alert" +
	" allergy value abnormal complexObservation episodicity referenceDocument numeric text operator units ucumUnits range speciality" +
	" targetUserInRole targetOrganisation requestType reason community urgency NHS transport referralRef direction sourceOrganisation" +
	" datedReferral rejectedReason referralMode UBRN reviewDate expiryDate localMixture dosage quantity quantityUnit" +
	" quantityRepresentation durationOfIssue prescriptionType pharmacyText patientText drugStatus private minNextIssueDays" +
	" maxNextIssueDays firstIssueDate mostRecentIssueDate numberOfIssues averageCompliance mostRecentIssueMethod" +
	" prescribedAsContraceptive cancellation dmdUnitOfMeasure compliance estimatedNHSCost pharmacyStamp issueMethod pharmacyMessage" +
	" patientMessage cancelled repeatDispensingInterval repeatDispensingIssueCount batchNumber consultationType location locationType" +
	" duration travelTime appointmentEvent sectionData clinicalPurpose externalConsulter status significance expectedDuration endTime" +
	" owner name description uploadUserInRole producedTime deleted folder locator data annotationDefinition taskType" +
	" creatingUserInRole priority createdDate actionByDate completionDate subject type urgent rejectionCode shortFormIdentifier" +
	" nominationOrganisation stampDoctorUserInRole timeStamp sdsRoleId sdsRoleCode sdsUserId contactPhoneNumber title forenames" +
	" surname contractualRelationship postDated dateOfDeath issueDate receivedDate dataType reportLabId requestLabId" +
	" requestDateTimeLab serviceOrganisation serviceLocation servicePerson messageId messageInterchange patientIdentifier" +
	" durationTerm isComplete triggerBookSlot triggerAriveSwap showConsultation expires targetDrug Urgent inoculationRisk fasted" +
	" clinicalDetails sampleWorkflowTaskId sampledByUserInRole requestMode onlineTrackerGUID "

// leaf reads an element of text alone; whatever else is in it is kept as
// unrecognised.
func (d *decoder) leaf(it *item) string {
	s := d.r.Text()
	if d.r.Mixed() {
		it.fact(unrecognised, d.r.Name().Local+": "+d.r.Words())
	}
	for name, value := range d.r.Attrs() {
		it.attribute(name, value)
	}
	return s
}

// token is leaf without white space around it: identifiers, numbers, values of
// lists.
func (d *decoder) token(it *item) string { return strings.TrimSpace(d.leaf(it)) }

// unknown keeps the current element as words.
func (d *decoder) unknown(it *item) {
	local, words := d.r.Name().Local, d.r.WordsAndAttributes()
	switch {
	case local == "#text":
		it.fact(unrecognised, words)
	case words == "":
		it.fact(unrecognised, local)
	default:
		it.fact(unrecognised, local+": "+words)
	}
}

// empty keeps whatever stands in an element that should have attributes only.
func (d *decoder) empty(it *item) {
	for range d.r.Children(Namespace) {
		d.unknown(it)
	}
}

// fact adds a labelled text.
func (it *item) fact(label, value string) {
	if strings.TrimSpace(value) != "" {
		it.Texts = append(it.Texts, record.Text{Label: label, Value: value})
	}
}

// note adds a line of the bridge's own.
func (it *item) note(line string) { it.Notes = append(it.Notes, line) }

// person adds a labelled text that names a member of staff.
func (d *decoder) personFact(it *item, label, id string) {
	d.laterFact(it, label, id, func() string { return d.person(id).Name() })
}

// placeFact adds a labelled text that names an organisation or location.
func (d *decoder) placeFact(it *item, label, id string) {
	d.laterFact(it, label, id, func() string { return d.place(id).Title() })
}

// laterFact keeps the place of a text whose words are known only at the end.
func (d *decoder) laterFact(it *item, label, id string, words func() string) {
	if id == "" {
		return
	}
	it.Texts = append(it.Texts, record.Text{Label: label})
	i := len(it.Texts) - 1
	d.later = append(d.later, func() { it.Texts[i].Value = words() })
}

// enumerated reads a value of a list into a slot; one that is not in the list
// leaves the slot empty and a line for the reader.
func (it *item) enumerated(slot *mapping.Code, scheme mapping.Scheme, list vocabulary, label, value string) {
	if value == "" {
		return
	}
	words, known := list.word(value)
	if !known {
		it.note(label + " as recorded: " + value)
		return
	}
	*slot = mapping.Code{Scheme: scheme, Value: value, Term: words}
}

// listed reads a value of a list as words.
func (it *item) listed(list vocabulary, label, value string) string {
	words, known := list.word(value)
	if !known && value != "" {
		it.note(label + " as recorded: " + value)
	}
	return words
}

// date reads a date or a time. A fraction of a second is left out: no clinical
// statement rests on it and a Date does not hold it.
func (it *item) date(label, value string) record.Date {
	d, err := parseDate(value)
	if err != nil {
		it.note(label + " as recorded: " + value + " (not a date)")
	}
	return d
}

// moment reads a dateTime. The format has no other way to write a day there
// than midnight, and real records do: midnight is read as the day.
func (it *item) moment(label, value string) record.Date {
	d := it.date(label, value)
	if strings.Trim(d.Clock(), "0:") == "" {
		return d.Truncate(record.PrecisionDay)
	}
	return d
}

func parseDate(value string) (record.Date, error) {
	value = strings.TrimSpace(value)
	if dot := strings.IndexByte(value, '.'); dot > 0 {
		rest := strings.TrimLeft(value[dot+1:], "1234567890")
		value = value[:dot] + rest
	}
	return record.ParseISO(value)
}

// datePart reads a dt.DatePart: the value is cut to the stated precision,
// because real records write a time of day beside the precision "day" (E §1.4).
func (d *decoder) datePart(it *item, label string) record.Date {
	part, value := d.r.Attr("datepart"), d.r.Attr("value")
	d.attrs(it, "datepart", "value")
	d.empty(it)
	full := it.date(label, value)
	switch part {
	case "U":
		return record.Date{}
	case "Y":
		return full.Truncate(record.PrecisionYear)
	case "YM":
		return full.Truncate(record.PrecisionMonth)
	case "YMD":
		return full.Truncate(record.PrecisionDay)
	case "YMDT":
		return full
	}
	// Without a precision the time of day may be padding; the day is stated.
	it.note(label + " precision as recorded: " + part)
	return full.Truncate(record.PrecisionDay)
}

// attrs keeps the attributes that are not among the known ones.
func (d *decoder) attrs(it *item, known ...string) {
	for name, value := range d.r.Attrs() {
		if name.Space != "" || !slices.Contains(known, name.Local) {
			it.attribute(name, value)
		}
	}
}

// duration reads a dt.Duration as words; none is "".
func (d *decoder) duration(it *item) string {
	unit, value := d.r.Attr("unit"), strings.TrimSpace(d.r.Attr("value"))
	d.attrs(it, "unit", "value")
	d.empty(it)
	if value == "" || value == "0" {
		return ""
	}
	return value + " " + vocTime.words(unit)
}

// code reads the dt.Code the reader stands on.
func (d *decoder) code(it *item) coded {
	c := readCode(d.r.Attr("codeSystem"), d.r.Attr("code"), d.r.Attr("displayName"))
	d.attrs(it, "codeSystem", "code", "displayName")
	return c
}

// words reads a dt.Code for its words; its code, if any, follows in brackets.
func (d *decoder) codeWords(it *item) string {
	c := d.code(it)
	d.empty(it)
	if c.code == "" {
		return c.display
	}
	return strings.TrimSpace(c.display + " (" + c.raw() + ")")
}
