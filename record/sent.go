package record

import (
	"errors"
	"fmt"
	"slices"
)

// Writing starts the account that a codec keeps, in Wrote, of what it writes
// of the record. A codec calls it before the first element, and no entry is
// added or left out after it.
func (r *Record) Writing() {
	r.number()
	r.elements = make(map[string]int, 16)
	r.wrote = make([]int, len(r.Entries))
}

func (r *Record) number() {
	for i, e := range r.Entries {
		e.place = i
	}
}

// Place is where e stands in Entries of the record being written, -1 where it
// does not: what a codec keeps of each entry it keeps in a slice by this.
func (r *Record) Place(e *Entry) int {
	if e != nil && e.place < len(r.Entries) && r.Entries[e.place] == e {
		return e.place
	}
	return -1
}

// Wrote says that the codec has begun an element of the name of one of its
// system's entry paths. e is the entry the element stands for, nil for one
// that is no entry of its own: the head of the record, a heading, the event
// around an entry that stands alone, the document beside its event. Each entry
// has one element, whatever stands beside it.
func (r *Record) Wrote(element string, e *Entry) {
	r.elements[element]++
	if e != nil {
		r.Within(e)
	}
}

// Within says that e stands inside the element of another entry, as an attribute
// of it or by being named there, and has none of its own.
func (r *Record) Within(e *Entry) {
	if i := r.Place(e); i >= 0 {
		r.wrote[i]++
	}
}

// Sent compares what the codec says it wrote with the record, and with what
// was counted in the bytes of the answer by somebody else: elements by their
// name, of the system's entry paths. An entry that goes out stands there once,
// and one that does not go out nowhere. The patient block is not an entry in
// every format, and is left out of the account.
//
// The error names sections, elements and counts and nothing of a patient.
func (r *Record) Sent(elements map[string]int) error {
	if len(r.wrote) != len(r.Entries) || r.elements == nil {
		return errors.New("nothing was written")
	}
	var out, written [sectionCount]int
	for i, e := range r.Entries {
		s, wrote := e.Kind.Section(), r.wrote[i]
		switch {
		case e.Kind == KindDemographics:
		case !e.Shown() && wrote > 0:
			return fmt.Errorf("section %s: an entry that is %s was written", s, e.Outcome)
		case !e.Shown():
		case wrote > 1:
			return fmt.Errorf("section %s: an entry was written %d times", s, wrote)
		default:
			out[s]++
			written[s] += wrote
		}
	}
	for s := range sectionCount {
		if written[s] != out[s] {
			return fmt.Errorf("section %s: %d of %d entries were written", s, written[s], out[s])
		}
	}
	for _, name := range names(r.elements, elements) {
		if r.elements[name] != elements[name] {
			return fmt.Errorf("%d of %d elements %s stand in the answer", elements[name], r.elements[name], name)
		}
	}
	return nil
}

// names are the keys of both, in order, so that the same fault has one text.
func names(a, b map[string]int) []string {
	all := make([]string, 0, len(a)+len(b))
	for name := range a {
		all = append(all, name)
	}
	for name := range b {
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Asked is the set of sections the record was settled for.
func (r *Record) Asked() SectionSet { return r.asked }
