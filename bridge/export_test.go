package bridge

// BreakAudit closes the audit log under the running bridge, as a disk that is
// gone would.
func (b *Bridge) BreakAudit() error { return b.audit.Close() }
