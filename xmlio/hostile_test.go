package xmlio

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// entityBomb would grow to 3 x 10^9 characters.
var entityBomb = func() string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE a [<!ENTITY e0 'lol'>")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "<!ENTITY e%d '%s'>", i, strings.Repeat(fmt.Sprintf("&e%d;", i-1), 10))
	}
	return b.String() + "]><a>&e9;</a>"
}()

// quadraticBomb would grow to 10^10 characters by one entity of 10^5.
var quadraticBomb = "<!DOCTYPE a [<!ENTITY b '" + strings.Repeat("b", 100_000) + "'>]><a>" + strings.Repeat("&b;", 100_000) + "</a>"

// allocated is how many bytes f allocates, be they freed again or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLimitsTenTimesOver: a document ten times over any limit is refused, and
// reading it allocates no more than four times what a document may hold, or its
// own size where that is more (threat T-18, SE-08).
func TestLimitsTenTimesOver(t *testing.T) {
	d := DefaultLimits()
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	for _, c := range []struct {
		name, doc string
		fault     Fault
	}{
		{"bytes", "<a>" + strings.Repeat("b", 10*d.Bytes) + "</a>", FaultTooLarge},
		{"bytes once decoded", "<?xml version='1.0' encoding='windows-1252'?><a>" + strings.Repeat("\x80", d.Bytes/2) + "</a>", FaultTooLarge},
		{"depth", strings.Repeat("<a>", 10*d.Depth) + strings.Repeat("</a>", 10*d.Depth), FaultLimit},
		{"depth to the size", strings.Repeat("<a>", d.Bytes/3), FaultLimit},
		{"attributes", "<a" + many(10*d.Attributes, func(i int) string { return fmt.Sprintf(" b%d=''", i) }) + "/>", FaultLimit},
		{"attributes to the size", "<a" + many(d.Bytes/16, func(i int) string { return fmt.Sprintf(" b%d=''", i) }) + "/>", FaultLimit},
		{"declarations", "<a" + many(10*d.Attributes, func(i int) string { return fmt.Sprintf(" xmlns:b%d='u'", i) }) + "/>", FaultLimit},
		{"declarations in scope", many(30, func(n int) string {
			return "<a" + many(20, func(i int) string { return fmt.Sprintf(" xmlns:b%d_%d='u'", n, i) }) + ">"
		}), FaultLimit},
		{"attribute bytes", "<a b='" + strings.Repeat("c", 10*d.AttributeBytes) + "'/>", FaultLimit},
		{"attribute bytes to the size", "<a b='" + strings.Repeat("c", d.Bytes-64) + "'/>", FaultLimit},
		{"attribute bytes by references", "<a b='" + strings.Repeat("&#xFFFD;", 10*d.AttributeBytes/3) + "'/>", FaultLimit},
		{"text bytes", "<a>" + strings.Repeat("b", d.Bytes-64) + "</a>", FaultLimit},
		{"text bytes by CDATA", "<a>" + strings.Repeat("<![CDATA[bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb]]>", d.Bytes/44-2) + "</a>", FaultLimit},
		{"text bytes between comments", "<a>" + strings.Repeat("bbbbbbbbbbbbbbbbbbbbbbbb<!---->", d.Bytes/32-2) + "</a>", FaultLimit},
		{"elements", "<a>" + strings.Repeat("<b>"+strings.Repeat("<c/>", 99)+"</b>", d.Elements/100+1) + "</a>", FaultLimit},
		{"children", "<a>" + strings.Repeat("<b/>", 9*d.Entries) + "</a>", FaultLimit},
		{"elements to the size", "<a>" + strings.Repeat("<b/>", d.Bytes/4-8) + "</a>", FaultLimit},
		{"name bytes", "<a" + strings.Repeat("b", 10*d.NameBytes) + "/>", FaultLimit},
		{"name bytes to the size", "<a" + strings.Repeat("b", d.Bytes-64) + "/>", FaultLimit},
		{"name bytes of an attribute", "<a " + strings.Repeat("b", 10*d.NameBytes) + "=''/>", FaultLimit},
		{"names of siblings", "<a>" + many(10*maxNames, func(i int) string { return fmt.Sprintf("<b%d/>", i) }) + "</a>", FaultLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			var fault Fault
			doc := []byte(c.doc)
			used := allocated(func() {
				r, err := Open(context.Background(), doc, Options{})
				if err == nil {
					err = r.Close()
				}
				fault = faultOf(err)
			})
			t.Logf("%d bytes of document, %d allocated", len(doc), used)
			require.Equal(t, c.fault, fault)
			require.LessOrEqual(t, used, 4*uint64(d.Bytes))
		})
	}
}

// TestSmallLimitsTenTimesOver: the limits a caller sets are held as the
// defaults are.
func TestSmallLimitsTenTimesOver(t *testing.T) {
	for _, c := range []struct {
		doc    string
		limits Limits
		fault  Fault
	}{
		{"<a>" + strings.Repeat("b", 10<<10) + "</a>", Limits{Bytes: 1 << 10}, FaultTooLarge},
		{strings.Repeat("<a>", 50) + strings.Repeat("</a>", 50), Limits{Depth: 5}, FaultLimit},
		{"<a b='' c='' d='' e='' f='' g='' h='' i='' j='' k=''/>", Limits{Attributes: 1}, FaultLimit},
		{"<a b='" + strings.Repeat("c", 100) + "'/>", Limits{AttributeBytes: 10}, FaultLimit},
		{"<a>" + strings.Repeat("c", 100) + "</a>", Limits{TextBytes: 10}, FaultLimit},
		{"<a>" + strings.Repeat("<b/>", 100) + "</a>", Limits{Elements: 10}, FaultLimit},
		{"<" + strings.Repeat("a", 100) + "/>", Limits{NameBytes: 10}, FaultLimit},
		{"<a>" + strings.Repeat("<b/>", 100) + "</a>", Limits{Entries: 10}, FaultLimit},
	} {
		require.Equal(t, c.fault, read(c.doc, Options{Limits: c.limits}), "%+v", c.limits)
	}
}

// TestEntriesAreBounded: those that are counted, however they are spread.
func TestEntriesAreBounded(t *testing.T) {
	group := "<d>" + strings.Repeat("<b><c>1</c></b>", 5) + "</d>"
	for _, count := range [][]EntryPath{{{Path: "**/b"}}, {{Path: "a/d/b", Child: "c"}}, {{Path: "**/b/c"}, {Path: "**/b"}}} {
		found := 10 * len(count)
		o := Options{Count: count, Limits: Limits{Entries: found}}
		require.Equal(t, Fault(""), read("<a>"+group+group+"</a>", o))
		require.Equal(t, FaultLimit, read("<a>"+group+group+"<d><b><c>1</c></b></d></a>", o))
	}
	require.Equal(t, 10_000, Limits{Bytes: 1 << 10}.withDefaults().Entries)
	require.Equal(t, 52_428, Limits{}.withDefaults().Entries)
	require.Equal(t, 419_430, Limits{Bytes: 64 << 20}.withDefaults().Entries)
}

// TestExternalEntities: nothing outside the document is ever looked at (threat
// T-16). The package imports nothing that opens a file or a socket.
func TestExternalEntities(t *testing.T) {
	n := 0
	for _, c := range malformed {
		if strings.Contains(c.doc, "SYSTEM") || strings.Contains(c.doc, "PUBLIC") {
			require.Equal(t, FaultDoctype, read(c.doc, Options{}), c.name)
			n++
		}
	}
	require.Greater(t, n, 4)

	r := open(t, `<a xmlns:xi="http://www.w3.org/2001/XInclude" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
		xsi:schemaLocation="u http://127.0.0.1:1/a.xsd" xml:base="file:///etc/"><xi:include href="hostname" parse="text"/></a>`)
	require.Equal(t, "include", r.Words(), "an element like any other")
	require.NoError(t, r.Close())

	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", ".").Output()
	require.NoError(t, err)
	require.Equal(t, "bytes context errors fmt golang.org/x/text/encoding/charmap iter slices strconv strings unicode/utf16 unicode/utf8",
		strings.TrimSpace(string(out)), "a new import must not reach files or sockets")
}

// TestEntityBomb: a bomb costs no more than its own bytes (threat T-17).
func TestEntityBomb(t *testing.T) {
	for _, bomb := range []string{entityBomb, quadraticBomb} {
		doc := []byte(bomb)
		var err error
		used := allocated(func() { _, err = Open(context.Background(), doc, Options{}) })
		require.Equal(t, FaultDoctype, faultOf(err))
		require.Less(t, used, uint64(5<<20))
	}
}

// TestParserDifferential: what two readers may understand differently is
// refused, or is told apart, and never guessed (threat T-19, hazard H-43).
func TestParserDifferential(t *testing.T) {
	for doc, fault := range map[string]Fault{
		`<allergy><drug>A</drug></allergy><allergy><drug>B</drug></allergy>`: FaultNotWellFormed,
		`<allergy drug="A" drug="B"/>`:                                       FaultNotWellFormed,
		`<a xmlns:p="u" xmlns:q="u" p:drug="A" q:drug="B"/>`:                 FaultNotWellFormed,
		`<a xmlns:p="u" xmlns:p="v" p:drug="A"/>`:                            FaultNotWellFormed,
		`<p:allergy/>`:                                            FaultNamespace,
		`<allergy/>none known`:                                    FaultNotWellFormed,
		`none known<allergy/>`:                                    FaultNotXML,
		`<allergy>am<?x y?>oxicillin</allergy>`:                   FaultNotWellFormed,
		`<allergy>&drug;</allergy>`:                               FaultNotWellFormed,
		"<allergy>\xFF</allergy>":                                 FaultCharset,
		"\uFEFF<?xml version='1.0' encoding='windows-1252'?><a/>": FaultCharset,
		`<Allergy></allergy>`:                                     FaultNotWellFormed,
	} {
		require.Equal(t, fault, read(doc, Options{}), doc)
	}

	r := open(t, "<allergy>am<!-- x -->oxi<![CDATA[cil]]>l&#105;n</allergy>")
	require.Equal(t, "amoxicillin", r.Text(), "a comment divides nothing and hides nothing")
	require.NoError(t, r.Close())

	r = open(t, `<a xmlns="ours"><dose xmlns="theirs">1</dose><dose xmlns="">2</dose><dose>3</dose><p:dose xmlns:p="ours">4</p:dose></a>`)
	var ours []string
	repeated := false
	for local := range r.Children("ours") {
		if local == "dose" {
			ours = append(ours, r.Text())
			repeated = repeated || r.Repeated()
		}
	}
	require.Equal(t, []string{"3", "4"}, ours, "a name in another namespace is another name")
	require.True(t, repeated, "and a second one is seen to be a second one")
	require.NoError(t, r.Close())
}
