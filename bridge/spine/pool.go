package spine

import (
	"context"
	"sync"
)

// Pool is a bounded number of slots for work. A full pool says so at once; it
// never queues. A slot is free again a moment after its answer has left.
type Pool struct {
	slots chan struct{}
	work  flight
}

// NewPool makes a pool of n slots, at least one.
func NewPool(n int) *Pool { return &Pool{slots: make(chan struct{}, max(n, 1))} }

// TryGo runs f in a goroutine of its own if a slot is free and reports whether
// it was.
func (p *Pool) TryGo(f func()) bool {
	select {
	case p.slots <- struct{}{}:
	default:
		return false
	}
	p.work.begin()
	go func() {
		defer func() { <-p.slots; p.work.end() }()
		f()
	}()
	return true
}

// Size is the number of slots, Busy how many are taken.
func (p *Pool) Size() int { return cap(p.slots) }

// Busy is how many slots are taken.
func (p *Pool) Busy() int { return len(p.slots) }

// Wait returns when no slot is taken, or with ctx's error.
func (p *Pool) Wait(ctx context.Context) error { return p.work.wait(ctx, false) }

// flight counts work under way. Unlike a sync.WaitGroup it may be added to while
// somebody waits, and the last wait closes it in the same step.
type flight struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when n falls to 0; made by the first who waits
}

// begin counts one more, unless the flight is closed.
func (f *flight) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.n++
	return true
}

func (f *flight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

func (f *flight) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// wait returns when nothing is under way; with last set, nothing begins after.
func (f *flight) wait(ctx context.Context, last bool) error {
	for {
		f.mu.Lock()
		if f.n == 0 {
			f.closed = f.closed || last
			f.mu.Unlock()
			return nil
		}
		if f.idle == nil {
			f.idle = make(chan struct{})
		}
		idle := f.idle
		f.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
