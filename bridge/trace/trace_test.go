package trace

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
	parent  = "00-" + traceID + "-" + spanID + "-01"
)

// TestMalformedIsNone holds the reading to the recommendation's only form.
func TestMalformedIsNone(t *testing.T) {
	require.Equal(t, traceID, Parse([]string{parent}).ID())
	for _, bad := range []string{
		"", " " + parent, parent + " ", parent + "-", parent + "-extra", strings.ToUpper(parent),
		"01" + parent[2:], "ff" + parent[2:], "0" + parent[2:],
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01",
		"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01",
		"00-" + traceID[:31] + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "0-01",
		"00-" + traceID[:31] + "g-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-1", "00-" + traceID + "-" + spanID,
		"00_" + traceID + "_" + spanID + "_01", parent + "\r\nX-Other: 1",
	} {
		require.Zero(t, Parse([]string{bad}), "%q", bad)
	}
	require.Zero(t, Parse(nil))
	require.Zero(t, Parse([]string{parent, parent}), "of two, nobody can say which is meant")
}

// TestEachHopHasItsSpan keeps the trace and the flags and makes a new span.
func TestEachHopHasItsSpan(t *testing.T) {
	p := Parse([]string{parent})
	first, second := p.Next(), p.Next()
	for _, next := range []string{first, second} {
		read := Parse([]string{next})
		require.Equal(t, traceID, read.ID())
		require.Equal(t, "01", read.flags)
		require.NotEqual(t, spanID, read.span)
	}
	require.NotEqual(t, first, second)
	require.Empty(t, Parent{}.Next())
}

// TestContexts carry a trace, or nothing.
func TestContexts(t *testing.T) {
	p := Parse([]string{parent})
	require.Equal(t, p, From(With(t.Context(), p)))
	require.Zero(t, From(t.Context()))
	ctx := context.Background()
	require.Equal(t, ctx, With(ctx, Parent{}))
}
