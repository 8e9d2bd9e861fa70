package pairs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// ctv3 is a CTV3 code.
func ctv3(value, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.CTV3, Value: value, Term: term}
}

// asks is the direction in which SystmOne asks and EMIS Web holds.
func asks(t *testing.T) *pairs.Direction {
	return to(t, "systmone",
		table(t, mapping.CTV3, mapping.ReadV2, "X40J4||Type 1 diabetes mellitus|C10E.|00|Type 1 diabetes mellitus|equivalent",
			"Ub1tv||Spirits intake|136..|00|Alcohol consumption|source-is-narrower-than-target|any|yes"),
		table(t, mapping.ReadV2, mapping.CTV3, "C10E.|00|Type 1 diabetes mellitus|X40J4||Type 1 diabetes mellitus|equivalent",
			"C108.|00|Insulin dependent diabetes mellitus|X40J4||Type 1 diabetes mellitus|equivalent",
			"F59..|00|Hearing loss|XE0s9||Hearing loss|equivalent"))
}

// TestRequestCodes carries a code by an equivalent row or refuses the request:
// a wider or narrower one would release more, or hide some.
func TestRequestCodes(t *testing.T) {
	d := asks(t)
	ask, err := d.TranslateRequest(&record.Request{MessageID: "1", Device: "2", Operation: "3", ConversationID: "4",
		Sections: record.AllSections, Codes: []mapping.Code{ctv3("X40J4", "Type 1 diabetes mellitus")}})
	require.NoError(t, err)
	require.Equal(t, []mapping.Code{read("C10E.", "00", "Type 1 diabetes mellitus")}, ask.Codes)
	require.Empty(t, ask.MessageID+ask.Device+ask.Operation+ask.ConversationID)
	require.Equal(t, mapping.ReadV2, ask.CodeScheme)
	for _, c := range []mapping.Code{ctv3("H33..", "Asthma"), ctv3("Ub1tv", "Spirits intake"), ctv3("not one", "")} {
		_, err := d.TranslateRequest(&record.Request{Codes: []mapping.Code{ctv3("X40J4", ""), c}})
		require.ErrorIs(t, err, pairs.ErrRequestCode)
		require.Equal(t, record.ReasonUnmappedRequest, record.ReasonOf(err))
		require.NotContains(t, err.Error(), c.Value)
	}
}

// answered translates a record asked for by q and gives the words of what went
// out.
func answered(t *testing.T, d *pairs.Direction, q *record.Request, entries ...*record.Entry) (*record.Record, []string) {
	t.Helper()
	ask, err := d.TranslateRequest(q)
	require.NoError(t, err)
	rec := recordOf(entries...)
	d.Translate(rec, q, ask)
	var words []string
	for _, e := range rec.Entries {
		words = append(words, e.Text)
	}
	return rec, words
}

// TestCodeFilter releases what the asker's code means at the holder, and never
// hides what cannot be compared.
func TestCodeFilter(t *testing.T) {
	d := asks(t)
	q := &record.Request{Sections: record.AllSections, Codes: []mapping.Code{ctv3("X40J4", "Type 1 diabetes mellitus")}}
	panel := observation(read("F59..", "00", "Panel of another code"))
	inside := observation(read("C10E.", "11", "Inside the panel"))
	panel.Kind, inside.Kind, inside.Parent = record.KindResult, record.KindResult, panel
	heads := observation(read("C10E.", "00", "Panel of the code"))
	part := observation(read("F59..", "00", "Its part"))
	part.Parent = heads
	rec, words := answered(t, d, q,
		observation(read("C10E.", "00", "Type 1 diabetes mellitus")),
		observation(read("C10E.", "12", "A synonym")),
		observation(read("C108.", "00", "Another code of the concept")),
		observation(read("F59..", "00", "Hearing loss")),
		observation(read("H33..", "00", "Asthma, of the same scheme")),
		observation(mapping.Code{Scheme: mapping.EMISLocal, Value: "EMISNQ1", Term: "Local"}),
		&record.Entry{Kind: record.KindObservation, Text: "Malformed", Malformed: true},
		&record.Entry{Kind: record.KindObservation, Text: "Uncoded"},
		medication(emisDrug("FOTA1220", "Folic acid 5mg tablets")),
		allergy(record.AllergyDrug, "Penicillin", mapping.Code{}, mapping.Code{}),
		panel, inside, heads, part)
	require.Equal(t, []string{"Type 1 diabetes mellitus", "A synonym", "Another code of the concept", "Local", "Malformed",
		"Folic acid 5mg tablets", "Penicillin", "Panel of another code", "Inside the panel", "Panel of the code", "Its part"}, words)
	require.Equal(t, record.Filtered, rec.State(record.Observations))
	require.Equal(t, record.CompleteDegraded, rec.State(record.Allergies))
	require.Contains(t, rec.Words(record.Observations), "Only items coded as 'Type 1 diabetes mellitus' are shown.")
}

// TestDateAndAuthorFilters keeps what may lie inside, the allergies always,
// and says in words what was narrowed.
func TestDateAndAuthorFilters(t *testing.T) {
	at := func(text, effective string, author *record.Person) *record.Entry {
		return &record.Entry{Kind: record.KindNote, Text: text, Date: date(effective), Author: author}
	}
	old := allergy(record.AllergyDrug, "Penicillin", mapping.Code{}, mapping.Code{})
	old.Date = date("1970")
	rec, words := answered(t, asks(t), &record.Request{Sections: record.AllSections, Effective: record.Period{From: date("2016-01-01")},
		Entered: record.Period{To: date("2017-01-01")}, Authors: []string{"hw"}},
		at("before", "2015-12-31", nil), at("inside", "2016-05-05", nil), at("perhaps", "2016", nil), at("undated", "", nil),
		at("another's", "2016-05-05", &record.Person{UserName: "pa"}), at("hers", "2016-05-05", &record.Person{UserName: "hw"}), old)
	require.Equal(t, []string{"inside", "perhaps", "undated", "hers", "Penicillin"}, words)
	require.Equal(t, "Observations: Data items from '01-Jan-2016'. Only items recorded until '01-Jan-2017', made by 'hw' are shown.",
		rec.Words(record.Observations))
}

// TestSectionsAskedFor releases no other, and says nothing of a filter.
func TestSectionsAskedFor(t *testing.T) {
	drug := medication(emisDrug("FOTA1220", "Folic acid 5mg tablets"))
	rec, words := answered(t, asks(t), &record.Request{Sections: record.SectionsOf(record.Medication)}, drug, observation(read("F59..", "00", "Hearing loss")))
	require.Equal(t, []string{drug.Text}, words)
	require.Equal(t, record.CompleteDegraded, rec.State(record.Medication))
	// A request without a filter is one of its sections all the same.
	_, words = answered(t, asks(t), &record.Request{Sections: record.SectionsOf(record.Medication), Whole: true}, drug, observation(read("F59..", "00", "Hearing loss")))
	require.Equal(t, []string{drug.Text}, words)
}

// TestLinkedProblems go out with what links to them, outside the filter or not
// (safety §1.4), but no withheld entry brings one in.
func TestLinkedProblems(t *testing.T) {
	problem := func(text string, links ...record.ProblemLink) *record.Entry {
		return &record.Entry{Kind: record.KindProblem, Text: text, Date: date("1990-01-01"), Problems: links, Problem: &record.Problem{End: date("1991-01-01")}}
	}
	root := problem("root")
	linked := problem("linked", record.ProblemLink{Problem: root})
	alone, secret := problem("alone"), problem("linked from what is withheld")
	note := &record.Entry{Kind: record.KindNote, Text: "note", Date: date("2016-02-02"), Problems: []record.ProblemLink{{Problem: linked}}}
	hidden := &record.Entry{Kind: record.KindNote, Text: "hidden", Date: date("2016-02-02"), Outcome: record.WithheldEntry, Problems: []record.ProblemLink{{Problem: secret}}}
	q := &record.Request{Sections: record.AllSections, Effective: record.Period{From: date("2016-01-01")}}
	_, words := answered(t, asks(t), q, root, linked, alone, secret, note, hidden)
	require.Equal(t, []string{"root", "linked", "note", "hidden"}, words)
	require.Equal(t, linked, note.Problems[0].Problem)

	q = &record.Request{Sections: record.SectionsOf(record.Observations), Effective: q.Effective}
	_, words = answered(t, asks(t), q, linked, note)
	require.Equal(t, []string{"note"}, words)
	require.Empty(t, note.Problems)
}
