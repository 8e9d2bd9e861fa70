package governance

import (
	"errors"
	"fmt"
	"time"

	"github.com/linkspan/linkspan/record"
)

// Why a request is refused. The asker reads the reason's own words; these go
// to the log and the audit.
var (
	ErrNotEnabled   = errors.New("the link is not enabled by both sides")
	ErrEnded        = errors.New("the agreement has ended")
	ErrMayNotAsk    = errors.New("this side may not ask")
	ErrOrganisation = errors.New("the asking organisation is not in the agreement")
	ErrTarget       = errors.New("the organisation asked is not in the agreement, or cannot be told")
	ErrSections     = errors.New("nothing asked for is shared")
	ErrConflict     = errors.New("two sources name different askers")
	ErrUser         = errors.New("no individual user is named")
	ErrGeneric      = errors.New("the user is not an individual")
	ErrRole         = errors.New("no role of the user's permits what is asked for")
	ErrPurpose      = errors.New("the purpose is not direct care")
	ErrRelationship = errors.New("no legitimate relationship is asserted")
	ErrNoConsent    = errors.New("no consent to view was obtained")
	ErrRefused      = errors.New("the patient refused")
	ErrBreakGlass   = errors.New("consent may not be overridden")
)

const op = "governance"

// Asking is one request and everything that is known of who makes it.
type Asking struct {
	Consumer, Holder string
	Request          *record.Request
	Given            Claims // beside the message, each with its source
	Now              time.Time
}

// Decision is what the agreement says to one request. The zero Decision shows
// nothing.
type Decision struct {
	Claims   Claims            // as they were taken
	Sections record.SectionSet // may be shown
	Denied   record.SectionSet // asked for but not permitted to the user: state Denied
	// BreakGlass says that a consent that could not be obtained was overridden.
	BreakGlass bool
	// Checks says what was claimed and what each rule said, in order, up to the
	// one that refused. It names no patient.
	Checks []string
	Cause  string // the rule that refused, "" when none did

	asked record.SectionSet // by the request
	may   record.SectionSet // by role and agreement, asked for or not
	owed  bool              // the relationship has yet to be read back
	// excluded is the one set of codes of this request, whatever is loaded
	// meanwhile.
	excluded *excludedCodes
}

// Decide applies the agreement to a request, rule by rule in the order of safety
// IG-01; the first that fails decides. The Decision is filled for a refusal too,
// for the audit says who was refused and why. What depends on the patient is
// Admit's, Prove's and Relate's to say when the patient is known, and what
// depends on the entry Withhold's. The error is a *record.Error: denied,
// no-consent, no-target, or internal where the exclusion codes are not loaded.
func (a *Agreement) Decide(q Asking) (Decision, error) {
	if q.Request == nil {
		q.Request = &record.Request{}
	}
	side := a.Sides[q.Consumer]
	heard := side.hear(q.Request, q.Given)
	r := &ruling{a: a, side: side, holder: a.Sides[q.Holder], q: q, heard: heard}
	d := Decision{Claims: heard.Claims, Checks: heard.notes}
	for _, rule := range []struct {
		name string
		ask  func() (string, error)
	}{{"link", r.link}, {"organisations", r.organisations}, {"direction", r.direction}, {"sections", r.sections}, {"user", r.user}, {"role", r.role},
		{"purpose", r.purpose}, {"relationship", r.relationship}, {"consent", r.consent}, {"exclusions", r.exclusions}} {
		says, err := rule.ask()
		if err != nil {
			d.Cause = rule.name + ": " + err.Error()
			d.Checks = append(d.Checks, "refused by "+d.Cause)
			return d, record.Fault(reasonOf(err), op, err)
		}
		d.Checks = append(d.Checks, rule.name+": "+says)
	}
	d.asked, d.may = q.Request.Sections, r.permits.view&r.holder.shares
	d.Sections, d.Denied = d.asked&d.may, d.asked&r.holder.shares&^r.permits.view
	d.BreakGlass, d.owed, d.excluded = r.broken, r.owed, r.excluded
	return d, nil
}

func reasonOf(err error) record.Reason {
	switch {
	case errors.Is(err, ErrTarget):
		return record.ReasonNoTarget
	case errors.Is(err, ErrExclusions):
		return record.ReasonInternal
	case errors.Is(err, ErrNoConsent), errors.Is(err, ErrRefused), errors.Is(err, ErrBreakGlass):
		return record.ReasonNoConsent
	}
	return record.ReasonDenied
}

// ruling is a request before the rules. Each rule says what it found, or why it
// refuses.
type ruling struct {
	a            *Agreement
	side, holder Side
	q            Asking
	heard        heard

	permits  permission
	owed     bool
	broken   bool
	excluded *excludedCodes
}

func (r *ruling) link() (string, error) {
	switch {
	case !r.a.Links():
		return "", ErrNotEnabled
	case r.a.Until != "" && r.q.Now.Format(time.DateOnly) > r.a.Until:
		return "", fmt.Errorf("%w on %s", ErrEnded, r.a.Until)
	}
	return r.a.Enabling(), nil
}

func (r *ruling) organisations() (string, error) {
	ods, target := r.heard.Organisation, r.q.Request.Target
	switch {
	case r.heard.conflict == claimOrganisation:
		return "", fmt.Errorf("%w: %s", ErrConflict, claimOrganisation)
	case !r.side.Serves(ods):
		return "", ErrOrganisation
	case target == "":
		return fmt.Sprintf("%s of %s asks %s", ods, r.q.Consumer, r.q.Holder), nil
	case !r.holder.Serves(target):
		return "", ErrTarget
	}
	return fmt.Sprintf("%s of %s asks %s of %s", ods, r.q.Consumer, target, r.q.Holder), nil
}

func (r *ruling) direction() (string, error) {
	if r.q.Consumer == r.q.Holder || !r.side.asks {
		return "", ErrMayNotAsk
	}
	return r.q.Consumer + " may ask", nil
}

func (r *ruling) sections() (string, error) {
	asked, shares := r.q.Request.Sections, r.holder.shares
	if asked&shares == 0 {
		return "", fmt.Errorf("%w: asked %s, shared %s", ErrSections, sectionWords(asked), sectionWords(shares))
	}
	return fmt.Sprintf("asked %s, shared %s", sectionWords(asked), sectionWords(shares)), nil
}

func (r *ruling) user() (string, error) {
	switch c := r.heard; {
	case c.conflict != "":
		return "", fmt.Errorf("%w: %s", ErrConflict, c.conflict)
	case c.User == "":
		return "", ErrUser
	case r.side.generic(c.User), c.UserName != "" && r.side.generic(c.UserName):
		return "", ErrGeneric
	}
	return fmt.Sprintf("%q is named", r.heard.User), nil
}

func (r *ruling) role() (string, error) {
	p, known := r.side.permission(r.heard.Claims)
	if p.view&r.holder.shares&r.q.Request.Sections == 0 {
		return "", fmt.Errorf("%w: known are %q", ErrRole, known)
	}
	r.permits = p
	return fmt.Sprintf("%q permits %s", known, sectionWords(p.view)), nil
}

func (r *ruling) purpose() (string, error) {
	if r.heard.Purpose != DirectCare {
		return "", ErrPurpose
	}
	return DirectCare, nil
}

func (r *ruling) relationship() (string, error) {
	switch relationship := r.heard.Relationship; {
	case relationship != "" && relationship != unknownWord:
		return relationship, nil
	case r.side.from(claimRelationship, FromReadBack):
		r.owed = true
		return "owed: the patient's registration is to be read back", nil
	}
	return "", ErrRelationship
}

// consent wants the patient's consent to view, given for this request, or a
// break-glass in its place. The patient's no is not overridden.
func (r *ruling) consent() (string, error) {
	c := r.heard
	when := r.q.Now.UTC().Format(time.RFC3339)
	switch {
	case c.Consent == Refused:
		return "", ErrRefused
	case gives(c.Consent):
		return fmt.Sprintf("%s, at %s", c.Consent, when), nil
	case c.Consent == unknownWord || c.BreakGlass == "":
		return "", ErrNoConsent
	case !r.side.BreakGlass:
		return "", fmt.Errorf("%w by this side", ErrBreakGlass)
	case !r.permits.breakGlass:
		return "", fmt.Errorf("%w by this user's roles", ErrBreakGlass)
	case c.BreakGlass == unknownWord:
		return "", fmt.Errorf("%w without a reason of the list", ErrBreakGlass)
	case bare(c.BreakGlassText) == "":
		return "", fmt.Errorf("%w without words of the user's own", ErrBreakGlass)
	}
	r.broken = true
	return fmt.Sprintf("OVERRIDDEN by break-glass, reason %s, at %s", c.BreakGlass, when), nil
}

// exclusions says by what the entries will be judged one by one.
func (r *ruling) exclusions() (string, error) {
	marks := fmt.Sprintf("marks released %q", r.holder.ReleaseMarks)
	if r.holder.Exclusions == "" {
		return "no codes excluded, " + marks, nil
	}
	if r.holder.excluded == nil || r.holder.excluded.set.Load() == nil {
		return "", ErrExclusions
	}
	r.excluded = r.holder.excluded.set.Load()
	return fmt.Sprintf("%s, %s", r.excluded.name(), marks), nil
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
