package governance

import (
	"errors"
	"slices"

	"github.com/linkspan/linkspan/record"
)

// ErrExclusions is a side whose exclusion codes have not been loaded.
var ErrExclusions = errors.New("the exclusion codes have not been loaded")

// Withhold takes out of a decoded record what may not leave: sections the holder
// does not share or the user's roles do not permit, sections nobody asked for,
// and entries under a confidentiality mark the agreement does not release or
// under a code it excludes, with everything inside them and every link to them.
// It runs on the source record, before translation (safety IG-04, T-33). A
// patient under such a mark is answered as not found (safety CS-07). The error is
// a *record.Error.
func (a *Agreement) Withhold(holder string, rec *record.Record, d Decision) error {
	side, excluded := a.Sides[holder], d.excluded
	switch {
	case d.owed:
		return record.Fault(record.ReasonDenied, op, ErrRelationship)
	case side.Exclusions != "" && excluded == nil:
		return record.Fault(record.ReasonInternal, op, ErrExclusions)
	case !side.releases(rec.Patient.Confidential):
		return record.Fault(record.ReasonNotFound, op, ErrConfidential)
	}
	confidential := side.confidential(rec, excluded)
	open := (d.may | d.Sections) & side.shares
	for _, s := range record.Sections() {
		if !side.shares.Has(s) {
			rec.Declare(s, record.Disabled)
		} else if d.Denied.Has(s) {
			rec.Declare(s, record.Denied)
		}
	}
	if !(d.Sections & open).Has(record.Demographics) {
		rec.Patient = identity(rec.Patient)
	}
	for _, e := range rec.Entries {
		if confidential[e] || !open.Has(e.Kind.Section()) {
			e.Outcome = record.WithheldEntry
		}
	}
	warnLinked(rec, confidential)
	for e := range rec.Released {
		e.Unlink(released)
		if excluded.unhead(e) {
			rec.Warn(record.Warning{Code: record.WarnConfidential, Section: e.Kind.Section()})
		}
	}
	d.narrow(rec)
	return nil
}

// narrow leaves out the sections nobody asked for (safety T-33). Two of them
// stay for the translation, which narrows them itself: where allergies are asked
// for, those that were entered as an ordinary code have still to be found; and
// where problems are, the allergy one of them heads.
func (d Decision) narrow(rec *record.Record) {
	asked := d.asked | d.Sections | d.Denied
	if asked == record.AllSections {
		return
	}
	rec.Narrow(func(e *record.Entry) bool {
		switch e.Kind {
		case record.KindObservation, record.KindResult, record.KindProblem:
			if asked.Has(record.Allergies) {
				return true
			}
		case record.KindAllergy:
			if asked.Has(record.Problems) {
				return true
			}
		}
		return asked.Has(e.Kind.Section())
	})
}

func (s Side) releases(mark string) bool {
	return mark == "" || slices.Contains(s.ReleaseMarks, mark)
}

// confidential finds the entries under a mark or an excluded code, or withheld
// by their decoder, and everything that is part of them or says the same: what
// hangs below a parent, the lines of a consultation, the issues of a course, a
// problem's heading and the entry it heads.
func (s Side) confidential(rec *record.Record, excluded *excludedCodes) map[*record.Entry]bool {
	hidden := map[*record.Entry]bool{}
	var reach []*record.Entry
	hide := func(e *record.Entry) {
		if e != nil && !hidden[e] {
			hidden[e] = true
			reach = append(reach, e)
		}
	}
	for _, e := range rec.Entries {
		if !s.releases(e.Confidential) || e.Outcome == record.WithheldEntry || excluded.names(e) {
			hide(e)
		}
		for _, line := range lines(e) {
			if excluded.excludes(string(line.Heading.Scheme), line.Heading.Value) {
				hide(line.Entry)
			}
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

func lines(e *record.Entry) []record.Item {
	if e.Consultation == nil {
		return nil
	}
	return e.Consultation.Items
}

// names reports an entry one of whose own codes is excluded: its code in any
// scheme it came in, what its qualifiers say, the substance of an allergy, the
// parts of a mixture and the type of a consultation. A code slot with typed text
// in it is no code.
func (set *excludedCodes) names(e *record.Entry) bool {
	if set == nil {
		return false
	}
	codes := append(slices.Clone(e.Others), e.Code)
	for _, q := range e.Qualifiers {
		codes = append(codes, q.NameCode, q.ValueCode)
	}
	if e.Allergy != nil {
		codes = append(codes, e.Allergy.Substance)
	}
	if e.Medication != nil {
		for _, part := range e.Medication.Mixture {
			codes = append(codes, part.Code)
		}
	}
	if e.Consultation != nil {
		codes = append(codes, e.Consultation.Type)
	}
	for _, c := range codes {
		if set.excludes(string(c.Scheme), c.Value) {
			return true
		}
	}
	return false
}

// unhead takes out the lines of a consultation under an excluded heading, words
// without an entry too, and reports whether there were any.
func (set *excludedCodes) unhead(e *record.Entry) bool {
	if set == nil || e.Consultation == nil {
		return false
	}
	before := len(e.Consultation.Items)
	e.Consultation.Items = slices.DeleteFunc(e.Consultation.Items, func(i record.Item) bool {
		return set.excludes(string(i.Heading.Scheme), i.Heading.Value)
	})
	return len(e.Consultation.Items) < before
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
