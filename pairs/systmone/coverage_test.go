package systmone

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every field the reference lists is carried, which means that a change of it
// changes the record, or is listed in the README with its reason.
func TestCoverage(t *testing.T) {
	omitted := omissions(t)
	for _, path := range fields(t) {
		carried := false
		for _, name := range patients {
			msg := patientFile(t, name)
			changed, ok := changedAt(t, msg, path)
			if !ok {
				continue
			}
			carried = carried || !slices.Equal(strings.Split(dump(decode(t, msg)), "\n"), strings.Split(dump(decode(t, changed)), "\n"))
		}
		require.True(t, carried || omitted[path], "%s is neither carried nor listed under Omissions", path)
		delete(omitted, path)
	}
	require.Empty(t, omitted, "omissions that the list of fields does not have")
}

func fields(t *testing.T) []string {
	var paths []string
	for line := range strings.Lines(string(read(t, "coverage", "systmone-fields.txt"))) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			paths = append(paths, line)
		}
	}
	require.Greater(t, len(paths), 100)
	return paths
}

var omission = regexp.MustCompile("(?m)^- `([^`]+)`: .+")

func omissions(t *testing.T) map[string]bool {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "\n## Omissions\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	set := map[string]bool{}
	for _, m := range omission.FindAllStringSubmatch(section, -1) {
		set[m[1]] = true
	}
	return set
}

// changedAt changes the value at the first place of the path: the text or
// attribute becomes another, an empty element goes.
func changedAt(t *testing.T, msg []byte, path string) ([]byte, bool) {
	element, attribute, _ := strings.Cut(path, "@")
	element = strings.TrimSuffix(element, "/")
	d := xml.NewDecoder(bytes.NewReader(msg))
	var at []string
	for {
		from := d.InputOffset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil, false
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "ClientIntegrationResponse", "Response", "Clinical", "NonClinical":
				continue
			}
			at = append(at, token.Name.Local)
			if strings.Join(at, "/") != element {
				continue
			}
			body := d.InputOffset()
			if attribute == "" {
				require.NoError(t, d.Skip())
				return replaceBody(msg, int(from), int(body), int(d.InputOffset())), true
			}
			tag := msg[from:body]
			if i := bytes.Index(tag, []byte(" "+attribute+`="`)); i >= 0 {
				start := int(from) + i + len(attribute) + 3
				end := start + bytes.IndexByte(msg[start:], '"')
				if start < end {
					return slices.Concat(msg[:start], []byte("77"), msg[end:]), true
				}
			}
		case xml.EndElement:
			if len(at) > 0 {
				at = at[:len(at)-1]
			}
		}
	}
}

func replaceBody(msg []byte, from, body, end int) []byte {
	tail := bytes.LastIndexByte(msg[body:end], '<')
	if tail <= 0 {
		return slices.Concat(msg[:from], msg[end:])
	}
	return slices.Concat(msg[:body], []byte("77"), msg[body+tail:])
}
