package dictionary

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/dmd"
)

func load(t *testing.T, paths ...string) (*Dictionary, []string) {
	t.Helper()
	for i := range paths {
		paths[i] = filepath.Join("testdata", filepath.FromSlash(paths[i]))
	}
	d, faults := Load(context.Background(), paths, nil)
	require.NotNil(t, d)
	var texts []string
	for _, f := range faults {
		require.NotEmpty(t, f.What)
		require.NotEmpty(t, f.Why)
		require.NotEmpty(t, f.Mend)
		texts = append(texts, fmt.Sprintf("%s:%d: %s", filepath.Base(f.File), f.Line, f.What))
	}
	return d, texts
}

// look is what the dictionary says of "scheme|value|term code", in one word each.
func look(d *Dictionary, key string) string {
	parts := strings.Split(key, "|")
	term, active, found := d.Look(mapping.Code{Scheme: mapping.Scheme(parts[0]), Value: parts[1], TermCode: parts[2]})
	switch {
	case !found:
		return "unknown"
	case !active:
		return "retired: " + term
	}
	return "active: " + term
}

func TestLayouts(t *testing.T) {
	for name, c := range map[string]struct {
		paths  []string
		faults []string
		looks  map[string]string
	}{
		"Read v2": {[]string{"readv2/Keyv2.all", "readv2/unidrug.key"}, nil, map[string]string{
			"readv2|G20..|00": "active: Essential hypertension",
			"readv2|G20..|":   "active: Essential hypertension",
			"readv2|G20..|11": "unknown",
			"readv2|g20..|00": "unknown",
			"readv2|H33..|11": "active: Bronchial asthma",
			"readv2|H33..|12": `retired: An old name, "quoted"`,
			"readv2|2469.|00": "active: O/E - Systolic blood pressure reading",
			"readv2|f41y.|00": "active: METFORMIN HCL 500mg tablets",
			"readv2|bu25.|00": "retired: ASPIRIN 75mg dispersible tablets in a much longer form of words than sixty characters",
			"ctv3|G20..|":     "unknown",
		}},
		"Read v2 without term codes": {[]string{"readv2/Corev2.all"}, nil, map[string]string{
			"readv2|G200.|00": "active: Malignant essential hypertension",
			"readv2|G200.|":   "active: Malignant essential hypertension",
			"readv2|G200.|11": "active: ",
			"readv2|G20..|11": "active: High blood pressure",
		}},
		"CTV3": {[]string{"ctv3"}, []string{"Descrip.v3:7: a concept that Concept.v3 does not list", "Descrip.v3:8: a term id that Terms.v3 does not list"}, map[string]string{
			"ctv3|XE0Uc|":      "active: Essential hypertension",
			"ctv3|XE0Uc|Y41Oz": "active: Primary hypertension",
			"ctv3|XE0Uc|Y41PA": "unknown",
			"ctv3|XE10G|":      "active: Type 2 diabetes mellitus without mention of complication",
			"ctv3|C1080|":      "active: An optional term",
			"ctv3|X40J4|":      "retired: A redundant term",
			"ctv3|XaZZZ|":      "retired: An extinct term",
		}},
		"CTV3 in several files, not in order": {[]string{"ctv3/Terms.v3", "ctv3/Descrip.v3", "ctv3/Concept.v3"},
			[]string{"Descrip.v3:7: a concept that Concept.v3 does not list", "Descrip.v3:8: a term id that Terms.v3 does not list"},
			map[string]string{"ctv3|XE0Uc|": "active: Essential hypertension"}},
		"CTV3 without its terms": {[]string{"ctv3/Descrip.v3", "ctv3/Concept.v3"},
			[]string{"Descrip.v3:0: without Terms.v3 CTV3's files say nothing", "Concept.v3:0: without Terms.v3 CTV3's files say nothing"},
			map[string]string{"ctv3|XE0Uc|": "unknown"}},
		"EMIS": {[]string{"emis"}, []string{
			"Coding_ClinicalCode.csv:6: a number damaged by a spreadsheet",
			"Coding_ClinicalCode.csv:7: the ReadTermId: a character that no EMIS local code has",
			"Coding_ClinicalCode.csv:8: neither a Read nor a SNOMED CT code",
		}, map[string]string{
			"readv2|G20..|00":           "active: Essential hypertension",
			"readv2|H33..|11":           "active: Asthma, bronchial",
			"readv2|H33..|":             "active: Asthma, bronchial",
			"readv2|H34..|00":           "active: A damaged id",
			"emis|^ESCT1270257|":        "active: Suspected asthma",
			"emis|EMISNQLO1|":           "active: A local template",
			"snomed|195967001|":         "active: ",
			"dmd|322236009|":            "active: Paracetamol 500mg tablets",
			"dmd|122935001000027100|":   "unknown",
			"dmd|109081006|":            "active: Metformin 500mg tablets",
			"snomed|301485011|":         "unknown",
			"emis-drug|META1787|":       "unknown",
			"dmd|42109611000001109|":    "unknown",
			"emisweb.problem-status|A|": "unknown",
		}},
		"TPP": {[]string{"tpp"}, []string{"SRCtv3.csv:6: a Read code is five characters, trailing dots included"}, map[string]string{
			"ctv3|XE0Uc|":      "active: Essential hypertension",
			"ctv3|XE0Uc|Y41Oz": "active: ",
			"tpp|Y228d|":       "active: A code of SystmOne",
			"ctv3|2469.|":      "active: Systolic blood pressure",
			"ctv3|XaZZZ|":      "unknown",
		}},
		"SNOMED CT": {[]string{"snomed"}, []string{"sct2_Description_Snapshot-en_GB1000000_20260401.txt:11: a description id, not a concept id"}, map[string]string{
			"snomed|195967001|": "active: Asthma",
			"snomed|73211009|":  "active: Diabetes mellitus",
			"snomed|160303001|": "active: ",
			"snomed|91936005|":  "retired: Allergy to penicillin",
			"snomed|38341003|":  "active: ",
		}},
		"SNOMED CT without its concepts": {[]string{"snomed/sct2_Description_Snapshot-en_GB1000000_20260401.txt"},
			[]string{"sct2_Description_Snapshot-en_GB1000000_20260401.txt:11: a description id, not a concept id"}, map[string]string{
				"snomed|91936005|":  "active: Allergy to penicillin",
				"snomed|160303001|": "retired: ",
				"snomed|38341003|":  "unknown",
			}},
		"dm+d": {[]string{"dmd"}, []string{"f_vmp2_3010126.xml:8: the check digit is wrong"}, map[string]string{
			"dmd|90332006|":          "active: Paracetamol",
			"dmd|774587000|":         "retired: A moiety no longer valid",
			"dmd|387517004|":         "retired: A moiety no longer valid",
			"dmd|42109611000001109|": "active: Paracetamol 500mg tablets",
			"dmd|322236009|":         "retired: Paracetamol 500mg tablets",
			"dmd|9000011000001106|":  "retired: Testamol 10mg & Sample 5mg tablets",
			"dmd|9000021000001102|":  "retired: Testamol 10mg & Sample 5mg tablets",
			"dmd|9000061000001108|":  "retired: Testamol 10mg & Sample 5mg tablets",
			"dmd|9000031000001100|":  "active: Examplol 500mg tablets (Example Pharma Ltd)",
			"dmd|9000051000001105|":  "retired: Oldol 500mg tablets",
			"dmd|9000041000001107|":  "unknown",
			"dmd|38341003|":          "unknown",
		}},
		"the site's own": {[]string{"readv2/Keyv2.all", "emis/Coding_DrugCode.csv", "site"}, []string{"dictionary.tsv:6: an unknown scheme", "dictionary.tsv:7: active is neither yes nor no"}, map[string]string{
			"emis|EMISNQLO1|":   "active: The practice's template",
			"multilex|3197002|": "active: Paracetamol tablets 500mg",
			"readv2|H33..|00":   "retired: Asthma (as we say)",
			"readv2|H33..|11":   "active: Bronchial asthma",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d, faults := load(t, c.paths...)
			require.Equal(t, c.faults, faults)
			for key, want := range c.looks {
				require.Equal(t, want, look(d, key), key)
			}
		})
	}
}

// The words of the publisher go before those of a supplier, and the site's own before both, whatever comes first.
func TestBetterWordsReplaceWorse(t *testing.T) {
	for _, paths := range [][]string{
		{"emis", "readv2", "snomed", "dmd", "site"}, {"site", "dmd", "snomed", "readv2", "emis"},
	} {
		d, _ := load(t, paths...)
		require.Equal(t, "active: Bronchial asthma", look(d, "readv2|H33..|11"))
		require.Equal(t, "retired: Asthma (as we say)", look(d, "readv2|H33..|00"))
		require.Equal(t, "active: Asthma", look(d, "snomed|195967001|"))
		require.Equal(t, "active: The practice's template", look(d, "emis|EMISNQLO1|"))
	}
}

func TestTheWholeFolder(t *testing.T) {
	var notes []string
	done := 0
	d, faults := Load(context.Background(), []string{"testdata", "testdata/dmd"}, func(p Progress) {
		if p.Done {
			done++
			if p.Note != "" {
				notes = append(notes, filepath.Base(p.File)+": "+p.Note)
			}
		}
	})
	require.Len(t, faults, 10)
	require.Equal(t, 21, done, "no file is read twice")
	require.Equal(t, []string{
		"V3hier.v3: no words of codes in it", "f_lookup2_3010126.xml: no products in it", "vmp_v2_3.xsd: a schema, no dictionary",
		"sct2_Relationship_Snapshot_GB1000000_20260401.txt: no words of codes in it", "SRCtv3ToSnomed.csv: a map, not a dictionary: import it as a table",
	}, notes)
	require.Equal(t, []mapping.Scheme{mapping.CTV3, mapping.DMD, mapping.EMISLocal, mapping.Multilex, mapping.ReadV2, mapping.SNOMED, mapping.TPPLocal}, d.Schemes())
	for _, s := range d.Schemes() {
		require.True(t, d.Holds(s))
	}
	require.False(t, d.Holds(mapping.EMISDrug))
}

func TestCodesAreAllOfThemInOrder(t *testing.T) {
	d, _ := load(t, "ctv3", "tpp", "readv2")
	list := func(s mapping.Scheme) (all []string) {
		for c, active := range d.Codes(s) {
			require.Equal(t, s, c.Scheme)
			all = append(all, fmt.Sprintf("%s|%s|%s|%v", c.Value, c.TermCode, c.Term, active))
		}
		return all
	}
	require.Equal(t, []string{
		"2469.||Systolic blood pressure|true", "C1080|Y41PB|An optional term|true", "X40J4|Y41PC|A redundant term|false",
		"XE0Uc|Y41Oy|Essential hypertension|true", "XE0Uc|Y41Oz|Primary hypertension|true",
		"XE10G|Y41PA|Type 2 diabetes mellitus without mention of complication|true", "XaZZZ|Y41PD|An extinct term|false",
	}, list(mapping.CTV3), "a code of the list without term codes is not counted twice")
	require.Equal(t, 8, d.Len(mapping.CTV3))
	require.Equal(t, list(mapping.ReadV2), list(mapping.ReadV2))
	require.Empty(t, list(mapping.DMD))
	for range d.Codes(mapping.CTV3) {
		break
	}
}

func TestSources(t *testing.T) {
	d, _ := load(t, "emis/Coding_ClinicalCode.csv", "readv2/unidrug.key")
	sources := d.Sources()
	require.Len(t, sources, 4)
	require.Equal(t, Source{File: "Coding_ClinicalCode.csv", SHA256: sources[0].SHA256, Layout: "EMIS Coding_ClinicalCode", Scheme: mapping.EMISLocal, Rows: 2, Faulty: 3}, sources[0])
	require.Equal(t, mapping.ReadV2, sources[1].Scheme)
	require.Equal(t, mapping.SNOMED, sources[2].Scheme)
	require.Equal(t, 3, sources[2].Rows)
	text, err := os.ReadFile(filepath.Join("testdata", "readv2", "unidrug.key"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(text)), sources[3].SHA256)
}

// Files come with any line end, any header case, a byte order mark, columns in any order and some we do not know.
func TestHeadersComeInManyForms(t *testing.T) {
	for name, text := range map[string]string{
		"a mark and CRLF":    "\ufeffCodeId,Term,DmdProductCodeId\r\n1,Paracetamol 500mg tablets,322236009\r\n",
		"upper case and LF":  "CODEID,TERM,DMDPRODUCTCODEID\n1,Paracetamol 500mg tablets,322236009\n",
		"another order":      "New,dmdproductcodeid,codeid,term\n,322236009,1,Paracetamol 500mg tablets\n",
		"quoted, no last LF": "\"CodeId\",\"Term\",\"DmdProductCodeId\"\r\n\"1\",\"Paracetamol 500mg tablets\",\"322236009\"",
		"tabs":               "CodeId\tTerm\tDmdProductCodeId\n1\tParacetamol 500mg tablets\t322236009\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "drugs")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			d, faults := Load(context.Background(), []string{path}, nil)
			require.Empty(t, faults)
			require.Equal(t, "active: Paracetamol 500mg tablets", look(d, "dmd|322236009|"))
		})
	}
}

func TestANilDictionaryIsEmpty(t *testing.T) {
	var d *Dictionary
	require.False(t, d.Holds(mapping.ReadV2))
	require.Equal(t, "unknown", look(d, "readv2|G20..|00"))
	require.Empty(t, d.Schemes())
	require.Empty(t, d.Sources())
	for range d.Codes(mapping.ReadV2) {
		require.Fail(t, "a code of an empty dictionary")
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	head := "CodeId,Term,DmdProductCodeId\r\n"
	products := "<VMPS>%s</VMPS>"
	product := "<VMP><VPID>322236009</VPID><NM>Paracetamol 500mg tablets</NM></VMP>"
	for name, c := range map[string]struct{ file, text, what string }{
		"unknown":                 {"a.txt", "name,address\r\nx,y\r\n", "not a dictionary of a known layout; codes would be missing; load one of: Linkspan dictionary, "},
		"a mapping table":         {"a.tsv", "source_code\tsource_term_code\n", "not a dictionary of a known layout"},
		"empty":                   {"a.csv", "", "an empty file"},
		"blank":                   {"a.csv", "\r\n\r\n", "an empty file"},
		"zip":                     {"a.zip", "PK\x03\x04rest", "a zip archive or a spreadsheet, not yet unpacked"},
		"gzip":                    {"a.gz", "\x1f\x8brest", "a gzip archive"},
		"UTF-16":                  {"a.csv", "\xff\xfeC\x00o\x00", "UTF-16"},
		"a full release":          {"sct2_Description_Full-en_GB1000000_20260401.txt", "id\teffectiveTime\tactive\tmoduleId\tconceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\r\n", "a Full release file"},
		"a carriage return":       {"a.csv", head + "1,Para\rcetamol,322236009\r\n2,Metformin,109081006\r\n", ":2: a carriage return inside a cell"},
		"Latin-1":                 {"a.csv", head + "1,M\xe9ni\xe8re,322236009\r\n", ":2: not UTF-8"},
		"a cell lost":             {"a.csv", head + "1,322236009\r\n", ":2: 2 cells where every row has 3"},
		"no words":                {"a.csv", head + "1,,322236009\r\n", ":2: a code without words"},
		"a column twice":          {"a.csv", "CodeId,Term,DmdProductCodeId,Term\r\n1,a,322236009,b\r\n", "two columns Term"},
		"a description id":        {"a.csv", head + "1,Asthma,301485011\r\n", ":2: a description id, not a concept id"},
		"a document type":         {"a.xml", `<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>`, ":1: a document type"},
		"an entity":               {"a.xml", fmt.Sprintf(products, "<VMP><VPID>322236009</VPID><NM>&a;</NM></VMP>"), ":1: not well-formed XML"},
		"another encoding":        {"a.xml", `<?xml version="1.0" encoding="iso-8859-1"?>` + fmt.Sprintf(products, product), ":1: not UTF-8"},
		"depth":                   {"a.xml", strings.Repeat("<a>", 17), "more than 16 elements inside each other"},
		"a long text":             {"a.xml", "<a>" + strings.Repeat("x", dmd.MaxToken+1), "a tag or a text of more than 65536 bytes"},
		"a long text in pieces":   {"a.xml", "<a>" + strings.Repeat(strings.Repeat("x", 1<<12)+"<!---->", 20), "a tag or a text of more than 65536 bytes"},
		"a long tag":              {"a.xml", "<a " + strings.Repeat(`b="c" `, dmd.MaxToken/6+1), "a tag or a text of more than 65536 bytes"},
		"a long comment":          {"a.xml", "<a><!--" + strings.Repeat("x", dmd.MaxToken+1), "a tag or a text of more than 65536 bytes"},
		"cut short":               {"a.xml", strings.TrimSuffix(fmt.Sprintf(products, product), "</VMPS>"), "the file ends in the middle"},
		"wrong ends":              {"a.xml", "<a><b></a></b>", "not well-formed XML"},
		"no products":             {"a.xml", "<a><b>c</b></a>", "XML without a product of dm+d"},
		"a code in CTV3's shape":  {"a.csv", "RowIdentifier,Ctv3Code,Ctv3Text\r\n1,3272.,A test\r\n2,3272,Lost its dot\r\n", ":3: a Read code is five characters"},
		"a wrong flag":            {"Keyv2.all", strings.Repeat(`"A","01","a",,,"00","EN","A....","0"`+"\n", 10) + `"A","01","a",,,"00","EN","B....","?"` + "\n", ":11: a discontinued flag that is none"},
		"a wrong concept":         {"c.txt", "id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId\n195967001\tlately\t1\t\t\n", ":2: not an effective time"},
		"a supplier's dm+d":       {"a.xml", fmt.Sprintf(products, "<VMP><VPID>122935001000027100</VPID><NM>a</NM></VMP>"), "a supplier's own identifier, not dm+d"},
		"a code typed into a row": {"a.csv", head + "1,Asthma,Mrs Smith's tablets\r\n", ":2: a SNOMED CT identifier is 6 to 18 digits"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			d, faults := Load(context.Background(), []string{path}, nil)
			require.NotNil(t, d)
			require.Len(t, faults, 1)
			require.Contains(t, faults[0].Error(), c.what)
			require.NotContains(t, faults[0].Error(), "Smith")
			require.Equal(t, path, faults[0].File)
		})
	}
}

func TestPathsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for name, paths := range map[string][]string{
		"missing":  {filepath.Join(dir, "none.csv")},
		"a device": {os.DevNull},
		"dangling": {dir},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "dangling" {
				require.NoError(t, os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "link.csv")))
			}
			_, faults := Load(context.Background(), paths, nil)
			require.Len(t, faults, 1)
			require.Equal(t, "cannot be read", faults[0].What)
		})
	}
	d, faults := Load(context.Background(), nil, nil)
	require.Empty(t, faults)
	require.Empty(t, d.Schemes())
}

// Rubbish costs a bounded list, not one line each, and the rows around it are read.
func TestManyFaultsAreCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "SRCtv3.csv")
	text := "RowIdentifier,Ctv3Code,Ctv3Text\n" + strings.Repeat("1,rubbish,rubbish\n", 50_000) + "2,XE0Uc,Essential hypertension\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	d, faults := Load(context.Background(), []string{path}, nil)
	require.Len(t, faults, maxListed+1)
	require.Equal(t, "49900 more rows refused", faults[maxListed].What)
	require.Equal(t, "active: Essential hypertension", look(d, "ctv3|XE0Uc|"))
	require.Equal(t, 50_000, d.Sources()[0].Faulty)
}

func TestLoadStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	files := 0
	d, faults := Load(ctx, []string{"testdata"}, func(Progress) {
		if files++; files == 3 {
			cancel()
		}
	})
	require.Nil(t, d)
	require.Equal(t, "reading was stopped", faults[len(faults)-1].What)
	require.Equal(t, 3, files)
}
