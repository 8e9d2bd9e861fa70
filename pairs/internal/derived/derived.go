// Package derived makes identifiers out of what a record says, for the codecs
// of formats that want one where the source has none.
package derived

import (
	"crypto/sha1"

	"github.com/google/uuid"
)

// ID is the version 5 UUID of a name that begins with the sixteen bytes
// of its name space: uuid.NewSHA1 for a name that a codec keeps in one piece,
// without a copy of it. The same name gives the same identifier; an NHS number
// has no part in any.
func ID(name []byte) uuid.UUID {
	sum := sha1.Sum(name)
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 5<<4 // version
	id[8] = id[8]&0x3f | 0x80 // variant
	return id
}
