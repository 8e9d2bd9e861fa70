package formats

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// WriteConceptMap writes a table as one FHIR R4 ConceptMap with one group, an element a line, in the order of the keys.
// What FHIR has no place for stands in extensions, and a context in dependsOn, so that Read brings every row back.
func WriteConceptMap(w io.Writer, h mapping.Header, rows []mapping.Row) error {
	out := bufio.NewWriterSize(w, 1<<16)
	type head struct {
		ResourceType string          `json:"resourceType"`
		Extension    []fhirExtension `json:"extension,omitempty"`
		URL          string          `json:"url"`
		Version      string          `json:"version,omitempty"`
		Status       string          `json:"status"`
		Publisher    string          `json:"publisher,omitempty"`
		Copyright    string          `json:"copyright,omitempty"`
	}
	top := head{ResourceType: "ConceptMap", URL: ours + "ConceptMap/" + escape(h.ID), Version: h.Version, Status: "active", Publisher: h.Source, Copyright: h.Licence}
	if h.Use == "test" {
		top.Status = "draft"
	}
	for _, field := range ownFields(&h) {
		if *field.value != "" {
			top.Extension = append(top.Extension, fhirExtension{URL: extHeader + field.key, String: *field.value})
		}
	}
	text, err := json.Marshal(top)
	if err != nil {
		return err
	}
	out.Write(text[:len(text)-1])
	out.WriteString(",\n\"group\":[{\"source\":" + quoted(uriOf(h.From)) + ",\"target\":" + quoted(uriOf(h.To)) + ",\"element\":[")
	rows = inOrder(rows)
	for start := 0; start < len(rows); {
		end := start + 1
		for end < len(rows) && rows[end].Source == rows[start].Source {
			end++
		}
		if start > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		text, err := json.Marshal(elementOf(rows[start:end]))
		if err != nil {
			return err
		}
		out.Write(text)
		start = end
	}
	out.WriteString("\n]}]}\n")
	return out.Flush()
}

// elementOf is the element of rows with one source code: they differ in context or in their days.
func elementOf(rows []mapping.Row) fhirElement {
	source := rows[0].Source
	e := fhirElement{Code: outside(source), Display: source.Term, Extension: termCode(source)}
	for i := range rows {
		e.Target = append(e.Target, targetOf(&rows[i]))
	}
	return e
}

func targetOf(row *mapping.Row) fhirTarget {
	t := fhirTarget{Equivalence: equivalenceOf(row.Relation), Comment: row.Reason}
	if row.Relation != mapping.NoMap {
		t.Code, t.Display, t.Extension = outside(row.Target), row.Target.Term, termCode(row.Target)
	}
	if row.Relation == mapping.Broader && t.Comment == "" {
		t.Comment = noComment // FHIR R4 asks for one where the target is narrower
	}
	if row.Assured {
		yes := true
		t.Extension = append(t.Extension, fhirExtension{URL: extAssured, Boolean: &yes})
	}
	for _, e := range []fhirExtension{{URL: extValidFrom, String: row.ValidFrom}, {URL: extValidTo, String: row.ValidTo}, {URL: extReviewer, String: row.Reviewer}} {
		if e.String != "" {
			t.Extension = append(t.Extension, e)
		}
	}
	if row.Context != mapping.Any {
		t.DependsOn = []fhirDepends{{Property: propContext, Value: string(row.Context)}}
	}
	return t
}

// termCode is the extension of a code whose spelling has no place for its term code.
func termCode(c mapping.Code) []fhirExtension {
	if c.TermCode == "" || c.Scheme == mapping.ReadV2 {
		return nil
	}
	return []fhirExtension{{URL: extTermCode, String: c.TermCode}}
}

// inOrder is the rows in the order of their keys: themselves, or a copy.
func inOrder(rows []mapping.Row) []mapping.Row {
	byKey := func(a, b mapping.Row) int {
		return cmp.Or(compareKeys(&a, &b), strings.Compare(a.ValidFrom, b.ValidFrom))
	}
	if slices.IsSortedFunc(rows, byKey) {
		return rows
	}
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, byKey)
	return sorted
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // a string cannot fail
	return string(text)
}
