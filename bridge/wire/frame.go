package wire

import "bytes"

// state is where in a document a scanner stands.
type state uint8

const (
	between     state = iota // before a document: separators only
	mark                     // inside a byte order mark
	prolog                   // the document has begun, its root has not
	opened                   // after "<"
	tag                      // inside a start tag
	value                    // inside a quoted attribute value
	endTag                   // inside an end tag
	text                     // inside the root, outside any tag
	instruction              // inside a processing instruction or declaration
	bang                     // after "<!"
	dash                     // after "<!-"
	comment                  // inside a comment
	cdataOpen                // inside "<![CDATA["
	cdata                    // inside a CDATA section
	whole                    // the root has ended
	broken                   // this cannot become a well-formed document
)

// separator is the literal some clients send after a document (S §1.1).
const separator = "<EOF>"

// scanner finds where a document begins and ends in a buffer that only grows.
// It follows tags, quotes, comments, CDATA sections and processing
// instructions just far enough to know the depth. It says broken only of bytes
// that no continuation makes well-formed, or that hold a document type, which
// the guarded reader refuses anyway; so no document is lost by stopping there.
//
// Bytes are taken as an extension of ASCII, or as UTF-16 after its byte order
// mark.
type scanner struct {
	state state
	start int // where the document begins
	pos   int // how far the buffer was scanned
	depth int

	expect  string // what must follow, in mark and cdataOpen
	matched int    // bytes of separator seen at the document's very beginning
	last    byte   // the unit before, in tag and instruction
	run     int    // "-" or "]" in a row, in comment and cdata
	quote   byte
	wide    bool // UTF-16
	big     bool // UTF-16 big endian
}

// scan goes on over buf and reports that the document has ended or is broken.
func (s *scanner) scan(buf []byte) bool {
	for s.state != whole && s.state != broken {
		if s.state == text && !s.wide {
			n := bytes.IndexByte(buf[s.pos:], '<')
			if n < 0 {
				s.pos = len(buf)
				return false
			}
			s.pos += n
		}
		c, ok := s.unit(buf)
		if !ok {
			return false
		}
		s.step(c)
	}
	return true
}

// begun reports that a document's first byte was seen. The beginning of a
// separator counts as none.
func (s *scanner) begun() bool { return s.state != between && s.matched == 0 }

// unit takes the next character as far as it matters: ASCII as itself,
// everything else as a letter.
func (s *scanner) unit(buf []byte) (byte, bool) {
	if !s.wide {
		if s.pos >= len(buf) {
			return 0, false
		}
		c := buf[s.pos]
		s.pos++
		return c, true
	}
	if s.pos+1 >= len(buf) {
		return 0, false
	}
	low, high := buf[s.pos], buf[s.pos+1]
	if s.big {
		low, high = high, low
	}
	s.pos += 2
	if high != 0 || low >= 0x80 {
		return 'x', true
	}
	return low, true
}

func (s *scanner) step(c byte) {
	if s.matched > 0 && c == separator[s.matched] {
		if s.matched++; s.matched == len(separator) {
			*s = scanner{pos: s.pos, start: s.pos}
			return
		}
	} else {
		s.matched = 0
	}
	switch s.state {
	case between:
		s.begin(c)
	case mark, cdataOpen:
		s.follow(c)
	case prolog:
		if c == '<' {
			s.state = opened
		} else if !isSpace(c) {
			s.state = broken
		}
	case opened:
		s.open(c)
	case tag:
		s.inTag(c)
	case value:
		if c == s.quote {
			s.state, s.last = tag, c
		} else if c == '<' {
			s.state = broken
		}
	case endTag:
		if c == '>' {
			s.depth--
			s.content()
		} else if c == '<' {
			s.state = broken
		}
	case text:
		if c == '<' {
			s.state = opened
		}
	case instruction:
		if c == '>' && s.last == '?' {
			s.resume()
		}
		s.last = c
	case bang:
		s.declaration(c)
	case dash:
		s.state, s.run = comment, 0
		if c != '-' {
			s.state = broken
		}
	case comment:
		s.section(c, '-')
	case cdata:
		s.section(c, ']')
	}
}

// begin judges a character between documents.
func (s *scanner) begin(c byte) {
	switch {
	case isSpace(c) || c == 0:
		s.start = s.pos
	case c == '<':
		s.state, s.matched = opened, 1
	case c == 0xEF:
		s.state, s.expect = mark, "\xBB\xBF"
	case c == 0xFF:
		s.state, s.expect = mark, "\xFE"
	case c == 0xFE:
		s.state, s.expect, s.big = mark, "\xFF", true
	default:
		s.state = broken
	}
}

// follow takes the rest of a byte order mark or of "<![CDATA[".
func (s *scanner) follow(c byte) {
	if c != s.expect[0] {
		s.state = broken
		return
	}
	if s.expect = s.expect[1:]; s.expect != "" {
		return
	}
	if s.state == cdataOpen {
		s.state, s.run = cdata, 0
		return
	}
	s.state, s.wide = prolog, c != 0xBF
}

// open judges the character after "<".
func (s *scanner) open(c byte) {
	switch {
	case c == '?':
		s.state, s.last = instruction, 0
	case c == '!':
		s.state = bang
	case c == '/' && s.depth > 0:
		s.state = endTag
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= 0x80:
		s.state, s.last = tag, c
	default:
		s.state = broken
	}
}

func (s *scanner) inTag(c byte) {
	switch c {
	case '"', '\'':
		s.state, s.quote = value, c
	case '<':
		s.state = broken
	case '>':
		if s.last != '/' {
			s.depth++
		}
		s.content()
	}
	s.last = c
}

// declaration judges the character after "<!". A document type is not followed
// to its end: the guarded reader refuses it by its first letters.
func (s *scanner) declaration(c byte) {
	switch {
	case c == '-':
		s.state = dash
	case c == '[' && s.depth > 0:
		s.state, s.expect = cdataOpen, "CDATA["
	default:
		s.state = broken
	}
}

// section takes a character of a comment or CDATA section, which ends with two
// of fence and ">".
func (s *scanner) section(c, fence byte) {
	switch {
	case c == fence:
		s.run++
	case c == '>' && s.run >= 2:
		s.resume()
	default:
		s.run = 0
	}
}

// content goes on after a tag.
func (s *scanner) content() {
	if s.state = text; s.depth == 0 {
		s.state = whole
	}
}

// resume goes on after a comment, CDATA section or processing instruction.
func (s *scanner) resume() {
	if s.state = text; s.depth == 0 {
		s.state = prolog
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
