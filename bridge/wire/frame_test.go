package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/xmlio"
)

// documents reads a whole stream and returns what was cut from it and how it
// ended.
func documents(r io.Reader, limit int) (docs []string, last string, err error) {
	s := &stream{src: r, limit: limit, before: func(bool) error { return nil }}
	for {
		doc, err := s.next()
		if err != nil {
			return docs, string(doc), err
		}
		docs = append(docs, string(doc))
	}
}

func utf16Of(s string, big bool) string {
	out := []byte{}
	for _, u := range utf16.Encode([]rune("\uFEFF" + s)) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return string(out)
}

func TestDocumentsOnAStream(t *testing.T) {
	little, big := utf16Of("<a b='>'>ĀŁ<c/></a>", false), utf16Of("<a>Ā</a>", true)
	for name, c := range map[string]struct {
		stream string
		docs   []string
		last   string
		err    error
	}{
		"nothing":                 {"", nil, "", io.EOF},
		"separators only":         {" \r\n\x00<EOF>\n<EOF>", nil, "", io.EOF},
		"newline":                 {"<a/>\n", []string{"<a/>"}, "", io.EOF},
		"no newline":              {"<a></a>", []string{"<a></a>"}, "", io.EOF},
		"CRLF":                    {"\r\n<a>\r\n</a>\r\n", []string{"<a>\r\n</a>"}, "", io.EOF},
		"EOF literal":             {"<a/><EOF><b/><EOF>", []string{"<a/>", "<b/>"}, "", io.EOF},
		"NUL":                     {"\x00<a/>\x00\x00<b/>\x00", []string{"<a/>", "<b/>"}, "", io.EOF},
		"several together":        {"<a/><b><b/></b> <c/>", []string{"<a/>", "<b><b/></b>", "<c/>"}, "", io.EOF},
		"a cut EOF literal":       {"<a/><EO", []string{"<a/>"}, "", io.EOF},
		"a root that is not it":   {"<EOFX/><EO><EOF/></EO>", []string{"<EOFX/>", "<EO><EOF/></EO>"}, "", io.EOF},
		"a root with its name":    {"<EOF >x</EOF>", []string{"<EOF >x</EOF>"}, "", io.EOF},
		"inside it is an element": {"<a><EOF></EOF></a>", []string{"<a><EOF></EOF></a>"}, "", io.EOF},
		"byte order mark":         {"\xEF\xBB\xBF<a/>\n\xEF\xBB\xBF<b/>", []string{"\xEF\xBB\xBF<a/>", "\xEF\xBB\xBF<b/>"}, "", io.EOF},
		"UTF-16":                  {little + "\n\x00" + big, []string{little, big}, "", io.EOF},
		"declaration and comment": {"<?xml version=1.0?><!-- <b> --> <a/>", []string{"<?xml version=1.0?><!-- <b> --> <a/>"}, "", io.EOF},
		"comment":                 {"<a><!-- </a> -- > - --></a>", []string{"<a><!-- </a> -- > - --></a>"}, "", io.EOF},
		"CDATA":                   {"<a><![CDATA[</a>]] >]>]]]></a>", []string{"<a><![CDATA[</a>]] >]>]]]></a>"}, "", io.EOF},
		"instruction":             {"<a><?p </a> > ?></a>", []string{"<a><?p </a> > ?></a>"}, "", io.EOF},
		"quotes":                  {`<a b="/>'" c='>"'/>`, []string{`<a b="/>'" c='>"'/>`}, "", io.EOF},
		"slash in a value":        {`<a b="/"></a>`, []string{`<a b="/"></a>`}, "", io.EOF},
		"not XML":                 {"GET / HTTP/1.1\r\n", nil, "GET / HTTP/1.1\r\n", errNotXML},
		"not XML after one":       {"<a/>\nMSH|^~", []string{"<a/>"}, "MSH|^~", errNotXML},
		"document type":           {"<!DOCTYPE a><a/>", nil, "<!DOCTYPE a><a/>", errNotXML},
		"an end first":            {"</a>", nil, "</a>", errNotXML},
		"less-than in a value":    {`<a b="<"/>`, nil, `<a b="<"/>`, errNotXML},
		"less-than in a tag":      {"<a <b/>", nil, "<a <b/>", errNotXML},
		"less-than in an end tag": {"<a></a<", nil, "<a></a<", errNotXML},
		"a wrong mark":            {"\xEF<a/>", nil, "\xEF<a/>", errNotXML},
		"CDATA outside":           {"<![CDATA[x]]>", nil, "<![CDATA[x]]>", errNotXML},
		"cut":                     {"<a><b>", nil, "<a><b>", errCut},
		"cut in a value":          {"<a/><a b='", []string{"<a/>"}, "<a b='", errCut},
		"cut in a comment":        {"<a><!-- -", nil, "<a><!-- -", errCut},
		"too large":               {"<a>" + strings.Repeat("x", 100) + "</a>", nil, "", errTooLarge},
		"too large at the limit":  {"<a>" + strings.Repeat("x", 58) + "</a>", nil, "", errTooLarge},
		"as large as the limit":   {"<a>" + strings.Repeat("x", 57) + "</a>\n", []string{"<a>" + strings.Repeat("x", 57) + "</a>"}, "", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once":      strings.NewReader(c.stream),
				"byte by byte": iotest.OneByteReader(strings.NewReader(c.stream)),
				"halves":       iotest.HalfReader(strings.NewReader(c.stream)),
				"end beside":   iotest.DataErrReader(strings.NewReader(c.stream)),
			} {
				docs, last, err := documents(r, 64)
				require.ErrorIs(t, err, c.err, how)
				require.Equal(t, c.docs, docs, how)
				if how == "at once" || !errors.Is(c.err, errNotXML) {
					require.Equal(t, c.last, last, how)
				} else {
					require.True(t, strings.HasPrefix(c.last, last), how)
				}
			}
		})
	}
}

// TestNoPrefixIsADocument cuts documents at every byte: none is ever taken for
// whole.
func TestNoPrefixIsADocument(t *testing.T) {
	for _, doc := range []string{
		`<?xml version="1.0"?><!-- c --><a b="1"><c/><![CDATA[>]]>x<?p ?></a>`,
		"\xEF\xBB\xBF<a><b>µ</b></a>",
		utf16Of("<a><b>µ</b></a>", false),
	} {
		for i := range len(doc) {
			docs, _, err := documents(strings.NewReader(doc[:i]), 1<<10)
			require.Empty(t, docs, i)
			require.Error(t, err)
		}
	}
}

// TestMemoryFollowsWhatArrives: neither the limit nor earlier documents show in
// what is kept.
func TestMemoryFollowsWhatArrives(t *testing.T) {
	s := &stream{src: strings.NewReader("<a>" + strings.Repeat("x", 1<<20) + "</a>\n<b/>\n"), limit: 8 << 20,
		before: func(bool) error { return nil }}
	_, err := s.next()
	require.NoError(t, err)
	require.Less(t, cap(s.buf), 64<<10)
	doc, err := s.next()
	require.NoError(t, err)
	require.Equal(t, "<b/>", string(doc))
}

// FuzzFrame: the frames do not depend on how the bytes arrive, and a document
// the guarded reader accepts is framed from its first byte to its root's last.
func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		"<a/>\n<b>x</b><EOF>", "\xEF\xBB\xBF<a b='>'/>\x00", "<?xml version='1.0'?><a><!--x--><![CDATA[]]></a>",
		utf16Of("<a>x</a>", true), "<a><b", "<EOF><EOF", "x", "<a\n>&lt;</a >  ",
	} {
		f.Add([]byte(seed), uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		const limit = 1 << 16
		docs, last, err := documents(bytes.NewReader(data), limit)
		cut := min(int(at), len(data))
		for _, r := range []io.Reader{
			iotest.OneByteReader(bytes.NewReader(data)),
			io.MultiReader(bytes.NewReader(data[:cut]), bytes.NewReader(data[cut:])),
		} {
			again, rest, wrong := documents(r, limit)
			require.Equal(t, docs, again)
			require.Equal(t, err, wrong)
			require.True(t, strings.HasPrefix(last, rest))
		}
		if len(data) > 1 && (data[0] == 0 || data[1] == 0) {
			return // UTF-16 without its mark is not read from a stream
		}
		if accepted(data) {
			framed := bytes.TrimLeft(data, " \t\r\n")
			require.NotEmpty(t, docs)
			require.True(t, bytes.HasPrefix(framed, []byte(docs[0])))
			require.True(t, accepted([]byte(docs[0])))
			require.False(t, accepted([]byte(docs[0][:len(docs[0])-1])))
		}
	})
}

func accepted(doc []byte) bool {
	r, err := xmlio.Open(context.Background(), doc, xmlio.Options{})
	return err == nil && r.Close() == nil
}
