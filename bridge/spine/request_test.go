package spine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func echo(_ context.Context, m Message) (Message, error) { return Message{Body: m.Body}, nil }

func TestRequestCarriesClaimsAndBody(t *testing.T) {
	l := newLink(t, Options{})
	var got Message
	l.serve(t, NewPool(2), func(ctx context.Context, m Message) (Message, error) {
		got = m
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.WithinDuration(t, m.Claims.Deadline, deadline, time.Millisecond)
		return Message{Body: []byte("<answer/>")}, nil
	})
	asked := message("attempt-1", []byte("<request/>"))
	asked.Claims.Deadline = time.Now().Add(10 * time.Second).UTC()
	asked.Claims.Issued = time.Now().UTC().Round(0)
	answer, err := l.asker.Request(within(t), subject, asked)
	require.NoError(t, err)
	require.Equal(t, "<answer/>", string(answer.Body))
	require.Equal(t, asked.Claims, got.Claims)
	require.Equal(t, asked.Claims, answer.Claims)
	require.Equal(t, subject, got.Subject)
	require.Equal(t, "<request/>", string(got.Body))
}

func TestBodiesOfEveryLengthCross(t *testing.T) {
	const limit = 8 << 20
	l := newLink(t, Options{Limit: limit})
	body := []byte{}
	l.serve(t, NewPool(8), func(context.Context, Message) (Message, error) { return Message{Body: body}, nil })
	whole := noise(limit)
	l.holder.chunk = 1 << 30 // the server's 1 MiB is what cuts
	for _, n := range []int{0, 1, 1 << 10, 1<<20 - 2000, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 7, limit - 1, limit} {
		body = whole[:n]
		answer, err := l.asker.Request(within(t), subject, message("a", nil))
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(body, answer.Body), n)
	}
	body = xmlish(limit)
	answer, err := l.asker.Request(within(t), subject, message("a", nil))
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, answer.Body))
	body = make([]byte, limit+1)
	_, err = l.asker.Request(within(t), subject, message("a", nil))
	requireReason(t, record.ReasonTooLarge, err)
}

func TestRequestAboveTheLimitOrTheConnection(t *testing.T) {
	l := newLink(t, Options{Limit: 4 << 20})
	l.serve(t, NewPool(8), echo)
	_, err := l.asker.Request(within(t), subject, message("a", make([]byte, 4<<20+1)))
	requireReason(t, record.ReasonTooLarge, err)
	_, err = l.asker.Request(within(t), subject, message("a", noise(1<<20)))
	requireReason(t, record.ReasonTooLarge, err)
	_, err = l.asker.Request(within(t), subject, message("a", xmlish(3<<20)))
	require.NoError(t, err, "compressed it fits one message")
	tiny := New(l.asker.nc, l.key, Options{Limit: 10})
	_, err = tiny.Request(within(t), subject, message("a", []byte("abcdefghij")))
	require.NoError(t, err)
	_, err = tiny.Request(within(t), subject, message("a", []byte("0123456789X")))
	requireReason(t, record.ReasonTooLarge, err)
}

func TestAnswerAboveTheAskersLimit(t *testing.T) {
	l := newLink(t, Options{Limit: 4 << 20})
	body := noise(3 << 20)
	l.serve(t, NewPool(8), func(context.Context, Message) (Message, error) { return Message{Body: body}, nil })
	asker := New(l.asker.nc, l.key, Options{Limit: 1 << 20})
	_, err := asker.Request(within(t), subject, message("a", nil))
	requireReason(t, record.ReasonTooLarge, err)
	body = xmlish(2 << 20) // sealed it is within the limit, opened it is not
	_, err = asker.Request(within(t), subject, message("a", nil))
	requireReason(t, record.ReasonTooLarge, err)
}

func TestNobodyThereIsUnavailableAtOnce(t *testing.T) {
	l := newLink(t, Options{})
	started := time.Now()
	_, err := l.asker.Request(within(t), subject, message("a", nil))
	requireReason(t, record.ReasonUnavailable, err)
	require.Less(t, time.Since(started), 5*time.Second)
	_, err = l.asker.RequestNative(within(t), subject, nil)
	requireReason(t, record.ReasonUnavailable, err)
	l.asker.nc.Close()
	_, err = l.asker.Request(within(t), subject, message("a", nil))
	requireReason(t, record.ReasonUnavailable, err)
}

func TestDeadlineIsTimeout(t *testing.T) {
	l := newLink(t, Options{})
	ended := make(chan record.Reason, 3)
	l.serve(t, NewPool(3), func(ctx context.Context, _ Message) (Message, error) {
		<-ctx.Done()
		ended <- endReason(ctx)
		return Message{}, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err := l.asker.Request(ctx, subject, message("a", nil))
	requireReason(t, record.ReasonTimeout, err)
	require.Equal(t, record.ReasonTimeout, <-ended)

	asked := message("b", nil)
	asked.Claims.Deadline = time.Now().Add(30 * time.Millisecond)
	_, err = l.asker.Request(within(t), subject, asked)
	requireReason(t, record.ReasonTimeout, err)
	require.Equal(t, record.ReasonTimeout, <-ended)

	impatient := New(l.asker.nc, l.key, Options{Timeout: 30 * time.Millisecond})
	_, err = impatient.Request(context.Background(), subject, message("c", nil))
	requireReason(t, record.ReasonTimeout, err)
	require.Equal(t, record.ReasonTimeout, <-ended)

	asked.Claims.Deadline = time.Now().Add(-time.Second)
	_, err = l.asker.Request(within(t), subject, asked)
	requireReason(t, record.ReasonTimeout, err)
}

func TestCancelledRequest(t *testing.T) {
	l := newLink(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	l.serve(t, NewPool(8), func(context.Context, Message) (Message, error) {
		cancel()
		return Message{}, nil
	})
	_, err := l.asker.Request(ctx, subject, message("a", nil))
	if err != nil { // the answer may win
		requireReason(t, record.ReasonUnavailable, err)
	}
	_, err = l.asker.Request(ctx, subject, message("a", nil))
	requireReason(t, record.ReasonUnavailable, err)
}

func TestEveryReasonComesBack(t *testing.T) {
	l := newLink(t, Options{})
	var reason record.Reason
	l.serve(t, NewPool(8), func(context.Context, Message) (Message, error) {
		return Message{}, fmt.Errorf("wrapped: %w", &record.Error{Reason: reason, Op: "test"})
	})
	for _, reason = range record.Reasons() {
		_, err := l.asker.Request(within(t), subject, message("a", nil))
		requireReason(t, reason, err)
	}
}

func TestUnclassifiedErrorAndPanicAreInternal(t *testing.T) {
	l := newLink(t, Options{})
	l.serve(t, NewPool(8), func(_ context.Context, m Message) (Message, error) {
		if m.Claims.Attempt == "panic" {
			panic("999 000 0018 is in this text")
		}
		return Message{}, errors.New("plain")
	})
	_, err := l.asker.Request(within(t), subject, message("plain", nil))
	requireReason(t, record.ReasonInternal, err)
	_, err = l.asker.Request(within(t), subject, message("panic", nil))
	requireReason(t, record.ReasonInternal, err)
	heard := <-l.errs
	require.ErrorContains(t, heard, "panic of type string")
	require.NotContains(t, heard.Error(), "999")
}

// The answer's proof: only a holder of the key can say anything but "try again".
func TestUnprovenReasonsAreNotBelieved(t *testing.T) {
	l := newLink(t, Options{})
	var header nats.Header
	sub, err := l.holder.nc.Subscribe(subject, func(m *nats.Msg) {
		_ = m.RespondMsg(&nats.Msg{Header: header})
	})
	require.NoError(t, err)
	defer func() { _ = sub.Unsubscribe() }()
	require.NoError(t, l.holder.nc.Flush())
	for _, reason := range record.Reasons() {
		want := reason
		if reason.Permanent() {
			want = record.ReasonInternal
		}
		header = errorHeader(reason)
		_, err := l.asker.Request(within(t), subject, message("a", nil))
		requireReason(t, want, err)
	}
	for code, want := range map[string]record.Reason{"429": record.ReasonBusy, "503": record.ReasonUnavailable, "504": record.ReasonTimeout,
		"404": record.ReasonInternal, "500": record.ReasonInternal, "x": record.ReasonInternal} {
		header = nats.Header{micro.ErrorHeader: {"text"}, micro.ErrorCodeHeader: {code}}
		_, err := l.asker.Request(within(t), subject, message("a", nil))
		requireReason(t, want, err)
	}
}

func TestWrongKeyIsRefusedOnBothSides(t *testing.T) {
	l := newLink(t, Options{})
	v := l.serve(t, NewPool(8), echo)
	stranger := New(l.asker.nc, NewKey(), Options{})
	_, err := stranger.Request(within(t), subject, message("a", nil))
	requireReason(t, record.ReasonInternal, err) // the refusal is not provable under our key
	require.Equal(t, uint64(1), v.Stats("ask").Refused[record.ReasonBadMessage])
	none := New(l.asker.nc, Key{}, Options{})
	_, err = none.Request(within(t), subject, message("a", nil))
	requireReason(t, record.ReasonInternal, err)
	_, err = l.asker.Request(within(t), subject, Message{})
	requireReason(t, record.ReasonInternal, err) // no attempt id
}

// tamper stands between asker and holder and changes the answer.
func tamper(t *testing.T, change func(*nats.Msg)) error {
	l := newLink(t, Options{})
	l.serve(t, NewPool(8), func(_ context.Context, m Message) (Message, error) {
		return Message{Body: xmlish(40 << 10)}, nil
	})
	sub, err := l.holder.nc.Subscribe("between", func(m *nats.Msg) {
		inbox, err := l.holder.nc.RequestMsg(&nats.Msg{Subject: subject, Header: m.Header, Data: m.Data}, 10*time.Second)
		if err == nil {
			change(inbox)
			inbox.Subject, inbox.Reply = m.Reply, ""
			_ = l.holder.nc.PublishMsg(inbox)
		}
	})
	require.NoError(t, err)
	defer func() { _ = sub.Unsubscribe() }()
	require.NoError(t, l.holder.nc.Flush())
	// Sealed for the real subject, sent by way of the one between.
	m := message("a", []byte("<request/>"))
	m.Claims.Deadline = time.Now().Add(10 * time.Second)
	header, err := m.Claims.Header()
	require.NoError(t, err)
	sealed, err := l.asker.seal.sealed(header, subject, m.Body)
	require.NoError(t, err)
	h, data, err := l.asker.ask(within(t), &nats.Msg{Subject: "between", Header: nats.Header{HeaderClaims: {header}}, Data: sealed})
	require.NoError(t, err)
	_, _, err = l.asker.seal.open(h.Get(HeaderClaims), subject+replyDirection, data)
	return err
}

func TestChangedAnswerIsRefused(t *testing.T) {
	require.NoError(t, tamper(t, func(*nats.Msg) {}))
	require.Error(t, tamper(t, func(m *nats.Msg) { m.Data[len(m.Data)/2] ^= 1 }))
	require.Error(t, tamper(t, func(m *nats.Msg) { m.Data = m.Data[:len(m.Data)-1] }))
	require.Error(t, tamper(t, func(m *nats.Msg) {
		b := []byte(m.Header.Get(HeaderClaims))
		b[bytes.IndexByte(b, 'A')] = 'B'
		m.Header.Set(HeaderClaims, string(b))
	}))
	require.Error(t, tamper(t, func(m *nats.Msg) { m.Header.Del(HeaderClaims) }))
}

// A recorded answer to one attempt is no answer to another, and a request sent
// back is no answer at all.
func TestReplayedAndReflectedAnswers(t *testing.T) {
	l := newLink(t, Options{})
	var mu sync.Mutex
	var recorded *nats.Msg
	sub, err := l.holder.nc.Subscribe(subject, func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if recorded == nil { // the first is reflected
			_ = m.RespondMsg(&nats.Msg{Header: m.Header, Data: m.Data})
			return
		}
		_ = m.RespondMsg(recorded)
	})
	require.NoError(t, err)
	defer func() { _ = sub.Unsubscribe() }()
	require.NoError(t, l.holder.nc.Flush())
	_, err = l.asker.Request(within(t), subject, message("a", []byte("<x/>")))
	requireReason(t, record.ReasonBadAnswer, err)

	m := message("earlier", []byte("<other/>"))
	m.Subject = subject
	require.NoError(t, l.holder.Respond(func(data []byte, h nats.Header) error {
		mu.Lock()
		defer mu.Unlock()
		recorded = &nats.Msg{Data: data, Header: h}
		return nil
	}, 1<<20, m))
	_, err = l.asker.Request(within(t), subject, message("later", nil))
	requireReason(t, record.ReasonBadAnswer, err)
	_, err = l.asker.Request(within(t), subject, message("earlier", nil))
	require.NoError(t, err)
}
