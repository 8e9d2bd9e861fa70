package mapping

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Set is an immutable map set: both directions of a pair and every layer. One set serves an exchange from its first
// byte to its last. It is safe for use by many goroutines.
type Set struct {
	tables []*Table
	digest string
	// directions has the tables between two schemes, the higher layer first. From a scheme to itself lead the tables of
	// its superseded identifiers.
	directions map[Scheme][]direction // by source scheme
	words      map[word]string
}

// direction is the tables to one target scheme.
type direction struct {
	to     Scheme
	tables []*Table
}

type word struct {
	scheme Scheme
	value  string
}

// NewSet builds a set. Two tables of one layer that disagree about a key, and one table loaded twice, are faults; all
// are reported at once, and with a fault there is no set. The tables are used as they are: sets may share them.
func NewSet(tables ...*Table) (*Set, []Fault) {
	s := &Set{tables: sortTables(tables), directions: map[Scheme][]direction{}, words: map[word]string{}}
	faults := twice(s.tables)
	for _, t := range s.tables {
		s.addWords(t)
		faults = append(faults, conflicts(s.between(t.From, t.To), t)...)
		s.add(t)
	}
	for _, t := range s.tables {
		faults = append(faults, s.inverted(t)...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	s.digest = digest(s.tables)
	return s, nil
}

// add puts a table, which comes in the order of the set, to those of its direction.
func (s *Set) add(t *Table) {
	all := s.directions[t.From]
	if n := len(all); n > 0 && all[n-1].to == t.To {
		all[n-1].tables = append(all[n-1].tables, t)
		return
	}
	s.directions[t.From] = append(all, direction{t.To, []*Table{t}})
}

// between is the tables from one scheme to another, the higher layer first.
func (s *Set) between(from, to Scheme) []*Table {
	for _, d := range s.directions[from] {
		if d.to == to {
			return d.tables
		}
	}
	return nil
}

// addWords takes the words of enumerated values from the rows.
func (s *Set) addWords(t *Table) {
	if !t.From.Enumeration() {
		return
	}
	for row := range t.Rows() {
		if w := (word{t.From, row.Source.Value}); row.Source.Term != "" && s.words[w] == "" {
			s.words[w] = row.Source.Term
		}
	}
}

// conflicts finds the keys of a table that another of its layer gives another target.
func conflicts(others []*Table, t *Table) []Fault {
	var faults []Fault
	for _, with := range others {
		if with.Layer != t.Layer {
			continue
		}
		few, many := t, with
		if few.Len() > many.Len() {
			few, many = many, few
		}
		for _, row := range few.packed.rows() {
			other, ok := many.packed.at(few.packed.key(row))
			if !ok || row.sameTarget(other) && row.assured() == other.assured() {
				continue
			}
			mine, theirs := row.line(), other.line()
			if few != t {
				mine, theirs = theirs, mine
			}
			faults = append(faults, Fault{File: t.File, Line: mine, What: fmt.Sprintf("conflicts with %s:%d", with.File, theirs),
				Why: "two tables of one layer disagree", Mend: "delete one row or move one table to another layer"})
			if len(faults) >= maxFaults {
				break
			}
		}
	}
	slices.SortFunc(faults, func(a, b Fault) int { return a.Line - b.Line })
	return faults
}

func twice(tables []*Table) []Fault {
	type name struct {
		id    string
		layer Layer
	}
	var faults []Fault
	seen := map[name]*Table{}
	for _, t := range tables {
		if first := seen[name{t.ID, t.Layer}]; first != nil {
			one, other := min(first.File, t.File), max(first.File, t.File)
			faults = append(faults, Fault{File: other, What: "table " + t.ID + " is in " + one + " too",
				Why: "two tables of one name and layer cannot be told apart", Mend: "delete one or rename it"})
			continue
		}
		seen[name{t.ID, t.Layer}] = t
	}
	return faults
}

// sortTables orders the tables of a set: by direction, the higher layer first, then by name.
func sortTables(tables []*Table) []*Table {
	sorted := slices.Clone(tables)
	slices.SortStableFunc(sorted, func(a, b *Table) int {
		return cmp.Or(strings.Compare(string(a.From), string(b.From)), strings.Compare(string(a.To), string(b.To)),
			b.Layer.rank()-a.Layer.rank(), strings.Compare(a.ID, b.ID), strings.Compare(a.Version, b.Version), strings.Compare(a.SHA256, b.SHA256))
	})
	return sorted
}

func digest(tables []*Table) string {
	h := sha256.New()
	for _, t := range tables {
		fmt.Fprintf(h, "%s\x00%s\x00%s\n", t.ID, t.Version, t.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Digest is the SHA-256, in hexadecimal, over the ordered (id, version, sha256) of the tables. It does not depend on
// the order in which the tables were given.
func (s *Set) Digest() string { return s.digest }

// Tables are the tables in the order the digest takes them: by direction, the higher layer first, then by id.
func (s *Set) Tables() []*Table { return slices.Clone(s.tables) }

// Has reports whether any table of the set leads from one scheme to the other.
func (s *Set) Has(from, to Scheme) bool { return len(s.between(from, to)) > 0 }

// Words are the human words of an enumeration value: the source term of any row for it, else the value itself.
func (s *Set) Words(c Code) string {
	if w, ok := s.words[word{c.Scheme, c.Value}]; ok {
		return w
	}
	return c.Value
}

// Until is the first day on which other rows are in force, YYYY-MM-DD; empty is never.
func (s *Set) Until() string {
	until := ""
	for _, t := range s.tables {
		until = earlier(until, t.until)
	}
	return until
}
