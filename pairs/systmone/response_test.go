package systmone

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

func find(t testing.TB, rec *record.Record, kind record.Kind, text string) *record.Entry {
	for _, e := range rec.Entries {
		if e.Kind == kind && e.Text == text {
			return e
		}
	}
	require.Failf(t, "no such entry", "%s %q", kind, text)
	return nil
}

// The reader's counts and the decoder's entries agree for every record, and so
// does the sum per path.
func TestDecodeResponse_CountsEveryEntry(t *testing.T) {
	for _, name := range patients {
		msg := patientFile(t, name)
		rec := decode(t, msg)
		r, err := xmlio.Open(context.Background(), msg, xmlio.Options{Count: record.XMLPaths(entryPaths())})
		require.NoError(t, err)
		require.NoError(t, r.Close())
		decoded := make([]int, len(entryPaths()))
		for _, e := range rec.Entries {
			if e.Counted > 0 {
				decoded[e.Counted-1]++
			}
		}
		require.Equal(t, r.Counts(), decoded, name)
		for _, s := range record.Sections() {
			require.Empty(t, rec.Faults(s), "%s %s", name, s)
		}
		carried(t, rec)
		for _, s := range record.Sections() {
			require.True(t, rec.Tally(s).Balanced(), "%s %s", name, s)
		}
	}
	// The rich record has every way an entry may stand, and so each is tested.
	rec := decode(t, patientFile(t, "nora-quillfeather"))
	seen := map[int]bool{}
	for _, e := range rec.Entries {
		seen[e.Counted-1] = true
	}
	for i, p := range entryPaths() {
		require.True(t, seen[i], "%s %s", p.Path, p.Child)
	}
}

func TestDecodeResponse_Problems(t *testing.T) {
	rec := decode(t, patientFile(t, "nora-quillfeather"))
	p := find(t, rec, record.KindProblem, "Essential hypertension")
	require.Equal(t, "0b00000000000001", p.ID)
	require.Same(t, find(t, rec, record.KindObservation, "Essential hypertension"), p.Problem.Defines)
	require.Equal(t, "active", p.Problem.Status.Value)
	require.Equal(t, "Major", p.Problem.Significance.Value)
	require.Same(t, p, find(t, rec, record.KindResult, "O/E - Systolic BP reading").Problems[0].Problem)
	past := find(t, rec, record.KindProblem, "Asthma")
	require.Equal(t, "ended", past.Problem.Status.Value)
	require.Equal(t, "2014-02-28", past.Problem.End.String())
	require.Nil(t, find(t, rec, record.KindProblem, "Haemoglobin concentration").Problem.Defines)
}

func TestDecodeResponse_Tom(t *testing.T) {
	rec := decode(t, patientFile(t, "tom-ostler"))
	require.Len(t, rec.Entries, 1)
	carried(t, rec)
	require.Equal(t, record.Complete, rec.State(record.Demographics))
	// Without Clinical nothing says that there are no allergies.
	require.Equal(t, record.NotRetrievable, rec.State(record.Allergies))
	require.Equal(t, record.NotRetrievable, rec.State(record.Administration))
	require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnPrescribingUnsafe, Section: record.Allergies})
}

func TestDecodeResponse_Edith(t *testing.T) {
	rec := decode(t, patientFile(t, "edith-marram"))
	require.Equal(t, "2016-05-02", rec.Patient.DeathDate.String())
	require.Contains(t, rec.Warnings, record.Warning{Code: record.WarnDeceased, Section: record.Demographics, Detail: "02-May-2016"})
	var absent []*record.Entry
	for _, e := range rec.Entries {
		if e.Kind == record.KindAllergy && e.Allergy.Absent {
			absent = append(absent, e)
		}
	}
	require.Len(t, absent, 1, "the one marked as an allergy; the other is for the tables")
	for _, e := range rec.Entries {
		if len(e.Text) > 200 && e.Kind == record.KindObservation {
			require.Greater(t, len(e.Texts[0].Value), 4000)
			require.Contains(t, string(encode(t, carried(t, rec))), e.Text)
			return
		}
	}
	require.Fail(t, "the long entry")
}

// Faults of content touch their entry alone, and lose no word.
func TestDecodeResponse_ContentFaults(t *testing.T) {
	rec := decode(t, patientFile(t, "idris-skerry"))
	p := &rec.Patient
	require.Equal(t, "2001-07", p.BirthDate.String())
	require.True(t, p.Sex.IsZero())
	require.Contains(t, p.Registration, record.Qualifier{Name: "Sex as recorded", Value: "X"})
	require.Contains(t, p.Registration, record.Qualifier{Name: "Care start date as recorded", Value: "2019-02-29 (not a date)"})
	require.Contains(t, p.Registration, record.Qualifier{Name: "Unrecognised", Value: "ShoeSize: 9"})

	const when = "Date as recorded: 2016-02-31T10:00:00 (not a date)"
	typed := find(t, rec, record.KindObservation, "Asthma, typed in")
	require.True(t, typed.Malformed)
	require.True(t, typed.Code.IsZero())
	require.True(t, typed.Date.IsZero())
	require.Nil(t, typed.Author)
	require.Equal(t, []string{`Source code: CTV3 asthma "Asthma, typed in"`, when}, typed.Notes)
	require.True(t, find(t, rec, record.KindResult, "Systolic blood pressure").Malformed, "check digit")
	require.Contains(t, find(t, rec, record.KindObservation, "Asthma by another scheme").Notes, `Source code: ICD10 J45 "Asthma by another scheme"`)

	potassium := find(t, rec, record.KindResult, "Serum potassium")
	require.Equal(t, &record.Value{Unreadable: "3.1 mmol/L (comparator as recorded: 9)"}, potassium.Value)
	require.Equal(t, &record.Value{Text: "sample lost", Unit: "umol/L"}, find(t, rec, record.KindResult, "Serum creatinine").Value)
	require.Contains(t, find(t, rec, record.KindObservation, "Serum sodium").Notes, "Units as recorded: mmol/L")

	problem := find(t, rec, record.KindProblem, "Asthma")
	require.Equal(t, "ended", problem.Problem.Status.Value)
	require.True(t, problem.Problem.End.IsZero())
	require.Equal(t, []string{"Episodicity as recorded: Sometimes", "Problem severity as recorded: Middling",
		"End date as recorded: 2016-13-01 (not a date)", when}, problem.Notes)
	fh := find(t, rec, record.KindObservation, "FH: Asthma")
	require.Contains(t, fh.Texts, record.Text{Label: "Unrecognised", Value: "Confidence: low"})
	require.Contains(t, fh.Notes, "Linked problem: not in this message")

	linctus := find(t, rec, record.KindMedication, "Unknown linctus")
	require.True(t, linctus.Malformed)
	require.Equal(t, "a bottle", linctus.Medication.QuantityWords)
	require.Contains(t, linctus.Notes, "Start date as recorded: 31/02/2016 (not a date)")
	require.Contains(t, linctus.Notes, "Medication type as recorded: Barter")
	allergy := find(t, rec, record.KindAllergy, "Fluvoxamine 50mg tablets")
	require.Equal(t, record.AllergyUnclear, allergy.Allergy.Class)
	require.False(t, allergy.Allergy.Ended, "an end nobody can read is no end")
	require.Contains(t, allergy.Notes, "End date as recorded: soon (not a date)")
	require.NotNil(t, find(t, rec, record.KindUnrecognised, "Tattoo: anchor,; b: left; arm"))
	require.NotNil(t, find(t, rec, record.KindUnrecognised, "Raffle: won"))

	// Every one of those words reaches the reader at the other end.
	out := string(encode(t, carried(t, rec)))
	for _, words := range []string{"ICD10 J45", "3.1 mmol/L (comparator as recorded: 9)", "sample lost", "Middling", "2016-13-01", "31/02/2016", "Barter", "soon (not a date)", "Tattoo", "Raffle", "ShoeSize", "Semaphore", "Mood: fair"} {
		require.Contains(t, out, words)
	}
}

func TestDecodeResponse_Failure(t *testing.T) {
	for name, want := range map[string]record.Failure{
		"retry":     {Reason: record.ReasonBusy, Native: "Somebody else on this machine has the record open; please wait.", Retry: true},
		"permanent": {Reason: record.ReasonRefused, Native: "No patient of this unit has that number."},
		"unclear":   {Reason: record.ReasonRefused, Native: "Something happened."},
	} {
		p, err := newTestCodec(t).DecodeResponse(context.Background(), read(t, "failures", "systmone-"+name+".xml"))
		require.NoError(t, err)
		require.Nil(t, p.Record())
		require.Equal(t, want, *p.Failure())
		require.Equal(t, "6f1d2c3b-4a59-4687-9786-5a4b3c2d1e02", p.MessageID)
		require.Equal(t, !want.Retry, p.Failure().Permanent())

		out, err := newTestCodec(t).EncodeResponse(everything, p, answerID)
		require.NoError(t, err)
		again, err := newTestCodec(t).DecodeResponse(context.Background(), out)
		require.NoError(t, err)
		require.Equal(t, want.Retry, again.Failure().Retry)
		require.Contains(t, again.Failure().Native, want.Native)
		require.Equal(t, everything.MessageID, again.MessageID)
	}
}

func TestEncodeResponse_OwnFailure(t *testing.T) {
	q := &record.Request{MessageID: "m", Device: "d", Operation: "UpdatePatientRecord"}
	out, err := newTestCodec(t).EncodeResponse(q, record.Refused(record.Failure{Reason: record.ReasonUnsupported}), answerID)
	require.NoError(t, err)
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><ClientIntegrationResponse><DeviceID>d</DeviceID><RequestUID>m</RequestUID>`+
		`<Function>UpdatePatientRecord</Function><FunctionVersion>1.0</FunctionVersion><ResponseUID>00000000-0000-4000-8000-00000000000A</ResponseUID>`+
		`<Response><ErrorMessage>This link does not carry that kind of request.</ErrorMessage><PermanentError>true</PermanentError></Response></ClientIntegrationResponse>`, string(out))
}

// change edits a patient's message in one place.
func change(t testing.TB, name, old, with string) []byte {
	msg := patientFile(t, name)
	require.True(t, bytes.Contains(msg, []byte(old)), old)
	return bytes.Replace(msg, []byte(old), []byte(with), 1)
}

func TestDecodeResponse_StructureFaults(t *testing.T) {
	const identity = "<Identity><NHSNumber>9998656907</NHSNumber></Identity>"
	for name, c := range map[string]struct {
		old, with string
		reason    record.Reason
	}{
		"wrong root":         {"<ClientIntegrationResponse>", "<ClientIntegrationAnswer>", record.ReasonBadAnswer},
		"root in namespace":  {"<ClientIntegrationResponse>", `<ClientIntegrationResponse xmlns="urn:x">`, record.ReasonBadAnswer},
		"doctype":            {"<ClientIntegrationResponse>", "<!DOCTYPE x [<!ENTITY a 'b'>]><ClientIntegrationResponse>", record.ReasonBadAnswer},
		"entity":             {"Ostler", "&a;", record.ReasonBadAnswer},
		"no identity":        {identity, "", record.ReasonNoPatient},
		"identity twice":     {identity, identity + identity, record.ReasonBadAnswer},
		"two numbers":        {"<NHSNumber>", "<NHSNumber>9998193036</NHSNumber><NHSNumber>", record.ReasonBadAnswer},
		"two responses":      {"<Response>", "<Response/><Response>", record.ReasonBadAnswer},
		"no response":        {"<Response>" + identity, "<Answer>" + identity, record.ReasonBadAnswer},
		"another function":   {"GetPatientRecord", "PatientSearch", record.ReasonBadAnswer},
		"error and record":   {"<RecordState>", "<ErrorMessage>no</ErrorMessage><RecordState>", record.ReasonBadAnswer},
		"two request ids":    {"<RequestUID>", "<RequestUID>x</RequestUID><RequestUID>", record.ReasonBadAnswer},
		"unbalanced element": {"</Demographics>", "", record.ReasonBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			msg := change(t, "tom-ostler", c.old, c.with)
			if name == "no response" {
				msg = bytes.Replace(msg, []byte("</Response>"), []byte("</Answer>"), 1)
			}
			if name == "wrong root" {
				msg = bytes.Replace(msg, []byte("</ClientIntegrationResponse>"), []byte("</ClientIntegrationAnswer>"), 1)
			}
			p, err := newTestCodec(t).DecodeResponse(context.Background(), msg)
			require.Equal(t, c.reason, record.ReasonOf(err), "%v", err)
			require.Equal(t, record.Response{}, p)
			require.NotContains(t, err.Error(), "9998656907")
			require.NotContains(t, err.Error(), "Ostler")
		})
	}
}

// Without a number, or with a wrong one, the record is read and the patient
// has none: the bridge refuses it.
func TestDecodeResponse_NoNumber(t *testing.T) {
	for _, with := range []string{"<PseudoNumber>P77</PseudoNumber>", "<ClientID>C88</ClientID>", "<NHSNumber>9998656908</NHSNumber>", ""} {
		rec := decode(t, change(t, "tom-ostler", "<NHSNumber>9998656907</NHSNumber>", with))
		require.True(t, rec.Patient.NHS.IsZero())
		require.Equal(t, "Ostler", rec.Patient.Surname)
	}
}

func TestDecodeResponse_CutAnywhere(t *testing.T) {
	msg := bytes.TrimSpace(patientFile(t, "nora-quillfeather"))
	for i := range len(msg) {
		p, err := newTestCodec(t).DecodeResponse(context.Background(), msg[:i])
		require.Error(t, err, "cut at %d", i)
		require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
		require.Equal(t, record.Response{}, p)
	}
}

// A repeated single-valued element fails its section and keeps the first value
// and the words of the second.
func TestDecodeResponse_Repeated(t *testing.T) {
	for _, c := range []struct {
		old, with string
		section   record.Section
		words     string
	}{
		{"<Dose>one  each morning</Dose>", "<Dose>one  each morning</Dose><Dose>TWO</Dose>", record.Medication, "Dose: TWO"},
		{"<Value>142</Value>", "<Value>142</Value><Value>999</Value>", record.Investigations, "Value: 999"},
		{"<ProblemSeverity>Major<", "<ProblemSeverity>Minor</ProblemSeverity><ProblemSeverity>Major<", record.Problems, "ProblemSeverity: Major"},
		{"<FreeText>brother<", "<FreeText>sister</FreeText><FreeText>brother<", record.FamilyHistory, "FreeText: brother"},
		{"<EndDate>2013-11-05</EndDate>", "<EndDate>2013-11-05</EndDate><EndDate>2013-11-06</EndDate>", record.Allergies, "EndDate: 2013-11-06"},
		{"<BatchNumber>QF-0815<", "<BatchNumber>A</BatchNumber><BatchNumber>QF-0815<", record.Immunisations, "BatchNumber: QF-0815"},
		{"<RecallDate>2016-10-03<", "<RecallDate>2016-10-02</RecallDate><RecallDate>2016-10-03<", record.Diary, "RecallDate: 2016-10-03"},
		{"<Surname>", "<Surname>Other</Surname><Surname>", record.Demographics, "Surname: Quillfeather"},
		{"<FileName>", "<FileName>a</FileName><FileName>", record.Documents, "FileName: clinic-letter-0417.rtf"},
		{"<TaskType>", "<TaskType>a</TaskType><TaskType>", record.Administration, "TaskType: Administrative"},
		{"<Clinical>", "<Clinical/><Clinical>", record.Consultations, "Essential hypertension"},
		{"<NonClinical>", "<NonClinical/><NonClinical>", record.Administration, "Housebound"},
		{"<Demographics>", "<Demographics><Surname>Gull</Surname></Demographics><Demographics>", record.Demographics, "Quillfeather"},
	} {
		rec := carried(t, decode(t, change(t, "nora-quillfeather", c.old, c.with)))
		require.Equal(t, record.Failed, rec.State(c.section), c.with)
		require.Contains(t, rec.Faults(c.section)[0].Why, "repeated")
		require.Contains(t, dump(rec), c.words)
	}
	require.Equal(t, "142", find(t, decode(t, change(t, "nora-quillfeather", "<Value>142</Value>", "<Value>142</Value><Value>999</Value>")), record.KindResult, "O/E - Systolic BP reading").Value.Number)
}

// A relative's disease never becomes the patient's problem, nor does an
// allergy leave the allergies.
func TestDecodeResponse_MarksBeforeProblem(t *testing.T) {
	rec := decode(t, change(t, "nora-quillfeather", "<ProblemSeverity>Major</ProblemSeverity>", "<ProblemSeverity>Major</ProblemSeverity><IsFamilyHistory/>"))
	fh := find(t, rec, record.KindFamilyHistory, "Essential hypertension")
	require.Nil(t, fh.Problem)
	require.Contains(t, fh.Notes, "Problem severity as recorded: Major")
	require.Empty(t, rec.Faults(record.Problems))
	rec = decode(t, change(t, "nora-quillfeather", "<IsAllergy>true</IsAllergy>", "<IsAllergy>false</IsAllergy>"))
	find(t, rec, record.KindObservation, "Non-coeliac gluten sensitivity")
	require.Empty(t, rec.Faults(record.Allergies))
}

// The time of an Event is wall time whatever stands after it.
func TestDecodeResponse_Times(t *testing.T) {
	for written, want := range map[string]string{
		"2014-06-02T09:10:41Z":      "2014-06-02T09:10:41Z",
		"2014-06-02T09:10:41.0Z":    "2014-06-02T09:10:41Z",
		"2014-06-02T00:00:00":       "2014-06-02",
		"2014-06-02T00:00:00Z":      "2014-06-02T00:00:00Z",
		"2014-06-02T09:10:41+01:00": "2014-06-02T09:10:41+01:00",
		"2014-06-02":                "2014-06-02",
		"":                          "",
		"soon":                      "",
	} {
		rec := decode(t, change(t, "nora-quillfeather", "2014-06-02T09:10:41Z", written))
		e := find(t, rec, record.KindMedication, "Sertraline 100mg tablets")
		require.Equal(t, want, e.Date.String(), written)
		require.Equal(t, written == "soon", len(e.Notes) > 0)
		again := withoutHead(t, decode(t, encode(t, carried(t, rec))))
		require.Equal(t, want, find(t, again, record.KindMedication, "Sertraline 100mg tablets").Date.String(), written)
	}
}

// The composed messages beside the repository, where they are, decode as the
// reference describes them.
func TestDecode_Shared(t *testing.T) {
	files, err := filepath.Glob("../../../shared/examples/systmone/ci-*.xml")
	require.NoError(t, err)
	c := newTestCodec(t)
	for _, file := range files {
		msg, err := os.ReadFile(file)
		require.NoError(t, err)
		ctx := context.Background()
		switch name := filepath.Base(file); {
		case strings.Contains(name, "update-request"):
			q, err := c.DecodeRequest(ctx, msg)
			require.Equal(t, record.ReasonUnsupported, record.ReasonOf(err))
			require.NotEmpty(t, q.MessageID)
		case strings.Contains(name, "update-response"):
			_, err := c.DecodeResponse(ctx, msg)
			require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
		case strings.Contains(name, "request"):
			q, err := c.DecodeRequest(ctx, msg)
			require.NoError(t, err, name)
			require.True(t, q.Patient.NHS.Test())
		case strings.Contains(name, "error"):
			p, err := c.DecodeResponse(ctx, msg)
			require.NoError(t, err, name)
			require.True(t, p.Failure().Retry)
		default:
			rec := decode(t, msg)
			require.True(t, rec.Patient.NHS.Test())
			for _, s := range record.Sections() {
				require.Empty(t, rec.Faults(s))
			}
			if strings.Contains(name, "rich") {
				sharedRich(t, rec)
			}
		}
	}
}

func sharedRich(t *testing.T, rec *record.Record) {
	problem := find(t, rec, record.KindProblem, "Asthma")
	require.NotNil(t, problem.Problem.Defines)
	require.Same(t, problem, find(t, rec, record.KindObservation, "FH: Asthma").Problems[0].Problem)
	require.Equal(t, mapping.Code{Scheme: schemeComparator, Value: "4", Term: "equal to"}, find(t, rec, record.KindResult, "O/E - Systolic BP reading").Value.Comparator)
	sensitivity := find(t, rec, record.KindAllergy, "EXAMPLICILLIN")
	require.True(t, sensitivity.Allergy.Ended)
	require.True(t, sensitivity.Allergy.End.IsZero())
	require.Equal(t, mapping.TPPLocal, find(t, rec, record.KindObservation, "Locally defined TPP code (invented)").Code.Scheme)
	task := find(t, rec, record.KindAdministration, "Task")
	require.Contains(t, task.Texts[2].Value, "\n")
}
