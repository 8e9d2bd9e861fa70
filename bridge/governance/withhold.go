package governance

import (
	"errors"
	"slices"

	"github.com/linkspan/linkspan/record"
)

// ErrConfidential is a patient whose whole record is under a mark the
// agreement does not release.
var ErrConfidential = errors.New("the whole record is confidential")

// Withhold takes out of a decoded record what may not leave: sections the
// holder does not share, and entries under a confidentiality mark the
// agreement does not release, with everything inside them and every link to
// them. It runs on the source record, before translation (safety IG-04). A
// patient under such a mark is answered as not found (safety CS-07).
func (a *Agreement) Withhold(holder string, rec *record.Record) error {
	side := a.Sides[holder]
	if !side.releases(rec.Patient.Confidential) {
		return record.Fault(record.ReasonNotFound, op, ErrConfidential)
	}
	confidential := side.confidential(rec)
	for _, s := range record.Sections() {
		if !side.shares.Has(s) {
			rec.Declare(s, record.Disabled)
		}
	}
	if !side.shares.Has(record.Demographics) {
		rec.Patient = identity(rec.Patient)
	}
	hidden := false
	for _, e := range rec.Entries {
		if confidential[e] || !side.shares.Has(e.Kind.Section()) {
			e.Outcome = record.WithheldEntry
			hidden = true
		}
	}
	if !hidden {
		return nil
	}
	warnLinked(rec, confidential)
	for e := range rec.Released {
		e.Unlink(released)
	}
	return nil
}

func (s Side) releases(mark string) bool {
	return mark == "" || slices.Contains(s.ReleaseMarks, mark)
}

// confidential finds the entries under a mark, or withheld by their decoder,
// and everything that is part of them or says the same: what hangs below a
// parent, the lines of a consultation, the issues of a course, a problem's
// heading and the entry it heads.
func (s Side) confidential(rec *record.Record) map[*record.Entry]bool {
	hidden := map[*record.Entry]bool{}
	var reach []*record.Entry
	hide := func(e *record.Entry) {
		if e != nil && !hidden[e] {
			hidden[e] = true
			reach = append(reach, e)
		}
	}
	for _, e := range rec.Entries {
		if !s.releases(e.Confidential) || e.Outcome == record.WithheldEntry {
			hide(e)
		}
	}
	if len(reach) == 0 {
		return hidden
	}
	parts := parts(rec)
	for len(reach) > 0 {
		e := reach[len(reach)-1]
		reach = reach[:len(reach)-1]
		for _, part := range parts[e] {
			hide(part)
		}
	}
	return hidden
}

// parts lists for each entry those that go where it goes.
func parts(rec *record.Record) map[*record.Entry][]*record.Entry {
	parts := map[*record.Entry][]*record.Entry{}
	with := func(whole, part *record.Entry) {
		if whole != nil {
			parts[whole] = append(parts[whole], part)
		}
	}
	for _, e := range rec.Entries {
		with(e.Parent, e)
		if e.Medication != nil {
			with(e.Medication.Course, e)
		}
		if e.Problem != nil {
			with(e, e.Problem.Defines)
			with(e.Problem.Defines, e)
		}
		if e.Consultation != nil {
			for _, item := range e.Consultation.Items {
				with(e, item.Entry)
			}
		}
	}
	return parts
}

// warnLinked puts the warning on every other list a confidential entry would
// have been in: those of its problem, its consultation and the report it is
// part of (safety §1.3, §D.1 D-8). Its own section is warned of when the record
// is settled.
func warnLinked(rec *record.Record, confidential map[*record.Entry]bool) {
	warn := func(other *record.Entry) {
		if other != nil && released(other) {
			rec.Warn(record.Warning{Code: record.WarnConfidential, Section: other.Kind.Section()})
		}
	}
	for _, e := range rec.Entries {
		if confidential[e] {
			warn(e.Parent)
			for _, link := range e.Problems {
				warn(link.Problem)
			}
			continue
		}
		if e.Consultation == nil {
			continue
		}
		for _, item := range e.Consultation.Items {
			if confidential[item.Entry] {
				warn(e)
			}
		}
	}
}

func released(e *record.Entry) bool { return e.Outcome != record.WithheldEntry }

// identity is what a patient is known by, and whether they have died: all that
// crosses where the patient's details are not shared.
func identity(p record.Patient) record.Patient {
	return record.Patient{ID: p.ID, NHS: p.NHS, Title: p.Title, Forenames: p.Forenames, FirstName: p.FirstName, Surname: p.Surname,
		BirthDate: p.BirthDate, DeathDate: p.DeathDate, Dead: p.Dead, Sex: p.Sex}
}
