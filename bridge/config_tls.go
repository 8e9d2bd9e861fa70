package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/natsd"
	"github.com/linkspan/linkspan/bridge/secret"
	"github.com/linkspan/linkspan/pairs"
)

// What LINKSPAN_<SYSTEM>_PLAINTEXT may name: the listener where the system's
// requests are taken, and the address where the system is asked.
const (
	plaintextListen  = "listen"
	plaintextAddress = "address"
)

// secretSetting are the names of settings whose values are secrets.
var secretSetting = regexp.MustCompile(`(?i)key|password|secret|token`)

// checkNATS are the faults in how the roles are to talk.
func (c *Config) checkNATS() []error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	n, live := c.NATS, c.Environment == EnvironmentLive
	if n.Listen != "" {
		if n.URL != "" {
			fault("LINKSPAN_NATS_LISTEN: the embedded server's, so not with LINKSPAN_NATS_URL")
		}
		if (c.OpsPassword == "") == (c.OpsPasswordFile == "") {
			fault("LINKSPAN_NATS_LISTEN: wants LINKSPAN_OPS_PASSWORD_FILE")
		}
	}
	if c.OpsPassword != "" && live {
		fault("LINKSPAN_OPS_PASSWORD: only in test, for the environment can be read by others; LINKSPAN_OPS_PASSWORD_FILE takes its place")
	}
	if pair, err := pairs.Find(c.Pair); err == nil && n.URL == "" {
		for _, role := range []string{RoleExchange, pair.A.Name, pair.B.Name} {
			if !c.Has(role) {
				fault("LINKSPAN_ROLES: without %s only with LINKSPAN_NATS_URL, by which roles apart talk", role)
			}
		}
	}
	hosts, password, err := natsHosts(n.URL)
	if err != nil {
		fault("LINKSPAN_NATS_URL: %w", err)
	}
	if password && live {
		fault("LINKSPAN_NATS_URL: a user or password only in test, for the environment can be read by others; LINKSPAN_NATS_CREDENTIALS takes its place")
	}
	switch given := n.tls().given(); {
	case n.URL != "" && n.Plaintext:
		if live && slices.ContainsFunc(hosts, isNotLoopback) {
			fault("LINKSPAN_NATS_PLAINTEXT: in live only where every server is on a loopback address")
		}
	case n.URL != "" || len(given) > 0:
		for _, missing := range n.tls().missing() {
			fault("LINKSPAN_NATS_%s: required for TLS; LINKSPAN_NATS_PLAINTEXT does without it on loopback addresses and in test", missing)
		}
	}
	return faults
}

// check are the faults in how one system's wire is secured.
func (s SideConfig) check(name, environment string) []error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf("LINKSPAN_"+name+"_"+format, a...)) }
	live := environment == EnvironmentLive
	if s.Connections < 0 {
		fault("CONNECTIONS: want at least 1")
	}
	if s.PeerConnections < 0 || s.Connections > 0 && s.PeerConnections > s.Connections {
		fault("PEER_CONNECTIONS: want at most LINKSPAN_%s_CONNECTIONS, or 0 for two thirds of them", name)
	}
	for _, where := range s.Plaintext {
		if where != plaintextListen && where != plaintextAddress {
			fault("PLAINTEXT: want listen, address or both")
		}
	}
	if s.Listen != "" && s.Plain(plaintextListen) && live && isNotLoopback(host(s.Listen)) {
		fault("PLAINTEXT: listen: in live only on a loopback address")
	}
	if s.Address != "" && s.Plain(plaintextAddress) && live && isNotLoopback(host(s.Address)) {
		fault("PLAINTEXT: address: in live only on a loopback address")
	}
	switch scheme, _, _ := strings.Cut(s.Address, "://"); {
	case scheme == "http" && !s.Plain(plaintextAddress):
		fault("ADDRESS: http: only where LINKSPAN_%s_PLAINTEXT names address", name)
	case scheme == "https" && s.Plain(plaintextAddress):
		fault("ADDRESS: https: not where LINKSPAN_%s_PLAINTEXT names address", name)
	}
	if s.secured() || len(s.tls().given()) > 0 {
		for _, missing := range s.tls().missing() {
			fault("%s: required for TLS; LINKSPAN_%s_PLAINTEXT does without it on loopback addresses and in test", missing, name)
		}
	}
	if live {
		for setting := range s.Settings {
			if secretSetting.MatchString(setting) {
				fault("SETTINGS: %s only in test, for the environment can be read by others; LINKSPAN_%s_SETTINGS_FILE takes it", setting, name)
			}
		}
	}
	return faults
}

// Plain reports whether the site has this wire without TLS there: listen or
// address.
func (s SideConfig) Plain(where string) bool { return slices.Contains(s.Plaintext, where) }

// secured reports whether either direction of this wire is over TLS.
func (s SideConfig) secured() bool {
	return s.Listen != "" && !s.Plain(plaintextListen) || s.Address != "" && !s.Plain(plaintextAddress)
}

// tlsFiles are what a site gives for TLS, by the ends of the variables' names.
type tlsFiles struct {
	cert, key, ca, pins string
	names, crl          []string
}

func (s SideConfig) tls() tlsFiles { return tlsFiles{s.Cert, s.Key, s.CA, s.Pins, s.Names, s.CRL} }
func (n NATSConfig) tls() tlsFiles { return tlsFiles{n.Cert, n.Key, n.CA, n.Pins, n.Names, n.CRL} }

func (f tlsFiles) options(use string, now func() time.Time) certs.Options {
	return certs.Options{Use: use, Cert: f.cert, Key: f.key, CA: f.ca, Pins: f.pins, CRL: f.crl, Names: f.names, Now: now}
}

func (f tlsFiles) given() (names []string) { return f.are(true) }

func (f tlsFiles) missing() (names []string) { return f.are(false) }

func (f tlsFiles) are(given bool) (names []string) {
	for _, one := range []struct {
		name  string
		given bool
	}{{"CERT", f.cert != ""}, {"KEY", f.key != ""}, {"CA", f.ca != ""}, {"NAMES", len(f.names) > 0}, {"PINS", f.pins != ""}, {"CRL", len(f.crl) > 0}} {
		if one.given == given {
			names = append(names, one.name)
		}
	}
	return names
}

// natsHosts are the hosts of a list of NATS servers, and whether it holds a
// user or password.
func natsHosts(urls string) (hosts []string, password bool, err error) {
	if urls == "" {
		return nil, false, nil
	}
	for one := range strings.SplitSeq(urls, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Hostname() == "" {
			return nil, false, errors.New("a server's address cannot be read") // it may hold a password
		}
		password = password || u.User != nil
		hosts = append(hosts, u.Hostname())
	}
	return hosts, password, nil
}

// host is that of "host:port" or of a URL.
func host(address string) string {
	if strings.Contains(address, "://") {
		if u, err := url.Parse(address); err == nil {
			return u.Hostname()
		}
		return ""
	}
	address, _, _ = strings.Cut(address, "/")
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

// isNotLoopback reports a host that may be on another machine.
func isNotLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !address.Unmap().IsLoopback())
}

// store opens what a use of TLS is judged by, nil where it is plain text.
func (b *Bridge) store(use string, f tlsFiles) (*certs.Store, error) {
	if missing := f.missing(); len(missing) > 0 {
		return nil, fmt.Errorf("TLS of %s: required, and without %s", use, strings.Join(missing, ", "))
	}
	o := f.options(use, b.now)
	o.Events = b.certEvent
	s, err := certs.Open(o)
	if err != nil {
		return nil, err
	}
	b.onStop(func(context.Context) error { s.Close(); return nil })
	b.operations.control.stores = append(b.operations.control.stores, s)
	return s, nil
}

// certEvent tells of the files of TLS and of their dates: event.certificates.
func (b *Bridge) certEvent(e certs.Event) {
	log := b.log.Warn
	if e.Kind == certs.Reloaded {
		log = b.log.Info
	}
	log("certificates", zap.String("use", e.Use), zap.String("kind", string(e.Kind)), zap.String("file", e.File), zap.String("what", e.What),
		zap.Time("until", e.Until), zap.Int("days", e.Days), zap.String("error", e.Err))
	if b.connected.Load() {
		b.publish("certificates", e)
	}
}

// plaintext says at the start where nothing is encrypted.
func (b *Bridge) plaintext(where, address string) {
	b.log.Warn("plaintext", zap.String("where", where), zap.String("address", address),
		zap.String("meaning", "not encrypted, and whoever is at the other end is not proven"))
}

// secure opens the store of one system's wire, once for both directions, nil
// where neither is secured.
func (b *Bridge) secure(name string) (*certs.Store, error) {
	c := b.config.Sides[name]
	for _, where := range c.Plaintext {
		if err := errors.Join(c.check(strings.ToUpper(name), b.config.Environment)...); err != nil {
			return nil, err
		}
		if address := map[string]string{plaintextListen: c.Listen, plaintextAddress: c.Address}[where]; address != "" {
			b.plaintext(name+" "+where, address)
		}
	}
	if !c.secured() {
		return nil, nil
	}
	return b.store(name, c.tls())
}

// servers are the existing NATS servers.
func (b *Bridge) servers() (natsd.External, error) {
	c := b.config
	e := natsd.External{URLs: c.NATS.URL, Credentials: c.NATS.Credentials, AllowPlaintext: c.NATS.Plaintext, Log: b.natsLog, Closed: b.connectionLost}
	if c.NATS.Plaintext {
		if err := errors.Join(c.checkNATS()...); err != nil {
			return e, err
		}
		b.plaintext("nats", strings.Join(natsNames(c.NATS.URL), ","))
		return e, nil
	}
	if c.NATS.Credentials != "" {
		if _, err := secret.Read(c.NATS.Credentials); err != nil {
			return e, fmt.Errorf("NATS credentials: %w", err)
		}
	}
	store, err := b.store("nats", c.NATS.tls())
	if err != nil {
		return e, err
	}
	e.TLS, e.Roots = store.Client(""), store.Roots
	if len(c.NATS.Names) > 1 { // each server by its own name
		e.TLS.ServerName = ""
	}
	return e, nil
}

// embedded is the server inside this process.
func (b *Bridge) embedded() (natsd.Options, error) {
	c := b.config
	o := natsd.Options{Name: "linkspan-" + c.Instance, Listen: c.NATS.Listen, OperationsUser: c.OpsUser, Log: b.natsLog}
	var err error
	if o.Leaf, err = b.leaf(); err != nil || c.NATS.Listen == "" {
		return o, err
	}
	if o.OperationsPassword, err = c.opsPassword(); err != nil {
		return o, err
	}
	if len(c.NATS.tls().given()) == 0 {
		b.plaintext("operations listener", c.NATS.Listen)
		return o, nil
	}
	store, err := b.store("operations listener", c.NATS.tls())
	if err != nil {
		return o, err
	}
	o.TLS = store.Server()
	return o, nil
}

// natsNames are the hosts alone, for the log.
func natsNames(urls string) []string {
	hosts, _, _ := natsHosts(urls)
	return hosts
}
