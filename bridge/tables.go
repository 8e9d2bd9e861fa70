package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/tablesync"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/dictionary"
	"github.com/linkspan/linkspan/mapping/mapset"
	"github.com/linkspan/linkspan/pairs"
)

// LoadTables builds a map set outside the daemon, as for linkspan translate: the
// starter tables where allowed, and those of the directories, each in the layer
// it states, local where it states none. Nobody need have approved or activated
// them. Every fault of every table is reported at once, and with a fault there
// is no set.
func LoadTables(dirs []string, starter bool) (*mapping.Set, error) {
	var tables []*mapping.Table
	if starter {
		own, err := mapping.Starter()
		if err != nil {
			return nil, err
		}
		tables = own
	}
	var faults []error
	for _, dir := range dirs {
		loaded, found := mapping.Load(os.DirFS(dir), ".", mapping.Options{Layer: mapping.LocalLayer})
		for _, f := range found {
			f.File = filepath.Join(dir, f.File)
			faults = append(faults, f)
		}
		for _, t := range loaded {
			t.File = filepath.Join(dir, t.File)
		}
		tables = append(tables, loaded...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("tables refused:\n%w", err)
	}
	set, found := mapping.NewSet(tables...)
	for _, f := range found {
		faults = append(faults, f)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("tables refused:\n%w", err)
	}
	return set, nil
}

// keeper keeps the map set in force. It loads the active set at the start and
// then follows whatever says which set is active, the tables folder or the
// pointer in NATS: it parses and checks the new set beside the running one and
// swaps a pointer. A set with any fault is refused and the running one stays.
// Everything it does is an event.
type keeper struct {
	folder       *mapset.Folder
	rules        mapset.Policy // without day and dictionary
	dictionaries []string
	instance     string
	publish      func(kind string, event any)
	now          func() time.Time
	log          *zap.Logger
	pace         pace
	remote       *remote // nil where the folder itself says which set is active
	// asks are done by the goroutine that keeps, between its own looks.
	asks  chan func(context.Context)
	ended chan struct{} // closed when it keeps no longer

	current atomic.Pointer[inForce]
	refused atomic.Pointer[time.Time] // since when a change is refused; nil where the last was taken

	// Of the goroutine that keeps: what was looked at last.
	seen, drafts mark
}

// remote is the pointer in NATS as this instance follows it.
type remote struct {
	nc    *nats.Conn
	place tablesync.Place
	last  tablesync.Pointer // the one that was used or refused last
	apart bool              // the servers could not be asked
}

// inForce is the set in force and where it comes from. It does not change.
type inForce struct {
	set     *mapping.Set
	pointer mapset.Pointer // zero for the starter tables alone
	day     string         // whose rows are in force
	until   string         // the first day on which they are not, "" for never
	since   time.Time      // when this instance began to use it
	count   int            // tables of the set
	signed  int            // those with every approval they need
}

// Set is the set in force, for one exchange from its first byte to its last.
func (k *keeper) Set() *mapping.Set { return k.current.Load().set }

// TablesInUse is what an instance answers about its map set, in $SRV.STATS and
// on the tables subject.
type TablesInUse struct {
	Instance string    `json:"instance"`
	MapSet   string    `json:"map_set"` // digest
	Since    time.Time `json:"since"`   // in use on this instance
	By       string    `json:"by,omitempty"`
	// Day is the day of translation whose rows are in force.
	Day string `json:"day"`
	// Refused is since when a newer set, or a change of what is active, is
	// refused; events say why.
	Refused *time.Time `json:"refused,omitempty"`
}

func (k *keeper) inUse() TablesInUse {
	c := k.current.Load()
	return TablesInUse{Instance: k.instance, MapSet: c.set.Digest(), Since: c.since, By: c.pointer.By, Day: c.day, Refused: k.refused.Load()}
}

// tableKeeper is a keeper of the tables folder, by whose rules a set is judged.
func (c *Config) tableKeeper(pair pairs.Pair, g *agreed, now func() time.Time) *keeper {
	dir := c.Tables
	if dir != "" {
		dir = filepath.Clean(dir) // as the watch names what is in it
	}
	k := &keeper{folder: mapset.Open(dir), dictionaries: c.Dictionaries, instance: c.Instance, now: now, log: zap.NewNop(),
		rules: mapset.Policy{Pair: c.Pair, Live: c.Environment == EnvironmentLive, Check: pair.Check, Kept: c.TableSets}}
	for _, a := range g.now().Approvers {
		k.rules.Approvers = append(k.rules.Approvers, mapset.Approver{Key: a.Key, Role: a.Role})
	}
	return k
}

// startTables loads the set to start with, and keeps it from then on.
func (b *Bridge) startTables(ctx context.Context) (*keeper, error) {
	c := b.config
	k := c.tableKeeper(b.link.Pair, b.agreed, b.now)
	k.publish, k.log, k.pace = b.publish, b.log, b.pace
	k.asks, k.ended = make(chan func(context.Context)), make(chan struct{})
	if c.TablesFrom == TablesFromNATS {
		k.remote = &remote{nc: b.nc, place: tablesync.Place{Economy: c.Economy, Pair: c.Pair}}
	}
	if err := k.begin(ctx); err != nil {
		return nil, err
	}
	sub, err := b.nc.Subscribe(b.subjects.Tables(), func(m *nats.Msg) {
		if body, err := json.Marshal(k.inUse()); err == nil {
			_ = m.Respond(body) // who asked and went is no fault
		}
	})
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	b.onStop(func(context.Context) error { return sub.Unsubscribe() })
	b.background(func(ctx context.Context) {
		defer close(k.ended)
		k.keep(ctx)
	})
	return k, nil
}

// policy is what a set must satisfy today. The dictionaries are read anew each
// time, and forgotten when the set is made: it keeps what they told it. A row of
// theirs that cannot be read is left out: what it would have told stays unknown,
// which refuses more and never less. Dictionaries that give nothing at all are
// a fault of the setting.
func (k *keeper) policy(ctx context.Context) (mapset.Policy, []mapping.Fault) {
	p := k.rules
	p.Day = k.today()
	if len(k.dictionaries) == 0 {
		return p, nil
	}
	d, faults := dictionary.Load(ctx, k.dictionaries, nil)
	if len(d.Schemes()) == 0 {
		return p, append(faults, mapping.Fault{File: strings.Join(k.dictionaries, ","), What: "no dictionary could be read",
			Why: "tables would be judged without the site's dictionaries", Mend: "name dictionary files in LINKSPAN_DICTIONARIES, or take the setting away"})
	}
	if len(faults) > 0 {
		k.log.Warn("dictionaries", zap.Int("faults", len(faults)), zap.Error(faults[0]))
	}
	p.Dictionary = d
	return p, nil
}

func (k *keeper) today() string { return k.now().Format(time.DateOnly) }

// begin loads the set to start with. A start refuses what a running instance
// would refuse, and there is no running set to stay with.
func (k *keeper) begin(ctx context.Context) error {
	k.seen, k.drafts = k.activeMark(), k.draftsMark()
	policy, faults := k.policy(ctx)
	if len(faults) > 0 {
		return fmt.Errorf("LINKSPAN_DICTIONARIES: %w", faults[0])
	}
	if k.remote != nil {
		if err := k.folder.SetMaster(tablesync.Command); err != nil {
			return err
		}
		if k.beginRemote(ctx, policy) {
			k.seen = k.activeMark()
			return nil
		}
	} else if command, err := k.folder.Master(); err == nil && command == tablesync.Command {
		if err := k.folder.SetMaster(""); err != nil { // the setting says that the folder is its own master again
			return err
		}
	}
	loaded := k.folder.Current(policy)
	if err := loaded.Err(); err != nil {
		return fmt.Errorf("LINKSPAN_TABLES: %w", err)
	}
	refused := k.refused.Load() // the pointer, if it was not obeyed
	k.use(loaded, policy.Day, reasonStart)
	k.refused.Store(refused)
	return nil
}

// Why a set was taken into use.
const (
	reasonStart  = "start"
	reasonChange = "change"
	reasonDay    = "day"
)

// use makes a loaded set the one in force, and says what it changes.
func (k *keeper) use(l mapset.Loaded, day, reason string) {
	old := k.current.Load()
	next := &inForce{set: l.Set, pointer: l.Pointer, day: day, until: l.Set.Until(), since: k.now()}
	event := TablesEvent{Instance: k.instance, At: next.since, State: TablesActive, Reason: reason, Digest: l.Set.Digest(), By: l.Pointer.By, Day: day, Until: next.until}
	event.Warnings = warned(l.Warnings)
	if old != nil {
		event.Previous = old.set.Digest()
		event.changes(mapset.Diff(old.set, l.Set))
	}
	next.count = len(l.Tables)
	for _, table := range l.Tables {
		if len(table.Approvals) >= table.Needs {
			next.signed++
		}
	}
	event.TableCount = len(l.Tables)
	for _, e := range l.Tables[:min(len(l.Tables), maxEventTables)] {
		event.Tables = append(event.Tables, TableInSet{ID: e.ID, Version: e.Version, Layer: string(e.Layer), From: string(e.From), To: string(e.To), Rows: e.Rows, Approvals: e.Entry.Approvals})
	}
	k.current.Store(next)
	k.refused.Store(nil)
	k.publish("tables", event)
	k.log.Info("tables active", zap.String("digest", event.Digest), zap.String("reason", reason), zap.String("by", event.By), zap.Int("tables", event.TableCount),
		zap.Int("added", event.Added), zap.Int("removed", event.Removed), zap.Int("retargeted", event.Retargeted), zap.Int("changed", event.Changed))
	for _, notice := range l.Notices {
		k.log.Info("tables", zap.String("notice", notice))
	}
}

// refuse keeps the running set and says why.
func (k *keeper) refuse(digest, by string, faults []mapping.Fault) {
	running := k.current.Load()
	event := TablesEvent{Instance: k.instance, At: k.now(), State: TablesRefused, Digest: digest, By: by}
	if running != nil {
		event.Previous = running.set.Digest()
	}
	event.refusal(faults)
	if k.refused.Load() == nil {
		k.refused.Store(&event.At)
	}
	k.publish("tables", event)
	k.log.Warn("tables refused, the running set stays", zap.String("digest", digest), zap.String("running", event.Previous), zap.Int("faults", len(faults)), zap.Error(faults[0]))
}
