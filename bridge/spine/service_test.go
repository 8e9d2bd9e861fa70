package spine

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// held is a handler that says when it has begun and waits to be let go.
type held struct{ begun, release chan struct{} }

func newHeld() *held { return &held{begun: make(chan struct{}, 100), release: make(chan struct{})} }

func (h *held) handle(_ context.Context, m Message) (Message, error) {
	h.begun <- struct{}{}
	<-h.release
	return Message{Body: m.Body}, nil
}

// ask sends n requests at once and returns their errors when all are answered.
func ask(t *testing.T, l *link, n int) func() []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	ctx := within(t)
	for i := range n {
		wg.Go(func() { _, errs[i] = l.asker.Request(ctx, subject, message("a", []byte("<x/>"))) })
	}
	return func() []error { wg.Wait(); return errs }
}

func TestFullPoolIsBusyAtOnceWhileOthersRun(t *testing.T) {
	l := newLink(t, Options{})
	h, pool := newHeld(), NewPool(4)
	v := l.serve(t, pool, h.handle)
	answers := ask(t, l, 4)
	for range 4 {
		<-h.begun // all four at once: an endpoint is not serial
	}
	require.Equal(t, 4, pool.Busy())
	require.Equal(t, 4, v.Stats("ask").InFlight)
	for range 3 {
		_, err := l.asker.Request(within(t), subject, message("b", nil))
		requireReason(t, record.ReasonBusy, err)
	}
	close(h.release)
	for _, err := range answers() {
		require.NoError(t, err)
	}
	require.NoError(t, pool.Wait(within(t)))
	stats := v.Stats("ask")
	require.Equal(t, uint64(7), stats.Requests)
	require.Equal(t, uint64(4), stats.Answered)
	require.Equal(t, map[record.Reason]uint64{record.ReasonBusy: 3}, stats.Refused)
	require.Zero(t, stats.InFlight)
	require.Zero(t, v.Stats("no such endpoint"))
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	l := newLink(t, Options{})
	h := newHeld()
	v := l.serve(t, NewPool(5), h.handle)
	answers := ask(t, l, 5)
	for range 5 {
		<-h.begun
	}
	stopped := make(chan error)
	ctx := within(t)
	go func() { stopped <- v.Stop(ctx) }()
	for { // until the server has taken the subscription away
		_, err := l.asker.Request(ctx, subject, message("late", nil))
		if record.ReasonOf(err) == record.ReasonUnavailable {
			break
		}
		requireReason(t, record.ReasonBusy, err)
	}
	select {
	case <-stopped:
		require.Fail(t, "stopped with five requests under way")
	default:
	}
	close(h.release)
	require.NoError(t, <-stopped)
	closed := make(chan struct{})
	l.holder.nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	require.NoError(t, l.holder.nc.Drain())
	<-closed
	for _, err := range answers() {
		require.NoError(t, err)
	}
	require.Equal(t, uint64(5), v.Stats("ask").Answered)
}

func TestStopThatGivesUpCancels(t *testing.T) {
	l := newLink(t, Options{})
	begun, ended := make(chan struct{}), make(chan record.Reason)
	v, err := l.holder.Service("edge", "1.0.0", "", nil, []Endpoint{{Name: "ask", Subject: subject, Handle: func(ctx context.Context, _ Message) (Message, error) {
		close(begun)
		<-ctx.Done()
		ended <- endReason(ctx)
		return Message{}, ctx.Err()
	}}}, NewPool(1), nil)
	require.NoError(t, err)
	answers := ask(t, l, 1)
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = v.Stop(ctx)
	require.ErrorContains(t, err, "1 requests under way")
	require.Equal(t, record.ReasonUnavailable, <-ended)
	requireReason(t, record.ReasonUnavailable, answers()[0])
	require.NoError(t, v.Stop(within(t)))
}

func TestServiceAnswersSRV(t *testing.T) {
	l := newLink(t, Options{})
	v := l.serve(t, NewPool(2), echo)
	_, err := l.asker.Request(within(t), subject, message("a", nil))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return v.Stats("ask").Answered == 1 }, 5*time.Second, time.Millisecond)
	raw, err := l.asker.nc.Request("$SRV.STATS.edge-emisweb."+v.ID(), nil, 10*time.Second)
	require.NoError(t, err)
	var stats micro.Stats
	require.NoError(t, json.Unmarshal(raw.Data, &stats))
	require.Equal(t, "1.2.3", stats.Version)
	require.Equal(t, "test", stats.Metadata["economy"])
	require.Len(t, stats.Endpoints, 1)
	var data struct {
		Requests, Answered uint64
		Link               map[string]int
	}
	require.NoError(t, json.Unmarshal(stats.Endpoints[0].Data, &data))
	require.Equal(t, uint64(1), data.Requests)
	require.Equal(t, uint64(1), data.Answered)
	require.Equal(t, map[string]int{"throttled": 3}, data.Link)
}

func TestServiceRefusesBadSettings(t *testing.T) {
	l := newLink(t, Options{})
	one := Endpoint{Name: "ask", Subject: subject, Handle: echo}
	for name, start := range map[string]func() (*Service, error){
		"version": func() (*Service, error) {
			return l.holder.Service("s", "v1", "", nil, []Endpoint{one}, NewPool(1), nil)
		},
		"name": func() (*Service, error) {
			return l.holder.Service("a.b", "1.0.0", "", nil, []Endpoint{one}, NewPool(1), nil)
		},
		"twice": func() (*Service, error) {
			return l.holder.Service("s", "1.0.0", "", nil, []Endpoint{one, one}, NewPool(1), nil)
		},
		"endpoint": func() (*Service, error) {
			return l.holder.Service("s", "1.0.0", "", nil, []Endpoint{{Name: "a b"}}, NewPool(1), nil)
		},
	} {
		_, err := start()
		require.Error(t, err, name)
	}
}

func TestRequestsThatAreNotOurs(t *testing.T) {
	l := newLink(t, Options{})
	v := l.serve(t, NewPool(8), func(context.Context, Message) (Message, error) {
		return Message{}, errors.New("must not be reached")
	})
	header, err := claims("a").Header()
	require.NoError(t, err)
	sealed, err := l.asker.seal.sealed(header, subject, []byte("<x/>"))
	require.NoError(t, err)
	elsewhere, err := l.asker.seal.sealed(header, subject+"x", []byte("<x/>"))
	require.NoError(t, err)
	refused := claims("a")
	refused.Reason = record.ReasonBusy
	refusedHeader, err := refused.Header()
	require.NoError(t, err)
	refusedSealed, err := l.asker.seal.sealed(refusedHeader, subject, nil)
	require.NoError(t, err)
	anonymous, err := Claims{Exchange: "e"}.Header()
	require.NoError(t, err)
	anonymousSealed, err := l.asker.seal.sealed(anonymous, subject, nil)
	require.NoError(t, err)
	for name, m := range map[string]*nats.Msg{
		"nothing":          {},
		"no claims":        {Data: sealed},
		"claims not JSON":  {Header: nats.Header{HeaderClaims: {"{"}}, Data: sealed},
		"cut":              {Header: nats.Header{HeaderClaims: {header}}, Data: sealed[:30]},
		"in the clear":     {Header: nats.Header{HeaderClaims: {header}}, Data: []byte("<EhrRequest>in plain XML, longer than a seal</EhrRequest>")},
		"for elsewhere":    {Header: nats.Header{HeaderClaims: {header}}, Data: elsewhere},
		"chunked":          {Header: nats.Header{HeaderClaims: {header}, HeaderChunk: {"1/2"}}, Data: sealed},
		"an answer":        {Header: nats.Header{HeaderClaims: {refusedHeader}}, Data: refusedSealed},
		"without attempt":  {Header: nats.Header{HeaderClaims: {anonymous}}, Data: anonymousSealed},
		"one space longer": {Header: nats.Header{HeaderClaims: {header[:len(header)-1] + " }"}}, Data: sealed},
	} {
		m.Subject = subject
		answer, err := l.asker.nc.RequestMsgWithContext(within(t), m)
		require.NoError(t, err, name)
		require.Equal(t, string(record.ReasonBadMessage), answer.Header.Get(HeaderReason), name)
		require.Equal(t, "400", answer.Header.Get(micro.ErrorCodeHeader), name)
	}
	require.NoError(t, l.asker.nc.Publish(subject, sealed)) // nobody to answer
	require.Eventually(t, func() bool { return v.Stats("ask").Refused[record.ReasonBadMessage] == 11 }, 5*time.Second, time.Millisecond)
}

func TestNativeMessages(t *testing.T) {
	l := newLink(t, Options{Limit: 4 << 20, ChunkBytes: 100 << 10})
	pool, begun, release := NewPool(1), make(chan struct{}), make(chan struct{})
	large := noise(3 << 20)
	stop, err := l.holder.Native("linkspan.test.native", "edge", pool, func(ctx context.Context, msg []byte, _ nats.Header) []byte {
		if ctx.Err() != nil {
			return []byte("<fault>" + endReason(ctx) + "</fault>")
		}
		switch string(msg) {
		case "large":
			return large
		case "too large":
			return make([]byte, 4<<20+1)
		case "panic":
			panic("x")
		case "nothing":
			return nil
		case "empty":
			return []byte{}
		case "wait":
			close(begun)
			<-release
		}
		return append([]byte("re: "), msg...)
	})
	require.NoError(t, err)
	request := func(body string) (string, error) {
		answer, err := l.asker.RequestNative(within(t), "linkspan.test.native", []byte(body))
		return string(answer), err
	}
	require.NoError(t, l.holder.nc.Flush())
	for body, want := range map[string]string{"a": "re: a", "empty": "", "large": string(large)} {
		require.NoError(t, pool.Wait(within(t)))
		answer, err := request(body)
		require.NoError(t, err, body)
		require.True(t, want == answer, body)
	}
	for _, body := range []string{"too large", "panic", "nothing"} {
		require.NoError(t, pool.Wait(within(t)))
		_, err := request(body)
		requireReason(t, record.ReasonInternal, err) // a permanent reason without proof
	}
	require.ErrorContains(t, <-l.errs, "panic of type string")
	require.NoError(t, pool.Wait(within(t)))
	waited := make(chan string)
	ctx := within(t)
	go func() {
		answer, _ := l.asker.RequestNative(ctx, "linkspan.test.native", []byte("wait"))
		waited <- string(answer)
	}()
	<-begun
	answer, err := request("b")
	require.NoError(t, err)
	require.Equal(t, "<fault>busy</fault>", answer, "a full pool answers natively, at once")
	stopped := make(chan error)
	go func() { stopped <- stop(ctx) }()
	close(release)
	require.Equal(t, "re: wait", <-waited)
	require.NoError(t, <-stopped)
	_, err = request("c")
	requireReason(t, record.ReasonUnavailable, err)
}
