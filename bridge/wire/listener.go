package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// Handler answers one native message. It is also called with bytes that are no
// document, so that it can refuse them in the asker's own format. A nil answer
// stays silent: only a stand-in does that. The handler must return once ctx is
// done; on HTTP that is also when the asker has gone.
type Handler func(ctx context.Context, msg []byte, from Peer) []byte

// Peer is who sent a message, as far as the transport can tell.
type Peer struct {
	Address string
	// Charset is what the transport stated, "" when it stated none; TCP never
	// does.
	Charset string
	// CommonName is that of the client certificate, "" when there is none or
	// when its chain was not verified.
	CommonName string
	// Names are the DNS names, URIs and IP addresses of the client certificate
	// (its subject alternative names), empty when there is none or when its
	// chain was not verified.
	Names []string
	// Loopback says that the peer is on this machine.
	Loopback bool
	Header   http.Header // HTTP only
	// Hangup ends the connection after the answer to this message; the handler
	// calls it, if at all, before it returns. It is nil on HTTP, where every
	// answer states its length. Only a stand-in uses it.
	Hangup func()
}

// ListenOptions are a listener's limits and hooks. A zero limit means its
// default.
type ListenOptions struct {
	Limit            int           // one message: 8 MiB
	ReadTimeout      time.Duration // one message, from its first byte to its last: 60 s
	ProgressTimeout  time.Duration // between two bytes of one message: 10 s
	IdleTimeout      time.Duration // from connecting, or from the last answer, to the next message: 5 min
	HandshakeTimeout time.Duration // TLS, and an HTTP request's header: 5 s
	WriteTimeout     time.Duration // one answer: 30 s
	// MaxConnections is how many connections are served at once (HTTP: requests
	// in hand): 96. A few more are told that the link is busy, the rest are
	// closed. On one TCP connection one message is in hand at a time; what is
	// sent ahead waits in the socket.
	MaxConnections int
	// PeerConnections is how many of them one address may have: two thirds of
	// MaxConnections, at least one; so one address cannot keep out the others. A
	// few more are told that the link is busy, the rest are closed.
	PeerConnections int
	// PeerRate is how many new connections one address may make within a minute;
	// more are closed: 60,000, which only a flood reaches. Of IPv6 an address
	// means its /64 network.
	PeerRate int

	TLS *tls.Config // nil for plain text

	// Now is the clock of PeerRate; nil is the machine's.
	Now func() time.Time

	// Refuse writes the native answer to a message that never reaches the
	// handler: too-large, timeout (unfinished in time), busy, unavailable
	// (shutting down), bad-message (an HTTP body shorter than announced, or of
	// a charset it contradicts), internal (the handler panicked). Nil, or a nil
	// answer, closes the connection.
	Refuse func(record.Reason) []byte
	// Failed reports that an answer is a native error, which HTTP sends with
	// Wire.ErrorStatus; nil looks for Wire.ErrorMark.
	Failed func(answer []byte) bool
	// Report hears of what went wrong on a connection; nil for nobody. It is
	// called from many goroutines.
	Report func(Event)
}

// Event is something that went wrong on a connection. Err holds no byte of any
// message.
type Event struct {
	Address string // of the peer
	Reason  record.Reason
	Err     error
}

func (o ListenOptions) withDefaults(w system.Wire) ListenOptions {
	if o.Limit <= 0 {
		o.Limit = 8 << 20
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = 96
	}
	if o.PeerConnections <= 0 {
		o.PeerConnections = max(1, o.MaxConnections*2/3)
	}
	if o.PeerRate <= 0 {
		o.PeerRate = 60_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, t := range []struct {
		set      *time.Duration
		standard time.Duration
	}{
		{&o.ReadTimeout, time.Minute},
		{&o.ProgressTimeout, 10 * time.Second},
		{&o.IdleTimeout, 5 * time.Minute},
		{&o.HandshakeTimeout, 5 * time.Second},
		{&o.WriteTimeout, 30 * time.Second},
	} {
		if *t.set <= 0 {
			*t.set = t.standard
		}
	}
	if o.Refuse == nil {
		o.Refuse = func(record.Reason) []byte { return nil }
	}
	if o.Failed == nil {
		o.Failed = func(answer []byte) bool { return w.ErrorMark != "" && bytes.Contains(answer, []byte(w.ErrorMark)) }
	}
	if o.Report == nil {
		o.Report = func(Event) {}
	}
	return o
}

// Listener receives messages on a system's native transport.
type Listener struct {
	wire    system.Wire
	handler Handler
	options ListenOptions

	socket   *guard
	server   *http.Server // HTTP only
	ctx      context.Context
	cancel   context.CancelFunc
	closing  chan struct{} // closed when no new message is taken
	shutdown sync.Once
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // TCP only; true once served
}

// Listen opens addr ("host:port", port 0 for any) and serves w's transport on
// it until Shutdown, or until ctx is done, which ends everything at once.
func Listen(ctx context.Context, w system.Wire, addr string, h Handler, o ListenOptions) (*Listener, error) {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("wire: listen: %w", err)
	}
	l := &Listener{
		wire: w, handler: h, options: o.withDefaults(w),
		closing: make(chan struct{}), conns: map[net.Conn]bool{},
	}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.socket = &guard{Listener: socket, max: l.options.MaxConnections + spare(l.options.MaxConnections), peerMax: l.options.PeerConnections,
		perMin: l.options.PeerRate, now: l.options.Now, report: l.options.Report, peers: map[netip.Addr]*peer{}}
	switch w.Transport {
	case system.HTTP:
		l.server = l.newServer()
		l.running.Go(l.serveHTTP)
	case system.TCP:
		l.running.Go(l.acceptTCP)
	default:
		l.cancel()
		return nil, errors.Join(fmt.Errorf("wire: listen: no transport %q", w.Transport), socket.Close())
	}
	context.AfterFunc(l.ctx, func() { _ = l.Shutdown(l.ctx) })
	return l, nil
}

// Addr is the address listened on.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Shutdown takes no more messages and waits for the answers in hand. When ctx
// is done first it cancels their handlers and closes their connections, and
// returns ctx's error once they have returned, or after a second if they do
// not. It may be called again.
func (l *Listener) Shutdown(ctx context.Context) error {
	l.shutdown.Do(func() {
		l.mu.Lock()
		close(l.closing)
		l.mu.Unlock()
		_ = l.socket.Close()
		l.wakeReaders()
	})
	idle := make(chan struct{})
	go func() {
		if l.server != nil {
			_ = l.server.Shutdown(l.ctx)
		}
		l.running.Wait()
		close(idle)
	}()
	defer l.cancel()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	l.cancel()
	l.mu.Lock()
	for conn := range l.conns {
		_ = conn.Close()
	}
	l.mu.Unlock()
	if l.server != nil {
		_ = l.server.Close()
	}
	select {
	case <-idle:
	case <-time.After(lingering):
	}
	return ctx.Err()
}

// baseContext is what a request's context descends from.
func (l *Listener) baseContext(net.Listener) context.Context { return l.ctx }

func (l *Listener) closed() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}

// call asks the handler. A panic costs its own message only; its value may hold
// patient data and goes nowhere.
func (l *Listener) call(ctx context.Context, msg []byte, from Peer) (answer []byte) {
	defer func() {
		if v := recover(); v != nil {
			l.report(from.Address, record.ReasonInternal, fmt.Errorf("the handler panicked with a %T", v))
			answer = l.options.Refuse(record.ReasonInternal)
		}
	}()
	return l.handler(ctx, msg, from)
}

func (l *Listener) report(address string, reason record.Reason, err error) {
	l.options.Report(Event{Address: address, Reason: reason, Err: err})
}

// peerOf is who is at the other end, by address and by certificate.
func peerOf(address string, state *tls.ConnectionState) Peer {
	p := Peer{Address: address}
	if at, err := netip.ParseAddrPort(address); err == nil {
		p.Loopback = at.Addr().Unmap().IsLoopback()
	}
	if state == nil || len(state.VerifiedChains) == 0 {
		return p
	}
	leaf := state.VerifiedChains[0][0]
	p.CommonName = leaf.Subject.CommonName
	p.Names = append(p.Names, leaf.DNSNames...)
	for _, u := range leaf.URIs {
		p.Names = append(p.Names, u.String())
	}
	for _, ip := range leaf.IPAddresses {
		p.Names = append(p.Names, ip.String())
	}
	return p
}

// Once returns the value of an HTTP header that was sent exactly once, without
// the white space around it: of two, nobody can say which one is meant.
func (p Peer) Once(header string) (string, bool) {
	values := p.Header.Values(header)
	if len(values) != 1 {
		return "", false
	}
	return strings.TrimSpace(values[0]), true
}
