package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/linkspan/linkspan/bridge/status"
)

// asked is a metric in an expression, with what stands in its braces.
var (
	asked    = regexp.MustCompile(`\b(linkspan_[a-z_]+)(\{[^}]*\})?`)
	selected = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"`)
	grouped  = regexp.MustCompile(`\b(?:by|on)\s*\(([^)]*)\)`)
	shown    = regexp.MustCompile(`\$labels\.([a-z_]+)|\{\{([a-z_]+)\}\}`)
)

// expressions are those of the rules and of the dashboard, with the words beside
// them.
func expressions(t *testing.T) (exprs, words []string) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	text, err := os.ReadFile("../../docs/ops/linkspan.rules.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &rules))
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["action"], rule.Alert)
			exprs, words = append(exprs, rule.Expr), append(words, rule.Annotations["summary"])
		}
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	text, err = os.ReadFile("../../docs/ops/linkspan.dashboard.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &dashboard))
	ids := map[int]bool{}
	for _, panel := range dashboard.Panels {
		require.False(t, ids[panel.ID], panel.Title)
		ids[panel.ID] = true
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			exprs, words = append(exprs, target.Expr), append(words, target.LegendFormat)
		}
	}
	require.Greater(t, len(exprs), 35)
	return exprs, words
}

// The rules and the dashboard ask for metrics and labels that there are, and what
// matters most is looked at by one of them.
func TestRulesAndDashboardAskForWhatThereIs(t *testing.T) {
	m := made(full)
	m.Exchange(status.Exchange{From: "emisweb", Hops: map[string]time.Duration{status.HopHolder: time.Second},
		Unmapped: []status.Unmapped{{Scheme: "ctv3", Count: 1}}, Warnings: map[string]int{"prescribing-unsafe": 1}})
	m.Waited("emisweb", time.Second)
	labels, all := map[string]map[string]bool{}, map[string]bool{"instance": true, "le": true}
	for line := range strings.Lines(string(m.Text())) {
		name, rest, _ := strings.Cut(line, "{")
		if !strings.HasPrefix(name, "linkspan_") {
			continue
		}
		if labels[name] == nil {
			labels[name] = map[string]bool{}
		}
		for _, found := range selected.FindAllStringSubmatch(rest, -1) {
			labels[name][found[1]], all[found[1]] = true, true
		}
	}
	used := map[string]bool{}
	exprs, words := expressions(t)
	for _, expr := range exprs {
		for _, found := range asked.FindAllStringSubmatch(expr, -1) {
			require.Contains(t, labels, found[1], expr)
			used[found[1]] = true
			for _, label := range selected.FindAllStringSubmatch(found[2], -1) {
				require.True(t, labels[found[1]][label[1]], "%s has no label %s: %s", found[1], label[1], expr)
			}
		}
		for _, found := range grouped.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(found[1], ",") {
				require.True(t, all[strings.TrimSpace(label)], "%s: no metric has the label %q", expr, label)
			}
		}
	}
	for _, text := range words {
		for _, found := range shown.FindAllStringSubmatch(text, -1) {
			require.True(t, all[found[1]+found[2]], "%s: no metric has this label", text)
		}
	}
	for _, name := range []string{"linkspan_wire_state", "linkspan_breaker_state", "linkspan_level", "linkspan_exchanges_total", "linkspan_hop_seconds_bucket", "linkspan_audit_trouble",
		"linkspan_certificate_end_timestamp_seconds", "linkspan_unmapped_entries_total", "linkspan_record_warnings_total", "linkspan_throttle_wait_seconds_bucket", "linkspan_table_set_info"} {
		require.True(t, used[name], "nobody looks at %s", name)
	}
}
