package governance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// Claims is who asks, for what and on whose word.
type Claims struct {
	User, UserName, Role, Organisation, Department, Purpose, Consent, Relationship, Device string
	// Activities are national activity codes.
	Activities []string
	// BreakGlass is the code of the reason for which consent to view is
	// overridden, BreakGlassText what the user wrote. The text may name anybody:
	// it is never logged and never in Decision.Checks.
	BreakGlass, BreakGlassText string
	// Sources says for each claim, by the name it has in the agreement, where it
	// came from: FromMessage, FromWire, FromReadBack or FromAgreement.
	Sources map[string]string
}

// The sources of claims, as Claims.Sources and the audit name them.
const (
	FromMessage   = "message"
	FromWire      = "wire"
	FromReadBack  = "read back"
	FromAgreement = "asserted by agreement"
)

// The claims, as the agreement and Claims.Sources name them. The text of a
// break-glass goes with its code.
const (
	claimUser         = "user"
	claimUserName     = "user_name"
	claimRole         = "role"
	claimActivities   = "activities"
	claimOrganisation = "organisation"
	claimDepartment   = "department"
	claimDevice       = "device"
	claimPurpose      = "purpose"
	claimConsent      = "consent"
	claimRelationship = "relationship"
	claimBreakGlass   = "break_glass"
)

// Claim says where one claim may come from.
type Claim struct {
	// From lists "message", "wire" (a header beside it) and "read-back" (the
	// logged-on user as the asker's own system names them; for the relationship
	// the patient's registration there).
	From []string `json:"from,omitempty"`
	// Asserted fills the claim where no source in From says anything.
	Asserted *Assertion `json:"asserted,omitempty"`
}

// Assertion is a claim the agreement vouches for: what it is taken to be and the
// procedure by which the asker's organisation makes sure of it. It is audited as
// asserted by agreement.
type Assertion struct {
	Value     string `json:"value"`
	Procedure string `json:"procedure"`
}

// sources are the words of Claim.From and what they are called afterwards.
func sources() map[string]string {
	return map[string]string{"message": FromMessage, "wire": FromWire, "read-back": FromReadBack}
}

// slot is one claim with its place.
type slot struct {
	name string
	at   *string
}

// slots are the claims that are one text each, in the order they are checked.
func (c *Claims) slots() []slot {
	return []slot{{claimUser, &c.User}, {claimUserName, &c.UserName}, {claimRole, &c.Role}, {claimOrganisation, &c.Organisation}, {claimDepartment, &c.Department},
		{claimDevice, &c.Device}, {claimPurpose, &c.Purpose}, {claimConsent, &c.Consent}, {claimRelationship, &c.Relationship},
		{claimBreakGlass, &c.BreakGlass}}
}

// neverAsserted are the claims that are made anew with each request and that no
// agreement can know: who asks (safety §2.1 forbids fixed values) and an
// override of consent.
func neverAsserted(name string) bool {
	return name == claimUser || name == claimUserName || name == claimBreakGlass
}

func (s *Side) checkClaims(fault report) {
	known := map[string]bool{claimActivities: true}
	for _, slot := range new(Claims).slots() {
		known[slot.name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(s.Claims)) {
		path, claim := "claims."+name, s.Claims[name]
		if !known[name] {
			fault(path, "no such claim")
			continue
		}
		for i, word := range claim.From {
			if sources()[word] == "" {
				fault(fmt.Sprintf("%s.from[%d]", path, i), "%q is not \"message\", \"wire\" or \"read-back\"", word)
			}
		}
		if claim.Asserted != nil {
			s.checkAssertion(name, *claim.Asserted, func(inner, format string, values ...any) { fault(path+".asserted"+inner, format, values...) })
		}
	}
}

func (s *Side) checkAssertion(name string, a Assertion, fault report) {
	if neverAsserted(name) {
		fault("", "this must be told with each request")
		return
	}
	if strings.TrimSpace(a.Procedure) == "" {
		fault(".procedure", "nothing says how the claim is captured")
	}
	word, ok := vocabulary(name, a.Value)
	switch {
	case strings.TrimSpace(a.Value) == "":
		fault(".value", "empty")
	case !ok:
		fault(".value", "%q is not a word this claim may say", a.Value)
	case name == claimConsent && !gives(word):
		fault(".value", "%q is no consent", a.Value)
	case name == claimOrganisation && !s.Serves(a.Value):
		fault(".value", "%q is not one of the organisations", a.Value)
	}
}

// from reports whether a claim may come from a source.
func (s Side) from(name, source string) bool {
	claim, named := s.Claims[name]
	if !named {
		return source == FromMessage
	}
	return slices.ContainsFunc(claim.From, func(word string) bool { return sources()[word] == source })
}

// maxClaim bounds one claim, in bytes: no system's names of users or roles come
// near it, and nobody writes a letter into the audit.
const maxClaim = 256

// Asker is the user and the organisation a request is taken to come from, as
// Decide will take them, for whoever counts what they ask.
func (a *Agreement) Asker(consumer string, q *record.Request, given Claims) (user, organisation string) {
	h := a.Sides[consumer].hear(q, given)
	return h.User, h.Organisation
}

// heard is what is made of what the message and its surroundings say.
type heard struct {
	Claims
	notes    []string // one for each claim that was made, taken or not
	conflict string   // the claim on which two allowed sources differ
}

// hear takes each claim from the message, else from what came beside it, else
// from the agreement, as far as the agreement allows that source. The only
// organisation of a side needs no naming.
func (s Side) hear(q *record.Request, given Claims) heard {
	message := Claims{User: q.Requester.User, UserName: q.Requester.UserName, Role: q.Requester.Role, Organisation: q.Requester.Organisation,
		Device: q.Requester.Machine, Activities: q.Requester.Activities, Department: q.Requester.Department,
		Consent: q.Requester.Consent, BreakGlass: q.Requester.BreakGlass}
	h := heard{Claims: Claims{Sources: map[string]string{}}}
	first, beside := message.slots(), given.slots()
	for i, slot := range h.slots() {
		*slot.at = h.take(s, slot.name, strings.TrimSpace(*first[i].at), strings.TrimSpace(*beside[i].at), given.Sources[slot.name])
	}
	h.Activities = fields(h.take(s, claimActivities, strings.Join(message.Activities, " "), strings.Join(given.Activities, " "), given.Sources[claimActivities]))
	if h.BreakGlass != "" {
		h.BreakGlassText = strings.TrimSpace(given.BreakGlassText)
		if h.Sources[claimBreakGlass] == FromMessage {
			h.BreakGlassText = strings.TrimSpace(q.Requester.BreakGlassText)
		}
		h.notes = append(h.notes, fmt.Sprintf("claim break_glass text: %d characters", len([]rune(h.BreakGlassText))))
	}
	return h
}

func fields(activities string) []string {
	return strings.FieldsFunc(activities, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
}

// take finds one claim and notes everything that was said about it.
func (h *heard) take(s Side, name, message, beside, source string) string {
	if source == "" {
		source = FromWire
	}
	value := ""
	for _, said := range []struct{ text, source string }{{message, FromMessage}, {beside, source}} {
		word, ok := vocabulary(name, said.text)
		switch {
		case said.text == "":
			continue
		case !s.from(name, said.source):
			h.note(name, "%s ignored: the agreement does not take it from there (%s)", shown(name, word, ok), said.source)
			continue
		case len(said.text) > maxClaim:
			h.note(name, "ignored: longer than %d bytes (%s)", maxClaim, said.source)
			continue
		case value == "":
			value, h.Sources[name] = word, said.source
			h.note(name, "%s (%s)", shown(name, word, ok), said.source)
		case strings.EqualFold(value, word):
			h.note(name, "the same (%s)", said.source)
		default:
			h.note(name, "%s differs (%s)", shown(name, word, ok), said.source)
			if h.conflict == "" && (name == claimUser || name == claimOrganisation) {
				h.conflict = name
			}
		}
	}
	if value != "" {
		return value
	}
	if a := s.Claims[name].Asserted; a != nil && !neverAsserted(name) {
		value, _ = vocabulary(name, strings.TrimSpace(a.Value))
		h.Sources[name] = FromAgreement
		h.note(name, "%q (%s, by the procedure %q)", value, FromAgreement, a.Procedure)
		return value
	}
	if name == claimOrganisation && len(s.Organisations) == 1 {
		h.Sources[name] = FromAgreement
		h.note(name, "%q (%s, the only one)", s.Organisations[0].ODS, FromAgreement)
		return s.Organisations[0].ODS
	}
	h.note(name, "not said")
	return ""
}

func (h *heard) note(name, format string, values ...any) {
	h.notes = append(h.notes, "claim "+name+": "+fmt.Sprintf(format, values...))
}

func shown(name, word string, known bool) string {
	if !known {
		return unknownWord
	}
	if len(word) > maxClaim {
		return "a long text"
	}
	return fmt.Sprintf("%q", word)
}
