package governance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
