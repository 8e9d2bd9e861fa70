package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
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

// lines cuts a file into lines as it is read. It never holds more than a few blocks of it, but for the text of a short
// file or one whose words could not be found again.
type lines struct {
	blocks <-chan block
	stop   chan struct{}
	again  io.ReaderAt
	length int64 // of the whole file as far as is known, else 0
	rest   string
	plain  bool  // all of the line given last is of blocks whose text is plain
	block  bool  // and so is the block of rest
	offset int64 // of rest in the file
	size   int64 // read so far
	sum    string
	done   bool
	long   bool // a line is longer than any row
	err    error
	kept   strings.Builder // the text so far, while it is kept
	marks  []uint32
	number int
}

// block is a piece of the file. The last one has the hash of all, or the error that ended the reading.
type block struct {
	text  string
	plain bool // ASCII without control characters but tabs and line ends
	last  bool
	sum   string
	err   error
}

// newLines starts to read in. again finds the same bytes later, nil where that cannot be; length is that of the file, 0
// where it is not known. Whoever calls it calls close.
func newLines(in io.Reader, again io.ReaderAt, length int64) *lines {
	blocks, stop := make(chan block, 2), make(chan struct{})
	go readAhead(in, blocks, stop)
	return &lines{blocks: blocks, stop: stop, again: again, length: length}
}

// close ends the reading, if it has not ended, and waits for it: in may then be closed.
func (l *lines) close() {
	close(l.stop)
	for range l.blocks {
	}
}

// readAhead reads, hashes and looks through the file while the lines before are taken apart.
func readAhead(in io.Reader, blocks chan<- block, stop <-chan struct{}) {
	defer close(blocks)
	in, hash := &patient{in: in}, sha256.New()
	bytes := make([]byte, firstBlock)
	for read := 0; ; {
		n, err := io.ReadFull(in, bytes)
		read += n
		hash.Write(bytes[:n])
		b := block{text: string(bytes[:n]), plain: plain(bytes[:n]), last: err != nil || read > MaxTableBytes}
		if err != io.EOF && err != io.ErrUnexpectedEOF {
			b.err = err
		}
		if b.last {
			b.sum = hex.EncodeToString(hash.Sum(nil))
		}
		select {
		case blocks <- b:
		case <-stop:
			return
		}
		if b.last {
			return
		}
		if len(bytes) < largestBlock {
			bytes = make([]byte, 2*len(bytes))
		}
	}
}

// patient gives up on a reader that gives neither bytes nor an error time after time.
type patient struct {
	in    io.Reader
	empty int
}

func (p *patient) Read(into []byte) (int, error) {
	n, err := p.in.Read(into)
	if n > 0 || err != nil {
		p.empty = 0
		return n, err
	}
	if p.empty++; p.empty == 100 {
		return 0, io.ErrNoProgress
	}
	return 0, nil
}

// plain reports text in which no line needs a closer look.
func plain(text []byte) bool {
	for _, b := range text {
		if b >= 0x7f || b < ' ' && b != '\t' && b != '\n' {
			return false
		}
	}
	return true
}

// next cuts one line off, without its ending; false at the end or where reading cannot go on, as fault says.
func (l *lines) next() (string, bool) {
	line, found := "", false
	start := l.offset
	l.plain = l.block || l.rest == ""
	for {
		var piece string
		piece, l.rest, found = strings.Cut(l.rest, "\n")
		line += piece // which copies nothing but where a line lies in two blocks
		l.offset += int64(len(piece))
		if l.long = len(line) > maxLineBytes; l.long {
			l.number++
			return "", false
		}
		if found {
			l.offset++
			break
		}
		if l.done || !l.fill() {
			break
		}
	}
	if !found && (line == "" || l.err != nil || l.size > MaxTableBytes) {
		return "", false
	}
	if l.number%linesPerMark == 0 {
		l.marks = append(l.marks, uint32(start))
	}
	l.number++
	return strings.TrimSuffix(line, "\r"), true
}

// fill takes one more block; false where the file is too long or cannot be read.
func (l *lines) fill() bool {
	b := <-l.blocks
	l.size += int64(len(b.text))
	l.rest, l.done, l.sum, l.err = b.text, b.last, b.sum, b.err
	l.block = b.plain
	l.plain = l.plain && l.block
	if l.err != nil || l.size > MaxTableBytes {
		return false
	}
	if l.again == nil || l.size <= keptText {
		l.kept.WriteString(b.text)
	} else {
		l.kept = strings.Builder{}
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

// unreadableText says what makes a line unreadable as text: what, why and how to mend; empty where nothing does.
func unreadableText(line string) (what, why, mend string) {
	for _, r := range line {
		switch {
		case r == '\r':
			return "a carriage return inside a cell", "a spreadsheet broke the row", "put the row on one line, ending in LF or CRLF"
		case r < ' ' && r != '\t' || r == 0x7f:
			return "a control character", "a code or term with an invisible character matches nothing", "delete the character"
		case r == utf8.RuneError:
			if !utf8.ValidString(line) {
				return "not UTF-8", "terms would be shown wrong", "save the file as UTF-8"
			}
			return "a character that was lost when the file was converted", "the term would be shown wrong", "copy the term again from its source"
		case r >= 0x80 && unseen(r):
			return "an invisible character", "two texts that look alike would be different ones", "delete the character"
		}
	}
	return "", "", ""
}

// unseen reports a character that shows nothing or turns the text about it round: such a name or term passes a
// reviewer's eye for another.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

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
