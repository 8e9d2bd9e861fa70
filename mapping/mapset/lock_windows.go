package mapset

import (
	"os"

	"golang.org/x/sys/windows"
)

// movesOpen says that files may be replaced, and their folder renamed, while they are open.
const movesOpen = false

// lock waits until nobody else holds the lock of f. It is gone when f is closed or the process ends.
func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &windows.Overlapped{})
}

// syncDir does nothing: the file system makes names durable itself.
func syncDir(string) error { return nil }
