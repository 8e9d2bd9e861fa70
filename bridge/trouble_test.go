package bridge_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
)

// served reports that a request of a system is answered with the record.
func (e *economy) served(from string) bool {
	return strings.Contains(string(e.ask(from, request(e.t, askings[from]))), "9998193036")
}

// TestASlowConsumerIsTold drops messages of a subscription that takes none: it is
// logged, counted and told, once in a minute, and exchanges go on.
func TestASlowConsumerIsTold(t *testing.T) {
	url := external(t)
	e := start(t, setup{config: func(c *bridge.Config) { c.NATS.URL, c.NATS.Plaintext, c.LinkKey = url, true, linkKeyFile(t) }})
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	events := make(chan *nats.Msg, 64)
	_, err = nc.ChanSubscribe("linkspan.test.event.overload", events)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	release, err := e.Overflow()
	require.NoError(t, err)
	var event bridge.OverloadEvent
	require.NoError(t, json.Unmarshal((<-events).Data, &event))
	require.Equal(t, bridge.OverloadNATS, event.Where)
	require.Equal(t, 1, event.Refused)
	require.Contains(t, event.Words(), "dropped")
	counted := e.Report().NATS.SlowEvents
	require.Positive(t, counted)
	e.SlowNews()
	require.Equal(t, counted+1, e.Report().NATS.SlowEvents)
	for from := range askings {
		require.True(t, e.served(from))
	}
	release()
	require.Empty(t, events, "one event a minute")
	require.NotZero(t, e.logs.FilterMessage("nats").Len())
}

// TestStopWhileTheServerIsAway takes the NATS servers away and stops: there is
// nobody to tell and nothing to wait for.
func TestStopWhileTheServerIsAway(t *testing.T) {
	s := natsServer(t, &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	e := start(t, setup{config: func(c *bridge.Config) {
		c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.Deadline = s.ClientURL(), true, linkKeyFile(t), 2*time.Second
	}})
	require.True(t, e.served("emisweb"))
	s.Shutdown()
	s.WaitForShutdown()
	require.Eventually(t, func() bool { return !e.Report().NATS.Connected }, 10*time.Second, 10*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // a flush that nobody answers takes 10 s
	defer cancel()
	require.NoError(t, e.Stop(ctx))
}

func natsServer(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(o)
	require.NoError(t, err)
	go s.Start()
	require.True(t, s.ReadyForConnections(10*time.Second))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// TestTheEmbeddedServerRestarts has the server inside the process stop and start
// again: the roles come back by themselves.
func TestTheEmbeddedServerRestarts(t *testing.T) {
	e := start(t, setup{config: func(c *bridge.Config) { c.Deadline = 2 * time.Second }})
	require.True(t, e.served("emisweb"))
	require.NoError(t, e.RestartServer())
	for from := range askings {
		require.Eventually(t, func() bool { return e.served(from) }, 30*time.Second, 50*time.Millisecond)
	}
	require.Positive(t, e.Report().NATS.Reconnects)
}

// TestWrongCredentials starts with credentials the servers do not take: the
// instance runs, says that it is down and refuses natively; once the file has the
// right ones it serves, without a restart. So it does when they are rotated and
// the old are revoked.
func TestWrongCredentials(t *testing.T) {
	operator, account := jwtKey(t, nkeys.CreateOperator), jwtKey(t, nkeys.CreateAccount)
	claims := jwt.NewAccountClaims(public(t, account))
	claims.Name = "LINK"
	signed := func() string {
		text, err := claims.Encode(operator)
		require.NoError(t, err)
		return text
	}
	resolver := &server.MemAccResolver{}
	require.NoError(t, resolver.Store(claims.Subject, signed()))
	s := natsServer(t, &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		TrustedKeys: []string{public(t, operator)}, AccountResolver: resolver})
	file := filepath.Join(t.TempDir(), "link.creds")
	write := func(by nkeys.KeyPair) string {
		user := jwtKey(t, nkeys.CreateUser)
		text, err := jwt.NewUserClaims(public(t, user)).Encode(by)
		require.NoError(t, err)
		seed, err := user.Seed()
		require.NoError(t, err)
		creds, err := jwt.FormatUserConfig(text, seed)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, creds, 0o600))
		return public(t, user)
	}
	write(jwtKey(t, nkeys.CreateAccount)) // of an account nobody knows
	e := start(t, setup{config: func(c *bridge.Config) {
		c.NATS.URL, c.NATS.Plaintext, c.NATS.Credentials, c.LinkKey, c.Deadline = s.ClientURL(), true, file, linkKeyFile(t), 2*time.Second
	}})
	require.False(t, e.Report().NATS.Connected)
	for from, name := range askings {
		refusedNatively(t, from, e.ask(from, request(t, name)))
	}
	first := write(account)
	for from := range askings {
		require.Eventually(t, func() bool { return e.served(from) }, 30*time.Second, 100*time.Millisecond)
	}
	write(account)
	claims.Revoke(first)
	known, err := s.LookupAccount(claims.Subject)
	require.NoError(t, err)
	s.UpdateAccountClaims(known, claims)
	require.Eventually(t, func() bool { return e.Report().NATS.Reconnects > 0 && e.served("emisweb") }, 30*time.Second, 100*time.Millisecond)
}

func jwtKey(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	key, err := create()
	require.NoError(t, err)
	return key
}

func public(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	text, err := key.PublicKey()
	require.NoError(t, err)
	return text
}

// TestRestartRecovers stops and starts again on the same data: requests are taken
// at once, on the same log.
func TestRestartRecovers(t *testing.T) {
	d := newDaemon(t)
	for range 3 {
		d.start("", 0)
		d.takes()
		d.stop()
	}
	d.proven()
	require.Len(t, d.released, 6)
}
