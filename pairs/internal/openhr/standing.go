package openhr

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// The values of patientStatus/status by what they say of a registration
// (fields-openhr-vocabulary; with which caseloadStatus they come was seen in
// real records, E §1.2). Values in none of these lists say nothing of it by
// themselves: 1 and 2 are steps before a registration, 7 says that a patient
// has left and is registered, 18, 27 and 28 are moves that keep the practice.
const (
	statusRegistered = " 3 4 5 6 8 "
	statusTemporary  = " 9 10 "
	statusLeft       = " 13 14 15 16 17 19 20 21 22 23 24 25 26 29 30 31 32 33 34 35 36 37 38 39 40 41 44 46 "
	statusDead       = " 11 12 47 48 "
)

// The values of patientType: regular is permanent, emergency, immediately
// necessary and temporary are for a time. What the others mean for who may be
// shown is stated nowhere.
const (
	typeRegular   = " REG "
	typeTemporary = " E IN TMP "
)

func oneOf(list, value string) bool { return value != "" && strings.Contains(list, " "+value+" ") }

// standing is how one registration stands: what its status, its deprecated but
// real caseloadStatus and its type say together. Where they disagree the one
// that shows less counts, and a value that is not known or says nothing leaves
// it unknown.
func standing(state, status, kind string, ended bool) record.Standing {
	if state == "DEAD" || oneOf(statusDead, status) {
		return record.Deceased
	}
	if state == "LEFT" || oneOf(statusLeft, status) || ended {
		return record.Left
	}
	_, listed := vocPatient.word(status)
	switch {
	case state != "REG" && state != "", status != "" && !listed, status == "7":
		return record.StandingUnknown
	case oneOf(statusTemporary, status), oneOf(typeTemporary, kind):
		return record.Temporary
	case !oneOf(typeRegular, kind), state == "" && !oneOf(statusRegistered, status):
		return record.StandingUnknown
	}
	return record.Registered
}

// stand sets how the patient stands with the holder: by the current
// registrations there, which must agree, and by what is said of the patient's
// death. An archived patient is dead or inactive (fields-openhr), so that one
// who looks registered is not known to be.
func (d *decoder) stand() {
	p, links := &d.rec.Patient, &d.links
	for i, s := range links.standings {
		if i == 0 {
			p.Standing = s
		} else if s != p.Standing {
			p.Standing = record.StandingUnknown
		}
	}
	if links.archived && p.Standing != record.Left {
		p.Standing = record.StandingUnknown
	}
	if p.Dead || !p.DeathDate.IsZero() || links.dead {
		p.Standing = record.Deceased
	}
	p.Superseded = p.Former(p.NHS)
}
