package standin

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// node is one element of a request.
type node struct {
	space, name string
	attrs       map[string]string // those in no namespace
	children    []*node
	text        string // trimmed, of its own character data
}

var errEmpty = errors.New("the document is empty")

// parse reads a request. It refuses what encoding/xml lets pass: a document
// type, a repeated attribute, anything beside the one root, an undeclared
// prefix.
func parse(msg []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(msg, []byte("\xEF\xBB\xBF"))))
	var root *node
	var open []*node
	for {
		token, err := d.Token()
		if err == io.EOF && root == nil {
			return nil, errEmpty
		}
		if err == io.EOF {
			return root, nil
		}
		if err != nil {
			return nil, errors.New("the document is not well-formed")
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("a document type is not accepted")
		case xml.StartElement:
			n, err := element(t)
			if err != nil {
				return nil, err
			}
			switch {
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.children = append(parent.children, n)
			case root != nil:
				return nil, errors.New("the document has two roots")
			default:
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			n := open[len(open)-1]
			n.text = strings.TrimSpace(n.text)
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("the document has text outside its root")
			}
		}
	}
}

func element(t xml.StartElement) (*node, error) {
	n := &node{space: t.Name.Space, name: t.Name.Local, attrs: map[string]string{}}
	if n.space != "" && !strings.Contains(n.space, ":") {
		return nil, errors.New("a prefix is not declared") // encoding/xml leaves it where the URI should be
	}
	var seen []xml.Name
	for _, a := range t.Attr {
		if slices.Contains(seen, a.Name) {
			return nil, fmt.Errorf("%s has an attribute twice", n.name)
		}
		if seen = append(seen, a.Name); a.Name.Space == "" && a.Name.Local != "xmlns" {
			n.attrs[a.Name.Local] = a.Value
		}
	}
	return n, nil
}

// child is the first child of that name, nil when there is none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// value is the text of the first child of that name, "" when there is none.
func (n *node) value(name string) string {
	if c := n.child(name); c != nil {
		return c.text
	}
	return ""
}

// part is one line of a table of required children.
type part struct {
	name string
	min  int // occurrences
	max  int // 0 is any number
	kind partKind
}

type partKind uint8

const (
	holder partKind = iota // holds elements, no text
	words                  // holds text, which may be empty
	filled                 // holds text, which may not
	flag                   // holds nothing
)

// check judges the children of n by a table: all in namespace space, and, when
// ordered, in the table's order. It says what is wrong by names alone.
func (n *node) check(space string, ordered bool, table ...part) error {
	if n.text != "" {
		return fmt.Errorf("%s holds text between its elements", n.name)
	}
	count := make([]int, len(table))
	last := 0
	for _, c := range n.children {
		i := slices.IndexFunc(table, func(p part) bool { return p.name == c.name })
		switch {
		case i < 0 || c.space != space:
			return fmt.Errorf("%s may not stand in %s", c.name, n.name)
		case ordered && i < last:
			return fmt.Errorf("%s stands too late in %s", c.name, n.name)
		}
		last = i
		if count[i]++; table[i].max > 0 && count[i] > table[i].max {
			return fmt.Errorf("%s stands more than once in %s", c.name, n.name)
		}
		if err := c.checkKind(table[i].kind); err != nil {
			return err
		}
	}
	for i, p := range table {
		if count[i] < p.min {
			return fmt.Errorf("%s has no %s", n.name, p.name)
		}
	}
	return nil
}

func (n *node) checkKind(k partKind) error {
	switch {
	case k != holder && len(n.children) > 0:
		return fmt.Errorf("%s may not hold elements", n.name)
	case k == filled && n.text == "":
		return fmt.Errorf("%s is empty", n.name)
	case k == flag && n.text != "":
		return fmt.Errorf("%s takes no value", n.name)
	case k == holder && n.text != "":
		return fmt.Errorf("%s may not hold text", n.name)
	}
	return nil
}

// firstError is the first of several checks to fail. Checks are functions, for
// a later one may rest on an earlier one.
func firstError(checks ...func() error) error {
	for _, c := range checks {
		if err := c(); err != nil {
			return err
		}
	}
	return nil
}
