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
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/secret"
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
	for _, o := range options {
		if err := readFiles(o.Settings); err != nil {
			return nil, err
		}
	}
	return options, nil
}

// readFiles puts the text of a file in place of a setting that names one: with
// "profile-file" the setting "profile" is what the file holds.
func readFiles(settings map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		setting, names := strings.CutSuffix(name, "-file")
		if !names {
			continue
		}
		text, err := os.ReadFile(settings[name])
		if err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
		if _, twice := settings[setting]; twice {
			return fmt.Errorf("settings %s and %s are both given", setting, name)
		}
		settings[setting] = string(text)
		delete(settings, name)
	}
	return nil
}

// codecOptions are the options of one edge's codec as configured.
func codecOptions(s system.System, side SideConfig, limits xmlio.Limits) (system.Options, error) {
	settings, err := side.settings()
	if err != nil {
		return system.Options{}, err
	}
	if err := readFiles(settings); err != nil {
		return system.Options{}, err
	}
	o := system.Options{Limits: limits, Settings: settings, Now: time.Now}
	if s.Wire.Addressed && o.Settings["address"] == "" && side.Address != "" {
		o.Settings["address"] = wire.URL(side.Address, s.Wire.Path, !side.Plain(plaintextAddress)) // an envelope names its receiver
	}
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
	text, err := secret.Read(side.Signer)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("signer: the key cannot sign")
	}
	return &system.Signer{Key: key, Certificate: pair.Leaf}, nil
}

// settings are the codec's, of the variable and of the file.
func (s SideConfig) settings() (map[string]string, error) {
	all := map[string]string{}
	maps.Copy(all, s.Settings)
	if s.SettingsFile == "" {
		return all, nil
	}
	text, err := secret.Read(s.SettingsFile)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if _, twice := all[name]; !ok || twice {
			return nil, fmt.Errorf("settings: %s:%d: want name:value, each name once", s.SettingsFile, n)
		}
		all[name] = strings.TrimSpace(value)
	}
	return all, nil
}

// opsPassword is that of the operations listener.
func (c *Config) opsPassword() (string, error) {
	if c.OpsPasswordFile == "" {
		return c.OpsPassword, nil
	}
	text, err := secret.Read(c.OpsPasswordFile)
	if err != nil {
		return "", fmt.Errorf("operations password: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// linkKey is the key the roles seal with. Where all roles live in one process
// it need not be configured and never leaves it.
func linkKey(file string) (spine.Key, error) {
	if file == "" {
		return spine.NewKey(), nil
	}
	text, err := secret.Read(file)
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
	text, err := secret.Read(file)
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
