package mapset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Current loads the active set. Where none ever was: in test the starter tables alone, in live a fault.
func (f *Folder) Current(p Policy) Loaded {
	if pointer, found, err := f.Active(); found && err == nil {
		if _, err := f.resolve(pointer.Digest); err != nil {
			f.settle()
		}
	}
	return f.current(p)
}

// settle waits for a change under way, and brings back the set that one cut short was replacing. Where it cannot, whoever
// looks for the set says that it is gone.
func (f *Folder) settle() {
	if unlock, err := f.lock(); err == nil {
		unlock()
	}
}

// current is Current, also for one who holds the lock.
func (f *Folder) current(p Policy) Loaded {
	for attempt := 0; ; attempt++ {
		pointer, found, err := f.Active()
		if err != nil {
			return f.none(err.Error(), "it is not known which set acts", "linkspan tables activate, or linkspan tables rollback to one of linkspan tables list")
		}
		if !found {
			return f.atFirst(p)
		}
		l := f.Load(pointer.Digest, p)
		l.Pointer = pointer
		if len(l.Faults) == 0 || attempt == 2 {
			return l
		}
		// Two activations meanwhile may have taken the set away; the pointer tells.
		if now, _, err := f.Active(); err == nil && now == pointer {
			return l
		}
	}
}

// atFirst is what acts before anything was activated.
func (f *Folder) atFirst(p Policy) Loaded {
	history, err := f.History()
	if err != nil {
		return f.none(err.Error(), "it is not known which set acts", "restore the file or its permissions")
	}
	if len(history) > 0 {
		return f.none("the file ACTIVE is gone", "a set was active and would be replaced without a word",
			"linkspan tables rollback "+short(history[len(history)-1].Digest)+", or linkspan tables activate")
	}
	var drafts int
	if l, err := list(f.dir); err == nil && f.dir != "" {
		drafts = len(l.tables)
	}
	if p.Live {
		if f.dir == "" {
			return f.none("no folder of tables is named", "in live the program's own tables never act", "name it in LINKSPAN_TABLES")
		}
		return f.none("no map set is active", "in live nothing is translated without one",
			fmt.Sprintf("linkspan tables activate, once the tables in %s are approved", f.dir))
	}
	l := starterAlone(p)
	if drafts > 0 {
		l.Notices = append(l.Notices, fmt.Sprintf("%d tables in %s are drafts and do not act: linkspan tables activate", drafts, f.dir))
	}
	return l
}

// starterAlone is the set of the program's own tables.
func starterAlone(p Policy) Loaded {
	r := reader{dir: starterPrefix, policy: p}
	return r.read(listing{}, true)
}

func (f *Folder) none(what, why, mend string) Loaded {
	return Loaded{Faults: []mapping.Fault{{File: f.in(activeFile), What: what, Why: why, Mend: mend}}}
}

// Load loads one kept set by its digest or the start of it, and verifies all of it again: the digest, every file,
// the approvals under the policy, lint, and the pair's check.
//
// Starter tables are part of the program. Where a newer linkspan brings others than those the set was activated with, the
// new ones are loaded, with a notice, and Manifest and its digest are those of what was loaded: in test, where alone
// starter tables load, a daemon that no upgrade stops is worth more than the older tables, which are gone.
func (f *Folder) Load(digest string, p Policy) Loaded {
	name, err := f.resolve(digest)
	if err != nil {
		return f.none(err.Error(), "what is gone cannot act", "linkspan tables activate, or linkspan tables rollback to one of linkspan tables list")
	}
	return load(f.in(name), digest, p)
}

// load loads the set in a folder, the digest of which starts as given.
func load(dir, digest string, p Policy) Loaded {
	r := reader{dir: dir, made: true, policy: p}
	if strings.HasPrefix(filepath.Base(dir), newPrefix) { // of Unpack
		r.moved, r.shown = true, filepath.Join(filepath.Dir(dir), short(digest))
	}
	const mend = "linkspan tables activate, or linkspan tables rollback"
	refuse := func(name, what, why string) Loaded {
		r.fault(name, what, why, mend)
		sortFaults(r.faults)
		return Loaded{Faults: r.faults}
	}
	m, err := readManifest(dir)
	if err != nil {
		return refuse("manifest.json", err.Error(), "what is in the set is not known")
	}
	if !strings.HasPrefix(m.Digest(), digest) || !strings.HasPrefix(m.Digest(), filepath.Base(dir)) && !strings.HasPrefix(filepath.Base(dir), newPrefix) {
		return refuse("manifest.json", "it does not have the digest of the set", "a kept set never changes")
	}
	if p.Pair != "" && m.Pair != "" && m.Pair != p.Pair {
		return refuse("manifest.json", "it is a set of the pair "+printable(m.Pair), "this is the pair "+p.Pair)
	}
	l, err := list(dir)
	if err != nil {
		return refuse("", "the folder cannot be read", "its tables would be missing without a word")
	}
	l.other = slices.DeleteFunc(l.other, func(name string) bool { return name == "manifest.json" })
	starter := r.compare(m, l)
	if starter && p.Live {
		r.fault("manifest.json", "it lists starter tables", "they are not for care, and this is live", "linkspan tables activate")
	}
	if len(r.faults) > 0 {
		return refuse("", "the set is not as it was kept", "a kept set never changes")
	}
	loaded := r.read(l, starter && !p.Live)
	for _, s := range loaded.Tables {
		if i := slices.IndexFunc(m.Tables, func(e Entry) bool { return e.File == s.File }); !s.Starter() && !m.Tables[i].same(s.Entry) {
			loaded.Faults = append(loaded.Faults, mapping.Fault{File: r.place("manifest.json"), What: "it states other facts than those of " + s.File, Why: "a kept set never changes", Mend: mend})
		}
	}
	if len(loaded.Faults) > 0 {
		loaded.Set = nil
		return loaded
	}
	if loaded.Manifest.Digest() == m.Digest() {
		loaded.Manifest = m
		return loaded
	}
	if !starter {
		return refuse("manifest.json", "it does not list the tables in the order of the set", "a kept set never changes")
	}
	loaded.Manifest = loaded.Manifest.stamp(m.By, m.Made)
	loaded.Notices = append(loaded.Notices, fmt.Sprintf("the starter tables of this linkspan are not those of set %s; the new ones act, and the set is now %s: linkspan tables activate records it",
		short(m.Digest()), short(loaded.Manifest.Digest())))
	return loaded
}

// same compares what the bytes of a table decide.
func (e Entry) same(o Entry) bool {
	return e.ID == o.ID && e.Version == o.Version && e.SHA256 == o.SHA256 && e.File == o.File && e.Layer == o.Layer &&
		e.From == o.From && e.To == o.To && e.Rows == o.Rows && e.Strict == o.Strict
}

// compare holds the files of a kept set against its manifest, and tells whether it has starter tables.
func (r *reader) compare(m Manifest, l listing) (starter bool) {
	const why, mend = "a kept set never changes", "linkspan tables activate, or linkspan tables rollback"
	listed := map[string]bool{}
	for _, e := range m.Tables {
		if e.Starter() {
			starter = true
			continue
		}
		listed[e.File] = true
		if !slices.Contains(l.tables, e.File) {
			r.fault(e.File, "is gone", why, mend)
		} else if hash(filepath.Join(r.dir, e.File)) != e.SHA256 {
			r.fault(e.File, "was changed", why, mend)
		}
	}
	for _, name := range l.tables {
		if !listed[name] {
			r.fault(name, "is not in the manifest", why, mend)
		}
	}
	for table := range l.notes {
		if !listed[table] {
			r.fault(l.notes[table][0], "is not in the manifest", why, mend)
		}
	}
	for _, name := range l.other {
		r.fault(name, "is not in the manifest", why, mend)
	}
	return starter
}
