package pairs_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// carriedOver decodes a native record and carries it to the other system.
func carriedOver(t testing.TB, d *pairs.Direction, in []byte) (*record.Record, []byte) {
	t.Helper()
	p, err := d.Holder.Codec.DecodeResponse(t.Context(), in)
	require.NoError(t, err)
	require.NotNil(t, p.Record())
	p.Record().Source.System = d.Holder.Title
	d.Translate(p.Record(), whole(), whole())
	out, err := d.Consumer.Codec.EncodeResponse(whole(), p, id)
	require.NoError(t, err)
	return p.Record(), out
}

// eachAnswer calls f with every synthetic patient carried every way.
func eachAnswer(t testing.TB, f func(name string, d *pairs.Direction, rec *record.Record, out []byte)) {
	t.Helper()
	tables := starter(t)
	for _, format := range emisFormats {
		link := openLink(t, format)
		for consumer, pattern := range map[string]string{"emisweb": "systmone.response", "systmone": "emisweb." + format} {
			d, err := link.Direction(consumer, tables)
			require.NoError(t, err)
			for name, in := range files(t, d.Holder.System, "patients/*/"+pattern+".xml") {
				rec, out := carriedOver(t, d, in)
				f(name+" to "+consumer+" "+format, d, rec, out)
			}
		}
	}
}

// TestSent finds every entry of every synthetic patient in the bytes.
func TestSent(t *testing.T) {
	n := 0
	eachAnswer(t, func(name string, d *pairs.Direction, rec *record.Record, out []byte) {
		require.NoError(t, d.Sent(rec, out), name)
		n++
	})
	require.NotZero(t, n)
}

// TestSentMissesNothing takes out of the bytes, in turn, every element that is
// an entry, and every line of the head: each is missed.
func TestSentMissesNothing(t *testing.T) {
	lost := 0
	eachAnswer(t, func(name string, d *pairs.Direction, rec *record.Record, out []byte) {
		for _, span := range elements(t, d, out) {
			cut := append(bytes.Clone(out[:span[0]]), out[span[1]:]...)
			err := d.Sent(rec, cut)
			require.Error(t, err, "%s: %s", name, out[span[0]:min(span[1], span[0]+80)])
			require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
			lost++
		}
		for _, line := range []string{"View only", "Record held by", "Code tables"} {
			require.ErrorContains(t, d.Sent(rec, bytes.ReplaceAll(out, []byte(line), []byte("Xxxx"))), "head", name)
		}
		require.Error(t, d.Sent(rec, out[:len(out)-3]), name)
		require.Error(t, d.Sent(rec, nil), name)
	})
	t.Logf("%d entries lost on purpose, all missed", lost)
	require.Greater(t, lost, 200)
}

// elements are where the elements of the consumer's entry paths stand, as
// another reader finds them.
func elements(t testing.TB, d *pairs.Direction, out []byte) [][2]int {
	t.Helper()
	paths := map[string]bool{}
	for _, p := range d.Consumer.Entries {
		paths[p.Path] = true
	}
	isEntry := func(open []string) bool {
		for from := range open {
			if path := strings.Join(open[from:], "/"); paths["**/"+path] || from == 0 && paths[path] {
				return true
			}
		}
		return false
	}
	var found [][2]int
	var open []string
	var starts []int
	r := xml.NewDecoder(bytes.NewReader(out))
	for {
		start := int(r.InputOffset())
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			open, starts = append(open, token.Name.Local), append(starts, start)
		case xml.EndElement:
			if isEntry(open) {
				found = append(found, [2]int{starts[len(starts)-1], int(r.InputOffset())})
			}
			open, starts = open[:len(open)-1], starts[:len(starts)-1]
		}
	}
}

// BenchmarkSent is the cost of the check beside that of the encoding it judges.
func BenchmarkSent(b *testing.B) {
	tables := starter(b)
	for _, format := range emisFormats {
		link := openLink(b, format)
		for _, way := range []struct{ from, to string }{{"emisweb", "systmone"}, {"systmone", "emisweb"}} {
			d, err := link.Direction(way.to, tables)
			require.NoError(b, err)
			rec, out := carriedOver(b, d, message(b, benchForm(way.from), 1<<20))
			b.Run(format+"/to-"+way.to+"/encode", func(b *testing.B) {
				b.SetBytes(int64(len(out)))
				for b.Loop() {
					_, err := d.Consumer.Codec.EncodeResponse(whole(), record.Answered(rec), id)
					require.NoError(b, err)
				}
			})
			b.Run(format+"/to-"+way.to+"/sent", func(b *testing.B) {
				b.SetBytes(int64(len(out)))
				for b.Loop() {
					require.NoError(b, d.Sent(rec, out))
				}
			})
		}
	}
}
