package xmlio

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Writer appends XML to a byte slice in the order it is told. It escapes text
// and attribute values, and keeps account of open elements; it neither
// indents nor reorders. What it writes without Err reporting a fault the
// Reader reads back equal, as long as prefixes are declared and Raw was given
// what it asks for.
//
// A Writer is not safe for use by several goroutines.
type Writer struct {
	buf      []byte
	base     int // length of the slice given to NewWriter
	open     []string
	rooted   bool
	oneLine  bool
	replaced int
	err      error
}

// NewWriter returns a Writer that appends to buf, which may be nil.
func NewWriter(buf []byte) *Writer { return &Writer{buf: buf, base: len(buf)} }

// Reset makes the Writer begin again, in the memory it has: what Bytes gave is
// no longer valid.
func (w *Writer) Reset() {
	*w = Writer{buf: w.buf[:w.base], base: w.base, open: w.open[:0], oneLine: w.oneLine}
}

// OneLine makes the Writer write a line feed in text as &#10;, so that the
// whole document is one line: SystmOne's framing (S §1.1). In attribute
// values line feeds are always written so.
func (w *Writer) OneLine(on bool) { w.oneLine = on }

// Declaration writes the XML declaration. It must come first.
func (w *Writer) Declaration() {
	if len(w.buf) != w.base {
		w.fail(errors.New("declaration is not first"))
	}
	w.buf = append(w.buf, `<?xml version="1.0" encoding="UTF-8"?>`...)
}

// Start opens an element. The name may carry a prefix; attrs are pairs of
// name and value, namespace declarations among them.
func (w *Writer) Start(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '>')
	w.open = append(w.open, name)
}

// End closes the innermost open element.
func (w *Writer) End() {
	if len(w.open) == 0 {
		w.fail(errors.New("end without start"))
		return
	}
	name := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	w.close(name)
}

// close writes an end tag.
func (w *Writer) close(name string) {
	w.room(len(name) + 3)
	w.buf = append(w.buf, '<', '/')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '>')
}

// Text writes character data inside the current element.
func (w *Writer) Text(s string) {
	if len(w.open) == 0 && !blank(s) {
		w.fail(errors.New("text outside the root element"))
	}
	w.escape(s, false)
}

// Element writes an element with text and nothing else in it.
func (w *Writer) Element(name, text string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '>')
	w.escape(text, false)
	w.close(name)
}

// Number writes an element of a whole number.
func (w *Writer) Number(name string, n int) {
	w.tag(name, nil)
	w.buf = append(w.buf, '>')
	w.buf = strconv.AppendInt(w.buf, int64(n), 10)
	w.close(name)
}

// Lines writes an element of lines, parted by line feeds.
func (w *Writer) Lines(name string, lines []string) {
	w.Start(name)
	for i, line := range lines {
		if i > 0 {
			w.Text("\n")
		}
		w.Text(line)
	}
	w.End()
}

// Optional writes Element, or nothing when text is "".
func (w *Writer) Optional(name, text string, attrs ...string) {
	if text != "" {
		w.Element(name, text, attrs...)
	}
}

// Empty writes an empty element tag.
func (w *Writer) Empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '/', '>')
}

// Raw writes b as it is. It must be well-formed content: what a Writer wrote
// (without a declaration) or what Reader.Raw returned. Under OneLine it must
// hold no line feed; Err reports one that does.
func (w *Writer) Raw(b []byte) {
	if w.oneLine && bytes.IndexByte(b, '\n') >= 0 {
		w.fail(errors.New("line feed in raw content of a one-line document"))
	}
	if len(w.open) == 0 && len(b) > 0 {
		w.root()
	}
	w.room(len(b))
	w.buf = append(w.buf, b...)
}

// Insert puts b, which must be what Raw asks for, where the content ended when
// Bytes was that long: for what must stand before the content that decides what
// it is.
func (w *Writer) Insert(at int, b []byte) {
	w.room(len(b))
	w.buf = slices.Insert(w.buf, at, b...)
}

// Replaced returns how many characters (or bytes that are no UTF-8) could not
// stand in XML 1.0 and were written as U+FFFD.
func (w *Writer) Replaced() int { return w.replaced }

// Bytes returns the slice given to NewWriter with all that was written since
// appended. It returns that even when Err does not return nil.
func (w *Writer) Bytes() []byte { return w.buf }

// Err returns the first misuse (an end without start, a second root, text
// outside the root, a name that is none, a repeated or unpaired attribute,
// ...), or an error when an element is still open or no root was written.
func (w *Writer) Err() error {
	switch {
	case w.err != nil:
		return w.err
	case len(w.open) > 0:
		return fmt.Errorf("xml writer: element %s is not closed", w.open[len(w.open)-1])
	case !w.rooted:
		return errors.New("xml writer: no root element")
	}
	return nil
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = fmt.Errorf("xml writer: %w", err)
	}
}

// root notes that content was written at the top, which may happen once.
func (w *Writer) root() {
	if w.rooted {
		w.fail(errors.New("second root element"))
	}
	w.rooted = true
}

// tag writes a start tag up to, not including, its closing bracket.
func (w *Writer) tag(name string, attrs []string) {
	if len(w.open) == 0 {
		w.root()
	}
	w.checkName(name)
	w.room(len(name) + 2)
	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, name...)
	if len(attrs)%2 != 0 {
		w.fail(fmt.Errorf("element %s has an attribute without a value", name))
		attrs = attrs[:len(attrs)-1]
	}
	for i := 0; i < len(attrs); i += 2 {
		w.checkName(attrs[i])
		for j := 0; j < i; j += 2 {
			if attrs[j] == attrs[i] {
				w.fail(fmt.Errorf("element %s repeats attribute %s", name, attrs[i]))
			}
		}
		w.buf = append(w.buf, ' ')
		w.buf = append(w.buf, attrs[i]...)
		w.buf = append(w.buf, '=', '"')
		w.escape(attrs[i+1], true)
		w.buf = append(w.buf, '"')
	}
}

func (w *Writer) checkName(name string) {
	if plainName(name) {
		return
	}
	if end, _, ok := scanName(name, 0); !ok || end != len(name) || !utf8.ValidString(name) {
		w.fail(errors.New("name is not a qualified XML name"))
	}
}

// plainName reports a name of letters, digits and underscores alone, as nearly
// all are, without the whole of the XML productions.
func plainName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if l := c | 0x20; (l < 'a' || l > 'z') && c != '_' && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// room makes place for n more bytes and for what usually follows. It doubles,
// where append grows a long slice by a quarter and copies a large message a
// dozen times.
func (w *Writer) room(n int) {
	const usual = 256
	if cap(w.buf)-len(w.buf) >= n+usual {
		return
	}
	grown := make([]byte, len(w.buf), 2*cap(w.buf)+n+4*usual)
	copy(grown, w.buf)
	w.buf = grown
}

// verbatim marks by a 1 the bytes that stand for themselves in text and
// attributes.
var verbatim = func() (table [256]uint8) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		if !strings.ContainsRune("&<>\"", c) {
			table[c] = 1
		}
	}
	return table
}()

// escape appends s as text, or as an attribute value.
func (w *Writer) escape(s string, attribute bool) {
	w.room(len(s))
	from := 0
	for i := 0; ; {
		for i+4 <= len(s) && verbatim[s[i]]&verbatim[s[i+1]]&verbatim[s[i+2]]&verbatim[s[i+3]] != 0 {
			i += 4
		}
		for i < len(s) && verbatim[s[i]] != 0 {
			i++
		}
		if i == len(s) {
			break
		}
		size, with := 1, ""
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
				with = "\uFFFD"
				w.replaced++
			}
		case c >= ' ':
			switch c {
			case '&':
				with = "&amp;"
			case '<':
				with = "&lt;"
			case '>':
				with = "&gt;"
			case '"':
				if attribute {
					with = "&quot;"
				}
			}
		case c == '\r':
			with = "&#13;"
		case c == '\n':
			if attribute || w.oneLine {
				with = "&#10;"
			}
		case c == '\t':
			if attribute {
				with = "&#9;"
			}
		default:
			with = "\uFFFD"
			w.replaced++
		}
		if with != "" {
			w.buf = append(append(w.buf, s[from:i]...), with...)
			from = i + size
		}
		i += size
	}
	w.buf = append(w.buf, s[from:]...)
}

// blank reports whether s holds nothing but XML white space.
func blank(s string) bool { return strings.Trim(s, " \t\r\n") == "" }
