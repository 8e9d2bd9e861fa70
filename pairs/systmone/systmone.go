// Package systmone is TPP SystmOne as one end of a link: the Client
// Integration messages of GetPatientRecord to and from the record, and their
// transport as a value (S §1). README.md says what is carried and what is not.
//
// The package is pure: no clock, no random source, no network.
package systmone

import (
	"errors"
	"fmt"
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// The names of the envelope (S §1.2, §1.3).
const (
	requestRoot     = "ClientIntegrationRequest"
	responseRoot    = "ClientIntegrationResponse"
	function        = "GetPatientRecord"
	functionVersion = "1.0"
)

// System declares SystmOne: its codec, its wire and the schemes it files
// (S §0 item 2, §1.1).
func System() system.System {
	return system.System{
		Name:  "systmone",
		Title: "SystmOne",
		Wire: system.Wire{
			Transport:    system.TCP,
			RequestRoot:  requestRoot,
			ResponseRoot: responseRoot,
			Terminator:   "\n",
			Throttle: []system.Throttle{
				{Name: "request", Events: 1, Per: time.Second},
				{Name: "record", Events: 1, Per: 30 * time.Second, Exempt: unthrottled},
			},
			Address: "localhost:40700",
			Silent:  true,
		},
		ClinicalSchemes: []mapping.Scheme{mapping.CTV3, mapping.SNOMED, mapping.TPPLocal},
		DrugSchemes:     []mapping.Scheme{mapping.Multilex, mapping.DMD},
		Alerts:          []mapping.Scheme{mapping.Multilex, mapping.DMD}, // a DrugSensitivity takes either (S §1.4)
		Omits: map[record.Kind]string{ // the children of these elements are unpublished (S §1.4)
			record.KindReferral: "SystmOne's Referral is unpublished",
			record.KindRequest:  "SystmOne has no test requests in its messages",
			record.KindAlert:    "SystmOne's Reminder is unpublished",
		},
		Entries:      entryPaths(),
		Enumerations: enumerations(),
		New:          newCodec,
	}
}

// unthrottled reports the two requests SystmOne does not count against one
// record per 30 seconds: only Demographics asked, or entered today and today
// alone (S §1.1 "Rate"). now is on the wall clock of its own location.
func unthrottled(q *record.Request, now time.Time) bool {
	if flags := flagsOf(q); len(flags) == 1 && flags[0] == flagDemographics && len(q.Codes) == 0 && len(q.Authors) == 0 {
		return true
	}
	today := now.Format(time.DateOnly)
	return lowerDay(q.Entered.From) == today && upperDay(q.Entered.To) == today
}

// settings are what the site was given by TPP, or chose (S §1.2).
type settings struct{ apiKey, deviceID, deviceVersion string }

// codec implements system.Codec.
type codec struct {
	settings
	limits xmlio.Limits
	paths  []record.EntryPath
	counts []xmlio.EntryPath // those that the reader counts by
}

func newCodec(o system.Options) (system.Codec, error) {
	paths := entryPaths()
	c := &codec{limits: o.Limits, paths: paths, counts: record.XMLPaths(paths)}
	for name, value := range o.Settings {
		switch name {
		case "api-key":
			c.apiKey = value
		case "device-id":
			c.deviceID = value
		case "device-version":
			c.deviceVersion = value
		default:
			return nil, fmt.Errorf("systmone: no setting %q; there are api-key, device-id and device-version", name)
		}
	}
	return c, nil
}

// The indexes of entryPaths. A ClinicalCode counts by the first that fits.
const (
	pathDemographics = iota
	pathEvent
	pathProblem
	pathAllergyFlag
	pathFamilyFlag
	pathValue
	pathCode
	pathMedicationIssue
	pathMedication
	pathRepeat
	pathSensitivity
	pathVaccination
	pathReport
	pathRecall
	pathNarrative
	pathAttachment
	pathLetter
	pathReminder
	pathPatientPlan
	pathCarePlan
	pathRelationship
	pathActivity
	pathReferral
	pathAppointment
	pathVisit
	pathTask
)

// entryPaths are the ways an entry stands in a GetPatientRecord response (S
// §1.4). A ClinicalCode that is both a problem and a result counts as a
// problem; the kind it gets is decided by the decoder alone.
func entryPaths() []record.EntryPath {
	const root = responseRoot + "/Response/"
	path := func(section record.Section, path, child, value string) record.EntryPath {
		return record.EntryPath{EntryPath: xmlio.EntryPath{Path: root + path, Child: child, Value: value}, Section: section}
	}
	return []record.EntryPath{
		pathDemographics:    path(record.Demographics, "Demographics", "", ""),
		pathEvent:           path(record.Consultations, "Clinical/Event", "", ""),
		pathProblem:         path(record.Problems, "Clinical/Event/ClinicalCode", "ProblemUID", ""),
		pathAllergyFlag:     path(record.Allergies, "Clinical/Event/ClinicalCode", "IsAllergy", "*"),
		pathFamilyFlag:      path(record.FamilyHistory, "Clinical/Event/ClinicalCode", "IsFamilyHistory", "*"),
		pathValue:           path(record.Investigations, "Clinical/Event/ClinicalCode", "Value", ""),
		pathCode:            path(record.Observations, "Clinical/Event/ClinicalCode", "", ""),
		pathMedicationIssue: path(record.Issues, "Clinical/Event/Medication", "RepeatIssue", "*"),
		pathMedication:      path(record.Medication, "Clinical/Event/Medication", "", ""),
		pathRepeat:          path(record.Medication, "Clinical/Event/RepeatMedication", "", ""),
		pathSensitivity:     path(record.Allergies, "Clinical/Event/DrugSensitivity", "", ""),
		pathVaccination:     path(record.Immunisations, "Clinical/Event/Vaccination", "", ""),
		pathReport:          path(record.Investigations, "Clinical/Event/Report", "", ""),
		pathRecall:          path(record.Diary, "Clinical/Event/Recall", "", ""),
		pathNarrative:       path(record.Observations, "Clinical/Event/Narrative", "", ""),
		pathAttachment:      path(record.Documents, "Clinical/Event/Attachment", "", ""),
		pathLetter:          path(record.Documents, "Clinical/Event/Letter", "", ""),
		pathReminder:        path(record.Unrecognised, "Clinical/Event/Reminder", "", ""),
		pathPatientPlan:     path(record.Unrecognised, "Clinical/Event/PatientPlan", "", ""),
		pathCarePlan:        path(record.Unrecognised, "Clinical/Event/CarePlan", "", ""),
		pathRelationship:    path(record.Unrecognised, "Clinical/Event/Relationship", "", ""),
		pathActivity:        path(record.Unrecognised, "Clinical/Event/Activity", "", ""),
		pathReferral:        path(record.Unrecognised, "Clinical/Event/Referral", "", ""),
		pathAppointment:     path(record.Administration, "NonClinical/Appointment", "", ""),
		pathVisit:           path(record.Administration, "NonClinical/Visit", "", ""),
		pathTask:            path(record.Administration, "NonClinical/Task", "", ""),
	}
}

// fault makes the package's error at the reader's place.
func fault(reason record.Reason, op string, r *xmlio.Reader, why string) error {
	p := r.Position()
	return &record.Error{Reason: reason, Op: op, Position: fmt.Sprintf("%d:%d %s", p.Line, p.Column, r.Name().Local), Err: errors.New(why)}
}
