package governance

import (
	"errors"
	"slices"
	"time"

	"github.com/linkspan/linkspan/record"
)

// Why a patient is not shown. All but ErrDissent are answered as a patient not
// found (safety CS-07).
var (
	ErrSuperseded   = errors.New("the NHS number is no longer this patient's")
	ErrSensitive    = errors.New("the patient is flagged as sensitive")
	ErrConfidential = errors.New("the whole record is confidential")
	ErrLeft         = errors.New("the patient has left the practice")
	ErrTemporary    = errors.New("the patient is not registered permanently")
	ErrStanding     = errors.New("the practice does not say how the patient is registered")
	ErrDeceased     = errors.New("the patient has died")
	ErrDissent      = errors.New("the patient dissents from sharing")
	ErrMismatch     = errors.New("the two systems' details of the patient differ")
	ErrUnproven     = errors.New("a system does not say enough of the patient")
)

// ReadsUserBack reports that the logged-on user is to be read back from the
// asker's system by its edge.
func (a *Agreement) ReadsUserBack(consumer string) bool {
	return slices.ContainsFunc([]string{claimUser, claimUserName, claimRole, claimActivities, claimOrganisation},
		func(claim string) bool { return a.ReadsBack(consumer, claim) })
}

// ReadsBack reports that one claim may come from the logged-on user as the
// asker's system names them.
func (a *Agreement) ReadsBack(consumer, claim string) bool {
	return a.Sides[consumer].from(claim, FromReadBack)
}

// ReadsPatientBack reports that the asker's own copy of the patient is to be
// read, for the comparison and for the relationship.
func (a *Agreement) ReadsPatientBack(consumer string) bool {
	return a.Sides[consumer].OwnCopy != OwnCopyNone
}

// ShowsRefusals reports that a permanent refusal of the holder's own may be
// shown in its words. Otherwise it is a patient not found.
func (a *Agreement) ShowsRefusals(holder string) bool { return a.Sides[holder].Refusals == Shown }

// Relate settles the legitimate relationship where the agreement lets the
// patient's registration with the asker's own organisation prove it: own is the
// asker's copy of the patient, nil where there is none. It does nothing where
// the relationship was asserted. Withhold refuses a Decision in which it is still
// owed. The error is a *record.Error of reason denied.
func (a *Agreement) Relate(own *record.Patient, d *Decision) error {
	if !d.owed {
		return nil
	}
	if own == nil || own.Standing != record.Registered && own.Standing != record.Temporary {
		d.Cause = "relationship: " + ErrRelationship.Error()
		d.Checks = append(d.Checks, "refused by "+d.Cause)
		return record.Fault(record.ReasonDenied, op, ErrRelationship)
	}
	sources := map[string]string{claimRelationship: FromReadBack}
	for name, source := range d.Claims.Sources {
		sources[name] = source
	}
	d.Claims.Relationship, d.Claims.Sources, d.owed = Registered, sources, false
	d.Checks = append(d.Checks, "relationship: registered (read back)")
	return nil
}

// Prove applies the two sides' identity policy to what the comparison of the
// patient's details came to. warn asks for a warning on the record that it was
// released by the number alone. The error is a *record.Error: wrong-patient or
// identity-unproven.
func (a *Agreement) Prove(consumer, holder string, v record.Verification) (warn bool, err error) {
	switch {
	case v == record.Verified:
		return false, nil
	case v != record.Unproven:
		return false, record.Fault(record.ReasonWrongPatient, op, ErrMismatch)
	case a.Sides[consumer].Identity == IdentityNumber && a.Sides[holder].Identity == IdentityNumber:
		return true, nil
	}
	return false, record.Fault(record.ReasonNoPatient, op, ErrUnproven)
}

// Admit decides by what the holder says of the patient: a number that is no
// longer theirs, the sensitive flag, a mark on the whole record, whether they
// are registered and alive, and last their own dissent, which nothing overrides
// (safety CS-07, CS-09, IG-02). today is YYYY-MM-DD. cause is for the audit
// alone. The error is a *record.Error: patient-not-found, or no-consent for a
// dissent.
func (a *Agreement) Admit(holder string, p *record.Patient, today string) (cause string, err error) {
	side := a.Sides[holder]
	switch {
	case p.Superseded:
		err = ErrSuperseded
	case p.Sensitive:
		err = ErrSensitive
	case !side.releases(p.Confidential):
		err = ErrConfidential
	case p.Standing == record.Left, gone(p):
		err = ErrLeft
	case p.Standing == record.Temporary && side.Temporary != Shown:
		err = ErrTemporary
	case p.Standing == record.StandingUnknown && side.StandingRequired:
		err = ErrStanding
	case p.Dead, !p.DeathDate.IsZero(), p.Standing == record.Deceased: // last: who was not shown in life is not shown after it
		err = side.remembers(p.DeathDate, today)
	}
	if err != nil {
		return err.Error(), record.Fault(record.ReasonNotFound, op, err)
	}
	if p.Dissent {
		return ErrDissent.Error(), record.Fault(record.ReasonNoConsent, op, ErrDissent)
	}
	return "", nil
}

// gone reports a patient who left and of whom nothing says that they came back.
// Whoever was taken off the list on their death, or after it, had not left.
func gone(p *record.Patient) bool {
	if p.LeftOn.IsZero() || p.Standing == record.Registered || p.Standing == record.Temporary {
		return false
	}
	return p.DeathDate.IsZero() || p.LeftOn.Wall() < p.DeathDate.Truncate(p.LeftOn.Precision()).Wall()
}

// remembers reports whether a death is recent enough for the record to be
// shown. Of a month or a year the first day counts, and a day nobody knows or
// that has not come is none.
func (s Side) remembers(death record.Date, today string) error {
	day := death.Truncate(record.PrecisionDay).Wall()
	if rest := "0001-01-01"; len(day) < len(rest) {
		day += rest[len(day):]
	}
	died, err := time.Parse(time.DateOnly, day)
	now, wrong := time.Parse(time.DateOnly, today)
	if err != nil || wrong != nil || death.IsZero() || died.After(now) || now.Sub(died) > time.Duration(s.DeceasedDays)*24*time.Hour || s.DeceasedDays == 0 {
		return ErrDeceased
	}
	return nil
}
