package pairs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// TestWatchHearsOfEveryCode names each entry's own code once, an allergy's
// substance in its place, what an allergy entered as an ordinary code is, and
// the settled record; nothing of enumerated values and degrade codes.
func TestWatchHearsOfEveryCode(t *testing.T) {
	d := to(t, "systmone", items(t),
		table(t, mapping.ReadV2, pairs.KindScheme, "14L1.|00|H/O: penicillin allergy|drug-allergy|||source-is-narrower-than-target"),
		table(t, mapping.ReadV2, mapping.CTV3, "H33..|00|Asthma|H33..||Asthma|equivalent"),
		table(t, mapping.EMISDrug, mapping.DMD, "SACO1234||Salbutamol|329652003||Salbutamol|equivalent"))
	asthma := observation(read("H33..", "00", "Asthma"))
	unknown := observation(read("K0D..", "00", "End-stage renal disease"))
	uncoded := &record.Entry{Kind: record.KindNote, Text: "words"}
	allergic := observation(read("14L1.", "00", "H/O: penicillin allergy"))
	drug := &record.Entry{Kind: record.KindAllergy, Text: "Allergy to amoxicillin", Code: read("14LK.", "00", "H/O: drug allergy"),
		Allergy: &record.Allergy{Substance: emisDrug("AMCA1234", "Amoxicillin")}}
	tablet := medication(emisDrug("SACO1234", "Salbutamol"))
	var looked []pairs.Lookup
	var settled *record.Record
	received := 0
	d.Watch = pairs.Watch{
		Received: func(rec *record.Record) {
			received = len(rec.Entries)
			require.Empty(t, looked)
			require.Equal(t, record.KindObservation, allergic.Kind)
		},
		Looked: func(l pairs.Lookup) {
			require.Nil(t, settled)
			looked = append(looked, l)
		},
		Translated: func(rec *record.Record) {
			settled = rec
			require.NotEqual(t, record.Failed, rec.State(record.Observations))
		},
	}
	rec, _ := carry(d, asthma, unknown, uncoded, allergic, drug, tablet)
	require.Same(t, rec, settled)
	require.Equal(t, 6, received)
	type seen struct {
		entry  *record.Entry
		code   string
		answer mapping.Answer
		kind   bool
	}
	var got []seen
	for _, l := range looked {
		got = append(got, seen{l.Entry, l.Code.Value, l.Result.Answer, l.OfKind()})
		require.NotEmpty(t, l.To)
	}
	require.Equal(t, []seen{
		{allergic, "14L1.", mapping.Mapped, true},
		{asthma, "H33..", mapping.Mapped, false},
		{unknown, "K0D..", mapping.Unmapped, false},
		{drug, "AMCA1234", mapping.Unmapped, false},
		{tablet, "SACO1234", mapping.Mapped, false},
	}, got)
	require.Equal(t, []mapping.Scheme{mapping.CTV3}, looked[1].To)
	require.Equal(t, []mapping.Context{mapping.AllergyContext}, looked[3].Contexts)
	require.Equal(t, "readv2-ctv3", looked[1].Result.Table.ID)
}

// TestWatchChangesNothing translates a patient with and without somebody
// watching.
func TestWatchChangesNothing(t *testing.T) {
	tables, link, coded := starter(t), openLink(t, "medicalrecord"), 0
	for _, dir := range patients(t) {
		in, err := os.ReadFile(filepath.Join(dir, "emisweb.medicalrecord.xml"))
		require.NoError(t, err)
		o := pairs.Offline{From: "emisweb", Message: pairs.MessageResponse, As: pairs.Schemes{Codes: mapping.SNOMED}, ID: id}
		alone, report, err := link.TranslateMessage(t.Context(), tables, in, o)
		require.NoError(t, err)
		lookups := map[*record.Entry]int{}
		o.Watch.Looked = func(l pairs.Lookup) {
			if !l.OfKind() {
				lookups[l.Entry]++
			}
		}
		o.Watch.Translated = func(rec *record.Record) {
			for _, e := range rec.Entries {
				if e.Outcome == record.Mapped {
					coded++
					require.Equal(t, 1, lookups[e])
				}
				require.LessOrEqual(t, lookups[e], 1)
			}
		}
		watched, again, err := link.TranslateMessage(t.Context(), tables, in, o)
		require.NoError(t, err)
		require.Equal(t, string(alone), string(watched))
		report.Micros, again.Micros = 0, 0
		require.Equal(t, report, again)
	}
	require.Positive(t, coded)
}
