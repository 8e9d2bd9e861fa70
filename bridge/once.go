package bridge

import (
	"errors"
	"sync"
	"time"

	"github.com/linkspan/linkspan/record"
)

// How far the time at which claims were made may lie from this instance's clock
// (safety IG-08).
const (
	claimsAge    = 300 * time.Second
	claimsFuture = 60 * time.Second
)

var (
	errClock    = errors.New("the claims were made too long ago or in the future")
	errBefore   = errors.New("the claims were made before this instance started")
	errReplayed = errors.New("the attempt was taken before")
)

// once lets every attempt through one time (safety T-09). It remembers an
// attempt for as long as its claims are accepted. It keeps nothing on disk: what
// was made before the start, or in the future as seen then, may have been taken
// by the run before, and is refused.
type once struct {
	now     func() time.Time
	started time.Time
	begun   time.Time // the same moment with the monotonic clock

	mu    sync.Mutex
	taken map[string]time.Time // attempt to when it may be forgotten
	swept time.Time
}

func newOnce(now func() time.Time) *once {
	return &once{now: now, started: now(), begun: time.Now(), taken: map[string]time.Time{}}
}

// take takes an attempt whose claims were made at issued. The error is a
// *record.Error: clock or replayed.
func (o *once) take(attempt string, issued time.Time) error {
	now := o.now()
	switch {
	case issued.Before(now.Add(-claimsAge)), issued.After(now.Add(claimsFuture)):
		return record.Fault(record.ReasonClock, "claims", errClock)
	case issued.Before(o.start(now)):
		return record.Fault(record.ReasonReplayed, "claims", errBefore)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, before := o.taken[attempt]; before {
		return record.Fault(record.ReasonReplayed, "claims", errReplayed)
	}
	o.taken[attempt] = issued.Add(claimsAge)
	if now.Sub(o.swept) > claimsFuture {
		o.swept = now
		for id, until := range o.taken {
			if until.Before(now) {
				delete(o.taken, id)
			}
		}
	}
	return nil
}

// start is when this instance started, by the clock as it is set now. A clock
// that was set back by more than claims may lie in the future would otherwise
// have everything refused until it has caught up (safety P-14); what the run
// before took is then too far in the future.
func (o *once) start(now time.Time) time.Time {
	if moved := now.Add(-time.Since(o.begun)); moved.Before(o.started.Add(-claimsFuture)) {
		return moved
	}
	return o.started
}
