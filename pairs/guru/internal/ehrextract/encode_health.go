package ehrextract

import (
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// allergy writes an allergy inside the category that says what it is to, where
// a receiver of the format looks for it (S §6.1). An assertion that there are
// none is a plain statement: in the category it would be one.
func (x *encoder) allergy(e *record.Entry) {
	if e.Allergy == nil || e.Allergy.Absent {
		if native(e) {
			x.observation(e, e)
		} else {
			x.plain(e)
		}
		return
	}
	w := x.w
	x.compound(nil, "CATEGORY", x.derive("allergy", x.of(e).id))
	if e.Allergy.Class == record.AllergyNonDrug {
		bareCode(w, "code", otherAllergy)
	} else {
		bareCode(w, "code", drugAllergy)
	}
	x.times(e)
	x.open()
	if native(e) {
		x.reaction(e)
	} else {
		x.plain(e)
	}
	w.End()
	x.compounded()
}

// reaction writes the statement of an allergy: its code, and the drug as the
// value. One that has ended has no value, for the format has no end and a value
// fires alerts.
func (x *encoder) reaction(e *record.Entry) {
	w, a := x.w, e.Allergy
	texts, lines, others := x.sayings(e)
	code, drug := e.Target, a.Substance
	var drugs []mapping.Code
	if code.Scheme.Drug() {
		code, drug = mapping.Code{}, e.Target
		others, drugs = nil, others
	} else if hasCode(drug) && !a.Ended {
		others, drugs = split(others)
	}
	if code.IsZero() && a.Class != record.AllergyNonDrug {
		code = drugAllergy
	}
	if a.Ended && !drug.IsZero() && drug == e.Target { // without a value, said in words
		lines = append(lines, record.FactAllergySubstance.Line(record.CodeWords(drug)))
		for _, c := range drugs {
			lines = append(lines, record.SourceCode(c))
		}
	}
	x.start("ObservationStatement", e, "classCode", "OBS", "moodCode", "EVN")
	w.Empty("id", "root", x.of(e).id)
	concept(w, "code", code, e.Text, codedQualifiers(e), others)
	x.times(e)
	if hasCode(drug) && !a.Ended {
		concept(w, "value", drug, a.Details, nil, drugs, "xsi:type", "CD")
	}
	x.annotations(texts, lines)
	x.participant(e)
	w.End()
}

// split parts the translations of the statement from those of the drug.
func split(all []mapping.Code) (clinical, drugs []mapping.Code) {
	for _, c := range all {
		if c.Scheme.Drug() {
			drugs = append(drugs, c)
		} else {
			clinical = append(clinical, c)
		}
	}
	return clinical, drugs
}

// substanceHeld reports an allergy whose value says what it is to.
func substanceHeld(e *record.Entry) bool {
	return hasCode(e.Allergy.Substance) && !e.Allergy.Ended && !e.Allergy.Absent && !e.Target.Scheme.Drug()
}

// definer is the entry whose statement tells a problem, nil where the problem
// needs one of its own.
func (x *encoder) definer(e *record.Entry) *record.Entry {
	if e.Problem == nil {
		return nil
	}
	by := e.Problem.Defines
	if !written(by) || !native(by) || !observed(by) || by.Text != e.Text || len(x.of(by).children) > 0 || x.of(by).problem != e {
		return nil
	}
	return by
}

// observed reports an entry that is written as an observation.
func observed(e *record.Entry) bool {
	switch e.Kind {
	case record.KindObservation, record.KindResult, record.KindImmunisation, record.KindFamilyHistory, record.KindAllergy:
		return true
	}
	return false
}

// problem writes the link set of a problem, and before it the statement it is
// about where that is no entry of its own.
func (x *encoder) problem(e *record.Entry) {
	named := x.definer(e)
	if named == nil {
		x.observation(nil, e)
		x.w.End()
		x.open()
	}
	x.linkSet(e, named)
}

// problemLines are what a problem says beyond its link set, for the statement
// that tells it.
func (x *encoder) problemLines(n *extra, told *record.Entry) {
	e := x.of(told).problem
	if e == nil || x.definer(e) != told {
		return
	}
	for _, q := range e.Qualifiers {
		if !codedQualifier(q) {
			n.line(q.Name, q.Value)
		}
	}
	for _, t := range e.Texts {
		n.line(t.Label, t.Value)
	}
	n.facts(e, func(f record.Field) bool { return held(e, f) })
	for _, note := range e.Notes {
		if _, held := statusWords(note); !held {
			n.once(note)
		}
	}
	n.line("Confidentiality", e.Confidential)
	if !e.Target.Is(told.Target) {
		n.line("Code", record.CodeWords(e.Target))
	}
	if !e.Code.Is(told.Code) && !e.Code.IsZero() {
		n.once(record.SourceCode(e.Code))
	}
	for _, c := range e.Others {
		if !slices.ContainsFunc(told.Others, c.Is) {
			n.once(record.SourceCode(c))
		}
	}
}

// problemStatus is the code of a problem's state. One whose source does not
// say is active unless it has ended, as the note of the translation has it
// (safety §D.2), or what it says has no value here.
func problemStatus(e *record.Entry, p *record.Problem) mapping.Code {
	switch {
	case p.Status.Value == statusActive:
		return activeProblem
	case p.Status.Value == statusInactive || p.Status.IsZero() && !p.End.IsZero():
		return inactiveProblem
	case noted(e, "Problem status"):
		return unspecifiedProblem
	}
	return activeProblem
}

// statusWords are the words of a problem's state that the reader found no value
// for, and kept in a note.
func statusWords(note string) (string, bool) {
	return strings.CutPrefix(note, "Problem status as recorded: ")
}

// stateWords are a problem's state in the source's words.
func stateWords(e *record.Entry, p *record.Problem) string {
	for _, n := range e.Notes {
		if words, ok := statusWords(n); ok {
			return words
		}
	}
	return p.Status.Term
}

func (x *encoder) linkSet(e, named *record.Entry) {
	w, p := x.w, e.Problem
	if p == nil {
		p = &record.Problem{}
	}
	x.start("LinkSet", e, "classCode", "OBS", "moodCode", "EVN")
	w.Empty("id", "root", x.of(e).id)
	var status [6]string
	w.Start("code", appendCode(status[:0], problemStatus(e, p))...)
	w.Optional("originalText", stateWords(e, p))
	if weight, ok := significanceOf(p.Significance.Value); ok {
		w.Start("qualifier", "inverted", "false")
		bareCode(w, "name", weight)
		w.End()
	}
	if named != nil { // else its own statement has them
		writeQualifiers(w, codedQualifiers(e))
	}
	w.End()
	complete(w)
	interval(w, e.Date, p.End)
	stamp(w, "availabilityTime", e.Recorded)
	for _, linked := range x.of(e).links {
		w.Start("component", "typeCode", "COMP")
		x.statementRef("statementRef", x.of(linked).id, linked)
		w.End()
	}
	w.Start("conditionNamed", "typeCode", "NAME", "inversionInd", "true")
	if named != nil {
		x.statementRef("namedStatementRef", x.of(named).id, named)
	} else {
		x.statementRef("namedStatementRef", x.statementID(e), nil)
	}
	w.End()
	x.participant(e)
	w.End()
}

// statementRef points at a statement, in the class and mood it is written in.
func (x *encoder) statementRef(name, id string, e *record.Entry) {
	class, mood := "OBS", "EVN"
	if e != nil && native(e) {
		switch e.Kind {
		case record.KindMedication:
			class, mood = "SBADM", "INT"
		case record.KindIssue:
			class, mood = "SBADM", "ORD"
		case record.KindDiary:
			mood = "INT"
		case record.KindReferral, record.KindRequest:
			mood = "RQO"
		}
	}
	x.w.Start(name, "classCode", class, "moodCode", mood)
	x.w.Empty("id", "root", id)
	x.w.End()
}

func significanceOf(value string) (mapping.Code, bool) {
	switch value {
	case significant:
		return significantProblem, true
	case minor:
		return minorProblem, true
	}
	return mapping.Code{}, false
}

// intended writes a plan or a request: what is to be done, when, and since
// when that is recorded.
func (x *encoder) intended(e *record.Entry) {
	w := x.w
	name, mood := "PlanStatement", "INT"
	if e.Kind != record.KindDiary {
		name, mood = "RequestStatement", "RQO"
	}
	texts, lines, others := x.sayings(e)
	x.start(name, e, "classCode", "OBS", "moodCode", mood)
	w.Empty("id", "root", x.of(e).id)
	concept(w, "code", e.Target, e.Text, codedQualifiers(e), others)
	w.Optional("text", joinLines(texts, lines))
	complete(w)
	center(w, e.Date)
	stamp(w, "availabilityTime", e.Recorded)
	x.priority(e)
	x.participant(e)
	w.End()
}
