package record_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

func TestReadDissent(t *testing.T) {
	filed := func(code, date string, meaning ...record.QualifierMeaning) *record.Entry {
		e := &record.Entry{Kind: record.KindObservation, Code: mapping.Code{Scheme: mapping.ReadV2, Value: code, TermCode: "00"}, Date: iso(t, date)}
		for _, m := range meaning {
			e.Qualifiers = append(e.Qualifiers, record.Qualifier{Name: "q", Meaning: m})
		}
		return e
	}
	deleted := func(e *record.Entry) *record.Entry {
		e.Outcome = record.Duplicate
		return e
	}
	for name, c := range map[string]struct {
		entries []*record.Entry
		want    bool
	}{
		"nothing":                    {nil, false},
		"another code":               {[]*record.Entry{filed("G20..", "2016")}, false},
		"the summary care record":    {[]*record.Entry{filed("93C3.", "2016"), filed("9Ndo.", "2016"), filed("9Nu0.", "2016")}, false},
		"refused":                    {[]*record.Entry{filed("93C1.", "2016")}, true},
		"refused, of unknown date":   {[]*record.Entry{filed("9Nd1.", "")}, true},
		"refused in doubt":           {[]*record.Entry{filed("9Nd1.", "2016", record.Doubts)}, true},
		"denied that it is refused":  {[]*record.Entry{filed("9Nd1.", "2016", record.Negates)}, false},
		"consented":                  {[]*record.Entry{filed("9Nd7.", "2016")}, false},
		"refused, then consented":    {[]*record.Entry{filed("9Nd1.", "2016-03-01"), filed("9Nd7.", "2016-03-02")}, false},
		"consented, then refused":    {[]*record.Entry{filed("9Nd7.", "2016-03-01"), filed("9Nd1.", "2016-03-02")}, true},
		"on one day":                 {[]*record.Entry{filed("9Nd1.", "2016-03-01"), filed("9Nd7.", "2016-03-01")}, true},
		"in one month":               {[]*record.Entry{filed("9Nd1.", "2016-03"), filed("9Nd7.", "2016-03-02")}, true},
		"consent of unknown date":    {[]*record.Entry{filed("9Nd1.", "2016-03-01"), filed("9Nd7.", "")}, true},
		"consent denied":             {[]*record.Entry{filed("9Nd1.", "2016-03-01"), filed("9Nd7.", "2017", record.Negates)}, true},
		"consent in doubt":           {[]*record.Entry{filed("9Nd1.", "2016-03-01"), filed("9Nd7.", "2017", record.Doubts)}, true},
		"consent of another kind":    {[]*record.Entry{filed("9Nd1.", "2016-03-01"), filed("93C0.", "2017")}, true},
		"refused again":              {[]*record.Entry{filed("9Nd1.", "2016"), filed("9Nd7.", "2017"), filed("9Nd1.", "2018")}, true},
		"refused, and deleted":       {[]*record.Entry{deleted(filed("9Nd1.", "2016"))}, false},
		"consent that was deleted":   {[]*record.Entry{filed("9Nd1.", "2016"), deleted(filed("9Nd7.", "2017"))}, true},
		"the same letters elsewhere": {[]*record.Entry{{Code: mapping.Code{Scheme: mapping.CTV3, Value: "9Nd1."}}}, false},
		"beside the primary code": {[]*record.Entry{{Code: mapping.Code{Scheme: mapping.EMISLocal, Value: "EMISX1"},
			Others: []mapping.Code{{Scheme: mapping.ReadV2, Value: "93C1."}}}}, true},
	} {
		rec := record.New(record.Source{})
		for _, e := range c.entries {
			rec.Add(e)
		}
		rec.ReadDissent()
		require.Equal(t, c.want, rec.Patient.Dissent, name)
	}
}
