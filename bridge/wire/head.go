package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// Messages of a wire with system.Wire.Head are whole HTTP messages: a start
// line, header fields, and a body of the length these state. What such a message
// says is sent and received as fields of the real exchange; every other field of
// that exchange is the transport's own and stands in no message.

// What can be wrong with such a message.
var (
	errStart     = errors.New("the start line is not one of HTTP/1.1")
	errField     = errors.New("a header field is not one of HTTP/1.1")
	errTwice     = errors.New("a header field stands twice")
	errFraming   = errors.New("the body is not as long as Content-Length says")
	errHead      = errors.New("the head does not end")
	errAnswered  = errors.New("the answer is no HTTP message")
	errHeadless  = errors.New("the answer has none of the header fields that make it one of the system")
	errPage      = errors.New("the answer is a page of a web server")
	errEmptyBody = errors.New("empty answer")
)

// contentLength is written by what sends; a message has one or no body.
const contentLength = "Content-Length"

// headed is a message in its parts.
type headed struct {
	method, target string // of a request
	status         int    // of an answer
	fields         http.Header
	body           []byte
}

// parseHeaded takes apart one whole message. It is strict, for the codecs write
// what it reads: CRLF ends every line, nothing is folded, no field stands twice,
// and Content-Length is the body's length, or is missing where there is none.
// Transfer-Encoding frames nothing here and is refused.
func parseHeaded(msg []byte) (headed, error) {
	var m headed
	head, body, found := bytes.Cut(msg, []byte("\r\n\r\n"))
	if !found {
		return m, errHead
	}
	lines := strings.Split(string(head), "\r\n")
	if err := m.start(lines[0]); err != nil {
		return headed{}, err
	}
	m.fields, m.body = http.Header{}, body
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !found || !isToken(name) || !isFieldValue(value) {
			return headed{}, errField
		}
		name = http.CanonicalHeaderKey(name)
		if m.fields[name] != nil {
			return headed{}, errTwice
		}
		m.fields[name] = []string{value}
	}
	if m.fields["Transfer-Encoding"] != nil {
		return headed{}, errFraming
	}
	if length, stated := m.fields[contentLength]; stated && length[0] != strconv.Itoa(len(body)) || !stated && len(body) > 0 {
		return headed{}, errFraming
	}
	return m, nil
}

// start reads a request line or a status line.
func (m *headed) start(line string) error {
	if rest, answer := strings.CutPrefix(line, "HTTP/1.1 "); answer {
		code, phrase, _ := strings.Cut(rest, " ")
		status, err := strconv.Atoi(code)
		if err != nil || len(code) != 3 || status < 200 || !isFieldValue(phrase) {
			return errStart // 1xx is no answer yet
		}
		m.status = status
		return nil
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 || !isToken(parts[0]) || !isTarget(parts[1]) || parts[2] != "HTTP/1.1" {
		return errStart
	}
	m.method, m.target = parts[0], parts[1]
	return nil
}

// isToken reports a method or the name of a field (RFC 9110 §5.6.2).
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// isFieldValue reports what may stand after the colon. Bytes above ASCII have no
// agreed meaning there (RFC 9110 §5.5) and are refused.
func isFieldValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') })
}

// isTarget reports a path with or without a query: no other server, no fragment.
func isTarget(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' || r == '\\' })
}

// bytes writes a message with the fields that w names.
func (m headed) bytes(w system.Wire) []byte {
	var b bytes.Buffer
	if m.status > 0 {
		fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", m.status, http.StatusText(m.status)) // the phrase that came says nothing
	} else {
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", m.method, m.target)
	}
	for _, name := range named(w) {
		if m.has(name) {
			fmt.Fprintf(&b, "%s: %s\r\n", name, m.fields.Get(name))
		}
	}
	if len(m.body) > 0 || m.method != http.MethodGet {
		fmt.Fprintf(&b, "%s: %d\r\n", contentLength, len(m.body))
	}
	b.WriteString("\r\n")
	b.Write(m.body)
	return b.Bytes()
}

func (m headed) has(name string) bool { return len(m.fields.Values(name)) > 0 }

// give sets the fields that w names, as w spells them, in a header to be sent.
func (m headed) give(w system.Wire, to http.Header) {
	for _, name := range named(w) {
		if m.has(name) {
			to.Del(name)
			to[name] = m.fields.Values(name)
		}
	}
}

// named are the fields of w's messages, without Content-Length.
func named(w system.Wire) []string {
	return slices.DeleteFunc(slices.Clone(w.Head), func(name string) bool { return strings.EqualFold(name, contentLength) })
}

// only keeps of a header that came what w names. A field that came twice or
// holds what no message may is an error: nobody can say which is meant.
func only(w system.Wire, came http.Header) (http.Header, error) {
	kept := http.Header{}
	for _, name := range named(w) {
		values := came.Values(name)
		if len(values) > 1 {
			return nil, errTwice
		}
		if len(values) == 0 {
			continue
		}
		value := strings.Trim(values[0], " \t")
		if !isFieldValue(value) {
			return nil, errField
		}
		kept.Set(name, value)
	}
	return kept, nil
}

// charsetOf makes an XML body carry the charset its field states. Of any other
// kind, a charset that is not UTF-8 is one the codec cannot know of (JSON has no
// other, RFC 8259 §8.1).
func charsetOf(ctx context.Context, h http.Header, body []byte, limit int) ([]byte, error) {
	kind, stated := h.Get("Content-Type"), charset(h)
	if !strings.Contains(kind, "xml") && !slices.Contains([]string{"", "utf-8", "utf8", "us-ascii"}, strings.ToLower(stated)) {
		return nil, errCharset
	}
	return selfContained(ctx, kind, stated, body, limit)
}

// headedRequest is the HTTP request that msg says, at the client's endpoint: a
// path of the endpoint's own address goes before the message's.
func (c *Client) headedRequest(ctx context.Context, msg []byte) (*http.Request, error) {
	m, err := parseHeaded(msg)
	if err != nil || m.method == "" {
		return nil, errors.Join(errors.New("the request is no HTTP message"), err)
	}
	address := strings.TrimSuffix(c.address, "/") + m.target
	r, err := http.NewRequestWithContext(ctx, m.method, address, bytes.NewReader(m.body))
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(r.URL.RequestURI(), m.target) {
		return nil, errStart // net/url would write it differently
	}
	if m.method == http.MethodGet {
		// net/http asks again by itself when a connection fails, if it can have the
		// body again; of a GET it would need no leave.
		r.Body, r.GetBody = io.NopCloser(bytes.NewReader(m.body)), nil
	}
	c.setHeaders(r.Header)
	r.Header.Del("Content-Type") // that is the message's to say
	m.give(c.wire, r.Header)
	return r, nil
}

// headedAnswer is the message that a response and its body make. Any status is an
// answer when one of the named fields came with it; without, the status says why
// there is none, as it does of a page that a web server or gateway shows.
func (c *Client) headedAnswer(ctx context.Context, response *http.Response, body []byte) ([]byte, error) {
	fields, err := only(c.wire, response.Header)
	switch success := response.StatusCode/100 == 2; {
	case err != nil:
		return nil, fault(record.ReasonBadAnswer, err)
	case isPage(response, body):
		return nil, fault(statusReason(response.StatusCode), fmt.Errorf("HTTP status %d: %w", response.StatusCode, errPage))
	case response.StatusCode/100 == 3, len(fields) == 0:
		return nil, fault(statusReason(response.StatusCode), fmt.Errorf("HTTP status %d: %w", response.StatusCode, errHeadless))
	case success && len(bytes.TrimSpace(body)) == 0:
		return nil, fault(record.ReasonBadAnswer, errEmptyBody)
	}
	if body, err = charsetOf(ctx, response.Header, body, c.options.Limit); err != nil {
		return nil, fault(record.ReasonBadAnswer, err)
	}
	return headed{status: response.StatusCode, fields: fields, body: body}.bytes(c.wire), nil
}

// isPage tells what is made to be looked at: a web page, or a line of words that
// says why there is no answer.
func isPage(response *http.Response, body []byte) bool {
	switch kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); {
	case err == nil && (kind == "text/html" || kind == "application/xhtml+xml" || kind == "text/plain" && response.StatusCode/100 != 2):
		return true
	case err == nil && kind != "text/plain":
		return false
	}
	start := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 64)])))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// headedMessage is the message that a request and its body make. Path and method
// are part of it, so any is taken.
func (l *Listener) headedMessage(r *http.Request, body []byte) ([]byte, error) {
	fields, err := only(l.wire, r.Header)
	if err != nil {
		return nil, err
	}
	if !isToken(r.Method) || !isTarget(r.RequestURI) {
		return nil, errStart
	}
	if body, err = charsetOf(r.Context(), r.Header, body, l.options.Limit); err != nil {
		return nil, err
	}
	return headed{method: r.Method, target: r.RequestURI, fields: fields, body: body}.bytes(l.wire), nil
}

// writeHeaded answers with a message, and reports whether it is one; when it is
// not, nothing is written.
func (l *Listener) writeHeaded(w http.ResponseWriter, msg []byte) bool {
	m, err := parseHeaded(msg)
	if err != nil || m.status == 0 || len(m.body) > 0 && (m.status == http.StatusNoContent || m.status == http.StatusNotModified) {
		return false
	}
	m.give(l.wire, w.Header())
	if w.Header().Get("Content-Type") == "" {
		w.Header()["Content-Type"] = nil // net/http would guess one
	}
	l.write(w, m.status, m.body)
	return true
}
