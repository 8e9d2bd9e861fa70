package mapping

import "iter"

// Answer is what a translation came to.
type Answer string

// The closed list of answers. Only Mapped and Same give a code to emit.
const (
	Mapped      Answer = "mapped"    // a row whose relation lets it code
	Same        Answer = "same"      // source scheme and target scheme are one
	Inexact     Answer = "inexact"   // a row exists but may not code; Target holds the near match
	AnswerNoMap Answer = "no-map"    // a row says there is no map; its reason says why
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
	Table      *Table // nil where no row answered
	Line       int
	Answer     Answer
	Reason     string // in our words, where no row answered
	row        int    // where it begins in the table
}

// Code is Target with the words the table gives it; of Same it is the code asked for.
func (r Result) Code() Code {
	code := r.Target
	if r.Table != nil {
		code.Term = r.Row().Target.Term
	}
	return code
}

// Row is the row that answered, with all its words; zero where none did.
func (r Result) Row() Row {
	if r.Table == nil {
		return Row{}
	}
	return r.Table.row(&reading{words: &r.Table.words}, r.Table.packed.row(r.row))
}

// Translate answers for one code. Contexts are tried in the order given, most specific first, and Any always last.
//
// The key is (scheme, value, term code, context), byte for byte. Where the code states no term code and the tables have
// them for its value: the row whose source term is the code's Term; else the preferred row ("00", in other schemes the
// row without a term code), if every term code of the value has the same target and relation; else Ambiguous. A code without a row
// that a history table knows to be superseded is answered for by the rows of the code that replaced it.
//
// An equivalent row is Mapped. So is an assured row of another relation, except for allergies and medication, and so is
// a narrower row from or to an enumeration, except for allergies: there Relation stays Narrower and the caller keeps
// the original as text. An allergy or a drug is not coded by a derived table, nor where the class of context of either
// side is unknown; nothing is coded by a row without source words whose target is of another class than the message's.
func (s *Set) Translate(c Code, to Scheme, contexts ...Context) (r Result) {
	if c.Scheme == to {
		if fault := c.fault(); fault != "" {
			return Result{Answer: Malformed, Reason: fault}
		}
		return Result{Answer: Same, Target: c, Relation: Equivalent}
	}
	if s.look(&r, &c, to, contexts) {
		return r
	}
	// Only a miss pays for the syntax check: every code of a table passed it at load.
	if fault := c.fault(); fault != "" {
		return Result{Answer: Malformed, Reason: fault}
	}
	if current, ok := s.current(c); ok {
		if s.look(&r, &current, to, contexts) {
			r.Superseded = true
			return r
		}
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

// look answers from the rows for the code as it stands; false where there are none.
func (s *Set) look(r *Result, c *Code, to Scheme, contexts []Context) bool {
	var usual [usualLayers]rowsOf
	found, ambiguous := find(s.layers(c, to, usual[:0]), c, contexts)
	switch {
	case ambiguous:
		r.Answer, r.Reason = Ambiguous, "the term code is not stated and its terms have different targets"
	case found.table != nil:
		found.judge(r, c, contexts)
	default:
		return false
	}
	return true
}

// current is the code that replaced a superseded one.
func (s *Set) current(c Code) (Code, bool) {
	var usual [usualLayers]rowsOf
	found, ambiguous := find(s.layers(&c, c.Scheme, usual[:0]), &c, nil)
	if found.table == nil || ambiguous || found.packed().relation() != Equivalent {
		return Code{}, false
	}
	value, termCode := found.packed().target()
	return Code{Scheme: c.Scheme, Value: value, TermCode: termCode, Term: c.Term}, true
}

// placed is a row of a table; without a table it is none.
type placed struct {
	table *Table
	row   int // where it begins
}

func (p placed) packed() packedRow        { return p.table.packed.row(p.row) }
func (p placed) sameTarget(o placed) bool { return p.packed().sameTarget(o.packed()) }

func (p placed) context() Context { return p.table.packed.context(p.packed()) }

// term is the row's source term, "" where the file no longer has it.
func (p placed) term() string {
	return p.table.row(&reading{words: &p.table.words}, p.packed()).Source.Term
}

// rowsOf are the rows of one source value in one table, of which the first begins at start.
type rowsOf struct {
	table *Table
	start int
}

func (l rowsOf) rows() iter.Seq2[int, packedRow] { return l.table.packed.group(l.start) }

// usualLayers is how many tables of one direction are looked up without allocating.
const usualLayers = 8

// layers appends the rows of a code's value in every table of the direction that has any, the highest layer first.
func (s *Set) layers(c *Code, to Scheme, into []rowsOf) []rowsOf {
	for _, t := range s.between(c.Scheme, to) {
		if start := t.packed.index.find(&t.packed, c.Value); start != 0 {
			into = append(into, rowsOf{t, start})
		}
	}
	return into
}

// find picks the row that answers for c, or reports that several would.
func find(layers []rowsOf, c *Code, contexts []Context) (placed, bool) {
	if c.TermCode == "" && haveTermCodes(layers) {
		return unstated(layers, c, contexts)
	}
	return inContext(layers, c.TermCode, contexts), false
}

// haveTermCodes reports whether any of the rows has one.
func haveTermCodes(layers []rowsOf) bool {
	for _, l := range layers {
		for _, row := range l.rows() {
			if row.termCode() != "" {
				return true
			}
		}
	}
	return false
}

// inContext picks the row of one term code for the first context that has one, from the highest layer that does.
func inContext(layers []rowsOf, termCode string, contexts []Context) placed {
	for i := 0; i <= len(contexts); i++ {
		context := Any
		if i < len(contexts) {
			context = contexts[i]
		}
		for _, l := range layers {
			for at, row := range l.rows() {
				if row.termCode() == termCode && l.table.packed.context(row) == context {
					return placed{l.table, at}
				}
			}
		}
	}
	return placed{}
}

// unstated answers for a code without term code among rows that have them.
func unstated(layers []rowsOf, c *Code, contexts []Context) (placed, bool) {
	preferredCode := ""
	if c.Scheme == ReadV2 {
		preferredCode = "00"
	}
	var byTerm, preferred, other placed
	termsDiffer, targetsDiffer := false, false
	for _, l := range layers {
		before := packedRow("")
		for _, row := range l.rows() {
			termCode := row.termCode()
			again := before != "" && before.termCode() == termCode
			if before = row; again {
				continue
			}
			p := inContext(layers, termCode, contexts) // the same again where a lower layer has the term code too
			if p.table == nil {
				continue
			}
			if c.Term != "" && p.term() == c.Term {
				termsDiffer = termsDiffer || byTerm.table != nil && !byTerm.sameTarget(p)
				byTerm = p
			}
			if termCode == preferredCode {
				preferred = p
			}
			targetsDiffer = targetsDiffer || other.table != nil && !other.sameTarget(p)
			other = p
		}
	}
	switch {
	case byTerm.table != nil && !termsDiffer:
		return byTerm, false
	case other.table == nil:
		return placed{}, false
	case preferred.table != nil && !targetsDiffer:
		return preferred, false
	}
	return placed{}, true
}

// judge says what the row is and whether it may code.
func (p placed) judge(r *Result, c *Code, contexts []Context) {
	row, t := p.packed(), p.table
	r.Relation, r.Assured, r.Class, r.TargetClass = row.relation(), row.assured(), row.class(), row.targetClass()
	r.Table, r.Line, r.row = t, row.line(), p.row
	if r.Relation == NoMap {
		r.Answer = AnswerNoMap
		return
	}
	value, termCode := row.target()
	r.Target = Code{Scheme: t.To, Value: value, TermCode: termCode}
	context := p.context()
	strict, allergy := t.strict(context), context.allergy()
	for _, context := range contexts {
		strict = strict || context.strict()
		allergy = allergy || context.allergy()
	}
	switch {
	case strict && t.Layer == DerivedLayer,
		!t.enumerated && changesClass(r, c, strict):
		r.Answer = Inexact
	case r.Relation == Equivalent,
		r.Assured && !strict,
		r.Relation == Narrower && !allergy && t.enumerated:
		r.Answer = Mapped
	default:
		r.Answer = Inexact
	}
}

// changesClass reports that the class of context of the target is not that of the source, or may not be where that must
// be known. A source whose row has no words has those of the message.
func changesClass(r *Result, c *Code, strict bool) bool {
	if r.Class != Unknown && r.TargetClass != Unknown {
		return false // the same, else the row had been refused
	}
	source := r.Class
	if source == Unknown {
		source = ClassOf(c.Term)
	}
	if source == Unknown || r.TargetClass == Unknown {
		return strict
	}
	return source != r.TargetClass
}
