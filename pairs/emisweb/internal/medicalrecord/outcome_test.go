package medicalrecord

import (
	"html"
	"strings"
	"testing"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
	"github.com/stretchr/testify/require"
)

// degradedTo is what translation gives a degraded entry.
var degradedTo = mapping.Code{Scheme: mapping.ReadV2, Value: "9bJ..", TermCode: "00", Term: "Transfer-degraded record entry"}

// plain are the fields of an entry that are no statement about the patient.
var plain = []string{".ID", ".At", ".Counted", ".Kind", ".Scheme", ".Meaning", ".Outcome", ".Target", ".Class", ".Defines", ".Course",
	".Parent", ".Entry", ".Problems", ".Parents", ".Author", ".EnteredBy", ".Place", ".Malformed", ".Link", ".Label", ".TermCode", ".Confidential", ".Items",
	"Qualifiers[0].ValueCode", "Qualifiers[0].NameCode"}

// stated are the words and numbers an entry states.
func stated(e *record.Entry) map[string]string {
	out := map[string]string{}
	for _, line := range flat(e) {
		path, value, _ := strings.Cut(line, " = ")
		skip := strings.Contains(path, ".Consultation.Place")
		for _, p := range plain {
			skip = skip || strings.Contains(path, p)
		}
		if !skip && value != "true" && value != "false" {
			out[path] = value
		}
	}
	return out
}

// TestNothingOfADegradedEntryIsLost degrades every entry of the rich record:
// each word, number, dose and date of each must be in the text.
func TestNothingOfADegradedEntryIsLost(t *testing.T) {
	for _, outcome := range []record.Outcome{record.Degraded, record.Unsupported} {
		for name, doc := range patients(t) {
			rec := mustDecode(t, doc)
			for _, e := range rec.Entries {
				if e.Outcome != record.Pending {
					continue
				}
				if e.Outcome = outcome; outcome == record.Degraded {
					e.Target = degradedTo
				}
			}
			rec.Settle(record.AllSections)
			out := encode(t, rec, rec.Head(record.AllSections)...)
			valid(t, name, out)
			text := html.UnescapeString(string(out))
			for _, e := range rec.Entries {
				if e.Outcome == outcome {
					requireStated(t, e, text)
				}
			}
			again := mustDecode(t, out)
			for _, s := range record.Sections() {
				require.Empty(t, again.Faults(s), "%s %s", name, s)
			}
			for _, e := range again.Entries {
				require.NotContains(t, []record.Kind{record.KindAllergy, record.KindMedication, record.KindIssue, record.KindProblem}, e.Kind,
					"an entry that is not coded must not look as if it were")
			}
		}
	}
}

func requireStated(t *testing.T, e *record.Entry, text string) {
	t.Helper()
	codes := map[string]bool{}
	for path := range stated(e) {
		if p, ok := strings.CutSuffix(path, ".Term"); ok {
			codes[p] = true
		}
	}
	for path, value := range stated(e) {
		if p, ok := strings.CutSuffix(path, ".Value"); ok && codes[p] && p != ".Code" && !strings.HasPrefix(p, ".Others") && !strings.HasPrefix(p, ".Medication.Mixture") {
			continue // an enumerated value stands as its words
		}
		if strings.HasSuffix(path, "Comparator.Term") {
			continue // stands as its sign
		}
		d, err := record.ParseISO(value)
		if err == nil && len(value) >= 7 && (strings.Contains(text, d.Words()) || strings.Contains(text, stamp(d)) ||
			strings.Contains(text, d.DMY()) && strings.Contains(text, "<AssignedTime>"+d.Clock())) {
			continue
		}
		if structured(e) && spelt(text, value) {
			continue
		}
		require.True(t, strings.Contains(text, value), "%s %q: %s = %q is nowhere", e.ID, e.Text, path, value)
	}
}

// structured reports the kinds that keep their own element when they are not
// coded, for the tree or the order in it.
func structured(e *record.Entry) bool {
	return e.Kind == record.KindConsultation || e.Kind == record.KindReport || e.Kind == record.KindRequest || e.Kind == record.KindResult
}

// spelt reports that the words stand in the document as it spells them.
func spelt(text, words string) bool {
	if words == requestWords {
		return true // what the element itself says
	}
	if surname, forenames, name := strings.Cut(words, ", "); name && strings.Contains(text, forenames+"</FirstNames><LastName>"+surname+"<") {
		return true // a person of the directory
	}
	for slot := range notation {
		if native := writeWords(slot, words); native != "" && strings.Contains(text, ">"+native+"<") {
			return true
		}
	}
	return false
}

// TestWithheldAndDuplicateLeaveNoTrace withholds every problem and one of each
// other kind: neither they nor links to them are written.
func TestWithheldAndDuplicateLeaveNoTrace(t *testing.T) {
	rec := mustDecode(t, patients(t)["nora-quillfeather"])
	rec.CarryExact()
	gone := map[string]bool{}
	for i, e := range rec.Entries {
		if e.Kind == record.KindProblem || i%3 == 0 {
			e.Outcome = []record.Outcome{record.WithheldEntry, record.Duplicate}[i%2]
			gone[e.ID] = true
		}
	}
	rec.Settle(record.AllSections)
	out := encode(t, rec)
	valid(t, "withheld", out)
	for _, e := range mustDecode(t, out).Entries {
		require.False(t, gone[e.ID], e.Text)
		require.Empty(t, e.Problems)
		for _, n := range e.Notes {
			require.NotContains(t, n, "not in this record")
		}
	}
	require.NotContains(t, string(out), "<Problem>")
}

func TestHeadIsReadFirstAndUnsafePrescribingIsAnAlert(t *testing.T) {
	rec := mustDecode(t, patients(t)["edith-marram"])
	rec.CarryExact()
	for _, e := range rec.Entries {
		if e.Kind == record.KindAllergy {
			e.Outcome, e.Target = record.Degraded, degradedTo
		}
	}
	rec.Settle(record.AllSections)
	head := rec.Head(record.AllSections)
	out := encode(t, rec, head...)
	valid(t, "head", out)
	again := mustDecode(t, out)
	var first *record.Entry
	for _, e := range again.Entries {
		if e.Kind == record.KindConsultation {
			first = e
			break
		}
	}
	require.Equal(t, strings.Join(head, "\n"), first.Consultation.Items[0].Entry.Texts[0].Value)
	require.Equal(t, "Linkspan", first.Author.Name())
	alerts := 0
	for _, e := range again.Entries {
		if e.Kind == record.KindAlert {
			alerts++
			require.Contains(t, e.Text, "ALLERGY")
		}
	}
	require.Equal(t, 1, alerts)
}

func TestFailedEntryIsALine(t *testing.T) {
	rec := mustDecode(t, patients(t)["tom-ostler"])
	rec.Add(&record.Entry{Kind: record.KindAllergy, At: "Allergy 12:4", Outcome: record.FailedEntry})
	rec.Settle(record.AllSections)
	out := encode(t, rec)
	valid(t, "failed", out)
	require.Contains(t, string(out), "An entry at Allergy 12:4 could not be read.")
}

func TestEncodeRefusesWhatTranslationLeft(t *testing.T) {
	for name, spoil := range map[string]func(*record.Record){
		"pending": func(r *record.Record) { r.Add(&record.Entry{}) },
		"slot": func(r *record.Record) {
			r.Add(&record.Entry{Outcome: record.Exact, Episodicity: mapping.Code{Scheme: "systmone.episodicity", Value: "New"}})
		},
		"sex": func(r *record.Record) { r.Patient.Sex = mapping.Code{Scheme: "systmone.sex", Value: "M"} },
	} {
		rec := mustDecode(t, patients(t)["tom-ostler"])
		spoil(rec)
		w := xmlio.NewWriter(nil)
		err := Encode(w, rec, nil, testID)
		require.Equal(t, record.ReasonInternal, record.ReasonOf(err), name)
		require.Error(t, err, name)
	}
}
