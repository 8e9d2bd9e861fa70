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
	tables     []*Table
	digest     string
	directions map[pair]*direction
	words      map[word]string
}

type pair struct{ from, to Scheme }

type word struct {
	scheme Scheme
	value  string
}

// direction holds the rows in force between two schemes, those of one source value side by side, ordered by term code.
type direction struct {
	rows   []placed
	values map[string]span
}

type span struct{ start, end uint32 }

// placed is a row and the table it came from.
type placed struct {
	row   *Row
	table *Table
}

// NewSet builds a set. Two tables of one layer that disagree about a key, and one table loaded twice, are faults; all
// are reported at once, and with a fault there is no set.
func NewSet(tables ...*Table) (*Set, []Fault) {
	s := &Set{tables: sortTables(tables), directions: map[pair]*direction{}, words: map[word]string{}}
	faults := twice(s.tables)
	byPair := map[pair][]placed{}
	for _, t := range s.tables {
		key := pair{t.From, t.To}
		for i := range t.rows {
			row := &t.rows[i]
			byPair[key] = append(byPair[key], placed{row, t})
			if w := (word{t.From, row.Source.Value}); t.From.Enumeration() && row.Source.Term != "" && s.words[w] == "" {
				s.words[w] = row.Source.Term
			}
		}
	}
	for _, t := range s.tables {
		key := pair{t.From, t.To}
		if s.directions[key] == nil {
			d, found := newDirection(byPair[key])
			s.directions[key], faults = d, append(faults, found...)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	s.digest = digest(s.tables)
	return s, nil
}

func newDirection(rows []placed) (*direction, []Fault) {
	slices.SortStableFunc(rows, func(a, b placed) int {
		return cmp.Or(
			strings.Compare(a.row.Source.Value, b.row.Source.Value),
			strings.Compare(a.row.Source.TermCode, b.row.Source.TermCode),
			strings.Compare(string(a.row.Context), string(b.row.Context)),
			b.table.Layer.rank()-a.table.Layer.rank(),
		)
	})
	var faults []Fault
	d := &direction{values: make(map[string]span, len(rows))}
	for i, p := range rows {
		if i > 0 && rows[i-1].row.key() == p.row.key() { // hidden by a higher layer, or in conflict with its own
			if above := rows[i-1]; above.table.Layer == p.table.Layer && !sameTarget(above.row, p.row) {
				faults = append(faults, Fault{File: p.table.File, Line: p.row.Line,
					What: fmt.Sprintf("conflicts with %s:%d", above.table.File, above.row.Line),
					Why:  "two tables of one layer disagree", Mend: "delete one row or move one table to another layer"})
			}
			continue
		}
		at := uint32(len(d.rows))
		d.rows = append(d.rows, p)
		if s, ok := d.values[p.row.Source.Value]; ok {
			d.values[p.row.Source.Value] = span{s.start, at + 1}
		} else {
			d.values[p.row.Source.Value] = span{at, at + 1}
		}
	}
	return d, faults
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
			faults = append(faults, Fault{File: t.File, What: "table " + t.ID + " is in " + first.File + " too",
				Why: "two tables of one name and layer cannot be told apart", Mend: "delete one or rename it"})
			continue
		}
		seen[name{t.ID, t.Layer}] = t
	}
	return faults
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
func (s *Set) Has(from, to Scheme) bool { return s.directions[pair{from, to}] != nil }

// Words are the human words of an enumeration value: the source term of any row for it, else the value itself.
func (s *Set) Words(c Code) string {
	if w, ok := s.words[word{c.Scheme, c.Value}]; ok {
		return w
	}
	return c.Value
}
