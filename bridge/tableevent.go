package bridge

import (
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// The states of event.tables.
const (
	TablesActive       = "active"        // this instance uses the set from now on
	TablesRefused      = "refused"       // a change of what is active is refused; the running set stays
	TablesDraft        = "draft"         // the drafts in the folder can be activated, and would change this
	TablesDraftRefused = "draft-refused" // they cannot, and why
)

// maxEventFaults bounds the faults of one event; linkspan tables check shows all.
const maxEventFaults = 20

// maxEventTables bounds the tables of one event, which must stay far below the
// largest message a NATS server takes; linkspan tables list shows all.
const maxEventTables = 200

// TablesEvent is event.tables: what became of a map set on one instance. It
// names files, lines, tables and counts, never the content of a cell.
type TablesEvent struct {
	Instance string    `json:"instance"`
	At       time.Time `json:"at"`
	State    string    `json:"state"`
	// Reason is why an active set was taken into use: start, change, or day, when
	// the validity of rows began or ended.
	Reason string `json:"reason,omitempty"`
	// Digest is that of the set the event is about; "" where it is not known.
	Digest string `json:"digest,omitempty"`
	// Previous is the set in use before, or still where another is refused or only
	// a draft.
	Previous string `json:"previous,omitempty"`
	By       string `json:"by,omitempty"`
	// Day is the day of translation whose rows are in force; Until the first day
	// on which others are.
	Day   string `json:"day,omitempty"`
	Until string `json:"until,omitempty"`
	// What the set changes against the previous one, in rows that answer.
	Added      int `json:"added"`
	Removed    int `json:"removed"`
	Retargeted int `json:"retargeted"`
	Changed    int `json:"changed"`
	// TableCount is how many tables an active set has; Tables the first 200, in
	// the order of its digest.
	TableCount int          `json:"table_count,omitempty"`
	Tables     []TableInSet `json:"tables,omitempty"`
	// Warnings counts what a reviewer should look at.
	Warnings int `json:"warnings,omitempty"`
	// FaultCount is how many faults there are; Faults the first 20.
	FaultCount int          `json:"fault_count,omitempty"`
	Faults     []TableFault `json:"faults,omitempty"`
}

// TableInSet is one table of an active set.
type TableInSet struct {
	ID        string   `json:"id"`
	Version   string   `json:"version"`
	Layer     string   `json:"layer"`
	From      string   `json:"from"`
	To        string   `json:"to"`
	Rows      int      `json:"rows"`
	Approvals []string `json:"approvals,omitempty"` // whose approvals count on this instance
}

// TableFault is one thing wrong: where, what, why it matters, how to mend it.
type TableFault struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	What string `json:"what"`
	Why  string `json:"why"`
	Mend string `json:"mend"`
}

func (e *TablesEvent) changes(d mapset.Difference) {
	e.Added, e.Removed, e.Retargeted, e.Changed = d.Added, d.Removed, d.Retargeted, d.Changed
}

func (e *TablesEvent) refusal(faults []mapping.Fault) {
	e.FaultCount = len(faults)
	for _, f := range faults[:min(len(faults), maxEventFaults)] {
		e.Faults = append(e.Faults, TableFault(f))
	}
}

func warned(warnings []mapping.Warning) int {
	n := 0
	for _, w := range warnings {
		n += w.Count
	}
	return n
}
