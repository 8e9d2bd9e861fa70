// Package certstest makes authorities, certificates, revocation lists and pins
// for tests, in files as a site keeps them. No product code imports it.
package certstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkspan/linkspan/bridge/certs"
)

// Authority signs certificates and revocation lists.
type Authority struct {
	tb     testing.TB
	Cert   *x509.Certificate
	key    crypto.Signer
	parent *Authority // of an intermediate
	serial atomic.Int64
}

// Leaf is a certificate with its key and the intermediates above it.
type Leaf struct {
	Cert  *x509.Certificate
	Key   crypto.Signer
	chain [][]byte
}

// New is a root authority that is valid for ten years around now.
func New(tb testing.TB, name string) *Authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(tb, err)
	a := &Authority{tb: tb, key: key}
	a.serial.Store(time.Now().UnixNano())
	t := a.template(name)
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	must(tb, err)
	a.Cert, err = x509.ParseCertificate(der)
	must(tb, err)
	return a
}

func (a *Authority) template(name string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(a.serial.Add(1)), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
}

// Intermediate is an authority below this one.
func (a *Authority) Intermediate(name string) *Authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.tb, err)
	below := &Authority{tb: a.tb, key: key, parent: a}
	below.serial.Store(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, a.template(name), a.Cert, key.Public(), a.key)
	must(a.tb, err)
	below.Cert, err = x509.ParseCertificate(der)
	must(a.tb, err)
	return below
}

// Issue signs a certificate for name, on loopback too, for both directions, from
// an hour ago for two months; change may alter it first.
func (a *Authority) Issue(name string, change ...func(*x509.Certificate)) Leaf {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.tb, err)
	return a.Sign(name, key, change...)
}

// IssueRSA is Issue with an RSA key.
func (a *Authority) IssueRSA(name string) Leaf {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(a.tb, err)
	return a.Sign(name, key)
}

// Sign is Issue with a key that is there.
func (a *Authority) Sign(name string, key crypto.Signer, change ...func(*x509.Certificate)) Leaf {
	t := &x509.Certificate{SerialNumber: big.NewInt(a.serial.Add(1)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 2, 0), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}
	for _, f := range change {
		f(t)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.Cert, key.Public(), a.key)
	must(a.tb, err)
	leaf := Leaf{Key: key}
	leaf.Cert, err = x509.ParseCertificate(der)
	must(a.tb, err)
	leaf.chain = [][]byte{der}
	for above := a; above.parent != nil; above = above.parent {
		leaf.chain = append(leaf.chain, above.Cert.Raw)
	}
	return leaf
}

// SelfSigned is a certificate that no authority signed.
func SelfSigned(tb testing.TB, name string) Leaf {
	return (&Authority{tb: tb}).selfSigned(name)
}

func (a *Authority) selfSigned(name string) Leaf {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.tb, err)
	self := &Authority{tb: a.tb, key: key, Cert: &x509.Certificate{Subject: pkix.Name{CommonName: name}}}
	return self.Sign(name, key)
}

// List signs a revocation list of some serial numbers, in force from a day ago
// for a week; change may alter it first.
func (a *Authority) List(revoked []Leaf, change ...func(*x509.RevocationList)) []byte {
	t := &x509.RevocationList{Number: big.NewInt(a.serial.Add(1)), ThisUpdate: time.Now().Add(-24 * time.Hour), NextUpdate: time.Now().Add(6 * 24 * time.Hour)}
	for _, l := range revoked {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: l.Cert.SerialNumber, RevocationTime: time.Now().Add(-time.Minute)})
	}
	for _, f := range change {
		f(t)
	}
	der, err := x509.CreateRevocationList(rand.Reader, t, a.Cert, a.key)
	must(a.tb, err)
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// PEM is the certificate's file: it, then its intermediates.
func (l Leaf) PEM() []byte {
	var text []byte
	for _, der := range l.chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text
}

// KeyPEM is the key's file.
func (l Leaf) KeyPEM(tb testing.TB) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(l.Key)
	must(tb, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// TLS is the certificate for a peer that checks nothing of ours.
func (l Leaf) TLS() tls.Certificate {
	return tls.Certificate{Certificate: l.chain, PrivateKey: l.Key, Leaf: l.Cert}
}

// Pin is the line of a pins file.
func (l Leaf) Pin() string {
	pin := certs.Pin(l.Cert)
	return "sha256/" + hex.EncodeToString(pin[:]) + "\n"
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Cert.Raw})
}

// Files writes what one side needs into a folder: its own certificate and key,
// the authority with a list of none revoked, and the pins of its peers.
func (a *Authority) Files(own Leaf, names []string, peers ...Leaf) certs.Options {
	dir := a.tb.TempDir()
	o := certs.Options{Use: "test", Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), CA: filepath.Join(dir, "ca.pem"), Pins: filepath.Join(dir, "pins"),
		CRL: []string{filepath.Join(dir, "crl.pem")}, Names: names}
	Write(a.tb, o.Cert, own.PEM())
	Write(a.tb, o.Key, own.KeyPEM(a.tb))
	Write(a.tb, o.CA, a.PEM())
	Write(a.tb, o.CRL[0], a.List(nil))
	var pins []byte
	for _, p := range peers {
		pins = append(pins, p.Pin()...)
	}
	Write(a.tb, o.Pins, pins)
	return o
}

// Write puts a file in its place whole, readable by its owner only.
func Write(tb testing.TB, file string, text []byte) {
	must(tb, os.WriteFile(file+".new", text, 0o600))
	must(tb, os.Rename(file+".new", file))
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
