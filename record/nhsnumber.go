package record

import (
	"errors"
	"strings"
	"unique"
)

// NHSNumber identifies a patient. It prints redacted everywhere: fmt, zap and
// JSON see only the mask. Digits is the one explicit way out and stands only in
// encoders. Two are equal by ==.
//
// The digits stand behind a handle because fmt cannot call String on a field
// that is not exported and would print a plain string found there, whatever
// struct it is nested in; of a handle it can print an address only.
type NHSNumber struct{ digits unique.Handle[string] }

// ErrNHSNumber reports text that is not an NHS number. It never carries it.
var ErrNHSNumber = errors.New("not a valid NHS number")

const redacted = "NHS number ••••••••••"

// ParseNHSNumber reads ten digits, bare or parted 3-3-4 by two blanks or two
// hyphens, with no more around them than the white space of XML,
// whose check digit holds (weights 10 to 2, eleven minus the remainder, eleven
// is 0, ten is invalid) and which are not one digit repeated (safety CS-04).
func ParseNHSNumber(s string) (NHSNumber, error) {
	s = strings.Trim(s, " \t\r\n")
	if len(s) == 12 && (s[3] == ' ' || s[3] == '-') && s[7] == s[3] {
		s = s[:3] + s[4:7] + s[8:]
	}
	if len(s) != 10 || strings.Trim(s, "1234567890") != "" || strings.Count(s, s[:1]) == 10 {
		return NHSNumber{}, ErrNHSNumber
	}
	sum := 0
	for i := range 9 {
		sum += int(s[i]-'0') * (10 - i)
	}
	if check := (11 - sum%11) % 11; check == 10 || byte('0'+check) != s[9] {
		return NHSNumber{}, ErrNHSNumber
	}
	return NHSNumber{digits: unique.Make(s)}, nil
}

// Digits is the number itself, for a native message and the keyed audit
// reference only; "" when no number is known.
func (n NHSNumber) Digits() string {
	if n.IsZero() {
		return ""
	}
	return n.digits.Value()
}

// IsZero reports that no number is known.
func (n NHSNumber) IsZero() bool { return n == NHSNumber{} }

// Test reports a number of the test range, 999 and up to ten digits, which the
// live environment refuses (DESIGN.md decision 15).
func (n NHSNumber) Test() bool { return strings.HasPrefix(n.Digits(), "999") }

// String is redacted.
func (n NHSNumber) String() string { return redacted }

// GoString is redacted.
func (n NHSNumber) GoString() string { return redacted }

// MarshalText is redacted, so that no encoder writes the number by accident.
func (n NHSNumber) MarshalText() ([]byte, error) { return []byte(redacted), nil }
