package record

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Date is a clinical date: digits with a precision, never an instant. It is
// not a time.Time because a year is not the first of January, and because a
// zone conversion moves dates (safety §0 finding 12). The zero Date means "date
// not known".
type Date struct {
	digits string // YYYY, YYYYMM, YYYYMMDD, YYYYMMDDhhmm or YYYYMMDDhhmmss
	zone   string // as written ("Z", "+01:00"), kept, never applied
}

// Precision says how much of a Date was stated.
type Precision int

// The precisions of a Date, coarsest first.
const (
	PrecisionUnknown Precision = 0
	PrecisionYear    Precision = 4
	PrecisionMonth   Precision = 6
	PrecisionDay     Precision = 8
	PrecisionMinute  Precision = 12
	PrecisionSecond  Precision = 14
)

// ErrDate reports text that is not a date or a date that does not exist. It
// never carries the text.
var ErrDate = errors.New("not a date that exists")

// ParseISO reads YYYY, YYYY-MM, YYYY-MM-DD[zone] and
// YYYY-MM-DDThh:mm[:ss[.f]][zone], a zone being Z or an offset of hours and
// minutes. Empty text gives the zero Date. A fraction of a second other than
// zero is refused, for a Date could not give it back.
func ParseISO(s string) (Date, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Date{}, nil
	}
	var d Date
	day, clock, timed := strings.Cut(s, "T")
	switch {
	case timed:
		clock, d.zone = splitZone(clock)
	case len(day) > len("2006-01-02"):
		day, d.zone = day[:len("2006-01-02")], day[len("2006-01-02"):]
	}
	var ok bool
	if d.digits, ok = joinDigits(day, '-', 4, 2, 2); !ok || !validZone(d.zone) {
		return Date{}, ErrDate
	}
	if timed {
		hms, ok := joinClock(clock)
		if !ok || d.Precision() != PrecisionDay {
			return Date{}, ErrDate
		}
		d.digits += hms
	}
	return d.checked()
}

// ParseDMY reads dd/MM/yyyy, MM/yyyy and yyyy, the forms of EMIS Open (E §2). A
// day or month below ten may stand without its nought.
func ParseDMY(s string) (Date, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Date{}, nil
	}
	parts := strings.Split(s, "/")
	slices.Reverse(parts)
	for i, p := range parts[1:] {
		if len(p) == 1 {
			parts[i+1] = "0" + p
		}
	}
	digits, ok := joinDigits(strings.Join(parts, "/"), '/', 4, 2, 2)
	if !ok {
		return Date{}, ErrDate
	}
	return Date{digits: digits}.checked()
}

// WithClock gives a day its time, written hh:mm or hh:mm:ss, the hour also
// without its nought. Empty text leaves the date as it is; on error the date
// comes back as it was.
func (d Date) WithClock(s string) (Date, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return d, nil
	}
	if len(s) > 1 && s[1] == ':' {
		s = "0" + s
	}
	hms, ok := joinClock(s)
	if !ok || d.Precision() < PrecisionDay {
		return d, ErrDate
	}
	timed, err := Date{digits: d.digits[:PrecisionDay] + hms, zone: d.zone}.checked()
	if err != nil {
		return d, err
	}
	return timed, nil
}

// Truncate returns the date at precision p, or unchanged if it is coarser.
func (d Date) Truncate(p Precision) Date {
	if Precision(len(d.digits)) <= p {
		return d
	}
	t := Date{digits: d.digits[:p]}
	if p > PrecisionDay {
		t.zone = d.zone
	}
	return t
}

// Unzoned is the date without its zone.
func (d Date) Unzoned() Date { return Date{digits: d.digits} }

// Precision reports how much was stated.
func (d Date) Precision() Precision { return Precision(len(d.digits)) }

// IsZero reports that the date is not known.
func (d Date) IsZero() bool { return d.digits == "" }

// Zone is the zone as written in the source, "" when none was.
func (d Date) Zone() string { return d.zone }

// String is the ISO 8601 form at the stated precision, with the zone as it was
// written; "" when not known.
func (d Date) String() string { return d.Wall() + d.zone }

// Digits is Wall without what parts its fields: 4, 6, 8, 12 or 14 digits by the
// stated precision, the form of HL7 version 3.
func (d Date) Digits() string { return d.digits }

// Wall is the ISO 8601 form without any zone.
func (d Date) Wall() string {
	s := d.digits
	switch d.Precision() {
	case PrecisionYear:
		return s
	case PrecisionMonth:
		return s[:4] + "-" + s[4:]
	case PrecisionDay:
		return s[:4] + "-" + s[4:6] + "-" + s[6:]
	case PrecisionMinute:
		return s[:4] + "-" + s[4:6] + "-" + s[6:8] + "T" + s[8:10] + ":" + s[10:12]
	case PrecisionSecond:
		return s[:4] + "-" + s[4:6] + "-" + s[6:8] + "T" + s[8:10] + ":" + s[10:12] + ":" + s[12:]
	}
	return ""
}

// Day is YYYY-MM-DD, or "" when the day is not stated.
func (d Date) Day() string { return d.Truncate(PrecisionDay).onlyAt(PrecisionDay).Wall() }

// Clock is hh:mm or hh:mm:ss, or "" when no time is stated.
func (d Date) Clock() string {
	switch s := d.digits; d.Precision() {
	case PrecisionMinute:
		return s[8:10] + ":" + s[10:12]
	case PrecisionSecond:
		return s[8:10] + ":" + s[10:12] + ":" + s[12:]
	}
	return ""
}

// DMY is dd/MM/yyyy, MM/yyyy or yyyy (E §2); a time is not shown.
func (d Date) DMY() string {
	s := d.digits
	switch {
	case len(s) >= 8:
		return s[6:8] + "/" + s[4:6] + "/" + s[:4]
	case len(s) == 6:
		return s[4:] + "/" + s[:4]
	}
	return s
}

// Words is the form a clinician reads: 02-Jan-2006 at the stated precision, or
// "date not known" (safety §D.1 D-5). A zone is not shown: SystmOne writes Z
// after UK wall time (S §1.2), and shown it would be taken for UTC.
func (d Date) Words() string {
	switch d.Precision() {
	case PrecisionUnknown:
		return "date not known"
	case PrecisionYear:
		return d.digits
	case PrecisionMonth:
		return monthName(d.digits) + "-" + d.digits[:4]
	}
	day := d.digits[6:8] + "-" + monthName(d.digits) + "-" + d.digits[:4]
	if clock := d.Clock(); clock != "" {
		return day + " " + clock
	}
	return day
}

// Within reports whether the date may lie between from and to, either of which
// may be unknown (open). It compares at the coarser precision, so that an
// entry of "2016" is inside any period touching 2016; an unknown date is always
// inside, because leaving an undated entry out would hide it.
func (d Date) Within(from, to Date) bool {
	return d.compare(from) >= 0 && d.compare(to) <= 0
}

func (d Date) compare(o Date) int {
	n := min(len(d.digits), len(o.digits))
	return strings.Compare(d.digits[:n], o.digits[:n])
}

// DateOf is an instant, to the second, on the wall clock of its own location.
// It is for bounds worked out by the bridge, never for clinical dates.
func DateOf(t time.Time) Date { return Date{digits: t.Format("20060102150405")} }

func (d Date) onlyAt(p Precision) Date {
	if d.Precision() == p {
		return d
	}
	return Date{}
}

func (d Date) checked() (Date, error) {
	s := d.digits
	if s[:4] == "0000" || len(s) >= 6 && (number(s[4:6]) < 1 || number(s[4:6]) > 12) ||
		len(s) >= 8 && (number(s[6:8]) < 1 || number(s[6:8]) > daysOf(s)) ||
		len(s) >= 12 && (number(s[8:10]) > 23 || number(s[10:12]) > 59) || len(s) == 14 && number(s[12:14]) > 59 {
		return Date{}, ErrDate
	}
	return d, nil
}

// number is the value of two digits.
func number(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

// daysOf is the length of a date's month.
func daysOf(digits string) int {
	year := number(digits[:2])*100 + number(digits[2:4])
	return time.Date(year, time.Month(number(digits[4:6])+1), 0, 0, 0, 0, 0, time.UTC).Day()
}

func monthName(digits string) string {
	t, err := time.Parse("01", digits[4:6])
	if err != nil {
		return digits[4:6]
	}
	return t.Format("Jan")
}

// joinDigits joins one to len(widths) groups of digits, each of its exact
// width: a digit that is missing may be any digit. A message has a date for
// nearly every entry, so it makes one string and nothing else.
func joinDigits(s string, separator byte, widths ...int) (string, bool) {
	var joined [len("20060102150405")]byte
	n := 0
	for i, width := range widths {
		if i > 0 {
			if s == "" {
				break
			}
			if s[0] != separator {
				return "", false
			}
			s = s[1:]
		}
		if len(s) < width {
			return "", false
		}
		for j := range width {
			if s[j] < '0' || s[j] > '9' {
				return "", false
			}
			joined[n] = s[j]
			n++
		}
		s = s[width:]
	}
	return string(joined[:n]), s == ""
}

func joinClock(s string) (string, bool) {
	s, fraction, fractional := strings.Cut(s, ".")
	hms, ok := joinDigits(s, ':', 2, 2, 2)
	if fractional && (len(hms) != len("150405") || fraction == "" || strings.Trim(fraction, "0") != "") {
		return "", false
	}
	return hms, ok && len(hms) >= len("1504")
}

func splitZone(clock string) (string, string) {
	if i := strings.IndexAny(clock, "Z+-"); i > 0 {
		return clock[:i], clock[i:]
	}
	return clock, ""
}

// validZone accepts what xs:dateTime does: nothing, Z, or an offset of at most
// fourteen hours.
func validZone(zone string) bool {
	if zone == "" || zone == "Z" {
		return true
	}
	hm, ok := joinDigits(zone[1:], ':', 2, 2)
	return ok && len(hm) == len("0000") && strings.Contains("+-", zone[:1]) && hm <= "1400" && hm[2:] < "60"
}
