package status

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Window is how far back the recent figures go.
const Window = 5 * time.Minute

// maxCodes bounds how many unmapped codes are told apart. Someone who typed a
// code list into a record must not fill the memory; the work list has them all.
const maxCodes = 4096

// Exchange is what a Keeper is told of one that has ended.
type Exchange struct {
	From, To string
	Reason   string         // "" where a record was released
	Entries  map[string]int // by outcome
	Degraded map[string]int // degraded entries by section
	Hops     map[string]time.Duration
	Unmapped []Unmapped
	Warnings map[string]int // at the record's head, by code
}

// Keeper counts the exchanges of one instance.
type Keeper struct {
	now func() time.Time

	mu         sync.Mutex
	inFlight   int
	directions map[string]*Direction
	codes      map[Unmapped]uint64 // by the code, without a count
	minutes    [Window/time.Minute + 1]minute
}

// minute is what happened in one minute.
type minute struct {
	at         time.Time // its start
	all        int
	hops       map[string]*histogram
	directions map[string]*Recent
}

// NewKeeper makes one for the given directions.
func NewKeeper(now func() time.Time, directions ...Direction) *Keeper {
	k := &Keeper{now: now, directions: map[string]*Direction{}, codes: map[Unmapped]uint64{}}
	for _, d := range directions {
		d.Refused, d.Entries, d.Degraded = map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
		k.directions[d.From] = &d
	}
	return k
}

// Begin counts an exchange in flight until end is called.
func (k *Keeper) Begin() (end func()) {
	k.mu.Lock()
	k.inFlight++
	k.mu.Unlock()
	return func() {
		k.mu.Lock()
		k.inFlight--
		k.mu.Unlock()
	}
}

// Exchange counts one that has ended.
func (k *Keeper) Exchange(x Exchange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d, now := k.directions[x.From], k.now()
	if d == nil {
		return // not of this link
	}
	m := k.minute(now)
	m.all++
	recent := m.directions[x.From]
	if recent == nil {
		recent = &Recent{Refused: map[string]uint64{}}
		m.directions[x.From] = recent
	}
	if x.Reason == "" {
		d.Released++
		recent.Released++
		d.Last = now.UTC()
	} else {
		d.Refused[x.Reason]++
		recent.Refused[x.Reason]++
	}
	for outcome, n := range x.Entries {
		d.Entries[outcome] += uint64(n)
	}
	for section, n := range x.Degraded {
		d.Degraded[section] += uint64(n)
	}
	for name, took := range x.Hops {
		if m.hops[name] == nil {
			m.hops[name] = &histogram{}
		}
		m.hops[name].add(took)
	}
	for _, u := range x.Unmapped {
		n := u.Count
		u.Count = 0
		if _, known := k.codes[u]; known || len(k.codes) < maxCodes {
			k.codes[u] += n
		}
	}
}

// minute is the one of now, emptied where it was of an earlier round.
func (k *Keeper) minute(now time.Time) *minute {
	at := now.Truncate(time.Minute)
	m := &k.minutes[at.Unix()/60%int64(len(k.minutes))]
	if !m.at.Equal(at) {
		*m = minute{at: at, hops: map[string]*histogram{}, directions: map[string]*Recent{}}
	}
	return m
}

// Exchanges are the counts as they stand.
func (k *Keeper) Exchanges() Exchanges {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	out := Exchanges{InFlight: k.inFlight}
	recent, hops := map[string]*Recent{}, map[string]*histogram{}
	for i := range k.minutes {
		m := &k.minutes[i]
		age := now.Sub(m.at)
		if m.at.IsZero() || age < 0 || age > Window {
			continue
		}
		// Of the minute before, the share of it that is less than a minute ago.
		switch {
		case age < time.Minute:
			out.PerMinute += float64(m.all)
		case age < 2*time.Minute:
			out.PerMinute += float64(m.all) * (2*time.Minute - age).Seconds() / 60
		}
		for from, r := range m.directions {
			if recent[from] == nil {
				recent[from] = &Recent{Refused: map[string]uint64{}}
			}
			recent[from].Released += r.Released
			for reason, n := range r.Refused {
				recent[from].Refused[reason] += n
			}
		}
		for name, h := range m.hops {
			if hops[name] == nil {
				hops[name] = &histogram{}
			}
			hops[name].merge(h.counts[:])
		}
	}
	for _, from := range slices.Sorted(maps.Keys(k.directions)) {
		d := *k.directions[from]
		d.Refused, d.Entries, d.Degraded = maps.Clone(d.Refused), maps.Clone(d.Entries), maps.Clone(d.Degraded)
		if r := recent[from]; r != nil {
			d.Recent = *r
		}
		out.Directions = append(out.Directions, d)
	}
	for _, name := range Hops() {
		if h := hops[name]; h != nil {
			out.Hops = append(out.Hops, h.hop(name))
		}
	}
	out.Unmapped = most(k.codes)
	return out
}
