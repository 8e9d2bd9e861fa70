package formats

import (
	"bufio"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

// readEMIS reads the clinical codes of an EMIS Web extract: its own Read v2 and local codes, each with the SNOMED CT
// concept EMIS files beside it. That is the supplier's word: not assured, and without a degree, so related-to.
func (im *importer) readEMIS(in *bufio.Reader) {
	r, ok := im.openDetected(in)
	if !ok {
		return
	}
	at, ok := im.columns(r, "CodeId", "Term", "ReadTermId", "SnomedCTConceptId")
	if !ok {
		return
	}
	read, local := im.draftFor(mapping.ReadV2, mapping.SNOMED, im.layer()), im.draftFor(mapping.EMISLocal, mapping.SNOMED, im.layer())
	read.optional, local.optional = true, true
	for cells := range im.rowsOf(r, false) {
		// The file has a million rows, and half of each line is of no use: what is kept must not hold on to it.
		line, native, concept := r.Line(), strings.Clone(cells[at[2]]), strings.Clone(cells[at[3]])
		if native == "" {
			im.note(line, "left out: no ReadTermId")
			continue
		}
		source, err := mapping.ParseEMIS(native, strings.Clone(cells[at[1]]))
		if err != nil {
			im.badCode(line, "source code", native, err)
			continue
		}
		if concept == "" || concept == "0" {
			im.note(0, "left out: EMIS states no SNOMED CT concept")
			continue
		}
		row := mapping.Row{Source: source, Target: mapping.Code{Scheme: mapping.SNOMED, Value: concept}, Relation: mapping.Related, Line: line}
		d := read
		if source.Scheme == mapping.EMISLocal {
			d = local
		}
		if row.Target.Valid() && row.Target.Private() {
			// No other system files it. For a local code that is the answer; for a Read code a national row may know better.
			if d == read {
				im.note(line, "left out: a concept of a supplier's own namespace beside a Read code")
				continue
			}
			im.note(line, "local codes made no-map: the concept is of a supplier's own namespace")
			row.Relation, row.Reason = mapping.NoMap, "EMIS names only a concept of a supplier's own namespace, which no other system files"
		}
		im.add(d, row)
	}
	im.noteNeverCodes(read, local)
}

// noteNeverCodes says what rows without a stated degree are good for, and what harm they do above the national layer.
func (im *importer) noteNeverCodes(drafts ...*draft) {
	for _, d := range drafts {
		count := 0
		for i := range d.rows {
			if d.rows[i].Relation == mapping.Related {
				count++
			}
		}
		switch {
		case count == 0:
		case d.header.Layer == mapping.DerivedLayer:
			im.noteMany(0, "rows of related-to and not assured: they never code; where no other table has a row they show what the supplier files beside the code", count)
		default:
			im.noteMany(0, "rows of related-to and not assured: they never code, and in this layer they hide the row a lower one has for their key; layer derived would not", count)
		}
	}
}

// openDetected opens an extract, whose cells suppliers part by commas or tabs.
func (im *importer) openDetected(in *bufio.Reader) (*delimited.Reader, bool) {
	head, _ := in.Peek(headSize)
	line, _, _ := headerLine(strings.TrimPrefix(string(head), "\ufeff"))
	return im.open(in, delimited.Detect(line))
}

// readTPP reads SRCtv3ToVersion2 or SRCtv3ToSnomed of a SystmOne extract. An extract repeats a RowIdentifier when the row
// changes: the last one counts, and it is gone where RemovedData says so. The column of CTV3 has SystmOne's own codes (Y...)
// too, which are no CTV3: they are a table of their own.
func (im *importer) readTPP(in *bufio.Reader) {
	r, ok := im.openDetected(in)
	if !ok {
		return
	}
	target := "SnomedCode"
	if im.format == TPPRead {
		target = "Version2Code"
	}
	at, ok := im.columns(r, "?RowIdentifier", "Ctv3Code", target, "?RemovedData")
	if !ok {
		return
	}
	type pair struct {
		source, target string
		line           int
		removed        bool
	}
	var pairs []pair
	byID := map[string]int{}
	for cells := range im.rowsOf(r, false) {
		p := pair{source: cells[at[1]], target: cells[at[2]], line: r.Line(), removed: im.removed(r.Line(), optional(cells, at[3]))}
		id := optional(cells, at[0])
		if known, seen := byID[id]; id != "" && seen {
			im.note(p.line, "superseded rows: a later row has the RowIdentifier")
			pairs[known] = p
			continue
		}
		byID[id] = len(pairs)
		pairs = append(pairs, p)
	}
	from, to, layer := im.direction()
	national, local := im.draftFor(from, to, layer), im.draftFor(mapping.TPPLocal, to, layer)
	national.optional, local.optional = true, true
	for _, p := range pairs {
		switch {
		case p.removed:
			im.note(0, "removed rows (RemovedData)")
			continue
		case p.target == "":
			im.note(p.line, "left out: no target")
			continue
		}
		row := mapping.Row{Source: inside(from, p.source, "", ""), Target: inside(to, p.target, "", ""), Relation: mapping.Related, Line: p.line}
		d := national
		if row.Source.Scheme == mapping.TPPLocal {
			d = local
		}
		im.add(d, row)
	}
	im.noteNeverCodes(national, local)
}

// removed reads RemovedData; what is neither yes nor no removes, and is noted.
func (im *importer) removed(line int, cell string) bool {
	switch strings.ToLower(cell) {
	case "", "0", "false", "n", "no":
		return false
	case "1", "true", "y", "yes":
		return true
	}
	im.note(line, "RemovedData is neither yes nor no, taken as removed")
	return true
}
