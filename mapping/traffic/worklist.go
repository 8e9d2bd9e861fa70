package traffic

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Work is what one direction lacks: rows to fill in.
type Work struct {
	From mapping.Scheme
	// To are the target schemes asked for, most wanted first. A table has one target, the first of these; the others were
	// asked for as well, of some rows or of all.
	To []mapping.Scheme
	// Rows are ready but for their targets and relations, most frequent first. Their terms come from a dictionary.
	Rows []Todo
	// Notes are the sightings no row of their own can mend, each a sentence: a Read code without its term code whose terms
	// have different targets.
	Notes []string
}

// Todo is one row to fill in, and how often its code was seen undecided.
type Todo struct {
	mapping.Row
	Count int
	// Last is the latest answer, of the kind seen most: an inexact one has a row already, which may not code.
	Last mapping.Answer
}

// WorkList groups what no row decided by source scheme and by the target scheme most wanted, for one table each, the one
// with most sightings first. Sightings that one row would
// answer are one row: context is any, or medication or allergy where they were that. Terms are the dictionary's, never a
// message's; without a dictionary, or where it lacks the code, they are empty.
func WorkList(seen []Seen, d mapping.Dictionary) []Work {
	groups := map[direction]*group{}
	for _, s := range seen {
		if s.Unmapped == 0 || s.To == "" || !s.sound() {
			continue // decided, or for a receiver that takes no code here
		}
		first, _, _ := strings.Cut(s.To, " ")
		where := direction{s.Code.Scheme, mapping.Scheme(first)}
		if groups[where] == nil {
			groups[where] = &group{rows: map[rowKey][]Seen{}, wanted: map[string]bool{}}
		}
		groups[where].take(s)
	}
	works := make([]Work, 0, len(groups))
	for where, g := range groups {
		works = append(works, g.work(where, d))
	}
	slices.SortFunc(works, func(a, b Work) int {
		return cmp.Or(b.total()-a.total(), strings.Compare(string(a.From), string(b.From)), slices.Compare(a.To, b.To))
	})
	return works
}

type direction struct{ from, to mapping.Scheme }

// rowKey is what identifies a row within a direction.
type rowKey struct {
	value, termCode string
	context         mapping.Context
}

// group is the sightings of one direction, by the row each needs.
type group struct {
	rows   map[rowKey][]Seen
	wanted map[string]bool // what they state as their target schemes
	notes  []string
}

func (g *group) take(s Seen) {
	g.wanted[s.To] = true
	k := rowKey{s.Code.Value, s.Code.TermCode, contextOf(s)}
	if s.Code.Scheme == mapping.ReadV2 && k.termCode == "" {
		if s.Last == mapping.Ambiguous {
			g.notes = append(g.notes, fmt.Sprintf("%s came %s as %s without a term code, and its terms have different targets: no row can choose",
				s.Code.Value, times(s.Unmapped), kindOf(s)))
			return
		}
		k.termCode = "00" // a table states it, and the preferred term answers for a code without one
	}
	g.rows[k] = append(g.rows[k], s)
}

func (g *group) work(where direction, d mapping.Dictionary) Work {
	w := Work{From: where.from, To: []mapping.Scheme{where.to}, Notes: g.notes}
	for _, wanted := range slices.Sorted(maps.Keys(g.wanted)) {
		for scheme := range strings.FieldsSeq(wanted) {
			if !slices.Contains(w.To, mapping.Scheme(scheme)) {
				w.To = append(w.To, mapping.Scheme(scheme))
			}
		}
	}
	for k, seen := range g.rows {
		w.Rows = append(w.Rows, todo(mapping.Code{Scheme: where.from, Value: k.value, TermCode: k.termCode}, k.context, seen, d))
	}
	slices.Sort(w.Notes)
	slices.SortFunc(w.Rows, func(a, b Todo) int { return cmp.Or(b.Count-a.Count, compare(a.Row, b.Row)) })
	return w
}

// total is how many sightings the rows would answer.
func (w *Work) total() (n int) {
	for i := range w.Rows {
		n = sum(n, w.Rows[i].Count)
	}
	return n
}

// compare is the order of a table file: value, term code, context.
func compare(a, b mapping.Row) int {
	return cmp.Or(strings.Compare(a.Source.Value, b.Source.Value), strings.Compare(a.Source.TermCode, b.Source.TermCode),
		strings.Compare(string(a.Context), string(b.Context)))
}

// todo makes the row of sightings that differ in kind, or in a context that is not the row's business.
func todo(code mapping.Code, context mapping.Context, seen []Seen, d mapping.Dictionary) Todo {
	if d != nil {
		code.Term, _, _ = d.Look(code)
	}
	kinds := map[string]int{}
	t := Todo{Row: mapping.Row{Source: code, Context: context}}
	for _, s := range seen {
		t.Count = sum(t.Count, s.Unmapped)
		kinds[kindOf(s)] = sum(kinds[kindOf(s)], s.Unmapped)
	}
	most := slices.MaxFunc(seen, func(a, b Seen) int { return cmp.Or(a.Unmapped-b.Unmapped, b.Key.compare(a.Key)) })
	t.Last = most.Last
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(kinds[b]-kinds[a], strings.Compare(a, b)) })
	var reason []string
	for _, name := range names {
		reason = append(reason, times(kinds[name])+" as "+name)
	}
	t.Reason = "seen " + strings.Join(reason, ", ")
	return t
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// contextOf is medication or allergy, in the sender's own word for the latter, where the sighting was in such a context:
// there a row for any context would be judged by the same strict rules, and would answer for the rest as well.
func contextOf(s Seen) mapping.Context {
	for word := range strings.FieldsSeq(s.Contexts) {
		switch {
		case strings.HasSuffix(word, string(mapping.AllergyContext)):
			return mapping.Context(word)
		case word == string(mapping.MedicationContext), word == string(mapping.IssueContext):
			return mapping.MedicationContext
		}
	}
	return mapping.Any
}

func kindOf(s Seen) string {
	return cmp.Or(s.Kind, "entry") // a caller that states no kind
}

// WriteTo writes the work as a table file to fill in: the rows are pasted below the rows of a table, or the whole becomes
// a table once the header lines are completed. Until every row has a relation, and a target or a reason for having none,
// no table can be read from it.
func (w *Work) WriteTo(out io.Writer) (int64, error) {
	var b bytes.Buffer
	to := mapping.Scheme("")
	if len(w.To) > 0 {
		to = w.To[0]
	}
	fmt.Fprintf(&b, "# id: %s-%s.local\n# version: 1\n# from: %s\n# to: %s\n# layer: local\n# licence: the site's own work\n"+
		"# source: codes seen in traffic, targets chosen by hand\n# author:\n", w.From, to, w.From, to)
	if len(w.To) > 1 {
		var others []string
		for _, scheme := range w.To[1:] {
			others = append(others, string(scheme))
		}
		fmt.Fprintf(&b, "# A target of %s would serve too, in a table of its own.\n", strings.Join(others, " or "))
	}
	for _, note := range w.Notes {
		fmt.Fprintf(&b, "# %s.\n", note)
	}
	lines, err := w.lines()
	for _, line := range lines {
		b.WriteString(line)
	}
	if err != nil {
		return 0, fmt.Errorf("traffic: work list: %w", err)
	}
	n, err := out.Write(b.Bytes())
	return int64(n), err
}

// lines are the header row and the rows as package mapping writes them, which is in the order of their keys, put back in
// the order of the work.
func (w *Work) lines() ([]string, error) {
	rows := make([]mapping.Row, len(w.Rows))
	place := make([]int, len(w.Rows)) // line in key order -> place in the work
	for i := range w.Rows {
		rows[i], place[i] = w.Rows[i].Row, i
	}
	var table bytes.Buffer
	if err := mapping.Write(&table, mapping.Header{}, rows); err != nil {
		return nil, err
	}
	written := slices.Collect(strings.Lines(table.String()))
	if len(written) != len(rows)+1 {
		return nil, fmt.Errorf("%d rows became %d lines", len(rows), len(written)-1)
	}
	slices.SortStableFunc(place, func(a, b int) int { return compare(rows[a], rows[b]) })
	lines := make([]string, len(written))
	lines[0] = written[0]
	for i, p := range place {
		lines[p+1] = written[i+1]
	}
	return lines, nil
}
