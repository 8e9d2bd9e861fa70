package pairs

import (
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// KindScheme is the enumeration the tables use to say that an ordinary code
// stands for an allergy: both systems let one be entered so (safety §1.3;
// S §1.4 on non-drug allergies).
const KindScheme mapping.Scheme = "linkspan.kind"

// The values of KindScheme.
const (
	kindDrugAllergy     = "drug-allergy"
	kindNonDrugAllergy  = "non-drug-allergy"
	kindNoAllergies     = "no-known-allergies"
	kindDegradedAllergy = "degraded-drug-allergy"
	kindDegradedOther   = "degraded-non-drug-allergy"
)

// classify finds the allergies among the entries: those that are said to be,
// and those entered as an ordinary code, which a table knows. An ordinary
// statement that is one moves to the allergies; where allergies were not asked
// for, or the entry is something else besides, it stays and is words alone.
func (t *translation) classify() {
	for _, e := range t.rec.Entries {
		if e.Kind == record.KindAllergy && e.Allergy == nil {
			e.Allergy = &record.Allergy{}
		}
		if res := t.kindOf(e); res.Answer == mapping.Mapped {
			if t.Watch.Looked != nil {
				t.Watch.Looked(Lookup{Entry: e, Code: e.Code, To: []mapping.Scheme{KindScheme}, Result: res})
			}
			t.classified(e, res.Target.Value)
		}
	}
	for _, e := range t.rec.Entries {
		if e.Kind == record.KindProblem && e.Outcome == record.Pending {
			t.classifyProblem(e)
		}
	}
}

// kindOf is what the tables say of an entry's code, mapped where it is one of
// an allergy.
func (t *translation) kindOf(e *record.Entry) mapping.Result {
	if e.Code.IsZero() {
		return mapping.Result{}
	}
	switch e.Kind {
	case record.KindObservation, record.KindResult, record.KindAllergy, record.KindProblem:
	default:
		return mapping.Result{}
	}
	return t.Tables.Translate(e.Code, KindScheme)
}

func (t *translation) classified(e *record.Entry, value string) {
	asked := t.q.Sections.Has(record.Allergies)
	switch {
	case e.Kind == record.KindProblem:
	case e.Outcome == record.WithheldEntry:
		// It would have been on both lists, and both must say so (safety §1.3).
		t.hidden = t.hidden || value != kindNoAllergies
		if asked {
			t.rec.Warn(record.Warning{Code: record.WarnConfidential, Section: record.Allergies})
		}
	case e.Outcome != record.Pending:
	case e.Kind != record.KindAllergy && !asked:
		t.asText[e] = "Not coded: it concerns allergies, which were not asked for. Others may be recorded."
	case e.Kind == record.KindResult:
		t.asText[e] = "Not coded: an allergy entered as a result."
		t.countUnsafe(e, value)
	default:
		if e.Allergy == nil {
			e.Allergy = &record.Allergy{}
		}
		e.Kind = record.KindAllergy
		name(e, value)
		if t.rec.Closed(record.Allergies) { // what the agreement keeps back stays back, however it was entered
			e.Outcome = record.WithheldEntry
		}
	}
}

// name says what the code of an allergy says of it. What the source states of
// a drug is not taken back: alerts depend on it.
func name(e *record.Entry, value string) {
	a := e.Allergy
	drug := a.Class != record.AllergyUnclear && a.Class.Drug()
	switch value {
	case kindDrugAllergy, kindDegradedAllergy:
		if !drug {
			a.Class = record.AllergyDrug
		}
	case kindNonDrugAllergy, kindDegradedOther:
		if !drug {
			a.Class = record.AllergyNonDrug
		}
	case kindNoAllergies:
		a.Absent = a.Substance.IsZero()
	}
	if value == kindDegradedAllergy || value == kindDegradedOther {
		e.Notes = append(e.Notes, "Degraded before it reached this link.")
	}
}

// classifyProblem looks at a problem whose code is one of an allergy. It stays
// a problem, and its code goes by the strict rules of allergies. With no entry
// among the allergies to head, it is the only place that says so.
func (t *translation) classifyProblem(e *record.Entry) {
	res := t.kindOf(e)
	if res.Answer != mapping.Mapped {
		return
	}
	value := res.Target.Value
	t.allergic[e] = true
	if value == kindNoAllergies {
		t.asText[e] = "Not coded: a problem cannot say that there are no allergies."
		return
	}
	if p := e.Problem; p != nil && p.Defines != nil && p.Defines.Kind == record.KindAllergy {
		return
	}
	t.asText[e] = "Not coded: an allergy entered as a problem."
	t.countUnsafe(e, value)
}

func (t *translation) countUnsafe(e *record.Entry, value string) {
	if value == kindDrugAllergy || value == kindDegradedAllergy {
		t.unsafe = append(t.unsafe, e)
	}
}

// allergy carries an allergy. One to a drug is coded only by a drug code,
// which alone fires the receiver's alerts; every other drug allergy keeps its
// words and makes the record unsafe to prescribe from (DESIGN.md decision 3).
func (t *translation) allergy(e *record.Entry) {
	a := e.Allergy
	drug := a.Substance
	if drug.IsZero() && slices.Contains(t.Holder.DrugSchemes, e.Code.Scheme) {
		drug = e.Code // any other code cannot fill the slot that fires alerts
	}
	asserted := a.Absent || !a.Class.Drug()
	switch {
	case a.Absent && a.Ended:
		e.Outcome = record.Degraded
		e.Notes = append(e.Notes, "Not coded: the statement is recorded as ended.")
	case asserted && !e.Code.IsZero():
		t.code(e, e.Code, t.clinical)
	case !asserted && !drug.IsZero():
		t.code(e, drug, t.alerts)
	default:
		e.Outcome = record.Degraded
	}
}

// assertions looks at every "no known allergies". It is coded only where
// nothing known here speaks against it: an allergy, past ones included, one
// that is withheld or could not be read, or a section that was not read whole.
// The first two lines of that are told to the reader; what is withheld leaves
// no trace but its section's warning (safety §D.1 D-8, §D.2).
func (t *translation) assertions() {
	present, hidden := false, t.hidden || len(t.rec.Faults(record.Allergies)) > 0
	for _, e := range t.rec.Entries {
		switch {
		case e.Kind != record.KindAllergy, e.Outcome == record.Duplicate, e.Allergy.Absent:
		case e.Outcome == record.WithheldEntry:
			hidden = true
		default:
			present = true
		}
	}
	if len(t.unsafe) > 0 {
		present = true
	}
	if !present && !hidden {
		return
	}
	for e := range t.rec.Released {
		if e.Kind != record.KindAllergy || !e.Allergy.Absent || e.Outcome == record.Duplicate {
			continue
		}
		if e.Outcome == record.Exact || e.Outcome == record.Mapped {
			e.Outcome = record.Degraded
		}
		if present {
			t.rec.Warn(record.Warning{Code: record.WarnContradicted, Section: record.Allergies, Detail: e.Date.Words()})
		}
	}
}
