package pairs_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// realExtracts are GP2GP extracts that EMIS Web produced, kept beside the project
// where they may be used; they are never part of it. Each is put into an answer
// of Guru: their patient is a placeholder, for which a synthetic one is told.
func realExtracts(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../../shared/records/gp2gp-emis/*.xml")
	require.NoError(t, err)
	answers := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Regexp(t, placeholder, string(text), name)
		text = placeholder.ReplaceAll(text, []byte(`$1<id root="2.16.840.1.113883.2.1.4.1" extension="9998193036"/>`))
		answers[strings.TrimSuffix(filepath.Base(name), ".xml")] = inAnswer(t, text)
	}
	return answers
}

var placeholder = regexp.MustCompile(`(<recordTarget[^>]*>\s*<patient[^>]*>\s*)<id [^>]*/>`)

// inAnswer puts an extract in place of the one in Guru's answer about the rich
// synthetic patient.
func inAnswer(t testing.TB, extract []byte) []byte {
	t.Helper()
	whole := formsOf("guru")[0].record(t, "../testdata/patients/nora-quillfeather")
	at := bytes.LastIndex(whole, []byte("HTTP/1.1 "))
	require.Positive(t, at)
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: " + strconv.Itoa(len(extract)) + "\r\n\r\n"
	return append(append(bytes.Clone(whole[:at]), head...), extract...)
}

// statements counts what an extract states, by encoding/xml alone.
func statements(t testing.TB, extract []byte) int {
	t.Helper()
	found := 0
	d := xml.NewDecoder(bytes.NewReader(extract[bytes.LastIndex(extract, []byte("\r\n\r\n"))+4:]))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return found
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok {
			switch start.Name.Local {
			case "ObservationStatement", "MedicationStatement", "NarrativeStatement", "PlanStatement", "RequestStatement", "RegistrationStatement", "LinkSet":
				found++
			}
		}
	}
}

// TestRealExtracts carries every real extract from Guru to each other system:
// no statement is unaccounted for, none fails, and the words, dates, values,
// units, doses and states of each are found again or named as lost.
func TestRealExtracts(t *testing.T) {
	if !linked("guru") {
		return
	}
	tables := starter(t)
	for name, in := range realExtracts(t) {
		stated := statements(t, in)
		eachWay(func(p pairs.Pair, from, to system.System) {
			if from.Name != "guru" {
				return
			}
			for _, target := range formsOf(to.Name) {
				link := linkOf(t, p, target)
				out, report, err := link.TranslateMessage(t.Context(), tables, in, pairs.Offline{From: "guru", Message: pairs.MessageResponse, ID: id})
				where := name + " at " + target.label()
				require.NoError(t, err, where)
				balanced(t, report)
				require.Zero(t, total(report, failedEntries), where)
				require.GreaterOrEqual(t, total(report, func(s pairs.SectionReport) int { return s.Source }), stated, where)
				writeMessage(t, "real-"+name+"-"+target.label(), target, out)
				missing(t, where, decode(t, link, "guru", in), decode(t, link, to.Name, out))
			}
		})
	}
}
