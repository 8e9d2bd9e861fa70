package pairs

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linkspan/linkspan/record"
)

// noDose stands where the source states no dose, so that its absence is not
// taken for one that was lost (safety §1.3).
const noDose = "No information available"

// doses says of every medicine what its dose alone does not: that none is
// recorded, and that it has changed between one issue and the next (safety
// §1.3, §D.2). The doses themselves are never changed or read.
func (t *translation) doses() {
	issues := map[*record.Entry][]*record.Entry{}
	for e := range t.rec.Released {
		m := e.Medication
		if m == nil || e.Kind != record.KindMedication && e.Kind != record.KindIssue || e.Outcome == record.Duplicate || e.Outcome == record.FailedEntry {
			continue
		}
		if strings.TrimSpace(m.Dosage) == "" {
			e.Notes = append(e.Notes, record.FactMedicationDosage.Line(noDose))
		}
		if m.Course != nil && !m.Cancelled {
			issues[m.Course] = append(issues[m.Course], e)
		}
	}
	for _, e := range t.rec.Entries {
		if all := issues[e]; len(all) > 0 && e.Shown() && e.Medication != nil {
			if on, changed := doseChange(e, all); changed {
				e.Notes = append(e.Notes, "WARNING – Dosage has changed during the effective period. The latest change was made on "+on)
			}
		}
	}
}

// doseChange finds when the dose of a course last became another, going by its
// issues: the day of the first issue at the new dose. A course whose own dose is
// not that of its latest issue was changed since, on a day nobody says; nor does
// anybody where an issue is not known to the day, for it may be any of them.
func doseChange(course *record.Entry, issues []*record.Entry) (on string, changed bool) {
	slices.SortStableFunc(issues, func(a, b *record.Entry) int { return strings.Compare(a.Date.Wall(), b.Date.Wall()) })
	before, dated := "", true
	for _, issue := range issues {
		dose := sameWords(issue.Medication.Dosage)
		if dose == "" {
			continue
		}
		if before != "" && dose != before {
			on, changed = issue.Date.Truncate(record.PrecisionDay).Words(), true
		}
		before, dated = dose, dated && issue.Date.Precision() >= record.PrecisionDay
	}
	if dose := sameWords(course.Medication.Dosage); changed && !dated || dose != "" && before != "" && dose != before {
		return "a " + record.Date{}.Words(), true
	}
	return on, changed
}

// sameWords are words whose spacing and case do not matter.
func sameWords(s string) string { return string(appendSameWords(nil, s)) }

func appendSameWords(b []byte, s string) []byte {
	from := len(b)
	gap := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			gap = true
			continue
		}
		if gap && len(b) > from {
			b = append(b, ' ')
		}
		gap = false
		b = utf8.AppendRune(b, unicode.ToUpper(r))
	}
	return b
}

// warnUnsafe warns of the drug allergies that no list of allergies holds.
func (t *translation) warnUnsafe() {
	var words []string
	for _, e := range t.unsafe {
		words = append(words, e.Words())
	}
	if len(words) > 0 {
		t.rec.Warn(record.Warning{Code: record.WarnPrescribingUnsafe, Section: record.Allergies, Count: len(words), Detail: strings.Join(words, "; ")})
	}
}
