package systmone

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

func requestFile(t testing.TB, name string) []byte {
	return read(t, "requests", "systmone-"+name+".xml")
}

func decodeRequest(t testing.TB, msg []byte) record.Request {
	q, err := newTestCodec(t).DecodeRequest(context.Background(), msg)
	require.NoError(t, err)
	return q
}

func TestDecodeRequest_Whole(t *testing.T) {
	q := decodeRequest(t, requestFile(t, "whole"))
	require.Equal(t, "6f1d2c3b-4a59-4687-9786-5a4b3c2d1e00", q.MessageID)
	require.Equal(t, "5ca1ab1e0ddba11a", q.Device)
	require.Equal(t, "GetPatientRecord", q.Operation)
	require.Equal(t, "9998193036", q.Patient.NHS.Digits())
	require.Equal(t, record.Requester{Software: "Harbour desk 2.1"}, q.Requester)
	require.True(t, q.Whole)
	require.Equal(t, record.AllSections, q.Sections)
	require.Equal(t, mapping.CTV3, q.CodeScheme)
	require.Equal(t, mapping.Multilex, q.DrugScheme)
}

func TestDecodeRequest_Rich(t *testing.T) {
	q := decodeRequest(t, requestFile(t, "rich"))
	require.False(t, q.Whole)
	require.Equal(t, codeSections|record.SectionsOf(record.Demographics, record.Medication, record.Issues, record.Immunisations), q.Sections)
	require.Equal(t, "2010-01-01T00:00:00", q.Effective.From.String())
	require.Equal(t, "2016-12-31T23:59:59", q.Effective.To.String())
	require.Equal(t, "2010-01-01", q.Entered.From.String())
	require.Equal(t, "2016-12-31", q.Entered.To.String())
	require.Equal(t, []mapping.Code{{Scheme: mapping.CTV3, Value: "XE0Uc"}, {Scheme: mapping.TPPLocal, Value: "YX001"}, {Scheme: mapping.CTV3, Value: "2469."}}, q.Codes)
	require.Equal(t, []string{"hwinterbourne", "pattwell"}, q.Authors)
	require.Equal(t, mapping.SNOMED, q.CodeScheme)
	require.Equal(t, mapping.DMD, q.DrugScheme)
}

func TestDecodeRequest_EveryFilter(t *testing.T) {
	want := map[string]record.SectionSet{
		"appointments":  record.SectionsOf(record.Administration),
		"careplans":     record.SectionsOf(record.Diary, record.Unrecognised),
		"demographics":  record.SectionsOf(record.Demographics),
		"clinicalcodes": codeSections | record.SectionsOf(record.Requests),
		"letters":       record.SectionsOf(record.Documents),
		"medication":    record.SectionsOf(record.Medication, record.Issues),
		"sensitivities": record.SectionsOf(record.Allergies),
		"recalls":       record.SectionsOf(record.Diary),
		"referrals":     record.SectionsOf(record.Referrals, record.Unrecognised),
		"relationships": record.SectionsOf(record.Unrecognised),
		"results":       record.SectionsOf(record.Investigations),
		"vaccinations":  record.SectionsOf(record.Immunisations),
		"reminders":     record.SectionsOf(record.Alerts, record.Unrecognised),
		"activity":      record.SectionsOf(record.Administration, record.Unrecognised),
		"attachments":   record.SectionsOf(record.Documents),
		"narrative":     record.SectionsOf(record.Consultations, record.Observations),
		"visits":        record.SectionsOf(record.Administration),
		"tasks":         record.SectionsOf(record.Administration),
		"all":           record.AllSections,
		"clinicalcode":  codeSections,
		"numeric":       record.SectionsOf(record.Investigations, record.Observations),
		"author":        record.AllSections,
		"effective":     record.AllSections,
		"entry":         record.AllSections,
	}
	for name, sections := range want {
		q := decodeRequest(t, requestFile(t, "filter-"+name))
		require.Equal(t, sections, q.Sections, name)
		require.False(t, q.Whole, name)
	}
	require.Len(t, flagOrder, 18)
}

// A request written to a holder asks for at least what was asked.
func TestRequest_RoundTrip(t *testing.T) {
	files, err := filepath.Glob(testdata + "/requests/systmone-*.xml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		msg, err := os.ReadFile(file)
		require.NoError(t, err)
		q := decodeRequest(t, msg)
		out, err := newTestCodec(t).EncodeRequest(&q, answerID)
		require.NoError(t, err)
		require.False(t, bytes.ContainsRune(out, '\n'))
		again := decodeRequest(t, out)
		require.Equal(t, answerID.ID, again.MessageID)
		require.Equal(t, q.Patient, again.Patient, file)
		require.Equal(t, q.Whole, again.Whole, file)
		require.Equal(t, q.Sections, q.Sections&again.Sections, file)
		require.Equal(t, q.Entered, again.Entered, file)
		require.Equal(t, q.Authors, again.Authors, file)
		require.Equal(t, q.CodeScheme, again.CodeScheme, file)
		require.Equal(t, q.DrugScheme, again.DrugScheme, file)
	}
}

func TestEncodeRequest_Golden(t *testing.T) {
	q := decodeRequest(t, requestFile(t, "min"))
	q.CodeScheme, q.DrugScheme = "", ""
	out, err := newTestCodec(t).EncodeRequest(&q, answerID)
	require.NoError(t, err)
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><ClientIntegrationRequest><APIKey>key</APIKey><DeviceID>5ca1ab1e0ddba11a</DeviceID>`+
		`<DeviceVersion>1</DeviceVersion><RequestUID>00000000-0000-4000-8000-00000000000a</RequestUID><Function>GetPatientRecord</Function>`+
		`<FunctionVersion>1.0</FunctionVersion><FunctionParameters><Identity><NhsNumber>9998193036</NhsNumber></Identity>`+
		`<Filter><Demographics/></Filter></FunctionParameters></ClientIntegrationRequest>`, string(out))
}

func TestEncodeRequest_Filter(t *testing.T) {
	from, _ := record.ParseISO("2014-02")
	to, _ := record.ParseISO("2016-02")
	q := record.Request{Sections: record.SectionsOf(record.Investigations), Effective: record.Period{From: from, To: to},
		Entered: record.Period{From: from, To: to}, Codes: []mapping.Code{{Scheme: mapping.CTV3, Value: "2469."}}, CodeScheme: mapping.CTV3, DrugScheme: mapping.DMD}
	q.Patient.NHS, _ = record.ParseNHSNumber("9998193036")
	out, err := newTestCodec(t).EncodeRequest(&q, answerID)
	require.NoError(t, err)
	require.Contains(t, string(out), "<OutputScheme><Drugs>Dmd</Drugs><Codes>CTV3</Codes></OutputScheme>")
	require.Contains(t, string(out), "<Filter><MinEffectiveDate>2014-02-01T00:00:00</MinEffectiveDate><MaxEffectiveDate>2016-02-29T23:59:59</MaxEffectiveDate>"+
		"<MinEntryDate>2014-02-01</MinEntryDate><MaxEntryDate>2016-02-29</MaxEntryDate><Demographics/><ClinicalCode>2469.</ClinicalCode><Results/><Numeric>2469.</Numeric></Filter>")

	q.Codes = []mapping.Code{{Scheme: mapping.SNOMED, Value: "271649006"}}
	_, err = newTestCodec(t).EncodeRequest(&q, answerID)
	require.Equal(t, record.ReasonUnmappedRequest, record.ReasonOf(err))
	q.Codes, q.CodeScheme = nil, mapping.ReadV2
	_, err = newTestCodec(t).EncodeRequest(&q, answerID)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
	q.CodeScheme, q.Patient.NHS = "", record.NHSNumber{}
	_, err = newTestCodec(t).EncodeRequest(&q, answerID)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
}

// Every section asked of a SystmOne comes with a flag that brings it.
func TestEncodeRequest_SectionsHaveFlags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := record.SectionSet(rapid.Uint32Range(1, uint32(record.AllSections)).Draw(t, "sections"))
		var got record.SectionSet
		for _, f := range flagsOf(&record.Request{Sections: set}) {
			s, ok := f.sections()
			require.True(t, ok)
			got |= s
		}
		require.Equal(t, set, set&got)
	})
}

// edit changes the rich request in one place.
func edit(t testing.TB, old, with string) []byte {
	msg := string(requestFile(t, "rich"))
	require.Contains(t, msg, old)
	return []byte(strings.Replace(msg, old, with, 1))
}

func TestDecodeRequest_Refused(t *testing.T) {
	const identity = "<NhsNumber>9998193036</NhsNumber>"
	cases := map[string]struct {
		old, with string
		reason    record.Reason
	}{
		"another function":       {"GetPatientRecord", "UpdatePatientRecord", record.ReasonUnsupported},
		"no function":            {"<Function>GetPatientRecord</Function>", "", record.ReasonBadMessage},
		"another version":        {"<FunctionVersion>1.0<", "<FunctionVersion>2.0<", record.ReasonUnsupported},
		"pseudonym":              {identity, "<PseudoNumber>1</PseudoNumber>", record.ReasonUnsupported},
		"prison":                 {identity, "<ClientID>1</ClientID>", record.ReasonUnsupported},
		"unit's own identifier":  {identity, "<StrategicReportingIdentifier>1</StrategicReportingIdentifier>", record.ReasonUnsupported},
		"open record":            {"<Identity>" + identity + "</Identity>", "", record.ReasonUnsupported},
		"empty identity":         {identity, "", record.ReasonUnsupported},
		"check digit":            {"9998193036", "9998193037", record.ReasonNotFound},
		"one digit":              {"9998193036", strings.Repeat("1", 10), record.ReasonNotFound},
		"two identities":         {identity, identity + "<NHSNumber>9998656907</NHSNumber>", record.ReasonBadMessage},
		"identity twice":         {"<Identity>", "<Identity>" + identity + "</Identity><Identity>", record.ReasonBadMessage},
		"unknown code scheme":    {"<Codes>Snomed<", "<Codes>Read2<", record.ReasonUnsupported},
		"unknown drug scheme":    {"<Drugs>Dmd<", "<Drugs>Gemscript<", record.ReasonUnsupported},
		"unknown filter":         {"<Medication/>", "<Tattoos/>", record.ReasonUnsupported},
		"value in a flag":        {"<Medication/>", "<Medication>all</Medication>", record.ReasonBadMessage},
		"flag twice":             {"<Medication/>", "<Medication/><Medication/>", record.ReasonBadMessage},
		"code syntax":            {"XE0Uc", "XE0", record.ReasonBadMessage},
		"date that is none":      {"2016-12-31T23:59:59", "2016-02-31T23:59:59", record.ReasonBadMessage},
		"period backwards":       {"2016-12-31T23:59:59", "2009-12-31T23:59:59", record.ReasonBadMessage},
		"two request ids":        {"<RequestUID>", "<RequestUID>x</RequestUID><RequestUID>", record.ReasonBadMessage},
		"parameters twice":       {"<FunctionParameters>", "<FunctionParameters/><FunctionParameters>", record.ReasonBadMessage},
		"unknown parameter":      {"<LeaveRecordOpen/>", "<Reason>x</Reason>", record.ReasonUnsupported},
		"element in a value":     {"9998193036", "<b>9998193036</b>", record.ReasonBadMessage},
		"filter in a namespace":  {"<Medication/>", `<Medication xmlns="urn:x"/>`, record.ReasonUnsupported},
		"empty author":           {"<UserNameDoneBy>pattwell<", "<UserNameDoneBy><", record.ReasonBadMessage},
		"wrong root":             {"ClientIntegrationRequest>", "ClientIntegrationQuestion>", record.ReasonBadMessage},
		"unfinished":             {"</ClientIntegrationRequest>", "", record.ReasonBadMessage},
		"output scheme of other": {"<Drugs>Dmd</Drugs>", "<Letters>Dmd</Letters>", record.ReasonUnsupported},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			q, err := newTestCodec(t).DecodeRequest(context.Background(), edit(t, c.old, c.with))
			require.Equal(t, c.reason, record.ReasonOf(err), "%v", err)
			require.NotContains(t, err.Error(), "9998193036")
			require.True(t, q.Patient.NHS.IsZero())
			if name != "wrong root" {
				require.NotEmpty(t, q.MessageID)
				require.Equal(t, "5ca1ab1e0ddba11a", q.Device)
			}
			if name == "another function" {
				require.Equal(t, "UpdatePatientRecord", q.Operation)
			}
		})
	}
}

func TestDecodeRequest_Tolerated(t *testing.T) {
	for _, c := range [][2]string{
		{`<?xml version="1.0" encoding="UTF-8"?>`, "\ufeff"},
		{"<APIKey>test-key</APIKey>", ""},
		{"<FunctionVersion>1.0</FunctionVersion>", ""},
		{"<Codes>Snomed</Codes>", "<Codes/>"},
		{"9998193036", " 999 819 3036\n"},
	} {
		require.Equal(t, "9998193036", decodeRequest(t, edit(t, c[0], c[1])).Patient.NHS.Digits())
	}
	// Joined by or: beside a flag that asks for every code, a code narrows nothing.
	require.Empty(t, decodeRequest(t, edit(t, "<Medication/>", "<ClinicalCodes/>")).Codes)
	require.True(t, decodeRequest(t, []byte(strings.Replace(string(requestFile(t, "min")), "<Demographics/>", "", 1))).Whole)
}

func TestDecodeRequest_CutAnywhere(t *testing.T) {
	msg := requestFile(t, "rich")
	for i := range len(msg) {
		_, err := newTestCodec(t).DecodeRequest(context.Background(), msg[:i])
		require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err), "cut at %d", i)
	}
}

func TestSystem_Throttle(t *testing.T) {
	wire := System().Wire
	require.Len(t, wire.Throttle, 2)
	require.Nil(t, wire.Throttle[0].Exempt)
	exempt := wire.Throttle[1].Exempt
	now := time.Date(2016, 11, 14, 23, 59, 0, 0, time.UTC)
	for name, want := range map[string]bool{"filter-demographics": true, "filter-entry": true, "whole": false, "rich": false, "filter-medication": false, "filter-effective": false} {
		q := decodeRequest(t, requestFile(t, name))
		require.Equal(t, want, exempt(&q, now), name)
	}
	q := decodeRequest(t, requestFile(t, "filter-entry"))
	require.False(t, exempt(&q, now.Add(time.Hour)), "tomorrow")
}

func TestNew_Settings(t *testing.T) {
	o := options()
	o.Settings = map[string]string{"api-kee": "x"}
	_, err := System().New(o)
	require.Error(t, err)
	o.Settings = nil
	o.Limits = xmlio.Limits{Bytes: 10}
	c, err := System().New(o)
	require.NoError(t, err)
	_, err = c.DecodeRequest(context.Background(), requestFile(t, "min"))
	require.Equal(t, record.ReasonTooLarge, record.ReasonOf(err))
	_, err = c.DecodeResponse(context.Background(), patientFile(t, "tom-ostler"))
	require.Equal(t, record.ReasonTooLarge, record.ReasonOf(err))
}
