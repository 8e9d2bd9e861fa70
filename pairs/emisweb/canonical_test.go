package emisweb

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/xmlio"
)

// TestCanonicalForm compares our canonical form with that of xmllint, where it
// is installed: of every EWDS document in testdata, of spellings that differ
// most, and of real records where there are any. It keeps comments, which the
// form we sign leaves out.
func TestCanonicalForm(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		return
	}
	docs := map[string][]byte{
		"attributes": []byte(`<a z='1' b="2" xmlns:q="urn:q" q:y="3" xmlns:p="urn:p" p:x="4"  c = '"&#9;&#10;&lt;>'/>`),
		"prefixes":   []byte(`<n:a xmlns:n="urn:n" xmlns:unused="urn:u"><b xmlns="urn:b"><n:c/><c xmlns:n="urn:other"><n:d/></c></b><n:b/></n:a>`),
		"text":       []byte("<a xmlns='urn:a'>\r\n &amp; &#13; ]]&gt; <![CDATA[<x> & ]]>&quot;'\u00b5</a>"),
		"undeclared": []byte(`<a xmlns="urn:a"><b xmlns=""><c xmlns="urn:a"/></b></a>`),
	}
	for _, pattern := range []string{"../../testdata/*/emisweb-*.xml", "../../../shared/records/emisweb/*.xml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range found {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			docs[name] = b
		}
	}
	for name, doc := range docs {
		t.Run(filepath.Base(name), func(t *testing.T) {
			element, scope := signable(t, doc)
			ours, err := canonicalise(element, scope)
			require.NoError(t, err)
			cmd := exec.Command(xmllint, "--exc-c14n", "-")
			cmd.Stdin = bytes.NewReader(declare(element, scope))
			theirs, err := cmd.Output()
			require.NoError(t, err)
			require.True(t, bytes.Equal(theirs, ours), "xmllint's canonical form differs")

			// It is a document the guard accepts, and its own canonical form.
			r, err := xmlio.Open(context.Background(), ours, xmlio.Options{})
			require.NoError(t, err)
			require.NoError(t, r.Close())
			again, err := canonicalise(ours, nil)
			require.NoError(t, err)
			require.Equal(t, ours, again)
		})
	}
}

// signable is the EWDS document of a message, or the whole document.
func signable(t *testing.T, doc []byte) ([]byte, map[string]string) {
	t.Helper()
	r, err := xmlio.Open(context.Background(), doc, xmlio.Options{})
	require.NoError(t, err)
	var s sealed
	var find func()
	find = func() {
		if r.Name() == nameEWDS {
			s.take(r)
			return
		}
		for name := range r.Children("") {
			if name != "#text" {
				find()
			}
		}
	}
	find()
	if s.raw == nil {
		s.take(r)
	}
	require.NoError(t, r.Close())
	return s.raw, s.scope
}

// declare puts the namespaces in scope into the start tag.
func declare(element []byte, scope map[string]string) []byte {
	end := bytes.IndexAny(element, " />\t\r\n")
	var b bytes.Buffer
	b.Write(element[:end])
	for _, prefix := range slices.Sorted(maps.Keys(scope)) {
		name := strings.TrimSuffix("xmlns:"+prefix, ":")
		if !bytes.Contains(element[:bytes.IndexByte(element, '>')], []byte(name+"=")) {
			fmt.Fprintf(&b, ` %s="%s"`, name, scope[prefix])
		}
	}
	b.Write(element[end:])
	return b.Bytes()
}

// FuzzSignature: whatever document the guard accepts, its canonical form is
// refused or says the same to the guard. The two are read by different
// parsers, and a forger would look for a document they read differently.
func FuzzSignature(f *testing.F) {
	f.Add([]byte(`<n:a xmlns:n="urn:n" x="1&#10;"><b xmlns="urn:b">t&amp;<![CDATA[<x>]]>&#13;<!-- c -->u</b></n:a>`))
	f.Add([]byte("<a>\r\nµ ]]&gt;<b/> <b c='\t'>d</b></a>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		r, err := xmlio.Open(context.Background(), doc, xmlio.Options{})
		if err != nil {
			return
		}
		name, words := r.Name(), r.Words()
		var s sealed
		s.take(r)
		if r.Close() != nil {
			return
		}
		canonical, err := canonicalise(s.raw, s.scope)
		if err != nil {
			return
		}
		again, err := xmlio.Open(context.Background(), canonical, xmlio.Options{})
		require.NoError(t, err)
		require.Equal(t, name, again.Name())
		require.Equal(t, words, again.Words())
		require.NoError(t, again.Close())
	})
}
