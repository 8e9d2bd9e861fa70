package dictionary

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

// Limits. The largest file of the trade, the descriptions of SNOMED CT's UK edition, has some 500 MiB and 4 M rows.
const (
	maxFiles     = 10_000
	maxFileBytes = 4 << 30 // of one file
	maxRows      = 15_000_000
	maxListed    = 100 // faults of one file that are listed one by one
	every        = 8192
)

// Progress tells how far the reading of one file has come.
type Progress struct {
	File        string
	Layout      string // what the file was recognised as
	Bytes, Size int64
	Rows        int
	// Done is the file's last message.
	Done bool
	// Note says why a file that was recognised is passed over; empty where it is read.
	Note string
}

// Load reads dictionaries from files and folders, the latter with all that is in them, in the order of their names. Files
// are recognised by their content. All faults come back at once, and what is whole is in the dictionary all the same: a
// row that cannot be read is refused alone, and so is a file. Of one file the first hundred faults are listed, the rest
// are counted. Progress is called now and then from the same goroutine; it may be nil. Where the context ends there is no
// dictionary.
func Load(ctx context.Context, paths []string, progress func(Progress)) (*Dictionary, []mapping.Fault) {
	l := newLoader(ctx, progress)
	for _, path := range paths {
		l.path(path)
	}
	return l.finish()
}

// loader is one call of Load.
type loader struct {
	ctx      context.Context
	progress func(Progress)
	maxBytes int64 // of one file
	stores   map[mapping.Scheme]*store
	seen     map[string]bool // files by absolute path
	files    []*file
	faults   []mapping.Fault

	ctv3     ctv3Release
	concepts map[uint64]uint64 // SNOMED CT concept -> effective time and whether active
	earlier  []succession      // dm+d identifiers and what took their place
}

func newLoader(ctx context.Context, progress func(Progress)) *loader {
	return &loader{ctx: ctx, progress: progress, maxBytes: maxFileBytes, stores: map[mapping.Scheme]*store{}, seen: map[string]bool{}}
}

// finish joins what stands in several files.
func (l *loader) finish() (*Dictionary, []mapping.Fault) {
	if l.ctx.Err() == nil {
		l.joinCTV3()
		l.joinSNOMED()
		l.joinDMD()
	}
	if l.ctx.Err() != nil {
		return nil, append(l.listed(), mapping.Fault{File: "dictionaries", What: "reading was stopped",
			Why: "half a dictionary would call good codes unknown", Mend: "load again"})
	}
	d := &Dictionary{stores: l.stores}
	for _, s := range l.stores {
		s.finish()
	}
	for _, f := range l.files {
		d.sources = append(d.sources, f.sources()...)
	}
	return d, l.listed()
}

// listed is every fault, those of a file in one place.
func (l *loader) listed() []mapping.Fault {
	faults := l.faults
	for _, f := range l.files {
		faults = append(faults, f.faults...)
		if more := f.faulty - len(f.faults); more > 0 && !f.refused {
			faults = append(faults, mapping.Fault{File: f.path, What: fmt.Sprintf("%d more rows refused", more),
				Why: "their codes have no words here", Mend: "mend the rows listed; the others are likely to share their faults"})
		}
	}
	return faults
}

func (l *loader) refuse(path, what, why, mend string) {
	l.faults = append(l.faults, mapping.Fault{File: path, What: what, Why: why, Mend: mend})
}

// path reads one file or everything in a folder.
func (l *loader) path(root string) {
	info, err := os.Stat(root)
	switch {
	case err != nil:
		l.unreadable(root)
	case !info.IsDir():
		l.file(root)
	default:
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case l.ctx.Err() != nil || len(l.seen) >= maxFiles:
				return fs.SkipAll
			case err != nil:
				l.unreadable(path)
			case path != root && strings.HasPrefix(entry.Name(), "."):
				if entry.IsDir() {
					return fs.SkipDir
				}
			case !entry.IsDir():
				l.file(path)
			}
			return nil
		})
		if err != nil {
			l.unreadable(root)
		}
		if len(l.seen) >= maxFiles {
			l.refuse(root, fmt.Sprintf("more than %d files", maxFiles), "no dictionary is in so many", "name the folder that holds the dictionary alone")
		}
	}
}

func (l *loader) unreadable(path string) {
	l.refuse(path, "cannot be read", "its codes would be missing without a word", "restore the file or its permissions")
}

// file reads one file.
func (l *loader) file(path string) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		l.unreadable(path)
		return
	}
	if l.seen[absolute] || l.ctx.Err() != nil {
		return
	}
	l.seen[absolute] = true
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		l.unreadable(path) // a pipe or a device may never end
		return
	}
	opened, err := os.Open(path)
	if err != nil {
		l.unreadable(path)
		return
	}
	defer opened.Close()
	l.read(path, info.Size(), opened)
}

// file is one file being read.
type file struct {
	*loader
	path    string
	layout  string
	note    string // why it is passed over
	size    int64
	in      *bufio.Reader
	through *counter
	sum     hash.Hash
	line    int
	rows    int // read, faulty ones included
	gave    map[mapping.Scheme]int
	faulty  int
	faults  []mapping.Fault
	refused bool // as a whole
}

// counter counts what is read, and reads no further than the limit, or when the context ends.
type counter struct {
	ctx    context.Context
	r      io.Reader
	n, max int64
}

var errTooLarge = errors.New("more bytes than any release has")

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if c.n += int64(n); c.n > c.max {
		return 0, errTooLarge
	}
	return n, err
}

// read reads one file from its bytes.
func (l *loader) read(path string, size int64, from io.Reader) {
	f := &file{loader: l, path: path, size: size, sum: sha256.New(), gave: map[mapping.Scheme]int{}}
	f.through = &counter{ctx: l.ctx, r: io.TeeReader(from, f.sum), max: l.maxBytes}
	f.in = bufio.NewReaderSize(f.through, headBytes)
	l.files = append(l.files, f)
	head, err := f.in.Peek(headBytes)
	switch {
	case l.ctx.Err() != nil:
		return
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errTooLarge):
		f.refuse("cannot be read", "restore the file or its permissions")
		return
	case isXML(head):
		f.dmd()
	default:
		f.delimited(head)
	}
	f.report(true)
}

// delimited reads a table of one of the known layouts.
func (f *file) delimited(head []byte) {
	layout, o := recognise(head)
	if layout == nil {
		f.refuse(unknown(head), "load one of: "+known())
		return
	}
	f.layout = layout.name
	if layout.passedOver != "" {
		f.note = layout.passedOver
		return
	}
	if layout.snapshot && releaseType(filepath.Base(f.path)) != "" {
		f.refuse("a "+releaseType(filepath.Base(f.path))+" release file", "load the file of the Snapshot folder: the others hold what is no longer true")
		return
	}
	o.MaxRows, o.MaxBytes = maxRows, f.maxBytes
	in, err := delimited.New(f.in, o)
	var at []int
	if err == nil && layout.columns != nil {
		at, err = in.Columns(layout.columns...)
	}
	picked := make([]string, len(at))
	for err == nil {
		var cells []string
		cells, err = in.Next()
		f.line = in.Line()
		switch fault := (*delimited.Error)(nil); {
		case err == nil:
			if at != nil {
				cells = pick(picked, cells, at)
			}
			f.next()
			layout.row(f, cells)
		case errors.As(err, &fault) && !fault.Fatal:
			f.next()
			f.fault(fault.What, fault.Mend)
			err = nil
		}
	}
	if fault := (*delimited.Error)(nil); errors.As(err, &fault) {
		f.line = fault.Line
		f.stopped(err, fault.What, fault.Mend)
	}
}

// pick puts the cells of the layout's columns into its order; a column that is not there is empty.
func pick(picked, cells []string, at []int) []string {
	for i, column := range at {
		picked[i] = ""
		if column >= 0 {
			picked[i] = strings.TrimSpace(cells[column])
		}
	}
	return picked
}

// next counts a row.
func (f *file) next() {
	f.rows++
	if f.rows%every == 0 {
		f.report(false)
	}
}

func (f *file) report(done bool) {
	if f.progress != nil {
		f.progress(Progress{File: f.path, Layout: f.layout, Bytes: f.through.n, Size: f.size, Rows: f.rows, Done: done, Note: f.note})
	}
}

// add adds what the row says of a code.
func (f *file) add(c mapping.Code, active, preferred bool, r rank) {
	if err := c.Check(); err != nil {
		f.fault(ours(err), "copy the row again from the published file, as text")
		return
	}
	if c.Term == "" && r > existence {
		f.fault("a code without words", "restore the row from the published file")
		return
	}
	s := f.stores[c.Scheme]
	if s == nil {
		s = newStore(c.Scheme)
		f.stores[c.Scheme] = s
	}
	if err := s.add(c, active, preferred, r); err != nil {
		f.fault(err.Error(), "load fewer files")
		return
	}
	f.gave[c.Scheme]++
}

// fault refuses the row.
func (f *file) fault(what, mend string) { f.faultAt(f.line, what, mend) }

func (f *file) faultAt(line int, what, mend string) {
	f.faulty++
	if len(f.faults) < maxListed {
		f.faults = append(f.faults, mapping.Fault{File: f.path, Line: line, What: what, Why: "its code has no words here", Mend: mend})
	}
}

// stopped refuses what could not be read on, unless reading was to end.
func (f *file) stopped(err error, what, mend string) {
	switch {
	case f.ctx.Err() != nil:
	case errors.Is(err, errTooLarge):
		f.refuse(errTooLarge.Error(), "load the file as it was published")
	default:
		f.refuse(what, mend)
	}
}

// refuse refuses the file, or what of it was not yet read.
func (f *file) refuse(what, mend string) {
	f.refused = true
	f.faults = append(f.faults, mapping.Fault{File: f.path, Line: f.line, What: what, Why: "codes would be missing", Mend: mend})
}

// sources are what the file gave to each scheme.
func (f *file) sources() []Source {
	var schemes []string
	for scheme := range f.gave {
		schemes = append(schemes, string(scheme))
	}
	slices.Sort(schemes)
	var sources []Source
	for _, scheme := range schemes {
		sources = append(sources, Source{File: filepath.Base(f.path), SHA256: hex.EncodeToString(f.sum.Sum(nil)), Layout: f.layout,
			Scheme: mapping.Scheme(scheme), Rows: f.gave[mapping.Scheme(scheme)], Faulty: f.faulty})
	}
	return sources
}

// ours is the text of an error of package mapping without its package.
func ours(err error) string { return strings.TrimPrefix(err.Error(), "mapping: ") }
