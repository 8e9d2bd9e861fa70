package standin

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // what the interface prescribes (E §3)
	"crypto/x509"
	"encoding/base64"
	"errors"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// checkSignature judges the signature of a request that has one: token, digest
// and signature belong together and to the EWDS document as it stands (E §3).
// Whose certificate it is, is not asked: the stand-in trusts everybody. A
// request without handlingSpecification is not signed.
func checkSignature(msg []byte) error {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(msg); err != nil {
		return errors.New("the document is not well-formed")
	}
	envelope := descend(doc.Root(), "Body", "DistributionEnvelope")
	handling := descend(envelope, "header", "handlingSpecification")
	if handling == nil {
		return nil
	}
	values := map[string][]byte{}
	for _, spec := range handling.ChildElements() {
		value, err := base64.StdEncoding.DecodeString(spec.SelectAttrValue("value", ""))
		if err != nil || len(value) == 0 || spec.Tag != "spec" {
			return errors.New("handlingSpecification cannot be read")
		}
		values[spec.SelectAttrValue("key", "")] = value
	}
	certificate, err := x509.ParseCertificate(values["emis:BinarySecurityToken"])
	if err != nil {
		return errors.New("the security token is not a certificate")
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the security token's key is not RSA")
	}
	document := descend(envelope, "payloads", "payload", "EWDS")
	declareScope(document)
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(document)
	if err != nil {
		return errors.New("EWDS cannot be canonicalised")
	}
	digest := sha1.Sum(canonical)
	if string(digest[:]) != string(values["emis:MessageDigest"]) {
		return errors.New("the digest is not that of EWDS")
	}
	if rsa.VerifyPKCS1v15(key, crypto.SHA1, digest[:], values["emis:Signature"]) != nil {
		return errors.New("the signature does not hold")
	}
	return nil
}

// declareScope puts on e the namespace declarations of its ancestors that are in
// scope there, for the canonicaliser looks no further up than e.
func declareScope(e *etree.Element) {
	for up := e.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			if (a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns") && e.SelectAttr(a.FullKey()) == nil {
				e.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
}
