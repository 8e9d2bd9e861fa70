package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// legend explains the columns once.
const legend = `
How to read the counts of a section. source: entries the holder sent. Each of them arrives as one of
  coded        in the asker's own codes, or with nothing to code
  degraded     in its original words with its original code, marked as not coded: no table row carries it yet
  withheld     not at all: the sharing agreement keeps it back, and the section says that something is missing
  unsupported  as text: the asker has no place of its own for it
  failed       as a line that says what could not be read
`

// keepWords is what to try by hand.
const keepWords = `
Everything stays up until Ctrl-C. The operations page is %s, and linkspan top --url %s shows the same.
To try, in another terminal:
  cd %s
%s  tail -n 3 audit/*; tail linkspan.log
  . ./linkspan.env; linkspan tables unmapped; linkspan tables list   (CONTRIBUTING.md, "A new mapping table")
Edit a request to ask for another patient: %s.
Every message is taken once, so each needs an id of its own. A real SystmOne lets one whole record go in 30 seconds, one here
in 2; whoever asks sooner waits for it.

`

// tryLine is the command that sends a request as the system would, with an id of
// its own.
func tryLine(s system.System, file, address string, beside http.Header) string {
	host, port, _ := strings.Cut(address, ":")
	fresh := fmt.Sprintf(`  sed "s/NEW-ID/$$-$RANDOM/" %s | `, file)
	var headers strings.Builder
	for _, name := range slices.Sorted(maps.Keys(beside)) {
		fmt.Fprintf(&headers, " -H '%s: %s'", name, beside.Get(name))
	}
	switch {
	case s.Wire.Transport == system.TCP:
		return fresh + fmt.Sprintf("nc -N %s %s\n", host, port)
	case len(s.Wire.Head) > 0: // the file is a whole HTTP request
		return fmt.Sprintf(`  sed "s/NEW-ID/$$-$RANDOM/; s/^\r$/%s\r\n\r/" %s | nc -N %s %s`+"\n", headFields(beside), file, host, port)
	}
	return fresh + fmt.Sprintf("curl -s -H 'Content-Type: %s'%s --data-binary @- http://%s%s\n", s.Wire.ContentType, headers.String(), address, s.Wire.Path)
}

// headFields are header fields as sed puts them before the end of a head.
func headFields(beside http.Header) string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(beside)) {
		fields = append(fields, name+": "+beside.Get(name))
	}
	return strings.Join(fields, `\r\n`)
}

// extension is that of a file with a native message.
func extension(s system.System) string {
	if len(s.Wire.Head) > 0 {
		return ".http"
	}
	return ".xml"
}

// stateWords says what a section's state means for the asker; %s is the holder.
var stateWords = map[string]string{
	record.Complete.String():         "complete",
	record.CompleteDegraded.String(): "complete-degraded: all here, some only as text",
	record.NothingRecorded.String():  "nothing-recorded: %s has none recorded",
	record.Filtered.String():         "filtered: only what was asked for",
	record.Withheld.String():         "withheld: some entries are kept back",
	record.Partial.String():          "partial: INCOMPLETE, do not rely on absence",
	record.NotRetrievable.String():   "not-retrievable: %s cannot be asked for it",
	record.NotSupported.String():     "not-supported: the asker cannot show it",
	record.Disabled.String():         "disabled: switched off by the agreement",
	record.Denied.String():           "denied: the agreement does not share it",
	record.Failed.String():           "failed: UNREADABLE, do not assume there is none",
}

// print says in plain words what crossed.
func (d *demo) print(asker, holder string, o bridge.Outcome, took time.Duration) {
	d.printf("   %-14s %6s %5s %8s %8s %11s %6s  %s\n", "section", "source", "coded", "degraded", "withheld", "unsupported", "failed", "state")
	for _, s := range o.Report.Sections {
		words := strings.ReplaceAll(stateWords[s.State], "%s", holder)
		if s.Duplicate > 0 {
			words += fmt.Sprintf(" (%d twice)", s.Duplicate)
		}
		d.printf("   %-14s %6d %5d %8d %8d %11d %6d  %s\n", s.Section, s.Source, s.Coded, s.Degraded, s.Withheld, s.Unsupported, s.Failed, words)
	}
	before := ""
	for _, w := range o.Report.Warnings { // two of one kind, such as two details that differ, read alike here
		line := wrap("   ", "WARNING "+w.Code+", "+w.Section+": "+warningWords(w, asker, holder))
		if line != before {
			d.printf("%s\n", line)
		}
		before = line
	}
	if names := unmapped(o.Report.Unmapped); names != "" {
		d.printf("%s\n", wrap("   ", names))
	}
	linkspan := o.Micros - o.HolderMicros - o.OwnCopyMicros
	d.printf("%s\n", wrap("   ", fmt.Sprintf("Time for the asker %s: %s %s, %s's own details of the patient %s, Linkspan (decide, translate, audit) %s, "+
		"%s's wire and who is logged on there %s.", tenths(took), holder, tenths(micros(o.HolderMicros)), asker, tenths(micros(o.OwnCopyMicros)),
		tenths(micros(linkspan)), asker, tenths(took-micros(o.Micros)))))
	d.printf("   Bytes: %d asked, %d answered. Codes carried by %d tables.\n", o.BytesIn, o.BytesOut, len(o.Report.Tables))
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// tenths rounds to a tenth of a millisecond.
func tenths(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// warningWords are the sentence the clinician reads at the head of the record,
// where it needs no clinical words.
func warningWords(w pairs.WarningReport, asker, holder string) string {
	switch code := record.WarningCode(w.Code); code {
	case record.WarnPrescribingUnsafe:
		return fmt.Sprintf("%s (As shown in %s.)", record.Warning{Code: code, Count: w.Count}.Words(), asker)
	case record.WarnSender:
		return "a warning " + holder + " itself sent stands at the head of the record."
	}
	return "explained at the head of the record."
}

// unmapped names the first codes without a table row, for whoever writes the
// tables.
func unmapped(codes []pairs.Unmapped) string {
	const shown = 4
	if len(codes) == 0 {
		return ""
	}
	var names []string
	for _, u := range codes[:min(shown, len(codes))] {
		names = append(names, fmt.Sprintf("%s %s (%s)", u.Scheme, u.Code, u.Kind))
	}
	return fmt.Sprintf("Codes without a table row: %d, such as %s.", len(codes), strings.Join(names, ", "))
}

// wrap breaks text into lines of at most 118 columns, each after the margin.
func wrap(margin, text string) string { return fold(118, margin, margin+"  ", text) }

// columns is how wide the lines are that go to people who file them.
const columns = 100

// fold breaks text into lines of at most so many columns, the first after first
// and each other after margin. A word that is longer stays whole.
func fold(width int, first, margin, text string) string {
	line, begun, lines := first, false, []string(nil)
	for _, word := range strings.Fields(text) {
		if begun && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line, begun = append(lines, line), margin, false
		}
		if begun {
			line += " "
		}
		line, begun = line+word, true
	}
	return strings.Join(append(lines, line), "\n")
}
