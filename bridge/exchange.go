package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// exchanger is the exchange role: it decides, translates and audits. It talks
// to the edges only by subject.
type exchanger struct {
	link       *pairs.Link
	tables     *keeper
	work       *workList
	agreement  *governance.Agreement
	audit      *audit.Log
	patientKey []byte
	ask        func(ctx context.Context, subject string, m spine.Message) (spine.Message, error)
	subjects   Subjects
	instance   string
	live       bool
	limit      int
	readTime   time.Duration
	done       func(Outcome)
	now        func() time.Time
	log        *zap.Logger
}

// exchange carries one request to the system that holds the record and the
// answer back. in is the asker's native message; what it returns is always the
// asker's native answer, released only after the audit has it on disk.
func (x *exchanger) exchange(ctx context.Context, consumer string, in spine.Message) (spine.Message, error) {
	started := x.now()
	run := &exchange{exchanger: x, id: in.Claims.Exchange, claims: in.Claims}
	run.outcome = Outcome{Exchange: run.id, From: consumer, BytesIn: len(in.Body)}
	dir, err := x.link.Direction(consumer, x.tables.Set()) // the one set of this exchange, whatever is activated meanwhile
	if err != nil {
		return spine.Message{}, record.Fault(record.ReasonInternal, "exchange", err)
	}
	x.work.begin()
	dir.Watch.Looked = x.work.looked
	run.dir = dir
	run.outcome.MapSet = dir.Tables.Digest()
	run.outcome.To = dir.Holder.Name
	answer, err := run.run(ctx, in.Body)
	if err != nil {
		answer = record.Refused(run.failure(err))
	}
	body, err := run.release(answer)
	if err != nil {
		return spine.Message{}, err
	}
	run.outcome.Micros = x.now().Sub(started).Microseconds()
	run.outcome.BytesOut = len(body)
	x.done(run.outcome)
	return spine.Message{Claims: in.Claims, Body: body}, nil
}

// exchange is one exchange on its way: what is known of it so far, for the
// answer and the audit.
type exchange struct {
	*exchanger
	id      string
	dir     *pairs.Direction
	claims  spine.Claims
	by      governance.Claims
	q       record.Request
	target  string
	report  pairs.Report
	outcome Outcome
}

// run is the way of DESIGN.md "A record's way through": decode and decide,
// ask, prove the patient, withhold, translate.
func (e *exchange) run(ctx context.Context, native []byte) (record.Response, error) {
	reading, cancel := context.WithTimeout(ctx, e.readTime)
	defer cancel()
	q, err := e.dir.Consumer.Codec.DecodeRequest(reading, native)
	e.q = q
	given := governance.Claims{User: e.claims.User, Role: e.claims.Role, Organisation: e.claims.Organisation, Purpose: e.claims.Purpose, Consent: e.claims.Consent}
	by, denied := e.agreement.Decide(e.dir.Consumer.Name, e.dir.Holder.Name, &e.q, given)
	e.by = by // also of a message that cannot be read, for the audit says who was refused
	if err == nil {
		err = denied
	}
	if err = errors.Join(err, e.note(audit.EventAsked)); err != nil {
		return record.Response{}, err
	}
	if e.live && q.Patient.NHS.Test() {
		return record.Response{}, record.Fault(record.ReasonNotFound, "exchange", errTestNumber)
	}
	ask, err := e.dir.TranslateRequest(&e.q)
	if err != nil {
		return record.Response{}, err
	}
	if e.target, err = e.locate(ctx, ask); err != nil {
		return record.Response{}, err
	}
	answer, err := e.read(ctx, ask, e.target)
	if err != nil || answer.Failure() != nil {
		return answer, err
	}
	rec := answer.Record()
	if err := e.agreement.Withhold(e.dir.Holder.Name, rec); err != nil {
		return record.Response{}, err
	}
	rec.Source.System = e.dir.Holder.Title
	rec.Source.ODS = e.target
	rec.Source.Organisation = e.agreement.Sides[e.dir.Holder.Name].Name(e.target)
	rec.Source.RetrievedAt = retrieved(e.now())
	e.report = e.dir.Translate(rec, &e.q, ask)
	if err := ctx.Err(); err != nil { // nobody waits for it any more
		return record.Response{}, record.Fault(record.ReasonTimeout, "exchange", err)
	}
	if e.report.Unreadable() {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, "exchange", errNothing)
	}
	return answer, nil
}

var (
	errTestNumber = errors.New("a test number in the live environment")
	errPatient    = errors.New("the answer's patient is not the request's")
	errNoPatient  = errors.New("the answer names no patient")
	errOther      = errors.New("the answer is to another request")
	errNothing    = errors.New("no section of the answer could be read")
	errLimit      = errors.New("the answer is above the record limit")
	errNoAnswer   = errors.New("an organisation that may hold the record did not say")
	errNotOne     = errors.New("no organisation, or more than one, holds this patient's record")
)

// read asks one organisation of the holder and proves that the answer is about
// the patient asked for.
func (e *exchange) read(ctx context.Context, ask *record.Request, target string) (record.Response, error) {
	q := *ask
	q.Target = target
	q.Requester = record.Requester{User: e.by.User, Role: e.by.Role, Organisation: e.by.Organisation, Software: "linkspan"}
	id := e.messageID()
	native, err := e.dir.Holder.Codec.EncodeRequest(&q, id)
	if err != nil {
		return record.Response{}, err
	}
	claims := e.claims
	claims.Attempt = uuid.NewString()
	claims.Target = target
	asked := e.now()
	reply, err := e.ask(ctx, e.subjects.Read(e.dir.Holder.Name, target), spine.Message{Claims: claims, Body: native})
	e.outcome.HolderMicros += e.now().Sub(asked).Microseconds()
	if err != nil {
		return record.Response{}, err
	}
	reading, cancel := context.WithTimeout(ctx, e.readTime)
	defer cancel()
	answer, err := e.dir.Holder.Codec.DecodeResponse(reading, reply.Body)
	if err != nil {
		return record.Response{}, err
	}
	if answer.MessageID != "" && !strings.EqualFold(answer.MessageID, id.ID) {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, "exchange", errOther)
	}
	if rec := answer.Record(); rec != nil {
		switch {
		case rec.Patient.NHS.IsZero():
			return record.Response{}, record.Fault(record.ReasonNoPatient, "exchange", errNoPatient)
		case rec.Patient.NHS != q.Patient.NHS:
			return record.Response{}, record.Fault(record.ReasonWrongPatient, "exchange", errPatient)
		}
	}
	return answer, nil
}

// locate finds the organisation to ask. Where neither the message nor the
// agreement names one, every organisation of the holder is asked for the
// patient's details only; exactly one must have them (DESIGN.md "What is
// native").
func (e *exchange) locate(ctx context.Context, ask *record.Request) (string, error) {
	target, ok, err := e.agreement.Target(e.dir.Holder.Name, &e.q)
	if ok || err != nil {
		return target, err
	}
	who := *ask
	who.Sections, who.Whole = record.SectionsOf(record.Demographics), false
	who.Codes, who.Authors, who.Effective, who.Entered = nil, nil, record.Period{}, record.Period{}
	found := ""
	for _, o := range e.agreement.Sides[e.dir.Holder.Name].Organisations {
		answer, err := e.read(ctx, &who, o.ODS)
		if err != nil {
			return "", err
		}
		if f := answer.Failure(); f != nil {
			if !f.Permanent() {
				return "", record.Fault(f.Reason, "locate", errNoAnswer)
			}
			continue
		}
		if found != "" {
			return "", record.Fault(record.ReasonNoTarget, "locate", errNotOne)
		}
		found = o.ODS
	}
	if found == "" {
		return "", record.Fault(record.ReasonNotFound, "locate", errNotOne)
	}
	return found, nil
}

// release encodes the answer, writes the audit record with the hash of exactly
// those bytes, and only then gives them out. If the audit cannot be written
// the answer is a refusal, which holds nothing of the record.
func (e *exchange) release(answer record.Response) ([]byte, error) {
	body, err := e.dir.Consumer.Codec.EncodeResponse(&e.q, answer, e.messageID())
	if err == nil && len(body) > e.limit {
		err = record.Fault(record.ReasonTooLarge, "release", errLimit)
	}
	if err != nil {
		answer = record.Refused(e.failure(err))
		if body, err = e.dir.Consumer.Codec.EncodeResponse(&e.q, answer, e.messageID()); err != nil {
			return nil, record.Fault(record.ReasonInternal, "release", err)
		}
	}
	event := audit.EventAnswered
	if f := answer.Failure(); f != nil {
		event, e.outcome.Reason = audit.EventRefused, f.Reason
	}
	e.outcome.Report = e.report
	entry := e.entry(event)
	sum := sha256.Sum256(body)
	entry.ContentSHA256, entry.Bytes = hex.EncodeToString(sum[:]), len(body)
	if _, err := e.audit.Append(entry); err != nil {
		e.log.Error("audit append", zap.String("exchange", e.id), zap.Error(err))
		e.outcome.Reason = record.ReasonAudit
		return e.dir.Consumer.Codec.EncodeResponse(&e.q, record.Refused(record.Failure{Reason: record.ReasonAudit}), e.messageID())
	}
	return body, nil
}

// failure turns an error into the answer for the asker. It is logged here, and
// only here.
func (e *exchange) failure(err error) record.Failure {
	reason := record.ReasonOf(err)
	e.report = pairs.Report{} // nothing of it was seen
	e.log.Warn("exchange refused", zap.String("exchange", e.id), zap.String("from", e.dir.Consumer.Name), zap.String("reason", string(reason)), zap.Error(err))
	return record.Failure{Reason: reason}
}

// note appends an audit record without content.
func (e *exchange) note(event string) error {
	if _, err := e.audit.Append(e.entry(event)); err != nil {
		return record.Fault(record.ReasonAudit, "audit", err)
	}
	return nil
}

func (e *exchange) entry(event string) audit.Entry {
	entry := audit.Entry{
		Time: e.now().UTC(), Instance: e.instance, Exchange: e.id, Attempt: e.claims.Attempt, Event: event,
		From: e.dir.Consumer.Name, To: e.dir.Holder.Name, User: e.by.User, Role: e.by.Role, Organisation: e.by.Organisation,
		Target: e.target, Purpose: e.by.Purpose, Consent: e.by.Consent, ClaimSource: e.by.Source,
		Reason: string(e.outcome.Reason), View: view(&e.q), MapSet: e.dir.Tables.Digest(),
	}
	if nhs := e.q.Patient.NHS; !nhs.IsZero() {
		entry.PatientRef = audit.Reference(e.patientKey, nhs.Digits())
	}
	for _, s := range e.report.Sections {
		if entry.Sections == nil {
			entry.Sections = map[string]audit.Counts{}
		}
		entry.Sections[s.Section] = audit.Counts{State: s.State, Source: s.Source, Coded: s.Coded, Degraded: s.Degraded,
			Withheld: s.Withheld, Unsupported: s.Unsupported, Failed: s.Failed, Duplicate: s.Duplicate}
	}
	for _, w := range e.report.Warnings {
		entry.Warnings = append(entry.Warnings, w.Code)
	}
	return entry
}

// view names what is asked for, by sections.
func view(q *record.Request) string {
	if q.Whole {
		return "whole record"
	}
	var names []string
	for _, s := range record.Sections() {
		if q.Sections.Has(s) {
			names = append(names, s.String())
		}
	}
	return strings.Join(names, " ")
}

func (e *exchange) messageID() system.MessageID {
	return system.MessageID{ID: uuid.NewString(), At: e.now()}
}

// Outcome is what operations may know of an exchange: no patient data.
type Outcome struct {
	Exchange     string        `json:"exchange"`
	From         string        `json:"from"`
	To           string        `json:"to"`
	MapSet       string        `json:"map_set"`          // digest of the one set it used
	Reason       record.Reason `json:"reason,omitempty"` // "" when a record was released
	BytesIn      int           `json:"bytes_in"`
	BytesOut     int           `json:"bytes_out"`
	HolderMicros int64         `json:"holder_micros"`
	Micros       int64         `json:"micros"`
	Report       pairs.Report  `json:"report"`
}

// retrieved is the time a clinician reads, with its zone.
func retrieved(t time.Time) string { return t.Format("02-Jan-2006 15:04:05 -0700") }
