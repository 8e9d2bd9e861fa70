package medicalrecord

import (
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// inline reports a plan whose element may stand in a ConsultationElement.
func inline(p plan) bool {
	switch p {
	case inEvents, inInvestigations, inReferrals, inAllergies, inMedications, inAttachments, inDiary, inRequests:
		return true
	}
	return false
}

// consultations writes the list, the head of the record first.
func (x *encoder) consultations(head []string) {
	open := len(head) > 0
	if open {
		x.w.Start("ConsultationList")
		x.headConsultation(head)
	}
	for _, e := range x.lists[inConsultations] {
		if !open {
			x.w.Start("ConsultationList")
			open = true
		}
		x.consultation(e)
	}
	if open {
		x.w.End()
	}
}

// bridge is the author of what is in the document but in nobody's record.
var bridge = record.Person{Display: "Linkspan", Surname: "Linkspan"}

// headConsultation writes what a clinician must read first as a text event of
// the day the document was made.
func (x *encoder) headConsultation(head []string) {
	author := x.people.of(&bridge)
	date := x.id.At.Format("02/01/2006")
	x.start("Consultation", nil)
	x.made("head")
	x.w.Element("AssignedDate", date)
	x.w.Element("DatePart", "0")
	x.ref("UserID", author)
	x.w.Start("ElementList")
	x.w.Start("ConsultationElement")
	x.w.Element("DisplayOrder", "1")
	x.header("Comment")
	x.start("Event", nil)
	x.made("head event")
	x.w.Element("AssignedDate", date)
	x.ref("AuthorID", author)
	x.w.Element("DescriptiveText", strings.Join(head, "\n"))
	x.w.Element("EventType", "0")
	x.w.End()
	x.w.End()
	x.w.End()
	x.w.End()
}

// made writes the ids of an element that is no entry. Its number is past those
// of all entries.
func (x *encoder) made(what string) {
	x.extra++
	x.w.Element("RefID", strconv.Itoa(x.shown+x.extra))
	x.w.Element("GUID", x.guid(what))
}

func (x *encoder) header(words string) {
	x.w.Start("Header")
	x.w.Element("Term", words)
	x.w.End()
}

// consultation writes one Consultation with its items in order. It has no text
// of its own, so that what it says beside its fields is a first item.
func (x *encoder) consultation(e *record.Entry) {
	c := e.Consultation
	with, l := facts(e).apart(accompanied)
	b := x.bag(e, "Consultation", l)
	kind := c.TypeText
	if kind == "" {
		kind = e.Text
	}
	if kind != e.Text && e.Text != "" {
		b.lines = append([]string{e.Text}, b.lines...)
	}
	x.start("Consultation", e)
	x.ident(e)
	x.w.Element("AssignedDate", stamp(e.Date))
	x.w.Element("DatePart", datePart(e.Date))
	x.person("UserID", e.Author)
	x.put(b, "ExternalConsultant")
	x.location("LocationID", e.Place)
	if kind == "" && !c.Type.IsZero() {
		kind = writeSlot("consultation-type", c.Type.Value)
		if kind == "" {
			kind = record.TermOf(c.Type)
		}
	}
	if kind != "" {
		x.ref("LocationTypeID", x.kinds.of(kind))
	}
	if len(with) > 0 {
		x.ref("AccompanyingHCPID", x.people.of(x.called(with[0])))
	}
	x.put(b, "ConsultationType", "Duration", "TravelTime", "AppointmentSlotID", "DataSource")
	x.policy("PolicyID", e)
	x.author(e)
	x.items(e, b)
	x.w.End()
}

func (x *encoder) items(e *record.Entry, b *bag) {
	order := 0
	begin := func(i record.Item) {
		if order++; order == 1 {
			x.w.Start("ElementList")
		}
		x.w.Start("ConsultationElement")
		x.w.Element("DisplayOrder", strconv.Itoa(order))
		if i.Page != "" { // most items have none, and a failed ParseInt makes an error for each
			if n, err := strconv.ParseInt(i.Page, 10, 8); err == nil {
				x.w.Element("ProblemSection", strconv.FormatInt(n, 10))
			}
		}
		words := i.Words
		if words == "" && !i.Heading.IsZero() {
			if words = writeSlot("heading", i.Heading.Value); words == "" {
				words = record.TermOf(i.Heading)
			}
		}
		if words != "" {
			x.header(words)
		}
	}
	if len(b.lines) > 0 {
		begin(record.Item{})
		x.textEvent(e, "text "+strconv.Itoa(x.of(e).number), "", b.text())
		x.w.End()
	}
	for n, i := range e.Consultation.Items {
		of := x.of(i.Entry)
		if !written(i.Entry) || of.plan == asChild && x.among(e, i.Entry) {
			continue
		}
		begin(i)
		if of.inside || !inline(of.plan) || of.consultation != e {
			x.textEvent(e, "item "+strconv.Itoa(x.of(e).number)+" "+strconv.Itoa(n), i.Entry.Text, "Recorded in this consultation; shown in full in its own list.")
		} else {
			of.inside = true
			x.inline(i.Entry)
		}
		x.w.End()
	}
	if order > 0 {
		x.w.End()
	}
}

// among reports that an entry is written inside another item of the same
// consultation: as part of a battery, or as the problem of its item.
func (x *encoder) among(consultation, e *record.Entry) bool {
	around := e.Parent
	if x.of(e).plan == asChild && e.Kind == record.KindProblem {
		around = e.Problem.Defines
	}
	for ; around != nil; around = around.Parent {
		if x.of(around).consultation == consultation {
			return true
		}
	}
	return false
}

// textEvent writes words that are no entry.
func (x *encoder) textEvent(e *record.Entry, id, term, text string) {
	x.start("Event", nil)
	x.made(id)
	x.dated(e.Date, false)
	x.person("AuthorID", e.Author)
	x.w.Optional("DisplayTerm", term)
	x.w.Element("DescriptiveText", text)
	x.policy("PolicyID", e)
	x.w.Element("EventType", "0")
	x.w.End()
}

func (x *encoder) inline(e *record.Entry) {
	switch x.of(e).plan {
	case inEvents:
		x.event(e)
	case inInvestigations:
		x.investigation(e)
	case inReferrals:
		x.referral(e)
	case inAllergies:
		x.allergy(e)
	case inMedications:
		x.medication(e)
	case inAttachments:
		x.attachment(e)
	case inDiary:
		x.diary(e)
	case inRequests:
		x.request(e, "TestRequest")
	}
}
