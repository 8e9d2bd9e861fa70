package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// read asks one organisation of a system over its own wire and proves that the
// answer is about the patient asked for.
func (e *exchange) read(ctx context.Context, of pairs.Side, ask *record.Request, target string) (record.Response, error) {
	q := *ask
	q.Target = target
	by := e.decision.Claims
	q.Requester = record.Requester{User: by.User, UserName: by.UserName, Role: by.Role, Organisation: by.Organisation, Department: by.Department,
		Consent: by.Consent, BreakGlass: by.BreakGlass, BreakGlassText: by.BreakGlassText, ContentModel: ask.Requester.ContentModel, Software: "linkspan"}
	id := e.messageID()
	native, err := of.Codec.EncodeRequest(&q, id)
	if err != nil {
		return record.Response{}, err
	}
	claims := spine.Claims{Exchange: e.id, Attempt: uuid.NewString(), Target: target, User: by.User, Role: by.Role, Organisation: by.Organisation,
		Purpose: by.Purpose, From: e.dir.Consumer.Name, To: of.Name, Deadline: e.claims.Deadline}
	reply, err := e.put(ctx, of, spine.Message{Claims: claims, Body: native})
	if err != nil {
		return record.Response{}, err
	}
	if of.Name == e.dir.Holder.Name {
		sum := sha256.Sum256(reply.Body)
		e.holder = hex.EncodeToString(sum[:])
	}
	reading, cancel := context.WithTimeout(ctx, e.readTime)
	defer cancel()
	answer, err := of.Codec.DecodeResponse(reading, reply.Body)
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
		case rec.Patient.Superseded, rec.Patient.NHS != q.Patient.NHS && rec.Patient.Former(q.Patient.NHS):
			return record.Response{}, record.Fault(record.ReasonNotFound, "exchange", errSuperseded)
		case rec.Patient.NHS != q.Patient.NHS:
			return record.Response{}, record.Fault(record.ReasonWrongPatient, "exchange", errPatient)
		}
	}
	return answer, nil
}

// put has the edge of a system ask it. A read that nobody took is tried again
// while there is time, as a new attempt of the same exchange; nothing else is, and
// never two at once.
func (e *exchange) put(ctx context.Context, of pairs.Side, m spine.Message) (reply spine.Message, err error) {
	asked := e.now()
	for tried := 0; ; tried++ {
		reply, err = e.ask(ctx, e.subjects.Read(of.Name, m.Claims.Target), m)
		if !tryAgain(ctx, err, tried, e.retries[of.Name]) || !every(ctx, retryPause+rand.N(retryPause)) {
			break
		}
		m.Claims.Attempt = uuid.NewString()
	}
	waited := e.now().Sub(asked).Microseconds()
	if of.Name == e.dir.Consumer.Name {
		e.outcome.OwnCopyMicros += waited
	} else {
		e.outcome.HolderMicros += waited
	}
	return reply, err
}

// demographics is the question who the patient is.
func demographics(q *record.Request) *record.Request {
	who := *q
	who.Sections, who.Whole, who.Identify = record.SectionsOf(record.Demographics), false, true
	who.Codes, who.Authors, who.Effective, who.Entered = nil, nil, record.Period{}, record.Period{}
	return &who
}

// ownCopy reads what the asker's own system holds of the patient, over its own
// wire, so that the two systems' details can be compared before anything is
// released (safety CS-05). It is nil where that system knows no such patient or
// is not asked, and the agreement does without; the legitimate relationship
// that the patient's registration there may prove is settled by it.
func (e *exchange) ownCopy(ctx context.Context) (*record.Patient, error) {
	own, err := e.readBack(ctx)
	if err != nil {
		return nil, err
	}
	if own == nil {
		if _, err := e.agreement.Prove(e.dir.Consumer.Name, e.dir.Holder.Name, record.Unproven); err != nil {
			e.cause = fmt.Sprintf("%v, or refused the question: %q", errNotKnown, nativeCode(e.ownCode))
			return nil, record.Fault(record.ReasonNotFound, "exchange", errNotKnown) // the holder is not asked about somebody the asker does not know
		}
	}
	return own, e.agreement.Relate(own, &e.decision)
}

// nativeCode is another system's error code as it may stand in the audit log: a
// number or one word.
func nativeCode(code string) string {
	if plainCode.MatchString(code) {
		return code
	}
	return "of another form"
}

var plainCode = regexp.MustCompile(`^[0-9A-Za-z._-]{1,16}$`)

func (e *exchange) readBack(ctx context.Context) (*record.Patient, error) {
	consumer := e.dir.Consumer
	if !e.agreement.ReadsPatientBack(consumer.Name) {
		return nil, nil
	}
	answer, err := e.read(ctx, consumer, demographics(&e.q), e.decision.Claims.Organisation)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOwnCopy, err)
	}
	if f := answer.Failure(); f != nil {
		if !f.Permanent() {
			return nil, fmt.Errorf("%w: %w", errOwnCopy, record.Fault(passing(*f), "exchange", errHidden))
		}
		e.ownCode = f.NativeCode
		return nil, nil
	}
	return &answer.Record().Patient, nil
}

// admit decides whether this patient may be shown: that both systems mean one
// person, how the patient stands with the holder, and what the patient said
// about sharing.
func (e *exchange) admit(rec *record.Record, own *record.Patient) error {
	verdict := record.Unproven
	if own != nil {
		verdict = record.Verify(own, &rec.Patient)
	}
	warn, unproven := e.agreement.Prove(e.dir.Consumer.Name, e.dir.Holder.Name, verdict)
	cause, barred := e.agreement.Admit(e.dir.Holder.Name, &rec.Patient, e.now().Format(time.DateOnly))
	if unproven != nil && (barred == nil || record.ReasonOf(barred) != record.ReasonNotFound) {
		return unproven // before a dissent, which would be somebody else's; after a patient not found, of whom nothing is said
	}
	if barred != nil {
		e.cause = cause
		return barred
	}
	if warn {
		rec.Warn(record.Warning{Code: record.WarnDemographics, Detail: "the NHS number is the same; nothing else could be compared"})
	}
	for _, d := range record.Differences(own, &rec.Patient) {
		rec.Warn(record.Warning{Code: record.WarnDemographics, Detail: d.Words()})
	}
	return nil
}

// hide turns a refusal of the holder's own, given for good, into the one answer
// of a patient not found: what a holder says of a patient it does not release
// would tell that there is one (safety CS-07). One that may be tried again stays
// so, without the holder's words: "the record is in use" says that there is one,
// too. The agreement may have them shown.
func (e *exchange) hide(f record.Failure) record.Response {
	e.cause = "the holder refused"
	if f.Reason == record.ReasonNotFound {
		e.cause = "the holder does not know the patient"
	}
	if !e.agreement.ShowsRefusals(e.dir.Holder.Name) {
		if f.Permanent() {
			f.Reason = record.ReasonNotFound
		}
		f = record.Failure{Reason: passing(f)}
	}
	e.refused(f.Reason, nil)
	return record.Refused(f)
}

// passing is the reason of a failure without the system's own word that it may be
// tried again: of one that may, a reason that says so itself.
func passing(f record.Failure) record.Reason {
	if f.Retry && f.Reason.Permanent() {
		return record.ReasonBusy
	}
	return f.Reason
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
	found, hidden := "", ""
	for _, o := range e.agreement.Sides[e.dir.Holder.Name].Organisations {
		answer, err := e.read(ctx, e.dir.Holder, demographics(ask), o.ODS)
		if err != nil {
			return "", err
		}
		if f := answer.Failure(); f != nil {
			if !f.Permanent() {
				return "", record.Fault(passing(*f), "locate", errNoAnswer)
			}
			continue
		}
		// Who left, or is not to be known of, does not count; a standing that is
		// not said may be said by the whole record.
		cause, barred := e.agreement.Admit(e.dir.Holder.Name, &answer.Record().Patient, e.now().Format(time.DateOnly))
		if record.ReasonOf(barred) == record.ReasonNotFound && !errors.Is(barred, governance.ErrStanding) {
			hidden = cause
			continue
		}
		if found != "" {
			return "", record.Fault(record.ReasonNoTarget, "locate", errNotOne)
		}
		found = o.ODS
	}
	if found == "" {
		e.cause = hidden
		return "", record.Fault(record.ReasonNotFound, "locate", errNotOne)
	}
	return found, nil
}

// settleDown makes a patient not found take the same least time whatever stands
// behind it, so that nobody learns from a clock what the words do not say
// (safety H-05, T-11).
func (e *exchange) settleDown(ctx context.Context, answer record.Response, started time.Time) {
	f := answer.Failure()
	if f == nil || f.Reason != record.ReasonNotFound {
		return
	}
	timer := time.NewTimer(e.floor - e.now().Sub(started))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
