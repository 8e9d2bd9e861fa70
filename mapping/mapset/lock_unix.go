//go:build unix

package mapset

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// movesOpen says that files may be replaced, and their folder renamed, while they are open.
const movesOpen = true

// lock waits until nobody else holds the lock of f. It is gone when f is closed or the process ends.
func lock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
