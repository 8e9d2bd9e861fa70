package openhr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func patient(t testing.TB, name string) *record.Record {
	t.Helper()
	return mustDecode(t, read(t, "../../../testdata/patients/"+name+"/emisweb.openhr.xml"))
}

func TestPatientsGoAndComeBack(t *testing.T) {
	for _, name := range []string{"nora-quillfeather", "tom-ostler", "edith-marram"} {
		first := settled(patient(t, name))
		doc := mustEncode(t, first, first.Head(record.AllSections))
		requireValid(t, doc)
		require.Equal(t, doc, mustEncode(t, first, first.Head(record.AllSections)), "the same record gives the same bytes")
		second := mustDecode(t, doc)
		requireSound(t, second)
		requireSame(t, first, second, true)
	}
}

// find is the entry of some words.
func find(t testing.TB, rec *record.Record, words string) *record.Entry {
	t.Helper()
	for _, e := range rec.Entries {
		if strings.Contains(e.Text, words) && e.Outcome != record.Duplicate {
			return e
		}
	}
	require.Fail(t, "no such entry", words)
	return nil
}
