package bridge

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/audit"
)

// jump is a movement of the clock beyond which it is told: more than any
// correction a time service makes in one step.
const jump = 2 * time.Second

// clock compares the wall clock with the time that has passed, which no setting
// moves.
type clock struct {
	wall   time.Time     // without its monotonic reading
	passed time.Duration // since the start
}

// moved is by how much the wall clock was set between c and now, 0 where it was
// not.
func (c clock) moved(now clock) time.Duration {
	by := now.wall.Sub(c.wall) - (now.passed - c.passed)
	if by.Abs() < jump {
		return 0
	}
	return by
}

// watch looks after what no message would show: that the clock was not moved,
// and that the audit log on the disk still is what was written.
func (b *Bridge) watch(l *ledger) {
	b.measureDisk()
	read := func() clock { return clock{wall: b.now().Round(0), passed: time.Since(l.started)} }
	b.background(func(ctx context.Context) {
		last := read()
		for every(ctx, b.pace.clock) {
			b.measureDisk()
			now := read()
			if by := last.moved(now); by != 0 {
				b.log.Warn("clock moved", zap.Duration("by", by))
				b.publish("clock", ClockEvent{JumpSeconds: by.Seconds()})
				b.logged(l.note(audit.EventClockJump, fmt.Sprintf("the clock was moved by %s", by), ""))
			}
			last = now
		}
	})
	b.background(func(ctx context.Context) {
		for first := true; first || every(ctx, b.pace.verify); first = false {
			if _, err := l.Verify(ctx); err != nil && ctx.Err() == nil {
				b.log.Error("audit verify", zap.Error(err))
				b.publish("audit", AuditEvent{Instance: l.instance, Trouble: err.Error()})
				b.logged(l.note(audit.EventVerifyFailed, err.Error(), ""))
			} else if err == nil {
				b.operations.verified.Store(b.now().UnixNano())
			}
		}
	})
}

// measureDisk keeps what is free on the audit log's disk. A report does not ask:
// it must come when the disk is stuck, too.
func (b *Bridge) measureDisk() {
	if free, known := freeBytes(b.config.Data); known {
		b.operations.free.Store(free)
	}
}

// logged logs the error of an audit record that belongs to no exchange, for
// there is nobody to refuse.
func (b *Bridge) logged(err error) {
	if err != nil {
		b.log.Error("audit append", zap.Error(err))
	}
}
