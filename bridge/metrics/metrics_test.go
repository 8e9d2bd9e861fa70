package metrics

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/status"
)

// full is a report with everything in it.
func full() status.Report {
	at := time.Unix(1_800_000_000, 500_000_000)
	return status.Report{Level: status.Degraded, Started: at, Draining: true, Paused: []string{"emisweb"},
		Systems: []status.System{{Name: "emisweb", Wire: status.WireSlow, Breaker: "half-open", Success: at, InFlight: 2, Waiting: 3,
			Intake: status.Intake{InFlight: 4, Taken: 5, Refused: map[string]uint64{"busy": 6}}}},
		Exchanges: &status.Exchanges{InFlight: 7, Directions: []status.Direction{{From: "emisweb", To: "systmone", Released: 8, Last: at,
			Refused: map[string]uint64{"timeout": 9}, Entries: map[string]uint64{"coded": 10}, Degraded: map[string]uint64{"allergies": 11}}}},
		Tables: &status.Tables{MapSet: "abc", Day: "2027-01-15", Since: at, Refused: &at, Signed: 12, Count: 13},
		Audit:  &status.Audit{Records: 14, Checkpoint: at, Verified: at, Trouble: "disk", FreeBytes: 5 << 30},
		Certificates: []status.Certificate{{Use: "emisweb", What: "certificate", Until: at}, {Use: "emisweb", What: "certificate", Until: at.Add(-time.Hour)},
			{Use: "emisweb", What: "crl", Until: at}},
		NATS: status.NATS{Connected: true, Reconnects: 15, SlowEvents: 16}}
}

func made(report func() status.Report) *Metrics { return New("ward", "a-b", "one", "1.2.3", report) }

// What stands in the report stands in the metrics, and nothing else does.
func TestMetricsAreTheReport(t *testing.T) {
	m := made(full)
	m.Exchange(status.Exchange{From: "emisweb", Hops: map[string]time.Duration{status.HopHolder: 30 * time.Millisecond},
		Unmapped: []status.Unmapped{{Scheme: "ctv3", Code: "XaBVJ", Kind: "observation", Count: 3}}, Warnings: map[string]int{"prescribing-unsafe": 1}})
	m.Waited("emisweb", 2*time.Second)
	const own = `economy="ward",`
	const whose = `instance_name="one",`
	text := string(m.Text())
	for _, want := range []string{
		`linkspan_build_info{` + own + whose + `pair="a-b",version="1.2.3"} 1`,
		`linkspan_level{` + own + whose + `level="degraded",pair="a-b"} 1`,
		`linkspan_level{` + own + whose + `level="down",pair="a-b"} 0`,
		`linkspan_draining{` + own + whose + `pair="a-b"} 1`,
		`linkspan_paused{economy="ward",from="emisweb",` + whose + `pair="a-b"} 1`,
		`linkspan_exchanges_total{economy="ward",from="emisweb",` + whose + `outcome="released",pair="a-b",to="systmone"} 8`,
		`linkspan_exchanges_total{economy="ward",from="emisweb",` + whose + `outcome="timeout",pair="a-b",to="systmone"} 9`,
		`linkspan_exchanges_in_flight{` + own + whose + `pair="a-b"} 7`,
		`linkspan_entries_total{economy="ward",from="emisweb",` + whose + `outcome="coded",pair="a-b"} 10`,
		`linkspan_degraded_entries_total{economy="ward",from="emisweb",` + whose + `pair="a-b",section="allergies"} 11`,
		`linkspan_wire_state{` + own + whose + `pair="a-b",state="slow",system="emisweb"} 1`,
		`linkspan_wire_state{` + own + whose + `pair="a-b",state="down",system="emisweb"} 0`,
		`linkspan_breaker_state{` + own + whose + `pair="a-b",state="half-open",system="emisweb"} 1`,
		`linkspan_wire_in_flight{` + own + whose + `pair="a-b",system="emisweb"} 2`,
		`linkspan_wire_waiting{` + own + whose + `pair="a-b",system="emisweb"} 3`,
		`linkspan_intake_in_flight{` + own + whose + `pair="a-b",system="emisweb"} 4`,
		`linkspan_intake_taken_total{` + own + whose + `pair="a-b",system="emisweb"} 5`,
		`linkspan_intake_refused_total{` + own + whose + `pair="a-b",reason="busy",system="emisweb"} 6`,
		`linkspan_table_set_info{day="2027-01-15",digest="abc",` + own + whose + `pair="a-b"} 1`,
		`linkspan_tables_signed{` + own + whose + `pair="a-b"} 12`,
		`linkspan_tables{` + own + whose + `pair="a-b"} 13`,
		`linkspan_table_set_refused{` + own + whose + `pair="a-b"} 1`,
		`linkspan_audit_records_total{` + own + whose + `pair="a-b"} 14`,
		`linkspan_audit_trouble{` + own + whose + `pair="a-b"} 1`,
		`linkspan_certificate_end_timestamp_seconds{` + own + whose + `pair="a-b",use="emisweb",what="certificate"} 1.7999964005e+09`,
		`linkspan_nats_connected{` + own + whose + `pair="a-b"} 1`,
		`linkspan_nats_reconnects_total{` + own + whose + `pair="a-b"} 15`,
		`linkspan_nats_slow_messages_total{` + own + whose + `pair="a-b"} 16`,
		`linkspan_unmapped_entries_total{economy="ward",from="emisweb",` + whose + `pair="a-b",scheme="ctv3"} 3`,
		`linkspan_record_warnings_total{code="prescribing-unsafe",` + own + `from="emisweb",` + whose + `pair="a-b"} 1`,
		`linkspan_hop_seconds_count{economy="ward",hop="holder",` + whose + `pair="a-b"} 1`,
		`linkspan_hop_seconds_count{economy="ward",hop="audit",` + whose + `pair="a-b"} 0`,
		`linkspan_throttle_wait_seconds_count{` + own + whose + `pair="a-b",system="emisweb"} 1`,
	} {
		require.Contains(t, text, want+"\n")
	}
	require.NotContains(t, text, "XaBVJ")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), `linkspan_audit_records_total{`+own+whose+`pair="a-b"} 14`)
}

// An instance with one role says nothing of what it does not have.
func TestMetricsOfAnEdge(t *testing.T) {
	text := string(made(func() status.Report { return status.Report{Level: status.OK} }).Text())
	for _, name := range []string{"linkspan_exchanges", "linkspan_audit", "linkspan_table", "linkspan_wire", "linkspan_certificate"} {
		require.NotContains(t, text, name)
	}
}

// However many codes are met, the series stay the same.
func TestCodesMakeNoSeries(t *testing.T) {
	m := made(full)
	m.Exchange(status.Exchange{From: "emisweb", Unmapped: []status.Unmapped{{Scheme: "ctv3", Code: "a", Count: 1}}})
	before, err := testutil.GatherAndCount(m.registry)
	require.NoError(t, err)
	for i := range 10_000 {
		m.Exchange(status.Exchange{From: "emisweb", Unmapped: []status.Unmapped{{Scheme: "ctv3", Code: fmt.Sprint(i), Kind: "problem", Count: 1}}})
	}
	after, err := testutil.GatherAndCount(m.registry)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
