package pairs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// TestHazard37_ResultsKeepTheirTree: a report, its specimens, their batteries
// and results arrive with each below what it was below, or naming it, in the
// order they were in; a result whose whole is not there is still shown.
func TestHazard37_ResultsKeepTheirTree(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, coded := range []bool{true, false} {
			code := mapping.Code{}
			if coded {
				code = w.asthma()
			}
			node := func(kind record.Kind, words string, parent *record.Entry) *record.Entry {
				e := bodied(&record.Entry{Kind: kind, Text: words, Code: code, Date: date("2016-03-04"), Parent: parent})
				if kind == record.KindResult {
					e.Value = &record.Value{Number: "5.4", Unit: "mmol/L"}
				}
				return e
			}
			report := node(record.KindReport, "Report head", nil)
			battery, sibling := node(record.KindResult, "Battery one", report), node(record.KindResult, "Battery two", report)
			battery.Value, sibling.Value = nil, nil
			all := []*record.Entry{report, battery}
			for i := range 5 {
				all = append(all, node(record.KindResult, fmt.Sprintf("Result %d of one", i), battery))
			}
			all = append(all, sibling)
			for i := range 3 {
				all = append(all, node(record.KindResult, fmt.Sprintf("Result %d of two", i), sibling))
			}
			all = append(all, node(record.KindResult, "Result of no report", nil))
			q := whole()
			q.CodeScheme = mapping.SNOMED
			got := h.send(w, recordOf(all...), q)
			at := fmt.Sprint(w, coded)
			last, found := -1, map[string]*record.Entry{}
			for _, e := range got.entries() {
				for _, want := range all {
					if strings.HasPrefix(e.Text, want.Text) || len(e.Texts) > 0 && strings.HasPrefix(e.Texts[0].Value, want.Text) {
						found[want.Text] = e
					}
				}
			}
			for _, want := range all {
				require.NotNil(t, found[want.Text], "%s: %s is not shown", at, want.Text)
			}
			for _, of := range []string{"one", "two"} { // order below each battery, and the battery named
				for i := range 3 {
					words := fmt.Sprintf("Result %d of %s", i, of)
					place := strings.Index(got.text, words)
					require.Greater(t, place, last, "%s: %s", at, words)
					last = place
					e := found[words]
					below := e.Parent != nil && strings.Contains(said(e.Parent), "Battery "+of)
					require.True(t, below || strings.Contains(said(e), "Part of: Battery "+of) || between(got.text, "Battery "+of, words), "%s: %s is detached\n%s", at, words, said(e))
				}
			}
			require.Nil(t, found["Result of no report"].Parent, at)
			require.NotContains(t, said(found["Result of no report"]), "Part of", at)
		}
	}
}

// between reports that the words stand after the head they belong to, and no
// other head between them: an Event of SystmOne is read from top to bottom.
func between(text, head, words string) bool {
	at := strings.Index(text, head)
	end := strings.Index(text, words)
	return at >= 0 && end > at && !strings.Contains(text[at+len(head):end], "Battery ")
}

// TestHazard38_NotGivenIsNeverGiven: an immunisation not given, declined or
// consented to never arrives as one given, coded or not, and says what it does
// not mean.
func TestHazard38_NotGivenIsNeverGiven(t *testing.T) {
	h := newHazards(t)
	given := snomed("6142004", "Influenza vaccination")
	for _, w := range ways() {
		for _, code := range []mapping.Code{{}, given, w.of(read("65E..", "00", "Influenza vaccination"), ctv3("65E..", "Influenza vaccination"))} {
			for _, reason := range []string{"", "Patient declined"} {
				q := whole()
				q.CodeScheme = mapping.SNOMED
				e := &record.Entry{Kind: record.KindImmunisation, Text: "Influenza vaccination", Code: code, Date: date("2016-03-04"), Immunisation: &record.Immunisation{NotGiven: true, Reason: reason}}
				got := h.send(w, recordOf(e), q)
				at := fmt.Sprint(w, code.Value, reason)
				require.Contains(t, got.text, "NOT GIVEN. Does not mean never given.", at)
				require.Contains(t, got.text, reason, at)
				for _, g := range got.entries() {
					if strings.Contains(said(g), "Influenza") {
						require.False(t, g.Immunisation != nil && !g.Immunisation.NotGiven && !strings.Contains(said(g), "NOT GIVEN"), at)
						require.NotEqual(t, given.Value, g.Code.Value, "%s: the code of a vaccination given", at)
						require.False(t, g.Immunisation != nil && w.into == "systmone", "%s: SystmOne's Vaccination is one given", at)
					}
				}
			}
		}
		for _, words := range []string{"Influenza vaccination declined", "Consent given for influenza vaccination", "No consent for influenza vaccination", "Influenza vaccination invitation sent"} {
			q := whole()
			q.CodeScheme = mapping.SNOMED
			e := bodied(&record.Entry{Kind: record.KindObservation, Text: words, Code: w.asthma(), Date: date("2016-03-04")})
			got := h.send(w, recordOf(e), q)
			require.Contains(t, got.text, words, w)
			for _, g := range got.entries() {
				require.Nil(t, g.Immunisation, "%v: %s became a vaccination", w, words)
			}
		}
	}
}

// TestHazard39_ReferralSaysNothingOfProgress: every referral says that it is the
// record of a request, whatever its kind and urgency, and an urgency without a
// place stands in words.
func TestHazard39_ReferralSaysNothingOfProgress(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, code := range []mapping.Code{{}, w.asthma()} {
			for _, urgency := range []mapping.Code{{}, w.enum("referral-urgency S", "referral-urgency Soon"), {Scheme: mapping.Scheme(w.from + ".referral-urgency"), Value: "odd", Term: "Stat dose clinic"}} {
				e := &record.Entry{Kind: record.KindReferral, Text: "Referred to cardiology", Code: code, Date: date("2016-03-04"),
					Referral: &record.Referral{To: "Cardiology", Specialty: "Cardiology", Urgency: urgency, Reference: "1234 5678 9012"}}
				got := h.cross(w, e)
				at := fmt.Sprint(w, code.Value, urgency.Value)
				require.Contains(t, got.text, "Record of a request; progress not known", at)
				require.Equal(t, 1, strings.Count(got.text, "progress not known"), at)
				require.Contains(t, got.text, "Referred to cardiology", at)
				require.Contains(t, got.text, "1234 5678 9012", at)
				require.Contains(t, got.text, urgency.Term, at)
				for _, never := range []string{"accepted", "in progress", "completed", "active referral"} {
					require.NotContains(t, strings.ToLower(got.text), never, at)
				}
			}
		}
	}
}

// TestHazard40_DocumentsSayWhatIsNotThere: a document is named, with its date,
// place and size, and says that its content is not here; two of one name stay
// two; one deleted says so.
func TestHazard40_DocumentsSayWhatIsNotThere(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		letter := func(i int) *record.Entry {
			return &record.Entry{Kind: record.KindDocument, ID: "", Text: "Clinic letter", Date: date(fmt.Sprintf("2016-03-%02d", i+1)),
				Document: &record.Document{Title: "Clinic letter", Name: "Untitled", Size: fmt.Sprint(1000 + i), Locator: fmt.Sprintf("letters/%d.tif", i), Comments: fmt.Sprintf("Comment %d.", i)}}
		}
		gone := letter(3)
		gone.Document.Deleted = true
		got := h.cross(w, letter(0), letter(1), letter(2), gone)
		documents, deleted := 0, false
		for _, e := range got.entries() {
			deleted = deleted || e.Document != nil && e.Document.Deleted && strings.Contains(said(e), "Comment 3.")
			if e.Document != nil || strings.Contains(said(e), "[document]") {
				documents++
			}
		}
		require.GreaterOrEqual(t, documents, 4, "%v: parts of one name overwrote each other", w)
		for i := range 4 {
			for _, words := range []string{fmt.Sprint(1000 + i), fmt.Sprintf("letters/%d.tif", i), fmt.Sprintf("Comment %d.", i),
				fmt.Sprintf("Document 'Clinic letter' (%02d-Mar-2016) is not available over this link: its content stays in the source system.", i+1)} {
				require.Contains(t, got.text, words, w)
			}
		}
		require.True(t, deleted || strings.Contains(got.text, "This document is marked as deleted at source"), w)
	}
}
