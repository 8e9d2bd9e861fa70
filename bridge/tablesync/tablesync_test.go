package tablesync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	place  = Place{Economy: "north", Pair: "emisweb-systmone"}
	policy = mapset.Policy{Pair: "emisweb-systmone"}
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// servers is a NATS server with JetStream on loopback, as an existing one would
// be, which can be stopped and started on the same port with the same store.
type servers struct {
	t       *testing.T
	store   string
	port    int
	running *server.Server
}

func startServers(t *testing.T) *servers {
	t.Helper()
	s := &servers{t: t, store: t.TempDir(), port: server.RANDOM_PORT}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *servers) start() {
	s.t.Helper()
	running, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: s.port, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: s.store, SyncAlways: true, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 256 << 20})
	require.NoError(s.t, err)
	go running.Start()
	require.True(s.t, running.ReadyForConnections(10*time.Second))
	s.running = running
}

func (s *servers) stop() {
	if s.running == nil {
		return
	}
	s.running.Shutdown()
	s.running.WaitForShutdown()
	s.running = nil
}

// connect waits for the server for ever, as the daemon does.
func (s *servers) connect() (*nats.Conn, jetstream.JetStream) {
	s.t.Helper()
	nc, err := nats.Connect(s.running.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectJitter(time.Millisecond, time.Millisecond), nats.ReconnectBufSize(-1))
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	return nc, js
}

// kept is a folder with one kept set, which differs from that of another n.
func kept(t *testing.T, n int) (*mapset.Folder, string) {
	t.Helper()
	folder := mapset.Open(t.TempDir())
	return folder, keep(t, folder, n)
}

func keep(t *testing.T, folder *mapset.Folder, n int) string {
	t.Helper()
	table := fmt.Sprintf("# id: local\n# version: %d\n# from: readv2\n# to: ctv3\n# layer: local\n# licence: our own\n# source: written by hand\n# author: Ada\n", n) +
		"source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\n" +
		"A1...\t00\tA disease\tA1...\t\tA disease\tequivalent\tany\tno\t\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder.Dir(), "local.tsv"), []byte(table), 0o600))
	report, err := folder.Keep(policy, "ada", noon)
	require.NoError(t, err)
	require.NoError(t, report.Err())
	return report.Manifest.Digest()
}

func order(digest, expected string) Order {
	return Order{Digest: digest, Expected: expected, By: "ada", At: noon}
}

func TestASetReachesAnotherFolder(t *testing.T) {
	_, js := startServers(t).connect()
	_, err := Read(t.Context(), js, place)
	require.ErrorIs(t, err, ErrNone)
	_, err = History(t.Context(), js, place)
	require.ErrorIs(t, err, ErrNone)

	folder, first := kept(t, 1)
	pushed, err := Push(t.Context(), js, place, folder, order(first, ""))
	require.NoError(t, err)
	require.Equal(t, Pointer{Digest: first, By: "ada", At: noon, Revision: pushed.Revision}, pushed)
	read, err := Read(t.Context(), js, place)
	require.NoError(t, err)
	require.Equal(t, pushed, read)

	other := mapset.Open(t.TempDir())
	require.NoError(t, other.SetMaster(Command))
	loaded, err := Fetch(t.Context(), js, place, other, policy, first)
	require.NoError(t, err)
	require.NoError(t, loaded.Err())
	require.Equal(t, first, loaded.Set.Digest())
	_, active, err := other.Active()
	require.NoError(t, err)
	require.False(t, active, "to fetch is not to activate")
	report, err := other.Point(policy, first, "ada", noon)
	require.NoError(t, err)
	require.Equal(t, first, report.Set.Digest())
	_, err = other.Rollback(policy, "", "ben", noon)
	var master *mapset.MasterError
	require.ErrorAs(t, err, &master)
	require.Equal(t, Command, master.Command)

	// On, and back again; the same push twice moves nothing.
	second := keep(t, folder, 2)
	on, err := Push(t.Context(), js, place, folder, order(second, first))
	require.NoError(t, err)
	require.Equal(t, first, on.Previous)
	again, err := Push(t.Context(), js, place, folder, order(second, second))
	require.NoError(t, err)
	require.Equal(t, on.Revision, again.Revision)
	back, err := Push(t.Context(), js, place, folder, order(first, second))
	require.NoError(t, err)
	require.Greater(t, back.Revision, on.Revision)
	history, err := History(t.Context(), js, place)
	require.NoError(t, err)
	require.Equal(t, []Pointer{pushed, on, back}, history)
	for _, p := range []Place{{Economy: "north", Pair: "guru-mig"}, {Economy: "south", Pair: place.Pair}} {
		_, err = Read(t.Context(), js, p)
		require.ErrorIs(t, err, ErrNone, "pairs and economies are apart")
	}
}

func TestOnlyOneOfTwoPushesMoves(t *testing.T) {
	s := startServers(t)
	_, js := s.connect()
	folder, first := kept(t, 1)
	_, err := Push(t.Context(), js, place, folder, order(first, ""))
	require.NoError(t, err)

	for name, expected := range map[string]string{"none": "", "another": "ab" + first[2:]} {
		second := keep(t, folder, 2)
		_, err := Push(t.Context(), js, place, folder, order(second, expected))
		var moved *MovedError
		require.ErrorAs(t, err, &moved, name)
		require.Equal(t, first, moved.Now.Digest)
		require.ErrorContains(t, err, first[:16]+" is active")
	}

	const pushers = 8
	errs := make([]error, pushers)
	var all sync.WaitGroup
	for i := range pushers {
		_, js := s.connect()
		folder, digest := kept(t, 10+i)
		all.Go(func() { _, errs[i] = Push(t.Context(), js, place, folder, order(digest, first)) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		var moved *MovedError
		if err == nil {
			won++
		} else {
			require.ErrorAs(t, err, &moved)
			require.NotEqual(t, first, moved.Now.Digest)
		}
	}
	require.Equal(t, 1, won)
	history, err := History(t.Context(), js, place)
	require.NoError(t, err)
	require.Len(t, history, 2)
}

func TestPushRefuses(t *testing.T) {
	_, js := startServers(t).connect()
	folder, digest := kept(t, 1)
	for name, o := range map[string]Order{"short": order(digest[:16], ""), "not kept": order("ab"+digest[2:], ""), "a path": order("../"+digest[3:], "")} {
		_, err := Push(t.Context(), js, place, folder, o)
		require.Error(t, err, name)
		_, err = Read(t.Context(), js, place)
		require.ErrorIs(t, err, ErrNone, name)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Push(ended, js, place, folder, order(digest, ""))
	require.ErrorIs(t, err, context.Canceled)
}

// What an object can be beside the set its name says.
func TestFetchRefusesWhatIsNotTheSet(t *testing.T) {
	_, js := startServers(t).connect()
	folder, digest := kept(t, 1)
	other := keep(t, folder, 2)
	_, err := Fetch(t.Context(), js, place, folder, policy, digest)
	require.ErrorIs(t, err, ErrObject, "no bucket")
	_, err = Push(t.Context(), js, place, folder, order(digest, ""))
	require.NoError(t, err)
	objects, err := js.ObjectStore(t.Context(), place.objects())
	require.NoError(t, err)
	whole, err := objects.GetBytes(t.Context(), digest)
	require.NoError(t, err)
	var another bytes.Buffer
	require.NoError(t, pack(&another, folder, other))
	var bare bytes.Buffer
	require.NoError(t, folder.Pack(digest, &bare))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1

	for name, object := range map[string][]byte{"empty": {}, "cut": whole[:len(whole)-1], "half": whole[:len(whole)/2], "a bit flipped": flipped,
		"another set": another.Bytes(), "not compressed": bare.Bytes(), "text": []byte("the set"), "twice": append(bytes.Clone(whole), whole...)} {
		t.Run(name, func(t *testing.T) {
			_, err := objects.PutBytes(t.Context(), digest, object)
			require.NoError(t, err)
			into := mapset.Open(t.TempDir())
			_, err = Fetch(t.Context(), js, place, into, policy, digest)
			require.ErrorIs(t, err, ErrObject)
			sets, err := into.Sets()
			require.NoError(t, err)
			require.Empty(t, sets)
		})
	}
	require.NoError(t, objects.Delete(t.Context(), digest))
	_, err = Fetch(t.Context(), js, place, folder, policy, digest)
	require.ErrorIs(t, err, ErrObject)
	require.ErrorContains(t, err, "no object")

	// A push mends it.
	_, err = Push(t.Context(), js, place, folder, order(digest, digest))
	require.NoError(t, err)
	loaded, err := Fetch(t.Context(), js, place, mapset.Open(t.TempDir()), policy, digest)
	require.NoError(t, err)
	require.NoError(t, loaded.Err())
}

// Faults of the tables are told as such, and the set is not kept: it lacks what
// the receiver's own agreement wants.
func TestFetchJudgesByTheReceiversPolicy(t *testing.T) {
	_, js := startServers(t).connect()
	folder, digest := kept(t, 1)
	_, err := Push(t.Context(), js, place, folder, order(digest, ""))
	require.NoError(t, err)
	strict := policy
	strict.Check = func(*mapping.Set) []error { return []error{errors.New("no table for sex")} }
	into := mapset.Open(t.TempDir())
	loaded, err := Fetch(t.Context(), js, place, into, strict, digest)
	require.NoError(t, err)
	require.ErrorContains(t, loaded.Err(), "no table for sex")
	require.Nil(t, loaded.Set)
	sets, err := into.Sets()
	require.NoError(t, err)
	require.Empty(t, sets)
}

func TestThePointerMustBeOurs(t *testing.T) {
	_, js := startServers(t).connect()
	folder, digest := kept(t, 1)
	_, err := Push(t.Context(), js, place, folder, order(digest, ""))
	require.NoError(t, err)
	kv, err := js.KeyValue(t.Context(), place.pointers())
	require.NoError(t, err)
	for _, text := range []string{"", "{}", "null", `{"digest":"` + digest[:16] + `"}`, `{"digest":"../../` + digest[6:] + `"}`, `{"digest":1}`, digest} {
		_, err := kv.PutString(t.Context(), place.Pair, text)
		require.NoError(t, err)
		_, err = Read(t.Context(), js, place)
		require.ErrorIs(t, err, ErrUnreadable, text)
	}
	_, err = Push(t.Context(), js, place, folder, order(digest, ""))
	require.NoError(t, err, "a push mends the pointer")
	require.NoError(t, kv.Delete(t.Context(), place.Pair))
	_, err = Read(t.Context(), js, place)
	require.ErrorIs(t, err, ErrNone)
	_, err = Push(t.Context(), js, place, folder, order(digest, ""))
	require.NoError(t, err)
}

// Objects that no kept pointer names go once they are old; what may be pushed
// right now by somebody else does not.
func TestOldObjectsGo(t *testing.T) {
	_, js := startServers(t).connect()
	folder, first := kept(t, 1)
	_, err := Push(t.Context(), js, place, folder, order(first, ""))
	require.NoError(t, err)
	objects, err := js.ObjectStore(t.Context(), place.objects())
	require.NoError(t, err)
	_, err = objects.PutString(t.Context(), "pushed by halves", "x")
	require.NoError(t, err)
	names := func() []string {
		var names []string
		all, err := objects.List(t.Context())
		require.NoError(t, err)
		for _, o := range all {
			names = append(names, o.Name)
		}
		return names
	}
	now := order(first, first)
	now.At = time.Now()
	_, err = Push(t.Context(), js, place, folder, now)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{first, "pushed by halves"}, names())
	now.At = time.Now().Add(spared + time.Hour)
	_, err = Push(t.Context(), js, place, folder, now)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{first}, names())
}

// TestWatchSeesEveryPlaceOfThePointer follows it from nothing over two pushes, a
// restart of the server, and a push right after.
func TestWatchSeesEveryPlaceOfThePointer(t *testing.T) {
	s := startServers(t)
	nc, js := s.connect()
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan Sighting, 100)
	ended := make(chan error, 1)
	go func() { ended <- Watch(ctx, nc, place, func(s Sighting) { seen <- s }) }()
	until := func(want func(Sighting) bool) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case s := <-seen:
				if want(s) {
					return
				}
			case <-deadline:
				t.Fatal("not seen")
			}
		}
	}
	at := func(digest string) func(Sighting) bool {
		return func(s Sighting) bool { return s.Err == nil && s.Pointer.Digest == digest }
	}
	until(func(s Sighting) bool { return errors.Is(s.Err, ErrNone) })

	folder, first := kept(t, 1)
	_, err := Push(t.Context(), js, place, folder, order(first, ""))
	require.NoError(t, err)
	until(at(first)) // in a bucket that was made after the watch began
	second := keep(t, folder, 2)
	_, pusher := s.connect()
	_, err = Push(t.Context(), pusher, place, folder, order(second, first))
	require.NoError(t, err)
	until(at(second))
	kv, err := pusher.KeyValue(t.Context(), place.pointers())
	require.NoError(t, err)
	require.NoError(t, kv.Delete(t.Context(), place.Pair))
	until(func(s Sighting) bool { return errors.Is(s.Err, ErrNone) && s.Pointer == Pointer{} })
	_, err = Push(t.Context(), pusher, place, folder, order(second, ""))
	require.NoError(t, err)
	until(at(second))

	s.port = s.running.Addr().(*net.TCPAddr).Port
	s.stop()
	s.start()
	_, pusher = s.connect()
	_, err = Push(t.Context(), pusher, place, folder, order(first, second))
	require.NoError(t, err)
	until(at(first))
	cancel()
	require.NoError(t, <-ended)
}
