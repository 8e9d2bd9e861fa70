package console

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// The pace of the stream.
const (
	spacing   = time.Second / 2  // between two messages, at the least
	refresh   = 2 * time.Second  // between two where nothing said that something changed
	keepAlive = 15 * time.Second // of silence before a comment is sent
)

// quiet takes what net/http says of clients' faults, which is no news.
var quiet = log.New(io.Discard, "", 0)

// events streams the link. A viewer who has not taken a message when the next but
// one is there is dropped; a browser comes again by itself.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	stream := make(chan []byte, 1)
	if !c.join(stream) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many viewers at once", http.StatusServiceUnavailable)
		return
	}
	defer c.leave(stream)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // that of the request would end the stream
	send := func(text []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(patience))
		_, err := w.Write(text)
		return err == nil && control.Flush() == nil
	}
	if !send(append([]byte("retry: 2000\n\n"), message(c.link())...)) {
		return
	}
	for {
		select {
		case text, open := <-stream:
			if !open || !send(text) {
				return
			}
		case <-c.options.After(keepAlive):
			if !send([]byte(": still here\n\n")) {
				return
			}
		case <-r.Context().Done():
			return
		case <-c.done:
			return
		}
	}
}

func message(text []byte) []byte {
	return bytes.Join([][]byte{[]byte("data: "), text, []byte("\n\n")}, nil)
}

func (c *Console) join(stream chan []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) >= c.options.Streams {
		return false
	}
	c.streams[stream] = true
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return true
}

func (c *Console) leave(stream chan []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.streams, stream)
}

// Viewers is how many streams there are.
func (c *Console) Viewers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.streams)
}

// run sends the link to all viewers: at once where something changed, never twice
// within the spacing, and from time to time because counts change without a word.
// While nobody looks it costs nothing.
func (c *Console) run() {
	var again <-chan time.Time
	for {
		select {
		case <-c.options.Changed:
		case <-again:
		case <-c.wake:
			if again == nil {
				again = c.options.After(refresh)
			}
			continue
		case <-c.done:
			return
		}
		again = nil
		if c.Viewers() == 0 {
			continue
		}
		c.broadcast(message(c.link()))
		select {
		case <-c.options.After(spacing):
		case <-c.done:
			return
		}
		again = c.options.After(refresh - spacing)
	}
}

func (c *Console) broadcast(text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for stream := range c.streams {
		select {
		case stream <- text:
		default:
			close(stream)
			delete(c.streams, stream)
		}
	}
}

// bounded takes no more connections than there is room for.
type bounded struct {
	net.Listener
	room chan struct{}
	done <-chan struct{}
}

// Accept waits for room first.
func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.room <- struct{}{}:
	case <-b.done:
		return nil, net.ErrClosed
	}
	conn, err := b.Listener.Accept()
	if err != nil {
		<-b.room
		return nil, err
	}
	return &counted{Conn: conn, leave: sync.OnceFunc(func() { <-b.room })}, nil
}

type counted struct {
	net.Conn
	leave func()
}

// Close makes room for another.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
