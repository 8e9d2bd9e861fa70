package openhr

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/record"
)

// caseloads replaces the registrations of Nora's record, and what stands before
// them.
func withCaseloads(t *testing.T, caseloads string) *record.Record {
	t.Helper()
	doc := string(read(t, "../../../testdata/patients/nora-quillfeather/emisweb.openhr.xml"))
	from, to := strings.Index(doc, "<caseloadPatient "), strings.LastIndex(doc, "</caseloadPatient>")
	require.Positive(t, from)
	return mustDecode(t, []byte(doc[:from]+caseloads+doc[to+len("</caseloadPatient>"):]))
}

func caseload(organisation, status, state, kind, ended string) string {
	element := func(name, value string) string {
		if value == "" {
			return ""
		}
		return "<" + name + ">" + value + "</" + name + ">"
	}
	return `<caseloadPatient updateMode="add">` + element("organisation", organisation) + "<dateRecorded>2004-11-12T00:00:00</dateRecorded>" +
		element("dateEnded", ended) + "<patientStatus>" + element("status", status) + element("caseloadStatus", state) + "</patientStatus>" +
		element("patientType", kind) + "</caseloadPatient>"
}

const practice = "9900000f-9990-4000-8000-000000000001"

func TestStanding(t *testing.T) {
	for _, c := range []struct {
		status, state, kind, ended string
		want                       record.Standing
	}{
		{"8", "REG", "REG", "", record.Registered},
		{"8", "", "REG", "", record.Registered},
		{"", "REG", "REG", "", record.Registered},
		{"1", "REG", "REG", "", record.Registered},
		{"1", "", "REG", "", record.StandingUnknown},
		{"8", "REG", "TMP", "", record.Temporary},
		{"9", "REG", "REG", "", record.Temporary},
		{"8", "REG", "IN", "", record.Temporary},
		{"8", "REG", "PRIV", "", record.StandingUnknown},
		{"8", "REG", "DUM", "", record.StandingUnknown},
		{"8", "REG", "", "", record.StandingUnknown},
		{"8", "REG", "reg", "", record.StandingUnknown},
		{"7", "REG", "REG", "", record.StandingUnknown},
		{"99", "REG", "REG", "", record.StandingUnknown},
		{"8", "HERE", "REG", "", record.StandingUnknown},
		{"", "", "REG", "", record.StandingUnknown},
		{"36", "LEFT", "REG", "", record.Left},
		{"36", "REG", "REG", "", record.Left},
		{"6", "LEFT", "REG", "", record.Left},
		{"8", "REG", "REG", "2015-01-02T00:00:00", record.Left},
		{"11", "DEAD", "REG", "", record.Deceased},
		{"8", "DEAD", "REG", "", record.Deceased},
		{"47", "LEFT", "REG", "", record.Deceased},
	} {
		p := withCaseloads(t, caseload(practice, c.status, c.state, c.kind, c.ended)).Patient
		require.Equal(t, c.want, p.Standing, c)
		if c.want != record.Left {
			require.True(t, p.LeftOn.IsZero(), c)
		}
	}
}

// Every status of the vocabulary without the deprecated caseloadStatus: only
// the five that real records file for registered patients say so.
func TestStandingOfEveryStatus(t *testing.T) {
	seen := map[record.Standing]int{}
	for n := 1; n <= 49; n++ {
		_, listed := vocPatient.word(strconv.Itoa(n))
		require.True(t, listed)
		seen[standing("", strconv.Itoa(n), "REG", false)]++
	}
	require.Equal(t, map[record.Standing]int{record.Registered: 5, record.Temporary: 2, record.Left: 28, record.Deceased: 4, record.StandingUnknown: 10}, seen)
}

// Nobody is taken for registered without being said to be.
func TestNobodyIsRegisteredByDefault(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		state := rapid.SampledFrom([]string{"", "REG", "LEFT", "DEAD", "reg", "X"}).Draw(rt, "state")
		status := rapid.OneOf(rapid.Just(""), rapid.StringMatching("[0-9]{1,2}"), rapid.Just("x")).Draw(rt, "status")
		kind := rapid.SampledFrom([]string{"", "REG", "TMP", "E", "IN", "PRIV", "DUM", "OTH", "X", " REG "}).Draw(rt, "type")
		ended := rapid.Bool().Draw(rt, "ended")
		if standing(state, status, kind, ended) == record.Registered {
			require.Equal(rt, "REG", kind)
			require.False(rt, ended)
			require.Contains(rt, []string{"", "REG"}, state)
			if state == "" {
				require.Contains(rt, []string{"3", "4", "5", "6", "8"}, status)
			}
		}
	})
}

func TestStandingOfSeveralRegistrations(t *testing.T) {
	here := caseload(practice, "8", "REG", "REG", "")
	require.Equal(t, record.Registered, withCaseloads(t, here+here).Patient.Standing)
	require.Equal(t, record.StandingUnknown, withCaseloads(t, here+caseload(practice, "36", "LEFT", "REG", "")).Patient.Standing)
	elsewhere := caseload("9900000f-9990-4000-8000-000000000002", "36", "LEFT", "REG", "")
	require.Equal(t, record.Registered, withCaseloads(t, here+elsewhere).Patient.Standing)
	require.Equal(t, record.Deceased, withCaseloads(t, here+strings.Replace(elsewhere, "LEFT", "DEAD", 1)).Patient.Standing)
	require.Equal(t, record.StandingUnknown, withCaseloads(t, "").Patient.Standing)
	deleted := strings.Replace(here, `"add"`, `"delete"`, 1)
	require.Equal(t, record.StandingUnknown, withCaseloads(t, deleted).Patient.Standing)
	dummy := strings.Replace(here, "<patientType>", `<patientType dummy="true">`, 1)
	require.Equal(t, record.StandingUnknown, withCaseloads(t, dummy).Patient.Standing)
	require.Equal(t, record.Registered, withCaseloads(t, here+strings.ReplaceAll(caseload(practice, "36", "LEFT", "REG", ""), "caseloadPatient", "caseloadPatientHistory")).
		Patient.Standing)
}

func TestLeftOn(t *testing.T) {
	require.Equal(t, "2015-01-02", withCaseloads(t, caseload(practice, "36", "LEFT", "REG", "2015-01-02T00:00:00")).Patient.LeftOn.Day())
	require.Equal(t, "2004-11-12", withCaseloads(t, caseload(practice, "36", "LEFT", "REG", "")).Patient.LeftOn.Day())
}

// What is said of the patient elsewhere in the element.
func TestStandingOfThePatient(t *testing.T) {
	here := caseload(practice, "8", "REG", "REG", "")
	for before, want := range map[string]record.Standing{
		"<archived>true</archived>":             record.StandingUnknown,
		"<archived>false</archived>":            record.Registered,
		"<dead>true</dead>":                     record.Deceased,
		"<dead>false</dead>":                    record.Registered,
		"<dateOfDeath>2016-05-02</dateOfDeath>": record.Deceased,
		"<dateOfDeath>not a date</dateOfDeath>": record.Deceased,
		"<consent><consentType>x</consentType><consentValue>false</consentValue></consent>": record.Registered,
	} {
		doc := string(read(t, "../../../testdata/patients/tom-ostler/emisweb.openhr.xml"))
		i := strings.Index(doc, "</patientPerson>") + len("</patientPerson>")
		rest := doc[strings.Index(doc, "</patient>"):]
		p := mustDecode(t, []byte(doc[:i]+before+here+rest)).Patient
		require.Equal(t, want, p.Standing, before)
		require.False(t, p.Dissent || p.Sensitive || p.Superseded)
	}
}

// A number that is no longer the patient's is known as such.
func TestFormerNumber(t *testing.T) {
	doc := string(read(t, "../../../testdata/patients/tom-ostler/emisweb.openhr.xml"))
	i := strings.Index(doc, "<patientIdentifier")
	old := func(n string) string {
		return `<patientIdentifier updateMode="add"><identifierType>ONHS</identifierType><value>` + n + "</value></patientIdentifier>"
	}
	other, err := record.ParseNHSNumber("9990260788")
	require.NoError(t, err)
	p := mustDecode(t, []byte(doc[:i]+old("9990260788")+old("not a number")+doc[i:])).Patient
	require.True(t, p.Former(other))
	require.False(t, p.Former(p.NHS))
	require.False(t, p.Former(record.NHSNumber{}))
	require.False(t, p.Superseded)
	p = mustDecode(t, []byte(doc[:i]+old("9998656907")+doc[i:])).Patient
	require.True(t, p.Superseded)
}

// Real records say how their patients stand, where there are any.
func TestStandingOfRealRecords(t *testing.T) {
	for _, file := range shared(t, "records/emisweb/*.xml") {
		doc := read(t, file)
		want := record.Registered
		if current := doc[:strings.Index(string(doc), "</patientStatus>")]; strings.Contains(string(current), "LEFT") {
			want = record.Left
		}
		require.Equal(t, want, mustDecode(t, doc).Patient.Standing)
	}
}
