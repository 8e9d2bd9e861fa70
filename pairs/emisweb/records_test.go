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

	"github.com/linkspan/linkspan/mapping"
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

				back := settled(t, codec, msg).Record()
				require.Equal(t, p.Record().Patient.NHS, back.Patient.NHS)
				said := strings.Join(allFacts(back), "\n")
				kept := map[dangerous]int{}
				for e := range back.Released {
					kept[danger(e)]++
				}
				for e := range p.Record().Released {
					if e.Outcome == record.Duplicate || e.Outcome == record.FailedEntry {
						continue
					}
					for _, fact := range facts(e) {
						require.True(t, strings.Contains(said, fact), "a fact of the %s at %s is lost", e.Kind, e.At)
					}
					if d := danger(e); d.kind != record.KindUnrecognised {
						require.Positive(t, kept[d], "the %s at %s is not one any more", e.Kind, e.At)
						kept[d]--
					}
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
	carry(codec, rec)
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s), s)
		require.NotEqual(t, record.Failed, rec.State(s), s)
		require.True(t, rec.Tally(s).Balanced(), s)
	}
	return p
}

// carry does what a pair does between decoding and encoding, with every code
// kept. A code must not stand beside what the codec made text of.
func carry(codec system.Codec, rec *record.Record) {
	rec.CarryExact()
	codec.Fit(rec)
	for _, e := range rec.Entries {
		if e.Outcome != record.Exact {
			e.Target = mapping.Code{}
		}
	}
	rec.Settle(record.AllSections)
}

// dangerous is what must come back as itself of an entry that alerts or doses
// depend on.
type dangerous struct {
	kind   record.Kind
	text   string
	code   mapping.Code
	day    string
	dosage string
}

// danger is the zero value for an entry that may come back as text: of another
// kind, not exact, or with a term longer than the formats take.
func danger(e *record.Entry) dangerous {
	switch e.Kind {
	case record.KindMedication, record.KindIssue, record.KindAllergy, record.KindProblem:
	default:
		return dangerous{}
	}
	if e.Outcome != record.Exact || len(e.Text) > 200 {
		return dangerous{}
	}
	d := dangerous{kind: e.Kind, text: squeeze(e.Text), code: e.Code, day: e.Date.Truncate(record.PrecisionDay).String()}
	d.code.Term = ""
	if e.Medication != nil && e.Medication.Dosage != "not stated" {
		d.dosage = e.Medication.Dosage
	}
	return d
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

// facts are the words and values of an entry that no format may lose.
func facts(e *record.Entry) []string {
	out := []string{e.Text}
	for _, x := range e.Texts {
		out = append(out, x.Value)
	}
	out = append(out, e.Notes...)
	for _, x := range e.Qualifiers {
		out = append(out, x.Name, x.Value)
	}
	if m := e.Medication; m != nil {
		out = append(out, m.Dosage, m.Quantity, m.Unit, m.QuantityWords, m.DurationDays, m.EndReason, m.Authorised)
		for _, i := range m.Mixture {
			out = append(out, i.Text, i.Strength)
		}
	}
	if v := e.Value; v != nil {
		out = append(out, v.Number, v.Text, v.Unit, v.Unreadable, v.AbnormalAs)
		for _, r := range v.Ranges {
			out = append(out, r.Low, r.High, r.Words)
		}
	}
	if a := e.Allergy; a != nil {
		out = append(out, a.Details, a.Excludes)
	}
	for i := range out {
		out[i] = squeeze(out[i])
	}
	return out
}

// allFacts is everything a record says.
func allFacts(rec *record.Record) []string {
	var out []string
	for e := range rec.Released {
		out = append(out, facts(e)...)
	}
	return out
}

// squeeze makes white space single.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
