package bridge

import (
	"os"
	"syscall"
)

// freeBytes are those that an ordinary user may still write on the disk of a
// folder.
func freeBytes(dir string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

// openFiles is how many files this process may have open.
func openFiles() (uint64, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return limit.Cur, true
}

// ownedByUs reports that a file belongs to the user of this process, or that
// root looks.
func ownedByUs(info os.FileInfo) bool {
	own, ok := info.Sys().(*syscall.Stat_t)
	return !ok || os.Geteuid() == 0 || own.Uid == uint32(os.Geteuid())
}

// timeError is the kernel's state of a clock that nobody keeps (adjtimex(2),
// TIME_ERROR).
const timeError = 5

// clockSynchronised asks the kernel whether a time service keeps the clock.
func clockSynchronised() (synchronised, known bool) {
	var t syscall.Timex
	state, err := syscall.Adjtimex(&t)
	return state != timeError, err == nil
}
