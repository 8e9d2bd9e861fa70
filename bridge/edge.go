package bridge

import (
	"context"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// edge is one system's side of the link: it takes the system's native requests
// from its wire or its NATS subject and answers them natively whatever
// happens, and it reads from the system when the exchange role asks.
type edge struct {
	side     pairs.Side
	client   *wire.Client
	ask      func(ctx context.Context, subject string, m spine.Message) (spine.Message, error)
	subjects Subjects
	deadline time.Duration
	readTime time.Duration
	now      func() time.Time
	log      *zap.Logger
}

// answer carries a native request of this side's system to the exchange role.
// What it returns is always a native answer. A message that cannot be read
// goes there too, for the audit says who was refused and why; here it is read
// only for the ids that a refusal of the edge's own echoes, even when time is
// up.
func (e *edge) answer(ctx context.Context, native []byte, given spine.Claims) []byte {
	ctx, cancel := context.WithTimeout(ctx, e.deadline)
	defer cancel()
	reading, read := context.WithTimeout(context.WithoutCancel(ctx), e.readTime)
	defer read()
	q, _ := e.side.Codec.DecodeRequest(reading, native)
	if ctx.Err() != nil {
		return e.refuse(&q, context.Cause(ctx))
	}
	claims := given
	claims.Exchange, claims.Attempt = uuid.NewString(), uuid.NewString()
	claims.From = e.side.Name
	claims.Deadline, _ = ctx.Deadline()
	reply, err := e.ask(ctx, e.subjects.Exchange(e.side.Name), spine.Message{Claims: claims, Body: native})
	if err != nil {
		return e.refuse(&q, err)
	}
	return reply.Body
}

// refuse answers with the system's own error, echoing the ids of the request.
func (e *edge) refuse(q *record.Request, err error) []byte {
	reason := record.ReasonOf(err)
	e.log.Warn("request refused at the edge", zap.String("system", e.side.Name), zap.String("reason", string(reason)), zap.Error(err))
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
// the message has no place for may stand in HTTP headers.
func (e *edge) fromWire(ctx context.Context, native []byte, from wire.Peer) []byte {
	return e.answer(ctx, native, spine.Claims{User: from.Header.Get("Linkspan-User"), Role: from.Header.Get("Linkspan-Role"),
		Purpose: from.Header.Get("Linkspan-Purpose"), Consent: from.Header.Get("Linkspan-Consent")})
}

// read asks this side's system over its wire on behalf of the exchange role.
func (e *edge) read(ctx context.Context, m spine.Message) (spine.Message, error) {
	q, err := e.side.Codec.DecodeRequest(ctx, m.Body)
	if err != nil {
		return spine.Message{}, err
	}
	body, err := e.client.Do(ctx, m.Body, &q)
	if err != nil {
		return spine.Message{}, err
	}
	return spine.Message{Claims: m.Claims, Body: body}, nil
}
