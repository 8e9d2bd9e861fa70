package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
	"github.com/linkspan/linkspan/mapping/traffic"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/coverage"
)

// tablesSeen is where the codes come from that were seen.
type tablesSeen struct {
	Messages string   `type:"existingdir" help:"Folder of the native responses of one system."`
	From     string   `help:"The system whose messages they are."`
	Traffic  []string `type:"existingfile" help:"File traffic.tsv of an instance; may be repeated."`
}

type tablesCoverage struct {
	tablesSettings
	tablesSeen
	Set string `default:"active" help:"active, drafts, previous, the start of a digest, or a folder."`
	Top int    `default:"20" help:"How many of the codes no row decides are listed; -1 for all."`
}

type tablesDiff struct {
	tablesSettings
	tablesSeen
	Examples int    `default:"5" help:"Rows shown of each kind of change and direction, 20 at most."`
	Old      string `arg:"" help:"active, drafts, previous, the start of a digest, or a folder."`
	New      string `arg:"" help:"Likewise."`
}

func (s tablesSeen) check(d *desk) error {
	if s.Messages == "" {
		if s.From != "" {
			return usageError{errors.New("--from goes with --messages")}
		}
		return nil
	}
	if s.From == "" {
		return usageError{errors.New("--messages wants --from, the system whose messages they are")}
	}
	if d.Pair == "" {
		return usageError{errors.New("--messages wants --pair, e.g. --pair emisweb-systmone")}
	}
	return nil
}

// folder is the coverage of the messages.
func (s tablesSeen) folder(ctx context.Context, d *desk, set *mapping.Set, top int) (coverage.Traffic, error) {
	pair, err := pairs.Find(d.Pair)
	if err != nil {
		return coverage.Traffic{}, usageError{err}
	}
	asker, err := pair.Other(s.From)
	if err != nil {
		return coverage.Traffic{}, usageError{fmt.Errorf("--from: %w", err)}
	}
	link, err := pairs.Open(pair, nil)
	if err != nil {
		return coverage.Traffic{}, err
	}
	direction, err := link.Direction(asker.Name, set)
	if err != nil {
		return coverage.Traffic{}, err
	}
	show := newProgress(d.to)
	defer show.end()
	return coverage.OfFolder(ctx, direction, pairs.Schemes{}, os.DirFS(s.Messages), coverage.Options{Dictionary: d.words(), Top: top,
		Progress: func(done, of int) { show.line("%s of %s messages", number(done), number(of)) }})
}

// logs are the traffic of all files together. What is damaged in one is said, and the rest of it counts.
func (s tablesSeen) logs(d *desk) (*traffic.Log, error) { return readLogs(d, s.Traffic) }

func readLogs(d *desk, files []string) (*traffic.Log, error) {
	sum := &traffic.Log{}
	for _, file := range files {
		one, damage, err := traffic.Read(file)
		if err != nil {
			return nil, err
		}
		if damage != nil {
			fmt.Fprintln(d.to.err, "warning:", damage.Error())
		}
		sum.Merge(one)
	}
	return sum, nil
}

type coverageJSON struct {
	Set          string               `json:"set"` // digest
	Dictionaries []coverage.Direction `json:"dictionaries,omitempty"`
	Messages     *coverage.Traffic    `json:"messages,omitempty"`
	Traffic      *coverage.Traffic    `json:"traffic,omitempty"`
}

// Run says how much the tables code of whatever was given.
func (c tablesCoverage) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if err := c.check(d); err != nil {
		return err
	}
	if d.dictionary == nil && c.Messages == "" && len(c.Traffic) == 0 {
		return usageError{errors.New("coverage of what? Add --dictionary, --messages DIR --from SYSTEM, or --traffic FILE")}
	}
	at, err := d.choose(c.Set)
	if err != nil {
		return err
	}
	result := coverageJSON{Set: at.set.Digest()}
	if d.dictionary != nil {
		result.Dictionaries = coverage.OfDictionaries(at.set, d.dictionary)
	}
	if c.Messages != "" {
		found, err := c.folder(ctx, d, at.set, c.Top)
		if err != nil {
			return err
		}
		result.Messages = &found
	}
	if len(c.Traffic) > 0 {
		log, err := c.logs(d)
		if err != nil {
			return err
		}
		found := coverage.OfLog(at.set, log.Seen(), coverage.Options{Dictionary: d.words(), Top: c.Top})
		result.Traffic = &found
	}
	return d.print(result, func(out io.Writer) {
		fmt.Fprintln(out, wrapped("", "coverage by "+at.label))
		if result.Dictionaries != nil {
			fmt.Fprint(out, "\nof the dictionaries:\n"+coverage.TextOf(result.Dictionaries))
		}
		if result.Messages != nil {
			fmt.Fprintf(out, "\n%s\n%s", wrapped("", "of the messages of "+c.From+" in "+shownPath(c.Messages)+":"), result.Messages.Text())
		}
		if result.Traffic != nil {
			fmt.Fprintf(out, "\nof the traffic, where entries are look-ups:\n%s", result.Traffic.Text())
		}
	})
}

type diffJSON struct {
	Difference mapset.Difference `json:"difference"`
	Messages   *coverage.Effect  `json:"messages,omitempty"`
	Traffic    *coverage.Effect  `json:"traffic,omitempty"`
}

// Run compares two sets row by row, and by the codes that were seen.
func (c tablesDiff) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if err := c.check(d); err != nil {
		return err
	}
	old, err := d.choose(c.Old)
	if err != nil {
		return err
	}
	new, err := d.choose(c.New)
	if err != nil {
		return err
	}
	result := diffJSON{Difference: mapset.Diff(old.set, new.set)}
	if c.Messages != "" {
		found, err := c.folder(ctx, d, old.set, 0)
		if err != nil {
			return err
		}
		effect := coverage.EffectOf(old.set, new.set, found.Seen, d.words())
		result.Messages = &effect
	}
	if len(c.Traffic) > 0 {
		log, err := c.logs(d)
		if err != nil {
			return err
		}
		effect := coverage.EffectOf(old.set, new.set, coverage.OfLog(old.set, log.Seen(), coverage.Options{}).Seen, d.words())
		result.Traffic = &effect
	}
	return d.print(result, func(out io.Writer) {
		fmt.Fprintln(out, wrapped("", "from "+old.label+" to "+new.label+":"))
		printDifference(out, result.Difference, c.Examples)
		if result.Messages != nil {
			fmt.Fprintf(out, "\nfor the codes in the messages of %s:\n%s", c.From, result.Messages.Text())
		}
		if result.Traffic != nil {
			fmt.Fprintf(out, "\nfor the codes seen in traffic, where entries are look-ups:\n%s", result.Traffic.Text())
		}
	})
}

type tablesUnmapped struct {
	tablesSettings
	Data []string       `env:"LINKSPAN_DATA" type:"existingdir" help:"Data folder of an instance, where traffic.tsv is; may be repeated."`
	TSV  bool           `name:"tsv" help:"Print rows to fill in, as the file of a table."`
	From mapping.Scheme `help:"Only codes of this scheme."`
	Into mapping.Scheme `name:"to" help:"Only codes asked for in this scheme first."`
	Top  int            `default:"50" help:"How many are listed; -1 for all. The rows to fill in are always all."`
}

type unmappedJSON struct {
	Codes     []unmappedCodeJSON `json:"codes"`
	Sightings int                `json:"sightings"` // of codes in all, decided or not
	Undecided int                `json:"undecided"` // of these
	Malformed int                `json:"malformed"` // sightings of what is no code of its scheme; never named
	Others    int                `json:"others"`    // sightings the log had no room for
	Notes     []string           `json:"notes"`
}

type unmappedCodeJSON struct {
	Scheme   mapping.Scheme `json:"scheme"`
	Code     string         `json:"code"`
	TermCode string         `json:"term_code,omitempty"`
	Term     string         `json:"term,omitempty"` // of a dictionary, never of a message
	Kind     string         `json:"kind"`
	To       string         `json:"to"`
	Answer   mapping.Answer `json:"answer"` // the latest
	Count    int            `json:"count"`
	First    string         `json:"first,omitempty"`
	Latest   string         `json:"latest,omitempty"`
}

// Run lists what no row decided, the most frequent first.
func (c tablesUnmapped) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if len(c.Data) == 0 {
		return usageError{errors.New("whose traffic? Add --data DIR, or set LINKSPAN_DATA")}
	}
	for _, scheme := range []mapping.Scheme{c.From, c.Into} {
		if scheme != "" && !scheme.Enumeration() && !slices.Contains(clinicalSchemes[:], scheme) {
			return usageError{fmt.Errorf("%q is no scheme: write %s, or one of a system's lists as the tables name it", scheme, schemeNames())}
		}
	}
	if c.TSV && c.JSON {
		return usageError{errors.New("--tsv or --json")}
	}
	var files []string
	for _, dir := range c.Data {
		file := filepath.Join(dir, traffic.FileName)
		if _, err := os.Stat(file); err != nil {
			fmt.Fprintf(to.err, "warning: %s: no traffic was counted there yet\n", shownPath(file))
			continue
		}
		files = append(files, file)
	}
	log, err := readLogs(d, files)
	if err != nil {
		return err
	}
	seen := slices.DeleteFunc(log.Seen(), func(s traffic.Seen) bool {
		first, _, _ := strings.Cut(s.To, " ")
		return c.From != "" && s.Code.Scheme != c.From || c.Into != "" && string(c.Into) != first
	})
	works := traffic.WorkList(seen, d.words())
	if c.TSV {
		return printWork(to, works)
	}
	result := unmappedJSON{Codes: []unmappedCodeJSON{}, Malformed: log.Malformed(), Others: log.Others().Count, Notes: []string{}}
	for _, w := range works {
		result.Notes = append(result.Notes, w.Notes...)
	}
	for _, s := range seen {
		result.Sightings += s.Count
		result.Undecided += s.Unmapped
		if s.Unmapped == 0 {
			continue
		}
		one := unmappedCodeJSON{Scheme: s.Code.Scheme, Code: s.Code.Value, TermCode: s.Code.TermCode, Kind: s.Kind, To: s.To, Answer: s.Last, Count: s.Unmapped, First: s.First, Latest: s.Latest}
		if d.dictionary != nil {
			one.Term, _, _ = d.dictionary.Look(s.Code)
		}
		result.Codes = append(result.Codes, one)
	}
	slices.SortStableFunc(result.Codes, func(a, b unmappedCodeJSON) int { return b.Count - a.Count })
	return d.print(result, func(out io.Writer) { c.printUnmapped(out, d, result) })
}

// printWork prints the rows to fill in, a table for each direction.
func printWork(to streams, works []traffic.Work) error {
	if len(works) > 1 {
		fmt.Fprintf(to.err, "%d directions, one table after another: --from and --to choose one\n", len(works))
	}
	for i := range works {
		var text strings.Builder
		if _, err := works[i].WriteTo(&text); err != nil {
			return err
		}
		authored := strings.Replace(text.String(), "# author:\n", "# author: "+clean(userName())+"\n", 1)
		if _, err := io.WriteString(to.out, authored); err != nil {
			return err
		}
	}
	return nil
}

func (c tablesUnmapped) printUnmapped(out io.Writer, d *desk, r unmappedJSON) {
	fmt.Fprintln(out, wrapped("", fmt.Sprintf("%s that no row decides; %s of %s undecided; %s malformed and not named", plural(len(r.Codes), "code", "codes"),
		number(r.Undecided), plural(r.Sightings, "look-up", "look-ups"), number(r.Malformed))))
	if r.Others > 0 {
		fmt.Fprintf(out, "%s of further codes, which the log had no room for\n", plural(r.Others, "look-up", "look-ups"))
	}
	if len(r.Codes) == 0 {
		return
	}
	fmt.Fprintln(out)
	var rows [][]string
	shown := len(r.Codes)
	if c.Top >= 0 {
		shown = min(shown, c.Top)
	}
	for _, u := range r.Codes[:shown] {
		days := u.First
		if u.Latest != u.First {
			days += "–" + u.Latest[min(5, len(u.Latest)):]
		}
		rows = append(rows, []string{number(u.Count), string(u.Scheme), codeText(u.Code, u.TermCode), u.Kind, u.To, string(u.Answer), days, u.Term})
	}
	list(out, "  ", []column{{head: "seen", right: true}, {head: "scheme"}, {head: "code"}, {head: "kind"}, {head: "to", limit: 20}, {head: "answer"}, {head: "days"}, {head: "term"}}, rows)
	if more := len(r.Codes) - shown; more > 0 {
		fmt.Fprintf(out, "  and %s more: --top -1\n", number(more))
	}
	for _, note := range r.Notes {
		fmt.Fprintln(out, wrapped("", "note: "+note))
	}
	if d.dictionary == nil {
		fmt.Fprintln(out, "terms come from dictionaries: --dictionary")
	}
	fmt.Fprintln(out, "rows to fill in: linkspan tables unmapped --tsv")
}
