package admit

import "time"

// limits are how much one user or one organisation may have within an hour.
type limits struct{ records, misses, requests int }

// tally is what one user or one organisation has had within the last hour.
type tally struct {
	requests, records, misses []time.Time // oldest first
	pending                   []time.Time // requests in hand
	warned                    map[Kind]time.Time
}

// within drops what is older than span.
func within(times []time.Time, now time.Time, span time.Duration) []time.Time {
	n := 0
	for n < len(times) && now.Sub(times[n]) >= span {
		n++
	}
	return times[n:]
}

func (t *tally) tidy(now time.Time) {
	t.requests, t.records, t.misses = within(t.requests, now, hour), within(t.records, now, hour), within(t.misses, now, hour)
	t.pending = within(t.pending, now, inHand)
	for kind, at := range t.warned {
		if now.Sub(at) >= hour {
			delete(t.warned, kind)
		}
	}
}

// idle reports that nothing is left to remember.
func (t *tally) idle(now time.Time) bool {
	t.tidy(now)
	return len(t.requests)+len(t.records)+len(t.misses)+len(t.pending)+len(t.warned) == 0
}

func (t *tally) add(kind byte, at time.Time) {
	switch kind {
	case taken:
		t.requests = append(t.requests, at)
	case released:
		t.records = append(t.records, at)
	case missed:
		t.misses = append(t.misses, at)
	}
}

// answered takes one request out of hand.
func (t *tally) answered() {
	if len(t.pending) > 0 {
		t.pending = t.pending[1:]
	}
}

// over tells whether one more request is too much, and of what. A request in
// hand may yet miss.
func (t *tally) over(l limits, now time.Time) (Kind, int) {
	t.tidy(now)
	switch {
	case len(t.misses)+len(t.pending) > l.misses:
		return KindMisses, len(t.misses)
	case len(t.requests) >= l.requests:
		return KindRequests, len(t.requests)
	}
	return "", 0
}

// crossed tells whether what was just added is beyond what is expected.
func (t *tally) crossed(kind byte, l limits, now time.Time) (Kind, int) {
	t.tidy(now)
	switch {
	case kind == released && len(t.records) > l.records:
		return KindRecords, len(t.records)
	case kind == missed && len(t.misses) > l.misses:
		return KindMisses, len(t.misses)
	}
	return "", 0
}

// warn reports that there was no event of the kind within the hour, and notes
// that there is one now.
func (t *tally) warn(kind Kind, now time.Time) bool {
	if at, ok := t.warned[kind]; ok && now.Sub(at) < hour {
		return false
	}
	if t.warned == nil {
		t.warned = map[Kind]time.Time{}
	}
	t.warned[kind] = now
	return true
}
