package medicalrecord

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
	"github.com/stretchr/testify/require"
)

const repo = "../../../.."

var testID = system.MessageID{ID: "6f2d3f0e-7d0b-4a58-9d0c-0d1f6a5b9c11", At: time.Date(2017, 5, 2, 9, 30, 0, 0, time.UTC)}

// decode reads a whole document as the caller of Decode would.
func decode(doc []byte) (*record.Record, error) {
	r, err := xmlio.Open(context.Background(), doc, xmlio.Options{Count: record.XMLPaths(Entries())})
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
	rec.Reconcile(Entries(), r.Counts())
	return rec, nil
}

func mustDecode(t *testing.T, doc []byte) *record.Record {
	t.Helper()
	rec, err := decode(doc)
	require.NoError(t, err)
	return rec
}

// encode writes a settled record as a whole document.
func encode(t *testing.T, rec *record.Record, head ...string) []byte {
	t.Helper()
	w := xmlio.NewWriter(nil)
	w.Declaration()
	require.NoError(t, Encode(w, rec, head, testID))
	require.NoError(t, w.Err())
	return w.Bytes()
}

// exchange is what an exchange between two instances of this system does.
func exchange(rec *record.Record) {
	rec.CarryExact()
	Fit(rec)
	rec.Settle(record.AllSections)
}

// patients reads the synthetic patients of the repository.
func patients(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	paths, err := filepath.Glob(repo + "/testdata/patients/*/emisweb.medicalrecord.xml")
	require.NoError(t, err)
	for _, path := range paths {
		doc, err := os.ReadFile(path)
		require.NoError(t, err)
		out[filepath.Base(filepath.Dir(path))] = doc
	}
	return out
}

// examples reads the documents beside the repository, if they are there.
func examples(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range []string{"medicalrecord-minimal.xml", "medicalrecord-rich.xml", "filerecord-payload.xml"} {
		if doc, err := os.ReadFile(repo + "/../shared/examples/emisweb/" + name); err == nil {
			out[name] = doc
		}
	}
	return out
}

// valid checks a document against the schema, where both it and xmllint are.
func valid(t *testing.T, name string, doc []byte) {
	t.Helper()
	schema := repo + "/../shared/schemas/medicalrecord/EomMedicalRecord38.xsd"
	lint, err := exec.LookPath("xmllint")
	if _, missing := os.Stat(schema); missing != nil || err != nil {
		return
	}
	cmd := exec.Command(lint, "--noout", "--schema", schema, "-")
	cmd.Stdin = bytes.NewReader(doc)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}

func TestExamplesDecodeAndComeBackValid(t *testing.T) {
	for name, doc := range examples(t) {
		if name == "filerecord-payload.xml" {
			continue // a consultation to file: it has no Registration
		}
		rec := mustDecode(t, doc)
		for _, s := range record.Sections() {
			require.Empty(t, rec.Faults(s), name)
		}
		exchange(rec)
		out := encode(t, rec)
		valid(t, name, out)
		require.NotNil(t, mustDecode(t, out))
	}
}
