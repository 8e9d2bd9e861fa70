// Package vision is INPS Vision: its messages to and from the record, and its
// wire declared as a value.
//
// A message is SOAP 1.1 with a visionRequest or a visionResponse in it; the
// record stands in the answer as text, a document of its own in which everything
// is an attribute (S §5.1, §5.2). README.md says what of it is inferred.
//
// It is pure: no network, clock, random source or state.
package vision

import (
	"fmt"
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const title = "INPS Vision"

// The values of the setting "views".
const (
	viewsEach  = "each"  // one call for each view, as the published interface has it
	viewsWhole = "whole" // the whole patient file in one call
)

// System declares Vision (S §5).
func System() system.System {
	return system.System{
		Name:  "vision",
		Title: title,
		Wire: system.Wire{
			Transport:   system.HTTP,
			Path:        "/vision",
			ContentType: "text/xml",
			ErrorStatus: 500, // SOAP 1.1 §6.2
			ErrorMark:   faultMark,
		},
		ClinicalSchemes: []mapping.Scheme{mapping.ReadV2},
		DrugSchemes:     []mapping.Scheme{mapping.VisionDrug},
		Unalerted:       "nothing published says what Vision alerts on for an allergy",
		Omits: map[record.Kind]string{
			record.KindReport:         "Vision's patient file has no report headings",
			record.KindDiary:          "Vision's patient file has no recalls",
			record.KindDocument:       "Vision's patient file has no documents",
			record.KindAlert:          "Vision's patient file has no alerts",
			record.KindRequest:        "Vision's patient file has no test requests",
			record.KindAdministration: "Vision's patient file has no appointments or tasks",
		},
		Entries:      entries(),
		Enumerations: enumerations(),
		Unwrap:       unwrap,
		New:          newCodec,
	}
}

// codec is Vision's system.Codec and system.Caller.
type codec struct {
	limits xmlio.Limits
	counts []xmlio.EntryPath
	whole  bool

	organisation, user, role string
}

func newCodec(o system.Options) (system.Codec, error) {
	c := &codec{limits: o.Limits, counts: record.XMLPaths(entries())}
	for name, value := range o.Settings {
		switch name {
		case "views":
			if !slices.Contains([]string{viewsEach, viewsWhole}, value) {
				return nil, fmt.Errorf("vision: setting views is none of each, whole")
			}
			c.whole = value == viewsWhole
		case "organisation":
			c.organisation = value
		case "user":
			c.user = value
		case "role":
			c.role = value
		default:
			return nil, fmt.Errorf("vision: no setting %q; there are organisation, role, user and views", name)
		}
	}
	return c, nil
}

// The types of entity whose elements are read in a way of their own (S §5.1).
const (
	entityClinical     = "63"
	entityTherapy      = "39"
	entityRepeat       = "40"
	entityReferral     = "59"
	entityPressure     = "56"
	entityWeight       = "79"
	entityHeight       = "80"
	entityImmunisation = "91"
)

// investigations are the entities that hold a result (S §5.1 "204, 215, 216").
var investigations = []string{"204", "215", "216"}

// The indexes of entries.
const (
	pathPatient = iota
	pathProblem
	pathAllergy
	pathTherapy
	pathRepeat
	pathReferral
	pathPressure
	pathWeight
	pathHeight
	pathImmunisation
	pathInvestigation // and two more
	pathClinical      = pathInvestigation + 3
	pathRootProblem   = iota + 2
	pathRootClinical
)

// entries are the ways an entry stands in an answer: in the patient file, whose
// root is header, and in a view, whose root is root (S §5.1, §5.2).
func entries() []record.EntryPath {
	path := func(section record.Section, path, value string) record.EntryPath {
		p := record.EntryPath{EntryPath: xmlio.EntryPath{Path: path}, Section: section}
		if value != "" {
			p.Child, p.Value = "@entity_ty", value
		}
		return p
	}
	const clinical = "**/header/clinical"
	allergy := path(record.Allergies, clinical, "")
	allergy.Child, allergy.Value = "@subgroup_code", groupAllergy
	return []record.EntryPath{
		path(record.Demographics, "**/header/patient", ""),
		path(record.Problems, "**/header/problems", ""),
		allergy,
		path(record.Issues, clinical, entityTherapy),
		path(record.Medication, clinical, entityRepeat),
		path(record.Referrals, clinical, entityReferral),
		path(record.Investigations, clinical, entityPressure),
		path(record.Investigations, clinical, entityWeight),
		path(record.Investigations, clinical, entityHeight),
		path(record.Immunisations, clinical, entityImmunisation),
		path(record.Investigations, clinical, investigations[0]),
		path(record.Investigations, clinical, investigations[1]),
		path(record.Investigations, clinical, investigations[2]),
		path(record.Observations, clinical, ""),
		path(record.Problems, "**/root/patient/problems", ""),
		path(record.Observations, "**/root/patient/clinical", ""),
	}
}

// The enumeration schemes of Vision's attributes.
const (
	schemeSex          mapping.Scheme = "vision.sex"
	schemeStatus       mapping.Scheme = "vision.problem-status"
	schemeSignificance mapping.Scheme = "vision.significance"
	schemeEpisodicity  mapping.Scheme = "vision.episodicity"
	schemeType         mapping.Scheme = "vision.prescription-type"
	schemeDrugStatus   mapping.Scheme = "vision.drug-status"
	schemePrivate      mapping.Scheme = "vision.private"
	schemeComparator   mapping.Scheme = "vision.comparator"
	schemePart         mapping.Scheme = "vision.vaccination-part"

	// schemeMeasure is no slot: it names the numbers that stand in one element
	// beside its code, which tables carry to codes of their own.
	schemeMeasure mapping.Scheme = "vision.measure"
)

func enumerations() map[record.Slot]mapping.Scheme {
	return map[record.Slot]mapping.Scheme{
		record.SlotSex:              schemeSex,
		record.SlotProblemStatus:    schemeStatus,
		record.SlotSignificance:     schemeSignificance,
		record.SlotEpisodicity:      schemeEpisodicity,
		record.SlotPrescriptionType: schemeType,
		record.SlotDrugStatus:       schemeDrugStatus,
		record.SlotPrivate:          schemePrivate,
		record.SlotComparator:       schemeComparator,
		record.SlotVaccinationPart:  schemePart,
	}
}

// The groups of S §5.2 "subgroup_code(CurrentProblem|PastProblem...)". That of
// allergies is inferred.
const (
	groupCurrent = "CurrentProblem"
	groupPast    = "PastProblem"
	groupAllergy = "Allergy"
)
