package systmone

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// annotatedEntry is nora's record with one ClinicalCode more.
func annotatedEntry(t testing.TB, children string) []byte {
	const event = "</Event>"
	msg := patientFile(t, "nora-quillfeather")
	at := bytes.Index(msg, []byte(event))
	require.Positive(t, at)
	code := `<ClinicalCode><Code Scheme="CTV3" Code="XE2e0" Term="Serum urate"/>` + children + `</ClinicalCode>`
	return append(append(append([]byte{}, msg[:at]...), code...), msg[at:]...)
}

func comparator(value, term string) mapping.Code {
	return mapping.Code{Scheme: schemeComparator, Value: value, Term: term}
}

// TestAnnotatedValue reads a result that stands in the free text alone, beside
// which the text stays as it was written.
func TestAnnotatedValue(t *testing.T) {
	for text, want := range map[string]record.Value{
		"Value: 5.40 mmol/L":       {Number: "5.40", Unit: "mmol/L"},
		"Value: ~ 5.0 mmol/L":      {Number: "5.0", Unit: "mmol/L", Comparator: comparator("3", "approximately")},
		"Value: &gt;= 5.0 mmol/L":  {Number: "5.0", Unit: "mmol/L", Comparator: comparator("5", "greater than or equal to")},
		"Value: &gt; 5.0 mmol/L":   {Number: "5.0", Unit: "mmol/L", Comparator: comparator("6", "greater than")},
		"Value: &lt; 5.0 mmol/L":   {Number: "5.0", Unit: "mmol/L", Comparator: comparator("7", "less than")},
		"Value: &lt;= 5.0 mmol/L":  {Number: "5.0", Unit: "mmol/L", Comparator: comparator("8", "less than or equal to")},
		"Value: 5.0 Unk UoM":       {Number: "5.0", Unit: "Unk UoM"},
		"sent on&#10;Value: 5.0 /": {},
		"sent on&#10;Value: 6.1 mmol/L&#10;Reference range: 3.5 - 5.3. Interpretation Code: Above range&#10;(Ongoing Episode. Summary type: Minor)": {
			Number: "6.1", Unit: "mmol/L", Ranges: []record.Range{{Low: "3.5", High: "5.3"}}, AbnormalAs: "Above range"},
	} {
		rec := decode(t, annotatedEntry(t, "<FreeText>"+text+"</FreeText>"))
		if want.Number == "" {
			require.Nil(t, find(t, rec, record.KindObservation, "Serum urate").Value, text)
			continue
		}
		e := find(t, rec, record.KindResult, "Serum urate")
		require.Equal(t, want, *e.Value, text)
		require.Len(t, e.Texts, 1)
		require.Contains(t, e.Texts[0].Value, "Value: ")
		require.Empty(t, rec.Faults(record.Investigations))
		require.Empty(t, rec.Faults(record.Observations))

		again := find(t, withoutHead(t, decode(t, encode(t, carried(t, rec)))), record.KindResult, "Serum urate")
		require.Equal(t, want.Number, again.Value.Number, text)
		require.Equal(t, want.Unit, again.Value.Unit, text)
		if want.Comparator.IsZero() {
			require.Contains(t, []string{"", "4"}, again.Value.Comparator.Value, text)
		} else {
			require.Equal(t, want.Comparator, again.Value.Comparator, text)
		}
	}
}

// TestAnnotatedValue_OwnValueCounts: the words of a text never stand against
// the elements, and an element that belongs to a number nobody sent is no part
// of the one in the text.
func TestAnnotatedValue_OwnValueCounts(t *testing.T) {
	const text = "<FreeText>Value: 9.9 mmol/L</FreeText>"
	own := find(t, decode(t, annotatedEntry(t, "<Value>5.4</Value><Units>mmol/L</Units><Comparator>7</Comparator>"+text)), record.KindResult, "Serum urate")
	require.Equal(t, record.Value{Number: "5.4", Unit: "mmol/L", Comparator: comparator("7", "less than")}, *own.Value)
	require.Equal(t, []record.Text{{Value: "Value: 9.9 mmol/L"}}, own.Texts)
	for _, element := range []string{"<Units>g/L</Units>", "<Comparator>7</Comparator>", "<Comparator>9</Comparator>"} {
		e := find(t, decode(t, annotatedEntry(t, element+text)), record.KindObservation, "Serum urate")
		require.Nil(t, e.Value, element)
		require.Len(t, e.Notes, 1, element)
	}
}

// TestAnnotatedValue_OfResultsOnly: what is a problem, an allergy or a
// relative's stays so, with its text.
func TestAnnotatedValue_OfResultsOnly(t *testing.T) {
	const text = "<FreeText>Value: 9.9 mmol/L</FreeText>"
	for mark, kind := range map[string]record.Kind{"<ProblemUID>00000000000000b1</ProblemUID>": record.KindProblem, "<IsAllergy/>": record.KindAllergy,
		"<IsFamilyHistory/>": record.KindFamilyHistory} {
		e := find(t, decode(t, annotatedEntry(t, mark+text)), kind, "Serum urate")
		require.Nil(t, e.Value, mark)
		require.Equal(t, []record.Text{{Value: "Value: 9.9 mmol/L"}}, e.Texts)
	}
}
