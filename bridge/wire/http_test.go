package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func httpClient(t *testing.T, addr string, o ClientOptions) *Client {
	c := NewClient(httpWire, addr, o)
	t.Cleanup(c.Close)
	return c
}

func TestHTTPExchange(t *testing.T) {
	var from Peer
	l := listen(t, httpWire, func(ctx context.Context, msg []byte, peer Peer) []byte {
		from = peer
		return echo(ctx, msg, peer)
	}, ListenOptions{})
	c := httpClient(t, l.Addr().String(), ClientOptions{CommonName: "bridge-1", Headers: http.Header{"X-Added": {"1"}}})
	answer, err := c.Do(soon(t), []byte("<a/>"), nil)
	require.NoError(t, err)
	require.Equal(t, "<echo><a/></echo>", string(answer))
	require.Equal(t, "bridge-1", from.Header.Get("CertificateCommonName"))
	require.Equal(t, "yes", from.Header.Get("X-Fixed"))
	require.Equal(t, "1", from.Header.Get("X-Added"))
	require.Equal(t, "application/xml", from.Header.Get("Content-Type"))
	require.Empty(t, from.Charset)
	require.NotEmpty(t, from.Address)

	c = httpClient(t, "http://"+l.Addr().String()+"/ITK/", ClientOptions{Headers: http.Header{"Content-Type": {`text/xml; charset="UTF-8"`}}})
	_, err = c.Do(soon(t), []byte("<a/>"), nil)
	require.NoError(t, err)
	require.Equal(t, "UTF-8", from.Charset)
	require.NotContains(t, from.Header, "CertificateCommonName")
}

func TestEndpoint(t *testing.T) {
	require.Equal(t, "http://h:1/ITK", URL("h:1", "/ITK", false))
	require.Equal(t, "https://h:1/ITK", URL("h:1", "/ITK", true))
	require.Equal(t, "https://h/ITK", URL("https://h/", "/ITK", false))
	require.Equal(t, "http://h/base/x", URL("http://h/base/x", "/ITK", true))
}

func TestHTTPNativeErrorTravelsWithItsStatus(t *testing.T) {
	w := httpWire
	w.ErrorMark = "<fault/>"
	l := listen(t, w, func(context.Context, []byte, Peer) []byte { return []byte("<fault/>") }, ListenOptions{})
	response, err := http.Post("http://"+l.Addr().String()+"/ITK", "text/xml", strings.NewReader("<a/>"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusInternalServerError, response.StatusCode)
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	http.DefaultClient.CloseIdleConnections()

	answer, err := httpClient(t, l.Addr().String(), ClientOptions{}).Do(soon(t), []byte("<a/>"), nil)
	require.NoError(t, err)
	require.Equal(t, "<fault/>", string(answer))
}

// request sends raw bytes and returns the whole of what comes back.
func request(t *testing.T, l *Listener, raw string) string {
	t.Helper()
	conn := dial(t, l)
	say(t, conn, raw)
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(all)
}

func post(headers, body string) string {
	return "POST /ITK HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n" + body
}

func TestHTTPListenerRefuses(t *testing.T) {
	var heard events
	l := listen(t, httpWire, echo, ListenOptions{Limit: 64, ProgressTimeout: 500 * time.Millisecond,
		HandshakeTimeout: 500 * time.Millisecond, Report: heard.report}) // a loaded machine takes its time
	for name, c := range map[string]struct{ sent, status, body string }{
		"as it should be": {post("Content-Length: 4\r\n", "<a/>"), "200 OK", "<echo><a/></echo>"},
		"chunked":         {post("Transfer-Encoding: chunked\r\n", "2\r\n<a\r\n2\r\n/>\r\n0\r\n\r\n"), "200 OK", "<echo><a/></echo>"},
		"empty":           {post("Content-Length: 0\r\n", ""), "200 OK", "<echo></echo>"},
		"another path":    {strings.Replace(post("Content-Length: 0\r\n", ""), "/ITK", "/", 1), "404 Not Found", ""},
		"another method":  {strings.Replace(post("", ""), "POST", "GET", 1), "405 Method Not Allowed", ""},
		"announced giant": {post("Content-Length: 100\r\n", ""), "500 Internal Server Error", "<error>too-large</error>"},
		"chunked giant":   {post("Transfer-Encoding: chunked\r\n", "80\r\n"+strings.Repeat("x", 128)+"\r\n0\r\n\r\n"), "500 Internal Server Error", "<error>too-large</error>"},
		"body stops":      {post("Content-Length: 10\r\n", "<a>"), "500 Internal Server Error", "<error>timeout</error>"},
		"compressed":      {post("Content-Encoding: gzip\r\nContent-Length: 4\r\n", "<a/>"), "500 Internal Server Error", "<error>bad-message</error>"},
		"charset in dispute": {post("Content-Type: text/xml; charset=utf-8\r\nContent-Length: 55\r\n",
			`<?xml version="1.0" encoding="ISO-8859-1"?><a>12345</a>`), "500 Internal Server Error", "<error>bad-message</error>"},
	} {
		t.Run(name, func(t *testing.T) {
			got := request(t, l, c.sent)
			require.True(t, strings.HasPrefix(got, "HTTP/1.1 "+c.status+"\r\n"), got)
			_, body, _ := strings.Cut(got, "\r\n\r\n")
			require.Equal(t, c.body, body)
		})
	}
	request(t, l, "POST /ITK HTTP/1.1\r\nHost:") // a header that never ends is cut off

	conn := dial(t, l)
	say(t, conn, post("Content-Length: 10\r\n", "<a>"))
	require.NoError(t, conn.CloseWrite())
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(all), "<error>bad-message</error>")
}

func TestHTTPListenerWithoutANativeError(t *testing.T) {
	silent := func(record.Reason) []byte { return nil }
	l := listen(t, httpWire, echo, ListenOptions{Limit: 4, Refuse: silent, ProgressTimeout: 500 * time.Millisecond})
	require.Contains(t, request(t, l, post("Content-Length: 5\r\n", "<abc>")), "HTTP/1.1 413 ")
	require.Contains(t, request(t, l, post("Content-Length: 4\r\n", "<")), "HTTP/1.1 408 ")
	require.Contains(t, request(t, l, post("Content-Encoding: br\r\nContent-Length: 4\r\n", "<a/>")), "HTTP/1.1 400 ")
}

func TestHTTPListenerBoundsRequests(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(finish) })
	l := listen(t, httpWire, func(_ context.Context, msg []byte, _ Peer) []byte {
		close(entered)
		<-finish
		return msg
	}, ListenOptions{MaxConnections: 1})
	t.Cleanup(release)
	c := httpClient(t, l.Addr().String(), ClientOptions{})
	done := make(chan error, 1)
	go func() {
		_, err := c.Do(soon(t), []byte("<a/>"), nil)
		done <- err
	}()
	<-entered
	answer, err := c.Do(soon(t), []byte("<b/>"), nil)
	require.NoError(t, err)
	require.Equal(t, "<error>busy</error>", string(answer))
	release()
	require.NoError(t, <-done)
}

func TestHTTPSilenceIsATimeout(t *testing.T) {
	l := listen(t, httpWire, func(context.Context, []byte, Peer) []byte { return nil }, ListenOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := httpClient(t, l.Addr().String(), ClientOptions{}).Do(ctx, []byte("<a/>"), nil)
	require.Equal(t, record.ReasonTimeout, reason(t, err))
}

func TestHTTPShutdownFinishesWhatIsInHand(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(finish) })
	l := listen(t, httpWire, func(_ context.Context, msg []byte, _ Peer) []byte {
		close(entered)
		<-finish
		return msg
	}, ListenOptions{})
	t.Cleanup(release)
	c := httpClient(t, l.Addr().String(), ClientOptions{})
	answered := make(chan string, 1)
	go func() {
		answer, _ := c.Do(soon(t), []byte("<a/>"), nil)
		answered <- string(answer)
	}()
	<-entered
	done := make(chan error, 1)
	go func() { done <- l.Shutdown(soon(t)) }()
	<-l.closing
	release()
	require.Equal(t, "<a/>", <-answered)
	require.NoError(t, <-done)
}

func TestHTTPAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string // everything after the status
		status string
		want   string
		reason record.Reason
	}{
		"answer":             {"Content-Length: 4\r\n\r\n<a/>", "200 OK", "<a/>", ""},
		"SOAP fault":         {"Content-Type: text/xml\r\nContent-Length: 4\r\n\r\n<f/>", "500 Oh", "<f/>", ""},
		"fault without type": {"Content-Length: 4\r\n\r\n<f/>", "400 Oh", "<f/>", ""},
		"web page":           {"Content-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>", "500 Oh", "", record.ReasonBadAnswer},
		"untyped web page":   {"Content-Length: 15\r\n\r\n<!DOCTYPE html>", "503 Oh", "", record.ReasonUnavailable},
		"gateway":            {"Content-Length: 0\r\n\r\n", "502 Oh", "", record.ReasonUnavailable},
		"gateway timeout":    {"Content-Length: 0\r\n\r\n", "504 Oh", "", record.ReasonTimeout},
		"not found":          {"Content-Length: 0\r\n\r\n", "404 Oh", "", record.ReasonUnavailable},
		"forbidden":          {"Content-Length: 0\r\n\r\n", "403 Oh", "", record.ReasonRefused},
		"too many":           {"Content-Length: 0\r\n\r\n", "429 Oh", "", record.ReasonBusy},
		"redirect":           {"Location: http://127.0.0.1:1/\r\nContent-Length: 4\r\n\r\n<a/>", "302 Oh", "", record.ReasonBadAnswer},
		"empty":              {"Content-Length: 0\r\n\r\n", "200 OK", "", record.ReasonBadAnswer},
		"cut":                {"Content-Length: 9\r\n\r\n<a/>", "200 OK", "", record.ReasonBadAnswer},
		"not HTTP":           {"", "", "", record.ReasonBadAnswer},
		"compressed":         {"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n<a/>", "200 OK", "", record.ReasonBadAnswer},
		"giant":              {"\r\n" + strings.Repeat("x", 100), "200 OK", "", record.ReasonTooLarge},
		"charset in dispute": {"Content-Type: text/xml; charset=utf-8\r\nContent-Length: 47\r\n\r\n" +
			`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "200 OK", "", record.ReasonBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			address := endpointFunc(t, func(conn *net.TCPConn) {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s\r\nConnection: close\r\n%s", c.status, c.answer)
				_ = conn.CloseWrite()
				_, _ = io.Copy(io.Discard, conn)
			})
			answer, err := httpClient(t, address, ClientOptions{Limit: 64}).Do(soon(t), []byte("<q/>"), nil)
			require.Equal(t, c.want, string(answer))
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, c.reason, reason(t, err))
		})
	}
}

func TestHTTPSendsToNobodyElse(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	t.Setenv("HTTP_PROXY", other.URL)
	moved := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer moved.Close()
	_, err := httpClient(t, moved.URL, ClientOptions{}).Do(soon(t), []byte("<q/>"), nil)
	require.Equal(t, record.ReasonBadAnswer, reason(t, err))
	require.Zero(t, elsewhere)
}

func TestCharsetComesWithTheMessage(t *testing.T) {
	pound := "<a>\xA3</a>"
	for name, c := range map[string]struct{ charset, msg, want string }{
		"none stated":             {"", pound, pound},
		"UTF-8":                   {"utf-8", "<a>£</a>", "<a>£</a>"},
		"stated, not declared":    {"windows-1252", "\n" + pound, `<?xml version="1.0" encoding="windows-1252"?>` + pound},
		"stated, declared":        {"iso-8859-1", `<?xml version="1.0" encoding="ISO-8859-1"?>` + pound, `<?xml version="1.0" encoding="ISO-8859-1"?>` + pound},
		"declared without":        {"ISO-8859-1", `<?xml version="1.0"?>` + pound, `<?xml version="1.0" encoding="iso-8859-1"?>` + pound},
		"UTF-16 without its mark": {"utf-16le", "<\x00a\x00/\x00>\x00", "\xFF\xFE<\x00a\x00/\x00>\x00"},
		"big endian":              {"utf-16be", "\x00<\x00a\x00/\x00>", "\xFE\xFF\x00<\x00a\x00/\x00>"},
		"marked":                  {"utf-8", "\xEF\xBB\xBF<a/>", "\xEF\xBB\xBF<a/>"},
		"not XML at all":          {"utf-8", "{}", "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := selfContained(t.Context(), "application/xml", c.charset, []byte(c.msg), 1<<10)
			require.NoError(t, err)
			require.Equal(t, c.want, string(got))
			if name != "not XML at all" && c.charset != "" {
				require.True(t, accepted(got))
			}
		})
	}
	for _, c := range []struct{ charset, msg string }{
		{"utf-8", pound}, {"klingon", "<a/>"}, {"utf-8", `<?xml version="1.0" encoding="windows-1252"?><a/>`},
		{"us-ascii", "\xEF\xBB\xBF<a/>"},
	} {
		_, err := selfContained(t.Context(), "application/xml", c.charset, []byte(c.msg), 1<<10)
		require.ErrorIs(t, err, errCharset)
	}
	got, err := selfContained(t.Context(), "application/json", "klingon", []byte("{}"), 1<<10)
	require.NoError(t, err)
	require.Equal(t, "{}", string(got))
}
