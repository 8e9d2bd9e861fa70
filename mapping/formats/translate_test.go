package formats

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

// TestImportedTablesTranslate takes the national files all the way: imported, written, parsed, put into a set, asked.
func TestImportedTablesTranslate(t *testing.T) {
	var tables []*mapping.Table
	for _, name := range []string{
		"ctv3sctmap2_uk_20200401000001.txt", "rcsctmap2_uk_20200401000001.txt", "rctctv3map_uk_20200401000001.txt", "ctv3rctmap_uk_20200401000002.txt",
		"codesWithValues_AlternateMaps_READ2_20200401000001.txt", "f_history1_3011222.xml", "Coding_ClinicalCode_20240105.csv",
	} {
		file, err := os.Open("testdata/files/" + name)
		require.NoError(t, err)
		im, faults := Read(context.Background(), file, name, Options{Assured: true})
		require.NoError(t, file.Close())
		require.Empty(t, faults)
		for _, table := range im.Tables {
			tables = append(tables, reparse(t, table))
		}
	}
	set, faults := mapping.NewSet(tables...)
	require.Empty(t, faults)
	for name, tt := range map[string]struct {
		code     mapping.Code
		to       mapping.Scheme
		contexts []mapping.Context
		answer   mapping.Answer
		target   string
	}{
		"a concept whose terms agree":    {mapping.Code{Scheme: mapping.CTV3, Value: "XE0Uc"}, mapping.SNOMED, nil, mapping.Mapped, "59621000"},
		"a term with a dead map":         {mapping.Code{Scheme: mapping.CTV3, Value: "H33.."}, mapping.SNOMED, nil, mapping.Ambiguous, ""},
		"its living term":                {mapping.Code{Scheme: mapping.CTV3, Value: "H33..", TermCode: "Y10AA"}, mapping.SNOMED, nil, mapping.Mapped, "195967001"},
		"terms that differ":              {mapping.Code{Scheme: mapping.CTV3, Value: "X40J4"}, mapping.SNOMED, nil, mapping.Ambiguous, ""},
		"a dead map":                     {mapping.Code{Scheme: mapping.CTV3, Value: "A7886"}, mapping.SNOMED, nil, mapping.Unmapped, ""},
		"a drug":                         {mapping.Code{Scheme: mapping.CTV3, Value: "di21."}, mapping.SNOMED, nil, mapping.AnswerNoMap, ""},
		"local to SystmOne":              {mapping.Code{Scheme: mapping.TPPLocal, Value: "Y1234"}, mapping.SNOMED, nil, mapping.Unmapped, ""},
		"assured Read":                   {mapping.Code{Scheme: mapping.ReadV2, Value: "G20..", TermCode: "00"}, mapping.CTV3, nil, mapping.Mapped, "XE0Uc"},
		"no inverse":                     {mapping.Code{Scheme: mapping.CTV3, Value: "XE10G"}, mapping.ReadV2, nil, mapping.Unmapped, ""},
		"not assured":                    {mapping.Code{Scheme: mapping.ReadV2, Value: "G30..", TermCode: "00"}, mapping.SNOMED, nil, mapping.Inexact, "22298006"},
		"assured, of an allergy":         {mapping.Code{Scheme: mapping.ReadV2, Value: "G20..", TermCode: "00"}, mapping.SNOMED, []mapping.Context{mapping.AllergyContext}, mapping.Inexact, "59621000"},
		"with a value":                   {mapping.Code{Scheme: mapping.ReadV2, Value: "246A.", TermCode: "00"}, mapping.SNOMED, []mapping.Context{mapping.WithValue}, mapping.Mapped, "1091811000000102"},
		"without":                        {mapping.Code{Scheme: mapping.ReadV2, Value: "246A.", TermCode: "00"}, mapping.SNOMED, nil, mapping.Mapped, "163031004"},
		"the nation before the supplier": {mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00"}, mapping.SNOMED, nil, mapping.Mapped, "195967001"},
		"the supplier's local code":      {mapping.Code{Scheme: mapping.EMISLocal, Value: "EMISNQTE18"}, mapping.SNOMED, nil, mapping.Inexact, "719407002"},
		"EMIS's own concept":             {mapping.Code{Scheme: mapping.EMISLocal, Value: "^ESCT1270257"}, mapping.SNOMED, nil, mapping.AnswerNoMap, ""},
	} {
		got := set.Translate(tt.code, tt.to, tt.contexts...)
		require.Equal(t, tt.answer, got.Answer, name)
		require.Equal(t, tt.target, got.Target.Value, name)
	}
}

// TestSuppliersHideNoNationalRow: what an extract says beside a code never takes the place of an assured national row, and
// never codes by itself; a site that asks for the layer supplier gets what it asked for.
func TestSuppliersHideNoNationalRow(t *testing.T) {
	national := rcsHead + rcs("A", "H33..", "00", "195967001", "1", "20150401", "1")
	extract := "CodeId,Term,ReadTermId,SnomedCTConceptId\n1,Asthma,H33,59621000\n2,Hypertension,G20,59621000\n3,A synonym,H33-1,59621000\n"
	ask := func(layer mapping.Layer, code mapping.Code, contexts ...mapping.Context) mapping.Result {
		var tables []*mapping.Table
		for _, file := range []struct{ name, text string }{{"rcsctmap2_uk_20200401000001.txt", national}, {"Coding_ClinicalCode_20240105.csv", extract}} {
			o := Options{}
			if file.text == extract {
				o.Layer = layer
			}
			im, faults := Read(context.Background(), strings.NewReader(file.text), file.name, o)
			require.Empty(t, faults)
			tables = append(tables, reparse(t, im.Tables[0]))
		}
		set, faults := mapping.NewSet(tables...)
		require.Empty(t, faults)
		return set.Translate(code, mapping.SNOMED, contexts...)
	}
	asthma := mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00"}
	pressure := mapping.Code{Scheme: mapping.ReadV2, Value: "G20..", TermCode: "00"}
	require.Equal(t, mapping.Mapped, ask("", asthma).Answer)
	require.Equal(t, "195967001", ask("", asthma).Target.Value)
	require.Equal(t, mapping.Mapped, ask("", asthma, mapping.WithValue).Answer)
	require.Equal(t, mapping.Inexact, ask("", pressure).Answer, "where the nation is silent it shows, and does not code")
	require.Equal(t, mapping.Inexact, ask("", pressure, mapping.AllergyContext).Answer)
	require.Equal(t, mapping.Inexact, ask(mapping.SupplierLayer, asthma).Answer)
	// A message that states no term code may mean the synonym that only the supplier knows, and it means something else.
	require.Equal(t, mapping.Ambiguous, ask("", mapping.Code{Scheme: mapping.ReadV2, Value: "H33.."}).Answer)
}
