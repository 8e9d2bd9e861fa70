package wire

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/linkspan/linkspan/xmlio"
)

var errCharset = errors.New("the message contradicts the charset its content type states")

// selfContained makes an XML message carry the charset that its content type
// stated, since a codec is given the bytes alone: where the message itself says
// nothing, a declaration or byte order mark is put before it. A message that
// contradicts the stated charset is errCharset (safety SE-08: transport, mark
// and declaration must agree). What else may be wrong with it is left for the
// codec to find.
func selfContained(ctx context.Context, contentType, charset string, msg []byte, limit int) ([]byte, error) {
	charset = strings.ToLower(strings.TrimSpace(charset))
	if charset == "" || !strings.Contains(contentType, "xml") {
		return msg, nil
	}
	_, err := xmlio.Open(ctx, msg, xmlio.Options{Charset: charset, Limits: xmlio.Limits{Bytes: limit}})
	var wrong *xmlio.Error
	if errors.As(err, &wrong) && wrong.Fault == xmlio.FaultCharset {
		return nil, errCharset
	}
	if wrong != nil || marked(msg) {
		return msg, nil
	}
	switch charset {
	case "utf-8", "utf8":
		return msg, nil
	case "utf-16le":
		return append([]byte("\xFF\xFE"), msg...), nil
	case "utf-16be":
		return append([]byte("\xFE\xFF"), msg...), nil
	}
	body := bytes.TrimLeft(msg, " \t\r\n")
	if declaration, rest, found := bytes.Cut(body, []byte("?>")); found && bytes.HasPrefix(declaration, []byte("<?xml")) {
		if bytes.Contains(declaration, []byte("encoding")) {
			return msg, nil
		}
		body = rest
	}
	return append([]byte(`<?xml version="1.0" encoding="`+charset+`"?>`), body...), nil
}

// marked reports a byte order mark.
func marked(msg []byte) bool {
	for _, m := range []string{"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF"} {
		if bytes.HasPrefix(msg, []byte(m)) {
			return true
		}
	}
	return false
}
