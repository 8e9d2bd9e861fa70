package ehrextract

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

func message() Message {
	return Message{
		ID:   system.MessageID{ID: "11111111-2222-4333-8444-555555555555", At: time.Date(2016, 6, 1, 9, 30, 0, 0, time.UTC)},
		From: "X99003", To: "X99001", InReplyTo: "11111111-2222-4333-8444-666666666666",
	}
}

// encode writes a record as a document.
func encode(rec *record.Record, head []string) ([]byte, error) { return Encode(rec, head, message()) }

// elements counts the elements that stand for entries, by their name.
func elements(doc []byte) map[string]int {
	counts := map[string]int{}
	for _, p := range Entries() {
		name := p.Path[strings.LastIndexByte(p.Path, '/')+1:]
		if n := bytes.Count(doc, []byte("<"+name+" ")) + bytes.Count(doc, []byte("<"+name+">")); n > 0 {
			counts[name] = n
		}
	}
	return counts
}

// content is all text and every attribute value of a document, as any other
// reader of XML finds it.
func content(t require.TestingT, doc []byte) string {
	var b strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(doc)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
			b.WriteByte('\n')
		case xml.StartElement:
			for _, a := range token.Attr {
				b.WriteString(a.Value + "\n")
			}
		}
	}
}

// requireValid validates against the national schema where both it and
// xmllint are at hand, and keeps the document for scripts/schema.sh.
func requireValid(t testing.TB, doc []byte) {
	t.Helper()
	if dir := os.Getenv("LINKSPAN_WRITE_MESSAGES"); dir != "" {
		name := fmt.Sprintf("%s-%x.%s.xml", strings.ReplaceAll(t.Name(), "/", "-"), sha256.Sum256(doc), Root)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), doc, 0o600))
	}
	schema := "../../../../../shared/schemas/gp2gp/schema/RCMR_IN030000UK06.xsd"
	if _, err := os.Stat(schema); err != nil {
		return
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		return
	}
	file := filepath.Join(t.TempDir(), "extract.xml")
	require.NoError(t, os.WriteFile(file, doc, 0o600))
	out, err := exec.Command(lint, "--noout", "--nonet", "--schema", schema, file).CombinedOutput()
	if err != nil {
		require.NoError(t, err, string(out))
	}
}

// A statement has three annotations at most, and what the bridge adds stands
// behind the clinician's last text, whatever was gathered for the statement
// before it.
func TestTextsShareAnnotations(t *testing.T) {
	x := &encoder{}
	for _, c := range []struct {
		texts, lines, want []string
	}{
		{nil, nil, nil},
		{nil, []string{"y", "z"}, []string{"y\nz"}},
		{[]string{"a"}, nil, []string{"a"}},
		{[]string{"a"}, []string{"y", "z"}, []string{"a\ny\nz"}},
		{[]string{"a", "b", "c"}, []string{"z"}, []string{"a", "b", "c\nz"}},
		{[]string{"a", "b", "c", "d"}, []string{"z"}, []string{"a", "b", "c\nd\nz"}},
		{[]string{"e"}, []string{"z"}, []string{"e\nz"}},
	} {
		x.texts = append(x.texts[:0], c.texts...) // where an encoder gathers them
		var parts []string
		for i, part := range x.annotationParts(x.texts, c.lines, len(sequence)) {
			require.Len(t, parts, i)
			parts = append(parts, strings.Join(part, "\n"))
		}
		require.Equal(t, c.want, parts)
	}
}
