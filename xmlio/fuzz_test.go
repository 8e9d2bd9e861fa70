package xmlio

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var fuzzPaths = []EntryPath{
	{Path: "a/b", Child: "c", Value: "1"},
	{Path: "**/b", Child: "c"},
	{Path: "**/b/**/b", Child: "c", Value: "*"},
	{Path: "a/**/c"},
	{Path: "**/b"},
	{Path: "**/d/**"},
}

// FuzzReader reads anything at all. What the Reader accepts encoding/xml must
// accept too, with the same names, attributes and text, and the counts must be
// those of a recount over the whole tree.
func FuzzReader(f *testing.F) {
	for _, doc := range []string{
		richDocument, richDocument + afterRoot, "\uFEFF" + richDocument,
		utf16Text("\uFEFF<a>é<b/></a>", true), utf16Text("\uFEFF<a>é<b/></a>", false),
		"<?xml version='1.0' encoding='windows-1252'?><a b='\x80'>\xE9</a>",
		"<a><b><c>1</c></b><b><c/><d><b><c>2</c></b></d></b></a>",
		"<a xmlns='u' xmlns:p='v'><p:b p:c='1' c=\"2\r\n\t\"/>x<![CDATA[]]]]>&#13;\r\n<!-- - --></a>",
		"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a>&amp;&#x10FFFF;]]&gt;</a>",
		strings.Repeat("<a>", 70), "<a b='1' b='2'/>", "<a/><a/>", "<?pi?><a/>", "<p:a/>",
	} {
		f.Add([]byte(doc), "")
	}
	for _, c := range malformed {
		f.Add([]byte(c.doc), "")
	}
	f.Add([]byte("<a>\xE9</a>"), "iso-8859-1")
	f.Add([]byte(utf16Text("<a>é</a>", false)), "utf-16le")
	f.Fuzz(func(t *testing.T, doc []byte, charset string) {
		o := Options{Charset: charset, Count: fuzzPaths, Limits: Limits{Bytes: 1 << 16}}
		r, err := Open(context.Background(), doc, o)
		if err != nil {
			require.NotEmpty(t, faultOf(err))
			return
		}
		got := tree(r)
		r.WordsAndAttributes()
		skipped, err := Open(context.Background(), doc, o)
		require.NoError(t, err)
		skipError := skipped.Close()
		if err := r.Close(); err != nil {
			require.Equal(t, err, skipError, "the fault does not depend on the way of reading")
			return
		}
		require.NoError(t, skipError)
		require.Equal(t, r.Counts(), skipped.Counts())

		want, err := parse(r.s)
		if err != nil && strings.Contains(err.Error(), "invalid XML name") {
			return // encoding/xml knows the names of an older edition of XML only
		}
		require.NoError(t, err, "encoding/xml refuses %q", r.s)
		require.Equal(t, dropBlank(want), got)
		require.Equal(t, recount(want, fuzzPaths), r.Counts())
	})
}

// FuzzWriter writes two elements; the Reader must read back what was given,
// but for the characters that XML cannot carry.
func FuzzWriter(f *testing.F) {
	f.Add("a", "text", "b", "value", false)
	f.Add("p", "<&>\r\n\t]]>\"'", "c", "<&>\r\n\t\"'", true)
	f.Add("é", "\x00\xff\uFFFE😀", "x-1", "\x01", false)
	f.Fuzz(func(t *testing.T, name, text, attribute, value string, oneLine bool) {
		w := NewWriter(nil)
		w.OneLine(oneLine)
		w.Declaration()
		w.Start("root")
		w.Text(value)
		w.Element(name, text, attribute, value)
		w.End()
		if w.Err() != nil {
			return // a name that is none
		}
		if strings.Contains(name+attribute, ":") || attribute == "xmlns" {
			return // prefixes and declarations are the caller's
		}
		limit := Limits{NameBytes: 1 << 20, AttributeBytes: 1 << 20}
		r, err := Open(context.Background(), w.Bytes(), Options{Limits: limit})
		require.NoError(t, err)
		seen := 0
		for local := range r.Children("") {
			if local == textName {
				require.Equal(t, carried(value), r.Text())
				continue
			}
			require.Equal(t, name, local)
			require.Equal(t, carried(value), r.Attr(attribute))
			require.Equal(t, carried(text), r.Text())
			require.False(t, r.Mixed())
			seen++
		}
		require.Equal(t, 1, seen)
		require.NoError(t, r.Close())
		if oneLine {
			require.NotContains(t, string(w.Bytes()), "\n")
		}
	})
}
