package bridge_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/trace"
	"github.com/linkspan/linkspan/bridge/wire"
)

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	traceParent = "00-" + traceID + "-b7ad6b7169203331-01"
)

// tracing is EMIS Web, which has HTTP, and the traces its requests came with.
type tracing struct {
	mu   sync.Mutex
	seen []string
}

func (r *tracing) handler(t *testing.T) wire.Handler {
	emis := stand(t, "emisweb", standin.Options{})
	return func(ctx context.Context, native []byte, from wire.Peer) []byte {
		r.mu.Lock()
		r.seen = append(r.seen, from.Header.Get(trace.Header))
		r.mu.Unlock()
		return emis.Handle(ctx, native, from)
	}
}

func (r *tracing) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// TestTraceReachesTheWire asks with a trace over HTTP and over NATS: EMIS Web is
// read under the same trace, in spans of their own.
func TestTraceReachesTheWire(t *testing.T) {
	r := &tracing{}
	server := external(t)
	e := start(t, setup{holders: map[string]wire.Handler{"emisweb": r.handler(t)}, config: func(c *bridge.Config) {
		c.NATS.URL, c.NATS.Plaintext, c.LinkKey = server, true, linkKeyFile(t)
	}})
	nc, err := nats.Connect(server)
	require.NoError(t, err)
	t.Cleanup(nc.Close)

	asks := map[string]func(header string){
		"emisweb": func(header string) { // its own copy of the patient is read from it
			client := wire.NewClient(e.systems["emisweb"].Wire, e.Address("emisweb"), wire.ClientOptions{ThrottleDisabled: true, Headers: http.Header{trace.Header: {header}}})
			defer client.Close()
			answer, err := client.Do(t.Context(), fresh(request(t, askings["emisweb"])), nil)
			require.NoError(t, err)
			require.Contains(t, string(answer), "9998193036")
		},
		"systmone": func(header string) { // it is the holder
			m := nats.NewMsg("linkspan.test.systmone.native")
			m.Header[trace.Header], m.Data = []string{header}, fresh(request(t, askings["systmone"]))
			answer, err := nc.RequestMsgWithContext(t.Context(), m)
			require.NoError(t, err)
			require.Contains(t, string(answer.Data), "9998193036")
		},
	}
	for from, ask := range asks {
		ask(traceParent)
		require.Empty(t, (<-e.outcomes).Reason)
		seen := r.take()
		require.NotEmpty(t, seen, from)
		for _, header := range seen {
			require.Equal(t, traceID, trace.Parse([]string{header}).ID(), from)
			require.NotEqual(t, traceParent, header, "each hop is a span of its own")
		}
		ask("00-" + traceID + "-0000000000000000-01")
		require.Empty(t, (<-e.outcomes).Reason)
		for _, header := range r.take() {
			require.Empty(t, header, "what is malformed goes nowhere")
		}
	}
}

// TestTraceIsLogged has an exchange refused: its lines name the trace.
func TestTraceIsLogged(t *testing.T) {
	e := start(t, setup{standins: map[string]standin.Options{"systmone": {Truncate: true}}})
	client := wire.NewClient(e.systems["emisweb"].Wire, e.Address("emisweb"), wire.ClientOptions{ThrottleDisabled: true, Headers: http.Header{trace.Header: {traceParent}}})
	defer client.Close()
	answer, err := client.Do(t.Context(), fresh(request(t, askings["emisweb"])), nil)
	require.NoError(t, err)
	refusedNatively(t, "emisweb", answer)
	<-e.outcomes
	lines := e.logs.FilterMessage("exchange refused").All()
	require.Len(t, lines, 1)
	require.Equal(t, traceID, lines[0].ContextMap()["trace_id"])
}
