package systmone

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

var update = flag.Bool("update", false, "write the goldens")

const testdata = "../../testdata"

var (
	patients = []string{"nora-quillfeather", "tom-ostler", "edith-marram", "idris-skerry"}
	clean    = []string{"nora-quillfeather", "tom-ostler", "edith-marram"}
)

// everything is a request for the whole record.
var everything = &record.Request{MessageID: "00000000-0000-4000-8000-000000000001", Device: "5ca1ab1e0ddba11a",
	Operation: function, Sections: record.AllSections, Whole: true}

var answerID = system.MessageID{ID: "00000000-0000-4000-8000-00000000000a", At: time.Date(2016, 11, 14, 9, 30, 0, 0, time.UTC)}

func newTestCodec(t testing.TB) system.Codec {
	c, err := System().New(options())
	require.NoError(t, err)
	return c
}

func options() system.Options {
	return system.Options{Settings: map[string]string{"api-key": "key", "device-id": "5ca1ab1e0ddba11a", "device-version": "1"}}
}

func read(t testing.TB, parts ...string) []byte {
	b, err := os.ReadFile(filepath.Join(append([]string{testdata}, parts...)...))
	require.NoError(t, err)
	return b
}

func patientFile(t testing.TB, name string) []byte {
	return read(t, "patients", name, "systmone.response.xml")
}

func decode(t testing.TB, msg []byte) *record.Record {
	p, err := newTestCodec(t).DecodeResponse(context.Background(), msg)
	require.NoError(t, err)
	require.NotNil(t, p.Record())
	return p.Record()
}

// carried is a record as an exchange between two SystmOnes would leave it.
func carried(t testing.TB, rec *record.Record) *record.Record {
	rec.CarryExact()
	newTestCodec(t).Fit(rec)
	rec.Settle(record.AllSections)
	return rec
}

func encode(t testing.TB, rec *record.Record) []byte {
	out, err := newTestCodec(t).EncodeResponse(everything, record.Answered(rec), answerID)
	require.NoError(t, err)
	return out
}

// withoutHead takes the Event away that every record sent is headed with.
func withoutHead(t testing.TB, rec *record.Record) *record.Record {
	kept := rec.Entries[:0]
	dropped := 0
	for _, e := range rec.Entries {
		if e.Author != nil && e.Author.Display == linkspan {
			dropped++
			continue
		}
		kept = append(kept, e)
	}
	require.GreaterOrEqual(t, dropped, 2, "the head")
	rec.Entries = kept
	return rec
}

func golden(t *testing.T, got []byte, parts ...string) {
	file := filepath.Join(append([]string{testdata}, parts...)...)
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
