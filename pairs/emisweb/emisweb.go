// Package emisweb is EMIS Web: its native messages to and from the record, and
// its wire declared as a value.
//
// A message is SOAP 1.1 with WS-Addressing, in its body an ITK
// DistributionEnvelope, in that the EMIS transaction document EWDS, and in that
// the patient's number (asking) or the record (answering), E §3. The record
// itself stands in one of two documents with a package each: EMIS Open's
// MedicalRecord 3.8 (internal/medicalrecord) and openHealthRecord
// (pairs/internal/openhr, which the MIG shares). This package finds them, and
// wraps them, and knows nothing of what is in them.
//
// It is pure: no network, clock, random source or state. What is public of
// these messages and what is inferred stands in README.md.
package emisweb

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/emisweb/internal/medicalrecord"
	"github.com/linkspan/linkspan/pairs/internal/openhr"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const title = "EMIS Web"

// The values of the setting "response-format".
const (
	formatMedicalRecord = "medicalrecord"
	formatOpenHR        = "openhr"
)

// The values of the setting "signature".
const (
	signatureOff     = "off"
	signatureVerify  = "verify"
	signatureRequire = "require"
)

// settings are the names New accepts, each with its accepted values; none
// means any.
var settings = map[string][]string{
	"response-format": {formatMedicalRecord, formatOpenHR},
	"signature":       {signatureOff, signatureVerify, signatureRequire},
	"organisation":    nil, // ODS code of the sender, for requests that name none
	"user":            nil, // ExternalUserName, for requests that name no user
	"machine":         nil, // MachineName, for requests that name none
	"address":         nil, // wsa:To of requests
}

// System declares EMIS Web. The path, the content type and the header are
// those of the real client (E §3).
func System() system.System {
	return system.System{
		Name:  "emisweb",
		Title: title,
		Wire: system.Wire{
			Transport:   system.HTTP,
			Path:        "/ITK",
			ContentType: "application/xml",
			Addressed:   true,
			Headers:     map[string]string{"CertificateCommonName": "{cn}"},
			ErrorStatus: 500, // SOAP 1.1 §6.2: a Fault travels as 500
			ErrorMark:   faultMark,
		},
		ClinicalSchemes: []mapping.Scheme{mapping.ReadV2, mapping.EMISLocal, mapping.SNOMED},
		DrugSchemes:     []mapping.Scheme{mapping.EMISDrug, mapping.DMD},
		// Nothing published says that EMIS Web alerts on a dm+d identifier that
		// stands beside no drug of its own (E §2, §4).
		Alerts:       []mapping.Scheme{mapping.EMISDrug},
		Entries:      entries(),
		Enumerations: openhr.Enumerations(),
		New:          newCodec,
	}
}

// entries are the entries of both documents, those of MedicalRecord first.
func entries() []record.EntryPath {
	return slices.Concat(medicalrecord.Entries(), openhr.Entries())
}

// codec is EMIS Web's system.Codec.
type codec struct {
	limits  xmlio.Limits
	entries []record.EntryPath
	counts  []xmlio.EntryPath

	format                               string
	organisation, user, machine, address string

	signature string
	trusted   *x509.CertPool
	now       func() time.Time
	signer    *system.Signer
}

func newCodec(o system.Options) (system.Codec, error) {
	for name, value := range o.Settings {
		values, known := settings[name]
		if !known {
			return nil, fmt.Errorf("emisweb: unknown setting %q", name)
		}
		if values != nil && !slices.Contains(values, value) {
			return nil, fmt.Errorf("emisweb: setting %s is none of %q", name, values)
		}
	}
	c := &codec{
		limits:       o.Limits,
		entries:      entries(),
		format:       o.Settings["response-format"],
		organisation: o.Settings["organisation"],
		user:         o.Settings["user"],
		machine:      o.Settings["machine"],
		address:      o.Settings["address"],
		signature:    o.Settings["signature"],
		trusted:      o.Trusted,
		now:          o.Now,
		signer:       o.Signer,
	}
	c.counts = record.XMLPaths(c.entries)
	if c.format == "" {
		c.format = formatMedicalRecord
	}
	if c.signature == "" {
		c.signature = signatureOff
		if c.trusted != nil {
			c.signature = signatureVerify
		}
	}
	return c, c.checkKeys()
}

// checkKeys refuses settings that would leave signatures unchecked or unmade.
func (c *codec) checkKeys() error {
	if c.signature != signatureOff && (c.trusted == nil || c.now == nil) {
		return errors.New("emisweb: signatures are to be verified, but trusted certificates or the clock are missing")
	}
	if c.signer == nil {
		return nil
	}
	if c.signer.Key == nil || c.signer.Certificate == nil {
		return errors.New("emisweb: the signer needs a key and a certificate")
	}
	key, ok := c.signer.Key.Public().(*rsa.PublicKey)
	if !ok || !key.Equal(c.signer.Certificate.PublicKey) {
		return errors.New("emisweb: the signing key is not the RSA key of its certificate")
	}
	return nil
}
