package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
)

func base64text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func pkixCritical(id asn1.ObjectIdentifier) pkix.Extension {
	return pkix.Extension{Id: id, Critical: true, Value: []byte{5, 0}}
}

const patience = 5 * time.Second

// shake does one handshake over a real socket and has each side send a byte:
// whether the server ever saw the client's byte, the client's state, and what
// each side says of it.
func shake(t *testing.T, server, client *tls.Config) (reached bool, state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			serverErr = err
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		secured := tls.Server(conn, server)
		if serverErr = secured.Handshake(); serverErr != nil {
			return
		}
		one := make([]byte, 1)
		if _, serverErr = io.ReadFull(secured, one); serverErr == nil {
			reached = true
			_, serverErr = secured.Write(one)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := (&tls.Dialer{Config: client}).DialContext(ctx, "tcp", l.Addr().String())
	clientErr = err
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(patience))
		state = conn.(*tls.Conn).ConnectionState()
		_, clientErr = conn.Write([]byte{1})
		if clientErr == nil {
			_, clientErr = io.ReadFull(conn, make([]byte, 1))
		}
		_ = conn.Close()
	}
	<-done
	return reached, state, serverErr, clientErr
}

// T-04, SE-01: versions and cipher suites. A peer that offers only what is
// forbidden gets nowhere, whichever side it is on.
func TestVersionsAndSuites(t *testing.T) {
	area := certstest.New(t, "area")
	ec, rsa, peer := area.Issue("linkspan.test"), area.IssueRSA("linkspan.test"), area.Issue("peer.test")
	pool := x509.NewCertPool()
	pool.AddCert(area.Cert)
	loose := func(low, high uint16, suites ...uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{peer.TLS()}, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "linkspan.test",
			MinVersion: low, MaxVersion: high, CipherSuites: suites}
	}
	for _, own := range []certstest.Leaf{ec, rsa} {
		s := open(t, area.Files(own, []string{"peer.test"}, peer))
		for _, config := range []*tls.Config{s.Server(), s.Client("")} {
			require.Equal(t, uint16(tls.VersionTLS12), config.MinVersion) // the suites alone would refuse the older ones
			require.Equal(t, tls.RenegotiateNever, config.Renegotiation)
			require.True(t, config.SessionTicketsDisabled)
		}
		require.Equal(t, tls.RequireAndVerifyClientCert, s.Server().ClientAuth)
		_, isRSA := own.Cert.PublicKey.(interface{ Size() int })
		accepted := 0
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			if suite.SupportedVersions[0] == tls.VersionTLS13 {
				continue
			}
			reached, state, _, clientErr := shake(t, s.Server(), loose(tls.VersionTLS12, tls.VersionTLS12, suite.ID))
			if reached {
				require.NoError(t, clientErr)
				require.Contains(t, suite.Name, "ECDHE_")
				require.Regexp(t, "GCM|CHACHA20", suite.Name)
				require.Equal(t, suite.ID, state.CipherSuite)
				accepted++
				continue
			}
			require.Error(t, clientErr, suite.Name)
		}
		require.Equal(t, 3, accepted, "RSA %v: both GCM suites and ChaCha20", isRSA)
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			reached, _, _, clientErr := shake(t, s.Server(), loose(version, version))
			require.Error(t, clientErr)
			require.False(t, reached)
		}
		reached, state, _, _ := shake(t, s.Server(), loose(tls.VersionTLS10, tls.VersionTLS13))
		require.True(t, reached)
		require.Equal(t, uint16(tls.VersionTLS13), state.Version, "preferred where both can")
	}
	// The same of our client, whose server offers only what is old: with an RSA
	// key, for RSA key exchange and CBC need one.
	weak := area.IssueRSA("linkspan.test")
	s := open(t, area.Files(peer, []string{"linkspan.test"}, weak))
	old := func(low, high uint16, suites ...uint16) *tls.Config {
		c := loose(low, high, suites...)
		c.Certificates = []tls.Certificate{weak.TLS()}
		return c
	}
	for _, suite := range tls.InsecureCipherSuites() {
		reached, _, _, clientErr := shake(t, old(tls.VersionTLS12, tls.VersionTLS12, suite.ID), s.Client(""))
		require.Error(t, clientErr, suite.Name)
		require.False(t, reached, suite.Name)
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		reached, _, _, clientErr := shake(t, old(version, version), s.Client(""))
		require.Error(t, clientErr)
		require.False(t, reached)
	}
	reached, _, _, clientErr := shake(t, old(tls.VersionTLS12, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), s.Client(""))
	require.NoError(t, clientErr)
	require.True(t, reached)
}

// T-04: no session is resumed, so each handshake is judged anew; a client that
// keeps sessions gets none to keep.
func TestNoSessionIsResumed(t *testing.T) {
	area := certstest.New(t, "area")
	own, peer := area.Issue("linkspan.test"), area.Issue("peer.test")
	o := area.Files(own, []string{"peer.test"}, peer)
	s := open(t, o)
	pool := x509.NewCertPool()
	pool.AddCert(area.Cert)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := &tls.Config{Certificates: []tls.Certificate{peer.TLS()}, RootCAs: pool, ServerName: "linkspan.test", MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(10)}
		for range 3 {
			reached, state, _, _ := shake(t, s.Server(), client)
			require.True(t, reached)
			require.False(t, state.DidResume)
		}
		require.Nil(t, s.Client("").ClientSessionCache)
	}
}

// Were a session resumed all the same, what has been revoked since would be
// refused.
func TestAResumedSessionIsJudgedAnew(t *testing.T) {
	area := certstest.New(t, "area")
	own, peer := area.Issue("linkspan.test"), area.Issue("peer.test")
	o := area.Files(own, []string{"peer.test"}, peer)
	s := open(t, o)
	server := s.Server()
	server.GetConfigForClient, server.SessionTicketsDisabled = nil, false
	pool := x509.NewCertPool()
	pool.AddCert(area.Cert)
	client := &tls.Config{Certificates: []tls.Certificate{peer.TLS()}, RootCAs: pool, ServerName: "linkspan.test", MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(10)}
	reached, _, _, _ := shake(t, server, client)
	require.True(t, reached)
	reached, state, _, _ := shake(t, server, client)
	require.True(t, reached)
	require.True(t, state.DidResume)
	certstest.Write(t, o.CRL[0], area.List([]certstest.Leaf{peer}))
	s.Check()
	reached, _, serverErr, _ := shake(t, server, client)
	require.ErrorContains(t, serverErr, "revoked")
	require.False(t, reached)
}

// A list that has gone out of date refuses everybody of its authority, both
// ways, until a new one is there; what it revoked stays revoked.
func TestAListOutOfDateRefuses(t *testing.T) {
	area := certstest.New(t, "area")
	own, peer := area.Issue("linkspan.test"), area.Issue("peer.test")
	at := &clock{at: time.Now()}
	soon := func(l *x509.RevocationList) { l.NextUpdate = time.Now().Add(time.Minute) }
	files := func(own, peer certstest.Leaf, name string) (certs.Options, *certs.Store) {
		o := area.Files(own, []string{name}, peer)
		certstest.Write(t, o.CRL[0], area.List(nil, soon))
		o.Now = at.now
		return o, open(t, o)
	}
	o, server := files(own, peer, "peer.test")
	p, client := files(peer, own, "linkspan.test")
	reached, _, _, _ := shake(t, server.Server(), client.Client(""))
	require.True(t, reached)
	at.set(time.Now().Add(2 * time.Minute))
	reached, _, _, clientErr := shake(t, server.Server(), client.Client(""))
	require.ErrorContains(t, clientErr, "out of date")
	require.False(t, reached)
	certstest.Write(t, p.CRL[0], area.List(nil))
	client.Check()
	reached, _, serverErr, _ := shake(t, server.Server(), client.Client(""))
	require.ErrorContains(t, serverErr, "out of date")
	require.False(t, reached)
	certstest.Write(t, o.CRL[0], area.List(nil))
	server.Check()
	reached, _, _, _ = shake(t, server.Server(), client.Client(""))
	require.True(t, reached)
}

// An intermediate is vouched for by its root's list, and what it signed by its
// own; without either nobody gets in.
func TestEveryAuthorityOfAChainNeedsAList(t *testing.T) {
	root := certstest.New(t, "root")
	between := root.Intermediate("between")
	own, peer := root.Issue("linkspan.test"), between.Issue("peer.test")
	client := open(t, root.Files(peer, []string{"linkspan.test"}, own))
	gone := certstest.Leaf{Cert: between.Cert}
	for _, c := range []struct {
		name         string
		root, middle []byte
		wrong        string
	}{
		{"both", root.List(nil), between.List(nil), ""},
		{"not the intermediate's", root.List(nil), root.List(nil), "no revocation list"},
		{"not the root's", between.List(nil), between.List(nil), "no revocation list"},
		{"the intermediate revoked", root.List([]certstest.Leaf{gone}), between.List(nil), "revoked"},
		{"the peer revoked", root.List(nil), between.List([]certstest.Leaf{peer}), "revoked"},
		{"a list signed by another", root.List(nil), root.Intermediate("between").List([]certstest.Leaf{peer}), "no revocation list"},
	} {
		o := root.Files(own, []string{"peer.test"}, peer)
		o.CRL = append(o.CRL, o.CRL[0]+"2")
		certstest.Write(t, o.CRL[0], c.root)
		certstest.Write(t, o.CRL[1], c.middle)
		reached, _, serverErr, _ := shake(t, open(t, o).Server(), client.Client(""))
		require.Equal(t, c.wrong == "", reached, "%s: %v", c.name, serverErr)
		if c.wrong != "" {
			require.ErrorContains(t, serverErr, c.wrong, c.name)
		}
	}
}
