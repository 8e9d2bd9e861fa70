package guru

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// The header fields that are part of a message: the first two are published (S
// §4.3), the others are our convention.
const (
	fieldNumber       = "NHSO-Nhs-Number"
	fieldOrganisation = "NHSO-ODS-Code"
	fieldRequest      = "X-Request-ID"
	fieldCorrelation  = "X-Correlation-ID"
	fieldType         = "Content-Type"
	fieldLength       = "Content-Length"
)

// The paths: the first two are published, the third is our convention.
const (
	pathDemographics = "/patient/demographics"
	pathMyRecord     = "/patient/my-record"
	pathExtract      = "/gp2gp/extract"
)

// part is one HTTP message: a request or a status line, fields, a body.
type part struct {
	line   string
	fields map[string]string // by name in lower case
	body   []byte
	raw    []byte
}

// maxHead bounds one head, and maxParts how many messages stand one after the
// other.
const (
	maxHead  = 16 << 10
	maxParts = 4
)

// parts takes apart HTTP messages that stand one after the other, each as long
// as its Content-Length says. It is strict, for only Linkspan's own wire writes
// them: lines end in CRLF, nothing is folded, no field stands twice.
func parts(msg []byte) ([]part, error) {
	var all []part
	for len(msg) > 0 {
		if len(all) == maxParts {
			return nil, errors.New("too many messages in one")
		}
		p, rest, err := first(msg)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", len(all)+1, err)
		}
		p.raw = msg[:len(msg)-len(rest)]
		all, msg = append(all, p), rest
	}
	if len(all) == 0 {
		return nil, errors.New("no message")
	}
	return all, nil
}

func first(msg []byte) (part, []byte, error) {
	p := part{fields: map[string]string{}}
	end := bytes.Index(msg[:min(len(msg), maxHead)], []byte("\r\n\r\n"))
	if end < 0 {
		return p, nil, errors.New("the head does not end")
	}
	lines := strings.Split(string(msg[:end]), "\r\n")
	p.line = lines[0]
	if !plainText(p.line) {
		return p, nil, errors.New("a control character in the head")
	}
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		key := strings.ToLower(name)
		_, twice := p.fields[key]
		switch {
		case !found || name == "" || strings.ContainsAny(name, " \t") || !plainText(line):
			return p, nil, errors.New("not a header field")
		case twice:
			return p, nil, errors.New("a header field stands twice")
		case key == "transfer-encoding": // two readers could find two ends
			return p, nil, errors.New("the body is framed by something other than Content-Length")
		}
		p.fields[key] = strings.Trim(value, " \t")
	}
	length := 0
	if stated, ok := p.fields[strings.ToLower(fieldLength)]; ok {
		n, err := strconv.Atoi(stated)
		if err != nil || n < 0 || strconv.Itoa(n) != stated {
			return p, nil, errors.New("Content-Length is no length")
		}
		length = n
	}
	rest := msg[end+4:]
	if length > len(rest) {
		return p, nil, errors.New("the body is cut short")
	}
	p.body = rest[:length]
	return p, rest[length:], nil
}

// plainText reports printable ASCII and blanks.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// field is a header field, "" where it is not there.
func (p part) field(name string) string { return p.fields[strings.ToLower(name)] }

// message puts the head of an HTTP message before its body, in the slice of the
// body where there is room. Fields are pairs of name and value; one without a
// value is left out, and so is what would end its line.
func message(line string, body []byte, fields ...string) []byte {
	out := append([]byte(line), "\r\n"...)
	for i := 0; i < len(fields); i += 2 {
		value := strings.Map(func(r rune) rune {
			if r < ' ' || r >= 0x7f {
				return -1
			}
			return r
		}, fields[i+1])
		if value != "" {
			out = fmt.Appendf(out, "%s: %s\r\n", fields[i], value)
		}
	}
	if len(body) > 0 {
		out = fmt.Appendf(out, "%s: %d\r\n", fieldLength, len(body))
	}
	return slices.Insert(body, 0, append(out, "\r\n"...)...)
}

// misread is an error about the head of a message.
func misread(reason record.Reason, op string, err error) error {
	return &record.Error{Reason: reason, Op: op, Position: "head", Err: err}
}
