package openhr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// foreign is a record as it comes from a system of another format, translated.
func foreign(entries ...*record.Entry) *record.Record {
	rec := record.New(record.Source{System: "TPP SystmOne", Organisation: "Harbour Lights Surgery", ODS: "X99002"})
	rec.Patient.ID = "8a1f"
	rec.Patient.Surname = "Ostler"
	rec.Patient.NHS, _ = record.ParseNHSNumber("9998656907")
	rec.Patient.Registration = []record.Qualifier{{Name: "Dispensing", Value: "yes"}}
	rec.Patient.Addresses = []record.Address{{Use: "home", Number: "12", Street: "Quay Steps"}}
	for i, e := range entries {
		if e.ID == "" {
			e.ID = strings.Repeat("0", 15) + string(rune('a'+i))
		}
		rec.Add(e)
	}
	rec.Supply(record.AllSections)
	rec.Settle(record.AllSections)
	return rec
}

func degraded(kind record.Kind) mapping.Code {
	if kind == record.KindAllergy {
		return mapping.Code{Scheme: mapping.SNOMED, Value: "196461000000101", Term: "Transfer-degraded drug allergy"}
	}
	return mapping.Code{Scheme: mapping.SNOMED, Value: "196411000000103", Term: "Transfer-degraded record entry"}
}

// roundTrip encodes, validates and decodes.
func roundTrip(t *testing.T, rec *record.Record) *record.Record {
	t.Helper()
	Fit(rec)
	doc := mustEncode(t, rec, rec.Head(record.AllSections))
	requireValid(t, doc)
	again := mustDecode(t, doc)
	requireSound(t, again)
	return again
}

// textOf is all free text of an entry.
func textOf(e *record.Entry) string {
	var b strings.Builder
	for _, text := range e.Texts {
		b.WriteString(text.Value + "\n")
	}
	return b.String()
}

func TestDegradedAllergyKeepsEverything(t *testing.T) {
	date, err := record.ParseISO("2004")
	require.NoError(t, err)
	e := &record.Entry{Kind: record.KindAllergy, Outcome: record.Degraded, Text: "Adverse reaction to Penwick's Linctus", Date: date,
		Code:       mapping.Code{Scheme: mapping.CTV3, Value: "XE0aB", Term: "Linctus allergy"},
		Others:     []mapping.Code{{Scheme: mapping.Multilex, Value: "2003197"}},
		Target:     degraded(record.KindAllergy),
		Qualifiers: []record.Qualifier{{Name: "Severity", Value: "LIFE-THREATENING"}},
		Texts:      []record.Text{{Value: "Collapsed"}, {Label: "Reaction", Value: "Wheeze"}},
		Notes:      []string{"Closest code (not recorded): none"},
		Allergy:    &record.Allergy{Class: record.AllergyDrug, Excludes: "syrup"}}
	rec := foreign(e)
	require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnPrescribingUnsafe, Section: record.Allergies, Count: 1, Detail: "Adverse reaction to Penwick's Linctus"})
	again := roundTrip(t, rec)
	got := find(t, again, "Penwick")
	require.Equal(t, record.KindAllergy, got.Kind)
	require.Equal(t, degraded(record.KindAllergy), got.Code)
	require.Equal(t, "2004", got.Date.String())
	require.True(t, strings.HasPrefix(textOf(got), "Adverse reaction to Penwick's Linctus\n"), "original words first")
	for _, words := range []string{"Severity: LIFE-THREATENING", "Collapsed", "Reaction: Wheeze", "Excludes: syrup", "Closest code",
		`Source code: ctv3 XE0aB "Linctus allergy"`, "Source code: multilex 2003197"} {
		require.Contains(t, textOf(got), words)
	}
	alerts, heads := 0, 0
	for _, e := range again.Entries {
		if e.Kind == record.KindAlert {
			alerts++
			require.Contains(t, textOf(e), "Prescribing must not proceed")
		}
		if strings.Contains(textOf(e), "View only. Not part of your record.") {
			heads++
		}
	}
	require.Equal(t, 1, alerts)
	require.Equal(t, 1, heads)
	front := again.Entries[1].Consultation
	require.Equal(t, "Linkspan", front.External)
	require.Contains(t, textOf(front.Items[0].Entry), "Harbour Lights Surgery (X99002)")
}

func TestEndedAllergyNeverLooksActive(t *testing.T) {
	e := &record.Entry{Kind: record.KindAllergy, Outcome: record.Mapped, Text: "Adverse reaction to amoxicillin",
		Target:  mapping.Code{Scheme: mapping.EMISDrug, Value: "AMOX9901EMIS"},
		Allergy: &record.Allergy{Class: record.AllergyDrug, Ended: true}}
	rec := foreign(e)
	Fit(rec)
	require.Equal(t, record.Degraded, e.Outcome)
	e.Target = degraded(record.KindAllergy)
	got := find(t, roundTrip(t, rec), "amoxicillin")
	require.Equal(t, record.KindObservation, got.Kind)
	require.Contains(t, textOf(got), "Past allergy, ended date not known.")
}

func TestFitDegradesWhatWouldBeReadTheWrongWayRound(t *testing.T) {
	code := mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00", Term: "Asthma"}
	negated := &record.Entry{Kind: record.KindObservation, Outcome: record.Mapped, Text: "Asthma", Code: code, Target: code,
		Qualifiers: []record.Qualifier{{Name: "Context", Value: "Not present", Meaning: record.Negates}}}
	notGiven := &record.Entry{Kind: record.KindImmunisation, Outcome: record.Mapped, Text: "Influenza vaccination", Code: code, Target: code,
		Immunisation: &record.Immunisation{NotGiven: true}}
	unknown := &record.Entry{Kind: record.KindUnrecognised, Outcome: record.Exact, Text: "Pennant: red"}
	plain := &record.Entry{Kind: record.KindObservation, Outcome: record.Mapped, Text: "Asthma", Code: code, Target: code,
		Qualifiers: []record.Qualifier{{Name: "Severity", Value: "Mild"}}}
	Fit(foreign(negated, notGiven, unknown, plain))
	require.Equal(t, record.Degraded, negated.Outcome)
	require.Equal(t, record.Degraded, notGiven.Outcome)
	require.Equal(t, record.Unsupported, unknown.Outcome)
	require.Equal(t, record.Mapped, plain.Outcome)
}

func TestMedicationOfAnotherSystemSaysItsDefaults(t *testing.T) {
	drug := mapping.Code{Scheme: mapping.DMD, Value: "320000009", Term: "Simvastatin 40mg tablets"}
	start, _ := record.ParseISO("2016-03-04")
	ended, _ := record.ParseISO("2016-04-04")
	course := &record.Entry{Kind: record.KindMedication, Outcome: record.Mapped, Text: "Simvastatin 40mg tablets", Date: start,
		Code: mapping.Code{Scheme: mapping.Multilex, Value: "2003197"}, Target: drug,
		Medication: &record.MedicationBody{Dosage: strings.Repeat("take one ", 40), QuantityWords: "28 capsule", Start: start}}
	past := &record.Entry{Kind: record.KindMedication, Outcome: record.Mapped, Text: "Simvastatin 10mg capsules", Date: start, Target: drug,
		Medication: &record.MedicationBody{QuantityWords: "one box", End: ended, Authorised: "6"}}
	issue := &record.Entry{Kind: record.KindIssue, Outcome: record.Mapped, Text: "Simvastatin issue", Date: start, Target: drug,
		Medication: &record.MedicationBody{Dosage: "ONE", Quantity: "28", Unit: "capsule", DurationDays: "28", Course: course}}
	again := roundTrip(t, foreign(course, past, issue))
	got := find(t, again, "Simvastatin 40mg")
	require.Equal(t, "28", got.Medication.Quantity)
	require.Equal(t, "capsule", got.Medication.Unit)
	require.Equal(t, "28 capsule", got.Medication.QuantityWords)
	require.Equal(t, "A", got.Medication.Status.Value)
	for _, words := range []string{"Dose: " + course.Medication.Dosage, "Status not known, check with source.", "Defaulted to prescription type acute: not stated at source",
		"Source code: multilex 2003197"} {
		require.Contains(t, textOf(got), strings.TrimSpace(words))
	}
	old := find(t, again, "Simvastatin 10mg")
	require.Equal(t, "C", old.Medication.Status.Value)
	require.Equal(t, "2016-04-04", old.Medication.End.String())
	require.Equal(t, "6", old.Medication.Authorised)
	require.Equal(t, "0", old.Medication.Quantity)
	require.Equal(t, "one box", old.Medication.QuantityWords)
	require.Contains(t, textOf(old), "Defaulted to quantity 0: not stated at source")
	require.Equal(t, got, find(t, again, "Simvastatin issue").Medication.Course)
}

func TestWithheldLeavesNoTrace(t *testing.T) {
	code := mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00", Term: "Asthma"}
	secret := &record.Entry{Kind: record.KindProblem, Outcome: record.WithheldEntry, Text: "Unspoken heading", Problem: &record.Problem{}}
	battery := &record.Entry{Kind: record.KindResult, Outcome: record.WithheldEntry, Text: "Unspoken battery"}
	open := &record.Entry{Kind: record.KindObservation, Outcome: record.Mapped, Text: "Asthma", Code: code, Target: code, Parent: battery,
		Problems: []record.ProblemLink{{Problem: secret}}}
	visit := &record.Entry{Kind: record.KindConsultation, Outcome: record.Exact, Consultation: &record.Consultation{TypeText: "Surgery",
		Items: []record.Item{{Words: "Problem", Entry: secret}, {Words: "History", Entry: open}}}}
	twin := &record.Entry{Kind: record.KindObservation, Outcome: record.Duplicate, Text: "Asthma twin"}
	rec := foreign(secret, battery, open, visit, twin)
	doc := mustEncode(t, rec, nil)
	requireValid(t, doc)
	require.NotContains(t, string(doc), "Unspoken")
	require.NotContains(t, string(doc), "twin")
	again := mustDecode(t, doc)
	require.Len(t, find(t, again, "Surgery").Consultation.Items, 1)
	require.Empty(t, find(t, again, "Asthma").Problems)
}

func TestProblemOfItsOwn(t *testing.T) {
	code := mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00", Term: "Asthma"}
	up := &record.Entry{Kind: record.KindProblem, Outcome: record.Mapped, Text: "Lungs", Code: code, Target: code, Problem: &record.Problem{}}
	head := &record.Entry{Kind: record.KindProblem, Outcome: record.Mapped, Text: "Asthma", Code: code, Target: code,
		Problem: &record.Problem{Status: mapping.Code{Scheme: schemeStatus, Value: "A"}, ExpectedDuration: "a while",
			Parents: []record.ParentProblem{{Problem: up, Relation: "child of"}}}}
	linked := &record.Entry{Kind: record.KindNote, Outcome: record.Exact, Texts: []record.Text{{Value: "Wheezy on the ferry"}},
		Problems: []record.ProblemLink{{Problem: head}}}
	again := roundTrip(t, foreign(up, head, linked))
	problems := map[string]*record.Entry{}
	for _, e := range again.Entries {
		if e.Kind == record.KindProblem {
			problems[e.Text] = e
		}
	}
	require.Len(t, problems, 2)
	require.Equal(t, "A", problems["Asthma"].Problem.Status.Value)
	require.NotNil(t, problems["Asthma"].Problem.Defines)
	text := textOf(problems["Asthma"].Problem.Defines)
	require.Contains(t, text, "Expected duration: a while")
	require.Contains(t, text, "Parent problem: Lungs, date not known, child of")
	for _, e := range again.Entries {
		if strings.Contains(textOf(e), "Wheezy") {
			require.Equal(t, problems["Asthma"], e.Problems[0].Problem)
		}
	}
}

func TestPatientFactsWithoutElementAreLines(t *testing.T) {
	rec := foreign()
	rec.Patient.BirthDate, _ = record.ParseISO("2001-07")
	rec.Patient.Status = "Current"
	again := roundTrip(t, rec)
	all := ""
	for _, e := range again.Entries {
		all += textOf(e)
	}
	require.Contains(t, all, "Date of birth: Jul-2001")
	require.Contains(t, all, "Registration status: Current")
	require.Contains(t, all, "Dispensing: yes")
	require.Equal(t, "12 Quay Steps", again.Patient.Addresses[0].Street)
	require.Equal(t, rec.Patient.NHS, again.Patient.NHS)
}
