package medicalrecord

import (
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/stretchr/testify/require"
)

// normal strips what a round trip may change: positions, counts, outcomes, the
// order of entries and lines, and whether a line stands as a note of the
// bridge or, once written, in the text.
func normal(rec *record.Record) {
	for _, e := range rec.Entries {
		e.At, e.Counted, e.Target, e.Outcome = "", 0, mapping.Code{}, record.Pending
		var lines []string
		for _, t := range e.Texts {
			words := t.Value
			if t.Label != "" {
				words = t.Label + ": " + words
			}
			lines = append(lines, strings.Split(words, "\n")...)
		}
		for _, n := range e.Notes {
			lines = append(lines, strings.Split(n, "\n")...)
		}
		sort.Strings(lines)
		e.Texts, e.Notes = nil, slices.Compact(lines)
	}
	sort.SliceStable(rec.Entries, func(i, j int) bool { return rec.Entries[i].ID < rec.Entries[j].ID })
	q := rec.Patient.Registration
	sort.SliceStable(q, func(i, j int) bool { return q[i].Name+q[i].Value < q[j].Name+q[j].Value })
	rec.Warnings = slices.DeleteFunc(rec.Warnings, func(w record.Warning) bool { return w.Code != record.WarnSender })
}

func requireSame(t *testing.T, want, got *record.Record) {
	t.Helper()
	normal(want)
	normal(got)
	require.Equal(t, ids(want), ids(got))
	for i := range want.Entries {
		require.Equal(t, flat(want.Entries[i]), flat(got.Entries[i]))
	}
	require.True(t, reflect.DeepEqual(want.Entries, got.Entries))
	require.Equal(t, want.Patient, got.Patient)
	require.Equal(t, want.Source, got.Source)
	require.Equal(t, want.Warnings, got.Warnings)
}

func ids(rec *record.Record) (out []string) {
	for _, e := range rec.Entries {
		out = append(out, e.ID+" "+e.Kind.String())
	}
	return out
}

// roundTrip is what two instances of EMIS Web would do: one answers, the other
// reads what the link made of the answer.
func TestRoundTripKeepsEverythingTheDocumentCanSay(t *testing.T) {
	for _, name := range []string{"nora-quillfeather", "tom-ostler", "edith-marram"} {
		doc, ok := patients(t)[name]
		require.True(t, ok, name)
		first := mustDecode(t, doc)
		for _, s := range record.Sections() {
			require.Empty(t, first.Faults(s), "%s %s", name, s)
		}
		exchange(first)
		out := encode(t, first)
		valid(t, name, out)
		second := mustDecode(t, out)
		for _, s := range record.Sections() {
			require.Empty(t, second.Faults(s), "%s %s", name, s)
		}
		exchange(second)
		again := encode(t, second)
		third := mustDecode(t, again)
		requireSame(t, mustDecode(t, doc), mustDecode(t, out))
		requireSame(t, mustDecode(t, out), third)
		require.Equal(t, string(out), string(encode(t, first)), "the same record gives the same bytes")
	}
}
