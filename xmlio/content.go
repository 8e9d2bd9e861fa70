package xmlio

import "strings"

// The functions of this file walk content that the Reader has scanned and
// found well-formed; they check nothing.

// piece is what stands at one place of content.
type piece struct {
	kind  byte   // 't' text, 'c' CDATA, '-' comment, '<' start tag, '/' end tag
	inner string // of text and CDATA: the data; of a tag: all between its brackets
	empty bool   // empty element tag
}

// cut splits the first piece off content that is not empty.
func cut(s string) (piece, string) {
	switch {
	case s[0] != '<':
		n := strings.IndexByte(s, '<')
		if n < 0 {
			n = len(s)
		}
		return piece{kind: 't', inner: s[:n]}, s[n:]
	case strings.HasPrefix(s, "<!--"):
		return piece{kind: '-'}, s[strings.Index(s, "-->")+len("-->"):]
	case strings.HasPrefix(s, "<!["):
		n := strings.Index(s, "]]>")
		return piece{kind: 'c', inner: s[len("<![CDATA["):n]}, s[n+len("]]>"):]
	case s[1] == '/':
		n := strings.IndexByte(s, '>')
		return piece{kind: '/', inner: s[2:n]}, s[n+1:]
	}
	n, quote := 1, byte(0)
	for ; quote != 0 || s[n] != '>'; n++ {
		switch c := s[n]; {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	p := piece{kind: '<', inner: s[1:n], empty: s[n-1] == '/'}
	if p.empty {
		p.inner = s[1 : n-1]
	}
	return p, s[n+1:]
}

// appendRun appends the data of a stretch without tags in it.
func appendRun(b []byte, s string) []byte {
	for s != "" {
		var p piece
		switch p, s = cut(s); p.kind {
		case 't':
			b = appendText(b, p.inner)
		case 'c':
			b = appendCDATA(b, p.inner)
		}
	}
	return b
}

// appendOwnText appends the data of content, that of child elements left out.
func appendOwnText(b []byte, s string) []byte {
	depth := 0
	for s != "" {
		var p piece
		switch p, s = cut(s); {
		case p.kind == '<' && !p.empty:
			depth++
		case p.kind == '/':
			depth--
		case depth > 0:
		case p.kind == 't':
			b = appendText(b, p.inner)
		case p.kind == 'c':
			b = appendCDATA(b, p.inner)
		}
	}
	return b
}

// isXMLSpace is what parts words: a no-break space is no white space of XML
// and stays.
func isXMLSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func joinWords(s string) string { return strings.Join(strings.FieldsFunc(s, isXMLSpace), " ") }

// phrase builds what Words returns.
type phrase struct {
	b       []byte
	labeled bool // the last thing written is a label that awaits its content
	data    []byte
}

// separate writes what parts the next item from the last.
func (w *phrase) separate() {
	switch {
	case w.labeled:
		w.b = append(w.b, ": "...)
	case len(w.b) > 0:
		w.b = append(w.b, "; "...)
	}
	w.labeled = false
}

// item writes one name with its value.
func (w *phrase) item(label, value string) {
	w.separate()
	w.b = append(w.b, label...)
	if value = joinWords(value); value != "" {
		w.b = append(append(w.b, ": "...), value...)
	}
}

// flush writes the character data gathered so far.
func (w *phrase) flush() {
	if text := joinWords(string(w.data)); text != "" {
		w.separate()
		w.b = append(w.b, text...)
	}
	w.data = w.data[:0]
}

// content writes the content of one element.
func (w *phrase) content(s string, attributes bool) {
	for s != "" {
		var p piece
		switch p, s = cut(s); p.kind {
		case 't':
			w.data = appendText(w.data, p.inner)
		case 'c':
			w.data = appendCDATA(w.data, p.inner)
		case '/':
			w.flush()
			w.labeled = false
		case '<':
			w.flush()
			w.separate()
			n := strings.IndexAny(p.inner, " \t\r\n")
			if n < 0 {
				n = len(p.inner)
			}
			w.b = append(w.b, localName(p.inner[:n])...)
			w.labeled = true
			if attributes {
				w.attributes(p.inner[n:])
			}
			if p.empty {
				w.labeled = false
			}
		}
	}
	w.flush()
}

// attributes writes the attributes of a start tag.
func (w *phrase) attributes(s string) {
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		name, rest, found := strings.Cut(s, "=")
		if !found {
			return
		}
		rest = strings.TrimLeft(rest, " \t\r\n")
		n := 1 + strings.IndexByte(rest[1:], rest[0])
		if name = strings.TrimRight(name, " \t\r\n"); name != "xmlns" && !strings.HasPrefix(name, "xmlns:") {
			w.item(localName(name), attributeValue(rest[1:n]))
		}
		s = rest[n+1:]
	}
}

func localName(raw string) string { return raw[strings.IndexByte(raw, ':')+1:] }
