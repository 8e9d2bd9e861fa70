package formats

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

// readTable reads our own form, so that a table written by hand comes out in the one canonical way. What its header
// does not say the options say. Its checks are those of mapping.Parse, and so are its faults.
func (im *importer) readTable(in *bufio.Reader) {
	skipMark(in)
	head, _ := in.Peek(headSize)
	before := im.missing(head)
	table, faults := mapping.Parse(im.name, io.MultiReader(strings.NewReader(before), in), mapping.Options{Layer: im.o.Layer})
	if im.src.err != nil {
		im.stopped(0, im.src.err)
		return
	}
	shift := strings.Count(before, "\n")
	for _, f := range faults {
		if f.Line > 0 {
			f.Line = max(1, f.Line-shift)
		}
		im.fault(f.Line, f.What, f.Why, f.Mend)
	}
	if len(faults) > 0 {
		return
	}
	im.rows = int64(table.Len())
	d := im.draftFor(table.From, table.To, im.layer())
	d.header, d.settled = table.Header, true
	for row := range table.Rows() {
		row.Line -= shift
		d.rows = append(d.rows, row)
	}
	im.own.SourceRelease = table.SourceRelease
}

// missing are header lines for what the options say and the file does not.
func (im *importer) missing(text []byte) string {
	has := map[string]bool{}
	for line := range bytes.Lines(text) {
		if line[0] != '#' {
			break
		}
		key, _, _ := strings.Cut(string(line[1:]), ":")
		has[strings.TrimSpace(key)] = true
	}
	var b strings.Builder
	for _, h := range []struct{ key, value string }{
		{"id", im.o.ID}, {"version", im.o.Version}, {"from", string(im.o.From)}, {"to", string(im.o.To)}, {"layer", string(im.o.Layer)},
		{"use", im.o.Use}, {"licence", im.o.Licence}, {"source", im.o.Source}, {"author", im.o.Author},
	} {
		if h.value != "" && !has[h.key] {
			b.WriteString("# " + h.key + ": " + words(h.value) + "\n")
		}
	}
	return b.String()
}

// derivedOrigin starts the origin of a row composed from other maps.
const derivedOrigin = "derived:"

// readCodeList reads rows that name their own systems, grouped into one table for each direction and layer. What was
// composed from other maps goes into a derived table.
func (im *importer) readCodeList(in *bufio.Reader) {
	r, ok := im.open(in, delimited.Options{})
	if !ok {
		return
	}
	at, ok := im.columns(r, "source_system", "source_code", "?source_term", "target_system", "target_code", "?target_term", "relationship", "?origin")
	if !ok {
		return
	}
	for cells := range im.rowsOf(r, true) {
		line, origin := r.Line(), optional(cells, at[7])
		source, err := listed(cells[at[0]], cells[at[1]], optional(cells, at[2]))
		target, err2 := listed(cells[at[3]], cells[at[4]], optional(cells, at[5]))
		switch {
		case source.Scheme == "" || target.Scheme == "":
			im.note(0, "left out: a system Linkspan does not know")
			continue
		case im.o.From != "" && source.Scheme != im.o.From || im.o.To != "" && target.Scheme != im.o.To:
			im.note(0, "rows of another scheme than the one asked for")
			continue
		case err != nil:
			im.badCode(line, "source code", cells[at[1]], err)
			continue
		case err2 != nil && cells[at[6]] != string(mapping.NoMap):
			im.badCode(line, "target code", cells[at[4]], err2)
			continue
		case source.Scheme == target.Scheme:
			im.note(0, "left out: source and target are of one scheme, a matter of spelling")
			continue
		case source.Scheme == mapping.TPPLocal:
			im.note(line, "codes local to SystmOne (Y...) under CTV3, left out")
			continue
		}
		row := mapping.Row{Source: source, Target: target, Relation: mapping.Relation(cells[at[6]]), Assured: strings.HasSuffix(origin, ":assured=1"), Line: line}
		switch row.Relation {
		case mapping.Equivalent, mapping.Narrower, mapping.Broader, mapping.Related, mapping.NoMap:
		default:
			im.note(line, "left out: a relation Linkspan does not know")
			continue
		}
		if origin != "" {
			row.Reason = "origin: " + origin
		}
		layer := im.layer()
		if strings.HasPrefix(origin, derivedOrigin) {
			layer = mapping.DerivedLayer
		}
		im.add(im.draftFor(source.Scheme, target.Scheme, layer), row)
	}
}

// listed reads one code of a code list; no scheme is a system Linkspan does not know.
func listed(system, value, term string) (mapping.Code, error) {
	switch system {
	case "readv2":
		c, err := mapping.ParseReadV2(value, term)
		c.Scheme = mapping.ReadV2
		return c, err
	case "ctv3":
		c, err := mapping.ParseCTV3(value, term)
		if err != nil {
			c.Scheme = mapping.CTV3
		}
		return c, err
	case "emis":
		c, err := mapping.ParseEMIS(value, term)
		if err != nil {
			c.Scheme = mapping.EMISLocal
		}
		return c, err
	case "snomed", "dmd", "emis-drug", "multilex", "tpp":
		c := inside(mapping.Scheme(system), value, "", term)
		return c, c.Check()
	}
	if enumeration(system) {
		c := mapping.Code{Scheme: mapping.Scheme(system), Value: value, Term: term}
		return c, c.Check()
	}
	return mapping.Code{}, nil
}
