package mapping

import (
	"io"
	"strings"
)

// linesPerMark is how many lines lie between two marks: a row's words are found by reading on from the mark before it.
const linesPerMark = 16

// words is where the words of a table's rows are: the text itself where it is short, else the file.
type words struct {
	text string
	file io.ReaderAt
	size int64
	// marks has the offset of every linesPerMark-th line, from line 1.
	marks []uint32
}

// reading reads lines one after another without reading the same block twice.
type reading struct {
	*words
	mark int    // the block that rest is of, from 1; 0 for none
	line int    // the line rest starts with
	rest string // the block from that line on
}

// at reads one line, counted from 1, without its ending.
func (r *reading) at(n int) (string, bool) {
	mark := (n-1)/linesPerMark + 1
	if n < 1 || mark > len(r.marks) {
		return "", false
	}
	if mark != r.mark || n < r.line {
		block, ok := r.block(mark - 1)
		if !ok {
			return "", false
		}
		r.mark, r.line, r.rest = mark, (mark-1)*linesPerMark+1, block
	}
	line := ""
	for ; r.line <= n; r.line++ {
		line, r.rest, _ = strings.Cut(r.rest, "\n")
	}
	return strings.TrimSuffix(line, "\r"), true
}

// block reads the lines of one mark.
func (w *words) block(mark int) (string, bool) {
	start, end := int64(w.marks[mark]), w.size
	if mark+1 < len(w.marks) {
		end = int64(w.marks[mark+1])
	}
	if w.file == nil {
		return w.text[start:end], true
	}
	bytes := make([]byte, end-start)
	if n, err := w.file.ReadAt(bytes, start); n < len(bytes) || err != nil && err != io.EOF {
		return "", false
	}
	return string(bytes), true
}
