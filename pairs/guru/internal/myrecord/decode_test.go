package myrecord

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// whole says everything that is published of my-record (S §4.3), flags in both
// their spellings.
const whole = `{"allergies":{"hasAccess":"true","hasErrored":"false","count":3,"data":[
 {"id":"a1","type":"Drug","start_date":"2007-01-02","description":"Trimethoprim","severity":"Moderate"},
 {"id":"a2","type":"Other","start_date":"2012-01-15","description":"Bee stings","severity":""},
 {"id":"a3","type":"Other","start_date":"2013-01-15","description":"No known allergies","severity":"Not stated"}]},
"drugs":{"hasAccess":true,"hasErrored":false,"count":2,"data":[
 {"id":"d1","name":"Amlodipine 10mg tablets","quantity":"28 tablet","dosage":"ONE  each morning <µg> & \"more\"","status":"Repeat","type":"Current","prescribed_date":"2016-03-05","first_prescribed_date":"2014-01-02","reason":"pressure"},
 {"id":"d2","name":"Aciclovir 200mg tablets","quantity":"25","dosage":"5 times daily","status":"Acute","type":"History","prescribed_date":"2015-03-05","first_prescribed_date":"","reason":""}]},
"vaccinations":{"hasAccess":true,"hasErrored":"false","count":2,"data":[
 {"date":"2015-10-12","description":"Influenza vaccination","nextDate":"no next date","status":"Main"},
 {"date":"2014-10-12","description":"Influenza vaccination not given","nextDate":"","status":""}]},
"medicalProblems":{"hasAccess":true,"hasErrored":false,"count":3,"data":[
 {"start_date":"2010-05-11","finish_date":"Ongoing","rubric":"Essential hypertension"},
 {"start_date":"2009-02","finish_date":"2009-03-01","rubric":"Chest infection"},
 {"start_date":"","finish_date":"","rubric":"A heading without a date"}]},
"testResults":{"hasAccess":true,"hasErrored":false,"count":4,"data":{
 "inrResults":{"count":1,"data":[{"recordDateTime":"2014-12-01T10:00:00","codeDescr":"INR","therapy":"Warfarin","target":"2.5","value":"2.4","dose":"3mg","nextTestDate":"2015-01-05"}]},
 "pathResults":{"count":3,"data":[
  {"name":"Lipids","recordDate":"2016-03-03","status":"Normal","elementName":"Serum cholesterol","value":"5.0","units":"mmol/L"},
  {"name":"Renal","recordDate":"2016-03-03","status":"","elementName":"GFR calculated","value":"> 90","units":"mL/min"},
  {"name":"Culture","recordDate":"2016-03-04","status":"","elementName":"Urine culture","value":"no growth","units":""}]}}},
"medicalHistory":{"hasAccess":true,"hasErrored":false,"count":2,"data":[
 {"start_date":"1990-02-11","rubric":"Appendicectomy","description":"open procedure"},
 {"start_date":"1990","rubric":"FH: Asthma","description":"her brother"}]},
"recalls":{"hasAccess":true,"hasErrored":false,"count":1,"data":[{"recordDate":"2016-03-05","name":"Hypertension review","description":"in six months","result":"seen","nextDate":"2016-09-05","status":"Due"}]},
"encounters":{"hasAccess":true,"hasErrored":false,"count":1,"data":[{"date":"2016-03-05","description":"Surgery consultation"}]},
"referral":{"hasAccess":true,"hasErrored":false,"count":1,"data":[{"recordDate":"2016-03-05","description":"To a cardiologist","speciality":"Cardiology","ubrn":"000000000000"}]}}
`

// read is a document as the record, carried and settled.
func read(t testing.TB, doc string) *record.Record {
	t.Helper()
	o, err := Parse(t.Context(), []byte(doc))
	require.NoError(t, err)
	rec, counts, err := Decode(o, []byte(doc), 0)
	require.NoError(t, err)
	rec.Reconcile(Entries(), counts)
	rec.CarryExact()
	Fit(rec)
	rec.Settle(record.AllSections)
	return rec
}

// changed is the whole with parts of it replaced, one after the other.
func changed(t testing.TB, replace ...string) string {
	t.Helper()
	out := whole
	for i := 0; i < len(replace); i += 2 {
		require.Contains(t, out, replace[i])
		out = strings.Replace(out, replace[i], replace[i+1], 1)
	}
	return out
}

func on(t testing.TB, s string) record.Date {
	t.Helper()
	d, err := record.ParseISO(s)
	require.NoError(t, err)
	return d
}

// TestEveryMember is read into its place.
func TestEveryMember(t *testing.T) {
	rec := read(t, whole)
	code := func(slot, value, term string) mapping.Code {
		return mapping.Code{Scheme: mapping.Scheme("guru." + slot), Value: value, Term: term}
	}
	want := []record.Entry{
		{Kind: record.KindAllergy, ID: "a1", Counted: 1, Text: "Trimethoprim", Date: on(t, "2007-01-02"), Allergy: &record.Allergy{Class: record.AllergyDrug}, Texts: []record.Text{{Label: "Severity", Value: "Moderate"}}},
		{Kind: record.KindAllergy, ID: "a2", Counted: 1, Text: "Bee stings", Date: on(t, "2012-01-15"), Allergy: &record.Allergy{}, Texts: []record.Text{{Label: "Type", Value: "Other"}}},
		{Kind: record.KindAllergy, ID: "a3", Counted: 1, Text: "No known allergies", Date: on(t, "2013-01-15"), Allergy: &record.Allergy{Absent: true}, Texts: []record.Text{{Label: "Type", Value: "Other"}}},
		{Kind: record.KindMedication, ID: "d1", Counted: 2, Text: "Amlodipine 10mg tablets", Date: on(t, "2016-03-05"), Texts: []record.Text{{Label: "Reason", Value: "pressure"}},
			Medication: &record.MedicationBody{Dosage: `ONE  each morning <µg> & "more"`, QuantityWords: "28 tablet", FirstIssue: on(t, "2014-01-02"), Type: code("prescription-type", "repeat", "Repeat"), Status: code("drug-status", "active", "Current")}},
		{Kind: record.KindMedication, ID: "d2", Counted: 2, Text: "Aciclovir 200mg tablets", Date: on(t, "2015-03-05"),
			Medication: &record.MedicationBody{Dosage: "5 times daily", QuantityWords: "25", Type: code("prescription-type", "acute", "Acute"), Status: code("drug-status", "ended", "History")}},
		{Kind: record.KindImmunisation, Counted: 3, Text: "Influenza vaccination", Date: on(t, "2015-10-12"), Immunisation: &record.Immunisation{}, Texts: []record.Text{{Label: "Next", Value: "no next date"}, {Label: "Status", Value: "Main"}}},
		{Kind: record.KindImmunisation, Counted: 3, Text: "Influenza vaccination not given", Date: on(t, "2014-10-12"), Immunisation: &record.Immunisation{NotGiven: true}},
		{Kind: record.KindProblem, Counted: 4, Text: "Essential hypertension", Date: on(t, "2010-05-11"), Problem: &record.Problem{Status: code("problem-status", "active", "Active problem")}},
		{Kind: record.KindProblem, Counted: 4, Text: "Chest infection", Date: on(t, "2009-02"), Problem: &record.Problem{End: on(t, "2009-03-01"), Status: code("problem-status", "inactive", "Inactive problem")}},
		{Kind: record.KindProblem, Counted: 4, Text: "A heading without a date", Problem: &record.Problem{}},
		{Kind: record.KindResult, Counted: 5, Text: "INR", Date: on(t, "2014-12-01T10:00:00"), Value: &record.Value{Number: "2.4"},
			Texts: []record.Text{{Label: "Therapy", Value: "Warfarin"}, {Label: "Target", Value: "2.5"}, {Label: "Dose", Value: "3mg"}, {Label: "Next test", Value: "2015-01-05"}}},
		{Kind: record.KindResult, Counted: 6, Text: "Serum cholesterol", Date: on(t, "2016-03-03"), Value: &record.Value{Number: "5.0", Unit: "mmol/L"}, Texts: []record.Text{{Label: "Test", Value: "Lipids"}, {Label: "Status", Value: "Normal"}}},
		{Kind: record.KindResult, Counted: 6, Text: "GFR calculated", Date: on(t, "2016-03-03"), Value: &record.Value{Text: "> 90 mL/min"}, Texts: []record.Text{{Label: "Test", Value: "Renal"}}},
		{Kind: record.KindResult, Counted: 6, Text: "Urine culture", Date: on(t, "2016-03-04"), Value: &record.Value{Text: "no growth"}, Texts: []record.Text{{Label: "Test", Value: "Culture"}}},
		{Kind: record.KindObservation, Counted: 7, Text: "Appendicectomy", Date: on(t, "1990-02-11"), Texts: []record.Text{{Value: "open procedure"}}},
		{Kind: record.KindFamilyHistory, Counted: 7, Text: "FH: Asthma", Date: on(t, "1990"), Texts: []record.Text{{Value: "her brother"}}},
		{Kind: record.KindDiary, Counted: 8, Text: "Hypertension review", Date: on(t, "2016-09-05"), Recorded: on(t, "2016-03-05"), Diary: &record.DiaryBody{},
			Texts: []record.Text{{Value: "in six months"}, {Label: "Result", Value: "seen"}, {Label: "Status", Value: "Due"}}},
		{Kind: record.KindConsultation, Counted: 9, Text: "Surgery consultation", Date: on(t, "2016-03-05"), Consultation: &record.Consultation{}},
		{Kind: record.KindReferral, Counted: 10, Text: "To a cardiologist", Date: on(t, "2016-03-05"), Referral: &record.Referral{Specialty: "Cardiology", Reference: "000000000000"}},
	}
	require.Len(t, rec.Entries, len(want))
	for i, e := range rec.Entries {
		got := *e
		got.At, got.Outcome = "", record.Pending
		require.Equal(t, want[i], got, e.Text)
		require.True(t, e.Code.IsZero(), "my-record has no codes")
	}
	for _, p := range partsOf {
		require.LessOrEqual(t, record.CompleteDegraded, rec.State(p.section), p.name)
	}
}

// TestPartsThatAreNotWhole: none of them is an empty section, nothing said in
// them is lost, and the other sections stay as they are.
func TestPartsThatAreNotWhole(t *testing.T) {
	const flags = `"recalls":{"hasAccess":true,"hasErrored":false,"count":1,"data":[`
	const item = `{"recordDate":"2016-03-05","name":"Hypertension review","description":"in six months","result":"seen","nextDate":"2016-09-05","status":"Due"}`
	for what, test := range map[string]struct {
		replace []string
		state   record.State
		words   string
	}{
		"errored":                  {[]string{flags, strings.Replace(flags, "false", "true", 1)}, record.Failed, "Hypertension review"},
		"errored, as a text":       {[]string{flags, strings.Replace(flags, "false", `"true"`, 1)}, record.Failed, "Hypertension review"},
		"errored, of null":         {[]string{flags + item + "]", `"recalls":{"hasAccess":true,"hasErrored":true,"count":0,"data":null`}, record.Failed, ""},
		"no access":                {[]string{flags + item, `"recalls":{"hasAccess":false,"hasErrored":false,"count":0,"data":[`}, record.Denied, ""},
		"no access, as a text":     {[]string{flags + item, `"recalls":{"hasAccess":"false","hasErrored":"false","count":0,"data":[`}, record.Denied, ""},
		"no access, of null":       {[]string{flags + item + "]", `"recalls":{"hasAccess":false,"hasErrored":false,"count":0,"data":null`}, record.Denied, ""},
		"no access, of nothing":    {[]string{flags + item + "]", `"recalls":{"hasAccess":false,"hasErrored":false`}, record.Denied, ""},
		"no access and errored":    {[]string{flags + item, `"recalls":{"hasAccess":false,"hasErrored":true,"count":0,"data":[`}, record.Failed, ""},
		"no access, and entries":   {[]string{flags, strings.Replace(flags, "true", "false", 1)}, record.Failed, "Hypertension review"},
		"a flag that is none":      {[]string{flags, strings.Replace(flags, "true", "1", 1)}, record.Failed, "Hypertension review"},
		"a flag that is yes":       {[]string{flags, strings.Replace(flags, "true", `"yes"`, 1)}, record.Failed, "Hypertension review"},
		"a flag of null":           {[]string{flags, strings.Replace(flags, "true", "null", 1)}, record.Failed, "Hypertension review"},
		"no flag":                  {[]string{flags, strings.Replace(flags, `"hasErrored":false,`, "", 1)}, record.Failed, "Hypertension review"},
		"a count above":            {[]string{flags, strings.Replace(flags, "1", "2", 1)}, record.Failed, "Hypertension review"},
		"a count below":            {[]string{flags, strings.Replace(flags, "1", "0", 1)}, record.Failed, "Hypertension review"},
		"a count in words":         {[]string{flags, strings.Replace(flags, "1", `"one"`, 1)}, record.Failed, "Hypertension review"},
		"a count of another kind":  {[]string{flags, strings.Replace(flags, "1", "[1]", 1)}, record.Failed, "Hypertension review"},
		"no count":                 {[]string{flags, strings.Replace(flags, `"count":1,`, "", 1)}, record.Failed, "Hypertension review"},
		"data of null":             {[]string{flags + item + "]", strings.TrimSuffix(flags, "[") + "null"}, record.Failed, ""},
		"data that is a text":      {[]string{flags + item + "]", strings.TrimSuffix(flags, "[") + `"told by telephone"`}, record.Failed, "told by telephone"},
		"data that is an object":   {[]string{flags + item + "]", strings.TrimSuffix(flags, "[") + item}, record.Failed, "Hypertension review"},
		"an entry that is a text":  {[]string{item, `"told by telephone"`}, record.Failed, "told by telephone"},
		"an entry of null":         {[]string{item, `null`}, record.Failed, ""},
		"a member that is a list":  {[]string{`"Hypertension review"`, `["Hypertension","review"]`}, record.Failed, "Hypertension; review"},
		"a member that is a flag":  {[]string{`"Hypertension review"`, `true`}, record.Failed, "true"},
		"a part that is a list":    {[]string{flags + item + "]}", `"recalls":[]`}, record.Failed, ""},
		"a part of null":           {[]string{flags + item + "]}", `"recalls":null`}, record.Failed, ""},
		"a part under other words": {[]string{`"recalls"`, `"Recalls"`}, record.Failed, "Hypertension review"},
	} {
		rec := read(t, changed(t, test.replace...))
		require.Equal(t, test.state, rec.State(record.Diary), what)
		require.Equal(t, record.Complete, rec.State(record.Problems), what)
		found := test.words == ""
		for _, e := range rec.Entries {
			found = found || strings.Contains(e.Text, test.words)
		}
		require.True(t, found, what)
	}
}

// TestTestResultsThatAreNotWhole has two lists, each with a count.
func TestTestResultsThatAreNotWhole(t *testing.T) {
	for what, replace := range map[string][]string{
		"the inner count":      {`"pathResults":{"count":3`, `"pathResults":{"count":2`},
		"the outer count":      {`"count":4,"data":{`, `"count":3,"data":{`},
		"no list":              {`"inrResults":{"count":1,"data":[`, `"inrResults":{"count":1,"rows":[`},
		"a list by its own":    {`"inrResults":`, `"coagulation":`},
		"another name for two": {`"pathResults":`, `"pathologyResults":`},
	} {
		rec := read(t, changed(t, replace...))
		require.Equal(t, record.Failed, rec.State(record.Investigations), what)
		require.Equal(t, record.Complete, rec.State(record.Problems), what)
		var said strings.Builder
		for _, e := range rec.Entries {
			said.WriteString(e.Text)
			if e.Value != nil {
				said.WriteString(e.Value.Number)
			}
		}
		require.Contains(t, said.String(), "INR", what)
		require.Contains(t, said.String(), "2.4", what)
		require.Contains(t, said.String(), "Serum cholesterol", what)
	}
}

// TestUnknownMembers are kept in words, wherever they stand.
func TestUnknownMembers(t *testing.T) {
	rec := read(t, changed(t, `"recalls":{`, `"alerts":{"data":["lives alone"]},"recalls":{"note":"see letter",`, `"ubrn":`, `"contact":{"by":"telephone"},"ubrn":`))
	require.Equal(t, record.Complete, rec.State(record.Diary))
	var said []string
	for _, e := range rec.Entries {
		if e.Kind == record.KindUnrecognised {
			said = append(said, e.Text)
		}
		if e.Kind == record.KindReferral {
			require.Equal(t, []record.Text{{Label: "contact", Value: "by: telephone"}}, e.Texts)
		}
	}
	require.Equal(t, []string{"alerts: data: lives alone", "recalls/note: see letter"}, said)
}

// TestContentFaults touch only their entry, and what was recorded stays legible.
func TestContentFaults(t *testing.T) {
	rec := read(t, changed(t, `"2016-09-05"`, `"31/02/2016"`, `"Ongoing"`, `"soon"`, `"status":"Repeat"`, `"status":"Now and then"`, `"type":"Current"`, `"type":"Unclear"`))
	byText := map[string]*record.Entry{}
	for _, e := range rec.Entries {
		byText[e.Text] = e
	}
	require.Equal(t, []string{"Next as recorded: 31/02/2016"}, byText["Hypertension review"].Notes)
	require.True(t, byText["Hypertension review"].Date.IsZero())
	require.Equal(t, []string{"End date as recorded: soon"}, byText["Essential hypertension"].Notes)
	require.True(t, byText["Essential hypertension"].Problem.Status.IsZero())
	drug := byText["Amlodipine 10mg tablets"]
	require.Equal(t, []string{"Type as recorded: Now and then", "Status as recorded: Unclear"}, drug.Notes)
	require.True(t, drug.Medication.Type.IsZero() && drug.Medication.Status.IsZero())
	for _, s := range []record.Section{record.Diary, record.Problems, record.Medication} {
		require.Equal(t, record.Complete, rec.State(s), s)
	}
}

// TestNoKnownAllergies is an assertion as a whole: no "no" in the words of an
// allergy takes it back, nor does one in those of a vaccination that was given.
func TestNoKnownAllergies(t *testing.T) {
	for words, absent := range map[string]bool{
		"No known allergies": true, "no known drug allergies": true, "NKDA": true, "Nil known": true, "No allergies.": true, "None": true, "No known allergies\nasked again at review": true,
		"Penicillin: no rash": false, "Aspirin not tolerated": false, "Not to have ibuprofen": false, "No known allergies but codeine": false, "No penicillin": false,
		"Codeine\nNo known allergies": false, "Excluded: peanut": false, "Nil": true, "No": true, "Never to be given latex": false, "NKDA except trimethoprim": false,
	} {
		doc := changed(t, `"Trimethoprim"`, `"`+strings.ReplaceAll(words, "\n", `\n`)+`"`)
		require.Equal(t, absent, read(t, doc).Entries[0].Allergy.Absent, words)
	}
	for words, not := range map[string]bool{"Influenza vaccination not given": true, "Influenza [NOT given]": true, "Influenza vaccination": false, "Influenza, no reaction": false,
		"Influenza\nnext dose not given yet": false, "No live vaccine: influenza": false} {
		doc := changed(t, `"Influenza vaccination"`, `"`+strings.ReplaceAll(words, "\n", `\n`)+`"`)
		for _, e := range read(t, doc).Entries {
			if e.Kind == record.KindImmunisation {
				require.Equal(t, not, e.Immunisation.NotGiven, words)
				break
			}
		}
	}
}

// TestWithoutASubstance: an allergy or a drug that does not say to what leaves
// its section not whole.
func TestWithoutASubstance(t *testing.T) {
	for _, words := range []string{`""`, `null`, `" "`} {
		require.Equal(t, record.Failed, read(t, changed(t, `"Trimethoprim"`, words)).State(record.Allergies), words)
		require.Equal(t, record.Failed, read(t, changed(t, `"Aciclovir 200mg tablets"`, words)).State(record.Medication), words)
	}
}

// TestNoDetailsNoRecord: a document that is neither is refused, and so are details
// without a number.
func TestNoDetailsNoRecord(t *testing.T) {
	o, err := Parse(t.Context(), []byte(`{"appointments":[]}`))
	require.NoError(t, err)
	_, _, err = Decode(o, []byte(`{"appointments":[]}`), 0)
	require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
	o, err = Parse(t.Context(), []byte(`{"surname":"Quillfeather","nhs":""}`))
	require.NoError(t, err)
	_, err = Details(o)
	require.Equal(t, record.ReasonNoPatient, record.ReasonOf(err))
	require.NotContains(t, err.Error(), "Quill")
}
