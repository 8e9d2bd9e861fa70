package medicalrecord

import (
	"github.com/linkspan/linkspan/record"
)

// standing gathers what the document says of the patient's registration, in
// its own values (fields-medicalrecord38: StatusType, RegistrationStatusType,
// RegistrationHistoryType, RegistrationType). The numbers and terms of the
// status itself are EMIS's own and not published; nothing is read into them.
type standing struct {
	practice string // PracticeRegistered: 1 a regular patient of the practice now, 0 not
	kind     string // PatientType of the current status
	since    string // StatusDate
	deducted string // DeductedDate
	archived string
	history  []registered
}

// registered is one RegistrationHistory.
type registered struct{ from, to, kind string }

// The values of PatientType: 4 is regular; emergency, immediately necessary and
// temporary resident are for a time; private and a practice's own say nothing
// of who may be shown.
func temporary(kind string) bool { return kind == "1" || kind == "2" || kind == "5" }

const regular = "4"

// judge says how the patient stands with the practice, and since when not.
// What is not stated, or contradicts itself, leaves it unknown.
func (s *standing) judge() (record.Standing, record.Date) {
	left := day(s.deducted)
	switch s.practice {
	case "":
		return s.byHistory()
	case "0":
		if temporary(s.kind) && (s.deducted == "" || before(left, s.began())) {
			return record.Temporary, record.Date{}
		}
		return record.Left, left
	case "1":
		switch {
		case s.deducted != "" && !before(left, s.began()):
			return record.StandingUnknown, left // registered, and deducted since
		case s.archived == "1":
			return record.StandingUnknown, record.Date{}
		case temporary(s.kind):
			return record.Temporary, record.Date{}
		case s.kind == regular || s.kind == "":
			return record.Registered, record.Date{}
		}
	}
	return record.StandingUnknown, record.Date{}
}

// byHistory judges where the current status does not say it.
func (s *standing) byHistory() (record.Standing, record.Date) {
	verdict, left := record.StandingUnknown, day(s.deducted)
	open := false
	for _, r := range s.history {
		switch {
		case r.to != "":
			if to := day(r.to); before(left, to) || left.IsZero() {
				left = to
			}
		case r.from != "":
			open = true
			switch {
			case temporary(r.kind):
				verdict = max(verdict, record.Temporary)
			case r.kind == regular && verdict == record.StandingUnknown:
				verdict = record.Registered
			}
		}
	}
	switch {
	case !open && (s.deducted != "" || len(s.history) > 0):
		return record.Left, left
	case open && s.deducted != "" && !before(day(s.deducted), s.began()), s.archived == "1":
		return record.StandingUnknown, record.Date{}
	}
	return verdict, record.Date{}
}

// began is the latest day on which the registration that still runs is said to
// have begun.
func (s *standing) began() record.Date {
	began := day(s.since)
	for _, r := range s.history {
		if from := day(r.from); r.to == "" && (began.IsZero() || before(began, from)) {
			began = from
		}
	}
	return began
}

// day is a date of the document, zero where it is none.
func day(s string) record.Date {
	d, err := record.ParseDMY(s)
	if err != nil {
		return record.Date{}
	}
	return d
}

// before reports that a is known to be earlier than b.
func before(a, b record.Date) bool {
	return !a.IsZero() && !b.IsZero() && !b.Within(record.Date{}, a)
}
