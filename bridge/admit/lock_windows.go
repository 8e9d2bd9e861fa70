package admit

import (
	"os"

	"golang.org/x/sys/windows"
)

// exclusive says that the mode of a file tells who may read it.
const exclusive = false

// lock takes the lock of f, which is gone when f is closed or the process ends.
func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
}

// syncDir does nothing: the file system makes names durable itself.
func syncDir(string) error { return nil }
