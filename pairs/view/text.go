package view

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// visible is text from a message as the page shows it: a character that could
// reorder, hide or break the words around it stands there by its number. The
// two joiners that scripts need stay, and so do new lines and tabs.
func visible(s string) string {
	if strings.IndexFunc(s, unseen) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unseen(r) {
			fmt.Fprintf(&b, "‹U+%04X›", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unseen(r rune) bool {
	switch r {
	case '\n', '\t', '\u200c', '\u200d':
		return false
	case '\u2028', '\u2029', unicode.ReplacementChar:
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// schemeTitles are the schemes as people call them.
func schemeTitle(s mapping.Scheme) string {
	switch s {
	case mapping.ReadV2:
		return "Read v2"
	case mapping.CTV3:
		return "CTV3"
	case mapping.SNOMED:
		return "SNOMED CT"
	case mapping.DMD:
		return "dm+d"
	case mapping.EMISLocal:
		return "EMIS local"
	case mapping.EMISDrug:
		return "EMIS drug"
	case mapping.Multilex:
		return "Multilex"
	case mapping.TPPLocal:
		return "SystmOne local"
	}
	return visible(string(s))
}

func schemeTitles(schemes []mapping.Scheme) string {
	titles := make([]string, len(schemes))
	for i, s := range schemes {
		titles[i] = schemeTitle(s)
	}
	return strings.Join(titles, " or ")
}

// kindTitle is a kind as people call it.
func kindTitle(k record.Kind) string { return sentence(k.String()) }

// sentence is a closed word of the product as people read it.
func sentence(word string) string {
	words := strings.ReplaceAll(word, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// outcomeTitle names an outcome.
func outcomeTitle(o record.Outcome) string { return sentence(o.String()) }

// precision says how much of a date was stated, where it is less than the day.
func precision(d record.Date) string {
	switch d.Precision() {
	case record.PrecisionYear:
		return "year only"
	case record.PrecisionMonth:
		return "month only"
	}
	return ""
}

// nhsNumber is the number as people read it.
func nhsNumber(n record.NHSNumber) string {
	d := n.Digits()
	if len(d) != 10 {
		return d
	}
	return d[:3] + " " + d[3:6] + " " + d[6:]
}
