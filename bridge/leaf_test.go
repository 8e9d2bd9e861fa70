package bridge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/bridge/wire"
)

// hub is the hub of operations of docs/deploy/leaf.md: its file as it stands, but
// for the places of the certificates and the addresses.
type hub struct {
	t         *testing.T
	authority *certstest.Authority
	file      string
	server    *server.Server
	own       certstest.Leaf
	desk      certstest.Leaf // of the area that joined last
	clients   int            // the ports, the same ones when it comes back
	leaves    int
}

func startHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, authority: certstest.New(t, "region"), clients: -1, leaves: -1}
	h.own = h.authority.Issue("hub.example")
	dir := t.TempDir()
	certstest.Write(t, filepath.Join(dir, "hub.pem"), h.own.PEM())
	certstest.Write(t, filepath.Join(dir, "hub.key"), h.own.KeyPEM(t))
	certstest.Write(t, filepath.Join(dir, "ca.pem"), h.authority.PEM())
	text, err := os.ReadFile("../docs/deploy/leaf/hub.conf")
	require.NoError(t, err)
	h.file = filepath.Join(dir, "hub.conf")
	placed := strings.NewReplacer("/etc/linkspan-hub/", filepath.ToSlash(dir)+"/", "0.0.0.0:", "127.0.0.1:", ":4222", ":-1", ":7422", ":-1").Replace(string(text))
	certstest.Write(t, h.file, []byte(placed))
	h.start()
	return h
}

func (h *hub) start() {
	h.t.Helper()
	o, err := server.ProcessConfigFile(h.file)
	require.NoError(h.t, err)
	o.Port, o.LeafNode.Port, o.NoLog, o.NoSigs = h.clients, h.leaves, true, true
	for _, account := range o.Accounts { // who looks at all that comes, and may do what he likes
		if account.Name == "ESTUARY" {
			o.Users = append(o.Users, &server.User{Username: "probe.example", Account: account})
		}
	}
	h.server, err = server.NewServer(o)
	require.NoError(h.t, err)
	go h.server.Start()
	require.True(h.t, h.server.ReadyForConnections(10*time.Second))
	h.t.Cleanup(h.stop)
	v, err := h.server.Varz(nil)
	require.NoError(h.t, err)
	h.clients, h.leaves = v.Port, v.LeafNode.Port
}

func (h *hub) stop() { h.server.Shutdown(); h.server.WaitForShutdown() }

// as connects somebody, who is known by the certificate.
func (h *hub) as(name string) *nats.Conn {
	h.t.Helper()
	nc, err := nats.Connect("tls://127.0.0.1:"+strconv.Itoa(h.clients), h.secure(h.authority.Issue(name), "hub.example"), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(h.t, err)
	h.t.Cleanup(nc.Close)
	return nc
}

func (h *hub) secure(own certstest.Leaf, server string) nats.Option {
	roots := x509.NewCertPool()
	roots.AddCert(h.authority.Cert)
	return nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: server, Certificates: []tls.Certificate{own.TLS()}})
}

// joined has an area join the hub, and open its own listener for operations.
func (h *hub) joined(area string) setup {
	own, desk := h.authority.Issue("link."+area+".example"), h.authority.Issue("desk.example")
	h.desk = desk
	files := h.authority.Files(own, []string{"hub.example", "desk.example"}, h.own, desk)
	return setup{agreement: func(a *governance.Agreement) { a.Economy = area; breakable(a) }, config: func(c *bridge.Config) {
		withOperations(c)
		c.Economy, c.NATS.Leaf = area, "tls://127.0.0.1:"+strconv.Itoa(h.leaves)
		c.NATS.Cert, c.NATS.Key, c.NATS.CA, c.NATS.Names, c.NATS.Pins, c.NATS.CRL = files.Cert, files.Key, files.CA, files.Names, files.Pins, files.CRL
	}}
}

// near is a client of an area's own listener.
func (h *hub) near(e *economy, area string) *nats.Conn {
	h.t.Helper()
	nc, err := nats.Connect(e.Operations(), nats.UserInfo("operations", "a password of the test"), h.secure(h.desk, "link."+area+".example"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(h.t, err)
	h.t.Cleanup(nc.Close)
	return nc
}

// reachesHub waits until the area answers there.
func reachesHub(t *testing.T, nc *nats.Conn, area string) {
	t.Helper()
	require.Eventually(t, func() bool {
		m, err := nc.Request("linkspan."+area+".health", nil, time.Second)
		return err == nil && strings.Contains(string(m.Data), ok)
	}, 20*time.Second, 10*time.Millisecond, "%s does not answer at the hub", area)
}

// counted is how often a subject was heard, and what was wrong so far.
func (l *logbook) counted(subject string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[subject]
}

func (l *logbook) wrong() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.faults)
}

func (l *logbook) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.all))
}

// saysHub waits until the log's last word is that the hub is there, or is not.
func saysHub(t *testing.T, e *economy, connected bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		said := e.logs.FilterMessage("operations hub").All()
		return len(said) > 0 && said[len(said)-1].ContextMap()["connected"] == connected
	}, 20*time.Second, 10*time.Millisecond, "the log says otherwise")
}

// Whoever watches an area at the hub hears its heartbeats and events, and is
// answered what the standard tools ask; control is for those who may.
func TestAHubWatchesAnArea(t *testing.T) {
	h := startHub(t)
	e := start(t, h.joined("estuary"))
	watcher, operator, region := h.as("watch.estuary.example"), h.as("operate.estuary.example"), h.as("watch.region.example")
	reachesHub(t, watcher, "estuary")
	reachesHub(t, region, "estuary")
	c := tools{t, watcher}
	c.checkConnection()
	require.Contains(t, string(c.ask("$SYS.REQ.SERVER.PING.VARZ", 1)[0].Data), "linkspan-one")
	heard, everywhere := keep(t, watcher, "linkspan.estuary.event.>", "linkspan.estuary.heartbeat.*"), keep(t, region, "linkspan.*.event.>", "linkspan.*.heartbeat.*")
	probe := keep(t, h.as("probe.example"), ">")
	c.micro(map[string]int{"linkspan": 1, "linkspan-emisweb": 1, "linkspan-systmone": 1, "linkspan-audit": 1, "linkspan-operations": 1})
	for _, nc := range []*nats.Conn{watcher, region} {
		var r status.Report
		strictly(t, tools{t, nc}.ask("linkspan.estuary.status", 1)[0].Data, &r)
		require.Equal(t, "one", r.Instance)
		require.Contains(t, string(tools{t, nc}.ask("linkspan.estuary.metrics", 1)[0].Data), "linkspan_")
	}
	require.Contains(t, string(c.ask("linkspan.estuary.tables", 1)[0].Data), "one")

	body, err := json.Marshal(bridge.ControlRequest{By: "night desk", Why: "a test", Direction: "emisweb"})
	require.NoError(t, err)
	for _, nc := range []*nats.Conn{watcher, region} {
		_, err := nc.Request("linkspan.estuary.control.one.pause", body, 200*time.Millisecond)
		require.Error(t, err, "who watches changes nothing")
	}
	for _, verb := range []string{bridge.ControlPause, bridge.ControlResume} {
		m, err := operator.Request("linkspan.estuary.control.one."+verb, body, 10*time.Second)
		require.NoError(t, err)
		require.Empty(t, m.Header.Get(micro.ErrorHeader))
	}
	require.Len(t, controls(t, e.data), 2, "each in the audit log, and nobody else's")
	for from, file := range askings {
		require.Contains(t, string(e.ask(from, request(t, file))), "9998193036")
	}
	for _, l := range []*logbook{heard, everywhere, probe} {
		require.Eventually(t, func() bool {
			return l.counted("linkspan.estuary.event.exchange") == 2 && l.counted("linkspan.estuary.event.control") == 2 && l.counted("linkspan.estuary.heartbeat.exchange") > 0
		}, 20*time.Second, 10*time.Millisecond)
		require.Empty(t, l.wrong())
	}
	saysHub(t, e, true)
}

// Exchanges go every way they can, with a canary in every field: the hub sees
// events and heartbeats and no subject of a record, and nothing of a patient.
// Whatever it publishes reaches nobody, but what operations may ask.
func TestAHubNeverSeesARecord(t *testing.T) {
	h, f := startHub(t), newFlock(t, false)
	s := h.joined("estuary")
	s.holders = map[string]wire.Handler{"emisweb": f.handler("emisweb"), "systmone": f.handler("systmone")}
	config := s.config
	s.config = func(c *bridge.Config) { config(c); c.RecordLimit = 1 << 20 }
	s.options = func(o bridge.Options) bridge.Options { o.Observe = nil; return o }
	e := start(t, s)
	hacker := h.as("probe.example")
	reachesHub(t, hacker, "estuary")
	seen := make(chan *nats.Msg, 10_000)
	_, err := hacker.ChanSubscribe(">", seen)
	require.NoError(t, err)
	require.NoError(t, hacker.Flush())
	near := h.near(e, "estuary")
	here, inside := keep(t, near, "linkspan.*.event.>", "linkspan.*.heartbeat.*"), listen(t, e)
	released := f.runs(t, func(from string, native []byte, header map[string]string) []byte {
		return (&watched{e: e}).askWith(t, from, native, header)
	})
	require.Positive(t, released["answered"])
	require.Eventually(t, func() bool {
		return here.counted("linkspan.estuary.event.exchange") > released["answered"]
	}, 10*time.Second, 10*time.Millisecond)
	reachesHub(t, hacker, "estuary") // what was published before is there
	events := 0
	for len(seen) > 0 {
		m := <-seen
		header, err := json.Marshal(m.Header)
		require.NoError(t, err)
		require.Empty(t, found(m.Subject+m.Reply+string(header)+string(m.Data)), m.Subject)
		if m.Subject == "linkspan.estuary.event.exchange" {
			events++
		}
		for _, row := range bridge.Catalogue() {
			require.False(t, row.Matches(m.Subject) && row.Operations == bridge.OperationsNone, m.Subject)
		}
	}
	require.Greater(t, events, released["answered"])

	audited := controls(t, e.data)
	for _, row := range bridge.Catalogue() {
		if row.Operations == bridge.OperationsAsk {
			continue
		}
		for _, system := range []string{"emisweb", "systmone"} {
			subject := strings.NewReplacer("<economy>", "estuary", "<system>", system, "<organisation>", "X99002", "<instance>", "one", "<role>", "exchange", ">", "x").Replace(row.Pattern)
			require.NoError(t, hacker.PublishRequest(subject, hacker.NewRespInbox(), []byte("forged at the hub")))
		}
	}
	reachesHub(t, hacker, "estuary")
	require.NoError(t, near.Flush())
	for _, text := range inside.texts() {
		require.NotContains(t, text, "forged at the hub")
	}
	require.Empty(t, here.wrong(), "a forged event is none of the catalogue's")
	require.Equal(t, audited, controls(t, e.data))
}

// With the hub gone, exchanges and the area's own operations go on; with the hub
// back, it hears again.
func TestTheHubMayGo(t *testing.T) {
	h := startHub(t)
	e := start(t, h.joined("estuary"))
	watcher, near := h.as("watch.estuary.example"), h.near(e, "estuary")
	reachesHub(t, watcher, "estuary")
	saysHub(t, e, true)
	h.stop()
	saysHub(t, e, false)
	here := keep(t, near, "linkspan.*.event.>", "linkspan.*.heartbeat.*")
	for from, file := range askings {
		require.Contains(t, string(e.ask(from, request(t, file))), "9998193036")
		require.Empty(t, (<-e.outcomes).Reason)
	}
	require.Empty(t, tools{t, near}.checkRequest("linkspan.estuary.health", ok))
	body, err := json.Marshal(bridge.ControlRequest{By: "night desk", Why: "a test", Direction: "emisweb"})
	require.NoError(t, err)
	for _, verb := range []string{bridge.ControlPause, bridge.ControlResume} { // a change, which a heartbeat tells of at once
		_, err := near.Request("linkspan.estuary.control.one."+verb, body, 10*time.Second)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		return here.counted("linkspan.estuary.heartbeat.exchange") > 0 && here.counted("linkspan.estuary.event.exchange") == 2
	}, 20*time.Second, 10*time.Millisecond)
	h.start()
	require.Eventually(t, watcher.IsConnected, 20*time.Second, 10*time.Millisecond)
	reachesHub(t, watcher, "estuary")
	again := keep(t, watcher, "linkspan.estuary.event.>")
	require.Contains(t, string(e.ask("systmone", request(t, askings["systmone"]))), "9998193036")
	require.Eventually(t, func() bool {
		return again.counted("linkspan.estuary.event.exchange") == 1
	}, 20*time.Second, 10*time.Millisecond)
}

// Two areas on one hub do not see each other; whoever watches the region sees
// both and tells them apart.
func TestTwoAreasOnOneHub(t *testing.T) {
	h := startHub(t)
	estuary := start(t, h.joined("estuary"))
	nearEstuary := h.near(estuary, "estuary")
	fell := start(t, h.joined("fell"))
	region, ofFell := h.as("watch.region.example"), h.as("watch.fell.example")
	for _, area := range []string{"estuary", "fell"} {
		reachesHub(t, region, area)
		var r status.Report
		strictly(t, tools{t, region}.ask("linkspan."+area+".status", 1)[0].Data, &r)
		require.Equal(t, area, r.Economy)
	}
	for _, info := range srv[micro.Info](tools{t, ofFell}, micro.InfoVerb, micro.InfoResponseType, "", 5) {
		require.Equal(t, "fell", info.Metadata["economy"])
	}
	both, one := keep(t, region, "linkspan.*.event.>", "linkspan.*.heartbeat.*"), keep(t, ofFell, "linkspan.fell.event.>", "linkspan.fell.heartbeat.*")
	insideFell, hereEstuary := listen(t, fell), keep(t, nearEstuary, "linkspan.*.event.>", "linkspan.*.heartbeat.*")
	for _, nc := range []*nats.Conn{ofFell, nearEstuary} {
		for _, area := range []string{"estuary", "fell"} {
			_ = nc.PublishRequest("linkspan."+area+".control.one.drain", nc.NewRespInbox(), []byte(plainly))
		}
		require.NoError(t, nc.Flush())
	}
	for _, e := range []*economy{estuary, fell} {
		require.Contains(t, string(e.ask("systmone", request(t, askings["systmone"]))), "9998193036")
	}
	require.Eventually(t, func() bool {
		return both.counted("linkspan.estuary.event.exchange") == 1 && both.counted("linkspan.fell.event.exchange") == 1
	}, 20*time.Second, 10*time.Millisecond)
	for _, subject := range one.heard() {
		require.Contains(t, subject, "linkspan.fell.")
	}
	for _, subject := range hereEstuary.heard() {
		require.Contains(t, subject, "linkspan.estuary.")
	}
	for _, text := range insideFell.texts() {
		require.NotContains(t, text, "estuary")
		require.NotContains(t, text, ".control.")
	}
	require.Empty(t, controls(t, fell.data))
}

// A hub that is not the one pinned gets nothing, and the link does not mind.
func TestAStrangersHub(t *testing.T) {
	h := startHub(t)
	s := h.joined("estuary")
	config := s.config
	s.config = func(c *bridge.Config) {
		config(c)
		certstest.Write(t, c.NATS.Pins, []byte(h.desk.Pin()))
	}
	e := start(t, s)
	require.Eventually(t, func() bool { return strings.Contains(logged(e), "its key is not pinned") }, 20*time.Second, 10*time.Millisecond)
	require.Empty(t, tools{t, h.near(e, "estuary")}.checkRequest("linkspan.estuary.health", ok))
	require.Zero(t, e.logs.FilterMessage("operations hub").Len(), "it never was")
	require.NoError(t, e.Stop(context.Background()))
}

func logged(e *economy) string {
	var b strings.Builder
	for _, entry := range e.logs.All() {
		b.WriteString(entry.Message)
		for _, value := range entry.ContextMap() {
			if text, isText := value.(string); isText {
				b.WriteString(" " + text)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
