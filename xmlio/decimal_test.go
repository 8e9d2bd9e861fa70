package xmlio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/xmlio"
)

func TestDecimal(t *testing.T) {
	for _, s := range []string{"0", "5", "05.40", "-1", "+1.5", ".5", "5.", "-.5"} {
		require.True(t, xmlio.Decimal(s), s)
	}
	for _, s := range []string{"", "-", ".", "+.", "+-5", "--5", "-+5", "1.2.3", "1e5", "1,5", " 5", "5 ", "INF", "٥"} {
		require.False(t, xmlio.Decimal(s), s)
	}
}
