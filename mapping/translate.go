package mapping

// Answer is what a translation came to.
type Answer string

// The closed list of answers. Only Mapped and Same give a code to emit.
const (
	Mapped      Answer = "mapped"    // a row whose relation lets it code
	Same        Answer = "same"      // source scheme and target scheme are one
	Inexact     Answer = "inexact"   // a row exists but its relation forbids coding; Target holds the near match
	AnswerNoMap Answer = "no-map"    // a row says there is no map; Reason says why
	Unmapped    Answer = "unmapped"  // no row
	Ambiguous   Answer = "ambiguous" // the term code is not stated and the rows differ
	Malformed   Answer = "malformed" // the code fails its scheme's syntax; it must not be named anywhere
)

// Result is the answer to one translation, and the row it came from.
type Result struct {
	// Target is the code to emit for Mapped and Same, the near match for Inexact, else zero. It has no Term where a
	// row answered: Code has the table's words.
	Target   Code
	Relation Relation
	Assured  bool
	// Class and TargetClass are those of the row's terms, Unknown where it has none.
	Class, TargetClass Class
	// Superseded says that the row is that of the code which replaced this one.
	Superseded bool
	Table    *Table // nil where no row answered
	Line     int
	Answer   Answer
	Reason   string // in our words, where no row answered
	row      *Row
}

// Code is Target with the words the table gives it; of Same it is the code asked for.
func (r Result) Code() Code {
	code := r.Target
	if r.row != nil {
		code.Term = r.row.Target.Term
	}
	return code
}

// Row is the row that answered, with all its words; zero where none did.
func (r Result) Row() Row {
	if r.row == nil {
		return Row{}
	}
	return *r.row
}

// Translate answers for one code. Contexts are tried in the order given, most specific first, and Any always last.
//
// The key is (scheme, value, term code, context), byte for byte. Where the code states no term code and the table has
// them for its value: the row whose source term is the code's Term; else the preferred row ("00", in other schemes the
// row without a term code), if every term code of the value has the same target; else Ambiguous.
//
// An equivalent row is Mapped. So is an assured row of another relation, except for allergies and medication, and so is
// a narrower row from or to an enumeration, except for allergies: there Relation stays Narrower and the caller keeps
// the original as text.
func (s *Set) Translate(c Code, to Scheme, contexts ...Context) Result {
	if c.Scheme == to {
		if fault := c.fault(); fault != "" {
			return Result{Answer: Malformed, Reason: fault}
		}
		return Result{Answer: Same, Target: c, Relation: Equivalent}
	}
	found, ambiguous := s.find(&c, to, contexts)
	switch {
	case ambiguous:
		return Result{Answer: Ambiguous, Reason: "the term code is not stated and its terms have different targets"}
	case found.row != nil:
		return found.result(contexts)
	}
	// Only a miss pays for the syntax check: every code of a table passed it at load.
	if fault := c.fault(); fault != "" {
		return Result{Answer: Malformed, Reason: fault}
	}
	return Result{Answer: Unmapped, Reason: "no row"}
}

// TranslateAny answers with the first target scheme that is mapped. Without one it answers with the most informative
// refusal: malformed, inexact, no-map, ambiguous, unmapped, in that order.
func (s *Set) TranslateAny(c Code, to []Scheme, contexts ...Context) Result {
	best := Result{Answer: Unmapped, Reason: "no target scheme"}
	for _, scheme := range to {
		r := s.Translate(c, scheme, contexts...)
		if r.Answer == Mapped || r.Answer == Same {
			return r
		}
		if informs(r.Answer) > informs(best.Answer) {
			best = r
		}
	}
	return best
}

func informs(a Answer) int {
	switch a {
	case Malformed:
		return 4
	case Inexact:
		return 3
	case AnswerNoMap:
		return 2
	case Ambiguous:
		return 1
	}
	return 0
}

// find looks up the row that answers for c, or reports that several would.
func (s *Set) find(c *Code, to Scheme, contexts []Context) (placed, bool) {
	d := s.directions[pair{c.Scheme, to}]
	if d == nil {
		return placed{}, false
	}
	at, ok := d.values[c.Value]
	if !ok {
		return placed{}, false
	}
	rows := d.rows[at.start:at.end]
	if c.TermCode == "" && rows[len(rows)-1].row.Source.TermCode != "" {
		return unstated(rows, c, contexts)
	}
	return inContext(rows, c.TermCode, contexts), false
}

// inContext picks the row of one term code for the first context that has one.
func inContext(rows []placed, termCode string, contexts []Context) placed {
	for i := 0; i <= len(contexts); i++ {
		context := Any
		if i < len(contexts) {
			context = contexts[i]
		}
		for _, p := range rows {
			if p.row.Context == context && p.row.Source.TermCode == termCode {
				return p
			}
		}
	}
	return placed{}
}

// unstated answers for a code without term code among rows that have them. Rows are ordered by term code.
func unstated(rows []placed, c *Code, contexts []Context) (placed, bool) {
	preferredCode := ""
	if c.Scheme == ReadV2 {
		preferredCode = "00"
	}
	var byTerm, preferred, other placed
	termsDiffer, targetsDiffer := false, false
	for i := range rows {
		termCode := rows[i].row.Source.TermCode
		if i > 0 && rows[i-1].row.Source.TermCode == termCode {
			continue
		}
		p := inContext(rows, termCode, contexts)
		if p.row == nil {
			continue
		}
		if c.Term != "" && p.row.Source.Term == c.Term {
			termsDiffer = termsDiffer || byTerm.row != nil && !sameCode(byTerm.row, p.row)
			byTerm = p
		}
		if termCode == preferredCode {
			preferred = p
		}
		targetsDiffer = targetsDiffer || other.row != nil && !sameCode(other.row, p.row)
		other = p
	}
	switch {
	case byTerm.row != nil && !termsDiffer:
		return byTerm, false
	case other.row == nil:
		return placed{}, false
	case preferred.row != nil && !targetsDiffer:
		return preferred, false
	}
	return placed{}, true
}

// result judges whether the row may code.
func (p placed) result(contexts []Context) Result {
	r := Result{Target: p.row.Target, Relation: p.row.Relation, Assured: p.row.Assured, Class: p.row.Class, TargetClass: p.row.TargetClass,
		Table: p.table, Line: p.row.Line, row: p.row}
	r.Target.Term = ""
	strict := p.table.From.drug() || p.table.To.drug() || p.row.Context.strict()
	allergy := p.row.Context.allergy()
	for _, context := range contexts {
		strict = strict || context.strict()
		allergy = allergy || context.allergy()
	}
	switch {
	case r.Relation == NoMap:
		r.Answer = AnswerNoMap
	case r.Relation == Equivalent,
		r.Assured && !strict,
		r.Relation == Narrower && !allergy && (p.table.From.Enumeration() || p.table.To.Enumeration()):
		r.Answer = Mapped
	default:
		r.Answer = Inexact
	}
	return r
}

// sameCode reports whether two rows lead to one target, whatever they say of the way there.
func sameCode(a, b *Row) bool {
	return a.Target.Value == b.Target.Value && a.Target.TermCode == b.Target.TermCode
}
