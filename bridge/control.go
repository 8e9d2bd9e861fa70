package bridge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go/micro"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/certs"
)

// What operations may ask of an instance.
const (
	// ControlDrain has it take no new request, finish what is under way and end
	// its process with exit code 0.
	ControlDrain = "drain"
	// ControlPause has it refuse the requests of one system, or of both, as
	// unavailable. A restart resumes: what is to stay off is switched off in the
	// agreement.
	ControlPause = "pause"
	// ControlResume ends a pause.
	ControlResume = "resume"
	// ControlReload has it read the agreement, the tables and the certificates
	// now, without waiting for its own look.
	ControlReload = "reload"
	// ControlRollback makes the table set before the active one active again.
	ControlRollback = "rollback"
)

// ControlVerbs are all of them.
func ControlVerbs() []string {
	return []string{ControlDrain, ControlPause, ControlResume, ControlReload, ControlRollback}
}

// Bounds of a ControlRequest in characters, and of the time one may take.
const (
	maxControlBy  = 64
	maxControlWhy = 200
	maxControl    = 4 << 10 // bytes
	controlWait   = 2 * time.Minute
)

// ControlRequest is what is sent to ask.
type ControlRequest struct {
	// By is who asks, in their own word: 64 characters at most, one line.
	By string `json:"by"`
	// Why stands in the audit log and nowhere else: 200 characters at most, one
	// line, and no patient in it.
	Why string `json:"why"`
	// Direction is the system whose requests a pause or resume is about; "" is
	// both. Nothing else has one.
	Direction string `json:"direction,omitempty"`
}

// ControlAnswer is what became of it. Where it was refused the answer has the
// error headers of ADR-32 and no body: 400 a request that says too little or too
// much, 409 what cannot be done now, 422 files or sets with a fault, 503 an
// audit log that cannot be written, in which case nothing was done.
type ControlAnswer struct {
	Instance string   `json:"instance"`
	Verb     string   `json:"verb"`
	Result   string   `json:"result"`           // done
	Did      string   `json:"did"`              // in words
	Paused   []string `json:"paused,omitempty"` // whose requests are refused now
	MapSet   string   `json:"map_set,omitempty"`
	// Agreement is the digest of the one in force.
	Agreement string `json:"agreement"`
}

// control is what is asked of one instance, one request after another.
type control struct {
	mu     sync.Mutex
	stores []*certs.Store
	drain  chan struct{} // closed when it was asked to drain
}

// DrainAsked is closed when operations have asked the instance to drain. The
// caller stops it then, as it would for a signal.
func (b *Bridge) DrainAsked() <-chan struct{} { return b.operations.control.drain }

// refusal is a control request that is not done: a code of ADR-32 and words.
type refusal struct {
	code  int
	words string
}

func (r *refusal) Error() string { return r.words }

func refused(code int, format string, a ...any) error {
	return &refusal{code, fmt.Sprintf(format, a...)}
}

// serveControl answers control requests to this instance. Who may ask is the
// business of the NATS accounts.
func (b *Bridge) serveControl() error {
	for _, verb := range ControlVerbs() {
		err := b.operations.service.AddEndpoint("control-"+verb, micro.HandlerFunc(func(r micro.Request) { b.controlled(verb, r) }),
			micro.WithEndpointSubject(b.subjects.Control(b.config.Instance, verb)), micro.WithEndpointQueueGroupDisabled(),
			micro.WithEndpointPendingLimits(questionsPending, questionsBytes))
		if err != nil {
			return fmt.Errorf("operations: control %s: %w", verb, err)
		}
	}
	return nil
}

// controlled answers one control request and tells of it. A drain begins after
// its answer.
func (b *Bridge) controlled(verb string, r micro.Request) {
	if r.Reply() == "" {
		return // whoever asks for a change waits to hear of it
	}
	q, answer, err := b.do(verb, r.Data())
	event := ControlEvent{Instance: b.config.Instance, At: b.now().UTC(), Verb: verb, Direction: q.Direction, By: q.By, Result: "done", Why: answer.Did}
	if err != nil {
		event.Result, event.Why = "refused", err.Error()
	}
	b.log.Warn("control", zap.String("verb", verb), zap.String("direction", q.Direction), zap.String("result", event.Result), zap.String("words", event.Why))
	b.publish("control", event)
	if err != nil {
		code := http.StatusInternalServerError
		if no := (*refusal)(nil); errors.As(err, &no) {
			code = no.code
		}
		err = r.Error(strconv.Itoa(code), err.Error(), nil)
	} else {
		err = r.RespondJSON(answer)
	}
	if err != nil && !b.nc.IsClosed() {
		b.log.Warn("control", zap.String("verb", verb), zap.Error(err))
	}
	b.operations.stir()
	if verb == ControlDrain && event.Result == "done" {
		close(b.operations.control.drain)
	}
}

// do writes down what was asked and does it. What cannot be written down is not
// done.
func (b *Bridge) do(verb string, body []byte) (ControlRequest, ControlAnswer, error) {
	q, err := b.readControl(verb, body)
	if err != nil {
		return ControlRequest{}, ControlAnswer{}, refused(http.StatusBadRequest, "%s", err)
	}
	b.operations.control.mu.Lock()
	defer b.operations.control.mu.Unlock()
	if b.operations.draining.Load() {
		return q, ControlAnswer{}, refused(http.StatusConflict, "the instance is draining and will stop")
	}
	if err := b.noteControl(verb, q, ""); err != nil {
		b.logged(err)
		return q, ControlAnswer{}, refused(http.StatusServiceUnavailable, "the audit log cannot be written, and without it nothing is done")
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlWait)
	defer cancel()
	did, err := b.act(ctx, verb, q)
	if err != nil {
		b.logged(b.noteControl(verb, q, err.Error()))
		return q, ControlAnswer{}, err
	}
	answer := ControlAnswer{Instance: b.config.Instance, Verb: verb, Result: "done", Did: did, Paused: b.operations.pauses.names(), Agreement: b.agreed.now().Digest()}
	if b.tables != nil {
		answer.MapSet = b.tables.inUse().MapSet
	}
	return q, answer, nil
}

// noteControl writes a control request into the audit log; an instance without
// the exchange role keeps none, and its event and its log tell of it.
func (b *Bridge) noteControl(verb string, q ControlRequest, not string) error {
	if b.ledger == nil {
		return nil
	}
	entry := b.ledger.entry(audit.EventControl)
	entry.User, entry.ClaimSource, entry.From = q.By, "named in the request", q.Direction
	entry.Cause = verb + ": " + q.Why
	if not != "" {
		entry.Cause = "not done, " + verb + ": " + not
	}
	_, err := b.ledger.Append(entry)
	return err
}

// readControl reads a request strictly: one object with the known members.
func (b *Bridge) readControl(verb string, body []byte) (ControlRequest, error) {
	if len(body) > maxControl {
		return ControlRequest{}, errors.New("the request is too long")
	}
	var q ControlRequest
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return ControlRequest{}, errors.New(`want one JSON object with "by", "why" and, for pause and resume, "direction"`)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ControlRequest{}, errors.New("want one JSON object and nothing after it")
	}
	named := verb == ControlPause || verb == ControlResume
	pair := b.link.Pair
	switch {
	case !words(q.By, maxControlBy):
		return ControlRequest{}, fmt.Errorf(`"by" says who asks, in at most %d characters on one line`, maxControlBy)
	case !words(q.Why, maxControlWhy):
		return ControlRequest{}, fmt.Errorf(`"why" says why, in at most %d characters on one line`, maxControlWhy)
	case !named && q.Direction != "":
		return ControlRequest{}, errors.New(verb + " has no direction")
	case q.Direction != "" && q.Direction != pair.A.Name && q.Direction != pair.B.Name:
		return ControlRequest{}, fmt.Errorf(`"direction" is the system that asks, %s or %s, or left out for both`, pair.A.Name, pair.B.Name)
	}
	return q, nil
}

// words is text on one line, neither empty nor longer than it may be.
func words(text string, most int) bool {
	return strings.TrimSpace(text) != "" && utf8.ValidString(text) && utf8.RuneCountInString(text) <= most &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// act does what was asked and says in words what that was.
func (b *Bridge) act(ctx context.Context, verb string, q ControlRequest) (string, error) {
	switch verb {
	case ControlDrain:
		b.operations.leave()
		return "takes no new request, finishes what is under way and ends", nil
	case ControlPause, ControlResume:
		directions := []string{b.link.Pair.A.Name, b.link.Pair.B.Name}
		if q.Direction != "" {
			directions = []string{q.Direction}
		}
		return b.operations.pauses.set(directions, verb == ControlPause), nil
	case ControlReload:
		return b.reload(ctx)
	case ControlRollback:
		return b.rollback(ctx, q.By)
	}
	return "", refused(http.StatusNotFound, "there is no control request %q", verb)
}

// reload reads everything that is followed by itself, now. Each part stands for
// itself: a fault of one does not stop another, and where there is one, what was
// in force stays.
func (b *Bridge) reload(ctx context.Context) (string, error) {
	var faults []string
	if err := b.lookAgreement(b.ledger); err != nil {
		faults = append(faults, err.Error())
	}
	for _, s := range b.operations.control.stores {
		s.Check()
		if s.Faulty() {
			faults = append(faults, "certificates: the files have a fault, which event.certificates names")
		}
	}
	if b.tables != nil {
		if err := b.tables.reload(ctx); err != nil {
			faults = append(faults, err.Error())
		}
	}
	if len(faults) > 0 {
		return "", refused(http.StatusUnprocessableEntity, "what was in force stays: %s", strings.Join(faults, "; "))
	}
	return "agreement, certificates and tables are as their files say", nil
}

// rollback makes the set before the active one active again.
func (b *Bridge) rollback(ctx context.Context, by string) (string, error) {
	if b.tables == nil {
		return "", refused(http.StatusConflict, "the instance has no exchange role, and so no tables")
	}
	if err := b.tables.rollback(ctx, by); err != nil {
		return "", err
	}
	return "tables " + short(b.tables.inUse().MapSet) + " in use again", nil
}

// pauses are the directions whose requests are refused here, by the system that
// asks. They are not kept across a restart.
type pauses struct {
	mu sync.RWMutex
	of map[string]bool
}

func newPauses() *pauses { return &pauses{of: map[string]bool{}} }

// has reports that requests of a system are refused.
func (p *pauses) has(name string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.of[name]
}

// names are those whose requests are refused, sorted; nil for none.
func (p *pauses) names() []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Sorted(maps.Keys(p.of))
}

// set pauses or resumes, and says what it did.
func (p *pauses) set(names []string, on bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var done []string
	for _, name := range names {
		if p.of[name] == on {
			continue
		}
		done = append(done, name)
		if on {
			p.of[name] = true
		} else {
			delete(p.of, name)
		}
	}
	what := map[bool]string{true: "refused until resumed or restarted", false: "taken again"}[on]
	return cmp.Or(strings.Join(done, " and "), "nothing changed: all requests asked about") + map[bool]string{true: ": requests ", false: " "}[len(done) > 0] + "are " + what
}
