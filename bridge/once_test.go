package bridge

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// TestEveryAttemptIsTakenOnce refuses an attempt a second time for as long as
// its claims would be accepted, and after that for their age (safety IG-08,
// T-09).
func TestEveryAttemptIsTakenOnce(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	o := newOnce(func() time.Time { return now })
	start := now
	now = now.Add(time.Second)
	issued := now
	require.NoError(t, o.take("a", issued))
	for _, later := range []time.Duration{0, 299 * time.Second, 300 * time.Second} {
		now = issued.Add(later)
		require.Equal(t, record.ReasonReplayed, record.ReasonOf(o.take("a", issued)), later)
	}
	require.NoError(t, o.take("b", issued), "another attempt of 300 s ago")
	now = issued.Add(301 * time.Second)
	require.Equal(t, record.ReasonClock, record.ReasonOf(o.take("a", issued)))
	require.Equal(t, record.ReasonClock, record.ReasonOf(o.take("c", now.Add(61*time.Second))))
	require.NoError(t, o.take("c", now.Add(60*time.Second)))

	now = start.Add(10 * time.Second)
	restarted := newOnce(func() time.Time { return now })
	require.Equal(t, record.ReasonReplayed, record.ReasonOf(restarted.take("a", issued)), "the run before may have taken it")
	require.NoError(t, restarted.take("d", now))
	require.Equal(t, record.ReasonClock, record.ReasonOf(restarted.take("e", time.Time{})), "claims without a time")
}

// TestTakenAttemptsAreForgotten keeps no more than the claims' age in memory.
func TestTakenAttemptsAreForgotten(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	o := newOnce(func() time.Time { return now })
	for i := range 10_000 {
		now = now.Add(time.Second)
		require.NoError(t, o.take(fmt.Sprint(i), now))
	}
	require.Less(t, len(o.taken), 400)
}

// TestAMovedClockIsSeen tells a clock that was set from time that passed
// (safety P-14, T-31).
func TestAMovedClockIsSeen(t *testing.T) {
	wall := time.Date(2026, 3, 29, 0, 59, 55, 0, time.UTC)
	last := clock{wall: wall, passed: time.Hour}
	for _, c := range []struct{ wall, passed, moved time.Duration }{
		{10 * time.Second, 10 * time.Second, 0},
		{11 * time.Second, 10 * time.Second, 0}, // a time service slews
		{10*time.Minute + 10*time.Second, 10 * time.Second, 10 * time.Minute},
		{-time.Hour + 10*time.Second, 10 * time.Second, -time.Hour},
		{10 * time.Second, time.Hour, -time.Hour + 10*time.Second}, // a machine that slept with its clock stopped
	} {
		require.Equal(t, c.moved, last.moved(clock{wall: wall.Add(c.wall), passed: time.Hour + c.passed}))
	}
	london, err := time.LoadLocation("Europe/London")
	require.NoError(t, err)
	require.Zero(t, last.moved(clock{wall: wall.Add(10 * time.Second).In(london), passed: time.Hour + 10*time.Second}), "summer time begins")
}
