package spine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/linkspan/linkspan/bridge/trace"
	"github.com/linkspan/linkspan/record"
)

// Pending limits of one endpoint. Nothing waits there in practice, since a
// request is handed to a slot or answered busy at once; what is dropped above
// them reaches OnError.
const (
	pendingMessages = 1024
	pendingBytes    = 64 << 20
	// flushWait bounds the wait for the server to have seen what we subscribed to.
	flushWait = 2 * time.Second
)

// Endpoint is one subject a role answers.
type Endpoint struct {
	Name    string // letters, digits, - and _
	Subject string
	Queue   string // queue group; "" is micro's default, "q"
	// Pool has the endpoint's slots where they are not the service's: what waits
	// there takes no slot of another endpoint's (safety P-08).
	Pool *Pool
	// Handle answers a request that was proven. ctx ends at the claims' deadline;
	// context.Cause(ctx) is then a *record.Error. The answer's claims are the
	// request's unless Handle sets an attempt. An error becomes the answer's
	// reason (record.ReasonOf) and a panic internal.
	Handle func(context.Context, Message) (Message, error)
}

// Stats are one endpoint's own counts since the start. The framework's stop at
// the hand-over to a slot and say nothing of the answer.
type Stats struct {
	Requests uint64                   `json:"requests"`
	Answered uint64                   `json:"answered"`
	Refused  map[record.Reason]uint64 `json:"refused,omitempty"`
	InFlight int                      `json:"in_flight"`
	// Seconds is the time spent in Handle, all requests together.
	Seconds float64 `json:"seconds"`
}

// Service is a running micro service (ADR-32) whose endpoints work in parallel.
type Service struct {
	spine     *Spine
	micro     micro.Service
	pool      *Pool
	endpoints map[string]*endpoint
	work      flight
	ctx       context.Context // ends when Stop gives up waiting
	cancel    context.CancelFunc
}

type endpoint struct {
	Endpoint
	mu    sync.Mutex
	stats Stats
}

// Service starts a micro service on the Spine's connection. Name is letters,
// digits, - and _; version is SemVer without a "v", description one line for
// operators; meta never changes after.
// Endpoints without a pool of their own share pool, which other services may
// share too: a request beyond it is answered busy at once. stats, which may be nil, must not block;
// its value stands beside the endpoint's own counts in $SRV.STATS.
func (s *Spine) Service(name, version, description string, meta map[string]string, endpoints []Endpoint, pool *Pool, stats func() any) (*Service, error) {
	v := &Service{spine: s, pool: pool, endpoints: map[string]*endpoint{}}
	for _, e := range endpoints {
		if v.endpoints[e.Name] != nil {
			return nil, fmt.Errorf("spine: service %s: two endpoints are named %s", name, e.Name)
		}
		v.endpoints[e.Name] = &endpoint{Endpoint: e, stats: Stats{Refused: map[record.Reason]uint64{}}}
	}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	var err error
	v.micro, err = micro.AddService(s.nc, micro.Config{
		Name: name, Version: version, Description: description, Metadata: meta,
		// The framework calls this under its own lock: nothing here may ask it back.
		StatsHandler: func(e *micro.Endpoint) any {
			data := struct {
				Stats
				Link any `json:"link,omitempty"`
			}{Stats: v.Stats(e.Name)}
			if stats != nil {
				data.Link = stats()
			}
			return data
		},
		ErrorHandler: func(_ micro.Service, e *micro.NATSError) { s.onError(fmt.Errorf("spine: service %s: %w", name, e)) },
	})
	if err != nil {
		v.cancel()
		return nil, fmt.Errorf("spine: service %s: %w", name, err)
	}
	for _, e := range endpoints {
		own := v.endpoints[e.Name]
		opts := []micro.EndpointOpt{micro.WithEndpointSubject(e.Subject), micro.WithEndpointPendingLimits(pendingMessages, pendingBytes)}
		if e.Queue != "" {
			opts = append(opts, micro.WithEndpointQueueGroup(e.Queue))
		}
		if err := v.micro.AddEndpoint(e.Name, micro.HandlerFunc(func(r micro.Request) { v.take(own, r) }), opts...); err != nil {
			v.cancel()
			return nil, errors.Join(fmt.Errorf("spine: service %s: endpoint %s: %w", name, e.Name, err), v.micro.Stop())
		}
	}
	s.ready()
	return v, nil
}

// ID is the instance's id within $SRV.
func (v *Service) ID() string { return v.micro.Info().ID }

// Stats are the counts of the named endpoint.
func (v *Service) Stats(name string) Stats {
	e := v.endpoints[name]
	if e == nil {
		return Stats{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	stats := e.stats
	stats.Refused = maps.Clone(e.stats.Refused)
	return stats
}

// Stop takes no further request, waits for those under way and returns. The
// caller drains the connection after it. Where ctx ends first the requests under
// way are cancelled and the error says how many there were.
func (v *Service) Stop(ctx context.Context) error {
	err := v.micro.Stop() // only begins to drain the subscriptions
	v.spine.settle(ctx)   // after it no more requests are sent to us
	if waitErr := v.work.wait(ctx, true); waitErr != nil {
		err = errors.Join(err, fmt.Errorf("spine: stop: %d requests under way: %w", v.work.count(), waitErr))
	}
	v.cancel()
	return err
}

// take runs on the subscription's goroutine, one request at a time, and so only
// hands over. The framework reads the request's own state when take returns, so
// whatever works later publishes to the reply subject itself.
func (v *Service) take(e *endpoint, r micro.Request) {
	e.count(func(s *Stats) { s.Requests++ })
	if !v.work.begin() {
		v.refuse(e, r, record.ReasonUnavailable) // arrived while stopping
		return
	}
	if cmp.Or(e.Pool, v.pool).TryGo(func() { defer v.work.end(); v.serve(e, r) }) {
		return
	}
	v.work.end()
	v.refuse(e, r, record.ReasonBusy)
}

func (v *Service) serve(e *endpoint, r micro.Request) {
	e.count(func(s *Stats) { s.InFlight++ })
	started := time.Now()
	defer func() {
		e.count(func(s *Stats) { s.InFlight--; s.Seconds += time.Since(started).Seconds() })
	}()
	if r.Reply() == "" {
		v.refuse(e, r, record.ReasonBadMessage) // nobody to answer: counted, not worked on
		return
	}
	m, err := v.spine.Accept(r.Subject(), nats.Header(r.Headers()), r.Data())
	if err != nil {
		v.refuse(e, r, record.ReasonOf(err))
		return
	}
	ctx, cancel := v.spine.until(trace.With(v.ctx, trace.Parse(r.Headers()[trace.Header])), m.Claims.Deadline)
	defer cancel()
	if ctx.Err() != nil {
		v.refuse(e, r, endReason(ctx))
		return
	}
	answer, err := v.handle(ctx, e, m)
	if err != nil {
		v.refuse(e, r, handlerReason(ctx, err))
		return
	}
	answer.Subject = m.Subject
	if answer.Claims.Attempt == "" {
		answer.Claims = m.Claims
	}
	if err := v.spine.Respond(v.spine.publishTo(r.Reply()), v.spine.nc.MaxPayload(), answer); err != nil {
		v.spine.onError(err)
		v.refuse(e, r, record.ReasonOf(err))
		return
	}
	e.count(func(s *Stats) { s.Answered++ })
}

// handle calls the endpoint's handler and turns a panic into an error.
func (v *Service) handle(ctx context.Context, e *endpoint, m Message) (answer Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(e.Name, p)
			v.spine.onError(err)
		}
	}()
	return e.Handle(ctx, m)
}

// refuse answers with a reason. The claims are echoed unproven: the answer says
// nothing that an attacker could not bring about by dropping the request.
func (v *Service) refuse(e *endpoint, r micro.Request, reason record.Reason) {
	e.count(func(s *Stats) { s.Refused[reason]++ })
	if r.Reply() == "" {
		return
	}
	claims, _ := ParseClaims(nats.Header(r.Headers()).Get(HeaderClaims))
	if err := v.spine.RespondError(v.spine.publishTo(r.Reply()), r.Subject(), reason, claims); err != nil {
		v.spine.onError(fmt.Errorf("spine: endpoint %s: error answer: %w", e.Name, err))
	}
}

func (e *endpoint) count(change func(*Stats)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.stats)
}

// publishTo is a respond function for the given reply subject.
func (s *Spine) publishTo(reply string) func(data []byte, h nats.Header) error {
	return func(data []byte, h nats.Header) error {
		if err := s.nc.PublishMsg(&nats.Msg{Subject: reply, Header: h, Data: data}); err != nil {
			return sendFault(context.Background(), "respond", err)
		}
		return nil
	}
}

// handlerReason is the reason of a handler's error; an error without one that
// came of the context's end has the context's.
func handlerReason(ctx context.Context, err error) record.Reason {
	var e *record.Error
	if !errors.As(err, &e) && ctx.Err() != nil &&
		(errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return endReason(ctx)
	}
	return record.ReasonOf(err)
}

// panicked names the place of a panic. Its value is left out, for it may hold a
// piece of a message; a stack holds addresses only.
func panicked(name string, value any) error {
	return fault(record.ReasonInternal, "endpoint "+name, fmt.Errorf("panic of type %T\n%s", value, debug.Stack()))
}
