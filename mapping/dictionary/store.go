package dictionary

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// rank says how good the words of an entry are; a better rank replaces a worse one. Among equals the first stays.
type rank uint8

const (
	existence rank = iota // the code exists; its words are another's and would mislead
	supplier              // a supplier's words for a national code, or its own code
	specified             // the fully specified name of a SNOMED CT concept without its tag
	published             // the publisher's own term
	site                  // the site's own file, which corrects all others
)

// entry is one code with one term code. It holds no pointer: a million of them cost the garbage collector nothing.
type entry struct {
	at        uint32 // chunk number and place within it of the text record
	rank      rank
	active    bool
	preferred bool  // the term of a code whose term code is not stated
	tag       uint8 // the top of the value's hash: most others in the way of a search are told apart without their text
}

// The text records stand in chunks of one size, so that growing copies nothing; a record never crosses from one to the
// next. A chunk is a string in the end, and so are the parts of it that Look gives out, without a copy.
const (
	chunkBits = 20
	chunkSize = 1 << chunkBits
	maxChunks = 1 << (32 - chunkBits)
	maxTerm   = 1 << 17 // longer than any reader's line or text
)

// store is the codes of one scheme: entries, their texts, and an open-addressing table from value to entries.
type store struct {
	scheme  mapping.Scheme
	entries []entry
	slots   []uint32 // entry number + 1; 0 is free. Entries of one value follow each other as they were added
	seed    maphash.Seed
	full    []string // closed chunks
	open    strings.Builder
	dead    int // bytes of records that were replaced
}

var errFull = errors.New("more text than one scheme can hold")

func newStore(scheme mapping.Scheme) *store {
	return &store{scheme: scheme, seed: maphash.MakeSeed()}
}

// add adds what one row says of a code of the scheme. The code has passed its check.
func (s *store) add(c mapping.Code, active, preferred bool, r rank) error {
	i, found := s.find(c.Value, c.TermCode)
	if !found {
		at, err := s.write(c)
		if err != nil {
			return err
		}
		s.entries = append(s.entries, entry{at: at, rank: r, active: active, preferred: preferred, tag: tag(maphash.String(s.seed, c.Value))})
		s.place(uint32(len(s.entries)))
		return nil
	}
	e := &s.entries[i]
	e.preferred = e.preferred || preferred
	switch {
	case r < e.rank:
		return nil
	case r > e.rank:
		e.active = active
	case s.scheme == mapping.DMD:
		// Two releases at once: what either calls invalid must be looked at.
		e.active = e.active && active
		return nil
	default:
		// The national key files list a term once for each of its keys, some of them discontinued.
		e.active = e.active || active
		return nil
	}
	e.rank = r
	_, _, old, size := s.record(e.at)
	if old == c.Term {
		return nil
	}
	at, err := s.write(c)
	if err != nil {
		return err
	}
	s.dead += size
	e.at = at
	return nil
}

// status says what the publisher's list of all codes says of one: whether it is in use, whatever its terms.
func (s *store) status(value string, active bool) error {
	i, found := s.find(value, "")
	if !found {
		return s.add(mapping.Code{Scheme: s.scheme, Value: value}, active, true, specified)
	}
	if e := &s.entries[i]; e.rank < site {
		e.active = active
	}
	return nil
}

// write appends the text record of a code: three lengths, value, term code, term.
func (s *store) write(c mapping.Code) (uint32, error) {
	var head [2 + binary.MaxVarintLen32]byte
	if len(c.Value) > 255 || len(c.TermCode) > 255 || len(c.Term) > maxTerm {
		return 0, errFull
	}
	head[0], head[1] = byte(len(c.Value)), byte(len(c.TermCode))
	n := 2 + binary.PutUvarint(head[2:], uint64(len(c.Term)))
	if s.open.Len()+n+len(c.Value)+len(c.TermCode)+len(c.Term) > chunkSize {
		s.full = append(s.full, s.open.String())
		s.open = strings.Builder{}
		s.open.Grow(chunkSize)
	}
	if len(s.full) >= maxChunks {
		return 0, errFull
	}
	at := uint32(len(s.full)<<chunkBits | s.open.Len())
	s.open.Write(head[:n])
	s.open.WriteString(c.Value)
	s.open.WriteString(c.TermCode)
	s.open.WriteString(c.Term)
	return at, nil
}

// record reads a text record; size is its length.
func (s *store) record(at uint32) (value, termCode, term string, size int) {
	text := s.chunk(at)
	v, t := int(text[0]), int(text[1])
	words, n := uvarint(text[2:])
	start := 2 + n
	size = start + v + t + words
	return text[start : start+v], text[start+v : start+v+t], text[start+v+t : size], size
}

func (s *store) chunk(at uint32) string {
	text, place := "", int(at&(chunkSize-1))
	if n := int(at >> chunkBits); n < len(s.full) {
		text = s.full[n]
	} else {
		text = s.open.String()
	}
	return text[place:]
}

// uvarint is binary.Uvarint of a string.
func uvarint(s string) (value, n int) {
	for shift := 0; ; shift += 7 {
		b := s[n]
		n++
		value |= int(b&0x7f) << shift
		if b < 0x80 {
			return value, n
		}
	}
}

// find finds the entry of a value and term code.
func (s *store) find(value, termCode string) (int, bool) {
	for i := range s.of(value) {
		if _, t, _, _ := s.record(s.entries[i].at); t == termCode {
			return i, true
		}
	}
	return 0, false
}

// of yields the entries of a value in the order they were added.
func (s *store) of(value string) iter.Seq[int] {
	return func(yield func(int) bool) {
		if len(s.slots) == 0 {
			return
		}
		hash, mask := maphash.String(s.seed, value), uint64(len(s.slots)-1)
		for at := hash & mask; s.slots[at] != 0; at = (at + 1) & mask {
			i := int(s.slots[at] - 1)
			if s.entries[i].tag != tag(hash) {
				continue
			}
			if v, _, _, _ := s.record(s.entries[i].at); v == value && !yield(i) {
				return
			}
		}
	}
}

func tag(hash uint64) uint8 { return uint8(hash >> 56) }

// place puts entry number - 1 into the table, and makes the table larger before it is three quarters full.
func (s *store) place(number uint32) {
	if len(s.entries)*4 > len(s.slots)*3 {
		s.slots = make([]uint32, max(16, 2*len(s.slots)))
		for i := range s.entries {
			s.put(uint32(i + 1))
		}
		return
	}
	s.put(number)
}

func (s *store) put(number uint32) {
	value, _, _, _ := s.record(s.entries[number-1].at)
	mask := uint64(len(s.slots) - 1)
	at := maphash.String(s.seed, value) & mask
	for s.slots[at] != 0 {
		at = (at + 1) & mask
	}
	s.slots[at] = number
}

// finish gives back the room that growing and replaced records left. The store does not change afterwards.
func (s *store) finish() {
	s.entries = slices.Clip(slices.Clone(s.entries))
	if s.dead >= chunkSize/8 {
		s.compact()
	}
	s.full = append(s.full, strings.Clone(s.open.String()))
	s.open.Reset()
}

// compact writes the records in use anew. Should they not fit, which fewer records always do but for the ends of chunks,
// all stays as it was.
func (s *store) compact() {
	kept := &store{}
	entries := slices.Clone(s.entries)
	for i := range entries {
		value, termCode, term, _ := s.record(entries[i].at)
		at, err := kept.write(mapping.Code{Value: value, TermCode: termCode, Term: term})
		if err != nil {
			return
		}
		entries[i].at = at
	}
	s.entries, s.full, s.dead = entries, kept.full, 0
	s.open.Reset()
	s.open.WriteString(kept.open.String())
}

// look finds a code; see Dictionary.Look.
func (s *store) look(c *mapping.Code) (term string, active, found bool) {
	var exact, preferred, unstated, only = -1, -1, -1, -1
	several := false
	for i := range s.of(c.Value) {
		_, termCode, _, _ := s.record(s.entries[i].at)
		switch {
		case termCode == c.TermCode:
			exact = i
		case termCode == "":
			unstated = i
		}
		if s.entries[i].preferred && preferred < 0 {
			preferred = i
		}
		several = several || only >= 0
		only = i
		active = active || s.entries[i].active
	}
	switch {
	case only < 0:
		return "", false, false
	case exact >= 0:
	case c.TermCode == "" && preferred >= 0:
		exact = preferred
	case c.TermCode == "" && !several:
		exact = only
	case c.TermCode == "":
		return "", active, true
	case unstated < 0:
		return "", false, false
	case c.Scheme == mapping.ReadV2 && c.TermCode == preferredTermCode:
		exact = unstated
	default:
		return "", s.entries[unstated].active, true
	}
	_, _, term, _ = s.record(s.entries[exact].at)
	return term, s.entries[exact].active, true
}

// preferredTermCode is Read v2's term code of the preferred term.
const preferredTermCode = "00"

// codes yields every code in the order of value and term code. One without a term code is passed over where the same
// value stands with term codes: it is the same term from a file that has none.
func (s *store) codes(yield func(mapping.Code, bool) bool) {
	order := make([]entry, len(s.entries))
	copy(order, s.entries)
	slices.SortFunc(order, func(a, b entry) int {
		av, at, _, _ := s.record(a.at)
		bv, bt, _, _ := s.record(b.at)
		if n := strings.Compare(av, bv); n != 0 {
			return n
		}
		return strings.Compare(at, bt)
	})
	for i, e := range order {
		value, termCode, term, _ := s.record(e.at)
		if termCode == "" && i+1 < len(order) {
			if next, _, _, _ := s.record(order[i+1].at); next == value {
				continue
			}
		}
		if !yield(mapping.Code{Scheme: s.scheme, Value: value, TermCode: termCode, Term: term}, e.active) {
			return
		}
	}
}
