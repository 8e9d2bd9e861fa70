package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is the clock of these tests.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func openLog(dir string) (*Log, error) { return OpenWith(dir, "one", OpenOptions{Now: noon}) }

func sample(i int) Entry {
	return Entry{
		Time: time.Date(2026, 11, 22, 10, 0, i, 0, time.UTC), Exchange: fmt.Sprintf("exchange-%d", i), Attempt: "1", Event: EventAnswered,
		From: "emisweb", To: "systmone", User: "u1", Role: "R8000", Organisation: "A00001", Target: "B00002", Purpose: "direct care",
		PatientRef: Reference([]byte("key"), "9990000018"), View: "summary", Bytes: 100 + i, MapSet: "sha256:00",
		Sections: map[string]Counts{"allergies": {State: "complete", Source: 2, Coded: 1, Degraded: 1}}, Warnings: []string{"W1"},
	}
}

// filled is a directory with a log of n records and its receipts.
func filled(t testing.TB, n int) (string, []Receipt) {
	t.Helper()
	dir := t.TempDir()
	log, err := openLog(dir)
	require.NoError(t, err)
	var receipts []Receipt
	for i := range n {
		r, err := log.Append(sample(i))
		require.NoError(t, err)
		receipts = append(receipts, r)
	}
	require.NoError(t, log.Close())
	return dir, receipts
}

func content(t testing.TB, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "one.audit"))
	require.NoError(t, err)
	return b
}

func replace(t testing.TB, dir string, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "one.audit"), b, 0o600))
}

func TestAppendReadReopen(t *testing.T) {
	dir, receipts := filled(t, 3)
	require.Equal(t, uint64(1), receipts[0].Seq)
	last, err := Verify(dir, "one")
	require.NoError(t, err)
	require.Equal(t, receipts[2], last)

	log, err := openLog(dir)
	require.NoError(t, err)
	_, err = openLog(dir)
	require.ErrorContains(t, err, "held by another process")
	r, err := log.Append(Entry{Event: EventRefused, Reason: "denied", Instance: "another"})
	require.NoError(t, err)
	require.Equal(t, uint64(4), r.Seq)
	require.NoError(t, log.Err())
	require.NoError(t, log.Close())
	require.NoError(t, log.Close())
	_, err = log.Append(sample(9))
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, log.Err(), ErrClosed)

	var entries []Entry
	last, err = Read(dir, "one", func(_ Receipt, e Entry) error { entries = append(entries, e); return nil })
	require.NoError(t, err)
	require.Equal(t, r, last)
	want := sample(1)
	want.Instance = "one"
	require.Equal(t, want, entries[1])
	require.Equal(t, "one", entries[3].Instance)
	require.Equal(t, noon(), entries[3].Time)
	stop := errors.New("enough")
	_, err = Read(dir, "one", func(Receipt, Entry) error { return stop })
	require.ErrorIs(t, err, stop)

	info, err := os.Stat(filepath.Join(dir, "one.audit"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	names, err := Instances(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, names)
	names, err = Instances(filepath.Join(dir, "none"))
	require.NoError(t, err)
	require.Empty(t, names)
}

func TestEveryLineIsJSON(t *testing.T) {
	dir, receipts := filled(t, 2)
	lines := strings.Split(strings.TrimSuffix(string(content(t, dir)), "\n"), "\n")
	require.Len(t, lines, 2)
	var line struct {
		Seq        uint64
		Prev, Hash string
		Entry      Entry
	}
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &line))
	require.Equal(t, uint64(2), line.Seq)
	require.Equal(t, receipts[0].Hash, line.Prev)
	require.Equal(t, receipts[1].Hash, line.Hash)
	require.Equal(t, "exchange-1", line.Entry.Exchange)
}

func TestNamesAndFolders(t *testing.T) {
	for _, name := range []string{"", "../x", "a/b", "a b", strings.Repeat("x", 65)} {
		_, err := Open(t.TempDir(), name)
		require.ErrorContains(t, err, "instance name", name)
		_, err = Verify(t.TempDir(), name)
		require.Error(t, err)
	}
	_, err := Verify(t.TempDir(), "one")
	require.ErrorIs(t, err, os.ErrNotExist)
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	_, err = openLog(blocked)
	require.Error(t, err)
	_, err = Instances(blocked)
	require.Error(t, err)
	folder := filepath.Join(t.TempDir(), "one.audit")
	require.NoError(t, os.Mkdir(folder, 0o700))
	_, err = openLog(filepath.Dir(folder))
	require.Error(t, err)
}

func TestReference(t *testing.T) {
	a := Reference([]byte("link key"), "9990000018")
	require.Len(t, a, 64)
	require.NotContains(t, a, "999000")
	require.Equal(t, a, Reference([]byte("link key"), "9990000018"))
	require.NotEqual(t, a, Reference([]byte("another"), "9990000018"))
	require.NotEqual(t, a, Reference([]byte("link key"), "9990000026"))
	require.Empty(t, Reference(nil, "9990000018"))
}

func TestEntryThatIsTooLongFailsAlone(t *testing.T) {
	dir := t.TempDir()
	log, err := openLog(dir)
	require.NoError(t, err)
	_, err = log.Append(Entry{User: strings.Repeat("x", maxLine)})
	require.ErrorContains(t, err, "more than")
	r, err := log.Append(sample(1))
	require.NoError(t, err)
	require.Equal(t, uint64(1), r.Seq)
	require.NoError(t, log.Close())
	_, err = Verify(dir, "one")
	require.NoError(t, err)
}

func TestConcurrentAppenders(t *testing.T) {
	dir := t.TempDir()
	log, err := openLog(dir)
	require.NoError(t, err)
	const appenders, each = 64, 8
	var mu sync.Mutex
	got := map[uint64]string{}
	var wg sync.WaitGroup
	errs := make(chan error, appenders*each)
	for a := range appenders {
		wg.Go(func() {
			for i := range each {
				e := sample(i)
				e.Exchange = fmt.Sprintf("%d/%d", a, i)
				r, err := log.Append(e)
				errs <- err
				mu.Lock()
				got[r.Seq] = e.Exchange
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	require.Len(t, got, appenders*each)
	n := 0
	_, err = Read(dir, "one", func(r Receipt, e Entry) error {
		n++
		require.Equal(t, got[r.Seq], e.Exchange)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, appenders*each, n)
}

// disk is a file that fails where a test says so.
type disk struct {
	mu            sync.Mutex
	written       []byte
	durable       int // bytes written before the last Sync
	room          int // bytes that still fit; negative is no limit
	syncErr       error
	syncs, closed int
	syncing       chan chan struct{} // where not nil, Sync hands over a channel and waits on it
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(b)
	if d.room >= 0 && n > d.room {
		n = d.room
	}
	d.written = append(d.written, b[:n]...)
	if d.room >= 0 {
		d.room -= n
	}
	if n < len(b) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func (d *disk) Sync() error {
	if d.syncing != nil {
		done := make(chan struct{})
		d.syncing <- done
		<-done
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if d.syncErr == nil {
		d.durable = len(d.written)
	}
	return d.syncErr
}

func (d *disk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written = d.written[:size]
	return nil
}

func (d *disk) Close() error { d.closed++; return nil }

func TestDiskFullClosesTheLogForGood(t *testing.T) {
	d := &disk{room: 1000}
	log := newLog("one", d, state{last: genesis("one")})
	_, err := log.Append(sample(1))
	require.NoError(t, err)
	_, err = log.Append(sample(2))
	require.ErrorContains(t, err, "no space left")
	d.room = -1 // space again: still nothing more is taken
	_, err = log.Append(sample(3))
	require.ErrorContains(t, err, "no space left")
	require.ErrorContains(t, log.Err(), "no space left")
	require.Equal(t, 1, d.syncs)
	require.NoError(t, log.Close())
	require.Equal(t, 1, d.closed)

	dir := t.TempDir() // what the disk holds is recovered
	replace(t, dir, d.written)
	log, err = openLog(dir)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	last, err := Verify(dir, "one")
	require.NoError(t, err)
	require.Equal(t, uint64(2), last.Seq)
}

func TestFailedSyncClosesTheLogForGood(t *testing.T) {
	d := &disk{room: -1, syncErr: errors.New("input/output error")}
	log := newLog("one", d, state{last: genesis("one")})
	_, err := log.Append(sample(1))
	require.ErrorContains(t, err, "input/output error")
	d.syncErr = nil // the next sync would lie
	_, err = log.Append(sample(2))
	require.ErrorContains(t, err, "input/output error")
}

func TestConcurrentAppendsShareASyncAndNoneReturnsBeforeIt(t *testing.T) {
	d := &disk{room: -1, syncing: make(chan chan struct{})}
	log := newLog("one", d, state{last: genesis("one")})
	type result struct {
		Receipt
		durable int
		err     error
	}
	results := make(chan result)
	appendOne := func() {
		r, err := log.Append(sample(1))
		d.mu.Lock()
		defer d.mu.Unlock()
		results <- result{r, d.durable, err}
	}
	go appendOne()
	first := <-d.syncing
	const more = 20
	for range more {
		go appendOne()
	}
	for log.newest() < 1+more { // until they all have their place in the chain
		runtime.Gosched()
	}
	select {
	case <-results:
		require.Fail(t, "returned before its sync")
	default:
	}
	close(first)
	second := make(chan struct{})
	go func() { done := <-d.syncing; close(second); close(done) }()
	seen := 0
	for range 1 + more {
		r := <-results
		require.NoError(t, r.err)
		seen++
		if r.Seq > 1 {
			<-second
		}
	}
	require.Equal(t, 1+more, seen)
	require.Equal(t, 2, d.syncs, "twenty records, one sync")
	require.Equal(t, len(d.written), d.durable)
}

func (l *Log) newest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at.last.Seq
}

func TestFailureReachesEveryoneInTheBatch(t *testing.T) {
	d := &disk{room: -1, syncing: make(chan chan struct{}), syncErr: errors.New("gone")}
	log := newLog("one", d, state{last: genesis("one")})
	errs := make(chan error)
	one := func() { _, err := log.Append(sample(1)); errs <- err }
	go one()
	first := <-d.syncing
	for range 5 {
		go one()
	}
	for log.newest() < 6 {
		runtime.Gosched()
	}
	close(first)
	for range 6 {
		require.ErrorContains(t, <-errs, "gone")
	}
	require.Equal(t, 1, d.syncs)
}

func TestAnySequenceOfAppendsVerifies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		var last Receipt
		total := 0
		for range rapid.IntRange(1, 3).Draw(rt, "opens") {
			log, err := openLog(dir)
			require.NoError(rt, err)
			for range rapid.IntRange(0, 4).Draw(rt, "appends") {
				last, err = log.Append(Entry{User: rapid.String().Draw(rt, "user"), Warnings: rapid.SliceOf(rapid.String()).Draw(rt, "warnings")})
				require.NoError(rt, err)
				total++
			}
			require.NoError(rt, log.Close())
		}
		got, err := Verify(dir, "one")
		require.NoError(rt, err)
		require.Equal(rt, uint64(total), got.Seq)
		if total > 0 {
			require.Equal(rt, last, got)
		}
	})
}
