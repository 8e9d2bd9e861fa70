package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A line is
//
//	{"seq":N,"prev":"<hash>","entry":{...},"hash":"<hash>"}
//
// where hash is the SHA-256 of the line up to and without ,"hash": and prev the
// hash of the line before, or of the log's own beginning (genesis). The form is
// exact to the byte, so any change is a fault, also one that a JSON reader would
// not notice.
const (
	hashHex  = 2 * sha256.Size
	hashHead = `,"hash":"`
	hashTail = "\"}\n"
	tailSize = len(hashHead) + hashHex + len(hashTail)
)

// genesis is the receipt of the empty log. It differs for every instance, so
// that one instance's log cannot stand in for another's.
func genesis(instance string) Receipt {
	sum := sha256.Sum256([]byte("linkspan audit 1\n" + instance))
	return Receipt{Hash: hex.EncodeToString(sum[:])}
}

func lineHead(b []byte, last Receipt) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, last.Seq+1, 10)
	b = append(b, `,"prev":"`...)
	b = append(b, last.Hash...)
	return append(b, `","entry":`...)
}

// appendLine appends to b the line that holds body after last.
func appendLine(b []byte, last Receipt, body []byte) ([]byte, Receipt) {
	start := len(b)
	b = append(lineHead(b, last), body...)
	sum := sha256.Sum256(b[start:])
	hash := hex.EncodeToString(sum[:])
	b = append(b, hashHead...)
	b = append(b, hash...)
	return append(b, hashTail...), Receipt{Seq: last.Seq + 1, Hash: hash}
}

// escaped is a JSON text with everything that cannot be seen in it written as
// JSON's own escape: encoding/json leaves DEL, the C1 controls, which some
// terminals obey, and marks that turn the direction of text as they are.
func escaped(text []byte) []byte {
	if bytes.IndexFunc(text, hidden) < 0 {
		return text
	}
	b := make([]byte, 0, len(text)+16)
	for _, r := range string(text) {
		switch {
		case !hidden(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}

func hidden(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }

// parseLine proves that line, line end included, follows last, and gives its
// entry's bytes.
func parseLine(line []byte, last Receipt) (Receipt, []byte, error) {
	head := lineHead(nil, last)
	if len(line) < len(head)+tailSize || string(line[len(line)-len(hashTail):]) != hashTail {
		return Receipt{}, nil, errors.New("not a record")
	}
	content, tail := line[:len(line)-tailSize], line[len(line)-tailSize:]
	hash := string(tail[len(hashHead) : len(hashHead)+hashHex])
	sum := sha256.Sum256(content)
	switch {
	case !bytes.HasPrefix(tail, []byte(hashHead)) || hash != hex.EncodeToString(sum[:]):
		return Receipt{}, nil, errors.New("changed: its hash does not hold")
	case !bytes.HasPrefix(content, head):
		return Receipt{}, nil, errors.New("not the record that follows the one before")
	case !json.Valid(content[len(head):]):
		return Receipt{}, nil, errors.New("its entry cannot be read")
	}
	return Receipt{Seq: last.Seq + 1, Hash: hash}, content[len(head):], nil
}

// Damage says which record of a log is the first bad one.
type Damage struct {
	Instance string
	Seq      uint64 // the sequence number the record should have
	Through  uint64 // where it is known only that it is one from Seq to this; else 0
	Offset   int64  // where its line begins, in all files of the log together; negative is not known
	File     string // the file it is in, "" where that is not known
	Line     int    // of the file, counted from 1
	Fault    string
}

// Error names the record and the fault, and repeats nothing of either.
func (d *Damage) Error() string {
	if d.Through > d.Seq {
		return fmt.Sprintf("audit: log of %s: one of the records %d to %d: %s", d.Instance, d.Seq, d.Through, d.Fault)
	}
	if d.File == "" {
		return fmt.Sprintf("audit: log of %s: record %d: %s", d.Instance, d.Seq, d.Fault)
	}
	return fmt.Sprintf("audit: log of %s: record %d, line %d of %s: %s", d.Instance, d.Seq, d.Line, d.File, d.Fault)
}

// walk proves the lines of r from the one that follows last, calling each with
// every record where it is not nil. It returns the last good receipt and the
// bytes of an unended last line. start is the offset of r in the file.
func walk(r io.Reader, instance string, last Receipt, start int64, each func(r Receipt, line, body []byte) error) (Receipt, []byte, error) {
	lines := lineReader(r)
	for offset := start; ; {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return last, bytes.Clone(line), nil
		case errors.Is(err, bufio.ErrBufferFull):
			return last, nil, &Damage{Instance: instance, Seq: last.Seq + 1, Offset: offset, Fault: "longer than any record"}
		case err != nil:
			return last, nil, fmt.Errorf("audit: log of %s: read: %w", instance, err)
		}
		receipt, body, err := parseLine(line, last)
		if err != nil {
			return last, nil, &Damage{Instance: instance, Seq: last.Seq + 1, Offset: offset, Fault: err.Error()}
		}
		if each != nil {
			if err := each(receipt, line, body); err != nil {
				return last, nil, err
			}
		}
		last, offset = receipt, offset+int64(len(line))
	}
}

// lineReader reads lines of up to maxLine bytes, and takes no more memory than
// there is to read.
func lineReader(r io.Reader) *bufio.Reader {
	size := int64(maxLine)
	if known, ok := r.(interface{ Size() int64 }); ok {
		size = min(size, known.Size()+1) // at its end a full buffer is not an over-long line
	}
	return bufio.NewReaderSize(r, int(size))
}
