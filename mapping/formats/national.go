package formats

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

// nationalColumns are the columns of one national map file: where they differ in spelling, every spelling.
type nationalColumns struct {
	source, sourceTerm, target, targetTerm, termType string
}

func (f Format) nationalColumns() nationalColumns {
	switch f {
	case ReadSNOMED:
		return nationalColumns{"ReadCode", "TermCode", "ConceptId", "", ""}
	case CTV3SNOMED:
		return nationalColumns{"CTV3_CONCEPTID", "CTV3_TERMID", "SCT_CONCEPTID", "", "?CTV3_TERMTYPE|CTV3_TERMTYP"}
	case ReadCTV3:
		return nationalColumns{"V2_CONCEPTID", "V2_TERMID", "CTV3_CONCEPTID", "", ""}
	default: // CTV3Read
		return nationalColumns{"CTV3_CONCEPTID", "CTV3_TERMID", "V2_CONCEPTID", "V2_TERMID", "?CTV3_TERMTYPE|CTV3_TERMTYP"}
	}
}

// noColumn asks for a column the file need not have, under a name none has.
const noColumn = "?(no such column)"

// claim is one line of a national map: what it says of one source term, and from when.
type claim struct {
	source, sourceTerm, target, targetTerm string
	day                                    int32 // yyyymmdd
	line                                   int32
	status                                 byte // 0 inactive, 1 active, 2 and 3 ambiguous
	assured, preferred                     bool
}

func (c *claim) sameTarget(o *claim) bool {
	return c.target == o.target && c.targetTerm == o.targetTerm
}

// readNational reads one of the four dated maps. A line that cannot be read is a fault, not a note: it may be the one
// that ends another map, and leaving it out would bring a dead map back.
func (im *importer) readNational(in io.Reader) {
	r, ok := im.open(in, delimited.Options{})
	if !ok {
		return
	}
	names := im.format.nationalColumns()
	at, ok := im.columns(r, "MAPID", names.source, names.sourceTerm, names.target, cmp.Or(names.targetTerm, noColumn), cmp.Or(names.termType, noColumn),
		"MAPSTATUS", "EFFECTIVEDATE", "IS_ASSURED|ISASSURED")
	if !ok {
		return
	}
	maps := map[string]int{} // MAPID -> its newest claim in claims
	var claims []claim
	for cells := range im.rowsOf(r, true) {
		c := claim{
			source: cells[at[1]], sourceTerm: cells[at[2]], target: cells[at[3]], targetTerm: optional(cells, at[4]),
			preferred: strings.EqualFold(optional(cells, at[5]), "P"), line: int32(r.Line()), day: dayNumber(cells[at[7]]),
		}
		id, status, assured := cells[at[0]], cells[at[6]], cells[at[8]]
		switch {
		case id == "":
			im.fault(r.Line(), "no MAPID", "nobody can tell which map this line changes", "take the file as it was published")
			continue
		case c.day == 0:
			im.fault(r.Line(), "EFFECTIVEDATE is no date", "nobody can tell whether this line ends its map", "take the file as it was published")
			continue
		case len(status) != 1 || status[0] < '0' || status[0] > '3':
			im.fault(r.Line(), "MAPSTATUS is none of 0, 1, 2, 3", "nobody can tell whether the map is dead", "take the file as it was published")
			continue
		case assured != "0" && assured != "1" && assured != "":
			im.fault(r.Line(), "IS_ASSURED is neither 0 nor 1", "assurance decides whether the row may code", "take the file as it was published")
			continue
		}
		c.status, c.assured = status[0]-'0', assured == "1"
		known, seen := maps[id]
		if !seen {
			maps[id] = len(claims)
			claims = append(claims, c)
			continue
		}
		im.note(0, "superseded rows: another row of the MAPID is newer")
		claims[known] = newer(claims[known], c)
	}
	if len(im.faults) > 0 {
		return
	}
	d := im.draftFor(im.direction())
	d.settled = true
	im.chooseClaims(d, claims)
}

// newer is the claim that counts of two with one MAPID. Of two of one day the dead one counts; where both live and their
// targets differ, neither target does.
func newer(a, b claim) claim {
	switch {
	case b.day > a.day:
		return b
	case a.day > b.day, a.status == 0:
		return a
	case b.status == 0:
		return b
	case !a.sameTarget(&b):
		a.status = 3
	}
	a.assured = a.assured && b.assured
	a.status = max(a.status, b.status)
	return a
}

func (im *importer) direction() (from, to mapping.Scheme, layer mapping.Layer) {
	from, to = im.format.schemes()
	return from, to, im.layer()
}

// What the notes on national rows say.
const (
	noteDead       = "dead maps: the newest row of the MAPID is inactive"
	noteNotForUse  = "alternates not for use"
	noteTPP        = "codes local to SystmOne (Y...), which no national map knows"
	noteNotAssured = "rows not assured"
	noteAmbiguous  = "codes made no-map: the national map marks them ambiguous"
	noteDrug       = "drug codes made no-map (_DRUG)"
	noteNone       = "codes made no-map (_NONE)"
	noteMarker     = "left out, target code: a marker other than _DRUG and _NONE"
	noteSeveral    = "codes with several active rows: assured before not assured, then the newest"
	noteTie        = "codes made no-map: several active rows of one day with different targets"
	noteConcept    = "CTV3 concepts without a row of their own: their terms have different targets, or one has none"
)

// chooseClaims makes the rows: for each source term one of its maps, in the order active, assured, newest.
func (im *importer) chooseClaims(d *draft, claims []claim) {
	d.rows = slices.Grow(d.rows, len(claims))
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(strings.Compare(a.source, b.source), strings.Compare(a.sourceTerm, b.sourceTerm), rank(&a, &b), int(a.line-b.line))
	})
	for start := 0; start < len(claims); {
		end := start + 1
		for end < len(claims) && claims[end].source == claims[start].source {
			end++
		}
		im.chooseConcept(d, claims[start:end])
		start = end
	}
}

// rank puts the claim that counts first: active, then ambiguous, then dead; assured; newest.
func rank(a, b *claim) int {
	return cmp.Or(standing(b.status)-standing(a.status), truth(b.assured)-truth(a.assured), int(b.day-a.day))
}

func standing(status byte) int {
	switch status {
	case 0:
		return 0
	case 1:
		return 2
	}
	return 1
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// chooseConcept makes the rows of one source code, one for each of its terms, and for CTV3 the row of the concept: the
// messages of SystmOne state no term id, and a national file states nothing else. That row exists only where every term
// has a living map and all have one target; it is as assured as the preferred term's row, or as all of them.
func (im *importer) chooseConcept(d *draft, claims []claim) {
	from, _ := im.format.schemes()
	if from == mapping.CTV3 && strings.HasPrefix(claims[0].source, "Y") {
		im.noteMany(int(claims[0].line), noteTPP, len(claims))
		return
	}
	first := len(d.rows)
	agree, terms := true, 0
	concept := mapping.Row{Assured: true}
	preferredAssured, preferred := false, false
	for start := 0; start < len(claims); {
		end := start + 1
		for end < len(claims) && claims[end].sourceTerm == claims[start].sourceTerm {
			end++
		}
		row, ok := im.chooseTerm(claims[start:end])
		if agree = agree && ok; ok {
			d.rows = append(d.rows, row)
			terms++
			if terms > 1 && (!row.Target.Is(concept.Target) || row.Relation != concept.Relation) {
				agree = false
			}
			concept.Source, concept.Target, concept.Relation, concept.Reason, concept.Line = row.Source, row.Target, row.Relation, row.Reason, row.Line
			concept.Assured = concept.Assured && row.Assured
			if claims[start].preferred {
				preferred, preferredAssured = true, row.Assured
			}
		}
		start = end
	}
	switch {
	case from != mapping.CTV3 || len(d.rows) == first || d.rows[first].Source.TermCode == "":
	case !agree:
		im.note(int(claims[0].line), noteConcept)
	default:
		if preferred {
			concept.Assured = preferredAssured
		}
		concept.Source.TermCode = ""
		concept.Reason = cmp.Or(concept.Reason, "every term of the concept has this target")
		d.rows = slices.Insert(d.rows, first, concept)
	}
}

// dead is what a claim of status 0 is called.
func (im *importer) dead() string {
	if im.format == ReadValues || im.format == CTV3Values {
		return noteNotForUse
	}
	return noteDead
}

// chooseTerm makes the row of one source term from its ranked claims, or none.
func (im *importer) chooseTerm(claims []claim) (mapping.Row, bool) {
	best := &claims[0]
	if best.status == 0 {
		im.noteMany(int(best.line), im.dead(), len(claims))
		return mapping.Row{}, false
	}
	from, to := im.format.schemes()
	row := mapping.Row{
		Source: mapping.Code{Scheme: from, Value: best.source, TermCode: best.sourceTerm},
		Target: mapping.Code{Scheme: to, Value: best.target, TermCode: best.targetTerm}, Relation: mapping.Related,
		Assured: best.assured, Line: int(best.line),
	}
	if err := row.Source.Check(); err != nil {
		im.badCode(row.Line, "source code", row.Source.Value, err)
		return mapping.Row{}, false
	}
	if from == mapping.ReadV2 && row.Source.TermCode == "" {
		im.badCode(row.Line, "source code", row.Source.Value, errors.New("no Read term code"))
		return mapping.Row{}, false
	}
	noMap := func(note, reason string) (mapping.Row, bool) {
		im.note(row.Line, note)
		row.Target, row.Relation, row.Reason, row.Assured = mapping.Code{}, mapping.NoMap, reason, false
		return row, true
	}
	several := false
	for i := range claims[1:] {
		other := &claims[1+i]
		if other.status != 1 {
			if other.status == 0 {
				im.note(int(other.line), im.dead())
			}
			continue
		}
		if other.sameTarget(best) {
			continue
		}
		if rank(best, other) == 0 {
			return noMap(noteTie, "the national map gives several targets of one day and standing")
		}
		several = true
	}
	if several && best.status == 1 {
		im.note(row.Line, noteSeveral)
	}
	switch {
	case best.target == "_DRUG":
		return noMap(noteDrug, "_DRUG: there is no national map from Read drug codes")
	case best.target == "_NONE":
		return noMap(noteNone, "_NONE: the national map has no target")
	case best.status != 1:
		return noMap(noteAmbiguous, fmt.Sprintf("the national map marks it ambiguous (status %d)", best.status))
	case strings.HasPrefix(best.target, "_"):
		im.note(row.Line, noteMarker)
		return mapping.Row{}, false
	case to == mapping.CTV3 && strings.HasPrefix(best.target, "Y"):
		im.note(row.Line, noteTPP)
		return mapping.Row{}, false
	}
	if err := row.Target.Check(); err != nil {
		im.badCode(row.Line, "target code", row.Target.Value, err)
		return mapping.Row{}, false
	}
	if to == mapping.ReadV2 && row.Target.TermCode == "" {
		im.badCode(row.Line, "target code", row.Target.Value, errors.New("no Read term code"))
		return mapping.Row{}, false
	}
	if !row.Assured {
		im.note(row.Line, noteNotAssured)
	}
	return row, true
}

// readValues reads codesWithValues: alternates for entries with a numeric value, in the context with-value.
func (im *importer) readValues(in *bufio.Reader) {
	r, ok := im.open(in, delimited.Options{})
	if !ok {
		return
	}
	at, ok := im.columns(r, "code", "termcode", "conceptId", "use")
	if !ok {
		return
	}
	folder := "/" + strings.ToLower(strings.ReplaceAll(im.name, `\`, "/"))
	assured := im.o.Assured || strings.Contains(folder, "/clinically assured/") && !strings.Contains(folder, "not clinically assured")
	var claims []claim
	for cells := range im.rowsOf(r, true) {
		c := claim{source: cells[at[0]], sourceTerm: cells[at[1]], target: cells[at[2]], line: int32(r.Line()), status: 1, assured: assured}
		if !strings.EqualFold(cells[at[3]], "Y") {
			c.status = 0 // the term has no alternate, and so its concept has none for every term
		}
		claims = append(claims, c)
	}
	if len(im.faults) > 0 {
		return
	}
	d := im.draftFor(im.direction())
	d.settled = true
	im.chooseClaims(d, claims)
	for i := range d.rows {
		d.rows[i].Context = mapping.WithValue
	}
}

// dayNumber reads the spellings of a day the files use: 20200401, 2020-04-01 and 01/04/2020, a time of day after it or
// not. 0 is no day.
func dayNumber(s string) int32 {
	if head, time, ok := strings.Cut(s, " "); ok && madeOf(time, "0-9:.") {
		s = head
	}
	switch {
	case len(s) == 10 && s[4] == '-' && s[7] == '-':
		s = s[:4] + s[5:7] + s[8:]
	case len(s) == 10 && s[2] == '/' && s[5] == '/':
		s = s[6:] + s[3:5] + s[:2]
	}
	if len(s) != 8 || !madeOf(s, "0-9") {
		return 0
	}
	n := int32(0)
	for i := range len(s) {
		n = n*10 + int32(s[i]-'0')
	}
	if month, day := n/100%100, n%100; month < 1 || month > 12 || day < 1 || day > 31 || n < 1900_00_00 {
		return 0
	}
	return n
}

func optional(cells []string, at int) string {
	if at < 0 {
		return ""
	}
	return cells[at]
}
