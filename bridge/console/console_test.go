package console_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/linkspan/linkspan/bridge/console"
	"github.com/linkspan/linkspan/bridge/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "a-token-of-some-length"

// site is a console on a real socket, and the link it shows.
type site struct {
	*console.Console
	url, address string
	client       *http.Client
	changed      chan struct{}
	tick         chan time.Time // of After

	mu   sync.Mutex
	link status.Link
	now  time.Time
}

func serve(t testing.TB, change func(*console.Options)) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &site{address: listener.Addr().String(), changed: make(chan struct{}), tick: make(chan time.Time), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		link: status.Link{Form: status.LinkForm, Economy: "test", Level: status.OK, Systems: []status.System{{Name: "a", Title: "A", Wire: status.WireUp}, {Name: "b", Title: "B", Wire: status.WireUp}}}}
	o := console.Options{Link: s.shown, Changed: s.changed, Now: s.clock, After: func(time.Duration) <-chan time.Time { return s.tick }}
	if change != nil {
		change(&o)
	}
	s.Console = console.Serve(listener, o)
	transport := &http.Transport{}
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	s.url = "http://" + s.address
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		require.NoError(t, s.Stop(context.Background()))
	})
	return s
}

func (s *site) shown() status.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}

func (s *site) set(change func(*status.Link)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.Systems = append([]status.System(nil), s.link.Systems...)
	change(&s.link)
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// ask gets a path with headers, and gives the status and the body.
func (s *site) ask(t *testing.T, path string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := s.client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func (s *site) login(t *testing.T, client *http.Client, word string, headers ...string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/login", strings.NewReader(url.Values{"token": {word}}.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	for _, c := range answer.Cookies() {
		require.True(t, c.HttpOnly)
		require.Equal(t, http.SameSiteStrictMode, c.SameSite)
	}
	return answer.StatusCode
}

// Without a token the page is for whoever is on this machine, by a name that
// nobody else can have, and not for the pages of other sites.
func TestOnLoopbackWithoutAToken(t *testing.T) {
	s := serve(t, nil)
	_, port, err := net.SplitHostPort(s.address)
	require.NoError(t, err)
	for _, c := range []struct {
		name    string
		path    string
		headers []string
		code    int
	}{
		{"the page", "/", nil, 200},
		{"its script", "/page.js", nil, 200},
		{"its words", "/words.js", nil, 200},
		{"its style", "/page.css", nil, 200},
		{"the same in JSON", "/status.json", nil, 200},
		{"health", "/healthz", nil, 200},
		{"no metrics", "/metrics", nil, 404},
		{"no other file", "/login.html", nil, 404},
		{"no folder", "/page/", nil, 404},
		{"localhost", "/status.json", []string{"Host", "localhost:" + port}, 200},
		{"IPv6", "/status.json", []string{"Host", "[::1]:" + port}, 200},
		{"a name that was rebound", "/status.json", []string{"Host", "evil.example:" + port}, 421},
		{"a name that begins alike", "/status.json", []string{"Host", "localhost.evil.example"}, 421},
		{"another site's script", "/status.json", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}, 403},
		{"another port's script", "/events", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"another origin", "/status.json", []string{"Origin", "http://evil.example"}, 403},
		{"no origin at all", "/status.json", []string{"Origin", "null"}, 403},
		{"a frame", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"a link that was followed", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"the page's own script", "/status.json", []string{"Sec-Fetch-Site", "same-origin", "Origin", s.url}, 200},
	} {
		code, _ := s.ask(t, c.path, c.headers...)
		require.Equal(t, c.code, code, c.name)
	}
	_, text := s.ask(t, "/status.json")
	var link status.Link
	require.NoError(t, json.Unmarshal([]byte(text), &link))
	require.Equal(t, s.shown(), link)
}

// Health is 200 while requests are answered and 503 where they are not.
func TestHealth(t *testing.T) {
	s := serve(t, nil)
	for level, want := range map[status.Level]int{status.OK: 200, status.Degraded: 200, status.Down: 503} {
		s.set(func(l *status.Link) { l.Level = level })
		code, text := s.ask(t, "/healthz")
		require.Equal(t, want, code)
		require.Contains(t, text, `"status":"`+string(level)+`"`)
	}
}

// With a token nothing is shown without it, whatever the page is asked for.
func TestWithAToken(t *testing.T) {
	s := serve(t, func(o *console.Options) {
		o.Token = []byte(token)
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("linkspan_up 1\n")) })
	})
	for _, path := range []string{"/", "/page.js", "/status.json", "/healthz", "/events", "/metrics", "/nowhere"} {
		code, text := s.ask(t, path)
		require.Equal(t, 401, code, path)
		require.NotContains(t, text, `"economy"`)
		require.NotContains(t, text, "linkspan_up")
	}
	code, text := s.ask(t, "/")
	require.Equal(t, 401, code)
	require.Contains(t, text, `action="/login"`)
	code, text = s.ask(t, "/metrics", "Authorization", "Bearer "+token)
	require.Equal(t, 200, code)
	require.Contains(t, text, "linkspan_up 1")
	code, _ = s.ask(t, "/status.json", "Authorization", "Basic "+token)
	require.Equal(t, 401, code)

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	s.client.Jar = jar
	require.Equal(t, 403, s.login(t, s.client, token, "Origin", "http://evil.example"))
	require.Equal(t, 401, s.login(t, s.client, "wrong"))
	require.Equal(t, 303, s.login(t, s.client, token))
	code, _ = s.ask(t, "/status.json")
	require.Equal(t, 200, code)
	s.pass(12 * time.Hour)
	code, _ = s.ask(t, "/status.json")
	require.Equal(t, 401, code, "a cookie ends")

	s.client.Jar = nil
	for _, forged := range []string{"linkspan=", "linkspan=99999999999.", "linkspan=99999999999.00", "linkspan=" + token} {
		code, _ = s.ask(t, "/status.json", "Cookie", forged)
		require.Equal(t, 401, code, forged)
	}
}

// After five wrong tokens none is looked at for a minute, not even the right one;
// whoever is signed in stays so.
func TestAttemptsAreBounded(t *testing.T) {
	s := serve(t, func(o *console.Options) { o.Token = []byte(token) })
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	s.client.Jar = jar
	require.Equal(t, 303, s.login(t, s.client, token))
	for range 5 {
		require.Equal(t, 401, s.login(t, s.client, "wrong"))
	}
	require.Equal(t, 429, s.login(t, s.client, token))
	code, _ := s.ask(t, "/status.json")
	require.Equal(t, 200, code)
	s.client.Jar = nil
	code, _ = s.ask(t, "/status.json", "Authorization", "Bearer "+token)
	require.Equal(t, 429, code)
	s.pass(time.Minute)
	code, _ = s.ask(t, "/status.json", "Authorization", "Bearer "+token)
	require.Equal(t, 200, code)
}

// A client certificate opens the page where it is said to; how it is judged is
// package certs' business.
func TestWithACertificateNobodyShows(t *testing.T) {
	s := serve(t, func(o *console.Options) { o.Certificates = true })
	code, text := s.ask(t, "/")
	require.Equal(t, 401, code)
	require.NotContains(t, text, "/login", "there is no token to type in")
	require.NotEqual(t, 303, s.login(t, s.client, ""), "no token is no token that is empty")
}

// stream is a client of /events.
type stream struct {
	t     *testing.T
	body  io.ReadCloser
	lines *bufio.Scanner
}

func (s *site) stream(t *testing.T) *stream {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events", nil)
	require.NoError(t, err)
	answer, err := s.client.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	require.Equal(t, 200, answer.StatusCode)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 64<<20)
	return &stream{t, answer.Body, lines}
}

// next is the next message.
func (s *stream) next() (link status.Link) {
	s.t.Helper()
	for s.lines.Scan() {
		if text, is := strings.CutPrefix(s.lines.Text(), "data: "); is {
			require.NoError(s.t, json.Unmarshal([]byte(text), &link))
			return link
		}
	}
	require.FailNow(s.t, "the stream ended", "%v", s.lines.Err())
	return link
}

// A wire that breaks is in the very next message, which comes because something
// changed and not because time passed; a second change within the spacing waits
// for its end.
func TestAChangeIsTheNextMessage(t *testing.T) {
	s := serve(t, nil)
	st := s.stream(t)
	require.Equal(t, status.WireUp, st.next().Systems[0].Wire)
	s.set(func(l *status.Link) { l.Systems[0].Wire, l.Level = status.WireDown, status.Down })
	s.changed <- struct{}{}
	link := st.next()
	require.Equal(t, status.WireDown, link.Systems[0].Wire)
	require.Equal(t, status.Down, link.Level)

	select { // within the spacing nobody takes a change
	case s.changed <- struct{}{}:
		require.Fail(t, "a second message within the spacing")
	case s.tick <- time.Time{}: // the end of the spacing, or a silence of the stream
	}
	s.set(func(l *status.Link) { l.Systems[0].Wire = status.WireSlow })
	for sent := false; !sent; {
		select {
		case s.changed <- struct{}{}:
			sent = true
		case s.tick <- time.Time{}:
		}
	}
	for link.Systems[0].Wire != status.WireSlow {
		link = st.next()
	}
}

// There are only so many streams, and one that ends makes room.
func TestStreamsAreBounded(t *testing.T) {
	s := serve(t, func(o *console.Options) { o.Streams = 2 })
	first := s.stream(t)
	first.next()
	s.stream(t).next()
	code, _ := s.ask(t, "/events")
	require.Equal(t, 503, code)
	require.NoError(t, first.body.Close())
	require.Eventually(t, func() bool { return s.Viewers() == 1 }, 10*time.Second, time.Millisecond)
	s.stream(t).next()
}

// A viewer who takes nothing is dropped, and another one goes on.
func TestASlowViewerIsDropped(t *testing.T) {
	s := serve(t, func(o *console.Options) {
		o.After = func(d time.Duration) <-chan time.Time {
			if d > 10*time.Second {
				return nil
			}
			passed := make(chan time.Time, 1)
			passed <- time.Time{}
			return passed
		}
	})
	s.set(func(l *status.Link) { l.Why = []string{strings.Repeat("x", 4<<20)} }) // more than sockets hold
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Viewers() == 1 }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return s.Viewers() == 0 }, 30*time.Second, time.Millisecond, "it is not dropped")
	s.set(func(l *status.Link) { l.Why = nil })
	s.stream(t).next()
}

// Stop ends streams at once; TestMain sees that nothing is left.
func TestStopEndsStreams(t *testing.T) {
	s := serve(t, nil)
	st := s.stream(t)
	st.next()
	require.NoError(t, s.Stop(context.Background()))
	for st.lines.Scan() {
	}
	_, err := tls.Dial("tcp", s.address, nil)
	require.Error(t, err)
}

// BenchmarkPage is what one viewer costs: a message every two seconds, as a share
// of a core. The target is under 1 %.
func BenchmarkPage(b *testing.B) {
	s := serve(b, func(o *console.Options) { o.After = time.After })
	s.set(func(l *status.Link) {
		for i := range 50 {
			l.Events = append(l.Events, status.Event{At: s.now, Kind: "wire", Words: strings.Repeat("w", 60+i%7)})
		}
	})
	request, err := http.NewRequest(http.MethodGet, s.url+"/status.json", nil)
	require.NoError(b, err)
	for b.Loop() {
		answer, err := s.client.Do(request)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, answer.Body)
		require.NoError(b, err)
		require.NoError(b, answer.Body.Close())
	}
	perMessage := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(100*perMessage/2, "%core/viewer")
	b.ReportMetric(100*perMessage, "%core/viewer-busiest") // a change every second
}
