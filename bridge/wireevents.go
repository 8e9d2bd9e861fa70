package bridge

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// watchWire has a client's changes told: event.wire, a line in the log and a
// heartbeat at once.
func (b *Bridge) watchWire(name string, o *wire.ClientOptions) {
	c := b.config.Sides[name]
	o.Probe, o.Slow, o.Queue = c.Probe, c.Slow, c.Queue
	o.Breaker, _ = breaker(c.Breaker) // checked with the configuration
	o.Changed = func(was, is wire.Status) {
		for _, event := range wireEvents(was, is) {
			event.Instance, event.At, event.System = b.config.Instance, b.now().UTC(), name
			b.log.Info("wire", zap.String("system", name), zap.String("kind", event.Kind), zap.String("was", event.Was), zap.String("reason", event.Reason), zap.String("breaker", event.Breaker))
			b.publish("wire", event)
		}
		b.operations.stir()
	}
	o.Full = b.overloaded(name, "queue").refuse
	o.Throttled = b.throttled(name)
}

// wireEvents are what is told of one change.
func wireEvents(was, is wire.Status) (events []WireEvent) {
	event := WireEvent{State: string(is.State), Was: string(was.State), Reason: string(is.Reason), Breaker: is.Breaker, Waiting: is.Waiting}
	if was.State != is.State {
		event.Kind = string(is.State)
		events = append(events, event)
	}
	if was.Breaker != is.Breaker {
		event.Kind = WireBreaker
		events = append(events, event)
	}
	return events
}

// throttled tells that messages wait for the rate limit, once a minute at most.
func (b *Bridge) throttled(name string) func(time.Duration, wire.Status) {
	var mu sync.Mutex
	var told time.Time
	return func(wait time.Duration, is wire.Status) {
		b.operations.metrics.Waited(name, wait)
		now := b.now()
		mu.Lock()
		due := now.Sub(told) >= time.Minute || now.Before(told)
		if due {
			told = now
		}
		mu.Unlock()
		if due {
			b.publish("wire", WireEvent{Instance: b.config.Instance, At: now.UTC(), System: name, Kind: WireThrottle, State: string(is.State), Breaker: is.Breaker, Waiting: is.Waiting})
		}
	}
}

// overload counts those who were answered busy at one place, and tells of them at
// once and then once a minute at most, and once, with the number 0, that a minute
// has passed without: event.overload.
type overload struct {
	tell func(refused int)
	now  func() time.Time

	mu      sync.Mutex
	refused int       // not told yet
	told    time.Time // zero where it is over
}

// overloaded is the overload of one place of a system's edge.
func (b *Bridge) overloaded(name, where string) *overload {
	o := &overload{now: b.now, tell: func(n int) {
		b.log.Warn("overload", zap.String("system", name), zap.String("where", where), zap.Int("refused", n))
		b.publish("overload", OverloadEvent{Instance: b.config.Instance, At: b.now().UTC(), System: name, Where: where, Refused: n})
	}}
	b.background(func(ctx context.Context) {
		for every(ctx, b.pace.save) {
			o.settle(0)
		}
	})
	return o
}

// refuse counts one more.
func (o *overload) refuse() { o.settle(1) }

func (o *overload) settle(more int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused += more
	now := o.now()
	due := o.told.IsZero() || now.Sub(o.told) >= time.Minute || now.Before(o.told) // the clock may be set back
	switch {
	case !due:
	case o.refused > 0:
		o.tell(o.refused)
		o.refused, o.told = 0, now
	case !o.told.IsZero():
		o.tell(0)
		o.told = time.Time{}
	}
}

// tryAgain reports whether a read may be sent once more: the system, or its edge,
// did not take it, and there is time.
func tryAgain(ctx context.Context, err error, tried, retries int) bool {
	return tried < retries && record.ReasonOf(err) == record.ReasonUnavailable && ctx.Err() == nil
}

// retryPause is before a retry, and up to as much again.
const retryPause = 100 * time.Millisecond
