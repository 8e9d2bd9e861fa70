package spine

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// flips is how many bytes are flipped each way, requests and answers.
const flips = 5000

// crossed is one message as it crosses between two roles.
type crossed struct {
	header nats.Header
	data   []byte
}

func (c crossed) clone() crossed {
	return crossed{maps.Clone(c.header), slices.Clone(c.data)}
}

// flip changes one byte of a message: of the body, or of the name or the value
// of a header, each in proportion to its length. It says where. A header that
// the NATS client itself cannot read, and so drops, is changed elsewhere.
func flip(r *rand.Rand, c crossed) (crossed, string) {
	for {
		if changed, where := flipAnywhere(r, c.clone()); readable(changed.header) {
			return changed, where
		}
	}
}

func readable(h nats.Header) bool {
	var b bytes.Buffer
	b.WriteString("NATS/1.0\r\n")
	if http.Header(h).Write(&b) != nil {
		return false
	}
	b.WriteString("\r\n")
	got, err := nats.DecodeHeadersMsg(b.Bytes())
	return err == nil && len(got) == len(h)
}

func flipAnywhere(r *rand.Rand, c crossed) (crossed, string) {
	type spot struct{ name, part string }
	var spots []spot
	lengths := []int{len(c.data)}
	total := len(c.data)
	for _, name := range slices.Sorted(maps.Keys(c.header)) {
		spots = append(spots, spot{name, "name"}, spot{name, "value"})
		lengths = append(lengths, len(name), len(c.header.Get(name)))
		total += len(name) + len(c.header.Get(name))
	}
	at, bit := r.IntN(total), byte(1)<<r.IntN(8)
	for i, n := range lengths {
		if at >= n {
			at -= n
			continue
		}
		if i == 0 {
			c.data[at] ^= bit
			return c, fmt.Sprintf("body byte %d bit %08b", at, bit)
		}
		s := spots[i-1]
		value := c.header.Get(s.name)
		if s.part == "name" {
			delete(c.header, s.name)
			c.header[turned(s.name, at, bit)] = []string{value}
		} else {
			c.header[s.name] = []string{turned(value, at, bit)}
		}
		return c, fmt.Sprintf("%s of %s byte %d bit %08b", s.part, s.name, at, bit)
	}
	panic("no byte chosen")
}

// turned is text with one bit of one byte turned.
func turned(text string, at int, bit byte) string {
	b := []byte(text)
	b[at] ^= bit
	return string(b)
}

// tap keeps the messages asked on a subject as they crossed, beside whoever
// answers them.
func tap(t *testing.T, l *link, subject string) <-chan crossed {
	t.Helper()
	seen := make(chan crossed, 16)
	nc := l.connect(t)
	_, err := nc.Subscribe(subject, func(m *nats.Msg) {
		select {
		case seen <- crossed{m.Header, m.Data}:
		case <-t.Context().Done(): // nobody looks any more
		}
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return seen
}

// TestFlippedRequestsAreRefused flips single bits of a request between two
// roles: in the claims, in the sealed body, in the names of the headers. The
// role that answers carries out none of them (safety T-05).
func TestFlippedRequestsAreRefused(t *testing.T) {
	l := newLink(t, Options{Link: "test/emisweb-systmone/test"})
	var carriedOut atomic.Int64
	l.serve(t, NewPool(4), func(_ context.Context, m Message) (Message, error) {
		carriedOut.Add(1)
		return Message{Body: m.Body}, nil
	})
	seen := tap(t, l, subject)
	_, err := l.asker.Request(within(t), subject, message("attempt-1", xmlish(700)))
	require.NoError(t, err)
	genuine := <-seen
	middle := l.connect(t)
	send := func(on string, c crossed) *nats.Msg {
		answer, err := middle.RequestMsgWithContext(within(t), &nats.Msg{Subject: on, Header: c.header, Data: c.data})
		require.NoError(t, err)
		return answer
	}
	require.False(t, isError(send(subject, genuine).Header), "as it was, it is carried out")
	require.Equal(t, int64(2), carriedOut.Load())

	accepted := 0
	r := rand.New(rand.NewPCG(5, 1))
	for range flips {
		bad, where := flip(r, genuine)
		if !isError(send(subject, bad).Header) {
			accepted++
			t.Errorf("accepted: %s", where)
		}
		for len(seen) > 0 {
			<-seen
		}
	}
	require.Zero(t, accepted)
	require.Equal(t, int64(2), carriedOut.Load(), "a flipped request was carried out")
	t.Logf("%d flipped requests, %d accepted", flips, accepted)
}

// TestSwappedClaimsAreRefused puts the claims of one request before the body of
// another, and a request onto another subject: both were sealed with the key.
func TestSwappedClaimsAreRefused(t *testing.T) {
	l := newLink(t, Options{})
	var carriedOut atomic.Int64
	handle := func(_ context.Context, m Message) (Message, error) {
		carriedOut.Add(1)
		return Message{Body: m.Body}, nil
	}
	const other = "linkspan.test.edge.systmone"
	l.serve(t, NewPool(4), handle)
	elsewhere, err := l.holder.Service("edge-systmone", "1.2.3", "", nil, []Endpoint{{Name: "ask", Subject: other, Handle: handle}}, NewPool(4), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, elsewhere.Stop(within(t))) })
	seen := tap(t, l, subject)
	var two [2]crossed
	for i, attempt := range []string{"attempt-1", "attempt-2"} {
		_, err := l.asker.Request(within(t), subject, message(attempt, []byte("<request>"+attempt+"</request>")))
		require.NoError(t, err)
		two[i] = <-seen
	}
	middle := l.connect(t)
	for name, c := range map[string]struct {
		subject string
		crossed
	}{
		"claims of the second, body of the first": {subject, crossed{two[1].header, two[0].data}},
		"claims of the first, body of the second": {subject, crossed{two[0].header, two[1].data}},
		"another subject":                         {other, two[0]},
		"no claims":                               {subject, crossed{nil, two[0].data}},
		"no body":                                 {subject, crossed{two[0].header, nil}},
	} {
		answer, err := middle.RequestMsgWithContext(within(t), &nats.Msg{Subject: c.subject, Header: c.header, Data: c.data})
		require.NoError(t, err)
		require.True(t, isError(answer.Header), name)
	}
	require.Equal(t, int64(2), carriedOut.Load())
}

// liar answers a subject with whatever its function makes of a genuine answer.
// It holds the link's key, as the role it stands for does; the change is made
// behind it, as by somebody on the way.
func liar(t *testing.T, l *link, change func([]crossed) []crossed) {
	t.Helper()
	nc := l.connect(t)
	_, err := nc.Subscribe(subject, func(m *nats.Msg) {
		asked, err := l.holder.Accept(m.Subject, m.Header, m.Data)
		if err != nil {
			return
		}
		var answer []crossed
		respond := func(data []byte, h nats.Header) error {
			answer = append(answer, crossed{h, slices.Clone(data)})
			return nil
		}
		if l.holder.Respond(respond, 1<<20, Message{Subject: m.Subject, Claims: asked.Claims, Body: asked.Body}) != nil {
			return
		}
		for _, c := range change(answer) {
			_ = nc.PublishMsg(&nats.Msg{Subject: m.Reply, Header: c.header, Data: c.data})
		}
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
}

// TestFlippedAnswersAreRefused flips single bits of an answer between two
// roles, in one message and in chunks: no body ever reaches the asker.
func TestFlippedAnswersAreRefused(t *testing.T) {
	for name, length := range map[string]int{"whole": 300, "chunked": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, Options{Limit: 4 << 20})
			l.holder.chunk = 1 << 20
			r := rand.New(rand.NewPCG(5, uint64(length)))
			turn, where := false, ""
			liar(t, l, func(answer []crossed) []crossed {
				if turn {
					i := r.IntN(len(answer))
					answer[i], where = flip(r, answer[i])
				}
				return answer
			})
			body := xmlish(length)
			got, err := l.asker.Request(within(t), subject, message("attempt-0", body))
			require.NoError(t, err, "as it was, it is taken")
			require.Equal(t, body, got.Body)

			turn = true
			accepted, tried := 0, flips
			if length > 1<<20 {
				tried = flips / 50 // three megabytes each; the places of chunks are the same few bytes
			}
			for i := range tried {
				got, err := l.asker.Request(within(t), subject, message(fmt.Sprint("attempt-", i+1), body))
				if err == nil || got.Body != nil {
					accepted++
					t.Errorf("accepted: %s", where)
				}
			}
			require.Zero(t, accepted)
			t.Logf("%d flipped answers, %d accepted", tried, accepted)
		})
	}
}

// TestReplayedAnswersAreRefused answers each request with the genuine answer to
// the one before it, and with one's claims beside the other's body.
func TestReplayedAnswersAreRefused(t *testing.T) {
	l := newLink(t, Options{})
	var before []crossed
	replay := func(before, now []crossed) []crossed { return now }
	liar(t, l, func(answer []crossed) []crossed {
		said := replay(before, answer)
		before = answer
		return said
	})
	ask := func(attempt string) error {
		_, err := l.asker.Request(within(t), subject, message(attempt, []byte("<request>"+attempt+"</request>")))
		return err
	}
	require.NoError(t, ask("attempt-0"), "as it was, it is taken")
	for name, f := range map[string]func(before, now []crossed) []crossed{
		"the answer to another attempt":       func(before, _ []crossed) []crossed { return before },
		"another answer's claims":             func(before, now []crossed) []crossed { return []crossed{{before[0].header, now[0].data}} },
		"another answer's body":               func(before, now []crossed) []crossed { return []crossed{{now[0].header, before[0].data}} },
		"the answer to another attempt first": func(before, now []crossed) []crossed { return append(slices.Clone(before), now...) },
	} {
		replay = f
		require.Error(t, ask("attempt "+name), name)
	}
}
