package bridge

import "time"

// BreakAudit closes the audit log under the running bridge, as a disk that is
// gone would.
func (b *Bridge) BreakAudit() error { return b.audit.Close() }

// Paced are the options with the pace of a test: quiet before the tables folder
// is looked at, and the time between polls of it and savings of the work list.
func Paced(o Options, quiet, poll, save time.Duration) Options {
	o.pace = pace{quiet: quiet, poll: poll, save: save}
	return o
}
