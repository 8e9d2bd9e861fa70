package natsd

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestExternalPlaintextOnThisMachine(t *testing.T) {
	s, _, _ := operations(t)
	closed, connected := make(chan error, 1), make(chan string, 10)
	nc, err := ConnectExternal(External{URLs: s.Address(), AllowPlaintext: true, User: "ops", Password: "ops secret", InboxPrefix: "_INBOX.north",
		Closed: func(err error) { closed <- err }, Log: func(_, msg string) { connected <- msg }}, "linkspan-north")
	require.NoError(t, err)
	require.Equal(t, "connected to test", <-connected)
	require.True(t, nc.IsConnected())
	require.Contains(t, nc.NewInbox(), "_INBOX.north.")
	_, err = nc.Request("linkspan.north.health", nil, wait)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	_, err = nc.SubscribeSync("linkspan.north.exchange.emisweb") // refused by the server, and heard of
	require.NoError(t, err)
	require.Contains(t, <-connected, `Subscription to "linkspan.north.exchange.emisweb"`)
	nc.Close()
	<-closed
}

func TestExternalThatIsNotThereYet(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	tried := make(chan string, 10)
	nc, err := ConnectExternal(External{URLs: address, AllowPlaintext: true, User: "ops", Password: "p", Log: func(_, msg string) { tried <- msg }}, "early")
	require.NoError(t, err)
	defer nc.Close()
	require.Contains(t, <-tried, "not connected")
	require.ErrorIs(t, nc.Publish("x", nil), nats.ErrReconnectBufExceeded)
}

func TestExternalSettingsThatAreRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for name, e := range map[string]External{
		"no address":     {AllowPlaintext: true},
		"empty in list":  {URLs: "nats://127.0.0.1:1,", AllowPlaintext: true},
		"not an address": {URLs: "nats://%zz:1", AllowPlaintext: true},
		"seed missing":   {URLs: "127.0.0.1:1", NKey: missing, AllowPlaintext: true},
		"two ways in":    {URLs: "127.0.0.1:1", Credentials: missing, User: "u", AllowPlaintext: true},
		"no TLS":         {URLs: "127.0.0.1:1"},
		"both":           {URLs: "127.0.0.1:1", TLS: &tls.Config{MinVersion: tls.VersionTLS12}, AllowPlaintext: true},
	} {
		_, err := ConnectExternal(e, "x")
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "%zz")
	}
}

// Plaintext is never fallen back to: it is allowed by name, or TLS is there.
func TestWhenTLSIsRequired(t *testing.T) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, c := range []struct {
		e    External
		fine bool
	}{
		{External{URLs: "127.0.0.1:4222"}, false},
		{External{URLs: "127.0.0.1:4222", AllowPlaintext: true}, true},
		{External{URLs: "nats://localhost:4222,nats://nats.example.org:4222"}, false},
		{External{URLs: "nats.example.org", TLS: secure}, true},
		{External{URLs: "tls://127.0.0.1:4222", AllowPlaintext: true}, false},
		{External{URLs: "tls://127.0.0.1:4222", TLS: secure}, true},
		{External{URLs: "127.0.0.1:4222", TLSFirst: true, AllowPlaintext: true}, false},
	} {
		err := c.e.secured()
		require.Equal(t, c.fine, err == nil, "%s: %v", c.e.URLs, err)
	}
}
