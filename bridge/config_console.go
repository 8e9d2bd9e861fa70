package bridge

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/secret"
)

// consoleOff is the setting for no page.
const consoleOff = "off"

// leastToken is the shortest token that cannot be guessed.
const leastToken = 16

func (c ConsoleConfig) off() bool { return c.Listen == "" || c.Listen == consoleOff }

func (c ConsoleConfig) tls() tlsFiles {
	return tlsFiles{c.Cert, c.Key, c.CA, c.Pins, c.Names, c.CRL}
}

// secured reports whether the page is over TLS.
func (c ConsoleConfig) secured() bool { return len(c.tls().given()) > 0 }

// check are the faults in how the operations page is reached. What other machines
// can reach wants TLS, and something that says who looks.
func (c ConsoleConfig) check() []error {
	var faults []error
	fault := func(format string, a ...any) {
		faults = append(faults, fmt.Errorf("LINKSPAN_CONSOLE_"+format, a...))
	}
	if c.off() {
		return nil
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port == "" {
		fault("LISTEN: want HOST:PORT or off")
	}
	reached := isNotLoopback(host(c.Listen))
	if reached || c.secured() {
		need := []string{"CERT", "KEY"}
		if c.CA != "" || c.Pins != "" || len(c.Names) > 0 || len(c.CRL) > 0 {
			need = append(need, "CA", "NAMES", "PINS", "CRL") // who may look, as at the wires
		}
		for _, missing := range c.tls().missing() {
			if slices.Contains(need, missing) {
				fault("%s: required for TLS, without which the page is on a loopback address only", missing)
			}
		}
	}
	if reached && c.TokenFile == "" && c.CA == "" {
		fault("TOKEN_FILE: this or LINKSPAN_CONSOLE_CA is required on an address other machines can reach")
	}
	return faults
}

// token reads the file of the token, nil where none is named.
func (c ConsoleConfig) token() ([]byte, error) {
	if c.TokenFile == "" {
		return nil, nil
	}
	text, err := secret.Read(c.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("LINKSPAN_CONSOLE_TOKEN_FILE: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < leastToken || strings.ContainsAny(token, " \t\r\n") {
		return nil, fmt.Errorf("LINKSPAN_CONSOLE_TOKEN_FILE: %s: want one word of at least %d characters", c.TokenFile, leastToken)
	}
	return []byte(token), nil
}

// checkFiles are the faults in the files of the page.
func (c ConsoleConfig) checkFiles(now func() time.Time) error {
	if c.off() {
		return nil
	}
	_, err := c.token()
	faults := []error{err}
	switch {
	case c.CA != "":
		faults = append(faults, c.tls().check("console", now))
	case c.Cert != "" && c.Key != "":
		_, err := openPair(c.Cert, c.Key, now)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
