package ehrextract

import (
	"strconv"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// The kinds of composition (S §6.1).
var (
	administrationNote = snomed("37351000000107", "Administration Note")
	nonConsultation    = snomed("196401000000100", "Non-consultation data")
	medicationData     = snomed("196391000000103", "Non-consultation medication data")
)

func snomed(value, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.SNOMED, Value: value, Term: term}
}

// plan gives every entry its identifier and works out what is written where.
func (x *encoder) plan() {
	number := 0
	for i, e := range x.rec.Entries {
		if written(e) { // numbered without what is withheld, which leaves no gap
			x.placed[i].id = x.entryID(e, number)
			number++
		}
	}
	for i, e := range x.rec.Entries {
		if !written(e) {
			continue
		}
		if x.partOf(e) {
			whole, part := x.of(e.Parent), &x.placed[i]
			whole.children = append(whole.children, e)
			part.listed, part.under = true, true
		}
		if p := e.Problem; p != nil && native(e) && p.Defines != nil {
			if by := x.of(p.Defines); by.problem == nil {
				by.problem = e
			}
		}
		for _, l := range e.Problems {
			if x.linkHolds(e, l) {
				to := x.of(l.Problem)
				to.links = append(to.links, e)
			}
		}
		if c := e.Consultation; c != nil && native(e) {
			for _, item := range c.Items {
				if written(item.Entry) && item.Entry.Kind != record.KindConsultation {
					x.of(item.Entry).listed = true
				}
			}
		}
	}
}

// partOf reports an entry that is written inside the statement of its parent.
func (x *encoder) partOf(e *record.Entry) bool {
	if !written(e.Parent) || !holds(e.Parent) || e.Kind == record.KindConsultation {
		return false
	}
	steps := 0
	for up := e.Parent; up != nil; up = up.Parent {
		if steps++; up == e || steps > len(x.rec.Entries) {
			return false // no tree: the entry stands on its own
		}
	}
	return true
}

// holds reports an entry that can hold others: a battery or a report.
func holds(e *record.Entry) bool {
	switch e.Kind {
	case record.KindResult, record.KindReport, record.KindObservation:
		return e.Outcome != record.FailedEntry
	}
	return false
}

// linkHolds reports that a problem's own link set points at the entry.
func (x *encoder) linkHolds(e *record.Entry, l record.ProblemLink) bool {
	return written(l.Problem) && native(l.Problem) && l.Problem.Kind == record.KindProblem && e.Kind != record.KindConsultation
}

// setting is who made a composition, when and where.
type setting struct {
	date, recorded record.Date
	author, by     *record.Person // by entered it
	place          *record.Organisation
	medication     bool
}

func settingOf(e *record.Entry) setting {
	return setting{e.Date, e.Recorded, e.Author, e.EnteredBy, e.Place, e.Kind == record.KindMedication || e.Kind == record.KindIssue}
}

// compositions writes all of them: the bridge's own first, then those of the
// record in its order. Entries outside consultations that were made by one
// person at one time and place, in sequence, share one.
func (x *encoder) compositions() {
	x.w.Start("folder")
	x.opening()
	open := false
	finish := func() {
		if open {
			x.finish()
			open = false
		}
	}
	for _, e := range x.rec.Entries {
		if !written(e) || x.of(e).listed || x.of(e).done {
			continue
		}
		if e.Kind == record.KindConsultation && native(e) {
			finish()
			x.consultation(e)
			continue
		}
		if s := settingOf(e); !open || x.setting != s {
			finish()
			kind := nonConsultation
			if s.medication {
				kind = medicationData
			}
			x.composition(x.derive("composition", x.of(e).id), nil, kind, "", s)
			open = true
		}
		x.component(e)
	}
	finish()
	for _, e := range x.rec.Entries { // what a ring of entries hides
		if written(e) && !x.of(e).done {
			x.composition(x.derive("composition", x.of(e).id), nil, nonConsultation, "", settingOf(e))
			x.component(e)
			x.finish()
		}
	}
	x.w.End()
}

// composition opens one, of the consultation or, with nil, of none.
func (x *encoder) composition(id string, e *record.Entry, kind mapping.Code, words string, s setting) {
	x.setting = s
	w := x.w
	w.Start("component", "typeCode", "COMP")
	x.start("ehrComposition", e, "classCode", "COMPOSITION", "moodCode", "EVN")
	w.Empty("id", "root", id)
	concept(w, "code", kind, words, nil, nil)
	complete(w)
	center(w, record.Date{})
	stamp(w, "availabilityTime", s.date)
	w.Start("author", "typeCode", "AUT", "contextControlCode", "OP")
	stamp(w, "time", s.recorded)
	if s.by != nil {
		x.agentRef(s.by)
	} else {
		x.agentRef(s.author)
	}
	w.End()
	x.location(s.place)
	if s.by != nil && s.author != nil {
		w.Start("Participant2", "typeCode", "RESP", "contextControlCode", "OP")
		x.agentRef(s.author)
		w.End()
	}
}

// finish ends the composition and its component.
func (x *encoder) finish() { closing(x.w, 2) }

// opening is the bridge's own composition: the head of the record, which a
// clinician reads before anything else, and the patient's details.
func (x *encoder) opening() {
	texts := [][]string{x.head}
	if x.demographicsShown() {
		if lines := patientLines(&x.rec.Patient); len(lines) > 0 {
			texts = append(texts, append([]string{patientTitle}, lines...))
		}
	}
	now := record.DateOf(x.m.ID.At)
	x.composition(x.derive("opening", ""), nil, administrationNote, "", setting{date: now, recorded: now, author: linkspan})
	for i, lines := range texts {
		if len(lines) > 0 || len(texts) == 1 {
			x.open()
			x.narrative(nil, x.derive("opening", string(rune('a'+i))), now, lines)
			x.w.End()
		}
	}
	x.finish()
}

// linkspan is who wrote what the bridge itself says.
var linkspan = &record.Person{ID: "linkspan", Display: "Linkspan"}

func (x *encoder) demographicsShown() bool {
	for _, e := range x.rec.Entries {
		if e.Kind == record.KindDemographics && !e.Shown() {
			return false
		}
	}
	return true
}

// consultation writes a composition with its items in order, those under one
// heading together.
func (x *encoder) consultation(e *record.Entry) {
	c := e.Consultation
	if c == nil {
		c = &record.Consultation{}
	}
	x.of(e).done = true
	words := e.Text
	if words == "" {
		words = c.TypeText
	}
	x.composition(x.of(e).id, e, typeOf(c), words, settingOf(e))
	lines := x.consultationLines(e, c, words)
	if len(lines) > 0 {
		x.open()
		x.narrative(nil, x.derive("consultation", x.of(e).id), e.Date, lines)
		x.w.End()
	}
	items := x.itemsOf(c)
	x.topics(e, items)
	if len(lines)+len(items) == 0 {
		x.open()
		x.nothing(x.derive("empty", x.of(e).id))
		x.w.End()
	}
	x.finish()
}

// typeOf is the kind of composition a consultation is.
func typeOf(c *record.Consultation) mapping.Code {
	if c.Type.Value == "" {
		return mapping.Code{}
	}
	return snomed(c.Type.Value, c.Type.Term)
}

// itemsOf are the lines of a consultation that are written in it: headings that
// stand alone, and each entry that is not inside another one's statement once.
func (x *encoder) itemsOf(c *record.Consultation) []record.Item {
	x.items = x.items[:0]
	for _, item := range c.Items {
		e := item.Entry
		of := x.of(e)
		if e != nil && (!written(e) || of.done || of.under || of.item == c || e.Kind == record.KindConsultation) {
			continue
		}
		if e == nil && headingWords(item) == "" && pageWords(item.Page) == "" {
			continue
		}
		of.item = c
		x.items = append(x.items, item)
	}
	return x.items
}

// topics writes the lines of a consultation: those of one problem page, in
// sequence, in a TOPIC.
func (x *encoder) topics(c *record.Entry, items []record.Item) {
	for i := 0; i < len(items); {
		end := i + 1
		for end < len(items) && items[end].Page == items[i].Page {
			end++
		}
		if page := pageWords(items[i].Page); page == "" {
			x.categories(c, i, items[i:end])
		} else {
			x.heading("TOPIC", x.derive("topic", x.of(c).id, strconv.Itoa(i)), mapping.Code{}, page, c)
			x.categories(c, i, items[i:end])
			x.headed()
		}
		i = end
	}
}

// categories writes those under one heading, in sequence, in a CATEGORY.
func (x *encoder) categories(c *record.Entry, at int, items []record.Item) {
	for i := 0; i < len(items); {
		end := i + 1
		for end < len(items) && items[end].Heading == items[i].Heading && items[end].Words == items[i].Words {
			end++
		}
		id := x.of(c).id + "|" + strconv.Itoa(at+i)
		words := headingWords(items[i])
		if words != "" {
			x.heading("CATEGORY", x.derive("heading", id), headingCode(items[i].Heading), words, c)
			x.lines(items[i:end], id)
			x.headed()
		} else {
			x.lines(items[i:end], id)
		}
		i = end
	}
}

// lines writes the entries of items, or that there are none.
func (x *encoder) lines(items []record.Item, id string) {
	some := false
	for _, item := range items {
		if item.Entry != nil {
			some = true
			x.component(item.Entry)
		}
	}
	if !some {
		x.open()
		x.nothing(x.derive("nothing", id))
		x.w.End()
	}
}

// heading opens a component with a compound statement that is no entry;
// headed ends it.
func (x *encoder) heading(class, id string, code mapping.Code, words string, at *record.Entry) {
	x.open()
	x.compound(nil, class, id)
	concept(x.w, "code", code, words, nil, nil)
	x.times(at)
}

func (x *encoder) headed() {
	x.compounded()
	x.w.End()
}

// headingCode is the code of a heading that has one.
func headingCode(c mapping.Code) mapping.Code {
	if code := snomed(c.Value, c.Term); code.Valid() {
		return code
	}
	return mapping.Code{}
}

// nothing writes that there is nothing, where the format wants something.
func (x *encoder) nothing(id string) {
	x.w.Start("EhrEmpty", "classCode", "OBS", "moodCode", "EVN")
	x.w.Empty("id", "root", id)
	x.w.End()
}

// consultationLines are what a consultation says beyond its elements.
func (x *encoder) consultationLines(e *record.Entry, c *record.Consultation, words string) []string {
	n := x.extra()
	for _, q := range e.Qualifiers {
		n.line(q.Name, q.Value)
	}
	for _, t := range e.Texts {
		n.line(t.Label, t.Value)
	}
	n.facts(e, func(f record.Field) bool {
		return f == record.FactConsultationType || f == record.FactConsultationTypeText && c.TypeText == words
	})
	for _, item := range c.Items {
		if written(item.Entry) && item.Entry.Kind == record.KindConsultation {
			n.line(record.Join(", ", headingWords(item), pageWords(item.Page)), item.Entry.Name())
		}
	}
	for _, note := range e.Notes {
		n.once(note)
	}
	n.lines = x.context(n.lines, e)
	if !e.Target.IsZero() {
		n.line("Code", record.CodeWords(e.Target))
	}
	translations(e, n)
	return n.lines
}
