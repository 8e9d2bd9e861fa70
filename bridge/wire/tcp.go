package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/linkspan/linkspan/record"
)

func (l *Listener) acceptTCP() {
	for wait := time.Duration(0); ; {
		conn, err := l.socket.Accept()
		if err == nil {
			wait = 0
			l.running.Go(func() { l.serveTCP(conn) })
			continue
		}
		if l.closed() || errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of descriptors or the like: it passes, and the listener stays.
		l.report("", record.ReasonBusy, err)
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(wait):
		case <-l.closing:
			return
		}
	}
}

func (l *Listener) serveTCP(conn net.Conn) {
	defer conn.Close()
	served := l.admit(conn)
	defer l.dismiss(conn)

	peer := peerOf(conn.RemoteAddr().String(), nil)
	if l.options.TLS != nil {
		secured := tls.Server(conn, l.options.TLS)
		ctx, cancel := context.WithTimeout(l.ctx, l.options.HandshakeTimeout)
		err := secured.HandshakeContext(ctx)
		cancel()
		if err != nil {
			// Closed before a byte was said: somebody looked whether we listen. While we
			// stop, it is we who end it.
			if !errors.Is(err, io.EOF) && !l.closed() {
				l.report(peer.Address, record.ReasonDenied, err)
			}
			linger(conn)
			return
		}
		state := secured.ConnectionState()
		peer = peerOf(peer.Address, &state)
		conn = secured
	}
	if !served {
		l.report(peer.Address, record.ReasonBusy, errConnections)
		l.last(conn, l.options.Refuse(record.ReasonBusy))
		return
	}
	l.converse(conn, peer)
}

// admit lists a connection and reports whether it is within MaxConnections and
// PeerConnections.
func (l *Listener) admit(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, served := range l.conns {
		if served {
			n++
		}
	}
	l.conns[conn] = n < l.options.MaxConnections && !crowded(conn)
	return l.conns[conn]
}

func (l *Listener) dismiss(conn net.Conn) {
	l.mu.Lock()
	delete(l.conns, conn)
	l.mu.Unlock()
}

// wakeReaders ends every read that is waiting. A reader that sets its deadline
// afterwards sees that the listener is closing.
func (l *Listener) wakeReaders() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	}
}

var errClosing = errors.New("the listener is closing")

// converse answers the documents of one connection, one after the other.
func (l *Listener) converse(conn net.Conn, peer Peer) {
	documents := &stream{src: conn, limit: l.options.Limit}
	for {
		documents.before = l.deadlines(conn)
		msg, err := documents.next()
		started := len(msg) > 0
		switch {
		case err == nil:
			over := false
			peer.Hangup = func() { over = true }
			answer := l.call(l.ctx, msg, peer)
			if over || l.closed() {
				l.last(conn, answer)
				return
			}
			if !l.send(conn, answer) {
				return
			}
		case errors.Is(err, errNotXML), errors.Is(err, errCut):
			l.report(peer.Address, record.ReasonBadMessage, err)
			l.last(conn, l.call(l.ctx, msg, peer))
			return
		case errors.Is(err, errTooLarge):
			l.report(peer.Address, record.ReasonTooLarge, err)
			l.last(conn, l.options.Refuse(record.ReasonTooLarge))
			return
		case l.closed() && started:
			l.last(conn, l.options.Refuse(record.ReasonUnavailable))
			return
		case errors.Is(err, os.ErrDeadlineExceeded) && started:
			l.report(peer.Address, record.ReasonTimeout, errors.New("document not finished in time"))
			l.last(conn, l.options.Refuse(record.ReasonTimeout))
			return
		default:
			if err != io.EOF && !l.closed() && !errors.Is(err, os.ErrDeadlineExceeded) {
				l.report(peer.Address, record.ReasonUnavailable, err)
			}
			return
		}
	}
}

// deadlines bounds the reads of one document: idle before it begins, then both
// between bytes and as a whole.
func (l *Listener) deadlines(conn net.Conn) func(bool) error {
	idle := time.Now().Add(l.options.IdleTimeout)
	var whole time.Time
	return func(begun bool) error {
		at := idle
		if begun {
			now := time.Now()
			if whole.IsZero() {
				whole = now.Add(l.options.ReadTimeout)
			}
			at = earlier(whole, now.Add(l.options.ProgressTimeout))
		}
		if err := conn.SetReadDeadline(at); err != nil {
			return err
		}
		if l.closed() {
			return errClosing
		}
		return nil
	}
}

// send writes an answer and reports whether the connection can go on.
func (l *Listener) send(conn net.Conn, answer []byte) bool {
	if answer == nil {
		return true
	}
	_ = conn.SetWriteDeadline(time.Now().Add(l.options.WriteTimeout))
	buffers := net.Buffers{answer, []byte(l.wire.Terminator)}
	if _, err := buffers.WriteTo(conn); err != nil {
		l.report(conn.RemoteAddr().String(), record.ReasonUnavailable, err)
		return false
	}
	return true
}

// last sends an answer after which the connection ends.
func (l *Listener) last(conn net.Conn, answer []byte) {
	if answer != nil && l.send(conn, answer) {
		linger(conn)
	}
}

// lingering bounds how long, and how much, is read and thrown away after the
// last that was said, so that the reset of unread bytes does not overtake it.
const (
	lingering      = time.Second
	lingeringBytes = 64 << 20
)

func linger(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.CopyN(io.Discard, conn, lingeringBytes)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
