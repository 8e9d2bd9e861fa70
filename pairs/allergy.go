package pairs

import (
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// KindScheme is the enumeration the tables use to say that an ordinary code
// stands for an allergy: both systems let one be entered so (safety §2.2 rule
// 9; S §1.4 on non-drug allergies).
const KindScheme mapping.Scheme = "linkspan.kind"

// The values of KindScheme.
const (
	kindDrugAllergy     = "drug-allergy"
	kindNonDrugAllergy  = "non-drug-allergy"
	kindNoAllergies     = "no-known-allergies"
	kindDegradedAllergy = "degraded-drug-allergy"
	kindDegradedOther   = "degraded-non-drug-allergy"
)

// classify moves an entry entered as an ordinary code to the allergies when a
// table says its code is one.
func (t *translation) classify(e *record.Entry) {
	if e.Outcome != record.Pending || e.Code.IsZero() || e.Kind != record.KindObservation && e.Kind != record.KindAllergy {
		return
	}
	res := t.Tables.Translate(e.Code, KindScheme)
	if res.Answer != mapping.Mapped {
		return
	}
	if e.Allergy == nil {
		e.Allergy = &record.Allergy{}
	}
	e.Kind = record.KindAllergy
	switch res.Target.Value {
	case kindDrugAllergy:
		e.Allergy.Class = record.AllergyDrug
	case kindNonDrugAllergy:
		e.Allergy.Class = record.AllergyNonDrug
	case kindNoAllergies:
		e.Allergy.Absent = true
	case kindDegradedAllergy:
		e.Allergy.Class = record.AllergyDrug
		e.Notes = append(e.Notes, "Degraded before it reached this link.")
	case kindDegradedOther:
		e.Allergy.Class = record.AllergyNonDrug
		e.Notes = append(e.Notes, "Degraded before it reached this link.")
	}
}

// allergy carries an allergy. One to a drug is coded only by a drug code,
// which alone fires the receiver's alerts; every other drug allergy keeps its
// words and makes the record unsafe to prescribe from (DESIGN.md decision 3).
func (t *translation) allergy(e *record.Entry) {
	a := e.Allergy
	if a == nil {
		a = &record.Allergy{}
		e.Allergy = a
	}
	switch {
	case a.Absent, !a.Class.Drug():
		if e.Code.IsZero() {
			e.Outcome = record.Degraded
			return
		}
		t.code(e, e.Code, t.clinical)
	default:
		substance := a.Substance
		if substance.IsZero() {
			substance = e.Code
		}
		if !slices.Contains(t.Holder.DrugSchemes, substance.Scheme) && substance.Scheme != e.Allergy.Substance.Scheme {
			e.Outcome = record.Degraded // a clinical code cannot fill the slot that fires alerts
			return
		}
		t.code(e, substance, t.drugs)
	}
}

// contradictions warns when "no known allergies" stands beside allergies.
func (t *translation) contradictions() {
	var absent, present *record.Entry
	for e := range t.rec.Released {
		if e.Kind != record.KindAllergy || e.Allergy == nil {
			continue
		}
		if e.Allergy.Absent {
			absent = e
		} else if !e.Allergy.Ended {
			present = e
		}
	}
	if absent != nil && present != nil {
		t.rec.Warn(record.Warning{Code: record.WarnContradicted, Section: record.Allergies, Detail: absent.Date.Words()})
	}
}
