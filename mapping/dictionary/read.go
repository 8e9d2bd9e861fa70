package dictionary

import (
	"slices"
	"strings"
	"unicode"

	"github.com/linkspan/linkspan/mapping"
)

// The files of Read v2 and CTV3 as NHS Digital published them (terminology §1.4): no header row, terms in three lengths.

// fiveBytes reports the shape of a Read v2 code, a CTV3 code and a CTV3 term id: five of [0-9A-Za-z.].
func fiveBytes(s string) bool {
	return mapping.Code{Scheme: mapping.ReadV2, Value: s}.Valid()
}

// longest is the longest of a term's three forms: a shorter one is filled in even where it had to be cut.
func longest(term30, term60, term198 string) string {
	for _, term := range [...]string{term198, term60, term30} {
		if term = strings.TrimSpace(term); term != "" {
			return term
		}
	}
	return ""
}

// readKey reads a row of Keyv2.all or unidrug.key: key, uniquifier, three terms, term code, language, Read code, discontinued.
func (f *file) readKey(cells []string) {
	discontinued, ok := flag(cells[8])
	if !ok {
		f.fault("a discontinued flag that is none", "restore the row from the published file")
		return
	}
	code := mapping.Code{Scheme: mapping.ReadV2, Value: cells[7], TermCode: cells[5], Term: longest(cells[2], cells[3], cells[4])}
	f.add(code, !discontinued, code.TermCode == preferredTermCode, published)
}

func fitsReadKey(cells []string) bool {
	_, ok := flag(cells[8])
	return ok && len(cells[5]) == 2 && fiveBytes(cells[7])
}

// flag reads a yes or no of the Read files; empty is no.
func flag(cell string) (set, ok bool) {
	switch strings.ToUpper(strings.TrimSpace(cell)) {
	case "", "0", "N", "F":
		return false, true
	case "1", "Y", "T":
		return true, true
	}
	return false, false
}

// readCore reads a row of Corev2.all: the code, with or without its term code, and its term.
func (f *file) readCore(cells []string) {
	code, err := mapping.ParseReadV2(cells[0], strings.TrimSpace(cells[1]))
	if err != nil {
		f.fault(ours(err), "copy the row again from the published file, as text")
		return
	}
	f.add(code, true, code.TermCode == "" || code.TermCode == preferredTermCode, published)
}

func fitsReadCore(cells []string) bool {
	_, err := mapping.ParseReadV2(cells[0], "")
	return err == nil && cells[1] != ""
}

// ctv3Release is what the three files of CTV3 say, until all are read.
type ctv3Release struct {
	concepts     map[[5]byte]bool // in use
	terms        map[[5]byte]ctv3Words
	text         strings.Builder // the words of all terms
	descriptions []ctv3Use
	files        []*file // those the descriptions stand in
}

// ctv3Words is the place of a term in the text.
type ctv3Words struct {
	at     uint64
	length uint32
	active bool
}

// ctv3Use is a row of Descrip.v3: this concept has this term.
type ctv3Use struct {
	concept, term [5]byte
	preferred     bool
	file          uint16
	line          uint32
}

// current reads a status of CTV3: current and optional are in use, extinct and redundant are not.
func current(status string) (active, ok bool) {
	switch status {
	case "C", "O":
		return true, true
	case "E", "R":
		return false, true
	}
	return false, false
}

// ctv3Concept reads a row of Concept.v3: code, status, role, category.
func (f *file) ctv3Concept(cells []string) {
	active, ok := current(cells[1])
	if !ok {
		f.fault("a status that is none of C, E, O and R", "restore the row from the published file")
		return
	}
	if err := (mapping.Code{Scheme: mapping.CTV3, Value: cells[0]}).Check(); err != nil {
		f.fault(ours(err), "copy the row again from the published file, as text")
		return
	}
	if f.ctv3.concepts == nil {
		f.ctv3.concepts = map[[5]byte]bool{}
	}
	concept := [5]byte([]byte(cells[0]))
	f.ctv3.concepts[concept] = f.ctv3.concepts[concept] || active
	f.gave[mapping.CTV3]++
}

func fitsCTV3Concept(cells []string) bool {
	_, ok := current(cells[1])
	return ok && fiveBytes(cells[0]) && (cells[2] == "N" || cells[2] == "A")
}

// ctv3Term reads a row of Terms.v3: term id, status, three terms.
func (f *file) ctv3Term(cells []string) {
	words := longest(cells[2], cells[3], cells[4])
	switch {
	case !fiveBytes(cells[0]):
		f.fault("a CTV3 term id is five characters", "copy the row again from the published file, as text")
		return
	case words == "":
		f.fault("a term without words", "restore the row from the published file")
		return
	}
	if f.ctv3.terms == nil {
		f.ctv3.terms = map[[5]byte]ctv3Words{}
	}
	id := [5]byte([]byte(cells[0]))
	if _, twice := f.ctv3.terms[id]; twice {
		return // the same release given twice
	}
	// A status we do not know is no reason to call the term out of use; the concept's decides.
	active, ok := current(cells[1])
	f.ctv3.terms[id] = ctv3Words{at: uint64(f.ctv3.text.Len()), length: uint32(len(words)), active: active || !ok}
	f.ctv3.text.WriteString(words)
	f.gave[mapping.CTV3]++
}

func fitsCTV3Term(cells []string) bool {
	return fiveBytes(cells[0]) && len(cells[1]) == 1 && longest(cells[2], cells[3], cells[4]) != ""
}

// ctv3Description reads a row of Descrip.v3: code, term id, P for the preferred term or S for a synonym.
func (f *file) ctv3Description(cells []string) {
	code := mapping.Code{Scheme: mapping.CTV3, Value: cells[0], TermCode: cells[1]}
	if err := code.Check(); err != nil || code.TermCode == "" {
		f.fault("not a CTV3 code and term id", "copy the row again from the published file, as text")
		return
	}
	if cells[2] != "P" && cells[2] != "S" {
		f.fault("a term type that is neither P nor S", "restore the row from the published file")
		return
	}
	files := &f.ctv3.files
	if len(*files) == 0 || (*files)[len(*files)-1] != f {
		*files = append(*files, f)
	}
	f.ctv3.descriptions = append(f.ctv3.descriptions, ctv3Use{
		concept: [5]byte([]byte(cells[0])), term: [5]byte([]byte(cells[1])), preferred: cells[2] == "P",
		file: uint16(len(*files) - 1), line: uint32(f.line),
	})
}

func fitsCTV3Description(cells []string) bool {
	return fiveBytes(cells[0]) && fiveBytes(cells[1]) && (cells[2] == "P" || cells[2] == "S")
}

func fitsCTV3Hierarchy(cells []string) bool {
	return fiveBytes(cells[0]) && fiveBytes(cells[1]) && strings.TrimFunc(cells[2], unicode.IsDigit) == ""
}

// joinCTV3 gives each concept its terms. Without any one of the three files there is nothing to say.
func (l *loader) joinCTV3() {
	r := &l.ctv3
	if len(r.concepts) == 0 && len(r.terms) == 0 && len(r.descriptions) == 0 {
		return
	}
	var missing []string
	for name, n := range map[string]int{"Concept.v3": len(r.concepts), "Descrip.v3": len(r.descriptions), "Terms.v3": len(r.terms)} {
		if n == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		l.ctv3Incomplete(missing)
		return
	}
	text := r.text.String()
	for i := range r.descriptions {
		d := &r.descriptions[i]
		f := r.files[d.file]
		f.line = int(d.line)
		active, listed := r.concepts[d.concept]
		words, worded := r.terms[d.term]
		switch {
		case !listed:
			f.fault("a concept that Concept.v3 does not list", "load the three files of one release")
		case !worded:
			f.fault("a term id that Terms.v3 does not list", "load the three files of one release")
		default:
			f.add(mapping.Code{Scheme: mapping.CTV3, Value: string(d.concept[:]), TermCode: string(d.term[:]), Term: text[words.at : words.at+uint64(words.length)]},
				active && words.active, d.preferred, published)
		}
	}
	*r = ctv3Release{}
}

// ctv3Incomplete says which of the three files is missing, at each of those that were given.
func (l *loader) ctv3Incomplete(missing []string) {
	slices.Sort(missing)
	for _, f := range l.files {
		if f.gave[mapping.CTV3] == 0 && !slices.Contains(l.ctv3.files, f) || !strings.HasPrefix(f.layout, "CTV3 ") {
			continue
		}
		delete(f.gave, mapping.CTV3)
		f.line = 0
		f.refuse("without "+strings.Join(missing, " and ")+" CTV3's files say nothing", "load Concept.v3, Descrip.v3 and Terms.v3 of one release together")
	}
}
