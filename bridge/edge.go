package bridge

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/admit"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// edge is one system's side of the link: it takes the system's native requests
// from its wire or its NATS subject and answers them natively whatever
// happens, and it reads from the system when the exchange role asks. It owns the
// system's endpoint, and with it what is remembered about who asks there.
type edge struct {
	side     pairs.Side
	client   *wire.Client
	atOnce   int          // calls of one request at the same time
	store    *certs.Store // of TLS; nil where there is none
	gate     *admit.Gate
	intake   *intake
	once     *once
	witness  *witnesses
	pauses   *pauses
	agreed   *agreed
	key      spine.Key
	ask      func(ctx context.Context, subject string, m spine.Message) (spine.Message, error)
	subjects Subjects
	deadline time.Duration
	readTime time.Duration
	now      func() time.Time
	log      *zap.Logger
}

// maxBeside bounds what is claimed beside a message, in bytes as it travels. It
// leaves room for what the answer says of itself.
const maxBeside = 4 << 10

// answer carries a native request of this side's system to the exchange role.
// What it returns is always a native answer. A message that cannot be read
// goes there too, and so does one that this edge will not have carried out, for
// the audit says who was refused and why; here it is read only for who asks,
// and for the ids that a refusal of the edge's own echoes, even when time is up.
func (e *edge) answer(ctx context.Context, native []byte, claims spine.Claims) []byte {
	ctx, cancel := context.WithTimeout(ctx, e.deadline)
	defer cancel()
	q, _ := decoded(context.WithoutCancel(ctx), e.side.Codec, native, e.readTime, e.log)
	if ctx.Err() != nil {
		return e.refuse(ctx, &q, context.Cause(ctx))
	}
	claims.From, claims.Attempt, claims.Issued = e.side.Name, uuid.NewString(), e.now()
	claims.Deadline, _ = ctx.Deadline()
	if err := e.readUserBack(ctx, &claims); err != nil {
		claims.Refuse = record.ReasonOf(err)
		traceLog(ctx, e.log).Warn("logged-on user", zap.String("system", e.side.Name), zap.String("exchange", claims.Exchange), zap.Error(err))
	}
	if header, err := claims.Header(); err != nil || len(header) > maxBeside {
		claims = spine.Claims{Exchange: claims.Exchange, Attempt: claims.Attempt, From: claims.From, Issued: claims.Issued, Deadline: claims.Deadline,
			Refuse: record.ReasonBadMessage}
	}
	user, organisation := e.agreed.now().Asker(e.side.Name, &q, given(claims))
	admitted := e.gate.Request(user, organisation, q.MessageID, native)
	if admitted != nil {
		claims.Refuse = record.ReasonOf(admitted)
	} else if e.pauses.has(e.side.Name) && claims.Refuse == "" {
		claims.Refuse = record.ReasonUnavailable
	}
	reply, err := e.ask(ctx, e.subjects.Exchange(e.side.Name), spine.Message{Claims: claims, Body: native})
	outcome := reply.Claims.Outcome
	if err != nil {
		outcome = record.ReasonOf(err)
	}
	if admitted == nil {
		e.gate.Answered(user, organisation, outcome)
	}
	if err != nil {
		return e.refuse(ctx, &q, err)
	}
	e.witness.keep(reply.Claims.Witness)
	return reply.Body
}

// readUserBack asks the system who is logged on where the agreement says that
// its messages name nobody.
func (e *edge) readUserBack(ctx context.Context, claims *spine.Claims) (err error) {
	defer recovered(e.log, &err)
	reader, ok := e.side.Codec.(system.UserReader)
	agreement := e.agreed.now()
	if !ok || !agreement.ReadsUserBack(e.side.Name) {
		return nil
	}
	native, err := reader.EncodeUserRequest(system.MessageID{ID: uuid.NewString(), At: e.now()})
	if err != nil {
		return err
	}
	// A system that does not answer leaves time for the refusal to be audited.
	asking, asked := context.WithTimeout(ctx, e.deadline/2)
	defer asked()
	body, err := e.client.Do(asking, native, nil)
	if err != nil {
		return err
	}
	reading, cancel := context.WithTimeout(ctx, e.readTime)
	defer cancel()
	who, err := reader.DecodeUser(reading, body)
	if err != nil {
		return err
	}
	sources := maps.Clone(claims.Sources)
	if sources == nil {
		sources = map[string]string{}
	}
	for _, c := range []struct {
		name string
		have *string
		says string
	}{{"user", &claims.User, who.User}, {"user_name", &claims.UserName, who.UserName}, {"role", &claims.Role, who.Role}, {"organisation", &claims.Organisation, who.Organisation}} {
		if c.says != "" && agreement.ReadsBack(e.side.Name, c.name) {
			*c.have, sources[c.name] = c.says, governance.FromReadBack
		}
	}
	if len(who.Activities) > 0 && agreement.ReadsBack(e.side.Name, "activities") {
		claims.Activities, sources["activities"] = who.Activities, governance.FromReadBack
	}
	claims.Sources = sources
	return nil
}

// refuse answers with the system's own error, echoing the ids of the request.
func (e *edge) refuse(ctx context.Context, q *record.Request, err error) []byte {
	reason := record.ReasonOf(err)
	e.intake.refused(reason)
	if reason == record.ReasonBusy {
		e.intake.role.refuse()
	}
	traceLog(ctx, e.log).Warn("request refused at the edge", zap.String("system", e.side.Name), zap.String("reason", string(reason)), zap.Error(err))
	return e.native(q, reason)
}

// native is a refusal in the system's own form.
func (e *edge) native(q *record.Request, reason record.Reason) []byte {
	id := system.MessageID{ID: uuid.NewString(), At: e.now()}
	body, err := e.side.Codec.EncodeResponse(q, record.Refused(record.Failure{Reason: reason}), id)
	if err != nil {
		e.log.Error("native refusal", zap.String("system", e.side.Name), zap.Error(err))
	}
	return body
}

// fromWire takes a request that came over the system's own transport. Claims
// the message has no place for may stand in HTTP headers, of a peer that has
// proven who it is or is on this machine.
func (e *edge) fromWire(ctx context.Context, native []byte, from wire.Peer) []byte {
	if !from.Loopback && len(from.Names) == 0 {
		return e.take(ctx, native, bare)
	}
	return e.take(traced(ctx, from.Header), native, func() spine.Claims { return e.beside(from.Header) })
}

// fromSubject takes a request that came over NATS, whose accounts say who may.
func (e *edge) fromSubject(ctx context.Context, native []byte, h nats.Header) []byte {
	return e.take(traced(ctx, http.Header(h)), native, func() spine.Claims { return e.beside(http.Header(h)) })
}

// beside are the claims that stand beside a message, in headers.
func (e *edge) beside(h http.Header) spine.Claims {
	c := spine.Claims{Exchange: uuid.NewString(), Sources: map[string]string{}}
	for _, claim := range []struct {
		name, header string
		to           *string
	}{{"user", "Linkspan-User", &c.User}, {"user_name", "Linkspan-User-Name", &c.UserName}, {"role", "Linkspan-Role", &c.Role},
		{"organisation", "Linkspan-Organisation", &c.Organisation}, {"department", "Linkspan-Department", &c.Department}, {"purpose", "Linkspan-Purpose", &c.Purpose}, {"consent", "Linkspan-Consent", &c.Consent},
		{"relationship", "Linkspan-Relationship", &c.Relationship}, {"device", "Linkspan-Device", &c.Device}, {"break_glass", "Linkspan-Break-Glass", &c.BreakGlass}} {
		if *claim.to = governance.Word(claim.name, only(h, claim.header)); *claim.to != "" {
			c.Sources[claim.name] = governance.FromWire
		}
	}
	for activity := range strings.SplitSeq(only(h, "Linkspan-Activities"), ",") {
		if activity = strings.TrimSpace(activity); activity != "" {
			c.Activities = append(c.Activities, activity)
			c.Sources["activities"] = governance.FromWire
		}
	}
	if text := only(h, "Linkspan-Break-Glass-Text"); text != "" {
		sealed, err := e.key.SealText(c.Exchange, text)
		if err != nil {
			e.log.Error("seal", zap.Error(err))
		}
		c.BreakGlassText = sealed
	}
	return c
}

// only is a header that was sent exactly once: of two, nobody can say which one
// is meant.
func only(h http.Header, name string) string {
	if values := h.Values(name); len(values) == 1 {
		return strings.TrimSpace(values[0])
	}
	return ""
}

// read asks this side's system over its wire on behalf of the exchange role.
func (e *edge) read(ctx context.Context, m spine.Message) (spine.Message, error) {
	if err := e.once.take(m.Claims.Attempt, m.Claims.Issued); err != nil {
		return spine.Message{}, err
	}
	q, err := e.side.Codec.DecodeRequest(ctx, m.Body)
	if err != nil {
		return spine.Message{}, err
	}
	body, err := e.put(ctx, m.Body, &q)
	if err != nil {
		return spine.Message{}, err
	}
	return spine.Message{Claims: m.Claims, Body: body}, nil
}
