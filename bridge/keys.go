package bridge

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/xmlio"
)

// CodecOptions sorts settings of the form system.name=value by system.
func CodecOptions(p pairs.Pair, settings map[string]string) (map[string]system.Options, error) {
	options := map[string]system.Options{}
	for _, s := range []system.System{p.A, p.B} {
		options[s.Name] = system.Options{Settings: map[string]string{}, Now: time.Now}
	}
	for name, value := range settings {
		of, setting, ok := strings.Cut(name, ".")
		if _, known := options[of]; !ok || !known {
			return nil, fmt.Errorf("setting %q: want SYSTEM.NAME=VALUE with a system of the pair", name)
		}
		options[of].Settings[setting] = value
	}
	return options, nil
}

// codecOptions are the options of one edge's codec as configured.
func codecOptions(s system.System, side SideConfig, limits xmlio.Limits) (system.Options, error) {
	o := system.Options{Limits: limits, Settings: maps.Clone(side.Settings), Now: time.Now}
	if s.Wire.Transport == system.HTTP && o.Settings["address"] == "" && side.Address != "" {
		if o.Settings == nil {
			o.Settings = map[string]string{}
		}
		o.Settings["address"] = wire.URL(side.Address, s.Wire.Path, false) // an envelope names its receiver
	}
	var err error
	if o.Signer, err = signer(side); err != nil {
		return o, err
	}
	if side.Trusted != "" {
		pem, err := os.ReadFile(side.Trusted)
		if err != nil {
			return o, fmt.Errorf("trusted certificates: %w", err)
		}
		o.Trusted = x509.NewCertPool()
		if !o.Trusted.AppendCertsFromPEM(pem) {
			return o, errors.New("trusted certificates: the file holds none")
		}
	}
	return o, nil
}

// signer is the key with its certificate that signs outgoing messages, nil
// where none is configured.
func signer(side SideConfig) (*system.Signer, error) {
	if side.Signer == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(side.Signer, side.Signer)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("signer: the key cannot sign")
	}
	return &system.Signer{Key: key, Certificate: pair.Leaf}, nil
}

// serverTLS is the listener's certificate as configured, nil for plain text.
func serverTLS(side SideConfig) (*tls.Config, error) {
	if side.Cert == "" && side.Key == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(side.Cert, side.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// linkKey is the key the roles seal with. Where all roles live in one process
// it need not be configured and never leaves it.
func linkKey(file string) (spine.Key, error) {
	if file == "" {
		return spine.NewKey(), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return spine.Key{}, fmt.Errorf("link key: %w", err)
	}
	return spine.ParseKey(strings.TrimSpace(string(text)))
}

// patientKey is the key of the audit's patient references. It is made once and
// kept, so that a patient's accesses can be found again.
func patientKey(file, data string) ([]byte, error) {
	own := file == ""
	if own {
		file = filepath.Join(data, "patient.key")
	}
	text, err := os.ReadFile(file)
	if own && errors.Is(err, os.ErrNotExist) { // a configured key that is gone is a fault, not a new key
		key := make([]byte, 32)
		rand.Read(key)
		text = []byte(hex.EncodeToString(key) + "\n")
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("patient key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, errors.New("patient key: want 32 bytes in hexadecimal")
	}
	return key, nil
}
