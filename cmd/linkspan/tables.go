package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/dictionary"
	"github.com/linkspan/linkspan/mapping/mapset"
	"github.com/linkspan/linkspan/pairs"
)

// tablesCommand is everything a supplier engineer does with mapping tables. Drafts lie in one folder and touch nothing
// until they are activated; linkspan run uses the active set.
type tablesCommand struct {
	Import   tablesImport   `cmd:"" help:"Make drafts of national, supplier, FHIR or SSSOM files."`
	Check    tablesCheck    `cmd:"" help:"Say everything that stands against the drafts, or against single files."`
	Explain  tablesExplain  `cmd:"" help:"Say which row answers for a code, and why the others do not."`
	Coverage tablesCoverage `cmd:"" help:"Count what the tables code: of dictionaries, messages and traffic."`
	Unmapped tablesUnmapped `cmd:"" help:"List the codes seen in traffic that no row decides: the work list."`
	Diff     tablesDiff     `cmd:"" help:"Compare two sets, and what changes for the codes seen."`
	Key      tablesKey      `cmd:"" help:"Make the key pair of a person who approves tables."`
	Approve  tablesApprove  `cmd:"" help:"Show what is to be approved and sign it."`
	List     tablesList     `cmd:"" help:"List the drafts with their state, and the sets that are kept."`
	Activate tablesActivate `cmd:"" help:"Make the drafts the active set."`
	Rollback tablesRollback `cmd:"" help:"Make the previous set, or another that is kept, the active one again."`
	Push     tablesPush     `cmd:"" help:"Send a set to several instances over NATS and make it active on all."`
	Export   tablesExport   `cmd:"" help:"Write one table as FHIR ConceptMap, SSSOM or TSV."`
}

// tablesSettings are where the tables are and what a set must satisfy. The names of the variables are those of the
// daemon, so that both judge alike.
type tablesSettings struct {
	Dir         string   `env:"LINKSPAN_TABLES" help:"Folder of the drafts and the kept sets."`
	Pair        string   `env:"LINKSPAN_PAIR" help:"The pair, e.g. emisweb-systmone; default that of the agreement."`
	Agreement   string   `env:"LINKSPAN_AGREEMENT" help:"File of the sharing agreement, which names the approvers."`
	Environment string   `env:"LINKSPAN_ENVIRONMENT" default:"live" enum:"live,test" help:"live or test; starter tables act in test only."`
	Dictionary  []string `env:"LINKSPAN_DICTIONARIES" help:"File or folder of the site's dictionaries; may be repeated."`
	JSON        bool     `help:"Print JSON instead of text."`
}

// tablesWho is the person a change is recorded under.
type tablesWho struct {
	By string `help:"Who does this, for the record; default the user of this machine."`
}

func (w tablesWho) name() string { return cmp.Or(w.By, userName()) }

// userName is the user of the machine, "unknown" where it has no names.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return cmp.Or(os.Getenv("USER"), "unknown")
}

// desk is the settings opened: the folder, the policy of the day, the pair and the dictionaries.
type desk struct {
	tablesSettings
	to         streams
	folder     *mapset.Folder
	policy     mapset.Policy
	dictionary *dictionary.Dictionary // nil where none is loaded
}

// open reads the agreement and the dictionaries. Every error is a setting used wrongly.
func (s tablesSettings) open(ctx context.Context, to streams) (*desk, error) {
	if s.Dir != "" {
		s.Dir = filepath.Clean(s.Dir)
	}
	d := &desk{tablesSettings: s, to: to, folder: mapset.Open(s.Dir)}
	d.policy = mapset.Policy{Live: s.Environment == "live", Day: time.Now().Format(time.DateOnly)}
	if s.Agreement != "" {
		if err := d.readAgreement(); err != nil {
			return nil, usageError{err}
		}
	}
	if d.Pair != "" {
		pair, err := pairs.Find(d.Pair)
		if err != nil {
			return nil, usageError{fmt.Errorf("--pair: %w", err)}
		}
		d.policy.Pair, d.policy.Check = pair.Name, pair.Check
	}
	return d, d.readDictionaries(ctx)
}

func (d *desk) readAgreement() error {
	file, err := os.Open(d.Agreement)
	if err != nil {
		return fmt.Errorf("--agreement: %w", err)
	}
	defer file.Close()
	agreement, err := governance.Read(file)
	if err != nil {
		return fmt.Errorf("--agreement: %s: %w", d.Agreement, err)
	}
	if d.Pair != "" && d.Pair != agreement.Pair {
		return fmt.Errorf("--pair is %s, and the agreement is of the pair %s", d.Pair, agreement.Pair)
	}
	d.Pair = agreement.Pair
	for _, a := range agreement.Approvers {
		d.policy.Approvers = append(d.policy.Approvers, mapset.Approver{Key: a.Key, Role: a.Role})
	}
	return nil
}

func (d *desk) readDictionaries(ctx context.Context) error {
	if len(d.Dictionary) == 0 {
		return nil
	}
	show := newProgress(d.to)
	loaded, faults := dictionary.Load(ctx, d.Dictionary, func(p dictionary.Progress) {
		show.line("%s: %s rows, %s of %s", filepath.Base(p.File), number(p.Rows), size(p.Bytes), size(p.Size))
	})
	show.end()
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(loaded.Schemes()) == 0 {
		for _, f := range faults {
			fmt.Fprintln(d.to.err, shownFault(f).Error())
		}
		return usageError{errors.New("--dictionary: no dictionary could be read")}
	}
	d.dictionary, d.policy.Dictionary = loaded, loaded
	if len(faults) > 0 {
		const shown = 20
		fmt.Fprintf(d.to.err, "dictionaries: %s; what is whole in them is used\n", plural(len(faults), "fault", "faults"))
		for _, f := range faults[:min(len(faults), shown)] {
			fmt.Fprintln(d.to.err, shownFault(f).Error())
		}
	}
	return nil
}

// needDir wants the folder of tables, needPair the pair.
func (d *desk) needDir() error {
	if d.Dir == "" {
		return usageError{errors.New("which folder of tables? Add --dir DIR, or set LINKSPAN_TABLES")}
	}
	return nil
}

func (d *desk) needPair() error {
	if d.Pair == "" {
		return usageError{errors.New("which pair? Add --pair, e.g. --pair emisweb-systmone, or set LINKSPAN_PAIR or LINKSPAN_AGREEMENT")}
	}
	return d.needDir()
}

// words is the dictionary for those who take none.
func (d *desk) words() mapping.Dictionary { return d.policy.Dictionary }

// chosen is a map set that was named on the command line.
type chosen struct {
	set   *mapping.Set
	label string // the words to name it by
	// dir is where the files of its tables are, "" for those of the program.
	dir      string
	manifest mapset.Manifest // of a kept set
	tables   []mapset.Status
}

// choose finds the set that a word names: active, drafts, previous, the digest of a kept set or the start of one, or a
// folder of tables. Drafts and folders need no approval to be looked at. With faults they are told and the error is
// errRefused.
func (d *desk) choose(word string) (chosen, error) {
	pointer, _, _ := d.folder.Active() // a damaged pointer is a fault of active
	switch word {
	case "active":
		l := d.folder.Current(d.policy)
		if l.Pointer.Digest == "" && l.Set != nil {
			return chosen{set: l.Set, label: "the starter tables (no set is active)", manifest: l.Manifest, tables: l.Tables}, nil
		}
		return d.kept(l, "the active set")
	case "previous":
		if pointer.Previous == "" {
			return chosen{}, errors.New("no set was active before this one; linkspan tables list shows the kept ones")
		}
		return d.kept(d.folder.Load(pointer.Previous, d.policy), "the previous set")
	case "drafts":
		if err := d.needDir(); err != nil {
			return chosen{}, err
		}
		return d.readFolder(d.Dir, "the drafts")
	}
	if info, err := os.Stat(word); err == nil && info.IsDir() {
		return d.readFolder(word, "the tables")
	}
	if len(word) < 4 || strings.Trim(word, "0123456789abcdef") != "" {
		return chosen{}, usageError{fmt.Errorf("%q is no set: write active, drafts, previous, four or more characters of a digest, or a folder", word)}
	}
	if err := d.needDir(); err != nil {
		return chosen{}, err
	}
	return d.kept(d.folder.Load(word, d.policy), "the set")
}

// kept is a set of the folder as it was loaded.
func (d *desk) kept(l mapset.Loaded, what string) (chosen, error) {
	if len(l.Faults) > 0 {
		return chosen{}, d.refuse("the tables cannot be used", l.Faults)
	}
	d.notices(l.Notices)
	digest := short(l.Manifest.Digest())
	return chosen{set: l.Set, label: what + " " + digest, dir: filepath.Join(d.folder.SetsDir(), digest), manifest: l.Manifest, tables: l.Tables}, nil
}

// readFolder makes a set of the tables of a folder, as linkspan translate --tables does: in test the starter tables lie
// beneath them.
func (d *desk) readFolder(dir, what string) (chosen, error) {
	dir = filepath.Clean(dir)
	tables, faults := mapping.Load(os.DirFS(dir), ".", mapping.Options{Layer: mapping.LocalLayer, Day: d.policy.Day, Dictionary: d.words()})
	inDir := func(faults []mapping.Fault) []mapping.Fault {
		for i, f := range faults {
			if !strings.Contains(f.File, "/") {
				faults[i].File = filepath.Join(dir, f.File)
			}
		}
		return faults
	}
	if len(faults) > 0 {
		return chosen{}, d.refuse(what+" in "+shownPath(dir)+" cannot be used", inDir(faults))
	}
	if !d.policy.Live {
		own, err := mapping.Starter()
		if err != nil {
			return chosen{}, err
		}
		tables = append(tables, own...)
	}
	set, faults := mapping.NewSet(tables...)
	if len(faults) > 0 {
		return chosen{}, d.refuse(what+" in "+shownPath(dir)+" cannot be used", inDir(faults))
	}
	return chosen{set: set, label: what + " in " + shownPath(dir), dir: dir}, nil
}

// place is where a table's file is, for a person.
func (c chosen) place(t *mapping.Table) string {
	if t.Layer == mapping.StarterLayer {
		return "starter/" + filepath.Base(t.File)
	}
	return shownPath(filepath.Join(c.dir, filepath.Base(t.File)))
}

// refuse tells every fault, one a line, and ends the command.
func (d *desk) refuse(what string, faults []mapping.Fault) error {
	said := map[mapping.Fault]bool{} // of a file of many tables, what each lacks is said once
	faults = slices.DeleteFunc(slices.Clone(faults), func(f mapping.Fault) bool {
		again := said[f]
		said[f] = true
		return again
	})
	if d.JSON {
		return cmp.Or(d.print(refusalJSON{Refused: what, Faults: faultsJSON(faults)}, nil), errRefused)
	}
	fmt.Fprintf(d.to.err, "refused: %s: %s\n", what, plural(len(faults), "fault", "faults"))
	for _, f := range faults {
		fmt.Fprintln(d.to.err, shownFault(f).Error())
	}
	return errRefused
}

func (d *desk) notices(notices []string) {
	for _, notice := range notices {
		if notice != mapset.Unapproved {
			fmt.Fprintln(d.to.err, wrapped("", "note: "+notice))
		}
	}
}

// short is the part of a digest that names a set.
func short(digest string) string { return digest[:min(16, len(digest))] }

// shownPath is a path as seen from here, where that is shorter.
func shownPath(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(here, path); err == nil && relative != ".." && !strings.HasPrefix(relative, "../") {
		return relative
	}
	return path
}

func shownFault(f mapping.Fault) mapping.Fault {
	f.File = clean(shownPath(f.File))
	return f
}
