package bridge_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/record"
)

// operator is an operator at the operations listener.
type operator struct {
	t      *testing.T
	nc     *nats.Conn
	events chan *nats.Msg // event.control
}

// operated starts a link with an operations listener and a client of it.
func operated(t *testing.T, s setup) (*economy, operator) {
	t.Helper()
	own := s.config
	s.config = func(c *bridge.Config) {
		c.NATS.Listen, c.OpsUser, c.OpsPassword = "127.0.0.1:0", "operations", "a password of the test"
		if own != nil {
			own(c)
		}
	}
	e := start(t, s)
	nc, err := nats.Connect(e.Operations(), nats.UserInfo("operations", "a password of the test"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	d := operator{t: t, nc: nc, events: make(chan *nats.Msg, 64)}
	_, err = nc.ChanSubscribe("linkspan.test.event.control", d.events)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return e, d
}

func (d operator) send(verb, body string) *nats.Msg {
	d.t.Helper()
	m, err := d.nc.Request("linkspan.test.control.one."+verb, []byte(body), 30*time.Second)
	require.NoError(d.t, err)
	return m
}

// done asks for what must be done.
func (d operator) done(verb, direction string) bridge.ControlAnswer {
	d.t.Helper()
	body, err := json.Marshal(bridge.ControlRequest{By: "night desk", Why: "a test of " + verb, Direction: direction})
	require.NoError(d.t, err)
	m := d.send(verb, string(body))
	require.Empty(d.t, m.Header.Get(micro.ErrorCodeHeader), m.Header.Get(micro.ErrorHeader))
	var a bridge.ControlAnswer
	require.NoError(d.t, json.Unmarshal(m.Data, &a))
	require.Equal(d.t, verb, a.Verb)
	require.Equal(d.t, "one", a.Instance)
	event := d.event()
	require.Equal(d.t, "done", event.Result)
	require.Equal(d.t, verb, event.Verb)
	require.NotContains(d.t, event.Why, "a test of", "what the operator wrote stands in the audit alone")
	return a
}

func (d operator) event() (e bridge.ControlEvent) {
	d.t.Helper()
	require.NoError(d.t, json.Unmarshal((<-d.events).Data, &e))
	return e
}

// refused asks for what must not be done.
func (d operator) refused(verb, body string, code string) string {
	d.t.Helper()
	m := d.send(verb, body)
	require.Equal(d.t, code, m.Header.Get(micro.ErrorCodeHeader), "%s %s: %s", verb, body, m.Header.Get(micro.ErrorHeader))
	require.Empty(d.t, m.Data)
	require.Equal(d.t, "refused", d.event().Result)
	return m.Header.Get(micro.ErrorHeader)
}

const plainly = `{"by":"night desk","why":"a test"}`

// controls are the audit records of control requests, in their order.
func controls(t *testing.T, data string) (all []audit.Entry) {
	t.Helper()
	_, err := audit.Read(filepath.Join(data, "audit"), "one", func(_ audit.Receipt, e audit.Entry) error {
		if e.Event == audit.EventControl {
			all = append(all, e)
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// TestPausedDirectionIsRefused pauses one direction: its requests are refused
// natively and audited, the other goes on, and a resume ends it.
func TestPausedDirectionIsRefused(t *testing.T) {
	e, d := operated(t, setup{})
	for from, file := range askings {
		require.Equal(t, []string{from}, d.done(bridge.ControlPause, from).Paused)
		report := e.Report()
		require.Equal(t, []string{from}, report.Paused)
		require.Equal(t, status.Degraded, report.Level)
		answer := e.ask(from, request(t, file))
		refusedNatively(t, from, answer)
		require.Contains(t, string(answer), record.ReasonUnavailable.Words())
		require.Equal(t, record.ReasonUnavailable, (<-e.outcomes).Reason)
		require.Contains(t, string(e.ask(holder(from), request(t, askings[holder(from)]))), "9998193036")
		require.Empty(t, (<-e.outcomes).Reason)
		require.Contains(t, d.done(bridge.ControlPause, from).Did, "nothing changed")
		require.Empty(t, d.done(bridge.ControlResume, from).Paused)
		require.Contains(t, string(e.ask(from, request(t, file))), "9998193036")
		require.Empty(t, (<-e.outcomes).Reason)
	}
	require.Len(t, d.done(bridge.ControlPause, "").Paused, 2)
	require.Empty(t, d.done(bridge.ControlResume, "").Paused)
	require.Equal(t, status.OK, e.Report().Level)
	require.NoError(t, e.Stop(context.Background()))
	noted := controls(t, e.data)
	require.Len(t, noted, 8)
	require.Equal(t, "night desk", noted[0].User)
	require.Equal(t, "pause: a test of pause", noted[0].Cause)
}

// TestControlRequestsAreReadStrictly sends what says too little or too much:
// nothing is done and nothing is written down.
func TestControlRequestsAreReadStrictly(t *testing.T) {
	e, d := operated(t, setup{})
	for _, body := range []string{"", "null", "[]", "{}", `{"by":"a"}`, `{"by":"a","why":" "}`, `{"by":"","why":"w"}`, `{"by":"a\nb","why":"w"}`,
		`{"by":"a","why":"w","direction":"other"}`, `{"by":"a","why":"w","more":1}`, plainly + plainly,
		`{"by":"a","why":"` + strings.Repeat("w", 201) + `"}`, `{"by":"` + strings.Repeat("a", 65) + `","why":"w"}`, strings.Repeat(" ", 5000) + plainly} {
		d.refused(bridge.ControlPause, body, "400")
	}
	for _, verb := range []string{bridge.ControlDrain, bridge.ControlReload, bridge.ControlRollback} {
		d.refused(verb, `{"by":"a","why":"w","direction":"emisweb"}`, "400")
	}
	require.Empty(t, e.Report().Paused)
	_, err := d.nc.Request("linkspan.test.control.one.delete", []byte(plainly), time.Second)
	require.Error(t, err)
	_, err = d.nc.Request("linkspan.test.control.two.drain", []byte(plainly), time.Second)
	require.Error(t, err)
	require.NoError(t, e.Stop(context.Background()))
	require.Empty(t, controls(t, e.data))
}

// TestControlIsWrittenDownFirst breaks the audit log: nothing is done.
func TestControlIsWrittenDownFirst(t *testing.T) {
	e, d := operated(t, setup{})
	require.NoError(t, e.BreakAudit())
	for _, verb := range bridge.ControlVerbs() {
		d.refused(verb, plainly, "503")
	}
	require.Empty(t, e.Report().Paused)
	require.False(t, e.Report().Draining)
	select {
	case <-e.DrainAsked():
		require.FailNow(t, "it drains")
	default:
	}
}

// TestDrainIsAsked answers, says so in its report, and has the caller stop it.
func TestDrainIsAsked(t *testing.T) {
	e, d := operated(t, setup{})
	d.done(bridge.ControlDrain, "")
	<-e.DrainAsked()
	require.True(t, e.Report().Draining)
	for _, verb := range bridge.ControlVerbs() { // a second drain included
		require.Contains(t, d.refused(verb, plainly, "409"), "draining")
	}
	require.NoError(t, e.Stop(context.Background()))
}

// TestReloadReadsNow switches a direction off in the agreement's file and has it
// read; a fault leaves what was in force.
func TestReloadReadsNow(t *testing.T) {
	e, d := operated(t, setup{options: func(o bridge.Options) bridge.Options {
		return bridge.Paced(o, time.Hour, time.Hour, time.Hour) // nothing looks by itself
	}})
	file := filepath.Join(e.data, "agreement.json")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before := d.done(bridge.ControlReload, "")
	require.NotEmpty(t, before.MapSet)
	var a governance.Agreement
	require.NoError(t, json.Unmarshal(text, &a))
	side := a.Sides["emisweb"]
	side.Asks = false
	a.Sides["emisweb"] = side
	changed, err := json.Marshal(a)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, changed, 0o600))
	after := d.done(bridge.ControlReload, "")
	require.NotEqual(t, before.Agreement, after.Agreement)
	require.Equal(t, before.MapSet, after.MapSet)
	refusedNatively(t, "emisweb", e.ask("emisweb", request(t, askings["emisweb"])))
	require.Equal(t, record.ReasonDenied, (<-e.outcomes).Reason)
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	require.Contains(t, d.refused(bridge.ControlReload, plainly, "422"), "what was in force stays")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	require.Equal(t, before.Agreement, d.done(bridge.ControlReload, "").Agreement)
}

// TestRollbackWithoutASetBefore is refused in words, and on the record.
func TestRollbackWithoutASetBefore(t *testing.T) {
	e, d := operated(t, setup{})
	require.Contains(t, d.refused(bridge.ControlRollback, plainly, "409"), "starter tables")
	require.NoError(t, e.Stop(context.Background()))
	noted := controls(t, e.data)
	require.Len(t, noted, 2)
	require.Contains(t, noted[1].Cause, "not done, rollback: ")
}

// TestRollbackActivatesTheSetBefore goes back to the set before, and forward
// again, as linkspan tables rollback does.
func TestRollbackActivatesTheSetBefore(t *testing.T) {
	s := prepare(t, external(t))
	s.draft(local("1", "XaPbt 9kXA."))
	first := s.activate("ada")
	s.draft(local("2", "XaPbt 9kXA.", "XE2q5 22A.."))
	second := s.activate("ada")
	require.NotEqual(t, first, second)
	s.start(setup{})
	require.Equal(t, second, s.inUse().MapSet)
	d := operator{t: t, nc: s.nc, events: make(chan *nats.Msg, 64)}
	_, err := s.nc.ChanSubscribe("linkspan.test.event.control", d.events)
	require.NoError(t, err)
	require.NoError(t, s.nc.Flush())
	require.Equal(t, first, d.done(bridge.ControlRollback, "").MapSet)
	require.Equal(t, first, s.inUse().MapSet)
	require.Equal(t, "night desk", s.inUse().By)
	require.Equal(t, second, d.done(bridge.ControlRollback, "").MapSet)
}
