//go:build !linux

package bridge

// freeBytes is not known here.
func freeBytes(string) (uint64, bool) { return 0, false }

// clockSynchronised cannot be seen here.
func clockSynchronised() (synchronised, known bool) { return false, false }
