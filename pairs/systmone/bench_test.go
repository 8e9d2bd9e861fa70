package systmone

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// large is the rich record with its Events repeated to about that many bytes.
func large(b *testing.B, size int) []byte {
	msg := patientFile(b, "nora-quillfeather")
	from, to := bytes.Index(msg, []byte("<Event ")), bytes.LastIndex(msg, []byte("</Clinical>"))
	events := msg[from:to]
	var out bytes.Buffer
	out.Write(msg[:from])
	for i := 0; out.Len()+len(events) < size; i++ {
		copied := events
		for _, id := range []string{"0a11b2c3", "0b000000", "0e000000"} {
			copied = bytes.ReplaceAll(copied, []byte(id), fmt.Appendf(nil, "%s%06x", id[:2], i))
		}
		out.Write(copied)
	}
	out.Write(msg[to:])
	return out.Bytes()
}

// A message read into the record and written out again.
func BenchmarkDecodeEncode(b *testing.B) {
	for _, size := range []int{20_000, 100_000, 1_000_000} {
		msg := large(b, size)
		b.Run(fmt.Sprintf("%dKB", size/1000), func(b *testing.B) {
			c := newTestCodec(b)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				p, err := c.DecodeResponse(context.Background(), msg)
				require.NoError(b, err)
				rec := p.Record()
				rec.CarryExact()
				c.Fit(rec)
				rec.Settle(record.AllSections)
				_, err = c.EncodeResponse(everything, p, answerID)
				require.NoError(b, err)
			}
		})
	}
}

type plainCode struct {
	Scheme string `xml:",attr"`
	Code   string `xml:",attr"`
	Term   string `xml:",attr"`
}

type plainDrug struct {
	Scheme    string `xml:",attr"`
	ProductID string `xml:",attr"`
	Name      string `xml:",attr"`
}

type plainMedication struct {
	MedicationType, Dose, Quantity, StartDate, EndDate, EndReason string
	MaxIssues, ReviewDate, IssueDurationDays, LinkedProblemUID    string
	Drug                                                          plainDrug
}

type plainResponse struct {
	RequestUID, ResponseUID, Function string
	Response                          struct {
		Identity     struct{ NHSNumber, StrategicReportingIdentifier string }
		Demographics struct {
			Title, FirstName, MiddleNames, Surname, DateOfBirth, Sex string
			Address                                                  struct{ HouseName, Road, Town, Postcode string }
		}
		Clinical struct {
			Event []struct {
				DateTime     string `xml:",attr"`
				DoneBy       string `xml:",attr"`
				DoneAt       string `xml:",attr"`
				EventUID     string `xml:",attr"`
				ClinicalCode []struct {
					Code                                                                         plainCode
					Episodicity, Value, Units, Comparator, ProblemUID, ProblemSeverity, FreeText string
				}
				Medication, RepeatMedication []plainMedication
				DrugSensitivity              []struct {
					Type, FreeText, EndDate string
					Drug                    plainDrug
				}
				Vaccination []struct{ Name, Contents, BatchNumber, Notes, PartType, Dosage string }
				Report      []struct{ BatteryHeaders, IssueDate, Result, Comments, Type string }
				Recall      []struct{ RecallDate, Type, Status, FreeText string }
				Narrative   []struct{ Line []string }
				Attachment  []struct{ FileName, FileSize, DocumentUID, Comments string }
			}
		}
	}
}

// The same bytes read by the standard library alone into plain structures.
func BenchmarkStdlibUnmarshal(b *testing.B) {
	for _, size := range []int{20_000, 100_000, 1_000_000} {
		msg := large(b, size)
		b.Run(fmt.Sprintf("%dKB", size/1000), func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				var r plainResponse
				require.NoError(b, xml.Unmarshal(msg, &r))
			}
		})
	}
}
