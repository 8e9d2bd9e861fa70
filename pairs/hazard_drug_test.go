package pairs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// TestHazard14_DrugsByEquivalentRowsAlone: of a drug, and of the substance of an
// allergy, a code goes out only by an equivalent row. The table holds each
// relation, assured and not, in equal number.
func TestHazard14_DrugsByEquivalentRowsAlone(t *testing.T) {
	relations := []string{"equivalent", "source-is-narrower-than-target", "source-is-broader-than-target", "related-to"}
	var rows []string
	want := map[string]bool{}
	var products []string // of the starter tables
	all, err := mapping.Starter()
	require.NoError(t, err)
	for _, tab := range all {
		if tab.To == mapping.DMD {
			for row := range tab.Rows() {
				if v := row.Target.Value; v != "" && !slices.Contains(products, v) {
					products = append(products, v)
				}
			}
		}
	}
	n := 0
	for _, assured := range []string{"no", "yes"} {
		for _, relation := range relations {
			code := fmt.Sprintf("DRUG%d", n)
			want[code] = relation == "equivalent"
			rows = append(rows, code+"||Drug "+code+"|"+products[n]+"||Drug "+code+"|"+relation+"|any|"+assured)
			n++
		}
	}
	tab := table(t, mapping.EMISDrug, mapping.DMD, rows...)
	d := to(t, "systmone", tab, items(t))
	for code, codes := range want {
		for _, e := range []*record.Entry{medication(emisDrug(code, "Drug "+code)), allergy(record.AllergyDrug, "Drug "+code, emisDrug(code, "Drug "+code), mapping.Code{})} {
			q := whole()
			q.DrugScheme = mapping.DMD
			d.Translate(recordOf(e), q, q)
			require.Equal(t, codes, isCoded(e), "%s %s", e.Kind, code)
			require.Equal(t, codes, e.Target.Scheme == mapping.DMD, "%s %s", e.Kind, code)
			require.Equal(t, "Drug "+code, e.Text)
		}
	}
}

// TestHazard15_QuantitiesAndDosesAreVerbatim: random numbers, units and doses
// are found byte for byte at the other end, each beside its own drug or test.
func TestHazard15_QuantitiesAndDosesAreVerbatim(t *testing.T) {
	h := newHazards(t)
	random := rand.New(rand.NewPCG(15, 15))
	units := []string{"mg", "mcg", "micrograms", "mL", "µmol/L", "10*9/L", "tablet(s)", "iu", "mmol/mol", "%", "g/dL", "units/day", "mm[Hg]"}
	number := func() string {
		s := fmt.Sprint(random.IntN(100_000))
		switch random.IntN(4) {
		case 0:
			s += fmt.Sprintf(".%d0", random.IntN(1000)) // a trailing zero is the source's precision
		case 1:
			s = fmt.Sprintf("0.%05d", random.IntN(100_000))
		case 2:
			s += fmt.Sprintf(".%d", random.IntN(10))
		}
		return s
	}
	const batch = 100
	rounds, checked := soak(200_000, 2_000)/batch, 0
	for round := range rounds {
		w := ways()[round%3]
		type wanted struct{ name, number, unit, dose string }
		var wants []wanted
		var entries []*record.Entry
		for i := range batch {
			x := wanted{fmt.Sprintf("Item %d-%d", round, i), number(), units[random.IntN(len(units))], ""}
			e := &record.Entry{Kind: record.KindResult, Text: x.name, Code: snomed("195967001", "Asthma"), Date: date("2016-03-04"), Value: &record.Value{Number: x.number, Unit: x.unit}}
			if i%2 == 0 {
				x.dose = number() + " " + units[random.IntN(len(units))] + " at night, then " + number()
				e = &record.Entry{Kind: record.KindMedication, Text: x.name, Code: w.aspirin(), Date: date("2016-03-04"), Medication: &record.MedicationBody{
					Type: w.enum("prescription-type A", "medication-item Medication"), Dosage: x.dose, Quantity: x.number, Unit: x.unit, Start: date("2016-03-04")}}
				e.Code.Term = x.name
			}
			wants, entries = append(wants, x), append(entries, e)
		}
		got := h.cross(w, entries...)
		sayings := map[string]string{}
		for _, e := range got.got.Entries { // what is beside an entry belongs to it
			for _, x := range wants {
				if strings.Contains(said(e)+"\n", x.name+"\n") || strings.HasPrefix(e.Text, x.name+" [") {
					sayings[x.name] += said(e) + "\n"
				}
			}
		}
		for _, x := range wants {
			words := sayings[x.name]
			require.Contains(t, words, x.number, "%v %+v", w, x)
			require.Contains(t, words, x.unit, "%v %+v", w, x)
			require.Contains(t, words, x.dose, "%v %+v", w, x)
			require.Regexp(t, `(^|[^0-9.])`+strings.ReplaceAll(x.number, ".", `\.`)+`($|[^0-9])`, words, "%v %+v", w, x)
			checked++
		}
	}
	t.Logf("%d quantities and doses, 0 altered", checked)
}

// valueForms are 60 forms of a value: every comparator or none, with a number,
// a number in words, and each sort of range.
func valueForms(w way) []*record.Value {
	var forms []*record.Value
	for _, comparator := range []mapping.Code{{}, w.enum("operator <", "comparator 7"), w.enum("operator >", "comparator 6"), w.enum("operator <=", "comparator 5"), w.enum("operator !", "comparator 99")} {
		for _, ranges := range [][]record.Range{nil, {{Low: "3.50", High: "7.25"}}, {{Low: "3.50"}}, {{High: "7.25"}}, {{Low: "3.50", LowOp: ">", High: "7.25", HighOp: "<", Unit: "mmol/L"}},
			{{Qualifier: "Normal", Low: "3.50", High: "7.25", AppliesTo: "women"}, {Qualifier: "Target", High: "9.75"}}} {
			for _, words := range []bool{false, true} {
				v := &record.Value{Comparator: comparator, Number: "5.40", Unit: "mmol/L", Ranges: ranges}
				if words {
					v.Number, v.Text = "", "1:160"
				}
				forms = append(forms, v)
			}
		}
	}
	return forms
}

// TestHazard16_ComparatorsAndRanges: no form of a value loses its comparator or
// a bound, and a comparator the receiver does not know leaves no bare number.
func TestHazard16_ComparatorsAndRanges(t *testing.T) {
	h := newHazards(t)
	forms := 0
	for _, w := range ways() {
		for i := range valueForms(w) {
			v := valueForms(w)[i]
			want := *v
			want.Ranges = append([]record.Range(nil), v.Ranges...)
			e := &record.Entry{Kind: record.KindResult, Text: "Serum potassium", Code: w.asthma(), Date: date("2016-03-04"), Value: v}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			got := h.send(w, recordOf(e), q)
			at := fmt.Sprint(w, " ", i)
			var all strings.Builder
			bare := false
			for _, e := range got.entries() {
				all.WriteString(said(e) + "\n")
				bare = bare || e.Value != nil && e.Value.Number == "5.40" && e.Value.Comparator.IsZero()
			}
			words := all.String()
			if want.Number != "" {
				require.Contains(t, words, "5.40", at)
				require.False(t, bare && !want.Comparator.IsZero(), "%s: a number without its comparator\n%s", at, words)
			} else {
				require.Contains(t, words, "1:160", at)
			}
			if !want.Comparator.IsZero() {
				require.Regexp(t, `<|>|!|99|less|greater`, words, at)
			}
			for _, r := range want.Ranges {
				for _, part := range []string{r.Low, r.High, r.Qualifier, r.AppliesTo} {
					require.Contains(t, words, part, at)
				}
			}
			forms++
		}
	}
	t.Logf("%d forms", forms)
	require.Equal(t, 3*60, forms)
}

// TestHazard17_DrugStatus: a course that has ended never looks current, one that
// is current does not look ended, and of one whose status has no place at the
// receiver the words say what it is. Every status with every type.
func TestHazard17_DrugStatus(t *testing.T) {
	h := newHazards(t)
	cells := 0
	for _, w := range ways() {
		statuses := map[string][]string{"emisweb": {"", "A", "C", "N", "odd"}, "systmone": {"", "current", "ended", "odd"}}[w.from]
		types := map[string][]string{"emisweb": {"", "A", "R", "D", "U", "odd"}, "systmone": {"", "Medication", "RepeatMedication", "odd"}}[w.from]
		for _, status := range statuses {
			for _, typ := range types {
				for _, code := range []mapping.Code{{}, w.aspirin()} {
					e := medication(w.aspirin())
					e.Code, e.Date = code, date("2016-03-04")
					e.Medication.Status, e.Medication.Type = w.enum("drug-status "+status, "drug-state "+status), w.enum("prescription-type "+typ, "medication-item "+typ)
					got := h.cross(w, e)
					at := fmt.Sprint(w, " status ", status, " type ", typ, " code ", code.Value)
					var found *record.Entry
					var all strings.Builder
					for _, e := range got.entries() {
						if all.WriteString(said(e) + "\n"); e.Medication != nil {
							found = e
						}
					}
					require.Contains(t, all.String(), "Aspirin 75mg tablets", at)
					words := strings.ToLower(all.String())
					ended := strings.Contains(words, "ended") || strings.Contains(words, "past")
					current := found != nil
					if current {
						m := found.Medication
						current = m.Status.Value == "A" || m.Status.Value == "current"
					}
					switch status {
					case "C", "ended":
						require.True(t, ended, "%s\n%s", at, words)
						require.False(t, current, "%s: looks current\n%s", at, words)
					case "N":
						require.False(t, current, "%s\n%s", at, words)
						require.Contains(t, words, "never active", at)
					case "odd":
						require.False(t, current && !strings.Contains(words, "status not known, check with source"), "%s\n%s", at, words)
						require.Contains(t, words, "odd", at)
					case "":
						require.False(t, current && !strings.Contains(words, "status not known, check with source"), "%s: nobody said so\n%s", at, words)
					default:
						require.NotContains(t, words, "past medication", at)
						require.False(t, strings.Contains(words, "ended") && !strings.Contains(words, "ended or"), "%s\n%s", at, words)
					}
					cells++
				}
			}
		}
	}
	t.Logf("%d cells", cells)
}

// TestHazard18_ChangedDose: a course whose dose changed says so, with the day of
// the latest change, beside the doses themselves; one that did not says nothing.
func TestHazard18_ChangedDose(t *testing.T) {
	h := newHazards(t)
	const warning = "WARNING – Dosage has changed during the effective period. The latest change was made on "
	for _, w := range ways() {
		course := func(dose string) *record.Entry {
			e := medication(w.aspirin())
			e.Date, e.Medication.Dosage, e.Medication.Type = date("2015-01-01"), dose, w.enum("prescription-type R", "medication-item RepeatMedication")
			return e
		}
		issue := func(of *record.Entry, day, dose string) *record.Entry {
			return &record.Entry{Kind: record.KindIssue, Text: of.Text, Code: of.Code, Date: date(day), Medication: &record.MedicationBody{Dosage: dose, Course: of, Start: date(day)}}
		}
		for _, test := range []struct{ dose, one, two, three, on string }{
			{"Two daily", "One daily", "Two daily", "two  DAILY", "04-Feb-2016"},
			{"One daily", "One daily", "One daily", "One daily", ""},
			{"Three daily", "One daily", "One daily", "One daily", "a date not known"},
			{"", "One daily", "Two daily", "Three daily", "07-Mar-2016"},
		} {
			e := course(test.dose)
			got := h.cross(w, e, issue(e, "2016-03-07", test.three), issue(e, "2016-01-02", test.one), issue(e, "2016-02-04", test.two))
			if test.on == "" {
				require.NotContains(t, got.text, "Dosage has changed", w)
			} else {
				require.Contains(t, got.text, warning+test.on, w)
			}
			for _, dose := range []string{test.dose, test.one, test.two, test.three} {
				require.Contains(t, got.text, dose, w)
			}
			if test.dose == "" {
				require.Contains(t, got.text, "Dose: No information available", w)
			}
		}
		e := course("Two daily") // an issue without a day cannot say on which day the dose changed
		require.Contains(t, h.cross(w, e, issue(e, "2016-01-02", "Two daily"), issue(e, "", "One daily")).text, warning+"a date not known", w)
		e = course("Two daily")
		require.Contains(t, h.cross(w, e, issue(e, "2016-01-02", "Two daily"), issue(e, "2016", "One daily")).text, warning+"a date not known", w)
	}
}

// TestHazard19_DefaultsAreNoted: a problem whose status or significance nobody
// stated says so where the receiver would show it as active.
func TestHazard19_DefaultsAreNoted(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, status := range []mapping.Code{{}, w.enum("problem-status A", "problem-state active")} {
			e := &record.Entry{Kind: record.KindProblem, Text: "Asthma", Code: w.asthma(), Date: date("2016-03-04"), Problem: &record.Problem{Status: status}}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			got := h.send(w, recordOf(e), q)
			require.Equal(t, record.Exact, e.Outcome, w)
			require.Equal(t, status.IsZero(), strings.Contains(got.text, "Defaulted status to active : Unknown status at source"), w)
			require.LessOrEqual(t, strings.Count(got.text, "Defaulted status to active"), 1, w)
		}
	}
}
