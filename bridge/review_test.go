package bridge_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// TestAPanicHasItsEndInTheAudit has every step of an exchange panic, once and
// whenever it comes by: the asker is refused in its own form, nothing of a record
// is in it, and what was asked has exactly one end in the audit (safety IG-10).
func TestAPanicHasItsEndInTheAudit(t *testing.T) {
	const secret = "9998193036 Quillfeather"
	for _, step := range []string{"decoded", "decided", "asked", "read-back", "answered", "translated", "encoded"} {
		for from, often := range map[string]bool{"emisweb": step == "encoded", "systmone": false} {
			t.Run(step+" "+from, func(t *testing.T) {
				var done atomic.Bool
				e := start(t, setup{options: func(o bridge.Options) bridge.Options {
					return bridge.Stepped(o, func(at string) {
						if at == step && (often || !done.Swap(true)) {
							panic(secret)
						}
					})
				}})
				refusedNatively(t, from, e.ask(from, request(t, askings[from])))
				require.Equal(t, record.ReasonInternal, (<-e.outcomes).Reason)
				exchanges := auditOf(t, e.data)
				require.Len(t, exchanges, 1)
				for _, x := range exchanges {
					require.Len(t, x.closed, 1)
					require.Equal(t, audit.EventRefused, x.closed[0].Event)
					require.Equal(t, string(record.ReasonInternal), x.closed[0].Reason)
					require.NotContains(t, x.closed[0].Cause, "Quillfeather")
				}
				require.Empty(t, holding(t, e, &heard{}, "Quillfeather", "9998193036"))
			})
		}
	}
}

// TestLocatePassesOverWhoIsNotShown asks for a patient of whom two organisations
// have a record, one of them of somebody who has left or is not to be known of:
// that one does not count, and where neither may be shown nobody learns that
// there are two (safety CS-07).
func TestLocatePassesOverWhoIsNotShown(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		reason        record.Reason
	}{
		"moved from the first to the second": {standin.StandingLeft, "", ""},
		"moved from the second to the first": {"", standin.StandingDeceased, ""},
		"left both":                          {standin.StandingLeft, standin.StandingLeft, record.ReasonNotFound},
		"left one, sensitive at the other":   {standin.StandingLeft, standin.StandingSensitive, record.ReasonNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := stand(t, "emisweb", standin.Options{Standing: c.first}), stand(t, "emisweb", standin.Options{Standing: c.second})
			e := start(t, setup{agreement: twoPractices, holders: map[string]wire.Handler{"emisweb": func(ctx context.Context, native []byte, from wire.Peer) []byte {
				if bytes.Contains(native, []byte("X99003")) {
					return second.Handle(ctx, native, from)
				}
				return first.Handle(ctx, native, from)
			}}})
			answer := e.ask("systmone", request(t, "systmone-narrow.xml"))
			require.Equal(t, c.reason, (<-e.outcomes).Reason)
			_, last := e.audited()
			if c.reason != "" {
				refusedNatively(t, "systmone", answer)
				require.Contains(t, string(answer), record.ReasonNotFound.Words())
				require.NotEmpty(t, last.Cause)
				return
			}
			require.Empty(t, last.Cause)
			require.Equal(t, map[string]string{standin.StandingLeft: "X99003", "": "X99001"}[c.first], last.Target)
		})
	}
}

// twoPractices has a second practice on EMIS Web's side.
func twoPractices(a *governance.Agreement) {
	side := a.Sides["emisweb"]
	side.Organisations = append(side.Organisations, governance.Organisation{ODS: "X99003", Name: "Slipway Surgery"})
	a.Sides["emisweb"] = side
}

// TestNobodyDodgesTheBudget has one user ask for patients nobody has, under
// names and codes that come to the same: the look-ups are counted together, by
// whom the agreement takes to ask (safety T-06, T-11).
func TestNobodyDodgesTheBudget(t *testing.T) {
	e := start(t, setup{agreement: func(a *governance.Agreement) {
		side := a.Sides["emisweb"]
		side.Claims["user"] = governance.Claim{From: []string{"wire"}}
		a.Sides["emisweb"] = side
	}})
	people := crowd(30)
	limited := 0
	for i, p := range people {
		user := []string{"hwinterbourne", "HWinterbourne", "hwinterbourne ", " hwinterbourne"}[i%4]
		e.askBeside("emisweb", p.asking(t, "emisweb", fmt.Sprintf("somebody%c", 'a'+i%26)), "Linkspan-User", user)
		if (<-e.outcomes).Reason == record.ReasonLimited {
			limited++
		}
	}
	require.Equal(t, len(people)-21, limited)
}

// TestClaimsThatDoNotFitAreAudited sends headers that no message between the
// roles has room for: the refusal stands in the audit like any other, and names
// whom the message names.
func TestClaimsThatDoNotFitAreAudited(t *testing.T) {
	e := start(t, setup{agreement: perRequest})
	for _, header := range []string{"Linkspan-Device", "Linkspan-Activities", "Linkspan-Break-Glass-Text"} {
		for _, length := range []int{4000, 8000, 40_000} {
			refusedNatively(t, "emisweb", e.askBeside("emisweb", request(t, "emisweb-full.xml"), header, strings.Repeat("<", length)))
			require.Equal(t, record.ReasonBadMessage, (<-e.outcomes).Reason)
			_, last := e.audited()
			require.Equal(t, audit.EventRefused, last.Event)
			require.Equal(t, "hwinterbourne", last.User)
		}
	}
}

// TestAFaultOfTheMomentStaysOne has EMIS Web say, where it is asked for the
// asker's own copy or which of its practices holds the record, that it cannot
// just now: the asker is not told that asking again is no use.
func TestAFaultOfTheMomentStaysOne(t *testing.T) {
	for from, permanent := range map[string]string{"emisweb": "Client", "systmone": "<PermanentError>true"} {
		e := start(t, setup{agreement: twoPractices, standins: map[string]standin.Options{"emisweb": {Error: "Try again later."}}})
		native := request(t, askings[from])
		answer := string(e.ask(from, native))
		require.NotContains(t, answer, permanent)
		require.NotEqual(t, record.ReasonRefused, (<-e.outcomes).Reason, from)
	}
}

// TestOnlyTheClaimsReadBackAreReplaced takes the user from a header and the role
// from the system's logged-on user, as the agreement says of each.
func TestOnlyTheClaimsReadBackAreReplaced(t *testing.T) {
	e := start(t, setup{agreement: func(a *governance.Agreement) {
		wire := governance.Claim{From: []string{"wire"}}
		claims := a.Sides["systmone"].Claims
		claims["user"], claims["user_name"], claims["role"] = wire, wire, governance.Claim{From: []string{"read-back"}}
	}})
	_, err := e.Conn().RequestMsg(&nats.Msg{Subject: bridge.NewSubjects("test").Native("systmone"), Data: request(t, "systmone-narrow.xml"),
		Header: nats.Header{"Linkspan-User": {"awren"}, "Linkspan-Role": {"R0001"}}}, 10*time.Second)
	require.NoError(t, err)
	require.Empty(t, (<-e.outcomes).Reason)
	_, last := e.audited()
	require.Equal(t, "awren", last.User)
	require.Equal(t, governance.FromWire, last.Sources["user"])
	require.NotEqual(t, "R0001", last.Role)
	require.Equal(t, governance.FromReadBack, last.Sources["role"])
}

// TestTheCauseIsOfTheReason refuses for what came first, and says in the audit
// why, where the agreement would have refused as well.
func TestTheCauseIsOfTheReason(t *testing.T) {
	e := start(t, setup{agreement: func(a *governance.Agreement) { a.Enabled = map[string]string{} }})
	e.askBeside("emisweb", request(t, "emisweb-full.xml"), "Linkspan-Device", strings.Repeat("<", 8000))
	require.Equal(t, record.ReasonBadMessage, (<-e.outcomes).Reason)
	_, last := e.audited()
	require.NotContains(t, last.Cause, governance.ErrNotEnabled.Error())
	require.Contains(t, last.Cause, "edge")
}
