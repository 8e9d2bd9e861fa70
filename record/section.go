package record

// Section is one part of a record. The list is closed: every kind of entry has
// exactly one section, and every section of an answer has exactly one state.
type Section uint8

// The sections of a record.
const (
	Demographics Section = iota
	Problems
	Medication
	Issues
	Allergies
	Consultations
	Observations
	Investigations
	Immunisations
	FamilyHistory
	Diary
	Referrals
	Documents
	Alerts
	Requests
	Administration
	Unrecognised

	sectionCount
)

var sectionNames = [sectionCount]string{
	"demographics", "problems", "medication", "issues", "allergies", "consultations", "observations", "investigations",
	"immunisations", "family-history", "diary", "referrals", "documents", "alerts", "requests", "administration", "unrecognised",
}

var sectionTitles = [sectionCount]string{
	"Patient details", "Problems", "Medication", "Medication Issues", "Allergies and Adverse Reactions", "Consultations",
	"Observations", "Investigations", "Immunisations", "Family History", "Diary and Recalls", "Referrals", "Documents",
	"Alerts", "Test Requests", "Administrative Items", "Unrecognised Items",
}

// Sections is the closed list.
func Sections() []Section {
	all := make([]Section, sectionCount)
	for i := range all {
		all[i] = Section(i)
	}
	return all
}

// String is the word used in reports, metrics and logs.
func (s Section) String() string { return sectionNames[s] }

// Title is the name a clinician reads.
func (s Section) Title() string { return sectionTitles[s] }

// SectionSet is a set of sections.
type SectionSet uint32

// AllSections holds every section.
const AllSections SectionSet = 1<<sectionCount - 1

// SectionsOf makes a set.
func SectionsOf(sections ...Section) SectionSet {
	var set SectionSet
	for _, s := range sections {
		set |= 1 << s
	}
	return set
}

// Has reports membership.
func (set SectionSet) Has(s Section) bool { return set&(1<<s) != 0 }

// State says what the absence of entries in a section means (safety §D.1). The
// zero State is Failed, so that a section nobody answered for can never be
// taken for an empty one.
type State uint8

// The states, in order of precedence: where several hold the first is shown
// (DESIGN.md decision 7).
const (
	Failed State = iota
	Denied
	Disabled
	NotSupported
	NotRetrievable
	Partial
	Withheld
	Filtered
	CompleteDegraded
	NothingRecorded
	Complete

	stateCount
)

var stateNames = [stateCount]string{"failed", "denied", "disabled", "not-supported", "not-retrievable", "partial",
	"withheld", "filtered", "complete-degraded", "nothing-recorded", "complete"}

// String is the word used in reports.
func (s State) String() string { return stateNames[s] }

// States is the closed list in order of precedence.
func States() []State {
	all := make([]State, stateCount)
	for i := range all {
		all[i] = State(i)
	}
	return all
}

// Outcome is what became of one source entry. Every entry has exactly one when
// a record leaves the bridge (DESIGN.md decision 6). The zero Outcome is
// pending and never leaves.
type Outcome uint8

// The outcomes.
const (
	Pending       Outcome = iota
	Exact                 // same code, same scheme; or no code to carry, and everything said has its place
	Mapped                // a code carried by a table row that may code
	Degraded              // kept in its own words under a degrade code or as plain text
	WithheldEntry         // not released; no trace but the section's warning
	Unsupported           // the receiver has no place for it; rendered as text
	FailedEntry           // could not be read; named by position and reason
	Duplicate             // says nothing its twin does not say, or was deleted at the source; not written

	outcomeCount
)

var outcomeNames = [outcomeCount]string{"pending", "exact", "mapped", "degraded", "withheld", "unsupported", "failed", "duplicate"}

// String is the word used in reports.
func (o Outcome) String() string { return outcomeNames[o] }

// Tally counts the entries of one section.
type Tally struct {
	Source   int // entries of the section in the bytes, less those the request did not ask for
	Outcomes [outcomeCount]int
}

// Coded is the number of entries carried with a code, or needing none.
func (t Tally) Coded() int { return t.Outcomes[Exact] + t.Outcomes[Mapped] }

// shownAsText is the number of entries kept in words without a code.
func (t Tally) shownAsText() int { return t.Outcomes[Degraded] + t.Outcomes[Unsupported] }

// released is the number of entries that may be spoken of: the sentences for a
// clinician leave no trace of the withheld ones (safety §D.1 D-8).
func (t Tally) released() int { return t.Source - t.Outcomes[WithheldEntry] }

// Balanced reports that every source entry has exactly one outcome.
func (t Tally) Balanced() bool {
	sum := 0
	for o := Exact; o < outcomeCount; o++ {
		sum += t.Outcomes[o]
	}
	return sum == t.Source && t.Outcomes[Pending] == 0
}
