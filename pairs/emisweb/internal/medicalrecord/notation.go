package medicalrecord

import (
	_ "embed"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

//go:embed notation.tsv
var notationTSV string

//go:embed qualifiers.tsv
var qualifiersTSV string

//go:embed labels.tsv
var labelsTSV string

// own is what every enumeration scheme of this document starts with.
const own = "emisweb."

// spelling is one line of notation.tsv.
type spelling struct{ native, value, words string }

// qualifierItem is one line of qualifiers.tsv.
type qualifierItem struct{ item, group, slot, name, value, meaning string }

// label is one line of labels.tsv.
type label struct{ element, name, form string }

// fieldSet is the labels of one type, by element path and by name.
type fieldSet struct {
	byElement map[string]label
	byName    map[string]label
}

// The tables, read once and never changed.
var (
	notation   = readNotation()
	qualifiers = readQualifiers()
	labels     = readLabels()
)

func readNotation() map[string][]spelling {
	slots := map[string][]spelling{}
	for _, f := range lines(notationTSV, 4) {
		slots[f[0]] = append(slots[f[0]], spelling{f[1], f[2], f[3]})
	}
	return slots
}

func readQualifiers() []qualifierItem {
	var items []qualifierItem
	for _, f := range lines(qualifiersTSV, 6) {
		items = append(items, qualifierItem{f[0], f[1], f[2], f[3], f[4], f[5]})
	}
	return items
}

func readLabels() map[string]fieldSet {
	types := map[string]fieldSet{}
	for _, f := range lines(labelsTSV, 4) {
		set, ok := types[f[0]]
		if !ok {
			set = fieldSet{map[string]label{}, map[string]label{}}
			types[f[0]] = set
		}
		l := label{f[1], f[2], f[3]}
		set.byElement[l.element] = l
		if l.name != "-" && l.form != "words" {
			set.byName[l.name] = l
		}
	}
	return types
}

// lines splits an embedded table. A line of another width is a fault of this
// package, found by the first test that loads it.
func lines(table string, width int) [][]string {
	var out [][]string
	for line := range strings.SplitSeq(table, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != width {
			panic("medicalrecord: an embedded table has a line of another width: " + line)
		}
		out = append(out, f)
	}
	return out
}

// readSlot gives what a spelling of a slot means. known is false when the
// table has no such spelling; the code is zero when record has no value for it.
func readSlot(slot, native string) (code mapping.Code, words string, known bool) {
	for _, s := range notation[slot] {
		if s.native != native {
			continue
		}
		if s.value != "-" {
			code = mapping.Code{Scheme: mapping.Scheme(own + slot), Value: s.value, Term: s.words}
		}
		return code, s.words, true
	}
	return mapping.Code{}, "", false
}

// writeSlot gives the spelling of a value, "" when the document has none.
func writeSlot(slot, value string) string {
	for _, s := range notation[slot] {
		if s.value == value && value != "-" {
			return s.native
		}
	}
	return ""
}

// writeWords gives the spelling that stands for words, "" when none does.
func writeWords(slot, words string) string {
	for _, s := range notation[slot] {
		if s.words == words {
			return s.native
		}
	}
	return ""
}
