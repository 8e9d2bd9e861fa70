// Package mapset keeps the map sets of one pair in a folder: drafts that are being written, the approvals people signed
// for them, the sets that were activated, which of them is active, and what one set changes against another.
//
// A set is content (DESIGN decision 14): checked as a whole, kept under its digest, never changed after, pointed to by
// one small file that is replaced by rename. What is checked is what is kept: Activate reads every draft once, into the
// folder of the new set, and checks that copy. A loaded set is verified again each time: digests, approvals under the
// policy of the day, lint and the pair's own check; with any fault there is no set.
//
// The package works on the file system with package os. It has no clock, logger or network: times and names are
// arguments. One process at a time changes a folder (a lock sees to that); any number may read it meanwhile.
//
//	D/*.tsv                       drafts; they touch nothing until they are activated
//	D/<table>.tsv.<name>.note     the signed approval of one draft by one person
//	D/sets/<16 of digest>/        a kept set: manifest.json, its tables, their notes
//	D/sets/ACTIVE                 which set is active (Pointer, JSON)
//	D/sets/HISTORY                what was ever activated (Event, one JSON object a line)
//	D/sets/MASTER                 present where the sets come from elsewhere: the command to use instead
package mapset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/linkspan/linkspan/mapping"
)

// Limits of a set, in files and bytes. The largest national tables together are well below them.
const (
	MaxTables   = 1000
	MaxSetBytes = 4 << 30
	maxNotes    = 16 // of one table
	maxNote     = 64 << 10
	maxManifest = 4 << 20
	maxFileName = 100 // of a table; a note's has the name of a person beside
)

// starterPrefix marks a manifest's entries that are in the program itself and not in the set's folder.
const starterPrefix = "starter/"

// Manifest lists a set: what the digest of the set is taken over, and what a reader wants to know of each table.
type Manifest struct {
	Pair   string    `json:"pair"`
	Made   time.Time `json:"made"`
	By     string    `json:"by"`
	Tables []Entry   `json:"tables"` // in the order of mapping.Set.Tables
}

// Entry is one table of a set.
type Entry struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	// File is the name in the set's folder, or "starter/<name>" for a table that is part of the program.
	File  string         `json:"file"`
	Layer mapping.Layer  `json:"layer"`
	From  mapping.Scheme `json:"from"`
	To    mapping.Scheme `json:"to"`
	// Rows is the number of rows on any day; Strict is how many of them are for allergies or medication (see Facts).
	Rows   int `json:"rows"`
	Strict int `json:"strict"`
	// Approvals names the people whose approval counted when the set was made. It informs; only the notes prove.
	Approvals []string `json:"approvals,omitempty"`
}

// Starter reports a table that is part of the program.
func (e Entry) Starter() bool { return strings.HasPrefix(e.File, starterPrefix) }

// Digest is the SHA-256, in hexadecimal, over the ordered (id, version, sha256) of the tables: mapping.Set.Digest of
// the set the manifest lists.
func (m Manifest) Digest() string {
	h := sha256.New()
	for _, e := range m.Tables {
		fmt.Fprintf(h, "%s\x00%s\x00%s\n", e.ID, e.Version, e.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Approver is a person whose approval counts, as the sharing agreement names them.
type Approver struct {
	// Key is the verifier key of golang.org/x/mod/sumdb/note, "name+hash+key"; its name is the person's.
	Key string
	// Role is what the person approves as; the note must state the same.
	Role string
}

// Policy is what a set must satisfy to be active now.
type Policy struct {
	Pair string
	// Live refuses starter tables and tables marked "use: test", and wants approvals.
	Live bool
	// Approvers are those of the agreement. Where any is named, every table but the starter ones needs its approvals.
	Approvers []Approver
	// Check is the pair's own check of a whole set; nil is none.
	Check func(*mapping.Set) []error
	// Dictionary judges rows whose terms are missing; nil is none.
	Dictionary mapping.Dictionary
	// Day is the day of translation, YYYY-MM-DD; empty takes every row as in force.
	Day string
	// Kept is how many sets stay on disk, the active one included; 0 means 5. The active and the previous one always stay.
	Kept int
}

// check is the pair's own check.
func (p Policy) check(set *mapping.Set) []error {
	if p.Check == nil {
		return nil
	}
	return p.Check(set)
}

func (p Policy) kept() int {
	if p.Kept <= 0 {
		return 5
	}
	return p.Kept
}

// Unapproved is the notice of a report where no approver is named and none is needed.
const Unapproved = "unapproved (test)"

// short is the name of a kept set's folder.
func short(digest string) string { return digest[:min(16, len(digest))] }

// hexadecimal reports a lower-case hexadecimal string of length n.
func hexadecimal(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

// plainName reports a file name that is the same file wherever a set travels: no folder, nothing hidden, no control
// character, and not too long for any file system or archive.
func plainName(name string) bool {
	if name == "" || len(name) > 2*maxFileName || name[0] == '.' || !utf8.ValidString(name) || name != path.Base(name) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == '\\' || r == ':' || unicode.IsControl(r) })
}

// tableFile reports the name of a table.
func tableFile(name string) bool {
	return plainName(name) && path.Ext(name) == ".tsv" && len(name) <= maxFileName
}

// noteOf is the name of the table a note belongs to, or false where the name is not a note's.
func noteOf(name string) (string, bool) {
	if !plainName(name) || path.Ext(name) != ".note" {
		return "", false
	}
	at := strings.LastIndex(name, ".tsv.")
	if at <= 0 || len(name) <= at+len(".tsv.")+len("note") { // no approver between the two
		return "", false
	}
	return name[:at+len(".tsv")], len(name[:at+len(".tsv")]) <= maxFileName
}
