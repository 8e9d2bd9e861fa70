package myrecord

import (
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// spoken is an entry while it is put into words: what stands in a member of its
// own is not said a second time.
type spoken struct {
	e      *record.Entry
	mark   string // goes behind the entry's own words
	fields []record.Field
	texts  []int
}

// says notes facts that have a member of their own.
func (x *spoken) says(fields ...record.Field) { x.fields = append(x.fields, fields...) }

// peek is the first text of a label.
func (x *spoken) peek(label string) string {
	for _, t := range x.e.Texts {
		if t.Label == label {
			return t.Value
		}
	}
	return ""
}

// text is the first text of a label, which has a member of its own.
func (x *spoken) text(label string) string {
	for i, t := range x.e.Texts {
		if t.Label == label {
			x.texts = append(x.texts, i)
			return t.Value
		}
	}
	return ""
}

// all is everything in one text.
func (x *spoken) all() string {
	first, more := x.lines()
	return strings.TrimPrefix(strings.Join(append([]string{first}, more...), "\n"), "\n")
}

// apart is the entry's own words, and all the rest.
func (x *spoken) apart() (first, rest string) {
	first, more := x.lines()
	return first, strings.Join(more, "\n")
}

// own are the entry's own words, marked with what could turn them round. A row
// that a reader may drop for want of words has some.
func (x *spoken) own() string {
	e := x.e
	first := e.Text
	if first == "" {
		switch e.Kind {
		case record.KindAllergy, record.KindMedication, record.KindIssue, record.KindProblem, record.KindImmunisation, record.KindResult, record.KindDiary:
			first = e.Words()
		}
	}
	marks := []string{}
	for _, q := range e.Qualifiers {
		if q.Meaning != record.Refines {
			marks = append(marks, "["+q.Name+": "+q.Value+"]")
		}
	}
	switch {
	case e.Kind == record.KindFamilyHistory && mapping.ClassOf(e.Text) != mapping.FamilyHistory:
		marks = append(marks, "[family history]")
	case e.Immunisation != nil && e.Immunisation.NotGiven && !saysNotGiven(e.Text):
		marks = append(marks, "[NOT given]")
	case e.Allergy != nil && e.Allergy.Ended:
		marks = append(marks, "[past allergy, ended]")
	case e.Kind == record.KindDocument || e.Kind == record.KindAlert || e.Kind == record.KindRequest || e.Kind == record.KindReport:
		marks = append(marks, "["+e.Kind.String()+"]")
	case e.Kind == record.KindIssue:
		marks = append(marks, "[issue]")
	}
	if x.mark != "" {
		marks = append(marks, x.mark)
	}
	return strings.TrimSpace(strings.Join(append([]string{first}, marks...), " "))
}

// lines are the entry's own words, and everything else it says that has no member
// of its own.
func (x *spoken) lines() (first string, more []string) {
	e := x.e
	if e.Outcome == record.FailedEntry {
		return "An entry at " + e.At + " could not be read.", nil
	}
	say := func(label, words string) {
		if words = strings.TrimSpace(words); words != "" {
			more = append(more, strings.TrimPrefix(label+": "+words, ": "))
		}
	}
	for _, q := range e.Qualifiers {
		say(q.Name, q.Value)
	}
	for i, t := range e.Texts {
		if !slices.Contains(x.texts, i) {
			say(t.Label, t.Value)
		}
	}
	e.EachFact(func(f record.Fact) {
		said := f.Field == record.FactImmunisationNotGiven && strings.Contains(e.Text, f.Words())
		if !said && !slices.Contains(x.fields, f.Field) {
			more = append(more, f.Line())
		}
	})
	if !e.Date.IsZero() && dayAlone(e.Date) == "" {
		say("Date", e.Date.Words())
	}
	if !e.Recorded.IsZero() && (e.Kind != record.KindDiary || dayAlone(e.Recorded) == "") {
		say("Recorded", e.Recorded.Words())
	}
	if e.Author != nil {
		say("By", e.Author.NameAndRole())
	}
	if e.Place != nil {
		say("At", e.Place.Title())
	}
	if e.Parent.Shown() {
		say("Part of", e.Parent.Name())
	}
	for _, l := range e.Problems {
		if l.Problem.Shown() {
			say("Problem", l.Problem.Name())
		}
	}
	if c := e.Consultation; c != nil {
		for _, i := range c.Items {
			if i.Entry.Shown() {
				say(i.Words, i.Entry.Name())
			}
		}
	}
	more = append(more, e.Notes...)
	if !e.Code.IsZero() {
		more = append(more, record.SourceCode(e.Code))
	}
	for _, c := range e.Others {
		more = append(more, record.SourceCode(c))
	}
	return x.own(), more
}

// patientLines are what is known of the patient: my-record says nothing of who it
// is about.
func patientLines(p *record.Patient) []string {
	var lines []string
	say := func(label, words string) {
		if words = strings.Join(strings.Fields(words), " "); words != "" {
			lines = append(lines, strings.TrimSpace(label)+": "+words)
		}
	}
	on := func(label string, d record.Date) {
		if !d.IsZero() {
			say(label, d.Words())
		}
	}
	say("Name", p.Title+" "+p.Forenames+" "+p.Surname)
	say("Known as", p.KnownAs)
	say("Birth surname", p.BirthName)
	say("Previous surname", p.Previous)
	on("Date of birth", p.BirthDate)
	on("Date of death", p.DeathDate)
	if p.Dead && p.DeathDate.IsZero() {
		lines = append(lines, "Recorded as deceased")
	}
	say("Sex", record.TermOf(p.Sex))
	for _, a := range p.Addresses {
		say("Address "+a.Use, strings.Join([]string{a.House, a.Number, a.Street, a.Village, a.Town, a.County, a.Postcode}, " "))
	}
	for _, c := range p.Contacts {
		say("Contact "+c.Use, c.Value)
	}
	if p.UsualGP != nil {
		say("Usual GP", p.UsualGP.NameAndRole())
	}
	if p.Registered != nil {
		say("Registered GP", p.Registered.NameAndRole())
	}
	if p.Practice != nil {
		say("Practice", p.Practice.Title())
	}
	say("Registration status", p.Status)
	on("Registered", p.RegisteredOn)
	on("Registration ended", p.LeftOn)
	for _, q := range p.Registration {
		say(q.Name, q.Value)
	}
	say("Confidentiality", p.Confidential)
	return lines
}
