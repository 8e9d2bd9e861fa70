package openhr

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

func messageID() system.MessageID {
	return system.MessageID{ID: "11111111-2222-4333-8444-555555555555", At: time.Date(2016, 6, 1, 9, 30, 0, 0, time.UTC)}
}

// encode writes a record as a document of its own.
func encode(rec *record.Record, head []string) ([]byte, error) {
	w := xmlio.NewWriter(nil)
	w.Declaration()
	if err := Encode(w, rec, head, messageID()); err != nil {
		return nil, err
	}
	return w.Bytes(), w.Err()
}

func mustEncode(t testing.TB, rec *record.Record, head []string) []byte {
	t.Helper()
	doc, err := encode(rec, head)
	require.NoError(t, err)
	return doc
}

// settled is a decoded record as it is after an exchange between two systems
// of this format.
func settled(rec *record.Record) *record.Record {
	rec.CarryExact()
	rec.Settle(record.AllSections)
	return rec
}

// requireValid validates against the schema where both it and xmllint are at
// hand.
func requireValid(t *testing.T, doc []byte) {
	t.Helper()
	schema := filepath.Join("../../../../shared/schemas/openhr/OpenHR001.xsd")
	if _, err := os.Stat(schema); err != nil {
		return
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		return
	}
	file := filepath.Join(t.TempDir(), "openhr.xml")
	require.NoError(t, os.WriteFile(file, doc, 0o600))
	out, err := exec.Command(lint, "--noout", "--nonet", "--schema", schema, file).CombinedOutput()
	if err != nil {
		require.NoError(t, err, redact(string(out)))
	}
}

// redact keeps the element and the rule of each message and leaves the value
// out.
func redact(out string) string {
	var lines []string
	for _, line := range strings.Split(out, "\n") {
		if i := strings.Index(line, "Element"); i >= 0 {
			parts := strings.Split(line[i:], "'")
			for j := 3; j < len(parts); j += 2 {
				if !strings.HasPrefix(parts[j], "{") {
					parts[j] = "..."
				}
			}
			lines = append(lines, strings.Join(parts, "'"))
		}
		if len(lines) > 12 {
			break
		}
	}
	return strings.Join(lines, "\n")
}

// plain is an entry with its pointers as words, so that two records compare.
func plain(e *record.Entry) string {
	if e == nil {
		return "none"
	}
	c := *e
	id := func(to *record.Entry) string {
		if to == nil {
			return "none"
		}
		return to.ID
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|%s|%v|%v|%v|%s|%s\n", c.ID, c.Kind, c.Text, c.Code, c.Others, c.Outcome, c.Date, c.Recorded)
	fmt.Fprintf(&b, "%s|%s|%s|%v|%s|%v\n", c.Author.Name(), c.EnteredBy.Name(), c.Place.Title(), c.Qualifiers, c.Confidential, c.Episodicity)
	fmt.Fprintf(&b, "texts %q notes %q parent %s\n", c.Texts, c.Notes, id(c.Parent))
	for _, l := range c.Problems {
		fmt.Fprintf(&b, "problem %s %v\n", id(l.Problem), l.Link)
	}
	if c.Value != nil {
		fmt.Fprintf(&b, "value %+v\n", *c.Value)
	}
	if p := c.Problem; p != nil {
		fmt.Fprintf(&b, "is problem %s %v %v %s %s %s\n", id(p.Defines), p.Status, p.Significance, p.End, p.ExpectedDuration, p.Owner)
		for _, up := range p.Parents {
			fmt.Fprintf(&b, "under %s %s\n", id(up.Problem), up.Relation)
		}
	}
	if m := c.Medication; m != nil {
		n := *m
		n.Course, n.Authorisations = nil, nil
		fmt.Fprintf(&b, "drug %+v course %s\n", n, id(m.Course))
		for _, a := range m.Authorisations {
			fmt.Fprintf(&b, "authorised %s %s %s\n", a.Date, a.By.Name(), a.Authorised)
		}
	}
	if a := c.Allergy; a != nil {
		fmt.Fprintf(&b, "allergy %+v\n", *a)
	}
	if s := c.Consultation; s != nil {
		n := *s
		n.Items = nil
		fmt.Fprintf(&b, "consultation %+v\n", n)
		for _, i := range s.Items {
			fmt.Fprintf(&b, "line %v %s %s %s\n", i.Heading, i.Words, i.Page, id(i.Entry))
		}
	}
	for _, part := range []any{c.Report, c.Immunisation, c.Diary, c.Referral, c.Document} {
		fmt.Fprintf(&b, "%+v\n", part)
	}
	return b.String()
}

// byID are the entries that leave a trace.
func byID(rec *record.Record) map[string]*record.Entry {
	m := map[string]*record.Entry{}
	for _, e := range rec.Entries {
		if written(e) && !opening(e) {
			m[e.ID] = e
		}
	}
	return m
}

// opening reports what the bridge itself puts in front.
func opening(e *record.Entry) bool {
	return e.Consultation != nil && e.Consultation.External == "Linkspan" || e.Date.Wall() == "2016-06-01T09:30:00"
}

// requireSameText compares words; quiet names the first line that differs and
// none of its content, for records that are not ours to print.
func requireSameText(t *testing.T, first, second, at string, quiet bool) {
	t.Helper()
	if !quiet {
		require.Equal(t, first, second, at)
		return
	}
	a, b := strings.Split(first, "\n"), strings.Split(second, "\n")
	for i := range min(len(a), len(b)) {
		require.True(t, a[i] == b[i], "%s differs in line %d", at, i)
	}
	require.Equal(t, len(a), len(b), at)
}

func sorted(all []record.Qualifier) string {
	lines := qualifierLines(all)
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// requireSame compares all of two records but the texts the bridge puts in
// front.
//
// Ours say everything the format can, so some of it comes back as a labelled
// line: for them each text must be found again, wherever it stands.
func requireSame(t *testing.T, first, second *record.Record, ours bool) {
	t.Helper()
	quiet := !ours
	again, before := byID(second), byID(first)
	for _, e := range again {
		foldConsultation(e, before, again)
	}
	for id, e := range before {
		other := again[id]
		require.NotNil(t, other, e.At)
		if ours {
			requireFound(t, e, other)
		}
		requireSameText(t, plain(e), plain(other), e.At, quiet)
		delete(again, id)
	}
	require.Zero(t, len(again), "entries that were not there before")
	p, q := first.Patient, second.Patient
	requireSameText(t, fmt.Sprint(p.NHS.Digits(), p.Title, p.Forenames, p.KnownAs, p.Surname, p.BirthName, p.Previous, p.BirthDate, p.DeathDate, p.Dead, p.Sex, p.Contacts, p.Status, p.RegisteredOn, p.Confidential, p.OtherIDs),
		fmt.Sprint(q.NHS.Digits(), q.Title, q.Forenames, q.KnownAs, q.Surname, q.BirthName, q.Previous, q.BirthDate, q.DeathDate, q.Dead, q.Sex, q.Contacts, q.Status, q.RegisteredOn, q.Confidential, q.OtherIDs), "patient", quiet)
	requireSameText(t, sorted(p.Registration), sorted(q.Registration), "registration", quiet)
	requireSameText(t, p.UsualGP.Name()+p.Practice.Title(), q.UsualGP.Name()+q.Practice.Title(), "practice", quiet)
}

// foldConsultation puts the free text a consultation was given, for what has
// no element, back on the consultation.
func foldConsultation(e *record.Entry, before, again map[string]*record.Entry) {
	if e.Consultation == nil {
		return
	}
	e.Consultation.Items = slices.DeleteFunc(e.Consultation.Items, func(i record.Item) bool {
		if i.Entry == nil || before[i.Entry.ID] != nil {
			return false
		}
		e.Texts = append(e.Texts, i.Entry.Texts...)
		delete(again, i.Entry.ID)
		return true
	})
}

// requireFound looks for what became a line, and then leaves it out of the
// comparison.
func requireFound(t *testing.T, e, other *record.Entry) {
	t.Helper()
	all := fmt.Sprint(other.Texts, other.Notes)
	for _, text := range e.Texts {
		require.Contains(t, all, text.Value, e.At)
		require.Contains(t, all, text.Label, e.At)
	}
	for _, note := range e.Notes {
		require.Contains(t, all, note, e.At)
	}
	e.Texts, e.Notes, other.Texts, other.Notes = nil, nil, nil, nil
	if e.Kind == record.KindAdministration && e.EnteredBy != nil {
		require.Contains(t, all, e.EnteredBy.Name())
		other.EnteredBy = e.EnteredBy
	}
	if d := e.Document; d != nil && d.Size != "" {
		require.Contains(t, all, d.Size)
		d.Size = ""
	}
}

func TestRealRecordsGoAndComeBack(t *testing.T) {
	for _, file := range append(shared(t, "records/emisweb/*.xml"), shared(t, "examples/emisweb/openhr-*.xml")...) {
		first := settled(mustDecode(t, read(t, file)))
		doc := mustEncode(t, first, nil)
		requireValid(t, doc)
		second := mustDecode(t, doc)
		requireSound(t, second)
		requireSame(t, first, second, false)
	}
}
