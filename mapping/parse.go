package mapping

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The columns of a table file, in the order Write gives them; the last three may be missing.
var columnNames = [...]string{"source_code", "source_term_code", "source_term", "target_code", "target_term_code", "target_term",
	"relation", "context", "assured", "reason", "valid_from", "valid_to", "reviewer"}

const (
	columnSource = iota
	columnSourceTermCode
	columnSourceTerm
	columnTarget
	columnTargetTermCode
	columnTargetTerm
	columnRelation
	columnContext
	columnAssured
	columnReason
	columnValidFrom
	columnValidTo
	columnReviewer
	columnCount

	requiredColumns = columnReason + 1
)

// Parse reads one table: comment lines "# key: value", the header row, then tab-separated rows; UTF-8, LF or CRLF.
// It reports every fault at once; with a fault there is no table. The file name serves the messages only. The words of
// the rows stay in memory; ReadFile leaves those of a large file where they are.
func Parse(file string, r io.Reader, o Options) (*Table, []Fault) {
	return parse(file, newLines(r, nil, 0), o)
}

// ReadFile parses a file. That of a large table stays open while the table is in use and must not be written to:
// whoever changes a table replaces its file.
func ReadFile(fsys fs.FS, name string, o Options) (*Table, []Fault) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, []Fault{unreadable(name)}
	}
	again, _ := f.(io.ReaderAt)
	length := int64(0)
	if info, err := f.Stat(); err == nil {
		length = info.Size()
	}
	table, faults := parse(name, newLines(f, again, length), o)
	if table == nil || table.words.file == nil {
		f.Close()
	}
	return table, faults
}

// Load reads every *.tsv of one directory in name order. All faults of all files are reported at once; with a fault
// there are no tables.
func Load(fsys fs.FS, dir string, o Options) ([]*Table, []Fault) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, []Fault{unreadable(dir)}
	}
	var tables []*Table
	var faults []Fault
	for _, entry := range entries { // ReadDir sorts by name
		if entry.IsDir() || path.Ext(entry.Name()) != ".tsv" {
			continue
		}
		table, found := ReadFile(fsys, path.Join(dir, entry.Name()), o)
		tables, faults = append(tables, table), append(faults, found...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return tables, nil
}

func unreadable(name string) Fault {
	return Fault{File: name, What: "cannot be read", Why: "the table would be missing without a word", Mend: "restore the file or its permissions"}
}

// parser gathers one table and its faults.
type parser struct {
	Options
	file   string
	line   int
	table  *Table
	packer packer
	header map[string]bool
	rows   int // read, whatever is wrong with them
	// dated are the days of the rows that state any, by line.
	dated  map[int]days
	counts map[string]*Warning
	warned []string // the keys of counts in the order they were first met
	faults []Fault
}

// rowKey is what identifies a row of a table (DESIGN decision 2).
type rowKey struct {
	value, termCode string
	context         Context
}

func (p *parser) fault(what, why, mend string) {
	p.faults = append(p.faults, Fault{File: p.file, Line: p.line, What: what, Why: why, Mend: mend})
}

// warn counts a warning of one kind; the first place stands for all.
func (p *parser) warn(what, why, mend string) {
	w := p.counts[what]
	if w == nil {
		w = &Warning{Fault: Fault{File: p.file, Line: p.line, What: what, Why: why, Mend: mend}}
		p.counts[what] = w
		p.warned = append(p.warned, what)
	}
	w.Count++
}

func parse(file string, in *lines, o Options) (*Table, []Fault) {
	p := &parser{Options: o, file: file, table: &Table{Header: Header{Layer: o.Layer}, File: file}, header: map[string]bool{},
		dated: map[int]days{}, counts: map[string]*Warning{}}
	defer in.close()
	columns := p.readHeader(in)
	if f := in.fault(file); f != nil {
		return nil, []Fault{*f}
	}
	p.checkHeader()
	if columns {
		p.readRows(in)
	}
	if f := in.fault(file); f != nil {
		return nil, append(p.faults, *f)
	}
	t := p.table
	t.SHA256, t.words = in.sum, in.words()
	t.packed = p.packer.finish()
	if len(p.faults) < maxFaults {
		p.checkCount()
		p.checkKeys()
		p.checkTable()
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	p.takeInForce()
	t.packed.buildIndex()
	for _, what := range p.warned {
		t.warned = append(t.warned, *p.counts[what])
	}
	return t, nil
}

// next takes one line and reports what makes it unreadable as text.
func (p *parser) next(in *lines) (line string, readable, more bool) {
	line, more = in.next()
	p.line = in.number
	if !more {
		return "", false, false
	}
	if in.number == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	if !in.plain {
		if what, why, mend := unreadableText(line); what != "" {
			p.fault(what, why, mend)
			return line, false, true
		}
	}
	return line, true, true
}

// readHeader takes the "# key: value" lines and the header row; false where there is none that rows can be read by.
func (p *parser) readHeader(in *lines) bool {
	for {
		line, readable, more := p.next(in)
		if !more {
			p.line++
			p.fault("no header row", "a table without rows is no table", "add the header row and the rows")
			return false
		}
		if in.number == 1 && (strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff")) {
			p.faults = nil // that of this line is the same said worse
			p.fault("not UTF-8 but UTF-16", "no row can be read", "save the file as UTF-8")
			return false
		}
		if readable && !strings.HasPrefix(line, "#") {
			return p.readColumns(line)
		}
		if p.tooMany() {
			return false
		}
		key, value, found := strings.Cut(strings.TrimPrefix(line, "#"), ":")
		if readable && found {
			p.setHeader(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
}

func (p *parser) setHeader(key, value string) {
	key = strings.ToLower(key) // "# Use: test" must not pass for a remark
	target := p.table.Header.field(key)
	if target == nil {
		return // any other comment
	}
	if p.header[key] {
		p.fault("header "+key+" stated twice", "one of the two is wrong", "delete one")
	}
	p.header[key] = true
	*target = value
}

// columns says in which cell of a row each column is, counted from 1; 0 is nowhere.
type columns struct {
	at    [columnCount]int
	count int
}

func (p *parser) readColumns(line string) bool {
	wrong := func() bool {
		p.fault("wrong header row", "columns would be read as something else",
			"make the first row after the comments: "+strings.Join(columnNames[:requiredColumns], " ")+", tab-separated; "+
				strings.Join(columnNames[requiredColumns:], ", ")+" may follow")
		return false
	}
	for i, name := range strings.Split(line, "\t") {
		at := slices.Index(columnNames[:], name)
		if at < 0 || p.table.columns.at[at] != 0 {
			return wrong()
		}
		p.table.columns.at[at] = i + 1
		p.table.columns.count++
	}
	if slices.Contains(p.table.columns.at[:requiredColumns], 0) {
		return wrong()
	}
	return true
}

func (p *parser) readRows(in *lines) {
	for {
		line, readable, more := p.next(in)
		if !more {
			return
		}
		if readable {
			p.readRow(line)
		}
		if p.packer.count == sampleRows {
			p.presize(in)
		}
		if p.tooMany() {
			return
		}
	}
}

// tooMany ends the reading of what is no table.
func (p *parser) tooMany() bool {
	if len(p.faults) < maxFaults {
		return false
	}
	p.fault(fmt.Sprintf("%d faults, reading stopped", maxFaults), "the file is not a table in this form", "mend these first")
	return true
}

// sampleRows is how many rows are read before it is judged how many there will be.
const sampleRows = 1024

// presize makes room for all rows at once, by the length of the file and of the rows so far.
func (p *parser) presize(in *lines) {
	if in.length <= in.offset || in.length > MaxTableBytes {
		return
	}
	rest := float64(in.length-in.offset) / float64(in.offset) * 1.03
	p.packer.out.Grow(int(float64(p.packer.out.Len()) * rest))
}

func (p *parser) readRow(line string) {
	p.rows++
	var cells [columnCount]string
	if count := p.table.columns.cut(line, &cells); count != p.table.columns.count {
		p.fault(fmt.Sprintf("%d fields", count), fmt.Sprintf("every row has %d", p.table.columns.count), "add or delete tabs")
		return
	}
	for i, cell := range cells {
		words := i == columnSourceTerm || i == columnTargetTerm || i == columnReason || i == columnReviewer
		if !words && cell != "" && (cell[0] == ' ' || cell[len(cell)-1] == ' ') {
			p.fault("a space around a cell", "codes are compared byte for byte", "delete the space")
			return
		}
	}
	row := rowOf(p.table, &cells, p.line)
	if row.Context != Any && !lowerWords(cells[columnContext]) || cells[columnContext] == "" {
		p.fault("unknown context", "a context is any, with-value or a kind in lower case", "write any")
	}
	if cells[columnAssured] != "yes" && cells[columnAssured] != "no" {
		p.fault("assured is neither yes nor no", "assurance decides whether an inexact row may code", "write yes or no")
	}
	row.Class, row.TargetClass = ClassOf(row.Source.Term), ClassOf(row.Target.Term)
	comparable := p.checkDays(&row)
	comparable = p.checkRow(&row) && comparable
	if comparable && !p.packer.add(&row) {
		p.fault("more than 256 contexts", "a context is a kind of entry", "check the context column")
	}
}

// cut takes a row apart and counts its fields.
func (c *columns) cut(line string, cells *[columnCount]string) int {
	var fields [columnCount]string
	count := 0
	for more := true; more; count++ {
		var field string
		field, line, more = strings.Cut(line, "\t")
		if count < len(fields) {
			fields[count] = field
		}
	}
	for column, at := range c.at {
		if at > 0 {
			cells[column] = fields[at-1]
		}
	}
	return count
}

// rowOf is the row that the cells say, as they stand and without its classes.
func rowOf(t *Table, cells *[columnCount]string, line int) Row {
	row := Row{
		Source:    Code{Scheme: t.From, Value: cells[columnSource], TermCode: cells[columnSourceTermCode], Term: cells[columnSourceTerm]},
		Relation:  Relation(cells[columnRelation]),
		Context:   Context(cells[columnContext]),
		Assured:   cells[columnAssured] == "yes",
		ValidFrom: cells[columnValidFrom], ValidTo: cells[columnValidTo],
		Reason: cells[columnReason], Reviewer: cells[columnReviewer],
		Line: line,
	}
	if target := (Code{Value: cells[columnTarget], TermCode: cells[columnTargetTermCode], Term: cells[columnTargetTerm]}); target != (Code{}) {
		target.Scheme = t.To
		row.Target = target
	}
	if row.Context == "any" {
		row.Context = Any
	}
	return row
}
