package mapping

import (
	"fmt"
	"strconv"
	"strings"
)

// checkHeader refuses a table that does not say what it is and where it comes from.
func (p *parser) checkHeader() {
	t := p.table
	t.enumerated, t.drugs = t.From.Enumeration() || t.To.Enumeration(), t.From.Drug() || t.To.Drug()
	required := []struct{ key, value string }{
		{"id", t.ID}, {"version", t.Version}, {"from", string(t.From)}, {"to", string(t.To)},
		{"layer", string(t.Layer)}, {"licence", t.Licence}, {"source", t.Source},
	}
	for _, h := range required {
		if h.value == "" {
			p.fault("no header "+h.key, "a table says what it is, where it comes from and on what terms", `add "# `+h.key+`: ..." above the header row`)
		}
	}
	if t.From != "" && !t.From.known() {
		p.fault("unknown scheme in from", "its codes cannot be checked", "use a scheme of the documentation or <system>.<slot>")
	}
	if t.To != "" && !t.To.known() {
		p.fault("unknown scheme in to", "its codes cannot be checked", "use a scheme of the documentation or <system>.<slot>")
	}
	switch {
	case t.Purpose != "" && t.Purpose != HistoryPurpose:
		p.fault("unknown purpose", "the table would be used for something else", `leave it out, or write "history" for superseded identifiers`)
	case t.Purpose == HistoryPurpose && t.From != t.To:
		p.fault("a history table between two schemes", "it leads from superseded identifiers to current ones of the same scheme", "make from and to one scheme, or leave purpose out")
	case t.Purpose == HistoryPurpose && t.Layer == DerivedLayer:
		p.fault("a history table of the derived layer", "the codes it leads to may be those of a drug or an allergy", "take what replaced each code from its publisher, and name that layer")
	case t.Purpose == "" && t.From != "" && t.From == t.To:
		p.fault("from and to are one scheme", "a scheme needs no table to itself", `name the target scheme, or add "# purpose: history" for superseded identifiers`)
	}
	if t.Layer != "" && t.Layer.rank() == 0 {
		p.fault("unknown layer", "precedence would be undefined", "write derived, starter, national, supplier or local")
	}
	if t.Use != "" && t.Use != "test" && t.Use != "clinical" {
		p.fault("unknown use", "the mark against clinical use would be lost", "write test or clinical, or leave it out")
	}
	if t.Layer == StarterLayer && t.Use != "test" {
		p.fault("a starter table without use: test", "starter tables are not for clinical use", `add "# use: test"`)
	}
	if t.ValidFrom != "" && !isDay(t.ValidFrom) {
		p.fault("valid-from is not a date", "the table would act on the wrong days", "write YYYY-MM-DD")
	}
}

// checkRow refuses whatever in one row could put a wrong code in front of a clinician. It reports whether the codes are
// codes, so that the row can be compared with the others whatever else is wrong with it.
func (p *parser) checkRow(row *Row) bool {
	if sentinel(row.Source.Value) || sentinel(row.Target.Value) {
		p.fault("the marker _DRUG or _NONE stands for a code", "it is the national files' word for no map", "make it a no-map row with a reason")
		return false
	}
	sound := p.checkCode("source code", row.Source)
	if !row.Relation.known() {
		p.fault("unknown relation", "it decides whether the row may code", "write equivalent, source-is-narrower-than-target, source-is-broader-than-target, related-to or no-map")
		return false
	}
	if row.Relation == NoMap {
		if !row.Target.IsZero() || row.Target.Term != "" {
			p.fault("a no-map row with a target", "it says two things", "empty the target cells or choose a relation")
		}
		if row.Reason == "" {
			p.fault("a no-map row without a reason", "decided and forgotten would look alike", "say why there is no map")
		}
		return sound && row.Target.IsZero()
	}
	if row.Target.Value == "" {
		p.fault("a mapped row without a target code", "nothing could be written", "fill the target or make it a no-map row")
		return false
	}
	sound = p.checkCode("target code", row.Target) && sound
	if row.Context.strict() && row.Relation == Broader {
		p.fault("a broader source in an allergy or medication row", "the target says more than anybody recorded", "make it a no-map row or find the equivalent")
	}
	p.checkClasses(row)
	return sound
}

func (p *parser) checkCode(which string, c Code) bool {
	if !c.Scheme.known() {
		return false // a fault of the header
	}
	if fault := c.fault(); fault != "" {
		p.fault(which+": "+fault, "it is no code of scheme "+string(c.Scheme), "copy the code again from its source, as text")
		return false
	}
	if c.Scheme == ReadV2 && c.TermCode == "" {
		p.fault(which+": no Read term code", "synonyms of one Read code go to different concepts", "add the two-character term code, 00 for the preferred term")
	}
	return true
}

// checkClasses refuses a row that changes the class of context, or, where somebody could be harmed by a drug, one whose
// classes nobody knows. The words are the row's own or a dictionary's.
func (p *parser) checkClasses(row *Row) {
	p.consult(row)
	if row.Source.Scheme.Enumeration() || row.Target.Scheme.Enumeration() || p.table.Purpose == HistoryPurpose {
		return
	}
	unknown := row.Class == Unknown || row.TargetClass == Unknown
	switch {
	case !unknown && row.Class != row.TargetClass:
		p.fault("the source term is "+string(row.Class)+", the target term "+string(row.TargetClass),
			"a changed class of context changes the meaning", "find a target of the same class or make it a no-map row")
	case unknown && p.table.strict(row.Context):
		p.fault("an allergy or medication row without both terms", "whether the class of context changes cannot be judged",
			"add the terms or load dictionaries of both schemes")
	case unknown:
		p.warn("rows without both terms", "the class of context is judged only at translation, against the message's term",
			"add the terms or load dictionaries of both schemes")
	}
}

// consult looks both codes up in the dictionaries that are loaded, and judges what the row leaves open.
func (p *parser) consult(row *Row) {
	if p.Dictionary == nil {
		return
	}
	if term, _, found := p.Dictionary.Look(row.Source); found {
		row.Class = p.judged("source", row.Source.Term, term, row.Class)
	}
	if !p.Dictionary.Holds(row.Target.Scheme) {
		return
	}
	term, active, found := p.Dictionary.Look(row.Target)
	switch {
	case !found:
		p.warn("targets that no loaded dictionary has", "the receiver may not file them", "check the codes, or load the receiver's newer dictionary")
		return
	case !active:
		p.warn("targets no longer in use", "the receiver may not file them", "map to the current code")
	}
	row.TargetClass = p.judged("target", row.Target.Term, term, row.TargetClass)
}

// judged is the class of a term: the row's own where it has one, which the dictionary must not contradict.
func (p *parser) judged(which, own, known string, class Class) Class {
	found := ClassOf(known)
	switch {
	case own == "":
		return found
	case found != Unknown && found != class:
		p.fault("the "+which+" term is "+string(class)+", the dictionary's term "+string(found),
			"the row was reviewed with the words of another code", "copy the term from the dictionary and review the row again")
	case !sameWords(own, known):
		p.warn(which+" terms that differ from the dictionary's", "the row may have been reviewed with the words of another code", "compare the terms")
	}
	return class
}

// sameWords compares two terms by their letters and digits, whatever the case and the signs between them.
func sameWords(a, b string) bool {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0x80 {
				return r
			}
			return -1
		}, strings.ToLower(s))
	}
	return a == b || letters(a) == letters(b)
}

// checkDays reads the days between which a row is in force; false where they cannot be.
func (p *parser) checkDays(row *Row) bool {
	if row.ValidFrom == "" && row.ValidTo == "" {
		return true
	}
	switch {
	case row.ValidFrom != "" && !isDay(row.ValidFrom), row.ValidTo != "" && !isDay(row.ValidTo):
		p.fault("a validity that is not a date", "the row would be in force on the wrong days", "write YYYY-MM-DD or leave it empty")
		return false
	case row.ValidTo != "" && row.ValidTo < row.ValidFrom:
		p.fault("valid_to before valid_from", "the row is never in force", "correct the dates or delete the row")
		return false
	}
	p.dated[row.Line] = days{strings.Clone(row.ValidFrom), strings.Clone(row.ValidTo)}
	return true
}

// checkCount refuses a file that has not the rows it says it has.
func (p *parser) checkCount() {
	if stated := p.table.StatedRows; stated != "" && stated != strconv.Itoa(p.rows) {
		p.fault(fmt.Sprintf("%d rows, and the header states another number", p.rows), "half of the file may be missing",
			"copy or import it again, or correct the line \"# rows:\"")
	}
}

// checkKeys refuses a second row for a key on the same days.
func (p *parser) checkKeys() {
	rows := &p.table.packed
	var same []packedRow // the rows of one key so far
	for _, row := range rows.rows() {
		if len(same) > 0 && rows.compare(same[0], row) != 0 {
			same = same[:0]
		}
		for _, other := range same {
			p.checkTwice(other, row)
		}
		if same = append(same, row); len(p.faults) >= maxFaults {
			return
		}
	}
}

// takeInForce leaves the rows that are in force today. What a table is refused for does not depend on the day.
func (p *parser) takeInForce() {
	t := p.table
	rows := &t.packed
	if p.Day != "" && p.Day < t.ValidFrom {
		t.until = t.ValidFrom
		*rows = rows.only(nil)
		return
	}
	if len(p.dated) == 0 {
		return
	}
	for _, d := range p.dated {
		t.until = earlier(t.until, d.change(p.Day))
	}
	var kept []int
	for at, row := range rows.rows() {
		if p.dated[row.line()].hold(p.Day) {
			kept = append(kept, at)
		}
	}
	*rows = rows.only(kept)
}

func (p *parser) checkTwice(first, second packedRow) {
	p.line = second.line()
	other := first.line()
	a, b := p.dated[other], p.dated[p.line]
	switch {
	case !a.overlap(b):
	case a != b && (a != days{} || b != days{}):
		p.fault(fmt.Sprintf("in force on the same days as line %d", other), "one code and context cannot have two targets", "end the one before the other begins")
	case first.sameTarget(second):
		p.fault(fmt.Sprintf("the row of line %d again", other), "a key has one row", "delete one")
	default:
		p.fault(fmt.Sprintf("conflicts with line %d", other), "one code and context cannot have two targets", "keep the right one, or none")
	}
}

// checkTable refuses a table that only repeats its source codes: false friends pass unseen that way (terminology §0.1).
func (p *parser) checkTable() {
	t := p.table
	if t.From.Enumeration() || t.To.Enumeration() || t.From == t.To {
		return
	}
	mapped, identical := 0, 0
	for _, row := range t.packed.rows() {
		if row.relation() == NoMap {
			continue
		}
		mapped++
		if target, _ := row.target(); target == row.value() {
			identical++
		}
	}
	if mapped >= 20 && identical*100 > mapped*99 {
		p.line = 0
		p.fault("the targets are the source codes", "codes of two schemes that look alike are not the same code", "take the targets from a published map")
	}
	p.warnOfCrowds()
	p.warnOfTwins()
}

func sentinel(value string) bool { return value == "_DRUG" || value == "_NONE" }
