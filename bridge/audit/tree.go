package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the Merkle tree over a log (RFC 6962, as package tlog has it), each
// line a leaf, as far as it takes to add to it: the roots of the complete
// subtrees n breaks down into. Its zero value is the empty tree.
type tree struct {
	n    uint64
	subs [64]tlog.Hash // by height; there where n has that bit
}

// leafHash is of a line, its end included.
func leafHash(line []byte) tlog.Hash { return tlog.RecordHash(line) }

// add puts a leaf at the end and appends to stored the hashes that tlog stores
// for it, in tlog's order.
func (t *tree) add(leaf tlog.Hash, stored []tlog.Hash) []tlog.Hash {
	h, height := leaf, 0
	stored = append(stored, h)
	for ; t.n>>height&1 == 1; height++ {
		h = tlog.NodeHash(t.subs[height], h)
		stored = append(stored, h)
	}
	t.subs[height] = h
	t.n++
	return stored
}

// head is the root hash over the whole tree.
func (t *tree) head() tlog.Hash {
	if t.n == 0 {
		return sha256.Sum256(nil)
	}
	height := bits.TrailingZeros64(t.n)
	h := t.subs[height]
	for height++; t.n>>height != 0; height++ {
		if t.n>>height&1 == 1 {
			h = tlog.NodeHash(t.subs[height], h)
		}
	}
	return h
}

// subtrees are the roots that make up the tree, highest first.
func (t *tree) subtrees() []tlog.Hash {
	var roots []tlog.Hash
	for height := bits.Len64(t.n) - 1; height >= 0; height-- {
		if t.n>>height&1 == 1 {
			roots = append(roots, t.subs[height])
		}
	}
	return roots
}

// treeOf is the tree of n leaves with these subtrees, as subtrees gives them.
func treeOf(n uint64, roots []tlog.Hash) (tree, error) {
	if bits.OnesCount64(n) != len(roots) {
		return tree{}, errors.New("not the subtrees of a tree of this size")
	}
	t := tree{n: n}
	for height := bits.Len64(n) - 1; height >= 0; height-- {
		if n>>height&1 == 1 {
			t.subs[height], roots = roots[0], roots[1:]
		}
	}
	return t, nil
}

// subtreeIndexes are where tlog stores the roots of subtrees, highest first.
func subtreeIndexes(n uint64) []int64 {
	var indexes []int64
	for height := bits.Len64(n) - 1; height >= 0; height-- {
		if n>>height&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(height, int64(n>>height)-1))
		}
	}
	return indexes
}

// hashes is a file of the hashes of a log's tree in tlog's order, 32 bytes each:
// what proofs are made from, and what saves reading the whole log at Open. It
// holds nothing that the log does not: it is never believed without a signed
// checkpoint, and made anew from the log where it is damaged or gone.
type hashes struct{ io.ReaderAt }

// ReadHashes is tlog's reader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if _, err := h.ReadAt(found[i][:], index*tlog.HashSize); err != nil {
			return nil, fmt.Errorf("audit: hashes: %w", err)
		}
	}
	return found, nil
}

// tree reads the tree of the first n records.
func (h hashes) tree(n uint64) (tree, error) {
	roots, err := h.ReadHashes(subtreeIndexes(n))
	if err != nil {
		return tree{}, err
	}
	return treeOf(n, roots)
}

// hashFile is the file of hashes being written.
type hashFile struct {
	hashes
	file *os.File
	n    uint64 // records it has the hashes of
}

func openHashes(path string) (*hashFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &hashFile{hashes: hashes{f}, file: f}, nil
}

// write puts the hashes that were stored for the next records.
func (h *hashFile) write(stored []tlog.Hash) error {
	b := make([]byte, 0, len(stored)*tlog.HashSize)
	leaves := uint64(0)
	at := tlog.StoredHashCount(int64(h.n))
	for i, s := range stored {
		b = append(b, s[:]...)
		if height, _ := tlog.SplitStoredHashIndex(at + int64(i)); height == 0 {
			leaves++
		}
	}
	if _, err := h.file.WriteAt(b, at*tlog.HashSize); err != nil {
		return err
	}
	h.n += leaves
	return nil
}

// cut forgets what stands after the first n records.
func (h *hashFile) cut(n uint64) error {
	h.n = n
	return h.file.Truncate(tlog.StoredHashCount(int64(n)) * tlog.HashSize)
}
