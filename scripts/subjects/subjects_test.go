package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page is what the code says.
func TestThePageIsWhatTheCodeSays(t *testing.T) {
	root, err := top()
	require.NoError(t, err)
	want, err := write(root)
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(root, page))
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run: go run ./scripts/subjects")
}
