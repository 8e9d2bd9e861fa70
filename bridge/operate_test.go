package bridge_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/status"
)

// A report has the counts of the work done, the audit log's and the map set's.
func TestAReportIsOfThisMoment(t *testing.T) {
	e := start(t, setup{})
	for from, file := range askings {
		e.ask(from, request(t, file))
		require.Empty(t, (<-e.outcomes).Reason)
	}
	before := e.Report()
	require.Equal(t, status.OK, before.Level, before.Why)
	require.Len(t, before.Systems, 2)
	for _, d := range before.Exchanges.Directions {
		require.Equal(t, uint64(1), d.Released, d.From)
	}
	require.Equal(t, "one", before.Instance)
	require.Positive(t, before.Audit.Records)
	require.NotEmpty(t, before.Audit.TreeHead)
	require.Positive(t, before.Tables.Count)
	require.Equal(t, before.Tables.Count, before.Tables.Signed, "starter tables in test want nobody's approval")
	require.Eventually(t, func() bool { return !e.Report().Audit.Verified.IsZero() }, 10*time.Second, 5*time.Millisecond)
	e.ask("emisweb", request(t, askings["emisweb"]))
	require.Greater(t, e.Report().Audit.Records, before.Audit.Records)
	require.NoError(t, e.BreakAudit())
	after := e.Report()
	require.Equal(t, status.Down, after.Level)
	require.NotEmpty(t, after.Audit.Trouble)
	require.Equal(t, status.Degraded, e.Link().Level, "another instance may have the same role")
}

// What will hurt unless somebody does something makes an instance need
// attention, in words that say what; and no longer once it is done.
func TestAReportSaysWhatNeedsSomebody(t *testing.T) {
	clock := &shifting{}
	e := start(t, setup{options: func(o bridge.Options) bridge.Options {
		o.Now = clock.now
		return o
	}})
	require.Equal(t, status.OK, e.Report().Level, e.Report().Why)
	require.Greater(t, e.Report().Audit.FreeBytes, uint64(0))
	had := e.FreeBytes(300 << 20)
	require.Equal(t, []string{"the disk of the audit log has 300 MiB left"}, e.Report().Why)
	require.Equal(t, status.Degraded, e.Report().Level)
	e.FreeBytes(had)
	require.Equal(t, status.OK, e.Report().Level)

	e.ask("emisweb", request(t, askings["emisweb"]))
	clock.advance(11 * time.Minute) // a checkpoint comes within a minute of the real time, and not before
	require.Contains(t, strings.Join(e.Report().Why, "\n"), "no checkpoint of the audit log was signed since ")
}

// A heartbeat comes at once where something changed, and a last one when the
// instance stops, after the roles have ended.
func TestTheLastHeartbeat(t *testing.T) {
	a := startArea(t)
	link := a.connect(a.link)
	beats := make(chan status.Report, 100)
	_, err := link.Subscribe("linkspan.test.heartbeat.*", func(m *nats.Msg) {
		var r status.Report
		if json.Unmarshal(m.Data, &r) == nil {
			beats <- r
		}
	})
	require.NoError(t, err)
	require.NoError(t, link.Flush())
	e := a.instance("all", setup{}, bridge.RoleExchange, "emisweb", "systmone")
	first := <-beats
	require.False(t, first.Draining)
	require.NoError(t, e.Stop(context.Background()))
	require.NoError(t, link.Flush())
	last := first
	for !last.Draining || last.Level != status.Down {
		select {
		case last = <-beats:
		case <-time.After(10 * time.Second):
			require.Fail(t, "no last heartbeat")
		}
	}
	require.Empty(t, beats, "nothing after the last")
	require.Equal(t, []string{"the instance stops"}, last.Why)
}

// Every kind of event is shown as a line in plain words, which name no user; a
// kind that a newer instance sends is shown by its name.
func TestEveryEventHasALine(t *testing.T) {
	e := start(t, setup{})
	told := map[string]string{}
	for _, row := range bridge.Catalogue() {
		if row.Operations != bridge.OperationsHear || row.Payload.Example == nil {
			continue
		}
		if kind, ok := row.Event(); ok {
			body, err := json.Marshal(row.Payload.Example)
			require.NoError(t, err)
			require.NoError(t, e.Conn().Publish("linkspan.test.event."+kind, body))
			told[kind] = ""
		}
	}
	require.NoError(t, e.Conn().Publish("linkspan.test.event.newer", []byte(`{"x":1}`)))
	require.NoError(t, e.Conn().Publish("linkspan.test.event.broken", []byte(`nothing`)))
	require.Eventually(t, func() bool { return len(e.Link().Events) > 0 && e.Link().Events[0].Kind == "broken" }, 10*time.Second, 5*time.Millisecond)
	for _, event := range e.Link().Events {
		told[event.Kind] = event.Words
	}
	require.Equal(t, "newer", told["newer"])
	require.Equal(t, "broken", told["broken"])
	for kind, words := range told {
		require.Equal(t, kind == "exchange" || kind == "audit", words == "", "%s: %q", kind, words) // routine
		require.NotContains(t, words, "hwinterbourne", kind)
		require.LessOrEqual(t, len(words), 200, kind)
	}
	require.Equal(t, "consent overridden by a user of X99001: unconscious", told["breakglass"])
	require.Equal(t, "systmone does not answer: unavailable", told["wire"])
}
