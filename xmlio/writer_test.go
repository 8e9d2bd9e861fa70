package xmlio

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWriter(t *testing.T) {
	w := NewWriter([]byte("head:"))
	w.Declaration()
	w.Start("p:a", "xmlns:p", "urn:a", "b", "<\"'&>\t\r\n")
	w.Element("c", "x < y && z > \"1\"\r\n\tend ]]>", "d", "")
	w.Optional("none", "", "a", "b")
	w.Optional("some", "1", "a", "b")
	w.Empty("e", "f", "é€😀")
	w.Raw([]byte("<g/>"))
	w.Element("h", "")
	w.Start("i")
	w.End()
	w.End()
	require.NoError(t, w.Err())
	require.Equal(t, `head:<?xml version="1.0" encoding="UTF-8"?>`+
		`<p:a xmlns:p="urn:a" b="&lt;&quot;'&amp;&gt;&#9;&#13;&#10;">`+
		"<c d=\"\">x &lt; y &amp;&amp; z &gt; \"1\"&#13;\n\tend ]]&gt;</c>"+
		`<some a="b">1</some><e f="é€😀"/><g/><h></h><i></i></p:a>`, string(w.Bytes()))
	require.Equal(t, 0, w.Replaced())
}

func TestWriterOneLine(t *testing.T) {
	w := NewWriter(nil)
	w.OneLine(true)
	w.Element("a", "1\n2\r\n3", "b", "4\n5")
	require.NoError(t, w.Err())
	require.Equal(t, `<a b="4&#10;5">1&#10;2&#13;&#10;3</a>`, string(w.Bytes()))
	r := open(t, string(w.Bytes()))
	require.Equal(t, "4\n5", r.Attr("b"))
	require.Equal(t, "1\n2\r\n3", r.Text())
}

func TestWriterReplaces(t *testing.T) {
	w := NewWriter(nil)
	w.Element("a", "1\x002\x1f3\xff4\uFFFE5\uFFFF6\uFFFD7\xed\xa0\x80", "b", "\x01\x7f\u0085")
	require.NoError(t, w.Err())
	require.Equal(t, 9, w.Replaced(), "a replacement character that was there is not one")
	require.Equal(t, "<a b=\"\uFFFD\x7f\u0085\">1\uFFFD2\uFFFD3\uFFFD4\uFFFD5\uFFFD6\uFFFD7\uFFFD\uFFFD\uFFFD</a>", string(w.Bytes()))
}

func TestWriterMisuse(t *testing.T) {
	for name, misuse := range map[string]func(w *Writer){
		"nothing written":     func(*Writer) {},
		"declaration only":    func(w *Writer) { w.Declaration() },
		"declaration late":    func(w *Writer) { w.Empty("a"); w.Declaration() },
		"not closed":          func(w *Writer) { w.Start("a"); w.Start("b"); w.End() },
		"closed too often":    func(w *Writer) { w.Start("a"); w.End(); w.End() },
		"two roots":           func(w *Writer) { w.Empty("a"); w.Empty("b") },
		"raw second root":     func(w *Writer) { w.Empty("a"); w.Raw([]byte("<b/>")) },
		"text outside":        func(w *Writer) { w.Text("x"); w.Empty("a") },
		"no name":             func(w *Writer) { w.Empty("") },
		"name with space":     func(w *Writer) { w.Empty("a b") },
		"name not UTF-8":      func(w *Writer) { w.Empty("a\xff") },
		"name of two colons":  func(w *Writer) { w.Empty("a:b:c") },
		"attribute name":      func(w *Writer) { w.Empty("a", "1", "x") },
		"attribute unpaired":  func(w *Writer) { w.Empty("a", "b") },
		"attribute repeated":  func(w *Writer) { w.Empty("a", "b", "1", "b", "2") },
		"one line, raw lines": func(w *Writer) { w.OneLine(true); w.Start("a"); w.Raw([]byte("<b>\n</b>")); w.End() },
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWriter(nil)
			misuse(w)
			require.Error(t, w.Err())
		})
	}
}

// carried is s as XML can carry it: what a Writer is to write of it.
func carried(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !isCharacter(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		i += size
	}
	return b.String()
}

// planned is a tree to be written and read back.
type planned struct {
	name     string
	attrs    []string
	texts    []string // one before each child and one after the last
	children []*planned
}

func (p *planned) write(w *Writer) {
	w.Start(p.name, p.attrs...)
	for i, c := range p.children {
		w.Text(p.texts[i])
		c.write(w)
	}
	w.Text(p.texts[len(p.children)])
	w.End()
}

func (p *planned) require(t require.TestingT, r *Reader) {
	require.Equal(t, p.name, r.Name().Local)
	for i := 0; i < len(p.attrs); i += 2 {
		value, ok := r.AttrOK(p.attrs[i])
		require.True(t, ok)
		require.Equal(t, carried(p.attrs[i+1]), value)
	}
	all, texts := "", []string(nil)
	for _, text := range p.texts {
		text = carried(text)
		if all += text; !blank(text) {
			texts = append(texts, text)
		}
	}
	require.Equal(t, all, r.Text())
	require.Equal(t, len(p.children) > 0, r.Mixed())
	child := 0
	for local := range r.Children("") {
		if local == textName {
			require.NotEmpty(t, texts)
			require.Equal(t, texts[0], r.Text())
			texts = texts[1:]
			continue
		}
		p.children[child].require(t, r)
		child++
	}
	require.Equal(t, len(p.children), child)
	require.Empty(t, texts)
}

func drawTree(t *rapid.T, depth int) *planned {
	names := rapid.StringMatching(`[A-Za-z_\x{C0}-\x{D6}][A-Za-z0-9._\-\x{B7}]{0,8}`)
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[<>&"'\]\r\n\t a!\-\[]{0,12}`),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	p := &planned{name: names.Draw(t, "name")}
	for _, name := range rapid.SliceOfNDistinct(names, 0, 4, rapid.ID[string]).Draw(t, "attributes") {
		if name != "xmlns" {
			p.attrs = append(p.attrs, name, text.Draw(t, "value"))
		}
	}
	if depth > 0 {
		for range rapid.IntRange(0, 4).Draw(t, "children") {
			p.texts = append(p.texts, text.Draw(t, "text"))
			p.children = append(p.children, drawTree(t, depth-1))
		}
	}
	p.texts = append(p.texts, text.Draw(t, "text"))
	return p
}

// Whatever tree is written is read back equal, as encoding/xml would read it,
// and what is read can be written raw and read again.
func TestWriterReaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawTree(t, 3)
		w := NewWriter(nil)
		w.OneLine(rapid.Bool().Draw(t, "one line"))
		if rapid.Bool().Draw(t, "declaration") {
			w.Declaration()
		}
		p.write(w)
		require.NoError(t, w.Err())
		if w.oneLine {
			require.NotContains(t, string(w.Bytes()), "\n")
		}
		r, err := Open(t.Context(), w.Bytes(), Options{})
		require.NoError(t, err)
		p.require(t, r)
		require.NoError(t, r.Close())

		again := NewWriter(nil)
		again.Raw(r.Raw())
		require.NoError(t, again.Err())
		r, err = Open(t.Context(), again.Bytes(), Options{})
		require.NoError(t, err)
		p.require(t, r)
		require.NoError(t, r.Close())
	})
}
