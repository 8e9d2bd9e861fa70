package audit

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isFull reports that the disk, or this user's share of it, has no more room.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
