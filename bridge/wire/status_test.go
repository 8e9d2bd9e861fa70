package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// changes keeps what a client tells, one after the other.
type changes struct {
	mu   sync.Mutex
	told []Status
}

func (c *changes) hear(_, is Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, is)
}

func (c *changes) words() (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.told {
		out = append(out, string(s.State)+" "+string(s.Reason)+" "+s.Breaker)
	}
	return out
}

func TestConditions(t *testing.T) {
	var heard changes
	clock := time.Unix(1_000_000, 0)
	c := &condition{now: func() time.Time { return clock }, slow: time.Second, changed: heard.hear, status: Status{State: Unknown, Breaker: "closed"}}
	quick, late := time.Millisecond, 2*time.Second
	for i, step := range []struct {
		do   func()
		want State
	}{
		{func() { c.refused(record.ReasonTimeout, "closed") }, Unknown}, // one silence may be the message's
		{func() { c.answered(quick, "closed") }, Up},
		{func() { c.refused(record.ReasonBadAnswer, "closed") }, Up},
		{func() { c.answered(quick, "closed") }, Up},
		{func() { c.answered(late, "closed") }, Slow},
		{func() { c.answered(late, "closed") }, Slow},
		{func() { c.answered(quick, "closed") }, Slow},
		{func() { c.answered(quick, "closed") }, Slow},
		{func() { c.answered(quick, "closed") }, Up},
		{func() { c.refused(record.ReasonTimeout, "closed") }, Up},
		{func() { c.refused(record.ReasonTimeout, "closed") }, Down},
		{func() { c.probed(true) }, Down}, // it takes connections, and did not answer
		{func() { c.answered(quick, "closed") }, Up},
		{func() { c.probed(false) }, Down},
		{func() { c.probed(false) }, Down},
		{func() { c.probed(true) }, Up},
		{func() { c.refused(record.ReasonUnavailable, "open") }, Down},
		{func() { c.refused(record.ReasonUnavailable, "half-open") }, Down},
	} {
		clock = clock.Add(time.Minute)
		before := c.read().State
		step.do()
		is := c.read()
		require.Equal(t, step.want, is.State, "step %d", i)
		if step.want != before {
			require.Equal(t, clock, is.Since, "step %d", i)
		}
		if is.State != Down {
			require.Empty(t, is.Reason)
		}
	}
	require.Equal(t, []string{"up  closed", "slow  closed", "up  closed", "down timeout closed", "up  closed", "down unavailable closed",
		"up  closed", "down unavailable open", "down unavailable half-open"}, heard.words(), "each change once")
}

// A probe sees an endpoint that is gone, and one that is back, without a message.
func TestProbe(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	said := make(chan int64, 16)
	serve := func(socket net.Listener) {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			n, _ := io.Copy(io.Discard, conn)
			said <- n
			_ = conn.Close()
		}
	}
	go serve(socket)
	ticks, changed := make(chan time.Time), make(chan Status, 4)
	c := NewClient(tcpWire, socket.Addr().String(), ClientOptions{ticks: ticks, Changed: func(_, is Status) { changed <- is }})
	ticks <- time.Time{}
	require.Equal(t, Up, (<-changed).State)
	require.Zero(t, <-said, "nothing is sent")
	require.NoError(t, socket.Close())
	ticks <- time.Time{}
	down := <-changed
	require.Equal(t, Down, down.State)
	require.Equal(t, record.ReasonUnavailable, down.Reason)
	again, err := net.Listen("tcp", socket.Addr().String())
	require.NoError(t, err)
	go serve(again)
	ticks <- time.Time{}
	require.Equal(t, Up, (<-changed).State)
	c.Close()
	require.NoError(t, again.Close())
}

// While a message is on its way the endpoint is not disturbed.
func TestProbeLeavesABusyEndpointAlone(t *testing.T) {
	connections, finish := make(chan struct{}, 8), make(chan struct{})
	address := endpointFunc(t, func(conn *net.TCPConn) {
		connections <- struct{}{}
		<-finish
		_, _ = io.WriteString(conn, "<a/>")
	})
	ticks := make(chan time.Time)
	c := NewClient(tcpWire, address, ClientOptions{ticks: ticks})
	defer c.Close()
	done := make(chan error, 1)
	go func() {
		_, err := c.Do(soon(t), []byte("<q/>"), nil)
		done <- err
	}()
	<-connections
	ticks <- time.Time{}
	ticks <- time.Time{} // the first has been dealt with
	close(finish)
	require.NoError(t, <-done)
	require.Empty(t, connections)
}

func TestProbeAddresses(t *testing.T) {
	for address, want := range map[string]string{"127.0.0.1:7": "127.0.0.1:7", "https://example.test/x": "example.test:https", "http://[::1]:8/": "[::1]:8"} {
		c := NewClient(httpWire, address, ClientOptions{})
		require.Equal(t, want, c.hostPort())
		c.Close()
	}
	c := NewClient(tcpWire, "10.0.0.1:40700", ClientOptions{})
	require.Equal(t, "10.0.0.1:40700", c.hostPort())
	c.Close()
}

// A breaker that is open keeps messages from the endpoint, and the queue and the
// throttle from being used up by them.
func TestBreaker(t *testing.T) {
	var heard changes
	asked := make(chan struct{}, 16)
	var mu sync.Mutex
	broken := true
	address := endpointFunc(t, func(conn *net.TCPConn) {
		asked <- struct{}{}
		mu.Lock()
		defer mu.Unlock()
		if !broken {
			_, _ = io.WriteString(conn, "<a/>")
		}
	})
	c := NewClient(tcpWire, address, ClientOptions{Breaker: Breaker{Failures: 3, Time: time.Millisecond}, Changed: heard.hear})
	defer c.Close()
	for range 3 {
		_, err := c.Do(soon(t), []byte("<q/>"), nil)
		require.Equal(t, record.ReasonBadAnswer, reason(t, err))
	}
	require.Len(t, asked, 3)
	require.Equal(t, []string{"down bad-answer closed", "down bad-answer open"}, heard.words())
	mu.Lock()
	broken = false
	mu.Unlock()
	require.Eventually(t, func() bool { // open, then one message tries
		_, err := c.Do(soon(t), []byte("<q/>"), nil)
		if err != nil {
			require.Equal(t, record.ReasonUnavailable, reason(t, err))
		}
		return err == nil
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, "up  closed", heard.words()[2])
	require.Equal(t, "closed", c.Status().Breaker)
}

// What the endpoint did not cause opens no breaker, and only one message at a time
// tries an endpoint again.
func TestBreakerCountsFailuresOfTheEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Breaker{Failures: 2, Time: 10 * time.Second}.breaker()
		put := func(err error) error {
			done, refused := b.Allow()
			if refused == nil {
				done(err)
			}
			return refused
		}
		down := fault(record.ReasonUnavailable, errors.New("no"))
		for _, harmless := range []error{nil, fault(record.ReasonBusy, errThrottle), fault(record.ReasonTooLarge, errThrottle), fault(record.ReasonRefused, errThrottle)} {
			require.NoError(t, put(down))
			require.NoError(t, put(harmless))
			if record.ReasonOf(harmless) == record.ReasonBusy && harmless != nil {
				require.NoError(t, put(nil)) // neither a success nor a failure
			}
			require.Equal(t, "closed", b.State().String(), harmless)
		}
		require.NoError(t, put(down))
		require.NoError(t, put(down))
		require.Error(t, put(nil))
		<-time.After(11 * time.Second) // of the bubble's clock
		trying, err := b.Allow()
		require.NoError(t, err)
		require.Error(t, put(nil), "one at a time")
		trying(down)
		require.Equal(t, "open", b.State().String())
	})
	require.Nil(t, Breaker{}.breaker())
}

// As many as the queue holds wait; one more is busy at once, and is told.
func TestQueue(t *testing.T) {
	entered, finish, full := make(chan struct{}, 8), make(chan struct{}), make(chan struct{}, 8)
	l := listen(t, tcpWire, func(_ context.Context, msg []byte, _ Peer) []byte {
		entered <- struct{}{}
		<-finish
		return msg
	}, ListenOptions{})
	c := NewClient(tcpWire, l.Addr().String(), ClientOptions{Queue: 2, Full: func() { full <- struct{}{} }})
	defer c.Close()
	answers := make(chan error, 3)
	ask := func() {
		_, err := c.Do(soon(t), []byte("<a/>"), nil)
		answers <- err
	}
	go ask()
	<-entered
	go ask()
	go ask()
	require.Eventually(t, func() bool { return c.Status().Waiting == 2 }, 10*time.Second, time.Millisecond)
	require.Equal(t, 1, c.Status().InFlight)
	_, err := c.Do(soon(t), []byte("<b/>"), nil)
	require.Equal(t, record.ReasonBusy, reason(t, err))
	require.Len(t, full, 1)
	close(finish)
	for range 3 {
		require.NoError(t, <-answers)
	}
	require.Zero(t, c.Status().Waiting)
	require.Zero(t, c.Status().InFlight)
}

// A look whether a listener takes connections is no trouble to it, with TLS or
// without.
func TestALookIsNoTrouble(t *testing.T) {
	ours := newAuthority(t)
	for _, w := range []system.Wire{tcpWire, httpWire} {
		for _, secure := range []*tls.Config{nil, ours.server(t)} {
			var heard events
			l := listen(t, w, echo, ListenOptions{TLS: secure, Report: heard.report})
			ticks, up := make(chan time.Time), make(chan Status, 1)
			c := NewClient(w, l.Addr().String(), ClientOptions{ticks: ticks, Changed: func(_, is Status) { up <- is }})
			for range 3 {
				ticks <- time.Time{}
			}
			require.Equal(t, Up, (<-up).State)
			c.Close()
			require.NoError(t, l.Shutdown(context.Background())) // what it heard of, it has reported
			require.Empty(t, heard.list())
		}
	}
}
