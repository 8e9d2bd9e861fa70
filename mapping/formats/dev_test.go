package formats

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

// shared is where the code lists to run against lie; absent in a plain checkout.
const shared = "../../../shared/codes"

// TestCodeListsOfTheProject reads the code lists to develop with, where they are present, and takes every table of them
// through mapping.Parse.
func TestCodeListsOfTheProject(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared, "codemaps_*.tsv"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		im, faults := Read(context.Background(), bytes.NewReader(text), file, Options{Layer: mapping.LocalLayer, Licence: "not for care", Version: "1"})
		require.Empty(t, faults)
		require.NotEmpty(t, im.Tables)
		rows := 0
		for _, table := range im.Tables {
			reparse(t, table)
			rows += len(table.Rows)
			t.Log(table.Header.ID, table.Header.Layer, len(table.Rows))
		}
		require.Greater(t, int64(rows)*4, im.Rows, "more than a quarter of the rows comes through")
		for _, n := range im.Notes {
			t.Log(n.Count, n.What, n.Lines)
		}
	}
}

// reparse takes a table through our own form: what an import yields, mapping.Parse must take.
func reparse(t *testing.T, table Table) *mapping.Table {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, mapping.Write(&b, table.Header, table.Rows))
	parsed, faults := mapping.Parse(table.Header.ID, &b, mapping.Options{Dictionary: everyDrug{}})
	require.Empty(t, faults, table.Header.ID)
	require.Equal(t, len(table.Rows), parsed.Len())
	return parsed
}

// everyDrug is a dictionary that knows every drug by one name: whether a drug row has both terms is no matter of formats.
type everyDrug struct{}

func (everyDrug) Holds(s mapping.Scheme) bool { return s.Drug() }

func (everyDrug) Look(c mapping.Code) (term string, active, found bool) {
	return "Paracetamol 500mg tablets", true, c.Scheme.Drug()
}
