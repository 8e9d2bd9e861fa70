package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Watch is told what a translation does while it does it: for counts of codes
// seen, coverage and the page beside the record. It decides nothing and
// changes nothing. Its functions run on the translation's goroutine and hold
// patient data, which may not outlive the exchange; one that is nil costs
// nothing.
type Watch struct {
	// Received is called with the record as it was decoded, before anything in
	// it is left out or changed.
	Received func(rec *record.Record)
	// Looked is called once for each look-up of an entry's own code.
	Looked func(Lookup)
	// Translated is called once the record is settled, before it is written in
	// the receiver's form. Every entry has its outcome and, where it has one,
	// its Target.
	Translated func(rec *record.Record)
}

// Lookup is one question put to the tables about an entry's own code, and the
// answer. An entry has at most two: its code's (of a drug allergy the
// substance's), and before it that of its kind, with KindScheme alone in To,
// only where a row says that the code is one of an allergy. Enumerated values,
// the codes of a request and the degrade code put in an entry's place are not
// look-ups of this kind.
type Lookup struct {
	// Entry is on its way: its Outcome is known when Watch.Translated is
	// called, not before.
	Entry *record.Entry
	Code  mapping.Code // with the words of the message, which are patient data
	// To are the schemes tried, in this order, the first to code being taken.
	// It is empty where the receiver takes no code of the kind in the scheme
	// it asked for; there no table could help.
	To       []mapping.Scheme
	Contexts []mapping.Context
	// Result is the tables' answer. The entry may end otherwise: refused for
	// its words, its class of context or the sender's own translation, or with
	// a code the sender supplied.
	Result mapping.Result
}

// OfKind reports the look-up of what the entry is, which gives it no code.
func (l Lookup) OfKind() bool { return len(l.To) == 1 && l.To[0] == KindScheme }

// look asks the tables and tells who watches.
func (t *translation) look(e *record.Entry, from mapping.Code, to []mapping.Scheme, contexts []mapping.Context) mapping.Result {
	res := t.Tables.TranslateAny(from, to, contexts...)
	if t.Watch.Looked != nil {
		t.Watch.Looked(Lookup{Entry: e, Code: from, To: to, Contexts: contexts, Result: res})
	}
	return res
}
