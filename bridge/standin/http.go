package standin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// httpRequest is a native request that is an HTTP message of its own
// (system.Wire.Head).
type httpRequest struct {
	method, path string
	fields       map[string]string // by name in lower case
	body         []byte
}

// parseHTTP reads a message that is exactly one request. It knows only what a
// system's own message has: lines that end in CRLF and are not folded, each field
// once, and a body of the length stated.
func parseHTTP(msg []byte) (httpRequest, error) {
	q := httpRequest{fields: map[string]string{}}
	head, body, found := strings.Cut(string(msg), "\r\n\r\n")
	if !found {
		return q, errors.New("the message has no end of its head")
	}
	lines := strings.Split(head, "\r\n")
	start := strings.Split(lines[0], " ")
	if len(start) != 3 || start[2] != "HTTP/1.1" {
		return q, errors.New("the message does not begin with a request line")
	}
	q.method, q.path, q.body = start[0], start[1], []byte(body)
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		name = strings.ToLower(name)
		_, twice := q.fields[name]
		switch {
		case !found || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsFunc(line, unprintable):
			return q, errors.New("a line of the head is not a field")
		case twice:
			return q, errors.New("a field of the head stands more than once")
		}
		q.fields[name] = strings.TrimSpace(value)
	}
	length, stated := 0, false
	if s, has := q.fields["content-length"]; has {
		n, err := strconv.Atoi(s)
		if err != nil || s != strconv.Itoa(n) {
			return q, errors.New("Content-Length is not a length")
		}
		length, stated = n, true
	}
	switch {
	case length > len(q.body):
		return q, errors.New("the body is shorter than stated")
	case length < len(q.body) && looksLikeRequest(q.body[length:]):
		return q, errors.New("more than one request in one call")
	case length < len(q.body) && stated:
		return q, errors.New("the body is longer than stated")
	case length < len(q.body):
		return q, errors.New("Content-Length is missing")
	}
	return q, nil
}

// unprintable reports what is not ASCII that shows, a space or a tab.
func unprintable(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }

func looksLikeRequest(b []byte) bool {
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	return bytes.HasSuffix(line, []byte(" HTTP/1.1"))
}

// httpAnswer writes an answer: fields are names and values by turns, one without
// a value is left out.
func httpAnswer(status int, body []byte, fields ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	for pair := range slices.Chunk(fields, 2) {
		if pair[1] != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", pair[0], pair[1])
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	return b.Bytes()
}

// filedAnswer is an answer as a file has it.
type filedAnswer struct {
	status int
	kind   string // Content-Type
	body   []byte
}

// filedAnswers are the answers a file holds one after the other. It is empty for
// a file that does not begin with one.
func filedAnswers(file string, data []byte) ([]filedAnswer, error) {
	if !bytes.HasPrefix(data, []byte("HTTP/1.1 ")) {
		return nil, nil
	}
	var all []filedAnswer
	in := bufio.NewReader(bytes.NewReader(data))
	for {
		if space, err := in.Peek(1); err == io.EOF {
			return all, nil
		} else if err == nil && strings.Contains(" \r\n", string(space)) {
			_, _ = in.Discard(1) // what an editor leaves between them
			continue
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: answer %d: %w", file, len(all)+1, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.ContentLength < 0 {
			return nil, fmt.Errorf("%s: answer %d is not as long as it states", file, len(all)+1)
		}
		all = append(all, filedAnswer{response.StatusCode, response.Header.Get("Content-Type"), body})
	}
}

// half is the first half of an answer; of an HTTP message half of its body, with
// the length that is left, for its head is read before it.
func half(answer []byte) []byte {
	head, body, found := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !found || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return answer[:len(answer)/2]
	}
	body = body[:len(body)/2]
	head = head[:bytes.LastIndex(head, []byte(" "))+1] // Content-Length is the last field
	return slices.Concat(head, []byte(strconv.Itoa(len(body))+"\r\n\r\n"), body)
}
