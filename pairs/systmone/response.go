package systmone

import (
	"context"
	"strconv"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecodeResponse = "systmone: decode response"

// The sections a Response answers for when it has the part they stand in (S
// §1.4). Issues and family history stand in it only under marks that real
// messages may lack, and referrals, requests and alerts in no published form:
// where none came, their absence means nothing, so they are never supplied.
var (
	clinicalSections = record.SectionsOf(record.Problems, record.Medication, record.Allergies, record.Consultations,
		record.Observations, record.Investigations, record.Immunisations, record.Diary, record.Documents)
	anySections = record.SectionsOf(record.Unrecognised)
)

// decoder turns one ClientIntegrationResponse into a record.
type decoder struct {
	r    *xmlio.Reader
	rec  *record.Record
	slab []record.Entry

	messageID, function string
	responses           int
	identified, failing bool
	failure             record.Failure
	permanent           string

	people   map[author]*record.Person
	places   map[string]*record.Organisation
	ids      map[string]*record.Entry
	problems map[string]*record.Entry
	links    []link
	repeats  []repeat
	coded    []*record.Entry // the ClinicalCodes of the current Event
	badTime  string          // the note on the current Event's time
	err      error
}

// link is a LinkedProblemUID to be resolved when every problem is known.
type link struct {
	from *record.Entry
	uid  string
}

// repeat is a single-valued element that stood twice in an entry.
type repeat struct {
	entry    *record.Entry
	at, name string
}

// author is how an Event names who did it.
type author struct{ user, doneBy string }

// DecodeResponse reads the answer to GetPatientRecord. An ErrorMessage is a
// Failure, classified by PermanentError alone, for its prose may change (S
// §1.2): true is ReasonRefused, false is ReasonBusy with Retry, the closest to
// "ask again" there is.
func (c *codec) DecodeResponse(ctx context.Context, msg []byte) (record.Response, error) {
	r, err := xmlio.Open(ctx, msg, xmlio.Options{Limits: c.limits, Count: c.counts})
	if err != nil {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, err)
	}
	if r.Name() != (xmlio.Name{Local: responseRoot}) {
		return record.Response{}, fault(record.ReasonBadAnswer, opDecodeResponse, r, "the root is not "+responseRoot)
	}
	d := &decoder{
		r: r, rec: record.New(record.Source{System: "SystmOne"}),
		people: map[author]*record.Person{}, places: map[string]*record.Organisation{},
		ids: map[string]*record.Entry{}, problems: map[string]*record.Entry{},
	}
	d.envelope()
	if err := r.Close(); err != nil {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, err)
	}
	if d.failing && d.err == nil {
		return d.refusal()
	}
	d.check()
	if d.err != nil {
		return record.Response{}, d.err
	}
	d.resolve()
	d.rec.Supply(anySections)
	d.rec.Reconcile(c.paths, r.Counts())
	answer := record.Answered(d.rec)
	answer.MessageID = d.messageID
	return answer, nil
}

func (d *decoder) fail(reason record.Reason, why string) {
	if d.err == nil {
		d.err = fault(reason, opDecodeResponse, d.r, why)
	}
}

// check judges the envelope once all of it is read.
func (d *decoder) check() {
	switch {
	case d.responses == 0:
		d.fail(record.ReasonBadAnswer, "no Response")
	case d.function != "" && d.function != function:
		d.fail(record.ReasonBadAnswer, "the answer to another function")
	case !d.identified:
		d.fail(record.ReasonNoPatient, "no Identity")
	}
}

func (d *decoder) refusal() (record.Response, error) {
	if d.identified || len(d.rec.Entries) > 0 {
		return record.Response{}, fault(record.ReasonBadAnswer, opDecodeResponse, d.r, "an error beside a record")
	}
	d.failure.Reason = record.ReasonRefused
	if d.permanent == "false" {
		d.failure.Reason, d.failure.Retry = record.ReasonBusy, true
	}
	answer := record.Refused(d.failure)
	answer.MessageID = d.messageID
	return answer, nil
}

// value reads a single-valued element outside the entries, where a second one
// leaves open which is meant.
func (d *decoder) value() string {
	if d.r.Repeated() {
		d.fail(record.ReasonBadAnswer, "repeated element")
	}
	return trim(d.r.Text())
}

func (d *decoder) envelope() {
	for name := range d.r.Children("") {
		switch name {
		case "RequestUID":
			d.messageID = d.value()
		case "Function":
			d.function = d.value()
		case "DeviceID", "FunctionVersion", "ResponseUID":
			d.value()
		case "Response":
			if d.responses++; d.responses > 1 {
				d.fail(record.ReasonBadAnswer, "repeated element")
			}
			d.response()
		default:
			d.unknown()
		}
	}
}

func (d *decoder) response() {
	for name := range d.r.Children("") {
		switch name {
		case "Identity":
			if d.r.Repeated() {
				d.fail(record.ReasonBadAnswer, "repeated element")
			}
			d.identified = true
			d.identity()
		case "Demographics":
			d.demographics()
		case "Clinical":
			d.rec.Supply(clinicalSections)
			if d.r.Repeated() {
				for _, s := range record.Sections() {
					if clinicalSections.Has(s) {
						d.rec.Fail(s, d.at(), "repeated Clinical")
					}
				}
			}
			d.clinical()
		case "NonClinical":
			d.rec.Supply(record.SectionsOf(record.Administration))
			if d.r.Repeated() {
				d.rec.Fail(record.Administration, d.at(), "repeated NonClinical")
			}
			d.nonClinical()
		case "RecordState":
			d.value() // whether the far side's window is open: nothing about the patient
		case "ErrorMessage":
			d.failing = true
			d.failure.Native = d.value()
		case "PermanentError":
			d.failing = true
			d.permanent = d.value()
		default:
			d.unknown()
		}
	}
}

func (d *decoder) clinical() {
	for name := range d.r.Children("") {
		if name == "Event" {
			d.event()
		} else {
			d.unknown()
		}
	}
}

func (d *decoder) nonClinical() {
	for name := range d.r.Children("") {
		switch name {
		case "Task":
			d.task()
		case "Appointment":
			d.words(record.KindAdministration, pathAppointment)
		case "Visit":
			d.words(record.KindAdministration, pathVisit)
		default:
			d.unknown()
		}
	}
}

// at names the current element and its place.
func (d *decoder) at() string {
	p := d.r.Position()
	b := make([]byte, 0, 32)
	b = strconv.AppendInt(b, int64(p.Line), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(p.Column), 10)
	b = append(b, ' ')
	return string(append(b, d.r.Name().Local...))
}

// entry adds an entry for the current element. path is its EntryPath, -1 for
// one the reader does not count.
func (d *decoder) entry(kind record.Kind, path int) *record.Entry {
	if len(d.slab) == 0 {
		d.slab = make([]record.Entry, 32)
	}
	e := &d.slab[0]
	d.slab = d.slab[1:]
	e.Kind, e.Counted, e.At = kind, path+1, d.at()
	return d.rec.Add(e)
}

// unknown keeps an element in a place for entries that no codec knows.
func (d *decoder) unknown() *record.Entry { return d.words(record.KindUnrecognised, -1) }

// words keeps an element whose content is not published as its own words, led
// by its name, which is often the most of what they say.
func (d *decoder) words(kind record.Kind, path int) *record.Entry {
	e := d.entry(kind, path)
	e.Text = d.named()
	return e
}

// named is the current element with all it holds, in words.
func (d *decoder) named() string {
	name, words := d.r.Name().Local, d.r.WordsAndAttributes()
	switch {
	case name == "#text":
		return words
	case words == "":
		return name
	}
	return name + ": " + words
}

// unrecognised keeps the current element as text of the entry it stands in.
func (d *decoder) unrecognised(e *record.Entry) {
	e.Texts = append(e.Texts, record.Text{Label: "Unrecognised", Value: d.named()})
}

// attributes keeps every attribute of an element that should have none.
func (d *decoder) attributes(e *record.Entry) {
	for name, value := range d.r.Attrs() {
		e.Texts = append(e.Texts, record.Text{Label: "Unrecognised", Value: name.Local + ": " + value})
	}
}

// leaf keeps whatever stands in an element that should be empty.
func (d *decoder) leaf(e *record.Entry) {
	for range d.r.Children("") {
		d.unrecognised(e)
	}
}

// repeated reports a second single-valued element; the first value counts, the
// second is kept in words, and the section fails.
func (d *decoder) repeated(e *record.Entry) bool {
	if !d.r.Repeated() {
		return false
	}
	d.repeats = append(d.repeats, repeat{e, d.at(), d.r.Name().Local})
	d.unrecognised(e)
	return true
}

// text reads a single-valued element as it is written.
func (d *decoder) text(e *record.Entry, to *string) {
	if d.repeated(e) {
		return
	}
	d.attributes(e)
	s := d.r.Text()
	if d.r.Mixed() {
		d.unrecognised(e)
		return
	}
	*to = s
}

// token is text without the white space around it.
func (d *decoder) token(e *record.Entry, to *string) {
	d.text(e, to)
	*to = trim(*to)
}

// date reads a single-valued date; one that does not exist stays in words
// under its label.
func (d *decoder) date(e *record.Entry, label string, to *record.Date) {
	var s string
	d.token(e, &s)
	d.parseDate(e, label, s, to)
}

func (d *decoder) parseDate(e *record.Entry, label, s string, to *record.Date) bool {
	date, err := record.ParseISO(s)
	if err != nil {
		e.Notes = append(e.Notes, label+" as recorded: "+s+" (not a date)")
		return false
	}
	if s != "" {
		*to = date
	}
	return true
}

// flag reads an element that says yes by being there, unless it says no. Any
// other word is taken for yes, and shown.
func (d *decoder) flag(e *record.Entry, label string, to *bool) {
	var s string
	d.token(e, &s)
	switch s {
	case "", "true", "1":
		*to = true
	case "false", "0":
	default:
		*to = true
		e.Notes = append(e.Notes, label+" as recorded: "+s)
	}
}

// resolve ties the links to their problems and fails the sections with
// repeated elements, now that every entry has its kind.
func (d *decoder) resolve() {
	for _, l := range d.links {
		if p := d.problems[l.uid]; p != nil {
			l.from.Problems = append(l.from.Problems, record.ProblemLink{Problem: p, Link: problemLinked})
			continue
		}
		l.from.Notes = append(l.from.Notes, "Linked problem: not in this message")
	}
	for _, r := range d.repeats {
		d.rec.Fail(r.entry.Kind.Section(), r.at, "repeated "+r.name)
	}
}

// identify gives an entry its source's identifier unless another has it.
func (d *decoder) identify(e *record.Entry, id string) {
	if id == "" {
		return
	}
	if d.ids[id] != nil {
		e.Notes = append(e.Notes, "Identifier as recorded: "+id+" (used twice)")
		return
	}
	d.ids[id] = e
	e.ID = id
}
