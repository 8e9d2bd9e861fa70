package pairs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// The tests of this package's rules use small records and tables written by
// hand. A row is "code|term code|term|code|term code|term|relation", and may
// go on with "|context|assured".

// table parses a table of rows.
func table(t testing.TB, from, to mapping.Scheme, rows ...string) *mapping.Table {
	t.Helper()
	var b strings.Builder
	b.WriteString("# id: " + string(from) + "-" + string(to) + "\n# version: 1\n# from: " + string(from) + "\n# to: " + string(to) +
		"\n# layer: local\n# licence: none\n# source: by hand\n")
	b.WriteString("source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\n")
	for _, row := range rows {
		cells := append(strings.Split(row, "|"), "any", "no", "by hand")
		if n := strings.Count(row, "|"); n > 6 {
			cells = append(strings.Split(row, "|"), []string{"any", "no", "by hand"}[n-6:]...)
		}
		b.WriteString(strings.Join(cells, "\t") + "\n")
	}
	tab, faults := mapping.Parse(string(from+"-"+to)+".tsv", strings.NewReader(b.String()), mapping.Options{})
	require.Empty(t, faults)
	return tab
}

// degrades are the tables of the transfer-degraded codes.
func degrades(t testing.TB) []*mapping.Table {
	t.Helper()
	all, err := mapping.Starter()
	require.NoError(t, err)
	var found []*mapping.Table
	for _, tab := range all {
		if tab.From == pairs.DegradeScheme {
			found = append(found, tab)
		}
	}
	require.Len(t, found, 3)
	return found
}

// to is the direction in which the named system gets the record, with the
// tables given and those of the degrade codes.
func to(t testing.TB, consumer string, tables ...*mapping.Table) *pairs.Direction {
	t.Helper()
	set, faults := mapping.NewSet(append(degrades(t), tables...)...)
	require.Empty(t, faults)
	d, err := openLink(t, "openhr").Direction(consumer, set)
	require.NoError(t, err)
	return d
}

// recordOf is a record of all sections with the entries given.
func recordOf(entries ...*record.Entry) *record.Record {
	rec := record.New(record.Source{System: "EMIS Web"})
	rec.Supply(record.AllSections)
	for _, e := range entries {
		rec.Add(e)
	}
	rec.Reconcile(nil, nil)
	return rec
}

// whole asks for everything.
func whole() *record.Request { return &record.Request{Sections: record.AllSections, Whole: true} }

// carry translates a record of the entries given, asked for whole.
func carry(d *pairs.Direction, entries ...*record.Entry) (*record.Record, pairs.Report) {
	rec := recordOf(entries...)
	return rec, d.Translate(rec, whole(), whole())
}

// read is a Read v2 code.
func read(value, termCode, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.ReadV2, Value: value, TermCode: termCode, Term: term}
}

// snomed is a SNOMED CT code.
func snomed(value, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.SNOMED, Value: value, Term: term}
}

// emisDrug is a drug of EMIS.
func emisDrug(value, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.EMISDrug, Value: value, Term: term}
}

// observation is a coded statement in the words of its code.
func observation(c mapping.Code) *record.Entry {
	return &record.Entry{Kind: record.KindObservation, Text: c.Term, Code: c}
}

// medication is a current repeat course.
func medication(c mapping.Code) *record.Entry {
	return &record.Entry{Kind: record.KindMedication, Text: c.Term, Code: c, Medication: &record.MedicationBody{
		Type: mapping.Code{Scheme: "emisweb.prescription-type", Value: "R", Term: "Repeat"}, Start: date("2016-03-04")}}
}

func date(s string) record.Date {
	d, err := record.ParseISO(s)
	if err != nil {
		panic(err)
	}
	return d
}

// items is the table that lets a repeat be one.
func items(t testing.TB) *mapping.Table {
	return table(t, "emisweb.prescription-type", "systmone.medication-item",
		"A||Acute|Medication||Acute|equivalent", "R||Repeat|RepeatMedication||Repeat|equivalent",
		"D||Repeat dispensed|RepeatMedication||Repeat|source-is-narrower-than-target")
}

// warned reports a warning of the code in the section.
func warned(rec *record.Record, code record.WarningCode, s record.Section) bool {
	for _, w := range rec.Warnings {
		if w.Code == code && w.Section == s {
			return true
		}
	}
	return false
}
