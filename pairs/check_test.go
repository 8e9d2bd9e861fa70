package pairs_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// TestCheckOfOneEnumeration: EMIS Web and the MIG have one list of values, so
// no table is asked for between them, and every value crosses as it is, without
// a line beside it.
func TestCheckOfOneEnumeration(t *testing.T) {
	bare, faults := mapping.NewSet(degrades(t)...)
	require.Empty(t, faults)
	require.Empty(t, pairs.EMISWebMIG().Check(bare))
	for _, consumer := range []string{"emisweb", "mig"} {
		d, err := linkOf(t, pairs.EMISWebMIG()).Direction(consumer, bare)
		require.NoError(t, err)
		enumerations := d.Holder.Enumerations
		require.NotEmpty(t, enumerations)
		require.Equal(t, enumerations, d.Consumer.Enumerations)
		e := everySlot(enumerations)
		crossed := 0
		carry(d, e)
		e.EachSlot(func(s record.Slot, c *mapping.Code) {
			require.Equal(t, mapping.Code{Scheme: enumerations[s], Value: "1", Term: string(s)}, *c, s)
			crossed++
		})
		require.Equal(t, len(enumerations)+1, crossed, "every slot, and private of a medication and of a referral; sex is the patient's, and a report has a status too")
		require.Empty(t, e.Notes)
		require.Equal(t, "5.4", e.Value.Number)
	}
}

// everySlot is an entry with a value in every slot of an entry that the system
// has.
func everySlot(enumerations map[record.Slot]mapping.Scheme) *record.Entry {
	at := func(s record.Slot) mapping.Code {
		if enumerations[s] == "" {
			return mapping.Code{}
		}
		return mapping.Code{Scheme: enumerations[s], Value: "1", Term: string(s)}
	}
	e := observation(read("H33..", "00", "Asthma"))
	e.Episodicity = at(record.SlotEpisodicity)
	e.Problems = []record.ProblemLink{{Link: at(record.SlotProblemLink)}}
	e.Value = &record.Value{Number: "5.4", Comparator: at(record.SlotComparator), Abnormal: at(record.SlotAbnormal), Status: at(record.SlotResultStatus)}
	e.Problem = &record.Problem{Status: at(record.SlotProblemStatus), Significance: at(record.SlotSignificance)}
	e.Medication = &record.MedicationBody{Type: at(record.SlotPrescriptionType), Status: at(record.SlotDrugStatus), Private: at(record.SlotPrivate), IssueMethod: at(record.SlotIssueMethod)}
	e.Allergy = &record.Allergy{Type: at(record.SlotAllergyType)}
	e.Consultation = &record.Consultation{Type: at(record.SlotConsultation), Items: []record.Item{{Heading: at(record.SlotHeading)}}}
	e.Report = &record.Report{Status: at(record.SlotResultStatus)}
	e.Immunisation = &record.Immunisation{Part: at(record.SlotVaccinationPart)}
	e.Diary = &record.DiaryBody{Status: at(record.SlotDiaryStatus)}
	e.Referral = &record.Referral{Request: at(record.SlotReferralRequest), Urgency: at(record.SlotReferralUrgency), Mode: at(record.SlotReferralMode),
		Transport: at(record.SlotTransport), Direction: at(record.SlotDirection), Private: at(record.SlotPrivate)}
	return e
}

// TestCheckNamesEveryTable: each table between two lists of values is one
// fault where it is missing, in its own direction only.
func TestCheckNamesEveryTable(t *testing.T) {
	all, err := mapping.Starter()
	require.NoError(t, err)
	for _, p := range pairs.All() {
		for _, way := range [][2]map[record.Slot]mapping.Scheme{{p.A.Enumerations, p.B.Enumerations}, {p.B.Enumerations, p.A.Enumerations}} {
			for slot, from := range way[0] {
				to, has := way[1][slot]
				if !has || from == to {
					continue
				}
				rest, faults := mapping.NewSet(slices.DeleteFunc(slices.Clone(all), func(tab *mapping.Table) bool { return tab.From == from && tab.To == to })...)
				require.Empty(t, faults)
				found := p.Check(rest)
				require.Len(t, found, 1, "%s %s", p.Name, slot)
				require.ErrorContains(t, found[0], "no table from "+string(from)+" to "+string(to))
			}
		}
	}
}
