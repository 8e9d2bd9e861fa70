package mapset_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

func table(t require.TestingT, text string) *mapping.Table {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "# id: "), "\n")
	parsed, faults := mapping.Parse(name+".tsv", strings.NewReader(text), mapping.Options{})
	require.Empty(t, faults)
	return parsed
}

func set(t require.TestingT, texts ...string) *mapping.Set {
	var tables []*mapping.Table
	for _, text := range texts {
		tables = append(tables, table(t, text))
	}
	s, faults := mapping.NewSet(tables...)
	require.Empty(t, faults)
	return s
}

func TestDiffKinds(t *testing.T) {
	national := hand("national", "readv2", "ctv3", "national", "A1...|00|One|XaAA1||Eins|equivalent|any|yes||||", "A2...|00|Two|XaAA2||Zwei|equivalent|any|yes||||",
		"A3...|00|Three|XaAA3||Drei|equivalent|any|yes||||")
	local := func(rows ...string) string { return hand("local", "readv2", "ctv3", "local", rows...) }
	other := hand("other", "ctv3", "snomed", "national", "XaAA1|||195967001|||equivalent|any|yes||||")
	old := set(t, national, other, local("A1...|00|One|XaLL1||Ours|equivalent|any|no||||", "A2...|00|Two|XaLL2||Ours|equivalent|any|no||||",
		"A4...|00|Four|XaLL4||Ours|equivalent|any|no||||", "A5...|00|Five|XaLL5||Ours|equivalent|any|no||||"))
	new := set(t, national, other, local("A2...|00|Two|XaLL2||Ours|source-is-narrower-than-target|any|no||||",
		"A3...|00|Three||||no-map|any|no|not ours|||", "A5...|00|Five|XaLL5||Ours|equivalent|any|no||||", "A6...|00|Six|XaLL6||Ours|equivalent|with-value|no||||"))

	d := mapset.Diff(old, new)
	require.Equal(t, old.Digest(), d.Old)
	require.Equal(t, new.Digest(), d.New)
	require.Equal(t, mapset.Counts{Added: 1, Removed: 1, Retargeted: 2, Changed: 1}, d.Counts)
	require.Len(t, d.Directions, 1, "the other direction is the same")
	require.Equal(t, d.Counts, d.Directions[0].Counts)
	examples := map[string]mapset.Example{}
	for _, e := range d.Directions[0].Examples {
		examples[e.Code] = e
	}
	require.Len(t, examples, 5)
	uncovered := examples["A1..."]
	require.Equal(t, mapset.Retargeted, uncovered.Change, "the national row answers now")
	require.Equal(t, mapset.Side{Code: "XaLL1", Term: "Ours", Relation: mapping.Equivalent, Table: "local 1", At: "local.tsv:10"}, *uncovered.Old)
	require.Equal(t, mapset.Side{Code: "XaAA1", Term: "Eins", Relation: mapping.Equivalent, Assured: true, Table: "national 1", At: "national.tsv:10"}, *uncovered.New)
	require.Equal(t, mapset.Changed, examples["A2..."].Change)
	require.Equal(t, []string{"relation"}, examples["A2..."].What)
	require.Empty(t, examples["A3..."].What, "sides with different targets show it all")
	require.Equal(t, mapset.Retargeted, examples["A3..."].Change)
	require.Empty(t, examples["A3..."].New.Code)
	require.Equal(t, mapset.Removed, examples["A4..."].Change)
	require.Nil(t, examples["A4..."].New)
	require.Equal(t, mapset.Added, examples["A6..."].Change)
	require.Equal(t, mapping.WithValue, examples["A6..."].Context)

	require.Zero(t, mapset.Diff(old, old).Total())
	require.Equal(t, 6, mapset.Diff(nil, old).Added)
	require.Equal(t, 6, mapset.Diff(old, nil).Removed)
	require.Zero(t, mapset.Diff(nil, nil).Total())

	text, err := json.Marshal(d)
	require.NoError(t, err)
	require.Contains(t, string(text), `"added":1,"removed":1,"retargeted":2,"changed":1,"directions":[{"from":"readv2","to":"ctv3","added":1`)
	require.Contains(t, string(text), `{"change":"removed","code":"A4...","term_code":"00","term":"Four","old":{"code":"XaLL4","term":"Ours","relation":"equivalent","table":"local 1","at":"local.tsv:12"}}`)
}

func TestDiffOfMovedAndHistoryTables(t *testing.T) {
	rows := []string{"A1...|00|One|XaAA1||Eins|equivalent|any|no||||"}
	old, new := set(t, hand("x", "readv2", "ctv3", "local", rows...)), set(t, hand("x", "readv2", "ctv3", "supplier", rows...))
	require.Zero(t, mapset.Diff(old, new).Total(), "another layer says the same")

	history := func(rows ...string) string {
		return strings.Replace(hand("h", "snomed", "snomed", "national", rows...), "# licence", "# purpose: history\n# licence", 1)
	}
	common := strings.Replace(history("161591004||Old|195967001||New|equivalent|any|no||||"), "# id: h\n", "# id: c\n", 1)
	d := mapset.Diff(set(t, common, history("195967001||Old|161600004||New|equivalent|any|no||||")), set(t, common, history("195967001||Old|160244002||New|equivalent|any|no||||")))
	require.Equal(t, mapset.Counts{Retargeted: 1}, d.Counts)
}

func TestDiffExamplesAreBounded(t *testing.T) {
	var many []string
	for n := range 50 {
		many = append(many, fmt.Sprintf("A%02d..|00|One|XaAA1||Eins|equivalent|any|no||||", n))
	}
	d := mapset.Diff(nil, set(t, plain(many...)))
	require.Equal(t, 50, d.Added)
	require.Len(t, d.Directions[0].Examples, 20)
	require.Equal(t, "A19..", d.Directions[0].Examples[19].Code)
}

// key is what a row answers for.
type key struct {
	code    string
	term    string
	context mapping.Context
}

// layered draws one table per layer, which may be missing, over few keys, so that layers hide and uncover each other.
func layered(t *rapid.T, label string) (texts []string) {
	for _, layer := range []string{"national", "supplier", "local"} {
		var rows []string
		for _, code := range []string{"A1...", "A2...", "A3..."} {
			for _, term := range []string{"00", "11"} {
				for _, context := range []string{"any", "with-value", "problem"} {
					target := rapid.SampledFrom([]string{"", "", "", "XaAA1||Eins|equivalent", "XaAA2||Zwei|equivalent", "XaAA2||Zwei|related-to", "||  |no-map"}).Draw(t, label)
					if target == "" {
						continue
					}
					rows = append(rows, strings.ReplaceAll(fmt.Sprintf("%s|%s|Words|%s|%s|no|why|||", code, term, target, context), "  ", ""))
				}
			}
		}
		if len(rows) > 0 {
			texts = append(texts, hand(layer, "readv2", "ctv3", layer, rows...))
		}
	}
	return texts
}

// What Diff says of every key is what Translate answers before and after.
func TestDiffIsWhatTranslateAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		oldTexts, newTexts := layered(t, "old"), layered(t, "new")
		for i, text := range newTexts { // often a layer is left as it was
			if i < len(oldTexts) && rapid.Bool().Draw(t, "same") && header1(oldTexts[i]) == header1(text) {
				newTexts[i] = oldTexts[i]
			}
		}
		old, new := set(t, oldTexts...), set(t, newTexts...)
		d := mapset.Diff(old, new)
		said := map[key]mapset.Example{}
		for _, way := range d.Directions {
			for _, e := range way.Examples {
				said[key{e.Code, e.TermCode, e.Context}] = e
			}
		}
		require.Len(t, said, d.Total(), "18 keys: every change is an example")
		for _, code := range []string{"A1...", "A2...", "A3..."} {
			for _, term := range []string{"00", "11"} {
				for _, context := range []mapping.Context{mapping.Any, mapping.WithValue, "problem"} {
					k := key{code, term, context}
					before, after := answer(old, k), answer(new, k)
					e, changed := said[k]
					require.Equal(t, before != after, changed, k)
					if !changed {
						continue
					}
					require.Equal(t, before, spoken(e.Old), k)
					require.Equal(t, after, spoken(e.New), k)
					kind := mapset.Changed
					switch {
					case before == "":
						kind = mapset.Added
					case after == "":
						kind = mapset.Removed
					case before[:5] != after[:5]:
						kind = mapset.Retargeted
					}
					require.Equal(t, kind, e.Change)
				}
			}
		}
		reverse := mapset.Diff(new, old).Counts
		require.Equal(t, mapset.Counts{Added: d.Removed, Removed: d.Added, Retargeted: d.Retargeted, Changed: d.Changed}, reverse)
	})
}

func header1(text string) string { return text[:strings.IndexByte(text, '\n')] }

// answer is the row of exactly one key in words, or "".
func answer(s *mapping.Set, k key) string {
	r := s.Translate(mapping.Code{Scheme: mapping.ReadV2, Value: k.code, TermCode: k.term}, mapping.CTV3, k.context)
	row := r.Row()
	if r.Table == nil || row.Context != k.context || row.Source.TermCode != k.term {
		return ""
	}
	return fmt.Sprintf("%-5s %s %s", row.Target.Value, row.Relation, row.Target.Term)
}

// What a reviewer must see of a changed row, if only its reason is another.
func TestDiffSaysWhatChanged(t *testing.T) {
	row := func(terms, rest string) *mapping.Set {
		return set(t, hand("local", "readv2", "ctv3", "local", "A1...|00|"+terms+"|equivalent|any|"+rest))
	}
	old := row("One|XaAA1||Eins", "no|asked the lead|||")
	for _, c := range []struct {
		new  *mapping.Set
		what []string
	}{
		{row("One|XaAA1||Eins", "no|read in both browsers|||"), []string{"reason"}},
		{row("One|XaAA1||Eins", "yes|asked the lead|||"), []string{"assured"}},
		{row("First|XaAA1||Erstes", "no||||"), []string{"source term", "target term", "reason"}},
	} {
		example := mapset.Diff(old, c.new).Directions[0].Examples[0]
		require.Equal(t, mapset.Changed, example.Change)
		require.Equal(t, c.what, example.What)
		require.Equal(t, "asked the lead", example.Old.Reason)
		require.Equal(t, slices.Contains(c.what, "source term"), example.Old.Source == "One" && example.New.Source == "First")
	}
}

func spoken(s *mapset.Side) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%-5s %s %s", s.Code, s.Relation, s.Term)
}

func BenchmarkDiffOfOneRowOverALargeTable(b *testing.B) {
	var rows []string
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for n := range 26 * 26 * 26 * 4 {
		rows = append(rows, fmt.Sprintf("%c%c%c%c.|00|One|XaAA1||Eins|equivalent|any|yes||||", letters[n/26/26/26], letters[n/26/26%26], letters[n/26%26], letters[n%26]))
	}
	slices.Sort(rows)
	national := table(b, hand("national", "readv2", "ctv3", "national", rows...))
	old, faults := mapping.NewSet(national, table(b, version(1)))
	require.Empty(b, faults)
	new, faults := mapping.NewSet(national, table(b, version(2)))
	require.Empty(b, faults)
	for b.Loop() {
		mapset.Diff(old, new)
	}
}
