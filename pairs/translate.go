package pairs

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// withValue is the context of a table row meant for entries that carry a
// number (terminology §1.2, codes with values).
const withValue mapping.Context = "with-value"

// Translate carries a decoded record to the asker: what was not asked for is
// left out, every enumerated value and every code goes through its table, the
// receiver's codec says what it cannot hold, what is degraded gets its degrade
// code, and every section is settled. ask is the request as the holder got it,
// q the asker's own.
//
// Nothing is dropped, merged or re-worded: each entry ends with one outcome.
func (d *Direction) Translate(rec *record.Record, q, ask *record.Request) Report {
	t := &translation{Direction: d, rec: rec, clinical: d.Consumer.ClinicalSchemes, drugs: d.Consumer.DrugSchemes, unmapped: map[unmappedKey]int{}}
	if q.CodeScheme != "" {
		t.clinical = []mapping.Scheme{q.CodeScheme}
	}
	if q.DrugScheme != "" {
		t.drugs = []mapping.Scheme{q.DrugScheme}
	}
	rec.Source.MapSet = d.Tables.Digest()[:16]
	rec.Source.Period = q.Effective
	narrow(rec, ask)
	t.patient()
	for _, e := range rec.Entries {
		t.classify(e)
	}
	for _, e := range rec.Entries {
		t.entry(e)
	}
	t.contradictions()
	d.Consumer.Codec.Fit(rec)
	for _, e := range rec.Entries {
		t.degradeCode(e)
	}
	rec.Settle(q.Sections)
	return t.report(q)
}

type translation struct {
	*Direction
	rec             *record.Record
	clinical, drugs []mapping.Scheme
	unmapped        map[unmappedKey]int
	malformed       int
}

type unmappedKey struct {
	scheme mapping.Scheme
	code   string
	kind   record.Kind
}

func (t *translation) patient() {
	p := &t.rec.Patient
	if p.Sex.IsZero() {
		return
	}
	res := t.Tables.Translate(p.Sex, t.Consumer.Enumerations[record.SlotSex])
	if res.Answer == mapping.Mapped && res.Relation == mapping.Equivalent {
		p.Sex = res.Target
		return
	}
	p.Registration = append(p.Registration, record.Qualifier{Name: "Sex", Value: t.Tables.Words(p.Sex)})
	p.Sex = mapping.Code{}
}

// entry carries one entry's enumerated values and its code.
func (t *translation) entry(e *record.Entry) {
	if e.Malformed {
		t.malformed++
	}
	if e.Outcome != record.Pending {
		return
	}
	t.slots(e)
	rule, coded := t.Rules.Kinds[e.Kind]
	switch {
	case e.Kind == record.KindUnrecognised:
		e.Outcome = record.Unsupported
	case !coded || e.Code.IsZero() && rule.Bare:
		e.Outcome = record.Exact
	case e.Kind == record.KindAllergy:
		t.allergy(e)
	case e.Code.IsZero():
		e.Outcome = record.Degraded
	case rule.Drug:
		t.code(e, e.Code, t.drugs)
	default:
		t.code(e, e.Code, t.clinical)
	}
}

// code carries one code to the first of the target schemes that has it. What
// no row codes keeps its words and is counted.
func (t *translation) code(e *record.Entry, from mapping.Code, to []mapping.Scheme) {
	res := t.Tables.TranslateAny(from, to, contexts(e)...)
	switch {
	case res.Answer == mapping.Same:
		e.Target, e.Outcome = res.Target, record.Exact
		return
	case res.Answer == mapping.Mapped && sameClass(e, from, res.Target):
		e.Target, e.Outcome = res.Target, record.Mapped
		return
	}
	if sent, ok := t.sender(e, res, to); ok {
		e.Target, e.Outcome = sent, record.Mapped
		e.Notes = append(e.Notes, "Code supplied by the sending system: "+string(sent.Scheme)+" "+sent.Value)
		return
	}
	e.Outcome = record.Degraded
	if res.Answer == mapping.Inexact && res.Target.Term != "" {
		e.Notes = append(e.Notes, "Closest code (not recorded): "+res.Target.Term)
	}
	if res.Answer == mapping.Malformed {
		t.malformed++
		return
	}
	t.unmapped[unmappedKey{from.Scheme, from.Value + from.TermCode, e.Kind}]++
}

// sender looks for a code the sender placed beside its own. It counts only
// where the pair allows it, our tables are silent, and never for an allergy.
func (t *translation) sender(e *record.Entry, res mapping.Result, to []mapping.Scheme) (mapping.Code, bool) {
	if !t.Rules.Sender || e.Kind == record.KindAllergy || res.Answer != mapping.Unmapped {
		return mapping.Code{}, false
	}
	for _, scheme := range to {
		for _, other := range e.Others {
			other.Scheme = senderScheme(other.Scheme, scheme)
			if other.Scheme == scheme && other.Check() == nil && sameClass(e, e.Code, other) {
				return other, true
			}
		}
	}
	return mapping.Code{}, false
}

// senderScheme reads an identifier sent as SNOMED CT where a drug is asked for
// as dm+d: dm+d is a part of SNOMED CT UK under the same identifiers, and
// Check tells the namespaces apart.
func senderScheme(sent, wanted mapping.Scheme) mapping.Scheme {
	if sent == mapping.SNOMED && wanted == mapping.DMD {
		return mapping.DMD
	}
	return sent
}

// sameClass judges a code against the words of the message: family history
// stays family history, a denial stays one (DESIGN.md decision 3).
func sameClass(e *record.Entry, from, to mapping.Code) bool {
	target := mapping.ClassOf(to.Term)
	if target == mapping.Unknown {
		return true
	}
	for _, words := range []string{from.Term, e.Text} {
		if class := mapping.ClassOf(words); class != mapping.Unknown {
			return class == target
		}
	}
	return true
}

// contexts are the table contexts of an entry, most specific first.
func contexts(e *record.Entry) []mapping.Context {
	kind := mapping.Context(e.Kind.String())
	if e.Kind == record.KindIssue {
		kind = mapping.Context(record.KindMedication.String())
	}
	if e.Value != nil && e.Value.Number != "" {
		return []mapping.Context{withValue, kind}
	}
	return []mapping.Context{kind}
}

// degradeCode gives a degraded entry the receiver's transfer-degraded code,
// also where the receiver's codec degraded it after it had been coded.
func (t *translation) degradeCode(e *record.Entry) {
	switch e.Outcome {
	case record.Degraded:
	case record.Unsupported, record.FailedEntry:
		e.Target = mapping.Code{}
		return
	default:
		return
	}
	res := t.Tables.TranslateAny(mapping.Code{Scheme: DegradeScheme, Value: string(t.degrade(e))}, t.clinical)
	e.Target = res.Target
	if res.Answer != mapping.Mapped {
		e.Target = mapping.Code{}
	}
}

func (t *translation) degrade(e *record.Entry) Degrade {
	switch {
	case e.Kind == record.KindAllergy && e.Allergy.Absent:
		return DegradeEntry
	case e.Kind == record.KindAllergy && !e.Allergy.Class.Drug():
		return DegradeNonDrugAllergy
	}
	if rule, ok := t.Rules.Kinds[e.Kind]; ok {
		return rule.Degrade
	}
	return DegradeEntry
}

// slots carries every enumerated value of an entry. A value without a place at
// the receiver becomes a line of words; a narrower row fills the slot and the
// original stands beside it, except where a nuance changes what is done.
func (t *translation) slots(e *record.Entry) {
	e.EachSlot(func(slot record.Slot, c *mapping.Code) {
		to, has := t.Consumer.Enumerations[slot]
		res := mapping.Result{Answer: mapping.Unmapped}
		if has {
			res = t.Tables.Translate(*c, to)
		}
		words := t.words(*c)
		switch {
		case res.Answer == mapping.Same:
			return
		case res.Answer == mapping.Mapped && res.Relation == mapping.Equivalent:
			*c = res.Target
			return
		case res.Answer == mapping.Mapped && !strictSlot(slot):
			*c = res.Target
		default:
			*c = mapping.Code{}
			if slot == record.SlotComparator && e.Value != nil {
				e.Value.Unreadable = strings.TrimSpace(words + " " + e.Value.Number + " " + e.Value.Unit)
				e.Value.Number = ""
			}
		}
		if slot == record.SlotHeading || slot == record.SlotComparator || words == "" || res.Reason == nothingToSay {
			return
		}
		e.Notes = append(e.Notes, slotLabel(slot)+": "+words)
	})
}

// nothingToSay is the reason of a no-map row for a value that states nothing,
// such as an episodicity of none.
const nothingToSay = "states nothing"

// words are the source's own for an enumerated value.
func (t *translation) words(c mapping.Code) string {
	if c.Term != "" {
		return c.Term
	}
	return t.Tables.Words(c)
}

// strictSlot names the slots only an equivalent row may fill (DESIGN.md
// decision 5).
func strictSlot(s record.Slot) bool {
	switch s {
	case record.SlotProblemStatus, record.SlotDrugStatus, record.SlotAllergyType, record.SlotComparator, record.SlotDiaryStatus:
		return true
	}
	return false
}

// slotLabel is the label a clinician reads before the words of a slot.
func slotLabel(s record.Slot) string {
	words := strings.ReplaceAll(string(s), "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}
