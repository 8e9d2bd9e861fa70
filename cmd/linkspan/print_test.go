package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// Every state is explained, and a row fits a terminal of 120 columns.
func TestStatesHaveWords(t *testing.T) {
	const before = 69 // columns of a row before its state
	for _, state := range record.States() {
		words := stateWords[state.String()]
		require.True(t, strings.HasPrefix(words, state.String()), state)
		require.LessOrEqual(t, before+len(strings.ReplaceAll(words, "%s", "SystmOne")), 120, state)
	}
	require.Len(t, stateWords, len(record.States()))
}

func TestWrapKeepsEveryWord(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("allergies are never cut by date ", 20))
	wrapped := wrap("   ", text)
	require.Equal(t, strings.Fields(text), strings.Fields(wrapped))
	for _, line := range strings.Split(wrapped, "\n") {
		require.LessOrEqual(t, len(line), 120)
		require.True(t, strings.HasPrefix(line, "   "))
	}
}
