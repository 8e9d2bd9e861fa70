package pairs

import (
	"cmp"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// The context words of table rows the translation adds to an entry's kind.
const (
	withValue      mapping.Context = "with-value" // entries that carry a number (terminology §1.2)
	allergyContext                 = mapping.AllergyContext
)

// code carries one code to the first of the target schemes that has it. What
// no row codes keeps its words.
func (t *translation) code(e *record.Entry, from mapping.Code, to []mapping.Scheme) {
	res := t.look(e, from, to, t.contexts(e))
	target := res.Code()
	switch res.Answer {
	case mapping.Same, mapping.Mapped:
		if t.mayCode(e, from, target, res) {
			e.Target, e.Outcome = target, record.Mapped
			if res.Answer == mapping.Same {
				e.Outcome = record.Exact
			}
			return
		}
	case mapping.Malformed:
		t.malformed++
	case mapping.Unmapped:
		if sent, ok := t.sender(e, to); ok {
			e.Target, e.Outcome = sent, record.Mapped
			e.Notes = append(e.Notes, "Code supplied by the sending system: "+string(sent.Scheme)+" "+sent.Value)
			return
		}
	}
	e.Outcome = record.Degraded
	if e.Kind == record.KindFamilyHistory {
		e.Notes = append(e.Notes, "About a relative, not about the patient.")
	}
	if res.Answer == mapping.Inexact && target.Term != "" {
		e.Notes = append(e.Notes, "Closest code (not recorded): "+target.Term)
	}
	t.count(e, from, res.Answer)
}

// mayCode is the last word on a row that may code: the class of context must
// hold, the sender must not say otherwise, and a supplier's own concept goes
// to no other system under the name of a national scheme.
func (t *translation) mayCode(e *record.Entry, from, target mapping.Code, res mapping.Result) bool {
	switch {
	case target.Private():
		return false
	case !sameClass(e, from, target, res.TargetClass):
		e.Notes = append(e.Notes, "Not coded: the words recorded and the code differ in whether it is present, denied, suspected, past or about a relative.")
		return false
	case res.Answer == mapping.Mapped && t.Rules.Sender && contradicted(e, target):
		e.Notes = append(e.Notes, "Not coded: the sending system's own translation differs from the table.")
		return false
	}
	return true
}

// count puts a code on the list of work for the tables: one that no row
// decided. What a row decides against is done, an enumerated value may be
// typed text, and a malformed code is never named (DESIGN.md decision 16).
func (t *translation) count(e *record.Entry, from mapping.Code, answer mapping.Answer) {
	switch answer {
	case mapping.Unmapped, mapping.Ambiguous, mapping.Inexact:
	default:
		return
	}
	if from.Scheme.Enumeration() || !from.Valid() {
		return
	}
	t.unmapped[unmappedKey{from.Scheme, from.Value + from.TermCode, e.Kind}]++
}

// sender looks for a code the sender placed beside its own. It counts only
// where the pair allows it and our tables are silent, never for an allergy,
// and only if the sender says one thing (DESIGN.md decision 4).
func (t *translation) sender(e *record.Entry, to []mapping.Scheme) (mapping.Code, bool) {
	if !t.Rules.Sender || e.Kind == record.KindAllergy || t.allergic[e] {
		return mapping.Code{}, false
	}
	for _, scheme := range to {
		var found mapping.Code
		for _, other := range sent(e, scheme) {
			if !found.IsZero() && found.Value != other.Value {
				return mapping.Code{}, false
			}
			found = other
		}
		if !found.IsZero() {
			return found, sameClass(e, e.Code, found, mapping.Unknown)
		}
	}
	return mapping.Code{}, false
}

// contradicted reports that the sender placed codes of the target's scheme
// beside its own, and the target is none of them.
func contradicted(e *record.Entry, target mapping.Code) bool {
	others := sent(e, target.Scheme)
	for _, other := range others {
		if other.Value == target.Value && (other.TermCode == target.TermCode || other.TermCode == "" || target.TermCode == "") {
			return false
		}
	}
	return len(others) > 0
}

// sent are the sender's codes of one scheme whose syntax and namespace hold.
// An identifier sent as SNOMED CT where a drug is asked for as dm+d is read so:
// dm+d is a part of SNOMED CT UK under the same identifiers, and the check
// tells the namespaces apart.
func sent(e *record.Entry, scheme mapping.Scheme) []mapping.Code {
	var codes []mapping.Code
	for _, other := range e.Others {
		if scheme == mapping.DMD && other.Scheme == mapping.SNOMED {
			other.Scheme = mapping.DMD
		}
		if other.Scheme == scheme && other.Valid() && !other.Private() {
			codes = append(codes, other)
		}
	}
	return codes
}

// sameClass judges a code against the words of the message: family history
// stays family history, a denial stays one (DESIGN.md decision 3). All the
// words must agree, those beside the code and those shown, for either may turn
// the statement round. known is the target's class, where the row or a
// dictionary has told it; a target of which nobody has is taken for what is
// present.
// The substance of an allergy is a drug, whose words state no allergy; that one
// was had ("H/O: drug allergy" is how EMIS heads them) is why it must alert.
func sameClass(e *record.Entry, from, to mapping.Code, known mapping.Class) bool {
	target := cmp.Or(known, mapping.ClassOf(to.Term), mapping.Present)
	drug := e.Kind == record.KindAllergy && e.Allergy.Class.Drug()
	if e.Kind == record.KindFamilyHistory && target != mapping.FamilyHistory {
		return false
	}
	for i, words := range [...]string{from.Term, e.Text, e.Code.Term} {
		if words == "" || words == to.Term || i > 0 && words == from.Term {
			continue
		}
		class := mapping.ClassOf(words)
		if drug && (class == mapping.Allergy || class == mapping.HistoryOf) {
			class = mapping.Present
		}
		if class != target && class != mapping.Unknown {
			return false
		}
	}
	return true
}

// contexts are the table contexts of an entry, most specific first.
func (t *translation) contexts(e *record.Entry) []mapping.Context {
	kind := mapping.Context(e.Kind.String())
	switch {
	case e.Kind == record.KindIssue:
		kind = mapping.MedicationContext
	case t.allergic[e]:
		return []mapping.Context{kind, allergyContext}
	}
	if e.Value != nil && e.Value.Number != "" {
		return []mapping.Context{withValue, kind}
	}
	return []mapping.Context{kind}
}
