package bridge

import (
	"time"

	"github.com/linkspan/linkspan/pairs"
)

// BreakAudit closes the audit log under the running bridge, as a disk that is
// gone would.
func (b *Bridge) BreakAudit() error { return b.ledger.Close() }

// FreeBytes has the disk of the audit log look as if so much were free, and
// returns what is.
func (b *Bridge) FreeBytes(n uint64) (had uint64) { return b.operations.free.Swap(n) }

// Paced are the options with the pace of a test: quiet before the tables folder
// is looked at, and the time between polls of it and savings of the work list.
func Paced(o Options, quiet, poll, save time.Duration) Options {
	o = NoFloor(o)
	o.pace.quiet, o.pace.poll, o.pace.save, o.pace.clock = quiet, poll, save, poll
	return o
}

// NoFloor are the options with a patient not found told at once.
func NoFloor(o Options) Options {
	o.pace = usual
	o.pace.floor = 0
	return o
}

// Stepped are the options with a function called at each step of an exchange:
// decoded, decided, asked, read-back, answered, translated, encoded, audited,
// released.
func Stepped(o Options, f func(name string)) Options {
	o.step = f
	return o
}

// Needs are the subjects that a check wants an instance to be allowed.
func Needs(c Config) map[string]bool {
	k := &checker{config: c, now: time.Now}
	k.pair, _ = pairs.Find(c.Pair)
	all := map[string]bool{}
	for _, n := range k.needs() {
		all[n.subject] = true
	}
	return all
}
