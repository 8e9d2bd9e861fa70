package governance_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

const sensitive = "# id: area-sensitive\n# version: 2026-11\n# rows: 4\nscheme\tcode\nreadv2\t1415%\nreadv2\tZV02.\nctv3\tXaN8s\nsnomed\t86406008\n"

func TestExclusions(t *testing.T) {
	var x governance.Exclusions
	require.True(t, x.Has("readv2", "G20.."), "nothing is released by codes that have not been loaded")
	require.Empty(t, x.Version())
	require.NoError(t, x.Load(strings.NewReader(sensitive)))
	require.Regexp(t, `^area-sensitive 2026-11 [0-9a-f]{64}$`, x.Version())
	for code, want := range map[string]bool{
		"readv2 1415.": true, "readv2 14151": true, "readv2 1415": true, "readv2 1415.11": true, "readv2 141..": false, "readv2 14161": false, "readv2 ": false,
		"readv2 ZV02.": true, "readv2 ZV02": true, "readv2 ZV021": false, "readv2 ZV02.00": true, "readv2 zv02.": false,
		"ctv3 XaN8s": true, "ctv3 Xan8s": false, "ctv3 1415.": false, "snomed 86406008": true, "snomed 864060081": false, "dmd 86406008": false,
	} {
		scheme, value, _ := strings.Cut(code, " ")
		require.Equal(t, want, x.Has(scheme, value), code)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"no id":            {"# id: area-sensitive", "# area-sensitive", `no line "# id: ..."`},
		"no version":       {"# version: 2026-11", "#", `no line "# version: ..."`},
		"no head":          {"scheme\tcode\n", "", `line 4: the first row is not "scheme<tab>code"`},
		"unknown scheme":   {"readv2\tZV02.", "read2\tZV02.", `line 6: no scheme "read2"`},
		"one column":       {"readv2\tZV02.", "ZV02.", "line 6: not two columns"},
		"three columns":    {"readv2\tZV02.", "readv2\tZV02.\tHIV", "line 6: not two columns"},
		"no code":          {"readv2\tZV02.", "readv2\t", "line 6: no code"},
		"blank":            {"readv2\tZV02.", "readv2\tZV02. ", "line 6: no code, or one with blanks"},
		"all of it":        {"1415%", "%", "line 5: % after what is no beginning"},
		"dots":             {"1415%", "141.%", "line 5: % after what is no beginning"},
		"more than a code": {"1415%", "141500%", "line 5: % after what is no beginning"},
		"inside":           {"1415%", "14%5", "line 5: % stands elsewhere"},
		"not by beginning": {"snomed\t86406008", "snomed\t8640%", "line 8: % after what is no beginning"},
		"cut":              {"86406008\n", "864", "the last line does not end"},
		"rows missing":     {"ctv3\tXaN8s\n", "", "3 rows, and the header says 4"},
		"empty":            {sensitive, "", `no row "scheme<tab>code"`},
	} {
		t.Run(name, func(t *testing.T) {
			before := x.Version()
			err := x.Load(strings.NewReader(strings.Replace(sensitive, c.from, c.to, 1)))
			require.ErrorContains(t, err, c.want)
			require.Equal(t, before, x.Version(), "the set that was there stays")
			require.True(t, x.Has("readv2", "14151"))
		})
	}
	err := x.Load(strings.NewReader("code\nread2\tZ"))
	require.ErrorContains(t, err, "line 1: the first row")
	require.ErrorContains(t, err, `line 2: no scheme "read2"`)
	require.ErrorContains(t, err, `"# id: ..."`)
	require.NoError(t, x.Load(strings.NewReader("\ufeff# id: none\r\n# version: 1\r\n\r\nscheme\tcode\r\n")), "a set may be empty")
	require.False(t, x.Has("readv2", "14151"))
}

// A scheme the records can hold is one that a row may name: a name nobody knows
// would exclude nothing and say nothing.
func TestSchemesAreTheKnownOnes(t *testing.T) {
	for _, scheme := range []mapping.Scheme{mapping.ReadV2, mapping.CTV3, mapping.SNOMED, mapping.DMD, mapping.EMISLocal, mapping.EMISDrug, mapping.Multilex, mapping.TPPLocal} {
		var x governance.Exclusions
		require.NoError(t, x.Load(strings.NewReader("# id: a\n# version: 1\nscheme\tcode\n"+string(scheme)+"\tabc\n")))
		require.True(t, x.Has(string(scheme), "abc"))
	}
}

// writeFile replaces a file as a whole.
func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file+".next", []byte(text), 0o600))
	require.NoError(t, os.Rename(file+".next", file))
}

// TestLoadExclusions takes a new set without a restart, keeps the old one of a
// file that cannot be read, and names what changed (safety IG-04).
func TestLoadExclusions(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sensitive.tsv")
	a := read(t, `"shares": ["problems"`, `"exclusions": "sensitive.tsv", "shares": ["problems"`)
	_, err := a.LoadExclusions(dir)
	require.ErrorContains(t, err, "systmone: exclusions: ")
	refused(t, a, asking("emisweb", record.AllSections), "exclusions", governance.ErrExclusions, record.ReasonInternal)

	write := func(text string) { writeFile(t, dir, "sensitive.tsv", text) }
	hides := func(d governance.Decision) bool {
		e := &record.Entry{Kind: record.KindProblem, Code: mapping.Code{Scheme: mapping.ReadV2, Value: "14151"}}
		rec := record.New(record.Source{})
		rec.Add(e)
		require.NoError(t, a.Withhold("systmone", rec, d))
		return withheld(e)
	}
	write(sensitive)
	changed, err := a.LoadExclusions(dir)
	require.NoError(t, err)
	require.Len(t, changed, 1)
	require.Contains(t, changed[0], "systmone: area-sensitive 2026-11 ")
	first := granted(t, a, "systmone", record.AllSections)
	require.Contains(t, strings.Join(first.Checks, "\n"), "exclusions: area-sensitive 2026-11 ")
	require.True(t, hides(first))
	changed, err = a.LoadExclusions(dir)
	require.NoError(t, err)
	require.Empty(t, changed)

	write("# id: area-sensitive\n# version: 2026-12\nscheme\tcode\n")
	changed, err = a.LoadExclusions(dir)
	require.NoError(t, err)
	require.Contains(t, changed[0], "2026-12")
	require.False(t, hides(granted(t, a, "systmone", record.AllSections)))
	require.True(t, hides(first), "one set from the decision to the release")

	write("nothing")
	_, err = a.LoadExclusions(dir)
	require.ErrorContains(t, err, "systmone: exclusions: line 1")
	require.False(t, hides(granted(t, a, "systmone", record.AllSections)))

	absolute := read(t, `"shares": ["problems"`, `"exclusions": "`+filepath.ToSlash(file)+`", "shares": ["problems"`)
	write(sensitive)
	_, err = absolute.LoadExclusions("elsewhere")
	require.NoError(t, err)
}

// A set is replaced while others are asked of it: each is whole.
func TestExclusionsAreSwappedWhole(t *testing.T) {
	var x governance.Exclusions
	one := "# id: one\n# version: 1\nscheme\tcode\nreadv2\tA....\nreadv2\tB....\n"
	require.NoError(t, x.Load(strings.NewReader(one)))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				require.NoError(t, x.Load(strings.NewReader(one)))
			}
		})
		group.Go(func() {
			for range 5000 {
				require.True(t, x.Has("readv2", "A...."))
				require.True(t, x.Has("readv2", "B...."))
			}
		})
	}
	group.Wait()
}
