package formats

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
)

// Codes of each scheme to draw from; every one passes its check.
var codesOf = map[mapping.Scheme][]mapping.Code{
	mapping.ReadV2:    {{Value: "G20..", TermCode: "00"}, {Value: "G20..", TermCode: "11"}, {Value: "g20..", TermCode: "00"}, {Value: "H06z0", TermCode: "1V"}, {Value: "2469.", TermCode: "00"}},
	mapping.CTV3:      {{Value: "XE0Uc"}, {Value: "XE0Uc", TermCode: "Y41Oy"}, {Value: "XaBKm"}, {Value: "XabkM"}, {Value: "2469.", TermCode: "Ya.."}},
	mapping.SNOMED:    {{Value: "59621000"}, {Value: "38341003"}, {Value: "195967001"}, {Value: "1005671000000105"}},
	mapping.DMD:       {{Value: "319775004"}, {Value: "319799004"}, {Value: "39689111000001106"}},
	mapping.EMISLocal: {{Value: "^ESCT1270257"}, {Value: "EMISNQTE18"}, {Value: "HNG0600-KC60"}, {Value: "ALLERGY-EMISDRUGNAME-12EMIS"}, {Value: "EMIS|1/2"}},
	mapping.EMISDrug:  {{Value: "META1787"}, {Value: "DIM/19795EMIS"}, {Value: "A B 12"}},
	mapping.Multilex:  {{Value: "2003197"}, {Value: "1016967"}, {Value: "9999999"}},
	mapping.TPPLocal:  {{Value: "Y228d"}, {Value: "Y1234"}},
	"emisweb.sex":     {{Value: "M"}, {Value: "not known / 50 %"}, {Value: "a:b#c?d|e"}, {Value: `"é"`}},
	"systmone.sex":    {{Value: "Male"}, {Value: "sssom:NoTermFound"}},
}

func schemes() []mapping.Scheme {
	var all []mapping.Scheme
	for s := range codesOf {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

func drawCode(t *rapid.T, s mapping.Scheme, label string) mapping.Code {
	c := rapid.SampledFrom(codesOf[s]).Draw(t, label)
	c.Scheme, c.Term = s, drawWords(t, label+" term")
	if c.TermCode != "" && s == mapping.CTV3 && len(c.TermCode) != 5 {
		c.TermCode = "Y...."
	}
	return c
}

// drawWords draws what may stand in a cell of words. Every word is of one class of context, so that no row is refused.
func drawWords(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"", "Asthma", `said "so" & <more>`, "Ménière's disease", "a # b: c", `back\slash`, "'quoted'", "= 5.89E+17", "{}", "50%20"}).Draw(t, label)
}

// drawTable draws a table as mapping.Write takes it: one row for each key.
func drawTable(t *rapid.T) Table {
	all := schemes()
	from := rapid.SampledFrom(all).Draw(t, "from")
	to := rapid.SampledFrom(all).Filter(func(s mapping.Scheme) bool { return s != from }).Draw(t, "to")
	table := Table{Header: mapping.Header{ID: "a table", Version: `1 "b"`, From: from, To: to, Layer: mapping.LocalLayer, Licence: "CC0-1.0", Source: "a: b", Author: "A", Use: "test",
		ReviewedBy: "B # C", ValidFrom: "2024-01-01", Attribution: `"x"`}}
	type key struct{ value, termCode, context string }
	seen := map[key]bool{}
	for range rapid.IntRange(1, 12).Draw(t, "rows") {
		row := mapping.Row{
			Source: drawCode(t, from, "source"), Relation: rapid.SampledFrom([]mapping.Relation{mapping.Equivalent, mapping.Narrower, mapping.Broader, mapping.Related, mapping.NoMap}).Draw(t, "relation"),
			Context: rapid.SampledFrom([]mapping.Context{mapping.Any, mapping.WithValue, "problem"}).Draw(t, "context"),
			Reason:  drawWords(t, "reason"), Reviewer: drawWords(t, "reviewer"),
		}
		if row.Relation == mapping.NoMap {
			row.Reason += "because"
		} else {
			row.Target, row.Assured = drawCode(t, to, "target"), rapid.Bool().Draw(t, "assured")
		}
		if rapid.Bool().Draw(t, "dated") {
			row.ValidFrom, row.ValidTo = "2024-01-01", "2025-12-31"
		}
		k := key{row.Source.Value, row.Source.TermCode, string(row.Context)}
		if !seen[k] {
			seen[k] = true
			table.Rows = append(table.Rows, row)
		}
	}
	table.Rows = inOrder(table.Rows)
	return table
}

// TestRoundTrips: a table written for another tool and read again is the same table, row by row and word by word.
func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t)
		for name, write := range map[string]func(*bytes.Buffer) error{
			"ConceptMap": func(b *bytes.Buffer) error { return WriteConceptMap(b, table.Header, table.Rows) },
			"SSSOM":      func(b *bytes.Buffer) error { return WriteSSSOM(b, table.Header, table.Rows) },
		} {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			im, faults := Read(context.Background(), bytes.NewReader(b.Bytes()), "export", Options{})
			require.Empty(t, faults, "%s\n%s", name, b.String())
			for _, note := range im.Notes {
				require.Contains(t, note.What, "drug rows without both terms", "nothing is left out")
			}
			require.Len(t, im.Tables, 1, name)
			got := im.Tables[0]
			for i := range got.Rows {
				got.Rows[i].Line = 0
			}
			require.Equal(t, table.Rows, got.Rows, "%s\n%s", name, b.String())
			got.Header.SourceFile, got.Header.SourceRelease, got.Header.SourceSHA256 = "", "", ""
			require.Equal(t, table.Header, got.Header, name)
		}
	})
}

// TestExportsOfTheStarterTables takes every starter table out and in again.
func TestExportsOfTheStarterTables(t *testing.T) {
	tables, err := mapping.Starter()
	require.NoError(t, err)
	for _, table := range tables {
		var rows []mapping.Row
		for row := range table.Rows() {
			row.Line, row.Class, row.TargetClass = 0, mapping.Unknown, mapping.Unknown
			rows = append(rows, row)
		}
		for _, write := range []func(*bytes.Buffer) error{
			func(b *bytes.Buffer) error { return WriteConceptMap(b, table.Header, rows) },
			func(b *bytes.Buffer) error { return WriteSSSOM(b, table.Header, rows) },
		} {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			im, faults := Read(context.Background(), &b, table.ID, Options{})
			require.Empty(t, faults, table.ID)
			for _, note := range im.Notes {
				require.Contains(t, note.What, "drug rows without both terms", table.ID)
			}
			for i := range im.Tables[0].Rows {
				im.Tables[0].Rows[i].Line = 0
			}
			require.Equal(t, rows, im.Tables[0].Rows, table.ID)
			reparse(t, im.Tables[0])
		}
	}
}

// TestPrecedenceOfWords pins the two vocabularies that are read the wrong way round elsewhere.
func TestPrecedenceOfWords(t *testing.T) {
	require.Equal(t, "wider", equivalenceOf(mapping.Narrower), "R4 says what the target is")
	require.Equal(t, "narrower", equivalenceOf(mapping.Broader))
	require.Equal(t, "skos:broadMatch", predicateOf(mapping.Narrower), "SKOS says what the object is")
	require.Equal(t, "skos:narrowMatch", predicateOf(mapping.Broader))
	for _, word := range []string{"subsumes", "wider"} {
		got, ok := (&fhirTarget{Equivalence: word}).relation()
		require.True(t, ok)
		require.Equal(t, mapping.Narrower, got)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		rcsHead + rcs("A", "G20..", "00", "59621000", "1", "20150401", "1"), ctv3Head, ownHead, listHead + "emis\tG20\tx\tsnomed\t59621000\ty\tequivalent\tz\n",
		"CodeId,Term,ReadTermId,SnomedCTConceptId\n1,\"a \"\"b\"\"\",G20,59621000\n", "RowIdentifier,Ctv3Code,Version2Code\n1,XE0Uc,G20..\n",
		"code\ttermcode\tconceptId\tdescriptionId\tuse\n2469.\t00\t72313002\t\tY\n",
		`{"resourceType":"ConceptMap","group":[{"source":"http://read.info/readv2","target":"http://snomed.info/sct","element":[{"code":"G20..00","target":[{"code":"59621000","equivalence":"equal"}]}]}]}`,
		"#curie_map:\n#  R: http://read.info/readv2/\nsubject_id\tpredicate_id\tobject_id\tmapping_justification\nR:G20..00\tskos:exactMatch\tR:x\ty\n",
		"<A><!-- --><VMP><VPID>39689111000001106</VPID><VPIDPREV>319775004</VPIDPREV><NM>x</NM></VMP></A>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		im, faults := Read(context.Background(), bytes.NewReader(text), "fuzz", stated(Options{Source: "s"}))
		if len(faults) > 0 {
			if im != nil {
				t.Fatal("an import beside faults")
			}
			for _, fault := range faults {
				if fault.What == "" || fault.Why == "" || fault.Mend == "" || len(fault.Error()) > 1000 {
					t.Fatal("a fault that does not say itself: ", fault)
				}
			}
			return
		}
		for _, table := range im.Tables {
			if len(table.Rows) == 0 || table.Header.ID == "" || strings.Contains(table.Header.ID, "linkspan.degrade") {
				continue
			}
			var b bytes.Buffer
			if err := mapping.Write(&b, table.Header, table.Rows); err != nil {
				t.Fatal(err)
			}
			if _, faults := mapping.Parse("fuzz", &b, mapping.Options{Dictionary: everyDrug{}}); len(faults) > 0 {
				t.Fatal(fmt.Sprint(faults), "\n", string(text))
			}
		}
	})
}
