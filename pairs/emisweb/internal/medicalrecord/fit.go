package medicalrecord

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Fit settles, after translation, which coded entries this document cannot
// hold as what they are. It changes outcomes and adds the note that says why,
// and drops nothing:
//
//   - a Read code whose term is not stated, which EMIS would file as the
//     preferred one: degraded;
//   - what denies or doubts a code, in a qualifier this document has no item
//     for, must not stand as text beside that code: unsupported, words alone;
//   - an immunisation not given, whose code reads as given: unsupported;
//   - an ended allergy, for an Allergy has no end and would alert: degraded;
//   - a vaccination or any other event without a code is words: degraded;
//   - a request that is not an order with its tests would read as the test
//     done: degraded;
//   - a medication that has ended, whose status says current: degraded.
func Fit(rec *record.Record) {
	for _, e := range rec.Entries {
		if e.Outcome != record.Exact && e.Outcome != record.Mapped {
			continue
		}
		if outcome, why := misfit(e); why != "" {
			e.Outcome = outcome
			e.Notes = append(e.Notes, why)
		}
	}
}

func misfit(e *record.Entry) (record.Outcome, string) {
	for _, q := range e.Qualifiers {
		if q.Meaning != record.Refines && (!ownQualifier(q) || !takesQualifiers(e.Kind)) {
			return record.Unsupported, "Shown as text: the code alone would say the opposite or more than was recorded."
		}
	}
	if e.Target.Scheme == mapping.ReadV2 {
		if _, _, ok := nativeOf(e.Target); !ok {
			return record.Degraded, "Not coded: its code does not say which term was chosen."
		}
	}
	switch e.Kind {
	case record.KindImmunisation:
		if e.Immunisation != nil && e.Immunisation.NotGiven && !denied(e) && mapping.ClassOf(e.Target.Term) != mapping.Negated {
			return record.Unsupported, "Shown as text: the immunisation was NOT given."
		}
		if e.Target.IsZero() {
			return record.Degraded, "Shown as text: the immunisation has no code."
		}
	case record.KindAllergy:
		if e.Allergy != nil && e.Allergy.Ended {
			return record.Degraded, "Shown as text: the allergy is recorded as ended, which this system's allergies cannot say."
		}
	case record.KindRequest:
		if !e.Target.IsZero() && (e.Parent == nil || e.Parent.Parent == nil) {
			return record.Degraded, "Shown as text: a request, not a result."
		}
	case record.KindMedication:
		if m := e.Medication; m != nil && m.Status.Value == "A" && (m.Cancelled || m.EndReason != "") {
			return record.Degraded, "Shown as text: the medication is recorded both as current and as ended."
		}
	case record.KindIssue:
		if m := e.Medication; m != nil && m.Cancelled {
			return record.Degraded, "Shown as text: the issue was cancelled."
		}
	}
	return 0, ""
}

// takesQualifiers reports the kinds whose element has a QualifierList: all
// coded items (E §2).
func takesQualifiers(k record.Kind) bool {
	switch k {
	case record.KindMedication, record.KindIssue, record.KindConsultation, record.KindReport, record.KindAdministration:
		return false
	}
	return true
}
