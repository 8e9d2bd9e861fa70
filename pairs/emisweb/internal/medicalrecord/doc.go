// Package medicalrecord is the EMIS Open MedicalRecord 3.8 document to and from
// the record. It is the document alone: the envelope it travels in, the
// reading of the bytes and the reconciling of counts are its caller's.
//
// The document is read in any order and written in schema order. Its numbers
// are spelt in record as the letters of OpenHR, so that one set of tables
// serves both EMIS documents; notation.tsv and qualifiers.tsv hold the
// spelling, labels.tsv the simple fields with the names a reader sees. What has
// no structure in record is kept as labelled text under those names, and goes
// back to its own element from there. README.md lists what is not carried.
package medicalrecord

import (
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// Root and Namespace name the document element (E §2).
const (
	Root      = "MedicalRecord"
	Namespace = "http://www.e-mis.com/emisopen/MedicalRecord"
)

// place is one place where an entry stands in the document.
type place int

// The places. Each of the first four holds every variant of an Event.
const (
	atEventList place = iota
	atConsultedEvent
	atBatteryEvent
	atConsultedBatteryEvent
	atConsultation
	atInvestigation
	atConsultedInvestigation
	atReferral
	atConsultedReferral
	atAllergy
	atConsultedAllergy
	atMedication
	atConsultedMedication
	atIssue
	atAttachment
	atConsultedAttachment
	atDiary
	atConsultedDiary
	atAlert
	atReport
	atSpecimen
	atEDIInvestigation
	atPathologyEvent
	atRequestHeader
	atOrder
	atTestRequest
	atConsultedRequestHeader
	atConsultedOrder
	atConsultedTestRequest
	atNote
	atAppointment
	placeCount
)

const (
	inElement     = "ConsultationList/Consultation/ElementList/ConsultationElement/"
	inReport      = "EDIPathologyReportList/PathologyReport"
	inSpecimen    = inReport + "/SpecimenList/Specimen"
	inEDI         = inSpecimen + "/EDIInvestigationList/EDIInvestigation"
	inOrder       = "/EDIOrderList/EDIOrder"
	inTestRequest = inOrder + "/TestRequestList/TestRequest"
)

// places says where each place is, below the root, what section its entries
// belong to, and whether it is a coded item that may carry a Problem.
var places = [placeCount]struct {
	path    string
	section record.Section
	coded   bool
}{
	atEventList:              {"EventList/Event", record.Observations, true},
	atConsultedEvent:         {inElement + "Event", record.Observations, true},
	atBatteryEvent:           {"InvestigationList/Investigation/EventList/Event", record.Observations, true},
	atConsultedBatteryEvent:  {inElement + "Investigation/EventList/Event", record.Observations, true},
	atConsultation:           {"ConsultationList/Consultation", record.Consultations, false},
	atInvestigation:          {"InvestigationList/Investigation", record.Investigations, false},
	atConsultedInvestigation: {inElement + "Investigation", record.Investigations, false},
	atReferral:               {"ReferralList/Referral", record.Referrals, true},
	atConsultedReferral:      {inElement + "Referral", record.Referrals, true},
	atAllergy:                {"AllergyList/Allergy", record.Allergies, true},
	atConsultedAllergy:       {inElement + "Allergy", record.Allergies, true},
	atMedication:             {"MedicationList/Medication", record.Medication, false},
	atConsultedMedication:    {inElement + "Medication", record.Medication, false},
	atIssue:                  {"IssueList/Issue", record.Issues, false},
	atAttachment:             {"AttachmentList/Attachment", record.Documents, true},
	atConsultedAttachment:    {inElement + "Attachment", record.Documents, true},
	atDiary:                  {"DiaryList/Diary", record.Diary, true},
	atConsultedDiary:         {inElement + "Diary", record.Diary, true},
	atAlert:                  {"AlertList/Alert", record.Alerts, true},
	atReport:                 {inReport, record.Investigations, false},
	atSpecimen:               {inSpecimen, record.Investigations, false},
	atEDIInvestigation:       {inEDI, record.Investigations, false},
	atPathologyEvent:         {inEDI + "/PathologyEventList/PathologyEvent", record.Investigations, false},
	atRequestHeader:          {"TestRequestHeaderList/TestRequestHeader", record.Requests, false},
	atOrder:                  {"TestRequestHeaderList/TestRequestHeader" + inOrder, record.Requests, false},
	atTestRequest:            {"TestRequestHeaderList/TestRequestHeader" + inTestRequest, record.Requests, true},
	atConsultedRequestHeader: {inElement + "TestRequest", record.Requests, false},
	atConsultedOrder:         {inElement + "TestRequest" + inOrder, record.Requests, false},
	atConsultedTestRequest:   {inElement + "TestRequest" + inTestRequest, record.Requests, true},
	atNote:                   {"NoteList/Note", record.Administration, false},
	atAppointment:            {"AppointmentList/Appointment", record.Administration, false},
}

// eventVariants are the kinds of Event by the child that tells, in the order
// the reader tries them (E §2 EventType). An Event in none of these is an
// observation, or a note when it has no code.
var eventVariants = [...]struct {
	child, value string
	kind         record.Kind
}{
	{"EventType", "12", record.KindFamilyHistory},
	{"EventType", "13", record.KindImmunisation},
	{"EventType", "11", record.KindAllergy},
	{"EventType", "10", record.KindAlert},
	{"EventType", "8", record.KindReferral},
	{"EventType", "7", record.KindDocument},
	{"EventType", "5", record.KindResult},
	{"NumericValue", "*", record.KindResult},
	{"TextValue", "*", record.KindResult},
}

// deleted is the value of FileStatus that takes an item out of the record.
const deleted = "2"

// entryPaths holds Entries and, by place, the index of its first path and of
// its problem's path.
var entryPaths, firstPath, problemPath = makePaths()

// Entries are the ways an entry stands in the document. An item marked deleted
// is counted by itself under administration: it is not part of the record, and
// is no gap in it either. The Problem child of a coded item is an entry beside
// the item.
func Entries() []record.EntryPath { return append([]record.EntryPath(nil), entryPaths...) }

func makePaths() (paths []record.EntryPath, first, problem [placeCount]int) {
	add := func(path, child, value string, s record.Section) {
		paths = append(paths, record.EntryPath{
			EntryPath: xmlio.EntryPath{Path: "**/" + Root + "/" + path, Child: child, Value: value}, Section: s})
	}
	for at, p := range places {
		first[at] = len(paths)
		add(p.path, "FileStatus", deleted, record.Administration)
		if place(at).event() {
			for _, v := range eventVariants {
				add(p.path, v.child, v.value, v.kind.Section())
			}
		}
		add(p.path, "", "", p.section)
		if p.coded {
			problem[at] = len(paths)
			add(p.path+"/Problem", "", "", record.Problems)
		}
	}
	return paths, first, problem
}

// kindAt is the kind of an entry at a place until its content says more: the
// first of the place's section.
var kindAt = makeKinds()

func makeKinds() (kinds [placeCount]record.Kind) {
	for at, p := range places {
		for _, k := range record.Kinds() {
			if k.Section() == p.section {
				kinds[at] = k
				break
			}
		}
	}
	return kinds
}

func (at place) event() bool { return at <= atConsultedBatteryEvent }
