package record

import (
	"strings"
	"unicode"
)

// AnnotatedValue is a result that stands only in the lines of a free text, as
// SystmOne sends every number by GP2GP (S §6.1 "numeric values"). It is a
// reading beside the text, never in place of it. All of it is text as written:
// nothing is computed, converted or rounded.
type AnnotatedValue struct {
	Comparator string // "~", "<", "<=", ">" or ">="; "" where none is stated
	Number     string // digits, with a sign and a point where they were written
	Unit       string // "" where none is stated
	// Range is the reference range, the zero Range where none is stated. What
	// is not two bounds or one stands in its Words.
	Range          Range
	Interpretation string // what follows "Interpretation Code:", in its own words
}

// ParseAnnotatedValue reads the one line "Value: [~|<|<=|>|>=] <decimal> <unit>"
// of a text, and after it "Reference range: a - b" or "Reference range: < b" and
// "Interpretation Code: ...". Other lines are left alone. It answers false where
// the text has no such line, where a line that begins as one holds anything else
// ("Value: 120/80", "Value: 5 or 6 tablets"), and where there are several, for
// nothing says which of them the result is.
func ParseAnnotatedValue(text string) (AnnotatedValue, bool) {
	var v AnnotatedValue
	if !strings.Contains(text, "Value:") { // nearly every text
		return v, false
	}
	found, ranges := false, 0
	for line := range strings.Lines(text) {
		line = blank(line)
		if words, ok := strings.CutPrefix(line, "Value:"); ok {
			if found || !v.number(words) {
				return AnnotatedValue{}, false
			}
			found = true
			continue
		}
		rest, interpretation, _ := strings.Cut(line, "Interpretation Code:")
		words, ok := strings.CutPrefix(rest, "Reference range:")
		if !found || !ok && rest != "" {
			continue // the text before the result, or a remark after it
		}
		if ok {
			ranges++
			v.Range = annotatedRange(blank(strings.TrimRight(blank(words), ".")))
		}
		if interpretation = blank(interpretation); interpretation != "" {
			v.Interpretation = Join(", ", v.Interpretation, interpretation)
		}
	}
	if ranges > 1 { // which of them is this result's is not said
		v.Range = Range{}
	}
	return v, found
}

// number reads what follows "Value:".
func (v *AnnotatedValue) number(words string) bool {
	v.Comparator, words = annotatedSign(words)
	end := len(words)
	if i := strings.IndexAny(words, " \t"); i >= 0 {
		end = i
	}
	v.Number, v.Unit = words[:end], blank(words[end:])
	return annotatedDecimal(v.Number) && annotatedUnit(v.Unit)
}

// annotatedSign cuts the sign a number may begin with.
func annotatedSign(words string) (sign, rest string) {
	words = blank(words)
	for _, sign := range [...]string{"<=", ">=", "<", ">", "~"} {
		if rest, ok := strings.CutPrefix(words, sign); ok {
			return sign, blank(rest)
		}
	}
	return "", words
}

// annotatedRange reads two bounds, or one with its sign; anything else, a single
// number among them, stays in words.
func annotatedRange(words string) Range {
	sign, bound := annotatedSign(words)
	low, high, between := strings.Cut(bound, " - ")
	low, high = blank(low), blank(high)
	switch {
	case sign == "" && between && annotatedDecimal(low) && annotatedDecimal(high):
		return Range{Low: low, High: high}
	case (sign == "<" || sign == "<=") && annotatedDecimal(bound):
		return Range{HighOp: sign, High: bound}
	case (sign == ">" || sign == ">=") && annotatedDecimal(bound):
		return Range{LowOp: sign, Low: bound}
	}
	return Range{Words: words}
}

// annotatedDecimal reports digits with at most one point between them and a
// minus before them.
func annotatedDecimal(s string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return annotatedDigits(whole) && (!point || annotatedDigits(fraction))
}

func annotatedDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !digit(r) })
}

func digit(r rune) bool { return '0' <= r && r <= '9' }

// annotatedUnit reports what can be a unit and nothing else: no unit, the words
// SystmOne has for an unknown one, or one word in the manner of UCUM. A word
// that goes on with the number ("/80", "-6", "to") is none.
func annotatedUnit(s string) bool {
	if s == "" || s == "Unk UoM" {
		return true
	}
	if strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsAny(s, " <>=~,;:?!") || s == "to" || s == "or" || s == "and" || s == "x" {
		return false
	}
	if strings.HasPrefix(s, "10*") || strings.HasPrefix(s, "10^") {
		return true
	}
	first := strings.TrimPrefix(s, "/")
	return first != "" && !digit(rune(first[0])) && !strings.ContainsAny(first[:1], `+-./*()'"`)
}

// blank cuts the blanks at both ends of a line; other control characters are
// part of it, and then of no number.
func blank(s string) string { return strings.Trim(s, " \t\r\n") }
