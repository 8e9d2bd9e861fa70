package bridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/mapping/mapset"
	"github.com/linkspan/linkspan/mapping/traffic"
	"github.com/linkspan/linkspan/pairs"
)

// tables is a folder of mapping tables beside an economy on a NATS server of its
// own, whose events the test hears.
type tables struct {
	t      *testing.T
	url    string
	nc     *nats.Conn
	key    string
	folder *mapset.Folder
	events chan bridge.TablesEvent
}

// prepare makes the folder's name, not the folder, and listens before anything
// is said.
func prepare(t *testing.T, url string) *tables {
	t.Helper()
	s := &tables{t: t, url: url, key: filepath.Join(t.TempDir(), "link.key"), folder: mapset.Open(filepath.Join(t.TempDir(), "tables")), events: make(chan bridge.TablesEvent, 1000)}
	require.NoError(t, os.WriteFile(s.key, []byte(strings.Repeat("ab", 32)), 0o600))
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(time.Millisecond, time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s.nc = nc
	_, err = nc.Subscribe("linkspan.test.event.tables", func(m *nats.Msg) {
		var event bridge.TablesEvent
		if json.Unmarshal(m.Data, &event) == nil {
			s.events <- event
		}
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return s
}

// start starts an economy that uses the folder, at a pace for tests.
func (s *tables) start(more setup) *economy {
	s.t.Helper()
	given := more.config
	more.config = func(c *bridge.Config) {
		c.NATS.URL, c.NATS.Plaintext, c.LinkKey, c.Tables = s.url, true, s.key, s.folder.Dir()
		if given != nil {
			given(c)
		}
	}
	if more.options == nil {
		more.options = quick
	}
	return start(s.t, more)
}

// quick looks at what changed at once, and never without a change.
func quick(o bridge.Options) bridge.Options {
	return bridge.Paced(o, 20*time.Millisecond, time.Hour, time.Hour)
}

// await is the next event of a state; others may come before it.
func (s *tables) await(state string) bridge.TablesEvent {
	s.t.Helper()
	return s.when(func(e bridge.TablesEvent) bool { return e.State == state })
}

func (s *tables) when(want func(bridge.TablesEvent) bool) bridge.TablesEvent {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case event := <-s.events:
			if want(event) {
				return event
			}
		case <-deadline:
			s.t.Fatal("no such event")
		}
	}
}

// policy is that of a test economy.
func policy(t *testing.T) mapset.Policy {
	t.Helper()
	pair := pairs.EMISWebSystmOne()
	return mapset.Policy{Pair: pair.Name, Check: pair.Check, Day: time.Now().Format(time.DateOnly)}
}

// local is the text of a local table from CTV3 to Read v2. A row is "source
// target", its other columns as given or as usual.
func local(version string, rows ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# id: local-ctv3-readv2\n# version: %s\n# from: ctv3\n# to: readv2\n# layer: local\n# licence: our own\n# source: written by hand\n# author: Ada\n", version)
	b.WriteString("source_code\tsource_term_code\tsource_term\ttarget_code\ttarget_term_code\ttarget_term\trelation\tcontext\tassured\treason\tvalid_from\tvalid_to\n")
	for _, row := range rows {
		cells := append(strings.Fields(row), "", "")
		fmt.Fprintf(&b, "%s\t\tA measurement\t%s\t00\tA measurement\tequivalent\tany\tno\t\t%s\t%s\n", cells[0], cells[1], cells[2], cells[3])
	}
	return b.String()
}

func (s *tables) draft(text string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(s.folder.Dir(), 0o700))
	require.NoError(s.t, os.WriteFile(filepath.Join(s.folder.Dir(), "local.tsv"), []byte(text), 0o600))
}

// activate makes the drafts active, as linkspan tables activate does, and
// returns the digest.
func (s *tables) activate(by string) string {
	s.t.Helper()
	report, err := s.folder.Activate(policy(s.t), by, time.Now())
	require.NoError(s.t, err)
	require.NoError(s.t, report.Err())
	return report.Pointer.Digest
}

// inUse asks every instance which set it uses.
func (s *tables) inUse() bridge.TablesInUse {
	s.t.Helper()
	answer, err := s.nc.Request("linkspan.test.tables", nil, 10*time.Second)
	require.NoError(s.t, err)
	var use bridge.TablesInUse
	require.NoError(s.t, json.Unmarshal(answer.Data, &use))
	return use
}

// TestTablesAreActivatedWhileTheBridgeRuns goes the way of a supplier engineer:
// a folder that is not there yet, a draft, a fault in it, the mending, the
// activation, its effect on an exchange, and the way back.
func TestTablesAreActivatedWhileTheBridgeRuns(t *testing.T) {
	s := prepare(t, external(t))
	e := s.start(setup{})
	started := s.await(bridge.TablesActive)
	require.Equal(t, "start", started.Reason)
	require.Equal(t, "one", started.Instance)
	require.NotEmpty(t, started.Tables)
	require.Empty(t, started.Previous)
	require.Equal(t, started.Digest, s.inUse().MapSet)

	s.draft(local("1", "XaPbt 9kXA."))
	draft := s.await(bridge.TablesDraft)
	require.Equal(t, started.Digest, draft.Previous)
	require.Equal(t, 1, draft.Added+draft.Retargeted)

	s.draft(local("1", "XaPbt 9kXA.", "XE2q5 9kX"))
	bad := s.await(bridge.TablesDraftRefused)
	require.Equal(t, 1, bad.FaultCount)
	require.Equal(t, filepath.Join(s.folder.Dir(), "local.tsv"), bad.Faults[0].File)
	require.Equal(t, 11, bad.Faults[0].Line)
	require.NotEmpty(t, bad.Faults[0].Mend)
	require.Equal(t, started.Digest, s.inUse().MapSet, "drafts touch nothing")

	s.draft(local("1", "XaPbt 9kXA."))
	s.await(bridge.TablesDraft)
	digest := s.activate("ada")
	active := s.await(bridge.TablesActive)
	require.Equal(t, "change", active.Reason)
	require.Equal(t, digest, active.Digest)
	require.Equal(t, draft.Digest, active.Digest)
	require.Equal(t, started.Digest, active.Previous)
	require.Equal(t, "ada", active.By)
	require.Equal(t, 1, active.Added+active.Retargeted)
	require.Contains(t, active.Tables, bridge.TableInSet{ID: "local-ctv3-readv2", Version: "1", Layer: "local", From: "ctv3", To: "readv2", Rows: 1})

	use := s.inUse()
	require.Equal(t, digest, use.MapSet)
	require.Equal(t, "ada", use.By)
	require.Nil(t, use.Refused)
	require.Contains(t, s.stats(), digest)
	answer := string(e.ask("emisweb", request(t, "emisweb-full.xml")))
	require.Equal(t, digest, (<-e.outcomes).MapSet)
	require.Contains(t, answer, "9kXA")
	require.Contains(t, answer, digest[:16])
	asked, answered := e.audited()
	require.Equal(t, digest, asked.MapSet)
	require.Equal(t, digest, answered.MapSet)

	_, err := s.folder.Rollback(policy(t), "", "ben", time.Now())
	require.NoError(t, err)
	back := s.await(bridge.TablesActive)
	require.Equal(t, started.Digest, back.Digest)
	require.Equal(t, "ben", back.By)
	require.Equal(t, 1, back.Removed+back.Retargeted)
	require.NotContains(t, string(e.ask("emisweb", request(t, "emisweb-full.xml"))), "9kXA")
	require.Equal(t, started.Digest, (<-e.outcomes).MapSet)
}

// stats is what the exchange role says in $SRV.STATS.
func (s *tables) stats() string {
	s.t.Helper()
	answer, err := s.nc.Request("$SRV.STATS.linkspan", nil, 10*time.Second)
	require.NoError(s.t, err)
	var stats micro.Stats
	require.NoError(s.t, json.Unmarshal(answer.Data, &stats))
	return string(stats.Endpoints[0].Data)
}

// TestAFaultySetNeverActs does to the pointer and the kept sets what can be done
// to files: the running set stays and the fault is published, once.
func TestAFaultySetNeverActs(t *testing.T) {
	s := prepare(t, external(t))
	s.draft(local("1", "XaPbt 9kXA."))
	first := s.activate("ada")
	s.start(setup{})
	require.Equal(t, first, s.await(bridge.TablesActive).Digest)
	pointer := filepath.Join(s.folder.SetsDir(), "ACTIVE")
	good, err := os.ReadFile(pointer)
	require.NoError(t, err)
	write := func(text string) { require.NoError(t, os.WriteFile(pointer, []byte(text), 0o600)) }
	for name, harm := range map[string]func(){
		"half a pointer": func() { write(string(good[:len(good)/2])) },
		"no set":         func() { write(strings.ReplaceAll(string(good), first, strings.Repeat("ab", 32))) },
		"no pointer":     func() { require.NoError(t, os.Remove(pointer)) },
		"a changed table": func() {
			file := filepath.Join(s.folder.SetsDir(), first[:16], "local.tsv")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), "9kXA", "9kXB", 1)), 0o400))
			write(string(good) + "\n") // what was kept is read when it is pointed to
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			harm()
			refused := s.await(bridge.TablesRefused)
			require.Equal(t, first, refused.Previous)
			require.NotEmpty(t, refused.Faults)
			require.NotEmpty(t, refused.Faults[0].Mend)
			use := s.inUse()
			require.Equal(t, first, use.MapSet)
			require.NotNil(t, use.Refused)
			require.NoError(t, os.WriteFile(filepath.Join(s.folder.Dir(), "local.tsv"), []byte(local("1", "XaPbt 9kXA.")), 0o600))
			s.activate("ada")
			require.Equal(t, first, s.await(bridge.TablesActive).Digest)
			require.Nil(t, s.inUse().Refused)
			for len(s.events) > 0 {
				require.NotEqual(t, bridge.TablesRefused, (<-s.events).State, "said once")
			}
		})
	}
}

// TestNoStartWithoutASoundSet refuses to start where there is nothing sound to
// start with, and names the remedy.
func TestNoStartWithoutASoundSet(t *testing.T) {
	s := prepare(t, external(t))
	refused := func(want string, change func(*bridge.Config)) {
		t.Helper()
		data := t.TempDir()
		agreement := filepath.Join(data, "agreement.json")
		require.NoError(t, os.WriteFile(agreement, []byte(`{"economy": "test", "pair": "emisweb-systmone", "enabled": {}, "sides": {
			"emisweb": {"organisations": [{"ods": "X99001", "name": ""}], "asks": true, "shares": []},
			"systmone": {"organisations": [{"ods": "X99002", "name": ""}], "asks": true, "shares": []}}}`), 0o600))
		c := bridge.Config{Economy: "test", Pair: "emisweb-systmone", Environment: bridge.EnvironmentTest, Instance: "one", Roles: []string{bridge.RoleExchange},
			Agreement: agreement, Data: data, RecordLimit: 1 << 20, Deadline: time.Second, Slots: 1, Tables: s.folder.Dir()}
		c.NATS.URL, c.NATS.Plaintext, c.LinkKey = s.url, true, s.key
		c.Sides = map[string]bridge.SideConfig{"emisweb": {Settings: settings["emisweb"], Address: "127.0.0.1:1"}, "systmone": {Settings: settings["systmone"]}}
		change(&c)
		_, err := bridge.Start(t.Context(), c, bridge.Options{})
		require.ErrorContains(t, err, want)
	}
	refused("linkspan tables activate", func(c *bridge.Config) { c.Environment = bridge.EnvironmentLive })
	refused("LINKSPAN_TABLES", func(c *bridge.Config) { c.Environment, c.Tables = bridge.EnvironmentLive, "" })
	refused("LINKSPAN_DICTIONARIES", func(c *bridge.Config) { c.Dictionaries = []string{filepath.Join(t.TempDir(), "gone")} })
	s.draft(local("1", "XaPbt 9kXA."))
	digest := s.activate("ada")
	require.NoError(t, os.RemoveAll(filepath.Join(s.folder.SetsDir(), digest[:16])))
	refused("linkspan tables rollback", func(*bridge.Config) {})
}

// TestAFolderThatTellsNothingIsPolled finds a new set where no event of the file
// system is acted on, as on a network drive.
func TestAFolderThatTellsNothingIsPolled(t *testing.T) {
	s := prepare(t, external(t))
	s.start(setup{options: func(o bridge.Options) bridge.Options {
		return bridge.Paced(o, time.Hour, 10*time.Millisecond, time.Hour)
	}})
	s.await(bridge.TablesActive)
	s.draft(local("1", "XaPbt 9kXA."))
	digest := s.activate("ada")
	require.Equal(t, digest, s.await(bridge.TablesActive).Digest)
}

// TestTheDayOfTranslationPasses lets midnight come, on which one row ends and
// another begins.
// A set is judged again by dictionaries that changed, and a refusal ends with
// its cause.
func TestDictionariesAreLookedAtAgain(t *testing.T) {
	s := prepare(t, external(t))
	words := filepath.Join(t.TempDir(), "words.tsv")
	say := func(term string) {
		text := "scheme\tcode\tterm_code\tterm\tactive\nctv3\tXE0Uc\t\t" + term + "\tyes\n"
		require.NoError(t, os.WriteFile(words+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(words+".new", words))
	}
	say("A measurement")
	s.draft(local("1", "XE0Uc G20.."))
	digest := s.activate("one")
	s.start(setup{config: func(c *bridge.Config) { c.Dictionaries = []string{words} },
		options: func(o bridge.Options) bridge.Options {
			return bridge.Paced(o, 20*time.Millisecond, 50*time.Millisecond, time.Hour)
		}})
	require.Equal(t, digest, s.await(bridge.TablesActive).Digest)
	say("FH: Hypertension")
	refused := s.await(bridge.TablesRefused)
	require.Contains(t, refused.Faults[0].What, "family-history")
	require.Equal(t, digest, s.inUse().MapSet, "the running set stays")
	say("A measurement")
	require.Equal(t, digest, s.await(bridge.TablesActive).Digest)
	require.Nil(t, s.inUse().Refused)
}

func TestTheDayOfTranslationPasses(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	require.NoError(t, err)
	eve := time.Date(2026, 11, 22, 23, 59, 57, 0, london)
	s := prepare(t, external(t))
	s.draft(local("1", "XaPbt 9kXA. 2026-01-01 2026-11-22", "XaPbt 9kXB. 2026-11-23", "XE2q5 9kXC."))
	p := policy(t)
	p.Day = eve.Format(time.DateOnly)
	report, err := s.folder.Activate(p, "ada", eve)
	require.NoError(t, err)
	require.NoError(t, report.Err())
	begun := time.Now()
	e := s.start(setup{options: func(o bridge.Options) bridge.Options {
		o.Now = func() time.Time { return eve.Add(time.Since(begun)) }
		return quick(o)
	}})
	started := s.await(bridge.TablesActive)
	require.Equal(t, "2026-11-22", started.Day)
	require.Equal(t, "2026-11-23", started.Until)
	next := s.await(bridge.TablesActive)
	require.Equal(t, "day", next.Reason)
	require.Equal(t, "2026-11-23", next.Day)
	require.Empty(t, next.Until)
	require.Equal(t, started.Digest, next.Digest, "the files are the same")
	require.Equal(t, 1, next.Retargeted)
	require.Equal(t, "2026-11-23", s.inUse().Day)
	answer := string(e.ask("emisweb", request(t, "emisweb-full.xml")))
	<-e.outcomes
	require.NotContains(t, answer, "9kXA")
	require.Contains(t, answer, "9kXB")
}

var (
	marked  = regexp.MustCompile(`9k[XYZ]([A-T])`)
	codedBy = regexp.MustCompile(`Code tables: ([0-9a-f]{16})\.`)
)

// TestReloadUnderLoad activates twenty sets while records are exchanged. Each
// set gives three codes a target with its own letter. Every request is answered,
// and every answer has the codes of exactly the set it names.
func TestReloadUnderLoad(t *testing.T) {
	const swaps, atLeast, askers = 20, 200, 8
	s := prepare(t, external(t))
	e := s.start(setup{config: func(c *bridge.Config) { c.Slots = 64 }})
	starter := s.await(bridge.TablesActive).Digest
	letters := map[string]string{starter[:16]: ""} // by the digest as answers show it
	var answers [][]byte
	var mu sync.Mutex
	var done atomic.Bool
	var asked atomic.Int64
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			for !done.Load() || asked.Load() < atLeast {
				asked.Add(1)
				answer := e.ask("emisweb", request(t, "emisweb-full.xml"))
				mu.Lock()
				answers = append(answers, answer)
				mu.Unlock()
			}
		})
	}
	outcomes := make(chan int)
	go func() {
		n := 0
		for range e.outcomes {
			n++
		}
		outcomes <- n
	}()
	for n := range swaps {
		l := string(rune('A' + n))
		s.draft(local(fmt.Sprint(n), "XaPbt 9kX"+l+".", "XE2q5 9kY"+l+".", "XE2pz 9kZ"+l+"."))
		digest := s.activate("ada")
		letters[digest[:16]] = l
		s.when(func(event bridge.TablesEvent) bool {
			return event.State == bridge.TablesActive && event.Digest == digest
		})
	}
	done.Store(true)
	all.Wait()
	require.NoError(t, e.Stop(context.Background()))
	close(e.outcomes)
	require.Equal(t, len(answers), <-outcomes, "every exchange came to an end")
	require.GreaterOrEqual(t, len(answers), atLeast)
	seen := map[string]int{}
	for _, answer := range answers {
		by := codedBy.FindSubmatch(answer)
		require.NotNil(t, by, "an answer without a record: %.300s", answer)
		letter, known := letters[string(by[1])]
		require.True(t, known, "a set that never was active")
		codes := marked.FindAllSubmatch(answer, -1)
		require.Equal(t, letter == "", len(codes) == 0)
		for _, code := range codes {
			require.Equal(t, letter, string(code[1]), "codes of two sets in one answer")
		}
		seen[letter]++
	}
	require.Greater(t, len(seen), swaps/2, "the load went on while sets were swapped")
	sets, events := map[string]string{}, 0
	_, err := audit.Read(filepath.Join(e.data, "audit"), "one", func(_ audit.Receipt, entry audit.Entry) error {
		if entry.Exchange == "" {
			return nil
		}
		if first, ok := sets[entry.Exchange]; ok {
			require.Equal(t, first, entry.MapSet, "one exchange, one set")
			require.Equal(t, audit.EventAnswered, entry.Event)
		}
		sets[entry.Exchange] = entry.MapSet
		events++
		return nil
	})
	require.NoError(t, err)
	require.Len(t, sets, len(answers))
	require.Equal(t, 2*len(answers), events)
}

// TestUnmappedTrafficIsAWorkList carries a record twice, and once more after a
// restart: every code no row decides is an event the first time ever, and the
// counts are kept, without anything of the patient.
func TestUnmappedTrafficIsAWorkList(t *testing.T) {
	s := prepare(t, external(t))
	data := t.TempDir()
	heard := make(chan *nats.Msg, 1000)
	_, err := s.nc.ChanSubscribe("linkspan.test.event.>", heard)
	require.NoError(t, err)
	require.NoError(t, s.nc.Flush())
	// exchange carries the record and returns the first sightings that were told.
	exchange := func(e *economy) (told map[string]bool, report pairs.Report) {
		told = map[string]bool{}
		e.ask("emisweb", request(t, "emisweb-full.xml"))
		for {
			select {
			case m := <-heard:
				switch m.Subject {
				case "linkspan.test.event.exchange":
					return told, (<-e.outcomes).Report
				case "linkspan.test.event.unmapped":
					var u bridge.UnmappedEvent
					require.NoError(t, json.Unmarshal(m.Data, &u))
					require.Equal(t, "one", u.Instance)
					require.NotEmpty(t, u.To)
					told[u.Scheme+" "+u.Code+u.TermCode+" "+u.Kind] = true
				}
			case <-time.After(20 * time.Second):
				t.Fatal("no event of the exchange")
			}
		}
	}
	counts := func() map[string]int {
		log, damage, err := traffic.Load(filepath.Join(data, traffic.FileName))
		require.NoError(t, err)
		require.Nil(t, damage)
		counts := map[string]int{}
		for _, seen := range log.Seen() {
			if seen.Unmapped > 0 {
				counts[string(seen.Code.Scheme)+" "+seen.Code.Value+seen.Code.TermCode+" "+seen.Kind] += seen.Unmapped
			}
		}
		return counts
	}
	keep := setup{config: func(c *bridge.Config) {
		text, err := os.ReadFile(c.Agreement)
		require.NoError(t, err)
		c.Data, c.Agreement = data, filepath.Join(data, "agreement.json")
		require.NoError(t, os.WriteFile(c.Agreement, text, 0o600))
	}}
	e := s.start(keep)
	told, report := exchange(e)
	require.NotEmpty(t, told)
	expected := map[string]int{}
	for _, u := range report.Unmapped {
		name := u.Scheme + " " + u.Code + " " + u.Kind
		expected[name] = u.Count
		require.True(t, told[name], name)
	}
	require.Len(t, told, len(expected))
	told, _ = exchange(e)
	require.Empty(t, told, "only the first time")
	require.NoError(t, e.Stop(context.Background()))
	for name, n := range counts() {
		require.Equal(t, 2*expected[name], n, name)
	}
	text, err := os.ReadFile(filepath.Join(data, traffic.FileName))
	require.NoError(t, err)
	for _, word := range []string{"9998193036", "Quillfeather", "Harbour", "wellbeing"} {
		require.NotContains(t, string(text), word)
	}

	e = s.start(keep)
	told, _ = exchange(e)
	require.Empty(t, told, "first is remembered")
	require.NoError(t, e.Stop(context.Background()))
	for name, n := range counts() {
		require.Equal(t, 3*expected[name], n, name)
	}
}
