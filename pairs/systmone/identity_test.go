package systmone

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/record"
)

// Whatever stands behind it, a patient not found is answered with the same
// bytes (safety CS-07).
func TestNotFoundIsOneAnswer(t *testing.T) {
	c := newTestCodec(t)
	want, err := c.EncodeResponse(everything, record.Refused(record.Failure{Reason: record.ReasonNotFound}), answerID)
	require.NoError(t, err)
	require.Contains(t, string(want), "<Response><ErrorMessage>Patient not found.</ErrorMessage><PermanentError>true</PermanentError></Response>")
	words := rapid.String()
	rapid.Check(t, func(rt *rapid.T) {
		f := record.Failure{Reason: record.ReasonNotFound, Native: words.Draw(rt, "native"), NativeCode: words.Draw(rt, "code"), Retry: rapid.Bool().Draw(rt, "retry")}
		got, err := c.EncodeResponse(everything, record.Refused(f), answerID)
		require.NoError(rt, err)
		require.Equal(rt, string(want), string(got))
	})
}

// A number that is no NHS number is answered as one that nobody has, but for
// what is echoed.
func TestNotFoundOfANumberThatIsNone(t *testing.T) {
	c := newTestCodec(t)
	msg := requestFile(t, "whole")
	good := decodeRequest(t, msg)
	bad, err := c.DecodeRequest(context.Background(), []byte(strings.Replace(string(msg), "9998193036", "9998193037", 1)))
	require.Equal(t, record.ReasonNotFound, record.ReasonOf(err))
	require.True(t, bad.Patient.NHS.IsZero())
	unknown, err := c.EncodeResponse(&good, record.Refused(record.Failure{Reason: record.ReasonNotFound}), answerID)
	require.NoError(t, err)
	invalid, err := c.EncodeResponse(&bad, record.Refused(record.Failure{Reason: record.ReasonNotFound}), answerID)
	require.NoError(t, err)
	require.Equal(t, string(unknown), string(invalid))
}

// The question for the patient's details alone is not counted as a record, and
// its answer says who it is.
func TestDetailsAlone(t *testing.T) {
	q := decodeRequest(t, requestFile(t, "whole"))
	q.Sections, q.Whole = record.SectionsOf(record.Demographics), false
	out, err := newTestCodec(t).EncodeRequest(&q, answerID)
	require.NoError(t, err)
	require.Contains(t, string(out), "<Filter><Demographics/></Filter>")
	exempt := System().Wire.Throttle[1].Exempt
	now := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	require.True(t, exempt(&q, now))
	rapid.Check(t, func(rt *rapid.T) { // anything else is counted
		other := q
		other.Sections = record.SectionSet(rapid.Uint32Range(1, uint32(record.AllSections)).Draw(rt, "sections"))
		require.Equal(rt, other.Sections == record.SectionsOf(record.Demographics), exempt(&other, now))
		other.Authors = []string{"hwinterbourne"}
		require.False(rt, exempt(&other, now))
	})

	for _, name := range clean {
		msg := string(patientFile(t, name))
		end := strings.Index(msg, "</Demographics>") + len("</Demographics>")
		rec := decode(t, []byte(msg[:end]+"<RecordState>Closed</RecordState></Response></ClientIntegrationResponse>"))
		p := rec.Patient
		require.False(t, p.NHS.IsZero())
		require.Equal(t, record.PrecisionDay, p.BirthDate.Precision())
		require.NotEmpty(t, p.Surname)
		require.NotEmpty(t, p.Forenames)
		require.NotEmpty(t, p.Sex.Term)
		require.Equal(t, decode(t, []byte(msg)).Patient, p)
	}
}

// How a patient stands is said by the date of death, and by the one type of
// registration that is known.
func TestStanding(t *testing.T) {
	for content, want := range map[string]record.Standing{
		"":                    record.StandingUnknown,
		"<RegistrationType/>": record.StandingUnknown,
		"<RegistrationType>GMS</RegistrationType>":                                      record.Registered,
		"<RegistrationType> GMS </RegistrationType>":                                    record.Registered,
		"<RegistrationType>gms</RegistrationType>":                                      record.StandingUnknown,
		"<RegistrationType>Temporary</RegistrationType>":                                record.StandingUnknown,
		"<RegistrationType>Deducted</RegistrationType>":                                 record.StandingUnknown,
		"<DateOfDeath/><RegistrationType>GMS</RegistrationType>":                        record.Registered,
		"<DateOfDeath>2016-05-02</DateOfDeath><RegistrationType>GMS</RegistrationType>": record.Deceased,
		"<RegistrationType>GMS</RegistrationType><DateOfDeath>2016-05-02</DateOfDeath>": record.Deceased,
		"<DateOfDeath>in May</DateOfDeath><RegistrationType>GMS</RegistrationType>":     record.Deceased,
	} {
		msg := "<ClientIntegrationResponse><Response><Identity><NHSNumber>9998193036</NHSNumber></Identity><Demographics>" + content +
			"</Demographics></Response></ClientIntegrationResponse>"
		p := decode(t, []byte(msg)).Patient
		require.Equal(t, want, p.Standing, content)
		require.False(t, p.Dissent || p.Sensitive || p.Superseded)
	}
}

// The patient's details are asked for with whatever else is.
func TestDetailsAreAlwaysAsked(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := record.Request{Sections: record.SectionSet(rapid.Uint32Range(1, uint32(record.AllSections)).Draw(rt, "sections"))}
		require.Contains(rt, flagsOf(&q), flagDemographics)
	})
}
