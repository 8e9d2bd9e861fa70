package bridge_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// TestOverloadIsToldNatively blocks the holder with every slot taken: who asks
// next is told natively that the link is busy while the others wait, who then get
// their record; operations hear of it once, and the counts say how many.
func TestOverloadIsToldNatively(t *testing.T) {
	for from, file := range askings {
		const slots, beyond = 3, 5
		blocked := hold(t, holder(from))
		e := start(t, setup{holders: map[string]wire.Handler{holder(from): blocked.answer}, config: func(c *bridge.Config) { c.Slots = slots }})
		told := make(chan bridge.OverloadEvent, 2*beyond)
		_, err := e.Conn().Subscribe(bridge.NewSubjects("test").Event("overload"), func(m *nats.Msg) {
			var event bridge.OverloadEvent
			if json.Unmarshal(m.Data, &event) == nil {
				told <- event
			}
		})
		require.NoError(t, err)
		require.NoError(t, e.Conn().Flush())
		answers := make(chan []byte, slots)
		for range slots {
			go func() { answers <- e.ask(from, request(t, file)) }()
		}
		require.Eventually(t, func() bool { return intakeOf(e, from).InFlight == slots }, 10*time.Second, time.Millisecond)
		<-blocked.asked
		for range beyond {
			busy := e.ask(from, request(t, file))
			refusedNatively(t, from, busy)
			require.Contains(t, string(busy), record.ReasonBusy.Words())
		}
		require.Empty(t, answers, "the others wait")
		intake := intakeOf(e, from)
		require.EqualValues(t, slots, intake.Taken)
		require.Equal(t, map[string]uint64{string(record.ReasonBusy): beyond}, intake.Refused)
		close(blocked.release)
		for range slots {
			refused, err := isRefusal(from, <-answers)
			require.NoError(t, err)
			require.False(t, refused)
		}
		event := <-told
		require.Equal(t, bridge.OverloadEvent{Instance: "one", At: event.At, System: from, Where: "intake", Refused: 1}, event)
		require.Empty(t, told, "the rest is told within the minute")
	}
}

// intakeOf is what the edge of a system counts of its requests.
func intakeOf(e *economy, name string) (intake struct {
	InFlight int
	Taken    uint64
	Refused  map[string]uint64
}) {
	for _, s := range e.Report().Systems {
		if s.Name == name {
			intake.InFlight, intake.Taken, intake.Refused = s.Intake.InFlight, s.Intake.Taken, s.Intake.Refused
		}
	}
	return intake
}

// BenchmarkOverload drives a link with as many askers as it has slots and then
// with ten times as many, each of whom asks again after a busy answer when an
// exchange takes as long as it did before: ten times what the link can do is
// asked. goodput-percent is what it does then of what it does at its best
// (target: at least 90); busy-p99-ms is how long who is rejected waits for the
// word (target: at most 50). The stand-ins answer at once and nothing is
// throttled; they, and the askers, have the same processor.
func BenchmarkOverload(b *testing.B) {
	for _, from := range []string{"emisweb", "systmone"} {
		b.Run(from, func(b *testing.B) { overload(b, from) })
	}
}

func overload(b *testing.B, from string) {
	const slots, times, phases, lasting = 16, 10, 3, 2 * time.Second
	somebody := crowd(1)[0]
	clock := &shifting{}
	var outcomes atomic.Int64
	handlers := map[string]wire.Handler{}
	for name := range askings {
		handlers[name] = turns(func(o standin.Options) wire.Handler { return somebody.alone(b, name, o) })
	}
	e := start(b, setup{options: counting(&outcomes, clock), holders: handlers, config: func(c *bridge.Config) {
		c.Slots = slots
		for name, side := range c.Sides {
			side.Connections, side.PeerConnections = 2*times*slots, 2*times*slots
			c.Sides[name] = side
		}
	}})
	all := make([]*plainAsker, times*slots)
	for i := range all {
		all[i] = &plainAsker{wire: e.systems[from].Wire, address: e.Address(from)}
		b.Cleanup(all[i].hangUp)
	}
	var goodputs [2][]float64
	var rejected, admitted []time.Duration
	asking, pause := somebody.again(b, from), 50*time.Millisecond
	for b.Loop() {
		for range phases {
			for i, n := range []int{slots, times * slots} {
				e.logs.TakeAll()
				r := press(b, all[:n], asking, lasting, pause)
				goodputs[i] = append(goodputs[i], float64(len(r.served))/r.took.Seconds())
				clock.advance(61 * time.Minute)
				if i == 0 {
					pause = mid(r.served)
				} else {
					rejected, admitted = append(rejected, r.busy...), append(admitted, r.served...)
				}
			}
		}
	}
	require.NotEmpty(b, rejected)
	slices.Sort(rejected)
	slices.Sort(goodputs[0])
	slices.Sort(goodputs[1])
	peak, under := goodputs[0][len(goodputs[0])/2], goodputs[1][len(goodputs[1])/2]
	b.ReportMetric(peak, "peak/s")
	b.ReportMetric(under, "overloaded/s")
	b.ReportMetric(100*under/peak, "goodput-percent")
	b.ReportMetric(milliseconds(rejected[len(rejected)/2]), "busy-p50-ms")
	b.ReportMetric(milliseconds(rejected[len(rejected)*99/100]), "busy-p99-ms")
	b.ReportMetric(milliseconds(mid(admitted)), "served-p50-ms")
	b.ReportMetric(float64(len(rejected))/float64(len(admitted)), "rejected-per-served")
	b.ReportMetric(0, "ns/op") // a length of time that was chosen
}

// alone is a system that holds one person, read once.
func (p person) alone(b *testing.B, name string, o standin.Options) wire.Handler {
	text := p.inEMIS()
	if name == "systmone" {
		text = p.inSystmOne()
	}
	s, err := standin.New(name, fstest.MapFS{"record.xml": {Data: []byte(text)}}, o)
	require.NoError(b, err)
	return s.Handle
}

// again is a request that can be made again with ids and a user of its own, for
// less than the searching in it would cost.
func (p person) again(b *testing.B, from string) func(user int) []byte {
	const user = "qwertyuiop"
	text := string(p.asking(b, from, user))
	var id string
	for _, found := range anyUUID.FindAllString(text, -1) {
		if !bytes.Contains(p.asking(b, from, user), []byte(found)) { // it differs each time
			id = found
			break
		}
	}
	require.NotEmpty(b, id)
	var parts []string
	for i, part := range strings.Split(text, id) {
		if i > 0 {
			parts = append(parts, id)
		}
		for j, piece := range strings.Split(part, user) {
			if j > 0 {
				parts = append(parts, user)
			}
			parts = append(parts, piece)
		}
	}
	return func(n int) []byte {
		own, name := uuid.NewString(), fmt.Sprintf("cmarlow%d", n)
		var out bytes.Buffer
		for _, part := range parts {
			switch part {
			case id:
				out.WriteString(own)
			case user:
				out.WriteString(name)
			default:
				out.WriteString(part)
			}
		}
		return out.Bytes()
	}
}

// plainAsker asks on a connection that it keeps, and does no more than that: its
// own work would be taken from the link's, which has the same processors.
type plainAsker struct {
	wire    system.Wire
	address string
	conn    net.Conn
	answers *bufio.Reader
}

func (a *plainAsker) hangUp() {
	if a.conn != nil {
		_ = a.conn.Close()
		a.conn = nil
	}
}

// ask sends a message and reads its answer.
func (a *plainAsker) ask(native []byte) ([]byte, error) {
	if a.conn == nil {
		conn, err := net.Dial("tcp", a.address)
		if err != nil {
			return nil, err
		}
		a.conn, a.answers = conn, bufio.NewReaderSize(conn, 64<<10)
	}
	if a.wire.Transport != system.HTTP {
		if _, err := a.conn.Write(append(native, a.wire.Terminator...)); err != nil {
			return nil, err
		}
		return a.answers.ReadBytes('\n') // an answer is one line
	}
	message := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: link\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", a.wire.Path, a.wire.ContentType, len(native))
	if _, err := a.conn.Write(append(message, native...)); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(a.answers, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if answer.Close {
		a.hangUp()
	}
	return body, err
}

// pressed is what askers saw.
type pressed struct {
	served, busy []time.Duration
	took         time.Duration
}

// released are what only an answer with a record holds.
var released = [2][]byte{[]byte("<Registration>"), []byte("<Identity>")}

// press has askers ask for a time, each again as soon as it is answered, or after
// a pause where it was told that the link is busy.
func press(b *testing.B, askers []*plainAsker, asking func(user int) []byte, lasting, pause time.Duration) pressed {
	ctx, cancel := context.WithTimeout(b.Context(), lasting)
	defer cancel()
	var mu sync.Mutex
	var all pressed
	var working sync.WaitGroup
	started := time.Now()
	for k, a := range askers {
		working.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				ask := asking((k*7 + i) % 397)
				asked := time.Now()
				answer, err := a.ask(ask)
				took := time.Since(asked)
				busy := bytes.Contains(answer, []byte(record.ReasonBusy.Words()))
				if err != nil || busy == (bytes.Contains(answer, released[0]) || bytes.Contains(answer, released[1])) {
					b.Errorf("neither a record nor busy: %v %.300s", err, answer)
					return
				}
				mu.Lock()
				if busy {
					all.busy = append(all.busy, took)
				} else {
					all.served = append(all.served, took)
				}
				mu.Unlock()
				if busy {
					select {
					case <-time.After(pause):
					case <-ctx.Done():
					}
				}
			}
		})
	}
	working.Wait()
	all.took = time.Since(started)
	return all
}

// mid is the median.
func mid(took []time.Duration) time.Duration {
	took = slices.Clone(took)
	slices.Sort(took)
	if len(took) == 0 {
		return 0
	}
	return took[len(took)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
