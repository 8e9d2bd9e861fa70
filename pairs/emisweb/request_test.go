package emisweb_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

const testdata = "../../testdata/"

var messageID = system.MessageID{
	ID: "3f0c9a52-7a1e-4c1d-8a55-000000000001",
	At: time.Date(2017, 5, 2, 9, 30, 0, 0, time.UTC),
}

func newCodec(t testing.TB, settings map[string]string) system.Codec {
	t.Helper()
	c, err := emisweb.System().New(system.Options{Settings: settings})
	require.NoError(t, err)
	return c
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(testdata + name)
	require.NoError(t, err)
	return b
}

func nhs(t testing.TB, digits string) record.NHSNumber {
	t.Helper()
	n, err := record.ParseNHSNumber(digits)
	require.NoError(t, err)
	return n
}

// request is what every file of testdata/requests says, but for what the test
// sets.
func request(t testing.TB, id, number string) record.Request {
	t.Helper()
	return record.Request{
		MessageID: "7d1c2b90-0c1e-4f6a-9a11-00000000000" + id,
		Device:    "00-00-5E-00-53-07",
		Operation: "GetMedicalRecord",
		Patient:   record.Identity{NHS: nhs(t, number)},
		Requester: record.Requester{User: "hwinterbourne", Organisation: "X99001", Machine: "CAUSEWAY-07", Software: "emisweb"},
		Target:    "X99002",
		Sections:  record.AllSections,
		Whole:     true,
	}
}

func requests(t testing.TB) map[string]record.Request {
	t.Helper()
	full := request(t, "1", "9998193036")
	summary := request(t, "2", "9998193036")
	summary.Whole, summary.Sections = false, record.SectionsOf(record.Demographics, record.Problems, record.Medication,
		record.Allergies, record.Alerts)
	demographics := request(t, "3", "9998656907")
	demographics.Operation = "GetPatientDemographics"
	demographics.Whole, demographics.Sections = false, record.SectionsOf(record.Demographics)
	get := request(t, "4", "9998656907")
	get.Whole, get.Sections = false, record.SectionsOf(record.Demographics)
	medication := request(t, "5", "9992021527")
	medication.Whole, medication.Sections = false, record.SectionsOf(record.Demographics, record.Medication, record.Issues)
	reordered := request(t, "7", "9998193036")
	reordered.Device, reordered.ConversationID = "", "7d1c2b90-0c1e-4f6a-9a11-000000000006"
	return map[string]record.Request{
		"full": full, "summary": summary, "demographics": demographics, "get-demographics": get,
		"medication": medication, "reordered": reordered,
	}
}

func TestDecodeRequest(t *testing.T) {
	found, err := filepath.Glob(testdata + "requests/emisweb-*.xml")
	require.NoError(t, err)
	want := requests(t)
	require.Len(t, found, len(want))
	for name, want := range want {
		t.Run(name, func(t *testing.T) {
			q, err := newCodec(t, nil).DecodeRequest(context.Background(), file(t, "requests/emisweb-"+name+".xml"))
			require.NoError(t, err)
			require.Equal(t, want, q)
		})
	}
}

func TestRequestsRoundTrip(t *testing.T) {
	codec := newCodec(t, map[string]string{"address": "https://emis.example.invalid/ITK"})
	for name, q := range requests(t) {
		t.Run(name, func(t *testing.T) {
			msg, err := codec.EncodeRequest(&q, messageID)
			require.NoError(t, err)
			again, err := codec.EncodeRequest(&q, messageID)
			require.NoError(t, err)
			require.Equal(t, msg, again)

			back, err := codec.DecodeRequest(context.Background(), msg)
			require.NoError(t, err)
			want := q
			want.MessageID, want.ConversationID, want.Device = messageID.ID, "", ""
			// EMIS may leave out a refusal to share with what was not asked for.
			want.Operation, want.Whole, want.Sections = "GetMedicalRecord", true, record.AllSections
			require.Equal(t, want, back)
		})
	}
}

// TestAnyRequestRoundTrips: whatever the words, an encoded request is decoded
// to itself.
func TestAnyRequestRoundTrips(t *testing.T) {
	codec := newCodec(t, nil)
	number := nhs(t, "9998193036")
	words := rapid.StringMatching(`[a-zµ<&>"'\]0-9]([ \na-zµ<&>"'\]\\0-9]{0,20}[a-zµ<&>"'\]0-9])?`)
	ods := rapid.StringMatching(`[A-Z][0-9]{5}`)
	rapid.Check(t, func(t *rapid.T) {
		q := record.Request{
			Patient:   record.Identity{NHS: number},
			Target:    ods.Draw(t, "target"),
			Requester: record.Requester{User: words.Draw(t, "user"), Machine: words.Draw(t, "machine"), Organisation: ods.Draw(t, "sender"), Software: "x"},
			Sections:  record.AllSections, Whole: true,
		}
		msg, err := codec.EncodeRequest(&q, messageID)
		require.NoError(t, err)
		back, err := codec.DecodeRequest(context.Background(), msg)
		require.NoError(t, err)
		q.MessageID, q.Operation = messageID.ID, "GetMedicalRecord"
		require.Equal(t, q, back)
	})
}

// TestEncodeRequestOfDetailsAlone: what identity is compared by is asked for
// without the record.
func TestEncodeRequestOfDetailsAlone(t *testing.T) {
	q := request(t, "1", "9998193036")
	q.Whole, q.Sections, q.Identify = false, record.SectionsOf(record.Demographics), true
	msg, err := newCodec(t, nil).EncodeRequest(&q, messageID)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(msg), "req_GetPatientDemographics_V1_0"))
	require.Contains(t, string(msg), "<Name>Emis.Interop.PatientAPI.GetPatientDemographics</Name>")
	require.NotContains(t, string(msg), "MrXml")
	require.NotContains(t, string(msg), "GetMedicalRecord")
}

func TestEncodeRequestAsksWholeWhatEMISCannotFilter(t *testing.T) {
	q := request(t, "1", "9998193036")
	q.Whole, q.Sections = false, record.SectionsOf(record.Allergies)
	codec := newCodec(t, nil)
	msg, err := codec.EncodeRequest(&q, messageID)
	require.NoError(t, err)
	require.NotContains(t, string(msg), "MrXml")
	back, err := codec.DecodeRequest(context.Background(), msg)
	require.NoError(t, err)
	require.True(t, back.Whole)
}

func TestEncodeRequestTakesFromTheSettingsWhatTheRequestLacks(t *testing.T) {
	codec := newCodec(t, map[string]string{
		"organisation": "X99003", "user": "linkspan", "machine": "bridge01", "address": "https://emis.example.invalid/ITK",
	})
	q := record.Request{Patient: record.Identity{NHS: nhs(t, "9998193036")}, Target: "X99001", Whole: true,
		Sections: record.AllSections}
	msg, err := codec.EncodeRequest(&q, messageID)
	require.NoError(t, err)
	require.Contains(t, string(msg), `<To xmlns="http://www.w3.org/2005/08/addressing">https://emis.example.invalid/ITK</To>`)
	back, err := codec.DecodeRequest(context.Background(), msg)
	require.NoError(t, err)
	require.Equal(t, record.Requester{User: "linkspan", Organisation: "X99003", Machine: "bridge01", Software: "linkspan"},
		back.Requester)
}

func TestEncodeRequestRefusesToAskAboutNobodyOrNowhere(t *testing.T) {
	codec := newCodec(t, nil)
	_, err := codec.EncodeRequest(&record.Request{Target: "X99001"}, messageID)
	require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err))
	_, err = codec.EncodeRequest(&record.Request{Patient: record.Identity{NHS: nhs(t, "9998193036")}}, messageID)
	require.Equal(t, record.ReasonNoTarget, record.ReasonOf(err))
}

// TestDecodeRequestRefuses changes the whole request in one way each.
func TestDecodeRequestRefuses(t *testing.T) {
	const number = "<NhsNumber>9998193036</NhsNumber>"
	const name = "<Name>Emis.Interop.PatientAPI.GetMedicalRecord</Name>"
	const address = `<itk:address uri="urn:nhs-uk:addressing:ods:X99002"/>`
	const action = "req_GetMedicalRecord_V1_0</Action>"
	for _, tc := range []struct {
		name, old, new string
		reason         record.Reason
	}{
		{"no number", number, "", record.ReasonBadMessage},
		{"number failing its check digit", "9998193036", "9998193037", record.ReasonNotFound},
		{"number of one digit", "9998193036", strings.Repeat("1", 10), record.ReasonNotFound},
		{"number that is none", "9998193036", "unknown", record.ReasonNotFound},
		{"empty number", "9998193036", "", record.ReasonBadMessage},
		{"two numbers", number, number + number, record.ReasonBadMessage},
		{"element in the number", number, "<NhsNumber>9998193036<b/></NhsNumber>", record.ReasonBadMessage},
		{"another SOAP", "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", record.ReasonBadMessage},
		{"another root", "soap:Envelope", "soap:Letter", record.ReasonBadMessage},
		{"another ITK", `xmlns:itk="urn:nhs-itk:ns:201005"`, `xmlns:itk="urn:nhs-itk:ns:202005"`, record.ReasonBadMessage},
		{"another EWDS", `<EWDS xmlns="urn:nhs-itk:ns:201005">`, `<EWDS xmlns="urn:other">`, record.ReasonBadMessage},
		{"an unknown method", "GetMedicalRecord", "GetActiveUsers", record.ReasonUnsupported},
		{"writing", "GetMedicalRecord", "FileRecord", record.ReasonUnsupported},
		{"another interface", name, "<Name>Emis.Interop.OtherAPI.GetMedicalRecord</Name>", record.ReasonUnsupported},
		{"methods that disagree", name, "<Name>Emis.Interop.PatientAPI.GetPatientDemographics</Name>", record.ReasonBadMessage},
		{"an action that disagrees", action, "req_FileRecord_V1_0</Action>", record.ReasonBadMessage},
		{"two addressees", address, address + `<itk:address uri="urn:nhs-uk:addressing:ods:X99003"/>`, record.ReasonNoTarget},
		{"an addressee without code", address, `<itk:address uri="https://somewhere.example.invalid"/>`, record.ReasonNoTarget},
		{"a second payload element", "<itk:payloads count", "<itk:payloads/><itk:payloads count", record.ReasonBadMessage},
		{"a missing payload", `<itk:payloads count="1">`, `<itk:payloads count="2">`, record.ReasonBadMessage},
		{"an EWDS elsewhere", "<soap:Body>", `<soap:Body><EWDS xmlns="urn:nhs-itk:ns:201005"/>`, record.ReasonBadMessage},
		{"a second body", "</soap:Body>", "</soap:Body><soap:Body/>", record.ReasonBadMessage},
		{"a second message id", "<soap:Header>", `<soap:Header><MessageID xmlns="http://www.w3.org/2005/08/addressing">x</MessageID>`, record.ReasonBadMessage},
		{"a header that must be understood", "<soap:Header>", `<soap:Header><Security xmlns="urn:s" soap:mustUnderstand="1"/>`, record.ReasonUnsupported},
		{"a record as text", number, number + "<MrXml>&lt;MedicalRecord/&gt;</MrXml>", record.ReasonBadMessage},
		{"a document type", `<soap:Envelope`, `<!DOCTYPE x><soap:Envelope`, record.ReasonBadMessage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			msg := string(file(t, "requests/emisweb-full.xml"))
			require.Contains(t, msg, tc.old)
			_, err := newCodec(t, nil).DecodeRequest(context.Background(), []byte(strings.ReplaceAll(msg, tc.old, tc.new)))
			require.Error(t, err)
			require.Equal(t, tc.reason, record.ReasonOf(err), err)
			require.NotContains(t, err.Error(), "9998193036")
		})
	}
}

func TestDecodeRequestNeedsAnID(t *testing.T) {
	msg := string(file(t, "requests/emisweb-full.xml"))
	id := "7d1c2b90-0c1e-4f6a-9a11-000000000001"
	codec := newCodec(t, nil)
	q, err := codec.DecodeRequest(context.Background(), []byte(strings.Replace(msg, ` trackingid="`+id+`"`, "", 1)))
	require.NoError(t, err)
	require.Equal(t, id, q.MessageID)
	_, err = codec.DecodeRequest(context.Background(), []byte(strings.ReplaceAll(msg, id, "")))
	require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err))
}

// TestRefusedRequestKeepsItsIDs: the answer to a request that is refused must
// still reach whoever asked.
func TestRefusedRequestKeepsItsIDs(t *testing.T) {
	msg := strings.ReplaceAll(string(file(t, "requests/emisweb-reordered.xml")), "GetMedicalRecord", "GetActiveUsers")
	q, err := newCodec(t, nil).DecodeRequest(context.Background(), []byte(msg))
	require.Equal(t, record.ReasonUnsupported, record.ReasonOf(err))
	require.Equal(t, "7d1c2b90-0c1e-4f6a-9a11-000000000007", q.MessageID)
	require.Equal(t, "7d1c2b90-0c1e-4f6a-9a11-000000000006", q.ConversationID)
	require.Equal(t, "GetActiveUsers", q.Operation)
	require.Equal(t, "X99002", q.Target)
	require.Equal(t, "X99001", q.Requester.Organisation)
}

// TestCutRequests: a request cut anywhere is refused, with the ids read so far.
func TestCutRequests(t *testing.T) {
	codec := newCodec(t, nil)
	msg := strings.TrimSpace(string(file(t, "requests/emisweb-full.xml")))
	header := strings.Index(msg, "<itk:addresslist>")
	for i := range len(msg) {
		q, err := codec.DecodeRequest(context.Background(), []byte(msg[:i]))
		require.Error(t, err, i)
		require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err), i)
		if i > header {
			require.Equal(t, "7d1c2b90-0c1e-4f6a-9a11-000000000001", q.MessageID)
		}
	}
}

func TestNewRefusesSettings(t *testing.T) {
	for _, settings := range []map[string]string{
		{"colour": "blue"}, {"response-format": "fhir"}, {"signature": "maybe"}, {"signature": "require"}, {"signature": "verify"},
	} {
		_, err := emisweb.System().New(system.Options{Settings: settings})
		require.Error(t, err, settings)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	found, err := filepath.Glob(testdata + "requests/emisweb-*.xml")
	require.NoError(f, err)
	for _, name := range found {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	codec := newCodec(f, nil)
	f.Fuzz(func(t *testing.T, msg []byte) {
		q, err := codec.DecodeRequest(context.Background(), msg)
		if err != nil {
			require.NotEqual(t, record.ReasonInternal, record.ReasonOf(err))
			return
		}
		require.NotZero(t, q.Sections)
		require.False(t, q.Patient.NHS.IsZero())
		if q.Target == "" {
			return
		}
		again, err := codec.EncodeRequest(&q, messageID)
		require.NoError(t, err)
		back, err := codec.DecodeRequest(context.Background(), again)
		require.NoError(t, err)
		require.Equal(t, q.Patient, back.Patient)
		require.Equal(t, q.Target, back.Target)
	})
}
