package bridge

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
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
	link     *pairs.Link
	tables   *keeper
	work     *workList
	agreed   *agreed
	audit    *ledger
	pauses   *pauses
	once     *once
	key      spine.Key
	ask      func(ctx context.Context, subject string, m spine.Message) (spine.Message, error)
	subjects Subjects
	live     bool
	limit    int
	readTime time.Duration
	retries  map[string]int      // of reads that a system did not take, by its name
	floor    time.Duration       // the least time a patient not found takes
	begin    func() (end func()) // counts an exchange in flight
	done     func(Outcome)
	tell     func(kind string, event any)
	step     func(name string)
	now      func() time.Time
	log      *zap.Logger
}

// exchange carries one request to the system that holds the record and the
// answer back. in is the asker's native message; what it returns is always the
// asker's native answer, released only after the audit has it on disk.
func (x *exchanger) exchange(ctx context.Context, consumer string, in spine.Message) (spine.Message, error) {
	defer x.begin()()
	started := x.now()
	run := &exchange{exchanger: x, log: traceLog(ctx, x.log), id: in.Claims.Exchange, claims: in.Claims, agreement: x.agreed.now()} // one agreement, too
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
	working, cancel := inTime(ctx)
	defer cancel()
	answer, err := run.guarded(working, in.Body)
	if err != nil {
		answer = record.Refused(run.failure(err))
	}
	run.settleDown(ctx, answer, started)
	body, receipt, err := run.release(answer)
	run.outcome.Micros = x.now().Sub(started).Microseconds()
	run.outcome.BytesOut = len(body)
	x.done(run.outcome)
	if err != nil {
		return spine.Message{}, err
	}
	x.step("released")
	return spine.Message{Claims: run.answered(receipt), Body: body}, nil
}

// inTime ends a tenth of the remaining time before ctx, half a second at most:
// the edge waits as long as ctx, and what it gives the asker is to be the answer
// that was audited, also where nobody answered us.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	end := deadline.Add(-min(time.Until(deadline)/10, time.Second/2))
	return context.WithDeadlineCause(ctx, end, &record.Error{Reason: record.ReasonTimeout, Op: "exchange: wait"})
}

// exchange is one exchange on its way: what is known of it so far, for the
// answer and the audit.
type exchange struct {
	*exchanger
	log       *zap.Logger // with what all lines of this exchange say
	agreement *governance.Agreement
	id        string
	dir       *pairs.Direction
	claims    spine.Claims
	decision  governance.Decision
	q         record.Request
	target    string
	cause     string    // what the audit knows and the asker is not told
	ownCode   string    // the error of the asker's own system when it was asked for its copy, which the asker is not told either
	holder    string    // digest of the holder's native answer
	got       time.Time // the holder's answer
	rec       *record.Record
	report    pairs.Report
	outcome   Outcome
}

// guarded is run, and a panic in it is a refusal: whatever was asked has an end
// in the audit.
func (e *exchange) guarded(ctx context.Context, native []byte) (answer record.Response, err error) {
	defer recovered(e.log, &err)
	return e.run(ctx, native)
}

// run is the way of DESIGN.md "A record's way through": decode and decide, ask,
// prove that both systems mean one patient, withhold, translate.
func (e *exchange) run(ctx context.Context, native []byte) (record.Response, error) {
	q, err := decoded(ctx, e.dir.Consumer.Codec, native, e.readTime, e.log)
	e.q = q
	e.step("decoded")
	if err = e.decide(err); err != nil {
		return record.Response{}, err
	}
	e.step("asked")
	if e.live && q.Patient.NHS.Test() {
		return record.Response{}, record.Fault(record.ReasonNotFound, "exchange", errTestNumber)
	}
	ask, err := e.dir.TranslateRequest(&e.q)
	if err != nil {
		return record.Response{}, err
	}
	own, err := e.ownCopy(ctx)
	if err != nil {
		return record.Response{}, err
	}
	e.step("read-back")
	if e.target, err = e.locate(ctx, ask); err != nil {
		return record.Response{}, err
	}
	answer, err := e.read(ctx, e.dir.Holder, ask, e.target)
	if err != nil {
		return record.Response{}, err
	}
	e.got = e.now()
	e.step("answered")
	if f := answer.Failure(); f != nil {
		return e.hide(*f), nil
	}
	rec := answer.Record()
	if err := e.admit(rec, own); err != nil {
		return record.Response{}, err
	}
	if err := e.agreement.Withhold(e.dir.Holder.Name, rec, e.decision); err != nil {
		return record.Response{}, err
	}
	rec.Source.System = e.dir.Holder.Title
	rec.Source.ODS = e.target
	rec.Source.Organisation = e.agreement.Sides[e.dir.Holder.Name].Name(e.target)
	rec.Source.RetrievedAt = retrieved(e.now())
	e.rec, e.report = rec, e.dir.Translate(rec, &e.q, ask)
	e.step("translated")
	if err := ctx.Err(); err != nil { // nobody waits for it any more
		return record.Response{}, record.Fault(record.ReasonTimeout, "exchange", err)
	}
	if e.report.Unreadable() {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, "exchange", errNothing)
	}
	return answer, nil
}

// decide asks everything that can refuse the request before anybody else is
// asked, and writes down what was decided. unread is why the message could not
// be read: who sent it is audited all the same.
func (e *exchange) decide(unread error) error {
	decision, denied := e.agreement.Decide(governance.Asking{Consumer: e.dir.Consumer.Name, Holder: e.dir.Holder.Name, Request: &e.q,
		Given: e.given(), Now: e.now()})
	e.decision = decision
	err := unread
	for _, check := range []func() error{e.refusedAtEdge, e.paused, e.timely} {
		if err == nil {
			err = check()
		}
	}
	if err == nil {
		err, e.cause = denied, decision.Cause
	}
	e.step("decided")
	if noted := e.note(audit.EventAsked); noted != nil {
		return noted
	}
	if err == nil && decision.BreakGlass {
		return e.brokeGlass()
	}
	return err
}

// refusedAtEdge is the refusal of the edge that took the request, which only
// says so: the refusal is audited and answered here like any other.
func (e *exchange) refusedAtEdge() error {
	if e.claims.Refuse == "" {
		return nil
	}
	return record.Fault(e.claims.Refuse, "exchange", errEdge)
}

// paused refuses what comes in a direction that operations have paused here.
func (e *exchange) paused() error {
	if !e.pauses.has(e.dir.Consumer.Name) {
		return nil
	}
	return record.Fault(record.ReasonUnavailable, "exchange", errPaused)
}

// timely refuses claims made too long ago, or in the future, and a message that
// was taken before (safety IG-08, T-09).
func (e *exchange) timely() error {
	err := e.once.take(e.claims.Attempt, e.claims.Issued)
	if record.ReasonOf(err) == record.ReasonClock {
		e.tell("clock", ClockEvent{Exchange: e.id, From: e.dir.Consumer.Name, Issued: e.claims.Issued, Received: e.now().UTC()})
	}
	return err
}

// brokeGlass makes an override of consent known at once: a record of its own in
// the audit, from which the daily list is made, and an event (safety IG-02).
func (e *exchange) brokeGlass() error {
	if err := e.note(audit.EventBreakGlass); err != nil {
		return err
	}
	c := e.decision.Claims
	e.tell("breakglass", BreakGlassEvent{Exchange: e.id, At: e.now().UTC(), From: e.dir.Consumer.Name, To: e.dir.Holder.Name, User: c.User, Organisation: c.Organisation, Why: c.BreakGlass})
	return nil
}

// given are the claims that came beside the message.
func (e *exchange) given() governance.Claims {
	c := given(e.claims)
	if text, err := e.key.OpenText(e.id, e.claims.BreakGlassText); err == nil {
		c.BreakGlassText = text // else none was sent, or not by an edge of ours: to break the glass needs one
	}
	return c
}

// given are claims as they travel, but for the text of a break-glass.
func given(c spine.Claims) governance.Claims {
	return governance.Claims{User: c.User, UserName: c.UserName, Role: c.Role, Organisation: c.Organisation, Department: c.Department, Purpose: c.Purpose, Consent: c.Consent,
		Relationship: c.Relationship, Device: c.Device, Activities: c.Activities, BreakGlass: c.BreakGlass, Sources: c.Sources}
}

// decoded reads a native request within a time. A panic is an error like any
// other: who sent the message is audited all the same.
func decoded(ctx context.Context, codec system.Codec, native []byte, within time.Duration, log *zap.Logger) (q record.Request, err error) {
	defer recovered(log, &err)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return codec.DecodeRequest(ctx, native)
}

// recovered, deferred, makes an error of a panic. Its value is left out, for it
// may hold a piece of a message; a stack holds addresses only.
func recovered(log *zap.Logger, err *error) {
	if value := recover(); value != nil {
		log.Error("panic", zap.ByteString("stack", debug.Stack()))
		*err = record.Fault(record.ReasonInternal, "exchange", fmt.Errorf("panic of type %T", value))
	}
}

// answered are the claims of the answer: who was taken to have asked, what
// became of it, and how far the audit log had got, of which whoever gets the
// answer is a witness.
func (e *exchange) answered(r audit.Receipt) spine.Claims {
	c := e.claims
	c.User, c.Organisation, c.Outcome = e.decision.Claims.User, e.decision.Claims.Organisation, e.outcome.Reason
	c.BreakGlassText = ""
	if r.Seq > 0 {
		c.Witness = &spine.Witness{Instance: e.audit.instance, Seq: r.Seq, TreeHead: r.TreeHead}
	}
	return c
}

var (
	errTestNumber = errors.New("a test number in the live environment")
	errPatient    = errors.New("the answer's patient is not the request's")
	errSuperseded = errors.New("the number asked for is no longer this patient's")
	errNoPatient  = errors.New("the answer names no patient")
	errOther      = errors.New("the answer is to another request")
	errNothing    = errors.New("no section of the answer could be read")
	errLimit      = errors.New("the answer is above the record limit")
	errNoAnswer   = errors.New("an organisation that may hold the record did not say")
	errNotOne     = errors.New("no organisation, or more than one, holds this patient's record")
	errEdge       = errors.New("the edge that took the request")
	errPaused     = errors.New("the direction is paused")
	errOwnCopy    = errors.New("the asker's own copy of the patient could not be read")
	errNotKnown   = errors.New("the asker's own system does not hold this patient")
	errHidden     = errors.New("the holder refused")
)

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
	// OwnCopyMicros is what it took to read the asker's own copy of the patient's
	// details.
	OwnCopyMicros int64 `json:"own_copy_micros"`
	// TranslateMicros is from the holder's answer read to the asker's answer
	// written; AuditMicros is the record of it, on the disk.
	TranslateMicros int64        `json:"translate_micros"`
	AuditMicros     int64        `json:"audit_micros"`
	Micros          int64        `json:"micros"`
	Report          pairs.Report `json:"report"`
}

// BreakGlassEvent tells that consent was overridden: event.breakglass. Who the
// patient is stands in the audit log.
type BreakGlassEvent struct {
	Exchange     string    `json:"exchange"`
	At           time.Time `json:"at"`
	From         string    `json:"from"`
	To           string    `json:"to"`
	User         string    `json:"user"`
	Organisation string    `json:"organisation"`
	Why          string    `json:"why"` // the code of the reason
}

// ClockEvent tells of a request that was dated too far from this instance's
// clock: event.clock.
type ClockEvent struct {
	Exchange string    `json:"exchange,omitempty"`
	From     string    `json:"from,omitempty"`
	Issued   time.Time `json:"issued,omitzero"`
	Received time.Time `json:"received,omitzero"`
	// JumpSeconds is by how much this instance's own clock was moved, 0 where the
	// event is about a request.
	JumpSeconds float64 `json:"jump_seconds,omitempty"`
}

// retrieved is the time a clinician reads, with its zone.
func retrieved(t time.Time) string { return t.Format("02-Jan-2006 15:04:05 -0700") }
