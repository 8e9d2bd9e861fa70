package standin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// settings are what a site must set for its requests to be accepted: SystmOne
// refuses an empty API key, EMIS an envelope without To.
var settings = map[string]map[string]string{
	"systmone": {"api-key": "k", "device-id": "00000000000000aa", "device-version": "1"},
	"emisweb":  {"address": "https://emis.invalid/ITK", "organisation": "X99002", "user": "linkspan", "machine": "bridge"},
	"mig":      {"organisation": "X99005"},
	"vision":   {"organisation": "X99004", "user": "linkspan", "role": "R8000"},
}

// TestProductsRequestsAreAccepted: what the product asks passes the check it
// had no part in.
func TestProductsRequestsAreAccepted(t *testing.T) {
	number, err := record.ParseNHSNumber(nora)
	require.NoError(t, err)
	from, err := record.ParseISO("2015-02")
	require.NoError(t, err)
	asked := []record.Request{
		{Whole: true, Sections: record.AllSections},
		{Sections: record.AllSections, Effective: record.Period{From: from}},
		{Sections: record.SectionsOf(record.Demographics), Entered: record.Period{From: from, To: from}},
		{Sections: record.SectionsOf(record.Observations, record.Investigations), CodeScheme: mapping.CTV3, DrugScheme: mapping.DMD,
			Codes: []mapping.Code{{Scheme: mapping.CTV3, Value: "2469."}}, Authors: []string{"pattwell"}},
	}
	for _, s := range record.Sections() {
		asked = append(asked, record.Request{Sections: record.SectionsOf(s)})
	}
	asked = append(asked, record.Request{Sections: record.SectionsOf(record.Demographics, record.Medication, record.Issues)})
	for _, s := range pairs.Systems() {
		if settings[s.Name] == nil {
			continue
		}
		codec, err := s.New(system.Options{Settings: settings[s.Name]})
		require.NoError(t, err)
		stand := serve(t, s.Name, Options{Organisations: []string{"X99001"}})
		for _, q := range asked {
			q.Patient.NHS, q.Target, q.Requester = number, "X99001", hazel
			exchange(t, codec, &q, func(msg []byte) []byte {
				require.Equal(t, nora, numberIn(stand.ask(t, string(msg))), string(msg))
				return nil
			})
		}
	}
}

// TestComposedRequestsAreAccepted runs the check over the messages composed
// from the published ones, where they are at hand. Their signature is none.
func TestComposedRequestsAreAccepted(t *testing.T) {
	for pattern, check := range map[string]func([]byte) error{
		"systmone/ci-0[13]-*-request.xml": func(msg []byte) error { return readSystmOne(msg).(*clientRequest).refused },
		"emisweb/emis-ewds-get*.xml": func(msg []byte) error {
			root, err := parse(msg)
			if err != nil {
				return err
			}
			return (&emisRequest{}).check(root)
		},
	} {
		files, err := filepath.Glob("../../../shared/examples/" + pattern)
		require.NoError(t, err)
		for _, file := range files {
			msg, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, check(msg), file)
		}
	}
}

// TestShippedRecordsAreServed loads the synthetic patients of the project.
func TestShippedRecordsAreServed(t *testing.T) {
	folder := os.DirFS("../../testdata/patients")
	for name, request := range map[string]func(string, string) string{"systmone": clientRequestFor, "emisweb": emisRequestFor, "mig": migRequestFor,
		"vision": func(number, _ string) string { return visionRequestFor(number, "PATIENT_RECORD") }} {
		s, err := New(name, folder, Options{})
		require.NoError(t, err)
		require.Subset(t, s.Patients(), []string{nora, tom, nobody})
		for _, number := range s.Patients() {
			answer := string(reply(s.question([]byte(request(number, ""))), s.records, Options{}))
			require.Contains(t, strings.ReplaceAll(answer, " ", ""), number)
			require.NotContains(t, answer, "ErrorMessage")
			require.NotContains(t, answer, "MessagingError")
			require.NotContains(t, answer, "<error>")
		}
	}
}

// TestRequestsOfTheProject: every native request of the project for which there is
// a stand-in of its own kind is answered, but for one that consents to nothing.
func TestRequestsOfTheProject(t *testing.T) {
	for _, name := range []string{"guru", "mig", "vision"} {
		found, err := filepath.Glob("../../testdata/requests/" + name + "-*")
		require.NoError(t, err)
		if len(found) == 0 {
			continue // the system has none yet
		}
		s, err := New(name, os.DirFS("../../testdata/patients"), Options{})
		require.NoError(t, err)
		for _, file := range found {
			msg, err := os.ReadFile(file)
			require.NoError(t, err)
			answer := string(s.Handle(t.Context(), msg, peer))
			switch {
			case strings.HasSuffix(file, "mig-refused.xml"):
				require.Contains(t, answer, migNoConsent)
			case name == "guru":
				require.True(t, strings.HasPrefix(answer, "HTTP/1.1 20"), "%s: %.200s", file, answer)
			default:
				require.NotContains(t, answer, "Fault>", file)
				require.NotContains(t, answer, "error>", file)
			}
		}
	}
}
