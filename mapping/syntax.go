package mapping

import "strings"

// Each function returns what is wrong with a value, or "".

func readV2Fault(value, termCode string) string {
	if fault := fiveByteFault(value); fault != "" {
		return fault
	}
	if termCode != "" && (len(termCode) != 2 || !alphanumeric(termCode[0]) || !alphanumeric(termCode[1])) {
		return "a Read v2 term code is two letters or digits"
	}
	return ""
}

func ctv3Fault(value, termID string) string {
	if fault := fiveByteFault(value); fault != "" {
		return fault
	}
	if value[0] == 'Y' {
		return "a code starting with Y is local to SystmOne, not CTV3"
	}
	if termID != "" && fiveByteFault(termID) != "" {
		return "a CTV3 term id is five characters"
	}
	return ""
}

func tppFault(value string) string {
	if fault := fiveByteFault(value); fault != "" {
		return fault
	}
	if value[0] != 'Y' {
		return "a code local to SystmOne starts with Y"
	}
	return ""
}

// fiveByteFault checks the shape Read v2 and CTV3 share: five of [0-9A-Za-z.], dots only at the end (terminology §1.3).
func fiveByteFault(value string) string {
	if len(value) != 5 {
		return "a Read code is five characters, trailing dots included"
	}
	dots := false
	for i := range len(value) {
		switch {
		case value[i] == '.':
			if i == 0 {
				return "a Read code does not start with a dot"
			}
			dots = true
		case !alphanumeric(value[i]):
			return "a character that no Read code has"
		case dots:
			return "a dot inside a Read code"
		}
	}
	return ""
}

// conceptFault checks a SNOMED CT concept identifier: 6 to 18 digits, check digit, concept partition 00 or 10.
func conceptFault(value string) string {
	if len(value) < 6 || len(value) > 18 || value[0] == '0' || !digits(value) {
		return "a SNOMED CT identifier is 6 to 18 digits"
	}
	if !verhoeff(value) {
		return "the check digit is wrong"
	}
	switch value[len(value)-3 : len(value)-1] {
	case "00":
		return ""
	case "10":
		if len(value) < 11 {
			return "too short for its namespace"
		}
		return ""
	case "01", "11":
		return "a description id, not a concept id"
	case "02", "12":
		return "a relationship id, not a concept id"
	}
	return "an unknown SNOMED CT partition"
}

// dmdFault checks a dm+d identifier: short format (core), or long format of the dm+d namespace 1000001 (E §4). The
// namespaces 1000027 (Vision), 1000006 and 1000033 (EMIS) carry valid check digits and are not dm+d (terminology §1.3).
func dmdFault(value string) string {
	if fault := conceptFault(value); fault != "" {
		return fault
	}
	if value[len(value)-3] == '0' {
		return ""
	}
	switch {
	case namespace(value) == "1000001":
		return ""
	case suppliersOwn(value):
		return "a supplier's own identifier, not dm+d"
	}
	return "a namespace that is not dm+d"
}

// suppliersOwn reports a SNOMED CT identifier of EMIS's or Vision's namespace.
func suppliersOwn(value string) bool {
	switch namespace(value) {
	case "1000027", "1000006", "1000033":
		return true
	}
	return false
}

// namespace is the namespace of a long-format SNOMED CT identifier, "" for the
// short format, which is the international core.
func namespace(value string) string {
	if len(value) < 11 || value[len(value)-3] != '1' {
		return ""
	}
	return value[len(value)-10 : len(value)-3]
}

// Dihedral group tables of the Verhoeff check.
var (
	verhoeffMultiply = [10][10]byte{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
		{3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
		{6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
		{9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	}
	verhoeffPermute = [8][10]byte{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
		{8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
		{2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
	}
)

func verhoeff(value string) bool {
	var c byte
	for i := range len(value) {
		c = verhoeffMultiply[c][verhoeffPermute[i%8][value[len(value)-1-i]-'0']]
	}
	return c == 0
}

// emisLocalPrefixes start codes that are EMIS's own whatever their length; a hyphen inside them is part of the code (E §4).
var emisLocalPrefixes = [...]string{"EMIS", "EGTON", "ALLERGY", "ESCT", "^", "FUNDHC", "JHCC", "RAFME"}

// emisLocal applies E §4's rule to a native spelling: one of the prefixes, more than five characters before a hyphen, or
// one of the two suffixes (KC60, SHHAPT) whose hyphen is part of the code.
func emisLocal(native string) bool {
	if emisLocalPrefix(native) {
		return true
	}
	head, suffix, _ := strings.Cut(native, "-")
	return len(head) > 5 || suffix == "KC60" || suffix == "SHHAPT"
}

func emisLocalPrefix(native string) bool {
	for _, prefix := range emisLocalPrefixes {
		if strings.HasPrefix(native, prefix) {
			return true
		}
	}
	return false
}

// emisLocalFault is narrow on purpose: words typed into a code slot must fail it. Outside the known prefixes a code
// has a digit, and none has a lower-case letter or a space.
func emisLocalFault(value string) string {
	if len(value) < 3 || len(value) > 40 {
		return "an EMIS local code is 3 to 40 characters"
	}
	digit := false
	for i := range len(value) {
		switch b := value[i]; {
		case b >= '0' && b <= '9':
			digit = true
		case b >= 'A' && b <= 'Z', b == '_', b == '-', b == '|', b == '/', b == '.':
		case b == '^' && i == 0:
		default:
			return "a character that no EMIS local code has"
		}
	}
	if !emisLocal(value) {
		return "a Read code, not an EMIS local code"
	}
	if !digit && !emisLocalPrefix(value) {
		return "words, not an EMIS local code"
	}
	return ""
}

// emisDrugFault checks an EMISPREPARATION code: four characters of name, a number, and an optional owner in letters
// (EMIS, NEMIS, EGTON, BRIDL, HILLI); EGTON also stands before the number (E §4; the last two forms are seen in records).
func emisDrugFault(value string) string {
	const wrong = "an EMIS drug code is four characters, a number and an optional owner"
	if len(value) < 5 || len(value) > 20 {
		return wrong
	}
	for i := range 4 {
		if b := value[i]; !(b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '/' || b == ' ' && i > 0) {
			return wrong
		}
	}
	rest := strings.TrimPrefix(value[4:], "EGTON")
	number := strings.TrimRight(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	owner := rest[len(number):]
	if number == "" || !digits(number) || len(owner) > 5 || owner != "" && len(rest) != len(value)-4 {
		return wrong
	}
	return ""
}

// multilexFault checks a First Databank product id of seven digits (S §0 item 5).
func multilexFault(value string) string {
	if len(value) != 7 || value[0] == '0' || !digits(value) {
		return "a Multilex product id is seven digits"
	}
	return ""
}

func eightDigitFault(value string) string {
	if len(value) != 8 || !digits(value) {
		return "a Gemscript or Vision drug code is eight digits"
	}
	return ""
}

func enumerationFault(value string) string {
	if len(value) > 100 {
		return "an enumerated value of more than 100 bytes"
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] == 0x7f {
			return "a control character"
		}
	}
	return ""
}

// spreadsheetDamage recognises a number a spreadsheet rewrote in scientific notation ("5.89E+17").
func spreadsheetDamage(value string) bool {
	if len(value) < 4 || value[0] < '0' || value[0] > '9' {
		return false
	}
	return strings.Contains(value, "E+") || strings.Contains(value, "e+")
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func alphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// lowerWords reports whether s is lower-case words and digits joined by single hyphens.
func lowerWords(s string) bool {
	for i := range len(s) {
		b := s[i]
		if b == '-' && i > 0 && i < len(s)-1 && s[i-1] != '-' {
			continue
		}
		if !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9') {
			return false
		}
	}
	return s != ""
}
