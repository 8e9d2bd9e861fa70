package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
)

// TestEveryPairIsShown runs the demonstration of every pair there is: both ways
// on the real wires of its two systems, a refusal, a broken glass, and an audit
// log that verifies. Nothing of the patient is in what it prints or logs.
func TestEveryPairIsShown(t *testing.T) {
	for _, p := range pairs.All() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			var out, err bytes.Buffer
			dir := t.TempDir()
			require.NoError(t, demoCommand{Pair: p.Name, Dir: dir}.Run(t.Context(), streams{out: &out, err: &err}))
			require.Contains(t, out.String(), "The audit log verifies: ")
			require.Contains(t, out.String(), "REFUSED, no-consent")
			log, failed := os.ReadFile(filepath.Join(dir, "linkspan.log"))
			require.NoError(t, failed)
			for _, text := range []string{out.String(), err.String(), string(log)} {
				require.NotContains(t, text, "Quillfeather")
				require.NotContains(t, text, "9998193036")
			}
		})
	}
}
