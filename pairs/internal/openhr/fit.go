package openhr

import "github.com/linkspan/linkspan/record"

// Fit settles what the format cannot hold as what it is: such an entry is
// written as text, with a note that says why. It runs after translation and
// changes outcomes from exact or mapped to degraded or unsupported, and
// nothing else.
func Fit(rec *record.Record) {
	for _, e := range rec.Entries {
		if native(e) {
			fit(e)
		}
	}
}

func fit(e *record.Entry) {
	if turned(e) {
		e.Outcome = record.Degraded
		e.Notes = append(e.Notes, "Shown as text: what turns this statement round has no code here.")
		return
	}
	if _, _, ok := writeCode(e.Target); !ok && !e.Target.IsZero() { // a Read code without its term code cannot be spelt
		e.Outcome = record.Degraded
		e.Notes = append(e.Notes, "Not coded: its code does not say which term was chosen.")
		return
	}
	switch e.Kind {
	case record.KindUnrecognised:
		e.Outcome = record.Unsupported
	case record.KindAllergy:
		// The format has no place for the end of an allergy: as an allergy it
		// would go on firing alerts (safety §D.2).
		if a := e.Allergy; a != nil && a.Ended {
			e.Outcome = record.Degraded
			e.Notes = append(e.Notes, "Past allergy, ended "+a.End.Words()+".")
		}
	case record.KindImmunisation:
		if i := e.Immunisation; i != nil && i.NotGiven && !negated(e) {
			e.Outcome = record.Degraded
			e.Notes = append(e.Notes, "Not given.")
		}
	case record.KindProblem:
		// Without its part a problem is nothing the format can show as one.
		if e.Problem == nil {
			e.Outcome = record.Degraded
		}
	}
}

// turned reports an entry whose code would be read without the qualifier that
// denies or doubts it: one that has no code of this format, or no code beside
// it to stand on.
func turned(e *record.Entry) bool {
	if e.Code.IsZero() && e.Target.IsZero() {
		return false
	}
	for _, q := range e.Qualifiers {
		if q.Meaning == record.Refines {
			continue
		}
		_, _, value := writeCode(q.ValueCode)
		_, _, name := writeCode(q.NameCode)
		if !value && !name || e.Target.IsZero() {
			return true
		}
	}
	return false
}

// negated reports that a qualifier says the statement is denied.
func negated(e *record.Entry) bool {
	for _, q := range e.Qualifiers {
		if q.Meaning == record.Negates {
			return true
		}
	}
	return false
}
