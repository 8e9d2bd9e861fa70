//go:build unix

package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// credential is the mode of a service's credential where systemd lets the
// service's user read it by an access list, whose widest right shows as that of
// the group. That is root's own, so nobody else gains by it.
const credential = 0o440

// private says why others than this process's user can use the file.
func private(info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid == 0 && stat.Gid == 0 && info.Mode().Perm() == credential {
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("its mode is %#o, so others may use it; want 0600: chmod 600", mode)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return errors.New("it belongs to another user; want the daemon's own: chown")
	}
	return nil
}

// NoCoreDumps has the system write no memory of this process, and of those it
// starts, to disk when it crashes: keys and records would be in it.
func NoCoreDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core dumps cannot be turned off: %w", err)
	}
	return nil
}
