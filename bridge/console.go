package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/console"
	"github.com/linkspan/linkspan/bridge/secret"
)

// listenConsole takes the address of the operations page, before any role, so
// that a fault ends the start, and so that the page ends after the roles: it
// shows a drain to its end.
func (b *Bridge) listenConsole() error {
	c := b.config.Console
	if c.off() {
		return nil
	}
	if err := errors.Join(c.check()...); err != nil {
		return err
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	p := &page{secret: token}
	if p.tls, err = b.consoleTLS(c, token != nil); err != nil {
		return err
	}
	if p.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return fmt.Errorf("LINKSPAN_CONSOLE_LISTEN: the operations page cannot have its address: %w; "+
			"where another instance on this machine has it, name another address or off", err)
	}
	b.page = p
	b.onStop(p.stop)
	return nil
}

// page is the operations page: its address, and what serves it once there is
// something to show.
type page struct {
	listener net.Listener
	secret   []byte
	tls      *tls.Config
	console  *console.Console // nil before it is served
}

// stop ends the page.
func (p *page) stop(ctx context.Context) error {
	if p.console == nil {
		return p.listener.Close()
	}
	return p.console.Stop(ctx)
}

// serveConsole begins to show the page, when all it shows is there.
func (b *Bridge) serveConsole() {
	p := b.page
	if p == nil {
		return
	}
	o := console.Options{Link: b.Link, Changed: b.operations.look, Token: p.secret, TLS: p.tls, Certificates: b.config.Console.CA != "", Metrics: b.operations.metrics.Handler(), Now: b.now}
	p.console = console.Serve(p.listener, o)
	b.log.Info("operations page", zap.String("address", b.ConsoleURL()))
}

// consoleTLS is how the page's listener is secured, nil where it is not. With
// authorities a client certificate is judged as those of the wires are; with a
// token besides, whoever shows none may give that.
func (b *Bridge) consoleTLS(c ConsoleConfig, token bool) (*tls.Config, error) {
	if !c.secured() {
		return nil, nil
	}
	if c.CA == "" {
		own, err := openPair(c.Cert, c.Key, b.now)
		if err != nil {
			return nil, err
		}
		own.tell = b.certEvent
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: own.get}, nil
	}
	store, err := b.store("console", c.tls())
	if err != nil {
		return nil, err
	}
	config := store.Server()
	if token {
		optional(config)
	}
	return config, nil
}

// optional lets in whoever shows no certificate. One that is shown is verified as
// ever.
func optional(config *tls.Config) {
	each := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		now, err := each(hello)
		if err != nil {
			return nil, err
		}
		verify := now.VerifyConnection
		now.ClientAuth = tls.VerifyClientCertIfGiven
		now.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return nil
			}
			return verify(state)
		}
		return now, nil
	}
}

// ConsoleURL is where the operations page is, "" where there is none.
func (b *Bridge) ConsoleURL() string {
	if b.page == nil {
		return ""
	}
	scheme := "http"
	if b.config.Console.secured() {
		scheme = "https"
	}
	return scheme + "://" + b.page.listener.Addr().String()
}

// ownPair is a certificate with its key that is read again when a file has
// changed. One that has a fault changes nothing.
type ownPair struct {
	cert, key string
	now       func() time.Time
	tell      func(certs.Event)

	mu     sync.Mutex
	held   *tls.Certificate
	read   [2]time.Time // of the files when they were read last
	looked time.Time
}

// openPair reads a certificate and its key.
func openPair(cert, key string, now func() time.Time) (*ownPair, error) {
	p := &ownPair{cert: cert, key: key, now: now, tell: func(certs.Event) {}, looked: now()}
	p.read = p.times()
	var err error
	p.held, err = p.load()
	return p, err
}

func (p *ownPair) load() (*tls.Certificate, error) {
	chain, err := os.ReadFile(p.cert)
	if err != nil {
		return nil, fmt.Errorf("LINKSPAN_CONSOLE_CERT: %w", err)
	}
	key, err := secret.Read(p.key)
	if err != nil {
		return nil, fmt.Errorf("LINKSPAN_CONSOLE_KEY: %w", err)
	}
	held, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("LINKSPAN_CONSOLE_CERT and LINKSPAN_CONSOLE_KEY: %w", err)
	}
	if now := p.now(); now.After(held.Leaf.NotAfter) || now.Before(held.Leaf.NotBefore) {
		return nil, fmt.Errorf("LINKSPAN_CONSOLE_CERT: %s: it has expired or is not valid yet", p.cert)
	}
	return &held, nil
}

func (p *ownPair) times() (times [2]time.Time) {
	for i, file := range []string{p.cert, p.key} {
		if info, err := os.Stat(file); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}

// get is the certificate for a connection; the files are looked at, at most every
// second.
func (p *ownPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if age := now.Sub(p.looked); age >= 0 && age < time.Second {
		return p.held, nil
	}
	p.looked = now
	times := p.times()
	if times == p.read {
		return p.held, nil
	}
	p.read = times
	if held, err := p.load(); err != nil {
		p.tell(certs.Event{Use: "console", Kind: certs.Kept, Err: err.Error()})
	} else {
		p.held = held
		p.tell(certs.Event{Use: "console", Kind: certs.Reloaded})
	}
	return p.held, nil
}
