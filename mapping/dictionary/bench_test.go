package dictionary

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

// list is a SystmOne list of codes of the given length.
func list(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("RowIdentifier,IDOrganisationVisibleTo,Ctv3Code,Ctv3Text,RemovedData\r\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,A12345,X%04x,A text as long as such texts commonly are %d,0\r\n", i, i%65536, i)
	}
	return b.Bytes()
}

func BenchmarkLoad(b *testing.B) {
	text := list(60_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		l := newLoader(context.Background(), nil)
		l.read("SRCtv3.csv", int64(len(text)), bytes.NewReader(text))
		d, _ := l.finish()
		require.Equal(b, 60_000, d.Len(mapping.CTV3))
	}
}

// BenchmarkLook finds one code after another; bytes/code is what a code with its words holds of memory.
func BenchmarkLook(b *testing.B) {
	var before, after runtime.MemStats
	text := list(60_000)
	runtime.GC()
	runtime.ReadMemStats(&before)
	l := newLoader(context.Background(), nil)
	l.read("SRCtv3.csv", int64(len(text)), bytes.NewReader(text))
	d, _ := l.finish()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(text)
	runtime.KeepAlive(l)
	codes := make([]mapping.Code, 60_000)
	for i := range codes {
		codes[i] = mapping.Code{Scheme: mapping.CTV3, Value: fmt.Sprintf("X%04x", i*7919%60_000)}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, _, found := d.Look(codes[n%len(codes)]); !found {
			b.Fatal("a code is missing")
		}
		n++
	}
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/60_000, "bytes/code")
}
