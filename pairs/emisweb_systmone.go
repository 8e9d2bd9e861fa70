package pairs

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/emisweb"
	"github.com/linkspan/linkspan/pairs/systmone"
	"github.com/linkspan/linkspan/record"
)

// EMISWebSystmOne links EMIS Web and TPP SystmOne, as the direct link of
// 2015-17 did.
func EMISWebSystmOne() Pair {
	kinds := map[record.Kind]Rule{
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
	return Pair{
		Name: "emisweb-systmone",
		A:    emisweb.System(),
		B:    systmone.System(),
		AtoB: Rules{
			Kinds: kinds, Ask: Schemes{Codes: mapping.ReadV2, Drugs: mapping.EMISDrug}, Unasked: Schemes{Codes: mapping.CTV3},
			Alerts: []mapping.Scheme{mapping.Multilex, mapping.DMD}, // a DrugSensitivity takes either (S §1.4)
		},
		BtoA: Rules{
			Kinds: kinds, Ask: Schemes{Codes: mapping.CTV3, Drugs: mapping.DMD},
			// Nothing published says that EMIS Web alerts on a dm+d identifier
			// that stands beside no drug of its own (E §2, §4).
			Alerts: []mapping.Scheme{mapping.EMISDrug},
		},
	}
}
