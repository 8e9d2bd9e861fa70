package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// How old the last report of an instance may be. Heartbeats come every Beat and
// at once where something changed.
const (
	Beat    = 10 * time.Second
	Late    = 15 * time.Second // then the instance is degraded
	Offline = 30 * time.Second // then it is taken to be gone
	Forget  = 10 * time.Minute // then it is shown no more, where another has taken its roles
)

// maxEvents is how many of the last events a Board keeps.
const maxEvents = 50

// Presence is how an instance is known to be.
type Presence string

// Presences.
const (
	Present Presence = "present"
	Overdue Presence = "late"
	Gone    Presence = "offline"
	Stopped Presence = "stopped" // it said so
)

// Seen is an instance as a Board knows it.
type Seen struct {
	Presence Presence  `json:"presence"`
	Heard    time.Time `json:"heard"`
	Report   Report    `json:"report"`
}

// Link is the whole link as its instances report it.
type Link struct {
	Form        string    `json:"form"` // LinkForm
	Economy     string    `json:"economy"`
	Pair        string    `json:"pair"`
	Environment string    `json:"environment"`
	At          time.Time `json:"at"`
	Level       Level     `json:"status"`
	Why         []string  `json:"why,omitempty"`
	Systems     []System  `json:"systems"` // one line each, of the instance that knows best
	Exchanges   Exchanges `json:"exchanges"`
	Instances   []Seen    `json:"instances"`
	Events      []Event   `json:"events,omitempty"` // the last, newest first
}

// LinkForm names the shape of a Link.
const LinkForm = "linkspan link 1"

// Board gathers what the instances of one link report.
type Board struct {
	economy, pair, environment string
	systems                    []System // name and title of each, in the pair's order
	now                        func() time.Time

	mu     sync.Mutex
	seen   map[string]Seen
	events []Event // newest last
}

// NewBoard makes one for the two systems of a pair, of which Name and Title are
// used.
func NewBoard(economy, pair, environment string, now func() time.Time, systems ...System) *Board {
	return &Board{economy: economy, pair: pair, environment: environment, now: now, systems: systems, seen: map[string]Seen{}}
}

// Heard takes a report of an instance, its own or by heartbeat. It reports
// whether that one was not known, or has started anew.
func (b *Board) Heard(r Report) (fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.seen[r.Instance]
	fresh = !ok || !known.Report.Started.Equal(r.Started)
	b.seen[r.Instance] = Seen{Heard: b.now(), Report: r}
	return fresh
}

// Told takes an event.
func (b *Board) Told(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	if extra := len(b.events) - maxEvents; extra > 0 {
		b.events = slices.Delete(b.events, 0, extra)
	}
}

// Link is the link as it is known now.
func (b *Board) Link() Link {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := Link{Form: LinkForm, Economy: b.economy, Pair: b.pair, Environment: b.environment, At: b.now().UTC()}
	for _, name := range slices.Sorted(maps.Keys(b.seen)) {
		s := b.seen[name]
		age := b.now().Sub(s.Heard)
		switch {
		case s.Report.Draining && s.Report.Level == Down:
			s.Presence = Stopped
		case age >= Offline:
			s.Presence = Gone
		case age >= Late:
			s.Presence = Overdue
		default:
			s.Presence = Present
		}
		if age >= Forget {
			delete(b.seen, name)
			continue
		}
		l.Instances = append(l.Instances, s)
	}
	l.systems(b.systems)
	l.exchanges()
	l.judge()
	l.Events = slices.Clone(b.events)
	slices.Reverse(l.Events)
	return l
}

// systems picks for each system the instance that reported last of those that are
// there.
func (l *Link) systems(pair []System) {
	for _, system := range pair {
		best, heard := System{Name: system.Name, Title: system.Title, Wire: WireUnknown}, time.Time{}
		for _, s := range l.Instances {
			for _, own := range s.Report.Systems {
				if own.Name == system.Name && s.here() && s.Heard.After(heard) {
					best, heard = own, s.Heard
				}
			}
		}
		l.Systems = append(l.Systems, best)
	}
}

// Complete reports that an instance of every role is there.
func (l Link) Complete() bool {
	exchange, edges := l.roles()
	return exchange && !slices.ContainsFunc(l.Systems, func(s System) bool { return !edges[s.Name] })
}

// here reports an instance that is to be counted on.
func (s Seen) here() bool { return s.Presence == Present || s.Presence == Overdue }

// exchanges adds up what the instances report.
func (l *Link) exchanges() {
	hops, directions := map[string]*histogram{}, map[string]*Direction{}
	codes := map[Unmapped]uint64{}
	for _, s := range l.Instances {
		x := s.Report.Exchanges
		if x == nil {
			continue
		}
		if s.here() {
			l.Exchanges.InFlight += x.InFlight
			l.Exchanges.PerMinute += x.PerMinute
			for _, h := range x.Hops {
				if hops[h.Name] == nil {
					hops[h.Name] = &histogram{}
				}
				hops[h.Name].merge(h.Buckets)
			}
		}
		for _, d := range x.Directions {
			if directions[d.From] == nil {
				directions[d.From] = &Direction{From: d.From, To: d.To}
			}
			directions[d.From].add(d, s.here())
		}
		for _, u := range x.Unmapped {
			n := u.Count
			u.Count = 0
			codes[u] += n
		}
	}
	for _, from := range slices.Sorted(maps.Keys(directions)) {
		l.Exchanges.Directions = append(l.Exchanges.Directions, *directions[from])
	}
	for _, name := range Hops() {
		if h := hops[name]; h != nil {
			l.Exchanges.Hops = append(l.Exchanges.Hops, h.hop(name))
		}
	}
	l.Exchanges.Unmapped = most(codes)
}

func (d *Direction) add(o Direction, recent bool) {
	d.Released += o.Released
	for _, pair := range []struct {
		to   *map[string]uint64
		from map[string]uint64
	}{{&d.Refused, o.Refused}, {&d.Entries, o.Entries}, {&d.Degraded, o.Degraded}} {
		sum(pair.to, pair.from)
	}
	if o.Last.After(d.Last) {
		d.Last = o.Last
	}
	if recent {
		d.Recent.Released += o.Recent.Released
		sum(&d.Recent.Refused, o.Recent.Refused)
	}
}

func sum(to *map[string]uint64, from map[string]uint64) {
	if *to == nil {
		*to = map[string]uint64{}
	}
	for name, n := range from {
		(*to)[name] += n
	}
}

// judge gives the one word and its reasons.
func (l *Link) judge() {
	l.Level = OK
	worse := func(level Level, words string) {
		if level == Down || l.Level == OK {
			l.Level = level
		}
		l.Why = append(l.Why, words)
	}
	exchange, edges := l.roles()
	if !exchange {
		worse(Down, "no instance with the exchange role answers")
	}
	for _, system := range l.Systems {
		switch {
		case !edges[system.Name]:
			worse(Down, "no edge of "+system.Title+" answers")
		case system.Wire == WireDown:
			worse(Down, system.Title+" does not answer"+because(system.Reason))
		}
	}
	for _, s := range l.Instances {
		switch s.Presence {
		case Overdue, Gone:
			worse(Degraded, fmt.Sprintf("instance %s: nothing heard for %d s", s.Report.Instance, int(l.At.Sub(s.Heard).Seconds())))
		case Present:
			for _, why := range s.Report.Why {
				worse(Degraded, s.Report.Instance+": "+why) // another instance may have the same role
			}
		}
	}
}

// roles says whose role an instance plays that takes requests: the exchange, and
// the edges by system.
func (l *Link) roles() (exchange bool, edges map[string]bool) {
	edges = map[string]bool{}
	for _, s := range l.Instances {
		if !s.here() || s.Report.Draining {
			continue
		}
		exchange = exchange || s.Report.Exchanges != nil
		for _, own := range s.Report.Systems {
			edges[own.Name] = true
		}
	}
	return exchange, edges
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// most are the ten codes met most often.
func most(codes map[Unmapped]uint64) []Unmapped {
	var all []Unmapped
	for u, n := range codes {
		u.Count = n
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b Unmapped) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Kind, b.Kind))
	})
	return all[:min(len(all), 10)]
}
