package formats

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// scheme is the one of a URI, or what the option says: where the file states none, and dmd where it says snomed. A
// contradiction is a fault, told once.
func (im *importer) scheme(uri string, stated mapping.Scheme) (mapping.Scheme, bool) {
	s := schemeOf(uri)
	switch {
	case uri == "" || s == "" && stated != "":
		return stated, stated != ""
	case s == "":
		return "", false
	case stated == "" || stated == s:
		return s, true
	case s == mapping.SNOMED && stated == mapping.DMD:
		return stated, true
	}
	im.note(0, "rows of another scheme than the one asked for")
	return "", false
}

// addOutside adds a row of a format that names its schemes, to the draft of its direction. The target's scheme stands in
// to where the row has none.
func (im *importer) addOutside(source mapping.Code, row mapping.Row, to mapping.Scheme) {
	row.Source = source
	if row.Relation != mapping.NoMap {
		to = row.Target.Scheme
	}
	if row.Source.Scheme == mapping.TPPLocal && im.o.From != mapping.TPPLocal && im.own.From != mapping.TPPLocal {
		im.note(row.Line, "codes local to SystmOne (Y...) under CTV3, left out")
		return
	}
	if !day(row.ValidFrom) || !day(row.ValidTo) || row.ValidTo != "" && row.ValidTo < row.ValidFrom {
		im.note(row.Line, "left out: its days of validity are none")
		return
	}
	history := im.own.Purpose == mapping.HistoryPurpose
	if source.Scheme == to && !history {
		im.note(row.Line, "left out: source and target are of one scheme")
		return
	}
	im.add(im.draftFor(source.Scheme, to, im.layer()), row)
}

func day(s string) bool { return s == "" || len(s) == 10 && s[4] == '-' && dayNumber(s) > 0 }

// contextNamed reads the word of a context; false is a word that cannot be one.
func contextNamed(word string) (mapping.Context, bool) {
	if word == "any" || word == "" {
		return mapping.Any, true
	}
	if !madeOf(word, "a-z0-9-") || strings.Trim(word, "-") != word || strings.Contains(word, "--") {
		return "", false
	}
	return mapping.Context(word), true
}
