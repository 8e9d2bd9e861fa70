package formats

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/linkspan/linkspan/mapping"
)

// The extensions that carry what a ConceptMap has no place for.
const (
	extTermCode  = ours + "term-code" // on an element or a target: the CTV3 term id
	extAssured   = ours + "assured"   // on a target, valueBoolean
	extValidFrom = ours + "valid-from"
	extValidTo   = ours + "valid-to"
	extReviewer  = ours + "reviewer"
	extHeader    = ours + "header/" // on the map: one for each field of a table's header
	propContext  = ours + "context" // dependsOn: the row holds only in this context
	noComment    = "the table gives no comment"
)

// fhirElement is one source code of a group, fhirTarget one of its targets; both of R4 and of R5.
type fhirElement struct {
	Extension []fhirExtension `json:"extension,omitempty"`
	Modifier  []fhirExtension `json:"modifierExtension,omitempty"`
	Code      string          `json:"code,omitempty"`
	Display   string          `json:"display,omitempty"`
	NoMap     bool            `json:"noMap,omitempty"`
	Target    []fhirTarget    `json:"target,omitempty"`
}

type fhirTarget struct {
	Extension    []fhirExtension `json:"extension,omitempty"`
	Modifier     []fhirExtension `json:"modifierExtension,omitempty"`
	Code         string          `json:"code,omitempty"`
	Display      string          `json:"display,omitempty"`
	Equivalence  string          `json:"equivalence,omitempty"`
	Relationship string          `json:"relationship,omitempty"`
	Comment      string          `json:"comment,omitempty"`
	DependsOn    []fhirDepends   `json:"dependsOn,omitempty"`
	Product      []fhirDepends   `json:"product,omitempty"`
}

type fhirExtension struct {
	URL     string `json:"url"`
	String  string `json:"valueString,omitempty"`
	Boolean *bool  `json:"valueBoolean,omitempty"`
}

type fhirDepends struct {
	Property  string `json:"property,omitempty"`
	Attribute string `json:"attribute,omitempty"`
	Value     string `json:"value,omitempty"`
	Code      string `json:"valueCode,omitempty"`
	String    string `json:"valueString,omitempty"`
}

func extension(of []fhirExtension, url string) string {
	for _, e := range of {
		if e.URL == url {
			return e.String
		}
	}
	return ""
}

// fhirRelation reads a target's relation. The words of R4 tell what the target is: wider means the target is wider, so
// the source is narrower. Those of R5 are ours.
func (t *fhirTarget) relation() (mapping.Relation, bool) {
	switch t.Relationship {
	case "":
	case "equivalent", "related-to", "source-is-narrower-than-target", "source-is-broader-than-target":
		return mapping.Relation(t.Relationship), true
	case "not-related-to":
		return mapping.NoMap, true
	default:
		return "", false
	}
	switch t.Equivalence {
	case "equivalent", "equal":
		return mapping.Equivalent, true
	case "wider", "subsumes":
		return mapping.Narrower, true
	case "narrower", "specializes":
		return mapping.Broader, true
	case "relatedto", "inexact":
		return mapping.Related, true
	case "unmatched", "disjoint":
		return mapping.NoMap, true
	}
	return "", false
}

// equivalenceOf is the R4 word of a relation.
func equivalenceOf(r mapping.Relation) string {
	switch r {
	case mapping.Equivalent:
		return "equivalent"
	case mapping.Narrower:
		return "wider"
	case mapping.Broader:
		return "narrower"
	case mapping.NoMap:
		return "unmatched"
	}
	return "relatedto"
}

// placedElement is an element and the line it ends on.
type placedElement struct {
	fhirElement
	line int
}

// mapReader walks one ConceptMap. It holds the elements of one group.
type mapReader struct {
	im        *importer
	d         *json.Decoder
	lines     *lineCounter
	kind      string // resourceType
	publisher string
	status    string
}

// readConceptMap reads one ConceptMap of FHIR R4 or R5 in JSON.
func (im *importer) readConceptMap(in *bufio.Reader) {
	im.src.rows = &im.rows
	skipMark(in)
	lines := &lineCounter{in: &jsonGuard{in: in}}
	m := &mapReader{im: im, d: json.NewDecoder(lines), lines: lines}
	err := m.object(m.property)
	im.own.Source = cmp.Or(im.own.Source, m.publisher)
	if m.status == "draft" { // a draft is not for care until somebody says so
		im.own.Use = cmp.Or(im.own.Use, "test")
	}
	if err == nil {
		if _, end := m.d.Token(); !errors.Is(end, io.EOF) {
			err = errTrailing
		}
	}
	var stop *json.SyntaxError
	switch {
	case err == nil && m.kind == "", errors.Is(err, errKind):
		im.fault(1, "JSON that is no ConceptMap", "only a ConceptMap is a table", "give one resource with resourceType ConceptMap")
	case err == nil, errors.Is(err, errFull):
	case errors.As(err, &stop):
		im.fault(lines.at(stop.Offset), "not well-formed JSON", "nothing after it can be read", "copy the file again")
	case errors.Is(err, errTwice):
		im.fault(lines.at(m.d.InputOffset()), "one name twice in an object", "nobody can tell which value holds", "delete the wrong one")
	case errors.Is(err, errShape):
		im.fault(lines.at(m.d.InputOffset()), "not what a ConceptMap has there", "nothing after it can be read", "check the file against FHIR R4 ConceptMap")
	default:
		im.nestedFault(lines.at(m.d.InputOffset()), err)
	}
}

var (
	errShape = errors.New("not the shape of a ConceptMap")
	errKind  = errors.New("not a ConceptMap")
	errTwice = errors.New("a name stated twice")
	errFull  = errors.New("no more faults or rows fit")
)

// object reads an object and hands each property's name to take, which reads its value. A name stated twice is a fault:
// one of the two values would be dropped without a word.
func (m *mapReader) object(take func(name string) error) error {
	if err := m.delim('{'); err != nil {
		return err
	}
	var few [32]string
	seen := few[:0]
	for m.d.More() {
		token, err := m.d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if slices.Contains(seen, name) {
			return errTwice
		}
		if len(seen) < cap(few[:]) { // what is known stands in fewer
			seen = append(seen, name)
		}
		if err := take(name); err != nil {
			return err
		}
	}
	return m.delim('}')
}

// text reads a string.
func (m *mapReader) text(into *string) error {
	token, err := m.d.Token()
	if err != nil {
		return err
	}
	text, ok := token.(string)
	if !ok {
		return errShape
	}
	*into = text
	return nil
}

func (m *mapReader) truth(into *bool) error {
	token, err := m.d.Token()
	if err != nil {
		return err
	}
	truth, ok := token.(bool)
	if !ok {
		return errShape
	}
	*into = truth
	return nil
}

// array reads an array and calls each for every value in it.
func (m *mapReader) array(each func() error) error {
	if err := m.delim('['); err != nil {
		return err
	}
	for m.d.More() {
		if err := each(); err != nil {
			return err
		}
	}
	return m.delim(']')
}

func (m *mapReader) delim(want json.Delim) error {
	token, err := m.d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return errShape
	}
	return nil
}

// property reads one property of the resource.
func (m *mapReader) property(name string) error {
	own := &m.im.own
	switch name {
	case "resourceType":
		if err := m.text(&m.kind); err != nil || m.kind != "ConceptMap" {
			return errKind
		}
		return nil
	case "status":
		if err := m.text(&m.status); err != nil {
			return err
		}
		if m.status == "retired" {
			m.im.fault(m.line(), "a retired map", "its publisher withdrew it", "import the map that replaces it")
		}
		return nil
	case "version":
		return m.text(&own.Version)
	case "copyright":
		return m.text(&own.Licence)
	case "publisher":
		return m.text(&m.publisher)
	case "extension":
		return m.array(m.headerField)
	case "modifierExtension":
		m.im.fault(m.line(), "a modifierExtension", "it changes the meaning of the map in a way nobody here knows", "ask its publisher for a map without")
	case "group":
		return m.array(m.group)
	}
	return m.skip()
}

// headerField reads one extension of the resource: a field of a table's header, or somebody else's.
func (m *mapReader) headerField() error {
	var url, text string
	err := m.object(func(name string) error {
		switch name {
		case "url":
			return m.text(&url)
		case "valueString":
			return m.text(&text)
		}
		return m.skip()
	})
	for _, field := range ownFields(&m.im.own) {
		if url == extHeader+field.key {
			*field.value = text
		}
	}
	return err
}

// skip passes over one value, holding no more of it than one string.
func (m *mapReader) skip() error {
	for depth := 0; ; {
		token, err := m.d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func (m *mapReader) line() int { return m.lines.at(m.d.InputOffset()) }

// group reads one group: a source system, a target system, and the elements.
func (m *mapReader) group() error {
	var source, target string
	var elements []placedElement
	start := m.line()
	err := m.object(func(name string) error {
		switch name {
		case "source":
			return m.text(&source)
		case "target":
			return m.text(&target)
		case "unmapped":
			m.im.note(m.line(), "the group's rule for unmapped codes is not taken over")
			return m.skip()
		case "element":
			return m.array(func() error {
				e := placedElement{}
				if err := m.element(&e.fhirElement); err != nil {
					return err
				}
				e.line = m.line()
				elements = append(elements, e)
				if m.im.rows += int64(max(1, len(e.Target))); m.im.rows > m.im.o.MaxRows {
					m.im.fault(e.line, "too many rows", "no published map has so many", "check what was copied, or raise the limit")
					return errFull
				}
				return nil
			})
		}
		return m.skip()
	})
	if err != nil {
		return err
	}
	m.take(source, target, elements, start)
	return nil
}

// lineCounter tells lines from the decoder's offsets.
type lineCounter struct {
	in   io.Reader
	read int64
	ends []int64 // offsets of line ends read and not yet passed
	line int     // line ends passed
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	for i := range n {
		if p[i] == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at is the line of an offset, which never goes back by more than one token.
func (l *lineCounter) at(offset int64) int {
	passed := 0
	for passed < len(l.ends) && l.ends[passed] < offset {
		passed++
	}
	l.line += passed
	l.ends = l.ends[passed:]
	return l.line + 1
}
