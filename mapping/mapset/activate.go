package mapset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/linkspan/linkspan/mapping"
)

// Report is what a check or a change came to.
type Report struct {
	Loaded
	// Difference is what changes against the set that was active; against no set at all everything is added.
	Difference Difference
	// Already says that the set was active before, so that nothing was done.
	Already bool
}

// Check reads the drafts and tells everything that stands against them at once: faults of every file, approvals that
// lack, what the pair needs; and what they would change. It changes nothing. The set compared with is the one given,
// or where nil the active one.
func (f *Folder) Check(p Policy, running *mapping.Set) Report {
	l, faults := f.listDrafts()
	if len(faults) > 0 {
		return Report{Loaded: Loaded{Faults: faults}}
	}
	r := reader{dir: f.dir, policy: p}
	report := Report{Loaded: r.drafts(l)}
	f.differ(&report, p, running)
	return report
}

// drafts reads the drafts of the folder, from r.dir where that is a copy.
func (r *reader) drafts(l listing) Loaded {
	if len(l.tables) == 0 && r.policy.Live {
		r.fault("", "no tables", "in live the program's own tables never act", "put the tables of the pair into the folder")
	}
	out := r.read(l, !r.policy.Live)
	for _, table := range slices.Sorted(maps.Keys(l.notes)) {
		if !slices.Contains(l.tables, table) {
			out.Notices = append(out.Notices, r.place(l.notes[table][0])+" is the note of a table that is not here")
		}
	}
	return out
}

// listDrafts lists the drafts of the folder.
func (f *Folder) listDrafts() (listing, []mapping.Fault) {
	l, err := list(f.dir)
	if f.dir == "" || err != nil {
		return l, []mapping.Fault{{File: f.dir, What: "the folder cannot be read", Why: "its tables would be missing without a word",
			Mend: "name it in LINKSPAN_TABLES and make it, or restore its permissions"}}
	}
	return l, nil
}

// differ compares a report's set with the active one.
func (f *Folder) differ(report *Report, p Policy, running *mapping.Set) {
	if pointer, _, err := f.Active(); err == nil {
		report.Pointer = pointer
	}
	if report.Set == nil {
		return
	}
	if running == nil {
		current := f.current(p)
		if running = current.Set; running == nil && current.Pointer.Digest != "" {
			report.Notices = append(report.Notices, "the active set cannot be loaded, so everything counts as added: "+current.Faults[0].Error())
		}
	}
	report.Difference = Diff(running, report.Set)
}

// Activate makes the drafts the active set: it copies them once, checks the copy, keeps it and points to it. With faults
// nothing changes. An error is of the file system, or a *MasterError.
func (f *Folder) Activate(p Policy, by string, at time.Time) (Report, error) {
	return f.change(true, func() (Report, error) {
		report, same, err := f.keep(p, by, at)
		if err != nil || len(report.Faults) > 0 {
			return report, err
		}
		return f.point(report, p, Event{At: at.UTC(), By: by, Action: "activate", Digest: report.Manifest.Digest()}, same)
	})
}

// Keep checks the drafts and keeps them as a set without pointing to it: the first half of Activate, for a set that is
// to be sent to several instances. A folder whose sets come from elsewhere may keep sets.
func (f *Folder) Keep(p Policy, by string, at time.Time) (Report, error) {
	return f.change(false, func() (Report, error) {
		report, _, err := f.keep(p, by, at)
		return report, err
	})
}

// Point makes a kept set the active one, for whoever distributes sets: the master of the folder is not asked. The set is
// loaded and verified first.
func (f *Folder) Point(p Policy, digest, by string, at time.Time) (Report, error) {
	return f.change(false, func() (Report, error) { return f.pointTo(p, digest, "distribute", by, at) })
}

// Rollback makes a kept set the active one again: the previous one, or the one whose digest starts as given. It is
// loaded and verified first. A second Rollback undoes the first.
func (f *Folder) Rollback(p Policy, to, by string, at time.Time) (Report, error) {
	return f.change(true, func() (Report, error) {
		if to == "" {
			pointer, _, err := f.Active()
			if err != nil {
				return Report{}, err
			}
			if to = pointer.Previous; to == "" {
				return Report{}, errors.New("mapset: rollback: no set was active before this one")
			}
		}
		return f.pointTo(p, to, "rollback", by, at)
	})
}

// change runs one change under the lock, unless the master is elsewhere and is to be asked.
func (f *Folder) change(asMaster bool, run func() (Report, error)) (Report, error) {
	if asMaster {
		command, err := f.Master()
		if err != nil {
			return Report{}, err
		}
		if command != "" {
			return Report{}, &MasterError{command}
		}
	}
	unlock, err := f.lock()
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	return run()
}

func (f *Folder) pointTo(p Policy, start, action, by string, at time.Time) (Report, error) {
	name, err := f.resolve(start)
	if err != nil {
		return Report{}, fmt.Errorf("mapset: %s: %w", action, err)
	}
	report := Report{Loaded: load(f.in(name), start, p)}
	if len(report.Faults) > 0 {
		return report, nil
	}
	kept, err := readManifest(f.in(name))
	if err != nil {
		return report, fmt.Errorf("mapset: %s: %w", action, err)
	}
	f.differ(&report, p, nil)
	return f.point(report, p, Event{At: at.UTC(), By: by, Action: action, Digest: kept.Digest()}, true)
}

// point replaces the pointer. What is active already stays so, unless its folder was replaced: then readers are told.
func (f *Folder) point(report Report, p Policy, e Event, same bool) (Report, error) {
	fail := func(what string, err error) (Report, error) {
		return report, fmt.Errorf("mapset: %s: %s%w", e.Action, what, err)
	}
	before, found, damaged := f.Active()
	if found && before.Digest == e.Digest && same {
		report.Already, report.Pointer = true, before
		return report, nil
	}
	switch {
	case before.Digest == e.Digest:
		e.Previous = before.Previous
	case found:
		e.Previous = before.Digest
	case damaged == nil && !p.Live:
		starter, err := f.keepStarter(p, e.By, e.At)
		if err != nil {
			return fail("", err)
		}
		if starter != e.Digest {
			e.Previous = starter
		}
	}
	now := Pointer{Digest: e.Digest, Since: e.At, By: e.By, Previous: e.Previous}
	data, err := json.Marshal(now)
	if err != nil {
		return fail("", err)
	}
	if err := replaceFile(f.in(activeFile), append(data, '\n'), 0o644); err != nil {
		return fail("", err)
	}
	report.Pointer = now
	if err := f.record(e); err != nil {
		return fail("the set is active, its line in the history is not written: ", err)
	}
	if err := f.prune(p.kept()); err != nil {
		return fail("the set is active, an old one is not deleted: ", err)
	}
	return report, nil
}

// record appends one line to the history.
func (f *Folder) record(e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	file, err := os.OpenFile(f.in(historyFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if info, err := file.Stat(); err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' { // a crash cut the last line short
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = file.Write(line)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// prune deletes the sets beyond those kept, the ones not active for longest first.
func (f *Folder) prune(keep int) error {
	sets, err := f.Sets()
	if err != nil {
		return err
	}
	for i, k := range sets {
		if i < keep || k.Active || k.Previous {
			continue
		}
		if err := f.remove(k.name); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a set so that no half of it is ever seen.
func (f *Folder) remove(name string) error {
	gone := f.in(gonePrefix + name)
	if err := errors.Join(os.RemoveAll(gone), os.Rename(f.in(name), gone)); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}
