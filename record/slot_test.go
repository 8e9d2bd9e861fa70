package record_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// clinical are the codes of an entry that are no enumerations: each is carried
// by the rule of the entry's kind, or not at all.
var clinical = map[string]bool{
	"Code": true, "Others[]": true, "Target": true, "Allergy.Substance": true, "Medication.Mixture[].Code": true,
	"Qualifiers[].NameCode": true, "Qualifiers[].ValueCode": true, "Referral.Details[].NameCode": true, "Referral.Details[].ValueCode": true,
}

// enumerations are the places of all other codes and the slot each is.
var enumerations = map[string]record.Slot{
	"Episodicity": record.SlotEpisodicity, "Problems[].Link": record.SlotProblemLink,
	"Value.Comparator": record.SlotComparator, "Value.Abnormal": record.SlotAbnormal, "Value.Status": record.SlotResultStatus,
	"Problem.Status": record.SlotProblemStatus, "Problem.Significance": record.SlotSignificance,
	"Medication.Type": record.SlotPrescriptionType, "Medication.Status": record.SlotDrugStatus, "Medication.Private": record.SlotPrivate,
	"Medication.IssueMethod": record.SlotIssueMethod, "Allergy.Type": record.SlotAllergyType,
	"Consultation.Type": record.SlotConsultation, "Consultation.Items[].Heading": record.SlotHeading, "Report.Status": record.SlotResultStatus,
	"Immunisation.Part": record.SlotVaccinationPart, "Diary.Status": record.SlotDiaryStatus,
	"Referral.Request": record.SlotReferralRequest, "Referral.Urgency": record.SlotReferralUrgency, "Referral.Mode": record.SlotReferralMode,
	"Referral.Transport": record.SlotTransport, "Referral.Direction": record.SlotDirection, "Referral.Private": record.SlotPrivate,
}

var (
	codeType  = reflect.TypeFor[mapping.Code]()
	entryType = reflect.TypeFor[record.Entry]()
)

// fill gives every code reachable from v a value of its own and notes where it
// is. Other entries are not followed: they are visited on their own.
func fill(v reflect.Value, path string, places map[string]string) {
	switch {
	case v.Type() == codeType:
		value := strconv.Itoa(len(places) + 1)
		v.Set(reflect.ValueOf(mapping.Code{Scheme: "a.b", Value: value}))
		places[value] = strings.TrimPrefix(path, ".")
	case v.Kind() == reflect.Pointer && v.Type().Elem() != entryType:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path, places)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), path+"[]", places)
		}
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[record.Date]() && v.Type() != reflect.TypeFor[record.Organisation]():
		for i := range v.NumField() {
			fill(v.Field(i), path+"."+v.Type().Field(i).Name, places)
		}
	}
}

// A code added to an entry or one of its bodies must be listed above, and an
// enumeration must be visited, or it would cross untranslated.
func TestEachSlotVisitsEveryEnumeration(t *testing.T) {
	var e record.Entry
	places := map[string]string{}
	fill(reflect.ValueOf(&e).Elem(), "", places)
	require.Greater(t, len(places), len(enumerations))

	visited := map[string]record.Slot{}
	e.EachSlot(func(s record.Slot, c *mapping.Code) {
		require.NotContains(t, visited, c.Value, "visited twice")
		visited[c.Value] = s
		*c = mapping.Code{Scheme: "a.b", Value: "changed"}
	})
	seen, slots := map[string]bool{}, map[record.Slot]bool{record.SlotSex: true} // the patient's
	for value, place := range places {
		seen[place] = true
		slot, enumerated := enumerations[place]
		require.NotEqual(t, enumerated, clinical[place], "%s: say whether it is an enumeration", place)
		require.Equal(t, slot, visited[value], place)
		slots[slot] = true
	}
	for place := range enumerations {
		require.True(t, seen[place], "%s is no more", place)
	}
	require.Len(t, slots, 22+1, "every slot of the list has a place, and one stands for none")

	changed := 0
	e.EachSlot(func(_ record.Slot, c *mapping.Code) {
		require.Equal(t, "changed", c.Value, "what f writes stays in the entry")
		changed++
	})
	require.Equal(t, len(visited), changed)
}

func TestEachSlotPassesOverWhatIsNotSet(t *testing.T) {
	count := func(e record.Entry) (n int) {
		e.EachSlot(func(record.Slot, *mapping.Code) { n++ })
		return n
	}
	require.Zero(t, count(record.Entry{}))
	require.Zero(t, count(record.Entry{Value: &record.Value{}, Problem: &record.Problem{}, Medication: &record.MedicationBody{}, Allergy: &record.Allergy{},
		Consultation: &record.Consultation{Items: []record.Item{{Words: "History"}}}, Report: &record.Report{}, Immunisation: &record.Immunisation{},
		Diary: &record.DiaryBody{}, Referral: &record.Referral{}, Problems: []record.ProblemLink{{}}}))
	require.Equal(t, 1, count(record.Entry{Episodicity: mapping.Code{Scheme: "a.b", Value: "1"}}))
}
