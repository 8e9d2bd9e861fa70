package formats

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenOptions are what the files of testdata cannot say of themselves.
func goldenOptions(file string) Options {
	o := Options{Author: "A. Importer"}
	switch {
	case strings.HasPrefix(file, "conceptmap"), strings.HasPrefix(file, "set."):
		o.Layer = mapping.LocalLayer
	case file == "codes.tsv":
		o.Layer, o.Version, o.Licence = mapping.LocalLayer, "1", "CC0-1.0"
	case file == "hand-made.tsv":
		o.Version, o.Licence = "1", "CC0-1.0"
	case strings.HasPrefix(file, "SRCtv3"):
		o.Release = "2024-01"
	}
	return o
}

// TestGolden reads every file of testdata in its real layout and compares what comes of it: format, notes, tables.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/files/*")
	require.NoError(t, err)
	require.Len(t, files, 16)
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			im, faults := Read(context.Background(), bytes.NewReader(text), file, goldenOptions(name))
			require.Empty(t, faults)
			var b bytes.Buffer
			fmt.Fprintf(&b, "format: %s\nrows: %d\n", im.Format, im.Rows)
			for _, n := range im.Notes {
				fmt.Fprintf(&b, "note: %d %s %v\n", n.Count, n.What, n.Lines)
			}
			for _, table := range im.Tables {
				reparse(t, table)
				table.Header.SourceSHA256 = "(" + fmt.Sprint(len(table.Header.SourceSHA256)) + " digits)"
				require.NoError(t, mapping.Write(&b, table.Header, table.Rows))
			}
			golden := filepath.Join("testdata/golden", name+".golden")
			if *update {
				require.NoError(t, os.MkdirAll("testdata/golden", 0o755))
				require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), b.String())
		})
	}
}

// TestAnyForm reads each delimited file again with the other line end, with a mark, and with its header in another case:
// the tables are the same.
func TestAnyForm(t *testing.T) {
	files, err := filepath.Glob("testdata/files/*")
	require.NoError(t, err)
	for _, file := range files {
		name := filepath.Base(file)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if mark := "\ufeff" + string(text); !strings.HasPrefix(string(text), "\ufeff") {
			marked, faults := Read(context.Background(), strings.NewReader(mark), file, goldenOptions(name))
			require.Empty(t, faults, name)
			require.NotEmpty(t, marked.Tables, name)
		}
		if name == "hand-made.tsv" || strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".json") || strings.HasPrefix(name, "set.") {
			continue
		}
		lf := strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")
		header, rest, _ := strings.Cut(lf, "\n")
		want, faults := Read(context.Background(), strings.NewReader(lf), file, goldenOptions(name))
		require.Empty(t, faults, name)
		for form, other := range map[string]string{
			"CRLF": strings.ReplaceAll(lf, "\n", "\r\n"), "mark": "\ufeff" + lf,
			"lower": strings.ToLower(header) + "\n" + rest, "upper": strings.ToUpper(header) + "\n" + rest, "no last end": strings.TrimSuffix(lf, "\n"),
		} {
			got, faults := Read(context.Background(), strings.NewReader(other), file, goldenOptions(name))
			require.Empty(t, faults, name, form)
			require.Equal(t, want.Format, got.Format, name, form)
			for i := range want.Tables {
				require.Equal(t, want.Tables[i].Rows, got.Tables[i].Rows, name, form)
			}
		}
	}
}

// TestAnyOrder reads the files with their columns turned round, one more column, and in the suppliers' files every cell in
// quotes: columns are found by name.
func TestAnyOrder(t *testing.T) {
	for name, quote := range map[string]string{
		"rcsctmap2_uk_20200401000001.txt": "", "ctv3sctmap2_uk_20200401000001.txt": "", "codesWithValues_AlternateMaps_READ2_20200401000001.txt": "",
		"codesWithValues_AlternateMaps_CTV3_20200401000001.txt": "", "codes.tsv": "", "SRCtv3ToVersion2.csv": `"`, "SRCtv3ToSnomed.csv": `"`,
	} {
		text, err := os.ReadFile("testdata/files/" + name)
		require.NoError(t, err)
		comma := map[string]string{"": "\t", `"`: ","}[quote]
		var turned strings.Builder
		for line := range strings.Lines(strings.ReplaceAll(string(text), `"`, "")) {
			cells := append(strings.Split(strings.TrimRight(line, "\r\n"), comma), "more")
			slices.Reverse(cells)
			turned.WriteString(quote + strings.Join(cells, quote+comma+quote) + quote + "\n")
		}
		want, faults := Read(context.Background(), bytes.NewReader(text), name, goldenOptions(name))
		require.Empty(t, faults, name)
		got, faults := Read(context.Background(), strings.NewReader(turned.String()), name, goldenOptions(name))
		require.Empty(t, faults, name)
		require.Equal(t, len(want.Tables), len(got.Tables), name)
		for i := range want.Tables {
			require.Equal(t, want.Tables[i].Rows, got.Tables[i].Rows, name)
		}
	}
}
