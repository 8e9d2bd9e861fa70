package governance_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

const token = "zebedee"

// entry is an entry of a kind that says a word in every field that can hold one.
func entry(kind record.Kind, word string) *record.Entry {
	e := new(record.Entry)
	fill(reflect.ValueOf(e).Elem(), word)
	e.Kind, e.Confidential, e.Outcome, e.Counted = kind, "", record.Pending, 0
	e.Parent, e.Problems, e.Problem.Parents, e.Consultation.Items = nil, nil, nil, nil
	return e
}

func fill(v reflect.Value, word string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(word)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), word)
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*record.Entry]() || v.Type() == reflect.TypeFor[*record.Organisation]() {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), word)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(f, word)
			}
		}
	}
}

// says reports where a word can be read from what is released, following every
// link.
func says(rec *record.Record, word string) (where []string) {
	seen := map[any]bool{}
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.String:
			if strings.Contains(v.String(), word) {
				where = append(where, path)
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		case reflect.Pointer:
			if !v.IsNil() && !seen[v.Pointer()] {
				seen[v.Pointer()] = true
				walk(v.Elem(), path)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	}
	for e := range rec.Released {
		walk(reflect.ValueOf(e), e.Kind.String())
	}
	walk(reflect.ValueOf(rec.Patient), "patient")
	walk(reflect.ValueOf(rec.Warnings), "warnings")
	walk(reflect.ValueOf(rec.Source), "source")
	return where
}

// around is a record in which entries of every kind are linked to e in every
// way: whole are those that stay without the link, parts those that go with e.
func around(e *record.Entry) (rec *record.Record, whole []*record.Entry) {
	rec = record.New(record.Source{})
	rec.Supply(record.AllSections)
	for _, kind := range record.Kinds() {
		part := entry(kind, token)
		part.Parent = e
		below := entry(kind, token)
		below.Parent = part
		issue := entry(kind, token)
		issue.Medication.Course = e
		heading := entry(kind, token)
		heading.Problem.Defines = e
		linked, inner, lines := entry(kind, "plain"), entry(kind, "plain"), entry(kind, "plain")
		linked.Problems = []record.ProblemLink{{Problem: e}, {Problem: inner, Link: mapping.Code{Term: "stays"}}}
		inner.Problem.Parents = []record.ParentProblem{{Problem: e, Relation: token}}
		lines.Consultation.Items = []record.Item{{Words: "plain", Entry: linked}, {Heading: mapping.Code{Term: token}, Words: token, Page: token, Entry: e}}
		whole = append(whole, linked, inner, lines)
		for _, other := range []*record.Entry{below, part, issue, heading, linked, inner, lines} {
			rec.Add(other)
		}
	}
	if e.Kind == record.KindConsultation {
		line := entry(record.KindNote, token)
		e.Consultation.Items = []record.Item{{Words: token, Entry: line}}
		rec.Add(line)
	}
	rec.Add(e)
	return rec, whole
}

// TestNothingOfAWithheldEntryLeaks marks an entry of each kind in each way an
// entry can be marked, with entries of every kind linked to it in every way:
// nothing of it can be read from what is released (safety H-27, IG-04).
func TestNothingOfAWithheldEntryLeaks(t *testing.T) {
	a := read(t, `"asks": true, "shares": ["all"]`, `"asks": true, "exclusions": "sensitive.tsv", "shares": ["all"]`)
	dir := t.TempDir()
	writeFile(t, dir, "sensitive.tsv", sensitive)
	_, err := a.LoadExclusions(dir)
	require.NoError(t, err)
	d := granted(t, a, "emisweb", record.AllSections)
	secretCode := mapping.Code{Scheme: mapping.ReadV2, Value: "14151", TermCode: "11", Term: token}
	marks := map[string]func(*record.Entry){
		"mark":           func(e *record.Entry) { e.Confidential = secret },
		"unknown mark":   func(e *record.Entry) { e.Confidential = "unrestricted access policy" },
		"decoder":        func(e *record.Entry) { e.Outcome = record.WithheldEntry },
		"code":           func(e *record.Entry) { e.Code = secretCode },
		"sender's code":  func(e *record.Entry) { e.Others = []mapping.Code{{Scheme: mapping.SNOMED, Value: "86406008"}} },
		"qualifier":      func(e *record.Entry) { e.Qualifiers[0].ValueCode = secretCode },
		"qualifier name": func(e *record.Entry) { e.Qualifiers[0].NameCode = secretCode },
		"substance":      func(e *record.Entry) { e.Allergy.Substance = secretCode },
		"ingredient":     func(e *record.Entry) { e.Medication.Mixture[0].Code = secretCode },
		"type of visit":  func(e *record.Entry) { e.Consultation.Type = secretCode },
	}
	leaks, tried := 0, 0
	for _, kind := range record.Kinds() {
		for name, mark := range marks {
			e := entry(kind, token)
			mark(e)
			rec, whole := around(e)
			require.NoError(t, a.Withhold("emisweb", rec, d))
			tried++
			where := says(rec, token)
			leaks += len(where)
			require.Empty(t, where, "%s, %s", kind, name)
			for _, other := range whole {
				require.False(t, withheld(other), "%s, %s: what is only linked stays", kind, name)
			}
			require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnConfidential, Section: record.Consultations}, "its lists say that something is missing")
		}
		// Without a mark all of it is there, so that the test can fail.
		e := entry(kind, token)
		rec, _ := around(e)
		require.NoError(t, a.Withhold("emisweb", rec, d))
		require.NotEmpty(t, says(rec, token))
	}
	t.Logf("%d marked entries, %d leaks", tried, leaks)
}

// A line under an excluded heading goes, with the entry that stands in it, and
// so does a line of words alone.
func TestExcludedHeadings(t *testing.T) {
	a := read(t, `"asks": true, "shares": ["all"]`, `"asks": true, "exclusions": "sensitive.tsv", "shares": ["all"]`)
	dir := t.TempDir()
	writeFile(t, dir, "sensitive.tsv", sensitive)
	_, err := a.LoadExclusions(dir)
	require.NoError(t, err)
	heading := mapping.Code{Scheme: mapping.CTV3, Value: "XaN8s", Term: token}
	for _, e := range []*record.Entry{nil, {Kind: record.KindObservation, Text: token}} {
		c := &record.Entry{Kind: record.KindConsultation, Consultation: &record.Consultation{Items: []record.Item{{Words: "History"}, {Heading: heading, Words: token, Entry: e}}}}
		rec := record.New(record.Source{})
		rec.Add(c)
		if e != nil {
			rec.Add(e)
		}
		require.NoError(t, a.Withhold("emisweb", rec, granted(t, a, "emisweb", record.AllSections)))
		require.Empty(t, says(rec, token))
		require.Equal(t, []record.Item{{Words: "History"}}, c.Consultation.Items)
		require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnConfidential, Section: record.Consultations})
	}
}

// TestOnlyWhatWasAskedForIsLeft sends more than was asked for: of each section
// nothing is left but where it was asked for and is permitted (safety T-33).
func TestOnlyWhatWasAskedForIsLeft(t *testing.T) {
	a := read(t, `["problems", "medication", "allergies"]`, `["all"]`)
	for _, s := range record.Sections() {
		for _, kind := range record.Kinds() {
			rec := record.New(record.Source{})
			e := entry(kind, token)
			rec.Add(e)
			rec.Reconcile(nil, nil)
			require.NoError(t, a.Withhold("systmone", rec, granted(t, a, "systmone", record.SectionsOf(s))))
			left := len(says(rec, token)) > 0
			classified := s == record.Allergies && (kind == record.KindObservation || kind == record.KindResult || kind == record.KindProblem) ||
				s == record.Problems && kind == record.KindAllergy // which the translation looks at and leaves out
			require.Equal(t, kind.Section() == s || classified, left, "%s asked for, %s sent", s, kind)
			rec.CarryExact()
			rec.Settle(record.SectionsOf(s))
			require.NotEqual(t, record.Failed, rec.State(s), "what was left out on purpose is not missing")
		}
	}
}

// TestDeniedSections keeps back what the user's role does not permit, under its
// own state, and the links to it.
func TestDeniedSections(t *testing.T) {
	a := read(t, `["problems", "medication", "allergies"]`, `["problems", "medication", "allergies", "observations", "demographics"]`)
	q := asking("emisweb", record.AllSections)
	q.Given.Activities = []string{"B0401"}
	d, err := a.Decide(q)
	require.NoError(t, err)
	for _, kind := range record.Kinds() {
		e := entry(kind, token)
		drug := &record.Entry{Kind: record.KindMedication, Parent: e, Medication: &record.MedicationBody{Course: e}}
		drug.Problems = []record.ProblemLink{{Problem: e}}
		rec := record.New(record.Source{})
		rec.Supply(record.AllSections)
		rec.Add(drug)
		rec.Add(e)
		rec.Patient.Addresses = []record.Address{{Town: token}}
		require.NoError(t, a.Withhold("systmone", rec, d))
		permitted := kind.Section() == record.Medication || kind.Section() == record.Allergies
		require.Equal(t, permitted, len(says(rec, token)) > 0, kind.String())
		require.False(t, withheld(drug))
		rec.CarryExact()
		rec.Settle(record.AllSections)
		for _, s := range record.Sections() {
			switch s {
			case record.Medication, record.Allergies:
				require.NotContains(t, []record.State{record.Denied, record.Disabled}, rec.State(s))
			case record.Problems, record.Observations, record.Demographics:
				require.Equal(t, record.Denied, rec.State(s), s)
			default:
				require.Equal(t, record.Disabled, rec.State(s), s)
			}
		}
	}
}

// The zero Decision, that of a refusal, shows nothing of anything.
func TestARefusalShowsNothing(t *testing.T) {
	a := read(t)
	q := asking("systmone", record.AllSections)
	q.Given.User = ""
	d, err := a.Decide(q)
	require.Error(t, err)
	for _, d := range []governance.Decision{d, {}} {
		rec := record.New(record.Source{})
		rec.Patient.Addresses = []record.Address{{Town: token}}
		for _, kind := range record.Kinds() {
			rec.Add(entry(kind, token))
		}
		require.NoError(t, a.Withhold("emisweb", rec, d))
		require.Empty(t, says(rec, token))
	}
}
