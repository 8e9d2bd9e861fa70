package mapping

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseEMISAllergy(t *testing.T) {
	for native, want := range map[string]struct {
		code Code
		form AllergyForm
		drug bool
	}{
		"ALLERGY-READ2-TJ944":             {Code{Scheme: ReadV2, Value: "TJ944"}, AllergyRead, false},
		"ALLERGY-READ2-14L1":              {Code{Scheme: ReadV2, Value: "14L1."}, AllergyRead, false},
		"ALLERGY-READ2-ZVu6M":             {Code{Scheme: ReadV2, Value: "ZVu6M"}, AllergyRead, false},
		"ALLERGY-READ2-SN52":              {Code{Scheme: ReadV2, Value: "SN52."}, AllergyRead, false},
		"ALLERGY-READ2-TJ0..":             {Code{Scheme: ReadV2, Value: "TJ0.."}, AllergyRead, false},
		"ALLERGY-EMISDRUGNAME-2529":       {Code{Scheme: EMISLocal, Value: "ALLERGY-EMISDRUGNAME-2529"}, AllergyDrugName, true},
		"ALLERGY-EMISDRUGNAME-999NEMIS":   {Code{Scheme: EMISLocal, Value: "ALLERGY-EMISDRUGNAME-999NEMIS"}, AllergyDrugName, true},
		"ALLERGY-EMISBOTH-4276EGTON":      {Code{Scheme: EMISLocal, Value: "ALLERGY-EMISBOTH-4276EGTON"}, AllergyBoth, true},
		"ALLERGY-EMISDRUGGROUP-4":         {Code{Scheme: EMISLocal, Value: "ALLERGY-EMISDRUGGROUP-4"}, AllergyDrugGroup, true},
		"ALLERGY-EMISCONSTITUENT-118":     {Code{Scheme: EMISLocal, Value: "ALLERGY-EMISCONSTITUENT-118"}, AllergyConstituent, true},
		"ALLERGY-EGTON-EMISNQAD2":         {Code{Scheme: EMISLocal, Value: "ALLERGY-EGTON-EMISNQAD2"}, AllergyEgton, false},
		"ALLERGY-EMISDRUGNAME-EMIS-12/34": {Code{Scheme: EMISLocal, Value: "ALLERGY-EMISDRUGNAME-EMIS-12/34"}, AllergyDrugName, true},
	} {
		code, form, ok := ParseEMISAllergy(native)
		require.True(t, ok, native)
		require.Equal(t, want.code, code, native)
		require.Equal(t, want.form, form, native)
		require.Equal(t, want.drug, form.Drug(), native)
	}
	for _, native := range []string{"", "ALLERGY", "ALLERGY-", "ALLERGY-READ2", "ALLERGY-READ2-", "ALLERGY-READ2-TJ94400", "ALLERGY-READ2-TJ94-1",
		"ALLERGY-READ2-.TJ9", "ALLERGY-READ2-EMIS1", "ALLERGY-READ2-to be", "ALLERGY-EMISDRUGNAME-", "ALLERGY-EMISDRUGNAME-penicillin",
		"ALLERGY-EMISDRUGNAME 2529", "ALLERGY-SNOMED-91936005", "ALLERGY4498EMIS", "allergy-READ2-TJ944", " ALLERGY-READ2-TJ944", "TJ944"} {
		code, form, ok := ParseEMISAllergy(native)
		require.False(t, ok, native)
		require.Equal(t, Code{}, code, native)
		require.Empty(t, form, native)
	}
}

// FuzzParseEMISAllergy: what is accepted is a good code in which the message's spelling can be found again.
func FuzzParseEMISAllergy(f *testing.F) {
	for _, seed := range []string{"ALLERGY-READ2-TJ944", "ALLERGY-READ2-14L1", "ALLERGY-EMISBOTH-4276EGTON", "ALLERGY-EGTON-EMISNQAD2", "ALLERGY-", "TJ944"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, native string) {
		code, form, ok := ParseEMISAllergy(native)
		if !ok {
			require.True(t, code.IsZero())
			return
		}
		require.NoError(t, code.Check())
		if form == AllergyRead {
			require.Equal(t, strings.TrimRight(native, "."), "ALLERGY-READ2-"+strings.TrimRight(code.Value, "."))
			require.Empty(t, code.TermCode)
			return
		}
		require.Equal(t, Code{Scheme: EMISLocal, Value: native}, code)
	})
}
