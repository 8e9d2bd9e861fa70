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
// they were looked at. Whether that one may code is Translate's answer. For a superseded code without an answer of its
// own the row that says what replaced it follows, then the rows of that code. A code of the scheme asked for stays as it
// is, whatever the rows of its history say.
func (s *Set) Explain(c Code, to Scheme, contexts ...Context) []Candidate {
	all, answered := s.candidates(&c, to, contexts)
	if c.Scheme == to {
		for i := range all {
			all[i].Won, all[i].Why = false, "the code is of the scheme asked for and stays as it is"
		}
		return all
	}
	if current, ok := s.current(c); ok && !answered {
		history, _ := s.candidates(&c, c.Scheme, nil)
		for _, h := range history {
			if h.Won {
				h.Won, h.Why = false, "says which code replaced it"
				all = append(all, h)
			}
		}
		of, _ := s.candidates(&current, to, contexts)
		all = append(all, of...)
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

// candidates are the rows of a code's value, and whether they answer, be it that they do not agree.
func (s *Set) candidates(c *Code, to Scheme, contexts []Context) (all []Candidate, answered bool) {
	layers := s.layers(c, to, nil)
	won, ambiguous := find(layers, c, contexts)
	for n, l := range layers {
		in := reading{words: &l.table.words}
		for at, r := range l.rows() {
			candidate := Candidate{Table: l.table, Row: l.table.row(&in, r), Won: won == placed{l.table, at}, Why: "answers"}
			if !candidate.Won {
				candidate.Why = lost(candidate.Row, c, contexts, layers[:n], won, ambiguous)
			}
			all = append(all, candidate)
		}
	}
	return all, ambiguous || won.table != nil
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
