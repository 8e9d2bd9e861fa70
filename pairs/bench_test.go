package pairs_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// sizes are the messages translated, by their length.
var sizes = []struct {
	name  string
	bytes int
}{{"10KB", 10 << 10}, {"100KB", 100 << 10}, {"1MB", 1 << 20}}

// benchForm is the form a system's records are measured in.
func benchForm(name string) form {
	if name == "emisweb" {
		return emisForm("openhr")
	}
	return formsOf(name)[0]
}

// BenchmarkTranslate is a whole translation, each way between each two systems:
// read, map, write. Compare it with BenchmarkStdlibUnmarshal of the same bytes
// in the same run.
func BenchmarkTranslate(b *testing.B) {
	tables := starter(b)
	eachWay(func(p pairs.Pair, from, to system.System) {
		link := linkOf(b, p)
		for _, size := range sizes {
			b.Run(from.Name+"-to-"+to.Name+"/"+size.name, func(b *testing.B) {
				in := message(b, benchForm(from.Name), size.bytes)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					_, _, err := link.TranslateMessage(b.Context(), tables, in, pairs.Offline{From: from.Name, Message: pairs.MessageResponse, ID: id})
					require.NoError(b, err)
				}
			})
		}
	})
}

// BenchmarkStdlibUnmarshal is the baseline: encoding/xml alone, into plain
// structures, of the same bytes.
func BenchmarkStdlibUnmarshal(b *testing.B) {
	for _, s := range pairs.Systems() {
		for _, size := range sizes {
			b.Run(s.Name+"/"+size.name, func(b *testing.B) {
				in := message(b, benchForm(s.Name), size.bytes)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, plainly(s.Name, in))
				}
			})
		}
	}
}

// plainly reads the documents of a message with encoding/xml.
func plainly(from string, in []byte) error {
	switch from {
	case "emisweb":
		return xml.Unmarshal(in, new(plainOpenHR))
	case "systmone":
		return xml.Unmarshal(in, new(plainResponse))
	case "guru": // what stands before it on HTTP is not read
		return xml.Unmarshal(in[bytes.LastIndex(in, []byte("\r\n\r\n"))+4:], new(plainWrapper))
	case "vision": // the document is text of the envelope, and read again
		var envelope plainText
		if err := xml.Unmarshal(in, &envelope); err != nil {
			return err
		}
		return xml.Unmarshal([]byte(envelope.Record), new(plainWrapper))
	}
	return xml.Unmarshal(in, new(plainWrapper))
}

// BenchmarkPeakHeap reports the live heap at its highest, when the answer is
// written and the record is still held, as a multiple of the longer of the two
// messages.
func BenchmarkPeakHeap(b *testing.B) {
	tables := starter(b)
	eachWay(func(p pairs.Pair, from, to system.System) {
		b.Run(from.Name+"-to-"+to.Name+"/1MB", func(b *testing.B) {
			in := message(b, benchForm(from.Name), 1<<20)
			d, err := linkOf(b, p).Direction(to.Name, tables)
			require.NoError(b, err)
			worst := 0.0
			for b.Loop() {
				before := live()
				q := record.Request{MessageID: id.ID, Sections: record.AllSections, Whole: true}
				answer, err := d.Holder.Codec.DecodeResponse(b.Context(), in)
				require.NoError(b, err)
				d.Translate(answer.Record(), &q, &q)
				out, err := d.Consumer.Codec.EncodeResponse(&q, answer, id)
				require.NoError(b, err)
				worst = max(worst, float64(live()-before)/float64(max(len(in), len(out))))
				runtime.KeepAlive(answer)
			}
			b.ReportMetric(worst, "heap/message")
		})
	})
}

func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// message makes a native message of at least size bytes out of the rich
// synthetic patient, repeated with ids and dates of its own: at one date each
// entry would be a possible duplicate of thirty others, as in no record.
func message(b testing.TB, f form, size int) []byte {
	b.Helper()
	in := f.record(b, "../testdata/patients/nora-quillfeather")
	s := systemOf(b, f.system)
	codec, err := s.New(system.Options{Settings: maps.Clone(f.settings)})
	require.NoError(b, err)
	read := func() *record.Record {
		answer, err := codec.DecodeResponse(b.Context(), in)
		require.NoError(b, err)
		return answer.Record()
	}
	whole := read()
	q := record.Request{MessageID: id.ID, Sections: record.AllSections, Whole: true}
	for n := 1; ; n++ {
		message := encode(b, codec, whole, &q)
		if len(message) >= size {
			return message
		}
		for _, e := range read().Entries {
			if e.ID != "" {
				e.ID = fmt.Sprintf("%s-%d", e.ID, n)
			}
			if e.Kind != record.KindDemographics {
				antedate(reflect.ValueOf(e).Elem(), n)
				whole.Add(e)
			}
		}
	}
}

// antedate moves every date an entry states by n days, months or years, as
// precise as it is.
func antedate(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Pointer:
		switch v.Interface().(type) {
		case *record.Entry, *record.Person, *record.Organisation: // not a part of this entry
		default:
			if !v.IsNil() {
				antedate(v.Elem(), n)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			antedate(v.Index(i), n)
		}
	case reflect.Struct:
		if d, is := v.Interface().(record.Date); is {
			v.Set(reflect.ValueOf(earlier(d, n)))
			return
		}
		for i := range v.NumField() {
			antedate(v.Field(i), n)
		}
	}
}

func earlier(d record.Date, n int) record.Date {
	var layout string
	var years, months, days int
	switch d.Precision() {
	case record.PrecisionUnknown:
		return d
	case record.PrecisionYear:
		layout, years = "2006", -n
	case record.PrecisionMonth:
		layout, months = "2006-01", -n
	default:
		layout, days = "2006-01-02", -n
	}
	stated := d.String()
	at, err := time.Parse(layout, stated[:len(layout)])
	if err == nil {
		d, err = record.ParseISO(at.AddDate(years, months, days).Format(layout) + stated[len(layout):])
	}
	if err != nil {
		panic(err)
	}
	return d
}

func systemOf(t testing.TB, name string) system.System {
	t.Helper()
	all := pairs.Systems()
	i := slices.IndexFunc(all, func(s system.System) bool { return s.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

func encode(b testing.TB, codec system.Codec, r *record.Record, q *record.Request) []byte {
	b.Helper()
	r.CarryExact()
	codec.Fit(r)
	r.Settle(record.AllSections)
	out, err := codec.EncodeResponse(q, record.Answered(r), id)
	require.NoError(b, err)
	return out
}

// plainOpenHR is what encoding/xml would be given for an EMIS answer.
type plainOpenHR struct {
	Body struct {
		Envelope struct {
			Payloads []struct {
				EWDS struct {
					Response struct {
						Inner plainWrapper `xml:",any"`
					} `xml:"ResponseBody"`
				} `xml:"EWDS"`
			} `xml:"payloads>payload"`
		} `xml:"DistributionEnvelope"`
	} `xml:"Body"`
}

// plainWrapper reads any subtree into plain nodes.
type plainWrapper struct {
	XMLName  xml.Name
	Attrs    []xml.Attr     `xml:",any,attr"`
	Text     string         `xml:",chardata"`
	Children []plainWrapper `xml:",any"`
}

// plainText is the record in a Vision answer.
type plainText struct {
	Record string `xml:"Body>visionResponse>serviceContent>record"`
}

// plainResponse is what encoding/xml would be given for a SystmOne answer.
type plainResponse struct {
	DeviceID, RequestUID, Function, FunctionVersion, ResponseUID string
	Response                                                     struct {
		Identity struct {
			NHSNumber string
		}
		Demographics plainWrapper
		Events       []struct {
			DateTime  string          `xml:",attr"`
			UserName  string          `xml:",attr"`
			DoneBy    string          `xml:",attr"`
			DoneAt    string          `xml:",attr"`
			EventUID  string          `xml:",attr"`
			Method    string          `xml:",attr"`
			Codes     []plainClinical `xml:"ClinicalCode"`
			Drugs     []plainDrug     `xml:"Medication"`
			Repeats   []plainDrug     `xml:"RepeatMedication"`
			Narrative []struct{ Line []string }
			Others    []plainWrapper `xml:",any"`
		} `xml:"Clinical>Event"`
		RecordState string
	}
}

type plainClinical struct {
	Code struct {
		Scheme string `xml:",attr"`
		Code   string `xml:",attr"`
		Term   string `xml:",attr"`
	}
	Episodicity, Value, Units, Comparator, ProblemUID, ProblemSeverity, ProblemEndDate, FreeText string
	LinkedProblemUID                                                                             []string
}

type plainDrug struct {
	MedicationType string
	Drug           struct {
		Scheme    string `xml:",attr"`
		ProductID string `xml:",attr"`
		Name      string `xml:",attr"`
	}
	Dose, Quantity, StartDate, EndDate, EndReason, ReviewDate, MaxIssues, IssueDurationDays string
}
