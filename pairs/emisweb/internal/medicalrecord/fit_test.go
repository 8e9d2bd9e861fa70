package medicalrecord

import (
	"html"
	"strings"
	"testing"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
	"github.com/stretchr/testify/require"
)

// TestFit says what the document cannot hold as what it is.
func TestFit(t *testing.T) {
	asthma := mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00", Term: "Asthma"}
	negation := record.Qualifier{Name: "Certainty", Value: "Negation", Meaning: record.Negates}
	native := negation
	native.ValueCode = mapping.Code{Scheme: own + "certainty", Value: "24"}
	for name, c := range map[string]struct {
		entry record.Entry
		want  record.Outcome
	}{
		"plain":                    {record.Entry{Kind: record.KindObservation, Target: asthma}, record.Mapped},
		"denied elsewhere":         {record.Entry{Kind: record.KindObservation, Target: asthma, Qualifiers: []record.Qualifier{negation}}, record.Unsupported},
		"denied in EMIS's way":     {record.Entry{Kind: record.KindObservation, Target: asthma, Qualifiers: []record.Qualifier{native}}, record.Mapped},
		"medication denied":        {record.Entry{Kind: record.KindMedication, Qualifiers: []record.Qualifier{native}}, record.Unsupported},
		"immunisation not given":   {record.Entry{Kind: record.KindImmunisation, Target: asthma, Immunisation: &record.Immunisation{NotGiven: true}}, record.Unsupported},
		"immunisation given":       {record.Entry{Kind: record.KindImmunisation, Target: asthma, Immunisation: &record.Immunisation{}}, record.Mapped},
		"immunisation uncoded":     {record.Entry{Kind: record.KindImmunisation, Immunisation: &record.Immunisation{}}, record.Degraded},
		"ended allergy":            {record.Entry{Kind: record.KindAllergy, Allergy: &record.Allergy{Ended: true}}, record.Degraded},
		"allergy":                  {record.Entry{Kind: record.KindAllergy, Allergy: &record.Allergy{}}, record.Mapped},
		"request that is a code":   {record.Entry{Kind: record.KindRequest, Target: asthma}, record.Degraded},
		"cancelled issue":          {record.Entry{Kind: record.KindIssue, Medication: &record.MedicationBody{Cancelled: true}}, record.Degraded},
		"ended without a status":   {record.Entry{Kind: record.KindMedication, Medication: &record.MedicationBody{EndReason: "rash"}}, record.Mapped},
		"ended but called current": {record.Entry{Kind: record.KindMedication, Medication: &record.MedicationBody{EndReason: "rash", Status: mapping.Code{Scheme: own + "drug-status", Value: "A"}}}, record.Degraded},
		"past problem":             {record.Entry{Kind: record.KindProblem, Target: asthma, Problem: &record.Problem{}}, record.Mapped},
	} {
		e := c.entry
		e.Outcome = record.Mapped
		rec := record.New(record.Source{})
		rec.Add(&e)
		Fit(rec)
		require.Equal(t, c.want, e.Outcome, name)
		require.Equal(t, c.want != record.Mapped, len(e.Notes) > 0, name)
		require.Equal(t, c.entry.Target, e.Target, name)
	}
}

// TestMappedEntriesKeepEveryFact turns the rich record into one that came from
// another system: each entry has a foreign code and its own as target. Every
// fact must be in the document, in a field or in words.
func TestMappedEntriesKeepEveryFact(t *testing.T) {
	rec := mustDecode(t, patients(t)["nora-quillfeather"])
	foreign := mapping.Code{Scheme: mapping.CTV3, Value: "XE0Uc", Term: "A term of the other system"}
	for _, e := range rec.Entries {
		if e.Outcome != record.Pending {
			continue
		}
		e.Outcome = record.Exact
		if !e.Code.IsZero() {
			e.Target, e.Code, e.Outcome = e.Code, foreign, record.Mapped
		}
		for i := range e.Qualifiers {
			e.Qualifiers[i].NameCode, e.Qualifiers[i].ValueCode, e.Qualifiers[i].Meaning = mapping.Code{}, mapping.Code{}, record.Refines
		}
	}
	rec.Settle(record.AllSections)
	out := encode(t, rec)
	valid(t, "mapped", out)
	text := html.UnescapeString(string(out))
	for _, e := range rec.Entries {
		if e.Outcome == record.Mapped && e.Kind != record.KindProblem {
			require.Contains(t, text, record.CodeWords(foreign))
			require.True(t, strings.Contains(text, e.Text), e.Text)
		}
		for _, o := range e.Others {
			require.Contains(t, text, record.CodeWords(o))
			require.NotContains(t, text, "<MapCode>"+o.Value+"<", "the sender's own translation is evidence, not a code of ours")
		}
		for _, q := range e.Qualifiers {
			require.Contains(t, text, q.Name+": "+q.Value)
		}
	}
	require.NotContains(t, text, "QualifierList")
}

// TestForeignShapes writes what only other systems say: trees EMIS has no
// element for, an issue inside a consultation, one entry in two consultations,
// a problem without an item, values that are no number.
func TestForeignShapes(t *testing.T) {
	code := func(v, term string) mapping.Code {
		return mapping.Code{Scheme: mapping.ReadV2, Value: v, TermCode: "00", Term: term}
	}
	rec := mustDecode(t, patients(t)["tom-ostler"])
	add := func(kind record.Kind, text string, target mapping.Code) *record.Entry {
		return rec.Add(&record.Entry{ID: text, Kind: kind, Text: text, Target: target, Code: target, Outcome: record.Exact})
	}
	report := add(record.KindReport, "Outside report", code("4....", "Laboratory procedures"))
	report.Report = &record.Report{Result: "abnormal", Comments: []string{"call patient"}, Provider: "Harbour laboratory"}
	test := add(record.KindResult, "Ratio", code("44P..", "Serum cholesterol"))
	test.Parent, test.Value = report, &record.Value{Number: "1/40", Unit: "dilution", Comparator: mapping.Code{Scheme: own + "operator", Value: "<"}}
	deeper := add(record.KindResult, "Deeper", code("44I5.", "Serum sodium"))
	deeper.Parent, deeper.Value = test, &record.Value{Number: "140", Text: "seen", Ranges: []record.Range{{Low: "nil", High: "5", Unit: "mmol/L"}, {Low: "1", High: "2"}}}
	problem := add(record.KindProblem, "Lone problem", code("H33..", "Asthma"))
	problem.Problem = &record.Problem{Status: mapping.Code{Scheme: own + "problem-status", Value: "A"}, Owner: "the ferry crew"}
	drug := add(record.KindMedication, "Drug", mapping.Code{Scheme: mapping.DMD, Value: "318858005"})
	drug.Medication = &record.MedicationBody{Quantity: "one box", Private: private, Type: repeatDispensed}
	issue := add(record.KindIssue, "Issue of drug", mapping.Code{Scheme: mapping.DMD, Value: "318858005"})
	issue.Medication = &record.MedicationBody{Course: drug}
	allergy := add(record.KindAllergy, "Allergic to trimethoprim", mapping.Code{Scheme: mapping.DMD, Value: "318858005"})
	allergy.Allergy = &record.Allergy{Class: record.AllergyIngredient, Substance: mapping.Code{Scheme: mapping.Multilex, Value: "1003197"}}
	none := add(record.KindAllergy, "No known allergies", code("1151.", "No known allergies"))
	none.Allergy = &record.Allergy{Absent: true}
	for _, day := range []string{"2016-05-01", "2016-05-02"} {
		c := add(record.KindConsultation, "Visit "+day, mapping.Code{})
		c.Date, _ = record.ParseISO(day)
		c.Consultation = &record.Consultation{Type: mapping.Code{Scheme: own + "consultation-type", Value: "TTC", Term: "Telephone call to client"}, Open: true}
		for _, e := range []*record.Entry{deeper, issue, problem, drug} {
			c.Consultation.Items = append(c.Consultation.Items, record.Item{Entry: e, Page: "one", Words: "Plan"})
		}
	}
	Fit(rec)
	rec.Settle(record.AllSections)
	out := encode(t, rec)
	valid(t, "foreign", out)
	text := html.UnescapeString(string(out))
	for _, want := range []string{"< 1/40 dilution", "Part of: Outside report", "Report result: abnormal", "Comment: call patient", "Provider: Harbour laboratory",
		"Range: from nil to 5 mmol/L", "<NumericMinimum>1<", "<TextValue>seen<", "Owner: the ferry crew", "Quantity: one box", "Service: Private",
		"<ServiceType>A<", "Substance code: multilex 1003197", "<MapScheme>DMD<", "The source says this consultation is not complete", "Visit 2016-05-02"} {
		require.True(t, strings.Contains(text, want), want)
	}
	again := mustDecode(t, out)
	count := map[record.Kind]int{}
	for _, e := range again.Entries {
		count[e.Kind]++
		if e.Kind == record.KindIssue {
			require.Equal(t, "Drug", e.Medication.Course.Text)
		}
	}
	require.Equal(t, 1, count[record.KindIssue])
	require.Equal(t, 1, count[record.KindMedication])
	require.Equal(t, 1, count[record.KindAllergy])
	require.Equal(t, 1, count[record.KindProblem])
	require.Equal(t, 2, count[record.KindConsultation])
}

func TestFailure(t *testing.T) {
	w := xmlio.NewWriter(nil)
	Failure(w, record.Failure{Reason: record.ReasonRefused, Native: "Not activated", NativeCode: "412"}, testID)
	require.NoError(t, w.Err())
	valid(t, "failure", w.Bytes())
	_, err := decode(w.Bytes())
	var refusal *MessagingError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "412", refusal.Failure().NativeCode)
	require.Contains(t, refusal.Failure().Native, "Not activated")
	require.NotContains(t, err.Error(), "Not activated")
}

func get(t *testing.T, doc string) (record.SectionSet, bool, error) {
	t.Helper()
	r, err := xmlio.Open(t.Context(), []byte(doc), xmlio.Options{})
	require.NoError(t, err)
	return DecodeGet(r)
}

func TestDecodeGet(t *testing.T) {
	wrap := func(inner string) string {
		return `<MedicalRecord xmlns="` + Namespace + `"><MessageInformation><MessagePurpose>` + inner + `</MessagePurpose></MessageInformation></MedicalRecord>`
	}
	for doc, reason := range map[string]record.Reason{
		`<MedicalRecord/>`:                                                  record.ReasonBadMessage,
		wrap(`<Get><MRGetType>9</MRGetType></Get>`):                         record.ReasonUnsupported,
		wrap(`<Get><MRGetType>1</MRGetType><DataSet>QOF</DataSet></Get>`):   record.ReasonUnsupported,
		wrap(`<Post><PostType>1</PostType></Post>`):                         record.ReasonUnsupported,
		wrap(`<Get><MRGetType>1</MRGetType><MRGetType>3</MRGetType></Get>`): record.ReasonBadMessage,
		wrap(`<Get><MRGetType>1</MRGetType></Post>`):                        record.ReasonBadMessage,
	} {
		set, whole, err := get(t, doc)
		require.Equal(t, reason, record.ReasonOf(err), doc)
		require.Zero(t, set)
		require.False(t, whole)
	}
	set, _, err := get(t, `<MedicalRecord xmlns="`+Namespace+`"><ConsultationList/></MedicalRecord>`)
	require.NoError(t, err)
	require.Zero(t, set)
	for native, want := range map[string]record.SectionSet{
		"1": record.AllSections,
		"2": record.SectionsOf(record.Demographics, record.Problems, record.Medication, record.Allergies),
		"3": record.SectionsOf(record.Demographics),
		"4": record.SectionsOf(record.Demographics, record.Medication, record.Issues),
	} {
		set, whole, err := get(t, wrap(`<Get><MRGetType>`+native+`</MRGetType><SessionID/></Get>`))
		require.NoError(t, err)
		require.Equal(t, want, set)
		require.Equal(t, native == "1", whole)
	}
}
