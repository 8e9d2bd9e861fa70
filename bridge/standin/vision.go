package standin

import (
	"errors"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

const visionSpace = "urn:vision"

// The services of Vision that the stand-in answers, each in the one version that
// is published (S §5.2).
const (
	visionData         = "VOS.GetPatientData"
	visionDemographics = "VODEM.GetDemographics"
)

var visionVersions = map[string]string{visionData: "2.1.0", visionDemographics: "2.0.0"}

// formPatientFile is the whole patient file of S §5.1, the text of vision:record.
const formPatientFile form = "patient file"

// The children of Vision's messages, in order (S §5.2). What a request for the
// details holds is not published: here it is what any request says of who asks
// about whom.
var (
	visionParts      = []part{{"serviceDefinition", 1, 1, holder}, {"serviceContent", 1, 1, holder}}
	visionDefinition = []part{{"name", 1, 1, filled}, {"version", 1, 1, filled}}
	visionAsker      = []part{{"PracticeIdentifier", 1, 1, filled}, {"PatientIdentifier", 1, 1, filled}, {"Sender", 1, 1, holder}}
	visionQuestions  = map[string]struct {
		name  string
		parts []part
	}{
		visionData:         {"PatientDataRequest", slices.Concat(visionAsker, []part{{"ResponseFormat", 1, 1, filled}, {"View", 1, 1, filled}})},
		visionDemographics: {"DemographicsRequest", visionAsker},
	}
	visionSender = []part{{"UserName", 1, 1, filled}, {"UserFullName", 1, 1, filled}, {"UserIdentity", 1, 1, filled}, {"UserRole", 1, 1, filled}}
)

// visionViews say which elements of a patient file a view holds. The views are
// published, what they hold is not, but for their names: this is a reading of
// these. PATIENT_RECORD, the whole, is the bridge's.
var visionViews = map[string]func(e *etree.Element) bool{
	"VPS_ALLERGIES":      visionAllergy,
	"VPS_MEDICATIONS":    visionMedicine,
	"VPS_EVENT_HISTORY":  func(e *etree.Element) bool { return e.Tag != "problems" && !visionAllergy(e) && !visionMedicine(e) },
	"PROBLEMS":           func(e *etree.Element) bool { return e.Tag == "problems" },
	"DIAGNOSIS":          func(e *etree.Element) bool { return e.Tag == "problems" || visionCategory(e) == "SED003" },
	"MEDICATIONS":        visionMedicine,
	"RISKS AND WARNINGS": visionAllergy,
	"PROCEDURES": func(e *etree.Element) bool {
		return visionEntity(e, "91") || visionCategory(e) == "SED004" && !visionMedicine(e)
	},
	"TEST RESULTS":   func(e *etree.Element) bool { return visionEntity(e, "204", "215", "216") },
	"EXAM FINDINGS":  func(e *etree.Element) bool { return visionEntity(e, "56", "79", "80") },
	"PATIENT_RECORD": func(*etree.Element) bool { return true },
}

// visionEntity reports an element of one of the types (S §5.1).
func visionEntity(e *etree.Element, types ...string) bool {
	return e.Tag == "clinical" && slices.Contains(types, e.SelectAttrValue("entity_ty", ""))
}

func visionCategory(e *etree.Element) string { return e.SelectAttrValue("category", "") }
func visionMedicine(e *etree.Element) bool   { return visionEntity(e, "39", "40") }

func visionAllergy(e *etree.Element) bool {
	return e.Tag == "clinical" && e.SelectAttrValue("subgroup_code", "") == "Allergy"
}

// visionRequest is one call of Vision's.
type visionRequest struct {
	messageID string
	service   string
	practice  string
	number    string
	user      string
	view      string // "" for the details alone
	refused   error
}

// readVision reads a call by the check of its own. The signature that the real
// service asks for (S §5.2) is not: a wsse:Security header is passed over.
func readVision(msg []byte) question {
	q := &visionRequest{}
	root, err := parse(msg)
	if err != nil {
		q.refused = err
		return q
	}
	q.messageID = root.child("Header").value("MessageID")
	q.refused = q.check(root)
	return q
}

func (q *visionRequest) check(root *node) error {
	header, body, err := checkEnvelope(root, 1)
	if err != nil {
		return err
	}
	header.children = slices.DeleteFunc(header.children, func(c *node) bool {
		return c.name == "Security" && strings.HasPrefix(c.space, "http://docs.oasis-open.org/wss/")
	})
	var request, content *node
	return firstError(
		func() error {
			return checkAddressing(header, []string{"MessageID"}, []string{"Action", "To", "From", "ReplyTo"})
		},
		func() error { return body.check(visionSpace, true, part{"visionRequest", 1, 1, holder}) },
		func() error {
			request = body.child("visionRequest")
			return request.check(visionSpace, true, visionParts...)
		},
		func() error { return q.checkService(request.child("serviceDefinition")) },
		func() error {
			content = request.child("serviceContent")
			return content.check(visionSpace, true, part{visionQuestions[q.service].name, 1, 1, holder})
		},
		func() error { return q.checkContent(content.children[0]) },
	)
}

func (q *visionRequest) checkService(definition *node) error {
	if err := definition.check(visionSpace, true, visionDefinition...); err != nil {
		return err
	}
	q.service = definition.value("name")
	version, known := visionVersions[q.service]
	switch {
	case !known:
		return errors.New("the service is not one the stand-in answers")
	case definition.value("version") != version:
		return errors.New("the version of the service is not " + version)
	}
	return nil
}

func (q *visionRequest) checkContent(n *node) error {
	if err := n.check(visionSpace, true, visionQuestions[q.service].parts...); err != nil {
		return err
	}
	if err := n.child("Sender").check(visionSpace, true, visionSender...); err != nil {
		return err
	}
	q.practice, q.number, q.user, q.view = n.value("PracticeIdentifier"), n.value("PatientIdentifier"), n.child("Sender").value("UserName"), n.value("View")
	switch {
	case !odsCode.MatchString(q.practice):
		return errors.New("PracticeIdentifier is not an ODS code")
	case !tenDigits(q.number):
		return errors.New("PatientIdentifier is not ten digits")
	case q.service == visionDemographics:
		return nil
	case n.value("ResponseFormat") != "XML":
		return errors.New("the stand-in answers in the ResponseFormat XML alone")
	case visionViews[q.view] == nil:
		return errors.New("unknown View")
	}
	return nil
}

func (q *visionRequest) refusal(o Options) []byte {
	switch {
	case q.refused != nil:
		return q.fault("Client", q.refused.Error())
	case len(o.Organisations) > 0 && !slices.Contains(o.Organisations, q.practice):
		return q.fault("Client", "the practice is not served here")
	case len(o.Users) > 0 && !slices.Contains(o.Users, q.user):
		return q.fault("Client", "the user is not known here")
	}
	return nil
}

func (q *visionRequest) failure(text string) []byte { return q.fault("Server", text) }

func (q *visionRequest) fault(code, words string) []byte {
	return soapFault("urn:uuid:"+derivedID("answer", q.messageID), q.messageID, code, words)
}

func (q *visionRequest) answer(r *records, o Options) []byte {
	root, f := r.find(o.filed(q.number), formPatientFile)
	if root == nil {
		return q.unknown()
	}
	holds := visionViews[q.view]
	prune(root, func(e *etree.Element) bool { return e.Tag == "patient" || holds != nil && holds(e) })
	disguise(root, f, q.number, r, o)
	return q.respond(root)
}

// unknown says in place of a record that there is none. What Vision says is not
// published; this is the bridge's reading of it.
func (q *visionRequest) unknown() []byte {
	root, content := q.response()
	wrong := content.CreateElement("vision:error")
	wrong.CreateElement("vision:code").SetText("PATIENT_NOT_FOUND")
	wrong.CreateElement("vision:text").SetText("The patient is not known here")
	return serialise(root)
}

// response starts an answer and returns it with its serviceContent.
func (q *visionRequest) response() (root, content *etree.Element) {
	root, body := soapAnswer("urn:uuid:"+derivedID("answer", q.messageID), q.messageID, visionSpace+":"+q.service)
	answer := body.CreateElement("vision:visionResponse")
	answer.CreateAttr("xmlns:vision", visionSpace)
	definition := answer.CreateElement("vision:serviceDefinition")
	definition.CreateElement("vision:name").SetText(q.service)
	definition.CreateElement("vision:version").SetText(visionVersions[q.service])
	return root, answer.CreateElement("vision:serviceContent")
}

// respond wraps a patient file, which stands in the answer as text.
func (q *visionRequest) respond(file *etree.Element) []byte {
	root, content := q.response()
	held := content.CreateElement("vision:record")
	for i, piece := range strings.SplitAfter(string(serialise(file)), "]]>") { // which ends CDATA wherever it stands
		if i > 0 {
			piece = ">" + piece
		}
		if whole, ends := strings.CutSuffix(piece, "]]>"); ends {
			piece = whole + "]]"
		}
		held.CreateCData(piece)
	}
	return serialise(root)
}

// loadVision files the patient file that an answer holds, or one that stands by
// itself, as exports have it.
func loadVision(r *records, name string, data []byte) error {
	root, err := rootOf(name, data, "Envelope", "header")
	if root == nil {
		return err
	}
	files := []*etree.Element{root}
	if root.Tag == "Envelope" {
		files = nil
		for _, held := range root.FindElements("./Body/visionResponse/serviceContent/record") {
			file, err := rootOf(name, []byte(strings.TrimSpace(held.Text())), "header")
			if err != nil {
				return err
			}
			if file != nil {
				files = append(files, file)
			}
		}
	}
	for _, file := range files {
		patient := child(file, "patient")
		if patient == nil {
			continue
		}
		number := patient.SelectAttrValue("newnhsno", "")
		if number == "" {
			number = patient.SelectAttrValue("nhs_no", "")
		}
		if err := r.add(name, number, formPatientFile, file); err != nil {
			return err
		}
	}
	return nil
}
