package wire

import (
	"errors"
	"io"
	"slices"
)

// What can be wrong with a document as it arrives.
var (
	errNotXML   = errors.New("not an XML document")
	errCut      = errors.New("the stream ended inside a document")
	errTooLarge = errors.New("document above the limit")
)

// stream cuts what arrives on a connection into documents.
type stream struct {
	src   io.Reader
	limit int
	// before is called ahead of every read; begun says whether a document has
	// begun to arrive. It sets deadlines, and ends the stream by an error.
	before func(begun bool) error

	buf []byte // received and not yet handed out
}

// next returns the next document without anything around it. With errNotXML and
// errCut it returns the bytes that arrived; io.EOF is the end between documents.
// After any error the stream is of no further use.
func (s *stream) next() ([]byte, error) {
	var at scanner
	for {
		if at.scan(s.buf) {
			return s.take(&at)
		}
		if at.state == between {
			s.buf, at = s.buf[:0], scanner{}
		}
		if len(s.buf)-at.start > s.limit {
			return nil, errTooLarge
		}
		if err := s.before(at.begun()); err != nil {
			return s.buf[at.start:], err
		}
		n, err := s.read(s.limit + 1 - (len(s.buf) - at.start))
		switch {
		case n > 0: // an error beside it comes again with the next read
		case err == io.EOF && !at.begun():
			return nil, io.EOF
		case err == io.EOF:
			return s.buf[at.start:], errCut
		case err != nil:
			return s.buf[at.start:], err
		}
	}
}

func (s *stream) take(at *scanner) ([]byte, error) {
	if at.state == broken {
		doc := s.buf[at.start:]
		s.buf = nil
		return doc, errNotXML
	}
	doc, rest := s.buf[at.start:at.pos:at.pos], s.buf[at.pos:]
	s.buf = slices.Clone(rest)
	if len(doc) > s.limit {
		return nil, errTooLarge
	}
	return doc, nil
}

// read appends at most room bytes, so that memory follows what arrives and
// never what a peer announces.
func (s *stream) read(room int) (int, error) {
	const least = 4096
	if cap(s.buf)-len(s.buf) < least {
		s.buf = slices.Grow(s.buf, max(least, len(s.buf)))
	}
	free := s.buf[len(s.buf):cap(s.buf)]
	n, err := s.src.Read(free[:min(len(free), room)])
	s.buf = s.buf[:len(s.buf)+n]
	return n, err
}

// onlySeparators reports that buf holds nothing but what may stand between
// documents, be it cut.
func onlySeparators(buf []byte) bool {
	var at scanner
	return !at.scan(buf) && !at.begun()
}
