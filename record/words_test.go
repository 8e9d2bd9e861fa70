package record_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// The sentences a clinician reads. They are agreed words (safety §1.3, §D.1):
// a change here is a change to be signed off.
const (
	wordsDegraded       = "Observations: 1 of 3 entries could not be coded for this system and are shown as text."
	wordsNothing        = "No 'Allergies and Adverse Reactions' data is recorded for this patient."
	wordsWithheld       = "Observations: Items excluded due to confidentiality and/or patient preferences."
	wordsPartial        = "Observations: INCOMPLETE: 1 entry could not be read. Received 2 of 3. Do not rely on absence."
	wordsPartialUnknown = "Observations: INCOMPLETE: 1 entry could not be read. Received 1 of an unknown number. Do not rely on absence."
	wordsPartialSent    = "Observations: INCOMPLETE: the source system did not send all of it. Received 1 of an unknown number. Do not rely on absence."
	wordsPartialSilent  = "Observations: INCOMPLETE: the source system did not answer for this section. Received 1 of an unknown number. Do not rely on absence."
	wordsNotRetrievable = "This system does not support retrieval of 'Observations' data. This data may still exist in the source system."
	wordsNotSupported   = "'Observations' data is not supported by this system."
	wordsDisabled       = "Observations items have been disabled. This data may still exist in the source system."
	wordsDenied         = "Access is denied to 'Observations' data for this patient. This data may still exist in the source system."
	wordsFailed         = "Observations could not be read: no reason given. This data may still exist in the source system. Do not assume there is none."
	wordsFiltered       = "Observations: Only the items asked for are shown."
	wordsPeriod         = "Observations: For the period '01-Jan-2015' to '31-Dec-2016'."
	wordsFrom           = "Observations: Data items from 'Jan-2015'."
	wordsUntil          = "Observations: Data items until '2016'."
	wordsFilteredText   = wordsFiltered + " 1 of 2 entries could not be coded for this system and are shown as text."
	wordsPartialText    = "Observations: INCOMPLETE: 1 entry could not be read. Received 1 of 2. Do not rely on absence. 1 of 2 entries could not be coded for this system and are shown as text."

	warnTransit      = "Patient record transfer from previous GP practice not yet complete; information recorded before 02-Jan-2016 may be missing."
	warnFiling       = "Patient record contains some items in the GP practice workflow that have not been reviewed for inclusion in this message; information recorded before 02-Jan-2016 may be missing."
	warnConfidential = "Problems: Items excluded due to confidentiality and/or patient preferences."
	warnDifference   = "Patient details differ between the two systems: surname"
	warnDeceased     = "Recorded as deceased on 02-Jan-2016."
	warnDeceasedOnce = "Recorded as deceased; the date of death is not known."
	warnUnsafe       = "2 ALLERGIES NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire: Penicillin; bee venom. Prescribing must not proceed until reviewed."
	warnUnsafeOne    = "ALLERGY NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire: Penicillin. Prescribing must not proceed until reviewed."
	warnUnsafeTwo    = "2 ALLERGIES NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire for them. Prescribing must not proceed until reviewed."
	warnUnsafeSingle = "1 ALLERGY NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire for it. Prescribing must not proceed until reviewed."
	warnUnknown      = "Allergies could not be read. Treat allergy status as UNKNOWN."
	warnContradicted = "A 'no known allergies' entry of 02-Jan-2016 is contradicted by the entries below."
	warnDuplicate    = "Some entries may be duplicates: two"
	warnSender       = "As the sender put it."
)

func TestSectionWords(t *testing.T) {
	day := func(s string) record.Date { return iso(t, s) }
	for want, c := range map[string]struct {
		section  record.Section
		outcomes []record.Outcome
		declare  record.State
		period   record.Period
	}{
		// A withheld entry leaves no trace in any count.
		wordsDegraded:       {record.Observations, []record.Outcome{record.Exact, record.Exact, record.Degraded, record.WithheldEntry}, record.Complete, record.Period{}},
		wordsNothing:        {record.Allergies, nil, record.Complete, record.Period{}},
		wordsWithheld:       {record.Observations, []record.Outcome{record.WithheldEntry}, record.Complete, record.Period{}},
		wordsPartial:        {record.Observations, []record.Outcome{record.Exact, record.Mapped, record.FailedEntry, record.WithheldEntry}, record.Complete, record.Period{}},
		wordsPartialUnknown: {record.Observations, []record.Outcome{record.Exact, record.FailedEntry}, record.Partial, record.Period{}},
		wordsPartialSent:    {record.Observations, []record.Outcome{record.Exact}, record.Partial, record.Period{}},
		wordsPartialText:    {record.Observations, []record.Outcome{record.Degraded, record.FailedEntry}, record.Complete, record.Period{}},
		wordsNotRetrievable: {record.Observations, nil, record.NotRetrievable, record.Period{}},
		wordsNotSupported:   {record.Observations, nil, record.NotSupported, record.Period{}},
		wordsDisabled:       {record.Observations, []record.Outcome{record.WithheldEntry}, record.Disabled, record.Period{}},
		wordsDenied:         {record.Observations, nil, record.Denied, record.Period{}},
		wordsFailed:         {record.Observations, []record.Outcome{record.Exact}, record.Failed, record.Period{}},
		wordsFiltered:       {record.Observations, nil, record.Filtered, record.Period{}},
		wordsFilteredText:   {record.Observations, []record.Outcome{record.Exact, record.Unsupported}, record.Filtered, record.Period{}},
		wordsPeriod:         {record.Observations, nil, record.Filtered, record.Period{From: day("2015-01-01"), To: day("2016-12-31")}},
		wordsFrom:           {record.Observations, nil, record.Filtered, record.Period{From: day("2015-01")}},
		wordsUntil:          {record.Observations, nil, record.Filtered, record.Period{To: day("2016")}},
		"":                  {record.Observations, []record.Outcome{record.Exact}, record.Complete, record.Period{}},
	} {
		r := supplied()
		r.Source.Period = c.period
		for _, o := range c.outcomes {
			r.Add(observation(o))
		}
		r.Declare(c.section, c.declare)
		r.Settle(record.AllSections)
		require.Equal(t, want, r.Words(c.section))
	}
	r := record.New(record.Source{})
	r.Add(observation(record.Exact))
	r.Settle(record.AllSections)
	require.Equal(t, wordsPartialSilent, r.Words(record.Observations), "of a section the source did not answer for")
}

func TestWarningWords(t *testing.T) {
	for want, w := range map[string]record.Warning{
		warnTransit: {Code: record.WarnDataInTransit, Detail: "02-Jan-2016"}, warnFiling: {Code: record.WarnAwaitingFiling, Detail: "02-Jan-2016"},
		warnConfidential: {Code: record.WarnConfidential, Section: record.Problems}, warnDifference: {Code: record.WarnDemographics, Detail: "surname"},
		warnDeceased: {Code: record.WarnDeceased, Detail: "02-Jan-2016"}, warnDeceasedOnce: {Code: record.WarnDeceased, Detail: "date not known"},
		warnUnsafe: {Code: record.WarnPrescribingUnsafe, Count: 2, Detail: "Penicillin; bee venom"}, warnUnsafeOne: {Code: record.WarnPrescribingUnsafe, Count: 1, Detail: "Penicillin"},
		warnUnsafeTwo: {Code: record.WarnPrescribingUnsafe, Count: 2}, warnUnsafeSingle: {Code: record.WarnPrescribingUnsafe, Count: 1},
		warnUnknown: {Code: record.WarnPrescribingUnsafe}, warnContradicted: {Code: record.WarnContradicted, Detail: "02-Jan-2016"},
		warnDuplicate: {Code: record.WarnDuplicate, Detail: "two"}, warnSender: {Code: record.WarnSender, Detail: warnSender},
	} {
		require.Equal(t, want, w.Words())
		require.Regexp(t, word, string(w.Code))
	}
}

func TestHead(t *testing.T) {
	r := supplied(allergy(record.Degraded, record.Allergy{}), allergy(record.Degraded, record.Allergy{}), observation(record.Exact))
	r.Source = record.Source{System: "EMIS Web", Organisation: "Harbour Lights Surgery", ODS: "X99002", RetrievedAt: "22-Nov-2026 09:30:00 +0000", MapSet: "0123abcd"}
	r.Source.AsOf = iso(t, "2026-11-22T09:29:58")
	r.Patient = record.Patient{ID: "4711", Surname: "Quillfeather", Forenames: "Nora May", Title: "Mrs", BirthDate: iso(t, "1958-03-04"),
		OtherIDs: []record.Identifier{{Type: "CHI number", Value: "0403580000"}}}
	number, err := record.ParseNHSNumber("9990000018")
	require.NoError(t, err)
	r.Patient.NHS = number
	r.Warn(record.Warning{Code: record.WarnDeceased, Detail: "02-Jan-2016"})
	r.Entries[0].Text, r.Entries[1].Text = "Penicillin", "bee venom"
	asked := record.SectionsOf(record.Allergies, record.Observations, record.Problems)
	r.Settle(asked)
	require.Equal(t, []string{
		"WARNING: " + warnUnsafe,
		"WARNING: " + warnDeceased,
		"Record held by Harbour Lights Surgery (X99002) in EMIS Web.",
		"Retrieved at 22-Nov-2026 09:30:00 +0000.",
		"As made by the source system on 22-Nov-2026 09:29:58.",
		"Patient as held at source: QUILLFEATHER, Nora May (Mrs); born 04-Mar-1958; NHS number 999 000 0018; CHI number 0403580000; number at source 4711.",
		"View only. Not part of your record.",
		"Code tables: 0123abcd.",
		"No 'Problems' data is recorded for this patient.",
		"Allergies and Adverse Reactions: 2 of 2 entries could not be coded for this system and are shown as text.",
	}, r.Head(asked))

	r = supplied(observation(record.Exact))
	r.Source = record.Source{System: "SystmOne"}
	r.Settle(record.SectionsOf(record.Observations))
	require.Equal(t, []string{"Record held by organisation not known in SystmOne.", "Patient as held at source: born date not known.", "View only. Not part of your record."}, r.Head(record.SectionsOf(record.Observations)))
}

func TestNamesNotKnown(t *testing.T) {
	var nobody *record.Person
	var nowhere *record.Organisation
	require.Equal(t, "not known", nobody.Name())
	require.Equal(t, "not known", (&record.Person{ID: "1"}).Name())
	require.Equal(t, "Dr H Winterbourne", (&record.Person{Display: "Dr H Winterbourne", Surname: "Winterbourne"}).Name())
	require.Equal(t, "Winterbourne, Hale", (&record.Person{Forenames: "Hale", Surname: "Winterbourne"}).Name())
	require.Equal(t, "Winterbourne", (&record.Person{Surname: "Winterbourne", UserName: "hw"}).Name())
	require.Equal(t, "hw", (&record.Person{UserName: "hw"}).Name())
	require.Equal(t, "not known", nowhere.Title())
	require.Equal(t, "not known", (&record.Organisation{ID: "1"}).Title())
	require.Equal(t, "X99002", (&record.Organisation{ODS: "X99002"}).Title())
	require.Equal(t, "Harbour Lights Surgery", (&record.Organisation{ODS: "X99002", Name: "Harbour Lights Surgery"}).Title())
	require.True(t, record.Address{ID: "1", Use: "home"}.IsZero())
	require.False(t, record.Address{Postcode: "ZZ99 3VZ"}.IsZero())
}
