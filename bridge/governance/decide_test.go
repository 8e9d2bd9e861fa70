package governance_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/record"
)

func request(sections ...record.Section) *record.Request {
	return &record.Request{Sections: record.SectionsOf(sections...), Requester: record.Requester{User: "nq", Role: "GP", Organisation: "X99001"}}
}

// Everything is wrong at first; each fault repaired shows the next. The order
// is safety IG-01: link, direction, organisation, section, user.
func TestDecideOrder(t *testing.T) {
	q := request(record.Consultations)
	q.Requester = record.Requester{Organisation: "X99009"}
	a := read(t, `"systmone": "B Controller"`, `"systmone": ""`, `"asks": true`, `"asks": false`)
	decide := func() error {
		claims, err := a.Decide("emisweb", "systmone", q, governance.Claims{Purpose: "direct care"})
		require.Equal(t, q.Requester.User, claims.User)
		require.Equal(t, q.Requester.Organisation, claims.Organisation)
		require.Equal(t, "direct care", claims.Purpose, "a refusal is audited with the claims it was made on")
		return err
	}
	refused := func(want error) {
		t.Helper()
		err := decide()
		require.ErrorIs(t, err, want)
		require.Equal(t, record.ReasonDenied, record.ReasonOf(err))
	}
	refused(governance.ErrNotEnabled)
	a = read(t, `"asks": true`, `"asks": false`)
	refused(governance.ErrMayNotAsk)
	a = read(t)
	refused(governance.ErrOrganisation)
	q.Requester.Organisation = "X99001"
	refused(governance.ErrSections)
	q.Sections = record.SectionsOf(record.Consultations, record.Problems)
	refused(governance.ErrUser)
	q.Requester.User = "nq"
	require.NoError(t, decide())

	_, err := a.Decide("guru", "systmone", q, governance.Claims{})
	require.ErrorIs(t, err, governance.ErrMayNotAsk)
	_, err = a.Decide("emisweb", "guru", q, governance.Claims{})
	require.ErrorIs(t, err, governance.ErrSections)
	q.Sections = 0
	refused(governance.ErrSections)
	_, err = (&governance.Agreement{}).Decide("emisweb", "systmone", q, governance.Claims{})
	require.ErrorIs(t, err, governance.ErrNotEnabled)
}

// An agreement that was not read shares nothing.
func TestDecideNeedsAReadAgreement(t *testing.T) {
	a := &governance.Agreement{Enabled: map[string]string{"emisweb": "A", "systmone": "B"}, Sides: map[string]governance.Side{
		"emisweb":  {Organisations: []governance.Organisation{{ODS: "X99001"}}, Asks: true, Shares: []string{"all"}},
		"systmone": {Organisations: []governance.Organisation{{ODS: "X99002"}}, Asks: true, Shares: []string{"all"}},
	}}
	_, err := a.Decide("emisweb", "systmone", request(record.Problems), governance.Claims{})
	require.ErrorIs(t, err, governance.ErrSections)
}

func TestClaims(t *testing.T) {
	wire := governance.Claims{User: "wire", Role: "wire role", Organisation: "X99003", Purpose: "direct care", Consent: "emergency"}
	for name, c := range map[string]struct {
		consumer, holder string
		requester        record.Requester
		given            governance.Claims
		want             governance.Claims
	}{
		"all from the message": {"emisweb", "systmone", record.Requester{User: "nq", Role: "GP", Organisation: "X99001"}, governance.Claims{},
			governance.Claims{User: "nq", Role: "GP", Organisation: "X99001", Source: governance.FromMessage}},
		"the message before the wire": {"systmone", "emisweb", record.Requester{User: "nq", Role: "GP", Organisation: "X99002"}, wire,
			governance.Claims{User: "nq", Role: "GP", Organisation: "X99002", Purpose: "direct care", Consent: "emergency", Source: governance.FromWire}},
		"the wire before the agreement": {"systmone", "emisweb", record.Requester{}, wire,
			governance.Claims{User: "wire", Role: "wire role", Organisation: "X99003", Purpose: "direct care", Consent: "emergency", Source: governance.FromWire}},
		"the agreement fills the rest": {"systmone", "emisweb", record.Requester{User: "nq", Organisation: "X99002"}, governance.Claims{Role: "nurse"},
			governance.Claims{User: "nq", Role: "nurse", Organisation: "X99002", Purpose: "direct care", Consent: "given", Source: governance.FromAgreement}},
		"the only organisation": {"emisweb", "systmone", record.Requester{User: "nq"}, governance.Claims{},
			governance.Claims{User: "nq", Organisation: "X99001", Source: governance.FromAgreement}},
	} {
		t.Run(name, func(t *testing.T) {
			q := request(record.Problems)
			q.Requester = c.requester
			got, err := read(t).Decide(c.consumer, c.holder, q, c.given)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	q := request(record.Problems)
	q.Requester = record.Requester{User: "nq"}
	got, err := read(t).Decide("systmone", "emisweb", q, governance.Claims{})
	require.ErrorIs(t, err, governance.ErrOrganisation, "which of two organisations asks cannot be guessed")
	require.Equal(t, "nq", got.User, "a refusal is audited with the claims it was made on")
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
