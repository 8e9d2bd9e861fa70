package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/secret"
)

// material is what the files held when they were last read without a fault. It
// never changes.
type material struct {
	digest [sha256.Size]byte
	own    tls.Certificate
	roots  *x509.CertPool
	pins   map[[sha256.Size]byte]bool
	lists  []*x509.RevocationList
	ends   []end
}

// end is when something ceases to hold.
type end struct {
	file, what, key string
	from, until     time.Time
	list            bool // a revocation list, which is made anew every few days
}

// load reads all files. The error names every fault.
func load(o Options) (*material, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	m := &material{pins: map[[sha256.Size]byte]bool{}}
	sum := sha256.New()
	authorities, err := m.authorities(o, sum)
	faults := []error{err, m.certificate(o, sum), m.pinned(o, sum), m.revoked(o, sum, authorities)}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	sum.Sum(m.digest[:0])
	return m, nil
}

// certificate reads the own certificate with its key.
func (m *material) certificate(o Options, sum hash.Hash) error {
	chain, certErr := os.ReadFile(o.Cert)
	key, keyErr := secret.Read(o.Key)
	if err := errors.Join(wrapped("certificate", certErr), wrapped("key", keyErr)); err != nil { // which name their files
		return err
	}
	add(sum, chain, key)
	var err error
	if m.own, err = tls.X509KeyPair(chain, key); err != nil { // its errors hold nothing of the key
		return fmt.Errorf("certificate and key: %s and %s: %w", o.Cert, o.Key, err)
	}
	if now := o.Now(); now.After(m.own.Leaf.NotAfter) || now.Before(m.own.Leaf.NotBefore) {
		return fmt.Errorf("certificate: %s: it has expired or is not valid yet: it holds from %s until %s", o.Cert, day(m.own.Leaf.NotBefore), day(m.own.Leaf.NotAfter))
	}
	for _, der := range m.own.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("certificate: %s: %w", o.Cert, err)
		}
		m.expires(o.Cert, c)
	}
	return nil
}

// authorities reads those the other end's certificates must come from.
func (m *material) authorities(o Options, sum hash.Hash) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, wrapped("authorities", err)
	}
	add(sum, text)
	m.roots = x509.NewCertPool()
	var all []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(bytes.TrimSpace(rest)) > 0 {
				return nil, fmt.Errorf("authorities: %s: something in the file is not PEM", o.CA)
			}
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, fmt.Errorf("authorities: %s: something in the file is no certificate", o.CA)
		}
		if !c.IsCA {
			return nil, fmt.Errorf("authorities: %s: %s is not an authority's certificate", o.CA, c.Subject)
		}
		m.roots.AddCert(c)
		m.expires(o.CA, c)
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("authorities: %s: the file holds no certificate", o.CA)
	}
	return all, nil
}

// pinned reads the pins: hexadecimal or base64, with or without "sha256/" or
// "sha256:" before it; what follows # is a comment.
func (m *material) pinned(o Options, sum hash.Hash) error {
	text, err := os.ReadFile(o.Pins)
	if err != nil {
		return wrapped("pins", err)
	}
	add(sum, text)
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		pin, err := ParsePin(line)
		if err != nil {
			return fmt.Errorf("pins: %s:%d: %w", o.Pins, n, err)
		}
		m.pins[pin] = true
	}
	if len(m.pins) == 0 {
		return fmt.Errorf("pins: %s: the file holds none", o.Pins)
	}
	return nil
}

// ParsePin reads the SHA-256 of a public key's SubjectPublicKeyInfo, in
// hexadecimal or base64, with or without "sha256/" or "sha256:" before it.
func ParsePin(text string) (pin [sha256.Size]byte, err error) {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "sha256/"), "sha256:")
	raw, err := hex.DecodeString(text)
	if err != nil {
		raw, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(raw) != len(pin) {
		return pin, errors.New("want the SHA-256 of a public key in hexadecimal or base64, and nothing else on the line but a # comment")
	}
	return [sha256.Size]byte(raw), nil
}

// Pin is the SHA-256 of a certificate's SubjectPublicKeyInfo.
func Pin(c *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// revoked reads the revocation lists. A list whose issuer is among the
// authorities is checked with its key now, that of an intermediate when the
// intermediate is seen.
func (m *material) revoked(o Options, sum hash.Hash, authorities []*x509.Certificate) error {
	var faults []error
	for _, file := range o.CRL {
		if err := m.list(o, sum, file, authorities); err != nil {
			faults = append(faults, fmt.Errorf("revocation list: %s: %w", file, err))
		}
	}
	return errors.Join(faults...)
}

func (m *material) list(o Options, sum hash.Hash, file string, authorities []*x509.Certificate) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	add(sum, text)
	if block, _ := pem.Decode(text); block != nil && block.Type == "X509 CRL" {
		text = block.Bytes
	}
	list, err := x509.ParseRevocationList(text)
	if err != nil {
		return errors.New("it cannot be read")
	}
	if list.NextUpdate.IsZero() {
		return errors.New("it does not say until when it holds")
	}
	if err := understood(list); err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(authorities), func(a *x509.Certificate) bool { return !bytes.Equal(a.RawSubject, list.RawIssuer) })
	signed := func(a *x509.Certificate) bool { return list.CheckSignatureFrom(a) == nil }
	if len(known) > 0 && !slices.ContainsFunc(known, signed) {
		return errors.New("its authority has not signed it")
	}
	m.lists = append(m.lists, list)
	m.ends = append(m.ends, end{file: file, what: "revocation list of " + list.Issuer.String(), key: fmt.Sprintf("crl %x %d", list.RawIssuer, list.NextUpdate.Unix()),
		from: list.ThisUpdate, until: list.NextUpdate, list: true})
	return nil
}

// understood refuses a list with a critical extension this package does not
// know, such as one that speaks for a part of the certificates only (RFC 5280
// §5.2).
func understood(list *x509.RevocationList) error {
	for _, e := range list.Extensions {
		if e.Critical {
			return errors.New("it has a critical extension, so it may be a part or a change of a list")
		}
	}
	return nil
}

func (m *material) expires(file string, c *x509.Certificate) {
	m.ends = append(m.ends, end{file: file, what: "certificate of " + c.Subject.String(), key: fmt.Sprintf("%x", sha256.Sum256(c.Raw)), from: c.NotBefore, until: c.NotAfter})
}

// add puts files into the digest of the whole set.
func add(sum hash.Hash, texts ...[]byte) {
	for _, text := range texts {
		fmt.Fprintf(sum, "%d:", len(text))
		sum.Write(text)
	}
}

func day(at time.Time) string { return at.UTC().Format(time.DateTime) + " UTC" }

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
