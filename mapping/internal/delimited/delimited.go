// Package delimited reads the delimited text files that national bodies and suppliers publish: cells parted by a tab or
// a bar without quoting, or by commas with RFC 4180 quoting; LF or CRLF; with or without a byte order mark.
//
// It streams: it holds one line, whatever the size of the file, and every size has a limit. It is a reader of tables of
// codes, not of free text: one row is one line, so a line end inside a quoted cell is a fault, as are a carriage
// return, any other control character and bytes that are not UTF-8. Faults name the line and the remedy, and never
// repeat what a cell holds.
package delimited

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits where Options state none.
const (
	MaxLine  = 64 << 10
	MaxRows  = 20_000_000
	MaxBytes = 4 << 30
)

// Options say what the file looks like and how much of it is read. The zero value is tab-separated with a header row.
type Options struct {
	Comma    byte // what parts the cells; 0 is a tab
	Quoted   bool // RFC 4180: a cell may stand in double quotes, a quote within it doubled
	NoHeader bool // the first line is a row already
	// Width is the number of cells of every row. 0 takes it from the header row, or from the first row where there is none.
	Width int
	// Comment, where set, is given every line that starts with "#" before the header row, without the "#" and the line
	// end. Where nil such a line is a row like any other.
	Comment func(line int, text string)
	// The limits: bytes of one line, rows, bytes of the file; 0 is the package's own.
	MaxLine           int
	MaxRows, MaxBytes int64
}

// Error is what is wrong at one line, and how to mend it.
type Error struct {
	Line       int // from 1; 0 where it is the file's as a whole
	What, Mend string
	// Fatal says that nothing after it can be read. Otherwise only this row is lost, and Next reads on.
	Fatal bool
	cause error
}

// Error is "line N: what; how to mend".
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s; %s", e.Line, e.What, e.Mend) }

// Unwrap is the reader's own error (a context's end, a failing disk), or nil.
func (e *Error) Unwrap() error { return e.cause }

// Reader reads one file. It is not for several goroutines.
type Reader struct {
	in     *bufio.Reader
	o      Options
	header []string
	line   int
	rows   int64
	bytes  int64
	cells  []string
	broken *Error // the fatal error, answered again and again
	done   bool
}

// New starts reading and takes the header row, if there is to be one. An error is always an *Error, and fatal.
func New(r io.Reader, o Options) (*Reader, error) {
	if o.Comma == 0 {
		o.Comma = '\t'
	}
	if o.MaxLine <= 0 {
		o.MaxLine = MaxLine
	}
	if o.MaxRows <= 0 {
		o.MaxRows = MaxRows
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = MaxBytes
	}
	d := &Reader{in: bufio.NewReaderSize(r, max(o.MaxLine+2, 16)), o: o}
	if err := d.mark(); err != nil {
		return nil, err
	}
	if o.NoHeader {
		return d, nil
	}
	return d, d.readHeader()
}

// mark takes the byte order mark of UTF-8 off and refuses the others.
func (r *Reader) mark() error {
	head, _ := r.in.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		r.in.Discard(3)
		r.bytes += 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		r.line = 1
		return r.fatal("UTF-16, not UTF-8", "save the file as UTF-8", nil)
	}
	return nil
}

func (r *Reader) readHeader() error {
	for {
		cells, err := r.read()
		if errors.Is(err, io.EOF) {
			return r.fatal("no header row", "give the file as it was published, its header row first", nil)
		}
		if err != nil {
			var e *Error
			errors.As(err, &e)
			e.Fatal, r.broken = true, e
			return e
		}
		if cells == nil {
			continue // a comment
		}
		for _, cell := range cells {
			r.header = append(r.header, strings.TrimSpace(cell))
		}
		for len(r.header) > 1 && r.header[len(r.header)-1] == "" {
			r.header = r.header[:len(r.header)-1] // a trailing separator
		}
		if r.o.Width == 0 {
			r.o.Width = len(r.header)
		}
		return nil
	}
}

// Header is the header row, without the spaces around its names; nil where the file has none.
func (r *Reader) Header() []string { return r.header }

// Columns finds columns by name, without regard to case. A name may list spellings, "IS_ASSURED|ISASSURED". One that
// starts with "?" need not be there: its position is -1. The error names every column that is missing or there twice.
func (r *Reader) Columns(names ...string) ([]int, error) {
	at := make([]int, len(names))
	var missing, twice []string
	for i, name := range names {
		spellings, optional := strings.CutPrefix(name, "?")
		at[i] = -1
		for j, have := range r.header {
			if !slices.ContainsFunc(strings.Split(spellings, "|"), func(s string) bool { return strings.EqualFold(s, have) }) {
				continue
			}
			if at[i] >= 0 {
				twice = append(twice, spellings)
			}
			at[i] = j
		}
		if at[i] < 0 && !optional {
			missing = append(missing, spellings)
		}
	}
	switch {
	case len(missing) > 0:
		return nil, r.fatal("no column "+strings.Join(missing, ", "), "give the file as it was published, its header row first", nil)
	case len(twice) > 0:
		return nil, r.fatal("two columns "+strings.Join(twice, ", "), "delete the wrong one", nil)
	}
	return at, nil
}

// Next is the next row's cells, as many as the file is wide; empty lines are passed over. The slice is valid until the
// next call, its strings for good; they share one line, so clone what is kept of a large file. The end is io.EOF; any
// other error is an *Error, and after one that is not Fatal the next call reads the row that follows.
func (r *Reader) Next() ([]string, error) {
	for {
		cells, err := r.read()
		if err != nil {
			return nil, err
		}
		if cells == nil {
			continue
		}
		if r.rows++; r.rows > r.o.MaxRows {
			return nil, r.fatal(fmt.Sprintf("more than %d rows", r.o.MaxRows), "check what was copied; no published table is so long", nil)
		}
		if r.o.Width == 0 {
			r.o.Width = len(cells)
		}
		for len(cells) > r.o.Width && cells[len(cells)-1] == "" {
			cells = cells[:len(cells)-1]
		}
		if len(cells) != r.o.Width {
			return nil, r.fault(fmt.Sprintf("%d cells where every row has %d", len(cells), r.o.Width), "restore the row from the published file")
		}
		return cells, nil
	}
}

// Line is the line of the row last read, from 1.
func (r *Reader) Line() int { return r.line }

// Rows is how many rows were read, faulty ones included.
func (r *Reader) Rows() int64 { return r.rows }

// read cuts the next line into cells; nil cells are an empty line or a comment.
func (r *Reader) read() ([]string, error) {
	line, err := r.next()
	if err != nil {
		return nil, err
	}
	if len(line) == 0 {
		return nil, nil
	}
	if r.header == nil && r.o.Comment != nil && !r.o.NoHeader && line[0] == '#' {
		if what, mend := textFault(line, '\t'); what != "" {
			return nil, r.fault(what, mend)
		}
		r.o.Comment(r.line, string(line[1:]))
		return nil, nil
	}
	if what, mend := textFault(line, r.o.Comma); what != "" {
		return nil, r.fault(what, mend)
	}
	if !r.o.Quoted || bytes.IndexByte(line, '"') < 0 {
		r.cells = split(r.cells[:0], string(line), r.o.Comma)
		return r.cells, nil
	}
	return r.unquote(string(line))
}

// next is one line without its end.
func (r *Reader) next() ([]byte, error) {
	if r.broken != nil {
		return nil, r.broken
	}
	if r.done {
		return nil, io.EOF
	}
	line, err := r.in.ReadSlice('\n')
	r.line++
	r.bytes += int64(len(line))
	switch {
	case r.bytes > r.o.MaxBytes:
		return nil, r.fatal(fmt.Sprintf("more than %d bytes", r.o.MaxBytes), "check what was copied; no published table is so large", nil)
	case errors.Is(err, bufio.ErrBufferFull), len(line) > r.o.MaxLine+2:
		return nil, r.fatal(fmt.Sprintf("a line of more than %d bytes", r.o.MaxLine), "check that the file is a table with LF or CRLF line ends", nil)
	case errors.Is(err, io.EOF):
		r.done = true
		if len(line) == 0 {
			r.line--
			return nil, io.EOF
		}
	case err != nil:
		return nil, r.fatal("the file could not be read on", "check the disk and the file's permissions, and try again", err)
	}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), nil
}

// textFault finds what makes a line unreadable as text.
func textFault(line []byte, comma byte) (what, mend string) {
	for i := 0; i < len(line); i++ {
		b := line[i]
		switch {
		case b >= ' ' && b < 0x7f, b == comma:
		case b == '\r':
			return "a carriage return inside a cell", "put the row on one line that ends in LF or CRLF"
		case b < ' ' || b == 0x7f:
			return "a control character", "delete the character"
		default:
			r, size := utf8.DecodeRune(line[i:])
			if r == utf8.RuneError && size == 1 {
				return "not UTF-8", "save the file as UTF-8"
			}
			if r < 0xa0 {
				return "a control character", "delete the character, or save the file as UTF-8 from its own encoding"
			}
			i += size - 1
		}
	}
	return "", ""
}

func split(cells []string, line string, comma byte) []string {
	for {
		i := strings.IndexByte(line, comma)
		if i < 0 {
			return append(cells, line)
		}
		cells = append(cells, line[:i])
		line = line[i+1:]
	}
}

// unquote cuts a line with quotes in it. It is strict: half of a row that a line end broke must not pass for a row.
func (r *Reader) unquote(line string) ([]string, error) {
	cells := r.cells[:0]
	for {
		var cell string
		if !strings.HasPrefix(line, `"`) {
			end := strings.IndexByte(line, r.o.Comma)
			last := end < 0
			if last {
				end = len(line)
			}
			if cell = line[:end]; strings.IndexByte(cell, '"') >= 0 {
				return nil, r.fault("a quote inside a cell without quotes", "put the cell in quotes and double the quote, and keep the row on one line")
			}
			cells = append(cells, cell)
			if r.cells = cells; last {
				return cells, nil
			}
			line = line[end+1:]
			continue
		}
		end, doubled := closing(line)
		if end < 0 {
			return nil, r.fault("a quote that does not close on its line", "keep the row on one line and close the quote")
		}
		if cell = line[1:end]; doubled {
			cell = strings.ReplaceAll(cell, `""`, `"`)
		}
		cells = append(cells, cell)
		if r.cells = cells; end+1 == len(line) {
			return cells, nil
		}
		if line[end+1] != r.o.Comma {
			return nil, r.fault("text after a closing quote", "double the quotes inside the cell")
		}
		line = line[end+2:]
	}
}

// closing finds the quote that closes the cell the line starts with, and whether a doubled one stands before it.
func closing(line string) (end int, doubled bool) {
	for i := 1; i < len(line); i++ {
		if line[i] != '"' {
			continue
		}
		if i+1 < len(line) && line[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		return i, doubled
	}
	return -1, doubled
}

func (r *Reader) fault(what, mend string) *Error {
	return &Error{Line: r.line, What: what, Mend: mend}
}

func (r *Reader) fatal(what, mend string, cause error) *Error {
	r.broken = &Error{Line: r.line, What: what, Mend: mend, Fatal: true, cause: cause}
	return r.broken
}

// Detect tells from the first line of a file what parts its cells: a tab or a bar without quoting, else commas with
// quoting. It only looks; whether the file is what it seems, its header decides.
func Detect(line string) Options {
	switch {
	case strings.Contains(line, "\t"):
		return Options{Comma: '\t'}
	case strings.Count(line, "|") > strings.Count(line, ","):
		return Options{Comma: '|'}
	}
	return Options{Comma: ',', Quoted: true}
}
