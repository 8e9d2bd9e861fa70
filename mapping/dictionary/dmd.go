package dictionary

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Limits of an XML file beyond those of every file. dm+d is four elements deep and its longest text is a name.
const (
	maxDepth     = 16
	maxTokenSize = 64 << 10 // one tag or one run of text
	maxElements  = 200_000_000
)

// dmdPassedOver are the files of dm+d that hold no product we have codes of: packs, ingredients, look-ups.
var dmdPassedOver = [...]string{"f_vmpp2", "f_ampp2", "f_ingredient2", "f_lookup2", "f_gtin2", "f_bnf1"}

// succession is a dm+d identifier and the one that took its place.
type succession struct{ previous, current uint64 }

// dmd reads a file of dm+d, XML schema version 2 (terminology §1.5), as a stream. A record is known by its children, not
// by its own name: a VTM has VTMID and NM, a VMP has VPID and NM, an AMP has APID and DESC or NM, an entry of the history
// IDCURRENT and IDPREVIOUS; one with VPPID or APPID is a pack.
func (f *file) dmd() {
	f.layout = "dm+d XML"
	base := strings.ToLower(filepath.Base(f.path))
	if slices.ContainsFunc(dmdPassedOver[:], func(name string) bool { return strings.HasPrefix(base, name) }) {
		f.note = "no products in it"
		return
	}
	guard := &guarded{in: f.in}
	d := xml.NewDecoder(guard)
	r := products{file: f}
	for {
		token, err := guard.token(d)
		f.line, _ = d.InputPos()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.take(token)
		}
		if err != nil {
			if f.ctx.Err() == nil {
				f.refuse(xmlFault(err), "load the file as it was published")
			}
			return
		}
		if r.elements == 1 && r.root == "schema" {
			f.note = "a schema, no dictionary"
			return
		}
	}
	if f.rows == 0 {
		f.line = 0
		f.refuse("XML without a product of dm+d", "load one of: "+known())
	}
}

// errXML is a fault of ours in an XML file.
type errXML string

func (e errXML) Error() string { return string(e) }

// xmlFault is what a fault is called: nothing of the file is repeated.
func xmlFault(err error) string {
	var own errXML
	if errors.As(err, &own) {
		return own.Error()
	}
	return "not well-formed XML in UTF-8"
}

// guarded hands out the bytes of a file to the XML decoder, and so many for each token. encoding/xml reads from it byte by
// byte, so that nothing is read ahead of the token it is at.
type guarded struct {
	in    *bufio.Reader
	size  int // of the token being read
	total int64
	fault error // the reader's own, which goes before the decoder's words for it
}

// Read is never called: the decoder takes ReadByte where there is one.
func (g *guarded) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

func (g *guarded) ReadByte() (byte, error) {
	b, err := g.in.ReadByte()
	g.size++
	g.total++
	switch {
	case errors.Is(err, io.EOF):
		return 0, io.EOF
	case err != nil:
		g.fault = errXML("the file could not be read on")
	case g.size > maxTokenSize:
		g.fault = errXML(fmt.Sprintf("a tag or a text of more than %d bytes", maxTokenSize))
	case g.total > maxFileBytes:
		g.fault = errXML("more bytes than any release has")
	}
	return b, g.fault
}

// token is the decoder's next token.
func (g *guarded) token(d *xml.Decoder) (xml.Token, error) {
	g.size = 0
	token, err := d.Token()
	if g.fault != nil {
		return nil, g.fault
	}
	return token, err
}

// record is the children of one element that may be a product.
type record struct {
	id      [5]string // VTMID, VPID, APID, VPPID, APPID
	name    string    // NM
	desc    string    // DESC
	invalid string    // INVALID
	earlier [2]string // VTMIDPREV, VPIDPREV
	history [2]string // IDCURRENT, IDPREVIOUS
	any     bool
}

// Places of identifiers in a record.
const (
	vtm = iota
	vmp
	amp
	vmpp
	ampp
)

// field is the place of a child's text, nil for a child of no interest.
func (r *record) field(name string) *string {
	switch name {
	case "VTMID":
		return &r.id[vtm]
	case "VPID":
		return &r.id[vmp]
	case "APID":
		return &r.id[amp]
	case "VPPID":
		return &r.id[vmpp]
	case "APPID":
		return &r.id[ampp]
	case "NM":
		return &r.name
	case "DESC":
		return &r.desc
	case "INVALID":
		return &r.invalid
	case "VTMIDPREV":
		return &r.earlier[vtm]
	case "VPIDPREV":
		return &r.earlier[vmp]
	case "IDCURRENT":
		return &r.history[0]
	case "IDPREVIOUS":
		return &r.history[1]
	}
	return nil
}

// products reads the tokens of one file. Open elements are records until their end shows what they were.
type products struct {
	file     *file
	open     [maxDepth]record
	depth    int
	elements int
	root     string
	text     []byte
}

func (p *products) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.Directive:
		return errXML("a document type, which no release has")
	case xml.StartElement:
		if p.elements++; p.elements > maxElements {
			return errXML(fmt.Sprintf("more than %d elements", maxElements))
		}
		if p.depth == maxDepth {
			return errXML(fmt.Sprintf("more than %d elements inside each other", maxDepth))
		}
		if p.depth == 0 {
			p.root = t.Name.Local
		}
		p.open[p.depth] = record{}
		p.depth++
		p.text = p.text[:0]
	case xml.CharData:
		if len(p.text)+len(t) > maxTokenSize {
			return errXML(fmt.Sprintf("a tag or a text of more than %d bytes", maxTokenSize))
		}
		p.text = append(p.text, t...)
	case xml.EndElement:
		p.depth--
		if closed := &p.open[p.depth]; closed.any {
			p.product(closed)
		} else if p.depth > 0 {
			parent := &p.open[p.depth-1]
			if field := parent.field(t.Name.Local); field != nil {
				*field, parent.any = strings.Join(strings.Fields(string(p.text)), " "), true
			}
		}
		p.text = p.text[:0]
	}
	return nil
}

// product judges a whole record.
func (p *products) product(r *record) {
	f := p.file
	code := mapping.Code{Scheme: mapping.DMD}
	switch {
	case r.history[0] != "" && r.history[1] != "":
		f.next()
		f.supersede(r.history[1], r.history[0])
		return
	case r.id[vmpp] != "" || r.id[ampp] != "":
		return
	case r.id[amp] != "" && (r.desc != "" || r.name != ""):
		code.Value, code.Term = r.id[amp], r.desc
		if r.desc == "" {
			code.Term = r.name
		}
	case r.id[amp] != "" || r.name == "":
		return // a part of a product: an ingredient, a route, a form
	case r.id[vmp] != "":
		code.Value, code.Term = r.id[vmp], r.name
	case r.id[vtm] != "":
		code.Value, code.Term = r.id[vtm], r.name
	default:
		return
	}
	f.next()
	f.add(code, r.invalid != "1", true, published)
	for _, previous := range r.earlier {
		if previous != "" {
			f.supersede(previous, code.Value)
		}
	}
}

// supersede keeps for the end that one identifier took another's place. The history names every identifier, most of them
// as their own successor.
func (f *file) supersede(previous, current string) {
	if previous == current {
		return
	}
	for _, id := range [...]string{previous, current} {
		if err := (mapping.Code{Scheme: mapping.DMD, Value: id}).Check(); err != nil {
			f.fault("a superseded identifier: "+ours(err), "load the file as it was published")
			return
		}
	}
	from, _ := number(previous)
	to, _ := number(current)
	f.earlier = append(f.earlier, succession{from, to})
}

// maxHops bounds a chain of successors, which a damaged history could close to a ring.
const maxHops = 20

// joinDMD gives superseded identifiers the words of the product that is there now. One that a release still lists keeps
// its own. Whichever files and releases are loaded, all their successions are followed.
func (l *loader) joinDMD() {
	s := l.stores[mapping.DMD]
	if len(l.earlier) == 0 || s == nil {
		return
	}
	slices.SortFunc(l.earlier, func(a, b succession) int {
		return cmp.Or(cmp.Compare(a.previous, b.previous), cmp.Compare(a.current, b.current))
	})
	for i, one := range l.earlier {
		previous := strconv.FormatUint(one.previous, 10)
		if _, listed := s.find(previous, ""); listed || i > 0 && l.earlier[i-1].previous == one.previous {
			continue
		}
		term, found := l.successor(s, one.previous)
		if !found {
			continue // of a file that is not loaded
		}
		if err := s.add(mapping.Code{Scheme: mapping.DMD, Value: previous, Term: term}, false, true, published); err != nil {
			l.refuse(string(mapping.DMD), err.Error(), "codes would be missing", "load fewer files")
			return
		}
	}
}

// successor is the words of the product at the end of the chain. Where one identifier was split into products of several
// names it has no words.
func (l *loader) successor(s *store, id uint64) (term string, found bool) {
	for range maxHops {
		i, _ := slices.BinarySearchFunc(l.earlier, id, func(e succession, id uint64) int { return cmp.Compare(e.previous, id) })
		next := id
		for ; i < len(l.earlier) && l.earlier[i].previous == id; i++ {
			next = l.earlier[i].current
			at, listed := s.find(strconv.FormatUint(next, 10), "")
			if !listed {
				continue
			}
			_, _, words, _ := s.record(s.entries[at].at)
			if found && words != term {
				return "", true
			}
			term, found = words, true
		}
		if found || next == id {
			return term, found
		}
		id = next
	}
	return "", false
}
