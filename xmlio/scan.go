package xmlio

import (
	"strings"
	"unicode/utf8"
)

// Byte classes. A byte may be of several.
const (
	classSpace     = 1 << iota // XML white space
	classControl               // not a character of XML 1.0
	classNameStart             // ASCII only, without the colon
	className                  // ASCII only, without the colon
	classText                  // ends plain text: < & ] CR
	classValue                 // ends a plain attribute value: < & " ' TAB LF CR
)

// classes holds the classes of every byte.
var classes = func() (table [256]uint8) {
	for c := range table {
		switch {
		case c == '\t' || c == '\n' || c == '\r' || c == ' ':
			table[c] |= classSpace
		case c < ' ':
			table[c] |= classControl
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
			table[c] |= classNameStart | className
		case c >= '0' && c <= '9' || c == '-' || c == '.':
			table[c] |= className
		}
		if strings.IndexByte("<&]\r", byte(c)) >= 0 {
			table[c] |= classText
		}
		if strings.IndexByte("<&\"'\t\n\r", byte(c)) >= 0 {
			table[c] |= classValue
		}
	}
	return table
}()

func isSpace(c byte) bool { return classes[c]&classSpace != 0 }

func skipSpace(s string, i int) int {
	for i < len(s) && classes[s[i]]&classSpace != 0 {
		i++
	}
	return i
}

// isCharacter reports whether r is a Char of XML 1.0 §2.2.
func isCharacter(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// checkCharacters checks once, for the whole document, that it is UTF-8 and
// holds only characters of XML 1.0; what follows need not look again.
func checkCharacters(s string) *refusal {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			// Eight bytes at once: none above ASCII, none below space.
			w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
				uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
			if (w|(w-ones*0x20))&high == 0 {
				i += 8
				continue
			}
		}
		// The next few one by one: line ends, tabs, characters above ASCII.
		for end := min(i+8, len(s)); i < end; {
			c := s[i]
			if c < utf8.RuneSelf {
				if classes[c]&classControl != 0 {
					return &refusal{FaultNotWellFormed, i, "control character"}
				}
				i++
				continue
			}
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				if !utf8.FullRuneInString(s[i:]) {
					return &refusal{FaultTruncated, len(s), "character is cut"}
				}
				return &refusal{FaultCharset, i, "byte that is not UTF-8"}
			}
			if r == 0xFFFE || r == 0xFFFF {
				return &refusal{FaultNotWellFormed, i, "character that is not allowed in XML"}
			}
			i += size
		}
	}
	return nil
}

// scanName scans a qualified name at i: Name of XML 1.0 fifth edition, with at
// most one colon and a name on either side of it. It returns where the name
// ends and where its colon is, -1 for none. When ok is false, end is the
// offset of the fault and colon tells it apart: -1 is no name at all, else a
// colon breaks the rules of namespaces.
func scanName(s string, i int) (end, colon int, ok bool) {
	colon = -1
	for {
		// An NCName begins here.
		if i >= len(s) {
			return i, colon, false
		}
		if c := s[i]; c < utf8.RuneSelf {
			if classes[c]&classNameStart == 0 {
				if c == ':' {
					return i, i, false
				}
				return i, colon, false
			}
			i++
		} else {
			r, size := utf8.DecodeRuneInString(s[i:])
			if !isNameStart(r) {
				return i, colon, false
			}
			i += size
		}
		for i < len(s) {
			if c := s[i]; c < utf8.RuneSelf {
				if classes[c]&className == 0 {
					break
				}
				i++
				continue
			}
			r, size := utf8.DecodeRuneInString(s[i:])
			if !isNameStart(r) && !isNameOnly(r) {
				break
			}
			i += size
		}
		if i >= len(s) || s[i] != ':' {
			return i, colon, true
		}
		if colon >= 0 {
			return i, i, false
		}
		colon = i
		i++
	}
}

// isNameStart is NameStartChar above ASCII, up to U+FFFF: the characters beyond
// are names since the fifth edition only, and readers of earlier ones refuse
// them.
func isNameStart(r rune) bool {
	switch {
	case r < 0xC0 || r == 0xD7 || r == 0xF7:
		return false
	case r <= 0x2FF, r >= 0x370 && r <= 0x37D, r >= 0x37F && r <= 0x1FFF,
		r >= 0x200C && r <= 0x200D, r >= 0x2070 && r <= 0x218F,
		r >= 0x2C00 && r <= 0x2FEF, r >= 0x3001 && r <= 0xD7FF,
		r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r <= 0xFFFD:
		return true
	}
	return false
}

// isNameOnly is what NameChar adds to NameStartChar above ASCII.
func isNameOnly(r rune) bool {
	return r == 0xB7 || r >= 0x300 && r <= 0x36F || r >= 0x203F && r <= 0x2040
}

// scanReference scans the reference at s[i] == '&'. When ok is false, end is
// the offset of the fault.
func scanReference(s string, i int) (r rune, end int, ok bool) {
	i++
	if i < len(s) && s[i] == '#' {
		return scanCharacterReference(s, i+1)
	}
	from := i
	for i < len(s) && i-from < 5 && s[i] != ';' {
		if classes[s[i]]&classNameStart == 0 {
			return 0, i, false
		}
		i++
	}
	if i >= len(s) || s[i] != ';' {
		return 0, i, false
	}
	switch s[from:i] {
	case "amp":
		return '&', i + 1, true
	case "lt":
		return '<', i + 1, true
	case "gt":
		return '>', i + 1, true
	case "quot":
		return '"', i + 1, true
	case "apos":
		return '\'', i + 1, true
	}
	return 0, from, false
}

func scanCharacterReference(s string, i int) (r rune, end int, ok bool) {
	base := rune(10)
	if i < len(s) && s[i] == 'x' {
		base = 16
		i++
	}
	from := i
	for ; i < len(s) && s[i] != ';'; i++ {
		d := rune(99)
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case c >= 'a' && c <= 'f':
			d = rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = rune(c-'A') + 10
		}
		if d >= base {
			return 0, i, false
		}
		if r = r*base + d; r > utf8.MaxRune {
			r = utf8.MaxRune + 1 // stays out of range, whatever follows
		}
	}
	if i >= len(s) || i == from || !isCharacter(r) {
		return 0, min(i, len(s)), false
	}
	return r, i + 1, true
}

// appendText appends character data with references resolved and line ends
// normalised. The data has been scanned before.
func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		n := i
		for n < len(s) && s[n] != '&' && s[n] != '\r' {
			n++
		}
		b = append(b, s[i:n]...)
		if n == len(s) {
			break
		}
		if s[n] == '\r' {
			if i = n + 1; i == len(s) || s[i] != '\n' {
				b = append(b, '\n')
			}
			continue
		}
		r, end, _ := scanReference(s, n)
		b = utf8.AppendRune(b, r)
		i = end
	}
	return b
}

// appendCDATA appends the inside of a CDATA section with line ends normalised.
func appendCDATA(b []byte, s string) []byte {
	for {
		n := strings.IndexByte(s, '\r')
		if n < 0 {
			return append(b, s...)
		}
		b = append(b, s[:n]...)
		if s = s[n+1:]; s == "" || s[0] != '\n' {
			b = append(b, '\n')
		}
	}
}

// attributeValue returns the value of an attribute that has been scanned:
// references resolved, other white space turned into spaces (XML 1.0 §3.3.3).
func attributeValue(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '&':
			r, end, _ := scanReference(s, i)
			b = utf8.AppendRune(b, r)
			i = end
		case '\t', '\n':
			b = append(b, ' ')
			i++
		case '\r':
			b = append(b, ' ')
			if i++; i < len(s) && s[i] == '\n' {
				i++
			}
		default:
			b = append(b, c)
			i++
		}
	}
	return string(b)
}
