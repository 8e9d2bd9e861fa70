package medicalrecord

import (
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/internal/derived"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opEncode = "medicalrecord: encode"

// encoder writes one document. People, locations, types of place and policies
// are numbered when they are first referred to, for their lists come last.
type encoder struct {
	w   *xmlio.Writer
	rec *record.Record
	id  system.MessageID
	// space is what the derivation of every id begins with, made at first need.
	space  []byte
	derive []byte // scratch

	placed []placed                   // by the place of the entry in the record
	lists  [planCount][]*record.Entry // by plan, in source order
	shown  int                        // entries that have a number
	extra  int                        // elements written that are no entry

	people    numbered[*record.Person]
	locations numbered[*record.Organisation]
	kinds     numbered[string]
	policies  numbered[string]
}

// placed is what the encoder knows of an entry.
type placed struct {
	number       int // from 0, of those that are shown
	plan         plan
	inside       bool            // already written as an item of a consultation
	parts        []*record.Entry // whose Parent it is, released ones
	head         *record.Entry   // the problem written inside it
	consultation *record.Entry   // it is an item of
}

// of is what is known of an entry; nothing is known of one that is not in the
// record.
func (x *encoder) of(e *record.Entry) *placed {
	if i := x.rec.Place(e); i >= 0 {
		return &x.placed[i]
	}
	return &placed{}
}

// numbered gives things their RefID in order of first use.
type numbered[T comparable] struct {
	list []T
	ref  map[T]int
}

func (n *numbered[T]) of(v T) int {
	if ref, ok := n.ref[v]; ok {
		return ref
	}
	if n.ref == nil {
		n.ref = map[T]int{}
	}
	n.list = append(n.list, v)
	n.ref[v] = len(n.list)
	return len(n.list)
}

// Encode writes the record as a MedicalRecord element, without declaration.
// head are the lines a clinician reads first: they are the first consultation,
// and an alert too when the record warns that prescribing is unsafe. The
// record must be translated, fitted and settled; an enumerated value in a
// foreign scheme, and an entry without an outcome, are internal errors.
func Encode(w *xmlio.Writer, rec *record.Record, head []string, id system.MessageID) error {
	rec.Writing()
	x := &encoder{w: w, rec: rec, id: id, placed: make([]placed, len(rec.Entries))}
	if err := x.check(); err != nil {
		return &record.Error{Reason: record.ReasonInternal, Op: opEncode, Err: err}
	}
	x.plan()
	attrs := []string{"xmlns", Namespace}
	if integer(rec.Patient.ID) {
		attrs = append(attrs, "PatientID", rec.Patient.ID)
	}
	w.Start(Root, attrs...)
	x.registration()
	x.miscellaneous()
	x.list("EventList", inEvents, x.event)
	x.consultations(head)
	x.list("InvestigationList", inInvestigations, x.investigation)
	x.list("ReferralList", inReferrals, x.referral)
	x.list("AllergyList", inAllergies, x.allergy)
	x.list("MedicationList", inMedications, x.medication)
	x.list("IssueList", inIssues, x.issue)
	x.list("AttachmentList", inAttachments, x.attachment)
	x.list("DiaryList", inDiary, x.diary)
	x.alerts(head)
	x.registrationStatus()
	x.list("EDIPathologyReportList", inReports, x.report)
	x.list("TestRequestHeaderList", inRequests, x.requestHeader)
	x.list("NoteList", inNotes, x.note)
	x.list("AppointmentList", inAppointments, x.appointment)
	from := x.originating()
	x.directories()
	x.originator(from)
	x.policyList()
	w.End()
	return nil
}

// check refuses what translation should have settled.
func (x *encoder) check() error {
	for _, e := range x.rec.Entries {
		if e.Shown() { // a gap in the numbers would tell of what is withheld (safety §D.1 D-8)
			x.of(e).number = x.shown
			x.shown++
		}
		if e.Outcome == record.Pending {
			return errors.New("an entry has no outcome")
		}
		if e.Outcome == record.Duplicate || e.Outcome == record.WithheldEntry {
			continue
		}
		foreign := false
		e.EachSlot(func(_ record.Slot, c *mapping.Code) {
			foreign = foreign || !strings.HasPrefix(string(c.Scheme), own)
		})
		if foreign {
			return errors.New("an enumerated value is in a foreign scheme")
		}
	}
	if s := x.rec.Patient.Sex; !s.IsZero() && s.Scheme != own+"sex" {
		return errors.New("the sex is in a foreign scheme")
	}
	return nil
}

// plan says where an entry is written.
type plan uint8

const (
	notWritten plan = iota
	asChild         // inside another entry's element
	inEvents
	inConsultations
	inInvestigations
	inReferrals
	inAllergies
	inMedications
	inIssues
	inAttachments
	inDiary
	inAlerts
	inReports
	inRequests
	inNotes
	inAppointments

	planCount
)

// written says whether an entry has an element of its own. The patient block
// another system counts as an entry is in Registration already.
func written(e *record.Entry) bool {
	return e.Shown() && (e.Kind != record.KindDemographics || len(e.Texts) > 0)
}

func exact(e *record.Entry) bool { return e.Outcome == record.Exact || e.Outcome == record.Mapped }

// plan decides for every entry where it is written, trees first.
func (x *encoder) plan() {
	for _, e := range x.rec.Entries {
		if written(e) && written(e.Parent) {
			x.of(e.Parent).parts = append(x.of(e.Parent).parts, e)
		}
	}
	for _, e := range x.rec.Entries {
		if !written(e) {
			continue
		}
		of := x.of(e)
		if of.plan == notWritten {
			of.plan = x.planOf(e)
		}
		switch of.plan {
		case inReports, inRequests:
			x.claim(e)
		case inInvestigations:
			for _, part := range of.parts {
				x.of(part).plan = asChild
			}
		}
	}
	for _, e := range x.rec.Entries {
		if e.Kind == record.KindProblem && x.carried(e) {
			x.of(e.Problem.Defines).head = e
			x.of(e).plan = asChild
		}
	}
	for _, e := range x.rec.Entries {
		p := x.of(e).plan
		x.lists[p] = append(x.lists[p], e)
	}
	for _, c := range x.lists[inConsultations] {
		for _, i := range c.Consultation.Items {
			if of := x.of(i.Entry); of.consultation == nil {
				of.consultation = c
			}
		}
	}
}

// claim takes a whole tree into the element of its root.
func (x *encoder) claim(e *record.Entry) {
	for _, part := range x.of(e).parts {
		x.of(part).plan = asChild
		x.claim(part)
	}
}

func (x *encoder) planOf(e *record.Entry) plan {
	switch {
	case e.Kind == record.KindConsultation && e.Consultation != nil:
		return inConsultations // degraded or not, its items keep their order in it
	case e.Kind == record.KindReport && x.laboratory(e):
		return inReports
	case e.Kind == record.KindRequest && x.ordered(e):
		return inRequests
	case (e.Kind == record.KindResult || e.Kind == record.KindReport) && x.battery(e):
		return inInvestigations
	case !exact(e):
		return inEvents
	}
	switch e.Kind {
	case record.KindMedication:
		return inMedications
	case record.KindIssue:
		return inIssues
	case record.KindAllergy:
		if e.Allergy == nil || !e.Allergy.Absent {
			return inAllergies
		}
	case record.KindDiary:
		return inDiary
	case record.KindReferral:
		return inReferrals
	case record.KindDocument:
		return inAttachments
	case record.KindAlert:
		return inAlerts
	case record.KindAdministration:
		switch administrativeOf(e) {
		case "note":
			return inNotes
		case "appointment":
			return inAppointments
		}
	}
	return inEvents
}

func administrativeOf(e *record.Entry) string {
	for _, t := range e.Texts {
		if t.Label == administrative {
			return t.Value
		}
	}
	return ""
}

// battery is a head whose parts all are Events, or what was an Investigation
// by itself.
func (x *encoder) battery(e *record.Entry) bool {
	if x.of(e).parts == nil {
		for _, t := range e.Texts {
			if t.Label == "Data type" {
				return written(e) && e.Parent == nil
			}
		}
		return false
	}
	for _, part := range x.of(e).parts {
		if x.of(part).parts != nil || !eventKind(part.Kind) {
			return false
		}
	}
	return true
}

func eventKind(k record.Kind) bool {
	switch k {
	case record.KindObservation, record.KindResult, record.KindNote, record.KindFamilyHistory, record.KindImmunisation:
		return true
	}
	return false
}

// laboratory is a report whose parts are specimens: the tree that
// EDIPathologyReportList holds. Any other report has no laboratory ids, which
// that list requires, and is written as a battery or an event.
func (x *encoder) laboratory(e *record.Entry) bool {
	if e.Report == nil || e.Parent != nil && written(e.Parent) || len(x.of(e).parts) == 0 {
		return false
	}
	for _, specimen := range x.of(e).parts {
		if specimen.Kind != record.KindReport || specimen.Report == nil {
			return false
		}
		for _, investigation := range x.of(specimen).parts {
			if investigation.Kind != record.KindResult {
				return false
			}
			for _, result := range x.of(investigation).parts {
				if result.Kind != record.KindResult || x.of(result).parts != nil {
					return false
				}
			}
		}
	}
	return true
}

// ordered is a request header with its orders and tests, or a header alone
// that says it is one.
func (x *encoder) ordered(e *record.Entry) bool {
	if e.Parent != nil && written(e.Parent) || !e.Code.IsZero() || !e.Target.IsZero() {
		return false
	}
	for _, order := range x.of(e).parts {
		if order.Kind != record.KindRequest || !order.Code.IsZero() || !order.Target.IsZero() {
			return false
		}
		for _, test := range x.of(order).parts {
			if test.Kind != record.KindRequest || x.of(test).parts != nil {
				return false
			}
		}
	}
	return e.Text == requestWords
}

// carried reports that a problem can stand as the Problem child of the item it
// annotates: both are coded, and with the same code.
func (x *encoder) carried(p *record.Entry) bool {
	if p.Problem == nil || p.Problem.Defines == nil || !written(p) || !exact(p) {
		return false
	}
	item := p.Problem.Defines
	if !written(item) || !exact(item) || !item.Target.Is(p.Target) || x.of(item).head != nil {
		return false
	}
	switch x.of(item).plan {
	case inEvents, inReferrals, inAllergies, inAttachments, inDiary, inAlerts:
		return true
	case asChild:
		return x.of(item.Parent).plan == inInvestigations || item.Kind == record.KindRequest && item.Parent != nil && item.Parent.Parent != nil
	}
	return false
}

// list writes a list of what is planned for it and not in a consultation.
func (x *encoder) list(element string, p plan, write func(*record.Entry)) {
	open := false
	for _, e := range x.lists[p] {
		if x.of(e).inside || x.consulted(e) {
			continue
		}
		if !open {
			x.w.Start(element)
			open = true
		}
		write(e)
	}
	if open {
		x.w.End()
	}
}

// consulted reports an entry that its consultation will write.
func (x *encoder) consulted(e *record.Entry) bool {
	of := x.of(e)
	return of.consultation != nil && inline(of.plan)
}

// guid is the id where it is one, else one derived from it: the same record
// gives the same ids, and the NHS number is in none (uuid version 5).
func (x *encoder) guid(id string) string {
	if isGUID(id) {
		return id
	}
	if x.space == nil { // the name space and patient every derived id begins with
		space := uuid.NewSHA1(uuid.NameSpaceURL, []byte(Namespace))
		x.space = append(space[:], x.rec.Patient.ID+"\x00"...)
	}
	x.derive = append(append(x.derive[:0], x.space...), id...)
	return derived.ID(x.derive).String()
}

// isGUID reports the shape EMIS uses: 8-4-4-4-12 of letters and digits (E §1.1).
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return true
}

// ident writes the ids of an entry.
func (x *encoder) ident(e *record.Entry) {
	x.w.Number("RefID", x.of(e).number+1)
	x.w.Element("GUID", x.guidOf(e))
}

// guidOf is the GUID of an entry, wherever it is named.
func (x *encoder) guidOf(e *record.Entry) string {
	if e.ID == "" {
		return x.guid("entry " + strconv.Itoa(x.of(e).number+1))
	}
	return x.guid(e.ID)
}

// start opens an element of an entry path, of the entry or, with nil, of none.
func (x *encoder) start(element string, e *record.Entry) {
	x.rec.Wrote(element, e)
	x.w.Start(element)
}

// pointer writes a reference to an entry.
func (x *encoder) pointer(element string, e *record.Entry) {
	x.w.Start(element)
	x.ident(e)
	x.w.End()
}

// ref writes a reference by number into one of the directories.
func (x *encoder) ref(element string, n int) {
	x.w.Start(element)
	x.w.Number("RefID", n)
	x.w.End()
}

func (x *encoder) person(element string, p *record.Person) {
	if p != nil {
		x.ref(element, x.people.of(p))
	}
}

func (x *encoder) location(element string, o *record.Organisation) {
	if o != nil {
		x.ref(element, x.locations.of(o))
	}
}

// author writes OriginalAuthor: who entered it, and when.
func (x *encoder) author(e *record.Entry) {
	if e.EnteredBy == nil && e.Recorded.IsZero() {
		return
	}
	x.w.Start("OriginalAuthor")
	x.person("User", e.EnteredBy)
	x.w.Optional("SystemDate", stamp(e.Recorded))
	x.w.End()
}

func (x *encoder) policy(element string, e *record.Entry) {
	if e.Confidential != "" {
		x.w.Element(element, strconv.Itoa(x.policies.of(e.Confidential)))
	}
}

// dated writes AssignedDate, DatePart and AssignedTime (E §2). The element
// AssignedDate stands even when empty where the schema requires it.
func (x *encoder) dated(d record.Date, required bool) {
	part := "0"
	switch d.Precision() {
	case record.PrecisionUnknown:
		part = "3"
	case record.PrecisionMonth:
		part = "1"
	case record.PrecisionYear:
		part = "2"
	}
	if required || !d.IsZero() {
		x.w.Element("AssignedDate", d.DMY())
	}
	x.w.Element("DatePart", part)
	x.w.Optional("AssignedTime", d.Clock())
}

// lines writes lines as one text, or nothing when there are none.
func (x *encoder) lines(element string, lines []string) {
	if len(lines) > 0 {
		x.w.Lines(element, lines)
	}
}

// put writes one field of a bag, if it is there.
func (x *encoder) put(b *bag, names ...string) {
	for _, name := range names {
		for _, f := range b.fields {
			if f.Label == name {
				x.w.Element(name, f.Value)
			}
		}
	}
}

// group writes an element of fields whose paths start with its name.
func (x *encoder) group(b *bag, name string, fields ...string) {
	open := false
	for _, field := range fields {
		for _, f := range b.fields {
			if group, of, _ := strings.Cut(f.Label, "/"); group != name || of != field {
				continue
			}
			if !open {
				x.w.Start(name)
				open = true
			}
			x.w.Element(field, f.Value)
		}
	}
	if open {
		x.w.End()
	}
}
