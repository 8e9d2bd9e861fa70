package view

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// source is an entry as its holder sent it, ready for the page.
type source struct {
	Words   string
	Code    *code
	Beside  []code // codes the sender placed beside it
	Facts   []fact // what is recorded
	Texts   []fact // the clinician's own text, but for what is short and has a name
	About   []fact // who recorded it, where and when
	Links   []link
	Notes   []string
	At      string
	Date    record.Date
	NoWords bool // Words say that there are none
}

// fact is a label and what stands under it.
type fact struct{ Label, Words string }

// link names another entry of the page.
type link struct {
	Label, Words string
	Number       int
}

// code is a code as the page shows it.
type code struct {
	Scheme, Value, TermCode, Term string
}

func codeOf(c mapping.Code) *code {
	if c.IsZero() {
		return nil
	}
	return &code{Scheme: schemeTitle(c.Scheme), Value: visible(c.Value), TermCode: visible(c.TermCode), Term: visible(c.Term)}
}

// sourceOf renders an entry before translation changes it.
func (p *Page) sourceOf(e *record.Entry) source {
	s := source{Words: visible(e.Text), Code: codeOf(e.Code), At: visible(e.At), Date: e.Date, Facts: facts(e)}
	if s.Words == "" {
		s.Words, s.NoWords = "No words recorded", true
	}
	if a := e.Allergy; a != nil && !a.Substance.IsZero() && !a.Substance.Is(e.Code) {
		s.Facts = append(s.Facts, fact{"Substance", visible(record.CodeWords(a.Substance))})
	}
	for _, c := range e.Others {
		s.Beside = append(s.Beside, *codeOf(c))
	}
	for _, q := range e.Qualifiers {
		s.Facts = append(s.Facts, qualifier(q))
	}
	for _, text := range e.Texts {
		shown := fact{visible(text.Label), visible(text.Value)}
		if shown.Label != "" && len(shown.Words) <= 60 && !strings.Contains(shown.Words, "\n") {
			s.Facts = append(s.Facts, shown)
			continue
		}
		s.Texts = append(s.Texts, shown)
	}
	for _, note := range e.Notes {
		s.Notes = append(s.Notes, visible(note))
	}
	s.people(e)
	s.Links = p.links(e)
	return s
}

func (s *source) people(e *record.Entry) {
	if !e.Recorded.IsZero() {
		s.add("Recorded", e.Recorded.Words())
	}
	if e.Author != nil {
		s.add("By", e.Author.NameAndRole())
	}
	if e.EnteredBy != nil && e.EnteredBy != e.Author {
		s.add("Entered by", e.EnteredBy.NameAndRole())
	}
	if e.Place != nil {
		s.add("At", e.Place.Title())
	}
	if e.Confidential != "" {
		s.add("Confidentiality mark", e.Confidential)
	}
}

func (s *source) add(label, words string) { s.About = append(s.About, fact{label, visible(words)}) }

// facts are what the entry's bodies say. Allergy substances are not among
// them: whether they are the entry's own code differs before and after.
func facts(e *record.Entry) []fact {
	var list []fact
	e.EachFact(func(f record.Fact) {
		if f.Field == record.FactAllergySubstance {
			return
		}
		list = append(list, fact{visible(f.Label), visible(f.Words())})
	})
	return list
}

func qualifier(q record.Qualifier) fact {
	name, value := q.Name, q.Value
	if name == "" {
		name = record.TermOf(q.NameCode)
	}
	if value == "" {
		value = record.TermOf(q.ValueCode)
	}
	switch q.Meaning {
	case record.Negates:
		value += " (DENIES the statement)"
	case record.Doubts:
		value += " (in DOUBT)"
	}
	return fact{visible(name), visible(value)}
}

// links are the other entries this one is tied to. One that is not shown is
// not named.
func (p *Page) links(e *record.Entry) []link {
	var list []link
	add := func(label string, other *record.Entry) {
		if number := p.numbers[other]; number > 0 && other.Shown() {
			list = append(list, link{label, visible(other.Name()), number})
		}
	}
	add("Part of", e.Parent)
	for _, l := range e.Problems {
		add("Problem", l.Problem)
	}
	if b := e.Problem; b != nil {
		add("Recorded as", b.Defines)
	}
	if c := e.Consultation; c != nil {
		for _, item := range c.Items {
			heading := item.Words
			if heading == "" {
				heading = record.TermOf(item.Heading)
			}
			if heading == "" {
				heading = "Item"
			}
			add(visible(heading), item.Entry)
		}
	}
	return list
}

// patientFacts is the patient block, everything it says.
func patientFacts(p *record.Patient) []fact {
	var list []fact
	add := func(label, words string) {
		if words != "" {
			list = append(list, fact{visible(label), visible(words)})
		}
	}
	date := func(label string, d record.Date) {
		if !d.IsZero() {
			add(label, record.Join(", ", d.Words(), precision(d)))
		}
	}
	add("Name", fullName(p))
	add("Known as", p.KnownAs)
	add("Birth name", p.BirthName)
	add("Previous name", p.Previous)
	date("Date of birth", p.BirthDate)
	add("NHS number", nhsNumber(p.NHS))
	add("Sex", record.TermOf(p.Sex))
	date("Died", p.DeathDate)
	if p.Dead && p.DeathDate.IsZero() {
		add("Died", "date not known")
	}
	for _, id := range p.OtherIDs {
		add(id.Type, id.Value)
	}
	for _, a := range p.Addresses {
		add(record.Join(" ", "Address", a.Use), record.Join(", ", a.House, record.Join(" ", a.Number, a.Street), a.Village, a.Town, a.County, a.Postcode))
	}
	for _, c := range p.Contacts {
		add(record.Join(" ", "Contact", c.Use), c.Value)
	}
	if p.UsualGP != nil {
		add("Usual GP", p.UsualGP.NameAndRole())
	}
	if p.Registered != nil {
		add("Registered GP", p.Registered.NameAndRole())
	}
	if p.Practice != nil {
		add("Practice", p.Practice.Title())
	}
	add("Registration", p.Status)
	date("Registered on", p.RegisteredOn)
	add("Confidentiality mark", p.Confidential)
	for _, q := range p.Registration {
		f := qualifier(q)
		add(f.Label, f.Words)
	}
	return list
}

func fullName(p *record.Patient) string {
	return record.Join(" ", p.Title, p.Forenames, p.Surname)
}
