package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// file is what a Log writes to; tests put a failing disk in its place.
type file interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Sync() error
	Close() error
}

// ErrClosed is what Append returns after Close.
var ErrClosed = errors.New("audit: the log is closed")

// OpenOptions are what a log needs besides its place. The zero value keeps a log
// without signed checkpoints.
type OpenOptions struct {
	// Signer signs the checkpoints; nil makes none.
	Signer *SigningKey
	// Checkpoints is a directory, best on another machine's disk, where every
	// checkpoint is kept besides; "" is none.
	Checkpoints string
	// Every is after how many records a checkpoint is due, Interval after what
	// time with any; 0 is 1,000 and one minute.
	Every    int
	Interval time.Duration
	// Now is the clock of records and checkpoints; nil is time.Now.
	Now func() time.Time
	// Ticks wakes the log to see what is due; nil is once a second.
	Ticks <-chan time.Time
	// Published is given every checkpoint as it is signed, for operations. It
	// must not block.
	Published func(text string)
	// Trouble is told of what went wrong where no caller can be: a checkpoint
	// that could not be written, a disk without room. It must not block.
	Trouble func(error)
}

func (o OpenOptions) filled() OpenOptions {
	if o.Every <= 0 {
		o.Every = 1000
	}
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Published == nil {
		o.Published = func(string) {}
	}
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	return o
}

// Log is an open audit log. It is safe for concurrent use.
type Log struct {
	instance string
	path     string
	o        OpenOptions

	keeping sync.Mutex // held while a checkpoint is made and kept; taken before disk
	disk    sync.Mutex // held while writing and syncing; taken before mu
	lock    *os.File   // held as long as the log is
	file    file       // nil once closed
	size    int64      // bytes of file that are durable
	first   uint64     // the first record in file, and the month it is of
	month   string
	hashes  *hashFile  // nil where none are kept
	durable Receipt    // of the newest record on the disk
	signed  Checkpoint // the newest

	mu   sync.Mutex
	at   state  // after the newest record handed out, written or not
	next *batch // records nobody has written yet
	err  error  // why the log takes no more
	// short is that the reserve is used up: records of what is under way are
	// taken, and nothing new.
	short bool

	wake        chan struct{} // enough records for a checkpoint
	stop, ended chan struct{} // of the goroutine that keeps the log
	stopping    sync.Once
}

// state is how far a log has got.
type state struct {
	last Receipt
	tree tree
}

// batch is the records that one write and one sync make durable together.
// written and err change only under Log.disk.
type batch struct {
	lines   []byte
	stored  []tlog.Hash // of the lines, see tree.add
	written bool
	err     error
}

func newLog(instance string, f file, at state) *Log {
	return &Log{instance: instance, file: f, at: at, durable: at.last, next: &batch{}, o: OpenOptions{}.filled(), wake: make(chan struct{}, 1)}
}

// Append writes e as the next record and returns when it is durable. Entry.Time
// defaults to now, Entry.Instance is the log's. Records of concurrent calls
// share a sync.
//
// After an error of the disk the log takes nothing more, this call and every
// later one fail, and nothing may be released, until Recover has proven what is
// on the disk. While the disk is full an entry of EventAsked is refused with
// ErrFull, and the others are taken as long as the room of the reserve lasts. An
// entry that cannot be written as one line fails alone.
func (l *Log) Append(e Entry) (Receipt, error) {
	e.Instance = l.instance
	if e.Time.IsZero() {
		e.Time = l.o.Now()
	}
	e.Time = e.Time.UTC()
	body, err := json.Marshal(e)
	if err != nil {
		return Receipt{}, errors.New("audit: append: the entry cannot be written as JSON")
	}
	receipt, mine, err := l.add(escaped(body), e.Event == EventAsked)
	if err != nil {
		return Receipt{}, err
	}
	l.disk.Lock()
	defer l.disk.Unlock()
	if !mine.written {
		l.write()
	}
	if mine.err != nil {
		return Receipt{}, mine.err
	}
	return receipt, nil
}

// add gives the entry its place in the chain and puts it in the next batch.
func (l *Log) add(body []byte, begins bool) (Receipt, *batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return Receipt{}, nil, l.err
	}
	if begins && l.short {
		return Receipt{}, nil, ErrFull
	}
	start := len(l.next.lines)
	lines, receipt := appendLine(l.next.lines, l.at.last, body)
	if length := len(lines) - start; length > maxLine {
		return Receipt{}, nil, fmt.Errorf("audit: append: the entry takes %d bytes, more than %d", length, maxLine)
	}
	l.next.lines = lines
	l.next.stored = l.at.tree.add(leafHash(lines[start:]), l.next.stored)
	receipt.TreeHead = l.at.tree.head().String()
	l.at.last = receipt
	return receipt, l.next, nil
}

// write makes the next batch durable. Whoever holds disk and finds its own
// batch unwritten calls it: that batch is still the next one, since only write
// replaces it. Everybody else in it then finds it written.
func (l *Log) write() {
	l.mu.Lock()
	b, last, err := l.next, l.at.last, l.err
	l.next = &batch{}
	l.mu.Unlock()
	if err == nil {
		if err = l.rotate(); err == nil {
			err = l.put(b.lines)
		}
		if err != nil {
			err = fmt.Errorf("audit: append: %w", err)
			l.fail(err)
		} else {
			l.keepHashes(b.stored)
			l.durable = last
			l.count()
		}
	}
	b.written, b.err, b.lines, b.stored = true, err, nil, nil
}

// keepHashes puts the hashes of what was made durable beside the log. They can
// be made again from the log, so that no sync is spent on them and a fault
// stops nothing.
func (l *Log) keepHashes(stored []tlog.Hash) {
	if l.hashes == nil {
		return
	}
	if err := l.hashes.write(stored); err != nil {
		l.o.Trouble(fmt.Errorf("audit: hashes: they are made again from the log when it is opened: %w", err))
		l.dropHashes()
	}
}

func (l *Log) dropHashes() {
	if l.hashes != nil {
		_ = l.hashes.file.Close()
		l.hashes = nil
	}
}

func (l *Log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// Err is why the log takes no more records, or no more of EventAsked (ErrFull),
// nil while it takes all: for the health answer.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && l.short {
		return ErrFull
	}
	return l.err
}

// Newest is the record handed out last. It may not be on the disk yet, and asking
// waits for no disk.
func (l *Log) Newest() Receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at.last
}

// Close waits for records being written, makes a last checkpoint, closes the
// file and gives up the lock. Appends that have not begun to write fail with
// ErrClosed.
func (l *Log) Close() error {
	if l.stop != nil {
		l.stopping.Do(func() { close(l.stop) })
		<-l.ended
		l.checkpoint()
	}
	if err := l.close(); err != nil {
		return fmt.Errorf("audit: close: %w", err)
	}
	return nil
}

func (l *Log) close() error {
	l.disk.Lock()
	defer l.disk.Unlock()
	l.mu.Lock()
	l.err = ErrClosed
	l.mu.Unlock()
	var faults []error
	if l.file != nil {
		faults = append(faults, l.file.Close())
		l.file = nil
	}
	l.dropHashes()
	if l.lock != nil {
		faults = append(faults, l.lock.Close()) // gives it up
		l.lock = nil
	}
	return errors.Join(faults...)
}
