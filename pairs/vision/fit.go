package vision

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Fit settles what a patient file cannot hold as what it is: it changes outcomes
// from exact or mapped to degraded or unsupported, with a note that says why.
func (c *codec) Fit(rec *record.Record) {
	for _, e := range rec.Entries {
		if !native(e) {
			continue
		}
		if outcome, why := misfit(e); outcome != record.Pending {
			e.Outcome, e.Target = outcome, mapping.Code{}
			if why != "" {
				e.Notes = append(e.Notes, why)
			}
		}
	}
}

// misfit gives the lower outcome of an entry and why, or Pending where it fits.
func misfit(e *record.Entry) (record.Outcome, string) {
	const fits = record.Pending
	for _, q := range e.Qualifiers {
		if q.Meaning != record.Refines {
			return record.Degraded, "Not coded: Vision has no place for what denies or doubts it."
		}
	}
	if e.Target.Scheme == mapping.ReadV2 && e.Target.TermCode == "" {
		return record.Degraded, "Not coded: its code does not say which term was chosen."
	}
	switch e.Kind {
	case record.KindProblem:
		if e.Problem == nil {
			return record.Degraded, ""
		}
	case record.KindMedication, record.KindIssue:
		return misfitTherapy(e)
	case record.KindAllergy:
		if a := e.Allergy; a == nil || a.Ended {
			return record.Degraded, "Not coded: Vision has no place for the end of an allergy."
		}
	case record.KindImmunisation:
		if i := e.Immunisation; i == nil || i.NotGiven {
			return record.Degraded, ""
		}
	case record.KindReferral:
		if e.Referral == nil {
			return record.Degraded, ""
		}
	case record.KindFamilyHistory:
		if words := e.Target.Term; !e.Target.IsZero() && mapping.ClassOf(words) != mapping.FamilyHistory && mapping.ClassOf(e.Text) != mapping.FamilyHistory {
			return record.Degraded, "About a relative, not about the patient."
		}
	case record.KindReport, record.KindDiary, record.KindDocument, record.KindAlert, record.KindRequest, record.KindAdministration, record.KindUnrecognised:
		return record.Unsupported, ""
	}
	return fits, ""
}

// misfitTherapy keeps a drug from looking current or issued that is not.
func misfitTherapy(e *record.Entry) (record.Outcome, string) {
	m := e.Medication
	switch {
	case m == nil, !e.Target.IsZero() && e.Target.Scheme != mapping.VisionDrug:
		return record.Degraded, ""
	case len(m.Mixture) > 0:
		return record.Degraded, "Extemporaneous mixture: checks on its parts will not be made."
	case m.Cancelled:
		return record.Degraded, "The issue was cancelled."
	case e.Kind == record.KindMedication && m.Type.Value != "R" && m.Type.Value != "A":
		return record.Degraded, "Not shown as a drug: whether it is a repeat is not known."
	case e.Kind == record.KindMedication && m.Type.Value == "R" && m.Status.Value != "1" && (!m.End.IsZero() || m.EndReason != ""):
		return record.Degraded, "Past repeat medication."
	case e.Kind == record.KindIssue && m.Type.Value != "" && m.Type.Value != "I":
		return record.Degraded, "Not shown as an issue: it is one of no repeat."
	}
	return record.Pending, ""
}
