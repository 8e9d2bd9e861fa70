package spine

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/record"
)

var errNoMore = errors.New("no more messages")

// deliver gathers messages as an inbox would give them.
func deliver(messages []*nats.Msg, limit int) (nats.Header, []byte, error) {
	return gather(func() (*nats.Msg, error) {
		if len(messages) == 0 {
			return nil, errNoMore
		}
		m := messages[0]
		messages = messages[1:]
		return m, nil
	}, limit)
}

func cut(t require.TestingT, maxPayload int64, longest int, header nats.Header, data []byte) []*nats.Msg {
	var messages []*nats.Msg
	err := send(func(data []byte, h nats.Header) error {
		messages = append(messages, &nats.Msg{Header: h, Data: data})
		require.LessOrEqual(t, int64(headerBytes(h)+len(data)), maxPayload)
		return nil
	}, maxPayload, longest, header, data)
	require.NoError(t, err)
	return messages
}

func TestChunksOfAnyLengthMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(rt, "data")
		header := nats.Header{HeaderClaims: {rapid.StringN(0, 50, 100).Draw(rt, "claims")}}
		messages := cut(rt, rapid.Int64Range(400, 3000).Draw(rt, "maxPayload"), rapid.IntRange(1, 4000).Draw(rt, "longest"), header, data)
		h, got, err := deliver(messages, len(data))
		require.NoError(rt, err)
		require.True(rt, bytes.Equal(data, got))
		require.Equal(rt, header.Get(HeaderClaims), h.Get(HeaderClaims))
	})
}

// headerBytes must count as the client does, or a chunk is refused.
func TestHeaderBytes(t *testing.T) {
	require.Zero(t, headerBytes(nil))
	m := &nats.Msg{Subject: "s", Header: nats.Header{"A": {"1", "22"}, "Linkspan-Claims": {"{}"}}, Data: []byte("data")}
	require.Equal(t, m.Size()-len(m.Subject)-len(m.Data), headerBytes(m.Header))
}

func TestLostReorderedRepeatedChunks(t *testing.T) {
	data := noise(5000)
	m := cut(t, 1500, 1000, nats.Header{HeaderClaims: {"{}"}}, data)
	require.Len(t, m, 5)
	with := func(base *nats.Msg, name, value string) *nats.Msg {
		h := maps.Clone(base.Header)
		h[name] = []string{value}
		return &nats.Msg{Header: h, Data: base.Data}
	}
	other := cut(t, 1500, 1000, nats.Header{HeaderClaims: {"{}"}}, noise(4999))
	long := &nats.Msg{Header: m[4].Header, Data: append(bytes.Clone(m[4].Data), 1)}
	changed := &nats.Msg{Header: m[1].Header, Data: append([]byte{m[1].Data[0] ^ 1}, m[1].Data[1:]...)}
	for name, messages := range map[string][]*nats.Msg{
		"first lost":     {m[1], m[2], m[3], m[4]},
		"one lost":       {m[0], m[1], m[3], m[4]},
		"reordered":      {m[0], m[2], m[1], m[3], m[4]},
		"repeated":       {m[0], m[1], m[1], m[2], m[3], m[4]},
		"another answer": {m[0], m[1], other[2], m[3], m[4]},
		"whole after":    {m[0], {Data: []byte("whole"), Header: nats.Header{HeaderClaims: {"{}"}}}},
		"without header": {m[0], {Data: m[1].Data}},
		"longer":         {m[0], m[1], m[2], m[3], long},
		"changed":        {m[0], changed, m[2], m[3], m[4]},
		"empty":          {m[0], {Header: m[1].Header}},
		"more than n":    {with(m[0], HeaderChunk, "6/5")},
		"zeroth":         {with(m[0], HeaderChunk, "0/5")},
		"no slash":       {with(m[0], HeaderChunk, "1")},
		"not numbers":    {with(m[0], HeaderChunk, "one/five")},
		"huge count":     {with(m[0], HeaderChunk, "1/99999999999999999999")},
		"count > size":   {with(m[0], HeaderChunk, "1/5001")},
		"negative size":  {with(m[0], HeaderSize, "-1")},
		"no hash":        {with(m[0], HeaderSHA256, "")},
		"short hash":     {with(m[0], HeaderSHA256, "00")},
	} {
		_, _, err := deliver(messages, 5000)
		requireReason(t, record.ReasonBadAnswer, err)
		require.NotErrorIs(t, err, errNoMore, name)
	}
	_, _, err := deliver(m[:4], 5000) // the last one lost: waited for until the deadline
	require.ErrorIs(t, err, errNoMore)
	_, _, err = deliver(nil, 5000)
	require.ErrorIs(t, err, errNoMore)
	_, _, err = deliver(m, 4999)
	requireReason(t, record.ReasonTooLarge, err)
	_, _, err = deliver([]*nats.Msg{{Data: data}}, 4999)
	requireReason(t, record.ReasonTooLarge, err)
	h, _, err := deliver([]*nats.Msg{m[0], m[1], {Header: errorHeader(record.ReasonInternal)}}, 5000)
	require.NoError(t, err, "an error answer ends it")
	require.True(t, isError(h))
}

func TestSendFailures(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	respond := func([]byte, nats.Header) error {
		if calls++; calls == 3 {
			return broken
		}
		return nil
	}
	require.ErrorIs(t, send(respond, 1000, 500, nil, noise(5000)), broken)
	require.Equal(t, 3, calls)
	requireReason(t, record.ReasonTooLarge, send(respond, 100, 500, nil, noise(5000)))
	requireReason(t, record.ReasonTooLarge, send(respond, 0, 500, nil, noise(5000)))
	require.Equal(t, 3, calls)
}

// FuzzGather: two messages of any header and body never make more than the
// limit, nor a whole whose hash does not hold.
func FuzzGather(f *testing.F) {
	m := cut(f, 599, 300, nil, noise(600))
	f.Add(m[0].Header.Get(HeaderChunk), m[1].Header.Get(HeaderChunk), "600", m[0].Header.Get(HeaderSHA256), m[0].Data, m[1].Data)
	f.Add("1/1", "2/1", "3", "00", []byte("abc"), []byte{})
	f.Fuzz(func(t *testing.T, first, second, size, sum string, a, b []byte) {
		const limit = 1000
		message := func(place string, data []byte) *nats.Msg {
			return &nats.Msg{Header: nats.Header{HeaderChunk: {place}, HeaderSize: {size}, HeaderSHA256: {sum}}, Data: data}
		}
		_, data, err := deliver([]*nats.Msg{message(first, a), message(second, b)}, limit)
		if err == nil {
			require.LessOrEqual(t, len(data), limit)
			require.True(t, bytes.Equal(data, a) || bytes.Equal(data, append(bytes.Clone(a), b...)))
		}
	})
}
