package natsd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// External is a NATS cluster that is already there. The roles on it need: their
// own subjects, $SRV.> and _INBOX.> (or InboxPrefix.>); across accounts the
// record services are exported with response type stream or chunked, because a
// long answer is several messages, and imported under the same subject, because
// the subject is part of what a message is sealed with.
type External struct {
	// URLs is a comma-separated list, e.g. "tls://a:4222,tls://b:4222".
	URLs string
	// Credentials is the path of a .creds file; NKey of a seed file. User and
	// Password are the third way. At most one of the three.
	Credentials    string
	NKey           string
	User, Password string
	// TLS is required unless AllowPlaintext is set: with the own certificate and
	// what is checked of the servers'. Roots gives the authorities anew at every
	// reconnect, so that they are renewed without a restart.
	TLS   *tls.Config
	Roots func() *x509.CertPool
	// TLSFirst begins TLS before the server's greeting.
	TLSFirst bool
	// AllowPlaintext is for servers on this machine and tests. Bodies are sealed
	// all the same; the names of users and organisations are not.
	AllowPlaintext bool
	// InboxPrefix replaces _INBOX where each user has its own.
	InboxPrefix string
	// Log receives connection events; level is info, warn or error. nil drops
	// them.
	Log func(level, msg string)
	// Closed is called once when the connection is closed for good. Reconnecting
	// never ends, so that is our own Close or Drain, or a fault after which the
	// process should end.
	Closed func(error)
}

// ConnectExternal connects to e under the given client name. A cluster that is
// not reachable yet is not an error: the connection keeps trying, and
// everything asked of it until then fails at once. Unreadable files and
// contradicting settings are errors.
func ConnectExternal(e External, name string) (*nats.Conn, error) {
	opts, err := e.options(name)
	if err != nil {
		return nil, fmt.Errorf("natsd: external: %w", err)
	}
	nc, err := nats.Connect(e.URLs, opts...)
	if err != nil {
		return nil, fmt.Errorf("natsd: external: %w", err)
	}
	return nc, nil
}

func (e External) options(name string) ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1), // the default gives up after two minutes
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(time.Second),
		nats.ReconnectJitter(500*time.Millisecond, 2*time.Second),
		nats.PingInterval(20 * time.Second),
		nats.IgnoreAuthErrorAbort(), // credentials are rotated while we run
		// A buffered request would be sent late, to someone who no longer waits.
		nats.ReconnectBufSize(-1),
		nats.PermissionErrOnSubscribe(true),
		nats.SyncQueueLen(inboxLength),
	}
	if err := e.secured(); err != nil {
		return nil, err
	}
	credentials, err := e.credentials()
	if err != nil {
		return nil, err
	}
	opts = append(opts, credentials...)
	if e.TLS != nil {
		opts = append(opts, nats.Secure(e.TLS))
		if e.Roots != nil {
			opts = append(opts, nats.ClientTLSConfig(nil, e.roots))
		}
	}
	if e.TLSFirst {
		opts = append(opts, nats.TLSHandshakeFirst())
	}
	if e.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(e.InboxPrefix))
	}
	return append(opts, e.handlers()...), nil
}

func (e External) credentials() ([]nats.Option, error) {
	var opts []nats.Option
	if e.Credentials != "" {
		opts = append(opts, nats.UserCredentials(e.Credentials))
	}
	if e.NKey != "" {
		option, err := nats.NkeyOptionFromSeed(e.NKey)
		if err != nil {
			return nil, fmt.Errorf("nkey: %w", err)
		}
		opts = append(opts, option)
	}
	if e.User != "" {
		opts = append(opts, nats.UserInfo(e.User, e.Password))
	}
	if len(opts) > 1 {
		return nil, errors.New("more than one of credentials, nkey and user is set")
	}
	return opts, nil
}

// roots are the authorities of the moment.
func (e External) roots() (*x509.CertPool, error) { return e.Roots(), nil }

// secured refuses addresses that cannot be read, and servers without TLS that
// nothing allows, or with TLS but without what TLS needs.
func (e External) secured() error {
	secure := e.TLSFirst
	for one := range strings.SplitSeq(e.URLs, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			return errors.New("an empty server address")
		}
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Hostname() == "" {
			return errors.New("a server address cannot be read") // it may hold a password
		}
		secure = secure || u.Scheme == "tls" || u.Scheme == "wss"
	}
	switch {
	case e.TLS != nil && e.AllowPlaintext:
		return errors.New("both TLS and plaintext are set")
	case e.TLS == nil && (secure || !e.AllowPlaintext):
		return errors.New("TLS is required, with a certificate; nothing allows plaintext")
	}
	return nil
}

func (e External) handlers() []nats.Option {
	log := e.Log
	if log == nil {
		log = func(string, string) {}
	}
	return []nats.Option{
		nats.ConnectHandler(func(nc *nats.Conn) { log("info", "connected to "+nc.ConnectedServerName()) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { log("info", "reconnected to "+nc.ConnectedServerName()) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log("warn", "disconnected"+because(err)) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { log("warn", "not connected"+because(err)) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if sub != nil {
				log("error", "subscription "+sub.Subject+because(err))
				return
			}
			log("error", "connection"+because(err))
		}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			log("info", "connection closed"+because(nc.LastError()))
			if e.Closed != nil {
				e.Closed(nc.LastError())
			}
		}),
	}
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
