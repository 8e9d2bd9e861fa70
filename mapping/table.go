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

// The layers, lowest first. Starter tables are for tests and demonstrations, never for care (DESIGN decision 15).
const (
	StarterLayer  Layer = "starter"
	NationalLayer Layer = "national"
	SupplierLayer Layer = "supplier"
	LocalLayer    Layer = "local"
)

// rank is 1 to 4, or 0 for an unknown layer.
func (l Layer) rank() int {
	switch l {
	case StarterLayer:
		return 1
	case NationalLayer:
		return 2
	case SupplierLayer:
		return 3
	case LocalLayer:
		return 4
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
	// Class is the class of context of the source term, Unknown where the row has no source term.
	Class Class
	// Reason is the reviewer's word on the row; every no-map row has one.
	Reason string
	// Line is the line of the file, from 1.
	Line int
}

// Table is one directional table as read from one file. It does not change after Parse.
type Table struct {
	ID, Version, SHA256 string // SHA256 is of the file's bytes, in hexadecimal
	Licence, Source     string
	Attribution         string
	ReviewedBy          string
	ValidFrom           string // YYYY-MM-DD, or empty
	Layer               Layer
	From, To            Scheme
	Use                 string // "test" marks a table not for clinical use
	File                string
	rows                []Row
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Rows yields the rows in file order.
func (t *Table) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, row := range t.rows {
			if !yield(row) {
				return
			}
		}
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
