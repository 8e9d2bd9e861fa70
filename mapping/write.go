package mapping

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// Write writes a table in the one form Parse reads, rows in the order of their keys.
func Write(w io.Writer, h Header, rows []Row) error {
	out := bufio.NewWriterSize(w, 1<<16)
	for _, line := range []struct{ key, value string }{
		{"id", h.ID}, {"version", h.Version}, {"from", string(h.From)}, {"to", string(h.To)}, {"layer", string(h.Layer)},
		{"purpose", h.Purpose}, {"use", h.Use}, {"licence", h.Licence}, {"source", h.Source}, {"attribution", h.Attribution},
		{"author", h.Author}, {"reviewed-by", h.ReviewedBy}, {"valid-from", h.ValidFrom}, {"source-file", h.SourceFile},
		{"source-release", h.SourceRelease}, {"source-sha256", h.SourceSHA256},
	} {
		if line.value != "" {
			out.WriteString("# " + line.key + ": " + oneLine(line.value) + "\n")
		}
	}
	out.WriteString(columns + "\n")
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b Row) int {
		for _, n := range [...]int{
			strings.Compare(a.Source.Value, b.Source.Value), strings.Compare(a.Source.TermCode, b.Source.TermCode),
			strings.Compare(string(a.Context), string(b.Context)),
		} {
			if n != 0 {
				return n
			}
		}
		return 0
	})
	for i := range sorted {
		writeRow(out, &sorted[i])
	}
	return out.Flush()
}

func writeRow(out *bufio.Writer, row *Row) {
	assured, context := "no", string(row.Context)
	if row.Assured {
		assured = "yes"
	}
	if row.Context == Any {
		context = "any"
	}
	for i, cell := range [...]string{
		row.Source.Value, row.Source.TermCode, row.Source.Term, row.Target.Value, row.Target.TermCode, row.Target.Term,
		string(row.Relation), context, assured, row.Reason,
	} {
		if i > 0 {
			out.WriteByte('\t')
		}
		out.WriteString(oneLine(cell))
	}
	out.WriteByte('\n')
}

// oneLine keeps a cell on its line: tabs and line ends become spaces.
func oneLine(cell string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, cell)
}
