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
)

// tailWindow is how much of the end of a log Open proves: the whole of a log up
// to this length, the last records of a longer one. Verify proves all of it.
const tailWindow = 4 << 20

var instanceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Path is the log file of an instance. The name is letters, digits, - and _, at
// most 64 of them.
func Path(dir, instance string) (string, error) {
	if !instanceName.MatchString(instance) {
		return "", errors.New("audit: an instance name is at most 64 letters, digits, - and _")
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
func Open(dir, instance string) (*Log, error) {
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
	log, err := open(f, path, instance)
	if err != nil {
		return nil, errors.Join(err, f.Close()) // closing gives up the lock as well
	}
	return log, nil
}

func open(f *os.File, path, instance string) (*Log, error) {
	if err := lock(f); err != nil {
		return nil, fmt.Errorf("audit: open: the log of %s is held by another process: %w", instance, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("audit: open: %w", err)
	}
	last, torn, err := readTail(f, instance)
	if err != nil {
		return nil, err
	}
	log := newLog(instance, f, last)
	if len(torn) == 0 {
		return log, nil
	}
	if receipt, _, err := parseLine(append(bytes.Clone(torn), '\n'), last); err == nil {
		log.last = receipt
		return log, endLine(f)
	}
	name, err := setAside(f, path, torn)
	if err != nil {
		return nil, fmt.Errorf("audit: open: repair: %w", err)
	}
	sum := sha256.Sum256(torn)
	_, err = log.Append(Entry{Event: EventRepaired, ContentSHA256: hex.EncodeToString(sum[:]), Bytes: len(torn),
		Warnings: []string{"incomplete last line set aside in " + name}})
	return log, err
}

// readTail proves the end of the log and returns its last receipt and the bytes
// after the last line end.
func readTail(f *os.File, instance string) (Receipt, []byte, error) {
	info, err := f.Stat()
	if err != nil {
		return Receipt{}, nil, fmt.Errorf("audit: open: %w", err)
	}
	if info.Size() <= tailWindow {
		return walk(io.NewSectionReader(f, 0, info.Size()), instance, genesis(instance), 0, nil)
	}
	window := make([]byte, tailWindow)
	start := info.Size() - tailWindow
	if _, err := f.ReadAt(window, start); err != nil {
		return Receipt{}, nil, fmt.Errorf("audit: open: %w", err)
	}
	// The first whole line of the window is believed about the one before it.
	damage := &Damage{Instance: instance, Offset: start, Fault: "no record found near the end"}
	skip := bytes.IndexByte(window, '\n') + 1
	if skip == 0 {
		return Receipt{}, nil, damage
	}
	before, ok := believed(window[skip:])
	if !ok {
		damage.Offset += int64(skip)
		return Receipt{}, nil, damage
	}
	return walk(bytes.NewReader(window[skip:]), instance, before, start+int64(skip), nil)
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
			return &Damage{Instance: instance, Seq: r.Seq, Fault: "not the record of the receipt: the log was written anew"}
		}
		found = found || r == kept
		return nil
	})
	if err == nil && !found {
		err = &Damage{Instance: instance, Seq: last.Seq + 1, Fault: "missing: the receipt is of record " + strconv.FormatUint(kept.Seq, 10)}
	}
	return last, err
}

// Read proves the log like Verify and calls each with every record in order,
// until it returns an error.
func Read(dir, instance string, each func(Receipt, Entry) error) (Receipt, error) {
	if each == nil {
		return walkLog(dir, instance, nil)
	}
	return walkLog(dir, instance, func(r Receipt, body []byte) error {
		var e Entry
		if err := json.Unmarshal(body, &e); err != nil {
			return &Damage{Instance: instance, Seq: r.Seq, Fault: "its entry cannot be read"}
		}
		return each(r, e)
	})
}

func walkLog(dir, instance string, each func(Receipt, []byte) error) (Receipt, error) {
	path, err := Path(dir, instance)
	if err != nil {
		return Receipt{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Receipt{}, fmt.Errorf("audit: read: %w", err)
	}
	defer func() { _ = f.Close() }() // opened for reading only
	last, _, err := walk(f, instance, genesis(instance), 0, each)
	return last, err
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
