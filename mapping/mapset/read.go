package mapset

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/mapping"
)

// Status is how one table of a set stands.
type Status struct {
	Entry
	// Needs is how many different people have to approve it: 0, 1 or 2.
	Needs int
	// Approvals are those that count; Refused says of every other note which it is and why it does not count.
	Approvals []Approval
	Refused   []string
}

// Loaded is a verified set, or why there is none.
type Loaded struct {
	// Set is nil where there is any fault.
	Set *mapping.Set
	// Manifest lists what is in Set. Its digest is Set.Digest().
	Manifest Manifest
	Tables   []Status
	// Faults refuse the set, sorted by file and line. Warnings are what a reviewer should look at. Notices are what an
	// operator should know; neither stops anything.
	Faults   []mapping.Fault
	Warnings []mapping.Warning
	Notices  []string
	// Pointer is what Current followed; zero where nothing is active.
	Pointer Pointer
}

// Err joins the faults; nil where there are none.
func (l Loaded) Err() error { return joined(l.Faults) }

// reader reads the tables of one folder and gathers every fault of all of them.
type reader struct {
	dir    string
	shown  string // the folder faults name, where it is not dir: of a copy, the folder it was copied from
	made   bool   // the folder is of a set, not of drafts
	moved  bool   // it is renamed while its tables are in use
	policy Policy
	faults []mapping.Fault
}

// readTable is one table file; table is nil where it has faults.
type readTable struct {
	table *mapping.Table
	facts Facts
}

func (r *reader) place(name string) string {
	return filepath.Join(cmp.Or(r.shown, r.dir), name)
}

func (r *reader) fault(name, what, why, mend string) {
	r.faults = append(r.faults, mapping.Fault{File: r.place(name), What: what, Why: why, Mend: mend})
}

func (r *reader) unreadable(name string) {
	r.fault(name, "cannot be read", "the table would be missing without a word", "restore the file and its permissions")
}

func (r *reader) changed(name string) {
	r.fault(name, "changed while it was read", "half a table is another table", "wait until it is copied, then run the command again")
}

// table reads one table. Its rows are those in force on the policy's day; the facts are of all rows, for which the file is
// read again where some are not in force.
func (r *reader) table(name string) readTable {
	before, err := os.Stat(filepath.Join(r.dir, name))
	if err != nil {
		r.unreadable(name)
		return readTable{}
	}
	t := r.parse(name, r.policy.Day)
	if t == nil {
		return readTable{}
	}
	all := t
	if r.policy.Day != "" {
		sum, rows := scan(filepath.Join(r.dir, name))
		if rows != t.Len() {
			if all = r.parse(name, ""); all == nil {
				return readTable{}
			}
		}
		if sum != t.SHA256 || all.SHA256 != t.SHA256 {
			r.changed(name)
			return readTable{}
		}
	}
	facts := factsOf(all)
	if after, err := os.Stat(filepath.Join(r.dir, name)); err != nil || !sameFile(before, after) {
		r.changed(name)
		return readTable{}
	}
	return readTable{t, facts}
}

func (r *reader) parse(name, day string) *mapping.Table {
	file := filepath.Join(r.dir, name)
	before, err := os.Stat(file)
	if err != nil || !before.Mode().IsRegular() { // a pipe or a device would be waited for
		r.unreadable(name)
		return nil
	}
	options := mapping.Options{Layer: mapping.LocalLayer, Day: day, Dictionary: r.policy.Dictionary}
	var t *mapping.Table
	var faults []mapping.Fault
	if movesOpen || r.made && !r.moved { // the words of large tables stay in their files
		t, faults = mapping.ReadFile(os.DirFS(r.dir), name, options)
	} else {
		f, err := os.Open(file)
		if err != nil {
			r.unreadable(name)
			return nil
		}
		t, faults = mapping.Parse(name, f, options)
		f.Close()
	}
	if after, err := os.Stat(file); err != nil || !sameFile(before, after) {
		r.changed(name)
		return nil
	}
	for _, fault := range faults {
		fault.File = r.place(name)
		r.faults = append(r.faults, fault)
	}
	return t
}

func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// approvals judges the notes that lie beside one table.
func (r *reader) approvals(name string, t readTable, notes []string) Status {
	s := Status{Entry: entry(name, t)}
	if len(r.policy.Approvers) == 0 {
		return s
	}
	s.Needs = 1
	if t.facts.Strict > 0 {
		s.Needs = 2
	}
	r.faults = append(r.faults, authorFault(r.place(name), t.facts.Author)...)
	people, keys := map[string]bool{}, map[string]bool{}
	for _, file := range notes {
		data, err := readNote(filepath.Join(r.dir, file))
		var a Approval
		var by Approver
		if err == nil {
			a, by, err = r.policy.verify(data, t.facts)
		}
		if err != nil {
			s.Refused = append(s.Refused, file+": "+err.Error())
			continue
		}
		_, key, _ := strings.Cut(by.Key, "+")
		_, key, _ = strings.Cut(key, "+")
		if people[person(a.Approver)] || keys[key] {
			s.Refused = append(s.Refused, file+": it is a second approval of one person")
			continue
		}
		people[person(a.Approver)], keys[key] = true, true
		s.Approvals = append(s.Approvals, a)
		s.Entry.Approvals = append(s.Entry.Approvals, a.Approver)
	}
	if len(s.Approvals) < s.Needs {
		r.unapproved(name, s)
	}
	return s
}

func (r *reader) unapproved(name string, s Status) {
	what := "not approved"
	if s.Needs == 2 {
		what = "not approved by two different people"
	}
	if len(s.Approvals) > 0 {
		what += ": only by " + strings.Join(s.Entry.Approvals, ", ")
	}
	for _, refused := range s.Refused {
		what += "; " + refused
	}
	why := "a table acts on records only when somebody the agreement names has signed it"
	if s.Needs == 2 {
		why = fmt.Sprintf("it has rows for allergies or medication, %d, where one pair of eyes is not enough", s.Strict)
	}
	if r.made {
		r.fault(name, what, why, "linkspan tables approve the draft, then linkspan tables activate")
		return
	}
	r.fault(name, what, why, "linkspan tables approve "+quoted(r.place(name))+" --key KEY --words REASON")
}

// quoted is a path as a shell takes it for one word.
func quoted(path string) string {
	if strings.ContainsAny(path, " '\"\\$`&;()<>|*?[]#~!") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

func entry(name string, t readTable) Entry {
	return Entry{ID: t.table.ID, Version: t.table.Version, SHA256: t.table.SHA256, File: name, Layer: t.table.Layer,
		From: t.table.From, To: t.table.To, Rows: t.facts.Rows, Strict: t.facts.Strict}
}

// listing is what lies in a folder, by the part it has in a set.
type listing struct {
	tables []string            // in name order
	notes  map[string][]string // by table
	other  []string
}

func list(dir string) (listing, error) {
	l := listing{notes: map[string][]string{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return l, err
	}
	for _, e := range entries { // ReadDir sorts by name
		name := e.Name()
		switch table, note := noteOf(name); {
		case e.IsDir() || name[0] == '.':
			l.other = append(l.other, name)
		case note:
			l.notes[table] = append(l.notes[table], name)
		case path.Ext(name) == ".tsv":
			l.tables = append(l.tables, name)
		default:
			l.other = append(l.other, name)
		}
	}
	return l, nil
}

// read reads every table a listing names, beneath them the starter tables where asked for, and makes the set.
func (r *reader) read(l listing, starter bool) Loaded {
	var out Loaded
	r.faults = append(r.faults, r.policy.faults(r.place(""))...)
	if len(l.tables) > MaxTables {
		r.fault("", fmt.Sprintf("%d tables", len(l.tables)), fmt.Sprintf("a set has at most %d", MaxTables), "put rows of one direction and layer into one table")
		l.tables = nil
	}
	if r.tooLarge(r.dir, l) {
		l.tables = nil
	}
	var tables []*mapping.Table
	whole := true
	for _, name := range l.tables {
		if !tableFile(name) {
			r.fault(name, "a name that cannot travel", "every instance keeps the file under the same name", fmt.Sprintf("rename it: at most %d characters, no colon, backslash or control character", maxFileName))
			continue
		}
		t := r.table(name)
		if t.table == nil {
			whole = false // without it, what the set as a whole lacks is no news
			continue
		}
		if r.policy.Live && (t.table.Use == "test" || t.table.Layer == mapping.StarterLayer) {
			r.fault(name, "marked use: test", "it is not for care, and this is live", "take the table away or load one that is for care")
		}
		if len(l.notes[name]) > maxNotes {
			r.fault(name, fmt.Sprintf("more than %d notes", maxNotes), "two approvals are enough", "delete the notes that no longer count")
			l.notes[name] = l.notes[name][:maxNotes]
		}
		tables = append(tables, t.table)
		out.Tables = append(out.Tables, r.approvals(name, t, l.notes[name]))
	}
	if starter {
		own, err := mapping.Starter()
		if err != nil { // its own tests see to it that this does not happen
			r.faults = append(r.faults, mapping.Fault{File: starterPrefix, What: err.Error(), Why: "linkspan itself is damaged", Mend: "install linkspan again"})
		}
		for _, t := range own {
			t := readTable{t, factsOf(t)}
			tables = append(tables, t.table)
			out.Tables = append(out.Tables, Status{Entry: entry(starterPrefix+path.Base(t.table.File), t)})
		}
	}
	if whole {
		r.whole(&out, tables)
	}
	for _, t := range tables {
		for _, w := range t.Warnings() {
			w.File = r.shownFile(w.File)
			out.Warnings = append(out.Warnings, w)
		}
	}
	if len(r.policy.Approvers) == 0 && !r.policy.Live {
		out.Notices = append(out.Notices, Unapproved)
	}
	out.Faults = r.faults
	sortFaults(out.Faults)
	slices.SortStableFunc(out.Warnings, func(a, b mapping.Warning) int { return inOrder(a.Fault, b.Fault) })
	if len(out.Faults) > 0 {
		out.Set = nil
	}
	return out
}

// whole makes the set of all tables and checks it as one.
func (r *reader) whole(out *Loaded, tables []*mapping.Table) {
	set, faults := mapping.NewSet(tables...)
	for _, fault := range faults {
		fault.File = r.shownFile(fault.File)
		r.faults = append(r.faults, fault)
	}
	if set == nil {
		return
	}
	out.Set = set
	order := map[string]int{}
	for i, t := range set.Tables() {
		order[t.ID+"\x00"+string(t.Layer)] = i
	}
	slices.SortFunc(out.Tables, func(a, b Status) int {
		return order[a.ID+"\x00"+string(a.Layer)] - order[b.ID+"\x00"+string(b.Layer)]
	})
	for _, s := range out.Tables {
		out.Manifest.Tables = append(out.Manifest.Tables, s.Entry)
	}
	out.Manifest.Pair = r.policy.Pair
	for _, w := range set.Lint() {
		w.File = r.shownFile(w.File)
		out.Warnings = append(out.Warnings, w)
	}
	for _, err := range r.policy.check(set) {
		r.fault("", err.Error(), "the pair cannot be served by these tables", "add the table or the row")
	}
	if !r.made && len(r.faults) == 0 {
		out.Warnings = append(out.Warnings, r.ahead(set)...)
	}
}

// daysAhead is how many of the next days on which other rows come into force are looked at.
const daysAhead = 3

// ahead warns of what will refuse the set once other rows are in force: at the next such day it could not be read again,
// and after it not be started with.
func (r *reader) ahead(set *mapping.Set) []mapping.Warning {
	for range daysAhead {
		day := set.Until()
		if day == "" {
			return nil
		}
		tables := set.Tables()
		for i, t := range tables {
			if t.Until() != day {
				continue
			}
			if tables[i] = r.parse(t.File, day); tables[i] == nil {
				return nil // which is a fault by now
			}
		}
		later, faults := mapping.NewSet(tables...)
		for i := range faults {
			faults[i].File = r.shownFile(faults[i].File)
		}
		if later != nil {
			for _, err := range r.policy.check(later) {
				faults = append(faults, mapping.Fault{File: r.place(""), What: err.Error(), Why: "the pair cannot be served by these tables", Mend: "add the table or the row"})
			}
		}
		if len(faults) > 0 {
			first := faults[0]
			first.What = "from " + day + " on the set will be refused: " + first.What
			return []mapping.Warning{{Fault: first, Count: len(faults)}}
		}
		set = later
	}
	return nil
}

// shownFile is the path of a file that mapping names by its name in the folder; starter tables have none.
func (r *reader) shownFile(name string) string {
	if name == "" {
		return name
	}
	if strings.Contains(name, "/") {
		return starterPrefix + path.Base(name)
	}
	return r.place(name)
}

func sortFaults(faults []mapping.Fault) { slices.SortStableFunc(faults, inOrder) }

func inOrder(a, b mapping.Fault) int {
	return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.What, b.What))
}

func joined(faults []mapping.Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return refused(faults)
}

// refused is a list of faults as an error, one a line.
type refused []mapping.Fault

// Error is every fault on its own line.
func (r refused) Error() string {
	lines := make([]string, len(r))
	for i, f := range r {
		lines[i] = f.Error()
	}
	return "tables refused:\n" + strings.Join(lines, "\n")
}

// hash is the SHA-256 of a file, in hexadecimal; empty where it cannot be read.
func hash(file string) string {
	sum, _ := scan(file)
	return sum
}

// scan is the SHA-256 of a file and the number of its lines after the comments and the header row: of a table, its rows on
// any day.
func scan(file string) (sum string, rows int) {
	f, err := os.Open(file)
	if err != nil {
		return "", 0
	}
	defer f.Close()
	h := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(f, h), 1<<16)
	above, start := true, true
	for {
		part, err := in.ReadSlice('\n')
		if len(part) > 0 {
			if start && !above {
				rows++
			}
			if start && above && part[0] != '#' && !bytes.HasPrefix(part, []byte("\ufeff#")) {
				above = false
			}
			start = part[len(part)-1] == '\n'
		}
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), rows
		}
		if err != nil && err != bufio.ErrBufferFull {
			return "", 0
		}
	}
}

// stamp completes a manifest.
func (m Manifest) stamp(by string, at time.Time) Manifest {
	m.By, m.Made = by, at.UTC().Truncate(time.Second)
	return m
}
