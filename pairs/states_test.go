package pairs_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// firstPlaces are where a clinician reads first, by the document: the first
// consultation, which stands at the top of the journal of each system.
var firstPlaces = map[string]string{"systmone": "Clinical/Event", "medicalrecord": "ConsultationList/Consultation", "openhr": "healthDomain/event"}

// receivers are the codecs that write answers, by the document they write.
func receivers(t testing.TB) map[string]system.Codec {
	t.Helper()
	found := map[string]system.Codec{}
	for _, format := range emisFormats {
		link := openLink(t, format)
		emis, _ := link.Side("emisweb")
		other, _ := link.Side("systmone")
		found[format], found["systmone"] = emis.Codec, other.Codec
	}
	require.Len(t, found, len(firstPlaces))
	return found
}

// read1st is the text of the first element at a place, a line for each piece
// of it.
func read1st(t testing.TB, out []byte, place string) string {
	t.Helper()
	r := xml.NewDecoder(bytes.NewReader(out))
	var open []string
	var text strings.Builder
	inside := 0
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			if inside == 0 && strings.HasSuffix("/"+strings.Join(open, "/"), "/"+place) {
				inside = len(open)
			}
		case xml.CharData:
			if inside > 0 {
				text.Write(token)
				text.WriteByte('\n')
			}
		case xml.EndElement:
			if inside == len(open) {
				return text.String()
			}
			open = open[:len(open)-1]
		}
	}
}

// kindOf is a kind of entry of the section.
func kindOf(s record.Section) record.Kind {
	for _, k := range record.Kinds() {
		if k.Section() == s {
			return k
		}
	}
	return record.KindUnrecognised
}

// bodied gives an entry the part of its kind.
func bodied(e *record.Entry) *record.Entry {
	switch e.Kind {
	case record.KindProblem:
		e.Problem = &record.Problem{}
	case record.KindMedication, record.KindIssue:
		e.Medication = &record.MedicationBody{}
	case record.KindAllergy:
		e.Allergy = &record.Allergy{}
	case record.KindConsultation:
		e.Consultation = &record.Consultation{}
	case record.KindReport:
		e.Report = &record.Report{}
	case record.KindImmunisation:
		e.Immunisation = &record.Immunisation{}
	case record.KindDiary:
		e.Diary = &record.DiaryBody{}
	case record.KindReferral:
		e.Referral = &record.Referral{}
	case record.KindDocument:
		e.Document = &record.Document{}
	}
	return e
}

// inState is a record whose section is in a state, all others being whole and
// empty, and the sentence agreed for it (safety §1.3, §D.1).
func inState(s record.Section, state record.State) (*record.Record, string) {
	rec := recordOf()
	rec.Source = record.Source{System: "EMIS Web", Organisation: "Harbour Lights Surgery", ODS: "X99002", RetrievedAt: "22-Nov-2026 09:30:00 +0000", MapSet: "0123456789abcdef"}
	entry := func(o record.Outcome) {
		rec.Add(bodied(&record.Entry{Kind: kindOf(s), Text: "Words of an entry", Outcome: o}))
	}
	title := s.Title()
	const still = " This data may still exist in the source system."
	switch state {
	case record.Failed:
		rec.Fail(s, "Event", "repeated Dose")
		return rec, title + " could not be read: repeated Dose." + still + " Do not assume there is none."
	case record.Denied:
		rec.Declare(s, state)
		return rec, "Access is denied to '" + title + "' data for this patient." + still
	case record.Disabled:
		rec.Declare(s, state)
		return rec, title + " items have been disabled." + still
	case record.NotSupported:
		rec.Declare(s, state)
		return rec, "'" + title + "' data is not supported by this system."
	case record.NotRetrievable:
		rec.Declare(s, state)
		return rec, "This system does not support retrieval of '" + title + "' data." + still
	case record.Partial:
		entry(record.FailedEntry)
		entry(record.Unsupported)
		return rec, title + ": INCOMPLETE: 1 entry could not be read. Received 1 of 2. Do not rely on absence."
	case record.Withheld:
		entry(record.WithheldEntry)
		return rec, title + ": Items excluded due to confidentiality and/or patient preferences."
	case record.Filtered:
		rec.Declare(s, state)
		rec.Source.Period = record.Period{From: date("2015-01-01"), To: date("2016-12-31")}
		return rec, title + ": For the period '01-Jan-2015' to '31-Dec-2016'."
	case record.CompleteDegraded:
		entry(record.Unsupported)
		return rec, title + ": 1 of 1 entries could not be coded for this system and are shown as text."
	case record.NothingRecorded:
		rec.Declare(s, state)
		return rec, "No '" + title + "' data is recorded for this patient."
	}
	entry(record.Exact)
	return rec, ""
}

// TestEverySectionState writes every section in every state with every codec:
// the sentence stands where a clinician reads first, and "none recorded" stands
// there only for a section of which that is true (H-07).
func TestEverySectionState(t *testing.T) {
	cells := 0
	for format, codec := range receivers(t) {
		for _, s := range record.Sections() {
			for _, state := range record.States() {
				rec, sentence := inState(s, state)
				rec.Settle(record.AllSections)
				require.Equal(t, state, rec.State(s), "%s", s)
				out, err := codec.EncodeResponse(whole(), record.Answered(rec), id)
				require.NoError(t, err)
				first := read1st(t, out, firstPlaces[format])
				at := fmt.Sprint(format, " ", s, " ", state)
				require.Contains(t, first, sentence, at)
				none := "No '" + s.Title() + "' data is recorded"
				require.Equal(t, state == record.NothingRecorded, strings.Contains(string(out), escaped(none)), at)
				require.Equal(t, state == record.NothingRecorded, strings.Contains(first, none), at)
				for _, line := range []string{"Record held by Harbour Lights Surgery (X99002) in EMIS Web.", "Retrieved at 22-Nov-2026 09:30:00 +0000.",
					"Patient as held at source: ", "View only. Not part of your record.", "Code tables: 0123456789abcdef."} {
					require.Contains(t, first, line, at)
				}
				cells++
			}
		}
	}
	t.Logf("%d cells", cells)
	require.Equal(t, 3*len(record.Sections())*len(record.States()), cells)
}

// escaped is text as XML text holds it; our writers escape no apostrophe.
func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// TestEveryWarning writes every record warning with every codec, before
// anything else a clinician reads (H-09, H-28, H-29).
func TestEveryWarning(t *testing.T) {
	const transit = "Patient record transfer from previous GP practice not yet complete; information recorded before 02-Jan-2016 may be missing."
	const filing = "Patient record contains some items in the GP practice workflow that have not been reviewed for inclusion in this message; information recorded before 02-Jan-2016 may be missing."
	warnings := map[string]record.Warning{
		transit: {Code: record.WarnDataInTransit, Detail: "02-Jan-2016"},
		filing:  {Code: record.WarnAwaitingFiling, Detail: "02-Jan-2016"},
		"Documents: Items excluded due to confidentiality and/or patient preferences.": {Code: record.WarnConfidential, Section: record.Documents},
		`Patient details differ between the two systems: Surname is "Quillfeather" here and "Quilfeather" there.`: {
			Code: record.WarnDemographics, Detail: record.Difference{Field: "Surname", Here: "Quillfeather", There: "Quilfeather"}.Words()},
		"Recorded as deceased on 02-May-2016.": {Code: record.WarnDeceased, Detail: "02-May-2016"},
		"ALLERGY NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire: Penicillin. Prescribing must not proceed until reviewed.": {
			Code: record.WarnPrescribingUnsafe, Section: record.Allergies, Count: 1, Detail: "Penicillin"},
		"A 'no known allergies' entry of 02-Jan-2016 is contradicted by the entries below.": {Code: record.WarnContradicted, Detail: "02-Jan-2016"},
		"Some entries may be duplicates: two":                                               {Code: record.WarnDuplicate, Detail: "two"},
		"Check renal function":                                                              {Code: record.WarnSender, Detail: "Check renal function"},
	}
	for format, codec := range receivers(t) {
		for sentence, w := range warnings {
			rec, _ := inState(record.Problems, record.Complete)
			rec.Warn(w)
			rec.Settle(record.AllSections)
			out, err := codec.EncodeResponse(whole(), record.Answered(rec), id)
			require.NoError(t, err)
			first := read1st(t, out, firstPlaces[format])
			require.Contains(t, first, "WARNING: "+sentence, format)
			require.Less(t, strings.Index(first, sentence), strings.Index(first, "Record held by"), format)
			every := sentence == transit || sentence == filing
			for _, s := range record.Sections() { // beside the state of every section, a complete one too
				require.Equal(t, every, strings.Contains(rec.Words(s), sentence), "%s: %s", s, sentence)
				if every {
					require.Contains(t, first, rec.Words(s), format)
				}
			}
			if w.Code == record.WarnPrescribingUnsafe && format != "systmone" { // EMIS shows an alert whatever is opened
				require.Contains(t, read1st(t, out, map[string]string{"medicalrecord": "AlertList/Alert", "openhr": "healthDomain/event"}[format]), sentence)
			}
		}
	}
}

// TestHead writes who the record is about and when the source made it, as the
// holder says it, through every pair and both ways.
func TestHead(t *testing.T) {
	eachAnswer(t, func(name string, d *pairs.Direction, rec *record.Record, out []byte) {
		format := "systmone"
		if d.Consumer.Name == "emisweb" {
			format = name[strings.LastIndexByte(name, ' ')+1:]
		}
		first := read1st(t, out, firstPlaces[format])
		p := rec.Patient
		n := p.NHS.Digits()
		for _, words := range []string{strings.ToUpper(p.Surname) + ", " + p.Forenames, "born " + p.BirthDate.Words(), n[:3] + " " + n[3:6] + " " + n[6:]} {
			require.Contains(t, first, words, name)
		}
		if d.Holder.Name == "emisweb" && strings.Contains(name, "openhr") {
			require.Contains(t, first, "As made by the source system on "+rec.Source.AsOf.Words(), name)
		}
		for _, w := range rec.Warnings {
			require.Contains(t, first, w.Words(), name)
		}
	})
}
