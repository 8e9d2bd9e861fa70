package emisweb_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// authority is a certificate authority of the tests.
type authority struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func certify(t testing.TB, template, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = messageID.At.Add(-time.Hour), messageID.At.Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key := newKey(t)
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	return authority{key, certify(t, ca, ca, &key.PublicKey, key)}
}

func (a authority) signer(t testing.TB) *system.Signer {
	t.Helper()
	key := newKey(t)
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "causeway.example.invalid"}}
	return &system.Signer{Key: key, Certificate: certify(t, leaf, a.certificate, &key.PublicKey, a.key)}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// signing is a codec that signs and checks.
func signing(t testing.TB, a authority, signer *system.Signer, setting string, at time.Time) system.Codec {
	t.Helper()
	settings := map[string]string{}
	if setting != "" {
		settings["signature"] = setting
	}
	c, err := emisweb.System().New(system.Options{Settings: settings, Signer: signer, Trusted: a.pool(),
		Now: func() time.Time { return at }})
	require.NoError(t, err)
	return c
}

var (
	ewds       = regexp.MustCompile(`(?s)<EWDS .*</EWDS>`)
	digestSpec = regexp.MustCompile(`key="emis:MessageDigest" value="([^"]*)"`)
	handling   = regexp.MustCompile(`<itk:handlingSpecification>.*</itk:handlingSpecification>`)
)

// TestSignatures signs a request and an answer and changes each in one way.
func TestSignatures(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	signer, stranger := ours.signer(t), theirs.signer(t)
	now := messageID.At
	codec := signing(t, ours, signer, "require", now)
	q := requests(t)["medication"]
	q.Patient.NHS = nhs(t, "9998193036") // as the answer's

	signedRequest, err := codec.EncodeRequest(&q, messageID)
	require.NoError(t, err)
	signedAnswer, err := codec.EncodeResponse(&q, small(t, newCodec(t, nil), smallMedicalRecord), messageID)
	require.NoError(t, err)
	strangersRequest, err := signing(t, ours, stranger, "require", now).EncodeRequest(&q, messageID)
	require.NoError(t, err)
	strangersAnswer, err := signing(t, ours, stranger, "require", now).EncodeResponse(&q,
		small(t, newCodec(t, nil), smallMedicalRecord), messageID)
	require.NoError(t, err)

	decode := map[string]func(system.Codec, []byte) error{
		"request": func(c system.Codec, msg []byte) error {
			_, err := c.DecodeRequest(context.Background(), msg)
			return err
		},
		"answer": func(c system.Codec, msg []byte) error {
			_, err := c.DecodeResponse(context.Background(), msg)
			return err
		},
	}
	unsigned := func(msg string) string { return handling.ReplaceAllString(msg, "") }
	without := func(key string) func(string) string {
		spec := regexp.MustCompile(`<itk:spec key="` + key + `"[^>]*/>`)
		return func(msg string) string { return spec.ReplaceAllString(msg, "") }
	}
	for _, tc := range []struct {
		name              string
		change            func(msg string) string
		required, checked bool // accepted where a signature is required; where one is only checked
	}{
		{"as signed", func(msg string) string { return msg }, true, true},
		{"a comment inside", func(msg string) string { return strings.Replace(msg, "9998193036", "999<!-- x -->8193036", 1) }, true, true},
		{"other ways to write the same", func(msg string) string {
			msg = strings.Replace(msg, "<EWDS xmlns=", "<EWDS\r\n  xmlns=", 1)
			return strings.Replace(msg, "9998193036", "&#57;998193036", 1)
		}, true, true},
		{"folded base64", func(msg string) string {
			return strings.Replace(msg, `MessageDigest" value="`, `MessageDigest" value="&#10; `, 1)
		}, true, true},
		{"another patient", func(msg string) string { return strings.Replace(msg, "9998193036", "9998656907", 1) }, false, false},
		{"white space added", func(msg string) string { return strings.Replace(msg, "</EWDS>", " </EWDS>", 1) }, false, false},
		{"another digest", func(msg string) string {
			return digestSpec.ReplaceAllString(msg, `key="emis:MessageDigest" value="AAAA"`)
		}, false, false},
		{"no base64", func(msg string) string { return digestSpec.ReplaceAllString(msg, `key="emis:MessageDigest" value="?"`) }, false, false},
		{"not signed", unsigned, false, true},
		{"no certificate", without("emis:BinarySecurityToken"), false, false},
		{"no digest", without("emis:MessageDigest"), false, false},
		{"no signature", without("emis:Signature"), false, false},
		{"two digests", func(msg string) string {
			return strings.Replace(msg, "<itk:spec", `<itk:spec key="emis:MessageDigest" value=""/><itk:spec`, 1)
		}, false, false},
		{"the signed document elsewhere", func(msg string) string {
			signed := ewds.FindString(msg)
			forged := strings.Replace(signed, "9998193036", "9998656907", 1)
			msg = strings.Replace(msg, signed, forged, 1)
			return strings.Replace(msg, "</soap:Header>", "<x>"+signed+"</x></soap:Header>", 1)
		}, false, false},
		{"a second document beside the signed", func(msg string) string {
			signed := ewds.FindString(msg)
			return strings.Replace(msg, signed, signed+strings.Replace(signed, "9998193036", "9998656907", 1), 1)
		}, false, false},
		{"the signed document inside another", func(msg string) string {
			signed := ewds.FindString(msg)
			forged := strings.Replace(signed, "9998193036", "9998656907", 1)
			return strings.Replace(msg, signed, strings.Replace(forged, "</EWDS>", signed+"</EWDS>", 1), 1)
		}, false, false},
		{"an expired certificate", nil, false, false},
		{"a stranger's certificate", nil, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for kind, msg := range map[string][]byte{"request": signedRequest, "answer": signedAnswer} {
				for setting, ok := range map[string]bool{"require": tc.required, "verify": tc.checked, "": tc.checked} {
					at, changed := now, msg
					switch tc.name {
					case "an expired certificate":
						at = now.Add(2 * time.Hour)
					case "a stranger's certificate":
						changed = map[string][]byte{"request": strangersRequest, "answer": strangersAnswer}[kind]
					default:
						changed = []byte(tc.change(string(msg)))
						require.Equal(t, tc.name == "as signed", bytes.Equal(msg, changed), "nothing was changed")
					}
					err := decode[kind](signing(t, ours, signer, setting, at), changed)
					if ok {
						require.NoError(t, err, "%s %s", kind, setting)
						continue
					}
					want := map[string]record.Reason{"request": record.ReasonBadMessage, "answer": record.ReasonBadAnswer}[kind]
					require.Error(t, err, "%s %s", kind, setting)
					require.Equal(t, want, record.ReasonOf(err), err)
				}
			}
		})
	}
}

// TestEveryBitOfTheSignedDocumentCounts flips one bit of each byte of the
// document: none of the changed messages may be read as the signed one.
func TestEveryBitOfTheSignedDocumentCounts(t *testing.T) {
	a := newAuthority(t)
	codec := signing(t, a, a.signer(t), "require", messageID.At)
	q := requests(t)["full"]
	msg, err := codec.EncodeRequest(&q, messageID)
	require.NoError(t, err)
	want, err := codec.DecodeRequest(context.Background(), msg)
	require.NoError(t, err)
	place := ewds.FindIndex(msg)
	for i := place[0]; i < place[1]; i++ {
		changed := bytes.Clone(msg)
		changed[i] ^= 1
		got, err := codec.DecodeRequest(context.Background(), changed)
		if err == nil { // another way to write the same document
			require.Equal(t, want, got)
		}
	}
}

func TestRefusalsNeedNoSignature(t *testing.T) {
	a := newAuthority(t)
	codec := signing(t, a, nil, "require", messageID.At)
	for _, name := range []string{"fault-server", "messaging-error"} {
		p, err := codec.DecodeResponse(context.Background(), file(t, "failures/emisweb-"+name+".xml"))
		require.NoError(t, err)
		require.NotNil(t, p.Failure())
	}
	_, err := codec.DecodeResponse(context.Background(), []byte(smallMedicalRecord))
	require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
}

// TestSignatureIsTheOneDescribed takes a signed message apart without our own
// code: the digest is SHA-1 of the canonical form, the signature is over that
// digest and by the key of the certificate. Where xmllint is installed the
// canonical form is its own.
func TestSignatureIsTheOneDescribed(t *testing.T) {
	a := newAuthority(t)
	signer := a.signer(t)
	q := requests(t)["medication"]
	q.Requester.User = "Ünal \"Q\" <&>'\t\r\n."
	msg, err := signing(t, a, signer, "", messageID.At).EncodeRequest(&q, messageID)
	require.NoError(t, err)
	value := func(key string) []byte {
		found := regexp.MustCompile(`key="` + key + `" value="([^"]*)"`).FindSubmatch(msg)
		require.Len(t, found, 2)
		b, err := base64.StdEncoding.DecodeString(string(found[1]))
		require.NoError(t, err)
		return b
	}
	certificate, err := x509.ParseCertificate(value("emis:BinarySecurityToken"))
	require.NoError(t, err)
	require.True(t, certificate.Equal(signer.Certificate))
	digest := value("emis:MessageDigest")
	require.NoError(t, rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA1, digest, value("emis:Signature")))

	if canonical, ok := xmllintC14N(t, ewds.Find(msg)); ok {
		sum := sha1.Sum(canonical)
		require.Equal(t, sum[:], digest)
	}
}

// xmllintC14N is the exclusive canonical form by xmllint; false where it is
// not installed.
func xmllintC14N(t *testing.T, doc []byte) ([]byte, bool) {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		return nil, false
	}
	cmd := exec.Command(path, "--exc-c14n", "-")
	cmd.Stdin = bytes.NewReader(doc)
	out, err := cmd.Output()
	require.NoError(t, err)
	return out, true
}

func TestNewRefusesKeys(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	good := a.signer(t)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "causeway.example.invalid"}}
	for name, o := range map[string]system.Options{
		"no certificate":      {Signer: &system.Signer{Key: good.Key}},
		"no key":              {Signer: &system.Signer{Certificate: good.Certificate}},
		"another certificate": {Signer: &system.Signer{Key: good.Key, Certificate: b.signer(t).Certificate}},
		"not RSA":             {Signer: &system.Signer{Key: curve, Certificate: certify(t, leaf, a.certificate, &curve.PublicKey, a.key)}},
		"no clock":            {Trusted: a.pool()},
	} {
		_, err := emisweb.System().New(o)
		require.Error(t, err, name)
	}
}
