package formats

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

const noTermFound = "sssom:NoTermFound"

// The columns of SSSOM this package writes; those that start with ext_ are its own.
var sssomColumns = [...]string{
	"subject_id", "subject_label", "predicate_id", "object_id", "object_label", "mapping_justification", "comment", "reviewer_label",
	"ext_subject_term_code", "ext_object_term_code", "ext_context", "ext_assured", "ext_valid_from", "ext_valid_to",
}

// predicates are the words for our relations. "A broadMatch B" says that B is the broader one.
var predicates = [...]struct {
	relation  mapping.Relation
	predicate string
}{
	{mapping.Equivalent, "skos:exactMatch"}, {mapping.Narrower, "skos:broadMatch"}, {mapping.Broader, "skos:narrowMatch"},
	{mapping.Related, "skos:relatedMatch"}, {mapping.Related, "skos:closeMatch"},
}

func relationOf(predicate string) (mapping.Relation, bool) {
	predicate = strings.Replace(predicate, "http://www.w3.org/2004/02/skos/core#", "skos:", 1)
	for _, p := range predicates {
		if p.predicate == predicate {
			return p.relation, true
		}
	}
	return "", false
}

func predicateOf(r mapping.Relation) string {
	for _, p := range predicates {
		if p.relation == r {
			return p.predicate
		}
	}
	return "skos:relatedMatch"
}

// judged reports that a person made or reviewed the mapping, as far as the file says. A match of words or a chain of
// other maps is no judgement, nor is one nobody specified, but in a file this package wrote: such a row may say exactMatch
// and comes in as related-to, which never codes.
func judged(justification string, ours bool) bool {
	justification = strings.Replace(justification, "https://w3id.org/semapv/vocab/", "semapv:", 1)
	switch strings.TrimPrefix(justification, "semapv:") {
	case "ManualMappingCuration", "MappingReview":
		return true
	case unspecified:
		return ours
	}
	return false
}

// unspecified is the justification this package writes: why a row holds stands in its reason and its reviewer.
const unspecified = "UnspecifiedMatching"

// sssomHeader is the YAML before the rows: single values, and the prefixes of the CURIEs.
type sssomHeader struct {
	values   map[string]string
	prefixes map[string]string
	in       string // the key whose indented lines follow
}

// line reads one line of the YAML. Only what a mapping set needs is understood: "key: value" and one level of indented
// "prefix: uri" under curie_map; lists and deeper levels are passed over.
func (h *sssomHeader) line(text string) {
	text = strings.TrimPrefix(text, " ")
	key, value, ok := strings.Cut(text, ":")
	indented := strings.TrimLeft(key, " \t") != key || strings.HasPrefix(key, "-")
	key, value = unquoteYAML(key), unquoteYAML(value)
	switch {
	case !ok:
	case !indented:
		h.in = key
		if value != "" {
			h.values[key] = value
		}
	case h.in == "curie_map" && !strings.HasPrefix(key, "-"):
		h.prefixes[key] = value
	}
}

// unquoteYAML reads one scalar: plain, in single quotes, or in double ones, which are JSON's.
func unquoteYAML(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return s
	}
	switch s[0] {
	case '"':
		var plain string
		if json.Unmarshal([]byte(s), &plain) == nil {
			return plain
		}
	case '\'':
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	}
	return s
}

// curie reads a CURIE or a whole IRI: the scheme, "" where it is none Linkspan knows, and the code.
func (h *sssomHeader) curie(s string) (mapping.Scheme, string) {
	iri := s
	if prefix, local, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(local, "//") {
		expanded, stated := h.prefixes[prefix]
		if !stated {
			return "", ""
		}
		iri = expanded + local
	}
	for _, known := range systems {
		for _, start := range []string{known.base, known.uri + "/", known.uri + "#"} {
			if local, ok := strings.CutPrefix(iri, start); ok {
				return known.scheme, unescape(local)
			}
		}
	}
	if rest, ok := strings.CutPrefix(iri, ours+"scheme/"); ok {
		if name, local, ok := strings.Cut(rest, "/"); ok && enumeration(name) {
			return mapping.Scheme(name), unescape(local)
		}
	}
	return "", ""
}

// readSSSOM reads an SSSOM mapping set as tab-separated text.
func (im *importer) readSSSOM(in *bufio.Reader) {
	h := sssomHeader{values: map[string]string{}, prefixes: map[string]string{}}
	o := delimited.Options{Comment: func(_ int, text string) { h.line(text) }}
	r, ok := im.open(in, o)
	if !ok {
		return
	}
	at, ok := im.columns(r, "subject_id", "predicate_id", "object_id", "mapping_justification", "?subject_label", "?object_label", "?comment", "?reviewer_label",
		"?ext_subject_term_code", "?ext_object_term_code", "?ext_context", "?ext_assured", "?ext_valid_from", "?ext_valid_to", "?predicate_modifier")
	if !ok {
		return
	}
	h.fill(&im.own)
	to := cmp.Or(im.own.To, im.o.To)
	var open []mapping.Row // no-map rows whose target scheme the file does not state
	for cells := range im.rowsOf(r, true) {
		cell := func(n int) string { return optional(cells, at[n]) }
		line := r.Line()
		row := mapping.Row{Reason: cell(6), Reviewer: cell(7), Assured: cell(11) == "yes", ValidFrom: cell(12), ValidTo: cell(13), Line: line}
		scheme, value := h.curie(cell(0))
		source := inside(scheme, value, cell(8), cell(4))
		if row.Context, ok = contextNamed(cell(10)); !ok {
			im.note(line, "left out: no context Linkspan knows")
			continue
		}
		if row.Relation, ok = relationOf(cell(1)); !ok && cell(2) != noTermFound {
			im.note(line, "left out: a relation Linkspan does not know")
			continue
		}
		if cell(14) != "" {
			im.note(line, "left out: a negated mapping (predicate_modifier)")
			continue
		}
		target := to
		if cell(2) == noTermFound {
			row.Relation, row.Assured = mapping.NoMap, false
			if row.Reason == "" {
				row.Reason = "the source says there is no map"
			}
		} else {
			s, value := h.curie(cell(2))
			if s == mapping.SNOMED && im.o.To == mapping.DMD {
				s = mapping.DMD
			}
			row.Target = inside(s, value, cell(9), cell(5))
			target = row.Target.Scheme
		}
		if target == "" && row.Relation == mapping.NoMap && source.Scheme != "" {
			row.Source = source
			open = append(open, row)
			continue
		}
		if source.Scheme == "" || target == "" {
			im.note(line, "left out: a prefix that is none of curie_map, or a system Linkspan does not know")
			continue
		}
		if row.Relation != mapping.NoMap && row.Relation != mapping.Related && !judged(cell(3), at[11] >= 0) {
			im.note(line, "made related-to: nobody judged it (mapping_justification)")
			row.Relation = mapping.Related
		}
		im.addOutside(source, row, target)
	}
	for _, row := range open {
		if target, ok := im.onlyTarget(row.Source.Scheme); ok {
			im.addOutside(row.Source, row, target)
			continue
		}
		im.note(row.Line, "left out: no map, but to which system the file does not say")
	}
}

// onlyTarget is the one scheme that every other row of a source scheme leads to.
func (im *importer) onlyTarget(from mapping.Scheme) (to mapping.Scheme, ok bool) {
	for _, d := range im.drafts {
		if d.header.From != from {
			continue
		}
		if to != "" && to != d.header.To {
			return "", false
		}
		to = d.header.To
	}
	return to, to != ""
}

// fill takes the fields of a table's header from the set's.
func (h *sssomHeader) fill(own *mapping.Header) {
	own.Version, own.Licence = h.values["mapping_set_version"], h.values["license"]
	for _, field := range ownFields(own) {
		*field.value = h.values["ext_"+strings.ReplaceAll(field.key, "-", "_")]
	}
	if own.Source == "" {
		own.Source = h.values["mapping_provider"]
	}
}

// WriteSSSOM writes a table as an SSSOM mapping set. What SSSOM has no place for stands in extension columns.
func WriteSSSOM(w io.Writer, h mapping.Header, rows []mapping.Row) error {
	out := bufio.NewWriterSize(w, 1<<16)
	say := func(key, value string) {
		if value != "" {
			out.WriteString("#" + key + ": " + quoted(words(value)) + "\n")
		}
	}
	say("mapping_set_id", ours+"mapping-set/"+escape(h.ID))
	say("mapping_set_version", h.Version)
	say("license", h.Licence)
	out.WriteString("#curie_map:\n")
	out.WriteString("#  " + prefixOf(h.From) + ": " + quoted(baseOf(h.From)) + "\n")
	if h.To != h.From {
		out.WriteString("#  " + prefixOf(h.To) + ": " + quoted(baseOf(h.To)) + "\n")
	}
	out.WriteString("#  semapv: \"https://w3id.org/semapv/vocab/\"\n#  skos: \"http://www.w3.org/2004/02/skos/core#\"\n#  sssom: \"https://w3id.org/sssom/\"\n")
	out.WriteString("#extension_definitions:\n")
	for _, column := range sssomColumns {
		if strings.HasPrefix(column, "ext_") {
			out.WriteString("#- slot_name: " + column + "\n#  property: \"" + ours + strings.TrimPrefix(column, "ext_") + "\"\n")
		}
	}
	for _, field := range ownFields(&h) {
		say("ext_"+strings.ReplaceAll(field.key, "-", "_"), *field.value)
	}
	out.WriteString(strings.Join(sssomColumns[:], "\t") + "\n")
	for _, row := range inOrder(rows) {
		writeSSSOMRow(out, &row)
	}
	return out.Flush()
}

func writeSSSOMRow(out *bufio.Writer, row *mapping.Row) {
	object, assured, context := noTermFound, "no", "any"
	if row.Relation != mapping.NoMap {
		object = curieOf(row.Target)
	}
	if row.Assured {
		assured = "yes"
	}
	if row.Context != mapping.Any {
		context = string(row.Context)
	}
	extra := func(c mapping.Code) string {
		if c.Scheme == mapping.ReadV2 {
			return ""
		}
		return c.TermCode
	}
	for i, cell := range [...]string{
		curieOf(row.Source), row.Source.Term, predicateOf(row.Relation), object, row.Target.Term, "semapv:" + unspecified, row.Reason, row.Reviewer,
		extra(row.Source), extra(row.Target), context, assured, row.ValidFrom, row.ValidTo,
	} {
		if i > 0 {
			out.WriteByte('\t')
		}
		out.WriteString(words(cell))
	}
	out.WriteByte('\n')
}

func curieOf(c mapping.Code) string { return prefixOf(c.Scheme) + ":" + escape(outside(c)) }

// escape writes a code as the end of a URI.
func escape(s string) string { return url.PathEscape(s) }

func unescape(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return plain
}
