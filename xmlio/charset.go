package xmlio

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// The charsets that are read. charsetUTF16 leaves the byte order to the byte
// order mark.
const (
	charsetUTF8    = "utf-8"
	charsetASCII   = "us-ascii"
	charsetLatin1  = "iso-8859-1"
	charset1252    = "windows-1252"
	charsetUTF16   = "utf-16"
	charsetUTF16LE = "utf-16le"
	charsetUTF16BE = "utf-16be"
)

// charsetOf returns the charset a label names, by its registered name or the
// aliases in common use.
func charsetOf(label string) (string, bool) {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "utf-8", "utf8":
		return charsetUTF8, true
	case "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us":
		return charsetASCII, true
	case "iso-8859-1", "iso_8859-1", "latin1", "l1":
		return charsetLatin1, true
	case "windows-1252", "cp1252":
		return charset1252, true
	case "utf-16":
		return charsetUTF16, true
	case "utf-16le":
		return charsetUTF16LE, true
	case "utf-16be":
		return charsetUTF16BE, true
	}
	return "", false
}

// refusal is a fault at an offset, before there is a Reader to hold it.
type refusal struct {
	fault  Fault
	offset int
	detail string
}

// decode returns the document as UTF-8 without byte order mark, and the
// length of its XML declaration (0 when it has none). With a refusal it
// returns what the offset of the refusal is counted in. What the transport, the
// byte order mark and the declaration state about the charset must agree;
// when nothing is stated it is UTF-8.
//
// The charset has to be known before the declaration that states it can be
// read. All charsets but UTF-16 write the declaration in the same bytes, so
// only UTF-16 has to be told apart beforehand (XML 1.0 appendix F).
func decode(doc []byte, transport string, limit int) (string, int, *refusal) {
	if len(doc) > limit {
		return "", 0, &refusal{FaultTooLarge, 0, "document exceeds the size limit"}
	}
	stated := ""
	if strings.TrimSpace(transport) != "" {
		known, ok := charsetOf(transport)
		if !ok {
			return "", 0, &refusal{FaultCharset, 0, "charset stated by the transport is not supported"}
		}
		stated = known
	}
	start := startOf(doc)
	switch {
	case start.partial:
		return "", 0, &refusal{FaultTruncated, 0, "byte order mark is cut"}
	case start.unsupported:
		return "", 0, &refusal{FaultCharset, 0, "UTF-32 and EBCDIC are not supported"}
	case start.charset == charsetUTF16LE || start.charset == charsetUTF16BE,
		start.charset == "" && (stated == charsetUTF16LE || stated == charsetUTF16BE):
		return decodeUTF16(doc, start, stated, limit)
	}

	s := string(doc[start.mark:])
	length, label, wrong := prolog(s)
	if wrong != nil {
		return s, 0, wrong
	}
	charset, wrong := agree(start.charset, stated, label)
	if wrong != nil {
		return s, 0, wrong
	}
	switch charset {
	case charsetUTF16, charsetUTF16LE, charsetUTF16BE:
		return s, 0, &refusal{FaultCharset, 0, "UTF-16 is stated but the document is not UTF-16 with a byte order mark"}
	case charsetASCII:
		if at := firstAbove(s); at < len(s) {
			return s, 0, &refusal{FaultCharset, at, "byte that is not US-ASCII"}
		}
	case charsetLatin1, charset1252:
		if s, wrong = decodeSingleByte(s, charset, limit); wrong != nil {
			return s, 0, wrong
		}
	}
	return s, length, checkCharacters(s)
}

// prolog tells what is no XML at all, and reads the XML declaration.
func prolog(s string) (length int, label string, wrong *refusal) {
	at := skipSpace(s, 0)
	if at == len(s) {
		return 0, "", &refusal{FaultEmpty, 0, "nothing but white space"}
	}
	if s[at] != '<' {
		return 0, "", &refusal{FaultNotXML, at, "document does not begin with a tag"}
	}
	return declaration(s)
}

// opening is what the first bytes say about the charset.
type opening struct {
	charset     string // "" when they say nothing
	mark        int    // length of the byte order mark
	partial     bool   // the document ends within a byte order mark
	unsupported bool
}

func startOf(doc []byte) opening {
	begins := func(prefix string) bool { return strings.HasPrefix(string(doc[:min(len(doc), 4)]), prefix) }
	switch {
	case begins("\x00\x00\xFE\xFF"), begins("\xFF\xFE\x00\x00"),
		begins("\x00\x00\x00<"), begins("<\x00\x00\x00"), begins("\x4C\x6F\xA7\x94"):
		return opening{unsupported: true}
	case begins("\xEF\xBB\xBF"):
		return opening{charset: charsetUTF8, mark: 3}
	case begins("\xFF\xFE"):
		return opening{charset: charsetUTF16LE, mark: 2}
	case begins("\xFE\xFF"):
		return opening{charset: charsetUTF16BE, mark: 2}
	case begins("<\x00"):
		return opening{charset: charsetUTF16LE}
	case begins("\x00<"):
		return opening{charset: charsetUTF16BE}
	case len(doc) == 1 && doc[0] >= 0xFE, len(doc) > 0 && strings.HasPrefix("\xEF\xBB", string(doc[:min(len(doc), 3)])):
		return opening{partial: true}
	}
	return opening{}
}

// agree returns the one charset that the byte order mark, the transport and
// the label of the declaration allow. Any of them may be "".
func agree(mark, transport, label string) (string, *refusal) {
	declared := ""
	if label != "" {
		known, ok := charsetOf(label)
		if !ok {
			return "", &refusal{FaultCharset, 0, "declared charset is not supported"}
		}
		declared = known
	}
	charset := ""
	for _, c := range []string{mark, transport, declared} {
		switch {
		case c == "" || c == charset:
		case charset == "":
			charset = c
		case c == charsetUTF16 && (charset == charsetUTF16LE || charset == charsetUTF16BE):
		case charset == charsetUTF16 && (c == charsetUTF16LE || c == charsetUTF16BE):
			charset = c
		default:
			return "", &refusal{FaultCharset, 0, "byte order mark, transport and declaration disagree about the charset"}
		}
	}
	if charset == "" {
		charset = charsetUTF8
	}
	return charset, nil
}

// decodeUTF16 decodes a document that its first bytes, or the transport, say
// is UTF-16. Without a byte order mark the declaration or the transport must
// name the byte order.
func decodeUTF16(doc []byte, start opening, transport string, limit int) (string, int, *refusal) {
	order := start.charset
	if order == "" {
		order = transport
	}
	doc = doc[start.mark:]
	unit := func(i int) rune {
		if order == charsetUTF16LE {
			return rune(doc[i]) | rune(doc[i+1])<<8
		}
		return rune(doc[i])<<8 | rune(doc[i+1])
	}
	var out strings.Builder
	out.Grow(min(len(doc)/2+16, limit))
	for i := 0; i < len(doc); i += 2 {
		if i+1 == len(doc) {
			return out.String(), 0, &refusal{FaultTruncated, out.Len(), "odd number of bytes in UTF-16"}
		}
		r := unit(i)
		if utf16.IsSurrogate(r) {
			if r < 0xDC00 && i+3 >= len(doc) {
				return out.String(), 0, &refusal{FaultTruncated, out.Len(), "surrogate pair is cut"}
			}
			low := rune(0)
			if r < 0xDC00 {
				low = unit(i + 2)
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return out.String(), 0, &refusal{FaultCharset, out.Len(), "surrogate without its partner"}
			}
			i += 2
		}
		if out.Len()+utf8.RuneLen(r) > limit {
			return out.String(), 0, &refusal{FaultTooLarge, out.Len(), "decoded document exceeds the size limit"}
		}
		out.WriteRune(r)
	}
	s := out.String()
	length, label, wrong := prolog(s)
	if wrong != nil {
		return s, 0, wrong
	}
	if _, wrong = agree(order, transport, label); wrong != nil {
		return s, 0, wrong
	}
	if start.mark == 0 && transport != order {
		if declared, _ := charsetOf(label); declared != order {
			return s, 0, &refusal{FaultCharset, 0, "UTF-16 without byte order mark or stated byte order"}
		}
	}
	return s, length, checkCharacters(s)
}

// decodeSingleByte decodes ISO-8859-1 or windows-1252. The five bytes that
// windows-1252 leaves undefined are refused; the C1 controls of ISO-8859-1
// are characters of XML 1.0 and stand.
func decodeSingleByte(s, charset string, limit int) (string, *refusal) {
	at := firstAbove(s)
	if at == len(s) {
		return s, nil
	}
	table := charmap.ISO8859_1
	if charset == charset1252 {
		table = charmap.Windows1252
	}
	var out strings.Builder
	out.Grow(min(len(s)+len(s)/8, limit))
	out.WriteString(s[:at])
	for i := at; i < len(s); i++ {
		r := table.DecodeByte(s[i])
		if charset == charset1252 && r >= 0x80 && r < 0xA0 || r == utf8.RuneError {
			return out.String(), &refusal{FaultCharset, out.Len(), "byte that windows-1252 does not define"}
		}
		if out.Len()+utf8.RuneLen(r) > limit {
			return out.String(), &refusal{FaultTooLarge, out.Len(), "decoded document exceeds the size limit"}
		}
		out.WriteRune(r)
	}
	return out.String(), nil
}

// declaration reads the XML declaration at the start of s and returns its
// length, 0 when there is none, and the encoding it names, "" when it names
// none. It takes the grammar of XML 1.0 §2.8 to the letter.
func declaration(s string) (length int, encoding string, wrong *refusal) {
	const open = "<?xml"
	if !strings.HasPrefix(s, open) {
		if strings.HasPrefix(open, s) {
			return 0, "", &refusal{FaultTruncated, len(s), "in the XML declaration"}
		}
		return 0, "", nil
	}
	i := len(open)
	refuse := func(detail string) (int, string, *refusal) {
		if i >= len(s) {
			return 0, "", &refusal{FaultTruncated, len(s), "in the XML declaration"}
		}
		return 0, "", &refusal{FaultNotWellFormed, i, detail}
	}
	if i < len(s) && !isSpace(s[i]) {
		if s[i] == '?' {
			return refuse("XML declaration without version")
		}
		return refuse("processing instruction")
	}
	for step := 0; ; {
		from := i
		i = skipSpace(s, i)
		spaced := i > from
		if i >= len(s) {
			return refuse("")
		}
		if s[i] == '?' {
			if step == 0 {
				return refuse("XML declaration without version")
			}
			if i++; i >= len(s) || s[i] != '>' {
				return refuse("XML declaration is not closed")
			}
			return i + 1, encoding, nil
		}
		if !spaced {
			return refuse("white space missing in the XML declaration")
		}
		from = i
		for i < len(s) && s[i] >= 'a' && s[i] <= 'z' {
			i++
		}
		if i >= len(s) {
			return refuse("")
		}
		key := s[from:i]
		if i = skipSpace(s, i); i >= len(s) || s[i] != '=' {
			return refuse("malformed XML declaration")
		}
		if i = skipSpace(s, i+1); i >= len(s) || s[i] != '"' && s[i] != '\'' {
			return refuse("value in the XML declaration is not quoted")
		}
		n := strings.IndexByte(s[i+1:], s[i])
		if n < 0 {
			i = len(s)
			return refuse("")
		}
		value := s[i+1 : i+1+n]
		switch {
		case key == "version" && step == 0:
			if value != "1.0" {
				return refuse("XML version is not 1.0")
			}
			step = 1
		case key == "encoding" && step == 1:
			if !isEncodingName(value) {
				return refuse("malformed encoding name in the XML declaration")
			}
			encoding, step = value, 2
		case key == "standalone" && (step == 1 || step == 2):
			if value != "yes" && value != "no" {
				return refuse("standalone is neither yes nor no")
			}
			step = 3
		default:
			return refuse("malformed XML declaration")
		}
		i += n + 2
	}
}

func isEncodingName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return s != ""
}

// firstAbove returns the offset of the first byte above US-ASCII, or len(s).
func firstAbove(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}
