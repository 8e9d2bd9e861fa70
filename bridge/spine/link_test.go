package spine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/record"
)

// TestAnotherLinkIsRefused has roles with one key, but of two environments,
// talk: nothing is carried out, and operations hear of it (safety SE-03, T-29).
func TestAnotherLinkIsRefused(t *testing.T) {
	l := newLink(t, Options{Link: "north/emisweb-systmone/live"})
	called := false
	l.serve(t, NewPool(2), func(_ context.Context, m Message) (Message, error) { called = true; return m, nil })
	stranger := New(l.asker.nc, l.key, Options{Link: "north/emisweb-systmone/test"})
	_, err := stranger.Request(within(t), subject, message("a", nil))
	require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err))
	require.False(t, called)
	require.ErrorIs(t, <-l.errs, errLink)
	_, err = l.asker.Request(within(t), subject, message("b", nil))
	require.NoError(t, err)
	require.True(t, called)
}

// TestRequestsAreDated gives every request its time of issue, unless it has one.
func TestRequestsAreDated(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	l := newLink(t, Options{Now: func() time.Time { return now }})
	var issued time.Time
	l.serve(t, NewPool(2), func(_ context.Context, m Message) (Message, error) { issued = m.Claims.Issued; return m, nil })
	_, err := l.asker.Request(within(t), subject, message("a", nil))
	require.NoError(t, err)
	require.Equal(t, now, issued)
	m := message("b", nil)
	m.Claims.Issued = now.Add(-time.Minute)
	_, err = l.asker.Request(within(t), subject, m)
	require.NoError(t, err)
	require.Equal(t, now.Add(-time.Minute), issued)
}

// TestSealedTextOpensOnlyWhereItBelongs seals free text for the claims: no
// other key and no other exchange opens it, nor does a changed byte.
func TestSealedTextOpensOnlyWhereItBelongs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, text, id := NewKey(), rapid.String().Draw(t, "text"), rapid.String().Draw(t, "exchange")
		sealed, err := key.SealText(id, text)
		require.NoError(t, err)
		opened, err := key.OpenText(id, sealed)
		require.NoError(t, err)
		require.Equal(t, text, opened)
		_, err = key.OpenText(id+"x", sealed)
		require.Error(t, err)
		_, err = NewKey().OpenText(id, sealed)
		require.Error(t, err)
		broken := []byte(sealed)
		at := rapid.IntRange(0, len(broken)-5).Draw(t, "at") // the last letters may stand for padding bits
		broken[at] ^= 1
		_, err = key.OpenText(id, string(broken))
		require.Error(t, err)
	})
	_, err := Key{}.SealText("x", "y")
	require.Error(t, err)
}
