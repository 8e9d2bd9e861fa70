package dictionary

import (
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// SNOMED CT's release format 2, snapshot: descriptions and concepts (terminology §1.1 names the releases).
const (
	fullySpecifiedName = "900000000000003001"
	synonym            = "900000000000013009"
)

// description reads a row of a description file: id, active, conceptId, languageCode, typeId, term. The words of a
// concept are its first active synonym in English, else its fully specified name without the tag. A description out of
// use still shows that the concept exists.
func (f *file) description(cells []string) {
	active, concept, language, kind, term := cells[1], cells[2], cells[3], cells[4], cells[5]
	code := mapping.Code{Scheme: mapping.SNOMED, Value: concept, Term: term}
	switch {
	case active != "0" && active != "1":
		f.fault("active is neither 0 nor 1", "restore the row from the release")
	case active == "1" && kind == synonym && strings.HasPrefix(language, "en"):
		f.add(code, true, true, published)
	case active == "1" && kind == fullySpecifiedName && strings.HasPrefix(language, "en"):
		code.Term = withoutTag(term)
		f.add(code, true, true, specified)
	default:
		code.Term = ""
		f.add(code, active == "1", true, existence)
	}
}

// withoutTag cuts the semantic tag off a fully specified name: "Asthma (disorder)".
func withoutTag(name string) string {
	if i := strings.LastIndex(name, " ("); i > 0 && strings.HasSuffix(name, ")") {
		return name[:i]
	}
	return name
}

// concept reads a row of a concept file: id, effectiveTime, active. It is judged when all files are read: of several
// releases the newest says whether a concept is in use, in whatever order they come.
func (f *file) concept(cells []string) {
	id, okID := number(cells[0])
	time, okTime := number(cells[1])
	code := mapping.Code{Scheme: mapping.SNOMED, Value: cells[0]}
	switch err := code.Check(); {
	case err != nil:
		f.fault(ours(err), "copy the row again from the release, as text")
		return
	case !okID, !okTime, len(cells[1]) != 8, cells[2] != "0" && cells[2] != "1":
		f.fault("not an effective time and a 0 or 1", "restore the row from the release")
		return
	}
	if f.concepts == nil {
		f.concepts = map[uint64]uint64{}
	}
	said := time << 1
	if cells[2] == "1" {
		said |= 1
	}
	f.concepts[id] = max(f.concepts[id], said)
	f.gave[mapping.SNOMED]++
}

// joinSNOMED says of each concept whether it is in use.
func (l *loader) joinSNOMED() {
	if len(l.concepts) == 0 {
		return
	}
	s := l.stores[mapping.SNOMED]
	if s == nil {
		s = newStore(mapping.SNOMED)
		l.stores[mapping.SNOMED] = s
	}
	ids := make([]uint64, 0, len(l.concepts))
	for id := range l.concepts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := s.status(strconv.FormatUint(id, 10), l.concepts[id]&1 == 1); err != nil {
			l.refuse(string(mapping.SNOMED), err.Error(), "codes would be missing", "load fewer files")
			break
		}
	}
	l.concepts = nil
}

// number reads up to 18 digits.
func number(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && len(s) <= 18
}
