package view

import (
	"html/template"
	"slices"
	"strconv"
	"time"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// model is what the template shows.
type model struct {
	Policy string
	Style  template.CSS
	Script template.JS

	Page       *Page
	Made, Name string
	Born       string
	NHS        string
	Organised  string // the organisation that holds the record
	Digest     string
	TestTables bool
	Tables     []tableUse
	Total      int
	Outcomes   []outcomeCount // of the whole record
	Warnings   []warning
	Attention  []attention
	Needs      int // entries in Attention
	Sections   []section
}

// warning is one sentence a reader must see.
type warning struct{ Class, From, Words string }

// outcomeCount counts the entries of one outcome.
type outcomeCount struct {
	Word, Title string
	Count       int
}

// tableUse is a table of the set and how many entries' codes it decided.
type tableUse struct {
	ID, Version, Layer, Direction, SHA256 string
	Rows, Entries                         int
	Test                                  bool
}

// attention is a section with entries a reader must look at.
type attention struct {
	Title   string
	Entries []entry
}

// section is one section with its state.
type section struct {
	Name, Title, State, Words string
	Report                    pairs.SectionReport
	Faults                    []string
	Entries                   []entry
	// Before is the patient block as received, and After what of it goes out
	// otherwise; of the demographics alone.
	Before, After []fact
}

// entry is one entry: source beside result.
type entry struct {
	Number         int
	Kind, Date     string
	Precision      string
	Outcome, Title string
	Withheld       bool
	Source         source
	Result         result
}

func (p *Page) model() model {
	m := model{
		Policy: policy(), Style: template.CSS(pageCSS), Script: template.JS(pageJS), // both are this package's own text
		Page: p, Made: p.Made.Format("2 January 2006 15:04 MST"), Name: visible(fullName(&p.rec.Patient)), NHS: nhsNumber(p.rec.Patient.NHS),
		Born: record.Join(", ", p.rec.Patient.BirthDate.Words(), precision(p.rec.Patient.BirthDate)), Organised: p.organisation(),
		Digest: p.Tables.Digest(), Total: len(p.rec.Entries),
	}
	if p.Made.IsZero() {
		m.Made = ""
	}
	bySection := map[record.Section][]entry{}
	outcomes := map[record.Outcome]int{}
	used := map[string]int{}
	for _, e := range p.rec.Entries {
		s := e.Kind.Section()
		shown := p.entryOf(e)
		bySection[s] = append(bySection[s], shown)
		outcomes[e.Outcome]++
		if look := p.looks[e].code; look != nil && look.Result.Table != nil && !shown.Withheld {
			used[look.Result.Table.SHA256]++
		}
	}
	for o := record.Pending; o <= record.Duplicate; o++ {
		if n := outcomes[o]; n > 0 || o == record.Exact || o == record.Mapped || o == record.Degraded {
			m.Outcomes = append(m.Outcomes, outcomeCount{o.String(), outcomeTitle(o), n})
		}
	}
	m.Warnings = p.warnings()
	m.Tables, m.TestTables = p.tables(used)
	for _, s := range record.Sections() {
		m.Sections = append(m.Sections, p.sectionOf(s, bySection[s]))
	}
	for _, s := range attentionOrder() {
		if list := needing(bySection[s]); len(list) > 0 {
			m.Attention = append(m.Attention, attention{s.Title(), list})
			m.Needs += len(list)
		}
	}
	return m
}

func (p *Page) organisation() string {
	s := p.rec.Source
	if s.ODS == "" {
		return visible(s.Organisation)
	}
	return visible(record.Join(" ", s.Organisation, "("+s.ODS+")"))
}

// attentionOrder is the order in which a reader looks: what can be given to
// the patient in error first.
func attentionOrder() []record.Section {
	order := []record.Section{record.Allergies, record.Medication, record.Issues}
	for _, s := range record.Sections() {
		if s != record.Allergies && s != record.Medication && s != record.Issues {
			order = append(order, s)
		}
	}
	return order
}

// needing are the entries that were not carried as what they are.
func needing(entries []entry) []entry {
	var list []entry
	for _, e := range entries {
		switch e.Outcome {
		case record.Exact.String(), record.Mapped.String(), record.Duplicate.String(), record.WithheldEntry.String():
		default:
			list = append(list, e)
		}
	}
	return list
}

func (p *Page) entryOf(e *record.Entry) entry {
	shown := entry{Number: p.numbers[e], Kind: kindTitle(e.Kind), Outcome: e.Outcome.String(), Title: outcomeTitle(e.Outcome)}
	if e.Outcome == record.WithheldEntry {
		shown.Withheld = true // what is not released is not on this page either
		return shown
	}
	shown.Source, shown.Result = p.sources[e], p.resultOf(e)
	shown.Date, shown.Precision = shown.Source.Date.Words(), precision(shown.Source.Date)
	return shown
}

func (p *Page) sectionOf(s record.Section, entries []entry) section {
	shown := section{Name: s.String(), Title: s.Title(), State: p.rec.State(s).String(), Words: visible(p.rec.Words(s)), Entries: entries}
	for _, r := range p.Report.Sections {
		if r.Section == s.String() {
			shown.Report = r
		}
	}
	for _, f := range p.rec.Faults(s) {
		shown.Faults = append(shown.Faults, visible(record.Join(": ", f.At, f.Why)))
	}
	if s == record.Demographics {
		shown.Before = p.patient
		for _, f := range patientFacts(&p.rec.Patient) {
			if !slices.Contains(p.patient, f) {
				shown.After = append(shown.After, f)
			}
		}
	}
	return shown
}

// warnings are the record's, in the words a clinician reads, and what is true
// of every translation offline.
func (p *Page) warnings() []warning {
	var list []warning
	for _, w := range p.rec.Warnings {
		shown := warning{Words: visible(w.Words())}
		switch w.Code {
		case record.WarnPrescribingUnsafe, record.WarnContradicted, record.WarnDeceased, record.WarnDemographics:
			shown.Class = "danger"
		case record.WarnSender:
			shown.From = "From " + p.Holder
		}
		list = append(list, shown)
	}
	for _, w := range p.Report.Warnings {
		switch w.Code {
		case "identity-not-checked":
			list = append(list, warning{Class: "plain", Words: "Translated offline: nobody checked that this is the patient who was asked for, nor that the record may be shared."})
		}
	}
	return list
}

func (p *Page) tables(used map[string]int) (list []tableUse, test bool) {
	for _, t := range p.Tables.Tables() {
		use := tableUse{ID: visible(t.ID), Version: visible(t.Version), Layer: string(t.Layer), Direction: string(t.From) + " to " + string(t.To),
			SHA256: t.SHA256, Rows: t.Len(), Entries: used[t.SHA256], Test: t.Use == "test"}
		list, test = append(list, use), test || use.Test && use.Entries > 0
	}
	return list, test
}

// Group writes a number with its thousands apart.
func (m model) Group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// MadeAt is the machine's form of the time.
func (m model) MadeAt() string { return m.Page.Made.Format(time.RFC3339) }

// Large says that the browser should lay out only the entries in sight.
func (m model) Large() bool { return m.Total > 1000 }

// AttentionOpen says whether the list stands open at first.
func (m model) AttentionOpen() bool { return m.Needs <= 60 }
