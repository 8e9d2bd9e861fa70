// Package tablesync carries map sets to several instances over NATS JetStream.
//
// A set travels as one object, named by its digest, in the object store
// linkspan-<economy>-tables. Which set is active is a pointer: the key <pair> of
// the key-value bucket linkspan-<economy>-mapset, moved by compare-and-set only.
// The pointer is the master. An instance that follows it fetches the object,
// unpacks it into its own folder as a kept set, and leaves it to its caller to
// check that set as any other before it is used: who may write to the bucket can
// choose among approved sets and can approve none.
//
// The servers need JetStream, in a deployment with sync_interval: always, for a
// pointer that was acknowledged must not be gone after a power cut. Nothing in
// these buckets is of a patient.
package tablesync

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Command is what moves the pointer: the command a folder that follows it names
// to whoever tries to activate a set there.
const Command = "linkspan tables push"

// history is how many pointers of a pair are kept. The sets they name stay in
// the object store, to go back to.
const history = 16

// spared is how long an object that no pointer names yet is left alone: its
// pusher may be about to move the pointer to it.
const spared = 24 * time.Hour

// callWait bounds one question for the pointer.
const callWait = 5 * time.Second

// Place says where the sets of one pair are.
type Place struct {
	Economy, Pair string
	// Replicas is how many servers of the cluster hold the buckets when Push
	// makes them; 0 is 1. Three survive the loss of one server.
	Replicas int
}

func (p Place) objects() string  { return "linkspan-" + p.Economy + "-tables" }
func (p Place) pointers() string { return "linkspan-" + p.Economy + "-mapset" }

// Pointer says which set is active. Revision is not written: it is the bucket's
// own count, which grows with every move.
type Pointer struct {
	Digest   string    `json:"digest"`
	Previous string    `json:"previous,omitempty"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Revision uint64    `json:"-"`
}

// MovedError says that the pointer was not where the pusher believed it to be.
type MovedError struct {
	Pair     string
	Expected string  // the digest the pusher believed to be active, "" for none
	Now      Pointer // where it is; its digest is "" where there is none
}

func (e *MovedError) Error() string {
	now := "no set is active"
	if e.Now.Digest != "" {
		now = fmt.Sprintf("%.16s is active, since %s by %s", e.Now.Digest, e.Now.At.UTC().Format(time.RFC3339), e.Now.By)
	}
	return fmt.Sprintf("tablesync: pair %s: %s, not %.16s: somebody else has moved the pointer; look at what is active and push again", e.Pair, now, cmp.Or(e.Expected, "none"))
}

// Faults of the pointer.
var (
	// ErrNone says that no set of the pair was pushed yet.
	ErrNone = errors.New("tablesync: no set was pushed for the pair")
	// ErrUnreadable says that the pointer is not as Push writes it.
	ErrUnreadable = errors.New("tablesync: the pointer cannot be read: it was not written by linkspan tables push")
)

// Read is where the pointer is. ErrNone says that there is none, ErrUnreadable
// that it is not one of ours. It waits no longer than five seconds: a user who
// may not ask gets no answer.
func Read(ctx context.Context, js jetstream.JetStream, place Place) (Pointer, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	kv, err := js.KeyValue(ctx, place.pointers())
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return Pointer{}, ErrNone
	}
	if err != nil {
		return Pointer{}, failed("read", err)
	}
	return read(ctx, kv, place)
}

func read(ctx context.Context, kv jetstream.KeyValue, place Place) (Pointer, error) {
	entry, err := kv.Get(ctx, place.Pair)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Pointer{}, ErrNone
	}
	if err != nil {
		return Pointer{}, failed("read", err)
	}
	return decode(entry)
}

func decode(entry jetstream.KeyValueEntry) (Pointer, error) {
	if entry.Operation() != jetstream.KeyValuePut {
		return Pointer{}, ErrNone
	}
	p := Pointer{Revision: entry.Revision()}
	if err := json.Unmarshal(entry.Value(), &p); err != nil || !isDigest(p.Digest) {
		return Pointer{Revision: entry.Revision()}, ErrUnreadable
	}
	return p, nil
}

// History are the pointers of the pair that are kept, oldest first, the active
// one last.
func History(ctx context.Context, js jetstream.JetStream, place Place) ([]Pointer, error) {
	kv, err := js.KeyValue(ctx, place.pointers())
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, failed("history", err)
	}
	return pointersOf(ctx, kv, place.Pair)
}

func pointersOf(ctx context.Context, kv jetstream.KeyValue, pair string) ([]Pointer, error) {
	entries, err := kv.History(ctx, pair)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, failed("history", err)
	}
	var pointers []Pointer
	for _, entry := range entries {
		if p, err := decode(entry); err == nil {
			pointers = append(pointers, p)
		}
	}
	return pointers, nil
}

// failed is an error of the servers or of the connection. NATS does not answer a
// user who may not ask, so that a right that is missing looks like servers that
// are slow: the error says both.
func failed(doing string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("tablesync: %s: no answer: the servers cannot be reached or have no JetStream, or this user may not use $JS.API.> or the bucket's subjects: %w", doing, err)
	}
	return fmt.Errorf("tablesync: %s: %w", doing, err)
}

// isDigest reports a SHA-256 in lower-case hexadecimal: it becomes the name of
// an object and of a folder.
func isDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, b := range []byte(s) {
		if (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return false
		}
	}
	return true
}
