package bridge

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// gateway answers like a MIG that has to be asked view by view.
type gateway struct {
	record  []byte
	without string // the data set that is not offered
	silent  string // the data set that gets no answer
	busy    bool   // nobody says where the patient is

	mu          sync.Mutex
	asked       []string
	now, atOnce int
}

func (g *gateway) answer(_ context.Context, msg []byte, from wire.Peer) []byte {
	g.mu.Lock()
	g.now++
	g.atOnce = max(g.atOnce, g.now)
	g.mu.Unlock()
	defer func() { g.mu.Lock(); g.now--; g.mu.Unlock() }()
	_, rest, _ := strings.Cut(string(msg), "<dataSet>")
	set, _, _ := strings.Cut(rest, "<")
	g.mu.Lock()
	g.asked = append(g.asked, set)
	g.mu.Unlock()
	const head = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><locatePatientResponse xmlns="urn:linkspan:mig:profile:v1"><serviceHeader/><serviceContent>`
	const foot = `</serviceContent></locatePatientResponse></soap:Body></soap:Envelope>`
	switch {
	case g.busy:
		return []byte(head + `<error><code>BUSY</code></error>` + foot)
	case set == "":
		sets := ""
		for _, s := range []string{"PROBLEMS", "DIAGNOSIS", "MEDICATION", "RISKS_AND_WARNINGS", "PROCEDURES", "INVESTIGATIONS", "EXAMINATION", "EVENTS", "PATIENT_DETAILS"} {
			if s != g.without {
				sets += "<dataSet>" + s + "</dataSet>"
			}
		}
		return []byte(head + `<location><nationalCode>X99001</nationalCode>` + sets + `</location>` + foot)
	case set == g.silent:
		return []byte("<html>Gateway time-out</html>")
	}
	return g.record
}

// reads has an edge read nora's record from a gateway.
func (g *gateway) reads(t *testing.T) (record.Response, error) {
	t.Helper()
	native, err := os.ReadFile("../testdata/patients/nora-quillfeather/mig.response.xml")
	require.NoError(t, err)
	g.record = native
	var mig system.System
	for _, s := range pairs.Systems() {
		if s.Name == "mig" {
			mig = s
		}
	}
	codec, err := mig.New(system.Options{Settings: map[string]string{"calls": "each"}})
	require.NoError(t, err)
	listener, err := wire.Listen(t.Context(), mig.Wire, "127.0.0.1:0", g.answer, wire.ListenOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Shutdown(context.WithoutCancel(t.Context()))) })
	client := wire.NewClient(mig.Wire, listener.Addr().String(), wire.ClientOptions{})
	t.Cleanup(client.Close)
	e := &edge{side: pairs.Side{System: mig, Codec: codec}, client: client, atOnce: 3}
	number, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	q := &record.Request{Patient: record.Identity{NHS: number}, Target: "X99001", Sections: record.AllSections, Whole: true,
		Requester: record.Requester{User: "hwinterbourne", Consent: "patient-present"}}
	request, err := codec.EncodeRequest(q, system.MessageID{ID: "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10", At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	body, err := e.put(t.Context(), request, q)
	if err != nil {
		return record.Response{}, err
	}
	answer, err := codec.DecodeResponse(t.Context(), body)
	if rec := answer.Record(); rec != nil {
		rec.CarryExact()
		rec.Settle(record.AllSections)
	}
	return answer, err
}

// TestOneRecordInSeveralCalls asks where the patient is and then for each view,
// some at once: what several views hold is one entry, what no view holds whole
// is not said to be, and the rest is complete.
func TestOneRecordInSeveralCalls(t *testing.T) {
	g := &gateway{}
	answer, err := g.reads(t)
	require.NoError(t, err)
	rec := answer.Record()
	require.NotNil(t, rec)
	require.Greater(t, len(g.asked), 5)
	require.Empty(t, g.asked[0])
	require.LessOrEqual(t, g.atOnce, 3)
	require.Equal(t, record.Complete, rec.State(record.Problems), rec.Faults(record.Problems))
	require.Equal(t, record.Complete, rec.State(record.Allergies))
	require.Equal(t, record.Filtered, rec.State(record.Observations))
	require.Equal(t, record.NotRetrievable, rec.State(record.FamilyHistory))
	for _, s := range record.Sections() {
		require.True(t, rec.Tally(s).Balanced(), s)
	}
	twice := rec.Tally(record.Problems)
	require.NotZero(t, twice.Outcomes[record.Duplicate])
	require.Equal(t, twice.Source, twice.Outcomes[record.Duplicate]+twice.Coded())
}

// TestACallWithoutAnAnswer fails the sections of its view and does not pass for
// an empty one.
func TestACallWithoutAnAnswer(t *testing.T) {
	for _, g := range []*gateway{{silent: "RISKS_AND_WARNINGS"}, {without: "RISKS_AND_WARNINGS"}} {
		answer, err := g.reads(t)
		require.NoError(t, err)
		require.NotContains(t, []record.State{record.Complete, record.NothingRecorded}, answer.Record().State(record.Allergies))
	}
}

// TestNobodySaysWhereThePatientIs is the gateway's own refusal.
func TestNobodySaysWhereThePatientIs(t *testing.T) {
	answer, err := (&gateway{busy: true}).reads(t)
	require.NoError(t, err)
	require.NotNil(t, answer.Failure())
	require.False(t, answer.Failure().Permanent())
}
