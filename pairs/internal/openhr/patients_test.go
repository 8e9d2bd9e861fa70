package openhr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func patient(t testing.TB, name string) *record.Record {
	t.Helper()
	return mustDecode(t, read(t, "../../../testdata/patients/"+name+"/emisweb.openhr.xml"))
}

func TestPatientsGoAndComeBack(t *testing.T) {
	for _, name := range []string{"nora-quillfeather", "tom-ostler", "edith-marram"} {
		first := settled(patient(t, name))
		doc := mustEncode(t, first, first.Head(record.AllSections))
		requireValid(t, doc)
		require.Equal(t, doc, mustEncode(t, first, first.Head(record.AllSections)), "the same record gives the same bytes")
		second := mustDecode(t, doc)
		requireSound(t, second)
		requireSame(t, first, second, true)
	}
}

// find is the entry of some words.
func find(t testing.TB, rec *record.Record, words string) *record.Entry {
	t.Helper()
	for _, e := range rec.Entries {
		if strings.Contains(e.Text, words) && e.Outcome != record.Duplicate {
			return e
		}
	}
	require.Fail(t, "no such entry", words)
	return nil
}

func TestNoraSaysWhatSheSays(t *testing.T) {
	rec := patient(t, "nora-quillfeather")
	problem := func(words string) *record.Entry {
		for _, e := range rec.Entries {
			if e.Kind == record.KindProblem && e.Text == words {
				return e
			}
		}
		return nil
	}
	code := func(e *record.Entry) string { return e.Code.Key() }
	for _, e := range rec.Entries {
		require.False(t, e.Malformed, e.Text)
		for _, note := range e.Notes {
			require.NotContains(t, note, "Source code", e.Text)
		}
	}

	pressure := problem("Essential hypertension")
	require.NotNil(t, pressure)
	require.Equal(t, "readv2|G20..|00", code(pressure))
	require.Equal(t, "A", pressure.Problem.Status.Value)
	require.Equal(t, "S", pressure.Problem.Significance.Value)
	require.Equal(t, "2009-06", pressure.Date.String())
	require.Equal(t, find(t, rec, "Essential hypertension"), pressure.Problem.Defines)
	require.Equal(t, "2011-03-14", problem("Chest infection NOS").Problem.End.String())
	require.Equal(t, problem("Type 1 diabetes mellitus"), problem("Diabetic retinopathy").Problem.Parents[0].Problem)
	systolic := find(t, rec, "Systolic")
	require.Equal(t, []record.ProblemLink{{Problem: pressure, Link: systolic.Problems[0].Link}}, systolic.Problems)
	require.Equal(t, "ASS", systolic.Problems[0].Link.Value)
	require.Equal(t, find(t, rec, "O/E blood pressure reading"), systolic.Parent)
	require.Equal(t, "142", systolic.Value.Number)
	require.Equal(t, "mm Hg", systolic.Value.Unit)

	require.Equal(t, "readv2|G20..|11", code(find(t, rec, "High blood pressure")))
	require.Equal(t, "readv2|H06z0|11", code(find(t, rec, "Chest infection - unspecified")))
	require.Equal(t, "emis|EMISNQQU99|", code(find(t, rec, "Local template entry")))
	require.Equal(t, record.Negates, find(t, rec, "Asthma").Qualifiers[0].Meaning)
	require.Equal(t, record.Doubts, find(t, rec, "Atrial fibrillation").Qualifiers[0].Meaning)
	require.Equal(t, record.Refines, find(t, rec, "Diabetic retinopathy").Qualifiers[0].Meaning)

	sugar := find(t, rec, "HbA1c").Value
	require.Equal(t, ">=", sugar.Comparator.Value)
	require.Equal(t, "7.10", sugar.Number)
	require.Equal(t, record.Range{Qualifier: "Available range: Therapeutic interval", Low: "6.5", High: "7.5", Unit: "%", AppliesTo: "Female, age 18 years to 120 years"}, sugar.Ranges[0])
	require.Equal(t, record.Range{Qualifier: "Recommended interval", Low: "4.0", LowOp: ">=", High: "6.0", HighOp: "<=", Unit: "%"}, sugar.Ranges[1])
	require.Equal(t, "true", sugar.Abnormal.Value)

	for words, class := range map[string]record.AllergyClass{
		"penicillin": record.AllergyUnclear, "Sulphonamides": record.AllergyDrugGroup, "tartrazine": record.AllergyIngredient,
		"amoxicillin": record.AllergyDrug, "Peanut": record.AllergyUnclear, "Nappy rash": record.AllergyUnclear,
	} {
		e := find(t, rec, words)
		require.Equal(t, record.KindAllergy, e.Kind, words)
		require.Equal(t, class, e.Allergy.Class, words)
	}
	require.Equal(t, "emisweb.allergy-drug-group|SULF99|", find(t, rec, "Sulphonamides").Allergy.Substance.Key())
	require.Equal(t, record.KindObservation, find(t, rec, "entered as a plain code").Kind)

	simvastatin := find(t, rec, "Simvastatin 40mg tablets")
	require.Equal(t, "ONE  TO BE TAKEN   EACH MORNING, 5µg < 10µg & review", simvastatin.Medication.Dosage)
	require.Equal(t, "24", simvastatin.Medication.Authorised)
	require.Len(t, simvastatin.Medication.Authorisations, 2)
	issue := find(t, rec, "Simvastatin Tablets 40 mg")
	require.Equal(t, simvastatin, issue.Medication.Course)
	require.Equal(t, record.KindIssue, issue.Kind)
	stopped := find(t, rec, "Doxycycline").Medication
	require.Equal(t, "2011-02-17T09:10:00", stopped.End.String())
	require.Equal(t, "Nausea, stopped by patient", stopped.EndReason)
	require.Len(t, find(t, rec, "Salicylic acid").Medication.Mixture, 2)
	require.Equal(t, "true", find(t, rec, "Atovaquone").Medication.Private.Value)

	require.False(t, find(t, rec, "Influenza vaccination").Immunisation.NotGiven)
	given := 0
	for _, e := range rec.Entries {
		if e.Kind == record.KindImmunisation && !e.Immunisation.NotGiven {
			given++
		}
	}
	require.Equal(t, 1, given)
	require.Equal(t, "Restricted to the registered GP", find(t, rec, "Ex smoker").Confidential)
	require.Equal(t, "hidden", find(t, rec, "Never smoked").Confidential)
	require.Equal(t, "2016-09-04", find(t, rec, "Hypertension monitoring due").Date.String())
	require.Equal(t, "false", find(t, rec, "Ophthalmological referral").Referral.Private.Value)
	require.Equal(t, "Gullstone Cottage Hospital", find(t, rec, "Ophthalmological referral").Referral.To)
	require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnAwaitingFiling, Detail: "01-Jun-2016"})

	visit := find(t, rec, "General Practice Surgery").Consultation
	var headings []string
	for _, item := range visit.Items {
		headings = append(headings, item.Words+" "+item.Page)
		require.NotNil(t, item.Entry)
	}
	require.Equal(t, []string{"History 1", "Problem 1", "Examination 1", "Comment 1", "Medication 1", "Family History 2", "Follow up 2"}, headings)
	require.Equal(t, "Winterbourne, Hazel", rec.Patient.UsualGP.Name())
	require.Equal(t, "Practice Nurse", find(t, rec, "HbA1c").Author.Role)
	require.Equal(t, "X99001", rec.Source.ODS)
	require.Equal(t, "Causeway Medical Centre", rec.Source.Organisation)
}

func TestEdithKeepsHerWords(t *testing.T) {
	rec := settled(patient(t, "edith-marram"))
	require.True(t, rec.Patient.Dead)
	require.Equal(t, "2016-05-02", rec.Patient.DeathDate.String())
	for _, e := range rec.Entries {
		if e.Kind == record.KindNote {
			require.Greater(t, len(e.Texts[0].Value), 4000)
		}
	}
	long := find(t, rec, "; Assessment of daily living")
	require.Greater(t, len(long.Text), 200)
	require.Contains(t, string(mustEncode(t, rec, nil)), long.Text)
	require.Equal(t, record.AllergyDrug, find(t, rec, "codeine").Allergy.Class)
}
