package standin

import (
	"slices"

	"github.com/beevik/etree"
)

// flagged says which elements of a GetPatientRecord answer a Filter flag asks
// for (S §1.3, §1.4). Demographics and the NonClinical kinds stand beside the
// kinds of an Event.
var flagged = map[string][]string{
	"Appointments":  {"Appointment"},
	"CarePlans":     {"CarePlan", "PatientPlan"},
	"Demographics":  {"Demographics"},
	"ClinicalCodes": {"ClinicalCode"},
	"Letters":       {"Letter"},
	"Medication":    {"Medication", "RepeatMedication"},
	"Sensitivities": {"DrugSensitivity"},
	"Recalls":       {"Recall"},
	"Referrals":     {"Referral"},
	"Relationships": {"Relationship"},
	"Results":       {"Report"},
	"Vaccinations":  {"Vaccination"},
	"Reminders":     {"Reminder"},
	"Activity":      {"Activity"},
	"Attachments":   {"Attachment"},
	"Narrative":     {"Narrative"},
	"Visits":        {"Visit"},
	"Tasks":         {"Task"},
}

// filter is a Filter as it is applied. Kinds and codes are joined by or; the
// rest narrows what they give (S §1.3).
type filter struct {
	kinds    []string
	codes    []string // of a ClinicalCode
	numerics []string // of a ClinicalCode that has a value
	users    []string
	// The bounds. A record's file does not say when an entry was made, so that
	// the bounds of entry are judged by the date of the event too.
	from, to []string
	all      bool // no kind and no code asked for: all are
}

func newFilter(n *node) filter {
	f := filter{all: true}
	for _, c := range n.children {
		kinds, isFlag := flagged[c.name]
		switch {
		case isFlag:
			f.kinds, f.all = append(f.kinds, kinds...), false
		case c.name == "ClinicalCode":
			f.codes, f.all = append(f.codes, c.text), false
		case c.name == "Numeric":
			f.numerics, f.all = append(f.numerics, c.text), false
		case c.name == "UserNameDoneBy":
			f.users = append(f.users, c.text)
		case c.name == "MinEffectiveDate" || c.name == "MinEntryDate":
			f.from = append(f.from, c.text)
		default:
			f.to = append(f.to, c.text)
		}
	}
	return f
}

// apply takes out of a Response what the filter does not ask for. A part of
// which nothing was asked is left out; one of which nothing is left stays,
// empty.
func (f filter) apply(response *etree.Element) {
	prune(response, func(e *etree.Element) bool {
		switch e.Tag {
		case "Demographics":
			return f.asks("Demographics")
		case "Clinical":
			prune(e, f.keepEvent)
			return f.all || len(f.codes)+len(f.numerics) > 0 || slices.ContainsFunc(f.kinds, inEvent)
		case "NonClinical":
			prune(e, func(item *etree.Element) bool { return f.asks(item.Tag) })
			return f.all || slices.ContainsFunc(f.kinds, nonClinical)
		}
		return true
	})
}

func nonClinical(kind string) bool { return kind == "Appointment" || kind == "Visit" || kind == "Task" }

func inEvent(kind string) bool { return kind != "Demographics" && !nonClinical(kind) }

func (f filter) asks(kind string) bool { return f.all || slices.Contains(f.kinds, kind) }

func (f filter) keepEvent(event *etree.Element) bool {
	date := event.SelectAttrValue("DateTime", "")
	for _, bound := range f.from {
		if compareDates(date, bound) < 0 {
			return false
		}
	}
	for _, bound := range f.to {
		if compareDates(date, bound) > 0 {
			return false
		}
	}
	if len(f.users) > 0 && !slices.Contains(f.users, event.SelectAttrValue("UserName", "")) {
		return false
	}
	if f.all {
		return true
	}
	report := child(event, "Report") != nil
	kept := 0
	prune(event, func(item *etree.Element) bool {
		keep := f.keepItem(item, report)
		if keep {
			kept++
		}
		return keep || item.Tag == "LinkedProblemUID"
	})
	return kept > 0
}

// keepItem judges one child of an Event. The values of a report stand beside it
// as ClinicalCodes, and non-drug allergies are ClinicalCodes marked as such, so
// Results and Sensitivities bring these along.
func (f filter) keepItem(item *etree.Element, report bool) bool {
	if f.asks(item.Tag) {
		return true
	}
	if item.Tag != "ClinicalCode" {
		return false
	}
	valued := child(item, "Value") != nil
	code := ""
	if c := child(item, "Code"); c != nil {
		code = c.SelectAttrValue("Code", "")
	}
	return slices.Contains(f.codes, code) ||
		valued && slices.Contains(f.numerics, code) ||
		valued && report && f.asks("Report") ||
		child(item, "IsAllergy") != nil && f.asks("DrugSensitivity")
}

// compareDates compares at the coarser precision, so that an event of a day is
// inside a period that touches it. A date that is missing is inside any.
func compareDates(a, b string) int {
	n := min(len(a), len(b), len("2006-01-02T15:04:05"))
	switch a, b = a[:n], b[:n]; {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
