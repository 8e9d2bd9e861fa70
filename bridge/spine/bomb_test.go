package spine

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// zeros is n bytes that compress to next to nothing.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.left))
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}

// TestBombIsRefusedBeforeItGrows: 1 GiB in a few kilobytes, sealed by somebody
// who holds the key, in every form a frame can have; refused, and memory stays
// within four times the limit (threat T-22).
func TestBombIsRefusedBeforeItGrows(t *testing.T) {
	const gigabyte, limit = 1 << 30, 1 << 20
	key, subject := NewKey(), "linkspan.demo.exchange.emisweb"
	header, err := Claims{Exchange: "x"}.Header()
	require.NoError(t, err)
	stream := func(options ...zstd.EOption) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, append([]zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedFastest)}, options...)...)
		require.NoError(t, err)
		_, err = io.Copy(w, &zeros{gigabyte})
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	silent := stream()                     // states no length
	small := newSealer(key, limit, 250, 1) // a frame as we make them
	honest := small.encoder.EncodeAll([]byte("<a/>"), nil)
	var sized bytes.Buffer // states its length
	w, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true))
	require.NoError(t, err)
	w.ResetContentSize(&sized, gigabyte)
	_, err = io.Copy(w, &zeros{gigabyte})
	require.NoError(t, err)
	require.NoError(t, w.Close())

	for name, compressed := range map[string][]byte{
		"states no length":     silent,
		"states its length":    sized.Bytes(),
		"behind an honest one": append(bytes.Clone(honest), silent...),
		"sized, behind one":    append(bytes.Clone(honest), sized.Bytes()...),
		"nested":               small.encoder.EncodeAll(silent[:min(len(silent), 64<<10)], nil),
	} {
		nonce := bytes.Repeat([]byte{7}, nonceBytes)
		sealed := messageCipher(key, nonce).Seal(nonce, nonce[12:], compressed, additional(header, subject))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		body, _, err := Open(key, header, subject, sealed, limit, 250)
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d bytes sealed, %d allocated", name, len(sealed), used)
		require.LessOrEqual(t, used, uint64(4*limit), name)
		if name == "nested" { // one layer is taken off and no more: what is inside is no message
			require.NoError(t, err)
			require.LessOrEqual(t, len(body), 64<<10)
			continue
		}
		require.Error(t, err, name)
	}
}
