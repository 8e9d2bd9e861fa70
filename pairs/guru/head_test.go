package guru

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

const (
	askedID   = "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10"
	patientNo = "9998193036"
)

// asked is what Guru is asked for about the rich patient.
func asked(t testing.TB, c *codec) []byte {
	t.Helper()
	nhs, err := record.ParseNHSNumber(patientNo)
	require.NoError(t, err)
	out, err := c.EncodeRequest(&record.Request{Patient: record.Identity{NHS: nhs}, Target: "X99003", Sections: record.AllSections, Whole: true}, system.MessageID{ID: askedID})
	require.NoError(t, err)
	return out
}

// TestHeadsThatAreNone: what two readers could frame differently is refused.
func TestHeadsThatAreNone(t *testing.T) {
	const good = "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 2\r\n\r\n{}"
	all, err := parts([]byte(good + good))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, []string{good, "{}", "a"}, []string{string(all[1].raw), string(all[1].body), all[1].field("content-TYPE")})
	for what, in := range map[string]string{
		"nothing":                    "",
		"no end of the head":         strings.TrimSuffix(good, "\r\n\r\n{}"),
		"bare line feeds":            strings.ReplaceAll(good, "\r\n", "\n"),
		"a folded field":             strings.Replace(good, "Content-Type: a", "Content-Type:\r\n a", 1),
		"a blank before the colon":   strings.Replace(good, "Content-Type:", "Content-Type :", 1),
		"a field without a name":     strings.Replace(good, "Content-Type:", ":", 1),
		"a field without a colon":    strings.Replace(good, "Content-Type: a", "Content-Type", 1),
		"a control character":        strings.Replace(good, "a\r\n", "a\x00\r\n", 1),
		"a carriage return":          strings.Replace(good, "a\r\n", "a\rb\r\n", 1),
		"a letter beyond ASCII":      strings.Replace(good, "a\r\n", "é\r\n", 1),
		"two lengths":                strings.Replace(good, "Content-Type: a", "Content-Length: 2", 1),
		"an empty length before":     strings.Replace(good, "Content-Type: a", "content-length:", 1),
		"a field twice, first empty": strings.Replace(good, "Content-Type: a", "X-A:\r\nx-a: 1", 1),
		"a negative length":          strings.Replace(good, ": 2", ": -2", 1),
		"a signed length":            strings.Replace(good, ": 2", ": +2", 1),
		"a length with a zero":       strings.Replace(good, ": 2", ": 02", 1),
		"a hexadecimal length":       strings.Replace(good, ": 2", ": 0x2", 1),
		"no length in the field":     strings.Replace(good, ": 2", ":", 1),
		"a length beyond":            strings.Replace(good, ": 2", ": 3", 1),
		"a length of no machine":     strings.Replace(good, ": 2", ": 99999999999999999999", 1),
		"too short a length":         strings.Replace(good, ": 2", ": 1", 1),
		"no length":                  strings.Replace(good, "Content-Length: 2\r\n", "", 1),
		"chunks":                     strings.Replace(good, "Content-Type: a", "Transfer-Encoding: chunked", 1),
		"a head without end":         "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n",
		"too many":                   strings.Repeat(good, maxParts+1),
		"something between":          good + "\r\n" + good,
	} {
		_, err := parts([]byte(in))
		require.Error(t, err, what)
	}
}

// TestStatusLines: only a status of HTTP/1.1 is one.
func TestStatusLines(t *testing.T) {
	for line, want := range map[string]int{"HTTP/1.1 200 OK": 200, "HTTP/1.1 404 ": 404, "HTTP/1.1 503": 503, "HTTP/1.0 200 OK": 0, "HTTP/1.1 20 OK": 0, "HTTP/1.1 +20 OK": 0, "HTTP/1.1 099 X": 0,
		"HTTP/1.1  200 OK": 0, "GET / HTTP/1.1": 0, "": 0} {
		status, err := statusOf(line)
		require.Equal(t, want, status, line)
		require.Equal(t, want == 0, err != nil, line)
	}
}

// TestOnlyDetailsGoBefore: the requests that stand before the last are for the
// patient's details and nothing else.
func TestOnlyDetailsGoBefore(t *testing.T) {
	c := codecOf(t, formatMyRecord)
	whole := string(asked(t, c))
	q, err := c.DecodeRequest(t.Context(), []byte(whole))
	require.NoError(t, err)
	require.Equal(t, []string{askedID, "X99003", pathMyRecord}, []string{q.MessageID, q.Target, q.Operation})
	for _, in := range []string{
		strings.Replace(whole, "GET "+pathDemographics, "DELETE "+pathDemographics, 1),
		strings.Replace(whole, "GET "+pathDemographics, "POST /patient/prescriptions", 1),
		strings.Replace(whole, "GET "+pathDemographics, "GET "+pathMyRecord, 1),
		strings.Replace(whole, "\r\n\r\n", "\r\nContent-Length: 2\r\n\r\n{}", 1),
	} {
		require.NotEqual(t, whole, in)
		_, err := c.DecodeRequest(t.Context(), []byte(in))
		require.Equal(t, record.ReasonUnsupported, record.ReasonOf(err))
	}
	_, err = c.DecodeRequest(t.Context(), []byte(strings.Replace(whole, patientNo, "9998656907", 1)))
	require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err), "two patients")
	_, err = c.DecodeRequest(t.Context(), []byte(strings.Replace(whole, "X99003", "X99004", 1)))
	require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err), "two practices")
}

// TestARefusalAnswersTheRequest: a refusal of the first call, which has an id of
// its own, is one of the request and keeps its reason.
func TestARefusalAnswersTheRequest(t *testing.T) {
	c := codecOf(t, formatGP2GP)
	calls, err := c.Calls(t.Context(), asked(t, c), nil)
	require.NoError(t, err)
	answers := make([][]byte, len(calls))
	for i, call := range calls {
		all, err := parts(call)
		require.NoError(t, err)
		answers[i] = message("HTTP/1.1 404 Not Found", []byte(`{"error":"No such patient"}`), fieldType, "application/json", fieldCorrelation, all[0].field(fieldRequest))
	}
	for _, given := range [][][]byte{answers, {answers[0], nil}, {nil, answers[1]}} {
		joined, err := c.Join(asked(t, c), given)
		require.NoError(t, err)
		p, err := c.DecodeResponse(t.Context(), joined)
		require.NoError(t, err)
		require.NotNil(t, p.Failure())
		require.Contains(t, []string{"", askedID}, p.MessageID)
	}
	p, err := c.DecodeResponse(t.Context(), append(append([]byte{}, answers[0]...), answers[1]...))
	require.NoError(t, err)
	require.Equal(t, record.ReasonNotFound, p.Failure().Reason)
}

// TestOneAnswerForEachCall: an answer that holds two is none.
func TestOneAnswerForEachCall(t *testing.T) {
	c := codecOf(t, formatMyRecord)
	whole := []byte(file(t, "patients/nora-quillfeather/guru.my-record.http"))
	at := strings.LastIndex(string(whole), "HTTP/1.1 ")
	for _, answers := range [][][]byte{{whole, whole[at:]}, {whole[:at], whole}, {{}, whole[at:]}} {
		joined, err := c.Join(asked(t, c), answers)
		require.NoError(t, err)
		p, err := c.DecodeResponse(t.Context(), joined)
		require.NoError(t, err)
		require.NotNil(t, p.Failure())
		require.Nil(t, p.Record())
		require.False(t, p.Failure().Permanent())
	}
}

// TestReasonsGoAndComeBack as lasting as they were, in the status that is
// documented for them (S §4.3) or follows from HTTP.
func TestReasonsGoAndComeBack(t *testing.T) {
	c := codecOf(t, formatGP2GP)
	for _, reason := range record.Reasons() {
		for _, retry := range []bool{false, true} {
			for _, operation := range []string{"", pathDemographics, pathMyRecord, pathExtract} {
				refused := record.Refused(record.Failure{Reason: reason, Native: "No <such> \"thing\"\r\n", Retry: retry})
				out, err := c.EncodeResponse(&record.Request{MessageID: askedID, Operation: operation}, refused, system.MessageID{ID: "x"})
				require.NoError(t, err)
				p, err := c.DecodeResponse(t.Context(), out)
				require.NoError(t, err)
				require.Equal(t, refused.Failure().Permanent(), p.Failure().Permanent(), reason)
				require.Equal(t, reason == record.ReasonNotFound, p.Failure().Reason == record.ReasonNotFound, reason)
				require.Equal(t, askedID, p.MessageID)
				require.NotEmpty(t, p.Failure().Words())
			}
		}
	}
	for status, permanent := range map[string]bool{"301": true, "400": true, "401": true, "403": true, "404": true, "409": false, "410": true, "429": false, "500": false, "502": false, "503": false, "504": false} {
		for _, body := range []string{"", "{}", `{"error":"x"}`, "<html>", "\xff"} {
			p, err := c.DecodeResponse(t.Context(), message("HTTP/1.1 "+status+" X", []byte(body)))
			require.NoError(t, err, status)
			require.Equal(t, permanent, p.Failure().Permanent(), status)
			if status != "404" { // which is the same whatever was said
				require.Equal(t, status, p.Failure().NativeCode)
			}
		}
	}
}

// TestCutAtEveryByte: no beginning of a message is one.
func TestCutAtEveryByte(t *testing.T) {
	c := codecOf(t, formatMyRecord)
	for _, name := range []string{"patients/tom-ostler/guru.my-record.http", "patients/tom-ostler/guru.extract.http", "failures/guru-conflict.http"} {
		in := file(t, name)
		second := strings.LastIndex(in, "HTTP/1.1 ") // the details alone are an answer
		for n := range strings.TrimRight(in, "\r\n") {
			p, err := c.DecodeResponse(t.Context(), []byte(in[:n]))
			require.True(t, err != nil || p.Record() != nil, "%s %d", name, n)
			if n != second {
				require.Error(t, err, "%s %d", name, n)
			}
		}
	}
	for _, name := range []string{"requests/guru-extract.http", "requests/guru-my-record.http", "requests/guru-demographics.http"} {
		in := file(t, name)
		for n := range strings.TrimRight(in, "\n") {
			_, err := c.DecodeRequest(t.Context(), []byte(in[:n]))
			require.Error(t, err, "%s %d", name, n)
		}
	}
}

// TestDeadline: reading ends with its context.
func TestDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := codecOf(t, formatGP2GP).DecodeResponse(ctx, []byte(file(t, "patients/nora-quillfeather/guru.extract.http")))
	require.Equal(t, record.ReasonTimeout, record.ReasonOf(err))
}

// TestUnwrap gives one answer's body, and nothing of a message that is several.
func TestUnwrap(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
	out, err := unwrap([]byte(head + `{"a":1}`))
	require.NoError(t, err)
	require.Equal(t, "<my-record><a>1</a></my-record>", string(out))
	out, err = unwrap([]byte(head + "<a></a>"))
	require.NoError(t, err)
	require.Equal(t, "<a></a>", string(out))
	for _, in := range []string{`{"a":1}`, head + `{"a":1}` + head + `{"a":1}`, head + `{"a":`, head + `{"a":1]`} {
		_, err := unwrap([]byte(in))
		require.Error(t, err, in)
	}
}
