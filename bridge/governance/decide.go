package governance

import (
	"errors"

	"github.com/linkspan/linkspan/record"
)

// Claims is who asks, for what and on whose word.
type Claims struct {
	User, Role, Organisation, Purpose, Consent string
	// Source says where the claims came from: FromMessage, FromWire or
	// FromAgreement. Where they came from several, it is the last of these,
	// which vouches least.
	Source string
}

// The sources of claims.
const (
	FromMessage   = "message"
	FromWire      = "wire"
	FromAgreement = "asserted by agreement"
)

// Why a request is refused. The asker reads the reason's own words; these go
// to the log and the audit.
var (
	ErrNotEnabled   = errors.New("the link is not enabled by both sides")
	ErrMayNotAsk    = errors.New("this side may not ask")
	ErrOrganisation = errors.New("the asking organisation is not in the agreement")
	ErrUser         = errors.New("no individual user is named")
	ErrSections     = errors.New("nothing asked for is shared")
	ErrTarget       = errors.New("the organisation asked is not in the agreement, or cannot be told")
)

const op = "governance"

// Decide applies the agreement to a request of consumer's. given are claims
// that came beside the message, on the wire or the subject. The first check
// that fails decides (safety IG-01). The claims come back with a refusal too,
// for the audit says who was refused.
func (a *Agreement) Decide(consumer, holder string, q *record.Request, given Claims) (Claims, error) {
	side := a.Sides[consumer]
	claims := side.claims(q, given)
	if !a.Links() {
		return claims, record.Fault(record.ReasonDenied, op, ErrNotEnabled)
	}
	if !side.Asks {
		return claims, record.Fault(record.ReasonDenied, op, ErrMayNotAsk)
	}
	if !side.Serves(claims.Organisation) {
		return claims, record.Fault(record.ReasonDenied, op, ErrOrganisation)
	}
	if a.Sides[holder].shares&q.Sections == 0 {
		return claims, record.Fault(record.ReasonDenied, op, ErrSections)
	}
	if claims.User == "" {
		return claims, record.Fault(record.ReasonDenied, op, ErrUser)
	}
	return claims, nil
}

// claims fills each claim from the message, else from what came beside it,
// else from the agreement, whose only organisation needs no naming.
func (s Side) claims(q *record.Request, given Claims) Claims {
	c := Claims{User: q.Requester.User, Role: q.Requester.Role, Organisation: q.Requester.Organisation, Source: FromMessage}
	fill := func(from Claims, source string) {
		before := c
		for _, slot := range []struct {
			have *string
			give string
		}{{&c.User, from.User}, {&c.Role, from.Role}, {&c.Organisation, from.Organisation}, {&c.Purpose, from.Purpose}, {&c.Consent, from.Consent}} {
			if *slot.have == "" {
				*slot.have = slot.give
			}
		}
		if c != before {
			c.Source = source
		}
	}
	fill(given, FromWire)
	var agreed Claims
	if s.Asserted != nil {
		agreed = Claims{User: s.Asserted.User, Role: s.Asserted.Role, Purpose: s.Asserted.Purpose, Consent: s.Asserted.Consent}
	}
	if len(s.Organisations) == 1 {
		agreed.Organisation = s.Organisations[0].ODS
	}
	fill(agreed, FromAgreement)
	return c
}

// Target names the organisation to ask: the one the request addresses, else
// the holder's only one. ok is false when it must be located first.
func (a *Agreement) Target(holder string, q *record.Request) (ods string, ok bool, err error) {
	side := a.Sides[holder]
	switch {
	case q.Target != "" && side.Serves(q.Target):
		return q.Target, true, nil
	case q.Target != "":
		return "", false, record.Fault(record.ReasonNoTarget, op, ErrTarget)
	case len(side.Organisations) == 1:
		return side.Organisations[0].ODS, true, nil
	}
	return "", false, nil
}
