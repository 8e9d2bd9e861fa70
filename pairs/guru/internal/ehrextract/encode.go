package ehrextract

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/internal/derived"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opEncode = "ehrextract: encode"

// Message is what the envelope of an extract says: its own identifier and
// time, the ODS codes of the organisations it goes from and to, and the
// identifier of the request it answers.
type Message struct {
	ID        system.MessageID
	From, To  string
	InReplyTo string
}

// Encode gives the record as one RCMR_IN030000UK06 document, in schema order.
// head are the lines a clinician reads first. The record has been fitted and
// settled. An error is a *record.Error of record.ReasonInternal: an entry
// without an outcome, or an enumerated value or code of another system.
func Encode(rec *record.Record, head []string, m Message) ([]byte, error) {
	x := newEncoder(rec, head, m)
	rec.Writing()
	if err := x.check(); err != nil {
		return nil, err
	}
	x.plan()
	x.compositions()
	w := xmlio.NewWriter(nil)
	w.Declaration()
	x.envelope(w)
	if err := cmp.Or(x.w.Err(), w.Err()); err != nil {
		return nil, internal(err)
	}
	around := w.Bytes()
	document := bytes.TrimSuffix(x.w.Bytes(), []byte("</folder>"))
	document = append(document, around[x.inside:]...)
	return slices.Replace(document, 0, len("<folder>"), around[:x.inside]...), nil
}

func internal(err error) error { return record.Fault(record.ReasonInternal, opEncode, err) }

// encoder is one extract being written. Its compositions are written first, for
// they decide who is in the agent directory before them; what stands around
// them, which is little, is put there last.
type encoder struct {
	rec  *record.Record
	head []string
	m    Message
	w    *xmlio.Writer

	placed  []placed // by the place of the entry in the record
	used    map[string]bool
	setting setting // of the composition being written
	depth   int     // compound statements that are open
	space   []byte  // what every derived identifier begins with: name space, source and patient
	name    []byte  // what an identifier is derived from, whole
	inside  int     // where in the envelope the compositions belong

	agents     map[*record.Person]string
	agentOrder []*record.Person

	// What is used again for each entry: nothing here outlives the statement,
	// or the consultation, it was gathered for.
	said  extra
	texts []string
	items []record.Item
}

// placed is what the encoder knows of an entry.
type placed struct {
	id       string
	done     bool
	listed   bool // in a consultation or under another entry
	under    bool // inside the statement of the parent
	children []*record.Entry
	links    []*record.Entry      // what a problem is linked to
	problem  *record.Entry        // that it defines
	item     *record.Consultation // whose items it is among
}

// of is what is known of an entry; nothing is known of one that is not in the
// record.
func (x *encoder) of(e *record.Entry) *placed {
	if i := x.rec.Place(e); i >= 0 {
		return &x.placed[i]
	}
	return &placed{}
}

func newEncoder(rec *record.Record, head []string, m Message) *encoder {
	n := len(rec.Entries)
	return &encoder{
		rec: rec, head: head, m: m, w: xmlio.NewWriter(make([]byte, 0, 16<<10+1152*n)),
		space:  append(uuid.NameSpaceOID[:], "linkspan|"+rec.Source.System+"|"+rec.Source.ODS+"|"+rec.Patient.ID...),
		placed: make([]placed, n), used: map[string]bool{}, agents: map[*record.Person]string{},
	}
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
			if scheme, has := enumerations[slot]; has && c.Scheme != scheme {
				wrong = internal(errors.New("slot " + string(slot) + " holds a value of another system"))
			}
		})
		if !hasCode(e.Target) && !e.Target.IsZero() {
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

// entryID is the source's identifier where it is one of this format and not
// used yet, else one derived from it.
func (x *encoder) entryID(e *record.Entry, i int) string {
	if id, ok := guid(e.ID); ok && !x.used[id] {
		x.used[id] = true
		return id
	}
	return x.derive("entry", e.ID, strconv.Itoa(i))
}

// derive makes an identifier out of the kind of thing, the patient's own
// identifier at the source and the source's, so that the same record gives the
// same identifiers (uuid version 5). The NHS number has no part in it.
func (x *encoder) derive(kind string, id ...string) string {
	x.name = append(append(append(x.name[:0], x.space...), '|'), kind...)
	for _, part := range id {
		x.name = append(append(x.name, '|'), part...)
	}
	return capitals(derived.ID(x.name))
}

// capitals spells an identifier as GP2GP does, in capital letters throughout.
func capitals(id uuid.UUID) string {
	const digits = "0123456789ABCDEF"
	var spelt [36]byte
	at := 0
	for i, c := range id {
		switch i {
		case 4, 6, 8, 10:
			spelt[at] = '-'
			at++
		}
		spelt[at], spelt[at+1] = digits[c>>4], digits[c&15]
		at += 2
	}
	return string(spelt[:])
}

// guid is an identifier in the spelling of GP2GP, capital letters throughout,
// and whether it is one.
func guid(s string) (string, bool) {
	if len(s) != 36 {
		return "", false
	}
	id, err := uuid.Parse(s)
	return capitals(id), err == nil
}

// messageGUID is the identifier of a message as the format writes it.
func (x *encoder) messageGUID(kind, s string) string {
	if id, ok := guid(s); ok {
		return id
	}
	return x.derive(kind, s)
}

// start opens an element that the reader counts (Entries), of the entry or,
// with nil, of none, and accounts for it.
func (x *encoder) start(name string, e *record.Entry, attrs ...string) {
	x.rec.Wrote(name, e)
	x.w.Start(name, attrs...)
}

// envelope writes the message around the compositions.
func (x *encoder) envelope(w *xmlio.Writer) {
	now := record.DateOf(x.m.ID.At)
	w.Start(Root, "xmlns", Namespace, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
	w.Empty("id", "root", x.messageGUID("message", x.m.ID.ID))
	stamp(w, "creationTime", now)
	w.Empty("versionCode", "code", "V3NPfIT3.1.10")
	w.Empty("interactionId", "root", oidInteraction, "extension", Root)
	w.Empty("processingCode", "code", "P")
	w.Empty("processingModeCode", "code", "T")
	w.Empty("acceptAckCode", "code", "NE")
	device(w, "communicationFunctionRcv", "RCV")
	device(w, "communicationFunctionSnd", "SND")
	w.Start("ControlActEvent", "classCode", "CACT", "moodCode", "EVN")
	w.Start("author1", "typeCode", "AUT")
	w.Start("AgentSystemSDS", "classCode", "AGNT")
	w.Start("agentSystemSDS", "classCode", "DEV", "determinerCode", "INSTANCE")
	w.Empty("id", "nullFlavor", unknown)
	closing(w, 3)
	w.Start("subject", "typeCode", "SUBJ", "contextConductionInd", "false")
	x.extract(w, now)
	closing(w, 3)
}

// closing ends the innermost open elements.
func closing(w *xmlio.Writer, n int) {
	for range n {
		w.End()
	}
}

// device writes an end of the Spine's transport. A direct bridge has none, and
// no accredited system identifier is made up for it.
func device(w *xmlio.Writer, name, kind string) {
	w.Start(name, "typeCode", kind)
	w.Start("device", "classCode", "DEV", "determinerCode", "INSTANCE")
	w.Empty("id", "nullFlavor", unknown)
	closing(w, 2)
}

func (x *encoder) extract(w *xmlio.Writer, now record.Date) {
	w.Start("EhrExtract", "classCode", "EXTRACT", "moodCode", "EVN")
	w.Empty("id", "root", x.derive("extract", x.m.ID.ID))
	complete(w)
	stamp(w, "availabilityTime", now)
	w.Start("recordTarget", "typeCode", "RCT")
	w.Start("patient", "classCode", "PAT")
	identifier(w, oidNHSNumber, x.rec.Patient.NHS.Digits())
	closing(w, 2)
	organisation(w, "author", "AUT", now, x.m.From)
	organisation(w, "destination", "DST", record.Date{}, x.m.To)
	w.Start("component", "typeCode", "COMP")
	x.folder(w, now)
	w.End()
	w.Start("inFulfillmentOf", "typeCode", "FLFS")
	w.Start("priorEhrRequest", "classCode", "EXTRACT", "moodCode", "RQO")
	w.Empty("id", "root", x.messageGUID("request", x.m.InReplyTo))
	closing(w, 2)
	x.limitation(w)
	w.End()
}

// limitation says that the record is whole, or the period it was asked for.
func (x *encoder) limitation(w *xmlio.Writer) {
	w.Start("limitation", "typeCode", "LIMIT", "inversionInd", "true")
	w.Start("limitingEhrExtractSpecification", "classCode", "OBS", "moodCode", "DEF")
	w.Empty("id", "root", x.derive("limitation", x.m.ID.ID))
	w.Empty("code", "code", "37241000000102", "codeSystem", oidSNOMED, "displayName", "Entire record available to originator (administrative concept)")
	if p := x.rec.Source.Period; !p.IsZero() {
		w.Start("effectiveTime")
		if !p.From.IsZero() {
			stamp(w, "low", p.From)
		}
		if !p.To.IsZero() {
			stamp(w, "high", p.To)
		}
		w.End()
	}
	closing(w, 2)
}

// folder writes the one folder with all compositions.
func (x *encoder) folder(w *xmlio.Writer, now record.Date) {
	w.Start("ehrFolder", "classCode", "FOLDER", "moodCode", "EVN")
	w.Empty("id", "root", x.derive("folder", x.m.ID.ID))
	complete(w)
	w.Start("effectiveTime")
	w.Empty("high", "value", digits(now))
	w.End()
	stamp(w, "availabilityTime", now)
	organisation(w, "author", "AUT", now, x.m.From)
	x.directory(w)
	x.inside = len(w.Bytes())
	w.End()
}

func complete(w *xmlio.Writer) { w.Raw(completed) }

// identifier writes an identifier of a register, or that it is not known.
func identifier(w *xmlio.Writer, root, extension string) {
	if extension == "" {
		w.Empty("id", "nullFlavor", unknown)
		return
	}
	w.Empty("id", "root", root, "extension", extension)
}

// organisation writes an organisation by its ODS code, and when it acted.
func organisation(w *xmlio.Writer, name, kind string, at record.Date, ods string) {
	w.Start(name, "typeCode", kind)
	if !at.IsZero() {
		stamp(w, "time", at)
	}
	w.Start("AgentOrgSDS", "classCode", "AGNT")
	w.Start("agentOrganizationSDS", "classCode", "ORG", "determinerCode", "INSTANCE")
	identifier(w, oidODS, ods)
	closing(w, 3)
}
