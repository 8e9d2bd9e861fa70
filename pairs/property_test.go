package pairs_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

var readCodes = []mapping.Code{{}, read("F59..", "00", "Hearing loss"), read("2469.", "00", "O/E - Systolic BP reading"), read("G20..", "00", "Essential hypertension"),
	read("14L..", "00", "H/O: drug allergy"), read("SN580", "00", "Egg allergy"), read("1151.", "00", "No known allergies"), read("bad", "", "typed"),
	read("C108.", "", "Insulin dependent diabetes mellitus")}

var emisCodes = []mapping.Code{{}, read("F59..", "00", "Hearing loss"), read("2469.", "00", "O/E - Systolic BP reading"), read("G20..", "00", "Essential hypertension"),
	read("14L..", "00", "H/O: drug allergy"), read("SN580", "00", "Egg allergy"), read("1151.", "00", "No known allergies"), read("bad", "", "typed"),
	read("C108.", "", "Insulin dependent diabetes mellitus"), emisDrug("FOTA1220", "Folic acid 5mg tablets"), emisDrug("SITA29406EMIS", "Sitagliptin"),
	{Scheme: mapping.EMISLocal, Value: "EMISNQPR118", Term: "Local"}, snomed("195967001", "Asthma"), snomed("160244002", "No known allergies"),
	{Scheme: mapping.DMD, Value: "319775004", Term: "Aspirin 75mg tablets"}, {Scheme: "emisweb.allergy-drug-group", Value: "SULF99", Term: "Sulphonamides"}}

// sourceCodes are codes the starter tables carry, decide against and do not
// know, by the system that sends them.
var sourceCodes = map[string][]mapping.Code{
	"emisweb": emisCodes, "mig": emisCodes,
	"guru": append(slices.Clone(readCodes), snomed("195967001", "Asthma"), mapping.Code{Scheme: mapping.DMD, Value: "319775004", Term: "Aspirin 75mg tablets"},
		mapping.Code{Scheme: mapping.Gemscript, Value: "58976020", Term: "A drug of another supplier"}, mapping.Code{Scheme: mapping.CTV3, Value: "XE0Uc", Term: "Essential hypertension"}),
	"vision": append(slices.Clone(readCodes), mapping.Code{Scheme: mapping.VisionDrug, Value: "69782020", Term: "Omeprazole tablets 20mg"},
		mapping.Code{Scheme: "vision.measure", Value: "systolic", Term: "Systolic"}),
	"systmone": {{}, ctv3("XE0s9", "Hearing loss"), ctv3("XE0Uc", "Essential hypertension"), ctv3("14L..", "H/O: drug allergy"), ctv3("2469.", "O/E - Systolic BP reading"),
		snomed("195967001", "Asthma"), {Scheme: mapping.TPPLocal, Value: "YX001", Term: "Local"}, {Scheme: mapping.Multilex, Value: "1003506", Term: "Fluvoxamine 50mg tablets"},
		{Scheme: mapping.DMD, Value: "319775004", Term: "Aspirin 75mg tablets"}, {Scheme: "systmone.ingredient-multilex", Value: "1177", Term: "PENICILLIN V"}},
}

var words = []string{"", "Hearing loss", "No hearing loss", "FH: Asthma", "?Asthma", "Essential hypertension", "Aspirin 75mg tablets", "Line one\nline two"}

// entryOf draws an entry with or without the part of its kind.
func entryOf(t *rapid.T, from system.System, before []*record.Entry) *record.Entry {
	code := rapid.SampledFrom(sourceCodes[from.Name])
	slot := func(name record.Slot, values ...string) mapping.Code {
		scheme := from.Enumerations[name]
		if v := rapid.SampledFrom(append(values, "", "odd")).Draw(t, string(name)); v != "" && scheme != "" {
			return mapping.Code{Scheme: scheme, Value: v}
		}
		return mapping.Code{}
	}
	e := &record.Entry{
		Kind: rapid.SampledFrom(record.Kinds()).Draw(t, "kind"), Text: rapid.SampledFrom(words).Draw(t, "text"), Code: code.Draw(t, "code"),
		Outcome: rapid.SampledFrom([]record.Outcome{record.Pending, record.Pending, record.Pending, record.Pending, record.WithheldEntry, record.FailedEntry, record.Duplicate}).Draw(t, "outcome"),
		Date:    rapid.SampledFrom([]record.Date{{}, date("2016"), date("2016-03-04"), date("2016-03-04T10:05:00")}).Draw(t, "date"),
		Texts:   []record.Text{{Value: rapid.SampledFrom(words).Draw(t, "free text")}},
		Others:  []mapping.Code{code.Draw(t, "other")}, Malformed: rapid.Bool().Draw(t, "malformed"),
	}
	if e.Malformed {
		e.Code = mapping.Code{}
	}
	if rapid.Bool().Draw(t, "qualified") {
		e.Qualifiers = []record.Qualifier{{Name: "Certainty", Value: "as stated", ValueCode: code.Draw(t, "qualifier"),
			Meaning: rapid.SampledFrom([]record.QualifierMeaning{record.Refines, record.Negates, record.Doubts}).Draw(t, "meaning")}}
	}
	if len(before) > 0 && rapid.Bool().Draw(t, "linked") {
		e.Parent = rapid.SampledFrom(before).Draw(t, "parent")
		if p := rapid.SampledFrom(before).Draw(t, "problem"); p.Kind == record.KindProblem {
			e.Problems = []record.ProblemLink{{Problem: p, Link: slot(record.SlotProblemLink, "ASS", "linked")}}
		}
	}
	if rapid.Bool().Draw(t, "value") {
		e.Value = &record.Value{Number: "1.50", Unit: "mmol/L", Comparator: slot(record.SlotComparator, "<", "7", "OPR003")}
	}
	if rapid.Bool().Draw(t, "without its part") {
		return e
	}
	switch e.Kind {
	case record.KindProblem:
		e.Problem = &record.Problem{Status: slot(record.SlotProblemStatus, "A", "active", "PP", "CurrentProblem")}
	case record.KindMedication, record.KindIssue:
		e.Medication = &record.MedicationBody{Dosage: "ONE A DAY", Quantity: "28.0", Mixture: []record.Ingredient{{Text: "a part", Code: code.Draw(t, "part")}},
			Type: slot(record.SlotPrescriptionType, "R", "Medication", "repeat")}
		if rapid.Bool().Draw(t, "simple") {
			e.Medication.Mixture = nil
		}
	case record.KindAllergy:
		e.Allergy = &record.Allergy{Class: record.AllergyClass(rapid.IntRange(0, 4).Draw(t, "class")), Absent: rapid.Bool().Draw(t, "absent"),
			Ended: rapid.Bool().Draw(t, "ended"), Substance: code.Draw(t, "substance")}
	case record.KindConsultation:
		e.Consultation = &record.Consultation{}
		for _, b := range before {
			e.Consultation.Items = append(e.Consultation.Items, record.Item{Entry: b, Heading: slot(record.SlotHeading, "History")})
		}
	case record.KindImmunisation:
		e.Immunisation = &record.Immunisation{Name: "Influenza", NotGiven: rapid.Bool().Draw(t, "not given")}
	case record.KindDiary:
		e.Diary = &record.DiaryBody{Type: "review"}
	case record.KindReferral:
		e.Referral = &record.Referral{To: "Cardiology"}
	case record.KindReport:
		e.Report = &record.Report{Type: "Pathology"}
	case record.KindDocument:
		e.Document = &record.Document{Title: "Letter"}
	}
	return e
}

// TestTranslateProperties holds for any record, in all directions and every
// scheme asked for: each section balances, each entry has one outcome, no
// words are changed, no code of a scheme the receiver does not file goes out,
// drugs and allergies are coded by equivalent rows alone, nothing is coded
// that is denied or about a relative, and the same record gives the same
// report and bytes.
func TestTranslateProperties(t *testing.T) {
	tables := starter(t)
	all := directions(t, tables)
	rapid.Check(t, func(t *rapid.T) {
		of := *all[rapid.IntRange(0, len(all)-1).Draw(t, "direction")]
		d := &of
		d.Rules.Sender = rapid.Bool().Draw(t, "sender")
		var entries []*record.Entry
		for range rapid.IntRange(0, 6).Draw(t, "entries") {
			entries = append(entries, entryOf(t, d.Holder.System, entries))
		}
		q := whole()
		q.CodeScheme = rapid.SampledFrom(append(d.Consumer.ClinicalSchemes, "")).Draw(t, "codes")
		q.DrugScheme = rapid.SampledFrom(append(d.Consumer.DrugSchemes, "")).Draw(t, "drugs")
		rec := recordOf(entries...)
		before := make([]record.Entry, len(entries))
		for i, e := range entries {
			before[i] = *e
		}
		report := d.Translate(rec, q, q)
		for _, s := range report.Sections {
			require.Equal(t, s.Source, s.Coded+s.Degraded+s.Withheld+s.Unsupported+s.Failed+s.Duplicate, s.Section)
		}
		for i, e := range rec.Entries {
			was := before[i]
			require.NotEqual(t, record.Pending, e.Outcome)
			require.Equal(t, was.Text, e.Text)
			require.Equal(t, was.Texts, e.Texts)
			require.Equal(t, was.Code, e.Code)
			if was.Outcome != record.Pending {
				require.Equal(t, was.Outcome, e.Outcome)
			}
			carriedRightly(t, tables, d, q, e)
		}
		text, err := json.Marshal(report)
		require.NoError(t, err)
		require.NotContains(t, string(text), "typed")
		response := record.Answered(rec)
		out, err := d.Consumer.Codec.EncodeResponse(q, response, id)
		require.NoError(t, err)
		again, err := d.Consumer.Codec.EncodeResponse(q, response, id)
		require.NoError(t, err)
		require.Equal(t, out, again)
		_, err = d.Consumer.Codec.DecodeResponse(t.Context(), out)
		require.NoError(t, err)
	})
}

// carriedRightly checks the code of one entry that goes out.
func carriedRightly(t *rapid.T, tables *mapping.Set, d *pairs.Direction, q *record.Request, e *record.Entry) {
	if e.Target.IsZero() {
		return
	}
	filed := append(slices.Clone(d.Consumer.ClinicalSchemes), d.Consumer.DrugSchemes...)
	require.Contains(t, filed, e.Target.Scheme)
	clinical := slices.Contains(d.Consumer.ClinicalSchemes, e.Target.Scheme)
	if clinical && q.CodeScheme != "" {
		require.Equal(t, q.CodeScheme, e.Target.Scheme)
	}
	if !clinical && q.DrugScheme != "" {
		require.Equal(t, q.DrugScheme, e.Target.Scheme)
	}
	switch e.Outcome {
	case record.Degraded:
		require.True(t, clinical)
		return
	case record.Exact, record.Mapped:
	default:
		t.Fatalf("a code stands on an entry that is %s", e.Outcome)
	}
	for _, qualifier := range e.Qualifiers {
		require.Equal(t, record.Refines, qualifier.Meaning)
	}
	require.False(t, e.Value != nil && e.Value.Unreadable != "")
	if e.Kind == record.KindFamilyHistory {
		require.Equal(t, mapping.FamilyHistory, mapping.ClassOf(e.Target.Term))
	}
	drug := e.Kind == record.KindMedication || e.Kind == record.KindIssue
	if drug || e.Kind == record.KindAllergy && e.Allergy.Class.Drug() && !e.Allergy.Absent {
		require.False(t, clinical)
	}
	if e.Kind == record.KindAllergy && !clinical {
		require.Contains(t, d.Consumer.Alerts, e.Target.Scheme)
	}
	if e.Outcome == record.Exact || !drug && e.Kind != record.KindAllergy || drug && d.Rules.Sender {
		return
	}
	equivalent := false
	for _, from := range []mapping.Code{e.Code, allergySubstance(e)} {
		res := tables.Translate(from, e.Target.Scheme, mapping.Context(e.Kind.String()))
		equivalent = equivalent || res.Relation == mapping.Equivalent && res.Target.Value == e.Target.Value
	}
	require.True(t, equivalent)
}

func allergySubstance(e *record.Entry) mapping.Code {
	if e.Allergy == nil {
		return mapping.Code{}
	}
	return e.Allergy.Substance
}
