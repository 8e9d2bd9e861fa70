package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

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

	// Slow is how late an answer has to be for the endpoint to be called slow; 0 is
	// never.
	Slow time.Duration
	// Probe is the time between looks whether the endpoint takes connections, while
	// nothing is asked of it; 0 is none.
	Probe time.Duration
	// Queue is how many messages may wait for their turn; one more is busy at once.
	// 0 is no bound but the deadline.
	Queue int
	// Breaker keeps messages from an endpoint that fails.
	Breaker Breaker
	// Changed hears each change of State or Breaker, one after the other. It must not
	// use the client, but for Status.
	Changed func(was, is Status)
	// Full hears that a message found the queue full.
	Full func()
	// Throttled hears that a message waits for the throttle and how long, with the
	// Status that counts it.
	Throttled func(wait time.Duration, is Status)

	ticks <-chan time.Time // of the probe, in tests

	// Now is the clock of the throttle; nil is the machine's.
	Now func() time.Time
	// ThrottleDisabled sends without regard to the wire's declared throttle.
	// Another throttle is set in the Wire value itself.
	ThrottleDisabled bool
}

// Breaker is when a client stops asking an endpoint that fails: after so many
// failures in a row, for a time; then one message tries whether it answers
// again. The zero value never does.
type Breaker struct {
	Failures int
	Time     time.Duration
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

	condition *condition
	breaker   *gobreaker.TwoStepCircuitBreaker[struct{}] // nil for none
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// NewClient makes a client of the endpoint at addr: "host:port", or for HTTP
// also a URL, whose path, if it has one, replaces the wire's. It connects only
// when asked to send, and to look whether it could. Close ends that.
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
	c.condition = &condition{now: o.Now, slow: o.Slow, changed: o.Changed, status: Status{State: Unknown, Since: o.Now(), Breaker: gobreaker.StateClosed.String()}}
	c.breaker = o.Breaker.breaker()
	if o.ThrottleDisabled {
		c.throttle = newThrottle(nil)
	}
	if w.Transport == system.HTTP {
		c.address = URL(addr, w.Path, o.TLS != nil || o.Secure != nil)
		c.http = newHTTPClient(o)
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	if o.Probe > 0 || o.ticks != nil {
		ticks, tick := o.ticks, (*time.Ticker)(nil)
		if ticks == nil {
			tick = time.NewTicker(o.Probe)
			ticks = tick.C
		}
		c.running.Go(func() {
			c.probe(ctx, ticks)
			if tick != nil {
				tick.Stop()
			}
		})
	}
	return c
}

// breaker opens after failures of the endpoint: what the endpoint answered, and
// what did not get as far as it, are none.
func (b Breaker) breaker() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	if b.Failures <= 0 {
		return nil
	}
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{MaxRequests: 1, Timeout: b.Time,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= uint32(b.Failures) },
		IsSuccessful: func(err error) bool { return !failure(err) },
		IsExcluded:   func(err error) bool { return record.ReasonOf(err) == record.ReasonBusy }})
}

// failure reports an error that the endpoint is the cause of.
func failure(err error) bool {
	switch record.ReasonOf(err) {
	case record.ReasonUnavailable, record.ReasonTimeout, record.ReasonBadAnswer:
		return err != nil
	}
	return false
}

// Close ends idle connections and the looking.
func (c *Client) Close() {
	c.stop()
	c.running.Wait()
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// Do sends msg and returns the answer's bytes; a native error is an answer. q
// is the request msg carries, for the throttle; nil is a message that asks for
// no record, to which limits with exemptions do not apply.
//
// The error is a *record.Error: unavailable (cannot connect, or the breaker is
// open), timeout (no or no whole answer by the deadline, be it silence),
// bad-answer (closed early, cut, rubbish, not XML), too-large, busy (the queue is
// full; the throttle, or the exchange in flight, would take longer than the
// deadline allows), and on HTTP refused, when the status says so. It never
// resends.
func (c *Client) Do(ctx context.Context, msg []byte, q *record.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.remaining(ctx))
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, fault(record.ReasonTimeout, err)
	}
	if c.breakerState() == gobreaker.StateOpen {
		return nil, fault(record.ReasonUnavailable, errOpen)
	}
	turn, leave, err := c.turn(ctx, q)
	if err != nil {
		return nil, err
	}
	defer leave()
	sent := false
	defer func() {
		if !sent {
			turn.release()
		}
	}()
	done, err := c.allow()
	if err != nil {
		return nil, fault(record.ReasonUnavailable, err)
	}
	c.condition.count(func(s *Status) { s.InFlight++ })
	started := time.Now()
	going := func() {
		sent = true
		turn.used(c.options.Now())
	}
	send := c.exchange
	if c.wire.Transport == system.HTTP {
		send = c.post
	}
	answer, err := send(ctx, msg, going)
	done(err)
	c.condition.count(func(s *Status) { s.InFlight-- })
	if failure(err) {
		c.condition.refused(record.ReasonOf(err), c.breakerState().String())
	} else {
		c.condition.answered(time.Since(started), c.breakerState().String())
	}
	return answer, err
}

// turn waits until the message may go out: for the throttle, and on TCP for the
// exchange in flight. leave ends the turn.
func (c *Client) turn(ctx context.Context, q *record.Request) (t turn, leave func(), err error) {
	leave = func() {}
	deadline, _ := ctx.Deadline()
	now := c.options.Now()
	t, ok := c.throttle.reserve(q, now, now.Add(time.Until(deadline)))
	if !ok {
		return t, nil, fault(record.ReasonBusy, errThrottle)
	}
	defer func() {
		if err != nil {
			t.release()
			leave()
		}
	}()
	at := t.at.Sub(now)
	if at <= 0 && c.take() {
		leave = c.give
	} else {
		if !c.enqueue() {
			return t, leave, fault(record.ReasonBusy, errQueue)
		}
		defer c.condition.count(func(s *Status) { s.Waiting-- })
		if at > 0 && c.options.Throttled != nil {
			c.options.Throttled(at, c.Status())
		}
		if err := pause(ctx, at); err != nil {
			return t, leave, fault(record.ReasonTimeout, err)
		}
		if c.wire.Transport == system.TCP {
			select {
			case c.slot <- struct{}{}:
				leave = c.give
			case <-ctx.Done():
				return t, leave, fault(record.ReasonBusy, errors.New("another exchange is in flight"))
			}
		}
	}
	for wait := t.late(c.options.Now()); wait > 0; wait = t.late(c.options.Now()) {
		if time.Now().Add(wait).After(deadline) {
			return t, leave, fault(record.ReasonBusy, errThrottle)
		}
		if err := pause(ctx, wait); err != nil {
			return t, leave, fault(record.ReasonTimeout, err)
		}
	}
	return t, leave, nil
}

// take takes the one exchange that TCP allows, if nobody has it.
func (c *Client) take() bool {
	if c.wire.Transport != system.TCP {
		return true
	}
	select {
	case c.slot <- struct{}{}:
		return true
	default:
		return false
	}
}

func (c *Client) give() {
	if c.wire.Transport == system.TCP {
		<-c.slot
	}
}

// enqueue takes a place among those that wait, if there is one.
func (c *Client) enqueue() bool {
	room := false
	c.condition.count(func(s *Status) {
		if room = c.options.Queue <= 0 || s.Waiting < c.options.Queue; room {
			s.Waiting++
		}
	})
	if !room && c.options.Full != nil {
		c.options.Full()
	}
	return room
}

// allow asks the breaker, and gives what it is to be told.
func (c *Client) allow() (done func(error), err error) {
	if c.breaker == nil {
		return func(error) {}, nil
	}
	return c.breaker.Allow()
}

func (c *Client) breakerState() gobreaker.State {
	if c.breaker == nil {
		return gobreaker.StateClosed
	}
	return c.breaker.State()
}

var (
	errOpen     = errors.New("the endpoint failed several times and is not asked for a while")
	errQueue    = errors.New("as many messages as may wait for the endpoint already do")
	errThrottle = errors.New("the endpoint's throttle allows it only after the deadline")
)

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
