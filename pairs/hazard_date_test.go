package pairs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// precisions are the ways a date is stated, none to the second and zone.
var precisions = []string{"", "%04d", "%04d-05", "%04d-05-06", "%04d-05-06T07:08", "%04d-05-06T07:08:09", "%04d-05-06T07:08:09+01:00"}

// TestHazard20_DatesKeepTheirPrecision: every year from 1850 to 2100, stated in
// seven ways, arrives as it was stated: not shifted by a zone, not padded, not
// another year. What is no date stays in words.
func TestHazard20_DatesKeepTheirPrecision(t *testing.T) {
	h := newHazards(t)
	checked := 0
	for _, w := range ways() {
		for _, form := range precisions {
			var entries []*record.Entry
			for year := 1850; year <= 2100; year++ {
				e := observation(w.asthma())
				e.Text = fmt.Sprintf("Finding of %d.", year)
				if form != "" {
					e.Date = date(fmt.Sprintf(form, year))
				}
				entries = append(entries, e)
			}
			q := whole()
			q.CodeScheme = mapping.SNOMED
			got := h.send(w, recordOf(entries...), q)
			arrived := map[string]*record.Entry{}
			for _, e := range got.entries() {
				arrived[e.Text] = e
			}
			for _, e := range entries {
				g := arrived[e.Text]
				require.NotNil(t, g, "%v %s", w, e.Text)
				at := fmt.Sprint(w, " ", e.Date)
				if g.Date.IsZero() || g.Date.Precision() != e.Date.Precision() && e.Date.Precision() < record.PrecisionDay { // in words, and in no slot
					require.True(t, g.Date.IsZero(), at)
					require.Contains(t, said(g), e.Date.Words(), at)
				} else {
					require.True(t, strings.HasPrefix(g.Date.Wall(), e.Date.Wall()), "%s arrived as %s", at, g.Date)
					require.Contains(t, []string{"", ":00"}, strings.TrimPrefix(g.Date.Wall(), e.Date.Wall()), "%s arrived as %s", at, g.Date)
				}
				checked++
			}
		}
		for _, never := range []string{"2015-02-30", "0000-01-01", "2015-13-01", "99999-01-01"} {
			_, err := record.ParseISO(never)
			require.Error(t, err, never)
		}
	}
	t.Logf("%d dates", checked)
	require.Equal(t, 3*7*251, checked)
}

// TestHazard21_NoDayIsShifted: times about midnight and in both nights the
// clocks change arrive on their own day and at their own hour, whatever the zone
// of the source or of the message.
func TestHazard21_NoDayIsShifted(t *testing.T) {
	h := newHazards(t)
	var stated []string
	for _, day := range []string{"2016-03-26", "2016-03-27", "2016-03-28", "2016-10-29", "2016-10-30", "2016-10-31", "2016-06-15", "1970-01-01", "1971-10-31"} {
		for _, clock := range []string{"00:00:01", "00:30:00", "00:59:59", "01:00:00", "01:30:00", "02:00:00", "23:30:00", "23:59:59"} {
			for _, zone := range []string{"", "Z", "+01:00", "-05:00"} {
				stated = append(stated, day+"T"+clock+zone)
			}
		}
	}
	for _, w := range ways() {
		var entries []*record.Entry
		for i, s := range stated {
			e := observation(w.asthma())
			e.Text, e.Date, e.Recorded = fmt.Sprintf("At %d.", i), date(s), date(s)
			entries = append(entries, e)
		}
		q := whole()
		q.CodeScheme = mapping.SNOMED
		got := h.send(w, recordOf(entries...), q)
		found := 0
		for _, g := range got.entries() {
			var i int
			if _, err := fmt.Sscanf(g.Text, "At %d.", &i); err != nil {
				continue
			}
			s := stated[i]
			require.Equal(t, date(s).Wall(), g.Date.Wall(), "%v %s", w, s)
			if zone := date(s).Zone(); zone != "" {
				require.Contains(t, said(g)+"\n"+g.Date.Zone(), zone, "%v %s", w, s)
			}
			found++
		}
		require.Equal(t, len(stated), found, w)
	}
	t.Logf("%d times, 3 ways", len(stated))
}

// TestHazard22_DatesKeepTheirRole: when it was true, when it was typed in, when
// it began, ended, was issued, received, last reviewed: none is shown for
// another, and one that is missing is not filled from the rest, nor from the day
// of the message.
func TestHazard22_DatesKeepTheirRole(t *testing.T) {
	h := newHazards(t)
	day := func(n int) record.Date { return date(fmt.Sprintf("2001-01-%02d", n)) }
	for _, w := range ways() {
		results := func(dated, recorded bool) []*record.Entry {
			e := observation(w.asthma())
			if dated {
				e.Date = day(1)
			}
			if recorded {
				e.Recorded = day(2)
			}
			return []*record.Entry{e}
		}
		q := whole()
		q.CodeScheme = mapping.SNOMED
		for _, dated := range []bool{true, false} {
			for _, recorded := range []bool{true, false} {
				got := h.send(w, recordOf(results(dated, recorded)...), q)
				g := got.entry(t, "Asthma")
				words := said(g)
				at := fmt.Sprint(w, dated, recorded, "\n", words)
				switch {
				case dated:
					require.Equal(t, day(1), g.Date, at)
				case recorded && !g.Date.IsZero(): // an Event has one time: its words say that it is not the date
					require.Equal(t, day(2), g.Date, at)
					require.Contains(t, words, "Date: date not known", at)
				default:
					require.True(t, g.Date.IsZero(), at)
				}
				if dated && recorded {
					require.Contains(t, words+"Recorded: "+g.Recorded.Words(), "Recorded: "+day(2).Words(), at)
				}
				require.NotEqual(t, id.At.Format("2006-01-02"), g.Date.Day(), "%s: the day of the message", at)
			}
		}
		a := allergy(record.AllergyDrug, "Penicillin", mapping.Code{}, mapping.Code{})
		a.Date, a.Recorded, a.Allergy.Ended, a.Allergy.End = day(1), day(2), true, day(3)
		m := medication(w.aspirin())
		m.Date, m.Recorded = day(1), day(2)
		b := m.Medication
		b.Type = w.enum("prescription-type R", "medication-item RepeatMedication")
		b.Start, b.End, b.Review, b.LastIssue, b.FirstIssue, b.Expiry, b.EndReason = day(4), day(5), day(6), day(7), day(8), day(9), "No longer needed"
		p := &record.Entry{Kind: record.KindReport, Text: "Full blood count", Date: day(1), Recorded: day(2), Report: &record.Report{Collected: day(3), Issued: day(4), Received: day(5)}}
		got := h.cross(w, a, m, p)
		var all strings.Builder
		for _, e := range got.entries() {
			all.WriteString(said(e) + "\n")
			if x := e.Medication; x != nil {
				if w.into == "systmone" { // a course of EMIS Web has one date, its own: the start stands in words
					require.Contains(t, []record.Date{{}, day(4)}, x.Start.Truncate(record.PrecisionDay), w)
				}
				for _, role := range []struct{ got, want record.Date }{{x.End, day(5)}, {x.Review, day(6)}, {x.LastIssue, day(7)}, {x.FirstIssue, day(8)}, {x.Expiry, day(9)}} {
					require.Contains(t, []record.Date{{}, role.want}, role.got.Truncate(record.PrecisionDay), w)
				}
			}
			if x := e.Allergy; x != nil && x.Ended {
				require.Contains(t, []record.Date{{}, day(3)}, x.End, w)
			}
			if x := e.Report; x != nil {
				for _, role := range []struct{ got, want record.Date }{{x.Collected, day(3)}, {x.Issued, day(4)}, {x.Received, day(5)}} {
					require.Contains(t, []record.Date{{}, role.want}, role.got.Truncate(record.PrecisionDay), w)
				}
			}
		}
		words := all.String()
		for label, n := range map[string]int{"Started": 4, "Review": 6, "Last issue": 7, "First issue": 8, "Expires": 9, "Sampled": 3, "Issued": 4, "Received": 5} {
			require.Contains(t, words, label+": "+day(n).Words(), w)
		}
		require.Regexp(t, "(?i)ended[^\n]*03-Jan-2001", words, w)
		require.Regexp(t, "(?i)Ended: 05-Jan-2001", words, w)
	}
}
