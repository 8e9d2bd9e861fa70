package pairs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// TestThereAndBack carries parts of the synthetic records from each system to
// each other and back again: every clinical fact is found again as it was, or
// stands among what the reports say was lost, never silently; and no drug and
// no allergy comes back under another code of the scheme it left in.
func TestThereAndBack(t *testing.T) {
	tables := starter(t)
	type journey struct {
		link           *pairs.Link
		source, target form
		dir            string
	}
	var journeys []journey
	eachWay(func(p pairs.Pair, from, to system.System) {
		for _, source := range formsOf(from.Name) {
			for _, target := range formsOf(to.Name) {
				for _, dir := range patients(t) {
					journeys = append(journeys, journey{linkOf(t, p, source, target), source, target, dir})
				}
			}
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		j := journeys[rapid.IntRange(0, len(journeys)-1).Draw(rt, "journey")]
		where := j.dir + " from " + j.source.label() + " to " + j.target.label()
		in, source := part(rt, t, j.link, j.source, j.dir)
		there, out, err := j.link.TranslateMessage(t.Context(), tables, in, pairs.Offline{From: j.source.system, Message: pairs.MessageResponse, ID: id})
		require.NoError(rt, err, where)
		back, home, err := j.link.TranslateMessage(t.Context(), tables, there, pairs.Offline{From: j.target.system, Message: pairs.MessageResponse, ID: id})
		require.NoError(rt, err, where)
		balanced(t, out)
		balanced(t, home)
		if failed := total(out, failedEntries) + total(home, failedEntries); failed > 0 {
			return // declared lost, by the report
		}
		got := decode(t, j.link, j.source.system, back)
		missing(t, where, source, got)
		sameDrugs(t, where, source, got)
	})
}

func failedEntries(s pairs.SectionReport) int { return s.Failed }

// part is some of a patient's record as its own system would send it, and what
// it says.
func part(rt *rapid.T, t *testing.T, link *pairs.Link, f form, dir string) ([]byte, *record.Record) {
	rec := decode(t, link, f.system, f.record(t, dir))
	keep := map[*record.Entry]bool{}
	all := rapid.Bool().Draw(rt, "all")
	for i, e := range rec.Entries {
		keep[e] = all || rapid.Bool().Draw(rt, "keep "+string(rune('0'+i%10)))
		for p := e.Parent; p != nil && keep[e]; p = p.Parent {
			keep[p] = true
		}
	}
	rec.Narrow(func(e *record.Entry) bool { return keep[e] || e.Kind == record.KindDemographics })
	side, _ := link.Side(f.system)
	rec.CarryExact()
	side.Codec.Fit(rec)
	rec.Settle(record.AllSections)
	out, err := side.Codec.EncodeResponse(whole(), record.Answered(rec), id)
	require.NoError(rt, err, dir)
	return out, decode(t, link, f.system, out)
}

// sameDrugs fails where a drug or an allergy of the same words has another code
// than it had.
func sameDrugs(t *testing.T, where string, source, got *record.Record) {
	t.Helper()
	codes := map[string]map[string]bool{}
	key := func(e *record.Entry, c mapping.Code) string {
		return string(c.Scheme) + " " + plain(strings.ToLower(e.Text))
	}
	for _, e := range source.Entries {
		for _, c := range drugCodes(e) {
			if codes[key(e, c)] == nil {
				codes[key(e, c)] = map[string]bool{}
			}
			codes[key(e, c)][c.Value] = true
		}
	}
	for _, e := range got.Entries {
		for _, c := range drugCodes(e) {
			if had := codes[key(e, c)]; had != nil {
				require.True(t, had[c.Value], "%s: a %s has another %s code", where, e.Kind, c.Scheme)
			}
		}
	}
}

// drugCodes are the codes of a drug or an allergy that somebody may act on.
func drugCodes(e *record.Entry) []mapping.Code {
	var codes []mapping.Code
	if e.Kind == record.KindMedication || e.Kind == record.KindIssue || e.Kind == record.KindAllergy {
		codes = append(codes, e.Code)
	}
	if e.Allergy != nil {
		codes = append(codes, e.Allergy.Substance)
	}
	var drugs []mapping.Code
	for _, c := range codes {
		if c.Scheme.Drug() {
			drugs = append(drugs, c)
		}
	}
	return drugs
}
