package bridge_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// held is a holder that answers when it is let go.
type held struct {
	asked, release chan struct{}
	handle         wire.Handler
}

func hold(t *testing.T, name string) *held {
	t.Helper()
	return &held{asked: make(chan struct{}, 8), release: make(chan struct{}), handle: stand(t, name, standin.Options{}).Handle}
}

func (h *held) answer(ctx context.Context, message []byte, from wire.Peer) []byte {
	h.asked <- struct{}{}
	<-h.release
	return h.handle(ctx, message, from)
}

// TestBusyAnswersAtOnce fills the only slot and asks again: the second asker is
// told so natively while the first is still waiting, and the first is served.
func TestBusyAnswersAtOnce(t *testing.T) {
	holder := hold(t, "systmone")
	e := start(t, setup{holders: map[string]wire.Handler{"systmone": holder.answer}, config: func(c *bridge.Config) { c.Slots = 1 }})
	first := make(chan []byte, 1)
	go func() { first <- e.ask("emisweb", request(t, "emisweb-full.xml")) }()
	<-holder.asked
	second := e.ask("emisweb", request(t, "emisweb-full.xml"))
	refusedNatively(t, "emisweb", second)
	require.Contains(t, string(second), record.ReasonBusy.Words())
	close(holder.release)
	require.Contains(t, string(<-first), "<MedicalRecord")
	require.Empty(t, (<-e.outcomes).Reason)
}

// TestStopFinishesWhatIsUnderWay stops the bridge while an exchange waits for
// the holder: the asker still gets the record.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	holder := hold(t, "systmone")
	e := start(t, setup{holders: map[string]wire.Handler{"systmone": holder.answer}})
	answered := make(chan []byte, 1)
	go func() { answered <- e.ask("emisweb", request(t, "emisweb-full.xml")) }()
	<-holder.asked
	stopped := make(chan error, 1)
	go func() { stopped <- e.Stop(context.Background()) }()
	close(holder.release)
	require.Contains(t, string(<-answered), "<MedicalRecord")
	require.NoError(t, <-stopped)
}
