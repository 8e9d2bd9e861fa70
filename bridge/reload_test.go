package bridge

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/mapping/mapset"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/testdata"
)

// newKeeper is a keeper on a folder of its own, with no daemon around it.
func newKeeper(t *testing.T, now func() time.Time) (k *keeper, events *[]TablesEvent) {
	t.Helper()
	pair := pairs.EMISWebSystmOne()
	events = new([]TablesEvent)
	k = &keeper{folder: mapset.Open(t.TempDir()), rules: mapset.Policy{Pair: pair.Name, Check: pair.Check, Kept: 5}, instance: "one", now: now, log: zap.NewNop(), pace: usual,
		publish: func(_ string, event any) { *events = append(*events, event.(TablesEvent)) }}
	return k, events
}

// activate makes one local table of rows the draft and then the active set.
func (k *keeper) activate(t *testing.T, version string, rows ...string) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("# id: local\n# version: " + version + "\n# from: ctv3\n# to: readv2\n# layer: local\n# licence: our own\n# source: written by hand\n# author: Ada\n" +
		"source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\tvalid_from\tvalid_to\n")
	for _, row := range rows {
		text.WriteString(row + "\n")
	}
	require.NoError(t, os.WriteFile(filepath.Join(k.folder.Dir(), "local.tsv"), []byte(text.String()), 0o600))
	policy, faults := k.policy(t.Context())
	require.Empty(t, faults)
	report, err := k.folder.Activate(policy, "ada", k.now())
	require.NoError(t, err)
	require.NoError(t, report.Err())
	return report.Pointer.Digest
}

// localRow is a row of a measurement with a validity.
func localRow(source, target, from, to string) string {
	return source + "\t\tA measurement\t" + target + "\t00\tA measurement\tequivalent\tany\tno\t\t" + from + "\t" + to
}

// TestReloadLosesAndMixesNothing translates at least a thousand whole records
// from request to answer, through the real codecs and as fast as the machine
// does, while ten sets are activated, verified and swapped one after the other,
// one of them of 100,000 rows.
// Each translation takes the keeper's set once, as an exchange does: none fails,
// and each answer has the codes of exactly the set it names.
func TestReloadLosesAndMixesNothing(t *testing.T) {
	const atLeast, swaps, workers = 1000, 10, 8
	k, _ := newKeeper(t, time.Now)
	require.NoError(t, k.begin(t.Context()))
	stand, err := standin.New("systmone", testdata.Patients, standin.Options{})
	require.NoError(t, err)
	link, err := pairs.Open(pairs.EMISWebSystmOne(), map[string]system.Options{
		"emisweb":  {Settings: map[string]string{"user": "linkspan", "machine": "test"}},
		"systmone": {Settings: map[string]string{"api-key": "test-key", "device-id": "5ca1ab1e0ddba115", "device-version": "test"}}})
	require.NoError(t, err)
	request, err := testdata.Requests.ReadFile("requests/emisweb-full.xml")
	require.NoError(t, err)
	id := system.MessageID{ID: "7b0f8f0e-5f0f-4a52-9d5e-0f8b53a1c001", At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}

	// exchange is what one exchange does with the set, without wires and audit.
	exchange := func() (digest string, answer []byte, err error) {
		set := k.Set()
		asked, _, err := link.TranslateMessage(t.Context(), set, request, pairs.Offline{From: "emisweb", Message: pairs.MessageRequest, ID: id})
		if err != nil {
			return "", nil, err
		}
		answered := stand.Handle(t.Context(), asked, wire.Peer{})
		answer, _, err = link.TranslateMessage(t.Context(), set, answered, pairs.Offline{From: "systmone", Message: pairs.MessageResponse, ID: id})
		return set.Digest(), answer, err
	}

	codes := regexp.MustCompile(`9k[XYZ]([A-T])`)
	codedBy := regexp.MustCompile(`Code tables: ([0-9a-f]{16})\.`)
	letters := map[string]string{k.Set().Digest(): ""} // digest to the letter of its targets
	type done struct {
		digest string
		answer []byte
		err    error
	}
	var results [workers][]done
	var begun atomic.Int64
	var swapped atomic.Bool
	var all sync.WaitGroup
	started := time.Now()
	for w := range workers {
		all.Go(func() {
			for begun.Add(1) <= atLeast || !swapped.Load() {
				digest, answer, err := exchange()
				results[w] = append(results[w], done{digest, answer, err})
			}
		})
	}
	defer swapped.Store(true) // where an activation fails, the load ends too
	for n := range swaps {
		l := string(rune('A' + n))
		rows := []string{localRow("XaPbt", "9kX"+l+".", "", ""), localRow("XE2q5", "9kY"+l+".", "", ""), localRow("XE2pz", "9kZ"+l+".", "", "")}
		if n == swaps/2 {
			for i := range 100_000 {
				rows = append(rows, localRow("Z"+strconv.FormatInt(36*36*36+int64(i), 36), "9kW..", "", ""))
			}
		}
		digest := k.activate(t, l, rows...)
		letters[digest] = l
		k.lookActive(t.Context())
		require.Equal(t, digest, k.Set().Digest())
	}
	swapped.Store(true)
	all.Wait()
	took := time.Since(started)
	translations, lost, mixed, sets := 0, 0, 0, map[string]bool{}
	for _, r := range slices.Concat(results[:]...) {
		translations++
		letter, known := letters[r.digest]
		named := codedBy.FindSubmatch(r.answer)
		if r.err != nil || !known || named == nil {
			lost++
			continue
		}
		sets[r.digest] = true
		found := codes.FindAllSubmatch(r.answer, -1)
		other := slices.ContainsFunc(found, func(code [][]byte) bool { return string(code[1]) != letter })
		if string(named[1]) != r.digest[:16] || other || (letter == "") != (len(found) == 0) {
			mixed++
		}
	}
	require.GreaterOrEqual(t, translations, atLeast)
	require.Zero(t, lost, "translations lost")
	require.Zero(t, mixed, "translations with codes of two sets")
	require.Greater(t, len(sets), swaps/2, "the load went on while sets were swapped")
	t.Logf("%d translations in %d sets, %.0f a second, %d swaps; lost 0, mixed 0", translations, len(sets), float64(translations)/took.Seconds(), swaps)
}

// TestTheClockGoesBack puts a clock right that was days ahead: the rows of the
// right day are in force again, and not those of the day that was wrong.
func TestTheClockGoesBack(t *testing.T) {
	right := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	now := right
	k, events := newKeeper(t, func() time.Time { return now })
	k.activate(t, "1", localRow("XaPbt", "9kXA.", "2026-01-01", "2026-11-24"), localRow("XaPbt", "9kXB.", "2026-11-25", ""))
	now = right.AddDate(0, 0, 10)
	require.NoError(t, k.begin(t.Context()))
	require.Equal(t, "2026-12-02", k.inUse().Day)
	now = right
	k.lookActive(t.Context())
	require.Equal(t, "2026-11-22", k.inUse().Day)
	require.Equal(t, "2026-11-25", k.current.Load().until)
	require.Equal(t, reasonDay, (*events)[len(*events)-1].Reason)
	count := len(*events)
	k.lookActive(t.Context())
	require.Len(t, *events, count, "once")
}

// TestAnEventNamesTablesUpToABound keeps event.tables of a set of very many
// tables below what a NATS server takes.
func TestAnEventNamesTablesUpToABound(t *testing.T) {
	k, events := newKeeper(t, time.Now)
	require.NoError(t, k.begin(t.Context()))
	loaded := mapset.Loaded{Set: k.Set()}
	for n := range 5000 {
		loaded.Tables = append(loaded.Tables, mapset.Status{Entry: mapset.Entry{ID: fmt.Sprintf("%0100d", n), Version: "1", Layer: "local", From: "ctv3", To: "readv2", Rows: 1_500_000}})
	}
	k.use(loaded, k.today(), reasonChange)
	event := (*events)[len(*events)-1]
	require.Equal(t, 5000, event.TableCount)
	require.Len(t, event.Tables, maxEventTables)
	text, err := json.Marshal(event)
	require.NoError(t, err)
	require.Less(t, len(text), 256<<10)
}
