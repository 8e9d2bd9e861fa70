package bridge_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/record"
)

// TestAPanicHasItsEndInTheAudit has every step of an exchange panic, once and
// whenever it comes by: the asker is refused in its own form, nothing of a record
// is in it, and what was asked has exactly one end in the audit (safety IG-10).
func TestAPanicHasItsEndInTheAudit(t *testing.T) {
	const secret = "9998193036 Quillfeather"
	for _, step := range []string{"decoded", "decided", "asked", "read-back", "answered", "translated", "encoded"} {
		for from, often := range map[string]bool{"emisweb": step == "encoded", "systmone": false} {
			t.Run(step+" "+from, func(t *testing.T) {
				var done atomic.Bool
				e := start(t, setup{options: func(o bridge.Options) bridge.Options {
					return bridge.Stepped(o, func(at string) {
						if at == step && (often || !done.Swap(true)) {
							panic(secret)
						}
					})
				}})
				refusedNatively(t, from, e.ask(from, request(t, askings[from])))
				require.Equal(t, record.ReasonInternal, (<-e.outcomes).Reason)
				exchanges := auditOf(t, e.data)
				require.Len(t, exchanges, 1)
				for _, x := range exchanges {
					require.Len(t, x.closed, 1)
					require.Equal(t, audit.EventRefused, x.closed[0].Event)
					require.Equal(t, string(record.ReasonInternal), x.closed[0].Reason)
					require.NotContains(t, x.closed[0].Cause, "Quillfeather")
				}
				require.Empty(t, holding(t, e, &heard{}, "Quillfeather", "9998193036"))
			})
		}
	}
}
