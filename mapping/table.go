package mapping

import (
	"fmt"
	"iter"
	"strings"
)

// Relation says how a row's source concept stands to its target, in the words of FHIR R5, plus no-map.
type Relation string

// The closed list of relations. NoMap is a decision, recorded with its reason: it is not the same as having no row.
const (
	Equivalent Relation = "equivalent"
	Narrower   Relation = "source-is-narrower-than-target"
	Broader    Relation = "source-is-broader-than-target"
	Related    Relation = "related-to"
	NoMap      Relation = "no-map"
)

func (r Relation) known() bool {
	switch r {
	case Equivalent, Narrower, Broader, Related, NoMap:
		return true
	}
	return false
}

// Layer ranks tables: for one exact key a row of a higher layer hides the row of a lower one, a no-map row included.
type Layer string

// The layers, lowest first. A derived table is composed from others and never codes an allergy or a drug. Starter tables
// are for tests and demonstrations, never for care (DESIGN decision 15).
const (
	DerivedLayer  Layer = "derived"
	StarterLayer  Layer = "starter"
	NationalLayer Layer = "national"
	SupplierLayer Layer = "supplier"
	LocalLayer    Layer = "local"
)

// rank is 1 to 5, or 0 for an unknown layer.
func (l Layer) rank() int {
	switch l {
	case DerivedLayer:
		return 1
	case StarterLayer:
		return 2
	case NationalLayer:
		return 3
	case SupplierLayer:
		return 4
	case LocalLayer:
		return 5
	}
	return 0
}

// Context narrows a row to entries with a numeric value, or of one kind. It is part of a table's key.
type Context string

// Contexts named in code; any other lower-case kind word ("problem", "observation") is as good.
const (
	Any               Context = "" // written "any" in a file
	WithValue         Context = "with-value"
	AllergyContext    Context = "allergy"
	MedicationContext Context = "medication"
	IssueContext      Context = "issue"
)

// strict reports a context in which nothing but an equivalent row codes, assured or not (DESIGN decision 3).
func (c Context) strict() bool { return c.allergy() || c == MedicationContext || c == IssueContext }

// allergy covers the kind and the two degrade kinds "drug-allergy" and "non-drug-allergy".
func (c Context) allergy() bool { return strings.HasSuffix(string(c), string(AllergyContext)) }

// Row is one line of a table.
type Row struct {
	Source, Target Code
	Relation       Relation
	Context        Context
	// Assured says the row comes from a nationally assured map.
	Assured bool
	// Class and TargetClass are the classes of context of the two terms, Unknown where neither the row nor a loaded
	// dictionary has the term.
	Class, TargetClass Class
	// ValidFrom and ValidTo bound the days of translation on which the row is in force, YYYY-MM-DD, both included; empty
	// is no bound.
	ValidFrom, ValidTo string
	// Reason is the reviewer's word on the row; every no-map row has one.
	Reason   string
	Reviewer string
	// Line is the line of the file, from 1.
	Line int
}

// Header is what a table says of itself on its lines "# key: value".
type Header struct {
	ID, Version string
	From, To    Scheme
	Layer       Layer
	// Purpose is empty, or "history": the table leads from superseded identifiers of one scheme to the current ones.
	Purpose     string
	Use         string // "test" marks a table not for clinical use
	Licence     string
	Source      string
	Attribution string
	// Author wrote the table, and may not approve it.
	Author     string
	ReviewedBy string
	// InverseReviewed names who reviewed every row in its own direction, where the rows are those of the table of the way
	// back turned round.
	InverseReviewed string
	// ValidFrom is the first day on which any row of the table is in force, YYYY-MM-DD; empty is no bound.
	ValidFrom string
	// The file the table was imported from, its release and its SHA-256; empty where it was written by hand.
	SourceFile, SourceRelease, SourceSHA256 string
	// StatedRows is how many rows the file says it has, which tells one that was copied by half; empty says nothing.
	StatedRows string
}

// HistoryPurpose marks a table from superseded identifiers to current ones of the same scheme.
const HistoryPurpose = "history"

// Table is one directional table as read from one file. It does not change after Parse, and is safe for use by many
// goroutines.
type Table struct {
	Header
	File    string
	SHA256  string // of the file's bytes, in hexadecimal
	packed  packed
	columns columns
	words   words
	warned  []Warning
	until   string // the first day on which other rows are in force, or ""
	// What the header comes to: one side is an enumeration; one side is a scheme of drugs.
	enumerated, drugs bool
}

// Len is the number of rows in force.
func (t *Table) Len() int { return t.packed.count }

// Until is the first day on which other rows are in force, YYYY-MM-DD; empty is never.
func (t *Table) Until() string { return t.until }

// Warnings are what a reviewer should look at and what does not refuse the table, one for each kind.
func (t *Table) Warnings() []Warning { return t.warned }

// Strict reports whether a row of the table is about an allergy or a drug: only an equivalent one codes.
func (t *Table) Strict(r Row) bool { return t.strict(r.Context) }

func (t *Table) strict(c Context) bool { return t.drugs || c.strict() }

// Rows yields the rows in force in the order of their keys: value, term code, context.
func (t *Table) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		in := reading{words: &t.words}
		for _, row := range t.packed.rows() {
			if !yield(t.row(&in, row)) {
				return
			}
		}
	}
}

// row is a row with its words. Where the file no longer has them it is the codes alone.
func (t *Table) row(in *reading, r packedRow) Row {
	row := Row{
		Source:   Code{Scheme: t.From, Value: r.value(), TermCode: r.termCode()},
		Relation: r.relation(), Context: t.packed.context(r), Assured: r.assured(),
		Class: r.class(), TargetClass: r.targetClass(), Line: r.line(),
	}
	if r.relation() != NoMap {
		row.Target.Scheme = t.To
		row.Target.Value, row.Target.TermCode = r.target()
	}
	line, ok := in.at(row.Line)
	var cells [columnCount]string
	if !ok || t.columns.cut(line, &cells) != t.columns.count {
		return row
	}
	if there := rowOf(t, &cells, row.Line); there.Source.Is(row.Source) && there.Target.Is(row.Target) {
		row.Source.Term, row.Target.Term = there.Source.Term, there.Target.Term
		row.ValidFrom, row.ValidTo, row.Reason, row.Reviewer = there.ValidFrom, there.ValidTo, there.Reason, there.Reviewer
	}
	return row
}

// field is the place of a header line, nil for any other comment.
func (h *Header) field(key string) *string {
	for _, f := range h.fields() {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

type headerField struct {
	key   string
	value *string
}

// fields are the header lines in the order they are written.
func (h *Header) fields() []headerField {
	return []headerField{
		{"id", &h.ID}, {"version", &h.Version}, {"from", (*string)(&h.From)}, {"to", (*string)(&h.To)}, {"layer", (*string)(&h.Layer)},
		{"purpose", &h.Purpose}, {"use", &h.Use}, {"licence", &h.Licence}, {"source", &h.Source}, {"attribution", &h.Attribution},
		{"author", &h.Author}, {"reviewed-by", &h.ReviewedBy}, {"inverse-reviewed", &h.InverseReviewed}, {"valid-from", &h.ValidFrom}, {"source-file", &h.SourceFile},
		{"source-release", &h.SourceRelease}, {"source-sha256", &h.SourceSHA256}, {"rows", &h.StatedRows},
	}
}

// Fault is one thing wrong in a table file: where it is, what, why it matters and how to mend it.
type Fault struct {
	File            string
	Line            int // 0 where the fault is the file's as a whole
	What, Why, Mend string
}

// Error is "file:line: what; why; how to mend".
func (f Fault) Error() string {
	return fmt.Sprintf("%s:%d: %s; %s; %s", f.File, f.Line, f.What, f.Why, f.Mend)
}

// Warning is a kind of thing a reviewer should look at: the first place, and how many there are.
type Warning struct {
	Fault
	Count int
}

// Dictionary tells the words of codes. It is loaded from the site's own files and is no table.
type Dictionary interface {
	// Holds reports whether a dictionary of the scheme is loaded.
	Holds(Scheme) bool
	// Look finds a code by value and term code, and says whether it is in use.
	Look(Code) (term string, active, found bool)
}

// Options are how tables are read.
type Options struct {
	Layer Layer // of a table that states none
	// Day is the day of translation, YYYY-MM-DD: rows not valid on it are checked but not in force. Empty takes every row.
	Day string
	// Dictionary judges rows whose own terms are missing; nil is none.
	Dictionary Dictionary
}
