package record

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseAnnotatedValue(t *testing.T) {
	for text, want := range map[string]AnnotatedValue{
		"Value: >= 5.0 mmol/L":               {Comparator: ">=", Number: "5.0", Unit: "mmol/L"},
		"Value: ~ 40 {units}/wk":             {Comparator: "~", Number: "40", Unit: "{units}/wk"},
		"Value: < 0.010 10*9/L":              {Comparator: "<", Number: "0.010", Unit: "10*9/L"},
		"Value: <= 3 Unk UoM":                {Comparator: "<=", Number: "3", Unit: "Unk UoM"},
		"Value: >5 mg/L":                     {Comparator: ">", Number: "5", Unit: "mg/L"},
		"Value: -1.25 %":                     {Number: "-1.25", Unit: "%"},
		"Value: 007.50 10^12/L":              {Number: "007.50", Unit: "10^12/L"},
		"Value: 20 /d":                       {Number: "20", Unit: "/d"},
		"Value: 37.2 °C":                     {Number: "37.2", Unit: "°C"},
		"Value: 120 mm[Hg]\r\nsitting":       {Number: "120", Unit: "mm[Hg]"},
		"seen at home\nValue:\t12  kg\nwell": {Number: "12", Unit: "kg"},
		"Value: 4":                           {Number: "4"},
		"Value: 142.0 mmol/L\nReference range: 133 - 146. Interpretation Code: Within range": {Number: "142.0", Unit: "mmol/L",
			Range: Range{Low: "133", High: "146"}, Interpretation: "Within range"},
		"Value: 6 mmol/L\nReference range: < 5.20.\nInterpretation Code: Above high reference limit": {Number: "6", Unit: "mmol/L",
			Range: Range{HighOp: "<", High: "5.20"}, Interpretation: "Above high reference limit"},
		"Value: 6 mmol/L\nReference range: >= 5\n(Ongoing Episode. Summary type: Minor)": {Number: "6", Unit: "mmol/L", Range: Range{LowOp: ">=", Low: "5"}},
		"Value: 6 mmol/L\nReference range: -2.5 - -1":                                    {Number: "6", Unit: "mmol/L", Range: Range{Low: "-2.5", High: "-1"}},
		"Value: 6 mmol/L\nReference range: 5":                                            {Number: "6", Unit: "mmol/L", Range: Range{Words: "5"}},
		"Value: 6 mmol/L\nReference range: < 5 - 7":                                      {Number: "6", Unit: "mmol/L", Range: Range{Words: "< 5 - 7"}},
		"Value: 6 mmol/L\nReference range: up to 5.":                                     {Number: "6", Unit: "mmol/L", Range: Range{Words: "up to 5"}},
		"Value: 6 mmol/L\nReference range: 1 - 2\nReference range: 3 - 4":                {Number: "6", Unit: "mmol/L"},
		"Reference range: 1 - 2\nValue: 6 mmol/L":                                        {Number: "6", Unit: "mmol/L"},
	} {
		v, ok := ParseAnnotatedValue(text)
		require.True(t, ok, text)
		require.Equal(t, want, v, text)
	}
}

// What a person may type after the word is never half a number.
func TestParseAnnotatedValueRefuses(t *testing.T) {
	for _, text := range []string{"", "Value:", "Value: ", "Value: high", "Value: 120/80", "Value: 120 /80", "Value: 120 / 80 mmHg", "Value: 5-6 mmol/L",
		"Value: 5 - 6 mmol/L", "Value: 5 -6", "Value: 5 to 6 mmol/L", "Value: 5 to", "Value: 5 or 6 tablets", "Value: 5 times daily", "Value: 1,000 mg",
		"Value: 1 000 mg", "Value: 1e3 mg", "Value: .5 mg", "Value: 5. mg", "Value: 5.0.1", "Value: +5 mg", "Value: ++ 5 mg", "Value: = 5 mmol/L", "Value: >> 5 mmol/L",
		"Value: ≥ 5 mmol/L", "Value: < mmol/L", "Value: 5 mmol/L?", "Value: 5 (low)", "Value: 5 mmol/L, repeat", "Value: not 5", "Value: ٥ mmol/L",
		"value: 5 mmol/L", "The Value: 5 mmol/L", "Old Value: 5", "Value 5 mmol/L", "Values: 5 mmol/L", "Value as recorded: 5 mmol/L",
		"Value: 5 mmol/L\nValue: 6 mmol/L", "Value: 5 mmol/L\nValue: haemolysed", "Value: haemolysed\nValue: 5 mmol/L", "Value: 5 mmol/L\rValue: 6 mmol/L",
		"Reference range: 1 - 2", "Value: 5 mm\x00ol/L"} {
		v, ok := ParseAnnotatedValue(text)
		require.False(t, ok, text)
		require.Zero(t, v, text)
	}
}

// FuzzParseAnnotatedValue: what is read stands in the text, letter for letter, and the number is one.
func FuzzParseAnnotatedValue(f *testing.F) {
	for _, seed := range []string{"Value: >= 5.0 mmol/L", "note\nValue: ~ 4 Unk UoM\nReference range: 1 - 2. Interpretation Code: Low", "Value: 120/80", "Value: 5 or 6"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, ok := ParseAnnotatedValue(text)
		if !ok {
			require.Zero(t, v)
			return
		}
		lines := 0
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(strings.Trim(line, " \t\r"), "Value:") {
				lines++
			}
		}
		require.Equal(t, 1, lines)
		require.Contains(t, []string{"", "~", "<", "<=", ">", ">="}, v.Comparator)
		require.Regexp(t, `^-?[0-9]+(\.[0-9]+)?$`, v.Number)
		for _, part := range []string{v.Comparator, v.Number, v.Unit, v.Range.Low, v.Range.High, v.Range.Words} {
			require.Contains(t, text, part)
		}
		again, ok := ParseAnnotatedValue("Value: " + strings.TrimSpace(v.Comparator+" "+v.Number+" "+v.Unit))
		require.True(t, ok)
		require.Equal(t, AnnotatedValue{Comparator: v.Comparator, Number: v.Number, Unit: v.Unit}, again)
	})
}
