package ehrextract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// The tests of this file are named after the defects the national adaptors
// shipped and put right, as far as they are about writing an extract (safety
// §1.6).

func TestPSA140NothingOfAFailedRecordIsInTheNext(t *testing.T) {
	good := func() *record.Record {
		return recordOf(&record.Entry{Kind: record.KindObservation, Text: "Asthma", Target: read("H33..", "00", "Asthma")})
	}
	want, err := encode(good(), nil)
	require.NoError(t, err)
	bad := recordOf(&record.Entry{Kind: record.KindMedication, Text: "Doxycycline", Medication: &record.MedicationBody{Dosage: "ONE DAILY"}})
	bad.Entries[0].Outcome = record.Pending
	_, err = encode(bad, nil)
	require.Error(t, err)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
	require.NotContains(t, err.Error(), "Doxycycline")
	got, err := encode(good(), nil)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestPSA121DocumentsOfOneNameAreAllThere(t *testing.T) {
	letter := func(comments string) *record.Entry {
		return &record.Entry{Kind: record.KindDocument, Text: "Untitled", Document: &record.Document{Title: "Untitled", Comments: comments}}
	}
	said := strings.Join(extractOf(t, letter("first part"), letter("second part")).texts("text"), "\n")
	require.Contains(t, said, "first part")
	require.Contains(t, said, "second part")
}

func TestPSA145TimeOfTheExtractIsNoClinicalDate(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindObservation, Text: "Asthma", Target: read("H33..", "00", "Asthma")},
		&record.Entry{Kind: record.KindAllergy, Text: "Egg allergy", Target: read("SN580", "00", "Egg allergy"), Allergy: &record.Allergy{Class: record.AllergyNonDrug}})
	for _, c := range x.all("ehrComposition") {
		for _, name := range []string{"availabilityTime", "time", "center", "low"} {
			for _, at := range c.all(name) {
				require.Empty(t, at.attr("value"), name)
				require.NotEmpty(t, at.attr("nullFlavor"), name)
			}
		}
	}
}

func TestPSA146ProblemOfUnknownOnset(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindProblem, Text: "Asthma", Target: read("H33..", "00", "Asthma"), Recorded: date("2016-03-04T10:05:00"),
		Problem: &record.Problem{Status: mapping.Code{Scheme: "guru.problem-status", Value: "inactive"}, End: date("2014")}})
	set := x.one(t, "LinkSet")
	require.Equal(t, "UNK", set.one(t, "low").attr("nullFlavor"))
	require.Equal(t, "2014", set.one(t, "high").attr("value"))
	require.Equal(t, "20160304100500", set.child(t, "availabilityTime").attr("value"))
}

func TestG2G201OnsetAndRecordingOfAnAllergyStayApart(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindAllergy, Text: "Egg allergy", Target: read("SN580", "00", "Egg allergy"), Date: date("1999"),
		Recorded: date("2016-03-04T10:05:00"), Allergy: &record.Allergy{Class: record.AllergyNonDrug}})
	require.Equal(t, "1999", x.one(t, "ObservationStatement").child(t, "availabilityTime").attr("value"))
	require.Equal(t, "20160304100500", x.one(t, "ehrComposition").child(t, "author").child(t, "time").attr("value"))
}

func TestPSA212ResultOfAnotherDayThanItsReport(t *testing.T) {
	report := &record.Entry{Kind: record.KindReport, Text: "Full blood count", Date: date("2016-03-06"),
		Report: &record.Report{Collected: date("2016-03-04T10:05"), Received: date("2016-03-07"), Comments: []string{"Filed without comment."}}}
	result := &record.Entry{Kind: record.KindResult, Text: "Haemoglobin", Target: read("423..", "00", "Haemoglobin"), Date: date("2016-03-05"), Parent: report, Value: &record.Value{Number: "131", Unit: "g/L"}}
	x := extractOf(t, report, result)
	battery := x.one(t, "CompoundStatement")
	require.Equal(t, "20160306", battery.child(t, "availabilityTime").attr("value"))
	require.Equal(t, "20160305", battery.one(t, "ObservationStatement").child(t, "availabilityTime").attr("value"))
	said := strings.Join(battery.texts("text"), "\n")
	for _, line := range []string{"Sampled: 04-Mar-2016 10:05", "Received: 07-Mar-2016", "Comment: Filed without comment."} {
		require.Contains(t, said, line)
	}
}

func TestPSA147ItemOfAnotherDayThanItsConsultation(t *testing.T) {
	item := &record.Entry{Kind: record.KindObservation, Text: "Asthma", Target: read("H33..", "00", "Asthma"), Date: date("2009-06")}
	x := extractOf(t, &record.Entry{Kind: record.KindConsultation, Date: date("2016-03-04T10:05"), Consultation: &record.Consultation{Items: []record.Item{{Entry: item}}}}, item)
	c := x.one(t, "ehrComposition")
	require.Equal(t, "201603041005", c.child(t, "availabilityTime").attr("value"))
	require.Equal(t, "200906", c.one(t, "ObservationStatement").child(t, "availabilityTime").attr("value"))
}

func TestG2G156UnitsAreThere(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindResult, Text: "Weight", Target: read("22A..", "00", "O/E - weight"), Value: &record.Value{Number: "80.50", Unit: "kg"}},
		&record.Entry{Kind: record.KindMedication, Text: "Aspirin", Target: dmd("319775004", "Aspirin 75mg tablets"), Medication: &record.MedicationBody{Quantity: "28", Unit: "tablet"}})
	value := x.one(t, "value")
	require.Equal(t, "80.50", value.attr("value"))
	require.Equal(t, []string{"kg"}, value.texts("originalText"))
	require.Equal(t, []string{"tablet"}, x.one(t, "ehrSupplyAuthorise").one(t, "quantity").texts("originalText"))
}

func TestNIAD1560RatioIsWordsInTheValue(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindResult, Text: "Antibody titre", Target: read("43...", "00", "Immunology"), Value: &record.Value{Text: "1:128"}})
	require.Equal(t, "1:128", x.one(t, "value").Text)
}

func TestNIAD1561RangeWithoutAValue(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindResult, Text: "Haemoglobin", Target: read("423..", "00", "Haemoglobin"), Value: &record.Value{Ranges: []record.Range{{Low: "115", High: "160", Unit: "g/L"}}}})
	r := x.one(t, "referenceRange")
	require.Equal(t, "115", r.one(t, "low").attr("value"))
	require.Equal(t, "160", r.one(t, "high").attr("value"))
	require.Equal(t, []string{"g/L", "g/L"}, r.texts("originalText"))
}

func TestNIAD1380MarkupInValueAndRange(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindResult, Text: `a<b & "c"`, Target: read("423..", "00", "Haemoglobin"),
		Value: &record.Value{Text: `<5 & >2 "low"`, Ranges: []record.Range{{Words: `<10 & rising`}}}})
	require.Equal(t, `<5 & >2 "low"`, x.one(t, "value").Text)
	require.Equal(t, []string{`<10 & rising`}, x.one(t, "referenceRange").texts("text"))
	require.Equal(t, []string{`a<b & "c"`}, x.one(t, "ObservationStatement").child(t, "code").texts("originalText"))
}

func TestPSAQuantityMapperBothBoundsOfARange(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindResult, Text: "Potassium", Target: read("44I4.", "00", "Serum potassium"),
		Value: &record.Value{Number: "3.9", Ranges: []record.Range{{Low: "3.5", High: "5.3"}, {LowOp: ">", Low: "3.5", High: "5.3", Qualifier: "Target"}}}})
	whole := x.all("referenceRange")[0]
	require.Equal(t, "3.5", whole.one(t, "low").attr("value"))
	require.Equal(t, "5.3", whole.one(t, "high").attr("value"))
	require.Contains(t, x.all("referenceRange")[1].texts("text")[0], "from > 3.5 to 5.3")
}

func TestComparatorsAreBounds(t *testing.T) {
	for sign, want := range map[string][2]string{"<": {"high", "false"}, "<=": {"high", "true"}, ">": {"low", "false"}, ">=": {"low", "true"}} {
		x := extractOf(t, &record.Entry{Kind: record.KindResult, Text: "eGFR", Target: read("451E.", "00", "GFR"),
			Value: &record.Value{Number: "90", Unit: "mL/min", Comparator: mapping.Code{Scheme: "guru.comparator", Value: sign}}})
		bound := x.one(t, "ObservationStatement").one(t, want[0])
		require.Equal(t, "90", bound.attr("value"), sign)
		require.Equal(t, want[1], bound.attr("inclusive"), sign)
		require.Equal(t, []string{"mL/min"}, bound.texts("originalText"))
	}
}

func course(text, quantity, unit string, m record.MedicationBody) *record.Entry {
	m.Quantity, m.Unit = quantity, unit
	return &record.Entry{Kind: record.KindMedication, Text: text, Target: dmd("319775004", "Aspirin 75mg tablets"), Date: date("2016-03-04"), Medication: &m}
}

func issue(of *record.Entry, on string) *record.Entry {
	return &record.Entry{Kind: record.KindIssue, Text: of.Text, Target: of.Target, Date: date(on), Medication: &record.MedicationBody{Course: of, Quantity: "28", Unit: "tablet"}}
}

func TestNIAD1526IssueIsOfItsOwnCourse(t *testing.T) {
	first, second := course("Aspirin 75mg tablets", "28", "tablet", record.MedicationBody{}), course("Aspirin 75mg tablets", "56", "tablet", record.MedicationBody{})
	x := extractOf(t, first, second, issue(second, "2016-04-01"), issue(first, "2016-05-01"))
	courses, issues := x.all("ehrSupplyAuthorise"), x.all("ehrSupplyPrescribe")
	require.Len(t, courses, 2)
	require.Len(t, issues, 2)
	require.Equal(t, courses[1].child(t, "id").attr("root"), issues[0].one(t, "priorMedicationRef").one(t, "id").attr("root"))
	require.Equal(t, courses[0].child(t, "id").attr("root"), issues[1].one(t, "priorMedicationRef").one(t, "id").attr("root"))
}

func TestNIAD1667QuantityInWordsIsThere(t *testing.T) {
	x := extractOf(t, course("Aspirin", "", "", record.MedicationBody{QuantityWords: "two original packs"}), course("Aspirin", "one and a half", "tablet", record.MedicationBody{}))
	said := strings.Join(x.texts("text"), "\n")
	require.Contains(t, said, "Quantity in words: two original packs")
	require.Contains(t, said, "Quantity: one and a half tablet")
}

func TestPSA304IssuesOfOneDrugKeepTheirCourses(t *testing.T) {
	acute := mapping.Code{Scheme: "guru.prescription-type", Value: "acute"}
	now, later := course("Aspirin", "28", "tablet", record.MedicationBody{Type: acute}), course("Aspirin", "28", "tablet", record.MedicationBody{Type: acute})
	later.Date = date("2016-04-04")
	x := extractOf(t, now, later, issue(now, "2016-03-04"), issue(later, "2016-04-04"))
	refs := x.all("priorMedicationRef")
	require.Len(t, refs, 2)
	require.NotEqual(t, refs[0].one(t, "id").attr("root"), refs[1].one(t, "id").attr("root"))
	require.Equal(t, "0", x.all("repeatNumber")[0].attr("value"))
}

func TestG2G213StoppedWithoutAReason(t *testing.T) {
	x := extractOf(t, course("Aspirin", "28", "tablet", record.MedicationBody{End: date("2016-05-01")}))
	stop := x.one(t, "ehrSupplyDiscontinue")
	require.Equal(t, "20160501", stop.child(t, "availabilityTime").attr("value"))
	require.Empty(t, stop.all("pertinentSupplyAnnotation"))
	require.Equal(t, x.one(t, "ehrSupplyAuthorise").child(t, "id").attr("root"), stop.one(t, "priorMedicationRef").one(t, "id").attr("root"))
	x = extractOf(t, course("Aspirin", "28", "tablet", record.MedicationBody{EndReason: "Rash"}))
	require.Equal(t, []string{"Rash"}, x.one(t, "ehrSupplyDiscontinue").texts("text"))
}

func TestPSA211TextIsNotThereTwice(t *testing.T) {
	e := course("Aspirin", "28", "tablet", record.MedicationBody{Dosage: "ONE DAILY", EndReason: "Rash"})
	e.Texts, e.Notes = []record.Text{{Value: "With food"}}, []string{"Possible duplicate."}
	doc, err := encode(recordOf(e), nil)
	require.NoError(t, err)
	for _, words := range []string{"ONE DAILY", "Rash", "With food", "Possible duplicate."} {
		require.Equal(t, 1, strings.Count(string(doc), words), words)
	}
}

func TestNIAD1480EndedDrugAllergyIsFoundAmongTheAllergies(t *testing.T) {
	e := &record.Entry{Kind: record.KindAllergy, Text: "Penicillin allergy", Target: read("14L1.", "00", "H/O: penicillin allergy"), Date: date("1999"),
		Allergy: &record.Allergy{Class: record.AllergyDrug, Ended: true, End: date("2014-05"), Substance: dmd("319775004", "Penicillin")}}
	rec := recordOf(e)
	Fit(rec)
	require.Equal(t, record.Degraded, e.Outcome)
	require.True(t, e.Target.IsZero())
	e.Target = read("9bJ4.", "00", "Transfer-degraded drug allergy")
	category := extractOf(t, e).one(t, "CompoundStatement")
	require.Equal(t, "CATEGORY", category.attr("classCode"))
	require.Equal(t, "14L..00", category.child(t, "code").attr("code"))
	allergy := category.one(t, "ObservationStatement")
	require.Equal(t, "9bJ4.00", allergy.child(t, "code").attr("code"))
	require.Empty(t, allergy.all("value"))
	said := allergy.texts("text")[0]
	require.True(t, strings.HasPrefix(said, "Penicillin allergy [past allergy, ended]"), said)
	require.Contains(t, said, "Past allergy, ended: May-2014")
}

func TestPSA121AuthorAndWhoEnteredAreNotSwapped(t *testing.T) {
	doctor, clerk := &record.Person{Surname: "Winterbourne"}, &record.Person{Surname: "Attwell"}
	x := extractOf(t, &record.Entry{Kind: record.KindAllergy, Text: "Egg allergy", Target: read("SN580", "00", "Egg allergy"), Author: doctor, EnteredBy: clerk,
		Allergy: &record.Allergy{Class: record.AllergyNonDrug}})
	named := map[string]string{}
	for _, a := range x.all("Agent") {
		named[a.child(t, "id").attr("root")] = strings.Join(a.one(t, "name").texts("family"), "")
	}
	c := x.one(t, "ehrComposition")
	require.Equal(t, "Attwell", named[c.child(t, "author").one(t, "id").attr("root")])
	require.Equal(t, "Winterbourne", named[c.child(t, "Participant2").one(t, "id").attr("root")])
}

func TestDemonstrator365AssertionOfNoAllergiesIsNoAllergy(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindAllergy, Text: "No known allergies", Target: read("1151.", "00", "No known allergies"), Allergy: &record.Allergy{Absent: true}})
	require.Empty(t, x.all("CompoundStatement"))
	require.Equal(t, "1151.00", x.one(t, "ObservationStatement").child(t, "code").attr("code"))
	require.Empty(t, extractOf(t).all("ehrComposition"), "no allergies are no statement")
}

func TestNIAD1594EverythingOfAnImmunisation(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindImmunisation, Text: "Influenza vaccination", Target: read("65E..", "00", "Influenza vaccination"),
		Immunisation: &record.Immunisation{Dose: "0.5 ml", Reason: "Asthma; over 65", Batch: "B1", Part: mapping.Code{Term: "Booster"}, Site: "Left deltoid", Expiry: "2017-01"}})
	said := strings.Join(x.one(t, "ObservationStatement").texts("text"), "\n")
	for _, words := range []string{"0.5 ml", "Asthma; over 65", "B1", "Booster", "Left deltoid", "2017-01"} {
		require.Contains(t, said, words)
	}
}

func pressure() []*record.Entry {
	whole := &record.Entry{Kind: record.KindResult, Text: "Blood pressure", Target: read("246..", "00", "O/E - blood pressure reading"), Texts: []record.Text{{Value: "seated, left arm"}}}
	return []*record.Entry{whole,
		{Kind: record.KindResult, Text: "Systolic", Target: read("2469.", "00", "O/E - Systolic BP reading"), Parent: whole, Value: &record.Value{Number: "142", Unit: "mmHg"}},
		{Kind: record.KindResult, Text: "Diastolic", Target: read("246A.", "00", "O/E - Diastolic BP reading"), Parent: whole, Value: &record.Value{Number: "86", Unit: "mmHg"}}}
}

func TestPSA015BothPartsOfABloodPressure(t *testing.T) {
	battery := extractOf(t, pressure()...).one(t, "CompoundStatement")
	require.Equal(t, "BATTERY", battery.attr("classCode"))
	parts := battery.all("ObservationStatement")
	require.Len(t, parts, 2)
	require.Equal(t, "142", parts[0].one(t, "value").attr("value"))
	require.Equal(t, "86", parts[1].one(t, "value").attr("value"))
}

func TestPSA120CommentOfABloodPressureOnce(t *testing.T) {
	doc, err := encode(recordOf(pressure()...), nil)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(doc), "seated, left arm"))
}

func TestPSA142EpisodicityIsSaid(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindObservation, Text: "Asthma", Target: read("H33..", "00", "Asthma"), Notes: []string{"Episodicity: First"}})
	require.Contains(t, x.one(t, "ObservationStatement").texts("text")[0], "Episodicity: First")
}

func TestNIAD1593CodeTheUserChoseIsFirst(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindObservation, Text: "Wheezy chest", Code: read("H33..", "11", "Wheezy chest"), Target: read("H33..", "11", "Wheezy chest"),
		Others: []mapping.Code{snomed("195967001", "Asthma"), {Scheme: mapping.CTV3, Value: "H33..", Term: "Asthma"}}})
	code := x.one(t, "ObservationStatement").child(t, "code")
	require.Equal(t, "H33..11", code.attr("code"))
	require.Equal(t, "Wheezy chest", code.attr("displayName"))
	var others []string
	for _, o := range code.all("translation") {
		others = append(others, o.attr("code"))
	}
	require.Equal(t, []string{"195967001", "H33.."}, others, "PSA 1.0.0: in their order")
}

func TestG2G220ResultsWithoutASpecimen(t *testing.T) {
	report := &record.Entry{Kind: record.KindReport, Text: "Bloods", Report: &record.Report{Specimen: "Serum"}}
	bare := &record.Entry{Kind: record.KindReport, Text: "More bloods", Report: &record.Report{}}
	entries := []*record.Entry{report, bare}
	for i, words := range []string{"Sodium", "Potassium", "Urea", "Creatinine"} {
		entries = append(entries, &record.Entry{Kind: record.KindResult, Text: words, Target: read("44...", "00", "Chemistry"), Parent: entries[i%2], Value: &record.Value{Number: "1"}})
	}
	x := extractOf(t, entries...)
	clusters := x.all("CompoundStatement")
	require.Len(t, clusters, 2)
	words := func(n node) (all []string) {
		for _, o := range n.all("ObservationStatement") {
			all = append(all, o.child(t, "code").texts("originalText")...)
		}
		return all
	}
	require.Equal(t, []string{"Sodium", "Urea"}, words(clusters[0]), "PSA 3.0.1: in their order")
	require.Equal(t, []string{"Potassium", "Creatinine"}, words(clusters[1]))
}

func TestNIAD1352InterpretationIsAtItsResult(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindResult, Text: "Potassium", Target: read("44I4.", "00", "Serum potassium"),
		Value: &record.Value{Number: "6.1", AbnormalAs: "HI"}})
	require.Equal(t, "HI", x.one(t, "ObservationStatement").child(t, "interpretationCode").attr("code"))
}

func TestPSA144RecallThatIsDoneIsNotOpen(t *testing.T) {
	e := &record.Entry{Kind: record.KindDiary, Text: "Blood test", Target: read("8B31.", "00", "Medication review"), Date: date("2016-09-01"), Diary: &record.DiaryBody{}, Notes: []string{"Diary status: complete"}}
	Fit(recordOf(e))
	require.Equal(t, record.Degraded, e.Outcome)
	x := extractOf(t, e)
	require.Empty(t, x.all("PlanStatement"))
	require.Contains(t, strings.Join(x.texts("text"), "\n"), "Diary status: complete")
}

func TestPSA120UrgencyIsTheSourcesOwn(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindReferral, Text: "Referral", Referral: &record.Referral{}, Texts: []record.Text{{Label: "Priority", Value: "Stat"}}})
	require.Equal(t, []string{"Stat"}, x.one(t, "RequestStatement").child(t, "priorityCode").texts("originalText"))
	x = extractOf(t, &record.Entry{Kind: record.KindReferral, Text: "Referral", Referral: &record.Referral{}, Notes: []string{"Referral urgency: Stat"}})
	require.Empty(t, x.all("priorityCode"))
	require.Contains(t, x.one(t, "RequestStatement").texts("text")[0], "Referral urgency: Stat")
}

func TestG2G210NobodyIsNamed(t *testing.T) {
	x := extractOf(t, &record.Entry{Kind: record.KindObservation, Text: "Asthma", Target: read("H33..", "00", "Asthma")},
		&record.Entry{Kind: record.KindObservation, Text: "Asthma", Target: read("H33..", "00", "Asthma"), Author: &record.Person{}})
	require.Equal(t, "UNK", x.all("ehrComposition")[0].child(t, "author").one(t, "id").attr("nullFlavor"))
	require.Contains(t, x.one(t, "agentDirectory").texts("name"), "not known", "PSA 3.0.7: an agent without a name")
}

func TestPSA301MarkOfConfidentialityOnEveryKind(t *testing.T) {
	for _, kind := range record.Kinds() {
		if kind == record.KindDemographics {
			continue
		}
		e := &record.Entry{Kind: kind, Text: "Words", Confidential: "Partners only"}
		require.Contains(t, strings.Join(extractOf(t, e).texts("text"), "\n"), "Confidentiality: Partners only", kind)
		e.Outcome = record.WithheldEntry
		doc, err := encode(recordOf(e), nil)
		require.NoError(t, err)
		require.NotContains(t, string(doc), "Partners only")
		require.NotContains(t, string(doc), "Words")
	}
}

func TestPSA013EveryKindHasItsDegradeCode(t *testing.T) {
	for _, kind := range record.Kinds() {
		if kind == record.KindDemographics {
			continue
		}
		e := &record.Entry{Kind: kind, Text: "Local words", Outcome: record.Degraded, Target: read("9bJ..", "00", "Transfer-degraded record entry"), Code: mapping.Code{Scheme: mapping.EMISLocal, Value: "EMISNQFE12", Term: "Local"}}
		x := extractOf(t, e)
		o := x.one(t, "ObservationStatement")
		require.Equal(t, "9bJ..00", o.child(t, "code").attr("code"), kind)
		require.True(t, strings.HasPrefix(o.texts("text")[0], "Local words"), kind)
		require.Contains(t, o.texts("text")[0], `Source code: emis EMISNQFE12 "Local"`)
	}
}

func TestPSA205IdentifiersAreKept(t *testing.T) {
	x := extractOf(t, &record.Entry{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10", Kind: record.KindObservation, Text: "Asthma", Target: read("H33..", "00", "Asthma")})
	require.Equal(t, "0B8F3F5E-6F0E-4C62-9D39-3F1D7C9A5E10", x.one(t, "ObservationStatement").child(t, "id").attr("root"))
}

func TestPSA013CharactersInTheNameOfADocument(t *testing.T) {
	name := "Größe & <Ärzte> \"x\"\u2028.pdf"
	x := extractOf(t, &record.Entry{Kind: record.KindDocument, Text: name, Document: &record.Document{Name: name}})
	require.Contains(t, strings.Join(x.texts("text"), "\n"), name)
}

func dmd(value, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.DMD, Value: value, Term: term}
}
