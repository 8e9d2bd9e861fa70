package xmlio

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// read reads a whole document and returns its fault, "" for none.
func read(doc string, o Options) Fault {
	r, err := Open(context.Background(), []byte(doc), o)
	if err == nil {
		err = r.Close()
	}
	return faultOf(err)
}

func faultOf(err error) Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Fault
	}
	return ""
}

func open(t *testing.T, doc string) *Reader {
	t.Helper()
	r, err := Open(context.Background(), []byte(doc), Options{})
	require.NoError(t, err)
	return r
}

func TestAccepted(t *testing.T) {
	for name, doc := range map[string]string{
		"smallest":                   `<a/>`,
		"white space in tags":        "<a\n\tb = '1'\r\n c=\"2\" ></a\t>",
		"white space first":          "\r\n <a/>",
		"byte order mark":            "\uFEFF<a/>",
		"mark and declaration":       "\uFEFF<?xml version='1.0'?><a/>",
		"declaration in full":        "<?xml\tversion = \"1.0\"\n encoding='UTF-8' standalone=\"no\" ?>\n<a/>",
		"declaration and standalone": `<?xml version="1.0" standalone='yes'?><a/>`,
		"comments about":             "<!-- one --><a><!----><!-- - -></a> --></a><!-- two -->\n",
		"empty CDATA":                `<a><![CDATA[]]></a>`,
		"CDATA with brackets":        `<a><![CDATA[]]]]><![CDATA[>]]></a>`,
		"lone > and ]]":              `<a>a > b ]] ]> c</a>`,
		"predefined entities":        `<a b='&lt;&gt;&amp;&quot;&apos;'>&lt;&gt;&amp;&quot;&apos;</a>`,
		"character references":       `<a>&#9;&#x41;&#x10FFFF;&#0000000065;</a>`,
		"largest characters":         "<a>\u0085\uD7FF\uE000\uFFFD\U00010000\U0010FFFF</a>",
		"names of the fifth edition": "<\u00C0\u00B7-.1 _=''><\u0250\u203F/></\u00C0\u00B7-.1>",
		"> in an attribute":          `<a b=">"/>`,
		"the other quote":            `<a b="'" c='"'/>`,
		"default namespace undone":   `<a xmlns="u"><b xmlns=""/></a>`,
		"prefix declared after use":  `<p:a p:b="1" xmlns:p="u"/>`,
		"prefix declared anew":       `<p:a xmlns:p="u"><p:b xmlns:p="v"/></p:a>`,
		"xml prefix":                 `<a xml:lang="en" xml:space="preserve"/>`,
		"xml prefix declared":        `<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`,
		"same local, other space":    `<a xmlns:p="u" xmlns:q="v" p:b="1" q:b="2" b="3"/>`,
		"default is not for attrs":   `<a xmlns="u" xmlns:p="u" b="1" p:b="2"/>`,
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, Fault(""), read(doc, Options{}), doc)
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range malformed {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.fault, read(c.doc, Options{}), c.doc)
		})
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(" a" + strings.Repeat("b", i) + "=''")
		}
		return "<a" + b.String() + "/>"
	}
	for _, c := range []struct {
		name   string
		limits Limits
		within string
		beyond string
		fault  Fault
	}{
		{"bytes", Limits{Bytes: 10}, "<a>123</a>", "<a>1234</a>", FaultTooLarge},
		{"depth", Limits{Depth: 3}, nested(3), nested(4), FaultLimit},
		{"depth by default", Limits{}, nested(64), nested(65), FaultLimit},
		{"depth of empty elements", Limits{Depth: 2}, "<a><a/><a/></a>", "<a><a><a/></a></a>", FaultLimit},
		{"attributes", Limits{Attributes: 3}, attributes(3), attributes(4), FaultLimit},
		{"attributes by default", Limits{}, attributes(64), attributes(65), FaultLimit},
		{"attributes are declarations too", Limits{Attributes: 2}, "<a xmlns:p='u' b=''/>", "<a xmlns:p='u' xmlns='u' b=''/>", FaultLimit},
		{"attribute bytes", Limits{AttributeBytes: 3}, "<a b='1&#10;\r\n'/>", "<a b='1234'/>", FaultLimit},
		{"declaration bytes", Limits{AttributeBytes: 3}, "<a xmlns='123'/>", "<a xmlns='1234'/>", FaultLimit},
		{"text", Limits{TextBytes: 4}, "<a>1&amp;\r\n3<b>1234</b></a>", "<a>12345</a>", FaultLimit},
		{"text across comments", Limits{TextBytes: 4}, "<a>12<!-- 34 -->34</a>", "<a>123<!-- -->45</a>", FaultLimit},
		{"text across CDATA", Limits{TextBytes: 4}, "<a>12<![CDATA[34]]></a>", "<a>12<![CDATA[345]]></a>", FaultLimit},
		{"text of references", Limits{TextBytes: 3}, "<a>&#x20AC;</a>", "<a>&#x20AC;x</a>", FaultLimit},
		{"blank text", Limits{TextBytes: 3}, "<a>   </a>", "<a>    </a>", FaultLimit},
		{"elements", Limits{Elements: 3}, "<a><b/><c/></a>", "<a><b/><c/><d/></a>", FaultLimit},
		{"name", Limits{NameBytes: 7}, "<p:abcde xmlns:p='u'/>", "<p:abcdef xmlns:p='u'/>", FaultLimit},
		{"name of an attribute", Limits{NameBytes: 4}, "<a abcd=''/>", "<a abcde=''/>", FaultLimit},
		{"name by default", Limits{}, "<" + strings.Repeat("n", 256) + "/>", "<" + strings.Repeat("n", 257) + "/>", FaultLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, Fault(""), read(c.within, Options{Limits: c.limits}))
			require.Equal(t, c.fault, read(c.beyond, Options{Limits: c.limits}))
		})
	}
	t.Run("bindings in scope", func(t *testing.T) {
		doc, end := "", ""
		for i := range 8 {
			doc += "<a"
			for j := range 40 {
				doc += " xmlns:p" + string(rune('a'+i)) + strings.Repeat("x", j) + "='u'"
			}
			doc, end = doc+">", end+"</a>"
		}
		require.Equal(t, FaultLimit, read(doc+end, Options{}))
	})
	t.Run("defaults", func(t *testing.T) {
		require.Equal(t, Limits{8 << 20, 64, 64, 64 << 10, 4 << 20, 500_000, 256, 52_428, 20}, DefaultLimits())
		require.Equal(t, DefaultLimits(), Limits{Depth: -1}.withDefaults())
	})
}

// Hostile sizes cost no more than the copy of the document that is read, or
// nothing when the document is refused for its size.
func TestMemoryIsBounded(t *testing.T) {
	const mega = 1 << 20
	million := "<a>" + strings.Repeat("<b/>", 1_000_000) + "</a>"
	for _, c := range []struct {
		name   string
		doc    string
		limits Limits
		fault  Fault
		most   int
	}{
		{"million siblings refused", million, Limits{}, FaultLimit, len(million) + mega},
		{"million siblings read", million, Limits{Elements: 2_000_000, Entries: 2_000_000}, "", len(million) + mega},
		{"many names", "<a>" + manyNames(4_000) + "</a>", Limits{}, "", 2 * mega},
		{"too many names", "<a>" + manyNames(400_000) + "</a>", Limits{}, FaultLimit, 5 * mega},
		{"seven megabytes of depth", strings.Repeat("<a>", 7*mega/3), Limits{}, FaultLimit, 8 * mega},
		{"fifty megabytes of text", "<a>" + strings.Repeat("x", 50*mega) + "</a>", Limits{}, FaultTooLarge, mega},
		{"fifty megabytes of text, larger limit", "<a>" + strings.Repeat("x", 50*mega) + "</a>", Limits{Bytes: 64 * mega}, FaultLimit, 51 * mega},
		{"fifty megabytes of attribute", "<a b='" + strings.Repeat("x", 50*mega) + "'/>", Limits{Bytes: 64 * mega}, FaultLimit, 51 * mega},
		{"many attributes", "<a " + strings.Repeat("b='' ", mega) + "/>", Limits{}, FaultLimit, 7 * mega},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := []byte(c.doc)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := Open(context.Background(), doc, Options{Limits: c.limits})
			if err == nil {
				err = r.Close()
			}
			runtime.ReadMemStats(&after)
			require.Equal(t, c.fault, faultOf(err))
			require.Less(t, int(after.TotalAlloc-before.TotalAlloc), c.most)
		})
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("<n")
		for ; i > 0; i /= 26 {
			b.WriteByte(byte('a' + i%26))
		}
		b.WriteString("/>")
	}
	return b.String()
}

// A document with every construct there is, up to the end of its root, and
// what follows the root.
const (
	richDocument = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes'?>\n<!-- c-1 -->\r\n" +
		"<p:record xmlns:p=\"urn:one\" xmlns='urn:two' p:id='a&lt;b' note=\"l1\nl2&#10;'\">\r\n" +
		"  <event date = '2011' ><![CDATA[x < ]] y]]>caf\u00E9 &amp; \u20AC &#x1F600; ]] done</event >\n" +
		"  <empty/><p:caf\u00E9 /><!-- two - three -->tail ]\t</p:record>"
	afterRoot = "\n<!-- end -->\n "
)

func TestTruncatedAtEveryByte(t *testing.T) {
	for name, encode := range map[string]func(string) string{
		"UTF-8":        func(s string) string { return s },
		"UTF-8 marked": func(s string) string { return strings.Replace(s, "<?xml", "\uFEFF<?xml", 1) },
		"UTF-16LE": func(s string) string {
			return utf16Text(strings.NewReplacer("UTF-8", "UTF-16", "<?xml", "\uFEFF<?xml").Replace(s), false)
		},
		"UTF-16BE": func(s string) string { return utf16Text(strings.Replace(s, "UTF-8", "UTF-16BE", 1), true) },
		"windows-1252": func(s string) string {
			return strings.NewReplacer("UTF-8", "windows-1252", "é", "\xE9", "€", "\x80").Replace(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc := encode(richDocument)
			require.Equal(t, Fault(""), read(doc, Options{}))
			for n := range len(doc) {
				fault := read(doc[:n], Options{})
				require.NotEqual(t, Fault(""), fault, doc[:n])
				if strings.HasPrefix(name, "UTF-8") && n > 0 && doc[:n] != "\uFEFF" {
					require.Equal(t, FaultTruncated, fault, doc[:n])
				}
			}
		})
	}
	t.Run("after the root", func(t *testing.T) {
		for n := range len(afterRoot) {
			rest := afterRoot[:n]
			cut := strings.Contains(rest, "<") && !strings.Contains(rest, ">")
			require.Equal(t, cut, read(richDocument+rest, Options{}) == FaultTruncated, rest)
		}
	})
}

func TestErrorTellsWhereWithoutText(t *testing.T) {
	r := open(t, "<record>\n  <event>fine</event>\n  <event>secret &name; </event>\n</record>")
	err := r.Close()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, FaultNotWellFormed, e.Fault)
	require.Equal(t, Position{3, 18, 48}, e.Pos)
	require.Equal(t, "record/event[2]", e.Path)
	require.Equal(t, "xml not-well-formed at 3:18 in record/event[2]: reference to an undeclared entity or to no character", err.Error())
	require.Equal(t, err, r.Err())
	require.Equal(t, err, r.Close(), "the first fault stays")
}

func TestErrorTellsWhereInTheProlog(t *testing.T) {
	for doc, place := range map[string]string{
		"<?xml version='1.0' encoding='windows-1252'?>\n<a>\x80\x81</a>": "2:7",
		"\xFF\xFE<\x00a\x00>\x00\n\x00\x00\xDC<\x00":                     "2:1",
		"<a>\n\n\xE9 </a>":  "3:1",
		"\n {}":             "2:2",
		"<?xml version=1?>": "1:15",
	} {
		_, err := Open(context.Background(), []byte(doc), Options{})
		require.ErrorContains(t, err, " at "+place, doc)
	}
}

type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Open(ctx, []byte("<a/>"), Options{})
	require.Equal(t, FaultCancelled, faultOf(err))
	require.ErrorIs(t, err, context.Canceled)

	for name, middle := range map[string]string{
		"elements": strings.Repeat("<b/>", 20_000),
		"comments": strings.Repeat("<!---->", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(&countdown{context.Background(), 2}, []byte("<a>"+middle+"</a>"), Options{})
			require.NoError(t, err)
			require.Equal(t, FaultCancelled, faultOf(r.Close()))
			require.Equal(t, "", r.Text())
			require.Nil(t, r.Raw())
		})
	}
}
