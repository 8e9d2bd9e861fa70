// Package console is the operations page of a link: one page that shows how the
// link does, the stream of server-sent events that keeps it true, the same as
// JSON, a health answer and the metrics. It shows what package status holds,
// counts, times and names of systems, and changes nothing: there is no request
// here that does anything but sign in.
package console

import (
	"context"
	"crypto/tls"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/linkspan/linkspan/bridge/status"
)

//go:embed page
var page embed.FS

// What bounds the listener.
const (
	patience    = 10 * time.Second // that one reading or writing may take
	connections = 64
)

// Options say what is shown and to whom. Link is required.
type Options struct {
	Link    func() status.Link
	Changed <-chan struct{} // something changed; nil for never
	Metrics http.Handler    // of /metrics; nil for none

	// TLS secures the listener; nil is plain text, for loopback addresses.
	TLS *tls.Config
	// Token opens the page, as Authorization: Bearer or typed in once. Without one,
	// and without Certificates, whoever reaches the listener sees the page, as long
	// as the browser was pointed at this machine by a loopback name.
	Token []byte
	// Certificates lets a client certificate open the page, which TLS has verified.
	Certificates bool

	Streams int                                  // viewers at once; 0 is 16
	Now     func() time.Time                     // nil is time.Now
	After   func(time.Duration) <-chan time.Time // of the stream's pace; nil is time.After
}

// Console serves the page on one listener.
type Console struct {
	options Options
	gate    *gate
	server  *http.Server
	wake    chan struct{} // somebody has begun to look

	mu      sync.Mutex
	streams map[chan []byte]bool

	stop  context.CancelFunc
	done  <-chan struct{} // closed when it stops
	ended sync.WaitGroup
}

// Serve begins to serve on a listener, which it closes in the end. Stop ends it.
func Serve(listener net.Listener, o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Streams <= 0 {
		o.Streams = 16
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Console{options: o, gate: newGate(o), wake: make(chan struct{}, 1), streams: map[chan []byte]bool{}, stop: stop, done: ctx.Done()}
	listener = &bounded{Listener: listener, room: make(chan struct{}, connections), done: c.done}
	if o.TLS != nil {
		listener = tls.NewListener(listener, o.TLS)
	}
	c.server = &http.Server{Handler: c.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: patience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: quiet, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}} // a page and a stream need no HTTP/2
	c.ended.Go(func() { _ = c.server.Serve(listener) }) // it ends by Stop alone
	c.ended.Go(c.run)
	return c
}

// Stop ends the streams, then the listener after what is under way.
func (c *Console) Stop(ctx context.Context) error {
	c.stop()
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, c.server.Close())
	}
	c.ended.Wait()
	return err
}

func (c *Console) handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	for path, file := range map[string]string{"/{$}": "page.html", "/page.css": "page.css", "/page.js": "page.js", "/words.js": "words.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, file) })
	}
	mux.HandleFunc("GET /status.json", c.status)
	mux.HandleFunc("GET /healthz", c.health)
	mux.HandleFunc("GET /events", c.events)
	if c.options.Metrics != nil {
		mux.Handle("GET /metrics", c.options.Metrics)
	}
	guarded := c.gate.guard(mux, files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience)) // a stream sets one for each message
		guarded.ServeHTTP(w, r)
	})
}

func (c *Console) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(c.link())
}

// health answers 200 where requests are answered, if with something amiss, and
// 503 where they are not.
func (c *Console) health(w http.ResponseWriter, _ *http.Request) {
	h := c.options.Link().Health()
	text, err := json.Marshal(h)
	if err != nil {
		http.Error(w, "no status", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if h.Level == status.Down {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(text)
}

// link is the whole link in JSON, on one line.
func (c *Console) link() []byte {
	text, err := json.Marshal(c.options.Link())
	if err != nil { // a number that is none
		return []byte("{}")
	}
	return text
}
