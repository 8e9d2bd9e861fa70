package bridge_test

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/record"
)

// TestABrokenWireIsTold takes a system's interface away while nobody asks: it is
// told, once, that it is gone, and once that it is back, and the heartbeat says
// why the link is down meanwhile.
func TestABrokenWireIsTold(t *testing.T) {
	endpoint, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := endpoint.Addr().String()
	e := start(t, setup{config: func(c *bridge.Config) {
		side := c.Sides["systmone"]
		side.Address, side.Probe = address, 10*time.Millisecond
		c.Sides["systmone"] = side
	}})
	told, beats := make(chan bridge.WireEvent, 8), make(chan status.Report, 64)
	subjects := bridge.NewSubjects("test")
	_, err = e.Conn().Subscribe(subjects.Event("wire"), func(m *nats.Msg) {
		var event bridge.WireEvent
		if json.Unmarshal(m.Data, &event) == nil {
			told <- event
		}
	})
	require.NoError(t, err)
	_, err = e.Conn().Subscribe(subjects.Heartbeat("*"), func(m *nats.Msg) {
		var beat status.Report
		if json.Unmarshal(m.Data, &beat) == nil {
			beats <- beat
		}
	})
	require.NoError(t, err)
	require.NoError(t, e.Conn().Flush())
	require.Eventually(t, func() bool { return wireOf(e.Report()) == status.WireUp }, 10*time.Second, time.Millisecond)
	require.NoError(t, endpoint.Close())
	down := <-told
	if down.Kind == bridge.WireUp { // heard of its first look, too
		down = <-told
	}
	require.Equal(t, bridge.WireEvent{Instance: "one", At: down.At, System: "systmone", Kind: bridge.WireDown, State: "down", Was: "up",
		Reason: string(record.ReasonUnavailable), Breaker: "closed"}, down)
	beat := <-beats
	for wireOf(beat) != status.WireDown { // at once, not when the next is due
		beat = <-beats
	}
	require.Equal(t, status.Down, beat.Level)
	require.NotEmpty(t, beat.Why)
	endpoint, err = net.Listen("tcp", address)
	require.NoError(t, err)
	defer endpoint.Close()
	require.Equal(t, bridge.WireUp, (<-told).Kind)
	require.Eventually(t, func() bool { return wireOf(e.Report()) == status.WireUp }, 10*time.Second, time.Millisecond)
	require.Empty(t, told)
}

func wireOf(r status.Report) status.WireState {
	for _, s := range r.Systems {
		if s.Name == "systmone" {
			return s.Wire
		}
	}
	return ""
}
