package admit

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// The file is records of 128 bytes, the first of which is its head. 128 divides
// the sector of any disk, so a record is never torn: after a power cut it is
// there, or its bytes are zero, or the file ends before it.
//
//	head   magic 16, key 32, zero 48, SHA-256 of what stands before 32
//	entry  time 8, kind 1, zero 7, id 16, body 32, user 16, organisation 16, HMAC-SHA-256 of what stands before 32
const (
	size  = 128
	proof = size - sha256.Size
	magic = "linkspan admit 1"
	slack = 1024 // entries by which the file may outgrow twice what was in it
)

// What an entry stands for.
const (
	taken    byte = 't' // a message was taken
	released byte = 'r' // a record was released
	missed   byte = 'm' // a look-up found nobody
)

// digest is a keyed hash; zero stands for none.
type digest [16]byte

func (d digest) zero() bool { return d == digest{} }

// entry is one record of the file.
type entry struct {
	kind               byte
	at                 time.Time
	id, body           digest
	user, organisation digest
}

var memoryName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// errDamaged says nothing of what stands in the file.
var errDamaged = errors.New("the memory of messages taken is damaged")

// memory is the file. It is not safe for use by several goroutines.
type memory struct {
	path    string
	key     []byte
	held    *os.File // holds the lock
	file    *os.File // nil after a failure to put it back
	entries int      // that stand in the file, durable
	kept    int      // that stood in it when it was last rewritten
	broken  bool     // a write failed; what stands after entries is unknown
}

// openMemory opens or creates the file, and hands each of its entries to recall,
// which reports whether it still matters.
func openMemory(dir, name string, recall func(entry) bool) (*memory, error) {
	if !memoryName.MatchString(name) {
		return nil, errors.New("a name is at most 64 letters, digits, - and _")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	m := &memory{path: filepath.Join(dir, name+".admit")}
	held, err := os.OpenFile(m.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	m.held = held
	if err := m.open(recall); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

func (m *memory) open(recall func(entry) bool) error {
	if err := lock(m.held); err != nil {
		return fmt.Errorf("the memory is held by another process: %w", err)
	}
	f, err := os.OpenFile(m.path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		m.key = make([]byte, sha256.Size)
		_, _ = rand.Read(m.key) // never fails
		return m.rewrite(func(entry) bool { return false })
	}
	if err != nil {
		return err
	}
	m.file = f
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Mode().Perm()&0o077 != 0 && exclusive {
		return fmt.Errorf("the memory may be read by others (mode %v)", info.Mode().Perm())
	}
	if err := m.read(recall); err != nil {
		return err
	}
	if err := f.Truncate(int64(m.entries+1) * size); err != nil {
		return err
	}
	return f.Sync()
}

// read proves head and entries. What was being written when the machine stopped
// stands at the end: less than a record, or a record of zeros.
func (m *memory) read(recall func(entry) bool) error {
	in := bufio.NewReaderSize(m.file, 64<<10)
	var b [size]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return damaged(0)
	}
	sum := sha256.Sum256(b[:proof])
	if string(b[:len(magic)]) != magic || !bytes.Equal(sum[:], b[proof:]) {
		return damaged(0)
	}
	m.key = bytes.Clone(b[len(magic) : len(magic)+sha256.Size])
	for {
		_, err := io.ReadFull(in, b[:])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
		e, ok := m.parse(b)
		if !ok {
			if _, err := in.ReadByte(); err == io.EOF && b == [size]byte{} {
				return nil
			}
			return damaged(m.entries + 1)
		}
		m.entries++
		if recall(e) {
			m.kept++
		}
	}
}

func damaged(n int) error { return fmt.Errorf("%w at record %d", errDamaged, n) }

func (m *memory) parse(b [size]byte) (entry, bool) {
	if !hmac.Equal(m.mac(b[:proof]), b[proof:]) {
		return entry{}, false
	}
	e := entry{at: time.Unix(0, int64(binary.BigEndian.Uint64(b[:]))), kind: b[8]}
	copy(e.id[:], b[16:])
	copy(e.body[:], b[32:])
	copy(e.user[:], b[64:])
	copy(e.organisation[:], b[80:])
	return e, true
}

func (m *memory) format(e entry) (b [size]byte) {
	binary.BigEndian.PutUint64(b[:], uint64(e.at.UnixNano()))
	b[8] = e.kind
	copy(b[16:], e.id[:])
	copy(b[32:], e.body[:])
	copy(b[64:], e.user[:])
	copy(b[80:], e.organisation[:])
	copy(b[proof:], m.mac(b[:proof]))
	return b
}

func (m *memory) mac(b []byte) []byte {
	h := hmac.New(sha256.New, m.key)
	h.Write(b)
	return h.Sum(nil)
}

// digest is a keyed hash of text, which means what.
func (m *memory) digest(what, text string) (d digest) {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(what))
	h.Write([]byte{0})
	h.Write([]byte(text))
	copy(d[:], h.Sum(nil))
	return d
}

// append makes e durable, and with it all that was written before. After a
// failure the next one first writes the file anew, without what failed.
func (m *memory) append(e entry, matters func(entry) bool) error {
	if err := m.write(e, matters); err != nil {
		return err
	}
	if err := m.file.Sync(); err != nil {
		m.broken = true
		return err
	}
	return nil
}

// write writes e, which outlives this process, and the machine once something
// was appended after it.
func (m *memory) write(e entry, matters func(entry) bool) error {
	if m.broken || m.entries > 2*m.kept+slack {
		if err := m.rewrite(matters); err != nil {
			return err
		}
	}
	b := m.format(e)
	if _, err := m.file.WriteAt(b[:], int64(m.entries+1)*size); err != nil {
		m.broken = true
		return err
	}
	m.entries++
	return nil
}

// rewrite writes the entries that matter, and the head, to a file beside and puts
// it in place. Until it is there whole the old one stands.
func (m *memory) rewrite(matters func(entry) bool) error {
	if m.broken && m.file != nil { // a handle that failed once is not trusted again
		_ = m.file.Close()
		m.file = nil
	}
	m.broken = true // until all of it went well
	beside := m.path + ".new"
	f, err := os.OpenFile(beside, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	kept, err := m.copyTo(f, matters)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	// The old file is closed first, for where a file that is open cannot be
	// replaced.
	if m.file != nil {
		_ = m.file.Close()
		m.file = nil
	}
	if err := os.Rename(beside, m.path); err != nil {
		return err
	}
	m.entries, m.kept = kept, kept
	if err := syncDir(filepath.Dir(m.path)); err != nil {
		return err
	}
	if m.file, err = os.OpenFile(m.path, os.O_RDWR, 0); err != nil {
		return err
	}
	m.broken = false
	return nil
}

// copyTo writes the head and the entries that matter, and counts these.
func (m *memory) copyTo(f *os.File, matters func(entry) bool) (kept int, err error) {
	out := bufio.NewWriterSize(f, 64<<10)
	var head [size]byte
	copy(head[:], magic)
	copy(head[len(magic):], m.key)
	sum := sha256.Sum256(head[:proof])
	copy(head[proof:], sum[:])
	_, _ = out.Write(head[:]) // Flush tells
	if m.entries > 0 {
		if m.file == nil {
			if m.file, err = os.OpenFile(m.path, os.O_RDWR, 0); err != nil {
				return 0, err
			}
		}
		in := bufio.NewReaderSize(io.NewSectionReader(m.file, size, int64(m.entries)*size), 64<<10)
		for n := range m.entries {
			var b [size]byte
			if _, err := io.ReadFull(in, b[:]); err != nil {
				return 0, err
			}
			e, ok := m.parse(b)
			if !ok {
				return 0, damaged(n + 1)
			}
			if matters(e) {
				kept++
				_, _ = out.Write(b[:])
			}
		}
	}
	return kept, out.Flush()
}

func (m *memory) close() error {
	var err error
	if m.file != nil {
		err = m.file.Close()
	}
	return errors.Join(err, m.held.Close()) // the lock goes with it
}
