package medicalrecord

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// registeredAs is a document of a patient with that content of Registration and
// of RegistrationStatus.
func registeredAs(t *testing.T, registration, status string) record.Patient {
	t.Helper()
	if status != "" {
		status = "<RegistrationStatus>" + status + "</RegistrationStatus>"
	}
	rec := mustDecode(t, []byte(`<MedicalRecord xmlns="`+Namespace+`"><Registration><NhsNumber>9998656907</NhsNumber>`+registration+
		`</Registration>`+status+`</MedicalRecord>`))
	return rec.Patient
}

func current(practice, kind, since string) string {
	element := func(name, value string) string {
		if value == "" {
			return ""
		}
		return "<" + name + ">" + value + "</" + name + ">"
	}
	if kind != "" {
		kind = "<PatientType><Value>" + kind + "</Value></PatientType>"
	}
	return "<CurrentStatus><Code><Term>Deducted</Term></Code>" + element("StatusDate", since) + kind + element("PracticeRegistered", practice) + "</CurrentStatus>"
}

func history(entries ...[3]string) string {
	all := "<RegistrationHistoryList>"
	for _, e := range entries {
		all += "<RegistrationHistory><DateRegistered>" + e[0] + "</DateRegistered>"
		if e[1] != "" {
			all += "<DateDeregistered>" + e[1] + "</DateDeregistered>"
		}
		if e[2] != "" {
			all += "<PatientType><Value>" + e[2] + "</Value></PatientType>"
		}
		all += "</RegistrationHistory>"
	}
	return all + "</RegistrationHistoryList>"
}

func TestStanding(t *testing.T) {
	const deducted = "<DeductedDate>05/06/2014</DeductedDate>"
	for name, c := range map[string]struct {
		registration, status string
		want                 record.Standing
		left                 string
	}{
		"nothing said":                       {"", "", record.StandingUnknown, ""},
		"a term alone":                       {"", current("", "", ""), record.StandingUnknown, ""},
		"a type alone":                       {"", current("", "4", ""), record.StandingUnknown, ""},
		"registered":                         {"", current("1", "4", ""), record.Registered, ""},
		"registered, no type":                {"", current("1", "", ""), record.Registered, ""},
		"registered, temporary":              {"", current("1", "5", ""), record.Temporary, ""},
		"registered, emergency":              {"", current("1", "1", ""), record.Temporary, ""},
		"registered, private":                {"", current("1", "3", ""), record.StandingUnknown, ""},
		"registered, a practice's own type":  {"", current("1", "17", ""), record.StandingUnknown, ""},
		"registered after a deduction":       {deducted, current("1", "4", "01/07/2014"), record.Registered, ""},
		"registered and deducted":            {deducted, current("1", "4", ""), record.StandingUnknown, "2014-06-05"},
		"registered, then deducted":          {deducted, current("1", "4", "01/07/2010"), record.StandingUnknown, "2014-06-05"},
		"registered, deducted on no date":    {"<DeductedDate>spring</DeductedDate>", current("1", "4", "01/07/2010"), record.StandingUnknown, ""},
		"registered and archived":            {"<Archived>1</Archived>", current("1", "4", ""), record.StandingUnknown, ""},
		"not archived":                       {"<Archived>0</Archived>", current("1", "4", ""), record.Registered, ""},
		"registered in another word":         {"", current("yes", "4", ""), record.StandingUnknown, ""},
		"not registered":                     {"", current("0", "4", ""), record.Left, ""},
		"not registered, deducted":           {deducted, current("0", "4", "01/07/2014"), record.Left, "2014-06-05"},
		"not registered, temporary":          {"", current("0", "5", ""), record.Temporary, ""},
		"temporary, and deducted":            {deducted, current("0", "5", ""), record.Left, "2014-06-05"},
		"temporary after a deduction":        {deducted, current("0", "5", "01/07/2014"), record.Temporary, ""},
		"deducted alone":                     {deducted, "", record.Left, "2014-06-05"},
		"an open registration":               {"", history([3]string{"01/02/2010", "", "4"}), record.Registered, ""},
		"an open registration without type":  {"", history([3]string{"01/02/2010", "", ""}), record.StandingUnknown, ""},
		"an open temporary registration":     {"", history([3]string{"01/02/2010", "", "5"}), record.Temporary, ""},
		"an ended registration":              {"", history([3]string{"01/02/2010", "03/04/2012", "4"}), record.Left, "2012-04-03"},
		"registered again":                   {"", history([3]string{"01/02/2010", "03/04/2012", "4"}, [3]string{"01/02/2015", "", "4"}), record.Registered, ""},
		"registered again after a deduction": {deducted, history([3]string{"01/02/2015", "", "4"}), record.Registered, ""},
		"two ended registrations":            {"", history([3]string{"01/02/2010", "03/04/2012", "4"}, [3]string{"01/02/2013", "03/04/2014", "4"}), record.Left, "2014-04-03"},
		"open, and deducted since":           {deducted, history([3]string{"01/02/2010", "", "4"}), record.StandingUnknown, ""},
		"dead":                               {"<Dead>1</Dead>", current("1", "4", ""), record.Deceased, ""},
		"not dead":                           {"<Dead>0</Dead>", current("1", "4", ""), record.Registered, ""},
		"a date of death":                    {"<DateOfDeath>02/05/2016</DateOfDeath>", current("1", "4", ""), record.Deceased, ""},
		"a date of death that is none":       {"<DateOfDeath>in May</DateOfDeath>", current("1", "4", ""), record.Deceased, ""},
	} {
		p := registeredAs(t, c.registration, c.status)
		require.Equal(t, c.want, p.Standing, name)
		require.Equal(t, c.left, p.LeftOn.String(), name)
		require.False(t, p.Dissent || p.Sensitive || p.Superseded, name)
	}
}

// A number that is no longer the patient's is known as such.
func TestFormerNumber(t *testing.T) {
	other, err := record.ParseNHSNumber("9990260788")
	require.NoError(t, err)
	p := registeredAs(t, "<OldNhsNumber>999 026 0788</OldNhsNumber>", "")
	require.True(t, p.Former(other))
	require.False(t, p.Superseded)
	p = registeredAs(t, "<OldNhsNumber>9998656907</OldNhsNumber>", "")
	require.True(t, p.Superseded)
}

// When the source made the document is known as far as it says so.
func TestAsOf(t *testing.T) {
	for said, want := range map[string]string{
		"<DateCreated>14/03/2016</DateCreated><TimeCreated>9:30:00</TimeCreated>": "2016-03-14T09:30:00",
		"<TimeCreated>09:30</TimeCreated><DateCreated>14/03/2016</DateCreated>":   "2016-03-14T09:30",
		"<DateCreated>14/03/2016</DateCreated><TimeCreated>noon</TimeCreated>":    "2016-03-14",
		"<DateCreated>spring</DateCreated><TimeCreated>09:30</TimeCreated>":       "",
		"<TimeCreated>09:30</TimeCreated>":                                        "",
	} {
		rec := mustDecode(t, []byte(`<MedicalRecord xmlns="`+Namespace+`"><MessageInformation>`+said+`</MessageInformation>`+
			`<Registration><NhsNumber>9998656907</NhsNumber></Registration></MedicalRecord>`))
		require.Equal(t, want, rec.Source.AsOf.String(), said)
	}
}
