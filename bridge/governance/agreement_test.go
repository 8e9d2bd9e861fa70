package governance_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
)

const whole = `{
  "economy": "north", "pair": "emisweb-systmone",
  "enabled": {"emisweb": "A Controller", "systmone": "B Controller"},
  "sides": {
    "emisweb": {"organisations": [{"ods": "X99001", "name": "Causeway Medical Centre"}], "asks": true, "shares": ["all"], "release_marks": ["Unrestricted"],
      "claims": {"activities": {"from": ["message", "wire"]}, "purpose": {"from": ["wire"]}, "consent": {"from": ["wire"]}, "relationship": {"from": ["wire"]}}},
    "systmone": {"organisations": [{"ods": "X99002", "name": ""}, {"ods": "X99003", "name": "Harbour Lights Surgery"}], "asks": true,
      "shares": ["problems", "medication", "allergies"],
      "claims": {"user": {"from": ["read-back"]}, "role": {"from": ["read-back"]}, "activities": {"from": ["read-back"]}, "organisation": {"from": ["read-back"]},
        "purpose": {"asserted": {"value": "direct care", "procedure": "SOP 12"}},
        "relationship": {"from": ["wire"], "asserted": {"value": "registered", "procedure": "SOP 12"}},
        "consent": {"from": ["wire"], "asserted": {"value": "patient-present", "procedure": "asked at the point of care"}}}}
  }
}`

func read(t testing.TB, replace ...string) *governance.Agreement {
	t.Helper()
	a, err := governance.Read(strings.NewReader(changed(t, replace...)))
	require.NoError(t, err)
	return a
}

// changed is the whole agreement with pieces of its text replaced.
func changed(t testing.TB, replace ...string) string {
	t.Helper()
	text := whole
	for i := 0; i < len(replace); i += 2 {
		require.Contains(t, text, replace[i])
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	return text
}

func TestRead(t *testing.T) {
	a := read(t)
	require.Equal(t, "north", a.Economy)
	require.Equal(t, "emisweb-systmone", a.Pair)
	require.True(t, a.Links())
	side := a.Sides["systmone"]
	require.True(t, side.Serves("X99003"))
	require.False(t, side.Serves("X99001"))
	require.False(t, side.Serves(""))
	require.Equal(t, "Harbour Lights Surgery", side.Name("X99003"))
	require.Equal(t, "X99002", side.Name("X99002"))
	require.Equal(t, "X99009", side.Name("X99009"))
	require.Equal(t, []string{"Unrestricted"}, a.Sides["emisweb"].ReleaseMarks)
	require.Equal(t, "SOP 12", side.Claims["purpose"].Asserted.Procedure)
	sum := sha256.Sum256([]byte(whole))
	require.Equal(t, hex.EncodeToString(sum[:]), a.Digest())
}

// An agreement a program wrote is read back, its empty lists written as null.
func TestReadWritten(t *testing.T) {
	text, err := json.Marshal(read(t))
	require.NoError(t, err)
	require.Contains(t, string(text), "null")
	again, err := governance.Read(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, read(t).Sides, again.Sides)
	require.NotEqual(t, read(t).Digest(), again.Digest(), "the digest is that of the text")

	a := read(t, `["all"]`, `null`, `{"emisweb": "A Controller", "systmone": "B Controller"}`, `null`)
	require.False(t, a.Links(), "nobody enabled it")
	require.Empty(t, a.Sides["emisweb"].Shares)
}

func TestReadReportsFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"empty":           {"", "byte 0: EOF"},
		"cut":             {whole[:200], "EOF"},
		"not JSON":        {"economy: north", "invalid character"},
		"trailing text":   {whole + " {}", "text after the end"},
		"trailing letter": {whole + "x", "text after the end"},
		"a list":          {"[]", "want an object, have a list"},
		"null":            {"null", "want an object, have null"},
		"unknown name":    {changed(t, `"asks"`, `"ask"`), "sides.emisweb.ask: unknown name"},
		"other spelling":  {changed(t, `"economy"`, `"Economy"`), "Economy: unknown name"},
		"unknown inside":  {changed(t, `"procedure": "SOP 12"`, `"procedure": "SOP 12", "pin": 1`), "sides.systmone.claims.purpose.asserted.pin: unknown name"},
		"given twice":     {changed(t, `"asks": true`, `"asks": false, "asks": true`), "sides.emisweb.asks: given twice"},
		"side twice":      {changed(t, `"systmone": {"org`, `"emisweb": {"org`), "sides.emisweb: given twice"},
		"a word for yes":  {changed(t, `"asks": true`, `"asks": "yes"`), "sides.emisweb.asks: want true or false, have text"},
		"no list":         {changed(t, `["all"]`, `"all"`), "sides.emisweb.shares: want a list, have text"},
		"a number":        {changed(t, `"all"`, `1`), "sides.emisweb.shares[0]: want text, have a number"},
		"null inside":     {changed(t, `"asks": true`, `"asks": null`), "sides.emisweb.asks: want true or false, have null"},
		"no economy":      {changed(t, `"north"`, `""`), "economy: not named"},
		"no pair":         {changed(t, `"emisweb-systmone"`, `""`), "pair: not named"},
		"three sides":     {changed(t, `"sides": {`, `"sides": {"guru": {"organisations": [{"ods": "X99004", "name": ""}]},`), "sides: want two, have 3"},
		"no organisation": {changed(t, `[{"ods": "X99001", "name": "Causeway Medical Centre"}]`, `[]`), "sides.emisweb.organisations: none"},
		"bad ODS":         {changed(t, "X99001", "x99001"), `sides.emisweb.organisations[0].ods: "x99001" is not an ODS code`},
		"ODS twice":       {changed(t, "X99002", "X99003"), `sides.systmone.organisations[1].ods: "X99003" stands twice`},
		"no such section": {changed(t, `"medication"`, `"drugs"`), `sides.systmone.shares[1]: no section "drugs"`},
		"enabled nobody":  {changed(t, `"enabled": {"emisweb"`, `"enabled": {"guru"`), `enabled: no side "guru"`},
		"no end":          {changed(t, `"pair"`, `"until": "soon", "pair"`), `until: "soon" is not a day`},
		"no procedure":    {changed(t, `"asked at the point of care"`, `" "`), "sides.systmone.claims.consent.asserted.procedure: nothing says how"},
		"too long":        {whole + strings.Repeat(" ", 1<<20), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := governance.Read(strings.NewReader(c.text))
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "agreement: ")
			require.Nil(t, a)
		})
	}
	_, err := governance.Read(iotest.ErrReader(errors.New("disk")))
	require.EqualError(t, err, "agreement: disk")
}

func TestReadReportsEveryFaultAtOnce(t *testing.T) {
	_, err := governance.Read(strings.NewReader(changed(t, `"north"`, `""`, `"asks": true`, `"asks": 1`, "X99001", "nowhere!", `"medication"`, `"drugs"`,
		`"problems"`, `"illness"`, `"procedure": "SOP 12"`, `"prôcedure": "SOP 12"`, `"enabled": {"emisweb"`, `"enabled": {"guru"`) + "]"))
	require.EqualError(t, err, "agreement: "+strings.Join([]string{
		"sides.emisweb.asks: want true or false, have a number",
		"sides.systmone.claims.purpose.asserted.prôcedure: unknown name",
		"text after the end",
		"economy: not named",
		`sides.emisweb.organisations[0].ods: "nowhere!" is not an ODS code`,
		`sides.systmone.shares[0]: no section "illness"`,
		`sides.systmone.shares[1]: no section "drugs"`,
		`sides.systmone.claims.purpose.asserted.procedure: nothing says how the claim is captured`,
		`enabled: no side "guru"`,
	}, "\n"))
}

// The verifier keys of two people, and the key of the first under another name.
const (
	ada     = "ada+6658182e+AZS3uKVbNR0MH0oODJAGkgF5aOgpwJcymP/Qz6dBrB6A"
	ben     = "ben+16d527f1+AcqC5aYvIk5hAzjIVNm8UOUBae1odDL5eR4dwGDvGBwx"
	adaElse = "elsewhere+2772cec8+AZS3uKVbNR0MH0oODJAGkgF5aOgpwJcymP/Qz6dBrB6A"
)

// TestReadApprovers takes approvers with one key and one role each, and names
// every fault of the others.
func TestReadApprovers(t *testing.T) {
	with := func(approvers string) string {
		return changed(t, `"pair": "emisweb-systmone",`, `"pair": "emisweb-systmone", "approvers": [`+approvers+`],`)
	}
	one := func(key, role string) string { return `{"key": "` + key + `", "role": "` + role + `"}` }
	a, err := governance.Read(strings.NewReader(with(one(ada, "clinical safety officer") + "," + one(ben, "pharmacist"))))
	require.NoError(t, err)
	require.Equal(t, []governance.Approver{{Key: ada, Role: "clinical safety officer"}, {Key: ben, Role: "pharmacist"}}, a.Approvers)
	for name, c := range map[string]struct{ approvers, want string }{
		"no role":       {one(ada, " "), "approvers[0]: no role"},
		"no key":        {one("", "pharmacist"), "approvers[0]: the key is no verifier key"},
		"cut key":       {one(ada[:len(ada)-3], "pharmacist"), "approvers[0]: the key is no verifier key"},
		"name twice":    {one(ada, "pharmacist") + "," + one(ada, "pharmacist"), `approvers[1]: the name "ada" stands twice`},
		"two names":     {one(ada, "pharmacist") + "," + one(adaElse, "pharmacist"), "approvers[1]: the key stands twice under two names"},
		"unknown name":  {`{"key": "` + ada + `", "role": "pharmacist", "name": "Ada"}`, "approvers[0].name: unknown name"},
		"not an object": {`"` + ada + `"`, "approvers[0]: want an object, have text"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := governance.Read(strings.NewReader(with(c.approvers)))
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = governance.Read(strings.NewReader(with(one("", "") + "," + one(ben, ""))))
	require.ErrorContains(t, err, "approvers[0]: no role\napprovers[0]: the key is no verifier key")
	require.ErrorContains(t, err, "approvers[1]: no role")
}

// A link starts disabled and stays so until a controller of each side is named
// (safety IG-05).
func TestLinks(t *testing.T) {
	require.False(t, (&governance.Agreement{}).Links())
	require.True(t, read(t).Links())
	for _, enabled := range []string{`{}`, `{"emisweb": "A Controller"}`, `{"systmone": "B Controller"}`, `{"emisweb": "A Controller", "systmone": " "}`} {
		require.False(t, read(t, `{"emisweb": "A Controller", "systmone": "B Controller"}`, enabled).Links(), enabled)
	}
}
