package natsd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// hub is a server of operations that leaves join, with an account for each area
// and one user in it, who may do there whatever he likes: what he cannot do is
// the leaf's own doing.
type hub struct {
	t       *testing.T
	options server.Options
	server  *server.Server
}

// startHub starts one with the accounts named, each with a user of its name.
func startHub(t *testing.T, accounts ...string) *hub {
	t.Helper()
	h := &hub{t: t, options: server.Options{ServerName: "hub", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		LeafNode: server.LeafNodeOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT}}}
	for _, name := range accounts {
		account := server.NewAccount(name)
		h.options.Accounts = append(h.options.Accounts, account)
		h.options.Users = append(h.options.Users, &server.User{Username: name, Password: "secret of " + name, Account: account})
	}
	h.start()
	return h
}

func (h *hub) start() {
	h.t.Helper()
	o := h.options
	s, err := server.NewServer(&o)
	require.NoError(h.t, err)
	go s.Start()
	require.True(h.t, s.ReadyForConnections(wait))
	h.t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	h.server = s
	v, err := s.Varz(nil)
	require.NoError(h.t, err)
	h.options.Port, h.options.LeafNode.Port = v.Port, v.LeafNode.Port // the same ones when it comes back
}

func (h *hub) stop() { h.server.Shutdown(); h.server.WaitForShutdown() }

// leaf are the settings of an area of an account.
func (h *hub) leaf(account, economy string) *Leaf {
	return &Leaf{Economy: economy, URLs: "nats://" + account + ":secret%20of%20" + account + "@127.0.0.1:" + strconv.Itoa(h.options.LeafNode.Port), AllowPlaintext: true}
}

// user connects to the hub as a person of operations.
func (h *hub) user(account string) *nats.Conn {
	h.t.Helper()
	nc, err := nats.Connect("nats://127.0.0.1:"+strconv.Itoa(h.options.Port), nats.UserInfo(account, "secret of "+account), nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
	require.NoError(h.t, err)
	h.t.Cleanup(nc.Close)
	return nc
}

func atHub(t *testing.T, s *Server) {
	t.Helper()
	require.Eventually(t, s.AtHub, wait, 5*time.Millisecond, "not at the hub")
}

// heard are the messages of one connection by subject.
type heard struct {
	mu  sync.Mutex
	all map[string]int
}

// hear subscribes to all there is.
func hear(t *testing.T, nc *nats.Conn, subjects ...string) *heard {
	t.Helper()
	h := &heard{all: map[string]int{}}
	for _, subject := range subjects {
		_, err := nc.Subscribe(subject, func(m *nats.Msg) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.all[m.Subject]++
		})
		require.NoError(t, err)
	}
	require.NoError(t, nc.Flush())
	return h
}

func (h *heard) of(subject string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[subject]
}

func (h *heard) subjects() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for subject := range h.all {
		all = append(all, subject)
	}
	slices.Sort(all)
	return all
}

// reaches publishes until the other end has it: interest takes a moment to get
// across.
func reaches(t *testing.T, from *nats.Conn, subject string, to *heard) {
	t.Helper()
	require.Eventually(t, func() bool {
		require.NoError(t, from.Publish(subject, []byte("x")))
		return to.of(subject) > 0
	}, wait, 5*time.Millisecond, subject)
}

// serve answers on a subject of LINK.
func serve(t *testing.T, role *nats.Conn, subject, answer string) {
	t.Helper()
	_, err := role.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte(answer)) })
	require.NoError(t, err)
	require.NoError(t, role.Flush())
}

// ask asks until there is an answer.
func ask(t *testing.T, nc *nats.Conn, subject string) (answer *nats.Msg) {
	t.Helper()
	require.Eventually(t, func() (ok bool) {
		m, err := nc.Request(subject, nil, time.Second)
		answer = m
		return err == nil
	}, wait, 5*time.Millisecond, subject)
	return answer
}

const (
	opsUser     = "ops"
	opsPassword = "ops secret"
)

// A hub hears events and heartbeats and asks what operations may ask, beside the
// operations listener.
func TestAHubSeesWhatOperationsSee(t *testing.T) {
	h := startHub(t, "NORTH")
	s := start(t, Options{Listen: "127.0.0.1:0", OperationsUser: opsUser, OperationsPassword: opsPassword, Leaf: h.leaf("NORTH", "north")})
	atHub(t, s)
	role, far := connect(t, s), h.user("NORTH")
	near, err := nats.Connect("nats://"+s.Address(), nats.UserInfo(opsUser, opsPassword))
	require.NoError(t, err)
	defer near.Close()
	atTheHub, here := hear(t, far, ">"), hear(t, near, streams...)
	for _, subject := range []string{"linkspan.north.heartbeat.exchange", "linkspan.north.event.wire"} {
		reaches(t, role, subject, atTheHub)
		require.NotZero(t, here.of(subject))
	}
	for _, subject := range []string{"linkspan.north.health", "linkspan.north.status", "linkspan.north.metrics", "linkspan.north.tables", "linkspan.north.control.one.reload"} {
		serve(t, role, subject, "answer of "+subject)
		for _, from := range []*nats.Conn{far, near} {
			require.Equal(t, "answer of "+subject, string(ask(t, from, subject).Data))
		}
	}
	// Every instance answers $SRV, and all of them are heard.
	for range 2 {
		service, err := micro.AddService(connect(t, s), micro.Config{Name: "linkspan", Version: "1.0.0"})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, service.Stop()) })
	}
	ids := map[string]bool{}
	require.Eventually(t, func() bool {
		var ping micro.Ping
		require.NoError(t, json.Unmarshal(ask(t, far, "$SRV.PING").Data, &ping))
		ids[ping.ID] = true
		return len(ids) == 2
	}, wait, time.Millisecond)
	for _, subject := range serverServices {
		require.Contains(t, string(ask(t, far, subject).Data), `"name":"test"`, subject)
	}
	options := s.serverOptions()
	require.Zero(t, options.LeafNode.Port)
	require.Nil(t, start(t, Options{Leaf: h.leaf("NORTH", "north")}).current.Load().Addr(), "reaching out opens no port")
}

// Whatever the hub publishes, LINK gets what operations may ask and nothing else,
// and nobody on the operations listener hears it; whatever crosses LINK, and
// whatever is asked on the listener, the hub sees events and heartbeats.
func TestAHubNeverSeesOrSendsARecord(t *testing.T) {
	h := startHub(t, "NORTH")
	never := []string{"linkspan.north.exchange.*", "linkspan.north.*.native"}
	leaf := h.leaf("NORTH", "north")
	leaf.Never = never
	s := start(t, Options{Listen: "127.0.0.1:0", OperationsUser: opsUser, OperationsPassword: opsPassword, Leaf: leaf, StoreDir: t.TempDir()})
	atHub(t, s)
	role, far := connect(t, s), h.user("NORTH")
	near, err := nats.Connect("nats://"+s.Address(), nats.UserInfo(opsUser, opsPassword))
	require.NoError(t, err)
	defer near.Close()
	records := []string{"linkspan.north.exchange.emisweb", "linkspan.north.systmone.read.X99002", "linkspan.north.emisweb.native", "linkspan.north.audit", "linkspan.north.audit.one"}
	for _, subject := range records {
		serve(t, role, subject, "the record")
	}
	serve(t, role, "linkspan.north.health", "ok")
	link, atTheHub, here := hear(t, connect(t, s), ">"), hear(t, far, ">"), hear(t, near, append(slices.Clone(streams), "_INBOX.>")...)
	reaches(t, role, "linkspan.north.event.wire", atTheHub)
	before := atTheHub.subjects()

	forged := append(slices.Clone(records), "linkspan.north.event.audit", "linkspan.north.heartbeat.exchange", "linkspan.south.health", "linkspan.south.control.one.drain", "linkspan.north.tables.push", "linkspan.north.control.one",
		"_INBOX.x", "_R_.x", "$JS.API.INFO", "$JS.API.STREAM.CREATE.X", "$KV.linkspan-north-tables.active", "$O.linkspan-north-tables.C.x",
		"$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.PING.PROFILEZ", "$SYS.REQ.SERVER.x.KICK", "$SYS.REQ.ACCOUNT.LINK.CONNZ", "$SYS.ACCOUNT.LINK.CONNECT")
	answers, err := far.SubscribeSync("answers")
	require.NoError(t, err)
	for _, subject := range forged {
		require.NoError(t, far.PublishRequest(subject, "answers", []byte("give me the record")))
	}
	// An answer cannot be had sent there either.
	require.NoError(t, far.PublishRequest("linkspan.north.health", "linkspan.north.exchange.systmone", nil))
	for _, subject := range append(slices.Clone(records), "linkspan.north.private", "linkspan.north.event") {
		_ = role.Publish(subject, []byte("a record that crosses"))
	}
	for _, subject := range []string{"linkspan.north.health", "$SRV.PING"} { // asked here, answered here
		require.NoError(t, near.PublishRequest(subject, near.NewRespInbox(), nil))
	}
	answer, err := connect(t, s).Request("linkspan.north.exchange.emisweb", nil, wait)
	require.NoError(t, err)
	require.Equal(t, "the record", string(answer.Data))
	for range 2 { // what came before on either connection has been delivered
		require.Equal(t, "ok", string(ask(t, far, "linkspan.north.health").Data))
		require.NoError(t, role.Flush())
	}
	reaches(t, role, "linkspan.north.event.last", atTheHub)

	for n, _, _ := answers.Pending(); n > 0; n-- { // the hub's own, about itself
		m, err := answers.NextMsg(wait)
		require.NoError(t, err)
		require.Contains(t, string(m.Data), h.server.ID())
	}
	for _, subject := range forged[len(records):] {
		require.Zero(t, link.of(subject), subject)
		require.Zero(t, here.of(subject), subject)
	}
	for _, subject := range records {
		want := 1
		if subject == "linkspan.north.exchange.emisweb" {
			want = 2
		}
		require.Equal(t, want, link.of(subject), "%s: only those from inside", subject)
	}
	require.Zero(t, link.of("linkspan.north.exchange.systmone"))
	own := append(before, forged...) // what he sent comes back to himself
	for _, subject := range atTheHub.subjects() {
		if !slices.Contains(own, subject) {
			require.Regexp(t, `^(linkspan\.north\.(event\.last|health)|_INBOX\..+|answers)$`, subject)
		}
	}
	for _, subject := range records {
		require.Equal(t, 1, atTheHub.of(subject), "%s: only his own", subject)
	}
	require.Zero(t, atTheHub.of("linkspan.north.exchange.systmone"), "the second lock")
	require.Zero(t, atTheHub.of("$SRV.PING"))
}

// Without the hub everything goes on, and with it again too; so after a restart
// of the embedded server.
func TestTheHubGoesAndComesBack(t *testing.T) {
	h := startHub(t, "NORTH")
	s := start(t, Options{Listen: "127.0.0.1:0", OperationsUser: opsUser, OperationsPassword: opsPassword, Leaf: h.leaf("NORTH", "north")})
	atHub(t, s)
	role := connect(t, s)
	serve(t, role, "linkspan.north.health", "ok")
	far := h.user("NORTH")
	atTheHub := hear(t, far, streams...)
	reaches(t, role, "linkspan.north.event.first", atTheHub)
	near, err := nats.Connect("nats://"+s.Address(), nats.UserInfo(opsUser, opsPassword))
	require.NoError(t, err)
	defer near.Close()
	here := hear(t, near, streams...)
	h.stop()
	require.Eventually(t, func() bool { return !s.AtHub() }, wait, 5*time.Millisecond)
	require.True(t, s.Healthy())
	reaches(t, role, "linkspan.north.heartbeat.exchange", here)
	require.Equal(t, "ok", string(ask(t, near, "linkspan.north.health").Data))
	h.start()
	atHub(t, s)
	reaches(t, role, "linkspan.north.event.second", atTheHub)
	require.NoError(t, s.Restart())
	atHub(t, s)
	require.Eventually(t, role.IsConnected, wait, 5*time.Millisecond)
	reaches(t, role, "linkspan.north.event.third", atTheHub)
	require.Equal(t, "ok", string(ask(t, far, "linkspan.north.health").Data))

	s.Shutdown()
	late := start(t, Options{Leaf: &Leaf{URLs: "nats://127.0.0.1:1", Economy: "north", AllowPlaintext: true}})
	require.True(t, late.Healthy(), "a hub that is not there is no reason not to start")
}

// Two areas do not meet at the hub: not by accounts of their own, nor where the
// hub has them in one.
func TestTwoAreasDoNotMeetAtTheHub(t *testing.T) {
	for name, accounts := range map[string][2]string{"apart": {"NORTH", "SOUTH"}, "in one account": {"BOTH", "BOTH"}} {
		t.Run(name, func(t *testing.T) {
			h := startHub(t, slices.Compact(slices.Clone(accounts[:]))...)
			var roles, near []*nats.Conn
			for i, area := range []string{"north", "south"} {
				s := start(t, Options{Name: area, Listen: "127.0.0.1:0", OperationsUser: opsUser, OperationsPassword: opsPassword, Leaf: h.leaf(accounts[i], area)})
				atHub(t, s)
				role := connect(t, s)
				serve(t, role, "linkspan."+area+".health", area)
				nc, err := nats.Connect("nats://"+s.Address(), nats.UserInfo(opsUser, opsPassword))
				require.NoError(t, err)
				t.Cleanup(nc.Close)
				roles, near = append(roles, role), append(near, nc)
			}
			there, here := hear(t, roles[1], ">"), hear(t, near[1], streams...)
			far := h.user(accounts[0])
			atTheHub := hear(t, far, streams...)
			reaches(t, roles[0], "linkspan.north.event.wire", atTheHub)
			for range 10 { // whoever answers, it is the area that was asked
				require.Equal(t, "north", string(ask(t, far, "linkspan.north.health").Data))
				require.Equal(t, "south", string(ask(t, h.user(accounts[1]), "linkspan.south.health").Data))
			}
			_, err := near[0].Request("linkspan.south.health", nil, 100*time.Millisecond)
			require.Error(t, err, "one area's operations do not ask the other")
			require.NoError(t, near[0].Publish("linkspan.south.control.one.drain", nil))
			require.NoError(t, near[0].Flush())
			require.Equal(t, "south", string(ask(t, h.user(accounts[1]), "linkspan.south.health").Data))
			require.Zero(t, there.of("linkspan.south.control.one.drain"))
			require.Zero(t, here.of("linkspan.north.event.wire"))
		})
	}
}

// A hub in operator mode knows a leaf by its credentials, which are read anew for
// each connection.
func TestALeafWithCredentials(t *testing.T) {
	operator, account, user := seed(t, nkeys.CreateOperator), seed(t, nkeys.CreateAccount), seed(t, nkeys.CreateUser)
	stranger := seed(t, nkeys.CreateAccount)
	claims := jwt.NewAccountClaims(public(t, account))
	signed, err := claims.Encode(operator)
	require.NoError(t, err)
	of := func(account nkeys.KeyPair) []byte {
		token, err := jwt.NewUserClaims(public(t, user)).Encode(account)
		require.NoError(t, err)
		secret, err := user.Seed()
		require.NoError(t, err)
		text, err := jwt.FormatUserConfig(token, secret)
		require.NoError(t, err)
		return text
	}
	resolver := &server.MemAccResolver{}
	require.NoError(t, resolver.Store(public(t, account), signed))
	h := &hub{t: t, options: server.Options{ServerName: "hub", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, TrustedKeys: []string{public(t, operator)},
		AccountResolver: resolver, LeafNode: server.LeafNodeOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT}}}
	h.start()
	file := filepath.Join(t.TempDir(), "leaf.creds")
	require.NoError(t, os.WriteFile(file, of(stranger), 0o600))
	s := start(t, Options{Leaf: &Leaf{Economy: "north", URLs: "127.0.0.1:" + strconv.Itoa(h.options.LeafNode.Port), Credentials: file, AllowPlaintext: true}})
	require.False(t, s.AtHub())
	require.NoError(t, os.WriteFile(file, of(account), 0o600))
	atHub(t, s)
	far, err := nats.Connect("nats://127.0.0.1:"+strconv.Itoa(h.options.Port), nats.UserCredentials(file))
	require.NoError(t, err)
	defer far.Close()
	role := connect(t, s)
	reaches(t, role, "linkspan.north.event.wire", hear(t, far, ">"))
}

func seed(t *testing.T, make func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	pair, err := make()
	require.NoError(t, err)
	return pair
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	require.NoError(t, err)
	return key
}

func TestSettingsOfALeafThatAreRefused(t *testing.T) {
	odd := filepath.Join(t.TempDir(), "odd.creds")
	require.NoError(t, os.WriteFile(odd, []byte("not so"), 0o600))
	for name, l := range map[string]Leaf{
		"no address":           {AllowPlaintext: true},
		"two tokens":           {URLs: "nats://hub:7422", Economy: "a.b", AllowPlaintext: true},
		"an unreadable one":    {URLs: "nats://x:y:z", AllowPlaintext: true},
		"a websocket":          {URLs: "ws://hub:443", AllowPlaintext: true},
		"nothing secures it":   {URLs: "nats://hub:7422"},
		"TLS without settings": {URLs: "tls://hub:7422", AllowPlaintext: true},
		"two users":            {URLs: "nats://u:p@hub:7422", Credentials: odd, AllowPlaintext: true},
		"no credentials there": {URLs: "nats://hub:7422", Credentials: odd + "x", AllowPlaintext: true},
		"odd credentials":      {URLs: "nats://hub:7422", Credentials: odd, AllowPlaintext: true},
		"an odd subject":       {URLs: "nats://hub:7422", Never: []string{"a..b"}, AllowPlaintext: true},
	} {
		if l.Economy == "" {
			l.Economy = "north"
		}
		_, err := Start(Options{Name: "n", Leaf: &l})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "not so")
	}
}

// A hub that is away or refuses is told of once in ten minutes, however often it
// is tried.
func TestAFaultOfTheHubIsToldOnce(t *testing.T) {
	var r repeats
	now := time.Now()
	refused := func(attempt string) string {
		return "Error trying to connect as leafnode to remote server (attempt " + attempt + "): refused"
	}
	require.True(t, r.worth(refused("1"), now))
	require.False(t, r.worth(refused("2"), now.Add(time.Second)))
	require.True(t, r.worth("127.0.0.1:7422 - lid:7 - Leafnode Error 'Authorization Violation'", now))
	require.False(t, r.worth("127.0.0.1:7422 - lid:8 - Leafnode Error 'Authorization Violation'", now))
	require.True(t, r.worth(refused("600"), now.Add(repeatAfter)))
	for range 2 {
		require.True(t, r.worth("another fault", now))
	}
	for range 2 * repeatsKept { // a hub may say what it likes
		now = now.Add(1)
		r.worth("leafnode"+strings.Repeat("x", int(now.UnixNano()%1000)), now)
		require.LessOrEqual(t, len(r.told), repeatsKept)
	}
}
