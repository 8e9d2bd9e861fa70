// Package governance decides whether this person may see this record now: the
// sharing agreement, who asks, which sections are shared, which entries are
// withheld. It never translates a code and never changes words.
package governance
