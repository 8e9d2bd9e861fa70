package bridge_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/wire"
)

// TestMemoryIsFlat runs many exchanges for a few people and looks at the live heap
// after each tenth of them: what the last tenth leaves is not above the highest of
// the first half by more than a tenth and two megabytes. LINKSPAN_EXCHANGES sets how
// many; 20,000 in CI, a million in the long run.
func TestMemoryIsFlat(t *testing.T) {
	total := sized(1000, 1_000_000)
	if text := os.Getenv("LINKSPAN_EXCHANGES"); text != "" {
		var err error
		total, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	const askers, round = 16, 320
	people := crowd(256)
	world := everywhere(people)
	var outcomes atomic.Int64
	clock := &shifting{}
	e := start(t, setup{options: counting(&outcomes, clock),
		holders: map[string]wire.Handler{"emisweb": turns(world.as("emisweb")), "systmone": turns(world.as("systmone"))},
		config: func(c *bridge.Config) {
			c.Slots, c.Deadline = 4*askers, time.Minute
			for name, side := range c.Sides { // every tenth has askers of its own
				side.Connections, side.PeerConnections = 16*askers, 16*askers
				c.Sides[name] = side
			}
		}})
	one := func(a asker, i int) error {
		answer, err := a.ask(t.Context(), people[i%len(people)].asking(t, a.from, fmt.Sprintf("cmarlow%d", i%97)))
		if err != nil {
			return err
		}
		if refused, err := isRefusal(a.from, answer); err != nil || refused {
			return errors.Join(err, fmt.Errorf("refused: %.300s", answer))
		}
		return nil
	}
	var live []uint64
	for range 10 {
		e.logs.TakeAll() // the test's own, which keeps every line
		e.drive(t, clock, askers, round, total/10, one)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		live = append(live, m.HeapAlloc)
	}
	var first uint64
	for _, n := range live[:5] {
		first = max(first, n)
	}
	t.Logf("%d exchanges, live heap after each tenth in KiB: %v", outcomes.Load(), kib(live))
	require.EqualValues(t, total/10*10, outcomes.Load())
	require.LessOrEqual(t, live[9], first+first/10+2<<20, "live heap grew: %v KiB", kib(live))
}

func kib(bytes []uint64) (out []uint64) {
	for _, n := range bytes {
		out = append(out, n>>10)
	}
	return out
}
