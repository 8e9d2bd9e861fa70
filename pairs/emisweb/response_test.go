package emisweb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// Two small documents about the same person, one in each format.
const (
	smallMedicalRecord = `<MedicalRecord xmlns="http://www.e-mis.com/emisopen/MedicalRecord"><Registration><DBID>1</DBID>` +
		`<DateOfBirth>07/03/1958</DateOfBirth><Sex>F</Sex><FamilyName>Quillfeather</FamilyName><FirstNames>Nora</FirstNames>` +
		`<NhsNumber>9998193036</NhsNumber></Registration></MedicalRecord>`
	smallOpenHR = `<openHealthRecord xmlns="http://www.e-mis.com/emisopen"><id>5f0c3a1e-0001-4000-8000-000000000001</id>` +
		`<creationTime>2017-05-02T09:30:00+01:00</creationTime><author><system><systemType>EMISWEB</systemType></system>` +
		`<nationalCode>X99001</nationalCode></author><contentSpecification><specification>37241000000102</specification>` +
		`</contentSpecification><adminDomain><person><id>5f0c3a1e-0002-4000-8000-000000000001</id>` +
		`<birthDate>1958-03-07</birthDate><sex>F</sex><forenames>Nora</forenames><surname>Quillfeather</surname></person>` +
		`<patient><id>5f0c3a1e-0002-4000-8000-000000000001</id><patientIdentifier><identifierType>NHS</identifierType>` +
		`<value>9998193036</value></patientIdentifier><patientPerson>5f0c3a1e-0002-4000-8000-000000000001</patientPerson>` +
		`</patient></adminDomain><healthDomain/></openHealthRecord>`
)

const (
	itk      = `xmlns="urn:nhs-itk:ns:201005"`
	soap     = `xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"`
	relates  = `<RelatesTo xmlns="http://www.w3.org/2005/08/addressing">%s</RelatesTo>`
	escaping = `<EWDS ` + itk + `><ResponseBody>%s</ResponseBody></EWDS>`
)

// wraps are the ways a document has to be found.
var wraps = map[string]func(doc string) string{
	"bare": func(doc string) string { return doc },
	"declared": func(doc string) string {
		return `<?xml version="1.0" encoding="utf-8"?>` + "\n<!-- export -->\n" + doc
	},
	"EWDS":                 func(doc string) string { return fmt.Sprintf(escaping, doc) },
	"directly in the body": func(doc string) string { return soapBody(doc) },
	"whole envelope": func(doc string) string {
		return soapBody(`<DistributionEnvelope ` + itk + `><header/><payloads count="1"><payload>` + fmt.Sprintf(escaping, doc) +
			`</payload></payloads></DistributionEnvelope>`)
	},
	"unknown wrappers": func(doc string) string {
		return soapBody(`<r:Answer xmlns:r="urn:r"><Result>` + doc + `</Result></r:Answer>`)
	},
	"CDATA": func(doc string) string { return soapBody(fmt.Sprintf(escaping, "<![CDATA["+doc+"]]>")) },
	"CDATA, declared": func(doc string) string {
		return soapBody(`<Result><![CDATA[<?xml version="1.0" encoding="utf-16"?>` + doc + `]]></Result>`)
	},
	"escaped": func(doc string) string { return soapBody("<Result>\n" + escape(doc) + "\n</Result>") },
	"escaped and noise": func(doc string) string {
		return soapBody("<N>&lt;3 days</N><N>&lt;p/&gt;</N><Result>" + escape(doc) + "</Result>")
	},
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func soapBody(body string) string {
	return `<soap:Envelope ` + soap + `><soap:Header>` + fmt.Sprintf(relates, "urn:uuid:"+messageID.ID) + `</soap:Header><soap:Body>` +
		body + `</soap:Body></soap:Envelope>`
}

func TestDecodeResponseFindsTheRecord(t *testing.T) {
	codec := newCodec(t, nil)
	for format, doc := range map[string]string{"MedicalRecord": smallMedicalRecord, "openHealthRecord": smallOpenHR} {
		for name, wrap := range wraps {
			t.Run(format+" "+name, func(t *testing.T) {
				msg := wrap(doc)
				p, err := codec.DecodeResponse(context.Background(), []byte(msg))
				require.NoError(t, err)
				require.Nil(t, p.Failure())
				require.Equal(t, "9998193036", p.Record().Patient.NHS.Digits())
				require.Equal(t, "EMIS Web", p.Record().Source.System)
				for _, s := range record.Sections() {
					require.Empty(t, p.Record().Faults(s))
				}
				if strings.Contains(msg, "RelatesTo") {
					require.Equal(t, messageID.ID, p.MessageID)
				}
			})
		}
	}
}

func TestDecodeResponseRefuses(t *testing.T) {
	const other = `xmlns="http://www.e-mis.com/emisopen/Other"`
	escaped := escape(smallMedicalRecord)
	for name, msg := range map[string]string{
		"nothing":                      "",
		"no XML":                       "It is raining",
		"another root":                 `<Letter/>`,
		"a wrapper of no known kind":   `<Letter>` + smallMedicalRecord + `</Letter>`,
		"another namespace":            strings.Replace(smallMedicalRecord, "emisopen/MedicalRecord", "emisopen/Other", 1),
		"no namespace":                 "<MedicalRecord><Registration/></MedicalRecord>",
		"the namespace of the other":   strings.Replace(smallOpenHR, "emisopen", "emisopen/MedicalRecord", 1),
		"another namespace in a body":  soapBody(`<MedicalRecord ` + other + `/>`),
		"another SOAP":                 strings.Replace(soapBody(smallMedicalRecord), "xmlsoap.org", "xmlsoap.invalid", 1),
		"neither record nor refusal":   soapBody(`<Result/>`),
		"two records":                  soapBody(smallMedicalRecord + smallMedicalRecord),
		"a record of each format":      soapBody(smallMedicalRecord + smallOpenHR),
		"a record and one as text":     soapBody(`<a>` + smallMedicalRecord + `</a><b>` + escaped + `</b>`),
		"two records as text":          soapBody(`<a>` + escaped + `</a><b>` + escaped + `</b>`),
		"a record and a fault":         soapBody(smallMedicalRecord + `<soap:Fault><faultcode>soap:Server</faultcode></soap:Fault>`),
		"two faults":                   soapBody(`<soap:Fault/><soap:Fault/>`),
		"text within text":             soapBody(`<a>` + escape(`<EWDS `+itk+`>`+escape(escaped)+`</EWDS>`) + `</a>`),
		"text that is cut":             soapBody(`<a>` + escape(smallMedicalRecord[:len(smallMedicalRecord)-3]) + `</a>`),
		"a document type":              `<!DOCTYPE MedicalRecord>` + smallMedicalRecord,
		"a document type in the text":  soapBody(`<a>` + escape(`<!DOCTYPE MedicalRecord>`+smallMedicalRecord) + `</a>`),
		"a second root":                smallMedicalRecord + smallMedicalRecord,
		"a missing payload":            `<DistributionEnvelope ` + itk + `><payloads count="2"><payload>` + smallMedicalRecord + `</payload></payloads></DistributionEnvelope>`,
		"an answer to two requests":    soapBody(fmt.Sprintf(relates, "another")) + "",
		"an answer to two, with value": soapBody(fmt.Sprintf(relates, "another") + smallMedicalRecord),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := newCodec(t, nil).DecodeResponse(context.Background(), []byte(msg))
			require.Error(t, err)
			require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err), err)
			require.Equal(t, record.Response{}, p)
		})
	}
}

// TestCutResponses: an answer cut anywhere is never an answer.
func TestCutResponses(t *testing.T) {
	codec := newCodec(t, nil)
	for _, name := range []string{"whole envelope", "CDATA", "bare"} {
		msg := wraps[name](smallMedicalRecord)
		for i := range len(msg) {
			p, err := codec.DecodeResponse(context.Background(), []byte(msg[:i]))
			require.Error(t, err, "%s at %d", name, i)
			require.Equal(t, record.Response{}, p)
		}
	}
}

func TestDecodeRefusals(t *testing.T) {
	for name, want := range map[string]record.Failure{
		"fault-server":    {Reason: record.ReasonRefused, Native: "The service is being restarted", NativeCode: "Server", Retry: true},
		"fault-client":    {Reason: record.ReasonRefused, Native: "The user is not registered", NativeCode: "Client"},
		"messaging-error": {Reason: record.ReasonRefused, Native: "No patient with this number is registered here", NativeCode: "17"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := newCodec(t, nil).DecodeResponse(context.Background(), file(t, "failures/emisweb-"+name+".xml"))
			require.NoError(t, err)
			require.Nil(t, p.Record())
			require.Equal(t, &want, p.Failure())
			require.Equal(t, "7d1c2b90-0c1e-4f6a-9a11-000000000001", p.MessageID)
		})
	}
}

func TestFaultWithoutWordsSaysWhatThereIs(t *testing.T) {
	codec := newCodec(t, nil)
	for _, tc := range []struct{ fault, native string }{
		{`<soap:Fault><faultcode>soap:Client</faultcode><detail><Error>not registered</Error></detail></soap:Fault>`, "Error: not registered"},
		{`<soap:Fault><faultcode>soap:Client</faultcode></soap:Fault>`, "soap:Client"},
		{`<soap:Fault xmlns="urn:other"><faultstring>no</faultstring></soap:Fault>`, "no"},
		{`<soap:Fault/>`, ""},
	} {
		p, err := codec.DecodeResponse(context.Background(), []byte(soapBody(tc.fault)))
		require.NoError(t, err)
		require.Equal(t, tc.native, p.Failure().Native)
	}
}

// small is the record of the small documents, ready to be encoded.
func small(t testing.TB, codec system.Codec, doc string) record.Response {
	t.Helper()
	p, err := codec.DecodeResponse(context.Background(), []byte(doc))
	require.NoError(t, err)
	carry(codec, p.Record())
	return p
}

func TestEncodeResponse(t *testing.T) {
	q := request(t, "1", "9998193036")
	for _, format := range []string{"medicalrecord", "openhr"} {
		for _, doc := range []string{smallMedicalRecord, smallOpenHR} {
			codec := newCodec(t, map[string]string{"response-format": format})
			msg, err := codec.EncodeResponse(&q, small(t, codec, doc), messageID)
			require.NoError(t, err)
			s := string(msg)
			require.Contains(t, s, "emis:transactionim:records:resp_GetMedicalRecord_V1_0")
			require.Contains(t, s, `<RelatesTo xmlns="http://www.w3.org/2005/08/addressing">`+q.MessageID+`</RelatesTo>`)
			require.Contains(t, s, `<itk:address uri="urn:nhs-uk:addressing:ods:X99001"/>`)
			require.Contains(t, s, `<itk:senderAddress uri="urn:nhs-uk:addressing:ods:X99002"/>`)
			require.Equal(t, format == "openhr", strings.Contains(s, "<openHealthRecord"))

			back, err := codec.DecodeResponse(context.Background(), msg)
			require.NoError(t, err)
			require.Equal(t, q.MessageID, back.MessageID)
			require.Equal(t, "9998193036", back.Record().Patient.NHS.Digits())
		}
	}
}

// TestAnswerEchoesBothIDs: the envelope has two ids, and an answer names both
// where they differ.
func TestAnswerEchoesBothIDs(t *testing.T) {
	q := requests(t)["reordered"]
	codec := newCodec(t, nil)
	for _, p := range []record.Response{
		small(t, codec, smallMedicalRecord),
		record.Refused(record.Failure{Reason: record.ReasonTimeout}),
		record.Refused(record.Failure{Reason: record.ReasonNotFound}),
	} {
		msg, err := codec.EncodeResponse(&q, p, messageID)
		require.NoError(t, err)
		require.Contains(t, string(msg), q.MessageID)
		back, err := codec.DecodeResponse(context.Background(), msg)
		require.NoError(t, err)
		require.Equal(t, q.ConversationID, back.MessageID)
	}
}

// TestEncodeEveryFailure: every reason is an answer EMIS can read, and its
// words reach the clinician.
func TestEncodeEveryFailure(t *testing.T) {
	codec := newCodec(t, nil)
	q := request(t, "1", "9998193036")
	holder := map[record.Reason]bool{record.ReasonNotFound: true, record.ReasonRefused: true}
	for _, reason := range record.Reasons() {
		t.Run(string(reason), func(t *testing.T) {
			f := record.Failure{Reason: reason}
			msg, err := codec.EncodeResponse(&q, record.Refused(f), messageID)
			require.NoError(t, err)
			require.Equal(t, holder[reason], strings.Contains(string(msg), "MessagingError"))
			require.Equal(t, !holder[reason], strings.Contains(string(msg), emisweb.System().Wire.ErrorMark))
			p, err := codec.DecodeResponse(context.Background(), msg)
			require.NoError(t, err)
			require.Contains(t, p.Failure().Native, f.Words())
			require.Equal(t, q.MessageID, p.MessageID)
		})
	}
	t.Run("the holder's own words", func(t *testing.T) {
		f := record.Failure{Reason: record.ReasonRefused, Native: "Closed on <soap:Fault> Sundays", NativeCode: "12"}
		msg, err := codec.EncodeResponse(&q, record.Refused(f), messageID)
		require.NoError(t, err)
		require.Contains(t, string(msg), "<MessagingError>")
		require.NotContains(t, string(msg), emisweb.System().Wire.ErrorMark)
		p, err := codec.DecodeResponse(context.Background(), msg)
		require.NoError(t, err)
		require.Contains(t, p.Failure().Native, f.Native)
	})
	t.Run("to a request of which nothing could be read", func(t *testing.T) {
		msg, err := codec.EncodeResponse(&record.Request{}, record.Refused(record.Failure{Reason: record.ReasonBadMessage}), messageID)
		require.NoError(t, err)
		require.Contains(t, string(msg), "<faultcode>soap:Client</faultcode>")
		require.NotContains(t, string(msg), "RelatesTo")
	})
}

func FuzzDecodeResponse(f *testing.F) {
	for _, wrap := range wraps {
		f.Add([]byte(wrap(smallMedicalRecord)))
		f.Add([]byte(wrap(smallOpenHR)))
	}
	found, err := filepath.Glob(testdata + "failures/emisweb-*.xml")
	require.NoError(f, err)
	for _, name := range found {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	q := request(f, "1", "9998193036")
	codecs := []system.Codec{newCodec(f, nil), newCodec(f, map[string]string{"response-format": "openhr"})}
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, codec := range codecs {
			p, err := codec.DecodeResponse(context.Background(), msg)
			if err != nil {
				require.Equal(t, record.Response{}, p)
				require.NotEqual(t, record.ReasonInternal, record.ReasonOf(err))
				return
			}
			if rec := p.Record(); rec != nil {
				carry(codec, rec)
				for _, s := range record.Sections() {
					require.True(t, rec.Tally(s).Balanced(), s)
				}
			}
			again, err := codec.EncodeResponse(&q, p, messageID)
			require.NoError(t, err)
			_, err = codec.DecodeResponse(context.Background(), again)
			require.NoError(t, err)
		}
	})
}

// TestNotFoundIsOneAnswer: whatever stands behind it, a patient not found is
// answered with the same bytes (safety CS-07).
func TestNotFoundIsOneAnswer(t *testing.T) {
	words := rapid.String()
	for name, q := range requests(t) {
		for _, format := range []string{"medicalrecord", "openhr"} {
			codec := newCodec(t, map[string]string{"response-format": format})
			want, err := codec.EncodeResponse(&q, record.Refused(record.Failure{Reason: record.ReasonNotFound}), messageID)
			require.NoError(t, err)
			require.Contains(t, string(want), "<ErrorString>Patient not found.</ErrorString><Errornumber>404</Errornumber>", name)
			rapid.Check(t, func(rt *rapid.T) {
				f := record.Failure{Reason: record.ReasonNotFound, Native: words.Draw(rt, "native"), NativeCode: words.Draw(rt, "code"), Retry: rapid.Bool().Draw(rt, "retry")}
				got, err := codec.EncodeResponse(&q, record.Refused(f), messageID)
				require.NoError(rt, err)
				require.Equal(rt, string(want), string(got))
			})
		}
	}
}

// TestNotFoundOfANumberThatIsNone: a number that is no NHS number is answered as
// one that nobody has, but for what is echoed.
func TestNotFoundOfANumberThatIsNone(t *testing.T) {
	codec := newCodec(t, nil)
	msg := file(t, "requests/emisweb-full.xml")
	good, err := codec.DecodeRequest(context.Background(), msg)
	require.NoError(t, err)
	bad, err := codec.DecodeRequest(context.Background(), []byte(strings.ReplaceAll(string(msg), "9998193036", "9998193037")))
	require.Equal(t, record.ReasonNotFound, record.ReasonOf(err))
	require.True(t, bad.Patient.NHS.IsZero())
	unknown, err := codec.EncodeResponse(&good, record.Refused(record.Failure{Reason: record.ReasonNotFound}), messageID)
	require.NoError(t, err)
	invalid, err := codec.EncodeResponse(&bad, record.Refused(record.Failure{Reason: record.ReasonNotFound}), messageID)
	require.NoError(t, err)
	require.Equal(t, string(unknown), string(invalid))
}

// TestDissentIsRead: a coded refusal to share is found in either document,
// wherever it is filed.
func TestDissentIsRead(t *testing.T) {
	for code, want := range map[string]bool{"9Nd1": true, "93C1": true, "9Nd7": false, "G20": false} {
		medicalRecord := strings.Replace(smallMedicalRecord, "</MedicalRecord>", "<EventList><Event><AssignedDate>04/03/2016</AssignedDate><Code><Value>"+
			code+"</Value><Scheme>READ2</Scheme><Term>words</Term></Code><EventType>1</EventType></Event></EventList></MedicalRecord>", 1)
		openHR := strings.Replace(smallOpenHR, "<healthDomain/>", `<healthDomain><event><id>990300ee-9990-4000-8000-000000000001</id>`+
			`<patient>5f0c3a1e-0002-4000-8000-000000000001</patient><eventType>OBS</eventType><effectiveTime datepart="YMD" value="2016-03-04T00:00:00"/>`+
			`<code codeSystem="2.16.840.1.113883.2.1.6.2" displayName="words" code="`+code+`"/><displayTerm>words</displayTerm><observation/></event></healthDomain>`, 1)
		for _, doc := range []string{medicalRecord, openHR} {
			p, err := newCodec(t, nil).DecodeResponse(context.Background(), []byte(doc))
			require.NoError(t, err)
			require.Equal(t, want, p.Record().Patient.Dissent, "%s in %.20s", code, doc)
		}
	}
}
