package bridge

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/mapping/mapset"
)

// mark tells without reading a table whether anything changed since a look.
type mark string

// activeMark is of the pointer file, of the files of the set it points to, and of
// the dictionaries the set is judged by: one that was damaged and then mended is
// worth another look.
func (k *keeper) activeMark() mark {
	var dictionaries mark
	for _, path := range k.dictionaries {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			dictionaries += mark(fmt.Sprintf("%d %d\n", info.Size(), info.ModTime().UnixNano()))
			continue
		}
		dictionaries += filesMark(path, "")
	}
	return dictionaries + k.pointerMark()
}

func (k *keeper) pointerMark() mark {
	pointer, found, err := k.folder.Active()
	if err != nil {
		text, _ := os.ReadFile(filepath.Join(k.folder.SetsDir(), "ACTIVE"))
		return mark("damaged " + string(text[:min(len(text), 4096)]))
	}
	if !found {
		return ""
	}
	return mark(fmt.Sprintf("%s %s %s\n", pointer.Digest, pointer.Since, pointer.By)) +
		filesMark(filepath.Join(k.folder.SetsDir(), pointer.Digest[:16]), "")
}

// draftsMark is of the tables and approvals that lie in the folder itself.
func (k *keeper) draftsMark() mark { return filesMark(k.folder.Dir(), ".tsv", ".note") }

// filesMark is the names, sizes and times of a folder's files of some endings.
func filesMark(dir string, endings ...string) mark {
	if dir == "" {
		return ""
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, e := range entries {
		if e.IsDir() || !slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(e.Name(), ending) }) {
			continue
		}
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return mark(b.String())
}

// keep follows the folder, the pointer in NATS and the calendar until ctx ends.
func (k *keeper) keep(ctx context.Context) {
	watcher, err := fsnotify.NewWatcher()
	var changes <-chan fsnotify.Event
	var lost <-chan error
	if err != nil { // the machine has no watches left: the poll finds the same, later
		k.log.Warn("tables folder is not watched, only looked at now and then", zap.Error(err))
		watcher = nil
	} else {
		defer watcher.Close()
		changes, lost = watcher.Events, watcher.Errors
	}
	sightings, ended := k.sightings(ctx)
	defer func() { <-ended }()
	active, drafts, day := stopped(), stopped(), stopped()
	poll := time.NewTicker(k.pace.poll)
	defer poll.Stop()
	k.watch(watcher, active, drafts)
	k.untilDay(day)
	pending := false // the drafts are changing right now
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-changes:
			if event.Op == fsnotify.Chmod {
				continue
			}
			if k.watch(watcher, active, drafts); strings.HasPrefix(event.Name, k.folder.SetsDir()) {
				active.Reset(k.pace.quiet)
			} else if strings.HasPrefix(event.Name, k.folder.Dir()) {
				pending = true
				drafts.Reset(k.pace.quiet)
			}
		case <-lost: // events went by
			active.Reset(k.pace.quiet)
			drafts.Reset(k.pace.quiet)
		case <-active.C:
			k.lookActive(ctx)
		case <-drafts.C:
			pending = false
			k.lookDrafts(ctx)
		case <-day.C:
			k.lookActive(ctx)
		case <-poll.C:
			k.watch(watcher, active, drafts)
			k.lookActive(ctx)
			if !pending {
				k.lookDrafts(ctx)
			}
		case s := <-sightings:
			k.follow(ctx, s)
		case do := <-k.asks:
			do(ctx)
		}
		k.untilDay(day)
	}
}

// stopped is a timer that does not run.
func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// watch sees to it that what exists of the folder is watched, and where nothing
// does, the folder it will appear in. What is newly watched is looked at too: it
// may have changed before the watch began.
func (k *keeper) watch(w *fsnotify.Watcher, active, drafts *time.Timer) {
	dir := k.folder.Dir()
	if dir == "" || w == nil {
		return
	}
	watched := w.WatchList()
	add := func(dir string, timer *time.Timer) bool {
		if slices.Contains(watched, dir) {
			return true
		}
		if w.Add(dir) != nil {
			return false
		}
		timer.Reset(k.pace.quiet)
		return true
	}
	if !add(dir, drafts) {
		add(filepath.Dir(dir), drafts)
	}
	add(k.folder.SetsDir(), active)
}

// untilDay sets the timer to the day on which the set in force changes.
func (k *keeper) untilDay(timer *time.Timer) {
	now := k.now()
	day, err := time.ParseInLocation(time.DateOnly, k.current.Load().until, now.Location())
	if err != nil || !day.After(now) { // never, or the poll looks again
		timer.Stop()
		return
	}
	timer.Reset(day.Sub(now))
}

// lookActive loads the active set again where anything of it changed, or its
// day has come. What was refused is not read again until it changes.
func (k *keeper) lookActive(ctx context.Context) {
	if k.remote != nil && !k.obeyed(ctx) {
		return
	}
	running := k.current.Load()
	seen := k.activeMark()
	look := seen
	today := k.today()
	due := running.until != "" && today >= running.until || today < running.day // a clock that was ahead was put right
	if due {
		look += mark("day " + today)
	}
	if look == k.seen {
		return
	}
	k.seen = look
	policy, faults := k.policy(ctx)
	var loaded mapset.Loaded
	if len(faults) == 0 {
		loaded = k.folder.Current(policy)
		faults = loaded.Faults
	}
	if ctx.Err() != nil {
		return
	}
	if len(faults) > 0 {
		k.refuse(loaded.Pointer.Digest, loaded.Pointer.By, faults)
		return
	}
	if due {
		k.seen = seen
		k.use(loaded, policy.Day, reasonDay)
		return
	}
	// What changes nothing, as when only the times of files changed, is no news
	// unless a refusal is over.
	if loaded.Set.Digest() != running.set.Digest() || loaded.Pointer.Digest != running.pointer.Digest || k.refused.Load() != nil {
		k.use(loaded, policy.Day, reasonChange)
		return
	}
	next := *running // judged by dictionaries that may be others now
	next.set = loaded.Set
	k.current.Store(&next)
}

// lookDrafts checks the drafts where they changed, and says what activating
// them would change, or what stands against it. It changes nothing.
func (k *keeper) lookDrafts(ctx context.Context) {
	seen := k.draftsMark()
	if seen == k.drafts {
		return
	}
	k.drafts = seen
	if seen == "" {
		return
	}
	running := k.current.Load()
	event := TablesEvent{Instance: k.instance, State: TablesDraft, Previous: running.set.Digest()}
	policy, faults := k.policy(ctx)
	if len(faults) == 0 {
		report := k.folder.Check(policy, running.set)
		faults = report.Faults
		event.Warnings = warned(report.Warnings)
		event.changes(report.Difference)
		if report.Set != nil {
			event.Digest, event.Day = report.Set.Digest(), policy.Day
		}
	}
	if ctx.Err() != nil {
		return
	}
	if len(faults) > 0 {
		event.State = TablesDraftRefused
		event.refusal(faults)
	}
	event.At = k.now()
	k.publish("tables", event)
}
