package mapset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/linkspan/linkspan/mapping"
)

// keep copies the drafts, checks the copy, and keeps it under its digest. It reports whether the very same set, approvals
// included, was kept before.
func (f *Folder) keep(p Policy, by string, at time.Time) (Report, bool, error) {
	l, faults := f.listDrafts()
	if len(faults) > 0 {
		return Report{Loaded: Loaded{Faults: faults}}, false, nil
	}
	dir, err := os.MkdirTemp(f.in(), newPrefix+"*")
	if err != nil {
		return Report{}, false, fmt.Errorf("mapset: keep: %w", err)
	}
	defer os.RemoveAll(dir)
	r := reader{dir: dir, shown: f.dir, moved: true, policy: p}
	if l, err = r.copy(f.dir, l); err != nil {
		return Report{}, false, fmt.Errorf("mapset: keep: %w", err)
	}
	report := Report{Loaded: r.drafts(l)}
	f.differ(&report, p, nil)
	if len(report.Faults) > 0 {
		return report, false, nil
	}
	report.Manifest = report.Manifest.stamp(by, at)
	same, err := f.place(dir, report.Manifest)
	if err != nil {
		return report, false, fmt.Errorf("mapset: keep: %w", err)
	}
	return report, same, nil
}

// copy copies tables and their notes into r.dir, each read once, and lists what it copied. A file that vanishes or changes
// meanwhile is a fault; an error is of the folder written to.
func (r *reader) copy(from string, l listing) (listing, error) {
	copied := listing{notes: map[string][]string{}}
	if r.tooLarge(from, l) {
		return copied, nil
	}
	for _, name := range l.tables {
		ok, err := r.copyFile(from, name, mapping.MaxTableBytes)
		if err != nil {
			return copied, err
		}
		if !ok {
			continue
		}
		copied.tables = append(copied.tables, name)
		for _, note := range l.notes[name][:min(len(l.notes[name]), maxNotes+1)] {
			ok, err := r.copyFile(from, note, maxNote)
			if err != nil {
				return copied, err
			}
			if ok {
				copied.notes[name] = append(copied.notes[name], note)
			}
		}
	}
	return copied, nil
}

func (r *reader) copyFile(from, name string, limit int64) (bool, error) {
	file := filepath.Join(from, name)
	before, err := os.Stat(file)
	if err != nil || !before.Mode().IsRegular() {
		r.unreadable(name)
		return false, nil
	}
	f, err := os.Open(file)
	if err != nil {
		r.unreadable(name)
		return false, nil
	}
	defer f.Close()
	n, err := writeFile(filepath.Join(r.dir, name), io.LimitReader(f, limit+1))
	if err != nil {
		return false, err
	}
	after, err := os.Stat(file)
	if err != nil || !sameFile(before, after) || n != min(after.Size(), limit+1) {
		r.changed(name)
		return false, nil
	}
	return true, nil
}

// tooLarge refuses more bytes than a set may have, before they are copied.
func (r *reader) tooLarge(dir string, l listing) bool {
	var total int64
	for _, name := range l.tables {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			total += info.Size()
		}
	}
	if total <= MaxSetBytes {
		return false
	}
	r.fault("", fmt.Sprintf("tables of more than %d bytes", int64(MaxSetBytes)), "no set of this trade is so large", "take away what is no table of the pair")
	return true
}

// place moves a complete set to where its digest says. A set that is there already stays, where it is the same to the
// last byte of its tables and notes; else it was damaged or has other approvals, and is replaced as a whole.
func (f *Folder) place(dir string, m Manifest) (same bool, err error) {
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return false, err
	}
	if _, err := writeFile(filepath.Join(dir, "manifest.json"), bytes.NewReader(append(data, '\n'))); err != nil {
		return false, err
	}
	if err := syncDir(dir); err != nil {
		return false, err
	}
	name := short(m.Digest())
	there, old := f.in(name), f.in(oldPrefix+name)
	if _, err := os.Lstat(there); err != nil {
		if err := os.Rename(dir, there); err != nil {
			return false, err
		}
		return false, syncDir(f.in())
	}
	if alike(dir, there) {
		return true, nil
	}
	if err := os.Rename(there, old); err != nil {
		return false, err
	}
	if err := os.Rename(dir, there); err != nil {
		return false, errors.Join(err, os.Rename(old, there))
	}
	if err := syncDir(f.in()); err != nil {
		return false, err
	}
	_ = os.RemoveAll(old) // what stays is removed next time
	return false, nil
}

// alike reports whether two folders hold one set: manifests that list the same, and the same files.
func alike(a, b string) bool {
	am, errA := readManifest(a)
	bm, errB := readManifest(b)
	if errA != nil || errB != nil || am.Pair != bm.Pair || !slices.EqualFunc(am.Tables, bm.Tables, Entry.same) {
		return false
	}
	listA, errA := os.ReadDir(a)
	listB, errB := os.ReadDir(b)
	if errA != nil || errB != nil {
		return false
	}
	return slices.EqualFunc(listA, listB, func(x, y os.DirEntry) bool {
		if x.Name() != y.Name() {
			return false
		}
		h := hash(filepath.Join(a, x.Name()))
		return x.Name() == "manifest.json" || h != "" && h == hash(filepath.Join(b, y.Name()))
	})
}

// keepStarter keeps the set of the program's own tables, so that the first activation in test can be undone.
func (f *Folder) keepStarter(p Policy, by string, at time.Time) (string, error) {
	l := starterAlone(p)
	if err := l.Err(); err != nil {
		return "", nil // alone they do not satisfy the pair: there is nothing to go back to
	}
	dir, err := os.MkdirTemp(f.in(), newPrefix+"*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	m := l.Manifest.stamp(by, at)
	_, err = f.place(dir, m)
	return m.Digest(), err
}
