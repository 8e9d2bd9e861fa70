package admit

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// TestMain is also the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LINKSPAN_TEST_ADMIT_DIR"); dir != "" {
		takeUntilKilled(dir, os.Getenv("LINKSPAN_TEST_ADMIT_ROUND"))
	}
	os.Exit(m.Run())
}

func ample(o Options) Options {
	o.Records, o.Misses, o.Requests = 1<<30, 1<<30, 1<<30
	o.OrganisationRecords, o.OrganisationMisses, o.OrganisationRequests = 1<<30, 1<<30, 1<<30
	return o
}

// filled makes a memory of n messages and returns its bytes.
func filled(t *testing.T, n int) []byte {
	dir := t.TempDir()
	g, err := Open(dir, "x", ample(Options{}))
	require.NoError(t, err)
	for i := range n {
		require.NoError(t, g.Request("u", "o", fmt.Sprint(i), []byte("body")))
	}
	require.NoError(t, g.Close())
	b, err := os.ReadFile(filepath.Join(dir, "x.admit"))
	require.NoError(t, err)
	require.Len(t, b, (n+1)*size)
	return b
}

// with opens a memory that stands on disk as given.
func with(t *testing.T, dir string, b []byte) (*Gate, error) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.admit"), b, 0o600))
	return Open(dir, "x", ample(Options{}))
}

func replayed(g *Gate, id string) bool {
	return record.ReasonOf(g.Request("u", "o", id, []byte("body"))) == record.ReasonReplayed
}

// TestStoppedWhileWriting: wherever a write is cut, every message taken before it
// is remembered, and the one being written may be sent again.
func TestStoppedWhileWriting(t *testing.T) {
	whole := filled(t, 3)
	dir := t.TempDir()
	for n := 3 * size; n < len(whole); n++ { // while the third was written
		for _, tail := range []string{"", "zeros"} {
			b := bytes.Clone(whole[:n])
			if tail != "" { // a power cut: the file is longer, its last bytes never came
				if n > 3*size {
					continue // a record does not cross a sector: all of it, or nothing
				}
				b = append(b, make([]byte, size)...)
			}
			g, err := with(t, dir, b)
			require.NoError(t, err, "cut at %d", n)
			require.True(t, replayed(g, "0") && replayed(g, "1"))
			require.NoError(t, g.Request("u", "o", "2", nil))
			require.NoError(t, g.Close())
			g, err = Open(dir, "x", ample(Options{}))
			require.NoError(t, err)
			require.True(t, replayed(g, "0") && replayed(g, "1") && replayed(g, "2"))
			require.NoError(t, g.Close())
		}
	}
}

// TestStoppedWhileRewriting: until the new file is whole and in place, the old
// one stands.
func TestStoppedWhileRewriting(t *testing.T) {
	whole := filled(t, 3)
	dir := t.TempDir()
	for n := 0; n <= len(whole); n += 7 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "x.admit.new"), whole[:n], 0o600))
		g, err := with(t, dir, whole)
		require.NoError(t, err)
		require.True(t, replayed(g, "0") && replayed(g, "1") && replayed(g, "2"))
		require.NoError(t, g.memory.rewrite(func(entry) bool { return true }))
		require.True(t, replayed(g, "0") && replayed(g, "1") && replayed(g, "2"))
		require.NoError(t, g.Close())
	}
}

// TestDamagedMemoryIsRefused: any byte changed, a record missing in the middle of
// one, or another file altogether.
func TestDamagedMemoryIsRefused(t *testing.T) {
	whole := filled(t, 3)
	dir := t.TempDir()
	refused := func(b []byte, what string) {
		_, err := with(t, dir, b)
		require.ErrorIs(t, err, errDamaged, what)
		after, readErr := os.ReadFile(filepath.Join(dir, "x.admit"))
		require.NoError(t, readErr)
		require.Equal(t, b, after, "it stays as it is")
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1
		refused(b, fmt.Sprint("byte ", i))
	}
	refused([]byte{}, "empty")
	refused(whole[:size-1], "head cut")
	refused(append(bytes.Clone(whole[:size]), whole[size+1:]...), "a byte taken out")
	refused(append(append(bytes.Clone(whole), make([]byte, size)...), whole[size:2*size]...), "zeros in the middle")
	refused([]byte(strings.Repeat("something else\n", 100)), "another file")
	other := filled(t, 1)
	refused(append(bytes.Clone(whole), other[size:]...), "a record under another key")
}

// TestUnwritableMemoryFailsClosed: no message goes on that is not remembered;
// once the memory can be written again it mends itself.
func TestUnwritableMemoryFailsClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "memory")
	var events []Event
	g, err := Open(dir, "x", Options{Event: func(e Event) { events = append(events, e) }})
	require.NoError(t, err)
	require.NoError(t, g.Request("u", "o", "0", nil))

	require.NoError(t, g.memory.file.Close()) // every write fails from here
	err = g.Request("u", "o", "1", nil)
	require.Error(t, err)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
	require.Equal(t, KindMemory, events[0].Kind)

	away := dir + ".away"
	require.NoError(t, os.Rename(dir, away)) // and it cannot be written anew
	err = g.Request("u", "o", "1", nil)
	require.Error(t, err)
	require.Equal(t, record.ReasonInternal, record.ReasonOf(err))
	require.True(t, replayed(g, "0"))
	g.Answered("u", "o", "")
	require.Equal(t, KindMemory, events[len(events)-1].Kind)

	require.NoError(t, os.Rename(away, dir))
	require.NoError(t, g.Request("u", "o", "1", nil))
	require.True(t, replayed(g, "0") && replayed(g, "1"))
	require.NoError(t, g.Close())
	g, err = Open(dir, "x", Options{})
	require.NoError(t, err)
	require.True(t, replayed(g, "0") && replayed(g, "1"))
	require.NoError(t, g.Close())
}

func TestOneProcessHoldsAMemory(t *testing.T) {
	dir := t.TempDir()
	g, err := Open(dir, "x", Options{})
	require.NoError(t, err)
	_, err = Open(dir, "x", Options{})
	require.ErrorContains(t, err, "held by another process")
	other, err := Open(dir, "y", Options{})
	require.NoError(t, err, "another endpoint's")
	require.NoError(t, other.Close())
	require.NoError(t, g.memory.rewrite(func(entry) bool { return true }))
	_, err = Open(dir, "x", Options{})
	require.ErrorContains(t, err, "held by another process", "a file put in its place is held as well")
	require.NoError(t, g.Close())
	for _, name := range []string{"", "../x", "a/b", "9990001057 ", strings.Repeat("x", 65)} {
		_, err = Open(dir, name, Options{})
		require.Error(t, err)
	}
}

func TestMemoryOthersMayReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	g, err := Open(dir, "x", Options{})
	require.NoError(t, err)
	require.NoError(t, g.Close())
	require.NoError(t, os.Chmod(filepath.Join(dir, "x.admit"), 0o640))
	_, err = Open(dir, "x", Options{})
	require.ErrorContains(t, err, "may be read by others")
}

// TestMemoryIsBounded: days of messages leave no more behind, on disk and in
// memory, than one day's.
func TestMemoryIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	g, err := Open(dir, "x", ample(Options{Now: func() time.Time { return now }}))
	require.NoError(t, err)
	for i := range 3000 { // 12 days, 250 a day
		now = now.Add(24 * time.Hour / 250)
		require.NoError(t, g.Request(fmt.Sprint("u", i), "o", fmt.Sprint(i), nil))
		info, err := os.Stat(filepath.Join(dir, "x.admit"))
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(2*250+slack+2)*size)
	}
	require.LessOrEqual(t, len(g.taken), 250)
	require.LessOrEqual(t, len(g.order), 250)
	require.LessOrEqual(t, len(g.tallies), 1024+4*20)
	require.True(t, replayed(g, "2900"))
	require.NoError(t, g.Close())
	g, err = Open(dir, "x", ample(Options{Now: func() time.Time { return now }}))
	require.NoError(t, err)
	require.LessOrEqual(t, len(g.taken), 250)
	require.True(t, replayed(g, "2900"))
	require.NoError(t, g.Close())
}

// takeUntilKilled takes messages for as long as the process lives, and says of
// each that it was taken; some are from two days ago, so that the file is
// written anew all the time.
func takeUntilKilled(dir, round string) {
	days := 0
	g, err := Open(dir, "x", ample(Options{Now: func() time.Time { return time.Now().Add(time.Duration(-days) * 24 * time.Hour) }}))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if days = 2 * (i % 2); i%10 == 0 {
			g.mu.Lock()
			g.memory.kept = -slack // the next append finds the file grown
			g.mu.Unlock()
		}
		id := fmt.Sprint(round, "-", i)
		if err := g.Request("u", "o", id, []byte("body")); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		if days == 0 {
			fmt.Println(id)
		}
	}
}

// TestKilledAtAnyMoment: kill -9, again and again on one memory; whatever was
// taken is never taken again.
func TestKilledAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	var told []string
	for round := range 12 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "LINKSPAN_TEST_ADMIT_DIR="+dir, fmt.Sprint("LINKSPAN_TEST_ADMIT_ROUND=", round))
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewReader(out)
		for range 5 + rand.IntN(60) {
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.NotContains(t, line, "error")
			told = append(told, strings.TrimSpace(line))
		}
		require.NoError(t, child.Process.Kill())
		rest, err := io.ReadAll(lines) // what it still told before it died
		require.NoError(t, err)
		if whole := strings.LastIndexByte(string(rest), '\n'); whole >= 0 {
			told = append(told, strings.Fields(string(rest[:whole]))...)
		}
		require.Error(t, child.Wait())

		g, err := Open(dir, "x", ample(Options{}))
		require.NoError(t, err)
		for _, id := range told {
			require.True(t, replayed(g, id), id)
		}
		require.NoError(t, g.Close())
	}
	t.Logf("%d messages, 12 kills: none taken twice", len(told))
}
