package openhr

import (
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// words adds everything an entry says, in lines: its own words first, then its
// qualifiers, the clinician's text, every fact by name, the bridge's notes and
// the codes it came with (safety §D.1). Dates, people and places of the entry
// itself stand in elements of the event that carries the lines.
func (n *extra) words(e *record.Entry) {
	if e.Text != "" {
		n.lines = append(n.lines, e.Text)
	}
	n.lines = append(n.lines, qualifierLines(e.Qualifiers)...)
	for _, t := range e.Texts {
		if t.Label == "" {
			n.lines = append(n.lines, t.Value)
		} else {
			n.line(t.Label, t.Value)
		}
	}
	e.EachFact(n.fact)
	if c := e.Consultation; c != nil {
		for _, item := range c.Items {
			if written(item.Entry) {
				n.line(record.Join(", ", item.Words, pageWords(item.Page)), item.Entry.Name())
			}
		}
	}
	n.lines = append(n.lines, e.Notes...)
	if !e.Code.IsZero() {
		n.lines = append(n.lines, record.SourceCode(e.Code))
	}
	for _, c := range e.Others {
		n.lines = append(n.lines, record.SourceCode(c))
	}
}

func qualifierLines(all []record.Qualifier) []string {
	var lines []string
	for _, q := range all {
		lines = append(lines, strings.TrimPrefix(q.Name+": "+q.Value, ": "))
	}
	return lines
}

func (n *extra) date(label string, d record.Date) {
	if !d.IsZero() {
		n.line(label, d.Words())
	}
}

// say adds a line for a field whose element cannot hold the words.
func (n *extra) say(f record.Field, words string) {
	if words != "" {
		n.lines = append(n.lines, f.Line(words))
	}
}

func (n *extra) fact(f record.Fact) { n.lines = append(n.lines, f.Line()) }

// facts adds what an entry says in some of its fields.
func (n *extra) facts(e *record.Entry, fields ...record.Field) {
	e.EachFact(func(f record.Fact) {
		if slices.Contains(fields, f.Field) {
			n.fact(f)
		}
	})
}

func pageWords(page string) string {
	if page == "" || page == "0" {
		return ""
	}
	return "problem page " + page
}
