package vision

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// answered is a document as an answer holds it.
func answered(document string) []byte {
	return []byte(`<soap:Envelope xmlns:soap="` + soapSpace + `"><soap:Body><vision:visionResponse xmlns:vision="` + visionSpace +
		`"><vision:serviceContent><vision:record><![CDATA[` + document + `]]></vision:record></vision:serviceContent></vision:visionResponse></soap:Body></soap:Envelope>`)
}

// header is a patient file of the patient of these tests, and rows a view that
// names nobody.
func header(entries string) []byte {
	return answered(`<header><patient identity="1" newnhsno="9998193036" dob="1958-03-07T00:00:00" _dob="1"/>` + entries + `</header>`)
}

func rows(entries string) []byte { return answered(`<root><patient>` + entries + `</patient></root>`) }

// viewed decodes the answers to the calls for a whole record: the details, then
// allergies, medication, problems and events.
func viewed(t *testing.T, answers ...[]byte) (record.Response, error) {
	t.Helper()
	c := codecOf(t, nil)
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	q := &record.Request{Patient: record.Identity{NHS: nhs}, Target: "X99004", Sections: record.AllSections, Whole: true, Requester: record.Requester{User: "u"}}
	asked, err := c.EncodeRequest(q, system.MessageID{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10"})
	require.NoError(t, err)
	joined, err := c.Join(asked, answers)
	require.NoError(t, err)
	return c.DecodeResponse(t.Context(), joined)
}

// recordOf is viewed where there is a record.
func recordOf(t *testing.T, answers ...[]byte) *record.Record {
	t.Helper()
	p, err := viewed(t, answers...)
	require.NoError(t, err)
	require.NotNil(t, p.Record())
	p.Record().CarryExact()
	p.Record().Settle(record.AllSections)
	return p.Record()
}

// shown are the entries of a record that are written, less the patient's.
func shown(rec *record.Record) []*record.Entry {
	var all []*record.Entry
	for _, e := range rec.Entries {
		if e.Shown() && e.Kind != record.KindDemographics {
			all = append(all, e)
		}
	}
	return all
}

// TestADrugInTheViewOfAllergiesIsAnAllergy and never medication; so is one beside
// a code that is no drug's nothing the patient takes.
func TestADrugInTheViewOfAllergiesIsAnAllergy(t *testing.T) {
	none := rows("")
	for row, words := range map[string]string{
		`<clinical read_code="14L1.00" read_term="H/O: penicillin allergy" drug_term="Exampillin"/>`: "H/O: penicillin allergy",
		`<clinical drug_term="Exampillin"/>`: "Exampillin",
	} {
		all := shown(recordOf(t, header(""), rows(row), none, none, none))
		require.Len(t, all, 1)
		require.Equal(t, record.KindAllergy, all[0].Kind)
		require.Equal(t, record.AllergyDrug, all[0].Allergy.Class)
		require.Equal(t, "Exampillin", all[0].Allergy.Details)
		require.Equal(t, words, all[0].Text)
	}
	for row, kind := range map[string]record.Kind{
		`<clinical read_code="14L1.00" read_term="H/O: penicillin allergy" drug_term="Exampillin"/>`: record.KindObservation,
		`<clinical read_code="b51b.00" read_term="Exampletide" drug_term="Exampletide 2.5mg"/>`:      record.KindMedication,
		`<clinical drug_term="Exampletide 2.5mg"/>`:                                                  record.KindMedication,
	} {
		all := shown(recordOf(t, header(""), none, none, none, rows(row)))
		require.Len(t, all, 1)
		require.Equal(t, kind, all[0].Kind, row)
	}
	all := shown(recordOf(t, header(""), none, rows(`<clinical read_code="14L1.00" read_term="x" drug_term="Exampletide 2.5mg"/>`), none, none))
	require.Equal(t, record.KindMedication, all[0].Kind, "the view says what it is")
}

// TestWhatOneViewAloneSaysIsKept: an entry that two views hold is one, if the
// second says no more than the first.
func TestWhatOneViewAloneSaysIsKept(t *testing.T) {
	const short = `<clinical identity="7" entity_ty="63" read_code="14L1.00" read_term="H/O: penicillin allergy"/>`
	long := strings.Replace(short, "/>", ` text="anaphylaxis"/>`, 1)
	inside := strings.Replace(short, "/>", `>anaphylaxis</clinical>`, 1)
	none := rows("")
	require.Len(t, shown(recordOf(t, header(""), header(short), none, none, header(short))), 1)
	require.Len(t, shown(recordOf(t, header(""), header(long), none, none, header(short))), 1)
	for _, more := range []string{long, inside} {
		all := shown(recordOf(t, header(""), header(short), none, none, header(more)))
		require.Len(t, all, 2)
		require.Equal(t, record.KindAllergy, all[0].Kind)
		require.Equal(t, "anaphylaxis", all[1].Texts[0].Value)
	}
}

// TestAnIssueKeepsItsRepeatInTwoViews, and where two repeats could be meant it
// is said that nobody can tell.
func TestAnIssueKeepsItsRepeatInTwoViews(t *testing.T) {
	const repeat = `<clinical identity="1" entity_ty="40" entity_id="503" drugname="Exampletide" repeat_ty="R"/>`
	const issue = `<clinical identity="2" entity_ty="39" entity_id="9" name="Exampletide" issue_ty="I" repeat_id="503"/>`
	none := rows("")
	rec := recordOf(t, header(""), none, header(repeat+issue), none, header(repeat+issue))
	all := shown(rec)
	require.Len(t, all, 2)
	require.Same(t, all[0], all[1].Medication.Course)
	other := strings.NewReplacer(`"1"`, `"3"`, "Exampletide", "Exampillin").Replace(repeat)
	for _, entries := range []string{repeat + other + issue, issue} {
		for _, e := range shown(recordOf(t, header(""), none, header(entries), none, none)) {
			if e.Kind == record.KindIssue {
				require.Nil(t, e.Medication.Course)
				require.Contains(t, e.Notes, "Which repeat it is an issue of cannot be told.")
			}
		}
	}
}

// TestWithoutThePatientThereIsNoRecord: rows that name nobody prove nothing when
// the call for the patient's details was refused.
func TestWithoutThePatientThereIsNoRecord(t *testing.T) {
	row, none := rows(`<clinical read_code="H33..00" read_term="Asthma"/>`), rows("")
	p, err := viewed(t, []byte(file(t, "failures/vision-unknown.xml")), row, none, []byte(file(t, "failures/vision-server.xml")), none)
	require.NoError(t, err)
	require.Nil(t, p.Record())
	require.Equal(t, record.ReasonNotFound, p.Failure().Reason, "the first refusal")
	_, err = viewed(t, nil, row, none, none, none)
	require.Equal(t, record.ReasonNoPatient, record.ReasonOf(err))
	rec := recordOf(t, nil, header(`<clinical read_code="H33..00" read_term="Asthma"/>`), none, none, none)
	require.Equal(t, record.Failed, rec.State(record.Demographics), "another view names the patient, but the details were asked for")
}

// TestTwoViewsOfOnePatient: one born on another day is another, and what else
// differs is said.
func TestTwoViewsOfOnePatient(t *testing.T) {
	none := rows("")
	_, err := viewed(t, header(""), answered(`<header><patient newnhsno="9998193036" dob="1985-03-07T00:00:00"/></header>`), none, none, none)
	require.Equal(t, record.ReasonWrongPatient, record.ReasonOf(err))
	rec := recordOf(t, header(""), answered(`<header><patient newnhsno="9998193036" surname="Another"/></header>`), none, none, none)
	require.Contains(t, rec.Patient.Registration, record.Qualifier{Name: "Vision surname, in another view", Value: "Another"})
	rec = patientFile(t, "")
	require.Empty(t, rec.Patient.OtherIDs)
	p, err := codecOf(t, nil).DecodeResponse(t.Context(), []byte(`<header><patient newnhsno="9998193036" nhs_no="9998656907" applied="2016-09-01T00:00:00" _applied="3"/></header>`))
	require.NoError(t, err)
	require.Contains(t, p.Record().Patient.Registration, record.Qualifier{Name: "Vision _applied", Value: "3"}, "a flag nobody knows")
	require.Equal(t, "9998656907", p.Record().Patient.OtherIDs[0].Value, "a second number is shown")
}

// TestWhatStandsInsideAnElementIsShown, though nothing ever does (S §5.1).
func TestWhatStandsInsideAnElementIsShown(t *testing.T) {
	for _, entry := range []string{
		`<clinical entity_ty="63" read_code="H33..00">stray <note>words</note></clinical>`,
		`<problems read_code="H33..00">stray <note>words</note></problems>`,
	} {
		rec := patientFile(t, entry)
		require.Contains(t, rec.Entries[1].Texts, record.Text{Label: "Unrecognised", Value: "stray; note: words"})
	}
	p, err := codecOf(t, nil).DecodeResponse(t.Context(), []byte(`<header><patient newnhsno="9998193036"><note>words</note></patient></header>`))
	require.NoError(t, err)
	require.Contains(t, p.Record().Patient.Registration, record.Qualifier{Name: "Unrecognised", Value: "note: words"})
}

// TestNumbersThatAreNone are shown as written and never structured.
func TestNumbersThatAreNone(t *testing.T) {
	for number, readable := range map[string]bool{"5.1": true, "-3.1": true, "&gt;5.1": false, "positive": false, "1,2": false} {
		e := one(t, patientFile(t, `<clinical entity_ty="204" read_code="44P..00" num_result="`+number+`" measure="mmol/L" operator="OPR003"/>`), record.KindResult)
		require.Equal(t, readable, e.Value.Unreadable == "", number)
		if !readable {
			require.Equal(t, "OPR003 "+strings.ReplaceAll(number, "&gt;", ">")+" mmol/L", e.Value.Unreadable)
		}
	}
	e := one(t, patientFile(t, `<clinical entity_ty="204" read_code="44P..00" operator="OPR003" measure="MEA000"/>`), record.KindObservation)
	require.Nil(t, e.Value)
	require.Contains(t, e.Texts, record.Text{Label: "Operator", Value: "OPR003"})
	for _, text := range []string{"0.05", "2.9"} {
		require.NotEmpty(t, height(text).Unreadable, text)
	}
}

// TestARecordIsNoAnswer: in the text of an answer stands a record, not another
// answer.
func TestARecordIsNoAnswer(t *testing.T) {
	escape := strings.NewReplacer("<", "&lt;", "&", "&amp;", ">", "&gt;")
	for _, inner := range []string{string(header("")), `<answers xmlns="` + joinSpace + `"><none view="PROBLEMS"/></answers>`} {
		in := strings.Replace(string(answered("record")), "<![CDATA[record]]>", escape.Replace(inner), 1)
		p, err := codecOf(t, nil).DecodeResponse(t.Context(), []byte(in))
		require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
		require.Nil(t, p.Record())
	}
}

// TestViewsAskForWhatTheyName: four views are the record only if they are those
// it is made of.
func TestViewsAskForWhatTheyName(t *testing.T) {
	whole := file(t, "requests/vision-full.xml")
	of := func(names ...string) record.Request {
		views := "<vision:View>" + strings.Join(names, "</vision:View><vision:View>") + "</vision:View>"
		q, err := codecOf(t, nil).DecodeRequest(t.Context(), []byte(strings.Replace(whole, "<vision:View>"+viewWhole+"</vision:View>", views, 1)))
		require.NoError(t, err)
		return q
	}
	require.True(t, of(viewProblems, viewEvents, viewAllergies, viewMedicines).Whole)
	for _, names := range [][]string{{viewAllergies, viewAllergies, viewAllergies, viewAllergies}, {viewDrugs, "DIAGNOSIS", "TEST RESULTS", "PROCEDURES"}} {
		q := of(names...)
		require.False(t, q.Whole)
		require.NotEqual(t, record.AllSections, q.Sections)
	}
}

// TestPublishedRequest reads that of the references, where it is at hand, as far
// as it goes: it has no id, and a number of Vision's own for the patient.
func TestPublishedRequest(t *testing.T) {
	names, err := filepath.Glob("../../../shared/examples/vision/vision-03*.xml")
	require.NoError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		q, err := codecOf(t, nil).DecodeRequest(t.Context(), text)
		require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err))
		require.NotEmpty(t, q.Target)
		require.Equal(t, getData, q.Operation)
		require.True(t, q.Sections.Has(record.Medication))
	}
}
