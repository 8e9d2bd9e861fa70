package openhr

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// FuzzDecode checks that no document makes the codec panic, that a refused one
// gives nothing, and that what is read can be written and read again with
// every entry accounted for.
func FuzzDecode(f *testing.F) {
	for _, file := range patients(f) {
		for _, line := range strings.Split(string(read(f, file)), "\n") {
			for _, kind := range []string{"<event", "<encounter", "<problem", "<document", "<task", "<prescription", "<gadget"} {
				if strings.HasPrefix(line, kind) {
					f.Add(document(line)) // small seeds: the engine shrinks what it finds
				}
			}
		}
	}
	f.Add(document(""))
	f.Add(event(`<eventType>VAL</eventType><code codeSystem="` + systemRead2 + `" code="2469" displayName="x"/><observation><value><numeric><value>1</value></numeric></value></observation>`))
	f.Add(event(`<eventType>ISS</eventType><medicationIssue><medication>99050002-9990-4000-8000-000000000001</medication></medicationIssue>`))
	f.Add(event(`<observation><complexObservation><childLink>99050002-9990-4000-8000-000000000001</childLink></complexObservation></observation>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		rec, err := decode(doc)
		if err != nil {
			require.Nil(t, rec)
			return
		}
		settled(rec)
		for _, s := range record.Sections() {
			require.True(t, rec.Tally(s).Balanced(), "section %s", s)
		}
		Fit(rec)
		again, err := encode(rec, rec.Head(record.AllSections))
		require.NoError(t, err)
		_, err = decode(again)
		require.NoError(t, err)
	})
}
