package record

// Kind is the class of one entry. It decides the section, the rule that
// translates the entry, and the degrade code.
type Kind uint8

// The kinds of entry.
const (
	KindUnrecognised   Kind = iota // content no codec knows, kept as text
	KindProblem                    // the problem heading; Entry.Problem is set
	KindMedication                 // a course or authorisation; Entry.Medication is set
	KindIssue                      // one issue of a medication; Entry.Medication is set
	KindAllergy                    // allergy or adverse reaction; Entry.Allergy is set
	KindConsultation               // encounter; Entry.Consultation is set
	KindObservation                // coded statement without value
	KindResult                     // coded statement with a value, or a battery of such
	KindReport                     // a report's heading: Entry.Report is set
	KindImmunisation               // Entry.Immunisation is set
	KindFamilyHistory              // about a relative, never about the patient
	KindDiary                      // plan, recall, diary entry; Entry.Diary is set
	KindReferral                   // Entry.Referral is set
	KindDocument                   // Entry.Document is set
	KindAlert                      // a warning meant to be seen
	KindRequest                    // a test request
	KindNote                       // free text without a code
	KindAdministration             // appointment, task, visit, status change
	KindDemographics               // the patient block itself

	kindCount
)

var kindNames = [kindCount]string{"unrecognised", "problem", "medication", "issue", "allergy", "consultation", "observation",
	"result", "report", "immunisation", "family-history", "diary", "referral", "document", "alert", "request", "note",
	"administration", "demographics"}

var kindSections = [kindCount]Section{Unrecognised, Problems, Medication, Issues, Allergies, Consultations, Observations,
	Investigations, Investigations, Immunisations, FamilyHistory, Diary, Referrals, Documents, Alerts, Requests, Observations,
	Administration, Demographics}

// String is the word used in reports, in table contexts and as metric label.
func (k Kind) String() string { return kindNames[k] }

// Section is where entries of the kind stand.
func (k Kind) Section() Section { return kindSections[k] }

// Kinds is the closed list.
func Kinds() []Kind {
	all := make([]Kind, kindCount)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}
