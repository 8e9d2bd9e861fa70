//go:build unix

package admit

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exclusive says that the mode of a file tells who may read it.
const exclusive = true

// lock takes the lock of f, which is gone when f is closed or the process ends.
func lock(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
