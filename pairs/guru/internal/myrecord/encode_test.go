package myrecord

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// written is an answer as its parts.
type written map[string]struct {
	HasAccess  bool            `json:"hasAccess"`
	HasErrored bool            `json:"hasErrored"`
	Count      int             `json:"count"`
	Data       json.RawMessage `json:"data"`
}

func write(t testing.TB, rec *record.Record) ([]byte, written) {
	t.Helper()
	out, err := Encode(rec, rec.Head(rec.Asked()))
	require.NoError(t, err)
	var w written
	require.NoError(t, json.Unmarshal(out, &w))
	require.Len(t, w, len(partsOf))
	return out, w
}

// rows are the rows of a part that is a list.
func (w written) rows(t testing.TB, name string) []map[string]string {
	t.Helper()
	var rows []map[string]string
	data := w[name].Data
	if name == testResults {
		var lists map[string]struct {
			Count int             `json:"count"`
			Data  json.RawMessage `json:"data"`
		}
		require.NoError(t, json.Unmarshal(data, &lists))
		data = lists["pathResults"].Data
	}
	require.NoError(t, json.Unmarshal(data, &rows))
	require.Len(t, rows, w[name].Count)
	return rows
}

// holding is a settled record of entries that were carried as they are.
func holding(entries ...*record.Entry) *record.Record {
	rec := record.New(record.Source{System: "another"})
	for _, e := range entries {
		rec.Add(e)
	}
	rec.Supply(record.AllSections)
	rec.CarryExact()
	Fit(rec)
	rec.Settle(record.AllSections)
	return rec
}

// TestGoesAndComesBack: what was read, written and read again is equal, but for
// the head and the list that an INR stood in.
func TestGoesAndComesBack(t *testing.T) {
	first := read(t, whole)
	out, w := write(t, first)
	again := read(t, string(out))
	entries := func(rec *record.Record) []record.Entry {
		var all []record.Entry
		for _, e := range rec.Entries {
			if e.Text == "INR" || e.Text == "Linkspan" {
				continue
			}
			got := *e
			got.Outcome = record.Pending
			(&record.Record{Entries: []*record.Entry{&got}}).Writing() // both stand at the first place
			all = append(all, got)
		}
		return all
	}
	a, b := entries(first), entries(again)
	require.Len(t, b, len(a))
	for i := range a {
		if a[i].Kind == record.KindProblem && a[i].Date.Precision() == record.PrecisionMonth || a[i].Kind == record.KindFamilyHistory {
			words := b[i].Text // a date that is not known to the day is in the words
			for _, text := range b[i].Texts {
				words += text.Value
			}
			require.Contains(t, words, "Date: "+a[i].Date.Words())
			continue
		}
		if a[i].Immunisation != nil && a[i].Immunisation.NotGiven {
			a[i].Text += "\nNOT GIVEN. Does not mean never given."
		}
		require.Equal(t, a[i], b[i], a[i].Text)
	}
	inr := w.rows(t, testResults)[0]
	require.Equal(t, "INR", inr["elementName"])
	require.Equal(t, "2.4", inr["value"])
	require.Equal(t, "2014-12-01", inr["recordDate"])
	require.Equal(t, "Therapy: Warfarin\nTarget: 2.5\nDose: 3mg\nNext test: 2015-01-05\nDate: 01-Dec-2014 10:00:00", inr["name"])
}

// TestWrittenTwice: what we wrote, read and written again, is what we wrote, but
// for the head, which has become an entry.
func TestWrittenTwice(t *testing.T) {
	_, once := write(t, read(t, whole))
	out, _ := write(t, read(t, whole))
	_, twice := write(t, read(t, string(out)))
	for _, p := range partsOf {
		if p.name == medicalHistory {
			require.Equal(t, once.rows(t, p.name)[1:], twice.rows(t, p.name)[2:])
			continue
		}
		require.Equal(t, string(once[p.name].Data), string(twice[p.name].Data), p.name)
	}
}

// TestStatesGoBack: an empty list says that nothing is recorded only where that is
// known; a part with rows is never one that a reader need not show.
func TestStatesGoBack(t *testing.T) {
	entry := func() *record.Entry {
		return &record.Entry{Kind: record.KindAllergy, Text: "Trimethoprim", Allergy: &record.Allergy{}}
	}
	type flags struct{ access, errored bool }
	for state, want := range map[record.State][2]flags{ // without and with an entry
		record.Failed:           {{true, true}, {true, true}},
		record.Denied:           {{false, false}, {true, true}},
		record.Disabled:         {{false, false}, {true, true}},
		record.NotSupported:     {{true, true}, {true, true}},
		record.NotRetrievable:   {{true, true}, {true, true}},
		record.Partial:          {{true, true}, {true, true}},
		record.Withheld:         {{false, false}, {true, false}},
		record.Filtered:         {{false, false}, {true, false}},
		record.CompleteDegraded: {{true, false}, {true, false}},
		record.NothingRecorded:  {{true, false}, {true, false}},
		record.Complete:         {{true, false}, {true, false}},
	} {
		for i, entries := range [][]*record.Entry{nil, {entry()}} {
			rec := holding(entries...)
			rec.Declare(record.Allergies, state)
			rec.Settle(record.AllSections)
			_, w := write(t, rec)
			require.Equal(t, want[i], flags{w["allergies"].HasAccess, w["allergies"].HasErrored}, "%s, %d", state, i)
			require.Len(t, w.rows(t, "allergies"), i)
			require.Equal(t, flags{true, false}, flags{w["recalls"].HasAccess, w["recalls"].HasErrored}, state)

			rec = holding()
			rec.Declare(record.Observations, state) // where the head always stands
			rec.Settle(record.AllSections)
			_, w = write(t, rec)
			require.True(t, w[medicalHistory].HasAccess, state)
			require.Equal(t, state < record.CompleteDegraded, w[medicalHistory].HasErrored, state)
		}
	}
	rec := holding()
	rec.Settle(record.SectionsOf(record.Problems))
	_, w := write(t, rec)
	require.False(t, w["allergies"].HasAccess, "nobody asked for it")
	require.True(t, w["medicalProblems"].HasAccess)
}

// TestEverythingWithheld is no empty list.
func TestEverythingWithheld(t *testing.T) {
	rec := record.New(record.Source{})
	rec.Add(&record.Entry{Kind: record.KindAllergy, Text: "Trimethoprim", Outcome: record.WithheldEntry})
	rec.Supply(record.AllSections)
	rec.Settle(record.AllSections)
	out, w := write(t, rec)
	require.False(t, w["allergies"].HasAccess)
	require.NotContains(t, string(out), "Trimethoprim")
}

// TestNothingHasACode: entries with one arrive in words with the code as a line,
// those of a kind without a part in the medical history by what they are.
func TestNothingHasACode(t *testing.T) {
	code := mapping.Code{Scheme: mapping.ReadV2, Value: "G20..", Term: "Essential hypertension"}
	rec := record.New(record.Source{})
	kinds := []record.Kind{record.KindProblem, record.KindMedication, record.KindIssue, record.KindAllergy, record.KindConsultation, record.KindObservation, record.KindResult, record.KindReport,
		record.KindImmunisation, record.KindFamilyHistory, record.KindDiary, record.KindReferral, record.KindDocument, record.KindAlert, record.KindRequest, record.KindAdministration, record.KindUnrecognised}
	for _, kind := range kinds {
		for _, c := range []mapping.Code{code, {}} {
			rec.Add(&record.Entry{Kind: kind, Text: "Words of " + kind.String(), Code: c, Target: c, Outcome: record.Exact})
		}
	}
	Fit(rec)
	for _, e := range rec.Entries {
		_, own := ownPart(e.Kind)
		want := record.Exact
		if !own {
			want = record.Unsupported
		} else if !e.Code.IsZero() {
			want = record.Degraded
		}
		require.Equal(t, want, e.Outcome, e.Kind)
		require.True(t, e.Target.IsZero() || e.Outcome == record.Exact, e.Kind)
	}
	out, err := Encode(rec, nil)
	require.NoError(t, err)
	require.Equal(t, len(kinds), strings.Count(string(out), `Source code: readv2 G20.. \"Essential hypertension\"`))
	for _, kind := range kinds {
		require.Equal(t, 2, strings.Count(string(out), "Words of "+kind.String()), kind)
	}
}

// TestAllergyRows: a drug allergy is always in the list of allergies, with a
// severity, for a reader drops rows without one.
func TestAllergyRows(t *testing.T) {
	rec := holding(
		&record.Entry{Kind: record.KindAllergy, Text: "Penicillin", Allergy: &record.Allergy{Class: record.AllergyDrugGroup}, Qualifiers: []record.Qualifier{{Name: "Severity", Value: "Severe"}}},
		&record.Entry{Kind: record.KindAllergy, Text: "Trimethoprim", Allergy: &record.Allergy{}, Texts: []record.Text{{Label: "Severity", Value: "Moderate"}}},
		&record.Entry{Kind: record.KindAllergy, Text: "Aspirin"},
		&record.Entry{Kind: record.KindAllergy, Text: "Nuts", Allergy: &record.Allergy{Class: record.AllergyNonDrug}},
		&record.Entry{Kind: record.KindAllergy, Text: "No known allergies", Allergy: &record.Allergy{Absent: true}},
		&record.Entry{Kind: record.KindAllergy, Text: "Codeine", Allergy: &record.Allergy{Class: record.AllergyDrug, Ended: true}},
		&record.Entry{Kind: record.KindAllergy, Allergy: &record.Allergy{Class: record.AllergyIngredient, Details: "Tartrazine"}},
		&record.Entry{Kind: record.KindAllergy, Allergy: &record.Allergy{}},
	)
	_, w := write(t, rec)
	var got [][3]string
	for _, row := range w.rows(t, "allergies") {
		first, _, _ := strings.Cut(row["description"], "\n")
		got = append(got, [3]string{row["type"], first, row["severity"]})
	}
	require.Equal(t, [][3]string{{"Drug", "Penicillin", "Severe"}, {"Drug", "Trimethoprim", "Moderate"}, {"Drug", "Aspirin", "Not stated"}, {"Other", "Nuts", "Not stated"},
		{"Other", "No known allergies", "Not stated"}, {"Drug", "Codeine [past allergy, ended]", "Not stated"}, {"Drug", "Tartrazine", "Not stated"}, {"Drug", "an entry without words", "Not stated"}}, got)
}

// TestProblemRows: a problem that has ended never looks open, whatever is known
// of when.
func TestProblemRows(t *testing.T) {
	active, inactive := mapping.Code{Scheme: "guru.problem-status", Value: "active"}, mapping.Code{Scheme: "guru.problem-status", Value: "inactive", Term: "Past"}
	rec := holding(
		&record.Entry{Kind: record.KindProblem, Text: "a", Problem: &record.Problem{Status: active}},
		&record.Entry{Kind: record.KindProblem, Text: "b", Problem: &record.Problem{Status: inactive, End: on(t, "2009-03-01")}},
		&record.Entry{Kind: record.KindProblem, Text: "c", Problem: &record.Problem{Status: inactive, End: on(t, "1987-11")}},
		&record.Entry{Kind: record.KindProblem, Text: "d", Problem: &record.Problem{Status: inactive}},
		&record.Entry{Kind: record.KindProblem, Text: "e", Problem: &record.Problem{}},
		&record.Entry{Kind: record.KindProblem, Text: "f", Problem: &record.Problem{Status: active, End: on(t, "1987")}},
		&record.Entry{Kind: record.KindProblem, Text: "g"},
	)
	_, w := write(t, rec)
	var got [][2]string
	for _, row := range w.rows(t, "medicalProblems") {
		first, _, _ := strings.Cut(row["rubric"], "\n")
		got = append(got, [2]string{first, row["finish_date"]})
	}
	require.Equal(t, [][2]string{{"a", "Ongoing"}, {"b", "2009-03-01"}, {"c [past problem, ended Nov-1987]", ""}, {"d [past problem, end date not known]", ""}, {"e", ""},
		{"f [past problem, ended 1987]", ""}, {"g", ""}}, got)
}

// TestResultRows: the value stands where a value is looked for, with its sign.
func TestResultRows(t *testing.T) {
	result := func(v *record.Value, texts ...record.Text) *record.Entry {
		return &record.Entry{Kind: record.KindResult, Text: "Serum TSH", Value: v, Texts: texts}
	}
	rec := holding(
		result(&record.Value{Number: "5.0", Unit: "mmol/L"}),
		result(&record.Value{Number: "0.10", Unit: "mU/L", Comparator: mapping.Code{Scheme: "guru.comparator", Value: "<"}}),
		result(&record.Value{Text: "no growth"}),
		result(&record.Value{Number: "3.0", Unit: "mmol/L", Text: "see comment"}),
		result(&record.Value{Unreadable: "about 5", Unit: "g"}),
		result(nil, record.Text{Label: "Status", Value: "AwaitingResults"}),
		result(nil, record.Text{Label: "Status", Value: "Normal"}, record.Text{Label: "Test", Value: "Thyroid"}),
	)
	_, w := write(t, rec)
	var got [][4]string
	for _, row := range w.rows(t, testResults) {
		got = append(got, [4]string{row["name"], row["value"], row["units"], row["status"]})
	}
	require.Equal(t, [][4]string{{"", "5.0", "mmol/L", ""}, {"", "< 0.10", "mU/L", ""}, {"", "no growth", "", ""}, {"Result: see comment", "3.0", "mmol/L", ""},
		{"Unit: g\nValue as recorded: about 5", "", "", ""}, {"Status: AwaitingResults", "", "", ""}, {"Thyroid", "", "", "Normal"}}, got)
}

// TestWordsThatTurnRound stand beside the entry's own, where nobody misses them.
func TestWordsThatTurnRound(t *testing.T) {
	rec := holding(
		&record.Entry{Kind: record.KindObservation, Text: "Diabetes mellitus", Qualifiers: []record.Qualifier{{Name: "Certainty", Value: "excluded", Meaning: record.Negates}}},
		&record.Entry{Kind: record.KindFamilyHistory, Text: "Asthma"},
		&record.Entry{Kind: record.KindFamilyHistory, Text: "FH: Asthma"},
		&record.Entry{Kind: record.KindDocument, Text: "Letter"},
		&record.Entry{Kind: record.KindAlert, Text: "Hard of hearing"},
	)
	_, w := write(t, rec)
	var got []string
	for _, row := range w.rows(t, medicalHistory)[1:] {
		got = append(got, row["rubric"])
	}
	require.Equal(t, []string{"Diabetes mellitus [Certainty: excluded]", "Asthma [family history]", "FH: Asthma", "Letter [document]", "Hard of hearing [alert]"}, got)
	vaccine := holding(&record.Entry{Kind: record.KindImmunisation, Text: "Influenza vaccination", Immunisation: &record.Immunisation{NotGiven: true, Reason: "refused"}})
	out, w := write(t, vaccine)
	require.True(t, strings.HasPrefix(w.rows(t, "vaccinations")[0]["description"], "Influenza vaccination [NOT given]\n"))
	require.True(t, read(t, string(out)).Entries[0].Immunisation.NotGiven, "and it is read as that")
}

// TestDatesThatAreNotDays are in the words, and so are times.
func TestDatesThatAreNotDays(t *testing.T) {
	for _, words := range []string{"2009", "2009-06", "2009-06-07T08:09"} {
		d := on(t, words)
		rec := holding(
			&record.Entry{Kind: record.KindDiary, Text: "Review", Date: d, Recorded: d, Diary: &record.DiaryBody{}},
			&record.Entry{Kind: record.KindMedication, Text: "Aspirin", Date: d, Recorded: d, Medication: &record.MedicationBody{FirstIssue: d}},
		)
		_, w := write(t, rec)
		require.Equal(t, "Date: "+d.Words()+"\nRecorded: "+d.Words(), w.rows(t, "recalls")[0]["description"])
		require.Equal(t, "First issue: "+d.Words()+"\nDate: "+d.Words()+"\nRecorded: "+d.Words(), w.rows(t, "drugs")[0]["reason"])
	}
}

// TestAnEntryWithoutAnOutcome is not written.
func TestAnEntryWithoutAnOutcome(t *testing.T) {
	rec := record.New(record.Source{})
	rec.Add(&record.Entry{Kind: record.KindAllergy, Text: "Trimethoprim"})
	_, err := Encode(rec, nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "Trimethoprim")
}

// TestDetailsGoAndComeBack, and what has no member of its own is in words.
func TestDetailsGoAndComeBack(t *testing.T) {
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	rec := record.New(record.Source{})
	rec.Patient = record.Patient{NHS: nhs, Title: "Mrs", FirstName: "Nora", Forenames: "Nora Maud", Surname: "Quillfeather", BirthName: "Teasel", KnownAs: "Nonie",
		BirthDate: on(t, "1958-03-07"), DeathDate: on(t, "2016-05-02"), Sex: mapping.Code{Scheme: "guru.sex", Value: "F", Term: "Female"},
		Addresses: []record.Address{{House: "The Loft", Number: "3", Street: "Ferry Lane", Town: "Sandwick Quay", County: "Testshire", Postcode: "ZZ99 4QQ"}, {Use: "temporary", Street: "Other Lane"}},
		Contacts:  []record.Contact{{Use: "home", Value: "01632 960042"}, {Use: "mobile", Value: "07700 900042"}, {Use: "work", Value: "01632 960043"}, {Value: "nora@example.org"}},
		Status:    "Current"}
	rec.Settle(record.AllSections)
	out, err := EncodeDetails(rec, rec.Head(record.AllSections))
	require.NoError(t, err)
	o, err := Parse(t.Context(), out)
	require.NoError(t, err)
	require.True(t, IsDetails(o))
	p, err := Details(o)
	require.NoError(t, err)
	require.Equal(t, []string{"Mrs", "Nora", "Nora Maud", "Quillfeather", "F"}, []string{p.Title, p.FirstName, p.Forenames, p.Surname, p.Sex.Value})
	require.Equal(t, rec.Patient.NHS, p.NHS)
	require.Equal(t, rec.Patient.BirthDate, p.BirthDate)
	require.Equal(t, record.Address{House: "The Loft 3", Street: "Ferry Lane", Town: "Sandwick Quay", County: "Testshire", Postcode: "ZZ99 4QQ"}, p.Addresses[0])
	require.Equal(t, []record.Contact{{Use: "telephone", Value: "01632 960042"}, {Use: "telephone", Value: "07700 900042"}, {Use: "email", Value: "nora@example.org"}}, p.Contacts)
	for _, words := range []string{"Known as: Nonie", "Birth surname: Teasel", "Date of death: 02-May-2016", "Address temporary: Other Lane", "Contact work: 01632 960043", "Registration status: Current"} {
		require.Contains(t, string(out), words)
	}
}
