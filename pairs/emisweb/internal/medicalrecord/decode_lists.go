package medicalrecord

import (
	"slices"
	"strconv"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// consultation reads one Consultation with its items in the order they are
// displayed (E §2). An item is an entry in its own right.
func (d *decoder) consultation() {
	start := len(d.rec.Entries)
	e := d.begin(atConsultation)
	c := &record.Consultation{}
	e.Kind, e.Consultation = record.KindConsultation, c
	var id ident
	var date, part string
	var items []element
	for name := range d.fields(e) {
		switch name {
		case "AssignedDate":
			date = d.value()
		case "DatePart":
			part = d.value()
		case "UserID":
			d.person(e, "Author", &e.Author)
		case "OriginalAuthor":
			d.author(e)
		case "ExternalConsultant":
			c.External = d.text()
		case "LocationID":
			d.organisation(e, "Place", &e.Place)
		case "LocationTypeID":
			d.contact(e)
		case "AccompanyingHCPID":
			d.named(e, accompanied, inPeople)
		case "Duration":
			c.Duration = d.value()
		case "TravelTime":
			c.Travel = d.value()
		case "PolicyID":
			d.confidential(&e.Confidential)
		case "ElementList":
			d.each(e, "ConsultationElement", func() { items = append(items, d.element(e)...) })
		default:
			if !id.read(d, name) {
				d.other(e, "Consultation", name)
			}
		}
	}
	e.Date = d.date(e, date, part, "")
	slices.SortStableFunc(items, func(a, b element) int { return a.order - b.order })
	parts := make([]*record.Entry, 0, len(items))
	for _, i := range items {
		c.Items = append(c.Items, i.Item)
		parts = append(parts, i.Entry)
	}
	d.finish(atConsultation, e, id, start)
	d.inheritWithin(e, parts)
}

// accompanied is the label of a second professional in a consultation.
const accompanied = "Accompanied by"

// inheritWithin marks the items before their own parts are looked at.
func (d *decoder) inheritWithin(whole *record.Entry, parts []*record.Entry) {
	d.late = append(d.late, func() {
		if whole.Confidential == "" {
			return
		}
		for _, e := range d.rec.Entries {
			if e.Confidential == "" && within(e, parts) {
				e.Confidential = whole.Confidential
			}
		}
	})
}

func within(e *record.Entry, parts []*record.Entry) bool {
	for ; e != nil; e = e.Parent {
		if slices.Contains(parts, e) {
			return true
		}
	}
	return false
}

// contact reads the type of place: where or how the patient was seen.
func (d *decoder) contact(e *record.Entry) {
	id := d.reference(e)
	if !id.stated() {
		return
	}
	d.late = append(d.late, func() {
		words, ok := d.kinds.find(id)
		if !ok || words == "" {
			e.Notes = append(e.Notes, "Type of place: reference "+id.words()+" is not in the message.")
			return
		}
		code, _, known := readSlot("consultation-type", words)
		if !known {
			code = mapping.Code{Scheme: own + "consultation-type", Value: words, Term: words}
		}
		e.Consultation.Type, e.Consultation.TypeText = code, words
		if e.Text == "" {
			e.Text = words
		}
	})
}

// element is an item of a consultation with its place in the display.
type element struct {
	record.Item
	order int
}

// element reads one ConsultationElement: one entry under a heading. Several
// entries in one, which the schema forbids, are several items.
func (d *decoder) element(consultation *record.Entry) []element {
	var (
		id      ident
		item    record.Item
		entries []*record.Entry
		order   = 1 << 20 // without an order: after those that have one
	)
	for name := range d.fields(consultation) {
		var e *record.Entry
		switch name {
		case "DisplayOrder":
			native := d.value()
			if n, err := strconv.Atoi(native); err == nil {
				order = n
			} else {
				d.add(consultation, "Display order as recorded", native)
			}
		case "ProblemSection":
			item.Page = d.value()
		case "Header":
			item.Heading, item.Words = d.heading(consultation)
		case "Event":
			e = d.event(atConsultedEvent, nil)
		case "Medication":
			e = d.medication(atConsultedMedication)
		case "Diary":
			e = d.diary(atConsultedDiary)
		case "Referral":
			e = d.referral(atConsultedReferral)
		case "Allergy":
			e = d.allergy(atConsultedAllergy)
		case "Attachment":
			e = d.attachment(atConsultedAttachment)
		case "TestRequest":
			e = d.requestHeader(atConsultedRequestHeader)
		case "Investigation":
			e = d.investigation(atConsultedInvestigation)
		default:
			if !id.read(d, name) {
				d.unrecognised()
				e = d.rec.Entries[len(d.rec.Entries)-1]
			}
		}
		if e != nil {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		d.add(consultation, "Heading without an entry", sentence(item.Words, item.Page))
	}
	var out []element
	for _, e := range entries {
		item.Entry = e
		out = append(out, element{item, order})
	}
	return out
}

// heading reads the Header of an item. In record a heading is the SNOMED CT
// code OpenHR has for it, or its words.
func (d *decoder) heading(e *record.Entry) (mapping.Code, string) {
	n := d.code(e)
	words := n.term
	code, _, known := readSlot("heading", words)
	if !known && words != "" {
		code = mapping.Code{Scheme: own + "heading", Value: words, Term: words}
	}
	for _, part := range []string{n.value, n.scheme, n.oldCode, n.mapCode, n.mapScheme} {
		if part != "" {
			e.Notes = append(e.Notes, "Source code: heading "+words+" "+part)
		}
	}
	return code, words
}

// allergy reads one Allergy (E §2, §4). What it is to stands in Codes: its
// words are Allergy.Details; its number is EMIS's own and stays text.
func (d *decoder) allergy(at place) *record.Entry {
	it := d.item(at, "Allergy")
	e, a := it.e, &record.Allergy{}
	e.Kind, e.Allergy = record.KindAllergy, a
	var codes nativeCode
	for name := range d.fields(e) {
		switch name {
		case "Episodicity":
			d.slot(e, "episodicity", "Episodicity", &e.Episodicity)
		case "AllergyType":
			d.slot(e, "allergy-type", "Type", &a.Type)
		case "Codes":
			codes = d.code(e)
		case "Exclude":
			a.Excludes = d.text()
		default:
			if !it.read(d, name) {
				d.other(e, "Allergy", name)
			}
		}
	}
	switch a.Type.Value {
	case "0":
		a.Class = record.AllergyNonDrug
	case "1":
		a.Class = record.AllergyDrugGroup
	case "2", "4":
		a.Class = record.AllergyDrug
	case "3":
		a.Class = record.AllergyIngredient
	}
	it.finish(d)
	if codes.stated() && it.id.status != deleted {
		d.substance(e, codes)
	}
	return e
}

// substance reads what the allergy is to: an EMIS preparation code, a dm+d
// identifier, or a number of one of EMIS's own lists of drugs, which keeps the
// name of the list as its scheme, as in OpenHR (emisweb.drug-name, ...).
func (d *decoder) substance(e *record.Entry, n nativeCode) {
	a := e.Allergy
	a.Details = n.term
	if e.Text == "" {
		e.Text = n.term
	}
	c := drug(nativeCode{value: "-1", term: n.term, oldCode: n.oldCode, scheme: "EMISPREPARATION"})
	if c.code.IsZero() && n.mapScheme == "DMD" {
		c = drug(nativeCode{mapCode: n.mapCode, mapScheme: n.mapScheme, term: n.term})
		n.mapCode = ""
	}
	a.Substance = c.code
	e.Notes = append(e.Notes, c.notes...)
	if list, _, known := readSlot("drug-list", n.scheme); known && n.value != "" && a.Substance.IsZero() {
		number := mapping.Code{Scheme: mapping.Scheme(own + list.Value), Value: n.value, Term: n.term}
		if number.Valid() {
			a.Substance, n.value = number, ""
		}
	}
	if n.value != "" || n.scheme != "" && c.code.IsZero() {
		e.Notes = append(e.Notes, "Source code: "+nativeCode{value: n.value, scheme: n.scheme, term: n.term}.inWords())
	}
	if n.mapCode != "" || n.mapScheme != "" && a.Substance.IsZero() {
		e.Notes = append(e.Notes, "Source code: "+nativeCode{value: n.mapCode, scheme: n.mapScheme}.inWords())
	}
}

// attachment reads one Attachment. Its content does not cross.
func (d *decoder) attachment(at place) *record.Entry {
	it := d.item(at, "Attachment")
	e, doc := it.e, &record.Document{}
	e.Kind, e.Document = record.KindDocument, doc
	for name := range d.fields(e) {
		switch name {
		case "Title":
			doc.Title = d.text()
		case "Address":
			doc.Locator = d.text()
		case "AttachmentData":
			e.Notes = append(e.Notes, "The content of the document is held in the source system and is not shown here.")
		default:
			if !it.read(d, name) {
				d.other(e, "Attachment", name)
			}
		}
	}
	it.finish(d)
	if e.Text == "" {
		e.Text = doc.Title
	}
	return e
}

// diary reads one Diary entry; its date is when it is due.
func (d *decoder) diary(at place) *record.Entry {
	it := d.item(at, "Diary")
	e, b := it.e, &record.DiaryBody{}
	e.Kind, e.Diary = record.KindDiary, b
	for name := range d.fields(e) {
		switch name {
		case "DurationTerm":
			b.Duration = d.text()
		case "Reminder":
			if words := d.text(); words != "" {
				b.Reminders = append(b.Reminders, words)
			}
		case "LocationTypeID":
			id := d.reference(e)
			b.Place = id.words()
			d.late = append(d.late, func() {
				if words, ok := d.kinds.find(id); ok {
					b.Place = words
				}
			})
		default:
			if !it.read(d, name) {
				d.other(e, "Diary", name)
			}
		}
	}
	it.finish(d)
	return e
}

func (d *decoder) alert() {
	it := d.item(atAlert, "Alert")
	it.e.Kind = record.KindAlert
	for name := range d.fields(it.e) {
		if !it.read(d, name) {
			d.other(it.e, "Alert", name)
		}
	}
	it.finish(d)
}

// note reads one Note of the practice about the patient.
func (d *decoder) note() {
	start := len(d.rec.Entries)
	e := d.begin(atNote)
	e.Kind = record.KindAdministration
	var id ident
	var date, clock string
	for name := range d.fields(e) {
		switch name {
		case "AssignedDate":
			date = d.value()
		case "Time":
			clock = d.value()
		case "OwnerID":
			d.named(e, "Owner", inPeople)
		case "AuthorID":
			d.person(e, "Author", &e.Author)
		case "NoteText":
			e.Text = d.text()
		default:
			if !id.read(d, name) {
				d.other(e, "Note", name)
			}
		}
	}
	d.add(e, administrative, "note")
	e.Date = d.date(e, date, "", clock)
	d.finish(atNote, e, id, start)
}

// administrative is the label that says what kind of administrative item an
// entry is; by it the item goes back to its own list.
const administrative = "Administrative item"

func (d *decoder) appointment() {
	start := len(d.rec.Entries)
	e := d.begin(atAppointment)
	e.Kind = record.KindAdministration
	var id ident
	var date, clock string
	for name := range d.fields(e) {
		switch name {
		case "SessionHolder":
			d.person(e, "Session holder", &e.Author)
		case "LocationID":
			d.organisation(e, "Place", &e.Place)
		case "AssignedDate":
			date = d.value()
		case "Time":
			clock = d.value()
		case "Reason":
			e.Text = d.text()
		default:
			if !id.read(d, name) {
				d.other(e, "Appointment", name)
			}
		}
	}
	d.add(e, administrative, "appointment")
	e.Date = d.date(e, date, "", clock)
	d.finish(atAppointment, e, id, start)
}
