package status_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/status"
)

// clock is a time that only a test moves.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) read() time.Time      { return c.now }
func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }
func (c *clock) board() *status.Board {
	return status.NewBoard("test", "a-b", "test", c.read, status.System{Name: "a", Title: "System A"}, status.System{Name: "b", Title: "System B"})
}

// edges is a report of an instance with both edges, both wires up.
func (c *clock) edges(name string) status.Report {
	return status.Report{Form: status.Form, Instance: name, At: c.now, Level: status.OK,
		Systems: []status.System{{Name: "a", Title: "System A", Wire: status.WireUp}, {Name: "b", Title: "System B", Wire: status.WireUp}}}
}

// exchange is a report of an instance with the exchange role.
func (c *clock) exchange(name string, x status.Exchanges) status.Report {
	return status.Report{Form: status.Form, Instance: name, At: c.now, Level: status.OK, Exchanges: &x}
}

func presenceOf(l status.Link, instance string) status.Presence {
	for _, s := range l.Instances {
		if s.Report.Instance == instance {
			return s.Presence
		}
	}
	return ""
}

// An instance is late 15 s after its last word, offline after 30 s, and shown no
// more after ten minutes.
func TestPresence(t *testing.T) {
	c := newClock()
	b := c.board()
	b.Heard(c.edges("edges"))
	b.Heard(c.exchange("one", status.Exchanges{}))
	for _, step := range []struct {
		age      time.Duration
		presence status.Presence
		level    status.Level
	}{
		{0, status.Present, status.OK},
		{status.Late - time.Nanosecond, status.Present, status.OK},
		{status.Late, status.Overdue, status.Degraded},
		{status.Offline - time.Nanosecond, status.Overdue, status.Degraded},
		{status.Offline, status.Gone, status.Down},
		{status.Forget - time.Nanosecond, status.Gone, status.Down},
		{status.Forget, "", status.Down},
	} {
		c.now = newClock().now.Add(step.age)
		b.Heard(c.edges("edges")) // only the other one is silent
		l := b.Link()
		require.Equal(t, step.presence, presenceOf(l, "one"), step.age)
		require.Equal(t, step.level, l.Level, step.age)
		require.Equal(t, step.level == status.OK, len(l.Why) == 0)
		require.Equal(t, step.level == status.Down, !l.Complete())
	}
	b.Heard(c.exchange("one", status.Exchanges{}))
	require.Equal(t, status.OK, b.Link().Level, "it is back")
	require.Equal(t, 15*time.Second, status.Late)
	require.Equal(t, 30*time.Second, status.Offline)
	require.Equal(t, 10*time.Second, status.Beat)
}

// The last heartbeat of an instance says that it stops: it is counted on no more,
// at once, and its silence is no news.
func TestStopped(t *testing.T) {
	c := newClock()
	b := c.board()
	b.Heard(c.edges("edges"))
	b.Heard(c.exchange("one", status.Exchanges{InFlight: 3}))
	b.Heard(c.exchange("two", status.Exchanges{InFlight: 2}))
	draining := c.exchange("one", status.Exchanges{InFlight: 3})
	draining.Draining, draining.Level, draining.Why = true, status.Degraded, []string{"it takes no new request and will stop"}
	b.Heard(draining)
	l := b.Link()
	require.Equal(t, status.Present, presenceOf(l, "one"))
	require.Equal(t, status.Degraded, l.Level)
	require.Equal(t, 5, l.Exchanges.InFlight, "what it finishes still counts")
	require.True(t, l.Complete())
	draining.Level = status.Down
	b.Heard(draining)
	l = b.Link()
	require.Equal(t, status.Stopped, presenceOf(l, "one"))
	require.Equal(t, status.OK, l.Level)
	require.Equal(t, 2, l.Exchanges.InFlight)
	c.pass(status.Offline)
	b.Heard(c.edges("edges"))
	b.Heard(c.exchange("two", status.Exchanges{}))
	l = b.Link()
	require.Equal(t, status.Stopped, presenceOf(l, "one"))
	require.Equal(t, status.OK, l.Level)
	stopping := c.exchange("two", status.Exchanges{})
	stopping.Draining = true
	b.Heard(stopping)
	l = b.Link()
	require.Equal(t, status.Down, l.Level, "nobody takes a new request")
	require.Equal(t, []string{"no instance with the exchange role answers"}, l.Why)
	b.Heard(c.exchange("one", status.Exchanges{}))
	require.Equal(t, status.OK, b.Link().Level, "a start under the old name")
}

// The link is down where nobody plays a role or a system does not answer, and
// says which.
func TestJudgement(t *testing.T) {
	c := newClock()
	b := c.board()
	require.Equal(t, []string{"no instance with the exchange role answers", "no edge of System A answers", "no edge of System B answers"}, b.Link().Why)
	b.Heard(c.exchange("one", status.Exchanges{}))
	edges := c.edges("edges")
	edges.Systems[1].Wire, edges.Systems[1].Reason = status.WireDown, "unavailable"
	b.Heard(edges)
	l := b.Link()
	require.Equal(t, status.Down, l.Level)
	require.Equal(t, []string{"System B does not answer: unavailable"}, l.Why)
	c.pass(time.Second)
	b.Heard(c.edges("spare")) // it reaches the system, and reported later
	l = b.Link()
	require.Equal(t, status.OK, l.Level)
	require.Equal(t, status.WireUp, l.Systems[1].Wire)
	troubled := c.exchange("one", status.Exchanges{})
	troubled.Level, troubled.Why = status.Down, []string{"audit: the disk is full"}
	b.Heard(troubled)
	l = b.Link()
	require.Equal(t, status.Degraded, l.Level)
	require.Equal(t, []string{"one: audit: the disk is full"}, l.Why)
}

// Counts of several instances add up, and quantiles come from their buckets
// together, not from their quantiles.
func TestMerge(t *testing.T) {
	c := newClock()
	b := c.board()
	direction := func(released, refused, recent uint64) []status.Direction {
		return []status.Direction{{From: "a", To: "b", Released: released, Refused: map[string]uint64{"not-found": refused}, Entries: map[string]uint64{"coded": released},
			Last: c.now, Recent: status.Recent{Released: recent}}}
	}
	buckets := func(at int, n uint64) []status.Hop {
		counts := make([]uint64, len(status.Bounds())+1)
		counts[at] = n
		return []status.Hop{{Name: status.HopAudit, Count: n, Buckets: counts}}
	}
	b.Heard(c.exchange("one", status.Exchanges{InFlight: 1, PerMinute: 4, Directions: direction(10, 1, 5), Hops: buckets(0, 99), Unmapped: []status.Unmapped{{Scheme: "read2", Code: "x", Kind: "problem", Count: 2}}}))
	c.pass(time.Second)
	b.Heard(c.exchange("two", status.Exchanges{InFlight: 2, PerMinute: 6, Directions: direction(20, 2, 6), Hops: buckets(18, 1), Unmapped: []status.Unmapped{{Scheme: "read2", Code: "x", Kind: "problem", Count: 3}}}))
	x := b.Link().Exchanges
	require.Equal(t, 3, x.InFlight)
	require.InDelta(t, 10, x.PerMinute, 0)
	require.Len(t, x.Directions, 1)
	d := x.Directions[0]
	require.Equal(t, uint64(30), d.Released)
	require.Equal(t, map[string]uint64{"not-found": 3}, d.Refused)
	require.Equal(t, map[string]uint64{"coded": 30}, d.Entries)
	require.Equal(t, c.now, d.Last)
	require.Equal(t, uint64(11), d.Recent.Released)
	require.Equal(t, []status.Unmapped{{Scheme: "read2", Code: "x", Kind: "problem", Count: 5}}, x.Unmapped)
	hop := x.Hops[0]
	require.Equal(t, uint64(100), hop.Count)
	require.Less(t, hop.P95, 0.0002)
	require.Less(t, hop.P99, 0.0002)
	b.Heard(c.exchange("two", status.Exchanges{Directions: direction(20, 2, 6), Hops: buckets(18, 3)}))
	require.InDelta(t, 60, b.Link().Exchanges.Hops[0].P99, 0, "what is above the last bound is said as that bound")

	// An instance that is gone keeps what it has done, and does nothing now.
	c.pass(status.Offline)
	b.Heard(c.exchange("two", status.Exchanges{Directions: direction(20, 2, 6)}))
	x = b.Link().Exchanges
	require.Equal(t, uint64(30), x.Directions[0].Released)
	require.Equal(t, uint64(6), x.Directions[0].Recent.Released)
	require.Zero(t, x.InFlight)
}

// The last fifty events are kept, the newest first.
func TestEvents(t *testing.T) {
	c := newClock()
	b := c.board()
	for i := range 60 {
		b.Told(status.Event{At: c.now, Kind: "wire", Words: fmt.Sprint(i)})
	}
	events := b.Link().Events
	require.Len(t, events, 50)
	require.Equal(t, "59", events[0].Words)
	require.Equal(t, "10", events[49].Words)
}

// A probe that looks for "status":"ok" finds it exactly where the link is well,
// whatever its instances say of themselves.
func TestHealthSaysOkOnlyForTheLink(t *testing.T) {
	c := newClock()
	b := c.board()
	says := func() (status.Level, bool) {
		h := b.Link().Health()
		text, err := json.Marshal(h)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(text), `"status":`))
		return h.Level, strings.Contains(string(text), `"status":"ok"`)
	}
	want := func(level status.Level) {
		t.Helper()
		got, ok := says()
		require.Equal(t, level, got)
		require.Equal(t, level == status.OK, ok)
	}
	want(status.Down)
	b.Heard(c.edges("edges"))
	want(status.Down)
	b.Heard(c.exchange("one", status.Exchanges{}))
	b.Heard(c.exchange("two", status.Exchanges{}))
	want(status.OK)
	c.pass(status.Late)
	b.Heard(c.edges("edges"))
	b.Heard(c.exchange("one", status.Exchanges{}))
	want(status.Degraded)
	c.pass(status.Offline)
	b.Heard(c.edges("edges"))
	want(status.Down)
	h := b.Link().Health()
	require.Len(t, h.Systems, 2)
	require.Len(t, h.Instances, 3)
}
