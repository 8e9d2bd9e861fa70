package vision

import (
	"slices"

	"github.com/linkspan/linkspan/record"
)

// The views of S §5.2; viewWhole is inferred: the whole patient file of S §5.1,
// for which no call is published.
const (
	viewAllergies = "VPS_ALLERGIES"
	viewMedicines = "VPS_MEDICATIONS"
	viewEvents    = "VPS_EVENT_HISTORY"
	viewProblems  = "PROBLEMS"
	viewDrugs     = "MEDICATIONS"
	viewWhole     = "PATIENT_RECORD"
	viewDetails   = "GetDemographics" // an operation of its own
)

// view is one view and the sections it says all of.
type view struct {
	name     string
	sections record.SectionSet
}

// views are all, those that a record is made of first.
func views() []view {
	events := record.SectionsOf(record.Observations, record.Investigations, record.Immunisations, record.FamilyHistory, record.Referrals, record.Consultations)
	return []view{
		{viewAllergies, record.SectionsOf(record.Allergies)},
		{viewMedicines, record.SectionsOf(record.Medication, record.Issues)},
		{viewProblems, record.SectionsOf(record.Problems)},
		{viewEvents, events},
		{viewWhole, supplied()},
		{viewDrugs, record.SectionsOf(record.Medication, record.Issues)},
		{"DIAGNOSIS", record.SectionsOf(record.Problems, record.Observations)},
		{"RISKS AND WARNINGS", record.SectionsOf(record.Allergies, record.Observations)},
		{"PROCEDURES", record.SectionsOf(record.Immunisations, record.Observations)},
		{"TEST RESULTS", record.SectionsOf(record.Investigations)},
		{"EXAM FINDINGS", record.SectionsOf(record.Investigations, record.Observations)},
	}
}

// recordViews are those that a record is made of.
func recordViews() []view { return views()[:4] }

// supplied are the sections that Vision's messages have a place for.
func supplied() record.SectionSet {
	return record.SectionsOf(record.Demographics, record.Problems, record.Medication, record.Issues, record.Allergies, record.Consultations,
		record.Observations, record.Investigations, record.Immunisations, record.FamilyHistory, record.Referrals, record.Unrecognised)
}

func viewOf(name string) (view, bool) {
	all := views()
	i := slices.IndexFunc(all, func(v view) bool { return v.name == name })
	if i < 0 {
		return view{}, false
	}
	return all[i], true
}

// viewsFor are the views that together say the sections.
func viewsFor(asked record.SectionSet) []string {
	var chosen []string
	for _, v := range recordViews() {
		if v.sections&asked != 0 {
			chosen = append(chosen, v.name)
		}
	}
	return chosen
}
