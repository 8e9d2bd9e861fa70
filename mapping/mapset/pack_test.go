package mapset_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping/mapset"
)

// item is one member of an object.
type item struct {
	tar.Header
	body string
}

func unpackTar(t *testing.T, data []byte) []item {
	t.Helper()
	var items []item
	in := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := in.Next()
		if err == io.EOF {
			return items
		}
		require.NoError(t, err)
		body, err := io.ReadAll(in)
		require.NoError(t, err)
		items = append(items, item{*h, string(body)})
	}
}

func packTar(t *testing.T, items []item) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, i := range items {
		h := i.Header
		h.Format = tar.FormatUnknown
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(i.body))
		}
		require.NoError(t, out.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(out, i.body)
			require.NoError(t, err)
		}
	}
	require.NoError(t, out.Close())
	return b.Bytes()
}

// packed is the object of a live set of two tables, with its digest and policy.
func packed(t testing.TB) ([]byte, string, mapset.Policy) {
	t.Helper()
	dir := t.TempDir()
	staff := hire(t, "bob", "jane")
	policy := staff.policy(t)
	staff.approve(t, write(t, dir, "a.tsv", plain()), "bob")
	staff.approve(t, write(t, dir, strings.Repeat("b", 96)+".tsv", strict()), "bob", "jane")
	f := mapset.Open(dir)
	digest := activate(t, f, policy).Manifest.Digest()
	var one, two bytes.Buffer
	require.NoError(t, f.Pack(digest, &one))
	require.NoError(t, f.Pack(digest[:8], &two))
	require.Equal(t, one.Bytes(), two.Bytes(), "always the same bytes")
	return one.Bytes(), digest, policy
}

func TestASetTravels(t *testing.T) {
	object, digest, policy := packed(t)
	for _, i := range unpackTar(t, object) {
		require.True(t, i.ModTime.Unix() == 0 && i.Mode == 0o400, i.Name)
	}
	f := mapset.Open(filepath.Join(t.TempDir(), "tables"))
	l, err := f.Unpack(policy, digest, bytes.NewReader(object))
	require.NoError(t, err)
	require.NoError(t, l.Err())
	require.Equal(t, digest, l.Set.Digest())
	_, active, err := f.Active()
	require.NoError(t, err)
	require.False(t, active, "unpacked, not active")
	_, err = f.Unpack(policy, digest, bytes.NewReader(object))
	require.NoError(t, err)

	report, err := f.Point(policy, digest, "master", at)
	require.NoError(t, err)
	require.NoError(t, report.Err())
	require.Equal(t, 2, report.Difference.Added)
	current := f.Current(policy)
	require.NoError(t, current.Err())
	require.Equal(t, digest, current.Set.Digest())
	var again bytes.Buffer
	require.NoError(t, f.Pack(digest, &again))
	require.Equal(t, object, again.Bytes(), "it can travel on")
	require.ErrorContains(t, f.Pack("0000", io.Discard), "no kept set")
	require.Error(t, f.Pack(digest, failing{}))
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no connection") }

// With starter tables the object holds the site's own tables only.
func TestASetOfTestTravels(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.tsv", plain())
	from := mapset.Open(dir)
	digest := activate(t, from, test).Manifest.Digest()
	var object bytes.Buffer
	require.NoError(t, from.Pack(digest, &object))
	require.Len(t, unpackTar(t, object.Bytes()), 2)
	l, err := mapset.Open(t.TempDir()).Unpack(test, digest, &object)
	require.NoError(t, err)
	require.NoError(t, l.Err())
	require.Equal(t, digest, l.Set.Digest())
}

func TestUnpackRefuses(t *testing.T) {
	object, digest, policy := packed(t)
	at := func(items []item, suffix string) int {
		return slices.IndexFunc(items, func(i item) bool { return strings.HasSuffix(i.Name, suffix) })
	}
	add := func(h tar.Header, body string) func([]item) []item {
		return func(items []item) []item { return append(items, item{h, body}) }
	}
	rename := func(name string) func([]item) []item {
		return func(items []item) []item {
			items[at(items, "a.tsv")].Name = name
			return items
		}
	}
	regular := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o400} }
	for what, c := range map[string]struct {
		change func([]item) []item
		want   string
	}{
		"a path up":         {rename("../a.tsv"), "no plain file"},
		"a path down":       {rename("x/a.tsv"), "no plain file"},
		"a path from root":  {rename("/etc/a.tsv"), "no plain file"},
		"a Windows path":    {rename(`x\a.tsv`), "no plain file"},
		"a hidden file":     {rename(".a.tsv"), "no plain file"},
		"another name":      {rename("c.tsv"), "does not list"},
		"a folder":          {add(tar.Header{Typeflag: tar.TypeDir, Name: "x/"}, ""), "no plain file"},
		"a link":            {add(tar.Header{Typeflag: tar.TypeSymlink, Name: "x.tsv", Linkname: "/etc/passwd"}, ""), "no plain file"},
		"a hard link":       {add(tar.Header{Typeflag: tar.TypeLink, Name: "x.tsv", Linkname: "a.tsv"}, ""), "no plain file"},
		"a device":          {add(tar.Header{Typeflag: tar.TypeChar, Name: "x.tsv"}, ""), "no plain file"},
		"a pipe":            {add(tar.Header{Typeflag: tar.TypeFifo, Name: "x.tsv"}, ""), "no plain file"},
		"an attribute":      {add(tar.Header{Typeflag: tar.TypeReg, Name: "a.tsv.x.note", PAXRecords: map[string]string{"SCHILY.xattr.user.x": "1"}}, "x"), "no plain file"},
		"a file twice":      {func(items []item) []item { return append(items, items[at(items, "a.tsv")]) }, "no plain file"},
		"a second manifest": {func(items []item) []item { return append(items, items[0]) }, "does not list"},
		"a program":         {add(regular("run.sh"), "x"), "does not list"},
		"a note of nothing": {add(regular("c.tsv.bob.note"), "x"), "does not list"},
		"a large note":      {add(regular("a.tsv.eve.note"), strings.Repeat("x", 65<<10)), "more notes, or larger ones"},
		"no manifest first": {func(items []item) []item { slices.Reverse(items); return items }, "does not start with a manifest"},
		"nothing":           {func([]item) []item { return nil }, "does not start with a manifest"},
		"a table missing":   {func(items []item) []item { return slices.Delete(items, 1, 2) }, "a.tsv is missing"},
		"a byte of a table": {func(items []item) []item {
			items[1].body = strings.Replace(items[1].body, "XaAA1", "XaAA2", 1)
			return items
		}, "a.tsv is not the one"},
		"a note missing":  {func(items []item) []item { return items[:len(items)-1] }, "two different people"},
		"a note changed":  {func(items []item) []item { items[3].body = strings.Replace(items[3].body, "12", "13", 1); return items }, "signature does not hold"},
		"half a manifest": {func(items []item) []item { items[0].body = items[0].body[:200]; return items }, "manifest is damaged"},
		"another digest": {func(items []item) []item {
			items[0].body = strings.Replace(items[0].body, `"version": "1"`, `"version": "2"`, 1)
			return items
		}, "digest differs"},
		"a path in it": {func(items []item) []item {
			items[0].body = strings.Replace(items[0].body, `"a.tsv"`, `"../a.tsv"`, 1)
			return items
		}, "manifest is damaged"},
		"a manifest too big": {func(items []item) []item { items[0].body += strings.Repeat(" ", 4<<20); return items }, "does not start with a manifest"},
		"too many notes": {func(items []item) []item {
			for i := range 20 {
				items = append(items, item{regular("a.tsv." + strings.Repeat("x", i+1) + ".note"), "x"})
			}
			return items
		}, "more notes"},
	} {
		refused(t, policy, digest, packTar(t, c.change(unpackTar(t, object))), c.want, what)
	}
	refused(t, policy, digest, object[:len(object)/2], "", "half an object")
	refused(t, policy, digest, append(bytes.Clone(object), "more"...), "something follows", "text after the end")
	refused(t, policy, digest, append(bytes.Clone(object), make([]byte, 1<<20)...), "something follows", "endless padding")
	refused(t, policy, digest, append(bytes.Clone(object[:1024]), make([]byte, 1<<20)...), "", "zeros")
	refused(t, policy, strings.Repeat("0", 64), object, "digest differs", "another set")
	refused(t, policy, "../..", object, "not a digest", "no digest")
	refused(t, hire(t, "eve").policy(t), digest, object, "anybody the agreement names", "another agreement")
	other := policy
	other.Pair = "other"
	refused(t, other, digest, object, "pair test", "another pair")
}

// refused unpacks into a folder that must stay as it was, but for the lock.
func refused(t *testing.T, policy mapset.Policy, digest string, object []byte, want, what string) {
	t.Helper()
	parent := t.TempDir()
	f := mapset.Open(filepath.Join(parent, "tables"))
	l, err := f.Unpack(policy, digest, bytes.NewReader(object))
	if err == nil {
		err = l.Err()
	}
	require.Error(t, err, what)
	require.ErrorContains(t, err, want, what)
	require.NotContains(t, err.Error(), ".new-", what)
	require.Nil(t, l.Set, what)
	entries, err := os.ReadDir(f.SetsDir())
	if !os.IsNotExist(err) {
		require.NoError(t, err, what)
		require.Len(t, entries, 1, what)
		require.Equal(t, "LOCK", entries[0].Name(), what)
	}
	entries, err = os.ReadDir(parent)
	require.NoError(t, err, what)
	require.LessOrEqual(t, len(entries), 1, what)
}
