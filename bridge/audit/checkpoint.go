package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// origin begins every checkpoint, so that a signature under one can never be
// taken for anything else, nor one instance's for another's.
const origin = "linkspan audit "

// Checkpoint says how far a log had got at a time, signed by the instance.
// Whoever keeps one, or only a Receipt, can have it proven later that nothing
// before it was changed or taken out.
type Checkpoint struct {
	Instance string
	Size     uint64 // records
	Root     string // of the Merkle tree over them, in base64, as Receipt.TreeHead
	Time     time.Time
	Text     string // the signed note
}

// text is the one form a checkpoint is signed in.
func (c Checkpoint) text() string {
	return origin + c.Instance + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + c.Root + "\n" + c.Time.UTC().Format(time.RFC3339) + "\n"
}

// errCheckpoint is of a text that Checkpoint.text did not write.
var errCheckpoint = errors.New("audit: not the checkpoint of an audit log")

var errKey = errors.New("audit: not a verifier key: want what linkspan audit key prints")

// ParseCheckpoint reads a checkpoint and proves its signature by a verifier key
// as SigningKey.Verifier gives it. There is one form of a checkpoint: another
// spelling of its signature in base64, or more beside it, is refused.
func ParseCheckpoint(text, key string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return Checkpoint{}, errKey
	}
	signed, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: the signature of this key does not hold: %w", err)
	}
	lines, proven := strings.Split(signed.Text, "\n"), signed.Sigs[0]
	_, err = base64.StdEncoding.Strict().DecodeString(proven.Base64)
	if err != nil || len(lines) != 5 || text != signed.Text+"\n— "+proven.Name+" "+proven.Base64+"\n" {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Instance: strings.TrimPrefix(lines[0], origin), Root: lines[2], Text: text}
	var wrong [3]error
	c.Size, wrong[0] = strconv.ParseUint(lines[1], 10, 63)
	_, wrong[1] = tlog.ParseHash(lines[2])
	c.Time, wrong[2] = time.Parse(time.RFC3339, lines[3])
	if errors.Join(wrong[:]...) != nil || c.text() != signed.Text || verifier.Name() != signerName(c.Instance) {
		return Checkpoint{}, errCheckpoint
	}
	return c, nil
}

// InstanceOfKey is the instance whose checkpoints a verifier key proves, as
// SigningKey.Verifier gives it.
func InstanceOfKey(key string) (string, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", errKey
	}
	instance, ok := strings.CutPrefix(verifier.Name(), signerName(""))
	if !ok {
		return "", errKey
	}
	return instance, nil
}

// SigningKey signs the checkpoints of one instance. It prints redacted.
type SigningKey struct {
	signer   note.Signer
	verifier string
}

func signerName(instance string) string { return "linkspan-audit-" + instance }

// LoadSigningKey reads an instance's key from a file and makes it, with mode
// 0600, where there is none. A file that others may read is refused.
func LoadSigningKey(path, instance string) (*SigningKey, error) {
	if !instanceName.MatchString(instance) {
		return nil, errInstance
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeSigningKey(path, instance)
	}
	if err != nil {
		return nil, fmt.Errorf("audit: signing key: %w", err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, errors.New("audit: signing key: others may read its file; want mode 0600")
	}
	skey := strings.TrimSpace(string(text))
	signer, err := note.NewSigner(skey)
	if err != nil || signer.Name() != signerName(instance) {
		return nil, errors.New("audit: signing key: the file holds no key of this instance")
	}
	seed, err := base64.StdEncoding.DecodeString(strings.SplitN(skey, "+", 5)[4]) // note.NewSigner has found five parts
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errors.New("audit: signing key: the file holds no key of this instance")
	}
	verifier, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("audit: signing key: %w", err)
	}
	return &SigningKey{signer: signer, verifier: verifier}, nil
}

func makeSigningKey(path, instance string) ([]byte, error) {
	skey, _, err := note.GenerateKey(rand.Reader, signerName(instance))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return []byte(skey), replaceFile(path, []byte(skey+"\n"))
}

// Verifier is the key that proves this one's signatures, to be kept elsewhere.
func (k *SigningKey) Verifier() string { return k.verifier }

// Format writes "[redacted]" whatever the verb.
func (k *SigningKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// Checkpoint is the newest signed checkpoint, "" where none was made yet.
func (l *Log) Checkpoint() string {
	l.disk.Lock()
	defer l.disk.Unlock()
	return l.signed.Text
}

// MakeCheckpoint signs a checkpoint over every record so far and keeps and
// publishes it. Where there is nothing new it gives the newest.
func (l *Log) MakeCheckpoint() (string, error) {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	c, err := l.sign()
	if err != nil || c.Text == "" {
		return l.Checkpoint(), err
	}
	l.o.Published(c.Text)
	return c.Text, l.keepCheckpoint(c)
}

// sign makes a checkpoint over what is durable, empty where nothing is new.
func (l *Log) sign() (Checkpoint, error) {
	l.disk.Lock()
	defer l.disk.Unlock()
	if l.o.Signer == nil || l.durable.Seq <= l.signed.Size {
		return Checkpoint{}, nil
	}
	c := Checkpoint{Instance: l.instance, Size: l.durable.Seq, Root: l.durable.TreeHead, Time: l.o.Now().UTC()}
	text, err := note.Sign(&note.Note{Text: c.text()}, l.o.Signer.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	if l.hashes != nil { // what is signed is on the disk before
		if err := l.hashes.file.Sync(); err != nil {
			l.dropHashes()
		}
	}
	c.Text = string(text)
	l.signed = c
	return c, nil
}

// Names of what is kept beside a log and in the directory of checkpoints.
func checkpointFile(dir, instance string) string {
	return filepath.Join(dir, instance+".checkpoint")
}

// keepCheckpoint writes a checkpoint beside the log and to the second path.
func (l *Log) keepCheckpoint(c Checkpoint) error {
	err := replaceFile(checkpointFile(filepath.Dir(l.path), l.instance), []byte(c.Text))
	if l.o.Checkpoints != "" {
		err = errors.Join(err, l.keepElsewhere(c))
	}
	if err != nil {
		return fmt.Errorf("audit: checkpoint: %w", err)
	}
	return nil
}

// keepElsewhere writes a checkpoint to the second path: the newest by itself,
// all of a month in one file, and the key that proves them.
func (l *Log) keepElsewhere(c Checkpoint) error {
	dir := l.o.Checkpoints
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	vkey := filepath.Join(dir, l.instance+".vkey")
	known, err := os.ReadFile(vkey)
	if errors.Is(err, fs.ErrNotExist) {
		known, err = []byte(l.o.Signer.Verifier()), replaceFile(vkey, []byte(l.o.Signer.Verifier()+"\n"))
	}
	if err != nil {
		return err
	}
	if string(bytes.TrimSpace(known)) != l.o.Signer.Verifier() {
		return errors.New("the directory of checkpoints has another verifier key of this instance")
	}
	if err := l.copyHashes(filepath.Join(dir, l.instance+".hashes"), c.Size); err != nil {
		return err
	}
	all, err := os.OpenFile(filepath.Join(dir, l.instance+c.Time.Format(".2006-01")+".checkpoints"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = all.WriteString(c.Text + "\n")
	if err = errors.Join(err, all.Sync(), all.Close()); err != nil {
		return err
	}
	return replaceFile(checkpointFile(dir, l.instance), []byte(c.Text))
}

// copyHashes brings the copy of the hashes up to a checkpoint. What is in it
// stays as it is: it says of each record what it was then.
func (l *Log) copyHashes(path string, size uint64) error {
	own, err := os.Open(filepath.Join(filepath.Dir(l.path), l.instance+".hashes"))
	if err != nil {
		return err
	}
	defer func() { _ = own.Close() }() // opened for reading only
	there, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := there.Stat()
	if err == nil {
		from := info.Size()
		until := tlog.StoredHashCount(int64(size)) * tlog.HashSize
		_, err = io.Copy(there, io.NewSectionReader(own, from, max(until-from, 0)))
	}
	return errors.Join(err, there.Sync(), there.Close())
}

// count wakes the goroutine that keeps the log when enough records are new.
func (l *Log) count() {
	if l.o.Signer != nil && l.durable.Seq-l.signed.Size >= uint64(l.o.Every) {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// keep makes the checkpoints that are due, until stop.
func (l *Log) keep() {
	defer close(l.ended)
	ticks := l.o.Ticks
	if ticks == nil {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
			l.checkpoint()
		case <-ticks:
			l.tick()
		}
	}
}

// tick sees whether there is room again and whether a checkpoint is due.
func (l *Log) tick() {
	l.makeRoom()
	if l.due() {
		l.checkpoint()
	}
}

// checkpoint makes a checkpoint that nobody asked for.
func (l *Log) checkpoint() {
	if _, err := l.MakeCheckpoint(); err != nil {
		l.o.Trouble(err)
	}
}

// due reports whether the interval since the last checkpoint is over. A clock
// that was set back makes it due as well.
func (l *Log) due() bool {
	l.disk.Lock()
	defer l.disk.Unlock()
	since := l.o.Now().Sub(l.signed.Time)
	return since >= l.o.Interval || since < 0
}

// replaceFile puts a file in place whole and durable, with mode 0600.
func replaceFile(path string, content []byte) error {
	next := path + ".new"
	if err := writeFile(next, content); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
