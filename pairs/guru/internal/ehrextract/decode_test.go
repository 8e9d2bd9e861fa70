package ehrextract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	doctor = "0F5A4F4C-0001-4C54-9F3A-000000000001"
	asthma = `<code code="H33..00" codeSystem="` + oidReadV2 + `" displayName="Asthma"/>`
)

func id(last string) string { return `<id root="0F5A4F4C-0009-4C54-9F3A-00000000000` + last + `"/>` }

func in(name, attrs, inner string) string {
	return `<component typeCode="COMP"><` + name + " " + attrs + ">" + inner + "</" + name + "></component>"
}

func observed1(inner string) string {
	return in("ObservationStatement", `classCode="OBS" moodCode="EVN"`, inner)
}

func compoundOf(class, inner string) string {
	return in("CompoundStatement", `classCode="`+class+`" moodCode="EVN"`, inner)
}

func titleOf(words string) string {
	return `<code nullFlavor="UNK"><originalText>` + words + `</originalText></code>`
}

// read decodes components and settles the record; faults stay for the test.
func readOf(t *testing.T, doc []byte) *record.Record {
	t.Helper()
	paths := Entries()
	r, err := xmlio.Open(t.Context(), doc, xmlio.Options{Count: record.XMLPaths(paths)})
	require.NoError(t, err)
	rec, err := Decode(r, 0)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	rec.Reconcile(paths, r.Counts())
	rec.CarryExact()
	rec.Settle(record.AllSections)
	return rec
}

func consultationOf(t *testing.T, rec *record.Record) *record.Entry {
	t.Helper()
	for _, e := range rec.Entries {
		if e.Kind == record.KindConsultation {
			return e
		}
	}
	require.Fail(t, "no consultation")
	return nil
}

func TestTimes(t *testing.T) {
	for stated, want := range map[string]string{"1998": "1998", "199807": "1998-07", "19980704": "1998-07-04", "199807041230": "1998-07-04T12:30",
		"19980704123015": "1998-07-04T12:30:15", "19980704123015+0100": "1998-07-04T12:30:15+01:00"} {
		got, err := hl7Time(stated)
		require.NoError(t, err, stated)
		require.Equal(t, date(want), got, stated)
		if !strings.Contains(stated, "+") {
			require.Equal(t, stated, digits(got))
		}
	}
	for _, stated := range []string{"19980231", "199813", "98", "1998-07-04", "1998070412", "today", "19980704250000"} {
		_, err := hl7Time(stated)
		require.Error(t, err, stated)
		e := only(t, record.KindObservation, sodium(`<availabilityTime value="`+stated+`"/>`))
		require.True(t, e.Date.IsZero(), stated)
		require.Contains(t, e.Notes, "Date as recorded: "+stated)
	}
	require.True(t, only(t, record.KindObservation, sodium(`<availabilityTime nullFlavor="UNK"/>`)).Date.IsZero())
}

// TestBothTimesOfAStatement: when it was true and when it was recorded stay
// apart, and an end is never dropped.
func TestBothTimesOfAStatement(t *testing.T) {
	times := `<effectiveTime><low value="2001"/><high value="200405"/></effectiveTime><availabilityTime value="20160304"/>`
	for _, order := range []string{times, `<availabilityTime value="20160304"/><effectiveTime><low value="2001"/><high value="200405"/></effectiveTime>`} {
		e := only(t, record.KindObservation, sodium(order))
		require.Equal(t, date("2001"), e.Date)
		require.Equal(t, date("2016-03-04"), e.Recorded)
		require.Contains(t, e.Notes, "Until: May-2004")
		a := only(t, record.KindAllergy, allergyStatement("14L..00", "ALLERGY-READ2-TJ003", "Adverse reaction", order))
		require.True(t, a.Allergy.Ended)
		require.Equal(t, date("2004-05"), a.Allergy.End)
	}
}

func TestEndedAllergyInWords(t *testing.T) {
	for words, end := range map[string]string{
		"Sensitivity to Examplicillin ended on 04 May 2011.":                                          "2011-05-04",
		"rash, then Sensitivity to Multilex action group: Example\nand others ended on 4 May 2011. x": "2011-05-04",
		"Sensitivity to Examplicillin ended on 31 Feb 2011.":                                          "",
		"Sensitivity to Examplicillin ended on 01 Foo 2011.":                                          "",
	} {
		e := only(t, record.KindAllergy, allergyStatement("14L..00", "ALLERGY-READ2-TJ003", "Adverse reaction", annotation(words)))
		require.True(t, e.Allergy.Ended, words)
		require.Equal(t, end, e.Allergy.End.Wall(), words)
		require.Equal(t, words, texts(e))
	}
	e := only(t, record.KindAllergy, allergyStatement("14L..00", "ALLERGY-READ2-TJ003", "Adverse reaction", annotation("Sensitivity to it has not ended")))
	require.False(t, e.Allergy.Ended)
}

// TestWhatTurnsAStatementRound: a doubt or denial in any of its places is on the
// statement, and on the problem it tells.
func TestWhatTurnsAStatementRound(t *testing.T) {
	qualified := func(value string) string {
		return strings.Replace(asthma, "/>", `><qualifier><name displayName="Finding context"/><value `+value+`/></qualifier></code>`, 1)
	}
	problem := in("LinkSet", `classCode="OBS" moodCode="EVN"`, id("2")+`<code code="394774009" codeSystem="`+oidSNOMED+`"/><conditionNamed><namedStatementRef>`+id("1")+`</namedStatementRef></conditionNamed>`)
	for what, test := range map[string]struct {
		components string
		want       record.QualifierMeaning
	}{
		"uncertaintyCode":  {observed1(id("1") + asthma + `<uncertaintyCode code="U"/>`), record.Doubts},
		"unknown doubt":    {observed1(id("1") + asthma + `<uncertaintyCode code="??" displayName="perhaps"/>`), record.Doubts},
		"no doubt said":    {observed1(id("1") + asthma + `<uncertaintyCode code="N"/>`), record.Refines},
		"negationInd":      {in("ObservationStatement", `classCode="OBS" moodCode="EVN" negationInd="true"`, id("1")+asthma), record.Negates},
		"no negation":      {in("ObservationStatement", `classCode="OBS" moodCode="EVN" negationInd="false"`, id("1")+asthma), record.Refines},
		"another mood":     {in("ObservationStatement", `classCode="OBS" moodCode="GOL"`, id("1")+asthma), record.Doubts},
		"words":            {observed1(id("1") + qualified(`displayName="Known absent"`)), record.Negates},
		"context absent":   {observed1(id("1") + qualified(`code="410516002" codeSystem="`+oidSNOMED+`" displayName="Ctx"`)), record.Negates},
		"context possible": {observed1(id("1") + qualified(`code="410590009" codeSystem="`+oidSNOMED+`" displayName="Ctx"`)), record.Doubts},
		"in any system":    {observed1(id("1") + qualified(`code="410516002" codeSystem="9.9.9" displayName="Ctx"`)), record.Negates},
		"a side":           {observed1(id("1") + qualified(`displayName="Left"`)), record.Refines},
		"a relative":       {observed1(id("1") + asthma + `<subject><personalRelationship><code displayName="Mother"/></personalRelationship></subject>`), record.Doubts},
	} {
		entries := found(t, record.KindProblem, test.components+problem)
		require.Len(t, entries, 1, what)
		got := record.Refines
		for _, q := range entries[0].Qualifiers {
			got = max(got, q.Meaning)
		}
		require.Equal(t, "Asthma", entries[0].Text, what)
		require.Equal(t, test.want, got, what)
	}
}

// TestMarksCoverWhatIsInside: a mark on what stands around a statement is the
// statement's, wherever it stands, and one that names nothing is still one.
func TestMarksCoverWhatIsInside(t *testing.T) {
	mark := `<confidentialityCode code="NOPAT"/>`
	part := `<component>` + strings.TrimPrefix(observed1(id("1")+asthma), `<component typeCode="COMP">`)
	for what, components := range map[string]string{
		"composition, before": mark + observed1(id("1")+asthma),
		"composition, after":  observed1(id("1")+asthma) + mark,
		"topic":               compoundOf("TOPIC", titleOf("x")+mark+part),
		"topic, after":        compoundOf("TOPIC", titleOf("x")+part+mark),
		"category in topic":   compoundOf("TOPIC", titleOf("x")+mark+`<component><CompoundStatement classCode="CATEGORY">`+titleOf("y")+part+`</CompoundStatement></component>`),
		"battery":             compoundOf("BATTERY", asthma+part+mark),
		"cluster":             compoundOf("CLUSTER", asthma+mark+part),
	} {
		for _, e := range found(t, record.KindObservation, components) {
			require.Equal(t, "NOPAT", e.Confidential, what)
		}
	}
	beside := found(t, record.KindObservation, compoundOf("TOPIC", titleOf("x")+mark+part)+observed1(id("2")+asthma))
	require.Len(t, beside, 2)
	require.Empty(t, beside[1].Confidential, "what stands beside is not marked")
	require.Equal(t, "MSK", only(t, record.KindObservation, observed1(asthma+`<confidentialityCode nullFlavor="MSK"/>`)).Confidential)
	require.NotEmpty(t, only(t, record.KindObservation, observed1(asthma+`<confidentialityCode/>`)).Confidential)
	problem := only(t, record.KindProblem, observed1(id("1")+asthma+mark)+in("LinkSet", `classCode="OBS"`, `<conditionNamed><namedStatementRef>`+id("1")+`</namedStatementRef></conditionNamed>`))
	require.Equal(t, "NOPAT", problem.Confidential, "it has the words of what it names")
}

// TestAnEndedCourseOfAMarkedEnd: what the end says stands with the course then.
func TestAnEndedCourseOfAMarkedEnd(t *testing.T) {
	courses := found(t, record.KindMedication, drug("1", `<component><ehrSupplyAuthorise>`+id("5")+`</ehrSupplyAuthorise></component>`)+
		drug("2", `<confidentialityCode code="NOPAT"/><component><ehrSupplyDiscontinue>`+`<availabilityTime value="20160304"/><reversalOf><priorMedicationRef>`+id("5")+`</priorMedicationRef></reversalOf></ehrSupplyDiscontinue></component>`))
	require.Len(t, courses, 2)
	require.Equal(t, date("2016-03-04"), courses[0].Medication.End)
	require.Equal(t, "NOPAT", courses[0].Confidential)
}

// TestRepeatedElementsFailTheirSection and no other, and the first is kept.
func TestRepeatedElementsFailTheirSection(t *testing.T) {
	pq := func(n string) string { return `<value xsi:type="PQ" value="` + n + `" unit="1"/>` }
	for what, test := range map[string]struct {
		components string
		section    record.Section
	}{
		"value":            {observed1(asthma + pq("5") + pq("8")), record.Investigations},
		"code":             {observed1(asthma + strings.Replace(asthma, "Asthma", "Wheeze", 1)), record.Observations},
		"availabilityTime": {observed1(asthma + `<availabilityTime value="2001"/><availabilityTime value="2002"/>`), record.Observations},
		"center":           {observed1(asthma + `<effectiveTime><center value="2001"/><center value="2002"/></effectiveTime>`), record.Observations},
		"conditionNamed":   {in("LinkSet", "", strings.Repeat(`<conditionNamed/>`, 2)), record.Problems},
		"repeatNumber":     {drug("1", `<component><ehrSupplyAuthorise><repeatNumber value="0"/><repeatNumber value="6"/></ehrSupplyAuthorise></component>`), record.Medication},
		"authorise":        {drug("1", strings.Repeat(`<component><ehrSupplyAuthorise>`+id("5")+`</ehrSupplyAuthorise></component>`, 2)), record.Medication},
		"text":             {in("PlanStatement", `moodCode="INT"`, asthma+`<text>a</text><text>b</text>`), record.Diary},
		"allergy": {compoundOf("CATEGORY", `<code code="14L..00" codeSystem="`+oidReadV2+`"/>`+
			observed1(asthma+`<availabilityTime value="2001"/><availabilityTime value="2002"/>`)), record.Allergies},
	} {
		rec := readOf(t, extractWith(test.components))
		for _, s := range record.Sections() {
			require.Equal(t, s == test.section, rec.State(s) == record.Failed, "%s: %s", what, s)
		}
		for _, e := range rec.Entries {
			require.NotContains(t, e.Text, "Wheeze", what)
			require.NotEqual(t, "2002", e.Date.Wall(), what)
			require.False(t, e.Value != nil && e.Value.Number == "8", what)
		}
	}
}

// TestNothingUnknownIsDropped: an element, attribute or text nobody knows keeps
// its words, on the entry it stands in or as one.
func TestNothingUnknownIsDropped(t *testing.T) {
	for what, components := range map[string]string{
		"in a statement":        observed1(asthma + `<wonder>strange words</wonder>`),
		"of another namespace":  observed1(asthma + `<value xmlns="urn:else">strange words</value>`),
		"an attribute":          in("ObservationStatement", `wonder="strange words"`, asthma),
		"text in a statement":   observed1(asthma + `strange words`),
		"in an annotation":      observed1(asthma + `<pertinentInformation><wonder>strange words</wonder></pertinentInformation>`),
		"markup in a text":      in("NarrativeStatement", "", `<text>a <b>strange words</b></text>`),
		"in a code":             observed1(strings.Replace(asthma, "/>", `><wonder>strange words</wonder></code>`, 1)),
		"in a supply":           drug("1", `<component><ehrSupplyAuthorise><wonder>strange words</wonder></ehrSupplyAuthorise></component>`),
		"a supply":              drug("1", `<component><ehrSupplyWonder>strange words</ehrSupplyWonder></component>`),
		"in a dosage":           drug("1", `<pertinentInformation><pertinentMedicationDosage><wonder>strange words</wonder></pertinentMedicationDosage></pertinentInformation>`),
		"in a drug":             drug("1", `<consumable><wonder>strange words</wonder></consumable>`),
		"in a range":            observed1(asthma + `<referenceRange><referenceInterpretationRange><wonder>strange words</wonder></referenceInterpretationRange></referenceRange>`),
		"in a value":            observed1(asthma + `<value xsi:type="IVL_PQ"><width value="strange words"/></value>`),
		"in an interval":        observed1(asthma + `<effectiveTime><width value="strange words"/></effectiveTime>`),
		"a statement":           in("WonderStatement", "", "<text>strange words</text>"),
		"a statement elsewhere": `<component><ObservationStatement xmlns="urn:else">strange words</ObservationStatement></component>`,
		"in a topic":            compoundOf("TOPIC", titleOf("x")+`<wonder>strange words</wonder>`),
		"in a composition":      `<wonder>strange words</wonder>`,
	} {
		rec := readOf(t, extractWith(components))
		found := false
		for _, e := range rec.Entries {
			found = found || strings.Contains(strings.Join(told(e), "\n"), "strange words")
		}
		require.True(t, found, what)
	}
	doc := strings.Replace(string(extractWith("")), "<ehrFolder ", "<wonder>strange words</wonder><ehrFolder ", 1)
	for _, doc := range []string{doc, strings.Replace(doc, "<EhrExtract ", "<wonder>strange words</wonder><EhrExtract ", 1)} {
		rec := readOf(t, []byte(doc))
		require.NotZero(t, rec.Tally(record.Unrecognised).Source)
	}
}
