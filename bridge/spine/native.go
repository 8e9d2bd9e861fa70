package spine

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkspan/linkspan/record"
)

// NativeHandler answers a native message. It is given the headers it came with.
type NativeHandler func(ctx context.Context, msg []byte, h nats.Header) []byte

// Native answers native messages sent to subject as they are: no claims, no
// seal, only what the NATS accounts admit. h gets the body and the message's
// headers and returns the native answer, which is chunked above the
// connection's MaxPayload.
//
// h is always called, because only it can write a native refusal. Where no slot
// of pool is free, ctx has already ended and context.Cause(ctx) is a
// *record.Error of reason busy; such a call holds up the subscription, so h must
// answer it without waiting for anything. Where h returns nil or panics, or its
// answer is over the limit, the asker gets the service error headers and no
// body.
//
// stop takes no further message, waits for those under way, and cancels them
// where its own context ends first.
func (s *Spine) Native(subject, queue string, pool *Pool, h NativeHandler) (stop func(context.Context) error, err error) {
	base, cancel := context.WithCancel(context.Background())
	work := &flight{}
	sub, err := s.nc.QueueSubscribe(subject, queue, func(msg *nats.Msg) {
		if msg.Reply == "" {
			return // nobody to answer
		}
		refuse := func(reason record.Reason) {
			ctx, end := context.WithCancelCause(base)
			end(fault(reason, "native", nil))
			s.answerNative(ctx, msg, h)
		}
		if !work.begin() {
			refuse(record.ReasonUnavailable) // arrived while stopping
			return
		}
		taken := pool.TryGo(func() {
			defer work.end()
			ctx, end := s.until(base, time.Time{})
			defer end()
			s.answerNative(ctx, msg, h)
		})
		if !taken {
			defer work.end()
			refuse(record.ReasonBusy)
		}
	})
	if err == nil {
		err = sub.SetPendingLimits(pendingMessages, pendingBytes)
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("spine: native %s: %w", subject, err)
	}
	s.ready()
	drained := make(chan struct{})
	sub.SetClosedHandler(func(string) { close(drained) })
	return func(ctx context.Context) error {
		defer cancel()
		apart := s.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
		defer s.nc.RemoveStatusListener(apart)
		if !s.nc.IsConnected() {
			_ = sub.Unsubscribe() // a drain would wait for a server that is not there
		} else if err := sub.Drain(); err == nil {
			select {
			case <-drained:
			case <-apart: // what came is handed over, and no more comes
			case <-ctx.Done():
			}
		}
		if err := work.wait(ctx, true); err != nil {
			return fmt.Errorf("spine: stop native: %d messages under way: %w", work.count(), err)
		}
		return nil
	}, nil
}

func (s *Spine) answerNative(ctx context.Context, msg *nats.Msg, h NativeHandler) {
	respond := s.publishTo(msg.Reply)
	reason := record.ReasonInternal
	body := s.callNative(ctx, msg, h)
	if len(body) > s.seal.limit {
		body, reason = nil, record.ReasonTooLarge
	}
	var err error
	if body == nil {
		err = respond(nil, errorHeader(reason))
	} else {
		err = send(respond, s.nc.MaxPayload(), s.chunk, nil, body)
	}
	if err != nil {
		s.onError(err)
	}
}

func (s *Spine) callNative(ctx context.Context, msg *nats.Msg, h NativeHandler) (body []byte) {
	defer func() {
		if p := recover(); p != nil {
			s.onError(panicked(msg.Subject, p))
			body = nil
		}
	}()
	return h(ctx, msg.Data, msg.Header)
}
