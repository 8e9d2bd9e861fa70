package coverage_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"iter"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/dictionary"
	"github.com/linkspan/linkspan/mapping/traffic"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/coverage"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/testdata"
)

func starter(t testing.TB) []*mapping.Table {
	t.Helper()
	tables, err := mapping.Starter()
	require.NoError(t, err)
	return tables
}

func setOf(t testing.TB, tables ...*mapping.Table) *mapping.Set {
	t.Helper()
	set, faults := mapping.NewSet(tables...)
	require.Empty(t, faults)
	return set
}

// table parses a local table of rows
// "code|term code|term|code|term code|term|relation|context|assured".
func table(t testing.TB, from, to mapping.Scheme, rows ...string) *mapping.Table {
	t.Helper()
	var b strings.Builder
	b.WriteString("# id: local-" + string(from) + "-" + string(to) + "\n# version: 7\n# from: " + string(from) + "\n# to: " + string(to) +
		"\n# layer: local\n# licence: none\n# source: by hand\n")
	b.WriteString("source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\n")
	for _, row := range rows {
		b.WriteString(strings.ReplaceAll(row, "|", "\t") + "\tby hand\n")
	}
	tab, faults := mapping.Parse("local.tsv", strings.NewReader(b.String()), mapping.Options{})
	require.Empty(t, faults)
	return tab
}

// to is the direction in which the named system gets the record.
func to(t testing.TB, consumer string, set *mapping.Set, sender bool) *pairs.Direction {
	t.Helper()
	pair := pairs.EMISWebSystmOne()
	pair.AtoB.Sender, pair.BtoA.Sender = sender, sender
	link, err := pairs.Open(pair, map[string]system.Options{})
	require.NoError(t, err)
	d, err := link.Direction(consumer, set)
	require.NoError(t, err)
	return d
}

var _ coverage.Dictionary = (*dictionary.Dictionary)(nil)

// book is a small dictionary.
type book map[mapping.Code]string

func (b book) Holds(s mapping.Scheme) bool {
	for code := range b {
		if code.Scheme == s {
			return true
		}
	}
	return false
}

func (b book) Look(c mapping.Code) (string, bool, bool) {
	term, found := b[c]
	return term, term != "", found
}

func (b book) Codes(s mapping.Scheme) iter.Seq2[mapping.Code, bool] {
	return func(yield func(mapping.Code, bool) bool) {
		for code, term := range b {
			if code.Scheme == s && !yield(code, term != "") {
				return
			}
		}
	}
}

func read(value, termCode string) mapping.Code {
	return mapping.Code{Scheme: mapping.ReadV2, Value: value, TermCode: termCode}
}

// sums holds that what is counted adds up, that a group has no more than the
// whole, and that a terminal shows every line.
func sums(t *testing.T, r coverage.Traffic) {
	t.Helper()
	for _, c := range []coverage.Counts{r.Codes, r.Entries} {
		require.Equal(t, c.Total, c.Coded+c.Inexact+c.NoMap+c.Unmapped+c.Ambiguous+c.Malformed+c.Refused)
	}
	entries := 0
	for _, g := range r.Kinds {
		require.LessOrEqual(t, g.Codes.Total, r.Codes.Total)
		entries += g.Entries.Total
	}
	require.Equal(t, r.Entries.Total, entries)
	fits(t, r.Text())
}

func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 100, line)
	}
}

func TestOfDictionaries(t *testing.T) {
	set := setOf(t, table(t, mapping.ReadV2, mapping.CTV3,
		"H33..|00|Asthma|H33..||Asthma|equivalent|any|no",
		"F59..|00|Hearing loss|XE17x||Hearing loss|related-to|any|no",
		"246..|00|Blood pressure|X773t||Blood pressure|equivalent|with-value|no",
		"K0D..|00|End-stage renal disease||||no-map|any|no"))
	d := book{read("H33..", "00"): "Asthma", read("F59..", "00"): "Hearing loss", read("246..", "00"): "BP", read("K0D..", "00"): "ESRD",
		read("C10..", "00"): "Diabetes", read("9....", "00"): "", {Scheme: mapping.CTV3, Value: "H33.."}: "Asthma"}
	got := coverage.OfDictionaries(set, d)
	require.Equal(t, []coverage.Direction{{From: mapping.ReadV2, To: mapping.CTV3, Tables: 1, Inactive: 1, WithValue: 1,
		Codes: coverage.Counts{Total: 5, Coded: 1, Inexact: 1, NoMap: 1, Unmapped: 2}}}, got)
	fits(t, coverage.TextOf(got))
	require.Contains(t, coverage.TextOf(got), "readv2 to ctv3")
	require.Empty(t, coverage.OfDictionaries(set, book{}))
	for _, way := range coverage.OfDictionaries(setOf(t, starter(t)...), d) {
		require.False(t, way.From.Enumeration() || way.To.Enumeration() || way.From == way.To)
	}
}

// TestOfFolder covers the synthetic patients: every file is counted, those of
// systems that have another format as unreadable, and nothing of the
// messages is in the result.
func TestOfFolder(t *testing.T) {
	set := setOf(t, starter(t)...)
	var done int
	o := coverage.Options{Top: -1, Progress: func(n, of int) {
		done++
		require.Equal(t, done, n)
		require.Equal(t, 28, of)
	}}
	r, err := coverage.OfFolder(t.Context(), to(t, "systmone", set, true), pairs.Schemes{Codes: mapping.SNOMED}, testdata.Patients, o)
	require.NoError(t, err)
	sums(t, r)
	require.Equal(t, 28, r.Files)
	require.Equal(t, 28, done)
	require.Len(t, r.Unreadable, 16)
	require.Equal(t, coverage.Unreadable{File: "guru.extract.http", Reason: "bad-answer"}, r.Unreadable[0])
	require.Equal(t, 9, r.Records.Total, "one patient has no coded entry")
	require.Positive(t, r.Codes.Coded)
	require.Positive(t, r.Entries.Coded)
	require.Positive(t, r.Entries.Unmapped)
	require.Positive(t, r.BySender)
	require.NotEmpty(t, r.Unmapped)
	for _, u := range r.Unmapped {
		require.Empty(t, u.Term, "no dictionary is loaded")
		require.LessOrEqual(t, u.Records, u.Count)
		require.LessOrEqual(t, u.BySender, u.Count)
	}
	hidden(t, r)

	alone, err := coverage.OfFolder(t.Context(), to(t, "systmone", set, false), pairs.Schemes{Codes: mapping.SNOMED}, testdata.Patients, coverage.Options{Top: 3})
	require.NoError(t, err)
	sums(t, alone)
	require.Zero(t, alone.BySender)
	require.Equal(t, r.Entries.Total, alone.Entries.Total)
	require.Equal(t, r.Codes, alone.Codes, "the sender changes no answer of the tables")
	require.Less(t, alone.Entries.Coded, r.Entries.Coded)
	require.Len(t, alone.Unmapped, 3)
	require.Equal(t, len(r.Unmapped)-3, alone.UnmappedMore)
}

// hidden looks for words of the patients in what would be printed.
func hidden(t *testing.T, r coverage.Traffic) {
	t.Helper()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	for _, word := range []string{"Quillfeather", "Marram", "Skerry", "Ostler", "999", "1958", "Asthma"} {
		require.NotContains(t, string(text), word)
		require.NotContains(t, r.Text(), word)
	}
}

// TestOfFolderOfOneRecord counts one record by hand.
func TestOfFolderOfOneRecord(t *testing.T) {
	one, err := fs.Sub(testdata.Patients, "patients/nora-quillfeather")
	require.NoError(t, err)
	folder := fstest.MapFS{"deep/er/emis.xml": file(t, one, "emisweb.medicalrecord.xml"), "letter.docx": {Data: []byte("PK not a message")},
		".hidden": {Data: []byte("not looked at")}, "empty.xml": {}, "refused.xml": failure(t, "emisweb-fault-client.xml")}
	set := setOf(t, starter(t)...)
	r, err := coverage.OfFolder(t.Context(), to(t, "systmone", set, false), pairs.Schemes{}, folder, coverage.Options{})
	require.NoError(t, err)
	sums(t, r)
	require.Equal(t, 4, r.Files)
	require.Equal(t, []coverage.Unreadable{{File: "empty.xml", Reason: "bad-answer"}, {File: "letter.docx", Reason: "bad-answer"},
		{File: "refused.xml", Reason: r.Unreadable[2].Reason}}, r.Unreadable)
	require.Contains(t, r.Unreadable[2].Reason, "holds no record: ")
	require.Equal(t, 1, r.Records.Total)
	require.Zero(t, r.Records.Coded)
	require.Contains(t, r.Text(), "4 files read, 3 without a readable record")
	// Of the message's entries 53 have a code: not its three notes, two
	// consultations, two reports, three requests, two administrations and the one
	// medication in words alone.
	require.Equal(t, 53, r.Entries.Total)
	require.Equal(t, 12, r.Entries.Coded)
	entries := map[string][2]int{}
	for _, g := range r.Kinds {
		entries[g.Name] = [2]int{g.Entries.Coded, g.Entries.Total}
	}
	require.Equal(t, [2]int{8, 13}, entries["result"])
	require.Equal(t, [2]int{2, 5}, entries["medication"])
	require.Equal(t, [2]int{1, 2}, entries["issue"])
	require.Equal(t, [2]int{0, 9}, entries["allergy"], "a drug's words or another code fire no alert")
	require.NotContains(t, entries, "note")
	require.NotContains(t, entries, "consultation")

	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = coverage.OfFolder(ctx, to(t, "systmone", set, false), pairs.Schemes{}, folder, coverage.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func file(t testing.TB, from fs.FS, name string) *fstest.MapFile {
	t.Helper()
	text, err := fs.ReadFile(from, name)
	require.NoError(t, err)
	return &fstest.MapFile{Data: text}
}

func failure(t testing.TB, name string) *fstest.MapFile {
	t.Helper()
	return file(t, os.DirFS("../../testdata/failures"), name)
}

// TestARowChangesCoverage fills the most frequent gap by one row and sees it
// in the coverage and in the effect, and undoes it.
func TestARowChangesCoverage(t *testing.T) {
	before := setOf(t, starter(t)...)
	folder, err := fs.Sub(testdata.Patients, "patients")
	require.NoError(t, err)
	d := to(t, "systmone", before, false)
	was, err := coverage.OfFolder(t.Context(), d, pairs.Schemes{}, folder, coverage.Options{Top: -1})
	require.NoError(t, err)
	var gap coverage.Unmapped
	for _, u := range was.Unmapped {
		if u.Scheme == string(mapping.ReadV2) && u.Kind == "observation" && u.Answer == mapping.Unmapped {
			gap = u
			break
		}
	}
	require.NotEmpty(t, gap.Code)
	code, termCode := gap.Code[:5], gap.Code[5:]
	filled := setOf(t, append(starter(t), table(t, mapping.ReadV2, mapping.CTV3, code+"|"+termCode+"||XaBcD|||equivalent|any|no"))...)
	d.Tables = filled
	is, err := coverage.OfFolder(t.Context(), d, pairs.Schemes{}, folder, coverage.Options{Top: -1})
	require.NoError(t, err)
	require.Equal(t, was.Codes.Coded+1, is.Codes.Coded)
	require.GreaterOrEqual(t, is.Entries.Coded+is.Entries.Refused, was.Entries.Coded+was.Entries.Refused+gap.Count)
	require.Equal(t, was.Entries.Total, is.Entries.Total)

	names := book{read(code, termCode): "A term of the dictionary"}
	e := coverage.EffectOf(before, filled, was.Seen, names)
	require.Equal(t, 1, e.Codes.Became)
	require.Zero(t, e.Codes.Lost+e.Codes.Retargeted+e.Codes.Other)
	require.GreaterOrEqual(t, e.Entries.Became, gap.Count)
	require.Equal(t, e.Entries.Total, e.Entries.Became+e.Entries.Unchanged)
	require.Equal(t, "A term of the dictionary", e.Became[0].Term)
	require.Equal(t, mapping.Unmapped, e.Became[0].Before.Answer)
	require.Equal(t, coverage.Answer{Answer: mapping.Mapped, Scheme: "ctv3", Code: "XaBcD", Relation: mapping.Equivalent,
		Table: "local-readv2-ctv3", Version: "7", Layer: mapping.LocalLayer, Line: e.Became[0].After.Line}, e.Became[0].After)
	require.Contains(t, e.Text(), "newly coded:")
	fits(t, e.Text())

	undone := coverage.EffectOf(filled, before, was.Seen, nil)
	require.Equal(t, e.Entries.Became, undone.Entries.Lost)
	require.Empty(t, undone.Lost[0].Term)
}

// TestOfLog counts what a traffic log has seen by what the set answers now,
// and what a change of set does to it.
func TestOfLog(t *testing.T) {
	old := setOf(t, table(t, mapping.ReadV2, mapping.CTV3,
		"H33..|00|Asthma|H33..||Asthma|equivalent|any|no",
		"F59..|00|Hearing loss|XE17x||Hearing loss|related-to|any|no",
		"K0D..|00|ESRD|K0D..||ESRD|equivalent|any|no"))
	now := setOf(t, table(t, mapping.ReadV2, mapping.CTV3,
		"H33..|00|Asthma|X101x||Asthma|equivalent|any|no",
		"F59..|00|Hearing loss||||no-map|any|no",
		"C10..|00|Diabetes|C10..||Diabetes|equivalent|any|no"))
	key := func(c mapping.Code, kind string) traffic.Key {
		return traffic.Key{Code: c, To: "ctv3", Contexts: kind, Kind: kind}
	}
	noScheme := key(read("G20..", "00"), "observation")
	noScheme.To = ""
	log := []traffic.Seen{
		{Key: key(read("H33..", "00"), "problem"), Count: 5}, {Key: key(read("H33..", "00"), "observation"), Count: 1},
		{Key: key(read("F59..", "00"), "problem"), Count: 3}, {Key: key(read("K0D..", "00"), "problem"), Count: 2},
		{Key: key(read("C10..", "00"), "problem"), Count: 7}, {Key: key(read("G20..", "00"), "problem"), Count: 4},
		{Key: noScheme, Count: 1},
		{Key: traffic.Key{Code: read("14L..", "00"), To: string(pairs.KindScheme), Kind: "allergy"}, Count: 9},
		{Key: key(read("typed words", ""), "problem"), Count: 2},
	}
	names := book{read("G20..", "00"): "Essential hypertension"}
	r := coverage.OfLog(old, log, coverage.Options{Dictionary: names})
	sums(t, r)
	require.Equal(t, coverage.Counts{Total: 5, Coded: 2, Inexact: 1, Unmapped: 2}, r.Codes)
	require.Equal(t, coverage.Counts{Total: 23, Coded: 8, Inexact: 3, Unmapped: 11, Refused: 1}, r.Entries)
	require.Nil(t, r.Records)
	require.Equal(t, coverage.Unmapped{Scheme: "readv2", Code: "G20..00", Term: "Essential hypertension", Kind: "problem", To: "ctv3", Answer: mapping.Unmapped, Count: 4}, r.Unmapped[1])

	e := coverage.EffectOf(old, now, r.Seen, names)
	require.Equal(t, coverage.Changed{Total: 23, Unchanged: 5, Became: 7, Lost: 2, Retargeted: 6, Other: 3}, e.Entries)
	require.Equal(t, coverage.Changed{Total: 5, Unchanged: 1, Became: 1, Lost: 1, Retargeted: 1, Other: 1}, e.Codes)
	require.Equal(t, "C10..00", e.Became[0].Code)
	require.Equal(t, "K0D..00", e.Lost[0].Code)
	require.Equal(t, "X101x", e.Retargeted[0].After.Code)
	require.Equal(t, mapping.AnswerNoMap, e.Other[0].After.Answer)
	fits(t, e.Text())
	require.NotContains(t, e.Text()+r.Text(), "typed words")
	same := coverage.EffectOf(old, old, r.Seen, nil)
	require.Equal(t, same.Entries.Total, same.Entries.Unchanged)
}

// TestRealRecordsAreCovered runs over real records where they may be used.
func TestRealRecordsAreCovered(t *testing.T) {
	folder := os.DirFS("../../../shared/records/emisweb")
	if _, err := fs.Stat(folder, "."); err != nil {
		return
	}
	set := setOf(t, starter(t)...)
	for _, as := range []pairs.Schemes{{}, {Codes: mapping.SNOMED, Drugs: mapping.DMD}} {
		r, err := coverage.OfFolder(t.Context(), to(t, "systmone", set, false), as, folder, coverage.Options{Top: 5})
		require.NoError(t, err)
		sums(t, r)
		require.Positive(t, r.Records.Total)
		require.Positive(t, r.Entries.Coded)
		same := coverage.EffectOf(set, set, r.Seen, nil)
		require.Equal(t, same.Entries.Total, same.Entries.Unchanged)
		require.LessOrEqual(t, same.Entries.Total, r.Entries.Total)
	}
}
