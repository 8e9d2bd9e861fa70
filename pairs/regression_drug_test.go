package pairs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// The tests of regressions are named after an entry in the published change
// logs of the adaptors that carried EMIS Web and SystmOne records before (PSA,
// the requesting adaptor; G2G, the sending one; safety §1.6): each shows that
// this link does not do what they did. Entries that do not apply stand in
// regressionsNotApplicable.

// course is a course of the source system.
func course(w way, words string) *record.Entry {
	e := medication(w.aspirin())
	e.Text, e.Date = words, date("2016-03-04")
	e.Medication.Type = w.enum("prescription-type A", "medication-item Medication")
	return e
}

// TestRegression_PSA_1_4_0_StateOfAFailedPatientNeverReachesTheNext: a medicine
// was not mapped when the extract before had failed among its medicines.
func TestRegression_PSA_1_4_0_StateOfAFailedPatientNeverReachesTheNext(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		alone := newHazards(t).cross(w, course(w, "Aspirin 75mg tablets")).out // by a link that has seen nobody else
		for _, fault := range []func(*record.Record){
			func(r *record.Record) { r.Entries[0].Outcome = record.FailedEntry },
			func(r *record.Record) { r.Fail(record.Medication, "1:1 Medication", "repeated Dose") },
			func(r *record.Record) { r.Entries[0].Medication = nil },
			func(r *record.Record) { r.Entries[0].Malformed, r.Entries[0].Code = true, mapping.Code{} },
		} {
			rec := recordOf(course(w, "Aspirin 75mg tablets"))
			fault(rec)
			d := h.direction(w)
			d.Translate(rec, whole(), whole())
			_, _ = d.Consumer.Codec.EncodeResponse(whole(), record.Answered(rec), id)
			bad := recordOf(&record.Entry{Kind: record.KindMedication, Medication: &record.MedicationBody{Status: slot("no-such", "1", "")}})
			_, err := d.Consumer.Codec.EncodeResponse(whole(), record.Answered(bad), id) // never translated
			require.Error(t, err)
			require.Equal(t, string(alone), string(h.cross(w, course(w, "Aspirin 75mg tablets")).out), w)
		}
	}
}

// TestRegression_G2G_1_5_6_UnitsAreKept: the unit of a quantity and of a value
// was left out.
func TestRegression_G2G_1_5_6_UnitsAreKept(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, unit := range []string{"tablet(s)", "5mL spoonfuls", "mcg/hour patch"} {
			e := course(w, "Aspirin 75mg tablets")
			e.Medication.Quantity, e.Medication.Unit = "28", unit
			r := &record.Entry{Kind: record.KindResult, Text: "Serum potassium", Code: w.asthma(), Date: date("2016-03-04"), Value: &record.Value{Number: "5.4", Unit: "mmol/L of serum"}}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			text := h.send(w, recordOf(e, r), q).text
			require.Contains(t, text, unit, w)
			require.Contains(t, text, "mmol/L of serum", w)
		}
	}
}

// TestRegression_G2G_1_5_6_PrescribedElsewhereKeepsItsWords: a medicine from
// another prescriber went out under the wrong code.
func TestRegression_G2G_1_5_6_PrescribedElsewhereKeepsItsWords(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		e := course(w, "Aspirin 75mg tablets")
		e.Medication.Type = mapping.Code{Scheme: mapping.Scheme(map[string]string{"emisweb": "emisweb.prescription-type", "systmone": "systmone.medication-item"}[w.from]), Value: "elsewhere", Term: "Prescribed elsewhere"}
		e.Texts = []record.Text{{Label: "Agency", Value: "Hospital outpatients"}}
		got := h.cross(w, e)
		require.Contains(t, got.text, "Prescribed elsewhere", w)
		require.Contains(t, got.text, "Agency: Hospital outpatients", w)
		for _, g := range got.entries() {
			require.NotContains(t, []string{"", "elsewhere"}, g.Code.Value+"x", w)
			require.False(t, g.Medication != nil && g.Medication.Type.Value == "R", "%v: no repeat of this practice", w)
		}
	}
}

// TestRegression_NIAD_1526_AnIssueNamesItsOwnCourse: prior and predecessor plans
// were confused.
func TestRegression_NIAD_1526_AnIssueNamesItsOwnCourse(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		before, now := course(w, "Aspirin 75mg tablets"), course(w, "Aspirin 300mg tablets")
		before.Date, now.Date = date("2014-01-01"), date("2016-01-01")
		issue := course(w, "Aspirin 300mg tablets, issue")
		issue.Kind, issue.Date, issue.Medication.Course = record.KindIssue, date("2016-02-01"), now
		got := h.cross(w, before, now, issue)
		named := false
		for _, g := range got.entries() {
			if !strings.Contains(said(g), "issue") {
				continue
			}
			if g.Medication != nil && g.Medication.Course != nil {
				require.Equal(t, "Aspirin 300mg tablets", g.Medication.Course.Text, w)
				named = true
			}
			named = named || strings.Contains(said(g), "Issue of: Aspirin 300mg tablets")
			require.NotContains(t, said(g), "Issue of: Aspirin 75mg", w)
		}
		require.True(t, named, "%v: an issue without its course", w)
		require.Contains(t, got.text, "Aspirin 300mg tablets, issue", w)
	}
}

// TestRegression_NIAD_1667_QuantityInWordsIsKept: a quantity in words was lost.
func TestRegression_NIAD_1667_QuantityInWordsIsKept(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		e := course(w, "Aspirin 75mg tablets")
		e.Medication.QuantityWords = "two packs of 14 and one loose"
		require.Contains(t, h.cross(w, e).text, "two packs of 14 and one loose", w)
	}
}

// TestRegression_PSA_3_0_4_IssuesOfOneDayStayApart: post-dated acute issues came
// to share one plan.
func TestRegression_PSA_3_0_4_IssuesOfOneDayStayApart(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		var all []*record.Entry
		for i := range 3 {
			e := course(w, "Aspirin 75mg tablets")
			e.Date, e.Recorded = date(fmt.Sprintf("2016-04-%02d", 7*(i+1))), date("2016-04-01")
			e.Medication.Start, e.Medication.Dosage = e.Date, fmt.Sprintf("Dose of week %d", i)
			all = append(all, e)
		}
		got := h.cross(w, all...)
		starts := map[string]bool{}
		for _, g := range got.entries() {
			if g.Medication != nil {
				require.Equal(t, g.Medication.Start.Day(), g.Date.Day(), w)
				starts[g.Medication.Start.Day()+" "+g.Medication.Dosage] = true
			}
		}
		for i := range 3 {
			require.Contains(t, got.text, fmt.Sprintf("Dose of week %d", i), w)
		}
		require.GreaterOrEqual(t, len(starts), 3, "%v: %v", w, starts)
	}
}

// TestRegression_G2G_2_1_3_StoppedWithoutAReason: a medicine stopped with no
// reason made the whole message malformed.
func TestRegression_G2G_2_1_3_StoppedWithoutAReason(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, reason := range []string{"", " ", "Side <effects> & more"} {
			e := course(w, "Aspirin 75mg tablets")
			e.Medication.Status, e.Medication.End, e.Medication.EndReason = w.enum("drug-status C", "drug-state ended"), date("2016-05-01"), reason
			got := h.cross(w, e)
			require.Contains(t, got.text, strings.TrimSpace(reason), w)
			require.True(t, strings.Contains(got.text, "2016-05-01") || strings.Contains(got.text, "01/05/2016") || strings.Contains(got.text, "01-May-2016"), w)
		}
	}
}

// TestRegression_PSA_2_1_1_TextsAreSaidOnce: the text of a medicine was doubled.
func TestRegression_PSA_2_1_1_TextsAreSaidOnce(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		e := course(w, "Aspirin 75mg tablets")
		e.Texts = []record.Text{{Value: "Take with food please"}}
		e.Medication.Dosage = "ONE EACH MORNING WITH WATER"
		text := h.cross(w, e).text
		require.Equal(t, 1, strings.Count(text, "Take with food please"), w)
		require.Equal(t, 1, strings.Count(text, "ONE EACH MORNING WITH WATER"), w)
	}
}

// TestRegression_NIAD_1480_ResolvedDrugAllergiesAreFound: ended drug allergies
// were not found.
func TestRegression_NIAD_1480_ResolvedDrugAllergiesAreFound(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, e := range allergyForms(w, "Trimethoprim") {
			if e.Allergy == nil || !e.Allergy.Ended {
				continue
			}
			got := h.cross(w, e)
			require.Contains(t, got.text, e.Text, w)
			require.Contains(t, strings.ToLower(got.text), "past allergy, ended", w)
		}
	}
}

// TestRegression_Demonstrator_365_NothingRecordedIsNoAssertion: that none are
// known was asserted where none was recorded.
func TestRegression_Demonstrator_365_NothingRecordedIsNoAssertion(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		text := h.cross(w).text
		require.Contains(t, text, "No 'Allergies and Adverse Reactions' data is recorded for this patient.", w)
		require.NotContains(t, strings.ToLower(text), "no known", w)
	}
}

// TestRegression_PSA_0_12_AnAllergyStandsInOneList: allergies were referenced
// wrongly from lists: here each is one entry, of the allergies, whatever it is
// linked to.
func TestRegression_PSA_0_12_AnAllergyStandsInOneList(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		a := allergy(record.AllergyNonDrug, "Egg protein", mapping.Code{}, mapping.Code{})
		a.Date = date("2016-03-04")
		p := &record.Entry{Kind: record.KindProblem, Text: "Asthma", Code: w.asthma(), Date: date("2016-03-04"), Problem: &record.Problem{}}
		a.Problems = []record.ProblemLink{{Problem: p, Link: w.enum("problem-link ASS", "problem-link linked")}}
		visit := &record.Entry{Kind: record.KindConsultation, Text: "Visit", Date: date("2016-03-04"), Consultation: &record.Consultation{Items: []record.Item{{Entry: a}, {Entry: p}}}}
		got := h.cross(w, visit, p, a)
		require.Equal(t, 1, got.rec.Tally(record.Allergies).Source, w)
		n := 0
		for _, g := range got.entries() {
			if strings.HasPrefix(strings.TrimPrefix(said(g), g.Code.Term), "Egg protein") || len(g.Texts) > 0 && strings.HasPrefix(g.Texts[0].Value, "Egg protein") {
				n++
			}
		}
		require.Equal(t, 1, n, w)
	}
}
