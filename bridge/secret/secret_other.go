//go:build !unix

package secret

import "io/fs"

// private leaves to the access list of the folder what modes cannot say here.
func private(fs.FileInfo) error { return nil }

// NoCoreDumps has nothing to turn off: the system writes none unless it is
// asked to.
func NoCoreDumps() error { return nil }
