package bridge

import "syscall"

// freeBytes are those that an ordinary user may still write on the disk of a
// folder.
func freeBytes(dir string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
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
