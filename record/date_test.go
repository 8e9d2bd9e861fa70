package record_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/record"
)

func iso(t testing.TB, s string) record.Date {
	t.Helper()
	d, err := record.ParseISO(s)
	require.NoError(t, err, s)
	return d
}

func TestParseISO(t *testing.T) {
	for in, want := range map[string]struct {
		text      string
		precision record.Precision
		zone      string
	}{
		"":                          {"", record.PrecisionUnknown, ""},
		"  ":                        {"", record.PrecisionUnknown, ""},
		"2016":                      {"2016", record.PrecisionYear, ""},
		"2016-02":                   {"2016-02", record.PrecisionMonth, ""},
		" 2016-02-29 ":              {"2016-02-29", record.PrecisionDay, ""},
		"2016-02-29Z":               {"2016-02-29Z", record.PrecisionDay, "Z"},
		"2016-02-29-05:00":          {"2016-02-29-05:00", record.PrecisionDay, "-05:00"},
		"2016-02-29T23:59":          {"2016-02-29T23:59", record.PrecisionMinute, ""},
		"2016-02-29T23:59:58":       {"2016-02-29T23:59:58", record.PrecisionSecond, ""},
		"2016-02-29T23:59:58Z":      {"2016-02-29T23:59:58Z", record.PrecisionSecond, "Z"},
		"2016-02-29T23:59:58.0Z":    {"2016-02-29T23:59:58Z", record.PrecisionSecond, "Z"},
		"2016-02-29T23:59:58.000":   {"2016-02-29T23:59:58", record.PrecisionSecond, ""},
		"2016-07-01T00:30:00+01:00": {"2016-07-01T00:30:00+01:00", record.PrecisionSecond, "+01:00"},
		"2016-07-01T00:30+14:00":    {"2016-07-01T00:30+14:00", record.PrecisionMinute, "+14:00"},
		"2016-07-01T00:00:00":       {"2016-07-01T00:00:00", record.PrecisionSecond, ""},
	} {
		d, err := record.ParseISO(in)
		require.NoError(t, err, in)
		require.Equal(t, want.text, d.String(), in)
		require.Equal(t, want.precision, d.Precision(), in)
		require.Equal(t, want.zone, d.Zone(), in)
		require.Equal(t, want.precision == record.PrecisionUnknown, d.IsZero(), in)
		require.Equal(t, strings.TrimSuffix(want.text, want.zone), d.Wall(), in)
	}
}

func TestParseISORefuses(t *testing.T) {
	for _, in := range []string{
		"16", "216", "20160", "x016", "２０１６", "0000", "0000-01-01", "2016-13", "2016-00", "2016-1", "2016-1-5", "2016-01-5",
		"2016-01-00", "2016-01-32", "2015-02-29", "1900-02-29", "2016-04-31", "2016-01-01-01", "2016/01/01", "20160101", "-016-01-01",
		"2016-01-01 10:00", "2016T10:00", "2016-01T10:00", "2016-01-01T", "T10:00", "2016-01-01T10", "2016-01-01T1:00", "2016-01-01T10:0",
		"2016-01-01T24:00:00", "2016-01-01T10:60", "2016-01-01T10:00:60", "2016-01-01T10:00:00:00", "2016-01-01T10:00.0",
		"2016-01-01T10:00:00.", "2016-01-01T10:00:00.5", "2016-01-01T10:00:00.0x", "2016-01-01T10:00:00.0.0",
		"2016-01-01T10:00Zulu", "2016-01-01T10:00ZZ", "2016-01-01T10:00+", "2016-01-01T10:00+1", "2016-01-01T10:00+0100", "2016-01-01T10:00+01",
		"2016-01-01T10:00+15:00", "2016-01-01T10:00+14:30", "2016-01-01T10:00+01:60", "2016-01-01T10:00+01:00<b>", "2016-01-01T10:00Z+01:00",
		"2016Z", "2016-01Z", "2016-01-01z", "2016-01-01<", "2016-02-30Z", "Tuesday",
	} {
		d, err := record.ParseISO(in)
		require.ErrorIs(t, err, record.ErrDate, in)
		require.True(t, d.IsZero(), in)
	}
}

func TestParseDMY(t *testing.T) {
	for in, want := range map[string]string{
		"": "", " ": "", "1970": "1970", "02/1970": "1970-02", "2/1970": "1970-02", "29/02/2016": "2016-02-29", "1/2/2016": "2016-02-01", " 01/02/2016 ": "2016-02-01",
	} {
		d, err := record.ParseDMY(in)
		require.NoError(t, err, in)
		require.Equal(t, want, d.String(), in)
	}
	for _, in := range []string{"29/02/2015", "31/04/2016", "00/01/2016", "01/00/2016", "01/13/2016", "01/02/16", "01/02/0000", "2016/02/01", "1/1/1/2016",
		"/2016", "//2016", "001/02/2016", "01-02-2016", "01/02/2016 10:00", "+1/02/2016", "?"} {
		d, err := record.ParseDMY(in)
		require.ErrorIs(t, err, record.ErrDate, in)
		require.True(t, d.IsZero(), in)
	}
}

func TestWithClock(t *testing.T) {
	day := iso(t, "2016-07-01")
	for in, want := range map[string]string{"": "2016-07-01", "10:05": "2016-07-01T10:05", "9:05": "2016-07-01T09:05", " 23:59:59 ": "2016-07-01T23:59:59", "00:00": "2016-07-01T00:00"} {
		d, err := day.WithClock(in)
		require.NoError(t, err, in)
		require.Equal(t, want, d.String())
	}
	for _, in := range []string{"24:00", "10", "10:5", ":05", "10:05:60", "10:05Z", "10:05 pm", "010:05"} {
		d, err := day.WithClock(in)
		require.ErrorIs(t, err, record.ErrDate, in)
		require.Equal(t, day, d, "the date survives a clock that cannot be read")
	}
	timed, err := iso(t, "2016-07-01T10:05:06+01:00").WithClock("11:00")
	require.NoError(t, err)
	require.Equal(t, "2016-07-01T11:00+01:00", timed.String())
	for _, coarse := range []string{"", "2016", "2016-07"} {
		_, err := iso(t, coarse).WithClock("10:00")
		require.ErrorIs(t, err, record.ErrDate, coarse)
	}
}

func TestTruncate(t *testing.T) {
	full := iso(t, "2016-07-01T10:05:06+01:00")
	for p, want := range map[record.Precision]string{
		record.PrecisionUnknown: "", record.PrecisionYear: "2016", record.PrecisionMonth: "2016-07", record.PrecisionDay: "2016-07-01",
		record.PrecisionMinute: "2016-07-01T10:05+01:00", record.PrecisionSecond: "2016-07-01T10:05:06+01:00",
	} {
		require.Equal(t, want, full.Truncate(p).String())
	}
	year := iso(t, "2016")
	require.Equal(t, year, year.Truncate(record.PrecisionSecond), "precision is never invented")
}

func TestDateForms(t *testing.T) {
	for in, want := range map[string]struct{ day, clock, dmy, words string }{
		"":                     {"", "", "", "date not known"},
		"2016":                 {"", "", "2016", "2016"},
		"2016-07":              {"", "", "07/2016", "Jul-2016"},
		"2016-07-01":           {"2016-07-01", "", "01/07/2016", "01-Jul-2016"},
		"2016-07-01T10:05":     {"2016-07-01", "10:05", "01/07/2016", "01-Jul-2016 10:05"},
		"2016-07-01T10:05:06Z": {"2016-07-01", "10:05:06", "01/07/2016", "01-Jul-2016 10:05:06"},
	} {
		d := iso(t, in)
		require.Equal(t, want.day, d.Day(), in)
		require.Equal(t, want.clock, d.Clock(), in)
		require.Equal(t, want.dmy, d.DMY(), in)
		require.Equal(t, want.words, d.Words(), in)
	}
	for m := 1; m <= 12; m++ {
		require.Equal(t, time.Month(m).String()[:3]+"-1999", iso(t, fmt.Sprintf("1999-%02d", m)).Words())
	}
}

// British clocks stood an hour ahead of UTC from 1968 to 1971: read as local
// and written as UTC, these years become the year before (safety §0 finding 12).
func TestYearStaysItsYear(t *testing.T) {
	for year := 1968; year <= 1972; year++ {
		for _, rest := range []string{"", "-01", "-01-01", "-01-01T00:00", "-01-01T00:00:00+01:00", "-12-31T23:59:59Z"} {
			in := fmt.Sprint(year) + rest
			d := iso(t, in)
			require.Equal(t, in, d.String())
			require.Equal(t, fmt.Sprint(year), d.Truncate(record.PrecisionYear).Words())
			require.Contains(t, d.Words(), fmt.Sprint(year))
			require.Contains(t, d.DMY(), fmt.Sprint(year))
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		date, from, to string
		inside         bool
	}{
		{"2016-07-01", "", "", true},
		{"", "2016-01-01", "2016-12-31", true}, // an undated entry is never hidden
		{"", "", "", true},
		{"2016", "2016-06-01", "2016-06-30", true},
		{"2015", "2016-06-01", "2016-06-30", false},
		{"2016-06", "2016-06-30", "", true},
		{"2016-05", "2016-06-30", "", false},
		{"2016-07", "", "2016-06-30", false},
		{"2016-06-30T23:59:59", "2016-01-01", "2016-06-30", true},
		{"2016-07-01T00:00:00", "2016-01-01", "2016-06-30", false},
		{"2016-06-30", "2016-06-30T12:00", "2016-06-30T13:00", true},
		{"2016-06-30T11:59", "2016-06-30T12:00", "", false},
		{"2016-12-31", "2016", "2016", true},
		{"2017-01-01", "2016", "2016", false},
		{"2016-06-30T23:30+01:00", "2016-06-30", "2016-06-30", true}, // wall digits, no zone is applied
	} {
		require.Equal(t, c.inside, iso(t, c.date).Within(iso(t, c.from), iso(t, c.to)), "%+v", c)
	}
}

func TestDateOf(t *testing.T) {
	zone := time.FixedZone("", 3600)
	require.Equal(t, "1970-01-01T00:30:00", record.DateOf(time.Date(1970, 1, 1, 0, 30, 0, 0, zone)).String())
}

func drawDate(t *rapid.T) record.Date {
	at := time.Unix(rapid.Int64Range(-60_000_000_000, 250_000_000_000).Draw(t, "at"), 0).UTC()
	layout := rapid.SampledFrom([]string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05"}).Draw(t, "layout")
	zone := ""
	if len(layout) >= len("2006-01-02") {
		zone = rapid.SampledFrom([]string{"", "Z", "+01:00", "-11:30"}).Draw(t, "zone")
	}
	d, err := record.ParseISO(at.Format(layout) + zone)
	require.NoError(t, err)
	require.Equal(t, at.Format(layout)+zone, d.String())
	return d
}

func TestDateRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDate(t)
		again, err := record.ParseISO(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)

		wall, err := record.ParseISO(d.Wall())
		require.NoError(t, err)
		require.Equal(t, d.Precision(), wall.Precision())

		dmy, err := record.ParseDMY(d.DMY())
		require.NoError(t, err)
		dmy, err = dmy.WithClock(d.Clock())
		require.NoError(t, err)
		require.Equal(t, wall, dmy)

		require.True(t, d.Within(d, d))
		for _, p := range []record.Precision{0, 4, 6, 8, 12, 14} {
			cut := d.Truncate(p)
			require.Equal(t, min(p, d.Precision()), cut.Precision())
			require.True(t, strings.HasPrefix(d.Wall(), cut.Wall()))
			require.True(t, cut.Within(d, d), "a coarser date may lie where the finer one does")
		}
	})
}

// Whatever is accepted is written back as the digits that came in.
func TestParseISONeverChangesDigits(t *testing.T) {
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[0-9]{4}(-[0-9]{1,2}(-[0-9]{1,2}(T[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?`).Draw(t, "in")
		if d, err := record.ParseISO(in); err == nil {
			require.Equal(t, digits(in), digits(d.String()))
		}
	})
}
