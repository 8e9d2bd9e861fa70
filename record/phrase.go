package record

import (
	"regexp"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// TermOf is an enumerated value in words: its term, else the value itself.
func TermOf(c mapping.Code) string {
	if c.Term != "" {
		return c.Term
	}
	return c.Value
}

// CodeWords is a code as a line of text shows it: scheme, code and term.
func CodeWords(c mapping.Code) string {
	s := string(c.Scheme) + " " + c.Value + c.TermCode
	if c.Term != "" {
		s += ` "` + c.Term + `"`
	}
	return s
}

// SourceCode is the line for a code without a slot (safety §D.1 D-2).
func SourceCode(c mapping.Code) string { return line("Source code", CodeWords(c)) }

// Shown reports an entry that is written at all. Another entry must not name
// one that is not.
func (e *Entry) Shown() bool {
	return e != nil && e.Outcome != WithheldEntry && e.Outcome != Duplicate
}

// Name is how an entry is spoken of in another's words.
func (e *Entry) Name() string {
	if e.Text == "" {
		return e.Kind.String() + ", " + e.Date.Words()
	}
	return e.Text + ", " + e.Date.Words()
}

// sign is a comparator in front of a number: as a sign where that is how its
// system writes it, else in words.
func sign(c mapping.Code) string {
	if c.Value != "" && strings.Trim(c.Value, "<=>~") == "" {
		return c.Value
	}
	return TermOf(c)
}

// Words gives the number with its sign and unit, and the text. The sign stands
// before the text when there is no number.
func (v *Value) Words(sign string) (number, text string) {
	if v.Number != "" {
		return Join(" ", sign, v.Number, v.Unit), v.Text
	}
	if v.Text != "" {
		return "", Join(" ", sign, v.Text)
	}
	return "", ""
}

// String is the range as a clinician reads it.
func (r Range) String() string {
	var low, high string
	if s := Join(" ", r.LowOp, r.Low); s != "" {
		low = "from " + s
	}
	if s := Join(" ", r.HighOp, r.High); s != "" {
		high = "to " + s
	}
	return Join(", ", r.Qualifier, Join(" ", low, high, r.Unit), r.Words, r.AppliesTo)
}

// String is what was authorised, when and by whom.
func (a Authorisation) String() string {
	var issues, by string
	if a.Authorised != "" {
		issues = a.Authorised + " issues"
	}
	if a.By != nil {
		by = "by " + a.By.NameAndRole()
	}
	return Join(", ", issues, a.Date.Words(), by)
}

// Join joins the words that are there.
func Join(sep string, words ...string) string {
	joined := ""
	for _, w := range words {
		switch {
		case w == "":
		case joined == "":
			joined = w
		default:
			joined += sep + w
		}
	}
	return joined
}

// noAllergies is an assertion that there are no allergies, from its first word
// to its last.
var noAllergies = regexp.MustCompile(`(?i)^\s*(?:nkd?a|(?:no|nil|none)(?: (?:known|other|relevant|significant|current))*(?: (?:h/o:?|history of))?(?: (?:drug|food|medication|medicine))*` +
	`(?: (?:allergy|allergies|sensitivity|sensitivities))?(?: (?:known|recorded|reported|stated))?)\s*\.?\s*$`)

// SaysNoAllergies reports words that say that there are no allergies and nothing
// else. In "Penicillin: no rash", "Aspirin not tolerated" or "No known allergies
// but codeine" a "no" must not take an allergy back.
func SaysNoAllergies(words string) bool { return noAllergies.MatchString(words) }

// MeaningOf finds the qualifiers that turn a statement round, by their words or
// by the SNOMED CT finding context of their value (E §2 "24 and 23 change
// meaning"), whatever system the code is said to be of. What only looks like
// one keeps a code from being trusted, and does no other harm.
func MeaningOf(name, value, code string) QualifierMeaning {
	switch strings.TrimSpace(code) {
	case "410516002", "410594000", "410593000": // known absent, definitely not present, probably not present
		return Negates
	case "410590009", "410592001", "415684004": // known possible, probably present, suspected
		return Doubts
	}
	name, value = strings.ToLower(name), strings.ToLower(strings.TrimSpace(value))
	switch value {
	case "no", "absent", "denied", "excluded", "not present", "known absent", "definitely not present", "ruled out", "not given":
		return Negates
	}
	says := func(word string) bool { return strings.Contains(name, word) || strings.Contains(value, word) }
	if says("negat") {
		return Negates
	}
	for _, doubt := range []string{"uncertain", "suspect", "possible", "probable", "unconfirmed", "query", "likely", "differential"} {
		if says(doubt) {
			return Doubts
		}
	}
	return Refines
}
