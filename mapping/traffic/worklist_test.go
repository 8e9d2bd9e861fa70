package traffic

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
)

// terms is a dictionary of a few codes by Code.Key.
type terms map[string]string

func (d terms) Holds(mapping.Scheme) bool { return true }

func (d terms) Look(c mapping.Code) (string, bool, bool) {
	term, found := d[c.Key()]
	return term, found, found
}

func see(l *Log, times int, k Key, a mapping.Answer) {
	for range times {
		l.Saw(k, a)
	}
}

func work(t *testing.T) []Work {
	t.Helper()
	var l Log
	see(&l, 2, asked(read("G20..", "00"), "problem"), mapping.Unmapped)
	see(&l, 3, asked(read("G20..", "00"), "observation"), mapping.Unmapped)
	see(&l, 9, asked(read("G20..", "00"), "observation"), mapping.Mapped)
	see(&l, 1, asked(read("G20..", ""), "referral"), mapping.Unmapped)
	see(&l, 7, asked(read("H33..", "00"), "problem"), mapping.Inexact)
	see(&l, 4, asked(read("14L1.", "00"), "allergy"), mapping.Unmapped)
	see(&l, 1, asked(read("14L1.", "00"), "problem"), mapping.Unmapped)
	see(&l, 5, asked(read("C10E.", ""), "problem"), mapping.Ambiguous)
	see(&l, 6, asked(read("22A..", "00"), "observation"), mapping.AnswerNoMap)
	see(&l, 60, Key{Code: read("Z....", "00"), Kind: "problem"}, mapping.Unmapped)
	see(&l, 50, Key{Code: mapping.Code{Scheme: mapping.EMISDrug, Value: "META1787"}, To: "dmd", Contexts: "medication", Kind: "issue"}, mapping.Unmapped)
	return WorkList(l.Seen(), terms{
		"readv2|G20..|00": "Essential hypertension", "readv2|14L1.|00": "H/O: penicillin allergy", "emis-drug|META1787|": "Metformin 500mg tablets",
	})
}

func TestTheWorkListIsGroupedAndSorted(t *testing.T) {
	works := work(t)
	require.Len(t, works, 2)
	require.Equal(t, mapping.EMISDrug, works[0].From)
	require.Equal(t, []mapping.Scheme{mapping.DMD}, works[0].To)
	require.Equal(t, mapping.MedicationContext, works[0].Rows[0].Context)
	require.Equal(t, "seen 50 times as issue", works[0].Rows[0].Reason)

	require.Equal(t, []mapping.Scheme{mapping.CTV3, mapping.SNOMED}, works[1].To)
	var rows []string
	for _, r := range works[1].Rows {
		rows = append(rows, strings.Join([]string{r.Source.Value, r.Source.TermCode, r.Source.Term, string(r.Context), r.Reason, string(r.Last)}, "|"))
	}
	require.Equal(t, []string{
		"H33..|00|||seen 7 times as problem|inexact",
		"G20..|00|Essential hypertension||seen 3 times as observation, 2 times as problem, once as referral|mapped",
		"14L1.|00|H/O: penicillin allergy|allergy|seen 4 times as allergy|unmapped",
		"14L1.|00|H/O: penicillin allergy||seen once as problem|unmapped",
	}, rows)
	require.Equal(t, []string{"C10E. came 5 times as problem without a term code, and its terms have different targets: no row can choose"}, works[1].Notes)
}

// The list is no table until people have filled it in, and one as soon as they have.
func TestTheWorkListIsATableOnceFilledIn(t *testing.T) {
	for _, w := range work(t) {
		var out bytes.Buffer
		n, err := w.WriteTo(&out)
		require.NoError(t, err)
		require.EqualValues(t, out.Len(), n)

		_, faults := mapping.Parse("work.tsv", bytes.NewReader(out.Bytes()), mapping.Options{})
		require.Len(t, faults, len(w.Rows), "each row is a fault until it is filled in")

		target := map[mapping.Scheme]string{mapping.DMD: "322236009", mapping.CTV3: "XE0Uc"}[w.To[0]]
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		head := len(lines) - len(w.Rows)
		names := strings.Split(lines[head-1], "\t")
		for i := head; i < len(lines); i++ {
			cells := strings.Split(lines[i], "\t")
			term := cmp.Or(cells[slices.Index(names, "source_term")], "Words of the reviewer")
			for at, name := range names {
				switch name {
				case "source_term", "target_term":
					cells[at] = term
				case "target_code":
					cells[at] = target
				case "relation":
					cells[at] = "equivalent"
				}
			}
			lines[i] = strings.Join(cells, "\t")
		}
		table, faults := mapping.Parse("work.tsv", strings.NewReader(strings.Join(lines, "\n")+"\n"), mapping.Options{})
		require.Empty(t, faults)
		require.Equal(t, len(w.Rows), table.Len())
		require.Equal(t, w.From, table.From)
		require.Equal(t, w.To[0], table.To)
		require.Equal(t, mapping.LocalLayer, table.Layer)
		require.True(t, strings.HasPrefix(lines[head], w.Rows[0].Source.Value+"\t"), "most frequent first")
	}
}

// Kinds that ask for different further schemes are one table all the same: two of one name could not be told apart.
func TestTheWorkListHasOneTableForADirection(t *testing.T) {
	var l Log
	product := func(id string) mapping.Code { return mapping.Code{Scheme: mapping.Multilex, Value: id} }
	see(&l, 1, Key{Code: product("1003506"), To: "emis-drug", Contexts: "allergy", Kind: "allergy"}, mapping.Unmapped)
	see(&l, 2, Key{Code: product("2010688"), To: "emis-drug dmd", Contexts: "medication", Kind: "medication"}, mapping.Inexact)
	see(&l, 3, Key{Code: product("2010688"), To: "emis-drug", Contexts: "medication", Kind: "issue"}, mapping.Unmapped)
	see(&l, 1, Key{Code: product("2010688"), To: "dmd", Contexts: "medication", Kind: "issue"}, mapping.Unmapped)
	works := WorkList(l.Seen(), nil)
	require.Len(t, works, 2)
	require.Equal(t, []mapping.Scheme{mapping.EMISDrug, mapping.DMD}, works[0].To)
	require.Len(t, works[0].Rows, 2)
	require.Equal(t, "seen 3 times as issue, 2 times as medication", works[0].Rows[0].Reason)
	require.Equal(t, []mapping.Scheme{mapping.DMD}, works[1].To)

	var out bytes.Buffer
	_, err := works[0].WriteTo(&out)
	require.NoError(t, err)
	require.Contains(t, out.String(), "\n# A target of dmd would serve too, in a table of its own.\nsource_code\t")
}

func TestAWorkListWithoutADictionaryHasNoTerms(t *testing.T) {
	var l Log
	k := asked(read("G20..", "00"), "problem")
	k.Code.Term = "words of a message"
	l.Saw(k, mapping.Unmapped)
	works := WorkList(l.Seen(), nil)
	require.Empty(t, works[0].Rows[0].Source.Term)
	require.Empty(t, WorkList(nil, nil))
}
