package mapping

import (
	"slices"
)

// Candidate is a row that was looked at for a code, and why it answers or does not.
type Candidate struct {
	Table *Table
	Row   Row
	Won   bool
	Why   string
}

// Explain lists every row of the code's value in every layer, the one that answers first, then in the order in which
// they were looked at. Whether that one may code is Translate's answer. For a superseded code the rows are those of the
// code that replaced it.
func (s *Set) Explain(c Code, to Scheme, contexts ...Context) []Candidate {
	layers := s.layers(&c, to, nil)
	won, ambiguous := find(layers, &c, contexts)
	if won.table == nil && !ambiguous {
		if current, ok := s.current(c); ok {
			c = current
			layers = s.layers(&c, to, nil)
			won, ambiguous = find(layers, &c, contexts)
		}
	}
	var all []Candidate
	for n, l := range layers {
		in := reading{words: &l.table.words}
		for at, r := range l.rows() {
			candidate := Candidate{Table: l.table, Row: l.table.row(&in, r), Won: won == placed{l.table, at}}
			if candidate.Why = "answers"; !candidate.Won {
				candidate.Why = lost(candidate.Row, &c, contexts, layers[:n], won, ambiguous)
			}
			all = append(all, candidate)
		}
	}
	slices.SortStableFunc(all, func(a, b Candidate) int {
		switch {
		case a.Won:
			return -1
		case b.Won:
			return 1
		}
		return 0
	})
	return all
}

// lost says why a row does not answer.
func lost(row Row, c *Code, contexts []Context, above []rowsOf, won placed, ambiguous bool) string {
	if row.Context != Any && !slices.Contains(contexts, row.Context) {
		return "its context is " + string(row.Context) + ", which the entry has not"
	}
	if c.TermCode != "" && row.Source.TermCode != c.TermCode {
		return "its term code is another"
	}
	for _, l := range above {
		if j, ok := l.table.packed.at(rowKey{row.Source.Value, row.Source.TermCode, row.Context}); ok {
			return "hidden by the " + string(l.table.Layer) + " table " + l.table.ID + ", line " + decimal(j.line())
		}
	}
	switch {
	case ambiguous:
		return "the code states no term code, and its terms have different targets"
	case won.table != nil && won.packed().termCode() != row.Source.TermCode:
		return "the code states no term code, and the answer is chosen by the term or is the preferred one"
	case won.table != nil && won.context() != row.Context:
		return "a row of a closer context answers"
	}
	return "its term code is another"
}
