package standin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// The namespaces and names of the envelope and the records (E §0, §3).
const (
	itkSpace    = "urn:nhs-itk:ns:201005"
	recordSpace = "http://www.e-mis.com/emisopen/MedicalRecord"

	odsAddress    = "urn:nhs-uk:addressing:ods:"
	askAction     = "emis:transactionim:records:req_%s_V1_0"
	answerAction  = "emis:transactionim:records:resp_%s_V1_0"
	patientAPI    = "Emis.Interop.PatientAPI."
	methodVersion = "1.0.0.0"

	recordMethod       = "GetMedicalRecord"
	demographicsMethod = "GetPatientDemographics"
)

// get is what a request asks for: MRGetType (E §2.1).
type get int

const (
	getFull get = 1 + iota
	getSummary
	getDemographics
	getMedication
)

// emisRequest is a GetMedicalRecord or GetPatientDemographics request.
type emisRequest struct {
	messageID string
	method    string
	refused   error
	target    string // ODS code
	sender    string
	user      string
	number    string
	get       get
}

// readEMIS reads a request by the check of its own.
func readEMIS(msg []byte) question {
	q := &emisRequest{get: getFull}
	root, err := parse(msg)
	if err != nil {
		q.refused = err
		return q
	}
	q.messageID = root.child("Header").value("MessageID")
	q.refused = q.check(root)
	if q.refused == nil {
		q.refused = checkSignature(msg)
	}
	return q
}

func (q *emisRequest) check(root *node) error {
	soapHeader, body, err := checkEnvelope(root, 1)
	if err != nil {
		return err
	}
	var header, envelope *node
	return firstError(
		func() error {
			return checkAddressing(soapHeader, []string{"MessageID", "Action", "To", "From", "ReplyTo"}, nil)
		},
		func() error {
			if soapHeader.child("ReplyTo").value("Address") != anonymous {
				return errors.New("ReplyTo is not the anonymous address")
			}
			return body.check(itkSpace, true, part{"DistributionEnvelope", 1, 1, holder})
		},
		func() error {
			envelope = body.child("DistributionEnvelope")
			return envelope.check(itkSpace, true, part{"header", 1, 1, holder}, part{"payloads", 1, 1, holder})
		},
		func() error {
			header = envelope.child("header")
			return q.checkHeader(header, soapHeader.value("Action"))
		},
		func() error { return checkPayloads(header.child("manifest"), envelope.child("payloads")) },
		func() error {
			return q.checkDocument(envelope.child("payloads").child("payload"))
		},
	)
}

func (q *emisRequest) checkHeader(h *node, action string) error {
	switch action {
	case fmt.Sprintf(askAction, recordMethod):
		q.method = recordMethod
	case fmt.Sprintf(askAction, demographicsMethod):
		q.method, q.get = demographicsMethod, getDemographics
	default:
		return errors.New("the Action is not one the stand-in answers")
	}
	if h.attrs["service"] != action {
		return errors.New("service is not the Action")
	}
	if h.attrs["trackingid"] == "" {
		return errors.New("trackingid is missing")
	}
	err := h.check(itkSpace, true, part{"addresslist", 1, 1, holder}, part{"auditIdentity", 1, 1, holder},
		part{"manifest", 1, 1, holder}, part{"senderAddress", 1, 1, flag}, part{"handlingSpecification", 0, 1, holder})
	if err != nil {
		return err
	}
	addresses := h.child("addresslist")
	if err := addresses.check(itkSpace, true, part{"address", 1, 1, flag}); err != nil {
		return err
	}
	var ok bool
	if q.target, ok = strings.CutPrefix(addresses.child("address").attrs["uri"], odsAddress); !ok || q.target == "" {
		return errors.New("the address is not an ODS code")
	}
	if q.sender, ok = strings.CutPrefix(h.child("senderAddress").attrs["uri"], odsAddress); !ok || q.sender == "" {
		return errors.New("the sender's address is not an ODS code")
	}
	if err := h.child("auditIdentity").check(itkSpace, true, part{"id", 1, 0, flag}); err != nil {
		return err
	}
	if h.child("auditIdentity").child("id").attrs["uri"] == "" {
		return errors.New("the audit identity is empty")
	}
	return nil
}

func checkPayloads(manifest, payloads *node) error {
	if err := manifest.check(itkSpace, true, part{"manifestitem", 1, 1, flag}); err != nil {
		return err
	}
	if err := payloads.check(itkSpace, true, part{"payload", 1, 1, holder}); err != nil {
		return err
	}
	for _, n := range []*node{manifest, payloads} {
		if n.attrs["count"] != strconv.Itoa(len(n.children)) {
			return fmt.Errorf("the count of %s is wrong", n.name)
		}
	}
	item, payload := manifest.child("manifestitem"), payloads.child("payload")
	if item.attrs["mimetype"] != "application/xml" {
		return errors.New("the payload's type is not application/xml")
	}
	if id := item.attrs["id"]; id == "" || id != payload.attrs["id"] {
		return errors.New("manifest and payload have different ids")
	}
	return nil
}

// checkDocument judges the EWDS document down to the patient's number.
func (q *emisRequest) checkDocument(payload *node) error {
	steps := []struct {
		of    string
		parts []part
	}{
		{"payload", []part{{"EWDS", 1, 1, holder}}},
		{"EWDS", []part{{"RequestHeader", 1, 1, holder}, {"RequestBody", 1, 1, holder}}},
		{"RequestHeader", []part{{"ExternalUserName", 1, 1, filled}, {"MachineName", 1, 1, filled}}},
		{"RequestBody", []part{{"RequestMethod", 1, 1, holder}}},
		{"RequestMethod", []part{{"MethodDefinition", 1, 1, holder}, {"Content", 1, 1, holder}}},
		{"MethodDefinition", []part{{"Name", 1, 1, filled}, {"Version", 1, 1, filled}}},
		{"Content", []part{{"PatientAPI", 1, 1, holder}}},
		{"PatientAPI", []part{{"SmartCardTokenId", 1, 1, words}, {"MacAddress", 0, 1, words}, {"NhsNumber", 1, 1, filled},
			{"MrXml", 0, 1, holder}}},
	}
	found := map[string]*node{"payload": payload}
	for _, s := range steps {
		if err := found[s.of].check(itkSpace, true, s.parts...); err != nil {
			return err
		}
		for _, c := range found[s.of].children {
			found[c.name] = c
		}
	}
	method, patient := found["MethodDefinition"], found["PatientAPI"]
	if method.value("Name") != patientAPI+q.method || method.value("Version") != methodVersion {
		return errors.New("the method is not the one of the Action")
	}
	q.user, q.number = found["RequestHeader"].value("ExternalUserName"), patient.value("NhsNumber")
	if !tenDigits(q.number) {
		return errors.New("NhsNumber is not ten digits")
	}
	if q.method == demographicsMethod && patient.child("MrXml") != nil {
		return errors.New("MrXml beside a method that says what is asked for")
	}
	return q.checkGet(patient.child("MrXml"))
}

// checkGet reads the purpose of a request that asks for less than the whole
// (E §2.1).
func (q *emisRequest) checkGet(mr *node) error {
	if mr == nil {
		return nil
	}
	steps := [][]part{{{"MedicalRecord", 1, 1, holder}}, {{"MessageInformation", 1, 1, holder}},
		{{"DateCreated", 0, 1, words}, {"TimeCreated", 0, 1, words}, {"MessagePurpose", 1, 1, holder}}, {{"Get", 1, 1, holder}}}
	for _, parts := range steps {
		if err := mr.check(recordSpace, true, parts...); err != nil {
			return err
		}
		mr = mr.child(parts[len(parts)-1].name)
	}
	err := mr.check(recordSpace, true, part{"MRGetType", 1, 1, filled}, part{"DataSet", 0, 1, words}, part{"SessionID", 1, 1, words})
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(mr.value("MRGetType"))
	if err != nil || n < int(getFull) || n > int(getMedication) {
		return errors.New("MRGetType is not 1 to 4")
	}
	q.get = get(n)
	return nil
}

func (q *emisRequest) refusal(o Options) []byte {
	switch {
	case q.refused != nil:
		return q.fault("Client", q.refused.Error())
	case len(o.Organisations) > 0 && !slices.Contains(o.Organisations, q.target):
		return q.fault("Client", "the organisation addressed is not served here")
	case len(o.Users) > 0 && !slices.Contains(o.Users, q.user):
		return q.fault("Client", "the user is not known here")
	}
	return nil
}

func (q *emisRequest) failure(text string) []byte { return q.fault("Server", text) }

func (q *emisRequest) answer(r *records, o Options) []byte {
	forms := []form{formMedicalRecord, formOpenHR}
	if o.Format == FormatOpenHR {
		slices.Reverse(forms)
	}
	root, f := r.find(o.filed(q.number), forms...)
	switch f {
	case formMedicalRecord:
		filterMedicalRecord(root, q.get)
	case formOpenHR:
		filterOpenHR(root, q.get)
	default:
		return q.respond(messagingError("The patient is not known here"))
	}
	disguise(root, f, q.number, r, o)
	return q.respond(root)
}

// messagingError is the in-message error of a MedicalRecord (E §2.1).
func messagingError(words string) *etree.Element {
	root := etree.NewElement("MedicalRecord")
	root.CreateAttr("xmlns", recordSpace)
	wrong := root.CreateElement("MessageInformation").CreateElement("MessagingError")
	wrong.CreateElement("ErrorString").SetText(words)
	wrong.CreateElement("Errornumber").SetText("1")
	return root
}

// respond wraps a record. The body of EMIS's answer was never seen; its shape
// here mirrors the request's (E §3).
func (q *emisRequest) respond(record *etree.Element) []byte {
	action := fmt.Sprintf(answerAction, q.method)
	root, body := soapAnswer(derivedID("answer", q.messageID), q.messageID, action)
	id := "uuid_" + strings.ToUpper(derivedID("payload", q.messageID))
	envelope := body.CreateElement("itk:DistributionEnvelope")
	envelope.CreateAttr("xmlns:itk", itkSpace)
	header := envelope.CreateElement("itk:header")
	header.CreateAttr("trackingid", derivedID("tracking", q.messageID))
	header.CreateAttr("service", action)
	header.CreateElement("itk:addresslist").CreateElement("itk:address").CreateAttr("uri", odsAddress+q.sender)
	header.CreateElement("itk:auditIdentity").CreateElement("itk:id").CreateAttr("uri", "emisweb")
	manifest := header.CreateElement("itk:manifest")
	manifest.CreateAttr("count", "1")
	item := manifest.CreateElement("itk:manifestitem")
	item.CreateAttr("id", id)
	item.CreateAttr("mimetype", "application/xml")
	header.CreateElement("itk:senderAddress").CreateAttr("uri", odsAddress+q.target)
	payloads := envelope.CreateElement("itk:payloads")
	payloads.CreateAttr("count", "1")
	payload := payloads.CreateElement("itk:payload")
	payload.CreateAttr("id", id)
	document := payload.CreateElement("EWDS")
	document.CreateAttr("xmlns", itkSpace)
	method := document.CreateElement("ResponseBody").CreateElement("ResponseMethod")
	definition := method.CreateElement("MethodDefinition")
	definition.CreateElement("Name").SetText(patientAPI + q.method)
	definition.CreateElement("Version").SetText(methodVersion)
	method.CreateElement("Content").CreateElement("PatientAPI").CreateElement("MrXml").AddChild(record)
	return serialise(root)
}

func (q *emisRequest) fault(code, words string) []byte {
	return soapFault(derivedID("answer", q.messageID), q.messageID, code, words)
}

// loadEMIS files a MedicalRecord or openHealthRecord document.
func loadEMIS(r *records, name string, data []byte) error {
	root, err := rootOf(name, data, "MedicalRecord", "openHealthRecord")
	if root == nil {
		return err
	}
	if root.Tag == "MedicalRecord" {
		return r.add(name, text(child(root, "Registration"), "NhsNumber"), formMedicalRecord, root)
	}
	return addOpenHR(r, name, root)
}

func addOpenHR(r *records, file string, root *etree.Element) error {
	number := ""
	for _, p := range nhsIdentifiers(root) {
		number = text(p, "value")
	}
	return r.add(file, number, formOpenHR, root)
}

// nhsIdentifiers are the patientIdentifiers of type NHS (E §1.2).
func nhsIdentifiers(root *etree.Element) []*etree.Element {
	var found []*etree.Element
	patient := descend(root, "adminDomain", "patient")
	if patient == nil {
		return nil
	}
	for _, c := range patient.ChildElements() {
		if c.Tag == "patientIdentifier" && text(c, "identifierType") == "NHS" {
			found = append(found, c)
		}
	}
	return found
}
