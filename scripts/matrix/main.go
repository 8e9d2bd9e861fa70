// Command matrix writes which kinds of entry cross between which systems, as
// pairs.All and the starter tables have it: the table in README.md between its
// two marks, and docs/pairs.md with the reason of each cell.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	tables, err := mapping.Starter()
	if err != nil {
		return err
	}
	set, faults := mapping.NewSet(tables...)
	if len(faults) > 0 {
		return faults[0]
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	if readme, err = between(readme, matrix(set)); err != nil {
		return err
	}
	if err := os.WriteFile("README.md", readme, 0o644); err != nil {
		return err
	}
	return os.WriteFile("docs/pairs.md", page(set), 0o644)
}

// The marks in README.md around what is written here.
const (
	begin = "<!-- go run ./scripts/matrix -->\n"
	end   = "<!-- end -->\n"
)

// between puts text between the marks.
func between(readme []byte, text string) ([]byte, error) {
	from, to := bytes.Index(readme, []byte(begin)), bytes.Index(readme, []byte(end))
	if from < 0 || to < from {
		return nil, fmt.Errorf("README.md has no marks %q and %q", begin, end)
	}
	return []byte(string(readme[:from]) + begin + text + string(readme[to:])), nil
}

// signs are the cells.
var signs = map[pairs.Carriage]string{pairs.AsCode: "C", pairs.AsWords: "w", pairs.NotAll: "·"}

func matrix(set *mapping.Set) string {
	var b strings.Builder
	b.WriteString("| record of | shown in | " + strings.Join(pairs.Kinds(), " | ") + " |\n|---|---|" + strings.Repeat(":-:|", len(pairs.Kinds())) + "\n")
	for _, p := range pairs.All() {
		support := p.Support(set)
		for i := 0; i < len(support); i += len(pairs.Kinds()) {
			fmt.Fprintf(&b, "| %s | %s |", support[i].From.Title, support[i].To.Title)
			for _, s := range support[i : i+len(pairs.Kinds())] {
				b.WriteString(" " + signs[s.How] + " |")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func page(set *mapping.Set) []byte {
	var b bytes.Buffer
	b.WriteString("# What crosses between which systems\n\nWritten by `go run ./scripts/matrix` from the pairs and the starter tables; a site's own tables add to it.\n" +
		"**Coded** is the best that can become of an entry: one whose code has no row arrives in its words all the same, with\n" +
		"its own code as a line. What is **not** carried never comes: the holder's messages have no place for it, and the section\n" +
		"says so. `linkspan tables coverage` says what becomes of real records.\n")
	for _, p := range pairs.All() {
		fmt.Fprintf(&b, "\n## %s\n", p.Name)
		support := p.Support(set)
		for i, s := range support {
			if i%len(pairs.Kinds()) == 0 {
				fmt.Fprintf(&b, "\n### Records of %s in %s\n\n| kind | crosses | by, or why |\n|---|---|---|\n", s.From.Title, s.To.Title)
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", s.What, s.How, s.Why)
		}
	}
	return b.Bytes()
}
