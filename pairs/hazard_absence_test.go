package pairs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// TestHazard07_MissingIsNeverNone: whatever keeps the entries of a section away,
// the sentence for it is not that none are recorded; of a section that truly has
// none it is.
func TestHazard07_MissingIsNeverNone(t *testing.T) {
	h := newHazards(t)
	cells := 0
	for _, w := range ways() {
		for _, s := range record.Sections() {
			faults := map[string]func(rec *record.Record, e *record.Entry, q *record.Request) *record.Record{
				"lost by us": func(rec *record.Record, e *record.Entry, _ *record.Request) *record.Record {
					rec.Entries = slices.DeleteFunc(rec.Entries, func(other *record.Entry) bool { return other == e })
					return rec
				},
				"not read": func(rec *record.Record, e *record.Entry, _ *record.Request) *record.Record {
					e.Outcome = record.FailedEntry
					return rec
				},
				"corrupt": func(rec *record.Record, _ *record.Entry, _ *record.Request) *record.Record {
					rec.Fail(s, "1:1 Event", "repeated element")
					return rec
				},
				"not answered": func(_ *record.Record, _ *record.Entry, _ *record.Request) *record.Record {
					rec := record.New(record.Source{})
					rec.Supply(record.AllSections &^ record.SectionsOf(s))
					rec.Reconcile(nil, nil)
					return rec
				},
				"denied": func(rec *record.Record, e *record.Entry, _ *record.Request) *record.Record {
					e.Outcome = record.WithheldEntry
					rec.Declare(s, record.Denied)
					return rec
				},
				"disabled": func(rec *record.Record, e *record.Entry, _ *record.Request) *record.Record {
					e.Outcome = record.WithheldEntry
					rec.Declare(s, record.Disabled)
					return rec
				},
				"withheld": func(rec *record.Record, e *record.Entry, _ *record.Request) *record.Record {
					e.Outcome = record.WithheldEntry
					return rec
				},
				"filtered": func(rec *record.Record, e *record.Entry, q *record.Request) *record.Record {
					q.Whole, q.Effective = false, record.Period{From: date("2020-01-01")}
					return rec
				},
			}
			for name, fault := range faults {
				e := bodied(&record.Entry{Kind: kindOf(s), Text: "Words of the entry", Date: date("2016-03-04")})
				if e.Kind == record.KindDemographics && name != "denied" && name != "disabled" && name != "corrupt" && name != "not answered" {
					continue // the patient block is read with the patient or refused
				}
				if e.Kind == record.KindAllergy && name == "filtered" {
					continue // never narrowed by date: TestHazard08
				}
				q := whole()
				rec := fault(recordOf(e), e, q)
				got := h.send(w, rec, q)
				at := fmt.Sprint(w, " ", s, " ", name)
				require.NotContains(t, got.text, "No '"+s.Title()+"' data is recorded", at)
				require.Contains(t, got.text, rec.Words(s), at)
				require.NotEmpty(t, rec.Words(s), at)
				cells++
			}
			if s == record.Demographics {
				continue
			}
			require.Contains(t, h.cross(w).text, "No '"+s.Title()+"' data is recorded for this patient.", "%v %s", w, s)
			cells++
		}
	}
	t.Logf("%d of %d cells: no absence that is not one", cells, cells)
}

// allergyForms are the forms an allergy to a drug takes, none of which a table
// codes.
func allergyForms(w way, words string) []*record.Entry {
	var all []*record.Entry
	for _, class := range []record.AllergyClass{record.AllergyDrug, record.AllergyDrugGroup, record.AllergyIngredient, record.AllergyUnclear} {
		for _, code := range []mapping.Code{{}, w.of(read("XYZ12", "00", "A drug allergy"), ctv3("XaZZ9", "A drug allergy")), w.of(emisDrug("ZZZZ1", "A drug"), mapping.Code{Scheme: mapping.Multilex, Value: "9999991", Term: "A drug"})} {
			for _, ended := range []bool{false, true} {
				e := allergy(class, fmt.Sprintf("%s %d", words, len(all)), code, mapping.Code{})
				e.Date, e.Allergy.Ended = date("2014-05-06"), ended
				all = append(all, e)
			}
		}
	}
	return append(all, &record.Entry{Kind: record.KindAllergy, Text: words + " without its part"})
}

// TestHazard08_NoAllergyIsLost: every allergy among generated entries is in the
// bytes, in the source's own words, whatever else the record holds and whatever
// period was asked for. The sums of the other sections: TestConservation.
func TestHazard08_NoAllergyIsLost(t *testing.T) {
	h := newHazards(t)
	gen := records(slices.DeleteFunc(directions(t, starter(t)), func(d *pairs.Direction) bool { return d.Pair != pairs.EMISWebSystmOne().Name }))
	rounds, found := soak(100_000, 2_000), 0
	for seed := range rounds {
		g := gen.Example(seed)
		from, into := g.way.Holder.Name, "systmone"
		if from == "systmone" {
			into = rapid.SampledFrom(emisFormats).Example(seed)
		}
		words := map[string]bool{}
		for i, e := range g.entries {
			if e.Kind == record.KindAllergy {
				e.Text = fmt.Sprintf("Substance %d of %d", i, seed)
				words[e.Text] = e.Outcome == record.Pending
			}
		}
		if len(words) == 0 {
			continue
		}
		q := whole()
		q.Whole, q.Effective = seed%2 == 0, record.Period{From: date("2020-01-01")}
		got := h.send(way{from, into}, recordOf(g.entries...), q)
		for w, out := range words {
			if out {
				require.Contains(t, got.text, w, "seed %d", seed)
				found++
			}
		}
	}
	t.Logf("%d allergies in %d generated records: 0 lost", found, rounds)
	require.Greater(t, found, rounds/10)
}

// TestHazard09_UncodedDrugAllergyWarns: each allergy that may be to a drug and
// is not coded where alerts fire makes the record unsafe to prescribe from, says
// so by name before anything else, and stands under the degrade code.
func TestHazard09_UncodedDrugAllergyWarns(t *testing.T) {
	h := newHazards(t)
	forms := 0
	for _, w := range ways() {
		for i := range allergyForms(w, "Sulphonamide") {
			e := allergyForms(w, "Sulphonamide")[i]
			got := h.cross(w, e)
			require.Equal(t, record.Degraded, e.Outcome, "%v %d", w, i)
			require.True(t, warned(got.rec, record.WarnPrescribingUnsafe, record.Allergies), "%v %d", w, i)
			sentence := "WARNING: ALLERGY NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire: " + e.Text + ". Prescribing must not proceed until reviewed."
			first := read1st(t, got.out, firstPlaces[w.into])
			require.Equal(t, sentence, strings.SplitN(strings.TrimSpace(first[strings.Index(first, "WARNING"):]), "\n", 2)[0], "%v %d", w, i)
			require.Contains(t, e.Target.Term, "degraded drug allergy", "%v %d", w, i)
			forms++
		}
		e := allergy(record.AllergyNonDrug, "Latex", mapping.Code{}, mapping.Code{})
		require.False(t, warned(h.cross(w, e).rec, record.WarnPrescribingUnsafe, record.Allergies), "an allergy to no drug stops no prescribing")
	}
	t.Logf("%d forms, %d flags", forms, forms)
}

// TestHazard10_NoKnownAllergiesBesideOne: the assertion is words beside any
// allergy, whatever its class, whether it ended, was not read or is coded, in
// either order, and the reader is told.
func TestHazard10_NoKnownAllergiesBesideOne(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		none := func() *record.Entry {
			e := observation(snomed("716186003", "No known allergies"))
			e.Date = date("2009-03-04")
			return e
		}
		alone := none()
		q := whole()
		q.CodeScheme = mapping.SNOMED
		require.False(t, warned(h.send(w, recordOf(alone), q).rec, record.WarnContradicted, record.Allergies))
		require.Equal(t, record.KindAllergy, alone.Kind)
		require.True(t, isCoded(alone), "%v: it holds alone", w)
		beside := append(allergyForms(w, "Penicillin"), allergy(record.AllergyNonDrug, "Latex", mapping.Code{}, mapping.Code{}),
			&record.Entry{Kind: record.KindAllergy, Outcome: record.FailedEntry})
		for i := range beside {
			for _, first := range []bool{true, false} {
				other := *beside[i]
				other.Outcome = beside[i].Outcome
				if other.Allergy != nil {
					body := *other.Allergy
					other.Allergy = &body
				}
				e := none()
				entries := []*record.Entry{e, &other}
				if !first {
					slices.Reverse(entries)
				}
				got := h.send(w, recordOf(entries...), q)
				require.Equal(t, record.Degraded, e.Outcome, "%v %d", w, i)
				require.Contains(t, got.text, "A 'no known allergies' entry of 04-Mar-2009 is contradicted by the entries below.", "%v %d", w, i)
				for _, a := range got.got.Entries {
					require.False(t, a.Allergy != nil && a.Allergy.Absent, "%v %d: asserted", w, i)
				}
			}
		}
	}
}

// TestHazard11_AbsenceIsNotAsserted: no codec writes "no known allergies" that
// no entry said.
func TestHazard11_AbsenceIsNotAsserted(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for name, entries := range map[string][]*record.Entry{
			"empty": nil, "others only": {observation(w.asthma())}, "one withheld": {{Kind: record.KindAllergy, Outcome: record.WithheldEntry, Allergy: &record.Allergy{}}},
			"ended only": {{Kind: record.KindAllergy, Text: "Penicillin", Allergy: &record.Allergy{Ended: true}}},
		} {
			got := h.cross(w, entries...)
			for _, never := range []string{"716186003", "1151.", "\n1151\n", "160244002"} {
				require.NotContains(t, got.text, never, "%v %s", w, name)
			}
			require.NotContains(t, strings.ToLower(got.text), "no known allerg", "%v %s", w, name)
			for _, e := range got.got.Entries {
				require.False(t, e.Allergy != nil && e.Allergy.Absent, "%v %s", w, name)
			}
		}
		require.Contains(t, h.cross(w).text, "No 'Allergies and Adverse Reactions' data is recorded for this patient.")
	}
}

// TestHazard12_EndedAndActiveAllergies: an ended allergy, with its date or
// without, never looks active; one of which nothing is said never looks ended.
func TestHazard12_EndedAndActiveAllergies(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, class := range []record.AllergyClass{record.AllergyDrug, record.AllergyNonDrug, record.AllergyUnclear, record.AllergyIngredient} {
			for _, code := range []mapping.Code{{}, w.aspirin(), snomed("91936005", "Allergy to penicillin")} {
				for _, end := range []record.Date{{}, date("2015-06-07"), date("2015")} {
					for _, ended := range []bool{true, false} {
						if !ended && !end.IsZero() {
							continue
						}
						e := allergy(class, "Aspirin 75mg tablets", code, mapping.Code{})
						e.Date, e.Allergy.Ended, e.Allergy.End = date("2010-01-02"), ended, end
						got := h.cross(w, e)
						at := fmt.Sprint(w, class, code.Value, end, ended)
						words := said(got.entry(t, "Aspirin 75mg tablets"))
						looks := strings.Contains(words, "ended true") || strings.Contains(strings.ToLower(words), "past allergy, ended")
						require.Equal(t, ended, looks, "%s\n%s", at, words)
						if ended {
							require.Contains(t, got.text+words, end.Words(), at)
						}
					}
				}
			}
		}
	}
}

// TestHazard13_AllergiesInTheJournal: every code that the tables know to be one
// of an allergy is presented as an allergy when it was entered as an ordinary
// statement.
func TestHazard13_AllergiesInTheJournal(t *testing.T) {
	h := newHazards(t)
	all, err := mapping.Starter()
	require.NoError(t, err)
	promoted := 0
	for _, tab := range all {
		if tab.To != pairs.KindScheme {
			continue
		}
		for row := range tab.Rows() {
			for _, w := range ways() {
				if h.direction(w).Holder.ClinicalSchemes != nil && !slices.Contains(h.direction(w).Holder.ClinicalSchemes, row.Source.Scheme) {
					continue
				}
				e := observation(row.Source)
				e.Date = date("2011-04-04")
				got := h.cross(w, e)
				require.Equal(t, record.KindAllergy, e.Kind, "%v %s", w, row.Source.Value)
				require.NotEqual(t, record.NothingRecorded, got.rec.State(record.Allergies), "%v %s", w, row.Source.Value)
				require.Contains(t, got.text, row.Source.Term, "%v", w)
				promoted++
			}
		}
	}
	t.Logf("%d codes placed in the journal, all presented as allergies", promoted)
	require.Greater(t, promoted, 10)
}
