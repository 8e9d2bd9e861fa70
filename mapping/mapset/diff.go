package mapset

import (
	"cmp"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// maxExamples bounds the examples of one kind in one direction.
const maxExamples = 20

// Change is what becomes of a row.
type Change string

// The closed list of changes. A row is what answers for one key after every layer: a local row that is taken away and
// uncovers a national one with another target is retargeted.
const (
	Added      Change = "added"
	Removed    Change = "removed"
	Retargeted Change = "retargeted" // another target, or none
	Changed    Change = "changed"    // the same target, with another relation, assurance, class, wording or reason
)

// Counts is how many rows changed in each way.
type Counts struct {
	Added      int `json:"added"`
	Removed    int `json:"removed"`
	Retargeted int `json:"retargeted"`
	Changed    int `json:"changed"`
}

// Total is how many rows changed in any way.
func (c Counts) Total() int { return c.Added + c.Removed + c.Retargeted + c.Changed }

func (c *Counts) count(kind Change) int {
	at := map[Change]*int{Added: &c.Added, Removed: &c.Removed, Retargeted: &c.Retargeted, Changed: &c.Changed}[kind]
	*at++
	return *at
}

// Difference is what a new set changes against an old one.
type Difference struct {
	Old string `json:"old"` // digest; empty for no set
	New string `json:"new"`
	Counts
	// Directions are those in which any row changed, in the order of mapping.Set.Tables.
	Directions []DirectionDifference `json:"directions,omitempty"`
}

// DirectionDifference is what changes from one scheme to another.
type DirectionDifference struct {
	From mapping.Scheme `json:"from"`
	To   mapping.Scheme `json:"to"`
	Counts
	// Examples are the first 20 of each kind, in the order of their keys.
	Examples []Example `json:"examples,omitempty"`
}

// Example is one row that changed. Its words are those of the tables, never of a message.
type Example struct {
	Change   Change          `json:"change"`
	Code     string          `json:"code"`
	TermCode string          `json:"term_code,omitempty"`
	Term     string          `json:"term,omitempty"`
	Context  mapping.Context `json:"context,omitempty"`
	What     []string        `json:"what,omitempty"` // of a Changed row, what is not the same: relation, assured, reason ...
	Old      *Side           `json:"old,omitempty"`  // nil where added
	New      *Side           `json:"new,omitempty"`  // nil where removed
}

// Side is a row on one side of a change. Code is empty for a no-map row.
type Side struct {
	Code     string           `json:"code"`
	TermCode string           `json:"term_code,omitempty"`
	Term     string           `json:"term,omitempty"`
	Relation mapping.Relation `json:"relation"`
	Assured  bool             `json:"assured,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Source   string           `json:"source_term,omitempty"` // given where it is what changed
	Table    string           `json:"table"`                 // id and version
	At       string           `json:"at"`                    // file:line
}

// Diff compares the rows in force of two sets, either of which may be nil. Tables that are the same in both cost
// nothing but look-ups; the others are read once, in the order of their keys.
func Diff(old, new *mapping.Set) Difference {
	var d Difference
	var before, after []*mapping.Table
	sameDays := true
	if old != nil {
		d.Old, before = old.Digest(), old.Tables()
	}
	if new != nil {
		d.New, after = new.Digest(), new.Tables()
	}
	if old != nil && new != nil {
		sameDays = old.Until() == new.Until()
	}
	for len(before) > 0 || len(after) > 0 {
		var from, to mapping.Scheme
		if len(after) == 0 || len(before) > 0 && direction(before[0]) <= direction(after[0]) {
			from, to = before[0].From, before[0].To
		} else {
			from, to = after[0].From, after[0].To
		}
		var oldTables, newTables []*mapping.Table
		oldTables, before = cutDirection(before, from, to)
		newTables, after = cutDirection(after, from, to)
		way := DirectionDifference{From: from, To: to}
		way.compare(merge(oldTables, newTables, sameDays))
		if way.Total() > 0 {
			d.Added += way.Added
			d.Removed += way.Removed
			d.Retargeted += way.Retargeted
			d.Changed += way.Changed
			d.Directions = append(d.Directions, way)
		}
	}
	return d
}

// direction is what mapping.Set.Tables orders by first.
func direction(t *mapping.Table) string { return string(t.From) + "\x00" + string(t.To) }

func cutDirection(tables []*mapping.Table, from, to mapping.Scheme) (cut, rest []*mapping.Table) {
	n := 0
	for n < len(tables) && tables[n].From == from && tables[n].To == to {
		n++
	}
	return tables[:n], tables[n:]
}

// source is one table of either set or of both. old and new are its places among the layers of each set, the highest
// first, or -1. A table of one set is read row by row; in one of both only the keys of the others are looked up.
type source struct {
	table    *mapping.Table
	old, new int
	row      mapping.Row // the row of the key being judged; where more, the next one not yet judged
	more     bool
	next     func() (mapping.Row, bool)
	only     *mapping.Set // of this table, to look up in; nil where the table is read
}

// merge pairs the tables that are the same in both sets. Two readings of one file are the same where the same rows are in
// force: as many, and with the same next day of change.
func merge(old, new []*mapping.Table, sameDays bool) []*source {
	var sources []*source
	for i, t := range old {
		sources = append(sources, &source{table: t, old: i, new: -1})
	}
	for i, t := range new {
		at := slices.IndexFunc(sources, func(s *source) bool {
			return s.new < 0 && s.table.SHA256 == t.SHA256 && s.table.Layer == t.Layer && s.table.Len() == t.Len() && (sameDays || s.table == t)
		})
		if at >= 0 {
			sources[at].new = i
			continue
		}
		sources = append(sources, &source{table: t, old: -1, new: i})
	}
	if len(old) == len(new) && !slices.ContainsFunc(sources, func(s *source) bool { return s.old != s.new }) {
		return nil
	}
	return sources
}

// compare judges, key by key, what answered before and what answers now, for every key of a table that only one has.
func (d *DirectionDifference) compare(sources []*source) {
	for _, s := range sources {
		if s.old >= 0 && s.new >= 0 {
			s.only, _ = mapping.NewSet(s.table) // alone it conflicts with nothing
			continue
		}
		next, stop := iter.Pull(s.table.Rows())
		defer stop()
		s.next = next
		s.row, s.more = next()
	}
	for {
		var least *source
		for _, s := range sources {
			if s.more && (least == nil || byKey(&s.row, &least.row) < 0) {
				least = s
			}
		}
		if least == nil {
			return
		}
		key := least.row
		var old, new *source
		for _, s := range sources {
			if !s.has(&key) {
				continue
			}
			if s.old >= 0 && (old == nil || s.old < old.old) {
				old = s
			}
			if s.new >= 0 && (new == nil || s.new < new.new) {
				new = s
			}
		}
		if old != new {
			d.judge(old, new)
		}
		for _, s := range sources {
			for s.more && byKey(&s.row, &key) == 0 {
				s.row, s.more = s.next()
			}
		}
	}
}

// has puts the source's row of a key into row, where it has one.
func (s *source) has(key *mapping.Row) bool {
	if s.only == nil {
		return s.more && byKey(&s.row, key) == 0
	}
	for _, c := range s.only.Explain(key.Source, s.table.To, key.Context) {
		if byKey(&c.Row, key) == 0 {
			s.row = c.Row
			return true
		}
	}
	return false
}

func (d *DirectionDifference) judge(old, new *source) {
	var kind Change
	var what []string
	switch {
	case old == nil:
		kind = Added
	case new == nil:
		kind = Removed
	case old.row.Target.Value != new.row.Target.Value || old.row.Target.TermCode != new.row.Target.TermCode:
		kind = Retargeted
	default:
		if what = unlike(&old.row, &new.row); len(what) == 0 {
			return // another table says the same
		}
		kind = Changed
	}
	if d.count(kind) > maxExamples {
		return
	}
	row := cmp.Or(new, old).row
	if !row.Source.Valid() { // a table holds no such code; nothing else is ever named
		return
	}
	e := Example{Change: kind, Code: row.Source.Value, TermCode: row.Source.TermCode, Term: row.Source.Term,
		Context: row.Context, What: what, Old: side(old), New: side(new)}
	if slices.Contains(what, sourceTerm) {
		e.Old.Source, e.New.Source = old.row.Source.Term, new.row.Source.Term
	}
	d.Examples = append(d.Examples, e)
}

const sourceTerm = "source term"

// unlike names what differs of two rows with one target and bears on an answer or on the words shown; not their lines,
// reviewers and days.
func unlike(a, b *mapping.Row) (what []string) {
	for _, part := range [...]struct {
		name   string
		differ bool
	}{
		{"relation", a.Relation != b.Relation},
		{"assured", a.Assured != b.Assured},
		{sourceTerm, a.Source.Term != b.Source.Term},
		{"target term", a.Target.Term != b.Target.Term},
		{"class of context", a.Class != b.Class || a.TargetClass != b.TargetClass},
		{"reason", a.Reason != b.Reason},
	} {
		if part.differ {
			what = append(what, part.name)
		}
	}
	return what
}

func side(s *source) *Side {
	if s == nil {
		return nil
	}
	return &Side{Code: s.row.Target.Value, TermCode: s.row.Target.TermCode, Term: s.row.Target.Term, Relation: s.row.Relation, Assured: s.row.Assured,
		Reason: s.row.Reason, Table: s.table.ID + " " + s.table.Version, At: fmt.Sprintf("%s:%d", at(s.table), s.row.Line)}
}

// at is the name of a table's file; of a starter table it tells that it is part of the program.
func at(t *mapping.Table) string {
	if t.Layer == mapping.StarterLayer {
		return starterPrefix + path.Base(t.File)
	}
	return t.File
}

func byKey(a, b *mapping.Row) int {
	return cmp.Or(strings.Compare(a.Source.Value, b.Source.Value), strings.Compare(a.Source.TermCode, b.Source.TermCode),
		strings.Compare(string(a.Context), string(b.Context)))
}
