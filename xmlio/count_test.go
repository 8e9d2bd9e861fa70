package xmlio

import (
	"context"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// element is a document as encoding/xml reads it: what the Reader is compared
// with.
type element struct {
	name     Name
	attrs    []string
	text     string // own character data
	runs     []string
	children []*element
}

// parse reads s, which is UTF-8 whatever its declaration says, with
// encoding/xml.
func parse(s string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(s))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	top := &element{}
	open := []*element{top}
	fresh := true
	for {
		token, err := d.Token()
		if err == io.EOF {
			if len(top.children) == 0 {
				return nil, io.ErrUnexpectedEOF
			}
			return top.children[0], nil
		}
		if err != nil {
			return nil, err
		}
		last := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: Name{token.Name.Space, token.Name.Local}}
			for _, a := range token.Attr {
				if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
					e.attrs = append(e.attrs, a.Name.Space+"|"+a.Name.Local+"="+spaces(a.Value))
				}
			}
			last.children = append(last.children, e)
			open, fresh = append(open, e), true
		case xml.EndElement:
			open, fresh = open[:len(open)-1], true
		case xml.CharData:
			last.text += string(token)
			if fresh {
				last.runs, fresh = append(last.runs, ""), false
			}
			last.runs[len(last.runs)-1] += string(token)
		}
	}
}

// spaces levels what attribute value normalisation may change: encoding/xml
// does none.
func spaces(s string) string {
	return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(s)
}

// tree reads the current element into an element.
func tree(r *Reader) *element {
	e := &element{name: r.Name(), text: r.Text()}
	for name, value := range r.Attrs() {
		e.attrs = append(e.attrs, name.Space+"|"+name.Local+"="+spaces(value))
	}
	for local := range r.Children(e.name.Space) {
		if local == textName {
			e.runs = append(e.runs, r.Text())
			continue
		}
		e.children = append(e.children, tree(r))
	}
	return e
}

// dropBlank removes the runs that Children does not yield.
func dropBlank(e *element) *element {
	e.runs = slices.DeleteFunc(e.runs, blank)
	if len(e.runs) == 0 {
		e.runs = nil
	}
	for _, c := range e.children {
		dropBlank(c)
	}
	return e
}

// recount counts by brute force over a whole tree.
func recount(root *element, paths []EntryPath) []int {
	counts := make([]int, len(paths))
	var visit func(e *element, way []string)
	visit = func(e *element, way []string) {
		way = append(way, e.name.Local)
		for i, p := range paths {
			if matchSteps(strings.Split(p.Path, "/"), way) && matchChild(e, p) {
				counts[i]++
				break
			}
		}
		for _, c := range e.children {
			visit(c, way)
		}
	}
	visit(root, nil)
	return counts
}

func matchSteps(steps, way []string) bool {
	switch {
	case len(steps) == 0:
		return len(way) == 0
	case steps[0] == "**":
		return matchSteps(steps[1:], way) || len(way) > 0 && matchSteps(steps, way[1:])
	}
	return len(way) > 0 && steps[0] == way[0] && matchSteps(steps[1:], way[1:])
}

func matchChild(e *element, p EntryPath) bool {
	if p.Child == "" {
		return true
	}
	if attribute, own := strings.CutPrefix(p.Child, "@"); own {
		return slices.ContainsFunc(e.attrs, func(a string) bool {
			name, value, _ := strings.Cut(a, "=")
			return name == "|"+attribute && (p.Value == "*" || p.Value == "" && strings.TrimSpace(value) != "" || p.Value != "" && strings.TrimSpace(value) == p.Value)
		})
	}
	return slices.ContainsFunc(e.children, func(c *element) bool {
		text := strings.Trim(c.text, " \t\r\n")
		return c.name.Local == p.Child && (p.Value == "*" || p.Value == "" && text != "" || p.Value != "" && text == p.Value)
	})
}

func TestCount(t *testing.T) {
	const doc = `<s:Envelope xmlns:s="soap"><s:Body><Answer><MedicalRecord xmlns="m">
		<EventList>
			<Event><Type>1</Type><Code/></Event>
			<Event><Type> 2 </Type></Event>
			<Event><Type><![CDATA[2]]><!-- x --></Type><Note>a</Note></Event>
			<Event><Type>3<x>2</x></Type></Event>
			<Event><Type>4</Type><Type>2</Type></Event>
			<Event/>
			<Event><Deep><Type>2</Type></Deep></Event>
			<Other/>
			<Row kind="39" p:kind="40" xmlns:p="p"/><Row kind=" 39 "><Type>2</Type></Row><Row kind=""/><Row/>
		</EventList>
		<ListEvent><Event/></ListEvent>
		<MedicalRecord><EventList><Event><Type> </Type></Event></EventList></MedicalRecord>
	</MedicalRecord></Answer></s:Body></s:Envelope>`
	for _, c := range []struct {
		name   string
		paths  []EntryPath
		counts []int
	}{
		{"none", nil, []int{}},
		{"whole path", []EntryPath{{Path: "Envelope/Body/Answer/MedicalRecord/EventList/Event"}}, []int{7}},
		{"root", []EntryPath{{Path: "Envelope"}, {Path: "**/Envelope"}, {Path: "Body"}}, []int{1, 0, 0}},
		{"any chain first", []EntryPath{{Path: "**/MedicalRecord/EventList/Event"}}, []int{8}},
		{"any chain between", []EntryPath{{Path: "Envelope/**/Event"}}, []int{9}},
		{"any chain twice", []EntryPath{{Path: "**/MedicalRecord/**/Event"}}, []int{9}},
		{"any chain of none", []EntryPath{{Path: "Envelope/**/Body"}, {Path: "Envelope/**/**/Answer"}}, []int{1, 1}},
		{"any chain last", []EntryPath{{Path: "Envelope/Body/Answer/MedicalRecord/ListEvent/**"}}, []int{2}},
		{"value", []EntryPath{{Path: "**/Event", Child: "Type", Value: "2"}}, []int{3}},
		{"present with text", []EntryPath{{Path: "**/Event", Child: "Type"}}, []int{5}},
		{"present at all", []EntryPath{{Path: "**/Event", Child: "Type", Value: "*"}, {Path: "**/Event", Child: "Code", Value: "*"}}, []int{6, 0}},
		{"first wins", []EntryPath{
			{Path: "**/Event", Child: "Note"}, {Path: "**/Event", Child: "Type", Value: "2"},
			{Path: "**/EventList/Event"}, {Path: "**/Event"},
		}, []int{1, 2, 5, 1}},
		{"order is that of the list, not of the document", []EntryPath{
			{Path: "**/Event", Child: "Code", Value: "*"}, {Path: "**/Event", Child: "Type", Value: "1"},
		}, []int{1, 0}},
		{"attribute", []EntryPath{{Path: "**/Row", Child: "@kind", Value: "39"}, {Path: "**/Row", Child: "@kind", Value: "40"}, {Path: "**/Row"}}, []int{2, 0, 2}},
		{"attribute present", []EntryPath{{Path: "**/Row", Child: "@kind", Value: "*"}, {Path: "**/Row"}}, []int{3, 1}},
		{"attribute with text", []EntryPath{{Path: "**/Row", Child: "@kind"}, {Path: "**/Row"}}, []int{2, 2}},
		{"attribute and child, in the order of the list", []EntryPath{{Path: "**/Row", Child: "Type", Value: "2"}, {Path: "**/Row", Child: "@kind", Value: "39"}}, []int{1, 1}},
		{"entries in entries", []EntryPath{{Path: "**/MedicalRecord", Child: "MedicalRecord", Value: "*"}, {Path: "**/Type"}}, []int{1, 9}},
		{"the same path twice", []EntryPath{{Path: "**/Other"}, {Path: "**/Other"}}, []int{1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, err := parse(doc)
			require.NoError(t, err)
			for how, use := range map[string]func(*Reader){
				"closed": func(*Reader) {},
				"read":   func(r *Reader) { tree(r) },
				"text":   func(r *Reader) { r.Text() },
			} {
				r, err := Open(context.Background(), []byte(doc), Options{Count: c.paths})
				require.NoError(t, err)
				use(r)
				require.NoError(t, r.Close())
				require.Equal(t, c.counts, r.Counts(), how)
			}
			require.Equal(t, c.counts, recount(root, c.paths), "recount")
		})
	}
}
