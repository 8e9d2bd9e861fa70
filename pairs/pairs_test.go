package pairs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// id gives every message of the tests one identifier and time.
var id = system.MessageID{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10", At: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)}

func starter(t testing.TB) *mapping.Set {
	t.Helper()
	tables, err := mapping.Starter()
	require.NoError(t, err)
	set, faults := mapping.NewSet(tables...)
	require.Empty(t, faults)
	return set
}

// openLink opens the EMIS Web and SystmOne pair, answering EMIS Web in format.
func openLink(t testing.TB, format string) *pairs.Link {
	t.Helper()
	return linkOf(t, pairs.EMISWebSystmOne(), emisForm(format))
}

// emisFormats are the two documents EMIS Web answers and is answered in.
var emisFormats = []string{"medicalrecord", "openhr"}

// emisForm is the form of EMIS Web of that name.
func emisForm(name string) form {
	for _, f := range formsOf("emisweb") {
		if f.name == name {
			return f
		}
	}
	panic("no form " + name)
}

func patients(t testing.TB) []string {
	t.Helper()
	dirs, err := filepath.Glob("../testdata/patients/*")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	return dirs
}

// goldens stand apart from the patients, whose folders the stand-ins serve.
const goldens = "../testdata/golden"

// TestGoldens translates every synthetic patient out of every native form into
// each other system's own, and into its other forms out of their first, and
// compares the message and the report with the goldens.
func TestGoldens(t *testing.T) {
	tables := starter(t)
	for _, dir := range patients(t) {
		eachWay(func(p pairs.Pair, from, to system.System) {
			for i, source := range formsOf(from.Name) {
				for k, target := range formsOf(to.Name) {
					if i == 0 || k == 0 {
						golden(t, tables, linkOf(t, p, source, target), dir, source, target)
					}
				}
			}
		})
	}
}

func golden(t *testing.T, tables *mapping.Set, link *pairs.Link, dir string, source, target form) {
	t.Helper()
	name := source.label() + "-to-" + target.label()
	t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) {
		out, report, err := link.TranslateMessage(t.Context(), tables, source.record(t, dir), pairs.Offline{From: source.system, Message: pairs.MessageResponse, ID: id})
		require.NoError(t, err)
		writeMessage(t, filepath.Base(dir)+"-"+name, target, out)
		report.Micros, report.Tables = 0, nil
		text, err := json.MarshalIndent(report, "", "  ")
		require.NoError(t, err)
		// The tables are not what is compared: one more row must not change every golden.
		out = bytes.ReplaceAll(out, []byte(tables.Digest()[:16]), []byte("of the test"))
		out = bytes.ReplaceAll(out, []byte("><"), []byte(">\n<")) // so that a difference can be read
		compare(t, filepath.Join(goldens, filepath.Base(dir), name+target.extension), out)
		compare(t, filepath.Join(goldens, filepath.Base(dir), name+".json"), append(text, '\n'))
	})
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run `make golden` and read the difference")
	require.Equal(t, string(want), string(got), file)
}

// documents are the roots of the documents that schemas are at hand for, by form.
var documents = map[string]string{"emisweb.medicalrecord": "MedicalRecord", "emisweb.openhr": "openHealthRecord", "mig": "openHealthRecord",
	"guru.extract": "RCMR_IN030000UK06"}

// writeMessage keeps a document for the schema check of scripts/schema.sh.
func writeMessage(t *testing.T, name string, f form, message []byte) {
	t.Helper()
	dir, root := os.Getenv("LINKSPAN_WRITE_MESSAGES"), documents[f.label()]
	if dir == "" || root == "" {
		return
	}
	text := string(message)
	start, end := strings.Index(text, "<"+root), strings.LastIndex(text, "</"+root+">")
	require.Positive(t, start)
	require.Greater(t, end, start)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+"."+root+".xml"), []byte(text[start:end]+"</"+root+">\n"), 0o600))
}

// TestPairsAreWhole opens every pair and checks its rules against the starter
// tables.
func TestPairsAreWhole(t *testing.T) {
	tables := starter(t)
	for _, p := range pairs.All() {
		require.Empty(t, p.Check(tables), p.Name)
		_, err := pairs.Open(p, nil)
		require.NoError(t, err)
		found, err := pairs.Find(p.Name)
		require.NoError(t, err)
		require.Equal(t, p.Name, found.Name)
	}
	broken := pairs.EMISWebSystmOne()
	broken.AtoB.Ask.Codes, broken.BtoA.Unasked.Drugs = mapping.CTV3, mapping.Multilex
	require.Len(t, broken.Check(tables), 2)
	none, faults := mapping.NewSet()
	require.Empty(t, faults)
	require.NotEmpty(t, pairs.EMISWebSystmOne().Check(none))
	_, err := pairs.Find("emisweb-emisweb")
	require.Error(t, err)
}

// decode reads a response with the codec of one system.
func decode(t testing.TB, link *pairs.Link, from string, message []byte) *record.Record {
	t.Helper()
	side, ok := link.Side(from)
	require.True(t, ok)
	answer, err := side.Codec.DecodeResponse(context.Background(), message)
	require.NoError(t, err)
	require.Nil(t, answer.Failure())
	return answer.Record()
}

// total sums one column of a report.
func total(r pairs.Report, column func(pairs.SectionReport) int) int {
	sum := 0
	for _, s := range r.Sections {
		sum += column(s)
	}
	return sum
}

func balanced(t *testing.T, r pairs.Report) {
	t.Helper()
	for _, s := range r.Sections {
		require.Equal(t, s.Source, s.Coded+s.Degraded+s.Withheld+s.Unsupported+s.Failed+s.Duplicate, fmt.Sprintf("%+v", s))
	}
}
