package mapping

import "time"

// checkHeader refuses a table that does not say what it is and where it comes from.
func (p *parser) checkHeader() {
	t := p.table
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
	if t.From != "" && t.From == t.To {
		p.fault("from and to are one scheme", "a scheme needs no table to itself", "name the target scheme")
	}
	if t.Layer != "" && t.Layer.rank() == 0 {
		p.fault("unknown layer", "precedence would be undefined", "write starter, national, supplier or local")
	}
	if t.Use != "" && t.Use != "test" && t.Use != "clinical" {
		p.fault("unknown use", "the mark against clinical use would be lost", "write test or clinical, or leave it out")
	}
	if t.Layer == StarterLayer && t.Use != "test" {
		p.fault("a starter table without use: test", "starter tables are not for clinical use", `add "# use: test"`)
	}
	if t.ValidFrom != "" {
		if _, err := time.Parse(time.DateOnly, t.ValidFrom); err != nil {
			p.fault("valid-from is not a date", "the table's age would be unknown", "write YYYY-MM-DD")
		}
	}
}

// checkRow refuses whatever in one row could put a wrong code in front of a clinician.
func (p *parser) checkRow(row *Row) {
	if sentinel(row.Source.Value) || sentinel(row.Target.Value) {
		p.fault("the marker _DRUG or _NONE stands for a code", "it is the national files' word for no map", "make it a no-map row with a reason")
		return
	}
	if row.Source.Scheme.known() {
		p.checkCode("source code", row.Source)
	}
	if !row.Relation.known() {
		p.fault("unknown relation", "it decides whether the row may code", "write equivalent, source-is-narrower-than-target, source-is-broader-than-target, related-to or no-map")
		return
	}
	if row.Relation == NoMap {
		if !row.Target.IsZero() || row.Target.Term != "" {
			p.fault("a no-map row with a target", "it says two things", "empty the target cells or choose a relation")
		}
		if row.Reason == "" {
			p.fault("a no-map row without a reason", "decided and forgotten would look alike", "say why there is no map")
		}
		return
	}
	if row.Target.Value == "" {
		p.fault("a mapped row without a target code", "nothing could be written", "fill the target or make it a no-map row")
		return
	}
	if row.Target.Scheme.known() {
		p.checkCode("target code", row.Target)
	}
	if row.Relation == Broader && row.Context.strict() {
		p.fault("a broader source in an allergy or medication row", "the target says more than anybody recorded", "make it a no-map row or find the equivalent")
	}
	if target := ClassOf(row.Target.Term); !row.Source.Scheme.Enumeration() && !row.Target.Scheme.Enumeration() &&
		row.Class != Unknown && target != Unknown && row.Class != target {
		p.fault("the source term is "+string(row.Class)+", the target term "+string(target),
			"a changed class of context changes the meaning", "find a target of the same class or make it a no-map row")
	}
}

func (p *parser) checkCode(which string, c Code) {
	if fault := c.fault(); fault != "" {
		p.fault(which+": "+fault, "it is no code of scheme "+string(c.Scheme), "copy the code again from its source, as text")
		return
	}
	if c.Scheme == ReadV2 && c.TermCode == "" {
		p.fault(which+": no Read term code", "synonyms of one Read code go to different concepts", "add the two-character term code, 00 for the preferred term")
	}
}

// checkTable refuses a table that only repeats its source codes: false friends pass unseen that way (terminology §0.1).
func (p *parser) checkTable() {
	t := p.table
	if t.From.Enumeration() || t.To.Enumeration() || t.From == t.To {
		return
	}
	mapped, identical := 0, 0
	for i := range t.rows {
		if t.rows[i].Relation == NoMap {
			continue
		}
		mapped++
		if t.rows[i].Source.Value == t.rows[i].Target.Value {
			identical++
		}
	}
	if mapped >= 20 && identical*100 > mapped*99 {
		p.line = 0
		p.fault("the targets are the source codes", "codes of two schemes that look alike are not the same code", "take the targets from a published map")
	}
}

func sentinel(value string) bool { return value == "_DRUG" || value == "_NONE" }
