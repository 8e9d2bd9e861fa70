package mapping

import (
	"time"
)

// days are the days on which a row is in force, both included; empty is no bound. Days are compared as text.
type days struct{ from, to string }

func (d days) hold(day string) bool {
	return day == "" || d.from <= day && (d.to == "" || day <= d.to)
}

func (d days) overlap(o days) bool {
	return (d.to == "" || o.from <= d.to) && (o.to == "" || d.from <= o.to)
}

// change is the first day after the given one on which the row comes into force or goes out of it, or "".
func (d days) change(day string) string {
	if d.from > day {
		return d.from
	}
	if d.to < day {
		return ""
	}
	last, err := time.Parse(time.DateOnly, d.to)
	if err != nil {
		return ""
	}
	return last.AddDate(0, 0, 1).Format(time.DateOnly)
}

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// earlier is the earlier of two days, either of which may be "", which is never.
func earlier(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}
