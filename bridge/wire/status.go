package wire

import (
	"sync"
	"time"

	"github.com/linkspan/linkspan/record"
)

// State is how an endpoint does, by what it answered last.
type State string

// States. An endpoint is down as soon as it takes no connection, and after two
// answers in a row that did not come or could not be read; one that answered,
// natively refusing or not, is up. It is slow after one late answer and up again
// after three in time, so that neither flickers.
const (
	Unknown State = "unknown" // not tried yet
	Up      State = "up"
	Slow    State = "slow"
	Down    State = "down"
)

const (
	failuresToDown = 2
	answersToUp    = 3
)

// Status is a client's endpoint as the client sees it.
type Status struct {
	State    State
	Since    time.Time     // of the State
	Reason   record.Reason // of the last failure, while the endpoint is down
	Success  time.Time     // of the last answer
	Breaker  string        // closed, half-open or open
	InFlight int           // messages at the endpoint
	Waiting  int           // messages that wait for their turn
}

// condition keeps a client's Status and tells its changes.
type condition struct {
	now     func() time.Time
	slow    time.Duration // 0: never
	changed func(was, is Status)

	telling sync.Mutex // one change is told after the other
	mu      sync.Mutex
	status  Status
	failed  int // failures in a row
	intime  int // answers in time in a row, since a late one
}

func (c *condition) read() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// count changes the counts, of which nobody is told.
func (c *condition) count(f func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}

// change makes a transition and tells it.
func (c *condition) change(f func(*Status)) {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	was := c.status
	f(&c.status)
	if c.status.State != was.State {
		c.status.Since = c.now()
	}
	is := c.status
	c.mu.Unlock()
	if c.changed != nil && (is.State != was.State || is.Breaker != was.Breaker) {
		c.changed(was, is)
	}
}

// answered is an answer that took so long, with the breaker as it is after it.
func (c *condition) answered(took time.Duration, breaker string) {
	c.change(func(s *Status) {
		c.failed = 0
		s.Success, s.Reason, s.Breaker = c.now(), "", breaker
		switch {
		case c.slow > 0 && took > c.slow:
			c.intime = 0
			s.State = Slow
		case s.State == Slow && c.intime+1 < answersToUp:
			c.intime++
		default:
			c.intime = 0
			s.State = Up
		}
	})
}

// refused is a failure, with the breaker as it is after it.
func (c *condition) refused(reason record.Reason, breaker string) {
	c.change(func(s *Status) {
		c.failed++
		s.Breaker = breaker
		if reason == record.ReasonUnavailable || c.failed >= failuresToDown {
			s.State, s.Reason = Down, reason
		}
	})
}

// probed is what a probe found. That an endpoint takes connections does not prove
// that it answers: one that is down because it did not stays down.
func (c *condition) probed(reachable bool) {
	c.change(func(s *Status) {
		switch {
		case !reachable:
			s.State, s.Reason = Down, record.ReasonUnavailable
		case s.State == Unknown, s.State == Down && s.Reason == record.ReasonUnavailable:
			s.State, s.Reason = Up, ""
		}
	})
}

// Status is the endpoint's at this moment.
func (c *Client) Status() Status { return c.condition.read() }
