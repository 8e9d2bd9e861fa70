package bridge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// agreed is the sharing agreement in force, and the codes that are never
// released. Both are files, and a change of either acts without a restart: a
// controller who switches a link, a direction or a section off does not wait for
// anybody (safety IG-05). One exchange has one agreement from its first byte to
// its last.
type agreed struct {
	file     string
	economy  string
	pair     pairs.Pair
	current  atomic.Pointer[governance.Agreement]
	mu       sync.Mutex        // one looks at a time
	seen     [sha256.Size]byte // of the text looked at last
	complain string            // about which change, so that it is said once
}

// openAgreement reads the agreement the instance starts with.
func openAgreement(file, economy string, pair pairs.Pair) (*agreed, error) {
	g := &agreed{file: file, economy: economy, pair: pair}
	_, err := g.look()
	if err != nil {
		return nil, err
	}
	return g, nil
}

// now is the agreement in force.
func (g *agreed) now() *governance.Agreement { return g.current.Load() }

// look takes the agreement in the file if it is another one, and reports
// whether it was. With an error the one in force stays.
func (g *agreed) look() (changed bool, err error) {
	text, err := os.ReadFile(g.file)
	if err != nil {
		return false, fmt.Errorf("agreement: %w", err)
	}
	sum := sha256.Sum256(text)
	if sum == g.seen {
		return false, nil
	}
	a, err := g.read()
	if err != nil {
		return false, err
	}
	g.seen = sum
	g.current.Store(a)
	return true, nil
}

var errEndpoints = errors.New("agreement: the organisations differ from those the instance started with; restart it")

func (g *agreed) read() (*governance.Agreement, error) {
	file, err := os.Open(g.file)
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	defer file.Close()
	a, err := governance.Read(file)
	if err != nil {
		return nil, err
	}
	if _, err := a.LoadExclusions(filepath.Dir(g.file)); err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	if a.Pair != g.pair.Name || a.Economy != g.economy {
		return nil, fmt.Errorf("agreement: it is for pair %q in economy %q", a.Pair, a.Economy)
	}
	for _, s := range []system.System{g.pair.A, g.pair.B} {
		side, ok := a.Sides[s.Name]
		if !ok {
			return nil, fmt.Errorf("agreement: it has no side %q", s.Name)
		}
		if before := g.now(); before != nil && !slices.Equal(before.Sides[s.Name].Organisations, side.Organisations) {
			return nil, errEndpoints // each has a subject of its own, and nobody listens on a new one's
		}
	}
	return a, nil
}

// AgreementEvent tells of a change of the agreement or of what stands beside it:
// event.agreement.
type AgreementEvent struct {
	Agreement  string `json:"agreement,omitempty"`  // digest now in force
	Enabled    string `json:"enabled,omitempty"`    // who enabled the link, and what is switched off
	Exclusions string `json:"exclusions,omitempty"` // id, version and digest now in force
	Fault      string `json:"fault,omitempty"`      // why a change is not taken; what was in force stays
}

// followAgreement takes changes of the agreement's files as they come. l is nil
// where the instance keeps no audit log, as an edge alone.
func (b *Bridge) followAgreement(l *ledger) {
	b.background(func(ctx context.Context) {
		for every(ctx, b.pace.clock) {
			b.complain(b.lookAgreement(l))
		}
	})
}

// lookAgreement takes what changed of the agreement's files, and tells of it. The
// error is why a change is not taken.
func (b *Bridge) lookAgreement(l *ledger) error {
	b.agreed.mu.Lock()
	defer b.agreed.mu.Unlock()
	tell := func(event AgreementEvent, cause string) {
		b.log.Info("agreement", zap.String("now", cause))
		b.publish("agreement", event)
		if l != nil {
			b.logged(l.note(audit.EventConfig, cause, ""))
		}
	}
	changed, err := b.agreed.look()
	a := b.agreed.now()
	if changed {
		tell(AgreementEvent{Agreement: a.Digest(), Enabled: a.Enabling()}, a.Enabling())
	}
	excluded, fault := a.LoadExclusions(filepath.Dir(b.agreed.file))
	for _, what := range excluded {
		tell(AgreementEvent{Exclusions: what}, "exclusion codes: "+what)
	}
	return errors.Join(err, fault)
}

// complain tells once of a change that is not taken.
func (b *Bridge) complain(err error) {
	words := ""
	if err != nil {
		words = err.Error()
	}
	if words == b.agreed.complain {
		return
	}
	b.agreed.complain = words
	if err != nil {
		b.log.Error("agreement", zap.Error(err))
		b.publish("agreement", AgreementEvent{Fault: words})
	}
}
