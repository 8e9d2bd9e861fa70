package natsd_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/natsd"
)

const patience = 10 * time.Second

func open(t *testing.T, o certs.Options) *certs.Store {
	t.Helper()
	s, err := certs.Open(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// cluster is a NATS server of its own that speaks TLS and admits one nkey.
func cluster(t *testing.T, secure *tls.Config) (address, seed string) {
	t.Helper()
	user, err := nkeys.CreateUser()
	require.NoError(t, err)
	text, err := user.Seed()
	require.NoError(t, err)
	public, err := user.PublicKey()
	require.NoError(t, err)
	seed = filepath.Join(t.TempDir(), "user.nk")
	require.NoError(t, os.WriteFile(seed, text, 0o600))
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, TLS: true, TLSVerify: true,
		TLSConfig: secure, TLSTimeout: 5, Nkeys: []*server.NkeyUser{{Nkey: public}}})
	require.NoError(t, err)
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	require.True(t, ns.ReadyForConnections(patience))
	return ns.Addr().String(), seed
}

// external connects and returns the first thing the connection tells.
func external(t *testing.T, address, seed string, s *certs.Store) (*nats.Conn, string) {
	t.Helper()
	told := make(chan string, 100)
	nc, err := natsd.ConnectExternal(natsd.External{URLs: address, NKey: seed, TLS: s.Client(""), Roots: s.Roots, Log: func(_, msg string) { told <- msg }}, "linkspan")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc, <-told
}

// SE-02 towards existing NATS servers: only the server that shows what was
// configured is talked to.
func TestTheMatrixOfServerCertificates(t *testing.T) {
	area, other := certstest.New(t, "area"), certstest.New(t, "other")
	own := area.Issue("linkspan.test")
	good := area.Issue("nats.test")
	revoked := area.Sign("nats.test", good.Key)
	at := func(from, until time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until) }
	}
	usage := func(u x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{u} }
	}
	for _, c := range []struct {
		name string
		leaf certstest.Leaf
		fine bool
	}{
		{"valid", good, true},
		{"expired", area.Sign("nats.test", good.Key, at(-2*time.Hour, -time.Hour)), false},
		{"not yet valid", area.Sign("nats.test", good.Key, at(time.Hour, 2*time.Hour)), false},
		{"wrong name", area.Sign("elsewhere.test", good.Key), false},
		{"wrong authority", other.Sign("nats.test", good.Key), false},
		{"revoked", revoked, false},
		{"wrong pin", area.Issue("nats.test"), false},
		{"wrong usage", area.Sign("nats.test", good.Key, usage(x509.ExtKeyUsageClientAuth)), false},
		{"self-signed", certstest.SelfSigned(t, "nats.test"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := area.Files(own, []string{"nats.test"}, good)
			certstest.Write(t, o.CRL[0], area.List([]certstest.Leaf{revoked}))
			pool := x509.NewCertPool()
			pool.AddCert(area.Cert)
			address, seed := cluster(t, &tls.Config{Certificates: []tls.Certificate{c.leaf.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12})
			nc, told := external(t, address, seed, open(t, o))
			require.Equal(t, c.fine, nc.IsConnected(), told)
			require.Equal(t, c.fine, strings.HasPrefix(told, "connected to "), told)
		})
	}
}

// A server judged by the same store turns away clients without the right
// certificate.
func TestServersJudgeClients(t *testing.T) {
	area := certstest.New(t, "area")
	servers, own, stranger := area.Issue("nats.test"), area.Issue("linkspan.test"), area.Issue("linkspan.test")
	address, seed := cluster(t, open(t, area.Files(servers, []string{"linkspan.test"}, own)).Server())
	nc, told := external(t, address, seed, open(t, area.Files(own, []string{"nats.test"}, servers)))
	require.True(t, nc.IsConnected(), told)
	state, err := nc.TLSConnectionState()
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS13), state.Version)
	nc, told = external(t, address, seed, open(t, area.Files(stranger, []string{"nats.test"}, servers)))
	require.False(t, nc.IsConnected(), told)
}

// T-27: what has changed on the disk counts at the next reconnect, without a
// restart: here authority, certificate and pins of both sides.
func TestReconnectingUsesWhatIsOnTheDiskNow(t *testing.T) {
	old, next := certstest.New(t, "area"), certstest.New(t, "area, next")
	servers, own := old.Issue("nats.test"), old.Issue("linkspan.test")
	theirs, ours := old.Files(servers, []string{"linkspan.test"}, own), old.Files(own, []string{"nats.test"}, servers)
	serverStore, clientStore := open(t, theirs), open(t, ours)
	address, seed := cluster(t, serverStore.Server())
	told := make(chan string, 100)
	nc, err := natsd.ConnectExternal(natsd.External{URLs: address, NKey: seed, TLS: clientStore.Client(""), Roots: clientStore.Roots, Log: func(_, msg string) { told <- msg }}, "linkspan")
	require.NoError(t, err)
	defer nc.Close()
	require.Contains(t, <-told, "connected to")
	newServers, newOwn := next.Issue("nats.test"), next.Issue("linkspan.test")
	for _, side := range []struct {
		o    certs.Options
		own  certstest.Leaf
		peer certstest.Leaf
	}{{theirs, newServers, newOwn}, {ours, newOwn, newServers}} {
		certstest.Write(t, side.o.CA, next.PEM())
		certstest.Write(t, side.o.CRL[0], next.List(nil))
		certstest.Write(t, side.o.Pins, []byte(side.peer.Pin()))
		certstest.Write(t, side.o.Cert, side.own.PEM())
		certstest.Write(t, side.o.Key, side.own.KeyPEM(t))
	}
	serverStore.Check()
	clientStore.Check()
	require.NoError(t, nc.ForceReconnect())
	for msg := range told {
		if strings.HasPrefix(msg, "reconnected") {
			break
		}
	}
	state, err := nc.TLSConnectionState()
	require.NoError(t, err)
	require.Equal(t, newServers.Cert.Raw, state.PeerCertificates[0].Raw)
}

// T-23: where a certificate is given, the operations listener asks for one too,
// and neither plain text nor a stranger gets anywhere.
func TestTheOperationsListenerSpeaksTLS(t *testing.T) {
	area := certstest.New(t, "area")
	own, operator, stranger := area.Issue("linkspan.test"), area.Issue("operations.test"), area.Issue("operations.test")
	s, err := natsd.Start(natsd.Options{Name: "test", Listen: "127.0.0.1:0", OperationsUser: "ops", OperationsPassword: "ops secret",
		TLS: open(t, area.Files(own, []string{"operations.test"}, operator)).Server()})
	require.NoError(t, err)
	t.Cleanup(s.Shutdown)
	role, err := s.Connect("role")
	require.NoError(t, err)
	defer role.Close()
	connect := func(with ...nats.Option) error {
		nc, err := nats.Connect("nats://"+s.Address(), append(with, nats.UserInfo("ops", "ops secret"), nats.Timeout(patience))...)
		if err == nil {
			nc.Close()
		}
		return err
	}
	require.NoError(t, connect(nats.Secure(open(t, area.Files(operator, []string{"linkspan.test"}, own)).Client(""))))
	require.Error(t, connect(nats.Secure(open(t, area.Files(stranger, []string{"linkspan.test"}, own)).Client(""))), "a key that is not pinned")
	pool := x509.NewCertPool()
	pool.AddCert(area.Cert)
	require.Error(t, connect(nats.Secure(&tls.Config{RootCAs: pool, ServerName: "linkspan.test", MinVersion: tls.VersionTLS12})), "no certificate")
	raw, err := net.Dial("tcp", s.Address())
	require.NoError(t, err)
	defer raw.Close()
	_, err = raw.Write([]byte("CONNECT {\"user\":\"ops\",\"pass\":\"ops secret\",\"verbose\":true}\r\nSUB linkspan.*.event.> 1\r\nPING\r\n"))
	require.NoError(t, err)
	require.NoError(t, raw.SetReadDeadline(time.Now().Add(patience)))
	got := make([]byte, 0, 8192)
	for buf := make([]byte, 1024); ; {
		n, err := raw.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			break
		}
	}
	require.NotContains(t, string(got), "+OK")
	require.NotContains(t, string(got), "PONG")
}
