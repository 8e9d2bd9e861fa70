package spine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/linkspan/linkspan/bridge/trace"
	"github.com/linkspan/linkspan/record"
)

// Request asks on subject and gathers the answer. It waits until the earliest of
// ctx's deadline, the claims' and the Spine's own, and states that one in the
// claims, with the link and, where it is not set, the time of issue.
// m.Claims.Attempt is required; an answer to another attempt is refused. A trace
// in ctx (package trace) goes along in a header.
//
// Errors are *record.Error: unavailable at once where nobody listens, timeout,
// too-large, bad-answer for an answer that does not open or is cut, and the
// responder's own reason. A reason the seal does not prove is believed only
// where it says no more than "try again"; otherwise it becomes internal, so that
// nobody on the way can invent a "patient not found".
func (s *Spine) Request(ctx context.Context, subject string, m Message) (Message, error) {
	const op = "request"
	if m.Claims.Attempt == "" {
		return Message{}, fault(record.ReasonInternal, op, errors.New("no attempt id"))
	}
	if len(m.Body) > s.seal.limit {
		return Message{}, fault(record.ReasonTooLarge, op, fmt.Errorf("the body is longer than %d bytes", s.seal.limit))
	}
	ctx, cancel := s.until(ctx, m.Claims.Deadline)
	defer cancel()
	m.Claims.Deadline, _ = ctx.Deadline()
	m.Claims.Reason, m.Claims.Outcome, m.Claims.Link = "", "", s.link
	if m.Claims.Issued.IsZero() {
		m.Claims.Issued = s.now().UTC()
	}
	header, err := m.Claims.Header()
	if err != nil {
		return Message{}, fault(record.ReasonInternal, op, err)
	}
	sealed, err := s.seal.sealed(header, subject, m.Body)
	if err != nil {
		return Message{}, err
	}
	asking := nats.Header{HeaderClaims: {header}}
	if next := trace.From(ctx).Next(); next != "" {
		asking[trace.Header] = []string{next} // outside the seal: a tracer on the way may begin a span of its own
	}
	h, data, err := s.ask(ctx, &nats.Msg{Subject: subject, Header: asking, Data: sealed})
	if err != nil {
		return Message{}, err
	}
	body, claims, err := s.seal.open(h.Get(HeaderClaims), subject+replyDirection, data)
	proven := err == nil && claims.Attempt == m.Claims.Attempt && claims.Exchange == m.Claims.Exchange
	if isError(h) {
		return Message{}, refusal(h, claims.Reason, proven)
	}
	if err != nil {
		return Message{}, record.Fault(record.ReasonBadAnswer, "spine: "+op, err)
	}
	if !proven || claims.Reason != "" {
		return Message{}, fault(record.ReasonBadAnswer, op, errors.New("the answer is to another attempt"))
	}
	return Message{Subject: subject, Claims: claims, Body: body}, nil
}

// RequestNative asks on the subject of an edge's native endpoint, without claims
// and unsealed, as a system on NATS does. The answer may be chunked.
func (s *Spine) RequestNative(ctx context.Context, subject string, body []byte) ([]byte, error) {
	ctx, cancel := s.until(ctx, time.Time{})
	defer cancel()
	h, data, err := s.ask(ctx, &nats.Msg{Subject: subject, Data: body})
	if err != nil {
		return nil, err
	}
	if isError(h) {
		return nil, refusal(h, "", false)
	}
	return data, nil
}

// until bounds ctx by the deadline, where one is set, and by the Spine's own.
// The context says why it ended: a *record.Error of reason timeout.
func (s *Spine) until(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	end := time.Now().Add(s.timeout)
	if !deadline.IsZero() && deadline.Before(end) {
		end = deadline
	}
	if own, ok := ctx.Deadline(); ok && own.Before(end) {
		end = own
	}
	return context.WithDeadlineCause(ctx, end, &record.Error{Reason: record.ReasonTimeout, Op: "spine: wait"})
}

// ask sends msg with a private inbox as its reply and gathers the answer there.
func (s *Spine) ask(ctx context.Context, msg *nats.Msg) (nats.Header, []byte, error) {
	const op = "request"
	if ctx.Err() != nil {
		return nil, nil, fault(endReason(ctx), op, ctx.Err())
	}
	if length, most := int64(headerBytes(msg.Header)+len(msg.Data)), s.nc.MaxPayload(); s.nc.IsConnected() && length > most {
		return nil, nil, fault(record.ReasonTooLarge, op, fmt.Errorf("the request takes %d bytes, the connection %d", length, most))
	}
	inbox, err := s.nc.SubscribeSync(s.nc.NewInbox())
	if err != nil {
		return nil, nil, sendFault(ctx, op, err)
	}
	defer func() { _ = inbox.Unsubscribe() }()
	limit := s.seal.sealedLimit()
	if err := inbox.SetPendingLimits(-1, 2*limit+(1<<20)); err != nil { // headers count too
		return nil, nil, sendFault(ctx, op, err)
	}
	msg.Reply = inbox.Subject
	if err := s.nc.PublishMsg(msg); err != nil {
		return nil, nil, sendFault(ctx, op, err)
	}
	h, data, err := gather(func() (*nats.Msg, error) { return inbox.NextMsgWithContext(ctx) }, limit)
	if err != nil {
		return nil, nil, sendFault(ctx, op, err)
	}
	return h, data, nil
}

// refusal is the error an error answer stands for. sealed is the reason under
// the seal, which counts only where the seal was proven.
func refusal(h nats.Header, sealed record.Reason, proven bool) error {
	const op = "answer"
	if proven && slices.Contains(record.Reasons(), sealed) {
		return fault(sealed, op, errors.New("the other role said so"))
	}
	reason := record.Reason(h.Get(HeaderReason))
	if reason == "" {
		reason = reasonOfCode(h.Get(micro.ErrorCodeHeader))
	}
	if !slices.Contains(record.Reasons(), reason) || reason.Permanent() {
		reason = record.ReasonInternal
	}
	return fault(reason, op, errors.New("the other role said so, without proof"))
}

// reasonOfCode is the first reason with the given code, for an answer that some
// other program gave.
func reasonOfCode(text string) record.Reason {
	code, err := strconv.Atoi(text)
	for _, r := range record.Reasons() {
		if err == nil && r.Code() == code {
			return r
		}
	}
	return record.ReasonInternal
}
