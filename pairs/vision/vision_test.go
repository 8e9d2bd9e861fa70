package vision

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

func codecOf(t testing.TB, settings map[string]string) *codec {
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

// patientFile decodes a patient file with these entries.
func patientFile(t *testing.T, entries string) *record.Record {
	t.Helper()
	p, err := codecOf(t, nil).DecodeResponse(t.Context(), []byte(`<header created="2017-05-02T10:15:00" pat_id="1"><patient identity="1" newnhsno="9998193036"/>`+entries+`</header>`))
	require.NoError(t, err)
	return p.Record()
}

// one is the one entry of a kind.
func one(t *testing.T, rec *record.Record, kind record.Kind) *record.Entry {
	t.Helper()
	var found []*record.Entry
	for _, e := range rec.Entries {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	require.Len(t, found, 1, kind.String())
	return found[0]
}

// TestHeightIsMetres in spite of its name (S §5.1); what is no height of a person
// in metres is kept as words.
func TestHeightIsMetres(t *testing.T) {
	for text, want := range map[string]string{"1.52": "1.52", "0.5": "0.5", "152": "", "152.0": "", "1,52": "", "5ft": "", "12.1": ""} {
		e := one(t, patientFile(t, `<clinical entity_ty="80" read_code="229..00" heightcm="`+text+`"/>`), record.KindResult)
		require.Equal(t, want, e.Value.Number, text)
		if want == "" {
			require.Contains(t, e.Value.Unreadable, text)
		} else {
			require.Equal(t, "m", e.Value.Unit)
		}
	}
}

// TestOddCodesAreWords: what stands in read_code and is none, in any of the ways
// of S §5.3, is shown and never a code; a drug code is Vision's own.
func TestOddCodesAreWords(t *testing.T) {
	for _, code := range []string{"DNA", "asthma", "9V0.00", "H33..", "29993973518322896898"} {
		e := one(t, patientFile(t, `<clinical entity_ty="71" read_code="`+code+`" read_term="Something"/>`), record.KindObservation)
		require.True(t, e.Malformed, code)
		require.True(t, e.Code.IsZero(), code)
		require.Contains(t, e.Notes, "Source code: vision "+code)
	}
	for _, code := range []string{"69782020", "00207009"} {
		e := one(t, patientFile(t, `<clinical entity_ty="39" drug_code="`+code+`" name="A drug" issue_ty="A"/>`), record.KindMedication)
		require.Equal(t, mapping.Code{Scheme: mapping.VisionDrug, Value: code, Term: "A drug"}, e.Code)
	}
}

// TestTermIsShownAndNotLookedUp: read_term may say more than the rubric.
func TestTermIsShownAndNotLookedUp(t *testing.T) {
	e := one(t, patientFile(t, `<clinical entity_ty="91" read_code="65E..00" read_term="Influenza Immunisation:Stage 1" immstype="FLU" status="IMM001"/>`), record.KindImmunisation)
	require.Equal(t, "Influenza Immunisation:Stage 1", e.Text)
	require.Equal(t, "65E..", e.Code.Value)
	require.Empty(t, e.Qualifiers)
	e = one(t, patientFile(t, `<clinical entity_ty="91" read_code="65E..00" status="IMM003"/>`), record.KindImmunisation)
	require.Equal(t, record.Doubts, e.Qualifiers[0].Meaning, "a status nobody knows leaves it in doubt")
}

// TestAnIssueFindsItsRepeat wherever it stands.
func TestAnIssueFindsItsRepeat(t *testing.T) {
	rec := patientFile(t, `<clinical entity_ty="39" name="A drug" issue_ty="I" repeat_id="503"/><clinical entity_ty="40" entity_id="503" drugname="A drug" repeat_ty="R" inactive="0"/>`)
	require.Same(t, one(t, rec, record.KindMedication), one(t, rec, record.KindIssue).Medication.Course)
}

// TestDatesOfUnknownPrecision are words: the flag is 1 in all that was seen.
func TestDatesOfUnknownPrecision(t *testing.T) {
	e := one(t, patientFile(t, `<clinical entity_ty="63" read_code="H33..00" eventdate="2016-10-03T00:00:00" _eventdate="2"/>`), record.KindObservation)
	require.True(t, e.Date.IsZero())
	require.Contains(t, e.Notes, "Date as recorded: 2016-10-03T00:00:00")
}

// TestOneCallForEachView asks for the details and each view, and puts together
// what comes back: an entry two views hold is one, a view without an answer fails
// its sections.
func TestOneCallForEachView(t *testing.T) {
	c := codecOf(t, nil)
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	q := &record.Request{Patient: record.Identity{NHS: nhs}, Target: "X99004", Sections: record.AllSections, Whole: true, Requester: record.Requester{User: "u"}}
	asked, err := c.EncodeRequest(q, system.MessageID{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10"})
	require.NoError(t, err)
	calls, err := c.Calls(t.Context(), asked, nil)
	require.NoError(t, err)
	require.Len(t, calls, 5)
	for i, call := range calls {
		again, err := c.DecodeRequest(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, i == 0, again.Identify)
		require.LessOrEqual(t, strings.Count(string(call), "<vision:View>"), 1)
	}
	whole := []byte(file(t, "patients/nora-quillfeather/vision.response.xml"))
	settled := func(answers ...[]byte) *record.Record {
		joined, err := c.Join(asked, answers)
		require.NoError(t, err)
		p, err := c.DecodeResponse(t.Context(), joined)
		require.NoError(t, err)
		rec := p.Record()
		rec.CarryExact()
		rec.Settle(record.AllSections)
		for _, s := range record.Sections() {
			require.True(t, rec.Tally(s).Balanced(), s)
		}
		return rec
	}
	rec := settled(whole, whole, whole, whole, whole)
	require.Equal(t, 3, rec.Tally(record.Problems).Coded())
	require.NotEqual(t, record.Failed, rec.State(record.Allergies))
	rec = settled(whole, nil, whole, []byte("<html/>"), whole)
	require.Equal(t, record.Failed, rec.State(record.Allergies))
	require.Equal(t, record.Failed, rec.State(record.Problems))
	require.NotEqual(t, record.Failed, rec.State(record.Medication))
	tom := []byte(file(t, "patients/tom-ostler/vision.response.xml"))
	joined, err := c.Join(asked, [][]byte{whole, tom, whole, whole, whole})
	require.NoError(t, err)
	_, err = c.DecodeResponse(t.Context(), joined)
	require.Equal(t, record.ReasonWrongPatient, record.ReasonOf(err))
}

// TestAnswersThatAreNone.
func TestAnswersThatAreNone(t *testing.T) {
	c, whole := codecOf(t, nil), file(t, "patients/nora-quillfeather/vision.response.xml")
	inner := strings.Index(whole, "<?xml version=\"1.0\"?>")
	for what, in := range map[string]string{
		"an empty body":         `<soap:Envelope xmlns:soap="` + soapSpace + `"><soap:Body/></soap:Envelope>`,
		"a foreign answer":      strings.ReplaceAll(whole, "visionResponse", "otherResponse"),
		"another namespace":     strings.ReplaceAll(whole, "urn:vision", "urn:other"),
		"no XML in the CDATA":   whole[:inner] + "MSH|" + whole[strings.Index(whole, "]]>"):],
		"a cut CDATA":           whole[:inner+200] + whole[strings.Index(whole, "]]>"):],
		"a DOCTYPE in the text": whole[:inner] + "<!DOCTYPE header><header/>" + whole[strings.Index(whole, "]]>"):],
		"an entity in the text": whole[:inner] + `<!DOCTYPE h [<!ENTITY a "b">]><header>&a;</header>` + whole[strings.Index(whole, "]]>"):],
		"nothing in the CDATA":  whole[:inner] + whole[strings.Index(whole, "]]>"):],
		"two patients":          strings.Replace(whole, "</header>", `<patient newnhsno="9998656907"/></header>`, 1),
		"the patient twice":     strings.Replace(whole, "</header>", `<patient newnhsno="9998193036"/></header>`, 1),
		"two records":           strings.Replace(whole, "</vision:record>", "</vision:record><vision:record><![CDATA[<header/>]]></vision:record>", 1),
		"nobody":                strings.Replace(whole, "<patient ", "<nobody ", 1),
	} {
		p, err := c.DecodeResponse(t.Context(), []byte(in))
		require.Error(t, err, what)
		require.Nil(t, p.Record(), what)
		require.NotContains(t, err.Error(), "Quillfeather", what)
	}
}

// TestRequestsThatAreNone.
func TestRequestsThatAreNone(t *testing.T) {
	c, whole := codecOf(t, nil), file(t, "requests/vision-full.xml")
	for _, test := range []struct {
		from, to string
		reason   record.Reason
	}{
		{"VOS.GetPatientData", "VONREP.RequestRepeat", record.ReasonUnsupported},
		{"2.1.0", "9.9.9", record.ReasonUnsupported},
		{"PATIENT_RECORD", "EVERYTHING", record.ReasonUnsupported},
		{">XML<", ">HTML<", record.ReasonUnsupported},
		{"9998193036", "250", record.ReasonNotFound},
		{"<vision:View>PATIENT_RECORD</vision:View>", "", record.ReasonBadMessage},
		{"<vision:PatientIdentifier>9998193036</vision:PatientIdentifier>", "", record.ReasonBadMessage},
		{"serviceContent", "otherContent", record.ReasonBadMessage},
	} {
		require.Contains(t, whole, test.from)
		_, err := c.DecodeRequest(t.Context(), []byte(strings.ReplaceAll(whole, test.from, test.to)))
		require.Equal(t, test.reason, record.ReasonOf(err), test.to)
	}
}

// TestPublishedExamples reads the examples of the references where they are at
// hand: every element is an entry.
func TestPublishedExamples(t *testing.T) {
	names, err := filepath.Glob("../../../shared/examples/vision/vision-0[12]*.xml")
	require.NoError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		p, err := codecOf(t, nil).DecodeResponse(t.Context(), text)
		require.NoError(t, err, name)
		rec := p.Record()
		counted := 0
		for _, e := range rec.Entries {
			if e.Counted > 0 {
				counted++
			}
		}
		require.Equal(t, strings.Count(string(text), "<clinical ")+1, counted, name)
		rec.CarryExact()
		rec.Settle(record.AllSections)
		for _, s := range record.Sections() {
			require.NotEqual(t, record.Failed, rec.State(s), name)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, bad := range []map[string]string{{"views": "some"}, {"colour": "blue"}} {
		_, err := newCodec(system.Options{Settings: bad})
		require.Error(t, err)
	}
	require.True(t, codecOf(t, map[string]string{"views": "whole"}).whole)
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(file(f, "patients/nora-quillfeather/vision.response.xml")))
	f.Add([]byte(file(f, "patients/idris-skerry/vision.response.xml")))
	f.Add([]byte(file(f, "failures/vision-retry.xml")))
	c := codecOf(f, nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := c.DecodeResponse(context.Background(), in)
		if err != nil {
			require.Nil(t, p.Record())
			return
		}
		if rec := p.Record(); rec != nil {
			rec.CarryExact()
			c.Fit(rec)
			rec.Settle(record.AllSections)
			out, err := c.EncodeResponse(&record.Request{Sections: record.AllSections}, p, system.MessageID{ID: "x"})
			require.NoError(t, err)
			if !rec.Patient.NHS.IsZero() {
				_, err = c.DecodeResponse(context.Background(), out)
				require.NoError(t, err)
			}
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(file(f, "requests/vision-full.xml")))
	f.Add([]byte(file(f, "requests/vision-demographics.xml")))
	c := codecOf(f, nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		if q, err := c.DecodeRequest(context.Background(), in); err == nil {
			require.NotZero(t, q.Sections)
			require.False(t, q.Patient.NHS.IsZero())
		}
	})
}
