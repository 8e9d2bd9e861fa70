package standin

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/beevik/etree"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

const guruJSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

func noraDetails() string {
	return `{"title":"Mrs","surname":"Quillfeather","dob":"1958-03-07","nhs":"999 819 3036","telephone2":null}`
}

// message is a head and a body with the length between them.
func message(head, body string) string {
	return head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

const guruRecord = `{"allergies":{"hasAccess":true,"count":1.0,"data":[{"id":"a1","description":"É < \u00e9"}]}}`

const guruExtractOfNora = `<RCMR_IN030000UK06 xmlns="urn:hl7-org:v3"><id root="A"/><ControlActEvent><subject><EhrExtract><id root="B"/>` +
	`<recordTarget><patient><id root="2.16.840.1.113883.2.1.4.1" extension="9998193036"/></patient></recordTarget>` +
	`<destination><AgentOrgSDS><agentOrganizationSDS><id root="1.2.826.0.1285.0.1.10" extension="X"/></agentOrganizationSDS></AgentOrgSDS></destination>` +
	`<component/><inFulfillmentOf><priorEhrRequest><id root="C"/></priorEhrRequest></inFulfillmentOf></EhrExtract></subject></ControlActEvent></RCMR_IN030000UK06>`

func guruFiles() fstest.MapFS {
	partial := strings.Replace(guruJSON, "200 OK", "202 Accepted", 1)
	tomDetails := message(guruJSON, `{"surname":"Ostler","nhs":"9998656907"}`)
	return fstest.MapFS{
		"nora/guru.my-record.http": {Data: []byte(message(guruJSON, noraDetails()) + message(partial, guruRecord))},
		"nora/guru.extract.http":   {Data: []byte(message(guruJSON, noraDetails()) + "\r\n" + message("HTTP/1.1 200 OK\nContent-Type: application/xml\n", guruExtractOfNora))},
		"tom/guru.extract.http":    {Data: []byte(tomDetails)},
		"failure.http":             {Data: []byte(message("HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n", `{"error":"x"}`))},
		"request.http":             {Data: []byte(guruGet(guruMyRecord, nora))},
	}
}

func guruGet(path, number string) string {
	return "GET " + path + " HTTP/1.1\r\nNHSO-Nhs-Number: " + number + "\r\nNHSO-ODS-Code: X99003\r\nX-Request-ID: r-1\r\n\r\n"
}

const ehrRequest = `<RCMR_IN010000UK05 xmlns="urn:hl7-org:v3"><id root="M-1"/><creationTime value="20161122093000"/><versionCode code="V3NPfIT3.0"/>` +
	`<interactionId root="2.16.840.1.113883.2.1.3.2.4.12" extension="RCMR_IN010000UK05"/><processingCode code="P"/><processingModeCode code="T"/>` +
	`<acceptAckCode code="NE"/><ControlActEvent classCode="CACT" moodCode="EVN"><subject typeCode="SUBJ" contextConductionInd="false">` +
	`<EhrRequest classCode="EXTRACT" moodCode="RQO"><id root="E-1"/><recordTarget typeCode="RCT"><patient classCode="PAT">` +
	`<id root="2.16.840.1.113883.2.1.4.1" extension="9998193036"/></patient></recordTarget>` +
	`<author typeCode="AUT"><AgentOrgSDS classCode="AGNT"><agentOrganizationSDS classCode="ORG" determinerCode="INSTANCE"><id root="1.2.826.0.1285.0.1.10" extension="X99001"/></agentOrganizationSDS></AgentOrgSDS></author>` +
	`<author typeCode="AUT"><AgentPersonSDS classCode="AGNT"><agentPersonSDS classCode="PSN" determinerCode="INSTANCE"><id root="1.2.826.0.1285.0.2.0.65" extension="hwinterbourne"/></agentPersonSDS></AgentPersonSDS></author>` +
	`<destination typeCode="DST"><AgentOrgSDS classCode="AGNT"><agentOrganizationSDS classCode="ORG" determinerCode="INSTANCE"><id root="1.2.826.0.1285.0.1.10" extension="X99003"/></agentOrganizationSDS></AgentOrgSDS></destination>` +
	`</EhrRequest></subject></ControlActEvent></RCMR_IN010000UK05>`

func guruPost(body string) string {
	return message("POST /gp2gp/extract HTTP/1.1\r\nNHSO-Nhs-Number: 9998193036\r\nNHSO-ODS-Code: X99003\r\nContent-Type: application/xml\r\nX-Request-ID: r-1\r\n", body)
}

// put asks Guru over its wire and gives the head and the body of the answer.
func (s served) put(t *testing.T, request string) (head, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answer, err := s.client.Do(ctx, []byte(request), nil)
	require.NoError(t, err)
	head, body, found := strings.Cut(string(answer), "\r\n\r\n")
	require.True(t, found)
	return head, body
}

func TestGuruAnswers(t *testing.T) {
	s := serveFiles(t, "guru", guruFiles(), Options{Organisations: []string{"X99003"}, Users: []string{"hwinterbourne"}, Format: FormatOpenHR})
	require.Equal(t, []string{nora, tom}, s.Patients())

	head, body := s.put(t, guruGet(guruDemographics, nora))
	require.Equal(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Correlation-ID: r-1\r\nContent-Length: "+strconv.Itoa(len(body)), head)
	require.Equal(t, noraDetails(), body)

	head, body = s.put(t, guruGet(guruMyRecord, nora))
	require.True(t, strings.HasPrefix(head, "HTTP/1.1 202 Accepted\r\n"), "a partial success stays one")
	require.Equal(t, guruRecord, body, "as filed")

	head, body = s.put(t, guruPost(ehrRequest))
	require.Contains(t, head, "Content-Type: application/xml\r\nX-Correlation-ID: r-1\r\n")
	doc := etree.NewDocument()
	require.NoError(t, doc.ReadFromString(body))
	extract := doc.FindElement("/RCMR_IN030000UK06/ControlActEvent/subject/EhrExtract")
	require.Equal(t, nora, extract.FindElement("./recordTarget/patient/id").SelectAttrValue("extension", ""))
	require.Equal(t, "E-1", extract.FindElement("./inFulfillmentOf/priorEhrRequest/id").SelectAttrValue("root", ""))
	require.Equal(t, "X99001", extract.FindElement("./destination//id").SelectAttrValue("extension", ""))
	require.NotEqual(t, "A", doc.Root().SelectElement("id").SelectAttrValue("root", ""))

	head, _ = s.put(t, strings.Replace(guruGet(guruMyRecord, tom), "X-Request-ID: r-1\r\n", "", 1))
	require.True(t, strings.HasPrefix(head, "HTTP/1.1 404 Not Found\r\n"), "filed with details alone")
	require.NotContains(t, head, "X-Correlation-ID")
}

func TestGuruRefuses(t *testing.T) {
	s := serveFiles(t, "guru", guruFiles(), Options{Organisations: []string{"X99003"}, Users: []string{"hwinterbourne"}})
	get, post := guruGet(guruMyRecord, nora), guruPost(ehrRequest)
	extract := func(old, new string) string {
		require.Contains(t, ehrRequest, old)
		return guruPost(strings.Replace(ehrRequest, old, new, 1))
	}
	head := func(request, old, new string) string {
		require.Contains(t, request, old)
		return strings.Replace(request, old, new, 1)
	}
	org := `<author typeCode="AUT"><AgentOrgSDS classCode="AGNT"><agentOrganizationSDS classCode="ORG" determinerCode="INSTANCE"><id root="1.2.826.0.1285.0.1.10" extension="X99001"/></agentOrganizationSDS></AgentOrgSDS></author>`
	for name, c := range map[string]struct {
		request string
		status  int
		words   string
	}{
		"no HTTP":                    {"<a/>", 400, "head"},
		"an answer":                  {guruJSON + "\r\n", 400, "request line"},
		"HTTP/1.0":                   {head(get, "HTTP/1.1", "HTTP/1.0"), 400, "request line"},
		"folded":                     {head(get, "X-Request-ID: r-1", "X-Request-ID: r-1\r\n x"), 400, "not a field"},
		"a line feed":                {head(get, "X-Request-ID: r-1", "X-Request-ID: r-1\nA: x"), 400, "not a field"},
		"a NUL":                      {head(get, "r-1", "r\x00"), 400, "not a field"},
		"two numbers":                {head(get, "X-Request-ID", "nhso-nhs-number"), 400, "more than once"},
		"two requests":               {get + get, 400, "more than one request"},
		"two in another way":         {post + get, 400, "more than one request"},
		"longer":                     {post + "x", 400, "longer"},
		"shorter":                    {post[:len(post)-1], 400, "shorter"},
		"length of no number":        {head(post, "Content-Length: ", "Content-Length: +"), 400, "not a length"},
		"no length":                  {head(post, "Content-Length", "X-Length"), 400, "Content-Length"},
		"unknown path":               {guruGet("/patient/everything", nora), 404, "path"},
		"a query":                    {guruGet(guruMyRecord+"?all=1", nora), 404, "path"},
		"POST of my-record":          {head(get, "GET", "POST"), 405, "GET"},
		"GET of the extract":         {head(post, "POST", "GET"), 405, "POST"},
		"no number":                  {head(get, "NHSO-Nhs-Number", "X-Number"), 400, "NHSO-Nhs-Number"},
		"not a number":               {head(get, nora, "999819303"), 400, "NHSO-Nhs-Number"},
		"no practice":                {head(get, "NHSO-ODS-Code", "X-Code"), 400, "NHSO-ODS-Code"},
		"not a practice":             {head(get, "X99003", "harbour lights"), 400, "NHSO-ODS-Code"},
		"another practice":           {head(get, "X99003", "X99009"), 403, "practice"},
		"a body of a GET":            {message(head(get, "\r\n\r\n", "\r\n"), "x"), 400, "no body"},
		"unknown patient":            {guruGet(guruMyRecord, nobody), 404, "not known"},
		"unknown, by details":        {guruGet(guruDemographics, nobody), 404, "not known"},
		"type of the body":           {head(post, "application/xml", "text/plain"), 415, "application/xml"},
		"empty body":                 {guruPost(""), 400, "empty"},
		"not well-formed":            {guruPost(ehrRequest[:len(ehrRequest)-2]), 400, "well-formed"},
		"another message":            {guruPost(strings.ReplaceAll(ehrRequest, "RCMR_IN010000UK05", "RCMR_IN010000UK04")), 400, "root element"},
		"another interaction":        {extract(`extension="RCMR_IN010000UK05"`, `extension="RCMR_IN030000UK06"`), 400, "interactionId"},
		"another namespace":          {extract("urn:hl7-org:v3", "urn:hl7-org:v2"), 400, "root element"},
		"order":                      {extract(`<processingCode code="P"/><processingModeCode code="T"/>`, `<processingModeCode code="T"/><processingCode code="P"/>`), 400, "too late"},
		"no id of the message":       {extract(`<id root="M-1"/>`, `<id root=""/>`), 400, "id"},
		"no id of the request":       {extract(`<id root="E-1"/>`, ""), 400, "id"},
		"unknown element":            {extract("<recordTarget", "<purpose/><recordTarget"), 400, "purpose"},
		"another patient than head":  {extract(nora, tom), 400, "NHSO-Nhs-Number"},
		"a number of another kind":   {extract("2.16.840.1.113883.2.1.4.1", "2.16.840.1.113883.2.1.4.2"), 400, "patient"},
		"another practice than head": {extract("X99003", "X99004"), 400, "NHSO-ODS-Code"},
		"no author":                  {extract(org, ""), 400, "author"},
		"author of no ODS":           {extract(`<id root="1.2.826.0.1285.0.1.10" extension="X99001"/>`, `<id root="1.2" extension="X99001"/>`), 400, "ODS"},
		"unknown user":               {extract("hwinterbourne", "stranger"), 403, "user"},
	} {
		t.Run(name, func(t *testing.T) {
			// Some of these the wire would not carry, so they are not put on it.
			answer := string(s.Handle(t.Context(), []byte(c.request), peer))
			require.True(t, strings.HasPrefix(answer, "HTTP/1.1 "+strconv.Itoa(c.status)+" "+http.StatusText(c.status)+"\r\n"), answer)
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			var wrong map[string]string
			require.NoError(t, json.Unmarshal([]byte(body), &wrong))
			require.Contains(t, strings.ToLower(wrong["error"]), strings.ToLower(c.words))
		})
	}
	require.NoError(t, s.SetOptions(Options{Error: "Evolution is closed"}))
	for _, request := range []string{get, post, guruGet(guruDemographics, nora)} {
		head, body := s.put(t, request)
		require.True(t, strings.HasPrefix(head, "HTTP/1.1 500 Internal Server Error\r\n"))
		require.JSONEq(t, `{"error":"Evolution is closed"}`, body)
		require.Contains(t, head, "X-Correlation-ID: r-1")
	}
}

func TestGuruSwitches(t *testing.T) {
	s := serveFiles(t, "guru", guruFiles(), Options{})
	for _, c := range []struct {
		o                Options
		details, extract string // what stands in them
	}{
		{Options{Latency: time.Millisecond}, noraDetails(), nora},
		{Options{WrongPatient: true}, strings.Replace(noraDetails(), "999 819 3036", another, 1), another},
		{Options{NoPatient: true}, `{"title":"Mrs","surname":"Quillfeather","dob":"1958-03-07","telephone2":null}`, ""},
		{Options{Swapped: tom}, `{"surname":"Ostler","nhs":"9998193036"}`, nora},
		{Options{NoDemographics: true}, `{"nhs":"999 819 3036"}`, nora},
		{Options{Standing: StandingDeceased}, noraDetails(), nora},
		{Options{Instead: nora, Disguised: true}, strings.Replace(noraDetails(), "999 819 3036", nora, 1), nora},
	} {
		require.NoError(t, s.SetOptions(c.o))
		_, details := s.put(t, guruGet(guruDemographics, nora))
		require.Equal(t, c.details, details)
		_, extract := s.put(t, guruPost(ehrRequest))
		doc := etree.NewDocument()
		require.NoError(t, doc.ReadFromString(extract))
		id := doc.FindElement("//recordTarget/patient/id")
		require.Equal(t, c.extract == "", id == nil)
		if id != nil {
			require.Equal(t, c.extract, id.SelectAttrValue("extension", ""))
		}
		_, body := s.put(t, guruGet(guruMyRecord, nora))
		require.Equal(t, guruRecord, body)
	}
	require.NoError(t, s.SetOptions(Options{Instead: tom}))
	_, details := s.put(t, guruGet(guruDemographics, nora))
	require.Equal(t, `{"surname":"Ostler","nhs":"9998656907"}`, details)
	require.NoError(t, s.SetOptions(Options{Instead: tom, Disguised: true}))
	_, details = s.put(t, guruGet(guruDemographics, nora))
	require.Equal(t, `{"surname":"Ostler","nhs":"9998193036"}`, details)

	require.NoError(t, s.SetOptions(Options{Standing: StandingSensitive}))
	head, sensitive := s.put(t, guruGet(guruDemographics, nora))
	require.Contains(t, head, " 404 ")
	require.NoError(t, s.SetOptions(Options{}))
	_, unknown := s.put(t, guruGet(guruDemographics, nobody))
	require.Equal(t, unknown, sensitive)

	for _, o := range []Options{{Malformed: true}, {Truncate: true}} {
		require.NoError(t, s.SetOptions(o))
		for _, request := range []string{guruGet(guruDemographics, nora), guruGet(guruMyRecord, nora)} {
			_, body := s.put(t, request)
			require.False(t, json.Valid([]byte(body)))
			require.NotEmpty(t, body)
		}
		_, body := s.put(t, guruPost(ehrRequest))
		require.NotEmpty(t, body)
		require.Error(t, etree.NewDocument().ReadFromString(body))
	}
	for _, o := range []Options{{Silent: true}, {Latency: 200 * time.Millisecond}} {
		require.NoError(t, s.SetOptions(o))
		require.Equal(t, record.ReasonTimeout, s.reason(t, guruGet(guruMyRecord, nora), 30*time.Millisecond))
	}
	require.Len(t, s.Requests(), 7*3+2+2+6+2)
}

func TestGuruFiles(t *testing.T) {
	good := guruFiles()
	for name, c := range map[string]struct{ data, words string }{
		"no details":       {message(guruJSON, "[]"), "answer 1"},
		"cut details":      {message(guruJSON, `{"nhs":"1"`), ""},
		"not JSON":         {message(guruJSON, noraDetails()) + message(guruJSON, "{"), "answer 2"},
		"no extract":       {message(guruJSON, noraDetails()) + message("HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n", "<a/>"), "no extract"},
		"cut":              {message(guruJSON, noraDetails()) + "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "answer 2"},
		"no answer":        {message(guruJSON, noraDetails()) + "x", "answer 2"},
		"no length":        {guruJSON + "\r\n{}", "answer 1"},
		"other details":    {message(guruJSON, strings.Replace(noraDetails(), "Mrs", "Dr", 1)), "different details"},
		"my-record, twice": {message(guruJSON, noraDetails()) + message(guruJSON, "{}"), "are the record of one patient"},
	} {
		files := fstest.MapFS{"nora/guru.my-record.http": good["nora/guru.my-record.http"], "other.http": {Data: []byte(c.data)}}
		_, err := New("guru", files, Options{})
		require.ErrorContains(t, err, c.words, name)
		require.ErrorContains(t, err, "other.http", name)
	}
}
