package systmone

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Words, doses, quantities and numbers come back byte for byte, whatever
// characters they hold.
func TestResponse_Verbatim(t *testing.T) {
	words := rapid.StringMatching(`[ -~£µ½é\t]{0,12}[!-~µ][ -~\n\r]{0,20}`)
	digits := rapid.StringMatching(`-?[0-9]{1,4}(\.[0-9]{1,4})?`)
	rapid.Check(t, func(t *rapid.T) {
		drugged := &record.Entry{Kind: record.KindMedication, Text: words.Draw(t, "drug"), Code: drugTarget,
			Medication: &record.MedicationBody{Type: itemAcute, Dosage: words.Draw(t, "dose"), QuantityWords: words.Draw(t, "quantity"), EndReason: words.Draw(t, "reason")}}
		result := &record.Entry{Kind: record.KindResult, Text: words.Draw(t, "term"), Code: asthmaTarget,
			Texts: []record.Text{{Value: words.Draw(t, "comment")}},
			Value: &record.Value{Number: digits.Draw(t, "number"), Unit: "mmol/L"}}
		note := &record.Entry{Kind: record.KindNote, Text: words.Draw(t, "note")}
		allergic := &record.Entry{Kind: record.KindAllergy, Text: words.Draw(t, "substance"), Code: drugTarget,
			Allergy: &record.Allergy{Class: record.AllergyDrug, Type: mapping.Code{Scheme: schemeSensitivityType, Value: "Drug", Term: "Drug"}},
			Texts:   []record.Text{{Value: words.Draw(t, "reaction")}}}
		c := &record.Entry{Kind: record.KindConsultation, Consultation: &record.Consultation{}}
		for _, e := range []*record.Entry{drugged, result, note, allergic} {
			c.Consultation.Items = append(c.Consultation.Items, record.Item{Entry: e})
		}
		rec := foreign(c, drugged, result, note, allergic)
		rec.CarryExact()
		codec, err := System().New(options())
		require.NoError(t, err)
		codec.Fit(rec)
		rec.Settle(record.AllSections)
		out, err := codec.EncodeResponse(everything, record.Answered(rec), answerID)
		require.NoError(t, err)
		p, err := codec.DecodeResponse(t.Context(), out)
		require.NoError(t, err)
		for _, want := range rec.Entries[1:] {
			got := first(p.Record(), want.Kind, want.Text)
			require.NotNil(t, got, "%s %q", want.Kind, want.Text)
			require.Equal(t, want.Texts, got.Texts)
			if m := want.Medication; m != nil {
				require.Equal(t, []string{m.Dosage, m.QuantityWords, m.EndReason}, []string{got.Medication.Dosage, got.Medication.QuantityWords, got.Medication.EndReason})
			}
			if v := want.Value; v != nil {
				require.Equal(t, v, got.Value)
			}
		}
	})
}

func first(rec *record.Record, kind record.Kind, text string) *record.Entry {
	for _, e := range rec.Entries {
		if e.Kind == kind && e.Text == text {
			return e
		}
	}
	return nil
}
