// Package ehrextract is the GP2GP EhrExtract to and from the record. This file
// stands in until vocabulary.go, ehrextract.go and doc.go of the reading half
// are there, which replace it.
package ehrextract

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	Root      = "RCMR_IN030000UK06"
	Namespace = "urn:hl7-org:v3"
)

const (
	oidSNOMED         = "2.16.840.1.113883.2.1.3.2.4.15"
	oidReadV2         = "2.16.840.1.113883.2.1.6.2"
	oidODS            = "1.2.826.0.1285.0.1.10"
	oidNHSNumber      = "2.16.840.1.113883.2.1.4.1"
	oidInteraction    = "2.16.840.1.113883.2.1.3.2.4.12"
	oidInterpretation = "2.16.840.1.113883.2.1.3.2.4.18.9"
	unknown           = "UNK"
	noInformation     = "NI"
	statusActive      = "active"
	statusInactive    = "inactive"
	statusEnded       = "ended"
	typeRepeat        = "repeat"
	typeAcute         = "acute"
	significant       = "significant"
	minor             = "minor"
)

var (
	drugAllergy        = mapping.Code{Scheme: mapping.ReadV2, Value: "14L..", TermCode: "00", Term: "H/O: drug allergy"}
	otherAllergy       = mapping.Code{Scheme: mapping.ReadV2, Value: "SN53.", TermCode: "00", Term: "Allergy, unspecified"}
	activeProblem      = snomed("394774009", "Active Problem")
	inactiveProblem    = snomed("394775005", "Inactive Problem")
	unspecifiedProblem = snomed("394776006", "Unspecified problem")
	significantProblem = snomed("386134007", "Significant")
	minorProblem       = snomed("394847000", "Unspecified significance")
)

func wireCode(c mapping.Code) (string, string, bool) {
	switch c.Scheme {
	case mapping.SNOMED, mapping.DMD:
		return oidSNOMED, c.Value, true
	case mapping.CTV3:
		return "2.16.840.1.113883.2.1.3.2.4.14", c.Value, true
	case mapping.ReadV2:
		return oidReadV2, c.Value + c.TermCode, true
	}
	return "", "", false
}

func Entries() []record.EntryPath {
	var out []record.EntryPath
	for _, n := range []string{"ehrComposition", "ObservationStatement", "NarrativeStatement", "MedicationStatement", "PlanStatement", "RequestStatement", "LinkSet", "CompoundStatement"} {
		out = append(out, record.EntryPath{EntryPath: xmlio.EntryPath{Path: "**/" + n}})
	}
	return out
}

func Enumerations() map[record.Slot]mapping.Scheme {
	return map[record.Slot]mapping.Scheme{
		record.SlotSex: "guru.sex", record.SlotProblemStatus: "guru.problem-status", record.SlotSignificance: "guru.significance",
		record.SlotPrescriptionType: "guru.prescription-type", record.SlotDrugStatus: "guru.drug-status", record.SlotComparator: "guru.comparator",
		record.SlotAbnormal: "guru.abnormal", record.SlotConsultation: "guru.consultation-type", record.SlotHeading: "guru.heading",
		record.SlotReferralUrgency: "guru.referral-urgency", record.SlotProblemLink: "guru.problem-link",
	}
}
