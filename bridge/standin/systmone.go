package standin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/google/uuid"
)

// functions are the functions of the Client Integration API (S §1.3); true are
// those the stand-in answers.
var functions = map[string]bool{
	"GetFunctions": true, "PatientSearch": true, "GetPatientRecord": true, "GetOrganisationMetaData": true,
	"GetCurrentActivity": false, "GetCurrentSelection": false,
	"UpdatePatientRecord": false, "DeletePatientRecord": false, "GetDocument": false, "GetAppointmentSlots": false,
	"GetDiary": false, "DataExtract": false, "LaunchFunctionality": false, "GetReferenceData": false,
	"IsPatientRetrieved": false, "ExitClient": false, "GetXSDFiles": false,
}

// The children of a ClientIntegrationRequest and of its OutputScheme, in order
// (S §1.2).
var (
	requestParts = []part{
		{"APIKey", 1, 1, filled}, {"DeviceID", 1, 1, words}, {"DeviceVersion", 1, 1, filled}, {"RequestUID", 1, 1, filled},
		{"Function", 1, 1, filled}, {"FunctionVersion", 1, 1, filled}, {"OutputScheme", 0, 1, holder},
		{"FunctionParameters", 0, 1, holder},
	}
	schemeParts = []part{{"Drugs", 0, 1, filled}, {"Codes", 0, 1, filled}}
	recordParts = []part{{"Identity", 0, 1, holder}, {"LeaveRecordOpen", 0, 1, flag}, {"Filter", 0, 1, holder}}
)

// filterParts are the children of a Filter, which come in any order (S §1.3
// "any mix").
var filterParts = func() []part {
	parts := []part{{"ClinicalCode", 0, 0, filled}, {"Numeric", 0, 0, filled}, {"UserNameDoneBy", 0, 0, filled}}
	for _, date := range []string{"MinEffectiveDate", "MaxEffectiveDate", "MinEntryDate", "MaxEntryDate"} {
		parts = append(parts, part{date, 0, 1, filled})
	}
	for name := range flagged {
		parts = append(parts, part{name, 0, 1, flag})
	}
	return parts
}()

// clientRequest is a ClientIntegrationRequest.
type clientRequest struct {
	deviceID, requestUID, function string
	refused                        error
	parameters                     *node
	number                         string // of the patient asked for
	snomed                         bool
	filter                         *node
}

// readSystmOne reads a request by the check of its own.
func readSystmOne(msg []byte) question {
	q := &clientRequest{}
	root, err := parse(msg)
	if err != nil {
		q.refused = err
		return q
	}
	q.deviceID, q.requestUID, q.function = root.value("DeviceID"), root.value("RequestUID"), root.value("Function")
	q.refused = q.check(root)
	return q
}

func (q *clientRequest) check(root *node) error {
	if root.name != "ClientIntegrationRequest" || root.space != "" {
		return errors.New("the root element is not ClientIntegrationRequest")
	}
	if err := root.check("", true, requestParts...); err != nil {
		return err
	}
	if _, known := functions[q.function]; !known {
		return errors.New("unknown function")
	}
	if root.value("FunctionVersion") != "1.0" {
		return errors.New("unknown function version")
	}
	if err := q.checkScheme(root.child("OutputScheme")); err != nil {
		return err
	}
	if !functions[q.function] {
		return fmt.Errorf("the stand-in does not answer %s", q.function)
	}
	q.parameters = root.child("FunctionParameters")
	switch {
	case q.function == "GetPatientRecord":
		return q.checkRecord()
	case q.function == "PatientSearch":
		return q.checkSearch()
	case q.function == "GetOrganisationMetaData":
		return q.checkMetaData()
	case q.parameters != nil && len(q.parameters.children) > 0:
		return fmt.Errorf("%s takes no parameters", q.function)
	}
	return nil
}

func (q *clientRequest) checkScheme(scheme *node) error {
	if scheme == nil {
		return nil
	}
	if err := scheme.check("", true, schemeParts...); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "Multilex", "Dmd"}, scheme.value("Drugs")) ||
		!slices.Contains([]string{"", "CTV3", "Snomed"}, scheme.value("Codes")) {
		return errors.New("invalid coding scheme")
	}
	q.snomed = scheme.value("Codes") == "Snomed"
	return nil
}

func (q *clientRequest) checkRecord() error {
	if q.parameters == nil {
		return errors.New("no patient record is open")
	}
	if err := q.parameters.check("", true, recordParts...); err != nil {
		return err
	}
	identity := q.parameters.child("Identity")
	if identity == nil {
		return errors.New("no patient record is open")
	}
	err := identity.check("", false, part{"NhsNumber", 0, 1, filled}, part{"NHSNumber", 0, 1, filled},
		part{"PseudoNumber", 0, 1, filled}, part{"ClientID", 0, 1, filled})
	if err != nil {
		return err
	}
	if len(identity.children) != 1 {
		return errors.New("exactly one number must stand in Identity")
	}
	q.number = identity.value("NhsNumber") + identity.value("NHSNumber")
	if q.filter = q.parameters.child("Filter"); q.filter == nil {
		return nil
	}
	if err := q.filter.check("", false, filterParts...); err != nil {
		return err
	}
	for _, c := range q.filter.children {
		if strings.HasSuffix(c.name, "Date") && !isDate(c.text) {
			return fmt.Errorf("%s is not a date", c.name)
		}
	}
	return nil
}

// searchParts are the parameters of PatientSearch (S §1.3).
var searchParts = []part{{"DateOfBirth", 0, 1, filled}, {"PostCode", 0, 1, filled}, {"FirstName", 0, 1, filled},
	{"Surname", 0, 1, filled}, {"Telephone", 0, 1, filled}, {"Gender", 0, 1, filled}}

func (q *clientRequest) checkSearch() error {
	if q.parameters == nil || len(q.parameters.children) < 2 {
		return errors.New("at least two search parameters are needed")
	}
	return q.parameters.check("", false, searchParts...)
}

// isDate accepts YYYY-MM-DD with or without a time (S §1.2 "Types").
func isDate(s string) bool {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func (q *clientRequest) refusal(o Options) []byte {
	if q.refused != nil {
		return q.respond(errorResponse(q.refused.Error(), true))
	}
	if q.deviceID == "" && o.Device != "" {
		return q.respond(errorResponse("this device was not allowed", o.Device != DeviceLater))
	}
	if q.filter != nil && len(o.Users) > 0 {
		for _, c := range q.filter.children {
			if c.name == "UserNameDoneBy" && !slices.Contains(o.Users, c.text) {
				return q.respond(errorResponse("unknown user name in the filter", true))
			}
		}
	}
	return nil
}

// undecided reports a device without an id while the dialog that asks about it
// is open.
func (q *clientRequest) undecided(o Options) bool {
	return q.refused == nil && q.deviceID == "" && o.Device == DeviceUndecided
}

func (q *clientRequest) failure(text string) []byte { return q.respond(errorResponse(text, false)) }

func (q *clientRequest) answer(r *records, o Options) []byte {
	switch q.function {
	case "GetFunctions":
		return q.respond(supported())
	case "PatientSearch":
		return q.respond(q.search(r))
	case "GetOrganisationMetaData":
		return q.respond(metaData(o.User))
	}
	forms := []form{formCTV3}
	if q.snomed && !q.byCode() {
		forms = []form{formSNOMED, formCTV3}
	}
	root, f := r.find(o.filed(q.number), forms...)
	if root == nil {
		return q.respond(errorResponse("the patient is not known here", true))
	}
	disguise(root, f, q.number, r, o)
	response := child(root, "Response")
	if q.filter != nil {
		newFilter(q.filter).apply(response)
	}
	if child(response, "RecordState") == nil {
		response.CreateElement("RecordState").SetText("Closed")
	}
	return q.respond(response)
}

// byCode reports a filter by codes. These are CTV3 whatever is asked for in the
// answer, so they can be matched in the CTV3 record only.
func (q *clientRequest) byCode() bool {
	return q.filter.child("ClinicalCode") != nil || q.filter.child("Numeric") != nil
}

func supported() *etree.Element {
	response := etree.NewElement("Response")
	for _, name := range []string{"GetFunctions", "GetOrganisationMetaData", "GetPatientRecord", "PatientSearch"} {
		f := response.CreateElement("SupportedFunction")
		f.CreateElement("Function").SetText(name)
		f.CreateElement("Version").SetText("1.0")
	}
	return response
}

// search finds the patients all given parameters fit.
func (q *clientRequest) search(r *records) *etree.Element {
	response := etree.NewElement("Response")
	for _, number := range r.numbers() {
		root, _ := r.find(number, formCTV3, formSNOMED)
		demographics := descend(root, "Response", "Demographics")
		if demographics == nil || !q.fits(demographics) {
			continue
		}
		result := response.CreateElement("Result")
		result.CreateElement("Identity").CreateElement("NHSNumber").SetText(number)
		for _, name := range []string{"FirstName", "MiddleNames", "Surname", "DateOfBirth", "Sex"} {
			result.CreateElement(name).SetText(text(demographics, name))
		}
	}
	return response
}

func (q *clientRequest) fits(demographics *etree.Element) bool {
	for _, c := range q.parameters.children {
		var have string
		switch c.name {
		case "PostCode":
			have = text(child(demographics, "Address"), "Postcode")
		case "Gender":
			have = text(demographics, "Sex")
		case "Telephone":
			have = text(demographics, "HomeTelephone")
		default:
			have = text(demographics, c.name)
		}
		if !strings.EqualFold(have, c.text) {
			return false
		}
	}
	return true
}

func errorResponse(message string, permanent bool) *etree.Element {
	response := etree.NewElement("Response")
	response.CreateElement("ErrorMessage").SetText(sentence(message))
	response.CreateElement("PermanentError").SetText(fmt.Sprint(permanent))
	return response
}

// firstDevice is the id given to a device that has none yet.
const firstDevice = "5a17d0000000001a"

// respond wraps a Response in the envelope that echoes the request (S §1.2).
func (q *clientRequest) respond(response *etree.Element) []byte {
	root := etree.NewElement("ClientIntegrationResponse")
	device := q.deviceID
	if device == "" {
		device = firstDevice
	}
	uid := strings.ToUpper(uuid.NewSHA1(uuid.NameSpaceURL, []byte("answer to "+q.requestUID)).String())
	for _, e := range [][2]string{{"DeviceID", device}, {"RequestUID", q.requestUID}, {"Function", q.function},
		{"FunctionVersion", "1.0"}, {"ResponseUID", uid}} {
		root.CreateElement(e[0]).SetText(e[1])
	}
	root.AddChild(response)
	return serialise(root)
}

// loadSystmOne files a ClientIntegrationResponse. A file whose name says
// "snomed" is the record as answered with Codes=Snomed.
func loadSystmOne(r *records, name string, data []byte) error {
	root, err := rootOf(name, data, "ClientIntegrationResponse")
	if root == nil {
		return err
	}
	f := formCTV3
	if strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ".snomed.") {
		f = formSNOMED
	}
	return r.add(name, text(descend(root, "Response", "Identity"), "NHSNumber"), f, root)
}
