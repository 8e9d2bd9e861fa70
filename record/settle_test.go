package record_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// supplied is a record whose source answered for every section.
func supplied(entries ...*record.Entry) *record.Record {
	r := record.New(record.Source{System: "A"})
	r.Supply(record.AllSections)
	for _, e := range entries {
		r.Add(e)
	}
	return r
}

var asthma = mapping.Code{Scheme: mapping.CTV3, Value: "H33.."}

func observation(o record.Outcome) *record.Entry {
	return &record.Entry{Kind: record.KindObservation, Outcome: o, Target: asthma}
}

func allergy(o record.Outcome, a record.Allergy) *record.Entry {
	return &record.Entry{Kind: record.KindAllergy, Outcome: o, Target: asthma, Allergy: &a}
}

func TestStateArisesFrom(t *testing.T) {
	const s = record.Observations
	for name, c := range map[string]struct {
		outcomes []record.Outcome
		declare  []record.State
		unasked  bool // the source did not answer for the section
		want     record.State
	}{
		"all coded":                     {outcomes: []record.Outcome{record.Exact, record.Mapped}, want: record.Complete},
		"a twin beside a coded entry":   {outcomes: []record.Outcome{record.Exact, record.Duplicate}, want: record.Complete},
		"one degraded":                  {outcomes: []record.Outcome{record.Exact, record.Degraded}, want: record.CompleteDegraded},
		"one unsupported":               {outcomes: []record.Outcome{record.Exact, record.Unsupported}, want: record.CompleteDegraded},
		"one failed":                    {outcomes: []record.Outcome{record.Exact, record.FailedEntry}, want: record.Partial},
		"failed before degraded":        {outcomes: []record.Outcome{record.Degraded, record.FailedEntry}, want: record.Partial},
		"failed before withheld":        {outcomes: []record.Outcome{record.WithheldEntry, record.FailedEntry}, want: record.Partial},
		"withheld only":                 {outcomes: []record.Outcome{record.WithheldEntry, record.WithheldEntry}, want: record.Withheld},
		"withheld and its twin":         {outcomes: []record.Outcome{record.WithheldEntry, record.Duplicate}, want: record.Withheld},
		"withheld beside coded":         {outcomes: []record.Outcome{record.WithheldEntry, record.Exact}, want: record.Complete},
		"withheld beside degraded":      {outcomes: []record.Outcome{record.WithheldEntry, record.Degraded}, want: record.CompleteDegraded},
		"an entry without outcome":      {outcomes: []record.Outcome{record.Exact, record.Pending}, want: record.Failed},
		"nothing":                       {want: record.NothingRecorded},
		"nothing, filtered":             {declare: []record.State{record.Filtered}, want: record.Filtered},
		"coded, filtered":               {outcomes: []record.Outcome{record.Exact}, declare: []record.State{record.Filtered}, want: record.Filtered},
		"degraded, filtered":            {outcomes: []record.Outcome{record.Degraded}, declare: []record.State{record.Filtered}, want: record.Filtered},
		"withheld only, filtered":       {outcomes: []record.Outcome{record.WithheldEntry}, declare: []record.State{record.Filtered}, want: record.Withheld},
		"failed entry, filtered":        {outcomes: []record.Outcome{record.FailedEntry}, declare: []record.State{record.Filtered}, want: record.Partial},
		"the source cut it short":       {outcomes: []record.Outcome{record.Exact}, declare: []record.State{record.Partial}, want: record.Partial},
		"not shared":                    {outcomes: []record.Outcome{record.WithheldEntry}, declare: []record.State{record.Disabled}, want: record.Disabled},
		"denied and disabled":           {declare: []record.State{record.Disabled, record.Denied, record.Filtered}, want: record.Denied},
		"disabled but undecided entry":  {outcomes: []record.Outcome{record.Pending}, declare: []record.State{record.Disabled}, want: record.Failed},
		"not answered for":              {unasked: true, want: record.NotRetrievable},
		"not answered for, filtered":    {unasked: true, declare: []record.State{record.Filtered}, want: record.NotRetrievable},
		"not answered for, no place":    {unasked: true, declare: []record.State{record.NotSupported}, want: record.NotSupported},
		"not answered for, some came":   {unasked: true, outcomes: []record.Outcome{record.Exact}, want: record.Partial},
		"not answered for, some, words": {unasked: true, outcomes: []record.Outcome{record.Degraded}, declare: []record.State{record.Filtered}, want: record.Partial},
		"not answered for, disabled":    {unasked: true, outcomes: []record.Outcome{record.WithheldEntry}, declare: []record.State{record.Disabled}, want: record.Disabled},
		"said not to be stored":         {declare: []record.State{record.NotSupported}, want: record.NotSupported},
		"said not to be given":          {declare: []record.State{record.NotRetrievable}, want: record.NotRetrievable},
		"failed outright":               {outcomes: []record.Outcome{record.Exact}, declare: []record.State{record.Failed}, want: record.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			r := record.New(record.Source{})
			if !c.unasked {
				r.Supply(record.SectionsOf(s))
			}
			for _, o := range c.outcomes {
				r.Add(observation(o))
			}
			for _, state := range c.declare {
				r.Declare(s, state)
			}
			require.Equal(t, record.Failed, r.State(s), "before it is settled")
			r.Settle(record.SectionsOf(s))
			require.Equal(t, c.want, r.State(s))
			require.Equal(t, len(c.outcomes), r.Tally(s).Source)
			require.Equal(t, c.want == record.Complete, r.Words(s) == "", "every state but complete is said in words")
		})
	}
}

// Where several states hold, the first of the closed list is shown.
func TestPrecedence(t *testing.T) {
	for _, first := range record.States() {
		for _, second := range record.States() {
			r := supplied(observation(record.Exact))
			r.Declare(record.Observations, first)
			r.Declare(record.Observations, second)
			r.Settle(record.AllSections)
			require.Equal(t, min(first, second), r.State(record.Observations))
		}
	}
}

func TestUnaskedSectionIsFailed(t *testing.T) {
	r := supplied(observation(record.Exact))
	r.Settle(record.SectionsOf(record.Problems))
	require.Equal(t, record.Failed, r.State(record.Observations))
	require.Equal(t, record.NothingRecorded, r.State(record.Problems))
}

func TestCodedWithoutACode(t *testing.T) {
	r := supplied(&record.Entry{Kind: record.KindObservation, Outcome: record.Mapped}, observation(record.Mapped))
	r.Settle(record.AllSections)
	require.Equal(t, record.Failed, r.State(record.Observations))
	require.Equal(t, 1, r.Tally(record.Observations).Coded())

	r = supplied(&record.Entry{Kind: record.KindObservation, Outcome: record.Exact})
	r.Settle(record.AllSections)
	require.Equal(t, record.Complete, r.State(record.Observations), "exact may have no code to carry")
}

func TestPatientDetailsAreNotNothing(t *testing.T) {
	r := supplied()
	r.Settle(record.AllSections)
	require.Equal(t, record.Complete, r.State(record.Demographics), "they stand in Patient, not among the entries")
	r = record.New(record.Source{})
	r.Settle(record.AllSections)
	require.Equal(t, record.NotRetrievable, r.State(record.Demographics))
}

func TestFail(t *testing.T) {
	r := supplied(observation(record.Exact))
	r.Fail(record.Observations, "12:4 Event", "repeated element")
	r.Declare(record.Observations, record.Filtered)
	r.Settle(record.AllSections)
	require.Equal(t, record.Failed, r.State(record.Observations))
	require.Equal(t, []record.SectionFault{{At: "12:4 Event", Why: "repeated element"}}, r.Faults(record.Observations))
	require.Empty(t, r.Faults(record.Problems))
}

var paths = []record.EntryPath{
	{EntryPath: xmlio.EntryPath{Path: "r/problem"}, Section: record.Problems},
	{EntryPath: xmlio.EntryPath{Path: "r/event"}, Section: record.Observations},
}

func TestReconcile(t *testing.T) {
	counted := func(k record.Kind, path int) *record.Entry {
		return &record.Entry{Kind: k, Counted: path, Outcome: record.Exact}
	}
	require.Equal(t, []xmlio.EntryPath{{Path: "r/problem"}, {Path: "r/event"}}, record.XMLPaths(paths))
	for name, c := range map[string]struct {
		entries               []*record.Entry
		counts                []int
		problems, observation record.State
	}{
		"equal":              {[]*record.Entry{counted(record.KindProblem, 1), counted(record.KindObservation, 2)}, []int{1, 1}, record.Complete, record.Complete},
		"made by us":         {[]*record.Entry{counted(record.KindProblem, 0), counted(record.KindObservation, 2)}, []int{0, 1}, record.Complete, record.Complete},
		"other kind":         {[]*record.Entry{counted(record.KindProblem, 2)}, []int{0, 1}, record.Complete, record.NothingRecorded},
		"lost":               {[]*record.Entry{counted(record.KindProblem, 1)}, []int{1, 2}, record.Complete, record.Failed},
		"read twice":         {[]*record.Entry{counted(record.KindProblem, 1), counted(record.KindProblem, 1)}, []int{1, 0}, record.Failed, record.NothingRecorded},
		"by no such path":    {[]*record.Entry{counted(record.KindProblem, 3)}, []int{0, 0}, record.Failed, record.NothingRecorded},
		"by a negative path": {[]*record.Entry{counted(record.KindProblem, -1)}, []int{0, 0}, record.Failed, record.NothingRecorded},
		"no counts":          {[]*record.Entry{counted(record.KindObservation, 2)}, nil, record.NothingRecorded, record.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			r := supplied(c.entries...)
			r.Reconcile(paths, c.counts)
			r.Settle(record.AllSections)
			require.Equal(t, c.problems, r.State(record.Problems))
			require.Equal(t, c.observation, r.State(record.Observations))
			require.Equal(t, c.problems == record.Failed, len(r.Faults(record.Problems)) > 0)
			require.Equal(t, c.observation == record.Failed, len(r.Faults(record.Observations)) > 0)
		})
	}
}

// After the bytes were counted an entry leaves by Narrow or not at all.
func TestAnEntryLostOnTheWay(t *testing.T) {
	read := func() *record.Record {
		r := supplied(&record.Entry{Kind: record.KindProblem, Counted: 1, Outcome: record.Exact}, &record.Entry{Kind: record.KindObservation, Counted: 2, Outcome: record.Exact})
		r.Reconcile(paths, []int{1, 1})
		return r
	}
	r := read()
	r.Narrow(func(e *record.Entry) bool { return e.Kind == record.KindProblem })
	r.Settle(record.AllSections)
	require.Len(t, r.Entries, 1)
	require.Equal(t, record.Complete, r.State(record.Problems))
	require.Equal(t, record.NothingRecorded, r.State(record.Observations))

	r = read()
	r.Entries = r.Entries[:1]
	r.Settle(record.AllSections)
	for _, s := range record.Sections() {
		require.Equal(t, record.Failed, r.State(s), s)
	}
	require.Equal(t, "an entry that was read is missing", r.Faults(record.Observations)[0].Why)
}

func TestNarrowRemovesLinks(t *testing.T) {
	gone := &record.Entry{Kind: record.KindProblem, Problem: &record.Problem{}}
	stays := &record.Entry{Kind: record.KindProblem, Problem: &record.Problem{Parents: []record.ParentProblem{{Problem: gone}, {Relation: "not in the message"}}, Defines: gone}}
	e := &record.Entry{Kind: record.KindConsultation, Parent: gone, Problems: []record.ProblemLink{{Problem: gone}, {Problem: stays}},
		Medication:   &record.MedicationBody{Course: gone},
		Consultation: &record.Consultation{Items: []record.Item{{Words: "Heading"}, {Entry: gone, Words: "Secret"}, {Entry: stays}}}}
	r := supplied(gone, stays, e)
	r.Narrow(func(e *record.Entry) bool { return e != gone })
	require.Equal(t, []*record.Entry{stays, e}, r.Entries)
	require.Nil(t, e.Parent)
	require.Equal(t, []record.ProblemLink{{Problem: stays}}, e.Problems)
	require.Nil(t, e.Medication.Course)
	require.Equal(t, []record.Item{{Words: "Heading"}, {Entry: stays}}, e.Consultation.Items)
	require.Nil(t, stays.Problem.Defines)
	require.Equal(t, []record.ParentProblem{{Relation: "not in the message"}}, stays.Problem.Parents)
}

func TestCarryExact(t *testing.T) {
	coded := &record.Entry{Code: mapping.Code{Scheme: mapping.ReadV2, Value: "H33.."}}
	failed := &record.Entry{Outcome: record.FailedEntry, Code: coded.Code}
	r := supplied(coded, failed)
	r.CarryExact()
	require.Equal(t, record.Exact, coded.Outcome)
	require.Equal(t, coded.Code, coded.Target)
	require.Equal(t, record.FailedEntry, failed.Outcome)
	require.True(t, failed.Target.IsZero())
}

func TestReleased(t *testing.T) {
	r := supplied(observation(record.Exact), observation(record.WithheldEntry), observation(record.FailedEntry), observation(record.Duplicate))
	n := 0
	for e := range r.Released {
		require.NotEqual(t, record.WithheldEntry, e.Outcome)
		n++
	}
	require.Equal(t, 3, n)
	for range r.Released {
		n++
		break
	}
	require.Equal(t, 4, n)
}

func TestPrescribingUnsafe(t *testing.T) {
	drug, other := record.Allergy{Class: record.AllergyDrug}, record.Allergy{Class: record.AllergyNonDrug}
	r := supplied(
		allergy(record.Degraded, drug), allergy(record.Unsupported, record.Allergy{Class: record.AllergyDrugGroup}),
		allergy(record.Degraded, record.Allergy{Class: record.AllergyIngredient}), allergy(record.Degraded, record.Allergy{Class: record.AllergyUnclear}),
		allergy(record.Degraded, record.Allergy{Class: record.AllergyDrug, Ended: true}), &record.Entry{Kind: record.KindAllergy, Outcome: record.Degraded},
		allergy(record.Mapped, drug), allergy(record.Exact, drug), allergy(record.Duplicate, drug), allergy(record.Degraded, other),
		allergy(record.Degraded, record.Allergy{Absent: true}), observation(record.Degraded))
	r.Warn(record.Warning{Code: record.WarnDeceased, Detail: "2020"})
	r.Settle(record.AllSections)
	require.Equal(t, []record.Warning{{Code: record.WarnPrescribingUnsafe, Section: record.Allergies, Count: 6,
		Detail: strings.Repeat("an entry without words; ", 5) + "an entry without words"}, {Code: record.WarnDeceased, Detail: "2020"}}, r.Warnings,
		"before every other warning")
	require.Equal(t, record.CompleteDegraded, r.State(record.Allergies))
}

func TestUnreadableAllergies(t *testing.T) {
	unknown := record.Warning{Code: record.WarnPrescribingUnsafe, Section: record.Allergies}
	for _, state := range record.States() {
		r := supplied(allergy(record.Exact, record.Allergy{Class: record.AllergyDrug}))
		r.Declare(record.Allergies, state)
		r.Settle(record.AllSections)
		if state <= record.Filtered {
			require.Contains(t, r.Warnings, unknown, state)
		} else {
			require.Empty(t, r.Warnings, state)
		}
		r = supplied()
		r.Declare(record.Allergies, state)
		r.Settle(record.SectionsOf(record.Problems))
		require.Empty(t, r.Warnings, "nobody asked for allergies")
	}
	r := supplied(allergy(record.FailedEntry, record.Allergy{}))
	r.Settle(record.AllSections)
	require.Equal(t, []record.Warning{{Code: record.WarnPrescribingUnsafe, Section: record.Allergies, Count: 1, Detail: "an entry that could not be read"}, unknown}, r.Warnings)

	r = record.New(record.Source{})
	r.Add(allergy(record.Exact, record.Allergy{Class: record.AllergyDrug}))
	r.Settle(record.AllSections)
	require.Contains(t, r.Warnings, unknown, "an allergy entered elsewhere is not the list of allergies")
}

func TestConfidentialWarning(t *testing.T) {
	r := supplied(observation(record.WithheldEntry), observation(record.WithheldEntry), observation(record.Exact),
		&record.Entry{Kind: record.KindProblem, Outcome: record.WithheldEntry})
	r.Declare(record.Problems, record.Disabled)
	r.Settle(record.AllSections)
	require.Equal(t, []record.Warning{{Code: record.WarnConfidential, Section: record.Observations}}, r.Warnings, "once, and not for what is not shared")
}

func TestWarnOnce(t *testing.T) {
	r := supplied()
	w := record.Warning{Code: record.WarnSender, Detail: "x"}
	r.Warn(w)
	r.Warn(w)
	require.Equal(t, []record.Warning{w}, r.Warnings)
}

// Whatever stands in a record, every asked section's outcomes sum to its
// source, and no section with an entry unaccounted for says it is whole.
func TestSettleConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked := record.SectionSet(rapid.Uint32Range(0, uint32(record.AllSections)).Draw(t, "asked"))
		answered := record.SectionSet(rapid.Uint32Range(0, uint32(record.AllSections)).Draw(t, "supplied"))
		r := record.New(record.Source{})
		r.Supply(answered)
		kinds, outcomes := rapid.SampledFrom(record.Kinds()), rapid.SampledFrom([]record.Outcome{record.Exact, record.Mapped, record.Degraded, record.WithheldEntry,
			record.Unsupported, record.FailedEntry, record.Duplicate, record.Pending})
		for range rapid.IntRange(0, 40).Draw(t, "entries") {
			r.Add(&record.Entry{Kind: kinds.Draw(t, "kind"), Outcome: outcomes.Draw(t, "outcome"), Target: asthma})
		}
		declared := map[record.Section]record.State{}
		for range rapid.IntRange(0, 5).Draw(t, "declarations") {
			s, state := rapid.SampledFrom(record.Sections()).Draw(t, "section"), rapid.SampledFrom(record.States()).Draw(t, "state")
			r.Declare(s, state)
			if have, ok := declared[s]; !ok || state < have {
				declared[s] = state
			}
		}
		r.Settle(asked)
		total := 0
		for _, s := range record.Sections() {
			tally, state := r.Tally(s), r.State(s)
			total += tally.Source
			if !asked.Has(s) {
				require.Equal(t, record.Failed, state)
				continue
			}
			sum := 0
			for _, n := range tally.Outcomes {
				sum += n
			}
			require.Equal(t, tally.Source, sum)
			require.Equal(t, tally.Outcomes[record.Pending] == 0, tally.Balanced())
			if !tally.Balanced() {
				require.Equal(t, record.Failed, state)
			}
			if at, ok := declared[s]; ok {
				require.LessOrEqual(t, state, at, "nothing raises a state")
			}
			if tally.Outcomes[record.FailedEntry] > 0 || !answered.Has(s) {
				require.LessOrEqual(t, state, record.Partial)
			}
			if state == record.Complete {
				require.Zero(t, tally.Outcomes[record.Degraded]+tally.Outcomes[record.Unsupported])
			}
			if state == record.NothingRecorded && declared[s] != record.NothingRecorded {
				require.Zero(t, tally.Source)
			}
		}
		require.Equal(t, len(r.Entries), total)
	})
}
