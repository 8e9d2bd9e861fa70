package xmlio

import (
	"iter"
	"strconv"
	"strings"
)

// textName is what Children yields for character data, and the local name the
// Reader then reports.
const textName = "#text"

func (r *Reader) current() *frame { return &r.frames[len(r.frames)-1] }

// Name returns the name of the current element.
func (r *Reader) Name() Name { return r.current().name }

// Attr returns the value of the attribute of that name without a namespace,
// "" when there is none.
func (r *Reader) Attr(local string) string {
	value, _ := r.AttrOK(local)
	return value
}

// AttrOK is Attr, and reports whether the attribute is there.
func (r *Reader) AttrOK(local string) (string, bool) {
	f := r.current()
	for i := f.attrs; i < f.attrsEnd; i++ {
		if a := &r.attrs[i]; a.name.Local == local && a.name.Space == "" {
			return a.value, true
		}
	}
	return "", false
}

// Attrs yields the attributes of the current element in the order they are
// written. Namespace declarations are not attributes; Scope has them.
func (r *Reader) Attrs() iter.Seq2[Name, string] {
	f := r.current()
	attrs := r.attrs[f.attrs:f.attrsEnd]
	return func(yield func(Name, string) bool) {
		for _, a := range attrs {
			if !yield(a.name, a.value) {
				return
			}
		}
	}
}

// Children yields the local name of each child of the current element, the
// Reader standing on that child: "" for a child in another namespace than
// space, "#text" for character data that is not blank and stands directly in
// the element (Text and Words return it).
//
// What the body of the loop does not read of a child is skipped, still checked
// and counted. Loops nest. After break the rest of the element is skipped.
// After a fault all loops end; Err, and at last Close, tells.
func (r *Reader) Children(space string) iter.Seq[string] {
	return func(yield func(string) bool) { r.children(space, yield) }
}

func (r *Reader) children(space string, yield func(string) bool) {
	if !r.rewind() {
		return
	}
	depth := len(r.frames)
	for {
		local := ""
		switch r.next() {
		case tokenText:
			if r.run.blank {
				continue
			}
			local = textName
			if r.pushText(); r.err != nil {
				return
			}
		case tokenStart:
			if name := &r.current().name; name.Space == space {
				local = name.Local
			}
		default:
			return
		}
		more := yield(local)
		if !r.leave(depth) {
			return
		}
		if !more {
			r.finish()
			return
		}
	}
}

// pushText makes the character data just met the current element.
func (r *Reader) pushText() {
	parent := r.current()
	f := frame{
		name: Name{Local: textName}, data: true, done: true, runs: 1, text: r.run,
		space: parent.space, start: r.run.lo, body: r.run.lo, tail: r.run.hi, end: r.run.hi,
		attrs: len(r.attrs), attrsEnd: len(r.attrs), bindings: len(r.bindings),
		siblings: len(r.siblings), states: len(r.counter.states), pending: len(r.counter.pending),
	}
	f.ordinal = r.ordinal(parent, f.name)
	f.siblings = len(r.siblings)
	r.frames = append(r.frames, f)
}

// leave skips what is left of the elements below depth and returns to it.
func (r *Reader) leave(depth int) bool {
	if len(r.frames) < depth {
		return false // closed inside the loop
	}
	for len(r.frames) > depth {
		if !r.finish() {
			return false
		}
		r.pop()
	}
	return !r.frames[depth-1].done
}

// Text reads the current element and returns its own character data, white
// space kept, references resolved, CDATA included, line ends normalised. The
// text of child elements is not merged into it; Mixed tells when there are
// any, and Words returns all.
func (r *Reader) Text() string {
	r.mixed = false
	if !r.finish() {
		return ""
	}
	f := r.current()
	r.mixed = f.children > 0
	return r.ownText(f)
}

// Mixed reports whether the last Text met child elements.
func (r *Reader) Mixed() bool { return r.mixed }

// ownText returns the character data directly inside an element that is done.
func (r *Reader) ownText(f *frame) string {
	switch {
	case f.runs == 0:
		return ""
	case f.runs == 1 && f.text.plain:
		return r.s[f.text.lo:f.text.hi]
	case f.runs == 1:
		return string(appendRun(nil, r.s[f.text.lo:f.text.hi]))
	}
	return string(appendOwnText(nil, r.s[f.body:f.tail]))
}

// Words reads the current element and returns all character data in it in
// order: words joined by single spaces, each child element led by its name,
// "Name: value; Other: value". A child without data stands as its name alone,
// for a name can be the whole statement. For content nobody recognised.
func (r *Reader) Words() string { return r.words(false) }

// WordsAndAttributes is Words with every attribute, the current element's own
// included, set out like a child before the content. Namespace declarations
// are left out.
func (r *Reader) WordsAndAttributes() string { return r.words(true) }

func (r *Reader) words(attributes bool) string {
	if !r.finish() {
		return ""
	}
	f := r.current()
	if f.data || f.empty && !attributes {
		return joinWords(r.ownText(f))
	}
	var w phrase
	if attributes {
		for name, value := range r.Attrs() {
			w.item(name.Local, value)
		}
	}
	w.content(r.s[f.body:f.tail], attributes)
	return string(w.b)
}

// Repeated reports whether an elder sibling of the current element has the
// same name.
func (r *Reader) Repeated() bool { return r.current().ordinal > 1 }

// Skip reads the current element to its end.
func (r *Reader) Skip() { r.finish() }

// Raw reads the current element and returns a copy of its bytes, from the
// start of its start tag to the end of its end tag, as decoded to UTF-8 and
// otherwise untouched. It returns nil after a fault.
func (r *Reader) Raw() []byte {
	if !r.finish() {
		return nil
	}
	f := r.current()
	return []byte(r.s[f.start:f.end])
}

// Scope returns the namespaces in scope on the current element by prefix, ""
// being the default namespace if there is one. The prefix xml is left out,
// unless the document declares it.
func (r *Reader) Scope() map[string]string {
	scope := make(map[string]string, len(r.bindings))
	for _, b := range r.bindings {
		if b.uri == "" {
			delete(scope, b.prefix)
			continue
		}
		scope[b.prefix] = b.uri
	}
	return scope
}

// Position returns where the start tag of the current element begins.
func (r *Reader) Position() Position { return r.place.at(r.s, r.current().start) }

// Path returns the way from the root to the current element by local names,
// each with its ordinal among its siblings of that name unless it is the
// first: "openHealthRecord/healthDomain/event[17]".
func (r *Reader) Path() string {
	var b strings.Builder
	for i := range r.frames {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(r.frames[i].name.Local)
		if n := r.frames[i].ordinal; n > 1 {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(n))
			b.WriteByte(']')
		}
	}
	return b.String()
}

// Err returns the fault met so far, an *Error, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Close reads the rest of the document, which must be well-formed with
// nothing but comments and white space after the root, and returns the first
// fault of the whole reading, an *Error, or nil. The Reader then stands on the
// root.
func (r *Reader) Close() error {
	for r.err == nil {
		if !r.finish() {
			break
		}
		if len(r.frames) == 1 {
			r.pos = max(r.pos, r.mark)
			if r.misc() {
				r.fail(r.pos, FaultNotWellFormed, "second root element")
			}
			break
		}
		r.pop()
	}
	return r.Err()
}

// Counts returns how many elements each entry of Options.Count matched, by its
// index. The counts are complete once Close has returned nil.
func (r *Reader) Counts() []int { return append([]int{}, r.counter.counts...) }
