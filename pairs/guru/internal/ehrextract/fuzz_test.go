package ehrextract

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// decodeOf decodes a document to its end: an error gives nothing.
func decodeOf(t testing.TB, doc []byte) (*record.Record, error) {
	t.Helper()
	paths := Entries()
	r, err := xmlio.Open(t.Context(), doc, xmlio.Options{Count: record.XMLPaths(paths)})
	if err != nil {
		return nil, err
	}
	rec, err := Decode(r, 0)
	if err != nil {
		require.Nil(t, rec)
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	rec.Reconcile(paths, r.Counts())
	return rec, nil
}

// FuzzDecode checks that no document makes the reader panic, that a refused one
// gives nothing, and that what is read is accounted for entry by entry, can be
// written, and is read again.
func FuzzDecode(f *testing.F) {
	for _, components := range []string{
		"", sodium(annotation("Value: >= 5.0 mmol/L")), observed1(id("1")+asthma) + drug("1", supplyOf("Authorise", "5", tablets)+supplyOf("Prescribe", "6", refTo("inFulfillmentOf", "5"))),
		drug("2", supplyOf("Discontinue", "8", refTo("reversalOf", "5"))), compoundOf("BATTERY", asthma+sodium("")), compoundOf("TOPIC", titleOf("x")+compoundOf("CATEGORY", titleOf("y"))),
		allergyStatement("14L..00", "ALLERGY-READ2-TJ003", "Reaction", annotation("Sensitivity to x ended on 04 May 2011")),
		in("LinkSet", `classCode="OBS"`, id("3")+`<component><statementRef>`+id("3")+`</statementRef></component><conditionNamed><namedStatementRef>`+id("3")+`</namedStatementRef></conditionNamed>`),
		in("PlanStatement", `moodCode="INT"`, asthma+`<effectiveTime><center value="20170304"/></effectiveTime>`), in("RequestStatement", `moodCode="RQO"`, asthma+"<text>x</text>"),
	} {
		f.Add(extractWith(components)) // small seeds: the engine shrinks what it finds
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		rec, err := decodeOf(t, doc)
		if err != nil {
			require.Nil(t, rec)
			return
		}
		rec.CarryExact()
		rec.Settle(record.AllSections)
		for _, s := range record.Sections() {
			require.True(t, rec.Tally(s).Balanced(), "section %s", s)
		}
		Fit(rec)
		out, err := encode(rec, rec.Head(record.AllSections))
		require.NoError(t, err)
		_, err = decodeOf(t, out)
		require.NoError(t, err)
	})
}
