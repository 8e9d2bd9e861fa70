package spine

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// BenchmarkRoundTrip is a small request and an answer of the given length,
// beside the same bytes over NATS alone: sent as they are where they fit one
// message, else with the server's limit raised.
func BenchmarkRoundTrip(b *testing.B) {
	for _, n := range []int{40 << 10, 1 << 20} {
		body := xmlish(n)
		l := newLink(b, Options{})
		v, err := l.holder.Service("bench", "1.0.0", "", nil, []Endpoint{{Name: "ask", Subject: subject,
			Handle: func(context.Context, Message) (Message, error) { return Message{Body: body}, nil }}}, NewPool(4), nil)
		require.NoError(b, err)
		raw := body[:min(n, 1<<20-100)]
		_, err = l.holder.nc.Subscribe("raw", func(m *nats.Msg) { _ = m.Respond(raw) })
		require.NoError(b, err)
		require.NoError(b, l.holder.nc.Flush())
		request := xmlish(1 << 10)
		b.Run(fmt.Sprintf("spine/%dKB", n>>10), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				_, err := l.asker.Request(context.Background(), subject, message("a", request))
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprintf("raw/%dKB", n>>10), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				_, err := l.asker.nc.RequestWithContext(within(b), "raw", request)
				require.NoError(b, err)
			}
		})
		require.NoError(b, v.Stop(within(b)))
	}
}

func BenchmarkSeal(b *testing.B) {
	s := newSealer(NewKey(), DefaultLimit, DefaultRatio, 0)
	body := xmlish(40 << 10)
	header, err := claims("a").Header()
	require.NoError(b, err)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := s.sealed(header, subject, body)
		require.NoError(b, err)
		_, _, err = s.open(header, subject, sealed)
		require.NoError(b, err)
	}
}
