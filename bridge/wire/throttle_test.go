package wire

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// declared is a throttle like that of S §1.1: one request a second, and one
// wholeRecord record in 30 s.
var declared = []system.Throttle{
	{Name: "requests", Events: 1, Per: time.Second},
	{Name: "records", Events: 1, Per: 30 * time.Second,
		Exempt: func(q *record.Request, _ time.Time) bool { return !q.Whole }},
}

var (
	wholeRecord = &record.Request{Whole: true}
	partRecord  = &record.Request{}
	noon        = time.Date(2017, 5, 2, 12, 0, 0, 0, time.UTC)
)

func TestThrottlePromisesTimes(t *testing.T) {
	th := newThrottle(declared)
	far := noon.Add(time.Hour)
	for i, c := range []struct {
		q     *record.Request
		after time.Duration
	}{{wholeRecord, 0}, {partRecord, time.Second}, {nil, 2 * time.Second}, {wholeRecord, 30 * time.Second}, {partRecord, 31 * time.Second}} {
		r, ok := th.reserve(c.q, noon, far)
		require.True(t, ok, i)
		require.Equal(t, noon.Add(c.after), r.at, i)
	}
	_, ok := th.reserve(wholeRecord, noon, noon.Add(59*time.Second))
	require.False(t, ok, "past the deadline")
	r, ok := th.reserve(wholeRecord, noon, noon.Add(60*time.Second))
	require.True(t, ok, "the refusal reserved nothing")
	require.Equal(t, noon.Add(60*time.Second), r.at)
}

func TestThrottleGivesBackWhatWasNotUsed(t *testing.T) {
	th := newThrottle(declared)
	first, _ := th.reserve(wholeRecord, noon, noon)
	first.release()
	second, ok := th.reserve(wholeRecord, noon, noon)
	require.True(t, ok)
	second.used(noon)
	_, ok = th.reserve(wholeRecord, noon.Add(29*time.Second), noon.Add(29*time.Second))
	require.False(t, ok)

	// A turn somebody is already waiting behind is not given back.
	third, _ := th.reserve(wholeRecord, noon, noon.Add(time.Hour))
	fourth, _ := th.reserve(wholeRecord, noon, noon.Add(time.Hour))
	third.release()
	fifth, _ := th.reserve(wholeRecord, noon, noon.Add(time.Hour))
	require.Equal(t, fourth.at.Add(30*time.Second), fifth.at)
}

func TestThrottleHoldsWhenATurnWasLate(t *testing.T) {
	th := newThrottle(declared)
	first, _ := th.reserve(partRecord, noon, noon.Add(time.Hour))
	second, _ := th.reserve(partRecord, noon, noon.Add(time.Hour))
	require.Zero(t, first.late(noon.Add(5*time.Second)))
	first.used(noon.Add(5 * time.Second))
	require.Equal(t, 800*time.Millisecond, second.late(noon.Add(5200*time.Millisecond)))
	third, _ := th.reserve(partRecord, noon.Add(5200*time.Millisecond), noon.Add(time.Hour))
	require.Equal(t, noon.Add(6*time.Second), third.at)
}

// TestThrottleHoldsItsLimit: however requests arrive, what goes out when its
// turn has come is never more than the limit allows.
func TestThrottleHoldsItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.IntRange(1, 4).Draw(t, "events")
		th := newThrottle([]system.Throttle{{Events: events, Per: 10 * time.Second}})
		now, waiting := noon, []turn(nil)
		var sent []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			if r, ok := th.reserve(partRecord, now, now.Add(20*time.Second)); ok {
				if rapid.Bool().Draw(t, "fails") {
					r.release()
				} else {
					waiting = append(waiting, r)
				}
			}
			if len(waiting) > 0 && !waiting[0].at.After(now) && waiting[0].late(now) <= 0 {
				waiting[0].used(now)
				sent, waiting = append(sent, now), waiting[1:]
			}
		}
		for i := events; i < len(sent); i++ {
			require.GreaterOrEqual(t, sent[i].Sub(sent[i-events]), 10*time.Second-time.Duration(events))
		}
	})
}

func TestClientThrottles(t *testing.T) {
	l := listen(t, tcpWire, echo, ListenOptions{})
	w := tcpWire
	w.Throttle = declared
	clock := noon
	c := NewClient(w, l.Addr().String(), ClientOptions{Now: func() time.Time { return clock }})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	do := func(q *record.Request) error {
		_, err := c.Do(ctx, []byte("<a/>"), q)
		return err
	}
	require.NoError(t, do(wholeRecord))
	clock = clock.Add(2 * time.Second)
	began := time.Now()
	require.Equal(t, record.ReasonBusy, reason(t, do(wholeRecord)))
	require.Less(t, time.Since(began), 5*time.Second, "busy is said at once")
	require.NoError(t, do(partRecord))
	clock = clock.Add(28 * time.Second)
	require.NoError(t, do(wholeRecord))

	c = NewClient(w, l.Addr().String(), ClientOptions{ThrottleDisabled: true})
	for range 3 {
		require.NoError(t, do(wholeRecord))
	}
}

// TestConnectionThatFailsCostsNoTurn: the next caller need not wait 30 s
// because the endpoint was away.
func TestConnectionThatFailsCostsNoTurn(t *testing.T) {
	for _, w := range []system.Wire{tcpWire, httpWire} {
		w.Throttle = declared
		c := NewClient(w, "127.0.0.1:1", ClientOptions{Now: func() time.Time { return noon }})
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := c.Do(ctx, []byte("<a/>"), wholeRecord)
			cancel()
			require.Equal(t, record.ReasonUnavailable, reason(t, err))
		}
	}
}

func TestPauseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.NoError(t, pause(t.Context(), time.Hour))
		require.Equal(t, time.Hour, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, pause(ctx, time.Hour), context.DeadlineExceeded)
		require.ErrorIs(t, pause(ctx, 0), context.DeadlineExceeded)
		require.Equal(t, time.Hour+time.Minute, time.Since(began))
	})
}
