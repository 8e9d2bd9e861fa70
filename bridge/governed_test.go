package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/spine"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// askBeside asks like ask, with claims in headers beside the message.
func (e *economy) askBeside(from string, native []byte, headers ...string) []byte {
	e.t.Helper()
	beside := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		beside.Set(headers[i], headers[i+1])
	}
	client := wire.NewClient(e.systems[from].Wire, e.Address(from), wire.ClientOptions{ThrottleDisabled: true, Headers: beside})
	defer client.Close()
	answer, err := client.Do(e.t.Context(), fresh(native), nil)
	require.NoError(e.t, err)
	return answer
}

// all are the audit records of the instance.
func (e *economy) all() []audit.Entry {
	e.t.Helper()
	var entries []audit.Entry
	_, err := audit.Read(filepath.Join(e.data, "audit"), "one", func(_ audit.Receipt, entry audit.Entry) error {
		entries = append(entries, entry)
		return nil
	})
	require.NoError(e.t, err)
	return entries
}

// perRequest is the agreement in which consent is told with each request, and
// EMIS's users may override it.
func perRequest(a *governance.Agreement) {
	side := a.Sides["emisweb"]
	side.Claims["consent"] = governance.Claim{From: []string{"wire"}}
	side.Claims["activities"] = governance.Claim{From: []string{"wire"}, Asserted: &governance.Assertion{Value: "B0360", Procedure: "smart card"}}
	side.BreakGlass = true
	a.Sides["emisweb"] = side
}

// TestConsentIsPerRequest releases a record to somebody who asked the patient,
// and to nobody who did not say so, or whom the patient refused, right after
// (safety IG-03).
func TestConsentIsPerRequest(t *testing.T) {
	e := start(t, setup{agreement: perRequest})
	whole := request(t, "emisweb-full.xml")
	for _, c := range []struct {
		consent string
		reason  record.Reason
	}{{"patient-present", ""}, {"", record.ReasonNoConsent}, {"carer", ""}, {"refused", record.ReasonNoConsent}, {"not-obtained", record.ReasonNoConsent}, {"yes", record.ReasonNoConsent}} {
		answer := e.askBeside("emisweb", whole, "Linkspan-Consent", c.consent)
		require.Equal(t, c.reason, (<-e.outcomes).Reason, c.consent)
		_, last := e.audited()
		if c.reason == "" {
			require.Equal(t, c.consent, last.Consent)
			require.Equal(t, governance.FromWire, last.Sources["consent"])
			continue
		}
		refusedNatively(t, "emisweb", answer)
		require.Contains(t, string(answer), c.reason.Words())
	}
}

// TestBreakGlass overrides a consent that could not be obtained: with a reason,
// words of the user's own and the right to; at once an event and a record, from
// which the daily list is made. The words are sealed (safety IG-02, T-08).
func TestBreakGlass(t *testing.T) {
	url := external(t)
	key := linkKeyFile(t)
	e := start(t, setup{agreement: perRequest, config: func(c *bridge.Config) { c.NATS.URL, c.NATS.Plaintext, c.LinkKey = url, true, key }})
	events := subscribe(t, url, bridge.NewSubjects("test").Event("breakglass"))
	whole := request(t, "emisweb-full.xml")
	const words = "collapsed in the waiting room, daughter Quillfeather with her"
	glass := []string{"Linkspan-Break-Glass", "unconscious", "Linkspan-Break-Glass-Text", words, "Linkspan-Consent", "not-obtained", "Linkspan-Activities", "B0360,B0168"}
	for name, headers := range map[string][]string{
		"no right to": {"Linkspan-Activities", "B0360"}, "no reason known": {"Linkspan-Break-Glass", "busy"},
		"no words": {"Linkspan-Break-Glass-Text", ""}, "the patient's no": {"Linkspan-Consent", "refused"},
	} {
		refusedNatively(t, "emisweb", e.askBeside("emisweb", whole, append(append([]string{}, glass...), headers...)...))
		require.NotEmpty(t, (<-e.outcomes).Reason, name)
	}
	answer := e.askBeside("emisweb", whole, glass...)
	require.Empty(t, (<-e.outcomes).Reason)
	require.Contains(t, string(answer), "<MedicalRecord")
	message, err := events.NextMsg(10 * time.Second)
	require.NoError(t, err)
	var told bridge.BreakGlassEvent
	require.NoError(t, json.Unmarshal(message.Data, &told))
	require.Equal(t, "unconscious", told.Why)
	require.Equal(t, "hwinterbourne", told.User)
	require.NotContains(t, string(message.Data), "Quillfeather")
	broken := 0
	for _, entry := range e.all() {
		if entry.Event == audit.EventBreakGlass {
			broken++
			require.Equal(t, told.Exchange, entry.Exchange)
			require.Equal(t, "unconscious", entry.BreakGlass)
			require.NotEmpty(t, entry.BreakGlassText)
			require.NotContains(t, entry.BreakGlassText, "daughter")
		}
	}
	require.Equal(t, 1, broken)
}

// TestDissentIsARefusal refuses the record of a patient whose practice has filed
// their no, and never shows an empty one (safety CS-09, IG-02).
func TestDissentIsARefusal(t *testing.T) {
	practice := stand(t, "emisweb", standin.Options{})
	filed := func(ctx context.Context, message []byte, from wire.Peer) []byte {
		return bytes.ReplaceAll(practice.Handle(ctx, message, from), []byte("EMISNQPR118"), []byte("93C1"))
	}
	e := start(t, setup{holders: map[string]wire.Handler{"emisweb": filed}})
	for _, file := range []string{"systmone-narrow.xml", "systmone-whole.xml"} {
		answer := e.ask("systmone", request(t, file))
		refusedNatively(t, "systmone", answer)
		require.Contains(t, string(answer), record.ReasonNoConsent.Words())
		require.Equal(t, record.ReasonNoConsent, (<-e.outcomes).Reason)
		_, last := e.audited()
		require.NotEmpty(t, last.Cause)
		require.Empty(t, last.Sections, "nothing was seen")
	}
}

// TestNobodyIsAnIndividual refuses an account that is no person's, and a request
// that names nobody (safety T-07).
func TestNobodyIsAnIndividual(t *testing.T) {
	e := start(t, setup{})
	for _, user := range []string{"admin", "SYSTEM", "", "0042"} {
		native := strings.Replace(string(request(t, "emisweb-full.xml")), ">hwinterbourne<", ">"+user+"<", 1)
		refusedNatively(t, "emisweb", e.ask("emisweb", []byte(native)))
		require.Equal(t, record.ReasonDenied, (<-e.outcomes).Reason, user)
	}
}

// TestAMessageIsTakenOnce refuses a message that was taken before, and audits
// that: at once and after a restart (safety SE-11, T-09).
func TestAMessageIsTakenOnce(t *testing.T) {
	for from, file := range askings {
		data := t.TempDir()
		native := fresh(request(t, file))
		again := func(e *economy) []byte {
			client := wire.NewClient(e.systems[from].Wire, e.Address(from), wire.ClientOptions{ThrottleDisabled: true})
			defer client.Close()
			answer, err := client.Do(t.Context(), native, nil)
			require.NoError(t, err)
			return answer
		}
		e := start(t, setup{config: func(c *bridge.Config) { c.Data = data }})
		again(e)
		require.Empty(t, (<-e.outcomes).Reason)
		refusedNatively(t, from, again(e))
		require.Equal(t, record.ReasonReplayed, (<-e.outcomes).Reason)
		require.NoError(t, e.Stop(t.Context()))
		e = start(t, setup{config: func(c *bridge.Config) { c.Data = data }})
		refusedNatively(t, from, again(e))
		require.Equal(t, record.ReasonReplayed, (<-e.outcomes).Reason)
		_, last := e.audited()
		require.Equal(t, string(record.ReasonReplayed), last.Reason)
		require.NotEmpty(t, last.PatientRef, "as much detail as of an answer")
	}
}

// TestLookUpsHaveABudget refuses whoever looks up patients that are not there,
// after the twenty-first (safety T-11).
func TestLookUpsHaveABudget(t *testing.T) {
	e := start(t, setup{})
	nobody := []byte(strings.ReplaceAll(string(request(t, "emisweb-full.xml")), "9998193036", "9990000018"))
	var reasons []record.Reason
	for range 22 {
		e.ask("emisweb", nobody)
		reasons = append(reasons, (<-e.outcomes).Reason)
	}
	require.NotContains(t, reasons[:21], record.ReasonLimited)
	require.Equal(t, record.ReasonLimited, reasons[21])
}

// TestReleasedByNumberAlone shows a record without comparing anything where the
// agreement says so, with a warning.
func TestReleasedByNumberAlone(t *testing.T) {
	without := func(a *governance.Agreement) {
		for name, side := range a.Sides {
			side.OwnCopy, side.Identity = governance.OwnCopyNone, governance.IdentityNumber
			a.Sides[name] = side
		}
	}
	for from, file := range askings {
		e := start(t, setup{agreement: without})
		answer := e.ask(from, request(t, file))
		outcome := <-e.outcomes
		require.Empty(t, outcome.Reason)
		require.Contains(t, string(answer), "the NHS number is the same; nothing else could be compared")
		codes := []string{}
		for _, w := range outcome.Report.Warnings {
			codes = append(codes, w.Code)
		}
		require.Contains(t, codes, string(record.WarnDemographics))
	}
}

// TestTheAgreementIsFollowed switches a direction off while the bridge runs, and
// has a change with a fault, or with another organisation, do nothing (safety
// IG-05).
func TestTheAgreementIsFollowed(t *testing.T) {
	var file string
	e := start(t, setup{config: func(c *bridge.Config) { file = c.Agreement },
		options: func(o bridge.Options) bridge.Options {
			return bridge.Paced(o, time.Second, time.Millisecond, time.Second)
		}})
	ask := func() record.Reason {
		e.ask("emisweb", request(t, "emisweb-full.xml"))
		return (<-e.outcomes).Reason
	}
	rewrite := func(change func(*governance.Agreement)) {
		a := agreement(pairs.EMISWebSystmOne())
		change(&a)
		text, err := json.Marshal(a)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, text, 0o600))
	}
	logged := func(word string) func() bool {
		return func() bool { return e.logs.FilterMessage("agreement").FilterFieldKey(word).Len() > 0 }
	}
	require.Empty(t, ask())
	rewrite(func(a *governance.Agreement) { a.Sides["emisweb"].Organisations[0].ODS = "X99009" })
	require.Eventually(t, logged("error"), 10*time.Second, time.Millisecond)
	require.Empty(t, ask(), "a change that cannot act does not")
	rewrite(func(a *governance.Agreement) { a.Enabled = map[string]string{"emisweb": "A"} })
	require.Eventually(t, logged("now"), 10*time.Second, time.Millisecond)
	require.Equal(t, record.ReasonDenied, ask())
	rewrite(func(*governance.Agreement) {})
	require.Eventually(t, func() bool { return ask() == "" }, 10*time.Second, time.Millisecond)
	changes, digests := 0, map[string]bool{}
	for _, entry := range e.all() {
		digests[entry.Config] = true
		if entry.Event == audit.EventConfig {
			changes++
		}
	}
	require.Equal(t, 2, changes)
	require.Len(t, digests, 2)
}

// TestOwnCopyIsReadBeforeTheHolderIsAsked asks the asker's own system for the
// patient's details alone, and the holder not at all where there are none.
func TestOwnCopyIsReadBeforeTheHolderIsAsked(t *testing.T) {
	for from, file := range askings {
		var own, asked overheard
		e := start(t, setup{holders: map[string]wire.Handler{
			from:         own.recording(stand(t, from, standin.Options{}).Handle),
			holder(from): asked.recording(stand(t, holder(from), standin.Options{}).Handle)}})
		e.ask(from, request(t, file))
		require.Empty(t, (<-e.outcomes).Reason)
		side, ok := link(t).Side(from)
		require.True(t, ok)
		q, err := side.Codec.DecodeRequest(t.Context(), own.message())
		require.NoError(t, err)
		require.Equal(t, record.SectionsOf(record.Demographics), q.Sections)
		require.NotEmpty(t, asked.message())

		asked.last.Store(nil)
		e.ask(from, []byte(strings.ReplaceAll(string(request(t, file)), "9998193036", "9990000018")))
		require.NotEmpty(t, (<-e.outcomes).Reason)
		require.Empty(t, asked.message(), "the holder was asked about somebody the asker does not know")
	}
}

// subscribe hears a subject on an existing server.
func subscribe(t *testing.T, url, subject string) *nats.Subscription {
	t.Helper()
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	sub, err := nc.SubscribeSync(subject)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return sub
}

// linkKeyFile is a file with a link key.
func linkKeyFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "link.key")
	require.NoError(t, os.WriteFile(file, []byte(spine.NewKey().Text()), 0o600))
	return file
}

// link makes the codecs of the pair with the usual settings.
func link(t *testing.T) *pairs.Link {
	t.Helper()
	pair := pairs.EMISWebSystmOne()
	flat := map[string]string{}
	for system, of := range settings {
		for name, value := range of {
			flat[system+"."+name] = value
		}
	}
	flat["emisweb.address"] = "http://127.0.0.1/ITK"
	options, err := bridge.CodecOptions(pair, flat)
	require.NoError(t, err)
	l, err := pairs.Open(pair, options)
	require.NoError(t, err)
	return l
}

// TestTheAuditIsWitnessed keeps what proves the log elsewhere: the signed
// checkpoint as an event, and with the edge the head of each answer's tree.
func TestTheAuditIsWitnessed(t *testing.T) {
	url, key := external(t), linkKeyFile(t)
	e := start(t, setup{config: func(c *bridge.Config) { c.NATS.URL, c.NATS.Plaintext, c.LinkKey = url, true, key }})
	events := subscribe(t, url, bridge.NewSubjects("test").Event("audit"))
	e.ask("emisweb", request(t, "emisweb-full.xml"))
	require.Empty(t, (<-e.outcomes).Reason)
	require.NoError(t, e.Stop(t.Context()))
	message, err := events.NextMsg(10 * time.Second)
	require.NoError(t, err)
	var event bridge.AuditEvent
	require.NoError(t, json.Unmarshal(message.Data, &event))
	checkpoint, err := audit.ParseCheckpoint(event.Checkpoint, event.Verifier)
	require.NoError(t, err)
	require.Equal(t, uint64(len(e.all())), checkpoint.Size)

	text, err := os.ReadFile(filepath.Join(e.data, "witness-emisweb.json"))
	require.NoError(t, err)
	witnesses := map[string]spine.Witness{}
	require.NoError(t, json.Unmarshal(text, &witnesses))
	seen := witnesses["one"]
	require.Less(t, seen.Seq, checkpoint.Size, "the stop is the last record")
	for head, holds := range map[string]bool{seen.TreeHead: true, checkpoint.Root: false} {
		verdict, err := audit.VerifyAgainst(t.Context(), filepath.Join(e.data, "audit"), "one",
			audit.Evidence{Witnesses: []audit.Receipt{{Seq: seen.Seq, TreeHead: head}}})
		if !holds {
			require.Error(t, err, "another tree")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, seen.Seq, verdict.Proven)
	}
}
