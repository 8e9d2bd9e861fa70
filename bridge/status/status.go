// Package status is what an instance knows of itself and of the link, for those
// who run it: the payload of the heartbeat, of the health and status questions,
// of the operations page and of linkspan top. It holds counts, times and names of
// systems and organisations; never anything of a message, a patient or a user.
package status

import "time"

// Form names the shape of a Report; another shape has another number.
const Form = "linkspan status 1"

// Level is the one word of a Report.
type Level string

// Levels, from good to bad.
const (
	OK       Level = "ok"       // everything is as it should be
	Degraded Level = "degraded" // requests are answered, and something needs somebody
	Down     Level = "down"     // requests of at least one direction are refused
)

// Report is what one instance says of itself.
type Report struct {
	Form        string    `json:"form"`
	Economy     string    `json:"economy"`
	Pair        string    `json:"pair"`
	Environment string    `json:"environment"`
	Instance    string    `json:"instance"`
	Version     string    `json:"version"`
	Roles       []string  `json:"roles"`
	At          time.Time `json:"at"`
	Started     time.Time `json:"started"`
	Level       Level     `json:"status"`
	// Why says what makes the level less than ok, each in plain words.
	Why          []string      `json:"why,omitempty"`
	Systems      []System      `json:"systems,omitempty"`      // whose edge this instance is
	Exchanges    *Exchanges    `json:"exchanges,omitempty"`    // of the exchange role
	Tables       *Tables       `json:"tables,omitempty"`       // of the exchange role
	Audit        *Audit        `json:"audit,omitempty"`        // of the exchange role
	Certificates []Certificate `json:"certificates,omitempty"` // in use, the first to end first
	NATS         NATS          `json:"nats"`
	Process      Process       `json:"process"`
	// Paused are the directions that a control request has paused, by the system
	// that asks.
	Paused   []string `json:"paused,omitempty"`
	Draining bool     `json:"draining,omitempty"`
}

// WireState is how a system's own interface does, as its edge sees it.
type WireState string

// Wire states.
const (
	WireUnknown WireState = "unknown" // not tried yet
	WireUp      WireState = "up"
	WireSlow    WireState = "slow" // answers, later than it should
	WireDown    WireState = "down"
)

// System is one system as its edge sees it.
type System struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	Wire      WireState `json:"wire"`
	Since     time.Time `json:"since,omitzero"`
	Reason    string    `json:"reason,omitempty"` // of the last failure, while the wire is not up
	Success   time.Time `json:"success,omitzero"` // the last answer
	Breaker   string    `json:"breaker"`          // closed, half-open or open
	InFlight  int       `json:"in_flight"`        // messages at the interface now
	Waiting   int       `json:"waiting"`          // messages that wait for the throttle
	Listening bool      `json:"listening"`        // takes requests on its own wire
	// Intake counts the system's own requests here.
	Intake Intake `json:"intake"`
}

// Intake counts requests that an edge took.
type Intake struct {
	InFlight int               `json:"in_flight"`
	Taken    uint64            `json:"taken"`
	Refused  map[string]uint64 `json:"refused,omitempty"` // here, without the exchange role, by reason
}

// Exchanges are the counts of the exchange role since its start, and the recent
// ones of the last Window.
type Exchanges struct {
	InFlight   int         `json:"in_flight"`
	PerMinute  float64     `json:"per_minute"` // over the last minute
	Directions []Direction `json:"directions"`
	Hops       []Hop       `json:"hops,omitempty"` // recent
	// Unmapped are the codes that most often no row decided, most first, at most
	// ten.
	Unmapped []Unmapped `json:"unmapped,omitempty"`
}

// Direction counts the exchanges of one system that asks. Released and the
// refusals add up to all.
type Direction struct {
	From     string            `json:"from"`
	To       string            `json:"to"`
	Released uint64            `json:"released"`
	Refused  map[string]uint64 `json:"refused,omitempty"` // by reason
	Entries  map[string]uint64 `json:"entries,omitempty"` // by outcome: coded, degraded, ...
	Degraded map[string]uint64 `json:"degraded,omitempty"`
	Last     time.Time         `json:"last,omitzero"` // released
	Recent   Recent            `json:"recent"`
}

// Recent are the exchanges of the last Window.
type Recent struct {
	Released uint64            `json:"released"`
	Refused  map[string]uint64 `json:"refused,omitempty"`
}

// The hops of an exchange. The first three are waits for others, the rest is ours.
const (
	HopExchange  = "exchange"  // the exchange role, whole
	HopHolder    = "holder"    // the system that holds the record
	HopOwnCopy   = "own-copy"  // the asker's own copy of the patient's details
	HopTranslate = "translate" // decode to encode
	HopAudit     = "audit"     // the record of the answer, on the disk
)

// Hops in the order they are shown.
func Hops() []string { return []string{HopExchange, HopHolder, HopOwnCopy, HopTranslate, HopAudit} }

// Hop is how long a part of the way took, in seconds, over the last Window.
type Hop struct {
	Name  string  `json:"name"`
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	// Buckets count by Bounds, the last what is above; those of several instances
	// can be added up.
	Buckets []uint64 `json:"buckets"`
}

// Unmapped is a code no row decided. Only one that its scheme's syntax allows is
// named (DESIGN.md decision 16).
type Unmapped struct {
	Scheme string `json:"scheme"`
	Code   string `json:"code"`
	Kind   string `json:"kind"`
	Count  uint64 `json:"count"`
}

// Tables is the map set in use.
type Tables struct {
	MapSet  string     `json:"map_set"`
	Since   time.Time  `json:"since"`
	By      string     `json:"by,omitempty"`
	Day     string     `json:"day"`
	Refused *time.Time `json:"refused,omitempty"` // since when a newer set is refused
	Signed  int        `json:"signed"`            // tables with every approval they need
	Count   int        `json:"count"`             // tables in the set
}

// Audit is the state of the audit log.
type Audit struct {
	Records    uint64    `json:"records"`
	TreeHead   string    `json:"tree_head,omitempty"`
	Checkpoint time.Time `json:"checkpoint,omitzero"` // the last one signed
	Verified   time.Time `json:"verified,omitzero"`   // the last proof of the log on the disk
	Trouble    string    `json:"trouble,omitempty"`
	FreeBytes  uint64    `json:"free_bytes,omitempty"` // of its disk
}

// Certificate is one with an end.
type Certificate struct {
	Use   string    `json:"use"`
	What  string    `json:"what"`
	Until time.Time `json:"until"`
	List  bool      `json:"list,omitempty"` // a revocation list, which is made anew every few days
}

// NATS is the connection the roles talk by.
type NATS struct {
	Connected  bool   `json:"connected"`
	Embedded   bool   `json:"embedded"`
	Server     string `json:"server,omitempty"`
	Reconnects uint64 `json:"reconnects,omitempty"`
	SlowEvents uint64 `json:"slow_events,omitempty"` // messages dropped because we were too slow
}

// Process is the process itself.
type Process struct {
	HeapBytes  uint64 `json:"heap_bytes"`
	Goroutines int    `json:"goroutines"`
}

// Event is one line of the last events: its kind is the last word of its
// subject.
type Event struct {
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Instance string    `json:"instance,omitempty"`
	Words    string    `json:"words"`
}
