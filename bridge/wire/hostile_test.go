//go:build unix

package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
)

// from127002 dials l from another address than everybody else does.
func from127002(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

// answered is one exchange of an honest asker at another address.
func answered(t *testing.T, l *Listener) {
	t.Helper()
	conn := from127002(t, l)
	if l.wire.Transport == system.HTTP {
		say(t, conn, post("Content-Length: 8\r\n", "<honest>"))
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(all), "<echo><honest></echo>")
		return
	}
	say(t, conn, "<honest/>")
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	hearEnd(t, conn, "<echo><honest/></echo>\n")
}

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// TestConnectionFlood: somebody opens 10,000 connections and says nothing, or the
// beginning of a message, on each; whoever else asks meanwhile is answered, and
// memory stays where it was (threat T-20). The short form opens 2,000.
func TestConnectionFlood(t *testing.T) {
	total := 2000
	if os.Getenv("LINKSPAN_SOAK") != "" {
		total = 10_000
	}
	var files syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	total = min(total, int(files.Cur)-500)
	for _, w := range []system.Wire{tcpWire, httpWire} {
		for _, opening := range []string{"", "<a>", "POST /ITK HTTP/1.1\r\n"} {
			t.Run(fmt.Sprintf("%v %.4q", w.Transport, opening), func(t *testing.T) {
				var refused atomic.Int64
				l := listen(t, w, echo, ListenOptions{Report: func(Event) { refused.Add(1) }, ProgressTimeout: time.Minute,
					HandshakeTimeout: time.Minute})
				before := heap()
				flood := make([]net.Conn, 0, total)
				defer func() {
					for _, conn := range flood {
						_ = conn.Close()
					}
				}()
				honest := 0
				for i := range total {
					conn, err := net.Dial("tcp", l.Addr().String())
					require.NoError(t, err)
					flood = append(flood, conn)
					_, _ = io.WriteString(conn, opening) // it may have been closed already
					if i%(total/10) == 0 {
						answered(t, l)
						honest++
					}
				}
				answered(t, l)
				grown := int64(heap()) - int64(before)
				t.Logf("%d connections; %d of %d others answered; heap grew by %d KiB", total, honest+1, honest+1, grown>>10)
				require.Less(t, grown, int64(32<<20))
				l.socket.mu.Lock()
				require.LessOrEqual(t, l.socket.open, l.options.MaxConnections+spare(l.options.MaxConnections))
				require.LessOrEqual(t, l.socket.peers[netip.MustParseAddr("127.0.0.1")].open, l.options.PeerConnections+spareOfPeer(l.options.PeerConnections))
				l.socket.mu.Unlock()
				require.GreaterOrEqual(t, refused.Load(), int64(total-l.options.PeerConnections-spareOfPeer(l.options.PeerConnections)))
			})
		}
	}
}

// TestOneAddressCannotTakeAllPlaces, whatever it holds on to.
func TestOneAddressCannotTakeAllPlaces(t *testing.T) {
	for _, w := range []system.Wire{tcpWire, httpWire} {
		entered, finish := make(chan struct{}, 10), make(chan struct{})
		l := listen(t, w, func(ctx context.Context, msg []byte, from Peer) []byte {
			if strings.Contains(string(msg), "held") {
				entered <- struct{}{}
				<-finish
			}
			return echo(ctx, msg, from)
		}, ListenOptions{MaxConnections: 4, PeerConnections: 3})
		release := sync.OnceFunc(func() { close(finish) })
		t.Cleanup(release)
		message := "<held/>"
		if w.Transport == system.HTTP {
			message = post("Content-Length: 7\r\n", "<held/>")
		}
		var held []net.Conn
		for range 3 {
			conn := dial(t, l)
			say(t, conn, message)
			held = append(held, conn)
			<-entered
		}
		busy := dial(t, l)
		say(t, busy, message)
		all, err := io.ReadAll(busy)
		require.NoError(t, err)
		require.Contains(t, string(all), "<error>busy</error>", "one more of the address is told")
		answered(t, l)
		release()
		for _, conn := range held {
			_, err := conn.Read(make([]byte, 1))
			require.NoError(t, err, "what was in hand is answered")
			require.NoError(t, conn.Close())
		}
		answered(t, l)
	}
}

// TestNewConnectionsOfOneAddressAreBounded: a place given back is not enough.
func TestNewConnectionsOfOneAddressAreBounded(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	l := listen(t, tcpWire, echo, ListenOptions{PeerRate: 5, Now: clock})
	try := func() bool {
		conn := dial(t, l)
		defer conn.Close()
		_, _ = io.WriteString(conn, "<a/>")
		n, _ := conn.Read(make([]byte, 1))
		return n == 1
	}
	for range 5 {
		require.True(t, try())
	}
	require.False(t, try())
	require.False(t, try())
	answered(t, l)
	mu.Lock()
	now = now.Add(24 * time.Second) // two fifths of a minute
	mu.Unlock()
	require.True(t, try())
	require.True(t, try())
	require.False(t, try())
}

// TestPeersAreForgotten: addresses seen long ago cost nothing.
func TestPeersAreForgotten(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	g := &guard{max: 10, peerMax: 5, perMin: 2, now: func() time.Time { return now }, peers: map[netip.Addr]*peer{}}
	most := 0
	for i := range 100_000 {
		now = now.Add(100 * time.Millisecond)
		address := addressOf(&net.TCPAddr{IP: net.IPv4(10, byte(i>>16), byte(i>>8), byte(i))})
		_, err := g.enter(address)
		require.NoError(t, err)
		g.leave(address)
		most = max(most, len(g.peers))
	}
	require.Less(t, most, 5000)
	require.Equal(t, addressOf(&net.TCPAddr{IP: net.ParseIP("2001:db8::1")}), addressOf(&net.TCPAddr{IP: net.ParseIP("2001:db8::ffff:2")}))
	require.NotEqual(t, addressOf(&net.TCPAddr{IP: net.ParseIP("2001:db8::1")}), addressOf(&net.TCPAddr{IP: net.ParseIP("2001:db8:0:1::1")}))
	require.Equal(t, addressOf(&net.TCPAddr{IP: net.ParseIP("::ffff:10.0.0.1")}), addressOf(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}))
}

// TestFramingAttacksOverTCP: whatever the bytes, the attacker gets a native
// refusal or nothing, the handler sees at most what is one message, and the next
// asker is answered (threat T-20).
func TestFramingAttacksOverTCP(t *testing.T) {
	const limit = 64 << 10
	for name, c := range map[string]struct {
		sent, answer string
		half         bool // the attacker shuts its side
	}{
		"frame without end":          {sent: "<a>" + strings.Repeat("<b>", limit), answer: "<error>too-large</error>\n"},
		"text without end":           {sent: "<a>" + strings.Repeat("x", 2*limit), answer: "<error>too-large</error>\n"},
		"start tag without end":      {sent: "<a " + strings.Repeat("b='1' ", limit), answer: "<error>too-large</error>\n"},
		"attribute without end":      {sent: "<a b='" + strings.Repeat("</a>", limit), answer: "<echo><a b='<</echo>\n", half: true},
		"comment without end":        {sent: "<!--" + strings.Repeat("<a/>", limit), answer: "<error>too-large</error>\n"},
		"CDATA without end":          {sent: "<a><![CDATA[" + strings.Repeat("</a>", limit), answer: "<error>too-large</error>\n"},
		"instruction without end":    {sent: "<?a " + strings.Repeat("<a/>", limit), answer: "<error>too-large</error>\n"},
		"prolog without end":         {sent: strings.Repeat("<!---->", limit), answer: "<error>too-large</error>\n"},
		"start inside a frame":       {sent: "<a><?xml version='1.0'?><a></a></a>", answer: "<echo><a><?xml version='1.0'?><a></a></a></echo>\n"},
		"start inside an open tag":   {sent: "<a <a/>", answer: "<echo><a <</echo>\n", half: true},
		"declared length":            {sent: "-1\r\n<a/>", answer: "<echo>-1\r\n<a/></echo>\n", half: true},
		"huge declared length":       {sent: "\x7f\xff\xff\xff<a/>", answer: "<echo>\x7f\xff\xff\xff<a/></echo>\n", half: true},
		"end before start":           {sent: "</a><a/>", answer: "<echo></</echo>\n", half: true},
		"half a byte order mark":     {sent: "\xEF\xBBx", answer: "<echo>\xEF\xBBx</echo>\n", half: true},
		"half closed in a frame":     {sent: "<a><b>", answer: "<echo><a><b></echo>\n", half: true},
		"half closed in a name":      {sent: "<a", answer: "<echo><a</echo>\n", half: true},
		"separators only":            {sent: strings.Repeat("\n\x00<EOF>", limit), answer: "", half: true},
		"separator that never comes": {sent: "<EO", answer: "", half: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, tcpWire, echo, ListenOptions{Limit: limit})
			conn := dial(t, l)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				_, _ = io.WriteString(conn, c.sent) // it may be cut off
				if c.half {
					_ = conn.CloseWrite()
				}
			}()
			got := make([]byte, len(c.answer))
			_, err := io.ReadFull(conn, got)
			require.NoError(t, err)
			if strings.HasPrefix(c.answer, "<echo><") && c.half { // how much of rubbish is in one packet, nobody knows
				require.Equal(t, "<echo>", string(got[:6]))
			} else {
				require.Equal(t, c.answer, string(got))
			}
			answered(t, l)
			require.NoError(t, conn.Close())
			<-sent
		})
	}
}

// TestResetInsideAFrame: a connection that is torn down costs nobody else
// anything, however often.
func TestResetInsideAFrame(t *testing.T) {
	for _, w := range []system.Wire{tcpWire, httpWire} {
		l := listen(t, w, echo, ListenOptions{MaxConnections: 4, PeerConnections: 3})
		begin := "<a><b>"
		if w.Transport == system.HTTP {
			begin = post("Content-Length: 100\r\n", "<a><b>")
		}
		for range 50 {
			conn := dial(t, l)
			_, _ = io.WriteString(conn, begin)
			require.NoError(t, conn.SetLinger(0)) // closing resets
			require.NoError(t, conn.Close())
		}
		answered(t, l)
	}
}

// TestPipeliningIsBounded: what is sent ahead waits in the socket; one message is
// in hand, and the answers come in the order of the questions.
func TestPipeliningIsBounded(t *testing.T) {
	var inHand, most atomic.Int64
	l := listen(t, tcpWire, func(_ context.Context, msg []byte, _ Peer) []byte {
		most.Store(max(most.Load(), inHand.Add(1)))
		defer inHand.Add(-1)
		return msg
	}, ListenOptions{})
	conn := dial(t, l)
	const messages = 20_000
	go func() {
		for i := range messages {
			if _, err := fmt.Fprintf(conn, "<a n='%d'/>", i); err != nil {
				return
			}
		}
	}()
	for i := range messages {
		hear(t, conn, fmt.Sprintf("<a n='%d'/>\n", i))
	}
	require.EqualValues(t, 1, most.Load())
}

// TestSlowSendersHoldNoPlaceForLong: one byte now and then ends by the time for
// the whole, silence by the time between two bytes; both natively (T-20).
func TestSlowSendersHoldNoPlaceForLong(t *testing.T) {
	var heard events
	l := listen(t, httpWire, echo, ListenOptions{MaxConnections: 8, ReadTimeout: 100 * time.Millisecond, ProgressTimeout: 50 * time.Millisecond,
		HandshakeTimeout: 50 * time.Millisecond, Report: heard.report})
	body := dial(t, l)
	say(t, body, post("Content-Length: 1000000\r\n", ""))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1_000_000 { // until it is cut off; each byte is progress
			if _, err := io.WriteString(body, "x"); err != nil {
				return
			}
		}
	}()
	header := dial(t, l)
	say(t, header, "POST /ITK HTTP/1.1\r\nX")
	silent := dial(t, l)
	answered(t, l)
	for name, conn := range map[string]net.Conn{"body": body, "header": header, "silent": silent} {
		_, err := io.ReadAll(conn)
		if err != nil {
			require.ErrorIs(t, err, syscall.ECONNRESET, name)
		}
	}
	require.NoError(t, body.Close())
	<-done
	answered(t, l)
}

// TestHTTPFraming: a length that cannot be, two lengths, and what hides a second
// request behind the first.
func TestHTTPFraming(t *testing.T) {
	var seen atomic.Int64
	l := listen(t, httpWire, func(_ context.Context, msg []byte, _ Peer) []byte {
		seen.Add(1)
		return []byte("<seen>" + string(msg) + "</seen>")
	}, ListenOptions{Limit: 1 << 10, ProgressTimeout: 200 * time.Millisecond, HandshakeTimeout: 200 * time.Millisecond})
	smuggled := "POST /ITK HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n<smuggled/>\r\n"
	keep := func(headers, body string) string {
		return "POST /ITK HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body
	}
	for name, c := range map[string]struct {
		sent   string
		status string // of the one answer
		seen   int64
	}{
		"negative length":              {keep("Content-Length: -1\r\n", ""), "400", 0},
		"length beyond any number":     {keep("Content-Length: 99999999999999999999999999\r\n", ""), "400", 0},
		"length beyond the limit":      {keep("Content-Length: 9223372036854775807\r\n", ""), "500", 0},
		"length in hex":                {keep("Content-Length: 0x10\r\n", ""), "400", 0},
		"length with a sign":           {keep("Content-Length: +4\r\n", "<a/>"), "400", 0},
		"two lengths":                  {keep("Content-Length: 4\r\nContent-Length: 60\r\n", "<a/>"+smuggled), "400", 0},
		"two lengths in one":           {keep("Content-Length: 4, 60\r\n", "<a/>"+smuggled), "400", 0},
		"length and chunks":            {keep("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+smuggled), "200", 1},
		"chunks, and more":             {keep("Transfer-Encoding: chunked\r\n", "4\r\n<a/>\r\n0\r\n\r\n"+smuggled), "200", 1},
		"an encoding nobody knows":     {keep("Transfer-Encoding: xchunked\r\n", "4\r\n<a/>\r\n0\r\n\r\n"+smuggled), "501", 0},
		"two encodings":                {keep("Transfer-Encoding: gzip, chunked\r\n", "4\r\n<a/>\r\n0\r\n\r\n"+smuggled), "501", 0},
		"encoding before a blank":      {keep("Transfer-Encoding : chunked\r\nContent-Length: 4\r\n", "<a/>"+smuggled), "400", 0},
		"encoding twice":               {keep("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"+smuggled), "501", 0},
		"a body that never comes":      {strings.Replace(keep("Content-Length: 60\r\n", ""), "/ITK", "/other", 1), "404", 0},
		"a body to another method":     {strings.Replace(keep("Content-Length: 60\r\n", ""), "POST", "PUT", 1), "405", 0},
		"a compressed one":             {keep("Content-Length: 60\r\nContent-Encoding: gzip\r\n", ""), "500", 0},
		"chunk of negative size":       {keep("Transfer-Encoding: chunked\r\n", "-4\r\n<a/>\r\n0\r\n\r\n"+smuggled), "500", 0},
		"chunk beyond any number":      {keep("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n<a/>"), "500", 0},
		"chunk beyond the limit":       {keep("Transfer-Encoding: chunked\r\n", "7fffffffffffffff\r\n"+strings.Repeat("x", 4<<10)), "500", 0},
		"chunk without its end":        {keep("Transfer-Encoding: chunked\r\n", "4\r\n<a/>smuggled\r\n0\r\n\r\n"), "500", 0},
		"chunk extension without end":  {keep("Transfer-Encoding: chunked\r\n", "4;"+strings.Repeat("x", 64<<10)), "500", 0},
		"header without end":           {keep("X: "+strings.Repeat("x", 200<<10), ""), "431", 0},
		"headers without end":          {keep(strings.Repeat("X: y\r\n", 40<<10), ""), "431", 0},
		"header folded":                {keep("X: y\r\n Content-Length: 60\r\nContent-Length: 4\r\nConnection: close\r\n", "<a/>"), "200", 1},
		"zero in a header":             {keep("X: \x00\r\n", ""), "400", 0},
		"line end in a header":         {keep("X: a\rb\r\n", ""), "400", 0},
		"no host":                      {"POST /ITK HTTP/1.1\r\nContent-Length: 4\r\n\r\n<a/>", "400", 0},
		"an older request, no headers": {"POST /ITK\r\n\r\n", "400", 0},
		"HTTP/2 preface":               {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			seen.Store(0)
			conn := dial(t, l)
			go func() { _, _ = io.WriteString(conn, c.sent) }()
			all, err := io.ReadAll(conn)
			if err != nil {
				require.ErrorIs(t, err, syscall.ECONNRESET)
			}
			got := string(all)
			require.True(t, strings.HasPrefix(got, "HTTP/1.1 "+c.status) || err != nil && got == "", got)
			require.Equal(t, c.seen, seen.Load(), "messages the handler saw")
			require.NotContains(t, got, "smuggled")
			if c.status != "" && err == nil {
				require.Equal(t, 1, strings.Count(got, "HTTP/1.1 "), "one request, one answer")
			}
		})
	}
	answeredBy := from127002(t, l)
	say(t, answeredBy, post("Content-Length: 4\r\n", "<a/>"))
	all, err := io.ReadAll(answeredBy)
	require.NoError(t, err)
	require.Contains(t, string(all), "<seen><a/></seen>")
}

// TestShedAnswersAreNativeAndImmediate: ten times as many as there are places for
// ask at once; those beyond are told "busy" in the system's own words while
// every place is still taken, and the others are answered (threat T-21).
func TestShedAnswersAreNativeAndImmediate(t *testing.T) {
	const places = 4
	for _, w := range []system.Wire{tcpWire, httpWire} {
		entered, finish := make(chan struct{}, 10*places), make(chan struct{})
		l := listen(t, w, func(_ context.Context, msg []byte, _ Peer) []byte {
			entered <- struct{}{}
			<-finish
			return msg
		}, ListenOptions{MaxConnections: places, PeerConnections: places})
		release := sync.OnceFunc(func() { close(finish) })
		t.Cleanup(release)
		message, native := "<a/>", "<error>busy</error>"
		if w.Transport == system.HTTP {
			message = post("Content-Length: 4\r\n", "<a/>")
		}
		var placed []net.Conn
		for range places {
			conn := dial(t, l)
			say(t, conn, message)
			placed = append(placed, conn)
			<-entered
		}
		for range 9 * places {
			conn := dial(t, l)
			_, _ = io.WriteString(conn, message)
			all, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Contains(t, string(all), native)
			require.NoError(t, conn.Close())
			require.Empty(t, entered, "it was told without the handler")
		}
		release()
		for _, conn := range placed {
			all := make([]byte, 4)
			_, err := io.ReadFull(conn, all)
			require.NoError(t, err)
		}
	}
}

// TestPeerIsWhoTheTransportProved: an address on this machine, the names of a
// certificate whose chain was verified, and nothing a header says.
func TestPeerIsWhoTheTransportProved(t *testing.T) {
	a := newAuthority(t)
	for _, w := range []system.Wire{tcpWire, httpWire} {
		peers := make(chan Peer, 1)
		handler := func(_ context.Context, msg []byte, from Peer) []byte { peers <- from; return msg }
		l := listen(t, w, handler, ListenOptions{TLS: a.server(t)})
		c := NewClient(w, l.Addr().String(), ClientOptions{TLS: a.client(t, "emis.example"), CommonName: "forged",
			Headers: http.Header{"X-Forwarded-For": {"10.0.0.1"}}})
		_, err := c.Do(soon(t), []byte("<a/>"), nil)
		require.NoError(t, err)
		c.Close()
		from := <-peers
		require.Equal(t, "emis.example", from.CommonName)
		require.Equal(t, []string{"127.0.0.1"}, from.Names)
		require.True(t, from.Loopback)

		// A certificate that was shown and not verified proves nothing.
		lax := a.server(t)
		lax.ClientAuth = tls.RequestClientCert
		l = listen(t, w, handler, ListenOptions{TLS: lax})
		c = NewClient(w, l.Addr().String(), ClientOptions{TLS: newAuthorityTrusting(t, a).client(t, "emis.example")})
		_, err = c.Do(soon(t), []byte("<a/>"), nil)
		require.NoError(t, err)
		c.Close()
		from = <-peers
		require.Empty(t, from.CommonName)
		require.Empty(t, from.Names)
	}
	require.False(t, peerOf("10.0.0.1:5", nil).Loopback)
	require.True(t, peerOf("[::1]:5", nil).Loopback)
	require.True(t, peerOf("[::ffff:127.0.0.1]:5", nil).Loopback)
	require.False(t, peerOf("nonsense", nil).Loopback)

	from := Peer{Header: http.Header{"Linkspan-User": {" dr.a "}, "Linkspan-Role": {"R1", "R2"}}}
	value, once := from.Once("Linkspan-User")
	require.True(t, once)
	require.Equal(t, "dr.a", value)
	_, once = from.Once("Linkspan-Role")
	require.False(t, once)
	_, once = from.Once("Linkspan-Purpose")
	require.False(t, once)
	_, once = Peer{}.Once("Linkspan-User")
	require.False(t, once)
}

// newAuthorityTrusting is another authority, which a does not know, whose clients
// know a.
func newAuthorityTrusting(t *testing.T, a *authority) *authority {
	other := newAuthority(t)
	other.pool = a.pool
	return other
}
