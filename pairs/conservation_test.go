package pairs_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// soak is the number of rounds of a test with a long form: all of them with
// LINKSPAN_SOAK=1, else few enough for every run.
func soak(long, short int) int {
	if os.Getenv("LINKSPAN_SOAK") == "1" {
		return long
	}
	return short
}

// generated is one record and the way it goes.
type generated struct {
	way     *pairs.Direction
	entries []*record.Entry
	asked   record.SectionSet
}

// records generates records, for the directions given, of every kind and outcome, with trees, problems
// and consultations, withheld, failed and repeated entries.
func records(ways []*pairs.Direction) *rapid.Generator[generated] {
	return rapid.Custom(func(t *rapid.T) generated {
		g := generated{way: ways[rapid.IntRange(0, len(ways)-1).Draw(t, "way")], asked: record.AllSections}
		for range rapid.IntRange(0, 30).Draw(t, "entries") {
			g.entries = append(g.entries, entryOf(t, g.way.Holder.System, g.entries))
		}
		if rapid.Bool().Draw(t, "narrowed") {
			g.asked = record.SectionSet(rapid.Uint32Range(1, uint32(record.AllSections)).Draw(t, "sections"))
		}
		return g
	})
}

// TestConservation carries generated records in all directions into all forms: no section is out of balance, and every entry that goes out is
// found once in the bytes (safety H-08; DESIGN.md decision 6).
func TestConservation(t *testing.T) {
	gen := records(directions(t, starter(t)))
	rounds, entries, unbalanced, unsent := soak(100_000, 2_000), 0, 0, 0
	for seed := range rounds {
		g := gen.Example(seed)
		rec, d, out := g.carry(t)
		entries += len(rec.Entries)
		for _, s := range record.Sections() {
			tally := rec.Tally(s)
			if sum := tally.Coded() + tally.Outcomes[record.Degraded] + tally.Outcomes[record.WithheldEntry] + tally.Outcomes[record.Unsupported] +
				tally.Outcomes[record.FailedEntry] + tally.Outcomes[record.Duplicate]; sum != tally.Source || !tally.Balanced() {
				unbalanced++
			}
		}
		if err := d.Sent(rec, out); err != nil {
			unsent++
			require.NoError(t, err, "seed %d: %s to %s", seed, d.Holder.Name, d.Consumer.Name)
		}
	}
	t.Logf("%d generated records, %d entries: %d unbalanced sections, %d answers that lost an entry", rounds, entries, unbalanced, unsent)
	require.Zero(t, unbalanced)
	require.Zero(t, unsent)
	require.Greater(t, entries, 2*rounds)
}

// carry takes a generated record to the other system.
func (g generated) carry(t testing.TB) (*record.Record, *pairs.Direction, []byte) {
	t.Helper()
	d := g.way
	rec := recordOf(g.entries...)
	rec.Source.System = d.Holder.Title
	q := &record.Request{Sections: g.asked, Whole: g.asked == record.AllSections}
	d.Translate(rec, q, q)
	out, err := d.Consumer.Codec.EncodeResponse(q, record.Answered(rec), id)
	require.NoError(t, err)
	return rec, d, out
}
