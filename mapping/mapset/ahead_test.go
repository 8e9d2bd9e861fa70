package mapset_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// Wherever a change is cut short, the set that was active acts, without anybody doing anything, and the next change
// clears what is left.
func TestAChangeCutShort(t *testing.T) {
	for what, cut := range map[string]func(sets, name string) error{
		"while the new set is written": func(sets, _ string) error {
			return errors.Join(os.Mkdir(filepath.Join(sets, ".new-1"), 0o700), os.WriteFile(filepath.Join(sets, ".new-1", "a.tsv"), []byte("half"), 0o400))
		},
		"between the two renames of a set of other approvals": func(sets, name string) error {
			return os.Rename(filepath.Join(sets, name), filepath.Join(sets, ".old-"+name))
		},
		"after both": func(sets, name string) error {
			return os.CopyFS(filepath.Join(sets, ".old-"+name), os.DirFS(filepath.Join(sets, name)))
		},
		"while an old set is deleted": func(sets, _ string) error {
			return os.Mkdir(filepath.Join(sets, ".gone-0123456789abcdef"), 0o700)
		},
		"before the pointer is moved": func(sets, _ string) error {
			return os.WriteFile(filepath.Join(sets, ".tmp-1"), []byte("{"), 0o600)
		},
	} {
		dir := t.TempDir()
		write(t, dir, "a.tsv", version(1))
		f := mapset.Open(dir)
		digest := activate(t, f, test).Manifest.Digest()
		require.NoError(t, cut(f.SetsDir(), digest[:16]), what)
		l := f.Current(test)
		require.NoError(t, l.Err(), what)
		require.Equal(t, digest, l.Set.Digest(), what)
		write(t, dir, "a.tsv", version(2))
		require.NoError(t, activate(t, f, test).Err(), what)
		back, err := f.Rollback(test, "", "tester", at)
		require.NoError(t, err, what)
		require.Equal(t, digest, back.Pointer.Digest, what)
		entries, err := os.ReadDir(f.SetsDir())
		require.NoError(t, err)
		for _, e := range entries {
			require.False(t, e.IsDir() && e.Name()[0] == '.', "%s: %s", what, e.Name())
		}
	}
}

// Two tables that agree today and will not on a later day are told before they are activated.
func TestADayOnWhichTheSetWillBeRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.tsv", plain("A1...|00|One|XaAA1||Eins|equivalent|any|no||||"))
	write(t, dir, "b.tsv", strings.Replace(plain("A1...|00|One|XaAA2||Eins|equivalent|any|no||2027-02-01||", "A2...|00|One|XaAA2||Eins|equivalent|any|no|||2026-12-31|"), "read-plain", "read-other", 1))
	policy := test
	policy.Day = "2026-11-22"
	report := mapset.Open(dir).Check(policy, nil)
	require.NoError(t, report.Err())
	told := ""
	for _, w := range report.Warnings {
		if strings.Contains(w.What, "will be refused") {
			told = w.Error()
		}
	}
	require.Contains(t, told, "a.tsv:10: from 2027-02-01 on the set will be refused: conflicts with b.tsv:10")

	policy.Check = func(s *mapping.Set) []error {
		if translate(s, "A2...") == "" {
			return []error{errors.New("no row for A2...")}
		}
		return nil
	}
	report = mapset.Open(dir).Check(policy, nil)
	require.NoError(t, report.Err())
	require.Contains(t, fmt.Sprint(report.Warnings), "from 2027-01-01 on the set will be refused: no row for A2...")
}

// A manifest that was made to write on somebody's terminal is none.
func TestAManifestIsPlainText(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.tsv", plain())
	f := mapset.Open(dir)
	activate(t, f, test)
	edit(t, keptFile(t, f, "manifest.json"), func(s string) string { return strings.Replace(s, `"by": "`, `"by": "\u001b[2J`, 1) })
	require.ErrorContains(t, f.Current(test).Err(), "the manifest is damaged")
}
