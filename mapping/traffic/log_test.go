package traffic

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
)

func read(value, termCode string) mapping.Code {
	return mapping.Code{Scheme: mapping.ReadV2, Value: value, TermCode: termCode}
}

func asked(code mapping.Code, kind string) Key {
	return Key{Code: code, To: "ctv3 snomed", Contexts: kind, Kind: kind}
}

func TestFirstIsTheFirstSightingNoRowDecided(t *testing.T) {
	var l Log
	l.SetDay("2026-11-22")
	k := asked(read("G20..", "00"), "problem")
	require.False(t, l.Saw(k, mapping.Mapped))
	require.False(t, l.Saw(k, mapping.AnswerNoMap), "a no-map row decides")
	l.SetDay("2026-11-23")
	require.True(t, l.Saw(k, mapping.Unmapped))
	require.False(t, l.Saw(k, mapping.Ambiguous))
	require.False(t, l.Saw(k, mapping.Mapped))
	require.Equal(t, []Seen{{Key: k, Count: 5, Unmapped: 2, Last: mapping.Mapped, First: "2026-11-22", Latest: "2026-11-23"}}, l.Seen())
}

func TestTheTermIsNeverKept(t *testing.T) {
	var l Log
	k := asked(read("G20..", "00"), "problem")
	k.Code.Term = "words of a message"
	l.Saw(k, mapping.Unmapped)
	require.Empty(t, l.Seen()[0].Code.Term)
}

func TestMalformedIsCountedAndNeverNamed(t *testing.T) {
	var l Log
	for _, k := range []Key{
		asked(read("asthma, see note", "00"), "problem"),
		asked(mapping.Code{Scheme: mapping.SNOMED, Value: "5.89E+17"}, "problem"),
		asked(mapping.Code{Scheme: mapping.SNOMED, Value: "120159016"}, "problem"),
		asked(mapping.Code{Scheme: "nobody", Value: "1"}, "problem"),
		asked(mapping.Code{}, "problem"),
		asked(read("G20..", "00"), "Mrs Smith"),
		{Code: read("G20..", "00"), To: "ctv3\tsnomed"},
		{Code: read("G20..", "00"), Contexts: strings.Repeat("a", 201)},
	} {
		require.False(t, l.Saw(k, mapping.Unmapped))
	}
	require.False(t, l.Saw(asked(read("G20..", "00"), "problem"), mapping.Malformed))
	require.False(t, l.Saw(asked(read("G20..", "00"), "problem"), "typed text"))
	require.Empty(t, l.Seen())
	require.Equal(t, 10, l.Malformed())
}

func TestEnumeratedValuesAreNotCounted(t *testing.T) {
	var l Log
	require.False(t, l.Saw(asked(mapping.Code{Scheme: "emisweb.sex", Value: "M"}, "demographics"), mapping.Unmapped))
	require.Empty(t, l.Seen())
	require.Zero(t, l.Malformed())
}

func TestTheLogIsBounded(t *testing.T) {
	l := Log{Limit: 100}
	for i := range 1000 {
		require.Equal(t, i < 100, l.Saw(asked(read(fmt.Sprintf("A%04d", i), "00"), "problem"), mapping.Unmapped))
	}
	l.Saw(asked(read("A0001", "00"), "problem"), mapping.Mapped)
	l.Saw(asked(read("B0001", "00"), "problem"), mapping.Mapped)
	require.Len(t, l.Seen(), 100)
	require.Equal(t, Others{Count: 901, Unmapped: 900}, l.Others())
}

func TestSeenIsSortedByCount(t *testing.T) {
	var l Log
	for value, times := range map[string]int{"A....": 1, "B....": 3, "C....": 1, "D....": 2} {
		for range times {
			l.Saw(asked(read(value, "00"), "problem"), mapping.Mapped)
		}
	}
	var values []string
	for _, s := range l.Seen() {
		values = append(values, s.Code.Value)
	}
	require.Equal(t, []string{"B....", "D....", "A....", "C...."}, values)
}

func TestADayIsADayOrUnknown(t *testing.T) {
	var l Log
	for _, day := range []string{"2026-11-22T10:15:00Z", "22/11/2026", "2026-02-30", ""} {
		l.SetDay(day)
		l.Saw(asked(read("G20..", "00"), "problem"), mapping.Mapped)
	}
	require.Empty(t, l.Seen()[0].First)
	l.SetDay("2026-11-22")
	l.Saw(asked(read("G20..", "00"), "problem"), mapping.Mapped)
	l.SetDay("2026-11-20") // a clock set back
	l.Saw(asked(read("G20..", "00"), "problem"), mapping.AnswerNoMap)
	require.Equal(t, "2026-11-20", l.Seen()[0].First)
	require.Equal(t, "2026-11-22", l.Seen()[0].Latest)
}

func TestMergeTakesTheLaterAnswer(t *testing.T) {
	k := asked(read("G20..", "00"), "problem")
	one, two := &Log{}, &Log{}
	one.SetDay("2026-11-22")
	one.Saw(k, mapping.Unmapped)
	two.SetDay("2026-11-23")
	two.Saw(k, mapping.Mapped)
	want := []Seen{{Key: k, Count: 2, Unmapped: 1, Last: mapping.Mapped, First: "2026-11-22", Latest: "2026-11-23"}}
	var sum, other Log
	sum.Merge(one, two)
	other.Merge(two, one)
	require.Equal(t, want, sum.Seen())
	require.Equal(t, want, other.Seen())
	sum.Merge(&sum)
	require.Equal(t, 4, sum.Seen()[0].Count)
}

// sighting is one look-up of the property below.
type sighting struct {
	key    Key
	answer mapping.Answer
}

func sightings(t *rapid.T) []sighting {
	one := rapid.Custom(func(t *rapid.T) sighting {
		code := rapid.SampledFrom([]mapping.Code{
			read("G20..", "00"), read("G20..", "11"), read("not a code", "00"), {Scheme: mapping.CTV3, Value: "XE0Uc"},
			{Scheme: mapping.SNOMED, Value: "73211009"}, {Scheme: mapping.DMD, Value: "322236009"}, {Scheme: "emisweb.sex", Value: "M"},
		}).Draw(t, "code")
		kind := rapid.SampledFrom([]string{"problem", "allergy", "medication"}).Draw(t, "kind")
		return sighting{asked(code, kind), rapid.SampledFrom([]mapping.Answer{mapping.Mapped, mapping.Same, mapping.Inexact,
			mapping.AnswerNoMap, mapping.Unmapped, mapping.Ambiguous, mapping.Malformed}).Draw(t, "answer")}
	})
	return rapid.SliceOfN(one, 0, 200).Draw(t, "sightings")
}

// However many goroutines and logs share the counting, every sighting is counted once, and exactly one of the undecided
// ones of a key in one log is its first.
func TestCountsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := sightings(t)
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		one, two := &Log{Limit: limit}, &Log{}
		firsts := make([]map[Key]int, 4)
		var running sync.WaitGroup
		for g := range firsts {
			firsts[g] = map[Key]int{}
			running.Go(func() {
				for i := g; i < len(all); i += len(firsts) {
					l := one
					if g%2 == 1 {
						l = two
					}
					if l.Saw(all[i].key, all[i].answer) && l == two {
						firsts[g][all[i].key]++
					}
				}
			})
		}
		running.Wait()
		var sum Log
		sum.Merge(one, two)

		want, undecidedInTwo, counted, unmapped, malformed := map[Key]int{}, map[Key]int{}, 0, 0, 0
		for i, s := range all {
			switch {
			case s.key.Code.Scheme.Enumeration():
			case s.answer == mapping.Malformed, !s.key.Code.Valid():
				malformed++
			default:
				want[s.key]++
				counted++
				if undecided(s.answer) {
					unmapped++
					if i%2 == 1 {
						undecidedInTwo[s.key] = 1
					}
				}
			}
		}
		require.Equal(t, malformed, sum.Malformed())
		gotCount, gotUnmapped := sum.Others().Count, sum.Others().Unmapped
		for _, s := range sum.Seen() {
			require.LessOrEqual(t, s.Count, want[s.Key])
			require.LessOrEqual(t, s.Unmapped, s.Count)
			gotCount, gotUnmapped = gotCount+s.Count, gotUnmapped+s.Unmapped
		}
		require.Equal(t, counted, gotCount)
		require.Equal(t, unmapped, gotUnmapped)
		gotFirsts := map[Key]int{}
		for _, f := range firsts {
			for k, n := range f {
				gotFirsts[k] += n
			}
		}
		require.Equal(t, undecidedInTwo, gotFirsts)

		var reversed Log
		reversed.Merge(two, one)
		require.Equal(t, sum.Seen(), reversed.Seen())
	})
}

func TestSawCostsNothingForAKnownKey(t *testing.T) {
	var l Log
	k := asked(read("G20..", "00"), "problem")
	l.Saw(k, mapping.Unmapped)
	require.Zero(t, testing.AllocsPerRun(100, func() { l.Saw(k, mapping.Unmapped) }))
}
