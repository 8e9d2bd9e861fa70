package audit

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a log at a checkpoint is the log of an earlier tree with
// records added, and nothing else, to somebody who has neither log
// (RFC 6962 §2.1.2).
type Proof struct {
	Size   uint64      `json:"size"` // records of the earlier tree
	Hashes []tlog.Hash `json:"hashes"`
}

// Prove makes a checkpoint over what is on the disk and proves from it each of
// the earlier sizes. A size that the log has not got to has no proof.
func (l *Log) Prove(sizes []uint64) (checkpoint string, proofs []Proof, err error) {
	checkpoint, err = l.MakeCheckpoint()
	if err != nil {
		return "", nil, err
	}
	l.disk.Lock()
	defer l.disk.Unlock()
	if l.hashes == nil || l.signed.Size == 0 {
		return checkpoint, nil, errors.New("audit: there is no checkpoint, or no hashes to prove it by")
	}
	checkpoint = l.signed.Text
	for _, n := range sizes {
		if n == 0 || n > l.signed.Size {
			continue
		}
		proof, err := tlog.ProveTree(int64(l.signed.Size), int64(n), l.hashes)
		if err != nil {
			return checkpoint, proofs, fmt.Errorf("audit: proof: %w", err)
		}
		proofs = append(proofs, Proof{Size: n, Hashes: proof})
	}
	return checkpoint, proofs, nil
}

// Check proves by p that the log of checkpoint c holds everything the witness
// saw. The witness has a tree head.
func (p Proof) Check(c Checkpoint, witness Receipt) error {
	root, err := tlog.ParseHash(c.Root)
	if err != nil {
		return errCheckpoint
	}
	seen, err := tlog.ParseHash(witness.TreeHead)
	if err != nil {
		return errors.New("audit: proof: the witness has no tree head")
	}
	if witness.Seq == 0 || witness.Seq != p.Size || c.Size > 1<<62 || p.Size > c.Size {
		return errors.New("audit: proof: it is of another size")
	}
	if err := tlog.CheckTree(p.Hashes, int64(c.Size), root, int64(p.Size), seen); err != nil {
		return fmt.Errorf("audit: log of %s: its checkpoint of record %d does not hold what the witness of record %d saw: the log was written anew", c.Instance, c.Size, p.Size)
	}
	return nil
}
