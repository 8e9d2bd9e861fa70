package mapset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Names in D/sets.
const (
	activeFile  = "ACTIVE"
	historyFile = "HISTORY"
	masterFile  = "MASTER"
	lockFile    = "LOCK"
	newPrefix   = ".new-"  // a set being written
	gonePrefix  = ".gone-" // a set being deleted
	oldPrefix   = ".old-"  // a set being replaced by one of the same digest
)

// Folder is one folder of map sets. It holds nothing open and may be used by many goroutines. The files of kept sets are
// readable by their owner alone: the daemon and linkspan tables run as one user.
type Folder struct{ dir string }

// Open names a folder. It need not exist: then nothing is active and nothing is a draft. An empty name is no folder.
func Open(dir string) *Folder { return &Folder{dir} }

// Dir is the folder of the drafts.
func (f *Folder) Dir() string { return f.dir }

// SetsDir is the folder of the kept sets: what a daemon watches. ACTIVE in it is replaced whenever another set becomes
// active.
func (f *Folder) SetsDir() string { return f.in() }

// in is a path in D/sets.
func (f *Folder) in(names ...string) string {
	return filepath.Join(append([]string{f.dir, "sets"}, names...)...)
}

// Pointer says which set is active.
type Pointer struct {
	Digest string    `json:"digest"`
	Since  time.Time `json:"since"`
	By     string    `json:"by"`
	// Previous is what Rollback goes to; empty where nothing was active before.
	Previous string `json:"previous,omitempty"`
}

// Event is one line of the history.
type Event struct {
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Action   string    `json:"action"` // activate, rollback or distribute
	Digest   string    `json:"digest"`
	Previous string    `json:"previous,omitempty"`
}

// Kept is one set on disk.
type Kept struct {
	Digest   string
	Manifest Manifest
	Active   bool
	Previous bool
	// Activated is when it last became active; zero where it never did.
	Activated time.Time
	// Fault is why its manifest cannot be read; empty where it can. Whether the set is whole only Load tells.
	Fault string
	name  string // of its folder
}

// MasterError refuses a change of a folder whose sets come from elsewhere.
type MasterError struct{ Command string }

// Error names the command to use instead.
func (e *MasterError) Error() string {
	return "mapset: the sets of this folder come from elsewhere: use " + e.Command
}

// Active reads which set is active; false where none is.
func (f *Folder) Active() (Pointer, bool, error) {
	var p Pointer
	if f.dir == "" {
		return p, false, nil
	}
	data, err := readFile(f.in(activeFile), maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("mapset: active: %w", err)
	}
	if err := strict(data, &p); err != nil || !hexadecimal(p.Digest, 64) || p.Previous != "" && !hexadecimal(p.Previous, 64) {
		return Pointer{}, false, fmt.Errorf("mapset: active: %s is damaged", f.in(activeFile))
	}
	return p, true, nil
}

// Master is the command to use instead of activating here; empty where this folder is the master of its sets.
func (f *Folder) Master() (string, error) {
	if f.dir == "" {
		return "", nil
	}
	data, err := readFile(f.in(masterFile), maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("mapset: master: %w", err)
	}
	if command := strings.TrimSpace(string(data)); command != "" {
		return command, nil
	}
	return "the command of the master", nil
}

// SetMaster marks the folder as fed from elsewhere, by the command to use instead; an empty command takes the mark away.
func (f *Folder) SetMaster(command string) error {
	if command != "" {
		if err := f.make(); err != nil {
			return err
		}
		return replaceFile(f.in(masterFile), []byte(command+"\n"), 0o644)
	}
	if err := os.Remove(f.in(masterFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("mapset: master: %w", err)
	}
	return nil
}

// History lists what was ever activated, oldest first. A line a crash cut short is left out.
func (f *Folder) History() ([]Event, error) {
	if f.dir == "" {
		return nil, nil
	}
	data, err := readFile(f.in(historyFile), 64<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mapset: history: %w", err)
	}
	var events []Event
	for line := range bytes.Lines(data) {
		var e Event
		if strict(line, &e) == nil {
			events = append(events, e)
		}
	}
	return events, nil
}

// Sets lists the kept sets, the one activated last first.
func (f *Folder) Sets() ([]Kept, error) {
	names, err := f.names()
	if err != nil {
		return nil, fmt.Errorf("mapset: sets: %w", err)
	}
	pointer, _, _ := f.Active() // a damaged pointer is told by Current
	history, err := f.History()
	if err != nil {
		return nil, err
	}
	last := map[string]time.Time{}
	for _, e := range history {
		last[short(e.Digest)] = e.At
	}
	var sets []Kept
	for _, name := range names {
		k := Kept{Digest: name, name: name, Activated: last[name], Active: name == short(pointer.Digest), Previous: name == short(pointer.Previous)}
		if m, err := readManifest(f.in(name)); err != nil {
			k.Fault = err.Error()
		} else if k.Manifest = m; short(m.Digest()) != k.name {
			k.Fault = "the digest of the manifest is not the folder's name"
		} else {
			k.Digest = m.Digest()
		}
		sets = append(sets, k)
	}
	slices.SortStableFunc(sets, func(a, b Kept) int {
		switch {
		case a.Active != b.Active:
			return first(a.Active)
		case a.Previous != b.Previous:
			return first(a.Previous)
		case !a.Activated.Equal(b.Activated):
			return b.Activated.Compare(a.Activated)
		}
		return b.Manifest.Made.Compare(a.Manifest.Made)
	})
	return sets, nil
}

// names are the folders of the kept sets.
func (f *Folder) names() ([]string, error) {
	if f.dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(f.in())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && hexadecimal(e.Name(), 16) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func first(yes bool) int {
	if yes {
		return -1
	}
	return 1
}

// resolve finds the folder of the kept set that a digest or the start of one names.
func (f *Folder) resolve(digest string) (string, error) {
	names, err := f.names()
	if err != nil {
		return "", err
	}
	var found []string
	for _, name := range names {
		if digest != "" && strings.HasPrefix(name, short(digest)) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no kept set %s; linkspan tables list shows them", printable(digest))
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%d kept sets start with %s: write more of the digest", len(found), digest)
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s[:min(len(s), 80)])
}

// make sees to it that D/sets exists.
func (f *Folder) make() error {
	if f.dir == "" {
		return errors.New("mapset: no folder of tables is named")
	}
	if err := os.MkdirAll(f.in(), 0o755); err != nil {
		return fmt.Errorf("mapset: %w", err)
	}
	return nil
}

// lock takes the folder for one change, and removes what a crash left of another; a set that was being replaced returns.
func (f *Folder) lock() (unlock func(), err error) {
	if err := f.make(); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(f.in(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("mapset: lock: %w", err)
	}
	if err := lock(file); err != nil {
		return nil, errors.Join(fmt.Errorf("mapset: lock: %w", err), file.Close())
	}
	entries, err := os.ReadDir(f.in())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mapset: lock: %w", err), file.Close())
	}
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), oldPrefix); ok && hexadecimal(name, 16) {
			if _, err := os.Lstat(f.in(name)); errors.Is(err, fs.ErrNotExist) {
				_ = os.Rename(f.in(e.Name()), f.in(name)) // what cannot be is tried next time
				continue
			}
		}
		if strings.HasPrefix(e.Name(), newPrefix) || strings.HasPrefix(e.Name(), gonePrefix) || strings.HasPrefix(e.Name(), oldPrefix) {
			_ = os.RemoveAll(f.in(e.Name())) // what stays is removed next time
		}
	}
	return func() { _ = file.Close() }, nil
}

// readManifest reads the manifest of a kept set.
func readManifest(dir string) (Manifest, error) {
	var m Manifest
	data, err := readFile(filepath.Join(dir, "manifest.json"), maxManifest)
	if errors.Is(err, fs.ErrPermission) {
		return m, errors.New("the manifest may not be read by this user: the daemon and linkspan tables run as one user")
	}
	if err != nil {
		return m, errors.New("the manifest cannot be read")
	}
	return parseManifest(data)
}

func parseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := strict(data, &m); err != nil {
		return Manifest{}, errors.New("the manifest is damaged")
	}
	if m.unprintable() {
		return Manifest{}, errors.New("the manifest is damaged")
	}
	files := map[string]bool{}
	for _, e := range m.Tables {
		name := strings.TrimPrefix(e.File, starterPrefix)
		if !tableFile(name) || files[e.File] || !hexadecimal(e.SHA256, 64) {
			return Manifest{}, errors.New("the manifest is damaged")
		}
		files[e.File] = true
	}
	if len(m.Tables) > MaxTables+1000 { // and the starter tables
		return Manifest{}, errors.New("the manifest is damaged")
	}
	return m, nil
}

// unprintable reports a manifest whose words would do something to the terminal they are shown on.
func (m Manifest) unprintable() bool {
	words := []string{m.Pair, m.By}
	for _, e := range m.Tables {
		words = append(words, e.ID, e.Version, string(e.Layer), string(e.From), string(e.To))
		words = append(words, e.Approvals...)
	}
	return slices.ContainsFunc(words, func(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) })
}

// strict decodes one JSON value with no unknown member and nothing after it.
func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("text after the end")
	}
	return nil
}

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", name, limit)
	}
	return data, err
}

// replaceFile puts a file in place of another so that a reader sees the one or the other, also after a power cut.
func replaceFile(name string, data []byte, mode os.FileMode) error {
	t, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = t.Write(data)
	if err == nil {
		err = errors.Join(t.Chmod(mode), t.Sync())
	}
	if err = errors.Join(err, t.Close()); err == nil {
		err = os.Rename(t.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.Name()))
	}
	return syncDir(filepath.Dir(name))
}

// writeFile writes one file that never changes after.
func writeFile(name string, r io.Reader) (int64, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return n, errors.Join(err, f.Close())
}
