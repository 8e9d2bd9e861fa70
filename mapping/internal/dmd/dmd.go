// Package dmd reads the XML files of dm+d, schema version 2 (terminology §1.5), as a stream of records: products, packs and
// steps of history. It judges no identifier and keeps nothing of a file but the record it stands on.
//
// A record is an element with children that are known; its own name and the file's do not matter. There is no DOCTYPE and
// no entity beside XML's own, and every size has a limit, kept while the decoder reads byte by byte. A fault names the
// line and the remedy, and repeats nothing of the file.
package dmd

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits. The published files are four elements deep, and their longest text is a name.
const (
	MaxDepth = 16
	MaxToken = 64 << 10 // bytes of one tag, comment or text
)

// Record is the known children of one element; a field is empty where there is no such child.
type Record struct {
	VTM, VMP, AMP, VMPP, AMPP string // VTMID, VPID, APID, VPPID, APPID: a pack states its product too
	PreviousVTM, PreviousVMP  string // VTMIDPREV, VPIDPREV
	Name, Description         string // NM, DESC
	Invalid                   string // INVALID: "1" is not in use
	Current, Previous         string // IDCURRENT, IDPREVIOUS of f_history1
	Line                      int    // of its end tag

	any bool
}

// field is the place of a child's text, nil for a child of no interest.
func (r *Record) field(name string) *string {
	switch name {
	case "VTMID":
		return &r.VTM
	case "VPID":
		return &r.VMP
	case "APID":
		return &r.AMP
	case "VPPID":
		return &r.VMPP
	case "APPID":
		return &r.AMPP
	case "VTMIDPREV":
		return &r.PreviousVTM
	case "VPIDPREV":
		return &r.PreviousVMP
	case "NM":
		return &r.Name
	case "DESC":
		return &r.Description
	case "INVALID":
		return &r.Invalid
	case "IDCURRENT":
		return &r.Current
	case "IDPREVIOUS":
		return &r.Previous
	}
	return nil
}

// Error is what is wrong at one line, and how to mend it. Nothing after it can be read.
type Error struct {
	Line       int
	What, Mend string
	cause      error
}

// Error is "line N: what; how to mend".
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s; %s", e.Line, e.What, e.Mend) }

// Unwrap is the reader's own error (a context's end, a failing disk), or nil.
func (e *Error) Unwrap() error { return e.cause }

const asPublished = "take the file as it was published"

// Reader reads one file. It is not for several goroutines.
type Reader struct {
	guard *guard
	xml   *xml.Decoder
	open  [MaxDepth]Record // open elements are records until their end shows what they were
	depth int
	root  string
	ended bool
	text  []byte
}

// NewReader reads a file, which may start with a byte order mark.
func NewReader(in io.Reader) *Reader {
	g := &guard{in: bufio.NewReader(in)}
	if head, _ := g.in.Peek(3); string(head) == "\ufeff" {
		g.in.Discard(3)
	}
	return &Reader{guard: g, xml: xml.NewDecoder(g)}
}

// Root is the local name of the document's element, as far as it was read.
func (r *Reader) Root() string { return r.root }

// Line is the line reading has come to, from 1.
func (r *Reader) Line() int {
	line, _ := r.xml.InputPos()
	return line
}

// Next is the next record, valid until the next call. The end is io.EOF; any other error is an *Error.
func (r *Reader) Next() (*Record, error) {
	for {
		r.guard.size = 0
		token, err := r.xml.Token()
		if errors.Is(err, io.EOF) && r.guard.fault == nil && r.ended {
			return nil, io.EOF
		}
		if err != nil {
			return nil, r.failed(err)
		}
		record, err := r.take(token)
		if record != nil || err != nil {
			return record, err
		}
	}
}

func (r *Reader) take(token xml.Token) (*Record, error) {
	switch t := token.(type) {
	case xml.Directive:
		return nil, r.fault("a document type (DOCTYPE)", "take the file as it was published; it has none")
	case xml.StartElement:
		switch {
		case r.ended:
			return nil, r.fault("more after the end", "cut the file after its first document")
		case r.depth == MaxDepth:
			return nil, r.fault(fmt.Sprintf("more than %d elements inside each other", MaxDepth), asPublished)
		case r.depth == 0:
			r.root = t.Name.Local
		}
		r.open[r.depth] = Record{}
		r.depth++
		r.text = r.text[:0]
	case xml.CharData:
		switch {
		case r.depth == 0 && len(strings.TrimSpace(string(t))) > 0:
			return nil, r.fault("text outside the document", asPublished)
		case len(r.text)+len(t) > MaxToken:
			return nil, r.fault(tooLong, asPublished)
		}
		r.text = append(r.text, t...)
	case xml.EndElement:
		return r.end(t.Name.Local)
	}
	return nil, nil
}

// end closes an element: a record, or a child of one.
func (r *Reader) end(name string) (*Record, error) {
	r.depth--
	r.ended = r.depth == 0
	text := r.text
	r.text = r.text[:0]
	closed := &r.open[r.depth]
	if closed.any {
		closed.Line = r.Line()
		return closed, nil
	}
	if r.depth == 0 {
		return nil, nil
	}
	parent := &r.open[r.depth-1]
	field := parent.field(name)
	if field == nil {
		return nil, nil
	}
	if *field != "" {
		return nil, r.fault("two elements "+name+" in one record", "take the file as it was published: nobody can tell which of them holds")
	}
	*field, parent.any = strings.Join(strings.Fields(string(text)), " "), true
	return nil, nil
}

func (r *Reader) fault(what, mend string) error {
	return &Error{Line: r.Line(), What: what, Mend: mend}
}

// failed names an error of the decoder or of what it reads.
func (r *Reader) failed(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(r.guard.fault, errTooLong):
		return r.fault(tooLong, asPublished)
	case r.guard.fault != nil:
		return &Error{Line: r.Line(), What: "the file could not be read on", Mend: "check the disk and the file's permissions, and try again", cause: r.guard.fault}
	case errors.Is(err, io.EOF), errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
		return r.fault("the file ends in the middle", "copy the file again")
	case syntax != nil && strings.Contains(syntax.Msg, "UTF-8"), syntax == nil: // the latter is a declared encoding
		return r.fault("not UTF-8", "save the file as UTF-8")
	}
	return r.fault("not well-formed XML", "copy the file again")
}

const tooLong = "a tag or a text of more than 65536 bytes"

var errTooLong = errors.New(tooLong)

// guard hands the decoder its bytes one by one, so that nothing is read ahead of the token it is at, and only so many for
// each token: the decoder holds a whole one in memory.
type guard struct {
	in    *bufio.Reader
	size  int   // of the token being read
	fault error // ours or the reader's, which goes before the decoder's words for it
}

// Read is never called: the decoder takes ReadByte where there is one.
func (g *guard) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

func (g *guard) ReadByte() (byte, error) {
	b, err := g.in.ReadByte()
	g.size++
	switch {
	case errors.Is(err, io.EOF):
		return 0, io.EOF
	case err != nil:
		g.fault = err
	case g.size > MaxToken:
		g.fault = errTooLong
	}
	return b, g.fault
}
