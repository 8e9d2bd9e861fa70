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
