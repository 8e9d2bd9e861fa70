package view_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/pairs/view"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/testdata"
)

var update = flag.Bool("update", false, "rewrite the golden page")

var made = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func starter(t testing.TB) *mapping.Set {
	t.Helper()
	tables, err := mapping.Starter()
	require.NoError(t, err)
	return setOf(t, tables...)
}

func setOf(t testing.TB, tables ...*mapping.Table) *mapping.Set {
	t.Helper()
	set, faults := mapping.NewSet(tables...)
	require.Empty(t, faults)
	return set
}

// table parses a local table of rows
// "code|term code|term|code|term code|term|relation|context|assured|reason".
func table(t testing.TB, from, to mapping.Scheme, rows ...string) *mapping.Table {
	t.Helper()
	var b strings.Builder
	b.WriteString("# id: by-hand-" + string(from) + "-" + string(to) + "\n# version: 1\n# from: " + string(from) + "\n# to: " + string(to) +
		"\n# layer: local\n# licence: none\n# source: by hand\n")
	b.WriteString("source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\n")
	for _, row := range rows {
		b.WriteString(strings.ReplaceAll(row, "|", "\t") + "\n")
	}
	tab, faults := mapping.Parse("by-hand.tsv", strings.NewReader(b.String()), mapping.Options{})
	require.Empty(t, faults)
	return tab
}

// to is the direction from EMIS Web to SystmOne.
func to(t testing.TB, set *mapping.Set) *pairs.Direction {
	t.Helper()
	link, err := pairs.Open(pairs.EMISWebSystmOne(), map[string]system.Options{})
	require.NoError(t, err)
	d, err := link.Direction("systmone", set)
	require.NoError(t, err)
	return d
}

// show translates a record and writes its page.
func show(t testing.TB, d *pairs.Direction, rec *record.Record) string {
	t.Helper()
	page := view.Page{Pair: d.Pair, Holder: d.Holder.Title, Receiver: d.Consumer.Title, File: "message.xml", Made: made, Tables: d.Tables}
	watched := *d
	watched.Watch = page.Watch()
	q := watched.Whole(pairs.Schemes{})
	page.Report = watched.Translate(rec, &q, &q)
	page.Report.Warnings = append(page.Report.Warnings, pairs.WarningReport{Code: "identity-not-checked"})
	var out bytes.Buffer
	require.NoError(t, view.Write(&out, &page))
	return out.String()
}

func read(value, termCode, term string) mapping.Code {
	return mapping.Code{Scheme: mapping.ReadV2, Value: value, TermCode: termCode, Term: term}
}

func date(t testing.TB, s string) record.Date {
	t.Helper()
	d, err := record.ParseISO(s)
	require.NoError(t, err)
	return d
}

// small is a record with an entry of every way an entry can end.
func small(t testing.TB) *record.Record {
	rec := record.New(record.Source{System: "EMIS Web", Organisation: "Causeway Medical Centre", ODS: "X99001"})
	rec.Supply(record.AllSections)
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	rec.Patient = record.Patient{NHS: nhs, Title: "Mrs", Forenames: "Nora", Surname: "Quillfeather", BirthDate: date(t, "1958-03"),
		Sex: mapping.Code{Scheme: "emisweb.sex", Value: "F", Term: "Female"}}
	add := func(e *record.Entry) *record.Entry {
		e.At = "Event 1:1"
		return rec.Add(e)
	}
	asthma := add(&record.Entry{Kind: record.KindObservation, Text: "Asthma", Code: read("H33..", "00", "Asthma"), Date: date(t, "2016-03-14"),
		Recorded: date(t, "2016-03-14T10:02"), Author: &record.Person{Display: "Dr Winterbourne", Role: "GP"},
		Others: []mapping.Code{{Scheme: mapping.SNOMED, Value: "195967001"}}, Texts: []record.Text{{Value: "worse at night"}}})
	add(&record.Entry{Kind: record.KindProblem, Text: "Asthma", Code: read("H33..", "00", "Asthma"), Date: date(t, "2009"), Problem: &record.Problem{Defines: asthma}})
	add(&record.Entry{Kind: record.KindObservation, Text: "No FH: asthma", Code: read("H33..", "00", "No FH: asthma"), Date: date(t, "2010-05")})
	add(&record.Entry{Kind: record.KindObservation, Text: "Hearing loss", Code: read("F59..", "00", "Hearing loss")})
	add(&record.Entry{Kind: record.KindObservation, Text: "Something local", Code: read("9....", "00", "Administration")})
	add(&record.Entry{Kind: record.KindObservation, Text: "End-stage renal disease", Code: read("K0D..", "00", "End-stage renal disease")})
	add(&record.Entry{Kind: record.KindObservation, Text: "typed words", Malformed: true, Notes: []string{"Code as written: typed words"}})
	add(&record.Entry{Kind: record.KindAllergy, Text: "Allergy to aspirin", Code: read("14L..", "00", "H/O: drug allergy"), Date: date(t, "2003-02-02"),
		Allergy: &record.Allergy{Class: record.AllergyDrug, Substance: mapping.Code{Scheme: mapping.EMISDrug, Value: "ASTA4609", Term: "Aspirin 75mg tablets"}}})
	add(&record.Entry{Kind: record.KindAllergy, Text: "Allergy to amoxicillin", Allergy: &record.Allergy{Class: record.AllergyDrug}})
	add(&record.Entry{Kind: record.KindResult, Text: "Serum potassium", Code: read("44I4.", "00", "Serum potassium"), Date: date(t, "2016-03-15"),
		Value: &record.Value{Number: "4.2", Unit: "mmol/L", Ranges: []record.Range{{Low: "3.5", High: "5.3"}}}})
	add(&record.Entry{Kind: record.KindAlert, Text: "Lives alone"})
	add(&record.Entry{Kind: record.KindObservation, Text: "Secret thing", Code: read("E....", "00", "Secret term"), Outcome: record.WithheldEntry})
	add(&record.Entry{Kind: record.KindNote, Text: "A note with a secret neighbour", Parent: rec.Entries[len(rec.Entries)-1]})
	add(&record.Entry{Kind: record.KindNote, Text: "A deleted note", Outcome: record.Duplicate, Notes: []string{"Deleted in the source."}})
	rec.Warn(record.Warning{Code: record.WarnSender, Detail: "Check renal function"})
	rec.Fail(record.Documents, "Document 9:9", "an entry is counted by no path")
	rec.Reconcile(nil, nil)
	return rec
}

func byHand(t testing.TB) *mapping.Set {
	t.Helper()
	tables, err := mapping.Starter()
	require.NoError(t, err)
	kept := []*mapping.Table{
		table(t, mapping.ReadV2, mapping.CTV3,
			"H33..|00|Asthma|H33..||Asthma|equivalent|any|no|",
			"F59..|00|Hearing loss|XE17x||Deafness|source-is-narrower-than-target|any|no|not the same",
			"K0D..|00|End-stage renal disease||||no-map|any|no|no concept of that degree",
			"44I4.|00|Serum potassium|XE2pz||Serum potassium level|equivalent|with-value|yes|"),
		table(t, mapping.ReadV2, pairs.KindScheme, "14L..|00|H/O: drug allergy|drug-allergy|||source-is-narrower-than-target|any|no|"),
		table(t, mapping.EMISDrug, mapping.DMD, "ASTA4609||Aspirin 75mg tablets|319775004||Aspirin 75mg tablets|equivalent|any|no|"),
		table(t, "emisweb.sex", "systmone.sex", "F||Female|F||Female|equivalent|any|no|"),
	}
	for _, tab := range tables {
		if tab.From == pairs.DegradeScheme {
			kept = append(kept, tab)
		}
	}
	return setOf(t, kept...)
}

// TestGolden holds the body of the page of a small record. The style, the
// script and what changes with the starter tables are not what is compared.
func TestGolden(t *testing.T) {
	set := byHand(t)
	page := show(t, to(t, set), small(t))
	body := page[strings.Index(page, "<body>"):strings.Index(page, "<section id=\"tables\"")]
	body = strings.ReplaceAll(body, set.Digest()[:16], "DIGEST")
	golden := filepath.Join("testdata", "small.html")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(body), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err, "run `make golden` and read the difference")
	require.Equal(t, string(want), body)
}

var article = regexp.MustCompile(`(?s)<article id="e(\d+)".*?</article>`)

// articles are the entries of a page by number.
func articles(page string) map[string]string {
	found := map[string]string{}
	for _, m := range article.FindAllStringSubmatch(page, -1) {
		found[m[1]] = m[0]
	}
	return found
}

// TestEveryEntrySaysWhy looks at each way an entry can end.
func TestEveryEntrySaysWhy(t *testing.T) {
	page := show(t, to(t, byHand(t)), small(t))
	entries := articles(page)
	require.Len(t, entries, 14)
	for number, want := range map[string][]string{
		"1":  {"mapped", "Coded by a table row", "by-hand-readv2-ctv3", "line 9", "equivalent", "14-Mar-2016", "195967001", "worse at night", "Dr Winterbourne (GP)"},
		"2":  {"2009", "year only", "Recorded as", `href="#e1"`},
		"3":  {"degraded", "month only", "A code was found and is not used", "The row that was found", "Not coded: the words recorded and the code differ"},
		"4":  {"degraded", "may not code", "Closest, not recorded", "Deafness", "not the same"},
		"5":  {"degraded", "No row for this code in any table from Read v2 to CTV3", "in context observation, then any"},
		"6":  {"degraded", "no map", "no concept of that degree"},
		"7":  {"degraded", "is no code of its scheme", "Code as written: typed words"},
		"8":  {"mapped", "319775004", "Taken for an allergy by", "drug-allergy", "emis-drug ASTA4609"},
		"9":  {"degraded", "The source gives no code", "Alerts in SystmOne will not fire"},
		"10": {"mapped", "4.2 mmol/L", "from 3.5 to 5.3", "nationally assured", "context with-value", "Serum potassium level"},
		"11": {"unsupported", "SystmOne has no place for it"},
		"12": {"withheld", "Neither its words nor its code"},
		"14": {"duplicate", "Not written", "Deleted in the source."},
	} {
		for _, words := range want {
			require.Contains(t, entries[number], words, "entry %s", number)
		}
	}
	require.NotContains(t, entries["8"], "will not fire")
	require.NotContains(t, page, "ecret t", "what is withheld is on no page")
	require.NotContains(t, entries["13"], "Part of", "nor is it named by others")
	for _, words := range []string{"Contains patient data", "Mrs Nora Quillfeather", "999 819 3036", "Mar-1958, month only", "Causeway Medical Centre (X99001)",
		"From EMIS Web:", "Check renal function", "ALLERGY NOT RECOGNISED", "nobody checked", "an entry is counted by no path", "Documents could not be read",
		"22 November 2026 09:30 UTC", to(t, byHand(t)).Tables.Digest()} {
		require.Contains(t, page, words)
	}
	top := page[strings.Index(page, `id="attention"`):strings.Index(page, `id="overview"`)]
	require.Less(t, strings.Index(top, "Allergy to amoxicillin"), strings.Index(top, "No FH: asthma"), "allergies first")
	require.NotContains(t, top, `href="#e1"`)
}

// TestSender names the sender where it supplied the code.
func TestSender(t *testing.T) {
	rec := record.New(record.Source{})
	rec.Supply(record.AllSections)
	rec.Add(&record.Entry{Kind: record.KindObservation, Text: "Asthma", Code: read("H33..", "00", "Asthma"), Others: []mapping.Code{{Scheme: mapping.CTV3, Value: "H33.."}}})
	rec.Reconcile(nil, nil)
	d := to(t, starter(t))
	d.Rules.Sender = true
	page := show(t, d, rec)
	require.Contains(t, articles(page)["1"], "Coded by the sending system&#39;s own translation")
	require.Contains(t, articles(page)["1"], "Code supplied by the sending system")
	require.Contains(t, page, "Name not known")
}

// TestNoRecord refuses to make a page of nothing.
func TestNoRecord(t *testing.T) {
	var out bytes.Buffer
	require.ErrorIs(t, view.Write(&out, &view.Page{Tables: starter(t)}), view.ErrNoRecord)
	require.Zero(t, out.Len())
}

// TestPatients shows every synthetic patient out of every format: an article
// for every entry, every id once, every link to a place in the page, and
// nothing that asks a network for anything.
func TestPatients(t *testing.T) {
	set := starter(t)
	files, err := fs.Glob(testdata.Patients, "patients/*/[es][my]*.xml")
	require.NoError(t, err)
	require.Len(t, files, 12)
	for _, file := range files {
		text, err := fs.ReadFile(testdata.Patients, file)
		require.NoError(t, err)
		from, _, _ := strings.Cut(filepath.Base(file), ".")
		page, report := pageOf(t, set, from, text)
		checkPage(t, file, page, report)
	}
}

// TestRealRecords shows real records where they may be used.
func TestRealRecords(t *testing.T) {
	files, err := filepath.Glob("../../../shared/records/emisweb/*.xml")
	require.NoError(t, err)
	set := starter(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		page, report := pageOf(t, set, "emisweb", text)
		checkPage(t, filepath.Base(file), page, report)
	}
}

func pageOf(t *testing.T, set *mapping.Set, from string, message []byte) (string, pairs.Report) {
	t.Helper()
	link, err := pairs.Open(pairs.EMISWebSystmOne(), map[string]system.Options{})
	require.NoError(t, err)
	page := view.Page{Holder: "Holder", Receiver: "Receiver", Tables: set}
	_, report, err := link.TranslateMessage(t.Context(), set, message, pairs.Offline{From: from, Message: pairs.MessageResponse,
		ID: system.MessageID{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10", At: made}, Watch: page.Watch()})
	require.NoError(t, err)
	page.Report = report
	var out bytes.Buffer
	require.NoError(t, view.Write(&out, &page))
	return out.String(), report
}

var (
	ids   = regexp.MustCompile(` id="([^"]*)"`)
	hrefs = regexp.MustCompile(` href="([^"]*)"`)
	loads = regexp.MustCompile(`(?i) (src|srcset|action|style|on[a-z]+)=|<(img|link|iframe|object|embed|base|form [^>]*action)\b|@import|url\(`)
)

// checkPage fails without naming anything a real record says.
func checkPage(t *testing.T, name string, page string, report pairs.Report) {
	t.Helper()
	source := 0
	for _, s := range report.Sections {
		source += s.Source
	}
	require.True(t, strings.Count(page, "<article ") == source, "%s: not an article for every entry", name)
	seen := map[string]bool{}
	for _, m := range ids.FindAllStringSubmatch(page, -1) {
		require.False(t, seen[m[1]], "%s: an id twice", name)
		seen[m[1]] = true
	}
	for _, m := range hrefs.FindAllStringSubmatch(page, -1) {
		require.True(t, strings.HasPrefix(m[1], "#") && seen[m[1][1:]], "%s: a link to nowhere", name)
	}
	markup := regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(page, "")
	tags := strings.Join(regexp.MustCompile(`<[^>]*>`).FindAllString(markup, -1), "\n")
	require.False(t, loads.MatchString(tags), "%s: the page loads something", name)
	require.NotContains(t, page, "ZgotmplZ")
	require.NotContains(t, page, "<no value>")
}
