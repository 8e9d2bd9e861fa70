package coverage

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// width is the terminal every Text fits.
const width = 100

// TextOf is the coverage of dictionaries as lines of at most 100 columns.
func TextOf(directions []Direction) string {
	if len(directions) == 0 {
		return "No table leads from a scheme whose dictionary is loaded.\n"
	}
	var b strings.Builder
	header(&b, "codes in use")
	for _, d := range directions {
		counts(&b, string(d.From)+" to "+string(d.To), d.Codes)
	}
	for _, d := range directions {
		if d.WithValue > 0 {
			fmt.Fprintf(&b, "%s to %s: %s more where the entry carries a number.\n", d.From, d.To, plural(d.WithValue, "code is coded", "codes are coded"))
		}
	}
	return b.String()
}

// Text is the coverage as lines of at most 100 columns.
func (t Traffic) Text() string {
	var b strings.Builder
	if t.Records != nil {
		fmt.Fprintf(&b, "%s read, %s without a readable record\n", plural(t.Files, "file", "files"), number(len(t.Unreadable)))
		for _, u := range t.Unreadable {
			line(&b, fmt.Sprintf("  %s: %s", clean(u.File), u.Reason))
		}
		fmt.Fprintf(&b, "records whose every coded entry crosses coded: %s\n\n", share(t.Records.Coded, t.Records.Total))
	}
	header(&b, "")
	counts(&b, "codes", t.Codes)
	counts(&b, "entries", t.Entries)
	if t.BySender > 0 {
		fmt.Fprintf(&b, "%s by the sender's own translation, the tables being silent.\n", plural(t.BySender, "entry is coded", "entries are coded"))
	}
	groups(&b, "kind", t.Kinds)
	groups(&b, "scheme", t.Schemes)
	if len(t.Unmapped) == 0 {
		return b.String()
	}
	b.WriteString("\nno row decides:\n  entries records  code                       kind             to\n")
	for _, u := range t.Unmapped {
		records := "-"
		if u.Records > 0 {
			records = number(u.Records)
		}
		line(&b, fmt.Sprintf("  %7s %7s  %-26s %-16s %s, %s", number(u.Count), records, u.Scheme+" "+u.Code, u.Kind, u.To, u.Answer))
		if u.Term != "" {
			line(&b, strings.Repeat(" ", 19)+clean(u.Term))
		}
	}
	if t.UnmappedMore > 0 {
		fmt.Fprintf(&b, "  and %s\n", plural(t.UnmappedMore, "more", "more"))
	}
	return b.String()
}

// Text is the effect as lines of at most 100 columns.
func (e Effect) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "from %.16s to %.16s\n", e.Old, e.New)
	fmt.Fprintf(&b, "%-10s%10s%12s%13s%12s%12s%10s\n", "", "seen", "unchanged", "newly coded", "lose code", "retargeted", "other")
	for _, row := range []struct {
		name string
		c    Changed
	}{{"codes", e.Codes}, {"entries", e.Entries}} {
		fmt.Fprintf(&b, "%-10s%10s%12s%13s%12s%12s%10s\n", row.name, number(row.c.Total), number(row.c.Unchanged), number(row.c.Became),
			number(row.c.Lost), number(row.c.Retargeted), number(row.c.Other))
	}
	for _, list := range []struct {
		title   string
		changes []Change
	}{{"lose their code", e.Lost}, {"retargeted", e.Retargeted}, {"newly coded", e.Became}, {"answered otherwise", e.Other}} {
		if len(list.changes) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s:\n", list.title)
		for _, c := range list.changes {
			line(&b, fmt.Sprintf("  %7s  %s %s, %s to %s", number(c.Count), c.Scheme, c.Code, c.Kind, c.To)+quoted(c.Term))
			for _, was := range c.Before.words("was") {
				line(&b, was)
			}
			for _, now := range c.After.words("now") {
				line(&b, now)
			}
		}
	}
	return b.String()
}

// words are the answer, and the row it came from on a line of its own.
func (a Answer) words(when string) []string {
	words := "           " + when + " " + string(a.Answer)
	if a.Code != "" {
		words += ": " + a.Scheme + " " + a.Code + quoted(a.Term)
	}
	if a.Table == "" {
		return []string{words}
	}
	return []string{words, fmt.Sprintf("               %s, %s table %s %s line %d", a.Relation, a.Layer, a.Table, a.Version, a.Line)}
}

func header(b *strings.Builder, of string) {
	fmt.Fprintf(b, "%-22s%9s%17s%9s%8s%10s%11s%8s\n", of, "total", "coded", "inexact", "no map", "unmapped", "ambiguous", "other")
}

// counts is one row of counts; what is malformed or refused is other.
func counts(b *strings.Builder, name string, c Counts) {
	fmt.Fprintf(b, "%-22s%9s%17s%9s%8s%10s%11s%8s\n", name, number(c.Total), number(c.Coded)+percent(c.Coded, c.Total), number(c.Inexact), number(c.NoMap),
		number(c.Unmapped), number(c.Ambiguous), number(c.Malformed+c.Refused))
}

func groups(b *strings.Builder, title string, list []Group) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%-27s%23s%25s%23s\n", "by "+title, "codes coded", "entries coded", "records whole")
	for _, g := range list {
		records := ""
		if g.Records != nil {
			records = share(g.Records.Coded, g.Records.Total)
		}
		fmt.Fprintf(b, "%-27s%23s%25s%23s\n", g.Name, share(g.Codes.Coded, g.Codes.Total), share(g.Entries.Coded, g.Entries.Total), records)
	}
}

// line writes a line, cut where the terminal ends.
func line(b *strings.Builder, s string) {
	if runes := []rune(s); len(runes) > width {
		s = string(runes[:width-1]) + "…"
	}
	b.WriteString(s + "\n")
}

func share(part, whole int) string {
	if whole == 0 {
		return "none"
	}
	return number(part) + " of " + number(whole) + percent(part, whole)
}

// percent is the share with its sign. Less than the whole is never a hundred,
// and more than nothing never nought.
func percent(part, whole int) string {
	if whole == 0 {
		return ""
	}
	tenths := (part*2000 + whole) / (2 * whole)
	switch {
	case part < whole && tenths >= 1000:
		tenths = 999
	case part > 0 && tenths == 0:
		tenths = 1
	}
	return fmt.Sprintf(" %3d.%d%%", tenths/10, tenths%10)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// number groups the digits by thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func quoted(term string) string {
	if term == "" {
		return ""
	}
	return ` "` + clean(term) + `"`
}

// clean is words a terminal shows and does not obey.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
			return r
		}
		return '?'
	}, s)
}
