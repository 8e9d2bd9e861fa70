package pairs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// slot is an enumerated value of EMIS Web.
func slot(name, value, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.Scheme("emisweb." + name), Value: value, Term: term}
}

// TestSlots fills a slot by an equivalent row, or by a narrower one with the
// original beside it; never a status, a certainty or an allergy's category
// (DESIGN.md decision 5).
func TestSlots(t *testing.T) {
	d := to(t, "systmone", items(t),
		table(t, "emisweb.episodicity", "systmone.episodicity", "NEW||New|New||New|equivalent",
			"FLA||Flare-up|Ongoing||Ongoing|source-is-narrower-than-target", "END||Ended|Ongoing||Ongoing|related-to|any|yes", "NONE||None||||no-map|any|no"),
		table(t, "emisweb.problem-status", "systmone.problem-state", "A||Active|active||Active|equivalent", "PP||Potential problem|active||Active|source-is-narrower-than-target"),
		table(t, mapping.ReadV2, mapping.CTV3, "H33..|00|Asthma|H33..||Asthma|equivalent"))
	tests := []struct {
		set    mapping.Code
		filled string
		note   string
	}{
		{slot("episodicity", "NEW", ""), "New", ""},
		{slot("episodicity", "FLA", ""), "Ongoing", "Episodicity: Flare-up"},
		{slot("episodicity", "END", ""), "", "Episodicity: Ended"}, // assured, and says more than was said
		{slot("episodicity", "XYZ", "Odd"), "", "Episodicity: Odd"},
	}
	for _, test := range tests {
		e := observation(read("H33..", "00", "Asthma"))
		e.Episodicity = test.set
		carry(d, e)
		require.Equal(t, test.filled, e.Episodicity.Value, test.set.Value)
		require.Equal(t, test.filled != "", e.Episodicity.Scheme == "systmone.episodicity", test.set.Value)
		if test.note == "" {
			require.Empty(t, e.Notes)
		} else {
			require.Contains(t, e.Notes, test.note)
		}
	}
	for value, filled := range map[string]string{"A": "active", "PP": ""} {
		e := &record.Entry{Kind: record.KindProblem, Text: "Asthma", Code: read("H33..", "00", "Asthma"), Problem: &record.Problem{Status: slot("problem-status", value, "")}}
		carry(d, e)
		require.Equal(t, filled, e.Problem.Status.Value)
		require.Equal(t, filled == "", e.Outcome == record.Degraded, "what is potential must not look active")
	}
}

// TestSlotThatStatesNothing leaves no line for a value that says nothing.
func TestSlotThatStatesNothing(t *testing.T) {
	e := observation(read("H33..", "00", "Asthma"))
	e.Episodicity = slot("episodicity", "NONE", "No episode stated")
	d := to(t, "systmone")
	d.Tables = starter(t)
	carry(d, e)
	require.True(t, e.Episodicity.IsZero())
	require.Empty(t, e.Notes)
}

// TestSlotWithoutAPlace keeps the words of a value the receiver has no slot
// for.
func TestSlotWithoutAPlace(t *testing.T) {
	e := medication(emisDrug("FOTA1220", "Folic acid 5mg tablets"))
	e.Medication.IssueMethod = slot("issue-method", "E", "Electronic")
	carry(to(t, "systmone"), e)
	require.True(t, e.Medication.IssueMethod.IsZero())
	require.Contains(t, e.Notes, "Issue method: Electronic")
}

// TestComparators never shows a number without what was said before it: an
// unknown comparator is not "=" (S §1.4).
func TestComparators(t *testing.T) {
	d := to(t, "systmone", table(t, "emisweb.operator", "systmone.comparator", "<||less than|7||less than|equivalent",
		">=||greater than or equal to|6||greater than|source-is-narrower-than-target", "=||equal to||||no-map|any|no|states nothing"),
		table(t, mapping.ReadV2, mapping.CTV3, "44I4.|00|Serum potassium|XE2pz||Serum potassium|equivalent"))
	for comparator, want := range map[string]record.Value{
		"<":  {Comparator: mapping.Code{Scheme: "systmone.comparator", Value: "7", Term: "less than"}, Number: "5.40", Unit: "mmol/L"},
		">=": {Unit: "mmol/L", Unreadable: ">= 5.40 mmol/L"},
		"!":  {Unit: "mmol/L", Unreadable: "! 5.40 mmol/L"},
		"=":  {Number: "5.40", Unit: "mmol/L"},
	} {
		e := observation(read("44I4.", "00", "Serum potassium"))
		term := map[bool]string{true: comparator}[comparator != "<"]
		e.Kind, e.Value = record.KindResult, &record.Value{Comparator: slot("operator", comparator, term), Number: "5.40", Unit: "mmol/L"}
		carry(d, e)
		require.Equal(t, want, *e.Value, comparator)
		require.Equal(t, want.Unreadable != "", e.Outcome == record.Degraded, comparator)
	}
	none := observation(read("44I4.", "00", "Serum potassium"))
	none.Kind, none.Value = record.KindResult, &record.Value{Number: "5.40"}
	carry(d, none)
	require.True(t, none.Value.Comparator.IsZero(), "none stated is none written")
}

// TestHeadings keeps the words of a heading that has no slot.
func TestHeadings(t *testing.T) {
	line := &record.Entry{Kind: record.KindNote, Text: "Feels well"}
	e := &record.Entry{Kind: record.KindConsultation, Consultation: &record.Consultation{Items: []record.Item{
		{Heading: slot("heading", "15621000000105", "History"), Entry: line}, {Heading: slot("heading", "Plan", "Plan"), Words: "My plan", Entry: line}}}}
	carry(to(t, "systmone"), e, line)
	require.Equal(t, []record.Item{{Words: "History", Entry: line}, {Words: "My plan", Entry: line}}, e.Consultation.Items)
	require.Equal(t, record.Exact, e.Outcome)
}

// TestSex is carried by an equivalent row or in words.
func TestSex(t *testing.T) {
	for value, want := range map[string]string{"F": "F", "X": ""} {
		rec := recordOf()
		rec.Patient.Sex = slot("sex", value, "Not one of the list")
		d := to(t, "systmone", table(t, "emisweb.sex", "systmone.sex", "F||Female|F||Female|equivalent"))
		d.Translate(rec, whole(), whole())
		require.Equal(t, want, rec.Patient.Sex.Value)
		if want == "" {
			require.Equal(t, []record.Qualifier{{Name: "Sex", Value: "Not one of the list"}}, rec.Patient.Registration)
		}
	}
}

// TestUnreadableValues leaves no code beside a value that could not be read,
// for any receiver.
func TestUnreadableValues(t *testing.T) {
	e := &record.Entry{Kind: record.KindResult, Text: "Serum potassium", Code: ctv3("XE2pz", "Serum potassium"), Value: &record.Value{Unreadable: "3.1 mmol/L (comparator as recorded: 9)"}}
	carry(to(t, "emisweb", table(t, mapping.CTV3, mapping.ReadV2, "XE2pz||Serum potassium|44I4.|00|Serum potassium|equivalent")), e)
	require.Equal(t, record.Degraded, e.Outcome)
	require.Equal(t, "9bJ..", e.Target.Value)
}
