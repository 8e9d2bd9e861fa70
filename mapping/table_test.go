package mapping

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawRows makes rows of distinct keys, and some that are not mapped.
func drawRows(t *rapid.T) []Row {
	keys := map[rowKey]bool{}
	var rows []Row
	for range rapid.IntRange(0, 300).Draw(t, "rows") {
		row := Row{
			Source:   Code{Scheme: ReadV2, Value: rapid.StringMatching(`[A-D][0-9][.]{3}`).Draw(t, "value"), TermCode: rapid.StringMatching(`[01][0-3]`).Draw(t, "term code"), Term: "One"},
			Target:   Code{Scheme: CTV3, Value: rapid.StringMatching(`X[a-c][A-C][0-9]{2}`).Draw(t, "target"), Term: "One"},
			Relation: rapid.SampledFrom([]Relation{Equivalent, Narrower, Related}).Draw(t, "relation"),
			Context:  rapid.SampledFrom([]Context{Any, WithValue, "problem"}).Draw(t, "context"),
			Assured:  rapid.Bool().Draw(t, "assured"),
			Reason:   rapid.SampledFrom([]string{"", "looked at", "größer"}).Draw(t, "reason"),
			Reviewer: rapid.SampledFrom([]string{"", "A Reviewer"}).Draw(t, "reviewer"),
		}
		if rapid.Bool().Draw(t, "no map") {
			row.Target, row.Relation, row.Reason = Code{}, NoMap, "none"
		}
		if keys[row.key()] {
			continue
		}
		keys[row.key()] = true
		rows = append(rows, row)
	}
	return rows
}

func (r *Row) key() rowKey { return rowKey{r.Source.Value, r.Source.TermCode, r.Context} }

// bare is the row as it was before it was written: without its line and its classes.
func (r Row) bare() Row {
	r.Line, r.Class, r.TargetClass = 0, Unknown, Unknown
	return r
}

var testHeader = Header{ID: "readv2-ctv3", Version: "1", From: ReadV2, To: CTV3, Layer: LocalLayer, Licence: "none", Source: "a test", Author: "A Author"}

// What Write writes Parse reads, row by row; every row is found by its key, and nothing else is.
func TestWriteAndParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		var text bytes.Buffer
		require.NoError(t, Write(&text, testHeader, rows))
		table, faults := Parse("t.tsv", bytes.NewReader(text.Bytes()), Options{})
		require.Empty(t, faults)
		require.Equal(t, testHeader, table.Header)
		require.Equal(t, len(rows), table.Len())
		var again bytes.Buffer
		require.NoError(t, Write(&again, table.Header, slices.Collect(table.Rows())))
		require.Equal(t, text.String(), again.String())

		set, faults := NewSet(table)
		require.Empty(t, faults)
		for _, row := range rows {
			r := set.Translate(Code{Scheme: ReadV2, Value: row.Source.Value, TermCode: row.Source.TermCode}, CTV3, row.Context)
			require.Equal(t, row, r.Row().bare())
			require.Equal(t, row.Target.Value, r.Target.Value)
			require.Equal(t, row.Target.Term, r.Code().Term)
		}
		require.Equal(t, Unmapped, set.Translate(Code{Scheme: ReadV2, Value: "E1...", TermCode: "00"}, CTV3).Answer)
	})
}

// The order of the rows in the file changes nothing but their lines.
func TestOrderOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		read := func(rows []Row) []Row {
			var text bytes.Buffer
			require.NoError(t, Write(&text, testHeader, nil))
			for i := range rows {
				text.WriteString(oneRow(&rows[i]))
			}
			table, faults := Parse("t.tsv", strings.NewReader(strings.Replace(text.String(), "\treason\n", "\treason\tvalid_from\tvalid_to\treviewer\n", 1)), Options{})
			require.Empty(t, faults)
			var found []Row
			for row := range table.Rows() {
				require.Equal(t, rows[row.Line-10], row.bare(), "its own line")
				found = append(found, row.bare())
			}
			return found
		}
		require.Equal(t, read(rows), read(rapid.Permutation(rows).Draw(t, "order")))
	})
}

func oneRow(row *Row) string {
	var b bytes.Buffer
	out := bufio.NewWriter(&b)
	writeRow(out, row, columnCount)
	out.Flush()
	return b.String()
}

// The words of a large table stay in its file; where the file no longer has the row they are missing, and the codes
// are not.
func TestWordsOfALargeTable(t *testing.T) {
	var rows []Row
	for i := range 30_000 {
		value := fmt.Sprintf("%c%c%c%c.", 'A'+i/17576%26, 'A'+i/676%26, 'A'+i/26%26, 'A'+i%26)
		rows = append(rows, Row{Source: Code{Scheme: ReadV2, Value: value, TermCode: "00", Term: "Term " + value}, Relation: Equivalent,
			Target: Code{Scheme: CTV3, Value: "X" + value[:4], Term: "Term " + value}})
	}
	file := filepath.Join(t.TempDir(), "large.tsv")
	out, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, Write(out, testHeader, rows))
	require.NoError(t, out.Close())
	table, faults := ReadFile(os.DirFS(filepath.Dir(file)), "large.tsv", Options{})
	require.Empty(t, faults)
	require.NotNil(t, table.words.file)
	n := 0
	for row := range table.Rows() {
		require.Equal(t, rows[n], row.bare())
		n++
	}
	set, faults := NewSet(table)
	require.Empty(t, faults)
	for _, i := range []int{0, 15, 16, 17, 12345, len(rows) - 1} {
		require.Equal(t, rows[i], set.Translate(rows[i].Source, CTV3).Row().bare())
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append([]byte("# one more line\n"), text...), 0o600))
	r := set.Translate(rows[12345].Source, CTV3)
	require.Equal(t, rows[12345].Target.Value, r.Code().Value)
	require.Empty(t, r.Code().Term)
	require.NoError(t, os.Truncate(file, 100))
	require.Equal(t, Mapped, set.Translate(rows[12345].Source, CTV3).Answer)
	require.Empty(t, set.Translate(rows[12345].Source, CTV3).Code().Term)
}

// datedText is a table with the columns for days.
func datedText(rows ...string) string {
	return strings.Replace(tableText(ReadV2, CTV3, LocalLayer, rows...), "\treason\n", "\treason\tvalid_from\tvalid_to\treviewer\n", 1)
}

func TestDays(t *testing.T) {
	text := datedText(
		"A1...|00||XaAA1|||equivalent|any|no|||2026-03-31|",
		"A1...|00||XaAA2|||equivalent|any|no||2026-04-01||A Reviewer",
		"A2...|00||XaAA3|||equivalent|any|no||2026-06-01|2026-06-30|",
		"A3...|00||XaAA4|||equivalent|any|no||||")
	for _, c := range []struct{ day, a1, a2, until string }{
		{"2026-03-31", "XaAA1", "", "2026-04-01"},
		{"2026-04-01", "XaAA2", "", "2026-06-01"},
		{"2026-06-30", "XaAA2", "XaAA3", "2026-07-01"},
		{"2026-07-01", "XaAA2", "", ""},
	} {
		table, faults := Parse("t.tsv", strings.NewReader(text), Options{Day: c.day})
		require.Empty(t, faults)
		set, faults := NewSet(table)
		require.Empty(t, faults)
		require.Equal(t, c.a1, set.Translate(read("A1...", "00"), CTV3).Target.Value, c.day)
		require.Equal(t, c.a2, set.Translate(read("A2...", "00"), CTV3).Target.Value, c.day)
		require.Equal(t, "XaAA4", set.Translate(read("A3...", "00"), CTV3).Target.Value, c.day)
		require.Equal(t, c.until, set.Until(), c.day)
	}
	for _, c := range []struct{ want, first, second string }{
		{"in force on the same days as line 10", "||2026-04-01|", "|2026-04-01||"},
		{"in force on the same days as line 10", "|||", "|2026-04-01||"},
		{"valid_to before valid_from", "||2026-01-01|", "|2026-04-02|2026-04-01|"},
		{"a validity that is not a date", "||2026-01-01|", "|1/4/2026||"},
	} {
		row := func(target, days string) string { return "A1...|00||" + target + "|||equivalent|any|no|" + days }
		_, faults := Parse("t.tsv", strings.NewReader(datedText(row("XaAA1", c.first), row("XaAA2", c.second))), Options{})
		require.Len(t, faults, 1, c.want)
		require.Equal(t, c.want, faults[0].What)
	}
}

// Superseded codes find the rows of the current one before they are unmapped.
func TestHistory(t *testing.T) {
	const old, current, retired = "322236009", "42104811000001109", "319799004"
	history := strings.Replace(tableText(DMD, DMD, NationalLayer, old+"|||"+current+"|||equivalent|any|no|", retired+"|||||"+"|no-map|any|no|retired"), "# use:", "# purpose: history\n# use:", 1)
	drugs := tableText(DMD, EMISDrug, SupplierLayer, current+"||Paracetamol|PATA1||Paracetamol|equivalent|any|no|")
	set := mustSet(t, strings.ReplaceAll(history, "|||", "||"), drugs)
	r := set.Translate(Code{Scheme: DMD, Value: old}, EMISDrug)
	require.Equal(t, Mapped, r.Answer)
	require.True(t, r.Superseded)
	require.Equal(t, "PATA1", r.Target.Value)
	require.False(t, set.Translate(Code{Scheme: DMD, Value: current}, EMISDrug).Superseded)
	require.Equal(t, Unmapped, set.Translate(Code{Scheme: DMD, Value: retired}, EMISDrug).Answer)
	require.Equal(t, Same, set.Translate(Code{Scheme: DMD, Value: old}, DMD).Answer, "as it was recorded")
	all := set.Explain(Code{Scheme: DMD, Value: old}, EMISDrug)
	require.Len(t, all, 2)
	require.True(t, all[0].Won)
	require.Equal(t, current, all[0].Row.Source.Value)
	require.Equal(t, old, all[1].Row.Source.Value)
	require.Equal(t, "says which code replaced it", all[1].Why)
	all = set.Explain(Code{Scheme: DMD, Value: old}, DMD)
	require.Len(t, all, 1)
	require.False(t, all[0].Won, "Translate answers that it stays")
}

// dictionary is a small one for tests; it knows the terms of a scheme.
type dictionary map[Code]string

func (d dictionary) Holds(s Scheme) bool {
	for c := range d {
		if c.Scheme == s {
			return true
		}
	}
	return false
}

func (d dictionary) Look(c Code) (string, bool, bool) {
	c.Term = ""
	term, found := d[c]
	return strings.TrimPrefix(term, "retired: "), !strings.HasPrefix(term, "retired: "), found
}

func TestClassesByDictionary(t *testing.T) {
	known := dictionary{
		read("A1...", "00"): "Asthma", read("A2...", "00"): "FH: Asthma",
		{Scheme: CTV3, Value: "XaAA1"}: "Asthma", {Scheme: CTV3, Value: "XaAA2"}: "No asthma", {Scheme: CTV3, Value: "XaAA3"}: "retired: Asthma",
		{Scheme: EMISDrug, Value: "META1787"}: "Metformin", {Scheme: DMD, Value: "325278007"}: "Metformin",
	}
	for _, c := range []struct {
		row     string
		with    Dictionary
		fault   string
		warning string
	}{
		{"A1...|00|Asthma|XaAA1||Asthma|equivalent|any|no|", known, "", ""},
		{"A1...|00||XaAA1|||equivalent|any|no|", known, "", ""},
		{"A1...|00||XaAA1|||equivalent|any|no|", nil, "", "rows without both terms"},
		{"A1...|00||XaAA2|||equivalent|any|no|", known, "the source term is present, the target term negated", ""},
		{"A2...|00||XaAA1|||equivalent|any|no|", known, "the source term is family-history, the target term present", ""},
		{"A2...|00|Asthma|XaAA1||Asthma|equivalent|any|no|", known, "the source term is present, the dictionary's term family-history", ""},
		{"A1...|00|Wheeze|XaAA1||Asthma|equivalent|any|no|", known, "", "source terms that differ from the dictionary's"},
		{"A1...|00||XaAA3|||equivalent|any|no|", known, "", "targets no longer in use"},
		{"A1...|00||XaAB9||Asthma|equivalent|any|no|", known, "", "targets that no loaded dictionary has"},
		{"A1...|00||XaAA1|||equivalent|allergy|no|", nil, "an allergy or medication row without both terms", ""},
		{"A1...|00||XaAA1|||equivalent|medication|no|", nil, "an allergy or medication row without both terms", ""},
		{"A1...|00||XaAA1|||equivalent|allergy|no|", known, "", ""},
	} {
		table, faults := Parse("t.tsv", strings.NewReader(tableText(ReadV2, CTV3, LocalLayer, c.row)), Options{Dictionary: c.with})
		if c.fault != "" {
			require.Len(t, faults, 1, c.row)
			require.Equal(t, c.fault, faults[0].What)
			continue
		}
		require.Empty(t, faults, c.row)
		if c.warning == "" {
			require.Empty(t, table.Warnings(), c.row)
			continue
		}
		require.Len(t, table.Warnings(), 1, c.row)
		require.Equal(t, c.warning, table.Warnings()[0].What)
		require.Equal(t, 1, table.Warnings()[0].Count)
	}
	drug := tableText(EMISDrug, DMD, LocalLayer, "META1787|||325278007|||equivalent|any|no|")
	_, faults := Parse("t.tsv", strings.NewReader(drug), Options{})
	require.Len(t, faults, 1)
	_, faults = Parse("t.tsv", strings.NewReader(drug), Options{Dictionary: known})
	require.Empty(t, faults)
}

// A row for any context, whose class nobody knows, codes no allergy; the message's own words count for its source.
func TestUnknownClassesAtTranslation(t *testing.T) {
	set := mustSet(t, tableText(ReadV2, CTV3, LocalLayer,
		"A1...|00||XaAA1|||equivalent|any|no|", "A2...|00||XaAA2||Two|equivalent|any|no|"))
	require.Equal(t, Mapped, set.Translate(read("A1...", "00"), CTV3, "problem").Answer)
	require.Equal(t, Inexact, set.Translate(read("A1...", "00"), CTV3, AllergyContext).Answer)
	require.Equal(t, Inexact, set.Translate(read("A2...", "00"), CTV3, AllergyContext).Answer)
	worded := read("A2...", "00")
	worded.Term = "Two"
	require.Equal(t, Mapped, set.Translate(worded, CTV3, AllergyContext).Answer)
}

// A row without source words is judged by those of the message.
func TestClassByTheMessage(t *testing.T) {
	set := mustSet(t, tableText(ReadV2, CTV3, LocalLayer, "A1...|00||XaAA1||FH: Asthma|equivalent|any|no|"))
	for term, answer := range map[string]Answer{"": Mapped, "Family history of asthma": Mapped, "Asthma": Inexact, "No asthma": Inexact} {
		c := read("A1...", "00")
		c.Term = term
		require.Equal(t, answer, set.Translate(c, CTV3).Answer, term)
	}
}

// A table acts from the day it says, and is checked before.
func TestTableValidFrom(t *testing.T) {
	row := "A1...|00|One|XaAA1||One|equivalent|any|no|"
	text := func(rows ...string) string {
		return strings.Replace(tableText(ReadV2, CTV3, LocalLayer, rows...), "# use:", "# valid-from: 2026-04-01\n# use:", 1)
	}
	for day, answer := range map[string]Answer{"": Mapped, "2026-03-31": Unmapped, "2026-04-01": Mapped} {
		table, faults := Parse("t.tsv", strings.NewReader(text(row)), Options{Day: day})
		require.Empty(t, faults)
		set, faults := NewSet(table)
		require.Empty(t, faults)
		require.Equal(t, answer, set.Translate(read("A1...", "00"), CTV3).Answer, day)
		require.Equal(t, answer == Unmapped, set.Until() == "2026-04-01", day)
	}
	_, faults := Parse("t.tsv", strings.NewReader(text(row, row)), Options{Day: "2026-03-31"})
	require.Len(t, faults, 1)
}

// Without its term code a code is coded only where every term's row says the same of the same target.
func TestUnstatedTermCodeAndRelations(t *testing.T) {
	set := mustSet(t, tableText(ReadV2, CTV3, LocalLayer, "A1...|00|One|XaAA1||One|equivalent|any|no|", "A1...|11|Sort of one|XaAA1||One|source-is-broader-than-target|any|no|"))
	require.Equal(t, Ambiguous, set.Translate(read("A1...", ""), CTV3).Answer)
	worded := read("A1...", "")
	worded.Term = "One"
	require.Equal(t, Mapped, set.Translate(worded, CTV3).Answer)
	worded.Term = "Sort of one"
	require.Equal(t, Inexact, set.Translate(worded, CTV3).Answer)
}

// Every row is found whatever the size of the table, and nothing else is.
func TestIndexOfEverySize(t *testing.T) {
	value := func(i int) string { return fmt.Sprintf("%05d", i) }
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1023, 1024, 1025, 4097} {
		var rows []Row
		for i := range n {
			rows = append(rows, Row{Source: Code{Scheme: ReadV2, Value: value(i), TermCode: "00"}, Target: Code{Scheme: CTV3, Value: "X" + value(i)[1:]}, Relation: Equivalent})
		}
		var text bytes.Buffer
		require.NoError(t, Write(&text, testHeader, rows))
		table, faults := Parse("t.tsv", &text, Options{})
		require.Empty(t, faults)
		set, faults := NewSet(table)
		require.Empty(t, faults)
		for i := range n {
			require.Equal(t, rows[i].Target.Value, set.Translate(rows[i].Source, CTV3).Target.Value)
		}
		for i := n; i < n+2000; i++ {
			require.Equal(t, Unmapped, set.Translate(Code{Scheme: ReadV2, Value: value(i), TermCode: "00"}, CTV3).Answer)
		}
	}
}

// One code with very many rows, and values as long as there are.
func TestIndexOfLargeRows(t *testing.T) {
	var rows []Row
	long := func(i int) string { return fmt.Sprintf("%0100d", i) }
	for i := range 2000 {
		rows = append(rows, Row{Source: Code{Scheme: "emisweb.slot", Value: long(i / 200)}, Context: Context(fmt.Sprintf("kind-%d", i%200)),
			Target: Code{Scheme: "systmone.slot", Value: long(9000 + i)}, Relation: Equivalent})
	}
	h := testHeader
	h.From, h.To = "emisweb.slot", "systmone.slot"
	var text bytes.Buffer
	require.NoError(t, Write(&text, h, rows))
	table, faults := Parse("t.tsv", &text, Options{})
	require.Empty(t, faults)
	set, faults := NewSet(table)
	require.Empty(t, faults)
	for i := range rows {
		require.Equal(t, rows[i].Target, set.Translate(rows[i].Source, h.To, rows[i].Context).Target)
	}
	require.Equal(t, Unmapped, set.Translate(Code{Scheme: h.From, Value: long(0)}, h.To).Answer)
}

// Whatever the tables say: an allergy or a drug is coded by an equivalent row of a table that is not derived, the classes
// of both sides known and one; nothing is coded by a row that is neither equivalent nor assured, or changes its class.
func TestWhatIsCoded(t *testing.T) {
	terms := []string{"", "One", "No one", "FH: one"}
	rapid.Check(t, func(t *rapid.T) {
		var tables []*Table
		for _, layer := range []Layer{DerivedLayer, NationalLayer, LocalLayer} {
			h := testHeader
			h.ID, h.Layer = string(layer), layer
			rows := drawRows(t)
			for i := range rows {
				rows[i].Source.Term = rapid.SampledFrom(terms).Draw(t, "words")
				if rows[i].Relation != NoMap {
					rows[i].Target.Term = rapid.SampledFrom([]string{"", rows[i].Source.Term}).Draw(t, "same words")
				}
			}
			var text bytes.Buffer
			require.NoError(t, Write(&text, h, rows))
			table, faults := Parse(string(layer), &text, Options{})
			require.Empty(t, faults)
			tables = append(tables, table)
		}
		set, faults := NewSet(tables...)
		require.Empty(t, faults)
		for range 50 {
			c := Code{Scheme: ReadV2, Value: rapid.StringMatching(`[A-D][0-9][.]{3}`).Draw(t, "value"),
				TermCode: rapid.SampledFrom([]string{"", "00", "01", "10", "11"}).Draw(t, "term code"), Term: rapid.SampledFrom(terms).Draw(t, "term")}
			contexts := rapid.SliceOfNDistinct(rapid.SampledFrom([]Context{WithValue, "problem", AllergyContext, "drug-allergy", MedicationContext, IssueContext}), 0, 2, rapid.ID).Draw(t, "contexts")
			r := set.Translate(c, CTV3, contexts...)
			if r.Answer != Mapped {
				continue
			}
			row := r.Row()
			require.True(t, row.Relation == Equivalent || row.Assured)
			require.Equal(t, row.Target.Value, r.Target.Value)
			require.Equal(t, c.Value, row.Source.Value)
			require.True(t, row.Context == Any || slices.Contains(contexts, row.Context))
			require.True(t, c.TermCode == "" || c.TermCode == row.Source.TermCode)
			source := row.Class
			if source == Unknown {
				source = ClassOf(c.Term)
			}
			require.True(t, source == Unknown || row.TargetClass == Unknown || source == row.TargetClass)
			if slices.ContainsFunc(contexts, Context.strict) {
				require.Equal(t, Equivalent, row.Relation)
				require.NotEqual(t, DerivedLayer, r.Table.Layer)
				require.NotEqual(t, Unknown, source)
				require.NotEqual(t, Unknown, row.TargetClass)
			}
			for _, above := range tables { // no row of the same key lies above
				if above.Layer.rank() > r.Table.Layer.rank() {
					_, there := above.packed.at(row.key())
					require.False(t, there)
				}
			}
		}
	})
}

func TestUTF16(t *testing.T) {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		_, faults := Parse("t.tsv", strings.NewReader(mark+"#\x00 \x00i\x00d\x00:\x00"), Options{})
		require.Equal(t, "t.tsv:1: not UTF-8 but UTF-16; no row can be read; save the file as UTF-8", faults[0].Error())
	}
}

func TestDerivedTablesCodeNoDrug(t *testing.T) {
	row := "A1...|00|One|XaAA1||One|equivalent|any|no|"
	set := mustSet(t, tableText(ReadV2, CTV3, DerivedLayer, row))
	require.Equal(t, Mapped, set.Translate(read("A1...", "00"), CTV3).Answer)
	require.Equal(t, Inexact, set.Translate(read("A1...", "00"), CTV3, MedicationContext).Answer)
	set = mustSet(t, tableText(ReadV2, CTV3, DerivedLayer, row), tableText(ReadV2, CTV3, StarterLayer, strings.Replace(row, "XaAA1", "XaAA2", 1)))
	require.Equal(t, "XaAA2", set.Translate(read("A1...", "00"), CTV3).Target.Value, "any other layer lies above")
}

// The row Explain says answers is the one Translate answers with, and every row of the value is listed.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tables []*Table
		for _, layer := range []Layer{NationalLayer, LocalLayer} {
			h := testHeader
			h.ID, h.Layer = string(layer), layer
			var text bytes.Buffer
			require.NoError(t, Write(&text, h, drawRows(t)))
			table, faults := Parse(string(layer), bytes.NewReader(text.Bytes()), Options{})
			require.Empty(t, faults)
			tables = append(tables, table)
		}
		set, faults := NewSet(tables...)
		require.Empty(t, faults)
		for range 20 {
			c := Code{Scheme: ReadV2, Value: rapid.StringMatching(`[A-D][0-9][.]{3}`).Draw(t, "value"),
				TermCode: rapid.SampledFrom([]string{"", "00", "01", "10", "11"}).Draw(t, "term code"), Term: rapid.SampledFrom([]string{"", "One"}).Draw(t, "term")}
			contexts := rapid.SliceOfNDistinct(rapid.SampledFrom([]Context{WithValue, "problem"}), 0, 2, rapid.ID).Draw(t, "contexts")
			r := set.Translate(c, CTV3, contexts...)
			all := set.Explain(c, CTV3, contexts...)
			listed := 0
			for _, table := range tables {
				for row := range table.Rows() {
					if row.Source.Value == c.Value {
						listed++
					}
				}
			}
			require.Len(t, all, listed)
			for i, candidate := range all {
				require.NotEmpty(t, candidate.Why)
				require.Equal(t, i == 0 && r.Table != nil, candidate.Won)
			}
			if r.Table != nil {
				require.Equal(t, r.Row(), all[0].Row)
				require.Same(t, r.Table, all[0].Table)
			}
		}
	})
}

func TestSetLint(t *testing.T) {
	set := mustSet(t,
		tableText(ReadV2, CTV3, NationalLayer, "A1...|00|One|XaAA1||One|related-to|any|yes|", "A2...|00|Two|XaAA2||Two|equivalent|any|no|"),
		strings.Replace(tableText(ReadV2, CTV3, LocalLayer, "A1...|00|One|XaAA9||One|equivalent|any|no|"), "readv2-ctv3", "overlay", 1),
		tableText(CTV3, ReadV2, NationalLayer, "XaAA2||Two|A3...|00|Two|equivalent|any|no|", "XaAA9||One|A1...|00|One|equivalent|any|no|"))
	warnings := set.Lint()
	require.Len(t, warnings, 2)
	require.Contains(t, warnings[0].What, "changes an assured row")
	require.Contains(t, warnings[1].What, "100.0 % of the codes that come back are other codes (1 of 1)")
}

// An import over rows that code may take codes away: each such row is counted, the first one named. A row that says no-map
// was meant, a derived table lies beneath, and where the next row beneath does not code nothing is lost.
func TestSetLintOfHiddenRows(t *testing.T) {
	own := tableText(ReadV2, CTV3, StarterLayer, "A1...|00|One|XaAA1||One|equivalent|any|no|", "A2...|00|Two|XaAA2||Two|equivalent|any|no|",
		"A3...|00|Three|XaAA3||Three|equivalent|any|no|", "A4...|00|Four|XaAA4||Four|source-is-narrower-than-target|any|no|",
		"A5...|00|Five|XaAA5||Five|equivalent|allergy|no|")
	bought := func(layer Layer) string {
		return strings.Replace(tableText(ReadV2, CTV3, layer, "A0...|00|Nought|XaAA0||Nought|related-to|any|no|", "A1...|00|One|XaAA9||One|related-to|any|no|",
			"A2...|00|Two||||no-map|any|no|not wanted", "A3...|00|Three|XaAA3||Three|related-to|any|yes|", "A4...|00|Four|XaAA4||Four|related-to|any|no|",
			"A5...|00|Five|XaAA5||Five|related-to|any|no|"), "readv2-ctv3", "bought", 1)
	}
	warnings := mustSet(t, own, bought(SupplierLayer)).Lint()
	require.Len(t, warnings, 1)
	require.Equal(t, 1, warnings[0].Count)
	require.Equal(t, "hides a row that codes, starter/test.tsv:10", warnings[0].What)
	require.Contains(t, warnings[0].Mend, "--layer derived")
	for _, w := range mustSet(t, own, bought(DerivedLayer)).Lint() {
		require.NotContains(t, w.What, "hides")
	}
}

// What a record loses that goes round by three schemes, and a replaced code whose successor was replaced too.
func TestSetLintOfCyclesAndHistory(t *testing.T) {
	const a, b, c = "195967001", "38341003", "73211009"
	history := strings.Replace(tableText(SNOMED, SNOMED, NationalLayer, a+"|||"+b+"|||equivalent|any|no|", b+"|||"+c+"|||equivalent|any|no|"), "# use:", "# purpose: history\n# use:", 1)
	set := mustSet(t, history,
		tableText(ReadV2, CTV3, NationalLayer, "A1...|00|One|XaAA1||One|equivalent|any|no|", "A3...|00|Two|XaAA9||Two|equivalent|any|no|"),
		tableText(CTV3, SNOMED, NationalLayer, "XaAA1||One|"+b+"||One|equivalent|any|no|", "XaAA2||Two|"+c+"||Two|equivalent|any|no|"),
		tableText(SNOMED, ReadV2, NationalLayer, b+"||One|A1...|00|One|equivalent|any|no|", c+"||Two|A3...|00|Two|equivalent|any|no|"))
	warnings := set.Lint()
	require.Len(t, warnings, 2)
	require.Contains(t, warnings[0].What, "50.0 % of the codes that come back over readv2 are other codes (1 of 2)")
	require.Equal(t, 11, warnings[0].Line)
	require.Contains(t, warnings[1].What, "replaced themselves")
	require.Equal(t, 1, warnings[1].Count)
}

func TestInvertedTable(t *testing.T) {
	var there, back []string
	for i := range 30 {
		read, ctv3 := fmt.Sprintf("A%02d..", i), fmt.Sprintf("XaB%02d", i)
		there = append(there, read+"|00|Term|"+ctv3+"||Term|equivalent|any|no|")
		back = append(back, ctv3+"||Term|"+read+"|00|Term|equivalent|any|no|")
	}
	tables := func(header string, back []string) (*Set, []Fault) {
		return NewSet(mustParse(t, tableText(ReadV2, CTV3, NationalLayer, append(there, "B1...|00|Term|XaB99||Term|equivalent|any|no|", "B2...|00|Term|XaB98||Term|equivalent|any|no|")...)),
			mustParse(t, strings.Replace(tableText(CTV3, ReadV2, NationalLayer, back...), "# use:", header+"# use:", 1)))
	}
	_, faults := tables("", back)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].What, "30 of 30 rows are those of test.tsv turned round")
	_, faults = tables("# inverse-reviewed: A Reviewer\n", back)
	require.Empty(t, faults)
	_, faults = tables("", back[:20])
	require.Empty(t, faults, "too few to tell")
}

// A file that ends in the middle of its reading, or never, is refused by itself.
func TestFilesThatCannotBeRead(t *testing.T) {
	_, faults := ReadFile(fstest.MapFS{}, "gone.tsv", Options{})
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].Error(), "gone.tsv:0: cannot be read")
	_, faults = Parse("cut.tsv", &failing{text: tableText(ReadV2, CTV3, LocalLayer, "A1...|00|One|XaAA1||One|equivalent|any|no|")}, Options{})
	require.Len(t, faults, 1)
	require.Equal(t, "cannot be read", faults[0].What)
}

// failing is a file on a disk that goes away.
type failing struct{ text string }

func (f *failing) Read(p []byte) (int, error) {
	if f.text == "" {
		return 0, os.ErrClosed
	}
	n := copy(p, f.text)
	f.text = f.text[n:]
	return n, nil
}

// A code that two tables word differently, whichever way they lead, is worth a look.
func TestSetLintOfWords(t *testing.T) {
	starter := tableText(Multilex, DMD, StarterLayer, "2010688||Atorvastatin 20mg tablets|320029006||Atorvastatin 20mg tablets|equivalent|any|no|")
	for term, count := range map[string]int{"Amlodipine 5mg tablets": 1, "atorvastatin 20 mg tablets": 0} {
		set := mustSet(t, starter, tableText(Multilex, EMISDrug, LocalLayer, "2010688||"+term+"|ATTA1234||"+term+"|equivalent|any|no|"))
		warnings := set.Lint()
		require.Len(t, warnings, count, term)
		if count > 0 {
			require.Contains(t, warnings[0].What, "its source term is not that of test.tsv:10")
		}
	}
}
