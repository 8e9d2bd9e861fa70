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

	mu    sync.Mutex
	taken map[string]time.Time // attempt to when it may be forgotten
	swept time.Time
}

func newOnce(now func() time.Time) *once {
	return &once{now: now, started: now(), taken: map[string]time.Time{}}
}

// take takes an attempt whose claims were made at issued. The error is a
// *record.Error: clock or replayed.
func (o *once) take(attempt string, issued time.Time) error {
	now := o.now()
	switch {
	case issued.Before(now.Add(-claimsAge)), issued.After(now.Add(claimsFuture)):
		return record.Fault(record.ReasonClock, "claims", errClock)
	case issued.Before(o.started):
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
