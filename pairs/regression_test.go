package pairs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// regressionsNotApplicable are the entries of the table (safety §1.6) that
// nothing here can repeat, and why.
var regressionsNotApplicable = []struct{ entry, why string }{
	{"G2G 1.5.10 error code \"6\" for \"06\"", "GP2GP acknowledgement codes: neither system of this link has them; native failures are TestFailuresAreFailures"},
	{"G2G 1.5.12 wrong NACK for 401 and 403", "FHIR status codes: there is no FHIR end; every reason has one native form, TestFailuresAreFailures"},
	{"G2G 1.5.11, 1.5.10, 1.5.12, PSA 0.14 encoding, type and compression of attachments", "the content of documents does not cross this link; what is not there is said, TestHazard40"},
	{"PSA 1.0.0, G2G 2.0.4, 2.1.0, 2.2.1 lifecycle of a transfer", "a view is one request and one answer: no transfer has a state, nothing is retried for days or kept"},
	{"NIAD-1703 performer taken from elsewhere; PSA 1.2.1 author and practitioner of an allergy swapped", "have a test: an author that is missing is borrowed from nobody, TestHazard36"},
	{"PSA 1.1.0 a static list of vaccines, incomplete and with invalid codes", "no list of vaccines exists: what is a vaccination is said by the source's element, and every code by its table"},
	{"NIAD-1593 user-selected coding", "neither format marks one of several codings as chosen: the code of the entry is the chosen one, the rest stand beside it"},
	{"NIAD-1352 interpretation in the wrong place", "has a test: TestRegression_NIAD_1561 looks for the abnormal mark of the result itself"},
}

// TestRegressionsThatDoNotApply have a reason each.
func TestRegressionsThatDoNotApply(t *testing.T) {
	for _, r := range regressionsNotApplicable {
		require.NotEmpty(t, r.entry)
		require.Greater(t, len(r.why), 20, r.entry)
	}
}

// TestRegression_PSA_2_1_0_AProblemCutOffIsToldFromItsTwin: SystmOne sent a
// problem as two statements, one cut off and ending in an ellipsis, and an empty
// duplicate.
func TestRegression_PSA_2_1_0_AProblemCutOffIsToldFromItsTwin(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		problem := func(words string) *record.Entry {
			return &record.Entry{Kind: record.KindProblem, Text: words, Date: date("2016-03-04"), Problem: &record.Problem{}}
		}
		const full = "Chronic obstructive pulmonary disease with frequent exacerbations"
		for _, mark := range []string{"…", "..."} {
			got := h.cross(w, problem("Chronic obstructive pulmonary dis"+mark), problem(full), problem(""))
			require.Contains(t, got.text, "The source supplied a shortened copy; in full: "+full+", 04-Mar-2016", w)
			require.Contains(t, got.text, "Chronic obstructive pulmonary dis"+mark, "%v: both are shown", w)
			require.Equal(t, 3, got.rec.Tally(record.Problems).Source, w)
			require.NotContains(t, h.cross(w, problem("Chronic obstructive pulmonary dis"+mark), problem("Asthma")).text, "shortened copy", w)
			another := problem(full)
			another.Date = date("2017-03-04")
			require.NotContains(t, h.cross(w, problem("Chronic obstructive pulmonary dis"+mark), another).text, "shortened copy", "%v: of another day", w)
		}
	}
}

// TestRegression_PSA_1_0_1_PartsOfOneNameDoNotOverwriteEachOther: chunks all
// named "Untitled" overwrote each other.
func TestRegression_PSA_1_0_1_PartsOfOneNameDoNotOverwriteEachOther(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		var all []*record.Entry
		for i := range 5 {
			all = append(all, &record.Entry{Kind: record.KindDocument, ID: "Untitled", Text: "Untitled", Date: date("2016-03-04"), Document: &record.Document{Name: "Untitled", Comments: fmt.Sprintf("Chunk %d.", i)}})
		}
		text := h.cross(w, all...).text
		for i := range 5 {
			require.Contains(t, text, fmt.Sprintf("Chunk %d.", i), w)
		}
	}
}

// TestRegression_PSA_0_13_SpecialCharactersInNames: a document whose name holds
// them was lost.
func TestRegression_PSA_0_13_SpecialCharactersInNames(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, name := range []string{`a&b <c> "d" 'e'.doc`, "naïve €.rtf", `\\server\share\50% off?.tif`, "tab\tname.txt"} {
			e := &record.Entry{Kind: record.KindDocument, Text: "Letter", Date: date("2016-03-04"), Document: &record.Document{Name: name}}
			require.Contains(t, h.cross(w, e).text, name, w)
		}
	}
}

// TestRegression_PSA_1_4_5_TheDayOfTheMessageIsNoClinicalDate: the time of the
// extract stood as asserted or issued date; PSA 1.4.6, an onset that is unknown.
func TestRegression_PSA_1_4_5_TheDayOfTheMessageIsNoClinicalDate(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			if kind == record.KindDemographics {
				continue
			}
			got := h.cross(w, bodied(&record.Entry{Kind: kind, Text: "Undated words", Code: w.asthma()}))
			found := false
			for _, g := range got.entries() {
				if !strings.Contains(said(g), "Undated words") || strings.Contains(said(g), "alerts will NOT fire") {
					continue
				}
				found = true
				require.True(t, g.Date.IsZero(), "%v %s: %s", w, kind, g.Date)
				require.True(t, g.Recorded.IsZero(), "%v %s: %s", w, kind, g.Recorded)
			}
			require.True(t, found || kind == record.KindConsultation, "%v %s", w, kind)
		}
	}
}

// TestRegression_G2G_2_0_1_OnsetAndRecordingOfAnAllergyStayApart: the two dates
// became one.
func TestRegression_G2G_2_0_1_OnsetAndRecordingOfAnAllergyStayApart(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		e := allergy(record.AllergyDrug, "Trimethoprim", mapping.Code{}, mapping.Code{})
		e.Date, e.Recorded = date("2001-02-03"), date("2009-08-07")
		got := h.cross(w, e)
		for _, g := range got.entries() {
			if strings.Contains(said(g), "Trimethoprim") && !strings.Contains(said(g), "alerts will NOT fire") {
				require.Equal(t, date("2001-02-03"), g.Date, w)
				require.Contains(t, said(g)+"Recorded: "+g.Recorded.Words(), "Recorded: 07-Aug-2009", w)
			}
		}
	}
}

// TestRegression_PSA_3_0_3_DatesAndCommentsOfResults: issued and effective dates
// of results changed places, and comments made when filing got their own.
func TestRegression_PSA_3_0_3_DatesAndCommentsOfResults(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		p := &record.Entry{Kind: record.KindReport, Text: "Liver function", Date: date("2016-03-01"), Report: &record.Report{Issued: date("2016-03-03"), Collected: date("2016-02-28"), Comments: []string{"Filed: no action"}}}
		r := &record.Entry{Kind: record.KindResult, Text: "Bilirubin", Code: w.asthma(), Date: date("2016-03-01"), Parent: p, Value: &record.Value{Number: "12", Unit: "umol/L"}}
		got := h.cross(w, p, r)
		for _, g := range got.entries() {
			if strings.Contains(said(g), "Liver function") && strings.Contains(said(g), "Filed: no action") {
				require.Equal(t, date("2016-03-01"), g.Date.Truncate(record.PrecisionDay), w)
			}
			if g.Report != nil {
				require.Contains(t, []record.Date{{}, date("2016-03-03")}, g.Report.Issued.Truncate(record.PrecisionDay), w)
				require.Contains(t, []record.Date{{}, date("2016-02-28")}, g.Report.Collected.Truncate(record.PrecisionDay), w)
			}
		}
		require.Contains(t, got.text, "Filed: no action", w)
		for _, day := range []string{"2016-03-03", "2016-02-28"} {
			d := date(day)
			require.True(t, strings.Contains(got.text, day) || strings.Contains(got.text, d.Words()) || strings.Contains(got.text, d.DMY()), "%v %s", w, day)
		}
	}
}

// TestRegression_PSA_1_4_7_AConsultationKeepsItsOwnDate: the date of its parts or
// of its recording took precedence.
func TestRegression_PSA_1_4_7_AConsultationKeepsItsOwnDate(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		part := observation(w.asthma())
		part.Text, part.Date = "Said of another day", date("2015-12-24")
		visit := &record.Entry{Kind: record.KindConsultation, Text: "Home visit", Date: date("2016-03-04T10:05:00"), Recorded: date("2016-03-09T18:00:00"), Consultation: &record.Consultation{TypeText: "Home visit", Items: []record.Item{{Entry: part}}}}
		got := h.cross(w, visit, part)
		days := map[string]bool{}
		for _, g := range got.entries() {
			if g.Kind == record.KindConsultation {
				days[g.Date.Day()] = true
			}
			if strings.Contains(said(g), "Said of another day") && g.Kind != record.KindConsultation && !strings.Contains(said(g), "own date") {
				require.Equal(t, "2015-12-24", g.Date.Day(), w)
			}
		}
		require.True(t, days["2016-03-04"], "%v: %v", w, days)
		require.False(t, days["2016-03-09"], "%v: the day of recording", w)
	}
}

// TestRegression_NIAD_1560_ValuesThatAreNoNumber: ratios and titres were not
// processed; G2G 2.1.4, characters in values and ranges were not escaped.
func TestRegression_NIAD_1560_ValuesThatAreNoNumber(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, value := range []string{"1:160", "120/80", "+++", "<5 & >3", "neg \"trace\"", "3-7"} {
			e := &record.Entry{Kind: record.KindResult, Text: "A titre", Code: w.asthma(), Date: date("2016-03-04"),
				Value: &record.Value{Text: value, Ranges: []record.Range{{Words: "below <9> & so"}}}}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			text := h.send(w, recordOf(e), q).text
			require.Contains(t, text, value, w)
			require.Contains(t, text, "below <9> & so", w)
		}
	}
}

// TestRegression_NIAD_1561_ARangeWithoutAValueIsKept, with both its bounds, of
// which the low one was dropped (PSA, quantity mapper), and the abnormal mark.
func TestRegression_NIAD_1561_ARangeWithoutAValueIsKept(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, number := range []string{"", "5.4"} {
			e := &record.Entry{Kind: record.KindResult, Text: "Potassium", Code: w.asthma(), Date: date("2016-03-04"),
				Value: &record.Value{Number: number, Ranges: []record.Range{{Low: "3.5", High: "5.3"}}, AbnormalAs: "above the range"}}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			text := h.send(w, recordOf(e), q).text
			for _, words := range []string{"3.5", "5.3", "above the range", number} {
				require.Contains(t, text, words, "%v %q", w, number)
			}
		}
	}
}

// TestRegression_PSA_3_0_3_AVaccinationIsNoObservation whatever its code says
// more: given, it stays one. NIAD-1594, 1596, 1597: dose and every reason.
func TestRegression_PSA_3_0_3_AVaccinationIsNoObservation(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, description := range []mapping.Code{{}, snomed("10674011", "Influenza vaccination")} {
			e := &record.Entry{Kind: record.KindImmunisation, Text: "Influenza vaccination", Code: snomed("6142004", "Influenza vaccination"), Others: []mapping.Code{description}, Date: date("2016-03-04"),
				Immunisation: &record.Immunisation{Name: "Flu", Dose: "0.5 mL, half", Reason: "At risk; travel; third reason", Batch: "B-77", Site: "Left deltoid"}}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			got := h.send(w, recordOf(e), q)
			require.Equal(t, record.KindImmunisation, e.Kind, w)
			for _, words := range []string{"Influenza vaccination", "0.5 mL, half", "At risk; travel; third reason", "B-77", "Left deltoid"} {
				require.Contains(t, got.text, words, w)
			}
			given := false
			for _, g := range got.entries() {
				given = given || g.Kind == record.KindImmunisation
			}
			require.True(t, given, w)
		}
	}
}

// TestRegression_PSA_0_15_BloodPressures: some were not output, and a note was
// doubled (PSA 1.2.0); an episodicity was lost (PSA 1.4.2).
func TestRegression_PSA_0_15_BloodPressures(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, half := range []string{"both", "systolic", "diastolic"} {
			panel := &record.Entry{Kind: record.KindResult, Text: "O/E - blood pressure reading", Code: w.asthma(), Date: date("2016-03-04"), Texts: []record.Text{{Value: "Sitting, left arm"}}}
			all := []*record.Entry{panel}
			for words, number := range map[string]string{"systolic": "142", "diastolic": "88"} {
				if half == "both" || half == words {
					all = append(all, &record.Entry{Kind: record.KindResult, Text: "O/E - " + words, Code: w.asthma(), Date: panel.Date, Parent: panel, Value: &record.Value{Number: number, Unit: "mm[Hg]"}})
				}
			}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			text := h.send(w, recordOf(all...), q).text
			require.Equal(t, 1, strings.Count(text, "Sitting, left arm"), w)
			require.Equal(t, half != "diastolic", strings.Contains(text, "142"), "%v %s", w, half)
			require.Equal(t, half != "systolic", strings.Contains(text, "88\n") || strings.Contains(text, "88 mm[Hg]"), "%v %s", w, half)
		}
		e := observation(w.asthma())
		e.Episodicity = w.enum("episodicity NEW", "episodicity New")
		e.Text = "Asthma, first episode"
		q := whole()
		q.CodeScheme = mapping.SNOMED
		require.False(t, h.send(w, recordOf(e), q).entry(t, "Asthma, first episode").Episodicity.IsZero(), w)
	}
}

// TestRegression_G2G_2_2_0_ResultsWithoutASpecimen: were not sent when a sibling
// had one; 2.1.2, the whole was given up when none had; PSA 3.0.1, their order.
func TestRegression_G2G_2_2_0_ResultsWithoutASpecimen(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, siblings := range []bool{true, false} {
			report := &record.Entry{Kind: record.KindReport, Text: "Pathology report", Date: date("2016-03-04"), Report: &record.Report{Type: "Pathology"}}
			all := []*record.Entry{report}
			if siblings {
				specimen := &record.Entry{Kind: record.KindReport, Text: "Venous blood", Date: report.Date, Parent: report, Report: &record.Report{Specimen: "Venous blood"}}
				all = append(all, specimen, &record.Entry{Kind: record.KindResult, Text: "Result with one", Code: w.asthma(), Date: report.Date, Parent: specimen, Value: &record.Value{Number: "7.5"}})
			}
			for i := range 4 {
				all = append(all, &record.Entry{Kind: record.KindResult, Text: fmt.Sprintf("Result %d without", i), Code: w.asthma(), Date: report.Date, Parent: report, Value: &record.Value{Number: fmt.Sprint(i)}})
			}
			text, last := h.cross(w, all...).text, -1
			for i := range 4 {
				at := strings.Index(text, fmt.Sprintf("Result %d without", i))
				require.Greater(t, at, last, "%v %t: result %d", w, siblings, i)
				last = at
			}
			require.Equal(t, siblings, strings.Contains(text, "Result with one"), w)
		}
	}
}

// TestRegression_PSA_1_4_4_ARecallKeepsItsStatus: recalls were always active.
func TestRegression_PSA_1_4_4_ARecallKeepsItsStatus(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for value, words := range map[string]string{"emisweb": "Complete", "systmone": "Cancelled by patient"} {
			if value != w.from {
				continue
			}
			e := &record.Entry{Kind: record.KindDiary, Text: "Asthma review", Date: date("2016-09-01"), Diary: &record.DiaryBody{Status: w.enum("diary-complete true", "recall-status Cancelled by patient")}}
			got := h.cross(w, e)
			require.Contains(t, got.text, words, w)
			for _, g := range got.entries() {
				require.False(t, g.Diary != nil && (g.Diary.Status.Value == "Pending" || g.Diary.Status.Value == "false"), "%v: looks open", w)
				require.False(t, g.Diary != nil && g.Diary.Status.IsZero() && w.into == "systmone", "%v: a recall without a status is open", w)
			}
		}
	}
}

// TestRegression_PSA_1_2_0_UrgencyIsNotChanged: "Stat" became "as soon as
// possible".
func TestRegression_PSA_1_2_0_UrgencyIsNotChanged(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		e := &record.Entry{Kind: record.KindReferral, Text: "Referral", Date: date("2016-03-04"),
			Referral: &record.Referral{Urgency: mapping.Code{Scheme: mapping.Scheme(w.from + ".referral-urgency"), Value: "stat", Term: "Stat"}}}
		got := h.cross(w, e)
		require.Contains(t, got.text, "rgency: Stat", w)
		require.NotContains(t, strings.ToLower(got.text), "as soon as", w)
	}
}

// TestRegression_G2G_2_1_0_MissingActors: a record failed where asserter,
// recorder or participant was absent; PSA 3.0.7, one without a name crashed.
func TestRegression_G2G_2_1_0_MissingActors(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			for _, who := range []*record.Person{nil, {}, {ID: "7"}, {Role: "Nurse"}, {Surname: "Only"}} {
				for _, where := range []*record.Organisation{nil, {}, {ODS: "X99001"}} {
					e := bodied(&record.Entry{Kind: kind, Text: "Words of it", Code: w.asthma(), Date: date("2016-03-04"), Author: who, EnteredBy: who, Place: where})
					if m := e.Medication; m != nil {
						m.Authorisations = []record.Authorisation{{By: who}}
					}
					got := h.cross(w, e)
					if kind != record.KindDemographics {
						require.Contains(t, got.text, "Words of it", "%v %s", w, kind)
					}
				}
			}
		}
	}
}

// TestRegression_PSA_3_0_1_ConfidentialMarkOfEveryKind: the mark was dropped and
// mended one kind at a time (G2G 2.2.1 too): here every kind keeps it.
func TestRegression_PSA_3_0_1_ConfidentialMarkOfEveryKind(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			if kind == record.KindDemographics {
				continue
			}
			for _, coded := range []bool{true, false} {
				e := bodied(&record.Entry{Kind: kind, Text: "Words of it", Date: date("2016-03-04"), Confidential: "Not for the patient"})
				if coded {
					e.Code = w.asthma()
				}
				q := whole()
				q.CodeScheme = mapping.SNOMED
				require.Contains(t, h.send(w, recordOf(e), q).text, "Not for the patient", "%v %s coded %t", w, kind, coded)
			}
		}
	}
}

// TestRegression_PSA_0_12_CodesOfEverySystem: codes of Egton, Read, CTV3 and
// unknown systems were not mapped, some kinds got no degraded code, and the
// order of codings was lost (1.0.0).
func TestRegression_PSA_0_12_CodesOfEverySystem(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			if kind == record.KindDemographics || kind == record.KindConsultation || kind == record.KindUnrecognised || kind == record.KindNote || kind == record.KindAdministration {
				continue // kinds without a code of their own
			}
			code := w.of(mapping.Code{Scheme: mapping.EMISLocal, Value: "EMISNQXX99", Term: "A local code"}, mapping.Code{Scheme: mapping.TPPLocal, Value: "YZZ99", Term: "A local code"})
			e := bodied(&record.Entry{Kind: kind, Text: "Words of it", Code: code, Date: date("2016-03-04"),
				Others: []mapping.Code{snomed("195967001", "First beside it"), snomed("22298006", "Second beside it")}})
			got := h.cross(w, e)
			at := fmt.Sprint(w, " ", kind)
			require.Contains(t, got.text, "Words of it", at)
			require.Contains(t, got.text, code.Value, "%s: the source code stays", at)
			if e.Outcome == record.Degraded {
				require.Contains(t, strings.ToLower(e.Target.Term), "degraded", at)
				require.Less(t, strings.Index(got.text, "First beside it"), strings.Index(got.text, "Second beside it"), at)
			}
		}
	}
}

// TestRegression_PSA_3_0_1_MissingTablesAreAFault: the translator ran on without
// its immunisation codes.
func TestRegression_PSA_3_0_1_MissingTablesAreAFault(t *testing.T) {
	none, faults := mapping.NewSet()
	require.Empty(t, faults)
	require.NotEmpty(t, pairs.EMISWebSystmOne().Check(none))
	all, err := mapping.Starter()
	require.NoError(t, err)
	full, faults := mapping.NewSet(all...)
	require.Empty(t, faults)
	require.Empty(t, pairs.EMISWebSystmOne().Check(full))
	missing := 0
	for i := range all {
		set, faults := mapping.NewSet(append(append([]*mapping.Table(nil), all[:i]...), all[i+1:]...)...)
		require.Empty(t, faults)
		if len(pairs.EMISWebSystmOne().Check(set)) > 0 {
			missing++
		}
	}
	require.Greater(t, missing, 20, "each table of a slot or of degrade codes is missed")
}

// TestRegression_PSA_2_1_2_IDsAreEchoedAsTheyCame: the case of a conversation's
// id was changed; 2.0.5, ids were not preserved.
func TestRegression_PSA_2_1_2_IDsAreEchoedAsTheyCame(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		d := h.direction(w)
		for _, asked := range []string{"aBcD1234-EF56-7890-abCD-ef1234567890", "ABCD1234-EF56-7890-ABCD-EF1234567890"} {
			q := whole()
			q.MessageID = asked
			rec := recordOf()
			d.Translate(rec, q, q)
			out, err := d.Consumer.Codec.EncodeResponse(q, record.Answered(rec), id)
			require.NoError(t, err)
			require.Contains(t, string(out), asked, w)
		}
		e := &record.Entry{Kind: record.KindDocument, ID: "0123456789abcdef", Text: "Letter", Date: date("2016-03-04"), Document: &record.Document{Name: "a.tif"}}
		guid := &record.Entry{Kind: record.KindDocument, ID: "3F2504E0-4F89-11d3-9A0C-0305E82C3301", Text: "Letter", Date: date("2016-03-04"), Document: &record.Document{Name: "b.tif"}}
		out := string(h.cross(w, e, guid).out)
		require.True(t, strings.Contains(out, "0123456789abcdef") || strings.Contains(out, "3F2504E0-4F89-11d3-9A0C-0305E82C3301"), "%v: an id of the receiver's own form is kept", w)
	}
}

// TestRegression_PSA_3_0_6_WhatIsTooLargeIsRefusedNotDropped: a limit dropped
// large documents out of a record that went on.
func TestRegression_PSA_3_0_6_WhatIsTooLargeIsRefusedNotDropped(t *testing.T) {
	for _, s := range pairs.Systems() {
		for _, f := range formsOf(s.Name) {
			if f.name == "my-record" {
				continue // which is no XML: TestBadMessages
			}
			in, name := f.record(t, "../testdata/patients/nora-quillfeather"), f.label()
			for _, limits := range []xmlio.Limits{{Bytes: len(in) - 1}, {TextBytes: 8}, {Elements: 20}} {
				codec, err := s.New(system.Options{Limits: limits})
				require.NoError(t, err)
				p, err := codec.DecodeResponse(t.Context(), in)
				require.Error(t, err, name)
				require.Nil(t, p.Record(), name)
			}
		}
	}
}
