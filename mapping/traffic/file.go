package traffic

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// FileName is the log's file in the data folder of an instance.
const FileName = "traffic.tsv"

// The first line, the header row and the last line of the file. Between the header row and the end stand the keys, most
// frequent first, so that the file can be read by people and by awk.
const (
	firstLine = "# linkspan traffic 1"
	columns   = "scheme\tcode\tterm_code\tto\tcontexts\tkind\tcount\tunmapped\tlast\tfirst\tlatest"
	endLine   = "# end: sha256 of the lines above: "
)

// Limits of the file: of a line, and of the whole.
const (
	maxLineBytes = 4 << 10
	maxFileBytes = 128 << 20
)

// Damage says that a file is not as Save wrote it. The rows that were whole are counted in the log all the same.
type Damage struct {
	File  string
	Line  int    // of the first fault
	Fault string // in our words, without anything from the file
	Lost  int    // lines that were not taken
	Aside string // the name the file has now; empty where it was only read
}

// Error is one line for an operator.
func (d *Damage) Error() string {
	text := fmt.Sprintf("traffic: %s:%d: %s; %d lines not taken", d.File, d.Line, d.Fault, d.Lost)
	if d.Aside != "" {
		text += "; kept as " + d.Aside
	}
	return text
}

// Read reads a log and leaves the file as it is. Where there is no file, nothing was seen. Damage is nil for a file that
// is whole. The error is of the disk, and then there is no log.
func Read(path string) (*Log, *Damage, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Log{}, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("traffic: read: %w", err)
	}
	defer f.Close()
	return parse(path, f)
}

// Load reads the log of a running instance. A damaged file gets another name first, so that the next Save loses nothing.
// After an error the caller must not Save to the same path.
func Load(path string) (*Log, *Damage, error) {
	l, damage, err := Read(path)
	if err != nil || damage == nil {
		return l, damage, err
	}
	sum, err := fileSum(path)
	if err != nil {
		return nil, nil, fmt.Errorf("traffic: set aside: %w", err)
	}
	aside := path + ".damaged-" + sum[:16]
	if err := os.Rename(path, aside); err != nil {
		return nil, nil, fmt.Errorf("traffic: set aside: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, nil, fmt.Errorf("traffic: set aside: %w", err)
	}
	damage.Aside = filepath.Base(aside)
	return l, damage, nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reading is a file being read.
type reading struct {
	log    *Log
	damage *Damage
	line   int
	ended  bool
}

func (r *reading) fault(fault string) {
	r.damage.Lost++
	if r.damage.Fault == "" {
		r.damage.Line, r.damage.Fault = r.line, fault
	}
}

func parse(path string, from io.Reader) (*Log, *Damage, error) {
	r := reading{log: &Log{}, damage: &Damage{File: path}}
	sum := sha256.New()
	in := bufio.NewReaderSize(io.LimitReader(from, maxFileBytes), maxLineBytes)
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		r.line++
		switch {
		case err == bufio.ErrBufferFull:
			r.fault("a line of more than " + strconv.Itoa(maxLineBytes) + " bytes")
			for err == bufio.ErrBufferFull {
				_, err = in.ReadSlice('\n')
			}
			line = nil
		case err == io.EOF:
			r.fault("the file is cut short")
			line = nil
		}
		if err != nil && err != io.EOF {
			return nil, nil, fmt.Errorf("traffic: read: %w", err)
		}
		if line == nil {
			continue
		}
		// The last line vouches for all before it.
		if stated, ok := bytes.CutPrefix(line, []byte(endLine)); ok && !r.ended {
			r.ended = true
			if hex.EncodeToString(sum.Sum(nil)) != strings.TrimSuffix(string(stated), "\n") {
				r.fault("the file was changed by hand or by a fault of the disk")
			}
			continue
		}
		sum.Write(line)
		r.take(string(line[:len(line)-1]))
	}
	if !r.ended {
		r.line++
		r.fault("the last line is missing")
		r.damage.Lost--
	}
	if r.damage.Fault == "" {
		return r.log, nil, nil
	}
	return r.log, r.damage, nil
}

// take reads one line before the last.
func (r *reading) take(line string) {
	switch {
	case r.ended:
		r.fault("lines after the last")
	case r.line == 1:
		if line != firstLine {
			r.fault("not a traffic log of this version")
		}
	case strings.HasPrefix(line, "# "):
		r.total(line[2:])
	case line == columns:
	default:
		s, ok := row(strings.Split(line, "\t"))
		if !ok || r.log.seen[s.Key] != nil {
			r.fault("a row that Save does not write")
			return
		}
		r.log.add(s, false)
	}
}

// total reads one of the two counts that have no key.
func (r *reading) total(line string) {
	name, rest, _ := strings.Cut(line, ": ")
	count, unmapped, both := strings.Cut(rest, " ")
	n, ok := number(count)
	m, okToo := number(unmapped)
	switch {
	case name == "malformed" && ok && !both:
		r.log.malformed = sum(r.log.malformed, n)
	case name == "others" && ok && okToo && m <= n:
		r.log.others.Count = sum(r.log.others.Count, n)
		r.log.others.Unmapped = sum(r.log.others.Unmapped, m)
	default:
		r.fault("a line that Save does not write")
	}
}

// row reads the cells of one key. What could not have been counted is no row.
func row(cells []string) (Seen, bool) {
	if len(cells) != 11 {
		return Seen{}, false
	}
	s := Seen{
		Key: Key{Code: mapping.Code{Scheme: mapping.Scheme(cells[0]), Value: cells[1], TermCode: cells[2]},
			To: cells[3], Contexts: cells[4], Kind: cells[5]},
		Last: mapping.Answer(cells[8]), First: cells[9], Latest: cells[10],
	}
	var ok, okToo bool
	s.Count, ok = number(cells[6])
	s.Unmapped, okToo = number(cells[7])
	days := s.First == "" && s.Latest == "" || isDay(s.First) && isDay(s.Latest) && s.First <= s.Latest
	return s, ok && okToo && days && s.Count > 0 && s.Unmapped <= s.Count && known(s.Last) && s.sound() && !s.Code.Scheme.Enumeration()
}

// number reads a count as Save writes it.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= maxCount && strconv.Itoa(n) == s
}

// Save writes the log, for its owner's eyes only, beside the file and then in its place: a reader sees the old or the
// new log, whole, and so does the next start after a crash. Counting goes on meanwhile.
func (l *Log) Save(path string) error {
	l.saving.Lock()
	defer l.saving.Unlock()
	draft := path + ".tmp"
	if err := l.write(draft); err != nil {
		return fmt.Errorf("traffic: save: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("traffic: save: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("traffic: save: %w", err)
	}
	return nil
}

// write writes a new file and makes it durable.
func (l *Log) write(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = l.encode(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (l *Log) encode(w io.Writer) error {
	seen, others, malformed := l.copy()
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	fmt.Fprintf(out, "%s\n# malformed: %d\n# others: %d %d\n%s\n", firstLine, malformed, others.Count, others.Unmapped, columns)
	for i := range seen {
		s := &seen[i]
		for _, cell := range [...]string{string(s.Code.Scheme), s.Code.Value, s.Code.TermCode, s.To, s.Contexts, s.Kind} {
			out.WriteString(cell)
			out.WriteByte('\t')
		}
		fmt.Fprintf(out, "%d\t%d\t%s\t%s\t%s\n", s.Count, s.Unmapped, s.Last, s.First, s.Latest)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, endLine+hex.EncodeToString(sum.Sum(nil))+"\n")
	return err
}

// syncDir makes a new name in a directory durable. Windows does so itself, and cannot sync a directory.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
