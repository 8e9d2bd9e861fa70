package mapping

import (
	"bufio"
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Write writes a table in the one form Parse reads, rows in the order of their keys. A table that was imported states
// how many it has; in one written by hand that would only be in the way.
func Write(w io.Writer, h Header, rows []Row) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if h.StatedRows = ""; h.SourceFile != "" {
		h.StatedRows = strconv.Itoa(len(rows))
	}
	for _, f := range h.fields() {
		if *f.value != "" {
			out.WriteString("# " + f.key + ": " + oneLine(*f.value) + "\n")
		}
	}
	written := columnNames[:requiredColumns]
	if slices.ContainsFunc(rows, func(r Row) bool { return r.ValidFrom != "" || r.ValidTo != "" || r.Reviewer != "" }) {
		written = columnNames[:]
	}
	out.WriteString(strings.Join(written, "\t") + "\n")
	byKey := func(a, b Row) int {
		return cmp.Or(strings.Compare(a.Source.Value, b.Source.Value), strings.Compare(a.Source.TermCode, b.Source.TermCode),
			strings.Compare(string(a.Context), string(b.Context)), strings.Compare(a.ValidFrom, b.ValidFrom))
	}
	if !slices.IsSortedFunc(rows, byKey) { // a copy of a large import is memory for nothing
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, byKey)
	}
	for i := range rows {
		writeRow(out, &rows[i], len(written))
	}
	return out.Flush()
}

func writeRow(out *bufio.Writer, row *Row, columns int) {
	assured, context := "no", string(row.Context)
	if row.Assured {
		assured = "yes"
	}
	if row.Context == Any {
		context = "any"
	}
	cells := [columnCount]string{
		row.Source.Value, row.Source.TermCode, row.Source.Term, row.Target.Value, row.Target.TermCode, row.Target.Term,
		string(row.Relation), context, assured, row.Reason, row.ValidFrom, row.ValidTo, row.Reviewer,
	}
	for i, cell := range cells[:columns] {
		if i > 0 {
			out.WriteByte('\t')
		}
		out.WriteString(oneLine(cell))
	}
	out.WriteByte('\n')
}

// oneLine keeps a cell on its line and readable: tabs and line ends become spaces, what shows nothing goes.
func oneLine(cell string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= ' ' && r < 0x7f:
			return r
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unseen(r):
			return -1
		}
		return r
	}, cell)
}
