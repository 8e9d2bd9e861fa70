package vision

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// text is what stands in the attribute text: the entry's own words first where
// no other attribute has them, then all that has no attribute, in lines.
func (x *encoder) text(e *record.Entry) string {
	if e.Outcome == record.FailedEntry {
		return "An entry at " + e.At + " could not be read."
	}
	lines := x.said[:0]
	if !native(e) {
		words := e.Text
		if mark := mark(e); mark != "" {
			words = strings.TrimSpace(words + " (" + mark + ")")
		}
		if words != "" {
			lines = append(lines, words)
		}
	}
	x.said = x.lines(lines, e, native(e))
	return strings.Join(x.said, "\n")
}

// lines appends the facts of an entry as labelled lines: all of them, or those
// its own element has no attribute for. The clinician's own words come first.
func (x *encoder) lines(lines []string, e *record.Entry, native bool) []string {
	say := func(label, words string) {
		words = strings.TrimSpace(words)
		switch {
		case words == "":
		case label == "":
			lines = append(lines, words)
		default:
			lines = append(lines, label+": "+words)
		}
	}
	for _, t := range e.Texts {
		if t.Label == "" {
			say("", t.Value)
		}
	}
	for _, q := range e.Qualifiers {
		say(q.Name, q.Value)
	}
	for _, t := range e.Texts {
		if t.Label != "" {
			say(t.Label, t.Value)
		}
	}
	e.EachFact(func(f record.Fact) {
		if !native || !slotted(e, f) {
			lines = append(lines, f.Line())
		}
	})
	if stamp(e.Date) == "" && !e.Date.IsZero() {
		say("Date", e.Date.Words())
	}
	if stamp(e.Recorded) == "" && !e.Recorded.IsZero() {
		say("Recorded", e.Recorded.Words())
	}
	if e.Author != nil && (e.Author.ID == "" || !numeric(e.Author.ID)) {
		say("By", e.Author.NameAndRole())
	}
	if e.EnteredBy != nil && e.EnteredBy != e.Author {
		say("Entered by", e.EnteredBy.NameAndRole())
	}
	if e.Place != nil {
		say("At", e.Place.Title())
	}
	for _, h := range x.of(e).headings {
		say("Heading", h)
	}
	if p := e.Parent; p.Shown() {
		say("Part of", p.Name())
	}
	for _, l := range e.Problems {
		if l.Problem.Shown() {
			say("Problem", l.Problem.Name())
		}
	}
	lines = append(lines, e.Notes...)
	if !e.Code.IsZero() && !e.Code.Is(e.Target) && !e.Code.Scheme.Enumeration() {
		lines = append(lines, record.SourceCode(e.Code))
	}
	for _, c := range e.Others {
		if !native {
			lines = append(lines, record.SourceCode(c))
		}
	}
	return lines
}

// slotted reports a fact that the entry's own element has an attribute for.
func slotted(e *record.Entry, f record.Fact) bool {
	entity := entityOf(e)
	switch f.Field {
	case record.FactEpisodicity:
		return true
	case record.FactProblemStatus, record.FactProblemSignificance:
		return e.Kind == record.KindProblem
	case record.FactProblemEnd:
		return e.Kind == record.KindProblem && stamp(f.Date) != ""
	case record.FactMedicationType, record.FactMedicationDosage, record.FactMedicationQuantity, record.FactMedicationUnit, record.FactMedicationPrivate:
		return true
	case record.FactMedicationStatus, record.FactMedicationAuthorised, record.FactMedicationIssued:
		return entity == entityRepeat
	case record.FactMedicationExpiry:
		return entity == entityRepeat && stamp(f.Date) != ""
	case record.FactMedicationCourse:
		c := e.Medication.Course
		return c.Shown() && entityOf(c) == entityRepeat
	case record.FactAllergyDetails, record.FactAllergySubstance:
		return true
	case record.FactReferralFrom, record.FactReferralTo, record.FactReferralSpecialty:
		return true
	case record.FactImmunisationName, record.FactImmunisationPart, record.FactImmunisationSite, record.FactImmunisationMethod,
		record.FactImmunisationReason, record.FactImmunisationBatch:
		return true
	case record.FactValueNumber:
		return entity == entityWeight || entity == entityHeight
	}
	return false
}

// mark names what an entry is where its words alone could be misread.
func mark(e *record.Entry) string {
	for _, q := range e.Qualifiers {
		switch q.Meaning {
		case record.Negates:
			return e.Kind.String() + ", denied: " + q.Value
		case record.Doubts:
			return e.Kind.String() + ", in doubt: " + q.Value
		}
	}
	switch a := e.Allergy; {
	case e.Kind == record.KindObservation, e.Kind == record.KindResult, e.Kind == record.KindNote, e.Kind == record.KindUnrecognised:
		return ""
	case e.Kind == record.KindImmunisation && e.Immunisation != nil && e.Immunisation.NotGiven:
		return "immunisation, NOT given"
	case e.Kind != record.KindAllergy || a == nil:
		return strings.ReplaceAll(e.Kind.String(), "-", " ")
	case a.Absent:
		return ""
	case a.Ended:
		return "past allergy, ended"
	case a.Class == record.AllergyNonDrug:
		return "non-drug allergy"
	case a.Class == record.AllergyUnclear:
		return "allergy"
	}
	return "drug allergy"
}
