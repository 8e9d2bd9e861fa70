package spine

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/linkspan/linkspan/bridge/natsd"
	"github.com/linkspan/linkspan/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const subject = "linkspan.test.edge.emisweb"

// link is an embedded server with an asking and an answering Spine on
// connections of their own.
type link struct {
	server        *natsd.Server
	key           Key
	asker, holder *Spine
	errs          chan error // what the holder's OnError heard
}

func newLink(t testing.TB, o Options) *link {
	t.Helper()
	server, err := natsd.Start(natsd.Options{Name: "test"})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	l := &link{server: server, key: NewKey(), errs: make(chan error, 100)}
	l.asker = New(l.connect(t), l.key, o)
	o.OnError = func(err error) { l.errs <- err }
	l.holder = New(l.connect(t), l.key, o)
	return l
}

func (l *link) connect(t testing.TB) *nats.Conn {
	t.Helper()
	nc, err := l.server.Connect(t.Name())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// serve answers subject with handle until the test ends.
func (l *link) serve(t testing.TB, pool *Pool, handle func(context.Context, Message) (Message, error)) *Service {
	t.Helper()
	v, err := l.holder.Service("edge-emisweb", "1.2.3", "", map[string]string{"economy": "test"},
		[]Endpoint{{Name: "ask", Subject: subject, Queue: "edge", Handle: handle}}, pool, func() any { return map[string]int{"throttled": 3} })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Stop(within(t))) })
	return v
}

// within is a context that outlasts any healthy test.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func claims(attempt string) Claims {
	return Claims{Exchange: "exchange-1", Attempt: attempt, User: "Dr Zoë Ní Bhriain", Role: "R8000", Organisation: "A00001",
		Target: "B00002", Purpose: "direct care", Consent: "asked", From: "emisweb", To: "systmone"}
}

func message(attempt string, body []byte) Message {
	return Message{Claims: claims(attempt), Body: body}
}

// noise is n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

// xmlish is n bytes that compress about as a record does.
func xmlish(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString("<Event><Code>")
		b.WriteString(string(rune('A' + r.IntN(26))))
		b.WriteString(string(rune('0' + r.IntN(10))))
		b.WriteString(string(rune('0' + r.IntN(10))))
		b.WriteString("..</Code><EffectiveDate>2019-0")
		b.WriteString(string(rune('1' + r.IntN(9))))
		b.WriteString("-12</EffectiveDate><Guid>")
		for range 16 {
			b.WriteByte("0123456789abcdef"[r.IntN(16)])
		}
		b.WriteString("</Guid></Event>\n")
	}
	return b.Bytes()[:n]
}

func requireReason(t testing.TB, want record.Reason, err error) {
	t.Helper()
	var e *record.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Reason, err.Error())
}
