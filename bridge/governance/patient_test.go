package governance_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/record"
)

const today = "2026-11-23"

func day(t testing.TB, text string) record.Date {
	t.Helper()
	d, err := record.ParseISO(text)
	require.NoError(t, err)
	return d
}

// TestAdmit is the matrix of how a patient may stand: all but the dissent are
// one answer, and the cause is for the audit (safety CS-07, H-05, H-06).
func TestAdmit(t *testing.T) {
	const registered, temporary, left, dead, unknown = record.Registered, record.Temporary, record.Left, record.Deceased, record.StandingUnknown
	plain := `"asks": true`
	for name, c := range map[string]struct {
		settings string
		patient  record.Patient
		want     error
	}{
		"registered":                       {plain, record.Patient{Standing: registered}, nil},
		"registered and released mark":     {plain, record.Patient{Standing: registered, Confidential: "Unrestricted"}, nil},
		"once left, registered again":      {plain, record.Patient{Standing: registered, LeftOn: day(t, "2019")}, nil},
		"not said":                         {plain, record.Patient{}, nil},
		"not said, required":               {plain + `, "standing_required": true`, record.Patient{Standing: unknown}, governance.ErrStanding},
		"registered, required":             {plain + `, "standing_required": true`, record.Patient{Standing: registered}, nil},
		"not said, with a day of leaving":  {plain, record.Patient{LeftOn: day(t, "2020-01-01")}, governance.ErrLeft},
		"left":                             {plain, record.Patient{Standing: left}, governance.ErrLeft},
		"temporary":                        {plain, record.Patient{Standing: temporary}, governance.ErrTemporary},
		"temporary, hidden":                {plain + `, "temporary": "hidden"`, record.Patient{Standing: temporary}, governance.ErrTemporary},
		"temporary, shown":                 {plain + `, "temporary": "shown"`, record.Patient{Standing: temporary}, nil},
		"superseded":                       {plain, record.Patient{Standing: registered, Superseded: true}, governance.ErrSuperseded},
		"sensitive":                        {plain, record.Patient{Standing: registered, Sensitive: true}, governance.ErrSensitive},
		"whole record marked":              {plain, record.Patient{Standing: registered, Confidential: secret}, governance.ErrConfidential},
		"died today":                       {plain, record.Patient{Standing: dead, DeathDate: day(t, today)}, governance.ErrDeceased},
		"died, still registered":           {plain, record.Patient{Standing: registered, DeathDate: day(t, "2026-11-20")}, governance.ErrDeceased},
		"dead, no date":                    {plain + `, "deceased_days": 28`, record.Patient{Standing: registered, Dead: true}, governance.ErrDeceased},
		"deceased, no date":                {plain + `, "deceased_days": 28`, record.Patient{Standing: dead}, governance.ErrDeceased},
		"28 days ago":                      {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, DeathDate: day(t, "2026-10-26")}, nil},
		"29 days ago":                      {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, DeathDate: day(t, "2026-10-25")}, governance.ErrDeceased},
		"28 days ago, with the time":       {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, DeathDate: day(t, "2026-10-26T23:59:00")}, nil},
		"this month, 22 days at most":      {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, DeathDate: day(t, "2026-11")}, nil},
		"last month, maybe the first":      {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, DeathDate: day(t, "2026-10")}, governance.ErrDeceased},
		"this year":                        {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, DeathDate: day(t, "2026")}, governance.ErrDeceased},
		"tomorrow":                         {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, DeathDate: day(t, "2026-11-24")}, governance.ErrDeceased},
		"died, temporary":                  {plain + `, "deceased_days": 28`, record.Patient{Standing: temporary, DeathDate: day(t, today)}, governance.ErrTemporary},
		"died, not said, required":         {plain + `, "deceased_days": 28, "standing_required": true`, record.Patient{DeathDate: day(t, today)}, governance.ErrStanding},
		"left, and has died since":         {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, LeftOn: day(t, "2026-11-20"), DeathDate: day(t, today)}, governance.ErrLeft},
		"died, and was taken off the list": {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, LeftOn: day(t, today), DeathDate: day(t, "2026-11-20")}, nil},
		"died, off the list the same day":  {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, LeftOn: day(t, today), DeathDate: day(t, today+"T10:00")}, nil},
		"dissents":                         {plain, record.Patient{Standing: registered, Dissent: true}, governance.ErrDissent},
		"dissents, and has died since":     {plain + `, "deceased_days": 28`, record.Patient{Standing: dead, Dissent: true, DeathDate: day(t, today)}, governance.ErrDissent},
		"dissents, and is sensitive":       {plain, record.Patient{Sensitive: true, Dissent: true}, governance.ErrSensitive},
		"dissents, and has left":           {plain, record.Patient{Standing: left, Dissent: true}, governance.ErrLeft},
		"dissents, and the record is mark": {plain, record.Patient{Standing: registered, Confidential: secret, Dissent: true}, governance.ErrConfidential},
	} {
		t.Run(name, func(t *testing.T) {
			cause, err := read(t, plain, c.settings).Admit("emisweb", &c.patient, today)
			if c.want == nil {
				require.NoError(t, err)
				require.Empty(t, cause)
				return
			}
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.want.Error(), cause)
			reason := record.ReasonNotFound
			if c.want == governance.ErrDissent {
				reason = record.ReasonNoConsent
			}
			require.Equal(t, reason, record.ReasonOf(err))
		})
	}
	_, err := read(t, plain, plain+`, "deceased_days": 28`).Admit("emisweb", &record.Patient{DeathDate: day(t, today)}, "")
	require.ErrorIs(t, err, governance.ErrDeceased, "a day that is not said is no reason to show")
}

// TestProve releases by the number alone only where both sides agreed to it.
func TestProve(t *testing.T) {
	number := func(sides ...string) *governance.Agreement {
		var replace []string
		for _, s := range sides {
			replace = append(replace, `"`+s+`": {"organisations"`, `"`+s+`": {"identity": "number", "organisations"`)
		}
		return read(t, replace...)
	}
	for _, c := range []struct {
		a      *governance.Agreement
		v      record.Verification
		warn   bool
		reason record.Reason
	}{
		{number(), record.Verified, false, ""},
		{number(), record.Mismatch, false, record.ReasonWrongPatient},
		{number(), record.Unproven, false, record.ReasonNoPatient},
		{number("emisweb"), record.Unproven, false, record.ReasonNoPatient},
		{number("systmone"), record.Unproven, false, record.ReasonNoPatient},
		{number("emisweb", "systmone"), record.Unproven, true, ""},
		{number("emisweb", "systmone"), record.Verified, false, ""},
		{number("emisweb", "systmone"), record.Mismatch, false, record.ReasonWrongPatient},
		{number("emisweb", "systmone"), record.Verification(9), false, record.ReasonWrongPatient},
	} {
		warn, err := c.a.Prove("emisweb", "systmone", c.v)
		require.Equal(t, c.warn, warn)
		if c.reason == "" {
			require.NoError(t, err)
		} else {
			require.Equal(t, c.reason, record.ReasonOf(err))
		}
	}
	_, err := number("emisweb").Prove("emisweb", "guru", record.Unproven)
	require.Equal(t, record.ReasonNoPatient, record.ReasonOf(err))
}

func TestReadsBack(t *testing.T) {
	a := read(t)
	require.False(t, a.ReadsUserBack("emisweb"))
	require.True(t, a.ReadsUserBack("systmone"))
	require.False(t, a.ReadsUserBack("guru"))
	require.True(t, a.ReadsPatientBack("emisweb"))
	require.True(t, a.ReadsPatientBack("systmone"))
	a = read(t, `"asks": true`, `"asks": true, "identity": "number", "own_copy": "none", "refusals": "shown"`)
	require.False(t, a.ReadsPatientBack("emisweb"))
	require.True(t, a.ShowsRefusals("emisweb"))
	require.False(t, a.ShowsRefusals("systmone"))
	require.False(t, a.ShowsRefusals("guru"))
}

// TestRelate proves the relationship by the patient's registration with the
// asker; while it is owed nothing is released.
func TestRelate(t *testing.T) {
	a := read(t, `"relationship": {"from": ["wire"]}`, `"relationship": {"from": ["read-back"]}`)
	q := asking("emisweb", record.AllSections)
	q.Given.Relationship = ""
	for standing, want := range map[record.Standing]bool{record.Registered: true, record.Temporary: true, record.Left: false, record.Deceased: false, record.StandingUnknown: false} {
		d, err := a.Decide(q)
		require.NoError(t, err)
		require.ErrorIs(t, a.Withhold("systmone", record.New(record.Source{}), d), governance.ErrRelationship, "it is owed")
		before := d.Claims.Sources
		err = a.Relate(&record.Patient{Standing: standing}, &d)
		if !want {
			require.ErrorIs(t, err, governance.ErrRelationship)
			require.Equal(t, record.ReasonDenied, record.ReasonOf(err))
			require.NotEmpty(t, d.Cause)
			require.ErrorIs(t, a.Withhold("systmone", record.New(record.Source{}), d), governance.ErrRelationship)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "registered", d.Claims.Relationship)
		require.Equal(t, governance.FromReadBack, d.Claims.Sources["relationship"])
		require.NotContains(t, before, "relationship", "the claims of others are left alone")
		require.Contains(t, d.Checks, "relationship: registered (read back)")
		require.NoError(t, a.Withhold("systmone", record.New(record.Source{}), d))
	}
	d, err := a.Decide(q)
	require.NoError(t, err)
	require.ErrorIs(t, a.Relate(nil, &d), governance.ErrRelationship, "the asker does not hold this patient")
	d = granted(t, read(t), "systmone", record.AllSections)
	require.NoError(t, read(t).Relate(nil, &d), "it was asserted")
}
