// Package coverage says how much of what comes to them the tables code: of the
// codes a dictionary lists, of the codes, entries and records in a folder of
// native messages, and of the codes counted in traffic; and what exchanging
// one set of tables for another would change for them. Every share comes with
// what it is a share of.
//
// Its results hold no patient data: a code is named only where its scheme's
// syntax holds, and its term comes from a dictionary, never from a message
// (DESIGN.md decision 16). They are made offline and decide nothing.
package coverage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/traffic"
)

// Counts are things counted by what became of them: codes by what the tables
// answer, entries by how they crossed. All but Total add up to Total.
type Counts struct {
	Total     int `json:"total"`
	Coded     int `json:"coded"`
	Inexact   int `json:"inexact"`   // a row exists and its relation may not code
	NoMap     int `json:"no_map"`    // a row says there is no map
	Unmapped  int `json:"unmapped"`  // no row
	Ambiguous int `json:"ambiguous"` // the term code is not stated and the rows differ
	Malformed int `json:"malformed"` // no code of its scheme; never named
	// Refused are entries no row could help: the words, the sender, the rules
	// of the pair or the receiver's form keep them from being coded; and codes
	// the receiver takes in no scheme.
	Refused int `json:"refused"`
}

// outcome is one of the columns of Counts, the worst last.
type outcome int

const (
	coded outcome = iota
	noMap
	refused
	inexact
	ambiguous
	unmapped
	malformed
)

// outcomeOf is what an answer of the tables counts as. To is how many schemes
// were tried.
func outcomeOf(a mapping.Answer, to int) outcome {
	switch a {
	case mapping.Mapped, mapping.Same:
		return coded
	case mapping.Inexact:
		return inexact
	case mapping.AnswerNoMap:
		return noMap
	case mapping.Ambiguous:
		return ambiguous
	case mapping.Malformed:
		return malformed
	}
	if to == 0 {
		return refused
	}
	return unmapped
}

// undecided reports the outcomes a table row is wanted for.
func (o outcome) undecided() bool { return o == unmapped || o == ambiguous || o == inexact }

func (c *Counts) add(o outcome, n int) {
	c.Total += n
	switch o {
	case coded:
		c.Coded += n
	case noMap:
		c.NoMap += n
	case refused:
		c.Refused += n
	case inexact:
		c.Inexact += n
	case ambiguous:
		c.Ambiguous += n
	case unmapped:
		c.Unmapped += n
	case malformed:
		c.Malformed += n
	}
}

// Records counts records.
type Records struct {
	Total int `json:"total"` // with at least one coded entry of those counted
	// Coded are those whose every coded entry crosses coded.
	Coded int `json:"coded"`
}

// Group is the coverage of one kind of entry, or of one source scheme. A code
// seen as two kinds counts in both.
type Group struct {
	Name    string   `json:"name"`
	Codes   Counts   `json:"codes"`
	Entries Counts   `json:"entries"`
	Records *Records `json:"records,omitempty"` // of a folder only
}

// Unmapped is a code no row decides, for one kind of entry and one list of
// target schemes.
type Unmapped struct {
	Scheme string         `json:"scheme"`
	Code   string         `json:"code"`           // value and term code
	Term   string         `json:"term,omitempty"` // of a loaded dictionary
	Kind   string         `json:"kind"`
	To     string         `json:"to"` // the schemes tried, joined by a space
	Answer mapping.Answer `json:"answer"`
	Count  int            `json:"count"` // entries
	// Records it stands in, and the entries among Count that crossed coded
	// because the sender supplied a code; both of a folder only.
	Records  int `json:"records,omitempty"`
	BySender int `json:"by_sender,omitempty"`
}

// Unreadable is a file that is no readable response. Its reason is one of ours,
// never anything from the file.
type Unreadable struct {
	File   string `json:"file"` // base name
	Reason string `json:"reason"`
}

// Traffic is the coverage of what was seen, in a folder or in a log.
type Traffic struct {
	Digest string `json:"digest"` // of the set of tables
	// Of a folder only: the files looked at, those that hold no readable
	// record, and the records.
	Files      int          `json:"files,omitempty"`
	Unreadable []Unreadable `json:"unreadable,omitempty"`
	Records    *Records     `json:"records,omitempty"`
	// Codes are distinct codes by what the tables answer; one whose answers
	// differ, by kind or by context, counts by the worst.
	Codes Counts `json:"codes"`
	// Entries are coded entries by how they crossed. In a log, which knows no
	// entries, they are look-ups by what the tables answer.
	Entries Counts `json:"entries"`
	// BySender are the entries among Entries.Coded whose code the sender
	// supplied, the tables being silent.
	BySender int     `json:"by_sender,omitempty"`
	Kinds    []Group `json:"kinds"`
	Schemes  []Group `json:"schemes"`
	// Unmapped are the most frequent codes no row decides, and UnmappedMore
	// how many are not listed.
	Unmapped     []Unmapped `json:"unmapped"`
	UnmappedMore int        `json:"unmapped_more,omitempty"`
	// Seen is what was seen, for EffectOf.
	Seen []Seen `json:"-"`
}

// Seen is one question to the tables and how often it was put.
type Seen struct {
	traffic.Key
	Count   int // entries
	Records int // records they stand in, 0 where not known
	// term is the words beside the code in the message, by which a code without
	// term code is told from its synonyms. They leave this package in nothing.
	term string
}

// Options are how coverage is worked out.
type Options struct {
	// Dictionary gives the terms of unmapped codes; nil leaves them out.
	Dictionary mapping.Dictionary
	// Top is how many unmapped codes are listed: 20 where zero, all where
	// negative.
	Top int
	// Progress is called after each file of a folder, nil for nobody.
	Progress func(done, of int)
}

func (o Options) top() int {
	if o.Top == 0 {
		return 20
	}
	return o.Top
}

// ask puts the question to a set.
func (s Seen) ask(set *mapping.Set) mapping.Result {
	code := s.Code
	code.Term = s.term
	var to []mapping.Scheme
	for _, scheme := range strings.Fields(s.To) {
		to = append(to, mapping.Scheme(scheme))
	}
	var contexts []mapping.Context
	for _, context := range strings.Fields(s.Contexts) {
		contexts = append(contexts, mapping.Context(context))
	}
	return set.TranslateAny(code, to, contexts...)
}

func (s Seen) outcome(a mapping.Answer) outcome { return outcomeOf(a, len(strings.Fields(s.To))) }

// nameable reports a code that may be named: enumerated values and what fails
// its scheme's syntax may be typed text.
func nameable(c mapping.Code) bool { return !c.Scheme.Enumeration() && c.Valid() }

// OfLog is the coverage of what a traffic log has seen. A log has no words, so
// that a code without term code may be ambiguous here where the words of the
// message decide it.
func OfLog(set *mapping.Set, log []traffic.Seen, o Options) Traffic {
	t := newTally()
	var seen []Seen
	for _, line := range log {
		if !nameable(line.Code) || kindOnly(line.Key) {
			continue
		}
		s := Seen{Key: line.Key, Count: line.Count}
		res := s.ask(set)
		result := s.outcome(res.Answer)
		t.code(s.Key, result)
		t.entries(line.Kind, line.Code.Scheme, result, line.Count)
		if result.undecided() {
			t.unmapped(s.Key, res.Answer).Count += line.Count
		}
		seen = append(seen, s)
	}
	r := t.result(set, o)
	r.Seen = seen
	return r
}

// tally gathers a Traffic.
type tally struct {
	all            group
	kinds, schemes map[string]*group
	wanted         map[wantedKey]*Unmapped
	bySender       int
}

type wantedKey struct {
	code     mapping.Code
	kind, to string
}

// group is one Group on its way.
type group struct {
	codes   map[mapping.Code]outcome
	entries Counts
	records Records
}

func newTally() *tally {
	return &tally{all: group{codes: map[mapping.Code]outcome{}}, kinds: map[string]*group{}, schemes: map[string]*group{}, wanted: map[wantedKey]*Unmapped{}}
}

func groupOf(groups map[string]*group, name string) *group {
	g := groups[name]
	if g == nil {
		g = &group{codes: map[mapping.Code]outcome{}}
		groups[name] = g
	}
	return g
}

// code counts a distinct code, by the worst of its answers.
func (t *tally) code(k traffic.Key, o outcome) {
	for _, g := range []*group{&t.all, groupOf(t.kinds, k.Kind), t.scheme(k.Code.Scheme)} {
		if had, ok := g.codes[k.Code]; !ok || o > had {
			g.codes[k.Code] = o
		}
	}
}

// entries counts n entries. A scheme is empty where it is not known.
func (t *tally) entries(kind string, scheme mapping.Scheme, o outcome, n int) {
	t.all.entries.add(o, n)
	groupOf(t.kinds, kind).entries.add(o, n)
	if scheme != "" {
		t.scheme(scheme).entries.add(o, n)
	}
}

// scheme is the group of a scheme; the lists of the systems are one.
func (t *tally) scheme(s mapping.Scheme) *group {
	if s.Enumeration() {
		s = "enumerated values"
	}
	return groupOf(t.schemes, string(s))
}

func (t *tally) unmapped(k traffic.Key, a mapping.Answer) *Unmapped {
	key := wantedKey{k.Code, k.Kind, k.To}
	u := t.wanted[key]
	if u == nil {
		u = &Unmapped{Scheme: string(k.Code.Scheme), Code: k.Code.Value + k.Code.TermCode, Kind: k.Kind, To: k.To, Answer: a}
		t.wanted[key] = u
	}
	return u
}

func (t *tally) result(set *mapping.Set, o Options) Traffic {
	r := Traffic{Digest: set.Digest(), Codes: t.all.countCodes(), Entries: t.all.entries, BySender: t.bySender,
		Kinds: listGroups(t.kinds), Schemes: listGroups(t.schemes), Unmapped: make([]Unmapped, 0, len(t.wanted))}
	for key, u := range t.wanted {
		u.Term = termOf(o.Dictionary, key.code)
		r.Unmapped = append(r.Unmapped, *u)
	}
	slices.SortFunc(r.Unmapped, func(a, b Unmapped) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.To, b.To))
	})
	if top := o.top(); top >= 0 && len(r.Unmapped) > top {
		r.UnmappedMore = len(r.Unmapped) - top
		r.Unmapped = r.Unmapped[:top]
	}
	return r
}

func (g *group) countCodes() Counts {
	var c Counts
	for _, o := range g.codes {
		c.add(o, 1)
	}
	return c
}

// listGroups lists groups, the one with most entries first.
func listGroups(groups map[string]*group) []Group {
	list := make([]Group, 0, len(groups))
	for name, g := range groups {
		item := Group{Name: name, Codes: g.countCodes(), Entries: g.entries}
		if g.records.Total > 0 {
			item.Records = &g.records
		}
		list = append(list, item)
	}
	slices.SortFunc(list, func(a, b Group) int { return cmp.Or(b.Entries.Total-a.Entries.Total, cmp.Compare(a.Name, b.Name)) })
	return list
}

// termOf is the dictionary's term of a code, "" where it has none.
func termOf(d mapping.Dictionary, c mapping.Code) string {
	if d == nil {
		return ""
	}
	c.Term = ""
	if term, _, found := d.Look(c); found {
		return term
	}
	return ""
}
