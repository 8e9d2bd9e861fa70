package xmlio

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every native message that is at hand is read whole and equal to what
// encoding/xml makes of it. Where none is at hand there is nothing to do.
func TestNativeMessages(t *testing.T) {
	for _, folder := range []string{"../../shared/records", "../../shared/examples"} {
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.EqualFold(filepath.Ext(path), ".xml") {
				return err
			}
			t.Run(filepath.Base(path), func(t *testing.T) {
				doc, err := os.ReadFile(path)
				require.NoError(t, err)
				r, err := Open(context.Background(), doc, Options{})
				require.NoError(t, err)
				got := tree(r)
				require.NoError(t, r.Close())
				want, err := parse(r.s)
				require.NoError(t, err)
				// Not require.Equal: its report would show the content.
				require.True(t, same(dropBlank(want), got), "differs from encoding/xml")
			})
			return nil
		}))
	}
}

func same(a, b *element) bool {
	if a.name != b.name || a.text != b.text || strings.Join(a.attrs, "\x00") != strings.Join(b.attrs, "\x00") ||
		strings.Join(a.runs, "\x00") != strings.Join(b.runs, "\x00") || len(a.children) != len(b.children) {
		return false
	}
	for i := range a.children {
		if !same(a.children[i], b.children[i]) {
			return false
		}
	}
	return true
}
