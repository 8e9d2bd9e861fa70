package openhr

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// node is an element of a document a test changes.
type node struct {
	name     string
	attrs    []xml.Attr
	text     string
	children []*node
}

func parseTree(t *testing.T, doc []byte) *node {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	top := &node{}
	stack := []*node{top}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return top.children[0]
		}
		require.NoError(t, err)
		parent := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attrs: token.Copy().Attr}
			parent.children = append(parent.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			parent.text += string(token)
		}
	}
}

func (n *node) write(b *bytes.Buffer) {
	b.WriteString("<" + n.name)
	for _, a := range n.attrs {
		b.WriteString(" " + a.Name.Local + `="`)
		_ = xml.EscapeText(b, []byte(a.Value))
		b.WriteString(`"`)
	}
	b.WriteString(">")
	if len(n.children) == 0 {
		_ = xml.EscapeText(b, []byte(n.text))
	}
	for _, c := range n.children {
		c.write(b)
	}
	b.WriteString("</" + n.name + ">")
}

// at finds the element where a path leads furthest, and how far that is.
func (n *node) at(path []string) (*node, int) {
	best, far := n, 0
	if len(path) == 0 {
		return n, 0
	}
	for _, c := range n.children {
		if c.name != path[0] {
			continue
		}
		if found, deep := c.at(path[1:]); deep+1 > far {
			best, far = found, deep+1
		}
	}
	return best, far
}

// put sets the text or attribute a path names and returns how to undo it.
func (n *node) put(path []string, value string) func() {
	attribute := ""
	if last := path[len(path)-1]; strings.HasPrefix(last, "@") {
		attribute, path = last[1:], path[:len(path)-1]
	}
	at, far := n.at(path)
	undo := func() {}
	if far < len(path) {
		parent, count := at, len(at.children)
		undo = func() { parent.children = parent.children[:count] }
		for _, name := range path[far:] {
			c := &node{name: name}
			at.children = append(at.children, c)
			at = c
		}
	}
	old := *at
	if attribute == "" {
		at.text, at.children = value, nil
		if len(path) > 0 && (path[len(path)-1] == "qualifier" || path[len(path)-1] == "translation") {
			at.children = codeTree(path[len(path)-1], value).children
			at.attrs = codeTree(path[len(path)-1], value).attrs
		}
	} else {
		at.attrs = nil
		set := false
		for _, a := range old.attrs {
			if a.Name.Local == attribute {
				a.Value, set = value, true
			}
			at.attrs = append(at.attrs, a)
		}
		if !set {
			at.attrs = append(at.attrs, xml.Attr{Name: xml.Name{Local: attribute}, Value: value})
		}
		if far < len(path) && attribute == "datepart" { // a precision says nothing without a date
			at.attrs = append(at.attrs, xml.Attr{Name: xml.Name{Local: "value"}, Value: "2015-01-02T00:00:00"})
		}
	}
	restored := at
	return func() { *restored = old; undo() }
}

// codeTree is a whole qualifier or translation: where the list of paths is cut
// the element stands for all that is in it.
func codeTree(name, value string) *node {
	attrs := []xml.Attr{{Name: xml.Name{Local: "codeSystem"}, Value: systemUnknown}, {Name: xml.Name{Local: "displayName"}, Value: value}}
	if name == "translation" {
		return &node{name: name, attrs: attrs}
	}
	return &node{name: name, children: []*node{{name: "name", attrs: attrs}, {name: "value", attrs: attrs}}}
}

// markers are values of every type of the schema: words, number, date, time,
// flag, identifiers of the synthetic patient's document, and members of its
// lists.
func markers() []string {
	return []string{"zqmarker", "7391", "1973-04-05", "1973-04-05T06:07:08", "true", "false",
		"990000d1-9990-4000-8000-000000000002", "9900000f-9990-4000-8000-000000000002", "990000aa-9990-4000-8000-000000000002",
		"990100ee-9990-4000-8000-000000000036", "99000010-9990-4000-8000-000000000002", "delete", "2", "M", "S", "A", "P", "T", "D", "IN", "PR", "OUT", "Y",
		"FIRST", "PATH", "RAD", "COMB", "IND", "ASS", "FOL", "ERR", "FH", "REG", "TMP", "SF", "HV", "G20", systemMultilex, "RSC"}
}

// flatten walks a record by reflection. Content kept only because nobody knows
// it, or because it is faulty, is left out: it does not count as carried.
func flatten(v reflect.Value, seen map[uintptr]bool, b *strings.Builder) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			b.WriteString("^")
			return
		}
		seen[v.Pointer()] = true
		flatten(v.Elem(), seen, b)
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[record.Text]():
			if v.Field(0).String() == unrecognised {
				return
			}
		case reflect.TypeFor[record.Qualifier]():
			if v.Field(0).String() == unrecognised || strings.Contains(v.Field(1).String(), "as recorded") {
				return
			}
		}
		if v.Type() == reflect.TypeFor[record.Entry]() && v.FieldByName("Kind").Uint() == uint64(record.KindUnrecognised) {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "At" {
				flatten(v.Field(i), seen, b)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			flatten(v.Index(i), seen, b)
		}
	case reflect.String:
		if !strings.Contains(v.String(), "as recorded") {
			b.WriteString(v.String() + "\n")
		}
	case reflect.Bool:
		if v.Bool() {
			b.WriteString("yes\n")
		} else {
			b.WriteString("no\n")
		}
	case reflect.Uint8:
		b.WriteByte('a' + byte(v.Uint()))
	}
}

// carriedIn is what a document's record holds, "" for one that is refused.
func carriedIn(tree *node) string {
	var doc bytes.Buffer
	tree.write(&doc)
	rec, err := decode(doc.Bytes())
	if err != nil {
		return ""
	}
	var b strings.Builder
	flatten(reflect.ValueOf(rec.Source), map[uintptr]bool{}, &b)
	flatten(reflect.ValueOf(rec.Patient), map[uintptr]bool{}, &b)
	flatten(reflect.ValueOf(rec.Entries), map[uintptr]bool{}, &b)
	flatten(reflect.ValueOf(rec.Warnings), map[uintptr]bool{}, &b)
	settled(rec)
	for _, s := range record.Sections() {
		b.WriteString(rec.State(s).String())
		for _, f := range rec.Faults(s) {
			b.WriteString(f.Why)
		}
	}
	return b.String()
}

// omitted reads the omissions of the README: one path a line, with its reason.
func omitted(t *testing.T) []string {
	t.Helper()
	_, after, found := strings.Cut(string(read(t, "README.md")), "## Omissions")
	require.True(t, found)
	section, _, _ := strings.Cut(after, "\n## ")
	var paths []string
	for _, m := range regexp.MustCompile("(?m)^- `([^`]+)`: .+$").FindAllStringSubmatch(section, -1) {
		paths = append(paths, m[1])
	}
	return paths
}

// covers reports that an omission covers a path: it is the path or stands
// above it; "**/" stands for any way down.
func covers(omission, path string) bool {
	if tail, any := strings.CutPrefix(omission, "**/"); any {
		return strings.HasSuffix(path, "/"+tail) || strings.Contains(path, "/"+tail+"/")
	}
	return path == omission || strings.HasPrefix(path, omission+"/")
}

// TestEveryPathOfTheSchema proves for every element and attribute of the
// schema that what stands there reaches the record: the synthetic patient's
// document is changed in that one place, and the decoded record must differ.
// Paths that are not carried are listed in the README with their reason.
func TestEveryPathOfTheSchema(t *testing.T) {
	all := strings.Fields(string(read(t, "../../../testdata/coverage/openhr-paths.txt")))
	omissions := omitted(t)
	used := map[string]bool{}
	tree := parseTree(t, read(t, "../../../testdata/patients/nora-quillfeather/emisweb.openhr.xml"))
	before := carriedIn(tree)
	require.NotEmpty(t, before)
	var lost []string
	for i, path := range all {
		if i+1 < len(all) && strings.HasPrefix(all[i+1], path+"/") {
			continue // its parts are judged
		}
		listed := false
		for _, o := range omissions {
			if covers(o, path) {
				used[o], listed = true, true
			}
		}
		if !listed && !carried(tree, before, strings.Split(path, "/")[1:]) {
			lost = append(lost, path)
		}
	}
	require.Empty(t, lost, "neither carried nor listed under Omissions")
	for _, o := range omissions {
		require.True(t, used[o], "%s covers nothing", o)
	}
	require.Equal(t, before, carriedIn(tree), "the document is as it was")
}

func carried(tree *node, before string, path []string) bool {
	for _, marker := range markers() {
		undo := tree.put(path, marker)
		after := carriedIn(tree)
		undo()
		if after != "" && after != before {
			return true
		}
	}
	return false
}
