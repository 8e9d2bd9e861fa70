// Package certs is who this link trusts over TLS, and who it shows itself to be
// (safety SE-01). One Store serves one use: a system's wire, or the NATS
// servers. It holds the own certificate and key, the authorities the other end's
// certificate must come from, the names it may have, the pins of its public key
// and the revocation lists, all from files that may be replaced while the link
// runs.
//
// Nobody is trusted but by these files: never the machine's authorities, never a
// certificate no authority of the link has signed, never a peer whose key is not
// pinned. A list that is gone out of date refuses everybody it speaks for.
// Nothing of this package ever turns the verification of crypto/tls off; what is
// checked here is checked besides, on every handshake.
package certs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options are the files of one use of TLS. All files and at least one name are
// required.
type Options struct {
	Use string // what it is for, for events: "systmone"

	Cert string   // own certificate, PEM, followed by its intermediates
	Key  string   // its key, PEM, readable by the owner only
	CA   string   // authorities of the other end's certificates, PEM
	Pins string   // SHA-256 of the other end's public keys, one on a line: those in use and the next
	CRL  []string // revocation lists, DER or PEM, one of every authority

	// Names are host names or addresses. A certificate of the other end must
	// have one of them, as it stands: a wildcard matches nothing but itself.
	Names []string

	Now    func() time.Time // nil is time.Now
	Events func(Event)      // nil drops them; called one at a time
	// Quiet is how long the files must be left alone before they are read, Poll
	// how often they are looked at where nothing tells of a change, and the
	// dates are. Zero is 300 ms and 30 s.
	Quiet, Poll time.Duration
}

// Event tells of a change of the files or of a date that comes near. It holds no
// key and nothing of the peer's.
type Event struct {
	Use   string    `json:"use"`
	Kind  Kind      `json:"kind"`
	File  string    `json:"file,omitempty"` // base name
	What  string    `json:"what,omitempty"` // the certificate's or list's own name
	Until time.Time `json:"until,omitzero"` // the end of what expires
	Days  int       `json:"days,omitempty"` // of 30, 14, 7 and 1: less than these are left
	Err   string    `json:"error,omitempty"`
}

// Kind is what an Event tells.
type Kind string

const (
	Reloaded Kind = "reloaded" // the files were read again and are in use
	Kept     Kind = "kept"     // they were read again, have faults, and what was in use stays
	Expiring Kind = "expiring"
	Expired  Kind = "expired"
)

// Store is the files of one use, as last read without a fault.
type Store struct {
	options Options
	held    atomic.Pointer[material]

	mu     sync.Mutex // serialises Check
	failed [sha256.Size]byte
	told   map[string]int // by what expires: the least days told of

	stop  context.CancelFunc
	ended chan struct{}
}

// Open reads the files and begins to watch them. Every fault is reported at
// once. Close ends the watching.
func Open(o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	if o.Quiet <= 0 {
		o.Quiet = 300 * time.Millisecond
	}
	if o.Poll <= 0 {
		o.Poll = 30 * time.Second
	}
	m, err := load(o)
	if err != nil {
		return nil, fmt.Errorf("certs: %s: %w", o.Use, err)
	}
	s := &Store{options: o, told: map[string]int{}, ended: make(chan struct{})}
	s.held.Store(m)
	s.dates()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		for _, dir := range o.folders() {
			_ = watcher.Add(dir) // where it cannot be watched it is polled
		}
	}
	go s.watch(ctx, watcher)
	return s, nil
}

// Check reads the files once and reports every fault of them, as Open would.
func Check(o Options) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if _, err := load(o); err != nil {
		return fmt.Errorf("certs: %s: %w", o.Use, err)
	}
	return nil
}

// Close ends the watching. What was in use stays in use.
func (s *Store) Close() {
	s.stop()
	<-s.ended
}

// Check reads the files if they have changed and tells of dates that have come
// near. The store does it by itself when a file changes and at every poll.
func (s *Store) Check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reload()
	s.dates()
}

// End is a certificate or list in use, and when it ends.
type End struct {
	Use, What string
	Until     time.Time
	List      bool // a revocation list, which is made anew every few days
}

// Ends are those of everything in use.
func (s *Store) Ends() []End {
	var all []End
	for _, e := range s.held.Load().ends {
		all = append(all, End{Use: s.options.Use, What: e.what, Until: e.until, List: e.list})
	}
	return all
}

// Faulty reports that the files as they were read last have a fault, so that what
// was in use before stays.
func (s *Store) Faulty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed != [sha256.Size]byte{}
}

// reload takes the files as a whole or not at all. A set that is half written
// is found by its faults and told of once.
func (s *Store) reload() {
	m, err := load(s.options)
	switch {
	case err == nil && m.digest == s.held.Load().digest:
		s.failed = [sha256.Size]byte{}
	case err == nil:
		s.held.Store(m)
		s.failed = [sha256.Size]byte{}
		s.tell(Event{Kind: Reloaded})
	default:
		if is := sha256.Sum256([]byte(err.Error())); is != s.failed {
			s.failed = is
			s.tell(Event{Kind: Kept, Err: err.Error()})
		}
	}
}

// warnings are the days before an end at which it is told of (safety SE-01).
var warnings = []int{1, 7, 14, 30}

// dates tells of each end that has come within a warning, once for each.
// Warnings that are longer than the whole life of what ends are left out: a
// list made for a week is not late on its first day.
func (s *Store) dates() {
	now := s.options.Now()
	for _, e := range s.held.Load().ends {
		left := e.until.Sub(now)
		days := -1
		if left <= 0 {
			days = 0
		} else {
			for _, w := range warnings {
				span := time.Duration(w) * 24 * time.Hour
				if left <= span && span < e.until.Sub(e.from) {
					days = w
					break
				}
			}
		}
		told, before := s.told[e.key]
		if days < 0 || before && told <= days {
			continue
		}
		s.told[e.key] = days
		kind := Expiring
		if days == 0 {
			kind = Expired
		}
		s.tell(Event{Kind: kind, File: filepath.Base(e.file), What: e.what, Until: e.until, Days: days})
	}
}

func (s *Store) tell(e Event) {
	e.Use = s.options.Use
	s.options.Events(e)
}

// watch looks at the files when one has changed and been left alone, and at
// every poll.
func (s *Store) watch(ctx context.Context, w *fsnotify.Watcher) {
	defer close(s.ended)
	var changed <-chan fsnotify.Event
	var faults <-chan error
	if w != nil {
		defer w.Close()
		changed, faults = w.Events, w.Errors
	}
	poll := time.NewTicker(s.options.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(s.options.Quiet)
	defer quiet.Stop()
	for {
		select {
		case <-changed:
			quiet.Reset(s.options.Quiet)
		case <-faults: // events may be lost
			quiet.Reset(s.options.Quiet)
		case <-quiet.C:
			s.Check()
		case <-poll.C:
			s.Check()
		case <-ctx.Done():
			return
		}
	}
}

// files are all of them.
func (o Options) files() []string { return append([]string{o.Cert, o.Key, o.CA, o.Pins}, o.CRL...) }

func (o Options) folders() []string {
	seen := map[string]bool{}
	var folders []string
	for _, file := range o.files() {
		if dir := filepath.Dir(file); !seen[dir] {
			seen[dir] = true
			folders = append(folders, dir)
		}
	}
	return folders
}

// check names what is missing.
func (o Options) check() error {
	var faults []error
	for _, one := range [][2]string{{"certificate", o.Cert}, {"key", o.Key}, {"authorities", o.CA}, {"pins", o.Pins}} {
		if one[1] == "" {
			faults = append(faults, errors.New(one[0]+": no file"))
		}
	}
	if len(o.CRL) == 0 {
		faults = append(faults, errors.New("revocation lists: no file"))
	}
	if len(o.Names) == 0 {
		faults = append(faults, errors.New("names: none"))
	}
	for _, name := range o.Names {
		if net.ParseIP(name) == nil && (name == "" || strings.ContainsAny(name, "*/:@ ")) {
			faults = append(faults, fmt.Errorf("names: %q is neither a host name nor an address", name))
		}
	}
	return errors.Join(faults...)
}
