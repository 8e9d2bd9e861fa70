package audit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowded is a file on a disk that has room for so many bytes more, and for
// those of the reserve where that is gone.
type crowded struct {
	file
	reserve string
	room    int
	broken  error // what the disk itself says
}

func (c *crowded) Write(b []byte) (int, error) {
	if c.broken != nil {
		return 0, c.broken
	}
	if !exists(c.reserve) && c.room >= 0 && c.room < reserveBytes/2 {
		c.room += reserveBytes / 2
	}
	if len(b) > c.room {
		n, _ := c.file.Write(b[:c.room]) // as a disk does: what fits
		c.room = 0
		return n, syscall.ENOSPC
	}
	c.room -= len(b)
	return c.file.Write(b)
}

func (c *crowded) Sync() error { return errors.Join(c.broken, c.file.Sync()) }

// The disk fills: what is under way is recorded in the room of the reserve,
// nothing new begins, and when there is room again the log goes on by itself
// (safety P-10, T-13).
func TestAFullDiskRefusesWhatIsNewAndRecordsTheRest(t *testing.T) {
	s := newShelf(t, 1<<20)
	reserve := filepath.Join(s.dir, "one.reserve")
	require.FileExists(t, reserve)
	s.append(t, 2)
	disk := &crowded{file: s.log.file, reserve: reserve, room: 100}
	s.log.file = disk

	last := s.append(t, 1) // half a line fits; the reserve makes room for it
	require.Equal(t, uint64(3), last.Seq)
	require.NoFileExists(t, reserve)
	require.ErrorIs(t, s.log.Err(), ErrFull)
	require.ErrorIs(t, <-s.trouble, ErrFull)
	_, err := s.log.Append(Entry{Event: EventAsked})
	require.ErrorIs(t, err, ErrFull, "nothing new begins")
	_, err = s.log.Append(Entry{Event: EventRefused, Reason: "audit"})
	require.NoError(t, err, "and is refused on the record")

	blocked(t, reserve)
	s.tick()
	require.ErrorIs(t, s.log.Err(), ErrFull)
	disk.room = 0
	_, err = s.log.Append(Entry{Event: EventAnswered})
	require.ErrorContains(t, err, "no space left")
	_, err = s.log.Append(Entry{Event: EventAnswered})
	require.ErrorContains(t, err, "no space left")
	s.tick()
	require.Error(t, s.log.Err(), "still full")

	require.NoError(t, os.RemoveAll(reserve)) // room again
	s.tick()
	require.NoError(t, s.log.Err())
	require.FileExists(t, reserve)
	next := s.append(t, 1)
	require.NoError(t, s.log.Close())
	require.Equal(t, []string{EventAnswered, EventAnswered, EventAnswered, EventRefused, EventRepaired, EventAnswered}, events(t, s.dir))
	proven, err := Verify(s.dir, "one")
	require.NoError(t, err)
	require.Equal(t, next, proven)
}

// blocked sees to it that there is no room for the reserve.
func blocked(t *testing.T, reserve string) {
	require.NoError(t, os.Mkdir(reserve, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(reserve, "x"), nil, 0o600))
}

func events(t *testing.T, dir string) (all []string) {
	_, err := Read(dir, "one", func(_ Receipt, e Entry) error { all = append(all, e.Event); return nil })
	require.NoError(t, err)
	return all
}

// Any other fault of the disk needs somebody's word that it can be trusted.
func TestAFailingDiskIsNotTrustedByItself(t *testing.T) {
	s := newShelf(t, 1<<20)
	s.append(t, 2)
	s.log.file = &crowded{file: s.log.file, room: 1 << 30, broken: syscall.EIO}
	_, err := s.log.Append(sample(1))
	require.ErrorIs(t, err, syscall.EIO)
	s.tick()
	_, err = s.log.Append(sample(1))
	require.ErrorIs(t, err, syscall.EIO, "and stays refused")
	require.NoError(t, s.log.Recover())
	require.NoError(t, s.log.Recover(), "nothing to do")
	s.append(t, 1)
	require.NoError(t, s.log.Close())
	require.ErrorIs(t, s.log.Recover(), ErrClosed)
	require.Equal(t, []string{EventAnswered, EventAnswered, EventRepaired, EventAnswered}, events(t, s.dir))
}

// What a failing disk did with the bytes it was given is not believed.
func TestRecoverKeepsExactlyWhatWasAcknowledged(t *testing.T) {
	for name, change := range map[string]func(whole []byte) ([]byte, bool){
		"unacknowledged record": func(b []byte) ([]byte, bool) {
			l, _ := appendLine(b, Receipt{Seq: 2, Hash: "x"}, []byte("{}"))
			return l, true
		},
		"half a record":            func(b []byte) ([]byte, bool) { return append(b, `{"seq":3,"pr`...), true },
		"acknowledged record gone": func(b []byte) ([]byte, bool) { return b[:len(b)/2], false },
		"acknowledged changed":     func(b []byte) ([]byte, bool) { b[20] ^= 1; return b, false },
		"everything gone":          func([]byte) ([]byte, bool) { return nil, false },
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t, 1<<20)
			s.append(t, 2)
			s.log.file = &crowded{file: s.log.file, room: 1 << 30, broken: syscall.EIO}
			_, err := s.log.Append(sample(1))
			require.Error(t, err)
			changed, good := change(content(t, s.dir))
			replace(t, s.dir, changed)
			if !good {
				var damage *Damage
				require.ErrorAs(t, s.log.Recover(), &damage)
				_, err = s.log.Append(sample(1))
				require.Error(t, err)
				require.NoError(t, s.log.Close())
				return
			}
			require.NoError(t, s.log.Recover())
			s.append(t, 1)
			require.NoError(t, s.log.Close())
			require.Equal(t, []string{EventAnswered, EventAnswered, EventRepaired, EventAnswered}, events(t, s.dir))
			aside, err := filepath.Glob(filepath.Join(s.dir, "*.torn-*"))
			require.NoError(t, err)
			require.Len(t, aside, 1)
		})
	}
}

// A start on a full disk opens the log and begins nothing.
func TestAFullDiskAtTheStart(t *testing.T) {
	s := newShelf(t, 1<<20)
	require.NoError(t, s.log.Close())
	reserve := filepath.Join(s.dir, "one.reserve")
	require.NoError(t, os.Remove(reserve))
	blocked(t, reserve)
	s.open(t, 1<<20)
	require.ErrorIs(t, s.log.Err(), ErrFull)
	require.ErrorContains(t, <-s.trouble, "reserve")
	_, err := s.log.Append(Entry{Event: EventAsked})
	require.ErrorIs(t, err, ErrFull)
	require.NoError(t, os.RemoveAll(reserve))
	s.tick()
	_, err = s.log.Append(Entry{Event: EventAsked})
	require.NoError(t, err)
	require.NoError(t, s.log.Close())
}

func TestAMonthIsOneFile(t *testing.T) {
	s := newShelf(t, 1<<20)
	s.append(t, 3)
	s.set(s.now().AddDate(0, 1, 0)) // December
	s.append(t, 2)
	s.set(s.now().AddDate(0, 0, -40)) // a clock set back begins no file
	s.append(t, 1)
	require.NoError(t, s.log.Close())
	s.set(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC))
	s.open(t, 1<<20)
	last := s.append(t, 1)
	segments, err := Segments(s.dir, "one")
	require.NoError(t, err)
	require.Equal(t, []Segment{{File: "one.2026-11.000000000001-000000000003.audit", Month: "2026-11", First: 1, Last: 3},
		{File: "one.2026-12.000000000004-000000000006.audit", Month: "2026-12", First: 4, Last: 6}}, segments)
	require.NoError(t, s.log.Close())
	proven, err := Verify(s.dir, "one")
	require.NoError(t, err)
	require.Equal(t, last, proven)
	names, err := Instances(s.dir)
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, names)

	// Stopped between closing one file and beginning the next.
	require.NoError(t, os.Rename(filepath.Join(s.dir, "one.audit"), filepath.Join(s.dir, "one.2027-02.000000000007-000000000007.audit")))
	proven, err = Verify(s.dir, "one")
	require.NoError(t, err)
	require.Equal(t, last, proven)
	s.open(t, 1<<20)
	require.Equal(t, uint64(8), s.append(t, 1).Seq)
	require.NoError(t, s.log.Close())

	// A closed file that is taken away or changed is named like any record.
	closed := filepath.Join(s.dir, segments[1].File)
	whole, err := os.ReadFile(closed)
	require.NoError(t, err)
	require.NoError(t, os.Remove(closed))
	_, err = Verify(s.dir, "one")
	requireDamage(t, err, 4)
	whole[len(whole)-3] ^= 1
	require.NoError(t, os.WriteFile(closed, whole, 0o600))
	_, err = Verify(s.dir, "one")
	damage := requireDamage(t, err, 6)
	require.Equal(t, segments[1].File, damage.File)
	require.Equal(t, 3, damage.Line)
	require.NoError(t, os.Remove(filepath.Join(s.dir, segments[0].File)))
	_, err = Verify(s.dir, "one")
	damage = requireDamage(t, err, 1)
	require.Equal(t, uint64(3), damage.Through)
	require.ErrorContains(t, err, "missing")
}

func TestASegmentIsDeletedOnPurposeAndOnTheRecordOnly(t *testing.T) {
	s := newShelf(t, 2)
	s.append(t, 3)
	s.set(s.now().AddDate(0, 1, 0))
	s.append(t, 2)
	s.set(s.now().AddDate(0, 1, 0))
	s.append(t, 2)
	_, err := s.log.DeleteOldest("A. Officer", "retention")
	require.ErrorIs(t, err, ErrTooYoung)
	require.Len(t, events(t, s.dir), 7, "nothing was done")
	s.set(time.Date(2034, 11, 22, 11, 59, 0, 0, time.UTC))
	_, err = s.log.DeleteOldest("A. Officer", "retention")
	require.ErrorIs(t, err, ErrTooYoung)
	s.set(time.Date(2034, 12, 22, 11, 59, 0, 0, time.UTC)) // the record after it is not old enough
	_, err = s.log.DeleteOldest("A. Officer", "retention")
	require.ErrorIs(t, err, ErrTooYoung)
	s.set(time.Date(2034, 12, 22, 12, 0, 0, 0, time.UTC))
	gone, err := s.log.DeleteOldest("A. Officer", "retention")
	require.NoError(t, err)
	require.Equal(t, "2026-11", gone.Month)
	_, err = s.log.DeleteOldest("A. Officer", "retention")
	require.ErrorIs(t, err, ErrTooYoung)
	s.append(t, 1)
	require.NoError(t, s.log.Close())

	evidence, err := ReadEvidence(s.away, "one", s.key.Verifier())
	require.NoError(t, err)
	v, err := VerifyAgainst(t.Context(), s.dir, "one", evidence)
	require.NoError(t, err)
	require.Equal(t, uint64(4), v.First)
	require.Equal(t, uint64(9), v.Last.Seq)
	require.Zero(t, v.Window())
	require.Empty(t, v.Hashes)
	all := events(t, s.dir)
	require.Equal(t, EventDeleted, all[4])
	require.Equal(t, []Deleted{{First: 1, Last: 3, At: time.Date(2034, 12, 22, 12, 0, 0, 0, time.UTC), By: "A. Officer", Why: "retention"}}, v.Deletions)
	s.open(t, 2)
	require.Equal(t, uint64(10), s.append(t, 1).Seq)
	require.NoError(t, s.log.Close())

	// Forged: the same without the record of the deletion.
	forged := newShelf(t, 2)
	forged.append(t, 3)
	forged.set(forged.now().AddDate(0, 1, 0))
	forged.append(t, 2)
	require.NoError(t, forged.log.Close())
	segments, err := Segments(forged.dir, "one")
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(forged.dir, segments[0].File)))
	_, err = Verify(forged.dir, "one")
	requireDamage(t, err, 1)
	require.ErrorContains(t, err, "no record says that they were deleted")
	_, err = OpenWith(forged.dir, "one", forged.options(2))
	requireDamage(t, err, 1)
}

// Whoever has the directory can write the record of a deletion as well. It is
// believed no sooner than DeleteOldest would have written it.
func TestADeletionBeforeItsTimeIsDamage(t *testing.T) {
	s := newShelf(t, 2)
	s.append(t, 3)
	s.set(s.now().AddDate(0, 1, 0))
	s.append(t, 3)
	segments, err := Segments(s.dir, "one")
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(s.dir, segments[0].File))
	require.NoError(t, err)
	var all tree
	last := genesis("one")
	for line := range bytes.Lines(raw) {
		last, _, err = parseLine(line, last)
		require.NoError(t, err)
		all.add(leafHash(line), nil)
	}
	forged := &Deletion{First: 1, Last: 3, Month: "2010-01", Hash: last.Hash}
	for _, root := range all.subtrees() {
		forged.Subtrees = append(forged.Subtrees, root.String())
	}
	_, err = s.log.Append(Entry{Event: EventDeleted, User: "A. Administrator", Deleted: forged})
	require.NoError(t, err)
	require.NoError(t, s.log.Close())
	require.NoError(t, os.Remove(filepath.Join(s.dir, segments[0].File)))
	evidence, err := ReadEvidence(s.away, "one", s.key.Verifier())
	require.NoError(t, err)
	_, err = VerifyAgainst(t.Context(), s.dir, "one", evidence)
	requireDamage(t, err, 1)
	require.ErrorContains(t, err, "before the 8 years were over")
	_, err = OpenWith(s.dir, "one", s.options(2))
	requireDamage(t, err, 1)
}

func TestWhatCannotBeDeleted(t *testing.T) {
	s := newShelf(t, 2)
	_, err := s.log.DeleteOldest("A. Officer", "retention")
	require.ErrorContains(t, err, "no closed segment")
	s.append(t, 3)
	s.set(s.now().AddDate(9, 0, 0))
	s.append(t, 2)
	segments, err := Segments(s.dir, "one")
	require.NoError(t, err)
	path := filepath.Join(s.dir, segments[0].File)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	whole[100] ^= 1
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	_, err = s.log.DeleteOldest("A. Officer", "retention")
	requireDamage(t, err, 1)
	require.NoError(t, s.log.Close())
	_, err = s.log.DeleteOldest("A. Officer", "retention")
	require.Error(t, err)
}
