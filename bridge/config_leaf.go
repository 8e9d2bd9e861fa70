package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/natsd"
	"github.com/linkspan/linkspan/bridge/secret"
)

// checkLeaf are the faults in how the embedded server is to reach a hub of
// operations. Its certificates are those of LINKSPAN_NATS_*, as the operations
// listener's are.
func (c *Config) checkLeaf() []error {
	n := c.NATS
	var faults []error
	fault := func(format string, a ...any) {
		faults = append(faults, fmt.Errorf("LINKSPAN_NATS_LEAF"+format, a...))
	}
	if n.Leaf == "" {
		if n.LeafCredentials != "" {
			fault("_CREDENTIALS: the hub's, so only with LINKSPAN_NATS_LEAF")
		}
		return faults
	}
	if n.URL != "" {
		fault(": the embedded server's, so not with LINKSPAN_NATS_URL: existing servers join a hub by their own configuration")
	}
	hosts, password, err := natsHosts(n.Leaf)
	if err != nil {
		fault(": %w", err)
	}
	live := c.Environment == EnvironmentLive
	if password && live {
		fault(": a user or password only in test, for the environment can be read by others; the certificate or LINKSPAN_NATS_LEAF_CREDENTIALS takes its place")
	}
	if password && n.LeafCredentials != "" {
		fault("_CREDENTIALS: not with a user in LINKSPAN_NATS_LEAF")
	}
	for one := range strings.SplitSeq(n.Leaf, ",") {
		scheme, _, given := strings.Cut(strings.TrimSpace(one), "://")
		if given && scheme != "tls" && scheme != "nats" {
			fault(": want addresses such as tls://hub:7422")
		}
		if scheme == "tls" && given && n.Plaintext {
			fault(": tls: not with LINKSPAN_NATS_PLAINTEXT")
		}
	}
	switch {
	case n.Plaintext && live && slices.ContainsFunc(hosts, isNotLoopback):
		fault(": without TLS in live only where the hub is on a loopback address")
	case !n.Plaintext && len(n.tls().given()) == 0: // where only some are missing, they are told of already
		fault(": wants LINKSPAN_NATS_%s; LINKSPAN_NATS_PLAINTEXT does without them on loopback addresses and in test", strings.Join(n.tls().missing(), ", _"))
	}
	return faults
}

// checkLeafFiles are the faults in the files of the hub.
func (c *Config) checkLeafFiles(now func() time.Time) error {
	n := c.NATS
	if n.Leaf == "" {
		return nil
	}
	var faults []error
	if n.LeafCredentials != "" {
		faults = append(faults, leafCredentials(n.LeafCredentials))
	}
	if n.Listen == "" && !n.Plaintext { // with a listener they are read for it
		faults = append(faults, n.tls().check("nats", now))
	}
	return errors.Join(faults...)
}

func leafCredentials(file string) error {
	if _, err := secret.Read(file); err != nil {
		return fmt.Errorf("hub credentials: %w", err)
	}
	return natsd.CheckCredentials(file)
}

// leaf is the hub of operations, nil where there is none.
func (b *Bridge) leaf() (*natsd.Leaf, error) {
	n := b.config.NATS
	if n.Leaf == "" {
		return nil, nil
	}
	l := &natsd.Leaf{URLs: n.Leaf, Economy: b.config.Economy, Credentials: n.LeafCredentials, AllowPlaintext: n.Plaintext, Never: b.notForOperations()}
	if n.LeafCredentials != "" {
		if err := leafCredentials(n.LeafCredentials); err != nil {
			return nil, err
		}
	}
	if n.Plaintext {
		if err := errors.Join(b.config.checkLeaf()...); err != nil {
			return nil, err
		}
		b.plaintext("operations hub", strings.Join(natsNames(n.Leaf), ","))
		return l, nil
	}
	store, err := b.store("operations hub", n.tls())
	if err != nil {
		return nil, err
	}
	l.TLS = store.Client("")
	if len(n.Names) > 1 { // each server by its own name
		l.TLS.ServerName = ""
	}
	return l, nil
}

// notForOperations are the subjects of this link of which the catalogue says that
// operations have nothing to do with them.
func (b *Bridge) notForOperations() []string {
	var never []string
	for _, row := range Catalogue() {
		if row.Operations != OperationsNone {
			continue
		}
		for _, system := range []string{b.link.Pair.A.Name, b.link.Pair.B.Name} {
			row := row
			row.Pattern = strings.NewReplacer("<economy>", b.config.Economy, "<system>", system).Replace(row.Pattern)
			if subject := row.Wildcard(); !slices.Contains(never, subject) {
				never = append(never, subject)
			}
		}
	}
	return never
}

// leafLook is how often is looked whether the hub is there.
const leafLook = time.Second

// watchLeaf writes into the log when the hub is there and when it is lost. A
// connection that the hub refuses stands for a moment, so both are believed at
// the second look. Why, the server's own log says.
func (b *Bridge) watchLeaf() {
	if b.config.NATS.Leaf == "" {
		return
	}
	b.background(func(ctx context.Context) {
		for said, seen := false, false; every(ctx, leafLook); {
			now := b.server.AtHub()
			if now == seen && now != said {
				said = now
				b.log.Info("operations hub", zap.Bool("connected", now))
			}
			seen = now
		}
	})
}
