package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/record"
)

// page is the report as a privacy officer reads it. What stands in it was
// written by others, a user's name or what they wrote to break the glass: it is
// printed on one line, without anything a terminal would obey.
type page struct {
	out     io.Writer
	details bool // also what was checked
}

func (p page) line(format string, a ...any) { fmt.Fprintf(p.out, format+"\n", a...) }

// text is what may be longer than a line.
func (p page) text(margin, text string) { p.line("%s", fold(columns, margin, margin+"  ", text)) }

// fact is one line of a record, left out where there is nothing to say, and goes
// on below itself where it is long.
func (p page) fact(name, text string) {
	if text != "" {
		p.line("%s", fold(columns, fmt.Sprintf("  %-14s ", name+":"), hanging, printable(text)))
	}
}

// hanging is the margin of what belongs to the fact above.
const hanging = "                   "

// printable is text on one line, every character one that is seen.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// exchanges prints what was found, the records of one exchange together.
func (p page) exchanges(found []audit.Found, about bool) {
	var order []string
	together := map[string][]audit.Found{}
	for _, f := range found {
		name := f.Entry.Instance + " " + cmp.Or(f.Entry.Exchange, fmt.Sprint(f.Seq))
		if together[name] == nil {
			order = append(order, name)
		}
		together[name] = append(together[name], f)
	}
	if len(order) == 0 {
		p.line("")
		p.line("There is nothing in what was read.")
		return
	}
	p.line("%s, oldest first.", plural(len(order), "entry", "entries"))
	for i, name := range order {
		p.line("")
		p.entry(i+1, together[name], about)
	}
}

// entry prints one exchange, or one thing that was done with the log.
func (p page) entry(n int, records []audit.Found, about bool) {
	// The last record of an exchange says everything the ones before say, and
	// what became of it.
	last := records[len(records)-1]
	for _, f := range records {
		if f.Entry.Event == audit.EventAnswered || f.Entry.Event == audit.EventRefused {
			last = f
		}
	}
	e := last.Entry
	p.line("%d. %s: %s", n, utc(records[0].Entry.Time), outcome(records))
	if !about {
		p.fact("Patient", cmp.Or(last.Number, "not known"))
	}
	p.fact("Who", who(e))
	p.fact("Asked from", place(e.Organisation, e.From))
	p.fact("Department", e.Department)
	p.fact("Record of", place(e.Target, e.To))
	p.fact("Purpose", e.Purpose)
	p.fact("Relationship", e.Relationship)
	p.fact("Consent", e.Consent)
	p.fact("Asked for", asked(e))
	p.fact("Content model", e.ContentModel)
	if e.BreakGlass != "" {
		p.fact("CONSENT OVERRIDDEN", "reason given: "+e.BreakGlass)
		p.fact("In their words", quoted(last.Text))
	}
	p.seen(e)
	p.fact("Warnings", warned(e.Warnings))
	p.fact("Told", told(e.Reason))
	p.fact("Why", e.Cause)
	if p.details || e.Event != audit.EventAnswered || e.BreakGlass != "" {
		for _, check := range e.Checks {
			p.fact("Checked", check)
		}
	}
	p.fact("Rests on", sources(e))
	if e.ContentSHA256 != "" && e.Event == audit.EventAnswered {
		p.fact("Left", fmt.Sprintf("%d bytes", e.Bytes))
		p.fact("Proof", "SHA-256 "+e.ContentSHA256)
	}
	if last.Unopened {
		p.fact("NOTE", "something sealed in this record does not open with this key")
	}
	var numbers []string
	for _, f := range records {
		numbers = append(numbers, fmt.Sprint(f.Seq))
	}
	p.fact("In the log", fmt.Sprintf("%s, %s %s", e.Instance, map[bool]string{true: "record", false: "records"}[len(records) == 1], strings.Join(numbers, ", ")))
}

// outcome is what happened, in a sentence.
func outcome(records []audit.Found) string {
	words := map[string]string{
		audit.EventAnswered:   "the record was shown",
		audit.EventRefused:    "nothing was shown",
		audit.EventReported:   "the audit was searched",
		audit.EventExported:   "a part of the audit was exported",
		audit.EventBreakGlass: "consent was overridden",
		audit.EventControl:    "operations asked something of the instance",
		audit.EventAsked:      "the record was asked for, and no answer is on record: nothing was shown",
	}
	says := ""
	for _, f := range records {
		event := f.Entry.Event
		if says == "" || event == audit.EventAnswered || event == audit.EventRefused {
			says = cmp.Or(words[event], event)
		}
	}
	return says
}

func who(e audit.Entry) string {
	text := e.User
	if e.UserName != "" {
		text = e.UserName + " (" + cmp.Or(e.User, "no id") + ")"
	}
	if text == "" {
		text = "nobody named"
	}
	if e.Role != "" {
		text += ", role " + e.Role
	}
	if len(e.Activities) > 0 {
		text += ", activities " + strings.Join(e.Activities, " ")
	}
	if e.Device != "" {
		text += ", at " + e.Device
	}
	return text
}

func place(ods, system string) string {
	switch {
	case ods == "":
		return system
	case system == "":
		return "organisation " + ods
	}
	return "organisation " + ods + ", in " + system
}

func quoted(text string) string {
	if text == "" {
		return "(nothing)"
	}
	return "\u201c" + text + "\u201d"
}

// seen prints the sections as they were shown, in the order of the record.
func (p page) seen(e audit.Entry) {
	if e.Event != audit.EventAnswered {
		return
	}
	var names []string
	for _, s := range record.Sections() {
		if _, ok := e.Sections[s.String()]; ok {
			names = append(names, s.String())
		}
	}
	for name := range e.Sections {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i, name := range names {
		label := ""
		if i == 0 {
			label = "Was shown:"
		}
		p.line("%s", fold(columns, fmt.Sprintf("  %-14s ", label), hanging, printable(name+": "+counted(e.Sections[name]))))
	}
}

var shownWords = map[string]string{
	"failed": "could not be read", "denied": "not allowed by the agreement", "disabled": "switched off by the agreement",
	"not-supported": "not given by this system", "not-retrievable": "could not be had", "partial": "shown in part", "withheld": "parts withheld",
	"filtered": "only what was asked for", "complete-degraded": "complete, some of it as text only", "nothing-recorded": "nothing is recorded", "complete": "complete",
}

func counted(c audit.Counts) string {
	text := cmp.Or(shownWords[c.State], c.State)
	if c.Withheld > 0 && strings.HasPrefix(text, "complete") {
		text = "all but what was withheld" + strings.TrimPrefix(text, "complete")
	}
	var parts []string
	for _, one := range []struct {
		n    int
		what string
	}{{c.Coded, "coded"}, {c.Degraded, "as text only"}, {c.Withheld, "withheld"}, {c.Unsupported, "as a note, having no place in the asker's system"},
		{c.Failed, "that could not be read"}, {c.Duplicate, "left out as double"}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	if c.Source == 0 && len(parts) == 0 {
		return text
	}
	return fmt.Sprintf("%s; %s in the record: %s", text, plural(c.Source, "item", "items"), strings.Join(parts, ", "))
}

func told(reason string) string {
	if reason == "" {
		return ""
	}
	return quoted(record.Reason(reason).Words()) + " (" + reason + ")"
}

// sources says what each claim rests on, by what it rests on.
func sources(e audit.Entry) string {
	by := map[string][]string{}
	for claim, from := range e.Sources {
		by[from] = append(by[from], claim)
	}
	var parts []string
	for _, from := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, from+": "+strings.Join(slices.Sorted(slices.Values(by[from])), ", "))
	}
	return cmp.Or(strings.Join(parts, "; "), e.ClaimSource)
}

// asked is what was asked for. Of an exchange the sections are named one after
// the other.
func asked(e audit.Entry) string {
	names := strings.Fields(e.View)
	for _, name := range names {
		if !slices.ContainsFunc(record.Sections(), func(s record.Section) bool { return s.String() == name }) {
			return e.View
		}
	}
	return strings.Join(names, ", ")
}

var warningNames = map[record.WarningCode]string{
	record.WarnDataInTransit:     "the transfer from the practice before was not complete",
	record.WarnAwaitingFiling:    "something was not filed yet",
	record.WarnConfidential:      "confidential items were withheld",
	record.WarnDemographics:      "the two systems' details of the patient differ",
	record.WarnDeceased:          "the patient has died",
	record.WarnPrescribingUnsafe: "do not prescribe from it before review",
	record.WarnContradicted:      "a negation is contradicted",
	record.WarnDuplicate:         "something may be there twice",
	record.WarnSender:            "a warning of the other system's own",
}

// warned names each warning once.
func warned(codes []string) string {
	var parts []string
	for _, code := range codes {
		text := code
		if words := warningNames[record.WarningCode(code)]; words != "" {
			text = words + " (" + code + ")"
		}
		if !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}
