package myrecord

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// TestParseRefuses what encoding/json lets pass, or what is no JSON, with an
// offset and no word of it.
func TestParseRefuses(t *testing.T) {
	for what, in := range map[string]string{
		"nothing":                       "",
		"a list":                        `[]`,
		"a text":                        `"Quillfeather"`,
		"null":                          `null`,
		"a key twice":                   `{"a":1,"a":1}`,
		"a key twice, spelt otherwise":  `{"a":1,"\u0061":2}`,
		"a key twice further in":        `{"a":[{"b":{"Quillfeather":1,"Quillfeather":2}}]}`,
		"something after":               `{"a":1} 2`,
		"a second document":             `{"a":1}{"a":1}`,
		"a comma after":                 `{"a":1},`,
		"an integer beyond 64 bits":     `{"a":9223372036854775808}`,
		"the same below":                `{"a":-9223372036854775809}`,
		"an exponent beyond":            `{"a":1e400}`,
		"a float beyond":                `{"a":9.3e18}`,
		"a long number":                 `{"a":` + strings.Repeat("9", 5000) + `}`,
		"no UTF-8":                      "{\"a\":\"Quillfeather\xc3\"}",
		"an overlong NUL":               "{\"a\":\"\xc0\x80\"}",
		"a byte order mark further in":  "{\ufeff\"a\":1}",
		"a control character in a text": "{\"a\":\"Quill\x00feather\"}",
		"a leading zero":                `{"a":01}`,
		"a word that is none":           `{"a":NaN}`,
		"a comment":                     `{"a":1/**/}`,
		"single quotation marks":        `{'a':1}`,
		"a key that is no text":         `{1:1}`,
		"no value":                      `{"a":}`,
		"a trailing comma":              `{"a":1,}`,
		"lists too deep":                `{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`,
		"objects too deep":              strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1),
		"depth without end":             `{"a":` + strings.Repeat("[", 1_000_000),
		"too many values":               `{"a":[` + strings.Repeat("1,", maxValues) + `1]}`,
		"too many keys":                 `{"a":[` + strings.Repeat("{},", maxValues) + `{}]}`,
	} {
		o, err := Parse(t.Context(), []byte(in))
		require.Nil(t, o, what)
		require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err), what)
		require.Contains(t, err.Error(), "offset", what)
		require.NotContains(t, err.Error(), "Quill", what)
	}
}

// TestParseAccepts what is within the limits.
func TestParseAccepts(t *testing.T) {
	for _, in := range []string{`{}`, " {\"a\" : [ ] }\n", `{"a":9223372036854775807,"b":-9223372036854775808,"c":0.1234567890123456789}`, `{"a":{"b":1},"c":{"b":1}}`,
		`{"a":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`} {
		_, err := Parse(t.Context(), []byte(in))
		require.NoError(t, err, in)
	}
}

// TestParseIsCutShort by the end of its context, as a reason of its own.
func TestParseIsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Parse(ctx, []byte(`{"a":[`+strings.Repeat("1,", 10_000)+`1]}`))
	require.Equal(t, record.ReasonTimeout, record.ReasonOf(err))
}

// TestParseCutAnywhere: no beginning of a document is one.
func TestParseCutAnywhere(t *testing.T) {
	for n := range strings.TrimSpace(whole) {
		_, err := Parse(t.Context(), []byte(whole[:n]))
		require.Error(t, err, n)
	}
}

// TestSpell writes members and what lists hold as elements, texts as XML has
// them, and refuses a member that can be no element.
func TestSpell(t *testing.T) {
	out, err := Spell([]byte(`{"allergies":{"hasAccess":true,"count":2,"data":[{"id":"a<1>"},{"id":"\u0026 2"}]},"none":null}`))
	require.NoError(t, err)
	require.Equal(t, "<my-record><allergies><hasAccess></hasAccess><count>2</count><data><item><id>a&lt;1&gt;</id></item><item><id>&amp; 2</id></item></data></allergies><none></none></my-record>", string(out))
	for _, in := range []string{`{"a b":1}`, `{"":1}`, `{"1":1}`, `{"a":`, ``} {
		_, err := Spell([]byte(in))
		require.Error(t, err, in)
	}
}

// FuzzParse: nothing panics, what is refused gives nothing, and what is read has
// an entry for each that was counted or says that a section is not whole.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"allergies":{"hasAccess":"true","hasErrored":false,"count":1,"data":[{"id":1,"description":null}]}}`))
	f.Add([]byte(`{"nhs":"9998193036","surname":"Quillfeather"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		o, err := Parse(context.Background(), in)
		if err != nil {
			require.Nil(t, o)
			return
		}
		if IsDetails(o) {
			_, _ = Details(o)
			return
		}
		rec, counts, err := Decode(o, in, 0)
		if err != nil {
			require.Nil(t, rec)
			return
		}
		rec.Reconcile(Entries(), counts)
		rec.CarryExact()
		Fit(rec)
		rec.Settle(record.AllSections)
		out, err := Encode(rec, rec.Head(record.AllSections))
		require.NoError(t, err)
		_, err = Parse(context.Background(), out)
		require.NoError(t, err)
		_, err = Spell(out)
		require.NoError(t, err)
	})
}
