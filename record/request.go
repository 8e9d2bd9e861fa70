package record

import "github.com/linkspan/linkspan/mapping"

// SexCode is the sex in the source's enumeration scheme until translated.
type SexCode = mapping.Code

// Request is what one system asks of the other about one patient.
type Request struct {
	// MessageID, Device and Operation are the asker's own ids; the answer
	// echoes them. They never reach the other system.
	MessageID string
	Device    string
	Operation string
	// ConversationID is a second id of the asker's envelope, echoed too.
	ConversationID string

	Patient   Identity
	Requester Requester
	// Target is the ODS code of the organisation asked, "" when the native
	// message cannot say it.
	Target string

	// Sections is what is asked for; never empty.
	Sections SectionSet
	// Whole marks a request without any filter.
	Whole bool
	// CodedOnly leaves out what is free text and nothing else.
	CodedOnly bool
	// Identify marks the bridge's own question of who the patient is, of whose
	// answer nothing is released. A holder asked for anything to be released is
	// asked so that it shows whether the patient refuses sharing.
	Identify bool
	// Effective bounds the clinical date, Entered the date of recording.
	Effective, Entered Period
	// Codes restricts coded entries to these, in the asker's scheme until
	// translated. The names say which sections they filter.
	Codes []mapping.Code
	// Authors restricts to entries made by these users of the holder.
	Authors []string
	// CodeScheme and DrugScheme are the schemes the asker wants codes in; ""
	// leaves it to the pair.
	CodeScheme, DrugScheme mapping.Scheme
}

// Identity is the patient a request is about.
type Identity struct {
	NHS       NHSNumber
	Surname   string
	Forenames string
	BirthDate Date
}

// Requester is who asks. The individual is always per request.
type Requester struct {
	User         string // the logged-on user as the native message names them
	UserName     string // their name for people to read, "" where it is not said
	Role         string
	Activities   []string // national activity codes the native message vouches for, e.g. B0360
	Organisation string   // ODS code
	Machine      string
	Software     string
	Department   string
	// Consent is what the native message says of the patient's consent to view,
	// in the words of the agreement's claim ("patient-present", "refused").
	// BreakGlass is the code of the reason for which consent is overridden, with
	// what the user wrote, which may name anybody.
	Consent                    string
	BreakGlass, BreakGlassText string
	// ContentModel is the sharing agreement the native message names.
	ContentModel string
}

// Period is a stretch of time open at an unknown end.
type Period struct{ From, To Date }

// IsZero reports an unbounded period.
func (p Period) IsZero() bool { return p == Period{} }

// Asks reports whether entries of e's section, date and recording date are
// asked for. Codes and Authors are judged by the pair after translation.
func (q *Request) Asks(e *Entry) bool {
	return q.Sections.Has(e.Kind.Section()) && e.touches(q.Effective) && e.Recorded.Within(q.Entered.From, q.Entered.To)
}

// touches reports whether the entry may have been true in the period. A course
// of medication and a problem last from their date to their end: a repeat drug
// begun years before the period and never stopped is being taken in it.
func (e *Entry) touches(p Period) bool {
	last := e.Date
	switch {
	case e.Kind == KindMedication && e.Medication != nil:
		last = e.Medication.End
	case e.Kind == KindProblem && e.Problem != nil:
		last = e.Problem.End
	}
	return e.Date.compare(p.To) <= 0 && last.compare(p.From) >= 0
}

// Response is the answer to a request: a record or a failure, never both,
// never neither.
type Response struct {
	record  *Record
	failure *Failure
	// MessageID is the answering message's reference to the request, checked
	// against it where the format has one.
	MessageID string
}

// Answered makes the response that carries a record.
func Answered(r *Record) Response {
	if r == nil {
		return Refused(Failure{Reason: ReasonInternal})
	}
	return Response{record: r}
}

// Refused makes the response that carries a failure. One without a reason is
// our own fault, and one of a patient not found is made the same for every
// cause of it: what the other system said stays behind (safety CS-07).
func Refused(f Failure) Response {
	switch f.Reason {
	case "":
		f.Reason = ReasonInternal
	case ReasonNotFound:
		f = Failure{Reason: ReasonNotFound}
	}
	return Response{failure: &f}
}

// Record is the record, or nil when the response is a failure.
func (r Response) Record() *Record { return r.record }

// Failure is the failure, or nil when the response is a record. The zero
// Response is an internal failure.
func (r Response) Failure() *Failure {
	if r.record == nil && r.failure == nil {
		return &Failure{Reason: ReasonInternal}
	}
	return r.failure
}
