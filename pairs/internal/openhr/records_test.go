package openhr

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// shared lists files of the material beside the repository; none where it is
// absent.
func shared(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../../../shared", pattern))
	require.NoError(t, err)
	return files
}

// patients are the synthetic records of this repository.
func patients(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../../../testdata/patients/*/emisweb.openhr.xml")
	require.NoError(t, err)
	return files
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	doc, err := os.ReadFile(file)
	require.NoError(t, err)
	return doc
}

// decode reads a document as the systems do: decode, close, reconcile.
func decode(doc []byte) (*record.Record, error) {
	paths := Entries()
	r, err := xmlio.Open(context.Background(), doc, xmlio.Options{Count: record.XMLPaths(paths)})
	if err != nil {
		return nil, err
	}
	rec, err := Decode(r, 0)
	if err != nil {
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	rec.Reconcile(paths, r.Counts())
	return rec, nil
}

func mustDecode(t testing.TB, doc []byte) *record.Record {
	t.Helper()
	rec, err := decode(doc)
	require.NoError(t, err)
	return rec
}

// requireSound checks that no section of a decoded record has failed.
func requireSound(t *testing.T, rec *record.Record) {
	t.Helper()
	rec.CarryExact()
	rec.Settle(record.AllSections)
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s), "section %s", s)
		require.NotEqual(t, record.Failed, rec.State(s), "section %s", s)
	}
}

func TestRealRecordsDecodeWithoutLoss(t *testing.T) {
	for _, file := range shared(t, "records/emisweb/*.xml") {
		doc := read(t, file)
		rec := mustDecode(t, doc)
		requireSound(t, rec)
		require.False(t, rec.Patient.NHS.IsZero())
		events := bytes.Count(doc, []byte("<event updateMode"))
		counted := 0
		for _, e := range rec.Entries {
			if e.Counted > 0 && e.Counted <= pathEvent+1 {
				counted++
			}
			require.False(t, e.Malformed, "%s has a code that cannot be read", e.At)
			for _, text := range e.Texts {
				require.NotEqual(t, unrecognised, text.Label, e.At)
			}
			for _, note := range e.Notes {
				require.NotContains(t, note, "as recorded", e.At)
			}
		}
		require.Equal(t, events, counted)
	}
}

func TestPatientsDecode(t *testing.T) {
	for _, file := range patients(t) {
		rec := mustDecode(t, read(t, file))
		require.True(t, rec.Patient.NHS.Test(), file)
		if !strings.Contains(file, "idris") {
			requireSound(t, rec)
		}
	}
}
