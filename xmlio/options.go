package xmlio

import (
	"fmt"
	"strings"
)

// Limits bounds what one document may cost. The zero value of a field means
// its default. Sizes are in bytes of UTF-8. The defaults are those of safety
// §2.6 SE-08, except Bytes, which is the record limit of the product.
type Limits struct {
	Bytes          int // whole document, as received and again as decoded: 8 MiB
	Depth          int // elements open at once, the root included: 64
	Attributes     int // attributes of one element, namespace declarations included: 64
	AttributeBytes int // one attribute value, after references are resolved: 64 KiB
	TextBytes      int // one text node, after references are resolved: 4 MiB
	Elements       int // elements of the document: 500,000
	NameBytes      int // one qualified name: 256
	// Entries bounds the entries that Options.Count finds, and the children of
	// one element: an entry of a few bytes costs its reader a hundred times that
	// in memory. One for 160 bytes of Bytes, which is 52,428, and no fewer than
	// 10,000. The entries of real records are several times as long.
	Entries int

	// Ratio is the largest accepted decoded size over size on the wire: 20.
	// The Reader never decompresses and does not use it; it stands here so
	// that one struct holds every limit.
	Ratio int
}

const (
	bytesOfEntry = 160
	leastEntries = 10_000
)

// DefaultLimits returns the limits a zero Limits stands for.
func DefaultLimits() Limits {
	return Limits{
		Bytes:          8 << 20,
		Depth:          64,
		Attributes:     64,
		AttributeBytes: 64 << 10,
		TextBytes:      4 << 20,
		Elements:       500_000,
		NameBytes:      256,
		Entries:        (8 << 20) / bytesOfEntry,
		Ratio:          20,
	}
}

// withDefaults returns l with every field that is not positive replaced by
// its default: a limit cannot be switched off by accident.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.Bytes > 0 {
		d.Entries = max(leastEntries, l.Bytes/bytesOfEntry)
	}
	for _, f := range []struct{ field, standard *int }{
		{&l.Bytes, &d.Bytes},
		{&l.Depth, &d.Depth},
		{&l.Attributes, &d.Attributes},
		{&l.AttributeBytes, &d.AttributeBytes},
		{&l.TextBytes, &d.TextBytes},
		{&l.Elements, &d.Elements},
		{&l.NameBytes, &d.NameBytes},
		{&l.Entries, &d.Entries},
		{&l.Ratio, &d.Ratio},
	} {
		if *f.field <= 0 {
			*f.field = *f.standard
		}
	}
	return l
}

// EntryPath declares one way an entry of a record stands in a document. The
// Reader counts the elements that match it by itself, whatever the codec does
// with them.
//
// For one element only the first EntryPath of Options.Count that matches
// counts.
type EntryPath struct {
	// Path is the slash separated local names from the root down to the
	// entry, in whatever namespace. The step "**" matches any chain of zero or
	// more elements: "**/MedicalRecord/EventList/Event" finds the entries
	// under whatever envelope.
	Path string
	// Child, when not empty, makes the match depend on a direct child element
	// of this local name. Any one of several such children will do. With "@" in
	// front it is an attribute of the entry's own, without a namespace.
	Child string
	// Value says what that child must hold: "" some text that is not blank,
	// "*" anything or nothing, any other value exactly that as its own text,
	// trimmed of white space.
	Value string
}

// Options says how a document is read. The zero value reads with the default
// limits, no charset stated by the transport and nothing counted.
type Options struct {
	Limits  Limits
	Charset string // the charset the transport stated; "" when it stated none
	Count   []EntryPath
}

// Name is the name of an element or attribute. Space is the URI of its
// namespace, "" for none; a prefix is never part of a Name.
type Name struct{ Space, Local string }

// Position is a place in the document as decoded to UTF-8 and without its
// byte order mark. Line and Column count from 1 and Offset from 0; Column and
// Offset count bytes, and only a line feed begins a line.
type Position struct{ Line, Column, Offset int }

// String returns "line:column".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Fault says in one word why a document was refused. The set is closed.
type Fault string

// The faults.
const (
	FaultNotWellFormed Fault = "not-well-formed" // a rule of XML 1.0 is broken, or a processing instruction is present
	FaultTruncated     Fault = "truncated"       // the document ends before it is complete
	FaultDoctype       Fault = "doctype"         // a document type declaration is present
	FaultCharset       Fault = "charset"         // charset not supported, contradicted, or bytes that are not of it
	FaultTooLarge      Fault = "too-large"       // Limits.Bytes exceeded
	FaultLimit         Fault = "limit"           // any other limit exceeded
	FaultNamespace     Fault = "namespace"       // a rule of Namespaces in XML is broken
	FaultEmpty         Fault = "empty"           // nothing but white space
	FaultNotXML        Fault = "not-xml"         // the first character is not "<"
	FaultCancelled     Fault = "cancelled"       // the context ended while reading
)

// Error is the reason a document was refused. It holds names and positions of
// the document, never its text, so that it can be logged.
type Error struct {
	Fault  Fault
	Pos    Position
	Path   string // of the innermost element whose start tag was whole, as Reader.Path
	Detail string

	cause error
}

// Error returns fault, place and detail in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "xml %s at %s", e.Fault, e.Pos)
	if e.Path != "" {
		fmt.Fprintf(&b, " in %s", e.Path)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	return b.String()
}

// Unwrap returns the error of the context when Fault is FaultCancelled.
func (e *Error) Unwrap() error { return e.cause }
