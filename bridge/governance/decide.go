package governance

import (
	"errors"
	"slices"

	"github.com/linkspan/linkspan/record"
)

// Claims is who asks, for what and on whose word.
type Claims struct {
	User, Role, Organisation, Purpose, Consent string
	// Source says where the claims the native message lacks came from:
	// "message", "wire" or "asserted by agreement".
	Source string
}

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
// that fails decides (safety IG-01).
func (a *Agreement) Decide(consumer, holder string, q *record.Request, given Claims) (Claims, error) {
	if !a.Links() {
		return Claims{}, record.Fault(record.ReasonDenied, op, ErrNotEnabled)
	}
	side := a.Sides[consumer]
	if !side.Asks {
		return Claims{}, record.Fault(record.ReasonDenied, op, ErrMayNotAsk)
	}
	claims := side.claims(q, given)
	if claims.Organisation == "" && len(side.Organisations) == 1 {
		claims.Organisation = side.Organisations[0].ODS
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
// else from the agreement.
func (s Side) claims(q *record.Request, given Claims) Claims {
	c := Claims{User: q.Requester.User, Role: q.Requester.Role, Organisation: q.Requester.Organisation, Source: "message"}
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
	fill(given, "wire")
	if s.Asserted != nil {
		fill(Claims{User: s.Asserted.User, Role: s.Asserted.Role, Purpose: s.Asserted.Purpose, Consent: s.Asserted.Consent}, "asserted by agreement")
	}
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

// Withhold takes out of a decoded record what may not leave: sections the
// holder does not share, and entries under a confidentiality mark the
// agreement does not release, with everything inside them. It runs on the
// source record, before translation (safety IG-04). A patient under such a
// mark is answered as not found (safety CS-07).
func (a *Agreement) Withhold(holder string, rec *record.Record) error {
	side := a.Sides[holder]
	if !side.releases(rec.Patient.Confidential) {
		return record.Fault(record.ReasonNotFound, op, errors.New("the whole record is confidential"))
	}
	for _, s := range record.Sections() {
		if !side.shares.Has(s) {
			rec.Declare(s, record.Disabled)
		}
	}
	for _, e := range rec.Entries {
		if !side.releases(e.Confidential) {
			withhold(e)
		}
	}
	for _, e := range rec.Entries {
		if e.Parent != nil && e.Parent.Outcome == record.WithheldEntry {
			withhold(e)
		}
		if m := e.Medication; m != nil && m.Course != nil && m.Course.Outcome == record.WithheldEntry {
			withhold(e)
		}
	}
	for _, e := range rec.Entries {
		if !side.shares.Has(e.Kind.Section()) {
			e.Outcome = record.WithheldEntry
		}
	}
	return nil
}

func (s Side) releases(mark string) bool {
	return mark == "" || slices.Contains(s.ReleaseMarks, mark)
}

// withhold marks an entry, and the lines of a consultation with it.
func withhold(e *record.Entry) {
	if e.Outcome == record.WithheldEntry {
		return
	}
	e.Outcome = record.WithheldEntry
	if e.Consultation != nil {
		for _, item := range e.Consultation.Items {
			if item.Entry != nil {
				withhold(item.Entry)
			}
		}
	}
	if e.Problem != nil && e.Problem.Defines != nil {
		withhold(e.Problem.Defines)
	}
}
