package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// suites are those of TLS 1.2: an ephemeral key and authenticated encryption
// (safety SE-01). Those of TLS 1.3 are all of that kind.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// Server is the configuration of a listener. Each connection is judged by the
// files as they are when it begins; the other end must show a certificate for
// clients.
func (s *Store) Server() *tls.Config {
	c := s.base()
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs = s.held.Load().roots
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.held.Load().own, nil }
	c.VerifyConnection = s.verifier(x509.ExtKeyUsageClientAuth)
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := c.Clone()
		now.GetConfigForClient, now.ClientCAs = nil, s.held.Load().roots
		return now, nil
	}
	return c
}

// Client is the configuration of one connection to host, which the other end's
// certificate must be for, and it must be one of the names; where host is not
// one of them, as an address may not be, the first name takes its place. The
// authorities are those of the moment: whoever keeps the configuration asks
// Roots for each connection.
func (s *Store) Client(host string) *tls.Config {
	c := s.base()
	c.RootCAs = s.Roots()
	c.ServerName = s.options.Names[0]
	if slices.ContainsFunc(s.options.Names, func(name string) bool { return strings.EqualFold(name, host) }) {
		c.ServerName = host
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &s.held.Load().own, nil }
	c.VerifyConnection = s.verifier(x509.ExtKeyUsageServerAuth)
	return c
}

// Roots are the authorities as the files have them now.
func (s *Store) Roots() *x509.CertPool { return s.held.Load().roots }

// base is what both directions have in common. Go's TLS sends and takes no data
// before the handshake's end, and its servers never renegotiate.
func (s *Store) base() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12,
		CipherSuites:           suites,
		Renegotiation:          tls.RenegotiateNever,
		SessionTicketsDisabled: true, // a resumed session would keep alive what was revoked since
		Time:                   s.options.Now,
	}
}

// verifier judges the other end at the end of every handshake, also of one that
// was resumed, by the files as they are then.
func (s *Store) verifier(usage x509.ExtKeyUsage) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if err := s.held.Load().verify(state.PeerCertificates, usage, s.options.Names, s.options.Now()); err != nil {
			return fmt.Errorf("certs: %s: the other end: %w", s.options.Use, err)
		}
		return nil
	}
}

// verify refuses a peer unless all of this holds: a chain to an authority of the
// link, every certificate in it in force and none revoked, the usage stated,
// one of the names, and a pinned key.
func (m *material) verify(peer []*x509.Certificate, usage x509.ExtKeyUsage, names []string, now time.Time) error {
	if len(peer) == 0 {
		return errors.New("it shows no certificate")
	}
	leaf := peer[0]
	intermediates := x509.NewCertPool()
	for _, c := range peer[1:] {
		intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: m.roots, Intermediates: intermediates, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return err
	}
	if !slices.Contains(leaf.ExtKeyUsage, usage) { // a certificate that states none would do for crypto/x509
		return errors.New("its certificate is not for this direction")
	}
	if !named(leaf, names) {
		return errors.New("its certificate has none of the names configured")
	}
	if !m.pins[Pin(leaf)] {
		return errors.New("its key is not pinned")
	}
	var refused error
	for _, chain := range chains {
		if refused = m.current(chain, now); refused == nil {
			return nil
		}
	}
	return refused
}

// named reports whether one of the names stands in the certificate as it is.
func named(leaf *x509.Certificate, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		if ip := net.ParseIP(name); ip != nil {
			return slices.ContainsFunc(leaf.IPAddresses, ip.Equal)
		}
		return slices.ContainsFunc(leaf.DNSNames, func(has string) bool { return strings.EqualFold(has, name) })
	})
}

// current refuses a chain with a certificate that is revoked, or of which a list
// in force does not say that it is not.
func (m *material) current(chain []*x509.Certificate, now time.Time) error {
	for i, c := range chain[:len(chain)-1] {
		if err := m.unrevoked(c, chain[i+1], now); err != nil {
			return err
		}
	}
	return nil
}

func (m *material) unrevoked(c, issuer *x509.Certificate, now time.Time) error {
	answered, stale := false, false
	for _, list := range m.lists {
		if !bytes.Equal(list.RawIssuer, issuer.RawSubject) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		for _, entry := range list.RevokedCertificateEntries { // also of a list out of date: nothing is unrevoked by waiting
			if entry.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return errors.New("its certificate is revoked")
			}
		}
		if !now.Before(list.NextUpdate) || now.Before(list.ThisUpdate) {
			stale = true
			continue
		}
		answered = true
	}
	switch {
	case answered:
		return nil
	case stale:
		return errors.New("the revocation list of its authority is out of date")
	}
	return errors.New("there is no revocation list of its authority")
}
