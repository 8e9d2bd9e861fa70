package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// logbook is what crossed an account, held against the catalogue.
type logbook struct {
	mu     sync.Mutex
	seen   map[string]int // by pattern
	wires  map[string]int // what was told of wires, by kind
	all    map[string]int // by subject
	faults []string
}

// inbox is a private one, also that of a question from another account.
var inbox = regexp.MustCompile(`^(_INBOX|_R_|_GR_)\.`)

// tokened subjects: nothing that a name or a text could hide in.
var tokened = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// identifiers that the run's messages hold.
var identifiers = regexp.MustCompile(`(?i)\d{10}|winterbourne|quillfeather`)

func keep(t *testing.T, nc *nats.Conn, subjects ...string) *logbook {
	t.Helper()
	l := &logbook{seen: map[string]int{}, wires: map[string]int{}, all: map[string]int{}}
	for _, subject := range subjects {
		sub, err := nc.Subscribe(subject, l.take)
		require.NoError(t, err)
		require.NoError(t, sub.SetPendingLimits(-1, -1))
	}
	require.NoError(t, nc.Flush())
	return l
}

func (l *logbook) take(m *nats.Msg) {
	if inbox.MatchString(m.Subject) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[m.Subject]++
	if name := strings.TrimPrefix(m.Subject, "$SRV."); !strings.HasPrefix(name, "$") && !tokened.MatchString(name) || identifiers.MatchString(m.Subject) {
		l.faults = append(l.faults, "subject "+m.Subject)
	}
	rows := 0
	for _, row := range bridge.Catalogue() {
		if !row.Matches(m.Subject) {
			continue
		}
		rows++
		l.seen[row.Pattern]++
		var wire bridge.WireEvent
		if row.Pattern == "linkspan.<economy>.event.wire" && json.Unmarshal(m.Data, &wire) == nil {
			l.wires[wire.Kind]++
		}
		if fault := unlike(row.Payload, m); fault != "" {
			l.faults = append(l.faults, m.Subject+": "+fault)
		}
	}
	if rows != 1 {
		l.faults = append(l.faults, fmt.Sprintf("%s stands in %d rows", m.Subject, rows))
	}
}

// unlike says how a message is not what the catalogue says it is.
func unlike(p bridge.Payload, m *nats.Msg) string {
	switch p.Form {
	case bridge.FormJSON:
		return undecodable(p.Example, m.Data)
	case bridge.FormSealed:
		return undecodable(p.Example, []byte(m.Header.Get(spine.HeaderClaims)))
	case bridge.FormEmpty:
		if len(m.Data) > 0 && m.Header.Get(spine.HeaderClaims) != "" {
			return "a question with claims"
		}
	case bridge.FormNative:
		if !bytes.HasPrefix(bytes.TrimSpace(m.Data), []byte("<")) {
			return "not a native message"
		}
	}
	return ""
}

// undecodable decodes strictly into a new value of the example's type.
func undecodable(example any, body []byte) string {
	into := reflect.New(reflect.TypeOf(example))
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into.Interface()); err != nil {
		return fmt.Sprintf("%v: %s", err, body)
	}
	return ""
}

// missing are the patterns not seen yet.
func (l *logbook) missing(want func(bridge.Subject) bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var missing []string
	for _, row := range bridge.Catalogue() {
		if want(row) && l.seen[row.Pattern] == 0 {
			missing = append(missing, row.Pattern)
		}
	}
	return missing
}

func (l *logbook) subjects(of func(bridge.Subject) bool) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]int{}
	for subject, n := range l.all {
		for _, row := range bridge.Catalogue() {
			if row.Matches(subject) && of(row) {
				found[subject] = n
			}
		}
	}
	return found
}

func every(bridge.Subject) bool { return true }

func heardByOperations(row bridge.Subject) bool { return row.Operations == bridge.OperationsHear }

// Everything that crosses NATS in a run of a whole link, with every trouble there
// is an event of, stands in the catalogue and is what the catalogue says; every
// row of the catalogue is seen; operations see what it says they may and no more.
func TestTheCatalogueIsWhatCrosses(t *testing.T) {
	a := startArea(t)
	crossed := keep(t, a.connect(a.link), ">")
	ops := a.connect(a.ops)
	heard := keep(t, ops, ">")
	run := startRun(t, a)
	run.work()
	run.ask(ops)
	run.trouble()
	run.flood(crossed)
	run.control(ops)
	require.Eventually(t, func() bool { return len(crossed.missing(every)) <= 0 }, 20*time.Second, 20*time.Millisecond, "never seen: %v", lazily(crossed.missing, every))
	run.stop()
	require.Empty(t, crossed.missing(every))
	require.Positive(t, crossed.wires[bridge.WireUp])
	require.Equal(t, 1, crossed.wires[bridge.WireThrottle], "told once a minute")
	require.Empty(t, crossed.faults)
	require.Empty(t, heard.faults)
	require.NoError(t, ops.Flush())
	require.Equal(t, crossed.subjects(heardByOperations), heard.subjects(heardByOperations))
	for subject := range heard.all { // the rest are their own questions
		require.NotEmpty(t, heard.subjects(func(row bridge.Subject) bool { return row.Operations != bridge.OperationsNone && row.Matches(subject) }), subject)
	}
}

// text is made when a failure is printed.
type text func() string

func (f text) String() string { return f() }

func lazily(f func(func(bridge.Subject) bool) []string, of func(bridge.Subject) bool) fmt.Stringer {
	return text(func() string { return strings.Join(f(of), ", ") })
}

// run is a link of three instances that will have every trouble there is.
type run struct {
	t          *testing.T
	a          *area
	edges      *economy
	exchange   *economy
	held       atomic.Bool   // SystmOne answers nobody
	letGo      chan struct{} // closed, it answers all
	ahead      atomic.Int64  // how far the exchange's clock was put forward, in seconds
	practice   *wire.Listener
	revocation string
	authority  *certstest.Authority
	folder     *mapset.Folder
}

func startRun(t *testing.T, a *area) *run {
	t.Helper()
	r := &run{t: t, a: a, letGo: make(chan struct{})}
	r.pushTables()
	r.exchange = a.instance("one", setup{agreement: perRequest, options: func(o bridge.Options) bridge.Options {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load()) * time.Second) }
		return bridge.Paced(o, 20*time.Millisecond, 50*time.Millisecond, time.Hour)
	}, config: func(c *bridge.Config) {
		c.TablesFrom, c.Tables = bridge.TablesFromNATS, filepath.Join(t.TempDir(), "tables")
	}}, bridge.RoleExchange)
	r.edges = a.instance("edges", setup{agreement: perRequest, config: r.overTLS}, "emisweb", "systmone")
	return r
}

// overTLS has SystmOne's interface behind TLS.
func (r *run) overTLS(c *bridge.Config) {
	r.authority = certstest.New(r.t, "area")
	own, practice := r.authority.Issue("linkspan.test"), r.authority.Issue("practice.test")
	store, err := certs.Open(r.authority.Files(practice, []string{"linkspan.test"}, own))
	require.NoError(r.t, err)
	r.t.Cleanup(store.Close)
	r.practice, err = wire.Listen(r.t.Context(), native("systmone"), "127.0.0.1:0", r.holding(stand(r.t, "systmone", standin.Options{}).Handle), wire.ListenOptions{TLS: store.Server()})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, r.practice.Shutdown(context.Background())) })
	side := c.Sides["systmone"]
	files := r.authority.Files(own, []string{"practice.test"}, practice)
	over(&side, files)
	side.Plaintext, side.Queue, side.Throttle = []string{"listen"}, 1, "request=100/1s,record=1/2s"
	side.Address = r.practice.Addr().String()
	c.Sides["systmone"] = side
	r.revocation = files.CRL[0]
}

// holding has a system not answer while it is held.
func (r *run) holding(next wire.Handler) wire.Handler {
	return func(ctx context.Context, message []byte, from wire.Peer) []byte {
		if r.held.Load() {
			<-r.letGo
		}
		return next(ctx, message, from)
	}
}

// flood asks SystmOne, which takes one message after another, for more than may
// wait, until somebody was answered busy.
func (r *run) flood(crossed *logbook) {
	r.t.Helper()
	r.held.Store(true)
	var asked sync.WaitGroup
	for range 3 {
		asked.Go(func() {
			r.edges.askBeside("emisweb", request(r.t, "emisweb-full.xml"), "Linkspan-Consent", "patient-present", "Linkspan-Activities", "B0360")
		})
	}
	overload := func(row bridge.Subject) bool { return row.Pattern == "linkspan.<economy>.event.overload" }
	require.Eventually(r.t, func() bool { return len(crossed.missing(overload)) == 0 }, 10*time.Second, 5*time.Millisecond)
	close(r.letGo)
	asked.Wait()
}

// control has the exchange reload, as operations.
func (r *run) control(ops *nats.Conn) {
	r.t.Helper()
	body, err := json.Marshal(bridge.ControlRequest{By: "night desk", Why: "a test"})
	require.NoError(r.t, err)
	answer, err := ops.Request(bridge.NewSubjects("test").Control("one", bridge.ControlReload), body, 10*time.Second)
	require.NoError(r.t, err)
	require.Empty(r.t, answer.Header.Get(micro.ErrorHeader))
	require.Empty(r.t, undecodable(bridge.ControlAnswer{}, answer.Data))
}

// pushTables makes a set and pushes it, as linkspan tables push does.
func (r *run) pushTables() {
	r.t.Helper()
	r.folder = mapset.Open(filepath.Join(r.t.TempDir(), "made"))
	js, err := jetstream.New(r.a.connect(r.a.link))
	require.NoError(r.t, err)
	made := &engineer{tables: &tables{t: r.t, folder: r.folder}, js: js}
	made.draft(local("1"))
	made.push()
}

// work carries records both ways, on the wires and on a native subject.
func (r *run) work() {
	r.t.Helper()
	consent := []string{"Linkspan-Consent", "patient-present", "Linkspan-Activities", "B0360"}
	require.Contains(r.t, string(r.edges.askBeside("emisweb", request(r.t, "emisweb-full.xml"), consent...)), "9998193036")
	require.Contains(r.t, string(r.edges.ask("systmone", request(r.t, askings["systmone"]))), "9998193036")
	application := spine.New(r.a.connect(r.a.link), spine.NewKey(), spine.Options{Limit: 8 << 20})
	answer, err := application.RequestNative(r.t.Context(), bridge.NewSubjects("test").Native("systmone"), fresh(request(r.t, askings["systmone"])))
	require.NoError(r.t, err)
	require.Contains(r.t, string(answer), "9998193036")
}

// ask asks as operations, and as a privacy officer, whatever there is to ask. Each
// answer is what the catalogue says.
func (r *run) ask(ops *nats.Conn) {
	r.t.Helper()
	c := tools{r.t, ops}
	instances := map[string]int{"health": 1, "status": 2, "tables": 1}
	for _, info := range srv[micro.Info](c, micro.InfoVerb, micro.InfoResponseType, ".linkspan-operations", 2) {
		for _, endpoint := range info.Endpoints {
			if endpoint.Name == "metrics" { // those that serve them
				instances["metrics"]++
			}
		}
	}
	require.NoError(r.t, ops.PublishRequest("linkspan.test.metrics", ops.NewRespInbox(), nil))
	for _, row := range bridge.Catalogue() {
		name, ok := strings.CutPrefix(row.Pattern, "linkspan.<economy>.")
		if !ok || row.Operations != bridge.OperationsAsk || instances[name] == 0 {
			continue
		}
		for _, m := range c.ask("linkspan.test."+name, instances[name]) {
			if row.Answer.Form == bridge.FormJSON {
				require.Empty(r.t, undecodable(row.Answer.Example, m.Data))
			} else {
				require.NotEmpty(r.t, m.Data)
			}
		}
	}
	c.micro(map[string]int{"linkspan": 1, "linkspan-emisweb": 1, "linkspan-systmone": 1, "linkspan-audit": 1, "linkspan-operations": 2})
	g := desk(r.t, r.a.link, r.a.key)
	answers, err := bridge.AskAudit(r.t.Context(), g, bridge.AuditQuestion{Kind: bridge.AuditVerify, By: "P. Officer"}, nil)
	require.NoError(r.t, err)
	require.Len(r.t, answers, 1)
	require.NoError(r.t, answers[0].Err)
}

// trouble has everything happen that there is an event of and that has not
// happened in the work of a link that is well.
func (r *run) trouble() {
	r.t.Helper()
	r.edges.askBeside("emisweb", request(r.t, "emisweb-full.xml"), "Linkspan-Break-Glass", "unconscious", "Linkspan-Break-Glass-Text", "found so",
		"Linkspan-Consent", "not-obtained", "Linkspan-Activities", "B0360,B0168")
	client := wire.NewClient(r.edges.systems["systmone"].Wire, r.edges.Address("systmone"), wire.ClientOptions{ThrottleDisabled: true})
	defer client.Close()
	for range 2 { // access: a message that comes again
		_, err := client.Do(r.t.Context(), request(r.t, askings["systmone"]), nil)
		require.NoError(r.t, err)
	}
	certstest.Write(r.t, r.revocation, r.authority.List(nil))
	for _, e := range []*economy{r.exchange, r.edges} {
		r.amend(e)
	}
	r.ahead.Store(5)
}

// amend changes the agreement of one instance.
func (r *run) amend(e *economy) {
	r.t.Helper()
	file := filepath.Join(e.data, "agreement.json")
	text, err := os.ReadFile(file)
	require.NoError(r.t, err)
	var a governance.Agreement
	require.NoError(r.t, json.Unmarshal(text, &a))
	a.Enabled["emisweb"] += " again"
	text, err = json.Marshal(a)
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(file, text, 0o600))
}

// stop ends the link: the last checkpoint of the audit log and the last
// heartbeats.
func (r *run) stop() {
	r.t.Helper()
	require.NoError(r.t, r.exchange.Stop(context.Background()))
	require.NoError(r.t, r.edges.Stop(context.Background()))
}

// A subject stands in one row; placeholders are tokens.
func TestTheCatalogueIsSound(t *testing.T) {
	patterns := map[string]bool{}
	for _, row := range bridge.Catalogue() {
		require.False(t, patterns[row.Pattern], row.Pattern)
		patterns[row.Pattern] = true
		for name, words := range map[string]string{"means": row.Means, "publisher": row.Publisher, "reader": row.Reader, "rate": row.Rate, "retention": row.Retention} {
			require.NotEmpty(t, words, "%s of %s", name, row.Pattern)
		}
		require.True(t, strings.HasSuffix(row.Means, "."), row.Pattern)
		require.Equal(t, row.Answer != nil, row.Answers != "", row.Pattern)
		for _, p := range []*bridge.Payload{&row.Payload, row.Answer} {
			if p == nil {
				continue
			}
			require.Equal(t, p.Form == bridge.FormJSON || p.Form == bridge.FormSealed, p.Example != nil, row.Pattern)
			if p.Example != nil {
				body, err := json.Marshal(p.Example)
				require.NoError(t, err)
				require.Empty(t, undecodable(p.Example, body))
			}
		}
	}
	s := bridge.NewSubjects("x")
	for pattern, subject := range map[string]string{"exchange.<system>": s.Exchange("a"), "<system>.read.<organisation>": s.Read("a", "X99001"), "<system>.native": s.Native("a"),
		"event.wire": s.Event("wire"), "tables": s.Tables(), "audit": s.Audit(), "audit.<instance>": s.AuditOf("one"), "heartbeat.<role>": s.Heartbeat("exchange"), "health": s.Health(),
		"status": s.Status(), "metrics": s.Metrics(), "control.<instance>.<verb>": s.Control("one", "drain")} {
		matches := slices.DeleteFunc(bridge.Catalogue(), func(row bridge.Subject) bool { return !row.Matches(subject) })
		require.Len(t, matches, 1, subject)
		require.Equal(t, "linkspan.<economy>."+pattern, matches[0].Pattern)
	}
	for _, strange := range []string{"linkspan.x", "linkspan.x.event", "linkspan.x.event.other", "linkspan.x.exchange.a.b", "linkspan.x.y.z", "$SRV.OTHER", "$SYS.x"} {
		require.False(t, catalogued(strange), strange)
	}
}

// On the operations listener of one box operations may do what the catalogue says
// and nothing else.
func TestOperationsMayDoWhatTheCatalogueSays(t *testing.T) {
	e := start(t, setup{config: withOperations})
	nc := operations(t, e)
	denied := make(chan error, 100)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err })
	for _, row := range bridge.Catalogue() {
		sub, err := nc.SubscribeSync(row.Wildcard())
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		if row.Operations != bridge.OperationsHear {
			select {
			case err := <-denied:
				require.ErrorIs(t, err, nats.ErrPermissionViolation, row.Pattern)
			case <-time.After(10 * time.Second):
				require.Fail(t, "operations may subscribe", row.Pattern)
			}
		}
		require.Empty(t, denied, row.Pattern)
		_ = sub.Unsubscribe() // a refused one is gone already
	}
	asked := keep(t, e.Conn(), ">")
	for _, row := range bridge.Catalogue() {
		subject := regexp.MustCompile(`<[a-z]+>|>$`).ReplaceAllString(row.Pattern, "x")
		require.NoError(t, nc.PublishRequest(subject, nc.NewRespInbox(), nil))
	}
	require.NoError(t, nc.Flush())
	require.NoError(t, e.Conn().Flush())
	var may []string
	for _, row := range bridge.Catalogue() {
		if row.Operations == bridge.OperationsAsk {
			may = append(may, row.Pattern)
		}
	}
	require.Eventually(t, func() bool {
		asked.mu.Lock()
		defer asked.mu.Unlock()
		return asked.seen["$SRV.STATS.<service>.<id>"] > 0
	}, 10*time.Second, 5*time.Millisecond)
	asked.mu.Lock()
	defer asked.mu.Unlock()
	got := slices.DeleteFunc(slices.Sorted(maps.Keys(asked.seen)), func(pattern string) bool { return strings.Contains(pattern, ".heartbeat.") })
	slices.Sort(may)
	require.Equal(t, may, got)
}
