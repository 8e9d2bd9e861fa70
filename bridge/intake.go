package bridge

import (
	"context"
	"maps"
	"sync"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/record"
)

// intake counts the requests that an edge has in hand, of its own wire and of
// its native subject together, and takes no more than the link has slots for:
// one more would go through the whole edge, to the disk too, only to find that
// the exchange role is full.
type intake struct {
	slots int
	full  *overload // of those that were answered busy here
	role  *overload // of those that the exchange role had no slot for

	mu     sync.Mutex
	counts status.Intake
}

func newIntake(slots int, full, role *overload) *intake {
	return &intake{slots: max(slots, 1), full: full, role: role, counts: status.Intake{Refused: map[string]uint64{}}}
}

// enter takes a slot, and reports false where none is free.
func (i *intake) enter() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.counts.InFlight >= i.slots {
		return false
	}
	i.counts.InFlight++
	i.counts.Taken++
	return true
}

func (i *intake) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.counts.InFlight--
}

// refused counts a request that this edge answered itself.
func (i *intake) refused(reason record.Reason) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.counts.Refused[string(reason)]++
}

func (i *intake) read() status.Intake {
	i.mu.Lock()
	defer i.mu.Unlock()
	counts := i.counts
	counts.Refused = maps.Clone(i.counts.Refused)
	return counts
}

// smallRequest is what a request of either system always is. Where there is no
// slot, only so small a message is read for the ids that its refusal echoes.
const smallRequest = 64 << 10

// take answers a request where there is a slot for it, and else tells the asker
// at once that the link is busy: nothing but the ids of a small message is read,
// and nothing is written.
func (e *edge) take(ctx context.Context, native []byte, claims func() spine.Claims) []byte {
	if ctx.Err() == nil && e.intake.enter() {
		defer e.intake.leave()
		return e.answer(ctx, native, claims())
	}
	reason := record.ReasonBusy
	if ctx.Err() != nil {
		reason = record.ReasonOf(context.Cause(ctx))
	}
	if reason != record.ReasonBusy {
		traceLog(ctx, e.log).Warn("request refused at the edge", zap.String("system", e.side.Name), zap.String("reason", string(reason)))
	}
	var q record.Request
	if len(native) <= smallRequest {
		q, _ = decoded(context.WithoutCancel(ctx), e.side.Codec, native, e.readTime, e.log)
	}
	return e.turnAway(&q, reason)
}

// turnAway refuses a request that is not looked at any further. Of those that
// find the link busy there may be thousands: they are told as a number.
func (e *edge) turnAway(q *record.Request, reason record.Reason) []byte {
	e.intake.refused(reason)
	if reason == record.ReasonBusy {
		e.intake.full.refuse()
	}
	return e.native(q, reason)
}

// bare are the claims of a message that nothing stands beside.
func bare() spine.Claims { return spine.Claims{Exchange: uuid.NewString()} }
