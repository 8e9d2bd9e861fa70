package ehrextract

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// again reads a document as the system does: decode, close, reconcile.
func again(t require.TestingT, doc []byte) *record.Record {
	paths := Entries()
	r, err := xmlio.Open(context.Background(), doc, xmlio.Options{Count: record.XMLPaths(paths)})
	require.NoError(t, err)
	rec, err := Decode(r, 0)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	rec.Reconcile(paths, r.Counts())
	rec.CarryExact()
	rec.Settle(record.AllSections)
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s), s)
	}
	return rec
}

// extracts are the documents at hand by name: ours, and the real ones where
// they are.
func extracts(t testing.TB) (ours, real map[string][]byte) {
	t.Helper()
	ours, real = map[string][]byte{}, map[string][]byte{}
	files, err := filepath.Glob("../../../../testdata/patients/*/guru.extract.http")
	require.NoError(t, err)
	for _, file := range files {
		message, err := os.ReadFile(file)
		require.NoError(t, err)
		from, to := bytes.Index(message, []byte("<"+Root)), bytes.LastIndex(message, []byte("</"+Root+">"))
		require.True(t, 0 < from && from < to, file)
		ours[filepath.Base(filepath.Dir(file))] = append(message[from:to:to], "</"+Root+">"...)
	}
	for _, pattern := range []string{"records/gp2gp-emis/*.xml", "examples/gp2gp/*.xml"} {
		files, err := filepath.Glob("../../../../../shared/" + pattern)
		require.NoError(t, err)
		for _, file := range files {
			if real[filepath.Base(file)], err = os.ReadFile(file); err != nil {
				require.NoError(t, err)
			}
		}
	}
	return ours, real
}

// plain is an entry with its pointers as words, so that two records compare.
func plain(e *record.Entry) string {
	c := *e
	id := func(to *record.Entry) string {
		if to == nil {
			return "none"
		}
		return to.ID
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|%s|%v|%v|%v|%s|%s\n", c.ID, c.Kind, c.Text, c.Code, c.Others, c.Outcome, c.Date, c.Recorded)
	fmt.Fprintf(&b, "%s|%s|%s|%v|%s|%v\n", c.Author.NameAndRole(), c.EnteredBy.NameAndRole(), c.Place.Title(), c.Qualifiers, c.Confidential, c.Episodicity)
	fmt.Fprintf(&b, "texts %q\nnotes %q\nparent %s\n", c.Texts, c.Notes, id(c.Parent))
	for _, l := range c.Problems {
		fmt.Fprintf(&b, "problem %s %v\n", id(l.Problem), l.Link)
	}
	if c.Value != nil {
		fmt.Fprintf(&b, "value %+v\n", *c.Value)
	}
	if p := c.Problem; p != nil {
		fmt.Fprintf(&b, "is problem %s %v %v %s %s %s\n", id(p.Defines), p.Status, p.Significance, p.End, p.ExpectedDuration, p.Owner)
	}
	if m := c.Medication; m != nil {
		n := *m
		n.Course, n.Authorisations = nil, nil
		fmt.Fprintf(&b, "drug %+v course %s\n", n, id(m.Course))
	}
	if s := c.Consultation; s != nil {
		n := *s
		n.Items = nil
		fmt.Fprintf(&b, "consultation %+v\n", n)
		for _, i := range s.Items {
			fmt.Fprintf(&b, "line %v %s %s %s\n", i.Heading, i.Words, i.Page, id(i.Entry))
		}
	}
	fmt.Fprintf(&b, "%+v %+v %+v %+v %+v %+v\n", c.Allergy, c.Report, c.Immunisation, c.Diary, c.Referral, c.Document)
	return b.String()
}

// bridges reports an entry the bridge itself put in front.
func bridges(e *record.Entry) bool {
	return e.Author.Name() == "Linkspan" || e.EnteredBy.Name() == "Linkspan"
}

// requireSame compares two records but for what the bridge put in front;
// quiet names the line that differs and none of its content.
func requireSame(t *testing.T, first, second *record.Record, quiet bool) {
	t.Helper()
	after := map[string]*record.Entry{}
	for _, e := range second.Entries {
		if written(e) && !bridges(e) {
			after[e.ID] = e
		}
	}
	for _, e := range first.Entries {
		if !written(e) || bridges(e) {
			continue
		}
		other := after[e.ID]
		require.NotNil(t, other, e.At)
		delete(after, e.ID)
		if !quiet && len(e.Notes) > 0 {
			requireFound(t, e, other)
		}
		if !quiet {
			require.Equal(t, plain(e), plain(other), e.At)
			continue
		}
		a, b := strings.Split(plain(e), "\n"), strings.Split(plain(other), "\n")
		require.Equal(t, len(a), len(b), e.At)
		for i := range a {
			require.True(t, a[i] == b[i], "%s, %s differs in line %d", e.At, e.Kind, i)
		}
	}
	require.Empty(t, after, "entries that were not there before")
	require.Equal(t, first.Patient.NHS, second.Patient.NHS)
}

// requireFound looks for what became a line of the text, as a note must that
// says what could not be read, and then leaves it out of the comparison.
func requireFound(t *testing.T, e, other *record.Entry) {
	t.Helper()
	all := texts(other) + "\n" + strings.Join(other.Notes, "\n")
	for _, text := range e.Texts {
		require.Contains(t, all, text.Value, e.At)
	}
	for _, note := range e.Notes {
		require.Contains(t, all, note, e.At)
	}
	e.Texts, e.Notes, other.Texts, other.Notes = nil, nil, nil, nil
}

func TestExtractsGoAndComeBack(t *testing.T) {
	ours, real := extracts(t)
	for name, doc := range ours {
		t.Run(name, func(t *testing.T) { goAndComeBack(t, doc, false) })
	}
	for name, doc := range real {
		t.Run(name, func(t *testing.T) { goAndComeBack(t, doc, true) })
	}
}

func goAndComeBack(t *testing.T, doc []byte, quiet bool) {
	first := again(t, doc)
	out, err := encode(first, first.Head(record.AllSections))
	require.NoError(t, err)
	requireValid(t, out)
	require.NoError(t, first.Sent(elements(out)))
	same, err := encode(first, first.Head(record.AllSections))
	require.NoError(t, err)
	require.True(t, bytes.Equal(out, same), "the same record gives the same bytes")
	requireSame(t, first, again(t, out), quiet)
}
