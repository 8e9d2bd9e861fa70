package governance_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/record"
)

// TestClaims takes each claim from the first source that the agreement allows
// for it, and says which that was.
func TestClaims(t *testing.T) {
	const message, wire, back, agreed = governance.FromMessage, governance.FromWire, governance.FromReadBack, governance.FromAgreement
	for name, c := range map[string]struct {
		consumer string
		spoil    func(*governance.Asking)
		want     governance.Claims
		notes    []string
	}{
		"from the message and the wire": {"emisweb", func(*governance.Asking) {},
			governance.Claims{User: "nquill", UserName: "Dr Nora Quill", Role: "GP", Organisation: "X99001", Device: "PC-7", Activities: []string{"B0360"},
				Purpose: "direct care", Consent: "patient-present", Relationship: "registered",
				Sources: map[string]string{"user": message, "user_name": message, "role": message, "organisation": message, "device": message,
					"activities": wire, "purpose": wire, "consent": wire, "relationship": wire}},
			[]string{`claim user: "nquill" (message)`, `claim consent: "patient-present" (wire)`, "claim break_glass: not said"}},
		"the message before the wire": {"emisweb", func(q *governance.Asking) {
			q.Request.Requester.Activities, q.Given.Activities = []string{"B0370"}, []string{"B0360"}
			q.Given.User, q.Given.Device = "else", "PC-8"
		},
			governance.Claims{User: "nquill", UserName: "Dr Nora Quill", Role: "GP", Organisation: "X99001", Device: "PC-7", Activities: []string{"B0370"},
				Purpose: "direct care", Consent: "patient-present", Relationship: "registered",
				Sources: map[string]string{"user": message, "user_name": message, "role": message, "organisation": message, "device": message,
					"activities": message, "purpose": wire, "consent": wire, "relationship": wire}},
			[]string{`claim user: "else" ignored: the agreement does not take it from there (wire)`, `claim device: "PC-8" ignored: the agreement does not take it from there (wire)`,
				`claim activities: "B0360" differs (wire)`}},
		"read back, and asserted": {"systmone", func(*governance.Asking) {},
			governance.Claims{User: "hpenrose", Role: "R8000", Organisation: "X99002", Activities: []string{"B0360", "B0380"},
				Purpose: "direct care", Consent: "patient-present", Relationship: "registered",
				Sources: map[string]string{"user": back, "role": back, "organisation": back, "activities": back, "purpose": agreed, "consent": agreed, "relationship": agreed}},
			[]string{`claim user: "hpenrose" (read back)`, `claim consent: "patient-present" (asserted by agreement, by the procedure "asked at the point of care")`}},
		"a header before the assertion": {"systmone", func(q *governance.Asking) { q.Given.Consent, q.Given.Purpose = "remote", "direct care" },
			governance.Claims{User: "hpenrose", Role: "R8000", Organisation: "X99002", Activities: []string{"B0360", "B0380"},
				Purpose: "direct care", Consent: "remote", Relationship: "registered",
				Sources: map[string]string{"user": back, "role": back, "organisation": back, "activities": back, "purpose": agreed, "consent": wire, "relationship": agreed}},
			[]string{`claim purpose: "direct care" ignored: the agreement does not take it from there (wire)`}},
		"the only organisation": {"emisweb", func(q *governance.Asking) { q.Request.Requester = record.Requester{User: "nquill"} },
			governance.Claims{User: "nquill", Organisation: "X99001", Activities: []string{"B0360"}, Purpose: "direct care", Consent: "patient-present", Relationship: "registered",
				Sources: map[string]string{"user": message, "organisation": agreed, "activities": wire, "purpose": wire, "consent": wire, "relationship": wire}},
			[]string{`claim organisation: "X99001" (asserted by agreement, the only one)`}},
		"a letter": {"emisweb", func(q *governance.Asking) { q.Request.Requester.Role = strings.Repeat("role ", 60) },
			governance.Claims{User: "nquill", UserName: "Dr Nora Quill", Organisation: "X99001", Device: "PC-7", Activities: []string{"B0360"},
				Purpose: "direct care", Consent: "patient-present", Relationship: "registered",
				Sources: map[string]string{"user": message, "user_name": message, "organisation": message, "device": message,
					"activities": wire, "purpose": wire, "consent": wire, "relationship": wire}},
			[]string{"claim role: ignored: longer than 256 bytes (message)"}},
	} {
		t.Run(name, func(t *testing.T) {
			q := asking(c.consumer, record.AllSections)
			c.spoil(&q)
			d, err := read(t).Decide(q)
			require.NoError(t, err)
			require.Equal(t, c.want, d.Claims)
			for _, note := range c.notes {
				require.Contains(t, d.Checks, note)
			}
		})
	}
	q := asking("systmone", record.AllSections)
	q.Given.Organisation = ""
	d := refused(t, read(t), q, "organisations", governance.ErrOrganisation, record.ReasonDenied)
	require.Equal(t, "hpenrose", d.Claims.User, "a refusal is audited with the claims it was made on")
}

// A claim from where the agreement does not take it is as good as none, for each
// claim and each source (safety §2.1).
func TestSourcesThatAreNotAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*governance.Claims)
		want error
	}{
		"user":         {func(c *governance.Claims) { c.User = "nquill" }, governance.ErrUser},
		"activities":   {func(c *governance.Claims) { c.Activities = []string{"B0360"} }, governance.ErrRole},
		"purpose":      {func(c *governance.Claims) { c.Purpose = "direct care" }, governance.ErrPurpose},
		"relationship": {func(c *governance.Claims) { c.Relationship = "registered" }, governance.ErrRelationship},
		"consent":      {func(c *governance.Claims) { c.Consent = "patient-present" }, governance.ErrNoConsent},
	} {
		for word, source := range map[string]string{"message": governance.FromMessage, "wire": governance.FromWire, "read-back": governance.FromReadBack} {
			for _, allowed := range []string{"message", "wire", "read-back"} {
				if name == "relationship" && allowed == "read-back" {
					continue // that is the patient's registration, see TestRelate
				}
				t.Run(name+" "+word+" "+allowed, func(t *testing.T) {
					a := read(t)
					side := a.Sides["emisweb"]
					side.Claims[name] = governance.Claim{From: []string{allowed}}
					q := asking("emisweb", record.AllSections)
					q.Request.Requester.User = ""
					if name != "user" {
						q.Given.User = "nquill"
						side.Claims["user"] = governance.Claim{From: []string{"wire"}}
					}
					empty := map[string]func(){"user": func() {}, "activities": func() { q.Given.Activities = nil }, "purpose": func() { q.Given.Purpose = "" },
						"relationship": func() { q.Given.Relationship = "" }, "consent": func() { q.Given.Consent = "" }}
					empty[name]()
					c.set(&q.Given)
					q.Given.Sources = map[string]string{name: source}
					_, err := a.Decide(q)
					if word == allowed {
						require.NoError(t, err)
					} else {
						require.ErrorIs(t, err, c.want)
					}
				})
			}
		}
	}
}

// TestAssertionsThatCannotBe refuses an agreement that answers for what only the
// request can say, or says it in no word of the list.
func TestAssertionsThatCannotBe(t *testing.T) {
	with := func(name, value string) string {
		return changed(t, `"purpose": {"asserted": {"value": "direct care", "procedure": "SOP 12"}}`, `"`+name+`": {"asserted": {"value": "`+value+`", "procedure": "SOP 12"}}`)
	}
	for _, c := range [][3]string{
		{"user_name", "Dr Quill", "sides.systmone.claims.user_name.asserted: this must be told with each request"},
		{"break_glass", "unconscious", "sides.systmone.claims.break_glass.asserted: this must be told with each request"},
		{"purpose", "research", `sides.systmone.claims.purpose.asserted.value: "research" is not a word`},
		{"device", " ", "sides.systmone.claims.device.asserted.value: empty"},
		{"colour", "red", "sides.systmone.claims.colour: no such claim"},
	} {
		_, err := governance.Read(strings.NewReader(with(c[0], c[1])))
		require.ErrorContains(t, err, c[2])
	}
	for from, want := range map[string]string{
		`"user": {"from": ["read-back"]}`:                                       `"user": {"asserted": {"value": "hw", "procedure": "SOP"}}|claims.user.asserted: this must be told with each request`,
		`"consent": {"from": ["wire"], "asserted": {"value": "patient-present"`: `"consent": {"from": ["wire"], "asserted": {"value": "refused"|"refused" is no consent`,
		`{"from": ["wire"], "asserted": {"value": "patient-present"`:            `{"from": ["wire"], "asserted": {"value": "emergency"|"emergency" is no consent`,
		`"organisation": {"from": ["read-back"]}`:                               `"organisation": {"asserted": {"value": "X99001", "procedure": "SOP"}}|"X99001" is not one of the organisations`,
		`"role": {"from": ["read-back"]}`:                                       `"role": {"from": ["guess"]}|claims.role.from[0]: "guess" is not "message", "wire" or "read-back"`,
		`"relationship": {"from": ["wire"], "asserted": {"value": "registered"`: `"relationship": {"from": ["wire"], "asserted": {"value": "friend"|claims.relationship.asserted.value: "friend" is not a word`,
	} {
		to, fault, _ := strings.Cut(want, "|")
		_, err := governance.Read(strings.NewReader(changed(t, from, to)))
		require.ErrorContains(t, err, fault)
	}
}

// TestSettings names every setting that cannot hold.
func TestSettings(t *testing.T) {
	for setting, want := range map[string]string{
		`"identity": "hope"`:       `sides.emisweb.identity: "hope" is neither "demographics" nor "number"`,
		`"own_copy": "later"`:      `sides.emisweb.own_copy: "later" is neither "read" nor "none"`,
		`"own_copy": "none"`:       `sides.emisweb.own_copy: without it no patient can be compared, so identity must be "number"`,
		`"temporary": "yes"`:       `sides.emisweb.temporary: "yes" is neither "hidden" nor "shown"`,
		`"refusals": "no"`:         `sides.emisweb.refusals: "no" is neither "hidden" nor "shown"`,
		`"deceased_days": -1`:      `sides.emisweb.deceased_days: less than 0`,
		`"deceased_days": "28"`:    `sides.emisweb.deceased_days: want a number, have text`,
		`"deceased_days": 1.5`:     `cannot unmarshal`,
		`"generic_users": ["007"]`: `sides.emisweb.generic_users[0]: no letters`,
		`"break_glass": true, "roles": {"GP": {"sections": []}}`: `sides.emisweb.break_glass: no role has the action "break-glass"`,
		`"roles": {"GP": {"sections": ["drugs"]}}`:               `sides.emisweb.roles.GP.sections[0]: no section "drugs"`,
		`"roles": {"GP": {"actions": ["write-consultation"]}}`:   `sides.emisweb.roles.GP.actions[0]: no action "write-consultation"`,
		`"roles": {" GP": {}}`:                                   `sides.emisweb.roles. GP: not a code`,
		`"switched_off": [{"what": "drugs", "by": " ", "on": "today", "why": ""}]`: "sides.emisweb.switched_off[0].what: \"drugs\" is neither a section nor \"asking\"\n" +
			"sides.emisweb.switched_off[0].by: no controller is named\nsides.emisweb.switched_off[0].why: no reason\nsides.emisweb.switched_off[0].on: \"today\" is not a day written YYYY-MM-DD",
	} {
		_, err := governance.Read(strings.NewReader(changed(t, `"asks": true`, `"asks": true, `+setting)))
		require.ErrorContains(t, err, want)
	}
	_, err := governance.Read(strings.NewReader(changed(t, `"relationship": {"from": ["wire"]}`, `"relationship": {"from": ["read-back"]}`, `"asks": true`, `"asks": true, "identity": "number", "own_copy": "none"`)))
	require.ErrorContains(t, err, "sides.emisweb.own_copy: without it no relationship can be read back")
}

// Who enabled the link and who switched what off is told in words (IG-05).
func TestEnabling(t *testing.T) {
	require.Equal(t, "emisweb: enabled by A Controller; systmone: enabled by B Controller", read(t).Enabling())
	a := read(t, `"systmone": "B Controller"`, `"systmone": ""`, `"shares": ["problems"`, `"switched_off": [{"what": "medication", "by": "Dr B", "on": "2026-11-01", "why": "data quality"}], "shares": ["problems"`)
	require.Equal(t, "emisweb: enabled by A Controller; systmone: not enabled; systmone: medication switched off by Dr B on 2026-11-01: data quality", a.Enabling())
}

// A link that was agreed until a day is closed from the next.
func TestUntil(t *testing.T) {
	q := asking("emisweb", record.AllSections)
	_, err := read(t, `"pair"`, `"until": "2026-11-23", "pair"`).Decide(q)
	require.NoError(t, err)
	q.Now = noon.AddDate(0, 0, 1)
	refused(t, read(t, `"pair"`, `"until": "2026-11-23", "pair"`), q, "link", governance.ErrEnded, record.ReasonDenied)
}
