package xmlio

import (
	"context"
	"strings"
	"unicode/utf8"
)

const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"

	maxBindings   = 256  // namespace declarations in scope at once
	trackedNames  = 64   // distinct names of siblings before a map takes over
	maxNames      = 4096 // distinct names of siblings in that map
	checkInterval = 4096 // tokens between two looks at the context
)

// Reader reads one document. It stands on one element at a time, the current
// element; after a fault it stands still and Err tells why.
//
// An element may be read more than once while it is the current one: Text and
// then Words, or Children twice. Nothing is counted twice.
//
// A Reader is not safe for use by several goroutines.
type Reader struct {
	ctx    context.Context
	s      string // the whole document in UTF-8, without byte order mark
	pos    int    // next byte to scan
	mark   int    // up to here the document has been scanned and counted
	limits Limits
	err    *Error

	frames   []frame // open elements, the current one last
	attrs    []attribute
	bindings []binding
	siblings []sibling

	run      run // the character data next has just met
	textSize int // decoded size of the current text node

	elements int
	entries  int
	tokens   int
	mixed    bool
	counter  counter
	place    place
}

// frame is one element on the way from the root to the current element. The
// frame of an element stays until its parent moves on, so that the element
// can still be asked for its name, attributes and content once it is read.
type frame struct {
	name  Name
	raw   string // qualified name as written
	space string // default namespace inside
	start int    // offset of its start tag
	body  int    // offset after its start tag
	tail  int    // offset of its end tag
	end   int    // offset after its end tag

	runs     int // stretches of character data directly inside
	text     run // the first of them
	children int
	empty    bool // empty element tag
	done     bool // read to its end
	data     bool // no element: the character data text

	ordinal int // which of its siblings of the same name, from 1
	latest  int // index in siblings of the latest child's name
	more    map[Name]int

	// What belongs to this element begins here in the stacks of the Reader.
	attrs, bindings, siblings, states, pending int
	attrsEnd                                   int
}

type attribute struct {
	name  Name
	raw   string
	colon int
	value string
}

type binding struct{ prefix, uri string }

// sibling counts the children of one name.
type sibling struct {
	name  Name
	count int
}

// run is character data without an element in between.
type run struct {
	lo, hi int
	plain  bool // s[lo:hi] is the data as it is
	blank  bool
}

type token int

const (
	tokenFault token = iota
	tokenText
	tokenStart
	tokenEnd
)

// Open checks the charset and what stands before the root element, and
// returns a Reader that stands on the root. The error is an *Error.
func Open(ctx context.Context, doc []byte, o Options) (*Reader, error) {
	r := &Reader{ctx: ctx, limits: o.Limits.withDefaults()}
	if err := ctx.Err(); err != nil {
		r.cancel(err)
		return nil, r.err
	}
	s, length, wrong := decode(doc, o.Charset, r.limits.Bytes)
	if r.s = s; wrong != nil {
		r.fail(wrong.offset, wrong.fault, wrong.detail)
		return nil, r.err
	}
	r.counter.compile(o.Count)
	r.pos = length
	if !r.misc() {
		return nil, r.err
	}
	r.startTag()
	if r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// misc skips comments and white space outside the root element. It returns
// true before a tag, and false at the end of the document or a fault.
func (r *Reader) misc() bool {
	for {
		r.pos = skipSpace(r.s, r.pos)
		switch {
		case r.pos == len(r.s):
			if len(r.frames) == 0 {
				r.fail(r.pos, FaultTruncated, "no root element")
			}
			return false
		case r.s[r.pos] != '<':
			r.fail(r.pos, FaultNotWellFormed, "character data outside the root element")
			return false
		case r.pos+1 == len(r.s):
			r.fail(r.pos+1, FaultTruncated, "")
			return false
		case r.s[r.pos+1] == '!':
			if !r.comment() {
				return false
			}
		case r.s[r.pos+1] == '?':
			r.fail(r.pos, FaultNotWellFormed, "processing instruction")
			return false
		default:
			return true
		}
	}
}

// next scans one token inside the current element, which must not be done.
func (r *Reader) next() token {
	if r.err != nil || !r.tick() {
		return tokenFault
	}
	found, ok := r.plainRun()
	if !ok {
		found, ok = r.characters()
	}
	if !ok {
		return tokenFault
	}
	if found {
		f := &r.frames[len(r.frames)-1]
		if f.runs == 0 {
			f.text = r.run
		}
		f.runs++
		return tokenText
	}
	switch r.s[r.pos+1] {
	case '/':
		return r.endTag()
	case '?':
		r.fail(r.pos, FaultNotWellFormed, "processing instruction")
		return tokenFault
	}
	return r.startTag()
}

// tick looks at the context now and then.
func (r *Reader) tick() bool {
	if r.tokens++; r.tokens%checkInterval == 0 {
		if err := r.ctx.Err(); err != nil {
			r.cancel(err)
			return false
		}
	}
	return true
}

// plainRun is characters for the common case: no reference, carriage return,
// bracket, comment or CDATA section before the next tag. It reports not ok,
// having done nothing, when the case is another.
func (r *Reader) plainRun() (found, ok bool) {
	s, i := r.s, r.pos
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t') {
		i++
	}
	data := i
	for i < len(s) && classes[s[i]]&classText == 0 {
		i++
	}
	if i+1 >= len(s) || s[i] != '<' || s[i+1] == '!' || i-r.pos > r.limits.TextBytes {
		return false, false
	}
	r.run = run{lo: r.pos, hi: i, plain: true, blank: data == i}
	r.pos = i
	return r.run.lo < i, true
}

// characters scans character data, CDATA sections and comments up to the next
// tag, of which at least two bytes are there, and sets r.run. It reports
// whether there was any data, and whether all went well.
func (r *Reader) characters() (found, ok bool) {
	r.run = run{lo: r.pos, hi: r.pos, plain: true, blank: true}
	r.textSize = 0
	chunks := 0
	from := r.pos
	for {
		if r.pos == len(r.s) {
			r.fail(r.pos, FaultTruncated, "")
			return false, false
		}
		if r.s[r.pos] != '<' {
			lo := r.pos
			if !r.plainText() {
				return false, false
			}
			chunks++
			r.run.lo, r.run.hi = lo, r.pos
			continue
		}
		if r.pos+1 == len(r.s) {
			r.fail(r.pos+1, FaultTruncated, "")
			return false, false
		}
		if r.s[r.pos+1] != '!' {
			break
		}
		if !strings.HasPrefix(r.s[r.pos:], "<![") {
			if !r.comment() {
				return false, false
			}
			continue
		}
		at := r.pos
		lo, hi, ok := r.cdata()
		if !ok {
			return false, false
		}
		chunks++
		if r.run.lo, r.run.hi = lo, hi; !r.run.plain {
			r.run.lo, r.run.hi = at, r.pos
		}
	}
	if chunks > 1 {
		r.run.lo, r.run.hi, r.run.plain = from, r.pos, false
	}
	return chunks > 0, true
}

// plainText scans character data up to the next markup.
func (r *Reader) plainText() bool {
	s, i := r.s, r.pos
	start, saved := i, 0 // saved: bytes by which the decoded text is shorter
	i = skipSpace(s, i)
	if i > start && strings.IndexByte(s[start:i], '\r') >= 0 {
		r.run.plain = false
		saved += strings.Count(s[start:i], "\r\n")
	}
	for {
		from := i
		for i < len(s) && classes[s[i]]&classText == 0 {
			i++
		}
		if r.run.blank && skipSpace(s, from) < i {
			r.run.blank = false
		}
		if i == len(s) || s[i] == '<' {
			break
		}
		switch s[i] {
		case '&':
			c, end, ok := scanReference(s, i)
			if !ok {
				r.broken(end, "reference to an undeclared entity or to no character")
				return false
			}
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				r.run.blank = false
			}
			r.run.plain = false
			saved += end - i - utf8.RuneLen(c)
			i = end
		case ']':
			if strings.HasPrefix(s[i:], "]]>") {
				r.fail(i, FaultNotWellFormed, "]]> in character data")
				return false
			}
			r.run.blank = false
			i++
		case '\r':
			r.run.plain = false
			if i++; i < len(s) && s[i] == '\n' {
				saved++
			}
		}
	}
	r.pos = i
	return r.addText(start, i-start-saved)
}

// addText adds to the size of the current text node.
func (r *Reader) addText(at, size int) bool {
	if r.textSize += size; r.textSize > r.limits.TextBytes {
		r.fail(at, FaultLimit, "text node exceeds the size limit")
		return false
	}
	return true
}

// cdata scans a CDATA section and returns where its inside begins and ends.
func (r *Reader) cdata() (lo, hi int, ok bool) {
	const open = "<![CDATA["
	if !r.expect(open) {
		return 0, 0, false
	}
	lo = r.pos + len(open)
	n := strings.Index(r.s[lo:], "]]>")
	if n < 0 {
		r.fail(len(r.s), FaultTruncated, "in a CDATA section")
		return 0, 0, false
	}
	hi = lo + n
	inside, saved := r.s[lo:hi], 0
	if strings.IndexByte(inside, '\r') >= 0 {
		r.run.plain = false
		saved = strings.Count(inside, "\r\n")
	}
	if skipSpace(inside, 0) < len(inside) {
		r.run.blank = false
	}
	at := r.pos
	r.pos = hi + len("]]>")
	return lo, hi, r.addText(at, n-saved)
}

// comment skips the comment at "<!". Whatever else may stand there is refused,
// a document type declaration by its own fault.
func (r *Reader) comment() bool {
	const open = "<!--"
	if !r.expect(open) || !r.tick() {
		return false
	}
	n := strings.Index(r.s[r.pos+len(open):], "--")
	if n < 0 {
		r.fail(len(r.s), FaultTruncated, "in a comment")
		return false
	}
	end := r.pos + len(open) + n + len("--")
	if end == len(r.s) || r.s[end] != '>' {
		r.broken(end, "-- in a comment")
		return false
	}
	r.pos = end + 1
	return true
}

// expect refuses the document when it does not go on with the given markup.
func (r *Reader) expect(markup string) bool {
	rest := r.s[r.pos:]
	if strings.HasPrefix(rest, markup) {
		return true
	}
	const doctype = "<!DOCTYPE"
	switch {
	case len(rest) >= len(doctype) && strings.EqualFold(rest[:len(doctype)], doctype):
		r.fail(r.pos, FaultDoctype, "document type declaration")
	case len(rest) < len(doctype) && (strings.HasPrefix(markup, rest) || strings.EqualFold(doctype[:len(rest)], rest)):
		r.fail(len(r.s), FaultTruncated, "")
	default:
		r.fail(r.pos, FaultNotWellFormed, "markup that is not allowed here")
	}
	return false
}

// endTag scans the end tag of the current element.
func (r *Reader) endTag() token {
	f := &r.frames[len(r.frames)-1]
	at := r.pos
	i := at + 2
	if strings.HasPrefix(r.s[i:], f.raw) {
		i += len(f.raw)
		if i < len(r.s) && r.s[i] == '>' {
			r.pos = i + 1
			r.close(f, at)
			return tokenEnd
		}
	} else if strings.HasPrefix(f.raw, r.s[i:]) {
		i = len(r.s)
	} else {
		r.fail(at, FaultNotWellFormed, "end tag does not match the start tag")
		return tokenFault
	}
	if i = skipSpace(r.s, i); i >= len(r.s) || r.s[i] != '>' {
		r.broken(i, "end tag does not match the start tag")
		return tokenFault
	}
	r.pos = i + 1
	r.close(f, at)
	return tokenEnd
}

// close notes that element f ended, its end tag being at tail.
func (r *Reader) close(f *frame, tail int) {
	f.tail, f.end, f.done = tail, r.pos, true
	if r.counter.active() && r.pos > r.mark {
		r.countEnd(f)
	}
}

// pop leaves the current element for its parent.
func (r *Reader) pop() {
	f := &r.frames[len(r.frames)-1]
	r.attrs = r.attrs[:f.attrs]
	r.bindings = r.bindings[:f.bindings]
	r.siblings = r.siblings[:f.siblings]
	r.counter.states = r.counter.states[:f.states]
	r.counter.pending = r.counter.pending[:f.pending]
	r.frames = r.frames[:len(r.frames)-1]
}

// finish reads the current element to its end.
func (r *Reader) finish() bool {
	depth := len(r.frames)
	for {
		if top := len(r.frames); r.frames[top-1].done {
			if top == depth {
				return r.err == nil
			}
			r.pop()
		}
		if r.next() == tokenFault {
			return false
		}
	}
}

// rewind makes ready to read the content of the current element, from its
// beginning if it has been read. It reports whether there may be content.
func (r *Reader) rewind() bool {
	f := &r.frames[len(r.frames)-1]
	if r.err != nil || f.data || f.empty {
		return false
	}
	if f.done {
		r.mark = max(r.mark, r.pos)
		r.pos = f.body
		f.done, f.children, f.runs, f.latest, f.more = false, 0, 0, 0, nil
		r.siblings = r.siblings[:f.siblings]
	}
	return true
}

// broken refuses the document at an offset where it goes wrong: truncated
// when that is its end, else not well-formed.
func (r *Reader) broken(offset int, detail string) {
	if offset >= len(r.s) {
		r.fail(len(r.s), FaultTruncated, "")
		return
	}
	r.fail(offset, FaultNotWellFormed, detail)
}

func (r *Reader) fail(offset int, fault Fault, detail string) {
	if r.err != nil {
		return
	}
	r.err = &Error{Fault: fault, Pos: r.place.at(r.s, offset), Path: r.Path(), Detail: detail}
}

func (r *Reader) cancel(cause error) {
	r.fail(r.pos, FaultCancelled, "reading was cancelled")
	r.err.cause = cause
}

// place remembers the last position asked for, so that asking for one
// position after another costs no more than going through the document.
type place struct{ offset, lines, lineStart int }

func (p *place) at(s string, offset int) Position {
	offset = min(offset, len(s))
	if offset >= p.offset {
		if ahead := strings.Count(s[p.offset:offset], "\n"); ahead > 0 {
			p.lines += ahead
			p.lineStart = strings.LastIndexByte(s[:offset], '\n') + 1
		}
	} else if back := strings.Count(s[offset:p.offset], "\n"); back > 0 {
		p.lines -= back
		p.lineStart = strings.LastIndexByte(s[:offset], '\n') + 1
	}
	p.offset = offset
	return Position{Line: p.lines + 1, Column: offset - p.lineStart + 1, Offset: offset}
}
