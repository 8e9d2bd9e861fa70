package record_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func TestSaysNoAllergies(t *testing.T) {
	for _, words := range []string{"No known allergies", "no known drug allergies.", "NKDA", "Nil known", "No allergies", "None recorded", "No H/O: drug allergy", "No known drug allergy"} {
		require.True(t, record.SaysNoAllergies(words), words)
	}
	for _, words := range []string{"", "Aspirin not tolerated", "Penicillin: no rash", "No known allergies but codeine", "Does not tolerate codeine", "Anaphylaxis excluded",
		"Penicillin allergy, not ruled out", "No penicillin", "Known allergies"} {
		require.False(t, record.SaysNoAllergies(words), words)
	}
}

// TestMeaningOf: a denial or a doubt is found by its code in any system, and by
// its words however they are spaced and written; anything else refines.
func TestMeaningOf(t *testing.T) {
	for _, c := range []struct {
		name, value, code string
		want              record.QualifierMeaning
	}{
		{"Finding context", "", "410516002", record.Negates},
		{"Finding context", "as recorded", " 410594000 ", record.Negates},
		{"Finding context", "", "415684004", record.Doubts},
		{"Context", " Known Absent ", "", record.Negates},
		{"Negation", "yes", "", record.Negates},
		{"Certainty", "Probable", "", record.Doubts},
		{"Uncertainty", "stated", "", record.Doubts},
		{"Laterality", "Left", "7771000", record.Refines},
		{"Severity", "no more than mild", "", record.Refines},
		{"", "", "", record.Refines},
	} {
		require.Equal(t, c.want, record.MeaningOf(c.name, c.value, c.code), c)
	}
}
