package openhr

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const patientID = "99050001-9990-4000-8000-000000000001"

// document is the least document, with some events in it.
func document(events string) []byte {
	return []byte(`<openHealthRecord xmlns="` + Namespace + `"><id>` + patientID + `</id><creationTime>2016-06-01T08:00:00Z</creationTime>` +
		`<adminDomain><person><id>` + patientID + `</id><birthDate>1990-11-30</birthDate><sex>M</sex><surname>Ostler</surname></person>` +
		`<patient><id>` + patientID + `</id><patientIdentifier><identifierType>NHS</identifierType><value>999 865 6907</value></patientIdentifier></patient></adminDomain>` +
		`<healthDomain>` + events + `</healthDomain></openHealthRecord>`)
}

func event(inner string) []byte {
	return document(`<event><id>99050002-9990-4000-8000-000000000001</id><patient>` + patientID + `</patient>` + inner + `</event>`)
}

// only is the one clinical entry of a document.
func only(t *testing.T, doc []byte) (*record.Record, *record.Entry) {
	t.Helper()
	rec := mustDecode(t, doc)
	require.Len(t, rec.Entries, 2)
	return rec, rec.Entries[1]
}

func TestFaultsOfContentTouchOnlyTheirEntry(t *testing.T) {
	rec := patient(t, "idris-skerry")
	rec.CarryExact()
	rec.Settle(record.AllSections)
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s), "section %s", s)
	}

	date := find(t, rec, "Impossible date")
	require.True(t, date.Date.IsZero())
	require.Contains(t, date.Notes, "Date as recorded: 2016-02-31T00:00:00 (not a date)")

	comparator := find(t, rec, "Unknown comparator")
	require.Equal(t, record.KindResult, comparator.Kind)
	require.Equal(t, "?> 7.2 mmol/L", comparator.Value.Unreadable)
	require.Empty(t, comparator.Value.Number)
	require.True(t, comparator.Value.Comparator.IsZero())

	typed := find(t, rec, "Words typed")
	require.True(t, typed.Malformed)
	require.True(t, typed.Code.IsZero())
	require.Contains(t, typed.Notes, "Source code: readv2 not a code")

	digit := find(t, rec, "SNOMED code with a wrong check digit")
	require.True(t, digit.Malformed)
	require.True(t, digit.Code.IsZero())

	cough := find(t, rec, "Cough")
	require.Equal(t, []record.Text{{Label: unrecognised, Value: "novelty: flavour: mint; unforeseen; b: words"}}, cough.Texts)
	require.Equal(t, "not known", find(t, rec, "No author").Author.Name())

	drug := find(t, rec, "Paracetamol")
	require.True(t, drug.Medication.Type.IsZero())
	require.True(t, drug.Medication.Status.IsZero())
	require.Empty(t, drug.Medication.Quantity)
	require.Equal(t, []string{"Quantity as recorded: a few (not a number)", "Prescription type as recorded: Z", "Drug status as recorded: Q"}, drug.Notes)

	unknown := find(t, rec, "Unknown type of event")
	require.Equal(t, record.KindObservation, unknown.Kind)
	require.Contains(t, unknown.Notes, "Event type as recorded: XYZ")

	deleted := 0
	for _, e := range rec.Entries {
		require.NotContains(t, e.Text, "Deleted at the source", "nothing of a deleted entry is kept")
		if e.Outcome == record.Duplicate {
			deleted++
		}
	}
	require.Positive(t, deleted, "a deleted entry is counted")
	require.Equal(t, record.KindUnrecognised, find(t, rec, "gadget").Kind)

	failed, problems := 0, 0
	for _, e := range rec.Entries {
		if e.Outcome == record.FailedEntry {
			failed++
			require.Empty(t, e.Text, "nothing of another patient is kept")
		}
		if e.Kind == record.KindProblem {
			problems++
			require.Contains(t, e.Notes, "Problem status as recorded: ZZ")
			require.Contains(t, e.Notes, "The entry that defines this problem is not in the message.")
		}
	}
	require.Equal(t, 1, failed)
	require.Equal(t, 1, problems)
	require.Equal(t, record.Partial, rec.State(record.Observations))

	doc := mustEncode(t, rec, rec.Head(record.AllSections))
	requireValid(t, doc)
	require.NotContains(t, string(doc), "Deleted at the source")
	require.NotContains(t, string(doc), "About somebody else")
	for _, words := range []string{"(not a date)", "?&gt; 7.2 mmol/L", "Source code: readv2 not a code", "flavour: mint", "could not be read",
		"Quantity as recorded: a few", "Drug status as recorded: Q", "an element of a later version"} {
		require.Contains(t, string(doc), words)
	}
}

func TestFaultsOfStructureRefuseTheDocument(t *testing.T) {
	good := string(document(""))
	for name, c := range map[string]struct {
		doc    string
		reason record.Reason
	}{
		"another root":      {strings.ReplaceAll(good, "openHealthRecord", "openSeaRecord"), record.ReasonBadAnswer},
		"another namespace": {strings.Replace(good, Namespace, "http://example.invalid/", 1), record.ReasonBadAnswer},
		"no patient":        {strings.ReplaceAll(good, "patient>", "inpatient>"), record.ReasonNoPatient},
		"two patients":      {strings.Replace(good, "</adminDomain>", "<patient><id>x</id></patient></adminDomain>", 1), record.ReasonBadAnswer},
		"patient deleted":   {strings.Replace(good, "<patient>", `<patient updateMode="delete">`, 1), record.ReasonNoPatient},
		"not well formed":   {strings.Replace(good, "</person>", "</prison>", 1), record.ReasonBadAnswer},
	} {
		rec, err := decode([]byte(c.doc))
		require.Nil(t, rec, name)
		require.Equal(t, c.reason, record.ReasonOf(err), name)
	}
	doc := event(`<eventType>OBS</eventType><displayTerm>Ferry</displayTerm>`)
	for cut := range doc {
		_, err := decode(doc[:cut])
		require.Error(t, err, "cut at byte %d", cut)
	}
}

func TestErrorsHoldNoContent(t *testing.T) {
	r, err := xmlio.Open(context.Background(), []byte(`<a>Quillfeather</a>`), xmlio.Options{})
	require.NoError(t, err)
	_, err = Decode(r, 0)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "Quillfeather")
	require.Contains(t, err.Error(), "1:1")
}

func TestRepeatedElementFailsItsSection(t *testing.T) {
	doc := event(`<eventType>MED</eventType><displayTerm>Ramipril</displayTerm><medication><dosage>ONE</dosage><dosage>TWO</dosage></medication>`)
	rec, e := only(t, doc)
	require.Equal(t, "ONE", e.Medication.Dosage)
	require.Len(t, rec.Faults(record.Medication), 1)
	require.Equal(t, "repeated dosage", rec.Faults(record.Medication)[0].Why)
	require.Empty(t, rec.Faults(record.Observations))
}

func TestForeignElementsAndAttributesAreKept(t *testing.T) {
	_, e := only(t, event(`<eventType odd="1">OBS</eventType><displayTerm>Tide</displayTerm><x:mast xmlns:x="urn:x">tall</x:mast>stray words`))
	require.Equal(t, []record.Text{{Label: unrecognised, Value: "odd: 1"}, {Label: unrecognised, Value: "mast: tall"}, {Label: unrecognised, Value: "stray words"}}, e.Texts)
}

func TestBodyDecidesWhereTypeDiffers(t *testing.T) {
	rec, e := only(t, event(`<eventType>OBS</eventType><displayTerm>Ramipril</displayTerm><medication><dosage>ONE</dosage></medication>`))
	require.Equal(t, record.KindMedication, e.Kind)
	require.Contains(t, e.Notes, "Event type as recorded: OBS")
	requireSound(t, rec)
	_, e = only(t, event(`<displayTerm>Barge</displayTerm><diary/>`))
	require.Equal(t, record.KindDiary, e.Kind)
	require.Empty(t, e.Notes)
}

func TestConfidentialMarks(t *testing.T) {
	policy := func(name string) string {
		return `<confidentialityPolicy><id>p</id><name>` + name + `</name></confidentialityPolicy></adminDomain>`
	}
	doc := string(event(`<displayTerm>Barge</displayTerm><confidentialityPolicy>p</confidentialityPolicy>`))
	_, e := only(t, []byte(doc))
	require.Equal(t, "confidentiality policy not described", e.Confidential)
	_, e = only(t, []byte(strings.Replace(doc, "</adminDomain>", policy("Unrestricted"), 1)))
	require.Empty(t, e.Confidential)
	_, e = only(t, []byte(strings.Replace(doc, "</adminDomain>", policy("Partners only"), 1)))
	require.Equal(t, "Partners only", e.Confidential)
	_, e = only(t, event(`<displayTerm>Barge</displayTerm><hidden>true</hidden>`))
	require.Equal(t, "hidden", e.Confidential)
}

func TestTwoNHSNumbersIdentifyNobody(t *testing.T) {
	doc := strings.Replace(string(document("")), "</patient>", `<patientIdentifier><identifierType>NHS</identifierType><value>9998193036</value></patientIdentifier></patient>`, 1)
	rec := mustDecode(t, []byte(doc))
	require.True(t, rec.Patient.NHS.IsZero())
	require.NotEmpty(t, rec.Faults(record.Demographics))
}

func TestDatesKeepTheirPrecision(t *testing.T) {
	for native, want := range map[string]string{
		`datepart="Y" value="1999-01-01T00:00:00"`:          "1999",
		`datepart="YM" value="1999-05-01T00:00:00"`:         "1999-05",
		`datepart="YMD" value="1999-05-31T10:20:30"`:        "1999-05-31",
		`datepart="YMDT" value="1999-05-31T13:20:00+01:00"`: "1999-05-31T13:20:00+01:00",
		`datepart="YMDT" value="1999-05-31T13:20:00.880"`:   "1999-05-31T13:20:00",
		`datepart="U"`: "",
		`datepart="U" value="1999-05-31T00:00:00"`:         "",
		`datepart="fortnight" value="1999-05-31T10:00:00"`: "1999-05-31",
	} {
		_, e := only(t, event(`<displayTerm>Tide</displayTerm><effectiveTime `+native+`/>`))
		require.Equal(t, want, e.Date.String(), native)
	}
}

func TestForeignEnumerationIsOurOwnFault(t *testing.T) {
	rec, e := only(t, event(`<eventType>MED</eventType><displayTerm>Ramipril</displayTerm>`))
	e.Medication.Type = mapping.Code{Scheme: "systmone.medication-item", Value: "Medication"}
	_, err := encode(settled(rec), nil)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
	rec, _ = only(t, event(`<eventType>MED</eventType>`))
	_, err = encode(rec, nil)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err), "an entry without an outcome")
}

func TestUnknownElementsMayRepeat(t *testing.T) {
	rec, e := only(t, event(`<displayTerm>Tide</displayTerm><mast>a</mast><mast>b</mast>some<x/>words`))
	requireSound(t, rec)
	require.Len(t, e.Texts, 5)
	require.Equal(t, record.KindNote, e.Kind)
}

func TestNumbersTypedIntoCodeSlotsAreNoCodes(t *testing.T) {
	_, e := only(t, event(`<code codeSystem="EMISINTERNAL" displayName="typed" code="9998193036"/>`))
	require.True(t, e.Malformed)
	require.True(t, e.Code.IsZero())
	_, e = only(t, event(`<code codeSystem="EMISINTERNAL" displayName="typed" code="Nora told me"/>`))
	require.True(t, e.Malformed)
}
