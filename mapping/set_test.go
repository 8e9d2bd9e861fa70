package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func mustSet(t testing.TB, texts ...string) *Set {
	var tables []*Table
	for _, text := range texts {
		tables = append(tables, mustParse(t, text))
	}
	set, faults := NewSet(tables...)
	require.Empty(t, faults)
	return set
}

func read(value, termCode string) Code { return Code{Scheme: ReadV2, Value: value, TermCode: termCode} }

func TestTranslate(t *testing.T) {
	set := mustSet(t, tableText(ReadV2, CTV3, NationalLayer,
		"A1...|00|One|XaAA1||One|equivalent|any|no|",
		"A2...|00|Two|XaAA2||Two|source-is-narrower-than-target|any|yes|",
		"A3...|00|Three|XaAA3||Three|source-is-narrower-than-target|any|no|less is said",
		"A4...|00|Four|XaAA4||Four|source-is-broader-than-target|any|no|",
		"A5...|00|Five|XaAA5||Five|related-to|any|no|",
		"A6...|00|Six||||no-map|any|no|nothing like it"))
	for value, want := range map[string]Answer{
		"A1...": Mapped, "A2...": Mapped, "A3...": Inexact, "A4...": Inexact, "A5...": Inexact, "A6...": AnswerNoMap, "A7...": Unmapped, "A7": Malformed,
	} {
		require.Equal(t, want, set.Translate(read(value, "00"), CTV3).Answer, value)
	}
	require.Equal(t, Unmapped, set.Translate(read("A1...", "11"), CTV3).Answer, "no fall-back from a synonym")
	require.Equal(t, Unmapped, set.Translate(read("a1...", "00"), CTV3).Answer, "codes are case-sensitive")
	require.Equal(t, Unmapped, set.Translate(Code{Scheme: CTV3, Value: "XaAA1"}, ReadV2).Answer, "no table is inverted")
	require.Equal(t, Unmapped, set.Translate(read("A1...", "00"), SNOMED).Answer)
	require.Equal(t, Inexact, set.Translate(read("A2...", "00"), CTV3, AllergyContext).Answer, "assurance does not help an allergy")
	require.Equal(t, Inexact, set.Translate(read("A2...", "00"), CTV3, MedicationContext).Answer)
	require.Equal(t, Mapped, set.Translate(read("A1...", "00"), CTV3, AllergyContext).Answer)

	r := set.Translate(read("A3...", "00"), CTV3)
	require.Equal(t, "XaAA3", r.Target.Value)
	require.Equal(t, Narrower, r.Relation)
	require.Equal(t, "less is said", r.Row().Reason)
	require.Equal(t, 12, r.Line)
	require.Equal(t, "readv2-ctv3", r.Table.ID)

	same := set.Translate(read("A1...", "00"), ReadV2)
	require.Equal(t, Same, same.Answer)
	require.Equal(t, read("A1...", "00"), same.Target)
	require.Equal(t, Malformed, set.Translate(read("A1", "00"), ReadV2).Answer)
	require.True(t, set.Has(ReadV2, CTV3))
	require.False(t, set.Has(CTV3, ReadV2))
}

func TestTranslateAny(t *testing.T) {
	set := mustSet(t,
		tableText(ReadV2, CTV3, LocalLayer, "A1...|00||XaAA1|||related-to|any|no|", "A2...|00|||||no-map|any|no|none"),
		tableText(ReadV2, SNOMED, LocalLayer, "A1...|00||195967001|||equivalent|any|no|"))
	both := []Scheme{CTV3, SNOMED}
	require.Equal(t, "195967001", set.TranslateAny(read("A1...", "00"), both).Target.Value)
	require.Equal(t, AnswerNoMap, set.TranslateAny(read("A2...", "00"), both).Answer)
	require.Equal(t, Inexact, set.TranslateAny(read("A1...", "00"), []Scheme{CTV3, DMD}).Answer)
	require.Equal(t, Unmapped, set.TranslateAny(read("A3...", "00"), both).Answer)
	require.Equal(t, Malformed, set.TranslateAny(read("A3", "00"), both).Answer)
	require.Equal(t, Same, set.TranslateAny(read("A3...", "00"), []Scheme{ReadV2, CTV3}).Answer)
	require.Equal(t, Unmapped, set.TranslateAny(read("A3...", "00"), nil).Answer)
}

func TestTermCodeNotStated(t *testing.T) {
	set := mustSet(t, tableText(ReadV2, CTV3, LocalLayer,
		"A1...|00|One|XaAA1|||equivalent|any|no|", "A1...|11|Uno|XaAA1|||equivalent|any|no|",
		"A2...|00|Two|XaAA2|||equivalent|any|no|", "A2...|11|Duo|XaAB2|||equivalent|any|no|",
		"A3...|11|Three|XaAA3|||equivalent|any|no|",
		"A4...|00|Four|XaAA4|||equivalent|any|no|", "A4...|11|Four|XaAB4|||equivalent|any|no|",
		"A5...|00|Five|XaAA5|||equivalent|any|no|", "A5...|11|Cinq||||no-map|any|no|none",
		"A6...|00|Six|XaAA6|||equivalent|with-value|no|"))
	ask := func(value, term string, contexts ...Context) Result {
		return set.Translate(Code{Scheme: ReadV2, Value: value, Term: term}, CTV3, contexts...)
	}
	require.Equal(t, "XaAA1", ask("A1...", "").Target.Value, "every term has one target")
	require.Equal(t, Ambiguous, ask("A2...", "").Answer)
	require.Equal(t, Ambiguous, ask("A2...", "duo").Answer, "a term is compared byte for byte")
	require.Equal(t, "XaAB2", ask("A2...", "Duo").Target.Value)
	require.Equal(t, Ambiguous, ask("A3...", "").Answer, "the preferred term has no row")
	require.Equal(t, "XaAA3", ask("A3...", "Three").Target.Value)
	require.Equal(t, Ambiguous, ask("A4...", "Four").Answer, "two rows of one term")
	require.Equal(t, Ambiguous, ask("A5...", "").Answer, "one term has no target at all")
	require.Equal(t, AnswerNoMap, ask("A5...", "Cinq").Answer)
	require.Equal(t, Unmapped, ask("A6...", "").Answer, "its only row is for entries with a value")
	require.Equal(t, Mapped, ask("A6...", "", WithValue).Answer)
}

func TestContextPrecedence(t *testing.T) {
	set := mustSet(t, tableText(ReadV2, SNOMED, LocalLayer,
		"2469.|00||163030003|||equivalent|any|no|",
		"2469.|00||72313002|||equivalent|with-value|no|",
		"2469.|00|||||no-map|allergy|no|not an allergy"))
	code := read("2469.", "00")
	require.Equal(t, "163030003", set.Translate(code, SNOMED).Target.Value)
	require.Equal(t, "163030003", set.Translate(code, SNOMED, "problem").Target.Value, "any comes last")
	require.Equal(t, "72313002", set.Translate(code, SNOMED, WithValue, "observation").Target.Value)
	require.Equal(t, "72313002", set.Translate(code, SNOMED, "observation", WithValue).Target.Value)
	require.Equal(t, AnswerNoMap, set.Translate(code, SNOMED, AllergyContext, WithValue).Answer)
	require.Equal(t, "72313002", set.Translate(code, SNOMED, WithValue, AllergyContext).Target.Value)
}

func TestLayers(t *testing.T) {
	layers := []Layer{StarterLayer, NationalLayer, SupplierLayer, LocalLayer}
	rapid.Check(t, func(rt *rapid.T) {
		var texts []string
		want := ""
		for i, layer := range layers {
			switch rapid.SampledFrom([]string{"absent", "target", "no-map"}).Draw(rt, string(layer)) {
			case "target":
				want = fmt.Sprintf("XaA%02d", i)
				texts = append(texts, tableText(ReadV2, CTV3, layer, "A1...|00||"+want+"|||equivalent|any|no|"))
			case "no-map":
				want = "none"
				texts = append(texts, tableText(ReadV2, CTV3, layer, "A1...|00|||||no-map|any|no|decided"))
			}
		}
		order := rapid.Permutation(texts).Draw(rt, "order")
		set := mustSet(t, order...)
		require.Equal(rt, mustSet(t, texts...).Digest(), set.Digest(), "the order given does not matter")
		switch r := set.Translate(read("A1...", "00"), CTV3); want {
		case "":
			require.Equal(rt, Unmapped, r.Answer)
		case "none":
			require.Equal(rt, AnswerNoMap, r.Answer)
		default:
			require.Equal(rt, want, r.Target.Value)
		}
	})
	set := mustSet(t,
		tableText(ReadV2, CTV3, NationalLayer, "A1...|00||XaAA1|||equivalent|any|no|", "A1...|00||XaAB1|||equivalent|problem|no|"),
		tableText(ReadV2, CTV3, LocalLayer, "A1...|00||XaAC1|||equivalent|any|no|"))
	require.Equal(t, "XaAC1", set.Translate(read("A1...", "00"), CTV3).Target.Value)
	require.Equal(t, "XaAB1", set.Translate(read("A1...", "00"), CTV3, "problem").Target.Value, "a layer hides the exact key only")
}

func TestConflictsOfOneLayer(t *testing.T) {
	first := tableText(ReadV2, CTV3, LocalLayer, "A1...|00||XaAA1|||equivalent|any|no|")
	second := strings.Replace(tableText(ReadV2, CTV3, LocalLayer, "A1...|00||XaAB1|||equivalent|any|no|"), "id: readv2-ctv3", "id: other", 1)
	set, faults := NewSet(mustParse(t, first), mustParse(t, second))
	require.Nil(t, set)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].What, "conflicts with")

	agreeing := strings.Replace(first, "id: readv2-ctv3", "id: other", 1)
	_, faults = NewSet(mustParse(t, first), mustParse(t, agreeing))
	require.Empty(t, faults)

	_, faults = NewSet(mustParse(t, first), mustParse(t, first))
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].What, "is in")
}

func TestDigest(t *testing.T) {
	one := tableText(ReadV2, CTV3, LocalLayer, "A1...|00||XaAA1|||equivalent|any|no|")
	set := mustSet(t, one)
	require.Len(t, set.Digest(), 64)
	require.NotEqual(t, set.Digest(), mustSet(t, one+strings.ReplaceAll("A2...|00||XaAA2|||equivalent|any|no|", "|", "\t")).Digest())
	empty, faults := NewSet()
	require.Empty(t, faults)
	require.Equal(t, Unmapped, empty.Translate(read("A1...", "00"), CTV3).Answer)
	set.Tables()[0] = nil
	require.NotNil(t, set.Tables()[0], "a set cannot be changed")
}

func TestEnumerations(t *testing.T) {
	const from, to = Scheme("emisweb.test"), Scheme("systmone.test")
	set := mustSet(t, tableText(from, to, LocalLayer,
		"A||Active thing|active|||equivalent|any|no|",
		"F||Flare-up|Ongoing|||source-is-narrower-than-target|any|no|",
		"B||Broad|Narrow|||source-is-broader-than-target|any|no|",
		"P||Potential problem||||no-map|any|no|nothing fits"))
	flare := Code{Scheme: from, Value: "F"}
	r := set.Translate(flare, to, "problem")
	require.Equal(t, Mapped, r.Answer)
	require.Equal(t, Narrower, r.Relation)
	require.Equal(t, Mapped, set.Translate(flare, to, MedicationContext).Answer)
	require.Equal(t, Inexact, set.Translate(flare, to, AllergyContext).Answer)
	require.Equal(t, Inexact, set.Translate(Code{Scheme: from, Value: "B"}, to).Answer)
	require.Equal(t, "Potential problem", set.Words(Code{Scheme: from, Value: "P"}))
	require.Equal(t, "Q", set.Words(Code{Scheme: from, Value: "Q"}))
}

func TestDrugsNeedEquivalence(t *testing.T) {
	set := mustSet(t, tableText(EMISDrug, DMD, NationalLayer, "META1787||Metformin 500mg tablets|325278007||Metformin 500mg tablets|source-is-narrower-than-target|any|yes|"))
	require.Equal(t, Inexact, set.Translate(Code{Scheme: EMISDrug, Value: "META1787"}, DMD).Answer)
}

func TestTranslateDoesNotAllocate(t *testing.T) {
	set := starterSet(t)
	contexts := []Context{WithValue, "observation"}
	for _, c := range []Code{read("2469.", "00"), read("2469.", ""), read("A9999", "00"), read("bad", "00")} {
		require.Zero(t, testing.AllocsPerRun(100, func() { set.Translate(c, SNOMED, contexts...) }), c.Key())
	}
}
