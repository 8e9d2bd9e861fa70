package bridge

import (
	"context"
	"net/http"
	"slices"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/trace"
)

// traced carries the trace of whoever asked, in the header as HTTP or NATS has
// it. What is malformed is no trace. Like the claims beside a message it is
// believed only of a peer that has proven who it is or is on this machine.
func traced(ctx context.Context, h http.Header) context.Context {
	values := slices.Concat(map[string][]string(h)[trace.Header], h.Values(trace.Header)) // as NATS keeps it, and as HTTP does
	return trace.With(ctx, trace.Parse(values))
}

// traceLog adds the id of the trace to the lines of one exchange, where there is
// one.
func traceLog(ctx context.Context, log *zap.Logger) *zap.Logger {
	if id := trace.From(ctx).ID(); id != "" {
		return log.With(zap.String("trace_id", id))
	}
	return log
}
