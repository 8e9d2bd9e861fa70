package record

// CarryExact marks every pending entry as exact with its own code as target:
// what an exchange between two instances of one system would be. Codec tests
// use it to encode what they decoded.
func (r *Record) CarryExact() {
	for _, e := range r.Entries {
		if e.Outcome == Pending {
			e.Target, e.Outcome = e.Code, Exact
		}
	}
}
