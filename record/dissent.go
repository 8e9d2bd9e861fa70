package record

import "github.com/linkspan/linkspan/mapping"

// consents are the national codes by which a practice files a patient's answer
// about sharing the record, each refusal with the consent that takes it back:
// 93C1 and 93C0 for a local shared record, 9Nd1 and 9Nd7 for electronic record
// sharing (E §6). They are stated in Read v2 only, and for England: 9Nd1 has
// another meaning in Scotland. Codes about the Summary Care Record (93C3, 9Ndo)
// and about extracts (9Nu0) say nothing of a record shared between practices.
var consents = [...]struct{ refused, given mapping.Code }{
	{mapping.Code{Scheme: mapping.ReadV2, Value: "93C1."}, mapping.Code{Scheme: mapping.ReadV2, Value: "93C0."}},
	{mapping.Code{Scheme: mapping.ReadV2, Value: "9Nd1."}, mapping.Code{Scheme: mapping.ReadV2, Value: "9Nd7."}},
}

// ReadDissent sets Patient.Dissent where the record holds a coded refusal to
// share that no later consent of the same kind takes back (safety IG-02). Of
// two dates that do not tell which was later, the refusal counts, and so does a
// refusal in doubt; a consent counts only as it stands. It finds what the
// message holds: a record asked for in part may leave the codes out.
func (r *Record) ReadDissent() {
	for _, c := range consents {
		for _, e := range r.Entries {
			if e.files(c.refused) && !e.means(Negates) && !r.consentedAfter(c.given, e.Date) {
				r.Patient.Dissent = true
				return
			}
		}
	}
}

func (r *Record) consentedAfter(given mapping.Code, refused Date) bool {
	for _, e := range r.Entries {
		if e.files(given) && !e.means(Negates) && !e.means(Doubts) && e.Date.compare(refused) > 0 {
			return true
		}
	}
	return false
}

// files reports an entry of the record with that code, first or beside it; the
// term code of Read v2 only chooses the words. What the source deleted, or
// files twice, is no entry of its own.
func (e *Entry) files(code mapping.Code) bool {
	if e.Outcome == Duplicate {
		return false
	}
	same := func(c mapping.Code) bool { return c.Scheme == code.Scheme && c.Value == code.Value }
	if same(e.Code) {
		return true
	}
	for _, c := range e.Others {
		if same(c) {
			return true
		}
	}
	return false
}

// means reports a qualifier of that meaning.
func (e *Entry) means(m QualifierMeaning) bool {
	for _, q := range e.Qualifiers {
		if q.Meaning == m {
			return true
		}
	}
	return false
}
