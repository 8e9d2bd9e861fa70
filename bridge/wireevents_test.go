package bridge

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// Only a read that nobody took is tried again, as a new attempt of the same
// exchange, and not more often than the setting says.
func TestReadsAreTriedAgain(t *testing.T) {
	pair := pairs.EMISWebSystmOne()
	for name, c := range map[string]struct {
		reasons []record.Reason // of the first attempts; the next is answered
		retries int
		asked   int
		want    record.Reason
	}{
		"answered":                {nil, 1, 1, ""},
		"not taken, then taken":   {[]record.Reason{record.ReasonUnavailable}, 1, 2, ""},
		"not taken twice":         {[]record.Reason{record.ReasonUnavailable, record.ReasonUnavailable}, 1, 2, record.ReasonUnavailable},
		"three tries":             {[]record.Reason{record.ReasonUnavailable, record.ReasonUnavailable}, 2, 3, ""},
		"none wanted":             {[]record.Reason{record.ReasonUnavailable}, 0, 1, record.ReasonUnavailable},
		"busy is an answer":       {[]record.Reason{record.ReasonBusy}, 3, 1, record.ReasonBusy},
		"silence ate the time":    {[]record.Reason{record.ReasonTimeout}, 3, 1, record.ReasonTimeout},
		"rubbish is the system's": {[]record.Reason{record.ReasonBadAnswer}, 3, 1, record.ReasonBadAnswer},
		"refused":                 {[]record.Reason{record.ReasonRefused}, 3, 1, record.ReasonRefused},
	} {
		var attempts []spine.Claims
		e := &exchange{exchanger: &exchanger{now: time.Now, subjects: NewSubjects("test"), retries: map[string]int{pair.B.Name: c.retries},
			ask: func(_ context.Context, _ string, m spine.Message) (spine.Message, error) {
				attempts = append(attempts, m.Claims)
				if n := len(attempts); n <= len(c.reasons) {
					return spine.Message{}, record.Fault(c.reasons[n-1], "test", errors.New("no"))
				}
				return spine.Message{Body: []byte("<a/>")}, nil
			}}, dir: &pairs.Direction{Consumer: pairs.Side{System: pair.A}, Holder: pairs.Side{System: pair.B}}}
		_, err := e.put(t.Context(), e.dir.Holder, spine.Message{Claims: spine.Claims{Exchange: "x", Attempt: "first"}})
		if c.want == "" {
			require.NoError(t, err, name)
		} else {
			require.Equal(t, c.want, record.ReasonOf(err), name)
		}
		require.Len(t, attempts, c.asked, name)
		seen := map[string]bool{}
		for _, a := range attempts {
			require.Equal(t, "x", a.Exchange, name)
			require.False(t, seen[a.Attempt], name)
			seen[a.Attempt] = true
		}
		require.NotZero(t, e.outcome.HolderMicros+1)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	require.False(t, tryAgain(ended, record.Fault(record.ReasonUnavailable, "test", errors.New("no")), 0, 3), "nobody waits any more")
}

func TestWireEvents(t *testing.T) {
	was := wire.Status{State: wire.Up, Breaker: "closed"}
	is := wire.Status{State: wire.Down, Reason: record.ReasonTimeout, Breaker: "open", Waiting: 2}
	events := wireEvents(was, is)
	require.Equal(t, []WireEvent{
		{Kind: WireDown, State: "down", Was: "up", Reason: "timeout", Breaker: "open", Waiting: 2},
		{Kind: WireBreaker, State: "down", Was: "up", Reason: "timeout", Breaker: "open", Waiting: 2}}, events)
	require.Empty(t, wireEvents(is, is))
}

// A storm of refusals is told at once, and then once a minute.
func TestOverloadIsToldOnceAMinute(t *testing.T) {
	clock := time.Unix(1_000_000, 0)
	var told []int
	o := &overload{now: func() time.Time { return clock }, tell: func(n int) { told = append(told, n) }}
	o.settle(0)
	require.Empty(t, told)
	o.refuse()
	require.Equal(t, []int{1}, told)
	for range 500 {
		o.refuse()
	}
	clock = clock.Add(59 * time.Second)
	o.settle(0)
	require.Equal(t, []int{1}, told)
	clock = clock.Add(time.Second)
	o.settle(0)
	require.Equal(t, []int{1, 500}, told)
	clock = clock.Add(time.Hour)
	o.settle(0)
	require.Equal(t, []int{1, 500, 0}, told, "it is over")
	clock = clock.Add(time.Hour)
	o.settle(0)
	require.Equal(t, []int{1, 500, 0}, told, "which is told once")
	o.refuse()
	require.Equal(t, []int{1, 500, 0, 1}, told, "and the next one is told at once")
}

func TestBreakerSettings(t *testing.T) {
	for setting, want := range map[string]wire.Breaker{"": {}, "off": {}, "5/10s": {Failures: 5, Time: 10 * time.Second}} {
		got, err := breaker(setting)
		require.NoError(t, err, setting)
		require.Equal(t, want, got)
	}
	for _, wrong := range []string{"5", "0/10s", "5/0s", "x/1s", "5/ten", "/", "-1/1s"} {
		require.Len(t, SideConfig{Queue: 1, Breaker: wrong}.checkWire("EMISWEB"), 1, wrong)
	}
	require.Len(t, SideConfig{Probe: -1, Slow: -1, Queue: -1, Retries: -1, Breaker: "x"}.checkWire("EMISWEB"), 5)
}
