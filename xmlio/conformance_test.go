package xmlio

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// suite is the folder of the W3C XML conformance suite, the one that holds
// xmlconf.xml. The suite is not ours to ship: `make conformance` fetches it.
var suite = flag.String("xmlconf", "", "folder of the W3C XML conformance suite; without it the corpus of this package is read")

// suiteTest is one entry of the suite's catalogue.
type suiteTest struct {
	id, kind, file                               string
	recommendation, version, edition, namespaces string
}

// catalogue reads the suite's flattened catalogue. xml:base says where the
// documents of a collection lie.
func catalogue(t *testing.T, dir string) (tests []suiteTest) {
	f, err := os.Open(filepath.Join(dir, "..", "cleaned", "xmlconf-flattened.xml"))
	require.NoError(t, err)
	defer f.Close()
	d := xml.NewDecoder(f)
	base := []string{dir}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			require.NotEmpty(t, tests)
			return tests
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			attr := map[string]string{}
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
			}
			here := filepath.Join(base[len(base)-1], attr["base"])
			base = append(base, here)
			if e.Name.Local == "TEST" {
				tests = append(tests, suiteTest{attr["ID"], attr["TYPE"], filepath.Join(here, attr["URI"]),
					attr["RECOMMENDATION"], attr["VERSION"], attr["EDITION"], attr["NAMESPACE"]})
			}
		case xml.EndElement:
			base = base[:len(base)-1]
		}
	}
}

// TestConformanceW3C reads every document of the suite (hazard H-43). A document
// the catalogue calls not well-formed is one that some processor of XML 1.0,
// of whatever edition, or of Namespaces must refuse.
func TestConformanceW3C(t *testing.T) {
	if *suite == "" {
		accepted := 0
		for _, c := range malformed {
			if read(c.doc, Options{}) == "" {
				accepted++
			}
		}
		t.Logf("without the suite: %d of %d documents of our own corpus accepted", accepted, len(malformed))
		require.Zero(t, accepted)
		return
	}
	var total, sun int // of documents that are not well-formed; of those, Sun's
	var accepted, acceptedSun []string
	left, whole := map[string]int{}, 0
	for _, c := range catalogue(t, *suite) {
		b, err := os.ReadFile(c.file)
		require.NoError(t, err)
		switch c.kind {
		case "not-wf":
			total++
			ofSun := strings.HasPrefix(c.file, filepath.Join(*suite, "sun"))
			if ofSun {
				sun++
			}
			switch taken := read(string(b), Options{}) == ""; {
			case taken && ofSun:
				acceptedSun = append(acceptedSun, c.id)
			case taken:
				accepted = append(accepted, c.id)
			}
		case "valid", "invalid":
			if why := readWithoutDoctype(t, c, b); why != "" {
				left[why]++
			} else {
				whole++
			}
		}
	}
	// The figure of the reference this product follows leaves Sun's collection
	// out, so both are printed.
	t.Logf("%d of %s not-well-formed documents accepted", len(accepted), thousands(total-sun))
	t.Logf("%d of %s with the collection of Sun", len(accepted)+len(acceptedSun), thousands(total))
	t.Logf("%s well-formed documents read as encoding/xml reads them, less their document type; not compared: %v", thousands(whole), left)
	require.Empty(t, accepted)
	require.Empty(t, acceptedSun)
	require.NotZero(t, total)
	require.Greater(t, whole, 300)
}

// readWithoutDoctype reads a document that the suite calls well-formed, its
// document type taken out where it has one (there is hardly a valid document
// without), and compares it with what encoding/xml reads. It returns why it is
// not one that the Reader has to read, "" when it was read.
func readWithoutDoctype(t *testing.T, c suiteTest, doc []byte) (why string) {
	s, length, wrong := decode(doc, "", 8<<20)
	switch {
	case c.version == "1.1":
		return "XML 1.1"
	case c.namespaces == "no":
		return "not of Namespaces"
	case wrong != nil && wrong.fault == FaultNotWellFormed:
		require.NotContains(t, s[:min(len(s), 40)], "1.0", c.id)
		return "another version of XML"
	case wrong != nil:
		require.Equal(t, FaultCharset, wrong.fault, c.id)
		return "encoding"
	}
	s = withoutDoctype(s[length:])
	want, err := parse(s)
	switch {
	case strings.Contains(s, "<?"):
		return "processing instruction"
	case err != nil:
		return "entity, or a name encoding/xml does not know"
	}
	r, err := Open(t.Context(), []byte(s), Options{})
	if err == nil {
		got := tree(r)
		if err = r.Close(); err == nil {
			require.Equal(t, dropBlank(want), got, c.id)
			return ""
		}
	}
	require.Equal(t, FaultNamespace, faultOf(err), c.id)
	return "not of Namespaces"
}

// withoutDoctype takes the document type out of a well-formed document.
func withoutDoctype(s string) string {
	start := strings.Index(s, "<!DOCTYPE")
	if start < 0 {
		return s
	}
	inside, i := 0, start
	skip := func(to string) { i += strings.Index(s[i+1:], to) + len(to) }
	for ; inside > 0 || s[i] != '>'; i++ {
		switch {
		case i+1 == len(s):
			return s // it stands in a comment
		case s[i] == '"' || s[i] == '\'':
			skip(s[i : i+1])
		case strings.HasPrefix(s[i:], "<!--"):
			skip("-->")
		case strings.HasPrefix(s[i:], "<?"):
			skip("?>")
		case s[i] == '[':
			inside++
		case s[i] == ']':
			inside--
		}
	}
	return s[:start] + s[i+1:]
}

// thousands writes n with a comma, as the figure is written elsewhere.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return strconv.Itoa(n/1000) + "," + strconv.Itoa(1000 + n%1000)[1:]
}
