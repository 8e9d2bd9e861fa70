// Package spine is how the roles of one link talk over NATS: a request and its
// answer, each a native message sealed under the link's key together with the
// claims about who asks. It knows no system and looks into no body.
//
// A body is compressed (zstd), sealed (AES-256, the claims and the subject as
// additional data) and, where it is longer than the connection's largest
// message, cut into chunks. Requests are never cut: they are short, and the
// members of a queue group would each get a piece.
//
// What goes wrong is a *record.Error; its Reason is what the asker is told.
package spine

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkspan/linkspan/record"
)

// Headers of a message. The body's headers are the only plain text on the wire;
// none of them ever holds a patient's data.
const (
	HeaderClaims = "Linkspan-Claims" // the Claims in JSON
	HeaderReason = "Linkspan-Reason" // the record.Reason of an answer without a body
	HeaderChunk  = "Linkspan-Chunk"  // "i/n", counted from 1
	HeaderSize   = "Linkspan-Size"   // bytes of all chunks together, decimal
	HeaderSHA256 = "Linkspan-SHA256" // of all chunks together, hexadecimal
)

// Defaults of Options.
const (
	DefaultLimit      = 8 << 20
	DefaultRatio      = 250
	DefaultChunkBytes = 512 << 10
	DefaultTimeout    = time.Minute
)

// Options are the settings of a Spine; a zero field takes its default.
type Options struct {
	// Limit is the longest body in bytes, before compression: the record limit.
	Limit int
	// Ratio is how many times longer than its compressed form a body may be. A
	// body of up to 1 MiB is exempt.
	Ratio int
	// ChunkBytes is the longest chunk; the connection's MaxPayload bounds it too.
	ChunkBytes int
	// Timeout is the longest any request is waited for or worked on, and the
	// deadline of one that names none.
	Timeout time.Duration
	// Link names what the roles of one link have in common besides their key:
	// economy, pair and environment. It is put into the claims of every request,
	// and one of another link is refused, so that a test edge can never be wired
	// to a live exchange (safety SE-03). "" is not checked.
	Link string
	// Now is the clock that dates requests; nil is time.Now.
	Now func() time.Time
	// OnError hears of faults that no asker can be told: a recovered panic, a
	// dropped message, an answer that could not be sent. The text holds no
	// message content. It must not block.
	OnError func(error)
}

// Spine asks and answers over one connection under one link's key. It is safe
// for concurrent use.
type Spine struct {
	nc      *nats.Conn
	seal    *sealer
	chunk   int
	timeout time.Duration
	link    string
	now     func() time.Time
	onError func(error)
}

// New makes a Spine. A zero key is no key: every request then fails as internal
// and nothing is sent in the clear. Set the connection's error and closed
// handlers before; micro replaces those set after it.
func New(nc *nats.Conn, key Key, o Options) *Spine {
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.Ratio <= 0 {
		o.Ratio = DefaultRatio
	}
	if o.ChunkBytes <= 0 {
		o.ChunkBytes = DefaultChunkBytes
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Spine{nc: nc, seal: newSealer(key, o.Limit, o.Ratio, 0), chunk: o.ChunkBytes, timeout: o.Timeout, link: o.Link, now: o.Now, onError: o.OnError}
}

// Limit is the longest body in bytes.
func (s *Spine) Limit() int { return s.seal.limit }

// Message is a native message and who it travels for.
type Message struct {
	// Subject is the subject of the request; for an answer, of the request it
	// answers. Request and Accept set it.
	Subject string
	Claims  Claims
	Body    []byte
}

// fault is an Error of this package.
func fault(reason record.Reason, op string, err error) error {
	return &record.Error{Reason: reason, Op: "spine: " + op, Err: err}
}

// sendFault classifies an error of the connection or of the wait for an answer.
func sendFault(ctx context.Context, op string, err error) error {
	var classified *record.Error
	switch {
	case errors.As(err, &classified):
		return err
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining), errors.Is(err, nats.ErrConnectionReconnecting),
		errors.Is(err, nats.ErrBadSubscription):
		return fault(record.ReasonUnavailable, op, err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fault(record.ReasonTooLarge, op, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, context.Canceled):
		return fault(endReason(ctx), op, err)
	}
	return fault(record.ReasonInternal, op, err)
}

// endReason is why a context ended: the reason its cause carries, else time-out
// for a deadline, else unavailable, as for a process that is being stopped.
func endReason(ctx context.Context) record.Reason {
	var e *record.Error
	if errors.As(context.Cause(ctx), &e) {
		return e.Reason
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return record.ReasonUnavailable
	}
	return record.ReasonTimeout
}

// settle returns when the server has what we told it before. A connection that is
// apart brings nothing, so there is nothing to wait for.
func (s *Spine) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushWait)
	defer cancel()
	apart := s.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	defer s.nc.RemoveStatusListener(apart)
	if !s.nc.IsConnected() {
		return
	}
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		_ = s.nc.FlushWithContext(ctx)
	}()
	select {
	case <-apart:
		cancel()
		<-flushed
	case <-flushed:
	}
}

// ready returns when the server has our subscriptions, so that a role that says
// it runs can be asked at once. A connection that is apart sends them when it is
// back.
func (s *Spine) ready() {
	if s.nc.IsConnected() {
		_ = s.nc.FlushTimeout(flushWait)
	}
}
