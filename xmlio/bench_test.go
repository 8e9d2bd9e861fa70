package xmlio

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// syntheticRecord writes a record of about the given size, in the manner of a
// GP record: indented, one default namespace, short values, some attributes,
// a little text with references.
func syntheticRecord(size int) []byte {
	var w Writer
	w.Declaration()
	w.Start("r:record", "xmlns:r", "urn:test:record", "xmlns", "urn:test:event")
	for n := 0; len(w.Bytes()) < size; n++ {
		w.Text("\n  ")
		w.Start("event", "id", fmt.Sprintf("0c3b9a62-%04d", n))
		for _, e := range [][2]string{
			{"date", "2011-03-04T09:30:00"}, {"code", "C10F."}, {"scheme", "READ2"},
			{"term", "Type 2 diabetes mellitus"}, {"author", "4f1c9d1e-6a0b-4c53-9c6e-0d2f1f6b7a11"},
			{"value", "7.4"}, {"units", "mmol/L"}, {"text", "seen at home; well"},
		} {
			w.Text("\n    ")
			w.Element(e[0], e[1])
		}
		if n%10 == 0 {
			w.Text("\n    ")
			w.Element("note", "BP < 140/90 & stable, café review", "kind", "free text")
		}
		w.Text("\n  ")
		w.End()
	}
	w.Text("\n")
	w.End()
	return w.Bytes()
}

func readAll(r *Reader) (n int) {
	for range r.Children("urn:test:event") {
		n += len(r.Attr("id"))
		for range r.Children("urn:test:event") {
			n += len(r.Text())
		}
	}
	return n
}

// BenchmarkReader reads the same document with the Reader (every text and
// attribute looked at, with and without counting, or all skipped) and with
// the tokens of encoding/xml.
func BenchmarkReader(b *testing.B) {
	doc := syntheticRecord(1 << 20)
	read := func(name string, count []EntryPath, each func(*Reader)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := Open(context.Background(), doc, Options{Count: count})
				require.NoError(b, err)
				each(r)
				require.NoError(b, r.Close())
			}
		})
	}
	read("children", nil, func(r *Reader) { readAll(r) })
	read("skip", nil, (*Reader).Skip)
	read("counting", []EntryPath{
		{Path: "record/event", Child: "scheme", Value: "READ2"}, {Path: "record/event"}, {Path: "**/note"},
	}, func(r *Reader) { readAll(r) })
	b.Run("encoding-xml-tokens", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			d := xml.NewDecoder(bytes.NewReader(doc))
			for {
				_, err := d.Token()
				if err == io.EOF {
					break
				}
				require.NoError(b, err)
			}
		}
	})
}

// BenchmarkWriter writes a record of some megabyte.
func BenchmarkWriter(b *testing.B) {
	write := func(buf []byte) []byte {
		w := NewWriter(buf)
		w.Start("record")
		for range 2000 {
			w.Start("event", "id", "0c3b9a62-1234")
			for range 8 {
				w.Element("term", "Type 2 diabetes mellitus, seen & reviewed")
			}
			w.End()
		}
		w.End()
		require.NoError(b, w.Err())
		return w.Bytes()
	}
	buf := write(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		write(buf[:0])
	}
}
