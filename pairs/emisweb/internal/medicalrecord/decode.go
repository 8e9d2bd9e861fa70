package medicalrecord

import (
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecode = "medicalrecord: decode"

// MessagingError is what a MedicalRecord says when it carries no record but
// MessageInformation/MessagingError (E §2.1).
type MessagingError struct {
	Number string // Errornumber
	Words  string // ErrorString: for the asker, never for a log
}

// Error names the number only; the words may be about the patient.
func (m *MessagingError) Error() string {
	return "medicalrecord: the document holds a MessagingError " + m.Number
}

// Failure is the error as the asker is told of it.
func (m *MessagingError) Failure() record.Failure {
	return record.Failure{Reason: record.ReasonRefused, Native: m.Words, NativeCode: m.Number}
}

// decoder reads one document. Directories stand after what refers to them, so
// references are resolved when all is read.
type decoder struct {
	r    *xmlio.Reader
	rec  *record.Record
	base int

	people    directory[*record.Person]
	locations directory[*record.Organisation]
	kinds     directory[string] // location types
	policies  directory[string]
	problems  directory[*record.Entry]
	drugs     directory[*record.Entry]
	referrals directory[*record.Entry]

	late       []func() // what waits for the directories
	heads      []headed // problems with the items that define them
	doubled    []doubled
	used       map[string]bool
	registered bool
	refusal    *MessagingError
	standing   standing
}

type headed struct{ problem, item *record.Entry }

// doubled is a single-valued element that stands twice in an entry, whose
// section is known when all of the entry is read.
type doubled struct {
	entry    *record.Entry
	at, name string
}

// Decode reads the document the Reader stands on. base is added to
// Entry.Counted, for a caller whose own list of paths has others before
// Entries. It neither closes the Reader nor reconciles: the caller does both,
// in that order.
//
// A document that holds a MessagingError gives a *MessagingError, every other
// error is a *record.Error: ReasonBadAnswer for what cannot be read,
// ReasonNoPatient where no Registration says whose record it is.
func Decode(r *xmlio.Reader, base int) (*record.Record, error) {
	if r.Name() != (xmlio.Name{Space: Namespace, Local: Root}) {
		return nil, fault(r, record.ReasonBadAnswer, "the element is not a MedicalRecord")
	}
	d := &decoder{r: r, base: base, rec: record.New(record.Source{System: "EMIS Web"}), used: map[string]bool{}}
	d.rec.Patient.ID, _ = r.AttrOK("PatientID")
	d.root()
	if err := r.Err(); err != nil {
		return nil, record.Fault(record.ReasonBadAnswer, opDecode, err)
	}
	if d.refusal != nil {
		return nil, d.refusal
	}
	if !d.registered {
		return nil, fault(r, record.ReasonNoPatient, "no Registration")
	}
	for _, f := range d.late {
		f()
	}
	d.stand()
	for _, e := range d.rec.Entries {
		e.Texts = slices.DeleteFunc(e.Texts, func(t record.Text) bool { return t.Value == "" })
	}
	d.copyHeads()
	for _, twice := range d.doubled {
		d.rec.Fail(twice.entry.Kind.Section(), twice.at, "repeated "+twice.name)
	}
	d.rec.Supply(record.AllSections)
	return d.rec, nil
}

func fault(r *xmlio.Reader, reason record.Reason, what string) error {
	return &record.Error{Reason: reason, Op: opDecode, Position: r.Position().String() + " " + r.Name().Local, Err: errors.New(what)}
}

func (d *decoder) root() {
	for name := range d.fields(nil) {
		switch name {
		case "Registration":
			d.registered = true
			d.registration()
		case "RegistrationChangeHistory":
			d.each(nil, "RegistrationEntry", d.registrationChange)
		case "MiscellaneousData":
			d.miscellaneous()
		case "RegistrationStatus":
			d.registrationStatus()
		case "EventList":
			d.each(nil, "Event", func() { d.event(atEventList, nil) })
		case "ConsultationList":
			d.each(nil, "Consultation", func() { d.consultation() })
		case "InvestigationList":
			d.each(nil, "Investigation", func() { d.investigation(atInvestigation) })
		case "ReferralList":
			d.each(nil, "Referral", func() { d.referral(atReferral) })
		case "AllergyList":
			d.each(nil, "Allergy", func() { d.allergy(atAllergy) })
		case "MedicationList":
			d.each(nil, "Medication", func() { d.medication(atMedication) })
		case "IssueList":
			d.each(nil, "Issue", func() { d.medication(atIssue) })
		case "AttachmentList":
			d.each(nil, "Attachment", func() { d.attachment(atAttachment) })
		case "DiaryList":
			d.each(nil, "Diary", func() { d.diary(atDiary) })
		case "AlertList":
			d.each(nil, "Alert", func() { d.alert() })
		case "EDIPathologyReportList":
			d.each(nil, "PathologyReport", func() { d.report() })
		case "TestRequestHeaderList":
			d.each(nil, "TestRequestHeader", func() { d.requestHeader(atRequestHeader) })
		case "NoteList":
			d.each(nil, "Note", func() { d.note() })
		case "AppointmentList":
			d.each(nil, "Appointment", func() { d.appointment() })
		case "PeopleList":
			d.each(nil, "Person", func() { d.member() })
		case "LocationList":
			d.each(nil, "Location", func() { d.location() })
		case "LocationTypeList":
			d.each(nil, "LocationType", func() { d.locationType() })
		case "PolicyList":
			d.each(nil, "PolicyType", func() { d.policy() })
		case "Originator":
			d.originator()
		case "MessageInformation":
			d.messageInformation()
		case "RecipientID":
		default:
			d.unrecognised()
		}
	}
}

// fields yields the children of the current element, each once: foreign and
// stray content becomes words of e, a repeated element fails e's section and
// its first value stands. e is nil for what belongs to no entry.
func (d *decoder) fields(e *record.Entry) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range d.r.Children(Namespace) {
			switch {
			case name == "#text":
				if words := strings.TrimSpace(d.r.Text()); words != "" {
					d.add(e, unrecognised, words)
				}
			case name == "":
				d.unknown(e)
			case d.r.Repeated():
				d.repeated(e)
			case !yield(name):
				return
			}
		}
	}
}

// each reads the children of a list; anything but element is an entry nobody
// knows, or words of e.
func (d *decoder) each(e *record.Entry, element string, read func()) {
	for name := range d.r.Children(Namespace) {
		switch {
		case name == element:
			read()
		case name == "#text":
			d.add(e, unrecognised, strings.TrimSpace(d.r.Text()))
		case e != nil:
			d.unknown(e)
		default:
			d.unrecognised()
		}
	}
}

const unrecognised = "Unrecognised"

// add keeps labelled words on an entry. Words of no entry are an entry of
// their own.
func (d *decoder) add(e *record.Entry, label, words string) {
	switch {
	case strings.TrimSpace(words) == "":
	case e != nil:
		e.Texts = append(e.Texts, record.Text{Label: label, Value: words})
	case label == unrecognised:
		d.rec.Add(&record.Entry{Kind: record.KindUnrecognised, At: d.at(), Text: words})
	default:
		d.register(label, words)
	}
}

// unknown keeps the words of an element nobody knows.
func (d *decoder) unknown(e *record.Entry) {
	d.add(e, unrecognised, d.all())
}

// unrecognised makes an entry of an element nobody knows.
func (d *decoder) unrecognised() {
	d.rec.Add(&record.Entry{Kind: record.KindUnrecognised, At: d.at(), Text: d.all()})
}

// all is the current element in words, its name first.
func (d *decoder) all() string {
	if d.r.Name().Local == "" {
		return d.r.WordsAndAttributes()
	}
	words := d.r.Name().Local
	if content := d.r.WordsAndAttributes(); content != "" && content != words {
		words += ": " + content
	}
	return words
}

func (d *decoder) repeated(e *record.Entry) {
	if e != nil {
		d.doubled = append(d.doubled, doubled{entry: e, at: d.at(), name: d.r.Name().Local})
	} else {
		d.rec.Fail(record.Demographics, d.at(), "repeated "+d.r.Name().Local)
	}
	d.unknown(e)
}

func (d *decoder) at() string { return d.r.Name().Local + " " + d.r.Position().String() }

// text reads a simple value; where elements stand in it they are read as words.
func (d *decoder) text() string {
	s := d.r.Text()
	if d.r.Mixed() {
		return d.r.Words()
	}
	return s
}

func (d *decoder) value() string { return strings.TrimSpace(d.text()) }

// other reads a field that has no structure in record by labels.tsv.
func (d *decoder) other(e *record.Entry, typ, path string) {
	l, ok := labels[typ].byElement[path]
	switch {
	case !ok:
		d.unknown(e)
	case l.form == "omit":
	case l.form == "words":
		d.add(e, l.name, d.r.Words())
	case l.form == "group":
		for name := range d.children(e, l.name) {
			d.other(e, typ, path+"/"+name)
		}
	case l.form[0] == '=':
		d.add(e, l.name, spell(l.form[1:], d.value()))
	default:
		d.add(e, l.name, d.text())
	}
}

// children is fields, but for a list of records of one name every child.
func (d *decoder) children(e *record.Entry, name string) iter.Seq[string] {
	if e != nil && e.Kind == record.KindProblem {
		return d.r.Children(Namespace)
	}
	return d.fields(e)
}

// spell gives the words of an enumerated value, and an unknown one as it is.
func spell(slot, native string) string {
	if _, words, known := readSlot(slot, native); known {
		return words
	}
	return native
}

// begin starts an entry at a place.
func (d *decoder) begin(at place) *record.Entry {
	e := d.rec.Add(&record.Entry{Kind: kindAt[at], At: d.at(), Counted: d.base + firstPath[at] + 2})
	for name, value := range d.r.Attrs() {
		d.add(e, unrecognised, name.Local+": "+value)
	}
	return e
}

// finish settles an entry when its element is read: its id, and whether the
// item is deleted, with everything inside it.
func (d *decoder) finish(at place, e *record.Entry, id ident, start int) {
	e.ID = d.unique(id.name(e.At))
	if id.status != deleted {
		return
	}
	for _, inside := range d.rec.Entries[start:] {
		inside.Outcome = record.Duplicate
	}
	*e = record.Entry{ID: e.ID, Kind: record.KindAdministration, At: e.At, Counted: d.base + firstPath[at] + 1,
		Outcome: record.Duplicate, Notes: []string{"Deleted in the source."}}
}

func (d *decoder) unique(id string) string {
	for id != "" && d.used[id] {
		id += "#"
	}
	d.used[id] = true
	return id
}

// copyHeads gives each problem what its item says: a problem annotates its
// item, and stands for itself in lists and links.
func (d *decoder) copyHeads() {
	for _, h := range d.heads {
		p, item := h.problem, h.item
		p.Text, p.Code, p.Others, p.Malformed = item.Text, item.Code, item.Others, item.Malformed
		p.Date, p.Recorded, p.Author, p.EnteredBy = item.Date, item.Recorded, item.Author, item.EnteredBy
		p.Qualifiers, p.Episodicity, p.Confidential = item.Qualifiers, item.Episodicity, item.Confidential
		p.Problem.Defines = item
		if item.ID != "" {
			p.ID = d.unique(item.ID + "/problem")
		}
		if item.Outcome == record.Duplicate {
			p.Outcome = record.Duplicate
		}
	}
}
