package record_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

var word = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

func TestSections(t *testing.T) {
	require.Len(t, record.Sections(), 17)
	names, titles := map[string]bool{}, map[string]bool{}
	var all record.SectionSet
	for i, s := range record.Sections() {
		require.Equal(t, record.Section(i), s)
		require.Regexp(t, word, s.String())
		require.NotEmpty(t, s.Title())
		names[s.String()], titles[s.Title()] = true, true
		one := record.SectionsOf(s)
		for _, other := range record.Sections() {
			require.Equal(t, s == other, one.Has(other))
		}
		all |= one
	}
	require.Len(t, names, 17)
	require.Len(t, titles, 17)
	require.Equal(t, record.AllSections, all)
	require.Equal(t, record.AllSections, record.SectionsOf(record.Sections()...))
	require.Zero(t, record.SectionsOf())
}

func TestKinds(t *testing.T) {
	want := map[record.Kind]record.Section{
		record.KindUnrecognised: record.Unrecognised, record.KindProblem: record.Problems, record.KindMedication: record.Medication,
		record.KindIssue: record.Issues, record.KindAllergy: record.Allergies, record.KindConsultation: record.Consultations,
		record.KindObservation: record.Observations, record.KindResult: record.Investigations, record.KindReport: record.Investigations,
		record.KindImmunisation: record.Immunisations, record.KindFamilyHistory: record.FamilyHistory, record.KindDiary: record.Diary,
		record.KindReferral: record.Referrals, record.KindDocument: record.Documents, record.KindAlert: record.Alerts,
		record.KindRequest: record.Requests, record.KindNote: record.Observations, record.KindAdministration: record.Administration,
		record.KindDemographics: record.Demographics,
	}
	require.Len(t, record.Kinds(), len(want), "every kind is named here")
	names := map[string]bool{}
	for _, k := range record.Kinds() {
		section, known := want[k]
		require.True(t, known, k)
		require.Equal(t, section, k.Section(), k)
		require.Regexp(t, word, k.String())
		names[k.String()] = true
	}
	require.Len(t, names, len(want))
	require.Equal(t, record.KindUnrecognised, record.Entry{}.Kind, "an entry nobody gave a kind is not one we know")
}

func TestStates(t *testing.T) {
	want := []string{"failed", "denied", "disabled", "not-supported", "not-retrievable", "partial", "withheld", "filtered", "complete-degraded",
		"nothing-recorded", "complete"}
	var have []string
	for _, s := range record.States() {
		have = append(have, s.String())
	}
	require.Equal(t, want, have, "the order of precedence of DESIGN.md decision 7")
	var zero record.State
	require.Equal(t, record.Failed, zero)
}

func TestOutcomes(t *testing.T) {
	var have []string
	for o := record.Pending; o <= record.Duplicate; o++ {
		have = append(have, o.String())
	}
	require.Equal(t, []string{"pending", "exact", "mapped", "degraded", "withheld", "unsupported", "failed", "duplicate"}, have)
	require.Equal(t, record.Pending, record.Entry{}.Outcome)

	require.True(t, record.Tally{}.Balanced())
	require.False(t, record.Tally{Source: 1}.Balanced())
	tally := record.Tally{Source: 3}
	tally.Outcomes[record.Exact], tally.Outcomes[record.Mapped], tally.Outcomes[record.Duplicate] = 1, 1, 1
	require.True(t, tally.Balanced())
	require.Equal(t, 2, tally.Coded())
	tally.Outcomes[record.Pending] = 1
	require.False(t, tally.Balanced())
}
