// Package bridge is the running link: the roles, the subjects they talk by,
// one straight exchange, limits, configuration and lifecycle. What a message
// means is the business of package pairs.
package bridge

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
	_ "time/tzdata" // the box may have no zone data, and wrong wall times are clinical

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/admit"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/natsd"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// expansion is how much longer than the record limit an answer may become in
// the asker's format: the limit holds for what comes in.
const expansion = 2

// Bridge is one running instance with the roles it was given.
type Bridge struct {
	config   Config
	log      *zap.Logger
	link     *pairs.Link
	agreed   *agreed
	subjects Subjects
	now      func() time.Time
	observe  func(Outcome)
	pace     pace
	step     func(name string)

	server     *natsd.Server // embedded, nil on existing servers
	nc         *nats.Conn
	connected  atomic.Bool // nc is set
	spine      *spine.Spine
	key        spine.Key
	version    string
	ledger     *ledger // of the exchange role, nil without it
	tables     *keeper // of the exchange role, nil without it
	edges      []*edge
	operations *operations
	page       *page // nil without one
	listeners  map[string]*wire.Listener
	failed     chan error
	// stops are run last in, first out.
	stops []func(context.Context) error
}

// Options are what a caller may give besides the configuration.
type Options struct {
	Log     *zap.Logger
	Version string           // SemVer without v
	Observe func(Outcome)    // called after each exchange; nil for none
	Now     func() time.Time // nil for time.Now

	pace pace              // zero for the usual
	step func(name string) // called at each step of an exchange; nil for nobody
}

// pace is how often things are done that no message asks for.
type pace struct {
	quiet  time.Duration // without a further change, before the tables folder is looked at
	poll   time.Duration // between looks at the folder where nothing said that it changed
	save   time.Duration // between writings of the work list and of the witnesses
	floor  time.Duration // the least time a patient not found takes
	clock  time.Duration // between looks at the clock
	verify time.Duration // between proofs of the audit log on the disk
}

// usual is the pace on site. Copying a folder takes longer between two files
// than saving one takes; a network file system tells of no change at all.
var usual = pace{quiet: 300 * time.Millisecond, poll: 30 * time.Second, save: 10 * time.Second, floor: time.Second, clock: 10 * time.Second, verify: time.Hour}

// Start starts the configured roles and returns when all of them answer. On
// error nothing is left running.
func Start(ctx context.Context, c Config, o Options) (*Bridge, error) {
	b := &Bridge{config: c, log: o.Log, subjects: NewSubjects(c.Economy), now: o.Now, observe: o.Observe, pace: o.pace, step: o.step, version: o.Version, listeners: map[string]*wire.Listener{}, failed: make(chan error, 1)}
	if b.log == nil {
		b.log = zap.NewNop()
	}
	if b.now == nil {
		b.now = time.Now
	}
	if b.pace == (pace{}) {
		b.pace = usual
	}
	if b.step == nil {
		b.step = func(string) {}
	}
	if err := b.useLondon(); err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, b.Stop(ctx))
	}
	b.log.Info("ready", zap.String("economy", c.Economy), zap.String("pair", c.Pair), zap.Strings("roles", c.Roles), zap.String("instance", c.Instance))
	return b, nil
}

// useLondon makes every time that is written the wall time of the United
// Kingdom, which both systems show and SystmOne writes without a zone (S §1.2).
func (b *Bridge) useLondon() error {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		return fmt.Errorf("time zone: %w", err)
	}
	now := b.now
	b.now = func() time.Time { return now().In(london) }
	return nil
}

func (b *Bridge) start(ctx context.Context) error {
	if err := b.config.checkFiles(b.now); err != nil {
		return err
	}
	if err := b.openLink(); err != nil {
		return err
	}
	b.operations = b.newOperations()
	if err := b.connect(); err != nil {
		return err
	}
	if err := b.hearOperations(); err != nil {
		return err
	}
	if err := b.listenConsole(); err != nil {
		return err
	}
	// Reads, then the exchange that needs them, then what brings it work: each
	// is stopped before what it needs.
	for _, s := range []system.System{b.link.Pair.A, b.link.Pair.B} {
		if !b.config.Has(s.Name) {
			continue
		}
		e, err := b.startReads(s.Name)
		if err != nil {
			return fmt.Errorf("edge %s: %w", s.Name, err)
		}
		b.edges = append(b.edges, e)
	}
	if b.config.Has(RoleExchange) {
		if err := b.startExchange(ctx); err != nil {
			return err
		}
	}
	b.followAgreement(b.ledger)
	for _, e := range b.edges {
		if err := b.startIntake(ctx, e); err != nil {
			return fmt.Errorf("edge %s: %w", e.side.Name, err)
		}
	}
	if err := b.startOperations(ctx); err != nil {
		return err
	}
	b.serveConsole()
	return nil
}

// openLink makes the codecs and reads the agreement.
func (b *Bridge) openLink() error {
	pair, err := pairs.Find(b.config.Pair)
	if err != nil {
		return err
	}
	pair.AtoB.Sender = b.config.SenderCodes == "on"
	pair.BtoA.Sender = pair.AtoB.Sender
	options := map[string]system.Options{}
	for _, s := range []system.System{pair.A, pair.B} {
		if options[s.Name], err = codecOptions(s, b.config.Sides[s.Name], b.config.limits()); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if b.link, err = pairs.Open(pair, options); err != nil {
		return err
	}
	b.agreed, err = openAgreement(b.config.Agreement, b.config.Economy, pair)
	return err
}

// connect joins an existing NATS cluster, or starts the embedded server whose
// record traffic has no port.
func (b *Bridge) connect() error {
	c := b.config
	var err error
	if b.key, err = linkKey(c.LinkKey); err != nil {
		return err
	}
	if c.NATS.URL != "" {
		servers, err := b.servers()
		if err != nil {
			return err
		}
		if b.nc, err = natsd.ConnectExternal(servers, "linkspan-"+c.Instance); err != nil {
			return err
		}
	} else {
		options, err := b.embedded()
		if err != nil {
			return err
		}
		server, err := natsd.Start(options)
		if err != nil {
			return err
		}
		b.server = server
		b.onStop(func(context.Context) error { server.Shutdown(); return nil })
		b.watchLeaf()
		if b.nc, err = server.Connect("linkspan-" + c.Instance); err != nil {
			return err
		}
	}
	b.connected.Store(true)
	b.nc.SetErrorHandler(b.connectionFault)
	b.onStop(b.drain)
	b.spine = spine.New(b.nc, b.key, spine.Options{Limit: expansion * c.RecordLimit, Timeout: c.Deadline, Link: b.name(), Now: b.now, OnError: b.spineFault})
	return nil
}

// startExchange opens what the exchange role keeps and serves it as a NATS
// micro service, one endpoint for each system that asks.
func (b *Bridge) startExchange(ctx context.Context) error {
	c := b.config
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	tables, err := b.startTables(ctx)
	if err != nil {
		return err
	}
	b.tables = tables
	work := b.startWorkList()
	ledger, err := b.startAudit()
	if err != nil {
		return err
	}
	if err := b.serveAudit(ledger, ledger.verifier); err != nil {
		return err
	}
	x := &exchanger{link: b.link, tables: tables, work: work, agreed: b.agreed, pauses: b.operations.pauses, audit: ledger, once: newOnce(b.now), key: b.key, ask: b.spine.Request,
		subjects: b.subjects, live: c.Environment == EnvironmentLive, limit: expansion * c.RecordLimit, readTime: c.readTime(), retries: c.retries(), floor: b.pace.floor,
		begin: b.operations.keeper.Begin, done: b.outcome, tell: b.publish, step: b.step, now: b.now, log: b.log}
	var endpoints []spine.Endpoint
	for _, s := range []system.System{b.link.Pair.A, b.link.Pair.B} {
		endpoints = append(endpoints, spine.Endpoint{Name: "exchange-" + s.Name, Subject: b.subjects.Exchange(s.Name), Queue: "exchange", Pool: spine.NewPool(c.Slots),
			Handle: func(ctx context.Context, m spine.Message) (spine.Message, error) { return x.exchange(ctx, s.Name, m) }})
	}
	return b.serve("linkspan", "carries requests between the two systems and translates", endpoints, func() any { return tables.inUse() })
}

// startAudit opens the audit log of this instance. Nothing is released without
// it.
func (b *Bridge) startAudit() (*ledger, error) {
	c := b.config
	dir := filepath.Join(c.Data, "audit")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := patientKey(c.PatientKey, c.Data)
	if err != nil {
		return nil, err
	}
	sealer, err := audit.NewSealer(key)
	if err != nil {
		return nil, err
	}
	signer, err := audit.LoadSigningKey(filepath.Join(c.Data, "audit.key"), c.Instance)
	if err != nil {
		return nil, err
	}
	log, err := audit.OpenWith(dir, c.Instance, audit.OpenOptions{Signer: signer, Checkpoints: c.Checkpoints, Now: b.now,
		Published: func(text string) {
			b.operations.checkpointed(text, b.now())
			b.publish("audit", AuditEvent{Instance: c.Instance, Checkpoint: text, Verifier: signer.Verifier()})
		},
		Trouble: func(err error) {
			b.log.Error("audit", zap.Error(err))
			b.publish("audit", AuditEvent{Instance: c.Instance, Trouble: err.Error()})
		}})
	if err != nil {
		return nil, err
	}
	l := newLedger(log, sealer, b.now)
	l.instance, l.link, l.build, l.config = c.Instance, b.name(), b.version, func() string { return b.agreed.now().Digest() }
	l.verifier = signer.Verifier()
	b.ledger = l
	b.operations.covered.Store(log.Newest().Seq)
	b.onStop(func(context.Context) error {
		if log.Err() == nil {
			b.logged(l.note(audit.EventStopped, "", ""))
		}
		return log.Close()
	})
	b.watch(l)
	return l, l.note(audit.EventStarted, b.agreed.now().Enabling(), "")
}

// AuditEvent tells of the audit log: event.audit. A checkpoint is a signed note
// on how far the log has got; whoever keeps it can have the log proven later.
type AuditEvent struct {
	Instance   string `json:"instance"`
	Checkpoint string `json:"checkpoint,omitempty"`
	Verifier   string `json:"verifier,omitempty"` // the public key of the instance that signed
	Trouble    string `json:"trouble,omitempty"`
}

// name is what the roles of this link have in common (safety SE-03).
func (b *Bridge) name() string {
	return b.config.Economy + "/" + b.config.Pair + "/" + b.config.Environment
}

// startReads serves what the exchange role asks of one system.
func (b *Bridge) startReads(name string) (*edge, error) {
	side, _ := b.link.Side(name)
	c := b.config.Sides[name]
	var err error
	if side.Wire.Throttle, err = throttles(side.Wire.Throttle, c.Throttle); err != nil {
		return nil, err
	}
	options := wire.ClientOptions{Limit: b.config.RecordLimit, Now: b.now}
	b.watchWire(name, &options)
	s, err := signer(c)
	if err != nil {
		return nil, err
	}
	if s != nil { // EMIS Web's wire names it in a header
		options.CommonName = s.Certificate.Subject.CommonName
	}
	store, err := b.secure(name)
	if err != nil {
		return nil, err
	}
	if store != nil && !c.Plain(plaintextAddress) {
		options.Secure = func() *tls.Config { return store.Client(host(c.Address)) }
	}
	client := wire.NewClient(side.Wire, c.Address, options)
	b.onStop(func(context.Context) error { client.Close(); return nil })
	e := &edge{side: side, client: client, atOnce: max(c.Calls, 1), store: store, once: newOnce(b.now), agreed: b.agreed, pauses: b.operations.pauses, key: b.key, ask: b.spine.Request, subjects: b.subjects,
		deadline: b.config.Deadline, readTime: b.config.readTime(), now: b.now, log: b.log}
	var endpoints []spine.Endpoint
	for _, o := range b.agreed.now().Sides[name].Organisations {
		endpoints = append(endpoints, spine.Endpoint{Name: "read-" + o.ODS, Subject: b.subjects.Read(name, o.ODS), Queue: "edge", Handle: e.read})
	}
	return e, b.serve("linkspan-"+name, "asks the interface of "+side.Title, endpoints, nil)
}

// startIntake takes one system's requests: on its native subject and, where an
// address is set, on its own wire.
func (b *Bridge) startIntake(ctx context.Context, e *edge) error {
	name, side := e.side.Name, e.side
	c := b.config.Sides[name]
	if err := b.remember(e); err != nil {
		return err
	}
	e.intake = newIntake(b.config.Slots, b.overloaded(name, "intake"), b.overloaded(name, "exchange"))
	stop, err := b.spine.Native(b.subjects.Native(name), "edge", spine.NewPool(b.config.Slots), e.fromSubject)
	if err != nil {
		return err
	}
	b.onStop(stop)
	if c.Listen == "" {
		return nil
	}
	var tlsConfig *tls.Config
	if !c.Plain(plaintextListen) {
		tlsConfig = e.store.Server()
	}
	listener, err := wire.Listen(ctx, side.Wire, c.Listen, e.fromWire, wire.ListenOptions{
		Limit: b.config.RecordLimit, MaxConnections: c.Connections, PeerConnections: c.PeerConnections, TLS: tlsConfig, Refuse: func(reason record.Reason) []byte { return e.turnAway(&record.Request{}, reason) },
		Report: func(event wire.Event) {
			level := zap.WarnLevel
			if event.Reason == record.ReasonBusy { // told as a number: event.overload
				level = zap.DebugLevel
			}
			b.log.Log(level, "wire", zap.String("system", name), zap.String("reason", string(event.Reason)), zap.Error(event.Err))
		}})
	if err != nil {
		return err
	}
	b.onStop(listener.Shutdown)
	b.listeners[name] = listener
	b.log.Info("listening", zap.String("system", name), zap.Stringer("address", listener.Addr()), zap.Bool("tls", tlsConfig != nil))
	return nil
}

// remember opens what an edge that owns a native endpoint remembers.
func (b *Bridge) remember(e *edge) error {
	name := e.side.Name
	dir := filepath.Join(b.config.Data, "admitted")
	gate, err := admit.Open(dir, name, admit.Options{Now: b.now, Event: func(event admit.Event) {
		told := AccessEvent{System: name, Kind: string(event.Kind), User: event.User, Organisation: event.Organisation, Count: event.Count}
		b.log.Warn("access", zap.String("system", name), zap.String("kind", told.Kind), zap.Int("count", told.Count), zap.Error(event.Err))
		b.publish("access", told)
	}})
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, name+".admit"), err)
	}
	e.gate, e.witness = gate, newWitnesses(b.config.Data, name, b.log)
	b.onStop(func(context.Context) error { return gate.Close() })
	b.onStop(func(context.Context) error { e.witness.save(); return nil })
	b.background(func(ctx context.Context) {
		for every(ctx, b.pace.save) {
			e.witness.save()
		}
	})
	return nil
}

// every waits for d and reports whether there is still something to wait for.
func every(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// AccessEvent tells of somebody who asks more than usual, or again with a
// message that was taken before: event.access. It names who asks and never a
// patient.
type AccessEvent struct {
	System       string `json:"system"`
	Kind         string `json:"kind"` // see package admit
	User         string `json:"user,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	Count        int    `json:"count,omitempty"` // within the hour
}

// serve offers endpoints as a micro service with slots of its own: an exchange
// that waits for a read must not hold the slot the read needs. A system is read
// for both directions, and one of them must not take the other's slots (safety
// P-08).
func (b *Bridge) serve(name, description string, endpoints []spine.Endpoint, stats func() any) error {
	meta := map[string]string{"economy": b.config.Economy, "pair": b.config.Pair, "instance": b.config.Instance}
	service, err := b.spine.Service(name, b.version, description, meta, endpoints, spine.NewPool(2*b.config.Slots), stats)
	if err != nil {
		return err
	}
	b.onStop(service.Stop)
	return nil
}

// publish tells operations of an event: event.<kind>, in JSON.
func (b *Bridge) publish(kind string, event any) {
	body, err := json.Marshal(event)
	if err == nil {
		err = b.nc.Publish(b.subjects.Event(kind), body)
	}
	if err != nil {
		b.log.Warn("publish event", zap.String("kind", kind), zap.Error(err))
	}
}

// outcome tells operations what became of an exchange.
func (b *Bridge) outcome(o Outcome) {
	b.publish("exchange", o)
	x := counted(o)
	b.operations.keeper.Exchange(x)
	b.operations.metrics.Exchange(x)
	if b.observe != nil {
		b.observe(o)
	}
}

// connectionLost hears that the connection to the NATS servers is closed for
// good; reconnecting is the connection's own business and never ends.
func (b *Bridge) connectionLost(err error) {
	select {
	case b.failed <- fmt.Errorf("connection to NATS closed: %w", err):
	default:
	}
}

// Failed gives the fault after which the instance cannot go on, if it comes to
// one; the caller stops it then.
func (b *Bridge) Failed() <-chan error { return b.failed }

// Address is where a system's own wire is taken, "" when it is not.
func (b *Bridge) Address(name string) string {
	if l := b.listeners[name]; l != nil {
		return l.Addr().String()
	}
	return ""
}

func (b *Bridge) onStop(f func(context.Context) error) { b.stops = append(b.stops, f) }

// background runs f until the instance stops, which waits for its end.
func (b *Bridge) background(f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f(ctx)
	}()
	b.onStop(func(stopping context.Context) error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-stopping.Done():
			return stopping.Err()
		}
	})
}

// Stop ends the instance: listeners first, then the services, each after its
// running exchanges, then the connection, the audit log and the server. ctx
// bounds the whole. A second call does nothing.
func (b *Bridge) Stop(ctx context.Context) error {
	var faults []error
	b.operations.leave()
	for i := len(b.stops) - 1; i >= 0; i-- {
		faults = append(faults, b.stops[i](ctx))
	}
	b.stops = nil
	return errors.Join(faults...)
}

// drain closes the connection after what is under way on it.
func (b *Bridge) drain(ctx context.Context) error {
	closed := make(chan struct{})
	b.nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	apart := b.nc.StatusChanged(nats.RECONNECTING)
	if !b.nc.IsConnected() { // there is nobody to tell, and what waits here can go nowhere
		b.nc.Close()
		return nil
	}
	if err := b.nc.Drain(); err != nil {
		b.nc.Close()
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-apart:
		b.nc.Close()
		return nil
	case <-ctx.Done():
		b.nc.Close()
		return ctx.Err()
	}
}

func (b *Bridge) natsLog(level, message string) {
	switch level {
	case "error", "fatal":
		b.log.Error("nats", zap.String("message", message))
	case "warn":
		b.log.Warn("nats", zap.String("message", message))
	}
}
