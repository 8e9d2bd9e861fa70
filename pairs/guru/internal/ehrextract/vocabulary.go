package ehrextract

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// Root and Namespace name the document's root element (S §6.1).
const (
	Root      = "RCMR_IN030000UK06"
	Namespace = "urn:hl7-org:v3"
)

// The code systems and registers (S §6.0, §6.1).
const (
	oidSNOMED         = "2.16.840.1.113883.2.1.3.2.4.15"
	oidReadV2         = "2.16.840.1.113883.2.1.6.2"
	oidCTV3           = "2.16.840.1.113883.2.1.3.2.4.14"
	oidEMIS           = "2.16.840.1.113883.2.1.6.3"
	oidEMISDrug       = "2.16.840.1.113883.2.1.6.9"
	oidMultilex       = "2.16.840.1.113883.2.1.6.4"
	oidGemscript      = "2.16.840.1.113883.2.1.6.15"
	oidODS            = "1.2.826.0.1285.0.1.10"
	oidNHSNumber      = "2.16.840.1.113883.2.1.4.1"
	oidInteraction    = "2.16.840.1.113883.2.1.3.2.4.12"
	oidInterpretation = "2.16.840.1.113883.2.1.3.2.4.18.9"
)

// The two null flavours written: a value is missing, or none was ever meant.
const (
	unknown       = "UNK"
	noInformation = "NI"
)

// The enumeration schemes and their values.
const (
	schemeSex          mapping.Scheme = "guru.sex"
	schemeStatus       mapping.Scheme = "guru.problem-status"
	schemeSignificance mapping.Scheme = "guru.significance"
	schemeType         mapping.Scheme = "guru.prescription-type"
	schemeDrugStatus   mapping.Scheme = "guru.drug-status"
	schemeComparator   mapping.Scheme = "guru.comparator"
	schemeConsultation mapping.Scheme = "guru.consultation-type"
	schemeHeading      mapping.Scheme = "guru.heading"
	schemeProblemLink  mapping.Scheme = "guru.problem-link"

	statusActive   = "active"
	statusInactive = "inactive"
	statusEnded    = "ended"
	typeRepeat     = "repeat"
	typeAcute      = "acute"
	significant    = "significant"
	minor          = "minor"
)

// The codes the format itself gives a meaning (S §6.1 "Measured supplier
// differences").
var (
	drugAllergy        = mapping.Code{Scheme: mapping.ReadV2, Value: "14L..", TermCode: "00", Term: "H/O: drug allergy"}
	otherAllergy       = mapping.Code{Scheme: mapping.ReadV2, Value: "SN53.", TermCode: "00", Term: "Allergy, unspecified"}
	activeProblem      = snomed("394774009", "Active Problem")
	inactiveProblem    = snomed("394775005", "Inactive Problem")
	unspecifiedProblem = snomed("394776006", "Unspecified problem")
	significantProblem = snomed("386134007", "Significant")
	minorProblem       = snomed("394847000", "Unspecified significance")
)

// codeSystem is the OID of a scheme, each of which has its own (S §6.0); "" of
// one the format has no codes of.
func codeSystem(s mapping.Scheme) string {
	switch s {
	case mapping.SNOMED, mapping.DMD:
		return oidSNOMED
	case mapping.CTV3:
		return oidCTV3
	case mapping.ReadV2:
		return oidReadV2
	case mapping.EMISLocal:
		return oidEMIS
	case mapping.EMISDrug:
		return oidEMISDrug
	case mapping.Gemscript:
		return oidGemscript
	case mapping.Multilex:
		return oidMultilex
	}
	return ""
}

// wireCode is a code as the format writes it: its system's OID and its spelling
// there.
func wireCode(c mapping.Code) (system, value string, ok bool) {
	value, system = c.Value, codeSystem(c.Scheme)
	switch c.Scheme {
	case mapping.ReadV2:
		value += c.TermCode
	case mapping.Multilex:
		eight, err := mapping.MultilexTo8(c.Value)
		return system, eight, err == nil
	}
	return system, value, system != ""
}

// hasCode reports a code that wireCode can write, without writing it.
func hasCode(c mapping.Code) bool {
	if c.Scheme == mapping.Multilex {
		_, err := mapping.MultilexTo8(c.Value)
		return err == nil
	}
	return codeSystem(c.Scheme) != ""
}

// The indexes of Entries.
const (
	pathComposition = iota
	pathObservation
	pathNarrative
	pathMedication
	pathPlan
	pathRequest
	pathRegistration
	pathLinkSet
	pathBattery
	pathCluster
)

// Entries are the ways an entry stands in the document, for the reader to count.
// A composition counts whatever it is: one that is no consultation is a wrapper.
// A category or topic is a heading, and no entry.
func Entries() []record.EntryPath {
	const any = "**/" // the account of what is written knows no path with two of them
	path := func(s record.Section, name, class string) record.EntryPath {
		p := record.EntryPath{EntryPath: xmlio.EntryPath{Path: any + name}, Section: s}
		if class != "" {
			p.Child, p.Value = "@classCode", class
		}
		return p
	}
	return []record.EntryPath{
		pathComposition:  path(record.Consultations, "ehrComposition", ""),
		pathObservation:  path(record.Observations, "ObservationStatement", ""),
		pathNarrative:    path(record.Observations, "NarrativeStatement", ""),
		pathMedication:   path(record.Medication, "MedicationStatement", ""),
		pathPlan:         path(record.Diary, "PlanStatement", ""),
		pathRequest:      path(record.Referrals, "RequestStatement", ""),
		pathRegistration: path(record.Administration, "RegistrationStatement", ""),
		pathLinkSet:      path(record.Problems, "LinkSet", ""),
		pathBattery:      path(record.Investigations, "CompoundStatement", "BATTERY"),
		pathCluster:      path(record.Investigations, "CompoundStatement", "CLUSTER"),
	}
}

// Enumerations says which scheme fills each enumerated slot.
func Enumerations() map[record.Slot]mapping.Scheme {
	return map[record.Slot]mapping.Scheme{
		record.SlotSex:              schemeSex,
		record.SlotProblemStatus:    schemeStatus,
		record.SlotSignificance:     schemeSignificance,
		record.SlotPrescriptionType: schemeType,
		record.SlotDrugStatus:       schemeDrugStatus,
		record.SlotComparator:       schemeComparator,
		record.SlotConsultation:     schemeConsultation,
		record.SlotHeading:          schemeHeading,
		record.SlotProblemLink:      schemeProblemLink,
	}
}
