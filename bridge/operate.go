package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/metrics"
	"github.com/linkspan/linkspan/bridge/status"
)

// operations is what an instance keeps for those who run it: its own counts, and
// what it hears of the others.
type operations struct {
	keeper  *status.Keeper
	board   *status.Board
	started time.Time
	changed chan struct{} // something that a heartbeat should say at once
	heard   chan struct{} // somebody reported
	look    chan struct{} // something that the operations page shows changed
	slow    atomic.Uint64 // messages dropped because this instance was too slow
	// When the last checkpoint was signed and the log on the disk last proven, in
	// nanoseconds since 1970; 0 before.
	checkpoint, verified atomic.Int64
	covered              atomic.Uint64 // the records below the last checkpoint
	free                 atomic.Uint64 // bytes of the audit log's disk; 0 is not known
	dropped              dropped       // and what was told of that
	draining             atomic.Bool   // it takes no new request and will stop
	service              micro.Service // nil before it answers
	pauses               *pauses       // directions that are refused
	control              control       // what was asked of this instance
	metrics              *metrics.Metrics
	beating              chan struct{}      // closed when the heartbeats have ended
	rest                 context.CancelFunc // ends them
}

func (b *Bridge) newOperations() *operations {
	pair := b.link.Pair
	return &operations{
		metrics: metrics.New(b.config.Economy, pair.Name, b.config.Instance, b.version, b.Report),
		keeper:  status.NewKeeper(b.now, status.Direction{From: pair.A.Name, To: pair.B.Name}, status.Direction{From: pair.B.Name, To: pair.A.Name}),
		board: status.NewBoard(b.config.Economy, pair.Name, b.config.Environment, b.now,
			status.System{Name: pair.A.Name, Title: pair.A.Title}, status.System{Name: pair.B.Name, Title: pair.B.Title}),
		started: b.now(), changed: make(chan struct{}, 1), heard: make(chan struct{}, 1), look: make(chan struct{}, 1),
		pauses: newPauses(), control: control{drain: make(chan struct{})},
	}
}

// stir has the next heartbeat sent now.
func (o *operations) stir() { nudge(o.changed) }

// leave has every heartbeat from now on say that the instance will stop.
func (o *operations) leave() {
	if o != nil && !o.draining.Swap(true) {
		o.stir()
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hearOperations hears the heartbeats and the events of every instance, from
// before the first of its own. What it begins ends after every role has, so that
// heartbeats tell of a drain to its end.
func (b *Bridge) hearOperations() error {
	b.onStop(b.endOperations)
	if err := b.hear(b.subjects.Heartbeat("*"), b.heardReport); err != nil {
		return err
	}
	return b.hear(b.subjects.Event(">"), func(m *nats.Msg) {
		kind := strings.TrimPrefix(m.Subject, b.subjects.Event(""))
		if kind == "exchange" {
			return // the counts have it, and there is one for each exchange
		}
		if event, ok := line(kind, m.Data, b.now()); ok {
			b.operations.board.Told(event)
			nudge(b.operations.look)
		}
	})
}

// hear subscribes until the connection is drained, which is right after the
// operations have ended.
func (b *Bridge) hear(subject string, take func(*nats.Msg)) error {
	if _, err := b.nc.Subscribe(subject, take); err != nil {
		return fmt.Errorf("operations: %w", err)
	}
	return nil
}

func (b *Bridge) heardReport(m *nats.Msg) {
	var r status.Report
	if json.Unmarshal(m.Data, &r) == nil && r.Form == status.Form && r.Economy == b.config.Economy {
		if b.operations.board.Heard(r) {
			b.operations.stir() // it has not heard of this one either
		}
		nudge(b.operations.heard)
		nudge(b.operations.look)
	}
}

// startOperations begins the heartbeats and answers questions. It comes last:
// what it reports of is complete by then.
func (b *Bridge) startOperations(ctx context.Context) error {
	b.gather(ctx)
	if err := b.serveOperations(); err != nil {
		return err
	}
	if err := b.serveControl(); err != nil {
		return err
	}
	beating, rest := context.WithCancel(context.Background())
	b.operations.beating, b.operations.rest = make(chan struct{}), rest
	go func() {
		defer close(b.operations.beating)
		b.beat(beating)
	}()
	return nil
}

// gatherWait bounds the wait of a start for the other instances' heartbeats.
const gatherWait = 200 * time.Millisecond

// gather says that this instance is there, which the others answer with a
// heartbeat, so that its first answer about the link is not that nobody else is.
// It waits no longer than until every role was heard. Where the server is our
// own there are no others.
func (b *Bridge) gather(ctx context.Context) {
	own := b.Report()
	b.operations.board.Heard(own)
	if b.config.NATS.URL == "" || !b.nc.IsConnected() {
		return
	}
	b.heartbeat(own)
	waiting, cancel := context.WithTimeout(ctx, gatherWait)
	defer cancel()
	for !b.operations.board.Link().Complete() {
		select {
		case <-b.operations.heard:
		case <-waiting.Done():
			return
		}
	}
}

// endOperations sends the last heartbeat, which says that the instance stops.
func (b *Bridge) endOperations(ctx context.Context) error {
	o := b.operations
	if o.rest == nil { // it never began
		return nil
	}
	o.rest()
	select {
	case <-o.beating:
	case <-ctx.Done():
	}
	err := o.service.Stop()
	last := b.Report()
	last.Level, last.Draining, last.Why = status.Down, true, []string{"the instance stops"}
	b.heartbeat(last)
	return err
}

// beat publishes a heartbeat every status.Beat and at once where something
// changed.
func (b *Bridge) beat(ctx context.Context) {
	for {
		b.heartbeat(b.Report())
		wait, cancel := context.WithTimeout(ctx, status.Beat)
		select {
		case <-b.operations.changed:
		case <-wait.Done():
		}
		cancel()
		if ctx.Err() != nil {
			return
		}
	}
}

// heartbeatRole is the role that an instance's heartbeats go under.
func (c *Config) heartbeatRole() string {
	if c.Has(RoleExchange) {
		return RoleExchange
	}
	return c.Roles[0]
}

func (b *Bridge) heartbeat(r status.Report) {
	body, err := json.Marshal(r)
	if err == nil {
		err = b.nc.Publish(b.subjects.Heartbeat(b.config.heartbeatRole()), body)
	}
	if err != nil {
		b.log.Debug("heartbeat", zap.Error(err)) // the connection's own line says why
	}
}

// Link is the whole link as this instance knows it: its own report of this
// moment, and the last of the others.
func (b *Bridge) Link() status.Link {
	b.operations.board.Heard(b.Report())
	return b.operations.board.Link()
}

// What makes an instance need somebody before it hurts.
const (
	diskLow        = 1 << 30             // bytes free where the audit log is
	checkpointDue  = 10 * time.Minute    // records without a checkpoint above them; one is due within a minute
	certificateDue = 14 * 24 * time.Hour // to the end of a certificate
	listDue        = 2 * 24 * time.Hour  // to the end of a revocation list
)

// Report is what this instance says of itself.
func (b *Bridge) Report() status.Report {
	c := b.config
	r := status.Report{Form: status.Form, Economy: c.Economy, Pair: c.Pair, Environment: c.Environment, Instance: c.Instance, Version: b.version,
		Roles: slices.Clone(c.Roles), At: b.now().UTC(), Started: b.operations.started.UTC(), Level: status.OK}
	worse := func(level status.Level, words string) {
		if level == status.Down || r.Level == status.OK {
			r.Level = level
		}
		r.Why = append(r.Why, words)
	}
	for _, e := range b.edges {
		s := e.status()
		s.Listening = b.listeners[s.Name] != nil
		if s.Wire == status.WireDown {
			worse(status.Down, s.Title+" does not answer: "+s.Reason)
		}
		r.Systems = append(r.Systems, s)
	}
	if b.ledger != nil {
		x := b.operations.keeper.Exchanges()
		r.Exchanges = &x
		a := b.ledger.status(b.operations)
		if a.Trouble != "" {
			worse(status.Down, "audit: "+a.Trouble)
		}
		if a.FreeBytes > 0 && a.FreeBytes < diskLow {
			worse(status.Degraded, fmt.Sprintf("the disk of the audit log has %d MiB left", a.FreeBytes>>20))
		}
		since := later(a.Checkpoint, b.operations.started)
		if a.Records > b.operations.covered.Load() && b.now().Sub(since) > checkpointDue {
			worse(status.Degraded, "no checkpoint of the audit log was signed since "+since.UTC().Format(time.RFC3339))
		}
		r.Audit = &a
		t := b.tables.status()
		if t.Refused != nil {
			worse(status.Degraded, "a newer set of tables is refused since "+t.Refused.UTC().Format(time.RFC3339))
		}
		r.Tables = &t
	}
	for _, store := range b.operations.control.stores {
		for _, end := range store.Ends() {
			r.Certificates = append(r.Certificates, status.Certificate{Use: end.Use, What: end.What, Until: end.Until.UTC(), List: end.List})
		}
	}
	slices.SortStableFunc(r.Certificates, func(a, b status.Certificate) int { return a.Until.Compare(b.Until) })
	for _, end := range r.Certificates {
		soon := certificateDue
		if end.List {
			soon = listDue
		}
		if end.Until.Sub(b.now()) < soon {
			worse(status.Degraded, fmt.Sprintf("%s: the %s ends at %s", end.Use, end.What, end.Until.Format(time.RFC3339)))
		}
	}
	r.NATS = status.NATS{Connected: b.nc.IsConnected(), Embedded: c.NATS.URL == "", Server: b.nc.ConnectedServerName(),
		Reconnects: b.nc.Stats().Reconnects, SlowEvents: b.operations.slow.Load()}
	if !r.NATS.Connected {
		worse(status.Down, "not connected to NATS")
	}
	if r.Paused = b.operations.pauses.names(); len(r.Paused) > 0 {
		worse(status.Degraded, "requests are paused, of "+strings.Join(r.Paused, " and "))
	}
	if b.operations.draining.Load() { // down would mean that it has ended
		r.Draining, r.Level = true, status.Degraded
		r.Why = append(r.Why, "it takes no new request and will stop")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Process = status.Process{HeapBytes: m.HeapAlloc, Goroutines: runtime.NumGoroutine()}
	return r
}

// checkpointed notes a checkpoint and how many records are below it, which is the
// second line of one.
func (o *operations) checkpointed(text string, at time.Time) {
	o.checkpoint.Store(at.UnixNano())
	if lines := strings.SplitN(text, "\n", 3); len(lines) == 3 {
		if records, err := strconv.ParseUint(lines[1], 10, 64); err == nil {
			o.covered.Store(records)
		}
	}
}

// status is the audit log's state. It waits for no disk: a heartbeat must come
// when one is stuck, too.
func (l *ledger) status(o *operations) status.Audit {
	newest := l.Newest()
	a := status.Audit{Records: newest.Seq, TreeHead: newest.TreeHead, Checkpoint: at(&o.checkpoint), Verified: at(&o.verified), FreeBytes: o.free.Load()}
	if err := l.Err(); err != nil {
		a.Trouble = err.Error()
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// at is a time that another goroutine keeps, zero before it did.
func at(nanoseconds *atomic.Int64) time.Time {
	if n := nanoseconds.Load(); n != 0 {
		return time.Unix(0, n).UTC()
	}
	return time.Time{}
}

func (k *keeper) status() status.Tables {
	t, set := k.inUse(), k.current.Load()
	return status.Tables{MapSet: t.MapSet, Since: t.Since.UTC(), By: t.By, Day: t.Day, Refused: t.Refused, Signed: set.signed, Count: set.count}
}

// status is how this edge's system does.
func (e *edge) status() status.System {
	w := e.client.Status()
	s := status.System{Name: e.side.Name, Title: e.side.Title, Wire: status.WireState(w.State), Since: w.Since, Reason: string(w.Reason),
		Success: w.Success, Breaker: w.Breaker, InFlight: w.InFlight, Waiting: w.Waiting}
	if e.intake != nil { // not before the edge takes requests
		s.Intake = e.intake.read()
	}
	return s
}

// counted is what the counts take of an outcome.
func counted(o Outcome) status.Exchange {
	x := status.Exchange{From: o.From, To: o.To, Reason: string(o.Reason), Entries: map[string]int{}, Degraded: map[string]int{}, Warnings: map[string]int{},
		Hops: map[string]time.Duration{status.HopExchange: micros(o.Micros)}}
	for name, took := range map[string]int64{status.HopHolder: o.HolderMicros, status.HopOwnCopy: o.OwnCopyMicros,
		status.HopTranslate: o.TranslateMicros, status.HopAudit: o.AuditMicros} {
		if took > 0 {
			x.Hops[name] = micros(took)
		}
	}
	if o.Reason != "" {
		return x
	}
	for _, s := range o.Report.Sections {
		for outcome, n := range map[string]int{"coded": s.Coded, "degraded": s.Degraded, "withheld": s.Withheld, "unsupported": s.Unsupported,
			"failed": s.Failed, "duplicate": s.Duplicate} {
			if n > 0 {
				x.Entries[outcome] += n
			}
		}
		if s.Degraded > 0 {
			x.Degraded[s.Section] += s.Degraded
		}
	}
	for _, w := range o.Report.Warnings {
		x.Warnings[w.Code]++
	}
	for _, u := range o.Report.Unmapped {
		x.Unmapped = append(x.Unmapped, status.Unmapped{Scheme: u.Scheme, Code: u.Code, Kind: u.Kind, Count: uint64(u.Count)})
	}
	return x
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
