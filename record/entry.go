package record

import (
	"slices"

	"github.com/linkspan/linkspan/mapping"
)

// Entry is one statement of a record. What it says in words is in Text and
// Texts and is never changed; what the receiver's own system may act on is in
// Target and exists only when a table put it there.
type Entry struct {
	// ID is the source's identifier, unique within the record when not "".
	ID   string
	Kind Kind
	// Counted is one more than the index of the system's EntryPath that counts
	// this entry in the bytes; 0 for an entry the decoder made out of another.
	Counted int
	// At names the element and its position in the source, for errors.
	At string

	// Text is the original words, shown first and always (safety §D.1 D-1).
	Text string
	// Code is the source's own primary code, zero when the entry is uncoded.
	Code mapping.Code
	// Malformed marks a source whose code slot holds something the scheme's
	// syntax refuses: Code is zero and Notes holds it. It is counted, never
	// named (DESIGN.md decision 16).
	Malformed bool
	// Others are codes the sender placed beside the primary one: evidence, not
	// a translation (DESIGN.md decision 4).
	Others []mapping.Code
	// Target is the code for the receiver. Only translation sets it.
	Target mapping.Code
	// Outcome is what became of the entry.
	Outcome Outcome

	Date      Date // when it was true or was done, as the clinician stated it
	Recorded  Date // when it was typed in
	Author    *Person
	EnteredBy *Person
	Place     *Organisation // where it was recorded

	Qualifiers  []Qualifier // in source order
	Texts       []Text      // the clinician's associated text, in source order
	Notes       []string    // lines the bridge adds for the reader: labelled, complete sentences or "Name: value"
	Episodicity mapping.Code

	// Confidential is the source's own mark, "" when there is none. Only the
	// agreement decides what it means; an unknown mark withholds.
	Confidential string
	// Parent is the entry this one is part of (a battery, a report), by
	// pointer so that a tree survives renaming.
	Parent *Entry
	// Problems are the problem headings this entry is linked to.
	Problems []ProblemLink

	Value        *Value
	Problem      *Problem
	Medication   *MedicationBody
	Allergy      *Allergy
	Consultation *Consultation
	Report       *Report
	Immunisation *Immunisation
	Diary        *DiaryBody
	Referral     *Referral
	Document     *Document

	place int // in Entries of its record, see Record.Place
}

// Unlink removes the entry's links to those that do not stay: a parent, a
// problem, a line of a consultation, the course of an issue.
func (e *Entry) Unlink(stays func(*Entry) bool) {
	gone := func(other *Entry) bool { return other != nil && !stays(other) }
	if gone(e.Parent) {
		e.Parent = nil
	}
	e.Problems = slices.DeleteFunc(e.Problems, func(l ProblemLink) bool { return gone(l.Problem) })
	if p := e.Problem; p != nil {
		if gone(p.Defines) {
			p.Defines = nil
		}
		p.Parents = slices.DeleteFunc(p.Parents, func(l ParentProblem) bool { return gone(l.Problem) })
	}
	if m := e.Medication; m != nil && gone(m.Course) {
		m.Course = nil
	}
	if c := e.Consultation; c != nil {
		c.Items = slices.DeleteFunc(c.Items, func(i Item) bool { return gone(i.Entry) })
	}
}

// Text is one piece of the source's own free text with its role there.
type Text struct {
	Label string // what the source calls it, "" for plain comment
	Value string
}

// Qualifier is a name and value that alters or refines the code beside it.
type Qualifier struct {
	Name, Value         string // words
	NameCode, ValueCode mapping.Code
	// Meaning marks the two that turn a statement round: they are never dropped
	// and never left beside a code the receiver would read without them.
	Meaning QualifierMeaning
}

// QualifierMeaning classifies a qualifier by what it does to its code.
type QualifierMeaning uint8

// The meanings.
const (
	Refines QualifierMeaning = iota // laterality, severity, trend, ...
	Negates                         // the statement is denied
	Doubts                          // the statement is uncertain
)

// ProblemLink ties an entry to a problem heading.
type ProblemLink struct {
	Problem *Entry       // its Kind is KindProblem
	Link    mapping.Code // how: associated, follow-up (enumeration of the source)
}

// Value is a result exactly as stated. Number, ranges and unit are text: they
// are carried, never computed with.
type Value struct {
	Comparator mapping.Code // zero when none was stated
	Number     string
	Text       string // a result in words, instead of or beside a number
	Unit       string
	Ranges     []Range
	Abnormal   mapping.Code // the source's flag
	AbnormalAs string       // its description in words
	Status     mapping.Code // preliminary, interim, final, ...
	// Unreadable is a value whose comparator or number the source wrote in a
	// way we cannot read; it is shown as written and never structured.
	Unreadable string
}

// Range is one normal or target range as stated.
type Range struct {
	Qualifier     string // what kind of range
	Low, High     string
	LowOp, HighOp string
	Unit, Words   string
	AppliesTo     string // sex, age in words
}

// Problem is the heading of a clinical problem. It annotates the entry that
// defines it: both stand in the record, as they do in both systems (E §1.3,
// S §1.4).
type Problem struct {
	Defines          *Entry // the plain entry it annotates, nil when the source has none
	Status           mapping.Code
	Significance     mapping.Code
	End              Date
	ExpectedDuration string
	Owner            string
	Parents          []ParentProblem
}

// ParentProblem is a link up the problem hierarchy.
type ParentProblem struct {
	Problem  *Entry
	Relation string // words
}

// MedicationBody is a drug as prescribed or issued. The drug itself is
// Entry.Text and Entry.Code.
type MedicationBody struct {
	Type     mapping.Code // acute, repeat, repeat dispensed, automatic
	Status   mapping.Code // current, past, never active
	Private  mapping.Code
	Dosage   string
	Quantity string // the number as written
	Unit     string
	// QuantityWords is the quantity as one text where the source writes it so
	// ("28 tablet").
	QuantityWords  string
	DurationDays   string
	Start          Date
	End            Date // stopped or course ended
	EndReason      string
	FirstIssue     Date
	LastIssue      Date
	Expiry         Date
	Review         Date
	Issued         string // number of issues made
	Authorised     string // number of issues allowed
	Authorisations []Authorisation
	IssueMethod    mapping.Code
	Cost           string
	Mixture        []Ingredient
	// Course is the medication an issue belongs to.
	Course *Entry
	// Cancelled marks an issue that was cancelled.
	Cancelled bool
}

// Authorisation is one act of authorising issues.
type Authorisation struct {
	Date       Date
	By         *Person
	Authorised string
}

// Ingredient is one part of an extemporaneous mixture.
type Ingredient struct {
	Text     string
	Code     mapping.Code
	Strength string
}

// Allergy is an allergy or adverse reaction.
type Allergy struct {
	Class AllergyClass
	// Absent is an assertion that there are none ("no known allergies").
	Absent bool
	// Substance is the drug, ingredient or group as the source codes it, where
	// it has a code of its own beside Entry.Code.
	Substance mapping.Code
	Type      mapping.Code // the source's own category
	Ended     bool
	End       Date // zero with Ended: ended, date not known
	Excludes  string
	// Details is the drug as shown on screen when the substance was picked
	// from it (S §1.4 Ingredient@Details).
	Details string
}

// AllergyClass says what the allergy is to. Unknown is treated as a drug
// (safety §D.2).
type AllergyClass uint8

// The classes.
const (
	AllergyUnclear AllergyClass = iota
	AllergyDrug
	AllergyDrugGroup
	AllergyIngredient
	AllergyNonDrug
)

// Drug reports that prescribing alerts should depend on it.
func (c AllergyClass) Drug() bool { return c != AllergyNonDrug }

// Consultation is an encounter with its entries in the order and under the
// headings they were written.
type Consultation struct {
	Type     mapping.Code // place or way of contact
	TypeText string
	Place    string
	Duration string
	Travel   string
	External string // consulter outside the practice
	Open     bool   // the source says it is not complete
	Items    []Item
}

// Item is one line of a consultation.
type Item struct {
	Heading mapping.Code // zero when none
	Words   string       // the heading in words
	Page    string       // problem page
	Entry   *Entry
}

// Report heads a set of results.
type Report struct {
	Type, Result string
	Status       mapping.Code
	Collected    Date
	Issued       Date
	Received     Date
	Specimen     string
	Provider     string
	Comments     []string
	FollowUp     []string
	Abnormal     string
}

// Immunisation is a vaccination given, or recorded as not given.
type Immunisation struct {
	Part         mapping.Code // dose in the course
	Name         string
	Contents     string
	Batch        string
	Manufacturer string
	Site, Route  string
	Method       string
	Expiry       string
	Dose         string
	Reason       string
	Notes        string
	NotGiven     bool
}

// DiaryBody is a plan, recall or diary entry. Entry.Date is when it is due.
type DiaryBody struct {
	Type      string
	Status    mapping.Code
	Duration  string
	Place     string
	Reminders []string
}

// Referral is a record of a request to another service; it says nothing about
// its progress.
type Referral struct {
	From, To  string
	ToPerson  string
	Specialty string
	Request   mapping.Code
	Urgency   mapping.Code
	Mode      mapping.Code
	Transport mapping.Code
	Direction mapping.Code
	Reason    string
	Reference string // UBRN or the source's own
	Private   mapping.Code
	Details   []Qualifier // everything else it says, name and value
	Ended     Date
}

// Document is a reference to a document. Its content does not cross.
type Document struct {
	Title, Name string
	Type        string
	MIME        string
	Size        string
	Sender      string
	Recipient   string
	Direction   string
	Locator     string
	Comments    string
	Deleted     bool
}
