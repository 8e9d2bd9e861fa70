// Package audit is the append-only log of who asked for a record, who saw it and
// what was refused: one file per instance, one JSON line per record, each line
// holding the hash of the one before. A record is on the disk before Append
// returns, and the answer is released only after that.
//
// The file proves that nothing inside it was changed, taken out or moved. That
// its end is still there is proven against a Receipt kept elsewhere. No patient
// is named: PatientRef is a keyed hash.
package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// maxLine bounds one record in bytes, line end included.
const maxLine = 1 << 20

// Entry is one event. Failures are recorded in the same detail as answers
// (safety §2.3). No field ever holds a patient's data in the clear.
type Entry struct {
	Time         time.Time `json:"time"` // UTC; seq and not the clock gives the order
	Instance     string    `json:"instance"`
	Exchange     string    `json:"exchange,omitempty"`
	Attempt      string    `json:"attempt,omitempty"`
	Event        string    `json:"event"`
	From         string    `json:"from,omitempty"` // the asking system
	To           string    `json:"to,omitempty"`   // the system asked
	User         string    `json:"user,omitempty"`
	Role         string    `json:"role,omitempty"`
	Organisation string    `json:"organisation,omitempty"` // ODS code of the asker
	Target       string    `json:"target,omitempty"`       // ODS code of the organisation asked
	Purpose      string    `json:"purpose,omitempty"`
	Consent      string    `json:"consent,omitempty"`
	ClaimSource  string    `json:"claim_source,omitempty"`
	// UserName is the user's name as at the time of the event, Activities the
	// activity codes, Device what the user sat at.
	UserName     string   `json:"user_name,omitempty"`
	Activities   []string `json:"activities,omitempty"`
	Relationship string   `json:"relationship,omitempty"`
	Device       string   `json:"device,omitempty"`
	Department   string   `json:"department,omitempty"`
	// ContentModel is the sharing agreement the asker's message names, where it
	// does; Config is the one that decided.
	ContentModel string `json:"content_model,omitempty"`
	// Sources says for each claim what it rests on.
	Sources map[string]string `json:"sources,omitempty"`
	// BreakGlass is the code of the reason consent was overridden for,
	// BreakGlassText what the user wrote, sealed: it may name anybody.
	BreakGlass     string `json:"break_glass,omitempty"`
	BreakGlassText string `json:"break_glass_text,omitempty"`
	PatientRef     string `json:"patient_ref,omitempty"`    // see Reference
	PatientSealed  string `json:"patient_sealed,omitempty"` // the number, sealed
	Reason         string `json:"reason,omitempty"`         // a record.Reason, "" for an answer
	// Cause is why, where the asker is not told: which rule refused, or what
	// stands behind a patient not found. It never holds a patient's data.
	Cause string `json:"cause,omitempty"`
	View  string `json:"view,omitempty"`
	// Boot tells one run of the process from the next, Mono the time since its
	// start, which no setting of the clock moves.
	Boot   string        `json:"boot,omitempty"`
	Mono   time.Duration `json:"mono,omitempty"`
	Link   string        `json:"link,omitempty"` // economy/pair/environment
	Build  string        `json:"build,omitempty"`
	Config string        `json:"config,omitempty"` // digest of the agreement in force
	// HolderSHA256 is of the holder's native answer, in hexadecimal.
	HolderSHA256 string `json:"holder_sha256,omitempty"`
	// Checks names every rule that was asked on the way to the decision, in
	// order, with what it said.
	Checks []string `json:"checks,omitempty"`
	// Sections is what was seen: state and counts by section.
	Sections map[string]Counts `json:"sections,omitempty"`
	// ContentSHA256 is of exactly the bytes that left, in hexadecimal, and Bytes
	// their number.
	ContentSHA256 string   `json:"content_sha256,omitempty"`
	Bytes         int      `json:"bytes,omitempty"`
	MapSet        string   `json:"map_set,omitempty"`  // digest of the map set
	Warnings      []string `json:"warnings,omitempty"` // codes
	// Deleted is the closed segment that an EventDeleted record says is gone.
	Deleted *Deletion `json:"deleted,omitempty"`
}

// Deletion is what stays of a closed segment that was deleted: as much as proves
// the records after it.
type Deletion struct {
	First    uint64   `json:"first"`
	Last     uint64   `json:"last"`
	Month    string   `json:"month"`
	SHA256   string   `json:"sha256"`   // of the file, in hexadecimal
	Hash     string   `json:"hash"`     // of the last record
	Subtrees []string `json:"subtrees"` // roots of the subtrees of the tree up to it, highest first, in base64
}

// Counts is how a section was carried: its state, and how many source entries
// ended in each outcome.
type Counts struct {
	State       string `json:"state"`
	Source      int    `json:"source"`
	Coded       int    `json:"coded,omitempty"` // exact and mapped
	Degraded    int    `json:"degraded,omitempty"`
	Withheld    int    `json:"withheld,omitempty"`
	Unsupported int    `json:"unsupported,omitempty"`
	Failed      int    `json:"failed,omitempty"`
	Duplicate   int    `json:"duplicate,omitempty"`
}

// Receipt identifies a record and, through the chain, every record before it.
// Kept outside the log it proves that the log still reaches that far.
type Receipt struct {
	Seq  uint64 `json:"seq"`  // counted from 1; 0 is the empty log
	Hash string `json:"hash"` // SHA-256 in hexadecimal
	// TreeHead is the root hash of the Merkle tree over all records up to this
	// one, in base64: what a witness keeps. Append and Verify give it, and Read
	// only with the last record.
	TreeHead string `json:"tree_head,omitempty"`
}

// Reference is the pseudonym of a patient within one link: HMAC-SHA256 of the
// number's digits under the link's pseudonym key, in hexadecimal. There are few
// enough numbers to try them all, so without a key there is no pseudonym and
// Reference is "".
func Reference(key []byte, number string) string {
	if len(key) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(number))
	return hex.EncodeToString(mac.Sum(nil))
}
