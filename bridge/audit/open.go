package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// tailWindow is how much of the end of a log Open proves: the whole of a log up
// to this length, the last records of a longer one. Verify proves all of it.
const tailWindow = 4 << 20

var instanceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

var errInstance = errors.New("audit: an instance name is at most 64 letters, digits, - and _")

// Path is the log file of an instance. The name is letters, digits, - and _, at
// most 64 of them.
func Path(dir, instance string) (string, error) {
	if !instanceName.MatchString(instance) {
		return "", errInstance
	}
	return filepath.Join(dir, instance+".audit"), nil
}

// Open opens the log of an instance for appending and creates it, and the
// directory, where they do not exist. One process at a time may hold it. The end
// of the chain is proven; a damaged log is refused (*Damage) and stays as it is.
//
// A last line without its end was being written when the process or the machine
// stopped, and was never acknowledged. Where the whole record is there it is
// kept; otherwise its bytes are moved to a file beside the log, named after
// their hash, and a "repaired" record says so.
func Open(dir, instance string) (*Log, error) { return OpenWith(dir, instance, OpenOptions{}) }

// OpenWith is Open with options. A log that does not reach the newest
// checkpoint that was signed with this key, beside the log or in the directory
// of checkpoints, or differs from it, is refused as well: its tail was dropped,
// an older copy was put back, or it was written anew.
func OpenWith(dir, instance string, o OpenOptions) (*Log, error) {
	path, err := Path(dir, instance)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: open: %w", err)
	}
	l := newLog(instance, nil, state{last: genesis(instance)})
	l.path, l.o = path, o.filled()
	if err := l.open(); err != nil {
		l.close()
		return nil, err
	}
	l.stop, l.ended = make(chan struct{}), make(chan struct{})
	go l.keep()
	return l, nil
}

func (l *Log) open() error {
	var err error
	if l.lock, err = os.OpenFile(strings.TrimSuffix(l.path, ".audit")+".lock", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("audit: open: %w", err)
	}
	if err := lock(l.lock); err != nil {
		return fmt.Errorf("audit: open: the log of %s is held by another process: %w", l.instance, err)
	}
	if l.signed, err = newestCheckpoint(l.path, l.instance, l.o); err != nil {
		return err
	}
	if err := l.openFile(); err != nil {
		return fmt.Errorf("audit: open: %w", err)
	}
	if err := l.makeReserve(); err != nil {
		l.short = true
		l.o.Trouble(err)
	}
	at, torn, err := l.read()
	if err != nil {
		return err
	}
	l.at, l.durable = at, at.last
	if len(torn) == 0 {
		return nil
	}
	return l.repair(torn)
}

// newestCheckpoint is the newest that is kept, zero where there is none.
func newestCheckpoint(path, instance string, o OpenOptions) (Checkpoint, error) {
	var newest Checkpoint
	if o.Signer == nil {
		return newest, nil
	}
	for _, dir := range []string{filepath.Dir(path), o.Checkpoints} {
		if dir == "" {
			continue
		}
		text, err := os.ReadFile(checkpointFile(dir, instance))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return newest, fmt.Errorf("audit: open: %w", err)
		}
		c, err := ParseCheckpoint(string(text), o.Signer.Verifier())
		if err != nil {
			return newest, fmt.Errorf("audit: open: the checkpoint in %s: %w", dir, err)
		}
		if c.Size > newest.Size {
			newest = c
		}
	}
	return newest, nil
}

// repair ends or sets aside an incomplete last line.
func (l *Log) repair(torn []byte) error {
	line := append(bytes.Clone(torn), '\n')
	if receipt, _, err := parseLine(line, l.at.last); err == nil {
		l.grow(receipt, line)
		l.size += int64(len(torn))
		if err := l.put([]byte{'\n'}); err != nil {
			return fmt.Errorf("audit: open: repair: %w", err)
		}
		return nil
	}
	name, err := l.setAside(torn, l.size)
	if err != nil {
		return fmt.Errorf("audit: open: repair: %w", err)
	}
	sum := sha256.Sum256(torn)
	_, err = l.Append(Entry{Event: EventRepaired, ContentSHA256: hex.EncodeToString(sum[:]), Bytes: len(torn),
		Warnings: []string{"incomplete last line set aside in " + name}})
	return err
}

// grow takes a record that is on the disk into what the log knows of itself.
func (l *Log) grow(r Receipt, line []byte) {
	l.keepHashes(l.at.tree.add(leafHash(line), nil))
	r.TreeHead = l.at.tree.head().String()
	l.at.last, l.durable = r, r
}

// read proves the log, its end alone where a checkpoint vouches for the rest,
// and gives where it ends and the bytes after the last line end. The file of
// hashes is brought up to that.
func (l *Log) read() (state, []byte, error) {
	p, err := openParts(filepath.Dir(l.path), l.instance)
	if err != nil {
		return state{}, nil, err
	}
	defer p.close()
	if l.hashes, err = openHashes(filepath.Join(filepath.Dir(l.path), l.instance+".hashes")); err != nil {
		return state{}, nil, fmt.Errorf("audit: open: hashes: %w", err)
	}
	at, torn, ok := l.readTail(p)
	if !ok {
		if at, torn, err = l.readWhole(p); err != nil {
			return state{}, nil, p.located(err)
		}
	}
	growing := p[len(p)-1]
	l.size = growing.size - int64(len(torn))
	var begun time.Time
	if l.first, begun = growing.begins(); l.first > 0 {
		l.month = month(begun)
	}
	return at, torn, nil
}

// readTail reads the last records, and believes of what is before them only what
// the newest checkpoint proves. False is no verdict: the whole log says what is
// wrong, if anything is.
func (l *Log) readTail(p parts) (state, []byte, bool) {
	start := p.size() - tailWindow
	if start <= 0 || l.signed.Size == 0 {
		return state{}, nil, false
	}
	window := make([]byte, tailWindow)
	if _, err := p.ReadAt(window, start); err != nil {
		return state{}, nil, false
	}
	skip := bytes.IndexByte(window, '\n') + 1
	before, ok := believed(window[skip:])
	if !ok || before.Seq == 0 || before.Seq >= l.signed.Size {
		return state{}, nil, false
	}
	at := state{}
	var err error
	if at.tree, err = l.hashes.tree(before.Seq); err != nil {
		return state{}, nil, false
	}
	var stored []tlog.Hash
	proven := false
	last, torn, err := walk(bytes.NewReader(window[skip:]), l.instance, before, 0, func(r Receipt, line, _ []byte) error {
		stored = at.tree.add(leafHash(line), stored)
		proven = proven || r.Seq == l.signed.Size && at.tree.head().String() == l.signed.Root
		return nil
	})
	if err != nil || !proven || l.hashes.cut(before.Seq) != nil {
		return state{}, nil, false
	}
	l.keepHashes(stored)
	at.last = last
	at.last.TreeHead = at.tree.head().String()
	return at, torn, true
}

// readWhole proves every record there is and makes the file of hashes anew.
func (l *Log) readWhole(p parts) (state, []byte, error) {
	at, err := p.start(l.instance)
	if err != nil {
		return state{}, nil, err
	}
	if err := l.hashes.cut(at.last.Seq); err != nil {
		return state{}, nil, fmt.Errorf("audit: open: hashes: %w", err)
	}
	var stored []tlog.Hash
	last, torn, err := walk(io.NewSectionReader(p, 0, p.size()), l.instance, at.last, 0, func(r Receipt, line, _ []byte) error {
		if stored = at.tree.add(leafHash(line), stored); len(stored) > 1<<16 {
			l.keepHashes(stored)
			stored = stored[:0]
		}
		if r.Seq == l.signed.Size && at.tree.head().String() != l.signed.Root {
			return &Damage{Instance: l.instance, Seq: r.Seq, Offset: -1, Fault: "this record or one before it is not what the checkpoint of record " +
				strconv.FormatUint(r.Seq, 10) + " proves: linkspan audit verify says which"}
		}
		return nil
	})
	if err != nil {
		return state{}, nil, err
	}
	if last.Seq < l.signed.Size {
		return state{}, nil, missing(l.instance, last.Seq, l.signed.Size, "checkpoint")
	}
	l.keepHashes(stored)
	at.last = last
	at.last.TreeHead = at.tree.head().String()
	return at, torn, nil
}

// missing is the Damage of a log that ends before a record that is proven.
func missing(instance string, last, proven uint64, by string) *Damage {
	return &Damage{Instance: instance, Seq: last + 1, Offset: -1, Fault: fmt.Sprintf("missing: the log ends before it, and a %s of record %d is kept", by, proven)}
}

// believed reads from a line the receipt it says it follows.
func believed(lines []byte) (Receipt, bool) {
	line, _, found := bytes.Cut(lines, []byte{'\n'})
	var head struct {
		Seq  uint64 `json:"seq"`
		Prev string `json:"prev"`
	}
	if !found || json.Unmarshal(line, &head) != nil || head.Seq == 0 || len(head.Prev) != hashHex {
		return Receipt{}, false
	}
	return Receipt{Seq: head.Seq - 1, Hash: head.Prev}, true
}

// setAside keeps torn, which begins at size, in a file of its own and cuts it
// off the log. Stopped at any point it does the same again at the next Open.
func (l *Log) setAside(torn []byte, size int64) (string, error) {
	sum := sha256.Sum256(torn)
	aside := l.path + ".torn-" + hex.EncodeToString(sum[:8])
	if err := writeFile(aside, torn); err != nil {
		return "", err
	}
	if err := l.file.Truncate(size); err != nil {
		return "", err
	}
	return filepath.Base(aside), l.file.Sync()
}

func writeFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Instances lists the instances that have a log in dir, in order of name. A
// directory that does not exist has none.
func Instances(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, found := bytes.CutSuffix([]byte(e.Name()), []byte(".audit")); found && instanceName.Match(name) {
			names = append(names, string(name))
		}
	}
	return names, nil
}
