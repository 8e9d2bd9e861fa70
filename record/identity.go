package record

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Standing is how a patient stands with the practice that holds the record, as
// far as the source's own status says it.
type Standing uint8

// The standings. The zero Standing is a status that says nothing or that nobody
// knows.
const (
	StandingUnknown Standing = iota
	Registered               // permanently
	Temporary                // registered for a time, or seen once
	Left                     // no longer registered
	Deceased
)

// Verification is what the demographics of two systems say about whether they
// mean one person.
type Verification uint8

// The verifications. The zero Verification is Unproven: nothing is taken for a
// match that was not made.
const (
	Unproven Verification = iota // a side does not say enough to judge
	Mismatch
	Verified
)

// Verify applies the national rule for a patient found by number (safety §1.2,
// GPC-CORE02): the dates of birth are equal to the day; or two of year, month
// and day are, and so are the first three letters of the surname and the first
// of the forename. It says nothing of the NHS numbers: that they are equal is
// for the exchange to check first.
//
// A date of birth that is not known to the day counts for what it says: it can
// show that two patients differ, never that they are one. A name that is needed
// and missing leaves it unproven. Letters are compared without case, accents,
// blanks and marks (Letters).
func Verify(here, there *Patient) Verification {
	if here == nil || there == nil {
		return Unproven
	}
	same, differ := birthParts(here.BirthDate, there.BirthDate)
	switch {
	case same == 3:
		return Verified
	case differ >= 2:
		return Mismatch
	case differ == 0:
		return Unproven // known to the day on both sides, the dates might yet differ
	}
	if names := verifyNames(here, there); same == 2 || names == Mismatch {
		return names
	}
	return Unproven
}

// birthParts counts which of year, month and day are equal and which are not;
// one that a side does not say is neither.
func birthParts(here, there Date) (same, differ int) {
	a, b := here.digits, there.digits
	for _, part := range [][2]int{{0, 4}, {4, 6}, {6, 8}} {
		switch {
		case len(a) < part[1] || len(b) < part[1]:
		case a[part[0]:part[1]] == b[part[0]:part[1]]:
			same++
		default:
			differ++
		}
	}
	return same, differ
}

// verifyNames compares as much of the names as the national rule does.
func verifyNames(here, there *Patient) Verification {
	missing := false
	for _, name := range []struct {
		here, there string
		letters     int
	}{{here.Surname, there.Surname, 3}, {here.given(), there.given(), 1}} {
		a, b := first(Letters(name.here), name.letters), first(Letters(name.there), name.letters)
		switch {
		case a == "" || b == "":
			missing = true
		case a != b:
			return Mismatch
		}
	}
	if missing {
		return Unproven
	}
	return Verified
}

// given is the forenames as the source orders them.
func (p *Patient) given() string {
	if strings.TrimSpace(p.Forenames) == "" {
		return p.FirstName
	}
	return p.Forenames
}

// first is as many of the first letters as there are.
func first(letters string, n int) string {
	r := []rune(letters)
	return string(r[:min(n, len(r))])
}

// Letters are the letters of a name in upper case, without what two systems
// write differently of one name: accents and other marks that Unicode parts
// from a letter (É is E, however it is encoded), blanks, hyphens, apostrophes.
// Letters that are no accented form of another stay as they are: Ø is not O.
func Letters(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		if unicode.IsLetter(r) {
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String()
}
