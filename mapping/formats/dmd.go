package formats

import (
	"bufio"
	"errors"
	"io"
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/dmd"
)

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

// readDMDRecords reads the document to its end.
func (im *importer) readDMDRecords(in io.Reader, h *history) bool {
	r := dmd.NewReader(in)
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			if r.Root() == "ConceptMap" {
				im.fault(1, "a ConceptMap in XML", "FHIR is read as JSON", "export it as JSON")
			}
			return len(im.faults) == 0
		}
		if err != nil {
			im.recordFault(err)
			return false
		}
		if im.rows++; im.rows > im.o.MaxRows {
			im.fault(record.Line, "too many records", "no published file has so many", "check what was copied")
			return false
		}
		im.takeDMD(h, record)
	}
}

// recordFault is what the reader of records could not read.
func (im *importer) recordFault(err error) {
	var e *dmd.Error
	if !errors.As(err, &e) || e.Unwrap() != nil {
		im.stopped(0, err)
		return
	}
	im.fault(e.Line, e.What, "nothing after it can be read", e.Mend)
}

// takeDMD takes the history one record tells. Only a record with a name is a product: f_vmp2 states a VPID in its lists of
// ingredients, forms and routes too, of invalid products as well. Packs and actual products have no history of this kind.
func (im *importer) takeDMD(h *history, r *dmd.Record) {
	current, previous, line := r.Current, r.Previous, r.Line
	switch {
	case current != "" || previous != "":
		h.id = "dmd-history"
	case r.Name == "", r.VMPP != "", r.AMPP != "", r.AMP != "":
		return
	case r.VMP != "":
		current, previous = r.VMP, r.PreviousVMP
		h.id = "dmd-vmp-history"
		h.keep(current, r.Invalid)
	case r.VTM != "":
		current, previous = r.VTM, r.PreviousVTM
		h.id = "dmd-vtm-history"
		h.keep(current, r.Invalid)
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
