package medicalrecord

import (
	"encoding/xml"
	"testing"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
	"github.com/stretchr/testify/require"
)

// FuzzDecode: no input panics; an error gives no record; what decodes settles
// with balanced sums, and what is written of it decodes again.
func FuzzDecode(f *testing.F) {
	f.Add(doc(event1("<GUID>a</GUID><Problem/>")))
	f.Add([]byte(`<MedicalRecord xmlns="` + Namespace + `"><MessageInformation><MessagingError><ErrorString>x</ErrorString></MessagingError></MessageInformation></MedicalRecord>`))
	for _, d := range patients(&testing.T{}) {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, d []byte) {
		rec, err := decode(d)
		if err != nil {
			require.Nil(t, rec)
			return
		}
		exchange(rec)
		for _, s := range record.Sections() {
			require.True(t, rec.Tally(s).Balanced(), s)
		}
		w := xmlio.NewWriter(nil)
		require.NoError(t, Encode(w, rec, rec.Head(record.AllSections), testID))
		require.NoError(t, w.Err())
		_, err = decode(w.Bytes())
		require.NoError(t, err)
	})
}

// BenchmarkDecodeEncode is the whole way: read, settle, write.
func BenchmarkDecodeEncode(b *testing.B) {
	d := patients(&testing.T{})["nora-quillfeather"]
	b.SetBytes(int64(len(d)))
	b.ReportAllocs()
	for b.Loop() {
		rec, err := decode(d)
		if err != nil {
			b.Fatal(err)
		}
		exchange(rec)
		if err := Encode(xmlio.NewWriter(make([]byte, 0, len(d)*2)), rec, nil, testID); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	d := patients(&testing.T{})["nora-quillfeather"]
	b.SetBytes(int64(len(d)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(d); err != nil {
			b.Fatal(err)
		}
	}
}

// anything is a plain struct of the document for encoding/xml.
type anything struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Kids    []anything `xml:",any"`
}

// BenchmarkEncodingXML is what the standard library needs to read the same
// bytes into plain structs.
func BenchmarkEncodingXML(b *testing.B) {
	d := patients(&testing.T{})["nora-quillfeather"]
	b.SetBytes(int64(len(d)))
	b.ReportAllocs()
	for b.Loop() {
		var v anything
		if err := xml.Unmarshal(d, &v); err != nil {
			b.Fatal(err)
		}
	}
}
