package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// terminal is the width, in columns, that every list fits. A fault stays on its own line however long, to be searched for.
const terminal = 100

// print writes a result: as JSON where that was asked for, else as text.
func (d *desk) print(result any, text func(io.Writer)) error {
	if !d.JSON {
		text(d.to.out)
		return nil
	}
	return printJSON(d.to.out, result)
}

func printJSON(out io.Writer, result any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}

// refusalJSON is what a command prints that did nothing.
type refusalJSON struct {
	Refused string      `json:"refused"`
	Faults  []faultJSON `json:"faults"`
}

// faultJSON is a fault, or with a count a warning.
type faultJSON struct {
	File  string `json:"file"`
	Line  int    `json:"line,omitempty"`
	What  string `json:"what"`
	Why   string `json:"why"`
	Mend  string `json:"mend"`
	Count int    `json:"count,omitempty"`
}

func faultsJSON(faults []mapping.Fault) []faultJSON {
	all := []faultJSON{}
	for _, f := range faults {
		f = shownFault(f)
		all = append(all, faultJSON{File: f.File, Line: f.Line, What: f.What, Why: f.Why, Mend: f.Mend})
	}
	return all
}

func warningsJSON(warnings []mapping.Warning) []faultJSON {
	all := []faultJSON{}
	for _, w := range warnings {
		f := shownFault(w.Fault)
		all = append(all, faultJSON{File: f.File, Line: f.Line, What: f.What, Why: f.Why, Mend: f.Mend, Count: w.Count})
	}
	return all
}

// printWarnings lists what a reviewer should look at: the first place of each kind and how many there are.
func printWarnings(out io.Writer, warnings []mapping.Warning) {
	if len(warnings) == 0 {
		return
	}
	fmt.Fprintf(out, "\nwarnings, to be looked at; the first place of each, and how many:\n")
	for _, w := range warnings {
		f := shownFault(w.Fault)
		fmt.Fprintln(out, wrapped("", fmt.Sprintf("%s:%d: %s × %s; %s; %s", f.File, f.Line, number(w.Count), f.What, f.Why, f.Mend)))
	}
}

// column is one column of a list. Codes have no limit: half a code is another code.
type column struct {
	head  string
	right bool
	limit int // characters; 0 is none
}

// list writes aligned columns after the margin. What the last column has no room for is cut.
func list(out io.Writer, margin string, columns []column, rows [][]string) {
	heads := make([]string, len(columns))
	wide := make([]int, len(columns))
	for i, c := range columns {
		heads[i], wide[i] = c.head, utf8.RuneCountInString(c.head)
	}
	for _, row := range rows {
		for i := range columns {
			row[i] = clean(row[i])
			if columns[i].limit > 0 {
				row[i] = cut(row[i], columns[i].limit)
			}
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range append([][]string{heads}, rows...) {
		var line strings.Builder
		line.WriteString(margin)
		for i, cell := range row[:len(columns)] {
			space := strings.Repeat(" ", max(0, wide[i]-utf8.RuneCountInString(cell)))
			if i > 0 {
				line.WriteString("  ")
			}
			if columns[i].right {
				cell = space + cell
			} else {
				cell += space
			}
			line.WriteString(cell)
		}
		fmt.Fprintln(out, cut(strings.TrimRight(line.String(), " "), terminal))
	}
}

func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// wrapped breaks text into lines that fit, the further ones indented by two more.
func wrapped(margin, text string) string {
	line, lines := margin, []string(nil)
	for _, word := range strings.Fields(clean(text)) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > terminal && strings.TrimSpace(line) != "" {
			lines, line = append(lines, line), margin+"  "
		}
		if strings.TrimSpace(line) != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// clean is words a terminal shows and does not obey.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
			return r
		}
		return '?'
	}, s)
}

// number groups the digits by thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// size is a number of bytes in the largest unit that says something.
func size(bytes int64) string {
	switch {
	case bytes < 10_000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 10_000_000:
		return fmt.Sprintf("%d kB", bytes/1000)
	}
	return fmt.Sprintf("%d MB", bytes/1_000_000)
}

// codeText is a code with its term code: "G20../11".
func codeText(value, termCode string) string {
	if termCode == "" {
		return value
	}
	return value + "/" + termCode
}

func quotedTerm(term string) string {
	if term == "" {
		return ""
	}
	return ` "` + clean(term) + `"`
}

func orAny(c mapping.Context) string {
	if c == mapping.Any {
		return "any"
	}
	return string(c)
}

// progress is a line on a terminal that is written over; anywhere else it is nothing.
type progress struct {
	out  io.Writer
	last time.Time
	on   bool
}

func newProgress(to streams) *progress {
	p := &progress{}
	if file, ok := to.err.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.out = file
		}
	}
	return p
}

func (p *progress) line(format string, a ...any) {
	if p.out == nil || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.on = time.Now(), true
	fmt.Fprint(p.out, "\r\x1b[K"+cut(clean(fmt.Sprintf(format, a...)), terminal-1))
}

// during shows what is being done and for how long, until the function it returns is called.
func (p *progress) during(what string) (done func()) {
	if p.out == nil {
		return func() {}
	}
	began, stop, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				p.line("%s: %d s", what, int(time.Since(began).Seconds()))
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
		p.end()
	}
}

func (p *progress) end() {
	if p.on {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// printDifference says what one set changes against another, with examples.
func printDifference(out io.Writer, d mapset.Difference, examples int) {
	if d.Total() == 0 {
		fmt.Fprintln(out, "no row that answers changes")
		return
	}
	fmt.Fprintf(out, "%s: %s\n", plural(d.Total(), "row changes", "rows change"), countsText(d.Counts))
	for _, way := range d.Directions {
		fmt.Fprintf(out, "\n%s to %s: %s\n", way.From, way.To, countsText(way.Counts))
		shown := map[mapset.Change]int{}
		for _, e := range way.Examples {
			if shown[e.Change]++; shown[e.Change] > examples {
				continue
			}
			printExample(out, e)
		}
		for _, of := range []struct {
			change mapset.Change
			count  int
		}{{mapset.Added, way.Added}, {mapset.Removed, way.Removed}, {mapset.Retargeted, way.Retargeted}, {mapset.Changed, way.Changed}} {
			if more := of.count - min(shown[of.change], examples); more > 0 {
				fmt.Fprintf(out, "  and %s more %s\n", number(more), of.change)
			}
		}
	}
}

// printDirections says how many rows one set changes against another, a line for each direction.
func printDirections(out io.Writer, d mapset.Difference) {
	if d.Total() == 0 {
		fmt.Fprintln(out, "no row that answers changes")
		return
	}
	fmt.Fprintf(out, "%s: %s\n", plural(d.Total(), "row changes", "rows change"), countsText(d.Counts))
	if len(d.Directions) > 1 {
		for _, way := range d.Directions {
			fmt.Fprintf(out, "  %s to %s: %s\n", way.From, way.To, countsText(way.Counts))
		}
	}
	fmt.Fprintln(out, "the rows: linkspan tables diff active drafts")
}

func countsText(c mapset.Counts) string {
	return fmt.Sprintf("%s added, %s removed, %s retargeted, %s changed", number(c.Added), number(c.Removed), number(c.Retargeted), number(c.Changed))
}

func printExample(out io.Writer, e mapset.Example) {
	context := ""
	if e.Context != mapping.Any {
		context = ", " + string(e.Context)
	}
	what := ""
	if len(e.What) > 0 {
		what = ": another " + strings.Join(e.What, ", ")
	}
	fmt.Fprintln(out, wrapped("  ", fmt.Sprintf("%s %s%s%s%s", e.Change, codeText(e.Code, e.TermCode), context, quotedTerm(e.Term), what)))
	for _, side := range []struct {
		word string
		*mapset.Side
	}{{"was", e.Old}, {"now", e.New}} {
		if side.Side == nil {
			continue
		}
		words := ""
		if side.Source != "" {
			words = quotedTerm(side.Source) + " →"
		}
		fmt.Fprintln(out, wrapped("      ", fmt.Sprintf("%s%s %s; %s, %s", side.word, words, rowText(mapping.Code{Value: side.Code, TermCode: side.TermCode, Term: side.Term},
			side.Relation, side.Assured, side.Reason), side.Table, side.At)))
	}
}

// rowText is what a row says of its target: the code with its words, the relation, and the reviewer's reason.
func rowText(target mapping.Code, relation mapping.Relation, assured bool, reason string) string {
	text := string(relation)
	if target.Value != "" {
		text = codeText(target.Value, target.TermCode) + quotedTerm(target.Term) + ", " + text
	}
	if assured {
		text += ", assured"
	}
	if reason != "" {
		text += ", reason: " + clean(reason)
	}
	return text
}
