package guru

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

func codecOf(t testing.TB, form string) *codec {
	t.Helper()
	c, err := newCodec(system.Options{Settings: map[string]string{"response-format": form}})
	require.NoError(t, err)
	return c.(*codec)
}

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/" + name)
	require.NoError(t, err)
	return string(text)
}

// answered is an answer of my-record with a part changed, about the rich patient.
func answered(t testing.TB, replace ...string) []byte {
	t.Helper()
	whole := file(t, "patients/nora-quillfeather/guru.my-record.http")
	at := strings.LastIndex(whole, "HTTP/1.1 ")
	_, body, _ := strings.Cut(whole[at:], "\r\n\r\n")
	changed := strings.NewReplacer(replace...).Replace(body)
	require.NotEqual(t, body, changed)
	return []byte(whole[:at] + "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(changed)) + "\r\n\r\n" + changed)
}

func recordOf(t *testing.T, msg []byte) *record.Record {
	t.Helper()
	p, err := codecOf(t, formatMyRecord).DecodeResponse(t.Context(), msg)
	require.NoError(t, err)
	require.NotNil(t, p.Record())
	rec := p.Record()
	rec.CarryExact()
	rec.Settle(record.AllSections)
	return rec
}

// TestStatesOfMyRecord: what may not be seen, could not be read, is missing, or
// says another count than it has, is never an empty section (S §4.3).
func TestStatesOfMyRecord(t *testing.T) {
	const errored = `"hasErrored": "false",
  "count": 2,
  "data": [
   {
    "id": "a1"`
	for what, test := range map[string]struct {
		replace []string
		section record.Section
		state   record.State
	}{
		"could not be read":     {[]string{errored, strings.Replace(errored, `"false"`, `"true"`, 1)}, record.Allergies, record.Failed},
		"a count that differs":  {[]string{errored, strings.Replace(errored, "2", "3", 1)}, record.Allergies, record.Failed},
		"missing":               {[]string{`"allergies":`, `"alergies":`}, record.Allergies, record.Failed},
		"a flag that is none":   {[]string{errored, strings.Replace(errored, `"false"`, `"maybe"`, 1)}, record.Allergies, record.Failed},
		"a flag that is no one": {[]string{errored, strings.Replace(errored, `"false"`, `[]`, 1)}, record.Allergies, record.Failed},
	} {
		rec := recordOf(t, answered(t, test.replace...))
		require.Equal(t, test.state, rec.State(test.section), what)
		require.NotEqual(t, record.Failed, rec.State(record.Problems), what)
	}
	empty := `{"hasAccess": true, "hasErrored": false, "count": 0, "data": []}`
	denied := strings.Replace(empty, "true", "false", 1)
	tom := file(t, "patients/tom-ostler/guru.my-record.http")
	rec := recordOf(t, []byte(tom))
	require.Equal(t, record.NothingRecorded, rec.State(record.Allergies))
	require.Equal(t, record.NotSupported, rec.State(record.Documents))
	require.NotEmpty(t, denied)
	partial := strings.Replace(tom, "200 OK", "202 Accepted", 2)
	require.Equal(t, record.Partial, recordOf(t, []byte(partial)).State(record.Allergies))
}

// TestStatesGoBack: a section that is denied is without access, one that is not
// known whole has errored, whatever it holds.
func TestStatesGoBack(t *testing.T) {
	for state, want := range map[record.State]string{record.Denied: `"hasAccess":false,"hasErrored":false`, record.Failed: `"hasAccess":true,"hasErrored":true`,
		record.Partial: `"hasAccess":true,"hasErrored":true`, record.NotRetrievable: `"hasAccess":true,"hasErrored":true`} {
		c := codecOf(t, formatMyRecord)
		p, err := c.DecodeResponse(t.Context(), []byte(file(t, "patients/tom-ostler/guru.my-record.http")))
		require.NoError(t, err)
		rec := p.Record()
		rec.Declare(record.Allergies, state)
		rec.CarryExact()
		rec.Settle(record.AllSections)
		out, err := c.EncodeResponse(&record.Request{Sections: record.AllSections}, p, system.MessageID{ID: "x"})
		require.NoError(t, err)
		require.Contains(t, string(out), `"allergies":{`+want, state)
	}
}

// TestBadJSON is refused whole, with a place and no word of it.
func TestBadJSON(t *testing.T) {
	for what, replace := range map[string][]string{
		"a key twice":            {`"drugs":`, `"allergies":`},
		"a number beyond":        {`"count": 2,`, `"count": 99999999999999999999,`},
		"an exponent beyond":     {`"count": 2,`, `"count": 1e400,`},
		"a cut":                  {`"referral":`, "\x00"},
		"no UTF-8":               {"Quillfeather", "\xff", "reflux", "\xff"},
		"a comma too many":       {`"drugs":`, `,"drugs":`},
		"a word that is none":    {`"count": 1,`, `"count": one,`},
		"something behind it":    {`"ubrn": "000000000000"`, `"ubrn": "1"}]}} {"a": [{"b":{"c":1`},
		"a single quotation":     {`"referral"`, `'referral'`},
		"depth without end":      {`"referral": {`, `"deep": ` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `, "referral": {`},
		"control in a string":    {`"reflux"`, "\"ref\x01lux\""},
		"a lone surrogate as is": {`"reflux"`, "\"\xed\xa0\x80\""},
	} {
		p, err := codecOf(t, formatMyRecord).DecodeResponse(t.Context(), answered(t, replace...))
		require.Nil(t, p.Record(), what)
		require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err), what)
		require.Contains(t, err.Error(), "offset", what)
		require.NotContains(t, err.Error(), "Quillfeather", what)
		require.NotContains(t, err.Error(), "reflux", what)
	}
}

// TestTwoPatients: details of one and the record of another, or the details
// twice.
func TestTwoPatients(t *testing.T) {
	c := codecOf(t, formatGP2GP)
	nora, tom := file(t, "patients/nora-quillfeather/guru.extract.http"), file(t, "patients/tom-ostler/guru.extract.http")
	details := tom[:strings.LastIndex(tom, "HTTP/1.1 ")]
	extract := nora[strings.LastIndex(nora, "HTTP/1.1 "):]
	_, err := c.DecodeResponse(t.Context(), []byte(details+extract))
	require.Equal(t, record.ReasonWrongPatient, record.ReasonOf(err))
	for _, in := range []string{details + details, extract + extract} {
		_, err = c.DecodeResponse(t.Context(), []byte(in))
		require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
	}
	p, err := c.DecodeResponse(t.Context(), []byte(details))
	require.NoError(t, err)
	require.Equal(t, "Ostler", p.Record().Patient.Surname)
}

// TestRequestsThatAreNone.
func TestRequestsThatAreNone(t *testing.T) {
	whole := file(t, "requests/guru-extract.http")
	framed := func(s string) string {
		head, body, _ := strings.Cut(s, "\r\n\r\n")
		at := strings.Index(head, "Content-Length: ")
		return head[:at] + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	for _, test := range []struct {
		in     string
		reason record.Reason
	}{
		{strings.Replace(whole, "POST /gp2gp/extract", "DELETE /gp2gp/extract", 1), record.ReasonUnsupported},
		{strings.Replace(whole, "/gp2gp/extract", "/patient/prescriptions", 1), record.ReasonUnsupported},
		{framed(strings.Replace(whole, `extension="9998193036"`, `extension="9998656907"`, 1)), record.ReasonBadMessage},
		{framed(strings.Replace(whole, `extension="X99001"`, `extension="X99009"`, 1)), record.ReasonBadMessage},
		{strings.Replace(whole, "NHSO-Nhs-Number: 9998193036\r\n", "", 1), record.ReasonBadMessage},
		{strings.Replace(file(t, "requests/guru-my-record.http"), "9998193036", "9998193037", 1), record.ReasonNotFound},
		{strings.Replace(file(t, "requests/guru-my-record.http"), "X-Request-ID", "X-Other-ID", 1), record.ReasonBadMessage},
		{strings.Replace(file(t, "requests/guru-my-record.http"), "NHSO-ODS-Code", "NHSO-Nhs-Number", 1), record.ReasonBadMessage},
	} {
		_, err := codecOf(t, formatGP2GP).DecodeRequest(t.Context(), []byte(test.in))
		require.Equal(t, test.reason, record.ReasonOf(err), test.in[:60])
	}
}

// TestTwoCallsOneAnswer: Guru is asked for the details and the record; an answer
// that is not there is a failure that may be tried again, not an empty record.
func TestTwoCallsOneAnswer(t *testing.T) {
	for _, form := range []string{formatGP2GP, formatMyRecord} {
		c := codecOf(t, form)
		nhs, err := record.ParseNHSNumber("9998193036")
		require.NoError(t, err)
		asked, err := c.EncodeRequest(&record.Request{Patient: record.Identity{NHS: nhs}, Target: "X99003", Sections: record.AllSections, Whole: true}, system.MessageID{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10"})
		require.NoError(t, err)
		calls, err := c.Calls(t.Context(), asked, nil)
		require.NoError(t, err)
		require.Len(t, calls, 2)
		require.Equal(t, asked, bytes.Join(calls, nil))
		name := map[string]string{formatGP2GP: "extract", formatMyRecord: "my-record"}[form]
		whole := file(t, "patients/nora-quillfeather/guru."+name+".http")
		at := strings.LastIndex(whole, "HTTP/1.1 ")
		joined, err := c.Join(asked, [][]byte{[]byte(whole[:at]), []byte(whole[at:])})
		require.NoError(t, err)
		require.Equal(t, whole, string(joined))
		for _, answers := range [][][]byte{{[]byte(whole[:at]), nil}, {nil, []byte(whole[at:])}, {[]byte(whole[:at]), []byte("<html>")}} {
			joined, err = c.Join(asked, answers)
			require.NoError(t, err)
			p, err := c.DecodeResponse(t.Context(), joined)
			require.NoError(t, err)
			require.NotNil(t, p.Failure())
			require.False(t, p.Failure().Permanent())
		}
	}
}

// TestNothingEndsTheHead: what is written into a header field cannot end it.
func TestNothingEndsTheHead(t *testing.T) {
	out, err := codecOf(t, formatGP2GP).EncodeResponse(&record.Request{MessageID: "id\r\nX-Evil: 1\r\n\r\nbody"}, record.Refused(record.Failure{Reason: record.ReasonBusy}), system.MessageID{})
	require.NoError(t, err)
	require.NotContains(t, string(out), "\r\nX-Evil")
	all, err := parts(out)
	require.NoError(t, err)
	require.Len(t, all, 1)
}

// FuzzDecodeResponse: nothing panics, what is refused gives no record, and what
// is read has an outcome for every entry and is written, in both forms, so that it
// is read again with each of its entries accounted for.
func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(file(f, "patients/tom-ostler/guru.extract.http")))
	f.Add([]byte(file(f, "patients/nora-quillfeather/guru.my-record.http")))
	f.Add([]byte(file(f, "patients/idris-skerry/guru.my-record.http")))
	f.Add([]byte(file(f, "failures/guru-conflict.http")))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, form := range []string{formatMyRecord, formatGP2GP} {
			c := codecOf(t, form)
			p, err := c.DecodeResponse(context.Background(), in)
			if err != nil {
				require.Nil(t, p.Record())
				return
			}
			rec := p.Record()
			if rec == nil {
				return
			}
			rec.CarryExact()
			c.Fit(rec)
			rec.Settle(record.AllSections)
			for _, s := range record.Sections() {
				require.True(t, rec.Tally(s).Balanced(), s)
			}
			out, err := c.EncodeResponse(&record.Request{Sections: record.AllSections}, p, system.MessageID{ID: askedID})
			require.NoError(t, err)
			again, err := c.DecodeResponse(context.Background(), out)
			require.NoError(t, err)
			require.NotNil(t, again.Record())
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(file(f, "requests/guru-extract.http")))
	f.Add([]byte(file(f, "requests/guru-my-record.http")))
	c := codecOf(f, formatGP2GP)
	f.Fuzz(func(t *testing.T, in []byte) {
		if q, err := c.DecodeRequest(context.Background(), in); err == nil {
			require.NotZero(t, q.Sections)
			require.False(t, q.Patient.NHS.IsZero())
		}
	})
}
