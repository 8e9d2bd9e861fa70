package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// reserveBytes is the room kept for the records of what is under way when the
// disk is full: a thousand of them.
const reserveBytes = 1 << 20

// ErrFull is what a record of EventAsked is refused with while the disk has no
// room: nothing new is begun, and what is under way is still recorded, in the
// room of the reserve file.
var ErrFull = errors.New("audit: the disk is full")

// reserve is a file that only takes up room, beside the log. Its bytes are
// random, for a file system that compresses would keep no room for zeros.
func (l *Log) reservePath() string { return strings.TrimSuffix(l.path, ".audit") + ".reserve" }

// makeReserve sees to it that the reserve is there. It fails where the disk has
// no room for it.
func (l *Log) makeReserve() error {
	path := l.reservePath()
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == reserveBytes {
		return nil
	}
	content := make([]byte, reserveBytes)
	_, _ = rand.Read(content)
	if err := writeFile(path, content); err != nil {
		return errors.Join(fmt.Errorf("audit: reserve: %w", err), os.Remove(path)) // half of one is no reserve
	}
	return nil
}

// put makes lines durable at the end of the file. Where the disk is full it does
// so in the room of the reserve, and from then on no new exchange may begin.
func (l *Log) put(lines []byte) error {
	n, err := l.file.Write(lines)
	if isFull(err) && os.Remove(l.reservePath()) == nil {
		l.shortage(true)
		l.o.Trouble(fmt.Errorf("%w: no new exchange begins until there is room again", ErrFull))
		if n > 0 {
			err = l.file.Truncate(l.size)
		} else {
			err = nil
		}
		if err == nil {
			_, err = l.file.Write(lines)
		}
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err == nil {
		l.size += int64(len(lines))
	}
	return err
}

func (l *Log) shortage(short bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.short = short
}

// makeRoom takes the log out of a shortage when there is room for the reserve
// again, also one that failed since. It does nothing otherwise.
func (l *Log) makeRoom() {
	l.mu.Lock()
	short, err := l.short, l.err
	l.mu.Unlock()
	if !short && !isFull(err) {
		return
	}
	if l.makeReserve() != nil {
		return
	}
	l.shortage(false)
	if err == nil {
		return
	}
	if err := l.Recover(); err != nil {
		l.o.Trouble(err)
	}
}

// Recover takes a log that failed into use again: its file is opened anew, what
// was never acknowledged is set aside, what was is proven, and a "repaired"
// record, durable like any other, says so. The log does it by itself when a full
// disk has room again. After any other fault of the disk somebody has to decide
// that the disk can be trusted: by calling this, or by a restart. A log that
// does not hold what it acknowledged is refused (*Damage) and stays failed.
func (l *Log) Recover() error {
	failed, err := l.reopen()
	if err != nil || failed == nil {
		return err
	}
	_, err = l.Append(Entry{Event: EventRepaired, Cause: failed.Error()})
	return err
}

// reopen gives the error the log had failed with, nil where it had not.
func (l *Log) reopen() (error, error) {
	l.disk.Lock()
	defer l.disk.Unlock()
	failed := l.Err()
	if failed == nil || errors.Is(failed, ErrFull) {
		return nil, nil
	}
	if errors.Is(failed, ErrClosed) {
		return nil, ErrClosed
	}
	acknowledged := l.durable
	_ = l.file.Close() // it has failed already
	l.dropHashes()
	if err := l.openFile(); err != nil {
		return nil, fmt.Errorf("audit: recover: %w", err)
	}
	if err := l.setAsideFrom(l.size); err != nil {
		return nil, fmt.Errorf("audit: recover: %w", err)
	}
	at, _, err := l.read()
	if err != nil {
		return nil, err
	}
	if at.last.Seq != acknowledged.Seq || at.last.Hash != acknowledged.Hash {
		return nil, &Damage{Instance: l.instance, Seq: min(at.last.Seq, acknowledged.Seq) + 1, Offset: -1, Fault: "the log does not end with the record that was acknowledged last"}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next.written, l.next.err = true, failed // whoever waits for it was given a place that is gone
	l.next = &batch{}
	l.at, l.err = at, nil
	return failed, nil
}

// setAsideFrom moves what stands after size bytes of the file to a file of its
// own.
func (l *Log) setAsideFrom(size int64) error {
	f, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	info, err := f.Stat()
	if err != nil || info.Size() <= size {
		return err
	}
	torn := make([]byte, info.Size()-size)
	if _, err := f.ReadAt(torn, size); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err = l.setAside(torn, size)
	return err
}

// rotate closes the file when the month of its first record is over and begins
// the next. What is in it is durable; l.disk is held.
func (l *Log) rotate() error {
	now := month(l.o.Now())
	if l.size == 0 {
		l.first, l.month = l.durable.Seq+1, now
		return nil
	}
	if l.path == "" || now <= l.month {
		return nil
	}
	if err := l.file.Close(); err != nil {
		return err
	}
	closed := filepath.Join(filepath.Dir(l.path), segmentFile(l.instance, l.month, l.first, l.durable.Seq))
	if err := os.Rename(l.path, closed); err != nil {
		return err
	}
	if err := l.openFile(); err != nil {
		return err
	}
	l.size = 0
	return l.rotate()
}

// openFile opens the file that grows and makes its name durable.
func (l *Log) openFile() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	l.file = f
	return syncDir(filepath.Dir(l.path))
}
