package mapping

import (
	"fmt"
	"path"
	"slices"
	"strconv"
)

func decimal(n int) string { return strconv.Itoa(n) }

// Lint tells what only the whole set shows and what refuses nothing: rows that leave in words what a row beneath codes,
// rows that change what is nationally assured, codes that two tables word differently, codes that do not come back from
// one scheme or over two, and replaced codes that were replaced themselves. Every warning stands at the first place and counts the rest.
func (s *Set) Lint() []Warning {
	l := setLint{set: s}
	for _, t := range s.tables {
		if t.Purpose == HistoryPurpose {
			l.history(t)
			continue
		}
		l.hides(t)
		l.overlays(t)
		if t.From.Enumeration() || t.To.Enumeration() {
			continue
		}
		l.words(t)
		if l.set.Has(t.To, t.From) {
			l.comesBack(t)
		}
		for _, over := range l.over(t) {
			l.comesBack(t, over)
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

// words counts the codes that a table of the site words otherwise than another table of the set: one of the two was made
// with the words of another code in view, which no dictionary need be loaded to see.
func (l *setLint) words(t *Table) {
	if t.Layer != SupplierLayer && t.Layer != LocalLayer {
		return
	}
	differ := 0
	var first Fault
	in := reading{words: &t.words}
	for _, packed := range t.packed.rows() {
		other, row, found := l.otherWords(t, packed, &in)
		if !found {
			continue
		}
		if differ++; differ == 1 {
			first = Fault{File: t.File, Line: packed.line(), What: fmt.Sprintf("its source term is not that of %s:%d", other.File, row.line()),
				Why: "one of the rows may have been made with the words of another code", Mend: "look the code up in its dictionary, and correct the row whose words are wrong"}
		}
	}
	l.warn(differ, first)
}

// otherWords finds a row of another table for the same code and term code, whose source term is another.
func (l *setLint) otherWords(t *Table, row packedRow, in *reading) (*Table, packedRow, bool) {
	for _, d := range l.set.directions[t.From] {
		for _, other := range d.tables {
			if other == t || other.Purpose == HistoryPurpose {
				continue
			}
			for _, there := range other.packed.group(other.packed.index.find(&other.packed, row.value())) {
				if there.termCode() != row.termCode() {
					continue
				}
				own, known := t.row(in, row).Source.Term, other.row(&reading{words: &other.words}, there).Source.Term
				if own != "" && known != "" && !sameWords(own, known) {
					return other, there, true
				}
				break
			}
		}
	}
	return nil, "", false
}

// hides counts the rows of a table that code nothing, though the row beneath would. A no-map row says that it is meant.
func (l *setLint) hides(t *Table) {
	var beneath []*Table
	for _, under := range l.set.between(t.From, t.To) {
		if under.Layer.rank() < t.Layer.rank() {
			beneath = append(beneath, under)
		}
	}
	hidden := 0
	var first Fault
	if len(beneath) == 0 {
		return
	}
	for at, row := range t.packed.rows() {
		if row.relation() == NoMap || (placed{t, at}).codes() {
			continue
		}
		under := nextBeneath(beneath, t.packed.key(row))
		if under.table == nil || !under.codes() {
			continue
		}
		if hidden++; hidden == 1 {
			first = Fault{File: t.File, Line: row.line(), What: fmt.Sprintf("hides a row that codes, %s:%d", fileOf(under.table), under.packed().line()),
				Why:  "it is neither equivalent nor assured, so that its code arrives in words where it arrived coded",
				Mend: "review the rows and state the relation, or import them with --layer derived"}
		}
	}
	l.warn(hidden, first)
}

// fileOf is the file of a table, of a starter table as the manifests of sets name it.
func fileOf(t *Table) string {
	if t.Layer == StarterLayer {
		return "starter/" + path.Base(t.File)
	}
	return t.File
}

// nextBeneath is the row of the same key in the highest of the tables that has one.
func nextBeneath(tables []*Table, key rowKey) placed {
	for _, t := range tables {
		for at, row := range t.packed.group(t.packed.index.find(&t.packed, key.value)) {
			if t.packed.key(row) == key {
				return placed{t, at}
			}
		}
	}
	return placed{}
}

// codes reports that the row gives a code to an entry of its context, whatever the words of the entry.
func (p placed) codes() bool {
	row := p.packed()
	c := Code{Scheme: p.table.From, Value: row.value(), TermCode: row.termCode()}
	var r Result
	p.judge(&r, &c, nil)
	return r.Answer == Mapped
}

// overlays counts the rows of a table that change an assured row of a lower layer.
func (l *setLint) overlays(t *Table) {
	changed := 0
	var first Fault
	for _, under := range l.set.between(t.From, t.To) {
		if under.Layer.rank() >= t.Layer.rank() {
			continue
		}
		for _, row := range t.packed.rows() {
			assured, ok := under.packed.at(t.packed.key(row))
			if !ok || !assured.assured() || row.sameTarget(assured) {
				continue
			}
			if changed++; changed == 1 {
				first = Fault{File: t.File, Line: row.line(), What: fmt.Sprintf("changes an assured row, %s:%d", fileOf(under), assured.line()),
					Why: "somebody assured that target nationally", Mend: "compare both rows, and keep this one only for a stated reason"}
			}
		}
	}
	l.warn(changed, first)
}

// over are the schemes over which the codes of a table may come back. Of the three tables of a cycle the one whose scheme
// comes first by name is asked.
func (l *setLint) over(t *Table) []Scheme {
	var over []Scheme
	for _, d := range l.set.directions[t.To] {
		if d.to != t.From && d.to != t.To && t.From < t.To && t.From < d.to && l.set.Has(d.to, t.From) {
			over = append(over, d.to)
		}
	}
	return over
}

// comesBack counts the codes of a table that the way back over other schemes leads to another code. That is no fault of
// any table, for none is the inverse of another, and shows what a record loses that goes there and back.
func (l *setLint) comesBack(t *Table, over ...Scheme) {
	ways := append(slices.Clone(over), t.From)
	asked, lost := 0, 0
	first := Fault{File: t.File, Why: "the table of the way back leads elsewhere"}
	for _, row := range t.packed.rows() {
		if row.relation() == NoMap {
			continue
		}
		value, termCode := row.target()
		back, ok := l.back(Code{Scheme: t.To, Value: value, TermCode: termCode}, ways, t.packed.context(row))
		if !ok {
			continue
		}
		asked++
		if back.Target.Value == row.value() && sameOrUnstated(back.Target.TermCode, row.termCode()) {
			continue
		}
		if lost++; lost == 1 {
			first.Line, first.Mend = row.line(), "compare the rows of "+fileOf(back.Table)+":"+decimal(back.Line)
		}
	}
	if lost > 0 {
		first.What = fmt.Sprintf("%.1f %% of the codes that come back%s are other codes (%d of %d)", 100*float64(lost)/float64(asked), by(over), lost, asked)
	}
	l.warn(lost, first)
}

func by(over []Scheme) string {
	if len(over) == 0 {
		return ""
	}
	return " over " + string(over[0])
}

// back follows a code from scheme to scheme.
func (l *setLint) back(c Code, ways []Scheme, context Context) (r Result, ok bool) {
	for _, to := range ways {
		if r = l.set.Translate(c, to, context); r.Answer != Mapped {
			return r, false
		}
		c = r.Target
	}
	return r, true
}

// history counts the rows that lead to a code which was replaced too: one step is taken and no more.
func (l *setLint) history(t *Table) {
	replaced := 0
	var first Fault
	for _, row := range t.packed.rows() {
		value, termCode := row.target()
		if row.relation() == NoMap {
			continue
		}
		again, ok := l.set.current(Code{Scheme: t.From, Value: value, TermCode: termCode})
		if !ok || again.Value == value {
			continue
		}
		if replaced++; replaced == 1 {
			first = Fault{File: t.File, Line: row.line(), What: "leads to codes that were replaced themselves",
				Why: "of a replaced code the next one is taken and no later one", Mend: "make the row lead to the current code"}
		}
	}
	l.warn(replaced, first)
}
