package mapset_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// at is when the tests act.
var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const header = "source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\tvalid_from\tvalid_to\treviewer\n"

// hand writes a table by hand: "|" stands for a tab; every row has 13.
func hand(id, from, to, layer string, rows ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# id: %s\n# version: 1\n# from: %s\n# to: %s\n# layer: %s\n# licence: test\n# source: test\n# author: Ann Author\n", id, from, to, layer)
	b.WriteString(header)
	for _, row := range rows {
		b.WriteString(strings.ReplaceAll(row, "|", "\t") + "\n")
	}
	return b.String()
}

// plain is a table without a row for allergies or medication.
func plain(rows ...string) string {
	if len(rows) == 0 {
		rows = []string{"A1...|00|One|XaAA1||Eins|equivalent|any|no||||"}
	}
	return hand("read-plain", "readv2", "ctv3", "local", rows...)
}

// strict is a table with one row for allergies.
func strict() string {
	return hand("read-allergies", "readv2", "ctv3", "supplier", "B1...|00|Two|XaBB1||Zwei|equivalent|allergy|no||||")
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	return file
}

// people are approvers with their private keys.
type people map[string]string

func (p people) policy(t testing.TB) mapset.Policy {
	t.Helper()
	policy := mapset.Policy{Pair: "test", Live: true, Day: "2026-11-22"}
	for name := range p {
		public, err := mapset.Public(p[name])
		require.NoError(t, err)
		policy.Approvers = append(policy.Approvers, mapset.Approver{Key: public, Role: "safety officer"})
	}
	return policy
}

func hire(t testing.TB, names ...string) people {
	t.Helper()
	p := people{}
	for _, name := range names {
		private, public, err := mapset.Key(name)
		require.NoError(t, err)
		derived, err := mapset.Public(private)
		require.NoError(t, err)
		require.Equal(t, public, derived)
		p[name] = private
	}
	return p
}

func (p people) approve(t testing.TB, file string, names ...string) {
	t.Helper()
	for _, name := range names {
		_, _, faults, err := mapset.Approve(file, mapset.Approving{Key: p[name], Role: "safety officer", Words: "hazard 12", At: at})
		require.NoError(t, err)
		require.Empty(t, faults)
	}
}

var test = mapset.Policy{Pair: "test", Day: "2026-11-22"}

func activate(t testing.TB, f *mapset.Folder, p mapset.Policy) mapset.Report {
	t.Helper()
	report, err := f.Activate(p, "tester", at)
	require.NoError(t, err)
	require.NoError(t, report.Err())
	return report
}

func translate(set *mapping.Set, value string, contexts ...mapping.Context) string {
	return set.Translate(mapping.Code{Scheme: mapping.ReadV2, Value: value, TermCode: "00"}, mapping.CTV3, contexts...).Target.Value
}

func TestTheWholeRoundInTest(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)

	first := f.Current(test)
	require.NoError(t, first.Err())
	require.Equal(t, []string{mapset.Unapproved}, first.Notices)
	require.Empty(t, first.Pointer)
	require.Equal(t, first.Set.Digest(), first.Manifest.Digest())

	write(t, dir, "a.tsv", plain())
	waiting := f.Current(test)
	require.NoError(t, waiting.Err())
	require.Equal(t, first.Set.Digest(), waiting.Set.Digest(), "a draft touches nothing")
	require.Contains(t, strings.Join(waiting.Notices, "\n"), "linkspan tables activate")

	checked := f.Check(test, nil)
	require.NoError(t, checked.Err())
	require.Equal(t, 1, checked.Difference.Added)
	require.Equal(t, 1, checked.Difference.Total())

	report := activate(t, f, test)
	require.False(t, report.Already)
	require.Equal(t, checked.Difference, report.Difference)
	active := f.Current(test)
	require.NoError(t, active.Err())
	require.Equal(t, report.Manifest, active.Manifest)
	require.Equal(t, active.Set.Digest(), active.Manifest.Digest())
	require.Equal(t, active.Pointer.Digest, active.Manifest.Digest())
	require.Equal(t, "XaAA1", translate(active.Set, "A1..."))

	require.True(t, activate(t, f, test).Already)

	back, err := f.Rollback(test, "", "tester", at.Add(time.Hour))
	require.NoError(t, err)
	require.NoError(t, back.Err())
	require.Equal(t, 1, back.Difference.Removed)
	require.Equal(t, first.Set.Digest(), f.Current(test).Set.Digest(), "the first activation is undone")

	forth, err := f.Rollback(test, "", "tester", at.Add(2*time.Hour))
	require.NoError(t, err)
	require.NoError(t, forth.Err())
	require.Equal(t, report.Manifest.Digest(), f.Current(test).Set.Digest())

	history, err := f.History()
	require.NoError(t, err)
	require.Len(t, history, 3)
	require.Equal(t, "rollback", history[2].Action)
}

func TestTheWholeRoundInLive(t *testing.T) {
	dir := t.TempDir()
	f := mapset.Open(dir)
	staff := hire(t, "jane.smith", "bob")
	policy := staff.policy(t)

	require.ErrorContains(t, f.Current(policy).Err(), "linkspan tables activate")
	a, b := write(t, dir, "a.tsv", plain()), write(t, dir, "b.tsv", strict())
	unsigned := f.Check(policy, nil)
	require.Len(t, unsigned.Faults, 2)
	require.ErrorContains(t, unsigned.Err(), a+":0: not approved; ")
	require.ErrorContains(t, unsigned.Err(), b+":0: not approved by two different people; ")
	require.ErrorContains(t, unsigned.Err(), "linkspan tables approve "+b)

	staff.approve(t, a, "bob")
	staff.approve(t, b, "bob")
	require.ErrorContains(t, f.Check(policy, nil).Err(), "only by bob")
	staff.approve(t, b, "jane.smith")
	report := activate(t, f, policy)
	require.Equal(t, []string{"bob", "jane.smith"}, report.Manifest.Tables[1].Approvals)
	loaded := f.Current(policy)
	require.NoError(t, loaded.Err())
	require.Equal(t, "XaBB1", translate(loaded.Set, "B1...", mapping.AllergyContext))
	require.Len(t, loaded.Set.Tables(), 2, "no starter table")
}
