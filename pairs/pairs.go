// Package pairs says which two systems may be linked and carries a message
// from one to the other: decode, translate every code by its table, fit to the
// receiver, encode. A pair is a literal in a file of its own; how a code is
// carried is the same for all of them and stands in translate.go.
//
// The package is pure: no network, clock or logger. It decides nothing about
// who may see what.
package pairs

import (
	"fmt"
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/guru"
	"github.com/linkspan/linkspan/pairs/mig"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/pairs/systmone"
	"github.com/linkspan/linkspan/pairs/vision"
	"github.com/linkspan/linkspan/record"
)

// Pair declares that two systems may be linked, and how kinds of entry cross
// in each direction.
type Pair struct {
	Name string // the two product names sorted: "emisweb-systmone"
	A, B system.System
	// AtoB and BtoA are the rules for a record going that way.
	AtoB, BtoA Rules
}

// Rules says what becomes of the entries of a record on its way to one system.
type Rules struct {
	// Kinds has a rule for every kind of entry that can carry a code; a kind
	// without one crosses as it is, uncoded.
	Kinds map[record.Kind]Rule
	// Ask is what the holder is asked to answer in when the asker's message
	// cannot say it.
	Ask Schemes
	// Unasked is what the receiver is given when its own request does not say,
	// or is not there to say, as offline.
	Unasked Schemes
	// Sender allows a code the sender placed beside its own to be carried in
	// its own scheme where the tables are silent (DESIGN.md decision 4).
	Sender bool
}

// Schemes are the two kinds of scheme a message may be asked for in.
type Schemes struct{ Codes, Drugs mapping.Scheme }

// Rule says how the code of one kind of entry crosses.
type Rule struct {
	// Drug takes the receiver's drug schemes instead of its clinical ones.
	Drug bool
	// Degrade names the transfer-degraded code of the kind.
	Degrade Degrade
	// Bare lets an entry without any code cross as it is; otherwise it is
	// degraded.
	Bare bool
}

// Degrade is one of the seven national transfer-degraded codes, by the name it
// has in the tables from DegradeScheme (safety §D.1).
type Degrade string

// DegradeScheme holds the seven names; the receiver's code for each is a table
// row.
const DegradeScheme mapping.Scheme = "linkspan.degrade"

// The degrade codes.
const (
	DegradeEntry          Degrade = "entry"
	DegradeMedication     Degrade = "medication"
	DegradeReferral       Degrade = "referral"
	DegradeRequest        Degrade = "request"
	DegradePlan           Degrade = "plan"
	DegradeDrugAllergy    Degrade = "drug-allergy"
	DegradeNonDrugAllergy Degrade = "non-drug-allergy"
)

// Systems is the one list of systems.
func Systems() []system.System {
	return []system.System{emisweb.System(), systmone.System(), guru.System(), mig.System(), vision.System()}
}

// All is the one list of pairs.
func All() []Pair {
	return []Pair{
		EMISWebSystmOne(),
		EMISWebMIG(),
		MIGSystmOne(),
		EMISWebVision(),
		MIGVision(),
		SystmOneVision(),
		EMISWebGuru(),
		GuruSystmOne(),
		GuruVision(),
		GuruMIG(),
	}
}

// Find returns the pair of that name.
func Find(name string) (Pair, error) {
	var names []string
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Pair{}, fmt.Errorf("no pair %q; there are: %v", name, names)
}

// Other is the system opposite the named one.
func (p Pair) Other(name string) (system.System, error) {
	switch name {
	case p.A.Name:
		return p.B, nil
	case p.B.Name:
		return p.A, nil
	}
	return system.System{}, fmt.Errorf("pair %s has no system %q", p.Name, name)
}

// Link is a pair with its two codecs made.
type Link struct {
	Pair  Pair
	sides map[string]Side
}

// Side is one system of a link.
type Side struct {
	system.System
	Codec   system.Codec
	entries *entryWays
}

// Open makes the codecs of a pair. options is by system name.
func Open(p Pair, options map[string]system.Options) (*Link, error) {
	l := &Link{Pair: p, sides: map[string]Side{}}
	for _, s := range []system.System{p.A, p.B} {
		codec, err := s.New(options[s.Name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		l.sides[s.Name] = Side{System: s, Codec: codec, entries: waysOf(s.Entries)}
	}
	return l, nil
}

// Side is the named side.
func (l *Link) Side(name string) (Side, bool) {
	s, ok := l.sides[name]
	return s, ok
}

// Direction is one way across a link: who asks, who holds, and the rules for
// the record that comes back.
type Direction struct {
	Pair             string
	Consumer, Holder Side
	Rules            Rules
	Tables           *mapping.Set
	// Watch is told of every look-up and of the translated record; the zero
	// Watch is nobody.
	Watch Watch
}

// Direction is the way in which consumer asks, with the tables one exchange
// uses from its first byte to its last.
func (l *Link) Direction(consumer string, tables *mapping.Set) (*Direction, error) {
	holder, err := l.Pair.Other(consumer)
	if err != nil {
		return nil, err
	}
	rules := l.Pair.AtoB
	if holder.Name == l.Pair.B.Name {
		rules = l.Pair.BtoA
	}
	return &Direction{Pair: l.Pair.Name, Consumer: l.sides[consumer], Holder: l.sides[holder.Name], Rules: rules, Tables: tables}, nil
}

// Check lists every fault of a pair against a set of tables: a degrade code
// the receiver has no row for, an enumerated slot no table leads to, a scheme
// asked for that is not filed where it is to come from or go to.
func (p Pair) Check(tables *mapping.Set) []error {
	var faults []error
	for _, way := range []struct {
		from, to system.System
		rules    Rules
	}{{p.A, p.B, p.AtoB}, {p.B, p.A, p.BtoA}} {
		for _, asked := range []struct {
			scheme mapping.Scheme
			filed  []mapping.Scheme
		}{{way.rules.Ask.Codes, way.from.ClinicalSchemes}, {way.rules.Ask.Drugs, way.from.DrugSchemes},
			{way.rules.Unasked.Codes, way.to.ClinicalSchemes}, {way.rules.Unasked.Drugs, way.to.DrugSchemes}} {
			if asked.scheme != "" && !slices.Contains(asked.filed, asked.scheme) {
				faults = append(faults, fmt.Errorf("%s to %s: scheme %s is none of %v", way.from.Name, way.to.Name, asked.scheme, asked.filed))
			}
		}
		if (len(way.to.Alerts) == 0) == (way.to.Unalerted == "") {
			faults = append(faults, fmt.Errorf("%s to %s: %s says either in which schemes drug allergies alert or why in none", way.from.Name, way.to.Name, way.to.Name))
		}
		needed := map[Degrade]bool{DegradeNonDrugAllergy: true}
		for kind, rule := range way.rules.Kinds {
			if rule.Degrade == "" {
				faults = append(faults, fmt.Errorf("%s to %s: kind %s has no degrade code", way.from.Name, way.to.Name, kind))
				continue
			}
			needed[rule.Degrade] = true
		}
		for name := range needed {
			code := mapping.Code{Scheme: DegradeScheme, Value: string(name)}
			if r := tables.TranslateAny(code, way.to.ClinicalSchemes); r.Answer != mapping.Mapped {
				faults = append(faults, fmt.Errorf("%s to %s: no table row gives the degrade code %q to any of %v", way.from.Name, way.to.Name, name, way.to.ClinicalSchemes))
			}
		}
		for slot, from := range way.from.Enumerations {
			if to, ok := way.to.Enumerations[slot]; ok && from != to && !tables.Has(from, to) {
				faults = append(faults, fmt.Errorf("%s to %s: no table from %s to %s", way.from.Name, way.to.Name, from, to))
			}
		}
	}
	slices.SortFunc(faults, func(a, b error) int {
		if a.Error() < b.Error() {
			return -1
		}
		return 1
	})
	return faults
}
