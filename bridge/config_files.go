package bridge

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/secret"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// checkFiles reads every file the configuration names and reports the faults of
// all of them at once, so that whoever installs a link mends them in one go. It
// keeps and makes nothing: each file is read again by what uses it. Mapping
// tables and the audit log are not settings, and tell of themselves.
func (c *Config) checkFiles(now func() time.Time) error {
	pair, err := pairs.Find(c.Pair)
	if err != nil {
		return err
	}
	var faults []error
	fault := func(err error) { faults = append(faults, err) }
	options := map[string]system.Options{}
	for _, s := range []system.System{pair.A, pair.B} {
		side := c.Sides[s.Name]
		o, err := codecOptions(s, side, c.limits())
		if err != nil {
			fault(fmt.Errorf("%s: %w", s.Name, err))
		} else {
			options[s.Name] = o
		}
		if c.Has(RoleExchange) && err == nil && s.Wire.Addressed && o.Settings["address"] == "" {
			fault(fmt.Errorf("LINKSPAN_%s_ADDRESS: required for the exchange, too, whose requests name their receiver", strings.ToUpper(s.Name)))
		}
		if c.Has(s.Name) && side.secured() {
			fault(side.tls().check(s.Name, now))
		}
	}
	if len(options) == 2 {
		_, err := pairs.Open(pair, options)
		fault(err)
	}
	_, err = openAgreement(c.Agreement, c.Economy, pair)
	fault(err)
	_, err = linkKey(c.LinkKey)
	fault(err)
	if c.PatientKey != "" && c.Has(RoleExchange) {
		_, err = patientKey(c.PatientKey, c.Data)
		fault(err)
	}
	fault(c.Console.checkFiles(now))
	return errors.Join(append(faults, c.checkNATSFiles(now)...)...)
}

// checkNATSFiles are the faults in the files of how the roles talk.
func (c *Config) checkNATSFiles(now func() time.Time) []error {
	var faults []error
	n := c.NATS
	if n.URL != "" && n.Credentials != "" {
		if _, err := secret.Read(n.Credentials); err != nil {
			faults = append(faults, fmt.Errorf("NATS credentials: %w", err))
		}
	}
	if n.Listen != "" {
		_, err := c.opsPassword()
		faults = append(faults, err)
	}
	if (n.URL != "" || n.Listen != "") && !n.Plaintext {
		faults = append(faults, n.tls().check("nats", now))
	}
	return append(faults, c.checkLeafFiles(now))
}

// check reads the files of one use of TLS. Where one is not named at all, that
// is the configuration's own fault and told elsewhere.
func (f tlsFiles) check(use string, now func() time.Time) error {
	if len(f.missing()) > 0 {
		return nil
	}
	return certs.Check(f.options(use, now))
}
