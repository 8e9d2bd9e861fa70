package mapping

import (
	"fmt"
	"strconv"
)

func decimal(n int) string { return strconv.Itoa(n) }

// Lint tells what only the whole set shows and what refuses nothing: rows that change what is nationally assured, codes
// that do not come back, and rows that never answer. Every warning stands at the first place and counts the rest.
func (s *Set) Lint() []Warning {
	l := setLint{set: s}
	for _, t := range s.tables {
		if t.Purpose == HistoryPurpose {
			continue
		}
		l.overlays(t)
		if !t.From.Enumeration() && !t.To.Enumeration() {
			l.roundTrip(t)
		}
	}
	return l.found
}

type setLint struct {
	set   *Set
	found []Warning
}

func (l *setLint) warn(count int, f Fault) {
	if count > 0 {
		l.found = append(l.found, Warning{Fault: f, Count: count})
	}
}

// overlays counts the rows of a table that change an assured row of a lower layer.
func (l *setLint) overlays(t *Table) {
	changed := 0
	var first Fault
	for _, under := range l.set.directions[pair{t.From, t.To}] {
		if under.Layer.rank() >= t.Layer.rank() {
			continue
		}
		for _, row := range t.packed.rows() {
			assured, ok := under.packed.at(t.packed.key(row))
			if !ok || !assured.assured() || row.sameTarget(assured) {
				continue
			}
			if changed++; changed == 1 {
				first = Fault{File: t.File, Line: row.line(), What: fmt.Sprintf("changes an assured row, %s:%d", under.File, assured.line()),
					Why: "somebody assured that target nationally", Mend: "compare both rows, and keep this one only for a stated reason"}
			}
		}
	}
	l.warn(changed, first)
}

// roundTrip counts the codes of a table that the way back leads to another code. That is no fault of either table, for
// neither is the inverse of the other, and shows what a record loses that goes both ways.
func (l *setLint) roundTrip(t *Table) {
	if !l.set.Has(t.To, t.From) {
		return
	}
	asked, lost := 0, 0
	var first Fault
	for _, row := range t.packed.rows() {
		if row.relation() == NoMap {
			continue
		}
		value, termCode := row.target()
		back := l.set.Translate(Code{Scheme: t.To, Value: value, TermCode: termCode}, t.From, t.packed.context(row))
		if back.Answer != Mapped {
			continue
		}
		asked++
		if back.Target.Value == row.value() && (back.Target.TermCode == row.termCode() || back.Target.TermCode == "" || row.termCode() == "") {
			continue
		}
		if lost++; lost == 1 {
			first = Fault{File: t.File, Line: row.line(), Why: "the table of the way back leads elsewhere",
				Mend: "compare the rows of " + back.Table.File + ":" + decimal(back.Line)}
		}
	}
	if lost > 0 {
		first.What = fmt.Sprintf("%.1f %% of the codes that come back are other codes (%d of %d)", 100*float64(lost)/float64(asked), lost, asked)
	}
	l.warn(lost, first)
}
