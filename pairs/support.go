package pairs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// Carriage says how a kind of entry crosses at best.
type Carriage string

// The carriages.
const (
	AsCode  Carriage = "coded"    // where a row of a table, or one scheme on both sides, has its code
	AsWords Carriage = "as words" // each in its own words, with its own code as a line
	NotAll  Carriage = "not"      // the holder's messages have no place for it, so none comes
)

// Support is how one kind of entry crosses one way, and why not better.
type Support struct {
	From, To system.System
	What     string // the kind, in words
	How      Carriage
	Why      string // the schemes, or what stands in the way
}

// what are the kinds of the matrix in its order. Allergies to drugs go by rules
// of their own.
var what = []struct {
	words string
	kind  record.Kind
	drug  bool
}{
	{"problems", record.KindProblem, false}, {"medication", record.KindMedication, false}, {"issues", record.KindIssue, false},
	{"drug allergies", record.KindAllergy, true}, {"other allergies", record.KindAllergy, false}, {"observations", record.KindObservation, false},
	{"results", record.KindResult, false}, {"reports", record.KindReport, false}, {"immunisations", record.KindImmunisation, false},
	{"family history", record.KindFamilyHistory, false}, {"diary", record.KindDiary, false}, {"referrals", record.KindReferral, false},
	{"documents", record.KindDocument, false}, {"alerts", record.KindAlert, false}, {"requests", record.KindRequest, false},
	{"notes", record.KindNote, false},
}

// Support says for both directions how each kind of entry crosses with these
// tables. What becomes of one entry depends on its code: here stands the best
// that can become of any.
func (p Pair) Support(tables *mapping.Set) []Support {
	var all []Support
	for _, way := range []struct {
		from, to system.System
		rules    Rules
	}{{p.A, p.B, p.AtoB}, {p.B, p.A, p.BtoA}} {
		for _, w := range what {
			s := Support{From: way.from, To: way.to, What: w.words}
			s.How, s.Why = carriage(way.from, way.to, way.rules, tables, w.kind, w.drug)
			all = append(all, s)
		}
	}
	return all
}

func carriage(from, to system.System, rules Rules, tables *mapping.Set, kind record.Kind, drugAllergy bool) (Carriage, string) {
	if why := from.Omits[kind]; why != "" {
		return NotAll, why
	}
	if why := to.Omits[kind]; why != "" {
		return AsWords, why
	}
	rule, coded := rules.Kinds[kind]
	source, target := only(from.ClinicalSchemes, rules.Ask.Codes), to.ClinicalSchemes
	switch {
	case !coded:
		return AsWords, "it has no code"
	case drugAllergy && len(to.Alerts) == 0:
		return AsWords, to.Unalerted
	case drugAllergy:
		source, target = only(from.DrugSchemes, rules.Ask.Drugs), to.Alerts
	case rule.Drug:
		source, target = only(from.DrugSchemes, rules.Ask.Drugs), to.DrugSchemes
	}
	var roads []string
	for _, s := range source {
		for _, t := range target {
			switch {
			case s == t:
				roads = append(roads, string(s)+", the same on both sides")
			case tables.Has(s, t):
				roads = append(roads, fmt.Sprintf("%s to %s", s, t))
			}
		}
	}
	if len(roads) > 0 {
		return AsCode, strings.Join(roads, "; ")
	}
	return AsWords, fmt.Sprintf("no table leads from %s to %s", list(source), list(target))
}

func list(schemes []mapping.Scheme) string {
	words := make([]string, len(schemes))
	for i, s := range schemes {
		words[i] = string(s)
	}
	return cmp.Or(strings.Join(words, " or "), "any scheme")
}

// Kinds are the kinds of the matrix, in words and in its order.
func Kinds() []string {
	words := make([]string, len(what))
	for i, w := range what {
		words[i] = w.words
	}
	return slices.Clip(words)
}
