package derived_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/internal/derived"
)

func TestID(t *testing.T) {
	for _, name := range []string{"", "entry|1", "entry|2"} {
		want := uuid.NewSHA1(uuid.NameSpaceOID, []byte(name))
		require.Equal(t, want, derived.ID(append(uuid.NameSpaceOID[:], name...)))
	}
}
