package xmlio

import "strings"

// Decimal reports text in the lexical form of xs:decimal: a sign at most,
// digits, and at most one point before, among or behind them (XML Schema part 2
// §3.2.3). It trims nothing.
func Decimal(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	whole, part, _ := strings.Cut(s, ".")
	digits := whole + part
	return digits != "" && strings.Trim(digits, "1234567890") == ""
}
