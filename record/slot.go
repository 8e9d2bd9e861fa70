package record

import "github.com/linkspan/linkspan/mapping"

// Slot names a place that holds an enumerated value. The pair says which
// scheme fills which slot; what maps to what stands in tables alone.
type Slot string

// The slots.
const (
	SlotSex              Slot = "sex"
	SlotProblemStatus    Slot = "problem-status"
	SlotSignificance     Slot = "significance"
	SlotEpisodicity      Slot = "episodicity"
	SlotPrescriptionType Slot = "prescription-type"
	SlotDrugStatus       Slot = "drug-status"
	SlotPrivate          Slot = "private"
	SlotIssueMethod      Slot = "issue-method"
	SlotComparator       Slot = "comparator"
	SlotAbnormal         Slot = "abnormal"
	SlotResultStatus     Slot = "result-status"
	SlotConsultation     Slot = "consultation-type"
	SlotHeading          Slot = "heading"
	SlotProblemLink      Slot = "problem-link"
	SlotAllergyType      Slot = "allergy-type"
	SlotVaccinationPart  Slot = "vaccination-part"
	SlotDiaryStatus      Slot = "diary-status"
	SlotReferralRequest  Slot = "referral-request"
	SlotReferralUrgency  Slot = "referral-urgency"
	SlotReferralMode     Slot = "referral-mode"
	SlotTransport        Slot = "transport"
	SlotDirection        Slot = "direction"
)

// EachSlot calls f with every enumerated value of the entry that is set. f may
// change it. It is the one place that knows where enumerations are.
func (e *Entry) EachSlot(f func(Slot, *mapping.Code)) {
	set := func(s Slot, c *mapping.Code) {
		if !c.IsZero() {
			f(s, c)
		}
	}
	set(SlotEpisodicity, &e.Episodicity)
	for i := range e.Problems {
		set(SlotProblemLink, &e.Problems[i].Link)
	}
	if v := e.Value; v != nil {
		set(SlotComparator, &v.Comparator)
		set(SlotAbnormal, &v.Abnormal)
		set(SlotResultStatus, &v.Status)
	}
	if p := e.Problem; p != nil {
		set(SlotProblemStatus, &p.Status)
		set(SlotSignificance, &p.Significance)
	}
	if m := e.Medication; m != nil {
		set(SlotPrescriptionType, &m.Type)
		set(SlotDrugStatus, &m.Status)
		set(SlotPrivate, &m.Private)
		set(SlotIssueMethod, &m.IssueMethod)
	}
	if a := e.Allergy; a != nil {
		set(SlotAllergyType, &a.Type)
	}
	if c := e.Consultation; c != nil {
		set(SlotConsultation, &c.Type)
		for i := range c.Items {
			set(SlotHeading, &c.Items[i].Heading)
		}
	}
	if p := e.Report; p != nil {
		set(SlotResultStatus, &p.Status)
	}
	if i := e.Immunisation; i != nil {
		set(SlotVaccinationPart, &i.Part)
	}
	if d := e.Diary; d != nil {
		set(SlotDiaryStatus, &d.Status)
	}
	if f := e.Referral; f != nil {
		set(SlotReferralRequest, &f.Request)
		set(SlotReferralUrgency, &f.Urgency)
		set(SlotReferralMode, &f.Mode)
		set(SlotTransport, &f.Transport)
		set(SlotDirection, &f.Direction)
		set(SlotPrivate, &f.Private)
	}
}
