package record

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/xmlio"
)

// Record is one patient's record on its way through the bridge.
type Record struct {
	Source  Source
	Patient Patient
	// Entries holds every entry in source order. Consultations, problems and
	// parents point into it; an entry is never in two places.
	Entries  []*Entry
	Warnings []Warning

	sections [sectionCount]section
	expected int // entries that must still be here when the record is settled
	settled  bool
	asked    SectionSet
	elements map[string]int // that a codec says it wrote, by name
	wrote    []int          // how many of them stand for the entry
}

// Source says where a record came from; it heads every record shown (safety
// §D.1 "always shown at the head").
type Source struct {
	System       string // "EMIS Web"
	Organisation string
	ODS          string
	RetrievedAt  string // local time with zone, from the bridge
	AsOf         Date   // when the source system made what it answered, zero where its message does not say
	MapSet       string // digest of the tables used
	Period       Period // the clinical period asked for, zero for all
	Filter       string // what else the request narrowed the record to, in words, "" for nothing
}

type section struct {
	supplied bool
	declared State // the strongest state anybody declared, Complete when none
	faults   []SectionFault
	state    State
	tally    Tally
}

// SectionFault is a fault that makes a section's absence of entries mean
// nothing: where and why, never what the text was.
type SectionFault struct{ At, Why string }

// EntryPath declares one way an entry stands in a system's bytes and the
// section it belongs to there. The reader counts these by itself, so that a
// codec that loses an entry is found out (DESIGN.md decision 6).
type EntryPath struct {
	xmlio.EntryPath
	Section Section
}

// XMLPaths gives the part of the paths the reader needs.
func XMLPaths(paths []EntryPath) []xmlio.EntryPath {
	out := make([]xmlio.EntryPath, len(paths))
	for i, p := range paths {
		out[i] = p.EntryPath
	}
	return out
}

// New starts a record in which no section is answered yet.
func New(source Source) *Record {
	r := &Record{Source: source}
	for i := range r.sections {
		r.sections[i].declared = Complete
	}
	return r
}

// Add appends an entry and returns it.
func (r *Record) Add(e *Entry) *Entry {
	r.Entries = append(r.Entries, e)
	return e
}

// Supply says that the source's message has a place for these sections and
// that it was read. Only a supplied section can be complete or empty.
func (r *Record) Supply(set SectionSet) {
	for s := range sectionCount {
		if set.Has(s) {
			r.sections[s].supplied = true
		}
	}
}

// Declare lowers a section to state unless it is already lower.
func (r *Record) Declare(s Section, state State) {
	r.sections[s].declared = min(r.sections[s].declared, state)
}

// Closed reports that the agreement or a role keeps the whole section back.
func (r *Record) Closed(s Section) bool {
	return r.sections[s].declared == Denied || r.sections[s].declared == Disabled
}

// Fail records a fault that spoils the whole section.
func (r *Record) Fail(s Section, at, why string) {
	r.sections[s].faults = append(r.sections[s].faults, SectionFault{At: at, Why: why})
	r.Declare(s, Failed)
}

// Warn adds a record warning once.
func (r *Record) Warn(w Warning) {
	for _, have := range r.Warnings {
		if have == w {
			return
		}
	}
	r.Warnings = append(r.Warnings, w)
}

// Reconcile compares what the decoder produced with what the reader counted in
// the bytes and fails each section where the two differ. From then on an entry
// may leave the record by Narrow alone.
func (r *Record) Reconcile(paths []EntryPath, counts []int) {
	decoded := make([]int, len(paths)+1)
	for _, e := range r.Entries {
		if e.Counted < 0 || e.Counted > len(paths) {
			r.Fail(e.Kind.Section(), e.At, "an entry is counted by no path")
			continue
		}
		decoded[e.Counted]++
	}
	for i, p := range paths {
		counted := 0
		if i < len(counts) {
			counted = counts[i]
		}
		if decoded[i+1] != counted {
			r.Fail(p.Section, p.Path, fmt.Sprintf("%d of %d entries were read", decoded[i+1], counted))
		}
	}
	r.expected = len(r.Entries)
}

// Join adds what another answer of the same source says of the same patient. It
// comes before Reconcile.
func (r *Record) Join(other *Record) {
	r.Entries = append(r.Entries, other.Entries...)
	for _, w := range other.Warnings {
		r.Warn(w)
	}
	for s := range sectionCount {
		theirs := other.sections[s]
		r.sections[s].supplied = r.sections[s].supplied || theirs.supplied
		r.sections[s].faults = append(r.sections[s].faults, theirs.faults...)
		r.Declare(s, theirs.declared)
	}
}

// Narrow leaves out the entries the request did not ask for, and the links to
// them, in the entries that stay.
func (r *Record) Narrow(asked func(*Entry) bool) {
	kept := make([]*Entry, 0, len(r.Entries))
	stays := make(map[*Entry]bool, len(r.Entries))
	for _, e := range r.Entries {
		if asked(e) {
			kept = append(kept, e)
			stays[e] = true
		}
	}
	for _, e := range kept {
		e.Unlink(func(other *Entry) bool { return stays[other] })
	}
	r.expected -= len(r.Entries) - len(kept)
	r.Entries = kept
}

// Settle works out every asked section's tally and state. It is called once,
// after translation and after the receiver's codec has said what it can hold;
// a section whose sum differs is failed (safety §D.1 rule D-0).
func (r *Record) Settle(asked SectionSet) {
	for i := range r.sections {
		r.sections[i].tally = Tally{}
	}
	for _, e := range r.Entries {
		t := &r.sections[e.Kind.Section()].tally
		t.Source++
		if e.Outcome == Mapped && e.Target.IsZero() {
			t.Outcomes[Pending]++ // said to be coded, and no code goes out
			continue
		}
		t.Outcomes[e.Outcome]++
	}
	for s := range sectionCount {
		sec := &r.sections[s]
		if !asked.Has(s) {
			continue
		}
		sec.state = sec.settle(s)
		if len(r.Entries) < r.expected {
			sec.faults = append(sec.faults, SectionFault{Why: "an entry that was read is missing"})
			sec.state = Failed
		}
		if t := sec.tally; !t.Balanced() {
			sec.faults = append(sec.faults, SectionFault{Why: "an entry has no outcome"})
			sec.state = Failed
		}
	}
	r.settled, r.asked = true, asked
	r.warnOfSections(asked)
}

func (sec *section) settle(s Section) State {
	t := sec.tally
	state := sec.declared
	if !sec.supplied {
		// Entries of a kind the source files elsewhere do not make whole what
		// it did not answer for: others may be missing.
		if t.Source > 0 {
			state = min(state, Partial)
		} else {
			state = min(state, NotRetrievable)
		}
	}
	switch withheld := t.Outcomes[WithheldEntry]; {
	case t.Outcomes[FailedEntry] > 0:
		return min(state, Partial)
	case withheld > 0 && withheld+t.Outcomes[Duplicate] == t.Source:
		return min(state, Withheld)
	case t.shownAsText() > 0:
		return min(state, CompleteDegraded)
	case t.Source == 0 && s != Demographics: // those are in Patient, which was read
		return min(state, NothingRecorded)
	}
	return state
}

func (r *Record) warnOfSections(asked SectionSet) {
	unsafe := []string{}
	for _, e := range r.Entries {
		if e.unsafe() {
			unsafe = append(unsafe, e.Words())
		}
		if state := r.sections[e.Kind.Section()].state; e.Outcome == WithheldEntry && state != Disabled && state != Denied {
			r.Warn(Warning{Code: WarnConfidential, Section: e.Kind.Section()})
		}
	}
	if len(unsafe) > 0 {
		r.Warn(Warning{Code: WarnPrescribingUnsafe, Section: Allergies, Count: len(unsafe), Detail: strings.Join(unsafe, "; ")})
	}
	if asked.Has(Allergies) && r.sections[Allergies].state <= Filtered {
		r.Warn(Warning{Code: WarnPrescribingUnsafe, Section: Allergies})
	}
	slices.SortStableFunc(r.Warnings, func(a, b Warning) int { return a.Code.rank() - b.Code.rank() })
}

// unsafe reports an allergy that may be to a drug and that the receiver's
// alerts will not know. One without a body is taken for a drug allergy, and so
// is one that has ended: an end says nothing of the next prescription.
func (e *Entry) unsafe() bool {
	if e.Kind != KindAllergy || e.Allergy != nil && (e.Allergy.Absent || !e.Allergy.Class.Drug()) {
		return false
	}
	return e.Outcome == Degraded || e.Outcome == Unsupported || e.Outcome == FailedEntry
}

// Words are the source's own for an entry, for a warning that names it; never
// "".
func (e *Entry) Words() string {
	switch {
	case e.Outcome == FailedEntry:
		return "an entry that could not be read"
	case e.Text != "":
		return e.Text
	case e.Allergy != nil && e.Allergy.Details != "":
		return e.Allergy.Details
	case TermOf(e.Code) != "":
		return TermOf(e.Code)
	}
	return "an entry without words"
}

// State is a section's settled state. Before Settle, and for a section nobody
// asked for, it is Failed.
func (r *Record) State(s Section) State {
	if !r.settled {
		return Failed
	}
	return r.sections[s].state
}

// Tally is a section's settled count.
func (r *Record) Tally(s Section) Tally { return r.sections[s].tally }

// Faults lists what spoilt a section.
func (r *Record) Faults(s Section) []SectionFault { return r.sections[s].faults }

// Released yields the entries that go out: all but the withheld ones.
func (r *Record) Released(yield func(*Entry) bool) {
	for _, e := range r.Entries {
		if e.Outcome != WithheldEntry && !yield(e) {
			return
		}
	}
}
