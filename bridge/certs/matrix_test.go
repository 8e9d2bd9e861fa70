package certs_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// wires are the two native transports: EMIS Web's HTTP and SystmOne's TCP, as
// declared but for their rate limits.
func wires() map[string]system.Wire {
	pair := pairs.EMISWebSystmOne()
	return map[string]system.Wire{"HTTP": pair.A.Wire, "TCP": pair.B.Wire}
}

const question = `<Question token="canary-in-the-question"/>`
const reply = `<Reply token="canary-in-the-reply"/>`

// answering listens on a wire and counts what reaches the handler.
func answering(t *testing.T, w system.Wire, secure *tls.Config, reached *atomic.Int64) string {
	t.Helper()
	l, err := wire.Listen(t.Context(), w, "127.0.0.1:0", func(context.Context, []byte, wire.Peer) []byte {
		reached.Add(1)
		return []byte(reply)
	}, wire.ListenOptions{TLS: secure})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Shutdown(context.Background())) })
	return l.Addr().String()
}

// asking sends the question once.
func asking(t *testing.T, w system.Wire, address string, o wire.ClientOptions) ([]byte, error) {
	t.Helper()
	o.ThrottleDisabled, o.Timeout, o.ProgressTimeout = true, patience, patience
	c := wire.NewClient(w, address, o)
	defer c.Close()
	return c.Do(t.Context(), []byte(question), nil)
}

// peers are the certificates of the matrix of safety §2.4, all but one with the
// same key, so that the pin alone does not refuse them.
type peers struct {
	area             *certstest.Authority
	between          *certstest.Authority
	own, good, next  certstest.Leaf
	revoked, chained certstest.Leaf
	rows             []row
}

type row struct {
	name string
	leaf certstest.Leaf
	why  string // part of the reason; "" is accepted
}

// matrix makes the certificates for a peer that is to be known as name and used
// in the direction of usage.
func matrix(t *testing.T, name string, usage, wrong x509.ExtKeyUsage) *peers {
	p := &peers{area: certstest.New(t, "area")}
	p.between = p.area.Intermediate("between")
	other := certstest.New(t, "area") // the same name, another key
	p.own, p.good, p.next = p.area.Issue("linkspan.test"), p.area.Issue(name), p.area.Issue(name)
	sign := func(a *certstest.Authority, change ...func(*x509.Certificate)) certstest.Leaf {
		return a.Sign(name, p.good.Key, change...)
	}
	p.revoked, p.chained = sign(p.area), sign(p.between)
	p.rows = []row{
		{"valid", p.good, ""},
		{"only for this direction", sign(p.area, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{usage} }), ""},
		{"next pin", p.next, ""},
		{"chain with intermediate", p.chained, ""},
		{"expired", sign(p.area, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "expired"},
		{"not yet valid", sign(p.area, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), "not yet valid"},
		{"wrong name", p.area.Sign("elsewhere.test", p.good.Key), "name|valid for"},
		{"a wildcard over the name", sign(p.area, func(c *x509.Certificate) { c.DNSNames = []string{"*.test"} }), "name"},
		{"the name as common name only", sign(p.area, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }), "name|SANs"},
		{"wrong authority", sign(other), "unknown authority"},
		{"revoked", p.revoked, "revoked"},
		{"wrong pin", p.area.Issue(name), "not pinned"},
		{"wrong usage", sign(p.area, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{wrong} }), "usage"},
		{"no usage", sign(p.area, func(c *x509.Certificate) { c.ExtKeyUsage = nil }), "direction"},
		{"self-signed", certstest.SelfSigned(t, name), "unknown authority"},
	}
	return p
}

// files are those of our side.
func (p *peers) files(t *testing.T, name string) certs.Options {
	o := p.area.Files(p.own, []string{name}, p.good, p.next)
	o.CRL = append(o.CRL, o.CRL[0]+"2")
	certstest.Write(t, o.CRL[0], p.area.List([]certstest.Leaf{p.revoked}))
	certstest.Write(t, o.CRL[1], p.between.List(nil))
	return o
}

func pool(a *certstest.Authority) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

// showing is a client that shows the certificate whatever authorities it is
// asked for.
func showing(p *peers, l certstest.Leaf) *tls.Config {
	shown := l.TLS()
	return &tls.Config{RootCAs: pool(p.area), ServerName: "linkspan.test", MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil }}
}

// SE-02, T-02, T-03: the matrix for whoever asks us. A client that is refused
// has the connection closed before a byte of it reaches the handler.
func TestTheMatrixForClients(t *testing.T) {
	for name, w := range wires() {
		p := matrix(t, "practice.test", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
		o := p.files(t, "practice.test")
		s := open(t, o)
		for _, c := range p.rows {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				var reached atomic.Int64
				loose := showing(p, c.leaf)
				got, err := asking(t, w, answering(t, w, s.Server(), &reached), wire.ClientOptions{TLS: loose})
				if c.why == "" {
					require.NoError(t, err)
					require.Equal(t, reply, string(got))
					return
				}
				require.Error(t, err)
				require.Empty(t, got)
				require.Zero(t, reached.Load(), "a byte of the application reached the handler")
			})
		}
		t.Run(name+"/no certificate", func(t *testing.T) {
			var reached atomic.Int64
			_, err := asking(t, w, answering(t, w, s.Server(), &reached), wire.ClientOptions{TLS: &tls.Config{RootCAs: pool(p.area), ServerName: "linkspan.test", MinVersion: tls.VersionTLS12}})
			require.Error(t, err)
			require.Zero(t, reached.Load())
		})
		t.Run(name+"/plain text", func(t *testing.T) {
			var reached atomic.Int64
			got, _ := asking(t, w, answering(t, w, s.Server(), &reached), wire.ClientOptions{})
			require.NotContains(t, string(got), "canary")
			require.Zero(t, reached.Load())
		})
		t.Run(name+"/reloaded", func(t *testing.T) {
			var reached atomic.Int64
			address := answering(t, w, s.Server(), &reached)
			loose := showing(p, p.good)
			_, err := asking(t, w, address, wire.ClientOptions{TLS: loose})
			require.NoError(t, err)
			certstest.Write(t, o.CRL[0], p.area.List([]certstest.Leaf{p.revoked, p.good}))
			s.Check()
			_, err = asking(t, w, address, wire.ClientOptions{TLS: loose})
			require.Error(t, err)
			require.Equal(t, int64(1), reached.Load())
		})
	}
}

// SE-02, T-02, T-03: the matrix for whom we ask. A server that is refused gets
// not a byte of the question, and the reason is the one meant.
func TestTheMatrixForServers(t *testing.T) {
	for name, w := range wires() {
		p := matrix(t, "practice.test", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
		o := p.files(t, "practice.test")
		s := open(t, o)
		for _, c := range p.rows {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				var reached atomic.Int64
				loose := &tls.Config{Certificates: []tls.Certificate{c.leaf.TLS()}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
				got, err := asking(t, w, answering(t, w, loose, &reached), wire.ClientOptions{Secure: func() *tls.Config { return s.Client("") }})
				if c.why == "" {
					require.NoError(t, err)
					require.Equal(t, reply, string(got))
					return
				}
				require.Error(t, err)
				require.Regexp(t, c.why, err.Error())
				require.Zero(t, reached.Load(), "the question left")
			})
		}
		t.Run(name+"/plain text", func(t *testing.T) {
			heard := make(chan []byte, 10) // what begins TLS is rubbish to it
			l, err := wire.Listen(t.Context(), w, "127.0.0.1:0", func(_ context.Context, msg []byte, _ wire.Peer) []byte {
				heard <- bytes.Clone(msg)
				return []byte(reply)
			}, wire.ListenOptions{})
			require.NoError(t, err)
			_, err = asking(t, w, l.Addr().String(), wire.ClientOptions{Secure: func() *tls.Config { return s.Client("") }})
			require.Error(t, err)
			require.NoError(t, l.Shutdown(context.Background()))
			close(heard)
			for msg := range heard {
				require.NotContains(t, string(msg), "canary")
			}
		})
		t.Run(name+"/reloaded", func(t *testing.T) {
			var reached atomic.Int64
			address := answering(t, w, &tls.Config{Certificates: []tls.Certificate{p.good.TLS()}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}, &reached)
			secure := wire.ClientOptions{Secure: func() *tls.Config { return s.Client("") }}
			_, err := asking(t, w, address, secure)
			require.NoError(t, err)
			certstest.Write(t, o.Pins, []byte(p.next.Pin()))
			s.Check()
			_, err = asking(t, w, address, secure)
			require.ErrorContains(t, err, "not pinned")
			require.Equal(t, int64(1), reached.Load())
		})
	}
}

// The reasons the listener gives are those meant; a client over TLS 1.3 does not
// hear them.
func TestTheReasonsForClients(t *testing.T) {
	p := matrix(t, "practice.test", x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
	s := open(t, p.files(t, "practice.test"))
	for _, c := range p.rows {
		loose := showing(p, c.leaf)
		reached, _, serverErr, _ := shake(t, s.Server(), loose)
		require.Equal(t, c.why == "", reached, "%s: %v", c.name, serverErr)
		if c.why != "" {
			require.Regexp(t, c.why, serverErr.Error(), c.name)
		}
	}
}

// tap passes connections on and keeps every byte of both ways.
type tap struct {
	net.Listener
	mu   sync.Mutex
	seen bytes.Buffer
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Write(b)
}

func (p *tap) tokens() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Count(p.seen.Bytes(), []byte("canary"))
}

func tapped(t *testing.T, to string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &tap{Listener: l}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			on, err := net.Dial("tcp", to)
			if err != nil {
				from.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, io.TeeReader(from, p))
				to.Close()
				from.Close()
			}
			running.Go(func() { pass(on, from) })
			running.Go(func() { pass(from, on) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return p
}

// T-01: of a session over TLS an eavesdropper reads no token; of one in plain
// text the same ear hears them.
func TestAnEavesdropperReadsNothing(t *testing.T) {
	area := certstest.New(t, "area")
	own, peer := area.Issue("linkspan.test"), area.Issue("practice.test")
	server, client := open(t, area.Files(own, []string{"practice.test"}, peer)), open(t, area.Files(peer, []string{"linkspan.test"}, own))
	for name, w := range wires() {
		var reached atomic.Int64
		secret := tapped(t, answering(t, w, server.Server(), &reached))
		for range 20 {
			got, err := asking(t, w, secret.Addr().String(), wire.ClientOptions{Secure: func() *tls.Config { return client.Client("") }})
			require.NoError(t, err, name)
			require.Equal(t, reply, string(got))
		}
		require.Equal(t, int64(20), reached.Load())
		require.Zero(t, secret.tokens(), name)
		open := tapped(t, answering(t, w, nil, &reached))
		_, err := asking(t, w, open.Addr().String(), wire.ClientOptions{})
		require.NoError(t, err)
		require.Equal(t, 2, open.tokens(), "the ear hears")
	}
}

// T-27: certificate, key, pins, authority and list of both sides are replaced
// while 8 clients ask without a pause: no request fails, and the last ones are
// carried by the new certificates.
func TestRotationUnderLoad(t *testing.T) {
	for name, w := range wires() {
		t.Run(name, func(t *testing.T) {
			area, next := certstest.New(t, "area"), certstest.New(t, "area, next")
			a, b := area.Issue("linkspan.test"), area.Issue("practice.test")
			ours, theirs := area.Files(a, []string{"practice.test"}, b), area.Files(b, []string{"linkspan.test"}, a)
			for _, o := range []*certs.Options{&ours, &theirs} {
				o.CRL = append(o.CRL, o.CRL[0]+"2")
				certstest.Write(t, o.CRL[1], area.List(nil))
			}
			server, client := open(t, ours), open(t, theirs)
			var reached atomic.Int64
			address := answering(t, w, server.Server(), &reached)
			stop, failed := make(chan struct{}), make(chan error, 1)
			var asked atomic.Int64
			var running sync.WaitGroup
			for range 8 {
				running.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if _, err := asking(t, w, address, wire.ClientOptions{Secure: func() *tls.Config { return client.Client("") }}); err != nil {
							select {
							case failed <- err:
							default:
							}
						}
						asked.Add(1)
					}
				})
			}
			more := func() { // some requests on what is in force now
				for from := asked.Load(); asked.Load() < from+40; {
					select {
					case err := <-failed:
						require.NoError(t, err)
					case <-time.After(time.Millisecond):
					}
				}
			}
			a2, b2 := next.Issue("linkspan.test"), next.Issue("practice.test")
			both := append(area.PEM(), next.PEM()...)
			change := func(s *certs.Store, file string, text []byte) {
				certstest.Write(t, file, text)
				s.Check()
				more()
			}
			more()
			// What is trusted grows first, then each side changes, then what was
			// trusted goes.
			for _, side := range []struct {
				s       *certs.Store
				o       certs.Options
				old, to certstest.Leaf
			}{{server, ours, b, b2}, {client, theirs, a, a2}} {
				change(side.s, side.o.Pins, []byte(side.old.Pin()+side.to.Pin()))
				change(side.s, side.o.CRL[1], next.List(nil))
				change(side.s, side.o.CA, both)
			}
			for _, side := range []struct {
				s *certs.Store
				o *certs.Options
				l certstest.Leaf
			}{{server, &ours, a2}, {client, &theirs, b2}} {
				certstest.Write(t, side.o.Cert, side.l.PEM()) // half a set
				side.s.Check()
				more()
				change(side.s, side.o.Key, side.l.KeyPEM(t))
			}
			// Whoever still has the practice's old certificate is taken until its pin
			// goes, and nobody else notices that it went.
			late := area.Files(b, []string{"linkspan.test"}, a2)
			late.CRL = append(late.CRL, late.CRL[0]+"2")
			certstest.Write(t, late.CA, both)
			certstest.Write(t, late.CRL[1], next.List(nil))
			latecomer := open(t, late)
			lately := func() error {
				_, err := asking(t, w, address, wire.ClientOptions{Secure: func() *tls.Config { return latecomer.Client("") }})
				return err
			}
			require.NoError(t, lately())
			asked.Add(1)
			change(server, ours.Pins, []byte(b2.Pin()))
			require.Error(t, lately())
			change(client, theirs.Pins, []byte(a2.Pin()))
			change(server, ours.CA, next.PEM())
			change(client, theirs.CA, next.PEM())
			close(stop)
			running.Wait()
			require.Empty(t, failed)
			require.Error(t, lately())
			t.Logf("%s: %d requests, 0 failed", name, asked.Load())
			require.Equal(t, asked.Load(), reached.Load())
		})
	}
}
