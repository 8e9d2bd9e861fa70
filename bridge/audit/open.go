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
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: open: %w", err)
	}
	log, err := open(f, path, instance, o.filled())
	if err != nil {
		return nil, errors.Join(err, f.Close()) // closing gives up the lock as well
	}
	return log, nil
}

func open(f *os.File, path, instance string, o OpenOptions) (*Log, error) {
	if err := lock(f); err != nil {
		return nil, fmt.Errorf("audit: open: the log of %s is held by another process: %w", instance, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("audit: open: %w", err)
	}
	log := newLog(instance, f, state{last: genesis(instance)})
	log.path, log.o = path, o
	var err error
	if log.signed, err = newestCheckpoint(path, instance, o); err != nil {
		return nil, err
	}
	if log.hashes, err = openHashes(filepath.Join(filepath.Dir(path), instance+".hashes")); err != nil {
		return nil, fmt.Errorf("audit: open: %w", err)
	}
	torn, err := log.read(f)
	if err == nil && len(torn) > 0 {
		err = log.repair(f, torn)
	}
	if err != nil {
		log.dropHashes()
		return nil, err
	}
	log.stop, log.ended = make(chan struct{}), make(chan struct{})
	go log.keep()
	return log, nil
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
func (l *Log) repair(f *os.File, torn []byte) error {
	line := append(bytes.Clone(torn), '\n')
	if receipt, _, err := parseLine(line, l.at.last); err == nil {
		at := l.at
		at.last = receipt
		stored := at.tree.add(leafHash(line), nil)
		l.begin(at, stored)
		return endLine(f)
	}
	name, err := setAside(f, l.path, torn)
	if err != nil {
		return fmt.Errorf("audit: open: repair: %w", err)
	}
	sum := sha256.Sum256(torn)
	_, err = l.Append(Entry{Event: EventRepaired, ContentSHA256: hex.EncodeToString(sum[:]), Bytes: len(torn),
		Warnings: []string{"incomplete last line set aside in " + name}})
	return err
}

// read proves the log, its end alone where a checkpoint vouches for the rest,
// and gives the bytes after the last line end.
func (l *Log) read(f *os.File) ([]byte, error) {
	p, err := openParts(filepath.Dir(l.path), l.instance)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if p.size() > tailWindow && l.signed.Size > 0 {
		if torn, ok := l.readTail(p); ok {
			return torn, nil
		}
	}
	torn, err := l.readWhole(p)
	return torn, p.located(err)
}

// readTail reads the last records, and believes of what is before them only what
// the newest checkpoint proves. False is no verdict: the whole log says what is
// wrong, if anything is.
func (l *Log) readTail(p parts) ([]byte, bool) {
	start := p.size() - tailWindow
	window := make([]byte, tailWindow)
	if _, err := p.ReadAt(window, start); err != nil {
		return nil, false
	}
	skip := bytes.IndexByte(window, '\n') + 1
	before, ok := believed(window[skip:])
	if !ok || before.Seq == 0 || before.Seq >= l.signed.Size {
		return nil, false
	}
	at := state{last: before}
	var err error
	if at.tree, err = l.hashes.tree(before.Seq); err != nil {
		return nil, false
	}
	var stored []tlog.Hash
	proven := false
	last, torn, err := walk(bytes.NewReader(window[skip:]), l.instance, before, 0, func(r Receipt, line, _ []byte) error {
		stored = at.tree.add(leafHash(line), stored)
		proven = proven || r.Seq == l.signed.Size && at.tree.head().String() == l.signed.Root
		return nil
	})
	if err != nil || !proven || l.hashes.cut(before.Seq) != nil {
		return nil, false
	}
	l.begin(state{last: last, tree: at.tree}, stored)
	return torn, true
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

// begin is where the log goes on from. The hashes are those of the records since
// hashes.n.
func (l *Log) begin(at state, stored []tlog.Hash) {
	at.last.TreeHead = at.tree.head().String()
	l.keepHashes(stored)
	l.at, l.durable = at, at.last
}

// readWhole proves every record and makes the file of hashes anew.
func (l *Log) readWhole(p parts) ([]byte, error) {
	if err := l.hashes.cut(0); err != nil {
		return nil, fmt.Errorf("audit: open: hashes: %w", err)
	}
	at := state{last: genesis(l.instance)}
	var stored []tlog.Hash
	last, torn, err := walk(io.NewSectionReader(p, 0, p.size()), l.instance, at.last, 0, func(r Receipt, line, _ []byte) error {
		if stored = at.tree.add(leafHash(line), stored); len(stored) > 1<<16 {
			l.keepHashes(stored)
			stored = stored[:0]
		}
		if r.Seq == l.signed.Size && at.tree.head().String() != l.signed.Root {
			return &Damage{Instance: l.instance, Seq: r.Seq, Offset: -1, Fault: "this record or one before it is not what the checkpoint of record " +
				strconv.FormatUint(r.Seq, 10) + " proves: linkspan audit verify says where"}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if last.Seq < l.signed.Size {
		return nil, &Damage{Instance: l.instance, Seq: last.Seq + 1, Offset: p.size() - int64(len(torn)),
			Fault: "missing: the newest checkpoint is of record " + strconv.FormatUint(l.signed.Size, 10)}
	}
	l.begin(state{last: last, tree: at.tree}, stored)
	return torn, nil
}

// endLine ends a record that lacks only its line end.
func endLine(f *os.File) error {
	if _, err := f.Write([]byte{'\n'}); err != nil {
		return fmt.Errorf("audit: open: repair: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("audit: open: repair: %w", err)
	}
	return nil
}

// setAside keeps torn in a file of its own and cuts it off the log. Stopped at
// any point it does the same again at the next Open.
func setAside(f *os.File, path string, torn []byte) (string, error) {
	sum := sha256.Sum256(torn)
	aside := path + ".torn-" + hex.EncodeToString(sum[:8])
	if err := writeFile(aside, torn); err != nil {
		return "", err
	}
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if err := f.Truncate(info.Size() - int64(len(torn))); err != nil {
		return "", err
	}
	return filepath.Base(aside), f.Sync()
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

// Verify proves the whole log of an instance and returns its last receipt. The
// first bad record is named by a *Damage. It may run while the log is written:
// a last line without its end counts as not there yet.
func Verify(dir, instance string) (Receipt, error) {
	return Read(dir, instance, nil)
}

// VerifyTo is Verify, and proves besides that the log still holds the record of
// a receipt that was kept elsewhere: a log cut back to before it is whole in
// itself and found out only so.
func VerifyTo(dir, instance string, kept Receipt) (Receipt, error) {
	found := kept.Seq == 0
	last, err := walkLog(dir, instance, func(r Receipt, _ []byte) error {
		if r.Seq == kept.Seq && r.Hash != kept.Hash {
			return &Damage{Instance: instance, Seq: r.Seq, Offset: -1, Fault: "not the record of the receipt: the log was written anew"}
		}
		found = found || r.Seq == kept.Seq
		return nil
	})
	if err == nil && !found {
		err = &Damage{Instance: instance, Seq: last.Seq + 1, Offset: -1, Fault: "missing: the receipt is of record " + strconv.FormatUint(kept.Seq, 10)}
	}
	return last, err
}

// Read proves the log like Verify and calls each with every record in order,
// until it returns an error.
func Read(dir, instance string, each func(Receipt, Entry) error) (Receipt, error) {
	if each == nil {
		return walkLog(dir, instance, func(Receipt, []byte) error { return nil })
	}
	return walkLog(dir, instance, func(r Receipt, body []byte) error {
		var e Entry
		if err := json.Unmarshal(body, &e); err != nil {
			return &Damage{Instance: instance, Seq: r.Seq, Offset: -1, Fault: "its entry cannot be read"}
		}
		return each(r, e)
	})
}

func walkLog(dir, instance string, each func(Receipt, []byte) error) (Receipt, error) {
	p, err := openParts(dir, instance)
	if err != nil {
		return Receipt{}, err
	}
	defer p.close()
	var t tree
	last, _, err := walk(io.NewSectionReader(p, 0, p.size()), instance, genesis(instance), 0, func(r Receipt, line, body []byte) error {
		t.add(leafHash(line), nil)
		return each(r, body)
	})
	last.TreeHead = t.head().String()
	return last, p.located(err)
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
