package mapping_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

// columns of a table of the project's own form.
const (
	sourceCode = iota
	sourceTermCode
	sourceTerm
	targetCode
	targetTermCode
	targetTerm
	relation
	context
	assured
	reason
)

// structural are the faults of one row that can be seen without knowing what a
// code means: each changes the cells of a sound row of readv2-snomed, or gives
// nil where the row has nothing to spoil.
var structural = map[string]func(r *rand.Rand, cells []string) []string{
	"a digit of the target": func(r *rand.Rand, c []string) []string {
		return with(c, targetCode, digit(r, c[targetCode]))
	},
	"two digits of the target swapped": func(r *rand.Rand, c []string) []string {
		code := []byte(c[targetCode])
		i := r.IntN(len(code) - 1)
		if code[i] == code[i+1] {
			return nil
		}
		code[i], code[i+1] = code[i+1], code[i]
		return with(c, targetCode, string(code))
	},
	"a target cut": func(_ *rand.Rand, c []string) []string {
		return with(c, targetCode, c[targetCode][:len(c[targetCode])-1])
	},
	"no target":             func(_ *rand.Rand, c []string) []string { return with(c, targetCode, "") },
	"a source cut":          func(_ *rand.Rand, c []string) []string { return with(c, sourceCode, c[sourceCode][:4]) },
	"a source too long":     func(_ *rand.Rand, c []string) []string { return with(c, sourceCode, c[sourceCode]+".") },
	"a dot inside":          func(_ *rand.Rand, c []string) []string { return with(c, sourceCode, "G.0..") },
	"no source":             func(_ *rand.Rand, c []string) []string { return with(c, sourceCode, "") },
	"a term code of words":  func(_ *rand.Rand, c []string) []string { return with(c, sourceTermCode, "1x1") },
	"a term code in SNOMED": func(_ *rand.Rand, c []string) []string { return with(c, targetTermCode, "00") },
	"an unknown relation":   func(_ *rand.Rand, c []string) []string { return with(c, relation, "equal") },
	"an unknown context":    func(_ *rand.Rand, c []string) []string { return with(c, context, "With Value") },
	"an unknown assurance":  func(_ *rand.Rand, c []string) []string { return with(c, assured, "perhaps") },
	"no-map with a target":  func(_ *rand.Rand, c []string) []string { return with(c, relation, "no-map") },
	"a negation gained":     func(_ *rand.Rand, c []string) []string { return with(c, targetTerm, "No history of "+c[sourceTerm]) },
	"a family gained": func(_ *rand.Rand, c []string) []string {
		return with(c, targetTerm, "Family history of "+c[sourceTerm])
	},
	"a control character": func(_ *rand.Rand, c []string) []string { return with(c, targetTerm, c[targetTerm]+"\x07") },
	"a lost character":    func(_ *rand.Rand, c []string) []string { return with(c, targetTerm, c[targetTerm]+"\uFFFD") },
	"not UTF-8":           func(_ *rand.Rand, c []string) []string { return with(c, sourceTerm, c[sourceTerm]+"\xE9") },
	"a cell lost": func(r *rand.Rand, c []string) []string {
		i := r.IntN(len(c))
		return slices.Delete(slices.Clone(c), i, i+1)
	},
	"a cell too many": func(r *rand.Rand, c []string) []string { return slices.Insert(slices.Clone(c), r.IntN(len(c)), "") },
	"a spreadsheet's number": func(_ *rand.Rand, c []string) []string {
		return with(c, targetCode, "1.23457E+15")
	},
	"a description for a concept": func(_ *rand.Rand, c []string) []string { return with(c, targetCode, "294691000000115") },
}

func with(cells []string, at int, text string) []string {
	cells = slices.Clone(cells)
	cells[at] = text
	return cells
}

// digit changes one digit of a code into another.
func digit(r *rand.Rand, code string) string {
	b := []byte(code)
	i := r.IntN(len(b))
	b[i] = '0' + (b[i]-'0'+byte(1+r.IntN(9)))%10
	return string(b)
}

// TestSeededFaults puts 1,000 faults into sound rows of a table, one at a time:
// a table with any is refused whole, and its line is named (safety H-14).
func TestSeededFaults(t *testing.T) {
	const seeds = 1000
	text, err := os.ReadFile("tables/readv2-snomed.tsv")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	first := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "source_code") }) + 1
	sound := func(lines []string) ([]mapping.Fault, *mapping.Table) {
		table, faults := mapping.Parse("seeded.tsv", strings.NewReader(strings.Join(lines, "\n")+"\n"), mapping.Options{})
		return faults, table
	}
	faults, _ := sound(lines)
	require.Empty(t, faults, "the table is sound before")
	kinds := make([]string, 0, len(structural))
	for kind := range structural {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	r := rand.New(rand.NewPCG(20261123, 14))
	for seed := 0; seed < seeds; {
		at := first + r.IntN(len(lines)-first)
		cells := strings.Split(lines[at], "\t")
		if cells[relation] != "equivalent" || cells[sourceTerm] == "" || mapping.ClassOf(cells[sourceTerm]) != mapping.Present {
			continue
		}
		kind := kinds[seed%len(kinds)]
		spoilt := structural[kind](r, cells)
		if spoilt == nil {
			continue
		}
		seed++
		faulty := slices.Clone(lines)
		faulty[at] = strings.Join(spoilt, "\t")
		faults, table := sound(faulty)
		require.NotEmpty(t, faults, "seed %d, %s: %s", seed, kind, faulty[at])
		require.Nil(t, table, kind)
		named := func(f mapping.Fault) bool { return f.Line == at+1 }
		require.True(t, slices.ContainsFunc(faults, named), "seed %d, %s: no fault names line %d: %v", seed, kind, at+1, faults)
	}
	// A row said twice, and two rows with each other's targets.
	for range 50 {
		at := first + r.IntN(len(lines)-first)
		cells := strings.Split(lines[at], "\t")
		other := strings.Split(lines[first+r.IntN(len(lines)-first)], "\t")
		if other[targetCode] == cells[targetCode] {
			continue
		}
		faults, _ := sound(append(slices.Clone(lines), lines[at]))
		require.NotEmpty(t, faults, "a row twice")
		faults, _ = sound(append(slices.Clone(lines), strings.Join(with(cells, targetCode, other[targetCode]), "\t")))
		require.NotEmpty(t, faults, "a second target")
	}
	t.Logf("%d structural faults of %d kinds, each refused and its line named", seeds, len(kinds))
}
