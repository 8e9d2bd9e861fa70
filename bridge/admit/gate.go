package admit

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/linkspan/linkspan/record"
)

// How long a message is remembered (safety SE-11), what the rates are counted
// in, and how long a request may be in hand before it is taken for lost.
const (
	day    = 24 * time.Hour
	hour   = time.Hour
	inHand = 10 * time.Minute
)

// Options are what the agreement lets a user and an organisation ask for within
// an hour. A zero number means its default.
type Options struct {
	Records              int // of one user, beyond which there is an event: 100
	Misses               int // of one user, beyond which requests are refused: 20
	Requests             int // of one user, beyond which they are refused: 300
	OrganisationRecords  int // 1,000
	OrganisationMisses   int // 100
	OrganisationRequests int // 3,000

	// Remembered is how many messages can be remembered for 24 h; more are
	// refused. 262,144, which is three a second.
	Remembered int

	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Event hears what an operator should know; nil for nobody. It is called
	// from many goroutines.
	Event func(Event)
}

// Kind is what an Event is about. The set is closed.
type Kind string

// The kinds of events.
const (
	KindRecords  Kind = "records"  // more records than expected within the hour
	KindMisses   Kind = "misses"   // the budget of look-ups that found nobody is used up
	KindRequests Kind = "requests" // requests beyond the hard rate are refused
	KindReplayed Kind = "replayed" // a message was taken before
	KindReused   Kind = "reused"   // another message with the id was taken before
	KindFull     Kind = "full"     // more messages within 24 h than can be remembered
	KindMemory   Kind = "memory"   // the memory cannot be written; requests are refused
)

// Event is something an operator should know. It names who asks, as the message
// or the wire names them, and never a patient. Of KindRecords, KindMisses and
// KindRequests there is one within an hour for each user and organisation.
type Event struct {
	Kind         Kind
	User         string // "" where the whole organisation is meant
	Organisation string
	Count        int // within the hour
	Err          error
}

func (o Options) withDefaults() Options {
	for _, n := range []struct {
		set      *int
		standard int
	}{
		{&o.Records, 100}, {&o.Misses, 20}, {&o.Requests, 300},
		{&o.OrganisationRecords, 1000}, {&o.OrganisationMisses, 100}, {&o.OrganisationRequests, 3000},
		{&o.Remembered, 1 << 18},
	} {
		if *n.set <= 0 {
			*n.set = n.standard
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Event == nil {
		o.Event = func(Event) {}
	}
	return o
}

// Gate is the memory of one edge. It may be used from several goroutines.
type Gate struct {
	options Options

	mu      sync.Mutex
	memory  *memory
	taken   map[digest]message // by the digest of the message's id
	order   []message          // in the order they were taken
	tallies map[digest]*tally  // of users and of organisations
	swept   int                // tallies there were after the last sweep
}

// message is one that was taken within the last 24 h.
type message struct {
	id   digest // zero: it had none
	body digest
	at   time.Time
}

// Open opens the memory called name in the folder dir, and creates both where
// they do not exist. The name is letters, digits, - and _, at most 64 of them. One
// process at a time may hold a memory. A damaged one is refused and stays as it
// is.
func Open(dir, name string, o Options) (*Gate, error) {
	g := &Gate{options: o.withDefaults(), taken: map[digest]message{}, tallies: map[digest]*tally{}}
	now := g.options.Now()
	m, err := openMemory(dir, name, func(e entry) bool { return g.recall(e, now) })
	if err != nil {
		return nil, fmt.Errorf("admit: open: %w", err)
	}
	g.memory = m
	return g, nil
}

// recall takes in what was remembered and reports whether it still matters.
func (g *Gate) recall(e entry, now time.Time) bool {
	matters := now.Sub(e.at) < hour
	for _, who := range []digest{e.user, e.organisation} {
		if matters && !who.zero() {
			g.tally(who).add(e.kind, e.at)
		}
	}
	if e.kind == taken && now.Sub(e.at) < day {
		g.remember(message{id: e.id, body: e.body, at: e.at})
		return true
	}
	return matters
}

// Request asks whether a message that user of organisation sent may go on. The
// id is the message's own, "" when it has none; body is the message as it
// arrived. Where the user or the organisation is "", nothing is counted for it:
// such a request ends at the agreement anyway.
//
// The error is a *record.Error: replayed (the id was seen within 24 h), limited
// (the hard rate, the budget of look-ups or the memory is used up) or internal
// (the memory cannot be written). When it is nil the message is remembered,
// durably, and Answered must be called once.
func (g *Gate) Request(user, organisation, id string, body []byte) error {
	event, err := g.request(user, organisation, id, body)
	if event.Kind != "" {
		g.options.Event(event)
	}
	return err
}

func (g *Gate) request(user, organisation, id string, body []byte) (Event, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.options.Now()
	event := Event{User: user, Organisation: organisation}
	e := entry{kind: taken, at: now, body: g.memory.digest("body", string(body))}
	e.user, e.organisation = g.who(user, organisation)
	if id = strings.ToLower(strings.TrimSpace(id)); id != "" {
		e.id = g.memory.digest("id", id)
	}
	g.forget(now)

	if before, seen := g.taken[e.id]; seen {
		event.Kind = KindReused
		if before.body == e.body {
			event.Kind = KindReplayed
		}
		return event, refusal(record.ReasonReplayed, errors.New("a message with this id was taken within 24 h"))
	}
	for _, of := range g.limits(user, organisation, e) {
		over, count := of.tally.over(of.limits, now)
		if over == "" {
			continue
		}
		// That the look-ups are used up was told when it happened.
		if event = (Event{}); over == KindRequests && of.tally.warn(over, now) {
			event = Event{Kind: over, User: of.user, Organisation: organisation, Count: count}
		}
		return event, refusal(record.ReasonLimited, errors.New("more "+string(over)+" than are allowed within an hour"))
	}
	if len(g.order) >= g.options.Remembered {
		event.Kind, event.Count = KindFull, len(g.order)
		return event, refusal(record.ReasonLimited, errors.New("no more messages can be remembered"))
	}
	if err := g.memory.append(e, g.matters(now)); err != nil {
		event.Kind, event.Err = KindMemory, err
		return event, refusal(record.ReasonInternal, err)
	}
	g.remember(message{id: e.id, body: e.body, at: now})
	for _, of := range g.limits(user, organisation, e) {
		of.tally.add(taken, now)
		of.tally.pending = append(of.tally.pending, now)
	}
	return Event{}, nil
}

// Answered tells what became of a request that Request let go on: "" a record
// was released. Nobody waits for the disk: where the machine loses its power, the
// counts of the last answers before it may be lost, and no message is.
func (g *Gate) Answered(user, organisation string, outcome record.Reason) {
	for _, event := range g.answered(user, organisation, outcome) {
		g.options.Event(event)
	}
}

func (g *Gate) answered(user, organisation string, outcome record.Reason) (events []Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.options.Now()
	e := entry{at: now}
	e.user, e.organisation = g.who(user, organisation)
	switch outcome {
	case "":
		e.kind = released
	case record.ReasonNotFound, record.ReasonWrongPatient:
		e.kind = missed
	}
	for _, of := range g.limits(user, organisation, e) {
		of.tally.answered()
		if e.kind == 0 {
			continue
		}
		of.tally.add(e.kind, now)
		if kind, count := of.tally.crossed(e.kind, of.limits, now); kind != "" && of.tally.warn(kind, now) {
			events = append(events, Event{Kind: kind, User: of.user, Organisation: organisation, Count: count})
		}
	}
	if e.kind == 0 {
		return events
	}
	if err := g.memory.write(e, g.matters(now)); err != nil {
		events = append(events, Event{Kind: KindMemory, User: user, Organisation: organisation, Err: err})
	}
	return events
}

// Close gives up the memory. What was remembered stays.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.memory.close()
}

// who is the user, as one of the organisation, and the organisation. Case and
// white space make nobody another.
func (g *Gate) who(user, organisation string) (u, o digest) {
	user, organisation = plain(user), plain(organisation)
	if user != "" {
		u = g.memory.digest("user", organisation+"\x00"+user)
	}
	if organisation != "" {
		o = g.memory.digest("organisation", organisation)
	}
	return u, o
}

func plain(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// limited is one whom limits apply to.
type limited struct {
	tally  *tally
	limits limits
	user   string
}

func (g *Gate) limits(user, organisation string, e entry) (of []limited) {
	o := &g.options
	if user != "" {
		of = append(of, limited{g.tally(e.user), limits{o.Records, o.Misses, o.Requests}, user})
	}
	if organisation != "" {
		of = append(of, limited{g.tally(e.organisation), limits{o.OrganisationRecords, o.OrganisationMisses, o.OrganisationRequests}, ""})
	}
	return of
}

func (g *Gate) tally(who digest) *tally {
	t := g.tallies[who]
	if t == nil {
		t = &tally{}
		g.tallies[who] = t
	}
	return t
}

func (g *Gate) remember(m message) {
	g.order = append(g.order, m)
	if !m.id.zero() {
		g.taken[m.id] = m
	}
}

// forget lets go of messages older than 24 h, and of users and organisations
// that have not asked within the hour.
func (g *Gate) forget(now time.Time) {
	n := 0
	for n < len(g.order) && now.Sub(g.order[n].at) >= day {
		delete(g.taken, g.order[n].id)
		n++
	}
	g.order = g.order[n:]
	if len(g.tallies) <= 2*g.swept+1024 {
		return
	}
	for who, t := range g.tallies {
		if t.idle(now) {
			delete(g.tallies, who)
		}
	}
	g.swept = len(g.tallies)
}

// matters reports which entries of the file are still needed at now.
func (g *Gate) matters(now time.Time) func(entry) bool {
	return func(e entry) bool {
		return now.Sub(e.at) < hour || e.kind == taken && now.Sub(e.at) < day
	}
}

func refusal(reason record.Reason, err error) error {
	return &record.Error{Reason: reason, Op: "admit: request", Err: err}
}
