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
	class, words := Present, 0
	before := ""
	var lower [longestWord]byte
	for i := 0; i < len(term); {
		word, end := nextWord(term, i, &lower)
		if i = end; word == nil {
			break
		}
		words++
		found, opens := classOfWord(before, word)
		class, before = stronger(class, found), opens
	}
	switch {
	case words == 0:
		return Unknown
	case before == "not": // with nothing after it
		class = Negated
	}
	if class != Negated && strings.Contains(term, "?") {
		return Suspected
	}
	return class
}

// longestWord is the length of the longest word that tells a class, "hypersensitivity"; a longer one is cut.
const longestWord = 17

// nextWord finds the next word of the term from byte i on, in lower case, and where it ends. The slash stays, for H/O
// and F/H.
func nextWord(term string, i int, lower *[longestWord]byte) ([]byte, int) {
	n := 0
	for ; i < len(term); i++ {
		b := term[i]
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '/' {
			if n < len(lower) {
				lower[n] = b
				n++
			}
			continue
		}
		if n > 0 {
			break
		}
	}
	if n == 0 {
		return nil, i
	}
	return lower[:n], i
}

// classOfWord judges a word by itself and after the one before it, if that opened something: "not", "ruled", "family"
// and "history" decide nothing alone.
func classOfWord(before string, word []byte) (class Class, opens string) {
	class = Present
	switch before {
	case "not":
		switch string(word) {
		case "elsewhere", "otherwise", "known", "stated", "specified": // "NEC", "NOS" and unknown causes deny nothing
		default:
			class = Negated
		}
	case "ruled":
		if string(word) == "out" {
			class = Negated
		}
	case "family":
		if string(word) == "history" || string(word) == "hist" {
			class = FamilyHistory
		}
	case "history":
		if string(word) == "of" {
			class = HistoryOf
		}
	}
	switch string(word) {
	case "no", "nil", "never", "denies", "excluded", "absence", "absent":
		class = Negated
	case "not":
		opens = "not"
	case "ruled":
		opens = "ruled"
	case "family":
		opens = "family"
	case "history":
		opens = "history"
	case "suspected", "suspicion", "possible", "possibly", "probable", "query":
		class = stronger(class, Suspected)
	case "fh", "f/h":
		class = stronger(class, FamilyHistory)
	case "h/o", "pmh":
		class = stronger(class, HistoryOf)
	case "allergy", "allergies", "sensitivity", "sensitivities", "hypersensitivity":
		class = stronger(class, Allergy)
	}
	return class, opens
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
