package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

type tablesList struct{ tablesSettings }

// The states of a draft against the active set.
const (
	draftActive  = "active"  // the same bytes act
	draftChanged = "changed" // another version acts
	draftNew     = "new"     // no table of this name acts
	draftFaulty  = "faulty"  // it cannot be read as a table
	draftGone    = "gone"    // it acts, and is no draft any more
)

// statusJSON is how a table stands.
type statusJSON struct {
	File      string         `json:"file"`
	ID        string         `json:"id"`
	Version   string         `json:"version"`
	Layer     mapping.Layer  `json:"layer"`
	From      mapping.Scheme `json:"from"`
	To        mapping.Scheme `json:"to"`
	Rows      int            `json:"rows"`
	Strict    int            `json:"strict"` // rows for allergies or medication
	State     string         `json:"state,omitempty"`
	Needs     int            `json:"needs"` // approvals
	Approvals []string       `json:"approvals"`
	Refused   []string       `json:"refused_approvals,omitempty"`
}

// statusJSON says how a draft stands against the tables that act.
func (d *desk) statusJSON(s mapset.Status, state string, acting []mapset.Entry) statusJSON {
	if state == "" {
		state = stateOf(s.Entry, acting)
	}
	return statusJSON{File: shownPath(filepath.Join(d.Dir, s.File)), ID: s.ID, Version: s.Version, Layer: s.Layer, From: s.From, To: s.To, Rows: s.Rows, Strict: s.Strict,
		State: state, Needs: s.Needs, Approvals: append([]string{}, s.Entry.Approvals...), Refused: s.Refused}
}

func stateOf(e mapset.Entry, acting []mapset.Entry) string {
	i := slices.IndexFunc(acting, func(a mapset.Entry) bool { return a.ID == e.ID && a.Layer == e.Layer && !a.Starter() })
	switch {
	case i < 0:
		return draftNew
	case acting[i].SHA256 == e.SHA256:
		return draftActive
	}
	return draftChanged
}

type keptJSON struct {
	Digest   string     `json:"digest"`
	Active   bool       `json:"active"`
	Previous bool       `json:"previous"`
	Since    *time.Time `json:"since,omitempty"` // last activated
	By       string     `json:"by"`
	Tables   int        `json:"tables"`
	Starter  int        `json:"starter_tables"`
	Rows     int        `json:"rows"`
	Fault    string     `json:"fault,omitempty"`
}

type listJSON struct {
	Active string       `json:"active"` // digest, "" where no set is
	Master string       `json:"master,omitempty"`
	Drafts []statusJSON `json:"drafts"`
	Sets   []keptJSON   `json:"sets"`
}

// Run lists; what is faulty is listed too.
func (c tablesList) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if err := d.needDir(); err != nil {
		return err
	}
	sets, err := d.folder.Sets()
	if err != nil {
		return err
	}
	pointer, _, damaged := d.folder.Active()
	master, err := d.folder.Master()
	if err != nil {
		return err
	}
	result := listJSON{Active: pointer.Digest, Master: master, Drafts: []statusJSON{}, Sets: []keptJSON{}}
	for _, k := range sets {
		result.Sets = append(result.Sets, keptOf(k))
	}
	acting := actingIn(sets)
	faults, warnings := d.listDrafts(&result, acting)
	err = d.print(result, func(out io.Writer) {
		d.printList(out, result)
		if faults > 0 || warnings > 0 {
			fmt.Fprintf(out, "\n%s against the drafts, %s: linkspan tables check\n", plural(faults, "fault", "faults"), plural(warnings, "kind of warning", "kinds of warning"))
		}
	})
	return cmp.Or(err, damaged)
}

// actingIn are the tables of the active set; not nil.
func actingIn(sets []mapset.Kept) []mapset.Entry {
	acting := []mapset.Entry{}
	for _, k := range sets {
		if k.Active {
			acting = append(acting, k.Manifest.Tables...)
		}
	}
	return acting
}

// listDrafts lists the drafts and what acts without being one, and counts the faults and the kinds of warning.
func (d *desk) listDrafts(result *listJSON, acting []mapset.Entry) (faults, warnings int) {
	report := d.folder.Check(d.policy, nil)
	seen := map[string]bool{}
	for _, s := range report.Tables {
		if s.Starter() {
			continue
		}
		seen[s.File] = true
		result.Drafts = append(result.Drafts, d.statusJSON(s, "", acting))
	}
	faulty := map[string]bool{}
	for _, f := range report.Faults {
		name := filepath.Base(f.File)
		if strings.HasSuffix(name, ".tsv") && !seen[name] {
			faulty[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(faulty)) {
		result.Drafts = append(result.Drafts, statusJSON{File: shownPath(filepath.Join(d.Dir, name)), State: draftFaulty, Approvals: []string{}})
	}
	for _, e := range acting {
		if !e.Starter() && !slices.ContainsFunc(result.Drafts, func(s statusJSON) bool {
			return s.ID == e.ID && s.Layer == e.Layer || filepath.Base(s.File) == e.File
		}) {
			result.Drafts = append(result.Drafts, d.statusJSON(mapset.Status{Entry: e}, draftGone, nil))
		}
	}
	own, _ := ownWarnings(report.Warnings)
	return len(report.Faults), len(own)
}

func keptOf(k mapset.Kept) keptJSON {
	one := keptJSON{Digest: k.Digest, Active: k.Active, Previous: k.Previous, By: k.Manifest.By, Fault: k.Fault}
	if !k.Activated.IsZero() {
		one.Since = &k.Activated
	}
	for _, e := range k.Manifest.Tables {
		if e.Starter() {
			one.Starter++
		} else {
			one.Tables++
			one.Rows += e.Rows
		}
	}
	return one
}

func (d *desk) printList(out io.Writer, l listJSON) {
	active := "no set is active"
	if l.Active != "" {
		active = "active is " + short(l.Active)
	}
	fmt.Fprintln(out, wrapped("", fmt.Sprintf("%s in %s, %s kept; %s", plural(len(l.Drafts), "draft", "drafts"), shownPath(d.Dir), plural(len(l.Sets), "set", "sets"), active)))
	if l.Master != "" {
		fmt.Fprintln(out, wrapped("", "the sets of this folder come from elsewhere: use "+l.Master))
	}
	if len(l.Drafts) > 0 {
		fmt.Fprintln(out, "\ndrafts, against what is active:")
		printStatus(out, l.Drafts)
	}
	if len(l.Sets) == 0 {
		return
	}
	fmt.Fprintln(out, "\nkept sets, to go back to with linkspan tables rollback:")
	var rows [][]string
	for _, k := range l.Sets {
		state, since := "", "never active"
		switch {
		case k.Fault != "":
			state = "damaged"
		case k.Active:
			state = "active"
		case k.Previous:
			state = "previous"
		}
		if k.Since != nil {
			since = k.Since.Local().Format("2006-01-02 15:04")
		}
		rows = append(rows, []string{short(k.Digest), state, since, number(k.Tables), number(k.Starter), number(k.Rows), k.By})
	}
	list(out, "  ", []column{{head: "set"}, {head: "state"}, {head: "since"}, {head: "tables", right: true}, {head: "starter", right: true}, {head: "rows", right: true}, {head: "made by"}}, rows)
}

// printStatus lists tables with their approvals.
func printStatus(out io.Writer, tables []statusJSON) {
	var rows [][]string
	for _, s := range tables {
		approvals := "none needed"
		if s.Needs > 0 {
			approvals = fmt.Sprintf("%d of %d", min(len(s.Approvals), s.Needs), s.Needs)
			if len(s.Approvals) > 0 {
				approvals += ": " + strings.Join(s.Approvals, ", ")
			}
		}
		if s.State == draftFaulty || s.State == draftGone {
			approvals = ""
		}
		rows = append(rows, []string{filepath.Base(s.File), s.State, string(s.Layer), number(s.Rows), number(s.Strict), approvals})
	}
	list(out, "  ", []column{{head: "table", limit: 40}, {head: "state"}, {head: "layer"}, {head: "rows", right: true}, {head: "strict", right: true}, {head: "approvals"}}, rows)
	if slices.ContainsFunc(tables, func(s statusJSON) bool { return s.Strict > 0 }) {
		fmt.Fprintln(out, "  strict are rows for allergies or medication: two different people approve the table")
	}
}
