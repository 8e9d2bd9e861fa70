package xmlio

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChildren(t *testing.T) {
	r := open(t, `<a xmlns="u" xmlns:p="v">
		<b>1</b><p:b>2</p:b><!-- c -->loose <![CDATA[words]]><c xmlns=""/>&#32;
		<d><e><f>3</f></e>4</d><![CDATA[ ]]>
	</a>`)
	require.Equal(t, Name{"u", "a"}, r.Name())
	var seen []string
	for local := range r.Children("u") {
		seen = append(seen, local+"="+r.Name().Space+"|"+r.Name().Local+"="+r.Words())
	}
	require.Equal(t, []string{"b=u|b=1", "=v|b=2", "#text=|#text=loose words", "=|c=", "d=u|d=e: f: 3; 4"}, seen)
	require.Equal(t, Name{"u", "a"}, r.Name(), "back on the parent")
	require.NoError(t, r.Close())
}

func TestChildrenNest(t *testing.T) {
	r := open(t, `<a><b id="1"><c>x</c><d/></b><b id="2"><c>y</c></b><e><f/></e></a>`)
	var seen []string
	for range r.Children("") {
		for range r.Children("") {
			id, text := r.Attr("id"), r.Text()
			seen = append(seen, r.Path()+"="+text+id)
		}
		seen = append(seen, r.Name().Local+r.Attr("id"))
		for range r.Children("") {
			seen = append(seen, "again "+r.Path())
		}
	}
	require.Equal(t, []string{
		"a/b/c=x", "a/b/d=", "b1", "again a/b/c", "again a/b/d",
		"a/b[2]/c=y", "b2", "again a/b[2]/c",
		"a/e/f=", "e", "again a/e/f",
	}, seen)
	require.NoError(t, r.Close())
}

func TestBreak(t *testing.T) {
	const doc = `<a><b><c/><d>1</d><d>2</d></b><e/></a>`
	r := open(t, doc)
	var seen []string
	for range r.Children("") {
		seen = append(seen, r.Path())
		for range r.Children("") {
			seen = append(seen, r.Path())
			break
		}
	}
	require.Equal(t, []string{"a/b", "a/b/c", "a/e"}, seen)
	require.NoError(t, r.Close())

	t.Run("the rest is checked", func(t *testing.T) {
		r := open(t, `<a><b/><c>&name;</c></a>`)
		for range r.Children("") {
			break
		}
		require.Equal(t, FaultNotWellFormed, faultOf(r.Err()))
	})
	t.Run("the rest is counted", func(t *testing.T) {
		r, err := Open(context.Background(), []byte(doc), Options{Count: []EntryPath{{Path: "a/b/d"}}})
		require.NoError(t, err)
		for range r.Children("") {
			break
		}
		require.NoError(t, r.Close())
		require.Equal(t, []int{2}, r.Counts())
	})
	t.Run("return out of nested loops", func(t *testing.T) {
		r := open(t, doc)
		func() {
			for range r.Children("") {
				for range r.Children("") {
					return
				}
			}
		}()
		require.Equal(t, "a", r.Path())
		require.NoError(t, r.Close())
	})
}

func TestCloseInsideALoop(t *testing.T) {
	r := open(t, `<a><b><c/></b><b/></a>`)
	rounds := 0
	for range r.Children("") {
		for range r.Children("") {
			rounds++
			require.NoError(t, r.Close())
		}
	}
	require.Equal(t, 1, rounds)
	require.Equal(t, "a", r.Path())
	require.NoError(t, r.Close())
}

func TestFaultEndsAllLoops(t *testing.T) {
	r := open(t, `<a><b><c>1</c><c>&bad;</c><c>3</c></b><b/></a>`)
	var seen []string
	for range r.Children("") {
		for range r.Children("") {
			seen = append(seen, r.Text())
		}
	}
	require.Equal(t, []string{"1", ""}, seen)
	require.Equal(t, FaultNotWellFormed, faultOf(r.Err()))
	require.Equal(t, "", r.Words())
	require.Nil(t, r.Raw())
	r.Skip()
	for range r.Children("") {
		require.Fail(t, "loop after a fault")
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name, inner, text string
		mixed             bool
	}{
		{"nothing", "", "", false},
		{"plain", "Aspirin 75mg", "Aspirin 75mg", false},
		{"space kept", " \n a\t b ", " \n a\t b ", false},
		{"line ends", "a\r\nb\rc\n\r\n\r", "a\nb\nc\n\n\n", false},
		{"line ends by reference stay", "a&#13;&#10;b", "a\r\nb", false},
		{"blank line ends", "\r\n\r\n", "\n\n", false},
		{"entities", "&lt;5 &amp; &gt;4 &quot;x&quot; &apos;y&apos;", `<5 & >4 "x" 'y'`, false},
		{"resolved once", "&amp;lt;", "&lt;", false},
		{"references", "&#181;g &#xB5;g &#x1F600;", "µg µg 😀", false},
		{"CDATA", "<![CDATA[<b>&amp;</b>]]>", "<b>&amp;</b>", false},
		{"CDATA line ends", "<![CDATA[a\r\n&amp;\rb]]>", "a\n&amp;\nb", false},
		{"CDATA and text", "a<![CDATA[ & ]]>b &amp; <![CDATA[]]>", "a & b & ", false},
		{"comment joins", "am<!-- x -->oxicillin", "amoxicillin", false},
		{"comment alone", "<!-- x -->", "", false},
		{"comment about", "<!-- x -->a<!-- y -->", "a", false},
		{"carriage return split by a comment", "a\r<!-- x -->\nb", "a\n\nb", false},
		{"mixed", "before <b>not <i/> this</b> after<c/>", "before  after", true},
		{"mixed with like text", "1<b c='/x>'>2<![CDATA[</b>]]><!-- </b> --></b>3 &lt;", "13 <", true},
		{"mixed with CDATA", "1<b/><![CDATA[<2>\r\n]]><b>x</b>&amp;", "1<2>\n&", true},
		{"children only", "<b>1</b>", "", true},
		{"bracket", "a]b]]c>", "a]b]]c>", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, "<a>"+c.inner+"</a>")
			require.Equal(t, c.text, r.Text())
			require.Equal(t, c.mixed, r.Mixed())
			require.Equal(t, c.text, r.Text(), "a second time")
			require.NoError(t, r.Close())
		})
	}
	t.Run("mixed is of the last text", func(t *testing.T) {
		r := open(t, "<a><b>1<c/></b><b>2</b></a>")
		var mixed []bool
		for range r.Children("") {
			r.Text()
			mixed = append(mixed, r.Mixed())
		}
		require.Equal(t, []bool{true, false}, mixed)
	})
}

func TestAttributes(t *testing.T) {
	r := open(t, `<a xmlns="u" xmlns:p="v" b="1 &lt; 2" p:b="x"
		c="" d="a&#10;b`+"\t\r\n\n"+`c&#9;" e='"'><f b="inner"/></a>`)
	require.Equal(t, "1 < 2", r.Attr("b"))
	require.Equal(t, "a\nb   c\t", r.Attr("d"))
	require.Equal(t, `"`, r.Attr("e"))
	require.Equal(t, "", r.Attr("xmlns"))
	value, ok := r.AttrOK("c")
	require.True(t, ok)
	require.Equal(t, "", value)
	_, ok = r.AttrOK("nothing")
	require.False(t, ok)
	for range r.Children("u") {
		require.Equal(t, "inner", r.Attr("b"))
		require.Equal(t, "", r.Attr("c"))
	}
	var all []string
	for name, value := range r.Attrs() {
		all = append(all, name.Space+"|"+name.Local+"="+value)
	}
	require.Equal(t, []string{"|b=1 < 2", "v|b=x", "|c=", "|d=a\nb   c\t", `|e="`}, all, "also after the children were read")
	for range r.Attrs() {
		break
	}
	require.NoError(t, r.Close())
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ name, doc, words, all string }{
		{"nothing", `<a/>`, "", ""},
		{"plain", "<a> Seen\n\tat&#32;home </a>", "Seen at home", "Seen at home"},
		{"children", `<a><b>1</b> <p:c xmlns:p="u">2 3</p:c></a>`, "b: 1; c: 2 3", "b: 1; c: 2 3"},
		{"nested", `<a><b><c>1</c><d>2</d></b><e>3</e></a>`, "b: c: 1; d: 2; e: 3", "b: c: 1; d: 2; e: 3"},
		{"mixed", `<a>one <b>two</b> three</a>`, "one; b: two; three", "one; b: two; three"},
		{"empty child is kept", `<a><NotGiven/><b></b><c>1</c></a>`, "NotGiven; b; c: 1", "NotGiven; b; c: 1"},
		{"comment and CDATA", `<a>am<!-- x -->oxi<![CDATA[cillin]]> 250<![CDATA[ ]]>mg</a>`, "amoxicillin 250 mg", "amoxicillin 250 mg"},
		{"no-break space stays", "<a>5\u00A0mg</a>", "5\u00A0mg", "5\u00A0mg"},
		{"attributes", `<a xmlns="u" x="1"><b y = "2 &amp; >" xmlns:p="v" p:z='"'/><c w="">3</c></a>`, "b; c: 3", `x: 1; b: y: 2 & >; z: "; c: w; 3`},
		{"empty with attribute", `<a x="1"/>`, "", "x: 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, c.doc)
			require.Equal(t, c.words, r.Words())
			require.Equal(t, c.all, r.WordsAndAttributes())
			require.NoError(t, r.Close())
		})
	}
}

func TestRepeated(t *testing.T) {
	r := open(t, `<a xmlns:p="u"><b/><c><b/></c><p:b/><b/><c/>x<d/>y</a>`)
	var repeated []string
	for range r.Children("") {
		if r.Repeated() {
			repeated = append(repeated, r.Path())
		}
		r.Skip()
	}
	require.Equal(t, []string{"a/b[2]", "a/c[2]", "a/#text[2]"}, repeated)
	require.False(t, r.Repeated())

	t.Run("beyond the tracked names", func(t *testing.T) {
		names := manyNames(200)
		r := open(t, "<a>"+names+names+"</a>")
		n := 0
		for range r.Children("") {
			require.Equal(t, n >= 200, r.Repeated(), n)
			n++
		}
		require.Equal(t, 400, n)
		require.NoError(t, r.Close())
	})
}

func TestDifferentNamesAreBounded(t *testing.T) {
	r := open(t, "<a>"+manyNames(trackedNames+maxNames)+"text</a>")
	n := 0
	for range r.Children("") {
		n++
	}
	require.Equal(t, trackedNames+maxNames, n)
	require.Equal(t, FaultLimit, faultOf(r.Err()))
	require.Equal(t, FaultLimit, read("<a>"+manyNames(trackedNames+maxNames)+"<Z/></a>", Options{}))
}

func TestRawAndScope(t *testing.T) {
	const inner = "<p:b id='1'\r\n xmlns:q=\"w\" ><c/>caf\u00E9 &amp;<!-- x --><![CDATA[y]]></p:b >"
	r := open(t, `<a xmlns="u" xmlns:p="v"> `+inner+` <d xmlns="" xmlns:p="v2"/></a>`)
	n := 0
	for range r.Children("u") {
		switch n++; n {
		case 1:
			require.Equal(t, map[string]string{"": "u", "p": "v", "q": "w"}, r.Scope())
			require.Equal(t, inner, string(r.Raw()))
			require.Equal(t, inner, string(r.Raw()), "a second time")
		case 2:
			require.Equal(t, map[string]string{"p": "v2"}, r.Scope())
			require.Equal(t, `<d xmlns="" xmlns:p="v2"/>`, string(r.Raw()))
		}
	}
	require.Equal(t, 2, n)
	require.Equal(t, map[string]string{"": "u", "p": "v"}, r.Scope())
	require.NoError(t, r.Close())

	t.Run("bytes are a copy", func(t *testing.T) {
		r := open(t, `<a>text</a>`)
		r.Raw()[3] = 'T'
		require.Equal(t, "text", r.Text())
	})
}

func TestPosition(t *testing.T) {
	r := open(t, "\uFEFF<?xml version='1.0'?>\r\n<a>\n  é<b/> x\n\n <c/></a>")
	require.Equal(t, Position{2, 1, 23}, r.Position())
	var places []Position
	for range r.Children("") {
		places = append(places, r.Position())
	}
	require.Equal(t, []Position{{2, 4, 26}, {3, 5, 31}, {3, 9, 35}, {5, 2, 40}}, places)
	require.Equal(t, Position{2, 1, 23}, r.Position(), "backwards")
	require.NoError(t, r.Close())
}

func TestReadAgain(t *testing.T) {
	r, err := Open(context.Background(), []byte(`<a><b k="1">x<c>y</c></b><b k="2"/></a>`),
		Options{Count: []EntryPath{{Path: "a/b", Child: "c"}, {Path: "a/b"}, {Path: "a/b/c"}}, Limits: Limits{Elements: 4}})
	require.NoError(t, err)
	for range 3 {
		var seen []string
		for local := range r.Children("") {
			require.Equal(t, r.Attr("k") == "2", r.Repeated())
			seen = append(seen, local, r.Text(), r.Words())
			for range r.Children("") {
				seen = append(seen, r.Path())
				break
			}
		}
		require.Equal(t, []string{"b", "x", "x; c: y", "a/b/#text", "b", "", ""}, seen)
	}
	require.NoError(t, r.Close())
	require.Equal(t, []int{1, 1, 1}, r.Counts())
	require.Equal(t, "b: x; c: y; b", r.Words(), "also after Close")
}

func TestManyPositionsCostOnePass(t *testing.T) {
	// One line of two megabytes: asking for every position must not walk back
	// to the start of the line each time.
	doc := "<a>" + strings.Repeat("<b>12</b>", 50_000) + "</a>"
	r := open(t, doc)
	n := 0
	for range r.Children("") {
		n++
		if p := r.Position(); p.Column != p.Offset+1 {
			require.Fail(t, "wrong column")
		}
	}
	require.Equal(t, 50_000, n)
	require.NoError(t, r.Close())
}
