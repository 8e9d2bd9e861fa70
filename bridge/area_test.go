package bridge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
)

// area is an existing NATS server of a larger area, with JetStream, on which the
// roles are apart: one account for the link, and one for operations that is given
// what the catalogue says.
type area struct {
	t         *testing.T
	link, ops string // addresses with their user
	key       string
}

func startArea(t *testing.T) *area {
	t.Helper()
	link, ops := server.NewAccount("LINK"), server.NewAccount("OPS")
	for _, row := range bridge.Catalogue() {
		if strings.HasPrefix(row.Pattern, "$SRV.") {
			continue // below, as one
		}
		switch row.Operations {
		case bridge.OperationsHear:
			require.NoError(t, link.AddStreamExport(row.Wildcard(), []*server.Account{ops}))
			require.NoError(t, ops.AddStreamImport(link, row.Wildcard(), ""))
		case bridge.OperationsAsk:
			require.NoError(t, link.AddServiceExportWithResponse(row.Wildcard(), server.Streamed, []*server.Account{ops}))
			require.NoError(t, ops.AddServiceImport(link, row.Wildcard(), row.Wildcard()))
		}
	}
	require.NoError(t, link.AddServiceExportWithResponse("$SRV.>", server.Streamed, []*server.Account{ops}))
	require.NoError(t, ops.AddServiceImport(link, "$SRV.>", "$SRV.>"))
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, Accounts: []*server.Account{link, ops},
		Users:     []*server.User{{Username: "link", Password: "link", Account: link}, {Username: "ops", Password: "ops", Account: ops}},
		JetStream: true, StoreDir: t.TempDir(), JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 256 << 20})
	require.NoError(t, err)
	go s.Start()
	require.True(t, s.ReadyForConnections(10*time.Second))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	account, err := s.LookupAccount("LINK")
	require.NoError(t, err)
	require.NoError(t, account.EnableJetStream(nil, nil))
	a := &area{t: t, key: filepath.Join(t.TempDir(), "link.key")}
	a.link, a.ops = "nats://link:link@"+s.Addr().String(), "nats://ops:ops@"+s.Addr().String()
	require.NoError(t, os.WriteFile(a.key, []byte(strings.Repeat("ab", 32)), 0o600))
	return a
}

// connect is a connection of one account.
func (a *area) connect(url string) *nats.Conn {
	a.t.Helper()
	nc, err := nats.Connect(url)
	require.NoError(a.t, err)
	a.t.Cleanup(nc.Close)
	return nc
}

// instance starts one instance with the given roles.
func (a *area) instance(name string, s setup, roles ...string) *economy {
	a.t.Helper()
	own := s.config
	s.config = func(c *bridge.Config) {
		c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.Instance, c.Roles = a.link, true, a.key, name, roles
		if own != nil {
			own(c)
		}
	}
	return start(a.t, s)
}
