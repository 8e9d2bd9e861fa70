package mapping

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// tableText writes a table for a test; each row is given with "|" between its cells.
func tableText(from, to Scheme, layer Layer, rows ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# id: %s-%s\n# version: 1\n# from: %s\n# to: %s\n# layer: %s\n", from, to, from, to, layer)
	b.WriteString("# use: test\n# licence: none\n# source: a test\n" + strings.Join(columnNames[:requiredColumns], "\t") + "\n")
	for _, row := range rows {
		b.WriteString(strings.ReplaceAll(row, "|", "\t") + "\n")
	}
	return b.String()
}

func mustParse(t testing.TB, text string) *Table {
	table, faults := Parse("test.tsv", strings.NewReader(text), Options{})
	require.Empty(t, faults)
	return table
}

func TestParse(t *testing.T) {
	text := tableText(ReadV2, CTV3, LocalLayer,
		"H33..|00|Asthma|H33..||Asthma|equivalent|any|yes|agreed",
		"H33z1|11|Asthma attack NOS||||no-map|problem|no|no target of this meaning")
	table := mustParse(t, text)
	require.Equal(t, "readv2-ctv3", table.ID)
	require.Equal(t, LocalLayer, table.Layer)
	require.Equal(t, "test", table.Use)
	require.Len(t, table.SHA256, 64)
	require.Equal(t, 2, table.Len())
	rows := slices.Collect(table.Rows())
	require.Equal(t, Row{
		Source:   Code{Scheme: ReadV2, Value: "H33..", TermCode: "00", Term: "Asthma"},
		Target:   Code{Scheme: CTV3, Value: "H33..", Term: "Asthma"},
		Relation: Equivalent, Assured: true, Class: Present, TargetClass: Present, Reason: "agreed", Line: 10,
	}, rows[0])
	require.True(t, rows[1].Target.IsZero())
	require.Equal(t, Context("problem"), rows[1].Context)

	crlf := mustParse(t, "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"))
	require.Equal(t, rows, slices.Collect(crlf.Rows()))
	require.NotEqual(t, table.SHA256, crlf.SHA256)
	unended := mustParse(t, strings.TrimSuffix(text, "\n"))
	require.Equal(t, rows, slices.Collect(unended.Rows()))
}

// TestBadTables walks the tables with one fault each: the first line says the line and the words of the fault.
func TestBadTables(t *testing.T) {
	files, err := filepath.Glob("../testdata/tables/bad/*.tsv")
	require.NoError(t, err)
	require.Greater(t, len(files), 50)
	expect := regexp.MustCompile(`^# expect: line (\d+): (.+?)\r?\n`)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			want := expect.FindStringSubmatch(string(data))
			require.NotNil(t, want, "first line says what to expect")
			table, faults := Parse(file, strings.NewReader(string(data)), Options{})
			require.Nil(t, table)
			require.Len(t, faults, 1)
			line, err := strconv.Atoi(want[1])
			require.NoError(t, err)
			require.Equal(t, line, faults[0].Line)
			require.Contains(t, faults[0].What, want[2])
			require.NotEmpty(t, faults[0].Why)
			require.NotEmpty(t, faults[0].Mend)
			require.True(t, strings.HasPrefix(faults[0].Error(), file+":"+want[1]+": "))
		})
	}
}

// TestBadSets walks the folders of tables that are sound one by one and not together: the first line of the table at
// fault says the line and the words.
func TestBadSets(t *testing.T) {
	dirs, err := filepath.Glob("../testdata/tables/bad/sets/*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(dirs), 3)
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			files, err := filepath.Glob(dir + "/*.tsv")
			require.NoError(t, err)
			want := ""
			for _, file := range files {
				data, err := os.ReadFile(file)
				require.NoError(t, err)
				if expected, ok := strings.CutPrefix(string(data), "# expect: line "); ok {
					place, words, _ := strings.Cut(expected, ": ")
					words, _, _ = strings.Cut(words, "\n")
					want = filepath.Base(file) + ":" + place + ": " + words + "; "
				}
			}
			tables, faults := Load(os.DirFS(dir), ".", Options{})
			require.Empty(t, faults)
			set, faults := NewSet(tables...)
			require.Nil(t, set)
			require.Len(t, faults, 1)
			require.True(t, strings.HasPrefix(faults[0].Error(), want), "%s: want %s", faults[0].Error(), want)
		})
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	_, faults := Parse("many.tsv", strings.NewReader(tableText(ReadV2, SNOMED, LocalLayer,
		"H33|00|Asthma|195967002||Asthma|wider|any|no|",
		"G20..|00||38341003|||equivalent|any|maybe|")), Options{})
	var lines []int
	for _, f := range faults {
		lines = append(lines, f.Line)
	}
	require.Equal(t, []int{10, 10, 11}, lines) // the third fault of line 10 is behind its unknown relation
}

func TestRubbishIsBounded(t *testing.T) {
	_, faults := Parse("rubbish", strings.NewReader(tableText(ReadV2, CTV3, LocalLayer)+strings.Repeat("x\n", 1_000_000)), Options{})
	require.LessOrEqual(t, len(faults), maxFaults+1)
	require.Contains(t, faults[len(faults)-1].What, "reading stopped")
	_, faults = Parse("endless", endless{}, Options{})
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].What, "64 KiB")
}

// endless is a reader that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestLoad(t *testing.T) {
	noLayer := strings.Replace(tableText(ReadV2, CTV3, LocalLayer), "# layer: local\n", "", 1)
	files := fstest.MapFS{
		"site/b.tsv":     {Data: []byte(noLayer)},
		"site/a.tsv":     {Data: []byte(tableText(CTV3, ReadV2, LocalLayer))},
		"site/notes.txt": {Data: []byte("not a table")},
		"site/sub/c.tsv": {Data: []byte("not looked at")},
	}
	tables, faults := Load(files, "site", Options{Layer: SupplierLayer})
	require.Empty(t, faults)
	require.Len(t, tables, 2)
	require.Equal(t, "site/a.tsv", tables[0].File)
	require.Equal(t, LocalLayer, tables[0].Layer)
	require.Equal(t, SupplierLayer, tables[1].Layer)

	files["site/d.tsv"] = &fstest.MapFile{Data: []byte("rubbish")}
	tables, faults = Load(files, "site", Options{Layer: SupplierLayer})
	require.Nil(t, tables)
	require.NotEmpty(t, faults)
	require.Equal(t, "site/d.tsv", faults[0].File)

	_, faults = Load(files, "absent", Options{Layer: SupplierLayer})
	require.Len(t, faults, 1)
}

func FuzzParse(f *testing.F) {
	f.Add(tableText(ReadV2, CTV3, LocalLayer, "H33..|00|Asthma|H33..||Asthma|equivalent|any|yes|"))
	f.Add(tableText("emisweb.sex", "systmone.sex", StarterLayer, "M||Male|M||Male|equivalent|any|no|"))
	f.Add("")
	files, err := filepath.Glob("../testdata/tables/bad/*.tsv")
	require.NoError(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, faults := Parse("fuzz", strings.NewReader(text), Options{})
		require.Equal(t, table == nil, len(faults) > 0)
		if table == nil {
			return
		}
		set, faults := NewSet(table)
		require.Empty(t, faults)
		for row := range table.Rows() {
			require.NoError(t, row.Source.Check())
			var contexts []Context
			if row.Context != Any {
				contexts = append(contexts, row.Context)
			}
			r := set.Translate(row.Source, table.To, contexts...)
			require.Contains(t, []Answer{Mapped, Inexact, AnswerNoMap, Ambiguous}, r.Answer)
			if r.Answer == Mapped {
				require.NoError(t, r.Target.Check())
			}
		}
	})
}
