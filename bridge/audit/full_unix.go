//go:build unix

package audit

import (
	"errors"

	"golang.org/x/sys/unix"
)

// isFull reports that the disk, or this user's share of it, has no more room.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
