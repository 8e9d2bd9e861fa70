package formats

import (
	"errors"
	"fmt"
	"io"
)

// Limits of JSON, kept byte by byte before the decoder sees them: it holds a whole string in memory, however long it is.
const (
	maxRun   = 64 << 10 // bytes of one string, number or run of spaces
	maxDepth = 32
)

// guardError is what the guard refuses: why, and how to mend it.
type guardError struct{ what, mend string }

func (e *guardError) Error() string { return e.what }

var (
	errLongRun     = &guardError{fmt.Sprintf("a text of more than %d bytes", maxRun), "check what was copied; no published file has one"}
	errLongElement = &guardError{fmt.Sprintf("an element of more than %d bytes", maxElement), "check what was copied; no published file has one"}
	errTooDeep     = &guardError{"nested too deeply", "check what was copied; no published file is so deep"}
	errTrailing    = &guardError{"more after the end", "cut the file after its first document"}
)

// elementDepth is how deep the elements of a ConceptMap lie: map, groups, group, elements, element. The decoder holds one.
const (
	elementDepth = 5
	maxElement   = 4 << 20
)

// jsonGuard passes JSON on and stops past maxDepth, at any string or number past maxRun and any element past
// maxElement.
type jsonGuard struct {
	in              io.Reader
	run, depth      int
	element         int
	quoted, escaped bool
	err             error
}

func (g *jsonGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.in.Read(p)
	for i := range n {
		if g.err = g.take(p[i]); g.err != nil {
			return i, g.err
		}
	}
	return n, err
}

func (g *jsonGuard) take(b byte) error {
	if g.run++; g.run > maxRun {
		return errLongRun
	}
	if g.depth < elementDepth {
		g.element = 0
	} else if g.element++; g.element > maxElement {
		return errLongElement
	}
	if g.quoted {
		switch {
		case g.escaped:
			g.escaped = false
		case b == '\\':
			g.escaped = true
		case b == '"':
			g.quoted, g.run = false, 0
		}
		return nil
	}
	switch b {
	case '"':
		g.quoted, g.run = true, 0
	case '{', '[':
		if g.depth++; g.depth > maxDepth {
			return errTooDeep
		}
		g.run = 0
	case '}', ']':
		g.depth--
		g.run = 0
	case ',', ':':
		g.run = 0
	}
	return nil
}

// nestedFault is the fault of a nested format that cannot be read on.
func (im *importer) nestedFault(line int, err error) {
	var e *guardError
	switch {
	case errors.As(err, &e):
		im.fault(line, e.what, "nothing after it can be read", e.mend)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		im.fault(line, "the file ends in the middle", "rows are missing without a word", "copy the file again")
	default:
		im.stopped(line, err)
	}
}
