package mig

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

func open(t testing.TB, settings map[string]string) *codec {
	t.Helper()
	c, err := newCodec(system.Options{Settings: settings})
	require.NoError(t, err)
	return c.(*codec)
}

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/" + name)
	require.NoError(t, err)
	return string(text)
}

// TestProfileFaults refuses a profile with every fault of it, by its line.
func TestProfileFaults(t *testing.T) {
	bad := strings.NewReplacer(
		"header  = serviceHeader", "header  = service header",
		"content = serviceContent", "content =",
		"failure.busy              = BUSY", "failure.busy = REFUSED",
		"view.summary        = SUMMARY", "view.summary = PROBLEMS",
		"user       = user\n", "user = user\nuser = nobody\n",
		"model          = contentModel", "modle = contentModel",
	).Replace(defaultProfile)
	_, err := readProfile(bad)
	require.Error(t, err)
	for _, what := range []string{"header: not a local XML name", "content has no value", "failure.busy: the word stands for another failure", "the word stands for another view",
		"user stands twice", `no such key: "modle"`, "model is missing", "content is missing"} {
		require.Contains(t, err.Error(), what)
	}
	_, err = newCodec(system.Options{Settings: map[string]string{"profile": bad}})
	require.Error(t, err)
	_, err = newCodec(system.Options{Settings: map[string]string{"calls": "some"}})
	require.Error(t, err)
	_, err = newCodec(system.Options{Settings: map[string]string{"colour": "blue"}})
	require.Error(t, err)
}

// TestAnotherProfile speaks with the words of another profile, and does not
// understand those of the first any more.
func TestAnotherProfile(t *testing.T) {
	own := strings.NewReplacer("urn:linkspan:mig:profile:v1", "urn:supplier:mig", "getPatientRecordRequest", "RecordRequest", "= GIVEN", "= Y", "= nhsNumber", "= number").Replace(defaultProfile)
	c := open(t, map[string]string{"profile": own})
	asked := strings.NewReplacer("urn:linkspan:mig:profile:v1", "urn:supplier:mig", "getPatientRecordRequest", "RecordRequest", "GIVEN", "Y", "nhsNumber", "number").Replace(file(t, "requests/mig-full.xml"))
	q, err := c.DecodeRequest(t.Context(), []byte(asked))
	require.NoError(t, err)
	require.Equal(t, consentGiven, q.Requester.Consent)
	_, err = c.DecodeRequest(t.Context(), []byte(file(t, "requests/mig-full.xml")))
	require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err))
	_, err = open(t, nil).DecodeRequest(t.Context(), []byte(asked))
	require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err))
}

// TestConsentAndUserAreMandatory (E §5).
func TestConsentAndUserAreMandatory(t *testing.T) {
	c, whole := open(t, nil), file(t, "requests/mig-full.xml")
	for _, test := range []struct {
		from, to string
		reason   record.Reason
	}{
		{`<consent status="GIVEN"/>`, "", record.ReasonNoConsent},
		{`status="GIVEN"`, `status="PERHAPS"`, record.ReasonBadMessage},
		{`<consent status="GIVEN"/>`, `<consent status="GIVEN"/><consent status="REFUSED"/>`, record.ReasonBadMessage},
		{"<id>rsandhu</id>", "", record.ReasonBadMessage},
		{"<nhsNumber>9998193036</nhsNumber>", "", record.ReasonBadMessage},
		{"9998193036", "9998193037", record.ReasonNotFound},
		{"<messageId>5c0de5a2-77aa-4c1b-8a20-000000000001</messageId>", "", record.ReasonBadMessage},
		{"<contentModel>", "<dataSet>EVERYTHING</dataSet><contentModel>", record.ReasonUnsupported},
		{"serviceHeader", "otherHeader", record.ReasonBadMessage},
		{"<serviceContent>", "<serviceContent/><serviceContent>", record.ReasonBadMessage},
	} {
		require.Contains(t, whole, test.from)
		_, err := c.DecodeRequest(t.Context(), []byte(strings.ReplaceAll(whole, test.from, test.to)))
		require.Equal(t, test.reason, record.ReasonOf(err), test.to)
	}
	q, err := c.DecodeRequest(t.Context(), []byte(file(t, "requests/mig-emergency.xml")))
	require.NoError(t, err)
	require.Equal(t, "unconscious", q.Requester.BreakGlass)
	require.Equal(t, "Found collapsed in the car park.", q.Requester.BreakGlassText)
	require.Equal(t, "Diabetes", q.Requester.Department)
	require.Equal(t, "ESTUARY-SHARING-2016", q.Requester.ContentModel)
	q.Requester = record.Requester{User: "somebody"}
	_, err = c.EncodeRequest(&q, system.MessageID{ID: "x"})
	require.Equal(t, record.ReasonNoConsent, record.ReasonOf(err))
}

// TestViews: each of the ten asks for its own sections, and the whole is made of
// views that have every section any view has.
func TestViews(t *testing.T) {
	require.Len(t, views(), 10)
	c := open(t, nil)
	for word, name := range c.views {
		v, ok := viewOf(name)
		require.True(t, ok, name)
		asked := strings.Replace(file(t, "requests/mig-summary.xml"), "SUMMARY", word, 1)
		q, err := c.DecodeRequest(t.Context(), []byte(asked))
		require.NoError(t, err, word)
		require.Equal(t, v.sections(), q.Sections, word)
		require.True(t, q.CodedOnly)
	}
	whole, chosen := record.SectionSet(0), record.SectionSet(0)
	for _, v := range views() {
		whole |= v.sections()
	}
	for _, v := range viewsFor(record.AllSections) {
		chosen |= v.sections()
	}
	require.Equal(t, whole, chosen)
	q, err := open(t, map[string]string{"free-text": "yes"}).DecodeRequest(t.Context(), []byte(file(t, "requests/mig-full.xml")))
	require.NoError(t, err)
	require.False(t, q.CodedOnly)
}

// TestAnswersThatAreNone: an empty body, a foreign header, a record of another
// patient beside the first, two records.
func TestAnswersThatAreNone(t *testing.T) {
	c, whole := open(t, nil), file(t, "patients/nora-quillfeather/mig.response.xml")
	tom := file(t, "patients/tom-ostler/mig.response.xml")
	envelope := tom[strings.Index(tom, "<soap:Envelope"):]
	first := whole[strings.Index(whole, "<soap:Envelope"):]
	for what, in := range map[string]string{
		"an empty body":      `<soap:Envelope xmlns:soap="` + soapSpace + `"><soap:Body/></soap:Envelope>`,
		"no header":          strings.ReplaceAll(whole, "serviceHeader", "otherHeader"),
		"no content":         strings.ReplaceAll(whole, "serviceContent", "otherContent"),
		"a foreign answer":   strings.ReplaceAll(whole, "getPatientRecordResponse", "getPatientSecretsResponse"),
		"a second record":    strings.Replace(whole, "</openHealthRecord>", "</openHealthRecord>"+whole[strings.Index(whole, "<openHealthRecord"):strings.Index(whole, "</openHealthRecord>")]+"</openHealthRecord>", 1),
		"two patients":       `<answers xmlns="` + joinSpace + `"><answer>` + first + `</answer><answer>` + envelope + `</answer></answers>`,
		"answers to nothing": `<answers xmlns="` + joinSpace + `"><none/></answers>`,
	} {
		p, err := c.DecodeResponse(t.Context(), []byte(in))
		require.Error(t, err, what)
		require.Nil(t, p.Record(), what)
		require.NotContains(t, err.Error(), "Quillfeather")
	}
}

// TestWhereThePatientIs is answered with the data sets the agreement shares.
func TestWhereThePatientIs(t *testing.T) {
	c := open(t, nil)
	q, err := c.DecodeRequest(t.Context(), []byte(file(t, "requests/mig-locate.xml")))
	require.NoError(t, err)
	p, err := c.DecodeResponse(t.Context(), []byte(file(t, "patients/tom-ostler/mig.response.xml")))
	require.NoError(t, err)
	rec := p.Record()
	rec.Declare(record.Medication, record.Denied)
	rec.Declare(record.Issues, record.Denied)
	rec.CarryExact()
	rec.Settle(q.Sections)
	out, err := c.EncodeResponse(&q, p, system.MessageID{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10"})
	require.NoError(t, err)
	require.Contains(t, string(out), "<dataSet>PROBLEMS</dataSet>")
	require.NotContains(t, string(out), "<dataSet>MEDICATION</dataSet>")
	require.NotContains(t, string(out), "openHealthRecord")
	require.NotContains(t, string(out), "Ostler")
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(file(f, "patients/tom-ostler/mig.response.xml")))
	f.Add([]byte(file(f, "failures/mig-busy.xml")))
	c := open(f, nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := c.DecodeResponse(context.Background(), in)
		if err != nil {
			require.Nil(t, p.Record())
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(file(f, "requests/mig-views.xml")))
	c := open(f, nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		q, err := c.DecodeRequest(context.Background(), in)
		if err == nil {
			require.NotEmpty(t, q.Requester.User)
			require.NotEmpty(t, q.Requester.Consent)
			require.NotZero(t, q.Sections)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add(defaultProfile)
	f.Fuzz(func(t *testing.T, in string) {
		if p, err := readProfile(in); err == nil {
			require.Len(t, p.names, len(keys()))
		}
	})
}
