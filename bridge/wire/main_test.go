package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	tcpWire  = system.Wire{Transport: system.TCP, Terminator: "\n"}
	httpWire = system.Wire{Transport: system.HTTP, Path: "/ITK", ContentType: "application/xml", ErrorStatus: 500,
		Headers: map[string]string{"CertificateCommonName": "{cn}", "X-Fixed": "yes"}}
)

// echo answers with the message inside an element.
func echo(_ context.Context, msg []byte, _ Peer) []byte {
	return append(append([]byte("<echo>"), msg...), "</echo>"...)
}

// refusal is a native error of an imaginary system.
func refusal(r record.Reason) []byte { return []byte("<error>" + string(r) + "</error>") }

// events collects what a listener reports.
type events struct {
	mu  sync.Mutex
	all []Event
}

func (e *events) report(v Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, v)
}

func (e *events) list() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

func (e *events) reasons() []record.Reason {
	var reasons []record.Reason
	for _, v := range e.list() {
		reasons = append(reasons, v.Reason)
	}
	return reasons
}

func listen(t *testing.T, w system.Wire, h Handler, o ListenOptions) *Listener {
	t.Helper()
	if o.Refuse == nil {
		o.Refuse = refusal
	}
	l, err := Listen(context.Background(), w, "127.0.0.1:0", h, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Shutdown(soon(t))) })
	return l
}

// soon is a deadline that a passing test never meets.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, l *Listener) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn.(*net.TCPConn)
}

func say(t *testing.T, conn net.Conn, s string) {
	t.Helper()
	_, err := io.WriteString(conn, s)
	require.NoError(t, err)
}

// hear reads exactly s.
func hear(t *testing.T, conn net.Conn, s string) {
	t.Helper()
	got := make([]byte, len(s))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, s, string(got))
}

// hearEnd reads s and then the end of the connection.
func hearEnd(t *testing.T, conn net.Conn, s string) {
	t.Helper()
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, s, string(all))
}

// endpointFunc is a TCP endpoint that treats each connection as it likes.
func endpointFunc(t *testing.T, serve func(conn *net.TCPConn)) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		_ = socket.Close()
		running.Wait()
	})
	return socket.Addr().String()
}

// readDocument takes one document off a connection.
func readDocument(conn net.Conn) {
	s := &stream{src: conn, limit: 1 << 20, before: func(bool) error { return nil }}
	_, _ = s.next()
}

// reason is the reason of an error that must be a *record.Error.
func reason(t *testing.T, err error) record.Reason {
	t.Helper()
	var e *record.Error
	require.ErrorAs(t, err, &e)
	return e.Reason
}

// authority issues certificates for a test.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	require.NoError(t, err)
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// server and client are configurations that demand each other's certificate.
func (a *authority) server(t *testing.T) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.issue(t, "listener")}, ClientCAs: a.pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
}

func (a *authority) client(t *testing.T, name string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.issue(t, name)}, RootCAs: a.pool, MinVersion: tls.VersionTLS12}
}
