package bridge

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// ledger is the audit log with what every record of this run has in common.
type ledger struct {
	*audit.Log
	*audit.Sealer
	instance, link, build string
	config                func() string // digest of the agreement in force
	verifier              string        // the public key its checkpoints are signed with
	boot                  string
	started               time.Time // with the monotonic clock
	now                   func() time.Time
}

func newLedger(log *audit.Log, sealer *audit.Sealer, now func() time.Time) *ledger {
	return &ledger{Log: log, Sealer: sealer, boot: rand.Text()[:12], started: time.Now(), now: now}
}

// entry begins a record.
func (l *ledger) entry(event string) audit.Entry {
	return audit.Entry{Time: l.now().UTC(), Mono: time.Since(l.started), Boot: l.boot, Instance: l.instance, Event: event,
		Link: l.link, Build: l.build, Config: l.config()}
}

// note writes down an event that is of no exchange.
func (l *ledger) note(event, cause, mapSet string) error {
	entry := l.entry(event)
	entry.Cause, entry.MapSet = cause, mapSet
	_, err := l.Append(entry)
	return err
}

// release encodes the answer, proves that everything that is to go out stands in
// it, writes the audit record with the hash of exactly those bytes, and only
// then gives them out. If the audit cannot be written the answer is a refusal,
// which holds nothing of the record.
func (e *exchange) release(answer record.Response) ([]byte, audit.Receipt, error) {
	body, unsaid := e.encode(answer)
	if unsaid != nil {
		answer = record.Refused(e.failure(unsaid))
		body, unsaid = e.encode(answer) // where that fails too it is audited, and the edge refuses
	}
	event := audit.EventAnswered
	if f := answer.Failure(); f != nil {
		event, e.outcome.Reason = audit.EventRefused, f.Reason
	}
	e.outcome.Report = e.report
	entry := e.entry(event)
	sum := sha256.Sum256(body)
	entry.ContentSHA256, entry.Bytes = hex.EncodeToString(sum[:]), len(body)
	writing := e.now()
	if !e.got.IsZero() {
		e.outcome.TranslateMicros = writing.Sub(e.got).Microseconds()
	}
	receipt, err := e.audit.Append(entry)
	e.outcome.AuditMicros = e.now().Sub(writing).Microseconds()
	if err != nil {
		e.log.Error("audit append", zap.String("exchange", e.id), zap.Error(err))
		e.outcome.Reason, e.outcome.Report = record.ReasonAudit, pairs.Report{}
		body, err = e.encode(record.Refused(record.Failure{Reason: record.ReasonAudit}))
		return body, audit.Receipt{}, err
	}
	e.step("audited")
	return body, receipt, unsaid
}

// encode is an answer in the asker's form, with everything in it that is to go
// out. With an error there is none.
func (e *exchange) encode(answer record.Response) (body []byte, err error) {
	defer recovered(e.log, &err)
	native, err := e.dir.Consumer.Codec.EncodeResponse(&e.q, answer, e.messageID())
	if err != nil {
		return nil, err
	}
	if rec := answer.Record(); rec != nil {
		if err := e.dir.Sent(rec, native); err != nil {
			return nil, err
		}
	}
	if len(native) > e.limit {
		return nil, record.Fault(record.ReasonTooLarge, "release", errLimit)
	}
	e.step("encoded")
	return native, nil
}

// failure turns an error into the answer for the asker. It is logged here, and
// only here.
func (e *exchange) failure(err error) record.Failure {
	reason := record.ReasonOf(err)
	e.report = pairs.Report{} // nothing of it was seen
	if e.cause == "" {
		e.cause = err.Error()
	}
	e.refused(reason, err)
	f := record.Failure{Reason: reason}
	if errors.Is(err, errOwnCopy) && !reason.Permanent() {
		f = record.Failure{Reason: record.ReasonNoPatient, Retry: true}
	}
	return f
}

// refused is the one log line of a refusal. Of a patient not found it is the same
// whatever the cause, which the audit alone has (safety CS-07).
func (e *exchange) refused(reason record.Reason, err error) {
	if reason == record.ReasonNotFound {
		err = nil
	}
	e.log.Warn("exchange refused", zap.String("exchange", e.id), zap.String("from", e.dir.Consumer.Name), zap.String("reason", string(reason)), zap.Error(err))
}

// note appends an audit record without content.
func (e *exchange) note(event string) error {
	if _, err := e.audit.Append(e.entry(event)); err != nil {
		return record.Fault(record.ReasonAudit, "audit", err)
	}
	return nil
}

// entry is what is known of the exchange so far, as the audit keeps it.
func (e *exchange) entry(event string) audit.Entry {
	c := e.decision.Claims
	entry := e.audit.entry(event)
	entry.Config = e.agreement.Digest()
	entry.Exchange, entry.Attempt, entry.From, entry.To = e.id, e.claims.Attempt, e.dir.Consumer.Name, e.dir.Holder.Name
	entry.User, entry.UserName, entry.Role, entry.Organisation, entry.Activities = c.User, c.UserName, c.Role, c.Organisation, c.Activities
	entry.Department, entry.ContentModel = c.Department, contentModel(e.q.Requester.ContentModel)
	entry.Device, entry.Target, entry.Purpose, entry.Consent, entry.Relationship = c.Device, e.target, c.Purpose, c.Consent, c.Relationship
	entry.Sources, entry.Checks, entry.Cause, entry.Reason = c.Sources, e.decision.Checks, e.cause, string(e.outcome.Reason)
	entry.View, entry.MapSet, entry.HolderSHA256 = view(&e.q), e.dir.Tables.Digest(), e.holder
	if nhs := e.q.Patient.NHS; !nhs.IsZero() {
		e.audit.SealPatient(&entry, nhs.Digits())
	}
	if c.BreakGlass != "" {
		entry.BreakGlass = c.BreakGlass
		e.audit.SealBreakGlass(&entry, c.BreakGlassText)
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

// contentModel is the name of a sharing agreement as it may stand in the audit
// log: a few words of plain letters, so that nothing else is said there.
func contentModel(named string) string {
	if named == "" || plainName.MatchString(named) {
		return named
	}
	return "of another form"
}

var plainName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z ._/-]{0,63}$`)

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
