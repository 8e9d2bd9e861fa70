// Package secret reads keys and passwords from files and keeps them from being
// written by a crash (safety SE-06, T-26). It holds no secret itself. Secrets
// come from files and never from the environment or the command line, which
// other processes can read.
package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// limit is far more than any key file needs.
const limit = 1 << 20

// ErrExposed is a file that others than its owner may use, or that is no file.
var ErrExposed = errors.New("not a secret")

// Read reads a file that holds a secret. It must be a regular file that belongs
// to the user of this process, or to root, and that nobody else may read or
// write: mode 0600 or stricter, or that of a credential that systemd gives to a
// service, root's own with mode 0440. Of a symbolic link, as orchestrators mount
// secrets, all that holds for what it names. An error names the file and the
// remedy and nothing of what the file holds.
func Read(file string) ([]byte, error) {
	before, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%s: %w: want a regular file", file, ErrExposed)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened: the name may mean another file by now
	if err != nil {
		return nil, err
	}
	if !os.SameFile(before, info) {
		return nil, fmt.Errorf("%s: %w: it was replaced while it was read", file, ErrExposed)
	}
	if err := private(info); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", file, ErrExposed, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && len(text) > limit {
		err = fmt.Errorf("%s: longer than any key", file)
	}
	return text, err
}
