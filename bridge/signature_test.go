package bridge_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// certificate writes a new key with a certificate of its own into one PEM file.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "linkspan.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"linkspan.test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	require.NoError(t, pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
	file := filepath.Join(t.TempDir(), "signer.pem")
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	return file
}

// TestOutgoingRequestsAreSigned has the bridge ask EMIS Web with a signer: the
// stand-in verifies what is signed by its own means.
func TestOutgoingRequestsAreSigned(t *testing.T) {
	signer := certificate(t)
	var asked overheard
	patients := stand(t, "emisweb", standin.Options{})
	e := start(t, setup{
		holders: map[string]wire.Handler{"emisweb": asked.recording(patients.Handle)},
		config: func(c *bridge.Config) {
			side := c.Sides["emisweb"]
			side.Signer = signer
			c.Sides["emisweb"] = side
		}})
	e.ask("systmone", request(t, "systmone-narrow.xml"))
	require.Empty(t, (<-e.outcomes).Reason)
	for _, key := range []string{"emis:BinarySecurityToken", "emis:MessageDigest", "emis:Signature"} {
		require.Contains(t, string(asked.message()), key)
	}
}

// TestUnsignedRequestsAreRefusedWhereRequired sends an unsigned request to a
// link that requires a signature, and then a signed one.
func TestUnsignedRequestsAreRefusedWhereRequired(t *testing.T) {
	signer := certificate(t)
	e := start(t, setup{config: func(c *bridge.Config) {
		side := c.Sides["emisweb"]
		side.Trusted = signer
		side.Settings = map[string]string{"signature": "require", "user": "linkspan", "machine": "test"}
		c.Sides["emisweb"] = side
	}})
	answer := e.ask("emisweb", request(t, "emisweb-full.xml"))
	refusedNatively(t, "emisweb", answer)
	require.Contains(t, string(answer), record.ReasonBadMessage.Words())
}

// TestListenerOverTLS takes EMIS Web's requests over TLS from a client with the
// certificate expected, and not in plain text.
func TestListenerOverTLS(t *testing.T) {
	area := certstest.New(t, "area")
	own, theirs := area.Issue("linkspan.test"), area.Issue("emisweb.test")
	files := area.Files(own, []string{"emisweb.test"}, theirs)
	e := start(t, setup{config: func(c *bridge.Config) {
		side := c.Sides["emisweb"]
		side.Plaintext = []string{"address"}
		side.Cert, side.Key, side.CA, side.Names, side.Pins, side.CRL = files.Cert, files.Key, files.CA, files.Names, files.Pins, files.CRL
		c.Sides["emisweb"] = side
	}})
	plain := wire.NewClient(e.systems["emisweb"].Wire, e.Address("emisweb"), wire.ClientOptions{ThrottleDisabled: true})
	defer plain.Close()
	answer, err := plain.Do(t.Context(), request(t, "emisweb-full.xml"), nil)
	require.True(t, err != nil || !strings.Contains(string(answer), "MedicalRecord"), "plain text must not be answered")
	system, err := certs.Open(area.Files(theirs, []string{"linkspan.test"}, own))
	require.NoError(t, err)
	defer system.Close()
	encrypted := wire.NewClient(e.systems["emisweb"].Wire, "https://"+e.Address("emisweb"), wire.ClientOptions{ThrottleDisabled: true, TLS: system.Client("")})
	defer encrypted.Close()
	answer, err = encrypted.Do(t.Context(), request(t, "emisweb-full.xml"), nil)
	require.NoError(t, err)
	require.Contains(t, string(answer), "<MedicalRecord")
}
