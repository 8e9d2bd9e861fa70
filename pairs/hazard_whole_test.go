package pairs_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// TestHazard03_NothingLeaksFromThePatientBefore translates one patient after
// another whose message fails, at every sort of fault and at many places of it:
// the answer is byte for byte the one that patient has alone.
func TestHazard03_NothingLeaksFromThePatientBefore(t *testing.T) {
	tables := starter(t)
	checked, failed, turn := 0, 0, 0
	for _, format := range emisFormats {
		link := openLink(t, format)
		for from, pattern := range map[string]string{"systmone": "systmone.response", "emisweb": "emisweb." + format} {
			side, _ := link.Side(from)
			offline := pairs.Offline{From: from, Message: pairs.MessageResponse, ID: id}
			corpus := files(t, side.System, "patients/*/"+pattern+".xml")
			alone := map[string][]byte{}
			for name, in := range corpus {
				out, _, err := openLink(t, format).TranslateMessage(t.Context(), tables, in, offline) // by a link that has seen nobody else
				require.NoError(t, err)
				alone[name] = out
			}
			for _, a := range corpus {
				var faults [][]byte
				places := soak(400, 12)
				for i := range places { // cut, spoilt and repeated
					at := (i + 1) * len(a) / (places + 1)
					faults = append(faults, a[:at], append(append(bytes.Clone(a[:at]), '&', '<'), a[at:]...))
				}
				for _, bad := range spoilt(string(a)) {
					if len(bad) < 2*len(a)+100_000 {
						faults = append(faults, []byte(bad))
					}
				}
				for _, bad := range faults {
					if _, _, err := link.TranslateMessage(t.Context(), tables, bad, offline); err != nil {
						failed++
					}
					for name, b := range corpus {
						if turn++; turn%4 != 0 && places < 100 { // every fourth in the short form
							continue
						}
						checked++
						out, _, err := link.TranslateMessage(t.Context(), tables, b, offline)
						require.NoError(t, err)
						require.True(t, bytes.Equal(alone[name], out), "%s after a failure", name)
					}
				}
			}
		}
	}
	t.Logf("%d translations after %d failures: 0 differ", checked, failed)
	require.Greater(t, failed, 200)
}

// TestHazard28_ReaderKnowsOfTheWithheld: a section with something withheld in it
// says so in every codec, whatever else it holds, and never that nothing is
// recorded; a section without says nothing of the kind.
func TestHazard28_ReaderKnowsOfTheWithheld(t *testing.T) {
	h := newHazards(t)
	const excluded = "Items excluded due to confidentiality and/or patient preferences."
	for _, w := range ways() {
		for _, kind := range record.Kinds() {
			for _, others := range []bool{false, true} {
				entries := []*record.Entry{bodied(&record.Entry{Kind: kind, Text: "Hidden", Outcome: record.WithheldEntry})}
				if others {
					entries = append(entries, bodied(&record.Entry{Kind: kind, Text: "Shown", Code: w.asthma(), Date: date("2016-03-04")}))
				}
				got := h.cross(w, entries...)
				at := fmt.Sprint(w, kind, others)
				first := read1st(t, got.out, firstPlaces[w.into])
				require.Contains(t, first, "WARNING: "+kind.Section().Title()+": "+excluded, at)
				require.NotContains(t, first, "No '"+kind.Section().Title()+"' data", at)
				require.NotContains(t, got.text, "Hidden", at)
			}
		}
		require.NotContains(t, h.cross(w, observation(w.asthma())).text, excluded)
	}
}

// TestHazard29_TransferAndFilingInEverySection: while a transfer is unfinished,
// or items await filing, the record says so before all else and each section
// says it again, an empty one too.
func TestHazard29_TransferAndFilingInEverySection(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		for _, code := range []record.WarningCode{record.WarnDataInTransit, record.WarnAwaitingFiling} {
			rec := recordOf(observation(w.asthma()))
			warning := record.Warning{Code: code, Detail: "02-Jan-2016"}
			rec.Warn(warning)
			got := h.send(w, rec, whole())
			first := read1st(t, got.out, firstPlaces[w.into])
			require.Contains(t, first, "WARNING: "+warning.Words(), w)
			require.Equal(t, 1+len(record.Sections()), strings.Count(first, warning.Words()), "%v %s", w, code)
			require.Contains(t, warning.Words(), "recorded before 02-Jan-2016 may be missing.")
		}
	}
}

// TestHazard31_PartIsNeverWhole: a part of a native answer taken away or sent
// twice, an entry lost on the way, an entry or a line of the head lost when the
// answer is written: each is refused or shows in the state, and none is
// complete.
func TestHazard31_PartIsNeverWhole(t *testing.T) {
	tables := starter(t)
	cases := 0
	for _, format := range emisFormats {
		link := openLink(t, format)
		for from, pattern := range map[string]string{"systmone": "systmone.response", "emisweb": "emisweb." + format} {
			side, _ := link.Side(from)
			for name, in := range files(t, side.System, "patients/nora-quillfeather/"+pattern+".xml") {
				sections := map[string][]record.Section{"Clinical": {record.Problems, record.Medication, record.Allergies}, "Demographics": {record.Demographics},
					"dosage": {record.Medication}, "Dose": {record.Medication}}
				for part, spoils := range sections {
					twice, ok := repeatPart(in, part)
					if !ok {
						continue
					}
					_, report, err := link.TranslateMessage(t.Context(), tables, twice, pairs.Offline{From: from, Message: pairs.MessageResponse, ID: id})
					for _, s := range report.Sections {
						if err == nil && slices.ContainsFunc(spoils, func(spoilt record.Section) bool { return spoilt.String() == s.Section }) {
							require.Equal(t, record.Failed.String(), s.State, "%s: %s twice", name, part)
						}
					}
					cases++
				}
				consumer, err := link.Pair.Other(from)
				require.NoError(t, err)
				d, err := link.Direction(consumer.Name, tables)
				require.NoError(t, err)
				for i := range decode(t, link, from, in).Entries {
					rec := decode(t, link, from, in)
					lost := rec.Entries[i]
					rec.Entries = slices.Delete(rec.Entries, i, i+1)
					for _, e := range rec.Entries {
						e.Unlink(func(other *record.Entry) bool { return other != lost })
					}
					d.Translate(rec, whole(), whole())
					require.Equal(t, record.Failed, rec.State(lost.Kind.Section()), "%s without entry %d", name, i)
					cases++
				}
			}
		}
	}
	eachAnswer(t, func(name string, d *pairs.Direction, rec *record.Record, out []byte) {
		for _, span := range elements(t, d, out) {
			require.Error(t, d.Sent(rec, append(bytes.Clone(out[:span[0]]), out[span[1]:]...)), name)                                          // taken away
			require.Error(t, d.Sent(rec, append(bytes.Clone(out[:span[1]]), append(out[span[0]:span[1]:span[1]], out[span[1]:]...)...)), name) // sent twice
			cases += 2
		}
	})
	t.Logf("%d parts lost or repeated, none taken for the whole", cases)
}

// repeatPart writes the first element of a name twice.
func repeatPart(in []byte, name string) ([]byte, bool) {
	r := xml.NewDecoder(bytes.NewReader(in))
	start, depth := -1, 0
	for {
		at := int(r.InputOffset())
		token, err := r.Token()
		if errors.Is(err, io.EOF) || err != nil {
			return nil, false
		}
		switch token := token.(type) {
		case xml.StartElement:
			if start < 0 && token.Name.Local == name {
				start = at
			}
			if start >= 0 {
				depth++
			}
		case xml.EndElement:
			if start < 0 {
				continue
			}
			if depth--; depth == 0 {
				end := int(r.InputOffset())
				return slices.Concat(in[:end], in[start:end], in[end:]), true
			}
		}
	}
}

// TestHazard32_DuplicatesAreShownAndTold: two entries of the same words, date
// and dose are both shown, the second marked and the reader warned; entries that
// differ in any of these are not; the twin of a deleted one is gone.
func TestHazard32_DuplicatesAreShownAndTold(t *testing.T) {
	h := newHazards(t)
	for _, w := range ways() {
		dose := func(day, dosage string) *record.Entry {
			e := medication(w.aspirin())
			e.Date, e.Medication.Dosage = date(day), dosage
			e.Medication.Type = w.enum("prescription-type A", "medication-item Medication")
			e.Medication.Start = record.Date{}
			return e
		}
		for name, test := range map[string]struct {
			second *record.Entry
			told   bool
		}{
			"the same": {dose("2016-03-04", "One daily"), true}, "in other spacing": {dose("2016-03-04", "ONE  daily"), true},
			"another day": {dose("2016-03-05", "One daily"), false}, "another dose": {dose("2016-03-04", "Two daily"), false},
		} {
			got := h.cross(w, dose("2016-03-04", "One daily"), test.second)
			shownTwice := 0
			for _, e := range got.entries() {
				if e.Medication != nil && strings.HasPrefix(e.Text, "Aspirin") || strings.Contains(said(e), "Dose: ") && !strings.Contains(said(e), "[medication]") {
					shownTwice++
				}
			}
			require.GreaterOrEqual(t, shownTwice, 2, "%v %s: both are shown", w, name)
			require.Equal(t, test.told, strings.Contains(got.text, "Possible duplicate: the source has another entry"), "%v %s", w, name)
			require.Equal(t, test.told, strings.Contains(got.text, "WARNING: Some entries may be duplicates: Medication: Aspirin 75mg tablets, 04-Mar-2016"), "%v %s", w, name)
		}
		twin := dose("2016-03-04", "One daily")
		twin.Outcome = record.Duplicate
		require.NotContains(t, h.cross(w, dose("2016-03-04", "One daily"), twin).text, "duplicate", "%v: the codec has told them apart", w)
		hidden := dose("2016-03-04", "One daily")
		hidden.Outcome = record.WithheldEntry
		require.NotContains(t, h.cross(w, hidden, dose("2016-03-04", "One daily")).text, "duplicate", "%v: nothing tells of a withheld one", w)
	}
}

// TestHazard36_AuthorsAreNeverBorrowed: who recorded, who entered and where stay
// with their own entry and role, in one consultation and out of it; where the
// source names nobody nobody is named.
func TestHazard36_AuthorsAreNeverBorrowed(t *testing.T) {
	h := newHazards(t)
	person := func(name string) *record.Person {
		return &record.Person{ID: name, Surname: name, Forenames: "Ada", UserName: strings.ToLower(name)}
	}
	for _, w := range ways() {
		one, two, none := observation(w.asthma()), observation(w.asthma()), observation(w.asthma())
		for i, e := range []*record.Entry{one, two, none} {
			e.Text, e.Date = fmt.Sprintf("Statement %d.", i+1), date("2016-03-04")
		}
		one.Author, one.EnteredBy, one.Place = person("Farrow"), person("Typewright"), &record.Organisation{ID: "1", Name: "Branch Surgery"}
		two.Author = person("Goodbody")
		visit := &record.Entry{Kind: record.KindConsultation, Text: "Visit", Date: date("2016-03-04"), Author: person("Holder"), Consultation: &record.Consultation{}}
		for _, inside := range []bool{false, true} {
			entries := []*record.Entry{one, two, none}
			if inside {
				visit.Consultation.Items = []record.Item{{Entry: one}, {Entry: two}, {Entry: none}}
				entries = append([]*record.Entry{visit}, entries...)
			}
			for _, e := range entries {
				e.Outcome, e.Target, e.Notes = record.Pending, mapping.Code{}, nil
			}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			got := h.send(w, recordOf(entries...), q)
			require.NotContains(t, got.text, "Typewright, Ada (author)")
			for words, want := range map[string]struct{ yes, no []string }{
				"Statement 1.": {[]string{"Farrow"}, []string{"Goodbody", "Holder"}},
				"Statement 2.": {[]string{"Goodbody"}, []string{"Farrow", "Holder", "Typewright"}},
				"Statement 3.": {nil, []string{"Farrow", "Goodbody", "Typewright"}},
			} {
				e := got.entry(t, words)
				author := e.Author.Name()
				if _, after, ok := strings.Cut(said(e), "Recorded by: "); ok { // the Event's author is another's: the words say whose it is
					author, _, _ = strings.Cut(after, "\n")
				}
				by := said(e) + "\n" + author + "\n" + e.EnteredBy.Name()
				at := fmt.Sprint(w, " ", inside, " ", words, "\n", by)
				for _, name := range want.yes {
					require.Contains(t, by, name, at)
				}
				for _, name := range want.no {
					require.NotContains(t, by, name, at)
				}
				if words == "Statement 1." {
					require.Contains(t, by, "Typewright", at)
					require.False(t, e.Author != nil && e.Author.Name() == "Typewright, Ada", at)
				}
				if words == "Statement 3." {
					require.Equal(t, "not known", author, at)
				}
			}
		}
	}
}
