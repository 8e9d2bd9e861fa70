package coverage

import (
	"iter"

	"github.com/linkspan/linkspan/mapping"
)

// Dictionary is a dictionary whose codes can be listed.
type Dictionary interface {
	mapping.Dictionary
	// Codes yields every code of a scheme, once, and whether it is in use.
	Codes(mapping.Scheme) iter.Seq2[mapping.Code, bool]
}

// Direction is how many of the codes a dictionary lists the tables of one
// direction code.
type Direction struct {
	From mapping.Scheme `json:"from"`
	To   mapping.Scheme `json:"to"`
	// Tables is how many tables lead this way.
	Tables int `json:"tables"`
	// Codes are the dictionary's codes in use, by what the tables answer for an
	// entry of no particular kind and without a value.
	Codes Counts `json:"codes"`
	// Inactive are the dictionary's codes that are not in use, which Codes leaves
	// out.
	Inactive int `json:"inactive"`
	// WithValue are those not coded that an entry with a number in it codes.
	WithValue int `json:"with_value"`
}

// OfDictionaries is the coverage of every direction of the set whose source
// scheme a dictionary lists: not the enumerations, nor the tables from
// superseded identifiers to current ones. The codes of a dictionary have no
// terms here, for a table is to know them without.
func OfDictionaries(set *mapping.Set, d Dictionary) []Direction {
	directions := []Direction{}
	for _, t := range set.Tables() {
		if n := len(directions); n > 0 && directions[n-1].From == t.From && directions[n-1].To == t.To {
			directions[n-1].Tables++
			continue
		}
		if t.From != t.To && !t.From.Enumeration() && !t.To.Enumeration() && d.Holds(t.From) {
			directions = append(directions, Direction{From: t.From, To: t.To, Tables: 1})
		}
	}
	for i := range directions {
		directions[i].count(set, d)
	}
	return directions
}

func (w *Direction) count(set *mapping.Set, d Dictionary) {
	for code, active := range d.Codes(w.From) {
		if !active {
			w.Inactive++
			continue
		}
		code.Term = ""
		answered := outcomeOf(set.Translate(code, w.To).Answer, 1)
		w.Codes.add(answered, 1)
		if answered != coded && answered != malformed && set.Translate(code, w.To, mapping.WithValue).Answer == mapping.Mapped {
			w.WithValue++
		}
	}
}
