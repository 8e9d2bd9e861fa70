package wire

import (
	"context"
	"errors"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/linkspan/linkspan/record"
)

// newServer is the HTTP side of l. The body's deadlines are set read by read,
// for a server-wide one would count the time the other system takes.
func (l *Listener) newServer() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true) // one POST, one answer: nothing to multiplex
	slots := make(chan struct{}, l.options.MaxConnections)
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !l.enter() {
				l.refuse(w, r, record.ReasonUnavailable, errClosing)
				return
			}
			defer l.running.Done()
			if full, _ := r.Context().Value(crowdedKey{}).(bool); full {
				l.refuse(w, r, record.ReasonBusy, errPeerConnections)
				return
			}
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				l.answer(w, r)
			default:
				l.refuse(w, r, record.ReasonBusy, errors.New("too many requests in hand"))
			}
		}),
		BaseContext: l.baseContext,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, crowdedKey{}, crowded(conn))
		},
		TLSConfig:         l.options.TLS.Clone(),
		Protocols:         &protocols,
		ReadHeaderTimeout: l.options.HandshakeTimeout,
		IdleTimeout:       l.options.IdleTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(reportWriter{l}, "", 0),
	}
}

// crowdedKey marks the requests of a connection that is only told "busy".
type crowdedKey struct{}

func (l *Listener) serveHTTP() {
	var err error
	if l.options.TLS != nil {
		err = l.server.ServeTLS(l.socket, "", "")
	} else {
		err = l.server.Serve(l.socket)
	}
	if !errors.Is(err, http.ErrServerClosed) && !l.closed() {
		l.report("", record.ReasonUnavailable, err)
	}
}

// enter counts a request in, unless the listener is closing.
func (l *Listener) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed() {
		return false
	}
	l.running.Add(1)
	return true
}

func (l *Listener) answer(w http.ResponseWriter, r *http.Request) {
	leaveBody(w) // until it is read
	hasHead := len(l.wire.Head) > 0
	switch {
	case !hasHead && strings.TrimSuffix(r.URL.Path, "/") != strings.TrimSuffix(l.wire.Path, "/"):
		w.WriteHeader(http.StatusNotFound)
		return
	case !hasHead && r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case !identity(r.Header):
		l.refuse(w, r, record.ReasonBadMessage, errEncoded)
		return
	}
	if r.TransferEncoding != nil {
		// Who states a length beside the chunks may mean another end of the
		// message than we do: nothing that follows it is read.
		w.Header().Set("Connection", "close")
	}
	msg, reason, err := l.body(w, r)
	if err != nil {
		l.refuse(w, r, reason, err)
		return
	}
	from := peerOf(r.RemoteAddr, r.TLS)
	from.Charset, from.Header = charset(r.Header), r.Header
	if hasHead {
		msg, err = l.headedMessage(r, msg)
	} else {
		msg, err = selfContained(r.Context(), l.wire.ContentType, from.Charset, msg, l.options.Limit)
	}
	if err != nil {
		l.refuse(w, r, record.ReasonBadMessage, err)
		return
	}
	answer := l.call(r.Context(), msg, from)
	if answer == nil {
		select { // silence lasts until the asker gives up
		case <-r.Context().Done():
		case <-l.closing:
		}
		panic(http.ErrAbortHandler)
	}
	if hasHead {
		if !l.writeHeaded(w, answer) {
			l.refuse(w, r, record.ReasonInternal, errAnswered)
		}
		return
	}
	status := http.StatusOK
	if l.wire.ErrorStatus > 0 && l.options.Failed(answer) {
		status = l.wire.ErrorStatus
	}
	l.write(w, status, answer)
}

// body reads the message, bounded in size, between bytes and as a whole.
func (l *Listener) body(w http.ResponseWriter, r *http.Request) ([]byte, record.Reason, error) {
	if r.ContentLength > int64(l.options.Limit) {
		return nil, record.ReasonTooLarge, errTooLarge
	}
	control := http.NewResponseController(w)
	whole := time.Now().Add(l.options.ReadTimeout)
	msg, err := readAll(readerFunc(func(p []byte) (int, error) {
		if err := control.SetReadDeadline(earlier(whole, time.Now().Add(l.options.ProgressTimeout))); err != nil {
			return 0, err
		}
		return r.Body.Read(p)
	}), l.options.Limit)
	switch {
	case err == nil:
		return msg, "", control.SetReadDeadline(time.Time{})
	case errors.Is(err, errTooLarge):
		return nil, record.ReasonTooLarge, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, record.ReasonTimeout, errors.New("body not finished in time")
	}
	return nil, record.ReasonBadMessage, err
}

// leaveBody bounds the wait for a body that nobody reads: the server itself
// reads some of what is left before it goes on.
func leaveBody(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingering))
}

// refuse answers a request the handler never sees, and ends its connection.
func (l *Listener) refuse(w http.ResponseWriter, r *http.Request, reason record.Reason, err error) {
	l.report(r.RemoteAddr, reason, err)
	w.Header().Set("Connection", "close")
	leaveBody(w)
	native := l.options.Refuse(reason)
	if len(l.wire.Head) > 0 {
		if l.writeHeaded(w, native) {
			return
		}
		native = nil
	}
	if native != nil && l.wire.ErrorStatus > 0 {
		l.write(w, l.wire.ErrorStatus, native)
		return
	}
	status := http.StatusBadRequest
	switch reason {
	case record.ReasonInternal:
		status = http.StatusInternalServerError
	case record.ReasonTooLarge:
		status = http.StatusRequestEntityTooLarge
	case record.ReasonTimeout:
		status = http.StatusRequestTimeout
	case record.ReasonBusy, record.ReasonUnavailable:
		status = http.StatusServiceUnavailable
	}
	l.write(w, status, native)
}

func (l *Listener) write(w http.ResponseWriter, status int, body []byte) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(l.options.WriteTimeout))
	h := w.Header()
	if _, said := h["Content-Type"]; len(body) > 0 && !said {
		h.Set("Content-Type", l.wire.ContentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store") // safety §2.4
	w.WriteHeader(status)
	_, _ = w.Write(body) // the asker has gone; the server closes the connection
}

var errEncoded = errors.New("a Content-Encoding is not accepted")

// identity reports a body that is sent as it is. Compressed ones are refused:
// nobody in the field sends them, and a limit on what arrives would not be one
// on what it grows to.
func identity(h http.Header) bool {
	e := h.Get("Content-Encoding")
	return e == "" || strings.EqualFold(e, "identity")
}

// charset is what the content type states.
func charset(h http.Header) string {
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return params["charset"]
}

// reportWriter takes what net/http would log: failed handshakes and the like,
// never a body.
type reportWriter struct{ l *Listener }

// Write reports one line.
func (w reportWriter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if strings.Contains(text, "TLS handshake error") && strings.HasSuffix(text, ": EOF") {
		return len(line), nil // closed before a byte was said: somebody looked whether we listen
	}
	w.l.report("", record.ReasonUnavailable, errors.New(text))
	return len(line), nil
}

// readerFunc makes a function an io.Reader.
type readerFunc func([]byte) (int, error)

// Read calls f.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// readAll reads to the end, or to errTooLarge above limit. Memory follows what
// arrives.
func readAll(r io.Reader, limit int) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(all) > limit {
		return nil, errTooLarge
	}
	return all, err
}
