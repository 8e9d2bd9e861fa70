//go:build linux

package natsd_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/natsd"
)

// listening are the TCP ports this process has open, by their sockets.
func listening(t *testing.T) map[string]bool {
	t.Helper()
	own := map[string]bool{}
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, f := range files {
		if to, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(strings.TrimPrefix(to, "socket:"), "[]")] = true
		}
	}
	ports := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/self/net/" + table)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && own[f[9]] {
				ports[f[1]] = true
			}
		}
	}
	return ports
}

// T-24: the embedded server opens no port, and with an operations listener
// exactly that one, on loopback: no monitoring, cluster, profiling or websocket
// port.
func TestNoPortButTheOneAskedFor(t *testing.T) {
	before := listening(t)
	s, err := natsd.Start(natsd.Options{Name: "test", StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(s.Shutdown)
	require.Equal(t, before, listening(t))
	open, err := natsd.Start(natsd.Options{Name: "test", Listen: "127.0.0.1:0", OperationsUser: "ops", OperationsPassword: "ops secret"})
	require.NoError(t, err)
	t.Cleanup(open.Shutdown)
	after := listening(t)
	require.Len(t, after, len(before)+1)
	for port := range after {
		if !before[port] {
			require.True(t, strings.HasPrefix(port, "0100007F:"), "on loopback alone: %s", port)
			_, number, _ := strings.Cut(port, ":")
			_, want, _ := strings.Cut(open.Address(), ":")
			var n int
			_, err := fmt.Sscanf(number, "%X", &n)
			require.NoError(t, err)
			require.Equal(t, want, fmt.Sprint(n))
		}
	}
}

// T-23: a client of the operations listener without a password, or with a wrong
// one, sees nothing of a record that crosses, and what it publishes goes
// nowhere.
func TestAStrangerSeesAndSaysNothing(t *testing.T) {
	s, err := natsd.Start(natsd.Options{Name: "test", Listen: "127.0.0.1:0", OperationsUser: "ops", OperationsPassword: "ops secret"})
	require.NoError(t, err)
	t.Cleanup(s.Shutdown)
	for _, who := range []nats.Option{nats.Name("nobody"), nats.UserInfo("ops", "guess"), nats.UserInfo("link", ""), nats.Token("x")} {
		_, err := nats.Connect("nats://"+s.Address(), who)
		require.ErrorIs(t, err, nats.ErrAuthorization)
	}
	role, err := s.Connect("role")
	require.NoError(t, err)
	defer role.Close()
	taken := 0
	sub, err := role.Subscribe("linkspan.north.exchange.>", func(m *nats.Msg) { taken++; _ = m.Respond([]byte("the record")) })
	require.NoError(t, err)
	operations, err := nats.Connect("nats://"+s.Address(), nats.UserInfo("ops", "ops secret"))
	require.NoError(t, err)
	defer operations.Close()
	seen, err := operations.SubscribeSync("linkspan.>")
	require.NoError(t, err)
	require.NoError(t, operations.PublishRequest("linkspan.north.exchange.emisweb", operations.NewInbox(), []byte("forged")))
	require.NoError(t, operations.Flush())
	other, err := s.Connect("other")
	require.NoError(t, err)
	defer other.Close()
	answer, err := other.Request("linkspan.north.exchange.emisweb", []byte("q"), patience)
	require.NoError(t, err)
	require.Equal(t, "the record", string(answer.Data))
	require.NoError(t, operations.Flush())
	pending, _, _ := seen.Pending()
	require.Zero(t, pending)
	require.NoError(t, sub.Drain())
	require.NoError(t, role.Flush())
	require.Equal(t, 1, taken, "the one from inside")
}
