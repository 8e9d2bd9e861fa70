package openhr

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// large is a synthetic document of about a megabyte: the synthetic patient's
// entries over and over, with identifiers of their own.
func large(tb testing.TB) []byte {
	tb.Helper()
	doc := string(read(tb, "../../../testdata/patients/nora-quillfeather/emisweb.openhr.xml"))
	from, to := strings.Index(doc, "<healthDomain>")+len("<healthDomain>"), strings.Index(doc, "</healthDomain>")
	block := doc[from:to]
	var b bytes.Buffer
	b.WriteString(doc[:from])
	for i := 0; b.Len() < 1<<20; i++ {
		b.WriteString(strings.NewReplacer("990100ee", fmt.Sprintf("ee%06d", i), "9901d0c0", fmt.Sprintf("d0%06d", i),
			"99017a5c", fmt.Sprintf("7a%06d", i), "9901e095", fmt.Sprintf("e0%06d", i)).Replace(block))
	}
	b.WriteString(doc[to:])
	return b.Bytes()
}

func TestLargeRecordIsSound(t *testing.T) {
	requireSound(t, mustDecode(t, large(t)))
}

func BenchmarkDecode(b *testing.B) {
	doc := large(b)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		mustDecode(b, doc)
	}
}

func BenchmarkDecodeEncode(b *testing.B) {
	doc := large(b)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		rec := mustDecode(b, doc)
		rec.CarryExact()
		mustEncode(b, rec, nil)
	}
}

func BenchmarkEncode(b *testing.B) {
	rec := settled(mustDecode(b, large(b)))
	b.ReportAllocs()
	for b.Loop() {
		mustEncode(b, rec, nil)
	}
}

func BenchmarkStdlibUnmarshal(b *testing.B) {
	doc := large(b)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var v plainDocument
		require.NoError(b, xml.Unmarshal(doc, &v))
		require.NotEmpty(b, v.Events)
	}
}

// plainDocument is what a reader without this package would unmarshal into.
type (
	plainDocument struct {
		People     []plainPerson    `xml:"adminDomain>person"`
		Encounters []plainEncounter `xml:"healthDomain>encounter"`
		Events     []plainEvent     `xml:"healthDomain>event"`
		Problems   []plainProblem   `xml:"healthDomain>problem"`
	}
	plainPerson struct {
		ID        string `xml:"id"`
		Forenames string `xml:"forenames"`
		Surname   string `xml:"surname"`
	}
	plainDate struct {
		Part  string `xml:"datepart,attr"`
		Value string `xml:"value,attr"`
	}
	plainCoded struct {
		System       string       `xml:"codeSystem,attr"`
		Display      string       `xml:"displayName,attr"`
		Code         string       `xml:"code,attr"`
		Translations []plainCoded `xml:"translation"`
	}
	plainEncounter struct {
		ID         string    `xml:"id"`
		Date       plainDate `xml:"effectiveTime"`
		Components []struct {
			Event   string     `xml:"event"`
			Page    string     `xml:"problemPage"`
			Heading plainCoded `xml:"heading"`
		} `xml:"component"`
	}
	plainEvent struct {
		ID       string     `xml:"id"`
		Patient  string     `xml:"patient"`
		Type     string     `xml:"eventType"`
		Date     plainDate  `xml:"effectiveTime"`
		Recorded string     `xml:"availabilityTimeStamp"`
		Author   string     `xml:"authorisingUserInRole"`
		Entered  string     `xml:"enteredByUserInRole"`
		Code     plainCoded `xml:"code"`
		Display  string     `xml:"displayTerm"`
		Texts    []struct {
			Type  string `xml:"associatedTextType,attr"`
			Value string `xml:"value"`
		} `xml:"associatedText"`
		Organisation string     `xml:"organisation"`
		Policy       string     `xml:"confidentialityPolicy"`
		Medication   *plainDrug `xml:"medication"`
		Issue        *plainDrug `xml:"medicationIssue"`
		Number       string     `xml:"observation>value>numeric>value"`
		Unit         string     `xml:"observation>value>numeric>units"`
		Children     []string   `xml:"observation>complexObservation>childLink"`
		Episodicity  string     `xml:"observation>episodicity"`
	}
	plainDrug struct {
		Course   string `xml:"medication"`
		Dosage   string `xml:"dosage"`
		Quantity string `xml:"quantity"`
		Unit     string `xml:"quantityUnit"`
		Words    string `xml:"quantityRepresentation"`
		Days     string `xml:"durationOfIssue"`
		Type     string `xml:"prescriptionType"`
		Status   string `xml:"drugStatus"`
	}
	plainProblem struct {
		ID           string    `xml:"id"`
		Status       string    `xml:"status"`
		Significance string    `xml:"significance"`
		End          plainDate `xml:"endTime"`
		Links        []struct {
			ID   string `xml:"id"`
			Link string `xml:"eventLinkType"`
		} `xml:"eventLink"`
	}
)
