package pairs

import "github.com/linkspan/linkspan/record"

// kinds are the rules of entries that carry a code, which no two systems have
// needed otherwise so far. A pair that does changes its own copy.
func kinds() map[record.Kind]Rule {
	return map[record.Kind]Rule{
		record.KindProblem:       {Degrade: DegradeEntry},
		record.KindMedication:    {Degrade: DegradeMedication, Drug: true},
		record.KindIssue:         {Degrade: DegradeMedication, Drug: true},
		record.KindAllergy:       {Degrade: DegradeDrugAllergy},
		record.KindObservation:   {Degrade: DegradeEntry},
		record.KindResult:        {Degrade: DegradeEntry},
		record.KindReport:        {Degrade: DegradeEntry, Bare: true},
		record.KindImmunisation:  {Degrade: DegradeEntry},
		record.KindFamilyHistory: {Degrade: DegradeEntry},
		record.KindDiary:         {Degrade: DegradePlan, Bare: true},
		record.KindReferral:      {Degrade: DegradeReferral},
		record.KindDocument:      {Degrade: DegradeEntry, Bare: true},
		record.KindAlert:         {Degrade: DegradeEntry, Bare: true},
		record.KindRequest:       {Degrade: DegradeRequest},
	}
}
