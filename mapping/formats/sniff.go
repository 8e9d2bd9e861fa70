package formats

import (
	"bytes"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

// headSize is how much of a file Sniff is given.
const headSize = 64 << 10

// layout is a format and the columns it is known by.
type layout struct {
	format Format
	names  []string
}

// layouts are the header rows that tell a format: every name must be there, in any case and order. The first that fits
// is taken.
var layouts = [...]layout{
	{LinkspanTable, []string{"source_code", "target_code", "relation", "context", "assured"}},
	{CodeList, []string{"source_system", "source_code", "target_system", "target_code"}},
	{SSSOM, []string{"subject_id", "predicate_id", "object_id"}},
	{ReadSNOMED, []string{"MapId", "ReadCode", "TermCode", "ConceptId", "EffectiveDate", "MapStatus"}},
	{CTV3SNOMED, []string{"MapId", "CTV3_CONCEPTID", "SCT_CONCEPTID", "MapStatus", "EffectiveDate"}},
	{readAndCTV3, []string{"MapId", "V2_CONCEPTID", "V2_TERMID", "CTV3_CONCEPTID", "MapStatus", "EffectiveDate"}},
	{values, []string{"code", "termcode", "conceptId", "use"}},
	{EMISCodes, []string{"CodeId", "Term", "ReadTermId", "SnomedCTConceptId"}},
	{EMISDrugs, []string{"CodeId", "Term", "DmdProductCodeId"}},
	{TPPRead, []string{"Ctv3Code", "Version2Code"}},
	{TPPSNOMED, []string{"Ctv3Code", "SnomedCode"}},
}

// Layouts that two formats share; more than the names tells them apart.
const (
	readAndCTV3 Format = "rctctv3map or ctv3rctmap"
	values      Format = "codesWithValues"
)

// notTables are header rows of files that a site has too and that hold no table.
var notTables = [...]struct {
	names      []string
	what, mend string
}{
	{[]string{"ReadCode", "Term", "ConceptId", "MapId"}, "the older map of Read terms, without assurance or dates", "import rcsctmap2 instead"},
	{[]string{"Ctv3Code", "Ctv3Text"}, "the SystmOne dictionary of CTV3", "load it as a dictionary"},
	{[]string{"IDMultiLexProduct", "DrugReadCode"}, "the SystmOne list of drug codes, which names no target Linkspan knows", "load the drug tables of your supplier"},
	{[]string{"IdMappingGroup", "Mapping"}, "a list of SystmOne terms", "import SRCtv3ToSnomed or SRCtv3ToVersion2 instead"},
}

// Sniff tells the format of a file from its first bytes (64 KiB are plenty). The name breaks a tie and is no evidence
// by itself.
func Sniff(head []byte, name string) (Format, *mapping.Fault) {
	unknown := func(line int, what, mend string) (Format, *mapping.Fault) {
		return "", &mapping.Fault{File: name, Line: line, What: what, Why: "it cannot be read as a table", Mend: mend}
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return unknown(1, "UTF-16, not UTF-8", "save the file as UTF-8")
	}
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	switch text := bytes.TrimLeft(head, " \t\r\n"); {
	case len(text) == 0:
		return unknown(0, "an empty file", "copy it again")
	case bytes.HasPrefix(text, []byte("PK\x03\x04")), bytes.HasPrefix(text, []byte{0x1f, 0x8b}), bytes.HasPrefix(text, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		return unknown(0, "a packed file or a spreadsheet", "unpack it and import its files one by one; of a spreadsheet take the text file it was made from")
	case text[0] == '<':
		return DMDHistory, nil
	case text[0] == '{':
		return FHIRConceptMap, nil
	}
	line, number, rows := headerLine(string(head))
	if line == "" {
		return unknown(0, "no header row", "give the file as it was published, its header row first")
	}
	form := delimited.Detect(line)
	names := cells(line, form)
	for _, l := range layouts {
		if !holds(names, l.names) {
			continue
		}
		switch l.format {
		case readAndCTV3:
			if f := readOrCTV3(names, base(name)); f != "" {
				return f, nil
			}
			return unknown(number, "a map between Read v2 and CTV3 whose direction does not show", "restore the columns and the name of the published file")
		case values:
			if f := valuesOf(rows, form, names, base(name)); f != "" {
				return f, nil
			}
			return unknown(number, "alternates for codes with values, of Read v2 or of CTV3", "restore the name of the published file (.._READ2_.. or .._CTV3_..) or its term codes")
		}
		return l.format, nil
	}
	for _, n := range notTables {
		if holds(names, n.names) {
			return unknown(number, n.what, n.mend)
		}
	}
	if strings.Contains(line, ";") && slices.ContainsFunc(layouts[:], func(l layout) bool { return holds(cells(line, delimited.Options{Comma: ';', Quoted: true}), l.names) }) {
		return unknown(number, "cells parted by semicolons", "take the file as it was published: a spreadsheet has written this one")
	}
	return unknown(number, "a header row of no known layout", "give the file as it was published, its header row first; known are "+known())
}

// known names the formats for people.
func known() string {
	names := []string{string(DMDHistory) + " (f_history1, f_vmp2, f_vtm2)", string(FHIRConceptMap) + " in JSON"}
	for _, l := range layouts {
		switch l.format {
		case readAndCTV3:
			names = append(names, string(ReadCTV3), string(CTV3Read))
		case EMISDrugs:
		default:
			names = append(names, string(l.format))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// headerLine is the first line that is neither empty nor a comment, its number, and the lines after it.
func headerLine(text string) (line string, number int, rows []string) {
	lines := strings.Split(text, "\n")
	if len(text) >= headSize-3 {
		lines = lines[:len(lines)-1] // cut
	}
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		return line, i + 1, lines[i+1:]
	}
	return "", 0, nil
}

func cells(line string, form delimited.Options) []string {
	form.NoHeader = true
	r, err := delimited.New(strings.NewReader(line), form)
	if err != nil {
		return nil
	}
	row, err := r.Next()
	if err != nil {
		return nil
	}
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}

func position(names []string, name string) int {
	return slices.IndexFunc(names, func(have string) bool { return strings.EqualFold(have, name) })
}

func holds(names, want []string) bool {
	return !slices.ContainsFunc(want, func(name string) bool { return position(names, name) < 0 })
}

// readOrCTV3 tells rctctv3map from ctv3rctmap: the source stands first, and each has a spelling the other has not. Where
// the clues differ the name decides; where it does not, nothing does.
func readOrCTV3(names []string, file string) Format {
	forward, backward := 0, 0
	if position(names, "V2_CONCEPTID") < position(names, "CTV3_CONCEPTID") {
		forward++
	} else {
		backward++
	}
	if position(names, "USE_CTV3_TERMID") >= 0 {
		forward++
	}
	if position(names, "ISASSURED") >= 0 {
		backward++
	}
	file = strings.ToLower(file)
	switch {
	case backward == 0:
		return ReadCTV3
	case forward == 0:
		return CTV3Read
	case strings.HasPrefix(file, "rctctv3map"):
		return ReadCTV3
	case strings.HasPrefix(file, "ctv3rctmap"):
		return CTV3Read
	}
	return ""
}

// valuesOf tells the two forms of codesWithValues by the term codes: two characters in Read v2, five in CTV3. Where no
// row has one the name decides.
func valuesOf(rows []string, form delimited.Options, names []string, file string) Format {
	at := position(names, "termcode")
	read, ctv3 := 0, 0
	for _, line := range rows {
		row := cells(strings.TrimSuffix(line, "\r"), form)
		if at >= len(row) {
			continue
		}
		switch len(row[at]) {
		case 2:
			read++
		case 5:
			ctv3++
		}
	}
	switch file = strings.ToUpper(file); {
	case read > 0 && ctv3 == 0:
		return ReadValues
	case ctv3 > 0 && read == 0:
		return CTV3Values
	case strings.Contains(file, "_READ2_") && ctv3 == 0:
		return ReadValues
	case strings.Contains(file, "_CTV3_") && read == 0:
		return CTV3Values
	}
	return ""
}
