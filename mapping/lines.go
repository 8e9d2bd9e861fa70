package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"
)

// Limits of one table file. The largest national table is about 150 MiB as text.
const (
	MaxTableBytes = 256 << 20
	maxLineBytes  = 1 << 16
	maxFaults     = 200
	// keptText is how long a table's text may be to stay in memory with the table.
	keptText = 1 << 20
	// A file is read in blocks that grow from the one to the other, so that a short one costs little.
	firstBlock, largestBlock = 16 << 10, 256 << 10
)

// lines cuts a file into lines as it is read, and hashes it on the way. It never holds more than a block of it, but for
// the text of a short file or one whose words could not be found again.
type lines struct {
	in     io.Reader
	again  io.ReaderAt
	hash   hash.Hash
	block  []byte
	rest   string // read and not yet cut
	offset int64  // of rest in the file
	size   int64  // read so far
	length int64  // of the whole file as far as is known, else 0
	done   bool
	long   bool // a line is longer than any row
	err    error
	kept   strings.Builder // the text so far, while it is kept
	marks  []uint32
	number int
}

// newLines reads in. again finds the same bytes later, nil where that cannot be; length is that of the file, 0 where it
// is not known.
func newLines(in io.Reader, again io.ReaderAt, length int64) *lines {
	return &lines{in: in, again: again, length: length, hash: sha256.New(), block: make([]byte, firstBlock)}
}

// next cuts one line off, without its ending; false at the end or where reading cannot go on, as fault says.
func (l *lines) next() (string, bool) {
	end := strings.IndexByte(l.rest, '\n')
	for end < 0 && !l.done {
		scanned := len(l.rest)
		if l.long = scanned > maxLineBytes; l.long {
			l.number++
			return "", false
		}
		if !l.fill() {
			return "", false
		}
		if more := strings.IndexByte(l.rest[scanned:], '\n'); more >= 0 {
			end = scanned + more
		}
	}
	if end < 0 && l.rest == "" {
		return "", false
	}
	if l.number%linesPerMark == 0 {
		l.marks = append(l.marks, uint32(l.offset))
	}
	l.number++
	line, past := l.rest, len(l.rest)
	if end >= 0 {
		line, past = l.rest[:end], end+1
	}
	l.rest, l.offset = l.rest[past:], l.offset+int64(past)
	return strings.TrimSuffix(line, "\r"), true
}

// fill reads one more block; false where the file is too long or cannot be read.
func (l *lines) fill() bool {
	n, err := io.ReadFull(l.in, l.block)
	l.size += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		l.done, err = true, nil
	}
	if l.err = err; err != nil || l.size > MaxTableBytes {
		return false
	}
	l.hash.Write(l.block[:n])
	if l.again == nil || l.size <= keptText {
		l.kept.Write(l.block[:n])
	} else {
		l.kept = strings.Builder{}
	}
	l.rest += string(l.block[:n])
	if len(l.block) < largestBlock {
		l.block = make([]byte, 2*len(l.block))
	}
	return true
}

// fault says why reading ended before the end of the file; nil where it did not.
func (l *lines) fault(file string) *Fault {
	switch {
	case l.err != nil:
		f := unreadable(file)
		return &f
	case l.size > MaxTableBytes:
		return &Fault{File: file, What: "more than 256 MiB", Why: "no table of this trade is so large", Mend: "split the table or check what was copied"}
	case l.long:
		return &Fault{File: file, Line: l.number, What: "a line of more than 64 KiB", Why: "no row is so long", Mend: "check what was copied"}
	}
	return nil
}

func (l *lines) sum() string { return hex.EncodeToString(l.hash.Sum(nil)) }

// words are what was read, for whoever asks for a line again.
func (l *lines) words() words {
	w := words{size: l.size, marks: l.marks}
	if l.again == nil || l.size <= keptText {
		w.text = l.kept.String()
	} else {
		w.file = l.again
	}
	return w
}
