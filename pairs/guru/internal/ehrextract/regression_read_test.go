package ehrextract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// The tests of this file are named after the defects the national adaptors
// shipped and put right, as far as they are about reading an extract (safety
// §1.6). The statements are in the two suppliers' dialects (S §6.1).

// extractWith is an extract of one composition with these components.
func extractWith(components string) []byte {
	return []byte(`<` + Root + ` xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><ControlActEvent><subject><EhrExtract classCode="EXTRACT" moodCode="EVN">` +
		`<recordTarget typeCode="RCT"><patient classCode="PAT"><id root="2.16.840.1.113883.2.1.4.1" extension="9990001006"/></patient></recordTarget>` +
		`<component typeCode="COMP"><ehrFolder classCode="FOLDER" moodCode="EVN">` +
		`<responsibleParty typeCode="RESP"><agentDirectory classCode="AGNT">` +
		`<part typeCode="PART"><Agent classCode="AGNT"><id root="0F5A4F4C-0001-4C54-9F3A-000000000001"/><agentPerson classCode="PSN" determinerCode="INSTANCE"><name><family>Winterbourne</family></name></agentPerson></Agent></part>` +
		`<part typeCode="PART"><Agent classCode="AGNT"><id root="0F5A4F4C-0001-4C54-9F3A-000000000002"/><agentPerson classCode="PSN" determinerCode="INSTANCE"/></Agent></part>` +
		`</agentDirectory></responsibleParty>` +
		`<component typeCode="COMP"><ehrComposition classCode="COMPOSITION" moodCode="EVN"><id root="0F5A4F4C-0002-4C54-9F3A-000000000001"/>` +
		`<code code="109341000000100" codeSystem="2.16.840.1.113883.2.1.3.2.4.15" displayName="GP to GP communication transaction"/>` +
		`<effectiveTime><center value="20160304100500"/></effectiveTime><availabilityTime value="20160304101500"/>` +
		`<author typeCode="AUT"><time value="20160304101500"/><agentRef classCode="AGNT"><id root="0F5A4F4C-0001-4C54-9F3A-000000000002"/></agentRef></author>` +
		components + `</ehrComposition></component></ehrFolder></component></EhrExtract></subject></ControlActEvent></` + Root + `>`)
}

// found are the entries of a kind in an extract with these components.
func found(t *testing.T, kind record.Kind, components string) []*record.Entry {
	t.Helper()
	var entries []*record.Entry
	for _, e := range again(t, extractWith(components)).Entries {
		if e.Kind == kind {
			entries = append(entries, e)
		}
	}
	return entries
}

func only(t *testing.T, kind record.Kind, components string) *record.Entry {
	t.Helper()
	entries := found(t, kind, components)
	require.Len(t, entries, 1)
	return entries[0]
}

// sodium is an observation with these elements after its code.
func sodium(rest string) string {
	return `<component typeCode="COMP"><ObservationStatement classCode="OBS" moodCode="EVN"><id root="0F5A4F4C-0003-4C54-9F3A-000000000001"/>` +
		`<code code="44I5.00" codeSystem="2.16.840.1.113883.2.1.6.2" displayName="Serum sodium"/><statusCode code="COMPLETE"/>` + rest + `</ObservationStatement></component>`
}

// allergyStatement is an observation in a category of allergies, as EMIS files it.
func allergyStatement(category, code, display, rest string) string {
	return `<component typeCode="COMP"><CompoundStatement classCode="CATEGORY" moodCode="EVN"><id root="0F5A4F4C-0004-4C54-9F3A-000000000001"/>` +
		`<code code="` + category + `" codeSystem="2.16.840.1.113883.2.1.6.2" displayName="H/O: drug allergy"/><statusCode code="COMPLETE"/>` +
		`<component typeCode="COMP"><ObservationStatement classCode="OBS" moodCode="EVN"><id root="0F5A4F4C-0004-4C54-9F3A-000000000002"/>` +
		`<code code="` + code + `" codeSystem="2.16.840.1.113883.2.1.6.3" displayName="` + display + `"/><statusCode code="COMPLETE"/>` + rest +
		`</ObservationStatement></component></CompoundStatement></component>`
}

func annotation(words string) string {
	return `<pertinentInformation typeCode="PERT"><sequenceNumber value="+1"/><pertinentAnnotation classCode="OBS" moodCode="EVN"><text>` + words + `</text></pertinentAnnotation></pertinentInformation>`
}

func TestPSA140ReadingAFailedExtractLeavesNothing(t *testing.T) {
	good := extractWith(sodium(`<availabilityTime value="20160304"/>`))
	want := again(t, good)
	bad, err := xmlio.Open(t.Context(), extractWith(sodium(`<availabilityTime value="20170101"/>`)+`<component><MedicationStatement>`), xmlio.Options{})
	require.NoError(t, err)
	_, err = Decode(bad, 0)
	require.Error(t, err)
	got := again(t, good)
	requireSame(t, want, got, false)
	require.Len(t, got.Entries, len(want.Entries))
}

func TestPSA146TimeOfRecordingIsNoOnset(t *testing.T) {
	p := only(t, record.KindProblem, sodium("")+`<component typeCode="COMP"><LinkSet classCode="OBS" moodCode="EVN"><id root="0F5A4F4C-0005-4C54-9F3A-000000000001"/>`+
		`<code code="394774009" codeSystem="2.16.840.1.113883.2.1.3.2.4.15" displayName="Active Problem"/><statusCode code="COMPLETE"/>`+
		`<effectiveTime><low nullFlavor="UNK"/></effectiveTime><availabilityTime value="20160304101500"/>`+
		`<conditionNamed typeCode="NAME"><namedStatementRef classCode="OBS" moodCode="EVN"><id root="0F5A4F4C-0003-4C54-9F3A-000000000001"/></namedStatementRef></conditionNamed></LinkSet></component>`)
	require.True(t, p.Date.IsZero())
	require.Equal(t, date("2016-03-04T10:15:00"), p.Recorded)
	require.Equal(t, "Serum sodium", p.Text)
}

func TestPSA147DateOfTheItemBeforeThatOfItsConsultation(t *testing.T) {
	require.Equal(t, date("1998-07"), only(t, record.KindObservation, sodium(`<effectiveTime><center value="199807"/></effectiveTime><availabilityTime value="20160304"/>`)).Date)
	require.Equal(t, date("1998"), only(t, record.KindObservation, sodium(`<effectiveTime><center nullFlavor="NI"/></effectiveTime><availabilityTime value="1998"/>`)).Date)
}

func TestG2G156UnitIsTheOneThatWasRecorded(t *testing.T) {
	result := only(t, record.KindResult, sodium(`<value xsi:type="PQ" value="140" unit="1"><translation value="140"><originalText>mmol/L</originalText></translation></value>`))
	require.Equal(t, "140", result.Value.Number)
	require.Equal(t, "mmol/L", result.Value.Unit)
}

func TestNIAD1561RangeOfNoValueIsRead(t *testing.T) {
	result := only(t, record.KindResult, sodium(`<referenceRange typeCode="REFV"><referenceInterpretationRange classCode="OBS" moodCode="EVN.CRT">`+
		`<value><low value="133"/><high value="146"/></value></referenceInterpretationRange></referenceRange>`))
	require.Equal(t, []record.Range{{Low: "133", High: "146"}}, result.Value.Ranges)
}

func TestPSAQuantityMapperBothBoundsAreRead(t *testing.T) {
	for value, want := range map[string]record.Value{
		`<low value="3.5" unit="mmol/L"/><high value="5.0" unit="mmol/L"/>`: {Unreadable: "3.5 - 5.0 mmol/L"},
		`<high value="0.10" unit="mmol/L" inclusive="false"/>`:              {Number: "0.10", Unit: "mmol/L", Comparator: mapping.Code{Scheme: schemeComparator, Value: "<", Term: "<"}},
		`<low value="90" unit="mmol/L" inclusive="true"/>`:                  {Number: "90", Unit: "mmol/L", Comparator: mapping.Code{Scheme: schemeComparator, Value: ">=", Term: ">="}},
	} {
		require.Equal(t, want, *only(t, record.KindResult, sodium(`<value xsi:type="IVL_PQ">`+value+`</value>`)).Value, value)
	}
}

func TestSystmOneValueInTheWordsOfAnAnnotation(t *testing.T) {
	result := only(t, record.KindResult, sodium(annotation("Value: &gt;= 5.0 mmol/L")))
	require.Equal(t, record.Value{Number: "5.0", Unit: "mmol/L", Comparator: mapping.Code{Scheme: schemeComparator, Value: ">=", Term: ">="}}, *result.Value)
	require.Contains(t, texts(result), "Value: >= 5.0 mmol/L")
}

func TestNIAD1480EndedDrugAllergyIsStillRead(t *testing.T) {
	e := only(t, record.KindAllergy, allergyStatement("14L..00", "ALLERGY-READ2-TJ003", "Adverse reaction to penicillin", annotation("Sensitivity to penicillin ended on 04 May 2014")))
	require.True(t, e.Allergy.Ended)
	require.Equal(t, date("2014-05-04"), e.Allergy.End)
	require.Equal(t, mapping.Code{Scheme: mapping.ReadV2, Value: "TJ003", Term: "Adverse reaction to penicillin"}, e.Code)
	require.False(t, e.Malformed)
}

// The forms in which EMIS sends an allergy of its own dictionary: the words and
// the code stay, and a drug is a drug whatever category it was filed in.
func TestEMISAllergyForms(t *testing.T) {
	for code, want := range map[string]record.AllergyClass{
		"ALLERGY-EMISDRUGNAME-2529":        record.AllergyDrug,
		"ALLERGY-EMISDRUGNAME-18782NEMIS":  record.AllergyDrug,
		"ALLERGY-EMISBOTH-4276EGTON":       record.AllergyDrug,
		"ALLERGY-EMISDRUGGROUP-4":          record.AllergyDrugGroup,
		"ALLERGY-EMISCONSTITUENT-118":      record.AllergyIngredient,
		"ALLERGY-EGTON-EMISNQAD2":          record.AllergyNonDrug,
		"ALLERGY-READ2-SN52":               record.AllergyNonDrug,
		"ALLERGY-READ2-no such Read code!": record.AllergyNonDrug,
	} {
		e := only(t, record.KindAllergy, allergyStatement("SN53.00", code, "Adverse reaction to X", ""))
		require.Equal(t, want, e.Allergy.Class, code)
		require.Equal(t, "Adverse reaction to X", e.Text, code)
		switch {
		case strings.Contains(code, " "):
			require.True(t, e.Malformed, code)
			require.Contains(t, e.Notes, "Source code: emis "+code)
		case strings.HasPrefix(code, "ALLERGY-READ2-"):
			require.Equal(t, mapping.ReadV2, e.Code.Scheme, code)
		default:
			require.Equal(t, mapping.EMISLocal, e.Code.Scheme, code)
			require.Equal(t, code, e.Code.Value)
		}
	}
}

func TestDemonstrator365StatementOfNoAllergiesIsAbsence(t *testing.T) {
	entry := strings.Replace(allergyStatement("14L..00", "1151.00", "No known allergies", ""), "2.16.840.1.113883.2.1.6.3", oidReadV2, 1)
	require.True(t, only(t, record.KindAllergy, entry).Allergy.Absent)
}

func TestPSA307AgentWithoutANameIsNobodyNamed(t *testing.T) {
	e := only(t, record.KindObservation, sodium(""))
	require.NotNil(t, e.Author)
	require.Equal(t, "not known", e.Author.Name())
	e = only(t, record.KindObservation, sodium(`<Participant typeCode="PRF"><agentRef classCode="AGNT"><id root="0F5A4F4C-0001-4C54-9F3A-000000000001"/></agentRef></Participant>`))
	require.Equal(t, "Winterbourne", e.Author.Surname)
}

func TestPSA301MarkOfConfidentialityIsReadOnEveryKind(t *testing.T) {
	mark := `<confidentialityCode code="NOPAT" codeSystem="2.16.840.1.113883.4.642.3.47" displayName="no disclosure to patient"/>`
	statement := func(name string) string {
		return `<component typeCode="COMP"><` + name + ` classCode="OBS" moodCode="EVN"><code code="H33..00" codeSystem="2.16.840.1.113883.2.1.6.2" displayName="Asthma"/><statusCode code="COMPLETE"/>` + mark + `</` + name + `></component>`
	}
	for name, kind := range map[string]record.Kind{"ObservationStatement": record.KindObservation, "PlanStatement": record.KindDiary, "RequestStatement": record.KindReferral,
		"NarrativeStatement": record.KindNote, "RegistrationStatement": record.KindAdministration, "LinkSet": record.KindProblem, "MedicationStatement": record.KindMedication} {
		require.Equal(t, "NOPAT", only(t, kind, statement(name)).Confidential, name)
	}
}

func TestPSA144NoStatusWhereNoneIsSaid(t *testing.T) {
	plan := only(t, record.KindDiary, `<component typeCode="COMP"><PlanStatement classCode="OBS" moodCode="INT"><code code="9N42.00" codeSystem="2.16.840.1.113883.2.1.6.2" displayName="Did not attend"/>`+
		`<statusCode code="COMPLETE"/><effectiveTime><center value="20170304"/></effectiveTime><availabilityTime value="20160304"/></PlanStatement></component>`)
	require.Equal(t, record.DiaryBody{}, *plan.Diary)
	require.Equal(t, date("2017-03-04"), plan.Date)
	require.Equal(t, date("2016-03-04"), plan.Recorded)
}

func TestPSA013CodeOfAnUnknownSystemIsSaid(t *testing.T) {
	e := only(t, record.KindObservation, `<component typeCode="COMP"><ObservationStatement classCode="OBS" moodCode="EVN"><code code="Q1" codeSystem="1.2.3" displayName="Asthma"/></ObservationStatement></component>`)
	require.True(t, e.Code.IsZero())
	require.True(t, e.Malformed)
	require.Equal(t, "Asthma", e.Text)
	require.Contains(t, e.Notes, "Source code: 1.2.3 Q1")
}
