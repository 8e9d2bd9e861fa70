package standin

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

const edith = "9992021527"

// formats are the ways each stand-in answers.
var formats = map[string][]string{"systmone": {""}, "emisweb": {FormatMedicalRecord, FormatOpenHR}, "mig": {""}, "vision": {""}}

// hazel asks, with the patient's consent.
var hazel = record.Requester{User: "hwinterbourne", UserName: "Dr Hazel Winterbourne", Role: "R8000", Organisation: "X99002", Consent: "patient-present"}

// exchange makes the calls that the product makes of one request, and gives the
// message it reads. Every call is one the stand-in takes.
func exchange(t *testing.T, codec system.Codec, q *record.Request, ask func(msg []byte) []byte) []byte {
	t.Helper()
	msg, err := codec.EncodeRequest(q, system.MessageID{ID: "0d6b7a52-11f9-4c1e-8d3a-2f6f7be0c9aa", At: time.Unix(0, 0)})
	require.NoError(t, err)
	caller, several := codec.(system.Caller)
	if !several {
		return ask(msg)
	}
	var answers [][]byte
	for {
		calls, err := caller.Calls(t.Context(), msg, answers)
		require.NoError(t, err)
		if len(calls) == 0 {
			break
		}
		for _, call := range calls {
			answers = append(answers, ask(call))
		}
	}
	joined, err := caller.Join(msg, answers)
	require.NoError(t, err)
	return joined
}

// asks puts the product's own request for a patient of the project to a
// stand-in and reads the answer with the product's codec.
func asks(t *testing.T, name string, number string, sections record.SectionSet, o Options) record.Response {
	t.Helper()
	s, err := New(name, os.DirFS("../../testdata/patients"), o)
	require.NoError(t, err)
	for _, of := range pairs.Systems() {
		if of.Name != name {
			continue
		}
		codec, err := of.New(system.Options{Settings: settings[name]})
		require.NoError(t, err)
		nhs, err := record.ParseNHSNumber(number)
		require.NoError(t, err)
		q := record.Request{Requester: hazel, Patient: record.Identity{NHS: nhs}, Target: "X99001", Sections: sections, Whole: sections == record.AllSections, Identify: sections == record.SectionsOf(record.Demographics)}
		msg := exchange(t, codec, &q, func(msg []byte) []byte { return reply(s.question(msg), s.records, o) })
		answer, err := codec.DecodeResponse(t.Context(), msg)
		require.NoError(t, err)
		return answer
	}
	t.Fatal("no such system")
	return record.Response{}
}

func patient(t *testing.T, name, number string, o Options) *record.Patient {
	t.Helper()
	answer := asks(t, name, number, record.SectionsOf(record.Demographics), o)
	require.NotNil(t, answer.Record())
	return &answer.Record().Patient
}

// TestDetailsAlone: each stand-in answers the question for a patient's details
// with these and nothing of the record.
func TestDetailsAlone(t *testing.T) {
	for name, formats := range formats {
		for _, format := range formats {
			for _, number := range []string{nora, tom, edith} {
				answer := asks(t, name, number, record.SectionsOf(record.Demographics), Options{Format: format})
				p := answer.Record().Patient
				require.Equal(t, number, p.NHS.Digits())
				require.NotEmpty(t, p.Surname)
				require.NotEmpty(t, p.Forenames)
				require.Equal(t, record.PrecisionDay, p.BirthDate.Precision())
				require.NotEmpty(t, p.Sex.Term)
				for _, e := range answer.Record().Entries {
					require.Equal(t, record.KindDemographics, e.Kind, "%s %s", name, format)
				}
			}
		}
	}
}

// TestPatientsMatchAcrossSystems: the patients of the project are one person in
// every system and format, as far as they say it.
func TestPatientsMatchAcrossSystems(t *testing.T) {
	const idris = "9999825966"
	for number, want := range map[string]record.Verification{nora: record.Verified, tom: record.Verified, edith: record.Verified, idris: record.Unproven} {
		there := patient(t, "systmone", number, Options{})
		for name, formats := range formats {
			for _, format := range formats {
				here := patient(t, name, number, Options{Format: format})
				require.Equal(t, want, record.Verify(here, there), "%s %s", name, number)
				require.Equal(t, want, record.Verify(there, here), "%s %s", name, number)
				fields := []string{}
				for _, d := range record.Differences(here, there) {
					fields = append(fields, d.Field)
				}
				switch {
				case number == nora && name != "systmone": // whose second forename is not one and the same
					require.Equal(t, []string{"Forename"}, fields, name)
				case number == tom, number == edith:
					require.Empty(t, fields, name)
				}
			}
		}
	}
}

func TestStandings(t *testing.T) {
	want := map[string]map[string]record.Standing{
		"systmone": {"": record.Registered, StandingLeft: record.StandingUnknown, StandingTemporary: record.StandingUnknown,
			StandingDeceased: record.Deceased, StandingUnstated: record.StandingUnknown},
		"emisweb": {StandingLeft: record.Left, StandingTemporary: record.Temporary, StandingDeceased: record.Deceased,
			StandingUnstated: record.StandingUnknown},
	}
	want["mig"] = want["emisweb"]     // whose record it carries
	want["vision"] = want["systmone"] // which says no more
	for name, formats := range formats {
		for _, format := range formats {
			for standing, want := range want[name] {
				for _, number := range []string{nora, tom} {
					p := patient(t, name, number, Options{Format: format, Standing: standing})
					require.Equal(t, want, p.Standing, "%s %s %s", name, format, standing)
					if want == record.Deceased {
						require.Equal(t, diedOn, p.DeathDate.Day())
					}
					if want == record.Left {
						require.Equal(t, leftOn, p.LeftOn.Day())
					}
				}
			}
			// One whom the system must not show is answered as one it does not know.
			sensitive := asks(t, name, nora, record.AllSections, Options{Format: format, Standing: StandingSensitive})
			unknown := asks(t, name, "9990260788", record.AllSections, Options{Format: format})
			require.NotNil(t, unknown.Failure())
			require.Equal(t, unknown, sensitive)
		}
	}
	_, err := New("systmone", files, Options{Standing: "asleep"})
	require.ErrorContains(t, err, "Standing")
}

func TestSomebodyElse(t *testing.T) {
	for name, formats := range formats {
		for _, format := range formats {
			own := patient(t, name, nora, Options{Format: format})

			other := patient(t, name, nora, Options{Format: format, Instead: tom})
			require.Equal(t, tom, other.NHS.Digits())
			require.Equal(t, "Ostler", other.Surname)

			disguised := patient(t, name, nora, Options{Format: format, Instead: tom, Disguised: true})
			require.Equal(t, nora, disguised.NHS.Digits())
			require.Equal(t, "Ostler", disguised.Surname)
			require.Equal(t, record.Mismatch, record.Verify(own, disguised))

			swapped := asks(t, name, nora, record.AllSections, Options{Format: format, Swapped: tom})
			require.Equal(t, nora, swapped.Record().Patient.NHS.Digits())
			require.Equal(t, record.Mismatch, record.Verify(own, &swapped.Record().Patient))
			require.Greater(t, len(swapped.Record().Entries), 30, "the record is still Nora's")

			bare := patient(t, name, nora, Options{Format: format, NoDemographics: true})
			require.Equal(t, nora, bare.NHS.Digits())
			require.Empty(t, strings.Join([]string{bare.Surname, bare.Forenames, bare.Sex.Value, bare.BirthDate.Day()}, ""))
			require.Equal(t, record.Unproven, record.Verify(own, bare))
		}
	}
}
