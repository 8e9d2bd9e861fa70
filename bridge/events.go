package bridge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/admit"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/status"
)

// The kinds of a WireEvent.
const (
	WireUp       = "up"       // the interface answers again, or for the first time
	WireDown     = "down"     // it does not
	WireSlow     = "slow"     // it answers, later than it should
	WireBreaker  = "breaker"  // the circuit breaker has opened, tries again or has closed
	WireThrottle = "throttle" // messages wait for the documented rate limit
)

// WireEvent tells of a change at one system's own interface, as its edge sees
// it: event.wire. There is one for each change and none while nothing changes.
type WireEvent struct {
	Instance string    `json:"instance"`
	At       time.Time `json:"at"`
	System   string    `json:"system"`
	// Kind is what changed: up, down, slow, breaker or throttle.
	Kind string `json:"kind"`
	// State is how the interface does now and Was before: unknown, up, slow or
	// down.
	State string `json:"state"`
	Was   string `json:"was,omitempty"`
	// Reason is the product's word for the last failure, "" where it answers.
	Reason string `json:"reason,omitempty"`
	// Breaker is closed, half-open or open.
	Breaker string `json:"breaker,omitempty"`
	// Waiting is how many messages wait for the throttle.
	Waiting int `json:"waiting,omitempty"`
}

// OverloadEvent tells that requests were answered busy: event.overload. There is
// at most one in a minute for each place.
type OverloadEvent struct {
	Instance string    `json:"instance"`
	At       time.Time `json:"at"`
	System   string    `json:"system"` // whose requests, or whose interface
	// Where the room ended: intake (the system's own listener or native subject),
	// queue (what waits for the interface's throttle), exchange (the exchange
	// role's slots) or nats (messages dropped because they came faster than they
	// were taken; System is empty).
	Where string `json:"where"`
	// Refused is how many were answered busy there since the last event, and 0,
	// once, when there was none for a minute.
	Refused int `json:"refused"`
}

// ControlEvent tells of a control request and what became of it: event.control.
// The audit log has the same.
type ControlEvent struct {
	Instance string    `json:"instance"`
	At       time.Time `json:"at"`
	// Verb is drain, pause, resume, reload or rollback.
	Verb string `json:"verb"`
	// Direction is the system whose requests a pause or resume is about, "" for
	// both.
	Direction string `json:"direction,omitempty"`
	By        string `json:"by,omitempty"` // who asked, as the request says
	// Result is done or refused; Why says why it was refused, or what was done.
	Result string `json:"result"`
	Why    string `json:"why,omitempty"`
}

// CertificatesEvent tells of the files of TLS and of their dates:
// event.certificates.
type CertificatesEvent struct{ certs.Event }

// told is an event that can be shown as one line. Words are plain, "" where the
// event is routine and no line is due, and never name a patient or a user.
type told interface{ Words() string }

// eventOf gives an empty event of a kind, nil for a kind that is not known here.
func eventOf(kind string) told {
	switch kind {
	case "exchange":
		return &Outcome{}
	case "breakglass":
		return &BreakGlassEvent{}
	case "access":
		return &AccessEvent{}
	case "audit":
		return &AuditEvent{}
	case "agreement":
		return &AgreementEvent{}
	case "certificates":
		return &CertificatesEvent{}
	case "clock":
		return &ClockEvent{}
	case "tables":
		return &TablesEvent{}
	case "unmapped":
		return &UnmappedEvent{}
	case "wire":
		return &WireEvent{}
	case "overload":
		return &OverloadEvent{}
	case "control":
		return &ControlEvent{}
	}
	return nil
}

// line is an event as the page of operations shows it, false where it is
// routine. A kind or a shape not known here, as a newer instance may send, is
// named by its kind alone.
func line(kind string, body []byte, at time.Time) (status.Event, bool) {
	event := status.Event{At: at.UTC(), Kind: kind, Words: kind}
	known := eventOf(kind)
	if known == nil || json.Unmarshal(body, known) != nil {
		return event, true
	}
	var from struct {
		Instance string `json:"instance"`
	}
	if json.Unmarshal(body, &from) == nil {
		event.Instance = from.Instance
	}
	event.Words = known.Words()
	return event, event.Words != ""
}

// Words is "": the counts have it.
func (o Outcome) Words() string { return "" }

// Words names the organisation, and neither the user nor the patient.
func (e BreakGlassEvent) Words() string {
	return fmt.Sprintf("consent overridden by a user of %s: %s", cmp.Or(e.Organisation, e.From), e.Why)
}

// Words names the organisation and not the user.
func (e AccessEvent) Words() string {
	var what string
	switch admit.Kind(e.Kind) {
	case admit.KindRecords:
		what = "more records than expected within the hour"
	case admit.KindMisses:
		what = "too many look-ups that found nobody"
	case admit.KindRequests:
		what = "requests beyond the limit are refused"
	case admit.KindReplayed:
		what = "a message came a second time"
	case admit.KindReused:
		what = "another message came with an id taken before"
	case admit.KindFull:
		what = "more messages within 24 hours than can be remembered"
	case admit.KindMemory:
		what = "the memory of messages cannot be written; requests are refused"
	default:
		what = e.Kind
	}
	if e.Count > 0 {
		what += fmt.Sprintf(" (%d)", e.Count)
	}
	return join(what, cmp.Or(e.Organisation, e.System))
}

// Words is "" for a checkpoint, which comes every minute.
func (e AuditEvent) Words() string {
	if e.Trouble == "" {
		return ""
	}
	return "audit log: " + e.Trouble
}

// Words says what is in force.
func (e AgreementEvent) Words() string {
	switch {
	case e.Fault != "":
		return "a change of the agreement is not taken: " + e.Fault
	case e.Exclusions != "":
		return "excluded codes in force: " + e.Exclusions
	}
	return "agreement in force: " + short(e.Agreement)
}

// Words says what became of the files, or when which ends.
func (e CertificatesEvent) Words() string {
	switch e.Kind {
	case certs.Reloaded:
		return e.Use + ": certificate files read again and in use"
	case certs.Kept:
		return e.Use + ": new certificate files have a fault, the old stay in use: " + e.Err
	case certs.Expired:
		return fmt.Sprintf("%s: %s has ended", e.Use, cmp.Or(e.What, e.File))
	case certs.Expiring:
		return fmt.Sprintf("%s: %s ends on %s", e.Use, cmp.Or(e.What, e.File), e.Until.Format(time.DateOnly))
	}
	return join(e.Use, string(e.Kind))
}

// Words says whose clock.
func (e ClockEvent) Words() string {
	if e.JumpSeconds != 0 {
		return fmt.Sprintf("the machine's clock was moved by %.1f s", e.JumpSeconds)
	}
	return fmt.Sprintf("a request from %s was dated %.0f s away from this clock", e.From, e.Received.Sub(e.Issued).Abs().Seconds())
}

// Words says what became of a set.
func (e TablesEvent) Words() string {
	switch e.State {
	case TablesActive:
		return fmt.Sprintf("tables %s in use (%s)", short(e.Digest), e.Reason)
	case TablesRefused:
		return fmt.Sprintf("tables %s refused, %d faults; %s stays", short(e.Digest), e.FaultCount, short(e.Previous))
	case TablesDraft:
		return fmt.Sprintf("drafts of tables can be activated: %d added, %d removed, %d changed", e.Added, e.Removed, e.Retargeted+e.Changed)
	case TablesDraftRefused:
		return fmt.Sprintf("drafts of tables have %d faults", e.FaultCount)
	}
	return "tables " + e.State
}

// Words names the code, which its scheme's syntax has proven to be one.
func (e UnmappedEvent) Words() string {
	held := ""
	if e.HeldBack > 0 {
		held = fmt.Sprintf("%d codes that no row decides were met for the first time", e.HeldBack)
	}
	if e.Code == "" {
		return held
	}
	return strings.TrimSuffix(fmt.Sprintf("a code that no row decides was met for the first time: %s %s; %s", e.Scheme, e.Code, held), "; ")
}

// Words says how the interface does now.
func (e WireEvent) Words() string {
	switch e.Kind {
	case WireUp:
		return e.System + " answers"
	case WireDown:
		return join(e.System+" does not answer", e.Reason)
	case WireSlow:
		return e.System + " answers late"
	case WireBreaker:
		return join(fmt.Sprintf("%s: circuit breaker %s", e.System, e.Breaker), e.Reason)
	case WireThrottle:
		return fmt.Sprintf("%s: %d messages wait for its rate limit", e.System, e.Waiting)
	}
	return e.System + ": " + e.Kind
}

// Words says how many and where.
func (e OverloadEvent) Words() string {
	if e.Where == OverloadNATS {
		return "messages were dropped: they came from NATS faster than they were taken"
	}
	if e.Refused == 0 {
		return fmt.Sprintf("%s: no request has been answered busy for a minute (%s)", e.System, e.Where)
	}
	return fmt.Sprintf("%s: %d requests answered busy (%s)", e.System, e.Refused, e.Where)
}

// Words says who asked for what.
func (e ControlEvent) Words() string {
	words := e.Verb
	if e.Direction != "" {
		words += " requests from " + e.Direction
	}
	if e.By != "" {
		words += ", asked by " + e.By
	}
	return join(words+": "+e.Result, e.Why)
}

// join puts a reason behind what happened, where there is one.
func join(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// short is a digest as people compare it.
func short(digest string) string { return digest[:min(len(digest), 12)] }
