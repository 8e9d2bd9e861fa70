package mapping

import "strings"

// Class is the class of context a term states: whose condition it is, whether it is there, how sure anybody is. A code
// is never carried across a change of class (DESIGN decision 3).
type Class string

// The classes. Unknown is the class of an empty term only; an ordinary term is Present.
const (
	Unknown       Class = ""
	Present       Class = "present"
	Negated       Class = "negated"
	FamilyHistory Class = "family-history"
	Suspected     Class = "suspected"
	HistoryOf     Class = "history-of"
	Allergy       Class = "allergy"
)

// ClassOf judges a term by its words, in this order: negated, suspected, family history, history of, allergy, else
// present. It is deliberately coarse: it exists to refuse rows, never to make one. An adverse reaction or an
// intolerance is Present, so a row from one to an allergy is refused.
func ClassOf(term string) Class {
	words := strings.FieldsFunc(strings.ToLower(term), separator)
	if len(words) == 0 {
		return Unknown
	}
	class := Present
	for i, word := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		class = stronger(class, classOfWord(word, next))
	}
	if class != Negated && strings.Contains(term, "?") {
		return Suspected
	}
	return class
}

// separator splits a term into words; the slash stays, for H/O and F/H.
func separator(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '/')
}

func classOfWord(word, next string) Class {
	switch word {
	case "no", "nil", "never", "denies", "excluded", "absence", "absent":
		return Negated
	case "not":
		switch next {
		case "elsewhere", "otherwise", "known", "stated", "specified":
			return Present // "NEC", "NOS" and unknown causes deny nothing
		}
		return Negated
	case "ruled":
		if next == "out" {
			return Negated
		}
	case "suspected", "suspicion", "possible", "possibly", "probable", "query":
		return Suspected
	case "fh", "f/h":
		return FamilyHistory
	case "family":
		if next == "history" || next == "hist" {
			return FamilyHistory
		}
	case "h/o", "pmh":
		return HistoryOf
	case "history":
		if next == "of" {
			return HistoryOf
		}
	case "allergy", "allergies", "sensitivity", "sensitivities", "hypersensitivity":
		return Allergy
	}
	return Present
}

// classStrength orders the classes where a term shows several: "No FH: asthma" is Negated, "H/O: drug allergy" HistoryOf.
func classStrength(c Class) int {
	switch c {
	case Negated:
		return 5
	case Suspected:
		return 4
	case FamilyHistory:
		return 3
	case HistoryOf:
		return 2
	case Allergy:
		return 1
	}
	return 0
}

func stronger(a, b Class) Class {
	if classStrength(b) > classStrength(a) {
		return b
	}
	return a
}
