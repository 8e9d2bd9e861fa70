package bridge

import "github.com/nats-io/nats.go"

// Conn is the bridge's own connection to the NATS servers, which sees all of
// the link's traffic.
func (b *Bridge) Conn() *nats.Conn { return b.nc }

// Operations is the address of the operations listener.
func (b *Bridge) Operations() string { return b.server.Address() }
