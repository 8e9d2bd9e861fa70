package mapping

import (
	"hash/maphash"
	"math/bits"
)

// crowd is how many sources of one target make a reviewer look.
const crowd = 40

// warnOfCrowds counts the targets that very many sources lead to: a placeholder, or detail that is lost.
func (p *parser) warnOfCrowds() {
	t := p.table
	counts := make([]uint8, 1<<bits.Len(uint(t.packed.count)))
	place := func(r packedRow) *uint8 {
		target, _ := r.target()
		return &counts[maphash.String(seed, target)&uint64(len(counts)-1)]
	}
	if t.packed.count <= crowd || t.From.Enumeration() || t.To.Enumeration() {
		return
	}
	// Only targets whose place is crowded are counted one by one.
	for _, row := range t.packed.rows() {
		if n := place(row); row.relation() != NoMap && *n <= 2*crowd {
			*n++
		}
	}
	exact := map[string]int{}
	for _, row := range t.packed.rows() {
		if row.relation() == NoMap || *place(row) <= crowd {
			continue
		}
		target, _ := row.target()
		if exact[target]++; exact[target] == crowd+1 {
			p.line = row.line()
			p.warn("targets of more than 40 sources", "so many meanings rarely are one", "look at the rows of the target")
		}
	}
}

// warnOfTwins counts the codes that differ from another only in case: whoever sorts or compares without case mixes
// them up.
func (p *parser) warnOfTwins() {
	t := p.table
	if t.From != ReadV2 && t.From != CTV3 {
		return
	}
	seen := make([]uint64, 1<<16) // one bit for each of 4 million places
	twice := map[string]string{}
	for _, again := range [...]bool{false, true} {
		for _, row := range t.packed.groups() {
			value := row.value()
			folded := fold(value)
			at := maphash.Bytes(seed, folded[:]) & (1<<22 - 1)
			bit := uint64(1) << (at & 63)
			other, marked := twice[string(folded[:])]
			switch {
			case again && marked && other == "":
				twice[string(folded[:])] = value
			case again && marked && other != value:
				p.line = row.line()
				p.warn("codes that differ from another only in case", "they are different codes", "never sort, compare or look up codes without case")
			case !again && seen[at>>6]&bit != 0:
				twice[string(folded[:])] = ""
			}
			seen[at>>6] |= bit
		}
	}
}

// fold is a five-character code in lower case.
func fold(value string) (folded [5]byte) {
	for i := range folded {
		if folded[i] = value[i]; folded[i] >= 'A' && folded[i] <= 'Z' {
			folded[i] += 'a' - 'A'
		}
	}
	return folded
}
