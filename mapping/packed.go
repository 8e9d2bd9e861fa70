package mapping

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// packed holds the rows of one table without pointers: 1.5 million rows cost the garbage collector nothing and the box
// about half of what a map would (docs/speed.md). The words of a row stay where the file is.
type packed struct {
	codes string // source value, source term code, target value and target term code of each row, one after the other
	rows  []packedRow
	// lines has the line of each row; nil where row i stands on line first+i, as in a file in the order of its keys.
	lines    []uint32
	first    uint32
	contexts []Context
	index    index
}

// packedRow is one row. lengths are of the four codes that stand at `at`.
type packedRow struct {
	at      uint32
	lengths [4]uint8
	flags   uint16
	context uint8
}

// The flags of a row: relation, class and target class by their place in the lists below, and assurance.
const (
	relationBits, classBits = 3, 3
	assuredFlag             = 1 << (relationBits + 2*classBits)
)

var (
	relations = [...]Relation{Equivalent, Narrower, Broader, Related, NoMap}
	classes   = [...]Class{Unknown, Present, Negated, FamilyHistory, Suspected, HistoryOf, Allergy}
)

func packFlags(r *Row) uint16 {
	flags := slices.Index(relations[:], r.Relation) | slices.Index(classes[:], r.Class)<<relationBits |
		slices.Index(classes[:], r.TargetClass)<<(relationBits+classBits)
	if r.Assured {
		flags |= assuredFlag
	}
	return uint16(flags)
}

func (r packedRow) relation() Relation { return relations[r.flags&(1<<relationBits-1)] }
func (r packedRow) class() Class       { return classes[r.flags>>relationBits&(1<<classBits-1)] }
func (r packedRow) targetClass() Class {
	return classes[r.flags>>(relationBits+classBits)&(1<<classBits-1)]
}
func (r packedRow) assured() bool { return r.flags&assuredFlag != 0 }

// code is the nth of the four codes of a row.
func (p *packed) code(r packedRow, n int) string {
	at := r.at
	for i := range n {
		at += uint32(r.lengths[i])
	}
	return p.codes[at : at+uint32(r.lengths[n])]
}

func (p *packed) value(i int) string          { return p.code(p.rows[i], 0) }
func (p *packed) termCode(i int) string       { return p.code(p.rows[i], 1) }
func (p *packed) context(i int) Context       { return p.contexts[p.rows[i].context] }
func (p *packed) key(i int) rowKey            { return rowKey{p.value(i), p.termCode(i), p.context(i)} }
func (p *packed) target(i int) (v, tc string) { return p.code(p.rows[i], 2), p.code(p.rows[i], 3) }

// line is where row i stands in the file.
func (p *packed) line(i int) int {
	if p.lines == nil {
		return int(p.first) + i
	}
	return int(p.lines[i])
}

// sameTarget reports that row i of p and row j of q say the same: relation, target and its term code.
func (p *packed) sameTarget(i int, q *packed, j int) bool {
	return p.rows[i].relation() == q.rows[j].relation() && p.sameCode(i, q, j)
}

// sameCode reports that both lead to one target, whatever they say of the way there.
func (p *packed) sameCode(i int, q *packed, j int) bool {
	v, tc := p.target(i)
	w, wc := q.target(j)
	return v == w && tc == wc
}

func (p *packed) compare(a, b packedRow) int {
	if n := strings.Compare(p.code(a, 0), p.code(b, 0)); n != 0 {
		return n
	}
	if n := strings.Compare(p.code(a, 1), p.code(b, 1)); n != 0 {
		return n
	}
	return strings.Compare(string(p.contexts[a.context]), string(p.contexts[b.context]))
}

// sort puts the rows in the order of their keys, those of one key by line. A file written by Write is in order already.
func (p *packed) sort() {
	if slices.IsSortedFunc(p.rows, p.compare) {
		return
	}
	type lined struct {
		row  packedRow
		line uint32
	}
	both := make([]lined, len(p.rows))
	for i, row := range p.rows {
		both[i] = lined{row, uint32(p.line(i))}
	}
	slices.SortStableFunc(both, func(a, b lined) int { return p.compare(a.row, b.row) })
	p.lines = make([]uint32, len(both))
	for i := range both {
		p.rows[i], p.lines[i] = both[i].row, both[i].line
	}
}

// keep leaves only the rows for which in is true, in their order.
func (p *packed) keep(in func(i int) bool) {
	if p.lines == nil {
		p.stateLines()
	}
	kept := 0
	for i := range p.rows {
		if in(i) {
			p.rows[kept], p.lines[kept] = p.rows[i], p.lines[i]
			kept++
		}
	}
	p.rows, p.lines = p.rows[:kept], p.lines[:kept]
}

// stateLines writes down the line of every row so far, before they stop following one another.
func (p *packed) stateLines() {
	p.lines = make([]uint32, len(p.rows), max(len(p.rows), 64))
	for i := range p.lines {
		p.lines[i] = p.first + uint32(i)
	}
}

// groups yields the first and the end of the rows of each source value.
func (p *packed) groups() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for start := 0; start < len(p.rows); {
			end := p.groupEnd(start)
			if !yield(start, end) {
				return
			}
			start = end
		}
	}
}

func (p *packed) groupEnd(start int) int {
	value := p.value(start)
	end := start + 1
	for end < len(p.rows) && p.value(end) == value {
		end++
	}
	return end
}

// find gives the rows of a source value, from start to end.
func (p *packed) find(value string) (start, end int) {
	start, ok := p.index.find(p, value)
	if !ok {
		return 0, 0
	}
	return start, p.groupEnd(start)
}

// at finds the row of a key.
func (p *packed) at(k rowKey) (int, bool) {
	start, end := p.find(k.value)
	for i := start; i < end; i++ {
		if p.termCode(i) == k.termCode && p.context(i) == k.context {
			return i, true
		}
	}
	return 0, false
}

// index is an open hash table from source values to the first row of each. A slot is 0, or the number of the row and
// one in its low bits and as many bits of the hash as there is room for above them: a probe that fails reads no row.
type index struct {
	slots []uint32
	bits  int
}

var seed = maphash.MakeSeed()

func (p *packed) buildIndex() {
	values := 0
	for range p.groups() {
		values++
	}
	p.index = index{slots: make([]uint32, values+values/4+1), bits: bits.Len32(uint32(len(p.rows)))}
	for start := range p.groups() {
		at, tag := p.index.place(p.value(start))
		for p.index.slots[at] != 0 {
			at = p.index.next(at)
		}
		p.index.slots[at] = tag | uint32(start+1)
	}
}

// place is the slot at which a value is looked for first, and its tag.
func (x *index) place(value string) (at int, tag uint32) {
	hash := maphash.String(seed, value)
	high, _ := bits.Mul64(hash, uint64(len(x.slots)))
	return int(high), uint32(hash) >> x.bits << x.bits
}

func (x *index) next(at int) int {
	if at++; at == len(x.slots) {
		return 0
	}
	return at
}

func (x *index) find(p *packed, value string) (int, bool) {
	if len(p.rows) == 0 {
		return 0, false
	}
	mask := uint32(1)<<x.bits - 1
	for at, tag := x.place(value); x.slots[at] != 0; at = x.next(at) {
		slot := x.slots[at]
		if slot&^mask != tag {
			continue
		}
		if row := int(slot&mask) - 1; p.value(row) == value {
			return row, true
		}
	}
	return 0, false
}
