package bridge_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// The tests of this file are cells of docs/safety/outages.yaml (hazard H-42).

// TestEveryOutageIsAnswered takes the holder away in each way a network can:
// the asker is told natively and nothing is left of it.
func TestEveryOutageIsAnswered(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := nobody.Addr().String()
	require.NoError(t, nobody.Close())
	outages := map[string]struct {
		address string
		reasons []record.Reason
	}{
		"nobody listens":      {closed, []record.Reason{record.ReasonUnavailable}},
		"no such name":        {"holder.invalid:9", []record.Reason{record.ReasonUnavailable, record.ReasonTimeout}},
		"hangs up":            {peer(t, func(c net.Conn) { _ = c.Close() }), []record.Reason{record.ReasonUnavailable, record.ReasonBadAnswer}},
		"resets":              {peer(t, reset), []record.Reason{record.ReasonUnavailable, record.ReasonBadAnswer}},
		"half an answer":      {peer(t, func(c net.Conn) { half(c) }), []record.Reason{record.ReasonUnavailable, record.ReasonBadAnswer}},
		"accepts and is mute": {peer(t, func(net.Conn) {}), []record.Reason{record.ReasonTimeout}},
	}
	for name, outage := range outages {
		for from, file := range askings {
			t.Run(name+" "+from, func(t *testing.T) {
				e := start(t, setup{config: func(c *bridge.Config) {
					side := c.Sides[holder(from)]
					side.Address = outage.address
					c.Sides[holder(from)] = side
					c.Deadline = time.Second
				}})
				answer := string(e.ask(from, request(t, file)))
				refusedNatively(t, from, []byte(answer))
				require.True(t, says(answer, outage.reasons), "%.600s", answer)
			})
		}
	}
}

// says reports that an answer is in the words of one of the reasons.
func says(answer string, reasons []record.Reason) bool {
	for _, reason := range reasons {
		if strings.Contains(answer, reason.Words()) {
			return true
		}
	}
	return false
}

// peer accepts connections and does as told with each, until the test ends.
func peer(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			open = append(open, c)
			do(c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return l.Addr().String()
}

func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func half(c net.Conn) {
	_, _ = c.Read(make([]byte, 1))
	_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n<ClientIntegrationResponse><Response>"))
	_ = c.Close()
}

// TestNoEdgeOfTheHolder runs without the role that owns the holder's endpoint.
func TestNoEdgeOfTheHolder(t *testing.T) {
	for from, file := range askings {
		e := start(t, setup{config: func(c *bridge.Config) { c.Roles = []string{bridge.RoleExchange, from} }})
		answer := e.ask(from, request(t, file))
		refusedNatively(t, from, answer)
		require.Contains(t, string(answer), record.ReasonUnavailable.Words())
	}
}

// TestTheServerGoesAndComesBack takes the NATS servers away from the roles and
// gives them back: refused natively meanwhile, served again after.
func TestTheServerGoesAndComesBack(t *testing.T) {
	options := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true}
	s, err := server.NewServer(options)
	require.NoError(t, err)
	go s.Start()
	require.True(t, s.ReadyForConnections(10*time.Second))
	running := s
	t.Cleanup(func() { running.Shutdown(); running.WaitForShutdown() }) // after the bridge
	key := filepath.Join(t.TempDir(), "link.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("ef", 32)), 0o600))
	e := start(t, setup{config: func(c *bridge.Config) {
		c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.Deadline = s.ClientURL(), true, key, 2*time.Second
	}})
	served := func(from string) bool {
		return strings.Contains(string(e.ask(from, request(t, askings[from]))), "9998193036")
	}
	for from := range askings {
		require.True(t, served(from))
	}
	options.Port = s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	for from, file := range askings {
		refusedNatively(t, from, e.ask(from, request(t, file)))
	}
	running, err = server.NewServer(options)
	require.NoError(t, err)
	go running.Start()
	require.True(t, running.ReadyForConnections(10*time.Second))
	for from := range askings {
		require.Eventually(t, func() bool { return served(from) }, 30*time.Second, 100*time.Millisecond)
	}
}

// TestAskerThatGoesAway hangs up while the holder is asked: the exchange ends
// with its audit record, and the slot is free for the next.
func TestAskerThatGoesAway(t *testing.T) {
	holder := hold(t, "systmone")
	e := start(t, setup{holders: map[string]wire.Handler{"systmone": holder.answer}, config: func(c *bridge.Config) { c.Slots = 1 }})
	ctx, hangUp := context.WithCancel(t.Context())
	client := wire.NewClient(e.systems["emisweb"].Wire, e.Address("emisweb"), wire.ClientOptions{})
	gone := make(chan error, 1)
	go func() {
		_, err := client.Do(ctx, request(t, "emisweb-full.xml"), nil)
		gone <- err
	}()
	<-holder.asked
	hangUp()
	require.Error(t, <-gone)
	client.Close()
	close(holder.release)
	<-e.outcomes
	_, last := e.audited()
	require.Contains(t, []string{audit.EventAnswered, audit.EventRefused}, last.Event)
	require.Eventually(t, func() bool { // a slot is free a moment after its exchange
		return strings.Contains(string(e.ask("emisweb", request(t, "emisweb-full.xml"))), "<MedicalRecord")
	}, 30*time.Second, 50*time.Millisecond)
}
