package pairs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// allergies are the tables of the allergy tests.
func allergies(t *testing.T) *pairs.Direction {
	return to(t, "systmone",
		table(t, mapping.ReadV2, pairs.KindScheme,
			"14L1.|00|H/O: penicillin allergy|drug-allergy|||source-is-narrower-than-target",
			"SN580|00|Egg allergy|non-drug-allergy|||source-is-narrower-than-target",
			"1151.|00|No known allergies|no-known-allergies|||equivalent",
			"9bJ4.|00|Transfer-degraded drug allergy|degraded-drug-allergy|||equivalent",
			"9bJ5.|00|Transfer-degraded non-drug allergy|degraded-non-drug-allergy|||equivalent"),
		table(t, mapping.ReadV2, mapping.CTV3,
			"14L1.|00|H/O: penicillin allergy|14L1.||H/O: penicillin allergy|equivalent",
			"SN580|00|Egg allergy|XaIqF||Egg allergy|equivalent",
			"SN53.|00|Latex allergy|XaIqG||Latex allergy|related-to|any|yes",
			"1151.|00|No known allergies|1151.||No known allergies|equivalent"),
		table(t, mapping.EMISDrug, mapping.DMD,
			"ASTA4609||Aspirin 75mg tablets|319775004||Aspirin 75mg tablets|equivalent",
			"ASDI223||Aspirin 300mg dispersible tablets|329526003||Aspirin|source-is-narrower-than-target|any|yes"))
}

func allergy(class record.AllergyClass, text string, code, substance mapping.Code) *record.Entry {
	return &record.Entry{Kind: record.KindAllergy, Text: text, Code: code, Allergy: &record.Allergy{Class: class, Substance: substance}}
}

func noneKnown() *record.Entry {
	e := observation(read("1151.", "00", "No known allergies"))
	e.Date = date("2009-03")
	return e
}

// TestDrugAllergies codes one only where alerts fire, and says so where they
// do not (safety §D.2 "Allergy – drug"; S §0 item 6).
func TestDrugAllergies(t *testing.T) {
	history, aspirin := read("14L1.", "00", "H/O: penicillin allergy"), emisDrug("ASTA4609", "Aspirin 75mg tablets")
	tests := []struct {
		name   string
		entry  *record.Entry
		coded  bool
		target string
	}{
		{"by its substance", allergy(record.AllergyDrug, "Allergy to aspirin", read("14L..", "00", "H/O: drug allergy"), aspirin), true, "319775004"},
		{"by its own code", allergy(record.AllergyDrug, "Aspirin 75mg tablets", aspirin, mapping.Code{}), true, "319775004"},
		{"drug or not is unclear", allergy(record.AllergyUnclear, "Aspirin 75mg tablets", aspirin, mapping.Code{}), true, "319775004"},
		{"a narrower row, assured", allergy(record.AllergyDrug, "Aspirin", emisDrug("ASDI223", "Aspirin 300mg dispersible tablets"), mapping.Code{}), false, "XaLGR"},
		{"a clinical code with an equivalent row", allergy(record.AllergyDrug, history.Term, history, mapping.Code{}), false, "XaLGR"},
		{"free text", allergy(record.AllergyUnclear, "Penicillin", mapping.Code{}, mapping.Code{}), false, "XaLGR"},
		{"denied in words", allergy(record.AllergyDrug, "No allergy to aspirin", mapping.Code{}, aspirin), false, "XaLGR"},
		{"suspected in words", allergy(record.AllergyDrug, "?aspirin", mapping.Code{}, aspirin), false, "XaLGR"},
		{"without its part", &record.Entry{Kind: record.KindAllergy, Text: "Penicillin"}, false, "XaLGR"},
		{"degraded at source", observation(read("9bJ4.", "00", "Transfer-degraded drug allergy")), false, "XaLGR"},
	}
	for _, test := range tests {
		text := test.entry.Text
		rec, report := carry(allergies(t), test.entry)
		require.Equal(t, test.coded, test.entry.Outcome == record.Mapped, test.name)
		require.Equal(t, test.target, test.entry.Target.Value, test.name)
		require.Equal(t, text, test.entry.Text, test.name)
		require.Equal(t, !test.coded, warned(rec, record.WarnPrescribingUnsafe, record.Allergies), test.name)
		require.Zero(t, report.MalformedCodes, test.name)
	}
	require.Contains(t, tests[len(tests)-1].entry.Notes, "Degraded before it reached this link.")
}

// TestAllergiesOnlyWhereAlertsFire sends EMIS Web no allergy by a dm+d
// identifier, of which nobody knows that it alerts, and a drug by one.
func TestAllergiesOnlyWhereAlertsFire(t *testing.T) {
	d := to(t, "emisweb", table(t, "systmone.medication-item", "emisweb.prescription-type", "Medication||Acute|A||Acute|equivalent"),
		table(t, mapping.Multilex, mapping.DMD, "1003506||Fluvoxamine 50mg tablets|321945000||Fluvoxamine 50mg tablets|equivalent"))
	code := mapping.Code{Scheme: mapping.Multilex, Value: "1003506", Term: "Fluvoxamine 50mg tablets"}
	e, own := allergy(record.AllergyDrug, code.Term, code, mapping.Code{}), allergy(record.AllergyDrug, "Aspirin 75mg tablets", emisDrug("ASTA4609", "Aspirin 75mg tablets"), mapping.Code{})
	drug := &record.Entry{Kind: record.KindMedication, Text: code.Term, Code: code, Medication: &record.MedicationBody{Type: mapping.Code{Scheme: "systmone.medication-item", Value: "Medication"}}}
	rec, _ := carry(d, e, drug)
	require.Equal(t, record.Degraded, e.Outcome)
	require.Equal(t, "9bJ4.", e.Target.Value)
	require.True(t, warned(rec, record.WarnPrescribingUnsafe, record.Allergies))
	require.Equal(t, "321945000", drug.Target.Value)
	d.Holder.DrugSchemes = append(d.Holder.DrugSchemes, mapping.EMISDrug)
	carry(d, own)
	require.Equal(t, record.Exact, own.Outcome)
}

// TestNonDrugAllergies takes equivalent rows alone, assured or not.
func TestNonDrugAllergies(t *testing.T) {
	egg, latex := observation(read("SN580", "00", "Egg allergy")), allergy(record.AllergyNonDrug, "Latex allergy", read("SN53.", "00", "Latex allergy"), mapping.Code{})
	before := observation(read("9bJ5.", "00", "Transfer-degraded non-drug allergy"))
	rec, _ := carry(allergies(t), egg, latex, before)
	require.Equal(t, record.KindAllergy, egg.Kind)
	require.Equal(t, mapping.Code{Scheme: mapping.CTV3, Value: "XaIqF", Term: "Egg allergy"}, egg.Target)
	require.Equal(t, "XaLGS", latex.Target.Value)
	require.Equal(t, "XaLGS", before.Target.Value)
	require.False(t, warned(rec, record.WarnPrescribingUnsafe, record.Allergies))
}

// TestClassOfAllergyIsNotTakenBack keeps a drug allergy one whatever its code
// is said to be.
func TestClassOfAllergyIsNotTakenBack(t *testing.T) {
	e := allergy(record.AllergyIngredient, "Egg lecithin", read("SN580", "00", "Egg allergy"), mapping.Code{})
	up := allergy(record.AllergyNonDrug, "Penicillin", read("14L1.", "00", "H/O: penicillin allergy"), mapping.Code{})
	carry(allergies(t), e, up)
	require.Equal(t, record.AllergyIngredient, e.Allergy.Class)
	require.Equal(t, record.AllergyDrug, up.Allergy.Class)
}

// TestNoKnownAllergies is coded where nothing known speaks against it
// (safety §1.4, §D.2 "no known allergies").
func TestNoKnownAllergies(t *testing.T) {
	penicillin := func() *record.Entry { return allergy(record.AllergyDrug, "Penicillin", mapping.Code{}, mapping.Code{}) }
	ended, withheld, unread, twin, other := penicillin(), penicillin(), &record.Entry{Kind: record.KindAllergy, Outcome: record.FailedEntry}, penicillin(), noneKnown()
	ended.Allergy.Ended = true
	withheld.Outcome, twin.Outcome, other.Outcome = record.WithheldEntry, record.Duplicate, record.WithheldEntry
	plain := observation(read("14L1.", "00", "H/O: penicillin allergy"))
	hidden := observation(read("14L1.", "00", "H/O: penicillin allergy"))
	hidden.Outcome = record.WithheldEntry
	problem := &record.Entry{Kind: record.KindProblem, Text: plain.Text, Code: plain.Code, Problem: &record.Problem{}}
	tests := []struct {
		name         string
		beside       *record.Entry
		coded        bool
		contradicted bool
	}{
		{"alone", observation(read("SN59.", "00", "Something else")), true, false},
		{"beside an allergy", penicillin(), false, true},
		{"beside an ended one", ended, false, true},
		{"beside one entered as an ordinary code", plain, false, true},
		{"beside one entered as a problem", problem, false, true},
		{"beside one that could not be read", unread, false, true},
		{"beside a withheld one", withheld, false, false},
		{"beside a withheld ordinary code", hidden, false, false},
		{"beside a duplicate", twin, true, false},
		{"beside itself, withheld", other, true, false},
	}
	for _, test := range tests {
		e := noneKnown()
		rec, _ := carry(allergies(t), e, test.beside)
		require.Equal(t, record.KindAllergy, e.Kind, test.name)
		require.Equal(t, test.coded, e.Outcome == record.Mapped, test.name)
		require.Equal(t, map[bool]string{true: "1151.", false: "XaLGM"}[test.coded], e.Target.Value, test.name)
		require.Equal(t, test.contradicted, warned(rec, record.WarnContradicted, record.Allergies), test.name)
		if test.beside.Outcome == record.WithheldEntry {
			require.True(t, warned(rec, record.WarnConfidential, record.Allergies), test.name)
			require.Equal(t, record.WithheldEntry, test.beside.Outcome)
		}
		for _, w := range rec.Warnings {
			if w.Code == record.WarnContradicted {
				require.Equal(t, "Mar-2009", w.Detail)
			}
		}
	}
}

// TestNoKnownAllergiesThatDoNotHold are words: an assertion that ended, and one
// of a list that was not read whole.
func TestNoKnownAllergiesThatDoNotHold(t *testing.T) {
	ended := noneKnown()
	ended.Allergy = &record.Allergy{Ended: true}
	carry(allergies(t), ended)
	require.Equal(t, record.Degraded, ended.Outcome)
	e := noneKnown()
	rec := recordOf(e)
	rec.Fail(record.Allergies, "1:1 AllergyList", "repeated AllergyList")
	allergies(t).Translate(rec, whole(), whole())
	require.Equal(t, record.Degraded, e.Outcome)
	require.True(t, warned(rec, record.WarnPrescribingUnsafe, record.Allergies))
}

// TestAllergiesNotAskedFor leaves no allergy coded outside its section, and no
// assertion that there are none.
func TestAllergiesNotAskedFor(t *testing.T) {
	plain, none := observation(read("14L1.", "00", "H/O: penicillin allergy")), noneKnown()
	own := allergy(record.AllergyDrug, "Aspirin", mapping.Code{}, mapping.Code{})
	rec := recordOf(plain, none, own)
	q := &record.Request{Sections: record.SectionsOf(record.Observations)}
	allergies(t).Translate(rec, q, q)
	require.Len(t, rec.Entries, 2)
	for _, e := range rec.Entries {
		require.Equal(t, record.KindObservation, e.Kind)
		require.Equal(t, record.Degraded, e.Outcome)
		require.Equal(t, "XaLGM", e.Target.Value)
	}
}

// TestAllergiesNotShared keeps an allergy back however it was entered, where
// the holder does not share the section.
func TestAllergiesNotShared(t *testing.T) {
	plain := observation(read("14L1.", "00", "H/O: penicillin allergy"))
	rec := recordOf(plain)
	rec.Declare(record.Allergies, record.Disabled)
	allergies(t).Translate(rec, whole(), whole())
	require.Equal(t, record.WithheldEntry, plain.Outcome)
	require.Equal(t, record.Disabled, rec.State(record.Allergies))
}

// TestAllergiesEnteredAsSomethingElse are words where they stand, and count
// among those that alert nobody.
func TestAllergiesEnteredAsSomethingElse(t *testing.T) {
	code := read("14L1.", "00", "H/O: penicillin allergy")
	result := &record.Entry{Kind: record.KindResult, Text: code.Term, Code: code, Value: &record.Value{Text: "rash"}}
	alone := &record.Entry{Kind: record.KindProblem, Text: code.Term, Code: code, Problem: &record.Problem{}}
	rec, _ := carry(allergies(t), result, alone)
	require.Equal(t, record.Degraded, result.Outcome)
	require.Equal(t, record.Degraded, alone.Outcome)
	require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnPrescribingUnsafe, Section: record.Allergies, Count: 2, Detail: "H/O: penicillin allergy; H/O: penicillin allergy"})

	defined := observation(code)
	heading := &record.Entry{Kind: record.KindProblem, Text: code.Term, Code: code, Problem: &record.Problem{Defines: defined}}
	rec, _ = carry(allergies(t), heading, defined)
	require.Equal(t, record.KindAllergy, defined.Kind)
	require.Equal(t, record.Mapped, heading.Outcome)
	require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnPrescribingUnsafe, Section: record.Allergies, Count: 1, Detail: "H/O: penicillin allergy"})
}

// TestEveryKindDegrades has a transfer-degraded code for each kind in both
// directions (safety §D.1 "Degrade codes").
func TestEveryKindDegrades(t *testing.T) {
	want := map[record.Kind]string{
		record.KindProblem: "XaLGM", record.KindMedication: "XaLGN", record.KindIssue: "XaLGN", record.KindAllergy: "XaLGR",
		record.KindObservation: "XaLGM", record.KindResult: "XaLGM", record.KindReport: "XaLGM", record.KindImmunisation: "XaLGM",
		record.KindFamilyHistory: "XaLGM", record.KindDiary: "XaLGQ", record.KindReferral: "XaLGO", record.KindDocument: "XaLGM",
		record.KindAlert: "XaLGM", record.KindRequest: "XaLGP",
	}
	code := read("ZZZZZ", "00", "Unheard of")
	for kind, target := range want {
		e := &record.Entry{Kind: kind, Text: "Unheard of", Code: code}
		carry(to(t, "systmone"), e)
		require.Equal(t, record.Degraded, e.Outcome, kind)
		require.Equal(t, target, e.Target.Value, kind)
	}
	e := &record.Entry{Kind: record.KindMedication, Text: "A drug", Code: mapping.Code{Scheme: mapping.Multilex, Value: "1000254"}}
	carry(to(t, "emisweb"), e)
	require.Equal(t, mapping.Code{Scheme: mapping.ReadV2, Value: "9bJ0.", TermCode: "00", Term: "Transfer-degraded medication entry"}, e.Target)
}
