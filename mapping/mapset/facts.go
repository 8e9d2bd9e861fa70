package mapset

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Facts are what an approval states of a table. They follow from the file's bytes alone: neither the day nor a
// dictionary changes them, so an approval stays good until the file changes.
type Facts struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	// Rows is the number of rows, whatever days they are valid on.
	Rows int `json:"rows"`
	// Strict is how many rows are for allergies or medication. A table with any needs two approvals.
	Strict int    `json:"strict"`
	Author string `json:"author"`
}

// factsOf counts a table that was parsed without a day.
func factsOf(t *mapping.Table) Facts {
	f := Facts{ID: t.ID, Version: t.Version, SHA256: t.SHA256, Author: t.Author}
	for row := range t.Rows() {
		f.Rows++
		if StrictRow(t, &row) {
			f.Strict++
		}
	}
	return f
}

// StrictRow reports a row of a table that is for allergies or medication: one of those Facts counts and two people approve.
func StrictRow(t *mapping.Table, row *mapping.Row) bool {
	return strictScheme(t.From) || strictScheme(t.To) || strictRow(row)
}

// strictRow reports a row that can code an allergy or a medication: by its context, by a degrade or kind row that names
// one, or by its words. The words count because a row for any context also answers for allergies; a row without any may
// be one, for a dictionary gives it its words.
func strictRow(row *mapping.Row) bool {
	switch row.Context {
	case mapping.MedicationContext, mapping.IssueContext:
		return true
	}
	if strings.HasSuffix(string(row.Context), string(mapping.AllergyContext)) {
		return true
	}
	if row.Source.Scheme.Enumeration() && strictWords(row.Source.Value) || row.Target.Scheme.Enumeration() && strictWords(row.Target.Value) {
		return true
	}
	if row.Source.Term == "" && row.Target.Term == "" && !row.Source.Scheme.Enumeration() && !row.Target.Scheme.Enumeration() {
		return true
	}
	return allergyWords(row.Source.Term) || allergyWords(row.Target.Term)
}

// strictScheme reports a scheme of drugs, or an enumerated slot of an allergy or a medication.
func strictScheme(s mapping.Scheme) bool {
	if s.Drug() {
		return true
	}
	_, slot, found := strings.Cut(string(s), ".")
	return found && strictWords(slot)
}

// strictWords reports the name of a slot, a kind or a degrade code that is about allergies or medication, in any letter
// case.
func strictWords(name string) bool {
	for _, word := range [...]string{"allerg", "sensitivity", "drug", "medication", "prescription", "issue"} {
		if foldContains(name, word) {
			return true
		}
	}
	return false
}

// allergyWords reports a term that speaks of an allergy or a sensitivity, in any letter case.
func allergyWords(term string) bool {
	return foldContains(term, "llerg") || foldContains(term, "sensitiv")
}

// foldContains reports whether term has word, which is in lower-case ASCII; terms are many, so nothing is allocated.
func foldContains(term, word string) bool {
	for i := 0; i+len(word) <= len(term); i++ {
		if term[i]|0x20 == word[0] && strings.EqualFold(term[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
