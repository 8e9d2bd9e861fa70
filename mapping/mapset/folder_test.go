package mapset_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// version is a draft that differs from every other one by its target.
func version(n int) string {
	return plain(fmt.Sprintf("A1...|00|One|XaA%02d||Eins|equivalent|any|no||||", n))
}

// keptFile is the path of a file in the active set.
func keptFile(t *testing.T, f *mapset.Folder, name string) string {
	t.Helper()
	pointer, found, err := f.Active()
	require.NoError(t, err)
	require.True(t, found)
	return filepath.Join(f.SetsDir(), pointer.Digest[:16], name)
}

func edit(t *testing.T, file string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(file, 0o600))
	require.NoError(t, os.WriteFile(file, []byte(change(string(text))), 0o400))
}

func TestAKeptSetNeverChanges(t *testing.T) {
	dir := t.TempDir()
	staff := hire(t, "bob")
	staff.approve(t, write(t, dir, "a.tsv", plain()), "bob")
	f := mapset.Open(dir)
	activate(t, f, staff.policy(t))
	entries, err := os.ReadDir(keptFile(t, f, ""))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o400), info.Mode(), e.Name())
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"a.tsv", "a.tsv.bob.note", "manifest.json"}, names)

	before, err := os.ReadFile(keptFile(t, f, "manifest.json"))
	require.NoError(t, err)
	write(t, dir, "a.tsv", version(2))
	require.NoError(t, f.Current(staff.policy(t)).Err(), "a draft touches nothing")
	require.NoError(t, os.Remove(filepath.Join(dir, "a.tsv")))
	require.NoError(t, f.Current(staff.policy(t)).Err())
	after, err := os.ReadFile(keptFile(t, f, "manifest.json"))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// Whatever is done to a kept set on disk: it is refused, activation of the same drafts mends it.
func TestATamperedSetIsRefused(t *testing.T) {
	manifest := func(change func(m map[string]any)) func(*testing.T, *mapset.Folder) {
		return func(t *testing.T, f *mapset.Folder) {
			edit(t, keptFile(t, f, "manifest.json"), func(text string) string {
				var m map[string]any
				require.NoError(t, json.Unmarshal([]byte(text), &m))
				change(m)
				out, err := json.Marshal(m)
				require.NoError(t, err)
				return string(out)
			})
		}
	}
	first := func(m map[string]any) map[string]any { return m["tables"].([]any)[0].(map[string]any) }
	for what, c := range map[string]struct {
		tamper func(t *testing.T, f *mapset.Folder)
		want   string
	}{
		"a byte of a table": {func(t *testing.T, f *mapset.Folder) {
			edit(t, keptFile(t, f, "a.tsv"), func(s string) string { return strings.Replace(s, "XaAA1", "XaAA2", 1) })
		}, "a.tsv:0: was changed"},
		"a table and its hash": {func(t *testing.T, f *mapset.Folder) {
			edit(t, keptFile(t, f, "manifest.json"), func(s string) string {
				return strings.Replace(s, `"sha256": "`, `"sha256": "0000`, 1)
			})
		}, "manifest"},
		"a table gone":  {func(t *testing.T, f *mapset.Folder) { require.NoError(t, os.Remove(keptFile(t, f, "a.tsv"))) }, "a.tsv:0: is gone"},
		"a table more":  {func(t *testing.T, f *mapset.Folder) { write(t, keptFile(t, f, ""), "c.tsv", plain()) }, "c.tsv:0: is not in the manifest"},
		"a note more":   {func(t *testing.T, f *mapset.Folder) { write(t, keptFile(t, f, ""), "c.tsv.bob.note", "x") }, "c.tsv.bob.note:0: is not in the manifest"},
		"another file":  {func(t *testing.T, f *mapset.Folder) { write(t, keptFile(t, f, ""), "README", "x") }, "README:0: is not in the manifest"},
		"the note gone": {func(t *testing.T, f *mapset.Folder) { require.NoError(t, os.Remove(keptFile(t, f, "a.tsv.bob.note"))) }, "not approved"},
		"no manifest":   {func(t *testing.T, f *mapset.Folder) { require.NoError(t, os.Remove(keptFile(t, f, "manifest.json"))) }, "the manifest cannot be read"},
		"half a manifest": {func(t *testing.T, f *mapset.Folder) {
			edit(t, keptFile(t, f, "manifest.json"), func(s string) string { return s[:len(s)/2] })
		}, "the manifest is damaged"},
		"two manifests": {func(t *testing.T, f *mapset.Folder) {
			edit(t, keptFile(t, f, "manifest.json"), func(s string) string { return s + s })
		}, "the manifest is damaged"},
		"no tables listed":  {manifest(func(m map[string]any) { m["tables"] = []any{} }), "does not have the digest"},
		"another version":   {manifest(func(m map[string]any) { first(m)["version"] = "2" }), "does not have the digest"},
		"another layer":     {manifest(func(m map[string]any) { first(m)["layer"] = "derived" }), "other facts"},
		"fewer strict rows": {manifest(func(m map[string]any) { first(m)["strict"] = 1 }), "other facts"},
		"a path":            {manifest(func(m map[string]any) { first(m)["file"] = "../a.tsv" }), "the manifest is damaged"},
		"a starter table":   {manifest(func(m map[string]any) { first(m)["file"] = "starter/a.tsv" }), "starter"},
		"another pair":      {manifest(func(m map[string]any) { m["pair"] = "other" }), "pair other"},
		"an unknown member": {manifest(func(m map[string]any) { m["exempt"] = true }), "the manifest is damaged"},
		"the set gone":      {func(t *testing.T, f *mapset.Folder) { require.NoError(t, os.RemoveAll(keptFile(t, f, ""))) }, "no kept set"},
		"a damaged pointer": {func(t *testing.T, f *mapset.Folder) { write(t, f.SetsDir(), "ACTIVE", `{"digest":"x"}`) }, "ACTIVE is damaged"},
		"half a pointer":    {func(t *testing.T, f *mapset.Folder) { write(t, f.SetsDir(), "ACTIVE", `{"digest":"`) }, "ACTIVE is damaged"},
		"no pointer": {func(t *testing.T, f *mapset.Folder) {
			require.NoError(t, os.Remove(filepath.Join(f.SetsDir(), "ACTIVE")))
		}, "the file ACTIVE is gone"},
		"a pointer elsewhere": {func(t *testing.T, f *mapset.Folder) {
			write(t, f.SetsDir(), "ACTIVE", fmt.Sprintf(`{"digest":"%s","since":"2026-11-22T12:00:00Z","by":"x"}`, strings.Repeat("0", 64)))
		}, "no kept set"},
		"a pointer that nearly fits": {func(t *testing.T, f *mapset.Folder) {
			edit(t, filepath.Join(f.SetsDir(), "ACTIVE"), func(s string) string {
				var p mapset.Pointer
				require.NoError(t, json.Unmarshal([]byte(s), &p))
				return strings.Replace(s, p.Digest, p.Digest[:63]+string("01"[(p.Digest[63]+1)%2]), 1)
			})
		}, "does not have the digest"},
	} {
		dir := t.TempDir()
		staff := hire(t, "bob")
		policy := staff.policy(t)
		staff.approve(t, write(t, dir, "a.tsv", plain()), "bob")
		f := mapset.Open(dir)
		activate(t, f, policy)
		c.tamper(t, f)
		l := f.Current(policy)
		require.ErrorContains(t, l.Err(), c.want, what)
		require.ErrorContains(t, l.Err(), "linkspan tables ", what)
		require.Nil(t, l.Set, what)

		report, err := f.Activate(policy, "tester", at.Add(time.Hour))
		require.NoError(t, err, what)
		require.NoError(t, report.Err(), what)
		require.False(t, report.Already, what)
		require.NoError(t, f.Current(policy).Err(), what)
	}
}

func TestDraftsThatCannotBeRead(t *testing.T) {
	for what, c := range map[string]struct {
		draft func(t *testing.T, dir string)
		want  string
	}{
		"vanished":    {func(t *testing.T, dir string) { require.NoError(t, os.Symlink(dir+"/gone", dir+"/v.tsv")) }, "v.tsv:0: cannot be read"},
		"a device":    {func(t *testing.T, dir string) { require.NoError(t, os.Symlink("/dev/zero", dir+"/z.tsv")) }, "z.tsv:0: cannot be read"},
		"half copied": {func(t *testing.T, dir string) { write(t, dir, "h.tsv", plain()[:len(plain())-20]) }, "h.tsv:10:"},
		"empty":       {func(t *testing.T, dir string) { write(t, dir, "e.tsv", "") }, "e.tsv:1:"},
		"rubbish":     {func(t *testing.T, dir string) { write(t, dir, "r.tsv", strings.Repeat("\x00\xff", 1<<16)) }, "r.tsv:"},
		"a bad name":  {func(t *testing.T, dir string) { write(t, dir, "a:b.tsv", plain()) }, "a name that cannot travel"},
		"a long name": {func(t *testing.T, dir string) { write(t, dir, strings.Repeat("a", 120)+".tsv", plain()) }, "a name that cannot travel"},
		"twice":       {func(t *testing.T, dir string) { write(t, dir, "t.tsv", plain()) }, "t.tsv:0: table read-plain is in "},
		"conflict": {func(t *testing.T, dir string) {
			write(t, dir, "u.tsv", strings.Replace(version(7), "read-plain", "other", 1))
		}, "conflicts with "},
	} {
		dir := t.TempDir()
		f := mapset.Open(dir)
		write(t, dir, "a.tsv", plain())
		activate(t, f, test)
		before := f.Current(test)
		c.draft(t, dir)
		for _, err := range []error{f.Check(test, before.Set).Err(), func() error {
			report, err := f.Activate(test, "tester", at)
			require.NoError(t, err, what)
			return report.Err()
		}()} {
			require.ErrorContains(t, err, c.want, what)
			require.ErrorContains(t, err, dir, what)
			require.NotContains(t, err.Error(), ".new-", what)
		}
		require.Equal(t, before.Manifest, f.Current(test).Manifest, what)
	}
}

func TestEveryFaultOfEveryFileAtOnceInOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.tsv", plain("A1...|00|One|XaAA1||Eins|equivalent|any|no||||", "A2|00|Two|XaAA1||Eins|equivalent|any|no||||", "A3...|00|Two|XaAA1||Eins|equal|any|no||||"))
	write(t, dir, "a.tsv", hand("x", "readv2", "nowhere", "local"))
	report := mapset.Open(dir).Check(test, nil)
	require.Len(t, report.Faults, 3)
	require.Equal(t, filepath.Join(dir, "a.tsv"), report.Faults[0].File)
	require.Equal(t, []int{11, 12}, []int{report.Faults[1].Line, report.Faults[2].Line})
}

func TestThePairsOwnCheck(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.tsv", plain())
	policy := test
	policy.Check = func(set *mapping.Set) []error {
		if set.Has(mapping.ReadV2, mapping.DMD) {
			return nil
		}
		return []error{errors.New("no table to dm+d")}
	}
	f := mapset.Open(dir)
	require.ErrorContains(t, f.Check(policy, nil).Err(), dir+":0: no table to dm+d; ")
	activate(t, f, test)
	require.ErrorContains(t, f.Current(policy).Err(), "no table to dm+d")
}

func TestLiveRefusesWhatIsForTests(t *testing.T) {
	dir := t.TempDir()
	staff := hire(t, "bob")
	policy := staff.policy(t)
	file := write(t, dir, "a.tsv", strings.Replace(plain(), "# licence", "# use: test\n# licence", 1))
	staff.approve(t, file, "bob")
	f := mapset.Open(dir)
	require.ErrorContains(t, f.Check(policy, nil).Err(), "marked use: test")

	// A set activated in test does not act in live: it has the starter tables.
	write(t, dir, "a.tsv", plain())
	staff.approve(t, file, "bob")
	relaxed := policy
	relaxed.Live = false
	activate(t, f, relaxed)
	require.ErrorContains(t, f.Current(policy).Err(), "lists starter tables")
	activate(t, f, policy)
	require.NoError(t, f.Current(policy).Err())
	require.Len(t, f.Current(policy).Set.Tables(), 1)
	require.Len(t, f.Current(relaxed).Set.Tables(), 1, "what was activated is what loads")
}

func TestFirstStart(t *testing.T) {
	policy := hire(t, "bob").policy(t)
	for _, dir := range []string{"", t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		f := mapset.Open(dir)
		l := f.Current(test)
		require.NoError(t, l.Err(), dir)
		require.NotNil(t, l.Set)
		live := f.Current(policy)
		require.Error(t, live.Err(), dir)
		require.Nil(t, live.Set)
	}
	require.ErrorContains(t, mapset.Open("").Current(policy).Err(), "LINKSPAN_TABLES")
	empty := t.TempDir()
	require.ErrorContains(t, mapset.Open(empty).Check(policy, nil).Err(), "no tables")
	_, err := mapset.Open("").Activate(test, "tester", at)
	require.ErrorContains(t, err, "no folder")
	require.Error(t, mapset.Open("").Check(test, nil).Err())
	_, err = mapset.Open(empty).Rollback(test, "", "tester", at)
	require.ErrorContains(t, err, "no set was active before")
}

// A newer linkspan brings other starter tables than those a set was activated with: here the manifest is made to list
// older ones.
func TestAnUpgradeOfTheStarterTables(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.tsv", plain())
	f := mapset.Open(dir)
	digest := activate(t, f, test).Manifest.Digest()
	manifest := keptFile(t, f, "manifest.json")
	var m mapset.Manifest
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &m))
	for i := range m.Tables {
		if m.Tables[i].Starter() {
			m.Tables[i].SHA256 = strings.Repeat("0", 64)
			break
		}
	}
	old := m.Digest()
	out, err := json.Marshal(m)
	require.NoError(t, err)
	edit(t, manifest, func(string) string { return string(out) })
	require.NoError(t, os.Rename(filepath.Dir(manifest), filepath.Join(f.SetsDir(), old[:16])))
	edit(t, filepath.Join(f.SetsDir(), "ACTIVE"), func(s string) string { return strings.Replace(s, digest, old, 1) })

	l := f.Current(test)
	require.NoError(t, l.Err())
	require.Equal(t, old, l.Pointer.Digest)
	require.Equal(t, digest, l.Set.Digest())
	require.Equal(t, digest, l.Manifest.Digest())
	require.Contains(t, strings.Join(l.Notices, "\n"), "starter tables of this linkspan are not those of set "+old[:16])

	report, err := f.Activate(test, "tester", at.Add(time.Hour))
	require.NoError(t, err)
	require.False(t, report.Already)
	require.Zero(t, report.Difference.Total())
	require.Equal(t, old, report.Pointer.Previous)
	require.NotContains(t, strings.Join(f.Current(test).Notices, "\n"), "upgrade")
	back, err := f.Rollback(test, "", "tester", at.Add(2*time.Hour))
	require.NoError(t, err)
	require.NoError(t, back.Err(), "an older set stays reachable")
}

func TestTheLastSetsAreKept(t *testing.T) {
	for kept, want := range map[int]int{0: 5, 1: 2, 2: 2, 3: 3} {
		dir := t.TempDir()
		f := mapset.Open(dir)
		policy := test
		policy.Kept = kept
		var digests []string
		for n := range 8 {
			write(t, dir, "a.tsv", version(n))
			report, err := f.Activate(policy, "tester", at.Add(time.Duration(n)*time.Hour))
			require.NoError(t, err)
			require.NoError(t, report.Err())
			digests = append(digests, report.Manifest.Digest())
		}
		sets, err := f.Sets()
		require.NoError(t, err)
		require.Len(t, sets, want)
		require.True(t, sets[0].Active)
		require.True(t, sets[1].Previous)
		for i, k := range sets {
			require.Equal(t, digests[7-i], k.Digest)
			require.Empty(t, k.Fault)
			require.Equal(t, at.Add(time.Duration(7-i)*time.Hour), k.Activated)
		}
		if want == 5 { // the oldest kept one becomes active: the one before stays, too
			back, err := f.Rollback(policy, digests[3][:6], "tester", at.Add(100*time.Hour))
			require.NoError(t, err)
			require.NoError(t, back.Err())
			require.Equal(t, digests[7], back.Pointer.Previous)
			require.Equal(t, 1, back.Difference.Retargeted)
			_, err = f.Rollback(policy, digests[0], "tester", at)
			require.ErrorContains(t, err, "no kept set")
			_, err = f.Rollback(policy, "", "tester", at)
			require.NoError(t, err)
			already, err := f.Rollback(policy, digests[7], "tester", at)
			require.NoError(t, err)
			require.True(t, already.Already)
		}
		entries, err := os.ReadDir(f.SetsDir())
		require.NoError(t, err)
		for _, e := range entries {
			require.NotEqual(t, byte('.'), e.Name()[0], "nothing half done stays")
		}
	}
}

func TestRollbackVerifiesFirst(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)
	write(t, dir, "a.tsv", version(1))
	activate(t, f, test)
	first := keptFile(t, f, "a.tsv")
	write(t, dir, "a.tsv", version(2))
	second := activate(t, f, test)
	edit(t, first, func(s string) string { return s + "\n" })
	report, err := f.Rollback(test, "", "tester", at)
	require.NoError(t, err)
	require.ErrorContains(t, report.Err(), "was changed")
	require.Equal(t, second.Manifest.Digest(), f.Current(test).Pointer.Digest)
}

func TestAFolderFedFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)
	write(t, dir, "a.tsv", version(1))
	digest := activate(t, f, test).Manifest.Digest()
	require.NoError(t, f.SetMaster("linkspan tables activate --nats"))
	write(t, dir, "a.tsv", version(2))
	var master *mapset.MasterError
	_, err := f.Activate(test, "tester", at)
	require.ErrorAs(t, err, &master)
	require.Equal(t, "linkspan tables activate --nats", master.Command)
	require.ErrorContains(t, err, "use linkspan tables activate --nats")
	_, err = f.Rollback(test, digest, "tester", at)
	require.ErrorAs(t, err, &master)
	require.NoError(t, f.Check(test, nil).Err(), "a check changes nothing")

	kept, err := f.Keep(test, "tester", at)
	require.NoError(t, err)
	require.NoError(t, kept.Err())
	require.Equal(t, digest, f.Current(test).Pointer.Digest, "kept, not active")
	pointed, err := f.Point(test, kept.Manifest.Digest(), "master", at)
	require.NoError(t, err)
	require.NoError(t, pointed.Err())
	require.Equal(t, kept.Manifest.Digest(), f.Current(test).Pointer.Digest)

	require.NoError(t, f.SetMaster(""))
	require.NoError(t, f.SetMaster(""))
	_, err = f.Rollback(test, digest, "tester", at)
	require.NoError(t, err)
	history, err := f.History()
	require.NoError(t, err)
	require.Equal(t, []string{"activate", "distribute", "rollback"}, []string{history[0].Action, history[1].Action, history[2].Action})
}

func TestAHistoryCutShort(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)
	write(t, dir, "a.tsv", version(1))
	activate(t, f, test)
	edit(t, filepath.Join(f.SetsDir(), "HISTORY"), func(s string) string { return s + s[:20] })
	write(t, dir, "a.tsv", version(2))
	activate(t, f, test)
	history, err := f.History()
	require.NoError(t, err)
	require.Len(t, history, 2)
}

// Something lies where the folder keeps its own files: it is said, and what acts goes on acting.
func TestSomethingInTheWay(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "sets", "a file")
	f := mapset.Open(dir)
	require.Error(t, f.Current(test).Err())
	_, err := f.Activate(test, "tester", at)
	require.ErrorContains(t, err, "sets")
	_, err = f.Sets()
	require.Error(t, err)

	for _, name := range []string{"HISTORY", "MASTER", "LOCK", "ACTIVE"} {
		dir := t.TempDir()
		f := mapset.Open(dir)
		write(t, dir, "a.tsv", version(1))
		activate(t, f, test)
		before := f.Current(test).Manifest
		require.NoError(t, os.RemoveAll(filepath.Join(f.SetsDir(), name)))
		require.NoError(t, os.MkdirAll(filepath.Join(f.SetsDir(), name, "x"), 0o755))
		write(t, dir, "a.tsv", version(2))
		_, err := f.Activate(test, "tester", at)
		require.ErrorContains(t, err, name)
		l := f.Current(test)
		switch name {
		case "ACTIVE":
			require.Error(t, l.Err())
		case "HISTORY":
			require.ErrorContains(t, err, "the set is active")
			require.NoError(t, l.Err())
			require.NotEqual(t, before, l.Manifest)
		default:
			require.NoError(t, l.Err())
			require.Equal(t, before, l.Manifest, name)
		}
	}
}

// Many read while one activates and old sets are deleted: each reads one whole set.
func TestReadersDuringActivation(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)
	policy := test
	policy.Kept = 1
	write(t, dir, "a.tsv", version(0))
	activate(t, f, policy)
	stop := make(chan struct{})
	faults := make(chan error, 4)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				l := f.Current(policy)
				if err := l.Err(); err != nil {
					faults <- err
					return
				}
				if l.Set.Digest() != l.Pointer.Digest {
					faults <- errors.New("not the set pointed to")
					return
				}
			}
		})
	}
	for n := range 12 {
		write(t, dir, "a.tsv", version(n+1))
		activate(t, f, policy)
	}
	close(stop)
	readers.Wait()
	close(faults)
	for err := range faults {
		require.NoError(t, err)
	}
}

// A draft is rewritten again and again while it is activated: what becomes active is one of its versions, whole.
func TestADraftRewrittenDuringActivation(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)
	file := write(t, dir, "a.tsv", version(1))
	whole := map[string]bool{f.Check(test, nil).Manifest.Digest(): true}
	write(t, dir, "a.tsv", version(2))
	whole[f.Check(test, nil).Manifest.Digest()] = true
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := os.WriteFile(file, []byte(version(1+n%2)), 0o644); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 20 {
		report, err := f.Activate(test, "tester", at)
		require.NoError(t, err)
		if report.Err() == nil {
			require.True(t, whole[report.Manifest.Digest()])
		}
	}
	close(stop)
	require.NoError(t, <-done)
}

// Two who activate at once do so one after the other.
func TestActivationsOneAfterTheOther(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)
	write(t, dir, "a.tsv", version(1))
	var both sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		both.Go(func() {
			report, err := mapset.Open(dir).Activate(test, "tester", at)
			errs[i] = errors.Join(err, report.Err())
		})
	}
	both.Wait()
	require.NoError(t, errors.Join(errs...))
	history, err := f.History()
	require.NoError(t, err)
	require.Len(t, history, 1, "the others found it active already")
}
