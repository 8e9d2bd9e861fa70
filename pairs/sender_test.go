package pairs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// TestSendersCodes carries what the sender placed beside its code only where
// it is allowed to count, our tables are silent or agree, and it says one
// thing (DESIGN.md decision 4).
func TestSendersCodes(t *testing.T) {
	d := to(t, "systmone", items(t), table(t, mapping.ReadV2, mapping.SNOMED,
		"F59..|00|Hearing loss|15188001||Hearing loss|equivalent",
		"K0D..|00|End-stage renal disease|46177005||End stage renal disease|related-to",
		"22K..|00|Body mass index||||no-map"))
	d.Rules.Unasked.Codes = mapping.SNOMED
	asthma := snomed("195967001", "Asthma")
	tests := []struct {
		name    string
		code    mapping.Code
		others  []mapping.Code
		outcome record.Outcome
		target  string
	}{
		{"the tables are silent", read("H33..", "00", "Asthma"), []mapping.Code{asthma}, record.Mapped, "195967001"},
		{"the tables agree", read("F59..", "00", "Hearing loss"), []mapping.Code{snomed("15188001", "Hearing loss")}, record.Mapped, "15188001"},
		{"the tables differ", read("F59..", "00", "Hearing loss"), []mapping.Code{snomed("195967001", "Hearing loss")}, record.Degraded, "196411000000103"},
		{"the tables know a near match", read("K0D..", "00", "End-stage renal disease"), []mapping.Code{snomed("46177005", "End stage renal disease")}, record.Degraded, "196411000000103"},
		{"the tables decided against", read("22K..", "00", "Body mass index"), []mapping.Code{snomed("60621009", "Body mass index")}, record.Degraded, "196411000000103"},
		{"the sender says two things", read("H33..", "00", "Asthma"), []mapping.Code{asthma, snomed("15188001", "Asthma")}, record.Degraded, "196411000000103"},
		{"the sender says one thing twice", read("H33..", "00", "Asthma"), []mapping.Code{asthma, asthma}, record.Mapped, "195967001"},
		{"a wrong check digit", read("H33..", "00", "Asthma"), []mapping.Code{snomed("195967002", "Asthma")}, record.Degraded, "196411000000103"},
		{"a description", read("2469.", "00", "Systolic"), []mapping.Code{snomed("120159016", "Systolic")}, record.Degraded, "196411000000103"},
		{"a supplier's namespace", read("H33..", "00", "Asthma"), []mapping.Code{snomed("1503371000006105", "Asthma")}, record.Degraded, "196411000000103"},
		{"another class of context", read("12D2.", "00", "FH: Asthma"), []mapping.Code{asthma}, record.Degraded, "196411000000103"},
		{"a scheme nobody asked for", read("H33..", "00", "Asthma"), []mapping.Code{{Scheme: mapping.CTV3, Value: "H33..", Term: "Asthma"}}, record.Degraded, "196411000000103"},
	}
	for _, test := range tests {
		for _, allowed := range []bool{true, false} {
			d.Rules.Sender = allowed
			e := observation(test.code)
			e.Others = test.others
			carry(d, e)
			if !allowed && test.code.Value == "F59.." {
				require.Equal(t, "15188001", e.Target.Value, "ours alone")
				continue
			}
			if !allowed {
				require.Equal(t, record.Degraded, e.Outcome, test.name)
				continue
			}
			require.Equal(t, test.outcome, e.Outcome, test.name)
			require.Equal(t, test.target, e.Target.Value, test.name)
			require.Equal(t, test.others, e.Others, test.name)
		}
	}
}

// TestSendersDrugs reads a drug's SNOMED CT identifier as dm+d where its
// namespace is that, and never for an allergy.
func TestSendersDrugs(t *testing.T) {
	d := to(t, "systmone", items(t))
	d.Rules.Sender = true
	code := emisDrug("SIMV9902EMIS", "Simvastatin 40mg tablets")
	good, vision := medication(code), medication(code)
	good.Others = []mapping.Code{snomed("320000009", "Simvastatin 40mg tablets")}
	vision.Others = []mapping.Code{snomed("122935001000027100", "Simvastatin 40mg tablets")}
	allergy := &record.Entry{Kind: record.KindAllergy, Text: code.Term, Code: code, Others: good.Others, Allergy: &record.Allergy{Class: record.AllergyDrug}}
	rec, _ := carry(d, good, vision, allergy)
	require.Equal(t, mapping.Code{Scheme: mapping.DMD, Value: "320000009", Term: "Simvastatin 40mg tablets"}, good.Target)
	require.Contains(t, good.Notes, "Code supplied by the sending system: dmd 320000009")
	require.Equal(t, record.Degraded, vision.Outcome)
	require.Equal(t, record.Degraded, allergy.Outcome)
	require.True(t, warned(rec, record.WarnPrescribingUnsafe, record.Allergies))
}
