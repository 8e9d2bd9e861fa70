package bridge

import (
	"github.com/nats-io/nats.go"
)

// Overflow has a subscription of the bridge's own connection that takes nothing,
// with room for one message, and more messages than that. It returns when they
// have been dropped; release ends the subscription.
func (b *Bridge) Overflow() (release func(), err error) {
	held := make(chan struct{})
	sub, err := b.nc.Subscribe("overflow", func(*nats.Msg) { <-held })
	if err == nil {
		err = sub.SetPendingLimits(1, -1)
	}
	for range 10 {
		if err == nil {
			err = b.nc.Publish("overflow", nil)
		}
	}
	if err == nil {
		err = b.nc.Flush()
	}
	return func() { _ = sub.Unsubscribe(); close(held) }, err
}

// SlowNews tells as slow a consumer that a micro service's endpoint is.
func (b *Bridge) SlowNews() { b.spineFault(nats.ErrSlowConsumer) }

// RestartServer has the embedded server stop and start again.
func (b *Bridge) RestartServer() error { return b.server.Restart() }
