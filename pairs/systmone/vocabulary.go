package systmone

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// The enumerations of SystmOne as schemes. What they correspond to elsewhere
// is in tables only.
const (
	schemeSex             mapping.Scheme = "systmone.sex"
	schemeProblemState    mapping.Scheme = "systmone.problem-state"
	schemeProblemSeverity mapping.Scheme = "systmone.problem-severity"
	schemeEpisodicity     mapping.Scheme = "systmone.episodicity"
	schemeMedicationItem  mapping.Scheme = "systmone.medication-item"
	schemeDrugState       mapping.Scheme = "systmone.drug-state"
	schemeMedicationType  mapping.Scheme = "systmone.medication-type"
	schemeComparator      mapping.Scheme = "systmone.comparator"
	schemeMethod          mapping.Scheme = "systmone.method"
	schemeProblemLink     mapping.Scheme = "systmone.problem-link"
	schemeRecallStatus    mapping.Scheme = "systmone.recall-status"
	schemeVaccinationPart mapping.Scheme = "systmone.vaccination-part"
	schemeSensitivityType mapping.Scheme = "systmone.sensitivity-type"

	// The ingredient numbers of a DrugSensitivity name no product, so they are
	// schemes of their own, by the drug scheme they stand in (S §1.4).
	schemeIngredientMultilex mapping.Scheme = "systmone.ingredient-multilex"
	schemeIngredientDMD      mapping.Scheme = "systmone.ingredient-dmd"
)

func enumerations() map[record.Slot]mapping.Scheme {
	return map[record.Slot]mapping.Scheme{
		record.SlotSex:              schemeSex,
		record.SlotProblemStatus:    schemeProblemState,
		record.SlotSignificance:     schemeProblemSeverity,
		record.SlotEpisodicity:      schemeEpisodicity,
		record.SlotPrescriptionType: schemeMedicationItem,
		record.SlotDrugStatus:       schemeDrugState,
		record.SlotPrivate:          schemeMedicationType,
		record.SlotComparator:       schemeComparator,
		record.SlotConsultation:     schemeMethod,
		record.SlotProblemLink:      schemeProblemLink,
		record.SlotAllergyType:      schemeSensitivityType,
		record.SlotVaccinationPart:  schemeVaccinationPart,
		record.SlotDiaryStatus:      schemeRecallStatus,
	}
}

// slotScheme is enumerations as a function, "" for a slot SystmOne lacks.
func slotScheme(s record.Slot) mapping.Scheme {
	switch s {
	case record.SlotSex:
		return schemeSex
	case record.SlotProblemStatus:
		return schemeProblemState
	case record.SlotSignificance:
		return schemeProblemSeverity
	case record.SlotEpisodicity:
		return schemeEpisodicity
	case record.SlotPrescriptionType:
		return schemeMedicationItem
	case record.SlotDrugStatus:
		return schemeDrugState
	case record.SlotPrivate:
		return schemeMedicationType
	case record.SlotComparator:
		return schemeComparator
	case record.SlotConsultation:
		return schemeMethod
	case record.SlotProblemLink:
		return schemeProblemLink
	case record.SlotAllergyType:
		return schemeSensitivityType
	case record.SlotVaccinationPart:
		return schemeVaccinationPart
	case record.SlotDiaryStatus:
		return schemeRecallStatus
	}
	return ""
}

// choice is one value of an enumeration with its words.
type choice struct{ value, term string }

// The lists a value must be on (S §1.4). A value that is not stays in words.
var (
	sexes = []choice{{"M", "Male"}, {"F", "Female"}, {"I", "Indeterminate"}, {"U", "Unknown"}}

	episodicities = []choice{{"New", "New episode"}, {"Ongoing", "Ongoing episode"}}

	// Both spellings of severity are in use; they are kept as written.
	severities = []choice{{"Major", "Major problem"}, {"Minor", "Minor problem"}, {"Major Episode", "Major episode"},
		{"Major Event", "Major event"}, {"Minor Episode", "Minor episode"}, {"Minor Event", "Minor event"}}

	medicationTypes = []choice{{"NHS medication", "NHS medication"}, {"Private issue", "Private issue"}, {"Other medication", "Other medication"}}

	comparators = []choice{{"3", "approximately"}, {"4", "equal to"}, {"5", "greater than or equal to"},
		{"6", "greater than"}, {"7", "less than"}, {"8", "less than or equal to"}}

	methods = []choice{{"Text", "Text message"}, {"Email", "E-mail"}, {"Face to face", "Face to face"}, {"Telephone", "Telephone"},
		{"Letter", "Letter"}, {"Fax", "Fax"}, {"E-mail", "E-mail"}, {"DNA", "Did not attend"}}

	recallStatuses = []choice{{"Awaiting Result", "Awaiting result"}, {"Pending", "Pending"}, {"1st Recall", "First recall"},
		{"2nd Recall", "Second recall"}, {"3rd Recall", "Third recall"}, {"Seen", "Seen"},
		{"Cancelled by patient", "Cancelled by patient"}, {"Cancelled by clinician", "Cancelled by clinician"}, {"Suspended", "Suspended"}}

	sensitivityTypes = []choice{{"Drug", "Drug"}, {"Ingredient", "Ingredient"}}
)

// The derived values.
var (
	itemAcute      = mapping.Code{Scheme: schemeMedicationItem, Value: "Medication", Term: "Acute medication"}
	itemRepeat     = mapping.Code{Scheme: schemeMedicationItem, Value: "RepeatMedication", Term: "Repeat template"}
	drugCurrent    = mapping.Code{Scheme: schemeDrugState, Value: "current", Term: "Current"}
	drugEnded      = mapping.Code{Scheme: schemeDrugState, Value: "ended", Term: "Ended"}
	problemActive  = mapping.Code{Scheme: schemeProblemState, Value: "active", Term: "Active problem"}
	problemEnded   = mapping.Code{Scheme: schemeProblemState, Value: "ended", Term: "Ended problem"}
	problemLinked  = mapping.Code{Scheme: schemeProblemLink, Value: "linked", Term: "Linked"}
	comparatorSign = map[string]string{"3": "~", "4": "=", "5": ">=", "6": ">", "7": "<", "8": "<="}
)

// pick finds a value on its list, byte for byte.
func pick(scheme mapping.Scheme, list []choice, value string) (mapping.Code, bool) {
	for _, c := range list {
		if c.value == value {
			return mapping.Code{Scheme: scheme, Value: c.value, Term: c.term}, true
		}
	}
	return mapping.Code{}, false
}

// nativeScheme is the word for a clinical or drug scheme in a message, "" for
// one that SystmOne does not write (S §1.2, §1.4).
func nativeScheme(s mapping.Scheme) string {
	switch s {
	case mapping.CTV3, mapping.TPPLocal:
		return "CTV3"
	case mapping.SNOMED:
		return "Snomed"
	case mapping.Multilex:
		return "Multilex"
	case mapping.DMD:
		return "Dmd"
	}
	return ""
}

func clinical(c mapping.Code) bool {
	return c.Scheme == mapping.CTV3 || c.Scheme == mapping.SNOMED || c.Scheme == mapping.TPPLocal
}

func drug(c mapping.Code) bool { return c.Scheme == mapping.Multilex || c.Scheme == mapping.DMD }

// parseCode reads a clinical code; the error never repeats it.
func parseCode(scheme, value, term string) (mapping.Code, error) {
	if scheme == "CTV3" {
		return mapping.ParseCTV3(value, term)
	}
	c := mapping.Code{Scheme: mapping.SNOMED, Value: value, Term: term}
	if scheme != "Snomed" {
		c.Scheme = ""
	}
	return checked(c)
}

// parseDrug reads a product; "Mulitlex" is a misprint of the documents.
func parseDrug(scheme, value, term string) (mapping.Code, error) {
	c := mapping.Code{Value: value, Term: term}
	switch scheme {
	case "Multilex", "Mulitlex":
		c.Scheme = mapping.Multilex
	case "Dmd":
		c.Scheme = mapping.DMD
	}
	return checked(c)
}

func checked(c mapping.Code) (mapping.Code, error) {
	if err := c.Check(); err != nil {
		return mapping.Code{}, err
	}
	return c, nil
}
