package wire

import (
	"sync"
	"time"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// throttle keeps a client within what its endpoint accepts. Requests of one
// limit are spaced evenly, Per/Events apart, so that no window of Per ever
// holds more than Events. (A token bucket of Events would let nearly twice as
// many into one window; and x/time/rate cannot take a reservation back once its
// time has come, which a connection that could not be made needs: it must not
// cost the next caller 30 s.)
type throttle struct {
	mu     sync.Mutex
	limits []*limit
}

type limit struct {
	exempt func(*record.Request, time.Time) bool
	every  time.Duration
	next   time.Time // the earliest time not yet promised to anyone
	sent   time.Time // when a request last went out
}

func newThrottle(declared []system.Throttle) *throttle {
	t := &throttle{}
	for _, d := range declared {
		if d.Events > 0 && d.Per > 0 {
			t.limits = append(t.limits, &limit{exempt: d.Exempt, every: d.Per / time.Duration(d.Events)})
		}
	}
	return t
}

// turn is a promise that a request may go out at a time. It ends with used or
// released.
type turn struct {
	throttle *throttle
	limits   []*limit
	at       time.Time
	before   []time.Time // what next was, by limit
}

// reserve gives q the earliest time all its limits allow, or reports false when
// that is after the deadline; then nothing is reserved.
func (t *throttle) reserve(q *record.Request, now, deadline time.Time) (turn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := turn{throttle: t, at: now}
	for _, l := range t.limits {
		if l.exempt != nil && (q == nil || l.exempt(q, now)) {
			continue
		}
		r.limits = append(r.limits, l)
		if l.next.After(r.at) {
			r.at = l.next
		}
	}
	if r.at.After(deadline) {
		return turn{}, false
	}
	for _, l := range r.limits {
		r.before = append(r.before, l.next)
		l.next = r.at.Add(l.every)
	}
	return r, true
}

// late is how long the request must still wait when its turn comes at now,
// because another went out later than promised.
func (r turn) late(now time.Time) time.Duration {
	r.throttle.mu.Lock()
	defer r.throttle.mu.Unlock()
	wait := time.Duration(0)
	for _, l := range r.limits {
		if !l.sent.IsZero() {
			wait = max(wait, l.sent.Add(l.every).Sub(now))
		}
	}
	return wait
}

// used records that the request went out at now.
func (r turn) used(now time.Time) {
	r.throttle.mu.Lock()
	defer r.throttle.mu.Unlock()
	for _, l := range r.limits {
		l.sent = now
		if next := now.Add(l.every); next.After(l.next) {
			l.next = next
		}
	}
}

// release gives the turn back, where nobody has been promised a later one.
func (r turn) release() {
	r.throttle.mu.Lock()
	defer r.throttle.mu.Unlock()
	for i, l := range r.limits {
		if l.next.Equal(r.at.Add(l.every)) {
			l.next = r.before[i]
		}
	}
}
