package pairs_test

import (
	"context"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// The link only reads. The tests of this file belong to the hazards of writing
// back (docs/safety/hazards.yaml, H-33 to H-35), and stand until it exists.

// operation is how a message of a system names what it asks for.
var operation = map[string]*regexp.Regexp{
	"emisweb":  regexp.MustCompile(`(?:PatientAPI\.|:req_)([A-Za-z]+)`),
	"systmone": regexp.MustCompile(`<Function>([^<]*)</Function>`),
	"mig":      regexp.MustCompile(`<([A-Za-z]+)Request xmlns=`),
	"vision":   regexp.MustCompile(`name>([A-Z]+\.[A-Za-z]+)</`),
	"guru":     regexp.MustCompile(`(?m)^([A-Z]+ /\S+) HTTP/1\.1\r$`),
}

// reads are the operations that change nothing, by system.
var reads = map[string][]string{
	"emisweb":  {"GetMedicalRecord", "GetPatientDemographics"},
	"systmone": {"GetPatientRecord", "GetOrganisationMetaData", "GetFunctions"},
	"mig":      {"getPatientRecord", "locatePatient"},
	"vision":   {"VOS.GetPatientData", "VODEM.GetDemographics"},
	"guru":     {"GET /patient/demographics", "GET /patient/my-record", "POST /gp2gp/extract"},
}

// writes are operations that do.
var writes = map[string][]string{
	"emisweb":  {"FileRecord", "UpdateConsultationVisibility"},
	"systmone": {"UpdatePatientRecord"},
	"mig":      {"addClinicalInformation"},
	"vision":   {"VONREP.RequestRepeat"},
	"guru":     {"POST /patient/prescriptions"},
}

// methods is what a codec can do: another way to form a message would show
// here.
var methods = []string{"Calls", "DecodeDevice", "DecodeRequest", "DecodeResponse", "DecodeUser", "EncodeDeviceRequest", "EncodeRequest", "EncodeResponse", "EncodeUserRequest", "Fit", "Join"}

// TestNoWriteLeaves asks each codec for every message it can send to its own
// system: each is a read, and holds nothing of a record.
func TestNoWriteLeaves(t *testing.T) {
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, _ system.Codec) {
		c, err := s.New(system.Options{Settings: settings[s.Name]})
		require.NoError(t, err)
		for m := range reflect.TypeOf(c).Methods() {
			require.Contains(t, methods, m.Name, "a codec can do something that is not judged here")
		}
		onlyReads := func(t require.TestingT, out []byte) {
			found := operation[s.Name].FindAllSubmatch(out, -1)
			require.NotEmpty(t, found)
			for _, name := range found {
				require.Contains(t, reads[s.Name], string(name[1]))
			}
			for _, part := range []string{"<EventList", "<Clinical>", "<Event ", "openHealthRecord", "<NonClinical>"} {
				require.NotContains(t, string(out), part)
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			operations := append(append([]string{"", "Anything"}, writes[s.Name]...), reads[s.Name]...)
			q := &record.Request{Patient: record.Identity{NHS: nhs}, Target: "X99001", Sections: record.SectionSet(rapid.Uint32().Draw(t, "sections")) & record.AllSections,
				Whole: rapid.Bool().Draw(t, "whole"), Operation: rapid.SampledFrom(operations).Draw(t, "operation"),
				Requester: record.Requester{Consent: "patient-present", User: rapid.SampledFrom([]string{"hwinterbourne", "FileRecord"}).Draw(t, "user")}}
			out, err := c.EncodeRequest(q, id)
			require.NoError(t, err)
			onlyReads(t, out)
			if caller, ok := c.(system.Caller); ok {
				calls, err := caller.Calls(context.Background(), out, nil)
				require.NoError(t, err)
				for _, call := range calls {
					onlyReads(t, call)
				}
			}
		})
		if d, ok := c.(interface {
			EncodeDeviceRequest(system.MessageID) ([]byte, error)
		}); ok {
			out, err := d.EncodeDeviceRequest(id)
			require.NoError(t, err)
			onlyReads(t, out)
		}
		if u, ok := c.(system.UserReader); ok {
			out, err := u.EncodeUserRequest(id)
			require.NoError(t, err)
			onlyReads(t, out)
		}
	})
}

// settings are what a codec needs to make requests of its own.
var settings = map[string]map[string]string{
	"emisweb":  {"user": "linkspan", "machine": "test"},
	"systmone": {"api-key": "test-key", "device-id": "5ca1ab1e0ddba115", "device-version": "test"},
}

// TestWritesAreRefused has a system ask for a write: it is told that this is
// not supported, for good and in its own form, so that nobody takes it for
// done.
func TestWritesAreRefused(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		for name, in := range files(t, s, requests) {
			for _, write := range writes[s.Name] {
				asked := string(in)
				for _, read := range reads[s.Name] {
					asked = strings.ReplaceAll(asked, read, write)
				}
				require.NotEqual(t, string(in), asked, name)
				q, err := c.DecodeRequest(t.Context(), []byte(asked))
				require.Error(t, err, "%s as %s", name, write)
				require.Contains(t, []record.Reason{record.ReasonUnsupported, record.ReasonBadMessage}, record.ReasonOf(err), "%s as %s: %v", name, write, err)
				out, err := c.EncodeResponse(&q, record.Refused(record.Failure{Reason: record.ReasonUnsupported}), id)
				require.NoError(t, err)
				answer, err := c.DecodeResponse(t.Context(), out)
				if err == nil { // SystmOne's answer names the function that was asked for
					require.NotNil(t, answer.Failure())
					require.True(t, answer.Failure().Permanent())
				}
				require.NotContains(t, string(out), "<PermanentError>false")
			}
		}
		for _, other := range pairs.Systems() {
			for _, write := range writes[other.Name] {
				require.NotContains(t, reads[s.Name], write)
			}
		}
	})
}
