// Package openhr is the OpenHR document, openHealthRecord, to and from the
// record. EMIS Web and the MIG share it (E §0 format F1, E §5). It is the
// document alone: the envelopes, and what to do with an answer that is no
// document, belong to the systems.
//
// It is pure: no network, clock, random source or state. What of the format
// is not carried stands in README.md.
package openhr

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// Root and Namespace name the document's root element (fields-openhr, E §1).
const (
	Root      = "openHealthRecord"
	Namespace = "http://www.e-mis.com/emisopen"
)

// Positions of the entry paths that are not events, after the event types.
const (
	pathEvent = iota + eventTypes
	pathEncounter
	pathProblem
	pathDocument
	pathTask
	pathPrescription
	pathPatient

	pathCount
)

// eventType is one value of voc.EventType: the body the real records use for
// it, the kind of entry and the section it is counted in (E §1.3).
type eventType struct {
	name string
	kind record.Kind
}

const eventTypes = 15

// eventKinds are the event types in the order of the entry paths.
func eventKinds() [eventTypes]eventType {
	return [eventTypes]eventType{
		{"OBS", record.KindObservation},
		{"VAL", record.KindResult},
		{"INV", record.KindResult},
		{"MED", record.KindMedication},
		{"ISS", record.KindIssue},
		{"ALL", record.KindAllergy},
		{"IMM", record.KindImmunisation},
		{"FH", record.KindFamilyHistory},
		{"DRY", record.KindDiary},
		{"REF", record.KindReferral},
		{"ATT", record.KindDocument},
		{"ALT", record.KindAlert},
		{"REP", record.KindReport},
		{"TR", record.KindRequest},
		{"OH", record.KindRequest},
	}
}

// Entries are the ways an entry stands in the document, for the reader to
// count. Events are told apart by their eventType; one without, or with a type
// nobody knows, is counted with the observations.
func Entries() []record.EntryPath {
	const health = "**/" + Root + "/healthDomain/"
	paths := make([]record.EntryPath, 0, pathCount)
	for _, t := range eventKinds() {
		paths = append(paths, record.EntryPath{
			EntryPath: xmlio.EntryPath{Path: health + "event", Child: "eventType", Value: t.name},
			Section:   t.kind.Section(),
		})
	}
	plain := func(path string, s record.Section) {
		paths = append(paths, record.EntryPath{EntryPath: xmlio.EntryPath{Path: path}, Section: s})
	}
	plain(health+"event", record.Observations)
	plain(health+"encounter", record.Consultations)
	plain(health+"problem", record.Problems)
	plain(health+"document", record.Documents)
	plain(health+"task", record.Administration)
	plain(health+"prescription", record.Administration)
	plain("**/"+Root+"/adminDomain/patient", record.Demographics)
	return paths
}

// The enumeration schemes of the document. Values are the letters of the
// vocabulary (E Appendix A).
const (
	schemeSex          mapping.Scheme = "emisweb.sex"
	schemeStatus       mapping.Scheme = "emisweb.problem-status"
	schemeSignificance mapping.Scheme = "emisweb.significance"
	schemeEpisodicity  mapping.Scheme = "emisweb.episodicity"
	schemePrescription mapping.Scheme = "emisweb.prescription-type"
	schemeDrugStatus   mapping.Scheme = "emisweb.drug-status"
	schemePrivate      mapping.Scheme = "emisweb.private"
	schemeIssueMethod  mapping.Scheme = "emisweb.issue-method"
	schemeOperator     mapping.Scheme = "emisweb.operator"
	schemeAbnormal     mapping.Scheme = "emisweb.abnormal"
	schemeResult       mapping.Scheme = "emisweb.result-status"
	schemeConsultation mapping.Scheme = "emisweb.consultation-type"
	schemeHeading      mapping.Scheme = "emisweb.heading"
	schemeProblemLink  mapping.Scheme = "emisweb.problem-link"
	schemeAllergyType  mapping.Scheme = "emisweb.allergy-type"
	schemeRequest      mapping.Scheme = "emisweb.referral-request"
	schemeUrgency      mapping.Scheme = "emisweb.referral-urgency"
	schemeMode         mapping.Scheme = "emisweb.referral-mode"
	schemeTransport    mapping.Scheme = "emisweb.transport"
	schemeDirection    mapping.Scheme = "emisweb.referral-direction"
	schemeComplete     mapping.Scheme = "emisweb.diary-complete"
)

// Enumerations says which scheme fills each enumerated slot.
func Enumerations() map[record.Slot]mapping.Scheme {
	return map[record.Slot]mapping.Scheme{
		record.SlotSex:              schemeSex,
		record.SlotProblemStatus:    schemeStatus,
		record.SlotSignificance:     schemeSignificance,
		record.SlotEpisodicity:      schemeEpisodicity,
		record.SlotPrescriptionType: schemePrescription,
		record.SlotDrugStatus:       schemeDrugStatus,
		record.SlotPrivate:          schemePrivate,
		record.SlotIssueMethod:      schemeIssueMethod,
		record.SlotComparator:       schemeOperator,
		record.SlotAbnormal:         schemeAbnormal,
		record.SlotResultStatus:     schemeResult,
		record.SlotConsultation:     schemeConsultation,
		record.SlotHeading:          schemeHeading,
		record.SlotProblemLink:      schemeProblemLink,
		record.SlotAllergyType:      schemeAllergyType,
		record.SlotDiaryStatus:      schemeComplete,
		record.SlotReferralRequest:  schemeRequest,
		record.SlotReferralUrgency:  schemeUrgency,
		record.SlotReferralMode:     schemeMode,
		record.SlotTransport:        schemeTransport,
		record.SlotDirection:        schemeDirection,
	}
}
