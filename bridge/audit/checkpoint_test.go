package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// shelf is a log with a key, a second path, and a clock and ticks of the test's.
type shelf struct {
	dir, away string
	key       *SigningKey
	clock     atomic.Pointer[time.Time]
	ticks     chan time.Time
	published chan string
	trouble   chan error
	log       *Log
}

func newShelf(t *testing.T, every int) *shelf {
	s := &shelf{dir: t.TempDir(), away: filepath.Join(t.TempDir(), "away"), ticks: make(chan time.Time), published: make(chan string, 100), trouble: make(chan error, 100)}
	s.set(noon())
	var err error
	s.key, err = LoadSigningKey(filepath.Join(s.dir, "one.key"), "one")
	require.NoError(t, err)
	s.open(t, every)
	return s
}

func (s *shelf) options(every int) OpenOptions {
	return OpenOptions{Signer: s.key, Checkpoints: s.away, Every: every, Now: s.now, Ticks: s.ticks,
		Published: func(text string) { s.published <- text }, Trouble: func(err error) { s.trouble <- err }}
}

func (s *shelf) open(t *testing.T, every int) {
	var err error
	s.log, err = OpenWith(s.dir, "one", s.options(every))
	require.NoError(t, err)
}

func (s *shelf) append(t *testing.T, n int) (last Receipt) {
	for i := range n {
		e := sample(i)
		e.Time = s.now()
		var err error
		last, err = s.log.Append(e)
		require.NoError(t, err)
	}
	return last
}

func (s *shelf) now() time.Time    { return *s.clock.Load() }
func (s *shelf) set(now time.Time) { s.clock.Store(&now) }

// tick has the log see what is due.
func (s *shelf) tick() { s.log.tick() }

func TestCheckpointsAreMadeByCountByTimeAndAtTheEnd(t *testing.T) {
	s := newShelf(t, 3)
	require.Empty(t, s.log.Checkpoint())
	text, err := s.log.MakeCheckpoint()
	require.NoError(t, err)
	require.Empty(t, text, "an empty log has none")
	third := s.append(t, 3)
	first := <-s.published
	c, err := ParseCheckpoint(first, s.key.Verifier())
	require.NoError(t, err)
	require.Equal(t, Checkpoint{Instance: "one", Size: 3, Root: third.TreeHead, Time: noon(), Text: first}, c)
	require.Equal(t, first, s.log.Checkpoint())

	fourth := s.append(t, 1)
	s.set(s.now().Add(59 * time.Second))
	require.False(t, s.log.due())
	s.tick()
	require.Empty(t, s.published, "not due")
	s.set(s.now().Add(time.Second))
	s.tick()
	c, err = ParseCheckpoint(<-s.published, s.key.Verifier())
	require.NoError(t, err)
	require.Equal(t, fourth.TreeHead, c.Root)
	s.set(s.now().Add(time.Hour))
	s.tick()
	require.Empty(t, s.published, "nothing is new")
	s.append(t, 1)
	s.set(s.now().Add(-2 * time.Hour)) // a clock set back delays none
	s.tick()
	require.Contains(t, <-s.published, "\n5\n")
	s.append(t, 1)
	s.set(s.now().Add(time.Hour))
	s.ticks <- time.Time{} // the goroutine that keeps the log does the same
	require.Contains(t, <-s.published, "\n6\n")
	s.append(t, 1)
	require.NoError(t, s.log.Close())
	last := <-s.published
	require.Contains(t, last, "\n7\n")
	require.Empty(t, s.trouble)

	for _, dir := range []string{s.dir, s.away} {
		kept, err := os.ReadFile(filepath.Join(dir, "one.checkpoint"))
		require.NoError(t, err)
		require.Equal(t, last, string(kept))
	}
	growing, err := os.OpenFile(filepath.Join(s.away, "one.2026-11.checkpoints"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = growing.WriteString("linkspan audit one\n7\ntorn when the machine stopp")
	require.NoError(t, errors.Join(err, growing.Close()))
	all, err := ReadEvidence(s.away, "one", s.key.Verifier())
	require.NoError(t, err)
	require.Len(t, all.Checkpoints, 5)
	v, err := VerifyAgainst(context.Background(), s.dir, "one", all)
	require.NoError(t, err)
	require.Equal(t, 5, v.Held)
	require.Zero(t, v.Window())
	vkey, err := os.ReadFile(filepath.Join(s.away, "one.vkey"))
	require.NoError(t, err)
	require.Equal(t, s.key.Verifier(), strings.TrimSpace(string(vkey)))
}

func TestCheckpointsOfOthersAreRefused(t *testing.T) {
	s := newShelf(t, 1)
	s.append(t, 1)
	text := <-s.published
	require.NoError(t, s.log.Close())
	other, err := LoadSigningKey(filepath.Join(t.TempDir(), "key"), "one")
	require.NoError(t, err)
	_, err = ParseCheckpoint(text, other.Verifier())
	require.Error(t, err)
	_, err = ParseCheckpoint(text, "no key")
	require.Error(t, err)
	for i := range text {
		if i >= strings.Index(text, "\n\n") {
			break
		}
		edited := []byte(text)
		edited[i] ^= 1
		_, err = ParseCheckpoint(string(edited), s.key.Verifier())
		require.Error(t, err, i)
	}
	for _, body := range []string{"linkspan audit one\n1\nroot\n2026-11-22T12:00:00Z\n", "linkspan audit one\n01\n" + strings.Repeat("A", 43) + "=\n2026-11-22T12:00:00Z\n", "another\n",
		"linkspan audit two\n1\n" + strings.Repeat("A", 43) + "=\n2026-11-22T12:00:00Z\n"} {
		signed, err := note.Sign(&note.Note{Text: body}, s.key.signer)
		require.NoError(t, err)
		_, err = ParseCheckpoint(string(signed), s.key.Verifier())
		require.ErrorIs(t, err, errCheckpoint)
	}
	require.Equal(t, "[redacted] [redacted]", fmt.Sprintf("%v %+v", s.key, s.key))
}

func TestSigningKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "audit.key")
	for range 20 { // the key's own text may hold any character of base64
		require.NoError(t, os.RemoveAll(path))
		made, err := LoadSigningKey(path, "one")
		require.NoError(t, err)
		again, err := LoadSigningKey(path, "one")
		require.NoError(t, err)
		require.Equal(t, made.Verifier(), again.Verifier())
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = LoadSigningKey(path, "two")
	require.ErrorContains(t, err, "no key of this instance")
	_, err = LoadSigningKey(path, "../x")
	require.Error(t, err)
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = LoadSigningKey(path, "one")
	require.ErrorContains(t, err, "others may read")
	require.NoError(t, os.WriteFile(path, []byte("rubbish\n"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = LoadSigningKey(path, "one")
	require.ErrorContains(t, err, "no key of this instance")
}

// What the second path holds is known at the next start: a tail that was
// dropped, or an older copy put back, is refused.
func TestAShorterLogIsNotOpened(t *testing.T) {
	s := newShelf(t, 100)
	s.append(t, 5)
	require.NoError(t, s.log.Close())
	whole := content(t, s.dir)
	lines := bytes.SplitAfter(whole, []byte{'\n'})
	replace(t, s.dir, bytes.Join(lines[:4], nil))
	_, err := OpenWith(s.dir, "one", s.options(1))
	requireDamage(t, err, 5)
	require.NoError(t, os.Remove(filepath.Join(s.dir, "one.checkpoint"))) // the second path knows
	_, err = OpenWith(s.dir, "one", s.options(1))
	requireDamage(t, err, 5)
	require.ErrorContains(t, err, "missing")
	replace(t, s.dir, bytes.Join(rechained(append([][]byte{bytes.Replace(lines[0], []byte(`"u1"`), []byte(`"u2"`), 1)}, lines[1:5]...)), nil))
	_, err = OpenWith(s.dir, "one", s.options(1))
	requireDamage(t, err, 5)
	require.ErrorContains(t, err, "linkspan audit verify says which")
	replace(t, s.dir, whole)
	require.NoError(t, os.WriteFile(filepath.Join(s.away, "one.checkpoint"), []byte("rubbish"), 0o600))
	_, err = OpenWith(s.dir, "one", s.options(1))
	require.ErrorContains(t, err, "the checkpoint in")
}

func TestTroubleWithTheSecondPathStopsNothing(t *testing.T) {
	s := newShelf(t, 1)
	require.NoError(t, os.WriteFile(s.away, nil, 0o600)) // a file where the directory should be
	s.append(t, 1)
	require.ErrorContains(t, <-s.trouble, "audit: checkpoint")
	require.NoError(t, os.Remove(s.away))
	s.append(t, 1)
	<-s.published
	require.Contains(t, <-s.published, "\n2\n")
	require.NoError(t, s.log.Close())
	other := filepath.Join(s.away, "one.vkey")
	require.NoError(t, os.WriteFile(other, []byte("another key"), 0o600))
	s.open(t, 1)
	s.append(t, 1)
	require.ErrorContains(t, <-s.trouble, "another verifier key")
	require.NoError(t, s.log.Close())
}

func TestTheLogVerifiesItself(t *testing.T) {
	s := newShelf(t, 2)
	s.append(t, 3)
	v, err := s.log.Verify(context.Background())
	require.NoError(t, err)
	require.Zero(t, v.Window())
	whole := content(t, s.dir)
	replace(t, s.dir, whole[:bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1])
	_, err = s.log.Verify(context.Background())
	requireDamage(t, err, 3)
	edited := bytes.Clone(whole)
	edited[bytes.LastIndex(edited, []byte("u1"))+1] = '2'
	replace(t, s.dir, edited)
	_, err = s.log.Verify(context.Background())
	requireDamage(t, err, 3)
	replace(t, s.dir, whole)
	require.NoError(t, s.log.Close())
}

// A log of which nothing but the lines is left, as releases before the tree
// wrote it, is opened and goes on (safety P-21).
func TestALogWithoutItsHashesIsOpened(t *testing.T) {
	s := newShelf(t, 100)
	before := s.append(t, 5)
	require.NoError(t, s.log.Close())
	for _, name := range []string{"one.hashes", "one.checkpoint", "one.reserve", "one.lock"} {
		require.NoError(t, os.Remove(filepath.Join(s.dir, name)))
	}
	s.open(t, 100)
	require.Equal(t, before, s.log.durable)
	after := s.append(t, 1)
	require.NoError(t, s.log.Close())
	last, err := Verify(s.dir, "one")
	require.NoError(t, err)
	require.Equal(t, after, last)

	fixture, err := os.ReadFile("testdata/release-0.1.audit")
	require.NoError(t, err)
	dir := t.TempDir()
	replace(t, dir, fixture)
	log, err := OpenWith(dir, "one", OpenOptions{Now: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	r, err := log.Append(sample(1))
	require.NoError(t, err)
	require.Equal(t, uint64(4), r.Seq)
	require.NoError(t, log.Close())

	// One of a form to come is refused, never guessed at.
	replace(t, dir, bytes.ReplaceAll(fixture, []byte(`{"seq":`), []byte(`{"v":2,"seq":`)))
	_, err = OpenWith(dir, "one", OpenOptions{Now: noon})
	requireDamage(t, err, 1)
}

func TestALongLogIsOpenedAtItsEnd(t *testing.T) {
	s := newShelf(t, 1<<20)
	require.NoError(t, s.log.Close())
	var b []byte
	last := genesis("one")
	for i := range 6000 {
		body := fmt.Appendf(nil, `{"time":"2026-11-22T10:00:00Z","event":"asked","user":"%d %s"}`, i, strings.Repeat("x", 1000))
		b, last = appendLine(b, last, body)
	}
	replace(t, s.dir, b)
	s.open(t, 1<<20)
	s.append(t, 1)
	require.NoError(t, s.log.Close())
	size := len(s.published)
	require.Equal(t, 1, size)
	b = content(t, s.dir)

	damaged := bytes.Clone(b)
	damaged[1000] ^= 1 // long before the end: Open goes by the checkpoint, Verify finds it
	replace(t, s.dir, damaged)
	s.open(t, 1<<20)
	receipt := s.append(t, 1)
	_, err := s.log.Verify(context.Background())
	requireDamage(t, err, 1)
	require.NoError(t, s.log.Close())
	undamaged := content(t, s.dir)
	undamaged[1000] ^= 1
	replace(t, s.dir, undamaged)
	proven, err := Verify(s.dir, "one")
	require.NoError(t, err)
	require.Equal(t, receipt, proven, "the tree went on from the hashes that the checkpoint proves")

	hashes, err := os.ReadFile(filepath.Join(s.dir, "one.hashes")) // and not from others
	require.NoError(t, err)
	for i := range hashes {
		hashes[i] ^= 1
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "one.hashes"), hashes, 0o600))
	s.open(t, 1<<20)
	require.Equal(t, proven, s.log.durable)
	require.NoError(t, s.log.Close())
}

func TestEvidenceIsRead(t *testing.T) {
	_, err := ReadEvidence(t.TempDir(), "one", "no key")
	require.Error(t, err)
	key, err := LoadSigningKey(filepath.Join(t.TempDir(), "k"), "one")
	require.NoError(t, err)
	e, err := ReadEvidence(t.TempDir(), "one", key.Verifier())
	require.NoError(t, err)
	require.Empty(t, e.Checkpoints)
	file := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(file, []byte("rubbish"), 0o600))
	_, err = ReadEvidence(file, "one", key.Verifier())
	require.Error(t, err)
	_, err = ReadEvidence(filepath.Join(file, "none"), "one", key.Verifier())
	require.Error(t, err)
	require.False(t, errors.Is(err, ErrClosed))
}
