package pairs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// TestRowsThatCode tells the rows that give a code from those that give words
// (DESIGN.md decision 3; safety §D.1 D-3).
func TestRowsThatCode(t *testing.T) {
	d := to(t, "systmone", table(t, mapping.ReadV2, mapping.CTV3,
		"F59..|00|Hearing loss|XE0s9||Hearing loss|equivalent",
		"K05..|12|End stage renal failure|X30J0||Renal failure|source-is-narrower-than-target|any|yes",
		"K0D..|00|End-stage renal disease|X30J0||Renal failure|source-is-narrower-than-target",
		"J531.|00|Anal fistula|J531.||Fistula|related-to",
		"22K..|00|Body mass index||||no-map"))
	tests := []struct {
		name    string
		code    mapping.Code
		outcome record.Outcome
		target  string
		note    string
		listed  bool
	}{
		{"equivalent", read("F59..", "00", "Hearing loss"), record.Mapped, "XE0s9", "", false},
		{"assured", read("K05..", "12", "End stage renal failure"), record.Mapped, "X30J0", "", false},
		{"narrower", read("K0D..", "00", "End-stage renal disease"), record.Degraded, "XaLGM", "Closest code (not recorded): Renal failure", true},
		{"related", read("J531.", "00", "Anal fistula"), record.Degraded, "XaLGM", "Closest code (not recorded): Fistula", true},
		{"decided against", read("22K..", "00", "Body mass index"), record.Degraded, "XaLGM", "", false},
		{"no row", read("H33..", "00", "Asthma"), record.Degraded, "XaLGM", "", true},
		{"another synonym", read("F59..", "11", "Deafness"), record.Degraded, "XaLGM", "", true},
		{"an EMIS local code", mapping.Code{Scheme: mapping.EMISLocal, Value: "EMISNQ1", Term: "Local"}, record.Degraded, "XaLGM", "", true},
		{"no code", mapping.Code{Term: "Words"}, record.Degraded, "XaLGM", "", false},
	}
	for _, test := range tests {
		e := observation(test.code)
		rec, report := carry(d, e)
		require.Equal(t, test.outcome, e.Outcome, test.name)
		require.Equal(t, test.target, e.Target.Value, test.name)
		require.Equal(t, mapping.CTV3, e.Target.Scheme, test.name)
		require.Equal(t, test.code.Term, e.Text, test.name)
		require.Equal(t, test.code, e.Code, test.name)
		if test.note != "" {
			require.Contains(t, e.Notes, test.note, test.name)
		}
		require.Equal(t, test.listed, len(report.Unmapped) == 1, test.name)
		require.Zero(t, report.MalformedCodes, test.name)
		require.True(t, rec.Tally(record.Observations).Balanced(), test.name)
	}
}

// TestContextOfRows chooses the row of the entry's own context: a number asks
// for the observable (terminology §1.2).
func TestContextOfRows(t *testing.T) {
	d := to(t, "systmone", table(t, mapping.ReadV2, mapping.SNOMED,
		"2469.|00|O/E - Systolic BP reading|163030003||Systolic reading|equivalent",
		"2469.|00|O/E - Systolic BP reading|72313002||Systolic pressure|equivalent|with-value"))
	d.Rules.Unasked = pairs.Schemes{}
	with := observation(read("2469.", "00", "O/E - Systolic BP reading"))
	with.Kind, with.Value = record.KindResult, &record.Value{Number: "142", Unit: "mm Hg"}
	without := observation(read("2469.", "00", "O/E - Systolic BP reading"))
	carry(d, with, without)
	require.Equal(t, "72313002", with.Target.Value)
	require.Equal(t, "163030003", without.Target.Value)
}

// TestMalformedCodeIsNeverNamed counts what stands in a code slot and is no
// code, and keeps it out of the report (DESIGN.md decision 16).
func TestMalformedCodeIsNeverNamed(t *testing.T) {
	typed := observation(read("patient's words", "00", "Words"))
	read := &record.Entry{Kind: record.KindDiary, Text: "Recall", Malformed: true, Diary: &record.DiaryBody{}, Date: date("2016-01-01")}
	uncoded := &record.Entry{Kind: record.KindAllergy, Text: "Bee stings", Allergy: &record.Allergy{}}
	_, report := carry(to(t, "systmone"), typed, read, uncoded)
	require.Equal(t, 2, report.MalformedCodes)
	require.Empty(t, report.Unmapped)
	for _, e := range []*record.Entry{typed, read, uncoded} {
		require.Equal(t, record.Degraded, e.Outcome, e.Text)
	}
}

// TestDrugsOnlyByEquivalentRows lets no assured row of another relation name a
// product (DESIGN.md decision 3).
func TestDrugsOnlyByEquivalentRows(t *testing.T) {
	d := to(t, "systmone", items(t), table(t, mapping.EMISDrug, mapping.DMD,
		"FOTA1220||Folic acid 5mg tablets|327550006||Folic acid 5mg tablets|equivalent",
		"SITA3663NEMIS||Simvastatin 80mg tablets|320006003||Simvastatin|source-is-narrower-than-target|any|yes"))
	equal, near := medication(emisDrug("FOTA1220", "Folic acid 5mg tablets")), medication(emisDrug("SITA3663NEMIS", "Simvastatin 80mg tablets"))
	issue := &record.Entry{Kind: record.KindIssue, Text: near.Text, Code: near.Code, Medication: &record.MedicationBody{}}
	carry(d, equal, near, issue)
	require.Equal(t, record.Mapped, equal.Outcome)
	require.Equal(t, mapping.Code{Scheme: mapping.DMD, Value: "327550006", Term: "Folic acid 5mg tablets"}, equal.Target)
	for _, e := range []*record.Entry{near, issue} {
		require.Equal(t, record.Degraded, e.Outcome)
		require.Equal(t, "XaLGN", e.Target.Value)
	}
}

// TestClassOfContext lets no code stand for words of another class: denied,
// suspected, past, about a relative (safety §D.2 "context class differs").
func TestClassOfContext(t *testing.T) {
	d := to(t, "systmone", table(t, mapping.ReadV2, mapping.CTV3,
		"H33..|00|Asthma|H33..||Asthma|equivalent",
		"12D2.|00|FH: Asthma|12D2.||FH: Asthma|equivalent",
		"1J6..|00|Suspected asthma|XaIOV||Suspected asthma|equivalent",
		"2126.|00||XaIOW|||equivalent"))
	asthma, relative := read("H33..", "00", "Asthma"), read("12D2.", "00", "FH: Asthma")
	tests := []struct {
		name, text string
		kind       record.Kind
		code       mapping.Code
		outcome    record.Outcome
	}{
		{"as it is", "Asthma", record.KindObservation, asthma, record.Mapped},
		{"other words of one class", "Bronchial asthma", record.KindObservation, asthma, record.Mapped},
		{"denied in the words shown", "No asthma", record.KindObservation, asthma, record.Degraded},
		{"denied beside the code", "Asthma", record.KindObservation, read("H33..", "00", "Asthma excluded"), record.Degraded},
		{"suspected", "?Asthma", record.KindObservation, asthma, record.Degraded},
		{"past", "H/O: asthma", record.KindProblem, asthma, record.Degraded},
		{"a relative's in words", "FH: asthma", record.KindObservation, asthma, record.Degraded},
		{"a relative's by kind", "Asthma", record.KindFamilyHistory, asthma, record.Degraded},
		{"a relative's on both sides", "FH: Asthma", record.KindFamilyHistory, relative, record.Mapped},
		{"a relative's code, the patient's words", "Asthma", record.KindObservation, relative, record.Degraded},
		{"suspected on both sides", "Suspected asthma", record.KindObservation, read("1J6..", "00", "Suspected asthma"), record.Mapped},
		{"a target without words", "Asthma resolved", record.KindObservation, read("2126.", "00", "Asthma resolved"), record.Mapped},
		{"a target without words, denied", "No asthma", record.KindObservation, read("2126.", "00", ""), record.Degraded},
	}
	for _, test := range tests {
		e := &record.Entry{Kind: test.kind, Text: test.text, Code: test.code}
		if test.kind == record.KindProblem {
			e.Problem = &record.Problem{}
		}
		carry(d, e)
		require.Equal(t, test.outcome, e.Outcome, test.name)
		require.Equal(t, test.text, e.Text)
		if test.kind == record.KindFamilyHistory && test.outcome == record.Degraded {
			require.Contains(t, e.Notes, "About a relative, not about the patient.")
		}
	}
}

// oneWord is a dictionary of one code.
type oneWord struct {
	code mapping.Code
	term string
}

func (w oneWord) Holds(s mapping.Scheme) bool { return s == w.code.Scheme }

func (w oneWord) Look(c mapping.Code) (string, bool, bool) { return w.term, true, c.Is(w.code) }

// TestClassKnownFromADictionary judges a target without words of its own by
// those a dictionary had when the table was loaded.
func TestClassKnownFromADictionary(t *testing.T) {
	text := "# id: t\n# version: 1\n# from: readv2\n# to: ctv3\n# layer: local\n# licence: none\n# source: by hand\n" +
		"source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\n" +
		"2126.\t00\t\tXaIOW\t\t\tequivalent\tany\tno\tby hand\n"
	for term, outcome := range map[string]record.Outcome{"Asthma": record.Mapped, "FH: Asthma": record.Degraded, "No asthma": record.Degraded} {
		tab, faults := mapping.Parse("t.tsv", strings.NewReader(text), mapping.Options{Dictionary: oneWord{mapping.Code{Scheme: mapping.CTV3, Value: "XaIOW"}, term}})
		require.Empty(t, faults)
		e := observation(read("2126.", "00", "Asthma"))
		carry(to(t, "systmone", tab), e)
		require.Equal(t, outcome, e.Outcome, term)
	}
}

// TestFamilyHistoryInOneScheme holds the rule where the code needs no row.
func TestFamilyHistoryInOneScheme(t *testing.T) {
	d := to(t, "emisweb")
	e := &record.Entry{Kind: record.KindFamilyHistory, Text: "Asthma", Code: snomed("195967001", "Asthma")}
	own := observation(snomed("195967001", "Asthma"))
	supplier := observation(snomed("1502611000006101", "Left"))
	carry(d, e, own, supplier)
	require.Equal(t, record.Degraded, e.Outcome)
	require.Equal(t, record.Exact, own.Outcome)
	require.Equal(t, record.Degraded, supplier.Outcome, "a supplier's own concept")
}

// TestQualifiersThatTurnRound leaves no code beside what denies or doubts it,
// in either direction.
func TestQualifiersThatTurnRound(t *testing.T) {
	for consumer, tab := range map[string]*mapping.Table{
		"systmone": table(t, mapping.ReadV2, mapping.CTV3, "H33..|00|Asthma|H33..||Asthma|equivalent"),
		"emisweb":  table(t, mapping.CTV3, mapping.ReadV2, "H33..||Asthma|H33..|00|Asthma|equivalent"),
	} {
		for _, meaning := range []record.QualifierMeaning{record.Refines, record.Negates, record.Doubts} {
			e := observation(mapping.Code{Scheme: tab.From, Value: "H33..", Term: "Asthma"})
			if consumer == "systmone" {
				e.Code.TermCode = "00"
			}
			e.Qualifiers = []record.Qualifier{{Name: "Certainty", Value: "Known absent", ValueCode: snomed("410516002", "Known absent"), Meaning: meaning}}
			carry(to(t, consumer, tab), e)
			require.Equal(t, meaning == record.Refines, e.Outcome == record.Mapped, consumer)
			require.Equal(t, "Known absent", e.Qualifiers[0].Value)
		}
	}
}

// TestForeignCodesBecomeWords lets no code of a qualifier or an ingredient
// stand in a place the receiver could read, and keeps it as a line (D-2).
func TestForeignCodesBecomeWords(t *testing.T) {
	e := medication(emisDrug("FOTA1220", "Folic acid 5mg tablets"))
	e.Qualifiers = []record.Qualifier{{Name: "Laterality", ValueCode: snomed("7771000", "Left")},
		{Name: "Severity", Value: "Mild", ValueCode: mapping.Code{Scheme: "emisweb.severity", Value: "17", Term: "Mild"}}}
	e.Medication.Mixture = []record.Ingredient{{Code: emisDrug("COAL0001", "Coal tar solution"), Strength: "5 %"}}
	rec := recordOf(e)
	rec.Patient.Registration = []record.Qualifier{{Name: "Ethnicity", Value: "British", ValueCode: read("9i0..", "00", "British")}}
	d := to(t, "systmone", items(t))
	d.Translate(rec, whole(), whole())
	require.Equal(t, []record.Qualifier{{Name: "Laterality", Value: "Left"}, {Name: "Severity", Value: "Mild"}}, e.Qualifiers)
	require.Equal(t, []record.Ingredient{{Text: "Coal tar solution", Strength: "5 %"}}, e.Medication.Mixture)
	require.Contains(t, e.Notes, `Qualifier code: snomed 7771000 "Left"`)
	require.Contains(t, e.Notes, `Ingredient code: emis-drug COAL0001 "Coal tar solution"`)
	require.Equal(t, []record.Qualifier{{Name: "Ethnicity", Value: "British"}, {Name: "Ethnicity, source code", Value: `readv2 9i0..00 "British"`}},
		rec.Patient.Registration)
}

// TestOutputScheme gives who asks for one scheme no code of another (S §1.2).
func TestOutputScheme(t *testing.T) {
	d := to(t, "systmone", items(t),
		table(t, mapping.ReadV2, mapping.CTV3, "F59..|00|Hearing loss|XE0s9||Hearing loss|equivalent"),
		table(t, mapping.ReadV2, mapping.SNOMED, "H33..|00|Asthma|195967001||Asthma|equivalent"),
		table(t, mapping.EMISDrug, mapping.DMD, "FOTA1220||Folic acid 5mg tablets|327550006||Folic acid 5mg tablets|equivalent"))
	tests := []struct {
		codes, drugs                mapping.Scheme
		hearing, asthma, drug, code string
	}{
		{"", "", "XE0s9", "XaLGM", "327550006", "ctv3"}, // SystmOne's own default
		{mapping.CTV3, mapping.Multilex, "XE0s9", "XaLGM", "XaLGN", "ctv3"},
		{mapping.SNOMED, mapping.DMD, "196411000000103", "195967001", "327550006", "snomed"},
		{mapping.ReadV2, mapping.EMISDrug, "", "", "", ""}, // not filed by the asker
	}
	for _, test := range tests {
		hearing, asthma := observation(read("F59..", "00", "Hearing loss")), observation(read("H33..", "00", "Asthma"))
		drug := medication(emisDrug("FOTA1220", "Folic acid 5mg tablets"))
		q := whole()
		q.CodeScheme, q.DrugScheme = test.codes, test.drugs
		d.Translate(recordOf(hearing, asthma, drug), q, q)
		require.Equal(t, test.hearing, hearing.Target.Value)
		require.Equal(t, test.asthma, asthma.Target.Value)
		require.Equal(t, test.drug, drug.Target.Value)
		require.Equal(t, mapping.Scheme(test.code), hearing.Target.Scheme)
	}
}
