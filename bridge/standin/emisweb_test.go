package standin

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const noraMedicalRecord = `<?xml version="1.0"?>
<MedicalRecord xmlns="http://www.e-mis.com/emisopen/MedicalRecord" PatientID="1">
  <Registration><FamilyName>Quillfeather</FamilyName><NhsNumber>999 819 3036</NhsNumber></Registration>
  <EventList>
    <Event><GUID>e1</GUID><Problem><ProblemStatus>1</ProblemStatus></Problem></Event>
    <Event><GUID>e2</GUID><DescriptiveText>µ &lt; 2  spaces</DescriptiveText></Event>
  </EventList>
  <ConsultationList>
    <Consultation><GUID>c1</GUID><ElementList>
      <ConsultationElement><Medication><GUID>m3</GUID><Status>P</Status></Medication></ConsultationElement>
      <ConsultationElement><Event><GUID>e3</GUID></Event></ConsultationElement>
    </ElementList></Consultation>
    <Consultation><GUID>c2</GUID><ElementList>
      <ConsultationElement><Allergy><GUID>a2</GUID></Allergy></ConsultationElement>
    </ElementList></Consultation>
  </ConsultationList>
  <ReferralList><Referral><GUID>r1</GUID></Referral></ReferralList>
  <AllergyList><Allergy><GUID>a1</GUID></Allergy></AllergyList>
  <MedicationList>
    <Medication><GUID>m1</GUID><Status>C</Status></Medication><Medication><GUID>m2</GUID><Status>P</Status></Medication>
  </MedicationList>
  <IssueList><Issue><GUID>i1</GUID></Issue></IssueList>
  <AlertList><Alert><GUID>l1</GUID></Alert></AlertList>
  <PeopleList><Person><GUID>p1</GUID></Person></PeopleList>
</MedicalRecord>`

const noraOpenHR = `<openHealthRecord xmlns="http://www.e-mis.com/emisopen">
  <id>1</id>
  <adminDomain><person><id>1</id></person><patient>
    <patientIdentifier><identifierType>HOSP</identifierType><value>7</value></patientIdentifier>
    <patientIdentifier><identifierType>NHS</identifierType><value>9998193036</value></patientIdentifier>
  </patient></adminDomain>
  <healthDomain>
    <encounter><id>n1</id></encounter>
    <event><id>e1</id><eventType>OBS</eventType></event>
    <event><id>e2</id><eventType>OBS</eventType></event>
    <event><id>m1</id><eventType>MED</eventType><medication><drugStatus>A</drugStatus></medication></event>
    <event><id>m2</id><eventType>MED</eventType><medication><drugStatus>C</drugStatus></medication></event>
    <event><id>i1</id><eventType>ISS</eventType></event>
    <event><id>a1</id><eventType>ALL</eventType></event>
    <event><id>l1</id><eventType>ALT</eventType></event>
    <problem><id>e1</id><eventLink><id>e2</id></eventLink><eventLink><id>a1</id></eventLink></problem>
    <document><id>d1</id></document>
  </healthDomain>
</openHealthRecord>`

const tomOpenHR = `<h:openHealthRecord xmlns:h="http://www.e-mis.com/emisopen"><h:adminDomain><h:patient><h:patientIdentifier>
<h:identifierType>NHS</h:identifierType><h:value>9998656907</h:value></h:patientIdentifier></h:patient></h:adminDomain></h:openHealthRecord>`

// mrGet is the MrXml of a request of a type.
func mrGet(kind string) string {
	return `<MrXml><MedicalRecord xmlns="http://www.e-mis.com/emisopen/MedicalRecord"><MessageInformation><MessagePurpose><Get><MRGetType>` +
		kind + `</MRGetType><SessionID/></Get></MessagePurpose></MessageInformation></MedicalRecord></MrXml>`
}

func ewds(number, extra string) string {
	return `<EWDS xmlns="urn:nhs-itk:ns:201005"><RequestHeader><ExternalUserName>hwinterbourne</ExternalUserName><MachineName>pc1</MachineName>` +
		`</RequestHeader><RequestBody><RequestMethod><MethodDefinition><Name>Emis.Interop.PatientAPI.GetMedicalRecord</Name>` +
		`<Version>1.0.0.0</Version></MethodDefinition><Content><PatientAPI><SmartCardTokenId></SmartCardTokenId><NhsNumber>` + number +
		`</NhsNumber>` + extra + `</PatientAPI></Content></RequestMethod></RequestBody></EWDS>`
}

const soapHeader = `<MessageID xmlns="http://www.w3.org/2005/08/addressing">m-1</MessageID>` +
	`<Action xmlns="http://www.w3.org/2005/08/addressing">emis:transactionim:records:req_GetMedicalRecord_V1_0</Action>` +
	`<To xmlns="http://www.w3.org/2005/08/addressing">https://emis.invalid/ITK</To>` +
	`<From xmlns="http://www.w3.org/2005/08/addressing">https://bridge.invalid/ITK</From>` +
	`<ReplyTo xmlns="http://www.w3.org/2005/08/addressing"><Address>http://www.w3.org/2005/08/addressing/anonymous</Address></ReplyTo>`

func soapRequest(document, handling string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>` + soapHeader + `</s:Header><s:Body>` +
		`<i:DistributionEnvelope xmlns:i="urn:nhs-itk:ns:201005"><i:header trackingid="t-1" service="emis:transactionim:records:req_GetMedicalRecord_V1_0">` +
		`<i:addresslist><i:address uri="urn:nhs-uk:addressing:ods:X99001"/></i:addresslist><i:auditIdentity><i:id uri="linkspan"/></i:auditIdentity>` +
		`<i:manifest count="1"><i:manifestitem id="uuid_1" mimetype="application/xml"/></i:manifest>` +
		`<i:senderAddress uri="urn:nhs-uk:addressing:ods:X99002"/>` + handling + `</i:header>` +
		`<i:payloads count="1"><i:payload id="uuid_1">` + document + `</i:payload></i:payloads></i:DistributionEnvelope></s:Body></s:Envelope>`
}

// emisRequestFor asks for a record; kind is MRGetType, "" for none.
func emisRequestFor(number, kind string) string {
	extra := ""
	if kind != "" {
		extra = mrGet(kind)
	}
	return soapRequest(ewds(number, extra), "")
}

func TestEMISAnswersInAnEnvelope(t *testing.T) {
	s := serve(t, "emisweb", Options{Organisations: []string{"X99009", "X99001"}, Users: []string{"hwinterbourne"}})
	root := s.ask(t, emisRequestFor(nora, ""))
	require.Equal(t, "Envelope", root.Tag)
	require.Equal(t, "m-1", text(child(root, "Header"), "RelatesTo"))
	item := root.FindElement(".//manifestitem").SelectAttrValue("id", "")
	require.NotEmpty(t, item)
	require.Equal(t, item, root.FindElement(".//payload").SelectAttrValue("id", ""))
	require.Equal(t, odsAddress+"X99002", root.FindElement(".//address").SelectAttrValue("uri", ""))
	require.Equal(t, odsAddress+"X99001", root.FindElement(".//senderAddress").SelectAttrValue("uri", ""))
	mr := root.FindElement(".//EWDS/ResponseBody//MedicalRecord")
	require.Equal(t, recordSpace, mr.NamespaceURI())
	require.Equal(t, "µ < 2  spaces", mr.FindElement(".//DescriptiveText").Text())
	require.Equal(t, itkSpace, root.FindElement(".//ResponseBody").NamespaceURI())
}

func TestEMISFormats(t *testing.T) {
	s := serve(t, "emisweb", Options{Format: FormatOpenHR})
	require.NotNil(t, s.ask(t, emisRequestFor(nora, "")).FindElement(".//openHealthRecord"))
	require.NoError(t, s.SetOptions(Options{}))
	require.NotNil(t, s.ask(t, emisRequestFor(nora, "")).FindElement(".//MedicalRecord"))
	tomsOwn := s.ask(t, emisRequestFor(tom, "")).FindElement(".//openHealthRecord")
	require.NotNil(t, tomsOwn, "filed in one form only")
	require.Equal(t, "http://www.e-mis.com/emisopen", tomsOwn.NamespaceURI())
}

func TestEMISViews(t *testing.T) {
	s := serve(t, "emisweb", Options{})
	ids := func(format, kind, tag string) string {
		require.NoError(t, s.SetOptions(Options{Format: format}))
		root := s.ask(t, emisRequestFor(nora, kind))
		require.Equal(t, nora, numberIn(root))
		var found []string
		for _, e := range root.FindElements(".//MrXml//" + tag) {
			found = append(found, e.Text())
		}
		slices.Sort(found)
		return strings.Join(found, " ")
	}
	for kind, want := range map[string]string{
		"1": "a1 a2 c1 c2 e1 e2 e3 i1 l1 m1 m2 m3 p1 r1",
		"2": "a1 a2 c2 e1 l1 m1 p1",
		"3": "p1",
		"4": "c1 i1 m1 m2 m3 p1",
	} {
		require.Equal(t, want, ids(FormatMedicalRecord, kind, "GUID"), kind)
	}
	for kind, want := range map[string]string{
		"1": "a1 a1 d1 e1 e1 e2 e2 i1 l1 m1 m2 n1",
		"2": "a1 a1 e1 e1 l1 m1",
		"3": "",
		"4": "i1 m1 m2",
	} {
		require.Equal(t, want, ids(FormatOpenHR, kind, "healthDomain//id"), kind)
	}
}

func TestEMISUnknownPatient(t *testing.T) {
	root := serve(t, "emisweb", Options{}).ask(t, emisRequestFor(nobody, ""))
	require.Equal(t, "The patient is not known here", root.FindElement(".//MedicalRecord/MessageInformation/MessagingError/ErrorString").Text())
	require.Nil(t, root.FindElement(".//Registration"))
}

func TestEMISRefuses(t *testing.T) {
	good := emisRequestFor(nora, "")
	s := serve(t, "emisweb", Options{Organisations: []string{"X99001"}, Users: []string{"hwinterbourne"}})
	replace := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct{ request, words string }{
		"empty":              {"", "empty"},
		"not well-formed":    {good[:len(good)-3], "well-formed"},
		"document type":      {"<!DOCTYPE x>" + good, "document type"},
		"SOAP 1.2":           {strings.Replace(good, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", 1), "SOAP 1.1"},
		"no header":          {replace("<s:Header>"+soapHeader+"</s:Header>", ""), "Header"},
		"no message id":      {replace(`<MessageID xmlns="http://www.w3.org/2005/08/addressing">m-1</MessageID>`, ""), "MessageID"},
		"two message ids":    {replace("<s:Header>", `<s:Header><MessageID xmlns="http://www.w3.org/2005/08/addressing">m-2</MessageID>`), "MessageID"},
		"empty message id":   {replace(">m-1<", "><"), "MessageID"},
		"header elsewhere":   {replace("<s:Header>", `<s:Header><Security xmlns="urn:x"/>`), "Security"},
		"old addressing":     {strings.ReplaceAll(good, "2005/08/addressing", "2004/08/addressing"), "WS-Addressing"},
		"no reply":           {replace("addressing/anonymous", "addressing/none"), "ReplyTo"},
		"other action":       {strings.ReplaceAll(good, "req_GetMedicalRecord", "req_FileRecord"), "Action"},
		"service":            {replace(`service="emis:transactionim:records:req_GetMedicalRecord`, `service="emis:transactionim:records:req_GetEvents`), "service"},
		"no tracking id":     {replace(`trackingid="t-1" `, ""), "trackingid"},
		"address elsewhere":  {replace("ods:X99001", "ods:X99009"), "organisation"},
		"address of no kind": {replace("urn:nhs-uk:addressing:ods:X99001", "X99001"), "ODS"},
		"two addresses":      {replace("<i:addresslist>", `<i:addresslist><i:address uri="urn:nhs-uk:addressing:ods:X99001"/>`), "more than once"},
		"no sender":          {replace(`<i:senderAddress uri="urn:nhs-uk:addressing:ods:X99002"/>`, ""), "senderAddress"},
		"sender of no kind":  {replace("ods:X99002", "asid:1"), "ODS"},
		"no audit":           {replace(`<i:id uri="linkspan"/>`, ""), "id"},
		"empty audit":        {replace(`uri="linkspan"`, `uri=""`), "audit"},
		"order":              {replace(`<i:senderAddress uri="urn:nhs-uk:addressing:ods:X99002"/></i:header>`, "</i:header>"), "senderAddress"},
		"header order": {strings.Replace(replace(`<i:auditIdentity><i:id uri="linkspan"/></i:auditIdentity>`, ""), "<i:senderAddress",
			`<i:auditIdentity><i:id uri="linkspan"/></i:auditIdentity><i:senderAddress`, 1), "too late"},
		"payload id":      {replace(`payload id="uuid_1"`, `payload id="uuid_2"`), "ids"},
		"payload count":   {replace(`payloads count="1"`, `payloads count="2"`), "count"},
		"manifest count":  {replace(`manifest count="1"`, `manifest`), "count"},
		"payload type":    {replace("application/xml", "text/plain"), "type"},
		"method":          {replace("PatientAPI.GetMedicalRecord", "PatientAPI.GetEvents"), "method"},
		"method version":  {replace("1.0.0.0", "2.0.0.0"), "method"},
		"no user":         {replace("hwinterbourne", ""), "ExternalUserName"},
		"unknown user":    {replace("hwinterbourne", "stranger"), "user"},
		"no machine":      {replace("<MachineName>pc1</MachineName>", ""), "MachineName"},
		"no number":       {replace("<NhsNumber>"+nora+"</NhsNumber>", ""), "NhsNumber"},
		"not a number":    {replace(nora, "99981930x6"), "NhsNumber"},
		"other namespace": {replace(`<EWDS xmlns="urn:nhs-itk:ns:201005">`, `<EWDS xmlns="">`), "EWDS"},
		"unknown element": {replace("<SmartCardTokenId>", "<Purpose/><SmartCardTokenId>"), "Purpose"},
		"type of get":     {emisRequestFor(nora, "5"), "MRGetType"},
		"no session":      {strings.Replace(emisRequestFor(nora, "2"), "<SessionID/>", "", 1), "SessionID"},
		"a record to file": {soapRequest(ewds(nora, `<MrXml><MedicalRecord xmlns="http://www.e-mis.com/emisopen/MedicalRecord"><EventList/></MedicalRecord></MrXml>`), ""),
			"EventList"},
	} {
		t.Run(name, func(t *testing.T) {
			root := s.ask(t, c.request)
			fault := root.FindElement("./Body/Fault")
			require.NotNil(t, fault)
			require.Equal(t, "soap:Client", text(fault, "faultcode"))
			require.Contains(t, strings.ToLower(text(fault, "faultstring")), strings.ToLower(c.words))
		})
	}
	require.NoError(t, s.SetOptions(Options{Error: "EMIS Web is closed"}))
	fault := s.ask(t, good).FindElement("./Body/Fault")
	require.Equal(t, "soap:Server", text(fault, "faultcode"))
	require.Equal(t, "EMIS Web is closed", text(fault, "faultstring"))
}

func TestEMISSignatures(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bridge"},
		NotAfter: time.Now().Add(time.Hour)}, &x509.Certificate{}, key.Public(), key)
	require.NoError(t, err)

	document := ewds(nora, "") // already in canonical form
	digest := sha1.Sum([]byte(document))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA1, digest[:])
	require.NoError(t, err)
	handling := func(token, digest, signature []byte) string {
		encode := base64.StdEncoding.EncodeToString
		return fmt.Sprintf(`<i:handlingSpecification><i:spec key="emis:BinarySecurityToken" value="%s"/><i:spec key="emis:MessageDigest" value="%s"/>`+
			`<i:spec key="emis:Signature" value="%s"/></i:handlingSpecification>`, encode(token), encode(digest), encode(signature))
	}
	s := serve(t, "emisweb", Options{})
	require.Equal(t, nora, numberIn(s.ask(t, soapRequest(document, handling(der, digest[:], signature)))))

	bent := append([]byte{}, signature...)
	bent[0] ^= 1
	for name, request := range map[string]string{
		"another document": soapRequest(ewds(tom, ""), handling(der, digest[:], signature)),
		"another digest":   soapRequest(document, handling(der, bent[:20], signature)),
		"bent signature":   soapRequest(document, handling(der, digest[:], bent)),
		"no certificate":   soapRequest(document, handling([]byte("x"), digest[:], signature)),
		"no digest":        soapRequest(document, handling(der, nil, signature)),
		"placeholders":     soapRequest(document, `<i:handlingSpecification><i:spec key="emis:Signature" value="?"/></i:handlingSpecification>`),
	} {
		require.NotNil(t, s.ask(t, request).FindElement("./Body/Fault"), name)
	}

	// The namespace may be declared further out: the canonical form is the same.
	outer := strings.NewReplacer("<EWDS xmlns=\"urn:nhs-itk:ns:201005\">", "<i:EWDS>", "</EWDS>", "</i:EWDS>").Replace(document)
	outer = strings.NewReplacer("<Req", "<i:Req", "</Req", "</i:Req").Replace(outer)
	for _, name := range []string{"ExternalUserName", "MachineName", "MethodDefinition", "Name", "Version", "Content", "PatientAPI", "SmartCardTokenId", "NhsNumber"} {
		outer = strings.NewReplacer("<"+name+">", "<i:"+name+">", "</"+name+">", "</i:"+name+">").Replace(outer)
	}
	canonical := strings.Replace(outer, "<i:EWDS>", `<i:EWDS xmlns:i="urn:nhs-itk:ns:201005">`, 1)
	digest = sha1.Sum([]byte(canonical))
	signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA1, digest[:])
	require.NoError(t, err)
	require.Nil(t, s.ask(t, soapRequest(outer, handling(der, digest[:], signature))).FindElement("./Body/Fault"))
}
