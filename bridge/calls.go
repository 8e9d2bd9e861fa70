package bridge

import (
	"context"
	"errors"
	"sync"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// maxCalls bounds the calls of one request: the MIG has ten views and a
// question of where the patient is, Vision ten views and the patient's details.
const maxCalls = 32

var errCalls = errors.New("more calls for one request than any system needs")

// put asks this side's system and gives its whole answer: in one call or, where
// the system answers in several, in as many as its codec wants, so many at once
// as are set. A call that got no answer fails what it was for; with none
// answered the request failed for the reason of the first.
func (e *edge) put(ctx context.Context, native []byte, q *record.Request) ([]byte, error) {
	caller, ok := e.side.Codec.(system.Caller)
	if !ok {
		return e.client.Do(ctx, native, q)
	}
	var answers [][]byte
	var failed error
	for answered := false; ; {
		calls, err := caller.Calls(ctx, native, answers)
		switch {
		case err != nil:
			return nil, err
		case len(answers)+len(calls) > maxCalls:
			return nil, record.Fault(record.ReasonInternal, "edge: calls", errCalls)
		case len(calls) == 0 && answered:
			return caller.Join(native, answers)
		case len(calls) == 0:
			return nil, failed
		}
		round, errs := e.round(ctx, calls, q)
		answers = append(answers, round...)
		for i, err := range errs {
			if failed == nil {
				failed = err
			}
			answered = answered || round[i] != nil
		}
	}
}

// round makes calls that do not depend on each other.
func (e *edge) round(ctx context.Context, calls [][]byte, q *record.Request) ([][]byte, []error) {
	answers, errs := make([][]byte, len(calls)), make([]error, len(calls))
	slots := make(chan struct{}, e.atOnce)
	var running sync.WaitGroup
	for i, call := range calls {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			answers[i], errs[i] = e.client.Do(ctx, call, q)
		})
	}
	running.Wait()
	return answers, errs
}
