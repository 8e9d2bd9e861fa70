package xmlio

import (
	"strings"
	"unicode/utf8"
)

// startTag scans a start tag or empty element tag and makes its element the
// current one.
func (r *Reader) startTag() token {
	s, start := r.s, r.pos
	fresh := start >= r.mark
	if len(r.frames) >= r.limits.Depth {
		r.fail(start, FaultLimit, "elements are nested too deep")
		return tokenFault
	}
	if fresh {
		if r.elements++; r.elements > r.limits.Elements {
			r.fail(start, FaultLimit, "too many elements")
			return tokenFault
		}
	}
	raw, colon, ok := r.name(start + 1)
	if !ok {
		return tokenFault
	}
	firstAttr, firstBinding := len(r.attrs), len(r.bindings)
	prefixed, empty, space := colon >= 0, false, r.defaultSpace()
	i := start + 1 + len(raw)
	for {
		from := i
		i = skipSpace(s, i)
		if i == len(s) {
			r.fail(i, FaultTruncated, "")
			return tokenFault
		}
		if s[i] == '>' {
			i++
			break
		}
		if s[i] == '/' {
			if i++; i == len(s) || s[i] != '>' {
				r.broken(i, "malformed empty element tag")
				return tokenFault
			}
			i++
			empty = true
			break
		}
		if i == from {
			r.fail(i, FaultNotWellFormed, "white space or end of tag expected")
			return tokenFault
		}
		if len(r.attrs)-firstAttr+len(r.bindings)-firstBinding >= r.limits.Attributes {
			r.fail(i, FaultLimit, "too many attributes")
			return tokenFault
		}
		var a attribute
		at := i
		if a, i, ok = r.attribute(i); !ok {
			return tokenFault
		}
		switch {
		case a.raw == "xmlns":
			if !r.bind(at, firstBinding, "", a.value) {
				return tokenFault
			}
			space = a.value
		case strings.HasPrefix(a.raw, "xmlns:"):
			if !r.bind(at, firstBinding, a.raw[len("xmlns:"):], a.value) {
				return tokenFault
			}
		default:
			prefixed = prefixed || a.colon >= 0
			r.attrs = append(r.attrs, a)
		}
	}

	name := Name{space, raw}
	if prefixed {
		if name, ok = r.resolve(start, raw, colon, space); !ok {
			return tokenFault
		}
	}
	if len(r.attrs) > firstAttr && !r.resolveAttributes(start, firstAttr, prefixed) {
		return tokenFault
	}
	r.pos = i
	f := r.push(name)
	if r.err != nil {
		return tokenFault
	}
	f.raw, f.space, f.start, f.body, f.empty = raw, space, start, i, empty
	f.attrs, f.attrsEnd, f.bindings = firstAttr, len(r.attrs), firstBinding
	if r.counter.active() && fresh {
		if r.countStart(f); r.err != nil {
			return tokenFault
		}
	}
	if empty {
		r.close(f, i)
	}
	return tokenStart
}

// defaultSpace is the default namespace inside the current element.
func (r *Reader) defaultSpace() string {
	if len(r.frames) == 0 {
		return ""
	}
	return r.frames[len(r.frames)-1].space
}

// push adds a frame for a child of the current element.
func (r *Reader) push(name Name) *frame {
	ordinal := 1
	if len(r.frames) > 0 {
		parent := &r.frames[len(r.frames)-1]
		if parent.children++; parent.children > r.limits.Entries {
			r.fail(r.pos, FaultLimit, "too many children of one element")
		}
		ordinal = r.ordinal(parent, name)
	}
	if len(r.frames) == cap(r.frames) {
		r.frames = append(r.frames, frame{})
	} else {
		r.frames = r.frames[:len(r.frames)+1]
	}
	f := &r.frames[len(r.frames)-1]
	*f = frame{} // in place: a frame is large and there is one for every element
	f.name, f.ordinal = name, ordinal
	f.siblings, f.states, f.pending = len(r.siblings), len(r.counter.states), len(r.counter.pending)
	return f
}

// ordinal counts one more child of that name. Siblings mostly come in runs of
// one name or in the order of a schema, so the search begins at the name met
// last; the number of names searched is bounded, a map takes over from there.
func (r *Reader) ordinal(parent *frame, name Name) int {
	names := r.siblings[parent.siblings:]
	for n, i := 0, parent.latest; n < len(names); n++ {
		if i >= len(names) {
			i = 0
		}
		if known := &names[i]; known.name.Local == name.Local && known.name.Space == name.Space {
			parent.latest = i
			known.count++
			return known.count
		}
		i++
	}
	if len(names) < trackedNames {
		parent.latest = len(names)
		r.siblings = append(r.siblings, sibling{name, 1})
		return 1
	}
	if parent.more == nil {
		parent.more = map[Name]int{}
	}
	parent.more[name]++
	if len(parent.more) > maxNames {
		r.fail(r.pos, FaultLimit, "too many different names among siblings")
	}
	return parent.more[name]
}

// name scans a qualified name and checks its length.
func (r *Reader) name(i int) (raw string, colon int, ok bool) {
	end, colon, ok := scanName(r.s, i)
	switch {
	case !ok && end < len(r.s) && colon >= 0:
		r.fail(end, FaultNamespace, "malformed qualified name")
	case !ok:
		r.broken(end, "malformed name")
	case end-i > r.limits.NameBytes:
		r.fail(i, FaultLimit, "name is too long")
		return "", 0, false
	case colon >= 0:
		colon -= i
	}
	return r.s[i:end], colon, ok
}

// attribute scans one attribute and returns the offset after it.
func (r *Reader) attribute(i int) (a attribute, end int, ok bool) {
	s := r.s
	if a.raw, a.colon, ok = r.name(i); !ok {
		return a, 0, false
	}
	i = skipSpace(s, i+len(a.raw))
	if i == len(s) || s[i] != '=' {
		r.broken(i, "attribute without a value")
		return a, 0, false
	}
	i = skipSpace(s, i+1)
	if i == len(s) || s[i] != '"' && s[i] != '\'' {
		r.broken(i, "attribute value is not quoted")
		return a, 0, false
	}
	quote := s[i]
	i++
	start, plain, saved := i, true, 0
	for {
		for i < len(s) && classes[s[i]]&classValue == 0 {
			i++
		}
		if i == len(s) {
			r.fail(i, FaultTruncated, "")
			return a, 0, false
		}
		if s[i] == quote {
			break
		}
		switch s[i] {
		case '<':
			r.fail(i, FaultNotWellFormed, "< in an attribute value")
			return a, 0, false
		case '&':
			c, after, ok := scanReference(s, i)
			if !ok {
				r.broken(after, "reference to an undeclared entity or to no character")
				return a, 0, false
			}
			saved += after - i - utf8.RuneLen(c)
			plain, i = false, after
			continue
		case '\t', '\n':
			plain = false
		case '\r':
			plain = false
			if i+1 < len(s) && s[i+1] == '\n' {
				saved++
			}
		}
		i++
	}
	if i-start-saved > r.limits.AttributeBytes {
		r.fail(start, FaultLimit, "attribute value exceeds the size limit")
		return a, 0, false
	}
	if a.value = s[start:i]; !plain {
		a.value = attributeValue(a.value)
	}
	return a, i + 1, true
}

// bind adds a namespace declaration of the element being opened, whose own
// declarations begin at index first.
func (r *Reader) bind(at, first int, prefix, uri string) bool {
	switch {
	case prefix == "xmlns",
		uri == xmlnsNamespace,
		(prefix == "xml") != (uri == xmlNamespace):
		r.fail(at, FaultNamespace, "reserved prefix or namespace is declared")
		return false
	case prefix != "" && uri == "":
		r.fail(at, FaultNamespace, "prefix is declared without a namespace")
		return false
	case len(r.bindings) >= maxBindings:
		r.fail(at, FaultLimit, "too many namespace declarations in scope")
		return false
	}
	for _, b := range r.bindings[first:] {
		if b.prefix == prefix {
			r.fail(at, FaultNotWellFormed, "attribute is repeated")
			return false
		}
	}
	r.bindings = append(r.bindings, binding{prefix, uri})
	return true
}

// resolve expands a qualified name; unprefixed is the namespace of a name
// without a prefix.
func (r *Reader) resolve(at int, raw string, colon int, unprefixed string) (Name, bool) {
	if colon < 0 {
		return Name{unprefixed, raw}, true
	}
	prefix, local := raw[:colon], raw[colon+1:]
	for i := len(r.bindings) - 1; i >= 0; i-- {
		if r.bindings[i].prefix == prefix {
			return Name{r.bindings[i].uri, local}, true
		}
	}
	if prefix == "xml" {
		return Name{xmlNamespace, local}, true
	}
	r.fail(at, FaultNamespace, "prefix is not declared")
	return Name{}, false
}

// resolveAttributes expands the names of the attributes from index first on
// and refuses one that is repeated, by its written or its expanded name.
func (r *Reader) resolveAttributes(at, first int, prefixed bool) bool {
	attrs := r.attrs[first:]
	for i := range attrs {
		a := &attrs[i]
		a.name.Local = a.raw
		if prefixed {
			var ok bool
			if a.name, ok = r.resolve(at, a.raw, a.colon, ""); !ok {
				return false
			}
		}
		for j := range attrs[:i] {
			if attrs[j].name.Local == a.name.Local && attrs[j].name.Space == a.name.Space {
				r.fail(at, FaultNotWellFormed, "attribute is repeated")
				return false
			}
		}
	}
	return true
}
