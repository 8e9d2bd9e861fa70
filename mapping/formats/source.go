package formats

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// errTooLarge is a file past its limit of bytes.
var errTooLarge = errors.New("too large")

// source reads the file: it counts and hashes every byte, keeps the limit, and stops with its context.
type source struct {
	ctx      context.Context
	in       io.Reader
	hash     hash.Hash
	bytes    int64
	max      int64
	progress func(bytes, rows int64)
	told     int64
	rows     *int64
	err      error // why reading stopped before the end
}

func newSource(ctx context.Context, r io.Reader, o Options) *source {
	return &source{ctx: ctx, in: r, hash: sha256.New(), max: o.MaxBytes, progress: o.Progress}
}

// progressEvery is how many bytes lie between two words of progress.
const progressEvery = 1 << 20

func (s *source) Read(p []byte) (int, error) {
	n, err := s.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func (s *source) read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.in.Read(p)
	s.hash.Write(p[:n])
	if s.bytes += int64(n); s.bytes > s.max {
		return 0, errTooLarge
	}
	if s.bytes-s.told >= progressEvery && s.rows != nil {
		s.report(*s.rows)
	}
	return n, err
}

func (s *source) report(rows int64) {
	s.told = s.bytes
	if s.progress != nil {
		s.progress(s.bytes, rows)
	}
}

func (s *source) sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// skipMark takes the byte order mark of UTF-8 off.
func skipMark(in *bufio.Reader) {
	if head, _ := in.Peek(3); string(head) == "\ufeff" {
		in.Discard(3)
	}
}
