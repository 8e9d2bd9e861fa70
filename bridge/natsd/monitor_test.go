package natsd

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoMonitoringPort: the server's own pages, which list connections and
// subjects, are never served, with a listener for operations or without (threat
// T-24).
func TestNoMonitoringPort(t *testing.T) {
	for name, o := range map[string]Options{
		"no listener": {},
		"operations":  {Listen: "127.0.0.1:0", OperationsUser: "ops", OperationsPassword: "ops secret"},
		"a hub":       {Leaf: &Leaf{URLs: "nats://127.0.0.1:1", Economy: "north", AllowPlaintext: true}},
	} {
		s := start(t, o)
		require.Nil(t, s.current.Load().MonitorAddr(), name)
		require.Nil(t, s.current.Load().ProfilerAddr(), name)
		require.Nil(t, s.current.Load().ClusterAddr(), name)
		options := s.serverOptions()
		require.Zero(t, options.HTTPPort, name)
		require.Zero(t, options.HTTPSPort, name)
		require.Zero(t, options.ProfPort, name)
		require.Zero(t, options.LeafNode.Port, name)
		require.Zero(t, options.Websocket.Port, name)
		require.Zero(t, options.MQTT.Port, name)
	}
}
