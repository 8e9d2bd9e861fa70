package bridge_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
)

// TestNothingStaysForTheNext asks for one patient after every end an exchange for
// another can have, and by many askers at once: to the byte, but for generated
// ids, the answer is the one there is with nothing before it (safety H-03, P-22).
func TestNothingStaysForTheNext(t *testing.T) {
	next := crowd(2)[1]
	f := newFlock(t, false)
	handler := func(name string) wire.Handler {
		before := f.handler(name)
		return func(ctx context.Context, native []byte, from wire.Peer) []byte {
			if number(native) != next.number {
				return before(ctx, native, from)
			}
			answer, err := next.of(ctx, name, standin.Options{}, native, from)
			if err != nil {
				panic(err) // of the test's own making
			}
			return answer
		}
	}
	s := setup{holders: map[string]wire.Handler{"emisweb": handler("emisweb"), "systmone": handler("systmone")}, agreement: breakable,
		config: func(c *bridge.Config) { c.RecordLimit = 1 << 20 }, options: still}
	alone := map[string]string{}
	for from := range askings {
		answer := watch(t, s).askWith(t, from, next.asking(t, from, "cmarlow"), nil)
		require.Contains(t, string(answer), next.token)
		alone[from] = masked(answer)
	}
	w := watch(t, s)
	after := 0
	f.runs(t, func(from string, native []byte, header map[string]string) []byte {
		answer := w.askWith(t, from, native, header)
		present := f.now.Swap(nil) // who is logged on is asked of the same system
		got := w.askWith(t, from, next.asking(t, from, "cmarlow"), nil)
		f.now.Store(present)
		require.Equal(t, alone[from], masked(got), "the answer after %d others", after)
		after++
		return answer
	})
	require.NoError(t, f.systems["systmone"].SetOptions(standin.Options{}))
	var working sync.WaitGroup
	got := make(chan [2]string, 2*16)
	for from := range askings {
		for range 16 {
			a := w.e.asker(t, from)
			working.Go(func() {
				answer, err := a.ask(t.Context(), next.asking(t, from, "cmarlow"))
				if err != nil {
					answer = []byte(err.Error())
				}
				got <- [2]string{from, masked(answer)}
			})
		}
	}
	working.Wait()
	close(got)
	for one := range got {
		require.Equal(t, alone[one[0]], one[1])
	}
	t.Logf("%d answers after others and %d at once: each as if it were the first", after, 2*16)
}
