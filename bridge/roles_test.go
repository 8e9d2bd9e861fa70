package bridge_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// external starts a NATS server of its own on loopback, at its default maximum
// payload, as an existing one would be.
func external(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	require.NoError(t, err)
	go s.Start()
	require.True(t, s.ReadyForConnections(10*time.Second))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s.ClientURL()
}

// TestRolesApart runs the three roles as instances of their own on an existing
// NATS server, left at its 1 MiB payload, and carries a record each way.
func TestRolesApart(t *testing.T) {
	url := external(t)
	key := filepath.Join(t.TempDir(), "link.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600))
	apart := func(role string, sides map[string]bridge.SideConfig) *economy {
		return start(t, setup{config: func(c *bridge.Config) {
			c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.Roles, c.Instance = url, true, key, []string{role}, role
			if sides != nil {
				c.Sides = sides
			}
		}})
	}
	edges := map[string]*economy{}
	for _, system := range []string{"emisweb", "systmone"} {
		edges[system] = apart(system, nil)
	}
	exchange := apart(bridge.RoleExchange, nil)
	for from, file := range askings {
		answer := edges[from].ask(from, request(t, file))
		require.Empty(t, (<-exchange.outcomes).Reason)
		require.Contains(t, string(answer), "9998193036")
	}
}

// TestNoExchangeRole answers natively when nobody translates.
func TestNoExchangeRole(t *testing.T) {
	e := start(t, setup{config: func(c *bridge.Config) { c.Roles = []string{"emisweb", "systmone"} }})
	for from, file := range askings {
		answer := e.ask(from, request(t, file))
		refusedNatively(t, from, answer)
		require.Contains(t, string(answer), record.ReasonUnavailable.Words())
	}
}

// TestNativeSubject takes a native request on the edge's subject, as an
// application beside the system would send it, and answers natively there.
func TestNativeSubject(t *testing.T) {
	url := external(t)
	key := filepath.Join(t.TempDir(), "link.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("cd", 32)), 0o600))
	e := start(t, setup{config: func(c *bridge.Config) { c.NATS.URL, c.NATS.Plaintext, c.LinkKey = url, true, key }})
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	application := spine.New(nc, spine.NewKey(), spine.Options{Limit: 8 << 20})
	for from, file := range askings {
		answer, err := application.RequestNative(t.Context(), bridge.NewSubjects("test").Native(from), request(t, file))
		require.NoError(t, err)
		require.Empty(t, (<-e.outcomes).Reason)
		require.Contains(t, string(answer), "9998193036")
	}
}

var requestUID = regexp.MustCompile(`<RequestUID>[^<]*</RequestUID>`)

// TestAnswerToAnotherRequest refuses an answer that echoes another request's
// id, even about the right patient.
func TestAnswerToAnotherRequest(t *testing.T) {
	stale, err := os.ReadFile("../testdata/patients/nora-quillfeather/systmone.response.xml")
	require.NoError(t, err)
	e := start(t, setup{holders: map[string]wire.Handler{"systmone": func(context.Context, []byte, wire.Peer) []byte { return stale }}})
	refusedNatively(t, "emisweb", e.ask("emisweb", request(t, "emisweb-full.xml")))
	require.Equal(t, record.ReasonBadAnswer, (<-e.outcomes).Reason)
}

// TestLargeRecord carries a record of nearly the limit through every role.
func TestLargeRecord(t *testing.T) {
	whole, err := os.ReadFile("../testdata/patients/nora-quillfeather/systmone.response.xml")
	require.NoError(t, err)
	native, tail, ok := bytes.Cut(whole, []byte("<Clinical>"))
	require.True(t, ok)
	big := append(bytes.Clone(native), "<Clinical>"...)
	words := rand.New(rand.NewPCG(1, 2))
	for len(big) < 7<<20 {
		big = fmt.Appendf(big, `<Event DateTime="2016-10-03T09:41:00" UserName="" DoneBy="Winterbourne, Hazel" DoneAt="" EventUID="%016x"><Narrative><Line>`, words.Uint64())
		for range 100 {
			big = strconv.AppendUint(append(big, ' '), words.Uint64(), 36)
		}
		big = append(big, "</Line></Narrative></Event>"...)
	}
	big = append(big, tail...)
	e := start(t, setup{holders: map[string]wire.Handler{"systmone": func(_ context.Context, asked []byte, _ wire.Peer) []byte {
		return requestUID.ReplaceAll(big, requestUID.Find(asked))
	}}})
	answer := e.ask("emisweb", request(t, "emisweb-full.xml"))
	outcome := <-e.outcomes
	if outcome.Reason == record.ReasonTooLarge { // the other system's form of it is longer than the limit
		refusedNatively(t, "emisweb", answer)
		t.Fatal("the record became longer than the limit on its way")
	}
	require.Empty(t, outcome.Reason)
	require.Greater(t, len(answer), 6<<20)
}

// The exchange writes EMIS Web's requests, whose envelope names its receiver:
// without the address every one of them would be refused there.
func TestTheExchangeWantsTheAddressItWrites(t *testing.T) {
	c := whole(t, "test", practices(t, crowd(1)))
	c.Roles, c.LinkKey = []string{bridge.RoleExchange}, filepath.Join(t.TempDir(), "link.key")
	require.NoError(t, os.WriteFile(c.LinkKey, []byte(strings.Repeat("ab", 32)), 0o600))
	side := c.Sides["emisweb"]
	side.Address = ""
	c.Sides["emisweb"] = side
	_, err := bridge.Start(t.Context(), c, bridge.Options{})
	require.ErrorContains(t, err, "LINKSPAN_EMISWEB_ADDRESS: required for the exchange")
}

// An own system that refuses the question about its patient is to the asker like
// a patient who is not known; the audit log has the system's own error.
func TestAnOwnSystemThatRefuses(t *testing.T) {
	e := start(t, setup{standins: map[string]standin.Options{"emisweb": {Users: []string{"somebody else"}}}})
	answer := e.ask("emisweb", request(t, "emisweb-full.xml"))
	refusedNatively(t, "emisweb", answer)
	require.Equal(t, record.ReasonNotFound, (<-e.outcomes).Reason)
	for _, x := range auditOf(t, e.data) {
		require.Len(t, x.closed, 1)
		require.Contains(t, x.closed[0].Cause, `or refused the question: "Client"`)
	}
}
