package wire

import (
	"sync"
	"time"

	"github.com/linkspan/linkspan/record"
)

// State is how an endpoint does, by what it answered last.
type State string

// States.
const (
	Unknown State = "unknown"
	Up      State = "up"
	Slow    State = "slow"
	Down    State = "down"
)

// Status is a client's endpoint as the client sees it.
type Status struct {
	State    State
	Since    time.Time
	Reason   record.Reason // of the last failure, while State is down
	Success  time.Time     // of the last answer
	Breaker  string        // closed, half-open or open
	InFlight int           // messages at the endpoint
	Waiting  int           // messages that wait for their turn
}

// condition keeps a client's Status.
type condition struct {
	mu sync.Mutex
	Status
}

// Status is the endpoint's at this moment.
func (c *Client) Status() Status {
	c.condition.mu.Lock()
	defer c.condition.mu.Unlock()
	return c.condition.Status
}
