package bridge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// over sets a side's files of TLS.
func over(s *bridge.SideConfig, o certs.Options) {
	s.Plaintext, s.Cert, s.Key, s.CA, s.Names, s.Pins, s.CRL = nil, o.Cert, o.Key, o.CA, o.Names, o.Pins, o.CRL
}

// SE-01: a whole link without plain text: both systems are asked and ask over
// TLS, and the roles talk over TLS to NATS servers that want a certificate. A
// practice that is not the one pinned gets nowhere, and what is revoked while
// the link runs is told of and refused.
func TestAWholeLinkOverTLS(t *testing.T) {
	area := certstest.New(t, "area")
	own, practice, stranger, servers := area.Issue("linkspan.test", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(13 * 24 * time.Hour) }), area.Issue("practice.test"), area.Issue("practice.test"), area.Issue("nats.test")
	store := func(own certstest.Leaf, name string, peer certstest.Leaf) *certs.Store {
		s, err := certs.Open(area.Files(own, []string{name}, peer))
		require.NoError(t, err)
		t.Cleanup(s.Close)
		return s
	}
	practiceStore := store(practice, "linkspan.test", own)
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, TLS: true, TLSVerify: true, TLSTimeout: 5,
		TLSConfig: store(servers, "linkspan.test", own).Server()})
	require.NoError(t, err)
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	require.True(t, ns.ReadyForConnections(10*time.Second))
	key := filepath.Join(t.TempDir(), "link.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600))
	files := area.Files(own, []string{"practice.test"}, practice)
	e := start(t, setup{config: func(c *bridge.Config) {
		for name, side := range c.Sides {
			l, err := wire.Listen(t.Context(), native(name), "127.0.0.1:0",
				stand(t, name, standin.Options{}).Handle, wire.ListenOptions{TLS: practiceStore.Server()})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, l.Shutdown(context.Background())) })
			over(&side, files)
			side.Address = l.Addr().String()
			c.Sides[name] = side
		}
		nats := area.Files(own, []string{"nats.test"}, servers)
		c.NATS = bridge.NATSConfig{URL: "tls://" + ns.Addr().String(), Cert: nats.Cert, Key: nats.Key, CA: nats.CA, Names: nats.Names, Pins: nats.Pins, CRL: nats.CRL}
		c.LinkKey = key
	}})
	ask := func(from string, as *certs.Store) (string, error) {
		c := wire.NewClient(e.systems[from].Wire, e.Address(from), wire.ClientOptions{ThrottleDisabled: true, Secure: func() *tls.Config { return as.Client("") }})
		defer c.Close()
		answer, err := c.Do(t.Context(), fresh(request(t, askings[from])), nil)
		return string(answer), err
	}
	for from := range askings {
		answer, err := ask(from, practiceStore)
		require.NoError(t, err)
		require.Empty(t, (<-e.outcomes).Reason)
		require.Contains(t, answer, "9998193036")
		_, err = ask(from, store(stranger, "linkspan.test", own))
		require.Error(t, err)
		require.Empty(t, e.outcomes, "nothing was asked")
	}
	require.Empty(t, e.logs.FilterMessage("plaintext").All())
	report := e.Report()
	require.Equal(t, status.Degraded, report.Level)
	require.Contains(t, strings.Join(report.Why, "\n"), "systmone: the certificate of CN=linkspan.test ends at ", "within two weeks")
	require.NotContains(t, strings.Join(report.Why, "\n"), "list", "which is made anew every week")
	certstest.Write(t, files.CRL[0], area.List([]certstest.Leaf{practice}))
	require.Eventually(t, func() bool {
		return e.logs.FilterMessage("certificates").FilterField(zap.String("kind", string(certs.Reloaded))).Len() == 2
	}, 10*time.Second, 10*time.Millisecond)
	for from := range askings {
		_, err = ask(from, practiceStore)
		require.Error(t, err)
	}
	require.Empty(t, e.outcomes)
	text, err := json.Marshal(e.logs.All())
	require.NoError(t, err)
	require.NotContains(t, string(text), "PRIVATE")
}

// Where a wire is plain text the log says so at the start, and a wire that is
// neither secured nor plain by name keeps the link from starting.
func TestPlaintextIsSaidAtTheStart(t *testing.T) {
	e := start(t, setup{})
	require.Equal(t, 4, e.logs.FilterMessage("plaintext").Len())
	config := bridge.Config{Economy: "test", Pair: "emisweb-systmone", Environment: bridge.EnvironmentTest, Instance: "one", Roles: []string{"emisweb"}, Agreement: filepath.Join(e.data, "agreement.json"),
		Data: t.TempDir(), RecordLimit: 8 << 20, Deadline: time.Second, Slots: 1, SenderCodes: "off",
		Sides: map[string]bridge.SideConfig{"emisweb": {Address: "127.0.0.1:1", Throttle: "off", Settings: settings["emisweb"]}, "systmone": {Settings: settings["systmone"]}}}
	_, err := bridge.Start(t.Context(), config, bridge.Options{})
	require.ErrorContains(t, err, "TLS of emisweb: required")
	config.Environment, config.SenderCodes = bridge.EnvironmentLive, "off"
	side := config.Sides["emisweb"]
	side.Address, side.Plaintext, side.Throttle = "192.0.2.1:80", []string{"address"}, "on"
	config.Sides["emisweb"] = side
	_, err = bridge.Start(t.Context(), config, bridge.Options{})
	require.ErrorContains(t, err, "in live only on a loopback address")
}

// A site says how many connections one address may have, such as that of a proxy
// in front of all askers: one more is told that the link is busy.
func TestConnectionsOfOneAddressAreASetting(t *testing.T) {
	e := start(t, setup{config: func(c *bridge.Config) {
		side := c.Sides["systmone"]
		side.Connections, side.PeerConnections = 8, 1
		c.Sides["systmone"] = side
	}})
	first, err := net.Dial("tcp", e.Address("systmone")) // accepted before whoever comes after it
	require.NoError(t, err)
	second := wire.NewClient(native("systmone"), e.Address("systmone"), wire.ClientOptions{ThrottleDisabled: true})
	defer second.Close()
	answer, err := second.Do(t.Context(), fresh(request(t, askings["systmone"])), nil)
	require.True(t, err != nil || !strings.Contains(string(answer), "9998193036"))
	require.NotZero(t, e.logs.FilterMessage("wire").FilterField(zap.String("reason", string(record.ReasonBusy))).Len())
	require.NoError(t, first.Close())
}

// Every fault in the files a configuration names is told at once.
func TestFaultsOfFilesAreToldAtOnce(t *testing.T) {
	area := certstest.New(t, "area")
	files := area.Files(area.Issue("linkspan.test"), []string{"practice.test"}, area.Issue("practice.test"))
	certstest.Write(t, files.Pins, []byte("SHA2-256(stdin)= 00\n"))
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	side := bridge.SideConfig{Address: "127.0.0.1:1", Throttle: "off", Settings: settings["emisweb"]}
	over(&side, files)
	config := bridge.Config{Economy: "test", Pair: "emisweb-systmone", Environment: bridge.EnvironmentTest, Instance: "one", Roles: []string{bridge.RoleExchange, "emisweb"}, Data: nowhere,
		RecordLimit: 8 << 20, Deadline: time.Second, Slots: 1, SenderCodes: "off", Agreement: nowhere + "/agreement.json", LinkKey: nowhere + "/link.key", PatientKey: nowhere + "/patient.key",
		NATS:  bridge.NATSConfig{URL: "tls://127.0.0.1:1", Credentials: nowhere + "/nats.creds", Cert: files.Cert, Key: nowhere + "/nats.key", CA: files.CA, Names: files.Names, Pins: files.Pins, CRL: files.CRL},
		Sides: map[string]bridge.SideConfig{"emisweb": side, "systmone": {SettingsFile: nowhere + "/settings"}}}
	_, err := bridge.Start(t.Context(), config, bridge.Options{})
	for _, fault := range []string{"agreement: ", "link key: ", "patient key: ", "systmone: settings: ", "NATS credentials: ", "certs: nats: ", nowhere + "/nats.key", "certs: emisweb: pins: " + files.Pins + ":1"} {
		require.ErrorContains(t, err, fault)
	}
	require.NoDirExists(t, nowhere)
}

// native is a system's wire without its rate limits.
func native(name string) system.Wire {
	pair := pairs.EMISWebSystmOne()
	w := map[string]system.Wire{pair.A.Name: pair.A.Wire, pair.B.Name: pair.B.Wire}[name]
	w.Throttle = nil
	return w
}
