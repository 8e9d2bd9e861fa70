package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Fit settles what a GetPatientRecord response cannot hold as what it is. It
// looks at entries that were carried with their meaning and lowers those that
// would say something else in SystmOne, or nothing. Their code is taken from
// them, so that it cannot be read without what makes it untrue; translation
// gives them a transfer-degraded code.
func (c *codec) Fit(rec *record.Record) {
	for _, e := range rec.Entries {
		if !coded(e) {
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
		if q.Meaning != record.Refines {
			return record.Degraded, "Not coded: SystmOne cannot show that the statement is " + meaning(q.Meaning) + "."
		}
	}
	switch e.Kind {
	case record.KindProblem:
		return fitProblem(e)
	case record.KindMedication, record.KindIssue:
		return fitMedication(e)
	case record.KindAllergy:
		return fitAllergy(e)
	case record.KindObservation, record.KindResult:
		if v := e.Value; v != nil && v.Unreadable != "" {
			return record.Degraded, ""
		}
		if !clinical(e.Target) {
			return record.Degraded, ""
		}
	case record.KindFamilyHistory:
		return fitFamilyHistory(e)
	case record.KindImmunisation:
		if e.Immunisation == nil || e.Immunisation.NotGiven {
			return record.Degraded, ""
		}
	case record.KindDiary:
		if e.Diary == nil || e.Date.Precision() < record.PrecisionDay || noted(e, "Diary status: ") {
			return record.Degraded, ""
		}
	case record.KindReferral, record.KindRequest, record.KindAlert, record.KindUnrecognised:
		return record.Unsupported, ""
	case record.KindAdministration:
		if !asTask(e) && !asCode(e) {
			return record.Unsupported, ""
		}
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
// because SystmOne has no such value.
func noted(e *record.Entry, label string) bool {
	for _, n := range e.Notes {
		if strings.HasPrefix(n, label) {
			return true
		}
	}
	return false
}

// fitProblem keeps a problem from looking active that is not known to be: only
// ProblemEndDate says that one has ended (S §1.4 "Problems").
func fitProblem(e *record.Entry) (record.Outcome, string) {
	p := e.Problem
	switch {
	case p == nil, !clinical(e.Target):
		return record.Degraded, ""
	case p.Status.Value == problemEnded.Value && dayOf(p.End) == "":
		return record.Degraded, ""
	case p.Status.IsZero() && dayOf(p.End) == "" && (!p.End.IsZero() || noted(e, "Problem status: ")):
		return record.Degraded, ""
	}
	return record.Pending, ""
}

// fitMedication keeps a course from looking current or issued that is not.
func fitMedication(e *record.Entry) (record.Outcome, string) {
	m := e.Medication
	switch {
	case m == nil, !e.Target.IsZero() && !drug(e.Target):
		return record.Degraded, ""
	case e.Kind == record.KindMedication && m.Type.IsZero():
		return record.Degraded, ""
	case len(m.Mixture) > 0:
		return record.Degraded, "Extemporaneous mixture: checks on its parts will not be made."
	case m.Cancelled, noted(e, "Drug status: "):
		return record.Degraded, ""
	case e.Kind == record.KindMedication && m.Type.Value == itemRepeat.Value && dayOf(m.End) == "" &&
		(m.Status.Value == drugEnded.Value && trim(m.EndReason) == "" || !m.End.IsZero()):
		return record.Degraded, "Past repeat medication."
	}
	return record.Pending, ""
}

// fitAllergy lets a drug allergy stand only where alerts fire, and an ended
// one only where its end shows (safety §D.2; S §0 item 6).
func fitAllergy(e *record.Entry) (record.Outcome, string) {
	a := e.Allergy
	switch {
	case a == nil:
		return record.Degraded, ""
	case a.Absent:
		if !clinical(e.Target) {
			return record.Degraded, ""
		}
	case a.Class == record.AllergyDrugGroup:
		return record.Degraded, "Not coded: SystmOne takes a product or an ingredient, not a group of drugs."
	case a.Class == record.AllergyNonDrug:
		if !clinical(e.Target) || a.Ended {
			return record.Degraded, ""
		}
	case !asSensitivity(e):
		return record.Degraded, ""
	}
	return record.Pending, ""
}

// fitFamilyHistory lets only a code that says so itself stand for a relative's
// history: a reader who misses the mark must not take it for the patient's.
func fitFamilyHistory(e *record.Entry) (record.Outcome, string) {
	words := e.Target.Term
	if words == "" {
		words = e.Text
	}
	if !clinical(e.Target) || mapping.ClassOf(words) != mapping.FamilyHistory {
		return record.Degraded, "About a relative, not about the patient."
	}
	return record.Pending, ""
}
