package standin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// migSpace is the namespace of the MIG's messages in the profile that ships.
// Names and error words are that profile's; only serviceHeader and serviceContent
// are public (E §5).
const (
	migSpace  = "urn:linkspan:mig:profile:v1"
	migAction = "urn:linkspan:mig:%s-v1-0"

	migLocate = "locatePatient"
	migRecord = "getPatientRecord"
)

// The children of the MIG's messages, in order. Consent and user are mandatory,
// but are said to be missing in words of their own.
var (
	migQuestion = []part{{"serviceHeader", 1, 1, holder}, {"serviceContent", 1, 1, holder}}
	migHeader   = []part{{"messageId", 1, 1, filled}, {"creationTime", 1, 1, filled}, {"sender", 1, 1, holder}, {"recipient", 1, 1, holder},
		{"user", 0, 1, holder}}
	migParty   = []part{{"nationalCode", 1, 1, filled}, {"displayName", 0, 1, filled}, {"department", 0, 1, filled}}
	migUser    = []part{{"id", 1, 1, filled}, {"displayName", 0, 1, filled}, {"role", 0, 1, filled}}
	migContent = []part{{"patient", 1, 1, holder}, {"consent", 0, 1, words}, {"dataSet", 0, 0, filled}, {"contentModel", 0, 1, filled}}
	migPatient = []part{{"nhsNumber", 1, 1, filled}, {"birthDate", 0, 1, filled}}

	migReasons = []string{"UNCONSCIOUS", "LACKS_CAPACITY", "RISK_TO_LIFE", "SAFEGUARDING", "COURT_ORDER", "PUBLIC_INTEREST"}
)

// The error words the stand-in says.
const (
	migInvalid     = "INVALID_REQUEST"
	migNoConsent   = "CONSENT_WITHHELD"
	migDenied      = "ACCESS_DENIED"
	migUnsupported = "NOT_SUPPORTED"
	migElsewhere   = "ORGANISATION_UNKNOWN"
	migNotFound    = "PATIENT_NOT_FOUND"
	migUnavailable = "SERVICE_UNAVAILABLE"
)

// migWanted is what of a record a data set holds: events by type, those with
// codes only where one of their Read codes begins so, and the problems with the
// events that define them.
type migWanted struct {
	problems bool
	types    []string
	codes    map[string][]string // by type
}

// Beginnings of Read v2 codes. The MIG's own lists are not public (E §6).
var (
	diagnosisChapters = strings.Split("ABCDEFGHJKLMNPQST", "")
	investigations    = []string{"4", "5"}
	bloodPressure     = []string{"246"}
)

// migDataSets are the data sets and what each holds (E §6).
var migDataSets = map[string]migWanted{
	"PATIENT_DETAILS":    {},
	"SUMMARY":            {problems: true, types: []string{"MED", "ALL"}},
	"PROBLEMS":           {problems: true},
	"DIAGNOSIS":          {codes: map[string][]string{"OBS": diagnosisChapters}},
	"MEDICATION":         {types: []string{"MED", "ISS"}},
	"RISKS_AND_WARNINGS": {types: []string{"ALL", "ALT"}, codes: map[string][]string{"OBS": {"14L"}}},
	"PROCEDURES":         {types: []string{"IMM"}, codes: map[string][]string{"OBS": {"7"}}},
	"INVESTIGATIONS":     {types: []string{"REP"}, codes: map[string][]string{"INV": investigations, "VAL": investigations}},
	"EXAMINATION":        {codes: map[string][]string{"OBS": bloodPressure, "INV": bloodPressure, "VAL": bloodPressure}},
	"EVENTS":             {types: []string{"REF"}, codes: map[string][]string{"OBS": {"8H"}}},
}

// migRequest is a question to the MIG. One that is no question of the profile is
// refused by a SOAP Fault, any other in the profile's own form.
type migRequest struct {
	operation string // "" for none
	messageID string
	created   string
	sender    string
	recipient string
	user      string
	number    string
	sets      []string

	code    string // of the error
	refused error
}

// readMIG reads a request by the check of its own.
func readMIG(msg []byte) question {
	q := &migRequest{}
	root, err := parse(msg)
	if err != nil {
		q.refused = err
		return q
	}
	header, body, err := checkEnvelope(root, 1)
	if err != nil {
		q.refused = err
		return q
	}
	if len(body.children) != 1 || body.text != "" || body.children[0].space != migSpace {
		q.refused = errors.New("the body does not hold one question of the profile")
		return q
	}
	asked := body.children[0]
	q.messageID = asked.child("serviceHeader").value("messageId")
	operation, isRequest := strings.CutSuffix(asked.name, "Request")
	if !isRequest || operation != migLocate && operation != migRecord {
		q.refused = errors.New("the service is not one the stand-in answers")
		return q
	}
	q.operation, q.code = operation, migInvalid
	q.refused = firstError(
		func() error { return asked.check(migSpace, true, migQuestion...) },
		func() error { return q.checkHeader(asked.child("serviceHeader")) },
		func() error { return q.checkAddressing(header) },
		func() error { return q.checkContent(asked.child("serviceContent")) },
	)
	return q
}

// checkAddressing judges the SOAP header, which names the operation and the
// message a second time.
func (q *migRequest) checkAddressing(h *node) error {
	if err := checkAddressing(h, []string{"MessageID", "Action"}, []string{"To", "From", "ReplyTo"}); err != nil {
		return err
	}
	switch {
	case h.value("Action") != fmt.Sprintf(migAction, q.operation):
		return errors.New("the Action is not that of the question")
	case h.value("MessageID") != "urn:uuid:"+q.messageID:
		return errors.New("MessageID is not the one of the serviceHeader")
	}
	return nil
}

func (q *migRequest) checkHeader(h *node) error {
	if err := h.check(migSpace, true, migHeader...); err != nil {
		return err
	}
	for _, party := range []string{"sender", "recipient"} {
		if err := h.child(party).check(migSpace, true, migParty...); err != nil {
			return err
		}
	}
	q.created = h.value("creationTime")
	if _, err := time.Parse(time.RFC3339, q.created); err != nil {
		return errors.New("creationTime is not a time")
	}
	q.sender, q.recipient = h.child("sender").value("nationalCode"), h.child("recipient").value("nationalCode")
	user := h.child("user")
	if user == nil {
		return errors.New("the user is not named")
	}
	if err := user.check(migSpace, true, migUser...); err != nil {
		return err
	}
	q.user = user.value("id")
	return nil
}

func (q *migRequest) checkContent(content *node) error {
	if err := content.check(migSpace, true, migContent...); err != nil {
		return err
	}
	patient := content.child("patient")
	if err := patient.check(migSpace, true, migPatient...); err != nil {
		return err
	}
	q.number = patient.value("nhsNumber")
	if !tenDigits(q.number) {
		return errors.New("nhsNumber is not ten digits")
	}
	if date := patient.value("birthDate"); patient.child("birthDate") != nil && (len(date) != len(time.DateOnly) || !isDate(date)) {
		return errors.New("birthDate is not a date")
	}
	if err := q.checkConsent(content.child("consent")); err != nil {
		return err
	}
	for _, c := range content.children {
		if c.name == "dataSet" {
			q.sets = append(q.sets, c.text)
		}
	}
	if q.operation == migLocate && len(q.sets) > 0 {
		return errors.New("dataSet in a question of where the patient is")
	}
	for i, set := range q.sets {
		if _, known := migDataSets[set]; !known {
			q.code = migUnsupported
			return errors.New("unknown dataSet")
		}
		if slices.Contains(q.sets[:i], set) {
			return errors.New("a dataSet stands more than once")
		}
	}
	return nil
}

// checkConsent judges the indicator of consent to view: without one, or with one
// that says no, nothing is shown (E §6).
func (q *migRequest) checkConsent(consent *node) error {
	if consent == nil {
		q.code = migNoConsent
		return errors.New("the consent to view is not stated")
	}
	reason := consent.attrs["reason"]
	switch consent.attrs["status"] {
	case "REFUSED":
		q.code = migNoConsent
		return errors.New("the patient has refused consent to view")
	case "GIVEN":
		if reason != "" || consent.text != "" {
			return errors.New("a reason beside consent that is given")
		}
		return nil
	case "EMERGENCY":
		if !slices.Contains(migReasons, reason) {
			return errors.New("consent is overridden without a known reason")
		}
		return nil
	}
	return errors.New("the status of consent is unknown")
}

// tenDigits is how an NHS number is written in a request.
func tenDigits(s string) bool { return len(s) == 10 && strings.Trim(s, "1234567890") == "" }

func (q *migRequest) refusal(o Options) []byte {
	switch {
	case q.refused != nil && q.operation == "":
		return soapFault(derivedID("answer", q.messageID), "", "Client", q.refused.Error())
	case q.refused != nil:
		return q.wrong(q.code, q.refused.Error(), false)
	case len(o.Organisations) > 0 && !slices.Contains(o.Organisations, q.recipient):
		return q.wrong(migElsewhere, "the organisation addressed is not served here", false)
	case len(o.Users) > 0 && !slices.Contains(o.Users, q.user):
		return q.wrong(migDenied, "the user is not known here", false)
	}
	return nil
}

func (q *migRequest) failure(text string) []byte { return q.wrong(migUnavailable, text, true) }

func (q *migRequest) answer(r *records, o Options) []byte {
	root, f := r.find(o.filed(q.number), formOpenHR)
	switch {
	case root == nil:
		return q.wrong(migNotFound, "the patient is not known here", false)
	case q.operation == migLocate:
		return q.respond(q.location())
	}
	if len(q.sets) > 0 {
		q.narrow(root)
	}
	disguise(root, f, q.number, r, o)
	return q.respond(root)
}

// location says that the record is where the question was sent, and that all of
// it may be asked for.
func (q *migRequest) location() *etree.Element {
	l := etree.NewElement("location")
	l.CreateElement("nationalCode").SetText(q.recipient)
	for _, set := range slices.Sorted(maps.Keys(migDataSets)) {
		l.CreateElement("dataSet").SetText(set)
	}
	return l
}

// narrow leaves what one of the data sets asked for holds.
func (q *migRequest) narrow(root *etree.Element) {
	problems := slices.ContainsFunc(q.sets, func(set string) bool { return migDataSets[set].problems })
	narrowOpenHR(root, problems, func(event *etree.Element) bool {
		return slices.ContainsFunc(q.sets, func(set string) bool { return migDataSets[set].holds(event, set == "SUMMARY") })
	})
}

// holds reports that an event is of the data set; of a summary's medication it
// is what is current.
func (w migWanted) holds(event *etree.Element, summary bool) bool {
	kind := text(event, "eventType")
	if slices.Contains(w.types, kind) {
		return !summary || kind != "MED" || text(child(event, "medication"), "drugStatus") == "A"
	}
	return slices.ContainsFunc(w.codes[kind], func(prefix string) bool {
		return slices.ContainsFunc(readCodes(event), func(code string) bool { return strings.HasPrefix(code, prefix) })
	})
}

// readCodes are an event's codes in Read v2 (E §1.1: the OID).
func readCodes(event *etree.Element) []string {
	var codes []string
	code := child(event, "code")
	if code == nil {
		return nil
	}
	for _, c := range append([]*etree.Element{code}, code.ChildElements()...) {
		if c.SelectAttrValue("codeSystem", "") == "2.16.840.1.113883.2.1.6.2" {
			codes = append(codes, c.SelectAttrValue("code", ""))
		}
	}
	return codes
}

// wrong is the profile's error.
func (q *migRequest) wrong(code, words string, retry bool) []byte {
	e := etree.NewElement("error")
	e.CreateElement("code").SetText(code)
	e.CreateElement("text").SetText(sentence(words))
	if retry {
		e.CreateElement("retry").SetText("true")
	}
	return q.respond(e)
}

// respond wraps what serviceContent holds. The answer was made when the question
// was, so that demos and goldens repeat.
func (q *migRequest) respond(content *etree.Element) []byte {
	id, relatesTo := derivedID("answer", q.messageID), ""
	if q.messageID != "" {
		relatesTo = "urn:uuid:" + q.messageID
	}
	root, body := soapAnswer("urn:uuid:"+id, relatesTo, fmt.Sprintf(migAction, q.operation))
	answer := body.CreateElement(q.operation + "Response")
	answer.CreateAttr("xmlns", migSpace)
	header := answer.CreateElement("serviceHeader")
	header.CreateElement("messageId").SetText(id)
	for _, e := range [][2]string{{"inResponseTo", q.messageID}, {"creationTime", q.created}} {
		if e[1] != "" {
			header.CreateElement(e[0]).SetText(e[1])
		}
	}
	for _, e := range [][2]string{{"sender", q.recipient}, {"recipient", q.sender}} {
		if e[1] != "" {
			header.CreateElement(e[0]).CreateElement("nationalCode").SetText(e[1])
		}
	}
	answer.CreateElement("serviceContent").AddChild(content)
	return serialise(root)
}

// loadMIG files the openHealthRecord of an answer.
func loadMIG(r *records, name string, data []byte) error {
	root, err := rootOf(name, data, "Envelope")
	if root == nil {
		return err
	}
	record := descend(root, "Body", migRecord+"Response", "serviceContent", "openHealthRecord")
	if record == nil {
		return nil
	}
	declareScope(record)
	return addOpenHR(r, name, record.Copy())
}
