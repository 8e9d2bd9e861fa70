package emisweb

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // what the interface prescribes (E §3)
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/linkspan/linkspan/xmlio"
)

// The keys of the signature in handlingSpecification (E §3).
const (
	keyToken     = "emis:BinarySecurityToken" // base64 of the certificate, DER
	keyDigest    = "emis:MessageDigest"       // base64 of SHA-1 of the exclusive C14N of EWDS
	keySignature = "emis:Signature"           // base64 of RSA PKCS #1 v1.5 over that SHA-1
)

// The faults of a signature. None says more: what exactly was wrong helps only
// whoever forged it.
var (
	errUnsigned  = errors.New("the message is not signed")
	errSignature = errors.New("the signature does not hold")
	errSigner    = errors.New("the signing certificate is not trusted")
)

// sealed is an EWDS document as it stood in a message, with the signature that
// came with it.
type sealed struct {
	found int // EWDS elements met in their place
	raw   []byte
	scope map[string]string
	keys  map[string]string
}

// take keeps the EWDS element r stands on: the bytes the reader accepted, and
// the namespaces they are to be read with.
func (s *sealed) take(r *xmlio.Reader) {
	s.scope = r.Scope()
	s.raw = r.Raw()
}

// specs reads the handlingSpecification r stands on and reports that no key of
// the signature stands twice.
func (s *sealed) specs(r *xmlio.Reader) bool {
	ok := true
	for name := range r.Children(itkSpace) {
		key := r.Attr("key")
		if name != "spec" || key != keyToken && key != keyDigest && key != keySignature {
			continue
		}
		if s.keys == nil {
			s.keys = map[string]string{}
		}
		if _, repeated := s.keys[key]; repeated {
			ok = false
		}
		s.keys[key] = r.Attr("value")
	}
	return ok
}

func (s *sealed) signed() bool { return len(s.keys) > 0 }

// verify checks the signature that came with a document and returns the
// document's canonical form, which is what the digest was made over and is all
// that may be read of it: nothing outside the signed bytes can take their
// place. An unsigned document is refused only where the setting requires one.
func (c *codec) verify(s *sealed) ([]byte, error) {
	if !s.signed() {
		if c.signature == signatureRequire {
			return nil, errUnsigned
		}
		return canonicalise(s.raw, s.scope)
	}
	stated, err := c.statedDigest(s.keys)
	if err != nil {
		return nil, err
	}
	canonical, err := canonicalise(s.raw, s.scope)
	if err != nil {
		return nil, err
	}
	if digest := sha1.Sum(canonical); subtle.ConstantTimeCompare(digest[:], stated) != 1 {
		return nil, errSignature
	}
	return canonical, nil
}

// statedDigest is the digest a signature states, once the certificate is
// trusted and the signature over the digest holds. It comes before the
// document is canonicalised, so that only trusted senders can cause that work.
func (c *codec) statedDigest(keys map[string]string) ([]byte, error) {
	der, err1 := decode64(keys[keyToken])
	digest, err2 := decode64(keys[keyDigest])
	signature, err3 := decode64(keys[keySignature])
	if err1 != nil || err2 != nil || err3 != nil || len(digest) != sha1.Size {
		return nil, errSignature
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errSigner
	}
	_, err = certificate.Verify(x509.VerifyOptions{
		Roots:       c.trusted,
		CurrentTime: c.now(),
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, errSigner
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok || rsa.VerifyPKCS1v15(key, crypto.SHA1, digest, signature) != nil {
		return nil, errSignature
	}
	return digest, nil
}

// sign makes the signature of an EWDS document that declares the namespaces it
// uses, or none where there is no signer. PKCS #1 v1.5 takes no random bytes,
// so the same document has the same signature.
func (c *codec) sign(ewds []byte) ([]spec, error) {
	if c.signer == nil {
		return nil, nil
	}
	canonical, err := canonicalise(ewds, nil)
	if err != nil {
		return nil, err
	}
	digest := sha1.Sum(canonical)
	signature, err := c.signer.Key.Sign(nil, digest[:], crypto.SHA1)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	encode := base64.StdEncoding.EncodeToString
	return []spec{
		{keyToken, encode(c.signer.Certificate.Raw)},
		{keyDigest, encode(digest[:])},
		{keySignature, encode(signature)},
	}, nil
}

// canonicalise is Exclusive XML Canonicalization 1.0 without comments of one
// element, given the namespaces in scope on it.
func canonicalise(element []byte, scope map[string]string) ([]byte, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(element); err != nil || doc.Root() == nil {
		return nil, errors.New("the document cannot be canonicalised")
	}
	root := doc.Root()
	for _, prefix := range slices.Sorted(maps.Keys(scope)) {
		name := "xmlns"
		if prefix != "" {
			name += ":" + prefix
		}
		root.CreateAttr(name, scope[prefix])
	}
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(root)
	if err != nil {
		return nil, errors.New("the document cannot be canonicalised")
	}
	return canonical, nil
}

// decode64 reads base64 that may be folded into lines.
func decode64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
}
