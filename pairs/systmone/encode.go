package systmone

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opEncodeResponse = "systmone: encode response"

// linkspan signs the Event that heads a record, and marks it as Software.
const linkspan = "Linkspan"

var errNotReady = errors.New("an entry without outcome, or an enumerated value of another system")

// encoder writes one answer.
type encoder struct {
	w       *xmlio.Writer
	rec     *record.Record
	id      system.MessageID
	patient string // the source's identifier of the patient, for derived ids
	index   map[*record.Entry]int
	places  []placing // by the index
	tasks   []*record.Entry
	open    *moment // the Event of entries that stand alone
}

// placing is where an entry is written and whether it has been.
type placing struct {
	number    int  // among the entries that are written
	listed    bool // in a consultation, or after the entry it belongs to
	done      bool
	followers []*record.Entry
}

// EncodeResponse writes the answer to q on one line: the record, or a failure
// as ErrorMessage and PermanentError (S §1.2, §1.4).
func (c *codec) EncodeResponse(q *record.Request, p record.Response, id system.MessageID) ([]byte, error) {
	x := &encoder{id: id, w: xmlio.NewWriter(nil)}
	if rec := p.Record(); rec != nil {
		if err := x.prepare(rec); err != nil {
			return nil, err
		}
	}
	w := x.w
	w.OneLine(true)
	w.Declaration()
	w.Start(responseRoot)
	w.Element("DeviceID", q.Device)
	w.Element("RequestUID", q.MessageID)
	w.Element("Function", operation(q))
	w.Element("FunctionVersion", functionVersion)
	w.Element("ResponseUID", strings.ToUpper(id.ID))
	w.Start("Response")
	if f := p.Failure(); f != nil {
		w.Element("ErrorMessage", f.Words())
		w.Element("PermanentError", fmt.Sprint(f.Permanent()))
	} else {
		x.record(q)
	}
	w.End()
	w.End()
	if err := w.Err(); err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeResponse, err)
	}
	return w.Bytes(), nil
}

func operation(q *record.Request) string {
	if q.Operation == "" {
		return function
	}
	return q.Operation
}

// prepare checks that the record is ready to be written and works out where
// each entry goes.
func (x *encoder) prepare(rec *record.Record) error {
	x.rec, x.patient = rec, rec.Patient.ID
	rec.Writing()
	x.w = xmlio.NewWriter(make([]byte, 0, 4096+400*len(rec.Entries)))
	x.index = make(map[*record.Entry]int, len(rec.Entries))
	x.places = make([]placing, len(rec.Entries))
	number := 0
	for i, e := range rec.Entries {
		if !ready(e) {
			return &record.Error{Reason: record.ReasonInternal, Op: opEncodeResponse, Position: e.At, Err: errNotReady}
		}
		x.index[e] = i
		if x.places[i].number = number; e.Shown() { // a gap would tell of what is withheld
			number++
		}
	}
	for _, e := range rec.Entries {
		if c := e.Consultation; c != nil && e.Shown() {
			for _, item := range c.Items {
				if p := x.at(item.Entry); p != nil {
					p.listed = true
				}
			}
		}
	}
	for _, e := range rec.Entries {
		x.follow(e)
	}
	return nil
}

// ready reports that an entry has an outcome and that every enumerated value
// SystmOne has a slot for is in SystmOne's own scheme.
func ready(e *record.Entry) bool {
	if e.Outcome == record.Pending {
		return false
	}
	ok := true
	if coded(e) {
		e.EachSlot(func(slot record.Slot, c *mapping.Code) {
			if scheme := slotScheme(slot); scheme != "" && c.Scheme != scheme {
				ok = false
			}
		})
	}
	return ok
}

func (x *encoder) at(e *record.Entry) *placing {
	if i, ok := x.index[e]; ok {
		return &x.places[i]
	}
	return nil
}

// follow puts a part after its whole and a problem after the entry it
// annotates, unless a consultation already says where it stands.
func (x *encoder) follow(e *record.Entry) {
	own := x.at(e)
	if own.listed || !e.Shown() || e.Kind == record.KindConsultation || e.Kind == record.KindDemographics {
		return
	}
	whole := e.Parent
	if e.Problem != nil && e.Problem.Defines != nil {
		whole = e.Problem.Defines
	}
	for up, steps := whole, 0; up != nil; up, steps = up.Parent, steps+1 {
		if up == e || steps > len(x.rec.Entries) {
			return // no tree: the entry stands on its own
		}
	}
	if e.Problem == nil && whole != nil && e.Date.Day() != "" && e.Date.Day() != whole.Date.Day() {
		return // a part of another day
	}
	if p := x.at(whole); p != nil && whole.Shown() && !aside(whole) && whole.Problem == nil {
		own.listed = true
		p.followers = append(p.followers, e)
	}
}

// aside reports an entry that stands in no Event, so that nothing can follow
// it there.
func aside(e *record.Entry) bool { return e.Kind == record.KindDemographics || asTask(e) }

// coded reports an entry that is written as what it is.
func coded(e *record.Entry) bool { return e.Outcome == record.Exact || e.Outcome == record.Mapped }

func (x *encoder) record(q *record.Request) {
	w := x.w
	x.identity()
	if q.Sections.Has(record.Demographics) && !x.demographicsWithheld() {
		x.demographics()
	}
	w.Start("Clinical")
	x.head(q)
	x.events()
	w.End()
	if len(x.tasks) > 0 {
		w.Start("NonClinical")
		for _, e := range x.tasks {
			x.task(e)
		}
		w.End()
	}
	w.Element("RecordState", "Closed")
}

func (x *encoder) demographicsWithheld() bool {
	for _, e := range x.rec.Entries {
		if e.Kind == record.KindDemographics && !e.Shown() {
			return true
		}
	}
	return false
}

// head is the first Event: what a clinician must read before anything else.
func (x *encoder) head(q *record.Request) {
	ev := &moment{doneBy: linkspan, doneAt: ""}
	if !x.id.At.IsZero() {
		ev.date = record.DateOf(x.id.At)
	}
	x.start("Event", nil, "DateTime", ev.time(), "UserName", "", "DoneBy", linkspan, "DoneAt", "",
		"EventUID", x.derive("head", x.id.ID), "Software", linkspan)
	x.narrative(x.rec.Head(q.Sections))
	if q.Sections.Has(record.Demographics) && !x.demographicsWithheld() {
		if rest := patientLines(&x.rec.Patient); len(rest) > 0 {
			x.narrative(append([]string{"Patient details"}, rest...))
		}
	}
	x.w.End()
}

// events writes every released entry once: consultations with their items,
// and between them the entries that stand outside.
func (x *encoder) events() {
	for i, e := range x.rec.Entries {
		p := &x.places[i]
		switch {
		case p.listed || p.done || !e.Shown() || e.Kind == record.KindDemographics:
		case asTask(e):
			x.tasks = append(x.tasks, e)
		case e.Consultation != nil:
			x.finish()
			x.consultation(e)
		default:
			x.alone(e)
		}
	}
	x.finish()
}

// alone writes an entry outside the consultations; those of one moment, author
// and place, in sequence, share an Event.
func (x *encoder) alone(e *record.Entry) {
	ev := momentOf(e)
	ev.unstated = ev.date.IsZero()
	if x.open == nil || !x.open.same(ev) {
		x.finish()
		x.open = ev
		x.startEvent(ev, e, nil, "", x.derive("event", x.source(e)))
	}
	x.entry(x.open, e)
}

// finish ends the Event of the entries that stand alone, if one is open.
func (x *encoder) finish() {
	if x.open != nil {
		x.w.End()
		x.open = nil
	}
}

// consultation writes an Event with its items in order, a heading as a line
// before the first entry under it. An Event has one date: an item of another
// day is named in its place and written after, in an Event of its own date.
func (x *encoder) consultation(e *record.Entry) {
	x.at(e).done = true
	ev, c := momentOf(e), e.Consultation
	x.startEvent(ev, e, e, c.Type.Value, x.uid("event", e))
	if !coded(e) {
		x.degraded(ev, e, nil)
	} else if rest := x.lines(ev, e, true); len(rest) > 0 || e.Text != "" {
		x.narrative(led(e.Text, rest))
	}
	heading, page := "", ""
	var later []*record.Entry
	for _, item := range c.Items {
		p := x.at(item.Entry)
		if item.Entry != nil && (p == nil || p.done || !item.Entry.Shown()) {
			continue
		}
		if item.Page != page && item.Page != "" {
			x.narrative([]string{"Problem page: " + item.Page})
		}
		if words := headingWords(item); words != heading || item.Entry == nil {
			if heading = words; words != "" {
				x.narrative([]string{words})
			}
		}
		page = item.Page
		switch {
		case item.Entry == nil:
		case ev.apart(item.Entry):
			x.narrative([]string{"Shown under its own date, " + item.Entry.Date.Words() + ": " + item.Entry.Text})
			later = append(later, item.Entry)
		default:
			x.item(ev, item.Entry)
		}
	}
	for _, part := range x.at(e).followers {
		x.item(ev, part)
	}
	x.linkedProblems(e)
	x.w.End()
	for _, e := range later {
		x.alone(e)
	}
	x.finish()
}

// item writes an entry into the consultation's Event; a task keeps its own
// place.
func (x *encoder) item(ev *moment, e *record.Entry) {
	if asTask(e) {
		x.at(e).done = true
		x.tasks = append(x.tasks, e)
		return
	}
	x.entry(ev, e)
}

func headingWords(i record.Item) string {
	if i.Words != "" {
		return i.Words
	}
	return record.TermOf(i.Heading)
}

// led puts the words of an entry before its lines, unless there are none.
func led(first string, rest []string) []string {
	if first == "" {
		return rest
	}
	return append([]string{first}, rest...)
}

// startEvent opens an Event: that of the consultation, or one around e.
// Software and Method stand only where the source had them.
func (x *encoder) startEvent(ev *moment, e, consultation *record.Entry, method, uid string) {
	attrs := make([]string, 0, 16)
	attrs = append(attrs, "DateTime", ev.time(), "UserName", "", "DoneBy", ev.doneBy, "DoneAt", ev.doneAt, "EventUID", uid)
	if e.Author != nil {
		attrs[3], attrs[5] = e.Author.UserName, attributeName(e.Author)
	}
	if method != "" {
		attrs = append(attrs, "Method", method)
	}
	if e.Consultation != nil {
		for _, q := range e.Qualifiers {
			switch {
			case q.Name == qualifierSoftware && len(attrs) < 14:
				attrs = append(attrs, "Software", q.Value)
			case q.Name == qualifierReferral && isUID(q.Value):
				attrs = append(attrs, "LinkedReferralUID", q.Value)
			}
		}
	}
	x.start("Event", consultation, attrs...)
}

// start opens an element of an entry path, of the entry or, with nil, of none.
func (x *encoder) start(element string, e *record.Entry, attrs ...string) {
	x.rec.Wrote(element, e)
	x.w.Start(element, attrs...)
}

// moment is when, by whom and where an Event says its items were done.
type moment struct {
	date           record.Date // to the day at least, or unknown
	doneBy, doneAt string
	unstated       bool // neither the date of the entry nor that of recording is known

	author *record.Person // those doneBy and doneAt are the words of
	place  *record.Organisation
}

// same reports that two entries can stand in one Event.
func (m *moment) same(o *moment) bool {
	return m.date == o.date && m.doneBy == o.doneBy && m.doneAt == o.doneAt && m.unstated == o.unstated
}

// by and in are NameAndRole and placeWords, which most entries of an Event
// share with it.
func (m *moment) by(p *record.Person) string {
	if p == m.author {
		return m.doneBy
	}
	return p.NameAndRole()
}

func (m *moment) in(o *record.Organisation) string {
	if o == m.place {
		return m.doneAt
	}
	return placeWords(o)
}

// momentOf is the moment of an entry that makes an Event. A date coarser than
// a day is not padded: the Event then stands at the time of recording, or at
// none, and the entry says its own date in words.
func momentOf(e *record.Entry) *moment {
	m := &moment{date: e.Date, doneBy: e.Author.NameAndRole(), doneAt: placeWords(e.Place), author: e.Author, place: e.Place}
	if e.Kind == record.KindDiary {
		m.date = e.Recorded
	}
	if m.date.Precision() < record.PrecisionDay {
		m.date = e.Recorded
	}
	if m.date.Precision() < record.PrecisionDay {
		m.date = record.Date{}
	}
	return m
}

// shows reports that a reader of the Event's time learns all of d from it.
func (m *moment) shows(d record.Date) bool {
	if d == m.date || d.IsZero() {
		return d == m.date
	}
	return d.Precision() >= record.PrecisionDay && m.date.Truncate(d.Precision()).Wall() == d.Wall()
}

// apart reports an entry that belongs to another day than the Event: a value
// shown under a date that is not its own would be misread, whatever its text
// says (safety §D.1 D-5).
func (m *moment) apart(e *record.Entry) bool {
	day := e.Date.Day()
	return day != "" && day != m.date.Day() && e.Kind != record.KindDiary && e.Outcome != record.FailedEntry && !asTask(e)
}

// time is Event@DateTime: always to the second (S §1.2), "" when not known. A
// day without a time is written as its midnight, which is read back as the day.
func (m *moment) time() string { return timeSlot(m.date) }

func timeSlot(d record.Date) string {
	switch d.Precision() {
	case record.PrecisionDay:
		return d.Wall() + "T00:00:00"
	case record.PrecisionMinute:
		return d.Wall() + ":00" + d.Zone()
	case record.PrecisionSecond:
		return d.String()
	}
	return ""
}

// attributeName is NameAndRole for an Event that also says UserName: a person
// known by that alone has no name beside it.
func attributeName(p *record.Person) string {
	if p.Display == "" && p.Surname == "" && p.Role == "" {
		return ""
	}
	return p.NameAndRole()
}

func placeWords(o *record.Organisation) string {
	title := o.Title()
	if o != nil && o.ODS != "" && !strings.Contains(title, o.ODS) {
		title += " (" + o.ODS + ")"
	}
	return title
}

// isUID reports an identifier as SystmOne writes them (S §1.2).
func isUID(s string) bool {
	return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == ""
}

// uid is an entry's own identifier if it is one of SystmOne's, else one made
// out of it.
func (x *encoder) uid(use string, e *record.Entry) string {
	if isUID(e.ID) {
		return e.ID
	}
	return x.derive(use, x.source(e))
}

// source names an entry within its record.
func (x *encoder) source(e *record.Entry) string {
	if e.ID != "" {
		return e.ID
	}
	return fmt.Sprintf("#%d", x.places[x.index[e]].number)
}

// derive makes an identifier that is the same for the same patient and source
// on every run. The NHS number has no part in it.
func (x *encoder) derive(use, source string) string {
	sum := sha256.Sum256([]byte(x.patient + "\x00" + use + "\x00" + source))
	return hex.EncodeToString(sum[:8])
}
