package bridge

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/traffic"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// newWorkList is a work list whose clock and events the test holds.
func newWorkList(t *testing.T) (w *workList, clock *time.Time, events *[]UnmappedEvent) {
	t.Helper()
	clock, events = new(time.Time), new([]UnmappedEvent)
	*clock = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	w = &workList{counts: &traffic.Log{}, file: filepath.Join(t.TempDir(), traffic.FileName), instance: "one", log: zap.NewNop(),
		now: func() time.Time { return *clock }, publish: func(kind string, event any) {
			require.Equal(t, "unmapped", kind)
			*events = append(*events, event.(UnmappedEvent))
		}}
	w.begin()
	return w, clock, events
}

// unmapped is a look-up that no row decided.
func unmapped(value string) pairs.Lookup {
	return pairs.Lookup{Entry: &record.Entry{Kind: record.KindProblem}, Code: mapping.Code{Scheme: mapping.CTV3, Value: value, Term: "typed words"},
		To: []mapping.Scheme{mapping.ReadV2, mapping.SNOMED}, Contexts: []mapping.Context{mapping.WithValue, "problem"}, Result: mapping.Result{Answer: mapping.Unmapped}}
}

// TestFirstSightingsAreToldOnce names scheme, code and kind, and never words.
func TestFirstSightingsAreToldOnce(t *testing.T) {
	w, _, events := newWorkList(t)
	for range 3 {
		w.looked(unmapped("XaPbt"))
	}
	mapped := unmapped("H33..")
	mapped.Result.Answer = mapping.Mapped
	w.looked(mapped)
	typed := unmapped("none!")
	w.looked(typed)
	nowhere := unmapped("XE2q5")
	nowhere.To = nil
	w.looked(nowhere)
	require.Equal(t, []UnmappedEvent{{Instance: "one", Scheme: "ctv3", Code: "XaPbt", Kind: record.KindProblem.String(), To: "readv2 snomed"}}, *events)
	seen := w.counts.Seen()
	require.Len(t, seen, 2, "what no table could help is no work")
	require.Equal(t, 3, seen[0].Count)
	require.Equal(t, "with-value problem", seen[0].Contexts)
	require.Equal(t, "2026-11-22", seen[0].First)
	require.Equal(t, 1, w.counts.Malformed())
}

// TestTooManyFirstSightingsAreHeldBack names a hundred in a minute and says how
// many others there were.
func TestTooManyFirstSightingsAreHeldBack(t *testing.T) {
	w, clock, events := newWorkList(t)
	for i := range maxUnmappedEvents + 50 {
		w.looked(unmapped(fmt.Sprintf("9%03d.", i)))
	}
	require.Len(t, *events, maxUnmappedEvents)
	w.tellHeld()
	require.Len(t, *events, maxUnmappedEvents, "the minute is full")
	*clock = clock.Add(time.Minute)
	w.looked(unmapped("8000."))
	require.Equal(t, 50, (*events)[maxUnmappedEvents].HeldBack)
	w.tellHeld()
	require.Len(t, *events, maxUnmappedEvents+1, "nothing is held back any more")
	for i := range maxUnmappedEvents {
		w.looked(unmapped(fmt.Sprintf("7%03d.", i)))
	}
	*clock = clock.Add(time.Minute)
	w.tellHeld()
	require.Equal(t, UnmappedEvent{Instance: "one", HeldBack: 1}, (*events)[len(*events)-1])
	require.Equal(t, 2*maxUnmappedEvents+51, len(w.counts.Seen()), "every one is counted")
}

// TestTheWorkListIsKept saves what changed, and goes on with it.
func TestTheWorkListIsKept(t *testing.T) {
	w, _, _ := newWorkList(t)
	w.save()
	require.NoFileExists(t, w.file, "nothing to save")
	w.looked(unmapped("XaPbt"))
	w.save()
	again, damage, err := traffic.Load(w.file)
	require.NoError(t, err)
	require.Nil(t, damage)
	require.Equal(t, w.counts.Seen(), again.Seen())

	require.NoError(t, os.Remove(w.file))
	require.NoError(t, os.Mkdir(w.file, 0o700)) // a disk that refuses
	w.looked(unmapped("XaPbt"))
	w.save()
	require.NoError(t, os.Remove(w.file))
	w.save()
	again, _, err = traffic.Load(w.file)
	require.NoError(t, err)
	require.Equal(t, 2, again.Seen()[0].Count, "it is tried again")
}

// A file of counts that cannot be read stops nothing: what is there stays, and
// what is counted is not saved.
func TestAWorkListThatCannotBeReadStopsNothing(t *testing.T) {
	data := t.TempDir()
	inTheWay := filepath.Join(data, traffic.FileName)
	require.NoError(t, os.Mkdir(inTheWay, 0o700))
	b := &Bridge{config: Config{Data: data, Instance: "one"}, log: zap.NewNop(), now: time.Now, pace: usual}
	w := b.startWorkList()
	w.publish = func(string, any) {}
	w.begin()
	w.looked(unmapped("XaPbt"))
	require.Len(t, w.counts.Seen(), 1)
	require.NoError(t, b.Stop(t.Context()))
	left, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.True(t, left[0].IsDir())
}
