package standin

import (
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/stretchr/testify/require"
)

// visionFile is a patient file with an element of each kind a view may hold.
const visionFile = `<?xml version="1.0"?>
<header created="2016-11-22T10:15:00" pat_id="613">
  <patient identity="252" prac_id="X99004" surname="QUILLFEATHER" nhs_no="9998193036" newnhsno="9998193036" dob="1958-03-07T00:00:00" _dob="1" reg_status="REG002"/>
  <problems identity="p" read_code="G20..00" subgroup_code="CurrentProblem"/>
  <clinical identity="diagnosis" entity_ty="63" category="SED003" read_code="G20..00" text="a ]]&gt; b &lt; µ&#13;"/>
  <clinical identity="note" entity_ty="63" category="SED001" read_code="137R.00"/>
  <clinical identity="allergy" entity_ty="63" category="SED003" subgroup_code="Allergy" read_code="14L1.00"/>
  <clinical identity="operation" entity_ty="63" category="SED004" read_code="7H22.00"/>
  <clinical identity="repeat" entity_ty="40" category="SED004"/>
  <clinical identity="issue" entity_ty="39" category="SED004"/>
  <clinical identity="pressure" entity_ty="56"/>
  <clinical identity="weight" entity_ty="79"/>
  <clinical identity="test" entity_ty="204"/>
  <clinical identity="flu" entity_ty="91"/>
</header>`

// visionAnswerFor is an answer of Vision as filed.
func visionAnswerFor(document string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><v:visionResponse xmlns:v="urn:vision"><v:serviceContent><v:record><![CDATA[` +
		document + `]]></v:record></v:serviceContent></v:visionResponse></s:Body></s:Envelope>`
}

// visionRequestFor asks Vision for a view, "" for the details.
func visionRequestFor(number, view string) string {
	service, version, content, end := visionDemographics, "2.0.0", "DemographicsRequest", ""
	if view != "" {
		service, version, content = visionData, "2.1.0", "PatientDataRequest"
		end = "<ResponseFormat>XML</ResponseFormat><View>" + view + "</View>"
	}
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header><a:MessageID>urn:uuid:m-1</a:MessageID></s:Header>` +
		`<s:Body><visionRequest xmlns="urn:vision"><serviceDefinition><name>` + service + `</name><version>` + version + `</version></serviceDefinition><serviceContent><` + content + `>` +
		`<PracticeIdentifier>X99004</PracticeIdentifier><PatientIdentifier>` + number + `</PatientIdentifier><Sender><UserName>hwinterbourne</UserName>` +
		`<UserFullName>Dr Hazel Winterbourne</UserFullName><UserIdentity>0</UserIdentity><UserRole>R8000</UserRole></Sender>` + end +
		`</` + content + `></serviceContent></visionRequest></s:Body></s:Envelope>`
}

// fileIn is the patient file an answer holds.
func fileIn(t *testing.T, root *etree.Element) *etree.Element {
	t.Helper()
	held := root.FindElement("./Body/visionResponse/serviceContent/record")
	require.NotNil(t, held)
	require.Equal(t, visionSpace, held.NamespaceURI())
	doc := etree.NewDocument()
	require.NoError(t, doc.ReadFromString(held.Text()))
	require.Equal(t, "header", doc.Root().Tag)
	return doc.Root()
}

func TestVisionViews(t *testing.T) {
	s := serve(t, "vision", Options{Organisations: []string{"X99004"}, Users: []string{"hwinterbourne"}})
	for view, want := range map[string]string{
		"":                   "252",
		"VPS_ALLERGIES":      "252 allergy",
		"VPS_MEDICATIONS":    "252 repeat issue",
		"VPS_EVENT_HISTORY":  "252 diagnosis note operation pressure weight test flu",
		"PROBLEMS":           "252 p",
		"DIAGNOSIS":          "252 p diagnosis allergy",
		"MEDICATIONS":        "252 repeat issue",
		"RISKS AND WARNINGS": "252 allergy",
		"PROCEDURES":         "252 operation flu",
		"TEST RESULTS":       "252 test",
		"EXAM FINDINGS":      "252 pressure weight",
		"PATIENT_RECORD":     "252 p diagnosis note allergy operation repeat issue pressure weight test flu",
	} {
		t.Run(view, func(t *testing.T) {
			root := s.ask(t, visionRequestFor(nora, view))
			require.Equal(t, "urn:uuid:m-1", text(child(root, "Header"), "RelatesTo"))
			var got []string
			for _, e := range fileIn(t, root).ChildElements() {
				got = append(got, e.SelectAttrValue("identity", ""))
			}
			require.Equal(t, want, strings.Join(got, " "))
		})
	}
	file := fileIn(t, s.ask(t, visionRequestFor(nora, "PATIENT_RECORD")))
	require.Equal(t, "2016-11-22T10:15:00", file.SelectAttrValue("created", ""))
	require.Equal(t, "a ]]> b < µ\r", file.FindElement("./clinical").SelectAttrValue("text", ""))
	require.Equal(t, []string{nora, tom}, s.Patients(), "also one who stands in a file by itself")
}

func TestVisionRefuses(t *testing.T) {
	good := visionRequestFor(nora, "PROBLEMS")
	s := serve(t, "vision", Options{Organisations: []string{"X99004"}, Users: []string{"hwinterbourne"}})
	replace := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct{ request, words string }{
		"empty":              {"", "empty"},
		"not well-formed":    {good[:len(good)-3], "well-formed"},
		"document type":      {"<!DOCTYPE x>" + good, "document type"},
		"SOAP 1.2":           {strings.Replace(good, soapSpace, "http://www.w3.org/2003/05/soap-envelope", 1), "SOAP 1.1"},
		"the body alone":     {`<visionRequest xmlns="urn:vision"/>`, "SOAP 1.1"},
		"no header":          {replace(`<s:Header><a:MessageID>urn:uuid:m-1</a:MessageID></s:Header>`, ""), "Header"},
		"no message id":      {replace(`<a:MessageID>urn:uuid:m-1</a:MessageID>`, ""), "MessageID"},
		"unknown header":     {replace(`<s:Header>`, `<s:Header><Security xmlns="urn:x"/>`), "Security"},
		"two requests":       {replace("<s:Body>", `<s:Body><visionRequest xmlns="urn:vision"/>`), "more than once"},
		"another namespace":  {replace("urn:vision", "urn:inps"), "visionRequest"},
		"an answer":          {strings.ReplaceAll(good, "visionRequest", "visionResponse"), "visionResponse"},
		"no service":         {replace("<name>VOS.GetPatientData</name>", ""), "name"},
		"another service":    {replace("VOS.GetPatientData", "VOS.GetConfiguration"), "service"},
		"another version":    {replace("2.1.0", "2.0.0"), "version"},
		"version of another": {strings.Replace(visionRequestFor(nora, ""), "2.0.0", "2.1.0", 1), "version"},
		"content of another": {replace("VOS.GetPatientData</name><version>2.1.0", "VODEM.GetDemographics</name><version>2.0.0"), "PatientDataRequest"},
		"no practice":        {replace("<PracticeIdentifier>X99004</PracticeIdentifier>", ""), "PracticeIdentifier"},
		"not a practice":     {replace("X99004", "Breakwater"), "ODS"},
		"another practice":   {replace("X99004", "X99009"), "practice"},
		"not a number":       {replace(nora, "250"), "PatientIdentifier"},
		"no sender":          {replace("<UserName>hwinterbourne</UserName>", ""), "UserName"},
		"empty sender":       {replace("hwinterbourne", ""), "UserName"},
		"unknown user":       {replace("hwinterbourne", "stranger"), "user"},
		"HTML":               {replace("<ResponseFormat>XML", "<ResponseFormat>HTML"), "ResponseFormat"},
		"no view":            {replace("<View>PROBLEMS</View>", ""), "View"},
		"two views":          {replace("<View>", "<View>DIAGNOSIS</View><View>"), "more than once"},
		"unknown view":       {replace("PROBLEMS", "EVERYTHING"), "View"},
		"order":              {replace("<ResponseFormat>XML</ResponseFormat><View>PROBLEMS</View>", "<View>PROBLEMS</View><ResponseFormat>XML</ResponseFormat>"), "too late"},
		"a view of details":  {strings.Replace(visionRequestFor(nora, ""), "</Sender>", "</Sender><View>PROBLEMS</View>", 1), "View"},
	} {
		t.Run(name, func(t *testing.T) {
			fault := s.ask(t, c.request).FindElement("./Body/Fault")
			require.NotNil(t, fault)
			require.Equal(t, "soap:Client", text(fault, "faultcode"))
			require.Contains(t, strings.ToLower(text(fault, "faultstring")), strings.ToLower(c.words))
		})
	}
	signed := replace(`<s:Header>`, `<s:Header><Security xmlns="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"><x xmlns=""/></Security>`)
	require.Nil(t, s.ask(t, signed).FindElement("./Body/Fault"), "a signature is passed over")

	require.NoError(t, s.SetOptions(Options{Error: "Vision is closed"}))
	fault := s.ask(t, good).FindElement("./Body/Fault")
	require.Equal(t, []string{"soap:Server", "Vision is closed"}, []string{text(fault, "faultcode"), text(fault, "faultstring")})
}

func TestVisionSwitches(t *testing.T) {
	s := serve(t, "vision", Options{})
	for _, c := range []struct {
		o    Options
		want string // of the patient element
	}{
		{Options{Instead: tom}, `nhs_no="9998656907" surname="OSTLER"`},
		{Options{Instead: tom, Disguised: true}, `nhs_no="9998193036" surname="OSTLER" newnhsno="9998193036"`},
		{Options{Swapped: tom}, `nhs_no="9998193036" surname="OSTLER" newnhsno="9998193036"`},
		{Options{NoDemographics: true}, `nhs_no="9998193036" newnhsno="9998193036"`},
		{Options{Standing: StandingUnstated}, `_dob="1"`},
		{Options{Standing: StandingLeft}, `reg_status="REG000"`},
		{Options{Standing: StandingTemporary}, `reg_status="REG000"`},
		{Options{Standing: StandingDeceased}, `reg_status="REG002" dod="2016-05-02T00:00:00" _dod="1"`},
		{Options{WrongPatient: true}, `nhs_no="9990260788" newnhsno="9990260788"`},
	} {
		require.NoError(t, s.SetOptions(c.o))
		file := fileIn(t, s.ask(t, visionRequestFor(nora, "PROBLEMS")))
		var got []string
		for _, a := range child(file, "patient").Attr {
			got = append(got, a.Key+`="`+a.Value+`"`)
		}
		require.Contains(t, strings.Join(got, " "), c.want)
		if c.o.Instead == "" {
			require.NotNil(t, child(file, "problems"), "the record is still hers")
		}
	}
	require.NoError(t, s.SetOptions(Options{Standing: StandingSensitive}))
	sensitive := serialise(s.ask(t, visionRequestFor(nora, "")))
	require.NoError(t, s.SetOptions(Options{}))
	unknown := s.ask(t, visionRequestFor(nobody, ""))
	require.Equal(t, string(serialise(unknown.Copy())), string(sensitive))
	require.Equal(t, "PATIENT_NOT_FOUND", unknown.FindElement("./Body/visionResponse/serviceContent/error/code").Text())
}
