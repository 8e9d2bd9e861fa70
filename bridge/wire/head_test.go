package wire

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

var headWire = system.Wire{Transport: system.HTTP, ContentType: "application/xml",
	Head: []string{"NHSO-Nhs-Number", "NHSO-ODS-Code", "Content-Type", "Content-Length", "X-Request-ID"}}

const (
	getRecord = "GET /patient/my-record HTTP/1.1\r\nNHSO-Nhs-Number: 9998193036\r\nNHSO-ODS-Code: X99003\r\n\r\n"
	jsonFound = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)

// withBody is a message of a head and a body.
func withBody(head, body string) string {
	return head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func headClient(t *testing.T, addr string, o ClientOptions) *Client {
	c := NewClient(headWire, addr, o)
	t.Cleanup(c.Close)
	return c
}

// notes keeps the messages a handler was given.
type notes struct {
	mu  sync.Mutex
	all []string
}

func (n *notes) handler(answer string) Handler {
	return func(_ context.Context, msg []byte, _ Peer) []byte {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.all = append(n.all, string(msg))
		return []byte(answer)
	}
}

func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	return all
}

func TestHeadExchange(t *testing.T) {
	post := withBody("POST /gp2gp/extract?form=1 HTTP/1.1\r\nNHSO-Nhs-Number: 9998193036\r\nContent-Type: application/xml\r\n", "<a>é</a>")
	var got notes
	for name, c := range map[string]struct{ sent, received, answer, returned string }{
		"GET":  {getRecord, getRecord, jsonFound, jsonFound},
		"POST": {post, post, jsonFound, jsonFound},
		"other spelling and order": {
			"GET / HTTP/1.1\r\nnhso-ods-code:X99003  \r\nNHSO-NHS-NUMBER:\t1\r\nContent-Length: 0\r\n\r\n",
			"GET / HTTP/1.1\r\nNHSO-Nhs-Number: 1\r\nNHSO-ODS-Code: X99003\r\n\r\n", jsonFound, jsonFound},
		"a field of nobody": {strings.Replace(getRecord, "\r\n\r\n", "\r\nX-Other: 1\r\nHost: elsewhere\r\nConnection: upgrade\r\n\r\n", 1), getRecord,
			strings.Replace(jsonFound, "\r\n", "\r\nServer: x\r\n", 1), jsonFound},
		"POST of nothing": {"POST / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", jsonFound, jsonFound},
		"not found": {getRecord, getRecord, "HTTP/1.1 404 Nobody here\r\nX-Request-ID: 7\r\n\r\n",
			"HTTP/1.1 404 Not Found\r\nX-Request-ID: 7\r\nContent-Length: 0\r\n\r\n"},
		"a status of nobody": {getRecord, getRecord, strings.Replace(jsonFound, "200 OK", "599 Odd", 1), strings.Replace(jsonFound, "200 OK", "599 ", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, headWire, got.handler(c.answer), ListenOptions{})
			answer, err := headClient(t, l.Addr().String(), ClientOptions{}).Do(soon(t), []byte(c.sent), nil)
			require.NoError(t, err)
			require.Equal(t, c.returned, string(answer))
			require.Equal(t, []string{c.received}, got.take())
		})
	}
	t.Run("an address with a path of its own", func(t *testing.T) {
		l := listen(t, headWire, got.handler(jsonFound), ListenOptions{})
		c := headClient(t, "http://"+l.Addr().String()+"/base/", ClientOptions{Headers: http.Header{"X-Request-Id": {"of the site"}, "X-Site": {"1"}}})
		_, err := c.Do(soon(t), []byte(getRecord), nil)
		require.NoError(t, err)
		_, err = c.Do(soon(t), []byte(strings.Replace(getRecord, "\r\n\r\n", "\r\nX-Request-ID: 7\r\n\r\n", 1)), nil)
		require.NoError(t, err)
		all := got.take()
		require.Equal(t, strings.NewReplacer("/patient", "/base/patient", "\r\n\r\n", "\r\nX-Request-ID: of the site\r\n\r\n").Replace(getRecord), all[0])
		require.Contains(t, all[1], "X-Request-ID: 7\r\n", "the message's own")
	})
	t.Run("TLS", func(t *testing.T) {
		a := newAuthority(t)
		l := listen(t, headWire, got.handler(jsonFound), ListenOptions{TLS: a.server(t)})
		_, err := headClient(t, l.Addr().String(), ClientOptions{TLS: a.client(t, "bridge")}).Do(soon(t), []byte(getRecord), nil)
		require.NoError(t, err)
		require.Equal(t, []string{getRecord}, got.take())
	})
}

// TestHeadOnTheSocket: what is sent is what the message says, and what is
// answered is what the answer says.
func TestHeadOnTheSocket(t *testing.T) {
	sent := make(chan string, 1)
	address := endpointFunc(t, func(conn *net.TCPConn) {
		in := bufio.NewReader(conn)
		var head strings.Builder
		for line := ""; line != "\r\n"; {
			line, _ = in.ReadString('\n')
			head.WriteString(line)
		}
		sent <- head.String()
		_, _ = io.WriteString(conn, strings.Replace(jsonFound, "\r\n", "\r\nConnection: close\r\n", 1))
	})
	_, err := headClient(t, address, ClientOptions{}).Do(soon(t), []byte(getRecord), nil)
	require.NoError(t, err)
	got := <-sent
	require.True(t, strings.HasPrefix(got, "GET /patient/my-record HTTP/1.1\r\nHost: "+address+"\r\n"), got)
	require.Contains(t, got, "\r\nNHSO-Nhs-Number: 9998193036\r\n")
	require.NotContains(t, got, "Content-")
	require.NotContains(t, got, "Transfer-")

	l := listen(t, headWire, new(notes).handler(strings.Replace(jsonFound, "200 OK", "202 Accepted", 1)), ListenOptions{})
	answer := request(t, l, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.True(t, strings.HasPrefix(answer, "HTTP/1.1 202 Accepted\r\n"), answer)
	require.Contains(t, answer, "\r\nContent-Type: application/json\r\n")
	require.Contains(t, answer, "\r\nCache-Control: no-store\r\n")
	require.True(t, strings.HasSuffix(answer, "\r\n\r\n{}"), answer)
}

func TestHeadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status, answer string
		want           string
		reason         record.Reason
	}{
		"error with a head":    {"500 Oh", "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", ""},
		"partial":              {"202 Oh", "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", ""},
		"chunked":              {"200 OK", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", jsonFound, ""},
		"web page":             {"502 Oh", "Content-Type: text/html; charset=utf-8\r\nX-Request-ID: 7\r\nContent-Length: 2\r\n\r\nhi", "", record.ReasonUnavailable},
		"web page as answer":   {"200 OK", "Content-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", "", record.ReasonBadAnswer},
		"page in disguise":     {"200 OK", "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\n<HTML></HTML>", "", record.ReasonBadAnswer},
		"words of a gateway":   {"503 Oh", "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nno", "", record.ReasonUnavailable},
		"nothing of a gateway": {"504 Oh", "Content-Length: 0\r\n\r\n", "", record.ReasonTimeout},
		"no head":              {"403 Oh", "Content-Length: 2\r\n\r\n{}", "", record.ReasonRefused},
		"redirect":             {"302 Oh", "Location: http://127.0.0.1:1/\r\nX-Request-ID: 7\r\nContent-Length: 0\r\n\r\n", "", record.ReasonBadAnswer},
		"empty":                {"200 OK", "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n", "", record.ReasonBadAnswer},
		"a field twice":        {"200 OK", "Content-Type: application/json\r\nX-Request-ID: 7\r\nX-Request-ID: 8\r\nContent-Length: 2\r\n\r\n{}", "", record.ReasonBadAnswer},
		"a field of no ASCII":  {"200 OK", "Content-Type: application/json\r\nX-Request-ID: \xE9\r\nContent-Length: 2\r\n\r\n{}", "", record.ReasonBadAnswer},
		"compressed":           {"200 OK", "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "", record.ReasonBadAnswer},
		"cut":                  {"200 OK", "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{}", "", record.ReasonBadAnswer},
		"giant":                {"200 OK", "Content-Type: application/json\r\n\r\n" + strings.Repeat("x", 100), "", record.ReasonTooLarge},
		"charset in dispute": {"200 OK", "Content-Type: text/xml; charset=utf-8\r\nContent-Length: 47\r\n\r\n" +
			`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "", record.ReasonBadAnswer},
		"charset only stated": {"200 OK", "Content-Type: text/xml; charset=windows-1252\r\nContent-Length: 8\r\n\r\n<a>\xA3</a>",
			withBody("HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=windows-1252\r\n", `<?xml version="1.0" encoding="windows-1252"?>`+"<a>\xA3</a>"), ""},
		"JSON in no UTF-8": {"200 OK", "Content-Type: application/json; charset=iso-8859-1\r\nContent-Length: 2\r\n\r\n{}", "", record.ReasonBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			address := endpointFunc(t, func(conn *net.TCPConn) {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s\r\nConnection: close\r\n%s", c.status, c.answer)
				_ = conn.CloseWrite()
				_, _ = io.Copy(io.Discard, conn)
			})
			answer, err := headClient(t, address, ClientOptions{Limit: 64}).Do(soon(t), []byte(getRecord), nil)
			require.Equal(t, c.want, string(answer))
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, c.reason, reason(t, err))
		})
	}
}

// notWhole are messages that are none, for want of a request line or status line
// that may come before each.
var notWhole = map[string]string{
	"no end":              "X-Request-ID: 7\r\n",
	"line feeds":          "X-Request-ID: 7\n\n",
	"folded":              "X-Request-ID: 7\r\n 8\r\n\r\n",
	"folded by a tab":     "X-Request-ID: 7\r\n\t8\r\n\r\n",
	"folded first":        " X-Request-ID: 7\r\n\r\n",
	"space before colon":  "X-Request-ID : 7\r\n\r\n",
	"no colon":            "X-Request-ID\r\n\r\n",
	"no name":             ": 7\r\n\r\n",
	"CR in a value":       "X-Request-ID: 7\r8\r\n\r\n",
	"LF in a value":       "X-Request-ID: 7\n8\r\n\r\n",
	"NUL in a value":      "X-Request-ID: 7\x008\r\n\r\n",
	"a field twice":       "X-Request-ID: 7\r\nx-request-id: 7\r\n\r\n",
	"lengths":             "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
	"length and no body":  "Content-Length: 4\r\n\r\n",
	"body and no length":  "\r\n<a/>",
	"shorter":             "Content-Length: 4\r\n\r\n<a",
	"longer":              "Content-Length: 4\r\n\r\n<a/>GET / HTTP/1.1\r\n\r\n",
	"signed length":       "Content-Length: +4\r\n\r\n<a/>",
	"length with a zero":  "Content-Length: 04\r\n\r\n<a/>",
	"list of lengths":     "Content-Length: 4, 4\r\n\r\n<a/>",
	"chunks":              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"chunks and a length": "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n<a/>",
}

func TestHeadRefusesWhatIsNoMessage(t *testing.T) {
	starts := []string{"", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1 \r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET http://elsewhere/ HTTP/1.1\r\n\r\n",
		"GET //elsewhere/ HTTP/1.1\r\n\r\n", "GET * HTTP/1.1\r\n\r\n", "GET /#x HTTP/1.1\r\n\r\n", "GET /\x7f HTTP/1.1\r\n\r\n", "GET /\xE9 HTTP/1.1\r\n\r\n",
		"GET /\tx HTTP/1.1\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n", " GET / HTTP/1.1\r\n\r\n", "\r\nGET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 O\rK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "<a/>"}
	for _, start := range starts {
		_, err := parseHeaded([]byte(start))
		require.Error(t, err, start)
	}
	l := listen(t, headWire, new(notes).handler(jsonFound), ListenOptions{})
	c := headClient(t, l.Addr().String(), ClientOptions{})
	for name, rest := range notWhole {
		for _, start := range []string{"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n"} {
			_, err := parseHeaded([]byte(start + rest))
			require.Error(t, err, name)
		}
		_, err := c.Do(soon(t), []byte("POST / HTTP/1.1\r\n"+rest), nil)
		require.Equal(t, record.ReasonInternal, reason(t, err), name)
	}
	for _, msg := range []string{jsonFound, "GET /%zz HTTP/1.1\r\n\r\n", "GET /\"x\" HTTP/1.1\r\n\r\n"} {
		_, err := c.Do(soon(t), []byte(msg), nil)
		require.Equal(t, record.ReasonInternal, reason(t, err), msg)
	}
}

// TestHeadAnswerThatIsNoMessage: an answer that a handler got wrong never reaches
// the socket, and is told as our own fault.
func TestHeadAnswerThatIsNoMessage(t *testing.T) {
	const internal = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
	wrong := []string{"", "<a/>", getRecord, jsonFound + jsonFound, "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}"}
	for _, rest := range notWhole {
		wrong = append(wrong, "HTTP/1.1 200 OK\r\n"+rest)
	}
	for _, refuse := range []string{internal, "", "<no message/>"} {
		for _, answer := range wrong {
			var heard events
			l := listen(t, headWire, new(notes).handler(answer), ListenOptions{Report: heard.report,
				Refuse: func(record.Reason) []byte { return []byte(refuse) }})
			got := request(t, l, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
			require.True(t, strings.HasPrefix(got, "HTTP/1.1 500 Internal Server Error\r\n"), answer)
			require.Contains(t, got, "Connection: close\r\n")
			require.Equal(t, refuse == internal, strings.HasSuffix(got, "\r\n\r\n[]"), got)
			require.Equal(t, refuse != internal, strings.Contains(got, "\r\nContent-Length: 0\r\n"), got)
			require.Equal(t, []record.Reason{record.ReasonInternal}, heard.reasons())
		}
	}
}

func TestHeadListenerRefuses(t *testing.T) {
	refuse := func(r record.Reason) []byte {
		return []byte(withBody("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n", strconv.Quote(string(r))))
	}
	var got notes
	l := listen(t, headWire, got.handler(jsonFound), ListenOptions{Limit: 64, Refuse: refuse, ProgressTimeout: 500 * time.Millisecond})
	const begin = "POST /x HTTP/1.1\r\nHost: x\r\n"
	for name, c := range map[string]struct {
		sent   string
		reason record.Reason
	}{
		"a field twice":         {begin + "NHSO-Nhs-Number: 9998193036\r\nnhso-nhs-number: 9998656907\r\nContent-Length: 0\r\n\r\n", record.ReasonBadMessage},
		"a field of no ASCII":   {begin + "NHSO-ODS-Code: \xE9\r\nContent-Length: 0\r\n\r\n", record.ReasonBadMessage},
		"another server's path": {strings.Replace(begin, "/x", "http://elsewhere/x", 1) + "Content-Length: 0\r\n\r\n", record.ReasonBadMessage},
		"two slashes":           {strings.Replace(begin, "/x", "//x", 1) + "Content-Length: 0\r\n\r\n", record.ReasonBadMessage},
		"no path":               {"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", record.ReasonBadMessage},
		"compressed":            {begin + "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", record.ReasonBadMessage},
		"charset in dispute":    {withBody(begin+"Content-Type: text/xml; charset=utf-8\r\n", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`), record.ReasonBadMessage},
		"announced giant":       {begin + "Content-Length: 65\r\n\r\n", record.ReasonTooLarge},
		"chunked giant":         {begin + "Transfer-Encoding: chunked\r\n\r\n80\r\n" + strings.Repeat("x", 128) + "\r\n0\r\n\r\n", record.ReasonTooLarge},
		"body stops":            {begin + "Content-Length: 9\r\n\r\n<a", record.ReasonTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			answer := request(t, l, c.sent)
			require.True(t, strings.HasPrefix(answer, "HTTP/1.1 400 Bad Request\r\n"), answer)
			require.Contains(t, answer, "\r\nContent-Type: application/json\r\n")
			require.True(t, strings.HasSuffix(answer, "\r\n\r\n"+strconv.Quote(string(c.reason))), answer)
			require.Empty(t, got.take())
		})
	}
}

// TestHeadSmuggling: of bytes that two servers might cut differently, the handler
// is given one message or none, never the one hidden in the first's body.
func TestHeadSmuggling(t *testing.T) {
	const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
	var got notes
	l := listen(t, headWire, got.handler(jsonFound), ListenOptions{Refuse: func(record.Reason) []byte { return nil }})
	const begin = "POST /x HTTP/1.1\r\nHost: x\r\n"
	length := "Content-Length: " + strconv.Itoa(len("0\r\n\r\n"+hidden)) + "\r\n"
	for name, sent := range map[string]string{
		"length and chunks":       begin + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks and length":       begin + "Transfer-Encoding: chunked\r\n" + length + "\r\n0\r\n\r\n" + hidden,
		"chunks with a space":     begin + length + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks of another kind":  begin + length + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks twice":            begin + length + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":             begin + "Content-Length: 0\r\n" + length + "\r\n0\r\n\r\n" + hidden,
		"signed length":           begin + "Content-Length: +0\r\n\r\n" + hidden,
		"list of lengths":         begin + "Content-Length: 0, 38\r\n\r\n" + hidden,
		"negative length":         begin + "Content-Length: -1\r\n\r\n" + hidden,
		"folded length":           begin + "X: 1\r\n Content-Length: 0\r\n" + length + "\r\n0\r\n\r\n" + hidden,
		"length hidden by a CR":   begin + "X: 1\rContent-Length: 0\r\n" + length + "\r\n0\r\n\r\n" + hidden,
		"wrong chunk":             begin + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + hidden,
		"chunk of a giant length": begin + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\n\r\n" + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, l)
			say(t, conn, sent)
			require.NoError(t, conn.CloseWrite())
			_, err := io.ReadAll(conn)
			require.NoError(t, err)
			all := got.take()
			require.LessOrEqual(t, len(all), 1)
			for _, msg := range all {
				require.True(t, strings.HasPrefix(msg, "POST /x HTTP/1.1\r\n"), msg)
				m, err := parseHeaded([]byte(msg))
				require.NoError(t, err)
				require.NotContains(t, m.fields, "Transfer-Encoding")
			}
		})
	}
	// Of a folded field one line is made, in which nothing begins anew.
	request(t, l, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nNHSO-Nhs-Number: 999\r\n NHSO-ODS-Code: X99003\r\n\r\n")
	for _, msg := range got.take() {
		require.Equal(t, "GET /x HTTP/1.1\r\nNHSO-Nhs-Number: 999 NHSO-ODS-Code: X99003\r\n\r\n", msg)
	}
	// Two requests one after the other are two.
	request(t, l, getRecordFrom("x")+strings.Replace(getRecordFrom("x"), "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
	require.Equal(t, []string{getRecord, getRecord}, got.take())
}

func getRecordFrom(host string) string {
	return strings.Replace(getRecord, "\r\n", "\r\nHost: "+host+"\r\n", 1)
}

// TestHeadIsNeverSentAgain, not even a GET on a kept connection that breaks.
func TestHeadIsNeverSentAgain(t *testing.T) {
	var asked atomic.Int64
	address := endpointFunc(t, func(conn *net.TCPConn) {
		in := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_ = r.Body.Close()
			if asked.Add(1)%2 == 0 {
				return // closes without a word
			}
			_, _ = io.WriteString(conn, jsonFound)
		}
	})
	c := headClient(t, address, ClientOptions{})
	for range 3 {
		_, err := c.Do(soon(t), []byte(getRecord), nil)
		require.NoError(t, err)
		_, err = c.Do(soon(t), []byte(getRecord), nil)
		require.Equal(t, record.ReasonBadAnswer, reason(t, err))
	}
	require.EqualValues(t, 6, asked.Load())
}

// FuzzHead: what is taken for a message is written so that net/http reads the
// same in it, whole and once, and again by ourselves.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{getRecord, jsonFound, getRecord + getRecord, withBody("POST /gp2gp/extract HTTP/1.1\r\nContent-Type: text/xml\r\n", "<a/>")} {
		f.Add([]byte(seed))
	}
	for _, rest := range notWhole {
		f.Add([]byte("POST / HTTP/1.1\r\n" + rest))
		f.Add([]byte("HTTP/1.1 200 OK\r\n" + rest))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		m, err := parseHeaded(msg)
		if err != nil {
			require.Zero(t, m)
			return
		}
		written := m.bytes(headWire)
		again, err := parseHeaded(written)
		require.NoError(t, err)
		require.Equal(t, written, again.bytes(headWire))
		require.Equal(t, string(m.body), string(again.body))
		require.Equal(t, []any{m.method, m.target, m.status}, []any{again.method, again.target, again.status})
		require.LessOrEqual(t, len(again.fields), len(headWire.Head))

		in := bufio.NewReader(strings.NewReader(string(written)))
		var header http.Header
		var body io.ReadCloser
		if m.status > 0 {
			response, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			require.Equal(t, m.status, response.StatusCode)
			header, body = response.Header, response.Body
		} else {
			withHost := strings.Replace(string(written), "\r\n", "\r\nHost: x\r\n", 1)
			in = bufio.NewReader(strings.NewReader(withHost))
			r, err := http.ReadRequest(in)
			if err != nil {
				return // a path that net/url does not take; the client does not send it either
			}
			require.Equal(t, m.target, r.RequestURI)
			header, body = r.Header, r.Body
		}
		for _, name := range named(headWire) {
			require.Equal(t, m.fields.Values(name), header.Values(name))
		}
		all, err := io.ReadAll(body)
		require.NoError(t, err)
		if m.status != http.StatusNoContent && m.status != http.StatusNotModified {
			require.Equal(t, string(m.body), string(all))
			rest, err := io.ReadAll(in)
			require.NoError(t, err)
			require.Empty(t, rest)
		}
	})
}
