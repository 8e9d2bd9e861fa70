package emisweb_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

const shared = "../../../shared/"

var schemas = map[string]string{
	"medicalrecord": "schemas/medicalrecord/EomMedicalRecord38.xsd",
	"openhr":        "schemas/openhr/OpenHR001.xsd",
}

// TestRecordsCrossBothFormats reads real records, where there are any, and the
// synthetic ones, each in the format it is in, and writes each in both: every
// document is valid by its schema, nothing fails, every section that was asked
// has a state, and the words of every entry are in the document written.
func TestRecordsCrossBothFormats(t *testing.T) {
	var docs []string
	for _, pattern := range []string{shared + "records/emisweb/*.xml", testdata + "patients/*/emisweb.*.xml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		docs = append(docs, found...)
	}
	q := request(t, "1", "9998193036")
	for _, name := range docs {
		doc, err := os.ReadFile(name)
		require.NoError(t, err)
		for format := range schemas {
			base := filepath.Base(filepath.Dir(name)) + " " + filepath.Base(name)
			t.Run(base+" as "+format, func(t *testing.T) {
				codec := newCodec(t, map[string]string{"response-format": format})
				p := settled(t, codec, doc)
				msg, err := codec.EncodeResponse(&q, p, messageID)
				require.NoError(t, err)
				again, err := codec.EncodeResponse(&q, p, messageID)
				require.NoError(t, err)
				require.True(t, bytes.Equal(msg, again), "the same record gave other bytes")
				valid(t, format, msg)

				back := settled(t, codec, msg)
				require.Equal(t, p.Record().Patient.NHS, back.Record().Patient.NHS)
				words := allWords(back.Record())
				for e := range p.Record().Released {
					require.True(t, strings.Contains(words, squeeze(e.Text)), "the words of the %s at %s are lost", e.Kind, e.At)
				}
			})
		}
	}
}

// settled decodes a message and carries its record as far as an encoder gets
// it; nothing of it may have failed.
func settled(t *testing.T, codec system.Codec, msg []byte) record.Response {
	t.Helper()
	p, err := codec.DecodeResponse(context.Background(), msg)
	require.NoError(t, err)
	require.Nil(t, p.Failure())
	rec := p.Record()
	rec.CarryExact()
	codec.Fit(rec)
	rec.Settle(record.AllSections)
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s), s)
		require.NotEqual(t, record.Failed, rec.State(s), s)
		require.True(t, rec.Tally(s).Balanced(), s)
	}
	return p
}

// valid checks the document in an answer by its schema, where schema and
// xmllint are there.
func valid(t *testing.T, format string, msg []byte) {
	t.Helper()
	schema := shared + schemas[format]
	xmllint, err := exec.LookPath("xmllint")
	if _, missing := os.Stat(schema); err != nil || missing != nil {
		return
	}
	_, doc, found := bytes.Cut(msg, []byte("<MrXml>"))
	require.True(t, found)
	doc, _, found = bytes.Cut(doc, []byte("</MrXml>"))
	require.True(t, found)
	cmd := exec.Command(xmllint, "--noout", "--schema", schema, "-")
	cmd.Stdin = bytes.NewReader(doc)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, firstLines(string(out)))
}

func firstLines(s string) string {
	lines := strings.SplitN(s, "\n", 6)
	return strings.Join(lines[:min(5, len(lines))], "\n")
}

// allWords is everything the record says in words.
func allWords(rec *record.Record) string {
	var b strings.Builder
	add := func(s string) {
		b.WriteString(squeeze(s))
		b.WriteByte('\n')
	}
	for _, e := range rec.Entries {
		add(e.Text)
		for _, x := range e.Texts {
			add(x.Label)
			add(x.Value)
		}
		for _, n := range e.Notes {
			add(n)
		}
		for _, x := range e.Qualifiers {
			add(x.Name + ": " + x.Value)
		}
	}
	return b.String()
}

// squeeze makes white space single.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
