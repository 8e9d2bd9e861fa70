package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// ClientOptions are a client's limits and settings. A zero limit means its
// default.
type ClientOptions struct {
	Limit           int           // one answer: 8 MiB
	ConnectTimeout  time.Duration // TCP and TLS: 5 s
	ProgressTimeout time.Duration // between two bytes of an answer on TCP: 10 s
	Timeout         time.Duration // an exchange whose context has no deadline: 60 s

	TLS *tls.Config // nil for plain text, and for an https address the system's authorities
	// Secure gives the configuration for each new connection, where it may
	// change meanwhile; it takes the place of TLS.
	Secure func() *tls.Config

	// Headers are added to every HTTP request; they replace what the wire
	// declares.
	Headers http.Header
	// CommonName stands for "{cn}" in the wire's headers; a header that needs
	// it is left out when it is "".
	CommonName string

	// Now is the clock of the throttle; nil is the machine's.
	Now func() time.Time
	// ThrottleDisabled sends without regard to the wire's declared throttle.
	// Another throttle is set in the Wire value itself.
	ThrottleDisabled bool
}

// Client sends messages to one endpoint. It may be used from several
// goroutines; on TCP their exchanges follow each other.
type Client struct {
	wire     system.Wire
	address  string
	options  ClientOptions
	throttle *throttle
	slot     chan struct{} // TCP: the one exchange in flight
	http     *http.Client  // HTTP only

	condition condition
}

// NewClient makes a client of the endpoint at addr: "host:port", or for HTTP
// also a URL, whose path, if it has one, replaces the wire's. It connects only
// when asked to send.
func NewClient(w system.Wire, addr string, o ClientOptions) *Client {
	if o.Limit <= 0 {
		o.Limit = 8 << 20
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	if o.ProgressTimeout <= 0 {
		o.ProgressTimeout = 10 * time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Client{wire: w, address: addr, options: o, slot: make(chan struct{}, 1), throttle: newThrottle(w.Throttle)}
	c.condition.Status = Status{State: Unknown, Since: o.Now(), Breaker: "closed"}
	if o.ThrottleDisabled {
		c.throttle = newThrottle(nil)
	}
	if w.Transport == system.HTTP {
		c.address = URL(addr, w.Path, o.TLS != nil || o.Secure != nil)
		c.http = newHTTPClient(o)
	}
	return c
}

// Close ends idle connections.
func (c *Client) Close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// Do sends msg and returns the answer's bytes; a native error is an answer. q
// is the request msg carries, for the throttle; nil is a message that asks for
// no record, to which limits with exemptions do not apply.
//
// The error is a *record.Error: unavailable (cannot connect), timeout (no or no
// whole answer by the deadline, be it silence), bad-answer (closed early, cut,
// rubbish, not XML), too-large, busy (the throttle, or the exchange in flight,
// would take longer than the deadline allows), and on HTTP refused, when the
// status says so. It never resends.
func (c *Client) Do(ctx context.Context, msg []byte, q *record.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.remaining(ctx))
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := ctx.Err(); err != nil {
		return nil, fault(record.ReasonTimeout, err)
	}

	now := c.options.Now()
	turn, ok := c.throttle.reserve(q, now, now.Add(time.Until(deadline)))
	if !ok {
		return nil, fault(record.ReasonBusy, errors.New("the endpoint's throttle allows it only after the deadline"))
	}
	sent := false
	defer func() {
		if !sent {
			turn.release()
		}
	}()
	if err := pause(ctx, turn.at.Sub(now)); err != nil {
		return nil, fault(record.ReasonTimeout, err)
	}
	if c.wire.Transport == system.TCP {
		select {
		case c.slot <- struct{}{}:
			defer func() { <-c.slot }()
		case <-ctx.Done():
			return nil, fault(record.ReasonBusy, errors.New("another exchange is in flight"))
		}
	}
	for wait := turn.late(c.options.Now()); wait > 0; wait = turn.late(c.options.Now()) {
		if time.Now().Add(wait).After(deadline) {
			return nil, fault(record.ReasonBusy, errors.New("the endpoint's throttle allows it only after the deadline"))
		}
		if err := pause(ctx, wait); err != nil {
			return nil, fault(record.ReasonTimeout, err)
		}
	}
	going := func() {
		sent = true
		turn.used(c.options.Now())
	}
	if c.wire.Transport == system.HTTP {
		return c.post(ctx, msg, going)
	}
	return c.exchange(ctx, msg, going)
}

func (c *Client) remaining(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return c.options.Timeout
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// exchange sends one document on a connection of its own and reads one back.
func (c *Client) exchange(ctx context.Context, msg []byte, going func()) ([]byte, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, fault(record.ReasonUnavailable, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	going()
	buffers := net.Buffers{msg, []byte(c.wire.Terminator)}
	_, sending := buffers.WriteTo(conn)
	// An endpoint may refuse and close before it has read everything, so what
	// it said is read even when not all could be sent.
	answers := &stream{src: conn, limit: c.options.Limit, before: func(begun bool) error {
		if begun {
			_ = conn.SetReadDeadline(time.Now().Add(c.options.ProgressTimeout))
		}
		return ctx.Err() // the deadline above may have come after ctx's
	}}
	answer, err := answers.next()
	switch {
	case err == nil && !onlySeparators(answers.buf):
		return nil, fault(record.ReasonBadAnswer, errors.New("something follows the answer"))
	case err == nil:
		return answer, nil
	case errors.Is(err, errTooLarge):
		return nil, fault(record.ReasonTooLarge, err)
	}
	return nil, fault(interrupted(ctx, err), errors.Join(err, sending))
}

func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.ConnectTimeout)
	defer cancel()
	switch {
	case c.options.Secure != nil:
		return (&tls.Dialer{Config: c.options.Secure()}).DialContext(ctx, "tcp", c.address)
	case c.options.TLS != nil:
		return (&tls.Dialer{Config: c.options.TLS}).DialContext(ctx, "tcp", c.address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", c.address)
}

// interrupted is the reason of an exchange that failed after it had begun.
func interrupted(ctx context.Context, err error) record.Reason {
	var timed net.Error
	var op *net.OpError
	switch {
	case ctx.Err() != nil, errors.As(err, &timed) && timed.Timeout():
		return record.ReasonTimeout
	case errors.As(err, &op) && op.Op == "remote error":
		return record.ReasonUnavailable // TLS: the endpoint does not accept our certificate
	}
	return record.ReasonBadAnswer
}

func fault(reason record.Reason, err error) error {
	return &record.Error{Reason: reason, Op: "wire: exchange", Err: err}
}
