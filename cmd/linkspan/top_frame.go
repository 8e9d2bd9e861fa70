package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/linkspan/linkspan/bridge/status"
)

// topWidth is how wide a frame is at most.
const topWidth = 80

// topFrame is the link in one screen of text.
type topFrame struct {
	link    status.Link
	at      time.Time // now, by the clock here
	heard   time.Time // when link came; zero for just now
	trouble string    // why nothing newer comes
	colour  bool
}

// Colours, each with a word beside it.
const (
	topGreen, topYellow, topRed = "32", "33", "31"
)

var topLevels = map[status.Level][2]string{status.OK: {"OK", topGreen}, status.Degraded: {"NEEDS ATTENTION", topYellow}, status.Down: {"DOWN", topRed}}

var topWires = map[status.WireState][2]string{status.WireUp: {"[ up ]", topGreen}, status.WireSlow: {"[slow]", topYellow},
	status.WireDown: {"[DOWN]", topRed}, status.WireUnknown: {"[ ?? ]", topYellow}}

// String is the frame, in lines of at most topWidth characters.
func (f topFrame) String() string {
	var b strings.Builder
	line := func(colour, format string, a ...any) {
		text := topCut(fmt.Sprintf(format, a...))
		if f.colour && colour != "" {
			text = "\x1b[1;" + colour + "m" + text + "\x1b[0m"
		}
		b.WriteString(text + "\n")
	}
	if f.trouble != "" {
		if f.heard.IsZero() {
			line(topRed, "NO CONNECTION: %s", f.trouble)
			line("", "Trying again.")
			return b.String()
		}
		line(topRed, "NO NEWS for %s, all below is that old: %s", topSpan(f.at.Sub(f.heard)), f.trouble)
	}
	l := f.link
	level := topLevels[l.Level]
	line("", "Linkspan %s  %s  %s  %s UTC", l.Economy, l.Pair, l.Environment, l.At.UTC().Format(time.DateTime))
	line(level[1], "%s", cmp.Or(level[0], "UNKNOWN"))
	for _, why := range l.Why {
		line("", "  %s", why)
	}
	line("", "")
	for _, s := range l.Systems {
		wire := topWires[s.Wire]
		text := fmt.Sprintf("%-12s %s", s.Title, cmp.Or(wire[0], "[ ?? ]"))
		if !s.Since.IsZero() {
			text += " for " + topSpan(l.At.Sub(s.Since))
		}
		if s.Reason != "" {
			text += ", " + s.Reason
		}
		if s.Breaker != "" && s.Breaker != "closed" {
			text += ", breaker " + s.Breaker
		}
		line(wire[1], "%s", text+fmt.Sprintf("; %d at it, %d waiting", s.InFlight, s.Waiting))
	}
	x := l.Exchanges
	line("", "")
	line("", "%.1f exchanges a minute, %d in flight", x.PerMinute, x.InFlight)
	for _, d := range x.Directions {
		line("", "%s > %s: %d given (%d in 5 min)%s", d.From, d.To, d.Released, d.Recent.Released, topCounts("; refused ", d.Refused))
		if len(d.Entries) > 0 {
			line("", "  entries: %s", topCounts("", d.Entries))
		}
	}
	if len(x.Hops) > 0 {
		line("", "")
		line("", "%-12s %10s %10s %8s  (last 5 min)", "way", "half", "95 in 100", "counted")
		for _, h := range x.Hops {
			line("", "%-12s %10s %10s %8d", h.Name, topSeconds(h.P50), topSeconds(h.P95), h.Count)
		}
	}
	if len(x.Unmapped) > 0 {
		var codes []string
		for _, u := range x.Unmapped[:min(len(x.Unmapped), 5)] {
			codes = append(codes, fmt.Sprintf("%s %s (%d)", u.Scheme, u.Code, u.Count))
		}
		line("", "codes without a row: %s", strings.Join(codes, ", "))
	}
	line("", "")
	for _, s := range l.Instances {
		f.instance(line, s)
	}
	for i, e := range l.Events {
		if i == 0 {
			line("", "")
		}
		if i == 8 {
			break
		}
		line("", "%s %-12s %s", e.At.UTC().Format(time.TimeOnly), e.Kind, e.Words)
	}
	return b.String()
}

// instance is one instance, with what it keeps.
func (f topFrame) instance(line func(colour, format string, a ...any), s status.Seen) {
	r, colour := s.Report, topGreen
	switch {
	case s.Presence == status.Gone || r.Level == status.Down:
		colour = topRed
	case s.Presence != status.Present || r.Level != status.OK:
		colour = topYellow
	}
	nats := "connected"
	if !r.NATS.Connected {
		nats = "NOT CONNECTED"
	}
	line(colour, "%s %s, says %s; %s; NATS %s; up %s; %s", r.Instance, s.Presence, r.Level, strings.Join(r.Roles, "+"), nats, topSpan(f.link.At.Sub(r.Started)), r.Version)
	if t := r.Tables; t != nil {
		text := fmt.Sprintf("  tables %.12s since %s", t.MapSet, t.Since.UTC().Format(time.DateTime))
		if t.By != "" {
			text += " by " + t.By
		}
		if t.Count > 0 {
			text += fmt.Sprintf(", %d of %d signed", t.Signed, t.Count)
		}
		line("", "%s", text)
		if t.Refused != nil {
			line(topYellow, "  a newer set of tables is REFUSED since %s", t.Refused.UTC().Format(time.DateTime))
		}
	}
	if a := r.Audit; a != nil {
		text := fmt.Sprintf("  audit %d records", a.Records)
		if !a.Checkpoint.IsZero() {
			text += ", checkpoint " + a.Checkpoint.UTC().Format(time.TimeOnly)
		}
		if !a.Verified.IsZero() {
			text += ", proven " + a.Verified.UTC().Format(time.TimeOnly)
		}
		line("", "%s", text)
		if a.Trouble != "" {
			line(topRed, "  audit TROUBLE: %s", a.Trouble)
		}
	}
	for _, c := range r.Certificates {
		days := int(c.Until.Sub(f.link.At).Hours() / 24)
		colour := ""
		if days <= 30 {
			colour = topRed
		}
		line(colour, "  certificate %s, %s: %d days left", c.Use, c.What, days)
	}
}

func topCounts(before string, counts map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var all []string
	for _, name := range names {
		if counts[name] > 0 {
			all = append(all, fmt.Sprintf("%s %d", name, counts[name]))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return before + strings.Join(all, ", ")
}

func topSeconds(s float64) string {
	switch {
	case s < 0.001:
		return fmt.Sprintf("%.0f us", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.1f ms", s*1e3)
	}
	return fmt.Sprintf("%.1f s", s)
}

func topSpan(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// topCut leaves what fits in a line, and of what came over the network only what
// a terminal shows and does not obey.
func topCut(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.TrimRight(text, " "))
	if utf8.RuneCountInString(text) <= topWidth {
		return text
	}
	return string([]rune(text)[:topWidth-1]) + "…"
}
