package natsd

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wait = 10 * time.Second

func start(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Name == "" {
		o.Name = "test"
	}
	s, err := Start(o)
	require.NoError(t, err)
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t *testing.T, s *Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect(t.Name())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// operations is a server with a listener and a client of it; violations are the
// errors the server sends that client.
func operations(t *testing.T) (*Server, *nats.Conn, chan error) {
	t.Helper()
	s := start(t, Options{Listen: "127.0.0.1:0", OperationsUser: "ops", OperationsPassword: "ops secret"})
	violations := make(chan error, 20)
	nc, err := nats.Connect("nats://"+s.Address(), nats.UserInfo("ops", "ops secret"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return s, nc, violations
}

func TestNoListenerOpensNoPort(t *testing.T) {
	s := start(t, Options{})
	require.Empty(t, s.Address())
	require.Nil(t, s.current.Load().Addr())
	require.True(t, s.Healthy())
	a, b := connect(t, s), connect(t, s)
	require.Equal(t, int64(DefaultMaxPayload), a.MaxPayload())
	_, err := a.Subscribe("linkspan.x.exchange.emisweb", func(m *nats.Msg) { _ = m.Respond(append([]byte("re "), m.Data...)) })
	require.NoError(t, err)
	require.NoError(t, a.Flush())
	answer, err := b.Request("linkspan.x.exchange.emisweb", []byte("q"), wait)
	require.NoError(t, err)
	require.Equal(t, "re q", string(answer.Data))
	_, err = b.Request("$SYS.REQ.SERVER.PING.VARZ", nil, wait)
	require.ErrorIs(t, err, nats.ErrNoResponders, "LINK is not the system account")
}

func TestSettingsThatAreRefused(t *testing.T) {
	for name, o := range map[string]Options{
		"no name":     {},
		"all":         {Name: "n", Listen: "0.0.0.0:4222", OperationsUser: "u", OperationsPassword: "p"},
		"host":        {Name: "n", Listen: "example.org:4222", OperationsUser: "u", OperationsPassword: "p"},
		"no host":     {Name: "n", Listen: ":4222", OperationsUser: "u", OperationsPassword: "p"},
		"no port":     {Name: "n", Listen: "127.0.0.1", OperationsUser: "u", OperationsPassword: "p"},
		"bad port":    {Name: "n", Listen: "127.0.0.1:x", OperationsUser: "u", OperationsPassword: "p"},
		"no user":     {Name: "n", Listen: "127.0.0.1:0", OperationsPassword: "p"},
		"no password": {Name: "n", Listen: "127.0.0.1:0", OperationsUser: "u"},
		"store":       {Name: "n", StoreDir: "/dev/null/store"},
		"payload":     {Name: "n", MaxPayload: 1 << 30},
	} {
		_, err := Start(o)
		require.Error(t, err, name)
	}
	s := start(t, Options{Listen: "localhost:0", OperationsUser: "u", OperationsPassword: "p"})
	taken := s.Address()
	_, err := Start(Options{Name: "n", Listen: taken, OperationsUser: "u", OperationsPassword: "p"})
	require.Error(t, err, "the port is taken")
}

func TestOperationsSeeWhatIsExported(t *testing.T) {
	s, ops, violations := operations(t)
	role := connect(t, s)
	heard := make(chan *nats.Msg, 10)
	for _, subject := range []string{"linkspan.*.event.>", "linkspan.*.heartbeat.*", "linkspan.north.event.exchange.refused"} {
		_, err := ops.ChanSubscribe(subject, heard)
		require.NoError(t, err)
	}
	require.NoError(t, ops.Flush())
	require.NoError(t, role.Publish("linkspan.north.heartbeat.exchange", []byte("alive")))
	require.Equal(t, "linkspan.north.heartbeat.exchange", (<-heard).Subject)
	require.NoError(t, role.Publish("linkspan.north.event.exchange.refused", []byte("denied")))
	for range 2 {
		require.Equal(t, "linkspan.north.event.exchange.refused", (<-heard).Subject)
	}
	for _, subject := range []string{"linkspan.north.health", "linkspan.north.metrics", "linkspan.north.tables"} {
		_, err := role.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte(`{"status":"ok"}`)) })
		require.NoError(t, err)
		require.NoError(t, role.Flush())
		answer, err := ops.Request(subject, nil, wait)
		require.NoError(t, err, subject)
		require.JSONEq(t, `{"status":"ok"}`, string(answer.Data))
	}
	// Every instance answers $SRV, and all of them are heard.
	for range 2 {
		instance := connect(t, s)
		service, err := micro.AddService(instance, micro.Config{Name: "linkspan", Version: "1.0.0"})
		require.NoError(t, err)
		require.NoError(t, instance.Flush())
		t.Cleanup(func() { require.NoError(t, service.Stop()) })
	}
	inbox, err := ops.SubscribeSync(ops.NewInbox())
	require.NoError(t, err)
	require.NoError(t, ops.PublishRequest("$SRV.PING", inbox.Subject, nil))
	ids := map[string]bool{}
	for range 2 {
		m, err := inbox.NextMsg(wait)
		require.NoError(t, err)
		var ping micro.Ping
		require.NoError(t, json.Unmarshal(m.Data, &ping))
		ids[ping.ID] = true
	}
	require.Len(t, ids, 2)
	for _, subject := range serverServices {
		answer, err := ops.Request(subject, nil, wait)
		require.NoError(t, err, subject)
		require.Contains(t, string(answer.Data), `"name":"test"`, subject)
	}
	require.Empty(t, violations)
}

func TestOperationsNeverSeeOrSendARecord(t *testing.T) {
	s, ops, violations := operations(t)
	role := connect(t, s)
	var mu sync.Mutex
	var reached []string
	_, err := role.Subscribe("linkspan.>", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if m.Reply != "" && !strings.HasSuffix(m.Subject, ".health") {
			reached = append(reached, m.Subject)
		}
		_ = m.Respond([]byte("the record"))
	})
	require.NoError(t, err)
	require.NoError(t, role.Flush())

	for _, subject := range []string{">", "linkspan.>", "linkspan.*.*", "linkspan.north.exchange.emisweb", "linkspan.north.read.systmone.>",
		"linkspan.*.native.>", "$SYS.>", "$SYS.ACCOUNT.>", "_R_.>", "$JS.>"} {
		_, err := ops.Subscribe(subject, func(m *nats.Msg) {
			mu.Lock()
			defer mu.Unlock()
			reached = append(reached, "seen: "+m.Subject)
		})
		require.NoError(t, err)
		require.NoError(t, ops.Flush())
		require.ErrorContains(t, <-violations, "ermissions Violation", subject)
	}
	inboxes, err := ops.SubscribeSync("_INBOX.>") // theirs, not LINK's
	require.NoError(t, err)
	for _, subject := range []string{"linkspan.north.exchange.emisweb", "linkspan.north.read.systmone.B00002", "linkspan.north.native.emisweb",
		"linkspan.north.event.forged", "linkspan.north.heartbeat.exchange", "$SYS.REQ.SERVER.PING.PROFILEZ", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.x.KICK"} {
		require.NoError(t, ops.PublishRequest(subject, "_INBOX.x", []byte("give me the record")))
		require.NoError(t, ops.Flush())
		require.ErrorContains(t, <-violations, "ermissions Violation", subject)
	}
	other := connect(t, s) // a record crosses meanwhile
	answer, err := other.Request("linkspan.north.exchange.emisweb", []byte("q"), wait)
	require.NoError(t, err)
	require.Equal(t, "the record", string(answer.Data))
	_, err = ops.Request("linkspan.north.health", []byte("ask"), wait) // what came before has been delivered
	require.NoError(t, err)
	seen, err := inboxes.NextMsg(wait)
	require.NoError(t, err)
	require.Equal(t, "the record", string(seen.Data), "the answer to the health request")
	left, _, err := inboxes.Pending()
	require.NoError(t, err)
	require.Zero(t, left, "and no other")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"linkspan.north.exchange.emisweb"}, reached, "only the one from inside")
}

func TestTheListenerAdmitsOperationsOnly(t *testing.T) {
	s, _, _ := operations(t)
	for name, user := range map[string]nats.Option{
		"nobody":         nats.Name("x"),
		"wrong password": nats.UserInfo("ops", "x"),
		"LINK's user":    nats.UserInfo(linkUser, s.password),
	} {
		_, err := nats.Connect("nats://"+s.Address(), user)
		require.ErrorIs(t, err, nats.ErrAuthorization, name)
	}
}

func TestConnectionSurvivesRestart(t *testing.T) {
	s, _, _ := operations(t)
	back := make(chan struct{}, 1)
	a, err := s.Connect("a", nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	require.NoError(t, err)
	t.Cleanup(a.Close)
	_, err = a.Subscribe("q", func(m *nats.Msg) { _ = m.Respond(nil) })
	require.NoError(t, err)
	address := s.Address()
	require.NoError(t, s.Restart())
	<-back
	require.Equal(t, address, s.Address())
	require.NoError(t, a.Flush())
	_, err = connect(t, s).Request("q", nil, wait)
	require.NoError(t, err)
	require.True(t, s.Healthy())
	s.Shutdown()
	s.Shutdown()
	require.False(t, s.Healthy())
	require.ErrorContains(t, s.Restart(), "shut down")
	_, err = net.Dial("tcp", address)
	require.Error(t, err)
}

func TestNothingIsBufferedWhileApart(t *testing.T) {
	s := start(t, Options{})
	gone := make(chan struct{})
	a, err := s.Connect("a", nats.DisconnectErrHandler(func(*nats.Conn, error) { close(gone) }))
	require.NoError(t, err)
	defer a.Close()
	s.Shutdown()
	<-gone
	require.ErrorIs(t, a.Publish("q", []byte("x")), nats.ErrReconnectBufExceeded)
}

func TestStoreTurnsJetStreamOnForLink(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	none, err := jetstream.New(connect(t, start(t, Options{})))
	require.NoError(t, err)
	_, err = none.AccountInfo(ctx)
	require.Error(t, err)

	s := start(t, Options{StoreDir: t.TempDir()})
	js, err := jetstream.New(connect(t, s))
	require.NoError(t, err)
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	require.NoError(t, err)
	_, err = js.Publish(ctx, "s", []byte("kept"))
	require.NoError(t, err)
	require.NoError(t, s.Restart())
	js, err = jetstream.New(connect(t, s))
	require.NoError(t, err)
	stream, err := js.Stream(ctx, "S")
	require.NoError(t, err)
	require.Equal(t, uint64(1), stream.CachedInfo().State.Msgs)
}

func TestTheServersLogIsHandedOn(t *testing.T) {
	var mu sync.Mutex
	levels := map[string]int{}
	s := start(t, Options{Log: func(level, msg string) {
		mu.Lock()
		defer mu.Unlock()
		levels[level]++
		require.NotEmpty(t, msg)
	}})
	s.Shutdown()
	mu.Lock()
	defer mu.Unlock()
	require.NotZero(t, levels["info"])
	l := &logger{log: func(level, msg string) { require.Equal(t, level, msg) }, fatal: make(chan string, 1)}
	l.Warnf("%s", "warn")
	l.Errorf("%s", "error")
	l.Fatalf("%s", "fatal")
	l.Fatalf("%s", "fatal")
	require.Equal(t, "fatal", <-l.fatal)
	l.Debugf("%s", "debug")
	l.Tracef("%s", "never handed on")
}
