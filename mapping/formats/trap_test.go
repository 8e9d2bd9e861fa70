package formats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

// take reads a text that must import, with the options that most need.
func take(t *testing.T, name, text string, o Options) *Import {
	t.Helper()
	im, faults := Read(context.Background(), strings.NewReader(text), name, stated(o))
	require.Empty(t, faults)
	return im
}

func stated(o Options) Options {
	if o.Version == "" {
		o.Version = "1"
	}
	if o.Licence == "" {
		o.Licence = "CC0-1.0"
	}
	if o.Layer == "" {
		o.Layer = mapping.LocalLayer
	}
	return o
}

// refuse reads a text that must not, and gives its faults as a person would see them.
func refuse(t *testing.T, name, text string) []string {
	t.Helper()
	im, faults := Read(context.Background(), strings.NewReader(text), name, stated(Options{}))
	require.Nil(t, im)
	require.NotEmpty(t, faults)
	var words []string
	for _, f := range faults {
		require.NotEmpty(t, f.What)
		require.NotEmpty(t, f.Why)
		require.NotEmpty(t, f.Mend)
		require.Equal(t, name, f.File)
		words = append(words, f.Error())
	}
	return words
}

const (
	rcsHead  = "MapId\tReadCode\tTermCode\tConceptId\tDescriptionId\tIS_ASSURED\tEffectiveDate\tMapStatus\n"
	ctv3Head = "MAPID\tCTV3_CONCEPTID\tCTV3_TERMID\tCTV3_TERMTYPE\tSCT_CONCEPTID\tSCT_DESCRIPTIONID\tMAPSTATUS\tEFFECTIVEDATE\tIS_ASSURED\n"
	ownHead  = "# id: x\n# from: readv2\n# to: snomed\n# source: s\nsource_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\n"
	listHead = "source_system\tsource_code\tsource_term\ttarget_system\ttarget_code\ttarget_term\trelationship\torigin\n"
)

func rcs(id, code, term, concept, assured, day, status string) string {
	return strings.Join([]string{id, code, term, concept, "", assured, day, status}, "\t") + "\n"
}

// keyOf is a row in short: "G20../00 59621000 yes".
func keyOf(r mapping.Row) string {
	assured := map[bool]string{true: "yes", false: "no"}[r.Assured]
	if r.Relation == mapping.NoMap {
		return r.Source.Value + "/" + r.Source.TermCode + " no-map"
	}
	return r.Source.Value + "/" + r.Source.TermCode + " " + r.Target.Value + " " + assured
}

func keysOf(im *Import) (keys []string) {
	for _, table := range im.Tables {
		for _, row := range table.Rows {
			keys = append(keys, keyOf(row))
		}
	}
	return keys
}

// TestRowChoice is terminology §1.2, one rule a case. The last row keeps every case a table.
func TestRowChoice(t *testing.T) {
	other := rcs("Z", "H33..", "00", "195967001", "1", "20150401", "1")
	for name, tt := range map[string]struct{ rows, want string }{
		"the newest of a MAPID, in any order": {rcs("A", "G20..", "00", "59621000", "1", "20180401", "1") + rcs("A", "G20..", "00", "38341003", "1", "20100401", "1"), "G20../00 59621000 yes"},
		"four rows, the newest dead": {rcs("A", "G20..", "00", "59621000", "1", "20130401", "1") + rcs("A", "G20..", "00", "59621000", "1", "20180607", "0") +
			rcs("A", "G20..", "00", "59621000", "1", "20151001", "1") + rcs("A", "G20..", "00", "59621000", "1", "20160401", "1"), ""},
		"dead and living on one day":              {rcs("A", "G20..", "00", "59621000", "1", "20180607", "1") + rcs("A", "G20..", "00", "59621000", "1", "20180607", "0"), ""},
		"two targets of one MAPID on one day":     {rcs("A", "G20..", "00", "59621000", "1", "20180607", "1") + rcs("A", "G20..", "00", "38341003", "1", "20180607", "1"), "G20../00 no-map"},
		"another MAPID lives":                     {rcs("A", "G20..", "00", "38341003", "1", "20180607", "0") + rcs("B", "G20..", "00", "59621000", "0", "20100607", "1"), "G20../00 59621000 no"},
		"assured before newer":                    {rcs("A", "G20..", "00", "38341003", "0", "20190401", "1") + rcs("B", "G20..", "00", "59621000", "1", "20150401", "1"), "G20../00 59621000 yes"},
		"active before ambiguous":                 {rcs("A", "G20..", "00", "38341003", "1", "20190401", "2") + rcs("B", "G20..", "00", "59621000", "0", "20150401", "1"), "G20../00 59621000 no"},
		"only ambiguous":                          {rcs("A", "G20..", "00", "59621000", "1", "20190401", "3"), "G20../00 no-map"},
		"the newest of one standing":              {rcs("A", "G20..", "00", "38341003", "1", "20150401", "1") + rcs("B", "G20..", "00", "59621000", "1", "20190401", "1"), "G20../00 59621000 yes"},
		"a tie of two targets":                    {rcs("A", "G20..", "00", "38341003", "1", "20150401", "1") + rcs("B", "G20..", "00", "59621000", "1", "20150401", "1"), "G20../00 no-map"},
		"a tie of one target":                     {rcs("A", "G20..", "00", "59621000", "1", "20150401", "1") + rcs("B", "G20..", "00", "59621000", "1", "20150401", "1"), "G20../00 59621000 yes"},
		"a broken winner is not replaced":         {rcs("A", "G20..", "00", "59621001", "1", "20190401", "1") + rcs("B", "G20..", "00", "38341003", "1", "20150401", "1"), ""},
		"other days":                              {rcs("A", "G20..", "00", "38341003", "1", "2015-04-01", "1") + rcs("A", "G20..", "00", "59621000", "1", "01/05/2015", "1"), "G20../00 59621000 yes"},
		"no Read term code":                       {rcs("A", "G20..", "", "59621000", "1", "20150401", "1"), ""},
		"lost dots":                               {rcs("A", "3272", "00", "59621000", "1", "20150401", "1"), ""},
		"a description id":                        {rcs("A", "2469.", "00", "120159016", "1", "20150401", "1"), ""},
		"a wrong check digit":                     {rcs("A", "2469.", "00", "27164900689878", "1", "20150401", "1"), ""},
		"codes in small letters are other codes":  {rcs("A", "g20..", "00", "59621000", "1", "20150401", "1"), "g20../00 59621000 yes"},
		"a term of another Read code is no rival": {rcs("A", "G20..", "11", "59621000", "1", "20150401", "1"), "G20../11 59621000 yes"},
	} {
		im := take(t, "rcsctmap2.txt", rcsHead+tt.rows+other, Options{Layer: mapping.NationalLayer})
		want := []string{"H33../00 195967001 yes"}
		if strings.HasPrefix(tt.want, "G") {
			want = append([]string{tt.want}, want...)
		} else if tt.want != "" {
			want = append(want, tt.want)
		}
		require.Equal(t, want, keysOf(im), name)
		for _, row := range im.Tables[0].Rows {
			require.Contains(t, []mapping.Relation{mapping.Related, mapping.NoMap}, row.Relation, name)
		}
	}
}

// TestConceptRow is what a SystmOne message, which states no term id, may be translated by.
func TestConceptRow(t *testing.T) {
	row := func(id, term, kind, target, status, assured string) string {
		return strings.Join([]string{id, "X40J4", term, kind, target, "", status, "20150401", assured}, "\t") + "\n"
	}
	for name, tt := range map[string]struct {
		rows string
		want []string
	}{
		"one target":                     {row("A", "Y41PW", "P", "46635009", "1", "1") + row("B", "Y41PX", "S", "46635009", "1", "0"), []string{"X40J4/ 46635009 yes", "X40J4/Y41PW 46635009 yes", "X40J4/Y41PX 46635009 no"}},
		"the preferred is not assured":   {row("A", "Y41PW", "P", "46635009", "1", "0") + row("B", "Y41PX", "S", "46635009", "1", "1"), []string{"X40J4/ 46635009 no", "X40J4/Y41PW 46635009 no", "X40J4/Y41PX 46635009 yes"}},
		"none is preferred":              {row("A", "Y41PW", "", "46635009", "1", "1") + row("B", "Y41PX", "", "46635009", "1", "0"), []string{"X40J4/ 46635009 no", "X40J4/Y41PW 46635009 yes", "X40J4/Y41PX 46635009 no"}},
		"two targets":                    {row("A", "Y41PW", "P", "46635009", "1", "1") + row("B", "Y41PX", "S", "73211009", "1", "1"), []string{"X40J4/Y41PW 46635009 yes", "X40J4/Y41PX 73211009 yes"}},
		"a term with a dead map":         {row("A", "Y41PW", "P", "46635009", "1", "1") + row("B", "Y41PX", "S", "46635009", "0", "1"), []string{"X40J4/Y41PW 46635009 yes"}},
		"a drug":                         {row("A", "Y41PW", "P", "_DRUG", "1", "1") + row("B", "Y41PX", "S", "_DRUG", "1", "1"), []string{"X40J4/ no-map", "X40J4/Y41PW no-map", "X40J4/Y41PX no-map"}},
		"a drug and not":                 {row("A", "Y41PW", "P", "_DRUG", "1", "1") + row("B", "Y41PX", "S", "46635009", "1", "1"), []string{"X40J4/Y41PW no-map", "X40J4/Y41PX 46635009 yes"}},
		"the file has the concept's row": {row("A", "", "P", "46635009", "1", "1") + row("B", "Y41PX", "S", "73211009", "1", "1"), []string{"X40J4/ 46635009 yes", "X40J4/Y41PX 73211009 yes"}},
	} {
		im := take(t, "ctv3sctmap2.txt", ctv3Head+tt.rows, Options{})
		require.Equal(t, tt.want, keysOf(im), name)
		reparse(t, im.Tables[0])
	}
}

// TestWithValueAssurance: the folder of the pack is the only word on assurance that codesWithValues has.
func TestWithValueAssurance(t *testing.T) {
	text := "code\ttermcode\tconceptId\tdescriptionId\tuse\n2469.\t00\t72313002\t\tY\n"
	for name, tt := range map[string]struct {
		o    Options
		want bool
	}{
		"Updated/Clinically Assured/codesWithValues_AlternateMaps_READ2_1.txt":     {Options{}, true},
		`D:\Updated\Clinically Assured\codesWithValues_AlternateMaps_READ2_1.txt`:  {Options{}, true},
		"Clinically Assured/codesWithValues_AlternateMaps_READ2_1.txt":             {Options{}, true},
		"Not Clinically Assured/codesWithValues_AlternateMaps_READ2_1.txt":         {Options{}, false},
		"Updated/Not Clinically Assured/codesWithValues_AlternateMaps_READ2_1.txt": {Options{}, false},
		"codesWithValues_AlternateMaps_READ2_1.txt":                                {Options{}, false},
		"option/codesWithValues_AlternateMaps_READ2_1.txt":                         {Options{Assured: true}, true},
	} {
		im := take(t, name, text, tt.o)
		require.Equal(t, tt.want, im.Tables[0].Rows[0].Assured, name)
		require.Equal(t, mapping.WithValue, im.Tables[0].Rows[0].Context)
		require.Equal(t, "codesWithValues_AlternateMaps_READ2_1.txt", im.Tables[0].Header.SourceFile, "the base name only")
	}
}

// TestRefused: what would make a wrong table is refused whole, with the line and the remedy.
func TestRefused(t *testing.T) {
	good := rcs("Z", "H33..", "00", "195967001", "1", "20150401", "1")
	many := rcsHead
	for i := range 30 {
		many += rcs(fmt.Sprint(i), "G20..", "00", "59621001", "1", "20150401", "1")[:4] + "G2\n"
	}
	var lost strings.Builder
	for i := range 40 {
		lost.WriteString(rcs(fmt.Sprint("L", i), fmt.Sprintf("3%03d", i), "00", "59621000", "1", "20150401", "1"))
	}
	for name, tt := range map[string]struct{ file, text, want string }{
		"scientific":            {"m.txt", rcsHead + good + rcs("A", "G20..", "00", "5.89E+17", "1", "20150401", "1"), "m.txt:3: target code: a number damaged by a spreadsheet; "},
		"lost dots, many":       {"m.txt", rcsHead + good + lost.String(), "m.txt:3: codes that are none in more than one row of a hundred; "},
		"cut row":               {"m.txt", rcsHead + good + "A\tG20..\t00\n", "m.txt:3: 3 cells where every row has 8; "},
		"CR in a cell":          {"m.txt", rcsHead + good + "A\tG2\r0..\t00\t59621000\t\t1\t20150401\t1\n", "m.txt:3: a carriage return inside a cell; "},
		"encoding":              {"m.txt", rcsHead + good + "A\tG20..\t00\t59621000\tna\xefve\t1\t20150401\t1\n", "m.txt:3: not UTF-8; "},
		"UTF-16":                {"m.txt", "\xff\xfeM\x00a\x00p\x00", "m.txt:1: UTF-16, not UTF-8; "},
		"no date":               {"m.txt", rcsHead + good + rcs("A", "G20..", "00", "59621000", "1", "soon", "1"), "m.txt:3: EFFECTIVEDATE is no date; "},
		"month 13":              {"m.txt", rcsHead + good + rcs("A", "G20..", "00", "59621000", "1", "20151301", "1"), "m.txt:3: EFFECTIVEDATE is no date; "},
		"status":                {"m.txt", rcsHead + good + rcs("A", "G20..", "00", "59621000", "1", "20150401", "9"), "m.txt:3: MAPSTATUS is none of 0, 1, 2, 3; "},
		"assurance":             {"m.txt", rcsHead + good + rcs("A", "G20..", "00", "59621000", "maybe", "20150401", "1"), "m.txt:3: IS_ASSURED is neither 0 nor 1; "},
		"no MAPID":              {"m.txt", rcsHead + good + rcs("", "G20..", "00", "59621000", "1", "20150401", "1"), "m.txt:3: no MAPID; "},
		"missing column":        {"m.txt", strings.Replace(rcsHead, "IS_ASSURED", "X", 1) + good, "m.txt:1: no column IS_ASSURED|ISASSURED; "},
		"header only":           {"m.txt", rcsHead, "m.txt:0: no row that can be used; "},
		"empty":                 {"m.txt", "", "m.txt:0: an empty file; "},
		"zip":                   {"m.zip", "PK\x03\x04rest", "m.zip:0: a packed file or a spreadsheet; "},
		"old spreadsheet":       {"m.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "m.xls:0: a packed file or a spreadsheet; "},
		"XML ConceptMap":        {"c.xml", "<ConceptMap xmlns=\"http://hl7.org/fhir\"><id value=\"x\"/></ConceptMap>", "c.xml:1: a ConceptMap in XML; "},
		"unknown layout":        {"m.txt", "a\tb\nc\td\n", "m.txt:1: a header row of no known layout; "},
		"semicolons":            {"m.csv", "CodeId;Term;ReadTermId;SnomedCTConceptId\n1;x;G20;59621000\n", "m.csv:1: cells parted by semicolons; "},
		"quotes where none are": {"m.txt", rcsHead + rcs("A", "\"H33..\"", "00", "59621000", "1", "20150401", "1"), "m.txt:2: no row that can be used (of 1 rows 1: left out, source code: a Read code is five characters, trailing dots included); "},
		"older map":             {"m.txt", "ReadCode\tTerm\tConceptId\tMapId\n", "m.txt:1: the older map of Read terms, without assurance or dates; "},
		"a dictionary":          {"m.csv", "RowIdentifier,Ctv3Code,Ctv3Text\n", "m.csv:1: the SystmOne dictionary of CTV3; "},
		"EMIS drugs":            {"m.csv", "CodeId,Term,DmdProductCodeId,ProcessingId\n1,Aspirin,319775004,1\n", "m.csv:1: the EMIS drug dictionary; "},
		"turned by hand":        {"m.txt", "MAPID\tCTV3_CONCEPTID\tV2_CONCEPTID\tV2_TERMID\tUSE_CTV3_TERMID\tCTV3_TERMID\tMAPSTATUS\tEFFECTIVEDATE\tIS_ASSURED\n", "m.txt:1: a map between Read v2 and CTV3 whose direction does not show; "},
		"values of which":       {"m.txt", "code\ttermcode\tconceptId\tdescriptionId\tuse\n2469.\t\t72313002\t\tY\n", "m.txt:1: alternates for codes with values, of Read v2 or of CTV3; "},
		"values of both":        {"x_READ2_.txt", "code\ttermcode\tconceptId\tdescriptionId\tuse\n2469.\tY1234\t72313002\t\tY\n2469.\t00\t72313002\t\tY\n", "x_READ2_.txt:1: alternates for codes with values"},
		"cell count, list":      {"l.tsv", listHead + "readv2\tG20..00\n", "l.tsv:2: 2 cells where every row has 8; "},
		"scientific, list":      {"l.tsv", listHead + "readv2\tG20..00\t\tsnomed\t5.9621E+07\t\trelated-to\tx\n", "l.tsv:2: target code: a number damaged by a spreadsheet; "},
		"our own, faulty":       {"t.tsv", ownHead + "G20\t00\t\t59621000\t\t\tequivalent\tany\tno\t\n", "t.tsv:6: source code: "},
		"SSSOM short":           {"s.tsv", "subject_id\tpredicate_id\tobject_id\nx\ty\tz\n", "s.tsv:1: no column mapping_justification; "},
		"JSON of another":       {"c.json", `{"resourceType":"Bundle"}`, "c.json:1: JSON that is no ConceptMap; "},
		"JSON of nothing":       {"c.json", `{}`, "c.json:1: JSON that is no ConceptMap; "},
		"JSON cut":              {"c.json", `{"resourceType":"ConceptMap","group":[{"element":[{"code":"G20`, "c.json:1: the file ends in the middle; "},
		"JSON broken":           {"c.json", "{\"resourceType\":\"ConceptMap\",\n\"group\":[}", "c.json:2: not well-formed JSON; "},
		"JSON of other types":   {"c.json", `{"resourceType":"ConceptMap","group":[{"source":1}]}`, "c.json:1: not what a ConceptMap has there; "},
		"JSON too deep":         {"c.json", `{"resourceType":"ConceptMap","x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + "}", "c.json:1: nested too deeply; "},
		"JSON twice":            {"c.json", `{"resourceType":"ConceptMap"}{}`, "c.json:1: more after the end; "},
		"JSON two codes":        {"c.json", `{"resourceType":"ConceptMap","group":[{"element":[{"code":"G20..00","code":"H33..00"}]}]}`, "c.json:1: one name twice in an object; "},
		"JSON retired":          {"c.json", `{"resourceType":"ConceptMap","status":"retired"}`, "c.json:1: a retired map; "},
		"JSON modified":         {"c.json", `{"resourceType":"ConceptMap","modifierExtension":[]}`, "c.json:1: a modifierExtension; "},
		"XML cut":               {"f_vmp2_1.xml", "<A><VMP><VPID>319775004</VPID>", "f_vmp2_1.xml:1: the file ends in the middle; "},
		"XML DOCTYPE":           {"f_vmp2_1.xml", "<!DOCTYPE a [<!ENTITY e 'x'>]><A/>", "f_vmp2_1.xml:1: a document type (DOCTYPE); "},
		"XML of another":        {"f_amp2_1.xml", "<A><AMP><APID>319775004</APID></AMP></A>", "f_amp2_1.xml:0: no record with IDCURRENT, VPID or VTMID; "},
		"XML of packs":          {"f_vmpp2_1.xml", "<A><VMPP><VPPID>1</VPPID><NM>x</NM><VPID>319775004</VPID></VMPP></A>", "f_vmpp2_1.xml:0: no record with IDCURRENT, VPID or VTMID; "},
		"XML repeated":          {"f_vmp2_1.xml", "<A><VMP><VPID>1</VPID><VPID>2</VPID></VMP></A>", "f_vmp2_1.xml:1: two elements VPID in one record; "},
		"XML circle":            {"f_h.xml", "<H><V><IDCURRENT>319799004</IDCURRENT><IDPREVIOUS>319775004</IDPREVIOUS></V>\n<V><IDCURRENT>319775004</IDCURRENT><IDPREVIOUS>319799004</IDPREVIOUS></V></H>", "f_h.xml:1: identifiers that follow each other in a circle; "},
	} {
		got := refuse(t, tt.file, tt.text)
		require.True(t, strings.HasPrefix(got[0], tt.want), "%s: %s", name, got[0])
		require.NotContains(t, strings.Join(got, "\n"), "59621", name+": no cell is repeated")
	}
	require.Len(t, refuse(t, "m.txt", many), 30, "all faults at once")
}

func TestUnknownLayout(t *testing.T) {
	_, faults := Read(context.Background(), strings.NewReader("a\tb\n"), "m", Options{})
	require.Contains(t, faults[0].Mend, "known are EMIS Coding_ClinicalCode, FHIR ConceptMap in JSON, Linkspan table, SSSOM, TPP SRCtv3ToSnomed, TPP SRCtv3ToVersion2, code list, codesWithValues, ctv3rctmap, ctv3sctmap2, dm+d XML")
}

func TestFaultsAreBounded(t *testing.T) {
	text := rcsHead + strings.Repeat("A\tG20..\n", 5000)
	got := refuse(t, "m.txt", text)
	require.Len(t, got, maxFaults+1)
	require.Contains(t, got[maxFaults], "200 faults, the rest is not listed")
}

func TestDirectionAskedFor(t *testing.T) {
	text := rcsHead + rcs("Z", "H33..", "00", "195967001", "1", "20150401", "1")
	_, faults := Read(context.Background(), strings.NewReader(text), "m.txt", stated(Options{From: mapping.SNOMED, To: mapping.ReadV2}))
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].Error(), "a file from readv2 to snomed, by its columns")
}

func TestWhatNobodySaid(t *testing.T) {
	text := listHead + "readv2\tG20..00\t\tsnomed\t59621000\t\trelated-to\tx\n"
	_, faults := Read(context.Background(), strings.NewReader(text), "l.tsv", Options{})
	require.Len(t, faults, 3)
	for i, want := range []string{"no version", "no licence", "no layer"} {
		require.Contains(t, faults[i].Error(), want)
	}
}

// endless says one thing for ever.
type endless struct {
	what string
	said int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.what[e.said%len(e.what)]
		e.said++
	}
	return len(p), nil
}

// TestEndless: no file without end is read without end, nor held in memory.
func TestEndless(t *testing.T) {
	for name, tt := range map[string]struct{ head, more, want string }{
		"rubbish":         {"", "x", "no header row"},
		"lines":           {"", "x\n", "a header row of no known layout"},
		"rows":            {rcsHead, "A\tG20..\t00\t59621000\t\t1\t20150401\t1\n", "more than 1048576 bytes"},
		"one row":         {rcsHead, "A", "a line of more than 65536 bytes"},
		"XML text":        {"<A>", "x", "a tag or a text of more than 65536 bytes"},
		"XML elements":    {"<A>", "<B/>", "more than 1048576 bytes"},
		"JSON string":     {`{"resourceType":"ConceptMap","x":"`, "x", "a text of more than 65536 bytes"},
		"JSON elements":   {`{"resourceType":"ConceptMap","group":[{"element":[`, `{"code":"x"},`, "more than 1048576 bytes"},
		"JSON properties": {`{"resourceType":"ConceptMap"`, `,"x":"y"`, "one name twice in an object"},
		"JSON spaces":     {`{"resourceType":"ConceptMap"`, " ", "a text of more than 65536 bytes"},
	} {
		in := io.MultiReader(strings.NewReader(tt.head), &endless{what: tt.more})
		im, faults := Read(context.Background(), in, "endless", stated(Options{MaxBytes: 1 << 20}))
		require.Nil(t, im, name)
		require.NotEmpty(t, faults, name)
		require.Contains(t, fmt.Sprint(faults), tt.want, name)
	}
	_, faults := Read(context.Background(), io.MultiReader(strings.NewReader(ownHead), &endless{what: "x\n"}), "endless", stated(Options{}))
	require.NotEmpty(t, faults, "rows of our own form, which mapping.Parse stops at")
	element := `{"resourceType":"ConceptMap","group":[{"element":[{"code":"x","target":[`
	_, faults = Read(context.Background(), io.MultiReader(strings.NewReader(element), &endless{what: `{"code":"y"},`}), "endless", stated(Options{}))
	require.Contains(t, faults[0].Error(), "an element of more than 4194304 bytes")
}

func TestReadingStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, faults := Read(ctx, strings.NewReader(rcsHead), "m.txt", Options{})
	require.Contains(t, faults[0].Error(), "reading was stopped")
	for _, head := range []string{"", rcsHead + strings.Repeat(rcs("Z", "H33..", "00", "195967001", "1", "20150401", "1"), 3000), `{"resourceType":"ConceptMap","group":[`, "<A>"} {
		_, faults := Read(context.Background(), io.MultiReader(strings.NewReader(head), iotest.ErrReader(errors.New("disk"))), "m", Options{})
		require.Len(t, faults, 1)
		require.Contains(t, faults[0].Error(), "cannot be read on")
	}
}

func TestProgress(t *testing.T) {
	var text strings.Builder
	text.WriteString(rcsHead)
	for i := range 60_000 {
		text.WriteString(rcs(fmt.Sprint("M", i), fmt.Sprintf("G%04d", i%10000), "00", "59621000", "1", "20150401", "1"))
	}
	var bytes, rows int64
	calls := 0
	im := take(t, "rcsctmap2.txt", text.String(), Options{Progress: func(b, r int64) {
		require.GreaterOrEqual(t, b, bytes)
		require.GreaterOrEqual(t, r, rows)
		bytes, rows = b, r
		calls++
	}})
	require.Greater(t, calls, 2)
	require.Equal(t, int64(text.Len()), bytes)
	require.Equal(t, int64(60_000), rows)
	require.Equal(t, bytes, im.Bytes)
	require.Len(t, im.Tables[0].Rows, 10_000)
}

// TestDMDProducts: a product is superseded by what the files say of products, not by the lists of their parts.
func TestDMDProducts(t *testing.T) {
	im := take(t, "f_vmp2_3011222.xml", `<P><VMPS><VMP><VPID>39689111000001106</VPID><VPIDPREV>319799004</VPIDPREV><NM>A</NM></VMP>
<VMP><VPID>319799004</VPID><INVALID>1</INVALID><NM>A</NM></VMP></VMPS><FORMS><DFORM><VPID>319799004</VPID></DFORM></FORMS></P>`, Options{})
	require.Equal(t, []string{"319799004/ 39689111000001106 no"}, keysOf(im))
	require.Equal(t, "dmd-vmp-history", im.Tables[0].Header.ID)
	require.Equal(t, mapping.HistoryPurpose, im.Tables[0].Header.Purpose)

	im = take(t, "f_vtm2_3011222.xml", `<P><VTM><VTMID>108979001</VTMID><VTMIDPREV>319775004</VTMIDPREV><NM>A</NM></VTM></P>`, Options{})
	require.Equal(t, []string{"319775004/ 108979001 no"}, keysOf(im))
	require.Equal(t, "dmd-vtm-history", im.Tables[0].Header.ID)
}

// TestDraftsAreNotForCare: a map its publisher calls a draft is marked so, unless the importer says otherwise.
func TestDraftsAreNotForCare(t *testing.T) {
	text := `{"resourceType":"ConceptMap","status":"draft","group":[{"source":"http://read.info/readv2","target":"http://snomed.info/sct","element":[{"code":"G20..00","target":[{"code":"59621000","equivalence":"equal"}]}]}]}`
	require.Equal(t, "test", take(t, "c.json", text, Options{}).Tables[0].Header.Use)
	require.Equal(t, "clinical", take(t, "c.json", text, Options{Use: "clinical"}).Tables[0].Header.Use)
}

// TestDMDUnderSNOMED: some maps give dm+d identifiers the system of SNOMED CT.
func TestDMDUnderSNOMED(t *testing.T) {
	text := `{"resourceType":"ConceptMap","group":[{"source":"https://fhir.hl7.org.uk/Id/multilex-drug-codes","target":"http://snomed.info/sct","element":[{"code":"03197002","display":"a","target":[{"code":"319775004","display":"a","equivalence":"equal"}]}]}]}`
	im := take(t, "c.json", text, Options{To: mapping.DMD})
	require.Equal(t, mapping.DMD, im.Tables[0].Header.To)
	require.Equal(t, []string{"2003197/ 319775004 no"}, keysOf(im))
}

// TestValidity: rows of one key for different days are rows of their own; overlapping ones do not choose.
func TestValidity(t *testing.T) {
	head := "#curie_map:\n#  R: http://read.info/readv2/\n#  S: http://snomed.info/id/\nsubject_id\tpredicate_id\tobject_id\tmapping_justification\text_valid_from\text_valid_to\n"
	row := func(concept, from, to string) string {
		return "R:G20..00\tskos:exactMatch\tS:" + concept + "\tsemapv:ManualMappingCuration\t" + from + "\t" + to + "\n"
	}
	im := take(t, "s.tsv", head+row("59621000", "2024-01-01", "")+row("38341003", "", "2023-12-31"), Options{})
	require.Equal(t, []string{"G20../00 38341003 no", "G20../00 59621000 no"}, keysOf(im))
	reparse(t, im.Tables[0])
	im = take(t, "s.tsv", head+row("59621000", "2023-12-31", "")+row("38341003", "", "2023-12-31")+"R:H33..00\tskos:exactMatch\tS:195967001\tsemapv:MappingReview\t\t\n", Options{})
	require.Equal(t, []string{"H33../00 195967001 no"}, keysOf(im))
}

// TestUnreadableWords: characters that show nothing go; a term with a character that was lost on the way is no term, and
// the row is judged as one without. Neither refuses the table at load.
func TestUnreadableWords(t *testing.T) {
	im := take(t, "Coding_ClinicalCode.csv", "CodeId,Term,ReadTermId,SnomedCTConceptId\n1,Asth\u200bma\u00ad,H33,195967001\n2,M\ufffdni\ufffdre,F561,13445001\n", Options{})
	require.Equal(t, "F561.", im.Tables[0].Rows[0].Source.Value)
	require.Empty(t, im.Tables[0].Rows[0].Source.Term)
	require.Equal(t, "Asthma", im.Tables[0].Rows[1].Source.Term)
	require.Contains(t, fmt.Sprint(im.Notes), "a character that was lost")
	reparse(t, im.Tables[0])
}

// TestTrapsOfTargets: identifiers that have been seen in the place of a concept and are none, however valid they look.
func TestTrapsOfTargets(t *testing.T) {
	good := "emis\tEMISNQTE18\t\tsnomed\t719407002\t\trelated-to\tx\n"
	for name, row := range map[string]string{
		"a Vision id with a check digit that holds, as dm+d": "multilex\t2003197\ta\tdmd\t122935001000027100\ta\tequivalent\tx\n",
		"a typing error in published documentation":          "readv2\t9bJ1.00\t\tsnomed\t96431000000106\t\trelated-to\tx\n",
		"EMIS's spelling under Read v2":                      "readv2\tH06z0-1\t\tsnomed\t195967001\t\trelated-to\tx\n",
		"a Read code that lost its dots":                     "readv2\t3272\t\tsnomed\t195967001\t\trelated-to\tx\n",
	} {
		im := take(t, "l.tsv", listHead+good+row, Options{})
		require.Equal(t, []string{"EMISNQTE18/ 719407002 no"}, keysOf(im), name)
	}
	im := take(t, "l.tsv", listHead+"readv2\tG20..00\t\tctv3\tYG20.\t\trelated-to\tx\n", Options{})
	require.Equal(t, mapping.TPPLocal, im.Tables[0].Header.To, "a code local to SystmOne is no CTV3 code")
	// Codes that differ in case alone are different codes, and neither takes the other's row.
	im = take(t, "l.tsv", listHead+"ctv3\tXaBKm\t\tsnomed\t59621000\t\trelated-to\tx\nctv3\tXabkM\t\tsnomed\t38341003\t\trelated-to\tx\n", Options{})
	require.Equal(t, []string{"XaBKm/ 59621000 no", "XabkM/ 38341003 no"}, keysOf(im))
}

// TestAlternatesOfAConcept: a message without a term id gets the alternate of its concept only where every term has it.
func TestAlternatesOfAConcept(t *testing.T) {
	head := "code\ttermcode\tconceptId\tdescriptionId\tuse\n2469.\tY4200\t72313002\t\tY\n"
	im := take(t, "codesWithValues_AlternateMaps_CTV3_1.txt", head+"2469.\tY4201\t72313002\t\tY\n", Options{})
	require.Equal(t, []string{"2469./ 72313002 no", "2469./Y4200 72313002 no", "2469./Y4201 72313002 no"}, keysOf(im))
	im = take(t, "codesWithValues_AlternateMaps_CTV3_1.txt", head+"2469.\tY4201\t72313002\t\t\n", Options{})
	require.Equal(t, []string{"2469./Y4200 72313002 no"}, keysOf(im))
}

// TestJudgement: exactMatch is equivalent, and so may code an allergy, only where a person is said to have judged it.
func TestJudgement(t *testing.T) {
	head := "#curie_map:\n#  R: http://read.info/readv2/\n#  S: http://snomed.info/id/\nsubject_id\tpredicate_id\tobject_id\tmapping_justification\n"
	for justification, want := range map[string]mapping.Relation{
		"semapv:ManualMappingCuration": mapping.Equivalent, "https://w3id.org/semapv/vocab/MappingReview": mapping.Equivalent,
		"semapv:LexicalMatching": mapping.Related, "semapv:UnspecifiedMatching": mapping.Related, "": mapping.Related, "semapv:MappingChaining": mapping.Related,
	} {
		im := take(t, "s.tsv", head+"R:G20..00\tskos:exactMatch\tS:59621000\t"+justification+"\n", Options{})
		require.Equal(t, want, im.Tables[0].Rows[0].Relation, justification)
	}
}

// TestRowsAreBounded in each way of reading.
func TestRowsAreBounded(t *testing.T) {
	row := `{"code":"G20..00","target":[{"code":"59621000","equivalence":"equal"}]}`
	for name, text := range map[string]string{
		"delimited": rcsHead + strings.Repeat(rcs("A", "G20..", "00", "59621000", "1", "20150401", "1"), 4),
		"JSON":      `{"resourceType":"ConceptMap","group":[{"source":"http://read.info/readv2","target":"http://snomed.info/sct","element":[` + strings.Repeat(row+",", 3) + row + "]}]}",
		"XML":       "<A>" + strings.Repeat("<VMP><VPID>319775004</VPID></VMP>", 4) + "</A>",
	} {
		_, faults := Read(context.Background(), strings.NewReader(text), "m", stated(Options{MaxRows: 3}))
		require.Len(t, faults, 1, name)
		require.Regexp(t, "more than 3 rows|too many rows|too many records", faults[0].What, name)
	}
}

// TestSuppliersDirt: a supplier's list of codes may have more rows that are none than a published table.
func TestSuppliersDirt(t *testing.T) {
	emis := func(bad int) string {
		text := "CodeId,Term,ReadTermId,SnomedCTConceptId\n"
		for i := range 200 {
			code := fmt.Sprintf("^ESCT%d", i)
			if i < bad {
				code = "typed words"
			}
			text += fmt.Sprintf("%d,x,%s,195967001\n", i, code)
		}
		return text
	}
	require.Len(t, take(t, "Coding_ClinicalCode.csv", emis(19), Options{}).Tables[0].Rows, 181)
	require.Contains(t, refuse(t, "Coding_ClinicalCode.csv", emis(21))[0], "Coding_ClinicalCode.csv:2: codes that are none in more than one row of ten; ")
}
