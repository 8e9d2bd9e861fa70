package coverage

import (
	"cmp"
	"slices"

	"github.com/linkspan/linkspan/mapping"
)

// Effect is what exchanging one set of tables for another changes for the
// codes that were seen. It compares what the tables answer: whether an entry
// then is coded still depends on its words, its sender and its receiver.
type Effect struct {
	Old string `json:"old"` // digests
	New string `json:"new"`
	// Codes are distinct codes, a code counting once for each way in which it
	// changes; Entries are entries, or look-ups of a log.
	Codes   Changed `json:"codes"`
	Entries Changed `json:"entries"`
	// The codes that change, the most frequent first.
	Became     []Change `json:"became"`     // coded, and were not
	Lost       []Change `json:"lost"`       // are no longer coded
	Retargeted []Change `json:"retargeted"` // coded before and after, as something else
	// Other are answered otherwise without being coded before or after, or are
	// coded the same by a row of another relation.
	Other []Change `json:"other"`
}

// Changed counts what changes; all but Total add up to Total.
type Changed struct {
	Total      int `json:"total"`
	Unchanged  int `json:"unchanged"`
	Became     int `json:"became"`
	Lost       int `json:"lost"`
	Retargeted int `json:"retargeted"`
	Other      int `json:"other"`
}

// Change is one code with what the old and the new tables answer.
type Change struct {
	Scheme  string `json:"scheme"`
	Code    string `json:"code"`           // value and term code
	Term    string `json:"term,omitempty"` // of a loaded dictionary
	Kind    string `json:"kind"`
	To      string `json:"to"`
	Count   int    `json:"count"`
	Records int    `json:"records,omitempty"` // of a folder only
	Before  Answer `json:"before"`
	After   Answer `json:"after"`
}

// Answer is what a set answers for a code: the row, in the table's own words.
type Answer struct {
	Answer   mapping.Answer   `json:"answer"`
	Scheme   string           `json:"scheme,omitempty"`
	Code     string           `json:"code,omitempty"`
	Term     string           `json:"term,omitempty"`
	Relation mapping.Relation `json:"relation,omitempty"`
	Table    string           `json:"table,omitempty"`
	Version  string           `json:"version,omitempty"`
	Layer    mapping.Layer    `json:"layer,omitempty"`
	Line     int              `json:"line,omitempty"`
}

// Codes reports whether the answer codes.
func (a Answer) Codes() bool { return a.Answer == mapping.Mapped || a.Answer == mapping.Same }

// EffectOf compares what two sets answer for what was seen. The dictionary may
// be nil.
func EffectOf(before, after *mapping.Set, seen []Seen, d mapping.Dictionary) Effect {
	type key struct {
		code          mapping.Code
		kind, to      string
		before, after Answer
	}
	e := Effect{Old: before.Digest(), New: after.Digest()}
	changes := map[key]*Change{}
	ways := map[mapping.Code]map[way]bool{}
	for _, s := range seen {
		if !nameable(s.Code) {
			continue
		}
		was, is := answerOf(s.ask(before)), answerOf(s.ask(after))
		how := change(was, is)
		e.Entries.add(how, s.Count)
		if ways[s.Code] == nil {
			ways[s.Code] = map[way]bool{}
		}
		ways[s.Code][how] = true
		if how == unchanged {
			continue
		}
		k := key{s.Code, s.Kind, s.To, was, is}
		c := changes[k]
		if c == nil {
			c = &Change{Scheme: string(s.Code.Scheme), Code: s.Code.Value + s.Code.TermCode, Term: termOf(d, s.Code), Kind: s.Kind, To: s.To, Before: was, After: is}
			changes[k] = c
		}
		c.Count += s.Count
		c.Records += s.Records
	}
	for _, hows := range ways {
		for how := range hows {
			if how != unchanged || len(hows) == 1 {
				e.Codes.add(how, 1)
			}
		}
	}
	e.Became, e.Lost, e.Retargeted, e.Other = []Change{}, []Change{}, []Change{}, []Change{}
	for _, c := range changes {
		switch change(c.Before, c.After) {
		case became:
			e.Became = append(e.Became, *c)
		case lost:
			e.Lost = append(e.Lost, *c)
		case retargeted:
			e.Retargeted = append(e.Retargeted, *c)
		default:
			e.Other = append(e.Other, *c)
		}
	}
	for _, list := range [][]Change{e.Became, e.Lost, e.Retargeted, e.Other} {
		slices.SortFunc(list, func(a, b Change) int {
			return cmp.Or(b.Count-a.Count, cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Kind, b.Kind),
				cmp.Compare(a.To, b.To), cmp.Compare(a.After.Code, b.After.Code), cmp.Compare(a.Before.Code, b.Before.Code))
		})
	}
	return e
}

func answerOf(r mapping.Result) Answer {
	a := Answer{Answer: r.Answer, Relation: r.Relation, Line: r.Line}
	if target := r.Code(); !target.IsZero() && r.Table != nil {
		a.Scheme, a.Code, a.Term = string(target.Scheme), target.Value+target.TermCode, target.Term
	}
	if r.Table != nil {
		a.Table, a.Version, a.Layer = r.Table.ID, r.Table.Version, r.Table.Layer
	}
	return a
}

// way is how an answer changes.
type way int

const (
	unchanged way = iota
	became
	lost
	retargeted
	other
)

func (c *Changed) add(how way, n int) {
	c.Total += n
	switch how {
	case unchanged:
		c.Unchanged += n
	case became:
		c.Became += n
	case lost:
		c.Lost += n
	case retargeted:
		c.Retargeted += n
	case other:
		c.Other += n
	}
}

func change(before, after Answer) way {
	same := before.Scheme == after.Scheme && before.Code == after.Code
	switch {
	case !before.Codes() && after.Codes():
		return became
	case before.Codes() && !after.Codes():
		return lost
	case before.Codes() && !same:
		return retargeted
	case before.Answer != after.Answer, before.Relation != after.Relation, !same:
		return other
	}
	return unchanged
}
