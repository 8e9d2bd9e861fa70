package natsd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func TestExternalPlaintextOnThisMachine(t *testing.T) {
	s, _, _ := operations(t)
	closed, connected := make(chan error, 1), make(chan string, 10)
	nc, err := ConnectExternal(External{URLs: s.Address(), User: "ops", Password: "ops secret", InboxPrefix: "_INBOX.north",
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
	nc, err := ConnectExternal(External{URLs: address, User: "ops", Password: "p", Log: func(_, msg string) { tried <- msg }}, "early")
	require.NoError(t, err)
	defer nc.Close()
	require.Contains(t, <-tried, "not connected")
	require.ErrorIs(t, nc.Publish("x", nil), nats.ErrReconnectBufExceeded)
}

func TestExternalSettingsThatAreRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for name, e := range map[string]External{
		"no address":       {},
		"empty in list":    {URLs: "nats://127.0.0.1:1,"},
		"not an address":   {URLs: "nats://%zz:1"},
		"seed missing":     {URLs: "127.0.0.1:1", NKey: missing},
		"two ways in":      {URLs: "127.0.0.1:1", Credentials: missing, User: "u"},
		"CA missing":       {URLs: "127.0.0.1:1", CAFile: missing},
		"key not named":    {URLs: "127.0.0.1:1", CertFile: missing},
		"certificate gone": {URLs: "127.0.0.1:1", CertFile: missing, KeyFile: missing},
	} {
		_, err := ConnectExternal(e, "x")
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "%zz")
	}
}

func TestWhenTLSIsRequired(t *testing.T) {
	for _, c := range []struct {
		e    External
		want bool
	}{
		{External{URLs: "127.0.0.1:4222"}, false},
		{External{URLs: "nats://localhost:4222, nats://[::1]:4222"}, false},
		{External{URLs: "nats://localhost:4222,nats://nats.example.org:4222"}, true},
		{External{URLs: "nats.example.org"}, true},
		{External{URLs: "192.0.2.1:4222"}, true},
		{External{URLs: "192.0.2.1:4222", AllowPlaintext: true}, false},
		{External{URLs: "tls://127.0.0.1:4222", AllowPlaintext: true}, true},
		{External{URLs: "127.0.0.1:4222", TLSFirst: true}, true},
		{External{URLs: "127.0.0.1:4222", CAFile: "ca.pem"}, true},
	} {
		got, err := c.e.needsTLS()
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.e.URLs)
	}
}

// A cluster's server with mutual TLS and nkeys, which speaks TLS first.
func TestExternalWithCertificatesAndNKey(t *testing.T) {
	dir := t.TempDir()
	ca, certificate, key := certificates(t, dir)
	user, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := user.Seed()
	require.NoError(t, err)
	public, err := user.PublicKey()
	require.NoError(t, err)
	seedFile := filepath.Join(dir, "user.nk")
	require.NoError(t, os.WriteFile(seedFile, seed, 0o600))
	tls, err := server.GenTLSConfig(&server.TLSConfigOpts{CaFile: ca, CertFile: certificate, KeyFile: key, Verify: true})
	require.NoError(t, err)
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, TLS: true, TLSVerify: true,
		TLSConfig: tls, TLSHandshakeFirst: true, TLSTimeout: 5, Nkeys: []*server.NkeyUser{{Nkey: public}}})
	require.NoError(t, err)
	ns.Start()
	defer func() { ns.Shutdown(); ns.WaitForShutdown() }()
	require.True(t, ns.ReadyForConnections(wait))
	connected := make(chan string, 10)
	e := External{URLs: ns.Addr().String(), NKey: seedFile, CAFile: ca, CertFile: certificate, KeyFile: key, TLSFirst: true,
		Log: func(_, msg string) { connected <- msg }}
	nc, err := ConnectExternal(e, "linkspan")
	require.NoError(t, err)
	defer nc.Close()
	require.Contains(t, <-connected, "connected to ")
	state, err := nc.TLSConnectionState()
	require.NoError(t, err)
	require.True(t, state.HandshakeComplete)

	e.CAFile = "" // the machine's roots do not know this server
	stranger, err := ConnectExternal(e, "linkspan")
	require.NoError(t, err)
	defer stranger.Close()
	require.Contains(t, <-connected, "not connected")
}

// certificates writes a self-signed one that is its own authority.
func certificates(t *testing.T, dir string) (ca, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return certificate, certificate, key
}
