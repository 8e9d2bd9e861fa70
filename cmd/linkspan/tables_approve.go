package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

type tablesKey struct {
	Out  string `help:"File for the private key; default NAME.key. It is never written over."`
	JSON bool   `help:"Print JSON instead of text."`
	Name string `arg:"" help:"The person's name without spaces, e.g. jane.smith."`
}

// Help says what becomes of the two keys.
func (tablesKey) Help() string {
	return "The private key stays with the person alone: whoever has it can sign in their name. It goes into no repository and no message, and to nobody who writes tables. " +
		"The line that is printed goes into the sharing agreement under \"approvers\", with the person's role, by those who govern the agreement."
}

// Run makes a key pair. The private key is written for its owner alone and shown nowhere.
func (c tablesKey) Run(to streams) error {
	file := cmp.Or(c.Out, c.Name+".key")
	private, public, err := mapset.Key(c.Name)
	if err != nil {
		return usageError{err}
	}
	if err := writeNew(file, []byte(private+"\n"), 0o600, false); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	line := struct {
		Key  string `json:"key"`
		Role string `json:"role"`
	}{public, "..."}
	if c.JSON {
		return printJSON(to.out, struct {
			Name string `json:"name"`
			File string `json:"file"`
			Key  string `json:"key"`
		}{c.Name, file, public})
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	fmt.Fprintf(to.out, "the private key of %s is in %s: it stays with that person alone\n", c.Name, shownPath(file))
	fmt.Fprintf(to.out, "for the agreement, under \"approvers\", with the role filled in:\n\n%s\n", text)
	return nil
}

type tablesApprove struct {
	tablesSettings
	Key    string   `type:"existingfile" help:"The approver's private key, as linkspan tables key wrote it."`
	Role   string   `help:"What the person approves as; default what the agreement states for the key."`
	Words  string   `help:"The hazard reference or the reason, one line."`
	Look   bool     `help:"Only show what is to be approved, and sign nothing."`
	Tables []string `arg:"" name:"table" help:"The draft, by its file or by its name in the folder."`
}

// approving is one table somebody is about to sign.
type approving struct {
	file  string
	facts mapset.Facts
	table *mapping.Table
	// whole is what the active set would change with this table in the place of the one of its name.
	whole mapset.Difference
	was   string // id and version of that one
	// warnings are of the table alone and of what it does among the active ones.
	warnings []mapping.Warning
	// strict are the rows for allergies and medication that differ from that one, all of them.
	strict []strictChange
}

// strictChange is one row for allergies or medication that the approval brings, changes or takes away.
type strictChange struct {
	change   mapset.Change
	old, new *mapping.Row
}

// Run shows every table first and then signs it as shown: a file that changes in between is not signed.
func (c tablesApprove) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if !c.Look && (c.Key == "" || c.Words == "") {
		return usageError{errors.New("approve: --key and --words are needed; --look only shows")}
	}
	private, err := c.signer(d)
	if err != nil {
		return err
	}
	d.policy.Day = "" // a row of another day is approved too
	active, known := d.acting()
	var all []approving
	var faults []mapping.Fault
	for _, name := range c.Tables {
		a, found := d.look(d.draftFile(name), active)
		faults = append(faults, found...)
		all = append(all, a)
	}
	if len(faults) > 0 {
		return d.refuse("nothing was signed", faults)
	}
	var result approvedJSON
	result.Compared = known
	for _, a := range all {
		result.Tables = append(result.Tables, a.json())
	}
	if !d.JSON {
		for _, a := range all {
			a.print(to.out, known)
		}
	}
	if c.Look {
		return d.print(result, func(out io.Writer) { fmt.Fprintln(out, "nothing was signed") })
	}
	for i, a := range all {
		approval, file, found, err := mapset.Approve(a.file, mapset.Approving{Key: private, Role: c.Role, Words: c.Words, At: time.Now(), SHA256: a.facts.SHA256})
		if err != nil {
			fmt.Fprintln(to.err, "refused:", err)
			return errRefused
		}
		if len(found) > 0 {
			return d.refuse("nothing was signed", found)
		}
		result.Tables[i].Note, result.Approver, result.Role = shownPath(file), approval.Approver, approval.Role
		if !d.JSON {
			fmt.Fprintln(to.out, wrapped("", fmt.Sprintf("signed by %s, %s: %s", approval.Approver, approval.Role, shownPath(file))))
		}
	}
	return d.print(result, func(out io.Writer) {
		fmt.Fprintln(out, "next: linkspan tables check, which says what is still missing")
	})
}

// signer reads the private key and compares it with the agreement, where one is given: a note that will not count is not
// worth signing.
func (c *tablesApprove) signer(d *desk) (string, error) {
	if c.Look {
		return "", nil
	}
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return "", err
	}
	private := strings.TrimSpace(string(text))
	public, err := mapset.Public(private)
	if err != nil {
		return "", usageError{fmt.Errorf("--key: %w", err)}
	}
	if d.Agreement == "" {
		if c.Role == "" {
			return "", usageError{errors.New("approve: --role is needed, as the agreement states it for the key; or --agreement")}
		}
		return private, nil
	}
	i := slices.IndexFunc(d.policy.Approvers, func(a mapset.Approver) bool { return a.Key == public })
	if i < 0 {
		name, _, _ := strings.Cut(public, "+")
		fmt.Fprintln(d.to.err, wrapped("", "refused: the agreement does not name this key of "+name+", so its approval would not count"))
		return "", errRefused
	}
	role := d.policy.Approvers[i].Role
	if c.Role = cmp.Or(c.Role, role); c.Role != role {
		fmt.Fprintln(d.to.err, wrapped("", "refused: the agreement states the role "+role+" for this key, so another would not count"))
		return "", errRefused
	}
	return private, nil
}

// draftFile finds a draft by the path or by its name in the folder.
func (d *desk) draftFile(name string) string {
	for _, file := range []string{name, filepath.Join(d.Dir, name), filepath.Join(d.Dir, name+".tsv")} {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return name
}

// acting is the active set, nil where there is none to compare with.
func (d *desk) acting() (*mapping.Set, bool) {
	l := d.folder.Current(d.policy)
	return l.Set, l.Set != nil
}

// look gathers what somebody must know who signs a table.
func (d *desk) look(file string, active *mapping.Set) (approving, []mapping.Fault) {
	a := approving{file: file}
	var faults []mapping.Fault
	if a.facts, faults = mapset.ReadFacts(file); len(faults) > 0 {
		return a, faults
	}
	if a.table, faults = mapping.ReadFile(os.DirFS(filepath.Dir(file)), filepath.Base(file), mapping.Options{Layer: mapping.LocalLayer, Dictionary: d.words()}); len(faults) > 0 {
		for i := range faults {
			faults[i].File = file
		}
		return a, faults
	}
	tables := []*mapping.Table{a.table}
	var before *mapping.Table
	if active != nil {
		for _, t := range active.Tables() {
			if t.ID == a.table.ID && t.Layer == a.table.Layer {
				before, a.was = t, t.ID+" "+t.Version
				continue
			}
			tables = append(tables, t)
		}
	}
	set, faults := mapping.NewSet(tables...)
	if len(faults) > 0 {
		for i := range faults {
			faults[i].File = filepath.Join(d.Dir, faults[i].File)
		}
		return a, faults
	}
	a.whole = mapset.Diff(active, set)
	for _, w := range slices.Concat(a.table.Warnings(), set.Lint()) {
		if w.File == a.table.File {
			w.File = file
			a.warnings = append(a.warnings, w)
		}
	}
	a.strict = strictChanges(before, a.table)
	return a, nil
}

// strictChanges compares the rows for allergies and medication of two versions of a table, the older of which may be nil.
func strictChanges(before, after *mapping.Table) []strictChange {
	type key struct {
		value, termCode string
		context         mapping.Context
		from            string
	}
	keyOf := func(r *mapping.Row) key { return key{r.Source.Value, r.Source.TermCode, r.Context, r.ValidFrom} }
	old := map[key]*mapping.Row{}
	if before != nil {
		for row := range before.Rows() {
			if mapset.StrictRow(before, &row) {
				old[keyOf(&row)] = &row
			}
		}
	}
	var changes []strictChange
	for row := range after.Rows() {
		if !mapset.StrictRow(after, &row) {
			continue
		}
		was := old[keyOf(&row)]
		delete(old, keyOf(&row))
		switch {
		case was == nil:
			changes = append(changes, strictChange{mapset.Added, nil, &row})
		case !was.Target.Is(row.Target):
			changes = append(changes, strictChange{mapset.Retargeted, was, &row})
		case was.Relation != row.Relation || was.Assured != row.Assured || was.Source.Term != row.Source.Term || was.Target.Term != row.Target.Term ||
			was.Reason != row.Reason || was.ValidTo != row.ValidTo:
			changes = append(changes, strictChange{mapset.Changed, was, &row})
		}
	}
	if before != nil {
		for row := range before.Rows() {
			if was := old[keyOf(&row)]; was != nil {
				changes = append(changes, strictChange{mapset.Removed, was, nil})
			}
		}
	}
	return changes
}

type approvedJSON struct {
	Approver string              `json:"approver,omitempty"`
	Role     string              `json:"role,omitempty"`
	Compared bool                `json:"compared"` // with an active set
	Tables   []approvedTableJSON `json:"tables"`
}

type approvedTableJSON struct {
	File string `json:"file"`
	Note string `json:"note,omitempty"`
	mapset.Facts
	Was        string             `json:"was,omitempty"`
	Difference *mapset.Difference `json:"difference"`
	StrictRows []strictJSON       `json:"strict_changes"`
}

type strictJSON struct {
	Change mapset.Change  `json:"change"`
	Old    *strictRowJSON `json:"old,omitempty"`
	New    *strictRowJSON `json:"new,omitempty"`
}

type strictRowJSON struct {
	Line     int              `json:"line"`
	Code     string           `json:"code"`
	TermCode string           `json:"term_code,omitempty"`
	Term     string           `json:"term,omitempty"`
	Context  string           `json:"context"`
	Relation mapping.Relation `json:"relation"`
	Target   string           `json:"target_code,omitempty"`
	TargetTC string           `json:"target_term_code,omitempty"`
	Words    string           `json:"target_term,omitempty"`
	Reason   string           `json:"reason,omitempty"`
}

func (a approving) json() approvedTableJSON {
	one := approvedTableJSON{File: shownPath(a.file), Facts: a.facts, Was: a.was, Difference: &a.whole, StrictRows: []strictJSON{}}
	side := func(r *mapping.Row) *strictRowJSON {
		if r == nil {
			return nil
		}
		return &strictRowJSON{Line: r.Line, Code: r.Source.Value, TermCode: r.Source.TermCode, Term: r.Source.Term, Context: orAny(r.Context), Relation: r.Relation,
			Target: r.Target.Value, TargetTC: r.Target.TermCode, Words: r.Target.Term, Reason: r.Reason}
	}
	for _, s := range a.strict {
		one.StrictRows = append(one.StrictRows, strictJSON{s.change, side(s.old), side(s.new)})
	}
	return one
}

// print shows what is being approved.
func (a approving) print(out io.Writer, known bool) {
	h := a.table.Header
	fmt.Fprintln(out, wrapped("", fmt.Sprintf("to approve: %s, table %s %s, %s of which %s for allergies or medication", shownPath(a.file), h.ID, h.Version,
		plural(a.facts.Rows, "row", "rows"), number(a.facts.Strict))))
	fmt.Fprintln(out, wrapped("  ", fmt.Sprintf("%s to %s, layer %s, author %s", h.From, h.To, h.Layer, cmp.Or(h.Author, "not stated"))))
	fmt.Fprintln(out, wrapped("  ", "licence "+h.Licence+"; source "+h.Source))
	fmt.Fprintln(out, "  SHA-256 "+a.facts.SHA256)
	needs := "the approval of one person who is not its author"
	if a.facts.Strict > 0 {
		needs = "the approvals of two different people, neither of them its author"
	}
	fmt.Fprintf(out, "  it needs %s\n", needs)
	switch {
	case a.was != "":
		fmt.Fprintln(out, wrapped("  ", "it takes the place of "+a.was+", which is active"))
	case !known:
		fmt.Fprintln(out, "  no set is active, so that every row is new")
	}
	printWarnings(out, a.warnings)
	fmt.Fprint(out, "\nwith it, against what is active: ")
	printDifference(out, a.whole, 3)
	if len(a.strict) > 0 {
		fmt.Fprintf(out, "\nrows for allergies and medication that differ, all %s:\n", number(len(a.strict)))
		for _, s := range a.strict {
			printStrict(out, s)
		}
	}
	fmt.Fprintln(out)
}

func printStrict(out io.Writer, s strictChange) {
	row := cmp.Or(s.new, s.old)
	fmt.Fprintln(out, wrapped("  ", fmt.Sprintf("%s line %d: %s%s, %s", s.change, row.Line, codeText(row.Source.Value, row.Source.TermCode), quotedTerm(row.Source.Term), orAny(row.Context))))
	for _, side := range []struct {
		word string
		*mapping.Row
	}{{"was", s.old}, {"now", s.new}} {
		if side.Row == nil {
			continue
		}
		words := ""
		if s.old != nil && s.new != nil && s.old.Source.Term != s.new.Source.Term {
			words = quotedTerm(side.Source.Term) + " →"
		}
		until := ""
		if side.ValidTo != "" {
			until = ", in force until " + side.ValidTo
		}
		fmt.Fprintln(out, wrapped("      ", side.word+words+" "+rowText(side.Target, side.Relation, side.Assured, side.Reason)+until))
	}
}
