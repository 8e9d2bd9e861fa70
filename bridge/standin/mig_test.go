package standin

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// migAnswerFor is an answer of the MIG as filed.
func migAnswerFor(openHR string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="urn:x"><s:Body><getPatientRecordResponse xmlns="urn:linkspan:mig:profile:v1">` +
		`<serviceHeader><messageId>a-1</messageId></serviceHeader><serviceContent>` + openHR + `</serviceContent></getPatientRecordResponse></s:Body></s:Envelope>`
}

// migRecordOf is a record with an event of each kind a data set may hold.
const migRecordOf = `<openHealthRecord xmlns="http://www.e-mis.com/emisopen">
  <adminDomain><person><id>1</id><surname>Quillfeather</surname></person><patient><patientPerson>1</patientPerson>
    <patientIdentifier><identifierType>NHS</identifierType><value>9998193036</value></patientIdentifier></patient></adminDomain>
  <healthDomain>
    <encounter><id>n1</id></encounter>
    <event><id>diagnosis</id><eventType>OBS</eventType><code codeSystem="2.16.840.1.113883.2.1.6.2" code="G20"/></event>
    <event><id>finding</id><eventType>OBS</eventType><code codeSystem="2.16.840.1.113883.2.1.6.2" code="137R"/></event>
    <event><id>snomed</id><eventType>OBS</eventType><code codeSystem="2.16.840.1.113883.2.1.3.2.4.15" code="7200002"/></event>
    <event><id>translated</id><eventType>OBS</eventType><code codeSystem="2.16.840.1.113883.2.1.6.3" code="X"><translation codeSystem="2.16.840.1.113883.2.1.6.2" code="7H22"/></code></event>
    <event><id>h/o</id><eventType>OBS</eventType><code codeSystem="2.16.840.1.113883.2.1.6.2" code="14L1"/></event>
    <event><id>admission</id><eventType>OBS</eventType><code codeSystem="2.16.840.1.113883.2.1.6.2" code="8H2"/></event>
    <event><id>uncoded</id><eventType>OBS</eventType></event>
    <event><id>systolic</id><eventType>VAL</eventType><code codeSystem="2.16.840.1.113883.2.1.6.2" code="2469"/></event>
    <event><id>haemoglobin</id><eventType>VAL</eventType><code codeSystem="2.16.840.1.113883.2.1.6.2" code="423"/></event>
    <event><id>current</id><eventType>MED</eventType><medication><drugStatus>A</drugStatus></medication></event>
    <event><id>past</id><eventType>MED</eventType><medication><drugStatus>C</drugStatus></medication></event>
    <event><id>issue</id><eventType>ISS</eventType></event>
    <event><id>allergy</id><eventType>ALL</eventType></event>
    <event><id>alert</id><eventType>ALT</eventType></event>
    <event><id>flu</id><eventType>IMM</eventType></event>
    <event><id>report</id><eventType>REP</eventType></event>
    <event><id>referral</id><eventType>REF</eventType></event>
    <problem><id>diagnosis</id><eventLink><id>finding</id></eventLink><eventLink><id>allergy</id></eventLink></problem>
  </healthDomain>
</openHealthRecord>`

// migQuestionFor asks the MIG; sets are names of data sets.
func migQuestionFor(operation, number, consent string, sets ...string) string {
	content := `<patient><nhsNumber>` + number + `</nhsNumber><birthDate>1958-03-07</birthDate></patient>` + consent
	for _, set := range sets {
		content += "<dataSet>" + set + "</dataSet>"
	}
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>` +
		`<a:MessageID>urn:uuid:m-1</a:MessageID><a:Action>urn:linkspan:mig:` + operation + `-v1-0</a:Action></s:Header><s:Body>` +
		`<` + operation + `Request xmlns="urn:linkspan:mig:profile:v1"><serviceHeader><messageId>m-1</messageId><creationTime>2016-11-22T09:30:00Z</creationTime>` +
		`<sender><nationalCode>X99005</nationalCode><displayName>Tidewater</displayName><department>Diabetes</department></sender>` +
		`<recipient><nationalCode>X99001</nationalCode></recipient><user><id>rsandhu</id><displayName>Roopa Sandhu</displayName><role>R8001</role></user></serviceHeader>` +
		`<serviceContent>` + content + `<contentModel>ESTUARY</contentModel></serviceContent></` + operation + `Request></s:Body></s:Envelope>`
}

const given = `<consent status="GIVEN"/>`

func migRequestFor(number string, set string) string {
	if set == "" {
		return migQuestionFor(migRecord, number, given)
	}
	return migQuestionFor(migRecord, number, given, set)
}

func TestMIGAnswers(t *testing.T) {
	s := serve(t, "mig", Options{Organisations: []string{"X99001"}, Users: []string{"rsandhu"}})
	root := s.ask(t, migRequestFor(nora, ""))
	answer := root.FindElement("./Body/getPatientRecordResponse")
	require.Equal(t, migSpace, answer.NamespaceURI())
	require.Equal(t, []string{"messageId", "inResponseTo", "creationTime", "sender", "recipient"}, tags(child(answer, "serviceHeader")))
	require.Equal(t, "m-1", text(child(answer, "serviceHeader"), "inResponseTo"))
	require.Equal(t, "urn:uuid:m-1", text(child(root, "Header"), "RelatesTo"))
	require.Equal(t, "X99001", text(descend(answer, "serviceHeader", "sender"), "nationalCode"))
	record := descend(answer, "serviceContent", "openHealthRecord")
	require.Equal(t, "http://www.e-mis.com/emisopen", record.NamespaceURI())
	require.Len(t, child(record, "healthDomain").ChildElements(), 19)

	root = s.ask(t, migQuestionFor(migLocate, nora, given))
	location := root.FindElement("./Body/locatePatientResponse/serviceContent/location")
	require.Equal(t, "X99001", text(location, "nationalCode"))
	require.Len(t, location.FindElements("./dataSet"), 10)

	require.Equal(t, nora, numberIn(s.ask(t, migQuestionFor(migRecord, nora, `<consent status="EMERGENCY" reason="UNCONSCIOUS">Found.</consent>`))))
}

func TestMIGDataSets(t *testing.T) {
	s := serve(t, "mig", Options{})
	for sets, want := range map[string]string{
		"PATIENT_DETAILS":        "",
		"SUMMARY":                "diagnosis current allergy +diagnosis allergy",
		"PROBLEMS":               "diagnosis +diagnosis",
		"DIAGNOSIS":              "diagnosis",
		"MEDICATION":             "current past issue",
		"RISKS_AND_WARNINGS":     "h/o allergy alert",
		"PROCEDURES":             "translated flu",
		"INVESTIGATIONS":         "haemoglobin report",
		"EXAMINATION":            "systolic",
		"EVENTS":                 "admission referral",
		"EXAMINATION MEDICATION": "systolic current past issue",
	} {
		t.Run(sets, func(t *testing.T) {
			root := s.ask(t, migQuestionFor(migRecord, nora, given, strings.Fields(sets)...))
			require.Equal(t, nora, numberIn(root))
			var got []string
			for _, e := range root.FindElement(".//healthDomain").ChildElements() {
				if e.Tag == "problem" {
					got = append(got, "+"+text(e, "id"))
					for _, l := range e.FindElements("./eventLink/id") {
						got = append(got, l.Text())
					}
					continue
				}
				got = append(got, text(e, "id"))
			}
			require.Equal(t, want, strings.Join(got, " "))
		})
	}
}

func TestMIGRefuses(t *testing.T) {
	good := migRequestFor(nora, "SUMMARY")
	s := serve(t, "mig", Options{Organisations: []string{"X99001"}, Users: []string{"rsandhu"}})
	replace := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	user := `<user><id>rsandhu</id><displayName>Roopa Sandhu</displayName><role>R8001</role></user>`
	for name, c := range map[string]struct{ request, code, words string }{
		"empty":               {"", "", "empty"},
		"not well-formed":     {good[:len(good)-3], "", "well-formed"},
		"SOAP 1.2":            {strings.Replace(good, soapSpace, "http://www.w3.org/2003/05/soap-envelope", 1), "", "SOAP 1.1"},
		"no header":           {replace(`<s:Header><a:MessageID>urn:uuid:m-1</a:MessageID><a:Action>urn:linkspan:mig:getPatientRecord-v1-0</a:Action></s:Header>`, ""), "", "Header"},
		"an answer":           {migAnswerFor(migRecordOf), "", "Header"},
		"another profile":     {strings.ReplaceAll(good, migSpace, "urn:other"), "", "profile"},
		"two questions":       {replace("<s:Body>", `<s:Body><locatePatientRequest xmlns="urn:linkspan:mig:profile:v1"/>`), "", "one question"},
		"another service":     {strings.ReplaceAll(good, "getPatientRecord", "putPatientRecord"), "", "service"},
		"no message id":       {replace("<messageId>m-1</messageId>", ""), migInvalid, "messageId"},
		"no time":             {replace("2016-11-22T09:30:00Z", "yesterday"), migInvalid, "creationTime"},
		"no sender":           {replace("X99005", ""), migInvalid, "nationalCode"},
		"no user":             {replace(user, ""), migInvalid, "user"},
		"no user id":          {replace("<id>rsandhu</id>", ""), migInvalid, "id"},
		"order":               {replace(user, "") + "", migInvalid, "user"},
		"header element":      {replace("<user>", "<purpose/><user>"), migInvalid, "purpose"},
		"unknown user":        {replace("rsandhu", "stranger"), migDenied, "user"},
		"another practice":    {replace("X99001", "X99009"), migElsewhere, "organisation"},
		"other action":        {replace("getPatientRecord-v1-0", "locatePatient-v1-0"), migInvalid, "Action"},
		"other message":       {replace("urn:uuid:m-1", "urn:uuid:m-2"), migInvalid, "MessageID"},
		"unknown header":      {replace("<a:Action>", "<a:Security/><a:Action>"), migInvalid, "Security"},
		"no patient":          {replace("<nhsNumber>"+nora+"</nhsNumber>", ""), migInvalid, "nhsNumber"},
		"not a number":        {replace(nora, "99981930x6"), migInvalid, "nhsNumber"},
		"not a date of birth": {replace("1958-03-07", "1958-02-30"), migInvalid, "birthDate"},
		"no consent":          {replace(given, ""), migNoConsent, "consent"},
		"consent refused":     {replace("GIVEN", "REFUSED"), migNoConsent, "refused"},
		"consent of no kind":  {replace("GIVEN", "PERHAPS"), migInvalid, "consent"},
		"no status":           {replace(` status="GIVEN"`, ""), migInvalid, "consent"},
		"override, no reason": {replace("GIVEN", "EMERGENCY"), migInvalid, "reason"},
		"given, with reason":  {replace(given, `<consent status="GIVEN" reason="UNCONSCIOUS"/>`), migInvalid, "reason"},
		"unknown data set":    {replace("SUMMARY", "EVERYTHING"), migUnsupported, "dataSet"},
		"data set twice":      {replace("<dataSet>", "<dataSet>SUMMARY</dataSet><dataSet>"), migInvalid, "more than once"},
		"where, of a set":     {migQuestionFor(migLocate, nora, given, "SUMMARY"), migInvalid, "dataSet"},
		"unknown patient":     {replace(nora, nobody), migNotFound, "not known"},
		"nowhere":             {migQuestionFor(migLocate, nobody, given), migNotFound, "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			root := s.ask(t, c.request)
			if c.code == "" {
				fault := root.FindElement("./Body/Fault")
				require.NotNil(t, fault)
				require.Equal(t, "soap:Client", text(fault, "faultcode"))
				require.Contains(t, text(fault, "faultstring"), c.words)
				return
			}
			wrong := root.FindElement("./Body/*/serviceContent/error")
			require.NotNil(t, wrong)
			require.Equal(t, []string{"code", "text"}, tags(wrong))
			require.Equal(t, c.code, text(wrong, "code"))
			require.Contains(t, strings.ToLower(text(wrong, "text")), strings.ToLower(c.words))
			require.Nil(t, root.FindElement(".//openHealthRecord"))
		})
	}
	require.NoError(t, s.SetOptions(Options{Error: "The practice is closed"}))
	wrong := s.ask(t, good).FindElement("./Body/getPatientRecordResponse/serviceContent/error")
	require.Equal(t, []string{migUnavailable, "The practice is closed", "true"}, []string{text(wrong, "code"), text(wrong, "text"), text(wrong, "retry")})
}

// TestMIGByDataSet: the product's calls by data set are taken, and give together
// what one call gives, as far as the data sets hold it.
func TestMIGByDataSet(t *testing.T) {
	s, err := New("mig", os.DirFS("../../testdata/patients"), Options{})
	require.NoError(t, err)
	for _, of := range pairs.Systems() {
		if of.Name != "mig" {
			continue
		}
		counts := map[string]int{}
		for _, calls := range []string{"one", "each"} {
			codec, err := of.New(system.Options{Settings: map[string]string{"organisation": "X99005", "calls": calls}})
			require.NoError(t, err)
			number, err := record.ParseNHSNumber(nora)
			require.NoError(t, err)
			q := record.Request{Requester: hazel, Patient: record.Identity{NHS: number}, Target: "X99001", Sections: record.AllSections, Whole: true}
			msg := exchange(t, codec, &q, func(msg []byte) []byte { return s.Handle(t.Context(), msg, peer) })
			answer, err := codec.DecodeResponse(t.Context(), msg)
			require.NoError(t, err)
			require.NotNil(t, answer.Record())
			for _, e := range answer.Record().Entries {
				if e.Kind == record.KindAllergy || e.Kind == record.KindMedication || e.Kind == record.KindProblem {
					if e.Outcome != record.Duplicate {
						counts[calls+e.Kind.String()]++
					}
				}
			}
		}
		for _, kind := range []record.Kind{record.KindAllergy, record.KindMedication, record.KindProblem} {
			require.Positive(t, counts["each"+kind.String()])
			require.Equal(t, counts["one"+kind.String()], counts["each"+kind.String()], kind.String())
		}
	}
}
