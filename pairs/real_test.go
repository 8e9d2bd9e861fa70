package pairs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// realRecords are EMIS Web records kept beside the project where they may be
// used; they are never part of it. Where they are absent there is nothing to
// run.
func realRecords(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../shared/records/emisweb/*.xml")
	require.NoError(t, err)
	records := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		records[strings.TrimSuffix(filepath.Base(file), ".xml")] = text
	}
	return records
}

// TestRealRecords carries every real record to SystmOne and back in both EMIS
// formats: every section balances, nothing fails, and every entry's words,
// date, value, unit and dosage are found again.
func TestRealRecords(t *testing.T) {
	tables := starter(t)
	for name, in := range realRecords(t) {
		link := openLink(t, "openhr")
		there, report, err := link.TranslateMessage(t.Context(), tables, in, pairs.Offline{From: "emisweb", Message: pairs.MessageResponse, ID: id})
		require.NoError(t, err, name)
		balanced(t, report)
		require.Zero(t, total(report, func(s pairs.SectionReport) int { return s.Failed }), name)
		source := decode(t, link, "emisweb", in)
		missing(t, name+" at SystmOne", source, decode(t, link, "systmone", there))
		for _, format := range emisFormats {
			link := openLink(t, format)
			back, report, err := link.TranslateMessage(t.Context(), tables, there, pairs.Offline{From: "systmone", Message: pairs.MessageResponse, ID: id})
			require.NoError(t, err, name)
			balanced(t, report)
			writeMessage(t, "real-"+name, emisForm(format), back)
			missing(t, name+" back in "+format, source, decode(t, link, "emisweb", back))
		}
	}
}

// TestCodedCounts holds the share of real entries the starter tables code by
// themselves, the sender's own translations switched off.
func TestCodedCounts(t *testing.T) {
	records := realRecords(t)
	if len(records) == 0 {
		return
	}
	read, drugs, ctv3, snomed, dmd := 0, 0, 0, 0, 0
	for _, in := range records {
		r, d, c, _ := codedCounts(t, in, pairs.Schemes{Codes: mapping.CTV3, Drugs: mapping.DMD})
		_, _, s, m := codedCounts(t, in, pairs.Schemes{Codes: mapping.SNOMED, Drugs: mapping.DMD})
		read, drugs, ctv3, snomed, dmd = read+r, drugs+d, ctv3+c, snomed+s, dmd+m
	}
	t.Logf("of %d Read-coded entries %d coded in CTV3, %d in SNOMED CT; of %d drug entries %d in dm+d", read, ctv3, snomed, drugs, dmd)
	require.GreaterOrEqual(t, ctv3, 300)
	require.GreaterOrEqual(t, snomed, 600)
	require.GreaterOrEqual(t, dmd, 45)
}

// codedCounts translates one record to SystmOne and counts, among the entries
// that stand for an event each, those with a Read code and with a drug code,
// and those of each that were coded.
func codedCounts(t *testing.T, in []byte, as pairs.Schemes) (read, drugs, codes, products int) {
	t.Helper()
	link := openLink(t, "openhr")
	d, err := link.Direction("systmone", starter(t))
	require.NoError(t, err)
	rec := decode(t, link, "emisweb", in)
	native := map[*record.Entry]mapping.Scheme{}
	for _, e := range rec.Entries {
		native[e] = e.Code.Scheme
	}
	q := record.Request{Sections: record.AllSections, Whole: true, CodeScheme: as.Codes, DrugScheme: as.Drugs}
	d.Translate(rec, &q, &q)
	for _, e := range rec.Entries {
		if e.Kind == record.KindProblem {
			continue
		}
		coded := e.Outcome == record.Exact && !e.Target.IsZero() || e.Outcome == record.Mapped
		switch native[e] {
		case mapping.ReadV2, mapping.EMISLocal:
			read++
			if coded {
				codes++
			}
		case mapping.EMISDrug:
			drugs++
			if coded {
				products++
			}
		}
	}
	return read, drugs, codes, products
}

// missing fails for every entry whose words, date, value or dosage cannot be
// found in the record got. It names the kind and the place, never the words.
func missing(t *testing.T, where string, source, got *record.Record) {
	t.Helper()
	haystack := everything(got)
	lost := map[string]int{}
	for _, e := range source.Entries {
		if e.Outcome == record.Duplicate { // says nothing that another does not
			continue
		}
		for field, spellings := range facts(e) {
			if !slices.ContainsFunc(spellings, func(s string) bool { return strings.Contains(haystack, plain(s)) }) {
				lost[e.Kind.String()+" "+field]++
			}
		}
	}
	require.Empty(t, lost, where)
}

// facts are the things of an entry that must be found again, each with the
// spellings it may have: a date stands in its own slot or in words.
func facts(e *record.Entry) map[string][]string {
	date := func(d record.Date) []string {
		return []string{d.Truncate(record.PrecisionDay).Wall(), d.Truncate(record.PrecisionDay).Words()}
	}
	f := map[string][]string{"words": {e.Text}, "date": date(e.Date)}
	for _, text := range e.Texts {
		f["text "+text.Label] = []string{text.Value}
	}
	if v := e.Value; v != nil {
		f["value"], f["unit"], f["result"] = []string{v.Number}, []string{v.Unit}, []string{v.Text}
	}
	if m := e.Medication; m != nil {
		f["dosage"], f["quantity"], f["quantity unit"] = []string{m.Dosage}, []string{m.Quantity}, []string{m.Unit}
	}
	if p := e.Problem; p != nil {
		f["end"] = date(p.End)
	}
	return f
}

var space = regexp.MustCompile(`\s+`)

// plain folds white space, which the systems treat differently.
func plain(s string) string { return strings.TrimSpace(space.ReplaceAllString(s, " ")) }

// everything is all text of a record, with dates in both the forms a codec may
// have written them in words.
func everything(r *record.Record) string {
	var b strings.Builder
	add := func(parts ...string) {
		for _, s := range parts {
			b.WriteString(plain(s))
			b.WriteByte('\n')
		}
	}
	date := func(d record.Date) {
		day := d.Truncate(record.PrecisionDay)
		add(day.Wall(), day.Words(), d.Words())
	}
	for _, e := range r.Entries {
		add(e.Text)
		date(e.Date)
		date(e.Recorded)
		add(e.Notes...)
		for _, text := range e.Texts {
			add(text.Value)
		}
		for _, q := range e.Qualifiers {
			add(q.Name + ": " + q.Value)
		}
		if v := e.Value; v != nil {
			add(v.Number, v.Unit, v.Text, v.Unreadable)
		}
		if m := e.Medication; m != nil {
			add(m.Dosage, m.Quantity, m.Unit, m.QuantityWords)
			date(m.Start)
			date(m.End)
		}
		if p := e.Problem; p != nil {
			date(p.End)
		}
		if d := e.Document; d != nil {
			add(d.Title, d.Name, d.Comments)
		}
		if i := e.Immunisation; i != nil {
			add(i.Name, i.Notes)
		}
		if p := e.Report; p != nil {
			add(p.Type, p.Result, p.Specimen, p.Provider)
			add(p.Comments...)
		}
	}
	return b.String()
}
