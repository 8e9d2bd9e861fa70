// Package trace carries a W3C trace context (Trace Context, level 1, header
// traceparent) from who asks to the system that holds the record, so that a
// site's own tracing shows one exchange as one. It makes no trace of its own:
// where the asker sent none, none is sent. Of tracestate nothing is carried,
// for anybody may write anything into it.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Header is the name of the header, of HTTP and of NATS.
const Header = "traceparent"

// Parent is the trace of an exchange and the span of whoever asked. The zero
// Parent is none.
type Parent struct {
	trace, span, flags string // lower-case hexadecimal: 32, 16 and 2 digits
}

// Parse reads the values of a traceparent header. It takes exactly one of
// version 00, in lower-case hexadecimal and with neither id all zero; anything
// else is no trace at all, as the recommendation asks. It is never corrected.
func Parse(values []string) Parent {
	if len(values) != 1 {
		return Parent{}
	}
	parts := strings.Split(values[0], "-")
	if len(parts) != 4 || parts[0] != "00" || !id(parts[1], 32) || !id(parts[2], 16) || !digits(parts[3], 2) {
		return Parent{}
	}
	return Parent{trace: parts[1], span: parts[2], flags: parts[3]}
}

// ID is the trace's id, "" where there is no trace.
func (p Parent) ID() string { return p.trace }

// Next is the header's value for the next hop: the same trace under a new span.
// It is "" where there is no trace.
func (p Parent) Next() string {
	if p.trace == "" {
		return ""
	}
	var span [8]byte
	_, _ = rand.Read(span[:]) // crypto/rand.Read never fails (Go 1.24)
	span[0] |= 1              // never all zero
	return "00-" + p.trace + "-" + hex.EncodeToString(span[:]) + "-" + p.flags
}

type key struct{}

// With is a context that carries p, or ctx itself where p is none.
func With(ctx context.Context, p Parent) context.Context {
	if p == (Parent{}) {
		return ctx
	}
	return context.WithValue(ctx, key{}, p)
}

// From is what With put into ctx, none where nothing was.
func From(ctx context.Context) Parent {
	p, _ := ctx.Value(key{}).(Parent)
	return p
}

// id is digits of which one at least is not zero.
func id(s string, length int) bool { return digits(s, length) && strings.Trim(s, "0") != "" }

func digits(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}
