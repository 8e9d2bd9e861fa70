package openhr

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/internal/derived"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opEncode = "openhr: encode"

// notStated stands where the schema wants words the source does not have.
const notStated = "not stated"

// schemaVersion is the version of the schema the document follows.
const schemaVersion = "2.1.10"

// dateTime is how an instant is written.
const dateTime = "2006-01-02T15:04:05Z07:00"

// Encode writes the record as one openHealthRecord element, without a
// declaration, in schema order. head are the lines a clinician reads first.
// The record has been fitted and settled. An error is a *record.Error of
// record.ReasonInternal: an entry without an outcome, or an enumerated value
// of another system.
func Encode(w *xmlio.Writer, rec *record.Record, head []string, id system.MessageID) error {
	x := newEncoder(w, rec, head, id)
	rec.Writing()
	if err := x.check(); err != nil {
		return err
	}
	x.plan()
	w.Start(Root, "xmlns", Namespace, "schemaVersion", schemaVersion)
	w.Element("id", x.uid("message", id.ID))
	w.Element("creationTime", id.At.Format(dateTime))
	before := len(w.Bytes())
	x.healthDomain()
	front := make([]byte, 0, 12<<10)
	for _, write := range []func(*xmlio.Writer){x.author, x.contentSpecification, x.adminDomain} {
		part := xmlio.NewWriter(front)
		write(part)
		if err := part.Err(); err != nil {
			return internal(err)
		}
		front = part.Bytes()
	}
	w.Insert(before, front)
	w.End()
	return nil
}

func internal(err error) error {
	return &record.Error{Reason: record.ReasonInternal, Op: opEncode, Err: err}
}

// encoder is one document being written. The clinical part is written first,
// for it decides which people and places the administrative part, which is put
// before it, must describe.
type encoder struct {
	rec    *record.Record
	head   []string
	id     system.MessageID
	health *xmlio.Writer
	aside  xmlio.Writer // of the body being written

	patient  string
	practice *record.Organisation

	placed []placed // by the place of the entry in the record
	used   map[string]bool
	space  []byte // what every derived identifier begins with: name space, source and patient
	name   []byte // what an identifier is derived from, whole

	beyond extra       // of the entry being written, see gather
	groups []textGroup // of its texts

	byName     map[string]string // event identifier by the words of named
	staff      map[*record.Person]string
	people     []*record.Person
	named      map[string]*record.Person // people known by name only
	places     map[*record.Organisation]string
	placeOrder []*record.Organisation
	placeNames map[string]*record.Organisation
	policies   []string
	mixtures   []*record.Entry
}

// placed is what the encoder knows of an entry.
type placed struct {
	id       string // of its event or encounter
	children []*record.Entry
	links    []eventLink   // to a problem
	problem  *record.Entry // that its event defines
	extra    []string      // what a consultation has no element for
}

type eventLink struct {
	entry *record.Entry
	link  mapping.Code
}

// of is what is known of an entry; nothing is known of one that is not in the
// record.
func (x *encoder) of(e *record.Entry) *placed {
	if i := x.rec.Place(e); i >= 0 {
		return &x.placed[i]
	}
	return &placed{}
}

func newEncoder(w *xmlio.Writer, rec *record.Record, head []string, id system.MessageID) *encoder {
	x := &encoder{
		rec: rec, head: head, id: id, health: w, placed: make([]placed, len(rec.Entries)), used: map[string]bool{},
		staff: map[*record.Person]string{}, named: map[string]*record.Person{},
		places: map[*record.Organisation]string{}, placeNames: map[string]*record.Organisation{},
	}
	x.space = append(uuid.NameSpaceOID[:], "linkspan|"+rec.Source.System+"|"+rec.Source.ODS+"|"+rec.Patient.ID...)
	x.patient = x.uid("patient", rec.Patient.ID)
	x.practice = rec.Patient.Practice
	if x.practice == nil || rec.Source.ODS != "" && x.practice.ODS != rec.Source.ODS {
		x.practice = &record.Organisation{Name: rec.Source.Organisation, ODS: rec.Source.ODS}
	}
	return x
}

// check refuses what translation should have settled.
func (x *encoder) check() error {
	enumerations := Enumerations()
	var wrong error
	for _, e := range x.rec.Entries {
		if e.Outcome == record.Pending {
			return internal(errors.New("an entry has no outcome"))
		}
		if !native(e) {
			continue
		}
		e.EachSlot(func(slot record.Slot, c *mapping.Code) {
			if c.Scheme != enumerations[slot] {
				wrong = internal(errors.New("slot " + string(slot) + " holds a value of another system"))
			}
		})
		if _, _, ok := writeCode(e.Target); !ok && !e.Target.IsZero() {
			wrong = internal(errors.New("a code of scheme " + string(e.Target.Scheme) + " has no place here"))
		}
	}
	return wrong
}

// native reports an entry written as what it is.
func native(e *record.Entry) bool {
	return e.Outcome == record.Exact || e.Outcome == record.Mapped
}

// written reports an entry that leaves a trace.
func written(e *record.Entry) bool {
	return e.Shown() && e.Kind != record.KindDemographics
}

// plan gives every entry its identifier and gathers links by their owner.
func (x *encoder) plan() {
	number := 0
	for i, e := range x.rec.Entries {
		if written(e) { // numbered without what is withheld, which leaves no gap
			x.placed[i].id = x.entryID(e, number)
			number++
		}
	}
	for _, e := range x.rec.Entries {
		if written(e) && e.Kind == record.KindProblem {
			x.define(e)
		}
	}
	for _, e := range x.rec.Entries {
		if !written(e) {
			continue
		}
		if x.parentHolds(e) {
			whole := x.of(e.Parent)
			whole.children = append(whole.children, e)
		}
		for _, l := range e.Problems {
			if x.linkHolds(e, l) {
				to := x.of(l.Problem)
				to.links = append(to.links, eventLink{e, l.Link})
			}
		}
	}
}

// entryID is the source's identifier where it is one of this format and not
// used yet, else one derived from it.
func (x *encoder) entryID(e *record.Entry, i int) string {
	if isUID(e.ID) && !x.used[e.ID] {
		x.used[e.ID] = true
		return e.ID
	}
	return x.derive("entry", e.ID, strconv.Itoa(i))
}

// define lets a problem be told by the event that defines it, where that is
// written with the problem's own code and words, and no other problem has it.
// Otherwise the problem is an event of its own.
func (x *encoder) define(e *record.Entry) {
	if e.Problem == nil {
		return
	}
	by := e.Problem.Defines
	if !native(e) || !written(by) || !native(by) || !isEvent(by) || by.Kind == record.KindProblem || by.Text != e.Text || x.of(by).problem != nil {
		return
	}
	if by.Target != e.Target && (by.Allergy == nil || by.Allergy.Substance != e.Target) {
		return
	}
	x.of(e).id, x.of(by).problem = x.of(by).id, e
}

// defined reports a problem told by another entry's event.
func (x *encoder) defined(e *record.Entry) bool {
	return e.Problem != nil && e.Problem.Defines != nil && x.of(e.Problem.Defines).problem == e
}

// parentHolds reports that the parent's own element points at its parts.
func (x *encoder) parentHolds(e *record.Entry) bool {
	p := e.Parent
	if !written(p) || x.of(e).id == "" || e.Kind == record.KindConsultation || e.Kind == record.KindAdministration && native(e) {
		return false
	}
	return bodyOf(p) == "observation" || bodyOf(p) == "report"
}

// linkHolds reports that a problem's own element points at the entry.
func (x *encoder) linkHolds(e *record.Entry, l record.ProblemLink) bool {
	return written(l.Problem) && l.Problem.Kind == record.KindProblem && native(l.Problem) && isEvent(e)
}

// isEvent reports an entry that is written as an event.
func isEvent(e *record.Entry) bool {
	return !native(e) || e.Kind != record.KindConsultation && e.Kind != record.KindAdministration
}

// uid is id where it has this format's pattern, else derived from it.
func (x *encoder) uid(kind, id string) string {
	if isUID(id) {
		return id
	}
	return x.derive(kind, id)
}

// derive makes an identifier of the kind of thing, what identifies it and the
// patient's own identifier at the source, so that the same record gives the
// same identifiers.
func (x *encoder) derive(kind string, id ...string) string {
	x.name = append(append(append(x.name[:0], x.space...), '|'), kind...)
	for _, part := range id {
		x.name = append(append(x.name, '|'), part...)
	}
	return derived.ID(x.name).String()
}

// isUID reports the pattern of dt.uid: letters and digits, 8-4-4-4-12 (E §1.1).
func isUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if b != '-' {
				return false
			}
		case b >= '0' && b <= '9', b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z':
		default:
			return false
		}
	}
	return true
}

// fits reports that s is no longer than the schema allows, in characters.
func fits(s string, limit int) bool { return len(s) <= limit || utf8.RuneCountInString(s) <= limit }

// healthDomain writes the clinical part.
func (x *encoder) healthDomain() {
	w := x.health
	w.Start("healthDomain")
	opening := x.opening()
	x.openingEncounter(opening)
	for _, e := range x.rec.Entries {
		if written(e) && native(e) && e.Kind == record.KindConsultation {
			x.encounter(e)
		}
	}
	for _, part := range opening {
		x.textEvent(part.id, part.kind, part.lines)
	}
	for _, e := range x.rec.Entries {
		if written(e) {
			x.entry(e)
		}
	}
	for _, e := range x.rec.Entries {
		if written(e) && native(e) && e.Kind == record.KindProblem {
			x.problem(e)
		}
	}
	for _, e := range x.rec.Entries {
		if written(e) && native(e) && e.Kind == record.KindDocument {
			x.document(e)
		}
	}
	for _, e := range x.rec.Entries {
		if written(e) && native(e) && e.Kind == record.KindAdministration {
			x.task(e)
		}
	}
	w.End()
}

// start opens an element of an entry path, of the entry or, with nil, of none.
func (x *encoder) start(w *xmlio.Writer, element string, e *record.Entry, attrs ...string) {
	x.rec.Wrote(element, e)
	var usual [4]string
	w.Start(element, append(append(usual[:0], "updateMode", "add"), attrs...)...)
}

// part is one text the bridge itself puts in front of the record.
type part struct {
	id, kind string
	lines    []string
}

// opening are the texts in front: the head of the record, an alert when
// prescribing from the record is not safe, and what is known of the patient
// and has no element.
func (x *encoder) opening() []part {
	var parts []part
	if len(x.head) > 0 {
		parts = append(parts, part{x.uid("head", ""), "OBS", x.head})
	}
	var unsafe []string
	for _, w := range x.rec.Warnings {
		if w.Code == record.WarnPrescribingUnsafe {
			unsafe = append(unsafe, w.Words())
		}
	}
	if len(unsafe) > 0 {
		parts = append(parts, part{x.uid("head", "alert"), "ALT", unsafe})
	}
	if lines := x.patientLines(); len(lines) > 0 {
		parts = append(parts, part{x.uid("head", "patient"), "OBS", append([]string{"Patient details without a place of their own:"}, lines...)})
	}
	return parts
}

// openingEncounter is the consultation that holds them.
func (x *encoder) openingEncounter(parts []part) {
	if len(parts) == 0 {
		return
	}
	w := x.health
	x.start(w, "encounter", nil)
	w.Element("id", x.uid("head", "encounter"))
	w.Element("patient", x.patient)
	w.Empty("effectiveTime", "datepart", "YMDT", "value", x.id.At.Format(dateTime))
	w.Empty("locationType", "codeSystem", systemUnknown, "displayName", "Linkspan")
	for _, p := range parts {
		w.Start("component", "updateMode", "add")
		w.Element("event", p.id)
		w.Element("problemPage", "0")
		w.Empty("heading", "codeSystem", systemUnknown, "displayName", "About this record")
		w.End()
	}
	w.Element("externalConsulter", "Linkspan")
	w.End()
}

// textEvent writes free text of the bridge's own.
func (x *encoder) textEvent(id, kind string, lines []string) {
	w := x.health
	x.start(w, "event", nil)
	w.Element("id", id)
	w.Element("patient", x.patient)
	w.Element("eventType", kind)
	w.Empty("effectiveTime", "datepart", "YMDT", "value", x.id.At.Format(dateTime))
	w.Element("displayTerm", "")
	w.Start("associatedText", "associatedTextType", "POST")
	w.Element("value", strings.Join(lines, "\n"))
	w.End()
	if kind == "ALT" {
		w.Start("alert")
		w.Element("triggerBookSlot", "false")
		w.Element("triggerAriveSwap", "false")
		w.Element("showConsultation", "true")
		w.End()
	} else {
		w.Empty("observation")
	}
	w.End()
}
