package record

import (
	"strings"
	"unicode"
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
// of the forename. A date of birth that is not known to the day, or a name
// needed that is missing, leaves it unproven.
func Verify(here, there *Patient) Verification {
	a, b := birth(here), birth(there)
	if a == "" || b == "" {
		return Unproven
	}
	if a == b {
		return Verified
	}
	same := 0
	for _, part := range [][2]int{{0, 4}, {4, 6}, {6, 8}} {
		if a[part[0]:part[1]] == b[part[0]:part[1]] {
			same++
		}
	}
	if same < 2 {
		return Mismatch
	}
	surname, other := letters(here.Surname, 3), letters(there.Surname, 3)
	forename, second := letters(here.Forenames, 1), letters(there.Forenames, 1)
	if surname == "" || other == "" || forename == "" || second == "" {
		return Unproven
	}
	if surname != other || forename != second {
		return Mismatch
	}
	return Verified
}

// birth is the date of birth as YYYYMMDD, "" when it is not known to the day.
func birth(p *Patient) string {
	if p == nil || len(p.BirthDate.digits) < 8 {
		return ""
	}
	return p.BirthDate.digits[:8]
}

// letters are the first n letters of a name in upper case, without the marks
// and blanks that two systems write differently.
func letters(name string, n int) string {
	var b strings.Builder
	for _, r := range name {
		if !unicode.IsLetter(r) {
			continue
		}
		b.WriteRune(unicode.ToUpper(r))
		if n--; n == 0 {
			break
		}
	}
	return b.String()
}
