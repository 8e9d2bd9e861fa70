package spine

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoBufferServesTwoBodies seals and opens one body after another with the
// same sealer, as a role does all day: nothing of the one before is touched,
// moved or found in the next (threat T-35).
func TestNoBufferServesTwoBodies(t *testing.T) {
	s := newSealer(NewKey(), 8<<20, 1000, 1)
	header, err := Claims{Attempt: "a"}.Header()
	require.NoError(t, err)
	var given, sealed, opened [][]byte
	bodies := []string{strings.Repeat("Quillfeather ", 4000), "Skerry", strings.Repeat("Marram ", 100), strings.Repeat("Ostler", 50_000), ""}
	for _, body := range bodies {
		in := []byte(body)
		out, err := s.sealed(header, "subject", in)
		require.NoError(t, err)
		given, sealed = append(given, in), append(sealed, out)
	}
	kept := make([][]byte, len(sealed))
	for i := range sealed {
		kept[i] = bytes.Clone(sealed[i])
	}
	for i := range sealed {
		body, _, err := s.open(header, "subject", sealed[i])
		require.NoError(t, err)
		opened = append(opened, body)
	}
	for i, body := range bodies {
		require.Equal(t, body, string(given[i]), "the caller's own buffer")
		require.True(t, bytes.Equal(kept[i], sealed[i]), "the sealed form")
		require.Equal(t, body, string(opened[i]))
		spare := opened[i][len(opened[i]):cap(opened[i])]
		for _, other := range bodies {
			require.False(t, other != "" && other != body && bytes.Contains(spare, []byte(other[:6])), "another body behind this one")
		}
	}
}
