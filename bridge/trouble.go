package bridge

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// OverloadNATS is where messages were dropped because this instance did not take
// them from its connection as fast as they came.
const OverloadNATS = "nats"

// slowNews is the least time between two events of a slow consumer.
const slowNews = time.Minute

// dropped counts what a connection dropped and tells of it, at most once in
// slowNews: nats.go reports once when a subscription's room ends and again after
// it has caught up.
type dropped struct {
	mu    sync.Mutex
	told  time.Time
	since int
}

// connectionFault hears of faults of the connection that no call returns.
func (b *Bridge) connectionFault(_ *nats.Conn, sub *nats.Subscription, err error) {
	fields := []zap.Field{zap.Error(err)}
	if sub != nil && errors.Is(err, nats.ErrSlowConsumer) {
		fields = append(fields, zap.String("subject", sub.Subject))
	}
	b.fault("nats", err, fields...)
}

// spineFault hears of faults of the spine that no asker is told.
func (b *Bridge) spineFault(err error) { b.fault("spine", err, zap.Error(err)) }

// fault logs, and counts what was dropped. Whoever asked with a dropped message
// is answered by their own edge at their deadline, as for any message that was
// lost.
func (b *Bridge) fault(where string, err error, fields ...zap.Field) {
	b.log.Warn(where, fields...)
	if !errors.Is(err, nats.ErrSlowConsumer) {
		return
	}
	b.operations.slow.Add(1)
	b.operations.stir()
	d := &b.operations.dropped
	d.mu.Lock()
	defer d.mu.Unlock()
	d.since++
	if now := b.now(); d.told.IsZero() || now.Sub(d.told) >= slowNews || now.Before(d.told) {
		b.publish("overload", OverloadEvent{Instance: b.config.Instance, At: now.UTC(), Where: OverloadNATS, Refused: d.since})
		d.told, d.since = now, 0
	}
}
