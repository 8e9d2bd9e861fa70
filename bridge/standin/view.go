package standin

import (
	"slices"

	"github.com/beevik/etree"
)

// directories are the parts of a MedicalRecord that every answer keeps: who the
// patient is, and what the entries point to.
var directories = []string{"Registration", "RegistrationChangeHistory", "RegistrationStatus", "MiscellaneousData",
	"PeopleList", "LocationList", "LocationTypeList", "Originator", "RecipientID", "MessageInformation", "PolicyList"}

// viewLists are the lists of a MedicalRecord a view keeps. What a summary holds
// is not public; here it is problems, allergies, current medication and alerts.
var viewLists = map[get][]string{
	getSummary:      {"EventList", "ConsultationList", "AllergyList", "MedicationList", "AlertList"},
	getDemographics: {},
	getMedication:   {"MedicationList", "IssueList", "ConsultationList"},
}

// viewed reports that an entry belongs to a view that is not the whole.
func viewed(g get, entry *etree.Element) bool {
	switch entry.Tag {
	case "Medication":
		return g == getMedication || g == getSummary && text(entry, "Status") == "C"
	case "Issue":
		return g == getMedication
	case "Allergy", "Alert":
		return g == getSummary
	case "Event":
		return g == getSummary && child(entry, "Problem") != nil
	}
	return false
}

// filterMedicalRecord leaves what the view holds. The content of a consultation
// stands inside it, so a consultation stays as far as its content does.
func filterMedicalRecord(root *etree.Element, g get) {
	if g == getFull {
		return
	}
	prune(root, func(list *etree.Element) bool {
		if slices.Contains(directories, list.Tag) {
			return true
		}
		if !slices.Contains(viewLists[g], list.Tag) {
			return false
		}
		prune(list, func(entry *etree.Element) bool {
			if entry.Tag == "Consultation" {
				return filterConsultation(entry, g)
			}
			return viewed(g, entry)
		})
		return true
	})
}

func filterConsultation(consultation *etree.Element, g get) bool {
	kept := false
	prune(child(consultation, "ElementList"), func(e *etree.Element) bool {
		keep := slices.ContainsFunc(e.ChildElements(), func(c *etree.Element) bool { return viewed(g, c) })
		kept = kept || keep
		return keep
	})
	return kept
}

// filterOpenHR leaves what the view holds: entries by their eventType, and with
// a summary the problems and the events that define them (E §1.3).
func filterOpenHR(root *etree.Element, g get) {
	if g == getFull {
		return
	}
	narrowOpenHR(root, g == getSummary, func(event *etree.Element) bool { return viewedEvent(g, event) })
}

// narrowOpenHR leaves the events that keep accepts, and with problems these and
// the events that define them. Links to what is left out go with it.
func narrowOpenHR(root *etree.Element, problems bool, keep func(event *etree.Element) bool) {
	health := child(root, "healthDomain")
	if health == nil {
		return
	}
	kept := map[string]bool{}
	defining := map[string]bool{}
	for _, e := range health.ChildElements() {
		if e.Tag == "problem" {
			defining[text(e, "id")] = problems
		}
	}
	prune(health, func(e *etree.Element) bool {
		if e.Tag == "problem" {
			return problems
		}
		if e.Tag != "event" || !defining[text(e, "id")] && !keep(e) {
			return false
		}
		kept[text(e, "id")] = true
		return true
	})
	for _, e := range health.ChildElements() {
		dangling := func(c *etree.Element) bool { return c.Tag != "eventLink" || kept[text(c, "id")] }
		prune(e, dangling)
	}
}

func viewedEvent(g get, event *etree.Element) bool {
	switch text(event, "eventType") {
	case "MED":
		return g == getMedication || g == getSummary && text(child(event, "medication"), "drugStatus") == "A"
	case "ISS":
		return g == getMedication
	case "ALL", "ALT":
		return g == getSummary
	}
	return false
}
