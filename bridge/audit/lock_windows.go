package audit

import (
	"os"

	"golang.org/x/sys/windows"
)

// lock takes the single-writer lock of f: the byte just past the longest file,
// so that the log itself stays readable. It is gone when f is closed or the
// process ends.
func lock(f *os.File) error {
	past := &windows.Overlapped{Offset: 0xffffffff, OffsetHigh: 0x7fffffff}
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, past)
}

// syncDir does nothing: the file system makes names durable itself.
func syncDir(string) error { return nil }
