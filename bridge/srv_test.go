package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/status"
)

// tools does on the wire what the commands nats micro and nats server check do.
type tools struct {
	t  *testing.T
	nc *nats.Conn
}

// ask publishes a question and gathers the answers that come: want of them, and
// none after those within the pause in which the command takes all to have come.
func (c tools) ask(subject string, want int) []*nats.Msg {
	c.t.Helper()
	inbox := c.nc.NewRespInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, sub.Unsubscribe()) }()
	require.NoError(c.t, c.nc.PublishRequest(subject, inbox, nil))
	var all []*nats.Msg
	for len(all) < want {
		m, err := sub.NextMsg(10 * time.Second)
		require.NoError(c.t, err, "%s: %d of %d answers", subject, len(all), want)
		all = append(all, m)
	}
	_, err = sub.NextMsg(100 * time.Millisecond)
	require.ErrorIs(c.t, err, nats.ErrTimeout, "%s: more than %d answers", subject, want)
	return all
}

// srv is nats micro ping, ls, info or stats: it tells answers apart by their
// type alone and takes nothing else.
func srv[T any](c tools, verb micro.Verb, kind string, of string, want int) []T {
	c.t.Helper()
	subject := micro.APIPrefix + "." + verb.String() + of
	var all []T
	for _, m := range c.ask(subject, want) {
		var typed struct {
			Type string `json:"type"`
		}
		require.NoError(c.t, json.Unmarshal(m.Data, &typed))
		require.Equal(c.t, kind, typed.Type, subject)
		require.Empty(c.t, m.Header.Get(micro.ErrorCodeHeader))
		var one T
		strictly(c.t, m.Data, &one)
		all = append(all, one)
	}
	return all
}

// strictly decodes a payload that has every field of its type's and no other.
func strictly(t *testing.T, body []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(into), "%s", body)
	require.False(t, d.More())
}

// checkRequest is nats server check request with --match-payload: "" where the
// answer is as wanted, else what it says.
func (c tools) checkRequest(subject, match string) string {
	c.t.Helper()
	m, err := c.nc.RequestMsg(&nats.Msg{Subject: subject, Header: nats.Header{}, Data: []byte{}}, 10*time.Second)
	require.NoError(c.t, err)
	if !regexp.MustCompile(match).Match(m.Data) {
		return "response does not match regexp"
	}
	return ""
}

// checkConnection is nats server check connection: a round trip to the server,
// and a message to an inbox of one's own.
func (c tools) checkConnection() {
	c.t.Helper()
	_, err := c.nc.RTT()
	require.NoError(c.t, err)
	inbox := c.nc.NewRespInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	require.NoError(c.t, err)
	require.NoError(c.t, sub.AutoUnsubscribe(1))
	require.NoError(c.t, c.nc.Publish(inbox, []byte("a hundred random letters")))
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(c.t, err)
	require.Equal(c.t, "a hundred random letters", string(m.Data))
}

const ok = `"status":"ok"`

// micro asks everything that the commands do about the services there are: those
// named, each so many times.
func (c tools) micro(services map[string]int) {
	c.t.Helper()
	all := 0
	for _, n := range services {
		all += n
	}
	pings := srv[micro.Ping](c, micro.PingVerb, micro.PingResponseType, "", all)
	ids := map[string]string{} // name by id
	for _, p := range pings {
		require.Empty(c.t, ids[p.ID], "an id twice")
		ids[p.ID] = p.Name
		require.Equal(c.t, "0.0.1", p.Version)
		for _, name := range []string{"economy", "pair", "instance"} {
			require.NotEmpty(c.t, p.Metadata[name], p.Name)
		}
	}
	require.Len(c.t, srv[micro.Info](c, micro.InfoVerb, micro.InfoResponseType, "", all), all)
	require.Len(c.t, srv[micro.Stats](c, micro.StatsVerb, micro.StatsResponseType, "", all), all)
	for name, n := range services {
		of := "." + name
		require.Len(c.t, srv[micro.Ping](c, micro.PingVerb, micro.PingResponseType, of, n), n)
		instances := map[string]bool{}
		for _, info := range srv[micro.Info](c, micro.InfoVerb, micro.InfoResponseType, of, n) {
			require.Equal(c.t, name, info.Name)
			require.NotEmpty(c.t, info.Endpoints)
			instances[info.Metadata["instance"]] = true
			for _, e := range info.Endpoints {
				require.True(c.t, catalogued(e.Subject), "endpoint %s of %s is in no row of the catalogue", e.Subject, name)
			}
		}
		require.Len(c.t, instances, n, "each instance says which it is")
		for _, stats := range srv[micro.Stats](c, micro.StatsVerb, micro.StatsResponseType, of, n) {
			require.False(c.t, stats.Started.IsZero())
		}
	}
	for id, name := range ids {
		of := "." + name + "." + id
		require.Equal(c.t, id, srv[micro.Ping](c, micro.PingVerb, micro.PingResponseType, of, 1)[0].ID)
		info := srv[micro.Info](c, micro.InfoVerb, micro.InfoResponseType, of, 1)[0]
		require.NotEmpty(c.t, info.Description, info.Name)
		stats := srv[micro.Stats](c, micro.StatsVerb, micro.StatsResponseType, of, 1)[0]
		require.Len(c.t, stats.Endpoints, len(info.Endpoints), name)
	}
}

func catalogued(subject string) bool {
	return slices.ContainsFunc(bridge.Catalogue(), func(row bridge.Subject) bool { return row.Matches(subject) })
}

// The standard tools are answered over the operations listener of one box.
func TestTheStandardToolsOnOneBox(t *testing.T) {
	e := start(t, setup{config: withOperations})
	c := tools{t, operations(t, e)}
	c.checkConnection()
	require.Empty(t, c.checkRequest("linkspan.test.health", ok))
	services := map[string]int{"linkspan": 1, "linkspan-emisweb": 1, "linkspan-systmone": 1, "linkspan-audit": 1, "linkspan-operations": 1}
	c.micro(services)
	for from, file := range askings {
		e.ask(from, request(t, file))
		require.Empty(t, (<-e.outcomes).Reason)
	}
	counted := 0
	for _, s := range srv[micro.Stats](c, micro.StatsVerb, micro.StatsResponseType, ".linkspan", 1) {
		for _, endpoint := range s.Endpoints {
			counted += endpoint.NumRequests
		}
	}
	require.Equal(t, 2, counted)
}

// Several instances on an existing server answer the same tools in an account of
// operations, each for itself; any one of them answers for the link.
func TestTheStandardToolsOnAnArea(t *testing.T) {
	a := startArea(t)
	edges := a.instance("edges", setup{}, "emisweb", "systmone")
	one := a.instance("one", setup{}, bridge.RoleExchange)
	two := a.instance("two", setup{}, bridge.RoleExchange)
	c := tools{t, a.connect(a.ops)}
	c.checkConnection()
	require.Eventually(t, func() bool { return c.checkRequest("linkspan.test.health", ok) == "" }, 10*time.Second, 10*time.Millisecond)
	c.micro(map[string]int{"linkspan": 2, "linkspan-emisweb": 1, "linkspan-systmone": 1, "linkspan-audit": 2, "linkspan-operations": 3})
	names := map[string]bool{}
	for _, m := range c.ask("linkspan.test.status", 3) {
		var r status.Report
		strictly(t, m.Data, &r)
		names[r.Instance] = true
	}
	require.Equal(t, []string{"edges", "one", "two"}, slices.Sorted(maps.Keys(names)))

	// An instance that stops says so: the link is well as long as another has its role.
	require.NoError(t, one.Stop(context.Background()))
	require.Equal(t, status.Stopped, presence(t, edges, "one"))
	require.Empty(t, c.checkRequest("linkspan.test.health", ok))
	require.NoError(t, two.Stop(context.Background()))
	require.Equal(t, status.Stopped, presence(t, edges, "two"))
	require.NotEmpty(t, c.checkRequest("linkspan.test.health", ok), "nobody translates")
	var h status.Health
	strictly(t, c.ask("linkspan.test.health", 1)[0].Data, &h)
	require.Equal(t, status.Down, h.Level)
	require.Equal(t, []string{"no instance with the exchange role answers"}, h.Why)
}

// presence waits until an instance is not counted on any more, and says why.
func presence(t *testing.T, seen *economy, instance string) (p status.Presence) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, s := range seen.Link().Instances {
			if s.Report.Instance == instance {
				p = s.Presence
			}
		}
		return p != status.Present && p != status.Overdue
	}, 10*time.Second, 5*time.Millisecond)
	return p
}

// What cannot be answered is said as ADR-32 has it: a code that is a number.
func TestAnErrorHasANumber(t *testing.T) {
	e := start(t, setup{config: withOperations})
	nc := operations(t, e)
	m, err := nc.Request("linkspan.test.exchange.emisweb", nil, 200*time.Millisecond)
	require.Error(t, err, "operations cannot ask for a record: %v", m)
	m, err = e.Conn().Request("linkspan.test.exchange.emisweb", []byte("unsealed"), 10*time.Second)
	require.NoError(t, err)
	require.Regexp(t, `^[1-5][0-9]{2}$`, m.Header.Get(micro.ErrorCodeHeader))
	require.NotEmpty(t, m.Header.Get(micro.ErrorHeader))
}

// withOperations opens the operations listener.
func withOperations(c *bridge.Config) {
	c.NATS.Listen, c.OpsUser, c.OpsPassword = "127.0.0.1:0", "operations", "a password of the test"
}

// operations connects to the operations listener.
func operations(t *testing.T, e *economy) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(e.Operations(), nats.UserInfo("operations", "a password of the test"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}
