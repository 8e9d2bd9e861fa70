package bridge_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
)

// TestBothDirections carries a record each way over both real wires.
func TestBothDirections(t *testing.T) {
	for _, format := range []string{standin.FormatMedicalRecord, standin.FormatOpenHR} {
		e := start(t, setup{standins: map[string]standin.Options{"emisweb": {Format: format}}})
		for from, file := range askings {
			answer := e.ask(from, request(t, file))
			outcome := <-e.outcomes
			require.Empty(t, outcome.Reason, "%s %s", from, format)
			require.Contains(t, string(answer), "9998193036")
			require.NotEmpty(t, outcome.Report.Sections)
			for _, s := range outcome.Report.Sections {
				require.NotEqual(t, "failed", s.State, "%s: %s", from, s.Section)
				require.Equal(t, s.Source, s.Coded+s.Degraded+s.Withheld+s.Unsupported+s.Failed+s.Duplicate, s.Section)
			}
			require.NoError(t, xml.Unmarshal(answer, new(struct{})))
		}
		_, err := audit.Verify(filepath.Join(e.data, "audit"), "one")
		require.NoError(t, err)
	}
}

// TestNarrowedRequest asks EMIS Web, which cannot filter, for a part of the
// record: no more than that part is released.
func TestNarrowedRequest(t *testing.T) {
	e := start(t, setup{})
	answer := string(e.ask("systmone", request(t, "systmone-narrow.xml")))
	outcome := <-e.outcomes
	require.Empty(t, outcome.Reason)
	sections := map[string]string{}
	for _, s := range outcome.Report.Sections {
		sections[s.Section] = s.State
	}
	require.Contains(t, sections, "medication")
	require.Contains(t, sections, "allergies")
	require.NotContains(t, sections, "problems")
	require.Equal(t, "filtered", sections["medication"])
	require.NotEqual(t, "filtered", sections["allergies"], "allergies are never narrowed by date")
	require.NotContains(t, answer, "<ProblemUID>")
}

// TestHolderFaults has the holder answer badly in every way a stand-in can:
// the asker gets a clear native error, nothing of a record, and one log line.
func TestHolderFaults(t *testing.T) {
	faults := map[string]struct {
		options standin.Options
		reason  record.Reason
	}{
		"wrong patient": {standin.Options{WrongPatient: true}, record.ReasonWrongPatient},
		"no patient":    {standin.Options{NoPatient: true}, record.ReasonNoPatient},
		"truncated":     {standin.Options{Truncate: true}, record.ReasonBadAnswer},
		"malformed":     {standin.Options{Malformed: true}, record.ReasonBadAnswer},
		"silent":        {standin.Options{Silent: true}, record.ReasonTimeout},
		"slow":          {standin.Options{Latency: time.Hour}, record.ReasonTimeout},
	}
	for name, fault := range faults {
		for from, file := range askings {
			t.Run(name+" "+from, func(t *testing.T) {
				e := start(t, setup{standins: map[string]standin.Options{holder(from): fault.options}, config: func(c *bridge.Config) {
					if fault.reason == record.ReasonTimeout {
						c.Deadline = 300 * time.Millisecond
					}
				}})
				refusedNatively(t, from, e.ask(from, request(t, file)))
				if fault.reason == record.ReasonTimeout {
					require.NotZero(t, e.logs.Len())
					return // the edge may give up before or after the exchange role
				}
				require.Equal(t, fault.reason, (<-e.outcomes).Reason)
				e.loggedOnce()
			})
		}
	}
}

// TestNativeRefusalsCross carries the holder's own refusal in its own words
// where the agreement shows them; otherwise the words stay, for they may say
// that there is such a patient (safety CS-07).
func TestNativeRefusalsCross(t *testing.T) {
	const words = "The record is locked by another user."
	for from, file := range askings {
		for _, refusals := range []string{governance.Hidden, governance.Shown} {
			e := start(t, setup{standins: map[string]standin.Options{holder(from): {Error: words}}, agreement: func(a *governance.Agreement) {
				side := a.Sides[holder(from)]
				side.Refusals = refusals
				a.Sides[holder(from)] = side
			}})
			answer := e.ask(from, request(t, file))
			refusedNatively(t, from, answer)
			require.NotEmpty(t, (<-e.outcomes).Reason)
			require.Equal(t, refusals == governance.Shown, strings.Contains(string(answer), words), "%s %s", from, refusals)
		}
	}
}

// TestHolderBytes has the holder answer with given bytes.
func TestHolderBytes(t *testing.T) {
	answers := map[string]string{
		"not xml":         "record follows",
		"empty document":  " ",
		"wrong root":      "<Record/>",
		"wrong namespace": `<MedicalRecord xmlns="urn:other"><Registration/></MedicalRecord>`,
		"doctype":         `<!DOCTYPE r [<!ENTITY a "b">]><MedicalRecord xmlns="http://www.e-mis.com/emisopen/MedicalRecord">&a;</MedicalRecord>`,
		"deep":            strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000),
		"siblings":        "<r>" + strings.Repeat("<a/>", 1_000_000) + "</r>",
		"two records":     "<a/><a/>",
	}
	for name, text := range answers {
		for from, file := range askings {
			t.Run(name+" "+from, func(t *testing.T) {
				e := start(t, setup{holders: map[string]wire.Handler{holder(from): func(context.Context, []byte, wire.Peer) []byte { return []byte(text) }},
					config: func(c *bridge.Config) { c.Deadline = 3 * time.Second }})
				refusedNatively(t, from, e.ask(from, request(t, file)))
				require.NotEmpty(t, (<-e.outcomes).Reason)
			})
		}
	}
}

// TestRecordAboveTheLimit is refused natively, at the limit and not before.
func TestRecordAboveTheLimit(t *testing.T) {
	e := start(t, setup{
		holders: map[string]wire.Handler{"emisweb": func(context.Context, []byte, wire.Peer) []byte {
			return []byte("<MedicalRecord>" + strings.Repeat("<EventList></EventList>", 600_000) + "</MedicalRecord>")
		}}})
	answer := e.ask("systmone", request(t, "systmone-narrow.xml"))
	refusedNatively(t, "systmone", answer)
	require.Equal(t, record.ReasonTooLarge, (<-e.outcomes).Reason)
}

// TestBadRequests sends the bridge what no system should: every one is answered
// in the asker's own form.
func TestBadRequests(t *testing.T) {
	e := start(t, setup{})
	for from, file := range askings {
		whole := request(t, file)
		bad := map[string][]byte{
			"cut":        whole[:len(whole)-20],
			"wrong root": []byte("<Question/>"),
			"doctype":    append([]byte("<!DOCTYPE x>"), whole[bytes.IndexByte(whole, '>')+1:]...),
			"not xml":    []byte("hello\n"),
			"no patient": bytes.ReplaceAll(whole, []byte("9998193036"), nil),
			"bad number": bytes.ReplaceAll(whole, []byte("9998193036"), []byte("9998193037")),
		}
		for name, native := range bad {
			t.Run(name+" "+from, func(t *testing.T) {
				e.t = t
				refusedNatively(t, from, e.ask(from, native))
			})
		}
	}
}

// TestGovernance refuses what the agreement does not allow.
func TestGovernance(t *testing.T) {
	cases := map[string]func(*governance.Agreement){
		"not enabled":    func(a *governance.Agreement) { a.Enabled = map[string]string{} },
		"may not ask":    func(a *governance.Agreement) { s := a.Sides["systmone"]; s.Asks = false; a.Sides["systmone"] = s },
		"nobody named":   func(a *governance.Agreement) { delete(a.Sides["systmone"].Claims, "user") },
		"nothing shared": func(a *governance.Agreement) { s := a.Sides["emisweb"]; s.Shares = []string{}; a.Sides["emisweb"] = s },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			e := start(t, setup{agreement: change})
			refusedNatively(t, "systmone", e.ask("systmone", request(t, "systmone-narrow.xml")))
			require.Equal(t, record.ReasonDenied, (<-e.outcomes).Reason)
		})
	}
}

// TestLocate finds which of several organisations holds the patient's record;
// none and several are refused.
func TestLocate(t *testing.T) {
	two := func(a *governance.Agreement) {
		s := a.Sides["emisweb"]
		s.Organisations = append(s.Organisations, governance.Organisation{ODS: "X99003", Name: "Slipway Surgery"})
		a.Sides["emisweb"] = s
	}
	cases := map[string]struct {
		holds  []string
		reason record.Reason
	}{
		"one":     {[]string{"X99001"}, ""},
		"several": {[]string{"X99001", "X99003"}, record.ReasonNoTarget},
		"none":    {[]string{"X99009"}, record.ReasonNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := start(t, setup{agreement: two, standins: map[string]standin.Options{"emisweb": {Organisations: c.holds}}})
			answer := e.ask("systmone", request(t, "systmone-narrow.xml"))
			require.Equal(t, c.reason, (<-e.outcomes).Reason)
			if c.reason != "" {
				refusedNatively(t, "systmone", answer)
			}
		})
	}
}

// TestAuditFailureReleasesNothing breaks the audit log under a running bridge:
// the answer is a refusal that holds nothing of the record.
func TestAuditFailureReleasesNothing(t *testing.T) {
	e := start(t, setup{})
	require.NoError(t, e.BreakAudit())
	for from, file := range askings {
		refusedNatively(t, from, e.ask(from, request(t, file)))
		require.Equal(t, record.ReasonAudit, (<-e.outcomes).Reason)
	}
}

// TestAuditHoldsTheBytesReleased compares the last audit record with the answer
// the asker got, be it a record or the refusal of a message that cannot be read.
func TestAuditHoldsTheBytesReleased(t *testing.T) {
	for from, file := range askings {
		whole := request(t, file)
		for name, c := range map[string]struct {
			native []byte
			event  string
			reason record.Reason
		}{
			"answered": {whole, audit.EventAnswered, ""},
			"unread":   {bytes.ReplaceAll(whole, []byte("9998193036"), []byte("9998193037")), audit.EventRefused, record.ReasonNotFound},
		} {
			t.Run(name+" "+from, func(t *testing.T) {
				e := start(t, setup{})
				answer := e.ask(from, c.native)
				require.Equal(t, c.reason, (<-e.outcomes).Reason)
				asked, last := e.audited()
				require.Equal(t, audit.EventAsked, asked.Event)
				require.Equal(t, asked.Exchange, last.Exchange)
				require.Equal(t, c.event, last.Event)
				require.Equal(t, string(c.reason), last.Reason)
				sum := sha256.Sum256(answer)
				require.Equal(t, hex.EncodeToString(sum[:]), last.ContentSHA256)
				require.Equal(t, len(answer), last.Bytes)
				if from == "systmone" { // whose messages name neither
					require.Equal(t, "X99002", last.Organisation)
					require.Equal(t, governance.FromAgreement, last.Sources["organisation"])
					require.Equal(t, "hpenrose", last.User)
					require.Equal(t, governance.FromReadBack, last.Sources["user"])
				}
			})
		}
	}
}

// TestAuditNamesNoPatient looks for the patient in everything the audit wrote.
func TestAuditNamesNoPatient(t *testing.T) {
	e := start(t, setup{})
	e.ask("emisweb", request(t, askings["emisweb"]))
	require.Empty(t, (<-e.outcomes).Reason)
	files, err := filepath.Glob(filepath.Join(e.data, "audit", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(text), "9998193036")
		require.NotContains(t, string(text), "Quillfeather")
	}
}
