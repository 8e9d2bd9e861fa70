package pairs_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"runtime"
	"testing"

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

// BenchmarkTranslate is a whole translation: read, map, write. Compare it with
// BenchmarkStdlibUnmarshal of the same bytes in the same run.
func BenchmarkTranslate(b *testing.B) {
	tables := starter(b)
	link := openLink(b, "medicalrecord")
	for _, way := range []struct{ from, to string }{{"emisweb", "systmone"}, {"systmone", "emisweb"}} {
		for _, size := range sizes {
			in := message(b, way.from, size.bytes)
			b.Run(way.from+"-to-"+way.to+"/"+size.name, func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					_, _, err := link.TranslateMessage(b.Context(), tables, in, pairs.Offline{From: way.from, Message: pairs.MessageResponse, ID: id})
					require.NoError(b, err)
				}
			})
		}
	}
}

// BenchmarkStdlibUnmarshal is the baseline: encoding/xml alone, into plain
// structures, of the same bytes.
func BenchmarkStdlibUnmarshal(b *testing.B) {
	for _, system := range []string{"emisweb", "systmone"} {
		for _, size := range sizes {
			in := message(b, system, size.bytes)
			b.Run(system+"/"+size.name, func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					var err error
					if system == "emisweb" {
						err = xml.Unmarshal(in, new(plainOpenHR))
					} else {
						err = xml.Unmarshal(in, new(plainResponse))
					}
					require.NoError(b, err)
				}
			})
		}
	}
}

// BenchmarkPeakHeap reports the live heap at its highest, when the answer is
// written and the record is still held, as a multiple of the longer of the two
// messages.
func BenchmarkPeakHeap(b *testing.B) {
	tables := starter(b)
	link := openLink(b, "medicalrecord")
	for _, way := range []struct{ from, to string }{{"emisweb", "systmone"}, {"systmone", "emisweb"}} {
		in := message(b, way.from, 1<<20)
		d, err := link.Direction(way.to, tables)
		require.NoError(b, err)
		b.Run(way.from+"-to-"+way.to+"/1MB", func(b *testing.B) {
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
	}
}

func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// message makes a native message of at least size bytes out of the rich
// synthetic patient, repeated with ids of its own.
func message(b testing.TB, from string, size int) []byte {
	b.Helper()
	file := map[string]string{"emisweb": "emisweb.openhr.xml", "systmone": "systmone.response.xml"}[from]
	in, err := os.ReadFile("../testdata/patients/nora-quillfeather/" + file)
	require.NoError(b, err)
	link := openLink(b, "openhr")
	side, _ := link.Side(from)
	whole := decode(b, link, from, in)
	q := record.Request{MessageID: id.ID, Sections: record.AllSections, Whole: true}
	for n := 1; ; n++ {
		message := encode(b, side.Codec, whole, &q)
		if len(message) >= size {
			return message
		}
		more := decode(b, link, from, in)
		for _, e := range more.Entries {
			if e.ID != "" {
				e.ID = fmt.Sprintf("%s-%d", e.ID, n)
			}
			whole.Add(e)
		}
	}
}

func encode(b testing.TB, codec system.Codec, r *record.Record, q *record.Request) []byte {
	b.Helper()
	r.CarryExact()
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
