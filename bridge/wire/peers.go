package wire

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/linkspan/linkspan/record"
)

// spare is how many connections above MaxConnections are told "busy", and
// spareOfPeer how many of one address above PeerConnections: as many as come
// when ten times as many ask as can be served. Nothing of their messages is
// kept.
func spare(connections int) int           { return max(16, 9*connections) }
func spareOfPeer(peerConnections int) int { return max(8, 9*peerConnections) }

var (
	errConnections     = errors.New("too many connections")
	errPeerConnections = errors.New("too many connections of one address")
	errPeerRate        = errors.New("too many new connections of one address")
)

// guard is a listening socket that closes at once what is beyond the limits:
// of all connections together, and of those of one address (safety SE-10).
type guard struct {
	net.Listener
	max     int // of all
	peerMax int // of one address served; some more are told "busy"
	perMin  int // new ones of one address
	now     func() time.Time
	report  func(Event)

	mu    sync.Mutex
	open  int
	peers map[netip.Addr]*peer
	swept int // peers there were after the last sweep
}

// peer is what one address has open, and how many it may still open at once.
type peer struct {
	open   int
	tokens float64
	at     time.Time // when tokens was reckoned
}

// Accept waits for a connection that is within the limits.
func (g *guard) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := addressOf(conn.RemoteAddr())
		crowded, err := g.enter(address)
		if err == nil {
			return &guardedConn{TCPConn: conn.(*net.TCPConn), crowded: crowded, free: sync.OnceFunc(func() { g.leave(address) })}, nil
		}
		g.report(Event{Address: conn.RemoteAddr().String(), Reason: record.ReasonBusy, Err: err})
		_ = conn.Close()
	}
}

// enter counts a connection in. It is crowded when its address has as many as it
// may have, so that this one is only told so.
func (g *guard) enter(address netip.Addr) (crowded bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	p := g.peers[address]
	if p == nil {
		p = &peer{tokens: float64(g.perMin), at: g.now()}
		g.peers[address] = p
	}
	switch g.refill(p); {
	case p.tokens < 1:
		return false, errPeerRate
	case g.open >= g.max:
		return false, errConnections
	case p.open >= g.peerMax+spareOfPeer(g.peerMax):
		return false, errPeerConnections
	}
	p.tokens--
	p.open++
	g.open++
	return p.open > g.peerMax, nil
}

func (g *guard) leave(address netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	g.peers[address].open--
}

// refill gives an address back what time has brought it.
func (g *guard) refill(p *peer) {
	now := g.now()
	if passed := now.Sub(p.at); passed > 0 {
		p.tokens = min(float64(g.perMin), p.tokens+passed.Minutes()*float64(g.perMin))
	}
	p.at = now
}

// sweep forgets the addresses about which there is nothing to remember.
func (g *guard) sweep() {
	if len(g.peers) < 2*g.swept+1024 {
		return
	}
	for address, p := range g.peers {
		if g.refill(p); p.open == 0 && p.tokens >= float64(g.perMin) {
			delete(g.peers, address)
		}
	}
	g.swept = len(g.peers)
}

// addressOf is what counts as one address: of IPv6 the network that one site is
// given.
func addressOf(a net.Addr) netip.Addr {
	parsed, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	address := parsed.Addr().Unmap().WithZone("")
	if address.Is4() {
		return address
	}
	network, err := address.Prefix(64)
	if err != nil {
		return address
	}
	return network.Addr()
}

// guardedConn gives its place back when closed.
type guardedConn struct {
	*net.TCPConn
	crowded bool
	free    func()
}

// Close closes the connection.
func (c *guardedConn) Close() error {
	c.free()
	return c.TCPConn.Close()
}

// crowded reports that conn is one that is only told "busy".
func crowded(conn net.Conn) bool {
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	guarded, ok := conn.(*guardedConn)
	return ok && guarded.crowded
}
