package formats

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linkspan/linkspan/mapping"
)

// draft is a table in the making: rows as they come, several for one key perhaps.
type draft struct {
	header   mapping.Header
	rows     []mapping.Row
	decided  bool // ambiguous keys become no-map rows; otherwise they are left out
	optional bool // left out where it has no rows
	settled  bool // the rows were chosen by the format's own rule
}

// draftFor finds or starts the draft of one direction and layer.
func (im *importer) draftFor(from, to mapping.Scheme, layer mapping.Layer) *draft {
	for _, d := range im.drafts {
		if d.header.From == from && d.header.To == to && d.header.Layer == layer {
			return d
		}
	}
	d := &draft{header: mapping.Header{From: from, To: to, Layer: layer}}
	im.drafts = append(im.drafts, d)
	return d
}

// add checks a row as mapping.Parse would and puts it into the draft; a row that would refuse the table is left out and
// noted. A Read v2 code that states no term code is taken as its preferred term: the row then answers for no synonym.
func (im *importer) add(d *draft, row mapping.Row) {
	for _, side := range []struct {
		which string
		code  *mapping.Code
	}{{"source code", &row.Source}, {"target code", &row.Target}} {
		if side.which == "target code" && row.Relation == mapping.NoMap {
			row.Target = mapping.Code{}
			break
		}
		if err := side.code.Check(); err != nil {
			im.badCode(row.Line, side.which, side.code.Value, err)
			return
		}
		if v := side.code.Value; lost(v) || words(v) != v { // an enumerated value, in which any other character may stand
			im.badCode(row.Line, side.which, v, errors.New("a character that shows nothing or was lost"))
			return
		}
		if side.code.Scheme == mapping.ReadV2 && side.code.TermCode == "" {
			side.code.TermCode = "00"
			im.note(row.Line, "Read codes without a term code, taken as the preferred term 00")
		}
		if side.code.Term = words(side.code.Term); lost(side.code.Term) {
			side.code.Term = ""
			im.note(row.Line, "terms left out: a character that was lost in an earlier conversion")
		}
	}
	row.Reason, row.Reviewer = strings.ReplaceAll(words(row.Reason), "\ufffd", "?"), strings.ReplaceAll(words(row.Reviewer), "\ufffd", "?")
	if why := unfit(&row); why != "" {
		im.note(row.Line, "left out, "+why)
		return
	}
	if row.Source.Scheme.Drug() || row.Target.Scheme.Drug() {
		if row.Relation != mapping.NoMap && d.header.Purpose == "" && (row.Source.Term == "" || row.Target.Term == "") {
			im.note(row.Line, "drug rows without both terms: the check needs the dictionaries of both schemes")
		}
	}
	d.rows = append(d.rows, row)
}

// unfit is what mapping.Parse would refuse in a row whose codes hold, or "".
func unfit(row *mapping.Row) string {
	if row.Relation == mapping.NoMap {
		if row.Reason == "" {
			row.Reason = "the source has no map"
		}
		return ""
	}
	if row.Source.Scheme == row.Target.Scheme && row.Source.Is(row.Target) {
		return "the target is the source"
	}
	source, target := mapping.ClassOf(row.Source.Term), mapping.ClassOf(row.Target.Term)
	if row.Source.Scheme.Enumeration() || row.Target.Scheme.Enumeration() {
		source, target = mapping.Unknown, mapping.Unknown
	}
	strict := row.Context == mapping.MedicationContext || row.Context == mapping.IssueContext || strings.HasSuffix(string(row.Context), string(mapping.AllergyContext))
	switch {
	case source != mapping.Unknown && target != mapping.Unknown && source != target:
		return "the terms differ in class of context (" + string(source) + ", " + string(target) + ")"
	case row.Relation == mapping.Broader && strict:
		return "the target of an allergy or medication row says more than the source"
	}
	return ""
}

// words makes a term fit for one cell: line ends and tabs become spaces, characters that show nothing and spaces around it
// go.
func words(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return ' '
		case r > 0x7f && unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point):
			return -1
		}
		return r
	}, s))
}

// lost reports a term in which an earlier conversion lost a character. What it said is no longer known.
func lost(term string) bool { return strings.ContainsRune(term, utf8.RuneError) }

// settle sorts the rows by key and leaves one for each.
func (d *draft) settle(im *importer) []mapping.Row {
	slices.SortFunc(d.rows, func(a, b mapping.Row) int {
		return cmp.Or(compareKeys(&a, &b), strings.Compare(a.ValidFrom, b.ValidFrom), a.Line-b.Line)
	})
	if d.settled {
		return d.rows
	}
	kept := d.rows[:0]
	for start := 0; start < len(d.rows); {
		end := start + 1
		for end < len(d.rows) && compareKeys(&d.rows[start], &d.rows[end]) == 0 {
			end++
		}
		group := d.rows[start:end]
		switch start = end; {
		case len(group) == 1 || disjoint(group):
			kept = append(kept, group...)
		default:
			if row, ok := im.choose(group, d.decided); ok {
				kept = append(kept, row)
			}
		}
	}
	clear(d.rows[len(kept):])
	return kept
}

// disjoint reports that no two rows of one key, ordered by their first day, are valid on one day: each is a row of its own.
func disjoint(rows []mapping.Row) bool {
	for i := 1; i < len(rows); i++ {
		if rows[i-1].ValidTo == "" || rows[i].ValidFrom <= rows[i-1].ValidTo {
			return false
		}
	}
	return true
}

func compareKeys(a, b *mapping.Row) int {
	return cmp.Or(strings.Compare(a.Source.Value, b.Source.Value), strings.Compare(a.Source.TermCode, b.Source.TermCode),
		strings.Compare(string(a.Context), string(b.Context)))
}

const ambiguousReason = "the source gives several targets and does not choose"

// choose makes one row of several with one key, where the source states no order among them. Rows with one target are
// one row. Where the targets differ, the only equivalent one is taken: the others are near matches. Otherwise the source
// does not choose, and neither does the importer.
func (im *importer) choose(rows []mapping.Row, decided bool) (mapping.Row, bool) {
	merged := rows[:0:0]
	for _, row := range rows {
		i := slices.IndexFunc(merged, func(m mapping.Row) bool { return m.Target.Is(row.Target) })
		if i < 0 {
			merged = append(merged, row)
			continue
		}
		im.note(row.Line, "rows stated twice")
		merge(&merged[i], &row)
	}
	if len(merged) == 1 {
		return merged[0], true
	}
	equivalent := -1
	for i := range merged {
		if merged[i].Relation == mapping.Equivalent {
			if equivalent >= 0 {
				equivalent = -2
				break
			}
			equivalent = i
		}
	}
	if equivalent >= 0 && !slices.ContainsFunc(merged, func(m mapping.Row) bool { return m.Relation == mapping.NoMap }) {
		im.noteMany(merged[equivalent].Line, "near matches beside an equivalent target, left out", len(merged)-1)
		return merged[equivalent], true
	}
	first := merged[0]
	if !decided {
		im.note(first.Line, "codes left out: "+ambiguousReason)
		return mapping.Row{}, false
	}
	im.note(first.Line, "codes made no-map: "+ambiguousReason)
	return mapping.Row{Source: first.Source, Context: first.Context, Relation: mapping.NoMap, Reason: ambiguousReason, Line: first.Line}, true
}

// merge joins two rows of one key and target. A degree that only one states stands; two that differ come to related-to.
func merge(into, row *mapping.Row) {
	switch {
	case into.Relation == row.Relation:
	case into.Relation == mapping.Related:
		into.Relation = row.Relation
	case row.Relation != mapping.Related:
		into.Relation = mapping.Related
	}
	into.Assured = into.Assured && row.Assured
	into.Source.Term = cmp.Or(into.Source.Term, row.Source.Term)
	into.Target.Term = cmp.Or(into.Target.Term, row.Target.Term)
	if into.ValidFrom != row.ValidFrom || into.ValidTo != row.ValidTo {
		into.ValidFrom, into.ValidTo = max(into.ValidFrom, row.ValidFrom), earlier(into.ValidTo, row.ValidTo)
	}
}

// earlier is the earlier of two last days; an empty one is no bound.
func earlier(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}
