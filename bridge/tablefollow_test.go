package bridge_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/tablesync"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// cluster is a NATS server with JetStream of its own on loopback, that can go
// away and come back on the same port with the same store.
type cluster struct {
	t       *testing.T
	store   string
	port    int
	running *server.Server
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, store: t.TempDir(), port: server.RANDOM_PORT}
	c.start(true)
	t.Cleanup(c.stop)
	return c
}

func (c *cluster) start(store bool) {
	c.t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: c.port, NoLog: true, NoSigs: true}
	if store {
		o.JetStream, o.StoreDir, o.SyncAlways, o.JetStreamMaxMemory, o.JetStreamMaxStore = true, c.store, true, 64<<20, 256<<20
	}
	running, err := server.NewServer(o)
	require.NoError(c.t, err)
	go running.Start()
	require.True(c.t, running.ReadyForConnections(10*time.Second))
	c.running, c.port = running, running.Addr().(*net.TCPAddr).Port
}

func (c *cluster) stop() {
	c.running.Shutdown()
	c.running.WaitForShutdown()
}

// engineer is the folder sets are made in, and the connection they are pushed
// by.
type engineer struct {
	*tables
	js     jetstream.JetStream
	active string // the digest pushed last
}

var place = tablesync.Place{Economy: "test", Pair: "emisweb-systmone"}

func (s *tables) engineer() *engineer {
	s.t.Helper()
	js, err := jetstream.New(s.nc)
	require.NoError(s.t, err)
	own := *s
	own.folder = mapset.Open(s.t.TempDir())
	return &engineer{tables: &own, js: js}
}

// push keeps the drafts and makes them active on all instances, as linkspan
// tables push does, and returns the digest.
func (e *engineer) push() string {
	e.t.Helper()
	report, err := e.folder.Keep(policy(e.t), "ada", time.Now())
	require.NoError(e.t, err)
	require.NoError(e.t, report.Err())
	e.to(report.Manifest.Digest())
	return e.active
}

func (e *engineer) to(digest string) {
	e.t.Helper()
	_, err := tablesync.Push(e.t.Context(), e.js, place, e.folder, tablesync.Order{Digest: digest, Expected: e.active, By: "ada", At: time.Now()})
	require.NoError(e.t, err)
	e.active = digest
}

// instance starts one instance with a folder of its own that follows the pointer.
func (s *tables) instance(name string, more setup) (*economy, *mapset.Folder) {
	s.t.Helper()
	own := *s
	own.folder = mapset.Open(filepath.Join(s.t.TempDir(), "tables-"+name))
	given := more.config
	more.config = func(c *bridge.Config) {
		c.Instance, c.TablesFrom = name, bridge.TablesFromNATS
		if given != nil {
			given(c)
		}
	}
	return own.start(more), own.folder
}

// both waits until both instances said that they use a set.
func (s *tables) both(digest string) {
	s.t.Helper()
	using := map[string]bool{}
	s.when(func(e bridge.TablesEvent) bool {
		if e.State == bridge.TablesActive && e.Digest == digest {
			using[e.Instance] = true
		}
		return len(using) == 2
	})
}

// bothRefuse waits until both instances said that they refuse a set and go on
// with another.
func (s *tables) bothRefuse(digest, running string) {
	s.t.Helper()
	refused := map[string]bool{}
	s.when(func(e bridge.TablesEvent) bool {
		if e.State == bridge.TablesRefused && e.Digest == digest {
			require.Equal(s.t, running, e.Previous)
			refused[e.Instance] = true
		}
		return len(refused) == 2
	})
}

func pointsTo(t *testing.T, f *mapset.Folder) string {
	t.Helper()
	pointer, _, err := f.Active()
	require.NoError(t, err)
	return pointer.Digest
}

// TestInstancesFollowThePointer has two instances use what is pushed, both, and
// nothing else: not what somebody activates on one machine, not a pointer to
// nothing.
func TestInstancesFollowThePointer(t *testing.T) {
	c := startCluster(t)
	s := prepare(t, c.running.ClientURL())
	economy, one := s.instance("one", setup{})
	starter := s.await(bridge.TablesActive).Digest
	_, two := s.instance("two", setup{})
	require.Equal(t, starter, s.await(bridge.TablesActive).Digest, "nothing was pushed yet")

	ada := s.engineer()
	ada.draft(local("1", "XaPbt 9kXA."))
	first := ada.push()
	s.both(first)
	require.Equal(t, first, pointsTo(t, one))
	require.Equal(t, first, pointsTo(t, two))
	answer := string(economy.ask("emisweb", request(t, "emisweb-full.xml")))
	require.Contains(t, answer, "9kXA")
	require.Contains(t, answer, first[:16])
	inbox := nats.NewInbox()
	answers, err := s.nc.SubscribeSync(inbox)
	require.NoError(t, err)
	require.NoError(t, s.nc.PublishRequest("linkspan.test.tables", inbox, nil))
	names := map[string]bool{}
	for range 2 {
		m, err := answers.NextMsg(10 * time.Second)
		require.NoError(t, err)
		var use bridge.TablesInUse
		require.NoError(t, json.Unmarshal(m.Data, &use))
		require.Equal(t, first, use.MapSet)
		names[use.Instance] = true
	}
	require.Len(t, names, 2)

	// A change on one machine: by the command, then by hand.
	_, err = one.Activate(policy(t), "ben", time.Now())
	require.EqualError(t, err, (&mapset.MasterError{Command: "linkspan tables push"}).Error())
	pointer := filepath.Join(one.SetsDir(), "ACTIVE")
	text, err := os.ReadFile(pointer)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(pointer, []byte(strings.ReplaceAll(string(text), first, starter)), 0o600))
	refused := s.await(bridge.TablesRefused)
	require.Equal(t, "one", refused.Instance)
	require.Equal(t, starter, refused.Digest)
	require.Equal(t, first, refused.Previous)
	require.Equal(t, "linkspan tables push", refused.Faults[0].Mend)
	require.Eventually(t, func() bool { return pointsTo(t, one) == first }, 10*time.Second, time.Millisecond, "the folder says again what runs")

	// A pointer to nothing.
	kv, err := ada.js.KeyValue(t.Context(), "linkspan-test-mapset")
	require.NoError(t, err)
	absent := strings.Repeat("ab", 32)
	_, err = kv.PutString(t.Context(), "emisweb-systmone", `{"digest":"`+absent+`","by":"eve","at":"2026-11-22T12:00:00Z"}`)
	require.NoError(t, err)
	s.bothRefuse(absent, first)
	require.Equal(t, first, s.inUse().MapSet)

	// No pointer at all.
	require.NoError(t, kv.Delete(t.Context(), "emisweb-systmone"))
	s.bothRefuse("", first)
	require.NotNil(t, s.inUse().Refused)

	// A change on both machines meanwhile is undone; the pointer stays refused.
	for _, folder := range []*mapset.Folder{one, two} {
		file := filepath.Join(folder.SetsDir(), "ACTIVE")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), first, starter)), 0o600))
	}
	s.bothRefuse(starter, first)
	for _, folder := range []*mapset.Folder{one, two} {
		require.Eventually(t, func() bool { return pointsTo(t, folder) == first }, 10*time.Second, time.Millisecond)
	}
	require.Never(t, func() bool { return s.inUse().Refused == nil }, 200*time.Millisecond, 20*time.Millisecond)

	// The next push mends it, the one after goes back.
	ada.active = ""
	ada.draft(local("2", "XaPbt 9kXB."))
	second := ada.push()
	s.both(second)
	ada.to(first)
	s.both(first)
	require.Equal(t, first, pointsTo(t, one))
	require.Nil(t, s.inUse().Refused)
}

// TestAPushedSetNeedsTheInstancesOwnApprovers refuses what nobody approved whom
// this instance's agreement names.
func TestAPushedSetNeedsTheInstancesOwnApprovers(t *testing.T) {
	private, public, err := mapset.Key("ben")
	require.NoError(t, err)
	c := startCluster(t)
	s := prepare(t, c.running.ClientURL())
	s.instance("one", setup{agreement: func(a *governance.Agreement) {
		a.Approvers = []governance.Approver{{Key: public, Role: "clinical safety officer"}}
	}})
	starter := s.await(bridge.TablesActive).Digest
	ada := s.engineer()
	ada.draft(local("1", "XaPbt 9kXA."))
	unapproved := ada.push()
	refused := s.await(bridge.TablesRefused)
	require.Equal(t, unapproved, refused.Digest)
	require.Equal(t, starter, refused.Previous)
	require.Contains(t, refused.Faults[0].What, "not approved")
	require.Equal(t, starter, s.inUse().MapSet)

	_, _, faults, err := mapset.Approve(filepath.Join(ada.folder.Dir(), "local.tsv"), mapset.Approving{Key: private, Role: "clinical safety officer", Words: "HAZ-12 reviewed", At: time.Now()})
	require.NoError(t, err)
	require.Empty(t, faults)
	require.Equal(t, unapproved, ada.push(), "an approval changes no digest")
	active := s.await(bridge.TablesActive)
	require.Equal(t, unapproved, active.Digest)
	require.Contains(t, active.Tables, bridge.TableInSet{ID: "local-ctv3-readv2", Version: "1", Layer: "local", From: "ctv3", To: "readv2", Rows: 1, Approvals: []string{"ben"}})
}

// TestTheServersGoAndComeBack keeps the running set while they are away, catches
// up after, and starts with the set used last where they cannot be asked.
func TestTheServersGoAndComeBack(t *testing.T) {
	c := startCluster(t)
	s := prepare(t, c.running.ClientURL())
	data := t.TempDir()
	keep := setup{config: func(c *bridge.Config) { c.Data = data }}
	e, folder := s.instance("one", keep)
	s.await(bridge.TablesActive)
	ada := s.engineer()
	ada.draft(local("1", "XaPbt 9kXA."))
	first := ada.push()
	require.Equal(t, first, s.await(bridge.TablesActive).Digest)

	c.stop()
	require.Eventually(t, func() bool { return !s.nc.IsConnected() }, 10*time.Second, time.Millisecond)
	c.start(true)
	require.Eventually(t, s.nc.IsConnected, 20*time.Second, time.Millisecond)
	ada.draft(local("2", "XaPbt 9kXB."))
	second := ada.push() // the instance may be connected by now, or later
	require.Equal(t, second, s.await(bridge.TablesActive).Digest)

	// Servers without JetStream stand for those that do not answer.
	require.NoError(t, e.Stop(context.Background()))
	c.stop()
	c.start(false)
	require.Eventually(t, s.nc.IsConnected, 20*time.Second, time.Millisecond)
	again := *s
	again.folder = folder
	again.start(setup{config: func(c *bridge.Config) { c.Data, c.TablesFrom = data, bridge.TablesFromNATS }})
	started := s.await(bridge.TablesActive)
	require.Equal(t, "start", started.Reason)
	require.Equal(t, second, started.Digest)

	// They answer again, and the pointer was moved meanwhile.
	c.stop()
	c.start(true)
	require.Eventually(t, s.nc.IsConnected, 20*time.Second, time.Millisecond)
	ada.to(first)
	require.Equal(t, first, s.await(bridge.TablesActive).Digest)
}
