package dictionary

import (
	"bytes"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

// headBytes is how much of a file is looked at to recognise it, and sampleRows how many rows of one without a header.
const (
	headBytes  = 64 << 10
	sampleRows = 50
)

// layout is one kind of file.
type layout struct {
	name string
	// columns are the columns a row is read from, in the spelling of delimited.Reader.Columns; nil where the file has no
	// header row.
	columns []string
	// fits recognises a file without a header row: what parts its cells, how many, and what every row looks like.
	comma byte
	width int
	fits  func(cells []string) bool
	row   func(f *file, cells []string)
	// passedOver says why a known file is not read: no words of codes are in it.
	passedOver string
	snapshot   bool // of a release that has files of other states beside the one to load
}

// layouts are the delimited files that are known, the more specific first.
func layouts() []*layout {
	const aMap = "a map, not a dictionary: import it as a table"
	return []*layout{
		{name: "Linkspan dictionary", columns: []string{"scheme", "code", "term_code", "term", "active"}, row: (*file).own},
		{name: "SNOMED CT descriptions", columns: []string{"id", "active", "conceptId", "languageCode", "typeId", "term"}, row: (*file).description, snapshot: true},
		{name: "SNOMED CT concepts", columns: []string{"id", "effectiveTime", "active", "definitionStatusId"}, row: (*file).concept, snapshot: true},
		{name: "SNOMED CT relationships", columns: []string{"id", "sourceId", "destinationId"}, passedOver: "no words of codes in it"},
		{name: "SNOMED CT reference set", columns: []string{"id", "refsetId", "referencedComponentId"}, passedOver: "no words of codes in it"},
		{name: "EMIS Coding_ClinicalCode", columns: []string{"CodeId", "Term", "ReadTermId", "SnomedCTConceptId"}, row: (*file).emisClinical},
		{name: "EMIS Coding_DrugCode", columns: []string{"CodeId", "Term", "DmdProductCodeId"}, row: (*file).emisDrug},
		{name: "TPP SRCtv3", columns: []string{"Ctv3Code", "Ctv3Text", "?RemovedData"}, row: (*file).tpp},
		{name: "TPP SRCtv3ToVersion2", columns: []string{"Ctv3Code", "Version2Code"}, passedOver: aMap},
		{name: "TPP SRCtv3ToSnomed", columns: []string{"Ctv3Code", "SnomedCode"}, passedOver: aMap},
		{name: "NHS Data Migration", columns: []string{"MAPID", "MAPSTATUS", "EFFECTIVEDATE"}, passedOver: aMap},
		{name: "NHS Data Migration alternates", columns: []string{"code", "termcode", "conceptId", "use"}, passedOver: aMap},
		{name: "NHS map of Read terms", columns: []string{"ReadCode", "ConceptId", "MapId"}, passedOver: aMap},
		{name: "Linkspan table", columns: []string{"source_code", "target_code", "relation"}, passedOver: aMap},
		{name: "Read v2 Keyv2.all", comma: ',', width: 9, fits: fitsReadKey, row: (*file).readKey},
		{name: "Read v2 unidrug.key", comma: '|', width: 9, fits: fitsReadKey, row: (*file).readKey},
		{name: "Read v2 Corev2.all", comma: ',', width: 2, fits: fitsReadCore, row: (*file).readCore},
		{name: "CTV3 Concept.v3", comma: '|', width: 4, fits: fitsCTV3Concept, row: (*file).ctv3Concept},
		{name: "CTV3 Terms.v3", comma: '|', width: 5, fits: fitsCTV3Term, row: (*file).ctv3Term},
		{name: "CTV3 Descrip.v3", comma: '|', width: 3, fits: fitsCTV3Description, row: (*file).ctv3Description},
		{name: "CTV3 V3hier.v3", comma: '|', width: 3, fits: fitsCTV3Hierarchy, passedOver: "no words of codes in it"},
	}
}

// like reports whether four in five of the first rows are of the layout: a damaged row is refused by itself.
func (l *layout) like(rows [][]string) bool {
	fit := 0
	for _, cells := range rows {
		if len(cells) == l.width && l.fits(cells) {
			fit++
		}
	}
	return fit > 0 && fit*5 >= len(rows)*4
}

// known names the layouts for people.
func known() string {
	var names []string
	for _, l := range layouts() {
		if l.passedOver == "" {
			names = append(names, l.name)
		}
	}
	return strings.Join(names, ", ") + ", dm+d XML (f_vtm2, f_vmp2, f_amp2, f_history1)"
}

// recognise finds the layout of a delimited file from its beginning, and how to read it.
func recognise(head []byte) (*layout, delimited.Options) {
	lines := wholeLines(head)
	if len(lines) == 0 {
		return nil, delimited.Options{}
	}
	first := lines[0]
	for _, line := range lines {
		if first = line; !strings.HasPrefix(line, "#") {
			break
		}
	}
	o := delimited.Detect(first)
	o.Comment = func(int, string) {}
	if r, err := delimited.New(strings.NewReader(first), o); err == nil {
		for _, l := range layouts() {
			if l.columns != nil && hasColumns(r.Header(), l.columns) {
				return l, o
			}
		}
	}
	rows := sample(lines, o)
	for _, l := range layouts() {
		if l.columns == nil && l.comma == o.Comma && l.like(rows) {
			return l, delimited.Options{Comma: l.comma, Quoted: l.comma == ',', NoHeader: true, Width: l.width}
		}
	}
	return nil, delimited.Options{}
}

// wholeLines are the lines of the head that did not lose their end, or the one line there is.
func wholeLines(head []byte) []string {
	text := strings.TrimPrefix(string(head), "\ufeff")
	lines := strings.Split(text, "\n")
	if len(lines) > 1 {
		if len(head) >= headBytes || lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1]
		}
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

// hasColumns reports whether a header row has every column a layout needs.
func hasColumns(header, columns []string) bool {
	for _, column := range columns {
		if strings.HasPrefix(column, "?") {
			continue
		}
		if !slices.ContainsFunc(header, func(have string) bool { return strings.EqualFold(have, column) }) {
			return false
		}
	}
	return true
}

// sample cuts the first lines into cells. A line that cannot be cut is left out: it is one row's fault, not the file's.
func sample(lines []string, o delimited.Options) [][]string {
	var rows [][]string
	for _, line := range lines[:min(len(lines), sampleRows)] {
		o.NoHeader, o.Comment = true, nil
		r, err := delimited.New(strings.NewReader(line), o)
		if err != nil {
			continue
		}
		if cells, err := r.Next(); err == nil {
			rows = append(rows, slices.Clone(cells))
		}
	}
	return rows
}

// unknown says what a file that is not recognised looks like.
func unknown(head []byte) string {
	switch {
	case len(bytes.TrimSpace(head)) == 0:
		return "an empty file"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "a zip archive or a spreadsheet, not yet unpacked"
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "a gzip archive, not yet unpacked"
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "UTF-16, not UTF-8"
	}
	return "not a dictionary of a known layout"
}

// releaseType is the state an RF2 file holds by its name, where it is not the snapshot.
func releaseType(name string) string {
	switch {
	case strings.Contains(name, "_Full"):
		return "Full"
	case strings.Contains(name, "_Delta"):
		return "Delta"
	}
	return ""
}

// isXML reports whether a file begins as XML does.
func isXML(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("<"))
}
