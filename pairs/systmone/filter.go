package systmone

import (
	"slices"

	"github.com/linkspan/linkspan/record"
)

// filterFlag is one empty element of a Filter (S §1.3). README.md has the table in
// words.
type filterFlag string

// The flags, in the order they are written.
const (
	flagAppointments  filterFlag = "Appointments"
	flagCarePlans     filterFlag = "CarePlans"
	flagDemographics  filterFlag = "Demographics"
	flagClinicalCodes filterFlag = "ClinicalCodes"
	flagLetters       filterFlag = "Letters"
	flagMedication    filterFlag = "Medication"
	flagSensitivities filterFlag = "Sensitivities"
	flagRecalls       filterFlag = "Recalls"
	flagReferrals     filterFlag = "Referrals"
	flagRelationships filterFlag = "Relationships"
	flagResults       filterFlag = "Results"
	flagVaccinations  filterFlag = "Vaccinations"
	flagReminders     filterFlag = "Reminders"
	flagActivity      filterFlag = "Activity"
	flagAttachments   filterFlag = "Attachments"
	flagNarrative     filterFlag = "Narrative"
	flagVisits        filterFlag = "Visits"
	flagTasks         filterFlag = "Tasks"
)

// flagOrder is the order of the documents; ClinicalCode, Numeric and
// UserNameDoneBy, which hold a value, stand after ClinicalCodes, Vaccinations
// and at the end.
var flagOrder = []filterFlag{flagAppointments, flagCarePlans, flagDemographics, flagClinicalCodes, flagLetters, flagMedication,
	flagSensitivities, flagRecalls, flagReferrals, flagRelationships, flagResults, flagVaccinations, flagReminders,
	flagActivity, flagAttachments, flagNarrative, flagVisits, flagTasks}

// codeSections is where an ordinary ClinicalCode may stand: non-drug
// allergies, problems and family history are ClinicalCodes too (S §1.4).
var codeSections = record.SectionsOf(record.Problems, record.Observations, record.Investigations, record.FamilyHistory, record.Allergies)

// sections is what a flag asks for when SystmOne is the one who asks. It errs
// on the side of more: an entry left out would look as if it were not there.
// Ok is false for a name that is no flag.
func (f filterFlag) sections() (set record.SectionSet, ok bool) {
	switch f {
	case flagDemographics:
		return record.SectionsOf(record.Demographics), true
	case flagClinicalCodes:
		return codeSections | record.SectionsOf(record.Requests), true
	case flagMedication:
		return record.SectionsOf(record.Medication, record.Issues), true
	case flagSensitivities:
		return record.SectionsOf(record.Allergies), true
	case flagRecalls:
		return record.SectionsOf(record.Diary), true
	case flagReferrals:
		return record.SectionsOf(record.Referrals, record.Unrecognised), true
	case flagResults:
		return record.SectionsOf(record.Investigations), true
	case flagVaccinations:
		return record.SectionsOf(record.Immunisations), true
	case flagNarrative:
		return record.SectionsOf(record.Consultations, record.Observations), true
	case flagAttachments, flagLetters:
		return record.SectionsOf(record.Documents), true
	case flagReminders:
		return record.SectionsOf(record.Alerts, record.Unrecognised), true
	case flagCarePlans:
		return record.SectionsOf(record.Diary, record.Unrecognised), true
	case flagRelationships:
		return record.SectionsOf(record.Unrecognised), true
	case flagActivity:
		return record.SectionsOf(record.Administration, record.Unrecognised), true
	case flagAppointments, flagVisits, flagTasks:
		return record.SectionsOf(record.Administration), true
	}
	return 0, false
}

// asked is what a section needs SystmOne, as the holder, to send.
func asked(s record.Section) []filterFlag {
	switch s {
	case record.Demographics:
		return []filterFlag{flagDemographics}
	case record.Problems, record.FamilyHistory:
		return []filterFlag{flagClinicalCodes}
	case record.Observations:
		return []filterFlag{flagClinicalCodes, flagNarrative}
	case record.Investigations:
		return []filterFlag{flagClinicalCodes, flagResults}
	case record.Medication, record.Issues:
		return []filterFlag{flagMedication}
	case record.Allergies:
		return []filterFlag{flagSensitivities, flagClinicalCodes}
	case record.Consultations:
		// An Event comes only if it holds an item of an asked type.
		return []filterFlag{flagClinicalCodes, flagLetters, flagMedication, flagSensitivities, flagRecalls, flagReferrals,
			flagResults, flagVaccinations, flagAttachments, flagNarrative}
	case record.Immunisations:
		return []filterFlag{flagVaccinations}
	case record.Diary:
		return []filterFlag{flagRecalls}
	case record.Referrals:
		return []filterFlag{flagReferrals}
	case record.Documents:
		return []filterFlag{flagLetters, flagAttachments}
	case record.Alerts:
		return []filterFlag{flagReminders}
	case record.Requests:
		return []filterFlag{flagClinicalCodes}
	case record.Administration:
		return []filterFlag{flagAppointments, flagVisits, flagTasks}
	case record.Unrecognised:
		return []filterFlag{flagCarePlans, flagReferrals, flagRelationships, flagReminders, flagActivity}
	}
	return nil
}

// flagsOf are the flags a request is written with, none for a whole record.
// With codes asked for, ClinicalCodes, which would ask for all, gives way to
// them unless allergies are asked too: those are never narrowed by code.
// Demographics is always asked for: without the patient's details nobody could
// tell that the record is the right patient's (safety CS-05).
func flagsOf(q *record.Request) []filterFlag {
	if q.Whole {
		return nil
	}
	want := map[filterFlag]bool{flagDemographics: true}
	for _, s := range record.Sections() {
		if q.Sections.Has(s) {
			for _, f := range asked(s) {
				want[f] = true
			}
		}
	}
	if len(q.Codes) > 0 && !q.Sections.Has(record.Allergies) {
		delete(want, flagClinicalCodes)
	}
	return slices.DeleteFunc(slices.Clone(flagOrder), func(f filterFlag) bool { return !want[f] })
}

// lowerDay and upperDay are the first and last day of a bound, "" when there
// is none. Widening a bound invents no clinical date.
func lowerDay(d record.Date) string {
	switch d.Precision() {
	case record.PrecisionUnknown:
		return ""
	case record.PrecisionYear:
		return d.Wall() + "-01-01"
	case record.PrecisionMonth:
		return d.Wall() + "-01"
	}
	return d.Day()
}

func upperDay(d record.Date) string {
	switch d.Precision() {
	case record.PrecisionUnknown:
		return ""
	case record.PrecisionYear:
		return d.Wall() + "-12-31"
	case record.PrecisionMonth:
		for day := 31; day > 28; day-- {
			if last, err := record.ParseISO(d.Wall() + "-" + string([]byte{byte('0' + day/10), byte('0' + day%10)})); err == nil {
				return last.Day()
			}
		}
		return d.Wall() + "-28"
	}
	return d.Day()
}
