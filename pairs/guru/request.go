package guru

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/guru/internal/ehrextract"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opDecodeRequest = "guru: decode request"
	opEncodeRequest = "guru: encode request"
)

// The two identifiers of the GP2GP request.
const (
	rootRequest     = "RCMR_IN010000UK05"
	oidNHSNumber    = "2.16.840.1.113883.2.1.4.1"
	oidODS          = "1.2.826.0.1285.0.1.10"
	oidInteraction  = "2.16.840.1.113883.2.1.3.2.4.12"
	oidSpineUser    = "1.2.826.0.1285.0.2.0.65"
	lineExtract     = "POST " + pathExtract + " HTTP/1.1"
	lineMyRecord    = "GET " + pathMyRecord + " HTTP/1.1"
	lineDemographic = "GET " + pathDemographics + " HTTP/1.1"
)

// noScheme is what my-record asks codes in: none.
const noScheme mapping.Scheme = "none"

// DecodeRequest reads what Guru asks: one HTTP request, or the several that
// EncodeRequest writes. The last says what is asked for; all are about one
// patient of one practice.
func (c *codec) DecodeRequest(ctx context.Context, msg []byte) (record.Request, error) {
	var q record.Request
	all, err := parts(msg)
	if err != nil {
		return q, misread(record.ReasonBadMessage, opDecodeRequest, err)
	}
	if len(msg) > c.bytes() {
		return q, misread(record.ReasonTooLarge, opDecodeRequest, errors.New("larger than the limit"))
	}
	last := all[len(all)-1]
	q.MessageID, q.Target = last.field(fieldRequest), last.field(fieldOrganisation)
	number := last.field(fieldNumber)
	q.Patient.NHS, _ = record.ParseNHSNumber(number)
	refuse := func(reason record.Reason, what string) (record.Request, error) {
		return q, misread(reason, opDecodeRequest, errors.New(what))
	}
	q.Sections, q.Whole = record.AllSections, true
	switch last.line {
	case lineDemographic:
		q.Operation = pathDemographics
		q.Sections, q.Whole, q.Identify = record.SectionsOf(record.Demographics), false, true
	case lineMyRecord:
		q.Operation, q.CodeScheme, q.DrugScheme = pathMyRecord, noScheme, noScheme
	case lineExtract:
		q.Operation = pathExtract
		if err := c.ehrRequest(ctx, last.body, &q); err != nil {
			return q, record.Fault(record.ReasonBadMessage, opDecodeRequest, err)
		}
	default:
		method, _, http := strings.Cut(last.line, " /")
		if !http || !strings.HasSuffix(last.line, " HTTP/1.1") || method == "" {
			return refuse(record.ReasonBadMessage, "not a request line of HTTP/1.1")
		}
		return refuse(record.ReasonUnsupported, "a method or path that reads no record")
	}
	for i, p := range all {
		switch {
		case p.field(fieldNumber) != number || p.field(fieldOrganisation) != q.Target:
			return refuse(record.ReasonBadMessage, "requests about two patients or practices")
		case i < len(all)-1 && (p.line != lineDemographic || len(p.body) > 0):
			return refuse(record.ReasonUnsupported, "before the last request, one for something other than the patient's details")
		}
	}
	switch {
	case last.line != lineExtract && len(last.body) > 0:
		return refuse(record.ReasonBadMessage, "a GET with a body")
	case q.MessageID == "":
		return refuse(record.ReasonBadMessage, "the message has no id")
	case number == "":
		return refuse(record.ReasonBadMessage, "no number of a patient")
	case q.Patient.NHS.IsZero():
		return refuse(record.ReasonNotFound, "no NHS number") // as any that nobody has (safety CS-07)
	}
	return q, nil
}

func (c *codec) bytes() int {
	if c.limits.Bytes > 0 {
		return c.limits.Bytes
	}
	return 8 << 20
}

// ehrRequest reads the GP2GP request. Its patient and its organisation must be
// those of the head.
func (c *codec) ehrRequest(ctx context.Context, body []byte, q *record.Request) error {
	r, err := xmlio.Open(ctx, body, xmlio.Options{Limits: c.limits})
	if err != nil {
		return err
	}
	if r.Name() != (xmlio.Name{Space: ehrextract.Namespace, Local: rootRequest}) {
		return &record.Error{Reason: record.ReasonBadMessage, Op: opDecodeRequest, Position: r.Position().String(), Err: errors.New("not a GP2GP request")}
	}
	a := ehrAsked{r: r}
	a.walk("")
	if err := r.Close(); err != nil {
		return err
	}
	number, err := record.ParseNHSNumber(a.number)
	switch {
	case a.patients != 1:
		err = errors.New("not one patient")
	case err != nil || number != q.Patient.NHS:
		err = errors.New("the patient is not the one of the head")
	case a.destination != q.Target:
		err = errors.New("the destination is not the one of the head")
	}
	if err != nil {
		return misread(record.ReasonBadMessage, opDecodeRequest, err)
	}
	q.ConversationID = a.request
	q.Requester.Organisation, q.Requester.User = a.organisation, a.user
	return nil
}

// ehrAsked is a GP2GP request while it is read.
type ehrAsked struct {
	r                                                *xmlio.Reader
	patients                                         int
	number, organisation, user, destination, request string
}

func (a *ehrAsked) walk(in string) {
	for name := range a.r.Children(ehrextract.Namespace) {
		extension := strings.TrimSpace(a.r.Attr("extension"))
		switch {
		case name == "id" && in == "EhrRequest":
			a.request = a.r.Attr("root")
		case name == "id" && in == "patient" && a.r.Attr("root") == oidNHSNumber:
			a.patients++
			a.number = extension
		case name == "id" && in == "author agentOrganizationSDS":
			a.organisation = extension
		case name == "id" && in == "author agentPersonSDS":
			a.user = extension
		case name == "id" && in == "destination agentOrganizationSDS":
			a.destination = extension
		}
		role, _, _ := strings.Cut(in, " ")
		switch {
		case name == "author", name == "destination":
			a.walk(name)
		case role == "author", role == "destination":
			a.walk(role + " " + name)
		default:
			a.walk(name)
		}
	}
}

// EncodeRequest asks Guru: for the patient's details, which no extract holds,
// and with them, unless the bridge itself asks who the patient is, for the
// record in the form of the setting "response-format". The requests stand one
// after the other; Calls makes one call of each.
func (c *codec) EncodeRequest(q *record.Request, id system.MessageID) ([]byte, error) {
	refuse := func(reason record.Reason, what string) ([]byte, error) {
		return nil, &record.Error{Reason: reason, Op: opEncodeRequest, Err: errors.New(what)}
	}
	switch {
	case q.Patient.NHS.IsZero():
		return refuse(record.ReasonBadMessage, "the request has no NHS number")
	case q.Target == "":
		return refuse(record.ReasonNoTarget, "the request names no organisation")
	}
	head := func(id string) []string {
		return []string{fieldNumber, q.Patient.NHS.Digits(), fieldOrganisation, q.Target, fieldRequest, id}
	}
	if q.Identify {
		return message(lineDemographic, nil, head(id.ID)...), nil
	}
	out := message(lineDemographic, nil, head(uuid.NewSHA1(uuid.NameSpaceURL, []byte("linkspan guru details "+id.ID)).String())...)
	if c.plain {
		return append(out, message(lineMyRecord, nil, head(id.ID)...)...), nil
	}
	body, err := c.writeEHRRequest(q, id)
	if err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeRequest, err)
	}
	return append(out, message(lineExtract, body, append(head(id.ID), fieldType, "application/xml")...)...), nil
}

// writeEHRRequest writes the GP2GP request for an extract. Its schema is not at
// hand: the shape follows that of the extract (README.md).
func (c *codec) writeEHRRequest(q *record.Request, id system.MessageID) ([]byte, error) {
	w := xmlio.NewWriter(make([]byte, 0, 2048))
	upper := strings.ToUpper(id.ID)
	w.Declaration()
	w.Start(rootRequest, "xmlns", ehrextract.Namespace)
	w.Empty("id", "root", upper)
	w.Empty("creationTime", "value", id.At.Format("20060102150405"))
	w.Empty("versionCode", "code", "V3NPfIT3.1.10")
	w.Empty("interactionId", "root", oidInteraction, "extension", rootRequest)
	w.Empty("processingCode", "code", "P")
	w.Empty("processingModeCode", "code", "T")
	w.Empty("acceptAckCode", "code", "NE")
	w.Start("ControlActEvent", "classCode", "CACT", "moodCode", "EVN")
	w.Start("subject", "typeCode", "SUBJ")
	w.Start("EhrRequest", "classCode", "EXTRACT", "moodCode", "RQO")
	w.Empty("id", "root", upper)
	w.Start("recordTarget", "typeCode", "RCT")
	w.Start("patient", "classCode", "PAT")
	w.Empty("id", "root", oidNHSNumber, "extension", q.Patient.NHS.Digits())
	w.End()
	w.End()
	party := func(role, kind, agent, inner, root, extension string) {
		w.Start(role, "typeCode", kind)
		w.Start(agent, "classCode", "AGNT")
		w.Start(inner)
		w.Empty("id", "root", root, "extension", extension)
		w.End()
		w.End()
		w.End()
	}
	if from := cmp.Or(q.Requester.Organisation, c.organisation); from != "" {
		party("author", "AUT", "AgentOrgSDS", "agentOrganizationSDS", oidODS, from)
	}
	if user := cmp.Or(q.Requester.User, c.user); user != "" {
		party("author", "AUT", "AgentPersonSDS", "agentPersonSDS", oidSpineUser, user)
	}
	party("destination", "DST", "AgentOrgSDS", "agentOrganizationSDS", oidODS, q.Target)
	for range 4 {
		w.End()
	}
	return w.Bytes(), w.Err()
}

// Calls makes one call of each request in a message.
func (c *codec) Calls(_ context.Context, request []byte, answers [][]byte) ([][]byte, error) {
	all, err := parts(request)
	if err != nil {
		return nil, misread(record.ReasonInternal, "guru: calls", err)
	}
	if len(answers) > 0 {
		return nil, nil
	}
	var calls [][]byte
	for _, p := range all {
		calls = append(calls, p.raw)
	}
	return calls, nil
}

// Join writes the answers one after the other. One that is not there, or is not
// one answer, stands as a status that says so: without the details it is not
// proven whose the record is, and without the record there is nothing to show,
// so that either fails the request, which may be made again.
func (c *codec) Join(_ []byte, answers [][]byte) ([]byte, error) {
	var out []byte
	for _, answer := range answers {
		if all, err := parts(answer); answer == nil {
			answer = message("HTTP/1.1 504 Gateway Timeout", nil)
		} else if err != nil || len(all) != 1 {
			answer = message("HTTP/1.1 502 Bad Gateway", nil)
		}
		out = append(out, answer...)
	}
	return out, nil
}
