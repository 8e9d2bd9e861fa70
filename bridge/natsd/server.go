// Package natsd is the NATS server inside the linkspan process and the
// connection to it, or to a NATS cluster that is already there. It knows no
// subject of a record and carries none; it decides who may see which subjects.
//
// The embedded server has up to four accounts. LINK carries record traffic and is
// reachable only from inside the process. OPS is reachable only on the loopback
// operations listener, and sees what LINK and SYS export to it: health, events,
// heartbeats, metrics, $SRV and four questions about the server. HUB sees the
// same, for a hub of operations that the server reaches out to. SYS is the
// server's own.
package natsd

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// readyWait bounds the start of the server, which takes a few milliseconds.
const readyWait = 10 * time.Second

// tlsWait bounds a handshake of the operations listener.
const tlsWait = 5 * time.Second

// JetStream's limits when a store directory is given. Left unset the server
// takes three quarters of the machine's memory and disk.
const (
	storeMemory = 64 << 20
	storeDisk   = 4 << 30
)

// inboxLength is the room of a private inbox in messages, made anew for every
// request. nats.go's own 65,536 take half a megabyte each time; a record of
// 8 MiB in chunks of 512 KiB takes 17.
const inboxLength = 1024

// DefaultMaxPayload is the server's own limit on one message, headers included.
const DefaultMaxPayload = server.MAX_PAYLOAD_SIZE

// Options are the settings of the embedded server.
type Options struct {
	// Name is the server's name, shown to operators. Required.
	Name string
	// Listen is the operations listener's loopback address and port, e.g.
	// "127.0.0.1:4222"; port 0 picks a free one. "" opens no port at all.
	Listen string
	// StoreDir turns JetStream on for the LINK account, with every write synced
	// before it is acknowledged. "" leaves JetStream off.
	StoreDir string
	// MaxPayload is the limit on one message in bytes; 0 is DefaultMaxPayload.
	MaxPayload int32
	// OperationsUser and OperationsPassword are required where Listen is set.
	OperationsUser, OperationsPassword string
	// TLS is the operations listener's; nil is plain text, on loopback as ever.
	TLS *tls.Config
	// Leaf is a hub of operations to reach out to; nil is none.
	Leaf *Leaf
	// Log receives the server's own log; level is debug, info, warn, error or
	// fatal. The server logs no message. nil drops it.
	Log func(level, msg string)
}

// Server is a running embedded server.
type Server struct {
	options  Options
	host     string // of the operations listener
	port     int    // the port that was really opened, kept across Restart
	password string // of the LINK user, made at Start and never leaving the process

	told    repeats // of the leaf
	current atomic.Pointer[server.Server]
	mu      sync.Mutex // serialises Restart and Shutdown
	stopped bool
}

// Start starts the server and returns when it takes connections. It installs no
// signal handler and never exits the process.
func Start(o Options) (*Server, error) {
	s := &Server{options: o, password: secret()}
	if o.Name == "" {
		return nil, errors.New("natsd: the server has no name")
	}
	if o.Listen != "" {
		if err := s.listener(); err != nil {
			return nil, err
		}
	}
	if o.Leaf != nil {
		if err := o.Leaf.check(); err != nil {
			return nil, err
		}
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

// listener checks the operations listener's settings. An address that other
// machines can reach is refused, with TLS and without.
func (s *Server) listener() error {
	host, port, err := net.SplitHostPort(s.options.Listen)
	if err != nil {
		return fmt.Errorf("natsd: operations listener: %w", err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	address, err := netip.ParseAddr(host)
	if err != nil || !address.IsLoopback() {
		return fmt.Errorf("natsd: operations listener: %q is not a loopback address", host)
	}
	if s.port, err = strconv.Atoi(port); err != nil || s.port < 0 || s.port > 65535 {
		return fmt.Errorf("natsd: operations listener: %q is not a port", port)
	}
	if s.port == 0 {
		s.port = server.RANDOM_PORT
	}
	if s.options.OperationsUser == "" || s.options.OperationsPassword == "" {
		return errors.New("natsd: the operations listener needs a user and a password")
	}
	s.host = host
	return nil
}

func (s *Server) start() error {
	ns, err := server.NewServer(s.serverOptions())
	if err != nil {
		return fmt.Errorf("natsd: start: %w", err)
	}
	log := &logger{log: s.options.Log, told: &s.told, fatal: make(chan string, 1)}
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	err = log.ready(ns)
	if err == nil && s.options.StoreDir != "" {
		err = enableStore(ns)
	}
	if err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return fmt.Errorf("natsd: start: %w", err)
	}
	if address, ok := ns.Addr().(*net.TCPAddr); ok && s.host != "" {
		s.port = address.Port
	}
	s.current.Store(ns)
	return nil
}

// serverOptions is made anew for every start: the server keeps and changes it.
func (s *Server) serverOptions() *server.Options {
	o := &server.Options{
		ServerName: s.options.Name,
		DontListen: s.host == "",
		Host:       s.host,
		Port:       s.port,
		NoSigs:     true, // else the server traps SIGTERM and exits the process
		NoLog:      true, // the server makes no logger of its own; SetLoggerV2 gives it ours
		MaxPayload: s.options.MaxPayload,
	}
	if s.options.TLS != nil && s.host != "" {
		o.TLS, o.TLSVerify, o.TLSConfig, o.TLSTimeout = true, true, s.options.TLS, tlsWait.Seconds()
	}
	if s.options.StoreDir != "" {
		o.JetStream, o.StoreDir, o.SyncAlways = true, s.options.StoreDir, true
		o.JetStreamMaxMemory, o.JetStreamMaxStore = storeMemory, storeDisk
	}
	s.accounts(o)
	return o
}

// Connect opens a connection of the LINK account inside the process. It
// reconnects for ever, also across Restart, and does not buffer while it is
// apart: a request that cannot be sent fails at once. Options given here come
// after the package's own.
func (s *Server) Connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	own := []nats.Option{
		nats.InProcessServer(s),
		nats.Name(name),
		nats.UserInfo(linkUser, s.password),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(10 * time.Millisecond),
		nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.SyncQueueLen(inboxLength),
	}
	nc, err := nats.Connect("", append(own, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("natsd: connect inside the process: %w", err)
	}
	return nc, nil
}

// InProcessConn gives nats.go a pipe to the server that runs now, so that a
// reconnecting client never dials one that was shut down.
func (s *Server) InProcessConn() (net.Conn, error) {
	return s.current.Load().InProcessConn()
}

// Address is where the operations listener listens, "" when there is none.
func (s *Server) Address() string {
	if s.host == "" {
		return ""
	}
	return net.JoinHostPort(s.host, strconv.Itoa(s.port))
}

// Healthy reports that the server runs and takes connections.
func (s *Server) Healthy() bool {
	ns := s.current.Load()
	return ns.Running() && ns.ReadyForConnections(time.Millisecond)
}

// Restart stops the server and starts it again on the same port. Connections
// made by Connect come back by themselves.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errors.New("natsd: restart: the server was shut down")
	}
	ns := s.current.Load()
	ns.Shutdown()
	ns.WaitForShutdown()
	return s.start()
}

// Shutdown stops the server and returns when nothing of it runs any more. Close
// or drain the connections first. It may be called more than once.
func (s *Server) Shutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	ns := s.current.Load()
	ns.Shutdown()
	ns.WaitForShutdown()
}

// secret is a password of 256 random bits.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails (Go 1.24)
	return hex.EncodeToString(b[:])
}

// logger adapts the log function to the server's interface. Fatalf must not
// exit the process: what it says before the server is ready becomes Start's
// error, and after that its owner sees the level and decides.
type logger struct {
	log   func(level, msg string) // may be nil
	told  *repeats                // may be nil
	fatal chan string             // the first fatal line
}

func (l *logger) write(level, format string, v []any) {
	if l.log != nil {
		l.log(level, fmt.Sprintf(format, v...))
	}
}

func (l *logger) Noticef(format string, v ...any) { l.write("info", format, v) }

// Warnf passes over the server's warning about passwords that are not hashed:
// ours are random, made at the start and never leave the process, or the
// operator's own for a loopback listener.
func (l *logger) Warnf(format string, v ...any) {
	if !strings.HasPrefix(format, "Plaintext passwords") {
		l.write("warn", format, v)
	}
}

// Errorf passes over what it has just said of a hub: it is tried every second.
func (l *logger) Errorf(format string, v ...any) {
	if l.told == nil || l.told.worth(fmt.Sprintf(format, v...), time.Now()) {
		l.write("error", format, v)
	}
}

func (l *logger) Debugf(format string, v ...any) { l.write("debug", format, v) }

// Tracef drops: trace lines hold message bodies.
func (l *logger) Tracef(string, ...any) {}

func (l *logger) Fatalf(format string, v ...any) {
	l.write("fatal", format, v)
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}

// ready waits until ns takes connections or says why it will not.
func (l *logger) ready(ns *server.Server) error {
	for end := time.Now().Add(readyWait); time.Now().Before(end); {
		if ns.ReadyForConnections(50 * time.Millisecond) {
			return nil
		}
		select {
		case why := <-l.fatal:
			return errors.New(why)
		default:
		}
	}
	return fmt.Errorf("not ready after %s", readyWait)
}
