package mapping

// Candidate is a row that was looked at for a code, and why it answers or does not.
type Candidate struct {
	Table *Table
	Row   Row
	Won   bool
	Why   string
}

// Explain lists every row of the code's value in every layer, the one that answers first.
func (s *Set) Explain(c Code, to Scheme, contexts ...Context) []Candidate { return nil }

// Lint tells what only the whole set shows.
func (s *Set) Lint(d Dictionary) []Warning { return nil }

// Until is the first day on which the validity of a row changes the set; empty is never.
func (s *Set) Until() string { return "" }
