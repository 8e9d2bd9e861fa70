package systmone

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

func date(t testing.TB, s string) record.Date {
	d, err := record.ParseISO(s)
	require.NoError(t, err)
	return d
}

var (
	asthmaTarget = mapping.Code{Scheme: mapping.CTV3, Value: "H33..", Term: "Asthma"}
	asthmaSource = mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00", Term: "Asthma"}
	degradeCode  = mapping.Code{Scheme: mapping.CTV3, Value: "XaLGM", Term: "Transfer-degraded record entry"}
	drugTarget   = mapping.Code{Scheme: mapping.DMD, Value: "320030001", Term: "Atorvastatin 20mg tablets"}
	drugSource   = mapping.Code{Scheme: mapping.EMISDrug, Value: "ATTA1787", Term: "Atorvastatin 20mg tablets"}
)

// foreign makes a translated record as the other system's codec would.
func foreign(entries ...*record.Entry) *record.Record {
	rec := record.New(record.Source{System: "EMIS Web", Organisation: "Causeway Medical Centre", ODS: "X99001"})
	rec.Patient.NHS, _ = record.ParseNHSNumber("9998193036")
	rec.Patient.ID = "patient-guid"
	rec.Supply(record.AllSections)
	for _, e := range entries {
		rec.Add(e)
	}
	return rec
}

// sent fits, settles and writes a record, and returns the text after its head.
func sent(t testing.TB, rec *record.Record) string {
	newTestCodec(t).Fit(rec)
	for _, e := range rec.Entries {
		if e.Outcome == record.Degraded { // as translation does after Fit
			e.Target = degradeCode
		}
	}
	rec.Settle(record.AllSections)
	out := string(encode(t, rec))
	_, after, found := strings.Cut(out, "</Event>")
	require.True(t, found)
	decode(t, []byte(out))
	return strings.TrimSuffix(after, "</Clinical><RecordState>Closed</RecordState></Response></ClientIntegrationResponse>")
}

func observation(t testing.TB) *record.Entry {
	return &record.Entry{ID: "{A-1}", Kind: record.KindObservation, Text: "Asthma", Code: asthmaSource, Target: asthmaTarget, Outcome: record.Mapped,
		Date: date(t, "2016-10-03"), Author: &record.Person{Surname: "Winterbourne", Forenames: "Hazel", Role: "GP"},
		Place: &record.Organisation{Name: "Causeway Medical Centre", ODS: "X99001"}}
}

const eventStart = `<Event DateTime="2016-10-03T00:00:00" UserName="" DoneBy="Winterbourne, Hazel (GP)" DoneAt="Causeway Medical Centre (X99001)" EventUID="`

func TestEncode_MappedObservation(t *testing.T) {
	e := observation(t)
	e.Qualifiers = []record.Qualifier{{Name: "Laterality", Value: "Left"}}
	e.Texts = []record.Text{{Value: "worse at night"}}
	e.Notes = []string{"Episodicity: First occurrence"}
	e.Recorded = date(t, "2016-10-04T09:00")
	e.EnteredBy = &record.Person{Display: "Clerk"}
	e.Confidential = "sensitive"
	out := sent(t, foreign(e))
	require.True(t, strings.HasPrefix(out, eventStart), out)
	require.Contains(t, out, `<ClinicalCode><Code Scheme="CTV3" Code="H33.." Term="Asthma"/><FreeText>Laterality: Left&#10;worse at night&#10;`+
		`Recorded: 04-Oct-2016 09:00&#10;Entered by: Clerk&#10;Confidentiality: sensitive&#10;Episodicity: First occurrence&#10;Source code: readv2 H33..00 "Asthma"</FreeText></ClinicalCode></Event>`)
}

// Dates coarser than a day are never padded.
func TestEncode_CoarseDates(t *testing.T) {
	year := observation(t)
	year.Date = date(t, "2010")
	require.Contains(t, sent(t, foreign(year)), `<Event DateTime="" `)
	year = observation(t)
	year.Date, year.Recorded = date(t, "2010-05"), date(t, "2016-10-03T09:41")
	out := sent(t, foreign(year))
	require.Contains(t, out, `<Event DateTime="2016-10-03T09:41:00" `)
	require.Contains(t, out, "<FreeText>Date: May-2010&#10;")
	unknown := observation(t)
	unknown.Date = record.Date{}
	out = sent(t, foreign(unknown))
	require.Contains(t, out, `<Event DateTime="" `)
	require.Contains(t, out, "<FreeText>Date: date not known&#10;")
	for _, d := range []string{"2010", "2010-05"} {
		m := medication(t, itemAcute)
		m.Medication.Start, m.Medication.End = date(t, d), date(t, d)
		out := sent(t, foreign(m))
		require.NotContains(t, out, "<StartDate>")
		require.NotContains(t, out, "<EndDate>")
		require.Contains(t, out, "Started: "+date(t, d).Words())
		require.Contains(t, out, "Ended: "+date(t, d).Words())
	}
}

func medication(t testing.TB, item mapping.Code) *record.Entry {
	e := observation(t)
	e.Kind, e.Text, e.Code, e.Target = record.KindMedication, "Atorvastatin  20mg tabs", drugSource, drugTarget
	e.Medication = &record.MedicationBody{Type: item, Status: drugCurrent, Dosage: " one  at night ", Quantity: "28", Unit: "tablet", Start: date(t, "2016-10-03")}
	return e
}

func TestEncode_Medication(t *testing.T) {
	e := medication(t, itemRepeat)
	m := e.Medication
	m.Authorised, m.Issued, m.LastIssue, m.Review, m.DurationDays = "6", "2", date(t, "2016-11"), date(t, "2017-10-03"), "28"
	out := sent(t, foreign(e))
	require.Contains(t, out, `<RepeatMedication><Drug Scheme="Dmd" ProductID="320030001" Name="Atorvastatin  20mg tabs"/><Dose> one  at night </Dose><Quantity>28 tablet</Quantity>`+
		`<StartDate>2016-10-03</StartDate><MaxIssues>6</MaxIssues><ReviewDate>2017-10-03</ReviewDate><IssueDurationDays>28</IssueDurationDays></RepeatMedication>`)
	require.Contains(t, out, `<Narrative><Line>Atorvastatin  20mg tabs [medication]</Line><Line>Last issue: Nov-2016</Line><Line>Issues made: 2</Line>`+
		`<Line>Source code: emis-drug ATTA1787 "Atorvastatin 20mg tablets"</Line></Narrative>`)

	issue := medication(t, itemRepeat)
	issue.Kind, issue.Medication.Course = record.KindIssue, e
	out = sent(t, foreign(e, issue))
	require.Contains(t, out, "<RepeatIssue></RepeatIssue></Medication>")
	require.Contains(t, out, "<Line>Issue of: Atorvastatin  20mg tabs, 03-Oct-2016</Line>")

	past := medication(t, itemAcute)
	past.Medication.Status = drugEnded
	require.Contains(t, sent(t, foreign(past)), "<EndReason>Ended: date not known</EndReason>")
}

// What would read as current, issued or checked without being so is text.
func TestFit_Medication(t *testing.T) {
	for name, change := range map[string]func(e *record.Entry){
		"repeat ended, date not known": func(e *record.Entry) { e.Medication.Status = drugEnded },
		"repeat ended, year only": func(e *record.Entry) {
			e.Medication.Status, e.Medication.End = drugEnded, date(t, "2015")
		},
		"never active":     func(e *record.Entry) { e.Notes = []string{"Drug status: Never active"} },
		"type not known":   func(e *record.Entry) { e.Medication.Type = mapping.Code{} },
		"mixture":          func(e *record.Entry) { e.Medication.Mixture = []record.Ingredient{{Text: "Menthol", Strength: "1%"}} },
		"a clinical code":  func(e *record.Entry) { e.Target = asthmaTarget },
		"cancelled issue":  func(e *record.Entry) { e.Kind, e.Medication.Cancelled = record.KindIssue, true },
		"nothing about it": func(e *record.Entry) { e.Medication = nil },
	} {
		e := medication(t, itemRepeat)
		change(e)
		out := sent(t, foreign(e))
		require.Equal(t, record.Degraded, e.Outcome, name)
		require.NotContains(t, out, "<Drug ", name)
		require.Contains(t, out, `<ClinicalCode><Code Scheme="CTV3" Code="XaLGM" Term="Transfer-degraded record entry"/><FreeText>Atorvastatin  20mg tabs [medication`, name)
		if e.Medication != nil {
			require.Contains(t, out, "&#10;Dose:  one  at night &#10;Quantity: 28 tablet&#10;", name)
			require.Contains(t, out, "Started: 03-Oct-2016", name)
		}
	}
}

func TestFit_Problem(t *testing.T) {
	problem := func() *record.Entry {
		e := observation(t)
		e.Kind, e.Problem = record.KindProblem, &record.Problem{Status: problemActive}
		return e
	}
	e := problem()
	require.Contains(t, sent(t, foreign(e)), "<ProblemUID>")
	e.Problem.End, e.Problem.Owner = date(t, "2015-01-01"), "Dr Winterbourne"
	out := sent(t, foreign(e))
	require.NotContains(t, out, "<ProblemEndDate>", "active at source")
	require.Contains(t, out, "End date: 01-Jan-2015")
	require.Contains(t, out, "Owner: Dr Winterbourne")

	e = problem()
	e.Problem.Status, e.Problem.End = problemEnded, date(t, "2015-01-01")
	require.Contains(t, sent(t, foreign(e)), "<ProblemEndDate>2015-01-01</ProblemEndDate>")
	e = problem()
	e.Problem.Status = mapping.Code{}
	require.Contains(t, sent(t, foreign(e)), "Defaulted status to active : Unknown status at source")

	for name, change := range map[string]func(e *record.Entry){
		"ended, date not known": func(e *record.Entry) { e.Problem.Status = problemEnded },
		"ended, year only":      func(e *record.Entry) { e.Problem.Status, e.Problem.End = problemEnded, date(t, "2015") },
		"potential": func(e *record.Entry) {
			e.Problem.Status, e.Notes = mapping.Code{}, []string{"Problem status: Potential problem"}
		},
	} {
		e := problem()
		change(e)
		linked := observation(t)
		linked.Problems = []record.ProblemLink{{Problem: e, Link: problemLinked}}
		out := sent(t, foreign(e, linked))
		require.Equal(t, record.Degraded, e.Outcome, name)
		require.NotContains(t, out, "ProblemUID", name)
		require.Contains(t, out, "Linked problem: Asthma", name)
	}
}

// A problem outside the consultation follows the entry it annotates in it.
func TestEncode_ProblemPair(t *testing.T) {
	twin, linked := observation(t), observation(t)
	p := observation(t)
	p.ID, p.Kind, p.Problem = "{P-1}", record.KindProblem, &record.Problem{Status: problemActive, Defines: twin}
	linked.ID, linked.Text, linked.Problems = "{A-2}", "Wheeze", []record.ProblemLink{{Problem: p, Link: problemLinked}}
	c := observation(t)
	c.ID, c.Kind, c.Text, c.Code, c.Target = "{C-1}", record.KindConsultation, "", mapping.Code{}, mapping.Code{}
	c.Outcome = record.Exact
	c.Consultation = &record.Consultation{Items: []record.Item{{Words: "History", Entry: twin}, {Words: "Problem", Entry: linked}}}
	rec := foreign(p, c, twin, linked)
	out := sent(t, rec)
	require.Equal(t, 1, strings.Count(out, "<Event "))
	back := decode(t, encode(t, rec))
	problem := find(t, back, record.KindProblem, "Asthma")
	require.Same(t, find(t, back, record.KindObservation, "Asthma"), problem.Problem.Defines)
	require.Same(t, problem, find(t, back, record.KindObservation, "Wheeze").Problems[0].Problem)
	order := []string{"History", `Term="Asthma"`, "<ProblemUID>", "Problem", "Wheeze"}
	for i, at := 0, 0; i < len(order); i++ {
		n := strings.Index(out[at:], order[i])
		require.GreaterOrEqual(t, n, 0, order[i])
		at += n
	}
}

// Parts follow their whole and name it.
func TestEncode_Battery(t *testing.T) {
	panel := observation(t)
	panel.Kind, panel.Text = record.KindResult, "Blood pressure"
	part := observation(t)
	part.ID, part.Kind, part.Text, part.Parent = "{A-3}", record.KindResult, "Systolic", panel
	part.Value = &record.Value{Number: "142", Unit: "mmHg", Ranges: []record.Range{{Qualifier: "target", Low: "90", High: "140", Unit: "mmHg"}},
		AbnormalAs: "above target", Comparator: mapping.Code{Scheme: schemeComparator, Value: "5", Term: "greater than or equal to"}}
	other := observation(t)
	other.ID, other.Text = "{A-4}", "Cough"
	out := sent(t, foreign(part, other, panel))
	require.Less(t, strings.Index(out, "Cough"), strings.Index(out, "Blood pressure"))
	require.Less(t, strings.Index(out, "Blood pressure"), strings.Index(out, "Systolic"))
	require.Contains(t, out, "<Value>142</Value><Units>mmHg</Units><Comparator>5</Comparator><FreeText>Range: target, from 90 to 140 mmHg&#10;Abnormal indicator: above target&#10;Part of: Blood pressure")
	panel.Outcome = record.WithheldEntry
	out = sent(t, foreign(part, other, panel))
	require.NotContains(t, out, "Blood pressure")
	require.Contains(t, out, "Systolic")
}

// An item of another day is named in the consultation and written under its
// own date.
func TestEncode_ItemOfAnotherDay(t *testing.T) {
	result, same, coarse := observation(t), observation(t), observation(t)
	result.ID, result.Kind, result.Text, result.Date = "{R}", record.KindResult, "Serum potassium", date(t, "2016-09-28")
	result.Value = &record.Value{Number: "5.1", Unit: "mmol/L"}
	same.ID, same.Text = "{S}", "Cough"
	coarse.ID, coarse.Text, coarse.Date = "{O}", "Appendicectomy", date(t, "1974")
	part := observation(t)
	part.ID, part.Text, part.Date, part.Parent = "{T}", "Later part", date(t, "2016-09-30"), result
	c := observation(t)
	c.ID, c.Kind, c.Text, c.Target, c.Code = "{C}", record.KindConsultation, "", mapping.Code{}, mapping.Code{}
	c.Consultation = &record.Consultation{Items: []record.Item{{Entry: result}, {Entry: same}, {Entry: coarse}}}
	rec := foreign(c, result, same, coarse, part)
	out := sent(t, rec)
	require.Contains(t, out, "<Narrative><Line>Shown under its own date, 28-Sep-2016: Serum potassium</Line></Narrative>")
	require.Contains(t, out, "<FreeText>Date: 1974&#10;")
	require.Contains(t, out, `<Event DateTime="2016-09-28T00:00:00" `)
	back := decode(t, encode(t, rec))
	require.Equal(t, "2016-09-28", find(t, back, record.KindResult, "Serum potassium").Date.String())
	require.Equal(t, "2016-10-03", find(t, back, record.KindObservation, "Cough").Date.String())
	require.Equal(t, "2016-09-30", find(t, back, record.KindObservation, "Later part").Date.String())
}

func allergy(t testing.TB, class record.AllergyClass) *record.Entry {
	e := observation(t)
	e.Kind, e.Text, e.Code, e.Target = record.KindAllergy, "Atorvastatin", drugSource, drugTarget
	e.Allergy = &record.Allergy{Class: class}
	return e
}

func TestFit_Allergy(t *testing.T) {
	e := allergy(t, record.AllergyDrug)
	require.Contains(t, sent(t, foreign(e)), `<DrugSensitivity><Type>Drug</Type><Drug Scheme="Dmd" ProductID="320030001" Name="Atorvastatin"/>`)
	e.Allergy.Ended = true
	require.Contains(t, sent(t, foreign(e)), "<EndedWithUnknownDate/>")
	e.Allergy.End = date(t, "2012")
	out := sent(t, foreign(e))
	require.Contains(t, out, "<EndedWithUnknownDate/>")
	require.Contains(t, out, "Past allergy, ended: 2012")

	for name, change := range map[string]func(e *record.Entry){
		"a clinical code for a drug": func(e *record.Entry) { e.Target = asthmaTarget },
		"a drug group":               func(e *record.Entry) { e.Allergy.Class = record.AllergyDrugGroup },
		"an ended non-drug allergy": func(e *record.Entry) {
			e.Target, e.Allergy.Class, e.Allergy.Ended = asthmaTarget, record.AllergyNonDrug, true
		},
		"no body": func(e *record.Entry) { e.Allergy = nil },
	} {
		e := allergy(t, record.AllergyDrug)
		change(e)
		out := sent(t, foreign(e))
		require.Equal(t, record.Degraded, e.Outcome, name)
		require.Contains(t, out, "<FreeText>Atorvastatin [", name)
		require.Contains(t, out, "allergy", name)
		require.NotContains(t, out, "H33..", name)
	}
	none := allergy(t, record.AllergyUnclear)
	none.Text, none.Target, none.Allergy.Absent = "No known allergies", mapping.Code{Scheme: mapping.CTV3, Value: "1151.", Term: "No known allergies"}, true
	require.Contains(t, sent(t, foreign(none)), `Code="1151." Term="No known allergies"/>`)
}

// A statement that is denied, in doubt or about a relative keeps no code that
// would be read without that.
func TestFit_Meaning(t *testing.T) {
	denied := observation(t)
	denied.Qualifiers = []record.Qualifier{{Name: "Certainty", Value: "Excluded", Meaning: record.Negates}}
	doubted := observation(t)
	doubted.Qualifiers = []record.Qualifier{{Name: "Certainty", Value: "Possible", Meaning: record.Doubts}}
	relative := observation(t)
	relative.Kind = record.KindFamilyHistory
	refused := observation(t)
	refused.Kind, refused.Immunisation = record.KindImmunisation, &record.Immunisation{NotGiven: true, Reason: "unwell"}
	unreadable := observation(t)
	unreadable.Kind, unreadable.Value = record.KindResult, &record.Value{Unreadable: "about 5"}
	uncoded := observation(t)
	uncoded.Target, uncoded.Code = mapping.Code{}, mapping.Code{}
	for words, e := range map[string]*record.Entry{"<FreeText>Asthma [denied: Excluded]&#10;Certainty: Excluded": denied, "<FreeText>Asthma [in doubt: Possible]&#10;Certainty: Possible": doubted, "[family history]": relative,
		"NOT GIVEN": refused, "Value as recorded: about 5": unreadable, "Asthma": uncoded} {
		out := sent(t, foreign(e))
		require.Equal(t, record.Degraded, e.Outcome, words)
		require.NotContains(t, out, `Code="H33.."`)
		require.NotContains(t, out, "<Vaccination>")
		require.Contains(t, out, words)
	}
	own := observation(t)
	own.Kind, own.Text, own.Target = record.KindFamilyHistory, "FH: Asthma", mapping.Code{Scheme: mapping.CTV3, Value: "12D2.", Term: "FH: Asthma"}
	require.Contains(t, sent(t, foreign(own)), "<IsFamilyHistory/>")
}

func TestFit_Unsupported(t *testing.T) {
	for _, kind := range []record.Kind{record.KindReferral, record.KindRequest, record.KindAlert, record.KindUnrecognised, record.KindAdministration} {
		e := observation(t)
		e.Kind, e.Target, e.Code, e.Outcome = kind, mapping.Code{}, mapping.Code{}, record.Exact
		e.Referral = &record.Referral{To: "Cardiology", Reference: "UBRN 1"}
		out := sent(t, foreign(e))
		require.Equal(t, record.Unsupported, e.Outcome)
		require.Contains(t, out, "<Narrative><Line>Asthma")
		require.Contains(t, out, "<Line>To: Cardiology</Line>")
	}
	for name, d := range map[string]string{"year": "2017", "unknown": ""} {
		e := observation(t)
		e.Kind, e.Date, e.Diary = record.KindDiary, date(t, d), &record.DiaryBody{}
		require.Contains(t, sent(t, foreign(e)), "Due: "+e.Date.Words(), name)
		require.Equal(t, record.Degraded, e.Outcome)
	}
}

func TestEncode_Document(t *testing.T) {
	e := observation(t)
	e.Kind, e.Text, e.Target, e.Code, e.Outcome = record.KindDocument, "Cardiology letter", mapping.Code{}, mapping.Code{}, record.Exact
	e.Document = &record.Document{Name: "a.tif", Locator: "0471", Type: "Letter", MIME: "image/tiff", Comments: "see page 2"}
	require.Contains(t, sent(t, foreign(e)), "<FileName>a.tif</FileName><DocumentUID>"+encodedUID(t, e)+"</DocumentUID>"+
		"<Comments>Cardiology letter&#10;see page 2&#10;Document type: Letter&#10;Format: image/tiff&#10;Location: 0471</Comments></Attachment>")
	e.Document.Locator = `\\server\scans\a.tif`
	require.Contains(t, sent(t, foreign(e)), `<DocumentPath>\\server\scans\a.tif</DocumentPath>`)
}

func encodedUID(t testing.TB, e *record.Entry) string {
	x := &encoder{patient: "patient-guid"}
	require.False(t, isUID(e.ID))
	return x.uid("document", e)
}

// Withheld and duplicate entries leave no trace, a failed one its place.
func TestEncode_Outcomes(t *testing.T) {
	withheld, duplicate, failed := observation(t), observation(t), observation(t)
	withheld.Text, withheld.Outcome = "SECRET", record.WithheldEntry
	duplicate.Text, duplicate.Outcome = "TWICE", record.Duplicate
	failed.Outcome, failed.At = record.FailedEntry, "12:4 event"
	p := observation(t)
	p.Kind, p.Text, p.Problem, p.Outcome = record.KindProblem, "SECRET", &record.Problem{Status: problemActive}, record.WithheldEntry
	linked := observation(t)
	linked.Problems = []record.ProblemLink{{Problem: p, Link: problemLinked}}
	c := observation(t)
	c.Kind, c.Consultation = record.KindConsultation, &record.Consultation{Items: []record.Item{{Words: "HIDDEN HEADING", Entry: withheld}, {Words: "Plan", Entry: linked}}}
	out := sent(t, foreign(c, withheld, duplicate, failed, p, linked))
	for _, word := range []string{"SECRET", "TWICE", "HIDDEN HEADING", "LinkedProblemUID"} {
		require.NotContains(t, out, word)
	}
	require.Contains(t, out, "An entry at 12:4 event could not be read.")
	require.Contains(t, out, "<Line>Plan</Line>")
}

func TestEncode_NotReady(t *testing.T) {
	pending := observation(t)
	pending.Outcome = record.Pending
	alien := observation(t)
	alien.Episodicity = mapping.Code{Scheme: "emisweb.episodicity", Value: "FIRST"}
	for _, e := range []*record.Entry{pending, alien} {
		_, err := newTestCodec(t).EncodeResponse(everything, record.Answered(foreign(e)), answerID)
		require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
	}
}

func TestEncode_Identifiers(t *testing.T) {
	rec := foreign(observation(t))
	first := sent(t, rec)
	require.Equal(t, first, sent(t, rec), "the same every time")
	_, uid, _ := strings.Cut(first, `EventUID="`)
	require.True(t, isUID(uid[:16]))
	rec.Patient.ID = "somebody else"
	require.NotEqual(t, first, sent(t, rec))
}

// Loops in a tree do not hang, and nothing is lost for them.
func TestEncode_Loop(t *testing.T) {
	a, b := observation(t), observation(t)
	a.ID, a.Text, a.Parent = "{A}", "First", b
	b.ID, b.Text, b.Parent = "{B}", "Second", a
	out := sent(t, foreign(a, b))
	require.Contains(t, out, `Term="First"`)
	require.Contains(t, out, `Term="Second"`)
}

func TestEncode_PatientBeyondTheFormat(t *testing.T) {
	rec := foreign()
	p := &rec.Patient
	p.Forenames, p.Surname, p.BirthName, p.Dead = "Nora May", "Quillfeather", "Sedge", true
	p.Contacts = []record.Contact{{Use: "home", Value: "01632 960117"}, {Use: "home", Value: "01632 960118"}, {Use: "pager", Value: "7"}}
	p.Addresses = []record.Address{{Use: "temporary", Street: "Spit Road"}, {Use: "home", Street: "Ferry Lane"}}
	p.Registration = []record.Qualifier{{Name: "Ethnicity", Value: "White"}, {Name: "English speaker", Value: "Fluent"}}
	p.BirthDate = date(t, "1958-03")
	p.UsualGP = &record.Person{Display: "Dr Hazel Winterbourne"}
	p.Practice = &record.Organisation{Name: "Causeway Medical Centre", ODS: "X99001"}
	rec.Settle(record.AllSections)
	out := string(encode(t, rec))
	for _, line := range []string{"Birth name: Sedge", "Date of birth: Mar-1958", "Date of death: the patient is recorded as deceased", "Contact home: 01632 960118", "Contact pager: 7",
		"Address temporary: Spit Road", "Ethnicity: White", "English speaker: Fluent", "Usual GP: Dr Hazel Winterbourne", "Practice: Causeway Medical Centre (X99001)"} {
		require.Contains(t, out, "<Line>"+line)
	}
	require.Contains(t, out, "<FirstName>Nora May</FirstName><MiddleNames></MiddleNames>")
	require.Contains(t, out, "<DateOfBirth></DateOfBirth>")
	require.Contains(t, out, "<Address><Road>Ferry Lane</Road></Address>")
	require.Contains(t, out, "<HomeTelephone>01632 960117</HomeTelephone>")

	// Not asked for is not sent.
	q := *everything
	q.Sections = record.SectionsOf(record.Medication)
	narrow, err := newTestCodec(t).EncodeResponse(&q, record.Answered(rec), answerID)
	require.NoError(t, err)
	require.NotContains(t, string(narrow), "Quillfeather")
	require.NotContains(t, string(narrow), "Sedge")
	require.Contains(t, string(narrow), "<NHSNumber>9998193036</NHSNumber>")
}
