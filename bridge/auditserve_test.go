package bridge_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/record"
)

// desk is a privacy officer's, on a machine with neither log nor patient key.
func desk(t *testing.T, url, key string, expect ...string) bridge.AuditGather {
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return bridge.AuditGather{NATS: nc, Economy: "test", Link: "test/emisweb-systmone/test", KeyFile: key, Expect: expect, Wait: 300 * time.Millisecond}
}

func foundIn(answers []bridge.AuditFrom) (all []audit.Found) {
	for _, from := range answers {
		all = append(all, from.Answer.Found...)
	}
	return all
}

// Two instances share the work, and each keeps its own log. A report gathers
// from both, is on the record of both, and names the one that is not there.
func TestReportsGatherFromEveryInstance(t *testing.T) {
	url := external(t)
	key, patients := filepath.Join(t.TempDir(), "link.key"), filepath.Join(t.TempDir(), "patient.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600))
	require.NoError(t, os.WriteFile(patients, []byte(strings.Repeat("12", 32)), 0o600))
	edges := start(t, setup{config: func(c *bridge.Config) {
		c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.Roles, c.Instance = url, true, key, []string{"emisweb", "systmone"}, "edges"
	}})
	exchanges := map[string]*economy{}
	for _, name := range []string{"one", "two"} {
		exchanges[name] = start(t, setup{config: func(c *bridge.Config) {
			c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.PatientKey, c.Roles, c.Instance = url, true, key, patients, []string{bridge.RoleExchange}, name
		}})
	}
	const asked = 12
	for range asked / 2 {
		for from, file := range askings {
			edges.ask(from, request(t, file))
		}
	}
	g := desk(t, url, key)
	about := bridge.AuditQuestion{Kind: bridge.AuditFind, By: "P. Officer", Why: "request 12", Number: "999 819 3036"}
	answers, err := bridge.AskAudit(t.Context(), g, about, nil)
	require.NoError(t, err)
	require.Len(t, answers, 2)
	shown := 0
	for _, f := range foundIn(answers) {
		if f.Entry.Event == audit.EventAnswered {
			shown++
			require.Equal(t, "9998193036", f.Number)
			require.False(t, f.Unopened)
		}
	}
	require.Equal(t, asked, shown)
	for _, from := range answers {
		require.NoError(t, from.Err)
		require.Empty(t, from.Answer.Damage)
		last := from.Answer.Found[len(from.Answer.Found)-1] // the question itself, written down before
		require.Equal(t, []string{audit.EventReported, "P. Officer", "request 12"}, []string{last.Entry.Event, last.Entry.User, last.Entry.Cause})
	}

	// What a witness saw is proven from a checkpoint, here and not by the instance's word.
	seen := map[string]audit.Receipt{}
	sizes := map[string][]uint64{}
	for name, e := range exchanges {
		seen[name], err = audit.Verify(filepath.Join(e.data, "audit"), name)
		require.NoError(t, err)
		sizes[name] = []uint64{seen[name].Seq}
	}
	answers, err = bridge.AskAudit(t.Context(), g, bridge.AuditQuestion{Kind: bridge.AuditVerify, By: "P. Officer"}, sizes)
	require.NoError(t, err)
	for _, from := range answers {
		require.NoError(t, from.Err)
		checkpoint, err := audit.ParseCheckpoint(from.Answer.Checkpoint, from.Answer.Verifier)
		require.NoError(t, err)
		require.Greater(t, checkpoint.Size, seen[from.Instance].Seq)
		require.Len(t, from.Answer.Proofs, 1)
		require.NoError(t, from.Answer.Proofs[0].Check(checkpoint, seen[from.Instance]))
		other := seen[map[string]string{"one": "two", "two": "one"}[from.Instance]]
		other.Seq = seen[from.Instance].Seq
		require.ErrorContains(t, from.Answer.Proofs[0].Check(checkpoint, other), "written anew")
		require.Zero(t, from.Answer.Verdict.Window())
	}

	// Damage is told by the instance that finds it.
	log := filepath.Join(exchanges["one"].data, "audit", "one.audit")
	whole, err := os.ReadFile(log)
	require.NoError(t, err)
	edited := slices.Clone(whole)
	edited[20] ^= 1
	require.NoError(t, os.WriteFile(log, edited, 0o600))
	answers, err = bridge.AskAudit(t.Context(), g, about, nil)
	require.NoError(t, err)
	require.Contains(t, answers[0].Answer.Damage, "record 1")
	require.Empty(t, answers[1].Answer.Damage)
	require.NotEmpty(t, answers[1].Answer.Found)

	// One that is gone is named when it is known of.
	require.NoError(t, exchanges["two"].Stop(context.Background()))
	g.Expect = []string{"two", "three"}
	answers, err = bridge.AskAudit(t.Context(), g, about, nil)
	require.NoError(t, err)
	require.Len(t, answers, 3)
	require.NoError(t, answers[0].Err)
	for _, gone := range answers[1:] {
		require.Equal(t, record.ReasonUnavailable, record.ReasonOf(gone.Err))
	}
}

// A question that does not say who asks, asks for everything, or comes without
// the link's key is not answered.
func TestQuestionsAboutTheAuditThatAreNotAnswered(t *testing.T) {
	url := external(t)
	key, other := filepath.Join(t.TempDir(), "link.key"), filepath.Join(t.TempDir(), "other.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600))
	require.NoError(t, os.WriteFile(other, []byte(strings.Repeat("cd", 32)), 0o600))
	e := start(t, setup{config: func(c *bridge.Config) { c.NATS.URL, c.NATS.Plaintext, c.LinkKey = url, true, key }})
	g := desk(t, url, key)
	good := bridge.AuditQuestion{Kind: bridge.AuditFind, By: "P", Number: "9998193036"}
	for name, change := range map[string]func(*bridge.AuditQuestion){
		"nobody":     func(q *bridge.AuditQuestion) { q.By = "" },
		"no kind":    func(q *bridge.AuditQuestion) { q.Kind = "" },
		"everything": func(q *bridge.AuditQuestion) { q.Number = "" },
		"no number":  func(q *bridge.AuditQuestion) { q.Number = "9998193037" },
	} {
		q := good
		change(&q)
		answers, err := bridge.AskAudit(t.Context(), g, q, nil)
		require.NoError(t, err)
		require.Equal(t, record.ReasonBadMessage, record.ReasonOf(answers[0].Err), name)
		require.Empty(t, answers[0].Answer.Found)
	}
	g.KeyFile = other
	answers, err := bridge.AskAudit(t.Context(), g, good, nil)
	require.NoError(t, err)
	require.Error(t, answers[0].Err)
	g.KeyFile, g.Link = key, "test/emisweb-systmone/live"
	answers, err = bridge.AskAudit(t.Context(), g, good, nil)
	require.NoError(t, err)
	require.Error(t, answers[0].Err, "another link's")

	// What cannot be written down is not answered either.
	require.NoError(t, e.BreakAudit())
	g.Link = "test/emisweb-systmone/test"
	answers, err = bridge.AskAudit(t.Context(), g, good, nil)
	require.NoError(t, err)
	require.Equal(t, record.ReasonAudit, record.ReasonOf(answers[0].Err))
}

// No setting turns the audit off or thins it (safety T-13): no variable is about
// it but where it and its checkpoints are kept, and by which key.
func TestNoSettingTurnsTheAuditOff(t *testing.T) {
	about := regexp.MustCompile(`(?i)audit|checkpoint|ledger|trail`)
	var walk func(of reflect.Type, in string) []string
	walk = func(of reflect.Type, in string) (names []string) {
		for field := range of.Fields() {
			name := in + field.Name
			if about.MatchString(name) || about.MatchString(string(field.Tag)) {
				names = append(names, name+" "+field.Type.String())
			}
			if field.Type.Kind() == reflect.Struct {
				names = append(names, walk(field.Type, name+".")...)
			}
		}
		return names
	}
	require.Equal(t, []string{"Data string", "Checkpoints string", "PatientKey string"}, walk(reflect.TypeFor[bridge.Config](), ""))
	require.Empty(t, walk(reflect.TypeFor[bridge.SideConfig](), ""))
	require.Empty(t, walk(reflect.TypeFor[bridge.Options](), ""))
	for field := range reflect.TypeFor[audit.OpenOptions]().Fields() {
		require.NotEqual(t, reflect.Bool, field.Type.Kind(), "a switch of the log: %s", field.Name)
	}
}
