package guru

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/pairs/guru/internal/ehrextract"
	"github.com/linkspan/linkspan/pairs/guru/internal/myrecord"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opDecodeResponse = "guru: decode response"
	opEncodeResponse = "guru: encode response"
)

// DecodeResponse reads an answer: the HTTP answers to the calls of one request,
// one after the other, of which each is the patient's details, my-record or an
// extract; or one of these. An extract by itself is read too, as exports have
// it. All are about one patient. A status that is no success is a Failure,
// whichever call it answers (Join says why). The message it answers is that of
// the last call, which alone has the id of the request.
func (c *codec) DecodeResponse(ctx context.Context, msg []byte) (record.Response, error) {
	if len(msg) > c.bytes() {
		return record.Response{}, misread(record.ReasonTooLarge, opDecodeResponse, errors.New("larger than the limit"))
	}
	a := answer{codec: c, ctx: ctx}
	if trimmed := bytes.TrimSpace(bytes.TrimPrefix(msg, []byte("\xEF\xBB\xBF"))); bytes.HasPrefix(trimmed, []byte("<")) {
		a.extract(msg)
	} else if err := a.read(msg); err != nil {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, err)
	}
	switch {
	case a.err != nil:
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, a.err)
	case a.failure != nil:
		p := record.Refused(*a.failure)
		p.MessageID = a.correlation
		return p, nil
	}
	if err := a.join(); err != nil {
		return record.Response{}, err
	}
	p := record.Answered(a.rec)
	p.MessageID = a.correlation
	return p, nil
}

// answer is what was read of an answer.
type answer struct {
	*codec
	ctx context.Context
	err error

	correlation string
	failure     *record.Failure
	details     *record.Patient
	partial     bool
	rec         *record.Record
	counts      []int
}

func (a *answer) read(msg []byte) error {
	all, err := parts(msg)
	if err != nil {
		return misread(record.ReasonBadAnswer, opDecodeResponse, err)
	}
	a.correlation = all[len(all)-1].field(fieldCorrelation)
	for _, p := range all {
		status, err := statusOf(p.line)
		if err != nil {
			return misread(record.ReasonBadAnswer, opDecodeResponse, err)
		}
		if a.failure != nil {
			continue
		}
		body := bytes.TrimSpace(bytes.TrimPrefix(p.body, []byte("\xEF\xBB\xBF")))
		switch {
		case status/100 != 2:
			f := failureOf(status, body)
			a.failure = &f
		case len(body) == 0:
			return misread(record.ReasonBadAnswer, opDecodeResponse, errors.New("an answer without a body"))
		case body[0] == '<':
			a.extract(p.body)
		default:
			a.json(body)
		}
		a.partial = a.partial || status == 202
		if a.err != nil {
			return nil
		}
	}
	return nil
}

// extract reads an EhrExtract.
func (a *answer) extract(doc []byte) {
	if a.rec != nil {
		a.err = misread(record.ReasonBadAnswer, opDecodeResponse, errors.New("two records"))
		return
	}
	r, err := xmlio.Open(a.ctx, doc, xmlio.Options{Limits: a.limits, Count: a.codec.counts})
	if err != nil {
		a.err = err
		return
	}
	rec, err := ehrextract.Decode(r, 0)
	if closed := r.Close(); err == nil || closed != nil {
		err = cmp.Or(closed, err)
	}
	if err != nil {
		a.err = err
		return
	}
	a.rec, a.counts = rec, append(r.Counts(), make([]int, len(myrecord.Entries()))...)
}

// json reads the patient's details or my-record, told apart by what they hold.
func (a *answer) json(doc []byte) {
	o, err := myrecord.Parse(a.ctx, doc)
	if err != nil {
		a.err = err
		return
	}
	if myrecord.IsDetails(o) {
		if a.details != nil {
			a.err = misread(record.ReasonBadAnswer, opDecodeResponse, errors.New("the patient's details twice"))
			return
		}
		a.details, a.err = myrecord.Details(o)
		return
	}
	if a.rec != nil {
		a.err = misread(record.ReasonBadAnswer, opDecodeResponse, errors.New("two records"))
		return
	}
	rec, counts, err := myrecord.Decode(o, doc, len(ehrextract.Entries()))
	a.rec, a.counts, a.err = rec, append(make([]int, len(ehrextract.Entries())), counts...), err
}

// join puts the patient's details to the record, where both are there, and
// proves that both are of one patient.
func (a *answer) join() error {
	switch {
	case a.rec == nil && a.details == nil:
		return misread(record.ReasonBadAnswer, opDecodeResponse, errors.New("neither a record nor a refusal"))
	case a.rec == nil: // who the patient is was all that was asked
		a.rec, a.counts = record.New(record.Source{}), make([]int, len(System().Entries))
		a.rec.Supply(record.SectionsOf(record.Demographics))
	}
	if d := a.details; d != nil {
		if !a.rec.Patient.NHS.IsZero() && a.rec.Patient.NHS != d.NHS {
			return misread(record.ReasonWrongPatient, opDecodeResponse, errors.New("the details are of another patient than the record"))
		}
		d.Practice, d.OtherIDs = a.rec.Patient.Practice, append(d.OtherIDs, a.rec.Patient.OtherIDs...)
		a.rec.Patient = *d
		if len(a.rec.Entries) == 0 || a.rec.Entries[0].Kind != record.KindDemographics {
			a.rec.Entries = append([]*record.Entry{{Kind: record.KindDemographics, At: "demographics"}}, a.rec.Entries...)
		}
	}
	a.rec.Source.System = title
	a.rec.Reconcile(System().Entries, a.counts)
	a.rec.ReadDissent()
	if a.partial {
		for _, s := range record.Sections() {
			if s != record.Demographics {
				a.rec.Declare(s, record.Partial)
			}
		}
	}
	return nil
}

// statusOf reads a status line.
func statusOf(line string) (int, error) {
	rest, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !ok || err != nil || len(code) != 3 || status < 100 {
		return 0, errors.New("not a status line of HTTP/1.1")
	}
	return status, nil
}

// failureOf is what a status says (S §4.3: 401, 403, 409, 500). The body of such
// an answer is inferred: one text.
func failureOf(status int, body []byte) record.Failure {
	f := record.Failure{Reason: record.ReasonRefused, NativeCode: strconv.Itoa(status)}
	var said struct{ Error, Reason string }
	if json.Unmarshal(body, &said) == nil {
		f.Native = said.Error
	}
	switch {
	case status == 404:
		f.Reason = record.ReasonNotFound
	case status == 429, status >= 500:
		f.Reason = record.ReasonBusy
	case status == 409:
		f.Retry = true // in use
	}
	if f.Native == "" && f.Reason == record.ReasonRefused {
		f.Native = "status " + f.NativeCode
	}
	return f
}

// statusLine is the status of a failure. What may be asked again is 503, or 409
// where a refusal said so of itself.
func statusLine(f *record.Failure) string {
	switch {
	case !f.Permanent() && f.Reason.Permanent():
		return "409 Conflict"
	case !f.Permanent():
		return "503 Service Unavailable"
	case f.Reason == record.ReasonNotFound:
		return "404 Not Found"
	case f.Reason == record.ReasonBadMessage, f.Reason == record.ReasonUnsupported, f.Reason == record.ReasonReplayed:
		return "400 Bad Request"
	}
	return "403 Forbidden"
}

// EncodeResponse answers in the form that was asked for, or, where nobody asked,
// in that of the setting "response-format".
func (c *codec) EncodeResponse(q *record.Request, p record.Response, id system.MessageID) ([]byte, error) {
	if f := p.Failure(); f != nil {
		body, err := json.Marshal(struct {
			Error  string `json:"error"`
			Reason string `json:"reason"`
		}{f.Words(), string(f.Reason)})
		if err != nil {
			return nil, record.Fault(record.ReasonInternal, opEncodeResponse, err)
		}
		return message("HTTP/1.1 "+statusLine(f), body, fieldType, "application/json", fieldCorrelation, q.MessageID), nil
	}
	rec := p.Record()
	form := q.Operation
	if form == "" {
		form = map[bool]string{true: pathMyRecord, false: pathExtract}[c.plain]
	}
	kind := "application/json"
	var body []byte
	var err error
	switch form {
	case pathDemographics:
		rec.Writing()
		body, err = myrecord.EncodeDetails(rec, rec.Head(q.Sections))
	case pathMyRecord:
		body, err = myrecord.Encode(rec, rec.Head(q.Sections))
	default:
		kind = "application/xml"
		body, err = ehrextract.Encode(rec, rec.Head(q.Sections), ehrextract.Message{ID: id, From: cmp.Or(q.Target, rec.Source.ODS, c.organisation),
			To: q.Requester.Organisation, InReplyTo: q.ConversationID})
	}
	if err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeResponse, err)
	}
	return message("HTTP/1.1 200 OK", body, fieldType, kind, fieldCorrelation, q.MessageID), nil
}

// unwrap gives the body of an answer as XML: an extract as it stands, JSON spelt
// as elements.
func unwrap(msg []byte) ([]byte, error) {
	all, err := parts(msg)
	if err != nil {
		return nil, fmt.Errorf("guru: answer: %w", err)
	}
	if len(all) != 1 {
		return nil, errors.New("guru: an answer to several requests")
	}
	body := bytes.TrimSpace(all[0].body)
	if len(body) > 0 && body[0] == '{' {
		return myrecord.Spell(body)
	}
	return body, nil
}
