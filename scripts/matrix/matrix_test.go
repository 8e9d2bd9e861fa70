package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

// TestPagesAreWritten holds README.md and docs/pairs.md against the pairs.
func TestPagesAreWritten(t *testing.T) {
	tables, err := mapping.Starter()
	require.NoError(t, err)
	set, faults := mapping.NewSet(tables...)
	require.Empty(t, faults)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	want, err := between(readme, matrix(set))
	require.NoError(t, err)
	require.Equal(t, string(want), string(readme), "go run ./scripts/matrix")
	have, err := os.ReadFile("../../docs/pairs.md")
	require.NoError(t, err)
	require.Equal(t, string(page(set)), string(have), "go run ./scripts/matrix")
	_, err = between([]byte("no marks"), "")
	require.Error(t, err)
}
