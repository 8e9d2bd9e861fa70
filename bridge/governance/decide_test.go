package governance_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/record"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// asking is a request to which nothing is wrong.
func asking(consumer string, sections record.SectionSet) governance.Asking {
	q := governance.Asking{Consumer: consumer, Now: noon, Request: &record.Request{Sections: sections}}
	if consumer == "emisweb" {
		q.Holder = "systmone"
		q.Request.Requester = record.Requester{User: "nquill", UserName: "Dr Nora Quill", Role: "GP", Organisation: "X99001", Machine: "PC-7"}
		q.Given = governance.Claims{Activities: []string{"B0360"}, Purpose: "directcare", Consent: "Patient present", Relationship: "registered"}
		return q
	}
	q.Holder = "emisweb"
	q.Given = governance.Claims{User: "hpenrose", Role: "R8000", Activities: []string{"B0360", "B0380"}, Organisation: "X99002",
		Sources: map[string]string{"user": governance.FromReadBack, "role": governance.FromReadBack, "activities": governance.FromReadBack, "organisation": governance.FromReadBack}}
	return q
}

// granted is a decision that lets a whole request of the other side's through.
func granted(t testing.TB, a *governance.Agreement, holder string, sections record.SectionSet) governance.Decision {
	t.Helper()
	consumer := "emisweb"
	if holder == consumer {
		consumer = "systmone"
	}
	d, err := a.Decide(asking(consumer, sections))
	require.NoError(t, err, strings.Join(d.Checks, "\n"))
	return d
}

// rules are the names of the rules in their order.
var rules = []string{"link", "organisations", "direction", "sections", "user", "role", "purpose", "relationship", "consent", "exclusions"}

// asked lists the rules that Checks says were asked.
func asked(d governance.Decision) (names []string) {
	for _, check := range d.Checks {
		name, _, _ := strings.Cut(strings.TrimPrefix(check, "refused by "), ":")
		if !strings.HasPrefix(name, "claim ") {
			names = append(names, name)
		}
	}
	return names
}

// refused wants one rule to refuse, all before it to have been asked, and none
// after it.
func refused(t *testing.T, a *governance.Agreement, q governance.Asking, rule string, want error, reason record.Reason) governance.Decision {
	t.Helper()
	d, err := a.Decide(q)
	require.ErrorIs(t, err, want)
	require.Equal(t, reason, record.ReasonOf(err))
	require.True(t, strings.HasPrefix(d.Cause, rule+": "), d.Cause)
	names := asked(d)
	require.Equal(t, rules[:len(names)], names)
	require.Equal(t, rule, names[len(names)-1])
	require.Zero(t, d.Sections, "nothing may be shown")
	require.False(t, d.BreakGlass)
	return d
}

// denied is one way for a request to be refused.
type denied struct {
	name, rule string
	agreement  []string // replaced in the agreement
	spoil      func(*governance.Asking)
	want       error
	reason     record.Reason
}

// matrix is every way to be refused, in the order of the rules.
func matrix() []denied {
	const no, none = record.ReasonDenied, record.ReasonNoConsent
	glass := []string{`"asks": true, "shares": ["all"]`, `"asks": true, "break_glass": true, "shares": ["all"]`, `"consent": {"from": ["wire"]}, "relationship"`, `"consent": {"from": ["wire"]}, "break_glass": {"from": ["wire"]}, "relationship"`}
	broken := func(code, text string, activities ...string) func(*governance.Asking) {
		return func(q *governance.Asking) {
			q.Given.Consent, q.Given.BreakGlass, q.Given.BreakGlassText = "", code, text
			q.Given.Activities = append([]string{"B0360"}, activities...)
		}
	}
	given := func(set func(*governance.Claims)) func(*governance.Asking) {
		return func(q *governance.Asking) { set(&q.Given) }
	}
	said := func(set func(*record.Request)) func(*governance.Asking) {
		return func(q *governance.Asking) { set(q.Request) }
	}
	return []denied{
		{"one controller", "link", []string{`"systmone": "B Controller"`, `"systmone": " "`}, nil, governance.ErrNotEnabled, no},
		{"ended", "link", []string{`"pair"`, `"until": "2026-11-22", "pair"`}, nil, governance.ErrEnded, no},
		{"no organisation", "organisations", nil, said(func(q *record.Request) { q.Requester.Organisation = "X99009" }), governance.ErrOrganisation, no},
		{"the other side's organisation", "organisations", nil, said(func(q *record.Request) { q.Requester.Organisation = "X99002" }), governance.ErrOrganisation, no},
		{"target of no side", "organisations", nil, said(func(q *record.Request) { q.Target = "X99009" }), governance.ErrTarget, record.ReasonNoTarget},
		{"the asker as target", "organisations", nil, said(func(q *record.Request) { q.Target = "X99001" }), governance.ErrTarget, record.ReasonNoTarget},
		{"no such side asks", "organisations", nil, func(q *governance.Asking) { q.Consumer = "guru" }, governance.ErrOrganisation, no},
		{"organisations differ", "organisations", []string{`"activities": {"from": ["message", "wire"]}`, `"activities": {"from": ["message", "wire"]}, "organisation": {"from": ["message", "wire"]}`},
			given(func(c *governance.Claims) { c.Organisation = "X99002" }), governance.ErrConflict, no},
		{"may not ask", "direction", []string{`"asks": true`, `"asks": false`}, nil, governance.ErrMayNotAsk, no},
		{"asking is switched off", "direction", []string{`"asks": true`, `"asks": true, "switched_off": [{"what": "asking", "by": "A", "on": "2026-11-01", "why": "audit"}]`}, nil, governance.ErrMayNotAsk, no},
		{"asks itself", "direction", nil, func(q *governance.Asking) { q.Holder = "emisweb" }, governance.ErrMayNotAsk, no},
		{"nothing shared", "sections", nil, said(func(q *record.Request) { q.Sections = record.SectionsOf(record.Documents) }), governance.ErrSections, no},
		{"nothing asked", "sections", nil, said(func(q *record.Request) { q.Sections = 0 }), governance.ErrSections, no},
		{"section switched off", "sections", []string{`"shares": ["problems"`, `"switched_off": [{"what": "problems", "by": "B", "on": "2026-11-01", "why": "data quality"}], "shares": ["problems"`},
			said(func(q *record.Request) { q.Sections = record.SectionsOf(record.Problems) }), governance.ErrSections, no},
		{"all switched off", "sections", []string{`"shares": ["problems"`, `"switched_off": [{"what": "all", "by": "B", "on": "2026-11-01", "why": "data quality"}], "shares": ["problems"`}, nil, governance.ErrSections, no},
		{"no such side answers", "sections", nil, func(q *governance.Asking) { q.Holder = "guru" }, governance.ErrSections, no},
		{"no user", "user", nil, said(func(q *record.Request) { q.Requester.User = " " }), governance.ErrUser, no},
		{"a header names the user, and none is allowed", "user", nil, func(q *governance.Asking) { q.Request.Requester.User, q.Given.User = "", "nquill" }, governance.ErrUser, no},
		{"a generic user", "user", nil, said(func(q *record.Request) { q.Requester.User = "System_User 1" }), governance.ErrGeneric, no},
		{"a generic name", "user", nil, said(func(q *record.Request) { q.Requester.UserName = "Administrator" }), governance.ErrGeneric, no},
		{"the agreement's own generic user", "user", []string{`"asks": true`, `"asks": true, "generic_users": ["front desk"]`}, said(func(q *record.Request) { q.Requester.User = "FrontDesk-2" }), governance.ErrGeneric, no},
		{"users differ", "user", []string{`"activities": {"from"`, `"user": {"from": ["message", "wire"]}, "activities": {"from"`}, given(func(c *governance.Claims) { c.User = "somebody" }), governance.ErrConflict, no},
		{"no role", "role", nil, given(func(c *governance.Claims) { c.Activities = nil }), governance.ErrRole, no},
		{"unknown role", "role", nil, given(func(c *governance.Claims) { c.Activities = []string{"B9999", "b0360"} }), governance.ErrRole, no},
		{"a role for other sections", "role", nil, func(q *governance.Asking) {
			q.Given.Activities, q.Request.Sections = []string{"B0401"}, record.SectionsOf(record.Problems)
		}, governance.ErrRole, no},
		{"a role to break the glass alone", "role", nil, given(func(c *governance.Claims) { c.Activities = []string{"B0082"} }), governance.ErrRole, no},
		{"no purpose", "purpose", nil, given(func(c *governance.Claims) { c.Purpose = "" }), governance.ErrPurpose, no},
		{"another purpose", "purpose", nil, given(func(c *governance.Claims) { c.Purpose = "research" }), governance.ErrPurpose, no},
		{"no relationship", "relationship", nil, given(func(c *governance.Claims) { c.Relationship = "" }), governance.ErrRelationship, no},
		{"an unknown relationship", "relationship", nil, given(func(c *governance.Claims) { c.Relationship = "none" }), governance.ErrRelationship, no},
		{"no consent", "consent", nil, given(func(c *governance.Claims) { c.Consent = "" }), governance.ErrNoConsent, none},
		{"an unknown consent", "consent", nil, given(func(c *governance.Claims) { c.Consent = "yes" }), governance.ErrNoConsent, none},
		{"not obtained", "consent", nil, given(func(c *governance.Claims) { c.Consent = "not obtained" }), governance.ErrNoConsent, none},
		{"an emergency alone", "consent", nil, given(func(c *governance.Claims) { c.Consent = "emergency" }), governance.ErrNoConsent, none},
		{"the patient's no", "consent", nil, given(func(c *governance.Claims) { c.Consent = "refused" }), governance.ErrRefused, none},
		{"a break-glass where a header may not", "consent", glass[:2], broken("unconscious", "found at home", "B0082"), governance.ErrNoConsent, none},
		{"a break-glass where the side may not", "consent", glass[2:], broken("unconscious", "found at home", "B0082"), governance.ErrBreakGlass, none},
		{"a break-glass without the role", "consent", glass, broken("unconscious", "found at home"), governance.ErrBreakGlass, none},
		{"a break-glass without a reason", "consent", glass, broken("", "found at home", "B0082"), governance.ErrNoConsent, none},
		{"a break-glass for any reason", "consent", glass, broken("curious", "found at home", "B0082"), governance.ErrBreakGlass, none},
		{"a break-glass without words", "consent", glass, broken("unconscious", " -.- ", "B0168"), governance.ErrBreakGlass, none},
		{"a break-glass over the patient's no", "consent", glass, func(q *governance.Asking) {
			broken("unconscious", "found at home", "B0082")(q)
			q.Given.Consent = "Refused"
		}, governance.ErrRefused, none},
		{"a break-glass beside an unknown consent", "consent", glass, func(q *governance.Asking) {
			broken("unconscious", "found at home", "B0082")(q)
			q.Given.Consent = "maybe"
		}, governance.ErrNoConsent, none},
		{"codes not loaded", "exclusions", []string{`"shares": ["problems"`, `"exclusions": "sensitive.tsv", "shares": ["problems"`}, nil, governance.ErrExclusions, record.ReasonInternal},
	}
}

// TestDenyMatrix refuses each request to which one thing is wrong, by the rule
// that is about it.
func TestDenyMatrix(t *testing.T) {
	granted(t, read(t), "systmone", record.AllSections)
	for _, c := range matrix() {
		t.Run(c.name, func(t *testing.T) {
			q := asking("emisweb", record.AllSections)
			if c.spoil != nil {
				c.spoil(&q)
			}
			refused(t, read(t, c.agreement...), q, c.rule, c.want, c.reason)
		})
	}
}

// TestDecideOrder spoils a request in every two ways: the rule that stands first
// decides, whatever else is wrong (safety IG-01).
func TestDecideOrder(t *testing.T) {
	place := map[string]int{}
	for i, name := range rules {
		place[name] = i
	}
	pairs := 0
	for _, first := range matrix() {
		for _, second := range matrix() {
			if place[first.rule] >= place[second.rule] || first.agreement != nil && second.agreement != nil || first.rule == "organisations" && first.name == "no such side asks" {
				continue
			}
			q := asking("emisweb", record.AllSections)
			for _, spoil := range []func(*governance.Asking){second.spoil, first.spoil} {
				if spoil != nil {
					spoil(&q)
				}
			}
			if q.Holder == "emisweb" || q.Holder == "guru" || q.Consumer == "guru" {
				continue // another link altogether
			}
			pairs++
			refused(t, read(t, append(first.agreement, second.agreement...)...), q, first.rule, first.want, first.reason)
		}
	}
	require.Greater(t, pairs, 300)

	// Everything is wrong at first; each fault repaired shows the next.
	a := read(t, `"systmone": "B Controller"`, `"systmone": ""`, `"asks": true`, `"asks": false`)
	q := governance.Asking{Consumer: "emisweb", Holder: "systmone", Now: noon, Request: &record.Request{Requester: record.Requester{Organisation: "X99009"}}}
	refused(t, a, q, "link", governance.ErrNotEnabled, record.ReasonDenied)
	a = read(t, `"asks": true`, `"asks": false`)
	refused(t, a, q, "organisations", governance.ErrOrganisation, record.ReasonDenied)
	q.Request.Requester.Organisation = "X99001"
	refused(t, a, q, "direction", governance.ErrMayNotAsk, record.ReasonDenied)
	a = read(t)
	refused(t, a, q, "sections", governance.ErrSections, record.ReasonDenied)
	q.Request.Sections = record.SectionsOf(record.Consultations, record.Problems)
	refused(t, a, q, "user", governance.ErrUser, record.ReasonDenied)
	q.Request.Requester.User = "nquill"
	refused(t, a, q, "role", governance.ErrRole, record.ReasonDenied)
	q.Given.Activities = []string{"B0370"}
	refused(t, a, q, "purpose", governance.ErrPurpose, record.ReasonDenied)
	q.Given.Purpose = "Direct Care"
	refused(t, a, q, "relationship", governance.ErrRelationship, record.ReasonDenied)
	q.Given.Relationship = "referred"
	refused(t, a, q, "consent", governance.ErrNoConsent, record.ReasonNoConsent)
	q.Given.Consent = "carer"
	d, err := a.Decide(q)
	require.NoError(t, err)
	require.Equal(t, rules, asked(d))
	require.Equal(t, record.SectionsOf(record.Problems), d.Sections)
	require.Empty(t, d.Cause)
}

// An agreement that was not read shares nothing, and nil asks nothing.
func TestDecideNeedsAReadAgreement(t *testing.T) {
	a := &governance.Agreement{Enabled: map[string]string{"emisweb": "A", "systmone": "B"}, Sides: map[string]governance.Side{
		"emisweb":  {Organisations: []governance.Organisation{{ODS: "X99001"}}, Asks: true, Shares: []string{"all"}},
		"systmone": {Organisations: []governance.Organisation{{ODS: "X99002"}}, Asks: true, Shares: []string{"all"}},
	}}
	_, err := a.Decide(asking("emisweb", record.AllSections))
	require.Equal(t, record.ReasonDenied, record.ReasonOf(err))
	_, err = (&governance.Agreement{}).Decide(governance.Asking{})
	require.ErrorIs(t, err, governance.ErrNotEnabled)
	_, err = read(t).Decide(governance.Asking{Consumer: "emisweb", Holder: "systmone"})
	require.ErrorIs(t, err, governance.ErrSections)
}

// TestRoles is the shipped table of safety IG-09, the sections of several codes
// together, and a table of the agreement's own.
func TestRoles(t *testing.T) {
	all, summary := record.AllSections, record.SectionsOf(record.Demographics, record.Problems, record.Medication, record.Allergies)
	own := `"asks": true, "roles": {"GP": {"sections": ["all"]}, "B0370": {"sections": ["allergies"]}}`
	for name, c := range map[string]struct {
		table      string
		role       string
		activities []string
		want       record.SectionSet
	}{
		"view detailed":    {`"asks": true`, "", []string{"B0360"}, all},
		"perform detailed": {`"asks": true`, "", []string{"B0380"}, all},
		"manage detailed":  {`"asks": true`, "", []string{"B8029"}, all},
		"summary":          {`"asks": true`, "", []string{"B0370"}, summary},
		"medication":       {`"asks": true`, "", []string{"B0401"}, record.SectionsOf(record.Medication, record.Allergies)},
		"as role":          {`"asks": true`, "B0370", nil, summary},
		"both":             {`"asks": true`, "B0401", []string{"B0370", "B9999"}, summary},
		"own by role":      {own, "GP", nil, all},
		"own":              {own, "nurse", []string{"B0370"}, record.SectionsOf(record.Allergies)},
	} {
		t.Run(name, func(t *testing.T) {
			a := read(t, `["problems", "medication", "allergies"]`, `["all"]`, `"asks": true`, c.table)
			q := asking("emisweb", all)
			q.Request.Requester.Role, q.Given.Activities = c.role, c.activities
			d, err := a.Decide(q)
			require.NoError(t, err)
			require.Equal(t, c.want, d.Sections)
			require.Equal(t, all&^c.want, d.Denied)
		})
	}
	a := read(t, `"asks": true`, own)
	q := asking("emisweb", all)
	_, err := a.Decide(q)
	require.NoError(t, err)
	q.Request.Requester.Role = ""
	refused(t, a, q, "role", governance.ErrRole, record.ReasonDenied) // B0360 is not in this table
}

// Access is refused for what the role denies, and what the agreement does not
// share is not the role's to deny.
func TestDeniedIsOfWhatIsShared(t *testing.T) {
	q := asking("emisweb", record.SectionsOf(record.Medication, record.Problems, record.Documents))
	q.Given.Activities = []string{"B0401"}
	d, err := read(t).Decide(q)
	require.NoError(t, err)
	require.Equal(t, record.SectionsOf(record.Medication), d.Sections)
	require.Equal(t, record.SectionsOf(record.Problems), d.Denied)
}

// TestGenericUsers refuses names that nobody can be held to, however they are
// written (safety T-07), and lets people's pass.
func TestGenericUsers(t *testing.T) {
	for _, name := range []string{"system", "SYSTEM", "System User", "admin", "Admin01", "administrator", "unk", "UNK", "Unknown", "test", "test-1", "guest", "user", "user 12",
		"service", "svc", "anonymous", "n/a", "null", "reception2", "Locum_3", "linkspan", "12345", "00 12", "-", "...", "ad\u200bmin", "ＡＤＭＩＮ", "\tsystem\n"} {
		q := asking("emisweb", record.AllSections)
		q.Request.Requester.User = name
		_, err := read(t).Decide(q)
		require.ErrorIs(t, err, governance.ErrGeneric, "%q", name)
	}
	for _, name := range []string{"nquill", "hpenrose", "a.testa", "Guesthouse, A", "o'system", "Müller", "王芳", "NQ1"} {
		q := asking("emisweb", record.AllSections)
		q.Request.Requester.User = name
		_, err := read(t).Decide(q)
		require.NoError(t, err, name)
	}
}

// TestBreakGlass overrides a consent that could not be obtained, and says so. It
// holds for the one request (safety IG-02, T-08).
func TestBreakGlass(t *testing.T) {
	a := read(t, `"asks": true`, `"asks": true, "break_glass": true`, `"consent": {"from": ["wire"]}, "relationship"`, `"consent": {"from": ["wire"]}, "break_glass": {"from": ["wire"]}, "relationship"`)
	for _, consent := range []string{"", "not-obtained", "emergency", "legal"} {
		for _, code := range governance.Reasons() {
			for _, activity := range []string{"B0082", "B0168"} {
				q := asking("emisweb", record.AllSections)
				q.Given.Consent, q.Given.BreakGlass, q.Given.BreakGlassText = consent, code, "Found at home by Zebedee"
				q.Given.Activities = []string{"B0370", activity}
				d, err := a.Decide(q)
				require.NoError(t, err)
				require.True(t, d.BreakGlass)
				require.Equal(t, code, d.Claims.BreakGlass)
				require.Equal(t, "Found at home by Zebedee", d.Claims.BreakGlassText)
				checks := strings.Join(d.Checks, "\n")
				require.Contains(t, checks, "OVERRIDDEN by break-glass, reason "+code+", at 2026-11-23T12:00:00Z")
				require.NotContains(t, checks, "Zebedee", "what the user wrote may name anybody")

				q = asking("emisweb", record.AllSections)
				q.Given.Consent = consent
				refused(t, a, q, "consent", governance.ErrNoConsent, record.ReasonNoConsent)
			}
		}
	}
	q := asking("emisweb", record.AllSections)
	q.Given.BreakGlass, q.Given.BreakGlassText, q.Given.Activities = "unconscious", "words", []string{"B0360", "B0082"}
	d, err := a.Decide(q)
	require.NoError(t, err)
	require.False(t, d.BreakGlass, "the patient consented")
	cause, err := a.Admit("systmone", &record.Patient{Standing: record.Registered, Dissent: true}, "2026-11-23")
	require.ErrorIs(t, err, governance.ErrDissent, "nothing overrides the patient's own dissent")
	require.NotEmpty(t, cause)
}

// A consent is for the request it came with; the next needs its own (IG-03).
func TestConsentIsNotRemembered(t *testing.T) {
	a := read(t)
	for range 3 {
		q := asking("emisweb", record.AllSections)
		_, err := a.Decide(q)
		require.NoError(t, err)
		q.Given.Consent = ""
		refused(t, a, q, "consent", governance.ErrNoConsent, record.ReasonNoConsent)
	}
}

// TestEveryInputIsRecorded finds each claim with its source in Checks, taken or
// not, and none of what the words of a closed list were replaced by.
func TestEveryInputIsRecorded(t *testing.T) {
	a := read(t)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z]{3,12}`)
		said := func(name string) string { return rapid.OneOf(rapid.Just(""), word).Draw(t, name) }
		r := record.Requester{User: said("user"), UserName: said("name"), Role: said("role"), Organisation: said("organisation"), Machine: said("machine"), Activities: strings.Fields(said("activity"))}
		source := rapid.SampledFrom([]string{"", governance.FromWire, governance.FromReadBack, governance.FromMessage, governance.FromAgreement, "a friend"})
		given := governance.Claims{User: said("user beside"), UserName: said("name beside"), Role: said("role beside"), Organisation: said("organisation beside"), Device: said("device beside"),
			Activities: strings.Fields(said("activity beside")), Purpose: said("purpose"), Consent: said("consent"), Relationship: said("relationship"), BreakGlass: said("reason"), BreakGlassText: "Zebedee",
			Sources: map[string]string{}}
		names := []string{"user", "user_name", "role", "organisation", "device", "activities", "purpose", "consent", "relationship", "break_glass"}
		for _, name := range names {
			given.Sources[name] = source.Draw(t, name+" source")
		}
		before := maps.Clone(given.Sources)
		d, err := a.Decide(governance.Asking{Consumer: rapid.SampledFrom([]string{"emisweb", "systmone"}).Draw(t, "consumer"), Holder: "emisweb", Now: noon,
			Request: &record.Request{Requester: r, Sections: record.AllSections}, Given: given})
		require.Equal(t, before, given.Sources, "what was given is left as it was")
		checks := strings.Join(d.Checks, "\n")
		for _, name := range names {
			require.Contains(t, checks, "claim "+name+": ")
		}
		for _, open := range append([]string{r.User, r.UserName, r.Role, r.Organisation, r.Machine, given.User, given.UserName, given.Role, given.Organisation, given.Device}, append(r.Activities, given.Activities...)...) {
			require.Contains(t, checks, open)
		}
		require.NotContains(t, checks, "Zebedee")
		if err != nil {
			require.Zero(t, d.Sections)
			require.NotEmpty(t, d.Cause)
		} else {
			require.NotZero(t, d.Sections)
			require.Empty(t, d.Cause)
		}
	})
}

// A word of no list is kept nowhere: it might be the patient's name.
func TestUnknownWordsAreKeptNowhere(t *testing.T) {
	for _, set := range []func(*governance.Claims){
		func(c *governance.Claims) { c.Purpose = "Zebedee" }, func(c *governance.Claims) { c.Consent = "Zebedee" },
		func(c *governance.Claims) { c.Relationship = "Zebedee" }, func(c *governance.Claims) { c.BreakGlass = "Zebedee" },
	} {
		q := asking("emisweb", record.AllSections)
		set(&q.Given)
		d, _ := read(t, `"consent": {"from": ["wire"]}, "relationship"`, `"consent": {"from": ["wire"]}, "break_glass": {"from": ["wire"]}, "relationship"`).Decide(q)
		kept := strings.Join(append(d.Checks, d.Cause, d.Claims.Purpose, d.Claims.Consent, d.Claims.Relationship, d.Claims.BreakGlass), "\n")
		require.NotContains(t, kept, "Zebedee")
		require.Contains(t, kept, "not a known word")
	}
	require.Equal(t, "patient-present", governance.Word("consent", " Patient Present "))
	require.Equal(t, "not a known word", governance.Word("consent", "Zebedee"))
	require.Equal(t, "nquill", governance.Word("user", "nquill"))
}

func TestTarget(t *testing.T) {
	a := read(t)
	for name, c := range map[string]struct {
		holder, asked, want string
		ok                  bool
		err                 error
	}{
		"addressed":            {"systmone", "X99003", "X99003", true, nil},
		"the only one":         {"emisweb", "", "X99001", true, nil},
		"addressed elsewhere":  {"emisweb", "X99003", "", false, governance.ErrTarget},
		"one of two":           {"systmone", "", "", false, nil},
		"nobody on this side":  {"guru", "", "", false, nil},
		"addressed to nowhere": {"guru", "X99001", "", false, governance.ErrTarget},
	} {
		t.Run(name, func(t *testing.T) {
			ods, ok, err := a.Target(c.holder, &record.Request{Target: c.asked})
			require.Equal(t, c.want, ods)
			require.Equal(t, c.ok, ok)
			require.ErrorIs(t, err, c.err)
			if c.err != nil {
				require.Equal(t, record.ReasonNoTarget, record.ReasonOf(err))
			}
		})
	}
}
