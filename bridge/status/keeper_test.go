package status_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/status"
)

func newKeeper(c *clock) *status.Keeper {
	return status.NewKeeper(c.read, status.Direction{From: "a", To: "b"}, status.Direction{From: "b", To: "a"})
}

func released(took time.Duration) status.Exchange {
	return status.Exchange{From: "a", To: "b", Entries: map[string]int{"coded": 3, "degraded": 1}, Degraded: map[string]int{"problems": 1},
		Hops: map[string]time.Duration{status.HopExchange: took}}
}

// Counts are of the whole run; recent figures go back five minutes, and what is
// older is gone from them.
func TestTheWindow(t *testing.T) {
	c := newClock()
	k := newKeeper(c)
	k.Exchange(released(20 * time.Millisecond))
	k.Exchange(status.Exchange{From: "a", To: "b", Reason: "not-found", Hops: map[string]time.Duration{status.HopExchange: 30 * time.Millisecond}})
	k.Exchange(status.Exchange{From: "nobody"})
	x := k.Exchanges()
	require.Len(t, x.Directions, 2)
	a := x.Directions[0]
	require.Equal(t, uint64(1), a.Released)
	require.Equal(t, map[string]uint64{"not-found": 1}, a.Refused)
	require.Equal(t, map[string]uint64{"coded": 3, "degraded": 1}, a.Entries)
	require.Equal(t, map[string]uint64{"problems": 1}, a.Degraded)
	require.Equal(t, c.now, a.Last)
	require.Equal(t, status.Recent{Released: 1, Refused: map[string]uint64{"not-found": 1}}, a.Recent)
	require.InDelta(t, 2, x.PerMinute, 0)
	require.Equal(t, uint64(2), x.Hops[0].Count)
	require.Greater(t, x.Hops[0].P50, 0.01)
	require.LessOrEqual(t, x.Hops[0].P99, 0.05)

	c.pass(90 * time.Second)
	require.InDelta(t, 1, k.Exchanges().PerMinute, 0.001, "half of that minute is less than a minute before")
	c.pass(30 * time.Second)
	require.Zero(t, k.Exchanges().PerMinute)
	c.pass(3 * time.Minute)
	require.Equal(t, uint64(1), k.Exchanges().Directions[0].Recent.Released)
	c.pass(time.Second)
	x = k.Exchanges()
	require.Zero(t, x.Directions[0].Recent)
	require.Empty(t, x.Hops)
	require.Equal(t, uint64(1), x.Directions[0].Released, "of the whole run")

	c.pass(time.Minute) // the minute that the ring uses again
	k.Exchange(released(time.Millisecond))
	require.Equal(t, uint64(1), k.Exchanges().Directions[0].Recent.Released)
	require.Equal(t, uint64(2), k.Exchanges().Directions[0].Released)
}

// A clock that is set back neither loses counts of the run nor counts the future.
func TestTheClockGoesBack(t *testing.T) {
	c := newClock()
	k := newKeeper(c)
	k.Exchange(released(time.Millisecond))
	c.pass(-10 * time.Minute)
	require.Zero(t, k.Exchanges().Directions[0].Recent.Released)
	k.Exchange(released(time.Millisecond))
	x := k.Exchanges()
	require.Equal(t, uint64(1), x.Directions[0].Recent.Released)
	require.Equal(t, uint64(2), x.Directions[0].Released)
}

func TestInFlight(t *testing.T) {
	k := newKeeper(newClock())
	first, second := k.Begin(), k.Begin()
	require.Equal(t, 2, k.Exchanges().InFlight)
	first()
	require.Equal(t, 1, k.Exchanges().InFlight)
	second()
	require.Zero(t, k.Exchanges().InFlight)
}

// The ten codes met most often are shown; how many are told apart is bounded, and
// one that is known goes on being counted.
func TestUnmappedAreBounded(t *testing.T) {
	k := newKeeper(newClock())
	code := func(i int, n uint64) status.Unmapped {
		return status.Unmapped{Scheme: "read2", Code: fmt.Sprintf("c%05d", i), Kind: "problem", Count: n}
	}
	for i := range 5000 {
		x := released(time.Millisecond)
		x.Unmapped = []status.Unmapped{code(i, 1)}
		k.Exchange(x)
	}
	x := released(time.Millisecond)
	x.Unmapped = []status.Unmapped{code(7, 2), code(4999, 100)}
	k.Exchange(x)
	most := k.Exchanges().Unmapped
	require.Len(t, most, 10)
	require.Equal(t, code(7, 3), most[0])
	require.Equal(t, uint64(1), most[1].Count)
}

// What is given out does not change any more.
func TestReportsAreCopies(t *testing.T) {
	k := newKeeper(newClock())
	k.Exchange(released(time.Millisecond))
	before := k.Exchanges()
	before.Directions[0].Entries["coded"] = 99
	k.Exchange(released(time.Millisecond))
	require.Equal(t, uint64(1), before.Directions[0].Released)
	require.Equal(t, uint64(6), k.Exchanges().Directions[0].Entries["coded"])
}
