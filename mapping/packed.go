package mapping

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// packed holds the rows of one table, in the order of their keys, in one string: 1.5 million rows cost the garbage
// collector nothing and the box about half of what a map would (docs/speed.md). The words of a row stay where the file
// is. A row is known by where it begins; the first begins at firstRow.
type packed struct {
	text     string
	count    int
	contexts []Context
	index    index
}

// packedRow is the text of the packed rows from one row on: its line in four bytes, its flags in two, its context, the
// lengths of its four codes (source value and term code, target value and term code), then the codes.
type packedRow string

const (
	flagsAt   = 4
	contextAt = 6
	lengthsAt = 7
	codesAt   = 11
	// Rows begin at multiples of align, so that the index has bits to spare; none begins at 0, which is none.
	align    = 4
	firstRow = align
)

// The flags of a row: relation, class and target class by their place in the lists below, and assurance.
const (
	relationBits, classBits = 3, 3
	assuredFlag             = 1 << (relationBits + 2*classBits)
)

var (
	relations = [...]Relation{Equivalent, Narrower, Broader, Related, NoMap}
	classes   = [...]Class{Unknown, Present, Negated, FamilyHistory, Suspected, HistoryOf, Allergy}
)

func (r packedRow) line() int     { return int(r[0]) | int(r[1])<<8 | int(r[2])<<16 | int(r[3])<<24 }
func (r packedRow) flags() uint16 { return uint16(r[flagsAt]) | uint16(r[flagsAt+1])<<8 }

func (r packedRow) relation() Relation { return relations[r.flags()&(1<<relationBits-1)] }
func (r packedRow) assured() bool      { return r.flags()&assuredFlag != 0 }
func (r packedRow) class() Class       { return classes[r.flags()>>relationBits&(1<<classBits-1)] }
func (r packedRow) targetClass() Class {
	return classes[r.flags()>>(relationBits+classBits)&(1<<classBits-1)]
}

func (r packedRow) value() string { return string(r[codesAt : codesAt+int(r[lengthsAt])]) }

func (r packedRow) termCode() string {
	at := codesAt + int(r[lengthsAt])
	return string(r[at : at+int(r[lengthsAt+1])])
}

func (r packedRow) target() (value, termCode string) {
	at := codesAt + int(r[lengthsAt]) + int(r[lengthsAt+1])
	end := at + int(r[lengthsAt+2])
	return string(r[at:end]), string(r[end : end+int(r[lengthsAt+3])])
}

// size is how far it is to the next row.
func (r packedRow) size() int {
	n := codesAt + int(r[lengthsAt]) + int(r[lengthsAt+1]) + int(r[lengthsAt+2]) + int(r[lengthsAt+3])
	return (n + align - 1) / align * align
}

// sameTarget reports that both say the same: relation, target and its term code.
func (r packedRow) sameTarget(o packedRow) bool {
	v, tc := r.target()
	w, wc := o.target()
	return r.relation() == o.relation() && v == w && tc == wc
}

func (p *packed) row(at int) packedRow        { return packedRow(p.text[at:]) }
func (p *packed) context(r packedRow) Context { return p.contexts[r[contextAt]] }
func (p *packed) key(r packedRow) rowKey      { return rowKey{r.value(), r.termCode(), p.context(r)} }

// rows yields where each row begins, and the row.
func (p *packed) rows() iter.Seq2[int, packedRow] {
	return func(yield func(int, packedRow) bool) {
		for at := firstRow; at < len(p.text); {
			r := p.row(at)
			if !yield(at, r) {
				return
			}
			at += r.size()
		}
	}
}

// groups yields the first row of each source value.
func (p *packed) groups() iter.Seq2[int, packedRow] {
	return func(yield func(int, packedRow) bool) {
		value := ""
		for at, r := range p.rows() {
			if v := r.value(); v != value {
				if value = v; !yield(at, r) {
					return
				}
			}
		}
	}
}

func (p *packed) compare(a, b packedRow) int {
	if n := strings.Compare(a.value(), b.value()); n != 0 {
		return n
	}
	if n := strings.Compare(a.termCode(), b.termCode()); n != 0 {
		return n
	}
	return strings.Compare(string(p.context(a)), string(p.context(b)))
}

// group yields the rows of one source value, of which the first begins at start; none where start is 0. It looks no
// further than it is asked to: every row it leaves alone is one cache miss less.
func (p *packed) group(start int) iter.Seq2[int, packedRow] {
	return func(yield func(int, packedRow) bool) {
		if start == 0 {
			return
		}
		at, r := start, p.row(start)
		value := r.value()
		for yield(at, r) {
			if at += r.size(); at >= len(p.text) {
				return
			}
			if r = p.row(at); r.value() != value {
				return
			}
		}
	}
}

// at finds the row of a key.
func (p *packed) at(k rowKey) (packedRow, bool) {
	for _, r := range p.group(p.index.find(p, k.value)) {
		if r.termCode() == k.termCode && p.context(r) == k.context {
			return r, true
		}
	}
	return "", false
}

// packer puts rows together.
type packer struct {
	packed
	out     strings.Builder
	scratch []byte
	last    packedRow
	mixed   bool // the rows did not come in the order of their keys
}

// maxContexts is how many contexts the rows of one table may have.
const maxContexts = 256

// add puts a row to the others. Every scheme's syntax keeps its codes under 256 bytes. False means too many contexts.
func (p *packer) add(row *Row) bool {
	context := slices.Index(p.contexts, row.Context)
	if context < 0 {
		if context = len(p.contexts); context == maxContexts {
			return false
		}
		p.contexts = append(p.contexts, Context(strings.Clone(string(row.Context))))
	}
	codes := [...]string{row.Source.Value, row.Source.TermCode, row.Target.Value, row.Target.TermCode}
	b := binary.LittleEndian.AppendUint32(p.scratch[:0], uint32(row.Line))
	b = binary.LittleEndian.AppendUint16(b, packFlags(row))
	b = append(b, byte(context), byte(len(codes[0])), byte(len(codes[1])), byte(len(codes[2])), byte(len(codes[3])))
	for _, code := range codes {
		b = append(b, code...)
	}
	for len(b)%align != 0 {
		b = append(b, 0)
	}
	p.scratch = b
	if p.out.Len() == 0 {
		p.out.WriteString("\x00\x00\x00\x00") // as firstRow says
	}
	at := p.out.Len()
	p.out.Write(b)
	added := packedRow(p.out.String()[at:])
	p.mixed = p.mixed || p.last != "" && p.compare(p.last, added) > 0
	p.last = added
	p.count++
	return true
}

func packFlags(r *Row) uint16 {
	flags := slices.Index(relations[:], r.Relation) | slices.Index(classes[:], r.Class)<<relationBits |
		slices.Index(classes[:], r.TargetClass)<<(relationBits+classBits)
	if r.Assured {
		flags |= assuredFlag
	}
	return uint16(flags)
}

// finish gives the rows in the order of their keys, those of one key by line. A file written by Write is in order.
func (p *packer) finish() packed {
	p.text = p.out.String()
	if !p.mixed {
		return p.packed
	}
	order := make([]int, 0, p.count)
	for at := range p.rows() {
		order = append(order, at)
	}
	slices.SortStableFunc(order, func(a, b int) int { return p.compare(p.row(a), p.row(b)) })
	return p.only(order)
}

// only is the rows that begin at the given places, in that order.
func (p *packed) only(order []int) packed {
	var out strings.Builder
	out.Grow(len(p.text))
	out.WriteString("\x00\x00\x00\x00")
	for _, at := range order {
		r := p.row(at)
		out.WriteString(string(r[:r.size()]))
	}
	return packed{text: out.String(), count: len(order), contexts: p.contexts}
}

// index is an open hash table from source values to the first row of each. A slot is 0, or where the row begins, in
// units of align, in its low bits and as much of the hash as there is room for above: a probe that fails reads no row.
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
	p.index = index{slots: make([]uint32, values+values/4+1), bits: bits.Len(uint(len(p.text) / align))}
	for at, row := range p.groups() {
		slot, tag := p.index.place(row.value())
		for p.index.slots[slot] != 0 {
			slot = p.index.next(slot)
		}
		p.index.slots[slot] = tag | uint32(at/align)
	}
}

// place is the slot at which a value is looked for first, and its tag.
func (x *index) place(value string) (slot int, tag uint32) {
	hash := maphash.String(seed, value)
	high, _ := bits.Mul64(hash, uint64(len(x.slots)))
	return int(high), uint32(hash) >> x.bits << x.bits
}

func (x *index) next(slot int) int {
	if slot++; slot == len(x.slots) {
		return 0
	}
	return slot
}

// find is where the first row of a value begins; 0 where it has none.
func (x *index) find(p *packed, value string) int {
	mask := uint32(1)<<x.bits - 1
	for slot, tag := x.place(value); x.slots[slot] != 0; slot = x.next(slot) {
		found := x.slots[slot]
		if found&^mask != tag {
			continue
		}
		if at := int(found&mask) * align; p.row(at).value() == value {
			return at
		}
	}
	return 0
}
