package record_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// noFact are the fields that every format writes as what they are, or that are
// only read with another.
var noFact = map[string]string{
	"Problem.Defines":            "a link to an entry that is written itself",
	"Allergy.Class":              "decides what the entry is written as",
	"Allergy.Absent":             "decides what the entry is written as",
	"Consultation.Items.Heading": "the lines of a consultation are written as such",
	"Consultation.Items.Words":   "the lines of a consultation are written as such",
	"Consultation.Items.Page":    "the lines of a consultation are written as such",
	"Consultation.Items.Entry":   "the lines of a consultation are written as such",
	"Referral.Details.NameCode":  "translation makes a line of it",
	"Referral.Details.ValueCode": "translation makes a line of it",
	"Referral.Details.Meaning":   "classifies the words beside it",
}

// notBodies are the pointers of an entry that are no body.
var notBodies = []string{"Author", "EnteredBy", "Place", "Parent"}

const marker = "Quillfeather 7"

// TestEveryFieldIsAFact sets one field at a time, so that a new one cannot be
// forgotten.
func TestEveryFieldIsAFact(t *testing.T) {
	entry := reflect.TypeFor[record.Entry]()
	bodies := 0
	for i := range entry.NumField() {
		f := entry.Field(i)
		if f.Type.Kind() != reflect.Pointer || slices.Contains(notBodies, f.Name) {
			continue
		}
		bodies++
		eachField(t, f.Name, f.Type.Elem(), func(path string, set func(body reflect.Value)) {
			e := &record.Entry{}
			body := reflect.New(f.Type.Elem())
			set(body.Elem())
			reflect.ValueOf(e).Elem().FieldByIndex(f.Index).Set(body)
			var lines []string
			e.EachFact(func(fact record.Fact) {
				require.NotEmpty(t, fact.Words(), path)
				require.True(t, strings.HasPrefix(path, fact.Field.Path()), "%s became %s", path, fact.Field)
				require.Equal(t, f.Name, fact.Field.Body())
				lines = append(lines, fact.Line())
			})
			if _, listed := noFact[path]; listed {
				require.NotContains(t, strings.Join(lines, "\n"), marker, "%s is a fact after all", path)
				return
			}
			require.NotEmpty(t, lines, "%s is no fact", path)
			if kind := leaf(body.Elem(), path); kind != reflect.Bool {
				require.Regexp(t, marker+"|04-Mar-2016", strings.Join(lines, "\n"), path)
			}
		})
	}
	require.Equal(t, 10, bodies)
}

// leaf is the kind of the field a path leads to.
func leaf(body reflect.Value, path string) reflect.Kind {
	return body.FieldByName(strings.Split(path, ".")[1]).Kind()
}

// eachField calls f with every field of a type, and how to set it alone.
func eachField(t *testing.T, path string, typ reflect.Type, f func(path string, set func(reflect.Value))) {
	day, err := record.ParseISO("2016-03-04")
	require.NoError(t, err)
	values := map[reflect.Type]any{
		reflect.TypeFor[string]():                  marker,
		reflect.TypeFor[[]string]():                []string{marker},
		reflect.TypeFor[bool]():                    true,
		reflect.TypeFor[mapping.Code]():            mapping.Code{Scheme: "test.slot", Value: "1", Term: marker},
		reflect.TypeFor[record.Date]():             day,
		reflect.TypeFor[*record.Entry]():           &record.Entry{Text: marker},
		reflect.TypeFor[*record.Person]():          &record.Person{Display: marker},
		reflect.TypeFor[record.AllergyClass]():     record.AllergyDrug,
		reflect.TypeFor[record.QualifierMeaning](): record.Negates,
	}
	beside := map[reflect.Type]any{ // what a field is read with
		reflect.TypeFor[record.ParentProblem](): record.ParentProblem{Problem: &record.Entry{Text: "Asthma"}},
		reflect.TypeFor[record.Qualifier]():     record.Qualifier{Value: "mild"},
	}
	for i := range typ.NumField() {
		field := typ.Field(i)
		at := path + "." + field.Name
		if value, ok := values[field.Type]; ok {
			f(at, func(v reflect.Value) { v.Field(i).Set(reflect.ValueOf(value)) })
			continue
		}
		require.Equal(t, reflect.Slice, field.Type.Kind(), "%s is of a type this test does not know", at)
		item := field.Type.Elem()
		eachField(t, at, item, func(path string, set func(reflect.Value)) {
			f(path, func(v reflect.Value) {
				one := reflect.New(item).Elem()
				if with, ok := beside[item]; ok {
					one.Set(reflect.ValueOf(with))
				}
				set(one)
				v.Field(i).Set(reflect.Append(v.Field(i), one))
			})
		})
	}
}

// lines are the facts of an entry as read.
func lines(e *record.Entry) []string {
	var out []string
	e.EachFact(func(f record.Fact) { out = append(out, f.Line()) })
	return out
}

func TestMedicationFacts(t *testing.T) {
	by := &record.Person{Surname: "Winterbourne", Forenames: "Hazel", Role: "GP"}
	course := &record.Entry{Text: "Linctus", Date: iso(t, "2016")}
	e := &record.Entry{Medication: &record.MedicationBody{
		Dosage: " one  daily ", Quantity: "28", Unit: "tablet", QuantityWords: "28 tablet", Start: iso(t, "2016-03"), Cancelled: true,
		Type:           mapping.Code{Scheme: "emisweb.prescription-type", Value: "A", Term: "Acute"},
		Authorisations: []record.Authorisation{{Date: iso(t, "2016-03-04"), By: by, Authorised: "6"}, {By: by}},
		Mixture:        []record.Ingredient{{Text: "Coal tar", Strength: "5 %", Code: mapping.Code{Scheme: mapping.DMD, Value: "318858005"}}},
		Course:         course,
	}}
	require.Equal(t, []string{
		"This issue was CANCELLED",
		"Dose:  one  daily ",
		"Quantity: 28 tablet",
		"Type: Acute",
		"Started: Mar-2016",
		"Authorised: 6 issues, 04-Mar-2016, by Winterbourne, Hazel (GP)",
		"Authorised: date not known, by Winterbourne, Hazel (GP)",
		"Ingredient: Coal tar 5 %",
		"Ingredient code: dmd 318858005",
		"Issue of: Linctus, 2016",
	}, lines(e))

	e = &record.Entry{Medication: &record.MedicationBody{Quantity: "28", QuantityWords: "two boxes", Course: course}}
	for _, outcome := range []record.Outcome{record.WithheldEntry, record.Duplicate} {
		course.Outcome = outcome
		require.Equal(t, []string{"Quantity: 28", "Quantity in words: two boxes"}, lines(e), "what is not shown is not named")
	}
}

func TestValueFacts(t *testing.T) {
	below := mapping.Code{Scheme: "emisweb.operator", Value: "<=", Term: "less than or equal to"}
	other := mapping.Code{Scheme: "systmone.comparator", Value: "8", Term: "less than or equal to"}
	for _, c := range []struct {
		value record.Value
		want  []string
	}{
		{record.Value{Comparator: below, Number: "1.50", Unit: "mmol/L"}, []string{"Value: <= 1.50 mmol/L"}},
		{record.Value{Comparator: other, Number: "1.50", Text: "low"}, []string{"Value: less than or equal to 1.50", "Result: low"}},
		{record.Value{Comparator: below, Text: "1/40", Unit: "dilution"}, []string{"Result: <= 1/40", "Unit: dilution"}},
		{record.Value{Comparator: below}, []string{"Comparator: less than or equal to"}},
		{record.Value{Unreadable: "?< 4.1"}, []string{"Value as recorded: ?< 4.1"}},
		{record.Value{Ranges: []record.Range{
			{Qualifier: "Target", Low: "3", LowOp: ">=", High: "5", HighOp: "<", Unit: "mmol/L", Words: "fasting", AppliesTo: "Female"},
			{Low: "nil"}, {High: "5"}, {Words: "see report"}}},
			[]string{"Range: Target, from >= 3 to < 5 mmol/L, fasting, Female", "Range: from nil", "Range: to 5", "Range: see report"}},
	} {
		require.Equal(t, c.want, lines(&record.Entry{Value: &c.value}))
	}
}

func TestAllergyFacts(t *testing.T) {
	penicillin := mapping.Code{Scheme: mapping.DMD, Value: "318858005", Term: "Penicillin"}
	e := &record.Entry{Code: penicillin, Allergy: &record.Allergy{Substance: penicillin, Ended: true}}
	require.Equal(t, []string{"Past allergy, ended: date not known"}, lines(e), "its own code is said with it")
	e.Code, e.Allergy.Ended, e.Allergy.End = mapping.Code{}, false, iso(t, "2016")
	require.Equal(t, []string{`Substance code: dmd 318858005 "Penicillin"`, "End date: 2016"}, lines(e))
}

func TestDetailFacts(t *testing.T) {
	e := &record.Entry{Referral: &record.Referral{Details: []record.Qualifier{{Name: "Community", Value: "true"}, {Value: "urgent"}, {Name: "Dated"}}}}
	require.Equal(t, []string{"Community: true", "urgent"}, lines(e))
}

func TestName(t *testing.T) {
	require.Equal(t, "Asthma, 2016", (&record.Entry{Text: "Asthma", Date: iso(t, "2016")}).Name())
	require.Equal(t, "problem, date not known", (&record.Entry{Kind: record.KindProblem}).Name())
	require.Equal(t, "not known", (*record.Person)(nil).NameAndRole())
	require.Equal(t, "Dr Hazel (GP)", (&record.Person{Display: "Dr Hazel (GP)", Role: "GP"}).NameAndRole())
	require.False(t, (*record.Entry)(nil).Shown())
}
