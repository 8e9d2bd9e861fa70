package xmlio

import (
	"context"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// utf16Text encodes s.
func utf16Text(s string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

func TestCharsets(t *testing.T) {
	prolog := func(charset string) string { return `<?xml version="1.0" encoding="` + charset + `"?>` }
	for _, c := range []struct {
		name, doc, transport string
		text                 string // "" when refused
		fault                Fault
	}{
		{"nothing stated", "<a>é€</a>", "", "é€", ""},
		{"UTF-8 declared", prolog("utf-8") + "<a>é</a>", "", "é", ""},
		{"UTF-8 everywhere", "\uFEFF" + prolog("UTF-8") + "<a>é</a>", "utf-8", "é", ""},
		{"US-ASCII", prolog("US-ASCII") + "<a>e&#xE9;</a>", "", "eé", ""},
		{"US-ASCII with more", prolog("US-ASCII") + "<a>é</a>", "", "", FaultCharset},
		{"ISO-8859-1", prolog("ISO-8859-1") + "<a>\xE9\x80\xFF</a>", "", "é\u0080ÿ", ""},
		{"ISO-8859-1, plain", prolog("iso-8859-1") + "<a>e</a>", "", "e", ""},
		{"windows-1252", prolog("Windows-1252") + "<a>\xE9\x80\x9F\xFF</a>", "", "é€Ÿÿ", ""},
		{"windows-1252 undefined", prolog("windows-1252") + "<a>\x81</a>", "", "", FaultCharset},
		{"transport alone", "<a>\xE9\x80</a>", "windows-1252", "é€", ""},
		{"transport and bare declaration", `<?xml version="1.0"?><a>` + "\xE9</a>", "ISO-8859-1", "é", ""},
		{"transport agrees", prolog("cp1252") + "<a>\x80</a>", " WINDOWS-1252 ", "€", ""},
		{"UTF-16LE by mark", utf16Text("\uFEFF<a>é€😀</a>", false), "", "é€😀", ""},
		{"UTF-16BE by mark", utf16Text("\uFEFF<a>é€😀</a>", true), "", "é€😀", ""},
		{"UTF-16 by mark and declaration", utf16Text("\uFEFF"+prolog("UTF-16")+"<a>é</a>", true), "utf-16", "é", ""},
		{"UTF-16LE by mark and declaration", utf16Text("\uFEFF"+prolog("UTF-16LE")+"<a>é</a>", false), "", "é", ""},
		{"UTF-16LE declared", utf16Text(prolog("UTF-16LE")+"<a>é</a>", false), "", "é", ""},
		{"UTF-16BE declared", utf16Text(prolog("UTF-16BE")+"<a>é</a>", true), "", "é", ""},
		{"UTF-16BE by transport", utf16Text("<a>é</a>", true), "utf-16be", "é", ""},
		{"UTF-16LE by transport, space first", utf16Text(" <a>é</a>", false), "utf-16le", "é", ""},
		{"UTF-16 without mark", utf16Text(prolog("UTF-16")+"<a/>", false), "", "", FaultCharset},
		{"UTF-16 unstated", utf16Text("<a/>", false), "", "", FaultCharset},
		{"UTF-16 by transport without mark", utf16Text("<a/>", true), "utf-16", "", FaultCharset},
		{"UTF-16 declared, mark of the other", utf16Text("\uFEFF"+prolog("UTF-16BE")+"<a/>", false), "", "", FaultCharset},
		{"UTF-16 declared in ASCII", prolog("UTF-16") + "<a/>", "", "", FaultCharset},
		{"UTF-16 stated twice, in ASCII", prolog("UTF-16LE") + "<a/>", "utf-16", "", FaultCharset},
		{"UTF-16 declared in UTF-16, unknown", utf16Text("\uFEFF"+prolog("UCS-2")+"<a/>", false), "", "", FaultCharset},
		{"UTF-16 lone surrogate", "\xFF\xFE<\x00a\x00>\x00\x00\xD8<\x00/\x00a\x00>\x00", "", "", FaultCharset},
		{"UTF-16 low surrogate first", "\xFF\xFE<\x00a\x00>\x00\x00\xDC\x00\xD8<\x00/\x00a\x00>\x00", "", "", FaultCharset},
		{"UTF-16 odd", utf16Text("\uFEFF<a/>", false) + "\x20", "", "", FaultTruncated},
		{"UTF-16 empty", utf16Text("\uFEFF \n", false), "", "", FaultEmpty},
		{"UTF-16 text", utf16Text("\uFEFFhello", false), "", "", FaultNotXML},
		{"UTF-8 mark, UTF-16 declared", "\uFEFF" + prolog("UTF-16") + "<a/>", "", "", FaultCharset},
		{"UTF-8 mark, latin declared", "\uFEFF" + prolog("ISO-8859-1") + "<a/>", "", "", FaultCharset},
		{"UTF-8 mark, latin transport", "\uFEFF<a/>", "ISO-8859-1", "", FaultCharset},
		{"UTF-16 mark, UTF-8 declared", utf16Text("\uFEFF"+prolog("UTF-8")+"<a/>", false), "", "", FaultCharset},
		{"UTF-16 mark, UTF-8 transport", utf16Text("\uFEFF<a/>", false), "utf-8", "", FaultCharset},
		{"declared and transport", prolog("ISO-8859-1") + "<a/>", "utf-8", "", FaultCharset},
		{"ASCII and UTF-8", prolog("US-ASCII") + "<a/>", "utf-8", "", FaultCharset},
		{"unknown declared", prolog("ISO-8859-15") + "<a/>", "", "", FaultCharset},
		{"unknown transport", "<a/>", "koi8-r", "", FaultCharset},
		{"UTF-7", prolog("UTF-7") + "<a/>", "", "", FaultCharset},
		{"UTF-32", "\xFF\xFE\x00\x00<\x00\x00\x00", "", "", FaultCharset},
		{"UTF-32 without mark", "\x00\x00\x00<\x00\x00\x00a", "", "", FaultCharset},
		{"EBCDIC", "\x4C\x6F\xA7\x94\x93", "", "", FaultCharset},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Open(context.Background(), []byte(c.doc), Options{Charset: c.transport})
			require.Equal(t, c.fault, faultOf(err))
			if c.fault == "" {
				require.Equal(t, c.text, r.Text())
				require.NoError(t, r.Close())
			}
		})
	}
}

// A document may grow when it is decoded; the limit holds again then.
func TestDecodedSizeIsLimited(t *testing.T) {
	limits := Limits{Bytes: 100}
	for name, doc := range map[string]string{
		"windows-1252": `<?xml version="1.0" encoding="windows-1252"?><a>` + strings.Repeat("\x80", 40) + "</a>",
		"ISO-8859-1":   `<?xml version="1.0" encoding="ISO-8859-1"?><a>` + strings.Repeat("\xE9", 48) + "</a>",
		"UTF-16":       utf16Text("\uFEFF<a>"+strings.Repeat("€", 40)+"</a>", false),
	} {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(doc), limits.Bytes)
			require.Equal(t, FaultTooLarge, read(doc, Options{Limits: limits}))
			require.Equal(t, Fault(""), read(doc, Options{}))
		})
	}
}
