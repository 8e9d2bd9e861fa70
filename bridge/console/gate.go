package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long a browser stays signed in, and how often a wrong token may be tried.
const (
	session  = 12 * time.Hour
	attempts = 5           // wrong tokens from one address within the window
	window   = time.Minute // then none is looked at until it is over
	known    = 1024        // addresses that are remembered; beyond it new ones wait
	form     = 4096        // bytes of the form
)

// policy lets the page load its own files and nothing else, and nobody show it
// within a page of theirs.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"

// gate decides who sees the page.
type gate struct {
	token        []byte // SHA-256 of it, nil where there is none
	certificates bool
	secure       bool   // over TLS
	key          []byte // of the cookies; a new one at every start
	now          func() time.Time

	mu    sync.Mutex
	wrong map[string]tally // by address
}

type tally struct {
	since time.Time
	n     int
}

func newGate(o Options) *gate {
	g := &gate{certificates: o.Certificates, secure: o.TLS != nil, key: make([]byte, 32), now: o.Now, wrong: map[string]tally{}}
	rand.Read(g.key) // it never fails
	if len(o.Token) > 0 {
		sum := sha256.Sum256(o.Token)
		g.token = sum[:]
	}
	return g
}

// guard lets a request through to next, or answers it.
func (g *gate) guard(next http.Handler, files fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would take the form its origin
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if g.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		switch {
		case !g.open() && !g.here(r):
			http.Error(w, "this page answers only to a loopback name, such as localhost", http.StatusMisdirectedRequest)
		case elsewhere(r):
			http.Error(w, "another site may not ask this", http.StatusForbidden)
		case r.URL.Path == "/login" && r.Method == http.MethodPost && g.token != nil:
			g.login(w, r)
		case r.URL.Path == "/page.css" || !g.open() || g.certified(r) || g.signed(r):
			next.ServeHTTP(w, r)
		default:
			g.bearer(w, r, next, files)
		}
	})
}

// open reports whether something opens the page; it is shown to everybody here
// otherwise.
func (g *gate) open() bool { return g.token != nil || g.certificates }

// here reports that the browser was sent to this machine by a name no other can
// have: a site elsewhere may point its own name at a loopback address, and would
// read the page as its own.
func (g *gate) here(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}

// elsewhere reports a request that the page of another site makes a browser send.
// To follow a link to the page is none.
func elsewhere(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			return true
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return r.Method != http.MethodGet || r.URL.Path != "/" || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// certified reports a client certificate, which the handshake has verified.
func (g *gate) certified(r *http.Request) bool {
	return g.certificates && r.TLS != nil && len(r.TLS.PeerCertificates) > 0
}

// bearer takes the token of a program; a person gets the form.
func (g *gate) bearer(w http.ResponseWriter, r *http.Request, next http.Handler, files fs.FS) {
	token, has := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case has && g.token != nil:
		if g.right(w, r, token) {
			next.ServeHTTP(w, r)
		}
	case r.URL.Path == "/" && g.token != nil:
		text, err := fs.ReadFile(files, "login.html")
		if err != nil {
			panic(err) // it is compiled in
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(text)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="linkspan"`)
		http.Error(w, "a token or a client certificate is required", http.StatusUnauthorized)
	}
}

// login takes the token of the form and gives a cookie, which no script can read
// and no other site can have sent.
func (g *gate) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, form)
	if r.ParseForm() != nil {
		http.Error(w, "this is not the form", http.StatusBadRequest)
		return
	}
	if !g.right(w, r, strings.TrimSpace(r.PostForm.Get("token"))) {
		return
	}
	until := strconv.FormatInt(g.now().Add(session).Unix(), 10)
	http.SetCookie(w, &http.Cookie{Name: g.cookie(), Value: until + "." + g.sign(until), Path: "/", MaxAge: int(session.Seconds()),
		HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (g *gate) cookie() string {
	if g.secure {
		return "__Host-linkspan"
	}
	return "linkspan"
}

func (g *gate) sign(until string) string {
	mac := hmac.New(sha256.New, g.key)
	mac.Write([]byte(until))
	return hex.EncodeToString(mac.Sum(nil))
}

// signed reports a cookie of login's that is still in force.
func (g *gate) signed(r *http.Request) bool {
	c, err := r.Cookie(g.cookie())
	if err != nil || g.token == nil {
		return false
	}
	until, mac, _ := strings.Cut(c.Value, ".")
	if subtle.ConstantTimeCompare([]byte(mac), []byte(g.sign(until))) != 1 {
		return false
	}
	end, err := strconv.ParseInt(until, 10, 64)
	return err == nil && g.now().Before(time.Unix(end, 0))
}

// right compares a token in a time that tells nothing, and answers where it is
// wrong or was tried too often.
func (g *gate) right(w http.ResponseWriter, r *http.Request, token string) bool {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	for address, t := range g.wrong {
		if now.Sub(t.since) >= window || now.Before(t.since) {
			delete(g.wrong, address)
		}
	}
	t, tried := g.wrong[from]
	if t.n >= attempts || !tried && len(g.wrong) >= known {
		w.Header().Set("Retry-After", strconv.Itoa(int(window.Seconds())))
		http.Error(w, "too many wrong tokens; try again in a minute", http.StatusTooManyRequests)
		return false
	}
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], g.token) == 1 {
		delete(g.wrong, from)
		return true
	}
	if !tried {
		t.since = now
	}
	t.n++
	g.wrong[from] = t
	w.Header().Set("WWW-Authenticate", `Bearer realm="linkspan"`)
	http.Error(w, "the token is wrong", http.StatusUnauthorized)
	return false
}
