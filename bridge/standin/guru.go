package standin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// The paths of Microtest Guru. The first two are those of its patient-facing
// interface (S §4.3); nothing is published of a coded one, so the third is the
// bridge's convention: a GP2GP request for the extract.
const (
	guruDemographics = "/patient/demographics"
	guruMyRecord     = "/patient/my-record"
	guruExtract      = "/gp2gp/extract"
)

var guruMethods = map[string]string{guruDemographics: http.MethodGet, guruMyRecord: http.MethodGet, guruExtract: http.MethodPost}

// The forms of a record filed for Guru. The JSON forms are filed as an element
// with what the document holds in it, for they are served as they stand.
const (
	formDemographics form = "demographics"
	formMyRecord     form = "my-record"
	formExtract      form = "EhrExtract"
)

const (
	hl7Space        = "urn:hl7-org:v3"
	nhsRoot         = "2.16.840.1.113883.2.1.4.1"
	odsRoot         = "1.2.826.0.1285.0.1.10"
	interactionRoot = "2.16.840.1.113883.2.1.3.2.4.12"
	askExtract      = "RCMR_IN010000UK05"
	giveExtract     = "RCMR_IN030000UK06"
)

// guruRequest is one call of Guru's.
type guruRequest struct {
	httpRequest
	number, organisation string
	extractID            string // of the EhrRequest
	asker                string // its author's organisation
	user                 string // its author

	status  int // of the refusal
	refused error
}

// readGuru reads a call by the check of its own.
func readGuru(msg []byte) question {
	q := &guruRequest{status: http.StatusBadRequest}
	if q.httpRequest, q.refused = parseHTTP(msg); q.refused != nil {
		return q
	}
	method, known := guruMethods[q.path]
	switch {
	case !known:
		q.status, q.refused = http.StatusNotFound, errors.New("there is nothing at this path")
	case q.method != method:
		q.status, q.refused = http.StatusMethodNotAllowed, fmt.Errorf("this path takes %s only", method)
	default:
		q.refused = firstError(q.checkHead, q.checkBody)
	}
	return q
}

var odsCode = regexp.MustCompile(`^[0-9A-Z]{3,10}$`)

func (q *guruRequest) checkHead() error {
	q.number, q.organisation = q.fields["nhso-nhs-number"], q.fields["nhso-ods-code"]
	switch {
	case !tenDigits(q.number):
		return errors.New("NHSO-Nhs-Number is not ten digits")
	case !odsCode.MatchString(q.organisation):
		return errors.New("NHSO-ODS-Code is not an ODS code")
	}
	return nil
}

func (q *guruRequest) checkBody() error {
	if q.method == http.MethodGet {
		if len(q.body) > 0 {
			return errors.New("a GET has no body")
		}
		return nil
	}
	if kind, _, err := mime.ParseMediaType(q.fields["content-type"]); err != nil || kind != "application/xml" {
		q.status = http.StatusUnsupportedMediaType
		return errors.New("the body is not application/xml")
	}
	root, err := parse(q.body)
	if err != nil {
		return err
	}
	return q.checkExtract(root)
}

// steps are the parts of RCMR_IN010000UK05 down to the parties, in order. What
// addresses the message within Spine may be missing: there is none here.
var extractSteps = []struct {
	of    string
	parts []part
}{
	{askExtract, []part{{"id", 1, 1, flag}, {"creationTime", 1, 1, flag}, {"versionCode", 1, 1, flag}, {"interactionId", 1, 1, flag},
		{"processingCode", 1, 1, flag}, {"processingModeCode", 1, 1, flag}, {"acceptAckCode", 1, 1, flag},
		{"communicationFunctionRcv", 0, 1, holder}, {"communicationFunctionSnd", 0, 1, holder}, {"ControlActEvent", 1, 1, holder}}},
	{"ControlActEvent", []part{{"author1", 0, 1, holder}, {"subject", 1, 1, holder}}},
	{"subject", []part{{"EhrRequest", 1, 1, holder}}},
	{"EhrRequest", []part{{"id", 1, 1, flag}, {"recordTarget", 1, 1, holder}, {"author", 1, 2, holder}, {"destination", 1, 1, holder}}},
	{"recordTarget", []part{{"patient", 1, 1, holder}}},
	{"patient", []part{{"id", 1, 1, flag}}},
}

// checkExtract judges an EhrRequest, and that it asks for whom and where the head
// says.
func (q *guruRequest) checkExtract(root *node) error {
	if root.name != askExtract || root.space != hl7Space {
		return errors.New("the root element is not " + askExtract)
	}
	found := map[string]*node{askExtract: root}
	for _, s := range extractSteps {
		if err := found[s.of].check(hl7Space, true, s.parts...); err != nil {
			return err
		}
		for _, c := range found[s.of].children {
			found[c.name] = c
		}
	}
	interaction, request, patient := root.child("interactionId"), found["EhrRequest"], found["patient"].child("id")
	if interaction.attrs["root"] != interactionRoot || interaction.attrs["extension"] != askExtract {
		return errors.New("interactionId is not that of the root element")
	}
	if q.extractID = request.child("id").attrs["root"]; q.extractID == "" || root.child("id").attrs["root"] == "" {
		return errors.New("an id is empty")
	}
	var err error
	var holder string
	if q.asker, q.user, err = extractParties(request, "author"); err != nil {
		return err
	}
	if holder, _, err = extractParties(request, "destination"); err != nil {
		return err
	}
	switch {
	case patient.attrs["root"] != nhsRoot || patient.attrs["extension"] != q.number:
		return errors.New("the patient is not the one of NHSO-Nhs-Number")
	case holder != q.organisation:
		return errors.New("the destination is not the one of NHSO-ODS-Code")
	}
	return nil
}

// extractParties judges authors or destinations: one organisation, and of authors
// also who asks, if anybody is named.
func extractParties(request *node, role string) (organisation, user string, err error) {
	for _, n := range request.children {
		if n.name != role {
			continue
		}
		if err := n.check(hl7Space, true, part{"time", 0, 1, flag}, part{"AgentOrgSDS", 0, 1, holder}, part{"AgentPersonSDS", 0, 1, holder}); err != nil {
			return "", "", err
		}
		for _, agent := range n.children {
			inner, is := map[string]string{"AgentOrgSDS": "agentOrganizationSDS", "AgentPersonSDS": "agentPersonSDS"}[agent.name]
			if !is {
				continue
			}
			if err := agent.check(hl7Space, true, part{inner, 1, 1, holder}); err != nil {
				return "", "", err
			}
			if err := agent.child(inner).check(hl7Space, true, part{"id", 1, 1, flag}, part{"name", 0, 1, words}); err != nil {
				return "", "", err
			}
			id := agent.child(inner).child("id")
			switch {
			case id.attrs["extension"] == "":
				return "", "", fmt.Errorf("the id in %s is empty", inner)
			case agent.name == "AgentPersonSDS" && (user != "" || role != "author"):
				return "", "", errors.New("a person may not stand in " + role)
			case agent.name == "AgentPersonSDS":
				user = id.attrs["extension"]
			case organisation != "" || id.attrs["root"] != odsRoot:
				return "", "", fmt.Errorf("the organisation in %s is not one ODS code", role)
			default:
				organisation = id.attrs["extension"]
			}
		}
	}
	if organisation == "" {
		return "", "", fmt.Errorf("the organisation in %s is not one ODS code", role)
	}
	return organisation, user, nil
}

func (q *guruRequest) refusal(o Options) []byte {
	switch {
	case q.refused != nil:
		return q.wrong(q.status, q.refused.Error())
	case len(o.Organisations) > 0 && !slices.Contains(o.Organisations, q.organisation):
		return q.wrong(http.StatusForbidden, "the practice is not served here")
	case len(o.Users) > 0 && q.path == guruExtract && !slices.Contains(o.Users, q.user):
		return q.wrong(http.StatusForbidden, "the user is not known here")
	}
	return nil
}

func (q *guruRequest) failure(text string) []byte {
	return q.wrong(http.StatusInternalServerError, text)
}

// wrong is an answer that says why there is none. Of the body of such answers
// nothing is published.
func (q *guruRequest) wrong(status int, words string) []byte {
	body, err := json.Marshal(map[string]string{"error": sentence(words)})
	if err != nil {
		panic(err) // a string can be written
	}
	return q.respond(status, "application/json", body)
}

func (q *guruRequest) respond(status int, kind string, body []byte) []byte {
	return httpAnswer(status, body, "Content-Type", kind, "X-Correlation-ID", q.fields["x-request-id"])
}

func (q *guruRequest) answer(r *records, o Options) []byte {
	wanted := map[string]form{guruDemographics: formDemographics, guruMyRecord: formMyRecord, guruExtract: formExtract}[q.path]
	filed := o.filed(q.number)
	root, f := r.find(filed, wanted)
	if root == nil {
		return q.wrong(http.StatusNotFound, "the patient is not known here")
	}
	disguise(root, f, q.number, r, o)
	status := r.statuses[filed+" "+string(f)]
	switch f {
	case formDemographics:
		return q.respond(status, "application/json", writeObject(root))
	case formMyRecord:
		return q.respond(status, "application/json", []byte(root.Text()))
	}
	q.address(root)
	return q.respond(status, "application/xml", serialise(root))
}

// address makes a filed extract an answer to the request.
func (q *guruRequest) address(root *etree.Element) {
	set := func(e *etree.Element, name, value string) {
		if e != nil && value != "" {
			e.CreateAttr(name, value)
		}
	}
	extract := descend(root, "ControlActEvent", "subject", "EhrExtract")
	set(child(root, "id"), "root", strings.ToUpper(derivedID("answer", q.extractID)))
	set(descend(extract, "inFulfillmentOf", "priorEhrRequest", "id"), "root", q.extractID)
	set(descend(extract, "destination", "AgentOrgSDS", "agentOrganizationSDS", "id"), "extension", q.asker)
}

// loadGuru files the answers of a file: a patient's details, and after them the
// record in one form or several. Several files may say the same of who a patient
// is.
func loadGuru(r *records, name string, data []byte) error {
	answers, err := filedAnswers(name, data)
	if err != nil || len(answers) == 0 {
		return err
	}
	details, err := readObject(answers[0].body)
	if err != nil {
		return fmt.Errorf("%s: answer 1: %w", name, err)
	}
	number := strings.ReplaceAll(strings.Trim(text(details, "nhs"), `"`), " ", "")
	if number == "" {
		return nil // an error answer, or an example
	}
	file := func(f form, a filedAnswer, root *etree.Element) error {
		r.statuses[number+" "+string(f)] = a.status
		return r.add(name, number, f, root)
	}
	if have, _ := r.find(number, formDemographics); have == nil {
		if err := file(formDemographics, answers[0], details); err != nil {
			return err
		}
	} else if !bytes.Equal(writeObject(have), writeObject(details)) {
		return fmt.Errorf("%s and %s name one patient with different details", r.names[number+" "+string(formDemographics)], name)
	}
	for i, a := range answers[1:] {
		root := etree.NewElement("record")
		f := formMyRecord
		if strings.HasPrefix(a.kind, "application/json") {
			if !json.Valid(a.body) {
				return fmt.Errorf("%s: answer %d is not JSON", name, i+2)
			}
			root.SetText(string(a.body))
		} else {
			f = formExtract
			if root, err = rootOf(name, a.body, giveExtract); root == nil {
				return errors.Join(fmt.Errorf("%s: answer %d is no extract", name, i+2), err)
			}
		}
		if err := file(f, a, root); err != nil {
			return err
		}
	}
	return nil
}

// readObject is a JSON object as an element: a child for each member, in order,
// with the value as it is written.
func readObject(data []byte) (*etree.Element, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	object := etree.NewElement("object")
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errors.New("not a JSON object")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("not a JSON object")
		}
		object.AddChild(leaf(fmt.Sprint(name), string(value)))
	}
	if _, err := d.Token(); err != nil || len(bytes.TrimSpace(data[d.InputOffset():])) > 0 {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}

// writeObject is the object that readObject read.
func writeObject(object *etree.Element) []byte {
	var b bytes.Buffer
	for _, e := range object.ChildElements() {
		name, err := json.Marshal(e.FullTag())
		if err != nil {
			panic(err) // a string can be written
		}
		fmt.Fprintf(&b, ",%s:%s", name, e.Text())
	}
	return fmt.Appendf(nil, "{%s}", bytes.TrimPrefix(b.Bytes(), []byte(",")))
}
