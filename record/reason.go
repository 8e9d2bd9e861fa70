package record

import (
	"errors"
	"fmt"

	"github.com/linkspan/linkspan/xmlio"
)

// Reason is the one closed classification of everything that ends an exchange
// without a record. The same word is the NATS error code's label, the metric
// label and the log field; the text around it is not an interface.
type Reason string

// The reasons, with what they mean for whoever asked.
const (
	ReasonBadMessage      Reason = "bad-message"       // the asker's message cannot be read
	ReasonBadAnswer       Reason = "bad-answer"        // the holder's answer cannot be read or is cut
	ReasonNotFound        Reason = "patient-not-found" // also: sensitive, left, superseded (safety CS-07)
	ReasonWrongPatient    Reason = "wrong-patient"     // the answer is about somebody else, or the two systems' details do not match
	ReasonNoPatient       Reason = "identity-unproven" // a system does not say enough to tell whether both mean one patient
	ReasonRefused         Reason = "refused"           // the holder said no
	ReasonDenied          Reason = "denied"            // the agreement says no
	ReasonNoConsent       Reason = "no-consent"        // the patient said no, or was not asked (safety CS-09, IG-02)
	ReasonReplayed        Reason = "replayed"          // this very message was taken before (safety SE-11)
	ReasonClock           Reason = "clock"             // the claims were made too long ago or in the future (safety IG-08)
	ReasonNoTarget        Reason = "no-target"         // no organisation, or more than one, could be meant
	ReasonUnmappedRequest Reason = "unmapped-request"  // a code in the request has no table row
	ReasonUnsupported     Reason = "unsupported"       // the message asks for what this link does not do
	ReasonTooLarge        Reason = "too-large"         // above the record limit
	ReasonBusy            Reason = "busy"              // no free slot, or the throttle's wait is past the deadline
	ReasonLimited         Reason = "limited"           // this user or organisation asked too often (safety T-06, T-11)
	ReasonUnavailable     Reason = "unavailable"       // the other side is not connected
	ReasonTimeout         Reason = "timeout"           // no answer before the deadline
	ReasonAudit           Reason = "audit-unavailable" // the audit record could not be made durable
	ReasonInternal        Reason = "internal"          // our own fault
)

// Reasons is the closed list, in the order above.
func Reasons() []Reason {
	return []Reason{ReasonBadMessage, ReasonBadAnswer, ReasonNotFound, ReasonWrongPatient, ReasonNoPatient,
		ReasonRefused, ReasonDenied, ReasonNoConsent, ReasonReplayed, ReasonClock, ReasonNoTarget, ReasonUnmappedRequest, ReasonUnsupported, ReasonTooLarge,
		ReasonBusy, ReasonLimited, ReasonUnavailable, ReasonTimeout, ReasonAudit, ReasonInternal}
}

// Code is the number carried in the Nats-Service-Error-Code header (ADR-32).
func (r Reason) Code() int {
	switch r {
	case ReasonBadMessage, ReasonClock:
		return 400
	case ReasonDenied, ReasonRefused, ReasonNoConsent:
		return 403
	case ReasonNotFound:
		return 404
	case ReasonReplayed:
		return 409
	case ReasonTooLarge:
		return 413
	case ReasonNoTarget:
		return 421
	case ReasonUnmappedRequest:
		return 422
	case ReasonBusy, ReasonLimited:
		return 429
	case ReasonUnsupported:
		return 501
	case ReasonBadAnswer, ReasonWrongPatient, ReasonNoPatient:
		return 502
	case ReasonUnavailable, ReasonAudit:
		return 503
	case ReasonTimeout:
		return 504
	}
	return 500
}

// Permanent reports that asking again unchanged cannot help.
func (r Reason) Permanent() bool {
	switch r {
	case ReasonBusy, ReasonLimited, ReasonUnavailable, ReasonTimeout, ReasonAudit, ReasonInternal:
		return false
	}
	return true
}

// Words is the sentence a clinician reads when the exchange ends with r. It
// never names a patient.
func (r Reason) Words() string {
	switch r {
	case ReasonBadMessage:
		return "The request could not be read."
	case ReasonBadAnswer:
		return "The other system's answer could not be read. Nothing from it is shown."
	case ReasonNotFound:
		return "Patient not found."
	case ReasonWrongPatient:
		return "The two systems' details of the patient do not match. Nothing of the other system's record is shown."
	case ReasonNoPatient:
		return "It could not be proven that both systems mean the same patient. Nothing is shown."
	case ReasonRefused:
		return "The other system refused the request."
	case ReasonDenied:
		return "The sharing agreement does not allow this request."
	case ReasonNoConsent:
		return "The patient has not agreed to this record being shared or viewed. Nothing of it is shown. Do not assume there is no record."
	case ReasonLimited:
		return "Too many records have been asked for. Try again later."
	case ReasonReplayed:
		return "This message was taken before. Ask again with a new one."
	case ReasonClock:
		return "The clocks of the two sides differ too much, so the request was not sent."
	case ReasonNoTarget:
		return "The organisation holding the record could not be determined."
	case ReasonUnmappedRequest:
		return "A code in the request has no agreed translation, so the request was not sent."
	case ReasonUnsupported:
		return "This link does not carry that kind of request."
	case ReasonTooLarge:
		return "The record is larger than this link may carry. Nothing of it is shown."
	case ReasonBusy:
		return "The link is busy. Try again shortly."
	case ReasonUnavailable:
		return "The other system is not connected."
	case ReasonTimeout:
		return "The other system did not answer in time."
	case ReasonAudit:
		return "The access could not be recorded in the audit log, so nothing is shown."
	}
	return "The link failed."
}

// Failure is an exchange that ended without a record. It is an answer, written
// to the asker in the asker's own format, not a dropped connection.
type Failure struct {
	Reason Reason
	// Native is the other system's own wording of a refusal it gave itself, ""
	// when the failure is ours. It goes to the asker and never into a log.
	Native string
	// NativeCode is the other system's own error number or fault code.
	NativeCode string
	// Retry overrides Reason.Permanent when the other system said so itself
	// (SystmOne PermanentError=false, S §1.2).
	Retry bool
}

// Words is what the asker's clinician reads. A patient who was not found gets
// the same words whatever the other system said about it (safety CS-07).
func (f Failure) Words() string {
	if f.Native == "" || f.Reason == ReasonNotFound {
		return f.Reason.Words()
	}
	return f.Reason.Words() + " It said: " + f.Native
}

// Permanent reports that asking again unchanged cannot help.
func (f Failure) Permanent() bool { return !f.Retry && f.Reason.Permanent() }

// Error is the one kind of error that crosses packages: a Reason, the operation
// and the position in the message. It carries no text of any message.
type Error struct {
	Reason   Reason
	Op       string // e.g. "systmone: decode response"
	Position string // e.g. "12:4 ClinicalCode", "" when the whole message is meant
	Err      error
}

// Error names reason, operation and position.
func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Reason)
	if e.Position != "" {
		s += " at " + e.Position
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fault wraps err as an Error of the given reason; a document above the size
// limit and a reading that was cut short by the deadline have reasons of their
// own, and an Error keeps the one it has.
func Fault(reason Reason, op string, err error) error {
	var already *Error
	if errors.As(err, &already) {
		return err
	}
	e := &Error{Reason: reason, Op: op, Err: err}
	var xe *xmlio.Error
	if errors.As(err, &xe) {
		e.Position = fmt.Sprintf("%d:%d", xe.Pos.Line, xe.Pos.Column)
		switch xe.Fault {
		case xmlio.FaultTooLarge:
			e.Reason = ReasonTooLarge
		case xmlio.FaultCancelled:
			e.Reason = ReasonTimeout
		}
	}
	return e
}

// ReasonOf finds the reason of an error; anything that is not an Error is our
// own fault.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ReasonInternal
}
