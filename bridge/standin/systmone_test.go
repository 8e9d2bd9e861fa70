package standin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/wire"
)

func clientResponse(number, content string) string {
	return "<ClientIntegrationResponse><DeviceID>0000000000000001</DeviceID><RequestUID>r</RequestUID><Function>GetPatientRecord</Function>" +
		"<FunctionVersion>1.0</FunctionVersion><ResponseUID>R</ResponseUID><Response><Identity><NHSNumber>" + number +
		"</NHSNumber></Identity>" + content + "</Response></ClientIntegrationResponse>"
}

const noraDemographics = `<Demographics><FirstName>Nora</FirstName><MiddleNames/><Surname>Quillfeather</Surname><DateOfBirth>1958-03-07</DateOfBirth>
<Sex>F</Sex><Address><Postcode>ZZ99 4QQ</Postcode></Address></Demographics>`

var (
	noraCTV3 = clientResponse(nora, noraDemographics+`
<Clinical>
  <Event DateTime="2015-02-03T10:00:00" UserName="hwinterbourne" EventUID="e1">
    <Narrative><Line>first  line &amp; µ</Line></Narrative>
    <ClinicalCode><Code Scheme="CTV3" Code="G20.." Term="Essential hypertension"/></ClinicalCode>
    <ClinicalCode><Code Scheme="CTV3" Code="2469." Term="Systolic"/><Value>142</Value></ClinicalCode>
    <LinkedProblemUID>p1</LinkedProblemUID>
  </Event>
  <Event DateTime="2016-05-06T11:30:00" UserName="pattwell" EventUID="e2">
    <Medication><Dose>one daily</Dose></Medication><RepeatMedication><Dose>two daily</Dose></RepeatMedication>
    <DrugSensitivity><Type>Drug</Type></DrugSensitivity>
    <ClinicalCode><Code Scheme="CTV3" Code="XaPlY"/><IsAllergy/></ClinicalCode>
  </Event>
  <Event DateTime="2017-01-01T09:00:00" UserName="pattwell" EventUID="e3">
    <Report><Result>Normal</Result></Report>
    <ClinicalCode><Code Scheme="CTV3" Code="42W.."/><Value>7.5</Value></ClinicalCode>
    <Vaccination><Name>x</Name></Vaccination><Recall/><Attachment/><Letter/><Reminder/><Invented/>
  </Event>
</Clinical>
<NonClinical><Task/><Appointment/><Visit/></NonClinical>`)
	noraSNOMED = clientResponse(nora, `<Clinical><Event DateTime="2015-02-03T10:00:00" EventUID="e1">
<ClinicalCode><Code Scheme="Snomed" Code="59621000"/></ClinicalCode></Event></Clinical>`)
)

// clientRequestFor asks for a record; filter is the content of Filter, "" for
// none.
func clientRequestFor(number, filter string) string {
	if filter != "" {
		filter = "<Filter>" + filter + "</Filter>"
	}
	return clientRequestOf("GetPatientRecord", "", "<Identity><NhsNumber>"+number+"</NhsNumber></Identity>"+filter)
}

func clientRequestOf(function, scheme, parameters string) string {
	return fmt.Sprintf("<ClientIntegrationRequest><APIKey>k</APIKey><DeviceID>00000000000000aa</DeviceID><DeviceVersion>1</DeviceVersion>"+
		"<RequestUID>u-1</RequestUID><Function>%s</Function><FunctionVersion>1.0</FunctionVersion>%s"+
		"<FunctionParameters>%s</FunctionParameters></ClientIntegrationRequest>", function, scheme, parameters)
}

func TestSystmOneWholeRecord(t *testing.T) {
	root := serve(t, "systmone", Options{}).ask(t, clientRequestFor(nora, ""))
	require.Equal(t, "ClientIntegrationResponse", root.Tag)
	require.Equal(t, []string{"DeviceID", "RequestUID", "Function", "FunctionVersion", "ResponseUID", "Response"}, tags(root))
	require.Equal(t, "00000000000000aa", text(root, "DeviceID"))
	require.Equal(t, "u-1", text(root, "RequestUID"))
	require.Equal(t, "GetPatientRecord", text(root, "Function"))
	require.Regexp(t, `^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`, text(root, "ResponseUID"))
	response := child(root, "Response")
	require.Equal(t, []string{"Identity", "Demographics", "Clinical", "NonClinical", "RecordState"}, tags(response))
	require.Len(t, child(response, "Clinical").ChildElements(), 3)
	require.Equal(t, "first  line & µ", root.FindElement(".//Line").Text())
}

func TestSystmOneFilters(t *testing.T) {
	s := serve(t, "systmone", Options{})
	for filter, want := range map[string][]string{ // the parts of the Response, then the children of each Event
		"<Demographics/>": {"Demographics"},
		"<ClinicalCodes/>": {"Clinical", "e1: ClinicalCode ClinicalCode LinkedProblemUID", "e2: ClinicalCode",
			"e3: ClinicalCode"},
		"<ClinicalCode>G20..</ClinicalCode>":               {"Clinical", "e1: ClinicalCode LinkedProblemUID"},
		"<ClinicalCode>G20</ClinicalCode>":                 {"Clinical"},
		"<Numeric>2469.</Numeric><Numeric>G20..</Numeric>": {"Clinical", "e1: ClinicalCode LinkedProblemUID"},
		"<Medication/>":                        {"Clinical", "e2: Medication RepeatMedication"},
		"<Sensitivities/><Demographics/>":      {"Demographics", "Clinical", "e2: DrugSensitivity ClinicalCode"},
		"<Results/>":                           {"Clinical", "e3: Report ClinicalCode"},
		"<Vaccinations/><Recalls/>":            {"Clinical", "e3: Vaccination Recall"},
		"<Attachments/><Letters/><Reminders/>": {"Clinical", "e3: Attachment Letter Reminder"},
		"<Narrative/>":                         {"Clinical", "e1: Narrative LinkedProblemUID"},
		"<Relationships/><Activity/><CarePlans/><Referrals/>": {"Clinical"},
		"<Tasks/><Visits/><Appointments/>":                    {"NonClinical: Task Appointment Visit"},
		"<Tasks/>":                                            {"NonClinical: Task"},
		"<MinEffectiveDate>2016-05-06T11:30:00</MinEffectiveDate><Recalls/>": {"Clinical", "e3: Recall"},
		"<MaxEffectiveDate>2016-05-06</MaxEffectiveDate><MinEffectiveDate>2016-05-06</MinEffectiveDate>": {"Demographics",
			"Clinical", "e2: Medication RepeatMedication DrugSensitivity ClinicalCode", "NonClinical: Task Appointment Visit"},
		"<MaxEntryDate>2015-12-31</MaxEntryDate><Narrative/>":           {"Clinical", "e1: Narrative LinkedProblemUID"},
		"<MaxEffectiveDate>2015-01-01</MaxEffectiveDate><Medication/>":  {"Clinical"},
		"<UserNameDoneBy>pattwell</UserNameDoneBy><ClinicalCodes/>":     {"Clinical", "e2: ClinicalCode", "e3: ClinicalCode"},
		"<UserNameDoneBy>nobody</UserNameDoneBy><ClinicalCodes/>":       {"Clinical"},
		"<ClinicalCode>XaPlY</ClinicalCode><Vaccinations/><Narrative/>": {"Clinical", "e1: Narrative LinkedProblemUID", "e2: ClinicalCode", "e3: Vaccination"},
	} {
		t.Run(filter, func(t *testing.T) {
			response := child(s.ask(t, clientRequestFor(nora, filter)), "Response")
			var got []string
			for _, part := range response.ChildElements() {
				switch part.Tag {
				case "Clinical":
					got = append(got, "Clinical")
					for _, e := range part.ChildElements() {
						got = append(got, e.SelectAttrValue("EventUID", "")+": "+strings.Join(tags(e), " "))
					}
				case "NonClinical":
					got = append(got, "NonClinical: "+strings.Join(tags(part), " "))
				case "Demographics":
					got = append(got, part.Tag)
				}
			}
			require.Equal(t, want, got)
			require.Equal(t, nora, numberIn(response))
			require.Equal(t, "Closed", text(response, "RecordState"))
		})
	}
}

func TestSystmOneOutputScheme(t *testing.T) {
	s := serve(t, "systmone", Options{})
	identity := "<Identity><NHSNumber>" + nora + "</NHSNumber></Identity>"
	code := func(scheme, filter string) string {
		root := s.ask(t, clientRequestOf("GetPatientRecord", scheme, identity+filter))
		return root.FindElement(".//ClinicalCode/Code").SelectAttrValue("Scheme", "")
	}
	require.Equal(t, "CTV3", code("<OutputScheme><Drugs>Dmd</Drugs><Codes>CTV3</Codes></OutputScheme>", ""))
	require.Equal(t, "Snomed", code("<OutputScheme><Codes>Snomed</Codes></OutputScheme>", ""))
	require.Equal(t, "CTV3", code("<OutputScheme><Codes>Snomed</Codes></OutputScheme>",
		"<Filter><ClinicalCode>G20..</ClinicalCode></Filter>"), "a filter by CTV3 codes is matched in CTV3")
	root := s.ask(t, clientRequestOf("GetPatientRecord", "<OutputScheme><Codes>Snomed</Codes></OutputScheme>",
		"<Identity><NHSNumber>"+tom+"</NHSNumber></Identity>"))
	require.Equal(t, tom, numberIn(root), "no variant: as it is")
}

func TestSystmOneRefuses(t *testing.T) {
	s := serve(t, "systmone", Options{Users: []string{"pattwell"}})
	good := clientRequestFor(nora, "")
	identity := "<Identity><NhsNumber>" + nora + "</NhsNumber></Identity>"
	without := func(element string) string { return strings.Replace(good, element, "", 1) }
	for name, c := range map[string]struct{ request, message string }{
		"empty document":         {"\x01", "well-formed"},
		"not well-formed":        {strings.Replace(good, "</Identity>", "</Identitx>", 1), "well-formed"},
		"document type":          {"<!DOCTYPE x>" + good, "document type"},
		"wrong root":             {strings.ReplaceAll(good, "ClientIntegrationRequest", "ClientIntegrationResponse"), "root"},
		"namespace":              {strings.Replace(good, "<ClientIntegrationRequest>", `<ClientIntegrationRequest xmlns="urn:x">`, 1), "root"},
		"namespace inside":       {strings.Replace(good, "<APIKey>", `<APIKey xmlns="urn:x">`, 1), "APIKey"},
		"no API key":             {without("<APIKey>k</APIKey>"), "APIKey"},
		"empty API key":          {strings.Replace(good, "<APIKey>k<", "<APIKey><", 1), "APIKey"},
		"no device":              {without("<DeviceID>00000000000000aa</DeviceID>"), "DeviceID"},
		"no request id":          {without("<RequestUID>u-1</RequestUID>"), "RequestUID"},
		"empty request id":       {strings.Replace(good, ">u-1<", "><", 1), "RequestUID"},
		"two request ids":        {strings.Replace(good, "<Function>", "<RequestUID>u-1</RequestUID><Function>", 1), "more than once"},
		"order":                  {strings.Replace(without("<APIKey>k</APIKey>"), "<Function>", "<APIKey>k</APIKey><Function>", 1), "too late"},
		"unknown element":        {strings.Replace(good, "<Function>", "<Purpose/><Function>", 1), "Purpose"},
		"text between":           {strings.Replace(good, "<Function>", "x<Function>", 1), "text"},
		"unknown function":       {clientRequestOf("GetEverything", "", ""), "unknown function"},
		"function not answered":  {clientRequestOf("GetDiary", "", ""), "GetDiary"},
		"version":                {strings.Replace(good, ">1.0<", ">2.0<", 1), "version"},
		"coding scheme":          {clientRequestOf("GetPatientRecord", "<OutputScheme><Codes>Read2</Codes></OutputScheme>", identity), "coding scheme"},
		"drug scheme":            {clientRequestOf("GetPatientRecord", "<OutputScheme><Drugs>FDB</Drugs></OutputScheme>", identity), "coding scheme"},
		"scheme order":           {clientRequestOf("GetPatientRecord", "<OutputScheme><Codes>CTV3</Codes><Drugs>Dmd</Drugs></OutputScheme>", identity), "too late"},
		"no identity":            {clientRequestOf("GetPatientRecord", "", ""), "record is open"},
		"no parameters":          {strings.Replace(good, "<FunctionParameters>"+identity+"</FunctionParameters>", "", 1), "record is open"},
		"two identities":         {clientRequestOf("GetPatientRecord", "", identity+identity), "more than once"},
		"two numbers":            {strings.Replace(good, "</Identity>", "<NHSNumber>"+tom+"</NHSNumber></Identity>", 1), "one number"},
		"unknown filter":         {clientRequestFor(nora, "<Everything/>"), "Everything"},
		"flag with a value":      {clientRequestFor(nora, "<Medication>yes</Medication>"), "Medication"},
		"flag twice":             {clientRequestFor(nora, "<Medication/><Medication/>"), "more than once"},
		"empty code":             {clientRequestFor(nora, "<ClinicalCode/>"), "ClinicalCode"},
		"no date":                {clientRequestFor(nora, "<MinEffectiveDate>2016-02-30</MinEffectiveDate>"), "MinEffectiveDate"},
		"unknown user":           {clientRequestFor(nora, "<UserNameDoneBy>stranger</UserNameDoneBy>"), "user name"},
		"unknown patient":        {clientRequestFor(nobody, ""), "not known"},
		"a number of a prison":   {clientRequestOf("GetPatientRecord", "", "<Identity><ClientID>1</ClientID></Identity>"), "not known"},
		"search by one thing":    {clientRequestOf("PatientSearch", "", "<Surname>Ostler</Surname>"), "two search"},
		"search by shoe size":    {clientRequestOf("PatientSearch", "", "<Surname>Ostler</Surname><Shoes>9</Shoes>"), "Shoes"},
		"functions of something": {clientRequestOf("GetFunctions", "", identity), "no parameters"},
	} {
		t.Run(name, func(t *testing.T) {
			root := s.ask(t, c.request)
			require.Equal(t, "ClientIntegrationResponse", root.Tag)
			response := child(root, "Response")
			require.Equal(t, []string{"ErrorMessage", "PermanentError"}, tags(response))
			require.Contains(t, strings.ToLower(text(response, "ErrorMessage")), strings.ToLower(c.message))
			require.Equal(t, "true", text(response, "PermanentError"))
		})
	}
	require.NoError(t, s.SetOptions(Options{Error: "Locked on another PC"}))
	root := s.ask(t, good)
	require.Equal(t, "Locked on another PC", root.FindElement("./Response/ErrorMessage").Text())
	require.Equal(t, "false", root.FindElement("./Response/PermanentError").Text())
	require.Equal(t, "u-1", text(root, "RequestUID"))
}

func TestSystmOneEmptyDocument(t *testing.T) {
	s, err := New("systmone", files, Options{})
	require.NoError(t, err)
	require.Contains(t, string(reply(s.question(nil), s.records, Options{})), "The document is empty")
}

func TestSystmOneOtherFunctions(t *testing.T) {
	s := serve(t, "systmone", Options{})
	root := s.ask(t, clientRequestOf("GetFunctions", "", ""))
	require.Len(t, root.FindElements("./Response/SupportedFunction"), 4)

	first := strings.Replace(clientRequestOf("GetFunctions", "", ""), "00000000000000aa", "", 1)
	require.Equal(t, firstDevice, text(s.ask(t, first), "DeviceID"))

	for device, permanent := range map[string]string{DeviceBlocked: "true", DeviceLater: "false"} {
		s := serve(t, "systmone", Options{Device: device})
		require.Equal(t, permanent, s.ask(t, first).FindElement("./Response/PermanentError").Text())
		require.Nil(t, s.ask(t, clientRequestOf("GetFunctions", "", "")).FindElement("./Response/PermanentError"), "a device that has an id")
	}
	waits, err := New("systmone", files, Options{Device: DeviceUndecided})
	require.NoError(t, err)
	require.Nil(t, waits.Handle(t.Context(), []byte(first), wire.Peer{}))
	require.NotNil(t, waits.Handle(t.Context(), []byte(clientRequestOf("GetFunctions", "", "")), wire.Peer{}))
	require.Error(t, waits.SetOptions(Options{Device: "perhaps"}))

	for search, want := range map[string][]string{
		"<Surname>quillfeather</Surname><DateOfBirth>1958-03-07</DateOfBirth>": {nora},
		"<PostCode>ZZ99 4QQ</PostCode><Gender>F</Gender>":                      {nora},
		"<Surname>Ostler</Surname><Gender>F</Gender>":                          nil,
		"<Surname>Ostler</Surname><Telephone>01632</Telephone>":                nil,
	} {
		var found []string
		for _, e := range s.ask(t, clientRequestOf("PatientSearch", "", search)).FindElements("./Response/Result/Identity/NHSNumber") {
			found = append(found, e.Text())
		}
		require.Equal(t, want, found, search)
	}
}
