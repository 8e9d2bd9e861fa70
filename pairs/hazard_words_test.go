package pairs_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// contexts are words that turn a statement round, by what they make of it.
var contexts = []string{"No H/O: %s", "FH: %s", "Family history of %s", "?%s", "Suspected %s", "No evidence of %s", "H/O: %s", "Possible %s", "Not %s", "Mother: %s"}

// TestHazard23_ContextIsKept: no row of the starter tables codes a statement of
// one class of context by one of another, and no entry whose words deny, doubt,
// date back or tell it of a relative is coded as what is present.
func TestHazard23_ContextIsKept(t *testing.T) {
	all, err := mapping.Starter()
	require.NoError(t, err)
	rows := 0
	for _, tab := range all {
		if tab.From.Enumeration() || tab.To.Enumeration() {
			continue
		}
		for row := range tab.Rows() {
			from, to := mapping.ClassOf(row.Source.Term), mapping.ClassOf(row.Target.Term)
			if row.Relation != mapping.Equivalent || row.Source.Term == "" || row.Target.Term == "" || from == mapping.Unknown || to == mapping.Unknown {
				continue
			}
			require.Equal(t, from, to, "%s: %s", tab.ID, row.Source.Value)
			rows++
		}
	}
	require.Greater(t, rows, 50)
	h := newHazards(t)
	turned := 0
	for _, w := range ways() {
		q := whole()
		q.CodeScheme = mapping.SNOMED
		for _, form := range contexts {
			for _, kind := range []record.Kind{record.KindObservation, record.KindProblem, record.KindResult, record.KindFamilyHistory} {
				e := bodied(&record.Entry{Kind: kind, Text: fmt.Sprintf(form, "Asthma"), Code: w.asthma(), Date: date("2016-03-04")})
				got := h.send(w, recordOf(e), q)
				class := mapping.ClassOf(e.Text)
				require.False(t, isCoded(e) && class != mapping.Present && class != mapping.Unknown, "%v %s: %s", w, kind, e.Text)
				require.Contains(t, got.text, e.Text, "%v", w)
				turned++
			}
		}
		for _, meaning := range []record.QualifierMeaning{record.Negates, record.Doubts} {
			e := observation(w.asthma())
			e.Qualifiers = []record.Qualifier{{Name: "Certainty", Value: "as stated here", Meaning: meaning}}
			got := h.send(w, recordOf(e), q)
			require.False(t, isCoded(e), w)
			require.Contains(t, got.text, "as stated here", w)
			turned++
		}
		relative := &record.Entry{Kind: record.KindFamilyHistory, Text: "Asthma", Code: w.asthma(), Date: date("2016-03-04")}
		got := h.send(w, recordOf(relative), q)
		require.False(t, isCoded(relative), "%v: a relative's asthma is not the patient's", w)
		require.Contains(t, strings.ToLower(got.text), "about a relative", w)
	}
	t.Logf("%d rows, %d statements", rows, turned)
}

// TestHazard24_QualifiersAreShown: every qualifier stands as "Name: value",
// before the clinician's own text, in the source's order, or in a slot of the
// receiver's own for it.
func TestHazard24_QualifiersAreShown(t *testing.T) {
	h := newHazards(t)
	checked := 0
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			if kind == record.KindDemographics || kind == record.KindConsultation {
				continue
			}
			e := bodied(&record.Entry{Kind: kind, Text: "Words", Code: w.asthma(), Date: date("2016-03-04"), Texts: []record.Text{{Value: "The clinician's own text"}},
				Qualifiers: []record.Qualifier{{Name: "Laterality", Value: "Left sided"}, {Name: "Severity", Value: "Very severe"}, {Name: "Course of it", Value: "Getting worse"}}})
			q := whole()
			q.CodeScheme = mapping.SNOMED
			got := h.send(w, recordOf(e), q)
			at := fmt.Sprint(w, " ", kind)
			last := -1
			for _, qualifier := range e.Qualifiers {
				line := qualifier.Name + ": " + qualifier.Value
				place := strings.Index(got.text, line)
				if place < 0 { // in a slot of its own
					require.Contains(t, got.text, qualifier.Name, at)
					place = strings.Index(got.text, qualifier.Value)
				}
				require.Greater(t, place, last, "%s: %s\n%s", at, line, got.text)
				last = place
				checked++
			}
			require.Less(t, last, strings.Index(got.text, "The clinician's own text"), at)
		}
	}
	t.Logf("%d qualifiers", checked)
}

// TestHazard25_TextIsWhole: text of every plane of Unicode, of a megabyte, with
// the marks of XML and of HL7, arrives character for character; a character that
// XML cannot hold is shown as one that could not be, and none goes silently.
func TestHazard25_TextIsWhole(t *testing.T) {
	h := newHazards(t)
	random := rand.New(rand.NewPCG(25, 25))
	texts := []string{"]]> <b>&amp;</b> &#x41; \"quoted\" 'so'", "|^~\\& MSH|^~\\&|", "tab\there", "naïve café £5 – “smart” ‘quotes’ • … €", strings.Repeat("A long note. ", 1<<20/13),
		"Ω≈ç√∫˜µ≤≥÷ 漢字 عربى עברית", "\U0001F489 \U0001D400 \U00020000 \U000E0041 \U000F0000 \U0010FFFD", "e\u0301 not \u00e9", "zero\u200bwidth \u00a0space"}
	for plane := range 17 {
		var b strings.Builder
		for range 200 {
			if r := rune(plane<<16 + random.IntN(0xfffe)); utf8.ValidRune(r) && r >= ' ' && (r < 0xFFFE || r > 0xFFFF) && (r < 0x7f || r > 0x9f) {
				b.WriteRune(r)
			}
		}
		texts = append(texts, "Plane "+b.String()+".")
	}
	for _, w := range ways() {
		for i, text := range texts {
			e := &record.Entry{Kind: record.KindObservation, Text: "Words", Code: w.asthma(), Date: date("2016-03-04"), Texts: []record.Text{{Value: text}}}
			got := h.cross(w, e)
			require.Contains(t, got.text, text, "%v %d", w, i)
			require.NotContains(t, got.text, "\uFFFD", "%v %d", w, i)
		}
		e := &record.Entry{Kind: record.KindObservation, Text: "Words", Code: w.asthma(), Texts: []record.Text{{Value: "bell\x07 and \xff byte"}}}
		require.Contains(t, h.cross(w, e).text, "bell\uFFFD and \uFFFD byte", w)
	}
	t.Logf("%d texts, 3 ways", len(texts))
}

// TestHazard26_OriginalWordsAreShown: the source's own words of every entry that
// goes out, and never the receiver's term in their place.
func TestHazard26_OriginalWordsAreShown(t *testing.T) {
	shownEntries := 0
	eachAnswer(t, func(name string, d *pairs.Direction, rec *record.Record, out []byte) {
		text := plain(shown(t, out))
		for _, e := range rec.Entries {
			if !e.Shown() || e.Kind == record.KindDemographics || e.Outcome == record.FailedEntry {
				continue
			}
			require.Contains(t, text, plain(e.Text), "%s: %s", name, e.Kind)
			shownEntries++
		}
	})
	h := newHazards(t)
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			if kind == record.KindDemographics || kind == record.KindConsultation {
				continue
			}
			e := bodied(&record.Entry{Kind: kind, Text: "As the clinician put it", Code: snomed("195967001", "Asthma"), Date: date("2016-03-04")})
			q := whole()
			q.CodeScheme = mapping.SNOMED
			require.Contains(t, h.send(w, recordOf(e), q).text, "As the clinician put it", "%v %s", w, kind)
			shownEntries++
		}
	}
	t.Logf("%d entries, all in their own words", shownEntries)
}

// secretly puts a token that is no other's into every word an entry can say.
func secretly(e *record.Entry, token string) *record.Entry {
	bodied(e)
	e.ID, e.Text, e.Confidential = token+"-id", token+" text", token+" mark"
	e.Code.Term = token + " term"
	e.Texts = []record.Text{{Label: token + " label", Value: token + " free"}}
	e.Qualifiers = []record.Qualifier{{Name: token + " name", Value: token + " value"}}
	e.Notes = []string{token + " note"}
	e.Author = &record.Person{ID: token + "-p", Display: token + " author", Surname: token + " author"}
	e.Place = &record.Organisation{Name: token + " place"}
	e.Value = &record.Value{Text: token + " result", Unit: token + " unit"}
	e.Date = date("1961-07-13")
	switch {
	case e.Document != nil:
		e.Document.Title, e.Document.Name = token+" title", token+" file"
	case e.Medication != nil:
		e.Medication.Dosage, e.Medication.EndReason = token+" dose", token+" reason"
	case e.Referral != nil:
		e.Referral.To, e.Referral.Reason = token+" to", token+" reason"
	case e.Allergy != nil:
		e.Allergy.Details = token + " details"
	case e.Consultation != nil:
		e.Consultation.TypeText, e.Consultation.Place = token+" type", token+" where"
	}
	return e
}

// TestHazard27_WithheldLeavesNoTrace: a withheld entry of each kind, linked in
// each way to others that go out, leaves no word, code, person, date or count.
func TestHazard27_WithheldLeavesNoTrace(t *testing.T) {
	h := newHazards(t)
	cells := 0
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			if kind == record.KindDemographics {
				continue // the governance tests: the patient's own details
			}
			secret := secretly(&record.Entry{Kind: kind, Code: w.asthma(), Outcome: record.WithheldEntry}, "Zyxxy")
			open := func(k record.Kind, words string) *record.Entry {
				return bodied(&record.Entry{Kind: k, Text: words, Code: w.asthma(), Date: date("2016-03-04")})
			}
			part, whole_, problem, visit := open(record.KindResult, "A part"), open(record.KindReport, "A report"), open(record.KindProblem, "A problem"), open(record.KindConsultation, "A visit")
			issue, linked := open(record.KindIssue, "An issue"), open(record.KindObservation, "A linked entry")
			part.Parent, secret.Parent = secret, whole_
			problem.Problem.Defines, problem.Problem.Parents = secret, []record.ParentProblem{{Problem: secret, Relation: "above"}}
			linked.Problems = []record.ProblemLink{{Problem: secret}}
			issue.Medication.Course = secret
			visit.Consultation.Items = []record.Item{{Entry: secret, Words: "Heading"}, {Entry: linked, Words: "Heading"}}
			got := h.cross(w, whole_, secret, part, problem, visit, linked, issue)
			at := fmt.Sprint(w, " ", kind)
			for _, trace := range []string{"Zyxxy", "1961", "13-Jul", "13/07"} {
				require.NotContains(t, string(got.out), trace, at)
			}
			s := kind.Section()
			require.Contains(t, got.text, s.Title()+": Items excluded due to confidentiality and/or patient preferences.", at)
			alone := h.cross(w, secretly(&record.Entry{Kind: kind, Code: w.asthma(), Outcome: record.WithheldEntry}, "Zyxxy"))
			require.NotContains(t, string(alone.out), "Zyxxy", at)
			require.Equal(t, record.Withheld, alone.rec.State(s), at)
			two := h.cross(w, secretly(&record.Entry{Kind: kind, Outcome: record.WithheldEntry}, "Zyxxy"), secretly(&record.Entry{Kind: kind, Outcome: record.WithheldEntry}, "Zyxxy"))
			require.Equal(t, string(alone.out), string(two.out), "%s: one or two withheld are told apart", at)
			cells++
		}
	}
	t.Logf("%d kinds and ways, 0 traces", cells)
}
