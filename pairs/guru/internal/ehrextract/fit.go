package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Fit settles what an extract cannot hold as what it is: such an entry is
// written as text, with a note that says why. It runs after translation and
// changes outcomes from exact or mapped to degraded or unsupported, takes the
// code that could be read without what makes it untrue, and drops nothing.
func Fit(rec *record.Record) {
	for _, e := range rec.Entries {
		if !native(e) {
			continue
		}
		outcome, why := fit(e)
		if outcome == record.Pending {
			continue
		}
		e.Outcome, e.Target = outcome, mapping.Code{}
		if why != "" {
			e.Notes = append(e.Notes, why)
		}
	}
}

// fit gives the lower outcome of an entry and why, or Pending where it fits.
func fit(e *record.Entry) (record.Outcome, string) {
	const fits = record.Pending
	for _, q := range e.Qualifiers {
		if q.Meaning != record.Refines && !(e.Code.IsZero() && e.Target.IsZero()) {
			return record.Degraded, "Not coded: a GP2GP extract cannot show that the statement is " + meaning(q.Meaning) + "."
		}
	}
	switch e.Kind {
	case record.KindProblem:
		if e.Problem == nil {
			return record.Degraded, ""
		}
	case record.KindMedication, record.KindIssue:
		return fitMedication(e)
	case record.KindAllergy:
		return fitAllergy(e)
	case record.KindFamilyHistory:
		return fitFamilyHistory(e)
	case record.KindImmunisation:
		switch i := e.Immunisation; {
		case i == nil, e.Target.IsZero(): // the words of a vaccine alone are those of a disease
			return record.Degraded, ""
		case i.NotGiven:
			return record.Degraded, "Not given."
		}
	case record.KindDiary:
		if e.Diary == nil || noted(e, "Diary status: ") {
			return record.Degraded, "" // one that is done would look open
		}
	case record.KindRequest, record.KindAlert, record.KindAdministration, record.KindUnrecognised:
		return record.Unsupported, ""
	}
	return fits, ""
}

func meaning(m record.QualifierMeaning) string {
	if m == record.Negates {
		return "denied"
	}
	return "in doubt"
}

// noted reports that translation turned an enumerated value into a line
// because the format has no such value.
func noted(e *record.Entry, label string) bool {
	for _, n := range e.Notes {
		if strings.HasPrefix(n, label) {
			return true
		}
	}
	return false
}

// fitMedication keeps a course from looking current or issued that is not, and
// a mixture from looking like one drug.
func fitMedication(e *record.Entry) (record.Outcome, string) {
	m := e.Medication
	switch {
	case m == nil:
		return record.Degraded, ""
	case len(m.Mixture) > 0:
		return record.Degraded, "Extemporaneous mixture: checks on its parts will not be made."
	case m.Cancelled:
		return record.Degraded, ""
	case noted(e, "Drug status: "):
		return record.Degraded, ""
	case statusOpen(e, m):
		e.Notes = append(e.Notes, "Status not known, check with source")
	}
	return record.Pending, ""
}

// fitAllergy keeps one that has ended out of the allergies: the format has no
// end of one, and alerts would go on (safety §D.2).
func fitAllergy(e *record.Entry) (record.Outcome, string) {
	a := e.Allergy
	switch {
	case a == nil:
		return record.Degraded, ""
	case a.Ended:
		return record.Degraded, "Not coded: a GP2GP extract has no place for the end of an allergy."
	}
	return record.Pending, ""
}

// fitFamilyHistory lets only a code that says so itself stand for a relative's
// history: a reader who misses the subject must not take it for the patient's.
func fitFamilyHistory(e *record.Entry) (record.Outcome, string) {
	words := e.Target.Term
	if words == "" {
		words = e.Text
	}
	if mapping.ClassOf(words) != mapping.FamilyHistory {
		return record.Degraded, "About a relative, not about the patient."
	}
	return record.Pending, ""
}
