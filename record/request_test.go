package record_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func TestAsks(t *testing.T) {
	day := func(s string) record.Date { return iso(t, s) }
	in2016 := record.Period{From: day("2016-01-01"), To: day("2016-12-31")}
	all := record.Request{Sections: record.AllSections}
	clinical := record.Request{Sections: record.AllSections, Effective: in2016}
	entered := record.Request{Sections: record.AllSections, Entered: in2016}
	some := record.Request{Sections: record.SectionsOf(record.Problems)}
	seen := func(date, recorded string) *record.Entry {
		return &record.Entry{Kind: record.KindObservation, Date: day(date), Recorded: day(recorded)}
	}
	course := func(start, end string) *record.Entry {
		return &record.Entry{Kind: record.KindMedication, Date: day(start), Medication: &record.MedicationBody{End: day(end)}}
	}
	problem := func(start, end string) *record.Entry {
		return &record.Entry{Kind: record.KindProblem, Date: day(start), Problem: &record.Problem{End: day(end)}}
	}
	for i, c := range []struct {
		q    record.Request
		e    *record.Entry
		want bool
	}{
		{all, seen("1950", ""), true},
		{some, seen("2016", ""), false},
		{some, problem("2016", ""), true},
		{clinical, seen("2016-06-01", "2020-01-01"), true},
		{clinical, seen("2015-12-31", "2016-06-01"), false},
		{clinical, seen("2017", ""), false},
		{clinical, seen("", ""), true},
		{entered, seen("1950", "2016-06-01"), true},
		{entered, seen("2016-06-01", "2017-01-01"), false},
		{entered, seen("2016-06-01", ""), true},
		{clinical, course("2010", ""), true}, // never stopped: being taken in the period
		{clinical, course("2010", "2016-01-01"), true},
		{clinical, course("2010", "2015-12-31"), false},
		{clinical, course("2017-01-01", ""), false},
		{clinical, course("", "2015"), false},
		{clinical, problem("1990", ""), true},
		{clinical, problem("1990", "2015-12"), false},
		{clinical, problem("1990", "2016"), true},
		{clinical, &record.Entry{Kind: record.KindMedication, Date: day("2010")}, false}, // without a body there is a date only
		{clinical, &record.Entry{Kind: record.KindIssue, Date: day("2010"), Medication: &record.MedicationBody{}}, false},
		{record.Request{}, seen("", ""), false},
	} {
		require.Equal(t, c.want, c.q.Asks(c.e), i)
	}
	require.True(t, record.Period{}.IsZero())
	require.False(t, in2016.IsZero())
	require.False(t, record.Period{To: day("2016")}.IsZero())
}

// A response is a record or a failure, never both, never neither.
func TestResponseIsExclusive(t *testing.T) {
	rec := record.New(record.Source{})
	for name, c := range map[string]struct {
		p      record.Response
		record *record.Record
		reason record.Reason
	}{
		"record":          {record.Answered(rec), rec, ""},
		"no record":       {record.Answered(nil), nil, record.ReasonInternal},
		"failure":         {record.Refused(record.Failure{Reason: record.ReasonBusy}), nil, record.ReasonBusy},
		"without reason":  {record.Refused(record.Failure{Native: "?"}), nil, record.ReasonInternal},
		"nothing at all":  {record.Response{}, nil, record.ReasonInternal},
		"message id only": {record.Response{MessageID: "1"}, nil, record.ReasonInternal},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, (c.p.Record() == nil) != (c.p.Failure() == nil))
			require.Same(t, c.record, c.p.Record())
			if c.reason != "" {
				require.Equal(t, c.reason, c.p.Failure().Reason)
			}
		})
	}
}

// Every cause of a patient not found leaves as the same answer (safety CS-07).
func TestNotFoundSaysNothingMore(t *testing.T) {
	want := record.Refused(record.Failure{Reason: record.ReasonNotFound}).Failure()
	for _, f := range []record.Failure{{Native: "sensitive"}, {NativeCode: "17"}, {Native: "left the practice", NativeCode: "6", Retry: true}} {
		f.Reason = record.ReasonNotFound
		require.Equal(t, want, record.Refused(f).Failure())
	}
}
