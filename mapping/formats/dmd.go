package formats

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// dmdFields are the elements of a dm+d record that tell its history.
func dmdField(name string) bool {
	switch name {
	case "IDCURRENT", "IDPREVIOUS", "VPID", "VPIDPREV", "VTMID", "VTMIDPREV", "INVALID", "NM", "VPPID", "APID":
		return true
	}
	return false
}

// step is a superseded identifier and the one that followed it.
type step struct {
	to        string
	line      int
	ambiguous bool
}

// history is what a dm+d file tells of its identifiers.
type history struct {
	steps   map[string]step
	current map[string]bool // identifiers of the file's own valid records
	records int
	id      string // of the table: one site may load all three files
}

// readDMD reads the history of dm+d: f_history1 (IDPREVIOUS, IDCURRENT), and the one previous identifier that the
// records of f_vmp2 and f_vtm2 carry. Chains lead to their end: a superseded identifier finds the current one in one hop.
func (im *importer) readDMD(in *bufio.Reader) {
	im.src.rows = &im.rows
	skipMark(in)
	h := history{steps: map[string]step{}, current: map[string]bool{}}
	if !im.readDMDRecords(in, &h) {
		return
	}
	if h.records == 0 {
		im.fault(0, "no record with IDCURRENT, VPID or VTMID", "only f_history1, f_vmp2 and f_vtm2 of dm+d hold history", "give one of those; the other files are dictionaries")
		return
	}
	d := im.draftFor(mapping.DMD, mapping.DMD, im.layer())
	d.header.Purpose, d.header.ID = mapping.HistoryPurpose, h.id
	previous := make([]string, 0, len(h.steps))
	for id := range h.steps {
		previous = append(previous, id)
	}
	slices.Sort(previous)
	cycles := map[string]bool{}
	for _, id := range previous {
		im.follow(d, &h, id, cycles)
	}
}

// follow makes the row of one superseded identifier.
func (im *importer) follow(d *draft, h *history, id string, cycles map[string]bool) {
	start := h.steps[id]
	if h.current[id] {
		im.note(start.line, "left out: the superseded identifier is current in the same file")
		return
	}
	seen := map[string]bool{id: true}
	at := start
	for {
		if at.ambiguous {
			im.note(start.line, "left out: several identifiers claim to follow one")
			return
		}
		if seen[at.to] {
			if !cycles[at.to] {
				for in := range seen {
					cycles[in] = true
				}
				im.fault(start.line, "identifiers that follow each other in a circle", "none of them is the current one", "take the file as it was published")
			}
			return
		}
		next, more := h.steps[at.to]
		if !more || h.current[at.to] {
			break
		}
		seen[at.to] = true
		at = next
	}
	im.add(d, mapping.Row{Source: mapping.Code{Scheme: mapping.DMD, Value: id}, Target: mapping.Code{Scheme: mapping.DMD, Value: at.to},
		Relation: mapping.Equivalent, Line: start.line})
}

// readDMDRecords walks the document. It holds one record.
func (im *importer) readDMDRecords(in io.Reader, h *history) bool {
	d := xml.NewDecoder(&xmlGuard{in: in})
	var text strings.Builder
	record := map[string]string{}
	depth, leaf, ended := 0, false, false
	for {
		token, err := d.Token()
		line, _ := d.InputPos()
		if errors.Is(err, io.EOF) && ended {
			return len(im.faults) == 0
		}
		if err != nil {
			im.xmlFault(line, err)
			return false
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepthXML || ended {
				im.nestedFault(line, map[bool]error{true: errTrailing, false: errTooDeep}[ended])
				return false
			}
			leaf = true
			text.Reset()
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				im.nestedFault(line, errTrailing)
				return false
			}
			text.Write(t)
			if text.Len() > maxRun {
				im.nestedFault(line, errLongRun)
				return false
			}
		case xml.Directive:
			im.nestedFault(line, errDoctype)
			return false
		case xml.EndElement:
			depth--
			ended = depth == 0
			switch name := t.Name.Local; {
			case leaf && dmdField(name):
				if record[name] != "" {
					im.fault(line, "two elements "+name+" in one record", "nobody can tell which holds", "take the file as it was published")
				}
				record[name] = strings.TrimSpace(text.String())
			case !leaf && len(record) > 0:
				im.rows++
				im.takeDMD(h, record, line)
				clear(record)
			}
			leaf = false
			text.Reset()
			if im.rows > im.o.MaxRows {
				im.fault(line, "too many records", "no published file has so many", "check what was copied")
			}
			if im.full() || im.rows > im.o.MaxRows {
				return false
			}
		}
	}
}

// takeDMD takes the history one record tells. Only a record with a name is a product: f_vmp2 states a VPID in its lists of
// ingredients, forms and routes too, of invalid products as well. Packs and actual products have no history of this kind.
func (im *importer) takeDMD(h *history, record map[string]string, line int) {
	current, previous := record["IDCURRENT"], record["IDPREVIOUS"]
	switch {
	case current != "" || previous != "":
		h.id = "dmd-history"
	case record["NM"] == "", record["VPPID"] != "", record["APID"] != "":
		return
	case record["VPID"] != "":
		current, previous = record["VPID"], record["VPIDPREV"]
		h.id = "dmd-vmp-history"
		h.keep(current, record["INVALID"])
	case record["VTMID"] != "":
		current, previous = record["VTMID"], record["VTMIDPREV"]
		h.id = "dmd-vtm-history"
		h.keep(current, record["INVALID"])
	default:
		return
	}
	h.records++
	switch {
	case previous == "":
		return
	case current == previous:
		im.note(line, "identifiers stated as their own predecessor")
		return
	}
	for _, side := range []struct{ which, value string }{{"source code", previous}, {"target code", current}} {
		if err := (mapping.Code{Scheme: mapping.DMD, Value: side.value}).Check(); err != nil {
			im.badCode(line, side.which, side.value, err)
			return
		}
	}
	if known, seen := h.steps[previous]; seen {
		if known.to == current {
			im.note(line, "rows stated twice")
			return
		}
		known.ambiguous = true
		h.steps[previous] = known
		return
	}
	h.steps[previous] = step{to: current, line: line}
}

// keep remembers a record of the file itself, unless it is marked invalid.
func (h *history) keep(id, invalid string) {
	if invalid != "1" {
		h.current[id] = true
	}
}

func (im *importer) xmlFault(line int, err error) {
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"), errors.Is(err, io.EOF):
		im.nestedFault(line, io.ErrUnexpectedEOF)
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "UTF-8"), strings.Contains(err.Error(), "declared but"):
		im.fault(line, "not UTF-8", "terms and codes would be read wrongly", "save the file as UTF-8")
	case errors.As(err, &syntax):
		im.fault(syntax.Line, "not well-formed XML", "nothing after it can be read", "copy the file again")
	default:
		im.nestedFault(line, err)
	}
}
