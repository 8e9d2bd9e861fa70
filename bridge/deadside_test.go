package bridge_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// closedAddress is one where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// TestTheAskersOwnSystemIsAway asks while the asker's own system cannot be read,
// so that nobody can say who asks, or whom both systems mean: refused natively,
// not for good, the holder is not asked, and it stands in the audit (safety
// CS-05, H-42).
func TestTheAskersOwnSystemIsAway(t *testing.T) {
	ways := map[string]func(t *testing.T) string{
		"nobody listens": closedAddress,
		"hangs up":       func(t *testing.T) string { return peer(t, func(c net.Conn) { _ = c.Close() }) },
		"resets":         func(t *testing.T) string { return peer(t, reset) },
		"half an answer": func(t *testing.T) string { return peer(t, half) },
		"mute":           func(t *testing.T) string { return peer(t, func(net.Conn) {}) },
	}
	for way, address := range ways {
		for from, file := range askings {
			t.Run(way+" "+from, func(t *testing.T) {
				var asked atomic.Int64
				answering := stand(t, holder(from), standin.Options{}).Handle
				e := start(t, setup{
					holders: map[string]wire.Handler{holder(from): func(ctx context.Context, native []byte, peer wire.Peer) []byte {
						asked.Add(1)
						return answering(ctx, native, peer)
					}},
					config: func(c *bridge.Config) {
						side := c.Sides[from]
						side.Address = address(t)
						c.Sides[from] = side
						if way == "mute" {
							c.Deadline = 2 * time.Second
						}
					}})
				answer := e.ask(from, request(t, file))
				refusedNatively(t, from, answer)
				require.True(t, says(string(answer), []record.Reason{record.ReasonUnavailable, record.ReasonTimeout, record.ReasonBadAnswer, record.ReasonNoPatient}), "%.600s", answer)
				require.Zero(t, asked.Load(), "the holder was asked for a patient nobody had proven")
				e.closes(t, answer)
			})
		}
	}
}

// TestSilenceIsAudited has the holder say nothing at all: the asker is told in
// time, and what it is told is what was audited, to the byte (safety P-04, P-19).
func TestSilenceIsAudited(t *testing.T) {
	for from, file := range askings {
		e := start(t, setup{standins: map[string]standin.Options{holder(from): {Silent: true}}, config: func(c *bridge.Config) { c.Deadline = time.Second }})
		answer := e.ask(from, request(t, file))
		refusedNatively(t, from, answer)
		require.Contains(t, string(answer), record.ReasonTimeout.Words())
		e.closes(t, answer)
	}
}

// closes stops the bridge and fails unless every exchange of the run has its end
// in the audit, with exactly these bytes.
func (e *economy) closes(t *testing.T, answer []byte) {
	t.Helper()
	require.NoError(t, e.Stop(context.Background()))
	sum := sha256.Sum256(answer)
	all := auditOf(t, e.data)
	require.NotEmpty(t, all)
	for id, l := range all {
		require.Equal(t, 1, l.asked, id)
		require.Len(t, l.closed, 1, id)
		last := l.closed[0]
		require.Equal(t, audit.EventRefused, last.Event)
		require.Equal(t, hex.EncodeToString(sum[:]), last.ContentSHA256, "the answer is not the one that was audited")
	}
}

// TestADeadSideDoesNotStopTheOther has one system take as many requests as there
// are slots and answer none of them: requests the other way are served all the
// while (safety P-08).
func TestADeadSideDoesNotStopTheOther(t *testing.T) {
	const slots = 3
	people := crowd(2 * slots)
	world := everywhere(people)
	index := map[string]int{}
	for i, p := range people {
		index[p.number] = i
	}
	// EMIS Web goes silent, whose endpoint takes several requests at once. SystmOne
	// takes one at a time, whoever asks, and a silent one is silent for all.
	asked, release := make(chan struct{}, slots), make(chan struct{})
	answering := world.handler("emisweb", standin.Options{})
	e := start(t, setup{
		holders: map[string]wire.Handler{"systmone": turns(world.as("systmone")), "emisweb": func(ctx context.Context, native []byte, from wire.Peer) []byte {
			if asks(index[number(native)]) == "systmone" {
				asked <- struct{}{}
				<-release
			}
			return answering(ctx, native, from)
		}},
		config: func(c *bridge.Config) { c.Slots, c.Deadline = slots, time.Minute }})
	wake := sync.OnceFunc(func() { close(release) })
	t.Cleanup(wake)
	waiting := make(chan error, slots)
	for i := range people {
		if asks(i) == "systmone" {
			a := e.asker(t, "systmone")
			go func() {
				answer, err := a.ask(context.Background(), people[i].asking(t, "systmone", ""))
				if err == nil {
					_, err = isRefusal("systmone", answer)
				}
				waiting <- err
			}()
		}
	}
	for range slots {
		<-asked
	}
	for i, p := range people {
		if asks(i) == "emisweb" {
			require.Contains(t, string(e.ask("emisweb", p.asking(t, "emisweb", "cmarlow"))), p.token, "refused because of the other direction")
		}
	}
	wake()
	for range slots {
		require.NoError(t, <-waiting)
	}
}

// TestTheClockIsMoved sets the clock forward and back under a running bridge, by
// more than any limit on time: requests go on being served, and the audit's
// sequence and its own time, which no setting moves, stay in order (safety P-14,
// T-31).
func TestTheClockIsMoved(t *testing.T) {
	clock := &shifting{}
	e := start(t, setup{options: func(o bridge.Options) bridge.Options { o.Now = clock.now; return o }})
	for _, by := range []time.Duration{0, 2 * time.Hour, -time.Hour, -3 * time.Hour, 48 * time.Hour, -30 * time.Second} {
		clock.advance(by)
		for from, file := range askings {
			answer := e.ask(from, request(t, file))
			require.Contains(t, string(answer), "9998193036", "%s after the clock was moved by %s: %.600s", from, by, answer)
			require.Empty(t, (<-e.outcomes).Reason)
		}
	}
	require.NoError(t, e.Stop(context.Background()))
	var seq uint64
	var passed time.Duration
	for i, entry := range e.all() {
		require.GreaterOrEqual(t, entry.Mono, passed, "record %d", i)
		passed = entry.Mono
		seq++
	}
	require.Positive(t, seq)
}

// TestClocksThatDiffer has the clock of the exchange role differ from the
// edge's: refused natively for that, with an event and an audit record, and
// served when the clocks agree again (safety IG-08).
func TestClocksThatDiffer(t *testing.T) {
	url, key := external(t), linkKeyFile(t)
	clock := &shifting{}
	apart := func(roles ...string) *economy {
		return start(t, setup{
			config: func(c *bridge.Config) { c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.Roles = url, true, key, roles },
			options: func(o bridge.Options) bridge.Options {
				if roles[0] == bridge.RoleExchange {
					o.Now = clock.now
				}
				return o
			}})
	}
	edges := apart("emisweb", "systmone")
	exchange := apart(bridge.RoleExchange)
	events := subscribe(t, url, bridge.NewSubjects("test").Event("clock"))
	for _, by := range []time.Duration{10 * time.Minute, -20 * time.Minute} {
		clock.advance(by)
		for from, file := range askings {
			answer := edges.ask(from, request(t, file))
			refusedNatively(t, from, answer)
			require.Contains(t, string(answer), record.ReasonClock.Words())
			require.Equal(t, record.ReasonClock, (<-exchange.outcomes).Reason)
			_, last := exchange.audited()
			require.Equal(t, string(record.ReasonClock), last.Reason)
			_, err := events.NextMsg(10 * time.Second)
			require.NoError(t, err)
		}
	}
	clock.advance(10 * time.Minute)
	for from, file := range askings {
		require.Contains(t, string(edges.ask(from, request(t, file))), "9998193036")
		require.Empty(t, (<-exchange.outcomes).Reason)
	}
}
