package openhr

import (
	"github.com/linkspan/linkspan/record"
)

// resolve joins what the document only points at, when all of it is read.
func (d *decoder) resolve() {
	d.joinStaff()
	d.joinPlaces()
	d.joinPatient()
	d.source()
	for _, it := range d.items {
		d.join(it)
	}
	for _, it := range d.items {
		d.link(it)
	}
	for _, f := range d.later {
		f()
	}
	for _, it := range d.items {
		d.settle(it)
	}
	for _, it := range d.items {
		if it.Kind == record.KindProblem && it.Problem.Defines != nil {
			head(it.Entry, it.Problem.Defines)
		}
	}
	if d.unfiled {
		d.rec.Warn(record.Warning{Code: record.WarnAwaitingFiling, Detail: d.created.Truncate(record.PrecisionDay).Words()})
	}
	for _, it := range d.items {
		if it.Kind == record.KindDemographics { // what it says goes with the patient
			d.admin.Texts, d.admin.Notes = append(d.admin.Texts, it.Texts...), append(d.admin.Notes, it.Notes...)
			it.Texts, it.Notes = nil, nil
		}
	}
	for _, t := range d.admin.Texts {
		d.registered(t.Label, t.Value)
	}
	for _, line := range d.admin.Notes {
		d.registered("Note", line)
	}
}

// source says who holds the record. In real documents the practice's code is
// found only through its organisation (E §1.5 (3)).
func (d *decoder) source() {
	s := &d.rec.Source
	if o := d.place(d.author); o != nil {
		s.ODS = o.ODS
		if s.Organisation == "" {
			s.Organisation = o.Name
		}
	}
	if d.nationalCode != "" {
		s.ODS = d.nationalCode
	}
}

// join fills people and marks of one entry.
func (d *decoder) join(it *item) {
	it.Author, it.EnteredBy = d.person(it.authorID), d.person(it.enteredID)
	it.Confidential = d.mark(it.policy)
	if it.hidden && it.Confidential == "" {
		it.Confidential = "hidden"
	}
	if it.Consultation != nil && it.placeID != "" {
		it.Consultation.Place = d.place(it.placeID).Title()
	}
	d.mix(it)
	if it.Kind == record.KindProblem {
		if to := d.byID[it.defines]; to != nil {
			it.Problem.Defines = to.Entry
		}
	}
}

// link makes the pointers between entries. A pointer that leads nowhere is
// said, where its target would have told the reader something.
func (d *decoder) link(it *item) {
	for _, id := range it.children {
		switch to := d.byID[id]; {
		case to == nil:
			it.note("A part of this entry is not in the message.")
		case to.Parent == nil && !partOf(it.Entry, to.Entry):
			to.Parent = it.Entry
		}
	}
	if up := d.byID[it.parentID]; up != nil && it.Parent == nil && !partOf(up.Entry, it.Entry) {
		it.Parent = up.Entry
	}
	if it.courseID != "" {
		if to := d.byID[it.courseID]; to != nil && to.Kind == record.KindMedication && it.Medication != nil {
			it.Medication.Course = to.Entry
		} else {
			it.note("The course this issue belongs to is not in the message.")
		}
	}
	d.spoken(it, "Linked to", it.linkedID)
	d.spoken(it, "Requested by", it.orderID)
	for _, id := range it.activities {
		d.spoken(it, relatedEntry, id)
	}
	d.linkDocument(it)
	d.linkProblem(it)
	for i, id := range it.components {
		if to := d.byID[id]; to != nil && to != it {
			it.Consultation.Items[i].Entry = to.Entry
		} else {
			it.note("A line of this consultation is not in the message.")
		}
	}
}

// partOf reports that a is part of b, at whatever depth, or is b.
func partOf(a, b *record.Entry) bool {
	for ; a != nil; a = a.Parent {
		if a == b {
			return true
		}
	}
	return false
}

// spoken names another entry in words, for a pointer the record has no field
// for.
func (d *decoder) spoken(it *item, label, id string) {
	if id != "" {
		it.fact(label, d.named(id))
	}
}

// linkDocument makes the document an event refers to part of that event.
func (d *decoder) linkDocument(it *item) {
	if it.documentID != "" {
		d.merge(it, d.byID[it.documentID])
	}
	for _, id := range it.documentEvents {
		if to := d.byID[id]; to != nil && to.documentID == "" {
			d.merge(to, it)
		}
	}
}

func (d *decoder) merge(it, doc *item) {
	if doc == nil || doc.Kind != record.KindDocument || doc.documentID != "" || doc == it {
		it.note("The document this entry refers to is not in the message.")
		return
	}
	it.documentID = doc.ID
	body := *doc.Document
	it.Document = &body
	if !it.deleted && !doc.deleted {
		doc.Outcome = record.Duplicate
	}
	if doc.deleted {
		it.Document.Deleted = true
	}
	d.later = append(d.later, func() {
		it.Texts = append(it.Texts, doc.Texts...)
		it.fact(produced, doc.produced.String())
		it.Notes = append(it.Notes, doc.Notes...)
		it.Others = append(it.Others, doc.Others...)
		it.Qualifiers = append(it.Qualifiers, doc.Qualifiers...)
	})
}

// linkProblem links entries to the problem and the problem to those above it.
func (d *decoder) linkProblem(it *item) {
	for _, l := range it.links {
		to := d.byID[l.event]
		if to == nil {
			it.note("An entry linked to this problem is not in the message.")
			continue
		}
		link := record.ProblemLink{Problem: it.Entry}
		it.enumerated(&link.Link, schemeProblemLink, vocLink, "Link", l.link)
		to.Problems = append(to.Problems, link)
	}
	for _, up := range it.parents {
		other := d.byID[up.problem+problemSuffix]
		switch {
		case other == nil || other.Kind != record.KindProblem || other == it:
			it.note("A problem this one is linked to is not in the message.")
		case up.child:
			addParent(other.Problem, it.Entry, up.relation)
		default:
			addParent(it.Problem, other.Entry, up.relation)
		}
	}
}

// addParent links once, whichever of the two problems says it.
func addParent(p *record.Problem, parent *record.Entry, relation string) {
	for _, have := range p.Parents {
		if have.Problem == parent {
			return
		}
	}
	p.Parents = append(p.Parents, record.ParentProblem{Problem: parent, Relation: relation})
}

// head gives a problem the words, code and dates of the event that defines it:
// it is read as a heading on its own. What hides the event hides the heading.
func head(p, by *record.Entry) {
	p.Text, p.Code, p.Malformed = by.Text, by.Code, by.Malformed
	p.Others, p.Qualifiers = by.Others, by.Qualifiers
	p.Date, p.Recorded, p.Author, p.EnteredBy, p.Place = by.Date, by.Recorded, by.Author, by.EnteredBy, by.Place
	p.Episodicity = by.Episodicity
	p.Confidential = by.Confidential
	if by.Outcome == record.Duplicate || by.Outcome == record.FailedEntry {
		p.Outcome = by.Outcome
	}
	if p.Code.IsZero() && by.Allergy != nil {
		p.Code = by.Allergy.Substance
	}
}

// settle ends the entries that must not be shown: one marked deleted is no
// part of the record any more and keeps nothing of what it said; one about
// another patient than the document's has failed.
func (d *decoder) settle(it *item) {
	switch {
	case it.deleted:
		*it.Entry = record.Entry{Kind: it.Kind, Counted: it.Counted, At: it.At, Outcome: record.Duplicate}
	case it.patient != "" && it.patient != d.patientID:
		*it.Entry = record.Entry{Kind: it.Kind, Counted: it.Counted, At: it.At, Outcome: record.FailedEntry}
	case it.Kind == record.KindProblem && it.Problem.Defines == nil:
		it.Text = "Problem (the entry that names it is missing)"
		it.note("The entry that defines this problem is not in the message.")
	}
}
