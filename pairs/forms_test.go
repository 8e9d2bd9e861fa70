package pairs_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// form is one of the native forms a system's record comes in: its synthetic
// patients are in files of that name, and the codec answers in it with these
// settings.
type form struct {
	system, name string
	extension    string
	settings     map[string]string
}

// forms are all native forms, each system's own first.
var forms = []form{
	{"emisweb", "medicalrecord", ".xml", map[string]string{"response-format": "medicalrecord"}},
	{"emisweb", "openhr", ".xml", map[string]string{"response-format": "openhr"}},
	{"systmone", "response", ".xml", nil},
	{"guru", "extract", ".http", map[string]string{"response-format": "gp2gp"}},
	{"guru", "my-record", ".http", map[string]string{"response-format": "my-record"}},
	{"mig", "response", ".xml", nil},
	{"vision", "response", ".xml", nil},
}

// linked are the systems in the list of systems.
func linked(name string) bool {
	return slices.ContainsFunc(pairs.Systems(), func(s system.System) bool { return s.Name == name })
}

// formsOf are the forms of one system.
func formsOf(name string) []form {
	var own []form
	for _, f := range forms {
		if f.system == name {
			own = append(own, f)
		}
	}
	return own
}

// file is a synthetic patient's record in the form.
func (f form) file(dir string) string {
	return filepath.Join(dir, f.system+"."+f.name+f.extension)
}

// label names the form in goldens: the system, and the form where it has
// several.
func (f form) label() string {
	if len(formsOf(f.system)) == 1 {
		return f.system
	}
	return f.system + "." + f.name
}

// linkOf opens a pair whose systems answer in the forms given.
func linkOf(t testing.TB, p pairs.Pair, answering ...form) *pairs.Link {
	t.Helper()
	options := map[string]system.Options{}
	for _, f := range answering {
		options[f.system] = system.Options{Settings: maps.Clone(f.settings)}
	}
	link, err := pairs.Open(p, options)
	require.NoError(t, err)
	return link
}

// eachWay calls f with every direction of every pair.
func eachWay(f func(p pairs.Pair, from, to system.System)) {
	for _, p := range pairs.All() {
		f(p, p.A, p.B)
		f(p, p.B, p.A)
	}
}

// directions are all ways into all forms of who gets the record.
func directions(t testing.TB, tables *mapping.Set) []*pairs.Direction {
	t.Helper()
	var all []*pairs.Direction
	eachWay(func(p pairs.Pair, _, to system.System) {
		for _, f := range formsOf(to.Name) {
			d, err := linkOf(t, p, f).Direction(to.Name, tables)
			require.NoError(t, err)
			all = append(all, d)
		}
	})
	return all
}

// record of a patient in the form.
func (f form) record(t testing.TB, dir string) []byte {
	t.Helper()
	in, err := os.ReadFile(f.file(dir))
	require.NoError(t, err)
	return in
}
