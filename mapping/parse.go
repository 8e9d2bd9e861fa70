package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of one table file. The largest national table is about 150 MiB as text.
const (
	MaxTableBytes = 256 << 20
	maxFaults     = 200
	maxPresize    = 1 << 21 // rows; rubbish of line ends alone must not cost memory
)

// columns is the one header row of a table file.
const columns = "source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason"

// Parse reads one table: comment lines "# key: value", the header row, then tab-separated rows; UTF-8, LF or CRLF.
// It reports every fault at once; with a fault there is no table. The file name serves the messages only.
func Parse(file string, r io.Reader, o Options) (*Table, []Fault) { return parse(file, r, o) }

// Load reads every *.tsv of one directory in name order. All faults of all
// files are reported at once; with a fault there are no tables.
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
		table, found := loadOne(fsys, path.Join(dir, entry.Name()), o)
		tables, faults = append(tables, table), append(faults, found...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return tables, nil
}

func loadOne(fsys fs.FS, name string, o Options) (*Table, []Fault) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, []Fault{unreadable(name)}
	}
	defer f.Close()
	return parse(name, f, o)
}

func unreadable(name string) Fault {
	return Fault{File: name, What: "cannot be read", Why: "the table would be missing without a word", Mend: "restore the file or its permissions"}
}

// parser gathers one table and its faults.
type parser struct {
	file   string
	line   int
	table  *Table
	seen   map[rowKey]int // row number in table.rows
	header map[string]bool
	faults []Fault
}

// rowKey is what identifies a row of a table (DESIGN decision 2).
type rowKey struct {
	value, termCode string
	context         Context
}

func (r *Row) key() rowKey { return rowKey{r.Source.Value, r.Source.TermCode, r.Context} }

func (p *parser) fault(what, why, mend string) {
	p.faults = append(p.faults, Fault{File: p.file, Line: p.line, What: what, Why: why, Mend: mend})
}

func parse(file string, r io.Reader, o Options) (*Table, []Fault) {
	data, err := io.ReadAll(io.LimitReader(r, MaxTableBytes+1))
	if err != nil {
		return nil, []Fault{unreadable(file)}
	}
	if len(data) > MaxTableBytes {
		return nil, []Fault{{File: file, What: fmt.Sprintf("more than %d bytes", MaxTableBytes),
			Why: "no table of this trade is so large", Mend: "split the table or check what was copied"}}
	}
	sum := sha256.Sum256(data)
	text := strings.TrimPrefix(string(data), "\ufeff")
	p := &parser{
		file:   file,
		table:  &Table{Header: Header{Layer: o.Layer}, File: file, SHA256: hex.EncodeToString(sum[:])},
		seen:   make(map[rowKey]int, min(strings.Count(text, "\n"), maxPresize)),
		header: map[string]bool{},
	}
	rest := p.readHeader(text)
	p.checkHeader()
	p.readRows(rest)
	p.checkTable()
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return p.table, nil
}

// next cuts one line off, without its ending, and reports what makes a line unreadable as text.
func (p *parser) next(text string) (line, rest string, ok bool) {
	p.line++
	line, rest, _ = strings.Cut(text, "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case !utf8.ValidString(line):
		p.fault("not UTF-8", "terms would be shown wrong", "save the file as UTF-8")
		return line, rest, false
	case strings.ContainsRune(line, '\r'):
		p.fault("a carriage return inside a cell", "a spreadsheet broke the row", "put the row on one line, ending in LF or CRLF")
		return line, rest, false
	case strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) >= 0:
		p.fault("a control character", "a code or term with an invisible character matches nothing", "delete the character")
		return line, rest, false
	}
	return line, rest, true
}

// readHeader takes the "# key: value" lines and the header row, and returns the rows.
func (p *parser) readHeader(text string) string {
	for text != "" {
		line, rest, ok := p.next(text)
		text = rest
		if ok && !strings.HasPrefix(line, "#") {
			if line != columns {
				p.fault("wrong header row", "columns would be read as something else",
					"make the first row after the comments: "+strings.ReplaceAll(columns, "\t", " ")+", tab-separated")
			}
			return text
		}
		key, value, found := strings.Cut(strings.TrimPrefix(line, "#"), ":")
		if ok && found {
			p.setHeader(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
	p.line++
	p.fault("no header row", "a table without rows is no table", "add the header row and the rows")
	return ""
}

func (p *parser) setHeader(key, value string) {
	t := p.table
	targets := map[string]*string{
		"id": &t.ID, "version": &t.Version, "licence": &t.Licence, "source": &t.Source, "use": &t.Use,
		"attribution": &t.Attribution, "author": &t.Author, "reviewed-by": &t.ReviewedBy, "valid-from": &t.ValidFrom, "purpose": &t.Purpose,
		"source-file": &t.SourceFile, "source-release": &t.SourceRelease, "source-sha256": &t.SourceSHA256,
		"from": (*string)(&t.From), "to": (*string)(&t.To), "layer": (*string)(&t.Layer),
	}
	target := targets[key]
	if target == nil {
		return // any other comment
	}
	if p.header[key] {
		p.fault("header "+key+" stated twice", "one of the two is wrong", "delete one")
	}
	p.header[key] = true
	*target = value
}

func (p *parser) readRows(text string) {
	for text != "" {
		line, rest, ok := p.next(text)
		text = rest
		if ok {
			p.readRow(line)
		}
		if len(p.faults) >= maxFaults {
			p.fault(fmt.Sprintf("%d faults, reading stopped", maxFaults), "the file is not a table in this form", "mend these first")
			return
		}
	}
}

func (p *parser) readRow(line string) {
	cells := strings.Split(line, "\t")
	if want := strings.Count(columns, "\t") + 1; len(cells) != want {
		p.fault(fmt.Sprintf("%d fields", len(cells)), fmt.Sprintf("every row has %d", want), "add or delete tabs")
		return
	}
	for i, cell := range cells {
		if i != 2 && i != 5 && i != 9 && strings.TrimSpace(cell) != cell {
			p.fault("a space around a cell", "codes are compared byte for byte", "delete the space")
			return
		}
	}
	t := p.table
	row := Row{
		Source:   Code{Scheme: t.From, Value: cells[0], TermCode: cells[1], Term: cells[2]},
		Relation: Relation(cells[6]),
		Context:  Context(cells[7]),
		Assured:  cells[8] == "yes",
		Class:    ClassOf(cells[2]), TargetClass: ClassOf(cells[5]),
		Reason:   cells[9],
		Line:     p.line,
	}
	if cells[3] != "" || cells[4] != "" || cells[5] != "" {
		row.Target = Code{Scheme: t.To, Value: cells[3], TermCode: cells[4], Term: cells[5]}
	}
	if row.Context == "any" {
		row.Context = Any
	} else if !lowerWords(cells[7]) {
		p.fault("unknown context", "a context is any, with-value or a kind in lower case", "write any")
	}
	if cells[8] != "yes" && cells[8] != "no" {
		p.fault("assured is neither yes nor no", "assurance decides whether an inexact row may code", "write yes or no")
	}
	p.checkRow(&row)
	p.checkKey(&row)
	t.rows = append(t.rows, row)
}

// checkKey refuses a second row for the same key.
func (p *parser) checkKey(row *Row) {
	first, twice := p.seen[row.key()]
	if !twice {
		p.seen[row.key()] = len(p.table.rows)
		return
	}
	other := &p.table.rows[first]
	if sameTarget(other, row) {
		p.fault(fmt.Sprintf("the row of line %d again", other.Line), "a key has one row", "delete one")
		return
	}
	p.fault(fmt.Sprintf("conflicts with line %d", other.Line), "one code and context cannot have two targets", "keep the right one, or none")
}

func sameTarget(a, b *Row) bool {
	return a.Relation == b.Relation && a.Target.Value == b.Target.Value && a.Target.TermCode == b.Target.TermCode
}

// sortTables orders the tables of a set: by direction, the higher layer first, then by name.
func sortTables(tables []*Table) []*Table {
	sorted := slices.Clone(tables)
	slices.SortStableFunc(sorted, func(a, b *Table) int {
		if n := strings.Compare(string(a.From)+"\x00"+string(a.To), string(b.From)+"\x00"+string(b.To)); n != 0 {
			return n
		}
		if n := b.Layer.rank() - a.Layer.rank(); n != 0 {
			return n
		}
		return strings.Compare(a.ID+"\x00"+a.Version+"\x00"+a.SHA256, b.ID+"\x00"+b.Version+"\x00"+b.SHA256)
	})
	return sorted
}
