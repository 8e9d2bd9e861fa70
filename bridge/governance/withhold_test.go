package governance_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/record"
)

const secret = "Confidential"

// held is a record of the side that shares everything, settled after the
// agreement has been applied.
func held(t testing.TB, a *governance.Agreement, holder string, entries ...*record.Entry) *record.Record {
	t.Helper()
	rec := record.New(record.Source{})
	rec.Supply(record.AllSections)
	for _, e := range entries {
		rec.Add(e)
	}
	require.NoError(t, a.Withhold(holder, rec, granted(t, a, holder, record.AllSections)))
	rec.CarryExact()
	rec.Settle(record.AllSections)
	return rec
}

func withheld(e *record.Entry) bool { return e.Outcome == record.WithheldEntry }

func confidential(sections ...record.Section) (warnings []record.Warning) {
	for _, s := range sections {
		warnings = append(warnings, record.Warning{Code: record.WarnConfidential, Section: s})
	}
	return warnings
}

func TestMarks(t *testing.T) {
	for mark, want := range map[string]bool{"": false, "Unrestricted": false, "unrestricted": true, "Unrestricted ": true, secret: true, "a mark nobody knows": true} {
		e := &record.Entry{Kind: record.KindObservation, Confidential: mark}
		held(t, read(t), "emisweb", e)
		require.Equal(t, want, withheld(e), mark)
	}
}

func TestConfidentialPatientIsNotFound(t *testing.T) {
	rec := record.New(record.Source{})
	rec.Patient.Confidential = secret
	a := read(t)
	d := granted(t, a, "emisweb", record.AllSections)
	err := a.Withhold("emisweb", rec, d)
	require.ErrorIs(t, err, governance.ErrConfidential)
	require.Equal(t, record.ReasonNotFound, record.ReasonOf(err))
	rec.Patient.Confidential = "Unrestricted"
	require.NoError(t, a.Withhold("emisweb", rec, d))
}

func TestConsultationHidesItsLines(t *testing.T) {
	a, b, outside := &record.Entry{Kind: record.KindObservation}, &record.Entry{Kind: record.KindMedication}, &record.Entry{Kind: record.KindObservation}
	c := &record.Entry{Kind: record.KindConsultation, Confidential: secret, Consultation: &record.Consultation{Items: []record.Item{{Words: "History"}, {Entry: a}, {Entry: b}}}}
	rec := held(t, read(t), "emisweb", a, b, outside, c)
	require.True(t, withheld(a) && withheld(b) && withheld(c))
	require.False(t, withheld(outside))
	require.Equal(t, confidential(record.Observations, record.Medication, record.Consultations), rec.Warnings)
	require.Equal(t, record.Withheld, rec.State(record.Consultations))
}

// A line under a mark leaves its consultation without a trace there; the list
// of consultations says that something is missing.
func TestLineLeavesItsConsultation(t *testing.T) {
	hidden, shown := &record.Entry{Kind: record.KindObservation, Confidential: secret}, &record.Entry{Kind: record.KindObservation}
	c := &record.Entry{Kind: record.KindConsultation, Consultation: &record.Consultation{Items: []record.Item{{Entry: shown}, {Entry: hidden, Words: "Sexual health"}}}}
	rec := held(t, read(t), "emisweb", c, hidden, shown)
	require.True(t, withheld(hidden))
	require.False(t, withheld(c) || withheld(shown))
	require.Equal(t, []record.Item{{Entry: shown}}, c.Consultation.Items)
	require.ElementsMatch(t, confidential(record.Observations, record.Consultations), rec.Warnings)
}

func TestProblemAndTheEntryItHeads(t *testing.T) {
	for _, marked := range []string{"heading", "entry"} {
		e, linked := &record.Entry{Kind: record.KindObservation}, &record.Entry{Kind: record.KindMedication, Medication: &record.MedicationBody{}}
		p := &record.Entry{Kind: record.KindProblem, Problem: &record.Problem{Defines: e}}
		sub := &record.Entry{Kind: record.KindProblem, Problem: &record.Problem{Parents: []record.ParentProblem{{Problem: p}}}}
		linked.Problems = []record.ProblemLink{{Problem: p}, {Problem: sub}}
		if marked == "heading" {
			p.Confidential = secret
		} else {
			e.Confidential = secret // the heading says the same words
		}
		held(t, read(t), "emisweb", linked, sub, p, e)
		require.True(t, withheld(p) && withheld(e), marked)
		require.False(t, withheld(linked) || withheld(sub), marked)
		require.Equal(t, []record.ProblemLink{{Problem: sub}}, linked.Problems)
		require.Empty(t, sub.Problem.Parents)
	}
}

func TestLinkedEntryIsMissedInItsProblem(t *testing.T) {
	p := &record.Entry{Kind: record.KindProblem, Problem: &record.Problem{}}
	e := &record.Entry{Kind: record.KindMedication, Confidential: secret, Problems: []record.ProblemLink{{Problem: p}}}
	rec := held(t, read(t), "emisweb", p, e)
	require.False(t, withheld(p))
	require.ElementsMatch(t, confidential(record.Medication, record.Problems), rec.Warnings)
}

// Children stand before and after their parents, to any depth.
func TestParentHidesAllBelow(t *testing.T) {
	report := &record.Entry{Kind: record.KindReport, Confidential: secret}
	battery := &record.Entry{Kind: record.KindResult, Parent: report}
	result := &record.Entry{Kind: record.KindResult, Parent: battery}
	note := &record.Entry{Kind: record.KindNote, Parent: result}
	held(t, read(t), "emisweb", note, result, battery, report)
	for _, e := range []*record.Entry{report, battery, result, note} {
		require.True(t, withheld(e))
	}

	report, part := &record.Entry{Kind: record.KindReport}, &record.Entry{Kind: record.KindNote, Confidential: secret}
	part.Parent = report
	rec := held(t, read(t), "emisweb", report, part)
	require.False(t, withheld(report), "a part does not hide the whole")
	require.True(t, withheld(part))
	require.ElementsMatch(t, confidential(record.Observations, record.Investigations), rec.Warnings)
}

func TestCourseHidesItsIssues(t *testing.T) {
	course := &record.Entry{Kind: record.KindMedication, Confidential: secret, Medication: &record.MedicationBody{}}
	issue := &record.Entry{Kind: record.KindIssue, Medication: &record.MedicationBody{Course: course}}
	held(t, read(t), "emisweb", issue, course)
	require.True(t, withheld(issue))

	course, issue = &record.Entry{Kind: record.KindMedication, Medication: &record.MedicationBody{}}, &record.Entry{Kind: record.KindIssue, Confidential: secret}
	issue.Medication = &record.MedicationBody{Course: course}
	held(t, read(t), "emisweb", issue, course)
	require.False(t, withheld(course))
}

// What the decoder itself withheld hides what is part of it.
func TestWithheldByTheDecoder(t *testing.T) {
	whole := &record.Entry{Kind: record.KindReport, Outcome: record.WithheldEntry}
	part := &record.Entry{Kind: record.KindResult, Parent: whole}
	held(t, read(t), "emisweb", part, whole)
	require.True(t, withheld(part))
}

func TestSectionsNotShared(t *testing.T) {
	p, obs := &record.Entry{Kind: record.KindProblem, Problem: &record.Problem{}}, &record.Entry{Kind: record.KindObservation}
	p.Problem.Defines = obs
	drug := &record.Entry{Kind: record.KindMedication, Problems: []record.ProblemLink{{Problem: p}}, Medication: &record.MedicationBody{}}
	issue := &record.Entry{Kind: record.KindIssue, Medication: &record.MedicationBody{Course: drug}}
	c := &record.Entry{Kind: record.KindConsultation, Consultation: &record.Consultation{Items: []record.Item{{Entry: p}, {Entry: obs}, {Entry: drug}}}}
	allergy := &record.Entry{Kind: record.KindAllergy, Parent: obs, Allergy: &record.Allergy{}}
	rec := held(t, read(t), "systmone", p, obs, drug, issue, c, allergy)

	for _, s := range record.Sections() {
		switch s {
		case record.Problems, record.Medication:
			require.Equal(t, record.Complete, rec.State(s), s)
		case record.Allergies:
			require.Equal(t, record.Complete, rec.State(s), s)
		default:
			require.Equal(t, record.Disabled, rec.State(s), s)
		}
	}
	require.True(t, withheld(obs) && withheld(issue) && withheld(c))
	require.False(t, withheld(p) || withheld(drug) || withheld(allergy), "what stands in a section that is shared is shared")
	require.Nil(t, p.Problem.Defines)
	require.Nil(t, allergy.Parent)
	require.Equal(t, []record.ProblemLink{{Problem: p}}, drug.Problems)
	require.Empty(t, rec.Warnings, "the sections say that they are disabled; nothing is confidential")
}

func TestPatientDetailsNotShared(t *testing.T) {
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	known := record.Patient{ID: "1", NHS: nhs, Title: "Mrs", Forenames: "Nora", Surname: "Quillfeather", Dead: true}
	full := known
	full.Addresses, full.Contacts, full.Status = []record.Address{{Town: "Causeway"}}, []record.Contact{{Value: "01632 960001"}}, "current"
	full.UsualGP, full.Registration, full.BirthName = &record.Person{Surname: "W"}, []record.Qualifier{{Name: "a"}}, "Smith"
	rec := record.New(record.Source{})
	rec.Patient = full
	a := read(t)
	require.NoError(t, a.Withhold("systmone", rec, granted(t, a, "systmone", record.AllSections)))
	require.Equal(t, known, rec.Patient)
	rec.Patient = full
	require.NoError(t, a.Withhold("emisweb", rec, granted(t, a, "emisweb", record.AllSections)))
	require.Equal(t, full, rec.Patient)
	require.NoError(t, a.Withhold("emisweb", rec, granted(t, a, "emisweb", record.SectionsOf(record.Problems))))
	require.Equal(t, known, rec.Patient, "nobody asked for the details")
}

func TestNothingToWithhold(t *testing.T) {
	e := &record.Entry{Kind: record.KindObservation}
	c := &record.Entry{Kind: record.KindConsultation, Consultation: &record.Consultation{Items: []record.Item{{Entry: e, Words: "History"}}}}
	rec := held(t, read(t), "emisweb", e, c)
	require.Len(t, c.Consultation.Items, 1)
	require.Empty(t, rec.Warnings)
	require.Equal(t, record.Complete, rec.State(record.Observations))
}

// However entries are linked, no released entry reaches a withheld one, and
// nothing under a mark is released.
func TestNoLinkReachesWhatIsWithheld(t *testing.T) {
	a := read(t)
	all := map[string]governance.Decision{"emisweb": granted(t, a, "emisweb", record.AllSections), "systmone": granted(t, a, "systmone", record.AllSections)}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 15).Draw(t, "entries")
		entries := make([]*record.Entry, n)
		for i := range entries {
			entries[i] = &record.Entry{Kind: rapid.SampledFrom(record.Kinds()).Draw(t, "kind"), Confidential: rapid.SampledFrom([]string{"", "", "Unrestricted", secret}).Draw(t, "mark")}
		}
		any := func() *record.Entry { return entries[rapid.IntRange(0, n-1).Draw(t, "other")] }
		for i, e := range entries {
			if i > 0 && rapid.Bool().Draw(t, "part") {
				e.Parent = entries[rapid.IntRange(0, i-1).Draw(t, "parent")]
			}
			e.Problems = []record.ProblemLink{{Problem: any()}}
			e.Medication = &record.MedicationBody{Course: any()}
			e.Problem = &record.Problem{Defines: any(), Parents: []record.ParentProblem{{Problem: any()}}}
			e.Consultation = &record.Consultation{Items: []record.Item{{Entry: any()}, {Words: "Heading"}}}
		}
		rec := record.New(record.Source{})
		rec.Entries = rapid.Permutation(entries).Draw(t, "order")
		holder := rapid.SampledFrom([]string{"emisweb", "systmone"}).Draw(t, "holder")
		require.NoError(t, a.Withhold(holder, rec, all[holder]))
		require.Len(t, rec.Entries, n, "withholding removes nothing from the count")
		for e := range rec.Released {
			require.NotEqual(t, secret, e.Confidential)
			reached := []*record.Entry{e.Parent, e.Medication.Course, e.Problem.Defines}
			for _, l := range e.Problems {
				reached = append(reached, l.Problem)
			}
			for _, l := range e.Problem.Parents {
				reached = append(reached, l.Problem)
			}
			for _, i := range e.Consultation.Items {
				reached = append(reached, i.Entry)
			}
			for _, other := range reached {
				require.False(t, other != nil && withheld(other))
			}
		}
	})
}
